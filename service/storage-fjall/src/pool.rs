//! Keyspaces prepared ahead of the spaces that will use them.
//!
//! fjall syncs about fifteen times to create a keyspace, 10 milliseconds on a quick disk and some hundreds on a busy one,
//! and holds up every commit meanwhile. So some are created when nobody is waiting, under numbers for names, and
//! creating a space is one commit that notes which keyspace is its own. A spare that no such note names is empty and is
//! used by the next run.

use crate::files;
use crate::layout;
use crate::tuning;
use cairn_storage::{Error, Result};
use fjall::{Database, Keyspace};
use parking_lot::Mutex;
use std::collections::VecDeque;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// Keyspaces kept in reserve: for four tables with indexes.
const SPARES: usize = 8;

/// How long nobody must have taken a spare before the next one is created, unless there is none left: a table's
/// creation is several commits, and creating a keyspace holds each of them up.
const QUIET: Duration = Duration::from_millis(250);

/// The keyspaces that no space uses yet.
pub(crate) struct Pool {
    database: Database,
    keyspaces_folder: PathBuf,
    separate_values_bytes: u32,
    spares: Mutex<VecDeque<Keyspace>>,
    taken_at: Mutex<Instant>,
    /// The number of the next keyspace.
    next: AtomicU64,
}

impl Pool {
    /// A pool with the spares of an earlier run. `next` must be greater than every number that was given out.
    pub(crate) fn new(
        database: Database,
        keyspaces_folder: PathBuf,
        separate_values_bytes: u32,
        spares: Vec<Keyspace>,
        next: u64,
    ) -> Self {
        Self {
            database,
            keyspaces_folder,
            separate_values_bytes,
            spares: Mutex::new(spares.into()),
            taken_at: Mutex::new(Instant::now()),
            next: AtomicU64::new(next),
        }
    }

    /// An empty keyspace for a new space, durably there.
    pub(crate) fn take(&self) -> Result<Keyspace> {
        *self.taken_at.lock() = Instant::now();
        let spare = self.spares.lock().pop_front();
        spare.map_or_else(|| self.create(), Ok)
    }

    /// Until when the next spare should not be created; none if none is wanted.
    pub(crate) fn wants_one_at(&self) -> Option<Instant> {
        match self.spares.lock().len() {
            0 => Some(Instant::now()),
            1..SPARES => Some(*self.taken_at.lock() + QUIET),
            _ => None,
        }
    }

    /// Creates a spare.
    pub(crate) fn add_one(&self) -> Result<()> {
        let keyspace = self.create()?;
        self.spares.lock().push_back(keyspace);
        Ok(())
    }

    /// Lets go of the spares, which hold fjall's lock.
    pub(crate) fn clear(&self) {
        self.spares.lock().clear();
    }

    fn create(&self) -> Result<Keyspace> {
        let name = layout::pool_keyspace_name(self.next.fetch_add(1, Ordering::Relaxed));
        open_keyspace(&self.database, &self.keyspaces_folder, &name, self.separate_values_bytes)
    }
}

/// Opens a keyspace, creating it durably if it is missing.
pub(crate) fn open_keyspace(
    database: &Database,
    keyspaces_folder: &Path,
    name: &str,
    separate_values_bytes: u32,
) -> Result<Keyspace> {
    let keyspace = database
        .keyspace(name, || tuning::keyspace_options(separate_values_bytes))
        .map_err(|cause| Error::backend("creating a space", cause))?;
    // fjall syncs what is in a keyspace's folder, but not the folder's own entry, without which it would skip the
    // keyspace at the next open.
    files::sync_folder(keyspaces_folder)?;
    Ok(keyspace)
}
