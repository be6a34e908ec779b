//! The journal check on journals that fjall wrote, damaged in every way that is easy to think of.

use super::*;
use crate::tuning;
use fjall::{OwnedWriteBatch, PersistMode};

const COMMITS: u64 = 8;

/// A folder with one journal of [`COMMITS`] commits, and where each of them ends.
struct Sample {
    folder: tempfile::TempDir,
    ends: Vec<usize>,
    bytes: Vec<u8>,
}

impl Sample {
    fn new() -> Self {
        Self::with_values(|commit| format!("value of {commit}").into_bytes())
    }

    fn with_values(value: impl Fn(u64) -> Vec<u8>) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let database = tuning::database(&folder.path().join("fjall"), 1 << 20, 64 << 20, 2).open().unwrap();
        let keyspace = |name| database.keyspace(name, || tuning::keyspace_options(1 << 14)).unwrap();
        let (engine, items) = (keyspace(layout::ENGINE_KEYSPACE), keyspace("items"));
        assert_eq!(engine.id(), layout::ENGINE_KEYSPACE_ID);
        for commit in 1..=COMMITS {
            let mut batch =
                OwnedWriteBatch::with_capacity(database.clone(), 3).durability(Some(PersistMode::SyncData));
            batch.insert(&items, format!("key {commit}"), value(commit));
            batch.remove(&items, format!("key {}", commit - 1));
            batch.insert(&engine, layout::SEQUENCE_KEY, commit.to_be_bytes());
            batch.commit().unwrap();
        }
        let bytes = std::fs::read(folder.path().join("fjall/0.jnl")).unwrap();
        drop((engine, items, database));
        let mut reader = Counted { inner: &bytes[..], bytes: 0 };
        let mut ends = vec![0];
        while let Parsed::Batch(_) = read_batch(&mut reader).unwrap() {
            ends.push(usize::try_from(reader.bytes).unwrap());
        }
        assert_eq!(ends.len() as u64, COMMITS + 1);
        // The zeros behind are cut to a few, so that the tests need not read 64 MiB each time.
        let end = *ends.last().unwrap();
        let sample = Self { folder, bytes: bytes[..end + 1000].to_vec(), ends };
        assert!(sample.bytes[end..].iter().all(|byte| *byte == 0));
        sample
    }

    fn end(&self, commit: u64) -> usize {
        self.ends[usize::try_from(commit).unwrap()]
    }

    /// What the check says to journals with these contents.
    fn check(&self, contents: &[&[u8]]) -> Journals {
        let folder = self.folder.path().join("check");
        let _ = std::fs::remove_dir_all(&folder);
        std::fs::create_dir(&folder).unwrap();
        for (number, bytes) in contents.iter().enumerate() {
            // From nine on, so that ordering by name would be wrong.
            std::fs::write(folder.join(format!("{}.jnl", number + 9)), bytes).unwrap();
        }
        read(&folder).unwrap()
    }

    /// Asserts that the journal ends in a torn commit behind `newest`.
    fn assert_torn(&self, bytes: &[u8], newest: u64, context: usize) {
        let journals = self.check(&[bytes]);
        assert!(journals.damage.is_none(), "{context}: {}", journals.damage.unwrap());
        assert_eq!(journals.newest_commit, Some(newest), "{context}");
        let whole_bytes = self.end(newest) as u64;
        let path = journals.files[0].clone();
        assert_eq!(journals.torn, [Torn { path, whole_bytes }], "{context}");
    }
}

#[test]
fn a_whole_journal_is_whole() {
    let sample = Sample::new();
    let journals = sample.check(&[&sample.bytes]);
    assert_eq!(journals.newest_commit, Some(COMMITS));
    assert!(journals.torn.is_empty() && journals.damage.is_none());
}

#[test]
fn an_empty_journal_is_whole() {
    let sample = Sample::new();
    for empty in [&[][..], &[0; 5000]] {
        let journals = sample.check(&[empty]);
        assert!(journals.newest_commit.is_none() && journals.torn.is_empty() && journals.damage.is_none());
    }
}

#[test]
fn a_last_commit_that_is_cut_anywhere_is_torn() {
    let sample = Sample::new();
    for cut in sample.end(COMMITS - 1) + 1..sample.end(COMMITS) {
        sample.assert_torn(&sample.bytes[..cut], COMMITS - 1, cut);
    }
}

#[test]
fn a_last_commit_that_ends_in_zeros_from_anywhere_is_torn() {
    let sample = Sample::new();
    for from in sample.end(COMMITS - 1) + 1..sample.end(COMMITS) {
        let mut bytes = sample.bytes.clone();
        bytes[from..sample.end(COMMITS)].fill(0);
        sample.assert_torn(&bytes, COMMITS - 1, from);
    }
}

#[test]
fn a_last_commit_with_a_page_of_zeros_anywhere_is_torn() {
    let sample = Sample::with_values(|_| vec![7; 3000]);
    let (begin, end) = (sample.end(COMMITS - 1), sample.end(COMMITS));
    for from in (begin..end - 512).step_by(100) {
        let mut bytes = sample.bytes.clone();
        bytes[from..from + 512].fill(0);
        sample.assert_torn(&bytes, COMMITS - 1, from);
    }
}

#[test]
fn a_byte_that_changed_anywhere_before_the_last_commit_is_damage() {
    let sample = Sample::new();
    for at in sample.end(2)..sample.end(COMMITS - 1) {
        let mut bytes = sample.bytes.clone();
        bytes[at] ^= 0x40;
        let journals = sample.check(&[&bytes]);
        let offset_in_batch = at - sample.ends.iter().rfind(|end| **end <= at).unwrap();
        if (5..13).contains(&offset_in_batch) {
            // fjall's number of the batch is outside its checksum; that it is out of order is all that can be seen.
            assert!(journals.damage.is_some() || journals.newest_commit == Some(COMMITS), "{at}");
        } else {
            let damage = journals.damage.unwrap_or_else(|| panic!("not noticed at {at}"));
            assert!(sample.ends.contains(&usize::try_from(damage.whole_bytes).unwrap()), "{at}");
            assert!(journals.torn.is_empty(), "{at}");
        }
    }
}

#[test]
fn a_commit_that_is_missing_is_damage() {
    let sample = Sample::new();
    let without = [&sample.bytes[..sample.end(3)], &sample.bytes[sample.end(4)..]].concat();
    let damage = sample.check(&[&without]).damage.unwrap();
    assert_eq!(damage.whole_bytes, sample.end(3) as u64);
    assert!(damage.to_string().contains("commit 5 follows commit 3"), "{damage}");
}

#[test]
fn commits_go_on_from_journal_to_journal_and_one_missing_between_them_is_damage() {
    let sample = Sample::new();
    let first = &sample.bytes[..sample.end(3)];
    let journals = sample.check(&[first, &[], &sample.bytes[sample.end(3)..]]);
    assert!(journals.damage.is_none() && journals.torn.is_empty());
    assert_eq!(journals.newest_commit, Some(COMMITS));
    let journals = sample.check(&[first, &sample.bytes[sample.end(4)..]]);
    assert!(journals.damage.is_some());
}

#[test]
fn a_finished_journal_with_a_torn_end_is_damage_only_if_a_commit_is_missing_behind_it() {
    let sample = Sample::new();
    // A write that failed on a full disk: the commit was never there.
    let torn = &sample.bytes[..sample.end(4) - 5];
    let journals = sample.check(&[torn, &[0; 100]]);
    assert!(journals.damage.is_none());
    assert_eq!((journals.newest_commit, journals.torn.len()), (Some(3), 1));
    // A synced journal that lost its end: the next one goes on behind the missing commit.
    let journals = sample.check(&[torn, &sample.bytes[sample.end(4)..]]);
    assert!(journals.damage.is_some());
}

#[test]
fn a_torn_commit_whose_values_look_like_older_commits_is_still_torn() {
    let inner = Sample::new().bytes;
    let sample = Sample::with_values(|_| inner.clone());
    for cut in [100, 1, 14] {
        let mut bytes = sample.bytes.clone();
        bytes.truncate(sample.end(COMMITS) - cut);
        sample.assert_torn(&bytes, COMMITS - 1, cut);
        // Without its first bytes, so that nothing says where the values are.
        let mut bytes = sample.bytes.clone();
        bytes[sample.end(COMMITS - 1)..][..cut].fill(0);
        sample.assert_torn(&bytes, COMMITS - 1, cut);
    }
}

#[test]
fn what_is_cut_off_is_kept_beside_the_store_but_not_for_ever() {
    let sample = Sample::new();
    let store = tempfile::tempdir().unwrap();
    for round in 0..2 * TORN_KEPT {
        let cut = sample.end(COMMITS) - 1;
        let journals = sample.check(&[&sample.bytes[..cut]]);
        journals.cut_torn_tails(store.path()).unwrap();
        let kept = std::fs::read(&journals.files[0]).unwrap();
        assert_eq!(kept, sample.bytes[..sample.end(COMMITS - 1)]);
        let mut tails: Vec<_> =
            std::fs::read_dir(store.path()).unwrap().map(|entry| entry.unwrap().path()).collect();
        tails.sort();
        assert!((1..=(round + 1).min(TORN_KEPT)).contains(&tails.len()));
        assert_eq!(std::fs::read(tails.last().unwrap()).unwrap(), sample.bytes[sample.end(COMMITS - 1)..cut]);
    }
}

#[test]
fn a_file_that_is_no_journal_of_fjalls_is_damage() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("one.jnl"), []).unwrap();
    assert!(matches!(read(folder.path()), Err(Error::Damaged { .. })));
}
