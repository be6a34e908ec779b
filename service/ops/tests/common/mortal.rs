//! An engine that refuses everything after so many changes, as one does whose process dies, or that falls silent for a
//! while. What it did stays.

use bytes::Bytes;
use cairn_storage::{Consistency, Decision, Engine, EngineStatistics, Error, RecordKey, Result, SpaceId};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use tokio::sync::{Notify, watch};

#[derive(Clone)]
pub(crate) struct Mortal<E> {
    engine: E,
    changes_left: Arc<AtomicUsize>,
    silent: Arc<watch::Sender<bool>>,
    withheld: Arc<Notify>,
}

#[allow(dead_code)] // Every test file uses its own part.
impl<E> Mortal<E> {
    pub(crate) fn new(engine: E, changes: usize) -> Self {
        Self {
            engine,
            changes_left: Arc::new(AtomicUsize::new(changes)),
            silent: Arc::new(watch::Sender::new(false)),
            withheld: Arc::default(),
        }
    }

    /// From now on, and until it is told otherwise, transactions are done, or not, and not answered.
    pub(crate) fn fall_silent(&self, silent: bool) {
        self.silent.send_replace(silent);
    }

    /// Waits until there is an answer that is withheld.
    pub(crate) async fn withheld(&self) {
        self.withheld.notified().await;
    }

    /// Whether the engine died.
    pub(crate) fn is_dead(&self) -> bool {
        self.changes_left.load(Ordering::SeqCst) == 0
    }

    fn spend(&self) -> Result<()> {
        let spent =
            self.changes_left.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1));
        spent.map(drop).map_err(|_| Error::Closed)
    }
}

impl<E: Engine> Engine for Mortal<E> {
    type Snapshot = E::Snapshot;

    async fn snapshot(&self, consistency: Consistency) -> Result<E::Snapshot> {
        self.engine.snapshot(consistency).await
    }

    async fn transact<T, D>(&self, keys: Vec<RecordKey>, decide: D) -> Result<T>
    where
        T: Send + 'static,
        D: FnMut(&[Option<Bytes>]) -> Decision<T> + Send + 'static,
    {
        self.spend()?;
        let outcome = self.engine.transact(keys, decide).await;
        let mut silent = self.silent.subscribe();
        if *silent.borrow_and_update() {
            self.withheld.notify_one();
            let _ = silent.wait_for(|silent| !silent).await;
        }
        outcome
    }

    async fn create_space(&self, space: SpaceId) -> Result<()> {
        self.spend()?;
        self.engine.create_space(space).await
    }

    async fn drop_space(&self, space: SpaceId) -> Result<()> {
        self.spend()?;
        self.engine.drop_space(space).await
    }

    async fn spaces(&self) -> Result<Vec<SpaceId>> {
        self.engine.spaces().await
    }

    async fn statistics(&self) -> Result<EngineStatistics> {
        self.engine.statistics().await
    }

    async fn close(&self) -> Result<()> {
        self.engine.close().await
    }
}
