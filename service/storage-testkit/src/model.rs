//! The whole engine against a model of it: random sequences of calls, compared with ordered maps that do the same.

use crate::harness::{assert_error, bytes, everything, for_all, scan, strong};
use crate::{Reopen, Store, Subject};
use bytes::Bytes;
use cairn_storage::{
    Consistency, CounterKey, Decision, Direction, Engine, Error, KeyRange, RecordKey, Snapshot, SpaceId,
    Write,
};
use proptest::collection::vec;
use proptest::prelude::*;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// The spaces the sequences use. All but the system space come and go.
const SPACES: [SpaceId; 4] = [SpaceId::System, SpaceId::Items(1), SpaceId::Items(2), SpaceId::Indexes(1)];
const COUNTERS: u16 = 3;

/// One step of a sequence.
#[derive(Clone, Debug)]
enum Step {
    /// Declare keys, compare what is found with the model, and write.
    Transact {
        declared: Vec<Address>,
        writes: Vec<ModelWrite>,
    },
    CreateSpace(SpaceId),
    DropSpace(SpaceId),
    /// Take a snapshot, and compare it with the model of its moment at the end.
    Hold(Consistency),
    /// Compare the current state with the model.
    Compare,
    /// Close the store and open it again.
    Reopen,
}

#[derive(Clone, Debug)]
struct Address {
    space: SpaceId,
    key: Vec<u8>,
}

#[derive(Clone, Debug)]
enum ModelWrite {
    /// A value of so many of one byte, which a failed case prints in less space than the value.
    Put(Address, u8, usize),
    Delete(Address),
    Add(SpaceId, u16, i64),
}

/// What the engine should hold.
#[derive(Clone, Debug)]
struct Model {
    spaces: BTreeMap<SpaceId, ModelSpace>,
}

#[derive(Clone, Debug, Default)]
struct ModelSpace {
    records: BTreeMap<Bytes, Bytes>,
    counters: BTreeMap<u16, i64>,
}

/// A snapshot and what it should show.
struct Held<N> {
    snapshot: N,
    model: Model,
    /// Spaces dropped since, of which the snapshot may say that they are gone.
    dropped: BTreeSet<SpaceId>,
}

/// Whatever sequence of calls is made, the engine and every snapshot taken on the way show what the model says.
pub async fn an_engine_does_what_its_model_does<S: Subject>(subject: S) {
    let subject = Arc::new(subject);
    for_all(
        || sequences(false),
        move |steps| {
            let subject = subject.clone();
            async move { follow(subject.fresh().await, steps, async |store| store).await }
        },
    )
    .await;
}

/// The same with the store closed and opened again between calls.
pub async fn a_reopened_engine_does_what_its_model_does<S: Subject<Store: Reopen>>(subject: S) {
    let subject = Arc::new(subject);
    for_all(
        || sequences(true),
        move |steps| {
            let subject = subject.clone();
            async move { follow(subject.fresh().await, steps, S::Store::reopen).await }
        },
    )
    .await;
}

async fn follow<T: Store>(mut store: T, steps: Vec<Step>, reopen: impl AsyncFn(T) -> T) {
    let mut engine = store.engine();
    let mut model = Model::new();
    let mut held = Vec::new();
    for step in steps {
        match step {
            Step::Transact { declared, writes } => transact(&engine, &mut model, &declared, &writes).await,
            Step::CreateSpace(space) => {
                engine.create_space(space).await.unwrap();
                model.spaces.entry(space).or_default();
            }
            Step::DropSpace(space) => {
                engine.drop_space(space).await.unwrap();
                model.spaces.remove(&space);
                held.iter_mut().for_each(|held: &mut Held<_>| held.dropped.extend([space]));
            }
            // What an eventual snapshot shows, no call promises; that it goes on showing it does not depend on when
            // it was taken, so the model takes over what it shows at first.
            Step::Hold(consistency) => {
                let snapshot = engine.snapshot(consistency).await.unwrap();
                let model = match consistency {
                    Consistency::Strong => model.clone(),
                    Consistency::Eventual => observe(&snapshot).await,
                };
                held.push(Held { snapshot, model, dropped: BTreeSet::new() });
            }
            Step::Compare => compare(&strong(&engine).await, &model, &BTreeSet::new()).await,
            Step::Reopen => {
                for held in held.drain(..) {
                    compare(&held.snapshot, &held.model, &held.dropped).await;
                }
                store = reopen(store).await;
                engine = store.engine();
                compare(&strong(&engine).await, &model, &BTreeSet::new()).await;
            }
        }
        assert_eq!(engine.spaces().await.unwrap(), model.spaces.keys().copied().collect::<Vec<_>>());
    }
    compare(&strong(&engine).await, &model, &BTreeSet::new()).await;
    for held in held {
        compare(&held.snapshot, &held.model, &held.dropped).await;
    }
}

async fn transact<E: Engine>(engine: &E, model: &mut Model, declared: &[Address], writes: &[ModelWrite]) {
    let keys = declared.iter().map(Address::record_key).collect::<Vec<_>>();
    let engine_writes = writes.iter().map(ModelWrite::write).collect::<Vec<_>>();
    let decide =
        move |found: &[Option<Bytes>]| Decision { writes: engine_writes.clone(), outcome: found.to_vec() };
    let answer = engine.transact(keys, decide).await;

    let touched = declared.iter().map(|address| address.space).chain(writes.iter().map(ModelWrite::space));
    let missing = touched.filter(|space| !model.spaces.contains_key(space)).collect::<BTreeSet<_>>();
    if missing.is_empty() {
        let expected =
            declared.iter().map(|address| model.spaces[&address.space].records.get(&address.key[..]));
        assert_eq!(answer.unwrap(), expected.map(|value| value.cloned()).collect::<Vec<_>>());
        writes.iter().for_each(|write| model.apply(write));
    } else {
        assert_error!(answer, Error::SpaceNotFound(space) if missing.contains(&space));
    }
}

/// Checks that a snapshot shows the model, in every way of reading it.
async fn compare(snapshot: &impl Snapshot, model: &Model, dropped: &BTreeSet<SpaceId>) {
    for space in SPACES {
        let found = scan(snapshot, space, KeyRange::all(), Direction::Ascending).await;
        let Some(expected) = model.spaces.get(&space) else {
            assert_error!(found, Error::SpaceNotFound(missing) if missing == space);
            continue;
        };
        let found = match found {
            Err(Error::SpaceNotFound(_)) if dropped.contains(&space) => continue,
            found => found.unwrap(),
        };
        let mut records = expected.records.iter().map(|(k, v)| (k.clone(), v.clone())).collect::<Vec<_>>();
        assert_eq!(found, records, "{space}");
        let keys = records.iter().map(|(key, _)| RecordKey { space, key: key.clone() }).collect();
        let values = records.iter().map(|(_, value)| Some(value.clone())).collect::<Vec<_>>();
        assert_eq!(snapshot.get_many(keys).await.unwrap(), values, "{space}");
        records.reverse();
        let found = scan(snapshot, space, KeyRange::all(), Direction::Descending).await.unwrap();
        assert_eq!(found, records, "{space}");
        for counter in 0..COUNTERS {
            let found = snapshot.counter(CounterKey { space, counter }).await.unwrap();
            assert_eq!(found, expected.counters.get(&counter).copied().unwrap_or(0), "{space} {counter}");
        }
    }
}

/// What a snapshot shows, as a model.
async fn observe(snapshot: &impl Snapshot) -> Model {
    let mut spaces = BTreeMap::new();
    for space in SPACES {
        let mut counters = BTreeMap::new();
        for counter in 0..COUNTERS {
            match snapshot.counter(CounterKey { space, counter }).await {
                Ok(total) => drop(counters.insert(counter, total)),
                Err(error) => assert_error!(Err::<(), _>(error), Error::SpaceNotFound(_)),
            }
        }
        if !counters.is_empty() {
            let records = everything(snapshot, space).await.into_iter().collect();
            spaces.insert(space, ModelSpace { records, counters });
        }
    }
    Model { spaces }
}

impl Model {
    fn new() -> Self {
        Self { spaces: BTreeMap::from([(SpaceId::System, ModelSpace::default())]) }
    }

    fn apply(&mut self, write: &ModelWrite) {
        let space = self.spaces.get_mut(&write.space()).unwrap();
        match write.write() {
            Write::Put(key, value) => drop(space.records.insert(key.key, value)),
            Write::Delete(key) => drop(space.records.remove(&key.key)),
            Write::Add(key, amount) => *space.counters.entry(key.counter).or_default() += amount,
        }
    }
}

impl Address {
    fn record_key(&self) -> RecordKey {
        RecordKey { space: self.space, key: bytes(&self.key) }
    }
}

impl ModelWrite {
    fn space(&self) -> SpaceId {
        match self {
            Self::Put(address, ..) | Self::Delete(address) => address.space,
            Self::Add(space, ..) => *space,
        }
    }

    fn write(&self) -> Write {
        match self {
            Self::Put(address, byte, length) => {
                Write::Put(address.record_key(), Bytes::from(vec![*byte; *length]))
            }
            Self::Delete(address) => Write::Delete(address.record_key()),
            Self::Add(space, counter, amount) => {
                Write::Add(CounterKey { space: *space, counter: *counter }, *amount)
            }
        }
    }
}

fn sequences(reopen: bool) -> BoxedStrategy<Vec<Step>> {
    let consistency = prop_oneof![Just(Consistency::Strong), Just(Consistency::Eventual)];
    // The system space is never dropped.
    let mortal = prop::sample::select(&SPACES[1..]);
    let steps = prop_oneof![
        30 => (vec(address(), 0..4), vec(write(), 0..8))
            .prop_map(|(declared, writes)| Step::Transact { declared, writes }),
        6 => mortal.clone().prop_map(Step::CreateSpace),
        2 => mortal.prop_map(Step::DropSpace),
        4 => consistency.prop_map(Step::Hold),
        2 => Just(Step::Compare),
        u32::from(reopen) => Just(Step::Reopen),
    ];
    // Every sequence begins with spaces, or most of it would do nothing.
    vec(steps, 1..60)
        .prop_map(|mut steps| {
            steps.splice(0..0, [Step::CreateSpace(SPACES[1]), Step::CreateSpace(SPACES[3])]);
            steps
        })
        .boxed()
}

fn address() -> impl Strategy<Value = Address> {
    let key = vec(prop_oneof![Just(0), Just(b'a'), Just(0xff)], 1..3);
    (space(), key).prop_map(|(space, key)| Address { space, key })
}

fn write() -> impl Strategy<Value = ModelWrite> {
    // Mostly small, some past the size at which engines keep values apart from keys.
    let length = prop_oneof![8 => 0..40_usize, 1 => 4_000..20_000_usize];
    prop_oneof![
        5 => (address(), any::<u8>(), length).prop_map(|(at, byte, length)| ModelWrite::Put(at, byte, length)),
        3 => address().prop_map(ModelWrite::Delete),
        2 => (space(), 0..COUNTERS, -100..100_i64).prop_map(|(at, counter, n)| ModelWrite::Add(at, counter, n)),
    ]
}

/// Spaces that exist from the start more often than the one that mostly does not.
fn space() -> impl Strategy<Value = SpaceId> {
    prop_oneof![
        10 => Just(SPACES[0]),
        10 => Just(SPACES[1]),
        1 => Just(SPACES[2]),
        10 => Just(SPACES[3]),
    ]
}
