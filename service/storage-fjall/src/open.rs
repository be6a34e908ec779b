//! Opening a store: the checks, in the order in which nothing is changed before it is known to be ours and whole.

use crate::admission::Admission;
use crate::committer::{AcceptedLoss, Committer, FirstCommit, Limits, Message};
use crate::counters::Counters;
use crate::disk::DiskGuard;
use crate::engine::Handle;
use crate::files;
use crate::format;
use crate::health::Health;
use crate::journal;
use crate::lane::ReadLane;
use crate::layout;
use crate::monitor::{self, Budgets, Monitor};
use crate::options::FjallOptions;
use crate::pool::{Pool, open_keyspace};
use crate::recent::RecentWrites;
use crate::shared::Shared;
use crate::tuning;
use crate::upkeep::{self, Upkeep};
use crate::view::{Space, Spaces, View};
use crate::watermark::Watermark;
use arc_swap::ArcSwap;
use cairn_storage::{Error, Result, SpaceId};
use crossbeam_channel::{Receiver, Sender, bounded, unbounded};
use fjall::{Database, Keyspace, Readable};
use parking_lot::Mutex;
use std::collections::BTreeMap;
use std::fs::{File, TryLockError};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize};
use std::thread::JoinHandle;
use std::time::Duration;
use tokio::sync::watch;

/// How long closing waits for the reads under way. They take milliseconds; but a task in the middle of one may be
/// waiting for the thread that closes.
const READS_END_WITHIN: Duration = Duration::from_secs(5);

/// A store that is ours: locked, of a known format, with its watermark.
struct Store {
    directory: PathBuf,
    database_folder: PathBuf,
    watermark: Watermark,
    /// Held until the store is closed.
    lock: File,
}

/// Opens the store and starts its threads.
pub(crate) fn open(options: &FjallOptions) -> Result<Handle> {
    options.validate()?;
    let mut store = claim(options)?;
    let recovered = recover(options, &mut store)?;
    start(options, store, recovered)
}

/// Locks the store and checks its outer files.
fn claim(options: &FjallOptions) -> Result<Store> {
    let directory = options.directory.clone();
    let database_folder = directory.join(layout::DATABASE_FOLDER);
    files::create_folder(&directory)?;
    if !format::check(&directory)? {
        refuse_foreign(&directory)?;
    }
    let lock = lock(&directory)?;
    let watermark_path = directory.join(layout::WATERMARK_FILE);
    if !format::check(&directory)? {
        if database_folder.exists() {
            return Err(Error::Damaged {
                reason: format!(
                    "{} holds a database but no {}; the file names the store's format and cannot be guessed",
                    directory.display(),
                    layout::FORMAT_FILE
                ),
            });
        }
        format::create(&directory)?;
    }
    let watermark = match Watermark::open(&watermark_path)? {
        Some(watermark) => watermark,
        None if !database_folder.exists() => Watermark::create(&watermark_path)?,
        None if options.accept_loss => {
            tracing::warn!("the store has no readable watermark; making a new one, as accept_loss says");
            Watermark::create(&watermark_path)?
        }
        None => {
            return Err(Error::Damaged {
                reason: format!(
                    "{} is missing or unreadable, so a loss of commits could not be noticed; \
                     restore it, or open once with accept_loss to begin a new one",
                    watermark_path.display()
                ),
            });
        }
    };
    remove_unfinished_database(&database_folder)?;
    files::create_folder(&database_folder)?;
    Ok(Store { directory, database_folder, watermark, lock })
}

/// Refuses a folder that others use: their files and ours are not to be mixed.
fn refuse_foreign(directory: &Path) -> Result<()> {
    let failed = |cause| Error::io(format!("reading the folder {}", directory.display()), cause);
    for entry in std::fs::read_dir(directory).map_err(failed)? {
        let name = entry.map_err(failed)?.file_name();
        if !layout::OTHER_ENTRIES.iter().any(|known| name == *known) {
            return Err(Error::Foreign { entry: name.to_string_lossy().into_owned() });
        }
    }
    Ok(())
}

/// Takes the store's lock.
fn lock(directory: &Path) -> Result<File> {
    let path = directory.join(layout::LOCK_FILE);
    let file = files::open_file(&path)?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(Error::Locked),
        Err(TryLockError::Error(cause)) => Err(Error::io(format!("locking {}", path.display()), cause)),
    }
}

/// Removes what a crash left of making the database: fjall would stumble over its own first files.
fn remove_unfinished_database(folder: &Path) -> Result<()> {
    if !folder.exists() || folder.join(layout::DATABASE_MARKER).exists() {
        return Ok(());
    }
    // Keyspaces are made after the marker, so with one of them there the marker has been lost, not yet to be made.
    let has_keyspaces = std::fs::read_dir(folder.join(layout::KEYSPACES_FOLDER))
        .is_ok_and(|mut entries| entries.next().is_some());
    if has_keyspaces {
        let marker = folder.join(layout::DATABASE_MARKER);
        return Err(Error::Damaged { reason: format!("{} is missing", marker.display()) });
    }
    std::fs::remove_dir_all(folder)
        .map_err(|cause| Error::io(format!("removing the unfinished {}", folder.display()), cause))
}

/// A database that is open and holds what was acknowledged.
struct Recovered {
    database: Database,
    engine: Keyspace,
    spaces: Spaces,
    pool: Pool,
    sequence: u64,
    counters: Counters,
    first: FirstCommit,
}

fn recover(options: &FjallOptions, store: &mut Store) -> Result<Recovered> {
    let damage_accepted = check_journals(options, store)?;
    let database = open_database(options, &store.database_folder)?;
    tuning::skip_sequence_numbers(&database);
    let keyspaces_folder = store.database_folder.join(layout::KEYSPACES_FOLDER);
    let keyspace =
        |name: &str| open_keyspace(&database, &keyspaces_folder, name, options.separate_values_bytes);
    let engine = keyspace(layout::ENGINE_KEYSPACE)?;
    if engine.id() != layout::ENGINE_KEYSPACE_ID {
        return Err(Error::Damaged {
            reason: format!("the engine's keyspace has number {} instead of its own", engine.id()),
        });
    }
    let snapshot = database.snapshot();
    let sequence = newest_commit(&engine, &snapshot)?;
    let mut accepted_loss = check_for_loss(options, &mut store.watermark, sequence)?;
    if damage_accepted && accepted_loss.is_none() {
        // Flushed commits may be newer than the end of the journals, and the next one will not follow on that.
        accepted_loss = Some(AcceptedLoss { found: sequence, acknowledged: sequence });
    }
    let mut counters = Counters::load(&engine, &snapshot)?;

    let mut spaces = Spaces::new();
    let space = |name: &str| Ok(Arc::new(Space::new(keyspace(name)?, options.slow_step)));
    spaces.insert(SpaceId::System, space(&layout::keyspace_name(SpaceId::System))?);
    let notes = Notes::load(&engine, &snapshot)?;
    for name in &notes.dropped {
        // A crash may have come between the drop and the removal.
        if database.keyspace_exists(name) {
            database
                .delete_keyspace(keyspace(name)?)
                .map_err(|cause| Error::backend("removing a dropped space", cause))?;
        }
    }
    for (id, name) in &notes.spaces {
        if !database.keyspace_exists(name) {
            return Err(Error::Damaged { reason: format!("the space {id} has lost its keyspace {name:?}") });
        }
        spaces.insert(*id, space(name)?);
    }
    let mut spares = Vec::new();
    for name in database.list_keyspace_names() {
        let is_in_use = notes.spaces.values().any(|used| **used == *name);
        match (layout::space_of(&name), layout::pool_number_of(&name)) {
            (Some(id), _) if !spaces.contains_key(&id) => {
                spaces.insert(id, space(&name)?);
            }
            (Some(_), _) => {}
            (None, Some(_)) if is_in_use => {}
            (None, Some(_)) => spares.extend(spare(options, &database, keyspace(&name)?)?),
            (None, None) if &*name == layout::ENGINE_KEYSPACE => {}
            (None, None) => {
                return Err(Error::Damaged {
                    reason: format!("the database holds an unknown keyspace {name:?}"),
                });
            }
        }
    }
    let used = notes.spaces.values().chain(&notes.dropped).filter_map(|name| layout::pool_number_of(name));
    let spare = spares.iter().filter_map(|keyspace| layout::pool_number_of(keyspace.name()));
    let next = used.chain(spare).max().map_or(1, |number| number + 1);
    let pool =
        Pool::new(database.clone(), keyspaces_folder.clone(), options.separate_values_bytes, spares, next);
    // A crash while a space was dropped may leave its counters.
    let orphans = counters.forget(|space| !spaces.contains_key(&space));
    let first = FirstCommit { orphans, removed: notes.dropped, accepted_loss };
    Ok(Recovered { database, engine, spaces, pool, sequence, counters, first })
}

/// What the engine's keyspace notes about keyspaces.
#[derive(Default)]
struct Notes {
    /// The keyspace of each space that has one of the pool.
    spaces: BTreeMap<SpaceId, String>,
    /// Keyspaces of dropped spaces.
    dropped: Vec<String>,
}

impl Notes {
    fn load(engine: &Keyspace, snapshot: &fjall::Snapshot) -> Result<Self> {
        let unknown = || Error::Damaged {
            reason: "the engine's keyspace holds a note of an unknown kind about a keyspace".to_owned(),
        };
        let mut notes = Self::default();
        let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).map_err(|_| unknown());
        for record in snapshot.prefix(engine, [layout::SPACE_PREFIX]) {
            let (key, name) =
                record.into_inner().map_err(|cause| Error::backend("reading the spaces", cause))?;
            notes.spaces.insert(layout::space_of_key(&key).ok_or_else(unknown)?, text(&name)?);
        }
        for record in snapshot.prefix(engine, [layout::DROPPED_PREFIX]) {
            let key = record.key().map_err(|cause| Error::backend("reading the dropped spaces", cause))?;
            notes.dropped.push(text(key.get(1..).unwrap_or_default())?);
        }
        Ok(notes)
    }
}

/// A keyspace of the pool that no space uses, if it is empty as it should be.
fn spare(options: &FjallOptions, database: &Database, keyspace: Keyspace) -> Result<Option<Keyspace>> {
    if tuning::was_never_written(&keyspace) {
        return Ok(Some(keyspace));
    }
    let name = keyspace.name().clone();
    if !options.accept_loss {
        return Err(Error::Damaged {
            reason: format!(
                "the keyspace {name:?} holds records, but no space is known to use it; \
                 restore a backup, or open once with accept_loss to give them up"
            ),
        });
    }
    tracing::warn!(name = &*name, "giving up a keyspace of a lost space, as accept_loss says");
    database.delete_keyspace(keyspace).map_err(|cause| Error::backend("removing a lost space", cause))?;
    Ok(None)
}

fn open_database(options: &FjallOptions, folder: &Path) -> Result<Database> {
    let builder =
        tuning::database(folder, options.cache_bytes, options.journal_bytes, options.background_threads);
    // fjall panics on some kinds of damage.
    let opened = catch_unwind(AssertUnwindSafe(|| builder.open()))
        .map_err(|_| Error::Damaged { reason: "the database cannot be opened: fjall panicked".to_owned() })?;
    opened.map_err(|cause| match cause {
        fjall::Error::Locked => Error::Locked,
        fjall::Error::Io(cause) => Error::io(format!("opening the database in {}", folder.display()), cause),
        fjall::Error::Poisoned | fjall::Error::KeyspaceDeleted => {
            Error::backend("opening the database", cause)
        }
        other => Error::Damaged { reason: format!("the database cannot be opened: {other}") },
    })
}

/// The sequence number of the newest commit in the database; 0 if there was none.
fn newest_commit(engine: &Keyspace, snapshot: &fjall::Snapshot) -> Result<u64> {
    let stored = snapshot
        .get(engine, layout::SEQUENCE_KEY)
        .map_err(|cause| Error::backend("reading the newest commit's number", cause))?;
    let Some(stored) = stored else { return Ok(0) };
    <[u8; 8]>::try_from(&*stored).map(u64::from_be_bytes).map_err(|_| Error::Damaged {
        reason: "the newest commit's number is not eight bytes long".to_owned(),
    })
}

/// Reads the journals before fjall does, and cuts off what a commit left that was never finished. True if damage was
/// found and accepted.
fn check_journals(options: &FjallOptions, store: &Store) -> Result<bool> {
    let journals = journal::read(&store.database_folder)?;
    if let Some(damage) = &journals.damage {
        if !options.accept_loss {
            return Err(Error::Damaged {
                reason: format!(
                    "{damage}; restore a backup, or open once with accept_loss to give up what follows"
                ),
            });
        }
        tracing::warn!(%damage, "giving up what follows in the journals, as accept_loss says");
        journals.cut_at_damage(&store.directory)?;
        return Ok(true);
    }
    // The newest commit of all is in the journals if any commit is, so a loss can be told before anything is changed.
    if let Some(newest) = journals.newest_commit
        && newest < store.watermark.sequence()
        && !options.accept_loss
    {
        return Err(loss(newest, store.watermark.sequence()));
    }
    journals.cut_torn_tails(&store.directory)?;
    Ok(false)
}

/// Compares what the database holds with what was acknowledged.
fn check_for_loss(
    options: &FjallOptions,
    watermark: &mut Watermark,
    sequence: u64,
) -> Result<Option<AcceptedLoss>> {
    let acknowledged = watermark.sequence();
    if sequence >= acknowledged {
        return Ok(None);
    }
    if !options.accept_loss {
        return Err(loss(sequence, acknowledged));
    }
    tracing::warn!(
        found = sequence,
        acknowledged,
        "the store has lost acknowledged commits; opening it all the same, as accept_loss says"
    );
    watermark.write(sequence)?;
    Ok(Some(AcceptedLoss { found: sequence, acknowledged }))
}

/// The store ends before the newest commit known to have been acknowledged.
fn loss(sequence: u64, acknowledged: u64) -> Error {
    Error::Damaged {
        reason: format!(
            "commits up to {acknowledged} were acknowledged, but the store ends at {sequence}; \
             restore a backup, or open once with accept_loss to go on without the rest"
        ),
    }
}

/// Publishes the first view and starts the committer and the monitor.
fn start(options: &FjallOptions, store: Store, recovered: Recovered) -> Result<Handle> {
    let Recovered { database, engine, spaces, pool, sequence, counters, first } = recovered;
    let (upkeep, upkeep_inbox) = bounded(upkeep::REPORTS_MAX);
    let view = Arc::new(View::new(
        sequence,
        database.snapshot(),
        Arc::new(spaces),
        Arc::new(Space::new(engine, options.slow_step)),
        Arc::new(ReadLane::new(options.inline_reads_max, options.blocking_reads_max)),
        upkeep.clone(),
    ));
    let shared = Arc::new(Shared {
        view: ArcSwap::new(Arc::clone(&view)),
        health: Health::default(),
        admission: Admission::new(options.queue_bytes_max, options.queue_wait_max),
        unflushed_bytes: AtomicU64::new(0),
        checked: AtomicU64::new(sequence),
        removing: AtomicUsize::new(0),
        upkept: watch::Sender::new(0),
        #[cfg(test)]
        prepared: AtomicUsize::new(0),
        #[cfg(test)]
        faults: Mutex::default(),
        superseded: Mutex::default(),
    });
    let (monitor, monitor_inbox) = unbounded();
    let (committer, committer_inbox) = unbounded();
    let (closed_sender, closed) = watch::channel(false);
    format::upgrade(&store.directory)?;
    let pool = Arc::new(pool);
    let mut work = Committer {
        database: database.clone(),
        pool: Arc::clone(&pool),
        shared: Arc::clone(&shared),
        view,
        recent: RecentWrites::new(sequence),
        counters,
        disk: DiskGuard::new(store.directory.clone(), options.disk_reserve_bytes),
        limits: Limits {
            group_operations_max: options.group_operations_max,
            group_bytes_max: options.group_bytes_max,
            spaces_max: options.max_spaces,
            memtable_bytes: options.memtable_bytes,
            slow_step: options.slow_step,
        },
        monitor: monitor.clone(),
    };
    work.begin(first)?;
    let budgets = Budgets {
        write_buffer_bytes: options.write_buffer_bytes,
        journal_bytes: options.journal_bytes,
        spaces_max: options.max_spaces,
    };
    let upkeeping = Upkeep {
        database: database.clone(),
        shared: Arc::clone(&shared),
        committer: committer.clone(),
        disk: DiskGuard::new(store.directory, options.disk_reserve_bytes),
        settled: sequence,
        resting: BTreeMap::new(),
        pool,
        refill_rest: Duration::ZERO,
    };
    let watching = Monitor::new(
        database,
        store.database_folder,
        Arc::clone(&shared),
        committer.clone(),
        store.watermark,
        budgets,
    );
    let watcher = spawn("cairn-monitor", move || watching.run(&monitor_inbox))?;
    let upkeeper = spawn("cairn-upkeep", move || upkeeping.run(&upkeep_inbox))?;
    let helpers = Helpers { upkeep, upkeeper, watcher };
    let lock = store.lock;
    let thread = spawn("cairn-committer", move || {
        work.run(&committer_inbox);
        shut_down(work, committer_inbox, helpers);
        // Last of all: whoever gets the lock finds everything closed.
        drop(lock);
        let _ = closed_sender.send(true);
    })?;
    Ok(Handle { shared, committer, monitor, thread: Mutex::new(Some(thread)), closed })
}

fn spawn(name: &str, work: impl FnOnce() + Send + 'static) -> Result<JoinHandle<()>> {
    std::thread::Builder::new()
        .name(name.to_owned())
        .spawn(work)
        .map_err(|cause| Error::io(format!("starting the thread {name}"), cause))
}

/// The threads that end with the committer's.
struct Helpers {
    upkeep: Sender<upkeep::Message>,
    upkeeper: JoinHandle<()>,
    watcher: JoinHandle<()>,
}

/// Lets go of everything, on the committer's thread.
fn shut_down(committer: Committer, inbox: Receiver<Message>, helpers: Helpers) {
    let Committer { database, pool, shared, view, monitor, .. } = committer;
    let _ = shared.health.close();
    // What was sent too late is dropped unanswered, which its callers hear as `Closed`.
    drop(inbox);
    shared.admission.close();
    // Reads under way hold keyspaces, and a keyspace holds fjall's lock.
    if !view.lane.close(READS_END_WITHIN) {
        tracing::warn!(
            "the store is closed with reads still under way; its files stay locked until they end"
        );
    }
    for space in view.spaces.values().chain([&view.engine]) {
        space.take_keyspace();
    }
    let _ = monitor.send(monitor::Message::Stop);
    let _ = helpers.upkeep.send(upkeep::Message::Stop);
    for (thread, name) in [(helpers.watcher, "monitor"), (helpers.upkeeper, "upkeep")] {
        if thread.join().is_err() {
            tracing::error!(name, "a thread met a bug and stopped");
        }
    }
    pool.clear();
    // Every commit was synced when it was made; dropping the last handle ends fjall's threads.
    drop((view, pool, database));
}

#[cfg(test)]
mod tests;
