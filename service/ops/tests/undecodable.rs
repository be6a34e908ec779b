//! Items in the store that do not decode, from an older version or a fault: in nobody's way, and replaced and deleted as
//! any other.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic)] // Tests fail loudly, in helpers too.

mod common;
mod root;

use bytes::{BufMut, Bytes, BytesMut};
use cairn_model::{AttributeMap, AttributeValue, Item, KeyType, encode_attributes};
use cairn_ops::{
    BatchGetItem, BatchWriteItem, CapacityLimits, CapacityOptions, CreateTable, Error, ExpressionArguments,
    GetItem, GlobalSecondaryIndexUpdate, KeysAndAttributes, PageOutput, PutItem, Query, QuerySelection,
    ReturnValues, Scan, ScanSelection, Select, Service, ServiceOptions, TimeToLiveSpecification,
    TransactAction, TransactGet, TransactGetItems, TransactWriteItem, TransactWriteItems, UpdateTable,
    UpdateTimeToLive, WriteRequest,
};
use cairn_storage::memory::MemoryEngine;
use cairn_storage::{Decision, Engine, RecordKey, SpaceId, Write};
use common::*;
use jiff::{SignedDuration, Timestamp};
use root::{AsRoot, start};
use std::sync::{Arc, Mutex};
use std::time::Duration;

type TestService = Service<MemoryEngine>;

const REFUSAL: &str = "The stored item breaks a rule of the data model and cannot be read. Replace it with PutItem or \
                       remove it with DeleteItem, without a condition.";

fn request() -> CreateTable {
    CreateTable {
        attribute_definitions: definitions(&[
            ("pk", KeyType::S),
            ("sk", KeyType::S),
            ("team", KeyType::S),
            ("score", KeyType::N),
        ]),
        local_secondary_indexes: Some(vec![index("by-score", &["pk"], &["score"])]),
        global_secondary_indexes: Some(vec![index("by-team", &["team"], &["score"])]),
        ..table()
    }
}

fn player(sk: &str) -> AttributeMap {
    let mut item = key("p", sk);
    item.extend(attributes(&[("team", s("red")), ("score", n(7)), ("at", n(1_800_000_010))]));
    item
}

/// A table with five items.
async fn service_with_items(request: CreateTable) -> TestService {
    let service = service().await;
    create(&service, request).await.unwrap();
    for sk in ["a", "b", "c", "d", "e"] {
        put(&player(sk)).by_root(&service).await.unwrap();
    }
    service
}

fn record_key(sk: &str) -> RecordKey {
    let key = key_schema().key_of_item(&key("p", sk)).unwrap();
    RecordKey::new(SpaceId::Items(1), key.storage_key())
}

/// The record of an item as the first version wrote it, with an attribute that has no name. Its size is that of the item
/// without, so that totals stay what they are.
fn without_a_name(item: &AttributeMap) -> Bytes {
    let mut attributes = item.clone();
    attributes.insert(String::new(), AttributeValue::Bool(true));
    let mut record = BytesMut::new();
    record.put_u8(1);
    record.put_u32(cairn_model::item_size(item) as u32);
    record.put(encode_attributes(&attributes));
    record.freeze()
}

/// Puts a record behind the service's back.
async fn store(service: &TestService, sk: &str, record: Bytes) {
    let key = record_key(sk);
    let write = Write::Put(key.clone(), record);
    let decide = move |_: &[Option<Bytes>]| Decision { writes: vec![write.clone()], outcome: () };
    service.engine().transact(vec![key], decide).await.unwrap();
}

async fn damage(service: &TestService, sk: &str) {
    store(service, sk, without_a_name(&player(sk))).await;
}

fn item_key(sk: &str) -> Item {
    Item::from(key("p", sk))
}

fn get_of(sk: &str, projection: Option<&str>) -> GetItem {
    GetItem {
        table: TABLE.into(),
        key: item_key(sk),
        projection_expression: projection.map(str::to_owned),
        ..GetItem::default()
    }
}

fn conditional(mut request: PutItem, condition: &str) -> PutItem {
    request.condition_expression = Some(condition.into());
    request
}

fn action(action: TransactAction, condition: Option<&str>) -> TransactWriteItems {
    let item = TransactWriteItem {
        table: TABLE.into(),
        action,
        condition_expression: condition.map(str::to_owned),
        arguments: ExpressionArguments::default(),
        return_values_on_condition_check_failure: Default::default(),
    };
    TransactWriteItems { transact_items: vec![item], ..TransactWriteItems::default() }
}

fn batch_write(write: WriteRequest) -> BatchWriteItem {
    BatchWriteItem { request_items: [(TABLE.to_owned(), vec![write])].into(), ..BatchWriteItem::default() }
}

/// Sort keys of all the items that a read has, page by page, and how many it evaluated.
async fn walk(mut page: impl AsyncFnMut(Option<Item>) -> PageOutput) -> (String, usize) {
    let (mut found, mut scanned, mut after) = (String::new(), 0, None);
    loop {
        let output = page(after).await;
        scanned += output.scanned_count;
        for item in output.items {
            let item = item.into_attributes(&mut cairn_model::DecodeBudget::item()).unwrap();
            let Some(AttributeValue::S(sk)) = item.get("sk") else { panic!("an item without a key") };
            found.push_str(sk);
        }
        let Some(last) = output.last_evaluated_key else { return (found, scanned) };
        after = Some(Item::from(last));
    }
}

async fn scanned(service: &TestService, selection: ScanSelection, limit: Option<i32>) -> (String, usize) {
    walk(async |exclusive_start_key| {
        let selection = ScanSelection { table: TABLE.into(), ..selection.clone() };
        let scan = Scan { selection, limit, exclusive_start_key, ..Scan::default() };
        scan.by_root(service).await.unwrap()
    })
    .await
}

#[tokio::test]
async fn what_is_about_such_an_item_alone_is_refused_in_words_that_help() {
    let service = service_with_items(request()).await;
    damage(&service, "c").await;
    assert_eq!(refusal(&service, get_of("c", None)).await, REFUSAL);
    assert_eq!(refusal(&service, get_of("c", Some("sk"))).await, REFUSAL);
    let keys = vec![item_key("a"), item_key("c")];
    let keys = KeysAndAttributes { keys, ..KeysAndAttributes::default() };
    let batch = BatchGetItem { request_items: [(TABLE.to_owned(), keys)].into(), ..BatchGetItem::default() };
    let Err(Error::Validation(told)) = batch.by_root(&service).await else { panic!() };
    assert_eq!((told.message.as_str(), told.depends_on_state), (REFUSAL, true));
    assert_eq!(told.field.to_proto(), r#"request_items["Music"].keys[1]"#);
    let read = TransactGet { table: TABLE.into(), key: item_key("c"), ..TransactGet::default() };
    let read = TransactGetItems { transact_items: vec![read], ..TransactGetItems::default() };
    assert_eq!(refusal(&service, read).await, REFUSAL);

    assert_eq!(refusal(&service, update(key("p", "c"), "SET #x = :x", &[(":x", n(1))])).await, REFUSAL);
    assert_eq!(
        refusal(&service, conditional(put(&player("c")), "attribute_exists(pk)")).await,
        REFUSAL,
        "a condition cannot be evaluated"
    );
    let delete = TransactAction::Delete { key: item_key("c") };
    for refused in [
        action(TransactAction::Update { key: item_key("c"), update_expression: "REMOVE x".into() }, None),
        action(delete, Some("attribute_exists(pk)")),
    ] {
        let Err(Error::TransactionCanceled { reasons }) = refused.by_root(&service).await else { panic!() };
        assert_eq!(reasons[0].message, REFUSAL);
    }
    // The others go on as ever.
    update(key("p", "b"), "SET #score = :x", &[(":x", n(1))]).by_root(&service).await.unwrap();
}

#[tokio::test]
async fn such_an_item_can_be_replaced_and_deleted_on_every_way_and_leaves_nothing_behind() {
    let service = service_with_items(request()).await;
    let mut better = player("c");
    better.insert("score".into(), n(8));
    let better = || Item::from(better.clone());
    let replaced = PutItem { return_values: ReturnValues::AllOld, ..put(&player("c")) };

    damage(&service, "c").await;
    let old = replaced.by_root(&service).await.unwrap().attributes.unwrap();
    assert_eq!(old, player("c").into(), "what can be read of it");
    assert_eq!(assert_indexes_match(&service, &[1, 2]).await, 10);

    damage(&service, "c").await;
    batch_write(WriteRequest::Put(better())).by_root(&service).await.unwrap();
    assert_indexes_match(&service, &[1, 2]).await;
    store(&service, "c", without_a_name(&better().into_attributes(&mut budget()).unwrap())).await;
    action(TransactAction::Put { item: Item::from(player("c")) }, None).by_root(&service).await.unwrap();
    assert_eq!(assert_indexes_match(&service, &[1, 2]).await, 10);

    for (sk, left) in [("a", 4), ("b", 3), ("c", 2)] {
        damage(&service, sk).await;
        match sk {
            "a" => drop(delete(key("p", sk)).by_root(&service).await.unwrap()),
            "b" => drop(batch_write(WriteRequest::Delete(item_key(sk))).by_root(&service).await.unwrap()),
            _ => {
                let delete = TransactAction::Delete { key: item_key(sk) };
                drop(action(delete, None).by_root(&service).await.unwrap());
            }
        }
        assert_eq!(assert_indexes_match(&service, &[1, 2]).await, 2 * left);
    }
}

fn budget() -> cairn_model::DecodeBudget {
    cairn_model::DecodeBudget::item()
}

#[tokio::test]
async fn reads_of_many_items_leave_such_an_item_out_and_go_on() {
    let service = service_with_items(request()).await;
    damage(&service, "c").await;
    // One that tells nothing, not even its key.
    store(&service, "e", Bytes::from_static(b"\x09")).await;
    let filter =
        ScanSelection { filter_expression: Some("attribute_exists(pk)".into()), ..ScanSelection::default() };
    let projection =
        ScanSelection { projection_expression: Some("sk, score".into()), ..ScanSelection::default() };
    for selection in [ScanSelection::default(), filter.clone(), projection] {
        for limit in [None, Some(1), Some(3)] {
            assert_eq!(scanned(&service, selection.clone(), limit).await, ("abd".into(), 4));
        }
    }
    let counted = ScanSelection { table: TABLE.into(), select: Some(Select::Count), ..filter };
    for filter_expression in [counted.filter_expression.clone(), None] {
        let selection = ScanSelection { filter_expression, ..counted.clone() };
        let counted = Scan { selection, ..Scan::default() }.by_root(&service).await.unwrap();
        assert_eq!(counted.count, 3);
    }
    let query = async |index: Option<&str>, limit| {
        walk(async |exclusive_start_key| {
            let arguments = ExpressionArguments {
                values: Some(Item::from(attributes(&[(":pk", s("p"))]))),
                ..ExpressionArguments::default()
            };
            let selection = QuerySelection {
                table: TABLE.into(),
                index: index.map(str::to_owned),
                key_condition_expression: Some("pk = :pk".into()),
                arguments,
                ..QuerySelection::default()
            };
            let query = Query { selection, limit, exclusive_start_key, ..Query::default() };
            query.by_root(&service).await.unwrap()
        })
        .await
    };
    for limit in [None, Some(1), Some(3)] {
        assert_eq!(query(None, limit).await, ("abd".into(), 4));
        // Their entries are what they were.
        assert_eq!(query(Some("by-score"), limit).await, ("abcde".into(), 5));
    }
}

#[tokio::test]
async fn an_index_is_built_past_such_items_and_counts_exactly_what_leaves_it() {
    let service = service_with_items(table()).await;
    damage(&service, "b").await;
    store(&service, "d", Bytes::from_static(b"\x01\0\0\0\x05\xff")).await;
    let adding = UpdateTable {
        table: TABLE.into(),
        attribute_definitions: definitions(&[("team", KeyType::S), ("score", KeyType::N)]),
        global_secondary_index_updates: vec![GlobalSecondaryIndexUpdate {
            create: Some(index("by-team", &["team"], &["score"])),
            ..GlobalSecondaryIndexUpdate::default()
        }],
        ..UpdateTable::default()
    };
    adding.by_root(&service).await.unwrap();
    service.settled().await;
    assert_active(&service).await;
    // Of one its key can be read.
    assert_eq!(describe_index(&service, "by-team").await.item_count, 4);
    delete(key("p", "b")).by_root(&service).await.unwrap();
    delete(key("p", "d")).by_root(&service).await.unwrap();
    assert_eq!(assert_indexes_match(&service, &[1]).await, 3);
    assert_eq!(describe(&service).await.item_count, 3);
}

#[tokio::test]
async fn such_an_item_expires_and_keeps_none_from_expiring() {
    let clock = Arc::new(Mutex::new(Timestamp::from_second(1_800_000_000).unwrap()));
    let held = clock.clone();
    let options = ServiceOptions {
        clock: Arc::new(move || *held.lock().unwrap()),
        time_to_live_sweep_interval: Duration::from_millis(1),
        capacity: CapacityOptions { limits: CapacityLimits::Off, ..CapacityOptions::default() },
        ..ServiceOptions::default()
    };
    let service = start(MemoryEngine::new(), options).await.unwrap();
    create(&service, request()).await.unwrap();
    for sk in ["a", "b", "c"] {
        put(&player(sk)).by_root(&service).await.unwrap();
    }
    damage(&service, "a").await;
    let specification = TimeToLiveSpecification { enabled: Some(true), attribute: "at".into() };
    let turning = UpdateTimeToLive { table: TABLE.into(), specification: Some(specification) };
    turning.by_root(&service).await.unwrap();
    service.settled().await;
    store(&service, "b", Bytes::from_static(b"\x09")).await;
    *clock.lock().unwrap() += SignedDuration::from_secs(20);
    service.swept().await;
    // Of one it cannot be told when it expires. It stays until it is deleted.
    assert_eq!(describe(&service).await.item_count, 1);
    delete(key("p", "b")).by_root(&service).await.unwrap();
    assert_eq!(describe(&service).await.item_count, 0);
}
