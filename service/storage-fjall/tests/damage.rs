//! What opening does with a store that a crash, a bad disk or a person has changed: what a crash leaves is repaired,
//! what only damage can explain is refused and left alone, and a loss is accepted only when asked.

// The helpers of this file panic, as tests do.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

mod common;

use cairn_storage::{Engine, Error};
use cairn_storage_fjall::{FjallEngine, FjallOptions};
use common::{ITEMS, get, open, open_error, options, put, write};
use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

/// What is done to a journal.
type Change<'a> = &'a dyn Fn(&mut Vec<u8>);

const COMMITS: u32 = 20;
const VALUE: [u8; 2000] = [7; 2000];

/// A store with [`COMMITS`] commits of one record each, closed.
async fn closed_store() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let engine = open(folder.path()).await;
    fill(&engine).await;
    engine.close().await.unwrap();
    folder
}

/// The same, as a crash leaves it: the journal is there, the watermark is as old as it can be.
async fn crashed_store() -> tempfile::TempDir {
    let (folder, image) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let engine = open(folder.path()).await;
    let first_watermark = fs::read(folder.path().join("watermark")).unwrap();
    fill(&engine).await;
    copy(folder.path(), image.path());
    fs::write(image.path().join("watermark"), first_watermark).unwrap();
    image
}

async fn fill(engine: &FjallEngine) {
    for n in 0..COMMITS {
        write(engine, vec![put(ITEMS, n.to_be_bytes(), VALUE)]).await.unwrap();
    }
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let to = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy(&entry.path(), &to);
        } else {
            fs::copy(entry.path(), to).unwrap();
        }
    }
}

/// Every file of a store with its contents, but for those that hold locks.
fn contents(folder: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut files = BTreeMap::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files.extend(contents(&path));
        } else {
            let bytes = fs::read(&path).unwrap();
            files.insert(path, bytes);
        }
    }
    files
}

fn journal(folder: &Path) -> PathBuf {
    folder.join("database/0.jnl")
}

/// Changes the journal's bytes; it is given those up to the last that is not zero.
fn change_journal(folder: &Path, change: impl FnOnce(&mut Vec<u8>)) {
    let path = journal(folder);
    let mut bytes = fs::read(&path).unwrap();
    let end = bytes.iter().rposition(|byte| *byte != 0).unwrap() + 1;
    let zeros = bytes.split_off(end);
    change(&mut bytes);
    bytes.extend(&zeros[..1000]);
    fs::write(path, bytes).unwrap();
}

/// How many of the first records are there, after asserting that no others are.
async fn records(engine: &FjallEngine) -> u32 {
    let mut count = 0;
    for n in 0..COMMITS {
        match get(engine, ITEMS, n.to_be_bytes()).await {
            Some(value) => {
                assert_eq!(value, &VALUE[..]);
                assert_eq!(count, n, "record {n} is there, but not all before it");
                count += 1;
            }
            None => break,
        }
    }
    count
}

fn kept_files(folder: &Path, prefix: &str) -> usize {
    let named = |entry: &fs::DirEntry| entry.file_name().to_str().unwrap().starts_with(prefix);
    fs::read_dir(folder).unwrap().filter(|entry| named(entry.as_ref().unwrap())).count()
}

fn assert_refused_and_untouched(folder: &Path, says: &str) {
    let before = contents(folder);
    let error = open_error(options(folder));
    let Error::Damaged { reason } = &error else { panic!("{error}") };
    assert!(reason.contains(says), "{reason}");
    let after = contents(folder);
    assert!(before == after, "the store was changed: {:?} / {:?}", before.keys(), after.keys());
}

fn accepting(folder: &Path) -> FjallOptions {
    let mut options = options(folder);
    options.accept_loss = true;
    options
}

#[tokio::test]
async fn a_crashed_store_has_every_commit() {
    let store = crashed_store().await;
    let engine = open(store.path()).await;
    assert_eq!(records(&engine).await, COMMITS);
    assert_eq!(kept_files(store.path(), "journal-"), 0);
}

#[tokio::test]
async fn a_commit_torn_by_a_crash_is_cut_off_and_kept_aside() {
    let cut = |bytes: &mut Vec<u8>| bytes.truncate(bytes.len() - 1000);
    // fjall alone would refuse to open this one.
    let hole = |bytes: &mut Vec<u8>| {
        let end = bytes.len();
        bytes[end - 1500..end - 1000].fill(0);
    };
    let changes: [Change<'_>; 2] = [&cut, &hole];
    for change in changes {
        let store = crashed_store().await;
        change_journal(store.path(), change);
        let engine = open(store.path()).await;
        assert_eq!(records(&engine).await, COMMITS - 1);
        assert_eq!(kept_files(store.path(), "journal-tail-"), 1);
        fill(&engine).await;
        engine.close().await.unwrap();
        let engine = open(store.path()).await;
        assert_eq!(records(&engine).await, COMMITS);
        assert_eq!(kept_files(store.path(), "journal-tail-"), 1);
    }
}

#[tokio::test]
async fn damage_before_whole_commits_is_refused_untouched_and_given_up_only_when_asked() {
    let value_byte = |bytes: &mut Vec<u8>| {
        let middle = bytes.len() / 2;
        bytes[middle] ^= 1;
    };
    // Here fjall would open the store and say nothing of the commits it cut off.
    let page = |bytes: &mut Vec<u8>| {
        let middle = bytes.len() / 2;
        bytes[middle..middle + 2500].fill(0);
    };
    let changes: [Change<'_>; 2] = [&value_byte, &page];
    for (crashed, change) in
        [false, true].into_iter().flat_map(|crashed| changes.map(|change| (crashed, change)))
    {
        let store = if crashed { crashed_store().await } else { closed_store().await };
        change_journal(store.path(), change);
        assert_refused_and_untouched(store.path(), "whole commits follow");
        let engine = FjallEngine::open(accepting(store.path())).unwrap();
        let left = records(&engine).await;
        assert!((5..COMMITS - 5).contains(&left), "{left}");
        assert_eq!(kept_files(store.path(), "journal-lost-"), 1);
        // What comes after an accepted loss is as safe as ever.
        fill(&engine).await;
        engine.close().await.unwrap();
        let engine = open(store.path()).await;
        assert_eq!(records(&engine).await, COMMITS);
    }
}

#[tokio::test]
async fn a_store_that_ends_before_what_was_acknowledged_is_refused_untouched() {
    let gone = |bytes: &mut Vec<u8>| bytes.truncate(bytes.len() - 3000);
    let torn = |bytes: &mut Vec<u8>| bytes.truncate(bytes.len() - 1);
    let changes: [Change<'_>; 2] = [&gone, &torn];
    for change in changes {
        let store = closed_store().await;
        change_journal(store.path(), change);
        assert_refused_and_untouched(store.path(), "were acknowledged");
        let engine = FjallEngine::open(accepting(store.path())).unwrap();
        let left = records(&engine).await;
        assert!((COMMITS - 2..COMMITS).contains(&left), "{left}");
        fill(&engine).await;
        engine.close().await.unwrap();
        let engine = open(store.path()).await;
        assert_eq!(records(&engine).await, COMMITS);
    }
}

#[tokio::test]
async fn a_journal_that_is_gone_is_noticed() {
    let store = closed_store().await;
    fs::remove_file(journal(store.path())).unwrap();
    let Error::Damaged { reason } = open_error(options(store.path())) else { panic!("opened") };
    assert!(reason.contains("were acknowledged"), "{reason}");
    let engine = FjallEngine::open(accepting(store.path())).unwrap();
    drop(engine);
    drop(open(store.path()).await);
}

#[tokio::test]
async fn a_watermark_that_is_gone_is_refused_and_begun_anew_only_when_asked() {
    let store = closed_store().await;
    fs::remove_file(store.path().join("watermark")).unwrap();
    assert_refused_and_untouched(store.path(), "watermark");
    drop(FjallEngine::open(accepting(store.path())).unwrap());
    assert_eq!(records(&open(store.path()).await).await, COMMITS);
}

#[tokio::test]
async fn a_newer_format_is_refused_before_anything_is_touched() {
    let store = closed_store().await;
    fs::write(store.path().join("cairn-format.json"), r#"{"format_version": 99}"#).unwrap();
    let before = contents(store.path());
    assert!(matches!(open_error(options(store.path())), Error::NewerFormat { found: 99, supported: 2 }));
    assert!(contents(store.path()) == before);
}

#[tokio::test]
async fn a_database_without_its_format_is_refused() {
    let store = closed_store().await;
    fs::remove_file(store.path().join("cairn-format.json")).unwrap();
    assert_refused_and_untouched(store.path(), "cairn-format.json");
}

#[tokio::test]
async fn a_database_without_its_marker_is_refused() {
    let store = closed_store().await;
    fs::remove_file(store.path().join("database/version")).unwrap();
    assert_refused_and_untouched(store.path(), "version is missing");
}

#[tokio::test]
async fn a_creation_that_was_interrupted_is_begun_again() {
    let interruptions: [&dyn Fn(&Path); 3] = [
        &|store| {
            fs::remove_file(store.join("watermark"))
                .and_then(|()| fs::remove_dir_all(store.join("database")))
                .unwrap()
        },
        &|store| fs::remove_dir_all(store.join("database")).unwrap(),
        &|store| {
            fs::remove_dir_all(store.join("database/keyspaces")).unwrap();
            fs::create_dir(store.join("database/keyspaces")).unwrap();
            fs::remove_file(store.join("database/version")).unwrap();
        },
    ];
    for interrupt in interruptions {
        let store = tempfile::tempdir().unwrap();
        drop(FjallEngine::open(options(store.path())).unwrap());
        // Nothing was committed yet, so this is the watermark of a new store.
        interrupt(store.path());
        let engine = open(store.path()).await;
        fill(&engine).await;
        engine.close().await.unwrap();
        assert_eq!(records(&open(store.path()).await).await, COMMITS);
    }
}

#[tokio::test]
async fn a_store_is_open_once_at_a_time() {
    let store = tempfile::tempdir().unwrap();
    let engine = open(store.path()).await;
    assert!(matches!(open_error(options(store.path())), Error::Locked));
    engine.close().await.unwrap();
    drop(open(store.path()).await);
}

#[tokio::test]
async fn only_the_owner_can_read_a_store() {
    let parent = tempfile::tempdir().unwrap();
    let store = parent.path().join("made/by/cairn");
    drop(open(&store).await);
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&store), 0o700);
    assert_eq!(mode(&store.join("database")), 0o700);
    for file in ["cairn-format.json", "watermark", "lock"] {
        assert_eq!(mode(&store.join(file)), 0o600, "{file}");
    }
}

#[tokio::test]
async fn a_folder_that_others_use_is_refused_and_left_as_it_is() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("folder");
    fs::create_dir(&path).unwrap();
    fs::write(path.join("letter.txt"), "Dear Sir").unwrap();
    let before = contents(&path);
    let error = open_error(options(&path));
    assert!(matches!(&error, Error::Foreign { entry } if entry == "letter.txt"), "{error:?}");
    assert_eq!(contents(&path), before);
    // What a file system has at its root is nobody's, and a store that others have put something into stays a store.
    fs::remove_file(path.join("letter.txt")).unwrap();
    fs::create_dir(path.join("lost+found")).unwrap();
    open(&path).await.close().await.unwrap();
    fs::write(path.join("letter.txt"), "Dear Sir").unwrap();
    open(&path).await.close().await.unwrap();
}
