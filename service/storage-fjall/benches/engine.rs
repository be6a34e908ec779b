//! What the engine costs: durable writes against raw fjall and against the bare idea of group commit, conditional
//! updates of spread and of hot keys, hot reads, and scans.
//!
//! `cargo bench -p cairn-storage-fjall --bench engine -- [part]... [--seconds n]`, where a part is one of `put`,
//! `update`, `get`, `scan`. Read the ratios: absolute figures say as much about the machine and its other tenants.

// A program for people: it prints, and stops at the first thing that is wrong.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    missing_docs
)]

use bytes::Bytes;
use cairn_storage::{
    Consistency, Decision, Direction, Engine, KeyRange, RecordKey, Snapshot, SpaceId, Write,
};
use cairn_storage_fjall::{FjallEngine, FjallOptions};
use fjall::{Database, KeyspaceCreateOptions, OwnedWriteBatch, PersistMode, Readable};
use hdrhistogram::Histogram;
use rand::rngs::SmallRng;
use rand::{RngExt, SeedableRng};
use std::future::Future;
use std::hint::black_box;
use std::ops::ControlFlow;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};
use tempfile::TempDir;

const ITEMS: SpaceId = SpaceId::Items(1);
const KEYS: u64 = 100_000;
const VALUE_BYTES: usize = 1024;
const CALLERS: [usize; 4] = [1, 16, 64, 256];

fn main() {
    let mut parts = Vec::new();
    let mut seconds = 2.0;
    let mut arguments = std::env::args().skip(1);
    while let Some(argument) = arguments.next() {
        match argument.as_str() {
            "--seconds" => seconds = arguments.next().unwrap().parse().unwrap(),
            // Cargo says so to every benchmark.
            "--bench" => {}
            part => parts.push(part.to_owned()),
        }
    }
    let wanted = |part: &str| parts.is_empty() || parts.iter().any(|wanted| wanted == part);
    let length = Duration::from_secs_f64(seconds);
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        if wanted("put") {
            puts(length).await;
        }
        if wanted("update") {
            updates(length).await;
        }
        if wanted("get") {
            gets(length).await;
        }
        if wanted("scan") {
            scans(length).await;
        }
        if wanted("deleted") {
            deleted().await;
        }
        if wanted("spaces") {
            spaces().await;
        }
    });
}

/// A measurement: operations a second and how long they took.
struct Figure {
    per_second: f64,
    micros: Histogram<u64>,
}

impl std::fmt::Display for Figure {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let at = |quantile| self.micros.value_at_quantile(quantile);
        write!(f, "{:>8.0}/s  p50 {:>6} us  p99 {:>7} us", self.per_second, at(0.5), at(0.99))
    }
}

/// Runs `callers` tasks that each repeat an operation for `length`.
async fn measure<F>(
    callers: usize,
    length: Duration,
    operation: impl Fn(u64) -> F + Clone + Send + 'static,
) -> Figure
where
    F: Future<Output = ()> + Send,
{
    let stop = Arc::new(AtomicBool::new(false));
    let began = Instant::now();
    let tasks: Vec<_> = (0..callers)
        .map(|caller| {
            let (stop, operation) = (Arc::clone(&stop), operation.clone());
            tokio::spawn(async move {
                let mut random = SmallRng::seed_from_u64(caller as u64);
                let mut micros = Histogram::<u64>::new(3).unwrap();
                while !stop.load(Ordering::Relaxed) {
                    let began = Instant::now();
                    operation(random.random()).await;
                    micros.record(began.elapsed().as_micros() as u64).unwrap();
                }
                micros
            })
        })
        .collect();
    tokio::time::sleep(length).await;
    stop.store(true, Ordering::Relaxed);
    let mut micros = Histogram::<u64>::new(3).unwrap();
    for task in tasks {
        micros.add(task.await.unwrap()).unwrap();
    }
    Figure { per_second: micros.len() as f64 / began.elapsed().as_secs_f64(), micros }
}

async fn store() -> (TempDir, FjallEngine) {
    let folder = tempfile::tempdir().unwrap();
    let engine = FjallEngine::open(FjallOptions::new(folder.path())).unwrap();
    engine.create_space(ITEMS).await.unwrap();
    (folder, engine)
}

fn key(number: u64) -> RecordKey {
    let mut key = vec![b'k'; 100];
    key[..8].copy_from_slice(&(number % KEYS).wrapping_mul(0x9E37_79B9_7F4A_7C15).to_be_bytes());
    RecordKey::new(ITEMS, key)
}

/// A value no compressor makes smaller.
fn value(seed: u64) -> Bytes {
    let mut bytes = vec![0; VALUE_BYTES];
    SmallRng::seed_from_u64(seed).fill(&mut bytes[..]);
    bytes.into()
}

async fn fill(engine: &FjallEngine) {
    for first in (0..KEYS).step_by(1000) {
        let writes: Vec<_> = (first..first + 1000).map(|n| Write::Put(key(n), value(n))).collect();
        engine.transact(vec![], move |_| Decision { writes: writes.clone(), outcome: () }).await.unwrap();
    }
}

async fn puts(length: Duration) {
    println!("durable puts of 1 KiB");
    for callers in CALLERS {
        let raw = raw_puts(callers, length);
        println!("  {callers:>3} callers, raw fjall, one batch and sync each : {raw}");
        let ideal = ideal_group_puts(callers, length).await;
        println!("  {callers:>3} callers, bare group commit                  : {ideal}");
        let (_folder, engine) = store().await;
        let before = engine.statistics().await.unwrap().last_commit;
        let shared = engine.clone();
        let ours = measure(callers, length, move |random| {
            let engine = shared.clone();
            async move {
                let (at, value) = (key(random), value(random));
                let decide = move |_: &[Option<Bytes>]| Decision {
                    writes: vec![Write::Put(at.clone(), value.clone())],
                    outcome: (),
                };
                engine.transact(vec![key(random)], decide).await.unwrap();
            }
        })
        .await;
        let commits = engine.statistics().await.unwrap().last_commit - before;
        println!(
            "  {callers:>3} callers, this engine                        : {ours}  {:.1} a commit; x{:.2} raw, x{:.2} bare",
            ours.micros.len() as f64 / commits as f64,
            ours.per_second / raw.per_second,
            ours.per_second / ideal.per_second,
        );
        engine.close().await.unwrap();
    }
}

/// What fjall does when every caller commits for itself.
fn raw_puts(callers: usize, length: Duration) -> Figure {
    let folder = tempfile::tempdir().unwrap();
    let database = Database::builder(folder.path()).open().unwrap();
    let keyspace = database.keyspace("items", KeyspaceCreateOptions::default).unwrap();
    let stop = AtomicBool::new(false);
    let began = Instant::now();
    let micros = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..callers)
            .map(|caller| {
                let (database, keyspace, stop) = (&database, &keyspace, &stop);
                scope.spawn(move || {
                    let mut random = SmallRng::seed_from_u64(caller as u64);
                    let mut micros = Histogram::<u64>::new(3).unwrap();
                    while !stop.load(Ordering::Relaxed) {
                        let began = Instant::now();
                        let n = random.random();
                        let mut batch = database.batch().durability(Some(PersistMode::SyncData));
                        batch.insert(keyspace, key(n).key, value(n));
                        batch.commit().unwrap();
                        micros.record(began.elapsed().as_micros() as u64).unwrap();
                    }
                    micros
                })
            })
            .collect();
        std::thread::sleep(length);
        stop.store(true, Ordering::Relaxed);
        let mut micros = Histogram::<u64>::new(3).unwrap();
        for thread in threads {
            micros.add(thread.join().unwrap()).unwrap();
        }
        micros
    });
    Figure { per_second: micros.len() as f64 / began.elapsed().as_secs_f64(), micros }
}

/// Group commit and nothing else: no reads, no checks, no view, no sequence number.
async fn ideal_group_puts(callers: usize, length: Duration) -> Figure {
    type Put = (RecordKey, Bytes, tokio::sync::oneshot::Sender<()>);
    let folder = tempfile::tempdir().unwrap();
    let database = Database::builder(folder.path()).open().unwrap();
    let keyspace = database.keyspace("items", KeyspaceCreateOptions::default).unwrap();
    let (puts, inbox) = crossbeam_channel::unbounded::<Put>();
    let committer = std::thread::spawn(move || {
        while let Ok(first) = inbox.recv() {
            let mut batch =
                OwnedWriteBatch::with_capacity(database.clone(), 256).durability(Some(PersistMode::SyncData));
            let mut answers = Vec::new();
            for (at, value, answer) in std::iter::once(first).chain(inbox.try_iter()) {
                batch.insert(&keyspace, at.key, value);
                answers.push(answer);
            }
            batch.commit().unwrap();
            for answer in answers {
                let _ = answer.send(());
            }
        }
    });
    let figure = measure(callers, length, move |random| {
        let puts = puts.clone();
        async move {
            let (answer, answered) = tokio::sync::oneshot::channel();
            puts.send((key(random), value(random), answer)).unwrap();
            answered.await.unwrap();
        }
    })
    .await;
    committer.join().unwrap();
    figure
}

async fn updates(length: Duration) {
    println!("conditional increments of a 1 KiB record, 64 callers");
    let (_folder, engine) = store().await;
    fill(&engine).await;
    let mut uniform_per_second = None;
    for (name, keys) in [("any of 100,000 keys", KEYS), ("any of 10 keys", 10), ("one key", 1)] {
        let shared = engine.clone();
        let before = engine.statistics().await.unwrap().last_commit;
        let decisions = Arc::new(AtomicU64::new(0));
        let counted = Arc::clone(&decisions);
        let figure = measure(64, length, move |random| {
            let (engine, decisions) = (shared.clone(), Arc::clone(&counted));
            async move {
                let at = key(random % keys);
                let decide = {
                    let at = at.clone();
                    move |found: &[Option<Bytes>]| {
                        decisions.fetch_add(1, Ordering::Relaxed);
                        let mut record = found[0].as_ref().unwrap().to_vec();
                        let count = u64::from_be_bytes(record[..8].try_into().unwrap());
                        record[..8].copy_from_slice(&count.wrapping_add(1).to_be_bytes());
                        Decision { writes: vec![Write::Put(at.clone(), record.into())], outcome: () }
                    }
                };
                engine.transact(vec![at], decide).await.unwrap();
            }
        })
        .await;
        let commits = engine.statistics().await.unwrap().last_commit - before;
        let operations = figure.micros.len() as f64;
        let uniform_per_second = *uniform_per_second.get_or_insert(figure.per_second);
        println!(
            "  {name:<20}: {figure}  {:.1} a commit, {:.2} decisions each; x{:.2} uniform",
            operations / commits as f64,
            decisions.load(Ordering::Relaxed) as f64 / operations,
            figure.per_second / uniform_per_second,
        );
    }
    engine.close().await.unwrap();
}

async fn gets(length: Duration) {
    println!("gets of 1 KiB records that are in memory");
    let (_folder, engine) = store().await;
    fill(&engine).await;
    for callers in [1, 2, 64] {
        let shared = engine.clone();
        let figure = measure(callers, length, move |random| {
            let engine = shared.clone();
            // Many to a measurement, so that the clock is not what is measured.
            async move {
                for n in 0..100 {
                    let snapshot = engine.snapshot(Consistency::Strong).await.unwrap();
                    black_box(snapshot.get(&key(random.wrapping_add(n * 7919))).await.unwrap());
                }
            }
        })
        .await;
        let each = figure.micros.value_at_quantile(0.5) as f64 / 100.0;
        println!(
            "  {callers:>2} tasks, this engine  : {:>8.0}/s  {each:.2} us each (median of hundreds)",
            figure.per_second * 100.0
        );
    }
    let raw = raw_gets(length);
    println!("   1 thread, raw fjall   : {raw:>8.0}/s");
    engine.close().await.unwrap();
}

fn raw_gets(length: Duration) -> f64 {
    let folder = tempfile::tempdir().unwrap();
    let database = Database::builder(folder.path()).cache_size(512 << 20).open().unwrap();
    let keyspace = database.keyspace("items", KeyspaceCreateOptions::default).unwrap();
    for n in 0..KEYS {
        keyspace.insert(key(n).key, value(n)).unwrap();
    }
    let snapshot = database.snapshot();
    let mut random = SmallRng::seed_from_u64(0);
    let (began, mut count) = (Instant::now(), 0_u64);
    while began.elapsed() < length {
        black_box(snapshot.get(&keyspace, key(random.random()).key).unwrap());
        count += 1;
    }
    count as f64 / began.elapsed().as_secs_f64()
}

async fn scans(length: Duration) {
    println!("scans of 1 KiB records that are in memory");
    let (_folder, engine) = store().await;
    fill(&engine).await;
    for (callers, records) in [(1, 1), (1, 10), (1, 100), (1, 10_000), (2, 1), (2, 10), (2, 100)] {
        let shared = engine.clone();
        let figure = measure(callers, length, move |random| {
            let engine = shared.clone();
            async move {
                for n in 0..10 {
                    let snapshot = engine.snapshot(Consistency::Strong).await.unwrap();
                    let from = key(random.wrapping_add(n * 7919)).key;
                    let range =
                        KeyRange { start: std::ops::Bound::Included(from), end: std::ops::Bound::Unbounded };
                    let mut left = records;
                    let visitor = move |_: &[u8], value: Bytes| {
                        black_box(value);
                        left -= 1;
                        if left == 0 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
                    };
                    snapshot.scan(ITEMS, range, Direction::Ascending, visitor).await.map(drop).unwrap();
                }
            }
        })
        .await;
        let each = figure.micros.value_at_quantile(0.5) as f64 / 10.0;
        println!(
            "  {callers} tasks, {records:>5} records: {:>8.0} scans/s  {each:>6.1} us each; {:>9.0} records/s",
            figure.per_second * 10.0,
            figure.per_second * 10.0 * f64::from(records),
        );
    }
    engine.close().await.unwrap();
}

/// A record's place in a queue.
fn place(number: u64) -> RecordKey {
    RecordKey::new(ITEMS, number.to_be_bytes().to_vec())
}

async fn commit(engine: &FjallEngine, writes: Vec<Write>) {
    engine.transact(vec![], move |_| Decision { writes: writes.clone(), outcome: () }).await.unwrap();
}

/// The first record's place, and how long it took to find it.
async fn head(engine: &FjallEngine) -> (Option<u64>, Duration) {
    struct First(Option<u64>);
    impl cairn_storage::Visit for First {
        fn visit(&mut self, key: &[u8], _: Bytes) -> ControlFlow<()> {
            self.0 = Some(u64::from_be_bytes(key.try_into().unwrap()));
            ControlFlow::Break(())
        }
    }
    let began = Instant::now();
    let snapshot = engine.snapshot(Consistency::Strong).await.unwrap();
    let found = snapshot.scan(ITEMS, KeyRange::all(), Direction::Ascending, First(None)).await.unwrap();
    (found.0, began.elapsed())
}

async fn median_head(engine: &FjallEngine) -> f64 {
    let mut micros = Histogram::<u64>::new(3).unwrap();
    for _ in 0..200 {
        micros.record(head(engine).await.1.as_nanos() as u64).unwrap();
    }
    micros.value_at_quantile(0.5) as f64 / 1000.0
}

async fn fill_queue(engine: &FjallEngine, records: u64) {
    for first in (0..records).step_by(1000) {
        commit(engine, (first..first + 1000).map(|n| Write::Put(place(n), value(n).slice(..200))).collect())
            .await;
    }
}

/// The head of a queue behind what was taken off it.
async fn deleted() {
    println!("the first record behind deleted ones, of 200 bytes each");
    let (_folder, engine) = store().await;
    fill_queue(&engine, 1000).await;
    let fresh = median_head(&engine).await;
    println!("  fresh store                     : {fresh:>9.1} us");
    engine.close().await.unwrap();
    for deletions in [60_000, 300_000] {
        let (folder, engine) = store().await;
        fill_queue(&engine, deletions + 1000).await;
        for first in (0..deletions).step_by(1000) {
            commit(&engine, (first..first + 1000).map(|n| Write::Delete(place(n))).collect()).await;
        }
        let ended = Instant::now();
        let micros = |took: Duration| took.as_secs_f64() * 1e6;
        let (found, took) = head(&engine).await;
        assert_eq!(found, Some(deletions));
        println!(
            "  behind {deletions:>6} deletes, first    : {:>9.1} us, x{:.0} fresh",
            micros(took),
            micros(took) / fresh
        );
        while head(&engine).await.1 > Duration::from_millis(2) && ended.elapsed() < Duration::from_secs(30) {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        println!(
            "  behind {deletions:>6} deletes, under 2 ms: {:>9.3} s after the last delete",
            ended.elapsed().as_secs_f64()
        );
        tokio::time::sleep(Duration::from_secs(5).saturating_sub(ended.elapsed())).await;
        let later = median_head(&engine).await;
        let kept = engine.statistics().await.unwrap().deletions_kept;
        println!(
            "  behind {deletions:>6} deletes, after 5 s: {later:>9.1} us, x{:.1} fresh; {kept} deletions kept",
            later / fresh
        );
        engine.close().await.unwrap();
        let engine = FjallEngine::open(FjallOptions::new(folder.path())).unwrap();
        let (found, took) = head(&engine).await;
        assert_eq!(found, Some(deletions));
        println!(
            "  behind {deletions:>6} deletes, reopened : {:>9.1} us, x{:.0} fresh",
            micros(took),
            micros(took) / fresh
        );
        tokio::time::sleep(Duration::from_secs(5)).await;
        let later = median_head(&engine).await;
        println!("  behind {deletions:>6} deletes, 5 s later: {later:>9.1} us, x{:.1} fresh", later / fresh);
        engine.close().await.unwrap();
    }
    pop_loop().await;
}

/// A queue that is put to and taken from at the same rate, by 16 producers and a consumer that takes 50 at a time.
async fn pop_loop() {
    const TAKEN: u64 = 300_000;
    const AT_ONCE: u64 = 50;
    println!("a queue of 1,000 records: 50 put, the first found, 50 taken, over and over");
    let (_folder, engine) = store().await;
    fill_queue(&engine, 1000).await;
    let mut first_part = None;
    for part in 0..6 {
        let mut micros = Histogram::<u64>::new(3).unwrap();
        let began = Instant::now();
        let each = TAKEN / 6;
        for first in (part * each..(part + 1) * each).step_by(AT_ONCE as usize) {
            commit(
                &engine,
                (first..first + AT_ONCE)
                    .map(|n| Write::Put(place(n + 1000), value(n).slice(..200)))
                    .collect(),
            )
            .await;
            let (found, took) = head(&engine).await;
            assert_eq!(found, Some(first));
            micros.record(took.as_micros() as u64).unwrap();
            commit(&engine, (first..first + AT_ONCE).map(|n| Write::Delete(place(n))).collect()).await;
        }
        let per_second = each as f64 / began.elapsed().as_secs_f64();
        let first_part = *first_part.get_or_insert(per_second);
        println!(
            "  {:>6} taken: {per_second:>8.0} taken/s, x{:.2} of the first part; head p50 {:>5} us, p99 {:>6} us, most {:>6} us",
            (part + 1) * each,
            per_second / first_part,
            micros.value_at_quantile(0.5),
            micros.value_at_quantile(0.99),
            micros.max(),
        );
    }
    engine.close().await.unwrap();
}

/// How long it takes to create the two spaces of a table, and to drop them: of tables half a second apart, as people
/// create them, and of ten at once.
async fn spaces() {
    println!("the two spaces of a table created, and dropped");
    let (_folder, engine) = store().await;
    for (name, tables, at_once) in [("one table", 20, 1), ("ten at once", 50, 10)] {
        let mut created = Histogram::<u64>::new(3).unwrap();
        let mut dropped = Histogram::<u64>::new(3).unwrap();
        let tables: Vec<u64> = (100..100 + tables).collect();
        for group in tables.chunks(at_once) {
            tokio::time::sleep(Duration::from_millis(500)).await;
            let each = group.iter().map(|table| {
                let (engine, table) = (engine.clone(), *table);
                tokio::spawn(async move {
                    let began = Instant::now();
                    engine.create_space(SpaceId::Items(table)).await.unwrap();
                    engine.create_space(SpaceId::Indexes(table)).await.unwrap();
                    began.elapsed().as_micros() as u64
                })
            });
            for task in each.collect::<Vec<_>>() {
                created.record(task.await.unwrap()).unwrap();
            }
        }
        for table in tables {
            tokio::time::sleep(Duration::from_millis(50)).await;
            let began = Instant::now();
            engine.drop_space(SpaceId::Items(table)).await.unwrap();
            engine.drop_space(SpaceId::Indexes(table)).await.unwrap();
            dropped.record(began.elapsed().as_micros() as u64).unwrap();
        }
        println!(
            "  {name:<12}: created p50 {:>6} us, p99 {:>6} us; dropped p50 {:>6} us, p99 {:>6} us",
            created.value_at_quantile(0.5),
            created.value_at_quantile(0.99),
            dropped.value_at_quantile(0.5),
            dropped.value_at_quantile(0.99),
        );
    }
    engine.close().await.unwrap();
}
