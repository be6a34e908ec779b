//! Adding indexes to tables that have items, and removing them, while everything else goes on.
//!
//! A new index is CREATING until its space is there; then it is backfilling: every write enters it, and so are the items
//! from before (see `backfill`). Last its totals are counted, and it is ACTIVE. Every step can be done again: what a
//! crash interrupts begins anew at the next start.

use super::backfill::{ItemRecords, definition_in};
use super::{Catalog, Definition, Index, IndexCounter, IndexStatus, Table, record, table_key};
use crate::{Error, Result};
use bytes::Bytes;
use cairn_model::{AttributeMap, IndexSchema, KeySchema, StoredItem, TableStatus, index_prefix};
use cairn_storage::{Consistency, Decision, Direction, Engine, KeyRange, Snapshot, Visit, Write};
use std::ops::ControlFlow;
use std::sync::Arc;

impl<E: Engine> Catalog<E> {
    /// Takes up the indexes of a table that are being made or removed.
    pub(super) fn resume_indexes(&self, table: &Arc<Table>) {
        for index in table.definition.indexes.iter().filter(|index| index.is_changing()) {
            self.spawn_index_change(table.clone(), index.schema.id);
        }
    }

    /// Has an index made or removed, whichever it is marked for.
    pub(super) fn spawn_index_change(&self, table: Arc<Table>, id: u16) {
        self.spawn(move |catalog| {
            let table = table.clone();
            async move { catalog.change_index(&table, id).await }
        });
    }

    async fn change_index(&self, table: &Table, id: u16) -> Result<()> {
        loop {
            // A table or an index that is gone needs nothing any more.
            let snapshot = self.engine.snapshot(Consistency::Strong).await?;
            let Some(table) = self.find(&snapshot, &table.definition.name).await?.filter(|now| {
                now.definition.number == table.definition.number
                    && now.definition.status != TableStatus::Deleting
            }) else {
                return Ok(());
            };
            let Some(index) = table.definition.indexes.iter().find(|index| index.schema.id == id) else {
                return Ok(());
            };
            match index.status {
                IndexStatus::Creating => self.prepare_index(&table, id).await?,
                IndexStatus::Backfilling => {
                    if self.fill(&table, &Entries(index.schema.clone())).await? {
                        self.count_index(&table, id).await?;
                    }
                }
                IndexStatus::Deleting => self.empty_index(&table, index).await?,
                IndexStatus::Active | IndexStatus::Updating => return Ok(()),
            }
        }
    }

    /// Makes room for an index's entries, and lets the table go on. Until then the table is UPDATING and cannot be
    /// deleted, so no space is made for one that is gone.
    async fn prepare_index(&self, table: &Table, id: u16) -> Result<()> {
        self.engine.create_space(table.index_entries()).await?;
        self.change_index_record(table, id, |definition, id| {
            if let Some(index) = definition.index_mut(id)
                && index.status == IndexStatus::Creating
            {
                index.status = IndexStatus::Backfilling;
                definition.activate(TableStatus::Updating);
            }
        })
        .await
    }

    async fn change_index_record(
        &self,
        table: &Table,
        id: u16,
        change: impl Fn(&mut Definition, u16) + Send + 'static,
    ) -> Result<()> {
        let number = table.definition.number;
        let changed = self
            .change(&table.definition.name, move |mut definition| {
                if definition.number == number {
                    change(&mut definition, id);
                }
                Ok((definition, ()))
            })
            .await;
        match changed {
            Ok(_) | Err(Error::ResourceNotFound { .. }) => Ok(()),
            Err(error) => Err(error),
        }
    }

    /// Counts a filled index and makes it ACTIVE.
    ///
    /// While it was filled its counters went wrong: a write that takes an entry away cannot know whether it was there.
    /// From now on they change by what the entries do. So what they lack of the entries, in one snapshot of both, they
    /// will lack at any later time, and is added.
    async fn count_index(&self, table: &Table, id: u16) -> Result<()> {
        let snapshot = self.engine.snapshot(Consistency::Strong).await?;
        let totals = Totals::default();
        let range = KeyRange::prefix(index_prefix(id));
        let counted = snapshot.scan(table.index_entries(), range, Direction::Ascending, totals).await?;
        let mut adds = Vec::new();
        for (counter, count) in [(IndexCounter::Items, counted.items), (IndexCounter::Bytes, counted.bytes)] {
            let key = table.index_counter(id, counter);
            adds.push(Write::Add(key, count - snapshot.counter(key).await?));
        }
        let number = table.definition.number;
        let key = table_key(&table.definition.name);
        let written = key.clone();
        self.engine
            .transact(vec![key], move |records| {
                let record = records.first().and_then(Option::as_ref);
                let decided = index_in(record, number, id).and_then(|found| {
                    let Some((mut definition, index)) =
                        found.filter(|(_, index)| index.status == IndexStatus::Backfilling)
                    else {
                        return Ok(None);
                    };
                    if let Some(index) = definition.index_mut(index.schema.id) {
                        index.status = IndexStatus::Active;
                    }
                    record::encode(&definition).map(Some)
                });
                match decided {
                    Ok(Some(record)) => {
                        let mut writes = adds.clone();
                        writes.push(Write::Put(written.clone(), record));
                        Decision { writes, outcome: Ok(()) }
                    }
                    Ok(None) => Decision::unchanged(Ok(())),
                    Err(error) => Decision::unchanged(Err(error)),
                }
            })
            .await?
    }

    /// Removes an index's entries, then the index.
    async fn empty_index(&self, table: &Table, index: &Index) -> Result<()> {
        self.empty(table, &Entries(index.schema.clone())).await?;
        self.change_index_record(table, index.schema.id, |definition, id| {
            definition.indexes.retain(|index| index.schema.id != id);
        })
        .await
    }
}

/// The entries of an index.
#[derive(Clone)]
struct Entries(IndexSchema);

impl Entries {
    fn are(&self, definition: &Definition, status: IndexStatus) -> bool {
        definition.indexes.iter().any(|index| index.schema.id == self.0.id && index.status == status)
    }
}

impl ItemRecords for Entries {
    fn are_filled(&self, definition: &Definition) -> bool {
        self.are(definition, IndexStatus::Backfilling)
    }

    fn are_removed(&self, definition: &Definition) -> bool {
        self.are(definition, IndexStatus::Deleting)
    }

    fn prefix(&self) -> Bytes {
        index_prefix(self.0.id)
    }

    fn record(&self, table: &KeySchema, key: &[u8], item: &AttributeMap) -> Option<(Bytes, Bytes)> {
        // An item whose attributes do not fit the index stays outside of it.
        let entry = self.0.entry(table, key, item).ok().flatten()?;
        let stored = StoredItem::encode(&entry.attributes).ok()?;
        Some((entry.key, stored.record().clone()))
    }
}

/// The index of that id in a table's record, if it is still that table's.
fn index_in(record: Option<&Bytes>, number: u64, id: u16) -> Result<Option<(Definition, Index)>> {
    let Some(definition) = definition_in(record, number)? else { return Ok(None) };
    let index = definition.indexes.iter().find(|index| index.schema.id == id).cloned();
    Ok(index.map(|index| (definition, index)))
}

/// What an index holds.
#[derive(Default)]
struct Totals {
    items: i64,
    bytes: i64,
}

impl Visit for Totals {
    fn visit(&mut self, _: &[u8], value: Bytes) -> ControlFlow<()> {
        self.items += 1;
        self.bytes += StoredItem::read(value).size() as i64;
        ControlFlow::Continue(())
    }
}
