//! Killed at any moment, a store holds every commit it acknowledged, and none by halves.
//!
//! Each round runs a writer in a process of its own (this test's binary, told so by an environment variable) which
//! says on its output what was acknowledged; kills it with SIGKILL at some point; opens the store and looks.
//! `CAIRN_KILL_ROUNDS` sets the number of rounds, 20 by default.

// The helpers of this file panic, as tests do; the writer speaks to its parent through its output.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout
)]

mod common;

use bytes::Bytes;
use cairn_storage::{CounterKey, Decision, Direction, KeyRange, Snapshot, Write};
use cairn_storage_fjall::{FjallEngine, FjallOptions};
use common::{INDEXES, ITEMS, counter, key, number, open_with, options, scan, snapshot};
use rand::rngs::SmallRng;
use rand::{RngExt, SeedableRng};
use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Write as _};
use std::path::Path;
use std::process::{Command, Stdio};

/// Names the store to write to, in the writer's process.
const STORE: &str = "CAIRN_KILL_STORE";
const CALLERS: u64 = 16;
const ROUNDS: u64 = 20;

/// Small memtables, so that the kill also falls into flushes and compactions.
fn crash_options(folder: &Path) -> FjallOptions {
    let mut options = options(folder);
    options.memtable_bytes = 256 * 1024;
    options.write_buffer_bytes = 2 << 20;
    options
}

/// A caller's record in one of the two spaces: how often it has written, and padding that depends on it.
fn record(count: u64) -> Bytes {
    let mut record = count.to_be_bytes().to_vec();
    record.resize(8 + usize::try_from(count % 700).unwrap(), count.to_le_bytes()[0]);
    record.into()
}

/// Adds one to a caller's records in both spaces, and leaves a record behind that is never touched again.
async fn write_once(engine: &FjallEngine, caller: u64) -> u64 {
    let (item, entry) = (key(ITEMS, caller.to_be_bytes()), key(INDEXES, caller.to_be_bytes()));
    let decide = move |found: &[Option<Bytes>]| {
        assert_eq!(found[0], found[1], "half a commit was read");
        let count = number(found[0].as_ref()) + 1;
        let log = [caller.to_be_bytes(), count.to_be_bytes()].concat();
        let writes = vec![
            Write::Put(key(ITEMS, caller.to_be_bytes()), record(count)),
            Write::Put(key(INDEXES, caller.to_be_bytes()), record(count)),
            Write::Put(key(INDEXES, log), record(count)),
            Write::Add(CounterKey { space: ITEMS, counter: 0 }, 1),
        ];
        Decision { writes, outcome: count }
    };
    cairn_storage::Engine::transact(engine, vec![item, entry], decide).await.unwrap()
}

/// The writer's process: writes until it is killed. A test only so that the test's binary can be run as it.
#[test]
fn writer() {
    let Some(folder) = std::env::var_os(STORE) else { return };
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    runtime.block_on(async {
        let engine = open_with(crash_options(Path::new(&folder))).await;
        for caller in 0..CALLERS {
            let engine = engine.clone();
            tokio::spawn(async move {
                loop {
                    let count = write_once(&engine, caller).await;
                    // One write each, so that a line is whole or absent.
                    let line = format!("ack {caller} {count}\n");
                    std::io::stdout().lock().write_all(line.as_bytes()).unwrap();
                }
            });
        }
        std::future::pending::<()>().await;
    });
}

/// Runs the writer until `lines` acknowledgements were read, kills it, and returns the last one of each caller.
fn run_and_kill(folder: &Path, lines: u32) -> BTreeMap<u64, u64> {
    let mut writer = Command::new(std::env::current_exe().unwrap())
        .args(["writer", "--exact", "--nocapture", "--test-threads=1"])
        .env(STORE, folder)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut output = BufReader::new(writer.stdout.take().unwrap()).lines();
    let mut acknowledged = BTreeMap::new();
    let mut note = |line: String| {
        // The test harness speaks on the same output.
        let Some((_, numbers)) = line.split_once("ack ") else { return false };
        if let Some((caller, count)) = numbers.split_once(' ')
            && let (Ok(caller), Ok(count)) = (caller.parse::<u64>(), count.parse::<u64>())
        {
            let last = acknowledged.entry(caller).or_insert(0);
            *last = count.max(*last);
        }
        true
    };
    let mut seen = 0;
    while seen < lines {
        let line = output.next().expect("the writer ended by itself").unwrap();
        seen += u32::from(note(line));
    }
    writer.kill().unwrap();
    writer.wait().unwrap();
    // What it had said before it died counts too. The last line may be cut short, but then to a smaller number.
    for line in output.map_while(Result::ok) {
        note(line);
    }
    acknowledged
}

#[test]
fn a_killed_store_holds_every_acknowledged_commit_whole() {
    let rounds = std::env::var("CAIRN_KILL_ROUNDS").map_or(ROUNDS, |rounds| rounds.parse().unwrap());
    let folder = tempfile::tempdir().unwrap();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let mut random = SmallRng::seed_from_u64(rounds);
    let mut total = 0;
    for round in 0..rounds {
        let acknowledged = run_and_kill(folder.path(), random.random_range(1..1200));
        runtime.block_on(async {
            let engine = open_with(crash_options(folder.path())).await;
            let snapshot = snapshot(&engine).await;
            let before = total;
            total = 0;
            for caller in 0..CALLERS {
                let name = caller.to_be_bytes();
                let item = snapshot.get(&key(ITEMS, name)).await.unwrap();
                assert_eq!(item, snapshot.get(&key(INDEXES, name)).await.unwrap(), "round {round}: half a commit");
                let count = number(item.as_ref());
                assert!(
                    count >= acknowledged.get(&caller).copied().unwrap_or(0),
                    "round {round}: commit {acknowledged:?} of caller {caller} was acknowledged, {count} is there"
                );
                assert!(item.is_none_or(|item| item == record(count)));
                let log = scan(&snapshot, INDEXES, KeyRange::prefix(name.to_vec()), Direction::Ascending).await.unwrap();
                assert_eq!(log.len() as u64, count + u64::from(count > 0), "round {round}: caller {caller}'s log");
                for (n, (name, value)) in (1..).zip(log.iter().filter(|(name, _)| name.len() == 16)) {
                    assert_eq!(u64::from_be_bytes(name[8..].try_into().unwrap()), n);
                    assert_eq!(*value, record(n));
                }
                total += count;
            }
            assert!(total > before, "round {round}: nothing was written");
            assert_eq!(counter(&engine, ITEMS, 0).await.unwrap().cast_unsigned(), total, "round {round}");
            cairn_storage::Engine::close(&engine).await.unwrap();
        });
    }
    println!("{rounds} rounds, {total} commits acknowledged or kept");
}
