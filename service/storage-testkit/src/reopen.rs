//! Promises of an engine whose stores outlive it: what was acknowledged is there when the store is opened again.

use crate::cancellation::{assert_whole, drop_transactions};
use crate::close::write_until_closed;
use crate::harness::{
    INDEXES, ITEMS, UNKNOWN, assert_error, bytes, commit, counter, entry, everything, get, increment, item,
    put, store_with_spaces, strong, total,
};
use crate::{Reopen, Store, Subject};
use cairn_storage::{Engine, Error, RecordKey, Snapshot, SpaceId, Write};

/// Records, counters and spaces are as they were, in every space.
pub async fn everything_acknowledged_is_there_after_a_reopen<S: Subject<Store: Reopen>>(subject: S) {
    let (store, engine) = store_with_spaces(&subject).await;
    engine.create_space(SpaceId::Items(u64::MAX)).await.unwrap();
    let large = vec![b'l'; 400 * 1024];
    let writes = vec![
        put(item("a"), "1"),
        put(item("gone"), "1"),
        put(item("empty"), ""),
        put(item([0xff; 65_535]), "long key"),
        put(entry("large"), &large),
        put(RecordKey::new(SpaceId::System, "s"), "2"),
        Write::Add(counter(ITEMS, 1), -3),
        Write::Add(counter(SpaceId::System, u16::MAX), 1 << 50),
    ];
    commit(&engine, writes).await.unwrap();
    commit(
        &engine,
        vec![Write::Delete(item("gone")), put(item("a"), "2"), Write::Add(counter(ITEMS, 1), 10)],
    )
    .await
    .unwrap();

    let store = store.reopen().await;
    let engine = store.engine();
    let spaces = [SpaceId::System, ITEMS, SpaceId::Items(u64::MAX), INDEXES];
    assert_eq!(engine.spaces().await.unwrap(), spaces);
    assert_eq!(engine.statistics().await.unwrap().spaces, spaces.len());
    let snapshot = strong(&engine).await;
    let expected =
        [(bytes("a"), bytes("2")), (bytes("empty"), bytes("")), (bytes([0xff; 65_535]), bytes("long key"))];
    assert!(everything(&snapshot, ITEMS).await == expected, "the items differ");
    assert!(everything(&snapshot, INDEXES).await == [(bytes("large"), bytes(large))], "the entries differ");
    assert_eq!(everything(&snapshot, SpaceId::System).await, [(bytes("s"), bytes("2"))]);
    assert_eq!(everything(&snapshot, SpaceId::Items(u64::MAX)).await, []);
    assert_eq!(snapshot.counter(counter(ITEMS, 1)).await.unwrap(), 7);
    assert_eq!(snapshot.counter(counter(SpaceId::System, u16::MAX)).await.unwrap(), 1 << 50);
}

/// What is written between many reopens adds up, and what is deleted stays deleted.
pub async fn a_store_may_be_reopened_again_and_again<S: Subject<Store: Reopen>>(subject: S) {
    let (mut store, _) = store_with_spaces(&subject).await;
    for round in 0..8_u8 {
        let engine = store.engine();
        assert_eq!(increment(&engine, item("k")).await.unwrap(), u64::from(round) + 1);
        let mut writes = vec![put(entry([round]), "v"), Write::Add(counter(ITEMS, 1), 1)];
        if round > 0 {
            writes.push(Write::Delete(entry([round - 1])));
        }
        commit(&engine, writes).await.unwrap();
        store = store.reopen().await;
        let engine = store.engine();
        assert_eq!(everything(&strong(&engine).await, INDEXES).await, [(bytes([round]), bytes("v"))]);
        assert_eq!(total(&engine, counter(ITEMS, 1)).await, i64::from(round) + 1);
    }
}

/// A fresh store that nothing was done with can be reopened.
pub async fn an_empty_store_may_be_reopened<S: Subject<Store: Reopen>>(subject: S) {
    let store = subject.fresh().await.reopen().await;
    assert_eq!(store.engine().spaces().await.unwrap(), [SpaceId::System]);
}

/// A dropped space stays away, and one created in its place has only what was written to it since.
pub async fn a_dropped_space_does_not_come_back<S: Subject<Store: Reopen>>(subject: S) {
    let (store, engine) = store_with_spaces(&subject).await;
    let writes = vec![
        put(item("old"), "v"),
        put(entry("old"), "v"),
        Write::Add(counter(ITEMS, 1), 5),
        Write::Add(counter(INDEXES, 1), 5),
    ];
    commit(&engine, writes).await.unwrap();
    engine.drop_space(ITEMS).await.unwrap();
    engine.drop_space(INDEXES).await.unwrap();
    engine.create_space(INDEXES).await.unwrap();
    commit(&engine, vec![put(entry("new"), "v"), Write::Add(counter(INDEXES, 1), 1)]).await.unwrap();

    let store = store.reopen().await;
    let engine = store.engine();
    assert_eq!(engine.spaces().await.unwrap(), [SpaceId::System, INDEXES]);
    assert_error!(strong(&engine).await.get(&item("old")).await, Error::SpaceNotFound(ITEMS));
    assert_eq!(everything(&strong(&engine).await, INDEXES).await, [(bytes("new"), bytes("v"))]);
    assert_eq!(total(&engine, counter(INDEXES, 1)).await, 1);
    engine.create_space(ITEMS).await.unwrap();
    assert_eq!(everything(&strong(&engine).await, ITEMS).await, []);
    assert_eq!(total(&engine, counter(ITEMS, 1)).await, 0);
}

/// A commit that failed is not found on the disk later.
pub async fn a_failed_commit_is_not_there_after_a_reopen<S: Subject<Store: Reopen>>(subject: S) {
    let (store, engine) = store_with_spaces(&subject).await;
    let stray = put(RecordKey::new(UNKNOWN, "k"), "v");
    let writes = vec![put(item("k"), "v"), Write::Add(counter(ITEMS, 1), 1), stray];
    assert_error!(commit(&engine, writes).await, Error::SpaceNotFound(UNKNOWN));
    let store = store.reopen().await;
    let engine = store.engine();
    assert_eq!(get(&engine, &item("k")).await, None);
    assert_eq!(total(&engine, counter(ITEMS, 1)).await, 0);
    assert_eq!(engine.spaces().await.unwrap(), [SpaceId::System, ITEMS, INDEXES]);
}

/// The sequence number of the newest commit goes on where it was.
pub async fn last_commit_does_not_go_back<S: Subject<Store: Reopen>>(subject: S) {
    let (mut store, engine) = store_with_spaces(&subject).await;
    let mut last = engine.statistics().await.unwrap().last_commit;
    for round in 0..3_u8 {
        for n in 0..5_u8 {
            commit(&store.engine(), vec![put(item([round, n]), "v")]).await.unwrap();
        }
        let before = store.engine().statistics().await.unwrap().last_commit;
        assert!(before > last, "{before} after {last}");
        store = store.reopen().await;
        let after = store.engine().statistics().await.unwrap().last_commit;
        assert!(after >= before, "{after} after a reopen, {before} before");
        last = after;
    }
}

/// Closing finishes what was accepted: an acknowledged write is there, and a refused one is not.
pub async fn closing_keeps_exactly_what_was_acknowledged<S: Subject<Store: Reopen>>(subject: S) {
    let (mut store, _) = store_with_spaces(&subject).await;
    for _ in 0..3 {
        let engine = store.engine();
        engine.drop_space(INDEXES).await.unwrap();
        engine.create_space(INDEXES).await.unwrap();
        let writers = write_until_closed(&engine);
        while everything(&strong(&engine).await, INDEXES).await.len() < 50 {
            tokio::task::yield_now().await;
        }
        store = store.reopen().await;

        let mut acknowledged = Vec::new();
        for writer in writers {
            let written = writer.await.unwrap();
            assert!(!written.acknowledged.contains(&written.refused));
            acknowledged.extend(written.acknowledged.into_iter().map(|key| key.key));
        }
        acknowledged.sort();
        let found = everything(&strong(&store.engine()).await, INDEXES).await;
        assert_eq!(found.into_iter().map(|(key, _)| key).collect::<Vec<_>>(), acknowledged);
    }
}

/// Dropped transactions are whole or absent on the disk too.
pub async fn a_dropped_transaction_is_whole_or_absent_after_a_reopen<S: Subject<Store: Reopen>>(subject: S) {
    let (store, engine) = store_with_spaces(&subject).await;
    let acknowledged = drop_transactions(&engine).await;
    drop(engine);
    let store = store.reopen().await;
    assert_whole(&strong(&store.engine()).await, &acknowledged).await;
}

/// Closing lets the files go although others hold handles, and those do not reach the store that was opened since.
pub async fn a_closed_store_opens_again_while_handles_live<S: Subject<Store: Reopen>>(subject: S) {
    let (store, engine) = store_with_spaces(&subject).await;
    commit(&engine, vec![put(item("k"), "v")]).await.unwrap();
    let store = store.reopen().await;
    assert_error!(commit(&engine, vec![put(item("k"), "w")]).await, Error::Closed);
    assert_eq!(get(&store.engine(), &item("k")).await, Some(bytes("v")));
}

/// Closing lets the files go although others hold snapshots.
pub async fn a_closed_store_opens_again_while_snapshots_live<S: Subject<Store: Reopen>>(subject: S) {
    let (store, engine) = store_with_spaces(&subject).await;
    commit(&engine, vec![put(item("k"), "v")]).await.unwrap();
    let snapshot = strong(&engine).await;
    drop(engine);
    let store = store.reopen().await;
    commit(&store.engine(), vec![put(item("k"), "w")]).await.unwrap();
    match snapshot.get(&item("k")).await {
        Ok(found) => assert_eq!(found, Some(bytes("v"))),
        Err(error) => assert_error!(Err::<(), _>(error), Error::Closed),
    }
    assert_eq!(get(&store.engine(), &item("k")).await, Some(bytes("w")));
}
