//! What the tests of operations share: a service in memory, items, and short ways to call it.

// Every test file uses its own part, and tests fail loudly.
#![allow(dead_code, clippy::unwrap_used, clippy::panic)]

use crate::root::{AsRoot, start};
use bytes::Bytes;
use cairn_model::{
    AttributeMap, AttributeValue, BillingMode, IndexKind, IndexSchema, Item, KeyAttribute, KeySchema,
    KeyType, StoredItem, TableStatus,
};
use cairn_ops::{
    AttributeDefinition, CapacityLimits, CapacityOptions, CreateTable, DeleteItem, DescribeTable,
    DescribeTimeToLive, Error, ExpressionArguments, GetItem, IndexDescription, IndexStatus, KeyRole,
    KeySchemaElement, ProjectionInput, ProjectionType, PutItem, SecondaryIndexInput, Service, ServiceOptions,
    TableDescription, TimeToLiveStatus, UpdateItem,
};
use cairn_storage::memory::MemoryEngine;
use cairn_storage::{Consistency, CounterKey, Direction, Engine, KeyRange, Snapshot, SpaceId, Visit};
use std::collections::BTreeMap;
use std::ops::ControlFlow;

pub(crate) const TABLE: &str = "Music";

pub(crate) async fn service() -> Service<MemoryEngine> {
    service_with(CapacityOptions { limits: CapacityLimits::Off, ..CapacityOptions::default() }).await
}

pub(crate) async fn service_with(capacity: CapacityOptions) -> Service<MemoryEngine> {
    let options = ServiceOptions { capacity, ..ServiceOptions::default() };
    start(MemoryEngine::default(), options).await.unwrap()
}

pub(crate) fn s(text: &str) -> AttributeValue {
    AttributeValue::S(text.into())
}

pub(crate) fn n(number: u64) -> AttributeValue {
    AttributeValue::N(number.into())
}

pub(crate) fn attributes(pairs: &[(&str, AttributeValue)]) -> AttributeMap {
    pairs.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect()
}

pub(crate) fn definitions(types: &[(&str, KeyType)]) -> Vec<AttributeDefinition> {
    types
        .iter()
        .map(|(name, key_type)| AttributeDefinition { name: (*name).into(), key_type: Some(*key_type) })
        .collect()
}

pub(crate) fn keys(hash: &[&str], range: &[&str]) -> Vec<KeySchemaElement> {
    let element = |role| move |name: &&str| KeySchemaElement { name: (*name).into(), role: Some(role) };
    hash.iter().map(element(KeyRole::Hash)).chain(range.iter().map(element(KeyRole::Range))).collect()
}

pub(crate) fn projection(projection_type: ProjectionType, names: &[&str]) -> Option<ProjectionInput> {
    let non_key_attributes = names.iter().map(|name| (*name).to_owned()).collect();
    Some(ProjectionInput { projection_type: Some(projection_type), non_key_attributes })
}

pub(crate) fn index(name: &str, hash: &[&str], range: &[&str]) -> SecondaryIndexInput {
    SecondaryIndexInput {
        name: name.into(),
        key_schema: keys(hash, range),
        projection: projection(ProjectionType::All, &[]),
        ..SecondaryIndexInput::default()
    }
}

/// A table on demand with the key `pk` and `sk`, both strings.
pub(crate) fn table() -> CreateTable {
    CreateTable {
        table: TABLE.into(),
        attribute_definitions: definitions(&[("pk", KeyType::S), ("sk", KeyType::S)]),
        key_schema: keys(&["pk"], &["sk"]),
        billing_mode: Some(BillingMode::PayPerRequest),
        ..CreateTable::default()
    }
}

pub(crate) async fn create<E: Engine>(service: &Service<E>, request: CreateTable) -> Result<(), Error> {
    request.by_root(service).await?;
    service.settled().await;
    Ok(())
}

pub(crate) async fn describe<E: Engine>(service: &Service<E>) -> TableDescription {
    DescribeTable { table: TABLE.into() }.by_root(service).await.unwrap()
}

pub(crate) async fn describe_index<E: Engine>(service: &Service<E>, name: &str) -> IndexDescription {
    let table = describe(service).await;
    table.indexes.into_iter().find(|index| index.name == name).unwrap()
}

pub(crate) async fn assert_active<E: Engine>(service: &Service<E>) {
    let table = describe(service).await;
    assert_eq!(table.status, TableStatus::Active);
    assert!(table.indexes.iter().all(|index| index.status == IndexStatus::Active), "{:?}", table.indexes);
}

pub(crate) fn put(item: &AttributeMap) -> PutItem {
    PutItem { table: TABLE.into(), item: Item::from(item.clone()), ..PutItem::default() }
}

pub(crate) fn key(pk: &str, sk: &str) -> AttributeMap {
    attributes(&[("pk", s(pk)), ("sk", s(sk))])
}

pub(crate) fn delete(key: AttributeMap) -> DeleteItem {
    DeleteItem { table: TABLE.into(), key: Item::from(key), ..DeleteItem::default() }
}

/// An update whose expression says attributes as `#name`, since some names are reserved words.
pub(crate) fn update(key: AttributeMap, expression: &str, values: &[(&str, AttributeValue)]) -> UpdateItem {
    UpdateItem {
        table: TABLE.into(),
        key: Item::from(key),
        update_expression: Some(expression.into()),
        arguments: ExpressionArguments {
            names: Some(placeholders(expression)).filter(|names| !names.is_empty()),
            values: Some(Item::from(attributes(values))).filter(|_| !values.is_empty()),
            built: None,
        },
        ..UpdateItem::default()
    }
}

fn placeholders(expression: &str) -> BTreeMap<String, String> {
    let names = expression.split('#').skip(1).map(|rest| {
        rest.split(|char: char| !char.is_ascii_alphanumeric()).next().unwrap_or_default().to_owned()
    });
    names.map(|name| (format!("#{name}"), name)).collect()
}

pub(crate) async fn get<E: Engine>(service: &Service<E>, key: AttributeMap) -> Option<Item> {
    let get = GetItem { table: TABLE.into(), key: Item::from(key), consistent: true, ..GetItem::default() };
    get.by_root(service).await.unwrap().item
}

/// The text of the error that a call must end with.
pub(crate) async fn refusal<E: Engine, O: AsRoot>(service: &Service<E>, operation: O) -> String {
    match operation.by_root(service).await {
        Err(error) => error.to_string(),
        Ok(_) => panic!("the call went through"),
    }
}

#[derive(Default)]
struct Records(BTreeMap<Bytes, Bytes>);

impl Visit for Records {
    fn visit(&mut self, key: &[u8], value: Bytes) -> ControlFlow<()> {
        self.0.insert(Bytes::copy_from_slice(key), value);
        ControlFlow::Continue(())
    }
}

/// Every record of a space.
pub(crate) async fn records<S: Snapshot>(snapshot: &S, space: SpaceId) -> BTreeMap<Bytes, Bytes> {
    snapshot.scan(space, KeyRange::all(), Direction::Ascending, Records::default()).await.unwrap().0
}

/// The key schema of [`table`].
pub(crate) fn key_schema() -> KeySchema {
    let attribute = |name: &str| KeyAttribute { name: name.into(), key_type: KeyType::S };
    KeySchema { partition: attribute("pk"), sort: Some(attribute("sk")) }
}

/// Asserts that the index space of the store's first table holds what its items say, entries and the sizes of item
/// collections and when items expire, with the totals of that, and that these are what is described. `ids` are those of the table's indexes, in order. Gives back how many entries there
/// are.
pub(crate) async fn assert_indexes_match<E: Engine>(service: &Service<E>, ids: &[u16]) -> usize {
    let described = describe(service).await;
    assert_eq!(described.indexes.len(), ids.len());
    let snapshot = service.engine().snapshot(Consistency::Strong).await.unwrap();
    let items = records(&snapshot, SpaceId::Items(1)).await;
    let mut expected = BTreeMap::new();
    let mut collections: BTreeMap<Bytes, u64> = BTreeMap::new();
    let has_local = described.indexes.iter().any(|index| index.kind == IndexKind::Local);
    for record in items.values().filter(|_| has_local) {
        let item = StoredItem::read(record.clone());
        let size = item.size() as u64;
        *collections.entry(collection(&item.attributes().unwrap())).or_default() += size;
    }
    for (index, id) in described.indexes.iter().zip(ids) {
        let schema = IndexSchema {
            id: *id,
            name: index.name.clone(),
            kind: index.kind,
            key_schema: index.key_schema.clone(),
            projection: index.projection.clone(),
        };
        let (mut count, mut bytes) = (0, 0);
        for (key, record) in &items {
            let item = StoredItem::read(record.clone()).attributes().unwrap();
            let Ok(Some(entry)) = schema.entry(&key_schema(), key, &item) else { continue };
            let record = StoredItem::encode(&entry.attributes).unwrap().record().clone();
            count += 1;
            let size = cairn_model::item_size(&entry.attributes) as u64;
            bytes += size;
            if index.kind == IndexKind::Local {
                *collections.entry(collection(&item)).or_default() += size;
            }
            expected.insert(entry.key, record);
        }
        assert_eq!((index.item_count, index.size_bytes), (count, bytes), "totals of {}", index.name);
        for (which, total) in [(0, count), (1, bytes)] {
            let key = CounterKey { space: SpaceId::Indexes(1), counter: id * 2 + which };
            assert_eq!(snapshot.counter(key).await.unwrap(), total as i64);
        }
    }
    let entries = expected.len();
    expected.extend(
        collections.into_iter().map(|(key, size)| (key, Bytes::copy_from_slice(&size.to_be_bytes()))),
    );
    let time_to_live = DescribeTimeToLive { table: TABLE.into() }.by_root(service).await.unwrap();
    for (key, record) in items.iter().filter(|_| time_to_live.status == TimeToLiveStatus::Enabled) {
        let item = StoredItem::read(record.clone()).attributes().unwrap();
        let at = item.get(time_to_live.attribute.as_ref().unwrap());
        let Some(AttributeValue::N(at)) = at else { continue };
        let Some(second) = at.floor_u64() else { continue };
        let key = [&[0xff, 0xff], &second.to_be_bytes()[..], key].concat();
        expected.insert(key.into(), Bytes::new());
    }
    let stored = match service.engine().spaces().await.unwrap().contains(&SpaceId::Indexes(1)) {
        true => records(&snapshot, SpaceId::Indexes(1)).await,
        false => BTreeMap::new(),
    };
    assert!(stored == expected, "{} records are stored, {} expected", stored.len(), expected.len());
    entries
}

/// Where the size of an item's collection is kept.
fn collection(item: &AttributeMap) -> Bytes {
    let partition = key_schema().key_of_item(item).unwrap().partition;
    [&[0, 0], &*cairn_model::partition_prefix(&partition)].concat().into()
}
