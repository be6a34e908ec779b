//! Walking a range: a cursor that can begin on one thread and go on on another.
//!
//! Most scans are short (a Query that finds a handful of items), and a short one costs much less than the hop to a
//! blocking thread: 7 against 42 microseconds for one record, 12 against 50 for ten, on two busy cores. So a scan
//! begins where it was asked for, with a budget of records, bytes and time; what is left when the budget is spent is
//! walked on a blocking thread.
//!
//! A step to the next record may lead over any number of deleted ones, which fjall neither skips nor tells of. So in
//! spaces with many deletions steps are timed: a slow one is reported to `upkeep`, which remembers the range as a gap,
//! and the gaps that are remembered are left out of the range that is walked.

use crate::gaps::{Keys, successor};
use crate::upkeep::{self, SlowStep};
use crate::view::{Space, View};
use bytes::Bytes;
use cairn_storage::{Direction, Error, KeyRange, Result, Visit};
use fjall::{Iter, Keyspace, Readable, UserKey, UserValue};
use std::ops::ControlFlow;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// What a scan may take on an async worker. Records and bytes hold a usual scan to about what a runtime allows a task
/// between two awaits, and are enough for a query of a hundred small items, half a microsecond to a whole one each, not
/// to change threads for the last few. The time is for scans that are not usual: of items that are not in memory, or
/// that step over what was deleted.
const INLINE_TIME_MAX: Duration = Duration::from_micros(250);
const INLINE_RECORDS_MAX: usize = 128;
const INLINE_BYTES_MAX: usize = 128 * 1024;

/// How far a walk came.
pub(crate) enum Progress {
    /// To the end of the range, or to where the visitor had enough.
    Finished,
    /// To the end of its budget.
    Paused,
}

/// A place in a range.
pub(crate) struct Cursor {
    /// What is being walked; none before and after.
    segment: Option<Segment>,
    /// What is to be walked after that.
    rest: Rest,
    /// The key of the last record, if steps are timed.
    last: Option<UserKey>,
    /// Whether steps are timed.
    is_timed: bool,
    direction: Direction,
    cancelled: Arc<AtomicBool>,
    view: Arc<View>,
    space: Arc<Space>,
    /// Keeps the files of a space that is dropped meanwhile. Dropped after the iterator that reads them.
    keyspace: Arc<Keyspace>,
}

/// A part of a range without known gaps.
struct Segment {
    records: Iter,
    range: KeyRange,
}

/// A part of a range that is not walked yet.
enum Rest {
    Nothing,
    /// A range as it was asked for.
    Range(KeyRange),
    /// What is left behind a gap.
    Keys(Keys),
}

/// Stops a walk on another thread when dropped: nobody waits for it any more.
pub(crate) struct CancelOnDrop(Arc<AtomicBool>);

impl Drop for CancelOnDrop {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

impl Cursor {
    /// A place before the first record of a range. Reads nothing.
    pub(crate) fn new(
        view: Arc<View>,
        space: Arc<Space>,
        keyspace: Arc<Keyspace>,
        range: KeyRange,
        direction: Direction,
    ) -> Self {
        Self {
            segment: None,
            rest: if range.is_empty() { Rest::Nothing } else { Rest::Range(range) },
            last: None,
            is_timed: space.has_many_deletions(),
            direction,
            cancelled: Arc::default(),
            view,
            space,
            keyspace,
        }
    }

    /// What stops this cursor's walk.
    pub(crate) fn cancel_on_drop(&self) -> CancelOnDrop {
        CancelOnDrop(Arc::clone(&self.cancelled))
    }

    /// Walks until the visitor breaks, the range ends, or an async worker has been held long enough. A visitor that
    /// panics is an error, as it is on a blocking thread.
    pub(crate) fn walk_briefly(&mut self, visitor: &mut impl Visit) -> Result<Progress> {
        // Neither the cursor nor the visitor is used again after a panic.
        catch_unwind(AssertUnwindSafe(|| self.walk_within_budget(visitor)))
            .unwrap_or_else(|_| Err(Error::backend("reading a range", VisitorPanicked)))
    }

    fn walk_within_budget(&mut self, visitor: &mut impl Visit) -> Result<Progress> {
        let began = Instant::now();
        let (mut records, mut bytes) = (0, 0);
        while records < INLINE_RECORDS_MAX && bytes < INLINE_BYTES_MAX && began.elapsed() < INLINE_TIME_MAX {
            let Some((key, value)) = self.step()? else { return Ok(Progress::Finished) };
            records += 1;
            bytes += key.len() + value.len();
            if let ControlFlow::Break(()) = visitor.visit(&key, value.into()) {
                return Ok(Progress::Finished);
            }
            self.remember(key);
        }
        Ok(Progress::Paused)
    }

    /// Walks until the visitor breaks, the range ends, the walk is cancelled, or the view expires.
    pub(crate) fn walk(&mut self, visitor: &mut impl Visit) -> Result<()> {
        let is_first_step = self.segment.is_none();
        let space = Arc::clone(&self.space);
        // A long walk is not a slow read, so its first step stands for it.
        let mut next = if is_first_step { space.temperature.time(|| self.step()) } else { self.step() }?;
        while let Some((key, value)) = next {
            if self.cancelled.load(Ordering::Relaxed) {
                break;
            }
            if self.view.is_expired() {
                return Err(Error::Overloaded);
            }
            if let ControlFlow::Break(()) = visitor.visit(&key, value.into()) {
                break;
            }
            self.remember(key);
            next = self.step()?;
        }
        Ok(())
    }

    fn remember(&mut self, key: UserKey) {
        if self.is_timed {
            self.last = Some(key);
        }
    }

    /// The next record.
    fn step(&mut self) -> Result<Option<(UserKey, UserValue)>> {
        loop {
            if self.segment.is_none() && !self.open_segment()? {
                return Ok(None);
            }
            let Some(segment) = &mut self.segment else { return Ok(None) };
            let began = self.is_timed.then(Instant::now);
            let record = match self.direction {
                Direction::Ascending => segment.records.next(),
                Direction::Descending => segment.records.next_back(),
            };
            let took = began.map(|began| began.elapsed());
            let record = record.map(fjall::Guard::into_inner).transpose().map_err(failed)?;
            if took.is_some_and(|took| took >= self.space.slow_step) {
                self.report(record.as_ref().map(|(key, _)| key));
            }
            if record.is_some() {
                return Ok(record);
            }
            self.segment = None;
            self.last = None;
        }
    }

    /// Begins the next part of the range; false if there is none.
    fn open_segment(&mut self) -> Result<bool> {
        let gaps = &self.space.gaps;
        let keys = match std::mem::replace(&mut self.rest, Rest::Nothing) {
            Rest::Nothing => return Ok(false),
            Rest::Range(range) if gaps.are_none() => {
                self.segment = Some(self.segment(range)?);
                return Ok(true);
            }
            Rest::Range(range) => match Keys::of(&range) {
                Some(keys) => keys,
                None => {
                    self.segment = Some(self.segment(range)?);
                    return Ok(true);
                }
            },
            Rest::Keys(keys) => keys,
        };
        let Some(next) = gaps.first_segment(keys, self.direction, self.view.sequence) else {
            return Ok(false);
        };
        self.rest = next.rest.map_or(Rest::Nothing, Rest::Keys);
        self.segment = Some(self.segment(next.keys.into_range())?);
        Ok(true)
    }

    fn segment(&self, range: KeyRange) -> Result<Segment> {
        let snapshot = self.view.snapshot();
        let snapshot = snapshot.as_deref().ok_or(Error::Overloaded)?;
        let records = snapshot.range(&*self.keyspace, (range.start.clone(), range.end.clone()));
        Ok(Segment { records, range })
    }

    /// Reports that the step from the last record to `found`, or to the end of the segment, was slow.
    fn report(&self, found: Option<&UserKey>) {
        let Some(mut keys) = self.segment.as_ref().and_then(|segment| Keys::of(&segment.range)) else {
            return;
        };
        match self.direction {
            Direction::Ascending => {
                keys.start = self.last.as_deref().map_or(keys.start, successor);
                keys.end = found.map_or(keys.end, |key| Some(key.clone().into()));
            }
            Direction::Descending => {
                keys.start = found.map_or(keys.start, |key| successor(key));
                keys.end = self.last.as_ref().map_or(keys.end, |key| Some(key.clone().into()));
            }
        }
        // If upkeep has too much to do, somebody else will come by here.
        let _ = self
            .view
            .upkeep
            .try_send(upkeep::Message::Slow(SlowStep { space: Arc::clone(&self.space), keys }));
    }
}

/// The first key of a range as of a view, gaps or not. Errors if the view or the space is gone.
pub(crate) fn first_key(view: &View, space: &Space, range: KeyRange) -> Result<Option<Bytes>> {
    let keyspace = space.keyspace();
    let snapshot = view.snapshot();
    let (Some(keyspace), Some(snapshot)) = (keyspace.as_deref(), snapshot.as_deref()) else {
        return Err(Error::Overloaded);
    };
    let first = snapshot.range(keyspace, (range.start, range.end)).next();
    first.map(|record| record.key().map(Bytes::from).map_err(failed)).transpose()
}

fn failed(cause: fjall::Error) -> Error {
    Error::backend("reading a range", cause)
}

/// The visitor's code has a bug.
#[derive(Debug, thiserror::Error)]
#[error("the visitor panicked")]
struct VisitorPanicked;
