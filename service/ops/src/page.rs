//! Reading a page of a table or an index: what Query, Scan and their streaming forms have in common (semantics 8).

use crate::capacity::TABLE;
use crate::catalog::Table;
use crate::{Error, Result, Throttled, UnitKind};
use bytes::Bytes;
use cairn_expression::{Condition, Projection};
use cairn_model::{
    AttributeMap, DecodeBudget, IndexKind, IndexSchema, Item, StoredItem, StoredItemError, index_position,
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
            page: Page::default(),
            last: None,
            failed: None,
        };
        let reader = snapshot.scan(self.space(), self.range.clone(), self.direction, reader).await?;
        if let Some(error) = reader.failed {
            return Err(error.into());
        }
        let mut page = reader.page;
        page.last =
            reader.last.map(|(storage_key, stored)| self.last_evaluated(storage_key, &stored)).transpose()?;
        Ok(page)
    }

    /// Walks a local index, fetches its items from the table, and evaluates those.
    async fn fetch_page<S: Snapshot>(&self, snapshot: &S, limits: PageLimits) -> Result<Page> {
        let entries = Self { filter: None, wanted: Wanted::Everything, ..self.clone() };
        // Every entry may pass the filter.
        let evaluated_max = limits.evaluated_max.min(limits.returned_max);
        let walked = entries.walk(snapshot, PageLimits { evaluated_max, returned_max: usize::MAX }).await?;
        let schema = self.table.key_schema();
        let mut keys = Vec::with_capacity(walked.items.len());
        for entry in walked.items {
            let entry = entry.into_attributes(&mut DecodeBudget::item()).map_err(Error::internal)?;
            let key = schema.key_of_item(&entry).map_err(Error::internal)?;
            keys.push(RecordKey::new(self.table.items(), key.storage_key()));
        }
        let mut page = Page {
            scanned_count: walked.scanned_count,
            scanned_bytes: walked.scanned_bytes,
            last: walked.last,
            ..Page::default()
        };
        for record in snapshot.get_many(keys).await?.into_iter().flatten() {
            let stored = StoredItem::read(record)?;
            page.fetched_bytes.push(stored.size());
            page.take(&stored, self.filter.as_deref(), &self.wanted)?;
        }
        Ok(page)
    }

    fn last_evaluated(&self, storage_key: Bytes, stored: &StoredItem) -> Result<LastEvaluated> {
        let item = stored.attributes()?;
        let table = self.table.key_schema();
        let key = match &self.index {
            Some(index) => index_position(table, &index.key_schema, &item),
            None => table
                .attributes()
                .filter_map(|attribute| Some((attribute.name.clone(), item.get(&attribute.name)?.clone())))
                .collect(),
        };
        Ok(LastEvaluated { storage_key, key })
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
            self.count += 1;
            match (wanted, &decoded) {
                (Wanted::Count, _) => {}
                (Wanted::Parts(projection), Some(item)) => self.items.push(projection.apply(item).into()),
                (Wanted::Everything | Wanted::Parts(_), _) => self.items.push(stored.clone().into_item()),
            }
        }
        Ok(())
    }
}

/// Evaluates records as a scan finds them.
struct Reader {
    filter: Option<Arc<Condition>>,
    wanted: Wanted,
    limits: PageLimits,
    page: Page,
    /// The record that a limit was reached with.
    last: Option<(Bytes, StoredItem)>,
    failed: Option<StoredItemError>,
}

impl Visit for Reader {
    fn visit(&mut self, key: &[u8], record: Bytes) -> ControlFlow<()> {
        match self.evaluate(key, record) {
            Ok(flow) => flow,
            Err(error) => {
                self.failed = Some(error);
                ControlFlow::Break(())
            }
        }
    }
}

impl Reader {
    fn evaluate(&mut self, key: &[u8], record: Bytes) -> Result<ControlFlow<()>, StoredItemError> {
        let stored = StoredItem::read(record)?;
        let page = &mut self.page;
        page.scanned_count += 1;
        page.scanned_bytes += stored.size();
        page.take(&stored, self.filter.as_deref(), &self.wanted)?;
        let ended = page.scanned_count >= self.limits.evaluated_max
            || page.count >= self.limits.returned_max
            || page.scanned_bytes >= PAGE_BYTES_MAX;
        if ended {
            self.last = Some((Bytes::copy_from_slice(key), stored));
            return Ok(ControlFlow::Break(()));
        }
        Ok(ControlFlow::Continue(()))
    }
}
