//! Attribute values from DynamoDB's JSON to protobuf and back: as written, whatever rules they break.
//!
//! The messages are this file's own, not the server's types, which would refuse or tidy what a case wants to send.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use cairn_model::{EncodedValue, Item};
use prost::Message;
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;

#[derive(Clone, PartialEq, Message)]
struct RawValue {
    #[prost(oneof = "Kind", tags = "1, 2, 3, 4, 5, 6, 7, 8, 9, 10")]
    kind: Option<Kind>,
}

#[derive(Clone, PartialEq, prost::Oneof)]
enum Kind {
    #[prost(string, tag = "1")]
    S(String),
    #[prost(string, tag = "2")]
    N(String),
    #[prost(bytes, tag = "3")]
    B(Vec<u8>),
    #[prost(bool, tag = "4")]
    Bool(bool),
    #[prost(int32, tag = "5")]
    Null(i32),
    #[prost(message, tag = "6")]
    L(RawList),
    #[prost(message, tag = "7")]
    M(RawMap),
    #[prost(message, tag = "8")]
    Ss(RawTexts),
    #[prost(message, tag = "9")]
    Ns(RawTexts),
    #[prost(message, tag = "10")]
    Bs(RawBinaries),
}

#[derive(Clone, PartialEq, Message)]
struct RawList {
    #[prost(message, repeated, tag = "1")]
    values: Vec<RawValue>,
}

#[derive(Clone, PartialEq, Message)]
struct RawMap {
    #[prost(btree_map = "string, message", tag = "1")]
    fields: BTreeMap<String, RawValue>,
}

#[derive(Clone, PartialEq, Message)]
struct RawTexts {
    #[prost(string, repeated, tag = "1")]
    values: Vec<String>,
}

#[derive(Clone, PartialEq, Message)]
struct RawBinaries {
    #[prost(bytes = "vec", repeated, tag = "1")]
    values: Vec<Vec<u8>>,
}

/// `{"pk": {"S": "a"}}` as the values of a message's map.
pub(super) fn values(attributes: Value) -> Result<BTreeMap<String, EncodedValue>, String> {
    let raw = raw_map(attributes)?;
    raw.fields
        .into_iter()
        .map(|(name, value)| {
            let value = <EncodedValue as Message>::decode(value.encode_to_vec().as_slice())
                .map_err(|error| format!("a value cannot be sent: {error}"))?;
            Ok((name, value))
        })
        .collect()
}

/// An item.
pub(super) fn item(attributes: Value) -> Result<Item, String> {
    Ok(Item::from_encoded(raw_map(attributes)?.encode_to_vec().into()))
}

/// An item as JSON.
pub(super) fn item_json(item: &Item) -> Result<Value, String> {
    let raw = RawMap::decode(item.encoded()).map_err(|error| format!("an item cannot be read: {error}"))?;
    map_json(raw)
}

/// A message's map of values as JSON.
pub(super) fn values_json(values: &BTreeMap<String, EncodedValue>) -> Result<Value, String> {
    item_json(&Item::from_values(values))
}

fn raw_map(json: Value) -> Result<RawMap, String> {
    match json {
        Value::Object(members) => {
            let fields = members.into_iter().map(|(name, value)| Ok((name, raw(value)?)));
            Ok(RawMap { fields: fields.collect::<Result<_, String>>()? })
        }
        other => Err(format!("{other} is not an object of attributes")),
    }
}

fn raw(json: Value) -> Result<RawValue, String> {
    let Value::Object(members) = json else { return Err(format!("{json} is not a typed value")) };
    let mut members = members.into_iter();
    let (name, value) = match (members.next(), members.next()) {
        (None, _) => return Ok(RawValue { kind: None }),
        (Some(member), None) => member,
        _ => return Err("a value of two types cannot be said in protobuf".into()),
    };
    let kind = match (name.as_str(), value) {
        ("S", Value::String(text)) => Kind::S(text),
        ("N", Value::String(text)) => Kind::N(text),
        ("B", Value::String(text)) => Kind::B(bytes(&text)?),
        ("BOOL", Value::Bool(value)) => Kind::Bool(value),
        ("NULL", Value::Bool(true)) => Kind::Null(0),
        ("L", Value::Array(elements)) => {
            Kind::L(RawList { values: elements.into_iter().map(raw).collect::<Result<_, _>>()? })
        }
        ("M", members) => Kind::M(raw_map(members)?),
        ("SS", members) => Kind::Ss(RawTexts { values: texts(members)? }),
        ("NS", members) => Kind::Ns(RawTexts { values: texts(members)? }),
        ("BS", members) => {
            let values = texts(members)?.iter().map(|text| bytes(text)).collect::<Result<_, _>>()?;
            Kind::Bs(RawBinaries { values })
        }
        (name, value) => return Err(format!("{{{name:?}: {value}}} is not a typed value")),
    };
    Ok(RawValue { kind: Some(kind) })
}

fn texts(json: Value) -> Result<Vec<String>, String> {
    serde_json::from_value(json).map_err(|error| format!("not a list of texts: {error}"))
}

fn bytes(text: &str) -> Result<Vec<u8>, String> {
    BASE64_STANDARD.decode(text).map_err(|error| format!("{text:?} is not base64: {error}"))
}

fn map_json(raw: RawMap) -> Result<Value, String> {
    let members = raw.fields.into_iter().map(|(name, value)| Ok((name, value_json(value)?)));
    Ok(Value::Object(members.collect::<Result<Map<_, _>, String>>()?))
}

fn value_json(raw: RawValue) -> Result<Value, String> {
    let kind = raw.kind.ok_or("the service answered a value of no type")?;
    Ok(match kind {
        Kind::S(text) => json!({"S": text}),
        Kind::N(text) => json!({"N": text}),
        Kind::B(bytes) => json!({"B": BASE64_STANDARD.encode(bytes)}),
        Kind::Bool(value) => json!({"BOOL": value}),
        Kind::Null(_) => json!({"NULL": true}),
        Kind::L(list) => {
            json!({"L": list.values.into_iter().map(value_json).collect::<Result<Vec<_>, _>>()?})
        }
        Kind::M(members) => json!({"M": map_json(members)?}),
        Kind::Ss(members) => json!({"SS": members.values}),
        Kind::Ns(members) => json!({"NS": members.values}),
        Kind::Bs(members) => {
            json!({"BS": members.values.iter().map(|bytes| BASE64_STANDARD.encode(bytes)).collect::<Vec<_>>()})
        }
    })
}
