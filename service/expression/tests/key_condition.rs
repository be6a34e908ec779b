//! Key conditions: which are refused, and what they mean for a key (semantics sections 4.5 and 5.5).

// Tests stop by panicking.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

mod common;

use cairn_expression::{KeyClause, KeyCondition, KeyConditionError, KeyQuery, KeyTest, Literal, SortRange};
use cairn_model::{AttributeValue, KeyAttribute, KeyType, KeyValue};
use common::key_condition;
use serde_json::{Value, json};

fn key(names: &[(&str, KeyType)]) -> Vec<KeyAttribute> {
    names
        .iter()
        .map(|(name, key_type)| KeyAttribute { name: (*name).to_owned(), key_type: *key_type })
        .collect()
}

fn s(text: &str) -> KeyValue {
    KeyValue::S(text.to_owned())
}

fn n(number: i64) -> KeyValue {
    KeyValue::N(number.into())
}

#[track_caller]
fn refused(text: &str, bound: Value, problem: &str) {
    assert_eq!(
        key_condition(text, &bound).map(|_| ()),
        Err(format!("Invalid KeyConditionExpression: {problem}")),
        "{text} with {bound}"
    );
}

/// What a condition means for a table with the key `pk` (string) and `sk` of a type.
fn in_table(text: &str, bound: Value, sort: Option<KeyType>) -> Result<KeyQuery, KeyConditionError> {
    let condition = key_condition(text, &bound).unwrap_or_else(|error| panic!("{text}: {error}"));
    let sort: Vec<_> = sort.into_iter().map(|key_type| ("sk", key_type)).collect();
    condition.resolve(&key(&[("pk", KeyType::S)]), &key(&sort))
}

#[track_caller]
fn walks(text: &str, bound: Value, sort: KeyType, prefix: &[KeyValue], range: Option<SortRange>) {
    let expected = KeyQuery { partition: vec![s("p")], sort_prefix: prefix.to_vec(), sort_range: range };
    let mut with_partition = bound;
    with_partition[":p"] = json!("p");
    assert_eq!(in_table(text, with_partition, Some(sort)), Ok(expected), "{text}");
}

#[track_caller]
fn unresolved(text: &str, bound: Value, sort: Option<KeyType>, error: &str) {
    assert_eq!(
        in_table(text, bound, sort).map_err(|error| error.to_string()),
        Err(error.to_owned()),
        "{text}"
    );
}

#[test]
fn a_partition_is_walked_whole_or_where_its_sort_keys_say() {
    let v = || json!({":v": 5});
    walks("pk = :p", json!({}), KeyType::N, &[], None);
    walks("pk = :p AND sk = :v", v(), KeyType::N, &[n(5)], None);
    walks("sk < :v AND pk = :p", v(), KeyType::N, &[], Some(SortRange::Lt(n(5))));
    walks("pk = :p AND sk <= :v", v(), KeyType::N, &[], Some(SortRange::Le(n(5))));
    walks("pk = :p AND sk > :v", v(), KeyType::N, &[], Some(SortRange::Gt(n(5))));
    walks("pk = :p AND sk >= :v", v(), KeyType::N, &[], Some(SortRange::Ge(n(5))));
    walks(
        "pk = :p AND sk BETWEEN :v AND :w",
        json!({":v": 5, ":w": 6}),
        KeyType::N,
        &[],
        Some(SortRange::Between(n(5), n(6))),
    );
    walks(
        "pk = :p AND begins_with(sk, :v)",
        json!({":v": "x"}),
        KeyType::S,
        &[],
        Some(SortRange::BeginsWith(s("x"))),
    );
    walks(
        "pk = :p AND begins_with(sk, :v)",
        json!({":v": {"$b": "x"}}),
        KeyType::B,
        &[],
        Some(SortRange::BeginsWith(KeyValue::B("x".into()))),
    );
}

#[test]
fn constants_may_stand_in_front() {
    walks(":p = pk AND :v = sk", json!({":v": 5}), KeyType::N, &[n(5)], None);
    walks(":p = pk AND :v < sk", json!({":v": 5}), KeyType::N, &[], Some(SortRange::Gt(n(5))));
    walks(":v <= sk AND :p = pk", json!({":v": 5}), KeyType::N, &[], Some(SortRange::Ge(n(5))));
    walks("pk = :p AND :v > sk", json!({":v": 5}), KeyType::N, &[], Some(SortRange::Lt(n(5))));
    walks("pk = :p AND :v >= sk", json!({":v": 5}), KeyType::N, &[], Some(SortRange::Le(n(5))));
}

#[test]
fn single_parentheses_and_placeholders_are_fine() {
    walks("(pk = :p) AND ((sk) > (:v))", json!({":v": 5}), KeyType::N, &[], Some(SortRange::Gt(n(5))));
    walks("(#p = :p AND #s = :v)", json!({"#p": "pk", "#s": "sk", ":v": 5}), KeyType::N, &[n(5)], None);
    walks(
        "pk = :p and sk between :v And :v",
        json!({":v": 5}),
        KeyType::N,
        &[],
        Some(SortRange::Between(n(5), n(5))),
    );
    refused("((pk = :p))", json!({":p": "p"}), "The expression has redundant parentheses;");
}

#[test]
fn only_some_operators_are_key_conditions() {
    for (text, operator) in [
        ("pk = :v OR sk = :v", "OR"),
        ("pk = :v AND NOT sk = :v", "NOT"),
        ("NOT pk = :v", "NOT"),
        ("pk IN (:v)", "IN"),
        ("pk = :v AND sk IN (:v, :v)", "IN"),
        ("pk <> :v", "<>"),
        ("pk = :v AND sk <> :v", "<>"),
        ("attribute_exists(pk)", "attribute_exists"),
        ("attribute_not_exists(pk) AND sk = :v", "attribute_not_exists"),
        ("contains(pk, :v)", "contains"),
        ("pk = :v AND attribute_type(sk, :v)", "attribute_type"),
    ] {
        refused(
            text,
            json!({":v": "S"}),
            &format!("Invalid operator used in KeyConditionExpression: {operator}"),
        );
    }
}

#[test]
fn a_clause_is_one_attribute_and_constants() {
    let in_condition = |problem: &str| format!("Invalid condition in KeyConditionExpression: {problem}");
    let nested_operation = "KeyConditionExpressions cannot contain nested operations";
    let nested_path = "KeyConditionExpressions cannot have conditions on nested attributes";
    let bound = json!({":v": "v"});
    refused("size(pk) = :v", bound.clone(), nested_operation);
    refused("pk = :v AND sk = size(x)", bound.clone(), nested_operation);
    refused("pk = size(:v)", bound.clone(), nested_operation);
    refused("pk.x = :v", bound.clone(), nested_path);
    refused("pk[0] = :v", bound.clone(), nested_path);
    refused("pk = :v AND begins_with(sk.x, :v)", bound.clone(), nested_path);
    refused("pk = sk", json!({}), &in_condition("Multiple attribute names used in one condition"));
    refused(
        "pk BETWEEN :v AND sk",
        bound.clone(),
        &in_condition("Multiple attribute names used in one condition"),
    );
    refused(
        "begins_with(pk, sk)",
        json!({}),
        &in_condition("Multiple attribute names used in one condition"),
    );
    refused(":v = :v", bound.clone(), &in_condition("No key attribute specified"));
    refused(":v BETWEEN :v AND :v", bound.clone(), &in_condition("No key attribute specified"));
    refused(
        ":v BETWEEN pk AND :v",
        bound.clone(),
        &in_condition("BETWEEN operator must have the key attribute as its first operand"),
    );
    refused(
        "begins_with(:v, pk)",
        bound.clone(),
        &in_condition("begins_with operator must have the key attribute as its first operand"),
    );
    refused(
        "pk = :v AND sk = :v AND pk = :v",
        bound.clone(),
        "KeyConditionExpressions must only contain one condition per key",
    );
    refused(
        "sk > :v AND #s < :v",
        json!({"#s": "sk", ":v": "v"}),
        "KeyConditionExpressions must only contain one condition per key",
    );
    refused(
        "pk = pk",
        json!({}),
        "The first operand must be distinct from the remaining operands for this operator or function; operator: =, first operand: [pk]",
    );
}

#[test]
fn values_have_a_type_the_operator_can_use() {
    let wrong = |operator: &str, operand_type: &str| {
        format!(
            "Incorrect operand type for operator or function; operator or function: {operator}, operand type: {operand_type}"
        )
    };
    refused("pk = :p AND sk < :v", json!({":p": "p", ":v": true}), &wrong("<", "BOOL"));
    refused("pk = :p AND begins_with(sk, :v)", json!({":p": "p", ":v": 1}), &wrong("begins_with", "N"));
    refused(
        "pk = :p AND sk BETWEEN :v AND :w",
        json!({":p": "p", ":v": 2, ":w": 1}),
        "The BETWEEN operator requires upper bound to be greater than or equal to lower bound; lower bound operand: AttributeValue: {N:2}, upper bound operand: AttributeValue: {N:1}",
    );
    let mismatch =
        "One or more parameter values were invalid: Condition parameter type does not match schema type";
    unresolved("pk = :p", json!({":p": 1}), None, mismatch);
    unresolved("pk = :p", json!({":p": true}), None, mismatch);
    unresolved("pk = :p AND sk = :v", json!({":p": "p", ":v": {"$ss": ["a"]}}), Some(KeyType::S), mismatch);
    unresolved("pk = :p AND sk < :v", json!({":p": "p", ":v": "5"}), Some(KeyType::N), mismatch);
    unresolved("pk = :p AND begins_with(sk, :v)", json!({":p": "p", ":v": "5"}), Some(KeyType::N), mismatch);
    unresolved("pk = :p AND begins_with(sk, :v)", json!({":p": "p", ":v": "5"}), Some(KeyType::B), mismatch);
}

#[test]
fn the_problem_furthest_to_the_left_is_told() {
    let bound = json!({":v": "v", ":t": true});
    for (text, problem) in [
        (
            "pk = :u OR foo(sk)",
            "An expression attribute value used in expression is not defined; attribute value: :u",
        ),
        ("pk = :v OR foo(sk) AND ((a = :u))", "Invalid operator used in KeyConditionExpression: OR"),
        (
            "pk < :t AND foo(sk) AND name = :v",
            "Incorrect operand type for operator or function; operator or function: <, operand type: BOOL",
        ),
        ("pk = :v AND name = :v AND foo(sk)", "Attribute name is a reserved keyword; reserved keyword: name"),
        ("pk = :v AND foo(sk) AND name = :v", "Invalid function name; function: foo"),
        (
            "pk = :v AND attribute_exists(sk) = :v",
            "The function is not allowed to be used this way in an expression; function: attribute_exists",
        ),
        ("pk.x = :u", "KeyConditionExpressions cannot have conditions on nested attributes"),
        (
            "pk = :v AND #u < :u",
            "An expression attribute name used in the document path is not defined; attribute name: #u",
        ),
        // Except that the grammar comes first.
        ("pk = :u OR foo(sk) AND", "Syntax error; token: \"<EOF>\", near: \"AND\""),
    ] {
        refused(text, bound.clone(), problem);
    }
    refused("", json!({}), "The expression can not be empty;");
}

#[test]
fn the_partition_key_needs_an_equality() {
    unresolved(
        "sk = :v",
        json!({":v": "v"}),
        Some(KeyType::S),
        "Query condition missed key schema element: pk",
    );
    unresolved("extra = :v", json!({":v": "v"}), None, "Query condition missed key schema element: pk");
    for (text, bound) in [
        ("pk < :v", json!({":v": "v"})),
        ("pk BETWEEN :v AND :v", json!({":v": "v"})),
        ("begins_with(pk, :v)", json!({":v": "v"})),
        (":v > pk AND sk = :v", json!({":v": "v"})),
    ] {
        unresolved(text, bound, Some(KeyType::S), "Query key condition not supported");
    }
}

#[test]
fn clauses_are_on_the_attributes_of_the_key() {
    unresolved(
        "pk = :v AND extra = :v",
        json!({":v": "v"}),
        Some(KeyType::S),
        "Query condition missed key schema element: sk",
    );
    unresolved(
        "pk = :v AND sk = :v AND extra = :v",
        json!({":v": "v"}),
        Some(KeyType::S),
        "The number of query conditions (3) exceeds the number of key attributes defined in the schema (2)",
    );
    unresolved(
        "pk = :v AND sk = :v",
        json!({":v": "v"}),
        None,
        "The number of query conditions (2) exceeds the number of key attributes defined in the schema (1)",
    );
}

#[test]
fn values_are_ones_a_key_can_have() {
    let empty = |name: &str| {
        format!(
            "One or more parameter values are not valid. The AttributeValue for a key attribute cannot contain an empty string value. Key: {name}"
        )
    };
    unresolved("pk = :v", json!({":v": ""}), None, &empty("pk"));
    unresolved("pk = :p AND sk > :v", json!({":p": "p", ":v": ""}), Some(KeyType::S), &empty("sk"));
    let size = |size: usize| json!({":v": "x".repeat(size), ":p": "p"});
    assert!(in_table("pk = :v", json!({":v": "x".repeat(2048)}), None).is_ok());
    unresolved(
        "pk = :v",
        json!({":v": "x".repeat(2049)}),
        None,
        "One or more parameter values were invalid: Size of hashkey has exceeded the maximum size limit of2048 bytes",
    );
    assert!(in_table("pk = :p AND begins_with(sk, :v)", size(1024), Some(KeyType::S)).is_ok());
    unresolved(
        "pk = :p AND begins_with(sk, :v)",
        size(1025),
        Some(KeyType::S),
        "One or more parameter values were invalid: Aggregated size of all range keys has exceeded the size limit of 1024 bytes",
    );
}

/// What a condition means for an index with the partition key `h1`, `h2` and the sort key `r1`, `r2`, `r3`.
fn in_index(text: &str) -> Result<KeyQuery, String> {
    let bound: Value = [":a", ":b", ":c", ":d", ":e"]
        .iter()
        .filter(|key| text.contains(**key))
        .map(|key| ((*key).to_owned(), json!(key.trim_start_matches(':'))))
        .collect::<serde_json::Map<_, _>>()
        .into();
    let condition = key_condition(text, &bound).unwrap_or_else(|error| panic!("{text}: {error}"));
    let strings = |names: &[&str]| key(&names.iter().map(|name| (*name, KeyType::S)).collect::<Vec<_>>());
    condition
        .resolve(&strings(&["h1", "h2"]), &strings(&["r1", "r2", "r3"]))
        .map_err(|error| error.to_string())
}

#[test]
fn keys_of_several_attributes_take_equalities_and_one_range_at_the_end() {
    let query = |prefix: &[&str], range: Option<SortRange>| {
        Ok(KeyQuery {
            partition: vec![s("a"), s("b")],
            sort_prefix: prefix.iter().map(|text| s(text)).collect(),
            sort_range: range,
        })
    };
    assert_eq!(in_index("h2 = :b AND h1 = :a"), query(&[], None));
    assert_eq!(in_index("h1 = :a AND h2 = :b AND r1 = :c"), query(&["c"], None));
    assert_eq!(
        in_index("r2 > :d AND h2 = :b AND r1 = :c AND h1 = :a"),
        query(&["c"], Some(SortRange::Gt(s("d"))))
    );
    assert_eq!(in_index("r1 < :d AND h2 = :b AND h1 = :a"), query(&[], Some(SortRange::Lt(s("d")))));
    assert_eq!(
        in_index("h1 = :a AND h2 = :b AND r1 = :c AND r2 = :d AND begins_with(r3, :e)"),
        query(&["c", "d"], Some(SortRange::BeginsWith(s("e"))))
    );
    assert_eq!(
        in_index("h1 = :a AND h2 = :b AND r1 = :c AND r2 = :d AND r3 = :e"),
        query(&["c", "d", "e"], None)
    );
}

#[test]
fn keys_of_several_attributes_have_no_gaps() {
    let gap = |role: &str, missing: &str, present: &str| {
        Err(format!(
            "{role} key attributes {missing} must have equality conditions specified in the query because a condition is present on key attribute {present}"
        ))
    };
    assert_eq!(in_index("h1 = :a AND h2 = :b AND r2 = :c"), gap("RANGE", "r1", "r2"));
    assert_eq!(in_index("h1 = :a AND h2 = :b AND r1 < :d AND r2 = :c"), gap("RANGE", "r1", "r2"));
    assert_eq!(in_index("h1 = :a AND h2 = :b AND r3 > :c"), gap("RANGE", "r1, r2", "r3"));
    assert_eq!(in_index("h2 = :a AND r1 = :b"), gap("HASH", "h1", "h2"));
    assert_eq!(in_index("r1 = :b"), Err("Query condition missed key schema element: h1".to_owned()));
    assert_eq!(in_index("h1 = :a AND h2 > :b"), Err("Query key condition not supported".to_owned()));
}

#[test]
fn key_conditions_are_built_without_text() {
    let literal = |text: &str| Literal::from(AttributeValue::S(text.to_owned()));
    let clause = |attribute: &str, test: KeyTest| KeyClause { attribute: attribute.into(), test };
    let table = (key(&[("pk", KeyType::S)]), key(&[("sk", KeyType::N)]));
    let number = Literal::from(AttributeValue::N(5_i64.into()));
    let clauses = vec![clause("sk", KeyTest::Le(number.clone())), clause("pk", KeyTest::Eq(literal("p")))];
    let condition = KeyCondition::new(clauses).unwrap();
    assert_eq!(condition.attributes().into_iter().collect::<Vec<_>>(), ["pk", "sk"]);
    assert_eq!(
        condition.resolve(&table.0, &table.1),
        Ok(KeyQuery { partition: vec![s("p")], sort_prefix: vec![], sort_range: Some(SortRange::Le(n(5))) })
    );
    let twice = vec![clause("pk", KeyTest::Eq(literal("p"))), clause("pk", KeyTest::Eq(literal("q")))];
    assert_eq!(KeyCondition::new(twice).unwrap_err().clause, 1);
    // What only text is checked for fails where it is resolved.
    let prefix = vec![clause("pk", KeyTest::Eq(literal("p"))), clause("sk", KeyTest::BeginsWith(number))];
    assert_eq!(
        KeyCondition::new(prefix).unwrap().resolve(&table.0, &table.1),
        Err(KeyConditionError::NotSupported { attribute: "sk".to_owned() })
    );
}
