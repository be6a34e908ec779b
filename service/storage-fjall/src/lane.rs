//! The read lane: decides whether a read runs on the caller's thread or on a blocking one.
//!
//! A read that finds its block in memory takes a few microseconds, as much as a hop to a blocking thread costs, so
//! such a read should run where it is. A read that goes to disk may take milliseconds, and on an async worker it
//! would hold up every other request of that worker. Nobody knows beforehand which it will be; so reads are timed, each
//! for the space it reads. A space that was slow lately sends its reads to blocking threads. One that has been quick for
//! long reads in place without a limit: on two cores every eighth read would otherwise meet another and hop, at several
//! times its own cost. Any other reads in place on no more than `inline_max` workers at a time. A call that reads several
//! spaces is judged by all of them: one slow space sends it to a blocking thread, and it reads in place without a limit
//! only if every one has been quick for long. Only reads that ran are counted, so that a wrong guess about a space holds
//! up at most `inline_max` workers until the first of its slow reads ends.

use cairn_storage::{Error, Result};
use parking_lot::{Condvar, Mutex};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicUsize, Ordering};
use std::time::{Duration, Instant};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// A read that takes longer than this has been to disk (or lost its core, which looks the same).
const SLOW: Duration = Duration::from_millis(1);

/// How many reads of a space go to blocking threads after a slow one.
const READS_AFTER_SLOW: u32 = 64;

/// How many quick reads in a row make a space warm.
const READS_TO_WARM: u32 = 256;

/// How reads of one space have gone lately.
#[derive(Debug, Default)]
pub(crate) struct Temperature {
    /// Reads still to be sent to blocking threads.
    cold_reads_left: AtomicU32,
    /// Quick reads since the last slow one, up to [`READS_TO_WARM`].
    quick_reads: AtomicU32,
}

impl Temperature {
    /// Runs a read of the space and records how long it took.
    pub(crate) fn time<T>(&self, read: impl FnOnce() -> T) -> T {
        let began = Instant::now();
        let found = read();
        self.record(began.elapsed());
        found
    }

    /// Records how long a read took.
    pub(crate) fn record(&self, took: Duration) {
        if took > SLOW {
            self.cold_reads_left.store(READS_AFTER_SLOW, Ordering::Relaxed);
            self.quick_reads.store(0, Ordering::Relaxed);
        } else if !self.is_warm() {
            self.quick_reads.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Whether reads have been quick for long.
    pub(crate) fn is_warm(&self) -> bool {
        self.quick_reads.load(Ordering::Relaxed) >= READS_TO_WARM
    }

    /// Reads still to be sent to blocking threads.
    #[cfg(test)]
    pub(crate) fn cold_reads_left(&self) -> u32 {
        self.cold_reads_left.load(Ordering::Relaxed)
    }

    /// Whether the next read should keep off async workers. Each answer counts as one read.
    fn is_cold(&self) -> bool {
        if self.cold_reads_left.load(Ordering::Relaxed) == 0 {
            return false;
        }
        // Two threads may both take the last one, which does no harm; none goes below zero, which would.
        self.cold_reads_left
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(1))
            .is_ok()
    }
}

/// Where reads are let in, counted and, at the end, kept out.
#[derive(Debug)]
pub(crate) struct ReadLane {
    inline_max: usize,
    inline_running: AtomicUsize,
    blocking_running: AtomicUsize,
    #[cfg(test)]
    hopped: AtomicUsize,
    blocking_places: Arc<Semaphore>,
    closed: AtomicBool,
    idle: Mutex<()>,
    became_idle: Condvar,
}

/// Where a read may run.
#[derive(Debug)]
pub(crate) enum Turn<'a> {
    /// Here and now, until the turn is dropped.
    Inline(InlineTurn<'a>),
    /// On a blocking thread: see [`BlockingTurn::run`].
    Blocking(BlockingTurn),
}

/// Leave to read on the calling thread.
#[derive(Debug)]
pub(crate) struct InlineTurn<'a> {
    lane: &'a ReadLane,
}

/// Leave to read on a blocking thread.
#[derive(Debug)]
pub(crate) struct BlockingTurn {
    lane: Arc<ReadLane>,
    place: Option<OwnedSemaphorePermit>,
}

impl ReadLane {
    /// A lane for at most `inline_max` reads on callers' threads, of spaces that are not warm, and `blocking_max` on
    /// blocking ones.
    pub(crate) fn new(inline_max: usize, blocking_max: usize) -> Self {
        Self {
            inline_max,
            inline_running: AtomicUsize::new(0),
            blocking_running: AtomicUsize::new(0),
            #[cfg(test)]
            hopped: AtomicUsize::new(0),
            blocking_places: Arc::new(Semaphore::new(blocking_max)),
            closed: AtomicBool::new(false),
            idle: Mutex::new(()),
            became_idle: Condvar::new(),
        }
    }

    /// Lets a read of these spaces in.
    pub(crate) fn begin<'a, 't>(
        self: &'a Arc<Self>,
        spaces: impl Iterator<Item = &'t Temperature>,
    ) -> Result<Turn<'a>> {
        let (mut any_cold, mut all_warm) = (false, true);
        for space in spaces {
            any_cold |= space.is_cold();
            all_warm &= space.is_warm();
        }
        if !any_cold && let Some(turn) = self.begin_inline(all_warm)? {
            return Ok(Turn::Inline(turn));
        }
        self.begin_blocking().map(Turn::Blocking)
    }

    fn begin_inline(&self, without_limit: bool) -> Result<Option<InlineTurn<'_>>> {
        let running = self.inline_running.fetch_add(1, Ordering::SeqCst);
        // From here on dropping the turn gives the place back.
        let turn = InlineTurn { lane: self };
        self.refuse_if_closed()?;
        Ok((running < self.inline_max || without_limit).then_some(turn))
    }

    /// Lets a read in that is known to take long.
    pub(crate) fn begin_blocking(self: &Arc<Self>) -> Result<BlockingTurn> {
        self.blocking_running.fetch_add(1, Ordering::SeqCst);
        #[cfg(test)]
        self.hopped.fetch_add(1, Ordering::SeqCst);
        let turn = BlockingTurn { lane: Arc::clone(self), place: None };
        self.refuse_if_closed()?;
        Ok(turn)
    }

    fn refuse_if_closed(&self) -> Result<()> {
        if self.closed.load(Ordering::SeqCst) { Err(Error::Closed) } else { Ok(()) }
    }

    /// How many reads went to blocking threads.
    #[cfg(test)]
    pub(crate) fn hopped(&self) -> usize {
        self.hopped.load(Ordering::SeqCst)
    }

    /// Whether reads are refused.
    pub(crate) fn is_closed(&self) -> bool {
        self.closed.load(Ordering::SeqCst)
    }

    /// Refuses reads from now on, and waits for those that were let in. False if some were still running after
    /// `wait_max`: a caller's task may be stuck behind the very thread that waits here.
    pub(crate) fn close(&self, wait_max: Duration) -> bool {
        self.closed.store(true, Ordering::SeqCst);
        self.blocking_places.close();
        let deadline = Instant::now() + wait_max;
        let mut idle = self.idle.lock();
        while self.running() > 0 {
            if self.became_idle.wait_until(&mut idle, deadline).timed_out() {
                return self.running() == 0;
            }
        }
        true
    }

    fn running(&self) -> usize {
        self.inline_running.load(Ordering::SeqCst) + self.blocking_running.load(Ordering::SeqCst)
    }

    /// Called after a read has left.
    fn left(&self) {
        if self.closed.load(Ordering::SeqCst) && self.running() == 0 {
            // With the lock held, so that it cannot fall between the closer's look and its wait.
            let _idle = self.idle.lock();
            self.became_idle.notify_all();
        }
    }
}

impl Drop for InlineTurn<'_> {
    fn drop(&mut self) {
        self.lane.inline_running.fetch_sub(1, Ordering::SeqCst);
        self.lane.left();
    }
}

impl BlockingTurn {
    /// Runs `read` on a blocking thread once there is a place.
    pub(crate) async fn run<T>(mut self, read: impl FnOnce() -> T + Send + 'static) -> Result<T>
    where
        T: Send + 'static,
    {
        let places = Arc::clone(&self.lane.blocking_places);
        self.place = Some(places.acquire_owned().await.map_err(|_| Error::Closed)?);
        let thread = tokio::task::spawn_blocking(move || {
            let found = read();
            drop(self);
            found
        });
        thread.await.map_err(|cause| {
            // Cancelled only when the runtime shuts down before the read began.
            if cause.is_cancelled() { Error::Closed } else { Error::backend("a read panicked", cause) }
        })
    }
}

impl Drop for BlockingTurn {
    fn drop(&mut self) {
        self.place = None;
        self.lane.blocking_running.fetch_sub(1, Ordering::SeqCst);
        self.lane.left();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::mpsc;

    fn lane(inline_max: usize) -> Arc<ReadLane> {
        Arc::new(ReadLane::new(inline_max, 2))
    }

    fn begin<'a>(lane: &'a Arc<ReadLane>, temperature: &Temperature) -> Result<Turn<'a>> {
        lane.begin(std::iter::once(temperature))
    }

    fn warm() -> Temperature {
        let temperature = Temperature::default();
        for _ in 0..READS_TO_WARM {
            temperature.record(Duration::ZERO);
        }
        temperature
    }

    fn is_inline(turn: &Result<Turn<'_>>) -> bool {
        matches!(turn, Ok(Turn::Inline(_)))
    }

    #[test]
    fn reads_run_in_place_up_to_the_limit_and_then_hop() {
        let (lane, temperature) = (lane(2), Temperature::default());
        let first = begin(&lane, &temperature);
        let second = begin(&lane, &temperature);
        assert!(is_inline(&first) && is_inline(&second));
        assert!(matches!(begin(&lane, &temperature), Ok(Turn::Blocking(_))));
        drop(first);
        assert!(is_inline(&begin(&lane, &temperature)));
    }

    #[test]
    fn a_space_that_was_quick_for_long_reads_in_place_without_limit_until_it_is_slow() {
        let (lane, temperature) = (lane(1), warm());
        let turns: Vec<_> = (0..10).map(|_| begin(&lane, &temperature)).collect();
        assert!(turns.iter().all(is_inline));
        drop(turns);
        temperature.record(SLOW * 2);
        for _ in 0..READS_AFTER_SLOW {
            drop(begin(&lane, &temperature));
        }
        let _other = begin(&lane, &temperature);
        assert!(!is_inline(&begin(&lane, &temperature)));
    }

    #[test]
    fn after_a_slow_read_the_next_ones_hop_and_then_reads_are_tried_in_place_again() {
        let (lane, temperature) = (lane(1), Temperature::default());
        temperature.record(SLOW * 2);
        for _ in 0..READS_AFTER_SLOW {
            assert!(!is_inline(&begin(&lane, &temperature)));
        }
        assert!(is_inline(&begin(&lane, &temperature)));
    }

    #[test]
    fn a_quick_read_leaves_its_space_in_place() {
        let (lane, temperature) = (lane(1), Temperature::default());
        temperature.record(SLOW);
        assert!(is_inline(&begin(&lane, &temperature)));
    }

    #[test]
    fn one_cold_space_does_not_make_another_hop() {
        let (lane, cold, warm) = (lane(1), Temperature::default(), Temperature::default());
        cold.record(SLOW * 2);
        assert!(!is_inline(&begin(&lane, &cold)));
        assert!(is_inline(&begin(&lane, &warm)));
    }

    #[test]
    fn reads_of_several_spaces_are_judged_by_the_slowest() {
        let (lane, quick, unknown, cold) = (lane(1), warm(), Temperature::default(), Temperature::default());
        let held = begin(&lane, &quick);
        assert!(is_inline(&held));
        assert!(is_inline(&lane.begin([&quick, &quick].into_iter())));
        assert!(!is_inline(&lane.begin([&quick, &unknown].into_iter())), "past the limit");
        drop(held);
        assert!(is_inline(&lane.begin([&quick, &unknown].into_iter())));
        cold.record(SLOW * 2);
        assert!(!is_inline(&lane.begin([&quick, &cold].into_iter())));
        assert!(!is_inline(&lane.begin([&cold, &quick].into_iter())));
        assert!(is_inline(&begin(&lane, &quick)), "a slow space made another one slow");
    }

    #[test]
    fn reads_that_found_no_place_do_not_count_as_quick() {
        let (lane, temperature) = (lane(1), Temperature::default());
        let slow_read = begin(&lane, &temperature);
        for _ in 0..2 * READS_TO_WARM {
            assert!(!is_inline(&begin(&lane, &temperature)));
        }
        assert!(!temperature.is_warm());
        drop(slow_read);
    }

    #[test]
    fn closing_waits_for_the_reads_that_were_let_in_and_refuses_others() {
        let (lane, temperature) = (lane(1), Temperature::default());
        let turn = begin(&lane, &temperature).unwrap();
        let (closed, is_closed) = mpsc::channel();
        let closer = std::thread::spawn({
            let lane = Arc::clone(&lane);
            move || {
                closed.send(lane.close(Duration::MAX / 4)).unwrap();
            }
        });
        while !lane.is_closed() {
            std::thread::yield_now();
        }
        assert!(matches!(begin(&lane, &temperature), Err(Error::Closed)));
        assert!(matches!(lane.begin_blocking(), Err(Error::Closed)));
        assert!(is_closed.try_recv().is_err(), "closed with a read still running");
        drop(turn);
        assert!(is_closed.recv().unwrap());
        closer.join().unwrap();
    }

    #[test]
    fn closing_gives_up_on_a_read_that_does_not_end() {
        let (lane, temperature) = (lane(1), Temperature::default());
        let turn = begin(&lane, &temperature).unwrap();
        assert!(!lane.close(Duration::from_millis(10)));
        drop(turn);
        assert!(lane.close(Duration::ZERO));
    }

    #[tokio::test]
    async fn a_read_that_hops_answers_and_takes_note_of_its_time() {
        let (lane, temperature) = (lane(1), Arc::new(Temperature::default()));
        let turn = lane.begin_blocking().unwrap();
        let read = {
            let temperature = Arc::clone(&temperature);
            move || {
                temperature.time(|| {
                    std::thread::sleep(SLOW * 2);
                    7
                })
            }
        };
        assert_eq!(turn.run(read).await.unwrap(), 7);
        assert_eq!(lane.running(), 0);
        assert!(temperature.is_cold());
    }

    #[tokio::test]
    async fn a_read_that_panics_is_an_error_and_gives_its_place_back() {
        let lane = lane(1);
        for _ in 0..4 {
            let turn = lane.begin_blocking().unwrap();
            let answer: Result<()> = turn.run(|| panic!("on purpose")).await;
            assert!(matches!(answer, Err(Error::Backend { .. })));
        }
        assert_eq!(lane.running(), 0);
    }
}
