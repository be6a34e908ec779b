//! An engine whose calls a test can delay, refuse and count.

use bytes::Bytes;
use cairn_storage::{
    Consistency, CounterKey, Decision, Direction, Engine, EngineStatistics, Error, KeyRange, RecordKey,
    Result, Snapshot, SpaceId, Visit,
};
use futures::future::BoxFuture;
use std::sync::{Arc, Mutex};

/// A call of the engine, or of one of its snapshots. Every test file looks at its own part.
#[allow(dead_code)]
#[derive(Clone, Debug)]
pub(crate) enum EngineCall {
    Snapshot,
    Transact,
    CreateSpace(SpaceId),
    DropSpace(SpaceId),
    Scan(SpaceId, KeyRange),
}

type Answer = BoxFuture<'static, Option<Error>>;
type Script = Box<dyn FnMut(EngineCall) -> Answer + Send>;

/// An engine that asks a script before each call. The call waits for the script's answer, and fails with it if it is an
/// error.
#[derive(Clone)]
pub(crate) struct Scripted<E> {
    engine: E,
    script: Arc<Mutex<Script>>,
}

#[derive(Clone)]
pub(crate) struct ScriptedSnapshot<S> {
    snapshot: S,
    script: Arc<Mutex<Script>>,
}

#[allow(dead_code)] // Every test file uses its own part.
impl<E> Scripted<E> {
    /// An engine that does as `engine` does until it has a script.
    pub(crate) fn new(engine: E) -> Self {
        let nothing: Script = Box::new(|_| Box::pin(async { None }));
        Self { engine, script: Arc::new(Mutex::new(nothing)) }
    }

    /// Asks `script` before each call from now on.
    pub(crate) fn follow(&self, script: impl FnMut(EngineCall) -> Answer + Send + 'static) {
        *self.script.lock().unwrap() = Box::new(script);
    }

    /// Refuses calls for which `refuse` has an error from now on.
    pub(crate) fn refuse(&self, mut refuse: impl FnMut(EngineCall) -> Option<Error> + Send + 'static) {
        self.follow(move |call| Box::pin(std::future::ready(refuse(call))));
    }
}

async fn ask(script: &Mutex<Script>, call: EngineCall) -> Result<()> {
    let answer = (script.lock().unwrap())(call);
    answer.await.map_or(Ok(()), Err)
}

impl<S: Snapshot> Snapshot for ScriptedSnapshot<S> {
    async fn get(&self, key: &RecordKey) -> Result<Option<Bytes>> {
        self.snapshot.get(key).await
    }

    async fn get_many(&self, keys: Vec<RecordKey>) -> Result<Vec<Option<Bytes>>> {
        self.snapshot.get_many(keys).await
    }

    async fn scan<V: Visit>(
        &self,
        space: SpaceId,
        range: KeyRange,
        direction: Direction,
        visitor: V,
    ) -> Result<V> {
        ask(&self.script, EngineCall::Scan(space, range.clone())).await?;
        self.snapshot.scan(space, range, direction, visitor).await
    }

    async fn counter(&self, key: CounterKey) -> Result<i64> {
        self.snapshot.counter(key).await
    }
}

impl<E: Engine> Engine for Scripted<E> {
    type Snapshot = ScriptedSnapshot<E::Snapshot>;

    async fn snapshot(&self, consistency: Consistency) -> Result<Self::Snapshot> {
        ask(&self.script, EngineCall::Snapshot).await?;
        let snapshot = self.engine.snapshot(consistency).await?;
        Ok(ScriptedSnapshot { snapshot, script: self.script.clone() })
    }

    async fn transact<T, D>(&self, keys: Vec<RecordKey>, decide: D) -> Result<T>
    where
        T: Send + 'static,
        D: FnMut(&[Option<Bytes>]) -> Decision<T> + Send + 'static,
    {
        ask(&self.script, EngineCall::Transact).await?;
        self.engine.transact(keys, decide).await
    }

    async fn create_space(&self, space: SpaceId) -> Result<()> {
        ask(&self.script, EngineCall::CreateSpace(space)).await?;
        self.engine.create_space(space).await
    }

    async fn drop_space(&self, space: SpaceId) -> Result<()> {
        ask(&self.script, EngineCall::DropSpace(space)).await?;
        self.engine.drop_space(space).await
    }

    async fn spaces(&self) -> Result<Vec<SpaceId>> {
        self.engine.spaces().await
    }

    async fn statistics(&self) -> Result<EngineStatistics> {
        self.engine.statistics().await
    }

    async fn close(&self) -> Result<()> {
        self.engine.close().await
    }
}
