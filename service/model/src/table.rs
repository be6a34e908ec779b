//! Tables: their names, and the settings a table is described by (semantics 3).

use crate::limits;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

/// The name of a table: 3 to 255 of `[a-zA-Z0-9_.-]`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct TableName(String);

/// Why a text is not the name of a table or an index. The texts are DynamoDB's constraint phrases.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NameError {
    /// Fewer than 3 characters.
    #[error("Member must have length greater than or equal to {}", limits::NAME_CHARS_MIN)]
    TooShort,
    /// More than 255 characters.
    #[error("Member must have length less than or equal to {}", limits::NAME_CHARS_MAX)]
    TooLong,
    /// A character other than letters, digits, `_`, `.` and `-`.
    #[error("Member must satisfy regular expression pattern: [a-zA-Z0-9_.-]+")]
    BadCharacter,
}

/// The rules that the name of a table or index breaks, in the order in which errors list them.
pub fn name_errors(name: &str) -> impl Iterator<Item = NameError> {
    let is_allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"_.-".contains(&byte);
    let characters = (!name.bytes().all(is_allowed)).then_some(NameError::BadCharacter);
    let length = match name.chars().count() {
        ..limits::NAME_CHARS_MIN => Some(NameError::TooShort),
        limits::NAME_CHARS_MIN..=limits::NAME_CHARS_MAX => None,
        _ => Some(NameError::TooLong),
    };
    characters.into_iter().chain(length)
}

fn check_name(name: &str) -> Result<(), NameError> {
    name_errors(name).next().map_or(Ok(()), Err)
}

impl TableName {
    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for TableName {
    type Err = NameError;

    fn from_str(name: &str) -> Result<Self, NameError> {
        check_name(name)?;
        Ok(Self(name.to_owned()))
    }
}

impl TryFrom<String> for TableName {
    type Error = NameError;

    fn try_from(name: String) -> Result<Self, NameError> {
        check_name(&name)?;
        Ok(Self(name))
    }
}

impl From<TableName> for String {
    fn from(name: TableName) -> Self {
        name.0
    }
}

impl fmt::Display for TableName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Where a table is in its life (semantics 3.5).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum TableStatus {
    /// Being made; items cannot be used yet.
    Creating,
    /// In use.
    Active,
    /// In use while a setting changes.
    Updating,
    /// Being removed; items cannot be used any more.
    Deleting,
}

impl fmt::Display for TableStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Creating => "CREATING",
            Self::Active => "ACTIVE",
            Self::Updating => "UPDATING",
            Self::Deleting => "DELETING",
        })
    }
}

/// How a table's capacity is provided (semantics 3.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum BillingMode {
    /// A fixed number of units a second.
    Provisioned,
    /// As requests come.
    PayPerRequest,
}

/// Provisioned capacity, in units a second.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct ProvisionedThroughput {
    /// Read capacity units a second, at least 1.
    pub read_capacity_units: u64,
    /// Write capacity units a second, at least 1.
    pub write_capacity_units: u64,
}

/// A table's storage class. Kept and reported; storage is the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum TableClass {
    /// The default.
    Standard,
    /// For data seldom read.
    StandardInfrequentAccess,
}

/// A label on a table.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tag {
    /// 1 to 128 characters, not beginning with `aws:`.
    pub key: String,
    /// 0 to 256 characters.
    pub value: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_have_a_shape() {
        let name = |text: &str| text.parse::<TableName>().map(|name| name.to_string());
        assert_eq!(name("a.B-9_").as_deref(), Ok("a.B-9_"));
        assert_eq!(name("ab"), Err(NameError::TooShort));
        assert_eq!(name(""), Err(NameError::TooShort));
        assert_eq!(name(&"a".repeat(255)).map(|name| name.len()), Ok(255));
        assert_eq!(name(&"a".repeat(256)), Err(NameError::TooLong));
        for bad in ["a b", "abc/", "tåble", "abc\0", "a;drop"] {
            assert_eq!(name(bad), Err(NameError::BadCharacter), "{bad}");
        }
    }
}
