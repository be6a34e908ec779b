//! What a table and its global indexes have, and the two things that are done to it: looking whether there is some, and
//! taking what a call came to.

use super::bucket::{Bucket, Nanos, nanos};
use super::cost::{Draw, TABLE};
use super::partitions::{Partition, Partitions};
use super::peak::Peak;
use super::throttled::{Throttled, ThrottlingReason, ThroughputLimit};
use super::{MonotonicClock, UnitKind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::time::Duration;

/// The capacity of a table as a definition of it has it. The buckets are those of all definitions of the table.
pub(crate) struct TableCapacity {
    pub(super) number: u64,
    pub(super) name: String,
    pub(super) arn: String,
    /// None if nothing is enforced.
    pub(super) enforced: Option<Enforced>,
}

/// What looking and taking need.
pub(super) struct Enforced {
    /// None if partitions are not limited.
    pub(super) partitions: Option<Arc<Partitions>>,
    pub(super) clock: MonotonicClock,
    /// The table, then its global indexes.
    pub(super) resources: Vec<Resource>,
}

/// A table or a global index.
pub(super) struct Resource {
    pub(super) id: u16,
    /// The index's name.
    pub(super) name: Option<String>,
    pub(super) limits: Arc<Limits>,
}

/// The limits of a table or global index.
pub(super) struct Limits {
    on_demand: AtomicBool,
    read: UnitLimits,
    write: UnitLimits,
}

/// The limits of its reads, or of its writes.
struct UnitLimits {
    /// What was provisioned; on demand, what it is ready for, if that is limited.
    steady: Bucket,
    /// What is in it at first, when it is that of provisioned throughput.
    burst_initial: Duration,
    /// The maximum that an on-demand table or index was given.
    maximum: Bucket,
    peak: Peak,
    /// Bits of an `f64`: the highest peak so far, in units a second.
    highest: AtomicU64,
    /// Bits of an `f64`: what it is ready for whatever the peak; infinite if that is not limited.
    ready: AtomicU64,
    /// Whether it grows no further because of the account.
    at_quota: AtomicBool,
    /// What the account allows an on-demand table or index, in units a second.
    quota: f64,
}

/// What the limits of one kind of unit are to be, in units a second.
#[derive(Clone, Copy, Debug)]
pub(super) enum Rates {
    /// So many units.
    Provisioned(u64),
    /// What it is ready for, and the most it may be used, as far as these are limited.
    OnDemand { ready: Option<u64>, maximum: Option<u64> },
}

/// An on-demand maximum is one on every second.
const MAXIMUM_DEPTH: Duration = Duration::from_secs(1);
/// What an on-demand table or index is ready for, it is ready for every second: a new one has no burst.
const ON_DEMAND_INITIAL: Duration = Duration::from_secs(1);

impl Limits {
    pub(super) fn new(
        now: Nanos,
        burst: Duration,
        burst_initial: Duration,
        read_quota: u64,
        write_quota: u64,
    ) -> Self {
        let unit = |quota| UnitLimits {
            steady: Bucket::new(burst),
            burst_initial,
            maximum: Bucket::new(MAXIMUM_DEPTH),
            peak: Peak::new(now),
            highest: AtomicU64::new(0),
            ready: AtomicU64::new(0),
            at_quota: AtomicBool::new(false),
            quota: quota as f64,
        };
        Self { on_demand: AtomicBool::new(false), read: unit(read_quota), write: unit(write_quota) }
    }

    /// Goes over to other rates at once.
    pub(super) fn configure(&self, now: Nanos, read: Rates, write: Rates) {
        self.on_demand.store(matches!(read, Rates::OnDemand { .. }), Relaxed);
        self.read.configure(now, read);
        self.write.configure(now, write);
    }

    fn of(&self, kind: UnitKind) -> &UnitLimits {
        match kind {
            UnitKind::Read => &self.read,
            UnitKind::Write => &self.write,
        }
    }
}

impl UnitLimits {
    fn configure(&self, now: Nanos, rates: Rates) {
        match rates {
            Rates::Provisioned(units) => {
                self.steady.set_rate(now, Some(units as f64), self.burst_initial);
                self.maximum.set_rate(now, None, MAXIMUM_DEPTH);
                self.at_quota.store(false, Relaxed);
            }
            Rates::OnDemand { ready, maximum } => {
                let ready = ready.map_or(f64::INFINITY, |units| units as f64);
                self.ready.store(ready.to_bits(), Relaxed);
                self.ramp(now);
                self.maximum.set_rate(now, maximum.map(|units| units as f64), MAXIMUM_DEPTH);
            }
        }
    }

    /// Follows the peak: twice as much as it can be had at once (semantics 13).
    fn ramp(&self, now: Nanos) {
        let rate = self.allowed();
        let is_limited = rate.is_finite();
        self.at_quota.store(is_limited && rate >= self.quota, Relaxed);
        self.steady.set_rate(now, is_limited.then(|| rate.min(self.quota)), ON_DEMAND_INITIAL);
    }

    /// What is given on demand, were it not for the account; infinite if that is not limited.
    fn allowed(&self) -> f64 {
        let load = |bits: &AtomicU64| f64::from_bits(bits.load(Relaxed));
        load(&self.ready).max(2.0 * load(&self.highest))
    }

    fn take(&self, now: Nanos, on_demand: bool, units: f64) {
        self.steady.take(now, units);
        if on_demand {
            self.maximum.take(now, units);
            let allowed = self.allowed();
            // Where nothing is limited, there is no peak to follow.
            if allowed.is_finite()
                && let Some(peak) = self.peak.count(now, units, allowed)
            {
                self.highest.store(peak.to_bits(), Relaxed);
                self.ramp(now);
            }
        }
    }

    /// The limit that is reached, if one is, and for how long.
    fn reached(&self, now: Nanos, on_demand: bool, promised: f64) -> Option<(ThroughputLimit, Duration)> {
        if let Some(wait) = self.steady.wait(now, promised) {
            let limit = match (on_demand, self.at_quota.load(Relaxed)) {
                (false, _) => ThroughputLimit::Provisioned,
                (true, false) => ThroughputLimit::KeyRange,
                (true, true) => ThroughputLimit::Account,
            };
            return Some((limit, wait));
        }
        if !on_demand {
            return None;
        }
        self.maximum.wait(now, promised).map(|wait| (ThroughputLimit::MaxOnDemand, wait))
    }
}

impl TableCapacity {
    /// The table's ARN.
    pub(crate) fn arn(&self) -> &str {
        &self.arn
    }

    /// Whether there is something of all that is to be drawn on. Nothing is taken.
    ///
    /// # Errors
    /// All that is short.
    pub(crate) fn check(&self, kind: UnitKind, draws: &[Draw]) -> Result<(), Throttled> {
        self.check_after(kind, draws, 0.0)
    }

    /// As [`check`](Self::check), as if `promised` units had been taken of each before.
    pub(crate) fn check_after(&self, kind: UnitKind, draws: &[Draw], promised: f64) -> Result<(), Throttled> {
        let Some(enforced) = &self.enforced else { return Ok(()) };
        let now = enforced.now();
        let mut throttled: Option<Throttled> = None;
        for draw in draws {
            let Some(resource) = enforced.resource(draw.index) else { continue };
            let on_demand = resource.limits.on_demand.load(Relaxed);
            let reached = resource.limits.of(kind).reached(now, on_demand, promised).or_else(|| {
                let wait = enforced.partitions.as_ref()?.wait(self.partition(kind, draw)?, now)?;
                Some((ThroughputLimit::KeyRange, wait))
            });
            if let Some((limit, retry_after)) = reached {
                let refused =
                    Throttled { on_demand, reasons: vec![self.reason(resource, kind, limit)], retry_after };
                throttled = Some(match throttled {
                    None => refused,
                    Some(earlier) => earlier.and(refused),
                });
            }
        }
        throttled.map_or(Ok(()), Err)
    }

    /// Whether there is something of one table or index, and of one of its partitions if it is of one.
    ///
    /// # Errors
    /// What is short.
    pub(crate) fn admit(&self, kind: UnitKind, index: u16, slot: Option<u16>) -> Result<(), Throttled> {
        self.check(kind, &[Draw { index, slot, units: 0.0 }])
    }

    /// Takes what a call came to, whether it is there or not.
    pub(crate) fn settle(&self, kind: UnitKind, draws: &[Draw]) {
        let Some(enforced) = &self.enforced else { return };
        let now = enforced.now();
        for draw in draws {
            let Some(resource) = enforced.resource(draw.index) else { continue };
            let on_demand = resource.limits.on_demand.load(Relaxed);
            resource.limits.of(kind).take(now, on_demand, draw.units);
            if let Some(partitions) = &enforced.partitions
                && let Some(partition) = self.partition(kind, draw)
            {
                partitions.take(partition, now, draw.units);
            }
        }
    }

    fn partition(&self, kind: UnitKind, draw: &Draw) -> Option<Partition> {
        Some(Partition { table: self.number, index: draw.index, slot: draw.slot?, kind })
    }

    fn reason(&self, resource: &Resource, kind: UnitKind, limit: ThroughputLimit) -> ThrottlingReason {
        ThrottlingReason {
            table: self.name.clone(),
            index: resource.name.clone(),
            resource: match &resource.name {
                None => self.arn.clone(),
                Some(index) => format!("{}/index/{index}", self.arn),
            },
            kind,
            limit,
        }
    }

    /// The id to draw on for an index of that name: a global index has its own capacity, all else uses the table's.
    pub(crate) fn drawn_on(&self, index: Option<&str>) -> u16 {
        let resources = self.enforced.iter().flat_map(|enforced| &enforced.resources);
        index
            .and_then(|index| resources.into_iter().find(|resource| resource.name.as_deref() == Some(index)))
            .map_or(TABLE, |resource| resource.id)
    }
}

impl Enforced {
    fn now(&self) -> Nanos {
        nanos((self.clock)())
    }

    fn resource(&self, id: u16) -> Option<&Resource> {
        self.resources.iter().find(|resource| resource.id == id)
    }
}
