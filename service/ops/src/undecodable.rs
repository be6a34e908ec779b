//! Items in the store that do not decode. Nothing that does not is written ([`StoredItem::encode`]), so they are from an
//! older version or the work of a fault.
//!
//! Such an item can be replaced and deleted: what belongs to it, such as index entries, is found by what can be read of
//! it. Everything else that is about this item alone is refused with an error that says so. What is about many items
//! leaves it out and goes on. The log names it by the hash of its storage key.

use crate::catalog::Table;
use crate::{Error, FieldPath, Validation};
use cairn_model::{AttributeMap, Item, StoredItem, StoredItemError};
use xxhash_rust::xxh3::xxh3_64;

const MESSAGE: &str = "The stored item breaks a rule of the data model and cannot be read. Replace it with PutItem or \
                       remove it with DeleteItem, without a condition.";

/// The refusal of what needs to read such an item. It does not say what is wrong with it: that is in the log.
pub(crate) fn refusal(field: impl Into<FieldPath>) -> Validation {
    Validation::of_state(field, MESSAGE)
}

impl From<StoredItemError> for Error {
    fn from(_: StoredItemError) -> Self {
        refusal("key").into()
    }
}

/// The item for an answer to the write that replaces or deletes it.
pub(crate) fn shown(old: &StoredItem) -> Item {
    old.item().unwrap_or_else(|_| old.salvaged().into())
}

/// The records that a task or a call met and could not read.
#[derive(Default)]
pub(crate) struct Undecodable {
    count: u64,
    first: Option<(u64, StoredItemError)>,
}

impl Undecodable {
    pub(crate) fn note(&mut self, storage_key: &[u8], error: StoredItemError) {
        self.count += 1;
        self.first.get_or_insert_with(|| (xxh3_64(storage_key), error));
    }

    /// The item's attributes; what can be read of them if it does not decode.
    pub(crate) fn attributes(&mut self, storage_key: &[u8], stored: &StoredItem) -> AttributeMap {
        stored.attributes().unwrap_or_else(|error| {
            self.note(storage_key, error);
            stored.salvaged()
        })
    }

    /// Logs the undecodable items, if there were any; `what` says how they were treated.
    pub(crate) fn report(&self, table: &Table, what: &'static str) {
        if let Some((hash, error)) = &self.first {
            tracing::error!(
                table = %table.definition.name,
                count = self.count,
                first_key_hash = %format_args!("{hash:016x}"),
                error = error as &dyn std::error::Error,
                "stored items do not decode: {what}"
            );
        }
    }
}
