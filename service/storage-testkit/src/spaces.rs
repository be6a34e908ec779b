//! Promises about spaces: creating, dropping, listing them, and what happens to calls on one that is not there.

use crate::harness::{
    INDEXES, ITEMS, UNKNOWN, assert_error, bytes, commit, counter, entry, everything, get, item, put, scan,
    store_with_spaces, strong, total,
};
use crate::{Store, Subject};
use cairn_storage::{Decision, Direction, Engine, Error, KeyRange, RecordKey, Snapshot, SpaceId, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// A fresh store has one space, the system space; records can be put there at once, and it cannot be dropped.
pub async fn the_system_space_is_always_there<S: Subject>(subject: S) {
    let store = subject.fresh().await;
    let engine = store.engine();
    assert_eq!(engine.spaces().await.unwrap(), [SpaceId::System]);

    let key = RecordKey::new(SpaceId::System, "catalog");
    commit(&engine, vec![put(key.clone(), "v")]).await.unwrap();
    engine.create_space(SpaceId::System).await.unwrap();
    assert_eq!(get(&engine, &key).await, Some(bytes("v")));

    engine.drop_space(SpaceId::System).await.expect_err("dropping the system space");
    assert_eq!(engine.spaces().await.unwrap(), [SpaceId::System]);
    assert_eq!(get(&engine, &key).await, Some(bytes("v")));
    commit(&engine, vec![put(key.clone(), "w")]).await.unwrap();
    assert_eq!(get(&engine, &key).await, Some(bytes("w")));
}

/// Spaces are listed in the order of their identifiers, not of their creation.
pub async fn spaces_are_listed_in_order<S: Subject>(subject: S) {
    let store = subject.fresh().await;
    let engine = store.engine();
    for space in [SpaceId::Indexes(2), SpaceId::Items(10), SpaceId::Items(9), SpaceId::Indexes(1)] {
        engine.create_space(space).await.unwrap();
    }
    engine.create_space(SpaceId::Items(u64::MAX)).await.unwrap();
    engine.drop_space(SpaceId::Items(9)).await.unwrap();
    let expected = [
        SpaceId::System,
        SpaceId::Items(10),
        SpaceId::Items(u64::MAX),
        SpaceId::Indexes(1),
        SpaceId::Indexes(2),
    ];
    assert_eq!(engine.spaces().await.unwrap(), expected);
    assert_eq!(engine.statistics().await.unwrap().spaces, expected.len());
}

/// Creating a space that exists leaves its records and counters alone.
pub async fn creating_a_space_twice_changes_nothing<S: Subject>(subject: S) {
    let (_store, engine) = store_with_spaces(&subject).await;
    commit(&engine, vec![put(item("k"), "v"), Write::Add(counter(ITEMS, 1), 5)]).await.unwrap();
    engine.create_space(ITEMS).await.unwrap();
    assert_eq!(get(&engine, &item("k")).await, Some(bytes("v")));
    assert_eq!(total(&engine, counter(ITEMS, 1)).await, 5);
    assert_eq!(engine.spaces().await.unwrap(), [SpaceId::System, ITEMS, INDEXES]);
}

/// Many callers may create one space at once.
pub async fn a_space_created_by_many_at_once_is_one_space<S: Subject>(subject: S) {
    let store = subject.fresh().await;
    let creators = (0..8_u8).map(|n| {
        let engine = store.engine();
        tokio::spawn(async move {
            engine.create_space(ITEMS).await.unwrap();
            commit(&engine, vec![put(item([n]), "v")]).await.unwrap();
        })
    });
    for creator in creators.collect::<Vec<_>>() {
        creator.await.unwrap();
    }
    let engine = store.engine();
    assert_eq!(engine.spaces().await.unwrap(), [SpaceId::System, ITEMS]);
    assert_eq!(everything(&strong(&engine).await, ITEMS).await.len(), 8);
}

/// Dropping a space that does not exist is no error, before it was created or after it was dropped.
pub async fn dropping_a_space_that_is_not_there_is_no_error<S: Subject>(subject: S) {
    let (_store, engine) = store_with_spaces(&subject).await;
    engine.drop_space(UNKNOWN).await.unwrap();
    engine.drop_space(ITEMS).await.unwrap();
    engine.drop_space(ITEMS).await.unwrap();
    assert_eq!(engine.spaces().await.unwrap(), [SpaceId::System, INDEXES]);
}

/// A dropped space is gone with its records and counters, and no other space loses anything.
pub async fn a_dropped_space_takes_its_records_and_counters_along<S: Subject>(subject: S) {
    let (_store, engine) = store_with_spaces(&subject).await;
    let writes = vec![
        put(item("k"), "item"),
        put(entry("k"), "entry"),
        Write::Add(counter(ITEMS, 1), 5),
        Write::Add(counter(INDEXES, 1), 7),
    ];
    commit(&engine, writes).await.unwrap();
    engine.drop_space(ITEMS).await.unwrap();

    let snapshot = strong(&engine).await;
    assert_error!(snapshot.get(&item("k")).await, Error::SpaceNotFound(ITEMS));
    assert_error!(snapshot.counter(counter(ITEMS, 1)).await, Error::SpaceNotFound(ITEMS));
    assert_eq!(snapshot.get(&entry("k")).await.unwrap(), Some(bytes("entry")));
    assert_eq!(snapshot.counter(counter(INDEXES, 1)).await.unwrap(), 7);
}

/// A space that is created again after being dropped has nothing of what it had.
pub async fn a_recreated_space_is_empty<S: Subject>(subject: S) {
    let (_store, engine) = store_with_spaces(&subject).await;
    for round in 0..3 {
        assert_eq!(everything(&strong(&engine).await, ITEMS).await, [], "round {round}");
        assert_eq!(total(&engine, counter(ITEMS, 1)).await, 0, "round {round}");
        let writes = (0..50_u8).map(|n| put(item([n]), "v")).chain([Write::Add(counter(ITEMS, 1), 50)]);
        commit(&engine, writes.collect()).await.unwrap();
        engine.drop_space(ITEMS).await.unwrap();
        engine.create_space(ITEMS).await.unwrap();
    }
    commit(&engine, vec![put(item("new"), "v")]).await.unwrap();
    assert_eq!(everything(&strong(&engine).await, ITEMS).await, [(bytes("new"), bytes("v"))]);
}

/// Reads of a space that does not exist say so, by every way of reading.
pub async fn reading_an_unknown_space_is_space_not_found<S: Subject>(subject: S) {
    let (_store, engine) = store_with_spaces(&subject).await;
    let snapshot = strong(&engine).await;
    let unknown = RecordKey::new(UNKNOWN, "k");
    assert_error!(snapshot.get(&unknown).await, Error::SpaceNotFound(UNKNOWN));
    assert_error!(snapshot.get_many(vec![item("k"), unknown]).await, Error::SpaceNotFound(UNKNOWN));
    assert_error!(snapshot.counter(counter(UNKNOWN, 1)).await, Error::SpaceNotFound(UNKNOWN));
    for direction in [Direction::Ascending, Direction::Descending] {
        assert_error!(
            scan(&snapshot, UNKNOWN, KeyRange::all(), direction).await,
            Error::SpaceNotFound(UNKNOWN)
        );
    }
}

/// A commit in which any write names a space that does not exist writes nothing, wherever that write stands.
pub async fn a_write_to_an_unknown_space_undoes_the_whole_commit<S: Subject>(subject: S) {
    let (_store, engine) = store_with_spaces(&subject).await;
    commit(&engine, vec![put(item("old"), "v")]).await.unwrap();
    let before = engine.statistics().await.unwrap().last_commit;

    let unknown = RecordKey::new(UNKNOWN, "k");
    let strays = [put(unknown.clone(), "v"), Write::Delete(unknown), Write::Add(counter(UNKNOWN, 1), 1)];
    for stray in strays {
        for position in 0..=4 {
            let mut writes = vec![
                put(item("new"), "v"),
                put(entry("new"), "v"),
                Write::Delete(item("old")),
                Write::Add(counter(ITEMS, 1), 1),
            ];
            writes.insert(position, stray.clone());
            assert_error!(commit(&engine, writes).await, Error::SpaceNotFound(UNKNOWN));
        }
    }

    let snapshot = strong(&engine).await;
    assert_eq!(everything(&snapshot, ITEMS).await, [(bytes("old"), bytes("v"))]);
    assert_eq!(everything(&snapshot, INDEXES).await, []);
    assert_eq!(snapshot.counter(counter(ITEMS, 1)).await.unwrap(), 0);
    assert_eq!(engine.statistics().await.unwrap().last_commit, before);
}

/// A declared key in a space that does not exist fails the transaction, also if that key is not written.
pub async fn declaring_a_key_of_an_unknown_space_is_space_not_found<S: Subject>(subject: S) {
    let (_store, engine) = store_with_spaces(&subject).await;
    let unknown = RecordKey::new(UNKNOWN, "k");
    let write = |_: &[_]| Decision { writes: vec![put(item("k"), "v")], outcome: () };
    assert_error!(
        engine.transact(vec![item("k"), unknown.clone()], write).await,
        Error::SpaceNotFound(UNKNOWN)
    );
    assert_error!(
        engine.transact(vec![unknown], |_| Decision::unchanged(())).await,
        Error::SpaceNotFound(UNKNOWN)
    );
    assert_eq!(get(&engine, &item("k")).await, None);
}

/// Of the transactions that race with the dropping of their space, each is acknowledged whole or fails whole.
pub async fn transactions_racing_with_a_drop_are_whole_or_fail<S: Subject>(subject: S) {
    let (_store, engine) = store_with_spaces(&subject).await;
    let dropped = Arc::new(AtomicBool::new(false));
    let writers = (0..8_u64).map(|writer| {
        let (engine, dropped) = (engine.clone(), dropped.clone());
        tokio::spawn(async move {
            let mut acknowledged = 0;
            loop {
                let was_dropped = dropped.load(Ordering::SeqCst);
                let key = (writer << 32 | acknowledged).to_be_bytes();
                let decide = move |_: &[_]| Decision {
                    writes: vec![
                        put(entry(key), "v"),
                        Write::Add(counter(SpaceId::System, 9), 1),
                        put(item(key), "v"),
                    ],
                    outcome: (),
                };
                match engine.transact(vec![item(key)], decide).await {
                    Ok(()) => {
                        assert!(!was_dropped, "a transaction on a dropped space was acknowledged");
                        acknowledged += 1;
                    }
                    Err(Error::SpaceNotFound(ITEMS)) => break,
                    Err(other) => panic!("expected SpaceNotFound, got {other:?}"),
                }
                tokio::task::yield_now().await;
            }
            acknowledged
        })
    });
    let writers = writers.collect::<Vec<_>>();
    while everything(&strong(&engine).await, INDEXES).await.len() < 100 {
        tokio::task::yield_now().await;
    }
    engine.drop_space(ITEMS).await.unwrap();
    dropped.store(true, Ordering::SeqCst);

    let mut acknowledged = 0;
    for writer in writers {
        acknowledged += writer.await.unwrap();
    }
    let snapshot = strong(&engine).await;
    assert_eq!(everything(&snapshot, INDEXES).await.len() as u64, acknowledged);
    assert_eq!(snapshot.counter(counter(SpaceId::System, 9)).await.unwrap() as u64, acknowledged);
}

/// A snapshot taken before a drop goes on showing the space as it was, or says that it is gone; nothing in between.
pub async fn a_snapshot_from_before_a_drop_is_whole_or_says_so<S: Subject>(subject: S) {
    let (_store, engine) = store_with_spaces(&subject).await;
    let writes = (0..100_u8).map(|n| put(item([n]), "old")).chain([Write::Add(counter(ITEMS, 1), 100)]);
    commit(&engine, writes.collect()).await.unwrap();
    let snapshot = strong(&engine).await;

    engine.drop_space(ITEMS).await.unwrap();
    for recreated in [false, true] {
        if recreated {
            engine.create_space(ITEMS).await.unwrap();
            commit(&engine, vec![put(item([0]), "new"), put(item([200]), "new")]).await.unwrap();
        }
        match scan(&snapshot, ITEMS, KeyRange::all(), Direction::Ascending).await {
            Ok(records) => {
                assert_eq!(records.len(), 100);
                assert!(records.iter().all(|(_, value)| value == "old"));
            }
            Err(error) => assert_error!(Err::<(), _>(error), Error::SpaceNotFound(ITEMS)),
        }
        match snapshot.get(&item([0])).await {
            Ok(found) => assert_eq!(found, Some(bytes("old"))),
            Err(error) => assert_error!(Err::<(), _>(error), Error::SpaceNotFound(ITEMS)),
        }
        match snapshot.counter(counter(ITEMS, 1)).await {
            Ok(total) => assert_eq!(total, 100),
            Err(error) => assert_error!(Err::<(), _>(error), Error::SpaceNotFound(ITEMS)),
        }
    }
}

/// The space past the limit is refused, those that exist are not affected, and a dropped one makes room.
pub async fn a_space_past_the_limit_is_refused<S: Subject>(subject: S) {
    const LIMIT: usize = 6;
    let store = subject.fresh_with_max_spaces(LIMIT).await;
    let engine = store.engine();
    for table in 1..LIMIT as u64 {
        engine.create_space(SpaceId::Items(table)).await.unwrap();
    }
    assert_error!(engine.create_space(SpaceId::Indexes(1)).await, Error::TooManySpaces { limit: LIMIT });
    assert_eq!(engine.spaces().await.unwrap().len(), LIMIT);
    assert_error!(commit(&engine, vec![put(entry("k"), "v")]).await, Error::SpaceNotFound(INDEXES));

    engine.create_space(ITEMS).await.unwrap();
    commit(&engine, vec![put(item("k"), "v")]).await.unwrap();

    engine.drop_space(SpaceId::Items(2)).await.unwrap();
    engine.create_space(INDEXES).await.unwrap();
    commit(&engine, vec![put(entry("k"), "v")]).await.unwrap();
    assert_error!(engine.create_space(SpaceId::Items(2)).await, Error::TooManySpaces { limit: LIMIT });
}
