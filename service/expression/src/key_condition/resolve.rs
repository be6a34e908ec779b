//! What a key condition means for the keys of a table or index (semantics sections 4.5 and 5.5).

use super::{KeyClause, KeyCondition, KeyTest};
use crate::Literal;
use cairn_model::{AttributeValue, KeyAttribute, KeyError, KeyRole, KeyType, KeyValue};

/// The part of a table or index that a query walks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyQuery {
    /// The values of all partition key attributes, in the order of the schema.
    pub partition: Vec<KeyValue>,
    /// The values of the first sort key attributes, in the order of the schema.
    pub sort_prefix: Vec<KeyValue>,
    /// What must be true of the sort key attribute after those.
    pub sort_range: Option<SortRange>,
}

/// A condition on a sort key attribute other than equality.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SortRange {
    /// Below the value.
    Lt(KeyValue),
    /// At most the value.
    Le(KeyValue),
    /// Above the value.
    Gt(KeyValue),
    /// At least the value.
    Ge(KeyValue),
    /// From the first value to the second, both included; nothing if the first is the greater one.
    Between(KeyValue, KeyValue),
    /// A string or binary that begins with the value.
    BeginsWith(KeyValue),
}

/// A key condition that does not go with the keys of what is queried. Texts are DynamoDB's.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum KeyConditionError {
    /// More clauses than the key has attributes.
    #[error(
        "The number of query conditions ({conditions}) exceeds the number of key attributes defined in the schema ({key_attributes})"
    )]
    TooMany {
        /// How many clauses there are.
        conditions: usize,
        /// How many attributes the key has.
        key_attributes: usize,
    },
    /// No clause on a partition key attribute, or one on an attribute outside the key instead of one inside.
    #[error("Query condition missed key schema element: {attribute}")]
    Missed {
        /// The key attribute that should have had a clause.
        attribute: String,
    },
    /// Something else than equality on a partition key attribute, or `begins_with` on a number.
    #[error("Query key condition not supported")]
    NotSupported {
        /// The key attribute.
        attribute: String,
    },
    /// A test that is not a range of keys.
    #[error("Attempted conditional constraint is not an indexable operation")]
    NotIndexable {
        /// The key attribute.
        attribute: String,
    },
    /// A value of another type than the key attribute has.
    #[error("One or more parameter values were invalid: Condition parameter type does not match schema type")]
    TypeMismatch {
        /// The key attribute.
        attribute: String,
        /// Its type.
        expected: KeyType,
        /// The type of the value.
        actual: &'static str,
    },
    /// A key attribute without equality before one with a clause.
    #[error(
        "{role} key attributes {} must have equality conditions specified in the query because a condition is present on key attribute {present}",
        .missing.join(", ")
    )]
    Gap {
        /// `HASH` or `RANGE`.
        role: &'static str,
        /// The attributes without equality.
        missing: Vec<String>,
        /// The attribute with a clause.
        present: String,
    },
    /// A value that no key can have: empty or too large.
    #[error(transparent)]
    Value(#[from] KeyError),
}

impl KeyCondition {
    /// What the condition means for a key of these attributes: one partition key attribute and at most one for sorting
    /// in tables and most indexes, up to four of each in multi-attribute keys of global secondary indexes.
    ///
    /// # Errors
    /// Clauses that are too many, missing or in the wrong place, and then, in the order written, an operator or a
    /// value that its attribute does not have.
    pub fn resolve(
        &self,
        partition: &[KeyAttribute],
        sort: &[KeyAttribute],
    ) -> Result<KeyQuery, KeyConditionError> {
        self.check_attributes(partition, sort)?;
        for clause in &self.clauses {
            if clause.test == KeyTest::NotIndexable {
                return Err(KeyConditionError::NotIndexable { attribute: clause.attribute.to_string() });
            }
            let as_partition = partition.iter().find(|key| *key.name == *clause.attribute);
            if as_partition.is_some() && !matches!(clause.test, KeyTest::Eq(_)) {
                return Err(KeyConditionError::NotSupported { attribute: clause.attribute.to_string() });
            }
            if let Some(key) = as_partition.or_else(|| sort.iter().find(|key| *key.name == *clause.attribute))
            {
                check_types(key, &clause.test)?;
            }
        }
        self.check_gaps(sort)?;
        let partition = partition
            .iter()
            .filter_map(|key| Some((key, self.equal_to(key)?)))
            .map(|(key, value)| Ok(key.key_value(KeyRole::Partition, value)?))
            .collect::<Result<Vec<_>, KeyConditionError>>()?;
        let mut sort_prefix = Vec::new();
        let mut sort_range = None;
        for key in sort {
            match self.clause(&key.name).map(|clause| &clause.test) {
                None => break,
                Some(KeyTest::Eq(value)) => sort_prefix.push(key.key_value(KeyRole::Sort, value)?),
                Some(test) => {
                    sort_range = range(key, test)?;
                    break;
                }
            }
        }
        Ok(KeyQuery { partition, sort_prefix, sort_range })
    }

    /// The value that the condition says a key attribute equals.
    fn equal_to(&self, key: &KeyAttribute) -> Option<&Literal> {
        match &self.clause(&key.name)?.test {
            KeyTest::Eq(value) => Some(value),
            _ => None,
        }
    }

    /// Checks that the clauses are on attributes of the key, and on every partition key attribute.
    fn check_attributes(
        &self,
        partition: &[KeyAttribute],
        sort: &[KeyAttribute],
    ) -> Result<(), KeyConditionError> {
        let key_attributes = partition.len() + sort.len();
        if self.clauses.len() > key_attributes {
            return Err(KeyConditionError::TooMany { conditions: self.clauses.len(), key_attributes });
        }
        let without_clause = |keys: &[KeyAttribute]| -> Vec<String> {
            let without = keys.iter().filter(|key| self.clause(&key.name).is_none());
            without.map(|key| key.name.clone()).collect()
        };
        let missing = without_clause(partition);
        if let Some(first) = missing.first() {
            // A key of several attributes is told by its own message once part of it is there.
            let mentioned = |clause: &&KeyClause| partition.iter().any(|key| *key.name == *clause.attribute);
            return Err(match self.clauses.iter().find(mentioned) {
                Some(clause) => {
                    KeyConditionError::Gap { role: "HASH", present: clause.attribute.to_string(), missing }
                }
                None => KeyConditionError::Missed { attribute: first.clone() },
            });
        }
        let is_key =
            |clause: &KeyClause| partition.iter().chain(sort).any(|key| *key.name == *clause.attribute);
        if !self.clauses.iter().all(is_key)
            && let Some(attribute) = without_clause(sort).into_iter().next()
        {
            return Err(KeyConditionError::Missed { attribute });
        }
        Ok(())
    }

    /// Checks that every sort key attribute before one with a clause has an equality.
    fn check_gaps(&self, sort: &[KeyAttribute]) -> Result<(), KeyConditionError> {
        let Some(last) = sort.iter().rposition(|key| self.clause(&key.name).is_some()) else { return Ok(()) };
        let (before, from) = sort.split_at_checked(last).unwrap_or((sort, &[]));
        let missing: Vec<String> =
            before.iter().filter(|key| self.equal_to(key).is_none()).map(|key| key.name.clone()).collect();
        match from.first() {
            Some(key) if !missing.is_empty() => {
                Err(KeyConditionError::Gap { role: "RANGE", missing, present: key.name.clone() })
            }
            _ => Ok(()),
        }
    }
}

fn check_types(key: &KeyAttribute, test: &KeyTest) -> Result<(), KeyConditionError> {
    for value in test.values() {
        let is_typed = match key.key_type {
            KeyType::S => matches!(**value, AttributeValue::S(_)),
            KeyType::N => matches!(**value, AttributeValue::N(_)),
            KeyType::B => matches!(**value, AttributeValue::B(_)),
        };
        if !is_typed {
            return Err(KeyConditionError::TypeMismatch {
                attribute: key.name.clone(),
                expected: key.key_type,
                actual: value.type_name(),
            });
        }
    }
    if matches!(test, KeyTest::BeginsWith(_)) && key.key_type == KeyType::N {
        return Err(KeyConditionError::NotSupported { attribute: key.name.clone() });
    }
    Ok(())
}

/// A test other than equality as a range.
fn range(key: &KeyAttribute, test: &KeyTest) -> Result<Option<SortRange>, KeyError> {
    let value = |value: &Literal| key.key_value(KeyRole::Sort, value);
    Ok(Some(match test {
        // `NotIndexable` is refused before this.
        KeyTest::Eq(_) | KeyTest::NotIndexable => return Ok(None),
        KeyTest::Lt(bound) => SortRange::Lt(value(bound)?),
        KeyTest::Le(bound) => SortRange::Le(value(bound)?),
        KeyTest::Gt(bound) => SortRange::Gt(value(bound)?),
        KeyTest::Ge(bound) => SortRange::Ge(value(bound)?),
        KeyTest::Between(lower, upper) => SortRange::Between(value(lower)?, value(upper)?),
        KeyTest::BeginsWith(prefix) => SortRange::BeginsWith(value(prefix)?),
    }))
}
