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
use cairn_model::{AttributeMap, IndexKind, KeyValue, index_prefix, partition_prefix};
use cairn_storage::{RecordKey, Write};
use std::collections::BTreeMap;

const COLLECTION_SIZES: u16 = 0;

/// How large an item collection is (semantics 7.7).
#[derive(Clone, Debug, PartialEq)]
pub struct ItemCollectionMetrics {
    /// The partition key of its items.
    pub key: AttributeMap,
    /// Bytes of its items and of their entries in local indexes, as DynamoDB counts them.
    pub bytes: u64,
}

/// The collections that a call wrote to, each once, by the table as the caller named it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ItemCollections(pub BTreeMap<String, Vec<ItemCollectionMetrics>>);

impl ItemCollections {
    /// Adds a collection, or what it has come to since.
    pub(crate) fn add(&mut self, table: &str, metrics: ItemCollectionMetrics) {
        let of_table = self.0.entry(table.to_owned()).or_default();
        match of_table.iter_mut().find(|known| known.key == metrics.key) {
            Some(known) => *known = metrics,
            None => of_table.push(metrics),
        }
    }
}

impl ItemCollectionMetrics {
    /// The metrics of a table's collection.
    pub(crate) fn new(table: &Table, partition: &KeyValue, bytes: u64) -> Self {
        let name = table.key_schema().partition.name.clone();
        Self { key: AttributeMap::from([(name, partition.to_attribute())]), bytes }
    }

    /// Whole gigabytes between which the size is: what an answer tells of it.
    pub fn size_estimate_range_gb(&self) -> (f64, f64) {
        let gigabytes = (self.bytes >> 30) as f64;
        (gigabytes, gigabytes + 1.0)
    }
}

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

/// What changes of a collection's size by `delta` bytes come to: what to write, if anything, and the size then.
///
/// # Errors
/// Growing beyond `bytes_max`. What is beyond it already may shrink.
pub(crate) fn resize(
    table: &Table,
    key: &RecordKey,
    record: Option<&Bytes>,
    delta: i64,
    bytes_max: u64,
) -> Result<(Option<Write>, u64)> {
    let size = record.map_or(Ok(0), size_of)?.saturating_add_signed(delta);
    if delta == 0 {
        return Ok((None, size));
    }
    if delta > 0 && size > bytes_max {
        return Err(Error::ItemCollectionSizeLimitExceeded { table: table.definition.name.to_string() });
    }
    let write = match size {
        0 => Write::Delete(key.clone()),
        size => Write::Put(key.clone(), Bytes::copy_from_slice(&size.to_be_bytes())),
    };
    Ok((Some(write), size))
}

fn size_of(record: &Bytes) -> Result<u64> {
    let bytes = <[u8; 8]>::try_from(&**record).map_err(|_| Error::internal(DamagedSize(record.len())))?;
    Ok(u64::from_be_bytes(bytes))
}
