//! The engine's handle: what callers do with a store.

use crate::committer::Message;
use crate::monitor;
use crate::open;
use crate::options::FjallOptions;
use crate::request::{self, Reply, Request, Task};
use crate::shared::Shared;
use crate::view::{FjallSnapshot, Spaces};
use bytes::Bytes;
use cairn_storage::{
    Consistency, Decision, Engine, EngineStatistics, Error, RecordKey, Result, SpaceId, Write,
};
use crossbeam_channel::Sender;
use parking_lot::Mutex;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::thread::JoinHandle;
use tokio::sync::{oneshot, watch};

/// An embedded store on disk. See the crate's documentation.
///
/// [`close`](Engine::close) shuts it down. Dropping the last handle closes the store too, and holds its thread until
/// that is done: milliseconds, or as long as a flush under way takes.
#[derive(Clone)]
pub struct FjallEngine {
    pub(crate) handle: Arc<Handle>,
}

/// What is shared by the clones of an engine. The threads hold [`Shared`] instead, so this goes with the last clone.
pub(crate) struct Handle {
    pub(crate) shared: Arc<Shared>,
    pub(crate) committer: Sender<Message>,
    pub(crate) monitor: Sender<monitor::Message>,
    /// The committer's thread, which ends when everything is closed.
    pub(crate) thread: Mutex<Option<JoinHandle<()>>>,
    /// Becomes true when the files are let go.
    pub(crate) closed: watch::Receiver<bool>,
}

impl FjallEngine {
    /// Opens the store in `options.directory`, creating it if there is none.
    ///
    /// Blocks for as long as recovery takes (a few milliseconds for each megabyte of journal), so async code should
    /// call it in `tokio::task::spawn_blocking`. The engine's futures need a Tokio runtime, of either flavour, with
    /// its timer enabled; opening does not.
    ///
    /// # Errors
    /// [`Error::Locked`] if the store is open already, in this process or another;
    /// [`NewerFormat`](Error::NewerFormat) if a newer version wrote it; [`Damaged`](Error::Damaged) if it does not
    /// hold what was acknowledged, in which case nothing in it was changed; [`Io`](Error::Io) and
    /// [`Backend`](Error::Backend), also for settings that cannot work.
    pub fn open(options: FjallOptions) -> Result<Self> {
        open::open(&options).map(|handle| Self { handle: Arc::new(handle) })
    }

    async fn ask(&self, message: impl FnOnce(oneshot::Sender<Result<()>>) -> Message) -> Result<()> {
        let shared = &self.handle.shared;
        shared.health.check_open()?;
        let (reply, answer) = oneshot::channel();
        self.send(message(reply))?;
        answer.await.map_err(|_| shared.health.why_unanswered())?
    }

    fn send(&self, message: Message) -> Result<()> {
        self.handle.committer.send(message).map_err(|_| self.handle.shared.health.why_unanswered())
    }
}

impl std::fmt::Debug for FjallEngine {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let sequence = self.handle.shared.view.load().sequence;
        f.debug_struct("FjallEngine").field("last_commit", &sequence).finish_non_exhaustive()
    }
}

impl Engine for FjallEngine {
    type Snapshot = FjallSnapshot;

    async fn snapshot(&self, _consistency: Consistency) -> Result<FjallSnapshot> {
        // The published view holds every acknowledged commit, and taking it costs nothing: there is no cheaper one.
        self.handle.shared.open_view().map(|view| FjallSnapshot { view })
    }

    async fn transact<T, D>(&self, mut keys: Vec<RecordKey>, mut decide: D) -> Result<T>
    where
        T: Send + 'static,
        D: FnMut(&[Option<Bytes>]) -> Decision<T> + Send + 'static,
    {
        let shared = &self.handle.shared;
        let mut times_returned = 0;
        loop {
            let view = shared.open_view()?;
            let found = view.get_many(&keys).await?;
            let Decision { writes, outcome } = request::run(&mut decide, &found)?;
            if writes.is_empty() {
                return Ok(outcome);
            }
            shared.health.check_writable()?;
            let bytes = request::size_bytes(&keys, &found, &writes);
            let (seen, spaces) = (view.sequence, Arc::clone(&view.spaces));
            // A view keeps old versions in memory, and memory may be what the wait is for.
            drop(view);
            let place = shared.admission.enter(bytes, || any_space_is_behind(&spaces, &writes)).await?;
            let (reply, answer) = oneshot::channel();
            let job = Box::new(Task { decide, outcome, reply });
            self.send(Message::Transact(Request {
                keys,
                found,
                seen,
                writes,
                times_returned,
                bytes,
                job,
                place,
            }))?;
            match answer.await {
                Ok(Reply::Answer(answer)) => return answer,
                Ok(Reply::ReadAgain { decide: given_back, keys: given_back_keys }) => {
                    decide = given_back;
                    keys = given_back_keys;
                    times_returned += 1;
                }
                Err(_) => return Err(shared.health.why_unanswered()),
            }
        }
    }

    async fn create_space(&self, space: SpaceId) -> Result<()> {
        self.ask(|reply| Message::Create(space, reply)).await
    }

    async fn drop_space(&self, space: SpaceId) -> Result<()> {
        self.ask(|reply| Message::Drop(space, reply)).await
    }

    async fn spaces(&self) -> Result<Vec<SpaceId>> {
        Ok(self.handle.shared.open_view()?.spaces.keys().copied().collect())
    }

    async fn statistics(&self) -> Result<EngineStatistics> {
        self.handle.shared.health.check_open()?;
        let (reply, answer) = oneshot::channel();
        self.handle.monitor.send(monitor::Message::Statistics(reply)).map_err(|_| Error::Closed)?;
        answer.await.map_err(|_| Error::Closed)
    }

    async fn close(&self) -> Result<()> {
        self.handle.begin_close();
        let mut closed = self.handle.closed.clone();
        // An error means that the thread ended without saying so, which leaves nothing to wait for.
        let _ = closed.wait_for(|closed| *closed).await;
        Ok(())
    }
}

/// Whether a transaction writes to a space whose flushes or compactions cannot keep up.
fn any_space_is_behind(spaces: &Spaces, writes: &[Write]) -> bool {
    writes.iter().any(|write| {
        let (Write::Put(RecordKey { space, .. }, _) | Write::Delete(RecordKey { space, .. })) = write else {
            return false;
        };
        spaces.get(space).is_some_and(|space| space.behind.load(Ordering::Relaxed))
    })
}

impl Handle {
    fn begin_close(&self) {
        if self.shared.health.close() {
            // Behind everything that was accepted.
            let _ = self.committer.send(Message::Close);
        }
    }
}

impl Drop for Handle {
    /// Closes the engine and waits for that, so that its files are free when the last handle is gone.
    fn drop(&mut self) {
        self.begin_close();
        let Some(thread) = self.thread.lock().take() else { return };
        // A decision may hold the last handle, and decisions run on the committer's thread too.
        if thread.thread().id() != std::thread::current().id() {
            let _ = thread.join();
        }
    }
}

#[cfg(test)]
mod tests;
