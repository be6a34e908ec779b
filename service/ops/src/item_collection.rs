//! Item collections: on a table with local indexes, the items of one partition together with their entries in those
//! may take so much room and no more (semantics 4.3).
//!
//! A collection's size is a record beside the index entries, changed in the commit of every write that changes it:
//!
//! ```text
//! 00 00 · slot · partition key   bytes, u64 big-endian
//! ```
//!
//! Index ids begin at 1, so no entry is in the way. A collection of nothing has no record.

use crate::catalog::Table;
use crate::{Error, Result};
use bytes::{BufMut, Bytes, BytesMut};
use cairn_model::{IndexKind, KeyValue, index_prefix, partition_prefix};
use cairn_storage::{RecordKey, Write};

const COLLECTION_SIZES: u16 = 0;

#[derive(Debug, thiserror::Error)]
#[error("the record of an item collection's size has {0} bytes and not 8")]
struct DamagedSize(usize);

/// Where the size of a collection is kept; none if the table has no local index. A transaction that writes an item
/// declares it.
pub(crate) fn collection_key(table: &Table, partition: &KeyValue) -> Option<RecordKey> {
    let has_local = table.definition.indexes.iter().any(|index| index.schema.kind == IndexKind::Local);
    has_local.then(|| {
        let mut key = BytesMut::from(&*index_prefix(COLLECTION_SIZES));
        key.put(partition_prefix(partition));
        RecordKey::new(table.index_entries(), key.freeze())
    })
}

/// What changes of a collection's size by `delta` bytes come to, if anything.
///
/// # Errors
/// Growing beyond `bytes_max`. What is beyond it already may shrink.
pub(crate) fn resize(
    table: &Table,
    key: &RecordKey,
    record: Option<&Bytes>,
    delta: i64,
    bytes_max: u64,
) -> Result<Option<Write>> {
    if delta == 0 {
        return Ok(None);
    }
    let size = record.map_or(Ok(0), size_of)?.saturating_add_signed(delta);
    if delta > 0 && size > bytes_max {
        return Err(Error::ItemCollectionSizeLimitExceeded { table: table.definition.name.to_string() });
    }
    Ok(Some(match size {
        0 => Write::Delete(key.clone()),
        size => Write::Put(key.clone(), Bytes::copy_from_slice(&size.to_be_bytes())),
    }))
}

fn size_of(record: &Bytes) -> Result<u64> {
    let bytes = <[u8; 8]>::try_from(&**record).map_err(|_| Error::internal(DamagedSize(record.len())))?;
    Ok(u64::from_be_bytes(bytes))
}
