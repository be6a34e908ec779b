//! `AttributeValue`: one value of an item, its rules and its size (semantics 2.1–2.8).

use crate::{Echo, Number, NumberError, PathSegment, ValuePath, limits};
use bytes::Bytes;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

/// Attributes by name: an item, or the members of a map value.
pub type AttributeMap = BTreeMap<String, AttributeValue>;

/// One value. Sets hold no duplicates by their type; that they are not empty, and how deep values nest, is checked
/// where values come in (decoding) and where they are changed (update expressions).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AttributeValue {
    /// A string.
    S(String),
    /// A number.
    N(Number),
    /// Binary.
    B(Bytes),
    /// A boolean.
    Bool(bool),
    /// Null: there, and nothing.
    Null,
    /// A list of any values.
    L(Vec<AttributeValue>),
    /// A map of any values.
    M(AttributeMap),
    /// A set of strings.
    Ss(BTreeSet<String>),
    /// A set of numbers, equal by value.
    Ns(BTreeSet<Number>),
    /// A set of binaries.
    Bs(BTreeSet<Bytes>),
}

/// The three kinds of set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SetKind {
    /// SS.
    String,
    /// NS.
    Number,
    /// BS.
    Binary,
}

impl SetKind {
    /// The members as the error about duplicates lists them, up to its next word. Empty for numbers.
    pub(crate) fn shown<'m>(self, members: impl Iterator<Item = &'m [u8]>) -> String {
        match self {
            Self::Number => String::new(),
            Self::String => {
                let member = |echo: &mut Echo, member| echo.text(&String::from_utf8_lossy(member));
                format!("{} ", Echo::of(|echo| echo.list(members, member)))
            }
            // DynamoDB's text has no space here.
            Self::Binary => format!("{}of type BS ", Echo::of(|echo| echo.list(members, Echo::binary))),
        }
    }
}

/// A value that breaks a rule of the data model, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ValueError {
    /// Which rule.
    pub kind: ValueErrorKind,
    /// Where, from the top of the item or value.
    pub path: ValuePath,
}

/// Which rule of the data model a value breaks. The texts are DynamoDB's.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ValueErrorKind {
    /// None of the ten alternatives is set.
    #[error("Supplied AttributeValue is empty, must contain exactly one of the supported datatypes")]
    Empty,
    /// More than one of the ten alternatives is set. (A protobuf `oneof` cannot say this; JSON can.)
    #[error(
        "Supplied AttributeValue has more than one datatypes set, must contain exactly one of the supported datatypes"
    )]
    SeveralTypes,
    /// `NULL` with a value other than true.
    #[error(
        "One or more parameter values were invalid: Null attribute value types must have the value of true"
    )]
    FalseNull,
    /// Text that is not a number Cairn can hold.
    #[error(transparent)]
    Number(#[from] NumberError),
    /// A set without members.
    #[error("{}", match .0 {
        SetKind::String => "One or more parameter values were invalid: An string set  may not be empty",
        SetKind::Number => "One or more parameter values were invalid: An number set  may not be empty",
        SetKind::Binary => "One or more parameter values were invalid: Binary sets should not be empty",
    })]
    EmptySet(SetKind),
    /// A set with one member twice.
    #[error("{}", match .kind {
        SetKind::Number => "Input collection contains duplicates".to_owned(),
        SetKind::String | SetKind::Binary => {
            format!("One or more parameter values were invalid: Input collection {shown}contains duplicates.")
        }
    })]
    DuplicateInSet {
        /// Which kind of set.
        kind: SetKind,
        /// The members as DynamoDB repeats them (`[a, a] `), bounded; nothing of numbers.
        shown: String,
    },
    /// Values nested more than 32 levels deep.
    #[error(
        "Nesting Levels have exceeded supported limits: Attributes in the item have nested levels beyond supported limit"
    )]
    TooDeep,
    /// An attribute without a name.
    #[error("One or more parameter values were invalid: Empty attribute name")]
    EmptyName,
    /// A name of more than 65,535 bytes.
    #[error(
        "One or more parameter values were invalid: Attribute name is too large, must be less than 65536 bytes"
    )]
    NameTooLong,
    /// The names and values together pass the limit they were given.
    #[error("Item size has exceeded the maximum allowed size")]
    TooLarge,
    /// The bytes are not an encoding of a value: cut short, or text that is not UTF-8.
    #[error("The value is not a valid protobuf encoding: {0}")]
    Malformed(&'static str),
}

impl ValueErrorKind {
    /// The rule in words for a log: unlike the message, without anything of the value.
    pub fn rule(&self) -> &'static str {
        match self {
            Self::Empty => "a value without a type",
            Self::SeveralTypes => "a value with several types",
            Self::FalseNull => "a null that is not true",
            Self::Number(_) => "a number that is none",
            Self::EmptySet(_) => "an empty set",
            Self::DuplicateInSet { .. } => "a set with duplicates",
            Self::TooDeep => "values nested too deep",
            Self::EmptyName => "an empty attribute name",
            Self::NameTooLong => "an attribute name that is too long",
            Self::TooLarge => "a size beyond that of an item",
            Self::Malformed(what) => what,
        }
    }
}

impl ValueError {
    /// The error, one level further out. Being too large is a fault of the whole and not of the member that happened
    /// to come last.
    #[must_use]
    pub fn within(self, segment: impl FnOnce() -> PathSegment) -> Self {
        if self.kind == ValueErrorKind::TooLarge {
            return self;
        }
        Self { kind: self.kind, path: self.path.within(segment()) }
    }
}

impl<K: Into<ValueErrorKind>> From<K> for ValueError {
    fn from(kind: K) -> Self {
        Self { kind: kind.into(), path: ValuePath::default() }
    }
}

impl fmt::Display for ValueError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.kind.fmt(f)
    }
}

impl std::error::Error for ValueError {}

/// The members of a set, if they can be one: there are some, and none is there twice.
fn set<T: Ord>(
    kind: SetKind,
    members: Vec<T>,
    shown: impl FnOnce(&[T]) -> String,
) -> Result<BTreeSet<T>, ValueErrorKind> {
    if members.is_empty() {
        return Err(ValueErrorKind::EmptySet(kind));
    }
    let mut references: Vec<&T> = members.iter().collect();
    references.sort_unstable();
    if references.is_sorted_by(|left, right| left < right) {
        return Ok(members.into_iter().collect());
    }
    Err(ValueErrorKind::DuplicateInSet { kind, shown: shown(&members) })
}

impl AttributeValue {
    /// A string set of these members.
    ///
    /// # Errors
    /// There are none, or one is there twice.
    pub fn string_set(members: Vec<String>) -> Result<Self, ValueErrorKind> {
        let shown = |members: &[String]| SetKind::String.shown(members.iter().map(String::as_bytes));
        set(SetKind::String, members, shown).map(Self::Ss)
    }

    /// A number set of these members.
    ///
    /// # Errors
    /// There are none, or one is there twice by its value.
    pub fn number_set(members: Vec<Number>) -> Result<Self, ValueErrorKind> {
        set(SetKind::Number, members, |_| SetKind::Number.shown(std::iter::empty())).map(Self::Ns)
    }

    /// A binary set of these members.
    ///
    /// # Errors
    /// There are none, or one is there twice.
    pub fn binary_set(members: Vec<Bytes>) -> Result<Self, ValueErrorKind> {
        let shown = |members: &[Bytes]| SetKind::Binary.shown(members.iter().map(|member| &member[..]));
        set(SetKind::Binary, members, shown).map(Self::Bs)
    }

    /// The type's short name as in `attribute_type` and in messages: `S`, `N`, `B`, `BOOL`, `NULL`, `L`, `M`, `SS`,
    /// `NS` or `BS`.
    pub fn type_name(&self) -> &'static str {
        match self {
            Self::S(_) => "S",
            Self::N(_) => "N",
            Self::B(_) => "B",
            Self::Bool(_) => "BOOL",
            Self::Null => "NULL",
            Self::L(_) => "L",
            Self::M(_) => "M",
            Self::Ss(_) => "SS",
            Self::Ns(_) => "NS",
            Self::Bs(_) => "BS",
        }
    }

    /// The bytes DynamoDB counts for the value (semantics 2.8): text as UTF-8, a map or list 3 and 1 for each member.
    pub fn size(&self) -> usize {
        match self {
            Self::S(text) => text.len(),
            Self::N(number) => number.size(),
            Self::B(bytes) => bytes.len(),
            Self::Bool(_) | Self::Null => 1,
            Self::Ss(members) => members.iter().map(String::len).sum(),
            Self::Ns(members) => members.iter().map(Number::size).sum(),
            Self::Bs(members) => members.iter().map(Bytes::len).sum(),
            Self::L(elements) => 3 + elements.iter().map(|element| 1 + element.size()).sum::<usize>(),
            Self::M(members) => 3 + members.len() + item_size(members),
        }
    }

    /// How many levels the value spans: 1 for a scalar or set, one more for each container around the deepest.
    pub fn depth(&self) -> usize {
        match self {
            Self::L(elements) => 1 + elements.iter().map(Self::depth).max().unwrap_or(0),
            Self::M(members) => 1 + members.values().map(Self::depth).max().unwrap_or(0),
            _ => 1,
        }
    }
}

/// The bytes DynamoDB counts for an item: its names and its values (semantics 2.8).
pub fn item_size(attributes: &AttributeMap) -> usize {
    attributes.iter().map(|(name, value)| name.len() + value.size()).sum()
}

/// Checks an attribute or map member name: 1 to 65,535 bytes.
///
/// # Errors
/// It is empty or too long.
pub fn check_attribute_name(name: &str) -> Result<(), ValueErrorKind> {
    match name.len() {
        0 => Err(ValueErrorKind::EmptyName),
        1..=limits::ATTRIBUTE_NAME_BYTES_MAX => Ok(()),
        _ => Err(ValueErrorKind::NameTooLong),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn item(attributes: &[(&str, AttributeValue)]) -> AttributeMap {
        attributes.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect()
    }

    #[test]
    fn an_item_counts_its_names_and_values() {
        // The documentation's worked example.
        let shirt = item(&[
            ("shirt-color", AttributeValue::S("R".into())),
            ("shirt-size", AttributeValue::S("M".into())),
        ]);
        assert_eq!(item_size(&shirt), 23);
        assert_eq!(item_size(&AttributeMap::new()), 0);
    }

    #[test]
    fn every_type_counts_as_measured() {
        let number = |text: &str| AttributeValue::N(text.parse().unwrap());
        for (value, size) in [
            (AttributeValue::S("héllo".into()), 6),
            (AttributeValue::S(String::new()), 0),
            (number("-42"), 3),
            (AttributeValue::B(Bytes::from_static(b"\0\x01\x02")), 3),
            (AttributeValue::Bool(false), 1),
            (AttributeValue::Null, 1),
            (AttributeValue::L(vec![]), 3),
            (AttributeValue::L(vec![AttributeValue::Null, AttributeValue::S("ab".into())]), 3 + 2 + 3),
            (AttributeValue::M(AttributeMap::new()), 3),
            (AttributeValue::M(item(&[("k", AttributeValue::S("ab".into()))])), 3 + 1 + 1 + 2),
            (AttributeValue::Ss(["a".to_owned(), "bc".to_owned()].into()), 3),
            (AttributeValue::Ns(["1".parse().unwrap(), "123".parse().unwrap()].into()), 5),
            (AttributeValue::Bs([Bytes::from_static(b"abc")].into()), 3),
        ] {
            assert_eq!(value.size(), size, "{value:?}");
        }
    }
}
