//! Reading a page of a table or an index: what Query, Scan and their streaming forms have in common (semantics 8).

use crate::capacity::TABLE;
use crate::catalog::Table;
use crate::undecodable::Undecodable;
use crate::{Result, Throttled, UnitKind};
use bytes::Bytes;
use cairn_expression::{Condition, Projection};
use cairn_model::{
    AttributeMap, DecodeBudget, IndexKind, IndexSchema, Item, KeySchema, StoredItem, StoredItemError,
    index_position,
};
use cairn_storage::{Direction, KeyRange, RecordKey, Snapshot, SpaceId, Visit};
use std::ops::{Bound, ControlFlow};
use std::sync::Arc;

/// Bytes of items evaluated after which a page ends, as DynamoDB counts them.
pub(crate) const PAGE_BYTES_MAX: usize = 1024 * 1024;

/// What is read of each item that is found.
#[derive(Clone)]
pub(crate) enum Wanted {
    /// All that the table or index holds.
    Everything,
    /// Parts of it.
    Parts(Arc<Projection>),
    /// Only how many there are.
    Count,
}

/// Where to read, and what.
#[derive(Clone)]
pub(crate) struct Reading {
    pub(crate) table: Arc<Table>,
    /// The index that is read; none for the table itself.
    pub(crate) index: Option<IndexSchema>,
    /// The slot of the partition that is read, if it is one.
    pub(crate) slot: Option<u16>,
    /// Whether the items themselves are fetched, because the index does not hold all that is asked for.
    pub(crate) fetches: bool,
    pub(crate) range: KeyRange,
    pub(crate) direction: Direction,
    pub(crate) filter: Option<Arc<Condition>>,
    pub(crate) wanted: Wanted,
}

/// When a page ends, besides where the range does.
#[derive(Clone, Copy)]
pub(crate) struct PageLimits {
    /// Items evaluated, before the filter.
    pub(crate) evaluated_max: usize,
    /// Items that pass the filter.
    pub(crate) returned_max: usize,
}

/// A page.
#[derive(Default)]
pub(crate) struct Page {
    /// What passed the filter; empty if only counts are wanted.
    pub(crate) items: Vec<Item>,
    /// How many passed.
    pub(crate) count: usize,
    /// How many were evaluated.
    pub(crate) scanned_count: usize,
    /// Their size in bytes, in what was walked.
    pub(crate) scanned_bytes: usize,
    /// The size in bytes of each item that was fetched from the table besides.
    pub(crate) fetched_bytes: Vec<usize>,
    /// The last one evaluated, if the page ended before the range did.
    pub(crate) last: Option<LastEvaluated>,
}

/// The item that a page ended with.
pub(crate) struct LastEvaluated {
    /// Its storage key in the space that is read.
    pub(crate) storage_key: Bytes,
    /// Its key attributes: the table's, and the index's if one is read.
    pub(crate) key: AttributeMap,
}

impl Reading {
    fn space(&self) -> SpaceId {
        if self.index.is_some() { self.table.index_entries() } else { self.table.items() }
    }

    /// Whether there is capacity for a page.
    pub(crate) fn admit(&self) -> Result<(), Throttled> {
        let index = match &self.index {
            Some(index) if index.kind == IndexKind::Global => index.id,
            _ => TABLE,
        };
        self.table.capacity.admit(UnitKind::Read, index, self.slot)
    }

    /// Begins the range strictly after a storage key, in the reading's direction.
    pub(crate) fn start_after(&mut self, storage_key: Bytes) {
        match self.direction {
            Direction::Ascending => self.range.start = Bound::Excluded(storage_key),
            Direction::Descending => self.range.end = Bound::Excluded(storage_key),
        }
    }

    /// Reads a page from a snapshot.
    pub(crate) async fn page<S: Snapshot>(&self, snapshot: &S, limits: PageLimits) -> Result<Page> {
        if self.fetches { self.fetch_page(snapshot, limits).await } else { self.walk(snapshot, limits).await }
    }

    async fn walk<S: Snapshot>(&self, snapshot: &S, limits: PageLimits) -> Result<Page> {
        let reader = Reader {
            filter: self.filter.clone(),
            wanted: self.wanted.clone(),
            limits,
            table: self.table.key_schema().clone(),
            page: Page::default(),
            last: None,
            undecodable: Undecodable::default(),
        };
        let reader = snapshot.scan(self.space(), self.range.clone(), self.direction, reader).await?;
        reader.undecodable.report(&self.table, "left out of the answer to a read");
        let mut page = reader.page;
        page.last = reader.last.map(|(storage_key, stored)| self.last_evaluated(storage_key, &stored));
        Ok(page)
    }

    /// Walks a local index, evaluates its entries, and fetches their items from the table.
    async fn fetch_page<S: Snapshot>(&self, snapshot: &S, limits: PageLimits) -> Result<Page> {
        let entries = Self { filter: None, wanted: Wanted::Everything, ..self.clone() };
        // Every entry may pass the filter.
        let evaluated_max = limits.evaluated_max.min(limits.returned_max);
        let walked = entries.walk(snapshot, PageLimits { evaluated_max, returned_max: usize::MAX }).await?;
        let schema = self.table.key_schema();
        let mut keys = Vec::with_capacity(walked.items.len());
        let mut passed = Vec::with_capacity(walked.items.len());
        for entry in walked.items {
            // An entry that has no key of an item, which no entry lacks that decodes, leads to none.
            let Ok(entry) = entry.into_attributes(&mut DecodeBudget::item()) else { continue };
            let Ok(key) = schema.key_of_item(&entry) else { continue };
            passed.push(self.filter.as_ref().is_none_or(|filter| filter.evaluate(&entry)));
            keys.push(RecordKey::new(self.table.items(), key.storage_key()));
        }
        let mut page = Page {
            scanned_count: walked.scanned_count,
            scanned_bytes: walked.scanned_bytes,
            last: walked.last,
            ..Page::default()
        };
        let mut undecodable = Undecodable::default();
        let found = snapshot.get_many(keys.clone()).await?;
        for ((key, passed), record) in keys.iter().zip(passed).zip(found) {
            let Some(stored) = record.map(StoredItem::read) else { continue };
            page.fetched_bytes.push(stored.size());
            if passed && let Err(error) = page.take(&stored, None, &self.wanted) {
                undecodable.note(&key.key, error);
            }
        }
        undecodable.report(&self.table, "left out of the answer to a read");
        Ok(page)
    }

    fn last_evaluated(&self, storage_key: Bytes, stored: &StoredItem) -> LastEvaluated {
        let item = stored.attributes().unwrap_or_else(|_| stored.salvaged());
        let table = self.table.key_schema();
        let key = match &self.index {
            Some(index) => index_position(table, &index.key_schema, &item),
            None => table
                .attributes()
                .filter_map(|attribute| Some((attribute.name.clone(), item.get(&attribute.name)?.clone())))
                .collect(),
        };
        LastEvaluated { storage_key, key }
    }
}

impl Page {
    /// Takes what is wanted of an item, if it passes the filter.
    fn take(
        &mut self,
        stored: &StoredItem,
        filter: Option<&Condition>,
        wanted: &Wanted,
    ) -> Result<(), StoredItemError> {
        // Decoded only if an expression has to look into it.
        let decoded = match (filter, wanted) {
            (None, Wanted::Everything | Wanted::Count) => None,
            _ => Some(stored.attributes()?),
        };
        let passes = match (filter, &decoded) {
            (Some(filter), Some(item)) => filter.evaluate(item),
            _ => true,
        };
        if passes {
            match (wanted, &decoded) {
                (Wanted::Count, Some(_)) => {}
                (Wanted::Count, None) => drop(stored.item()?),
                (Wanted::Parts(projection), Some(item)) => self.items.push(projection.apply(item).into()),
                (Wanted::Everything | Wanted::Parts(_), _) => self.items.push(stored.item()?),
            }
            self.count += 1;
        }
        Ok(())
    }
}

/// Evaluates records as a scan finds them.
struct Reader {
    filter: Option<Arc<Condition>>,
    wanted: Wanted,
    limits: PageLimits,
    /// The table's key.
    table: KeySchema,
    page: Page,
    /// The record that a limit was reached with.
    last: Option<(Bytes, StoredItem)>,
    undecodable: Undecodable,
}

impl Visit for Reader {
    fn visit(&mut self, key: &[u8], record: Bytes) -> ControlFlow<()> {
        let stored = StoredItem::read(record);
        if let Err(error) = self.page.take(&stored, self.filter.as_deref(), &self.wanted) {
            self.undecodable.note(key, error);
            // A page cannot end with a record of which it is not known what its key is.
            if self.table.key_of_item(&stored.salvaged()).is_err() {
                return ControlFlow::Continue(());
            }
        }
        let page = &mut self.page;
        page.scanned_count += 1;
        page.scanned_bytes += stored.size();
        let ended = page.scanned_count >= self.limits.evaluated_max
            || page.count >= self.limits.returned_max
            || page.scanned_bytes >= PAGE_BYTES_MAX;
        if ended {
            self.last = Some((Bytes::copy_from_slice(key), stored));
            return ControlFlow::Break(());
        }
        ControlFlow::Continue(())
    }
}
