//! How much an on-demand table has been used: the peak that its ramp goes by.

use super::bucket::Nanos;
use parking_lot::Mutex;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering::Relaxed};

const MINUTE: Nanos = 60 * 1_000_000_000;
const WINDOW_MINUTES: usize = 30;

/// The highest rate that was sustained for half an hour, over all half hours that begin with a full minute.
pub(crate) struct Peak {
    minute: AtomicI64,
    /// Consumed in this minute, in half units: there are no smaller parts.
    halves: AtomicU64,
    past: Mutex<Past>,
}

/// The minutes before this one.
struct Past {
    /// Half units by minute, in no order but that of a ring.
    minutes: [u64; WINDOW_MINUTES],
    sum: u64,
    peak: u64,
}

impl Peak {
    pub(crate) fn new(now: Nanos) -> Self {
        Self {
            minute: AtomicI64::new(now / MINUTE),
            halves: AtomicU64::new(0),
            past: Mutex::new(Past { minutes: [0; WINDOW_MINUTES], sum: 0, peak: 0 }),
        }
    }

    /// Counts what was consumed. Answers with the peak, in units a second, if it has risen.
    pub(crate) fn count(&self, now: Nanos, units: f64) -> Option<f64> {
        let minute = now / MINUTE;
        let risen = if self.minute.load(Relaxed) < minute { self.turn(minute) } else { None };
        self.halves.fetch_add((units * 2.0) as u64, Relaxed);
        risen
    }

    /// Begins another minute.
    fn turn(&self, minute: i64) -> Option<f64> {
        let mut past = self.past.lock();
        let before = self.minute.load(Relaxed);
        if before >= minute {
            return None;
        }
        let peak = past.peak;
        past.end(before, self.halves.swap(0, Relaxed));
        // In the minutes that nothing was heard of nothing was consumed.
        for quiet in (before + 1..minute).take(WINDOW_MINUTES) {
            past.end(quiet, 0);
        }
        self.minute.store(minute, Relaxed);
        (past.peak > peak).then(|| past.peak as f64 / (2.0 * 60.0 * WINDOW_MINUTES as f64))
    }
}

impl Past {
    fn end(&mut self, minute: i64, halves: u64) {
        let place = minute.rem_euclid(WINDOW_MINUTES as i64) as usize;
        if let Some(oldest) = self.minutes.get_mut(place) {
            self.sum = self.sum + halves - std::mem::replace(oldest, halves);
            self.peak = self.peak.max(self.sum);
        }
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
            if let Some(risen) = peak.count(second * 1_000_000_000, 100.0) {
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
            peak.count(minute * MINUTE, 600.0);
        }
        assert_eq!(peak.count(1_000 * MINUTE, 60_000.0), Some(10.0));
        assert_eq!(peak.count(1_001 * MINUTE, 0.0), Some(60_000.0 / 1_800.0));
        assert_eq!(peak.count(5_000 * MINUTE, 0.0), None);
        assert_eq!(peak.past.lock().sum, 0);
    }
}
