//! What a storage engine promises: ordered byte records in spaces, consistent snapshots of what is durable, and
//! atomic commits decided from declared keys.
//!
//! This crate is the border between Cairn's semantics and an engine. It knows nothing of items, tables or
//! expressions (that is `cairn-ops`), and no engine that keeps data on disk (those have crates of their own). The engine
//! without a disk, [`memory::MemoryEngine`], is here: it is the test double of whatever is built on the trait. Every
//! "must" written here is a test in `cairn-storage-testkit`, which each engine runs.

mod engine;
mod error;
pub mod memory;
mod record;

pub use engine::{
    Consistency, Decision, Direction, Engine, EngineStatistics, KeyRange, Snapshot, Visit, Write,
};
pub use error::{Error, Result};
pub use record::{CounterKey, RecordKey, SpaceId};
