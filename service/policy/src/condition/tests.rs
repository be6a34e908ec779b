//! Each operator and each row of the table of absent keys and sets.

use super::*;

/// The request of these tests. Keys are in lower case, as contexts are asked.
struct Request(Vec<(&'static str, ContextValue<'static>)>);

impl Context for Request {
    fn get(&self, key: &str) -> Option<ContextValue<'_>> {
        self.0.iter().find(|(name, _)| *name == key).map(|(_, value)| value.clone())
    }
}

fn one(value: &'static str) -> Request {
    Request(vec![("k:k", ContextValue::One(value.into())), ("aws:username", ContextValue::One("bob".into()))])
}

fn many(values: &[&'static str]) -> Request {
    let values = values.iter().map(|value| (*value).into()).collect();
    Request(vec![("k:k", ContextValue::Many(values)), ("aws:username", ContextValue::One("bob".into()))])
}

fn absent() -> Request {
    Request(vec![("aws:username", ContextValue::One("bob".into()))])
}

fn compiled(operator: &str, values: &[&str]) -> Result<Condition, String> {
    let values: Vec<String> = values.iter().map(|value| (*value).to_owned()).collect();
    Condition::compile(Operator::parse(operator)?, operator, "K:k", &values, true)
}

fn truth(operator: &str, values: &[&str], request: &Request, effect: Effect) -> Truth {
    compiled(operator, values).unwrap().holds(request, effect)
}

#[track_caller]
fn check(operator: &str, values: &[&str], request: &Request, expected: bool) {
    for effect in [Effect::Allow, Effect::Deny] {
        let found = truth(operator, values, request, effect);
        assert_eq!(found, Truth::from(expected), "{operator} {values:?} against {:?}", request.0);
    }
}

const EVERY_OPERATOR: [(&str, &str, bool); 27] = [
    ("StringEquals", "a", false),
    ("StringNotEquals", "a", true),
    ("StringEqualsIgnoreCase", "a", false),
    ("StringNotEqualsIgnoreCase", "a", true),
    ("StringLike", "a", false),
    ("StringNotLike", "a", true),
    ("NumericEquals", "1", false),
    ("NumericNotEquals", "1", true),
    ("NumericLessThan", "1", false),
    ("NumericLessThanEquals", "1", false),
    ("NumericGreaterThan", "1", false),
    ("NumericGreaterThanEquals", "1", false),
    ("DateEquals", "1", false),
    ("DateNotEquals", "1", true),
    ("DateLessThan", "1", false),
    ("DateLessThanEquals", "1", false),
    ("DateGreaterThan", "1", false),
    ("DateGreaterThanEquals", "1", false),
    ("Bool", "true", false),
    ("BinaryEquals", "QQ==", false),
    ("IpAddress", "10.0.0.0/8", false),
    ("NotIpAddress", "10.0.0.0/8", true),
    ("ArnEquals", "arn:aws:iam::1:user/*", false),
    ("ArnLike", "arn:aws:iam::1:user/*", false),
    ("ArnNotEquals", "arn:aws:iam::1:user/*", true),
    ("ArnNotLike", "arn:aws:iam::1:user/*", true),
    ("StringLike", "*", false),
];

#[test]
fn each_operator_compares_as_its_name_says() {
    let user = "arn:aws:iam::1:user/bob";
    let cases: &[(&str, &[&str], &'static str, bool)] = &[
        ("StringEquals", &["a", "b"], "b", true),
        ("StringEquals", &["a", "b"], "B", false),
        ("StringEquals", &["a*"], "ab", false),
        ("StringEquals", &["${aws:username}"], "bob", true),
        ("StringNotEquals", &["a", "b"], "c", true),
        ("StringNotEquals", &["a", "b"], "b", false),
        ("StringEqualsIgnoreCase", &["aB"], "Ab", true),
        ("StringEqualsIgnoreCase", &["ÄB"], "äb", true),
        ("StringEqualsIgnoreCase", &["x-${aws:username}"], "X-BOB", true),
        ("StringEqualsIgnoreCase", &["a*"], "ab", false),
        ("StringNotEqualsIgnoreCase", &["aB"], "Ab", false),
        ("StringNotEqualsIgnoreCase", &["aB"], "c", true),
        ("StringLike", &["a*", "?z"], "abc", true),
        ("StringLike", &["a*", "?z"], "yz", true),
        ("StringLike", &["a*"], "A", false),
        ("StringLike", &["${aws:username}_*"], "bob_1", true),
        ("StringLike", &["${*}"], "x", false),
        ("StringNotLike", &["a*", "b*"], "bc", false),
        ("StringNotLike", &["a*", "b*"], "cb", true),
        ("NumericEquals", &["10", "11"], "11.0", true),
        ("NumericEquals", &["10"], "11", false),
        ("NumericNotEquals", &["10", "11"], "11.0", false),
        ("NumericNotEquals", &["10", "11"], "12", true),
        ("NumericLessThan", &["10"], "9.9", true),
        ("NumericLessThan", &["10"], "10", false),
        ("NumericLessThan", &["10", "20"], "15", true),
        ("NumericLessThanEquals", &["10"], "10", true),
        ("NumericLessThanEquals", &["10"], "10.1", false),
        ("NumericGreaterThan", &["9"], "10", true),
        ("NumericGreaterThan", &["10"], "10", false),
        ("NumericGreaterThanEquals", &["10"], "10", true),
        ("NumericGreaterThanEquals", &["10"], "-11", false),
        ("DateEquals", &["2026-01-01T00:00:00Z"], "2026-01-01T01:00:00+01:00", true),
        ("DateEquals", &["2026-01-01T00:00:00Z"], "1767225601", false),
        ("DateNotEquals", &["2026-01-01"], "1767225600", false),
        ("DateNotEquals", &["2026-01-01"], "1767225601", true),
        ("DateLessThan", &["2026-01-01"], "1767225599", true),
        ("DateLessThan", &["2026-01-01"], "1767225600", false),
        ("DateLessThanEquals", &["2026-01-01"], "1767225600", true),
        ("DateLessThanEquals", &["2026-01-01"], "1767225601", false),
        ("DateGreaterThan", &["2026-01-01"], "2026-01-01T00:00:00.001Z", true),
        ("DateGreaterThan", &["2026-01-01"], "2026-01-01", false),
        ("DateGreaterThanEquals", &["2026-01-01"], "2026-01-01", true),
        ("DateGreaterThanEquals", &["2026-01-01"], "2025-12-31", false),
        ("Bool", &["true"], "true", true),
        ("Bool", &["true"], "false", false),
        ("Bool", &["false"], "false", true),
        ("BinaryEquals", &["QQ==", "Qg=="], "Qg==", true),
        ("BinaryEquals", &["QQ=="], "Qg==", false),
        ("IpAddress", &["10.0.0.0/8", "2001:db8::/32"], "10.9.8.7", true),
        ("IpAddress", &["10.0.0.0/8", "2001:db8::/32"], "2001:db8::1", true),
        ("IpAddress", &["10.0.0.0/8"], "11.0.0.1", false),
        ("NotIpAddress", &["10.0.0.0/8", "11.0.0.0/8"], "11.0.0.1", false),
        ("NotIpAddress", &["10.0.0.0/8", "11.0.0.0/8"], "12.0.0.1", true),
        ("ArnEquals", &["arn:aws:iam::*:user/b?b"], user, true),
        ("ArnLike", &["arn:aws:iam::1:user/${aws:username}"], user, true),
        ("ArnLike", &["arn:aws:*:user/bob:*:*"], user, false),
        ("ArnEquals", &["arn:aws:iam::2:user/*"], user, false),
        ("ArnNotEquals", &["arn:aws:iam::2:user/*"], user, true),
        ("ArnNotLike", &["arn:aws:iam::2:user/*", "arn:aws:iam::1:*"], user, false),
        ("ArnLike", &["arn:aws:iam::1:user/*"], "bob", false),
        ("Null", &["true"], "x", false),
        ("Null", &["false"], "x", true),
    ];
    for (operator, values, value, expected) in cases {
        check(operator, values, &one(value), *expected);
        if *operator != "Null" {
            check(&format!("{operator}IfExists"), values, &one(value), *expected);
            check(&format!("ForAllValues:{operator}"), values, &one(value), *expected);
            check(&format!("ForAnyValue:{operator}"), values, &many(&[value]), *expected);
        }
    }
}

#[test]
fn an_absent_key_fails_positive_operators_and_passes_negated_ones() {
    for (operator, value, expected) in EVERY_OPERATOR {
        check(operator, &[value], &absent(), expected);
        check(operator, &[value], &many(&[]), expected);
    }
}

#[test]
fn an_absent_key_passes_every_operator_if_exists() {
    for (operator, value, _) in EVERY_OPERATOR {
        for prefix in ["", "ForAllValues:", "ForAnyValue:"] {
            check(&format!("{prefix}{operator}IfExists"), &[value], &absent(), true);
        }
    }
}

#[test]
fn null_asks_whether_a_key_is_absent() {
    check("Null", &["true"], &absent(), true);
    check("Null", &["false"], &absent(), false);
    check("Null", &["true"], &many(&["x"]), false);
    check("Null", &["false"], &many(&["x"]), true);
    // A set without values must not pass for a key that is there.
    check("Null", &["false"], &many(&[]), false);
    check("Null", &["true", "false"], &absent(), true);
}

#[test]
fn for_all_values_holds_of_nothing_and_for_any_value_does_not() {
    for (operator, value, _) in EVERY_OPERATOR {
        for request in [absent(), many(&[])] {
            check(&format!("ForAllValues:{operator}"), &[value], &request, true);
            check(&format!("ForAnyValue:{operator}"), &[value], &request, false);
        }
    }
}

#[test]
fn set_prefixes_quantify_over_the_values_of_the_request() {
    let cases: &[(&str, &[&str], &[&'static str], bool)] = &[
        ("ForAllValues:StringEquals", &["a", "b"], &["a", "b", "a"], true),
        ("ForAllValues:StringEquals", &["a", "b"], &["a", "c"], false),
        ("ForAllValues:StringNotEquals", &["a", "b"], &["c", "d"], true),
        ("ForAllValues:StringNotEquals", &["a", "b"], &["c", "b"], false),
        ("ForAnyValue:StringEquals", &["a", "b"], &["c", "b"], true),
        ("ForAnyValue:StringEquals", &["a", "b"], &["c", "d"], false),
        ("ForAnyValue:StringNotEquals", &["a", "b"], &["a", "c"], true),
        ("ForAnyValue:StringNotEquals", &["a", "b"], &["a", "b"], false),
        ("ForAnyValue:StringNotLike", &["a*"], &["ab", "b"], true),
        ("ForAllValues:StringLike", &["${aws:username}*"], &["bob1", "bob2"], true),
        ("ForAllValues:NumericLessThan", &["5"], &["1", "4.9"], true),
        ("ForAllValues:NumericLessThan", &["5"], &["1", "5"], false),
    ];
    for (operator, values, request, expected) in cases {
        check(operator, values, &many(request), *expected);
    }
}

#[test]
fn several_values_without_a_set_prefix_count_against_the_caller() {
    for (operator, values) in [("StringEquals", &["mine"]), ("StringNotEquals", &["other"])] {
        let request = many(&["mine", "other"]);
        assert_eq!(truth(operator, values, &request, Effect::Allow), Truth::False);
        assert_eq!(truth(operator, values, &request, Effect::Deny), Truth::True);
    }
}

#[test]
fn a_value_that_cannot_be_read_neither_passes_nor_fails() {
    let cases = [
        ("NumericEquals", "1", "many"),
        ("NumericNotEquals", "1", "many"),
        ("DateLessThan", "2026-01-01", "soon"),
        ("Bool", "true", "yes"),
        ("BinaryEquals", "QQ==", "?"),
        ("IpAddress", "10.0.0.0/8", "here"),
        ("NotIpAddress", "10.0.0.0/8", "here"),
    ];
    for (operator, value, unreadable) in cases {
        for effect in [Effect::Allow, Effect::Deny] {
            let found = truth(operator, &[value], &one(unreadable), effect);
            assert_eq!(found, Truth::Unknown, "{operator}");
            assert_eq!(found.holds_for(effect), effect == Effect::Deny);
        }
    }
    // What is known decides where it can.
    check("ForAllValues:NumericEquals", &["1"], &many(&["x", "2"]), false);
    check("ForAnyValue:NumericEquals", &["1"], &many(&["x", "1"]), true);
}

#[test]
fn a_variable_the_request_lacks_matches_nothing() {
    for operator in ["StringEquals", "StringLike", "StringEqualsIgnoreCase", "ArnLike"] {
        check(operator, &["${aws:absent}"], &one("x"), false);
        check(operator, &["${aws:absent}", "arn:a:b:c:d:e"], &one("arn:a:b:c:d:e"), true);
        check(operator, &["${aws:absent, 'arn:a:b:c:d:e'}"], &one("arn:a:b:c:d:e"), true);
    }
    for operator in ["StringNotEquals", "StringNotLike", "StringNotEqualsIgnoreCase", "ArnNotLike"] {
        // No Allow may rest on not being somebody unknown, and no Deny may be escaped by it.
        let found = truth(operator, &["${aws:absent}"], &one("x"), Effect::Allow);
        assert_eq!(found, Truth::Unknown, "{operator}");
        check(operator, &["${aws:absent}", "arn:a:b:c:d:e"], &one("arn:a:b:c:d:e"), false);
    }
}

#[test]
fn key_names_are_asked_for_in_lower_case_and_by_one_name() {
    let key = |written: &str| {
        let values = ["x".to_owned()];
        let operator = Operator::parse("StringEquals").unwrap();
        Condition::compile(operator, "StringEquals", written, &values, true).unwrap().key
    };
    assert_eq!(&*key("AWS:UserName"), "aws:username");
    assert_eq!(&*key("dynamodb:LeadingKeys"), "dynamodb:leadingkeys");
    assert_eq!(&*key("dynamodb:FirstPartitionKeyValues"), "dynamodb:leadingkeys");
    assert_eq!(&*key("dynamodb:SecondPartitionKeyValues"), "dynamodb:secondpartitionkeyvalues");
}

#[test]
fn an_operator_that_does_not_exist_is_refused() {
    for operator in [
        "",
        "stringequals",
        "StringEqual",
        "StringEqualsIfexists",
        "IfExists",
        "NullIfExists",
        "ForAllValues:Null",
        "ForAllValues:ForAnyValue:StringEquals",
        "ForAllValuesStringEquals",
        "StringEqualsIfExistsIfExists",
        "NotBool",
        "BinaryNotEquals",
        "StringLikeIgnoreCase",
    ] {
        assert!(Operator::parse(operator).is_err(), "{operator}");
    }
}

#[test]
fn a_value_of_the_wrong_type_is_refused_when_written() {
    let cases = [
        ("NumericEquals", "ten"),
        ("NumericLessThan", "${aws:username}"),
        ("DateEquals", "yesterday"),
        ("DateGreaterThan", "2026-02-30"),
        ("Bool", "yes"),
        ("Null", "maybe"),
        ("BinaryEquals", "not base64"),
        ("IpAddress", "10.0.0.0/33"),
        ("NotIpAddress", "example.org"),
        ("ArnLike", "arn:aws:iam"),
        ("ArnEquals", "bob"),
        ("StringEquals", "${aws:username"),
        ("StringLike", "${nothing}"),
    ];
    for (operator, value) in cases {
        assert!(compiled(operator, &[value]).is_err(), "{operator} {value}");
        assert!(compiled(operator, &[value, value]).is_err(), "{operator} {value}");
    }
}

#[test]
fn a_value_that_cannot_be_told_counts_against_the_caller() {
    let untold = Request(vec![("k:k", ContextValue::Unknown)]);
    for prefix in ["", "ForAllValues:", "ForAnyValue:"] {
        for (operator, value, _) in EVERY_OPERATOR.iter().filter(|(operator, ..)| *operator != "Null") {
            for suffix in ["", "IfExists"] {
                let operator = format!("{prefix}{operator}{suffix}");
                for effect in [Effect::Allow, Effect::Deny] {
                    let found = truth(&operator, &[value], &untold, effect);
                    assert_eq!(found, Truth::Unknown, "{operator}");
                    assert_eq!(found.holds_for(effect), effect == Effect::Deny);
                }
            }
        }
    }
    // It is there, all the same.
    check("Null", &["false"], &untold, true);
}
