//! The committer: the one thread that writes.
//!
//! It takes whatever transactions are waiting, checks each against what was written since it read, commits them all
//! as one fjall batch with one sync, publishes the new view, and then answers everyone. Spaces are created and
//! dropped here too, between two commits, so that the spaces of a view always fit its records.

use crate::counters::Counters;
use crate::disk::DiskGuard;
use crate::health::COMMITTER_BUG;
use crate::layout;
use crate::monitor;
use crate::pool::Pool;
use crate::recent::RecentWrites;
use crate::request::Request;
use crate::shared::Shared;
use crate::tuning;
use crate::upkeep;
use crate::view::{Space, Spaces, View};
use bytes::Bytes;
use cairn_storage::{CounterKey, Error, RecordKey, Result, SpaceId, Write};
use crossbeam_channel::{Receiver, Sender};
use fjall::{Database, Keyspace, OwnedWriteBatch, PersistMode};
use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;
use tokio::sync::oneshot;

/// After how many returns the committer reads for a transaction itself, however cold its records are.
const TIMES_RETURNED_MAX: u32 = 3;

/// What creating or dropping a space may take on disk.
const SPACE_CHANGE_BYTES: u64 = 1 << 20;

/// Keyspaces of dropped spaces that may wait to be removed. [`MAX_SPACES_CEILING`](crate::MAX_SPACES_CEILING) leaves
/// room for them.
const REMOVING_MAX: usize = 16;

/// How long the committer waits before it looks again whether a flush, or a removal, is through.
const FLUSH_POLL: Duration = Duration::from_millis(2);

/// What the committer is asked.
pub(crate) enum Message {
    /// Commit a transaction.
    Transact(Request),
    /// Create a space.
    Create(SpaceId, oneshot::Sender<Result<()>>),
    /// Drop a space.
    Drop(SpaceId, oneshot::Sender<Result<()>>),
    /// Publish the newest commit again, so that no view of the time before a flush is kept for want of a commit.
    PublishAgain,
    /// Finish what was asked before this, and stop.
    Close,
}

/// The committer's settings.
pub(crate) struct Limits {
    pub(crate) group_operations_max: usize,
    pub(crate) group_bytes_max: usize,
    pub(crate) spaces_max: usize,
    pub(crate) memtable_bytes: u64,
    pub(crate) slow_step: Duration,
}

/// What opening a store leaves to the first commit.
#[derive(Debug, Default)]
pub(crate) struct FirstCommit {
    /// Counters whose space is gone.
    pub(crate) orphans: Vec<CounterKey>,
    /// Keyspaces that were noted as dropped and are removed.
    pub(crate) removed: Vec<String>,
    pub(crate) accepted_loss: Option<AcceptedLoss>,
}

/// Acknowledged commits that are gone, as the operator accepted.
#[derive(Clone, Copy, Debug)]
pub(crate) struct AcceptedLoss {
    pub(crate) found: u64,
    pub(crate) acknowledged: u64,
}

/// What a commit changes in the engine's own keyspace besides totals.
#[derive(Debug, Default)]
struct Extra {
    /// Counters to remove.
    gone: Vec<CounterKey>,
    /// A space that is created, in its keyspace.
    created: Option<(SpaceId, String)>,
    /// A space that is dropped, with its keyspace.
    dropped: Option<(SpaceId, String)>,
    /// Keyspaces that need no longer be noted as dropped.
    removed: Vec<String>,
    accepted_loss: Option<AcceptedLoss>,
}

/// A space that a commit writes to.
struct Touched {
    space: Arc<Space>,
    keyspace: Arc<Keyspace>,
    /// Whether there are gaps to take its keys out of.
    has_gaps: bool,
    deletions: u64,
}

impl Touched {
    /// Takes note of a write of the commit `sequence`, before it is published.
    fn note(&mut self, key: &Bytes, value: Option<&Bytes>, sequence: u64) {
        match value {
            Some(_) if self.has_gaps => self.space.gaps.put(key),
            Some(_) => {}
            None => {
                self.deletions += 1;
                if self.has_gaps {
                    self.space.gaps.deleted(key, sequence);
                }
            }
        }
    }
}

/// The state of the committer's thread.
pub(crate) struct Committer {
    pub(crate) database: Database,
    pub(crate) pool: Arc<Pool>,
    pub(crate) shared: Arc<Shared>,
    /// The view published last.
    pub(crate) view: Arc<View>,
    pub(crate) recent: RecentWrites,
    pub(crate) counters: Counters,
    pub(crate) disk: DiskGuard,
    pub(crate) limits: Limits,
    pub(crate) monitor: Sender<monitor::Message>,
}

impl Committer {
    /// Works until the engine is closed or its last handle is gone.
    pub(crate) fn run(&mut self, inbox: &Receiver<Message>) {
        let worked = catch_unwind(AssertUnwindSafe(|| self.work(inbox)));
        if worked.is_err() {
            self.shared.health.fail(COMMITTER_BUG.to_owned());
            // Whatever is asked now is dropped unanswered, which its caller hears as `ReadOnly`.
            while let Ok(message) = inbox.recv() {
                if matches!(message, Message::Close) {
                    break;
                }
            }
        }
    }

    fn work(&mut self, inbox: &Receiver<Message>) {
        let mut group = Vec::new();
        while let Ok(first) = inbox.recv() {
            let other = self.gather(first, inbox, &mut group);
            self.commit_group(&mut group);
            match other {
                None => {}
                Some(Message::Transact(_)) => {}
                Some(Message::Create(space, reply)) => {
                    let _ = reply.send(self.create_space(space));
                }
                Some(Message::Drop(space, reply)) => {
                    let _ = reply.send(self.drop_space(space));
                }
                Some(Message::PublishAgain) => self.publish_view(Arc::clone(&self.view.spaces)),
                Some(Message::Close) => return,
            }
        }
    }

    /// Takes the transactions that are waiting, up to the limits of a commit; returns the message of another kind
    /// that ended them, if one did.
    fn gather(&self, first: Message, inbox: &Receiver<Message>, group: &mut Vec<Request>) -> Option<Message> {
        let mut bytes = 0;
        let mut next = Some(first);
        while let Some(message) = next {
            match message {
                Message::Transact(request) => {
                    bytes += request.bytes;
                    group.push(request);
                }
                other => return Some(other),
            }
            let is_full =
                group.len() >= self.limits.group_operations_max || bytes >= self.limits.group_bytes_max;
            next = if is_full { None } else { inbox.try_recv().ok() };
        }
        None
    }

    /// Commits a group of transactions and answers them.
    fn commit_group(&mut self, group: &mut Vec<Request>) {
        let mut settled = Vec::with_capacity(group.len());
        for request in group.drain(..) {
            settled.extend(self.settle(request));
        }
        let committed = self.commit_pending();
        for Request { job, place, .. } in settled {
            job.answer(committed.map_err(|()| self.shared.health.why_unanswered()));
            // Not before: the queue's limit covers what is being committed too.
            drop(place);
        }
    }

    /// Adds what a transaction writes to the pending commit, deciding again if it decided on records that have been
    /// written since. Returns it if it is to be answered with the commit.
    fn settle(&mut self, mut request: Request) -> Option<Request> {
        if request.seen < self.recent.horizon() && request.times_returned < TIMES_RETURNED_MAX {
            let Request { job, keys, .. } = request;
            job.give_back(keys);
            return None;
        }
        match self.prepare(&mut request) {
            Ok(()) => {
                for write in request.writes.drain(..) {
                    match write {
                        Write::Put(key, value) => self.recent.record(key, Some(value)),
                        Write::Delete(key) => self.recent.record(key, None),
                        Write::Add(key, amount) => self.counters.add(key, amount),
                    }
                }
                Some(request)
            }
            Err(error) => {
                request.job.answer(Err(error));
                None
            }
        }
    }

    /// Makes sure that a transaction's writes follow from the newest records, and can be written.
    fn prepare(&mut self, request: &mut Request) -> Result<()> {
        self.shared.health.check_writable()?;
        for key in &request.keys {
            self.view.space(key.space)?;
        }
        let mut is_outdated = false;
        if request.seen < self.recent.horizon() {
            // It has been returned often enough: this thread reads for it, at the cost of everyone behind it.
            request.found = request.keys.iter().map(|key| self.view.read(key)).collect::<Result<_>>()?;
            request.seen = self.view.sequence;
            is_outdated = true;
        }
        for (key, found) in request.keys.iter().zip(&mut request.found) {
            if let Some(newer) = self.recent.newer(key, request.seen) {
                found.clone_from(newer);
                is_outdated = true;
            }
        }
        if is_outdated {
            request.writes = request.job.decide(&request.found)?;
        }
        self.check_writes(&request.writes)?;
        let owed_bytes = self.shared.unflushed_bytes.load(Ordering::Relaxed);
        self.disk.make_room(crate::request::writes_bytes(&request.writes) as u64, owed_bytes)
    }

    fn check_writes(&self, writes: &[Write]) -> Result<()> {
        for write in writes {
            match write {
                Write::Put(key, value) => {
                    self.view.space(key.space)?;
                    check_key(key)?;
                    u32::try_from(value.len())
                        .map_err(|cause| Error::backend("a value is too long", cause))?;
                }
                Write::Delete(key) => {
                    self.view.space(key.space)?;
                    check_key(key)?;
                }
                Write::Add(key, _) => {
                    self.view.space(key.space)?;
                }
            }
        }
        Ok(())
    }

    /// Makes the pending commit durable and publishes it, if there is anything in it.
    fn commit_pending(&mut self) -> Result<(), ()> {
        if self.recent.pending().is_empty() && !self.counters.are_touched() {
            return Ok(());
        }
        match self.write_pending(Extra::default()) {
            Ok(touched) => {
                self.publish(Arc::clone(&self.view.spaces));
                self.look_after(&touched);
                Ok(())
            }
            Err(error) => {
                self.fail(error);
                Err(())
            }
        }
    }

    /// Writes the pending commit as one synced batch. Returns the spaces it wrote to.
    fn write_pending(&mut self, extra: Extra) -> fjall::Result<BTreeMap<SpaceId, Touched>> {
        self.shared.fault("commit");
        let Some(engine) = self.view.engine.keyspace().as_ref().map(Arc::clone) else {
            return Err(fjall::Error::KeyspaceDeleted);
        };
        let pending = self.recent.pending();
        let sequence = self.recent.pending_sequence();
        // Before the look whether a space has gaps: see `gaps`.
        self.shared.checked.store(sequence, Ordering::SeqCst);
        let mut touched = BTreeMap::new();
        let mut batch = OwnedWriteBatch::with_capacity(self.database.clone(), pending.len() + 2)
            .durability(Some(PersistMode::SyncData));
        for (key, value) in pending {
            let touched = match touched.get_mut(&key.space) {
                Some(touched) => touched,
                None => {
                    // A batch to a keyspace that was dropped would succeed and write nothing. Spaces are dropped on
                    // this thread alone, so one that was there when the write was checked is still there.
                    let space = self.view.spaces.get(&key.space);
                    let keyspace = space.and_then(|space| space.keyspace().as_ref().cloned());
                    let (Some(space), Some(keyspace)) = (space, keyspace) else {
                        return Err(fjall::Error::KeyspaceDeleted);
                    };
                    let has_gaps = !space.gaps.are_none();
                    let space = Arc::clone(space);
                    touched.entry(key.space).or_insert(Touched { space, keyspace, has_gaps, deletions: 0 })
                }
            };
            touched.note(&key.key, value.as_ref(), sequence);
            match value {
                Some(value) => batch.insert(&touched.keyspace, key.key.clone(), value.clone()),
                None => batch.remove(&touched.keyspace, key.key.clone()),
            }
        }
        for (counter, total) in self.counters.take_touched() {
            batch.insert(&engine, layout::counter_key(counter), total.to_be_bytes());
        }
        for counter in extra.gone {
            batch.remove(&engine, layout::counter_key(counter));
        }
        if let Some((space, keyspace_name)) = extra.created {
            batch.insert(&engine, layout::space_key(space), keyspace_name.as_bytes());
        }
        if let Some((space, keyspace_name)) = extra.dropped {
            batch.remove(&engine, layout::space_key(space));
            batch.insert(&engine, layout::dropped_key(&keyspace_name), []);
        }
        for keyspace_name in extra.removed {
            batch.remove(&engine, layout::dropped_key(&keyspace_name));
        }
        if let Some(AcceptedLoss { found, acknowledged }) = extra.accepted_loss {
            let note = [found.to_be_bytes(), acknowledged.to_be_bytes()].concat();
            batch.insert(&engine, layout::ACCEPTED_LOSS_KEY, note);
        }
        batch.insert(&engine, layout::SEQUENCE_KEY, sequence.to_be_bytes());
        self.wait_for_flushes(&touched)?;
        batch.commit()?;
        Ok(touched)
    }

    /// Waits while a keyspace this commit writes to has more memtables waiting to be flushed than it should.
    ///
    /// fjall waits by itself at twice as many, but for ever, even when its workers have died; this looks.
    fn wait_for_flushes(&self, touched: &BTreeMap<SpaceId, Touched>) -> fjall::Result<()> {
        for Touched { keyspace, .. } in touched.values() {
            while tuning::is_flush_behind(keyspace) {
                self.database.persist(PersistMode::Buffer)?;
                std::thread::sleep(FLUSH_POLL);
            }
        }
        Ok(())
    }

    /// Publishes what has just been committed.
    fn publish(&mut self, spaces: Arc<Spaces>) {
        self.recent.seal();
        self.publish_view(spaces);
    }

    /// Publishes a view of the newest commit. The only place where one is made after opening, and always between two
    /// commits.
    fn publish_view(&mut self, spaces: Arc<Spaces>) {
        let view = Arc::new(View::new(
            self.recent.newest_sequence(),
            self.database.snapshot(),
            spaces,
            Arc::clone(&self.view.engine),
            Arc::clone(&self.view.lane),
            self.view.upkeep.clone(),
        ));
        self.shared.publish(Arc::clone(&view));
        self.view = view;
    }

    /// Has full memtables written out, and holds back writers to spaces whose flushes cannot keep up.
    fn look_after(&self, touched: &BTreeMap<SpaceId, Touched>) {
        for Touched { space, keyspace, deletions, .. } in touched.values() {
            if *deletions > 0 {
                space.deletions.fetch_add(*deletions, Ordering::Relaxed);
            }
            if tuning::active_bytes(keyspace) >= self.limits.memtable_bytes
                && !space.rotation_asked.swap(true, Ordering::Relaxed)
            {
                let _ = self.monitor.send(monitor::Message::Rotate(Arc::clone(space)));
            }
            if space.note_whether_behind() {
                self.shared.admission.brake_for_a_space();
            }
        }
    }

    fn fail(&self, error: fjall::Error) -> Error {
        self.shared.health.fail(format!("a commit could not be made durable: {error}"));
        self.shared.health.why_unanswered()
    }

    fn create_space(&mut self, id: SpaceId) -> Result<()> {
        self.shared.health.check_writable()?;
        if self.view.spaces.contains_key(&id) {
            return Ok(());
        }
        if self.view.spaces.len() >= self.limits.spaces_max {
            return Err(Error::TooManySpaces { limit: self.limits.spaces_max });
        }
        self.disk.make_room(SPACE_CHANGE_BYTES, self.shared.unflushed_bytes.load(Ordering::Relaxed))?;
        let keyspace = self.pool.take()?;
        let _ = self.view.upkeep.try_send(upkeep::Message::SpareTaken);
        let name = keyspace.name().to_string();
        let mut spaces = Spaces::clone(&self.view.spaces);
        spaces.insert(id, Arc::new(Space::new(keyspace, self.limits.slow_step)));
        self.change_spaces(spaces, Extra { created: Some((id, name)), ..Extra::default() })
    }

    fn drop_space(&mut self, id: SpaceId) -> Result<()> {
        self.shared.health.check_writable()?;
        if id == SpaceId::System {
            return Err(Error::backend("dropping a space", SystemSpaceStays));
        }
        let mut spaces = Spaces::clone(&self.view.spaces);
        let Some(space) = spaces.remove(&id) else { return Ok(()) };
        let Some(keyspace) = space.keyspace().as_ref().map(Arc::clone) else { return Ok(()) };
        // With the spaces at their limit, more keyspaces than this could not be reopened.
        while self.shared.removing.load(Ordering::Relaxed) >= REMOVING_MAX {
            std::thread::sleep(FLUSH_POLL);
        }
        // Not held to the reserve: dropping a table is how an operator makes room.
        let gone = self.counters.forget(|space| space == id);
        let dropped = Some((id, keyspace.name().to_string()));
        self.change_spaces(spaces, Extra { gone, dropped, ..Extra::default() })?;
        // Whoever read the space before has to find out that it is gone.
        self.recent.forget_all();
        space.take_keyspace();
        self.shared.removing.fetch_add(1, Ordering::Relaxed);
        if self.monitor.send(monitor::Message::Dispose(keyspace)).is_err() {
            self.shared.removing.fetch_sub(1, Ordering::Relaxed);
        }
        Ok(())
    }

    /// The first commit after opening, if opening left something to write down.
    pub(crate) fn begin(&mut self, first: FirstCommit) -> Result<()> {
        let FirstCommit { orphans, removed, accepted_loss } = first;
        if orphans.is_empty() && removed.is_empty() && accepted_loss.is_none() {
            return Ok(());
        }
        let extra = Extra { gone: orphans, removed, accepted_loss, ..Extra::default() };
        self.change_spaces(Spaces::clone(&self.view.spaces), extra)
    }

    /// Commits and publishes another set of spaces.
    fn change_spaces(&mut self, spaces: Spaces, extra: Extra) -> Result<()> {
        self.write_pending(extra).map_err(|error| self.fail(error))?;
        self.publish(Arc::new(spaces));
        Ok(())
    }
}

/// The system space is part of every store.
#[derive(Debug, thiserror::Error)]
#[error("the system space cannot be dropped")]
struct SystemSpaceStays;

/// A key no engine takes.
#[derive(Debug, thiserror::Error)]
#[error("a key has {length} bytes; it must have 1 to 65,535")]
struct KeyLength {
    length: usize,
}

/// fjall stops the thread on a key of a length it cannot store.
fn check_key(key: &RecordKey) -> Result<()> {
    let length = Bytes::len(&key.key);
    if (1..=usize::from(u16::MAX)).contains(&length) {
        Ok(())
    } else {
        Err(Error::backend("writing a record", KeyLength { length }))
    }
}
