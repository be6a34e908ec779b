//! The watermark: a small file that remembers, apart from the journal, up to which commit writes were acknowledged.
//!
//! A journal that lost its end looks like one that ended there, and fjall opens it without a word. The watermark is
//! written about once a second and at the end, so at the next open a store that holds less than it must hold is
//! noticed. It is a lower bound: what was acknowledged after it was written is not covered.
//!
//! The file has two slots, written in turn, so that a crash in the middle of one leaves the other.

use crate::files;
use cairn_storage::{Error, Result};
use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::Path;
use xxhash_rust::xxh3::xxh3_64;

/// Slots lie a page apart, so that no single torn page takes both.
const SLOT_OFFSETS: [u64; 2] = [0, 4096];
const SLOT_BYTES: usize = 32;
const MAGIC: &[u8; 8] = b"CAIRNWM1";

/// An open watermark file.
#[derive(Debug)]
pub(crate) struct Watermark {
    file: File,
    /// How often it has been written: the slot with the larger number is the newer one.
    writes: u64,
    sequence: u64,
}

impl Watermark {
    /// Creates the file of a new store.
    pub(crate) fn create(path: &Path) -> Result<Self> {
        let mut watermark = Self { file: files::open_file(path)?, writes: 0, sequence: 0 };
        watermark.write(0)?;
        path.parent().map_or(Ok(()), files::sync_folder)?;
        Ok(watermark)
    }

    /// Opens the file of an existing store; none if neither slot can be read.
    pub(crate) fn open(path: &Path) -> Result<Option<Self>> {
        if !path.exists() {
            return Ok(None);
        }
        let file = files::open_file(path)?;
        let newest = SLOT_OFFSETS
            .iter()
            .filter_map(|offset| {
                let mut slot = [0; SLOT_BYTES];
                file.read_exact_at(&mut slot, *offset).ok()?;
                decode(&slot)
            })
            .max();
        Ok(newest.map(|(writes, sequence)| Self { file, writes, sequence }))
    }

    /// The newest commit known to have been acknowledged.
    pub(crate) fn sequence(&self) -> u64 {
        self.sequence
    }

    /// Remembers durably that commits up to `sequence` were acknowledged.
    pub(crate) fn write(&mut self, sequence: u64) -> Result<()> {
        let writes = self.writes + 1;
        let [even, odd] = SLOT_OFFSETS;
        let offset = if writes.is_multiple_of(2) { even } else { odd };
        self.file
            .write_all_at(&encode(writes, sequence), offset)
            .and_then(|()| self.file.sync_data())
            .map_err(|cause| Error::io("writing the watermark", cause))?;
        self.writes = writes;
        self.sequence = sequence;
        Ok(())
    }
}

fn encode(writes: u64, sequence: u64) -> Vec<u8> {
    let mut slot = Vec::with_capacity(SLOT_BYTES);
    slot.extend(MAGIC);
    slot.extend(writes.to_le_bytes());
    slot.extend(sequence.to_le_bytes());
    slot.extend(xxh3_64(&slot).to_le_bytes());
    slot
}

fn decode(slot: &[u8; SLOT_BYTES]) -> Option<(u64, u64)> {
    let (body, checksum) = slot.split_last_chunk::<8>()?;
    let (rest, sequence) = body.split_last_chunk::<8>()?;
    let (magic, writes) = rest.split_last_chunk::<8>()?;
    let is_whole = magic == MAGIC && u64::from_le_bytes(*checksum) == xxh3_64(body);
    is_whole.then(|| (u64::from_le_bytes(*writes), u64::from_le_bytes(*sequence)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::PathBuf;

    fn folder() -> (tempfile::TempDir, PathBuf) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("watermark");
        (folder, path)
    }

    fn reopened(path: &Path) -> Option<u64> {
        Watermark::open(path).unwrap().map(|watermark| watermark.sequence())
    }

    #[test]
    fn what_was_written_last_is_read_back() {
        let (_folder, path) = folder();
        let mut watermark = Watermark::create(&path).unwrap();
        assert_eq!(reopened(&path), Some(0));
        for sequence in [1, 7, 300, 299] {
            watermark.write(sequence).unwrap();
            assert_eq!(reopened(&path), Some(sequence));
        }
        let mut watermark = Watermark::open(&path).unwrap().unwrap();
        watermark.write(301).unwrap();
        assert_eq!(reopened(&path), Some(301));
    }

    #[test]
    fn a_torn_slot_leaves_the_one_before_it() {
        let (_folder, path) = folder();
        let mut watermark = Watermark::create(&path).unwrap();
        watermark.write(10).unwrap();
        watermark.write(11).unwrap();
        let newest = if watermark.writes.is_multiple_of(2) { SLOT_OFFSETS[0] } else { SLOT_OFFSETS[1] };
        watermark.file.write_all_at(&[0; 4], newest + 16).unwrap();
        assert_eq!(reopened(&path), Some(10));
    }

    #[test]
    fn a_file_without_a_whole_slot_is_no_watermark() {
        let (_folder, path) = folder();
        assert_eq!(reopened(&path), None);
        std::fs::write(&path, b"nonsense").unwrap();
        assert_eq!(reopened(&path), None);
    }
}
