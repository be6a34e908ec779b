//! Index entries: that they follow every write of their item, what a write is refused for, and what it costs.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic)] // Tests fail loudly, in helpers too.

mod common;
mod root;

use cairn_model::{AttributeMap, AttributeValue, KeyType};
use cairn_ops::{
    ConsumedCapacity, CreateTable, ExpressionArguments, ProjectionType, ReturnConsumedCapacity,
    ReturnValuesOnConditionCheckFailure, SecondaryIndexInput, Service, ServiceOptions, TransactAction,
    TransactWriteItem, TransactWriteItems,
};
use cairn_storage::Engine;
use cairn_storage::memory::MemoryEngine;
use common::*;
use proptest::prelude::*;
use root::{AsRoot, start};
use std::collections::BTreeMap;

/// A local index by date, a global one by team and score that is seldom in use and holds little, and one with a key of
/// several attributes.
fn indexed_table() -> CreateTable {
    CreateTable {
        attribute_definitions: definitions(&[
            ("pk", KeyType::S),
            ("sk", KeyType::S),
            ("date", KeyType::N),
            ("team", KeyType::S),
            ("score", KeyType::N),
            ("city", KeyType::S),
            ("blob", KeyType::B),
        ]),
        local_secondary_indexes: Some(vec![index("by-date", &["pk"], &["date"])]),
        global_secondary_indexes: Some(vec![
            SecondaryIndexInput {
                projection: projection(ProjectionType::Include, &["note"]),
                ..index("by-team", &["team"], &["score"])
            },
            SecondaryIndexInput {
                projection: projection(ProjectionType::KeysOnly, &[]),
                ..index("by-place", &["city", "team"], &["date", "blob"])
            },
        ]),
        ..table()
    }
}

const IDS: &[u16] = &[1, 2, 3];

fn song(more: &[(&str, AttributeValue)]) -> AttributeMap {
    let mut item = key("a", "1");
    item.extend(attributes(more));
    item
}

async fn cost<E: Engine>(service: &Service<E>, item: &AttributeMap) -> ConsumedCapacity {
    let mut put = put(item);
    put.return_consumed_capacity = ReturnConsumedCapacity::Indexes;
    put.by_root(service).await.unwrap().consumed_capacity.unwrap()
}

#[tokio::test]
async fn an_item_is_in_the_indexes_that_it_has_the_keys_of() {
    let service = service().await;
    create(&service, indexed_table()).await.unwrap();
    put(&key("a", "1")).by_root(&service).await.unwrap();
    assert_eq!(assert_indexes_match(&service, IDS).await, 0);
    let everything = [
        ("date", n(1)),
        ("team", s("red")),
        ("score", n(2)),
        ("city", s("Oslo")),
        ("blob", AttributeValue::B(vec![1u8].into())),
    ];
    put(&song(&everything)).by_root(&service).await.unwrap();
    assert_eq!(assert_indexes_match(&service, IDS).await, 3);
    update(key("a", "1"), "REMOVE #team", &[]).by_root(&service).await.unwrap();
    assert_eq!(assert_indexes_match(&service, IDS).await, 1);
    update(key("a", "1"), "SET #team = :t, #score = #score + :t2", &[(":t", s("blue")), (":t2", n(1))])
        .by_root(&service)
        .await
        .unwrap();
    assert_eq!(assert_indexes_match(&service, IDS).await, 3);
    delete(key("a", "1")).by_root(&service).await.unwrap();
    assert_eq!(assert_indexes_match(&service, IDS).await, 0);
}

#[tokio::test]
async fn an_index_is_charged_for_what_changes_in_it() {
    let service = service().await;
    create(&service, indexed_table()).await.unwrap();
    let large =
        |note: &str| song(&[("team", s("red")), ("score", n(1)), ("note", s(note)), ("other", s("x"))]);
    let indexes = |cost: &ConsumedCapacity| {
        let parts = cost.parts.clone().unwrap();
        assert_eq!(cost.capacity_units, parts.total());
        (parts.table, parts.local_secondary_indexes, parts.global_secondary_indexes)
    };
    let none = BTreeMap::new;
    let team = |units: f64| BTreeMap::from([("by-team".to_owned(), units)]);
    // Enters; is the same; changes what is projected, from two steps to one; what is not; moves; leaves.
    let two_steps = "x".repeat(1_100);
    assert_eq!(indexes(&cost(&service, &large(&two_steps)).await), (2.0, none(), team(2.0)));
    assert_eq!(indexes(&cost(&service, &large(&two_steps)).await), (2.0, none(), none()));
    assert_eq!(indexes(&cost(&service, &large("y")).await), (2.0, none(), team(2.0)));
    let mut item = large("y");
    item.insert("other".into(), s("z"));
    assert_eq!(indexes(&cost(&service, &item).await), (1.0, none(), none()));
    item.insert("score".into(), n(9));
    assert_eq!(indexes(&cost(&service, &item).await), (1.0, none(), team(2.0)));
    item.remove("team");
    item.insert("date".into(), n(1));
    let date = BTreeMap::from([("by-date".to_owned(), 1.0)]);
    assert_eq!(indexes(&cost(&service, &item).await), (1.0, date.clone(), team(1.0)));
    let mut gone = delete(key("a", "1"));
    gone.return_consumed_capacity = ReturnConsumedCapacity::Indexes;
    let gone = gone.by_root(&service).await.unwrap().consumed_capacity.unwrap();
    assert_eq!(indexes(&gone), (1.0, date, none()));
    assert_indexes_match(&service, IDS).await;
}

#[tokio::test]
async fn the_sum_of_a_cost_holds_that_of_the_indexes() {
    let service = service().await;
    create(&service, indexed_table()).await.unwrap();
    let mut put = put(&song(&[("date", n(1)), ("team", s("red")), ("score", n(1))]));
    put.return_consumed_capacity = ReturnConsumedCapacity::Total;
    let told = put.by_root(&service).await.unwrap().consumed_capacity.unwrap();
    assert_eq!((told.capacity_units, told.parts), (3.0, None));
}

#[tokio::test]
async fn a_put_with_an_attribute_that_cannot_key_an_index_is_refused() {
    let service = service().await;
    create(&service, indexed_table()).await.unwrap();
    let refused = async |name: &str, value| refusal(&service, put(&song(&[(name, value)]))).await;
    let invalid = "One or more parameter values were invalid:";
    assert_eq!(
        refused("date", s("today")).await,
        format!("{invalid} Type mismatch for Index Key date Expected: N Actual: S IndexName: by-date")
    );
    assert_eq!(
        refused("score", AttributeValue::Null).await,
        format!("{invalid} Type mismatch for Index Key score Expected: N Actual: NULL IndexName: by-team")
    );
    assert_eq!(
        refused("team", s("")).await,
        "One or more parameter values are not valid. A value specified for a secondary index key is not supported. \
         The AttributeValue for a key attribute cannot contain an empty string value. IndexName: by-place, \
         IndexKey: team"
    );
    assert!(refused("city", s(&"x".repeat(2_049))).await.contains("Size of hashkey"));
    let error = put(&song(&[("date", s("today"))])).by_root(&service).await.unwrap_err();
    let cairn_ops::Error::Validation(validation) = error else { panic!("{error}") };
    assert_eq!(validation.field.to_proto(), "item[\"date\"]");
    assert_eq!(get(&service, key("a", "1")).await, None);
    assert_eq!(assert_indexes_match(&service, IDS).await, 0);
}

#[tokio::test]
async fn an_update_cannot_make_an_index_key_of_another_type_or_look_inside_one() {
    let service = service().await;
    create(&service, indexed_table()).await.unwrap();
    let unsupported = "The update expression attempted to update the secondary index key to unsupported type";
    let set = |name: &str, value| update(key("a", "1"), &format!("SET #{name} = :v"), &[(":v", value)]);
    assert_eq!(refusal(&service, set("score", s("x"))).await, unsupported);
    assert_eq!(
        refusal(&service, set("team", s(""))).await,
        "One or more parameter values are not valid. The update expression attempted to update a secondary index key to \
         a value that is not supported. The AttributeValue for a key attribute cannot contain an empty string value."
    );
    let inside = "Key attributes must be scalars; list random access '[]' and map lookup '.' are not allowed: IndexKey: ";
    assert_eq!(refusal(&service, set("team.colour", s("x"))).await, format!("{inside}team"));
    assert_eq!(refusal(&service, set("city[0]", s("x"))).await, format!("{inside}city"));
    assert_eq!(get(&service, key("a", "1")).await, None);
}

#[tokio::test]
async fn an_item_collection_grows_to_its_limit_and_may_always_shrink() {
    let options = ServiceOptions { item_collection_bytes_max: 100, ..ServiceOptions::default() };
    let service = start(MemoryEngine::default(), options).await.unwrap();
    create(&service, indexed_table()).await.unwrap();
    let with_note = |sk: &str, letters: usize| {
        let mut item = key("a", sk);
        item.extend(attributes(&[("date", n(1)), ("note", s(&"x".repeat(letters)))]));
        item
    };
    let size = cairn_model::item_size(&with_note("1", 0));
    let letters = 50 - size;
    // In the table and in the local index: 100 bytes.
    put(&with_note("1", letters)).by_root(&service).await.unwrap();
    assert_eq!(refusal(&service, put(&key("a", "2"))).await, "Collection size exceeded.");
    assert_eq!(refusal(&service, put(&with_note("1", letters + 1))).await, "Collection size exceeded.");
    assert_indexes_match(&service, IDS).await;
    // Another collection has its own limit, and what is in no local index counts once.
    put(&key("b", "2")).by_root(&service).await.unwrap();
    update(key("a", "1"), "REMOVE #date", &[]).by_root(&service).await.unwrap();
    put(&key("a", "2")).by_root(&service).await.unwrap();
    for sk in ["1", "2"] {
        delete(key("a", sk)).by_root(&service).await.unwrap();
    }
    delete(key("b", "2")).by_root(&service).await.unwrap();
    // Nothing is left of it, the record of its size included.
    assert_eq!(assert_indexes_match(&service, IDS).await, 0);
}

#[tokio::test]
async fn transactions_keep_to_the_limit_of_an_item_collection_together() {
    let options = ServiceOptions { item_collection_bytes_max: 100, ..ServiceOptions::default() };
    let service = start(MemoryEngine::default(), options).await.unwrap();
    create(&service, indexed_table()).await.unwrap();
    let write = |action| TransactWriteItem {
        table: TABLE.into(),
        action,
        condition_expression: None,
        arguments: ExpressionArguments::default(),
        return_values_on_condition_check_failure: ReturnValuesOnConditionCheckFailure::None,
    };
    let put = |sk: &str, letters: usize| {
        let mut item = key("a", sk);
        item.extend(attributes(&[("note", s(&"x".repeat(letters)))]));
        write(TransactAction::Put { item: item.into() })
    };
    let transact = |transact_items| TransactWriteItems { transact_items, ..TransactWriteItems::default() };
    let size = cairn_model::item_size(&key("a", "1")) + "note".len();
    // Each fits alone; both together do not, and nothing is written.
    let refused =
        transact(vec![put("1", 60 - size), put("2", 60 - size)]).by_root(&service).await.unwrap_err();
    assert!(
        refused.to_string().ends_with("[ItemCollectionSizeLimitExceeded, ItemCollectionSizeLimitExceeded]"),
        "{refused}"
    );
    assert_eq!(get(&service, key("a", "1")).await, None);
    transact(vec![put("1", 60 - size), put("2", 40 - size)]).by_root(&service).await.unwrap();
    assert_eq!(refusal(&service, self::put(&key("a", "3"))).await, "Collection size exceeded.");
    // One goes as another comes.
    let gone = write(TransactAction::Delete { key: key("a", "1").into() });
    transact(vec![gone, put("3", 60 - size)]).by_root(&service).await.unwrap();
}

#[derive(Clone, Debug)]
enum Step {
    Put(AttributeMap),
    Set(&'static str, AttributeValue),
    Remove(&'static str),
    Delete,
}

const NAMES: [&str; 7] = ["date", "team", "score", "city", "blob", "note", "other"];

/// A value that suits the attribute; few of each, so that entries collide and stay the same.
fn value(name: &'static str) -> BoxedStrategy<AttributeValue> {
    match name {
        "date" | "score" => (0u64..3).prop_map(n).boxed(),
        "blob" => (0u8..3).prop_map(|byte| AttributeValue::B(vec![byte, 0].into())).boxed(),
        _ => "[ab]{1,2}".prop_map(|text| s(&text)).boxed(),
    }
}

fn step() -> impl Strategy<Value = (u8, Step)> {
    let any_name = proptest::sample::select(NAMES.to_vec());
    let item = NAMES.map(|name| proptest::option::of(value(name).prop_map(move |value| (name, value))));
    let item = Vec::from(item).prop_map(|pairs| attributes(&pairs.into_iter().flatten().collect::<Vec<_>>()));
    let step = prop_oneof![
        3 => item.prop_map(Step::Put),
        3 => any_name.clone().prop_flat_map(|name| value(name).prop_map(move |value| Step::Set(name, value))),
        1 => any_name.prop_map(Step::Remove),
        1 => Just(Step::Delete),
    ];
    (0u8..4, step)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn after_any_writes_the_indexes_hold_what_the_items_say(steps in prop::collection::vec(step(), 1..40)) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let service = service().await;
            create(&service, indexed_table()).await.unwrap();
            for (which, step) in steps {
                let key = key(if which < 2 { "a" } else { "b" }, &which.to_string());
                match step {
                    Step::Put(mut item) => {
                        item.extend(key);
                        put(&item).by_root(&service).await.unwrap();
                    }
                    Step::Set(name, value) => {
                        update(key, &format!("SET #{name} = :v"), &[(":v", value)])
                            .by_root(&service).await.unwrap();
                    }
                    Step::Remove(name) => {
                        update(key, &format!("REMOVE #{name}"), &[]).by_root(&service).await.unwrap();
                    }
                    Step::Delete => { delete(key).by_root(&service).await.unwrap(); }
                }
            }
            assert_indexes_match(&service, IDS).await;
        });
    }
}
