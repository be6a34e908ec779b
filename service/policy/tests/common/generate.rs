//! Documents and requests drawn from an alphabet so small that they often meet.

use proptest::collection::vec;
use proptest::option::weighted;
use proptest::prelude::*;
use proptest::sample::select;
use serde_json::{Map, Value, json};

use super::slow::{Documents, KeyValue, Request};

const OWN: &str = "111122223333";
const OTHER: &str = "444455556666";

const ACTIONS: [&str; 3] = ["dynamodb:GetItem", "dynamodb:PutItem", "dynamodb:PutResourcePolicy"];
const ACTION_PATTERNS: [&str; 7] = [
    "dynamodb:GetItem",
    "DynamoDB:putitem",
    "dynamodb:*",
    "*",
    "dynamodb:Get*",
    "dynamodb:?etItem",
    "dynamodb:P*",
];

const RESOURCES: [&str; 6] = [
    "arn:aws:dynamodb:r:111122223333:table/a",
    "arn:aws:dynamodb:r:111122223333:table/ab",
    "arn:aws:dynamodb:r:111122223333:table/bob",
    "arn:aws:dynamodb:r:111122223333:table/a/index/i",
    "arn:aws:dynamodb:r:111122223333:table/*",
    "*",
];
const RESOURCE_PATTERNS: [&str; 13] = [
    "arn:aws:dynamodb:r:111122223333:table/a",
    "arn:aws:dynamodb:r:111122223333:table/ab",
    "arn:aws:dynamodb:r:111122223333:table/*",
    "arn:aws:dynamodb:r:111122223333:table/?",
    "arn:aws:dynamodb:r:111122223333:table/a*",
    "arn:aws:dynamodb:*:*:table/*b",
    "arn:*:*:*:*:*a*/?",
    "*",
    "arn:aws:dynamodb:r:111122223333:table/${aws:username}",
    "arn:aws:dynamodb:r:111122223333:table/${t:absent}",
    "arn:aws:dynamodb:r:111122223333:table/${t:string, 'a'}*",
    "arn:aws:dynamodb:r:111122223333:${t:absent,'table'}/a?",
    "arn:aws:dynamodb:r:111122223333:table/${*}",
];

const USER: &str = "arn:aws:iam::111122223333:user/bob";
const SESSION: &str = "arn:aws:sts::111122223333:assumed-role/r/s";
const ROLE: &str = "arn:aws:iam::111122223333:role/r";
const ROOT: &str = "arn:aws:iam::111122223333:root";
const PRINCIPALS: [&str; 7] = [USER, SESSION, ROLE, ROOT, OWN, OTHER, "*"];

/// A type of value: the key that usually has it, its operators, the values of policies, and those of requests.
struct Kind {
    key: &'static str,
    operators: &'static [&'static str],
    wanted: &'static [&'static str],
    given: &'static [&'static str],
}

const KINDS: [Kind; 7] = [
    Kind {
        key: "t:string",
        operators: &[
            "StringEquals",
            "StringNotEquals",
            "StringEqualsIgnoreCase",
            "StringNotEqualsIgnoreCase",
            "StringLike",
            "StringNotLike",
        ],
        wanted: &[
            "a",
            "A",
            "ab",
            "a*",
            "?",
            "*b*a*",
            "b?b",
            "${aws:username}",
            "${t:absent}",
            "${t:absent, 'ab'}",
            "${aws:username}*",
            "${*}",
            "",
            "${t:string}",
        ],
        given: &["a", "A", "ab", "bob", "BOB", "*", "", "${aws:username}"],
    },
    Kind {
        key: "t:number",
        operators: &[
            "NumericEquals",
            "NumericNotEquals",
            "NumericLessThan",
            "NumericLessThanEquals",
            "NumericGreaterThan",
            "NumericGreaterThanEquals",
        ],
        wanted: &["1", "2", "10", "-1", "0.5"],
        given: &["1", "1.0", "2", "10", "-1", "0", "x"],
    },
    Kind {
        key: "t:date",
        operators: &[
            "DateEquals",
            "DateNotEquals",
            "DateLessThan",
            "DateLessThanEquals",
            "DateGreaterThan",
            "DateGreaterThanEquals",
        ],
        wanted: &["2026-01-01T00:00:00Z", "1767225600", "2025-12-31", "2026-01-02T00:00:00Z"],
        given: &["2026-01-01T00:00:00Z", "2026-01-01", "2026-01-01T01:00:00+01:00", "1767225601", "x"],
    },
    Kind { key: "t:bool", operators: &["Bool"], wanted: &["true", "false"], given: &["true", "False", "x"] },
    Kind {
        key: "t:binary",
        operators: &["BinaryEquals"],
        wanted: &["QQ==", "QUI="],
        given: &["QQ==", "QUI=", "QUJD", "?!", "QQ"],
    },
    Kind {
        key: "t:address",
        operators: &["IpAddress", "NotIpAddress"],
        wanted: &["10.0.0.0/8", "10.0.0.1", "10.128.0.0/9", "0.0.0.0/0", "2001:db8::/32", "::/0"],
        given: &["10.0.0.1", "10.200.0.1", "11.0.0.1", "2001:db8::1", "2001:db9::1", "x"],
    },
    Kind {
        key: "t:arn",
        operators: &["ArnEquals", "ArnLike", "ArnNotEquals", "ArnNotLike"],
        wanted: &[
            "arn:aws:iam::1:user/bob",
            "arn:aws:iam::*:user/*",
            "arn:*:*:*:*:*",
            "*",
            "arn:aws:iam::1:user/${t:absent, 'bob'}",
            "arn:aws:iam::1:${t:absent}",
            "arn:aws:iam::1:user/${aws:username}",
            "arn:aws:*:1:user/bob:x",
        ],
        given: &["arn:aws:iam::1:user/bob", "arn:aws:iam::2:user/eve:x", "arn:aws", "bob"],
    },
];

/// Multi-valued keys of strings, under the names they have in policies and in requests.
const SETS: [&str; 3] = ["dynamodb:LeadingKeys", "dynamodb:FirstPartitionKeyValues", "DYNAMODB:Attributes"];

fn one_or_list(values: impl Strategy<Value = Value>) -> impl Strategy<Value = Value> {
    vec(values, 1..4).prop_map(|values| match values.as_slice() {
        [value] => value.clone(),
        _ => Value::Array(values),
    })
}

fn any_of(texts: &'static [&'static str]) -> impl Strategy<Value = Value> {
    one_or_list(select(texts).prop_map(Value::from))
}

/// An operator, a key and its values.
fn condition() -> impl Strategy<Value = (String, String, Value)> {
    let typed = (0..KINDS.len()).prop_flat_map(|at| {
        let kind = &KINDS[at];
        let keys: Vec<&str> = [&[kind.key; 6][..], &SETS, &["aws:username", "t:absent"]].concat();
        let prefixes = select(vec!["", "", "ForAllValues:", "ForAnyValue:"]);
        let suffixes = select(vec!["", "", "IfExists"]);
        (prefixes, select(kind.operators), suffixes, select(keys), any_of(kind.wanted)).prop_map(
            |(prefix, operator, suffix, key, wanted)| {
                (format!("{prefix}{operator}{suffix}"), key.to_owned(), wanted)
            },
        )
    });
    let keys: Vec<&str> = KINDS.iter().map(|kind| kind.key).chain(SETS).collect();
    let null = (select(keys), any_of(&["true", "false"]))
        .prop_map(|(key, wanted)| ("Null".to_owned(), key.to_owned(), wanted));
    prop_oneof![9 => typed, 1 => null]
}

fn conditions() -> impl Strategy<Value = Option<Value>> {
    let some = vec(condition(), 1..4).prop_map(|conditions| {
        let mut operators = Map::new();
        for (operator, key, wanted) in conditions {
            let keys = operators.entry(operator).or_insert_with(|| json!({}));
            let keys = keys.as_object_mut().unwrap();
            let is_there = keys.keys().any(|other| other.eq_ignore_ascii_case(&key));
            if !is_there {
                keys.insert(key, wanted);
            }
        }
        Value::Object(operators)
    });
    weighted(0.6, some)
}

fn principal() -> impl Strategy<Value = (bool, Value)> {
    let named = any_of(&PRINCIPALS).prop_map(|names| json!({ "AWS": names }));
    let value = prop_oneof![4 => named, 1 => Just(json!("*"))];
    (proptest::bool::weighted(0.2), value)
}

fn statement(has_principal: bool) -> impl Strategy<Value = Value> {
    let effect = prop_oneof![3 => Just("Allow"), 1 => Just("Deny")];
    let negated = || proptest::bool::weighted(0.2);
    (
        effect,
        (negated(), any_of(&ACTION_PATTERNS)),
        (negated(), any_of(&RESOURCE_PATTERNS)),
        principal(),
        conditions(),
    )
        .prop_map(move |(effect, action, resource, principal, conditions)| {
            let mut statement = Map::new();
            statement.insert("Effect".to_owned(), effect.into());
            let mut put = |name: &str, (negated, value): (bool, Value)| {
                statement.insert(format!("{}{name}", if negated { "Not" } else { "" }), value);
            };
            put("Action", action);
            put("Resource", resource);
            if has_principal {
                put("Principal", principal);
            }
            if let Some(conditions) = conditions {
                statement.insert("Condition".to_owned(), conditions);
            }
            Value::Object(statement)
        })
}

/// A document; most are of the version with variables.
fn document(has_principal: bool) -> impl Strategy<Value = Value> {
    let version = select(vec![Some("2012-10-17"), Some("2012-10-17"), Some("2008-10-17"), None]);
    (version, vec(statement(has_principal), 1..4)).prop_map(|(version, statements)| {
        let statements = match statements.as_slice() {
            [statement] => statement.clone(),
            _ => Value::Array(statements),
        };
        match version {
            Some(version) => json!({ "Version": version, "Statement": statements }),
            None => json!({ "Statement": statements }),
        }
    })
}

/// Up to three identity-based policies, and each other kind now and then.
pub fn documents() -> impl Strategy<Value = Documents> {
    (
        vec(document(false), 0..4),
        weighted(0.25, document(false)),
        weighted(0.25, document(false)),
        weighted(0.5, document(true)),
    )
        .prop_map(|(identity, boundary, session, resource)| Documents {
            identity,
            boundary,
            session,
            resource,
        })
}

/// The value of a key: usually one of its type, now and then a set, or none at all.
fn value(given: &'static [&'static str], many: f64) -> impl Strategy<Value = Option<KeyValue>> {
    let one = select(given).prop_map(|value| KeyValue::One(value.to_owned()));
    let set = vec(select(given), 0..4)
        .prop_map(|values| KeyValue::Many(values.into_iter().map(str::to_owned).collect()));
    let value = proptest::bool::weighted(many)
        .prop_flat_map(move |many| if many { set.clone().boxed() } else { one.clone().boxed() });
    weighted(0.8, value)
}

/// A user, a session or a root of either account asks.
pub fn request() -> impl Strategy<Value = Request> {
    let typed: Vec<_> = KINDS.iter().map(|kind| value(kind.given, 0.2)).collect();
    let name = value(&["bob", "ab", "a"], 0.05);
    let sets = (value(KINDS[0].given, 0.95), value(KINDS[0].given, 0.95));
    let principal = select(vec![USER, USER, USER, SESSION, SESSION, ROOT]);
    let account = select(vec![OWN, OWN, OTHER]);
    (principal, select(&ACTIONS[..]), select(&RESOURCES[..]), account, typed, name, sets).prop_map(
        |(arn, action, resource, resource_account, typed, name, (leading_keys, attributes))| {
            let names = KINDS.iter().map(|kind| kind.key);
            let keys = names.zip(typed).chain([
                ("aws:username", name),
                ("dynamodb:leadingkeys", leading_keys),
                ("dynamodb:attributes", attributes),
            ]);
            Request {
                arn: arn.to_owned(),
                role: (arn == SESSION).then(|| ROLE.to_owned()),
                account: OWN.to_owned(),
                is_root: arn == ROOT,
                action: action.to_owned(),
                resource: resource.to_owned(),
                resource_account: resource_account.to_owned(),
                keys: keys.filter_map(|(key, value)| Some((key.to_owned(), value?))).collect(),
            }
        },
    )
}
