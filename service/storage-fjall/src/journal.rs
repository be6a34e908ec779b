//! The journal check: reads fjall's journals before fjall does.
//!
//! fjall takes the first thing in a journal that it cannot read for its end and cuts the file there, so a single bad
//! byte in the middle silently removes every synced commit after it. Other kinds of torn writes, which a power cut
//! may well leave in the last batch, make it refuse to open at all. This check tells the two apart, while everything
//! is still there:
//!
//! - Whole batches, then a torn one, then nothing: a commit was under way when the machine stopped, or when the disk
//!   was full. Its callers were never told that it succeeded. The tail is kept in a file beside the store and cut off.
//! - Anything unreadable with a whole batch behind it, or a gap in the commits' sequence numbers: damage. Nothing is
//!   touched.
//!
//! The format is that of fjall 3.1 (`journal/entry.rs`, `journal/writer.rs`), version 3 of its files. A batch is
//! a start (tag 1, item count, fjall's sequence number), its items (tag 2, or 4 for a cleared keyspace) and an end
//! (tag 3, XXH3 of the items, trailer); numbers are little-endian.

use crate::files;
use crate::layout;
use cairn_storage::{Error, Result};
use std::fs::{File, OpenOptions};
use std::io::{self, BufReader, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};
use xxhash_rust::xxh3::Xxh3;

const TAG_START: u8 = 1;
const TAG_ITEM: u8 = 2;
const TAG_END: u8 = 3;
const TAG_CLEAR: u8 = 4;
const TRAILER: &[u8; 4] = b"FJL\x03";
/// What the copies of torn tails are called, and how many are kept: a machine that crashes again and again must not
/// fill its disk with them.
const TORN_PREFIX: &str = "journal-tail-";
const TORN_KEPT: usize = 8;
/// What the copies of acknowledged commits are called that were given up. All are kept.
const LOST_PREFIX: &str = "journal-lost-";
const BUFFER_BYTES: usize = 1 << 18;

/// What the journals hold.
#[derive(Debug, Default)]
pub(crate) struct Journals {
    /// The newest commit in them; none if they hold no commit.
    pub(crate) newest_commit: Option<u64>,
    /// What commits left that were never finished.
    pub(crate) torn: Vec<Torn>,
    /// What only damage can explain.
    pub(crate) damage: Option<Damage>,
    /// Every journal, oldest first.
    files: Vec<PathBuf>,
}

/// The end of a journal, from the first byte that belongs to no whole batch.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Torn {
    path: PathBuf,
    /// Where the last whole batch ends.
    whole_bytes: u64,
}

/// A place where a journal cannot be read although what follows was synced.
#[derive(Debug)]
pub(crate) struct Damage {
    path: PathBuf,
    /// Where the last whole batch before it ends.
    whole_bytes: u64,
    what: String,
}

impl std::fmt::Display for Damage {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} at byte {} of {}", self.what, self.whole_bytes, self.path.display())
    }
}

/// Reads every journal in fjall's folder, and changes nothing.
pub(crate) fn read(folder: &Path) -> Result<Journals> {
    let mut journals = Journals { files: journal_files(folder)?, ..Journals::default() };
    let mut newest = Newest::default();
    for path in &journals.files {
        let read = read_file(path, &mut newest);
        match read.map_err(|cause| Error::io(format!("reading {}", path.display()), cause))? {
            Ending::Clean => {}
            Ending::Torn { whole_bytes } => journals.torn.push(Torn { path: path.clone(), whole_bytes }),
            Ending::Damaged { whole_bytes, what } => {
                journals.damage = Some(Damage { path: path.clone(), whole_bytes, what });
                break;
            }
        }
    }
    journals.newest_commit = newest.commit;
    Ok(journals)
}

impl Journals {
    /// Cuts off what commits left that were never finished, keeping copies in `store`.
    pub(crate) fn cut_torn_tails(&self, store: &Path) -> Result<()> {
        for Torn { path, whole_bytes } in &self.torn {
            tracing::info!(
                journal = %path.display(),
                whole_bytes,
                "a journal ends in a commit that was never finished; cutting it off"
            );
            cut(path, *whole_bytes, store, TORN_PREFIX)?;
        }
        if !self.torn.is_empty() {
            remove_old_tails(store);
        }
        Ok(())
    }

    /// Cuts the journals off where the damage begins, keeping copies of the rest in `store`.
    pub(crate) fn cut_at_damage(&self, store: &Path) -> Result<()> {
        let Some(Damage { path, whole_bytes, .. }) = &self.damage else { return Ok(()) };
        // The newest first, so that an interruption leaves a gap at the end rather than in the middle.
        for later in self.files.iter().rev().take_while(|file| *file != path) {
            cut(later, 0, store, LOST_PREFIX)?;
        }
        cut(path, *whole_bytes, store, LOST_PREFIX)
    }
}

/// fjall's journals, oldest first.
fn journal_files(folder: &Path) -> Result<Vec<PathBuf>> {
    let failed = |cause| Error::io(format!("listing {}", folder.display()), cause);
    let mut numbered = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(failed)? {
        let path = entry.map_err(failed)?.path();
        if path.extension().is_some_and(|extension| extension == "jnl") {
            let number =
                path.file_stem().and_then(|stem| stem.to_str()).and_then(|stem| stem.parse::<u64>().ok());
            let number = number.ok_or_else(|| Error::Damaged {
                reason: format!("{} is not a name fjall gives a journal", path.display()),
            })?;
            numbered.push((number, path));
        }
    }
    numbered.sort_unstable();
    Ok(numbered.into_iter().map(|(_, path)| path).collect())
}

/// How a journal ends.
#[derive(Debug, PartialEq, Eq)]
enum Ending {
    /// After a whole batch.
    Clean,
    Torn {
        whole_bytes: u64,
    },
    Damaged {
        whole_bytes: u64,
        what: String,
    },
}

/// The newest whole batch so far.
#[derive(Debug, Default)]
struct Newest {
    seqno: Option<u64>,
    commit: Option<u64>,
}

impl Newest {
    /// Takes note of the next batch, or says why it cannot be the next one.
    fn follow(&mut self, batch: &Batch) -> std::result::Result<(), String> {
        if let Some(seqno) = self.seqno
            && batch.seqno <= seqno
        {
            return Err(format!("batch {} follows batch {seqno}", batch.seqno));
        }
        if let (Some(newest), Some(commit)) = (self.commit, batch.commit)
            && commit != newest + 1
            && !batch.accepts_loss
        {
            return Err(format!("commit {commit} follows commit {newest}"));
        }
        self.seqno = Some(batch.seqno);
        self.commit = batch.commit.or(self.commit);
        Ok(())
    }
}

fn read_file(path: &Path, newest: &mut Newest) -> io::Result<Ending> {
    let mut file = File::open(path)?;
    let mut reader = Counted { inner: BufReader::with_capacity(BUFFER_BYTES, &file), bytes: 0 };
    let mut whole_bytes = 0;
    let search_from = loop {
        match read_batch(&mut reader)? {
            Parsed::Batch(batch) => {
                if let Err(what) = newest.follow(&batch) {
                    return Ok(Ending::Damaged { whole_bytes, what });
                }
                whole_bytes = reader.bytes;
            }
            // Inside what cannot be read there may be anything, so everything behind the last whole batch is searched.
            Parsed::Unreadable => break whole_bytes + 1,
            // A batch of which every part could be found, but not as it was written: its values are passed over.
            Parsed::Mismatched => break reader.bytes,
        }
    };
    drop(reader);
    let Some(content_end) = last_non_zero(&mut file, whole_bytes)? else { return Ok(Ending::Clean) };
    let mut rest =
        vec![0; usize::try_from(content_end.saturating_sub(search_from)).map_err(io::Error::other)?];
    file.seek(SeekFrom::Start(search_from))?;
    file.read_exact(&mut rest)?;
    if holds_a_later_batch(&rest, newest)? {
        let what = "the journal cannot be read, although whole commits follow".to_owned();
        return Ok(Ending::Damaged { whole_bytes, what });
    }
    Ok(Ending::Torn { whole_bytes })
}

/// Whether a whole batch of ours begins anywhere in `bytes` that was written after the one that cannot be read.
///
/// The one that cannot be read is the commit after the newest whole one, so what was written after it is at least one
/// further on. That also keeps apart most of what only looks like a batch: a value may hold a copy of a journal.
fn holds_a_later_batch(bytes: &[u8], newest: &Newest) -> io::Result<bool> {
    let mut rest = bytes;
    while let Some(at) = rest.iter().position(|byte| *byte == TAG_START) {
        let (_, candidate) = rest.split_at(at);
        if let Parsed::Batch(batch) = read_batch(&mut &*candidate)?
            && Some(batch.seqno) > newest.seqno
            && batch.commit > newest.commit.map(|commit| commit + 1)
        {
            return Ok(true);
        }
        rest = candidate.get(1..).unwrap_or_default();
    }
    Ok(false)
}

/// Where the last byte that is not zero ends, looking from `from` on; none if there is none. fjall begins a journal
/// with 64 MiB of zeros.
fn last_non_zero(file: &mut File, from: u64) -> io::Result<Option<u64>> {
    file.seek(SeekFrom::Start(from))?;
    let mut buffer = vec![0; BUFFER_BYTES];
    let (mut position, mut found) = (from, None);
    loop {
        let count = file.read(&mut buffer)?;
        let Some(chunk) = buffer.get(..count).filter(|chunk| !chunk.is_empty()) else { return Ok(found) };
        if let Some(index) = chunk.iter().rposition(|byte| *byte != 0) {
            found = Some(position + index as u64 + 1);
        }
        position += count as u64;
    }
}

/// A whole batch.
#[derive(Debug, PartialEq, Eq)]
struct Batch {
    /// fjall's number of it.
    seqno: u64,
    /// Our commit's number, which each of our batches holds.
    commit: Option<u64>,
    /// Whether it is the first one after a loss that was accepted, so that its number need not follow.
    accepts_loss: bool,
}

/// What was found where a batch should begin.
#[derive(Debug, PartialEq, Eq)]
enum Parsed {
    Batch(Batch),
    /// Every part of a batch, whose checksum or number of items is wrong.
    Mismatched,
    /// Something else, or the end of the file.
    Unreadable,
}

/// Reads one batch.
fn read_batch(reader: &mut impl Read) -> io::Result<Parsed> {
    match parse(reader) {
        Ok(parsed) => Ok(parsed),
        Err(Stop::Unreadable) => Ok(Parsed::Unreadable),
        Err(Stop::Io(cause)) => Err(cause),
    }
}

enum Stop {
    Unreadable,
    Io(io::Error),
}

impl From<io::Error> for Stop {
    fn from(cause: io::Error) -> Self {
        if cause.kind() == io::ErrorKind::UnexpectedEof { Self::Unreadable } else { Self::Io(cause) }
    }
}

fn parse(reader: &mut impl Read) -> std::result::Result<Parsed, Stop> {
    if read_u8(reader)? != TAG_START {
        return Err(Stop::Unreadable);
    }
    let item_count = u32::from_le_bytes(read_array(reader)?);
    let seqno = u64::from_le_bytes(read_array(reader)?);
    let mut batch = Batch { seqno, commit: None, accepts_loss: false };
    let mut hasher = Xxh3::new();
    let mut items = 0;
    loop {
        match read_u8(reader)? {
            TAG_ITEM => {
                hasher.update(&[TAG_ITEM]);
                match read_item(reader, &mut hasher)? {
                    Item::Commit(number) => batch.commit = Some(number),
                    Item::AcceptsLoss => batch.accepts_loss = true,
                    Item::Other => {}
                }
                items += 1;
            }
            TAG_CLEAR => {
                hasher.update(&[TAG_CLEAR]);
                let _keyspace: [u8; 8] = read_hashed(reader, &mut hasher)?;
                items += 1;
            }
            TAG_END => {
                let checksum = u64::from_le_bytes(read_array(reader)?);
                if &read_array::<4>(reader)? != TRAILER {
                    return Err(Stop::Unreadable);
                }
                let is_whole = items == item_count && checksum == hasher.digest();
                return Ok(if is_whole { Parsed::Batch(batch) } else { Parsed::Mismatched });
            }
            _ => return Err(Stop::Unreadable),
        }
        if items > item_count {
            return Err(Stop::Unreadable);
        }
    }
}

/// What an item says to this check.
enum Item {
    /// The number of the commit its batch is.
    Commit(u64),
    /// That its batch follows a loss that was accepted.
    AcceptsLoss,
    /// Nothing.
    Other,
}

/// Reads an item behind its tag.
fn read_item(reader: &mut impl Read, hasher: &mut Xxh3) -> std::result::Result<Item, Stop> {
    const VALUE_TYPES: [u8; 4] = [0, 1, 2, 4];
    const COMPRESSIONS: [u8; 2] = [0, 1];
    let [value_type, compression] = read_hashed(reader, hasher)?;
    let keyspace = u64::from_le_bytes(read_hashed(reader, hasher)?);
    let key_len = u16::from_le_bytes(read_hashed(reader, hasher)?);
    let _value_len: [u8; 4] = read_hashed(reader, hasher)?;
    let stored_len = u32::from_le_bytes(read_hashed(reader, hasher)?);
    if !VALUE_TYPES.contains(&value_type) || !COMPRESSIONS.contains(&compression) {
        return Err(Stop::Unreadable);
    }
    let mut key = vec![0; usize::from(key_len)];
    reader.read_exact(&mut key)?;
    hasher.update(&key);
    let is_ours = keyspace == layout::ENGINE_KEYSPACE_ID;
    if is_ours && key == layout::SEQUENCE_KEY && stored_len == 8 {
        return Ok(Item::Commit(u64::from_be_bytes(read_hashed(reader, hasher)?)));
    }
    let mut value = reader.take(u64::from(stored_len));
    let mut buffer = [0; 4096];
    while value.limit() > 0 {
        let count = value.read(&mut buffer)?;
        let chunk = buffer.get(..count).filter(|chunk| !chunk.is_empty()).ok_or(Stop::Unreadable)?;
        hasher.update(chunk);
    }
    Ok(if is_ours && key == layout::ACCEPTED_LOSS_KEY { Item::AcceptsLoss } else { Item::Other })
}

fn read_hashed<const N: usize>(
    reader: &mut impl Read,
    hasher: &mut Xxh3,
) -> std::result::Result<[u8; N], Stop> {
    let bytes = read_array(reader)?;
    hasher.update(&bytes);
    Ok(bytes)
}

fn read_u8(reader: &mut impl Read) -> std::result::Result<u8, Stop> {
    let [byte] = read_array(reader)?;
    Ok(byte)
}

fn read_array<const N: usize>(reader: &mut impl Read) -> std::result::Result<[u8; N], Stop> {
    let mut bytes = [0; N];
    reader.read_exact(&mut bytes)?;
    Ok(bytes)
}

/// A reader that knows how far it has read.
struct Counted<R> {
    inner: R,
    bytes: u64,
}

impl<R: Read> Read for Counted<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.inner.read(buffer)?;
        self.bytes += count as u64;
        Ok(count)
    }
}

/// Cuts a journal to `whole_bytes`, after copying the rest to a file of its own in `store`.
fn cut(path: &Path, whole_bytes: u64, store: &Path, prefix: &str) -> Result<()> {
    let failed = |cause| Error::io(format!("cutting {}", path.display()), cause);
    let mut file = OpenOptions::new().read(true).write(true).open(path).map_err(failed)?;
    if let Some(content_end) = last_non_zero(&mut file, whole_bytes).map_err(failed)? {
        file.seek(SeekFrom::Start(whole_bytes)).map_err(failed)?;
        let mut tail = Vec::new();
        (&file).take(content_end - whole_bytes).read_to_end(&mut tail).map_err(failed)?;
        files::write_file(&copy_path(path, store, prefix), &tail)?;
    }
    file.set_len(whole_bytes).and_then(|()| file.sync_all()).map_err(failed)
}

/// Where a copy is kept: `<prefix><milliseconds>-<journal>.bak`.
fn copy_path(journal: &Path, store: &Path, prefix: &str) -> PathBuf {
    let milliseconds = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_millis());
    let journal = journal.file_stem().unwrap_or_default().display().to_string();
    store.join(format!("{prefix}{milliseconds:015}-{journal}.bak"))
}

/// Keeps the newest copies of torn tails.
fn remove_old_tails(store: &Path) {
    let Ok(entries) = std::fs::read_dir(store) else { return };
    let is_tail = |path: &PathBuf| {
        path.file_name().and_then(|name| name.to_str()).is_some_and(|name| name.starts_with(TORN_PREFIX))
    };
    let mut tails: Vec<_> = entries.flatten().map(|entry| entry.path()).filter(is_tail).collect();
    tails.sort_unstable();
    for path in tails.iter().take(tails.len().saturating_sub(TORN_KEPT)) {
        if let Err(error) = std::fs::remove_file(path) {
            tracing::warn!(path = %path.display(), %error, "an old journal tail could not be removed");
        }
    }
}

#[cfg(test)]
mod tests;
