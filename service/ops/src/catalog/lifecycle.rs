//! Creating and deleting tables: a definition that says what is to be, then the spaces, then the definition that says
//! it is. Each step can be done again, so a crash between two of them is taken up at the next start.

use super::{Catalog, Definition, Table, next_number_key, record, table_key};
use crate::{Error, Result};
use bytes::Bytes;
use cairn_model::{TableName, TableStatus};
use cairn_storage::{Consistency, Decision, Engine, Write};
use std::sync::Arc;
use std::time::Duration;
use tokio::task::JoinHandle;

/// How long to wait before a step that failed is tried again, at first and at most.
const RETRY_FIRST: Duration = Duration::from_millis(100);
const RETRY_MOST: Duration = Duration::from_secs(10);

impl<E: Engine> Catalog<E> {
    /// Enters a table as CREATING and has it made. `definition.number` is given here.
    pub(crate) async fn create(&self, definition: Definition) -> Result<Arc<Table>> {
        self.carry_out(async |catalog| {
            let table = catalog.enter_table(definition).await?;
            catalog.spawn_create(table.clone());
            Ok(table)
        })
        .await
    }

    /// Enters a table as CREATING.
    async fn enter_table(&self, mut definition: Definition) -> Result<Arc<Table>> {
        let name = definition.name.clone();
        let snapshot = self.engine.snapshot(Consistency::Strong).await?;
        if self.list(&snapshot, None, self.tables_max).await?.len() >= self.tables_max {
            // A name that is taken is answered as such even then.
            if self.find(&snapshot, &name).await?.is_none() {
                return Err(Error::LimitExceeded {
                    message: format!(
                        "Subscriber limit exceeded: this store holds at most {} tables",
                        self.tables_max
                    ),
                });
            }
        }
        definition.status = TableStatus::Creating;
        let keys = vec![table_key(&name), next_number_key()];
        let (table_key, number_key) = (table_key(&name), next_number_key());
        let entered = self
            .engine
            .transact(keys, move |records| {
                if !matches!(records.first(), Some(None)) {
                    return Decision::unchanged(Err(Error::TableAlreadyExists {
                        table: definition.name.to_string(),
                    }));
                }
                let number = next_number(records.get(1));
                definition.number = number;
                match record::encode(&definition) {
                    Ok(record) => Decision {
                        writes: vec![
                            Write::Put(table_key.clone(), record.clone()),
                            Write::Put(
                                number_key.clone(),
                                Bytes::copy_from_slice(&(number + 1).to_be_bytes()),
                            ),
                        ],
                        outcome: Ok(record),
                    },
                    Err(error) => Decision::unchanged(Err(error)),
                }
            })
            .await??;
        // Deleted since, if there is none.
        self.parse(&name, entered)?.ok_or_else(|| Error::no_such_table(name.as_str()))
    }

    /// Changes a table, and has it go back to ACTIVE; and has the index made or removed that the change says it is about.
    pub(super) async fn update(
        &self,
        name: &TableName,
        change: impl FnMut(Definition) -> Result<(Definition, Option<u16>)> + Send + 'static,
    ) -> Result<Arc<Table>> {
        let name = name.clone();
        self.carry_out(async move |catalog| {
            let (table, changed_index) = catalog.change(&name, change).await?;
            catalog.finish_update(&table, changed_index);
            Ok(table)
        })
        .await
    }

    /// Marks a table DELETING and has it removed. `check` may refuse.
    pub(super) async fn delete(
        &self,
        name: &TableName,
        mut check: impl FnMut(&Definition) -> Result<()> + Send + 'static,
    ) -> Result<Arc<Table>> {
        let name = name.clone();
        self.carry_out(async move |catalog| {
            let marking = catalog.change(&name, move |mut definition| {
                check(&definition)?;
                let already = definition.status == TableStatus::Deleting;
                definition.status = TableStatus::Deleting;
                Ok((definition, already))
            });
            let (table, already) = marking.await?;
            if !already {
                catalog.spawn_delete(table.clone());
            }
            Ok(table)
        })
        .await
    }

    /// Takes up tables that an earlier run left CREATING, UPDATING or DELETING.
    pub(super) async fn resume(&self) -> Result<()> {
        let snapshot = self.engine.snapshot(Consistency::Strong).await?;
        for name in self.list(&snapshot, None, usize::MAX).await? {
            let Some(table) = self.find(&snapshot, &name).await? else { continue };
            match table.definition.status {
                TableStatus::Creating => self.spawn_create(table),
                TableStatus::Deleting => self.spawn_delete(table),
                TableStatus::Updating | TableStatus::Active => {
                    self.resume_indexes(&table);
                    self.resume_time_to_live(&table);
                    self.finish_update(&table, None);
                }
            }
        }
        Ok(())
    }

    fn spawn_create(&self, table: Arc<Table>) {
        self.spawn(move |catalog| {
            let table = table.clone();
            async move {
                catalog.engine.create_space(table.items()).await?;
                if !table.definition.indexes.is_empty() {
                    catalog.engine.create_space(table.index_entries()).await?;
                }
                catalog.activate(&table, TableStatus::Creating).await
            }
        });
    }

    /// Has a table that was changed go back to ACTIVE, and the index be made or removed that the change was about.
    fn finish_update(&self, table: &Arc<Table>, index: Option<u16>) {
        if let Some(id) = index {
            self.spawn_index_change(table.clone(), id);
        }
        // A table with an index whose space is not there yet goes back when it is.
        if table.definition.status == TableStatus::Updating && !table.definition.awaits_index_space() {
            self.spawn_activate(table.clone(), TableStatus::Updating);
        }
    }

    /// Makes a table ACTIVE that is `from` and still the same table.
    async fn activate(&self, table: &Table, from: TableStatus) -> Result<()> {
        let number = table.definition.number;
        let activated = self
            .change(&table.definition.name, move |mut definition| {
                if definition.number == number
                    && definition.status == from
                    && (from == TableStatus::Creating || !definition.awaits_index_space())
                {
                    definition.activate(from);
                }
                Ok((definition, ()))
            })
            .await;
        match activated {
            // Deleted meanwhile: nothing is left to do.
            Ok(_) | Err(Error::ResourceNotFound { .. }) => Ok(()),
            Err(error) => Err(error),
        }
    }

    fn spawn_activate(&self, table: Arc<Table>, from: TableStatus) {
        self.spawn(move |catalog| {
            let table = table.clone();
            async move { catalog.activate(&table, from).await }
        });
    }

    fn spawn_delete(&self, table: Arc<Table>) {
        self.spawn(move |catalog| {
            let table = table.clone();
            async move {
                catalog.engine.drop_space(table.items()).await?;
                catalog.engine.drop_space(table.index_entries()).await?;
                catalog.remove(&table).await
            }
        });
    }

    /// Removes the record of a table whose spaces are gone.
    async fn remove(&self, table: &Table) -> Result<()> {
        let key = table_key(&table.definition.name);
        let number = table.definition.number;
        let written = key.clone();
        self.engine
            .transact(vec![key], move |records| match records.first() {
                Some(Some(record)) if record::decode(record).is_ok_and(|found| found.number == number) => {
                    Decision { writes: vec![Write::Delete(written.clone())], outcome: () }
                }
                _ => Decision::unchanged(()),
            })
            .await?;
        self.forget(&table.definition.name, number);
        Ok(())
    }

    /// Carries a change out to its end, whether or not its caller waits for it: what one commit begins, others have to go
    /// on with.
    pub(super) async fn carry_out<T, F, S>(&self, change: F) -> Result<T>
    where
        T: Send + 'static,
        F: FnOnce(Self) -> S,
        S: Future<Output = Result<T>> + Send + 'static,
    {
        self.spawn_counted(change(self.clone())).await.map_err(Error::internal)?
    }

    /// Does `step` in the background until it succeeds or the store closes.
    pub(super) fn spawn<F, S>(&self, step: F)
    where
        F: Fn(Self) -> S + Send + 'static,
        S: Future<Output = Result<()>> + Send,
    {
        let catalog = self.clone();
        self.spawn_counted(async move {
            let mut wait = RETRY_FIRST;
            while let Err(error) = step(catalog.clone()).await {
                if let Error::Unavailable { source: Some(cairn_storage::Error::Closed), .. } = error {
                    break;
                }
                tracing::warn!(
                    error = &error as &dyn std::error::Error,
                    "a table's change failed and is tried again"
                );
                tokio::time::sleep(wait).await;
                wait = (wait * 2).min(RETRY_MOST);
            }
        });
    }

    /// A task of its own, which counts among the changes under way until it ends.
    fn spawn_counted<T: Send + 'static>(
        &self,
        work: impl Future<Output = T> + Send + 'static,
    ) -> JoinHandle<T> {
        let changing = self.changing.clone();
        changing.send_modify(|count| *count += 1);
        tokio::spawn(async move {
            let done = work.await;
            changing.send_modify(|count| *count -= 1);
            done
        })
    }
}

/// The number for the next table: 1 in a new store.
pub(super) fn next_number(record: Option<&Option<Bytes>>) -> u64 {
    record
        .and_then(Option::as_ref)
        .and_then(|record| record.first_chunk())
        .map_or(1, |number| u64::from_be_bytes(*number))
}
