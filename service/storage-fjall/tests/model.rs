//! The engine against a sorted map, with memtables so small that flushes and compactions never end, values on both
//! sides of the size from which they are kept apart, snapshots held across commits, and a reopening now and then.

// The helpers of this file panic, as tests do.
#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

mod common;

use bytes::Bytes;
use cairn_storage::{Decision, Direction, Engine, KeyRange, RecordKey, Snapshot, SpaceId, Write};
use cairn_storage_fjall::{FjallEngine, FjallOptions, FjallSnapshot};
use common::{INDEXES, ITEMS, open_with, options, scan, snapshot};
use rand::rngs::SmallRng;
use rand::{RngExt, SeedableRng};
use std::collections::BTreeMap;
use std::ops::Bound;
use std::path::Path;

const STEPS: u32 = 1500;
const SPACES: [SpaceId; 3] = [SpaceId::System, ITEMS, INDEXES];
/// Few enough that keys are overwritten and deleted all the time.
const KEYS: u32 = 400;

type Model = BTreeMap<(SpaceId, Bytes), Bytes>;

fn tiny(folder: &Path) -> FjallOptions {
    let mut options = options(folder);
    options.memtable_bytes = 32 * 1024;
    options.write_buffer_bytes = 1 << 20;
    options.separate_values_bytes = 1024;
    options
}

fn any_key(random: &mut SmallRng) -> RecordKey {
    let n: u32 = random.random_range(0..KEYS);
    // Keys of several lengths, some a prefix of others.
    let mut key = (n / 4).to_be_bytes().to_vec();
    key.extend(vec![0xff; (n % 4) as usize]);
    RecordKey::new(SPACES[random.random_range(0..SPACES.len())], key)
}

fn any_writes(random: &mut SmallRng) -> Vec<Write> {
    (0..random.random_range(1..20))
        .map(|_| {
            let key = any_key(random);
            if random.random_ratio(1, 4) {
                return Write::Delete(key);
            }
            let size = if random.random_ratio(1, 10) { 4000 } else { 200 };
            let mut value = vec![0; random.random_range(0..size)];
            random.fill(&mut value[..]);
            Write::Put(key, value.into())
        })
        .collect()
}

fn apply(model: &mut Model, writes: &[Write]) {
    for write in writes {
        match write.clone() {
            Write::Put(key, value) => {
                model.insert((key.space, key.key), value);
            }
            Write::Delete(key) => {
                model.remove(&(key.space, key.key));
            }
            Write::Add(..) => {}
        }
    }
}

fn any_range(random: &mut SmallRng) -> KeyRange {
    let bound = |random: &mut SmallRng| match random.random_range(0..3) {
        0 => Bound::Unbounded,
        1 => Bound::Included(any_key(random).key),
        _ => Bound::Excluded(any_key(random).key),
    };
    KeyRange { start: bound(random), end: bound(random) }
}

/// Reads at random from a snapshot and compares with the model of its moment.
async fn compare(snapshot: &FjallSnapshot, model: &Model, random: &mut SmallRng) {
    let keys: Vec<_> = (0..10).map(|_| any_key(random)).collect();
    let found = snapshot.get_many(keys.clone()).await.unwrap();
    let expected: Vec<_> = keys.iter().map(|key| model.get(&(key.space, key.key.clone())).cloned()).collect();
    assert_eq!(found, expected);

    let (space, range) = (SPACES[random.random_range(0..SPACES.len())], any_range(random));
    let direction = if random.random() { Direction::Ascending } else { Direction::Descending };
    let found = scan(snapshot, space, range.clone(), direction).await.unwrap();
    let is_in = |key: &Bytes| {
        let after = match &range.start {
            Bound::Unbounded => true,
            Bound::Included(start) => key >= start,
            Bound::Excluded(start) => key > start,
        };
        after
            && match &range.end {
                Bound::Unbounded => true,
                Bound::Included(end) => key <= end,
                Bound::Excluded(end) => key < end,
            }
    };
    let mut expected: Vec<_> = model
        .iter()
        .filter(|((of, key), _)| *of == space && is_in(key))
        .map(|((_, key), value)| (key.clone(), value.clone()))
        .collect();
    if direction == Direction::Descending {
        expected.reverse();
    }
    assert!(found == expected, "{space}, {range:?}, {direction:?}: {} of {}", found.len(), expected.len());
}

async fn run(seed: u64) {
    let folder = tempfile::tempdir().unwrap();
    let mut random = SmallRng::seed_from_u64(seed);
    let mut engine: FjallEngine = open_with(tiny(folder.path())).await;
    let mut model = Model::new();
    let mut held = None;
    for step in 0..STEPS {
        let writes = any_writes(&mut random);
        let declared = any_key(&mut random);
        let expected = model.get(&(declared.space, declared.key.clone())).cloned();
        let decided = writes.clone();
        let decide =
            move |found: &[Option<Bytes>]| Decision { writes: decided.clone(), outcome: found[0].clone() };
        let found = engine.transact(vec![declared], decide).await.unwrap();
        assert_eq!(found, expected, "seed {seed}, step {step}");
        apply(&mut model, &writes);
        if step % 5 == 0 {
            compare(&snapshot(&engine).await, &model, &mut random).await;
        }
        match random.random_range(0..200) {
            0 => {
                engine.close().await.unwrap();
                held = None;
                engine = open_with(tiny(folder.path())).await;
            }
            1..20 => held = Some((snapshot(&engine).await, model.clone())),
            20..40 => {
                if let Some((snapshot, model)) = &held {
                    compare(snapshot, model, &mut random).await;
                }
            }
            _ => {}
        }
    }
    let snapshot = snapshot(&engine).await;
    for space in SPACES {
        let found = scan(&snapshot, space, KeyRange::all(), Direction::Ascending).await.unwrap();
        let expected = model.iter().filter(|((of, _), _)| *of == space);
        assert!(
            found.iter().map(|(key, value)| (key, value)).eq(expected.map(|((_, key), value)| (key, value)))
        );
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_engine_that_flushes_all_the_time_does_what_a_sorted_map_does() {
    for seed in 0..3 {
        run(seed).await;
    }
}
