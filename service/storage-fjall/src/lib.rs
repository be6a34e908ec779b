//! The embedded storage engine: [`FjallEngine`] keeps every promise of [`cairn_storage::Engine`] on one disk, in the
//! LSM-tree [`fjall`].
//!
//! It is *not* the place for anything that knows items, tables or expressions, nor for replication. And it is the only
//! crate that knows fjall: what it depends on there beyond the documented interface is in `tuning` and `journal`, and
//! the versions are pinned exactly.
//!
//! # A transaction's way
//!
//! ```text
//! caller's task                               committer's thread
//! ─────────────                               ──────────────────
//! take the published view
//! read the declared keys from it  (lane)
//! decide ── no writes ──> answer
//!    │
//! wait for a place in the queue   (admission)
//!    └──────── keys, records, writes ───────> gather what waits
//!                                             written since it read? decide again  (recent)
//!                                             one batch, one sync
//!                                             publish the new view
//!    <──────────────── answer ─────────────── answer everyone
//! ```
//!
//! **Deciding on the caller's thread, and again in the committer.** Locks held from the read to the sync would limit a
//! hot key to one update a sync, and deciding everything in the committer would put every read and every expression on
//! one core. So a caller reads and decides in parallel with all others, and the committer checks whether a commit it
//! knows of, the one being put together included, wrote a key after it was read. Only then does it decide again, with
//! the newer record that it still has in memory, so it reads nothing. Five hundred updates of one key fit into a
//! handful of commits, and a cold read holds up its caller alone. What the committer remembers is bounded; who read
//! longer ago is sent back to read again, and after the third time the committer reads for it.
//!
//! **Views.** A fjall snapshot taken while a batch is being applied can show half of it, and reads without a snapshot
//! tear by design. So views are made by the committer alone, between two commits, and everything reads through the one
//! published last. It holds only what is synced, and it is replaced before anyone is told of the commit: what a reader
//! has seen is never lost, and callers see their own writes. There is no cheaper view, so both consistencies give it.
//!
//! A view that is held keeps every memtable in memory that is flushed meanwhile, and old versions on disk. When that
//! reaches four times the write buffer's budget, views that others have replaced for more than two seconds expire:
//! reading them answers [`Overloaded`](cairn_storage::Error::Overloaded), for which reading again is the cure.
//!
//! **Reading in place.** A read that finds its block in memory takes 4 microseconds, a hop to a blocking thread ten times
//! that on busy cores. Reads and the beginnings of scans therefore run on the caller's thread, but for spaces that have
//! lately been slow; see `lane` and `scan`.
//!
//! **Deleted records.** fjall's iterators step over every deletion one by one, so the head of a queue would get slower
//! with each record taken off it. Where a scan was slow for that reason, the range is remembered as empty until something
//! is put into it (`gaps`), and spaces with many deletions beside their records are compacted (`upkeep`).
//!
//! **Records are kept as they are handed over**, without a copy: a key or value that is a slice of a large buffer keeps
//! that buffer in memory until its memtable is flushed.
//!
//! # The folder
//!
//! | entry | |
//! |---|---|
//! | `cairn-format.json` | the layout's version; written first, read first |
//! | `lock` | locked while the store is open |
//! | `watermark` | the newest commit known to have been acknowledged, about once a second |
//! | `database/` | fjall's: the journals, and a keyspace for each space, some that are prepared for new ones, and one for the engine itself |
//! | `journal-tail-*.bak` | ends of journals that a crash left torn; the newest eight are kept |
//! | `journal-lost-*.bak` | what was given up with `accept_loss`; all are kept |
//!
//! Each commit has a number, one more than the one before it, which it writes into the engine's keyspace. Together with
//! the watermark and the journal check this tells a crash from a loss: opening refuses a store that does not hold what
//! was acknowledged, and leaves it as it is.
//!
//! # Threads
//!
//! The committer writes. The monitor flushes memtables, so that all of them together keep within a budget that fjall
//! does not have; slows writers down when flushes cannot keep up; writes the watermark; and removes dropped spaces'
//! files. Upkeep remembers and removes what is deleted. fjall's own workers flush and compact. Closing, or dropping the
//! last handle, ends them all.
//!
//! # When something fails
//!
//! - No room on the volume: writes are refused with `StorageFull` while there is still enough for flushes and
//!   compactions to finish, and are taken again when there is room.
//! - A journal write or sync fails: nobody can say what is on disk, so writes end with `ReadOnly` until the store is
//!   reopened. Reads go on from the last view.
//! - Flushes or compactions cannot keep up, or the queue is full: writers wait, and after a while hear `Overloaded`.
//! - A decision or a visitor panics: an error for its caller alone.
//! - The monitor or upkeep meets a bug: it is logged and counted in the statistics, and the thread goes on with its next
//!   step. If it was the watching of memory, writers are let in: the brake is never left on.
//! - The committer meets a bug: whoever waits for it, and every later writer, hears `ReadOnly`. Reads go on.

mod admission;
mod committer;
mod counters;
mod disk;
mod engine;
mod files;
mod format;
mod gaps;
mod health;
mod journal;
mod lane;
mod layout;
mod memory;
mod monitor;
mod open;
mod options;
mod pool;
mod recent;
mod request;
mod scan;
mod shared;
mod tuning;
mod upkeep;
mod view;
mod watermark;

pub use engine::FjallEngine;
pub use memory::limit_bytes as memory_limit_bytes;
pub use options::{FjallOptions, MAX_SPACES_CEILING, OptionsError};
pub use view::FjallSnapshot;
