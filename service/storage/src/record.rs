//! Where a record lives: its space, its key, and the counters beside the records.

use bytes::Bytes;
use std::fmt;

/// One ordered collection of records that is created and dropped as a whole.
///
/// Table numbers are given out by the catalog and never used twice, so a dropped space never comes back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum SpaceId {
    /// The catalog, identities, idempotency tokens. Always there.
    System,
    /// The items of one table.
    Items(u64),
    /// The index entries of one table, all indexes together.
    Indexes(u64),
}

impl fmt::Display for SpaceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::System => f.write_str("system"),
            Self::Items(table) => write!(f, "table-{table}-items"),
            Self::Indexes(table) => write!(f, "table-{table}-indexes"),
        }
    }
}

/// A record's address.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RecordKey {
    /// The space the record is in.
    pub space: SpaceId,
    /// Its key there: 1 to 65,535 bytes, ordered bytewise.
    pub key: Bytes,
}

impl RecordKey {
    /// A record's address.
    pub fn new(space: SpaceId, key: impl Into<Bytes>) -> Self {
        Self { space, key: key.into() }
    }
}

/// A durable signed total that any commit may add to without conflicting with another: how many items a table has,
/// how many bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct CounterKey {
    /// The space the counter belongs to; dropping the space drops its counters.
    pub space: SpaceId,
    /// Which of the space's counters.
    pub counter: u16,
}
