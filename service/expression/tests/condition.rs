//! Conditions and filters: what holds for which item, and which are refused (semantics section 5.4).

// Tests stop by panicking.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

mod common;

use cairn_expression::{
    AttributeType, Bindings, Condition, DocumentPath, ExpressionKind, ExpressionProblem, Operand,
    ParsedCondition, Test,
};
use cairn_model::{AttributeMap, AttributeValue};
use common::{condition, item, value};
use serde_json::{Value, json};

/// An item with something of every type.
fn sample() -> Value {
    json!({
        "s": "abc", "same": "abc", "blank": "", "n": 5, "six": 6, "b": {"$b": "xyz"}, "t": true, "nil": null,
        "ss": {"$ss": ["a", "b"]}, "ns": {"$ns": [1, 2]}, "bs": {"$bs": ["p", "q"]},
        "l": [1, "two", [3], {"k": {"$ns": [1, 2]}}], "m": {"k": "v", "deep": {"xs": [10, 20]}}, "bare": [],
    })
}

#[track_caller]
fn check(text: &str, bound: Value, holds: bool) {
    match condition(text, &bound) {
        Ok(condition) => assert_eq!(condition.evaluate(&item(&sample())), holds, "{text} with {bound}"),
        Err(error) => panic!("{text} with {bound}: {error}"),
    }
}

#[track_caller]
fn refused(text: &str, bound: Value, problem: &str) {
    assert_eq!(
        condition(text, &bound).map(|_| ()),
        Err(format!("Invalid ConditionExpression: {problem}")),
        "{text} with {bound}"
    );
}

/// `text` with `:v` bound to each value, and whether it holds.
#[track_caller]
fn with_values(text: &str, cases: &[(Value, bool)]) {
    for (bound, holds) in cases {
        check(text, json!({":v": bound}), *holds);
    }
}

#[test]
fn equality_is_deep_and_of_one_type() {
    with_values("s = :v", &[(json!("abc"), true), (json!("ab"), false), (json!({"$b": "abc"}), false)]);
    with_values(
        "six = :v",
        &[(json!({"$n": "6.0"}), true), (json!("6"), false), (json!({"$ns": [6]}), false)],
    );
    with_values("ss = :v", &[(json!({"$ss": ["b", "a"]}), true), (json!({"$ss": ["a"]}), false)]);
    with_values("nil = :v", &[(json!(null), true), (json!(false), false)]);
    with_values(
        "l = :v",
        &[
            (json!([1, "two", [3], {"k": {"$ns": [2, 1]}}]), true),
            (json!(["two", 1, [3], {"k": {"$ns": [1, 2]}}]), false),
        ],
    );
    with_values("m = :v", &[(json!({"deep": {"xs": [10, {"$n": "2e1"}]}, "k": "v"}), true)]);
    check("s = same", json!({}), true);
    check("NOT s <> same", json!({}), true);
}

#[test]
fn a_missing_path_equals_nothing_and_differs_from_everything() {
    check("gone = :v", json!({":v": 1}), false);
    check("gone <> :v", json!({":v": 1}), true);
    check("gone <> also_gone", json!({}), true);
    check("gone = also_gone", json!({}), false);
    for text in [
        "gone < :v",
        "gone <= :v",
        "gone > :v",
        "gone >= :v",
        "gone BETWEEN :v AND :v",
        "s BETWEEN gone AND :v",
        "gone IN (:v)",
        "s IN (gone, :v)",
        "begins_with(gone, :v)",
        "begins_with(s, gone)",
        "contains(gone, :v)",
        "contains(l, gone)",
        "attribute_exists(gone)",
        "size(gone) = :v",
        "m.gone = :v",
        "l[9] = :v",
        "s.x = :v",
        "m[0] = :v",
        "l.x = :v",
    ] {
        let bound = if text.contains(":v") { json!({":v": "zzz"}) } else { json!({}) };
        check(text, bound.clone(), false);
        check(&format!("NOT {text}"), bound, true);
    }
    check("attribute_type(gone, :v)", json!({":v": "NULL"}), false);
    check("attribute_not_exists(gone)", json!({}), true);
    check("attribute_not_exists(m.gone)", json!({}), true);
}

#[test]
fn order_exists_within_strings_numbers_and_binary() {
    with_values(
        "n < :v",
        &[(json!(10), true), (json!(5), false), (json!("9"), false), (json!({"$b": "9"}), false)],
    );
    with_values("n <= :v", &[(json!(5), true), (json!(4), false)]);
    with_values("n > :v", &[(json!(-10), true), (json!(5), false)]);
    with_values("n >= :v", &[(json!({"$n": "5.00"}), true), (json!(6), false)]);
    with_values(
        "s < :v",
        &[(json!("abd"), true), (json!("abc"), false), (json!("Z"), false), (json!("é"), true)],
    );
    with_values("s > :v", &[(json!("ab"), true), (json!(""), true)]);
    with_values("b > :v", &[(json!({"$b": "xy"}), true), (json!("a"), false)]);
    with_values("t < :v", &[(json!("zzz"), false)]);
    with_values(":v < n", &[(json!(4), true), (json!(5), false)]);
    with_values("n <> :v", &[(json!("5"), true), (json!(5), false)]);
    // Binary is compared without a sign.
    let high = AttributeMap::from([("b".to_owned(), AttributeValue::B(vec![0x80].into()))]);
    let bound = common::bindings(&json!({":v": {"$b": "\u{7f}"}}));
    let above = ParsedCondition::parse("b > :v").unwrap().bind(&mut { bound }).unwrap();
    assert!(above.evaluate(&high));
}

#[test]
fn between_includes_its_bounds() {
    for (lower, upper, holds) in [(5, 5, true), (4, 6, true), (6, 7, false), (1, 4, false)] {
        check("n BETWEEN :l AND :u", json!({":l": lower, ":u": upper}), holds);
    }
    check("n BETWEEN :l AND six", json!({":l": 1}), true);
    check("six BETWEEN n AND s", json!({}), false);
    check(":v BETWEEN n AND six", json!({":v": 5}), true);
    check("s BETWEEN :l AND :u", json!({":l": 1, ":u": 9}), false);
    check("n BETWEEN :l AND :u AND s = :s", json!({":l": 1, ":u": 9, ":s": "abc"}), true);
    check("NOT n BETWEEN :l AND :u", json!({":l": 1, ":u": 9}), false);
}

#[test]
fn in_is_equality_with_one_of_several() {
    check("n IN (:a, :b)", json!({":a": 1, ":b": 5}), true);
    check("n IN (:a, :b)", json!({":a": "5", ":b": {"$ns": [5]}}), false);
    check("same IN (gone, s)", json!({}), true);
    check("l IN (:a)", json!({":a": sample()["l"]}), true);
}

#[test]
fn attribute_type_knows_every_type() {
    for (name, type_name) in [
        ("s", "S"),
        ("n", "N"),
        ("b", "B"),
        ("t", "BOOL"),
        ("nil", "NULL"),
        ("l", "L"),
        ("m", "M"),
        ("ss", "SS"),
        ("ns", "NS"),
        ("bs", "BS"),
    ] {
        check(&format!("attribute_type({name}, :v)"), json!({":v": type_name}), true);
        let other = if type_name == "S" { "SS" } else { "S" };
        check(&format!("attribute_type({name}, :v)"), json!({":v": other}), false);
    }
    check("attribute_exists(nil)", json!({}), true);
    check("attribute_not_exists(nil)", json!({}), false);
}

#[test]
fn begins_with_takes_two_strings_or_two_binaries() {
    with_values(
        "begins_with(s, :v)",
        &[
            (json!("ab"), true),
            (json!(""), true),
            (json!("abc"), true),
            (json!("bc"), false),
            (json!({"$b": "ab"}), false),
        ],
    );
    with_values("begins_with(b, :v)", &[(json!({"$b": "xy"}), true), (json!("xy"), false)]);
    with_values("begins_with(n, :v)", &[(json!("5"), false)]);
    with_values("begins_with(:v, s)", &[(json!("abcdef"), true)]);
    check("begins_with(s, same)", json!({}), true);
}

#[test]
fn contains_looks_for_parts_and_members() {
    with_values(
        "contains(s, :v)",
        &[(json!("bc"), true), (json!("ac"), false), (json!(""), true), (json!(1), false)],
    );
    with_values(
        "contains(b, :v)",
        &[(json!({"$b": "yz"}), true), (json!({"$b": "xz"}), false), (json!("y"), false)],
    );
    with_values(
        "contains(ss, :v)",
        &[(json!("a"), true), (json!("c"), false), (json!({"$ss": ["a"]}), false)],
    );
    with_values("contains(ns, :v)", &[(json!({"$n": "1.0"}), true), (json!("1"), false)]);
    with_values("contains(bs, :v)", &[(json!({"$b": "p"}), true), (json!("p"), false)]);
    with_values(
        "contains(l, :v)",
        &[
            (json!(1), true),
            (json!([3]), true),
            (json!({"k": {"$ns": [2, 1]}}), true),
            (json!(3), false),
            (json!("two"), true),
        ],
    );
    with_values("contains(m, :v)", &[(json!("k"), false), (json!("v"), false)]);
    with_values("contains(n, :v)", &[(json!(5), false)]);
    with_values("contains(:v, s)", &[(json!(["x", "abc"]), true), (json!("xabcx"), true)]);
}

#[test]
fn size_counts_utf_16_code_units_bytes_or_members() {
    for (name, size) in
        [("s", 3), ("blank", 0), ("b", 3), ("ss", 2), ("ns", 2), ("bs", 2), ("l", 4), ("m", 2), ("bare", 0)]
    {
        check(&format!("size({name}) = :v"), json!({":v": size}), true);
        check(&format!("size({name}) < :v"), json!({":v": size}), false);
    }
    for (text, size) in [("é", 1), ("naïve", 5), ("你好", 2), ("é𝄞", 3), ("e\u{301}", 2)] {
        check("size(:v) = :n", json!({":v": text, ":n": size}), true);
    }
    check("size(:v) BETWEEN :n AND size(l)", json!({":v": "abc", ":n": 2}), true);
    check("size(s) IN (:n)", json!({":n": 3}), true);
    check("contains(ns, size(ss))", json!({}), true);
    check("attribute_type(size(s), :v)", json!({":v": "N"}), true);
}

#[test]
fn what_has_no_size_satisfies_no_comparison() {
    for operand in ["n", "t", "nil", "gone"] {
        for comparator in ["=", "<>", "<", "<=", ">", ">="] {
            check(&format!("size({operand}) {comparator} :v"), json!({":v": 1}), false);
            check(&format!(":v {comparator} size({operand})"), json!({":v": 1}), false);
        }
    }
}

#[test]
fn not_binds_tighter_than_and_and_and_tighter_than_or() {
    // x, y and z hold where s, n and b exist.
    for x in [true, false] {
        for y in [true, false] {
            for z in [true, false] {
                let test = |exists: bool, name: &str| {
                    format!("attribute_{}exists({name})", if exists { "" } else { "not_" })
                };
                let (a, b, c) = (test(x, "s"), test(y, "n"), test(z, "b"));
                for (text, holds) in [
                    (format!("{a} OR {b} AND {c}"), x || y && z),
                    (format!("({a} OR {b}) AND {c}"), (x || y) && z),
                    (format!("{a} AND {b} OR {c}"), x && y || z),
                    (format!("NOT {a} AND {b}"), !x && y),
                    (format!("NOT ({a} AND {b})"), !(x && y)),
                    (format!("NOT {a} OR NOT {b} AND NOT {c}"), !x || !y && !z),
                    (format!("not not {a} Or nOt ({b} oR {c})"), x || !(y || z)),
                ] {
                    check(&text, json!({}), holds);
                }
            }
        }
    }
}

#[test]
fn parentheses_may_stand_around_conditions_operands_and_paths() {
    check("(s) = (:v)", json!({":v": "abc"}), true);
    check("(s = :v)", json!({":v": "abc"}), true);
    check("((s) = :v)", json!({":v": "abc"}), true);
    check("((s = :v) AND (n = six OR t = t2))", json!({":v": "abc"}), false);
    check("(m).deep.xs[1] = :v", json!({":v": 20}), true);
    check("(m.deep).xs[0] = :v", json!({":v": 10}), true);
    check("((m).deep).xs [ 0 ] = :v", json!({":v": 10}), true);
    check("(size(s)) = :v", json!({":v": 3}), true);
    check("size((s)) = :v", json!({":v": 3}), true);
    check("s IN ((:v))", json!({":v": "abc"}), true);
    check("(n) BETWEEN (:v) AND (six)", json!({":v": 1}), true);
    for text in [
        "((s = :v))",
        "((s)) = :v",
        "s = ((:v))",
        "((s = :v)) AND n = six",
        "(((s)) = :v)",
        "size(((s))) = :v",
        "((m)).k = :v",
        "s IN (((:v)))",
        "NOT ((s = :v))",
        "((size(s))) = :v",
    ] {
        refused(text, json!({":v": 1}), "The expression has redundant parentheses;");
    }
}

#[test]
fn names_and_values_come_from_placeholders() {
    check("#a.#b = :v", json!({"#a": "m", "#b": "k", ":v": "v"}), true);
    // A name with dots is one name.
    check("attribute_exists(#a)", json!({"#a": "m.k"}), false);
    // A reserved word can be named.
    check("attribute_exists(#size)", json!({"#size": "size"}), false);
    refused(
        "#a.#b = :v",
        json!({"#a": "m", ":v": 1}),
        "An expression attribute name used in the document path is not defined; attribute name: #b",
    );
    refused(
        "a = :v AND #c = :w",
        json!({":w": 1}),
        "An expression attribute value used in expression is not defined; attribute value: :v",
    );
}

#[test]
fn every_mentioned_placeholder_counts_as_used() {
    let mut bindings = common::bindings(&json!({"#a": "s", "#b": "x", ":v": 1, ":w": 2}));
    let parsed = ParsedCondition::parse("attribute_exists(#a) OR #b = :v").unwrap();
    parsed.bind(&mut bindings).unwrap();
    assert_eq!(
        bindings.check_all_mentioned().unwrap_err().to_string(),
        "Value provided in ExpressionAttributeValues unused in expressions: keys: {:w}"
    );
    let filter = ParsedCondition::parse_filter(":w > :v").unwrap();
    filter.bind(&mut bindings).unwrap();
    assert_eq!(bindings.check_all_mentioned(), Ok(()));
}

#[test]
fn reserved_words_are_no_names() {
    for (text, word) in [
        ("size = :v", "size"),
        ("a.Name = :v", "Name"),
        ("abort.x = :v", "abort"),
        ("a[0].ZONE = :v", "ZONE"),
        ("set = :v", "set"),
        ("contains(a, user)", "user"),
    ] {
        refused(text, json!({}), &format!("Attribute name is a reserved keyword; reserved keyword: {word}"));
    }
}

#[test]
fn functions_have_names_places_and_operands() {
    refused("foo(a)", json!({}), "Invalid function name; function: foo");
    refused("Size(a) = :v", json!({}), "Invalid function name; function: Size");
    let not_allowed = "The function is not allowed in a condition expression; function: ";
    for (condition, function) in
        [("if_not_exists(a, :v) = :v", "if_not_exists"), ("a = list_append(b, :v)", "list_append")]
    {
        refused(condition, json!({}), &format!("{not_allowed}{function}"));
    }
    let misused = |name: &str| {
        format!("The function is not allowed to be used this way in an expression; function: {name}")
    };
    for text in ["size(a)", "NOT size(a)", "(size(a)) AND b = :v", "b = :v OR size(a)"] {
        refused(text, json!({}), &misused("size"));
    }
    for text in [
        "attribute_exists(a) = :v",
        ":v = attribute_exists(a)",
        "b IN (attribute_exists(a))",
        "attribute_exists(a) IN (:v)",
        "attribute_exists(a) BETWEEN :v AND :w",
        "b BETWEEN :v AND attribute_exists(a)",
        "size(attribute_exists(a)) = :v",
        "contains(b, (attribute_exists(a)))",
    ] {
        refused(text, json!({}), &misused("attribute_exists"));
    }
    let count = |name: &str, count: usize| {
        format!(
            "Incorrect number of operands for operator or function; operator or function: {name}, number of operands: {count}"
        )
    };
    refused("attribute_exists(a, b)", json!({}), &count("attribute_exists", 2));
    refused("contains(a)", json!({}), &count("contains", 1));
    refused("size(a, b, c) = :v", json!({":v": 1}), &count("size", 3));
    let path =
        |name: &str| format!("Operator or function requires a document path; operator or function: {name}");
    refused("attribute_exists(:v)", json!({":v": 1}), &path("attribute_exists"));
    refused("attribute_not_exists(size(a))", json!({}), &path("attribute_not_exists"));
}

#[test]
fn literals_have_a_type_the_operator_can_use() {
    let wrong = |operator: &str, operand_type: &str| {
        format!(
            "Incorrect operand type for operator or function; operator or function: {operator}, operand type: {operand_type}"
        )
    };
    for (bound, type_name) in [
        (json!(true), "BOOL"),
        (json!(null), "NULL"),
        (json!({"$ss": ["a"]}), "SS"),
        (json!({"$ns": [1]}), "NS"),
        (json!({"$bs": ["a"]}), "BS"),
        (json!([1]), "L"),
        (json!({"k": 1}), "M"),
    ] {
        for comparator in ["<", "<=", ">", ">="] {
            refused(&format!("a {comparator} :v"), json!({":v": bound}), &wrong(comparator, type_name));
            refused(&format!(":v {comparator} a"), json!({":v": bound}), &wrong(comparator, type_name));
        }
        refused("a BETWEEN :v AND :w", json!({":v": bound, ":w": 1}), &wrong("BETWEEN", type_name));
        refused("a BETWEEN :w AND :v", json!({":v": bound, ":w": 1}), &wrong("BETWEEN", type_name));
        refused(":v BETWEEN a AND b", json!({":v": bound}), &wrong("BETWEEN", type_name));
        refused("begins_with(a, :v)", json!({":v": bound}), &wrong("begins_with", type_name));
        refused("begins_with(:v, a)", json!({":v": bound}), &wrong("begins_with", type_name));
        assert!(
            condition("a = :v OR a <> :v OR a IN (:v) OR contains(a, :v)", &json!({":v": bound})).is_ok()
        );
    }
    refused("begins_with(a, :v)", json!({":v": 1}), &wrong("begins_with", "N"));
    refused("begins_with(size(a), :v)", json!({":v": "1"}), &wrong("begins_with", "N"));
    for (bound, type_name) in [(json!(1), "N"), (json!(true), "BOOL"), (json!(null), "NULL")] {
        refused("size(:v) = :n", json!({":v": bound, ":n": 1}), &wrong("size", type_name));
    }
    refused("size(size(a)) = :n", json!({":n": 1}), &wrong("size", "N"));
    refused("attribute_type(a, :v)", json!({":v": 1}), &wrong("attribute_type", "N"));
    refused("attribute_type(a, b)", json!({}), &wrong("attribute_type", "{NS,SS,L,BS,N,M,B,BOOL,NULL,S}"));
    for name in ["", "s", "X", "STRING", "bool"] {
        refused(
            "attribute_type(a, :v)",
            json!({":v": name}),
            &format!(
                "Invalid attribute type name found; type: {name}, valid types: {{B,NULL,SS,BOOL,L,BS,N,NS,S,M}}"
            ),
        );
    }
}

#[test]
fn literal_bounds_have_one_type_and_an_order() {
    refused(
        "a BETWEEN :l AND :u",
        json!({":l": 1, ":u": "2"}),
        "The BETWEEN operator requires same data type for lower and upper bounds; lower bound operand: AttributeValue: {N:1}, upper bound operand: AttributeValue: {S:2}",
    );
    refused(
        "a BETWEEN (:l) AND :u",
        json!({":l": "b", ":u": "a"}),
        "The BETWEEN operator requires upper bound to be greater than or equal to lower bound; lower bound operand: AttributeValue: {S:b}, upper bound operand: AttributeValue: {S:a}",
    );
    check("n BETWEEN :l AND six", json!({":l": 100}), false);
}

#[test]
fn operands_are_distinct() {
    let same = |operator: &str, operand: &str| {
        format!(
            "The first operand must be distinct from the remaining operands for this operator or function; operator: {operator}, first operand: {operand}"
        )
    };
    refused("a = a", json!({}), &same("=", "[a]"));
    refused("a.b[1] <> (a).b[1]", json!({}), &same("<>", "[a, b, [1]]"));
    refused("#x < a", json!({"#x": "a"}), &same("<", "[a]"));
    refused("contains(a, a)", json!({}), &same("contains", "[a]"));
    refused("begins_with(a, a)", json!({}), &same("begins_with", "[a]"));
    assert!(condition("a = a1 AND size(b) = size(b) AND :v = :v", &json!({":v": 1})).is_ok());
}

#[test]
fn a_text_off_the_grammar_is_told_with_its_place() {
    for (text, token, near) in [
        ("a", "<EOF>", "a"),
        ("(a)", "<EOF>", ")"),
        (":v", "<EOF>", ":v"),
        ("   ", "<EOF>", ""),
        ("a =", "<EOF>", "="),
        ("a = :b c", "c", ":b c"),
        ("a == :b", "=", "== :b"),
        ("a = b = c", "=", "b = c"),
        ("a AND b = :c", "AND", "a AND b"),
        ("= :v", "=", "= :v"),
        ("a = :v AND", "<EOF>", "AND"),
        ("a = :v AND OR b = :v", "OR", "AND OR b"),
        ("NOT", "<EOF>", "NOT"),
        ("NOT a", "<EOF>", "a"),
        ("a IN :v", ":v", "IN :v"),
        ("a IN ()", ")", "()"),
        ("a IN (:v", "<EOF>", ":v"),
        ("a IN (:v,)", ")", ",)"),
        ("a BETWEEN :v", "<EOF>", ":v"),
        ("a BETWEEN :v OR :w", "OR", ":v OR :w"),
        ("a BETWEEN (:v) )", ")", ") )"),
        ("size() = :v", ")", "() ="),
        ("size(a = b)", "=", "a = b"),
        ("size(a AND b)", "AND", "a AND b"),
        ("size((a, b)) = :v", ",", "a, b"),
        ("(a = :v", "<EOF>", ":v"),
        ("a = :v)", ")", ":v)"),
        ("a = (b = c)", "=", "b = c"),
        ("a.:v = b", ":v", ".:v ="),
        ("a[:v] = b", ":v", "[:v]"),
        ("a[-1] = b", "-", "[-1"),
        ("a[b] = c", "b", "[b]"),
        ("a[1 = c", "=", "1 = c"),
        ("a..b = c", ".", "..b"),
        ("_a = :v", "_", "_a"),
        ("a = \"x\"", "\"", "= \"x"),
        ("a = 5", "5", "= 5"),
        ("a + b = :v", "+", "a + b"),
        ("(a = b).c = d", ".", ").c"),
        (":v.a = b", ".", ":v.a"),
        ("size(a).b = c", ".", ").b"),
        ("# = :v", "#", "# ="),
        ("pâ = :v", "â", "pâ ="),
        ("a.and = :v", "and", ".and ="),
        ("between = :v", "between", "between ="),
    ] {
        refused(text, json!({}), &format!("Syntax error; token: \"{token}\", near: \"{near}\""));
    }
    let error = ParsedCondition::parse_filter("a = b = c").unwrap_err();
    assert_eq!(
        (error.kind, error.offset, error.problem.token()),
        (ExpressionKind::Filter, Some(6), Some("="))
    );
    assert_eq!(error.to_string(), "Invalid FilterExpression: Syntax error; token: \"=\", near: \"b = c\"");
}

#[test]
fn a_text_has_a_size() {
    refused("", json!({}), "The expression can not be empty;");
    let of_size = |size: usize| format!("{:>size$}", "attribute_exists(a)");
    assert!(ParsedCondition::parse(&of_size(4096)).is_ok());
    refused(
        &of_size(4097),
        json!({}),
        "Expression size has exceeded the maximum allowed size; expression size: 4097",
    );
    // Before its grammar is looked at.
    refused(
        &"(".repeat(4097),
        json!({}),
        "Expression size has exceeded the maximum allowed size; expression size: 4097",
    );
}

#[test]
fn an_expression_has_at_most_300_operators() {
    let of_operators = |count: usize| vec!["a<:v"; count.div_ceil(2)].join(" OR ");
    assert!(condition(&of_operators(299), &json!({":v": 1})).is_ok());
    refused(
        &of_operators(301),
        json!({":v": 1}),
        "The expression contains too many operators; operator count: 301",
    );
    let nots = |count: usize| format!("{}attribute_exists(a)", "NOT ".repeat(count));
    assert!(condition(&nots(300), &json!({})).is_ok());
    refused(&nots(301), json!({}), "The expression contains too many operators; operator count: 301");
    // Parentheses are no operators, nor is the AND of BETWEEN a second one.
    let grouped = vec!["(a BETWEEN :v AND :v)"; 150].join("OR");
    assert!(condition(&grouped, &json!({":v": 1})).is_ok());
}

#[test]
fn in_takes_a_hundred_alternatives() {
    let of_alternatives = |count: usize| format!("a IN ({})", vec![":v"; count].join(","));
    assert!(condition(&of_alternatives(100), &json!({":v": 1})).is_ok());
    refused(
        &of_alternatives(101),
        json!({":v": 1}),
        "Incorrect number of operands for operator or function; operator or function: IN, number of operands: 102",
    );
}

#[test]
fn list_indexes_have_a_range() {
    check("l[00000000000000000000000001] = :v", json!({":v": "two"}), true);
    check("l[4294967294] = :v", json!({":v": "two"}), false);
    refused(
        "l[4294967295] = :v",
        json!({}),
        "List index is not within the allowable range; index: [4294967295]",
    );
}

#[test]
fn of_several_problems_the_rules_have_an_order() {
    // Each text breaks the rules of all that follow it.
    let bound = json!({":b": true});
    for (text, problem) in [
        (
            "a = :u AND ((b < :b)) AND foo(a) AND size(a) AND name = :b AND (",
            "Syntax error; token: \"<EOF>\", near: \"(\"",
        ),
        (
            "b < :b AND c = c AND contains(d) AND a = :u AND name = :b AND size(a) AND foo(a) AND ((b < :b))",
            "The expression has redundant parentheses;",
        ),
        (
            "b < :b AND c = c AND contains(d) AND a = :u AND name = :b AND size(a) AND foo(a)",
            "Invalid function name; function: foo",
        ),
        (
            "b < :b AND c = c AND contains(d) AND a = :u AND name = :b AND size(a)",
            "The function is not allowed to be used this way in an expression; function: size",
        ),
        (
            "b < :b AND c = c AND contains(d) AND a = :u AND name = :b",
            "Attribute name is a reserved keyword; reserved keyword: name",
        ),
        (
            "b < :b AND c = c AND contains(d) AND #u = :u",
            "An expression attribute name used in the document path is not defined; attribute name: #u",
        ),
        (
            "b < :b AND c = c AND contains(d) AND :u = #u",
            "An expression attribute value used in expression is not defined; attribute value: :u",
        ),
        (
            "b < :b AND c = c AND contains(d)",
            "Incorrect number of operands for operator or function; operator or function: contains, number of operands: 1",
        ),
        (
            "b < :b AND c = c",
            "The first operand must be distinct from the remaining operands for this operator or function; operator: =, first operand: [c]",
        ),
        (
            "b < :b",
            "Incorrect operand type for operator or function; operator or function: <, operand type: BOOL",
        ),
    ] {
        refused(text, bound.clone(), problem);
    }
}

#[test]
fn a_problem_says_where_it_is() {
    let error = ParsedCondition::parse("a = :v AND b.Name = :v").unwrap_err();
    assert_eq!((error.offset, error.problem.token()), (Some(13), Some("Name")));
    let parsed = ParsedCondition::parse("a = b AND c.#d = b").unwrap();
    let error = parsed.bind(&mut Bindings::default()).unwrap_err();
    assert_eq!(error.offset, Some(12));
    assert_eq!(error.problem, ExpressionProblem::UndefinedName { placeholder: "#d".into() });
}

#[test]
fn a_condition_knows_its_attributes() {
    let mentioned = condition(
        "#a.b = c[0] OR size(d) IN (e, :v) AND NOT attribute_exists(f)",
        &json!({"#a": "x", ":v": 1}),
    );
    let mentioned = mentioned.unwrap();
    assert_eq!(mentioned.attributes().into_iter().collect::<Vec<_>>(), ["c", "d", "e", "f", "x"]);
    assert_eq!(mentioned.check_avoids_keys(|name| name == "pk"), Ok(()));
    assert_eq!(
        mentioned.check_avoids_keys(|name| name == "d").unwrap_err().to_string(),
        "Filter Expression can only contain non-primary key attributes: Primary key attribute: d"
    );
}

#[test]
fn conditions_are_built_without_text() {
    let path = |name: &str| DocumentPath::from(name);
    let equals = |name: &str, bound: Value| {
        Condition::from(Test::Compare {
            left: Operand::Path(path(name)),
            comparator: cairn_expression::Comparator::Eq,
            right: Operand::Literal(value(&bound).into()),
        })
    };
    let list = Condition::from(Test::HasType(Operand::Path(path("l")), AttributeType::L));
    let (yes, no) = (equals("n", json!(5)), equals("n", json!(6)));
    let always = Condition::default();
    let sample = item(&sample());
    for (condition, holds) in [
        (always.clone(), true),
        (always.clone().not(), false),
        (yes.clone().and(list.clone()), true),
        (no.clone().or(list.clone()).not(), false),
        (no.clone().or(always.clone()), true),
        (no.clone().and(always.clone()), false),
        (no.clone().or(always.clone().and(yes.clone())), true),
        (yes.clone().and(always.clone().not()), false),
        (yes.clone().and(no.clone().or(yes.clone()).and(no.clone().not())), true),
        // A name with dots is one name.
        (equals("m.k", json!("v")), false),
    ] {
        assert_eq!(condition.evaluate(&sample), holds, "{condition:?}");
    }
}

#[test]
fn a_debug_print_of_a_condition_shows_no_value() {
    let condition = condition("a = :v", &json!({":v": "secret"})).unwrap();
    assert!(!format!("{condition:?}").contains("secret"));
}
