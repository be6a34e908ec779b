//! Promises about closing, and about handles.

use crate::harness::{
    INDEXES, ITEMS, assert_error, bytes, commit, entry, everything, get, increment, item, put, scan,
    store_with_spaces, strong,
};
use crate::{Store, Subject};
use cairn_storage::{
    Consistency, Decision, Direction, Engine, Error, KeyRange, RecordKey, Snapshot, SpaceId,
};

/// A clone is another handle to the same store, and one handle less changes nothing for the others.
pub async fn a_cloned_engine_is_the_same_store<S: Subject>(subject: S) {
    let (store, engine) = store_with_spaces(&subject).await;
    let clone = engine.clone();
    commit(&clone, vec![put(item("k"), "v")]).await.unwrap();
    drop(clone);
    assert_eq!(get(&engine, &item("k")).await, Some(bytes("v")));
    drop(engine);
    assert_eq!(get(&store.engine(), &item("k")).await, Some(bytes("v")));
}

/// Two stores share nothing.
pub async fn a_fresh_store_is_a_store_of_its_own<S: Subject>(subject: S) {
    let (_first, first) = store_with_spaces(&subject).await;
    let (_second, second) = store_with_spaces(&subject).await;
    commit(&first, vec![put(item("k"), "v")]).await.unwrap();
    assert_eq!(get(&second, &item("k")).await, None);
}

/// Once closed, every call through every handle answers `Closed`; closing again is no error, or `Closed`.
pub async fn a_closed_engine_refuses_every_call<S: Subject>(subject: S) {
    let (_store, engine) = store_with_spaces(&subject).await;
    commit(&engine, vec![put(item("k"), "v")]).await.unwrap();
    let other = engine.clone();
    other.close().await.unwrap();
    for engine in [engine, other] {
        assert_error!(engine.snapshot(Consistency::Strong).await, Error::Closed);
        assert_error!(engine.snapshot(Consistency::Eventual).await, Error::Closed);
        assert_error!(commit(&engine, vec![put(item("k"), "v")]).await, Error::Closed);
        assert_error!(increment(&engine, item("k")).await, Error::Closed);
        assert_error!(engine.transact(vec![item("k")], |_| Decision::unchanged(())).await, Error::Closed);
        assert_error!(engine.create_space(SpaceId::Items(9)).await, Error::Closed);
        assert_error!(engine.create_space(ITEMS).await, Error::Closed);
        assert_error!(engine.drop_space(ITEMS).await, Error::Closed);
        assert_error!(engine.spaces().await, Error::Closed);
        assert_error!(engine.statistics().await, Error::Closed);
        assert!(matches!(engine.close().await, Ok(()) | Err(Error::Closed)));
    }
}

/// A snapshot that outlives its engine goes on as it was, or answers `Closed`.
pub async fn a_snapshot_of_a_closed_engine_is_right_or_closed<S: Subject>(subject: S) {
    let (_store, engine) = store_with_spaces(&subject).await;
    commit(&engine, vec![put(item("k"), "v")]).await.unwrap();
    let snapshot = strong(&engine).await;
    engine.close().await.unwrap();
    for (key, expected) in [(item("k"), Some(bytes("v"))), (item("missing"), None)] {
        match snapshot.get(&key).await {
            Ok(found) => assert_eq!(found, expected),
            Err(error) => assert_error!(Err::<(), _>(error), Error::Closed),
        }
    }
    match scan(&snapshot, ITEMS, KeyRange::all(), Direction::Ascending).await {
        Ok(found) => assert_eq!(found, [(bytes("k"), bytes("v"))]),
        Err(error) => assert_error!(Err::<(), _>(error), Error::Closed),
    }
}

/// Calls that are under way when the engine is closed are all answered: they were in time, or `Closed`.
pub async fn closing_answers_every_call_under_way<S: Subject>(subject: S) {
    for _ in 0..5 {
        let (_store, engine) = store_with_spaces(&subject).await;
        let tasks = write_until_closed(&engine);
        while everything(&strong(&engine).await, INDEXES).await.len() < 20 {
            tokio::task::yield_now().await;
        }
        engine.close().await.unwrap();
        let mut acknowledged = 0;
        for task in tasks {
            acknowledged += task.await.unwrap().acknowledged.len();
        }
        assert!(acknowledged >= 20);
        assert_error!(engine.spaces().await, Error::Closed);
    }
}

/// What a writer was told until its engine closed.
pub(crate) struct Written {
    pub(crate) acknowledged: Vec<RecordKey>,
    pub(crate) refused: RecordKey,
}

/// Starts writers of many index entries, each a key of its own, that stop when the engine is closed.
pub(crate) fn write_until_closed<E: Engine>(engine: &E) -> Vec<tokio::task::JoinHandle<Written>> {
    let writers = (0..8_u64).map(|writer| {
        let engine = engine.clone();
        tokio::spawn(async move {
            let mut acknowledged = Vec::new();
            loop {
                let id = writer << 32 | acknowledged.len() as u64;
                let key = entry(id.to_be_bytes());
                match commit(&engine, vec![put(key.clone(), "v")]).await {
                    Ok(()) => acknowledged.push(key),
                    Err(Error::Closed) => return Written { acknowledged, refused: key },
                    Err(other) => panic!("expected Closed, got {other:?}"),
                }
                tokio::task::yield_now().await;
            }
        })
    });
    writers.collect()
}
