//! `Service`: what every operation works with.

use crate::catalog::Catalog;
use crate::idempotency::TokenSweep;
use crate::table_reference::Naming;
use cairn_auth::Identities;
use cairn_expression::ExpressionCache;
use cairn_storage::Engine;
use jiff::Timestamp;
use std::sync::Arc;

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
            clock: Arc::new(Timestamp::now),
        }
    }
}

/// The table service over one storage engine. Cloning gives another handle to it.
pub struct Service<E: Engine> {
    pub(crate) engine: E,
    /// Who there is, and what they may do.
    pub(crate) identities: Identities<E>,
    pub(crate) catalog: Catalog<E>,
    pub(crate) naming: Naming,
    pub(crate) clock: Clock,
    pub(crate) item_collection_bytes_max: u64,
    /// The removal of expired request tokens.
    pub(crate) tokens: Arc<TokenSweep>,
    /// Parsed expressions by their text.
    pub(crate) expressions: Arc<ExpressionCache>,
}

impl<E: Engine> Clone for Service<E> {
    fn clone(&self) -> Self {
        Self {
            engine: self.engine.clone(),
            identities: self.identities.clone(),
            catalog: self.catalog.clone(),
            naming: self.naming.clone(),
            clock: self.clock.clone(),
            item_collection_bytes_max: self.item_collection_bytes_max,
            tokens: self.tokens.clone(),
            expressions: self.expressions.clone(),
        }
    }
}

impl<E: Engine> Service<E> {
    /// The service over `engine`, for the `identities` of the same store. Takes up what an earlier run left half done: tables and indexes that were being
    /// created or deleted.
    ///
    /// # Errors
    /// If the catalog cannot be read.
    pub async fn start(engine: E, identities: Identities<E>, options: ServiceOptions) -> crate::Result<Self> {
        let naming = Naming { region: options.region.into(), account: options.account.into() };
        let catalog = Catalog::open(engine.clone(), options.tables_max, options.clock.clone()).await?;
        Ok(Self {
            engine,
            identities,
            catalog,
            naming,
            clock: options.clock,
            item_collection_bytes_max: options.item_collection_bytes_max,
            tokens: Arc::default(),
            expressions: Arc::default(),
        })
    }

    /// The storage engine.
    pub fn engine(&self) -> &E {
        &self.engine
    }

    /// Who there is, and what they may do.
    pub fn identities(&self) -> &Identities<E> {
        &self.identities
    }

    /// Waits until no table and no index is being created or deleted any more.
    pub async fn settled(&self) {
        self.catalog.settled().await;
    }
}
