//! Room on the volume: writes stop while there is still enough for flushes and compactions to finish.
//!
//! A write that meets a full disk half way poisons fjall, and a flush that does so stops its workers; both end in a
//! store that no longer accepts writes until it is reopened. A refusal in time is over as soon as there is room.

use cairn_storage::{Error, Result};
use std::path::PathBuf;
use std::time::{Duration, Instant};

/// How long the figure may be used.
const VALID_FOR: Duration = Duration::from_millis(50);
/// How much may be written before the figure has to be fetched again.
const VALID_FOR_BYTES: u64 = 4 << 20;
/// The default reserve, and the part of a small volume it takes at most.
const RESERVE_BYTES: u64 = 256 << 20;
const RESERVE_PART: u64 = 20;

/// Watches the room on one volume.
#[derive(Debug)]
pub(crate) struct DiskGuard {
    directory: PathBuf,
    reserve_bytes: Option<u64>,
    last: Option<Looked>,
}

#[derive(Clone, Copy, Debug)]
struct Looked {
    at: Instant,
    room: Room,
    written_since: u64,
}

/// What a volume has.
#[derive(Clone, Copy, Debug)]
struct Room {
    available_bytes: u64,
    total_bytes: u64,
}

impl DiskGuard {
    /// Guards the volume `directory` is on. Without a reserve the default is taken.
    pub(crate) fn new(directory: PathBuf, reserve_bytes: Option<u64>) -> Self {
        Self { directory, reserve_bytes, last: None }
    }

    /// Whether `bytes` can be written, with `owed_bytes` still to be written out of memory, and the reserve left
    /// alone.
    pub(crate) fn make_room(&mut self, bytes: u64, owed_bytes: u64) -> Result<()> {
        let room = self.look()?;
        let reserve_bytes =
            self.reserve_bytes.unwrap_or_else(|| RESERVE_BYTES.min(room.total_bytes / RESERVE_PART));
        let needed_bytes = reserve_bytes.saturating_add(owed_bytes).saturating_add(bytes);
        if room.available_bytes < needed_bytes {
            // Whoever tries again finds out at once that there is room again.
            self.last = None;
            return Err(Error::StorageFull { available_bytes: room.available_bytes, reserve_bytes });
        }
        if let Some(last) = &mut self.last {
            last.written_since += bytes;
        }
        Ok(())
    }

    fn look(&mut self) -> Result<Room> {
        if let Some(last) = self.last
            && last.at.elapsed() < VALID_FOR
            && last.written_since < VALID_FOR_BYTES
        {
            return Ok(last.room);
        }
        let volume = rustix::fs::statvfs(&self.directory)
            .map_err(|cause| Error::io("asking for the free space of the store's volume", cause.into()))?;
        let room = Room {
            available_bytes: volume.f_bavail.saturating_mul(volume.f_frsize),
            total_bytes: volume.f_blocks.saturating_mul(volume.f_frsize),
        };
        self.last = Some(Looked { at: Instant::now(), room, written_since: 0 });
        Ok(room)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reserve_larger_than_what_is_free_refuses_and_none_does_not() {
        let directory = tempfile::tempdir().unwrap();
        let mut guard = DiskGuard::new(directory.path().to_owned(), Some(u64::MAX));
        let Err(Error::StorageFull { available_bytes, reserve_bytes }) = guard.make_room(1, 0) else {
            panic!("accepted")
        };
        assert!(available_bytes < reserve_bytes);
        let mut guard = DiskGuard::new(directory.path().to_owned(), Some(0));
        guard.make_room(1, 0).unwrap();
    }

    #[test]
    fn what_is_still_to_be_written_out_counts() {
        let directory = tempfile::tempdir().unwrap();
        let mut guard = DiskGuard::new(directory.path().to_owned(), Some(0));
        assert!(matches!(guard.make_room(1, u64::MAX), Err(Error::StorageFull { .. })));
    }
}
