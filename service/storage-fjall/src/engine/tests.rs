//! What callers cannot see of an engine: where reads are judged, which views are held, and threads that meet a bug.

use super::*;
use crate::admission::Memory;
use crate::view::Space;
use cairn_storage::Snapshot as _;
use std::time::Duration;
use tokio::time::timeout;

const ITEMS: SpaceId = SpaceId::Items(1);
const LONG: Duration = Duration::from_secs(60);

fn options(folder: &tempfile::TempDir) -> FjallOptions {
    let mut options = FjallOptions::new(folder.path());
    options.cache_bytes = 8 << 20;
    options.disk_reserve_bytes = Some(0);
    options
}

async fn open(folder: &tempfile::TempDir) -> FjallEngine {
    let engine = FjallEngine::open(options(folder)).unwrap();
    engine.create_space(ITEMS).await.unwrap();
    engine
}

fn space(engine: &FjallEngine, id: SpaceId) -> Arc<Space> {
    Arc::clone(engine.handle.shared.view.load().space(id).unwrap())
}

fn keys() -> Vec<RecordKey> {
    vec![RecordKey::new(SpaceId::System, "table"), RecordKey::new(ITEMS, "item")]
}

/// What every write of an item does: its table's record first, then the item.
async fn write(engine: &FjallEngine) -> Result<()> {
    let decide = |_: &[Option<Bytes>]| Decision {
        writes: vec![Write::Put(RecordKey::new(ITEMS, "item"), Bytes::from_static(b"value"))],
        outcome: (),
    };
    engine.transact(keys(), decide).await
}

/// Waits until something is so, letting other tasks run.
async fn until(what: &str, mut is_so: impl FnMut() -> bool) {
    let wait = async {
        while !is_so() {
            tokio::task::yield_now().await;
        }
    };
    timeout(LONG, wait).await.unwrap_or_else(|_| panic!("in vain: {what}"));
}

#[tokio::test]
async fn the_reads_of_a_transaction_count_for_the_space_of_each_key() {
    let folder = tempfile::tempdir().unwrap();
    let engine = open(&folder).await;
    let is_warm = |id| space(&engine, id).temperature.is_warm();
    timeout(LONG, async {
        // A read that loses its core for a millisecond begins the count anew.
        while !is_warm(SpaceId::System) || !is_warm(ITEMS) {
            for _ in 0..300 {
                // Of the same reads as a write, but without its sync.
                engine.transact(keys(), |_| Decision::unchanged(())).await.unwrap();
            }
        }
    })
    .await
    .expect("the items' space never gets warm");
}

#[tokio::test]
async fn a_slow_space_sends_whole_transactions_to_blocking_threads_and_other_spaces_stay_in_place() {
    let folder = tempfile::tempdir().unwrap();
    let engine = open(&folder).await;
    let items = space(&engine, ITEMS);
    items.temperature.record(Duration::from_secs(1));
    let before = items.temperature.cold_reads_left();
    write(&engine).await.unwrap();
    engine.snapshot(Consistency::Strong).await.unwrap().get_many(keys()).await.unwrap();
    assert_eq!(items.temperature.cold_reads_left(), before - 2);
    assert_eq!(space(&engine, SpaceId::System).temperature.cold_reads_left(), 0);
}

#[tokio::test]
async fn a_transaction_on_a_space_that_is_not_warm_keeps_to_the_limit_of_reads_in_place() {
    let folder = tempfile::tempdir().unwrap();
    let engine = open(&folder).await;
    let system = space(&engine, SpaceId::System);
    for _ in 0..1000 {
        system.temperature.record(Duration::ZERO);
    }
    assert!(system.temperature.is_warm());
    let view = engine.handle.shared.view.load_full();
    let held: Vec<_> = (0..FjallOptions::new(folder.path()).inline_reads_max)
        .map(|_| view.lane.begin(std::iter::once(&space(&engine, ITEMS).temperature)).unwrap())
        .collect();
    let hopped = view.lane.hopped();
    view.get_many(&keys()).await.unwrap();
    assert_eq!(view.lane.hopped(), hopped + 1, "read on a worker past the limit");
    view.get_many(&keys()[..1]).await.unwrap();
    assert_eq!(view.lane.hopped(), hopped + 1, "a warm space alone hopped");
    drop(held);
}

#[tokio::test]
async fn writers_that_wait_hold_no_view() {
    let folder = tempfile::tempdir().unwrap();
    let engine = open(&folder).await;
    let shared = Arc::clone(&engine.handle.shared);
    let was_held = timeout(LONG, async {
        loop {
            let stop = || {
                let much = Memory { unflushed_bytes: u64::MAX, total_bytes: u64::MAX };
                shared.admission.set_brake(much, 1, false);
            };
            stop();
            let writers: Vec<_> = (0..20)
                .map(|_| {
                    let engine = engine.clone();
                    tokio::spawn(async move { write(&engine).await })
                })
                .collect();
            // Each of them runs on this thread until it waits.
            for _ in 0..3 {
                tokio::task::yield_now().await;
            }
            let old = shared.view.load_full();
            let held = Arc::downgrade(&old);
            engine.handle.committer.send(Message::PublishAgain).unwrap();
            until("a new view", || !Arc::ptr_eq(&old, &shared.view.load())).await;
            drop(old);
            // The committer and the monitor let go of it soon; a writer would not before it is let in.
            let mut looks = 0;
            while held.strong_count() > 0 && looks < 1_000_000 && !writers.iter().any(|w| w.is_finished()) {
                looks += 1;
                std::thread::yield_now();
            }
            let was_held = held.strong_count() > 0;
            // The monitor eases the brake when it has a look at memory, in which case nobody was waiting.
            let were_waiting = !writers.iter().any(|writer| writer.is_finished());
            shared.admission.set_brake(Memory::default(), 1, false);
            for writer in writers {
                writer.await.unwrap().unwrap();
            }
            if were_waiting {
                return was_held;
            }
        }
    });
    assert!(!was_held.await.expect("no round without the monitor"), "waiting writers keep a view");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_monitor_that_meets_bugs_goes_on_with_what_it_can() {
    let folder = tempfile::tempdir().unwrap();
    let engine = open(&folder).await;
    let shared = Arc::clone(&engine.handle.shared);
    let much = Memory { unflushed_bytes: u64::MAX, total_bytes: u64::MAX };
    *shared.faults.lock() = vec!["watching memory", "watching the journals", "rotating a memtable"];
    shared.admission.set_brake(much, 1, false);
    engine.handle.monitor.send(monitor::Message::Rotate(space(&engine, ITEMS))).unwrap();
    // Creating a space takes no place in the queue; its commit makes the monitor look.
    engine.create_space(SpaceId::Items(2)).await.unwrap();
    timeout(LONG, write(&engine)).await.expect("the brake stays on").unwrap();
    assert!(engine.statistics().await.unwrap().background_failures >= 2);
    let written = engine.statistics().await.unwrap().last_commit;
    let watermark = folder.path().join(crate::layout::WATERMARK_FILE);
    until("the watermark", || {
        let found = crate::watermark::Watermark::open(&watermark).unwrap();
        found.is_some_and(|found| found.sequence() >= written)
    })
    .await;

    shared.faults.lock().clear();
    *shared.faults.lock() = vec!["counting"];
    assert!(engine.statistics().await.is_err(), "hangs or answers");
    shared.faults.lock().clear();
    engine.statistics().await.unwrap();
    engine.close().await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_committer_that_meets_a_bug_refuses_writers_and_leaves_readers_alone() {
    let folder = tempfile::tempdir().unwrap();
    let engine = open(&folder).await;
    write(&engine).await.unwrap();
    *engine.handle.shared.faults.lock() = vec!["commit"];
    let writers: Vec<_> = (0..20)
        .map(|_| {
            let engine = engine.clone();
            tokio::spawn(async move { write(&engine).await })
        })
        .collect();
    for writer in writers {
        let answer = timeout(LONG, writer).await.expect("a writer hangs").unwrap();
        assert!(matches!(answer, Err(Error::ReadOnly { .. })), "{answer:?}");
    }
    let created = timeout(LONG, engine.create_space(SpaceId::Items(2))).await.expect("hangs");
    assert!(matches!(created, Err(Error::ReadOnly { .. })), "{created:?}");
    let snapshot = engine.snapshot(Consistency::Strong).await.unwrap();
    assert!(snapshot.get(&RecordKey::new(ITEMS, "item")).await.unwrap().is_some());
    drop(snapshot);
    timeout(LONG, engine.close()).await.expect("closing hangs").unwrap();
    write(&FjallEngine::open(options(&folder)).unwrap()).await.unwrap();
}
