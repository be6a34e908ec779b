//! An item at rest: a header, then the item's protobuf encoding.
//!
//! ```text
//! byte 0      record version, 1
//! bytes 1..5  logical size in bytes as DynamoDB counts it, u32 big-endian
//! bytes 5..   the item as `cairn.v1.Item`
//! ```
//!
//! So a read knows what it costs, and can pass the item on, without decoding it. Versions are only ever added.

use crate::encoding::append_attributes;
use crate::{AttributeMap, DecodeBudget, Item, ValueError, decode_attributes, item_size};
use bytes::{Buf, BufMut, Bytes, BytesMut};

const VERSION: u8 = 1;
const HEADER_BYTES: usize = 5;

/// An item as the store holds it.
#[derive(Clone)]
pub struct StoredItem {
    size: usize,
    encoded: Bytes,
}

/// A record that is no item this version of Cairn can read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StoredItemError {
    /// Shorter than its header.
    #[error("a stored item is shorter than its header")]
    CutShort,
    /// Written by a later version.
    #[error("a stored item has record version {0}; this version of Cairn reads version {VERSION}")]
    UnknownVersion(u8),
    /// The encoding inside breaks a rule.
    #[error("a stored item does not decode")]
    Undecodable(#[source] ValueError),
}

impl StoredItem {
    /// The record for an item.
    pub fn encode(attributes: &AttributeMap) -> Bytes {
        let size = item_size(attributes);
        let mut record = BytesMut::with_capacity(HEADER_BYTES + size);
        record.put_u8(VERSION);
        // An item is at most 400 KB, so its size fits.
        record.put_u32(u32::try_from(size).unwrap_or(u32::MAX));
        append_attributes(attributes, &mut record);
        record.freeze()
    }

    /// Reads a record's header; the item stays encoded.
    ///
    /// # Errors
    /// If it is not a record this version reads.
    pub fn read(mut record: Bytes) -> Result<Self, StoredItemError> {
        let header = record.first_chunk::<HEADER_BYTES>().ok_or(StoredItemError::CutShort)?;
        let [version, size @ ..] = *header;
        if version != VERSION {
            return Err(StoredItemError::UnknownVersion(version));
        }
        record.advance(HEADER_BYTES);
        Ok(Self { size: u32::from_be_bytes(size) as usize, encoded: record })
    }

    /// The item's size in bytes as DynamoDB counts it (semantics 2.8).
    pub fn size(&self) -> usize {
        self.size
    }

    /// Whether `record` holds the very same bytes.
    pub fn is_record(&self, record: &[u8]) -> bool {
        let same_size = |size: [u8; 4]| u32::from_be_bytes(size) as usize == self.size;
        match record.split_first_chunk::<HEADER_BYTES>() {
            Some(([VERSION, size @ ..], encoded)) => same_size(*size) && *encoded == self.encoded,
            _ => false,
        }
    }

    /// The item, still encoded.
    pub fn into_item(self) -> Item {
        Item::from_encoded(self.encoded)
    }

    /// The item's attributes.
    ///
    /// # Errors
    /// If the record is damaged.
    pub fn attributes(&self) -> Result<AttributeMap, StoredItemError> {
        decode_attributes(&self.encoded, &mut DecodeBudget::unbounded()).map_err(StoredItemError::Undecodable)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::AttributeValue;

    #[test]
    fn a_record_gives_back_size_bytes_and_attributes() {
        let attributes = AttributeMap::from([
            ("Id".to_owned(), AttributeValue::N(1u64.into())),
            ("name".to_owned(), AttributeValue::S("amit".into())),
        ]);
        let record = StoredItem::encode(&attributes);
        let stored = StoredItem::read(record).unwrap();
        assert_eq!(stored.size(), 2 + 2 + 4 + 4);
        assert_eq!(stored.attributes().unwrap(), attributes);
        assert!(stored.is_record(&StoredItem::encode(&attributes)));
        assert!(!stored.is_record(&StoredItem::encode(&AttributeMap::new())));
        assert_eq!(stored.into_item().encoded(), crate::encode_attributes(&attributes));
    }

    /// The first released format: this record must be readable for ever.
    #[test]
    fn a_record_of_version_1_is_read() {
        let record = Bytes::from_static(b"\x01\x00\x00\x00\x04\x0a\x09\x0a\x02Id\x12\x03\x12\x011");
        let stored = StoredItem::read(record.clone()).unwrap();
        assert_eq!(stored.size(), 4);
        let attributes = AttributeMap::from([("Id".to_owned(), AttributeValue::N(1u64.into()))]);
        assert_eq!(stored.attributes().unwrap(), attributes);
        assert_eq!(StoredItem::encode(&attributes), record);
    }

    #[test]
    fn records_that_are_not_items_are_refused() {
        let read = |bytes: &'static [u8]| StoredItem::read(Bytes::from_static(bytes)).err();
        assert_eq!(read(b""), Some(StoredItemError::CutShort));
        assert_eq!(read(b"\x01\0\0\0"), Some(StoredItemError::CutShort));
        assert_eq!(read(b"\x02\0\0\0\0"), Some(StoredItemError::UnknownVersion(2)));
        let damaged = StoredItem::read(Bytes::from_static(b"\x01\0\0\0\x04\x0a\x09\x0a")).unwrap();
        assert!(matches!(damaged.attributes(), Err(StoredItemError::Undecodable(_))));
    }
}
