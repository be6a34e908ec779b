//! What the integration tests share: a store in a temporary folder, and short ways to use it.

// Each test file uses a part of this.
#![allow(dead_code, unreachable_pub)]
// Helpers of tests fail by panicking, as tests do.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic, missing_docs)]

use bytes::Bytes;
use cairn_storage::{
    Consistency, CounterKey, Decision, Direction, Engine, Error, KeyRange, RecordKey, Result, Snapshot,
    SpaceId, Write,
};
use cairn_storage_fjall::{FjallEngine, FjallOptions, FjallSnapshot};
use std::ops::ControlFlow;
use std::path::Path;

pub const ITEMS: SpaceId = SpaceId::Items(1);
pub const INDEXES: SpaceId = SpaceId::Indexes(1);

/// Settings that make little use of the machine, so that tests can run side by side.
pub fn options(directory: &Path) -> FjallOptions {
    let mut options = FjallOptions::new(directory);
    options.cache_bytes = 8 << 20;
    options.background_threads = 2;
    // A small volume under /tmp must not fail the tests; those about the reserve set it.
    options.disk_reserve_bytes = Some(0);
    options
}

/// Opens, with the spaces of one table.
pub async fn open(directory: &Path) -> FjallEngine {
    open_with(options(directory)).await
}

pub async fn open_with(options: FjallOptions) -> FjallEngine {
    let engine = FjallEngine::open(options).unwrap();
    engine.create_space(ITEMS).await.unwrap();
    engine.create_space(INDEXES).await.unwrap();
    engine
}

pub fn key(space: SpaceId, key: impl AsRef<[u8]>) -> RecordKey {
    RecordKey::new(space, Bytes::copy_from_slice(key.as_ref()))
}

pub fn put(space: SpaceId, name: impl AsRef<[u8]>, value: impl AsRef<[u8]>) -> Write {
    Write::Put(key(space, name), Bytes::copy_from_slice(value.as_ref()))
}

/// Commits writes that depend on nothing.
pub async fn write(engine: &FjallEngine, writes: Vec<Write>) -> Result<()> {
    engine.transact(Vec::new(), move |_| Decision { writes: writes.clone(), outcome: () }).await
}

/// Adds one to the number at a key, and returns the new one.
pub async fn increment(engine: &FjallEngine, at: RecordKey) -> Result<u64> {
    engine
        .transact(vec![at.clone()], move |found| {
            let number = number(found[0].as_ref()) + 1;
            let writes = vec![Write::Put(at.clone(), Bytes::copy_from_slice(&number.to_be_bytes()))];
            Decision { writes, outcome: number }
        })
        .await
}

pub fn number(value: Option<&Bytes>) -> u64 {
    value.map_or(0, |value| u64::from_be_bytes(value[..8].try_into().unwrap()))
}

pub async fn snapshot(engine: &FjallEngine) -> FjallSnapshot {
    engine.snapshot(Consistency::Strong).await.unwrap()
}

pub async fn get(engine: &FjallEngine, space: SpaceId, name: impl AsRef<[u8]>) -> Option<Bytes> {
    snapshot(engine).await.get(&key(space, name)).await.unwrap()
}

pub async fn counter(engine: &FjallEngine, space: SpaceId, counter: u16) -> Result<i64> {
    snapshot(engine).await.counter(CounterKey { space, counter }).await
}

/// Every record of a range.
pub async fn scan(
    snapshot: &FjallSnapshot,
    space: SpaceId,
    range: KeyRange,
    direction: Direction,
) -> Result<Vec<(Bytes, Bytes)>> {
    let visitor = Collector(Vec::new());
    Ok(snapshot.scan(space, range, direction, visitor).await?.0)
}

struct Collector(Vec<(Bytes, Bytes)>);

impl cairn_storage::Visit for Collector {
    fn visit(&mut self, key: &[u8], value: Bytes) -> ControlFlow<()> {
        self.0.push((Bytes::copy_from_slice(key), value));
        ControlFlow::Continue(())
    }
}

/// The error of opening a store that cannot be opened.
pub fn open_error(options: FjallOptions) -> Error {
    FjallEngine::open(options).expect_err("the store opened")
}
