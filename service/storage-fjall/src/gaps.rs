//! Ranges of keys that are known to hold no record, so that a scan steps over all of them at once.
//!
//! A deleted record leaves a tombstone, and fjall's iterators step over every tombstone one by one: half a
//! microsecond each, 150 milliseconds for the 300,000 that a queue leaves at its head. Compaction removes tombstones
//! only once they meet what they delete in the last level (see `upkeep`). Until then these ranges do.
//!
//! **Why it is exact.** A gap `[start, end)` that is known since commit `s` states that no view of commit `s` or later
//! holds a record in it. That is so because
//! - whoever adds it has scanned the range in the view of commit `s` and found nothing, and
//! - the committer takes every key it puts out of the gaps, before it publishes the commit, and
//! - every commit after `s` was checked in this way. [`Gaps::begin`] makes a new gap visible to the committer before
//!   `s` is chosen, and `upkeep` chooses an `s` that is no older than any commit that may have been checked before.
//!
//! A view older than `s` does not use the gap. A view that was published before a put took its key out does without
//! the gap from then on, which is slower and not wrong.
//!
//! Gaps are in memory only. After a restart the first slow scan finds them again.

use bytes::Bytes;
use cairn_storage::{Direction, KeyRange};
use parking_lot::Mutex;
use std::collections::BTreeMap;
use std::ops::Bound;
use std::sync::atomic::{AtomicUsize, Ordering};

/// The most gaps that one space remembers. The one that has not been used for the longest time makes room.
const GAPS_MAX: usize = 1024;

/// The longest key that bounds a remembered gap, in bytes. It bounds the memory of all gaps.
const KEY_BYTES_MAX: usize = 4096;

/// The longest key that fjall takes as a bound, in bytes.
const BOUND_BYTES_MAX: usize = 65_535;

/// A commit that no view reaches: the gap is not known to be empty yet.
const NEVER: u64 = u64::MAX;

/// Keys from the first, included, to the second, excluded; none stands for the end of the space.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Keys {
    pub(crate) start: Bytes,
    pub(crate) end: Option<Bytes>,
}

impl Keys {
    /// The keys of a range; none if a bound is too long to be written in this way.
    pub(crate) fn of(range: &KeyRange) -> Option<Self> {
        let start = match &range.start {
            Bound::Unbounded => Bytes::new(),
            Bound::Included(key) => key.clone(),
            Bound::Excluded(key) => successor(key),
        };
        let end = match &range.end {
            Bound::Unbounded => None,
            Bound::Included(key) => Some(successor(key)),
            Bound::Excluded(key) => Some(key.clone()),
        };
        let is_short = |key: &Bytes| key.len() <= BOUND_BYTES_MAX;
        (is_short(&start) && end.as_ref().is_none_or(is_short)).then_some(Self { start, end })
    }

    /// These keys as a range.
    pub(crate) fn into_range(self) -> KeyRange {
        KeyRange {
            start: Bound::Included(self.start),
            end: self.end.map_or(Bound::Unbounded, Bound::Excluded),
        }
    }

    fn is_empty(&self) -> bool {
        !is_before(&self.start, self.end.as_ref())
    }
}

/// The smallest key greater than `key`.
pub(crate) fn successor(key: &[u8]) -> Bytes {
    [key, &[0]].concat().into()
}

/// Whether a key lies before an end.
fn is_before(key: &Bytes, end: Option<&Bytes>) -> bool {
    end.is_none_or(|end| key < end)
}

/// The earlier of two ends.
fn earlier(a: Option<&Bytes>, b: Option<&Bytes>) -> Option<Bytes> {
    match (a, b) {
        (Some(a), Some(b)) => Some(a.min(b).clone()),
        (a, b) => a.or(b).cloned(),
    }
}

/// One gap, without its first key.
#[derive(Clone, Debug)]
struct Gap {
    end: Option<Bytes>,
    /// The oldest view that it holds for.
    since: u64,
    used: u64,
}

/// The gaps of one space.
#[derive(Debug, Default)]
pub(crate) struct Gaps {
    /// How many there are. While there are none, neither scans nor the committer take the lock.
    count: AtomicUsize,
    known: Mutex<Known>,
}

#[derive(Debug, Default)]
struct Known {
    /// By their first keys. They do not overlap.
    gaps: BTreeMap<Bytes, Gap>,
    /// Counts the uses.
    uses: u64,
}

/// A part of a scan without known gaps, and what comes after it.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Segment {
    pub(crate) keys: Keys,
    /// What is left of the scan behind the gap that ends the segment; none if the segment is the last.
    pub(crate) rest: Option<Keys>,
}

impl Gaps {
    /// Whether there are none. Sequentially consistent: see [`Gaps::begin`].
    pub(crate) fn are_none(&self) -> bool {
        self.count.load(Ordering::SeqCst) == 0
    }

    /// How many there are.
    #[cfg(test)]
    pub(crate) fn count(&self) -> usize {
        self.count.load(Ordering::Relaxed)
    }

    /// The first part of `keys`, in `direction`, that is not known to be empty in the view of commit `sequence`; none
    /// if all of it is.
    pub(crate) fn first_segment(&self, keys: Keys, direction: Direction, sequence: u64) -> Option<Segment> {
        let mut known = self.known.lock();
        known.uses += 1;
        match direction {
            Direction::Ascending => known.first_ascending(keys, sequence),
            Direction::Descending => known.first_descending(keys, sequence),
        }
    }

    /// Takes a key that is about to be put out of the gaps.
    pub(crate) fn put(&self, key: &Bytes) {
        self.change(|known| known.split(key));
    }

    /// Takes note that commit `sequence`, which is about to be published, deletes a key: it joins the gaps beside it.
    pub(crate) fn deleted(&self, key: &Bytes, sequence: u64) {
        self.change(|known| known.join(key, sequence));
    }

    /// Begins to remember the first part of `keys` that is not remembered yet, and returns that part; none if there is
    /// none. Nobody uses it until [`finish`](Self::finish). From when this returns, every commit that was not being
    /// checked before takes its keys out.
    pub(crate) fn begin(&self, keys: Keys) -> Option<Keys> {
        if keys.start.len() > KEY_BYTES_MAX || keys.end.as_ref().is_some_and(|end| end.len() > KEY_BYTES_MAX)
        {
            return None;
        }
        self.change(|known| known.begin(keys))
    }

    /// Ends what [`begin`](Self::begin) began: in the view of commit `sequence` the part holds no record before
    /// `found`, or none at all.
    pub(crate) fn finish(&self, part: &Keys, found: Option<&Bytes>, sequence: u64) {
        let end = earlier(part.end.as_ref(), found);
        self.change(|known| {
            known.end_begun(|start, gap| {
                let end = earlier(gap.end.as_ref(), end.as_ref());
                is_before(start, end.as_ref()).then_some(Gap { end, since: sequence, used: gap.used })
            });
            known.merge(|left, right| left.since == right.since);
        });
    }

    /// Gives up what [`begin`](Self::begin) began.
    pub(crate) fn abandon(&self) {
        self.change(|known| known.end_begun(|_, _| None));
    }

    /// Merges gaps that touch, where no view older than commit `settled` is of interest any more.
    pub(crate) fn merge_settled(&self, settled: u64) {
        if !self.are_none() {
            self.change(|known| known.merge(|left, right| left.since.max(right.since) <= settled));
        }
    }

    fn change<T>(&self, change: impl FnOnce(&mut Known) -> T) -> T {
        let mut known = self.known.lock();
        let changed = change(&mut known);
        self.count.store(known.gaps.len(), Ordering::SeqCst);
        changed
    }
}

impl Known {
    fn first_ascending(&mut self, mut keys: Keys, sequence: u64) -> Option<Segment> {
        let uses = self.uses;
        // Over the gaps that touch.
        while let Some((_, gap)) = self.gaps.range_mut::<Bytes, _>(..=&keys.start).next_back()
            && gap.since <= sequence
            && is_before(&keys.start, gap.end.as_ref())
        {
            gap.used = uses;
            keys.start = gap.end.clone()?;
        }
        if keys.is_empty() {
            return None;
        }
        let behind =
            (Bound::Excluded(&keys.start), keys.end.as_ref().map_or(Bound::Unbounded, Bound::Excluded));
        let next = self.gaps.range_mut::<Bytes, _>(behind).find(|(_, gap)| gap.since <= sequence);
        let Some((start, gap)) = next else { return Some(Segment { keys, rest: None }) };
        gap.used = uses;
        let rest = gap.end.clone().map(|end| Keys { start: end, end: keys.end.clone() });
        let keys = Keys { start: keys.start, end: Some(start.clone()) };
        Some(Segment { keys, rest: rest.filter(|rest| !rest.is_empty()) })
    }

    fn first_descending(&mut self, mut keys: Keys, sequence: u64) -> Option<Segment> {
        let uses = self.uses;
        loop {
            if keys.is_empty() {
                return None;
            }
            let before = keys.end.as_ref().map_or(Bound::Unbounded, Bound::Excluded);
            let mut below = self.gaps.range_mut::<Bytes, _>((Bound::Unbounded, before)).rev();
            let Some((start, gap)) = below.find(|(_, gap)| gap.since <= sequence) else {
                return Some(Segment { keys, rest: None });
            };
            // It begins below the end of the keys. Does it reach up to there?
            let reaches_end = match (&gap.end, &keys.end) {
                (None, _) => true,
                (Some(_), None) => false,
                (Some(gap_end), Some(end)) => gap_end >= end,
            };
            if reaches_end {
                gap.used = uses;
                keys.end = Some(start.clone());
                continue;
            }
            let gap_end = gap.end.clone()?;
            if gap_end <= keys.start {
                return Some(Segment { keys, rest: None });
            }
            gap.used = uses;
            let rest = Keys { start: keys.start, end: Some(start.clone()) };
            let keys = Keys { start: gap_end, end: keys.end };
            return Some(Segment { keys, rest: Some(rest).filter(|rest| !rest.is_empty()) });
        }
    }

    /// The gap that a key lies in.
    fn around(&self, key: &Bytes) -> Option<(Bytes, Gap)> {
        let (start, gap) = self.gaps.range::<Bytes, _>(..=key).next_back()?;
        is_before(key, gap.end.as_ref()).then(|| (start.clone(), gap.clone()))
    }

    fn split(&mut self, key: &Bytes) {
        let Some((start, gap)) = self.around(key) else { return };
        if start == *key {
            self.gaps.remove(&start);
        } else {
            self.insert(start, Gap { end: Some(key.clone()), ..gap.clone() });
        }
        let behind = successor(key);
        if behind.len() <= KEY_BYTES_MAX && is_before(&behind, gap.end.as_ref()) {
            self.insert(behind, gap);
        }
    }

    fn join(&mut self, key: &Bytes, sequence: u64) {
        if key.len() >= KEY_BYTES_MAX {
            return;
        }
        let below = self.gaps.range::<Bytes, _>(..=key).next_back();
        let touches_below = match below {
            Some((_, gap)) if is_before(key, gap.end.as_ref()) => return,
            Some((_, gap)) => gap.end.as_ref() == Some(key),
            None => false,
        };
        let behind = successor(key);
        if touches_below || self.gaps.contains_key(&behind) {
            let used = self.uses;
            self.insert(key.clone(), Gap { end: Some(behind), since: sequence, used });
        }
    }

    fn begin(&mut self, mut keys: Keys) -> Option<Keys> {
        while let Some((_, gap)) = self.around(&keys.start) {
            keys.start = gap.end?;
        }
        if keys.is_empty() {
            return None;
        }
        let next = self.gaps.range::<Bytes, _>(&keys.start..).next().map(|(start, _)| start);
        let part = Keys { end: earlier(keys.end.as_ref(), next), start: keys.start };
        let used = self.uses;
        self.insert(part.start.clone(), Gap { end: part.end.clone(), since: NEVER, used });
        Some(part)
    }

    /// Replaces each gap that was begun by what `end` makes of it.
    fn end_begun(&mut self, mut end: impl FnMut(&Bytes, &Gap) -> Option<Gap>) {
        self.gaps.retain(|start, gap| {
            if gap.since != NEVER {
                return true;
            }
            let ended = end(start, gap);
            let is_kept = ended.is_some();
            if let Some(ended) = ended {
                *gap = ended;
            }
            is_kept
        });
    }

    /// Merges each two gaps that touch and for which `may` holds. The merged gap is known since the later of the two.
    fn merge(&mut self, may: impl Fn(&Gap, &Gap) -> bool) {
        let mut merged: Vec<(Bytes, Gap)> = Vec::with_capacity(self.gaps.len());
        for (start, gap) in std::mem::take(&mut self.gaps) {
            if let Some((_, last)) = merged.last_mut()
                && last.end.as_ref() == Some(&start)
                && last.since != NEVER
                && gap.since != NEVER
                && may(last, &gap)
            {
                last.since = last.since.max(gap.since);
                last.used = last.used.max(gap.used);
                last.end = gap.end;
            } else {
                merged.push((start, gap));
            }
        }
        self.gaps = merged.into_iter().collect();
    }

    fn insert(&mut self, start: Bytes, gap: Gap) {
        if self.gaps.len() >= GAPS_MAX && !self.gaps.contains_key(&start) {
            let idle = self.gaps.iter().min_by_key(|(_, gap)| gap.used).map(|(start, _)| start.clone());
            if let Some(idle) = idle {
                self.gaps.remove(&idle);
            }
        }
        self.gaps.insert(start, gap);
    }
}

#[cfg(test)]
mod tests;
