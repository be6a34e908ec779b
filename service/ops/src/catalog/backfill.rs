//! Making and removing the records of a table's index space that belong to its items, while everything else goes on.
//!
//! From the moment that such records are to be there every write makes them; the items from before get theirs a page at a
//! time, each page in a transaction that declares them and the table's record. So a record is of the item as it is,
//! whoever writes it. How far it is is kept beside the records (see `fill_progress`), and each step can be done again: a
//! restart, or a view that expired, goes on where it was.

use super::fill_progress::{FillProgress, Totals, Window};
use super::permitted::is_missing_space;
use super::work::Step;
use super::{Catalog, Definition, IndexCounter, Table, record, table_key};
use crate::Result;
use crate::undecodable::Undecodable;
use bytes::Bytes;
use cairn_model::{AttributeMap, KeySchema, StoredItem, TableStatus};
use cairn_storage::{Consistency, Decision, Direction, Engine, KeyRange, RecordKey, Snapshot, Visit, Write};
use std::ops::{Bound, ControlFlow};

/// Items whose records are made in one commit.
const FILLED_ITEMS: usize = 64;
/// Items, and bytes of items, after which a window ends.
const WINDOW_ITEMS: usize = 1_024;
const WINDOW_BYTES: usize = 4 << 20;
/// How much larger than that a window may have become by writes before it is given up for a smaller one.
const WINDOW_GROWTH_MAX: usize = 8;
/// Records removed in one commit.
const REMOVED_RECORDS: usize = 512;

/// A kind of records in a table's index space, each of them made of an item.
pub(super) trait ItemRecords: Clone + Send + Sync + 'static {
    /// What they are numbered by: the id of their index, or an id that no index has.
    fn id(&self) -> u16;

    /// Whether the table wants them made, for the items from before.
    fn are_filled(&self, definition: &Definition) -> bool;

    /// Whether the table wants them removed.
    fn are_removed(&self, definition: &Definition) -> bool;

    /// What changes of the table once all are made.
    fn filled(&self, definition: &mut Definition);

    /// What their keys begin with.
    fn prefix(&self) -> Bytes;

    /// The key and the value of an item's record, if it has one.
    fn record(&self, table: &KeySchema, key: &[u8], item: &AttributeMap) -> Option<(Bytes, Bytes)>;

    /// What a record counts for in the totals of its index.
    fn counts(&self, value: &Bytes) -> Totals;
}

impl<E: Engine> Catalog<E> {
    /// Creates the records of some more items. Once every item has its record, the same commit notes so in the table's
    /// record.
    pub(super) async fn fill<R: ItemRecords>(&self, table: &Table, records: &R) -> Result<Step> {
        let snapshot = self.engine.snapshot(Consistency::Strong).await?;
        let done = self.fill_some(table, records, snapshot).await;
        // The table was deleted: whoever looks next finds that.
        match done {
            Err(error) if is_missing_space(&error) => Ok(Step::Again),
            done => done,
        }
    }

    async fn fill_some<R: ItemRecords>(
        &self,
        table: &Table,
        records: &R,
        snapshot: E::Snapshot,
    ) -> Result<Step> {
        let key = table.fill_key(records.id());
        let found = snapshot.get(&key).await?;
        let progress = FillProgress::read(found.as_ref())?;
        match progress.window.clone() {
            None => self.open_window(table, records, snapshot, found, progress).await,
            Some(window) => self.fill_window(table, records, snapshot, found, progress, window).await,
        }
    }

    /// Opens the next window: as far as a snapshot shows so many items.
    async fn open_window<R: ItemRecords>(
        &self,
        table: &Table,
        records: &R,
        snapshot: E::Snapshot,
        found: Option<Bytes>,
        progress: FillProgress,
    ) -> Result<Step> {
        let range = KeyRange { start: after(&progress), end: Bound::Unbounded };
        let seen = snapshot.scan(table.items(), range, Direction::Ascending, WindowEnd::default()).await?;
        let window = match seen.last {
            Some(last) if seen.is_full => Window::UpTo(last),
            _ => Window::ToEnd,
        };
        let now = self.window_totals(table, &snapshot).await?;
        let excess = match found {
            // Whatever was counted before there was a record of it.
            None => self.index_counters(table, records.id(), &snapshot).await?,
            Some(_) if progress.given_up => now - progress.before,
            Some(_) => Totals::default(),
        };
        let next = FillProgress { window: Some(window), before: now, given_up: false, ..progress };
        let mut writes = additions(table, records.id(), Totals::default() - excess);
        writes.push(Write::Put(table.fill_key(records.id()), next.encode()));
        self.commit_fill(table, records, found, Vec::new(), move |_| Ok(writes.clone())).await
    }

    /// Enters the items of a window, and closes it.
    async fn fill_window<R: ItemRecords>(
        &self,
        table: &Table,
        records: &R,
        snapshot: E::Snapshot,
        found: Option<Bytes>,
        progress: FillProgress,
        window: Window,
    ) -> Result<Step> {
        let key = table.fill_key(records.id());
        let end = match &window {
            Window::UpTo(last) => Bound::Included(last.clone()),
            Window::ToEnd => Bound::Unbounded,
        };
        let range = KeyRange { start: after(&progress), end };
        let page = WindowItems {
            records: records.clone(),
            table: table.key_schema().clone(),
            keys: Vec::new(),
            totals: Totals::default(),
            size: WindowEnd::default(),
            undecodable: Undecodable::default(),
        };
        let page = snapshot.scan(table.items(), range, Direction::Ascending, page).await?;
        if page.is_overgrown() {
            let next = FillProgress { window: None, given_up: true, ..progress };
            let write = Write::Put(key, next.encode());
            return self
                .commit_fill(table, records, found, Vec::new(), move |_| Ok(vec![write.clone()]))
                .await;
        }
        let written = self.window_totals(table, &snapshot).await? - progress.before;
        drop(snapshot);
        page.undecodable.report(table, "indexed by what can be read of them, if that has the index's key");
        let mut chunks: Vec<_> = page.keys.chunks(FILLED_ITEMS).map(<[Bytes]>::to_vec).collect();
        let last = chunks.pop().unwrap_or_default();
        for keys in chunks {
            let none = |_: &mut Definition| Ok(Vec::new());
            if let Step::Done = self.commit_fill(table, records, found.clone(), keys, none).await? {
                return Ok(Step::Done);
            }
        }
        let mut adds = additions(table, records.id(), page.totals - written);
        let (records_after, table_record) = (records.clone(), table_key(&table.definition.name));
        let close = move |definition: &mut Definition| {
            let mut writes = std::mem::take(&mut adds);
            adds.clone_from(&writes);
            match &window {
                Window::UpTo(last) => {
                    let next = FillProgress {
                        done: Some(last.clone()),
                        window: None,
                        before: progress.before,
                        given_up: false,
                    };
                    writes.push(Write::Put(key.clone(), next.encode()));
                }
                Window::ToEnd => {
                    records_after.filled(definition);
                    writes.push(Write::Delete(key.clone()));
                    writes.push(Write::Put(table_record.clone(), record::encode(definition)?));
                }
            }
            Ok(writes)
        };
        self.commit_fill(table, records, found, last, close).await
    }

    /// Creates the records of the items at `keys` as they are now, and writes what else there is to write, if the progress
    /// is still what it was. Done if the records are no longer to be made.
    async fn commit_fill<R: ItemRecords>(
        &self,
        table: &Table,
        records: &R,
        progress: Option<Bytes>,
        keys: Vec<Bytes>,
        mut also: impl FnMut(&mut Definition) -> Result<Vec<Write>> + Send + 'static,
    ) -> Result<Step> {
        let number = table.definition.number;
        let (items, entries) = (table.items(), table.index_entries());
        let mut declared = vec![table_key(&table.definition.name), table.fill_key(records.id())];
        declared.extend(keys.iter().map(|key| RecordKey::new(items, key.clone())));
        let records = records.clone();
        self.engine
            .transact(declared, move |found| {
                let [definition, found_progress, found @ ..] = found else {
                    return Decision::unchanged(Ok(Step::Again));
                };
                let decided = definition_in(definition.as_ref(), number).and_then(|definition| {
                    let Some(mut definition) = definition.filter(|definition| records.are_filled(definition))
                    else {
                        return Ok((Vec::new(), Step::Done));
                    };
                    if *found_progress != progress {
                        // Somebody else fills it too, and is ahead.
                        return Ok((Vec::new(), Step::Again));
                    }
                    let mut writes = also(&mut definition)?;
                    for (key, item) in keys.iter().zip(found) {
                        let Some(item) = item else { continue };
                        let stored = StoredItem::read(item.clone());
                        let item = stored.attributes().unwrap_or_else(|_| stored.salvaged());
                        let record = records.record(&definition.key_schema, key, &item);
                        writes.extend(
                            record.map(|(key, value)| Write::Put(RecordKey::new(entries, key), value)),
                        );
                    }
                    Ok((writes, Step::Again))
                });
                match decided {
                    Ok((writes, step)) => Decision { writes, outcome: Ok(step) },
                    Err(error) => Decision::unchanged(Err(error)),
                }
            })
            .await?
    }

    /// The value of the window's counters.
    async fn window_totals(&self, table: &Table, snapshot: &E::Snapshot) -> Result<Totals> {
        Ok(Totals {
            items: snapshot.counter(table.window_counter(IndexCounter::Items)).await?,
            bytes: snapshot.counter(table.window_counter(IndexCounter::Bytes)).await?,
        })
    }

    /// The value of an index's counters; of records that are not counted there are none.
    async fn index_counters(&self, table: &Table, id: u16, snapshot: &E::Snapshot) -> Result<Totals> {
        let Some([items, bytes]) = counters(table, id) else { return Ok(Totals::default()) };
        Ok(Totals { items: snapshot.counter(items).await?, bytes: snapshot.counter(bytes).await? })
    }

    /// Removes some of the records. Done when there are none any more, nor any progress of making them, or if their
    /// removal is no longer wanted. Nobody makes any while they are being removed.
    pub(super) async fn empty(&self, table: &Table, records: &impl ItemRecords) -> Result<Step> {
        let number = table.definition.number;
        let snapshot = self.engine.snapshot(Consistency::Strong).await?;
        let range = KeyRange::prefix(records.prefix());
        let space = table.index_entries();
        let (fill_key, mut deletes) = (table.fill_key(records.id()), Vec::new());
        match snapshot.scan(space, range, Direction::Ascending, Keys::default()).await {
            // It was never created, or is gone with its table.
            Err(cairn_storage::Error::SpaceNotFound(_)) => return Ok(Step::Done),
            keys => deletes.extend(keys?.0.into_iter().map(|key| Write::Delete(RecordKey::new(space, key)))),
        }
        let is_last = deletes.is_empty();
        if is_last {
            if snapshot.get(&fill_key).await?.is_none() {
                return Ok(Step::Done);
            }
            deletes.push(Write::Delete(fill_key));
        }
        drop(snapshot);
        let records = records.clone();
        let removed = self
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
        Ok(if removed && !is_last { Step::Again } else { Step::Done })
    }
}

/// The counters of an index; none for records that are not those of one.
fn counters(table: &Table, id: u16) -> Option<[cairn_storage::CounterKey; 2]> {
    let is_index = table.definition.indexes.iter().any(|index| index.schema.id == id);
    is_index
        .then(|| [table.index_counter(id, IndexCounter::Items), table.index_counter(id, IndexCounter::Bytes)])
}

/// What adds to an index's totals.
fn additions(table: &Table, id: u16, totals: Totals) -> Vec<Write> {
    let Some([items, bytes]) = counters(table, id) else { return Vec::new() };
    let adds = [(items, totals.items), (bytes, totals.bytes)];
    adds.into_iter().filter(|(_, amount)| *amount != 0).map(|(key, amount)| Write::Add(key, amount)).collect()
}

/// Where the items begin that are not done.
fn after(progress: &FillProgress) -> Bound<Bytes> {
    progress.done.clone().map_or(Bound::Unbounded, Bound::Excluded)
}

/// A table's definition, if the record is still that table's and it is not being deleted.
pub(super) fn definition_in(record: Option<&Bytes>, number: u64) -> Result<Option<Definition>> {
    let Some(record) = record else { return Ok(None) };
    let definition = record::decode(record)?;
    let is_that = definition.number == number && definition.status != TableStatus::Deleting;
    Ok(is_that.then_some(definition))
}

/// Where a window ends.
#[derive(Default)]
struct WindowEnd {
    items: usize,
    bytes: usize,
    last: Option<Bytes>,
    /// Whether there may be more.
    is_full: bool,
}

impl Visit for WindowEnd {
    fn visit(&mut self, key: &[u8], value: Bytes) -> ControlFlow<()> {
        self.items += 1;
        self.bytes += key.len() + value.len();
        if self.items < WINDOW_ITEMS && self.bytes < WINDOW_BYTES {
            return ControlFlow::Continue(());
        }
        self.last = Some(Bytes::copy_from_slice(key));
        self.is_full = true;
        ControlFlow::Break(())
    }
}

/// The items of a window: the keys of those that have a record, which is looked at again when it is made, and what all of
/// them count.
struct WindowItems<R> {
    records: R,
    table: KeySchema,
    keys: Vec<Bytes>,
    totals: Totals,
    size: WindowEnd,
    undecodable: Undecodable,
}

impl<R> WindowItems<R> {
    /// Whether writes have made more of the window than one snapshot should be held for.
    fn is_overgrown(&self) -> bool {
        self.size.items > WINDOW_GROWTH_MAX * WINDOW_ITEMS
            || self.size.bytes > WINDOW_GROWTH_MAX * WINDOW_BYTES
    }
}

impl<R: ItemRecords> Visit for WindowItems<R> {
    fn visit(&mut self, key: &[u8], value: Bytes) -> ControlFlow<()> {
        self.size.items += 1;
        self.size.bytes += key.len() + value.len();
        if self.is_overgrown() {
            return ControlFlow::Break(());
        }
        // Of an item that does not decode, by what can be read of it, as its writes change its records.
        let item = self.undecodable.attributes(key, &StoredItem::read(value));
        if let Some((_, value)) = self.records.record(&self.table, key, &item) {
            let Totals { items, bytes } = self.records.counts(&value);
            self.totals.items += items;
            self.totals.bytes += bytes;
            self.keys.push(Bytes::copy_from_slice(key));
        }
        ControlFlow::Continue(())
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
