//! What a commit promises: it is whole, durable, decided on the newest records, and costs one sync for many callers.

// The helpers of this file panic, as tests do.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

mod common;

use bytes::Bytes;
use cairn_storage::{CounterKey, Decision, Engine, Error, RecordKey, Snapshot, SpaceId, Write};
use common::{
    INDEXES, ITEMS, counter, get, increment, key, number, open, open_with, options, put, snapshot, write,
};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

#[tokio::test]
async fn what_was_committed_is_there_after_reopening() {
    let folder = tempfile::tempdir().unwrap();
    let engine = open(folder.path()).await;
    write(&engine, vec![put(ITEMS, "a", "1"), put(INDEXES, "a", "2"), put(SpaceId::System, "a", "3")])
        .await
        .unwrap();
    write(&engine, vec![put(ITEMS, "b", "1")]).await.unwrap();
    write(&engine, vec![Write::Delete(key(ITEMS, "b"))]).await.unwrap();
    let last_commit = engine.statistics().await.unwrap().last_commit;
    engine.close().await.unwrap();

    let engine = open(folder.path()).await;
    assert_eq!(get(&engine, ITEMS, "a").await.unwrap(), "1");
    assert_eq!(get(&engine, INDEXES, "a").await.unwrap(), "2");
    assert_eq!(get(&engine, SpaceId::System, "a").await.unwrap(), "3");
    assert_eq!(get(&engine, ITEMS, "b").await, None);
    assert_eq!(engine.statistics().await.unwrap().last_commit, last_commit);
}

#[tokio::test]
async fn dropping_the_last_handle_lets_the_files_go() {
    let folder = tempfile::tempdir().unwrap();
    for round in 0..3_u8 {
        let engine = open(folder.path()).await;
        write(&engine, vec![put(ITEMS, [round], "1")]).await.unwrap();
        assert!(get(&engine, ITEMS, [0]).await.is_some());
    }
}

#[tokio::test]
async fn of_two_writes_to_one_key_the_later_stands() {
    let folder = tempfile::tempdir().unwrap();
    let engine = open(folder.path()).await;
    let delete = |name| Write::Delete(key(ITEMS, name));
    let writes =
        vec![put(ITEMS, "a", "1"), put(ITEMS, "a", "2"), put(ITEMS, "b", "1"), delete("b"), delete("c")];
    write(&engine, writes).await.unwrap();
    write(&engine, vec![delete("c"), put(ITEMS, "c", "3")]).await.unwrap();
    assert_eq!(get(&engine, ITEMS, "a").await.unwrap(), "2");
    assert_eq!(get(&engine, ITEMS, "b").await, None);
    assert_eq!(get(&engine, ITEMS, "c").await.unwrap(), "3");
}

#[tokio::test]
async fn a_decision_without_writes_commits_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let engine = open(folder.path()).await;
    let before = engine.statistics().await.unwrap().last_commit;
    let found = engine.transact(vec![key(ITEMS, "a")], |found| Decision::unchanged(found[0].is_some()));
    assert!(!found.await.unwrap());
    assert_eq!(engine.statistics().await.unwrap().last_commit, before);
}

/// Callers that all increment one key, each once.
async fn increment_at_once(
    engine: &cairn_storage_fjall::FjallEngine,
    at: &RecordKey,
    callers: usize,
) -> Vec<u64> {
    let calls: Vec<_> = (0..callers)
        .map(|_| {
            let (engine, at) = (engine.clone(), at.clone());
            tokio::spawn(async move { increment(&engine, at).await.unwrap() })
        })
        .collect();
    let mut numbers = Vec::new();
    for call in calls {
        numbers.push(call.await.unwrap());
    }
    numbers.sort_unstable();
    numbers
}

async fn a_hot_key_takes_few_commits() {
    const CALLERS: usize = 500;
    let folder = tempfile::tempdir().unwrap();
    let engine = open(folder.path()).await;
    let hot = key(ITEMS, "hot");
    let before = engine.statistics().await.unwrap().last_commit;
    let numbers = increment_at_once(&engine, &hot, CALLERS).await;
    // Serializable: every caller saw another number.
    assert_eq!(numbers, (1..=CALLERS as u64).collect::<Vec<_>>());
    assert_eq!(number(get(&engine, ITEMS, "hot").await.as_ref()), CALLERS as u64);
    let commits = engine.statistics().await.unwrap().last_commit - before;
    assert!(commits <= CALLERS as u64 / 5, "{commits} commits for {CALLERS} increments");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_increments_of_one_key_are_exact_and_share_commits() {
    a_hot_key_takes_few_commits().await;
}

#[tokio::test]
async fn many_increments_of_one_key_are_exact_on_a_current_thread_runtime_too() {
    a_hot_key_takes_few_commits().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_condition_is_met_by_exactly_one_of_many_callers() {
    let folder = tempfile::tempdir().unwrap();
    let engine = open(folder.path()).await;
    let at = key(ITEMS, "once");
    let calls: Vec<_> = (0..200_u64)
        .map(|caller| {
            let (engine, at) = (engine.clone(), at.clone());
            tokio::spawn(async move {
                let decide = move |found: &[Option<Bytes>]| match &found[0] {
                    Some(_) => Decision::unchanged(false),
                    None => {
                        let value = Bytes::copy_from_slice(&caller.to_be_bytes());
                        Decision { writes: vec![Write::Put(at.clone(), value)], outcome: true }
                    }
                };
                (caller, engine.transact(vec![key(ITEMS, "once")], decide).await.unwrap())
            })
        })
        .collect();
    let mut winners = Vec::new();
    for call in calls {
        let (caller, won) = call.await.unwrap();
        winners.extend(won.then_some(caller));
    }
    assert_eq!(winners, [number(get(&engine, ITEMS, "once").await.as_ref())]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn transactions_that_swap_two_keys_keep_their_sum() {
    const CALLERS: u64 = 16;
    const ROUNDS: u64 = 50;
    const KEYS: u64 = 5;
    let folder = tempfile::tempdir().unwrap();
    let engine = open(folder.path()).await;
    let account = |n: u64| key(ITEMS, n.to_be_bytes());
    let amount = |n: u64| Bytes::copy_from_slice(&n.to_be_bytes());
    write(&engine, (0..KEYS).map(|n| Write::Put(account(n), amount(1000))).collect()).await.unwrap();
    let calls: Vec<_> = (0..CALLERS)
        .map(|caller| {
            let engine = engine.clone();
            tokio::spawn(async move {
                for round in 0..ROUNDS {
                    let (from, to) = ((caller + round) % KEYS, (caller + 2 * round + 1) % KEYS);
                    if from == to {
                        continue;
                    }
                    let keys = vec![account(from), account(to)];
                    let into = keys.clone();
                    let transfer = move |found: &[Option<Bytes>]| {
                        let (a, b) = (number(found[0].as_ref()), number(found[1].as_ref()));
                        let moved = (caller + 1).min(a);
                        let writes = vec![
                            Write::Put(into[0].clone(), amount(a - moved)),
                            Write::Put(into[1].clone(), amount(b + moved)),
                        ];
                        Decision { writes, outcome: () }
                    };
                    engine.transact(keys, transfer).await.unwrap();
                }
            })
        })
        .collect();
    for call in calls {
        call.await.unwrap();
    }
    let all = snapshot(&engine).await.get_many((0..KEYS).map(account).collect()).await.unwrap();
    assert_eq!(all.iter().map(|value| number(value.as_ref())).sum::<u64>(), 1000 * KEYS);
}

#[tokio::test]
async fn a_decision_that_panics_is_an_error_for_its_caller_alone() {
    let folder = tempfile::tempdir().unwrap();
    let engine = open(folder.path()).await;
    let panics = engine.transact(vec![key(ITEMS, "a")], |_| -> Decision<()> { panic!("on purpose") });
    assert!(matches!(panics.await, Err(Error::Backend { .. })));
    write(&engine, vec![put(ITEMS, "a", "1")]).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_decision_that_panics_when_it_is_made_again_leaves_the_committer_alive() {
    let folder = tempfile::tempdir().unwrap();
    let engine = open(folder.path()).await;
    let panicked = Arc::new(AtomicUsize::new(0));
    let calls: Vec<_> = (0..100)
        .map(|_| {
            let (engine, panicked) = (engine.clone(), Arc::clone(&panicked));
            tokio::spawn(async move {
                let mut runs = 0;
                let decide = move |found: &[Option<Bytes>]| {
                    runs += 1;
                    assert!(runs == 1, "on purpose, when run again");
                    let next = number(found[0].as_ref()) + 1;
                    let value = Bytes::copy_from_slice(&next.to_be_bytes());
                    Decision { writes: vec![Write::Put(key(ITEMS, "hot"), value)], outcome: () }
                };
                match engine.transact(vec![key(ITEMS, "hot")], decide).await {
                    Ok(()) => {}
                    Err(Error::Backend { .. }) => {
                        panicked.fetch_add(1, Ordering::Relaxed);
                    }
                    Err(other) => panic!("{other}"),
                }
            })
        })
        .collect();
    for call in calls {
        call.await.unwrap();
    }
    let panicked = panicked.load(Ordering::Relaxed) as u64;
    assert!(panicked > 0, "nothing was decided twice");
    assert_eq!(number(get(&engine, ITEMS, "hot").await.as_ref()), 100 - panicked);
}

#[tokio::test]
async fn counters_add_up_over_commits_and_reopening() {
    let folder = tempfile::tempdir().unwrap();
    let engine = open(folder.path()).await;
    let add = |counter, amount| Write::Add(CounterKey { space: ITEMS, counter }, amount);
    write(&engine, vec![add(0, 5), add(1, 100), add(0, -2)]).await.unwrap();
    write(&engine, vec![add(0, 10)]).await.unwrap();
    assert_eq!(counter(&engine, ITEMS, 0).await.unwrap(), 13);
    let before = snapshot(&engine).await;
    write(&engine, vec![add(0, 1)]).await.unwrap();
    assert_eq!(before.counter(CounterKey { space: ITEMS, counter: 0 }).await.unwrap(), 13);
    engine.close().await.unwrap();
    let engine = open(folder.path()).await;
    assert_eq!(counter(&engine, ITEMS, 0).await.unwrap(), 14);
    assert_eq!(counter(&engine, ITEMS, 1).await.unwrap(), 100);
    assert_eq!(counter(&engine, ITEMS, 2).await.unwrap(), 0);
    write(&engine, vec![add(0, 1)]).await.unwrap();
    assert_eq!(counter(&engine, ITEMS, 0).await.unwrap(), 15);
}

#[tokio::test]
async fn a_key_or_space_that_cannot_be_written_fails_the_whole_transaction() {
    let folder = tempfile::tempdir().unwrap();
    let engine = open(folder.path()).await;
    let missing = SpaceId::Items(404);
    for bad in [
        put(missing, "a", "1"),
        Write::Delete(key(missing, "a")),
        Write::Add(CounterKey { space: missing, counter: 0 }, 1),
    ] {
        let result = write(&engine, vec![put(ITEMS, "good", "1"), bad]).await;
        assert!(matches!(result, Err(Error::SpaceNotFound(space)) if space == missing));
    }
    for bad in [put(ITEMS, "", "1"), put(ITEMS, vec![b'k'; 65_536], "1")] {
        assert!(matches!(
            write(&engine, vec![put(ITEMS, "good", "1"), bad]).await,
            Err(Error::Backend { .. })
        ));
    }
    assert_eq!(get(&engine, ITEMS, "good").await, None);
    write(&engine, vec![put(ITEMS, vec![b'k'; 65_535], "1")]).await.unwrap();
    assert_eq!(get(&engine, ITEMS, vec![b'k'; 65_535]).await.unwrap(), "1");
}

#[tokio::test]
async fn a_group_is_bounded_and_a_large_backlog_still_commits() {
    let folder = tempfile::tempdir().unwrap();
    let mut options = options(folder.path());
    options.group_operations_max = 3;
    options.group_bytes_max = 1024;
    let engine = open_with(options).await;
    let before = engine.statistics().await.unwrap().last_commit;
    let numbers = increment_at_once(&engine, &key(ITEMS, "hot"), 100).await;
    assert_eq!(numbers.len(), 100);
    assert!(engine.statistics().await.unwrap().last_commit - before >= 100 / 3);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_transaction_that_read_long_ago_reads_again_and_still_commits() {
    let folder = tempfile::tempdir().unwrap();
    let engine = open(folder.path()).await;
    // The first runs of the decision let so many commits pass that what they were made on is no longer remembered.
    let (ask, mut asked) = tokio::sync::mpsc::unbounded_channel::<std::sync::mpsc::Sender<()>>();
    let others = {
        let engine = engine.clone();
        tokio::spawn(async move {
            while let Some(done) = asked.recv().await {
                for n in 0..300_u64 {
                    increment(&engine, key(ITEMS, "counted")).await.unwrap();
                    write(&engine, vec![put(ITEMS, n.to_be_bytes(), "1")]).await.unwrap();
                }
                done.send(()).unwrap();
            }
        })
    };
    let runs = Arc::new(AtomicUsize::new(0));
    let decide = {
        let runs = Arc::clone(&runs);
        move |found: &[Option<Bytes>]| {
            if runs.fetch_add(1, Ordering::Relaxed) < 2 {
                let (done, is_done) = std::sync::mpsc::channel();
                ask.send(done).unwrap();
                is_done.recv().unwrap();
            }
            let value = Bytes::copy_from_slice(&(number(found[0].as_ref()) + 1).to_be_bytes());
            Decision { writes: vec![Write::Put(key(ITEMS, "counted"), value)], outcome: () }
        }
    };
    engine.transact(vec![key(ITEMS, "counted")], decide).await.unwrap();
    assert_eq!(runs.load(Ordering::Relaxed), 3);
    assert_eq!(number(get(&engine, ITEMS, "counted").await.as_ref()), 601);
    others.await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_committer_reads_for_a_transaction_that_never_catches_up() {
    let folder = tempfile::tempdir().unwrap();
    let engine = open(folder.path()).await;
    let (ask, mut asked) = tokio::sync::mpsc::unbounded_channel::<std::sync::mpsc::Sender<()>>();
    let others = {
        let engine = engine.clone();
        tokio::spawn(async move {
            while let Some(done) = asked.recv().await {
                for _ in 0..300 {
                    increment(&engine, key(ITEMS, "counted")).await.unwrap();
                }
                done.send(()).unwrap();
            }
        })
    };
    let runs = Arc::new(AtomicUsize::new(0));
    let decide = {
        let runs = Arc::clone(&runs);
        move |found: &[Option<Bytes>]| {
            // On the committer's thread there is nobody to let pass.
            if std::thread::current().name() != Some("cairn-committer") {
                runs.fetch_add(1, Ordering::Relaxed);
                let (done, is_done) = std::sync::mpsc::channel();
                ask.send(done).unwrap();
                is_done.recv().unwrap();
            }
            let value = Bytes::copy_from_slice(&(number(found[0].as_ref()) + 1).to_be_bytes());
            Decision { writes: vec![Write::Put(key(ITEMS, "counted"), value)], outcome: () }
        }
    };
    engine.transact(vec![key(ITEMS, "counted")], decide).await.unwrap();
    let runs = runs.load(Ordering::Relaxed) as u64;
    assert_eq!(number(get(&engine, ITEMS, "counted").await.as_ref()), runs * 300 + 1);
    assert!(runs > 1, "it was not sent back");
    others.await.unwrap();
}
