//! Scans over deleted records: right in every view, whatever is remembered and removed meanwhile.

use super::*;
use crate::{FjallEngine, FjallOptions, FjallSnapshot};
use bytes::Bytes;
use cairn_storage::{Consistency, Decision, Direction, Engine, KeyRange, RecordKey, Snapshot, Write};
use rand::rngs::SmallRng;
use rand::{RngExt, SeedableRng};
use std::ops::{Bound, ControlFlow};

const ITEMS: SpaceId = SpaceId::Items(1);
const LONG: Duration = Duration::from_secs(120);

/// With every step of a scan slow enough to be reported.
async fn open(folder: &tempfile::TempDir) -> FjallEngine {
    let mut options = FjallOptions::new(folder.path());
    options.cache_bytes = 8 << 20;
    options.disk_reserve_bytes = Some(0);
    options.slow_step = Duration::ZERO;
    let engine = FjallEngine::open(options).unwrap();
    engine.create_space(ITEMS).await.unwrap();
    engine
}

fn shared(engine: &FjallEngine) -> Arc<Shared> {
    Arc::clone(&engine.handle.shared)
}

fn space(engine: &FjallEngine) -> Arc<Space> {
    Arc::clone(shared(engine).view.load().space(ITEMS).unwrap())
}

fn key(n: u32) -> Bytes {
    Bytes::copy_from_slice(&n.to_be_bytes())
}

async fn write(engine: &FjallEngine, writes: Vec<Write>) {
    engine.transact(vec![], move |_| Decision { writes: writes.clone(), outcome: () }).await.unwrap();
}

fn put(n: u32) -> Write {
    Write::Put(RecordKey::new(ITEMS, key(n)), key(n))
}

fn delete(n: u32) -> Write {
    Write::Delete(RecordKey::new(ITEMS, key(n)))
}

async fn scan(snapshot: &FjallSnapshot, range: KeyRange, direction: Direction, limit: usize) -> Vec<Bytes> {
    struct Collector(Vec<Bytes>, usize);
    impl cairn_storage::Visit for Collector {
        fn visit(&mut self, key: &[u8], _: Bytes) -> ControlFlow<()> {
            self.0.push(Bytes::copy_from_slice(key));
            if self.0.len() < self.1 { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
        }
    }
    snapshot.scan(ITEMS, range, direction, Collector(Vec::new(), limit)).await.unwrap().0
}

async fn snapshot(engine: &FjallEngine) -> FjallSnapshot {
    engine.snapshot(Consistency::Strong).await.unwrap()
}

/// Waits until upkeep has done something that makes `is_so`.
async fn until(engine: &FjallEngine, what: &str, is_so: impl Fn() -> bool) {
    let mut upkept = shared(engine).upkept.subscribe();
    let wait = tokio::time::timeout(LONG, upkept.wait_for(|_| is_so()));
    wait.await.unwrap_or_else(|_| panic!("in vain: {what}")).unwrap();
}

/// How much of a space a scan for its first record has to look at: none if it is known where that is.
fn looked_at_first(engine: &FjallEngine) -> Option<Keys> {
    let view = shared(engine).view.load_full();
    let all = Keys { start: Bytes::new(), end: None };
    space(engine).gaps.first_segment(all, Direction::Ascending, view.sequence).map(|segment| segment.keys)
}

/// A queue of which all but the last records were taken.
async fn queue(engine: &FjallEngine, records: u32, left: u32) {
    for first in (0..records).step_by(1000) {
        write(engine, (first..records.min(first + 1000)).map(put).collect()).await;
    }
    for first in (0..records - left).step_by(1000) {
        write(engine, (first..(records - left).min(first + 1000)).map(delete).collect()).await;
    }
}

#[tokio::test]
async fn the_second_scan_of_a_queue_begins_at_its_first_record() {
    let folder = tempfile::tempdir().unwrap();
    let engine = open(&folder).await;
    queue(&engine, 3_000, 10).await;
    let before = snapshot(&engine).await;
    assert_eq!(looked_at_first(&engine).unwrap().start, Bytes::new());
    assert_eq!(scan(&before, KeyRange::all(), Direction::Ascending, 1).await, [key(2_990)]);
    until(&engine, "a gap", || looked_at_first(&engine).is_some_and(|keys| keys.start == key(2_990))).await;
    assert_eq!(scan(&snapshot(&engine).await, KeyRange::all(), Direction::Ascending, 1).await, [key(2_990)]);
    // A record put where none was is found by the next scan.
    write(&engine, vec![put(17)]).await;
    assert_eq!(
        scan(&snapshot(&engine).await, KeyRange::all(), Direction::Ascending, 2).await,
        [key(17), key(2_990)]
    );
    assert_eq!(scan(&before, KeyRange::all(), Direction::Ascending, 1).await, [key(2_990)]);
    // The other end is known as well as this one.
    write(&engine, (2_991..3_000).map(delete).collect()).await;
    let now = snapshot(&engine).await;
    assert_eq!(scan(&now, KeyRange::all(), Direction::Descending, 2).await, [key(2_990), key(17)]);
    drop(now);
    engine.close().await.unwrap();
}

#[tokio::test]
async fn what_is_deleted_is_removed_for_good_and_old_views_keep_it() {
    const RECORDS: u32 = 3 * PURGE_DELETIONS_MIN as u32;
    let folder = tempfile::tempdir().unwrap();
    let engine = open(&folder).await;
    write(&engine, (0..RECORDS).map(put).collect()).await;
    assert_eq!(*shared(&engine).upkept.borrow(), 0);
    let full = snapshot(&engine).await;
    write(&engine, (0..RECORDS - 5).map(delete).collect()).await;
    let space = space(&engine);
    let kept = || space.deletions.load(Ordering::Relaxed);
    assert!(kept() >= u64::from(RECORDS - 5));
    // The deletions hide records that a view still reads, and yet they go once no view needs them.
    let upkept = shared(&engine).upkept.subscribe();
    until(&engine, "a compaction", || *upkept.borrow() > 0).await;
    assert_eq!(scan(&full, KeyRange::all(), Direction::Ascending, usize::MAX).await.len(), RECORDS as usize);
    drop(full);
    until(&engine, "the removal", || kept() < 100).await;
    assert!(engine.statistics().await.unwrap().deletions_kept < 100);
    let left: Vec<_> = (RECORDS - 5..RECORDS).map(key).collect();
    assert_eq!(scan(&snapshot(&engine).await, KeyRange::all(), Direction::Ascending, usize::MAX).await, left);
    drop(space);
    engine.close().await.unwrap();

    // fjall replays the deletions that are still in its journal, and they are removed once more.
    let engine = open(&folder).await;
    let space = self::space(&engine);
    until(&engine, "the removal after a reopen", || space.deletions.load(Ordering::Relaxed) < 100).await;
    assert_eq!(scan(&snapshot(&engine).await, KeyRange::all(), Direction::Ascending, usize::MAX).await, left);
    engine.close().await.unwrap();
}

#[tokio::test]
async fn deletions_are_counted_again_after_a_reopen() {
    let folder = tempfile::tempdir().unwrap();
    let engine = open(&folder).await;
    queue(&engine, 1_000, 10).await;
    assert_eq!(engine.statistics().await.unwrap().deletions_kept, 990);
    engine.close().await.unwrap();
    let engine = open(&folder).await;
    assert_eq!(engine.statistics().await.unwrap().deletions_kept, 990);
    engine.close().await.unwrap();
}

/// Random puts and deletes, scans of old and new views in both directions that are all reported, and compactions.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn scans_of_old_and_new_views_are_whole_whatever_is_remembered() {
    const KEYS: u32 = 200;
    let folder = tempfile::tempdir().unwrap();
    let engine = open(&folder).await;
    let seed = rand::random();
    let mut random = SmallRng::seed_from_u64(seed);
    let mut model = std::collections::BTreeSet::new();
    let mut held = std::collections::VecDeque::new();
    // Every scan looks out for deletions, and spaces are compacted as often as may be.
    space(&engine).deletions.store(1 << 40, Ordering::Relaxed);
    let mut most_gaps = 0;
    for round in 0..120 {
        let mut writes = Vec::new();
        for _ in 0..random.random_range(1..6) {
            // Runs of keys, as queues have them.
            let (first, length) = (random.random_range(0..KEYS), random.random_range(1..20));
            let is_put = random.random_range(0..5) < 2;
            for n in first..KEYS.min(first + length) {
                writes.push(if is_put { put(n) } else { delete(n) });
                if is_put {
                    model.insert(key(n))
                } else {
                    model.remove(&key(n))
                };
            }
        }
        write(&engine, writes).await;
        held.push_back((snapshot(&engine).await, model.clone()));
        if held.len() > 6 {
            held.remove(random.random_range(0..held.len()));
        }
        for _ in 0..3 {
            let (snapshot, model) = &held[random.random_range(0..held.len())];
            let mut bound = |n: u32| match random.random_range(0..4) {
                0 => Bound::Unbounded,
                1 => Bound::Excluded(key(n)),
                _ => Bound::Included(key(n)),
            };
            let (from, length) = (round * 31 % KEYS, round * 7 % 90);
            let range = KeyRange { start: bound(from), end: bound(from + length) };
            if range.is_empty() {
                continue;
            }
            let limit = if random.random() { usize::MAX } else { random.random_range(1..5) };
            let within = || model.range::<Bytes, _>((range.start.as_ref(), range.end.as_ref())).cloned();
            let up: Vec<_> = within().take(limit).collect();
            let down: Vec<_> = within().rev().take(limit).collect();
            assert_eq!(scan(snapshot, range.clone(), Direction::Ascending, limit).await, up, "seed {seed}");
            assert_eq!(
                scan(snapshot, range.clone(), Direction::Descending, limit).await,
                down,
                "seed {seed}"
            );
        }
        most_gaps = most_gaps.max(space(&engine).gaps.count());
    }
    assert!(most_gaps > 10, "nothing was remembered");
    drop(held);
    engine.close().await.unwrap();
}
