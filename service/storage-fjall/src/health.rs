//! What state an engine is in: open, open for reads only, or closed.

use cairn_storage::{Error, Result};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering};

/// Shared by everyone who has to say no.
#[derive(Debug, Default)]
pub(crate) struct Health {
    closed: AtomicBool,
    /// Why writes stopped. Set once: the first failure is the one worth knowing.
    failure: OnceLock<String>,
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
            None => Error::Closed,
        }
    }
}
