//! The words of refusals in which operations differ: one table, a row for each family of operations.
//!
//! The words are those of AWS in October 2026, where regions do not agree those of 31 of the 33 (semantics 20). A refusal
//! says what it is about ([`Subject`]) and has its fault's own text, which is made where the fault is; it gets the words
//! of its operation's family on the way out ([`OperationKind::word`]), and both protocols send what that made of it.
//! When AWS changes the words of a family, the change is one of the rows below.
//!
//! What the sources leave open, and how it is read here:
//!
//! - *A request by itself*, whose faults a write of one item has in an envelope, is what is checked of a request before
//!   its expressions are read: parameters that do not go together, the names of placeholders, and values that break a
//!   rule of the data model (semantics 1.6 and 1.7). The same newer layer is known to check values of placeholders, and
//!   their names come before them.
//! - Faults of expressions, and placeholders that none of them mentions, have no envelope: `Invalid UpdateExpression: ` is
//!   recorded as how the text begins in all regions (semantics 20.4).
//! - What needs the table has no envelope, whatever the operation: keys, indexes, and the size of an item, which is
//!   checked with them (semantics 1.10). That is checked here as soon as an item is decoded, and worded as it is there.
//! - Constraints on members ("Value … at … failed to satisfy constraint") have the envelope in every family (semantics
//!   20.3), and all that a request breaks are told, at most ten.

use crate::{Error, OperationKind, Validation};
use std::fmt;

/// What a refusal is about, as far as families of operations word it differently.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Subject {
    /// Something that is worded alike everywhere.
    #[default]
    Other,
    /// The request by itself: see above.
    Request,
    /// The value of this placeholder.
    PlaceholderValue(String),
    /// What `Select` selects.
    Selection,
    /// An item that lacks an attribute of its table's key, or has one of another type.
    ItemKey,
    /// A start key that is not one of what is read.
    StartKey {
        /// Whether an index is read.
        of_index: bool,
    },
}

/// The words of a family of operations.
#[derive(Clone, Copy, Debug)]
struct Words {
    /// Around faults of a request by itself.
    request: Envelope,
    /// Around faults of `Select`.
    selection: Envelope,
    /// How the value of a placeholder is told to break a rule.
    placeholder_value: PlaceholderValue,
    /// What is said of an item to put that has not the table's key; its own text if nothing is.
    item_key: Option<&'static str>,
    /// Whether it is told what about a start key is wrong.
    start_key: StartKeyDetail,
}

/// What is around a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Envelope {
    /// Nothing.
    Bare,
    /// `1 validation error detected: ` before it.
    Detected,
}

/// How the value of a placeholder is told to break a rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum PlaceholderValue {
    /// As that of an attribute is.
    AsRequest,
    /// With the name of the placeholder.
    Named,
}

/// Of which start keys it is told what is wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum StartKeyDetail {
    Never,
    OfTables,
}

/// What families have in common that say nothing in a way of their own.
const PLAIN: Words = Words {
    request: Envelope::Bare,
    selection: Envelope::Bare,
    placeholder_value: PlaceholderValue::Named,
    item_key: None,
    start_key: StartKeyDetail::OfTables,
};

/// PutItem, UpdateItem, DeleteItem.
const ITEM_WRITES: Words =
    Words { request: Envelope::Detected, placeholder_value: PlaceholderValue::AsRequest, ..PLAIN };

/// Query and its stream.
const QUERIES: Words = Words { selection: Envelope::Detected, start_key: StartKeyDetail::Never, ..PLAIN };

/// BatchWriteItem.
const BATCH_WRITES: Words = Words { item_key: Some(batches::KEY_OF_PUT), ..PLAIN };

fn words(operation: OperationKind) -> &'static Words {
    use OperationKind as Kind;
    match operation {
        Kind::PutItem | Kind::UpdateItem | Kind::DeleteItem => &ITEM_WRITES,
        Kind::Query | Kind::StreamQuery => &QUERIES,
        Kind::BatchWriteItem => &BATCH_WRITES,
        // GetItem, BatchGetItem, Scan and its stream, transactions; tables and identities have none of these faults.
        _ => &PLAIN,
    }
}

/// Texts of writes of one item, beside those of the typed errors of values, keys, indexes and expressions.
pub(crate) mod item_writes {
    use cairn_model::KeyType;

    pub(crate) const RETURN_VALUES: &str = "ReturnValues can only be ALL_OLD or NONE";
    pub(crate) const INDEX_KEY_TYPE: &str =
        "The update expression attempted to update the secondary index key to unsupported type";

    pub(crate) fn empty_index_key(key_type: KeyType) -> String {
        format!(
            "One or more parameter values are not valid. The update expression attempted to update a secondary index \
             key to a value that is not supported. The AttributeValue for a key attribute cannot contain an empty {} \
             value.",
            if key_type == KeyType::B { "binary" } else { "string" }
        )
    }
}

/// Texts of queries and scans.
pub(crate) mod reads {
    use crate::Select;

    pub(crate) const NO_KEY_CONDITION: &str =
        "Either the KeyConditions or KeyConditionExpression parameter must be specified in the request.";
    pub(crate) const NO_PROJECTION: &str =
        "Must specify the AttributesToGet or ProjectionExpression when choosing to get SPECIFIC_ATTRIBUTES";
    pub(crate) const PROJECTED_OF_TABLE: &str =
        "ALL_PROJECTED_ATTRIBUTES can be used only when Querying using an IndexName";
    pub(crate) const START_KEY_SCHEMA: &str = "The provided key element does not match the schema";
    pub(crate) const START_KEY_OF_OTHER_PARTITION: &str =
        "The provided starting key is outside query boundaries based on provided conditions";
    pub(crate) const START_KEY_OUT_OF_RANGE: &str =
        "The provided starting key does not match the range key predicate";
    pub(crate) const START_KEY_OF_OTHER_SEGMENT: &str = "The provided starting key is invalid: Invalid \
        ExclusiveStartKey. Please use ExclusiveStartKey with correct Segment.";
    pub(crate) const NO_TOTAL_SEGMENTS: &str = "The TotalSegments parameter is required but was not present in the \
        request when Segment parameter is present";
    pub(crate) const NO_SEGMENT: &str = "The Segment parameter is required but was not present in the request when \
        parameter TotalSegments is present";

    pub(crate) fn projection_beside(select: Select, projection: &str) -> String {
        let selected = match select {
            Select::Count => "only the Count",
            other => other.name(),
        };
        format!("Cannot specify the {projection} when choosing to get {selected}")
    }

    pub(crate) fn segment_out_of_range(segment: u32, total: u32) -> String {
        format!(
            "The Segment parameter is zero-based and must be less than parameter TotalSegments: Segment: {segment} is \
             not less than TotalSegments: {total}"
        )
    }
}

/// Texts of batches.
pub(crate) mod batches {
    pub(crate) const NO_GETS: &str = "The requestItems parameter is required for BatchGetItem";
    pub(crate) const NO_WRITES: &str = "The requestItems parameter is required for BatchWriteItem";
    pub(crate) const TOO_MANY_GETS: &str = "Too many items requested for the BatchGetItem call";
    pub(crate) const TOO_MANY_WRITES: &str = "Too many items requested for the BatchWriteItem call";
    pub(crate) const DUPLICATE_KEYS: &str = "Provided list of item keys contains duplicates";
    pub(crate) const KEY_OF_PUT: &str = "The provided key element does not match the schema";
}

/// Texts of transactions.
pub(crate) mod transactions {
    pub(crate) const SAME_ITEM: &str = "Transaction request cannot include multiple operations on one item";
    pub(crate) const TOO_LARGE: &str = "The aggregate size of the items in the transaction exceeded 4 MB";
}

/// What is said of a start key in any case.
const INVALID_START_KEY: &str = "The provided starting key is invalid";

impl OperationKind {
    /// The error in the words of the operation's family. An error that has them stays as it is.
    #[must_use]
    pub fn word(self, error: Error) -> Error {
        match error {
            Error::Validation(validation) => Error::Validation(words(self).of(validation)),
            error => error,
        }
    }
}

impl Words {
    fn of(&self, mut validation: Validation) -> Validation {
        let text = &validation.message;
        let worded = match &validation.subject {
            Subject::Other => return validation,
            Subject::Request => self.request.around(text),
            Subject::Selection => self.selection.around(text),
            Subject::PlaceholderValue(placeholder) => match self.placeholder_value {
                PlaceholderValue::AsRequest => self.request.around(text),
                PlaceholderValue::Named => {
                    format!("ExpressionAttributeValues contains invalid value: {text} for key {placeholder}")
                }
            },
            Subject::ItemKey => self.item_key.unwrap_or(text).to_owned(),
            Subject::StartKey { of_index } => match self.start_key {
                StartKeyDetail::OfTables if !of_index => format!("{INVALID_START_KEY}: {text}"),
                StartKeyDetail::OfTables | StartKeyDetail::Never => INVALID_START_KEY.to_owned(),
            },
        };
        validation.message = worded;
        validation.subject = Subject::Other;
        validation
    }
}

impl Envelope {
    fn around(self, text: &str) -> String {
        match self {
            Self::Bare => text.to_owned(),
            Self::Detected => detected(&[text]),
        }
    }
}

/// Several faults as one text.
pub fn detected<T: AsRef<str>>(faults: &[T]) -> String {
    let noun = if faults.len() == 1 { "error" } else { "errors" };
    let told: Vec<&str> = faults.iter().map(AsRef::as_ref).collect();
    format!("{} validation {noun} detected: {}", faults.len(), told.join("; "))
}

/// A constraint that a member breaks. `value` is the echo of what it is, none if it is not there.
pub fn broken_constraint(
    member: impl fmt::Display,
    value: Option<&str>,
    constraint: impl fmt::Display,
) -> String {
    let value = value.map_or_else(|| "null".to_owned(), |value| format!("'{value}'"));
    format!("Value {value} at '{member}' failed to satisfy constraint: {constraint}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn worded(operation: OperationKind, subject: Subject) -> String {
        let validation = Validation { subject, ..Validation::new("field", "text") };
        let once = operation.word(validation.into());
        let text = once.to_string();
        assert_eq!(operation.word(once).to_string(), text, "worded twice");
        text
    }

    #[test]
    fn families_word_what_they_differ_in() {
        use OperationKind as Kind;
        let value = || Subject::PlaceholderValue(":v".into());
        for writes in [Kind::PutItem, Kind::UpdateItem, Kind::DeleteItem] {
            assert_eq!(worded(writes, Subject::Request), "1 validation error detected: text");
            assert_eq!(worded(writes, value()), "1 validation error detected: text");
            assert_eq!(worded(writes, Subject::ItemKey), "text");
            assert_eq!(worded(writes, Subject::Other), "text");
        }
        for others in [Kind::GetItem, Kind::BatchGetItem, Kind::Query, Kind::Scan, Kind::TransactWriteItems] {
            assert_eq!(worded(others, Subject::Request), "text");
            assert_eq!(
                worded(others, value()),
                "ExpressionAttributeValues contains invalid value: text for key :v"
            );
        }
        assert_eq!(worded(Kind::StreamQuery, Subject::Selection), "1 validation error detected: text");
        assert_eq!(worded(Kind::Scan, Subject::Selection), "text");
        let key = worded(Kind::BatchWriteItem, Subject::ItemKey);
        assert_eq!(key, "The provided key element does not match the schema");
        let start_key = |operation, of_index| worded(operation, Subject::StartKey { of_index });
        assert_eq!(start_key(Kind::Scan, false), "The provided starting key is invalid: text");
        for (operation, of_index) in [(Kind::Scan, true), (Kind::Query, false), (Kind::Query, true)] {
            assert_eq!(start_key(operation, of_index), "The provided starting key is invalid");
        }
    }

    #[test]
    fn several_faults_are_counted() {
        let null = broken_constraint("item", None, "Member must not be null");
        let short = broken_constraint("a", Some(""), "Member must have length greater than or equal to 1");
        assert_eq!(
            detected(&[short, null]),
            "2 validation errors detected: Value '' at 'a' failed to satisfy constraint: Member must have length \
             greater than or equal to 1; Value null at 'item' failed to satisfy constraint: Member must not be null"
        );
    }
}
