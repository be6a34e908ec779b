//! Snapshots while memtables are being flushed under them, which is where a fjall snapshot taken at the wrong moment
//! shows half a commit.

// The helpers of this file panic, as tests do.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

mod common;

use bytes::Bytes;
use cairn_storage::{CounterKey, Decision, Direction, Engine, Error, KeyRange, RecordKey, Snapshot, Write};
use cairn_storage_fjall::{FjallEngine, FjallOptions};
use common::{INDEXES, ITEMS, key, number, open, open_with, options, put, scan, snapshot, write};
use std::ops::ControlFlow;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

/// Settings with which memtables are flushed all the time.
fn flushing(folder: &Path) -> FjallOptions {
    let mut options = options(folder);
    options.memtable_bytes = 64 * 1024;
    options.write_buffer_bytes = 1 << 20;
    options
}

const KEYS: u64 = 10;
const PADDING: [u8; 400] = [7; 400];

fn numbered(n: u64) -> Bytes {
    [&n.to_be_bytes(), &PADDING[..]].concat().into()
}

fn pair_keys() -> Vec<RecordKey> {
    (0..KEYS).flat_map(|n| [key(ITEMS, n.to_be_bytes()), key(INDEXES, n.to_be_bytes())]).collect()
}

/// Commits the same number to every key of two spaces, and adds one to a counter.
async fn write_everywhere(engine: &FjallEngine, n: u64) {
    let mut writes: Vec<_> = pair_keys().into_iter().map(|key| Write::Put(key, numbered(n))).collect();
    writes.push(Write::Add(CounterKey { space: ITEMS, counter: 0 }, 1));
    write(engine, writes).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn no_snapshot_shows_half_a_commit_while_memtables_are_flushed() {
    const COMMITS: u64 = 1500;
    const SNAPSHOTS_MIN: u64 = 3000;
    let folder = tempfile::tempdir().unwrap();
    let engine = open_with(flushing(folder.path())).await;
    write_everywhere(&engine, 1).await;
    let done = Arc::new(AtomicBool::new(false));
    let taken = Arc::new(AtomicU64::new(0));
    let readers: Vec<_> = (0..3)
        .map(|reader| {
            let (engine, done, taken) = (engine.clone(), Arc::clone(&done), Arc::clone(&taken));
            tokio::spawn(async move {
                let mut newest = 0;
                while !done.load(Ordering::Relaxed) || taken.load(Ordering::Relaxed) < SNAPSHOTS_MIN {
                    let snapshot = snapshot(&engine).await;
                    taken.fetch_add(1, Ordering::Relaxed);
                    let found = if reader == 0 {
                        let items =
                            scan(&snapshot, ITEMS, KeyRange::all(), Direction::Ascending).await.unwrap();
                        let entries =
                            scan(&snapshot, INDEXES, KeyRange::all(), Direction::Descending).await.unwrap();
                        items.into_iter().chain(entries).map(|(_, value)| Some(value)).collect()
                    } else {
                        snapshot.get_many(pair_keys()).await.unwrap()
                    };
                    assert_eq!(found.len() as u64, 2 * KEYS);
                    let numbers: Vec<_> = found.iter().map(|value| number(value.as_ref())).collect();
                    let first = numbers[0];
                    assert!(numbers.iter().all(|n| *n == first), "torn: {numbers:?}");
                    let counted = snapshot.counter(CounterKey { space: ITEMS, counter: 0 }).await.unwrap();
                    assert_eq!(counted.cast_unsigned(), first, "the counter is not of the same commit");
                    assert!(first >= newest, "a later snapshot is older");
                    newest = first;
                    tokio::task::yield_now().await;
                }
            })
        })
        .collect();
    for n in 2..=COMMITS {
        write_everywhere(&engine, n).await;
    }
    done.store(true, Ordering::Relaxed);
    for reader in readers {
        reader.await.unwrap();
    }
    assert!(taken.load(Ordering::Relaxed) >= SNAPSHOTS_MIN);
    let written = COMMITS * 2 * KEYS * PADDING.len() as u64;
    let statistics = engine.statistics().await.unwrap();
    assert!(statistics.write_buffer_bytes < written / 2, "nothing was flushed: {statistics:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_snapshot_held_through_flushes_and_compactions_stays_as_it_was() {
    let folder = tempfile::tempdir().unwrap();
    let engine = open_with(flushing(folder.path())).await;
    write_everywhere(&engine, 1).await;
    let held = snapshot(&engine).await;
    for n in 2..=150 {
        write_everywhere(&engine, n).await;
    }
    for value in held.get_many(pair_keys()).await.unwrap() {
        assert_eq!(value.unwrap(), numbered(1));
    }
    let all = scan(&held, ITEMS, KeyRange::all(), Direction::Ascending).await.unwrap();
    assert_eq!(all.len() as u64, KEYS);
    assert!(all.iter().all(|(_, value)| *value == numbered(1)));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_snapshot_held_for_ever_expires_before_writers_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let engine = open_with(flushing(folder.path())).await;
    write_everywhere(&engine, 1).await;
    let held = snapshot(&engine).await;
    // Several times what may be pinned in memory.
    for n in 2..=1500 {
        write_everywhere(&engine, n).await;
    }
    assert!(matches!(held.get(&key(ITEMS, 1_u64.to_be_bytes())).await, Err(Error::Overloaded)));
    let scanned = scan(&held, ITEMS, KeyRange::all(), Direction::Ascending).await;
    assert!(matches!(scanned, Err(Error::Overloaded)));
    let found = snapshot(&engine).await.get_many(pair_keys()).await.unwrap();
    assert!(found.iter().all(|value| number(value.as_ref()) == 1500));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_long_scan_whose_caller_went_away_stops() {
    let folder = tempfile::tempdir().unwrap();
    let engine = open(folder.path()).await;
    let writes = (0..10_000_u32).map(|n| put(ITEMS, n.to_be_bytes(), "1")).collect();
    write(&engine, writes).await.unwrap();
    let visited = Arc::new(AtomicU64::new(0));
    let (started, mut has_started) = tokio::sync::mpsc::unbounded_channel();
    let (go_on, may_go_on) = std::sync::mpsc::channel::<()>();
    let scan = tokio::spawn({
        let (snapshot, visited) = (snapshot(&engine).await, Arc::clone(&visited));
        async move {
            let visitor = move |_: &[u8], _: Bytes| {
                // Beyond what is walked on the caller's thread, the scan waits until its caller is gone.
                if visited.fetch_add(1, Ordering::Relaxed) == 5000 {
                    started.send(()).unwrap();
                    may_go_on.recv().unwrap();
                }
                ControlFlow::Continue(())
            };
            snapshot.scan(ITEMS, KeyRange::all(), Direction::Ascending, visitor).await.map(drop)
        }
    });
    has_started.recv().await.unwrap();
    scan.abort();
    assert!(scan.await.unwrap_err().is_cancelled());
    go_on.send(()).unwrap();
    // Closing waits for every read, so for the end of this one.
    engine.close().await.unwrap();
    assert_eq!(visited.load(Ordering::Relaxed), 5001);
}

#[tokio::test]
async fn a_snapshot_of_a_closed_engine_says_so_and_does_not_keep_the_store_locked() {
    let folder = tempfile::tempdir().unwrap();
    let engine = open(folder.path()).await;
    write(&engine, vec![put(ITEMS, "a", "1")]).await.unwrap();
    let held = snapshot(&engine).await;
    engine.close().await.unwrap();
    assert!(matches!(held.get(&key(ITEMS, "a")).await, Err(Error::Closed)));
    assert!(matches!(held.get_many(vec![key(ITEMS, "a")]).await, Err(Error::Closed)));
    assert!(matches!(held.counter(CounterKey { space: ITEMS, counter: 0 }).await, Err(Error::Closed)));
    let scanned = scan(&held, ITEMS, KeyRange::all(), Direction::Ascending).await;
    assert!(matches!(scanned, Err(Error::Closed)));
    let again = engine.transact(vec![key(ITEMS, "a")], |_| Decision::unchanged(())).await;
    assert!(matches!(again, Err(Error::Closed)));
    drop(open(folder.path()).await);
}

#[tokio::test]
async fn large_values_are_read_whole_by_key_and_by_range() {
    let folder = tempfile::tempdir().unwrap();
    let engine = open_with(flushing(folder.path())).await;
    let value = |n: u32| Bytes::from(vec![u8::try_from(n).unwrap(); 400 * 1024]);
    for n in 0..20_u32 {
        write(&engine, vec![Write::Put(key(ITEMS, n.to_be_bytes()), value(n))]).await.unwrap();
    }
    engine.close().await.unwrap();
    let engine = open_with(flushing(folder.path())).await;
    let snapshot = snapshot(&engine).await;
    let all = scan(&snapshot, ITEMS, KeyRange::all(), Direction::Descending).await.unwrap();
    assert_eq!(all.len(), 20);
    for (n, (name, found)) in (0..20_u32).rev().zip(all) {
        assert_eq!(name, &n.to_be_bytes()[..]);
        assert_eq!(found, value(n));
        assert_eq!(snapshot.get(&key(ITEMS, name)).await.unwrap().unwrap(), value(n));
    }
}
