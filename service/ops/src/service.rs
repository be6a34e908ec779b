//! `Service`: what every operation works with.

use crate::capacity::{Accounting, CapacityOptions};
use crate::catalog::Catalog;
use crate::idempotency::TokenSweep;
use crate::sweep::{SweepTask, Sweeper};
use crate::table_reference::Naming;
use cairn_auth::Identities;
use cairn_expression::ExpressionCache;
use cairn_storage::Engine;
use jiff::Timestamp;
use std::ops::Deref;
use std::sync::Arc;
use std::time::Duration;

/// Where the time comes from, so that a test can hold it.
pub type Clock = Arc<dyn Fn() -> Timestamp + Send + Sync>;

/// What the operator chooses.
#[derive(Clone)]
pub struct ServiceOptions {
    /// The region in ARNs, as in `eu-north-1`.
    pub region: String,
    /// The twelve-digit account in ARNs.
    pub account: String,
    /// Tables that may exist.
    pub tables_max: usize,
    /// Bytes that an item collection may have on a table with local indexes.
    pub item_collection_bytes_max: u64,
    /// Limits of throughput.
    pub capacity: CapacityOptions,
    /// How long after a sweep for expired items the next one begins.
    pub time_to_live_sweep_interval: Duration,
    /// Where the time comes from.
    pub clock: Clock,
}

impl Default for ServiceOptions {
    fn default() -> Self {
        Self {
            region: "local".into(),
            account: "000000000000".into(),
            tables_max: 400,
            item_collection_bytes_max: 10 << 30,
            capacity: CapacityOptions::default(),
            time_to_live_sweep_interval: Duration::from_secs(30),
            clock: Arc::new(Timestamp::now),
        }
    }
}

/// The table service over one storage engine. Cloning gives another handle to it.
pub struct Service<E: Engine> {
    parts: Arc<Parts<E>>,
}

impl<E: Engine> Clone for Service<E> {
    fn clone(&self) -> Self {
        Self { parts: self.parts.clone() }
    }
}

impl<E: Engine> Deref for Service<E> {
    type Target = Parts<E>;

    fn deref(&self) -> &Parts<E> {
        &self.parts
    }
}

/// What a [`Service`] is made of: for this crate alone.
pub struct Parts<E: Engine> {
    pub(crate) engine: E,
    /// Who there is, and what they may do.
    pub(crate) identities: Identities<E>,
    pub(crate) catalog: Catalog<E>,
    pub(crate) naming: Naming,
    pub(crate) clock: Clock,
    pub(crate) item_collection_bytes_max: u64,
    /// What tables have and use of their throughput.
    pub(crate) accounting: Arc<Accounting>,
    /// The removal of expired request tokens.
    pub(crate) tokens: Arc<TokenSweep>,
    /// Parsed expressions by their text.
    pub(crate) expressions: ExpressionCache,
    /// The deletion of expired items, which ends with the last handle to the service.
    sweeping: SweepTask,
}

impl<E: Engine> Service<E> {
    /// The service over `engine`, for the `identities` of the same store. Takes up what an earlier run left half done: tables and indexes that were being
    /// created or deleted.
    ///
    /// # Errors
    /// If the catalog cannot be read.
    pub async fn start(engine: E, identities: Identities<E>, options: ServiceOptions) -> crate::Result<Self> {
        let naming = Naming { region: options.region.into(), account: options.account.into() };
        let accounting = Arc::new(Accounting::new(options.capacity, naming.clone()));
        let catalog =
            Catalog::open(engine.clone(), options.tables_max, options.clock.clone(), accounting.clone())
                .await?;
        let sweeper = Sweeper {
            engine: engine.clone(),
            catalog: catalog.clone(),
            clock: options.clock.clone(),
            item_collection_bytes_max: options.item_collection_bytes_max,
        };
        let sweeping = sweeper.spawn(options.time_to_live_sweep_interval);
        let parts = Parts {
            engine,
            identities,
            catalog,
            naming,
            clock: options.clock,
            item_collection_bytes_max: options.item_collection_bytes_max,
            accounting,
            tokens: Arc::default(),
            expressions: ExpressionCache::default(),
            sweeping,
        };
        Ok(Self { parts: Arc::new(parts) })
    }

    /// The storage engine.
    pub fn engine(&self) -> &E {
        &self.engine
    }

    /// Who there is, and what they may do.
    pub fn identities(&self) -> &Identities<E> {
        &self.identities
    }

    /// Waits until a sweep for expired items ends that begins after this call; or at once, where there will
    /// be none any more, as the store is closed.
    pub async fn swept(&self) {
        let mut sweeps = self.sweeping.sweeps.clone();
        // One may be under way, which has read the clock already.
        let awaited = *sweeps.borrow() + 2;
        let _ = sweeps.wait_for(|sweeps| *sweeps >= awaited).await;
    }

    /// Waits until no table and no index is being created or deleted any more.
    pub async fn settled(&self) {
        self.catalog.settled().await;
    }
}
