//! The order-preserving bytes of keys: what sorts before what in the store is decided here (semantics 6).
//!
//! ```text
//! item key   = slot (u16 big-endian) · partition key · sort key
//! string     = UTF-8 bytes, each 00 as 00 FF · 00 00
//! binary     = bytes, each 00 as 00 FF · 00 00
//! index key  = index id (u16 big-endian) · slot · partition key parts · sort key parts · the item's own key
//! number     = 80                                          nought
//!            | C0 · exponent + 130 · digit pairs + 1 · 00   positive
//!            | 40 · the same, every bit flipped             negative
//! ```
//!
//! The slot is a hash of the partition key, so partitions spread evenly over the key space: parallel scans split it,
//! and ranges of it can be given to different owners. Every part ends itself, so parts can follow each other and
//! order stays that of their values. This layout is on disk: it never changes.

use crate::{KeyValue, Number, PrimaryKey};
use bytes::{BufMut, Bytes, BytesMut};
use std::ops::Bound;
use xxhash_rust::xxh3::xxh3_64;

/// How many slots the partitions of a table are spread over.
pub const SLOT_COUNT: u32 = 1 << 16;

const NUMBER_NEGATIVE: u8 = 0x40;
const NUMBER_ZERO: u8 = 0x80;
const NUMBER_POSITIVE: u8 = 0xC0;
const ESCAPED_ZERO: [u8; 2] = [0x00, 0xFF];
const TERMINATOR: [u8; 2] = [0x00, 0x00];

fn put_escaped(bytes: &[u8], out: &mut BytesMut) {
    for byte in bytes {
        match byte {
            0 => out.put_slice(&ESCAPED_ZERO),
            byte => out.put_u8(*byte),
        }
    }
}

fn put_number(number: &Number, out: &mut BytesMut) {
    if number.is_zero() {
        out.put_u8(NUMBER_ZERO);
        return;
    }
    let flip = if number.is_negative() { 0xFF } else { 0x00 };
    out.put_u8(if number.is_negative() { NUMBER_NEGATIVE } else { NUMBER_POSITIVE });
    // -130..=125 becomes 0..=255.
    let exponent = number.scientific_exponent() - crate::MIN_EXPONENT;
    out.put_u8((exponent as u8) ^ flip);
    let mut digits = number.digits();
    let mut rest = number.coefficient();
    if digits % 2 == 1 {
        // A last digit alone stands for itself and a nought.
        digits += 1;
        rest *= 10;
    }
    while digits > 0 {
        digits -= 2;
        let scale = 10u128.pow(digits);
        let pair = (rest / scale) as u8;
        rest %= scale;
        out.put_u8((pair + 1) ^ flip);
    }
    out.put_u8(flip);
}

impl KeyValue {
    /// Appends the value's order-preserving form to `out`.
    pub fn encode_ordered(&self, out: &mut BytesMut) {
        match self {
            Self::S(text) => {
                put_escaped(text.as_bytes(), out);
                out.put_slice(&TERMINATOR);
            }
            Self::B(bytes) => {
                put_escaped(bytes, out);
                out.put_slice(&TERMINATOR);
            }
            Self::N(number) => put_number(number, out),
        }
    }

    fn ordered(&self) -> BytesMut {
        let mut out = BytesMut::new();
        self.encode_ordered(&mut out);
        out
    }
}

/// The slot of a partition: a hash of its encoded key.
pub fn slot_of(partition: &KeyValue) -> u16 {
    (xxh3_64(&partition.ordered()) >> 48) as u16
}

/// Where the keys of a slot begin.
pub fn slot_prefix(slot: u16) -> Bytes {
    Bytes::copy_from_slice(&slot.to_be_bytes())
}

/// What the storage keys of one partition's items begin with, and no other's do.
pub fn partition_prefix(partition: &KeyValue) -> Bytes {
    let ordered = partition.ordered();
    let mut out = BytesMut::with_capacity(2 + ordered.len());
    out.put_u16((xxh3_64(&ordered) >> 48) as u16);
    out.put(ordered);
    out.freeze()
}

/// Within a partition, the range of sort keys that begin with a string or binary: appended to the partition's
/// prefix, its bounds hold exactly those. None for a number, which nothing begins with.
pub fn begins_with_range(
    partition_prefix: &[u8],
    beginning: &KeyValue,
) -> Option<(Bound<Bytes>, Bound<Bytes>)> {
    let bytes = match beginning {
        KeyValue::S(text) => text.as_bytes(),
        KeyValue::B(bytes) => bytes,
        KeyValue::N(_) => return None,
    };
    let mut start = BytesMut::from(partition_prefix);
    put_escaped(bytes, &mut start);
    let mut end = start.clone();
    // The first key after every key that extends `start`. The slot and terminators before it hold bytes below FF, so
    // unless the whole of it is FF there is one.
    while let Some(last) = end.last_mut() {
        if *last == u8::MAX {
            end.truncate(end.len() - 1);
        } else {
            *last += 1;
            return Some((Bound::Included(start.freeze()), Bound::Excluded(end.freeze())));
        }
    }
    Some((Bound::Included(start.freeze()), Bound::Unbounded))
}

/// What the keys of one index begin with in their table's index space.
pub fn index_prefix(index_id: u16) -> Bytes {
    Bytes::copy_from_slice(&index_id.to_be_bytes())
}

/// What the keys of one partition of an index begin with. The partition is all of its key's parts.
pub fn index_partition_prefix(index_id: u16, partition: &[KeyValue]) -> Bytes {
    let mut ordered = BytesMut::new();
    for part in partition {
        part.encode_ordered(&mut ordered);
    }
    let mut out = BytesMut::with_capacity(4 + ordered.len());
    out.put_u16(index_id);
    out.put_u16((xxh3_64(&ordered) >> 48) as u16);
    out.put(ordered);
    out.freeze()
}

/// The key of an index entry: unique, since the item's own key ends it, and ordered by the index's sort key within a
/// partition.
pub fn index_entry_key(index_id: u16, partition: &[KeyValue], sort: &[KeyValue], item_key: &[u8]) -> Bytes {
    let mut out = BytesMut::from(index_partition_prefix(index_id, partition));
    for part in sort {
        part.encode_ordered(&mut out);
    }
    out.put_slice(item_key);
    out.freeze()
}

impl PrimaryKey {
    /// The item's key in its table's space.
    pub fn storage_key(&self) -> Bytes {
        let prefix = partition_prefix(&self.partition);
        match &self.sort {
            None => prefix,
            Some(sort) => {
                let mut out = BytesMut::from(prefix);
                sort.encode_ordered(&mut out);
                out.freeze()
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn any_number() -> impl Strategy<Value = Number> {
        prop_oneof![
            "-?[0-9]{1,20}(\\.[0-9]{1,18})?".prop_filter_map("38 digits", |text| text.parse().ok()),
            ("-?[0-9]{1,3}", -130i32..120).prop_filter_map("in range", |(digits, exponent)| {
                format!("{digits}e{exponent}").parse().ok()
            }),
        ]
    }

    fn any_key(kind: u8) -> BoxedStrategy<KeyValue> {
        match kind {
            // Few letters and many zero bytes, so that prefixes and escapes meet often.
            0 => "[\u{0}a\u{1}é]{0,6}".prop_map(KeyValue::S).boxed(),
            1 => proptest::collection::vec(prop_oneof![Just(0u8), Just(1), Just(0xFF), any::<u8>()], 0..6)
                .prop_map(|bytes| KeyValue::B(bytes.into()))
                .boxed(),
            _ => any_number().prop_map(KeyValue::N).boxed(),
        }
    }

    fn key_pair() -> impl Strategy<Value = (KeyValue, KeyValue)> {
        (0u8..3).prop_flat_map(|kind| (any_key(kind), any_key(kind)))
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2_000))]

        #[test]
        fn bytes_order_as_values_do((a, b) in key_pair()) {
            prop_assert_eq!(a.ordered().cmp(&b.ordered()), a.cmp(&b));
        }

        #[test]
        fn what_follows_does_not_disturb_the_order((a, b) in key_pair(), (c, d) in key_pair()) {
            let joined = |first: &KeyValue, second: &KeyValue| {
                let mut out = first.ordered();
                second.encode_ordered(&mut out);
                out
            };
            if c.key_type() == d.key_type() {
                prop_assert_eq!(joined(&a, &c).cmp(&joined(&b, &d)), a.cmp(&b).then(c.cmp(&d)));
            }
        }

        #[test]
        fn begins_with_holds_exactly_what_begins_so((value, beginning) in (0u8..2).prop_flat_map(|kind| (any_key(kind), any_key(kind)))) {
            let prefix = partition_prefix(&KeyValue::S("p".into()));
            let mut key = BytesMut::from(&prefix[..]);
            value.encode_ordered(&mut key);
            let begins = match (&value, &beginning) {
                (KeyValue::S(value), KeyValue::S(beginning)) => value.starts_with(beginning.as_str()),
                (KeyValue::B(value), KeyValue::B(beginning)) => value.starts_with(beginning),
                _ => false,
            };
            let (start, end) = begins_with_range(&prefix, &beginning).unwrap();
            let after = match &start { Bound::Included(start) => key >= start[..], _ => true };
            let before = match &end { Bound::Excluded(end) => key < end[..], _ => true };
            prop_assert_eq!(after && before, begins);
        }
    }

    /// The layout on disk: these bytes must never change.
    #[test]
    fn the_layout_on_disk_is_pinned() {
        let hex = |bytes: &[u8]| bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
        let ordered = |value: KeyValue| hex(&value.ordered());
        let number = |text: &str| ordered(KeyValue::N(text.parse().unwrap()));
        assert_eq!(ordered(KeyValue::S("a\0b".into())), "6100ff620000");
        assert_eq!(ordered(KeyValue::B(Bytes::from_static(b"\0\xff"))), "00ffff0000");
        assert_eq!(number("0"), "80");
        assert_eq!(number("1"), "c0820b00");
        assert_eq!(number("12.5"), "c0830d3300");
        assert_eq!(number("-12.5"), "407cf2ccff");
        assert_eq!(number("1e-130"), "c0000b00");
        assert_eq!(number("9e125"), "c0ff5b00");
        let key = PrimaryKey { partition: KeyValue::S("user".into()), sort: Some(KeyValue::N(7u64.into())) };
        assert_eq!(hex(&key.storage_key()), "2ef8757365720000c0824700");
        assert_eq!(slot_of(&key.partition), 0x2ef8);
    }

    #[test]
    fn index_entries_order_by_their_sort_key_and_then_by_their_item() {
        let entry = |sort: u64, item: &[u8]| {
            index_entry_key(7, &[KeyValue::S("p".into())], &[KeyValue::N(sort.into())], item)
        };
        assert!(entry(2, b"z") < entry(10, b"a"));
        assert!(entry(2, b"a") < entry(2, b"b"));
        let prefix = index_partition_prefix(7, &[KeyValue::S("p".into())]);
        assert!(entry(2, b"a").starts_with(&prefix) && prefix.starts_with(&index_prefix(7)));
        assert!(!prefix.starts_with(&index_prefix(8)));
    }

    #[test]
    fn equal_numbers_are_one_key() {
        let key = |text: &str| {
            PrimaryKey { partition: KeyValue::N(text.parse().unwrap()), sort: None }.storage_key()
        };
        assert_eq!(key("1e3"), key("1000"));
        assert_eq!(key("01000.0"), key("1000"));
        assert_eq!(key("-0"), key("0"));
        assert_ne!(key("1"), key("-1"));
    }

    #[test]
    fn partitions_spread_over_the_slots() {
        let slots: std::collections::BTreeSet<u16> =
            (0u64..4_096).map(|id| slot_of(&KeyValue::N(id.into())) >> 8).collect();
        assert_eq!(slots.len(), 256, "every 256th of the slots gets some of 4,096 partitions");
    }
}
