//! What the operator chooses about capacity.

use serde::{Deserialize, Serialize};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// How much time has passed since some moment, always the same one: never goes back, and a test can hold it.
pub type MonotonicClock = Arc<dyn Fn() -> Duration + Send + Sync>;

/// A number of read units and one of write units.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct UnitPair {
    /// Read units.
    pub read: u64,
    /// Write units.
    pub write: u64,
}

/// The limits of throughput, and where their time comes from (semantics 3.2, 13).
#[derive(Clone)]
pub struct CapacityOptions {
    /// Whether calls are throttled. What they consume is told either way.
    pub enforced: bool,
    /// How long unused provisioned capacity waits to be used.
    pub burst: Duration,
    /// Units a second that a new on-demand table or index is ready for.
    pub on_demand_initial: UnitPair,
    /// Units a second of one partition.
    pub partition_max: UnitPair,
    /// Units a second that a table may be provisioned with, its global indexes included, and that an on-demand table or
    /// index grows to.
    pub table_max: UnitPair,
    /// Units a second that all tables together may be provisioned with.
    pub account_max: UnitPair,
    /// How often a table's or index's throughput may be decreased in a UTC day before each further time needs an hour
    /// without.
    pub decreases_at_once: u64,
    /// How often a table may be switched to on-demand in 24 hours.
    pub on_demand_switches_max: usize,
    /// The clock of the buckets.
    pub clock: MonotonicClock,
}

impl Default for CapacityOptions {
    fn default() -> Self {
        let begun = Instant::now();
        Self {
            enforced: true,
            burst: Duration::from_secs(300),
            on_demand_initial: UnitPair { read: 12_000, write: 4_000 },
            partition_max: UnitPair { read: 3_000, write: 1_000 },
            table_max: UnitPair { read: 40_000, write: 40_000 },
            account_max: UnitPair { read: 80_000, write: 80_000 },
            decreases_at_once: 4,
            on_demand_switches_max: 4,
            clock: Arc::new(move || begun.elapsed()),
        }
    }
}
