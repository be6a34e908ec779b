//! When items expire, and the records that say which do next (semantics 14).
//!
//! A table with time to live has a record for each item that has a time to expire at, in its index space: the whole
//! second, then the item's key. It is written in the commit of its item, as an index entry is. So what is due is a range
//! of keys, however large the table.

use crate::catalog::Table;
use bytes::{BufMut, Bytes, BytesMut};
use cairn_model::{AttributeMap, AttributeValue, index_prefix};
use cairn_storage::{KeyRange, RecordKey, Write};
use jiff::Timestamp;
use std::ops::Bound;

/// What the records begin with where index entries have their index's id, which is less.
pub(crate) const EXPIRIES: u16 = u16::MAX;

/// Bytes of a record's key before the item's: [`EXPIRIES`] and the second.
const PREFIX_BYTES: usize = 10;

/// An item whose time is longer ago never expires: five years, in seconds. Of what a year is, the reading that deletes
/// less.
const SECONDS_AGO_MAX: u64 = 5 * 365 * 86_400;

/// The second since the epoch at which an item expires, the fraction cut off. None if it has no such time: the attribute
/// is not there, is no number, or is before the epoch or beyond all clocks.
pub(crate) fn expiry_second(attribute: &str, item: &AttributeMap) -> Option<u64> {
    match item.get(attribute) {
        Some(AttributeValue::N(at)) => at.floor_u64(),
        _ => None,
    }
}

/// Whether an item that expires at `second` has expired. Whole seconds are compared: it may be up to a second later
/// than the item says, and never earlier.
pub(crate) fn is_due(second: u64, now: Timestamp) -> bool {
    due_seconds(now).contains(&second)
}

fn due_seconds(now: Timestamp) -> std::ops::Range<u64> {
    let now = u64::try_from(now.as_second()).unwrap_or(0);
    now.saturating_sub(SECONDS_AGO_MAX)..now
}

/// The records of what is due, after the record at `after` if that is given.
pub(crate) fn due_range(now: Timestamp, after: Option<Bytes>) -> KeyRange {
    let due = due_seconds(now);
    KeyRange {
        start: after.map_or_else(|| Bound::Included(expiry_key(due.start, &[])), Bound::Excluded),
        end: Bound::Excluded(expiry_key(due.end, &[])),
    }
}

/// Where the record of an item is that expires at `second`.
pub(crate) fn expiry_key(second: u64, item_key: &[u8]) -> Bytes {
    let mut key = BytesMut::with_capacity(PREFIX_BYTES + item_key.len());
    key.put(index_prefix(EXPIRIES));
    key.put_u64(second);
    key.put_slice(item_key);
    key.freeze()
}

/// The key of the item that a record is about.
pub(crate) fn item_key(expiry_key: &[u8]) -> Option<Bytes> {
    expiry_key.get(PREFIX_BYTES..).map(Bytes::copy_from_slice)
}

/// Appends what becoming `new` does to the record of when the item at `key` expires. It costs nothing.
pub(crate) fn expiry_writes(
    table: &Table,
    key: &RecordKey,
    old: Option<&AttributeMap>,
    new: Option<&AttributeMap>,
    writes: &mut Vec<Write>,
) {
    let Some(attribute) = table.definition.expiry_attribute() else { return };
    let second = |item: Option<&AttributeMap>| item.and_then(|item| expiry_second(attribute, item));
    let (before, after) = (second(old), second(new));
    // What has no record yet, of the items from before, gets it where those are filled in.
    if before == after {
        return;
    }
    let record = |second| RecordKey::new(table.index_entries(), expiry_key(second, &key.key));
    writes.extend(before.map(|second| Write::Delete(record(second))));
    writes.extend(after.map(|second| Write::Put(record(second), Bytes::new())));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_item_expires_by_a_number_of_seconds_since_the_epoch_and_by_nothing_else() {
        let second = |value: AttributeValue| expiry_second("at", &AttributeMap::from([("at".into(), value)]));
        let number = |text: &str| second(AttributeValue::N(text.parse().unwrap()));
        assert_eq!(number("1700000000"), Some(1_700_000_000));
        assert_eq!(number("1.7e9"), Some(1_700_000_000));
        assert_eq!(number("1700000000.5"), Some(1_700_000_000));
        assert_eq!(number("-1"), None);
        assert_eq!(number("1e30"), None);
        assert_eq!(second(AttributeValue::S("1700000000".into())), None);
        assert_eq!(second(AttributeValue::L(vec![AttributeValue::N(1u64.into())])), None);
        assert_eq!(expiry_second("at", &AttributeMap::new()), None);
    }

    #[test]
    fn what_is_due_is_past_and_not_older_than_five_years() {
        let now = Timestamp::from_second(1_800_000_000).unwrap();
        for (second, due) in [
            (1_800_000_000, false),
            (1_799_999_999, true),
            (1_800_000_000 - SECONDS_AGO_MAX, true),
            (1_800_000_000 - SECONDS_AGO_MAX - 1, false),
            (0, false),
            (u64::MAX, false),
        ] {
            assert_eq!(is_due(second, now), due, "{second}");
            // The range of records says the same as the rule.
            let KeyRange { start, end } = due_range(now, None);
            let within = std::ops::RangeBounds::contains(&(start, end), &expiry_key(second, b"item"));
            assert_eq!(within, due, "{second}");
        }
        assert_eq!(item_key(&expiry_key(7, b"item")).as_deref(), Some(&b"item"[..]));
    }
}
