//! What state an engine is in: open, open for reads only, or closed.

use cairn_storage::{Error, Result};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

/// Why a store accepts no writes whose committer panicked.
pub(crate) const COMMITTER_BUG: &str = "the committer met a bug and stopped";

/// Shared by everyone who has to say no.
#[derive(Debug, Default)]
pub(crate) struct Health {
    closed: AtomicBool,
    /// Why writes stopped. Set once: the first failure is the one worth knowing.
    failure: OnceLock<String>,
    /// How often work in the background met a bug.
    background_failures: AtomicU64,
}

impl Health {
    /// Refuses everything from now on. True for the first who asks.
    pub(crate) fn close(&self) -> bool {
        !self.closed.swap(true, Ordering::SeqCst)
    }

    /// Refuses writes from now on.
    pub(crate) fn fail(&self, reason: String) {
        tracing::error!(reason, "the store no longer accepts writes; reads go on");
        let _ = self.failure.set(reason);
    }

    /// Whether writes stopped because of a failure.
    pub(crate) fn has_failed(&self) -> bool {
        self.failure.get().is_some()
    }

    /// Does a step of work in the background. One that panics is logged and counted, and the thread goes on: none if
    /// so. The step must leave nothing half done that the next one relies on.
    pub(crate) fn survive<T>(&self, step: &'static str, work: impl FnOnce() -> T) -> Option<T> {
        let done = catch_unwind(AssertUnwindSafe(work)).ok();
        if done.is_none() {
            self.background_failures.fetch_add(1, Ordering::Relaxed);
            tracing::error!(step, "work in the background met a bug; it is tried again");
        }
        done
    }

    /// How often work in the background met a bug.
    pub(crate) fn background_failures(&self) -> u64 {
        self.background_failures.load(Ordering::Relaxed)
    }

    /// Refuses if the engine is closed.
    pub(crate) fn check_open(&self) -> Result<()> {
        if self.closed.load(Ordering::SeqCst) { Err(Error::Closed) } else { Ok(()) }
    }

    /// Refuses if the engine is closed, or cannot write.
    pub(crate) fn check_writable(&self) -> Result<()> {
        self.check_open()?;
        match self.failure.get() {
            Some(reason) => Err(Error::ReadOnly { reason: reason.clone() }),
            None => Ok(()),
        }
    }

    /// Why a request that was accepted was never answered.
    pub(crate) fn why_unanswered(&self) -> Error {
        match self.failure.get() {
            Some(reason) => Error::ReadOnly { reason: reason.clone() },
            None if self.closed.load(Ordering::SeqCst) => Error::Closed,
            // Its requests go before the committer can say what happened to it.
            None => Error::ReadOnly { reason: COMMITTER_BUG.to_owned() },
        }
    }
}
