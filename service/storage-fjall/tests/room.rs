//! When room runs out: on the disk, in memory, in the queue. Writes are refused in time, reads go on, and writes go on
//! as soon as there is room again.

// The helpers of this file panic, as tests do; a test that cannot run here says so on its output.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, clippy::print_stderr)]

mod common;

use bytes::Bytes;
use cairn_storage::{Engine, Error, SpaceId, Write};
use cairn_storage_fjall::FjallEngine;
use common::{ITEMS, get, key, open, open_with, options, put, write};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

#[tokio::test]
async fn a_reserve_larger_than_what_is_free_refuses_writes_and_a_smaller_one_takes_them_again() {
    let folder = tempfile::tempdir().unwrap();
    let engine = open(folder.path()).await;
    write(&engine, vec![put(ITEMS, "a", "1")]).await.unwrap();
    engine.close().await.unwrap();

    let mut scarce = options(folder.path());
    scarce.disk_reserve_bytes = Some(u64::MAX / 2);
    let engine = FjallEngine::open(scarce).unwrap();
    let refused = write(&engine, vec![put(ITEMS, "a", "2")]).await;
    assert!(
        matches!(refused, Err(Error::StorageFull { reserve_bytes, .. }) if reserve_bytes == u64::MAX / 2)
    );
    assert!(matches!(engine.create_space(SpaceId::Items(2)).await, Err(Error::StorageFull { .. })));
    assert_eq!(get(&engine, ITEMS, "a").await.unwrap(), "1");
    // Dropping a table is how room is made.
    engine.drop_space(common::INDEXES).await.unwrap();
    engine.close().await.unwrap();

    let engine = open(folder.path()).await;
    write(&engine, vec![put(ITEMS, "a", "2")]).await.unwrap();
    assert_eq!(get(&engine, ITEMS, "a").await.unwrap(), "2");
}

/// A file system in memory, mounted for one test.
struct Volume {
    folder: tempfile::TempDir,
}

impl Volume {
    /// None, after saying why, where mounting is not allowed.
    fn mount(size_mib: u32) -> Option<Self> {
        let folder = tempfile::tempdir().unwrap();
        let mounted = Command::new("mount")
            .args(["-t", "tmpfs", "-o", &format!("size={size_mib}m"), "cairn-test"])
            .arg(folder.path())
            .output();
        match mounted {
            Ok(output) if output.status.success() => Some(Self { folder }),
            Ok(output) => {
                eprintln!(
                    "skipped, for want of a volume: {}",
                    String::from_utf8_lossy(&output.stderr).trim()
                );
                None
            }
            Err(error) => {
                eprintln!("skipped, for want of a volume: {error}");
                None
            }
        }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }
}

impl Drop for Volume {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("--lazy").arg(self.folder.path()).status();
    }
}

/// Writes 64 KiB records until one is refused; returns how many were taken.
async fn fill(engine: &FjallEngine, first: u32) -> (u32, Error) {
    let value = Bytes::from(
        (0..65_536_u32).map(|n| n.wrapping_mul(2_654_435_761).to_le_bytes()[3]).collect::<Vec<_>>(),
    );
    for n in first.. {
        if let Err(error) = write(engine, vec![Write::Put(key(ITEMS, n.to_be_bytes()), value.clone())]).await
        {
            return (n - first, error);
        }
        assert!(n < 100_000, "a small volume took everything");
    }
    unreachable!()
}

async fn assert_readable(engine: &FjallEngine, records: u32) {
    for n in 0..records {
        assert_eq!(get(engine, ITEMS, n.to_be_bytes()).await.unwrap().len(), 65_536, "record {n}");
    }
}

fn small_options(path: &Path) -> cairn_storage_fjall::FjallOptions {
    let mut options = options(path);
    options.memtable_bytes = 1 << 20;
    options.write_buffer_bytes = 4 << 20;
    options.queue_wait_max = Duration::from_secs(20);
    options
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_volume_refuses_writes_in_time_and_takes_them_again_when_there_is_room() {
    let Some(volume) = Volume::mount(96) else { return };
    let ballast = volume.path("ballast");
    std::fs::write(&ballast, vec![1; 32 << 20]).unwrap();
    let store = volume.path("store");
    let mut options = small_options(&store);
    // The default: a twentieth of so small a volume.
    options.disk_reserve_bytes = None;
    let engine = open_with(options.clone()).await;
    let (taken, refused) = fill(&engine, 0).await;
    assert!(matches!(refused, Error::StorageFull { .. }), "{refused}");
    assert!(taken > 50, "{taken}");
    assert_readable(&engine, taken).await;

    std::fs::remove_file(&ballast).unwrap();
    let (taken_again, refused) = fill(&engine, taken).await;
    assert!(matches!(refused, Error::StorageFull { .. }), "{refused}");
    assert!(taken_again > 50, "{taken_again}");
    engine.close().await.unwrap();

    let engine = FjallEngine::open(options).unwrap();
    assert_readable(&engine, taken + taken_again).await;
}

/// Writes to a file until the volume is full.
fn fill_volume(ballast: &Path) {
    let mut file = std::fs::File::create(ballast).unwrap();
    for size in [1 << 20, 4096] {
        while file.write_all(&vec![1; size]).is_ok() {}
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_write_that_meets_a_full_disk_stops_writes_until_the_store_is_reopened_but_not_reads() {
    let Some(volume) = Volume::mount(32) else { return };
    let (ballast, store) = (volume.path("ballast"), volume.path("store"));
    let engine = open(&store).await;
    let value = Bytes::from(vec![7; 65_536]);
    let put_large = |n: u32| vec![Write::Put(key(ITEMS, n.to_be_bytes()), value.clone())];
    let mut tries = 0;
    // The free space is looked at every few milliseconds; this needs it to run out between a look and a write.
    let stopped = loop {
        write(&engine, put_large(0)).await.unwrap();
        fill_volume(&ballast);
        match write(&engine, put_large(1)).await {
            Err(stopped @ Error::ReadOnly { .. }) => break stopped,
            Err(Error::StorageFull { .. }) => {}
            other => panic!("{other:?}"),
        }
        std::fs::remove_file(&ballast).unwrap();
        tries += 1;
        assert!(tries < 200, "the free space was always looked at in time");
    };
    assert!(stopped.to_string().contains("durable"), "{stopped}");
    assert_readable(&engine, 1).await;
    // For good, also once there is room.
    std::fs::remove_file(&ballast).unwrap();
    for _ in 0..3 {
        assert!(matches!(write(&engine, vec![put(ITEMS, "more", "1")]).await, Err(Error::ReadOnly { .. })));
    }
    assert!(matches!(engine.create_space(SpaceId::Items(2)).await, Err(Error::ReadOnly { .. })));
    assert_readable(&engine, 1).await;
    engine.close().await.unwrap();

    let engine = open(&store).await;
    assert_readable(&engine, 1).await;
    write(&engine, put_large(1)).await.unwrap();
    assert_readable(&engine, 2).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_tables_written_at_once_stay_within_the_memory_budget() {
    const TABLES: u64 = 40;
    const BUDGET: u64 = 8 << 20;
    let folder = tempfile::tempdir().unwrap();
    let mut options = options(folder.path());
    options.memtable_bytes = 64 << 20;
    options.write_buffer_bytes = BUDGET;
    options.queue_wait_max = Duration::from_secs(60);
    let engine = FjallEngine::open(options).unwrap();
    for table in 1..=TABLES {
        engine.create_space(SpaceId::Items(table)).await.unwrap();
    }
    let writers: Vec<_> = (1..=TABLES)
        .map(|table| {
            let engine = engine.clone();
            tokio::spawn(async move {
                // 40 times 2 MiB is ten budgets, and no table comes near its own limit.
                for n in 0..64_u32 {
                    write(&engine, vec![put(SpaceId::Items(table), n.to_be_bytes(), vec![7; 32 * 1024])])
                        .await
                        .unwrap();
                }
            })
        })
        .collect();
    let mut most = 0;
    while !writers.iter().all(tokio::task::JoinHandle::is_finished) {
        most = most.max(engine.statistics().await.unwrap().write_buffer_bytes);
    }
    for writer in writers {
        writer.await.unwrap();
    }
    // The brake stops writers at one and a half budgets; what was in the queue then still comes through.
    assert!(most < 3 * BUDGET, "{most} bytes in memory against a budget of {BUDGET}");
    assert!(most > BUDGET / 4, "the budget was never in reach: {most}");
    for table in 1..=TABLES {
        assert_eq!(get(&engine, SpaceId::Items(table), 63_u32.to_be_bytes()).await.unwrap().len(), 32 * 1024);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn old_journals_go_although_quiet_tables_still_need_them() {
    let folder = tempfile::tempdir().unwrap();
    let mut options = options(folder.path());
    options.journal_bytes = 64 << 20;
    options.memtable_bytes = 16 << 20;
    options.write_buffer_bytes = 256 << 20;
    let engine = open_with(options).await;
    for table in 2..10 {
        engine.create_space(SpaceId::Items(table)).await.unwrap();
        write(&engine, vec![put(SpaceId::Items(table), "quiet", "1")]).await.unwrap();
    }
    let value = Bytes::from(vec![7; 256 * 1024]);
    let mut most = 0;
    for n in 0..1600_u32 {
        write(&engine, vec![Write::Put(key(ITEMS, (n % 200).to_be_bytes()), value.clone())]).await.unwrap();
        if n.is_multiple_of(50) {
            most = most.max(engine.statistics().await.unwrap().journal_bytes);
        }
    }
    // 400 MiB went through the journal.
    assert!(most < 300 << 20, "{most} bytes of journal");
    for table in 2..10 {
        assert_eq!(get(&engine, SpaceId::Items(table), "quiet").await.unwrap(), "1");
    }
}
