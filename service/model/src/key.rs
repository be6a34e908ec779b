//! Keys: the attributes that address an item, and the checks every key passes (semantics 2.7, 3.1, 7.1).

use crate::limits;
use crate::{AttributeMap, AttributeValue, Number};
use bytes::Bytes;
use serde::{Deserialize, Serialize};
use std::fmt;

/// The type of a key attribute.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum KeyType {
    /// String.
    S,
    /// Number.
    N,
    /// Binary.
    B,
}

impl fmt::Display for KeyType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::S => "S",
            Self::N => "N",
            Self::B => "B",
        })
    }
}

/// One attribute of a key schema.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct KeyAttribute {
    /// The attribute's name, 1 to 255 bytes.
    pub name: String,
    /// Its type.
    #[serde(rename = "type")]
    pub key_type: KeyType,
}

/// The role a key attribute plays, which decides how large its value may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyRole {
    /// In the partition key (HASH).
    Partition,
    /// In the sort key (RANGE).
    Sort,
}

/// A table's primary key: which attributes address an item.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct KeySchema {
    /// The partition key (HASH).
    pub partition: KeyAttribute,
    /// The sort key (RANGE), if the table has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sort: Option<KeyAttribute>,
}

/// The value of one key attribute.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum KeyValue {
    /// A string.
    S(String),
    /// A number.
    N(Number),
    /// Binary.
    B(Bytes),
}

/// The values that address one item.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct PrimaryKey {
    /// The partition key's value.
    pub partition: KeyValue,
    /// The sort key's value, if the table has one.
    pub sort: Option<KeyValue>,
}

/// Why attributes are not a key. The texts are DynamoDB's.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// A key argument with a missing, an extra or a wrongly typed attribute.
    #[error("The provided key element does not match the schema")]
    SchemaMismatch {
        /// The attribute to blame.
        attribute: String,
    },
    /// An item without one of its key attributes.
    #[error("One or more parameter values were invalid: Missing the key {attribute} in the item")]
    Missing {
        /// The missing attribute.
        attribute: String,
    },
    /// An item with a key attribute of another type than the schema's.
    #[error(
        "One or more parameter values were invalid: Type mismatch for key {attribute} expected: {expected} actual: {actual}"
    )]
    TypeMismatch {
        /// The attribute.
        attribute: String,
        /// The schema's type.
        expected: KeyType,
        /// The type that was given.
        actual: &'static str,
    },
    /// A key attribute that is an empty string or binary.
    #[error("One or more parameter values are not valid. The AttributeValue for a key attribute cannot contain an empty {} value. Key: {attribute}", match .key_type { KeyType::B => "binary", _ => "string" })]
    Empty {
        /// The attribute.
        attribute: String,
        /// Its type.
        key_type: KeyType,
    },
    /// A partition key value of more than 2,048 bytes.
    #[error(
        "One or more parameter values were invalid: Size of hashkey has exceeded the maximum size limit of{} bytes",
        limits::PARTITION_KEY_BYTES_MAX
    )]
    PartitionKeyTooLarge {
        /// The attribute.
        attribute: String,
    },
    /// A sort key value of more than 1,024 bytes.
    #[error(
        "One or more parameter values were invalid: Aggregated size of all range keys has exceeded the size limit of {} bytes",
        limits::SORT_KEY_BYTES_MAX
    )]
    SortKeyTooLarge {
        /// The attribute.
        attribute: String,
    },
}

impl KeyError {
    /// The key attribute the error is about.
    pub fn attribute(&self) -> &str {
        match self {
            Self::SchemaMismatch { attribute }
            | Self::Missing { attribute }
            | Self::TypeMismatch { attribute, .. }
            | Self::Empty { attribute, .. }
            | Self::PartitionKeyTooLarge { attribute }
            | Self::SortKeyTooLarge { attribute } => attribute,
        }
    }
}

impl KeyValue {
    /// The value as an attribute.
    pub fn to_attribute(&self) -> AttributeValue {
        match self {
            Self::S(text) => AttributeValue::S(text.clone()),
            Self::N(number) => AttributeValue::N(*number),
            Self::B(bytes) => AttributeValue::B(bytes.clone()),
        }
    }

    /// The value's type.
    pub fn key_type(&self) -> KeyType {
        match self {
            Self::S(_) => KeyType::S,
            Self::N(_) => KeyType::N,
            Self::B(_) => KeyType::B,
        }
    }

    fn len(&self) -> usize {
        match self {
            Self::S(text) => text.len(),
            Self::N(number) => number.size(),
            Self::B(bytes) => bytes.len(),
        }
    }
}

impl fmt::Debug for KeyValue {
    /// Says the type and not the value: a debug print must not carry key values into a log.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "KeyValue::{}({} bytes)", self.key_type(), self.len())
    }
}

impl fmt::Debug for PrimaryKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PrimaryKey").field("partition", &self.partition).field("sort", &self.sort).finish()
    }
}

impl KeyAttribute {
    /// The attribute's value if it has the schema's type.
    fn typed(&self, value: &AttributeValue) -> Option<KeyValue> {
        match (self.key_type, value) {
            (KeyType::S, AttributeValue::S(text)) => Some(KeyValue::S(text.clone())),
            (KeyType::N, AttributeValue::N(number)) => Some(KeyValue::N(*number)),
            (KeyType::B, AttributeValue::B(bytes)) => Some(KeyValue::B(bytes.clone())),
            _ => None,
        }
    }

    /// The value as this key attribute's, as given to a query.
    ///
    /// # Errors
    /// A wrongly typed, empty or too large value.
    pub fn key_value(&self, role: KeyRole, value: &AttributeValue) -> Result<KeyValue, KeyError> {
        let typed = self.typed(value).ok_or_else(|| KeyError::TypeMismatch {
            attribute: self.name.clone(),
            expected: self.key_type,
            actual: value.type_name(),
        })?;
        self.check(role, typed)
    }

    fn check(&self, role: KeyRole, value: KeyValue) -> Result<KeyValue, KeyError> {
        let attribute = || self.name.clone();
        if value.len() == 0 {
            return Err(KeyError::Empty { attribute: attribute(), key_type: self.key_type });
        }
        match role {
            KeyRole::Partition if value.len() > limits::PARTITION_KEY_BYTES_MAX => {
                Err(KeyError::PartitionKeyTooLarge { attribute: attribute() })
            }
            KeyRole::Sort if value.len() > limits::SORT_KEY_BYTES_MAX => {
                Err(KeyError::SortKeyTooLarge { attribute: attribute() })
            }
            _ => Ok(value),
        }
    }
}

impl KeySchema {
    /// The key attributes, partition key first.
    pub fn attributes(&self) -> impl Iterator<Item = &KeyAttribute> {
        std::iter::once(&self.partition).chain(&self.sort)
    }

    /// Whether `name` is one of the key attributes.
    pub fn contains(&self, name: &str) -> bool {
        self.attributes().any(|attribute| attribute.name == name)
    }

    /// The key of an item to be stored.
    ///
    /// # Errors
    /// A missing, wrongly typed, empty or too large key attribute.
    pub fn key_of_item(&self, item: &AttributeMap) -> Result<PrimaryKey, KeyError> {
        self.extract(|attribute| {
            let value = item
                .get(&attribute.name)
                .ok_or_else(|| KeyError::Missing { attribute: attribute.name.clone() })?;
            attribute.typed(value).ok_or_else(|| KeyError::TypeMismatch {
                attribute: attribute.name.clone(),
                expected: attribute.key_type,
                actual: value.type_name(),
            })
        })
    }

    /// The key given as a key argument: exactly the key attributes, with their types.
    ///
    /// # Errors
    /// A missing, extra, wrongly typed, empty or too large attribute.
    pub fn key_of_argument(&self, key: &AttributeMap) -> Result<PrimaryKey, KeyError> {
        if let Some(extra) = key.keys().find(|name| !self.contains(name)) {
            return Err(KeyError::SchemaMismatch { attribute: extra.clone() });
        }
        self.extract(|attribute| {
            key.get(&attribute.name)
                .and_then(|value| attribute.typed(value))
                .ok_or_else(|| KeyError::SchemaMismatch { attribute: attribute.name.clone() })
        })
    }

    fn extract(
        &self,
        value: impl Fn(&KeyAttribute) -> Result<KeyValue, KeyError>,
    ) -> Result<PrimaryKey, KeyError> {
        // Presence and types of the whole key come before what a value may hold.
        let partition = value(&self.partition)?;
        let sort = self.sort.as_ref().map(|attribute| Ok((attribute, value(attribute)?))).transpose()?;
        Ok(PrimaryKey {
            partition: self.partition.check(KeyRole::Partition, partition)?,
            sort: sort.map(|(attribute, value)| attribute.check(KeyRole::Sort, value)).transpose()?,
        })
    }

    /// A key as attributes.
    pub fn to_attributes(&self, key: &PrimaryKey) -> AttributeMap {
        let sort = self.sort.as_ref().zip(key.sort.as_ref());
        std::iter::once((&self.partition, &key.partition))
            .chain(sort)
            .map(|(attribute, value)| (attribute.name.clone(), value.to_attribute()))
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn schema() -> KeySchema {
        KeySchema {
            partition: KeyAttribute { name: "pk".into(), key_type: KeyType::S },
            sort: Some(KeyAttribute { name: "sk".into(), key_type: KeyType::N }),
        }
    }

    fn attributes(pairs: &[(&str, AttributeValue)]) -> AttributeMap {
        pairs.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect()
    }

    fn s(text: &str) -> AttributeValue {
        AttributeValue::S(text.into())
    }

    fn n(value: i64) -> AttributeValue {
        AttributeValue::N(value.into())
    }

    #[test]
    fn an_item_must_have_its_key_attributes_with_their_types() {
        let key = |pairs: &[(&str, AttributeValue)]| {
            schema().key_of_item(&attributes(pairs)).map_err(|error| error.to_string())
        };
        let good = key(&[("pk", s("a")), ("sk", n(1)), ("more", s("x"))]).unwrap();
        assert_eq!(schema().to_attributes(&good), attributes(&[("pk", s("a")), ("sk", n(1))]));
        let invalid = "One or more parameter values were invalid: ";
        assert_eq!(key(&[("sk", n(1))]).unwrap_err(), format!("{invalid}Missing the key pk in the item"));
        assert_eq!(
            key(&[("pk", n(1)), ("sk", n(1))]).unwrap_err(),
            format!("{invalid}Type mismatch for key pk expected: S actual: N")
        );
        assert_eq!(
            key(&[("pk", s("")), ("sk", n(1))]).unwrap_err(),
            "One or more parameter values are not valid. The AttributeValue for a key attribute cannot contain an empty string value. Key: pk"
        );
    }

    #[test]
    fn a_key_argument_must_be_exactly_the_key() {
        for wrong in [
            attributes(&[]),
            attributes(&[("pk", s("a"))]),
            attributes(&[("pk", s("a")), ("sk", s("1"))]),
            attributes(&[("pk", s("a")), ("sk", n(1)), ("x", n(1))]),
        ] {
            assert_eq!(
                schema().key_of_argument(&wrong).unwrap_err().to_string(),
                "The provided key element does not match the schema"
            );
        }
        assert!(schema().key_of_argument(&attributes(&[("pk", s("a")), ("sk", n(1))])).is_ok());
    }

    #[test]
    fn key_values_have_a_size_to_the_byte() {
        let schema = KeySchema {
            partition: KeyAttribute { name: "pk".into(), key_type: KeyType::S },
            sort: Some(KeyAttribute { name: "sk".into(), key_type: KeyType::B }),
        };
        let key = |partition: usize, sort: usize| {
            schema.key_of_item(&attributes(&[
                ("pk", s(&"x".repeat(partition))),
                ("sk", AttributeValue::B(vec![0; sort].into())),
            ]))
        };
        assert!(key(2048, 1024).is_ok());
        assert_eq!(
            key(2049, 1).unwrap_err().to_string(),
            "One or more parameter values were invalid: Size of hashkey has exceeded the maximum size limit of2048 bytes"
        );
        assert_eq!(
            key(1, 1025).unwrap_err().to_string(),
            "One or more parameter values were invalid: Aggregated size of all range keys has exceeded the size limit of 1024 bytes"
        );
        assert!(key(1, 0).unwrap_err().to_string().contains("empty binary value. Key: sk"));
    }

    #[test]
    fn a_debug_print_of_a_key_shows_no_value() {
        let key = schema().key_of_item(&attributes(&[("pk", s("secret")), ("sk", n(42))])).unwrap();
        let shown = format!("{key:?}");
        assert!(!shown.contains("secret") && !shown.contains("42"), "{shown}");
    }
}
