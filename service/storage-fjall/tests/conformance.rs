//! The conformance kit, run against this engine: every promise of `cairn_storage::Engine`, reopening included.

// The helpers of this file panic, as tests do.
#![allow(clippy::unwrap_used)]

mod common;

use cairn_storage::Engine;
use cairn_storage_fjall::{FjallEngine, FjallOptions};
use cairn_storage_testkit::{Reopen, Store, Subject};
use tempfile::TempDir;

struct Fjall;

struct FjallStore {
    engine: FjallEngine,
    options: FjallOptions,
    folder: TempDir,
}

impl FjallStore {
    fn open(folder: TempDir, options: FjallOptions) -> Self {
        Self { engine: FjallEngine::open(options.clone()).unwrap(), options, folder }
    }
}

impl Subject for Fjall {
    type Store = FjallStore;

    async fn fresh(&self) -> FjallStore {
        let folder = tempfile::tempdir().unwrap();
        let options = common::options(folder.path());
        FjallStore::open(folder, options)
    }

    async fn fresh_with_max_spaces(&self, max_spaces: usize) -> FjallStore {
        let folder = tempfile::tempdir().unwrap();
        let mut options = common::options(folder.path());
        options.max_spaces = max_spaces;
        FjallStore::open(folder, options)
    }
}

impl Store for FjallStore {
    type Engine = FjallEngine;

    fn engine(&self) -> FjallEngine {
        self.engine.clone()
    }
}

impl Reopen for FjallStore {
    async fn reopen(self) -> Self {
        self.engine.close().await.unwrap();
        Self::open(self.folder, self.options)
    }
}

cairn_storage_testkit::conformance!(Fjall, persistent);
