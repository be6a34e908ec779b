//! The catalog's records in the system space.
//!
//! ```text
//! 01 · table name   the table's definition: version byte 1, then JSON
//! 02                the next table number and how many tables there are, u64 big-endian each; of earlier versions
//!                   the former alone
//! 03, 04            request tokens: see `idempotency`
//! ```
//!
//! Prefixes and versions are only ever added. JSON, because a definition is small, read rarely, and must be readable
//! by every later version: unknown members are ignored and missing ones have defaults.

use super::Definition;
use crate::{Error, Result};
use bytes::{BufMut, Bytes, BytesMut};
use cairn_model::TableName;
use cairn_storage::{Direction, KeyRange, RecordKey, Snapshot, SpaceId};
use std::ops::{Bound, ControlFlow};

const TABLE_PREFIX: u8 = 0x01;
pub(super) const NEXT_NUMBER: &[u8] = &[0x02];
const VERSION: u8 = 1;

#[derive(Debug, thiserror::Error)]
enum RecordError {
    #[error("a table's record has version {0:?}; this version of Cairn reads version {VERSION}")]
    Version(Option<u8>),
    #[error("a table's record cannot be read")]
    Json(#[from] serde_json::Error),
}

/// Where a table's definition is.
pub(crate) fn table_key(name: &TableName) -> RecordKey {
    let mut key = BytesMut::with_capacity(1 + name.as_str().len());
    key.put_u8(TABLE_PREFIX);
    key.put_slice(name.as_str().as_bytes());
    RecordKey::new(SpaceId::System, key.freeze())
}

/// The record that a table's record becomes: `definition` is what was read from it, changed; of a new table it has
/// revision 0. Every record has a higher revision than the one it replaces, as nothing else makes records.
pub(super) fn encode(definition: &Definition) -> Result<Bytes> {
    let definition = Definition { revision: definition.revision + 1, ..definition.clone() };
    let mut record = vec![VERSION];
    serde_json::to_writer(&mut record, &definition).map_err(Error::internal)?;
    Ok(record.into())
}

pub(super) fn decode(record: &[u8]) -> Result<Definition> {
    match record.split_first() {
        Some((&VERSION, json)) => {
            serde_json::from_slice(json).map_err(|error| Error::internal(RecordError::Json(error)))
        }
        other => Err(Error::internal(RecordError::Version(other.map(|(version, _)| *version)))),
    }
}

/// The names of the tables after `after`, in order.
pub(super) async fn names<S: Snapshot>(
    snapshot: &S,
    after: Option<&str>,
    limit: usize,
) -> Result<Vec<TableName>> {
    let mut range = KeyRange::prefix(&[TABLE_PREFIX][..]);
    if let Some(after) = after {
        let mut key = vec![TABLE_PREFIX];
        key.extend_from_slice(after.as_bytes());
        range.start = Bound::Excluded(key.into());
    }
    let names = Names { names: Vec::new(), limit };
    Ok(snapshot.scan(SpaceId::System, range, Direction::Ascending, names).await?.names)
}

struct Names {
    names: Vec<TableName>,
    limit: usize,
}

impl cairn_storage::Visit for Names {
    fn visit(&mut self, key: &[u8], _: Bytes) -> ControlFlow<()> {
        if self.names.len() == self.limit {
            return ControlFlow::Break(());
        }
        let name =
            key.get(1..).and_then(|name| std::str::from_utf8(name).ok()).and_then(|name| name.parse().ok());
        self.names.extend(name);
        ControlFlow::Continue(())
    }
}
