//! How fjall is set up for this engine, and the figures of a keyspace that fjall keeps undocumented.

use fjall::config::PartitioningPolicy;
use fjall::{
    AbstractTree, CompressionType, Database, DatabaseBuilder, Keyspace, KeyspaceCreateOptions,
    KvSeparationOptions,
};
use std::path::Path;
use std::sync::Arc;

/// Sealed memtables waiting to be flushed from which on a keyspace is behind. fjall stalls the commit at four.
const SEALED_MAX: usize = 2;
/// Runs in level 0 from which on a keyspace is behind. fjall stalls the commit at thirty.
const L0_RUNS_MAX: usize = 20;
/// The monitor has memtables written out; fjall does it itself only past this.
const MEMTABLE_SAFETY_BYTES: u64 = 256 << 20;

/// A database as the engine wants it.
pub(crate) fn database(
    folder: &Path,
    cache_bytes: u64,
    journal_bytes: u64,
    background_threads: usize,
) -> DatabaseBuilder<Database> {
    Database::builder(folder)
        .cache_size(cache_bytes)
        .worker_threads(background_threads)
        .max_journaling_size(journal_bytes)
        // Every batch is synced by the commit itself.
        .manual_journal_persist(true)
        // Recovery compresses each value again to check its batch, so a journal could only be read by the very
        // version of the compressor that wrote it. And the committer's core is the one all writers wait for.
        .journal_compression(CompressionType::None)
}

/// A keyspace as the engine wants it. Kept by fjall from its creation on.
pub(crate) fn keyspace_options(separate_values_bytes: u32) -> KeyspaceCreateOptions {
    KeyspaceCreateOptions::default()
        .manual_journal_persist(true)
        .max_memtable_size(MEMTABLE_SAFETY_BYTES)
        // With whole index and filter blocks a cache smaller than them is emptied by every read: 27k against 150k
        // reads a second.
        .index_block_partitioning_policy(PartitioningPolicy::all(true))
        .filter_block_partitioning_policy(PartitioningPolicy::all(true))
        .with_kv_separation(Some(KvSeparationOptions::default().separation_threshold(separate_values_bytes)))
}

/// Whether a keyspace's flushes cannot keep up with its writers.
pub(crate) fn is_flush_behind(keyspace: &Keyspace) -> bool {
    keyspace.sealed_memtable_count() >= SEALED_MAX
}

/// Whether a keyspace's compactions cannot keep up with its flushes.
pub(crate) fn is_compaction_behind(keyspace: &Keyspace) -> bool {
    keyspace.tree.l0_run_count() >= L0_RUNS_MAX
}

/// Whether writers to a keyspace should wait.
pub(crate) fn is_behind(keyspace: &Keyspace) -> bool {
    is_flush_behind(keyspace) || is_compaction_behind(keyspace)
}

/// Bytes in the memtable that takes writes.
pub(crate) fn active_bytes(keyspace: &Keyspace) -> u64 {
    keyspace.tree.active_memtable().size()
}

/// What a keyspace holds in memory.
#[derive(Clone, Copy, Debug)]
pub(crate) struct MemtableBytes {
    /// In the memtable that takes writes.
    pub(crate) active: u64,
    /// In memtables that are not flushed. More than that while one is being flushed: the rest may be counted in.
    pub(crate) unflushed: u64,
    /// In all memtables, those included that are flushed but still read by a view.
    pub(crate) total: u64,
    /// Whether a memtable is being flushed, or waiting to be.
    pub(crate) is_flushing: bool,
}

/// Measures what a keyspace holds in memory.
pub(crate) fn memtable_bytes(keyspace: &Keyspace) -> MemtableBytes {
    let active = active_bytes(keyspace);
    // At least what is active now, should a flush have let go of something in between.
    let total = keyspace.tree.version_memtable_size_sum().max(active);
    let is_flushing = keyspace.sealed_memtable_count() > 0;
    MemtableBytes { active, unflushed: if is_flushing { total } else { active }, total, is_flushing }
}

/// Lets go of memtables that are flushed and that no view reads any more. fjall does so when it seals the next one,
/// which under memory pressure may be never.
pub(crate) fn release_flushed<'a>(database: &Database, keyspaces: impl Iterator<Item = &'a Arc<Keyspace>>) {
    /// fjall looks for the oldest view once every so many views.
    const VIEWS_UNTIL_LOOK: usize = 10_000;
    for _ in 0..VIEWS_UNTIL_LOOK {
        // Not to be read from: only its end is of interest.
        drop(database.snapshot());
    }
    let readable_from = database.supervisor.snapshot_tracker.get_seqno_safe_to_gc();
    for keyspace in keyspaces {
        let mut versions = keyspace.tree.get_version_history_lock();
        if let Err(error) = versions.maintenance(keyspace.path(), readable_from) {
            tracing::warn!(error = &error as &dyn std::error::Error, "flushed memtables could not be let go");
        }
    }
}

/// Seals the memtable that takes writes and has it flushed. May wait for the commit under way.
pub(crate) fn rotate(keyspace: &Keyspace) -> fjall::Result<bool> {
    keyspace.rotate_memtable()
}

/// Takes a step in compacting a keyspace that needs it while nobody compacts anything.
///
/// fjall asks for a compaction after each flush, but drops the request when its queue is full. A space that is so far
/// behind that its writers wait has no further flushes, so it would stay as it is.
pub(crate) fn compact_if_forgotten(database: &Database, keyspace: &Keyspace) {
    if !is_compaction_behind(keyspace) || database.active_compactions() > 0 {
        return;
    }
    let readable_from = database.supervisor.snapshot_tracker.get_seqno_safe_to_gc();
    let strategy = keyspace.config.compaction_strategy.clone();
    if let Err(error) = keyspace.tree.compact(strategy, readable_from) {
        tracing::warn!(error = &error as &dyn std::error::Error, "a compaction failed");
    }
}

/// Deletions that a keyspace keeps beside its records, in tables and in the memtable that takes writes.
pub(crate) fn deletions_max(keyspace: &Keyspace) -> u64 {
    let memtable = keyspace.tree.active_memtable();
    let in_memory = memtable.items.iter().filter(|entry| entry.key().is_tombstone()).count();
    table_deletions(keyspace) + in_memory as u64
}

/// Deletions that a keyspace keeps in tables.
pub(crate) fn table_deletions(keyspace: &Keyspace) -> u64 {
    keyspace.tree.current_version().iter_tables().map(|table| table.tombstone_count()).sum()
}

/// How many records a keyspace holds, old versions and deletions included.
pub(crate) fn records_about(keyspace: &Keyspace) -> u64 {
    keyspace.tree.approximate_len() as u64
}

/// Whether nothing was ever written to a keyspace.
pub(crate) fn was_never_written(keyspace: &Keyspace) -> bool {
    keyspace.table_count() == 0
        && keyspace.sealed_memtable_count() == 0
        && keyspace.tree.active_memtable().is_empty()
}

/// Writes all tables of a keyspace anew, into the last level, without deletions and without versions that no view reads.
/// Waits for compactions of the keyspace that are under way, and they wait for it.
pub(crate) fn compact_whole(database: &Database, keyspace: &Keyspace) -> fjall::Result<()> {
    /// As large as fjall's own compactions make them.
    const TABLE_BYTES: u64 = 64_000_000;
    let readable_from = database.supervisor.snapshot_tracker.get_seqno_safe_to_gc();
    Ok(keyspace.tree.major_compact(TABLE_BYTES, readable_from)?)
}

/// Skips sequence numbers, so that no new one is below any that was given out before the store was closed.
///
/// Recovery takes up after the newest record it finds, but the tables in which fjall notes which keyspaces exist may
/// carry higher numbers (flushes and compactions take numbers too), and a note with a lower number than the one it
/// replaces would be ignored: a dropped space would come back.
pub(crate) fn skip_sequence_numbers(database: &Database) {
    const MORE_THAN_WERE_TAKEN: u64 = 1 << 24;
    let next = database.supervisor.seqno.get();
    database.supervisor.seqno.fetch_max(next + MORE_THAN_WERE_TAKEN);
}

#[cfg(test)]
mod tests {
    use super::*;
    use fjall::Readable;

    fn database_without_workers(folder: &Path) -> (Database, Arc<Keyspace>) {
        let database = database(folder, 1 << 20, 64 << 20, 2).worker_threads_unchecked(0).open().unwrap();
        let keyspace = Arc::new(database.keyspace("items", || keyspace_options(1 << 14)).unwrap());
        (database, keyspace)
    }

    #[test]
    fn a_compaction_that_was_forgotten_is_taken_up() {
        let folder = tempfile::tempdir().unwrap();
        let (database, keyspace) = database_without_workers(folder.path());
        for n in 0..L0_RUNS_MAX {
            assert!(!is_compaction_behind(&keyspace), "{n}");
            keyspace.insert("key", n.to_be_bytes()).unwrap();
            keyspace.tree.flush_active_memtable(0).unwrap();
        }
        assert!(is_behind(&keyspace));
        compact_if_forgotten(&database, &keyspace);
        assert!(!is_behind(&keyspace));
        assert_eq!(&*keyspace.get("key").unwrap().unwrap(), (L0_RUNS_MAX - 1).to_be_bytes());
    }

    #[test]
    fn flushed_memtables_are_let_go_once_no_view_reads_them() {
        let folder = tempfile::tempdir().unwrap();
        let (database, keyspace) = database_without_workers(folder.path());
        keyspace.insert("key", vec![7; 100_000]).unwrap();
        let view = database.snapshot();
        keyspace.tree.flush_active_memtable(0).unwrap();
        let bytes = memtable_bytes(&keyspace);
        assert!(bytes.active == 0 && bytes.unflushed == 0 && bytes.total > 100_000, "{bytes:?}");
        release_flushed(&database, [&keyspace].into_iter());
        assert!(memtable_bytes(&keyspace).total > 100_000, "let go although a view reads it");
        drop(view);
        // What fjall may let go of ends one number before the newest view.
        keyspace.insert("key", "after").unwrap();
        release_flushed(&database, [&keyspace].into_iter());
        assert!(memtable_bytes(&keyspace).total < 10_000, "{:?}", memtable_bytes(&keyspace));
    }

    #[test]
    fn sequence_numbers_are_skipped_and_records_stay_readable() {
        let folder = tempfile::tempdir().unwrap();
        let (database, keyspace) = database_without_workers(folder.path());
        keyspace.insert("key", "before").unwrap();
        let before = database.snapshot();
        skip_sequence_numbers(&database);
        assert_eq!(database.snapshot().seqno(), before.seqno(), "a skipped number is visible");
        keyspace.insert("key", "after").unwrap();
        assert_eq!(&*before.get(&*keyspace, "key").unwrap().unwrap(), b"before");
        assert_eq!(&*database.snapshot().get(&*keyspace, "key").unwrap().unwrap(), b"after");
    }
}
