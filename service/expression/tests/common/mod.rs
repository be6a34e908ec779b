//! What the tests of expressions share: documents written as JSON, and expressions over them.

// Each test file uses its part of this, and helpers stop a test by panicking.
#![allow(dead_code, clippy::unwrap_used, clippy::panic)]

use bytes::Bytes;
use cairn_expression::{
    Bindings, Condition, KeyCondition, ParsedCondition, ParsedKeyCondition, ParsedProjection, ParsedUpdate,
    Projection, Update,
};
use cairn_model::{AttributeMap, AttributeValue};
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// A value from JSON: what has a counterpart is itself, the others are `{"$n": "1e9"}`, `{"$b": "bytes"}`,
/// `{"$ss": [..]}`, `{"$ns": [..]}` and `{"$bs": [..]}`.
pub(crate) fn value(json: &Value) -> AttributeValue {
    let texts = |json: &Value| -> Vec<String> {
        json.as_array().unwrap().iter().map(|member| member.as_str().unwrap().to_owned()).collect()
    };
    match json {
        Value::Null => AttributeValue::Null,
        Value::Bool(value) => AttributeValue::Bool(*value),
        Value::Number(number) => AttributeValue::N(number.to_string().parse().unwrap()),
        Value::String(text) => AttributeValue::S(text.clone()),
        Value::Array(elements) => AttributeValue::L(elements.iter().map(value).collect()),
        Value::Object(members) => match members.iter().next().map(|(key, inside)| (key.as_str(), inside)) {
            Some(("$n", text)) => AttributeValue::N(text.as_str().unwrap().parse().unwrap()),
            Some(("$b", text)) => AttributeValue::B(Bytes::from(text.as_str().unwrap().to_owned())),
            Some(("$ss", set)) => AttributeValue::Ss(texts(set).into_iter().collect()),
            Some(("$ns", set)) => {
                let members = set.as_array().unwrap().iter();
                AttributeValue::Ns(members.map(|member| member.to_string().parse().unwrap()).collect())
            }
            Some(("$bs", set)) => AttributeValue::Bs(texts(set).into_iter().map(Bytes::from).collect()),
            _ => AttributeValue::M(item(json)),
        },
    }
}

/// An item from a JSON object.
pub(crate) fn item(json: &Value) -> AttributeMap {
    json.as_object().unwrap().iter().map(|(name, inside)| (name.clone(), value(inside))).collect()
}

/// The JSON of a value, for messages that can be read.
pub(crate) fn to_json(value: &AttributeValue) -> Value {
    match value {
        AttributeValue::Null => Value::Null,
        AttributeValue::Bool(value) => json!(value),
        AttributeValue::N(number) => {
            let text = number.to_string();
            text.parse::<i64>().map_or_else(|_| json!({"$n": text}), |number| json!(number))
        }
        AttributeValue::S(text) => json!(text),
        AttributeValue::B(bytes) => json!({"$b": String::from_utf8_lossy(bytes)}),
        AttributeValue::L(elements) => elements.iter().map(to_json).collect(),
        AttributeValue::M(members) => item_json(members),
        AttributeValue::Ss(members) => json!({"$ss": members}),
        AttributeValue::Ns(members) => {
            json!({"$ns": members.iter().map(|member| to_json(&AttributeValue::N(*member))).collect::<Value>()})
        }
        AttributeValue::Bs(members) => {
            json!({"$bs": members.iter().map(|member| String::from_utf8_lossy(member)).collect::<Vec<_>>()})
        }
    }
}

/// The JSON of an item.
pub(crate) fn item_json(item: &AttributeMap) -> Value {
    Value::Object(item.iter().map(|(name, value)| (name.clone(), to_json(value))).collect())
}

/// Bindings from JSON: keys with `#` are names, the others values.
pub(crate) fn bindings(json: &Value) -> Bindings {
    let mut names = BTreeMap::new();
    let mut values = BTreeMap::new();
    for (key, bound) in json.as_object().unwrap() {
        if key.starts_with('#') {
            names.insert(key.clone(), bound.as_str().unwrap().to_owned());
        } else {
            values.insert(key.clone(), value(bound));
        }
    }
    let given = |empty: bool| !empty;
    let names = given(names.is_empty()).then_some(names);
    let values = given(values.is_empty()).then_some(values);
    Bindings::new(names, values).unwrap()
}

/// A condition, or the text of its error.
pub(crate) fn condition(text: &str, bound: &Value) -> Result<Condition, String> {
    let parsed = ParsedCondition::parse(text).map_err(|error| error.to_string())?;
    parsed.bind(&mut bindings(bound)).map_err(|error| error.to_string())
}

/// A key condition, or the text of its error.
pub(crate) fn key_condition(text: &str, bound: &Value) -> Result<KeyCondition, String> {
    let parsed = ParsedKeyCondition::parse(text).map_err(|error| error.to_string())?;
    parsed.bind(&mut bindings(bound)).map_err(|error| error.to_string())
}

/// A projection, or the text of its error.
pub(crate) fn projection(text: &str, bound: &Value) -> Result<Projection, String> {
    let parsed = ParsedProjection::parse(text).map_err(|error| error.to_string())?;
    parsed.bind(&mut bindings(bound)).map_err(|error| error.to_string())
}

/// An update, or the text of its error.
pub(crate) fn update(text: &str, bound: &Value) -> Result<Update, String> {
    let parsed = ParsedUpdate::parse(text).map_err(|error| error.to_string())?;
    parsed.bind(&mut bindings(bound)).map_err(|error| error.to_string())
}
