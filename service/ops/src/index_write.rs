//! Keeping indexes in step with their items: what a change of one item does to its entries, and what it costs.

use crate::capacity::{Cost, entry_slot, item_slot, write_units};
use crate::catalog::{FillPlace, FillProgress, Index, IndexCounter, IndexStatus, Table};
use crate::item_write::{ItemOrigin, NewItem};
use crate::words::item_writes;
use crate::{Error, FieldPath, Result, Validation};
use cairn_expression::{DocumentPath, Update};
use cairn_model::{AttributeMap, IndexEntry, IndexKeyError, IndexKind, KeySchema, StoredItem};
use cairn_storage::{RecordKey, Write};

/// An entry as it is stored.
struct EntryRecord {
    key: RecordKey,
    stored: StoredItem,
}

impl EntryRecord {
    fn new(table: &Table, entry: IndexEntry) -> Result<Self> {
        Ok(Self {
            key: RecordKey::new(table.index_entries(), entry.key),
            stored: StoredItem::encode(&entry.attributes).map_err(Error::internal)?,
        })
    }

    /// In bytes, as DynamoDB counts it.
    fn size(&self) -> usize {
        self.stored.size()
    }
}

/// Appends what becoming `new` does to the index entries of the item at `key`, and what that costs. Says how many bytes
/// the entries in local indexes grow by. `filling` is the progress of the index that is being filled, if one is.
///
/// # Errors
/// An index key attribute that cannot be one.
pub(crate) fn index_writes(
    table: &Table,
    key: &RecordKey,
    old: Option<&AttributeMap>,
    new: Option<&NewItem>,
    filling: &FillProgress,
    writes: &mut Vec<Write>,
    cost: &mut Cost,
) -> Result<i64> {
    let mut local_bytes = 0;
    for index in table.definition.indexes.iter().filter(|index| index.checks_keys()) {
        let after = match new {
            Some(new) => entry_after(index, table.key_schema(), key, old, new)
                .map_err(|error| refusal(new.origin, &first_fault(table, key, old, new).unwrap_or(error)))?,
            None => None,
        };
        if !index.takes_entries() {
            continue;
        }
        // An item from before the index whose attributes do not fit it has no entry.
        let before = old.and_then(|old| index.schema.entry(table.key_schema(), &key.key, old).ok().flatten());
        let before = before.map(|entry| EntryRecord::new(table, entry)).transpose()?;
        let after = after.map(|entry| EntryRecord::new(table, entry)).transpose()?;
        if index.schema.kind == IndexKind::Local {
            local_bytes += bytes(after.as_ref()) - bytes(before.as_ref());
        }
        let place = match index.status {
            IndexStatus::Backfilling => filling.place(&key.key),
            _ => FillPlace::Done,
        };
        write_entry(table, index, (key, place), before, after, writes, cost);
    }
    Ok(local_bytes)
}

fn bytes(entry: Option<&EntryRecord>) -> i64 {
    entry.map_or(0, |entry| entry.size() as i64)
}

/// Writes an entry's change. The cost (semantics 12.5): nothing if nothing changes, one write to enter, leave or change
/// what is projected, two to move.
fn write_entry(
    table: &Table,
    index: &Index,
    (item, place): (&RecordKey, FillPlace),
    before: Option<EntryRecord>,
    after: Option<EntryRecord>,
    writes: &mut Vec<Write>,
    cost: &mut Cost,
) {
    let size = |entry: &Option<EntryRecord>| entry.as_ref().map_or(0, EntryRecord::size);
    let (size_before, size_after) = (size(&before), size(&after));
    let items = i64::from(after.is_some()) - i64::from(before.is_some());
    let mut charge = |entry: &RecordKey, bytes: usize| {
        let slot = match index.schema.kind {
            IndexKind::Local => item_slot(&item.key),
            IndexKind::Global => entry_slot(&entry.key),
        };
        cost.add_index(&index.schema, slot, write_units(bytes));
    };
    match (before, after) {
        (None, None) => return,
        (Some(before), Some(after)) if before.key == after.key => {
            if before.stored == after.stored {
                return;
            }
            charge(&after.key, size_before.max(size_after));
            writes.push(Write::Put(after.key, after.stored.record().clone()));
        }
        (before, after) => {
            if let Some(before) = before {
                charge(&before.key, size_before);
                writes.push(Write::Delete(before.key));
            }
            if let Some(after) = after {
                charge(&after.key, size_after);
                writes.push(Write::Put(after.key, after.stored.record().clone()));
            }
        }
    }
    let deltas =
        [(IndexCounter::Items, items), (IndexCounter::Bytes, size_after as i64 - size_before as i64)];
    for (counter, delta) in deltas.into_iter().filter(|(_, delta)| *delta != 0) {
        if place != FillPlace::Behind {
            writes.push(Write::Add(table.index_counter(index.schema.id, counter), delta));
        }
        if place == FillPlace::Window {
            writes.push(Write::Add(table.window_counter(counter), delta));
        }
    }
}

/// The fault to report for an item that does not fit its indexes: that of the alphabetically first index.
fn first_fault(
    table: &Table,
    key: &RecordKey,
    old: Option<&AttributeMap>,
    new: &NewItem,
) -> Option<IndexKeyError> {
    let mut indexes: Vec<&Index> =
        table.definition.indexes.iter().filter(|index| index.checks_keys()).collect();
    indexes.sort_unstable_by_key(|index| &index.schema.name);
    indexes.into_iter().find_map(|index| entry_after(index, table.key_schema(), key, old, new).err())
}

/// The entry that an item is to have. What an update leaves as it was is not the update's fault: an item from before
/// the index, with an attribute that does not fit it, can go on being updated outside of the index.
fn entry_after(
    index: &Index,
    table: &KeySchema,
    key: &RecordKey,
    old: Option<&AttributeMap>,
    new: &NewItem,
) -> Result<Option<IndexEntry>, IndexKeyError> {
    let error = match index.schema.entry(table, &key.key, &new.attributes) {
        Ok(entry) => return Ok(entry),
        Err(error) => error,
    };
    let unchanged = |name: &str| is_unchanged(old, new, name);
    if new.origin == ItemOrigin::Given || !unchanged(error.attribute()) {
        return Err(error);
    }
    // Without the attributes that the update left alone, its own can be at fault still.
    let mut changed = AttributeMap::clone(&new.attributes);
    changed.retain(|name, _| !unchanged(name));
    index.schema.entry(table, &key.key, &changed).map(|_| None)
}

/// The refusal of an item that has an empty value for a key attribute of an index, if that is its own fault. A
/// transaction tells it apart from other faults of index keys (semantics 10.1).
pub(crate) fn empty_index_key(table: &Table, old: Option<&StoredItem>, new: &NewItem) -> Option<Validation> {
    let mut indexes = table.definition.indexes.iter().filter(|index| index.checks_keys());
    let error = indexes.find_map(|index| match index.schema.check_keys(&new.attributes) {
        Err(error @ IndexKeyError::Empty { .. }) => Some(error),
        _ => None,
    })?;
    let old = old.map(|old| old.attributes().unwrap_or_else(|_| old.salvaged()));
    let is_at_fault = new.origin == ItemOrigin::Given || !is_unchanged(old.as_ref(), new, error.attribute());
    is_at_fault.then(|| refusal(new.origin, &error))
}

/// Whether an item has an attribute as it had it before.
fn is_unchanged(old: Option<&AttributeMap>, new: &NewItem, name: &str) -> bool {
    let before = old.and_then(|old| old.get(name));
    before.is_some() && before == new.attributes.get(name)
}

fn refusal(origin: ItemOrigin, error: &IndexKeyError) -> Validation {
    match (origin, error) {
        (ItemOrigin::Given, error) => {
            Validation::new(FieldPath::from("item").key(error.attribute()), error.to_string())
        }
        (ItemOrigin::Updated, IndexKeyError::TypeMismatch { .. }) => {
            Validation::of_state("update_expression", item_writes::INDEX_KEY_TYPE)
        }
        (ItemOrigin::Updated, IndexKeyError::Empty { key_type, .. }) => {
            Validation::of_state("update_expression", item_writes::empty_index_key(*key_type))
        }
        (ItemOrigin::Updated, error) => Validation::of_state("update_expression", error.to_string()),
    }
}

/// Refuses an update of something inside an attribute that keys an index: only a scalar can.
pub(crate) fn check_update_targets(table: &Table, update: &Update) -> Result<(), Validation> {
    check_key_paths(table, "update_expression", update.targets())
}

/// Refuses paths into attributes that key the table or one of its indexes: those are scalars.
pub(crate) fn check_key_paths<'p>(
    table: &Table,
    field: &'static str,
    paths: impl IntoIterator<Item = &'p DocumentPath>,
) -> Result<(), Validation> {
    let keys_an_index = |name: &str| {
        let mut indexes = table.definition.indexes.iter().filter(|index| index.checks_keys());
        indexes.any(|index| index.schema.key_schema.contains(name))
    };
    for path in paths.into_iter().filter(|path| !path.is_top_level()) {
        let attribute = &*path.attribute;
        let role = match table.key_schema().contains(attribute) {
            true => "Key",
            false if keys_an_index(attribute) => "IndexKey",
            false => continue,
        };
        let message = format!(
            "Key attributes must be scalars; list random access '[]' and map lookup '.' are not allowed: {role}: \
             {attribute}"
        );
        return Err(Validation::new(field, message));
    }
    Ok(())
}
