//! How far the filling of a new index, or of a table's times of expiry, has come: a record in the table's index space.
//!
//! An index is counted while it is filled, window by window of the table's items, and no snapshot outlives a window:
//!
//! 1. A snapshot shows where the next window ends. A commit opens it.
//! 2. Another snapshot shows the window's items. Their entries are written, and with the last of them a commit adds
//!    their number and size to the index's totals and closes the window.
//!
//! Every write of an item declares this record, so it knows where its item lies. It adds what it changes to the totals
//! if the item is in a closed window, to the totals *and* to the window's counters if it is in the open one, and to
//! nothing if it lies behind. So closing a window adds what the second snapshot shows of the items, less what the same
//! snapshot shows in the window's counters, and the totals are exact whatever is written meanwhile. The window's
//! counters are never reset: between two windows nothing changes them, and their value then is where the next begins.
//!
//! ```text
//! byte 0        record version, 1
//! byte 1        1: some items are done, 2: a window is open, 4: it has no end, 8: the last window was given up
//! bytes 2..10   the window counters' value before the window: entries, i64 big-endian
//! bytes 10..18  the same: bytes
//! bytes 18..20  length of the key of the last item that is done, u16 big-endian
//! then          that key, then the key of the last item in the window
//! ```

use super::{Index, IndexCounter, IndexStatus, Table};
use crate::{Error, Result};
use bytes::{BufMut, Bytes, BytesMut};
use cairn_model::index_prefix;
use cairn_storage::{CounterKey, RecordKey};

/// What the records' keys begin with where index entries have their index's id, which is less.
const FILLS: u16 = 1 << 15;

/// The id, of no index, by which the window's counters are numbered.
const WINDOW_COUNTERS: u16 = 0;

const VERSION: u8 = 1;
const SOME_DONE: u8 = 1;
const WINDOW_OPEN: u8 = 2;
const WINDOW_WITHOUT_END: u8 = 4;
const GIVEN_UP: u8 = 8;
const HEADER_BYTES: usize = 20;

/// A number of entries and their size in bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Totals {
    pub(super) items: i64,
    pub(super) bytes: i64,
}

impl std::ops::Sub for Totals {
    type Output = Self;

    fn sub(self, other: Self) -> Self {
        Self { items: self.items - other.items, bytes: self.bytes - other.bytes }
    }
}

/// The items that are being entered.
#[derive(Clone, PartialEq, Eq)]
pub(super) enum Window {
    /// Those up to this key.
    UpTo(Bytes),
    /// All that are left.
    ToEnd,
}

/// How far a filling is. Without a record nothing is done yet.
#[derive(Clone, Default, PartialEq, Eq)]
pub(crate) struct FillProgress {
    /// The key of the last item that is done; all before it are too.
    pub(super) done: Option<Bytes>,
    /// The window that is open.
    pub(super) window: Option<Window>,
    /// The value of the window's counters before it.
    pub(super) before: Totals,
    /// Whether the last window was closed without its items: what writes added to the totals has to be taken off again.
    pub(super) given_up: bool,
}

/// Where an item lies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum FillPlace {
    /// Among those that are done.
    Done,
    /// In the open window.
    Window,
    /// Behind it.
    Behind,
}

/// A record that is not what this version writes.
#[derive(Debug, thiserror::Error)]
#[error(
    "the record of a filling's progress cannot be read; its version is {0:?}, and this one reads {VERSION}"
)]
struct DamagedProgress(Option<u8>);

impl FillProgress {
    /// Where an item lies.
    pub(crate) fn place(&self, item_key: &[u8]) -> FillPlace {
        if self.done.as_ref().is_some_and(|done| item_key <= &**done) {
            return FillPlace::Done;
        }
        match &self.window {
            Some(Window::ToEnd) => FillPlace::Window,
            Some(Window::UpTo(last)) if item_key <= &**last => FillPlace::Window,
            Some(Window::UpTo(_)) | None => FillPlace::Behind,
        }
    }

    /// What a record says; without one, that nothing is done.
    pub(crate) fn read(record: Option<&Bytes>) -> Result<Self> {
        let Some(record) = record else { return Ok(Self::default()) };
        Self::decode(record).ok_or_else(|| Error::internal(DamagedProgress(record.first().copied())))
    }

    fn decode(record: &Bytes) -> Option<Self> {
        let [VERSION, flags, rest @ ..] = record.first_chunk::<HEADER_BYTES>()? else { return None };
        let number = |at: usize| rest.get(at..)?.first_chunk().map(|bytes| i64::from_be_bytes(*bytes));
        let before = Totals { items: number(0)?, bytes: number(8)? };
        let length = rest.get(16..)?.first_chunk().map(|bytes| u16::from_be_bytes(*bytes))?;
        let keys = record.slice(HEADER_BYTES..);
        if keys.len() < usize::from(length) {
            return None;
        }
        let (done, last) = (keys.slice(..usize::from(length)), keys.slice(usize::from(length)..));
        let window = match (flags & WINDOW_OPEN != 0, flags & WINDOW_WITHOUT_END != 0) {
            (false, _) => None,
            (true, true) => Some(Window::ToEnd),
            (true, false) => Some(Window::UpTo(last)),
        };
        let done = (flags & SOME_DONE != 0).then_some(done);
        Some(Self { done, window, before, given_up: flags & GIVEN_UP != 0 })
    }

    pub(super) fn encode(&self) -> Bytes {
        let done = self.done.as_deref().unwrap_or_default();
        let (window, last): (u8, &[u8]) = match &self.window {
            None => (0, &[]),
            Some(Window::ToEnd) => (WINDOW_OPEN | WINDOW_WITHOUT_END, &[]),
            Some(Window::UpTo(last)) => (WINDOW_OPEN, last),
        };
        let mut record = BytesMut::with_capacity(HEADER_BYTES + done.len() + last.len());
        record.put_u8(VERSION);
        let flag = |set: bool, flag: u8| if set { flag } else { 0 };
        record.put_u8(flag(self.done.is_some(), SOME_DONE) | window | flag(self.given_up, GIVEN_UP));
        record.put_i64(self.before.items);
        record.put_i64(self.before.bytes);
        // The length of a key fits 16 bits.
        record.put_u16(u16::try_from(done.len()).unwrap_or(u16::MAX));
        record.put_slice(done);
        record.put_slice(last);
        record.freeze()
    }
}

impl Table {
    /// Where the progress of filling the index of that id is kept, or of the records that are kept under it.
    pub(super) fn fill_key(&self, id: u16) -> RecordKey {
        let mut key = BytesMut::from(&*index_prefix(FILLS));
        key.put_u16(id);
        RecordKey::new(self.index_entries(), key.freeze())
    }

    /// Where the progress is kept that a transaction which writes items has to declare: an index of the table is being
    /// filled. There is one at a time.
    pub(crate) fn declared_fill_key(&self) -> Option<RecordKey> {
        let filled = |index: &&Index| index.status == IndexStatus::Backfilling;
        self.definition.indexes.iter().find(filled).map(|index| self.fill_key(index.schema.id))
    }

    /// One of the open window's counters.
    pub(crate) fn window_counter(&self, counter: IndexCounter) -> CounterKey {
        self.index_counter(WINDOW_COUNTERS, counter)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn progress(done: Option<&'static str>, window: Option<Window>) -> FillProgress {
        let before = Totals { items: -3, bytes: 1 << 40 };
        FillProgress { done: done.map(Bytes::from), window, before, given_up: done.is_none() }
    }

    #[test]
    fn a_record_says_what_was_written() {
        for done in [None, Some("k"), Some("")] {
            for window in [None, Some(Window::ToEnd), Some(Window::UpTo("last".into()))] {
                let written = progress(done, window);
                assert!(FillProgress::read(Some(&written.encode())).unwrap() == written);
            }
        }
        assert!(FillProgress::read(None).unwrap() == FillProgress::default());
        for damaged in ["", "\u{1}", "\u{2}xxxxxxxxxxxxxxxxxxxxxxx"] {
            assert!(FillProgress::read(Some(&damaged.into())).is_err());
        }
    }

    #[test]
    fn an_item_is_done_in_the_window_or_behind_it() {
        let place =
            |progress: &FillProgress| ["a", "c", "d", "f", "g"].map(|key| progress.place(key.as_bytes()));
        use FillPlace::{Behind, Done, Window as Open};
        assert_eq!(
            place(&progress(Some("c"), Some(Window::UpTo("f".into())))),
            [Done, Done, Open, Open, Behind]
        );
        assert_eq!(place(&progress(Some("c"), Some(Window::ToEnd))), [Done, Done, Open, Open, Open]);
        assert_eq!(place(&progress(Some("c"), None)), [Done, Done, Behind, Behind, Behind]);
        assert_eq!(place(&FillProgress::default()), [Behind; 5]);
    }
}
