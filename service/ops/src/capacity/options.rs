//! What the operator chooses about capacity.

use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;
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

/// Which limits of throughput are enforced. What calls consume is reported in each case.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum CapacityLimits {
    /// None: no call is throttled.
    Off,
    /// What the owner of a table asked for: the throughput of a provisioned table or index, and the maximum of an
    /// on-demand one. Apart from that maximum, an on-demand table or index is not limited.
    #[default]
    Provisioned,
    /// All limits of DynamoDB: besides those of [`Provisioned`](Self::Provisioned), the limits of partitions, and what
    /// an on-demand table or index is ready for, which grows with its use.
    Aws,
}

/// A text that names none of the [`CapacityLimits`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("must be provisioned, aws or off")]
pub struct UnknownCapacityLimits;

impl CapacityLimits {
    /// The name, as settings and AWS JSON have it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Off => "off",
            Self::Provisioned => "provisioned",
            Self::Aws => "aws",
        }
    }
}

impl FromStr for CapacityLimits {
    type Err = UnknownCapacityLimits;

    /// Reads a name. The names from when there were two choices are `true`, which enforced all limits, and `false`.
    fn from_str(text: &str) -> Result<Self, UnknownCapacityLimits> {
        match text {
            "off" | "false" => Ok(Self::Off),
            "provisioned" => Ok(Self::Provisioned),
            "aws" | "true" => Ok(Self::Aws),
            _ => Err(UnknownCapacityLimits),
        }
    }
}

impl fmt::Display for CapacityLimits {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// The limits of throughput, and where their time comes from (semantics 3.2, 13).
#[derive(Clone)]
pub struct CapacityOptions {
    /// Which limits are enforced.
    pub limits: CapacityLimits,
    /// How long unused provisioned capacity waits to be used.
    pub burst: Duration,
    /// How much of that a provisioned table or index has when it is created, and when the service starts.
    pub burst_initial: Duration,
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
            limits: CapacityLimits::default(),
            burst: Duration::from_secs(300),
            burst_initial: Duration::from_secs(60),
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
