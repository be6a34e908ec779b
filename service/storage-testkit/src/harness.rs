//! What the tests share: running one, and saying in a word what they do to an engine.

use crate::{Store, Subject};
use bytes::Bytes;
use cairn_storage::{
    Consistency, CounterKey, Decision, Direction, Engine, KeyRange, RecordKey, Result, Snapshot, SpaceId,
    Visit, Write,
};
use proptest::strategy::BoxedStrategy;
use proptest::test_runner::{Config as ProptestConfig, TestRunner};
use std::future::Future;
use std::ops::{Bound, ControlFlow};
use std::sync::mpsc;
use std::time::Duration;

/// How long a test may take with the usual number of cases. None takes a tenth of it: whatever is still going then
/// will not end.
const TEST_DURATION_MAX: Duration = Duration::from_secs(300);

/// How many cases a random test tries if `PROPTEST_CASES` does not say. Each may open a store.
const CASES: u32 = 48;

pub(crate) const ITEMS: SpaceId = SpaceId::Items(1);
pub(crate) const INDEXES: SpaceId = SpaceId::Indexes(1);
/// A space no test creates, unless it says so.
pub(crate) const UNKNOWN: SpaceId = SpaceId::Items(404);

/// A record as a scan gives it.
pub(crate) type Record = (Bytes, Bytes);

/// Runs a test on a runtime of its own with several threads. The test fails if it panics, and if it hangs, even if it
/// hangs with every thread of the runtime.
pub fn run(test: impl Future<Output = ()> + Send + 'static) {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(4).enable_all().build().unwrap();
    let (sender, receiver) = mpsc::channel();
    let test = runtime.spawn(test);
    runtime.spawn(async move { sender.send(test.await) });
    let duration_max = TEST_DURATION_MAX * (cases() / CASES).max(1);
    let ended = receiver.recv_timeout(duration_max);
    runtime.shutdown_background();
    match ended {
        Ok(Ok(())) => {}
        Ok(Err(failed)) => std::panic::resume_unwind(failed.into_panic()),
        Err(_) => panic!("the test still runs after {duration_max:?}"),
    }
}

/// Checks `property` for random values of a strategy, each on the runtime that called, and tells of the smallest value
/// that breaks it.
pub(crate) async fn for_all<T, F>(
    strategy: impl FnOnce() -> BoxedStrategy<T> + Send + 'static,
    property: impl Fn(T) -> F + Send + 'static,
) where
    T: std::fmt::Debug + 'static,
    F: Future<Output = ()>,
{
    let config = ProptestConfig {
        cases: cases(),
        failure_persistence: None,
        max_shrink_time: 60_000,
        ..ProptestConfig::default()
    };
    let runtime = tokio::runtime::Handle::current();
    let check = move || {
        let checked = TestRunner::new(config).run(&strategy(), |value| {
            runtime.block_on(property(value));
            Ok(())
        });
        checked.map_err(|error| error.to_string())
    };
    if let Err(broken) = tokio::task::spawn_blocking(check).await.unwrap() {
        panic!("{broken}");
    }
}

/// How many cases a random test tries.
fn cases() -> u32 {
    std::env::var("PROPTEST_CASES").map_or(CASES, |cases| cases.parse().unwrap())
}

/// A fresh store with the spaces [`ITEMS`] and [`INDEXES`], and a handle to it.
pub(crate) async fn store_with_spaces<S: Subject>(subject: &S) -> (S::Store, <S::Store as Store>::Engine) {
    let store = subject.fresh().await;
    let engine = store.engine();
    engine.create_space(ITEMS).await.unwrap();
    engine.create_space(INDEXES).await.unwrap();
    (store, engine)
}

pub(crate) fn item(key: impl AsRef<[u8]>) -> RecordKey {
    RecordKey::new(ITEMS, Bytes::copy_from_slice(key.as_ref()))
}

pub(crate) fn entry(key: impl AsRef<[u8]>) -> RecordKey {
    RecordKey::new(INDEXES, Bytes::copy_from_slice(key.as_ref()))
}

pub(crate) fn bytes(text: impl AsRef<[u8]>) -> Bytes {
    Bytes::copy_from_slice(text.as_ref())
}

pub(crate) fn put(key: RecordKey, value: impl AsRef<[u8]>) -> Write {
    Write::Put(key, bytes(value))
}

pub(crate) fn counter(space: SpaceId, counter: u16) -> CounterKey {
    CounterKey { space, counter }
}

/// A number as a record's value.
pub(crate) fn number(value: u64) -> Bytes {
    bytes(value.to_be_bytes())
}

/// The number in a record; 0 if there is no record.
pub(crate) fn parse(value: Option<&Bytes>) -> u64 {
    value.map_or(0, |value| u64::from_be_bytes(value[..8].try_into().unwrap()))
}

/// Commits `writes` whatever is there.
pub(crate) async fn commit<E: Engine>(engine: &E, writes: Vec<Write>) -> Result<()> {
    engine.transact(Vec::new(), move |_| Decision { writes: writes.clone(), outcome: () }).await
}

/// Adds one to the number at `key`, and returns what it came to.
pub(crate) async fn increment<E: Engine>(engine: &E, key: RecordKey) -> Result<u64> {
    let decide_key = key.clone();
    let decide = move |found: &[Option<Bytes>]| {
        let next = parse(found[0].as_ref()) + 1;
        Decision { writes: vec![Write::Put(decide_key.clone(), number(next))], outcome: next }
    };
    engine.transact(vec![key], decide).await
}

pub(crate) async fn strong<E: Engine>(engine: &E) -> E::Snapshot {
    engine.snapshot(Consistency::Strong).await.unwrap()
}

/// The record at `key` now.
pub(crate) async fn get<E: Engine>(engine: &E, key: &RecordKey) -> Option<Bytes> {
    strong(engine).await.get(key).await.unwrap()
}

/// A counter's total now.
pub(crate) async fn total<E: Engine>(engine: &E, key: CounterKey) -> i64 {
    strong(engine).await.counter(key).await.unwrap()
}

/// A visitor that keeps what it gets, and breaks once it has `limit` records.
pub(crate) struct Collect {
    pub(crate) records: Vec<Record>,
    pub(crate) limit: usize,
}

impl Collect {
    pub(crate) fn all() -> Self {
        Self::at_most(usize::MAX)
    }

    pub(crate) fn at_most(limit: usize) -> Self {
        Self { records: Vec::new(), limit }
    }
}

impl Visit for Collect {
    fn visit(&mut self, key: &[u8], value: Bytes) -> ControlFlow<()> {
        assert!(self.records.len() < self.limit, "a record came after the break");
        self.records.push((bytes(key), value));
        if self.records.len() == self.limit { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    }
}

/// Every record of a range.
pub(crate) async fn scan(
    snapshot: &impl Snapshot,
    space: SpaceId,
    range: KeyRange,
    direction: Direction,
) -> Result<Vec<Record>> {
    Ok(snapshot.scan(space, range, direction, Collect::all()).await?.records)
}

/// Every record of a space in a view.
pub(crate) async fn everything(snapshot: &impl Snapshot, space: SpaceId) -> Vec<Record> {
    scan(snapshot, space, KeyRange::all(), Direction::Ascending).await.unwrap()
}

/// Whether a range holds a key, worked out from its bounds.
pub(crate) fn within(range: &KeyRange, key: &Bytes) -> bool {
    let starts = match &range.start {
        Bound::Included(start) => key >= start,
        Bound::Excluded(start) => key > start,
        Bound::Unbounded => true,
    };
    let ends = match &range.end {
        Bound::Included(end) => key <= end,
        Bound::Excluded(end) => key < end,
        Bound::Unbounded => true,
    };
    starts && ends
}

/// Checks that a call failed with the given error.
macro_rules! assert_error {
    ($result:expr, $pattern:pat $(if $guard:expr)?) => {
        match $result {
            Err($pattern) $(if $guard)? => {}
            Err(other) => panic!("expected {}, got the error {other:?}", stringify!($pattern)),
            Ok(_) => panic!("expected {}, got an answer", stringify!($pattern)),
        }
    };
}
pub(crate) use assert_error;
