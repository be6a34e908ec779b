//! The memory engine: the simplest thing that keeps every promise of [`Engine`] but the one about crashes.
//!
//! It is for tests, and for stores whose loss is no loss: nothing is written anywhere, and the last handle or snapshot
//! takes the records with it.

use crate::{
    Consistency, CounterKey, Decision, Direction, Engine, EngineStatistics, Error, KeyRange, RecordKey,
    Result, Snapshot, SpaceId, Visit, Write,
};
use bytes::Bytes;
use parking_lot::Mutex;
use rpds::RedBlackTreeMapSync;
use std::ops::ControlFlow;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

/// How long a record's key may be, in bytes.
const KEY_BYTES_MAX: usize = 65_535;

/// What a [`MemoryEngine`] allows.
#[derive(Clone, Debug)]
pub struct MemoryOptions {
    /// How many spaces there may be, the system space included. No limit unless one is set.
    pub max_spaces: usize,
}

/// A storage engine without a disk. Cloning gives another handle to the same records.
///
/// One lock is held from reading the declared keys to applying the writes, so `decide` runs once and alone. It guards
/// a handful of pointers: a snapshot copies those, and a scan or a drop of many records happens outside it, on the
/// Tokio runtime's blocking threads.
#[derive(Clone)]
pub struct MemoryEngine {
    shared: Arc<Shared>,
}

struct Shared {
    options: MemoryOptions,
    /// None once closed.
    state: Mutex<Option<State>>,
}

/// Everything there is, at one moment.
///
/// The maps are persistent ones: a clone costs a reference count, and changing a clone copies the path to the change
/// and leaves the original alone. So a snapshot is a clone, and a commit prepares the next state beside the current
/// one and puts it in place whole, or drops it. `rpds` is the one that is both permissively licensed (MIT) and ordered
/// with ranges that run from either end. Keeping versions in a `BTreeMap` instead would mean holding the lock during
/// scans and collecting versions that no snapshot needs any more.
#[derive(Clone)]
struct State {
    spaces: RedBlackTreeMapSync<SpaceId, Space>,
    /// How many commits led here: the sequence number of the newest one.
    commits: u64,
}

#[derive(Clone, Default)]
struct Space {
    records: RedBlackTreeMapSync<Bytes, Bytes>,
    counters: RedBlackTreeMapSync<u16, i64>,
}

/// A view of a [`MemoryEngine`]. It keeps what it shows alive, also after the engine is closed.
#[derive(Clone)]
pub struct MemorySnapshot {
    state: State,
}

impl Default for MemoryOptions {
    fn default() -> Self {
        Self { max_spaces: usize::MAX }
    }
}

impl MemoryEngine {
    /// An empty store with no limit on its spaces.
    pub fn new() -> Self {
        Self::with_options(MemoryOptions::default())
    }

    /// An empty store with limits.
    pub fn with_options(options: MemoryOptions) -> Self {
        let spaces = RedBlackTreeMapSync::new_sync().insert(SpaceId::System, Space::default());
        Self { shared: Arc::new(Shared { options, state: Mutex::new(Some(State { spaces, commits: 0 })) }) }
    }

    /// Lets `work` at the current state, under the lock.
    async fn with_state<T>(&self, work: impl FnOnce(&mut State) -> Result<T>) -> Result<T> {
        take_turns().await;
        work(self.shared.state.lock().as_mut().ok_or(Error::Closed)?)
    }
}

impl Default for MemoryEngine {
    fn default() -> Self {
        Self::new()
    }
}

impl Engine for MemoryEngine {
    type Snapshot = MemorySnapshot;

    /// Every view is as strong as the strongest: it costs nothing here.
    async fn snapshot(&self, _consistency: Consistency) -> Result<MemorySnapshot> {
        self.with_state(|state| Ok(MemorySnapshot { state: state.clone() })).await
    }

    async fn transact<T, D>(&self, keys: Vec<RecordKey>, mut decide: D) -> Result<T>
    where
        T: Send + 'static,
        D: FnMut(&[Option<Bytes>]) -> Decision<T> + Send + 'static,
    {
        self.with_state(|state| {
            let found = state.get_many(&keys)?;
            // A decision touches nothing of ours, so its panic leaves nothing half done. Its message may tell of
            // records, so it stays out of the error.
            let decision = catch_unwind(AssertUnwindSafe(|| decide(&found)))
                .map_err(|_| Error::backend("deciding a transaction", "the decision panicked"))?;
            if !decision.writes.is_empty() {
                *state = state.after(decision.writes)?;
            }
            Ok(decision.outcome)
        })
        .await
    }

    async fn create_space(&self, space: SpaceId) -> Result<()> {
        let limit = self.shared.options.max_spaces;
        self.with_state(|state| {
            if state.spaces.contains_key(&space) {
                return Ok(());
            }
            if state.spaces.size() >= limit {
                return Err(Error::TooManySpaces { limit });
            }
            state.spaces.insert_mut(space, Space::default());
            Ok(())
        })
        .await
    }

    async fn drop_space(&self, space: SpaceId) -> Result<()> {
        if space == SpaceId::System {
            return Err(Error::backend("dropping a space", "the system space is always there"));
        }
        let dropped = self
            .with_state(|state| {
                let dropped = state.spaces.get(&space).cloned();
                state.spaces.remove_mut(&space);
                Ok(dropped)
            })
            .await?;
        free_elsewhere(dropped);
        Ok(())
    }

    async fn spaces(&self) -> Result<Vec<SpaceId>> {
        self.with_state(|state| Ok(state.spaces.keys().copied().collect())).await
    }

    async fn statistics(&self) -> Result<EngineStatistics> {
        self.with_state(|state| {
            Ok(EngineStatistics {
                spaces: state.spaces.size(),
                spaces_max: Some(self.shared.options.max_spaces).filter(|limit| *limit != usize::MAX),
                last_commit: state.commits,
                ..EngineStatistics::default()
            })
        })
        .await
    }

    async fn close(&self) -> Result<()> {
        let closed = self.shared.state.lock().take();
        free_elsewhere(closed);
        Ok(())
    }
}

impl Snapshot for MemorySnapshot {
    async fn get(&self, key: &RecordKey) -> Result<Option<Bytes>> {
        take_turns().await;
        self.state.get(key)
    }

    async fn get_many(&self, keys: Vec<RecordKey>) -> Result<Vec<Option<Bytes>>> {
        take_turns().await;
        self.state.get_many(&keys)
    }

    async fn scan<V: Visit>(
        &self,
        space: SpaceId,
        range: KeyRange,
        direction: Direction,
        mut visitor: V,
    ) -> Result<V> {
        let records = self.state.space(space)?.records.clone();
        let walk = tokio::task::spawn_blocking(move || {
            walk(&records, range, direction, &mut visitor);
            visitor
        });
        walk.await.map_err(|error| match error.is_cancelled() {
            true => Error::Closed,
            false => Error::backend("scanning", "the visitor panicked"),
        })
    }

    async fn counter(&self, key: CounterKey) -> Result<i64> {
        take_turns().await;
        Ok(self.state.space(key.space)?.counters.get(&key.counter).copied().unwrap_or(0))
    }
}

impl State {
    fn space(&self, space: SpaceId) -> Result<&Space> {
        self.spaces.get(&space).ok_or(Error::SpaceNotFound(space))
    }

    fn get(&self, key: &RecordKey) -> Result<Option<Bytes>> {
        Ok(self.space(key.space)?.records.get(&key.key).cloned())
    }

    fn get_many(&self, keys: &[RecordKey]) -> Result<Vec<Option<Bytes>>> {
        keys.iter().map(|key| self.get(key)).collect()
    }

    /// The state that comes after this one with a commit of `writes`.
    fn after(&self, writes: Vec<Write>) -> Result<Self> {
        let mut next = self.clone();
        for write in writes {
            next.apply(write)?;
        }
        next.commits += 1;
        Ok(next)
    }

    fn apply(&mut self, write: Write) -> Result<()> {
        let space = match &write {
            Write::Put(key, _) | Write::Delete(key) => key.space,
            Write::Add(counter, _) => counter.space,
        };
        let space = self.spaces.get_mut(&space).ok_or(Error::SpaceNotFound(space))?;
        match write {
            Write::Put(key, value) => {
                check_length(&key)?;
                space.records.insert_mut(key.key, value);
            }
            Write::Delete(key) => {
                check_length(&key)?;
                space.records.remove_mut(&key.key);
            }
            Write::Add(counter, amount) => {
                let total = space.counters.get(&counter.counter).copied().unwrap_or(0);
                space.counters.insert_mut(counter.counter, total.wrapping_add(amount));
            }
        }
        Ok(())
    }
}

fn check_length(key: &RecordKey) -> Result<()> {
    match key.key.len() {
        1..=KEY_BYTES_MAX => Ok(()),
        length => {
            let reason = format!("a key of {length} bytes is outside the limits of 1 to {KEY_BYTES_MAX}");
            Err(Error::backend("writing a record", reason))
        }
    }
}

fn walk(
    records: &RedBlackTreeMapSync<Bytes, Bytes>,
    range: KeyRange,
    direction: Direction,
    visitor: &mut impl Visit,
) {
    // The map panics on a range that ends before it begins.
    if range.is_empty() {
        return;
    }
    let mut found = records.range((range.start, range.end));
    let mut next = || match direction {
        Direction::Ascending => found.next(),
        Direction::Descending => found.next_back(),
    };
    while let Some((key, value)) = next() {
        if let ControlFlow::Break(()) = visitor.visit(key, value.clone()) {
            return;
        }
    }
}

/// Lets other tasks run now and then. No call here ever has to wait, so without this a task that does one after the
/// other would keep its thread for good.
async fn take_turns() {
    tokio::task::coop::consume_budget().await;
}

/// Frees what may be millions of records, if no snapshot has them too, without holding up an async thread.
fn free_elsewhere<T: Send + 'static>(value: T) {
    match tokio::runtime::Handle::try_current() {
        Ok(runtime) => drop(runtime.spawn_blocking(move || drop(value))),
        Err(_) => drop(value),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn put(key: &'static str, value: &'static str) -> Write {
        Write::Put(RecordKey::new(SpaceId::System, key), value.into())
    }

    async fn commit(engine: &MemoryEngine, write: Write) {
        engine
            .transact(vec![], move |_| Decision { writes: vec![write.clone()], outcome: () })
            .await
            .expect("an open engine");
    }

    #[tokio::test]
    async fn a_snapshot_goes_on_after_its_engine_is_closed() {
        let engine = MemoryEngine::new();
        commit(&engine, put("key", "value")).await;
        let snapshot = engine.snapshot(Consistency::Strong).await.unwrap();
        engine.close().await.unwrap();
        drop(engine);
        let found = snapshot.get(&RecordKey::new(SpaceId::System, "key")).await.unwrap();
        assert_eq!(found, Some("value".into()));
    }

    /// On a runtime of one thread, as in most tests of what is built on an engine.
    #[tokio::test]
    async fn a_task_that_never_has_to_wait_lets_others_run() {
        let engine = MemoryEngine::new();
        let other = tokio::spawn(async {});
        let mut calls = 0;
        while !other.is_finished() {
            commit(&engine, put("key", "value")).await;
            calls += 1;
            assert!(calls < 10_000, "the other task does not get to run");
        }
    }

    #[tokio::test]
    async fn a_store_in_memory_takes_nothing_on_disk() {
        let engine = MemoryEngine::new();
        engine.create_space(SpaceId::Items(1)).await.unwrap();
        commit(&engine, put("key", "value")).await;
        let expected = EngineStatistics { spaces: 2, last_commit: 1, ..EngineStatistics::default() };
        assert_eq!(engine.statistics().await.unwrap(), expected);
    }
}
