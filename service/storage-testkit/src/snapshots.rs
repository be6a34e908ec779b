//! Promises about snapshots: whole commits, the ones that count, and always the same ones.

use crate::Subject;
use crate::harness::{
    INDEXES, ITEMS, bytes, commit, counter, entry, everything, get, increment, item, number, parse, put,
    store_with_spaces, strong,
};
use cairn_storage::{Consistency, Engine, Snapshot, SpaceId, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// What is committed after a snapshot was taken does not show in it, by any way of reading.
pub async fn a_snapshot_does_not_show_later_commits<S: Subject>(subject: S) {
    let (_store, engine) = store_with_spaces(&subject).await;
    commit(&engine, vec![put(item("a"), "1"), put(item("b"), "1"), Write::Add(counter(ITEMS, 1), 2)])
        .await
        .unwrap();
    let snapshot = strong(&engine).await;
    let writes = vec![
        put(item("a"), "2"),
        Write::Delete(item("b")),
        put(item("c"), "2"),
        put(entry("a"), "2"),
        Write::Add(counter(ITEMS, 1), 40),
    ];
    commit(&engine, writes).await.unwrap();

    let before = [(bytes("a"), bytes("1")), (bytes("b"), bytes("1"))];
    assert_eq!(everything(&snapshot, ITEMS).await, before);
    assert_eq!(everything(&snapshot, INDEXES).await, []);
    let found = snapshot.get_many(vec![item("c"), item("b"), item("a")]).await.unwrap();
    assert_eq!(found, [None, Some(bytes("1")), Some(bytes("1"))]);
    assert_eq!(snapshot.get(&item("a")).await.unwrap(), Some(bytes("1")));
    assert_eq!(snapshot.counter(counter(ITEMS, 1)).await.unwrap(), 2);

    let after = strong(&engine).await;
    assert_eq!(everything(&after, ITEMS).await, [(bytes("a"), bytes("2")), (bytes("c"), bytes("2"))]);
    assert_eq!(after.counter(counter(ITEMS, 1)).await.unwrap(), 42);
}

/// Snapshots held over hundreds of overwrites each still show their own moment.
pub async fn each_held_snapshot_keeps_its_own_moment<S: Subject>(subject: S) {
    let (_store, engine) = store_with_spaces(&subject).await;
    let mut held = Vec::new();
    for n in 0..300_u64 {
        if n % 30 == 0 {
            held.push((n, strong(&engine).await));
        }
        let mut writes = vec![Write::Put(item("k"), number(n + 1)), Write::Add(counter(ITEMS, 1), 1)];
        writes.push(Write::Put(item(number(n)), number(n)));
        if n >= 10 {
            writes.push(Write::Delete(item(number(n - 10))));
        }
        commit(&engine, writes).await.unwrap();
    }
    for (moment, snapshot) in held {
        assert_eq!(parse(snapshot.get(&item("k")).await.unwrap().as_ref()), moment);
        assert_eq!(snapshot.counter(counter(ITEMS, 1)).await.unwrap(), moment as i64);
        let mut expected = (moment.saturating_sub(10)..moment).map(number).collect::<Vec<_>>();
        if moment > 0 {
            expected.push(bytes("k"));
        }
        let found = everything(&snapshot, ITEMS).await.into_iter().map(|(key, _)| key).collect::<Vec<_>>();
        assert_eq!(found, expected);
    }
}

/// A clone shows what the original shows, and outlives it.
pub async fn a_clone_shows_the_same_moment<S: Subject>(subject: S) {
    let (_store, engine) = store_with_spaces(&subject).await;
    commit(&engine, vec![put(item("k"), "1")]).await.unwrap();
    let original = strong(&engine).await;
    commit(&engine, vec![put(item("k"), "2")]).await.unwrap();
    let clone = original.clone();
    drop(original);
    commit(&engine, vec![put(item("k"), "3")]).await.unwrap();
    assert_eq!(clone.get(&item("k")).await.unwrap(), Some(bytes("1")));
}

/// Records come back in the order of the keys, a missing one as none, one asked for twice twice.
pub async fn get_many_answers_in_the_order_of_its_keys<S: Subject>(subject: S) {
    let (_store, engine) = store_with_spaces(&subject).await;
    commit(&engine, vec![put(item("a"), "1"), put(item("b"), ""), put(entry("a"), "3")]).await.unwrap();
    let snapshot = strong(&engine).await;
    let keys = vec![entry("a"), item("b"), item("x"), item("a"), item("b"), entry("b")];
    let found = snapshot.get_many(keys).await.unwrap();
    let expected = [Some(bytes("3")), Some(bytes("")), None, Some(bytes("1")), Some(bytes("")), None];
    assert_eq!(found, expected);
    assert_eq!(snapshot.get_many(Vec::new()).await.unwrap(), []);
}

/// No view, of whatever consistency, shows a part of a commit, while commits over spaces and counters go on.
pub async fn no_snapshot_shows_a_part_of_a_commit<S: Subject>(subject: S) {
    const GENERATIONS: u64 = 400;
    let (_store, engine) = store_with_spaces(&subject).await;
    let keys = (0..8_u8).map(|n| if n % 2 == 0 { item([n]) } else { entry([n]) }).collect::<Vec<_>>();
    let done = Arc::new(AtomicBool::new(false));
    let readers = (0..4_usize).map(|reader| {
        let (engine, keys, done) = (engine.clone(), keys.clone(), done.clone());
        tokio::spawn(async move {
            let mut seen_strong = 0;
            for round in reader.. {
                let ended = done.load(Ordering::SeqCst);
                let consistency = [Consistency::Strong, Consistency::Eventual][round % 2];
                let snapshot = engine.snapshot(consistency).await.unwrap();
                let records = snapshot.get_many(keys.clone()).await.unwrap();
                let generation = parse(records[0].as_ref());
                let scanned =
                    [everything(&snapshot, ITEMS).await, everything(&snapshot, INDEXES).await].concat();
                let count = snapshot.counter(counter(ITEMS, 1)).await.unwrap();
                let others = records.iter().map(|record| parse(record.as_ref()));
                let others = others.chain(scanned.iter().map(|(_, value)| parse(Some(value))));
                for other in others.chain([count as u64]) {
                    assert_eq!(other, generation, "{consistency:?}");
                }
                assert_eq!(scanned.len(), if generation == 0 { 0 } else { keys.len() });
                if consistency == Consistency::Strong {
                    assert!(generation >= seen_strong, "{generation} after {seen_strong}");
                    seen_strong = generation;
                    if ended {
                        assert_eq!(generation, GENERATIONS);
                        break;
                    }
                }
                tokio::task::yield_now().await;
            }
        })
    });
    let readers = readers.collect::<Vec<_>>();
    for generation in 1..=GENERATIONS {
        let mut value = vec![b'.'; 2_000];
        value[..8].copy_from_slice(&generation.to_be_bytes());
        let mut writes = keys.iter().map(|key| put(key.clone(), &value)).collect::<Vec<_>>();
        writes.push(Write::Add(counter(ITEMS, 1), 1));
        commit(&engine, writes).await.unwrap();
    }
    done.store(true, Ordering::SeqCst);
    for reader in readers {
        reader.await.unwrap();
    }
}

/// A strong snapshot holds what its own task was just told is committed.
pub async fn a_strong_snapshot_shows_the_callers_own_writes<S: Subject>(subject: S) {
    let (_store, engine) = store_with_spaces(&subject).await;
    let tasks = (0..8_u8).map(|task| {
        let engine = engine.clone();
        tokio::spawn(async move {
            for _ in 0..40 {
                let own = increment(&engine, item([task])).await.unwrap();
                assert_eq!(parse(get(&engine, &item([task])).await.as_ref()), own);
            }
        })
    });
    for task in tasks.collect::<Vec<_>>() {
        task.await.unwrap();
    }
}

/// A strong snapshot holds what another task was told before the snapshot was asked for, through another handle.
pub async fn a_strong_snapshot_shows_what_others_were_told<S: Subject>(subject: S) {
    let (_store, engine) = store_with_spaces(&subject).await;
    let (sender, mut receiver) = tokio::sync::mpsc::channel::<u64>(1);
    let writer = tokio::spawn({
        let engine = engine.clone();
        async move {
            for n in 1..=200 {
                increment(&engine, item("k")).await.unwrap();
                sender.send(n).await.unwrap();
            }
        }
    });
    while let Some(acknowledged) = receiver.recv().await {
        let seen = parse(get(&engine, &item("k")).await.as_ref());
        assert!(seen >= acknowledged, "{acknowledged} was acknowledged, and a later snapshot shows {seen}");
    }
    writer.await.unwrap();
}

/// Spaces made before a strong snapshot are in it.
pub async fn a_strong_snapshot_shows_the_spaces_made_before_it<S: Subject>(subject: S) {
    let (_store, engine) = store_with_spaces(&subject).await;
    for table in 10..15 {
        let space = SpaceId::Items(table);
        engine.create_space(space).await.unwrap();
        assert_eq!(everything(&strong(&engine).await, space).await, []);
    }
}
