//! From key conditions and segments to ranges of storage keys (semantics 4.5, 5.5, 8.9).

use bytes::{Bytes, BytesMut};
use cairn_expression::{KeyQuery, SortRange};
use cairn_model::{
    IndexSchema, KeyValue, SLOT_COUNT, begins_with_range, index_partition_prefix, index_prefix,
    partition_prefix,
};
use cairn_storage::KeyRange;
use std::ops::Bound;

/// The keys of a query: of one partition of the table or of an index.
pub(crate) fn of_query(index: Option<&IndexSchema>, query: &KeyQuery) -> KeyRange {
    let partition = match (index, query.partition.as_slice()) {
        (None, [partition]) => partition_prefix(partition),
        (None, _) => Bytes::new(),
        (Some(index), parts) => index_partition_prefix(index.id, parts),
    };
    let prefix = query.sort_prefix.iter().fold(partition, |prefix, part| with(&prefix, part));
    let whole = KeyRange::prefix(prefix.clone());
    let at = |value: &KeyValue| with(&prefix, value);
    // What follows a value in a key (an item's own key, in an index) still belongs to the value.
    let after = |value: &KeyValue| KeyRange::prefix(at(value)).end;
    match &query.sort_range {
        None => whole,
        Some(SortRange::Lt(value)) => KeyRange { start: whole.start, end: Bound::Excluded(at(value)) },
        Some(SortRange::Le(value)) => KeyRange { start: whole.start, end: after(value) },
        Some(SortRange::Gt(value)) => KeyRange { start: from(after(value)), end: whole.end },
        Some(SortRange::Ge(value)) => KeyRange { start: Bound::Included(at(value)), end: whole.end },
        Some(SortRange::Between(low, high)) => KeyRange { start: Bound::Included(at(low)), end: after(high) },
        Some(SortRange::BeginsWith(value)) => match begins_with_range(&prefix, value) {
            Some((start, end)) => KeyRange { start, end },
            // Nothing begins with a number; the key condition has refused it.
            None => KeyRange { start: Bound::Included(prefix.clone()), end: Bound::Excluded(prefix) },
        },
    }
}

fn with(prefix: &[u8], value: &KeyValue) -> Bytes {
    let mut key = BytesMut::from(prefix);
    value.encode_ordered(&mut key);
    key.freeze()
}

/// The end of one range as the beginning of the next.
fn from(end: Bound<Bytes>) -> Bound<Bytes> {
    match end {
        Bound::Excluded(key) => Bound::Included(key),
        // Nothing comes after the last key there can be: an empty range.
        Bound::Included(key) => Bound::Excluded(key),
        Bound::Unbounded => Bound::Excluded(Bytes::from_static(&[u8::MAX; 8])),
    }
}

/// The keys of one of `total` segments of a scan of the table or an index: a run of slots.
pub(crate) fn of_segment(index: Option<&IndexSchema>, segment: u32, total: u32) -> KeyRange {
    let first_slot = |segment: u32| u64::from(segment) * u64::from(SLOT_COUNT) / u64::from(total);
    let prefix = index.map(|index| index_prefix(index.id)).unwrap_or_default();
    let whole = KeyRange::prefix(prefix.clone());
    let at = |slot: u64| {
        let slot = u16::try_from(slot).ok()?;
        let mut key = BytesMut::from(&prefix[..]);
        key.extend_from_slice(&slot.to_be_bytes());
        Some(key.freeze())
    };
    let start = at(first_slot(segment)).map_or(Bound::Excluded(prefix.clone()), Bound::Included);
    let end = at(first_slot(segment + 1)).map_or(whole.end, Bound::Excluded);
    KeyRange { start, end }
}

/// Whether a key is in a range.
pub(crate) fn contains(range: &KeyRange, key: &[u8]) -> bool {
    let after = match &range.start {
        Bound::Included(start) => key >= &start[..],
        Bound::Excluded(start) => key > &start[..],
        Bound::Unbounded => true,
    };
    let before = match &range.end {
        Bound::Included(end) => key <= &end[..],
        Bound::Excluded(end) => key < &end[..],
        Bound::Unbounded => true,
    };
    after && before
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn segments_share_the_keys_out_exactly() {
        for total in [1, 2, 3, 7, 16, 1_000, 65_536, 100_000, 1_000_000] {
            for slot in [0u16, 1, 255, 256, 32_767, 32_768, 65_534, 65_535] {
                let key = [&slot.to_be_bytes()[..], b"key"].concat();
                // The segment that should have it, and its neighbours.
                let middle = (u64::from(slot) * u64::from(total) / u64::from(SLOT_COUNT)) as u32;
                let owners = (middle.saturating_sub(20)..(middle + 21).min(total))
                    .filter(|segment| contains(&of_segment(None, *segment, total), &key))
                    .count();
                assert_eq!(owners, 1, "slot {slot} of {total} segments");
            }
        }
    }

    #[test]
    fn a_segment_of_an_index_stays_in_the_index() {
        let index = cairn_model::IndexSchema {
            id: 0x0102,
            name: "index".into(),
            kind: cairn_model::IndexKind::Global,
            key_schema: cairn_model::IndexKeySchema { partition: Vec::new(), sort: Vec::new() },
            projection: cairn_model::Projection::All,
        };
        let range = of_segment(Some(&index), 1, 2);
        assert!(contains(&range, b"\x01\x02\x80\x00x") && contains(&range, b"\x01\x02\xff\xff\xff"));
        assert!(!contains(&range, b"\x01\x02\x7f\xff") && !contains(&range, b"\x01\x03\x00\x00"));
    }
}
