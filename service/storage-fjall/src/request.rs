//! A transaction on its way from its caller to the committer and back.
//!
//! The committer is not generic, so what it needs of a transaction's types (run the decision again, answer, hand the
//! decision back) is behind [`Job`].

use bytes::Bytes;
use cairn_storage::{Decision, Error, RecordKey, Result, Write};
use std::panic::{AssertUnwindSafe, catch_unwind};
use tokio::sync::{OwnedSemaphorePermit, oneshot};

/// A transaction waiting to be committed.
pub(crate) struct Request {
    /// The declared keys.
    pub(crate) keys: Vec<RecordKey>,
    /// What was found at them, in their order, in the view of commit `seen`.
    pub(crate) found: Vec<Option<Bytes>>,
    pub(crate) seen: u64,
    /// What was decided on that.
    pub(crate) writes: Vec<Write>,
    /// How often it has been sent back because `seen` was too long ago.
    pub(crate) times_returned: u32,
    /// Its size, as `size_bytes` counts it.
    pub(crate) bytes: usize,
    pub(crate) job: Box<dyn Job>,
    /// Its place in the queue, given back once it is answered.
    pub(crate) place: OwnedSemaphorePermit,
}

/// What the committer can do with a transaction.
pub(crate) trait Job: Send {
    /// Decides again, on newer records.
    fn decide(&mut self, found: &[Option<Bytes>]) -> Result<Vec<Write>>;
    /// Gives the caller the outcome of the last decision, or the reason why there is none.
    fn answer(self: Box<Self>, result: Result<()>);
    /// Hands the transaction back to its caller, to read again.
    fn give_back(self: Box<Self>, keys: Vec<RecordKey>);
}

/// What a caller hears.
pub(crate) enum Reply<T, D> {
    Answer(Result<T>),
    ReadAgain { decide: D, keys: Vec<RecordKey> },
}

/// The one job there is.
pub(crate) struct Task<T, D> {
    pub(crate) decide: D,
    pub(crate) outcome: T,
    pub(crate) reply: oneshot::Sender<Reply<T, D>>,
}

impl<T, D> Job for Task<T, D>
where
    T: Send,
    D: FnMut(&[Option<Bytes>]) -> Decision<T> + Send,
{
    fn decide(&mut self, found: &[Option<Bytes>]) -> Result<Vec<Write>> {
        let decision = run(&mut self.decide, found)?;
        self.outcome = decision.outcome;
        Ok(decision.writes)
    }

    fn answer(self: Box<Self>, result: Result<()>) {
        let Self { outcome, reply, .. } = *self;
        // A caller that went away takes no answer.
        let _ = reply.send(Reply::Answer(result.map(|()| outcome)));
    }

    fn give_back(self: Box<Self>, keys: Vec<RecordKey>) {
        let Self { decide, reply, .. } = *self;
        let _ = reply.send(Reply::ReadAgain { decide, keys });
    }
}

/// Runs a decision; one that panics is an error for its caller and for nobody else.
pub(crate) fn run<T, D>(decide: &mut D, found: &[Option<Bytes>]) -> Result<Decision<T>>
where
    D: FnMut(&[Option<Bytes>]) -> Decision<T>,
{
    // Nothing of a decision that panicked is used again, so it may be left in any state.
    catch_unwind(AssertUnwindSafe(|| decide(found)))
        .map_err(|_| Error::backend("deciding a transaction", DecisionPanicked))
}

/// The decision's code has a bug.
#[derive(Debug, thiserror::Error)]
#[error("the decision panicked; nothing was written")]
struct DecisionPanicked;

/// What a transaction asks of the queue, in bytes.
pub(crate) fn size_bytes(keys: &[RecordKey], found: &[Option<Bytes>], writes: &[Write]) -> usize {
    let keys: usize = keys.iter().map(|key| key.key.len()).sum();
    let found: usize = found.iter().flatten().map(Bytes::len).sum();
    keys + found + writes_bytes(writes)
}

/// The bytes a transaction writes.
pub(crate) fn writes_bytes(writes: &[Write]) -> usize {
    writes
        .iter()
        .map(|write| match write {
            Write::Put(key, value) => key.key.len() + value.len(),
            Write::Delete(key) => key.key.len(),
            Write::Add(..) => size_of::<Write>(),
        })
        .sum()
}
