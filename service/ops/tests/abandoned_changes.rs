//! Changes of tables whose callers stop waiting once the first commit is done: what that began is gone on with.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic)] // Tests fail loudly, in helpers too.

mod common;
#[path = "common/mortal.rs"]
mod mortal;
mod root;

use cairn_model::{KeyType, TableStatus};
use cairn_ops::{
    DeleteTable, DescribeTable, DescribeTimeToLive, GlobalSecondaryIndexUpdate, IndexStatus, Service,
    ServiceOptions, TimeToLiveSpecification, TimeToLiveStatus, UpdateTable, UpdateTimeToLive,
};
use cairn_storage::memory::MemoryEngine;
use common::{TABLE, definitions, describe, describe_index, index, table};
use mortal::Mortal;
use root::{AsRoot, start};

type Engine = Mortal<MemoryEngine>;

/// Calls an operation, and goes away before it has heard that the first commit is done.
async fn abandon(service: &Service<Engine>, engine: &Engine, operation: impl AsRoot) {
    engine.fall_silent(true);
    tokio::select! {
        _ = operation.by_root(service) => panic!("an answer, though none was to be had"),
        () = engine.withheld() => {}
    }
    engine.fall_silent(false);
    service.settled().await;
}

#[tokio::test]
async fn what_a_change_of_a_table_began_is_gone_on_with_when_its_caller_goes() {
    let engine = Mortal::new(MemoryEngine::new(), usize::MAX);
    let service = start(engine.clone(), ServiceOptions::default()).await.unwrap();

    abandon(&service, &engine, table()).await;
    assert_eq!(describe(&service).await.status, TableStatus::Active);

    let adding = UpdateTable {
        table: TABLE.into(),
        attribute_definitions: definitions(&[("team", KeyType::S)]),
        global_secondary_index_updates: vec![GlobalSecondaryIndexUpdate {
            create: Some(index("by-team", &["team"], &[])),
            ..GlobalSecondaryIndexUpdate::default()
        }],
        ..UpdateTable::default()
    };
    abandon(&service, &engine, adding).await;
    assert_eq!(describe(&service).await.status, TableStatus::Active);
    assert_eq!(describe_index(&service, "by-team").await.status, IndexStatus::Active);

    let protecting =
        UpdateTable { table: TABLE.into(), deletion_protection: Some(false), ..UpdateTable::default() };
    abandon(&service, &engine, protecting).await;
    assert_eq!(describe(&service).await.status, TableStatus::Active);

    let specification = TimeToLiveSpecification { enabled: Some(true), attribute: "until".into() };
    let expiring = UpdateTimeToLive { table: TABLE.into(), specification: Some(specification) };
    abandon(&service, &engine, expiring).await;
    let time_to_live = DescribeTimeToLive { table: TABLE.into() }.by_root(&service).await.unwrap();
    assert_eq!(time_to_live.status, TimeToLiveStatus::Enabled);

    abandon(&service, &engine, DeleteTable { table: TABLE.into() }).await;
    assert!(DescribeTable { table: TABLE.into() }.by_root(&service).await.is_err());
}
