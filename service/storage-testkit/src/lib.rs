//! One suite that every storage engine passes: each promise of [`cairn_storage::Engine`] is a named test here.
//!
//! An engine's crate says how to open a store ([`Subject`]) and lists the suite in an integration test:
//!
//! ```text
//! cairn_storage_testkit::conformance!(MySubject);             // an engine that forgets
//! cairn_storage_testkit::conformance!(MySubject, persistent); // one whose stores can be opened again
//! ```
//!
//! Each promise becomes one `#[test]` with a fresh store and a runtime of its own. `PROPTEST_CASES` sets how many
//! cases the random tests try.
//!
//! This crate does not test what happens when the process or the machine dies (each engine that keeps files tests that
//! against its own), nor how fast an engine is.

// Test code in library form: a broken promise is told by panicking, as in any test.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

pub mod atomicity;
pub mod cancellation;
pub mod close;
pub mod decisions;
mod harness;
pub mod isolation;
pub mod model;
pub mod paging;
pub mod reopen;
pub mod runtimes;
pub mod scans;
pub mod snapshots;
pub mod spaces;
mod suite;

pub use harness::run;

use cairn_storage::Engine;
use std::future::Future;

/// An engine under test: it makes stores.
pub trait Subject: Send + Sync + 'static {
    /// What it makes.
    type Store: Store;

    /// A store of its own, open, with nothing in it.
    fn fresh(&self) -> impl Future<Output = Self::Store> + Send;

    /// The same, allowing `max_spaces` spaces, the system space included.
    fn fresh_with_max_spaces(&self, max_spaces: usize) -> impl Future<Output = Self::Store> + Send;
}

/// An open store. It owns what the store needs to live, such as a temporary directory.
pub trait Store: Send + Sync + 'static {
    /// The engine under test.
    type Engine: Engine;

    /// A handle to the store.
    fn engine(&self) -> Self::Engine;
}

/// A store that outlives its handles.
pub trait Reopen: Store + Sized {
    /// Closes the store with [`Engine::close`], and opens it again as a new process would. Other handles and
    /// snapshots of the closed engine may still be alive.
    fn reopen(self) -> impl Future<Output = Self> + Send;
}
