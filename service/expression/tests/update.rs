//! Updates: what they do to which item, what they return, and which are refused (semantics sections 5.7 and 7.4).

// Tests stop by panicking.
#![allow(clippy::unwrap_used, clippy::panic)]

mod common;

use cairn_expression::{DocumentPath, Literal, PathStep, Update, UpdateAction, UpdateErrorKind, UpdateValue};
use cairn_model::{AttributeMap, AttributeValue};
use common::{item, item_json, update, value};
use serde_json::{Value, json};

const INVALID_PATH: &str = "The document path provided in the update expression is invalid for update";
const MISSING: &str = "The provided expression refers to an attribute that does not exist in the item";
const WRONG_TYPE: &str = "An operand in the update expression has an incorrect data type";
const OVERFLOW: &str =
    "Number overflow. Attempting to store a number with magnitude larger than supported range";

/// The item after an update, or the text of the error.
fn applied(text: &str, bound: &Value, before: Option<&Value>) -> Result<Option<Value>, String> {
    let update = update(text, bound).unwrap_or_else(|error| panic!("{text}: {error}"));
    let before = before.map(item);
    let updated = update.apply(before.as_ref()).map_err(|error| error.to_string())?;
    Ok(updated.item.as_ref().map(item_json))
}

#[track_caller]
fn check(text: &str, bound: Value, before: Value, after: Value) {
    assert_eq!(applied(text, &bound, Some(&before)), Ok(Some(after)), "{text} on {before}");
}

#[track_caller]
fn on_missing(text: &str, bound: Value, after: Option<Value>) {
    assert_eq!(applied(text, &bound, None), Ok(after), "{text} on a missing item");
}

#[track_caller]
fn fails(text: &str, bound: Value, before: Value, error: &str) {
    assert_eq!(applied(text, &bound, Some(&before)), Err(error.to_owned()), "{text} on {before}");
}

#[track_caller]
fn refused(text: &str, bound: Value, problem: &str) {
    assert_eq!(
        update(text, &bound).map(|_| ()),
        Err(format!("Invalid UpdateExpression: {problem}")),
        "{text} with {bound}"
    );
}

#[test]
fn set_puts_values_of_any_type() {
    let all = json!({"s": "", "n": 1, "l": [], "m": {}, "t": false, "nil": null, "ss": {"$ss": ["a"]}});
    check("SET a = :v", json!({":v": all}), json!({"a": 1, "b": 2}), json!({"a": all, "b": 2}));
    check(
        "set #x.y = :v, l[0] = b",
        json!({"#x": "m", ":v": 7}),
        json!({"m": {"x": 1}, "l": [1, 2], "b": "z"}),
        json!({"m": {"x": 1, "y": 7}, "l": ["z", 2], "b": "z"}),
    );
    check(
        "SET #x = :v",
        json!({"#x": "a.b", ":v": 7}),
        json!({"a": {"b": 1}}),
        json!({"a": {"b": 1}, "a.b": 7}),
    );
    check(
        "SET (a).b = (:v), c = (b), d = ((b) + :v)",
        json!({":v": 7}),
        json!({"a": {}, "b": 1}),
        json!({"a": {"b": 7}, "b": 1, "c": 1, "d": 8}),
    );
}

#[test]
fn everything_is_read_from_the_item_as_it_was() {
    check("SET x = :a, y = x", json!({":a": 2}), json!({"x": 1}), json!({"x": 2, "y": 1}));
    check("SET x = y, y = x", json!({}), json!({"x": 1, "y": 2}), json!({"x": 2, "y": 1}));
    check("REMOVE x SET y = x", json!({}), json!({"x": 1}), json!({"y": 1}));
    check(
        "SET a = if_not_exists(b, :v), b = if_not_exists(a, :w)",
        json!({":v": 1, ":w": 2}),
        json!({}),
        json!({"a": 1, "b": 2}),
    );
    check("ADD n :one SET m = n + :one", json!({":one": 1}), json!({"n": 5}), json!({"n": 6, "m": 6}));
    check("SET l[0] = l[1], l[1] = l[0]", json!({}), json!({"l": ["a", "b"]}), json!({"l": ["b", "a"]}));
}

#[test]
fn a_container_must_be_there_to_set_something_in_it() {
    let before = json!({"m": {"x": 1}, "l": [1], "s": "text"});
    for text in [
        "SET gone.x = :v",
        "SET gone[0] = :v",
        "SET m.gone.x = :v",
        "SET s.x = :v",
        "SET s[0] = :v",
        "SET m[0] = :v",
        "SET l.x = :v",
        "SET l[5].x = :v",
        "SET m.x.y = :v",
    ] {
        fails(text, json!({":v": 1}), before.clone(), INVALID_PATH);
    }
    assert_eq!(applied("SET a.b = :v", &json!({":v": 1}), None), Err(INVALID_PATH.to_owned()));
    // What another action puts there does not count.
    fails("SET l[1] = :m, l[3].x = :v", json!({":v": 1, ":m": {}}), before, INVALID_PATH);
}

#[test]
fn an_index_past_the_end_appends() {
    let bound = json!({":a": "a", ":b": "b", ":c": "c"});
    check(
        "SET l[3] = :c, l[9] = :b, l[5] = :a",
        bound.clone(),
        json!({"l": [0, 1, 2]}),
        json!({"l": [0, 1, 2, "c", "a", "b"]}),
    );
    check(
        "SET l[4294967294] = :a, l[1] = :b, l[0] = :c",
        bound,
        json!({"l": [0]}),
        json!({"l": ["c", "b", "a"]}),
    );
    check("SET l[0] = :v", json!({":v": 1}), json!({"l": []}), json!({"l": [1]}));
}

#[test]
fn what_a_value_is_made_of_must_be_there() {
    for text in [
        "SET a = gone",
        "SET a = m.gone",
        "SET a = l[7]",
        "SET a = gone + n",
        "SET a = n - gone",
        "SET a = list_append(l, gone)",
        "SET a = if_not_exists(gone, gone)",
    ] {
        fails(text, json!({}), json!({"n": 1, "m": {}, "l": []}), MISSING);
    }
    assert_eq!(applied("SET a = b", &json!({}), None), Err(MISSING.to_owned()));
}

#[test]
fn if_not_exists_falls_back_only_where_nothing_is() {
    check("SET a = if_not_exists(a, :v)", json!({":v": 1}), json!({}), json!({"a": 1}));
    check("SET a = if_not_exists(a, :v)", json!({":v": 1}), json!({"a": null}), json!({"a": null}));
    // What is not needed is not computed.
    check("SET a = if_not_exists(b, gone)", json!({}), json!({"b": 2}), json!({"a": 2, "b": 2}));
    check(
        "SET a = if_not_exists(x, if_not_exists(y, if_not_exists(z, :v)))",
        json!({":v": 1}),
        json!({"z": 3}),
        json!({"a": 3, "z": 3}),
    );
    check("SET a = if_not_exists(a, :zero) + :n", json!({":zero": 0, ":n": 5}), json!({}), json!({"a": 5}));
    check(
        "SET a = if_not_exists(a, :zero) + :n",
        json!({":zero": 0, ":n": 5}),
        json!({"a": 2}),
        json!({"a": 7}),
    );
    check(
        "SET a = if_not_exists(x, :v) - if_not_exists(y, :v)",
        json!({":v": 4}),
        json!({"x": 9}),
        json!({"x": 9, "a": 5}),
    );
}

#[test]
fn list_append_joins_lists() {
    check(
        "SET l = list_append(l, :v), r = list_append(:v, l)",
        json!({":v": ["x"]}),
        json!({"l": [1]}),
        json!({"l": [1, "x"], "r": ["x", 1]}),
    );
    check(
        "SET l = list_append(if_not_exists(l, :e), :v)",
        json!({":v": [1], ":e": []}),
        json!({}),
        json!({"l": [1]}),
    );
    check(
        "SET l = list_append(if_not_exists(x, list_append(:v, :v)), :v)",
        json!({":v": [1]}),
        json!({}),
        json!({"l": [1, 1, 1]}),
    );
    for other in [json!("x"), json!({"$ss": ["x"]}), json!({}), json!(1)] {
        fails("SET l = list_append(l, :v)", json!({":v": [1]}), json!({"l": other}), WRONG_TYPE);
        fails("SET l = list_append(:v, l)", json!({":v": [1]}), json!({"l": other}), WRONG_TYPE);
    }
}

#[test]
fn sums_are_exact_or_refused() {
    check(
        "SET a = a + :v, b = a - :v",
        json!({":v": {"$n": "0.1"}}),
        json!({"a": {"$n": "0.2"}}),
        json!({"a": {"$n": "0.3"}, "b": {"$n": "0.1"}}),
    );
    check("SET a = a - :v", json!({":v": 3}), json!({"a": 1}), json!({"a": -2}));
    fails("SET a = a + :v", json!({":v": 1}), json!({"a": {"$n": "1e50"}}), OVERFLOW);
    fails("ADD a :v", json!({":v": 1}), json!({"a": {"$n": "1e50"}}), OVERFLOW);
    fails("SET a = a + a", json!({}), json!({"a": {"$n": "9.9e125"}}), OVERFLOW);
    for other in [json!("1"), json!({"$ns": [1]}), json!([1])] {
        fails("SET a = a + :v", json!({":v": 1}), json!({"a": other}), WRONG_TYPE);
        fails("SET a = :v - a", json!({":v": 1}), json!({"a": other}), WRONG_TYPE);
    }
}

#[test]
fn remove_takes_away_what_is_there() {
    check(
        "REMOVE a, m.x, l[1], gone",
        json!({}),
        json!({"a": 1, "m": {"x": 1, "y": 2}, "l": [1, 2, 3]}),
        json!({"m": {"y": 2}, "l": [1, 3]}),
    );
    check("REMOVE m.x, l[0]", json!({}), json!({"m": {"x": 1}, "l": [1]}), json!({"m": {}, "l": []}));
    check("REMOVE m.gone, l[7], gone", json!({}), json!({"m": {}, "l": [1]}), json!({"m": {}, "l": [1]}));
}

#[test]
fn remove_needs_a_container_on_an_item_that_exists() {
    for text in [
        "REMOVE gone.x",
        "REMOVE gone[0]",
        "REMOVE m.gone.x",
        "REMOVE s.x",
        "REMOVE s[0]",
        "REMOVE m[0]",
        "REMOVE l.x",
        "REMOVE l[9].x",
        "DELETE gone.x :s",
    ] {
        let bound = if text.contains(":s") { json!({":s": {"$ss": ["a"]}}) } else { json!({}) };
        fails(text, bound.clone(), json!({"m": {}, "l": [], "s": "text"}), INVALID_PATH);
        on_missing(text, bound, None);
    }
}

#[test]
fn list_positions_are_those_from_before() {
    check(
        "REMOVE l[1] SET l[3] = :v",
        json!({":v": "x"}),
        json!({"l": [0, 1, 2, 3, 4]}),
        json!({"l": [0, 2, "x", 4]}),
    );
    check("REMOVE l[0], l[2], l[1]", json!({}), json!({"l": [0, 1, 2, 3]}), json!({"l": [3]}));
    check("REMOVE l[0] SET l[9] = :v", json!({":v": "x"}), json!({"l": [0, 1]}), json!({"l": [1, "x"]}));
    // Past the end when the update began, so not the element appended there.
    check("REMOVE l[2] SET l[9] = :v", json!({":v": "x"}), json!({"l": [0, 1]}), json!({"l": [0, 1, "x"]}));
    check(
        "REMOVE l[0], l[1].x, l[2][0], l[3][0], l[3][2]",
        json!({}),
        json!({"l": ["out", {"x": 1, "y": 2}, [5, 6], [7, 8, 9]]}),
        json!({"l": [{"y": 2}, [6], [8]]}),
    );
    check(
        "REMOVE l[0], l[2] SET l[1].x = :v ADD l[3].n :v",
        json!({":v": 1}),
        json!({"l": [0, {}, 2, {"n": 1}]}),
        json!({"l": [{"x": 1}, {"n": 2}]}),
    );
}

#[test]
fn add_sums_numbers_and_joins_sets() {
    let bound = json!({":n": 5, ":ss": {"$ss": ["b", "c"]}, ":ns": {"$ns": [2, 3]}, ":bs": {"$bs": ["y"]}});
    let text = "ADD n :n, ss :ss, ns :ns, bs :bs";
    let before = json!({"n": 1, "ss": {"$ss": ["a", "b"]}, "ns": {"$ns": [1, 2]}, "bs": {"$bs": ["x"]}});
    check(
        text,
        bound.clone(),
        before,
        json!({"n": 6, "ss": {"$ss": ["a", "b", "c"]}, "ns": {"$ns": [1, 2, 3]}, "bs": {"$bs": ["x", "y"]}}),
    );
    let new = json!({"n": 5, "ss": {"$ss": ["b", "c"]}, "ns": {"$ns": [2, 3]}, "bs": {"$bs": ["y"]}});
    check(text, bound.clone(), json!({}), new.clone());
    on_missing(text, bound, Some(new));
    check(
        "ADD m.n :n, l[0] :n",
        json!({":n": 1}),
        json!({"m": {}, "l": [1]}),
        json!({"m": {"n": 1}, "l": [2]}),
    );
    fails("ADD gone.n :n", json!({":n": 1}), json!({}), INVALID_PATH);
    for other in [json!("5"), json!({"$ns": [1]}), json!([1]), json!(null)] {
        fails("ADD a :n", json!({":n": 1}), json!({"a": other}), WRONG_TYPE);
    }
    fails("ADD a :n", json!({":n": {"$ns": [1]}}), json!({"a": {"$ss": ["a"]}}), WRONG_TYPE);
    fails("ADD a :n", json!({":n": {"$ns": [1]}}), json!({"a": 1}), WRONG_TYPE);
}

#[test]
fn delete_takes_members_and_an_empty_set_goes() {
    let before = json!({"ss": {"$ss": ["a", "b"]}, "ns": {"$ns": [1, 2]}, "bs": {"$bs": ["x"]}});
    let bound = json!({":ss": {"$ss": ["b", "c"]}, ":ns": {"$ns": [1.0, 2, 3]}, ":bs": {"$bs": ["y"]}});
    check(
        "DELETE ss :ss, ns :ns, bs :bs, gone :ss",
        bound,
        before,
        json!({"ss": {"$ss": ["a"]}, "bs": {"$bs": ["x"]}}),
    );
    check(
        "DELETE m.s :s, l[1] :s",
        json!({":s": {"$ss": ["a"]}}),
        json!({"m": {"s": {"$ss": ["a"]}}, "l": [0, {"$ss": ["a"]}, 2]}),
        json!({"m": {}, "l": [0, 2]}),
    );
    check("DELETE m.gone :s", json!({":s": {"$ss": ["a"]}}), json!({"m": {}}), json!({"m": {}}));
    for other in [json!("a"), json!({"$ns": [1]}), json!(["a"])] {
        fails("DELETE a :s", json!({":s": {"$ss": ["a"]}}), json!({"a": other}), WRONG_TYPE);
    }
}

#[test]
fn only_removing_does_not_create_an_item() {
    let set = json!({":s": {"$ss": ["a"]}});
    on_missing("REMOVE a, b.c", json!({}), None);
    on_missing("DELETE a :s", set.clone(), None);
    on_missing("REMOVE a DELETE b :s", set.clone(), None);
    on_missing("SET c = :s REMOVE a DELETE b :s", set.clone(), Some(json!({"c": {"$ss": ["a"]}})));
    assert!(update("REMOVE a DELETE b :s", &set).unwrap().only_removes());
    assert!(!update("REMOVE a ADD b :s", &set).unwrap().only_removes());
    // No actions at all: a request without an expression creates an item.
    let empty = Update::new(Vec::new()).unwrap();
    assert!(!empty.only_removes());
    assert_eq!(empty.apply(None).unwrap().item, Some(AttributeMap::new()));
}

#[test]
fn key_attributes_are_no_targets() {
    let is_key = |name: &str| name == "pk" || name == "sk";
    for text in ["SET a = :v, sk = :v", "REMOVE sk", "ADD sk :v", "SET sk.x = :v", "SET sk[0] = pk, pk = :v"]
    {
        let bound = if text.contains(":v") { json!({":v": 1}) } else { json!({}) };
        let error = update(text, &bound).unwrap().check_avoids_keys(is_key).unwrap_err();
        assert_eq!(
            error.to_string(),
            "One or more parameter values were invalid: Cannot update attribute sk. This attribute is part of the key",
            "{text}"
        );
    }
    assert_eq!(update("SET a = pk REMOVE b.sk", &json!({})).unwrap().check_avoids_keys(is_key), Ok(()));
}

#[test]
fn an_item_nests_no_deeper_than_32_levels() {
    let nested = |levels: usize| (1..levels).fold(json!("x"), |inside, _| json!([inside]));
    check("SET a = :v", json!({":v": nested(32)}), json!({}), json!({"a": nested(32)}));
    let too_deep = "Nesting Levels have exceeded supported limits: Attributes in the item have nested levels beyond supported limit";
    fails("SET a.b = :v", json!({":v": nested(32)}), json!({"a": {}}), too_deep);
    check("SET a.b = :v", json!({":v": nested(31)}), json!({"a": {}}), json!({"a": {"b": nested(31)}}));
    fails("SET l[4] = a", json!({}), json!({"a": nested(32), "l": []}), too_deep);
    fails("SET a.b = list_append(:v, :v)", json!({":v": nested(32)}), json!({"a": {}}), too_deep);
}

#[test]
fn what_is_set_is_no_larger_than_an_item() {
    let too_large = "Item size to update has exceeded the maximum allowed size";
    // Names count too.
    let half = json!("x".repeat(200 * 1024 - 1));
    check("SET a = :v, b = :v", json!({":v": half}), json!({}), json!({"a": half, "b": half}));
    fails("SET a = :v, bb = :v", json!({":v": half}), json!({}), too_large);
    fails("SET a = :v, b = :v, c = :v", json!({":v": half}), json!({}), too_large);
    fails("SET a = list_append(:l, :l)", json!({":l": [half.clone(), half]}), json!({}), too_large);
}

#[test]
fn targets_must_not_overlap_or_conflict() {
    let clash = |kind: &str, one: &str, two: &str| {
        format!(
            "Two document paths {kind} with each other; must remove or rewrite one of these paths; path one: {one}, path two: {two}"
        )
    };
    let v = json!({":v": 1});
    refused("SET a = :v, a = :v", v.clone(), &clash("overlap", "[a]", "[a]"));
    refused("SET a.b = :v REMOVE a", v.clone(), &clash("overlap", "[a, b]", "[a]"));
    refused("REMOVE a[1] SET a[1].x = :v", v.clone(), &clash("overlap", "[a, [1]]", "[a, [1], x]"));
    refused("ADD a :v SET #x.y = :v", json!({":v": 1, "#x": "a"}), &clash("overlap", "[a]", "[a, y]"));
    refused("SET a.b = :v REMOVE a[0]", v, &clash("conflict", "[a, b]", "[a, [0]]"));
    // Reading what is changed is fine.
    assert!(update("SET a = a.b, c = a", &json!({})).is_ok());
}

#[test]
fn literals_have_a_type_the_action_can_use() {
    let wrong = |operator: &str, operand_type: &str| {
        format!(
            "Incorrect operand type for operator or function; operator or function: {operator}, operand type: {operand_type}"
        )
    };
    refused("SET a = b + :v", json!({":v": "1"}), &wrong("+", "S"));
    refused("SET a = :v - b", json!({":v": {"$ns": [1]}}), &wrong("-", "NS"));
    refused("SET a = b + list_append(c, d)", json!({}), &wrong("+", "L"));
    refused("SET a = list_append(b, :v)", json!({":v": "x"}), &wrong("list_append", "S"));
    refused("SET a = list_append(:v, b)", json!({":v": {"k": 1}}), &wrong("list_append", "M"));
    // What an `if_not_exists` comes to is known only with the item.
    for (text, bound) in [
        ("SET a = if_not_exists(b, list_append(c, d)) + :n", json!({":n": 1})),
        ("SET a = if_not_exists(b, :s) - :n", json!({":n": 1, ":s": "x"})),
        ("SET a = list_append(if_not_exists(b, :n), c)", json!({":n": 1})),
    ] {
        assert!(update(text, &bound).is_ok(), "{text}");
    }
    let section = |section: &str, operand_type: &str| {
        format!(
            "Incorrect operand type for operator or function; operator: {section}, operand type: {operand_type}"
        )
    };
    for (bound, name) in [
        (json!("x"), "STRING"),
        (json!({"$b": "x"}), "BINARY"),
        (json!(true), "BOOLEAN"),
        (json!(null), "NULL"),
        (json!([1]), "LIST"),
        (json!({"k": 1}), "MAP"),
    ] {
        refused("ADD a :v", json!({":v": bound}), &section("ADD", name));
        refused("DELETE a :v", json!({":v": bound}), &section("DELETE", name));
    }
    refused("DELETE a :v", json!({":v": 1}), &section("DELETE", "NUMBER"));
}

#[test]
fn functions_have_names_places_and_operands() {
    for name in ["foo", "size", "attribute_exists", "If_not_exists"] {
        refused(
            &format!("SET a = {name}(b)"),
            json!({}),
            &format!("Invalid function name; function: {name}"),
        );
    }
    for (name, count) in [("if_not_exists", 1), ("if_not_exists", 3), ("list_append", 1), ("list_append", 3)]
    {
        refused(
            &format!("SET a = {name}({})", vec!["b"; count].join(",")),
            json!({}),
            &format!(
                "Incorrect number of operands for operator or function; operator or function: {name}, number of operands: {count}"
            ),
        );
    }
    let path = "Operator or function requires a document path; operator or function: if_not_exists";
    refused("SET a = if_not_exists(:v, b)", json!({":v": 1}), path);
    refused("SET a = if_not_exists(list_append(b, c), b)", json!({}), path);
    refused("SET a = if_not_exists(if_not_exists(b, c), b)", json!({}), path);
    let misused = "The function is not allowed to be used this way in an expression; function: list_append";
    refused("SET a = list_append(list_append(b, c), d)", json!({}), misused);
    refused("SET a = list_append(b, (list_append(c, d)))", json!({}), misused);
}

#[test]
fn a_text_off_the_grammar_is_told_with_its_place() {
    for (text, token, near) in [
        ("a = :v", "a", "a ="),
        ("SET", "<EOF>", "SET"),
        ("SET a", "<EOF>", "a"),
        ("SET a :v", ":v", "a :v"),
        ("SET a = :v,", "<EOF>", ","),
        ("SET a = :v b = :v", "b", ":v b ="),
        ("SET a = b + c + d", "+", "c + d"),
        ("SET a = b + (c - d)", "-", "c - d"),
        ("SET a = (b + c) - d", "-", ") - d"),
        ("SET a = list_append(x + y, z)", "+", "x + y"),
        ("SET a = if_not_exists(b, c + d)", "+", "c + d"),
        ("SET a = b * c", "*", "b * c"),
        ("SET a = -b", "-", "= -b"),
        ("SET a = 5", "5", "= 5"),
        ("SET :v = a", ":v", "SET :v ="),
        ("SET list_append(a, b) = c", "(", "list_append(a"),
        ("SET a = list_append()", ")", "()"),
        ("SET a = list_append(b, c", "<EOF>", "c"),
        ("SET a = b AND c", "AND", "b AND c"),
        ("SET a = b REMOVE c SET", "<EOF>", "SET"),
        ("REMOVE a = b", "=", "a = b"),
        ("REMOVE a, SET", "SET", ", SET"),
        ("ADD a b", "b", "a b"),
        ("ADD a, b :v", ",", "a, b"),
        ("DELETE a = :v", "=", "a = :v"),
        ("ADD a :v + :w", "+", ":v + :w"),
        ("SET a = :v )", ")", ":v )"),
        ("SETa = :v", "SETa", "SETa ="),
    ] {
        refused(text, json!({}), &format!("Syntax error; token: \"{token}\", near: \"{near}\""));
    }
    refused("", json!({}), "The expression can not be empty;");
    refused(
        &format!("SET a = :v{}", " ".repeat(4096)),
        json!({}),
        "Expression size has exceeded the maximum allowed size; expression size: 4106",
    );
    let sums = |count: usize| {
        format!("SET {}", (0..count).map(|n| format!("a{n}=b+c")).collect::<Vec<_>>().join(","))
    };
    assert!(update(&sums(300), &json!({})).is_ok());
    refused(&sums(301), json!({}), "The expression contains too many operators; operator count: 301");
}

#[test]
fn of_several_problems_the_rules_have_an_order() {
    // Each text breaks the rules of all that follow it.
    let bound = json!({":s": "s"});
    let rest = "SET a = list_append(:s, b), b = c + :s, x.y = b, x[0] = b, a.b = b";
    for (text, problem) in [
        (
            format!("{rest}, c = :u, d = #u SET e = foo(a), name = b, f = ((a)),"),
            "Syntax error; token: \"<EOF>\", near: \",\"",
        ),
        (
            format!("{rest}, c = :u, d = #u SET e = foo(a), name = b, f = ((a))"),
            "The expression has redundant parentheses;",
        ),
        (
            format!("{rest}, c = :u, d = #u SET e = foo(a), name = b"),
            "Attribute name is a reserved keyword; reserved keyword: name",
        ),
        (format!("{rest}, c = :u, d = #u SET e = foo(a)"), "Invalid function name; function: foo"),
        (
            format!("{rest}, c = :u, d = #u set e = a"),
            "The \"SET\" section can only be used once in an update expression;",
        ),
        (
            format!("{rest}, c = :u, d = #u"),
            "An expression attribute name used in the document path is not defined; attribute name: #u",
        ),
        (
            format!("{rest}, c = :u"),
            "An expression attribute value used in expression is not defined; attribute value: :u",
        ),
        (
            rest.to_owned(),
            "Two document paths overlap with each other; must remove or rewrite one of these paths; path one: [a], path two: [a, b]",
        ),
        (
            "SET a = list_append(:s, b), b = c + :s, x.y = b, x[0] = b".to_owned(),
            "Two document paths conflict with each other; must remove or rewrite one of these paths; path one: [x, y], path two: [x, [0]]",
        ),
        (
            "SET a = list_append(:s, b), b = c + :s".to_owned(),
            "Incorrect operand type for operator or function; operator or function: +, operand type: S",
        ),
        (
            "SET a = list_append(:s, b)".to_owned(),
            "Incorrect operand type for operator or function; operator or function: list_append, operand type: S",
        ),
    ] {
        refused(&text, bound.clone(), problem);
    }
    // Overlap ranks before the operands of a function, also where those leave no value.
    refused(
        "SET a = if_not_exists(:s, b), a = b",
        bound,
        "Two document paths overlap with each other; must remove or rewrite one of these paths; path one: [a], path two: [a]",
    );
}

#[test]
fn an_error_says_which_target_failed() {
    let update = update("SET a = :v, m.x = gone", &json!({":v": 1})).unwrap();
    let error = update.apply(Some(&item(&json!({"m": {}})))).unwrap_err();
    assert_eq!(error.kind, UpdateErrorKind::MissingAttribute);
    assert_eq!(error.target.to_string(), "[m, x]");
}

/// What `UPDATED_OLD` and `UPDATED_NEW` return.
#[track_caller]
fn returns(text: &str, bound: Value, before: Option<Value>, old: Option<Value>, new: Option<Value>) {
    let update = update(text, &bound).unwrap();
    let before = before.map(|before| item(&before));
    let updated = update.apply(before.as_ref()).unwrap();
    assert_eq!(update.updated_old(before.as_ref()).as_ref().map(item_json), old, "UPDATED_OLD of {text}");
    assert_eq!(update.updated_new(&updated).as_ref().map(item_json), new, "UPDATED_NEW of {text}");
}

#[test]
fn updated_values_are_those_at_the_targets() {
    returns(
        "SET a = :v, b = :v",
        json!({":v": 1}),
        Some(json!({"a": 0, "c": 3})),
        Some(json!({"a": 0})),
        Some(json!({"a": 1, "b": 1})),
    );
    // Also where the value stays the same.
    returns(
        "SET a = :v",
        json!({":v": 1}),
        Some(json!({"a": 1})),
        Some(json!({"a": 1})),
        Some(json!({"a": 1})),
    );
    returns(
        "SET m.x = :v",
        json!({":v": 1}),
        Some(json!({"m": {"x": 0, "y": 5}, "z": 1})),
        Some(json!({"m": {"x": 0}})),
        Some(json!({"m": {"x": 1}})),
    );
    returns(
        "SET l[2] = :v, l[0] = :v, m.l[1].x = :v",
        json!({":v": "v"}),
        Some(json!({"l": [0, 1, 2], "m": {"l": [0, {"x": 1, "y": 2}]}})),
        Some(json!({"l": [0, 2], "m": {"l": [{"x": 1}]}})),
        Some(json!({"l": ["v", "v"], "m": {"l": [{"x": "v"}]}})),
    );
    returns(
        "REMOVE a, m.x",
        json!({}),
        Some(json!({"a": 1, "m": {"x": 2}})),
        Some(json!({"a": 1, "m": {"x": 2}})),
        None,
    );
    returns("ADD n :v", json!({":v": 1}), Some(json!({})), None, Some(json!({"n": 1})));
    returns(
        "DELETE s :s",
        json!({":s": {"$ss": ["a"]}}),
        Some(json!({"s": {"$ss": ["a"]}})),
        Some(json!({"s": {"$ss": ["a"]}})),
        None,
    );
}

#[test]
fn updated_values_of_a_missing_item_are_only_new() {
    returns("SET a = :v", json!({":v": 1}), None, None, Some(json!({"a": 1})));
    returns("REMOVE a", json!({}), None, None, None);
}

#[test]
fn updated_values_tell_what_was_appended_under_the_index_that_it_has() {
    let before = || Some(json!({"l": [0]}));
    returns("SET l[7] = :v", json!({":v": "v"}), before(), None, None);
    returns("SET l[1] = :v", json!({":v": "v"}), before(), None, Some(json!({"l": ["v"]})));
    // Both have moved: what stands at the second index is neither.
    returns("SET l[2] = :v, l[3] = :v", json!({":v": "v"}), before(), None, None);
    returns(
        "SET l[2] = :v, l[1] = :v, l[0] = :v",
        json!({":v": "v"}),
        before(),
        before(),
        Some(json!({"l": ["v", "v", "v"]})),
    );
}

#[test]
fn updated_new_tells_what_moved_into_the_place_of_a_removed_element() {
    returns(
        "REMOVE l[0]",
        json!({}),
        Some(json!({"l": ["a", "b", "c"]})),
        Some(json!({"l": ["a"]})),
        Some(json!({"l": ["b"]})),
    );
    returns("REMOVE l[2]", json!({}), Some(json!({"l": ["a", "b", "c"]})), Some(json!({"l": ["c"]})), None);
}

#[test]
fn an_update_of_a_new_item_reads_its_key() {
    let key = item(&json!({"pk": "a", "sk": 1}));
    let created = |text: &str| update(text, &json!({":v": 1})).unwrap().apply_to_new(&key).unwrap().item;
    let with = |more: Value| {
        let mut expected = key.clone();
        expected.extend(item(&more));
        Some(expected)
    };
    assert_eq!(created("SET c = pk, d = sk + :v"), with(json!({"c": "a", "d": 2})));
    assert_eq!(created("SET c = if_not_exists(c, pk)"), with(json!({"c": "a"})));
    assert_eq!(created("REMOVE c"), None);
    // It is a new item all the same, of which no place is missed.
    assert_eq!(created("SET c = sk REMOVE m.x"), with(json!({"c": 1})));
}

#[test]
fn an_update_knows_its_targets_and_attributes() {
    let bound = json!({"#a": "x", ":v": 1, ":s": {"$ss": ["a"]}});
    let update =
        update("SET #a.b = if_not_exists(c, d.e) + :v REMOVE f[0] ADD g :v DELETE h :s", &bound).unwrap();
    let targets: Vec<_> = update.targets().map(ToString::to_string).collect();
    assert_eq!(targets, ["[x, b]", "[f, [0]]", "[g]", "[h]"]);
    assert_eq!(update.attributes().into_iter().collect::<Vec<_>>(), ["c", "d", "f", "g", "h", "x"]);
}

#[test]
fn updates_are_built_without_text() {
    let literal = |json: Value| Literal::from(value(&json));
    let nested = DocumentPath { attribute: "m".into(), steps: vec![PathStep::Name("x.y".into())] };
    let counter = UpdateValue::if_not_exists("n".into(), literal(json!(0)).into());
    let update = Update::new(vec![
        UpdateAction::Set {
            target: nested,
            value: UpdateValue::from(DocumentPath::from("n")).minus(literal(json!(1)).into()),
        },
        UpdateAction::Set { target: "count".into(), value: counter.plus(literal(json!(1)).into()) },
        UpdateAction::Set {
            target: "l".into(),
            value: UpdateValue::from(literal(json!([1]))).list_append(literal(json!([2])).into()),
        },
        UpdateAction::Add { target: "a".into(), value: literal(json!(2)) },
        UpdateAction::Delete { target: "d".into(), value: literal(json!({"$ss": ["a"]})) },
        UpdateAction::Remove { target: "r".into() },
    ])
    .unwrap();
    let before = item(&json!({"m": {}, "n": 5, "r": 1, "d": {"$ss": ["a", "b"]}}));
    assert_eq!(
        update.apply(Some(&before)).unwrap().item.as_ref().map(item_json),
        Some(json!({"m": {"x.y": 4}, "n": 5, "count": 6, "l": [1, 2], "a": 2, "d": {"$ss": ["b"]}}))
    );
    // What only text is checked for fails where it is applied.
    let wrong = UpdateAction::Add { target: "a".into(), value: literal(json!("x")) };
    let error = Update::new(vec![wrong.clone()]).unwrap().apply(Some(&before)).unwrap_err();
    assert_eq!(error.kind, UpdateErrorKind::OperandType);
    assert_eq!(Update::new(vec![wrong.clone(), wrong]).unwrap_err().later, 1);
}

#[test]
fn a_debug_print_of_an_update_shows_no_value() {
    let update = update("SET a = :v", &json!({":v": "secret"})).unwrap();
    let updated = update.apply(Some(&[("b".to_owned(), AttributeValue::S("secret".into()))].into())).unwrap();
    let shown = format!("{update:?} {updated:?}");
    assert!(!shown.contains("secret"), "{shown}");
}
