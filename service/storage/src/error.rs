//! What can go wrong in an engine, as far as its callers can act on it.

use crate::SpaceId;

/// A storage result.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Why the engine did not do what it was asked. Unless a variant says otherwise nothing was changed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The space was never created, or has been dropped.
    #[error("storage space {0} does not exist")]
    SpaceNotFound(SpaceId),
    /// One more space would pass what the engine can safely reopen.
    #[error("the storage engine already holds {limit} spaces, which is its limit")]
    TooManySpaces {
        /// The number of spaces allowed.
        limit: usize,
    },
    /// The disk has too little room left to promise durability. Reads still work; writes work again when there is room.
    #[error(
        "the storage volume has {available_bytes} bytes free, less than the {reserve_bytes} kept in reserve"
    )]
    StorageFull {
        /// Bytes free on the volume.
        available_bytes: u64,
        /// Bytes that are kept free.
        reserve_bytes: u64,
    },
    /// The engine is behind and its queue is full: nothing was tried, and trying again later is right.
    #[error("the storage engine has too much work waiting")]
    Overloaded,
    /// The engine gave up ordering the call against others: nothing was changed, and trying again is right. Only
    /// engines that cannot wait for an order, or decide again, ever say so.
    #[error("the storage engine could not order the call against others on the same records")]
    Conflict {
        /// Over which of the keys that the call declared, by their places among them; none if the engine cannot say.
        declared: Vec<usize>,
    },
    /// The engine can no longer make writes durable (a failed sync, a failed journal write). Reads still work. Whether
    /// the commits that were waiting are on disk is unknown until the store is reopened.
    #[error("the storage engine no longer accepts writes: {reason}")]
    ReadOnly {
        /// What happened first.
        reason: String,
    },
    /// What is on disk is not what was acknowledged. The store was not opened, and not changed.
    #[error("the store is damaged: {reason}")]
    Damaged {
        /// What was found, and what to do about it.
        reason: String,
    },
    /// The store was written by a newer version of Cairn than this one.
    #[error("the store has format version {found}; this version of Cairn reads up to {supported}")]
    NewerFormat {
        /// The version found in the store.
        found: u32,
        /// The newest version this build reads.
        supported: u32,
    },
    /// What should hold the store holds something else. Nothing in it was changed.
    #[error(
        "the folder holds other files, such as {entry:?}, and no Cairn store: give an empty folder or a new one"
    )]
    Foreign {
        /// The name of something in it.
        entry: String,
    },
    /// Another process has the store open.
    #[error("the store is in use by another process")]
    Locked,
    /// The engine is shutting down, or has.
    #[error("the storage engine is closed")]
    Closed,
    /// A file could not be read or written.
    #[error("{context}")]
    Io {
        /// What was being done.
        context: String,
        /// The operating system's answer.
        #[source]
        source: std::io::Error,
    },
    /// The engine underneath failed.
    #[error("the storage engine failed: {context}")]
    Backend {
        /// What was being done.
        context: String,
        /// The engine's own error.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
}

impl Error {
    /// An input or output error with what was being done.
    pub fn io(context: impl Into<String>, source: std::io::Error) -> Self {
        Self::Io { context: context.into(), source }
    }

    /// An error of the engine underneath with what was being done.
    pub fn backend(
        context: impl Into<String>,
        source: impl Into<Box<dyn std::error::Error + Send + Sync>>,
    ) -> Self {
        Self::Backend { context: context.into(), source: source.into() }
    }
}
