//! The catalog: which tables there are, what they look like, and what is happening to them.
//!
//! The truth is a record a table in the system space. Every operation reads that record in the same snapshot as its
//! data, or declares it in the same transaction, so a table is never written by a definition that no longer holds,
//! whichever process changed it. What is cached is the parsed form of the newest record that was seen ([`known`]), which
//! is compared with the record on every use.
//!
//! Operations get at tables through their [`Permit`](crate::Permit) alone ([`permitted`]).

mod backfill;
mod basis;
mod definition;
mod describe;
mod fill_progress;
mod index_lifecycle;
mod known;
mod lifecycle;
mod permitted;
mod record;
#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::indexing_slicing)] // Tests fail loudly.
mod tests;
mod time_to_live;
mod work;

pub(crate) use basis::Basis;
pub use definition::{ChangeFailure, IndexStatus, OnDemandMaximum, ThroughputDescription};
pub(crate) use definition::{Definition, FIRST_INDEX_ID, Index, ResourcePolicy, Throughput};
pub use describe::{IndexDescription, TableDescription};
pub(crate) use fill_progress::{FillPlace, FillProgress};
pub(crate) use lifecycle::SPACES_PER_TABLE;
pub(crate) use permitted::{ItemsRead, TABLE_CHANGES_MAX, keeps_changing};
pub(crate) use record::table_key;
pub(crate) use time_to_live::{TimeToLive, TimeToLiveStage};
pub use time_to_live::{TimeToLiveDescription, TimeToLiveStatus};

use crate::authorization::Judging;
use crate::capacity::{Accounting, TableCapacity, UnitPair, provisioned_units, sum};
use crate::{Clock, Error, Result};
use bytes::Bytes;
use cairn_model::{KeySchema, TableName, TableStatus};
use cairn_storage::{Consistency, CounterKey, Engine, RecordKey, Snapshot, SpaceId, Write};
use known::{Entered, KnownTables};
use std::sync::Arc;
use tokio::sync::watch;

/// A table as an operation finds it: its definition, and the bytes it was read from.
pub struct Table {
    pub(crate) definition: Definition,
    /// What there is to draw on.
    pub(crate) capacity: TableCapacity,
    /// What permission depends on of the definition.
    basis: Arc<Basis>,
    /// Where the record is.
    key: RecordKey,
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
    fn read(
        record: Bytes,
        definition: Definition,
        before: Option<&Arc<Self>>,
        accounting: &Accounting,
    ) -> Result<Self> {
        let basis = Basis::read(&definition, before)?;
        let capacity = accounting.of(&definition);
        let key = table_key(&definition.name);
        Ok(Self { definition, capacity, basis, key, record })
    }

    /// What permission depends on.
    pub(crate) fn basis(&self) -> &Basis {
        &self.basis
    }

    /// Where the table's record is.
    pub(crate) fn record_key(&self) -> &RecordKey {
        &self.key
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

    /// Whether items are written by `record` as they are by this definition: it is the same, or differs in nothing but
    /// what neither items nor permission depend on. So a write does not have to begin anew for each change of a tag.
    pub(crate) fn governs(&self, record: Option<&Bytes>) -> bool {
        if self.is(record) {
            return true;
        }
        let Some(Ok(found)) = record.map(|record| record::decode(record)) else { return false };
        let known = &self.definition;
        let alike = Definition {
            revision: known.revision,
            tags: known.tags.clone(),
            deletion_protection: known.deletion_protection,
            ..found
        };
        alike == *known
    }

    /// Whether items can be read and written.
    pub(crate) fn serves_items(&self) -> bool {
        matches!(self.definition.status, TableStatus::Active | TableStatus::Updating)
    }
}

/// The tables of one store.
pub(crate) struct Catalog<E: Engine> {
    engine: E,
    tables_max: usize,
    clock: Clock,
    accounting: Arc<Accounting>,
    known: Arc<KnownTables>,
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
            known: self.known.clone(),
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
            known: Arc::default(),
            changing: Arc::new(watch::Sender::new(0)),
        };
        catalog.resume().await?;
        Ok(catalog)
    }

    /// A table for the question whether a call is permitted: what is known of it, or what the store has. None if there is
    /// none. It may have changed: whoever goes on by it compares it with the record.
    pub(crate) async fn resolve(&self, name: &TableName, _: Judging) -> Result<Option<Arc<Table>>> {
        match self.known.get(name) {
            Some(table) => Ok(Some(table)),
            None => self.find(&self.engine.snapshot(Consistency::Strong).await?, name).await,
        }
    }

    /// The table of that name in a snapshot, whatever its status. None also if it is known to be deleted since.
    async fn find(&self, snapshot: &E::Snapshot, name: &TableName) -> Result<Option<Arc<Table>>> {
        if let Some(record) = snapshot.get(&table_key(name)).await? {
            return self.parse(name, record);
        }
        // That a table is missing is news only in a snapshot from after its creation, which gave out its number.
        if let Some(known) = self.known.get(name) {
            let next = snapshot.get(&next_number_key()).await?;
            if known.definition.number < lifecycle::Numbers::read(next.as_ref()).next {
                self.forget(name, known.definition.number);
            }
        }
        Ok(None)
    }

    /// The table of a record, which is known from now on unless a newer one is. None if the table is known to be deleted.
    fn parse(&self, name: &TableName, record: Bytes) -> Result<Option<Arc<Table>>> {
        if let Some(table) = self.known.get(name).filter(|table| table.is(Some(&record))) {
            return Ok(Some(table));
        }
        let definition = record::decode(&record)?;
        let read = |definition, before: Option<&_>| Table::read(record, definition, before, &self.accounting);
        Ok(match self.known.enter(definition, read)? {
            Entered::Newest { table, replaced } => {
                if let Some(replaced) = replaced {
                    self.accounting.forget(replaced);
                }
                Some(table)
            }
            Entered::Older(table) => Some(table),
            Entered::Gone => None,
        })
    }

    /// Forgets a table that is deleted.
    fn forget(&self, name: &TableName, number: u64) {
        self.known.remove(name, number);
        self.accounting.forget(number);
    }

    /// Every table in a snapshot, for what the service does by itself.
    pub(crate) async fn tables(&self, snapshot: &E::Snapshot) -> Result<Vec<Arc<Table>>> {
        let mut tables = Vec::new();
        for name in self.list(snapshot, None, usize::MAX).await? {
            tables.extend(self.find(snapshot, &name).await?);
        }
        Ok(tables)
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
    async fn change<T: Send + 'static>(
        &self,
        name: &TableName,
        mut change: impl FnMut(Definition) -> Result<(Definition, T)> + Send + 'static,
    ) -> Result<(Arc<Table>, T)> {
        let key = table_key(name);
        let missing = || Error::no_such_table(name.as_str());
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
        let (record, outcome) = changed.ok_or_else(missing)?;
        // Deleted since, if there is none.
        Ok((self.parse(name, record)?.ok_or_else(missing)?, outcome))
    }

    /// Units that all tables but one are provisioned with together.
    pub(crate) async fn provisioned_units_beside(&self, name: &TableName) -> Result<UnitPair> {
        let snapshot = self.engine.snapshot(Consistency::Strong).await?;
        let mut units = UnitPair::default();
        for table in self.tables(&snapshot).await?.iter().filter(|table| table.definition.name != *name) {
            units = sum(units, provisioned_units(&table.definition));
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
