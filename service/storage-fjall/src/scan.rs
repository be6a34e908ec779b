//! Walking a range: a cursor that can begin on one thread and go on on another.
//!
//! Most scans are short (a Query that finds a handful of items), and a short one costs much less than the hop to a
//! blocking thread: 7 against 42 microseconds for one record, 12 against 50 for ten, on two busy cores. So a scan
//! begins where it was asked for, with a budget of records, bytes and time; what is left when the budget is spent is
//! walked on a blocking thread.

use crate::view::View;
use cairn_storage::{Direction, Error, KeyRange, Result, Visit};
use fjall::{Guard, Iter, Keyspace, Readable};
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
    /// None for an empty range.
    records: Option<Iter>,
    direction: Direction,
    cancelled: Arc<AtomicBool>,
    view: Arc<View>,
    /// Keeps the files of a space that is dropped meanwhile. Dropped after the iterator that reads them.
    _keyspace: Arc<Keyspace>,
}

/// Stops a walk on another thread when dropped: nobody waits for it any more.
pub(crate) struct CancelOnDrop(Arc<AtomicBool>);

impl Drop for CancelOnDrop {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

impl Cursor {
    pub(crate) fn new(
        view: Arc<View>,
        snapshot: &fjall::Snapshot,
        keyspace: Arc<Keyspace>,
        range: KeyRange,
        direction: Direction,
    ) -> Self {
        let records = (!range.is_empty()).then(|| snapshot.range(&*keyspace, (range.start, range.end)));
        Self { records, direction, cancelled: Arc::default(), view, _keyspace: keyspace }
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
            let Some(record) = self.next() else { return Ok(Progress::Finished) };
            let (key, value) = record.into_inner().map_err(failed)?;
            records += 1;
            bytes += key.len() + value.len();
            if let ControlFlow::Break(()) = visitor.visit(&key, value.into()) {
                return Ok(Progress::Finished);
            }
        }
        Ok(Progress::Paused)
    }

    /// Walks until the visitor breaks, the range ends, the walk is cancelled, or the view expires.
    pub(crate) fn walk(&mut self, visitor: &mut impl Visit) -> Result<()> {
        while let Some(record) = self.next() {
            if self.cancelled.load(Ordering::Relaxed) {
                break;
            }
            if self.view.is_expired() {
                return Err(Error::Overloaded);
            }
            let (key, value) = record.into_inner().map_err(failed)?;
            if let ControlFlow::Break(()) = visitor.visit(&key, value.into()) {
                break;
            }
        }
        Ok(())
    }

    fn next(&mut self) -> Option<Guard> {
        let records = self.records.as_mut()?;
        match self.direction {
            Direction::Ascending => records.next(),
            Direction::Descending => records.next_back(),
        }
    }
}

fn failed(cause: fjall::Error) -> Error {
    Error::backend("reading a range", cause)
}

/// The visitor's code has a bug.
#[derive(Debug, thiserror::Error)]
#[error("the visitor panicked")]
struct VisitorPanicked;
