//! A service over the memory engine, for tests that call operations as they are.

// Each test file uses the part it needs.
#![allow(dead_code)]

use cairn_model::{AttributeMap, AttributeValue, BillingMode, DecodeBudget, Item, KeyType};
use cairn_ops::{
    AttributeDefinition, CreateTable, Error, ExpressionArguments, GetItem, KeyRole, KeySchemaElement,
    Operation, ProjectionInput, ProjectionType, PutItem, SecondaryIndexInput, Service, ServiceOptions,
};
use cairn_storage::memory::MemoryEngine;
use cairn_storage::{Consistency, Decision, Engine, EngineStatistics, RecordKey, Result, SpaceId};
use jiff::{SignedDuration, Timestamp};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

/// A clock that a test moves.
#[derive(Clone)]
pub(crate) struct HeldClock(Arc<Mutex<Timestamp>>);

impl HeldClock {
    pub(crate) fn advance(&self, by: SignedDuration) {
        *self.0.lock().unwrap() += by;
    }
}

pub(crate) fn held_clock() -> HeldClock {
    HeldClock(Arc::new(Mutex::new("2026-11-21T12:00:00Z".parse().unwrap())))
}

pub(crate) async fn service_at<E: Engine>(engine: E, clock: &HeldClock) -> Service<E> {
    let clock = clock.clone();
    let options = ServiceOptions {
        clock: Arc::new(move || *clock.0.lock().unwrap()),
        item_collection_bytes_max: 1_000,
        ..ServiceOptions::default()
    };
    Service::start(engine, options).await.unwrap()
}

/// A service with the tables `Music` and `Films`, both with partition key `pk` (S), sort key `sk` (N) and
/// a global index by `band` (S);
/// and `Books`, which has a local one too, so that its item collections are limited.
pub(crate) async fn service() -> Service<MemoryEngine> {
    let service = service_at(MemoryEngine::new(), &held_clock()).await;
    create_tables(&service).await;
    service
}

pub(crate) async fn create_tables<E: Engine>(service: &Service<E>) {
    for (name, local) in [("Music", false), ("Films", false), ("Books", true)] {
        let attribute = |name: &str, kind| AttributeDefinition { name: name.into(), key_type: Some(kind) };
        let element = |name: &str, role| KeySchemaElement { name: name.into(), role: Some(role) };
        let by_band = SecondaryIndexInput {
            name: "by-band".into(),
            key_schema: vec![element("band", KeyRole::Hash)],
            projection: Some(ProjectionInput {
                projection_type: Some(ProjectionType::All),
                non_key_attributes: Vec::new(),
            }),
            provisioned_throughput: None,
        };
        let create = CreateTable {
            table: name.into(),
            attribute_definitions: vec![
                attribute("pk", KeyType::S),
                attribute("sk", KeyType::N),
                attribute("band", KeyType::S),
            ],
            key_schema: vec![element("pk", KeyRole::Hash), element("sk", KeyRole::Range)],
            billing_mode: Some(BillingMode::PayPerRequest),
            local_secondary_indexes: local.then(|| {
                let key_schema = vec![element("pk", KeyRole::Hash), element("band", KeyRole::Range)];
                vec![SecondaryIndexInput { name: "by-local".into(), key_schema, ..by_band.clone() }]
            }),
            global_secondary_indexes: Some(vec![by_band]),
            ..CreateTable::default()
        };
        create.execute(service).await.unwrap();
    }
    service.settled().await;
}

pub(crate) fn s(text: &str) -> AttributeValue {
    AttributeValue::S(text.into())
}

pub(crate) fn n(text: &str) -> AttributeValue {
    AttributeValue::N(text.parse().unwrap())
}

pub(crate) fn map(pairs: &[(&str, AttributeValue)]) -> AttributeMap {
    pairs.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect()
}

pub(crate) fn item(pairs: &[(&str, AttributeValue)]) -> Item {
    map(pairs).into()
}

pub(crate) fn key(pk: &str, sk: &str) -> Item {
    item(&[("pk", s(pk)), ("sk", n(sk))])
}

pub(crate) fn attributes(item: Item) -> AttributeMap {
    item.into_attributes(&mut DecodeBudget::item()).unwrap()
}

pub(crate) fn values(pairs: &[(&str, AttributeValue)]) -> ExpressionArguments {
    ExpressionArguments { names: None, values: Some(item(pairs)), built: None }
}

pub(crate) async fn put<E: Engine>(service: &Service<E>, table: &str, pairs: &[(&str, AttributeValue)]) {
    let put = PutItem { table: table.into(), item: item(pairs), ..PutItem::default() };
    put.execute(service).await.unwrap();
}

pub(crate) async fn get<E: Engine>(service: &Service<E>, table: &str, key: Item) -> Option<AttributeMap> {
    let get = GetItem { table: table.into(), key, consistent: true, ..GetItem::default() };
    get.execute(service).await.unwrap().item.map(attributes)
}

/// What a ValidationException says, and of which part.
#[track_caller]
pub(crate) fn invalid<T: std::fmt::Debug>(result: cairn_ops::Result<T>) -> (String, String) {
    match result.unwrap_err() {
        Error::Validation(validation) => (validation.message, validation.field.to_proto()),
        other => panic!("{other:?}"),
    }
}

/// The memory engine, with transactions that are refused as an engine refuses them that has too much to do.
#[derive(Clone)]
pub(crate) struct Refusing {
    inner: MemoryEngine,
    /// How many transactions are let through before all others are refused.
    allowed: Arc<AtomicUsize>,
}

impl Refusing {
    pub(crate) fn new() -> Self {
        Self { inner: MemoryEngine::new(), allowed: Arc::new(AtomicUsize::new(usize::MAX)) }
    }

    pub(crate) fn allow(&self, transactions: usize) {
        self.allowed.store(transactions, Ordering::SeqCst);
    }
}

impl Engine for Refusing {
    type Snapshot = <MemoryEngine as Engine>::Snapshot;

    async fn snapshot(&self, consistency: Consistency) -> Result<Self::Snapshot> {
        self.inner.snapshot(consistency).await
    }

    async fn transact<T, D>(&self, keys: Vec<RecordKey>, decide: D) -> Result<T>
    where
        T: Send + 'static,
        D: FnMut(&[Option<bytes::Bytes>]) -> Decision<T> + Send + 'static,
    {
        let left = self.allowed.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1));
        match left {
            Ok(_) => self.inner.transact(keys, decide).await,
            Err(_) => Err(cairn_storage::Error::Overloaded),
        }
    }

    async fn create_space(&self, space: SpaceId) -> Result<()> {
        self.inner.create_space(space).await
    }

    async fn drop_space(&self, space: SpaceId) -> Result<()> {
        self.inner.drop_space(space).await
    }

    async fn spaces(&self) -> Result<Vec<SpaceId>> {
        self.inner.spaces().await
    }

    async fn statistics(&self) -> Result<EngineStatistics> {
        self.inner.statistics().await
    }

    async fn close(&self) -> Result<()> {
        self.inner.close().await
    }
}
