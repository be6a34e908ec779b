//! A budget of memory, in bytes, that the requests and answers under way share.
//!
//! A limit on the number of calls does not bound memory: a call may bring 16 MB and be answered with as much, and a
//! reader may take its answer as slowly as it likes. So a call reserves what a large request or answer takes before it
//! takes it, waits a bounded time if there is no room, and is refused then. What it holds goes back when the last byte
//! of its answer has left the process.
//!
//! The transport gives each request a [`CallBytes`] in its extensions; the protocols reserve from it. Counted are bytes
//! as they are on the wire, or decompressed; what is decoded from them for a moment may take several times as much.
//! Small requests and answers ([`SMALL_BYTES_MAX`]) are not counted: the limit on calls bounds them.

use cairn_ops::OperationKind;
use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;
use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore};
use tokio::time::Instant;

/// What a request or an answer may take without being counted, in bytes.
pub const SMALL_BYTES_MAX: usize = 16 * 1024;
/// The smallest budget, in bytes: one call with the largest request, decompressed, and the largest answer.
pub const BUDGET_BYTES_MIN: u64 = 64 * MIB as u64;

/// How long a whole request may take to arrive.
pub const REQUEST_TIME_MAX: Duration = Duration::from_secs(60);

/// How long a large answer may lie there untaken while others wait for room.
const STALLED: Duration = Duration::from_secs(30);

const KIB: usize = 1024;
const MIB: usize = 1024 * KIB;

/// Why a call is not taken on. Nothing was done, and trying again soon is right.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Overload {
    /// As many calls are under way as are allowed.
    #[error("The service is unavailable: too many calls are under way")]
    Calls,
    /// As many calls are under way of the caller's address as are allowed of one.
    #[error("The service is unavailable: too many calls of this address are under way")]
    CallsOfAddress,
    /// The budget of bytes is used up, and remained so while the call waited.
    #[error("The service is unavailable: too many bytes of requests and answers are under way")]
    Bytes,
}

/// The budget. Clones share it.
#[derive(Clone, Debug)]
pub struct ByteBudget {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    /// A permit is a KiB; none is an unlimited budget.
    permits: Option<Arc<Semaphore>>,
    kib: u32,
    wait: Duration,
    begun: Instant,
    /// The calls with a large answer on its way.
    answering: Mutex<HashMap<u64, Weak<CallHolding>>>,
    calls: AtomicU64,
}

/// What one call holds of the budget. Clones are of the same call; the last one gives everything back.
#[derive(Clone, Debug)]
pub struct CallBytes {
    call: Arc<CallHolding>,
}

#[derive(Debug)]
struct CallHolding {
    budget: Arc<Shared>,
    id: u64,
    held: Mutex<Held>,
    /// When a part of the answer was taken last, in milliseconds since the budget was made.
    taken_at: AtomicU64,
    /// Closes the call's connection.
    close: Option<Arc<Notify>>,
}

#[derive(Debug, Default)]
struct Held {
    permit: Option<OwnedSemaphorePermit>,
    /// What is held to the call's end, in KiB.
    floor: u32,
    /// Whether the answer is on its way, and is large.
    is_answering: bool,
}

impl ByteBudget {
    /// A budget of so many bytes, at least [`BUDGET_BYTES_MIN`], in which a call waits at most so long for room.
    pub fn new(bytes: u64, wait: Duration) -> Self {
        let kib = u32::try_from(bytes.max(BUDGET_BYTES_MIN) / KIB as u64).unwrap_or(u32::MAX);
        Self::of(Some(Arc::new(Semaphore::new(kib as usize))), kib, wait)
    }

    /// A budget without a limit.
    pub fn unlimited() -> Self {
        Self::of(None, u32::MAX, Duration::ZERO)
    }

    fn of(permits: Option<Arc<Semaphore>>, kib: u32, wait: Duration) -> Self {
        let (answering, calls) = (Mutex::default(), AtomicU64::new(0));
        Self { shared: Arc::new(Shared { permits, kib, wait, begun: Instant::now(), answering, calls }) }
    }

    /// A call, which holds nothing yet. `close` is notified if the connection that the call came on has to be closed,
    /// because nobody takes a large answer on it while others wait for room.
    pub fn call(&self, close: Option<Arc<Notify>>) -> CallBytes {
        let call = CallHolding {
            budget: self.shared.clone(),
            id: self.shared.calls.fetch_add(1, Ordering::Relaxed),
            held: Mutex::default(),
            taken_at: AtomicU64::new(0),
            close,
        };
        CallBytes { call: Arc::new(call) }
    }

    /// The bytes that nobody holds.
    pub fn available_bytes(&self) -> u64 {
        self.shared.permits.as_ref().map_or(u64::MAX, |permits| (permits.available_permits() * KIB) as u64)
    }
}

impl Shared {
    fn now(&self) -> u64 {
        u64::try_from(self.begun.elapsed().as_millis()).unwrap_or(u64::MAX)
    }

    /// Has the connections closed on which a large answer has not been taken for long.
    fn close_stalled(&self) {
        let stalled = self.now().checked_sub(u64::try_from(STALLED.as_millis()).unwrap_or(u64::MAX));
        let Some(stalled) = stalled else { return };
        let calls: Vec<_> = lock(&self.answering).values().filter_map(Weak::upgrade).collect();
        for call in calls {
            if call.taken_at.load(Ordering::Relaxed) <= stalled
                && let Some(close) = &call.close
            {
                tracing::warn!(
                    "a connection is closed: an answer on it is not read, and others need the memory"
                );
                close.notify_one();
            }
        }
    }
}

impl Drop for CallHolding {
    fn drop(&mut self) {
        let held = self.held.get_mut().unwrap_or_else(PoisonError::into_inner);
        if held.is_answering {
            lock(&self.budget.answering).remove(&self.id);
        }
    }
}

impl CallBytes {
    /// The call of a request with these extensions; one without a limit if the transport gave it none.
    pub fn of(extensions: &http::Extensions) -> Self {
        extensions.get::<Self>().cloned().unwrap_or_else(|| ByteBudget::unlimited().call(None))
    }

    /// Takes so many bytes more, if they are worth counting. Waits for them as long as the budget says.
    ///
    /// # Errors
    /// If there are none by then. Nothing was taken.
    pub async fn reserve(&self, bytes: usize) -> Result<(), Overload> {
        if bytes <= SMALL_BYTES_MAX {
            return Ok(());
        }
        self.reserve_kib(kib(bytes)).await
    }

    /// Takes what the answer to an operation may have at most. A stream's is held until the stream ends.
    ///
    /// # Errors
    /// As [`reserve`](Self::reserve).
    pub async fn reserve_answer(&self, operation: OperationKind) -> Result<(), Overload> {
        let bytes = answer_bytes_max(operation);
        self.reserve(bytes).await?;
        if matches!(operation, OperationKind::StreamQuery | OperationKind::StreamScan) {
            self.held().floor = kib(bytes);
        }
        Ok(())
    }

    /// Holds so many bytes from now on, instead of what was reserved: the request has been done with, and the answer is
    /// there. If more are needed than were reserved, as many as are to be had are taken without waiting: the work has
    /// been done, and refusing the answer now would not undo it.
    pub fn settle(&self, bytes: usize) {
        let mut held = self.held();
        if bytes > SMALL_BYTES_MAX && !held.is_answering {
            held.is_answering = true;
            self.taken();
            lock(&self.call.budget.answering).insert(self.call.id, Arc::downgrade(&self.call));
        }
        let wanted = if bytes <= SMALL_BYTES_MAX { 0 } else { kib(bytes) };
        let wanted = wanted.max(held.floor).min(self.call.budget.kib) as usize;
        let now = held.permit.as_ref().map_or(0, OwnedSemaphorePermit::num_permits);
        if wanted == 0 {
            held.permit = None;
        } else if wanted < now {
            drop(held.permit.as_mut().and_then(|permit| permit.split(now - wanted)));
        } else if let Some(permits) = &self.call.budget.permits {
            let more = (wanted - now).min(permits.available_permits());
            let more = u32::try_from(more).unwrap_or(u32::MAX);
            if let Ok(more) = permits.clone().try_acquire_many_owned(more) {
                merge(&mut held, more);
            }
        }
    }

    /// Notes that a part of the answer was taken just now.
    pub fn taken(&self) {
        self.call.taken_at.store(self.call.budget.now(), Ordering::Relaxed);
    }

    async fn reserve_kib(&self, kib: u32) -> Result<(), Overload> {
        let budget = &self.call.budget;
        let Some(permits) = &budget.permits else { return Ok(()) };
        // One call never waits for itself: all that it holds and asks for is at most the whole.
        let now = self.held().permit.as_ref().map_or(0, OwnedSemaphorePermit::num_permits);
        let kib = kib.min(budget.kib.saturating_sub(u32::try_from(now).unwrap_or(u32::MAX)));
        let more = match permits.clone().try_acquire_many_owned(kib) {
            Ok(more) => more,
            Err(_) => {
                let more = permits.clone().acquire_many_owned(kib);
                // The semaphore is never closed.
                let more = tokio::time::timeout(budget.wait, more).await.ok().and_then(Result::ok);
                more.ok_or_else(|| {
                    budget.close_stalled();
                    Overload::Bytes
                })?
            }
        };
        merge(&mut self.held(), more);
        Ok(())
    }

    fn held(&self) -> MutexGuard<'_, Held> {
        lock(&self.call.held)
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // Nothing that holds one of these locks panics half way.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn merge(held: &mut Held, more: OwnedSemaphorePermit) {
    match &mut held.permit {
        Some(permit) => permit.merge(more),
        None => held.permit = Some(more),
    }
}

fn kib(bytes: usize) -> u32 {
    u32::try_from(bytes.div_ceil(KIB)).unwrap_or(u32::MAX)
}

/// The most that an answer takes, in bytes. For a stream: what it holds at a time, a part on its way out and the next one.
/// Writes answer with an item only if they are asked to; what that takes is taken when it is there.
fn answer_bytes_max(operation: OperationKind) -> usize {
    match operation {
        OperationKind::BatchGetItem => 16 * MIB,
        OperationKind::TransactGetItems => 4 * MIB,
        OperationKind::Query
        | OperationKind::Scan
        | OperationKind::StreamQuery
        | OperationKind::StreamScan => 2 * MIB,
        OperationKind::GetItem => 512 * KIB,
        _ => SMALL_BYTES_MAX,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const WAIT: Duration = Duration::from_secs(5);

    fn budget() -> ByteBudget {
        ByteBudget::new(BUDGET_BYTES_MIN, WAIT)
    }

    #[tokio::test(start_paused = true)]
    async fn a_call_waits_for_room_and_is_refused_when_there_is_none() {
        let budget = budget();
        let first = budget.call(None);
        first.reserve(BUDGET_BYTES_MIN as usize).await.unwrap();
        assert_eq!(budget.available_bytes(), 0);
        let second = budget.call(None);
        let began = tokio::time::Instant::now();
        assert_eq!(second.reserve(MIB).await, Err(Overload::Bytes));
        assert_eq!(began.elapsed(), WAIT);
        // Small ones do not wait.
        second.reserve(SMALL_BYTES_MAX).await.unwrap();
        let (reserved, ()) = tokio::join!(second.reserve(MIB), async { drop(first) });
        reserved.unwrap();
        assert_eq!(budget.available_bytes(), BUDGET_BYTES_MIN - MIB as u64);
        drop(second);
        assert_eq!(budget.available_bytes(), BUDGET_BYTES_MIN);
    }

    #[tokio::test]
    async fn an_answer_holds_what_it_is_and_a_stream_what_it_may_need() {
        let budget = budget();
        let used = || BUDGET_BYTES_MIN - budget.available_bytes();
        let call = budget.call(None);
        call.reserve(3 * MIB).await.unwrap();
        call.reserve_answer(OperationKind::BatchGetItem).await.unwrap();
        assert_eq!(used(), 19 * MIB as u64);
        call.settle(5 * MIB);
        assert_eq!(used(), 5 * MIB as u64);
        call.settle(7 * MIB);
        assert_eq!(used(), 7 * MIB as u64);
        call.settle(10);
        assert_eq!(used(), 0);

        let stream = budget.call(None);
        stream.reserve_answer(OperationKind::StreamScan).await.unwrap();
        stream.settle(10);
        assert_eq!(used(), 2 * MIB as u64);
        drop((call, stream));
        assert_eq!(used(), 0);
    }

    #[tokio::test(start_paused = true)]
    async fn an_answer_that_nobody_takes_gives_way_to_those_who_wait() {
        let budget = budget();
        let (parked, moving) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
        let answers = [budget.call(Some(parked.clone())), budget.call(Some(moving.clone()))];
        for answer in &answers {
            answer.reserve(BUDGET_BYTES_MIN as usize / 2).await.unwrap();
            answer.settle(BUDGET_BYTES_MIN as usize / 2);
        }
        // For a while, readers may be slow.
        let waiting = budget.call(None);
        assert_eq!(waiting.reserve(MIB).await, Err(Overload::Bytes));
        tokio::time::sleep(STALLED).await;
        answers[1].taken();
        assert_eq!(waiting.reserve(MIB).await, Err(Overload::Bytes));
        parked.notified().await;
        let spared = tokio::time::timeout(STALLED, moving.notified()).await;
        spared.unwrap_err();
    }

    #[tokio::test]
    async fn a_call_larger_than_the_budget_has_all_of_it() {
        let budget = budget();
        let call = budget.call(None);
        call.reserve(32 * MIB).await.unwrap();
        call.reserve(48 * MIB).await.unwrap();
        assert_eq!(budget.available_bytes(), 0);
        // What cannot be had is not waited for once the work is done.
        let second = budget.call(None);
        second.settle(MIB);
        drop(call);
        assert_eq!(budget.available_bytes(), BUDGET_BYTES_MIN);
    }
}
