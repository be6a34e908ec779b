//! The wording of validation errors: one table with a row for each family of operations, and the texts of each family.
//!
//! The texts are those of AWS in October 2026. Where AWS regions differ, they are those of the newer cohort, 31 of 33
//! regions (semantics 20). The code that finds a fault gives its text and its [`Subject`]. [`OperationKind::word`] then
//! applies the row of the operation's family, in one place for both protocols. A change of AWS's wording is a change of
//! a row or of a text below.
//!
//! The sources do not say everything. Where they are silent, this module reads them as follows:
//!
//! - The faults that single-item writes put into the envelope ([`Subject::Request`]) are those found before expressions
//!   are parsed: combinations of parameters, placeholder keys, and attribute values (semantics 1.6 and 1.7). AWS's newer
//!   validation layer is known to check placeholder values, and placeholder keys are checked before those.
//! - Faults of expressions, and unused placeholders, have no envelope: all regions send texts that begin with
//!   `Invalid UpdateExpression: ` (semantics 20.4).
//! - Faults that need the table have no envelope: keys, indexes and item sizes (semantics 1.10). Item size is checked
//!   earlier here, when an item is decoded, and worded the same.
//! - Member constraints ("Value … at … failed to satisfy constraint") have the envelope in every family (semantics
//!   20.3). AWS JSON reports up to ten of them at once; gRPC reports those of the first member.

use crate::{Error, OperationKind, Validation};
use std::fmt;

/// What a validation error is about, as far as families of operations word it differently.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Subject {
    /// Anything that all families word the same.
    #[default]
    Other,
    /// Parameters or attribute values, checked before expressions are parsed.
    Request,
    /// The value of a placeholder, which is named here.
    PlaceholderValue(String),
    /// `Select`.
    Selection,
    /// An item with a missing or wrongly typed key attribute.
    ItemKey,
    /// An `ExclusiveStartKey` that does not match the key schema.
    StartKey {
        /// Whether an index is read.
        of_index: bool,
    },
}

/// The wording of a family of operations.
#[derive(Clone, Copy, Debug)]
struct Words {
    /// For [`Subject::Request`].
    request: Envelope,
    /// For [`Subject::Selection`].
    selection: Envelope,
    /// For [`Subject::PlaceholderValue`].
    placeholder_value: PlaceholderValue,
    /// The text for [`Subject::ItemKey`] in place of the fault's own.
    item_key: Option<&'static str>,
    /// For [`Subject::StartKey`].
    start_key: StartKeyDetail,
}

/// The prefix of a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Envelope {
    /// Nothing.
    Bare,
    /// `1 validation error detected: `
    Detected,
}

/// The text for a placeholder's value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum PlaceholderValue {
    /// The same as for an attribute's value.
    AsRequest,
    /// The placeholder is named.
    Named,
}

/// Which start keys' faults have a detail after the common text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum StartKeyDetail {
    Never,
    OfTables,
}

/// The default row: GetItem, BatchGetItem, Scan, transactions, tables and identities.
const PLAIN: Words = Words {
    request: Envelope::Bare,
    selection: Envelope::Bare,
    placeholder_value: PlaceholderValue::Named,
    item_key: None,
    start_key: StartKeyDetail::OfTables,
};

/// PutItem, UpdateItem and DeleteItem.
const ITEM_WRITES: Words =
    Words { request: Envelope::Detected, placeholder_value: PlaceholderValue::AsRequest, ..PLAIN };

/// Query and StreamQuery.
const QUERIES: Words = Words { selection: Envelope::Detected, start_key: StartKeyDetail::Never, ..PLAIN };

/// BatchWriteItem.
const BATCH_WRITES: Words = Words { item_key: Some(batches::KEY_OF_PUT), ..PLAIN };

fn words(operation: OperationKind) -> &'static Words {
    use OperationKind as Kind;
    match operation {
        Kind::PutItem | Kind::UpdateItem | Kind::DeleteItem => &ITEM_WRITES,
        Kind::Query | Kind::StreamQuery => &QUERIES,
        Kind::BatchWriteItem => &BATCH_WRITES,
        _ => &PLAIN,
    }
}

/// Texts of PutItem, UpdateItem and DeleteItem. Errors of values, keys, indexes and expressions have texts of their own
/// in `cairn-model` and `cairn-expression`.
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

/// The common text of start key faults.
const INVALID_START_KEY: &str = "The provided starting key is invalid";

impl OperationKind {
    /// The error with the wording of this operation's family. Applying it twice changes nothing.
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

/// The text for several faults.
pub fn detected<T: AsRef<str>>(faults: &[T]) -> String {
    let noun = if faults.len() == 1 { "error" } else { "errors" };
    let told: Vec<&str> = faults.iter().map(AsRef::as_ref).collect();
    format!("{} validation {noun} detected: {}", faults.len(), told.join("; "))
}

/// The text for a constraint that a member violates. `value` is the echoed value; `None` for an absent member.
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
