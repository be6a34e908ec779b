//! Deleting what has expired: a task beside the calls, which ends with its service (semantics 14).
//!
//! A sweep reads what is due of every table with time to live, a page at a time and a table after another, and deletes each
//! page in one transaction that declares the table's record and the items, and looks at them again. So an item that was
//! changed to live longer stays, whoever else sweeps the same store, and a sweep that is broken off has deleted whole
//! items with their index entries or nothing of them.

use crate::Result;
use crate::catalog::{Catalog, FillProgress, Table, TimeToLiveStage, table_key};
use crate::expiry::{due_range, expiry_second, is_due, item_key};
use crate::item_collection::{collection_key, resize};
use crate::item_write::{Change, item_writes};
use crate::service::Clock;
use crate::undecodable::Undecodable;
use bytes::Bytes;
use cairn_model::StoredItem;
use cairn_storage::{Consistency, Decision, Direction, Engine, RecordKey, Snapshot, Visit, Write};
use futures::FutureExt;
use jiff::Timestamp;
use std::collections::HashMap;
use std::ops::ControlFlow;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;
use tokio::task::AbortHandle;

/// Items deleted in one commit.
const EXPIRED_ITEMS: usize = 64;

/// What sweeping takes.
pub(crate) struct Sweeper<E: Engine> {
    pub(crate) engine: E,
    pub(crate) catalog: Catalog<E>,
    pub(crate) clock: Clock,
    pub(crate) item_collection_bytes_max: u64,
}

/// The task that sweeps. It ends when this is dropped, or the store closes.
pub(crate) struct SweepTask {
    task: AbortHandle,
    /// How many sweeps have ended.
    pub(crate) sweeps: watch::Receiver<u64>,
}

impl Drop for SweepTask {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// A sweep panicked. What it said may hold item data and is left out.
#[derive(Debug, thiserror::Error)]
#[error("the sweep for expired items panicked")]
struct SweepPanicked;

/// A table that is swept.
struct Swept {
    table: Arc<Table>,
    /// The last record that was looked at.
    after: Option<Bytes>,
}

impl<E: Engine> Sweeper<E> {
    /// Sweeps every `interval`, from one interval on.
    pub(crate) fn spawn(self, interval: Duration) -> SweepTask {
        let (ended, sweeps) = watch::channel(0);
        let task = tokio::spawn(async move {
            loop {
                tokio::time::sleep(interval).await;
                let swept = AssertUnwindSafe(self.sweep()).catch_unwind().await;
                match swept.unwrap_or_else(|_| Err(crate::Error::internal(SweepPanicked))) {
                    Ok(0) => {}
                    Ok(items) => tracing::debug!(items, "expired items were deleted"),
                    Err(crate::Error::Unavailable { source: Some(cairn_storage::Error::Closed), .. }) => {
                        break;
                    }
                    Err(error) => tracing::warn!(
                        error = &error as &dyn std::error::Error,
                        "expired items were not all deleted; the next sweep goes on"
                    ),
                }
                ended.send_modify(|ended| *ended += 1);
            }
        });
        SweepTask { task: task.abort_handle(), sweeps }
    }

    /// Deletes what has expired by now, and says how many items that were. Tables have their turns page by page, so that
    /// one with much to delete does not keep the others waiting; nor does one that cannot be swept.
    ///
    /// # Errors
    /// The last of those of tables that were not swept to their end.
    pub(crate) async fn sweep(&self) -> Result<u64> {
        let now = (self.clock)();
        let snapshot = self.engine.snapshot(Consistency::Strong).await?;
        let mut tables = self.catalog.tables(&snapshot).await?;
        tables.retain(|table| expires(table));
        let mut tables: Vec<_> = tables.into_iter().map(|table| Swept { table, after: None }).collect();
        drop(snapshot);
        let (mut deleted, mut failed) = (0, None);
        while !tables.is_empty() {
            let mut unfinished = Vec::new();
            for mut swept in tables {
                match self.sweep_page(&mut swept, now).await {
                    Ok((items, more)) => {
                        deleted += items;
                        unfinished.extend(more.then_some(swept));
                    }
                    Err(error) => failed = Some(error),
                }
            }
            tables = unfinished;
        }
        failed.map_or(Ok(deleted), Err)
    }

    /// Deletes the next page of a table's expired items. Says how many they were, and whether there may be more.
    async fn sweep_page(&self, swept: &mut Swept, now: Timestamp) -> Result<(u64, bool)> {
        let table = &swept.table;
        let snapshot = self.engine.snapshot(Consistency::Strong).await?;
        let range = due_range(now, swept.after.clone());
        let page =
            snapshot.scan(table.index_entries(), range, Direction::Ascending, DuePage::default()).await;
        let page = match page {
            // The table was deleted.
            Err(cairn_storage::Error::SpaceNotFound(_)) => return Ok((0, false)),
            page => page?,
        };
        let keys: Vec<_> = page
            .0
            .iter()
            .filter_map(|key| item_key(key))
            .map(|key| RecordKey::new(table.items(), key))
            .collect();
        let more = keys.len() == EXPIRED_ITEMS;
        if keys.is_empty() {
            return Ok((0, false));
        }
        swept.after = page.0.last().cloned();
        let found = match snapshot.get_many(keys.clone()).await {
            Err(cairn_storage::Error::SpaceNotFound(_)) => return Ok((0, false)),
            found => found?,
        };
        drop(snapshot);
        let mut due = Vec::new();
        let mut undecodable = Undecodable::default();
        for (key, record) in keys.into_iter().zip(found) {
            let Some(record) = record else { continue };
            let item = undecodable.attributes(&key.key, &StoredItem::read(record));
            // One item that has no key any more is no reason to keep all others.
            if let Ok(primary) = table.key_schema().key_of_item(&item) {
                due.push((key, collection_key(table, &primary.partition)));
            }
        }
        undecodable.report(table, "deleted if what can be read of them has expired, and otherwise left");
        match self.expire(table.clone(), due, now).await? {
            Some(items) => Ok((items, more)),
            // Swept as it is now, next time.
            None => Ok((0, false)),
        }
    }

    /// Deletes those of the items that have expired, as they are by then, and says how many that were. None if the table
    /// has changed.
    async fn expire(
        &self,
        table: Arc<Table>,
        due: Vec<(RecordKey, Option<RecordKey>)>,
        now: Timestamp,
    ) -> Result<Option<u64>> {
        let mut collections: Vec<RecordKey> = Vec::new();
        for key in due.iter().filter_map(|(_, collection)| collection.as_ref()) {
            if !collections.contains(key) {
                collections.push(key.clone());
            }
        }
        let mut declared = vec![table_key(&table.definition.name)];
        declared.extend(due.iter().map(|(key, _)| key.clone()));
        declared.extend(collections.iter().cloned());
        declared.extend(table.declared_fill_key());
        let bytes_max = self.item_collection_bytes_max;
        let expired = self
            .engine
            .transact(declared, move |records| {
                let Some((definition, records)) = records.split_first() else {
                    return Decision::unchanged(Ok(None));
                };
                if !table.is(definition.as_ref()) {
                    return Decision::unchanged(Ok(None));
                }
                let (items, sizes) = records.split_at_checked(due.len()).unwrap_or((records, &[]));
                let filling = sizes.get(collections.len()).and_then(Option::as_ref);
                let decided = expire_all(&table, &due, items, filling, now).and_then(|mut expired| {
                    for (key, size) in collections.iter().zip(sizes) {
                        let delta = expired.collections.get(key).copied().unwrap_or(0);
                        let (write, _) = resize(&table, key, size.as_ref(), delta, bytes_max)?;
                        expired.writes.extend(write);
                    }
                    Ok(expired)
                });
                match decided {
                    Ok(expired) => Decision { writes: expired.writes, outcome: Ok(Some(expired.items)) },
                    Err(error) => Decision::unchanged(Err(error)),
                }
            })
            .await;
        match expired {
            Err(cairn_storage::Error::SpaceNotFound(_)) => Ok(None),
            expired => expired?,
        }
    }
}

/// Whether what is due of a table is to be deleted.
fn expires(table: &Table) -> bool {
    table.definition.time_to_live.as_ref().is_some_and(|it| it.stage == TimeToLiveStage::Enabled)
}

/// What deleting expired items comes to.
#[derive(Default)]
struct Expired {
    items: u64,
    writes: Vec<Write>,
    /// By how many bytes their collections grow.
    collections: HashMap<RecordKey, i64>,
}

fn expire_all(
    table: &Table,
    due: &[(RecordKey, Option<RecordKey>)],
    records: &[Option<Bytes>],
    filling: Option<&Bytes>,
    now: Timestamp,
) -> Result<Expired> {
    let filling = FillProgress::read(filling)?;
    let mut expired = Expired::default();
    let Some(attribute) = table.definition.expiry_attribute() else { return Ok(expired) };
    for ((key, collection), record) in due.iter().zip(records) {
        let Some(record) = record else { continue };
        let item = StoredItem::read(record.clone());
        let attributes = item.attributes().unwrap_or_else(|_| item.salvaged());
        // It may have been changed to live on since it was found.
        if !expiry_second(attribute, &attributes).is_some_and(|second| is_due(second, now)) {
            continue;
        }
        let change = item_writes(table, key, Some(&item), &Change::Expire, &filling)?;
        expired.items += 1;
        expired.writes.extend(change.writes);
        if let Some(collection) = collection {
            *expired.collections.entry(collection.clone()).or_default() += change.collection_bytes;
        }
    }
    Ok(expired)
}

/// The keys of a page of the records of what is due.
#[derive(Default)]
struct DuePage(Vec<Bytes>);

impl Visit for DuePage {
    fn visit(&mut self, key: &[u8], _: Bytes) -> ControlFlow<()> {
        self.0.push(Bytes::copy_from_slice(key));
        if self.0.len() < EXPIRED_ITEMS { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
    }
}
