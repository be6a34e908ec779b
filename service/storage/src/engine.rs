//! The engine trait and the vocabulary of its calls.

use crate::{CounterKey, RecordKey, Result, SpaceId};
use bytes::Bytes;
use std::future::Future;
use std::ops::{Bound, ControlFlow};

/// How fresh a snapshot has to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Consistency {
    /// May lag behind acknowledged writes, where that is cheaper.
    Eventual,
    /// Sees every write acknowledged before the snapshot was asked for.
    Strong,
}

/// Which way a range is walked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// From the smallest key up.
    Ascending,
    /// From the largest key down.
    Descending,
}

/// A range of keys in one space, bytewise.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyRange {
    /// Where the range begins.
    pub start: Bound<Bytes>,
    /// Where it ends. A range that ends before it begins is empty, not an error.
    pub end: Bound<Bytes>,
}

impl KeyRange {
    /// Every key of a space.
    pub fn all() -> Self {
        Self { start: Bound::Unbounded, end: Bound::Unbounded }
    }

    /// Every key that begins with `prefix`.
    pub fn prefix(prefix: impl Into<Bytes>) -> Self {
        let prefix = prefix.into();
        let end = prefix_successor(&prefix).map_or(Bound::Unbounded, Bound::Excluded);
        Self { start: Bound::Included(prefix), end }
    }

    /// Whether no key can be in the range.
    pub fn is_empty(&self) -> bool {
        match (&self.start, &self.end) {
            (Bound::Unbounded, _) | (_, Bound::Unbounded) => false,
            (Bound::Included(start), Bound::Included(end)) => start > end,
            (
                Bound::Included(start) | Bound::Excluded(start),
                Bound::Included(end) | Bound::Excluded(end),
            ) => start >= end,
        }
    }
}

/// The smallest key greater than every key that begins with `prefix`; none if there is no such key.
fn prefix_successor(prefix: &[u8]) -> Option<Bytes> {
    let keep = prefix.iter().rposition(|byte| *byte != u8::MAX)?;
    let mut successor = prefix.get(..=keep)?.to_vec();
    if let Some(last) = successor.last_mut() {
        *last += 1;
    }
    Some(successor.into())
}

/// What is called for each record of a scan. It may compute (decode, filter) but must not wait for anything: an engine
/// may call it for the first records on the caller's own thread, for well under a millisecond, and calls it where
/// blocking is allowed for the rest.
pub trait Visit: Send + 'static {
    /// Takes one record; `Break` ends the scan after it.
    fn visit(&mut self, key: &[u8], value: Bytes) -> ControlFlow<()>;
}

impl<F: FnMut(&[u8], Bytes) -> ControlFlow<()> + Send + 'static> Visit for F {
    fn visit(&mut self, key: &[u8], value: Bytes) -> ControlFlow<()> {
        self(key, value)
    }
}

/// A consistent view of every space: whole commits only, durable ones only.
///
/// Reads of a space that is not in the view fail with [`SpaceNotFound`](crate::Error::SpaceNotFound). Once the engine
/// is closed they go on, or fail with [`Closed`](crate::Error::Closed).
///
/// Cheap to clone. An engine may keep old versions of records as long as a view lives, so hold one for a request, or
/// a page of a stream, and no longer. One that is held for seconds may expire when memory is short: its reads then fail
/// with [`Overloaded`](crate::Error::Overloaded), and a new snapshot is the cure. So it is after a
/// [`Conflict`](crate::Error::Conflict), with which an engine may refuse a read that is in the way of transactions.
pub trait Snapshot: Clone + Send + Sync + 'static {
    /// The record at `key`, if there is one.
    fn get(&self, key: &RecordKey) -> impl Future<Output = Result<Option<Bytes>>> + Send;

    /// The records at `keys`, in their order.
    fn get_many(&self, keys: Vec<RecordKey>) -> impl Future<Output = Result<Vec<Option<Bytes>>>> + Send;

    /// Walks a range in `direction`, giving each record to `visitor` until it breaks or the range ends, and returns
    /// the visitor. A visitor that panics fails its scan, and nothing else.
    fn scan<V: Visit>(
        &self,
        space: SpaceId,
        range: KeyRange,
        direction: Direction,
        visitor: V,
    ) -> impl Future<Output = Result<V>> + Send;

    /// A counter's total in this view; 0 if nothing was ever added.
    fn counter(&self, key: CounterKey) -> impl Future<Output = Result<i64>> + Send;
}

/// One change of a commit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Write {
    /// Sets the record at a key.
    Put(RecordKey, Bytes),
    /// Removes the record at a key; nothing to remove is no error.
    Delete(RecordKey),
    /// Adds to a counter, modulo 2⁶⁴: a total that passes the end of an `i64` goes on from the other end. So a total
    /// never depends on the order of its additions, and one that has been out of range is right again once it is back.
    Add(CounterKey, i64),
}

/// What a decision came to: the changes to commit, and the answer for the caller once they are durable.
#[derive(Clone, Debug)]
pub struct Decision<T> {
    /// The changes, applied in order: of two to one key the later stands. Empty for a decision that changes nothing,
    /// such as a failed condition.
    pub writes: Vec<Write>,
    /// The answer.
    pub outcome: T,
}

impl<T> Decision<T> {
    /// A decision that changes nothing.
    pub fn unchanged(outcome: T) -> Self {
        Self { writes: Vec::new(), outcome }
    }
}

/// Figures about the whole store, for operators and tests.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct EngineStatistics {
    /// Bytes the store takes on disk; 0 for an engine without one.
    pub disk_bytes: u64,
    /// Bytes waiting in memory to be written out as sorted tables (they are durable in the journal already).
    pub write_buffer_bytes: u64,
    /// Bytes of journal kept for those.
    pub journal_bytes: u64,
    /// Spaces that exist, the system space included.
    pub spaces: usize,
    /// Spaces that may exist, the system space included; none for no limit.
    pub spaces_max: Option<usize>,
    /// The sequence number of the newest durable commit.
    pub last_commit: u64,
    /// Deletions that are still kept beside the records, for scans to step over; an upper bound. 0 for an engine that
    /// keeps none.
    pub deletions_kept: u64,
    /// How often work in the background met a bug, since the store was opened. Each was logged.
    pub background_failures: u64,
}

/// A storage engine. Cloning gives another handle to the same store.
///
/// Every promise below is a test of the conformance kit.
pub trait Engine: Clone + Send + Sync + 'static {
    /// This engine's views.
    type Snapshot: Snapshot;

    /// A consistent view. With [`Consistency::Strong`] it holds every commit acknowledged before this call. No view
    /// ever shows a part of a commit, or one that a crash could still undo.
    fn snapshot(&self, consistency: Consistency) -> impl Future<Output = Result<Self::Snapshot>> + Send;

    /// Reads the records at `keys`, lets `decide` choose what to write, and commits that: serializable with respect
    /// to every other transaction on those keys, all of it or nothing, durable when this returns.
    ///
    /// - `decide` gets one entry a key, in the order of `keys`. It must be a pure function of them: it may run more
    ///   than once, on any thread, and only the last run counts. It should take microseconds.
    /// - It may write any key, declared or not. Only declared keys are protected against concurrent transactions;
    ///   an undeclared key must be owned by a declared one (an index entry belongs to its item).
    /// - A decision without writes commits nothing and costs no sync, and yet its outcome rests on durable records.
    /// - If the returned future is dropped, the commit happens or does not; it never happens in part.
    ///
    /// # Errors
    /// [`Error::SpaceNotFound`](crate::Error::SpaceNotFound) if a key names a space that does not exist at commit
    /// time (a table dropped meanwhile); then nothing is written. [`StorageFull`](crate::Error::StorageFull),
    /// [`Overloaded`](crate::Error::Overloaded), [`ReadOnly`](crate::Error::ReadOnly) and
    /// [`Closed`](crate::Error::Closed) as those say. [`Conflict`](crate::Error::Conflict) if the engine gives up
    /// ordering this transaction against others; then nothing is written, whether `decide` ran or not, and the keys it
    /// names, if any, are places in `keys`. [`Backend`](crate::Error::Backend) if `decide` panics, or writes a
    /// key of a length that [`RecordKey`] does not have; nothing is written then either.
    fn transact<T, D>(&self, keys: Vec<RecordKey>, decide: D) -> impl Future<Output = Result<T>> + Send
    where
        T: Send + 'static,
        D: FnMut(&[Option<Bytes>]) -> Decision<T> + Send + 'static;

    /// Creates a space, durably. Creating one that exists is no error and leaves its records alone.
    ///
    /// # Errors
    /// [`TooManySpaces`](crate::Error::TooManySpaces) past the engine's limit.
    fn create_space(&self, space: SpaceId) -> impl Future<Output = Result<()>> + Send;

    /// Drops a space with all its records and counters, durably. Dropping one that does not exist is no error.
    /// Transactions on it that are under way fail with `SpaceNotFound`; snapshots taken before may go on reading it,
    /// or fail with `SpaceNotFound`. The system space is always there: dropping it is an error, and does nothing.
    fn drop_space(&self, space: SpaceId) -> impl Future<Output = Result<()>> + Send;

    /// The spaces that exist, in order.
    fn spaces(&self) -> impl Future<Output = Result<Vec<SpaceId>>> + Send;

    /// Figures about the store.
    fn statistics(&self) -> impl Future<Output = Result<EngineStatistics>> + Send;

    /// Finishes what was accepted, refuses what comes after with [`Closed`](crate::Error::Closed), and lets the files
    /// go, so that another process can open them. Closing twice is no error, or `Closed`.
    fn close(&self) -> impl Future<Output = Result<()>> + Send;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_prefix_range_holds_the_prefix_and_everything_that_extends_it() {
        let range = KeyRange::prefix(&b"a\xff"[..]);
        assert_eq!(range.start, Bound::Included(Bytes::from_static(b"a\xff")));
        assert_eq!(range.end, Bound::Excluded(Bytes::from_static(b"b")));
        assert_eq!(KeyRange::prefix(&b"\xff\xff"[..]).end, Bound::Unbounded);
        assert_eq!(KeyRange::prefix(&b""[..]).end, Bound::Unbounded);
    }

    #[test]
    fn a_range_that_ends_before_it_begins_is_empty() {
        let key = |k: &'static str| Bytes::from_static(k.as_bytes());
        let range = |start, end| KeyRange { start, end }.is_empty();
        assert!(range(Bound::Included(key("b")), Bound::Included(key("a"))));
        assert!(range(Bound::Included(key("a")), Bound::Excluded(key("a"))));
        assert!(range(Bound::Excluded(key("a")), Bound::Included(key("a"))));
        assert!(!range(Bound::Included(key("a")), Bound::Included(key("a"))));
        assert!(!KeyRange::all().is_empty());
    }
}
