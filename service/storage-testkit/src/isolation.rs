//! Promises about transactions that run at once: serializable on the keys they declare.

use crate::Subject;
use crate::harness::{
    INDEXES, ITEMS, commit, counter, entry, everything, get, increment, item, number, parse, put,
    store_with_spaces, strong, total,
};
use bytes::Bytes;
use cairn_storage::{Consistency, Decision, Engine, Error, RecordKey, Snapshot, Write};
use rand::rngs::StdRng;
use rand::seq::index::sample;
use rand::{RngExt, SeedableRng};
use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// Increments of one key by many tasks are each answered a different number, and none is lost.
pub async fn increments_of_one_key_are_never_lost<S: Subject>(subject: S) {
    let (_store, engine) = store_with_spaces(&subject).await;
    let answers = at_once(16, |_| {
        let engine = engine.clone();
        async move {
            let mut answers = Vec::new();
            for _ in 0..50 {
                answers.push(increment(&engine, item("k")).await.unwrap());
            }
            assert!(answers.is_sorted(), "a task saw its own commits in another order");
            answers
        }
    });
    let mut answers = answers.await.concat();
    answers.sort_unstable();
    assert_eq!(answers, (1..=800).collect::<Vec<_>>());
    assert_eq!(parse(get(&engine, &item("k")).await.as_ref()), 800);
}

/// Transactions over several keys each, which overlap in every way, lose no increment either.
pub async fn increments_of_many_keys_are_never_lost<S: Subject>(subject: S) {
    const KEYS: usize = 6;
    let key = |n: usize| if n.is_multiple_of(2) { item([n as u8]) } else { entry([n as u8]) };
    let (_store, engine) = store_with_spaces(&subject).await;
    let counts = at_once(12, |task| {
        let engine = engine.clone();
        async move {
            let mut random = StdRng::seed_from_u64(task);
            let mut counts = [0; KEYS];
            for _ in 0..40 {
                // In any order, so that an engine which locks in the order declared would lock itself up.
                let chosen = sample(&mut random, KEYS, 3).into_vec();
                let keys = chosen.iter().map(|n| key(*n)).collect::<Vec<_>>();
                let written = keys.clone();
                let decide = move |found: &[Option<Bytes>]| {
                    let next = |n: usize| number(parse(found[n].as_ref()) + 1);
                    let writes = written.iter().enumerate().map(|(n, key)| Write::Put(key.clone(), next(n)));
                    Decision { writes: writes.collect(), outcome: () }
                };
                engine.transact(keys, decide).await.unwrap();
                chosen.iter().for_each(|n| counts[*n] += 1);
            }
            counts
        }
    })
    .await;
    for n in 0..KEYS {
        let expected = counts.iter().map(|counts| counts[n]).sum::<u64>();
        assert_eq!(parse(get(&engine, &key(n)).await.as_ref()), expected, "key {n}");
    }
}

/// A transaction that the engine gives up for a conflict has changed nothing, not even what it wrote undeclared, names
/// none but declared keys, and goes through if it is tried again. (An engine that never gives up keeps this as well.)
pub async fn a_transaction_given_up_for_a_conflict_has_changed_nothing<S: Subject>(subject: S) {
    let (_store, engine) = store_with_spaces(&subject).await;
    let attempts = at_once(12, |task| {
        let engine = engine.clone();
        async move {
            let mut done = Vec::new();
            for step in 0..40_u64 {
                for attempt in 0_u64.. {
                    let id = [task, step, attempt].map(u64::to_be_bytes).concat();
                    let mark = entry(&id);
                    let decide = move |found: &[Option<Bytes>]| {
                        let next = |n: usize| number(parse(found[n].as_ref()) + 1);
                        let writes = vec![
                            Write::Put(item("a"), next(0)),
                            Write::Put(item("b"), next(1)),
                            Write::Put(mark.clone(), number(1)),
                            Write::Add(counter(ITEMS, 1), 1),
                        ];
                        Decision { writes, outcome: () }
                    };
                    match engine.transact(vec![item("a"), item("b")], decide).await {
                        Ok(()) => {
                            done.push(Bytes::from(id));
                            break;
                        }
                        Err(Error::Conflict { declared }) => {
                            assert!(declared.iter().all(|place| *place < 2), "{declared:?} of 2 keys");
                        }
                        Err(other) => panic!("{other}"),
                    }
                }
            }
            done
        }
    });
    let mut done = attempts.await.concat();
    done.sort_unstable();
    assert_eq!(done.len(), 12 * 40);
    let marks = everything(&strong(&engine).await, INDEXES).await;
    assert_eq!(marks.into_iter().map(|(id, _)| id).collect::<Vec<_>>(), done);
    for key in ["a", "b"] {
        assert_eq!(parse(get(&engine, &item(key)).await.as_ref()), 12 * 40);
    }
    assert_eq!(total(&engine, counter(ITEMS, 1)).await, 12 * 40);
}

/// Of many who put a record on the condition that there is none, one succeeds.
pub async fn of_many_conditional_creations_one_succeeds<S: Subject>(subject: S) {
    let (_store, engine) = store_with_spaces(&subject).await;
    for round in 0..25_u8 {
        let winners = at_once(8, |task| {
            let engine = engine.clone();
            async move {
                let decide = move |found: &[Option<Bytes>]| match found[0] {
                    Some(_) => Decision::unchanged(false),
                    None => Decision { writes: vec![Write::Put(item([round]), number(task))], outcome: true },
                };
                engine.transact(vec![item([round])], decide).await.unwrap().then_some(task)
            }
        });
        let winners = winners.await.into_iter().flatten().collect::<Vec<_>>();
        assert_eq!(winners.len(), 1, "round {round}: {winners:?} all succeeded");
        assert_eq!(parse(get(&engine, &item([round])).await.as_ref()), winners[0]);
    }
}

/// Money moved between accounts in two spaces is never made or lost, in no view, while it moves.
pub async fn the_sum_of_all_accounts_never_moves<S: Subject>(subject: S) {
    const ACCOUNTS: usize = 16;
    const EACH: u64 = 100;
    let account = |n: usize| if n.is_multiple_of(2) { item([n as u8]) } else { entry([n as u8]) };
    let (_store, engine) = store_with_spaces(&subject).await;
    let opening = (0..ACCOUNTS).map(|n| Write::Put(account(n), number(EACH)));
    commit(&engine, opening.collect()).await.unwrap();

    let done = Arc::new(AtomicBool::new(false));
    let readers = (0..3_usize).map(|reader| {
        let (engine, done) = (engine.clone(), done.clone());
        let accounts = (0..ACCOUNTS).map(account).collect::<Vec<_>>();
        tokio::spawn(async move {
            let mut last_look = false;
            for round in reader.. {
                let consistency = [Consistency::Strong, Consistency::Eventual][round % 2];
                let snapshot = engine.snapshot(consistency).await.unwrap();
                let many = snapshot.get_many(accounts.clone()).await.unwrap();
                let many = many.iter().map(|balance| parse(balance.as_ref())).sum::<u64>();
                assert_eq!(many, ACCOUNTS as u64 * EACH, "by key, {consistency:?}");
                let items = everything(&snapshot, ITEMS).await;
                let entries = everything(&snapshot, INDEXES).await;
                let scanned =
                    items.iter().chain(&entries).map(|(_, balance)| parse(Some(balance))).sum::<u64>();
                assert_eq!(scanned, ACCOUNTS as u64 * EACH, "by scan, {consistency:?}");
                if last_look {
                    break;
                }
                last_look = done.load(Ordering::SeqCst);
                tokio::task::yield_now().await;
            }
        })
    });
    let readers = readers.collect::<Vec<_>>();
    at_once(8, |task| {
        let engine = engine.clone();
        async move {
            let mut random = StdRng::seed_from_u64(task);
            for _ in 0..60 {
                let from = random.random_range(0..ACCOUNTS);
                let to = (from + random.random_range(1..ACCOUNTS)) % ACCOUNTS;
                transfer(&engine, account(from), account(to), random.random_range(1..50)).await;
            }
        }
    })
    .await;
    done.store(true, Ordering::SeqCst);
    for reader in readers {
        reader.await.unwrap();
    }
}

/// Two decisions that read what the other writes do not both come true: the on-call doctors never all leave.
pub async fn write_skew_on_declared_keys_is_impossible<S: Subject>(subject: S) {
    let (_store, engine) = store_with_spaces(&subject).await;
    for round in 0..25_u8 {
        let doctors = [item([round, 0]), item([round, 1]), entry([round, 2])];
        commit(&engine, doctors.iter().map(|doctor| put(doctor.clone(), "on call")).collect()).await.unwrap();
        let left = at_once(doctors.len() as u64, |task| {
            let (engine, mut doctors) = (engine.clone(), doctors.to_vec());
            async move {
                // Each puts itself first.
                doctors.rotate_left(task as usize);
                let leaver = doctors[0].clone();
                let decide = move |found: &[Option<Bytes>]| {
                    if found[1..].iter().any(|other| other.as_ref().is_some_and(|other| other == "on call")) {
                        Decision { writes: vec![put(leaver.clone(), "away")], outcome: true }
                    } else {
                        Decision::unchanged(false)
                    }
                };
                engine.transact(doctors, decide).await.unwrap()
            }
        });
        let left = left.await.into_iter().filter(|left| *left).count();
        assert_eq!(left, 2, "round {round}");
        let found = strong(&engine).await.get_many(doctors.to_vec()).await.unwrap();
        assert_eq!(found.iter().flatten().filter(|state| *state == "on call").count(), 1, "round {round}");
    }
}

/// An undeclared record that belongs to a declared one, as an index entry to its item, never gets out of step.
pub async fn what_a_declared_key_owns_stays_in_step_with_it<S: Subject>(subject: S) {
    const OWNERS: u8 = 3;
    let (_store, engine) = store_with_spaces(&subject).await;
    at_once(8, |task| {
        let engine = engine.clone();
        async move {
            for n in 0..40_u64 {
                let owner = (task + n) as u8 % OWNERS;
                let index_key = move |value: u64| entry([&[owner][..], &value.to_be_bytes()].concat());
                let next = task << 32 | n;
                let decide = move |found: &[Option<Bytes>]| {
                    let mut writes = vec![
                        Write::Put(item([owner]), number(next)),
                        Write::Put(index_key(next), Bytes::new()),
                    ];
                    if let Some(previous) = &found[0] {
                        writes.insert(0, Write::Delete(index_key(parse(Some(previous)))));
                    }
                    Decision { writes, outcome: () }
                };
                engine.transact(vec![item([owner])], decide).await.unwrap();
                assert_in_step(&strong(&engine).await).await;
            }
        }
    })
    .await;
    assert_eq!(everything(&strong(&engine).await, ITEMS).await.len(), usize::from(OWNERS));
}

async fn assert_in_step(snapshot: &impl Snapshot) {
    let owners = everything(snapshot, ITEMS).await;
    let entries = everything(snapshot, INDEXES).await;
    let expected = owners.iter().map(|(owner, value)| [&owner[..], value].concat()).collect::<Vec<_>>();
    let found = entries.iter().map(|(key, _)| key.to_vec()).collect::<Vec<_>>();
    assert_eq!(found, expected);
}

/// Anyone may add to a counter without declaring a key, and no addition is lost.
pub async fn additions_by_many_tasks_are_never_lost<S: Subject>(subject: S) {
    let (_store, engine) = store_with_spaces(&subject).await;
    at_once(16, |task| {
        let engine = engine.clone();
        async move {
            for n in 0..30 {
                let amounts = vec![
                    Write::Add(counter(ITEMS, 1), 3),
                    Write::Add(counter(ITEMS, 1), -1),
                    Write::Add(counter(INDEXES, (task % 2) as u16), n),
                ];
                commit(&engine, amounts).await.unwrap();
            }
        }
    })
    .await;
    assert_eq!(total(&engine, counter(ITEMS, 1)).await, 16 * 30 * 2);
    for n in 0..2 {
        assert_eq!(total(&engine, counter(INDEXES, n)).await, 8 * (0..30).sum::<i64>());
    }
}

/// A transaction decides on everything that was acknowledged before it, by whomever.
pub async fn a_transaction_sees_what_was_acknowledged_before_it<S: Subject>(subject: S) {
    let (_store, engine) = store_with_spaces(&subject).await;
    let (sender, mut receiver) = tokio::sync::mpsc::channel::<u64>(1);
    let writer = tokio::spawn({
        let engine = engine.clone();
        async move {
            for n in 1..=150 {
                commit(&engine, vec![Write::Put(item("k"), number(n))]).await.unwrap();
                sender.send(n).await.unwrap();
            }
        }
    });
    while let Some(acknowledged) = receiver.recv().await {
        let decide = |found: &[Option<Bytes>]| Decision::unchanged(parse(found[0].as_ref()));
        let seen = engine.transact(vec![item("k")], decide).await.unwrap();
        assert!(seen >= acknowledged, "{acknowledged} was acknowledged, and a later decision saw {seen}");
    }
    writer.await.unwrap();
}

async fn transfer<E: Engine>(engine: &E, from: RecordKey, to: RecordKey, amount: u64) {
    let keys = vec![from.clone(), to.clone()];
    let decide = move |found: &[Option<Bytes>]| {
        let (payer, payee) = (parse(found[0].as_ref()), parse(found[1].as_ref()));
        let writes = match payer.checked_sub(amount) {
            Some(rest) => {
                vec![Write::Put(from.clone(), number(rest)), Write::Put(to.clone(), number(payee + amount))]
            }
            None => Vec::new(),
        };
        Decision { writes, outcome: () }
    };
    engine.transact(keys, decide).await.unwrap();
}

/// Runs tasks at once, and returns their answers in the order of the tasks.
async fn at_once<T, F>(tasks: u64, task: impl Fn(u64) -> F + Send) -> Vec<T>
where
    T: Send + 'static,
    F: Future<Output = T> + Send + 'static,
{
    let tasks = (0..tasks).map(|n| tokio::spawn(task(n))).collect::<Vec<_>>();
    let mut answers = Vec::new();
    for task in tasks {
        answers.push(task.await.unwrap());
    }
    answers
}
