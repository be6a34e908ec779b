//! Upkeep: the thread that keeps scans from stepping over deleted records again and again.
//!
//! A scan that met many deleted records reports where. This thread looks for itself and remembers the range as a gap
//! (see `gaps`), within milliseconds of the report. And it removes the tombstones of a space for good, once they are
//! many beside its records, by compacting the space: that is what still counts after a restart, and what frees memory
//! and disk. It also refills the pool of keyspaces for new spaces.

use crate::committer;
use crate::disk::DiskGuard;
use crate::gaps::Keys;
use crate::pool::Pool;
use crate::scan;
use crate::shared::Shared;
use crate::tuning;
use crate::view::{Space, View};
use cairn_storage::SpaceId;
use crossbeam_channel::{Receiver, RecvTimeoutError, Sender};
use fjall::{Database, Keyspace};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

/// Reports that may wait. One that finds no place is dropped: the next scan makes it again.
pub(crate) const REPORTS_MAX: usize = 256;

/// A step of a scan that takes this long is reported: some hundreds of deleted records, or one read from a disk.
pub(crate) const SLOW_STEP: Duration = Duration::from_micros(200);

/// How often spaces are looked at.
const TICK: Duration = Duration::from_secs(1);

/// How long this thread waits before it looks again for a commit, or for the end of a flush.
const POLL: Duration = Duration::from_millis(1);

/// How long it waits for them at most.
const WAIT_MAX: Duration = Duration::from_secs(10);

/// Deletions that are worth a compaction: what a scan steps over in about four milliseconds.
const PURGE_DELETIONS_MIN: u64 = 8192;

/// A space is compacted when it holds no more than so many records for each deletion, so that a deletion costs at most
/// the rewriting of so many.
const PURGE_RECORDS_A_DELETION: u64 = 8;

/// The largest space that is compacted as a whole, in bytes on disk. The compaction of a larger one would hold up those
/// of other spaces for long.
const PURGE_BYTES_MAX: u64 = 256 << 20;

/// A space rests for at least this long between two compactions, and for at least so many times as long as the last one
/// took.
const REST_MIN: Duration = Duration::from_secs(3);
const REST_FACTOR: u32 = 10;

/// What creating a keyspace may take on disk.
const SPARE_BYTES: u64 = 1 << 20;

/// What upkeep is told.
pub(crate) enum Message {
    /// A scan took long from one record to the next.
    Slow(SlowStep),
    /// A keyspace of the pool is used.
    SpareTaken,
    /// Finish.
    Stop,
}

/// Where a scan was slow.
pub(crate) struct SlowStep {
    pub(crate) space: Arc<Space>,
    /// The keys between the two records.
    pub(crate) keys: Keys,
}

/// The state of the thread.
pub(crate) struct Upkeep {
    pub(crate) database: Database,
    pub(crate) shared: Arc<Shared>,
    pub(crate) committer: Sender<committer::Message>,
    pub(crate) disk: DiskGuard,
    /// The newest commit when spaces were last looked at. No scan under way reads a much older view.
    pub(crate) settled: u64,
    /// When a space that was compacted may be compacted again.
    pub(crate) resting: BTreeMap<SpaceId, Instant>,
    pub(crate) pool: Arc<Pool>,
    /// How long to wait before the pool is looked at again, after a failure.
    pub(crate) refill_rest: Duration,
}

impl Upkeep {
    /// Works until told to stop.
    pub(crate) fn run(mut self, inbox: &Receiver<Message>) {
        let mut last_tick = Instant::now();
        loop {
            let refill_in =
                self.pool.wants_one_at().map_or(TICK, |at| at.saturating_duration_since(Instant::now()));
            match inbox
                .recv_timeout(TICK.saturating_sub(last_tick.elapsed()).min(refill_in.max(self.refill_rest)))
            {
                Ok(Message::Slow(step)) => {
                    if self
                        .shared
                        .health
                        .survive("remembering deleted ranges", || self.learn(&step))
                        .is_none()
                    {
                        step.space.gaps.abandon();
                    }
                    self.shared.upkept.send_modify(|times| *times += 1);
                }
                Ok(Message::SpareTaken) | Err(RecvTimeoutError::Timeout) => {}
                Ok(Message::Stop) | Err(RecvTimeoutError::Disconnected) => break,
            }
            self.refill();
            if last_tick.elapsed() >= TICK {
                let shared = Arc::clone(&self.shared);
                let _ = shared.health.survive("removing deleted records", || self.tick());
                last_tick = Instant::now();
            }
        }
    }

    /// Creates a keyspace for the pool if it wants one by now.
    fn refill(&mut self) {
        let is_wanted = self.pool.wants_one_at().is_some_and(|at| at <= Instant::now());
        if !is_wanted || self.is_over() {
            return;
        }
        let owed_bytes = self.shared.unflushed_bytes.load(Ordering::Relaxed);
        let added = self.shared.health.survive("preparing a keyspace", || {
            self.disk.make_room(SPARE_BYTES, owed_bytes)?;
            self.pool.add_one()
        });
        self.refill_rest = match added {
            Some(Ok(())) => {
                #[cfg(test)]
                self.shared.prepared.fetch_add(1, Ordering::Relaxed);
                Duration::ZERO
            }
            Some(Err(error)) => {
                tracing::debug!(error = &error as &dyn std::error::Error, "no keyspace could be prepared");
                TICK
            }
            None => TICK,
        };
    }

    fn is_over(&self) -> bool {
        self.shared.health.check_writable().is_err()
    }

    /// Remembers the keys of a slow step as a gap, if they are one and it was not the disk that was slow.
    fn learn(&self, step: &SlowStep) {
        let SlowStep { space, keys } = step;
        if self.is_over() {
            return;
        }
        let Some(part) = space.gaps.begin(keys.clone()) else { return };
        // A commit that is under way may have been checked against the gaps before this one was among them. So the range
        // is looked at as of that commit, and every later one is checked against it.
        let checked = self.shared.checked.load(Ordering::SeqCst);
        let learnt = self.view_of(checked).and_then(|view| {
            let began = Instant::now();
            let found = scan::first_key(&view, space, part.clone().into_range()).ok()?;
            // What is quick now was slow because it was on disk.
            (began.elapsed() >= space.slow_step / 2).then_some((view.sequence, found))
        });
        match learnt {
            Some((sequence, found)) => space.gaps.finish(&part, found.as_ref(), sequence),
            None => space.gaps.abandon(),
        }
    }

    /// A view of a commit, or of a later one; none if there is none in time.
    fn view_of(&self, sequence: u64) -> Option<Arc<View>> {
        self.wait_until(|| {
            let view = self.shared.view.load_full();
            (view.sequence >= sequence).then_some(view)
        })
    }

    fn wait_until<T>(&self, mut look: impl FnMut() -> Option<T>) -> Option<T> {
        let deadline = Instant::now() + WAIT_MAX;
        loop {
            if let Some(found) = look() {
                return Some(found);
            }
            if self.is_over() || Instant::now() >= deadline {
                return None;
            }
            std::thread::sleep(POLL);
        }
    }

    fn tick(&mut self) {
        let view = self.shared.view.load_full();
        let now = Instant::now();
        self.resting.retain(|_, until| *until > now);
        let spaces: Vec<_> = view.spaces.iter().map(|(id, space)| (*id, Arc::clone(space))).collect();
        let settled = std::mem::replace(&mut self.settled, view.sequence);
        // Not held while compacting: a view keeps what is to be removed.
        drop(view);
        for (id, space) in spaces {
            if self.is_over() {
                return;
            }
            space.gaps.merge_settled(settled);
            if self.resting.contains_key(&id) {
                continue;
            }
            let Some(keyspace) = space.keyspace().as_ref().map(Arc::clone) else { continue };
            if self.is_worth_purging(&space, &keyspace) {
                let began = Instant::now();
                self.purge(&space, &keyspace);
                let rest = REST_MIN.max(began.elapsed().saturating_mul(REST_FACTOR));
                self.resting.insert(id, Instant::now() + rest);
            }
        }
    }

    fn is_worth_purging(&mut self, space: &Space, keyspace: &Keyspace) -> bool {
        let deletions = space.deletions.load(Ordering::Relaxed);
        if deletions < PURGE_DELETIONS_MIN {
            return false;
        }
        let records = tuning::records_about(keyspace);
        let disk_bytes = keyspace.disk_space();
        if deletions.saturating_mul(PURGE_RECORDS_A_DELETION) < records || disk_bytes > PURGE_BYTES_MAX {
            return false;
        }
        // What is compacted is removed only once it is written anew.
        let owed_bytes = self.shared.unflushed_bytes.load(Ordering::Relaxed);
        self.disk.make_room(disk_bytes, owed_bytes).is_ok()
    }

    /// Writes a space anew without what is deleted.
    fn purge(&self, space: &Space, keyspace: &Arc<Keyspace>) {
        let deletions = space.deletions.load(Ordering::Relaxed);
        // With fjall's workers gone nobody would flush.
        if self.database.persist(fjall::PersistMode::Buffer).is_err() {
            return;
        }
        tuning::release_flushed(&self.database, [keyspace].into_iter());
        let purged = tuning::rotate(keyspace).and_then(|_| {
            match self.wait_until(|| (keyspace.sealed_memtable_count() == 0).then_some(())) {
                Some(()) => tuning::compact_whole(&self.database, keyspace).map(|()| true),
                None => Ok(false),
            }
        });
        match purged {
            Ok(true) => {}
            Ok(false) => return,
            Err(error) => {
                tracing::warn!(
                    error = &error as &dyn std::error::Error,
                    "deleted records could not be removed"
                );
                return;
            }
        }
        let left = tuning::table_deletions(keyspace);
        let _ = space.deletions.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |now| {
            Some(now.saturating_sub(deletions) + left)
        });
        // Views from before still read what was there before, and with writers stopped there would be no other.
        let old = self.shared.view.load_full();
        let _ = self.committer.send(committer::Message::PublishAgain);
        let renewed = self.wait_until(|| (!Arc::ptr_eq(&old, &self.shared.view.load())).then_some(()));
        drop(old);
        if renewed.is_some() {
            tuning::release_flushed(&self.database, [keyspace].into_iter());
        }
        tracing::debug!(deletions, left, "removed what was deleted");
        self.shared.upkept.send_modify(|times| *times += 1);
    }
}

#[cfg(test)]
mod tests;
