//! A service over the memory engine, for tests that call operations as they are.

// Each test file uses the part it needs.
#![allow(dead_code)]

use crate::root::{AsRoot, start};
use bytes::Bytes;
use cairn_model::{AttributeMap, AttributeValue, BillingMode, DecodeBudget, Item, KeyType};
use cairn_ops::{
    AttributeDefinition, CapacityLimits, CapacityOptions, CreateTable, Error, ExpressionArguments, GetItem,
    KeyRole, KeySchemaElement, ProjectionInput, ProjectionType, PutItem, SecondaryIndexInput, Service,
    ServiceOptions,
};
use cairn_storage::memory::MemoryEngine;
use cairn_storage::{
    Consistency, CounterKey, Decision, Direction, Engine, EngineStatistics, KeyRange, RecordKey, Result,
    Snapshot, SpaceId, Visit,
};
use jiff::{SignedDuration, Timestamp};
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
        capacity: unlimited(),
        ..ServiceOptions::default()
    };
    start(engine, options).await.unwrap()
}

/// No throttling: a test writes in a moment what takes seconds of capacity.
pub(crate) fn unlimited() -> CapacityOptions {
    CapacityOptions { limits: CapacityLimits::Off, ..CapacityOptions::default() }
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
            ..SecondaryIndexInput::default()
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
        create.by_root(service).await.unwrap();
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
    put.by_root(service).await.unwrap();
}

pub(crate) async fn get<E: Engine>(service: &Service<E>, table: &str, key: Item) -> Option<AttributeMap> {
    let get = GetItem { table: table.into(), key, consistent: true, ..GetItem::default() };
    get.by_root(service).await.unwrap().item.map(attributes)
}

/// What a ValidationException says, and of which part.
#[track_caller]
pub(crate) fn invalid<T: std::fmt::Debug>(result: cairn_ops::Result<T>) -> (String, String) {
    match result.unwrap_err() {
        Error::Validation(validation) => (validation.message, validation.field.to_proto()),
        other => panic!("{other:?}"),
    }
}

/// Says whether a call on these records is refused. Taking a snapshot is a call on none.
type Refuse = Box<dyn FnMut(&[RecordKey]) -> Option<cairn_storage::Error> + Send>;

/// The memory engine, with transactions and reads that are refused where a test wants them to be.
#[derive(Clone)]
pub(crate) struct Refusing {
    inner: MemoryEngine,
    transactions: Arc<Mutex<Refuse>>,
    reads: Arc<Mutex<Refuse>>,
}

impl Refusing {
    pub(crate) fn new() -> Self {
        let nothing = || Arc::new(Mutex::new(Box::new(|_: &[RecordKey]| None) as Refuse));
        Self { inner: MemoryEngine::new(), transactions: nothing(), reads: nothing() }
    }

    /// Lets so many transactions through and refuses all others, as an engine does that has too much to do.
    pub(crate) fn allow(&self, mut transactions: usize) {
        self.refuse_transactions(move |_| match transactions.checked_sub(1) {
            Some(left) => {
                transactions = left;
                None
            }
            None => Some(cairn_storage::Error::Overloaded),
        });
    }

    pub(crate) fn refuse_transactions(
        &self,
        refuse: impl FnMut(&[RecordKey]) -> Option<cairn_storage::Error> + Send + 'static,
    ) {
        *self.transactions.lock().unwrap() = Box::new(refuse);
    }

    pub(crate) fn refuse_reads(
        &self,
        refuse: impl FnMut(&[RecordKey]) -> Option<cairn_storage::Error> + Send + 'static,
    ) {
        *self.reads.lock().unwrap() = Box::new(refuse);
    }
}

/// A snapshot whose reads of several records are refused as its engine's are.
#[derive(Clone)]
pub(crate) struct RefusingSnapshot {
    inner: <MemoryEngine as Engine>::Snapshot,
    reads: Arc<Mutex<Refuse>>,
}

fn refused(refuse: &Mutex<Refuse>, keys: &[RecordKey]) -> Result<()> {
    (refuse.lock().unwrap())(keys).map_or(Ok(()), Err)
}

impl Snapshot for RefusingSnapshot {
    async fn get(&self, key: &RecordKey) -> Result<Option<Bytes>> {
        self.inner.get(key).await
    }

    async fn get_many(&self, keys: Vec<RecordKey>) -> Result<Vec<Option<Bytes>>> {
        refused(&self.reads, &keys)?;
        self.inner.get_many(keys).await
    }

    async fn scan<V: Visit>(
        &self,
        space: SpaceId,
        range: KeyRange,
        direction: Direction,
        visitor: V,
    ) -> Result<V> {
        self.inner.scan(space, range, direction, visitor).await
    }

    async fn counter(&self, key: CounterKey) -> Result<i64> {
        self.inner.counter(key).await
    }
}

impl Engine for Refusing {
    type Snapshot = RefusingSnapshot;

    async fn snapshot(&self, consistency: Consistency) -> Result<RefusingSnapshot> {
        refused(&self.reads, &[])?;
        Ok(RefusingSnapshot { inner: self.inner.snapshot(consistency).await?, reads: self.reads.clone() })
    }

    async fn transact<T, D>(&self, keys: Vec<RecordKey>, mut decide: D) -> Result<T>
    where
        T: Send + 'static,
        D: FnMut(&[Option<Bytes>]) -> Decision<T> + Send + 'static,
    {
        let Err(refusal) = refused(&self.transactions, &keys) else {
            return self.inner.transact(keys, decide).await;
        };
        // What is refused may have been decided all the same.
        let tried = self.inner.transact(keys, move |found| {
            drop(decide(found));
            Decision::unchanged(())
        });
        tried.await?;
        Err(refusal)
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
