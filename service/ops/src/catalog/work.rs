//! Work on tables that goes on beside the calls: in steps that can be done again, each tried again if it fails, until
//! there is nothing left to do or the work is given up and what it began is undone.

use super::{Catalog, Table};
use crate::{Error, Result};
use cairn_storage::Engine;
use futures::FutureExt;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;
use tokio::task::JoinHandle;

/// How long to wait before a step that failed is tried again, at first and at most.
const RETRY_FIRST: Duration = Duration::from_millis(50);
const RETRY_MOST: Duration = Duration::from_secs(10);

/// How often a step is tried that fails for a reason which may pass or may not: for about a minute.
const ATTEMPTS_MAX: u32 = 14;

/// How long a call waits for work that it began. The work goes on after that.
const WORK_WAIT_MAX: Duration = Duration::from_secs(10);

/// A kind of work on a table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Work {
    /// Create it.
    Create,
    /// Remove it.
    Delete,
    /// Have an index created or removed, whichever it is marked for.
    Index(u16),
    /// Have time to live turned on or off, whichever it is marked for.
    TimeToLive,
}

/// What a step came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// There may be more to do.
    Again,
    /// There is nothing left to do.
    Done,
}

/// How long work is tried.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Patience {
    /// Until it fails once: a caller waits, who can try again.
    None,
    /// For as long as it can succeed.
    Full,
}

/// What a failure means for what was tried.
enum Failure {
    /// Nothing can be done any more before the store is opened again.
    End,
    /// It may succeed later.
    Transient,
    /// It may succeed later or may not.
    Unclear,
    /// It will not succeed.
    Final,
}

/// A step panicked. What it said may hold item data and is left out.
#[derive(Debug, thiserror::Error)]
#[error("a step of a table's change panicked")]
struct StepPanicked;

fn judge(error: &Error) -> Failure {
    use cairn_storage::Error as Storage;
    match error {
        Error::Unavailable { source: Some(Storage::Closed), .. } => Failure::End,
        Error::Unavailable { .. } => Failure::Transient,
        Error::Internal { source } => match source.downcast_ref() {
            Some(Storage::ReadOnly { .. }) => Failure::End,
            _ => Failure::Unclear,
        },
        _ => Failure::Final,
    }
}

impl<E: Engine> Catalog<E> {
    /// Does work on a table in the background until it is done, and says at the end what it failed for, if it did and
    /// what it began had to be undone. Failures that can pass are waited out, with growing pauses; removals are never
    /// given up, as there is nothing else that could be done.
    pub(super) fn spawn_work(
        &self,
        table: Arc<Table>,
        work: Work,
        patience: Patience,
    ) -> JoinHandle<Result<()>> {
        let catalog = self.clone();
        self.spawn_counted(async move { catalog.work(&table, work, patience).await })
    }

    async fn work(&self, table: &Arc<Table>, mut work: Work, mut patience: Patience) -> Result<()> {
        let (mut attempts, mut pause, mut given_up) = (0, RETRY_FIRST, None);
        loop {
            let step = AssertUnwindSafe(self.step(table, work)).catch_unwind().await;
            let error = match step.unwrap_or_else(|_| Err(Error::internal(StepPanicked))) {
                Ok(Step::Done) => return given_up.map_or(Ok(()), Err),
                Ok(Step::Again) => {
                    (attempts, pause) = (0, RETRY_FIRST);
                    continue;
                }
                Err(error) => error,
            };
            attempts += 1;
            let is_over = match judge(&error) {
                Failure::End => return Err(given_up.unwrap_or(error)),
                Failure::Transient => patience == Patience::None,
                Failure::Unclear => patience == Patience::None || attempts >= ATTEMPTS_MAX,
                Failure::Final => true,
            };
            let undoing = if is_over { self.undo(table, work, &error).await } else { Ok(None) };
            if let Ok(Some(next)) = undoing {
                tracing::error!(
                    table = %table.definition.name,
                    number = table.definition.number,
                    ?work,
                    error = &error as &dyn std::error::Error,
                    "a change of a table failed and is undone"
                );
                (work, patience, attempts, pause) = (next, Patience::Full, 0, RETRY_FIRST);
                given_up = Some(error);
                continue;
            }
            tracing::warn!(
                table = %table.definition.name,
                number = table.definition.number,
                ?work,
                attempts,
                error = &error as &dyn std::error::Error,
                "a change of a table failed and is tried again"
            );
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(RETRY_MOST);
        }
    }

    async fn step(&self, table: &Arc<Table>, work: Work) -> Result<Step> {
        match work {
            Work::Create => self.create_step(table).await,
            Work::Delete => self.delete_step(table).await,
            Work::Index(id) => self.index_step(table, id).await,
            Work::TimeToLive => self.time_to_live_step(table).await,
        }
    }

    /// Marks what work began for removal, and says what is to be done then; nothing if there is nothing to undo.
    async fn undo(&self, table: &Arc<Table>, work: Work, error: &Error) -> Result<Option<Work>> {
        match work {
            Work::Create => self.undo_create(table).await,
            Work::Delete => Ok(None),
            Work::Index(id) => self.undo_index(table, id, error).await,
            Work::TimeToLive => self.undo_time_to_live(table, error).await,
        }
    }

    /// Waits for work, for as long as a call should.
    ///
    /// # Errors
    /// Why it was undone.
    pub(crate) async fn await_work(&self, work: JoinHandle<Result<()>>) -> Result<()> {
        match tokio::time::timeout(WORK_WAIT_MAX, work).await {
            Ok(done) => done.map_err(Error::internal)?,
            // It goes on.
            Err(_) => Ok(()),
        }
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

    /// A task of its own, which counts among the changes under way until it ends, however it ends.
    pub(super) fn spawn_counted<T: Send + 'static>(
        &self,
        work: impl Future<Output = T> + Send + 'static,
    ) -> JoinHandle<T> {
        let counted = Counted::new(self.changing.clone());
        tokio::spawn(async move {
            let done = work.await;
            drop(counted);
            done
        })
    }
}

/// One of the changes under way, until it is dropped.
struct Counted(Arc<watch::Sender<usize>>);

impl Counted {
    fn new(changing: Arc<watch::Sender<usize>>) -> Self {
        changing.send_modify(|count| *count += 1);
        Self(changing)
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.send_modify(|count| *count -= 1);
    }
}
