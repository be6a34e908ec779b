//! Promises to callers that go away: a dropped call leaves nothing half done, and nothing locked.

use crate::Subject;
use crate::harness::{
    INDEXES, ITEMS, bytes, commit, counter, entry, everything, get, increment, item, number, parse, put,
    store_with_spaces, strong,
};
use bytes::Bytes;
use cairn_storage::{Decision, Direction, Engine, KeyRange, RecordKey, Snapshot, SpaceId, Write};
use std::future::{Future, poll_fn};
use std::ops::ControlFlow;
use std::pin::pin;
use std::task::Poll;

const WORKERS: u64 = 8;
const TRANSACTIONS: u64 = 60;

/// A transaction whose future is dropped at whatever point is committed whole or not at all, and one that was
/// acknowledged before its future was dropped is there.
pub async fn a_dropped_transaction_is_whole_or_absent<S: Subject>(subject: S) {
    let (_store, engine) = store_with_spaces(&subject).await;
    let acknowledged = drop_transactions(&engine).await;
    assert_whole(&strong(&engine).await, &acknowledged).await;
}

/// The same where the whole task that waits is aborted.
pub async fn an_aborted_task_leaves_no_half_transaction<S: Subject>(subject: S) {
    let (_store, engine) = store_with_spaces(&subject).await;
    let mut acknowledged = Vec::new();
    for round in 0..20 {
        let tasks = (0..WORKERS).map(|n| {
            let (engine, id) = (engine.clone(), round << 8 | n);
            (id, tokio::spawn(async move { write_everywhere(&engine, id).await }))
        });
        let tasks = tasks.collect::<Vec<_>>();
        for _ in 0..round {
            tokio::task::yield_now().await;
        }
        tasks.iter().for_each(|(_, task)| task.abort());
        for (id, task) in tasks {
            match task.await {
                Ok(()) => acknowledged.push(id),
                Err(error) => assert!(error.is_cancelled(), "{error}"),
            }
        }
        assert_whole(&strong(&engine).await, &acknowledged).await;
    }
}

/// The keys of a dropped transaction are not locked for those who come after.
pub async fn a_dropped_transaction_leaves_its_keys_to_others<S: Subject>(subject: S) {
    let (_store, engine) = store_with_spaces(&subject).await;
    let mut last = 0;
    for n in 0..100_u64 {
        // Several wait for the key when the first of them goes away.
        let waiting = (0..3).map(|_| {
            let engine = engine.clone();
            tokio::spawn(async move { increment(&engine, item("k")).await.unwrap() })
        });
        let [first, second, third] = <[_; 3]>::try_from(waiting.collect::<Vec<_>>()).unwrap();
        poll_then_drop(increment(&engine, item("k")), (n % 10) as usize).await;
        first.abort();
        assert!(second.await.unwrap() != third.await.unwrap());
        // Two were waited for and this is one more; the two that were dropped may have come true, now or later.
        let next = increment(&engine, item("k")).await.unwrap();
        assert!(next >= last + 3, "{next} after {last}");
        assert!(next <= (n + 1) * 5, "{next} after {} increments", (n + 1) * 5);
        last = next;
    }
}

/// A dropped creation or dropping of a space is done or not, and the next one is not in its way.
pub async fn a_dropped_change_of_spaces_is_done_or_not<S: Subject>(subject: S) {
    let (_store, engine) = store_with_spaces(&subject).await;
    for n in 0..30 {
        let space = SpaceId::Items(100 + n);
        poll_then_drop(engine.create_space(space), n as usize % 6).await;
        let listed = engine.spaces().await.unwrap();
        let (with, without) = ([SpaceId::System, ITEMS, space, INDEXES], [SpaceId::System, ITEMS, INDEXES]);
        assert!(listed == with || listed == without, "{listed:?}");
        engine.create_space(space).await.unwrap();
        let key = RecordKey::new(space, "k");
        assert_eq!(get(&engine, &key).await, None);
        commit(&engine, vec![put(key, "v")]).await.unwrap();
        poll_then_drop(engine.drop_space(space), n as usize % 6).await;
        engine.drop_space(space).await.unwrap();
        assert_eq!(engine.spaces().await.unwrap(), without);
    }
}

/// A dropped scan does nobody any harm.
pub async fn a_dropped_scan_leaves_its_snapshot_usable<S: Subject>(subject: S) {
    let (_store, engine) = store_with_spaces(&subject).await;
    let puts = (0..1_000_u32).map(|n| put(item(n.to_be_bytes()), "v"));
    commit(&engine, puts.collect()).await.unwrap();
    let snapshot = strong(&engine).await;
    for polls in 0..30 {
        let visitor = |_: &[u8], _: Bytes| ControlFlow::Continue(());
        poll_then_drop(snapshot.scan(ITEMS, KeyRange::all(), Direction::Ascending, visitor), polls % 5).await;
        commit(&engine, vec![put(item("k"), "v")]).await.unwrap();
    }
    assert_eq!(everything(&snapshot, ITEMS).await.len(), 1_000);
}

/// Starts many transactions at once, drops most of them on their way, and returns those that were acknowledged.
pub(crate) async fn drop_transactions<E: Engine>(engine: &E) -> Vec<u64> {
    let workers = (0..WORKERS).map(|worker| {
        let engine = engine.clone();
        tokio::spawn(async move {
            let mut acknowledged = Vec::new();
            for n in 0..TRANSACTIONS {
                let id = worker << 8 | n;
                // From not at all to far enough for many to be through.
                let polls = ((worker + n) % 12) as usize;
                if poll_then_drop(write_everywhere(&engine, id), polls * polls).await.is_some() {
                    acknowledged.push(id);
                }
                if n % 15 == 0 {
                    assert_whole(&strong(&engine).await, &acknowledged).await;
                }
            }
            acknowledged
        })
    });
    let mut acknowledged = Vec::new();
    for worker in workers.collect::<Vec<_>>() {
        acknowledged.extend(worker.await.unwrap());
    }
    acknowledged
}

/// Checks that every transaction of [`write_everywhere`] is there in all of its parts or none, and that the given ones
/// are there.
pub(crate) async fn assert_whole(snapshot: &impl Snapshot, acknowledged: &[u64]) {
    let ids = |records: Vec<(Bytes, Bytes)>| records.into_iter().map(|(key, _)| key).collect::<Vec<_>>();
    let items = ids(everything(snapshot, ITEMS).await);
    let entries = ids(everything(snapshot, INDEXES).await);
    assert_eq!(items, entries);
    assert_eq!(snapshot.counter(counter(ITEMS, 1)).await.unwrap(), items.len() as i64);
    let count = RecordKey::new(SpaceId::System, "count");
    assert_eq!(parse(snapshot.get(&count).await.unwrap().as_ref()), items.len() as u64);
    for id in acknowledged {
        let key = bytes(id.to_be_bytes());
        assert!(items.binary_search(&key).is_ok(), "an acknowledged transaction is not there");
    }
}

/// A transaction that leaves a mark in three spaces and a counter, and contends with all others for one key.
async fn write_everywhere<E: Engine>(engine: &E, id: u64) {
    let count = RecordKey::new(SpaceId::System, "count");
    let key = id.to_be_bytes();
    let keys = vec![item(key), count.clone()];
    let decide = move |found: &[Option<Bytes>]| Decision {
        writes: vec![
            put(item(key), "v"),
            Write::Add(counter(ITEMS, 1), 1),
            put(entry(key), "v"),
            Write::Put(count.clone(), number(parse(found[1].as_ref()) + 1)),
        ],
        outcome: (),
    };
    engine.transact(keys, decide).await.unwrap();
}

/// Polls a future so many times, letting others run in between, and drops it.
async fn poll_then_drop<F: Future>(future: F, polls: usize) -> Option<F::Output> {
    let mut future = pin!(future);
    for _ in 0..polls {
        if let Poll::Ready(output) = poll_fn(|context| Poll::Ready(future.as_mut().poll(context))).await {
            return Some(output);
        }
        tokio::task::yield_now().await;
    }
    None
}
