//! Creating and dropping spaces: durable, in order with commits, within a limit, and without a trace afterwards.

// The helpers of this file panic, as tests do.
#![allow(clippy::unwrap_used, clippy::panic)]

mod common;

use cairn_storage::{CounterKey, Engine, Error, Snapshot, SpaceId, Write};
use cairn_storage_fjall::FjallEngine;
use common::{ITEMS, counter, get, increment, key, open, options, put, snapshot, write};
use std::path::Path;

/// The folders of keyspaces that are on disk, fjall's own aside.
fn keyspace_folders(store: &Path) -> usize {
    std::fs::read_dir(store.join("database/keyspaces")).unwrap().count() - 1
}

#[tokio::test]
async fn a_dropped_space_leaves_no_records_counters_or_files() {
    // Keyspaces that are prepared for new spaces are on disk too, but no more than a handful.
    const FOLDERS_MAX: usize = 16;
    let folder = tempfile::tempdir().unwrap();
    let space = SpaceId::Items(7);
    for _ in 0..2 * FOLDERS_MAX {
        let engine = FjallEngine::open(options(folder.path())).unwrap();
        assert_eq!(engine.spaces().await.unwrap(), [SpaceId::System]);
        engine.create_space(space).await.unwrap();
        assert_eq!(get(&engine, space, "a").await, None);
        assert_eq!(counter(&engine, space, 1).await.unwrap(), 0);
        let add = Write::Add(CounterKey { space, counter: 1 }, 5);
        write(&engine, vec![put(space, "a", "1"), add]).await.unwrap();
        let before = snapshot(&engine).await;
        engine.drop_space(space).await.unwrap();
        assert!(
            matches!(before.get(&key(space, "a")).await, Err(Error::SpaceNotFound(gone)) if gone == space)
        );
        engine.close().await.unwrap();
        assert!(keyspace_folders(folder.path()) <= FOLDERS_MAX);
    }
}

#[tokio::test]
async fn spaces_stay_dropped_however_the_store_was_used_around_it() {
    // fjall gives sequence numbers to records, flushes and its own notes of which keyspaces exist alike. After a
    // reopen the notes of a drop must still get higher ones than those of the creation.
    let folder = tempfile::tempdir().unwrap();
    for round in 0..5_u64 {
        let engine = FjallEngine::open(options(folder.path())).unwrap();
        let expected: Vec<_> = [SpaceId::System].into_iter().chain((0..round).map(SpaceId::Items)).collect();
        assert_eq!(engine.spaces().await.unwrap(), expected);
        for n in 0..10 {
            engine.create_space(SpaceId::Indexes(n)).await.unwrap();
        }
        engine.close().await.unwrap();
        let engine = FjallEngine::open(options(folder.path())).unwrap();
        for n in 0..10 {
            engine.drop_space(SpaceId::Indexes(n)).await.unwrap();
        }
        engine.create_space(SpaceId::Items(round)).await.unwrap();
        engine.close().await.unwrap();
    }
}

#[tokio::test]
async fn the_limit_counts_what_exists_and_dropping_makes_room() {
    let folder = tempfile::tempdir().unwrap();
    let mut options = options(folder.path());
    options.max_spaces = 3;
    let engine = FjallEngine::open(options.clone()).unwrap();
    engine.create_space(SpaceId::Items(1)).await.unwrap();
    engine.create_space(SpaceId::Items(2)).await.unwrap();
    let third = engine.create_space(SpaceId::Items(3)).await;
    assert!(matches!(third, Err(Error::TooManySpaces { limit: 3 })));
    engine.create_space(SpaceId::Items(2)).await.unwrap();
    engine.drop_space(SpaceId::Items(1)).await.unwrap();
    engine.create_space(SpaceId::Items(3)).await.unwrap();
    engine.close().await.unwrap();
    // A lower limit does not lock out what is there.
    options.max_spaces = 1;
    let engine = FjallEngine::open(options).unwrap();
    assert_eq!(engine.spaces().await.unwrap().len(), 3);
    let fourth = engine.create_space(SpaceId::Items(4)).await;
    assert!(matches!(fourth, Err(Error::TooManySpaces { limit: 1 })));
}

#[tokio::test]
async fn the_system_space_cannot_be_dropped() {
    let folder = tempfile::tempdir().unwrap();
    let engine = open(folder.path()).await;
    write(&engine, vec![put(SpaceId::System, "a", "1")]).await.unwrap();
    assert!(engine.drop_space(SpaceId::System).await.is_err());
    assert_eq!(get(&engine, SpaceId::System, "a").await.unwrap(), "1");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn spaces_come_and_go_while_others_are_written() {
    const ROUNDS: u64 = 30;
    let folder = tempfile::tempdir().unwrap();
    let engine = open(folder.path()).await;
    let steady = tokio::spawn({
        let engine = engine.clone();
        async move {
            for n in 1..=500 {
                assert_eq!(increment(&engine, key(ITEMS, "steady")).await.unwrap(), n);
            }
        }
    });
    for round in 0..ROUNDS {
        let space = SpaceId::Items(100 + round);
        engine.create_space(space).await.unwrap();
        let writers: Vec<_> = (0..4)
            .map(|_| {
                let engine = engine.clone();
                tokio::spawn(async move {
                    let mut acknowledged = 0;
                    loop {
                        match increment(&engine, key(space, "n")).await {
                            Ok(n) => {
                                assert!(n > acknowledged);
                                acknowledged = n;
                            }
                            Err(Error::SpaceNotFound(gone)) => {
                                assert_eq!(gone, space);
                                return acknowledged;
                            }
                            Err(other) => panic!("{other}"),
                        }
                    }
                })
            })
            .collect();
        while get(&engine, space, "n").await.is_none() {
            tokio::task::yield_now().await;
        }
        engine.drop_space(space).await.unwrap();
        for writer in writers {
            writer.await.unwrap();
        }
        assert!(matches!(write(&engine, vec![put(space, "n", "1")]).await, Err(Error::SpaceNotFound(_))));
    }
    steady.await.unwrap();
    engine.close().await.unwrap();
    let engine = open(folder.path()).await;
    assert_eq!(engine.spaces().await.unwrap().len(), 3);
    assert_eq!(increment(&engine, key(ITEMS, "steady")).await.unwrap(), 501);
}

/// One more than a thousand keyspaces with tables in level 0 would deadlock fjall's own open.
#[tokio::test]
async fn as_many_spaces_as_can_be_asked_for_can_be_reopened() {
    let spaces = cairn_storage_fjall::MAX_SPACES_CEILING as u64;
    let folder = tempfile::tempdir().unwrap();
    let mut options = options(folder.path());
    options.max_spaces = cairn_storage_fjall::MAX_SPACES_CEILING;
    let engine = FjallEngine::open(options.clone()).unwrap();
    for n in 1..spaces {
        engine.create_space(SpaceId::Items(n)).await.unwrap();
    }
    assert!(matches!(engine.create_space(SpaceId::Items(spaces)).await, Err(Error::TooManySpaces { .. })));
    for round in 0..3_u8 {
        let writes = (1..spaces).map(|n| put(SpaceId::Items(n), [round], "1")).collect();
        write(&engine, writes).await.unwrap();
    }
    engine.close().await.unwrap();
    // With the smallest budget everything is flushed at once, so that every keyspace has a table in level 0.
    options.write_buffer_bytes = 64 * 1024;
    for round in 0..2_u8 {
        let engine = FjallEngine::open(options.clone()).unwrap();
        assert_eq!(engine.spaces().await.unwrap().len() as u64, spaces);
        while engine.statistics().await.unwrap().write_buffer_bytes > 64 * 1024 {
            tokio::task::yield_now().await;
        }
        for n in 1..spaces {
            assert_eq!(get(&engine, SpaceId::Items(n), [round]).await.unwrap(), "1");
        }
        engine.close().await.unwrap();
    }
}
