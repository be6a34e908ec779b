//! The monitor: the thread that keeps memory and journals within their budgets, writes the watermark, removes the
//! files of dropped spaces, and counts.
//!
//! fjall flushes a memtable when that one is full, and has no limit for all of them together: sixty tables at forty
//! megabytes each took 2.6 GB of memory and 15 seconds to reopen. So the monitor adds them up, has the largest
//! written out early, and sets the brake when that is not enough.

use crate::admission::{Memory, PINNED_MAX};
use crate::committer;
use crate::shared::Shared;
use crate::tuning::{self, MemtableBytes};
use crate::view::{Space, View};
use crate::watermark::Watermark;
use cairn_storage::EngineStatistics;
use crossbeam_channel::{Receiver, RecvTimeoutError, Sender};
use fjall::{Database, Keyspace};
use std::cmp::Reverse;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};
use tokio::sync::oneshot;

/// How often memory is looked at while there are commits.
const TICK: Duration = Duration::from_millis(50);
/// How often the watermark is written while there are commits, and how often the journals are looked at.
const WATERMARK_EVERY: Duration = Duration::from_secs(1);
/// How long a view may be held after another took its place, once what old views keep in memory stops writers. A held
/// view keeps every memtable in memory that was flushed since.
const VIEW_AGE_MAX: Duration = Duration::from_secs(2);
/// Memtables written out in one go because the journals are too long.
const ROTATIONS_MAX: usize = 32;

/// What the monitor is asked.
pub(crate) enum Message {
    /// Write out a space's memtable.
    Rotate(Arc<Space>),
    /// Remove the keyspace of a dropped space, and its files once nobody reads them.
    Dispose(Arc<Keyspace>),
    /// Count.
    Statistics(oneshot::Sender<EngineStatistics>),
    /// Finish.
    Stop,
}

/// The monitor's settings.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Budgets {
    pub(crate) write_buffer_bytes: u64,
    pub(crate) journal_bytes: u64,
    pub(crate) spaces_max: usize,
}

/// The state of the monitor's thread.
pub(crate) struct Monitor {
    database: Database,
    database_folder: PathBuf,
    shared: Arc<Shared>,
    committer: Sender<committer::Message>,
    watermark: Watermark,
    budgets: Budgets,
    /// Dropped spaces somebody may still be reading.
    dropped: Vec<Arc<Keyspace>>,
    /// The newest commit when memory was last looked at.
    seen: u64,
    /// Whether there is something to wait for although there are no commits.
    is_busy: bool,
    slow_tick: Instant,
}

/// One keyspace's memory.
struct Usage {
    keyspace: Arc<Keyspace>,
    bytes: MemtableBytes,
}

impl Usage {
    fn of(view: &View) -> impl Iterator<Item = Self> {
        view.spaces.values().chain([&view.engine]).filter_map(|space| {
            let keyspace = space.keyspace().as_ref().map(Arc::clone)?;
            Some(Self { bytes: tuning::memtable_bytes(&keyspace), keyspace })
        })
    }
}

impl Monitor {
    pub(crate) fn new(
        database: Database,
        database_folder: PathBuf,
        shared: Arc<Shared>,
        committer: Sender<committer::Message>,
        watermark: Watermark,
        budgets: Budgets,
    ) -> Self {
        Self {
            database,
            database_folder,
            shared,
            committer,
            watermark,
            budgets,
            dropped: Vec::new(),
            seen: 0,
            // The first look finds what recovery left in memory.
            is_busy: true,
            slow_tick: Instant::now(),
        }
    }

    /// Works until told to stop.
    pub(crate) fn run(mut self, inbox: &Receiver<Message>) {
        let mut last_tick = Instant::now();
        loop {
            match inbox.recv_timeout(TICK.saturating_sub(last_tick.elapsed())) {
                Ok(Message::Rotate(space)) => {
                    let _ = self.step("rotating a memtable", |monitor| monitor.rotate_space(&space));
                    space.rotation_asked.store(false, Ordering::Relaxed);
                }
                Ok(Message::Dispose(keyspace)) => {
                    let _ = self.step("removing a dropped space", |monitor| monitor.dispose(keyspace));
                    self.shared.removing.fetch_sub(1, Ordering::Relaxed);
                }
                Ok(Message::Statistics(reply)) => {
                    if let Some(statistics) = self.step("counting", |monitor| monitor.statistics()) {
                        let _ = reply.send(statistics);
                    }
                }
                Err(RecvTimeoutError::Timeout) => {}
                Ok(Message::Stop) | Err(RecvTimeoutError::Disconnected) => break,
            }
            if last_tick.elapsed() >= TICK {
                self.tick();
                last_tick = Instant::now();
            }
        }
        let _ = self.step("writing the watermark", Self::write_watermark);
    }

    /// Does a step that may meet a bug, in fjall's undocumented parts above all. The next steps are done all the same.
    fn step<T>(&mut self, step: &'static str, work: impl FnOnce(&mut Self) -> T) -> Option<T> {
        let shared = Arc::clone(&self.shared);
        shared.health.survive(step, || {
            shared.fault(step);
            work(self)
        })
    }

    fn tick(&mut self) {
        let _ = self.step("removing dropped spaces", |monitor| {
            // A handle nobody else holds is the last one, and dropping it removes the files.
            monitor.dropped.retain(|keyspace| Arc::strong_count(keyspace) > 1);
            monitor.shared.forget_unheld_views();
        });
        let view = self.shared.view.load_full();
        if (view.sequence != self.seen || self.is_busy)
            && self.step("watching memory", |monitor| monitor.watch_memory(&view)).is_none()
        {
            // Without a look at memory nobody would ever ease the brake. fjall's own limit for each keyspace is left.
            self.shared.admission.set_brake(Memory::default(), self.budgets.write_buffer_bytes, false);
            self.is_busy = true;
        } else {
            self.seen = view.sequence;
        }
        if self.slow_tick.elapsed() >= WATERMARK_EVERY {
            self.slow_tick = Instant::now();
            if view.sequence > self.watermark.sequence() {
                let _ = self.step("writing the watermark", Self::write_watermark);
                let _ = self.step("watching the journals", |monitor| monitor.watch_journals(&view));
            }
        }
    }

    /// Removes the keyspace of a space that is dropped. If this fails the next start does it.
    fn dispose(&mut self, keyspace: Arc<Keyspace>) {
        if let Err(error) = self.database.delete_keyspace(Keyspace::clone(&keyspace)) {
            tracing::warn!(error = &error as &dyn std::error::Error, "a dropped space could not be removed");
        }
        self.dropped.push(keyspace);
    }

    /// Adds up the memtables, has the largest written out if they are too many, and sets the brake.
    fn watch_memory(&mut self, view: &View) {
        // Counted rather than looked for: every space has to look.
        let any_behind = view.spaces.values().filter(|space| space.note_whether_behind()).count() > 0;
        let mut usages: Vec<_> = Usage::of(view).collect();
        let memory = Memory {
            unflushed_bytes: usages.iter().map(|usage| usage.bytes.unflushed).sum(),
            total_bytes: usages.iter().map(|usage| usage.bytes.total).sum(),
        };
        let budget_bytes = self.budgets.write_buffer_bytes;
        self.shared.unflushed_bytes.store(memory.unflushed_bytes, Ordering::Relaxed);
        self.shared.admission.set_brake(memory, budget_bytes, any_behind);
        let soft_bytes = budget_bytes / 2;
        if any_behind {
            for usage in &usages {
                tuning::compact_if_forgotten(&self.database, &usage.keyspace);
            }
        }
        self.is_busy = any_behind || memory.total_bytes > soft_bytes;
        if memory.total_bytes.saturating_sub(memory.unflushed_bytes) > soft_bytes {
            self.release(&usages);
        }
        if memory.total_bytes >= budget_bytes.saturating_mul(PINNED_MAX) {
            let expired = self.shared.expire_views(VIEW_AGE_MAX);
            if expired > 0 {
                tracing::warn!(
                    expired,
                    ?memory,
                    "views were held so long that memory ran short; they are expired"
                );
            }
        }
        if memory.unflushed_bytes > soft_bytes {
            // What is being flushed already goes without help. Of the rest, half of the soft limit may stay.
            usages.retain(|usage| usage.bytes.active > 0 && !usage.bytes.is_flushing);
            usages.sort_by_key(|usage| Reverse(usage.bytes.active));
            let mut staying_bytes: u64 = usages.iter().map(|usage| usage.bytes.active).sum();
            for usage in usages {
                if staying_bytes <= soft_bytes / 2 {
                    break;
                }
                staying_bytes -= usage.bytes.active;
                self.rotate(&usage.keyspace);
            }
        }
    }

    /// Lets go of what is flushed. The view published last may be from before the flush, and with writers stopped
    /// there would be no other.
    fn release(&self, usages: &[Usage]) {
        tuning::release_flushed(&self.database, usages.iter().map(|usage| &usage.keyspace));
        let _ = self.committer.send(committer::Message::PublishAgain);
    }

    /// Has memtables written out when the journals kept for them are too long.
    fn watch_journals(&self, view: &View) {
        if journal_bytes(&self.database_folder) <= self.budgets.journal_bytes {
            return;
        }
        let mut usages: Vec<_> = Usage::of(view).collect();
        usages.retain(|usage| usage.bytes.active > 0 && !usage.bytes.is_flushing);
        usages.sort_by_key(|usage| Reverse(usage.bytes.active));
        for usage in usages.iter().take(ROTATIONS_MAX) {
            self.rotate(&usage.keyspace);
        }
    }

    fn rotate_space(&self, space: &Space) {
        if let Some(keyspace) = space.keyspace().as_deref()
            && !tuning::is_flush_behind(keyspace)
        {
            self.rotate(keyspace);
        }
    }

    fn rotate(&self, keyspace: &Keyspace) {
        // With fjall's workers gone nobody would take the flush out of its queue.
        if self.shared.health.has_failed() || self.database.persist(fjall::PersistMode::Buffer).is_err() {
            return;
        }
        if let Err(error) = tuning::rotate(keyspace) {
            tracing::warn!(error = &error as &dyn std::error::Error, "a memtable could not be sealed");
        }
    }

    fn write_watermark(&mut self) {
        let sequence = self.shared.view.load().sequence;
        if sequence > self.watermark.sequence()
            && let Err(error) = self.watermark.write(sequence)
        {
            // The next one may succeed; until then a loss would be noticed less exactly, and nothing else is worse.
            tracing::warn!(error = &error as &dyn std::error::Error, "the watermark could not be written");
        }
    }

    fn statistics(&self) -> EngineStatistics {
        let view = self.shared.view.load_full();
        let journal_bytes = journal_bytes(&self.database_folder);
        let (mut table_bytes, mut write_buffer_bytes) = (0, 0);
        for usage in Usage::of(&view) {
            table_bytes += usage.keyspace.disk_space();
            write_buffer_bytes += usage.bytes.unflushed;
        }
        EngineStatistics {
            disk_bytes: table_bytes + journal_bytes,
            write_buffer_bytes,
            journal_bytes,
            spaces: view.spaces.len(),
            spaces_max: Some(self.budgets.spaces_max),
            last_commit: view.sequence,
            deletions_kept: view.spaces.values().map(|space| space.deletions.load(Ordering::Relaxed)).sum(),
            background_failures: self.shared.health.background_failures(),
        }
    }
}

/// What fjall's journals take on disk. fjall makes each 64 MiB long when it begins it, so lengths say nothing.
fn journal_bytes(database_folder: &Path) -> u64 {
    const BLOCK_BYTES: u64 = 512;
    let Ok(entries) = std::fs::read_dir(database_folder) else { return 0 };
    entries
        .flatten()
        .filter(|entry| entry.path().extension().is_some_and(|extension| extension == "jnl"))
        .filter_map(|entry| entry.metadata().ok())
        .map(|metadata| metadata.len().min(metadata.blocks() * BLOCK_BYTES))
        .sum()
}
