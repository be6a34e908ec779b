//! Items as JSON, in two forms: plain JSON, and DynamoDB's typed JSON.
//!
//! Plain JSON says what it can: numbers, strings, booleans, null, arrays and objects are N, S, BOOL, NULL, L and M, with
//! numbers exact to their 38 digits. Sets are written as arrays and binary as base64 text, and read back as the lists
//! and strings they then are. Typed JSON (`{"N": "1"}`) says everything.

use base64::prelude::{BASE64_STANDARD, Engine};
use bytes::Bytes;
use cairn_model::{
    AttributeMap, AttributeValue, Number, NumberError, PathSegment, SetKind, ValueErrorKind, ValuePath,
    limits,
};
use clap::ValueEnum;
use serde_json::{Map, Value};
use std::collections::BTreeSet;
use std::fmt;

/// How values are written as JSON.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum JsonForm {
    /// As JSON has them: {"Id": 1}. Sets are printed as arrays and binary as base64, and not read back as such
    #[default]
    Plain,
    /// With DynamoDB's types: {"Id": {"N": "1"}}. Loses nothing
    Dynamodb,
}

/// JSON that is not an item in the form it should have, and where.
#[derive(Debug)]
pub(crate) struct FormError {
    path: ValuePath,
    kind: FormErrorKind,
}

/// What is wrong with the JSON.
#[derive(Debug, thiserror::Error)]
pub(crate) enum FormErrorKind {
    /// JSON of the wrong type.
    #[error("expected {expected}, found {found}")]
    Unexpected {
        /// What should be there.
        expected: &'static str,
        /// What is.
        found: &'static str,
    },
    /// A type that is none of the ten.
    #[error("there is no type {0:?}: the types are S, N, B, BOOL, NULL, L, M, SS, NS and BS")]
    UnknownType(String),
    /// Binary that is not base64.
    #[error("expected base64 with padding")]
    Base64(#[source] base64::DecodeError),
    /// A rule of the data model is broken.
    #[error(transparent)]
    Rule(#[from] ValueErrorKind),
}

impl FormError {
    fn unexpected(expected: &'static str, found: &Value) -> Self {
        let found = match found {
            Value::Null => "null",
            Value::Bool(_) => "a boolean",
            Value::Number(_) => "a number",
            Value::String(_) => "a string",
            Value::Array(_) => "an array",
            Value::Object(_) => "an object",
        };
        FormErrorKind::Unexpected { expected, found }.into()
    }

    /// The error, one level further out.
    fn within(mut self, segment: PathSegment) -> Self {
        self.path.0.insert(0, segment);
        self
    }
}

impl<K: Into<FormErrorKind>> From<K> for FormError {
    fn from(kind: K) -> Self {
        Self { path: ValuePath::default(), kind: kind.into() }
    }
}

impl From<NumberError> for FormErrorKind {
    fn from(error: NumberError) -> Self {
        Self::Rule(error.into())
    }
}

impl fmt::Display for FormError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.path.0.is_empty() {
            write!(f, "at {}: ", self.path)?;
        }
        self.kind.fmt(f)
    }
}

impl std::error::Error for FormError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.kind.source()
    }
}

/// How deep values may still nest below the one at hand.
type Levels = usize;

impl JsonForm {
    /// The attributes that a JSON object says: an item, a key, or the values of placeholders.
    ///
    /// # Errors
    /// What keeps the JSON from being attributes, and where. Sizes and the names of attributes are left to the server.
    pub(crate) fn read(self, json: Value) -> Result<AttributeMap, FormError> {
        match json {
            Value::Object(members) => self.read_members(members, limits::NESTING_LEVELS_MAX),
            other => Err(FormError::unexpected("an object of attributes", &other)),
        }
    }

    /// Whether JSON that is read in this form seems to be written in the other one: each attribute of an object has a
    /// single member, which is named as a type of DynamoDB and holds what values of the type are written as.
    pub(crate) fn is_doubtful(self, json: &Value) -> bool {
        match (self, json) {
            (Self::Plain, Value::Object(members)) => !members.is_empty() && members.values().all(is_typed),
            _ => false,
        }
    }

    /// Attributes as JSON.
    pub(crate) fn write(self, attributes: &AttributeMap) -> Value {
        Value::Object(
            attributes.iter().map(|(name, value)| (name.clone(), self.write_value(value))).collect(),
        )
    }

    /// One value as JSON.
    pub(crate) fn write_value(self, value: &AttributeValue) -> Value {
        match self {
            Self::Plain => self.write_plain(value),
            Self::Dynamodb => self.write_typed(value),
        }
    }

    fn read_members(self, members: Map<String, Value>, levels: Levels) -> Result<AttributeMap, FormError> {
        members
            .into_iter()
            .map(|(name, json)| match self.read_value(json, levels) {
                Ok(value) => Ok((name, value)),
                Err(error) => Err(error.within(PathSegment::Name(name))),
            })
            .collect()
    }

    fn read_elements(self, elements: Vec<Value>, levels: Levels) -> Result<Vec<AttributeValue>, FormError> {
        each(elements, |json| self.read_value(json, levels))
    }

    fn read_value(self, json: Value, levels: Levels) -> Result<AttributeValue, FormError> {
        let levels = levels.checked_sub(1).ok_or(ValueErrorKind::TooDeep)?;
        match self {
            Self::Plain => self.read_plain(json, levels),
            Self::Dynamodb => self.read_typed(json, levels),
        }
    }

    fn read_plain(self, json: Value, levels: Levels) -> Result<AttributeValue, FormError> {
        Ok(match json {
            Value::Null => AttributeValue::Null,
            Value::Bool(value) => AttributeValue::Bool(value),
            Value::Number(number) => AttributeValue::N(number.as_str().parse()?),
            Value::String(text) => AttributeValue::S(text),
            Value::Array(elements) => AttributeValue::L(self.read_elements(elements, levels)?),
            Value::Object(members) => AttributeValue::M(self.read_members(members, levels)?),
        })
    }

    fn read_typed(self, json: Value, levels: Levels) -> Result<AttributeValue, FormError> {
        let Value::Object(members) = json else {
            return Err(FormError::unexpected(r#"a typed value such as {"S": "text"}"#, &json));
        };
        let mut members = members.into_iter();
        let (kind, json) = match (members.next(), members.next()) {
            (Some(member), None) => member,
            (None, _) => return Err(ValueErrorKind::Empty.into()),
            (Some(_), Some(_)) => return Err(ValueErrorKind::SeveralTypes.into()),
        };
        let value = match kind.as_str() {
            "S" => text(json).map(AttributeValue::S),
            "N" => number(json).map(AttributeValue::N),
            "B" => binary(json).map(AttributeValue::B),
            "BOOL" => match json {
                Value::Bool(value) => Ok(AttributeValue::Bool(value)),
                other => Err(FormError::unexpected("true or false", &other)),
            },
            "NULL" => match json {
                Value::Bool(true) => Ok(AttributeValue::Null),
                Value::Bool(false) => Err(ValueErrorKind::FalseNull.into()),
                other => Err(FormError::unexpected("true", &other)),
            },
            "L" => {
                array(json).and_then(|elements| self.read_elements(elements, levels)).map(AttributeValue::L)
            }
            "M" => match json {
                Value::Object(members) => self.read_members(members, levels).map(AttributeValue::M),
                other => Err(FormError::unexpected("an object of typed values", &other)),
            },
            "SS" => set(SetKind::String, json, text).map(AttributeValue::Ss),
            "NS" => set(SetKind::Number, json, number).map(AttributeValue::Ns),
            "BS" => set(SetKind::Binary, json, binary).map(AttributeValue::Bs),
            _ => return Err(FormErrorKind::UnknownType(kind).into()),
        };
        value.map_err(|error| error.within(PathSegment::Name(kind)))
    }

    fn write_plain(self, value: &AttributeValue) -> Value {
        match value {
            AttributeValue::S(text) => Value::String(text.clone()),
            AttributeValue::N(number) => number_json(number),
            AttributeValue::B(bytes) => Value::String(BASE64_STANDARD.encode(bytes)),
            AttributeValue::Bool(value) => Value::Bool(*value),
            AttributeValue::Null => Value::Null,
            AttributeValue::L(elements) => elements.iter().map(|element| self.write_value(element)).collect(),
            AttributeValue::M(members) => self.write(members),
            AttributeValue::Ss(members) => members.iter().cloned().collect(),
            AttributeValue::Ns(members) => members.iter().map(number_json).collect(),
            AttributeValue::Bs(members) => {
                members.iter().map(|member| BASE64_STANDARD.encode(member)).collect()
            }
        }
    }

    fn write_typed(self, value: &AttributeValue) -> Value {
        let json = match value {
            AttributeValue::N(number) => Value::String(number.to_string()),
            AttributeValue::Null => Value::Bool(true),
            AttributeValue::Ns(members) => members.iter().map(Number::to_string).collect(),
            other => self.write_plain(other),
        };
        Value::Object(Map::from_iter([(value.type_name().to_owned(), json)]))
    }
}

fn is_typed(json: &Value) -> bool {
    let Value::Object(members) = json else { return false };
    let mut members = members.iter();
    let (Some((name, value)), None) = (members.next(), members.next()) else { return false };
    match name.as_str() {
        "S" | "N" | "B" => value.is_string(),
        "BOOL" | "NULL" => value.is_boolean(),
        "L" | "SS" | "NS" | "BS" => value.is_array(),
        "M" => value.is_object(),
        _ => false,
    }
}

/// Reads each element of an array; an error says which one it is about.
fn each<T>(
    elements: Vec<Value>,
    mut read: impl FnMut(Value) -> Result<T, FormError>,
) -> Result<Vec<T>, FormError> {
    elements
        .into_iter()
        .enumerate()
        .map(|(index, json)| read(json).map_err(|error| error.within(PathSegment::Index(index))))
        .collect()
}

fn array(json: Value) -> Result<Vec<Value>, FormError> {
    match json {
        Value::Array(elements) => Ok(elements),
        other => Err(FormError::unexpected("an array", &other)),
    }
}

fn text(json: Value) -> Result<String, FormError> {
    match json {
        Value::String(text) => Ok(text),
        other => Err(FormError::unexpected("a string", &other)),
    }
}

fn number(json: Value) -> Result<Number, FormError> {
    match json {
        Value::String(text) => Ok(text.parse::<Number>()?),
        other => Err(FormError::unexpected("a number as a string", &other)),
    }
}

fn binary(json: Value) -> Result<Bytes, FormError> {
    match json {
        Value::String(text) => {
            Ok(BASE64_STANDARD.decode(text).map(Bytes::from).map_err(FormErrorKind::Base64)?)
        }
        other => Err(FormError::unexpected("base64 as a string", &other)),
    }
}

fn set<T: Ord>(
    kind: SetKind,
    json: Value,
    read: impl FnMut(Value) -> Result<T, FormError>,
) -> Result<BTreeSet<T>, FormError> {
    let members = each(array(json)?, read)?;
    if members.is_empty() {
        return Err(ValueErrorKind::EmptySet(kind).into());
    }
    let given = members.len();
    let set = BTreeSet::from_iter(members);
    if set.len() < given {
        return Err(ValueErrorKind::DuplicateInSet { kind, shown: String::new() }.into());
    }
    Ok(set)
}

/// A number as a JSON number of the same digits.
fn number_json(number: &Number) -> Value {
    let text = number.to_string();
    // Plain decimal text always is a JSON number.
    text.parse().map_or_else(|_| Value::String(text), Value::Number)
}

#[cfg(test)]
mod tests;
