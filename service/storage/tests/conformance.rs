//! The memory engine against the conformance suite.

use cairn_storage::memory::{MemoryEngine, MemoryOptions};
use cairn_storage_testkit::{Store, Subject, conformance};

struct Memory;

struct MemoryStore(MemoryEngine);

impl Subject for Memory {
    type Store = MemoryStore;

    async fn fresh(&self) -> MemoryStore {
        MemoryStore(MemoryEngine::new())
    }

    async fn fresh_with_max_spaces(&self, max_spaces: usize) -> MemoryStore {
        MemoryStore(MemoryEngine::with_options(MemoryOptions { max_spaces }))
    }
}

impl Store for MemoryStore {
    type Engine = MemoryEngine;

    fn engine(&self) -> MemoryEngine {
        self.0.clone()
    }
}

conformance!(Memory);
