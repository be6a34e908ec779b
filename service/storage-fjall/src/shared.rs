//! What the engine's handles and its threads share.

use crate::admission::Admission;
use crate::health::Health;
use crate::view::View;
use arc_swap::ArcSwap;
use cairn_storage::Result;
use parking_lot::Mutex;
use std::sync::atomic::{AtomicU64, AtomicUsize};
use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};
use tokio::sync::watch;

/// Shared by every handle, the committer and the monitor.
pub(crate) struct Shared {
    /// The view published last: every commit acknowledged so far, and nothing that is not durable.
    pub(crate) view: ArcSwap<View>,
    pub(crate) health: Health,
    pub(crate) admission: Admission,
    /// Bytes in memtables that are not flushed, as the monitor saw it last.
    pub(crate) unflushed_bytes: AtomicU64,
    /// The newest commit whose keys the committer may have checked against the gaps of spaces; see `gaps`.
    pub(crate) checked: AtomicU64,
    /// Keyspaces of dropped spaces that the monitor has yet to remove.
    pub(crate) removing: AtomicUsize,
    /// How often upkeep has remembered a gap or removed deletions: for those who wait for that.
    pub(crate) upkept: watch::Sender<u64>,
    /// How many keyspaces were prepared for new spaces.
    #[cfg(test)]
    pub(crate) prepared: AtomicUsize,
    /// Where a test wants work in the background to panic.
    #[cfg(test)]
    pub(crate) faults: Mutex<Vec<&'static str>>,
    /// Views that somebody held when another took their place, and when that was.
    pub(crate) superseded: Mutex<Vec<(Weak<View>, Instant)>>,
}

impl Shared {
    /// The view published last, if the engine is open.
    pub(crate) fn open_view(&self) -> Result<Arc<View>> {
        self.health.check_open()?;
        Ok(self.view.load_full())
    }

    /// Panics if a test wants `step` to.
    #[cfg(test)]
    pub(crate) fn fault(&self, step: &'static str) {
        assert!(!self.faults.lock().contains(&step), "on purpose, in {step}");
    }

    #[cfg(not(test))]
    #[expect(clippy::unused_self, reason = "tests need it")]
    pub(crate) fn fault(&self, _step: &'static str) {}

    /// Makes `view` the one that is given out.
    pub(crate) fn publish(&self, view: Arc<View>) {
        let superseded = self.view.swap(view);
        // The committer has it too.
        if Arc::strong_count(&superseded) > 2 {
            self.superseded.lock().push((Arc::downgrade(&superseded), Instant::now()));
        }
    }

    /// Forgets the views nobody holds any more.
    pub(crate) fn forget_unheld_views(&self) {
        self.superseded.lock().retain(|(view, _)| view.strong_count() > 0);
    }

    /// Expires the views that have been held for `age_min` since another took their place; returns how many.
    pub(crate) fn expire_views(&self, age_min: Duration) -> usize {
        let (expired, kept): (Vec<_>, Vec<_>) =
            self.superseded.lock().drain(..).partition(|(_, since)| since.elapsed() >= age_min);
        self.superseded.lock().extend(kept);
        expired.iter().filter_map(|(view, _)| view.upgrade()).inspect(|view| view.expire()).count()
    }
}
