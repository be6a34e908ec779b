//! Creating, changing and deleting tables: a definition that says what is to be, then the spaces, then the definition
//! that says it is. Each step can be done again, so a crash between two of them is taken up at the next start.
//!
//! A call does all of its steps before it answers: they take milliseconds, so a table can be used as soon as its creator
//! hears of it, and what fails is told to whoever asked and leaves nothing behind. A table can be deleted at any time. A
//! space that is created for a table which is being deleted is dropped by whoever created it; one that a crash left
//! without a table is dropped at the next start.

use super::work::{Patience, Step, Work};
use super::{Catalog, Definition, Table, next_number_key, record, table_key};
use crate::{Error, Result};
use bytes::{BufMut, Bytes, BytesMut};
use cairn_model::{TableName, TableStatus};
use cairn_storage::{Consistency, Decision, Engine, Snapshot, SpaceId, Write};
use std::collections::HashSet;
use std::sync::Arc;
use tokio::task::JoinHandle;

/// Spaces that a table can have: one for its items, and one for the entries of its indexes and its times of expiry.
pub(crate) const SPACES_PER_TABLE: usize = 2;

/// A table that was changed.
pub(crate) struct Changed {
    /// The table.
    pub(crate) table: Arc<Table>,
    /// Its definition as the change is described: with what is under way.
    pub(crate) shown: Definition,
    /// The creation or removal of an index, which goes on.
    pub(crate) work: Option<JoinHandle<Result<()>>>,
}

impl<E: Engine> Catalog<E> {
    /// Creates a table. Answers with it as it was entered, as CREATING; by then it is ACTIVE, unless the store is very
    /// slow. `definition.number` is given here.
    ///
    /// # Errors
    /// A name that is taken, too many tables, or what the store fails for; then there is no table.
    pub(crate) async fn create(&self, definition: Definition) -> Result<Arc<Table>> {
        let entering = self.carry_out(async |catalog| {
            let table = catalog.enter_table(definition).await?;
            let creating = catalog.spawn_work(table.clone(), Work::Create, Patience::None);
            Ok((table, creating))
        });
        let (table, creating) = entering.await?;
        self.await_work(creating).await?;
        Ok(table)
    }

    /// Enters a table as CREATING. The spaces that it may need count as taken from then on: the store has room for those
    /// of as many tables as there may be.
    async fn enter_table(&self, mut definition: Definition) -> Result<Arc<Table>> {
        let name = definition.name.clone();
        definition.status = TableStatus::Creating;
        let (table_key, numbers_key) = (table_key(&name), next_number_key());
        let keys = vec![table_key.clone(), numbers_key.clone()];
        let tables_max = self.tables_max;
        let entered = self
            .engine
            .transact(keys, move |records| {
                let decided = match records {
                    [None, numbers] => enter(&mut definition, Numbers::read(numbers.as_ref()), tables_max),
                    _ => Err(Error::TableAlreadyExists { table: definition.name.to_string() }),
                };
                match decided {
                    Ok((record, numbers)) => Decision {
                        writes: vec![
                            Write::Put(table_key.clone(), record.clone()),
                            Write::Put(numbers_key.clone(), numbers.encode()),
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

    /// Changes a table. `change` says what it becomes and how it is described while that is under way, and what goes on
    /// after this call: the creation or removal of the index that it names.
    pub(super) async fn update(
        &self,
        name: &TableName,
        mut change: impl FnMut(Definition) -> Result<(Definition, Definition, Option<u16>)> + Send + 'static,
    ) -> Result<Changed> {
        let name = name.clone();
        self.carry_out(async move |catalog| {
            let change = move |before| {
                let (mut after, shown, index) = change(before)?;
                after.settle();
                Ok((after, (shown, index)))
            };
            let (table, (shown, index)) = catalog.change_with_index_space(&name, change).await?;
            let work = index.map(|id| catalog.spawn_work(table.clone(), Work::Index(id), Patience::Full));
            Ok(Changed { table, shown, work })
        })
        .await
    }

    /// Changes a table in one commit, before which it is given its index space if it needs one for the first time.
    pub(super) async fn change_with_index_space<T: Send + 'static>(
        &self,
        name: &TableName,
        mut change: impl FnMut(Definition) -> Result<(Definition, T)> + Send + 'static,
    ) -> Result<(Arc<Table>, T)> {
        let snapshot = self.engine.snapshot(Consistency::Strong).await?;
        let before = self.find(&snapshot, name).await?.ok_or_else(|| Error::no_such_table(name.as_str()))?;
        drop(snapshot);
        let (after, _) = change(before.definition.clone())?;
        let number = before.definition.number;
        let has_space = before.definition.needs_index_space();
        if after.needs_index_space() && !has_space {
            self.engine.create_space(before.index_entries()).await?;
        }
        let gone = Error::no_such_table(name.as_str());
        let mut gone = Some(gone);
        let missing = name.to_string();
        let changed = self
            .change(name, move |definition| {
                // Another table of the name since, which the space is not for.
                if definition.number != number {
                    return Err(gone.take().unwrap_or_else(|| Error::no_such_table(&missing)));
                }
                change(definition)
            })
            .await;
        if changed.is_err() && !has_space {
            self.drop_space_if_gone(&before).await?;
        }
        changed
    }

    /// Drops the index space of a table that is gone or going: it may have been created since its deletion began.
    async fn drop_space_if_gone(&self, table: &Table) -> Result<()> {
        let snapshot = self.engine.snapshot(Consistency::Strong).await?;
        let found = self.find(&snapshot, &table.definition.name).await?;
        let is_there = found.is_some_and(|found| found.definition.is_still(table.definition.number));
        if is_there { Ok(()) } else { Ok(self.engine.drop_space(table.index_entries()).await?) }
    }

    /// Marks a table DELETING and has it removed. `check` may refuse. Answers with the table as it was marked; by then it
    /// is gone, unless the store is very slow.
    pub(super) async fn delete(
        &self,
        name: &TableName,
        mut check: impl FnMut(&Definition) -> Result<()> + Send + 'static,
    ) -> Result<Arc<Table>> {
        let name = name.clone();
        let marking = self.carry_out(async move |catalog| {
            let marking = catalog.change(&name, move |mut definition| {
                check(&definition)?;
                definition.status = TableStatus::Deleting;
                Ok((definition, ()))
            });
            let (table, ()) = marking.await?;
            // Again, where it is under way: that is no error, and either may be the one that ends.
            let removing = catalog.spawn_work(table.clone(), Work::Delete, Patience::Full);
            Ok((table, removing))
        });
        let (table, removing) = marking.await?;
        self.await_work(removing).await?;
        Ok(table)
    }

    /// Takes up what an earlier run left half done.
    pub(super) async fn resume(&self) -> Result<()> {
        // Before the tables: the space of a table that is entered after this is not among them.
        let spaces = self.engine.spaces().await?;
        self.count_tables().await?;
        let snapshot = self.engine.snapshot(Consistency::Strong).await?;
        let mut numbers = HashSet::new();
        for table in self.tables(&snapshot).await? {
            numbers.insert(table.definition.number);
            match table.definition.status {
                TableStatus::Creating => self.resume_work(table, Work::Create),
                TableStatus::Deleting => self.resume_work(table, Work::Delete),
                TableStatus::Updating | TableStatus::Active => self.resume_changes(table).await?,
            }
        }
        for space in spaces {
            let (SpaceId::Items(number) | SpaceId::Indexes(number)) = space else { continue };
            if !numbers.contains(&number) {
                tracing::warn!(%space, "a space is dropped whose table is gone");
                self.engine.drop_space(space).await?;
            }
        }
        Ok(())
    }

    fn resume_work(&self, table: Arc<Table>, work: Work) {
        // The task goes on by itself.
        drop(self.spawn_work(table, work, Patience::Full));
    }

    /// Takes up what is under way of a table that is in use.
    async fn resume_changes(&self, table: Arc<Table>) -> Result<()> {
        if table.definition.status == TableStatus::Updating && !table.definition.awaits_index_space() {
            let number = table.definition.number;
            let settling = self.change(&table.definition.name, move |mut definition| {
                if definition.number == number && definition.status == TableStatus::Updating {
                    definition.settle();
                }
                Ok((definition, ()))
            });
            settling.await?;
        }
        for index in table.definition.indexes.iter().filter(|index| index.is_changing()) {
            self.resume_work(table.clone(), Work::Index(index.schema.id));
        }
        if table.definition.time_to_live.as_ref().is_some_and(|it| it.stage.is_changing()) {
            self.resume_work(table.clone(), Work::TimeToLive);
        }
        Ok(())
    }

    /// Verifies the number of tables: a store of an earlier version has none.
    async fn count_tables(&self) -> Result<()> {
        loop {
            let snapshot = self.engine.snapshot(Consistency::Strong).await?;
            let found = snapshot.get(&next_number_key()).await?;
            let tables = self.list(&snapshot, None, usize::MAX).await?.len() as u64;
            let before = Numbers::read(found.as_ref());
            if before.tables == tables {
                return Ok(());
            }
            let counted = Numbers { tables, ..before }.encode();
            let counting = self.engine.transact(vec![next_number_key()], move |records| {
                // A table has come or gone since it was counted.
                if records.first() != Some(&found) {
                    return Decision::unchanged(());
                }
                Decision { writes: vec![Write::Put(next_number_key(), counted.clone())], outcome: () }
            });
            counting.await?;
        }
    }

    /// Creates a table's spaces, and makes it ACTIVE that is CREATING.
    pub(super) async fn create_step(&self, table: &Arc<Table>) -> Result<Step> {
        if self.current(table).await?.is_none() {
            self.drop_spaces(table).await?;
            return Ok(Step::Done);
        }
        self.engine.create_space(table.items()).await?;
        if table.definition.needs_index_space() {
            self.engine.create_space(table.index_entries()).await?;
        }
        let number = table.definition.number;
        let activating = self.change(&table.definition.name, move |mut definition| {
            let is_there = definition.is_still(number);
            if is_there && definition.status == TableStatus::Creating {
                definition.activate();
            }
            Ok((definition, is_there))
        });
        match activating.await {
            Ok((_, true)) => {}
            // Deleted meanwhile, perhaps before its spaces were there.
            Ok((_, false)) | Err(Error::ResourceNotFound { .. }) => self.drop_spaces(table).await?,
            Err(error) => return Err(error),
        }
        Ok(Step::Done)
    }

    /// Marks a table that cannot be created for removal.
    pub(super) async fn undo_create(&self, table: &Table) -> Result<Option<Work>> {
        let number = table.definition.number;
        let marking = self.change(&table.definition.name, move |mut definition| {
            if definition.number == number {
                definition.status = TableStatus::Deleting;
            }
            Ok((definition, ()))
        });
        match marking.await {
            Ok(_) | Err(Error::ResourceNotFound { .. }) => Ok(Some(Work::Delete)),
            Err(error) => Err(error),
        }
    }

    /// Drops a table's spaces, and removes its record.
    pub(super) async fn delete_step(&self, table: &Table) -> Result<Step> {
        self.drop_spaces(table).await?;
        let key = table_key(&table.definition.name);
        let number = table.definition.number;
        let written = key.clone();
        self.engine
            .transact(vec![key, next_number_key()], move |records| match records {
                [Some(record), numbers]
                    if record::decode(record).is_ok_and(|found| found.number == number) =>
                {
                    let numbers = Numbers::read(numbers.as_ref()).with_one_less();
                    let writes =
                        vec![Write::Delete(written.clone()), Write::Put(next_number_key(), numbers.encode())];
                    Decision { writes, outcome: () }
                }
                _ => Decision::unchanged(()),
            })
            .await?;
        self.forget(&table.definition.name, number);
        Ok(Step::Done)
    }

    async fn drop_spaces(&self, table: &Table) -> Result<()> {
        self.engine.drop_space(table.items()).await?;
        Ok(self.engine.drop_space(table.index_entries()).await?)
    }
}

/// Gives a table its number, if there may be another table.
fn enter(definition: &mut Definition, numbers: Numbers, tables_max: usize) -> Result<(Bytes, Numbers)> {
    if numbers.tables >= tables_max as u64 {
        return Err(Error::LimitExceeded {
            message: format!("Subscriber limit exceeded: this store holds at most {tables_max} tables"),
        });
    }
    definition.number = numbers.next;
    let after = Numbers { next: numbers.next + 1, tables: numbers.tables + 1 };
    Ok((record::encode(definition)?, after))
}

/// The record of the next table's number, and of how many tables there are.
#[derive(Clone, Copy)]
pub(super) struct Numbers {
    pub(super) next: u64,
    tables: u64,
}

impl Numbers {
    /// What a record says; of a new store that there are none, and the next is 1. Earlier versions did not count them.
    pub(super) fn read(record: Option<&Bytes>) -> Self {
        let number = |at: usize| {
            let bytes = record?.get(at..)?.first_chunk()?;
            Some(u64::from_be_bytes(*bytes))
        };
        Self { next: number(0).unwrap_or(1), tables: number(8).unwrap_or(0) }
    }

    fn with_one_less(self) -> Self {
        Self { tables: self.tables.saturating_sub(1), ..self }
    }

    fn encode(self) -> Bytes {
        let mut record = BytesMut::with_capacity(16);
        record.put_u64(self.next);
        record.put_u64(self.tables);
        record.freeze()
    }
}
