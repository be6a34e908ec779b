//! How much an on-demand table has been used: the peak that its ramp goes by.

use super::bucket::Nanos;
use parking_lot::Mutex;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering::Relaxed};

const MINUTE: Nanos = 60 * 1_000_000_000;
const WINDOW_MINUTES: usize = 30;

/// The highest rate that was sustained for half an hour, over all half hours that begin with a full minute, as far as it
/// counts yet: a peak counts up to what was allowed half an hour before, so that what is allowed, which is twice the peak,
/// doubles in half an hour and not faster.
pub(crate) struct Peak {
    minute: AtomicI64,
    /// Consumed in this minute, in half units: there are no smaller parts.
    halves: AtomicU64,
    past: Mutex<Past>,
}

/// The minutes before this one. Rings by minute.
struct Past {
    /// What was consumed, in half units.
    halves: [u64; WINDOW_MINUTES],
    sum: u64,
    /// What was allowed, in units a second; nothing before there was a table.
    allowed: [Option<f64>; WINDOW_MINUTES],
    /// What was allowed at first.
    first_allowed: Option<f64>,
    /// In units a second.
    highest: f64,
}

impl Peak {
    pub(crate) fn new(now: Nanos) -> Self {
        let past = Past {
            halves: [0; WINDOW_MINUTES],
            sum: 0,
            allowed: [None; WINDOW_MINUTES],
            first_allowed: None,
            highest: 0.0,
        };
        Self { minute: AtomicI64::new(now / MINUTE), halves: AtomicU64::new(0), past: Mutex::new(past) }
    }

    /// Counts what was consumed while `allowed` units a second were allowed. Answers with the peak, in units a second, if
    /// it has risen.
    pub(crate) fn count(&self, now: Nanos, units: f64, allowed: f64) -> Option<f64> {
        let minute = now / MINUTE;
        let risen = if self.minute.load(Relaxed) < minute { self.turn(minute, allowed) } else { None };
        self.halves.fetch_add((units * 2.0) as u64, Relaxed);
        risen
    }

    /// Begins another minute.
    fn turn(&self, minute: i64, allowed: f64) -> Option<f64> {
        let mut past = self.past.lock();
        let before = self.minute.load(Relaxed);
        if before >= minute {
            return None;
        }
        let highest = past.highest;
        past.end(before, self.halves.swap(0, Relaxed), allowed);
        // In the minutes that nothing was heard of nothing was consumed.
        for quiet in (before + 1..minute).take(WINDOW_MINUTES) {
            past.end(quiet, 0, allowed);
        }
        self.minute.store(minute, Relaxed);
        (past.highest > highest).then_some(past.highest)
    }
}

impl Past {
    fn end(&mut self, minute: i64, halves: u64, allowed: f64) {
        let place = minute.rem_euclid(WINDOW_MINUTES as i64) as usize;
        let (Some(oldest), Some(allowed_then)) = (self.halves.get_mut(place), self.allowed.get_mut(place))
        else {
            return;
        };
        self.sum = self.sum + halves - std::mem::replace(oldest, halves);
        let first_allowed = *self.first_allowed.get_or_insert(allowed);
        let most = allowed_then.replace(allowed).unwrap_or(first_allowed);
        let rate = self.sum as f64 / (2.0 * 60.0 * WINDOW_MINUTES as f64);
        self.highest = self.highest.max(rate.min(most));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rate_counts_once_it_was_sustained_for_half_an_hour() {
        let peak = Peak::new(0);
        let mut highest = 0.0;
        for second in 0..=(30 * 60) {
            if let Some(risen) = peak.count(second * 1_000_000_000, 100.0, 200.0) {
                assert!(risen > highest, "only a rise is told");
                highest = risen;
            }
            if second == 15 * 60 {
                assert_eq!(highest, 50.0, "half of it was idle");
            }
        }
        assert_eq!(highest, 100.0);
    }

    #[test]
    fn a_peak_is_not_forgotten_and_a_pause_is_part_of_the_window() {
        let peak = Peak::new(0);
        for minute in 0..30 {
            peak.count(minute * MINUTE, 600.0, 1e9);
        }
        assert_eq!(peak.count(1_000 * MINUTE, 60_000.0, 1e9), Some(10.0));
        assert_eq!(peak.count(1_001 * MINUTE, 0.0, 1e9), Some(60_000.0 / 1_800.0));
        assert_eq!(peak.count(5_000 * MINUTE, 0.0, 1e9), None);
        assert_eq!(peak.past.lock().sum, 0);
    }

    #[test]
    fn what_is_allowed_doubles_in_half_an_hour_and_not_faster() {
        let peak = Peak::new(0);
        let mut allowed = vec![10.0];
        for minute in 0..240 {
            let now: f64 = *allowed.last().unwrap();
            let risen = peak.count(minute * MINUTE, now * 60.0, now);
            allowed.push(risen.map_or(now, |peak| now.max(2.0 * peak)));
        }
        for (then, now) in allowed.iter().zip(&allowed[30..]) {
            assert!(*now <= 2.0 * then + 1e-9, "{then} to {now}");
        }
        assert!(allowed[40] >= 19.0 && allowed[240] >= 10.0 * 64.0, "{allowed:?}");
    }
}
