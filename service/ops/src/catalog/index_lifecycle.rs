//! Adding indexes to tables that have items, and removing them, while everything else goes on.
//!
//! A table has its index space before it is given an index; from then on the index is backfilling: every write enters
//! it, and so do the items from before, which are counted as they are entered (see `backfill`). Once all are in, it is
//! ACTIVE. Every step can be done again: what a crash interrupts goes on at the next start. An index that cannot be
//! filled is removed again.

use super::backfill::ItemRecords;
use super::fill_progress::Totals;
use super::work::{Step, Work};
use super::{Catalog, Definition, IndexStatus, Table};
use crate::{Error, Result};
use bytes::Bytes;
use cairn_model::{AttributeMap, IndexSchema, KeySchema, StoredItem, index_prefix};
use cairn_storage::{Consistency, Engine};
use std::sync::Arc;

impl<E: Engine> Catalog<E> {
    /// The table as it is now, if it is there and not being deleted.
    pub(crate) async fn current(&self, table: &Table) -> Result<Option<Arc<Table>>> {
        let snapshot = self.engine.snapshot(Consistency::Strong).await?;
        let found = self.find(&snapshot, &table.definition.name).await?;
        Ok(found.filter(|found| found.definition.is_still(table.definition.number)))
    }

    /// Goes on with the creation or removal of an index.
    pub(super) async fn index_step(&self, table: &Table, id: u16) -> Result<Step> {
        // A table or an index that is gone needs nothing any more.
        let Some(table) = self.current(table).await? else { return Ok(Step::Done) };
        let Some(index) = table.definition.indexes.iter().find(|index| index.schema.id == id) else {
            return Ok(Step::Done);
        };
        let entries = Entries(index.schema.clone());
        match index.status {
            IndexStatus::Creating => self.prepare_index(&table, id).await,
            IndexStatus::Backfilling => self.fill(&table, &entries).await,
            IndexStatus::Deleting => match self.empty(&table, &entries).await? {
                Step::Again => Ok(Step::Again),
                Step::Done => self.remove_index(&table, id).await,
            },
            IndexStatus::Active | IndexStatus::Updating => Ok(Step::Done),
        }
    }

    /// Creates the space for the entries of an index that an earlier version entered without.
    async fn prepare_index(&self, table: &Table, id: u16) -> Result<Step> {
        self.engine.create_space(table.index_entries()).await?;
        self.change_index(table, id, |definition, id| {
            if definition.index_mut(id).is_some_and(|index| index.status == IndexStatus::Creating) {
                definition.settle();
            }
        })
        .await?;
        Ok(Step::Again)
    }

    async fn remove_index(&self, table: &Table, id: u16) -> Result<Step> {
        self.change_index(table, id, |definition, id| {
            let removed =
                |index: &super::Index| index.schema.id == id && index.status == IndexStatus::Deleting;
            definition.indexes.retain(|index| !removed(index));
        })
        .await?;
        Ok(Step::Done)
    }

    /// Marks an index that cannot be created for removal.
    pub(super) async fn undo_index(&self, table: &Table, id: u16, error: &Error) -> Result<Option<Work>> {
        let reason = error.to_string();
        let at = (self.clock)();
        let mut is_undone = false;
        if let Some(now) = self.current(table).await? {
            let index = now.definition.indexes.iter().find(|index| index.schema.id == id);
            is_undone = index.is_some_and(|index| index.is_created());
        }
        if !is_undone {
            // A removal is not undone.
            return Ok(None);
        }
        self.change_index(table, id, move |definition, id| {
            if let Some(index) = definition.index_mut(id).filter(|index| index.is_created()) {
                index.status = IndexStatus::Deleting;
                let change = format!("creation of the index {}", index.schema.name);
                definition.note_failure(change, &reason, at);
                definition.settle();
            }
        })
        .await?;
        Ok(Some(Work::Index(id)))
    }

    async fn change_index(
        &self,
        table: &Table,
        id: u16,
        change: impl Fn(&mut Definition, u16) + Send + 'static,
    ) -> Result<()> {
        let number = table.definition.number;
        let changed = self
            .change(&table.definition.name, move |mut definition| {
                if definition.is_still(number) {
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
    fn id(&self) -> u16 {
        self.0.id
    }

    fn are_filled(&self, definition: &Definition) -> bool {
        self.are(definition, IndexStatus::Backfilling)
    }

    fn are_removed(&self, definition: &Definition) -> bool {
        self.are(definition, IndexStatus::Deleting)
    }

    fn filled(&self, definition: &mut Definition) {
        if let Some(index) = definition.index_mut(self.0.id) {
            index.status = IndexStatus::Active;
        }
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

    fn counts(&self, value: &Bytes) -> Totals {
        let bytes = StoredItem::read(value.clone()).size() as i64;
        Totals { items: 1, bytes }
    }
}
