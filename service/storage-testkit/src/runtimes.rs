//! Promises about where work runs: on any Tokio runtime, and long work not on its threads.

use crate::Subject;
use crate::harness::{
    ITEMS, assert_error, commit, everything, increment, item, put, store_with_spaces, strong,
};
use bytes::Bytes;
use cairn_storage::{Direction, Engine, Error, KeyRange, Snapshot};
use std::future::Future;
use std::ops::ControlFlow;
use std::thread;
use std::time::Duration;
use tokio::sync::oneshot;

/// A runtime of one thread is enough for callers that wait for each other.
pub async fn one_thread_is_enough<S: Subject>(subject: S) {
    on_one_thread(async move {
        let (_store, engine) = store_with_spaces(&subject).await;
        let tasks = (0..8).map(|_| {
            let engine = engine.clone();
            tokio::spawn(async move {
                for _ in 0..10 {
                    increment(&engine, item("k")).await.unwrap();
                    assert_eq!(everything(&strong(&engine).await, ITEMS).await.len(), 1);
                }
            })
        });
        for task in tasks.collect::<Vec<_>>() {
            task.await.unwrap();
        }
        assert_eq!(increment(&engine, item("k")).await.unwrap(), 81);
        engine.drop_space(ITEMS).await.unwrap();
        engine.close().await.unwrap();
        assert_error!(engine.spaces().await, Error::Closed);
    })
    .await;
}

/// A scan may begin on the runtime's thread, but does not stay there once it has taken a while.
pub async fn a_long_scan_leaves_the_runtimes_thread<S: Subject>(subject: S) {
    on_one_thread(async move {
        let (_store, engine) = store_with_spaces(&subject).await;
        commit(&engine, (0..20_u8).map(|n| put(item([n]), "v")).collect()).await.unwrap();
        let runtime_thread = thread::current().id();
        let mut on_the_runtime = 0;
        let visitor = move |_: &[u8], _: Bytes| {
            on_the_runtime += usize::from(thread::current().id() == runtime_thread);
            assert!(on_the_runtime <= 1, "the scan held the runtime's thread for more than one slow record");
            // Not waiting for anything: standing for a filter that computes for long.
            thread::sleep(Duration::from_millis(1));
            ControlFlow::Continue(())
        };
        let snapshot = strong(&engine).await;
        snapshot.scan(ITEMS, KeyRange::all(), Direction::Ascending, visitor).await.map(drop).unwrap();
    })
    .await;
}

/// Runs `work` on a runtime of one thread.
async fn on_one_thread(work: impl Future<Output = ()> + Send + 'static) {
    let (sender, receiver) = oneshot::channel();
    thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(work);
        runtime.shutdown_background();
        sender.send(()).unwrap();
    });
    receiver.await.expect("it failed on the runtime of one thread, as told above");
}
