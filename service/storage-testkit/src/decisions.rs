//! Promises about `decide`: what it is given, what becomes of its answer, and what its panic does.

use crate::Subject;
use crate::harness::{
    ITEMS, assert_error, bytes, commit, counter, entry, everything, get, increment, item, number, parse, put,
    store_with_spaces, strong, total,
};
use bytes::Bytes;
use cairn_storage::{Decision, Engine, Error, Snapshot, SpaceId, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// A decision gets one entry a key, in the order the keys were declared, whatever their spaces.
pub async fn a_decision_sees_its_keys_in_the_order_they_were_declared<S: Subject>(subject: S) {
    let (_store, engine) = store_with_spaces(&subject).await;
    let writes = vec![put(item("a"), "item a"), put(item("b"), "item b"), put(entry("a"), "entry a")];
    commit(&engine, writes).await.unwrap();
    let keys = vec![item("b"), item("missing"), entry("a"), item("a"), entry("b")];
    let found = engine.transact(keys, |found| Decision::unchanged(found.to_vec())).await.unwrap();
    let expected = [Some(bytes("item b")), None, Some(bytes("entry a")), Some(bytes("item a")), None];
    assert_eq!(found, expected);
}

/// A key declared twice is given twice, and does not lock itself out.
pub async fn a_key_may_be_declared_twice<S: Subject>(subject: S) {
    let (_store, engine) = store_with_spaces(&subject).await;
    commit(&engine, vec![put(item("a"), "1"), put(item("b"), "2")]).await.unwrap();
    let keys = vec![item("a"), item("b"), item("a"), item("a")];
    let decide =
        |found: &[Option<Bytes>]| Decision { writes: vec![put(item("a"), "3")], outcome: found.to_vec() };
    let found = engine.transact(keys, decide).await.unwrap();
    assert_eq!(found, [Some(bytes("1")), Some(bytes("2")), Some(bytes("1")), Some(bytes("1"))]);
    assert_eq!(get(&engine, &item("a")).await, Some(bytes("3")));
}

/// A transaction without keys decides on nothing, and may write anything.
pub async fn a_transaction_may_declare_no_keys<S: Subject>(subject: S) {
    let (_store, engine) = store_with_spaces(&subject).await;
    let decide = |found: &[Option<Bytes>]| Decision {
        writes: vec![put(item("a"), "1"), put(entry("a"), "2")],
        outcome: found.len(),
    };
    assert_eq!(engine.transact(Vec::new(), decide).await.unwrap(), 0);
    assert_eq!(get(&engine, &item("a")).await, Some(bytes("1")));
    assert_eq!(get(&engine, &entry("a")).await, Some(bytes("2")));
}

/// A decision may write keys it did not declare, and leave alone keys it did.
pub async fn a_decision_may_write_undeclared_keys<S: Subject>(subject: S) {
    let (_store, engine) = store_with_spaces(&subject).await;
    commit(&engine, vec![put(item("declared"), "old"), put(entry("stale"), "")]).await.unwrap();
    let decide = |_: &[Option<Bytes>]| Decision {
        writes: vec![Write::Delete(entry("stale")), put(entry("fresh"), "")],
        outcome: (),
    };
    engine.transact(vec![item("declared")], decide).await.unwrap();
    let snapshot = strong(&engine).await;
    let found = snapshot.get_many(vec![item("declared"), entry("stale"), entry("fresh")]).await.unwrap();
    assert_eq!(found, [Some(bytes("old")), None, Some(Bytes::new())]);
}

/// A transaction of the largest size the service allows (100 items and their index entries) is like any other.
pub async fn a_transaction_may_declare_a_hundred_keys<S: Subject>(subject: S) {
    let (_store, engine) = store_with_spaces(&subject).await;
    let keys = (0..100_u8).rev().map(|n| item([n])).collect::<Vec<_>>();
    for round in 0..3_u64 {
        let written = keys.clone();
        let decide = move |found: &[Option<Bytes>]| {
            let numbers = found.iter().map(|value| parse(value.as_ref())).collect::<Vec<_>>();
            let writes = written.iter().map(|key| Write::Put(key.clone(), number(round + 1)));
            Decision { writes: writes.collect(), outcome: numbers }
        };
        assert_eq!(engine.transact(keys.clone(), decide).await.unwrap(), vec![round; 100]);
    }
}

/// A decision without writes gives its answer and changes nothing.
pub async fn a_decision_without_writes_changes_nothing<S: Subject>(subject: S) {
    let (_store, engine) = store_with_spaces(&subject).await;
    commit(&engine, vec![put(item("k"), "v"), Write::Add(counter(ITEMS, 1), 1)]).await.unwrap();
    let before = engine.statistics().await.unwrap().last_commit;
    let answer =
        engine.transact(vec![item("k")], |found| Decision::unchanged(found[0].clone())).await.unwrap();
    assert_eq!(answer, Some(bytes("v")));
    assert_eq!(everything(&strong(&engine).await, ITEMS).await, [(bytes("k"), bytes("v"))]);
    assert_eq!(total(&engine, counter(ITEMS, 1)).await, 1);
    assert_eq!(engine.statistics().await.unwrap().last_commit, before);
}

/// What a decision without writes saw is in every strong snapshot taken after its answer: it did not answer from
/// records that were still on their way to the disk.
pub async fn a_decision_without_writes_rests_on_what_is_durable<S: Subject>(subject: S) {
    const ROUNDS: u64 = 200;
    let (_store, engine) = store_with_spaces(&subject).await;
    let writer = tokio::spawn({
        let engine = engine.clone();
        async move {
            for _ in 0..ROUNDS {
                increment(&engine, item("k")).await.unwrap();
            }
        }
    });
    let readers = (0..4).map(|_| {
        let engine = engine.clone();
        tokio::spawn(async move {
            loop {
                let decide = |found: &[Option<Bytes>]| Decision::unchanged(parse(found[0].as_ref()));
                let decided = engine.transact(vec![item("k")], decide).await.unwrap();
                let read = parse(get(&engine, &item("k")).await.as_ref());
                assert!(read >= decided, "decided on {decided}, and a snapshot after that shows {read}");
                if decided == ROUNDS {
                    break;
                }
                tokio::task::yield_now().await;
            }
        })
    });
    for task in readers.collect::<Vec<_>>().into_iter().chain([writer]) {
        task.await.unwrap();
    }
}

/// However often a decision ran, its last run is the one that is answered and written.
pub async fn only_the_last_run_of_a_decision_counts<S: Subject>(subject: S) {
    let (_store, engine) = store_with_spaces(&subject).await;
    let tasks = (0..8_u64).map(|task| {
        let engine = engine.clone();
        tokio::spawn(async move {
            for n in 0..25_u64 {
                let runs = Arc::new(AtomicU64::new(0));
                let own = item((task << 32 | n).to_be_bytes());
                let decide = {
                    let (runs, own) = (runs.clone(), own.clone());
                    move |found: &[Option<Bytes>]| {
                        let run = runs.fetch_add(1, Ordering::SeqCst) + 1;
                        let hot = parse(found[0].as_ref()) + 1;
                        Decision {
                            writes: vec![
                                Write::Put(entry("hot"), number(hot)),
                                Write::Put(own.clone(), number(run)),
                                Write::Add(counter(SpaceId::System, 1), 1),
                            ],
                            outcome: run,
                        }
                    }
                };
                let answered = engine.transact(vec![entry("hot")], decide).await.unwrap();
                assert_eq!(answered, runs.load(Ordering::SeqCst));
                assert_eq!(parse(get(&engine, &own).await.as_ref()), answered);
            }
        })
    });
    for task in tasks.collect::<Vec<_>>() {
        task.await.unwrap();
    }
    assert_eq!(parse(get(&engine, &entry("hot")).await.as_ref()), 200);
    assert_eq!(total(&engine, counter(SpaceId::System, 1)).await, 200);
}

/// A decision that panics is answered with an error, writes nothing, and leaves its keys to others.
pub async fn a_panic_in_a_decision_fails_that_transaction_only<S: Subject>(subject: S) {
    let (_store, engine) = store_with_spaces(&subject).await;
    let tasks = (0..8_u64).map(|task| {
        let engine = engine.clone();
        tokio::spawn(async move {
            for n in 0..10 {
                if (task + n) % 4 == 0 {
                    let decide = |_: &[Option<Bytes>]| -> Decision<()> { panic!("on purpose, by the test") };
                    assert_error!(engine.transact(vec![item("k")], decide).await, Error::Backend { .. });
                } else {
                    increment(&engine, item("k")).await.unwrap();
                }
            }
        })
    });
    for task in tasks.collect::<Vec<_>>() {
        task.await.unwrap();
    }
    assert_eq!(parse(get(&engine, &item("k")).await.as_ref()), 60);
}
