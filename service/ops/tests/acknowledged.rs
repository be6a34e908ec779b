//! What is acknowledged counts for every call that begins afterwards, whatever other changes of the same table are under
//! way and whichever snapshots they are read from.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)] // Tests fail loudly, in helpers too.

mod common;
mod root;

use cairn_auth::{AuthenticationSettings, Authenticator, Holder, KeyStatus};
use cairn_model::{AttributeMap, Item, KeyType, Tag};
use cairn_ops::*;
use cairn_storage::Engine;
use cairn_storage::memory::MemoryEngine;
use cairn_storage_fjall::{FjallEngine, FjallOptions};
use common::{TABLE, definitions, key, keys, s, table};
use futures::StreamExt;
use root::AsRoot;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst};
use tokio::task::JoinSet;

const ARN: &str = "arn:aws:dynamodb:local:000000000000:table/Music";
const ADA: &str = "arn:aws:iam::000000000000:user/ada";
const ALL: &str = r#"{"Statement": {"Effect": "Allow", "Action": "dynamodb:*", "Resource": "*"}}"#;

/// How often each change is made.
const ROUNDS: usize = 25;
/// How often it is looked for after each, by each reader.
const LOOKS: usize = 20;

async fn service_over<E: Engine>(engine: E) -> Service<E> {
    let capacity = CapacityOptions { limits: CapacityLimits::Off, ..CapacityOptions::default() };
    let service = root::start(engine, ServiceOptions { capacity, ..Default::default() }).await.unwrap();
    common::create(&service, table()).await.unwrap();
    CreateUser { user_name: "ada".into(), ..Default::default() }.by_root(&service).await.unwrap();
    allow_all(&service).await;
    service
}

async fn allow_all<E: Engine>(service: &Service<E>) {
    service.identities().put_inline_policy(&Holder::User("ada".into()), "all", ALL).await.unwrap();
}

async fn as_ada<E: Engine, O: Operation>(service: &Service<E>, operation: O) -> Result<O::Output> {
    let principal = service.identities().principal_for(ADA).unwrap();
    let caller = Caller { principal, connection: Connection::default() };
    let permitted = service.permit(caller, operation).await?;
    service.execute(permitted).await
}

/// Writers that tag and untag the table, and readers, until it is dropped.
struct Beside(Arc<AtomicBool>, JoinSet<usize>);

impl Beside {
    fn start<E: Engine>(service: &Service<E>) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let mut tasks = JoinSet::new();
        for writer in 0..3 {
            let (service, stop) = (service.clone(), stop.clone());
            tasks.spawn(async move {
                let mut changes = 0;
                while !stop.load(SeqCst) {
                    let tag = Tag { key: format!("key-{writer}"), value: changes.to_string() };
                    let done = match changes % 2 {
                        0 => {
                            TagResource { resource_arn: ARN.into(), tags: vec![tag] }.by_root(&service).await
                        }
                        _ => {
                            UntagResource { resource_arn: ARN.into(), keys: vec![tag.key] }
                                .by_root(&service)
                                .await
                        }
                    };
                    // The table may be away for a while.
                    assert!(matches!(done, Ok(()) | Err(Error::ResourceNotFound { .. })), "{done:?}");
                    changes += 1;
                    tokio::task::yield_now().await;
                }
                changes
            });
        }
        for _ in 0..2 {
            let (service, stop) = (service.clone(), stop.clone());
            tasks.spawn(async move {
                let mut reads = 0;
                while !stop.load(SeqCst) {
                    drop(DescribeTable { table: TABLE.into() }.by_root(&service).await);
                    drop(get().by_root(&service).await);
                    reads += 1;
                    tokio::task::yield_now().await;
                }
                reads
            });
        }
        Self(stop, tasks)
    }

    async fn stop(mut self) {
        self.0.store(true, SeqCst);
        while let Some(calls) = self.1.join_next().await {
            assert!(calls.unwrap() > 0, "a task beside did nothing");
        }
    }
}

fn get() -> GetItem {
    GetItem { table: TABLE.into(), key: key("a", "b").into(), ..GetItem::default() }
}

fn is_denied<T>(result: &Result<T>) -> bool {
    matches!(result, Err(Error::AccessDenied { .. }))
}

/// Two callers look for it at the same time, from now on. All that they are told has to be one or the other.
async fn looks<E: Engine>(service: &Service<E>, expect_denied: bool) {
    let wrong = Arc::new(AtomicUsize::new(0));
    let mut readers = JoinSet::new();
    for _ in 0..2 {
        let (service, wrong) = (service.clone(), wrong.clone());
        readers.spawn(async move {
            for _ in 0..LOOKS {
                let read = as_ada(&service, get()).await;
                wrong.fetch_add(usize::from(is_denied(&read) != expect_denied), SeqCst);
            }
        });
    }
    while let Some(joined) = readers.join_next().await {
        joined.unwrap();
    }
    assert_eq!(wrong.load(SeqCst), 0, "of {} calls", 2 * LOOKS);
}

fn policy(effect: &str) -> String {
    format!(
        r#"{{"Statement": {{"Effect": "{effect}", "Principal": {{"AWS": "{ADA}"}}, "Action": "dynamodb:*",
            "Resource": ["{ARN}", "{ARN}/index/*"]}}}}"#
    )
}

async fn put_policy<E: Engine>(service: &Service<E>, effect: &str) {
    let put = PutResourcePolicy { resource_arn: ARN.into(), policy: policy(effect), ..Default::default() };
    put.by_root(service).await.unwrap();
}

async fn delete_policy<E: Engine>(service: &Service<E>) {
    let delete = DeleteResourcePolicy { resource_arn: ARN.into(), ..Default::default() };
    delete.by_root(service).await.unwrap();
}

/// When a policy denies a call everything.
#[derive(Clone, Copy, PartialEq)]
enum Denying {
    Before,
    /// Once the call is permitted, and before it is carried out.
    Between,
}

/// The outcome of a call made by ada.
async fn attempt<E: Engine, O: Operation>(
    service: &Service<E>,
    denying: Denying,
    operation: O,
) -> Result<O::Output> {
    if denying == Denying::Before {
        return as_ada(service, operation).await;
    }
    delete_policy(service).await;
    let principal = service.identities().principal_for(ADA).unwrap();
    let caller = Caller { principal, connection: Connection::default() };
    let permitted = service.permit(caller, operation).await.unwrap();
    put_policy(service, "Deny").await;
    service.execute(permitted).await
}

/// Every way to an item, and to the table itself. Says which were allowed.
async fn allowed<E: Engine>(service: &Service<E>, denying: Denying) -> Vec<&'static str> {
    let item = || Item::from(key("a", "b"));
    let keys = KeysAndAttributes { keys: vec![item()], ..Default::default() };
    let transact_get = TransactGet { table: TABLE.into(), key: item(), ..Default::default() };
    let transact_write = TransactWriteItem {
        table: TABLE.into(),
        action: TransactAction::Put { item: item() },
        condition_expression: None,
        arguments: ExpressionArguments::default(),
        return_values_on_condition_check_failure: Default::default(),
    };
    let query = QuerySelection {
        table: TABLE.into(),
        key_condition_expression: Some("pk = :pk".into()),
        arguments: ExpressionArguments {
            values: Some(AttributeMap::from([(":pk".to_owned(), s("a"))]).into()),
            ..Default::default()
        },
        ..Default::default()
    };
    let scan = ScanSelection { table: TABLE.into(), ..Default::default() };
    let tag = Tag { key: "key".into(), value: "value".into() };
    let time_to_live = TimeToLiveSpecification { enabled: Some(true), attribute: "until".into() };
    let mut allowed = Vec::new();
    macro_rules! try_all {
        ($($operation:expr),* $(,)?) => {$(
            if !is_denied(&attempt(service, denying, $operation).await) {
                allowed.push(stringify!($operation).split(' ').next().unwrap());
            }
        )*};
    }
    try_all![
        GetItem { table: TABLE.into(), key: item(), consistent: true, ..Default::default() },
        PutItem { table: ARN.into(), item: item(), ..Default::default() },
        UpdateItem { table: TABLE.into(), key: item(), ..Default::default() },
        DeleteItem { table: TABLE.into(), key: item(), ..Default::default() },
        BatchGetItem { request_items: BTreeMap::from([(TABLE.into(), keys)]), ..Default::default() },
        BatchWriteItem {
            request_items: BTreeMap::from([(TABLE.into(), vec![WriteRequest::Put(item())])]),
            ..Default::default()
        },
        TransactGetItems { transact_items: vec![transact_get], ..Default::default() },
        TransactWriteItems { transact_items: vec![transact_write], ..Default::default() },
        Query { selection: query.clone(), ..Default::default() },
        Scan { selection: scan.clone(), ..Default::default() },
        StreamQuery { selection: query, ..Default::default() },
        StreamScan { selection: scan, ..Default::default() },
        DescribeTable { table: TABLE.into() },
        UpdateTable { table: TABLE.into(), deletion_protection: Some(false), ..Default::default() },
        DeleteTable { table: TABLE.into() },
        TagResource { resource_arn: ARN.into(), tags: vec![tag] },
        UntagResource { resource_arn: ARN.into(), keys: vec!["key".into()] },
        ListTagsOfResource { resource_arn: ARN.into(), ..Default::default() },
        UpdateTimeToLive { table: TABLE.into(), specification: Some(time_to_live) },
        DescribeTimeToLive { table: TABLE.into() },
        PutResourcePolicy { resource_arn: ARN.into(), policy: policy("Allow"), ..Default::default() },
        GetResourcePolicy { resource_arn: ARN.into() },
        DeleteResourcePolicy { resource_arn: ARN.into(), ..Default::default() },
    ];
    allowed
}

async fn a_policy_put_on_a_table_counts_at_once<E: Engine>(engine: E) {
    let service = service_over(engine).await;
    let beside = Beside::start(&service);
    for _ in 0..ROUNDS {
        put_policy(&service, "Deny").await;
        looks(&service, true).await;
        assert_eq!(allowed(&service, Denying::Before).await, [""; 0]);
        delete_policy(&service).await;
        looks(&service, false).await;
    }
    beside.stop().await;
}

async fn what_a_caller_loses_counts_at_once<E: Engine>(engine: E) {
    let service = service_over(engine).await;
    let beside = Beside::start(&service);
    let identities = service.identities().clone();
    let ada = Holder::User("ada".into());
    let managed =
        cairn_auth::CreatePolicy { name: "all".into(), document: ALL.into(), description: "".into() };
    let managed = identities.create_policy(managed).await.unwrap().arn;
    let key = identities.create_access_key("ada").await.unwrap();
    let authenticator = Authenticator::new(identities.clone(), AuthenticationSettings::default()).unwrap();
    let token = format!("{}.{}", key.access_key.id, key.secret.expose());
    let principal = authenticator.authenticate(Some(&token), None).await.unwrap();
    let with_key = || Caller { principal: principal.clone(), connection: Connection::default() };
    for _ in 0..ROUNDS {
        identities.delete_inline_policy(&ada, "all").await.unwrap();
        looks(&service, true).await;
        assert_eq!(allowed(&service, Denying::Before).await, [""; 0]);
        identities.attach_policy(&ada, &managed).await.unwrap();
        looks(&service, false).await;
        identities.detach_policy(&ada, &managed).await.unwrap();
        looks(&service, true).await;
        allow_all(&service).await;
        looks(&service, false).await;
        // A principal that was known before its key was disabled.
        identities.update_access_key("ada", &key.access_key.id, KeyStatus::Inactive).await.unwrap();
        for _ in 0..LOOKS {
            assert!(matches!(service.permit(with_key(), get()).await, Err(Error::Unauthenticated(_))));
        }
        identities.update_access_key("ada", &key.access_key.id, KeyStatus::Active).await.unwrap();
        service.permit(with_key(), get()).await.unwrap();
    }
    beside.stop().await;
}

async fn deletion_protection_counts_at_once<E: Engine>(engine: E) {
    let service = service_over(engine).await;
    let beside = Beside::start(&service);
    for _ in 0..ROUNDS {
        let protect = |protection| UpdateTable {
            table: TABLE.into(),
            deletion_protection: Some(protection),
            ..Default::default()
        };
        protect(true).by_root(&service).await.unwrap();
        // It goes back to ACTIVE beside the tags.
        service.settled().await;
        let refused = DeleteTable { table: TABLE.into() }.by_root(&service).await;
        assert!(matches!(refused, Err(Error::Validation(_))), "{refused:?}");
    }
    beside.stop().await;
}

/// A table that takes the place of another has nothing of it: neither its policy nor its key.
async fn a_table_that_was_deleted_counts_no_more<E: Engine>(engine: E) {
    let service = service_over(engine).await;
    service.identities().delete_inline_policy(&Holder::User("ada".into()), "all").await.unwrap();
    let beside = Beside::start(&service);
    for round in 0..ROUNDS {
        put_policy(&service, "Allow").await;
        looks(&service, false).await;
        DeleteTable { table: TABLE.into() }.by_root(&service).await.unwrap();
        let describe = || DescribeTable { table: TABLE.into() };
        while describe().by_root(&service).await.is_ok() {
            tokio::task::yield_now().await;
        }
        looks(&service, true).await;
        // With a sort key and without one in turns.
        let sort: &[&str] = if round % 2 == 0 { &[] } else { &["sk"] };
        let types: &[_] = &[("pk", KeyType::S), ("sk", KeyType::S)];
        let create = CreateTable {
            attribute_definitions: definitions(&types[..1 + sort.len()]),
            key_schema: keys(&["pk"], sort),
            ..table()
        };
        common::create(&service, create).await.unwrap();
        looks(&service, true).await;
        assert_eq!(allowed(&service, Denying::Before).await, [""; 0]);
        let item = match sort {
            [] => common::attributes(&[("pk", s("a"))]),
            _ => key("a", "b"),
        };
        let read = GetItem { table: TABLE.into(), key: item.clone().into(), ..Default::default() };
        common::put(&item).by_root(&service).await.unwrap();
        assert!(read.by_root(&service).await.unwrap().item.is_some());
    }
    beside.stop().await;
}

macro_rules! over_both_engines {
    ($($test:ident),* $(,)?) => {
        mod in_memory {
            $(
                #[tokio::test(flavor = "multi_thread", worker_threads = 4)]
                async fn $test() {
                    super::$test(super::MemoryEngine::new()).await;
                }
            )*
        }

        mod on_disk {
            $(
                #[tokio::test(flavor = "multi_thread", worker_threads = 4)]
                async fn $test() {
                    let directory = tempfile::tempdir().unwrap();
                    let options = super::FjallOptions::new(directory.path());
                    let engine = super::FjallEngine::open(options).unwrap();
                    super::$test(engine.clone()).await;
                    cairn_storage::Engine::close(&engine).await.unwrap();
                }
            )*
        }
    };
}

over_both_engines!(
    a_policy_put_on_a_table_counts_at_once,
    what_a_caller_loses_counts_at_once,
    deletion_protection_counts_at_once,
    a_table_that_was_deleted_counts_no_more,
);

#[tokio::test]
async fn a_call_is_judged_again_by_the_policy_that_its_table_has_when_it_is_carried_out() {
    let service = service_over(MemoryEngine::new()).await;
    put_policy(&service, "Deny").await;
    assert_eq!(allowed(&service, Denying::Between).await, [""; 0]);

    // The other way round: what is permitted still goes on, by the table as it is.
    delete_policy(&service).await;
    let principal = service.identities().principal_for(ADA).unwrap();
    let caller = Caller { principal, connection: Connection::default() };
    let permitted = service.permit(caller, get()).await.unwrap();
    put_policy(&service, "Allow").await;
    service.execute(permitted).await.unwrap();
}

#[tokio::test]
async fn a_call_is_judged_again_by_a_table_that_came_or_went_since_it_was_permitted() {
    let service = service_over(MemoryEngine::new()).await;
    let principal = service.identities().principal_for(ADA).unwrap();
    let caller = || Caller { principal: principal.clone(), connection: Connection::default() };
    let deleted = async || {
        DeleteTable { table: TABLE.into() }.by_root(&service).await.unwrap();
        service.settled().await;
    };
    deleted().await;
    let read = service.permit(caller(), get()).await.unwrap();
    let create = service.permit(caller(), table()).await.unwrap();
    let denying = CreateTable { resource_policy: Some(policy("Deny")), ..table() };
    common::create(&service, denying).await.unwrap();
    assert!(is_denied(&service.execute(read).await));
    assert!(is_denied(&service.execute(create).await));

    // One that is allowed by the table's policy alone is not told that the table is gone.
    service.identities().delete_inline_policy(&Holder::User("ada".into()), "all").await.unwrap();
    put_policy(&service, "Allow").await;
    let read = service.permit(caller(), get()).await.unwrap();
    let write = service.permit(caller(), common::put(&key("a", "b"))).await.unwrap();
    let describe = service.permit(caller(), DescribeTable { table: TABLE.into() }).await.unwrap();
    let tags = vec![Tag { key: "key".into(), value: "value".into() }];
    let tag = service.permit(caller(), TagResource { resource_arn: ARN.into(), tags }).await.unwrap();
    deleted().await;
    assert!(is_denied(&service.execute(read).await));
    assert!(is_denied(&service.execute(write).await));
    assert!(is_denied(&service.execute(describe).await));
    common::create(&service, table()).await.unwrap();
    assert!(is_denied(&service.execute(tag).await));
}

#[tokio::test]
async fn what_is_wrong_with_a_key_is_told_by_the_table_as_it_is() {
    let service = service_over(MemoryEngine::new()).await;
    let root = || root::root(&service);
    let short: Item = common::attributes(&[("pk", s("a"))]).into();
    let put = PutItem { table: TABLE.into(), item: short.clone(), ..Default::default() };
    let put = service.permit(root(), put).await.unwrap();
    let read = GetItem { table: TABLE.into(), key: short.clone(), ..Default::default() };
    let read = service.permit(root(), read).await.unwrap();
    let transact = TransactWriteItem {
        table: TABLE.into(),
        action: TransactAction::Put { item: short },
        condition_expression: None,
        arguments: ExpressionArguments::default(),
        return_values_on_condition_check_failure: Default::default(),
    };
    let transact = TransactWriteItems { transact_items: vec![transact], ..Default::default() };
    let transact = service.permit(root(), transact).await.unwrap();
    DeleteTable { table: TABLE.into() }.by_root(&service).await.unwrap();
    service.settled().await;
    let create = CreateTable {
        attribute_definitions: definitions(&[("pk", KeyType::S)]),
        key_schema: keys(&["pk"], &[]),
        ..table()
    };
    common::create(&service, create).await.unwrap();
    service.execute(put).await.unwrap();
    assert!(service.execute(read).await.unwrap().item.is_some());
    service.execute(transact).await.unwrap();
}

#[tokio::test]
async fn a_stream_ends_when_a_policy_forbids_it_however_it_began() {
    let service = service_over(MemoryEngine::new()).await;
    for number in 0..2_000 {
        common::put(&key("a", &number.to_string())).by_root(&service).await.unwrap();
    }
    let scan = StreamScan {
        selection: ScanSelection { table: TABLE.into(), ..Default::default() },
        ..Default::default()
    };
    let mut parts = as_ada(&service, scan).await.unwrap();
    assert!(parts.next().await.unwrap().is_ok());
    put_policy(&service, "Deny").await;
    assert!(is_denied(&parts.next().await.unwrap()));
}
