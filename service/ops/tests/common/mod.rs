//! What the tests of operations share: a service in memory, items, and short ways to call it.

#![allow(dead_code)] // Every test file uses its own part.

use cairn_model::{AttributeMap, AttributeValue, BillingMode, Item, KeyType, TableStatus};
use cairn_ops::{
    AttributeDefinition, CreateTable, DeleteItem, DescribeTable, Error, ExpressionArguments, GetItem,
    IndexDescription, IndexStatus, KeyRole, KeySchemaElement, Operation, ProjectionInput, ProjectionType,
    PutItem, SecondaryIndexInput, Service, ServiceOptions, TableDescription, UpdateItem,
};
use cairn_storage::{Engine, MemoryEngine};

pub const TABLE: &str = "Music";

pub async fn service() -> Service<MemoryEngine> {
    Service::start(MemoryEngine::default(), ServiceOptions::default()).await.unwrap()
}

pub fn s(text: &str) -> AttributeValue {
    AttributeValue::S(text.into())
}

pub fn n(number: u64) -> AttributeValue {
    AttributeValue::N(number.into())
}

pub fn attributes(pairs: &[(&str, AttributeValue)]) -> AttributeMap {
    pairs.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect()
}

pub fn definitions(types: &[(&str, KeyType)]) -> Vec<AttributeDefinition> {
    types
        .iter()
        .map(|(name, key_type)| AttributeDefinition { name: (*name).into(), key_type: Some(*key_type) })
        .collect()
}

pub fn keys(hash: &[&str], range: &[&str]) -> Vec<KeySchemaElement> {
    let element = |role| move |name: &&str| KeySchemaElement { name: (*name).into(), role: Some(role) };
    hash.iter().map(element(KeyRole::Hash)).chain(range.iter().map(element(KeyRole::Range))).collect()
}

pub fn projection(projection_type: ProjectionType, names: &[&str]) -> Option<ProjectionInput> {
    let non_key_attributes = names.iter().map(|name| (*name).to_owned()).collect();
    Some(ProjectionInput { projection_type: Some(projection_type), non_key_attributes })
}

pub fn index(name: &str, hash: &[&str], range: &[&str]) -> SecondaryIndexInput {
    SecondaryIndexInput {
        name: name.into(),
        key_schema: keys(hash, range),
        projection: projection(ProjectionType::All, &[]),
        provisioned_throughput: None,
    }
}

/// A table on demand with the key `pk` and `sk`, both strings.
pub fn table() -> CreateTable {
    CreateTable {
        table: TABLE.into(),
        attribute_definitions: definitions(&[("pk", KeyType::S), ("sk", KeyType::S)]),
        key_schema: keys(&["pk"], &["sk"]),
        billing_mode: Some(BillingMode::PayPerRequest),
        ..CreateTable::default()
    }
}

pub async fn create<E: Engine>(service: &Service<E>, request: CreateTable) -> Result<(), Error> {
    request.execute(service).await?;
    service.settled().await;
    Ok(())
}

pub async fn describe<E: Engine>(service: &Service<E>) -> TableDescription {
    DescribeTable { table: TABLE.into() }.execute(service).await.unwrap()
}

pub async fn describe_index<E: Engine>(service: &Service<E>, name: &str) -> IndexDescription {
    let table = describe(service).await;
    table.indexes.into_iter().find(|index| index.name == name).unwrap()
}

pub async fn assert_active<E: Engine>(service: &Service<E>) {
    let table = describe(service).await;
    assert_eq!(table.status, TableStatus::Active);
    assert!(table.indexes.iter().all(|index| index.status == IndexStatus::Active), "{:?}", table.indexes);
}

pub fn put(item: &AttributeMap) -> PutItem {
    PutItem { table: TABLE.into(), item: Item::from(item.clone()), ..PutItem::default() }
}

pub fn key(pk: &str, sk: &str) -> AttributeMap {
    attributes(&[("pk", s(pk)), ("sk", s(sk))])
}

pub fn delete(key: AttributeMap) -> DeleteItem {
    DeleteItem { table: TABLE.into(), key: Item::from(key), ..DeleteItem::default() }
}

pub fn update(key: AttributeMap, expression: &str, values: &[(&str, AttributeValue)]) -> UpdateItem {
    UpdateItem {
        table: TABLE.into(),
        key: Item::from(key),
        update_expression: Some(expression.into()),
        arguments: ExpressionArguments {
            names: None,
            values: Some(Item::from(attributes(values))).filter(|_| !values.is_empty()),
        },
        ..UpdateItem::default()
    }
}

pub async fn get<E: Engine>(service: &Service<E>, key: AttributeMap) -> Option<Item> {
    let get = GetItem { table: TABLE.into(), key: Item::from(key), consistent: true, ..GetItem::default() };
    get.execute(service).await.unwrap().item
}

/// The text of the error that a call must end with.
pub async fn refusal<E: Engine, O: Operation>(service: &Service<E>, operation: O) -> String {
    match operation.execute(service).await {
        Err(error) => error.to_string(),
        Ok(_) => panic!("the call went through"),
    }
}
