//! `Service`: what every operation works with.

use crate::capacity::{Accounting, CapacityOptions};
use crate::catalog::{Catalog, Definition, SPACES_PER_TABLE, Table};
use crate::idempotency::TokenSweep;
use crate::sweep::{SweepTask, Sweeper};
use crate::table_reference::Naming;
use crate::{Error, TableDescription};
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
    /// The region that requests are signed for, if it is to be one. ARNs that callers send may name it and `region`; any
    /// region if it is not said.
    pub signing_region: Option<String>,
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
    /// Whether the answers to CreateTable and UpdateTable tell what a table has become, ACTIVE as a rule, and not what is
    /// being done with it. A new index is awaited for ten seconds.
    pub wait_for_tables: bool,
    /// Where the time comes from.
    pub clock: Clock,
}

impl Default for ServiceOptions {
    fn default() -> Self {
        Self {
            region: "local".into(),
            signing_region: None,
            account: "000000000000".into(),
            tables_max: 400,
            item_collection_bytes_max: 10 << 30,
            capacity: CapacityOptions::default(),
            time_to_live_sweep_interval: Duration::from_secs(30),
            wait_for_tables: false,
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
    pub(crate) wait_for_tables: bool,
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
    /// If the catalog cannot be read, or the store has no room for the spaces of as many tables as there may be.
    pub async fn start(engine: E, identities: Identities<E>, options: ServiceOptions) -> crate::Result<Self> {
        check_spaces(&engine, options.tables_max).await?;
        let naming = Naming {
            region: options.region.into(),
            signing_region: options.signing_region.map(Into::into),
            account: options.account.into(),
        };
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
            wait_for_tables: options.wait_for_tables,
            accounting,
            tokens: Arc::default(),
            expressions: ExpressionCache::default(),
            sweeping,
        };
        Ok(Self { parts: Arc::new(parts) })
    }

    /// A table's description as it is now, or as `known` has it if the table is gone.
    pub(crate) async fn describe_now(
        &self,
        table: &Table,
        known: &Definition,
    ) -> crate::Result<TableDescription> {
        match self.catalog.current(table).await? {
            Some(now) => self.catalog.describe(&now, &now.definition, &self.naming).await,
            None => Ok(self.catalog.describe_empty(known, &self.naming)),
        }
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

/// The store could not hold the tables that it may be asked for.
#[derive(Debug, thiserror::Error)]
#[error(
    "{tables_max} tables need {needed} spaces, {SPACES_PER_TABLE} each and one for the catalog, and the store holds at \
     most {spaces_max}"
)]
struct TooFewSpaces {
    tables_max: usize,
    needed: usize,
    spaces_max: usize,
}

/// Checks that the limit of tables is met before the store's limit of spaces, so that no change of a table fails for want
/// of a space.
async fn check_spaces<E: Engine>(engine: &E, tables_max: usize) -> crate::Result<()> {
    let Some(spaces_max) = engine.statistics().await?.spaces_max else { return Ok(()) };
    let needed = tables_max.saturating_mul(SPACES_PER_TABLE).saturating_add(1);
    if needed <= spaces_max {
        return Ok(());
    }
    Err(Error::internal(TooFewSpaces { tables_max, needed, spaces_max }))
}
