//! Adding indexes to tables that have items, and removing them, while everything else goes on.
//!
//! A new index is CREATING until its space is there; then it is backfilling: every write enters it, and the items from
//! before are entered a page at a time, each page in a transaction that declares them and the table's record. So an
//! entry is of the item as it is, whoever writes it. Last its totals are counted, and it is ACTIVE. Every step can be
//! done again: what a crash interrupts begins anew at the next start.

use super::{Catalog, Definition, Index, IndexCounter, IndexStatus, Table, record, table_key};
use crate::{Error, Result};
use bytes::Bytes;
use cairn_model::{IndexSchema, KeySchema, StoredItem, TableStatus, index_prefix};
use cairn_storage::{
    Consistency, Decision, Direction, Engine, KeyRange, RecordKey, Snapshot, SpaceId, Visit, Write,
};
use std::ops::{Bound, ControlFlow};
use std::sync::Arc;

/// Items entered in one commit.
const BACKFILL_ITEMS: usize = 64;
/// Items looked at from one snapshot, so that a view is not held for long where few are in the index.
const BACKFILL_EXAMINED: usize = 4_096;
/// Entries removed in one commit.
const REMOVED_ENTRIES: usize = 512;

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
                    if self.fill_index(&table, index).await? {
                        self.count_index(&table, id).await?;
                    }
                }
                IndexStatus::Deleting => self.empty_index(&table, id).await?,
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

    /// Enters every item. False if the index is no longer to be filled.
    async fn fill_index(&self, table: &Table, index: &Index) -> Result<bool> {
        let id = index.schema.id;
        let mut after = None;
        loop {
            let page = Candidates {
                schema: index.schema.clone(),
                table: table.key_schema().clone(),
                keys: Vec::new(),
                examined: 0,
                last: None,
            };
            let start = after.take().map_or(Bound::Unbounded, Bound::Excluded);
            let range = KeyRange { start, end: Bound::Unbounded };
            let snapshot = self.engine.snapshot(Consistency::Strong).await?;
            let page = match snapshot.scan(table.items(), range, Direction::Ascending, page).await {
                Err(cairn_storage::Error::SpaceNotFound(_)) => return Ok(false),
                page => page?,
            };
            if !page.keys.is_empty() && !self.enter(table, id, page.keys).await? {
                return Ok(false);
            }
            after = page.last;
            if after.is_none() {
                return Ok(true);
            }
        }
    }

    /// Enters the items at `keys` as they are now. False if the index is no longer to be filled.
    async fn enter(&self, table: &Table, id: u16, keys: Vec<Bytes>) -> Result<bool> {
        let number = table.definition.number;
        let (items, entries) = (table.items(), table.index_entries());
        let mut declared = vec![table_key(&table.definition.name)];
        declared.extend(keys.iter().map(|key| RecordKey::new(items, key.clone())));
        let entered = self
            .engine
            .transact(declared, move |records| {
                let Some((definition, records)) = records.split_first() else {
                    return Decision::unchanged(Ok(false));
                };
                let decided = index_in(definition.as_ref(), number, id).and_then(|found| {
                    let Some((definition, index)) =
                        found.filter(|(_, index)| index.status == IndexStatus::Backfilling)
                    else {
                        return Ok(None);
                    };
                    let mut writes = Vec::new();
                    for (key, record) in keys.iter().zip(records) {
                        let Some(record) = record else { continue };
                        let item = StoredItem::read(record.clone())?.attributes()?;
                        // An item whose attributes do not fit the index stays outside of it.
                        let entry = index.schema.entry(&definition.key_schema, key, &item);
                        if let Ok(Some(entry)) = entry {
                            writes.push(Write::Put(
                                RecordKey::new(entries, entry.key),
                                StoredItem::encode(&entry.attributes),
                            ));
                        }
                    }
                    Ok(Some(writes))
                });
                match decided {
                    Ok(Some(writes)) => Decision { writes, outcome: Ok(true) },
                    Ok(None) => Decision::unchanged(Ok(false)),
                    Err(error) => Decision::unchanged(Err(error)),
                }
            })
            .await;
        match entered {
            Err(cairn_storage::Error::SpaceNotFound(_)) => Ok(false),
            entered => entered?,
        }
    }

    /// Counts a filled index and makes it ACTIVE.
    ///
    /// While it was filled its counters went wrong: a write that takes an entry away cannot know whether it was there.
    /// From now on they change by what the entries do. So what they lack of the entries, in one snapshot of both, they
    /// will lack at any later time, and is added.
    async fn count_index(&self, table: &Table, id: u16) -> Result<()> {
        let snapshot = self.engine.snapshot(Consistency::Strong).await?;
        let totals = Totals { items: 0, bytes: 0, damaged: None };
        let range = KeyRange::prefix(index_prefix(id));
        let counted = snapshot.scan(table.index_entries(), range, Direction::Ascending, totals).await?;
        if let Some(error) = counted.damaged {
            return Err(error.into());
        }
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

    /// Removes an index's entries, then the index. Nobody enters any while it is DELETING.
    async fn empty_index(&self, table: &Table, id: u16) -> Result<()> {
        let number = table.definition.number;
        loop {
            let snapshot = self.engine.snapshot(Consistency::Strong).await?;
            let range = KeyRange::prefix(index_prefix(id));
            let keys =
                snapshot.scan(table.index_entries(), range, Direction::Ascending, Keys::default()).await?.0;
            if keys.is_empty() {
                break;
            }
            let space: SpaceId = table.index_entries();
            let deletes: Vec<_> =
                keys.into_iter().map(|key| Write::Delete(RecordKey::new(space, key))).collect();
            self.engine
                .transact(vec![table_key(&table.definition.name)], move |records| {
                    let record = records.first().and_then(Option::as_ref);
                    match index_in(record, number, id) {
                        Ok(Some((_, index))) if index.status == IndexStatus::Deleting => {
                            Decision { writes: deletes.clone(), outcome: Ok(()) }
                        }
                        Ok(_) => Decision::unchanged(Ok(())),
                        Err(error) => Decision::unchanged(Err(error)),
                    }
                })
                .await??;
        }
        self.change_index_record(table, id, |definition, id| {
            definition.indexes.retain(|index| index.schema.id != id);
        })
        .await
    }
}

/// The index of that id in a table's record, if it is still that table's.
fn index_in(record: Option<&Bytes>, number: u64, id: u16) -> Result<Option<(Definition, Index)>> {
    let Some(record) = record else { return Ok(None) };
    let definition = record::decode(record)?;
    if definition.number != number || definition.status == TableStatus::Deleting {
        return Ok(None);
    }
    let index = definition.indexes.iter().find(|index| index.schema.id == id).cloned();
    Ok(index.map(|index| (definition, index)))
}

/// The keys of a page of items that seem to be in an index; whether they are is looked at again when they are entered.
struct Candidates {
    schema: IndexSchema,
    table: KeySchema,
    keys: Vec<Bytes>,
    examined: usize,
    /// Where the page ends; none if the items do.
    last: Option<Bytes>,
}

impl Visit for Candidates {
    fn visit(&mut self, key: &[u8], value: Bytes) -> ControlFlow<()> {
        // What cannot be read is entered with the rest, and fails there.
        let is_in = StoredItem::read(value)
            .and_then(|item| item.attributes())
            .map_or(true, |item| matches!(self.schema.entry(&self.table, key, &item), Ok(Some(_))));
        if is_in {
            self.keys.push(Bytes::copy_from_slice(key));
        }
        self.examined += 1;
        if self.keys.len() < BACKFILL_ITEMS && self.examined < BACKFILL_EXAMINED {
            return ControlFlow::Continue(());
        }
        self.last = Some(Bytes::copy_from_slice(key));
        ControlFlow::Break(())
    }
}

/// What an index holds.
struct Totals {
    items: i64,
    bytes: i64,
    damaged: Option<cairn_model::StoredItemError>,
}

impl Visit for Totals {
    fn visit(&mut self, _: &[u8], value: Bytes) -> ControlFlow<()> {
        match StoredItem::read(value) {
            Ok(entry) => {
                self.items += 1;
                self.bytes += entry.size() as i64;
                ControlFlow::Continue(())
            }
            Err(error) => {
                self.damaged = Some(error);
                ControlFlow::Break(())
            }
        }
    }
}

/// The keys of a page.
#[derive(Default)]
struct Keys(Vec<Bytes>);

impl Visit for Keys {
    fn visit(&mut self, key: &[u8], _: Bytes) -> ControlFlow<()> {
        self.0.push(Bytes::copy_from_slice(key));
        if self.0.len() < REMOVED_ENTRIES { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
    }
}
