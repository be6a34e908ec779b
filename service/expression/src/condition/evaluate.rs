//! One test of a condition, and its truth for an item (semantics section 5.4, run-time semantics).

use crate::ast::Comparator;
use crate::{DocumentPath, Literal};
use cairn_model::{AttributeMap, AttributeValue, Number};
use std::borrow::Cow;
use std::cmp::Ordering;

/// What a test looks at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Operand {
    /// The value at a path.
    Path(DocumentPath),
    /// A constant.
    Literal(Literal),
    /// The size of the value at a path: UTF-16 code units of a string, bytes of a binary, members of a set, list or map.
    Size(DocumentPath),
}

/// A test without `AND`, `OR` and `NOT`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Test {
    /// `left <comparator> right`
    Compare {
        /// The left operand.
        left: Operand,
        /// How they are compared.
        comparator: Comparator,
        /// The right operand.
        right: Operand,
    },
    /// `operand BETWEEN lower AND upper`, both included.
    Between {
        /// What is compared.
        operand: Operand,
        /// The lower bound.
        lower: Operand,
        /// The upper bound.
        upper: Operand,
    },
    /// `operand IN (alternatives)`
    In {
        /// What is compared.
        operand: Operand,
        /// What it may equal.
        alternatives: Vec<Operand>,
    },
    /// `attribute_exists(path)`
    Exists(DocumentPath),
    /// `attribute_not_exists(path)`
    NotExists(DocumentPath),
    /// `attribute_type(operand, type)`
    HasType(Operand, AttributeType),
    /// `begins_with(operand, prefix)`
    BeginsWith {
        /// The whole.
        operand: Operand,
        /// What it begins with.
        prefix: Operand,
    },
    /// `contains(container, part)`
    Contains {
        /// The whole.
        container: Operand,
        /// What it contains: a substring, a byte sequence, a member or an element.
        part: Operand,
    },
}

/// The types `attribute_type` knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum AttributeType {
    /// String.
    S,
    /// Number.
    N,
    /// Binary.
    B,
    /// Boolean.
    Bool,
    /// Null.
    Null,
    /// List.
    L,
    /// Map.
    M,
    /// String set.
    Ss,
    /// Number set.
    Ns,
    /// Binary set.
    Bs,
}

/// What an operand comes to for an item.
enum Found<'i> {
    Value(Cow<'i, AttributeValue>),
    /// The path leads nowhere.
    Missing,
    /// The size of what has none, or is missing. No comparison with it holds, not even `<>`.
    Undefined,
}

impl<'i> Found<'i> {
    fn value(self) -> Option<Cow<'i, AttributeValue>> {
        match self {
            Self::Value(value) => Some(value),
            Self::Missing | Self::Undefined => None,
        }
    }
}

impl AttributeType {
    const ALL: [Self; 10] =
        [Self::S, Self::N, Self::B, Self::Bool, Self::Null, Self::L, Self::M, Self::Ss, Self::Ns, Self::Bs];

    /// The type by its short name, in upper case.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|attribute_type| attribute_type.name() == name)
    }

    /// The short name, as [`AttributeValue::type_name`] gives it.
    pub fn name(self) -> &'static str {
        match self {
            Self::S => "S",
            Self::N => "N",
            Self::B => "B",
            Self::Bool => "BOOL",
            Self::Null => "NULL",
            Self::L => "L",
            Self::M => "M",
            Self::Ss => "SS",
            Self::Ns => "NS",
            Self::Bs => "BS",
        }
    }
}

/// What `size` gives for a value. A string counts its UTF-16 code units, unlike its size in an item.
pub(crate) fn size_of_value(value: &AttributeValue) -> Option<Number> {
    let size = match value {
        AttributeValue::S(text) => text.encode_utf16().count(),
        AttributeValue::B(bytes) => bytes.len(),
        AttributeValue::Ss(members) => members.len(),
        AttributeValue::Ns(members) => members.len(),
        AttributeValue::Bs(members) => members.len(),
        AttributeValue::L(elements) => elements.len(),
        AttributeValue::M(members) => members.len(),
        AttributeValue::N(_) | AttributeValue::Bool(_) | AttributeValue::Null => return None,
    };
    Some(Number::from(size as u64))
}

/// The order of two values, which only strings, numbers and binary of one type have.
pub(crate) fn order(left: &AttributeValue, right: &AttributeValue) -> Option<Ordering> {
    match (left, right) {
        (AttributeValue::S(left), AttributeValue::S(right)) => Some(left.cmp(right)),
        (AttributeValue::N(left), AttributeValue::N(right)) => Some(left.cmp(right)),
        (AttributeValue::B(left), AttributeValue::B(right)) => Some(left.cmp(right)),
        _ => None,
    }
}

fn begins_with(whole: &AttributeValue, prefix: &AttributeValue) -> bool {
    match (whole, prefix) {
        (AttributeValue::S(whole), AttributeValue::S(prefix)) => whole.starts_with(prefix.as_str()),
        (AttributeValue::B(whole), AttributeValue::B(prefix)) => whole.starts_with(prefix),
        _ => false,
    }
}

fn contains(container: &AttributeValue, part: &AttributeValue) -> bool {
    match (container, part) {
        (AttributeValue::S(whole), AttributeValue::S(part)) => whole.contains(part.as_str()),
        // A search that is linear whatever the bytes are.
        (AttributeValue::B(whole), AttributeValue::B(part)) => memchr::memmem::find(whole, part).is_some(),
        (AttributeValue::Ss(members), AttributeValue::S(part)) => members.contains(part),
        (AttributeValue::Ns(members), AttributeValue::N(part)) => members.contains(part),
        (AttributeValue::Bs(members), AttributeValue::B(part)) => members.contains(part),
        (AttributeValue::L(elements), part) => elements.contains(part),
        _ => false,
    }
}

impl Operand {
    fn find<'i>(&'i self, item: &'i AttributeMap) -> Found<'i> {
        match self {
            Self::Literal(value) => Found::Value(Cow::Borrowed(value)),
            Self::Path(path) => {
                path.get(item).map_or(Found::Missing, |value| Found::Value(Cow::Borrowed(value)))
            }
            Self::Size(path) => path
                .get(item)
                .and_then(size_of_value)
                .map_or(Found::Undefined, |size| Found::Value(Cow::Owned(AttributeValue::N(size)))),
        }
    }

    fn value<'i>(&'i self, item: &'i AttributeMap) -> Option<Cow<'i, AttributeValue>> {
        self.find(item).value()
    }

    /// The path the operand looks at.
    pub(crate) fn path(&self) -> Option<&DocumentPath> {
        match self {
            Self::Path(path) | Self::Size(path) => Some(path),
            Self::Literal(_) => None,
        }
    }
}

impl Test {
    /// Whether the test holds for an item.
    pub(crate) fn holds(&self, item: &AttributeMap) -> bool {
        // Both operands found, and related.
        let both =
            |left: &Operand, right: &Operand, related: fn(&AttributeValue, &AttributeValue) -> bool| {
                left.value(item).zip(right.value(item)).is_some_and(|(left, right)| related(&left, &right))
            };
        match self {
            Self::Compare { left, comparator, right } => match (left.find(item), right.find(item)) {
                (Found::Undefined, _) | (_, Found::Undefined) => false,
                // What is missing equals nothing, not even what is missing too.
                (Found::Missing, _) | (_, Found::Missing) => *comparator == Comparator::Ne,
                (Found::Value(left), Found::Value(right)) => match comparator {
                    Comparator::Eq => left == right,
                    Comparator::Ne => left != right,
                    ordering => order(&left, &right).is_some_and(|found| ordering.accepts(found)),
                },
            },
            Self::Between { operand, lower, upper } => {
                both(lower, operand, |lower, value| order(lower, value).is_some_and(Ordering::is_le))
                    && both(operand, upper, |value, upper| order(value, upper).is_some_and(Ordering::is_le))
            }
            Self::In { operand, alternatives } => operand.value(item).is_some_and(|value| {
                alternatives
                    .iter()
                    .any(|alternative| alternative.value(item).is_some_and(|found| found == value))
            }),
            Self::Exists(path) => path.get(item).is_some(),
            Self::NotExists(path) => path.get(item).is_none(),
            Self::HasType(operand, attribute_type) => {
                operand.value(item).is_some_and(|value| value.type_name() == attribute_type.name())
            }
            Self::BeginsWith { operand, prefix } => both(operand, prefix, begins_with),
            Self::Contains { container, part } => both(container, part, contains),
        }
    }

    fn operands(&self) -> Vec<&Operand> {
        match self {
            Self::Compare { left, right, .. } => vec![left, right],
            Self::Between { operand, lower, upper } => vec![operand, lower, upper],
            Self::In { operand, alternatives } => std::iter::once(operand).chain(alternatives).collect(),
            Self::Exists(_) | Self::NotExists(_) => Vec::new(),
            Self::HasType(operand, _) => vec![operand],
            Self::BeginsWith { operand, prefix } => vec![operand, prefix],
            Self::Contains { container, part } => vec![container, part],
        }
    }

    /// The paths the test looks at.
    pub(crate) fn paths(&self) -> impl Iterator<Item = &DocumentPath> {
        let own = match self {
            Self::Exists(path) | Self::NotExists(path) => Some(path),
            _ => None,
        };
        own.into_iter().chain(self.operands().into_iter().filter_map(Operand::path))
    }
}
