//! The catalog: which tables there are, what they look like, and what is happening to them.
//!
//! The truth is a record a table in the system space. Every operation reads that record in the same snapshot as its
//! data, or declares it in the same transaction, so a table is never written by a definition that no longer holds,
//! whichever process changed it. What is cached is only the parsed form of a record's bytes.

mod backfill;
mod definition;
mod describe;
mod fill_progress;
mod index_lifecycle;
mod lifecycle;
mod record;
mod time_to_live;
mod work;

pub use definition::{ChangeFailure, IndexStatus, OnDemandMaximum, ThroughputDescription};
pub(crate) use definition::{Definition, FIRST_INDEX_ID, Index, ResourcePolicy, Throughput};
pub use describe::{IndexDescription, TableDescription};
pub(crate) use fill_progress::{FillPlace, FillProgress};
pub(crate) use lifecycle::SPACES_PER_TABLE;
pub(crate) use record::table_key;
pub(crate) use time_to_live::{TimeToLive, TimeToLiveStage};
pub use time_to_live::{TimeToLiveDescription, TimeToLiveStatus};

use crate::capacity::{Accounting, TableCapacity, UnitPair, provisioned_units, sum};
use crate::{Clock, Error, Result};
use bytes::Bytes;
use cairn_model::{KeySchema, TableName, TableStatus};
use cairn_policy::{Policy, PolicyKind};
use cairn_storage::{Consistency, CounterKey, Engine, RecordKey, Snapshot, SpaceId, Write};
use std::collections::HashMap;
use std::sync::{Arc, RwLock};
use tokio::sync::watch;

/// A table as an operation finds it: its definition, and the bytes it was read from.
pub struct Table {
    pub(crate) definition: Definition,
    /// What there is to draw on.
    pub(crate) capacity: TableCapacity,
    /// The definition's policy, compiled.
    policy: Option<Policy>,
    record: Bytes,
}

/// A table's counters.
#[derive(Clone, Copy)]
pub(crate) enum TableCounter {
    /// How many items there are.
    Items = 0,
    /// Their size in bytes as DynamoDB counts it.
    Bytes = 1,
}

/// An index's counters.
#[derive(Clone, Copy)]
pub(crate) enum IndexCounter {
    /// How many entries there are.
    Items = 0,
    /// Their size in bytes as DynamoDB counts it.
    Bytes = 1,
}

impl Table {
    fn read(record: Bytes, accounting: &Accounting) -> Result<Self> {
        let definition = record::decode(&record)?;
        // A policy that this version cannot read may forbid what it would then allow: no answer is the safe one.
        let policy = definition
            .resource_policy
            .as_ref()
            .map(|policy| Policy::parse(&policy.text, PolicyKind::Resource))
            .transpose()
            .map_err(Error::internal)?;
        let capacity = accounting.of(&definition);
        Ok(Self { definition, capacity, policy, record })
    }

    /// The table's own policy, which speaks for its indexes too.
    pub(crate) fn resource_policy(&self) -> Option<&Policy> {
        self.policy.as_ref()
    }

    /// The table's key schema.
    pub fn key_schema(&self) -> &KeySchema {
        &self.definition.key_schema
    }

    /// The space of the table's items.
    pub(crate) fn items(&self) -> SpaceId {
        SpaceId::Items(self.definition.number)
    }

    /// The space of the entries of all the table's indexes.
    pub(crate) fn index_entries(&self) -> SpaceId {
        SpaceId::Indexes(self.definition.number)
    }

    /// Whether records beside its items are made of their attributes: entries of indexes, times to expire at.
    pub(crate) fn keeps_records_of_items(&self) -> bool {
        !self.definition.indexes.is_empty() || self.definition.expiry_attribute().is_some()
    }

    /// The index of that name.
    pub(crate) fn index(&self, name: &str) -> Option<&Index> {
        self.definition.indexes.iter().find(|index| index.schema.name == name)
    }

    pub(crate) fn counter(&self, counter: TableCounter) -> CounterKey {
        CounterKey { space: self.items(), counter: counter as u16 }
    }

    /// Where an index's total is kept: beside the entries.
    pub(crate) fn index_counter(&self, index_id: u16, counter: IndexCounter) -> CounterKey {
        CounterKey { space: self.index_entries(), counter: index_id * 2 + counter as u16 }
    }

    /// Whether this is what `record` says.
    pub(crate) fn is(&self, record: Option<&Bytes>) -> bool {
        record.is_some_and(|record| *record == self.record)
    }

    fn serves_items(&self) -> bool {
        matches!(self.definition.status, TableStatus::Active | TableStatus::Updating)
    }
}

/// The tables of one store.
pub(crate) struct Catalog<E: Engine> {
    engine: E,
    tables_max: usize,
    clock: Clock,
    accounting: Arc<Accounting>,
    /// Parsed records by table name. An entry counts only as long as its bytes are the record's.
    parsed: Arc<RwLock<HashMap<TableName, Arc<Table>>>>,
    /// How many tables are being created or deleted by this process.
    changing: Arc<watch::Sender<usize>>,
}

impl<E: Engine> Clone for Catalog<E> {
    fn clone(&self) -> Self {
        Self {
            engine: self.engine.clone(),
            tables_max: self.tables_max,
            clock: self.clock.clone(),
            accounting: self.accounting.clone(),
            parsed: self.parsed.clone(),
            changing: self.changing.clone(),
        }
    }
}

impl<E: Engine> Catalog<E> {
    /// The catalog of a store; takes up what an earlier run left half done.
    pub(crate) async fn open(
        engine: E,
        tables_max: usize,
        clock: Clock,
        accounting: Arc<Accounting>,
    ) -> Result<Self> {
        let catalog = Self {
            engine,
            tables_max,
            clock,
            accounting,
            parsed: Arc::default(),
            changing: Arc::new(watch::Sender::new(0)),
        };
        catalog.resume().await?;
        Ok(catalog)
    }

    /// The table of that name in a snapshot, whatever its status.
    pub(crate) async fn find(&self, snapshot: &E::Snapshot, name: &TableName) -> Result<Option<Arc<Table>>> {
        match snapshot.get(&table_key(name)).await? {
            None => {
                self.forget(name);
                Ok(None)
            }
            Some(record) => self.parse(name, record).map(Some),
        }
    }

    /// The table of that name in a snapshot, for an operation on its items.
    pub(crate) async fn serving(&self, snapshot: &E::Snapshot, name: &TableName) -> Result<Arc<Table>> {
        self.find(snapshot, name)
            .await?
            .filter(|table| table.serves_items())
            .ok_or_else(|| Error::no_such_table_for_items(name.as_str()))
    }

    /// The table of that name for an operation that will declare its record in a transaction: what is known of it
    /// already, or what a snapshot says.
    pub(crate) async fn expected(&self, name: &TableName) -> Result<Arc<Table>> {
        match self.known(name).filter(|table| table.serves_items()) {
            Some(table) => Ok(table),
            None => self.serving(&self.engine.snapshot(Consistency::Strong).await?, name).await,
        }
    }

    /// What is known of a table without asking the store. It may have changed, and there may be more.
    pub(crate) fn known(&self, name: &TableName) -> Option<Arc<Table>> {
        self.parsed.read().unwrap_or_else(|poisoned| poisoned.into_inner()).get(name).cloned()
    }

    fn parse(&self, name: &TableName, record: Bytes) -> Result<Arc<Table>> {
        if let Some(table) = self.known(name).filter(|table| table.is(Some(&record))) {
            return Ok(table);
        }
        let table = Arc::new(Table::read(record, &self.accounting)?);
        let mut parsed = self.parsed.write().unwrap_or_else(|poisoned| poisoned.into_inner());
        let before = parsed.insert(name.clone(), table.clone());
        if let Some(before) = before.filter(|before| before.definition.number < table.definition.number) {
            self.accounting.forget(before.definition.number);
        }
        Ok(table)
    }

    fn forget(&self, name: &TableName) {
        if self.known(name).is_none() {
            return;
        }
        let gone = self.parsed.write().unwrap_or_else(|poisoned| poisoned.into_inner()).remove(name);
        if let Some(gone) = gone {
            self.accounting.forget(gone.definition.number);
        }
    }

    /// Every table in a snapshot, by name, beginning strictly after `after`, at most `limit`.
    pub(crate) async fn list(
        &self,
        snapshot: &E::Snapshot,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Vec<TableName>> {
        record::names(snapshot, after, limit).await
    }

    /// Changes a table's definition in one transaction: `change` is given the current one and says what it becomes.
    pub(crate) async fn change<T: Send + 'static>(
        &self,
        name: &TableName,
        mut change: impl FnMut(Definition) -> Result<(Definition, T)> + Send + 'static,
    ) -> Result<(Arc<Table>, T)> {
        let key = table_key(name);
        let missing = Error::no_such_table(name.as_str());
        let written = key.clone();
        let changed = self
            .engine
            .transact(vec![key], move |records| {
                let Some(Some(record)) = records.first() else {
                    return cairn_storage::Decision::unchanged(Ok(None));
                };
                let decided = record::decode(record)
                    .and_then(&mut change)
                    .and_then(|(definition, outcome)| Ok((record::encode(&definition)?, outcome)));
                match decided {
                    Ok((record, outcome)) => cairn_storage::Decision {
                        writes: vec![Write::Put(written.clone(), record.clone())],
                        outcome: Ok(Some((record, outcome))),
                    },
                    Err(error) => cairn_storage::Decision::unchanged(Err(error)),
                }
            })
            .await??;
        let (record, outcome) = changed.ok_or(missing)?;
        Ok((self.parse(name, record)?, outcome))
    }

    /// Units that all tables but one are provisioned with together.
    pub(crate) async fn provisioned_units_beside(&self, name: &TableName) -> Result<UnitPair> {
        let snapshot = self.engine.snapshot(Consistency::Strong).await?;
        let mut units = UnitPair::default();
        for other in self.list(&snapshot, None, usize::MAX).await?.iter().filter(|other| *other != name) {
            if let Some(table) = self.find(&snapshot, other).await? {
                units = sum(units, provisioned_units(&table.definition));
            }
        }
        Ok(units)
    }

    /// How many items a table has and how many bytes they count.
    pub(crate) async fn totals(&self, snapshot: &E::Snapshot, table: &Table) -> Result<(u64, u64)> {
        let items = snapshot.counter(table.counter(TableCounter::Items)).await?;
        let bytes = snapshot.counter(table.counter(TableCounter::Bytes)).await?;
        Ok((items.try_into().unwrap_or(0), bytes.try_into().unwrap_or(0)))
    }

    /// How many entries an index has and how many bytes they count; noughts while it is made or removed.
    pub(crate) async fn index_totals(
        &self,
        snapshot: &E::Snapshot,
        table: &Table,
        index: &Index,
    ) -> Result<(u64, u64)> {
        if !matches!(index.status, IndexStatus::Active | IndexStatus::Updating) {
            return Ok((0, 0));
        }
        let items = snapshot.counter(table.index_counter(index.schema.id, IndexCounter::Items)).await?;
        let bytes = snapshot.counter(table.index_counter(index.schema.id, IndexCounter::Bytes)).await?;
        Ok((items.try_into().unwrap_or(0), bytes.try_into().unwrap_or(0)))
    }

    /// Waits until no table is being created or deleted by this process.
    pub(crate) async fn settled(&self) {
        let mut changing = self.changing.subscribe();
        // The sender lives in `self`, so waiting cannot fail.
        let _ = changing.wait_for(|count| *count == 0).await;
    }
}

/// The record of the next table number.
fn next_number_key() -> RecordKey {
    RecordKey::new(SpaceId::System, record::NEXT_NUMBER)
}
