//! Key conditions: which items of a table or index a query walks (semantics sections 4.5 and 5.5).

mod parsed;
mod resolve;

pub use parsed::ParsedKeyCondition;
pub use resolve::{KeyConditionError, KeyQuery, SortRange};

use crate::Literal;
use std::collections::BTreeSet;
use std::sync::Arc;

/// Conditions on key attributes, all of which must hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyCondition {
    clauses: Vec<KeyClause>,
}

/// A condition on one attribute.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyClause {
    /// The attribute.
    pub attribute: Arc<str>,
    /// What must be true of its value.
    pub test: KeyTest,
}

/// What a key condition can say about a value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum KeyTest {
    /// `=`
    Eq(Literal),
    /// `<`
    Lt(Literal),
    /// `<=`
    Le(Literal),
    /// `>`
    Gt(Literal),
    /// `>=`
    Ge(Literal),
    /// `BETWEEN`, both bounds included.
    Between(Literal, Literal),
    /// `begins_with`
    BeginsWith(Literal),
    /// A test that is not a range of keys, such as `CONTAINS` of the legacy parameters. Resolving the condition refuses
    /// it, after the attributes are checked.
    NotIndexable,
}

/// Two key conditions on one attribute.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("KeyConditionExpressions must only contain one condition per key")]
pub struct RepeatedKeyError {
    /// The attribute.
    pub attribute: String,
    /// The later clause on it, counted from 0.
    pub clause: usize,
}

impl KeyCondition {
    /// A condition of these clauses.
    ///
    /// # Errors
    /// The first clause on an attribute that has one already.
    pub fn new(clauses: Vec<KeyClause>) -> Result<Self, RepeatedKeyError> {
        let mut attributes = BTreeSet::new();
        for (number, clause) in clauses.iter().enumerate() {
            if !attributes.insert(&*clause.attribute) {
                return Err(RepeatedKeyError { attribute: clause.attribute.to_string(), clause: number });
            }
        }
        Ok(Self { clauses })
    }

    /// The clauses in the order they are written.
    pub fn clauses(&self) -> &[KeyClause] {
        &self.clauses
    }

    /// The attributes the condition mentions.
    pub fn attributes(&self) -> BTreeSet<&str> {
        self.clauses.iter().map(|clause| &*clause.attribute).collect()
    }

    fn clause(&self, attribute: &str) -> Option<&KeyClause> {
        self.clauses.iter().find(|clause| *clause.attribute == *attribute)
    }
}

impl KeyTest {
    /// The values it compares with.
    pub fn values(&self) -> impl Iterator<Item = &Literal> {
        let (first, second) = match self {
            Self::Eq(value)
            | Self::Lt(value)
            | Self::Le(value)
            | Self::Gt(value)
            | Self::Ge(value)
            | Self::BeginsWith(value) => (Some(value), None),
            Self::Between(lower, upper) => (Some(lower), Some(upper)),
            Self::NotIndexable => (None, None),
        };
        first.into_iter().chain(second)
    }
}
