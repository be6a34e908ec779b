//! Stores as earlier runs leave them: of an older format, with prepared keyspaces, with a drop that was cut short.

use super::*;
use crate::FjallEngine;
use bytes::Bytes;
use cairn_storage::{Consistency, Decision, Engine, RecordKey, Snapshot as _, Write};

const ITEMS: SpaceId = SpaceId::Items(1);

fn options(folder: &Path) -> FjallOptions {
    let mut options = FjallOptions::new(folder);
    options.cache_bytes = 8 << 20;
    options.disk_reserve_bytes = Some(0);
    options
}

fn engine(folder: &Path) -> FjallEngine {
    FjallEngine::open(options(folder)).unwrap()
}

async fn put(engine: &FjallEngine, name: &'static str) {
    let decide = move |_: &[_]| Decision {
        writes: vec![Write::Put(RecordKey::new(ITEMS, name), Bytes::from_static(b"value"))],
        outcome: (),
    };
    engine.transact(vec![], decide).await.unwrap();
}

async fn is_there(engine: &FjallEngine, name: &'static str) -> bool {
    let snapshot = engine.snapshot(Consistency::Strong).await.unwrap();
    snapshot.get(&RecordKey::new(ITEMS, name)).await.unwrap().is_some()
}

fn keyspace_name(engine: &FjallEngine) -> String {
    let view = engine.handle.shared.view.load();
    view.space(ITEMS).unwrap().keyspace().as_deref().unwrap().name().to_string()
}

/// Opens a store's database without the engine.
fn raw(folder: &Path) -> Database {
    Database::builder(folder.join(layout::DATABASE_FOLDER)).open().unwrap()
}

/// Waits until the store's database has as many keyspaces of the pool.
async fn until_prepared(engine: &FjallEngine, keyspaces: usize) {
    let wait = async {
        while engine.handle.shared.prepared.load(std::sync::atomic::Ordering::Relaxed) < keyspaces {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(60), wait).await.expect("nothing is prepared");
}

#[tokio::test]
async fn a_store_of_version_1_keeps_its_spaces_until_they_are_dropped() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path();
    std::fs::write(path.join(layout::FORMAT_FILE), r#"{"format_version": 1}"#).unwrap();
    drop(Watermark::create(&path.join(layout::WATERMARK_FILE)).unwrap());
    {
        let database = raw(path);
        let keyspace = |name: &str| database.keyspace(name, || tuning::keyspace_options(1 << 14)).unwrap();
        let (engine, _system) = (keyspace(layout::ENGINE_KEYSPACE), keyspace("system"));
        engine.insert(layout::SEQUENCE_KEY, 1_u64.to_be_bytes()).unwrap();
        keyspace("items-1").insert("old", "value").unwrap();
    }
    let store = engine(path);
    assert_eq!(store.spaces().await.unwrap(), [SpaceId::System, ITEMS]);
    assert!(is_there(&store, "old").await);
    put(&store, "new").await;
    store.close().await.unwrap();
    let text = std::fs::read_to_string(path.join(layout::FORMAT_FILE)).unwrap();
    assert!(text.contains("\"format_version\": 2"), "{text}");

    let store = engine(path);
    assert!(is_there(&store, "old").await && is_there(&store, "new").await);
    store.drop_space(ITEMS).await.unwrap();
    store.create_space(ITEMS).await.unwrap();
    assert!(!is_there(&store, "old").await);
    put(&store, "again").await;
    store.close().await.unwrap();
    let store = engine(path);
    assert!(!is_there(&store, "old").await && is_there(&store, "again").await);
    store.close().await.unwrap();
}

#[tokio::test]
async fn keyspaces_are_prepared_and_used_by_the_next_run() {
    let folder = tempfile::tempdir().unwrap();
    let store = engine(folder.path());
    until_prepared(&store, 8).await;
    store.close().await.unwrap();
    let store = engine(folder.path());
    store.create_space(ITEMS).await.unwrap();
    let name = keyspace_name(&store);
    assert!(layout::pool_number_of(&name).unwrap() <= 8, "{name} is new");
    put(&store, "item").await;
    store.close().await.unwrap();
    // Twice, so that what the first does to the store is seen by the second.
    for _ in 0..2 {
        let store = engine(folder.path());
        assert_eq!(store.spaces().await.unwrap(), [SpaceId::System, ITEMS]);
        assert_eq!(keyspace_name(&store), name);
        assert!(is_there(&store, "item").await);
        store.close().await.unwrap();
    }
}

#[tokio::test]
async fn a_drop_that_a_crash_cut_short_is_finished_by_the_next_run() {
    let folder = tempfile::tempdir().unwrap();
    let store = engine(folder.path());
    store.create_space(ITEMS).await.unwrap();
    put(&store, "item").await;
    let name = keyspace_name(&store);
    *store.handle.shared.faults.lock() = vec!["removing a dropped space"];
    store.drop_space(ITEMS).await.unwrap();
    store.close().await.unwrap();
    assert!(raw(folder.path()).keyspace_exists(&name), "there was nothing to finish");

    let store = engine(folder.path());
    assert_eq!(store.spaces().await.unwrap(), [SpaceId::System]);
    store.create_space(ITEMS).await.unwrap();
    assert!(!is_there(&store, "item").await);
    assert_ne!(keyspace_name(&store), name);
    store.close().await.unwrap();
    assert!(!raw(folder.path()).keyspace_exists(&name));
}

#[tokio::test]
async fn records_without_a_space_are_damage_unless_the_loss_is_accepted() {
    let folder = tempfile::tempdir().unwrap();
    let store = engine(folder.path());
    until_prepared(&store, 1).await;
    store.close().await.unwrap();
    {
        let database = raw(folder.path());
        let spare = database.keyspace("pool-1", || tuning::keyspace_options(1 << 14)).unwrap();
        spare.insert("key", "value").unwrap();
    }
    let Err(Error::Damaged { reason }) = FjallEngine::open(options(folder.path())) else {
        panic!("it opened")
    };
    assert!(reason.contains("pool-1"), "{reason}");
    let mut accepting = options(folder.path());
    accepting.accept_loss = true;
    let store = FjallEngine::open(accepting).unwrap();
    assert_eq!(store.spaces().await.unwrap(), [SpaceId::System]);
    store.close().await.unwrap();
    engine(folder.path()).close().await.unwrap();
}
