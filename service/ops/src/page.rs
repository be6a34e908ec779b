//! Reading a page of a table or an index: what Query, Scan and their streaming forms have in common (semantics 8).

use crate::capacity::TABLE;
use crate::catalog::Table;
use crate::undecodable::Undecodable;
use crate::{Result, Throttled, UnitKind};
use bytes::Bytes;
use cairn_expression::{Condition, Projection};
use cairn_model::{
    AttributeMap, IndexKind, IndexSchema, Item, KeySchema, StoredItem, StoredItemError, index_position,
};
use cairn_storage::{Direction, KeyRange, RecordKey, Snapshot, SpaceId, Visit};
use std::ops::{Bound, ControlFlow};
use std::sync::Arc;

/// Bytes of items evaluated after which a page ends, as DynamoDB counts them.
pub(crate) const PAGE_BYTES_MAX: usize = 1024 * 1024;
/// Bytes that the items of a page take in a gRPC message, unless the first alone takes more. Clients of gRPC accept 4 MiB
/// unless they are told otherwise; what is left is for keys, names and costs. A page meets this bound before
/// [`PAGE_BYTES_MAX`] only if its items take several times more bytes than DynamoDB counts (an empty string in a list
/// counts 1 and takes 4, the number 1E-130 counts 3 and takes 138), or if they are fetched for a local index. It holds
/// for every protocol, so that pages are the same over each.
pub(crate) const PAGE_ENCODED_BYTES_MAX: usize = 4 * 1024 * 1024 - 64 * 1024;
/// Items fetched for the entries of a local index at a time.
const FETCHED_MAX: usize = 25;

/// How records that cannot be read are treated, for the log.
const LEFT_OUT: &str = "left out of the answer to a read";

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
    /// The bytes that the items take in a gRPC message.
    encoded_bytes: usize,
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
            previous_key: Vec::new(),
            previous: None,
            last: None,
            undecodable: Undecodable::default(),
        };
        let reader = snapshot.scan(self.space(), self.range.clone(), self.direction, reader).await?;
        reader.undecodable.report(&self.table, LEFT_OUT);
        let mut page = reader.page;
        page.last = reader.last.map(|(storage_key, stored)| self.last_evaluated(storage_key, &stored));
        Ok(page)
    }

    /// Walks a local index, evaluates its entries, and fetches their items from the table. The page ends early at an item
    /// that does not fit into the answer: what is fetched has other sizes than the entries that were walked.
    async fn fetch_page<S: Snapshot>(&self, snapshot: &S, limits: PageLimits) -> Result<Page> {
        // Every entry may pass the filter.
        let evaluated_max = limits.evaluated_max.min(limits.returned_max);
        let table = self.table.key_schema().clone();
        let reader = EntryReader {
            evaluated_max,
            table,
            entries: Vec::new(),
            bytes: 0,
            is_full: false,
            undecodable: Undecodable::default(),
        };
        let reader = snapshot.scan(self.space(), self.range.clone(), self.direction, reader).await?;
        let mut undecodable = reader.undecodable;
        let mut page = Page::default();
        let mut last: Option<(Bytes, Entry)> = None;
        let mut is_full = reader.is_full;
        let mut entries = reader.entries.into_iter();
        'page: loop {
            let now: Vec<_> = entries.by_ref().take(FETCHED_MAX).collect();
            if now.is_empty() {
                break;
            }
            let keys = now.iter().map(|(_, entry)| RecordKey::new(self.table.items(), entry.item.clone()));
            for (entry, record) in now.iter().zip(snapshot.get_many(keys.collect()).await?) {
                if let Some(record) = record {
                    let stored = StoredItem::read(record);
                    let passes =
                        self.filter.as_ref().is_none_or(|filter| filter.evaluate(&entry.1.attributes));
                    let evaluated = match Evaluated::of(&stored, None, &self.wanted) {
                        Ok(evaluated) if passes => evaluated,
                        Ok(_) => Evaluated::Discarded,
                        Err(error) => {
                            undecodable.note(&entry.1.item, error);
                            Evaluated::Discarded
                        }
                    };
                    if !page.take(evaluated) {
                        is_full = true;
                        break 'page;
                    }
                    page.fetched_bytes.push(stored.size());
                }
                page.scanned_count += 1;
                page.scanned_bytes += entry.1.stored.size();
                last = Some(entry.clone());
            }
        }
        if let Some((storage_key, entry)) = last.filter(|_| is_full) {
            page.last = Some(self.last_evaluated(storage_key, &entry.stored));
        }
        undecodable.report(&self.table, LEFT_OUT);
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

/// What a page makes of an item.
enum Evaluated {
    /// The filter discards it.
    Discarded,
    /// It passes, and only counts are wanted.
    Counted,
    /// It passes, and this is wanted of it.
    Returned(Item),
}

impl Evaluated {
    fn of(stored: &StoredItem, filter: Option<&Condition>, wanted: &Wanted) -> Result<Self, StoredItemError> {
        // Decoded only if an expression has to look into it.
        let decoded = match (filter, wanted) {
            (None, Wanted::Everything | Wanted::Count) => None,
            _ => Some(stored.attributes()?),
        };
        let passes = match (filter, &decoded) {
            (Some(filter), Some(item)) => filter.evaluate(item),
            _ => true,
        };
        Ok(match (wanted, &decoded) {
            _ if !passes => Self::Discarded,
            (Wanted::Count, Some(_)) => Self::Counted,
            (Wanted::Count, None) => stored.item().map(|_| Self::Counted)?,
            (Wanted::Parts(projection), Some(item)) => Self::Returned(projection.apply(item).into()),
            (Wanted::Everything | Wanted::Parts(_), _) => Self::Returned(stored.item()?),
        })
    }
}

impl Page {
    /// Takes an item in, unless the answer has no room for it. The first one is always taken, so that every page gets
    /// on. Answers whether it was taken.
    fn take(&mut self, evaluated: Evaluated) -> bool {
        match evaluated {
            Evaluated::Discarded => {}
            Evaluated::Counted => self.count += 1,
            Evaluated::Returned(item) => {
                let bytes = item.element_len();
                if !self.items.is_empty() && self.encoded_bytes + bytes > PAGE_ENCODED_BYTES_MAX {
                    return false;
                }
                self.encoded_bytes += bytes;
                self.count += 1;
                self.items.push(item);
            }
        }
        true
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
    /// The storage key of `previous`, in a buffer that is used again.
    previous_key: Vec<u8>,
    /// The record that was evaluated last, while the next may find no room.
    previous: Option<StoredItem>,
    /// The record that the page ends with, if a limit was reached.
    last: Option<(Bytes, StoredItem)>,
    undecodable: Undecodable,
}

/// An entry of an index, and where its item is.
#[derive(Clone)]
struct Entry {
    stored: StoredItem,
    attributes: Arc<AttributeMap>,
    /// The item's storage key.
    item: Bytes,
}

/// Collects entries of an index as a scan finds them.
struct EntryReader {
    evaluated_max: usize,
    /// The table's key.
    table: KeySchema,
    /// Storage keys and entries.
    entries: Vec<(Bytes, Entry)>,
    /// Their size, as DynamoDB counts it.
    bytes: usize,
    /// Whether a limit was reached.
    is_full: bool,
    undecodable: Undecodable,
}

impl Visit for EntryReader {
    fn visit(&mut self, key: &[u8], record: Bytes) -> ControlFlow<()> {
        let stored = StoredItem::read(record);
        let attributes = match stored.attributes() {
            Ok(attributes) => Arc::new(attributes),
            Err(error) => {
                self.undecodable.note(key, error);
                return ControlFlow::Continue(());
            }
        };
        // An entry holds the key of its item.
        let Ok(primary) = self.table.key_of_item(&attributes) else { return ControlFlow::Continue(()) };
        self.bytes += stored.size();
        let entry = Entry { stored, attributes, item: primary.storage_key() };
        self.entries.push((Bytes::copy_from_slice(key), entry));
        self.is_full = self.entries.len() >= self.evaluated_max || self.bytes >= PAGE_BYTES_MAX;
        if self.is_full { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    }
}

impl Visit for Reader {
    fn visit(&mut self, key: &[u8], record: Bytes) -> ControlFlow<()> {
        let stored = StoredItem::read(record);
        let evaluated = match Evaluated::of(&stored, self.filter.as_deref(), &self.wanted) {
            Ok(evaluated) => evaluated,
            Err(error) => {
                self.undecodable.note(key, error);
                // A page cannot end with a record of which it is not known what its key is.
                if self.table.key_of_item(&stored.salvaged()).is_err() {
                    return ControlFlow::Continue(());
                }
                Evaluated::Discarded
            }
        };
        let page = &mut self.page;
        if !page.take(evaluated) {
            let previous_key = Bytes::from(std::mem::take(&mut self.previous_key));
            self.last = self.previous.take().map(|previous| (previous_key, previous));
            return ControlFlow::Break(());
        }
        page.scanned_count += 1;
        page.scanned_bytes += stored.size();
        let ended = page.scanned_count >= self.limits.evaluated_max
            || page.count >= self.limits.returned_max
            || page.scanned_bytes >= PAGE_BYTES_MAX;
        if ended {
            self.last = Some((Bytes::copy_from_slice(key), stored));
            return ControlFlow::Break(());
        }
        // Only a page that returns something can have no room for the next item.
        if !page.items.is_empty() {
            self.previous_key.clear();
            self.previous_key.extend_from_slice(key);
            self.previous = Some(stored);
        }
        ControlFlow::Continue(())
    }
}
