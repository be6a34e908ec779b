//! The suite's promise about conflicts, against an engine that has them, and one that breaks the promise: both
//! engines of this project order all transactions, so neither would show that the test can fail.

use bytes::Bytes;
use cairn_storage::memory::{MemoryEngine, MemoryOptions, MemorySnapshot};
use cairn_storage::{Consistency, Decision, Engine, EngineStatistics, Error, RecordKey, Result, SpaceId};
use cairn_storage_testkit::isolation::a_transaction_given_up_for_a_conflict_has_changed_nothing;
use cairn_storage_testkit::{Store, Subject, run};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// What becomes of a transaction that is given up.
#[derive(Clone, Copy)]
enum GivenUp {
    /// It is decided, and nothing is written.
    Whole,
    /// It is committed all the same.
    Committed,
    /// It names a key that was not declared.
    Misnamed,
}

/// Gives up every third transaction.
#[derive(Clone)]
struct Conflicting {
    inner: MemoryEngine,
    given_up: GivenUp,
    transactions: Arc<AtomicUsize>,
}

impl Subject for GivenUp {
    type Store = Conflicting;

    async fn fresh(&self) -> Conflicting {
        Conflicting { inner: MemoryEngine::new(), given_up: *self, transactions: Arc::default() }
    }

    async fn fresh_with_max_spaces(&self, max_spaces: usize) -> Conflicting {
        let inner = MemoryEngine::with_options(MemoryOptions { max_spaces });
        Conflicting { inner, ..self.fresh().await }
    }
}

impl Store for Conflicting {
    type Engine = Self;

    fn engine(&self) -> Self {
        self.clone()
    }
}

impl Engine for Conflicting {
    type Snapshot = MemorySnapshot;

    async fn snapshot(&self, consistency: Consistency) -> Result<MemorySnapshot> {
        self.inner.snapshot(consistency).await
    }

    async fn transact<T, D>(&self, keys: Vec<RecordKey>, mut decide: D) -> Result<T>
    where
        T: Send + 'static,
        D: FnMut(&[Option<Bytes>]) -> Decision<T> + Send + 'static,
    {
        if !self.transactions.fetch_add(1, Ordering::SeqCst).is_multiple_of(3) {
            return self.inner.transact(keys, decide).await;
        }
        let declared = match self.given_up {
            GivenUp::Misnamed => vec![keys.len()],
            _ => vec![0],
        };
        if matches!(self.given_up, GivenUp::Committed) {
            self.inner.transact(keys, decide).await?;
        } else {
            let decide = move |found: &[Option<Bytes>]| {
                drop(decide(found));
                Decision::unchanged(())
            };
            self.inner.transact(keys, decide).await?;
        }
        Err(Error::Conflict { declared })
    }

    async fn create_space(&self, space: SpaceId) -> Result<()> {
        self.inner.create_space(space).await
    }

    async fn drop_space(&self, space: SpaceId) -> Result<()> {
        self.inner.drop_space(space).await
    }

    async fn spaces(&self) -> Result<Vec<SpaceId>> {
        self.inner.spaces().await
    }

    async fn statistics(&self) -> Result<EngineStatistics> {
        self.inner.statistics().await
    }

    async fn close(&self) -> Result<()> {
        self.inner.close().await
    }
}

#[test]
fn an_engine_may_give_transactions_up() {
    run(a_transaction_given_up_for_a_conflict_has_changed_nothing(GivenUp::Whole));
}

#[test]
#[should_panic]
fn what_is_given_up_must_not_be_committed() {
    run(a_transaction_given_up_for_a_conflict_has_changed_nothing(GivenUp::Committed));
}

#[test]
#[should_panic]
fn a_conflict_names_declared_keys_only() {
    run(a_transaction_given_up_for_a_conflict_has_changed_nothing(GivenUp::Misnamed));
}
