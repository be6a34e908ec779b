//! The way in for transactions that write: a bounded queue, and a brake for when flushes cannot keep up.
//!
//! fjall has no limit of its own on the memory all its memtables take together, and its brake for a single keyspace
//! is a sleep inside the commit, which would hold up every table. So writers are slowed down, and at worst refused,
//! before they reach the committer.

use cairn_storage::{Error, Result};
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;
use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore, TryAcquireError};
use tokio::time::{Instant, sleep, timeout, timeout_at};

/// What a place in the queue stands for; no transaction counts less.
const PLACE_BYTES: usize = 4096;

/// The slowest a writer is made by the brake before it is stopped altogether.
const DELAY_MAX: Duration = Duration::from_millis(50);

/// How many times the budget all memtables may take, those included that are flushed but that old views still read.
/// With the default budget that is half of the memory there is.
pub(crate) const PINNED_MAX: u64 = 4;

/// What the memtables of all spaces hold.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Memory {
    /// In memtables that are not flushed.
    pub(crate) unflushed_bytes: u64,
    /// In all memtables, those included that are flushed but still read.
    pub(crate) total_bytes: u64,
}

/// Lets transactions into the committer's queue.
#[derive(Debug)]
pub(crate) struct Admission {
    places: Arc<Semaphore>,
    places_max: u32,
    wait_max: Duration,
    brake: Brake,
}

/// How hard writers are held back. Set by the monitor and the committer, felt by callers.
#[derive(Debug, Default)]
struct Brake {
    /// Whether anything below is set: the one thing looked at when all is well.
    on: AtomicBool,
    /// Whether every writer waits.
    stopped: AtomicBool,
    /// How long each writer is delayed.
    delay_us: AtomicU64,
    /// Told whenever the brake is eased.
    eased: Notify,
}

impl Admission {
    /// A queue for `bytes_max`, in which a caller waits for a place no longer than `wait_max`.
    pub(crate) fn new(bytes_max: usize, wait_max: Duration) -> Self {
        let places_max = u32::try_from(bytes_max / PLACE_BYTES).unwrap_or(u32::MAX).clamp(1, 1 << 20);
        Self {
            places: Arc::new(Semaphore::new(places_max as usize)),
            places_max,
            wait_max,
            brake: Brake::default(),
        }
    }

    /// Waits for a place for `bytes`. `is_behind` says whether a space this transaction writes to needs time.
    pub(crate) async fn enter(
        &self,
        bytes: usize,
        is_behind: impl Fn() -> bool,
    ) -> Result<OwnedSemaphorePermit> {
        if self.brake.on.load(Ordering::Relaxed) {
            self.feel_the_brake(is_behind).await?;
        }
        let places = u32::try_from(bytes.div_ceil(PLACE_BYTES)).unwrap_or(u32::MAX).clamp(1, self.places_max);
        match Arc::clone(&self.places).try_acquire_many_owned(places) {
            Ok(place) => Ok(place),
            Err(TryAcquireError::Closed) => Err(Error::Closed),
            Err(TryAcquireError::NoPermits) => {
                match timeout(self.wait_max, Arc::clone(&self.places).acquire_many_owned(places)).await {
                    Ok(Ok(place)) => Ok(place),
                    Ok(Err(_)) => Err(Error::Closed),
                    Err(_) => Err(Error::Overloaded),
                }
            }
        }
    }

    async fn feel_the_brake(&self, is_behind: impl Fn() -> bool) -> Result<()> {
        let deadline = Instant::now() + self.wait_max;
        loop {
            // Registered before the look, so that an easing between the look and the wait is not missed.
            let mut eased = pin!(self.brake.eased.notified());
            eased.as_mut().enable();
            if !self.brake.stopped.load(Ordering::Relaxed) && !is_behind() {
                break;
            }
            timeout_at(deadline, eased).await.map_err(|_| Error::Overloaded)?;
            if self.places.is_closed() {
                return Err(Error::Closed);
            }
        }
        match self.brake.delay_us.load(Ordering::Relaxed) {
            0 => {}
            delay => sleep(Duration::from_micros(delay)).await,
        }
        Ok(())
    }

    /// Sets the brake for what is in memory, against a budget for what is not flushed. Nothing happens up to the
    /// budget; from there the delay grows, and at one and a half times the budget writers are stopped. They are also
    /// stopped at [`PINNED_MAX`] times the budget, whatever holds it. `any_behind` says whether single spaces need
    /// time.
    pub(crate) fn set_brake(&self, memory: Memory, budget_bytes: u64, any_behind: bool) {
        let over_bytes = memory.unflushed_bytes.saturating_sub(budget_bytes);
        let most_bytes = (budget_bytes / 2).max(1);
        let delay_us = u128::from(over_bytes) * DELAY_MAX.as_micros() / u128::from(most_bytes);
        let delay_us = delay_us.min(DELAY_MAX.as_micros()) as u64;
        let is_stopped =
            over_bytes >= most_bytes || memory.total_bytes >= budget_bytes.saturating_mul(PINNED_MAX);
        self.brake.delay_us.store(delay_us, Ordering::Relaxed);
        self.brake.stopped.store(is_stopped, Ordering::Relaxed);
        self.brake.on.store(delay_us > 0 || is_stopped || any_behind, Ordering::Relaxed);
        self.brake.eased.notify_waiters();
    }

    /// Makes writers look whether their space is behind.
    pub(crate) fn brake_for_a_space(&self) {
        self.brake.on.store(true, Ordering::Relaxed);
    }

    /// Refuses everybody from now on, also those who wait.
    pub(crate) fn close(&self) {
        self.places.close();
        self.brake.eased.notify_waiters();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn admission(places: usize) -> Admission {
        Admission::new(places * PLACE_BYTES, Duration::from_secs(5))
    }

    fn unflushed(bytes: u64) -> Memory {
        Memory { unflushed_bytes: bytes, total_bytes: bytes }
    }

    #[tokio::test(start_paused = true)]
    async fn a_full_queue_makes_callers_wait_and_then_refuses_them() {
        let admission = admission(2);
        let large = admission.enter(2 * PLACE_BYTES, || false).await.unwrap();
        let began = Instant::now();
        assert!(matches!(admission.enter(1, || false).await, Err(Error::Overloaded)));
        assert_eq!(began.elapsed(), Duration::from_secs(5));
        drop(large);
        drop(admission.enter(1, || false).await.unwrap());
    }

    #[tokio::test]
    async fn a_transaction_larger_than_the_queue_gets_all_of_it() {
        let admission = admission(2);
        let huge = admission.enter(100 * PLACE_BYTES, || false).await.unwrap();
        assert_eq!(huge.num_permits(), 2);
    }

    #[tokio::test(start_paused = true)]
    async fn the_delay_grows_past_the_budget_until_writers_stop() {
        let admission = admission(2);
        let began = Instant::now();
        admission.set_brake(unflushed(100), 100, false);
        drop(admission.enter(1, || false).await.unwrap());
        assert_eq!(began.elapsed(), Duration::ZERO);
        admission.set_brake(unflushed(125), 100, false);
        drop(admission.enter(1, || false).await.unwrap());
        assert!((25..30).contains(&began.elapsed().as_millis()), "{:?}", began.elapsed());
        admission.set_brake(unflushed(150), 100, false);
        assert!(matches!(admission.enter(1, || false).await, Err(Error::Overloaded)));
    }

    #[tokio::test(start_paused = true)]
    async fn what_old_views_hold_in_memory_stops_writers_much_later() {
        let admission = admission(2);
        let began = Instant::now();
        admission.set_brake(Memory { unflushed_bytes: 100, total_bytes: 399 }, 100, false);
        drop(admission.enter(1, || false).await.unwrap());
        assert_eq!(began.elapsed(), Duration::ZERO);
        admission.set_brake(Memory { unflushed_bytes: 100, total_bytes: 400 }, 100, false);
        assert!(matches!(admission.enter(1, || false).await, Err(Error::Overloaded)));
    }

    #[tokio::test(start_paused = true)]
    async fn stopped_writers_go_on_as_soon_as_the_brake_is_eased() {
        let admission = Arc::new(admission(2));
        admission.set_brake(unflushed(200), 100, false);
        let waiting = tokio::spawn({
            let admission = Arc::clone(&admission);
            async move { admission.enter(1, || false).await.map(drop) }
        });
        tokio::task::yield_now().await;
        assert!(!waiting.is_finished());
        admission.set_brake(unflushed(0), 100, false);
        waiting.await.unwrap().unwrap();
    }

    #[tokio::test(start_paused = true)]
    async fn a_space_that_is_behind_holds_back_its_own_writers_only() {
        let admission = admission(2);
        admission.brake_for_a_space();
        drop(admission.enter(1, || false).await.unwrap());
        assert!(matches!(admission.enter(1, || true).await, Err(Error::Overloaded)));
    }

    #[tokio::test(start_paused = true)]
    async fn closing_refuses_those_who_wait() {
        let admission = Arc::new(admission(1));
        let place = admission.enter(1, || false).await.unwrap();
        admission.set_brake(unflushed(200), 100, false);
        let waiting = tokio::spawn({
            let admission = Arc::clone(&admission);
            async move { admission.enter(1, || false).await.map(drop) }
        });
        tokio::task::yield_now().await;
        admission.close();
        assert!(matches!(waiting.await.unwrap(), Err(Error::Closed)));
        drop(place);
    }
}
