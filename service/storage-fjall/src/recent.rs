//! What the last commits wrote, so that a decision made on slightly older records can be checked, and made again,
//! without reading anything.
//!
//! A transaction reads and decides on its caller's thread, against the view published last; by the time it reaches
//! the committer other commits may have passed it. This map answers, for each key it declared, whether one of them
//! wrote it, and what. It also holds the writes of the commit being put together, which is how any number of
//! transactions on one key fit into one commit.

use bytes::Bytes;
use cairn_storage::RecordKey;
use std::collections::{HashMap, VecDeque};
use std::hash::{BuildHasher, Hasher, RandomState};
use xxhash_rust::xxh3::xxh3_64_with_seed;

/// Commits remembered, however small they are.
const COMMITS_MAX: usize = 256;
/// Bytes of keys and values remembered, however few commits they are (the newest is always remembered).
const BYTES_MAX: usize = 32 << 20;
/// What an entry costs beyond its key and value, about.
const ENTRY_BYTES: usize = 128;

/// One record as a commit left it; none if it was deleted.
pub(crate) type Written = (RecordKey, Option<Bytes>);

/// The writes of one commit, each key once.
#[derive(Debug, Default)]
struct Commit {
    writes: Vec<Written>,
    bytes: usize,
}

/// Where the newest write of a key is.
#[derive(Clone, Copy, Debug)]
struct Place {
    sequence: u64,
    index: usize,
}

/// The writes of the last commits and of the pending one.
#[derive(Debug)]
pub(crate) struct RecentWrites {
    /// Newest write of each key.
    places: HashMap<RecordKey, Place, SeededHash>,
    /// The commits after `horizon`, the pending one last. Never empty.
    commits: VecDeque<Commit>,
    /// The newest commit that is *not* remembered: what was read at it or after it can be checked.
    horizon: u64,
    bytes: usize,
}

impl RecentWrites {
    /// Nothing remembered yet; `sequence` is the newest commit.
    pub(crate) fn new(sequence: u64) -> Self {
        Self {
            places: HashMap::with_hasher(SeededHash { seed: RandomState::new().hash_one(sequence) }),
            commits: VecDeque::from([Commit::default()]),
            horizon: sequence,
            bytes: 0,
        }
    }

    /// The oldest view whose readers can be checked.
    pub(crate) fn horizon(&self) -> u64 {
        self.horizon
    }

    /// The number of the newest commit that is not pending.
    pub(crate) fn newest_sequence(&self) -> u64 {
        self.pending_sequence() - 1
    }

    /// The number the pending commit will have.
    pub(crate) fn pending_sequence(&self) -> u64 {
        self.horizon + self.commits.len() as u64
    }

    /// What a commit after `seen`, the pending one included, made of a record; none if no such commit wrote it.
    pub(crate) fn newer(&self, key: &RecordKey, seen: u64) -> Option<&Option<Bytes>> {
        let place = self.places.get(key).filter(|place| place.sequence > seen)?;
        let commit = self.commits.get((place.sequence - self.horizon - 1) as usize)?;
        commit.writes.get(place.index).map(|(_, value)| value)
    }

    /// Adds a write to the pending commit; an earlier one to the same key is replaced, as nobody will ever see it.
    pub(crate) fn record(&mut self, key: RecordKey, value: Option<Bytes>) {
        let sequence = self.pending_sequence();
        let Some(pending) = self.commits.back_mut() else { return };
        let value_bytes = value.as_ref().map_or(0, Bytes::len);
        let known = self.places.get(&key).copied().filter(|place| place.sequence == sequence);
        if let Some((_, earlier)) = known.and_then(|place| pending.writes.get_mut(place.index)) {
            let replaced_bytes = earlier.as_ref().map_or(0, Bytes::len);
            pending.bytes = pending.bytes - replaced_bytes + value_bytes;
            self.bytes = self.bytes - replaced_bytes + value_bytes;
            *earlier = value;
            return;
        }
        let cost = key.key.len() + value_bytes + ENTRY_BYTES;
        pending.bytes += cost;
        self.bytes += cost;
        self.places.insert(key.clone(), Place { sequence, index: pending.writes.len() });
        pending.writes.push((key, value));
    }

    /// The writes of the pending commit, each key once.
    pub(crate) fn pending(&self) -> &[Written] {
        self.commits.back().map_or(&[], |commit| &commit.writes)
    }

    /// Makes the pending commit the newest one and begins the next, forgetting the oldest if there are too many.
    pub(crate) fn seal(&mut self) {
        self.commits.push_back(Commit::default());
        while self.commits.len() > 2 && (self.commits.len() > COMMITS_MAX || self.bytes > BYTES_MAX) {
            self.forget_oldest();
        }
    }

    /// Forgets every commit, so that whoever read before now has to read again.
    pub(crate) fn forget_all(&mut self) {
        while self.commits.len() > 1 {
            self.forget_oldest();
        }
    }

    fn forget_oldest(&mut self) {
        let Some(commit) = self.commits.pop_front() else { return };
        self.horizon += 1;
        self.bytes -= commit.bytes;
        for (key, _) in &commit.writes {
            if self.places.get(key).is_some_and(|place| place.sequence == self.horizon) {
                self.places.remove(key);
            }
        }
    }
}

/// XXH3 over each part of a key. Callers choose the keys, so it is seeded: nobody can prepare keys that collide.
#[derive(Clone, Debug)]
struct SeededHash {
    seed: u64,
}

/// The hash of the parts so far, which seeds that of the next.
struct PartsHasher(u64);

impl BuildHasher for SeededHash {
    type Hasher = PartsHasher;

    fn build_hasher(&self) -> PartsHasher {
        PartsHasher(self.seed)
    }
}

impl Hasher for PartsHasher {
    fn write(&mut self, bytes: &[u8]) {
        self.0 = xxh3_64_with_seed(bytes, self.0);
    }

    fn finish(&self) -> u64 {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use cairn_storage::SpaceId;

    fn key(name: &'static str) -> RecordKey {
        RecordKey::new(SpaceId::System, name)
    }

    fn value(text: &'static str) -> Option<Bytes> {
        Some(Bytes::from_static(text.as_bytes()))
    }

    #[test]
    fn a_write_is_newer_for_those_who_read_before_it_only() {
        let mut recent = RecentWrites::new(10);
        recent.record(key("a"), value("1"));
        assert_eq!(recent.pending_sequence(), 11);
        recent.seal();
        assert_eq!(recent.newer(&key("a"), 10), Some(&value("1")));
        assert_eq!(recent.newer(&key("a"), 11), None);
        assert_eq!(recent.newer(&key("b"), 10), None);
    }

    #[test]
    fn the_pending_commit_is_newer_for_everyone_and_holds_each_key_once() {
        let mut recent = RecentWrites::new(0);
        recent.record(key("a"), value("1"));
        recent.record(key("b"), value("1"));
        recent.record(key("a"), None);
        assert_eq!(recent.newer(&key("a"), 0), Some(&None));
        assert_eq!(recent.pending(), [(key("a"), None), (key("b"), value("1"))]);
    }

    #[test]
    fn the_newest_of_several_commits_counts() {
        let mut recent = RecentWrites::new(0);
        for text in ["1", "2", "3"] {
            recent.record(key("a"), value(text));
            recent.seal();
        }
        assert_eq!(recent.newer(&key("a"), 0), Some(&value("3")));
        assert_eq!(recent.newer(&key("a"), 2), Some(&value("3")));
        assert_eq!(recent.newer(&key("a"), 3), None);
    }

    #[test]
    fn old_commits_are_forgotten_and_the_horizon_says_so() {
        let mut recent = RecentWrites::new(0);
        recent.record(key("old"), value("1"));
        recent.seal();
        for _ in 0..2 * COMMITS_MAX {
            recent.record(key("new"), value("1"));
            recent.seal();
        }
        assert_eq!(recent.commits.len(), COMMITS_MAX);
        assert_eq!(recent.horizon() + COMMITS_MAX as u64, recent.pending_sequence());
        assert_eq!(recent.newer(&key("old"), 0), None);
        assert_eq!(recent.places.len(), 1);
    }

    #[test]
    fn large_commits_are_forgotten_sooner_but_never_the_newest() {
        let mut recent = RecentWrites::new(0);
        let large = Some(Bytes::from(vec![0; BYTES_MAX]));
        for name in ["a", "b"] {
            recent.record(key(name), large.clone());
            recent.seal();
        }
        assert_eq!(recent.horizon(), 1);
        assert_eq!(recent.newer(&key("b"), 1), Some(&large));
        recent.forget_all();
        assert_eq!((recent.horizon(), recent.bytes, recent.places.len()), (2, 0, 0));
    }
}
