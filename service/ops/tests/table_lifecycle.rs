//! Tables whose creation, change or deletion meets a limit, fails, or is overtaken.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic)] // Tests fail loudly, in helpers too.

mod common;
mod root;
#[path = "common/scripted.rs"]
mod scripted;

use cairn_model::{KeyType, TableStatus};
use cairn_ops::{
    CreateTable, DeleteTable, DescribeTable, DescribeTimeToLive, Error, GlobalSecondaryIndexUpdate,
    IndexStatus, ListTables, Service, ServiceOptions, TimeToLiveSpecification, TimeToLiveStatus, UpdateTable,
    UpdateTimeToLive,
};
use cairn_storage::memory::{MemoryEngine, MemoryOptions};
use cairn_storage::{Engine, Error as StorageError, SpaceId};
use cairn_storage_fjall::{FjallEngine, FjallOptions};
use common::*;
use root::{AsRoot, start};
use scripted::{EngineCall, Scripted};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use tokio::sync::Notify;

fn indexed(name: &str) -> CreateTable {
    CreateTable {
        table: name.into(),
        attribute_definitions: definitions(&[("pk", KeyType::S), ("sk", KeyType::S), ("team", KeyType::S)]),
        global_secondary_indexes: Some(vec![index("by-team", &["team"], &[])]),
        ..table()
    }
}

fn adding_an_index() -> UpdateTable {
    UpdateTable {
        table: TABLE.into(),
        attribute_definitions: definitions(&[("team", KeyType::S)]),
        global_secondary_index_updates: vec![GlobalSecondaryIndexUpdate {
            create: Some(index("by-team", &["team"], &[])),
            ..GlobalSecondaryIndexUpdate::default()
        }],
        ..UpdateTable::default()
    }
}

fn expiring(name: &str) -> UpdateTimeToLive {
    let specification = TimeToLiveSpecification { enabled: Some(true), attribute: "until".into() };
    UpdateTimeToLive { table: name.into(), specification: Some(specification) }
}

async fn status<E: Engine>(service: &Service<E>, name: &str) -> Option<TableStatus> {
    match (DescribeTable { table: name.into() }).by_root(service).await {
        Ok(table) => Some(table.status),
        Err(Error::ResourceNotFound { .. }) => None,
        Err(error) => panic!("{error}"),
    }
}

async fn scripted() -> (Scripted<MemoryEngine>, Service<Scripted<MemoryEngine>>) {
    let engine = Scripted::new(MemoryEngine::new());
    let service = start(engine.clone(), ServiceOptions::default()).await.unwrap();
    (engine, service)
}

fn too_many_spaces(call: EngineCall) -> Option<StorageError> {
    matches!(call, EngineCall::CreateSpace(_)).then_some(StorageError::TooManySpaces { limit: 1 })
}

fn no_room(call: EngineCall) -> Option<StorageError> {
    let full = StorageError::StorageFull { available_bytes: 1, reserve_bytes: 2 };
    matches!(call, EngineCall::CreateSpace(_)).then_some(full)
}

#[tokio::test]
async fn as_many_tables_as_there_may_be_have_room_in_memory() {
    let tables_max = ServiceOptions::default().tables_max;
    let options = MemoryOptions { max_spaces: tables_max * 2 + 1 };
    as_many_tables_as_there_may_be_have_room(MemoryEngine::with_options(options)).await;
}

#[tokio::test]
async fn as_many_tables_as_there_may_be_have_room_on_disk() {
    let folder = tempfile::tempdir().unwrap();
    let store = FjallEngine::open(FjallOptions::new(folder.path())).unwrap();
    as_many_tables_as_there_may_be_have_room(store.clone()).await;
    store.close().await.unwrap();
}

/// Room for an index and for time to live of each.
async fn as_many_tables_as_there_may_be_have_room<E: Engine>(store: E) {
    let tables_max = ServiceOptions::default().tables_max;
    let mut service = start(store.clone(), ServiceOptions::default()).await.unwrap();
    let name = |number: usize| format!("table-{number:03}");
    for number in 0..tables_max {
        match number % 2 {
            0 => indexed(&name(number)).by_root(&service).await.unwrap(),
            _ => CreateTable { table: name(number), ..table() }.by_root(&service).await.unwrap(),
        };
    }
    for round in 0..2 {
        for number in 0..tables_max {
            assert_eq!(status(&service, &name(number)).await, Some(TableStatus::Active));
        }
        let refused = indexed("one-more").by_root(&service).await.unwrap_err();
        let limit = "Subscriber limit exceeded: this store holds at most 400 tables";
        assert!(matches!(refused, Error::LimitExceeded { message } if message == limit));
        assert_eq!(refusal(&service, indexed(&name(0))).await, "Table already exists: table-000");
        if round == 0 {
            service = start(store.clone(), ServiceOptions::default()).await.unwrap();
        }
    }
    for number in 0..tables_max {
        expiring(&name(number)).by_root(&service).await.unwrap();
    }
    service.settled().await;
    for number in 0..tables_max {
        let described = DescribeTimeToLive { table: name(number) }.by_root(&service).await.unwrap();
        assert_eq!(described.status, TimeToLiveStatus::Enabled);
        DeleteTable { table: name(number) }.by_root(&service).await.unwrap();
        assert_eq!(status(&service, &name(number)).await, None);
    }
    assert_eq!(store.spaces().await.unwrap(), [SpaceId::System]);
    indexed("one-more").by_root(&service).await.unwrap();
}

#[tokio::test]
async fn a_store_with_too_few_spaces_for_its_tables_is_not_served() {
    let options = || ServiceOptions { tables_max: 3, ..ServiceOptions::default() };
    let store = |max_spaces| MemoryEngine::with_options(MemoryOptions { max_spaces });
    let Err(Error::Internal { source }) = start(store(6), options()).await else { panic!("it started") };
    assert!(source.to_string().starts_with("3 tables need 7 spaces"), "{source}");
    assert!(start(store(7), options()).await.is_ok());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn tables_created_at_once_are_no_more_than_there_may_be() {
    let options = ServiceOptions { tables_max: 5, ..ServiceOptions::default() };
    let service = start(MemoryEngine::new(), options).await.unwrap();
    let creating: Vec<_> = (0..40)
        .map(|number| {
            let service = service.clone();
            tokio::spawn(async move { indexed(&format!("table-{number}")).by_root(&service).await.is_ok() })
        })
        .collect();
    let mut created = 0;
    for creating in creating {
        created += usize::from(creating.await.unwrap());
    }
    let listed = ListTables::default().by_root(&service).await.unwrap().names.len();
    assert_eq!((created, listed), (5, 5));
}

#[tokio::test]
async fn the_tables_of_an_earlier_version_are_counted() {
    let store = MemoryEngine::new();
    let options = || ServiceOptions { tables_max: 2, ..ServiceOptions::default() };
    let service = start(store.clone(), options()).await.unwrap();
    indexed("first").by_root(&service).await.unwrap();
    indexed("second").by_root(&service).await.unwrap();
    // It kept the next number alone.
    let numbers = cairn_storage::RecordKey::new(SpaceId::System, &[2u8][..]);
    let writes = vec![cairn_storage::Write::Put(numbers, 3u64.to_be_bytes().to_vec().into())];
    store
        .transact(Vec::new(), move |_| cairn_storage::Decision { writes: writes.clone(), outcome: () })
        .await
        .unwrap();
    let service = start(store, options()).await.unwrap();
    assert!(matches!(indexed("third").by_root(&service).await, Err(Error::LimitExceeded { .. })));
    DeleteTable { table: "first".into() }.by_root(&service).await.unwrap();
    indexed("third").by_root(&service).await.unwrap();
}

#[tokio::test]
async fn a_table_that_cannot_be_created_leaves_nothing_and_its_creator_hears_why() {
    let (engine, service) = scripted().await;
    engine.refuse(too_many_spaces);
    assert!(matches!(indexed(TABLE).by_root(&service).await, Err(Error::LimitExceeded { .. })));
    assert_eq!(status(&service, TABLE).await, None);
    engine.refuse(no_room);
    assert!(matches!(indexed(TABLE).by_root(&service).await, Err(Error::Unavailable { .. })));
    assert_eq!(status(&service, TABLE).await, None);
    // The second of its spaces.
    engine.refuse(|call| match call {
        EngineCall::CreateSpace(SpaceId::Indexes(_)) => Some(StorageError::backend("creating", "a fault")),
        _ => None,
    });
    assert!(matches!(indexed(TABLE).by_root(&service).await, Err(Error::Internal { .. })));
    assert_eq!(status(&service, TABLE).await, None);
    engine.refuse(|_| None);
    assert_eq!(engine.spaces().await.unwrap(), [SpaceId::System]);
    create(&service, indexed(TABLE)).await.unwrap();
    assert_active(&service).await;
}

#[tokio::test]
async fn a_change_that_the_store_has_no_space_for_is_refused_at_once_and_changes_nothing() {
    let (engine, service) = scripted().await;
    create(&service, table()).await.unwrap();
    for refuse in [too_many_spaces, no_room] {
        engine.refuse(refuse);
        assert!(adding_an_index().by_root(&service).await.is_err());
        assert!(expiring(TABLE).by_root(&service).await.is_err());
        service.settled().await;
        let described = describe(&service).await;
        assert!(described.indexes.is_empty());
        assert_eq!(described.status, TableStatus::Active);
        let time_to_live = DescribeTimeToLive { table: TABLE.into() }.by_root(&service).await.unwrap();
        assert_eq!(time_to_live.status, TimeToLiveStatus::Disabled);
        put(&key("a", "b")).by_root(&service).await.unwrap();
    }
    engine.refuse(|_| None);
    adding_an_index().by_root(&service).await.unwrap();
    DeleteTable { table: TABLE.into() }.by_root(&service).await.unwrap();
    service.settled().await;
    assert_eq!(engine.spaces().await.unwrap(), [SpaceId::System]);
}

#[tokio::test]
async fn a_table_is_deleted_while_it_is_being_created() {
    let (engine, service) = scripted().await;
    let (begun, go_on) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
    let (told, awaited) = (begun.clone(), go_on.clone());
    engine.follow(move |call| {
        let (told, awaited) = (told.clone(), awaited.clone());
        Box::pin(async move {
            if matches!(call, EngineCall::CreateSpace(SpaceId::Indexes(_))) {
                told.notify_one();
                awaited.notified().await;
            }
            None
        })
    });
    let creating = tokio::spawn({
        let service = service.clone();
        async move { indexed(TABLE).by_root(&service).await }
    });
    begun.notified().await;
    assert_eq!(status(&service, TABLE).await, Some(TableStatus::Creating));
    let deleted = DeleteTable { table: TABLE.into() }.by_root(&service).await.unwrap();
    assert_eq!(deleted.status, TableStatus::Deleting);
    assert_eq!(status(&service, TABLE).await, None);
    go_on.notify_one();
    // It was entered, which is what its answer says.
    assert_eq!(creating.await.unwrap().unwrap().status, TableStatus::Creating);
    assert_eq!(status(&service, TABLE).await, None);
    assert_eq!(engine.spaces().await.unwrap(), [SpaceId::System]);
}

#[tokio::test]
async fn a_table_is_deleted_while_it_is_given_an_index() {
    let (engine, service) = scripted().await;
    create(&service, table()).await.unwrap();
    let (begun, go_on) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
    let (told, awaited) = (begun.clone(), go_on.clone());
    engine.follow(move |call| {
        let (told, awaited) = (told.clone(), awaited.clone());
        Box::pin(async move {
            if matches!(call, EngineCall::CreateSpace(_)) {
                told.notify_one();
                awaited.notified().await;
            }
            None
        })
    });
    let adding = tokio::spawn({
        let service = service.clone();
        async move { adding_an_index().by_root(&service).await }
    });
    begun.notified().await;
    DeleteTable { table: TABLE.into() }.by_root(&service).await.unwrap();
    go_on.notify_one();
    assert!(matches!(adding.await.unwrap(), Err(Error::ResourceNotFound { .. })));
    service.settled().await;
    assert_eq!(engine.spaces().await.unwrap(), [SpaceId::System]);
}

#[tokio::test(start_paused = true)]
async fn a_call_does_not_wait_for_a_store_that_does_not_answer() {
    let (engine, service) = scripted().await;
    let go_on = Arc::new(tokio::sync::Semaphore::new(0));
    let awaited = go_on.clone();
    engine.follow(move |call| {
        let awaited = awaited.clone();
        Box::pin(async move {
            if matches!(call, EngineCall::CreateSpace(_) | EngineCall::DropSpace(_)) {
                drop(awaited.acquire().await);
            }
            None
        })
    });
    let created = indexed(TABLE).by_root(&service).await.unwrap();
    assert_eq!(created.status, TableStatus::Creating);
    let deleted = DeleteTable { table: TABLE.into() }.by_root(&service).await.unwrap();
    assert_eq!(deleted.status, TableStatus::Deleting);
    go_on.add_permits(100);
    service.settled().await;
    assert_eq!(status(&service, TABLE).await, None);
    assert_eq!(engine.spaces().await.unwrap(), [SpaceId::System]);
}

#[tokio::test(start_paused = true)]
async fn what_a_crash_left_half_done_is_finished_or_undone_at_the_next_start() {
    for is_undone in [false, true] {
        let store = MemoryEngine::new();
        let dying = Scripted::new(store.clone());
        let service = start(dying.clone(), ServiceOptions::default()).await.unwrap();
        dying.refuse(|call| matches!(call, EngineCall::CreateSpace(_)).then_some(StorageError::Closed));
        assert!(indexed(TABLE).by_root(&service).await.is_err());
        service.settled().await;
        // A space without a table.
        store.create_space(SpaceId::Items(77)).await.unwrap();
        let again = Scripted::new(store.clone());
        let attempts = Arc::new(AtomicUsize::new(0));
        let counted = attempts.clone();
        again.refuse(move |call| {
            let is_first =
                matches!(call, EngineCall::CreateSpace(_)) && counted.fetch_add(1, Ordering::Relaxed) < 3;
            match (is_first, is_undone) {
                (false, false) => None,
                (true, false) => Some(StorageError::Overloaded),
                (_, true) => too_many_spaces(call),
            }
        });
        let service = start(again, ServiceOptions::default()).await.unwrap();
        assert_eq!(status(&service, TABLE).await, Some(TableStatus::Creating));
        service.settled().await;
        let (expected, spaces) = match is_undone {
            false => {
                (Some(TableStatus::Active), vec![SpaceId::System, SpaceId::Items(1), SpaceId::Indexes(1)])
            }
            true => (None, vec![SpaceId::System]),
        };
        assert_eq!(status(&service, TABLE).await, expected);
        assert_eq!(store.spaces().await.unwrap(), spaces);
    }
}

#[tokio::test(start_paused = true)]
async fn an_index_that_cannot_be_filled_is_removed_and_the_table_says_why() {
    let (engine, service) = scripted().await;
    create(&service, table()).await.unwrap();
    put(&key("a", "b")).by_root(&service).await.unwrap();
    engine.refuse(|call| match call {
        EngineCall::Scan(SpaceId::Items(_), _) => Some(StorageError::backend("scanning", "a bad block")),
        _ => None,
    });
    adding_an_index().by_root(&service).await.unwrap();
    assert_eq!(describe_index(&service, "by-team").await.status, IndexStatus::Backfilling);
    service.settled().await;
    let described = describe(&service).await;
    assert!(described.indexes.is_empty());
    let failure = described.failure.unwrap();
    assert_eq!(failure.change, "creation of the index by-team");
    engine.refuse(|_| None);
    expiring(TABLE).by_root(&service).await.unwrap();
    // The next change of the table ends the matter.
    adding_an_index().by_root(&service).await.unwrap();
    service.settled().await;
    assert_active(&service).await;
    assert_eq!(describe(&service).await.failure, None);
}

#[tokio::test(start_paused = true)]
async fn time_to_live_that_cannot_be_turned_on_is_turned_off_again() {
    let (engine, service) = scripted().await;
    create(&service, table()).await.unwrap();
    engine.refuse(|call| match call {
        EngineCall::Scan(SpaceId::Items(_), _) => Some(StorageError::backend("scanning", "a bad block")),
        _ => None,
    });
    expiring(TABLE).by_root(&service).await.unwrap();
    service.settled().await;
    let described = DescribeTimeToLive { table: TABLE.into() }.by_root(&service).await.unwrap();
    assert_eq!(described.status, TimeToLiveStatus::Disabled);
    assert_eq!(describe(&service).await.failure.unwrap().change, "time to live");
}

#[tokio::test(start_paused = true)]
async fn a_step_that_panics_is_tried_again() {
    let (engine, service) = scripted().await;
    create(&service, indexed(TABLE)).await.unwrap();
    let panics = Arc::new(AtomicUsize::new(3));
    let left = panics.clone();
    engine.follow(move |call| {
        let left = left.clone();
        Box::pin(async move {
            let is_due = matches!(call, EngineCall::DropSpace(_))
                && left
                    .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(1))
                    .is_ok();
            assert!(!is_due, "a panic that the test asks for");
            None
        })
    });
    DeleteTable { table: TABLE.into() }.by_root(&service).await.unwrap();
    service.settled().await;
    assert_eq!(panics.load(Ordering::Relaxed), 0);
    assert_eq!(status(&service, TABLE).await, None);
    assert_eq!(engine.spaces().await.unwrap(), [SpaceId::System]);
}

#[tokio::test(start_paused = true)]
async fn a_sweep_that_panics_is_not_the_last() {
    let (engine, service) = scripted().await;
    let panics = Arc::new(AtomicUsize::new(2));
    let left = panics.clone();
    engine.follow(move |call| {
        let left = left.clone();
        Box::pin(async move {
            let is_due = matches!(call, EngineCall::Snapshot)
                && left
                    .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(1))
                    .is_ok();
            assert!(!is_due, "a panic that the test asks for");
            None
        })
    });
    service.swept().await;
    service.swept().await;
    assert_eq!(panics.load(Ordering::Relaxed), 0);
}

#[tokio::test]
async fn answers_say_what_was_done_where_that_is_asked_for() {
    let options = ServiceOptions { wait_for_tables: true, ..ServiceOptions::default() };
    let service = start(MemoryEngine::new(), options).await.unwrap();
    let created = indexed(TABLE).by_root(&service).await.unwrap();
    assert_eq!((created.status, created.indexes[0].status), (TableStatus::Active, IndexStatus::Active));
    assert_eq!((created.warm, created.indexes[0].warm), (None, None));
    let mut more = adding_an_index();
    more.global_secondary_index_updates[0].create = Some(index("more", &["team"], &[]));
    put(&key("a", "b")).by_root(&service).await.unwrap();
    let updated = more.by_root(&service).await.unwrap();
    assert_eq!((updated.status, updated.indexes[1].status), (TableStatus::Active, IndexStatus::Active));
    assert_eq!(updated.indexes[1].backfilling, None);
    let deleted = DeleteTable { table: TABLE.into() }.by_root(&service).await.unwrap();
    assert_eq!(deleted.status, TableStatus::Deleting);
    assert_eq!(status(&service, TABLE).await, None);
}

#[tokio::test(start_paused = true)]
async fn an_answer_does_not_wait_for_a_large_index() {
    let engine = Scripted::new(MemoryEngine::new());
    let options = ServiceOptions { wait_for_tables: true, ..ServiceOptions::default() };
    let service = start(engine.clone(), options).await.unwrap();
    table().by_root(&service).await.unwrap();
    engine.follow(|call| {
        Box::pin(async move {
            if matches!(call, EngineCall::Scan(SpaceId::Items(_), _)) {
                tokio::time::sleep(Duration::from_secs(60)).await;
            }
            None
        })
    });
    let updated = adding_an_index().by_root(&service).await.unwrap();
    assert_eq!(updated.indexes[0].backfilling, Some(true));
    service.settled().await;
    assert_active(&service).await;
}
