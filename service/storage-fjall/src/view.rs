//! Published views: what a commit leaves behind for readers, and the snapshot that reads one.
//!
//! Only the committer makes views, between two commits. A snapshot taken at any other moment could show half of the
//! commit under way, and a read without a snapshot can see two commits at once; so nothing here reads a keyspace
//! except through a view's own fjall snapshot.

use crate::gaps::Gaps;
use crate::lane::{InlineTurn, ReadLane, Temperature, Turn};
use crate::layout;
use crate::scan::{Cursor, Progress};
use crate::tuning;
use crate::upkeep;
use arc_swap::{ArcSwapOption, Guard};
use bytes::Bytes;
use cairn_storage::{CounterKey, Direction, Error, KeyRange, RecordKey, Result, Snapshot, SpaceId, Visit};
use crossbeam_channel::Sender;
use fjall::{Keyspace, Readable};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

/// The most records read one after the other on the caller's thread.
const INLINE_KEYS_MAX: usize = 16;

/// Deletions in a space from which on scans look out for them.
const MANY_DELETIONS: u64 = 256;

/// The spaces of a view.
pub(crate) type Spaces = BTreeMap<SpaceId, Arc<Space>>;

/// One space: its keyspace, and what is remembered about it while the store is open.
pub(crate) struct Space {
    /// Taken out when the space is dropped or the engine closed, also from views that still know the space: a
    /// keyspace handle keeps the space's files on disk, and fjall's lock held.
    keyspace: ArcSwapOption<Keyspace>,
    /// How its reads have gone lately.
    pub(crate) temperature: Temperature,
    /// Whether its flushes or compactions are so far behind that writers to it should wait.
    pub(crate) behind: AtomicBool,
    /// Whether it is in the monitor's queue to be written out.
    pub(crate) rotation_asked: AtomicBool,
    /// Deletions that are kept beside the records: an upper bound.
    pub(crate) deletions: AtomicU64,
    /// Ranges of keys that hold no record.
    pub(crate) gaps: Gaps,
    /// A step of a scan that takes this long leads over deleted records, or to disk.
    pub(crate) slow_step: Duration,
}

impl Space {
    pub(crate) fn new(keyspace: Keyspace, slow_step: Duration) -> Self {
        Self {
            deletions: AtomicU64::new(tuning::deletions_max(&keyspace)),
            keyspace: ArcSwapOption::from_pointee(keyspace),
            temperature: Temperature::default(),
            behind: AtomicBool::new(false),
            rotation_asked: AtomicBool::new(false),
            gaps: Gaps::default(),
            slow_step,
        }
    }

    /// Whether scans may meet many deleted records.
    pub(crate) fn has_many_deletions(&self) -> bool {
        self.deletions.load(Ordering::Relaxed) >= MANY_DELETIONS
    }

    /// The keyspace, for one access; none once the space is dropped or the engine closed.
    pub(crate) fn keyspace(&self) -> Guard<Option<Arc<Keyspace>>> {
        self.keyspace.load()
    }

    /// Looks whether writers to the space should wait, and remembers it.
    pub(crate) fn note_whether_behind(&self) -> bool {
        let is_behind = self.keyspace().as_deref().is_some_and(tuning::is_behind);
        self.behind.store(is_behind, Ordering::Relaxed);
        is_behind
    }

    /// Takes the keyspace away from every view.
    pub(crate) fn take_keyspace(&self) -> Option<Arc<Keyspace>> {
        self.behind.store(false, Ordering::Relaxed);
        self.keyspace.swap(None)
    }
}

/// What one commit published.
pub(crate) struct View {
    /// The commit's sequence number.
    pub(crate) sequence: u64,
    /// The records as of that commit; taken away from a view that is held for too long while memory is short.
    snapshot: ArcSwapOption<fjall::Snapshot>,
    /// The spaces as of that commit.
    pub(crate) spaces: Arc<Spaces>,
    /// The engine's own keyspace.
    pub(crate) engine: Arc<Space>,
    /// Where reads are let in.
    pub(crate) lane: Arc<ReadLane>,
    /// Where slow steps of scans are reported.
    pub(crate) upkeep: Sender<upkeep::Message>,
}

impl View {
    /// A view of commit `sequence`, which must be the newest one, with none under way.
    pub(crate) fn new(
        sequence: u64,
        snapshot: fjall::Snapshot,
        spaces: Arc<Spaces>,
        engine: Arc<Space>,
        lane: Arc<ReadLane>,
        upkeep: Sender<upkeep::Message>,
    ) -> Self {
        Self { sequence, snapshot: ArcSwapOption::from_pointee(snapshot), spaces, engine, lane, upkeep }
    }

    /// The records, for one access; none if the view is expired.
    pub(crate) fn snapshot(&self) -> Guard<Option<Arc<fjall::Snapshot>>> {
        self.snapshot.load()
    }

    /// Whether this view can be read no longer.
    pub(crate) fn is_expired(&self) -> bool {
        self.snapshot.load().is_none()
    }

    /// Lets go of the old versions that this view keeps in memory and on disk.
    pub(crate) fn expire(&self) {
        self.snapshot.store(None);
    }

    /// A space of this view.
    pub(crate) fn space(&self, id: SpaceId) -> Result<&Arc<Space>> {
        self.spaces.get(&id).ok_or(Error::SpaceNotFound(id))
    }

    /// Why a space of this view has no keyspace any more.
    fn gone(&self, id: SpaceId) -> Error {
        if self.lane.is_closed() { Error::Closed } else { Error::SpaceNotFound(id) }
    }

    /// Reads one record on this thread.
    pub(crate) fn read(&self, key: &RecordKey) -> Result<Option<Bytes>> {
        self.read_from(self.space(key.space)?, key)
    }

    fn read_from(&self, space: &Space, key: &RecordKey) -> Result<Option<Bytes>> {
        let keyspace = space.keyspace();
        let keyspace = keyspace.as_deref().ok_or_else(|| self.gone(key.space))?;
        self.read_keyspace(keyspace, &key.key)
    }

    fn read_keyspace(&self, keyspace: &Keyspace, key: &[u8]) -> Result<Option<Bytes>> {
        let snapshot = self.snapshot.load();
        // Reading again, from a new view, is what the caller of an expired one should do.
        let snapshot = snapshot.as_deref().ok_or(Error::Overloaded)?;
        let found = snapshot.get(keyspace, key).map_err(|cause| Error::backend("reading a record", cause))?;
        Ok(found.map(Bytes::from))
    }

    fn read_all(&self, keys: &[RecordKey]) -> Result<Vec<Option<Bytes>>> {
        keys.iter()
            .map(|key| {
                let space = self.space(key.space)?;
                space.temperature.time(|| self.read_from(space, key))
            })
            .collect()
    }

    /// Reads one record where it is best read.
    async fn get(self: &Arc<Self>, key: &RecordKey) -> Result<Option<Bytes>> {
        let space = self.space(key.space)?;
        match self.lane.begin(std::iter::once(&space.temperature))? {
            Turn::Inline(turn) => {
                let found = space.temperature.time(|| self.read_from(space, key));
                drop(turn);
                found
            }
            Turn::Blocking(turn) => {
                let (view, space, key) = (Arc::clone(self), Arc::clone(space), key.clone());
                turn.run(move || space.temperature.time(|| view.read_from(&space, &key))).await?
            }
        }
    }

    /// Reads several records where they are best read.
    pub(crate) async fn get_many(self: &Arc<Self>, keys: &[RecordKey]) -> Result<Vec<Option<Bytes>>> {
        if keys.is_empty() {
            return Ok(Vec::new());
        }
        let turn = if keys.len() <= INLINE_KEYS_MAX {
            let spaces = keys.iter().map(|key| self.space(key.space)).collect::<Result<Vec<_>>>()?;
            self.lane.begin(once_each(&spaces).map(|space| &space.temperature))?
        } else {
            Turn::Blocking(self.lane.begin_blocking()?)
        };
        match turn {
            Turn::Inline(turn) => {
                let found = self.read_all(keys);
                drop(turn);
                found
            }
            Turn::Blocking(turn) => {
                let (view, keys) = (Arc::clone(self), keys.to_vec());
                turn.run(move || view.read_all(&keys)).await?
            }
        }
    }

    /// The total of a counter.
    pub(crate) fn read_counter(&self, key: CounterKey) -> Result<i64> {
        self.space(key.space)?;
        let keyspace = self.engine.keyspace();
        let keyspace = keyspace.as_deref().ok_or(Error::Closed)?;
        match self.read_keyspace(keyspace, &layout::counter_key(key))? {
            Some(total) => decode_total(&total),
            None => Ok(0),
        }
    }
}

/// Each of a few spaces once.
fn once_each<'a>(spaces: &'a [&Arc<Space>]) -> impl Iterator<Item = &'a Arc<Space>> {
    spaces.iter().enumerate().filter_map(|(place, space)| {
        let is_known = spaces.iter().take(place).any(|other| Arc::ptr_eq(space, other));
        (!is_known).then_some(*space)
    })
}

/// Decodes a counter's total.
pub(crate) fn decode_total(stored: &[u8]) -> Result<i64> {
    let bytes = <[u8; 8]>::try_from(stored)
        .map_err(|cause| Error::backend("a counter is not eight bytes long", cause))?;
    Ok(i64::from_be_bytes(bytes))
}

/// A view as readers hold it.
#[derive(Clone)]
pub struct FjallSnapshot {
    pub(crate) view: Arc<View>,
}

impl std::fmt::Debug for FjallSnapshot {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("FjallSnapshot").field("sequence", &self.view.sequence).finish_non_exhaustive()
    }
}

impl Snapshot for FjallSnapshot {
    async fn get(&self, key: &RecordKey) -> Result<Option<Bytes>> {
        self.view.get(key).await
    }

    async fn get_many(&self, keys: Vec<RecordKey>) -> Result<Vec<Option<Bytes>>> {
        self.view.get_many(&keys).await
    }

    async fn scan<V: Visit>(
        &self,
        space: SpaceId,
        range: KeyRange,
        direction: Direction,
        mut visitor: V,
    ) -> Result<V> {
        let held = self.view.space(space)?;
        let (cursor, turn) = match self.view.lane.begin(std::iter::once(&held.temperature))? {
            Turn::Inline(inline) => {
                let mut cursor = self.cursor(held, space, range, direction)?;
                match held.temperature.time(|| cursor.walk_briefly(&mut visitor))? {
                    Progress::Finished => return Ok(visitor),
                    Progress::Paused => (cursor, self.leave_the_worker(inline)?),
                }
            }
            Turn::Blocking(turn) => (self.cursor(held, space, range, direction)?, turn),
        };
        // The cursor goes before the turn whatever happens, so that a closing engine finds no keyspace held.
        let cancel = cursor.cancel_on_drop();
        let walk = move || {
            let mut cursor = cursor;
            cursor.walk(&mut visitor).map(|()| visitor)
        };
        let walked = turn.run(walk).await?;
        drop(cancel);
        walked
    }

    async fn counter(&self, key: CounterKey) -> Result<i64> {
        let engine = &self.view.engine;
        match self.view.lane.begin(std::iter::once(&engine.temperature))? {
            Turn::Inline(turn) => {
                let total = engine.temperature.time(|| self.view.read_counter(key));
                drop(turn);
                total
            }
            Turn::Blocking(turn) => {
                let view = Arc::clone(&self.view);
                turn.run(move || view.engine.temperature.time(|| view.read_counter(key))).await?
            }
        }
    }
}

impl FjallSnapshot {
    fn cursor(
        &self,
        space: &Arc<Space>,
        id: SpaceId,
        range: KeyRange,
        direction: Direction,
    ) -> Result<Cursor> {
        let keyspace = space.keyspace();
        let keyspace = keyspace.as_ref().ok_or_else(|| self.view.gone(id))?;
        Ok(Cursor::new(Arc::clone(&self.view), Arc::clone(space), Arc::clone(keyspace), range, direction))
    }

    /// Exchanges a place on the worker for one on a blocking thread, without a moment in which the lane looks empty.
    fn leave_the_worker(&self, inline: InlineTurn<'_>) -> Result<crate::lane::BlockingTurn> {
        let turn = self.view.lane.begin_blocking()?;
        drop(inline);
        Ok(turn)
    }
}
