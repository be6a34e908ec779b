//! Secondary indexes: what they are keyed by, what they hold, and which items are in them (semantics 4).

use crate::key::KeyRole;
use crate::key_encoding::index_entry_key;
use crate::{AttributeMap, KeyAttribute, KeyError, KeySchema, KeyType, KeyValue};
use bytes::Bytes;
use serde::{Deserialize, Serialize};

/// Whether an index shares the table's partitions or has its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum IndexKind {
    /// Local: the table's partition key and another sort key; strongly consistent reads; made with the table.
    Local,
    /// Global: any key; eventually consistent reads; made and removed at any time.
    Global,
}

/// What an index is keyed by. A local index has one attribute for each role; a global one 1 to 4 for the partition and
/// up to 4 for the sort key (semantics 4.5).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct IndexKeySchema {
    /// The partition key's attributes (HASH), in order.
    pub partition: Vec<KeyAttribute>,
    /// The sort key's attributes (RANGE), in order; none if the index has no sort key.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub sort: Vec<KeyAttribute>,
}

/// Which attributes an index holds besides its own and the table's keys.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Projection {
    /// All of the item's.
    All,
    /// None.
    KeysOnly,
    /// These.
    Include(Vec<String>),
}

/// A secondary index, as far as the items in it are concerned.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct IndexSchema {
    /// Names the index's entries in its table's index space. Never used twice in one table.
    pub id: u16,
    /// The index's name.
    pub name: String,
    /// Local or global.
    pub kind: IndexKind,
    /// What it is keyed by.
    pub key_schema: IndexKeySchema,
    /// What it holds.
    pub projection: Projection,
}

/// An item's place in an index.
#[derive(Clone, Debug, PartialEq)]
pub struct IndexEntry {
    /// The entry's key in the table's index space.
    pub key: Bytes,
    /// What the index holds of the item.
    pub attributes: AttributeMap,
}

/// An index key attribute of an item that the index cannot be keyed by: the write is refused (semantics 4.1).
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum IndexKeyError {
    /// Another type than the schema's.
    #[error(
        "One or more parameter values were invalid: Type mismatch for Index Key {attribute} Expected: {expected} Actual: {actual} IndexName: {index}"
    )]
    TypeMismatch {
        /// The attribute.
        attribute: String,
        /// The schema's type.
        expected: KeyType,
        /// The type that was given.
        actual: &'static str,
        /// The index.
        index: String,
    },
    /// An empty string or binary.
    #[error("One or more parameter values are not valid. A value specified for a secondary index key is not supported. The AttributeValue for a key attribute cannot contain an empty {} value. IndexName: {index}, IndexKey: {attribute}", match .key_type { KeyType::B => "binary", _ => "string" })]
    Empty {
        /// The attribute.
        attribute: String,
        /// Its type.
        key_type: KeyType,
        /// The index.
        index: String,
    },
    /// More bytes than a key may have.
    #[error(transparent)]
    TooLarge(KeyError),
}

impl IndexKeyError {
    /// The attribute to blame.
    pub fn attribute(&self) -> &str {
        match self {
            Self::TypeMismatch { attribute, .. } | Self::Empty { attribute, .. } => attribute,
            Self::TooLarge(error) => error.attribute(),
        }
    }
}

impl IndexKeySchema {
    /// The key attributes, those of the partition key first.
    pub fn attributes(&self) -> impl Iterator<Item = &KeyAttribute> {
        self.partition.iter().chain(&self.sort)
    }

    /// Whether `name` is one of the key attributes.
    pub fn contains(&self, name: &str) -> bool {
        self.attributes().any(|attribute| attribute.name == name)
    }
}

/// The values of an index's partition or sort key; none if an attribute of it is missing.
type KeyParts = Option<Vec<KeyValue>>;

impl IndexSchema {
    /// The item's place in the index. None if it lacks a key attribute: it is not in the index then.
    ///
    /// # Errors
    /// A key attribute that is there and cannot be a key.
    pub fn entry(
        &self,
        table: &KeySchema,
        item_key: &[u8],
        item: &AttributeMap,
    ) -> Result<Option<IndexEntry>, IndexKeyError> {
        let (Some(partition), Some(sort)) = self.keys(item)? else { return Ok(None) };
        Ok(Some(IndexEntry {
            key: index_entry_key(self.id, &partition, &sort, item_key),
            attributes: self.project(table, item),
        }))
    }

    /// Checks the key attributes that an item has.
    ///
    /// # Errors
    /// A key attribute that is there and cannot be a key.
    pub fn check_keys(&self, item: &AttributeMap) -> Result<(), IndexKeyError> {
        self.keys(item).map(drop)
    }

    /// The partition and the sort key, of which an attribute may be missing.
    fn keys(&self, item: &AttributeMap) -> Result<(KeyParts, KeyParts), IndexKeyError> {
        // Every attribute that is there is checked, also when another is not.
        let partition = self.parts(KeyRole::Partition, &self.key_schema.partition, item)?;
        let sort = self.parts(KeyRole::Sort, &self.key_schema.sort, item)?;
        Ok((partition, sort))
    }

    fn parts(
        &self,
        role: KeyRole,
        attributes: &[KeyAttribute],
        item: &AttributeMap,
    ) -> Result<KeyParts, IndexKeyError> {
        let mut parts = Vec::with_capacity(attributes.len());
        for attribute in attributes {
            if let Some(value) = item.get(&attribute.name) {
                parts.push(attribute.key_value(role, value).map_err(|error| self.key_error(error))?);
            }
        }
        Ok((parts.len() == attributes.len()).then_some(parts))
    }

    fn key_error(&self, error: KeyError) -> IndexKeyError {
        let index = self.name.clone();
        match error {
            KeyError::TypeMismatch { attribute, expected, actual } => {
                IndexKeyError::TypeMismatch { attribute, expected, actual, index }
            }
            KeyError::Empty { attribute, key_type } => IndexKeyError::Empty { attribute, key_type, index },
            error => IndexKeyError::TooLarge(error),
        }
    }

    /// What the index holds of an item: its own and the table's keys, and what is projected.
    pub fn project(&self, table: &KeySchema, item: &AttributeMap) -> AttributeMap {
        let holds = |name: &str| self.holds(table, name);
        item.iter()
            .filter(|(name, _)| holds(name))
            .map(|(name, value)| (name.clone(), value.clone()))
            .collect()
    }

    /// Whether the index holds an attribute, of the items that have it.
    pub fn holds(&self, table: &KeySchema, name: &str) -> bool {
        match &self.projection {
            Projection::All => true,
            Projection::KeysOnly => self.key_schema.contains(name) || table.contains(name),
            Projection::Include(more) => {
                self.key_schema.contains(name)
                    || table.contains(name)
                    || more.iter().any(|other| other == name)
            }
        }
    }
}

/// The attributes of a position in an index: the table's key and the index's.
pub fn index_position(table: &KeySchema, index: &IndexKeySchema, item: &AttributeMap) -> AttributeMap {
    let names = table.attributes().chain(index.attributes()).map(|attribute| &attribute.name);
    names.filter_map(|name| Some((name.clone(), item.get(name)?.clone()))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::AttributeValue;

    fn attribute(name: &str, key_type: KeyType) -> KeyAttribute {
        KeyAttribute { name: name.into(), key_type }
    }

    fn table() -> KeySchema {
        KeySchema { partition: attribute("pk", KeyType::S), sort: None }
    }

    fn index(projection: Projection) -> IndexSchema {
        IndexSchema {
            id: 3,
            name: "by-team".into(),
            kind: IndexKind::Global,
            key_schema: IndexKeySchema {
                partition: vec![attribute("team", KeyType::S)],
                sort: vec![attribute("score", KeyType::N)],
            },
            projection,
        }
    }

    fn item(pairs: &[(&str, AttributeValue)]) -> AttributeMap {
        pairs.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect()
    }

    fn s(text: &str) -> AttributeValue {
        AttributeValue::S(text.into())
    }

    fn player() -> AttributeMap {
        item(&[("pk", s("a")), ("team", s("red")), ("score", AttributeValue::N(7u64.into())), ("x", s("y"))])
    }

    fn entry(item: &AttributeMap) -> Result<Option<IndexEntry>, IndexKeyError> {
        index(Projection::KeysOnly).entry(&table(), b"item", item)
    }

    #[test]
    fn an_item_is_in_an_index_if_it_has_all_of_its_key() {
        assert!(entry(&player()).unwrap().is_some());
        for missing in ["team", "score"] {
            let mut item = player();
            item.remove(missing);
            assert_eq!(entry(&item), Ok(None));
        }
    }

    #[test]
    fn a_key_attribute_that_cannot_be_a_key_refuses_the_write() {
        let with = |name: &str, value| {
            let mut item = player();
            item.insert(name.into(), value);
            entry(&item).unwrap_err().to_string()
        };
        assert_eq!(
            with("score", s("7")),
            "One or more parameter values were invalid: Type mismatch for Index Key score Expected: N Actual: S IndexName: by-team"
        );
        assert!(with("team", s("")).ends_with("empty string value. IndexName: by-team, IndexKey: team"));
        assert!(with("team", s(&"x".repeat(2_049))).contains("Size of hashkey"));
        // Also when another attribute of the key is not there, and the item would not be in the index.
        assert!(entry(&item(&[("pk", s("a")), ("score", AttributeValue::Null)])).is_err());
    }

    #[test]
    fn an_index_holds_keys_and_what_is_projected() {
        let names = |projection| {
            let projected = index(projection).project(&table(), &player());
            projected.into_keys().collect::<Vec<_>>().join(" ")
        };
        assert_eq!(names(Projection::All), "pk score team x");
        assert_eq!(names(Projection::KeysOnly), "pk score team");
        assert_eq!(names(Projection::Include(vec!["x".into(), "z".into()])), "pk score team x");
    }
}
