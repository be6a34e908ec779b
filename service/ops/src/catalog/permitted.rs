//! How operations get at their tables: through their permit, and by no definition that permission was not given by.
//!
//! What is known of a table is a guess, which is compared with its record in the snapshot or the transaction that the
//! operation is about. If the guess was wrong, the definition that the store has is put to the policies again, if
//! permission depends on what is different, and the operation begins anew by that one.

use super::lifecycle::Changed;
use super::{Definition, Table, TimeToLive};
use crate::authorization::PermittedTable;
use crate::page::{Page, PageLimits, Reading};
use crate::{Error, Permit, Result, Service};
use bytes::Bytes;
use cairn_storage::{Consistency, Engine, RecordKey, Snapshot};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// How often an operation begins anew because its tables changed meanwhile, before it gives up.
pub(crate) const TABLE_CHANGES_MAX: usize = 16;

/// Items of permitted tables, as they are in one snapshot.
pub(crate) struct ItemsRead<E: Engine, P> {
    /// The tables, in the order in which they were asked for.
    pub(crate) tables: Vec<Arc<Table>>,
    /// What the plan was.
    pub(crate) plan: P,
    /// What there is at the plan's keys.
    pub(crate) records: Vec<Option<Bytes>>,
    /// For reading more of the same moment.
    pub(crate) snapshot: E::Snapshot,
}

impl Permit {
    /// A table in a strong snapshot, whatever its status.
    ///
    /// # Errors
    /// That the call is not permitted by the table as it is.
    pub(crate) async fn find<E: Engine>(
        &self,
        service: &Service<E>,
        snapshot: &E::Snapshot,
        table: &PermittedTable,
    ) -> Result<Option<Arc<Table>>> {
        let found = service.catalog.find(snapshot, &table.reference.name).await?;
        self.confirm(service, table, found.as_ref())?;
        Ok(found)
    }

    /// A table in a strong snapshot, for an operation on its items.
    ///
    /// # Errors
    /// As [`find`](Self::find); and that there is no such table.
    pub(crate) async fn serving<E: Engine>(
        &self,
        service: &Service<E>,
        snapshot: &E::Snapshot,
        table: &PermittedTable,
    ) -> Result<Arc<Table>> {
        let found = self.find(service, snapshot, table).await?.filter(|found| found.serves_items());
        found.ok_or_else(|| Error::no_such_table_for_items(table.reference.name.as_str()))
    }

    /// A table as it is now, for an operation on its items.
    pub(crate) async fn current<E: Engine>(
        &self,
        service: &Service<E>,
        table: &PermittedTable,
    ) -> Result<Arc<Table>> {
        self.serving(service, &service.engine.snapshot(Consistency::Strong).await?, table).await
    }

    /// A table for an operation that will declare its record in a transaction, and compare it: the definition that
    /// permission was given by, or what the store has if there is none.
    pub(crate) async fn expected<E: Engine>(
        &self,
        service: &Service<E>,
        table: &PermittedTable,
    ) -> Result<Arc<Table>> {
        match table.served() {
            Some(table) => Ok(table.clone()),
            None => self.current(service, table).await,
        }
    }

    /// Reads items, and with them the records of their tables, in one turn. `plan` says which items, given the tables; it
    /// may be asked again. Its errors count only if the tables are what it was given. `failed` says what it means that
    /// the store fails to read, given how many keys there were before those of the plan.
    pub(crate) async fn read<E: Engine, P>(
        &self,
        service: &Service<E>,
        asked: &[&PermittedTable],
        consistency: Consistency,
        failed: impl Fn(cairn_storage::Error, usize) -> Error,
        plan: impl Fn(&[Arc<Table>]) -> Result<(P, Vec<RecordKey>)>,
    ) -> Result<ItemsRead<E, P>> {
        let guess: Option<Vec<_>> = asked.iter().map(|table| table.served().cloned()).collect();
        if let Some(tables) = guess {
            let mut keys: Vec<_> = tables.iter().map(|table| table.record_key().clone()).collect();
            let planned = plan(&tables).map(|(plan, items)| {
                keys.extend(items);
                plan
            });
            let snapshot = service.engine.snapshot(consistency).await.map_err(|error| failed(error, 0))?;
            match snapshot.get_many(keys).await {
                Ok(mut found) => {
                    let records = found.split_off(tables.len().min(found.len()));
                    if tables.iter().zip(&found).all(|(table, record)| table.is(record.as_ref())) {
                        return Ok(ItemsRead { tables, plan: planned?, records, snapshot });
                    }
                }
                Err(cairn_storage::Error::SpaceNotFound(_)) => {}
                Err(error) => return Err(failed(error, tables.len())),
            }
        }
        for _ in 0..TABLE_CHANGES_MAX {
            let snapshot =
                service.engine.snapshot(Consistency::Strong).await.map_err(|error| failed(error, 0))?;
            let mut tables = Vec::with_capacity(asked.len());
            for table in asked {
                tables.push(self.serving(service, &snapshot, table).await?);
            }
            let (plan, keys) = plan(&tables)?;
            match snapshot.get_many(keys).await {
                Ok(records) => return Ok(ItemsRead { tables, plan, records, snapshot }),
                // Deleted meanwhile.
                Err(cairn_storage::Error::SpaceNotFound(_)) => {}
                Err(error) => return Err(failed(error, 0)),
            }
        }
        Err(keeps_changing())
    }

    /// Reads a page of a table, and beside it the table's record. `reading` says what the page is of, given the table; it
    /// may be asked again. Its errors count only if the table is what it was given.
    pub(crate) async fn page<E: Engine>(
        &self,
        service: &Service<E>,
        asked: &PermittedTable,
        consistency: Consistency,
        limits: PageLimits,
        reading: impl Fn(Arc<Table>) -> Result<Reading>,
    ) -> Result<(Reading, Page)> {
        if let Some(table) = asked.served() {
            let planned = reading(table.clone());
            let snapshot = service.engine.snapshot(consistency).await?;
            let page = async {
                match &planned {
                    Ok(reading) => Some(reading.page(&snapshot, limits).await),
                    Err(_) => None,
                }
            };
            let (record, page) = futures::future::join(snapshot.get(table.record_key()), page).await;
            if table.is(record?.as_ref()) {
                match (planned?, page) {
                    (reading, Some(Ok(page))) => return Ok((reading, page)),
                    (_, Some(Err(error))) if !is_missing_space(&error) => return Err(error),
                    _ => {}
                }
            }
        }
        for _ in 0..TABLE_CHANGES_MAX {
            let snapshot = service.engine.snapshot(Consistency::Strong).await?;
            let reading = reading(self.serving(service, &snapshot, asked).await?)?;
            match reading.page(&snapshot, limits).await {
                // Deleted meanwhile.
                Err(error) if is_missing_space(&error) => {}
                page => return Ok((reading, page?)),
            }
        }
        Err(keeps_changing())
    }

    /// Changes a table's definition: `change` is given the current one and says what it becomes.
    ///
    /// # Errors
    /// Those of `change`; that there is no such table; that the call is not permitted by the table as it is.
    pub(crate) async fn change<E, T, C>(&self, service: &Service<E>, change: C) -> Result<(Arc<Table>, T)>
    where
        E: Engine,
        T: Send + 'static,
        C: FnMut(Definition) -> Result<(Definition, T)> + Clone + Send + 'static,
    {
        let table = self.table()?;
        let change = |guard: Guard| {
            let mut change = change.clone();
            service.catalog.change(&table.reference.name, move |definition| {
                guard.check(&definition)?;
                change(definition)
            })
        };
        self.guarded(service, table, change).await
    }

    /// Changes a table, as [`Catalog::update`](super::Catalog::update) does.
    ///
    /// # Errors
    /// As [`change`](Self::change).
    pub(crate) async fn update<E, C>(&self, service: &Service<E>, change: C) -> Result<Changed>
    where
        E: Engine,
        C: FnMut(Definition) -> Result<(Definition, Definition, Option<u16>)> + Clone + Send + 'static,
    {
        let table = self.table()?;
        let update = |guard: Guard| {
            let mut change = change.clone();
            service.catalog.update(&table.reference.name, move |definition| {
                guard.check(&definition)?;
                change(definition)
            })
        };
        self.guarded(service, table, update).await
    }

    /// Marks a table DELETING and has it removed. `check` may refuse.
    ///
    /// # Errors
    /// As [`change`](Self::change).
    pub(crate) async fn delete<E, C>(&self, service: &Service<E>, check: C) -> Result<Arc<Table>>
    where
        E: Engine,
        C: FnMut(&Definition) -> Result<()> + Clone + Send + 'static,
    {
        let table = self.table()?;
        let delete = |guard: Guard| {
            let mut check = check.clone();
            service.catalog.delete(&table.reference.name, move |definition| {
                guard.check(definition)?;
                check(definition)
            })
        };
        self.guarded(service, table, delete).await
    }

    /// Turns a table's time to live on or off, as `change` says.
    ///
    /// # Errors
    /// As [`change`](Self::change).
    pub(crate) async fn change_time_to_live<E, C>(&self, service: &Service<E>, change: C) -> Result<()>
    where
        E: Engine,
        C: FnMut(&Definition) -> Result<TimeToLive> + Clone + Send + 'static,
    {
        let table = self.table()?;
        let change = |guard: Guard| {
            let mut change = change.clone();
            service.catalog.change_time_to_live(&table.reference.name, move |definition| {
                guard.check(definition)?;
                change(definition)
            })
        };
        self.guarded(service, table, change).await
    }

    /// Tries to change a table until that is done by a definition that the call is permitted by.
    async fn guarded<E, R, F>(
        &self,
        service: &Service<E>,
        table: &PermittedTable,
        attempt: impl Fn(Guard) -> F,
    ) -> Result<R>
    where
        E: Engine,
        F: Future<Output = Result<R>>,
    {
        let mut judged = table.judged.clone();
        for _ in 0..TABLE_CHANGES_MAX {
            let guard = Guard { judged: judged.clone(), found_another: Arc::default() };
            let error = match attempt(guard.clone()).await {
                Ok(done) => return Ok(done),
                Err(error) => error,
            };
            let found_another = guard.found_another.load(Ordering::Relaxed);
            if !found_another && !matches!(error, Error::ResourceNotFound { .. }) {
                return Err(error);
            }
            let snapshot = service.engine.snapshot(Consistency::Strong).await?;
            let found = self.find(service, &snapshot, table).await?;
            let is_same = match (&judged, &found) {
                (Some(judged), Some(found)) => judged.basis() == found.basis(),
                // That there is none is what was told.
                (_, None) => true,
                (None, Some(_)) => false,
            };
            if is_same && !found_another {
                return Err(error);
            }
            judged = found;
        }
        Err(keeps_changing())
    }
}

impl PermittedTable {
    /// The definition that permission was given by, if the table's items can be read and written.
    fn served(&self) -> Option<&Arc<Table>> {
        self.judged.as_ref().filter(|table| table.serves_items())
    }
}

/// Keeps a change from being decided by a definition that permission was not given by.
#[derive(Clone)]
struct Guard {
    judged: Option<Arc<Table>>,
    found_another: Arc<AtomicBool>,
}

impl Guard {
    /// # Errors
    /// Permission depends on something that is different in the definition. The error is not for the caller.
    fn check(&self, definition: &Definition) -> Result<()> {
        let is_same = self.judged.as_ref().is_some_and(|judged| judged.basis().is_of(definition));
        // The last decision counts.
        self.found_another.store(!is_same, Ordering::Relaxed);
        if is_same { Ok(()) } else { Err(keeps_changing()) }
    }
}

/// Whether a space of the table is not there: it is being made, or was dropped.
pub(crate) fn is_missing_space(error: &Error) -> bool {
    let Error::Internal { source } = error else { return false };
    matches!(source.downcast_ref(), Some(cairn_storage::Error::SpaceNotFound(_)))
}

/// What is told when an operation has begun anew too often.
pub(crate) fn keeps_changing() -> Error {
    Error::Unavailable {
        reason: "the table keeps changing",
        retry_after: Duration::from_millis(100),
        source: None,
    }
}
