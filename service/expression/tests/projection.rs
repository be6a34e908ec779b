//! Projections: what they return, and which are refused (semantics section 5.6).

// Tests stop by panicking.
#![allow(clippy::unwrap_used)]

mod common;

use cairn_expression::{DocumentPath, Projection};
use common::{item, item_json, projection};
use serde_json::{Value, json};

#[track_caller]
fn check(text: &str, bound: Value, from: Value, expected: Value) {
    let found = projection(text, &bound).unwrap().apply(&item(&from));
    assert_eq!(item_json(&found), expected, "{text}");
}

#[track_caller]
fn refused(text: &str, bound: Value, problem: &str) {
    assert_eq!(
        projection(text, &bound).map(|_| ()),
        Err(format!("Invalid ProjectionExpression: {problem}")),
        "{text}"
    );
}

fn sample() -> Value {
    json!({"pk": "p", "a": {"b": {"c": 1, "d": 2}, "e": 3}, "l": [10, [20, 21], {"x": 30, "y": 31}, 40], "s": "text"})
}

#[test]
fn attributes_come_as_they_are() {
    check("s, a", json!({}), sample(), json!({"s": "text", "a": {"b": {"c": 1, "d": 2}, "e": 3}}));
    check("#d", json!({"#d": "a.b"}), json!({"a.b": 1, "a": {"b": 2}}), json!({"a.b": 1}));
}

#[test]
fn nested_paths_keep_their_nesting_and_lose_their_neighbours() {
    check("a.b.c", json!({}), sample(), json!({"a": {"b": {"c": 1}}}));
    check("a.b.c, a.e, a.b.d", json!({}), sample(), json!({"a": {"b": {"c": 1, "d": 2}, "e": 3}}));
    check("(a.b).c", json!({}), sample(), json!({"a": {"b": {"c": 1}}}));
}

#[test]
fn list_elements_come_close_together_in_the_order_of_the_list() {
    check("l[3], l[0]", json!({}), sample(), json!({"l": [10, 40]}));
    check("l[2].y, l[1][1]", json!({}), sample(), json!({"l": [[21], {"y": 31}]}));
    check("l[7], l[3]", json!({}), sample(), json!({"l": [40]}));
}

#[test]
fn what_is_missing_vanishes_with_its_containers() {
    for text in
        ["gone", "a.gone", "a.gone.c", "a[0]", "l.x", "l[9]", "l[0].x", "s.x", "s[0]", "l[1][5], a.b.z"]
    {
        check(text, json!({}), sample(), json!({}));
    }
    check("a.e, a.gone, gone", json!({}), sample(), json!({"a": {"e": 3}}));
    check("a", json!({}), json!({"a": {}}), json!({"a": {}}));
}

#[test]
fn paths_must_not_overlap() {
    let overlap = |one: &str, two: &str| {
        format!(
            "Two document paths overlap with each other; must remove or rewrite one of these paths; path one: {one}, path two: {two}"
        )
    };
    refused("a, a", json!({}), &overlap("[a]", "[a]"));
    refused("a, a.b", json!({}), &overlap("[a]", "[a, b]"));
    refused("b, a.b[2], c, a", json!({}), &overlap("[a, b, [2]]", "[a]"));
    refused("a.b.c, a.b.d, a.b", json!({}), &overlap("[a, b, c]", "[a, b]"));
    refused("l[1], l[1].x", json!({}), &overlap("[l, [1]]", "[l, [1], x]"));
    refused("l[1], l[01]", json!({}), &overlap("[l, [1]]", "[l, [1]]"));
    refused("#x, a", json!({"#x": "a"}), &overlap("[a]", "[a]"));
    assert!(projection("a.b, a.c, l[0], l[1].x, l[1].y", &json!({})).is_ok());
}

#[test]
fn paths_must_not_take_one_value_for_a_list_and_a_map() {
    let conflict = |one: &str, two: &str| {
        format!(
            "Two document paths conflict with each other; must remove or rewrite one of these paths; path one: {one}, path two: {two}"
        )
    };
    refused("a.b, a[0]", json!({}), &conflict("[a, b]", "[a, [0]]"));
    refused("a[0].b.c, a[0][1].d", json!({}), &conflict("[a, [0], b, c]", "[a, [0], [1], d]"));
    // Overlaps come first, wherever they are.
    refused(
        "a.b, a[0], c, c",
        json!({}),
        "Two document paths overlap with each other; must remove or rewrite one of these paths; path one: [c], path two: [c]",
    );
}

#[test]
fn a_projection_has_a_grammar_and_names() {
    for (text, token, near) in [
        ("a,", "<EOF>", ","),
        (",a", ",", ",a"),
        ("a b", "b", "a b"),
        ("a, :v", ":v", ", :v"),
        ("foo(a)", "(", "foo(a"),
        ("a = b", "=", "a = b"),
        ("a[b]", "b", "[b]"),
        ("a-b", "-", "a-b"),
        ("(a", "<EOF>", "a"),
        ("*", "*", "*"),
    ] {
        refused(text, json!({}), &format!("Syntax error; token: \"{token}\", near: \"{near}\""));
    }
    refused("", json!({}), "The expression can not be empty;");
    refused("a, ((b))", json!({}), "The expression has redundant parentheses;");
    refused("#u, a, a.b, name", json!({}), "Attribute name is a reserved keyword; reserved keyword: name");
    refused("a, and", json!({}), "Attribute name is a reserved keyword; reserved keyword: and");
    refused(
        "a, a, #u",
        json!({}),
        "An expression attribute name used in the document path is not defined; attribute name: #u",
    );
}

#[test]
fn projections_are_built_without_text() {
    let names =
        |names: &[&str]| Projection::new(names.iter().map(|name| DocumentPath::from(*name)).collect());
    let dotted = names(&["a.b", "s"]).unwrap();
    assert_eq!(item_json(&dotted.apply(&item(&sample()))), json!({"s": "text"}));
    assert_eq!(dotted.attributes().into_iter().collect::<Vec<_>>(), ["a.b", "s"]);
    assert_eq!(names(&["s", "t", "s"]).unwrap_err().later, 2);
    assert_eq!(names(&[]).unwrap().apply(&item(&sample())), item(&json!({})));
}
