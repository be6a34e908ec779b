//! An item at rest: a header, then the item's protobuf encoding.
//!
//! ```text
//! byte 0      record version: 2, or 1
//! bytes 1..5  logical size in bytes as DynamoDB counts it, u32 big-endian
//! bytes 5..   the item as `cairn.v1.Item`
//! ```
//!
//! So a read knows what it costs, and can pass the item on, without decoding it. Versions are only ever added. What is
//! written has version 2, which says that it decodes: [`StoredItem::encode`] is the one way to write an item, and checks
//! every rule that decoding has. Version 1 was written without that check, so it is checked when it is read.

use crate::encoding::{Layout, put_attributes, salvage_attributes};
use crate::{AttributeMap, DecodeBudget, Item, ValueError, ValueErrorKind, decode_attributes};
use bytes::{BufMut, Bytes, BytesMut};

/// The version of records that were checked when they were written.
const CHECKED: u8 = 2;
/// The version of records that were not.
const UNCHECKED: u8 = 1;
const HEADER_BYTES: usize = 5;

/// An item as the store holds it.
#[derive(Clone, PartialEq, Eq)]
pub struct StoredItem {
    record: Bytes,
}

/// A record that is no item this version of Cairn can read. Its text holds nothing of the item.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StoredItemError {
    /// Shorter than its header.
    #[error("a stored item is shorter than its header")]
    CutShort,
    /// Written by a later version.
    #[error("a stored item has record version {0}; this version of Cairn reads versions 1 to {CHECKED}")]
    UnknownVersion(u8),
    /// The encoding inside breaks a rule.
    #[error("a stored item does not decode: {}", .0.kind.rule())]
    Undecodable(ValueError),
}

impl StoredItem {
    /// The record for an item, and the only way to make one.
    ///
    /// # Errors
    /// The rule of the data model that the item breaks: it could not be read again.
    pub fn encode(attributes: &AttributeMap) -> Result<Self, ValueErrorKind> {
        let layout = Layout::of(attributes);
        layout.check()?;
        let size = u32::try_from(layout.size).map_err(|_| ValueErrorKind::TooLarge)?;
        let mut record = BytesMut::with_capacity(HEADER_BYTES + layout.len);
        record.put_u8(CHECKED);
        record.put_u32(size);
        put_attributes(attributes, layout, &mut record);
        Ok(Self { record: record.freeze() })
    }

    /// Takes a record as the store holds it. Whether it can be read is told where it is read.
    pub fn read(record: Bytes) -> Self {
        Self { record }
    }

    /// What the store holds.
    pub fn record(&self) -> &Bytes {
        &self.record
    }

    /// The item's size in bytes as DynamoDB counts it (semantics 2.8); 0 if there is no header.
    pub fn size(&self) -> usize {
        match self.header() {
            Some((_, size)) => size as usize,
            None => 0,
        }
    }

    fn header(&self) -> Option<(u8, u32)> {
        let [version, size @ ..] = *self.record.first_chunk::<HEADER_BYTES>()?;
        Some((version, u32::from_be_bytes(size)))
    }

    /// The record's version and what follows its header.
    fn parts(&self) -> Result<(u8, Bytes), StoredItemError> {
        match self.header() {
            None => Err(StoredItemError::CutShort),
            Some((version @ (UNCHECKED | CHECKED), _)) => Ok((version, self.record.slice(HEADER_BYTES..))),
            Some((version, _)) => Err(StoredItemError::UnknownVersion(version)),
        }
    }

    /// The item, still encoded.
    ///
    /// # Errors
    /// If the record cannot be read.
    pub fn item(&self) -> Result<Item, StoredItemError> {
        let (version, encoded) = self.parts()?;
        if version == UNCHECKED {
            decode(&encoded)?;
        }
        Ok(Item::from_encoded(encoded))
    }

    /// The item's attributes.
    ///
    /// # Errors
    /// If the record cannot be read.
    pub fn attributes(&self) -> Result<AttributeMap, StoredItemError> {
        decode(&self.parts()?.1)
    }

    /// What can be read of a record that cannot be read as a whole: the attributes that keep the rules. For finding what
    /// belongs to the item, such as its index entries, and for nothing that a caller takes for the item.
    pub fn salvaged(&self) -> AttributeMap {
        self.parts().map(|(_, encoded)| salvage_attributes(&encoded)).unwrap_or_default()
    }
}

fn decode(encoded: &[u8]) -> Result<AttributeMap, StoredItemError> {
    decode_attributes(encoded, &mut DecodeBudget::item()).map_err(StoredItemError::Undecodable)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{AttributeValue, item_size, limits};
    use std::collections::BTreeSet;

    fn with(name: &str, value: AttributeValue) -> AttributeMap {
        [("Id".to_owned(), AttributeValue::N(1u64.into())), (name.to_owned(), value)].into()
    }

    fn text(bytes: usize) -> AttributeValue {
        AttributeValue::S("x".repeat(bytes))
    }

    fn nested(containers: usize, innermost: AttributeValue) -> AttributeValue {
        (0..containers).fold(innermost, |inner, number| match number % 2 {
            0 => AttributeValue::L(vec![inner]),
            _ => AttributeValue::M([("m".to_owned(), inner)].into()),
        })
    }

    #[test]
    fn a_record_gives_back_size_bytes_and_attributes() {
        let attributes = with("name", AttributeValue::S("amit".into()));
        let stored = StoredItem::read(StoredItem::encode(&attributes).unwrap().record().clone());
        assert_eq!(stored.size(), 2 + 2 + 4 + 4);
        assert_eq!(stored.attributes().unwrap(), attributes);
        assert!(stored == StoredItem::encode(&attributes).unwrap());
        assert!(stored != StoredItem::encode(&AttributeMap::new()).unwrap());
        assert_eq!(stored.item().unwrap().encoded(), crate::encode_attributes(&attributes));
    }

    /// Each released format must be readable for ever.
    #[test]
    fn records_of_every_version_are_read() {
        let attributes = AttributeMap::from([("Id".to_owned(), AttributeValue::N(1u64.into()))]);
        let first = Bytes::from_static(b"\x01\x00\x00\x00\x04\x0a\x09\x0a\x02Id\x12\x03\x12\x011");
        let second = Bytes::from_static(b"\x02\x00\x00\x00\x04\x0a\x09\x0a\x02Id\x12\x03\x12\x011");
        for record in [first, second.clone()] {
            let stored = StoredItem::read(record);
            assert_eq!(stored.size(), 4);
            assert_eq!(stored.attributes().unwrap(), attributes);
            assert_eq!(stored.item().unwrap(), attributes.clone().into());
        }
        assert_eq!(StoredItem::encode(&attributes).unwrap().record(), &second);
    }

    #[test]
    fn records_that_are_not_items_are_refused() {
        let read = |bytes: &'static [u8]| {
            let stored = StoredItem::read(Bytes::from_static(bytes));
            assert!(stored.salvaged().is_empty());
            assert_eq!(stored.item().err(), stored.attributes().err());
            stored.attributes().unwrap_err()
        };
        assert_eq!(read(b""), StoredItemError::CutShort);
        assert_eq!(read(b"\x01\0\0\0"), StoredItemError::CutShort);
        assert_eq!(read(b"\x03\0\0\0\0"), StoredItemError::UnknownVersion(3));
        let damaged = read(b"\x01\0\0\0\x04\x0a\x09\x0a");
        assert!(matches!(damaged, StoredItemError::Undecodable(_)));
    }

    #[test]
    fn what_does_not_decode_is_not_encoded() {
        use crate::SetKind;
        use AttributeValue::{Bs, Ns, Null, Ss};
        let refused = |attributes: &AttributeMap| StoredItem::encode(attributes).err();
        for (attributes, kind) in [
            (with("", Null), ValueErrorKind::EmptyName),
            (with(&"n".repeat(65_536), Null), ValueErrorKind::NameTooLong),
            (with("a", nested(3, AttributeValue::M(with("", Null)))), ValueErrorKind::EmptyName),
            (with("a", nested(32, Null)), ValueErrorKind::TooDeep),
            (with("a", nested(32, AttributeValue::L(vec![]))), ValueErrorKind::TooDeep),
            (with("a", Ss(BTreeSet::new())), ValueErrorKind::EmptySet(SetKind::String)),
            (with("a", nested(2, Ns(BTreeSet::new()))), ValueErrorKind::EmptySet(SetKind::Number)),
            (with("a", Bs(BTreeSet::new())), ValueErrorKind::EmptySet(SetKind::Binary)),
            (with("a", text(limits::ITEM_BYTES_MAX - 4)), ValueErrorKind::TooLarge),
        ] {
            assert_eq!(refused(&attributes), Some(kind));
            // By the rules that decoding has.
            let encoded = crate::encode_attributes(&attributes);
            assert!(decode_attributes(&encoded, &mut DecodeBudget::item()).is_err());
        }
        for attributes in [
            with(&"n".repeat(65_535), Null),
            with("a", nested(31, Null)),
            with("a", text(limits::ITEM_BYTES_MAX - 5)),
            with("a", nested(29, AttributeValue::number_set(vec![1u64.into(), 2u64.into()]).unwrap())),
        ] {
            let stored = StoredItem::encode(&attributes).unwrap();
            assert_eq!(stored.size(), item_size(&attributes));
            assert!(stored.attributes().unwrap() == attributes);
        }
    }

    #[test]
    fn what_can_be_read_of_an_undecodable_record_is_salvaged() {
        let mut attributes = with("", AttributeValue::Null);
        attributes.insert("deep".to_owned(), nested(40, AttributeValue::Null));
        attributes.insert("x".to_owned(), text(3));
        let mut record = BytesMut::from(&b"\x01\x00\x00\x00\x63"[..]);
        record.put(crate::encode_attributes(&attributes));
        let stored = StoredItem::read(record.clone().freeze());
        assert_eq!(stored.size(), 0x63);
        assert!(matches!(stored.item(), Err(StoredItemError::Undecodable(_))));
        let kept = || with("x", text(3));
        assert_eq!(stored.salvaged(), kept());
        // Also of one that goes on with what is no field.
        record.put_slice(b"\xff");
        assert_eq!(StoredItem::read(record.freeze()).salvaged(), kept());
    }

    #[test]
    fn an_error_about_a_record_shows_nothing_of_the_item() {
        let record = b"\x01\0\0\0\x04\x0a\x0c\x0a\x02Id\x12\x06\x12\x04pass";
        let error = StoredItem::read(Bytes::from_static(record)).attributes().unwrap_err();
        assert_eq!(error.to_string(), "a stored item does not decode: a number that is none");
        assert!(std::error::Error::source(&error).is_none());
    }
}
