//! Making and removing the records of a table's index space that belong to its items, while everything else goes on.
//!
//! From the moment that such records are to be there every write makes them; the items from before get theirs a page at a
//! time, each page in a transaction that declares them and the table's record. So a record is of the item as it is,
//! whoever writes it. All of it can be done again.

use super::{Catalog, Definition, Table, record, table_key};
use crate::Result;
use crate::undecodable::Undecodable;
use bytes::Bytes;
use cairn_model::{AttributeMap, KeySchema, StoredItem, TableStatus};
use cairn_storage::{Consistency, Decision, Direction, Engine, KeyRange, RecordKey, Snapshot, Visit, Write};
use std::ops::{Bound, ControlFlow};

/// Items whose records are made in one commit.
const FILLED_ITEMS: usize = 64;
/// Items looked at from one snapshot, so that a view is not held for long where few have a record.
const EXAMINED_ITEMS: usize = 4_096;
/// Records removed in one commit.
const REMOVED_RECORDS: usize = 512;

/// A kind of records in a table's index space, each of them made of an item.
pub(super) trait ItemRecords: Clone + Send + Sync + 'static {
    /// Whether the table wants them made, for the items from before.
    fn are_filled(&self, definition: &Definition) -> bool;

    /// Whether the table wants them removed.
    fn are_removed(&self, definition: &Definition) -> bool;

    /// What their keys begin with.
    fn prefix(&self) -> Bytes;

    /// The key and the value of an item's record, if it has one.
    fn record(&self, table: &KeySchema, key: &[u8], item: &AttributeMap) -> Option<(Bytes, Bytes)>;
}

impl<E: Engine> Catalog<E> {
    /// Makes every item's record. False if they are no longer to be made.
    pub(super) async fn fill(&self, table: &Table, records: &impl ItemRecords) -> Result<bool> {
        let mut after = None;
        loop {
            let page = Candidates {
                records: records.clone(),
                table: table.key_schema().clone(),
                keys: Vec::new(),
                examined: 0,
                last: None,
                undecodable: Undecodable::default(),
            };
            let start = after.take().map_or(Bound::Unbounded, Bound::Excluded);
            let range = KeyRange { start, end: Bound::Unbounded };
            let snapshot = self.engine.snapshot(Consistency::Strong).await?;
            let page = match snapshot.scan(table.items(), range, Direction::Ascending, page).await {
                Err(cairn_storage::Error::SpaceNotFound(_)) => return Ok(false),
                page => page?,
            };
            page.undecodable
                .report(table, "indexed by what can be read of them, if that has the index's key");
            if !page.keys.is_empty() && !self.enter(table, records.clone(), page.keys).await? {
                return Ok(false);
            }
            after = page.last;
            if after.is_none() {
                return Ok(true);
            }
        }
    }

    /// Makes the records of the items at `keys` as they are now. False if they are no longer to be made.
    async fn enter(&self, table: &Table, records: impl ItemRecords, keys: Vec<Bytes>) -> Result<bool> {
        let number = table.definition.number;
        let (items, entries) = (table.items(), table.index_entries());
        let mut declared = vec![table_key(&table.definition.name)];
        declared.extend(keys.iter().map(|key| RecordKey::new(items, key.clone())));
        let entered = self
            .engine
            .transact(declared, move |found| {
                let Some((definition, found)) = found.split_first() else {
                    return Decision::unchanged(Ok(false));
                };
                let decided = definition_in(definition.as_ref(), number).and_then(|definition| {
                    let Some(definition) = definition.filter(|definition| records.are_filled(definition))
                    else {
                        return Ok(None);
                    };
                    let mut writes = Vec::new();
                    for (key, item) in keys.iter().zip(found) {
                        let Some(item) = item else { continue };
                        let stored = StoredItem::read(item.clone());
                        let item = stored.attributes().unwrap_or_else(|_| stored.salvaged());
                        let record = records.record(&definition.key_schema, key, &item);
                        writes.extend(
                            record.map(|(key, value)| Write::Put(RecordKey::new(entries, key), value)),
                        );
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

    /// Removes all of the records, unless that is no longer wanted. Nobody makes any while they are being removed.
    pub(super) async fn empty(&self, table: &Table, records: &impl ItemRecords) -> Result<()> {
        let number = table.definition.number;
        loop {
            let snapshot = self.engine.snapshot(Consistency::Strong).await?;
            let range = KeyRange::prefix(records.prefix());
            let keys =
                snapshot.scan(table.index_entries(), range, Direction::Ascending, Keys::default()).await?.0;
            if keys.is_empty() {
                return Ok(());
            }
            let space = table.index_entries();
            let deletes: Vec<_> =
                keys.into_iter().map(|key| Write::Delete(RecordKey::new(space, key))).collect();
            let records = records.clone();
            let wanted = self
                .engine
                .transact(vec![table_key(&table.definition.name)], move |found| {
                    match definition_in(found.first().and_then(Option::as_ref), number) {
                        Ok(Some(definition)) if records.are_removed(&definition) => {
                            Decision { writes: deletes.clone(), outcome: Ok(true) }
                        }
                        Ok(_) => Decision::unchanged(Ok(false)),
                        Err(error) => Decision::unchanged(Err(error)),
                    }
                })
                .await??;
            if !wanted {
                return Ok(());
            }
        }
    }
}

/// A table's definition, if the record is still that table's and it is not being deleted.
pub(super) fn definition_in(record: Option<&Bytes>, number: u64) -> Result<Option<Definition>> {
    let Some(record) = record else { return Ok(None) };
    let definition = record::decode(record)?;
    let is_that = definition.number == number && definition.status != TableStatus::Deleting;
    Ok(is_that.then_some(definition))
}

/// The keys of a page of items that seem to have a record; whether they do is looked at again when it is made.
struct Candidates<R> {
    records: R,
    table: KeySchema,
    keys: Vec<Bytes>,
    examined: usize,
    /// Where the page ends; none if the items do.
    last: Option<Bytes>,
    undecodable: Undecodable,
}

impl<R: ItemRecords> Visit for Candidates<R> {
    fn visit(&mut self, key: &[u8], value: Bytes) -> ControlFlow<()> {
        // Of an item that does not decode, by what can be read of it, as its writes change its records.
        let item = self.undecodable.attributes(key, &StoredItem::read(value));
        if self.records.record(&self.table, key, &item).is_some() {
            self.keys.push(Bytes::copy_from_slice(key));
        }
        self.examined += 1;
        if self.keys.len() < FILLED_ITEMS && self.examined < EXAMINED_ITEMS {
            return ControlFlow::Continue(());
        }
        self.last = Some(Bytes::copy_from_slice(key));
        ControlFlow::Break(())
    }
}

/// The keys of a page.
#[derive(Default)]
struct Keys(Vec<Bytes>);

impl Visit for Keys {
    fn visit(&mut self, key: &[u8], _: Bytes) -> ControlFlow<()> {
        self.0.push(Bytes::copy_from_slice(key));
        if self.0.len() < REMOVED_RECORDS { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
    }
}
