//! What the engine's handles and its threads share.

use crate::admission::Admission;
use crate::health::Health;
use crate::view::View;
use arc_swap::ArcSwap;
use cairn_storage::Result;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;

/// Shared by every handle, the committer and the monitor.
pub(crate) struct Shared {
    /// The view published last: every commit acknowledged so far, and nothing that is not durable.
    pub(crate) view: ArcSwap<View>,
    pub(crate) health: Health,
    pub(crate) admission: Admission,
    /// Bytes in all memtables, as the monitor saw it last.
    pub(crate) write_buffer_bytes: AtomicU64,
}

impl Shared {
    /// The view published last, if the engine is open.
    pub(crate) fn open_view(&self) -> Result<Arc<View>> {
        self.health.check_open()?;
        Ok(self.view.load_full())
    }
}
