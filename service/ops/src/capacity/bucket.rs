//! A token bucket in one atomic word.
//!
//! What is kept is not how many units there are but *when the bucket was or will be empty*: units are time, at the rate
//! the bucket fills with. Filling then needs no work, a debt is a time in the future, and how long to wait is read off.

use std::sync::atomic::{AtomicI64, AtomicU64, Ordering::Relaxed};
use std::time::Duration;

/// A time on the service's monotonic clock, in nanoseconds.
pub(crate) type Nanos = i64;

/// Nanoseconds of a duration, as many as there can be.
pub(crate) fn nanos(duration: Duration) -> Nanos {
    Nanos::try_from(duration.as_nanos()).unwrap_or(Nanos::MAX)
}

const SECOND: Nanos = 1_000_000_000;

/// Capacity units that come at a rate and wait to be used, for a while. It may be overdrawn: whoever finds some units
/// may take more, and those after it wait until the debt is paid (semantics 13, "borrowing").
///
/// A bucket begins with what some time brings, which whoever sets its first rate says, and not full: what was unused
/// before is unknown.
pub(crate) struct Bucket {
    empty_at: AtomicI64,
    /// Bits of an `f64`; 0 is a bucket that is never empty.
    nanos_per_unit: AtomicU64,
    /// For how long units wait to be used.
    depth: Nanos,
}

impl Bucket {
    /// A bucket that is never empty, until it is given a rate. Then it holds at most what comes in `depth`.
    pub(crate) fn new(depth: Duration) -> Self {
        Self { empty_at: AtomicI64::new(0), nanos_per_unit: AtomicU64::new(0), depth: nanos(depth) }
    }

    /// Fills at another rate from now on, in units a second; none for no limit. The units there are, or lack, remain,
    /// up to what the bucket holds at the new rate; a bucket that had no limit begins with what comes in `initial`. Units
    /// taken at the same moment may count by either rate.
    pub(crate) fn set_rate(&self, now: Nanos, units_per_second: Option<f64>, initial: Duration) {
        let Some(rate) = units_per_second else {
            self.nanos_per_unit.store(0, Relaxed);
            return;
        };
        // No rate is without end: a tiny one would overflow times.
        let to = SECOND as f64 / rate.max(1e-3);
        let from = self.nanos_per_unit();
        if from == to {
            return;
        }
        let moved = |empty_at: Nanos| {
            let held = if from == 0.0 {
                nanos(initial)
            } else {
                let units = now.saturating_sub(empty_at).min(self.depth) as f64 / from;
                (units * to) as Nanos
            };
            now.saturating_sub(held.min(self.depth))
        };
        self.update(moved);
        self.nanos_per_unit.store(to.to_bits(), Relaxed);
    }

    fn nanos_per_unit(&self) -> f64 {
        f64::from_bits(self.nanos_per_unit.load(Relaxed))
    }

    fn update(&self, change: impl Fn(Nanos) -> Nanos) {
        let mut known = self.empty_at.load(Relaxed);
        while let Err(found) = self.empty_at.compare_exchange_weak(known, change(known), Relaxed, Relaxed) {
            known = found;
        }
    }

    /// How long it takes until there are units to take; none if there are some now. `promised` units are as good as
    /// taken.
    pub(crate) fn wait(&self, now: Nanos, promised: f64) -> Option<Duration> {
        let nanos_per_unit = self.nanos_per_unit();
        if nanos_per_unit == 0.0 {
            return None;
        }
        let mut empty_at = self.empty_at.load(Relaxed);
        if promised > 0.0 {
            empty_at = drawn(empty_at, now, self.depth, promised * nanos_per_unit);
        }
        positive_in(empty_at, now)
    }

    /// Takes units, whether they are there or not.
    pub(crate) fn take(&self, now: Nanos, units: f64) {
        let nanos_per_unit = self.nanos_per_unit();
        if nanos_per_unit != 0.0 && units > 0.0 {
            let cost = units * nanos_per_unit;
            self.update(|empty_at| drawn(empty_at, now, self.depth, cost));
        }
    }

    /// Units that there are; fewer than none if it is overdrawn.
    #[cfg(test)]
    pub(crate) fn level(&self, now: Nanos) -> f64 {
        let held = now.saturating_sub(self.empty_at.load(Relaxed)).min(self.depth);
        held as f64 / self.nanos_per_unit()
    }
}

/// When a bucket will be empty after something is taken that takes `cost` nanoseconds to come: what came longer ago
/// than the bucket is deep has run over.
pub(super) fn drawn(empty_at: Nanos, now: Nanos, depth: Nanos, cost: f64) -> Nanos {
    empty_at.max(now.saturating_sub(depth)).saturating_add(cost.ceil() as Nanos)
}

/// How long until a bucket that is empty at `empty_at` holds something; none if it does.
pub(super) fn positive_in(empty_at: Nanos, now: Nanos) -> Option<Duration> {
    let wait = empty_at.saturating_sub(now);
    // When it is empty it holds nothing yet.
    (wait >= 0).then(|| Duration::from_nanos(wait.unsigned_abs() + 1))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const BURST: Duration = Duration::from_secs(300);
    const INITIAL: Duration = Duration::from_secs(1);

    fn bucket(rate: f64) -> Bucket {
        let bucket = Bucket::new(BURST);
        bucket.set_rate(0, Some(rate), INITIAL);
        bucket
    }

    #[test]
    fn a_bucket_begins_with_what_its_initial_time_brings_and_fills_up_to_its_depth() {
        let bucket = bucket(5.0);
        assert_eq!(bucket.level(0), 5.0);
        assert_eq!(bucket.level(10 * SECOND), 55.0);
        assert_eq!(bucket.level(1_000 * SECOND), 1_500.0);
        bucket.take(1_000 * SECOND, 1.0);
        assert_eq!(bucket.level(1_000 * SECOND), 1_499.0);
    }

    #[test]
    fn what_is_larger_than_the_bucket_is_let_through_once_and_paid_off() {
        let bucket = bucket(1.0);
        assert_eq!(bucket.wait(0, 0.0), None);
        bucket.take(0, 400.0);
        assert_eq!(bucket.level(0), -399.0);
        assert_eq!(bucket.wait(0, 0.0), Some(Duration::new(399, 1)));
        assert_eq!(bucket.wait(398 * SECOND, 0.0), Some(Duration::new(1, 1)));
        assert!(bucket.wait(399 * SECOND, 0.0).is_some(), "nothing is not something");
        assert_eq!(bucket.wait(399 * SECOND + 1, 0.0), None);
    }

    #[test]
    fn what_is_promised_is_as_good_as_taken() {
        let bucket = bucket(10.0);
        assert_eq!(bucket.wait(0, 9.5), None);
        assert_eq!(bucket.wait(0, 10.5), Some(Duration::from_nanos(50_000_001)));
        assert_eq!(bucket.level(0), 10.0);
    }

    #[test]
    fn a_change_of_rate_keeps_the_units_and_the_debt() {
        let bucket = bucket(10.0);
        bucket.take(0, 110.0);
        bucket.set_rate(0, Some(100.0), INITIAL);
        assert_eq!(bucket.level(0), -100.0);
        assert_eq!(bucket.wait(0, 0.0), Some(Duration::new(1, 1)));
        assert_eq!(bucket.level(301 * SECOND), 30_000.0);
        bucket.set_rate(301 * SECOND, Some(1.0), INITIAL);
        assert_eq!(bucket.level(301 * SECOND), 300.0, "no more than it holds at the new rate");
    }

    #[test]
    fn a_bucket_without_a_rate_is_never_empty() {
        let bucket = bucket(1.0);
        bucket.take(0, 1e6);
        bucket.set_rate(0, None, INITIAL);
        bucket.take(0, 1e6);
        assert_eq!(bucket.wait(0, 1e9), None);
        bucket.set_rate(0, Some(1.0), INITIAL);
        assert_eq!(bucket.level(0), 1.0, "and it begins again with what its initial time brings");
        bucket.set_rate(0, None, INITIAL);
        bucket.set_rate(0, Some(1.0), 2 * BURST);
        assert_eq!(bucket.level(0), 300.0, "no more than it holds");
    }

    proptest! {
        #[test]
        fn no_interval_gives_more_than_its_rate_the_depth_and_one_overdraft(
            rate in 1u32..5_000,
            calls in prop::collection::vec((0u64..20_000_000_000, 0.5f64..800.0), 1..200),
        ) {
            let rate = f64::from(rate);
            let bucket = bucket(rate);
            let mut now: Nanos = 0;
            let mut taken: Vec<(Nanos, f64)> = Vec::new();
            for (pause, units) in calls {
                now += pause as Nanos;
                prop_assert!(bucket.level(now) <= rate * BURST.as_secs_f64() * (1.0 + 1e-9));
                if bucket.wait(now, 0.0).is_none() {
                    bucket.take(now, units);
                    taken.push((now, units));
                }
            }
            for (first, (from, _)) in taken.iter().enumerate() {
                let mut sum = 0.0;
                for (to, units) in &taken[first..] {
                    sum += units;
                    let seconds = (to - from) as f64 / SECOND as f64;
                    // The last one of the interval may be the overdraft.
                    prop_assert!(sum - units <= rate * (seconds + BURST.as_secs_f64()) + 1e-3);
                }
            }
        }

        #[test]
        fn the_time_to_wait_is_exact(rate in 1u32..5_000, units in 1.0f64..1e6) {
            let bucket = bucket(f64::from(rate));
            bucket.take(0, units + f64::from(rate));
            let wait = nanos(bucket.wait(0, 0.0).unwrap());
            prop_assert!(bucket.wait(wait - 1, 0.0).is_some());
            prop_assert!(bucket.wait(wait, 0.0).is_none());
        }
    }
}
