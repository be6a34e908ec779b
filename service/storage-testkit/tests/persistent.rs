//! The whole suite, with the part about reopening, against the simplest engine whose stores outlive their handles: one
//! that keeps its records in a memory engine, and can be closed without losing it.
//!
//! It shows that the suite can be passed, without an engine that has files.

// A store that cannot be closed fails its test.
#![allow(clippy::unwrap_used)]

use cairn_storage::memory::{MemoryEngine, MemoryOptions, MemorySnapshot};
use cairn_storage::{Consistency, Decision, Engine, EngineStatistics, Error, RecordKey, Result, SpaceId};
use cairn_storage_testkit::{Reopen, Store, Subject, conformance};
use std::sync::Arc;
use tokio::sync::{RwLock, RwLockReadGuard};

struct Kept;

/// What would be the files.
struct KeptStore {
    records: MemoryEngine,
    opened: KeptEngine,
}

/// The records until it is closed. Calls share the lock for as long as they take, so that closing waits for them.
#[derive(Clone)]
struct KeptEngine(Arc<RwLock<Option<MemoryEngine>>>);

impl Subject for Kept {
    type Store = KeptStore;

    async fn fresh(&self) -> KeptStore {
        KeptStore::open(MemoryEngine::new())
    }

    async fn fresh_with_max_spaces(&self, max_spaces: usize) -> KeptStore {
        KeptStore::open(MemoryEngine::with_options(MemoryOptions { max_spaces }))
    }
}

impl KeptStore {
    fn open(records: MemoryEngine) -> Self {
        let opened = KeptEngine(Arc::new(RwLock::new(Some(records.clone()))));
        Self { records, opened }
    }
}

impl Store for KeptStore {
    type Engine = KeptEngine;

    fn engine(&self) -> KeptEngine {
        self.opened.clone()
    }
}

impl Reopen for KeptStore {
    async fn reopen(self) -> Self {
        self.opened.close().await.unwrap();
        Self::open(self.records)
    }
}

impl KeptEngine {
    async fn records(&self) -> Result<RwLockReadGuard<'_, MemoryEngine>> {
        RwLockReadGuard::try_map(self.0.read().await, Option::as_ref).map_err(|_| Error::Closed)
    }
}

impl Engine for KeptEngine {
    type Snapshot = MemorySnapshot;

    async fn snapshot(&self, consistency: Consistency) -> Result<MemorySnapshot> {
        self.records().await?.snapshot(consistency).await
    }

    async fn transact<T, D>(&self, keys: Vec<RecordKey>, decide: D) -> Result<T>
    where
        T: Send + 'static,
        D: FnMut(&[Option<bytes::Bytes>]) -> Decision<T> + Send + 'static,
    {
        self.records().await?.transact(keys, decide).await
    }

    async fn create_space(&self, space: SpaceId) -> Result<()> {
        self.records().await?.create_space(space).await
    }

    async fn drop_space(&self, space: SpaceId) -> Result<()> {
        self.records().await?.drop_space(space).await
    }

    async fn spaces(&self) -> Result<Vec<SpaceId>> {
        self.records().await?.spaces().await
    }

    async fn statistics(&self) -> Result<EngineStatistics> {
        self.records().await?.statistics().await
    }

    async fn close(&self) -> Result<()> {
        self.0.write().await.take();
        Ok(())
    }
}

conformance!(Kept, persistent);
