//! Writing one item: what PutItem, UpdateItem and DeleteItem have in common.

use crate::capacity::{CapacityParts, write_units};
use crate::catalog::{Table, TableCounter, table_key};
use crate::index_write::index_writes;
use crate::item_collection::{ItemCollectionMetrics, collection_key, resize};
use crate::{Error, Result, Service};
use bytes::Bytes;
use cairn_model::{AttributeMap, PrimaryKey, StoredItem, TableName, item_size};
use cairn_storage::{Consistency, Decision, Engine, RecordKey, Write};
use std::sync::Arc;
use std::time::Duration;

/// What an answer to a write holds of the item.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ReturnValues {
    /// Nothing.
    #[default]
    None,
    /// The whole item as it was.
    AllOld,
    /// The changed attributes as they were.
    UpdatedOld,
    /// The whole item as it is now.
    AllNew,
    /// The changed attributes as they are now.
    UpdatedNew,
}

/// What the error of a failed condition holds of the item.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ReturnValuesOnConditionCheckFailure {
    /// Nothing.
    #[default]
    None,
    /// The whole item as it is.
    AllOld,
}

/// What becomes of an item.
pub(crate) enum Change {
    /// It stays as it is.
    Keep,
    /// It becomes this.
    Put(NewItem),
    /// It goes.
    Delete,
}

/// An item ready to be stored.
#[derive(Clone)]
pub(crate) struct NewItem {
    /// What indexes are made of.
    pub(crate) attributes: Arc<AttributeMap>,
    /// How it came to be, which decides what is said of it and of which part of the request.
    pub(crate) origin: ItemOrigin,
    record: Bytes,
    size: usize,
}

/// How an item to be stored came to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ItemOrigin {
    /// The caller gave all of it, in `item`.
    Given,
    /// An update expression made it of the item as it was.
    Updated,
}

impl NewItem {
    /// An item that the caller gave, encoded once however often a decision is made.
    pub(crate) fn new(attributes: AttributeMap) -> Self {
        Self::of(ItemOrigin::Given, attributes)
    }

    /// An item that an update made.
    pub(crate) fn updated(attributes: AttributeMap) -> Self {
        Self::of(ItemOrigin::Updated, attributes)
    }

    fn of(origin: ItemOrigin, attributes: AttributeMap) -> Self {
        Self {
            origin,
            record: StoredItem::encode(&attributes),
            size: item_size(&attributes),
            attributes: Arc::new(attributes),
        }
    }
}

/// What a change of one item comes to: what to write, and what it costs.
pub(crate) struct ItemWrites {
    pub(crate) writes: Vec<Write>,
    /// Write units of the table and of each index.
    pub(crate) units: CapacityParts,
    /// How many bytes the item's collection grows by, its entries in local indexes included. On a table that has
    /// some, the caller is to write that too: see [`resize`].
    pub(crate) collection_bytes: i64,
}

/// What a change of the item at `key` comes to, given the item as it is: its own record, its entries in the table's
/// indexes, and the totals of both.
///
/// # Errors
/// An index key attribute that cannot be one; the field is `item["…"]` or `update_expression`.
pub(crate) fn item_writes(
    table: &Table,
    key: &RecordKey,
    old: Option<&StoredItem>,
    change: &Change,
) -> Result<ItemWrites> {
    let old_size = old.map_or(0, StoredItem::size);
    let total = |counter, delta: i64| Write::Add(table.counter(counter), delta);
    let (mut writes, new_size, new) = match change {
        Change::Keep => return Ok(ItemWrites::none(old_size)),
        // An item that is the same to the byte is durable already, and so are its index entries.
        Change::Put(new) if old.is_some_and(|old| old.is_record(&new.record)) => {
            return Ok(ItemWrites::none(old_size));
        }
        Change::Put(new) => {
            let mut writes = vec![
                Write::Put(key.clone(), new.record.clone()),
                total(TableCounter::Bytes, new.size as i64 - old_size as i64),
            ];
            if old.is_none() {
                writes.push(total(TableCounter::Items, 1));
            }
            (writes, new.size, Some(new))
        }
        Change::Delete if old.is_none() => return Ok(ItemWrites::none(0)),
        Change::Delete => {
            let writes = vec![
                Write::Delete(key.clone()),
                total(TableCounter::Bytes, -(old_size as i64)),
                total(TableCounter::Items, -1),
            ];
            (writes, 0, None)
        }
    };
    let mut units = CapacityParts::from(write_units(old_size.max(new_size)));
    let local_bytes = index_writes(table, key, old, new, &mut writes, &mut units)?;
    let collection_bytes = new_size as i64 - old_size as i64 + local_bytes;
    Ok(ItemWrites { writes, units, collection_bytes })
}

impl ItemWrites {
    /// A change that changes nothing of an item of `size` bytes, and costs as much as one that does.
    fn none(size: usize) -> Self {
        Self { writes: Vec::new(), units: write_units(size).into(), collection_bytes: 0 }
    }
}

/// What must be true of an item for it to be written, and what a failure tells of it.
pub(crate) struct Condition {
    condition: Option<cairn_expression::Condition>,
    on_failure: ReturnValuesOnConditionCheckFailure,
}

impl Condition {
    pub(crate) fn new(
        condition: Option<cairn_expression::Condition>,
        on_failure: ReturnValuesOnConditionCheckFailure,
    ) -> Self {
        Self { condition, on_failure }
    }

    /// Fails the write unless the condition is true of the item as it is; of a missing item nothing is there.
    pub(crate) fn check(&self, old: Option<&StoredItem>) -> Result<()> {
        let Some(condition) = &self.condition else { return Ok(()) };
        let attributes = old.map(StoredItem::attributes).transpose()?;
        if condition.evaluate(attributes.as_ref().unwrap_or(&AttributeMap::new())) {
            return Ok(());
        }
        let wanted = self.on_failure == ReturnValuesOnConditionCheckFailure::AllOld;
        Err(Error::ConditionalCheckFailed {
            item: old.filter(|_| wanted).cloned().map(StoredItem::into_item),
        })
    }
}

/// A write that happened.
pub(crate) struct Written<T> {
    /// What the decision answered.
    pub(crate) outcome: T,
    /// The write units it cost.
    pub(crate) units: CapacityParts,
    /// The item's collection, if its table keeps their sizes.
    pub(crate) collection: Option<ItemCollectionMetrics>,
}

/// How often a write starts again because its table changed meanwhile, before it gives up.
const TABLE_CHANGES_MAX: usize = 16;

enum Attempt<T> {
    Done(Result<Written<T>>),
    TableChanged,
}

/// Writes one item of a table. `key_of` finds the item's key, given the table; `decide` is given the table and the
/// item as it is, and says what becomes of it. Both may run more than once and must give the same for the same.
pub(crate) async fn write_item<E, T, K, D>(
    service: &Service<E>,
    name: &TableName,
    key_of: K,
    decide: D,
) -> Result<Written<T>>
where
    E: Engine,
    T: Send + 'static,
    K: Fn(&Table) -> Result<PrimaryKey>,
    D: Fn(&Table, Option<&StoredItem>) -> Result<(Change, T)> + Send + Sync + 'static,
{
    let decide = Arc::new(decide);
    let bytes_max = service.item_collection_bytes_max;
    let mut table = service.catalog.expected(name).await?;
    for _ in 0..TABLE_CHANGES_MAX {
        let primary_key = key_of(&table)?;
        let record_key = RecordKey::new(table.items(), primary_key.storage_key());
        let collection = collection_key(&table, &primary_key.partition);
        let mut keys = vec![table_key(name), record_key.clone()];
        keys.extend(collection.clone());
        let (expected, decide) = (table.clone(), decide.clone());
        let partition = primary_key.partition;
        let attempt = service
            .engine
            .transact(keys, move |records| {
                if !expected.is(records.first().and_then(Option::as_ref)) {
                    return Decision::unchanged(Attempt::TableChanged);
                }
                let record = records.get(1).and_then(Option::as_ref);
                let decided = decide_one(&expected, &record_key, record, &*decide).and_then(
                    |(mut decided, mut written)| {
                        if let Some(key) = &collection {
                            let size = records.get(2).and_then(Option::as_ref);
                            let delta = decided.collection_bytes;
                            let (write, size) = resize(&expected, key, size, delta, bytes_max)?;
                            decided.writes.extend(write);
                            written.collection =
                                Some(ItemCollectionMetrics::new(&expected, &partition, size));
                        }
                        Ok((decided.writes, written))
                    },
                );
                match decided {
                    Ok((writes, written)) => Decision { writes, outcome: Attempt::Done(Ok(written)) },
                    Err(error) => Decision::unchanged(Attempt::Done(Err(error))),
                }
            })
            .await;
        match attempt {
            Ok(Attempt::Done(done)) => return done,
            Ok(Attempt::TableChanged) | Err(cairn_storage::Error::SpaceNotFound(_)) => {
                let snapshot = service.engine.snapshot(Consistency::Strong).await?;
                table = service.catalog.serving(&snapshot, name).await?;
            }
            Err(cairn_storage::Error::Conflict { .. }) => return Err(Error::TransactionConflict),
            Err(error) => return Err(error.into()),
        }
    }
    Err(Error::Unavailable {
        reason: "the table keeps changing",
        retry_after: Duration::from_millis(100),
        source: None,
    })
}

fn decide_one<T>(
    table: &Table,
    key: &RecordKey,
    record: Option<&Bytes>,
    decide: impl Fn(&Table, Option<&StoredItem>) -> Result<(Change, T)>,
) -> Result<(ItemWrites, Written<T>)> {
    let old = record.cloned().map(StoredItem::read).transpose()?;
    let (change, outcome) = decide(table, old.as_ref())?;
    let writes = item_writes(table, key, old.as_ref(), &change)?;
    let units = writes.units.clone();
    Ok((writes, Written { outcome, units, collection: None }))
}
