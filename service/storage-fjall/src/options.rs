//! The settings of an engine, their defaults, and which values are refused.

use crate::memory;
use crate::upkeep;
use cairn_storage::{Error, Result};
use std::path::PathBuf;
use std::time::Duration;

const MIB: u64 = 1 << 20;
const GIB: u64 = 1 << 30;

/// The most spaces that can be asked for. fjall deadlocks in `open` when more than 1,000 keyspaces need a compaction
/// at once; this leaves room for the engine's own keyspace and for spaces that are being dropped.
pub const MAX_SPACES_CEILING: usize = 960;

/// How an engine is opened. Start from [`FjallOptions::new`] and change what should differ.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct FjallOptions {
    /// The folder the store lives in; created if it is missing. One process at a time.
    pub directory: PathBuf,
    /// Bytes of decoded blocks kept in memory, shared by all spaces. Default: a quarter of the memory this process
    /// may use (the container's limit counts), from 16 MiB to 16 GiB.
    pub cache_bytes: u64,
    /// Bytes of records held in memory before they are written out as sorted tables, over all spaces. Past half of it
    /// the largest memtables are written out early, past all of it writers are slowed down, past one and a half times
    /// of it they wait. Default: an eighth of the memory this process may use, from 32 MiB to 1 GiB.
    pub write_buffer_bytes: u64,
    /// Bytes one space may hold in memory before they are written out. Default 64 MiB, or a quarter of
    /// `write_buffer_bytes` if that is less.
    pub memtable_bytes: u64,
    /// Bytes of journal after which every space writes out what it holds, so that old journals can go. It bounds how
    /// long the next open takes. At least 64 MiB; default 512 MiB.
    pub journal_bytes: u64,
    /// Spaces that may exist, the system space included; at most [`MAX_SPACES_CEILING`]. Default that: two for
    /// each of 400 tables, one for the catalog, and room for more.
    pub max_spaces: usize,
    /// Bytes of the volume that stay free: writes are refused before they would use them, so that flushes and
    /// compactions never meet a full disk. Default: 256 MiB, or a twentieth of the volume if that is less.
    pub disk_reserve_bytes: Option<u64>,
    /// Values of this many bytes and more are kept apart from the keys, so that compactions do not copy them and
    /// key-only walks do not read them. Default 16 KiB. Holds for spaces created from now on, but for the first few, whose
    /// keyspaces may be prepared already.
    pub separate_values_bytes: u32,
    /// Transactions one commit (one sync) may carry. Default 1,024.
    pub group_operations_max: usize,
    /// Bytes of keys and values after which a commit takes in no further transaction. Default 16 MiB.
    pub group_bytes_max: usize,
    /// Bytes of transactions that may wait for a commit. Each counts at least 4 KiB. Default 64 MiB.
    pub queue_bytes_max: usize,
    /// How long a transaction waits for a place in the queue, or for memory pressure to ease, before it is refused as
    /// overloaded. Default 5 s.
    pub queue_wait_max: Duration,
    /// Reads that may run at once on their callers' own threads, unless their space has answered from memory for
    /// long: such reads are not limited. Default: half the available cores, at least one.
    pub inline_reads_max: usize,
    /// Reads that may run at once on blocking threads. Default 64.
    pub blocking_reads_max: usize,
    /// Threads for flushes and compactions, at least 2 so that a compaction never holds up a flush. Default: as many
    /// as cores, from 2 to 4.
    pub background_threads: usize,
    /// Open a store that has lost acknowledged commits, keeping what is left. The loss is logged, and what is cut off
    /// is kept in files beside the store. Default false.
    pub accept_loss: bool,
    /// A step of a scan that takes this long is taken for one over deleted records.
    pub(crate) slow_step: Duration,
}

/// A setting that cannot work.
#[derive(Debug, thiserror::Error)]
pub enum OptionsError {
    /// More spaces than the engine could reopen.
    #[error("max_spaces is {asked}; it must be from 1 to {MAX_SPACES_CEILING}, more could not be reopened")]
    Spaces {
        /// What was asked for.
        asked: usize,
    },
    /// A setting below the least that works.
    #[error("{setting} is {asked}; it must be at least {least}")]
    TooSmall {
        /// The setting's name.
        setting: &'static str,
        /// What was asked for.
        asked: u64,
        /// The least that works.
        least: u64,
    },
}

impl FjallOptions {
    /// The default settings for a store in `directory`.
    pub fn new(directory: impl Into<PathBuf>) -> Self {
        let memory_bytes = memory::limit_bytes();
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        let write_buffer_bytes = (memory_bytes / 8).clamp(32 * MIB, GIB);
        Self {
            directory: directory.into(),
            cache_bytes: (memory_bytes / 4).clamp(16 * MIB, 16 * GIB),
            write_buffer_bytes,
            memtable_bytes: (write_buffer_bytes / 4).min(64 * MIB),
            journal_bytes: 512 * MIB,
            max_spaces: MAX_SPACES_CEILING,
            disk_reserve_bytes: None,
            separate_values_bytes: 16 * 1024,
            group_operations_max: 1024,
            group_bytes_max: 16 << 20,
            queue_bytes_max: 64 << 20,
            queue_wait_max: Duration::from_secs(5),
            inline_reads_max: (cores / 2).max(1),
            blocking_reads_max: 64,
            background_threads: cores.clamp(2, 4),
            accept_loss: false,
            slow_step: upkeep::SLOW_STEP,
        }
    }

    /// Refuses what cannot work.
    pub(crate) fn validate(&self) -> Result<()> {
        if !(1..=MAX_SPACES_CEILING).contains(&self.max_spaces) {
            return Err(refused(OptionsError::Spaces { asked: self.max_spaces }));
        }
        let least = [
            ("cache_bytes", self.cache_bytes, MIB),
            ("write_buffer_bytes", self.write_buffer_bytes, 64 * 1024),
            ("memtable_bytes", self.memtable_bytes, 16 * 1024),
            ("journal_bytes", self.journal_bytes, 64 * MIB),
            ("group_operations_max", self.group_operations_max as u64, 1),
            ("group_bytes_max", self.group_bytes_max as u64, 1),
            ("queue_bytes_max", self.queue_bytes_max as u64, 4096),
            ("inline_reads_max", self.inline_reads_max as u64, 1),
            ("blocking_reads_max", self.blocking_reads_max as u64, 1),
            ("background_threads", self.background_threads as u64, 2),
        ];
        for (setting, asked, least) in least {
            if asked < least {
                return Err(refused(OptionsError::TooSmall { setting, asked, least }));
            }
        }
        Ok(())
    }
}

fn refused(cause: OptionsError) -> Error {
    Error::backend("the store's settings cannot work", cause)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_defaults_are_valid() {
        FjallOptions::new("/nowhere").validate().unwrap();
    }

    #[test]
    fn more_spaces_than_can_be_reopened_are_refused() {
        let mut options = FjallOptions::new("/nowhere");
        options.max_spaces = MAX_SPACES_CEILING + 1;
        let error = options.validate().unwrap_err();
        let Error::Backend { source, .. } = error else { panic!("{error}") };
        assert!(source.to_string().contains("max_spaces"), "{source}");
        options.max_spaces = MAX_SPACES_CEILING;
        options.validate().unwrap();
    }

    #[test]
    fn settings_below_the_least_that_works_are_refused() {
        let mut options = FjallOptions::new("/nowhere");
        options.background_threads = 1;
        let Err(Error::Backend { source, .. }) = options.validate() else { panic!("accepted") };
        assert!(source.to_string().contains("background_threads"), "{source}");
    }
}
