//! Writing one item: what PutItem, UpdateItem and DeleteItem have in common.

use crate::authorization::PermittedTable;
use crate::capacity::{Cost, Draw, TABLE, item_slot, write_units};
use crate::catalog::{FillProgress, TABLE_CHANGES_MAX, Table, TableCounter, keeps_changing};
use crate::expiry::expiry_writes;
use crate::index_write::index_writes;
use crate::item_collection::{ItemCollectionMetrics, collection_key, resize};
use crate::undecodable::{self, Undecodable, shown};
use crate::{Error, Permit, Result, Service, UnitKind, Validation};
use bytes::Bytes;
use cairn_model::{AttributeMap, PrimaryKey, StoredItem, ValueErrorKind};
use cairn_storage::{Decision, Engine, RecordKey, Write};
use smallvec::SmallVec;
use std::sync::Arc;

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

impl ReturnValues {
    /// DynamoDB's word for it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::None => "NONE",
            Self::AllOld => "ALL_OLD",
            Self::UpdatedOld => "UPDATED_OLD",
            Self::AllNew => "ALL_NEW",
            Self::UpdatedNew => "UPDATED_NEW",
        }
    }
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
    /// It goes because its time is over: the service deletes it and not a caller. That costs nothing (semantics 12.8),
    /// and who follows the table's changes is told the difference.
    Expire,
}

/// An item ready to be stored.
#[derive(Clone)]
pub(crate) struct NewItem {
    /// What indexes are made of.
    pub(crate) attributes: Arc<AttributeMap>,
    /// How it came to be, which decides what is said of it and of which part of the request.
    pub(crate) origin: ItemOrigin,
    stored: StoredItem,
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
    ///
    /// # Errors
    /// A rule that it breaks, though what comes from callers is checked when it is decoded. The field is `item`.
    pub(crate) fn new(attributes: Arc<AttributeMap>) -> Result<Self, Validation> {
        Self::of(ItemOrigin::Given, attributes).map_err(|kind| Validation::new("item", kind.to_string()))
    }

    /// An item that an update made.
    ///
    /// # Errors
    /// A rule that it breaks. The field is `update_expression`.
    pub(crate) fn updated(attributes: AttributeMap) -> Result<Self, Validation> {
        Self::of(ItemOrigin::Updated, Arc::new(attributes)).map_err(|kind| {
            let message = match kind {
                ValueErrorKind::TooLarge => {
                    "Item size to update has exceeded the maximum allowed size".to_owned()
                }
                kind => kind.to_string(),
            };
            Validation::of_state("update_expression", message)
        })
    }

    /// Its size in bytes as DynamoDB counts it.
    pub(crate) fn size(&self) -> usize {
        self.stored.size()
    }

    fn of(origin: ItemOrigin, attributes: Arc<AttributeMap>) -> Result<Self, ValueErrorKind> {
        Ok(Self { origin, stored: StoredItem::encode(&attributes)?, attributes })
    }
}

/// An item that was to be written to another place than its key's.
#[derive(Debug, thiserror::Error)]
#[error("an update changed the key of its item")]
struct Misplaced;

/// What a change of one item comes to: what to write, and what it costs.
pub(crate) struct ItemWrites {
    pub(crate) writes: Vec<Write>,
    /// Write units of the table and of each index.
    pub(crate) cost: Cost,
    /// How many bytes the item's collection grows by, its entries in local indexes included. On a table that has
    /// some, the caller is to write that too: see [`resize`].
    pub(crate) collection_bytes: i64,
}

/// What a change of the item at `key` comes to, given the item as it is: its own record, its entries in the table's
/// indexes, and the totals of both. `filling` is what the record says that the table declares while an index of it is
/// being filled.
///
/// # Errors
/// An index key attribute that cannot be one; the field is `item["…"]` or `update_expression`.
pub(crate) fn item_writes(
    table: &Table,
    key: &RecordKey,
    old: Option<&StoredItem>,
    change: &Change,
    filling: &FillProgress,
) -> Result<ItemWrites> {
    let old_size = old.map_or(0, StoredItem::size);
    let total = |counter, delta: i64| Write::Add(table.counter(counter), delta);
    let (mut writes, new_size, new) = match change {
        Change::Keep => return Ok(ItemWrites::none(key, old_size)),
        // An item that is the same to the byte is durable already, and so are its index entries.
        Change::Put(new) if old.is_some_and(|old| *old == new.stored) => {
            return Ok(ItemWrites::none(key, old_size));
        }
        Change::Put(new) => {
            check_place(table, key, new)?;
            let mut writes = vec![
                Write::Put(key.clone(), new.stored.record().clone()),
                total(TableCounter::Bytes, new.size() as i64 - old_size as i64),
            ];
            if old.is_none() {
                writes.push(total(TableCounter::Items, 1));
            }
            (writes, new.size(), Some(new))
        }
        Change::Delete | Change::Expire if old.is_none() => return Ok(ItemWrites::none(key, 0)),
        Change::Delete | Change::Expire => {
            let writes = vec![
                Write::Delete(key.clone()),
                total(TableCounter::Bytes, -(old_size as i64)),
                total(TableCounter::Items, -1),
            ];
            (writes, 0, None)
        }
    };
    let mut cost = item_cost(key, old_size.max(new_size));
    let mut undecodable = Undecodable::default();
    let before = match old {
        Some(old) if table.keeps_records_of_items() => Some(undecodable.attributes(&key.key, old)),
        _ => None,
    };
    undecodable.report(table, "replaced or deleted, with the index entries of what can be read of them");
    let local_bytes = index_writes(table, key, before.as_ref(), new, filling, &mut writes, &mut cost)?;
    expiry_writes(table, key, before.as_ref(), new.map(|new| &*new.attributes), &mut writes);
    if matches!(change, Change::Expire) {
        cost = Cost::default();
    }
    let collection_bytes = new_size as i64 - old_size as i64 + local_bytes;
    Ok(ItemWrites { writes, cost, collection_bytes })
}

impl ItemWrites {
    /// A change that changes nothing of an item of `size` bytes, and costs as much as one that does.
    fn none(key: &RecordKey, size: usize) -> Self {
        Self { writes: Vec::new(), cost: item_cost(key, size), collection_bytes: 0 }
    }
}

/// Checks that an item is written where its key says. Of one that was given whole, the place was computed from it.
fn check_place(table: &Table, key: &RecordKey, new: &NewItem) -> Result<()> {
    match new.origin {
        ItemOrigin::Given => Ok(()),
        ItemOrigin::Updated => match table.key_schema().key_of_item(&new.attributes) {
            Ok(found) if found.storage_key() == key.key => Ok(()),
            _ => Err(Error::internal(Misplaced)),
        },
    }
}

/// What a write costs that leaves the indexes alone.
fn item_cost(key: &RecordKey, bytes: usize) -> Cost {
    let mut cost = Cost::default();
    cost.add_item(item_slot(&key.key), write_units(bytes));
    cost
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
        let attributes = old.map(StoredItem::attributes).transpose();
        let attributes = attributes.map_err(|_| undecodable::refusal("condition_expression"))?;
        if condition.evaluate(attributes.as_ref().unwrap_or(&AttributeMap::new())) {
            return Ok(());
        }
        let wanted = self.on_failure == ReturnValuesOnConditionCheckFailure::AllOld;
        Err(Error::ConditionalCheckFailed { item: old.filter(|_| wanted).map(shown) })
    }
}

/// A write that happened.
pub(crate) struct Written<T> {
    /// What the decision answered.
    pub(crate) outcome: T,
    /// The write units it cost.
    pub(crate) cost: Cost,
    /// The item's collection, if its table keeps their sizes.
    pub(crate) collection: Option<ItemCollectionMetrics>,
}

enum Attempt<T> {
    Done(Written<T>),
    /// Refused, at a cost of write units: a condition that is false costs as if it had been true.
    Refused(Error, f64),
    TableChanged,
}

/// Writes one item of a permitted table. `new_size` is that of the item as it will be, if the caller gave all of it. `key_of` finds the item's key, given the table; `decide` is given the table and the
/// item as it is, and says what becomes of it. Both may run more than once and must give the same for the same.
pub(crate) async fn write_item<E, T, K, D>(
    (service, permit, asked): (&Service<E>, &Permit, &PermittedTable),
    new_size: Option<usize>,
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
    let mut table = permit.expected(service, asked).await?;
    let mut is_compared = false;
    for _ in 0..TABLE_CHANGES_MAX {
        let primary_key = match key_of(&table) {
            Ok(key) => key,
            // What is wrong counts only if the table is what it is believed to be.
            Err(error) => {
                let current = permit.current(service, asked).await?;
                if is_compared || Arc::ptr_eq(&table, &current) {
                    return Err(error);
                }
                (table, is_compared) = (current, true);
                continue;
            }
        };
        let record_key = RecordKey::new(table.items(), primary_key.storage_key());
        let slot = item_slot(&record_key.key);
        table.capacity.admit(UnitKind::Write, TABLE, slot)?;
        let collection = collection_key(&table, &primary_key.partition);
        let mut keys = vec![table.record_key().clone(), record_key.clone()];
        keys.extend(collection.clone());
        let fill_at = keys.len();
        keys.extend(table.declared_fill_key());
        let (expected, decide) = (table.clone(), decide.clone());
        let partition = primary_key.partition;
        let units = write_units(new_size.unwrap_or_default());
        let unanswered = Unanswered::of([(&*table, Draw { index: TABLE, slot, units })]);
        let attempt = service
            .engine
            .transact(keys, move |records| {
                if !expected.governs(records.first().and_then(Option::as_ref)) {
                    return Decision::unchanged(Attempt::TableChanged);
                }
                let record = records.get(1).and_then(Option::as_ref);
                let filling = records.get(fill_at).and_then(Option::as_ref);
                let decided = decide_one(&expected, &record_key, record, filling, &*decide).and_then(
                    |(mut decided, mut written)| {
                        if let Some(key) = &collection {
                            let size = records.get(2).and_then(Option::as_ref);
                            let delta = decided.collection_bytes;
                            let (write, size) = resize(&expected, key, size, delta, bytes_max)?;
                            decided.writes.extend(write);
                            written.collection =
                                Some(ItemCollectionMetrics::new(&expected, &partition, size));
                        }
                        expected.capacity.check(UnitKind::Write, &written.cost.draws)?;
                        Ok((decided.writes, written))
                    },
                );
                match decided {
                    Ok((writes, written)) => Decision { writes, outcome: Attempt::Done(written) },
                    Err(error) => {
                        let units = units_of_refusal(&error, record, new_size);
                        Decision::unchanged(Attempt::Refused(error, units))
                    }
                }
            })
            .await;
        unanswered.answered();
        match attempt {
            Ok(Attempt::Done(written)) => {
                table.capacity.settle(UnitKind::Write, &written.cost.draws);
                return Ok(written);
            }
            Ok(Attempt::Refused(error, units)) => {
                table.capacity.settle(UnitKind::Write, &[Draw { index: TABLE, slot, units }]);
                return Err(error);
            }
            Ok(Attempt::TableChanged) | Err(cairn_storage::Error::SpaceNotFound(_)) => {
                table = permit.current(service, asked).await?;
            }
            Err(cairn_storage::Error::Conflict { .. }) => return Err(Error::TransactionConflict),
            Err(error) => return Err(error.into()),
        }
    }
    Err(keeps_changing())
}

/// Writes that may happen although nobody waits for their outcome any more. Then they are charged what is known of them:
/// to stop waiting must not make writes free.
pub(crate) struct Unanswered<'t> {
    draws: SmallVec<[(&'t Table, Draw); 1]>,
}

impl<'t> Unanswered<'t> {
    /// Writes of which that much is known.
    pub(crate) fn of(draws: impl IntoIterator<Item = (&'t Table, Draw)>) -> Self {
        Self { draws: draws.into_iter().collect() }
    }

    /// The outcome is known: what it comes to is charged elsewhere.
    pub(crate) fn answered(mut self) {
        self.draws.clear();
    }
}

impl Drop for Unanswered<'_> {
    fn drop(&mut self) {
        for (table, draw) in &self.draws {
            table.capacity.settle(UnitKind::Write, std::slice::from_ref(draw));
        }
    }
}

fn decide_one<T>(
    table: &Table,
    key: &RecordKey,
    record: Option<&Bytes>,
    filling: Option<&Bytes>,
    decide: impl Fn(&Table, Option<&StoredItem>) -> Result<(Change, T)>,
) -> Result<(ItemWrites, Written<T>)> {
    let old = record.cloned().map(StoredItem::read);
    let (change, outcome) = decide(table, old.as_ref())?;
    let writes = item_writes(table, key, old.as_ref(), &change, &FillProgress::read(filling)?)?;
    let cost = writes.cost.clone();
    Ok((writes, Written { outcome, cost, collection: None }))
}

/// What a refused write costs: nothing, save for a condition that was false (semantics 12.3).
fn units_of_refusal(error: &Error, record: Option<&Bytes>, new_size: Option<usize>) -> f64 {
    match error {
        Error::ConditionalCheckFailed { .. } => {
            let old = record.cloned().map(StoredItem::read);
            old.map_or(1.0, |old| write_units(new_size.unwrap_or(old.size())))
        }
        _ => 0.0,
    }
}
