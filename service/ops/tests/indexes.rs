//! Indexes that are made with their table: what CreateTable accepts and refuses, and what DescribeTable tells.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic)] // Tests fail loudly, in helpers too.

mod common;
mod root;

use cairn_model::{BillingMode, IndexKind, KeyType, Projection, TableStatus};
use cairn_ops::{
    CreateTable, IndexStatus, KeyRole, KeySchemaElement, ProjectionInput, ProjectionType,
    SecondaryIndexInput, ThroughputInput,
};
use common::*;
use root::AsRoot;

const INVALID: &str = "One or more parameter values were invalid: ";

/// A table with types for `pk`, `sk` and these attributes, and these indexes.
fn with(types: &[&str], local: Vec<SecondaryIndexInput>, global: Vec<SecondaryIndexInput>) -> CreateTable {
    let types: Vec<_> = ["pk", "sk"].iter().chain(types).map(|name| (*name, KeyType::S)).collect();
    CreateTable {
        attribute_definitions: definitions(&types),
        local_secondary_indexes: Some(local).filter(|indexes| !indexes.is_empty()),
        global_secondary_indexes: Some(global).filter(|indexes| !indexes.is_empty()),
        ..table()
    }
}

fn local(types: &[&str], index: SecondaryIndexInput) -> CreateTable {
    with(types, vec![index], Vec::new())
}

fn global(types: &[&str], index: SecondaryIndexInput) -> CreateTable {
    with(types, Vec::new(), vec![index])
}

async fn refused(request: CreateTable) -> String {
    refusal(&service().await, request).await
}

async fn refused_field(request: CreateTable) -> String {
    match request.by_root(&service().await).await {
        Err(cairn_ops::Error::Validation(validation)) => validation.field.to_proto(),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_table_is_made_with_its_indexes() {
    let service = service().await;
    let request = with(
        &["a", "b", "c"],
        vec![index("by-a", &["pk"], &["a"])],
        vec![SecondaryIndexInput {
            projection: projection(ProjectionType::Include, &["x"]),
            ..index("by-b", &["b"], &["c", "a"])
        }],
    );
    let answer = request.by_root(&service).await.unwrap();
    assert_eq!(answer.status, TableStatus::Creating);
    for index in &answer.indexes {
        // Indexes made with their table never tell of filling.
        assert_eq!((index.status, index.backfilling), (IndexStatus::Creating, None));
    }
    service.settled().await;
    assert_active(&service).await;
    let described = describe(&service).await;
    assert_eq!(described.key_attributes.len(), 5);
    let [local, global] = &described.indexes[..] else { panic!("{:?}", described.indexes) };
    assert_eq!((local.kind, &local.projection), (IndexKind::Local, &Projection::All));
    assert_eq!(global.kind, IndexKind::Global);
    assert_eq!(global.projection, Projection::Include(vec!["x".into()]));
    assert_eq!(global.arn, "arn:aws:dynamodb:local:000000000000:table/Music/index/by-b");
    let names: Vec<_> = global.key_schema.attributes().map(|attribute| &*attribute.name).collect();
    assert_eq!(names, ["b", "c", "a"]);
}

#[tokio::test]
async fn a_local_index_shares_the_partition_key_of_a_table_with_a_sort_key() {
    assert_eq!(
        refused(local(&[], index("idx", &["pk"], &[]))).await,
        format!("{INVALID}Index KeySchema does not have a range key for index: idx")
    );
    assert_eq!(
        refused(local(&["a", "b"], index("idx", &["a"], &["b"]))).await,
        format!(
            "{INVALID}Index KeySchema does not have the same leading hash key as table KeySchema for index: idx. \
             index hash key: a, table hash key: pk"
        )
    );
    let flat = CreateTable { key_schema: keys(&["pk"], &[]), ..local(&["a"], index("idx", &["pk"], &["a"])) };
    assert_eq!(
        refused(flat).await,
        format!(
            "{INVALID}Table KeySchema does not have a range key, which is required when specifying a \
             LocalSecondaryIndex"
        )
    );
    assert!(refused(local(&["a", "b"], index("idx", &["pk"], &["a", "b"]))).await.contains("equal to 2"));
}

#[tokio::test]
async fn a_global_index_has_up_to_four_attributes_a_role() {
    let types = ["a", "b", "c", "d", "e", "f", "g", "h", "i"];
    let service = service().await;
    let most = index("idx", &["a", "b", "c", "d"], &["e", "f", "g", "h"]);
    create(&service, global(&types[..8], most)).await.unwrap();
    for (hash, range) in [(&types[..5], &types[5..6]), (&types[..1], &types[1..6])] {
        assert!(refused(global(&types[..6], index("idx", hash, range))).await.contains("at most 4"));
    }
    assert!(refused(global(&["a"], index("idx", &["a"], &["a"]))).await.contains("have the same name"),);
    let mut mixed = index("idx", &["a"], &["b"]);
    mixed.key_schema.push(KeySchemaElement { name: "c".into(), role: Some(KeyRole::Hash) });
    assert!(refused(global(&["a", "b", "c"], mixed)).await.contains("must precede all RANGE"));
    assert_eq!(
        refused(global(&["a"], index("idx", &[], &["a"]))).await,
        "Invalid KeySchema: The first KeySchemaElement is not a HASH key type"
    );
}

#[tokio::test]
async fn every_type_is_of_a_key_and_every_key_has_a_type() {
    assert_eq!(
        refused(global(&["a"], index("idx", &["a"], &["b"]))).await,
        format!(
            "{INVALID}Some index key attributes are not defined in AttributeDefinitions. Keys: [a, b], \
             AttributeDefinitions: [pk, sk, a]"
        )
    );
    assert_eq!(
        refused(global(&["a", "unused"], index("idx", &["a"], &[]))).await,
        format!(
            "{INVALID}Some AttributeDefinitions are not used. AttributeDefinitions: [pk, sk, a, unused], keys used: \
             [pk, sk, a]"
        )
    );
    assert!(
        refused(with(&["unused"], vec![], vec![]))
            .await
            .contains("does not exactly match number of attributes")
    );
}

#[tokio::test]
async fn an_index_says_what_it_holds() {
    let holding = async |projection: Option<ProjectionInput>| {
        refused(global(&["a"], SecondaryIndexInput { projection, ..index("idx", &["a"], &[]) })).await
    };
    let names: Vec<String> = (0..21).map(|number| format!("x{number}")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    assert!(holding(None).await.contains("Member must not be null"));
    assert_eq!(
        holding(Some(ProjectionInput::default())).await,
        format!("{INVALID}Unknown ProjectionType: null")
    );
    assert_eq!(
        holding(projection(ProjectionType::KeysOnly, &["x"])).await,
        format!("{INVALID}ProjectionType is KEYS_ONLY, but NonKeyAttributes is specified")
    );
    assert!(holding(projection(ProjectionType::All, &["x"])).await.contains("ProjectionType is ALL, but"));
    assert_eq!(
        holding(projection(ProjectionType::Include, &[])).await,
        format!("{INVALID}ProjectionType is INCLUDE, but NonKeyAttributes is not specified")
    );
    assert!(holding(projection(ProjectionType::Include, &names)).await.contains("less than or equal to 20"));
    let many = |last: usize| {
        let index = |number: usize| SecondaryIndexInput {
            projection: projection(
                ProjectionType::Include,
                if number < 5 { &names[..20] } else { &names[..last] },
            ),
            ..index(&format!("idx{number}"), &["a"], &[])
        };
        with(&["a"], vec![], (0..if last > 0 { 6 } else { 5 }).map(index).collect())
    };
    create(&service().await, many(0)).await.unwrap();
    assert!(refused(many(1)).await.contains("per-table limit of 100"));
}

#[tokio::test]
async fn a_table_has_up_to_five_local_and_twenty_global_indexes() {
    let locals = |count| (0..count).map(|number| index(&format!("lsi{number}"), &["pk"], &["a"])).collect();
    let globals = |count| (0..count).map(|number| index(&format!("gsi{number}"), &["a"], &[])).collect();
    create(&service().await, with(&["a"], locals(5), globals(20))).await.unwrap();
    assert_eq!(
        refused(with(&["a"], locals(6), vec![])).await,
        format!("{INVALID}Number of LocalSecondaryIndexes exceeds per-table limit of 5")
    );
    assert_eq!(
        refused(with(&["a"], vec![], globals(21))).await,
        format!("{INVALID}GlobalSecondaryIndex count exceeds the per-table limit of 20")
    );
    let empty = CreateTable { global_secondary_indexes: Some(vec![]), ..table() };
    assert_eq!(refused(empty).await, format!("{INVALID}List of GlobalSecondaryIndexes is empty"));
    let same = with(&["a"], vec![index("idx", &["pk"], &["a"])], vec![index("idx", &["a"], &[])]);
    assert_eq!(refused(same.clone()).await, format!("{INVALID}Duplicate index name: idx"));
    // Global indexes are looked at first.
    assert_eq!(refused_field(same).await, "local_secondary_indexes[0].index_name");
    assert!(refused(global(&["a"], index("no", &["a"], &[]))).await.contains("greater than or equal to 3"));
}

#[tokio::test]
async fn a_global_index_has_throughput_as_its_table_has() {
    let units = |units| Some(ThroughputInput { read_capacity_units: units, write_capacity_units: 1 });
    let with_units = |billing_mode, given| {
        let index = SecondaryIndexInput { provisioned_throughput: given, ..index("idx", &["a"], &[]) };
        CreateTable {
            billing_mode: Some(billing_mode),
            provisioned_throughput: units(1).filter(|_| billing_mode == BillingMode::Provisioned),
            ..global(&["a"], index)
        }
    };
    assert_eq!(
        refused(with_units(BillingMode::Provisioned, None)).await,
        format!("{INVALID}ProvisionedThroughput must be specified for index: idx")
    );
    assert!(
        refused(with_units(BillingMode::PayPerRequest, units(1))).await.contains("should not be specified")
    );
    assert_eq!(
        refused(with_units(BillingMode::Provisioned, units(0))).await,
        "1 validation error detected: Value '0' at \
         'globalSecondaryIndexes.1.member.provisionedThroughput.readCapacityUnits' failed to satisfy constraint: \
         Member must have value greater than or equal to 1"
    );
    create(&service().await, with_units(BillingMode::Provisioned, units(4))).await.unwrap();
}
