//! Work that takes the CPU for milliseconds, away from the threads that serve connections.
//!
//! Hashing, decompressing, compressing and parsing a body of 16 MB take tens of milliseconds each. On an async worker
//! every other call of that worker would wait as long.

use cairn_ops::Error;
use std::sync::LazyLock;
use tokio::sync::Semaphore;

/// Bodies larger than this are worked on elsewhere, in bytes. Below it the way to another thread and back costs more than
/// the work.
pub const INLINE_BYTES_MAX: usize = 256 * 1024;

/// As many at once as there are processors: more would only share them, and hold their bodies for longer.
static THREADS: LazyLock<Semaphore> = LazyLock::new(|| {
    Semaphore::new(std::thread::available_parallelism().map_or(1, std::num::NonZeroUsize::get))
});

/// Does work on so many bytes: here if they are few, on a thread for blocking work if they are many.
///
/// # Errors
/// [`Error::Internal`] if the work panicked, or the runtime is shutting down.
pub async fn offload<T: Send + 'static>(
    bytes: usize,
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, Error> {
    if bytes <= INLINE_BYTES_MAX {
        return Ok(work());
    }
    // Held by the work itself, which goes on if the call is given up. The semaphore is never closed.
    let turn = THREADS.acquire().await.map_err(Error::internal)?;
    tokio::task::spawn_blocking(move || {
        let _turn = turn;
        work()
    })
    .await
    .map_err(Error::internal)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::mpsc;

    #[tokio::test(flavor = "current_thread")]
    async fn much_work_leaves_the_only_worker_to_others() {
        let (send, receive) = mpsc::channel();
        let much = offload(INLINE_BYTES_MAX + 1, move || receive.recv());
        // Work on the worker itself would wait for the task that it keeps from running.
        let other = async move { send.send(7).unwrap() };
        let (received, ()) = tokio::join!(much, other);
        assert_eq!(received.unwrap(), Ok(7));
    }

    #[tokio::test]
    async fn little_work_stays_where_it_is() {
        let here = std::thread::current().id();
        assert_eq!(offload(INLINE_BYTES_MAX, || std::thread::current().id()).await.unwrap(), here);
        assert_ne!(offload(INLINE_BYTES_MAX + 1, || std::thread::current().id()).await.unwrap(), here);
    }

    #[tokio::test]
    async fn work_that_panics_is_an_error_of_the_call() {
        let error = offload(INLINE_BYTES_MAX + 1, || -> () { panic!("a fault") }).await.unwrap_err();
        assert!(matches!(error, Error::Internal { .. }));
    }
}
