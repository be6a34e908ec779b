//! The order of the layers, by what a call is told that several of them would refuse; and that there is a trace of each.

#![allow(clippy::unwrap_used, clippy::panic)]

mod common;

use cairn_ops::{
    Caller, CapacityLimits, CapacityOptions, Error, GetItem, PutItem, ReturnValues, ServiceOptions, UnitPair,
};
use cairn_stack::Call;
use common::{World, item};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};
use tracing::field::{Field, Visit};
use tracing::instrument::WithSubscriber;
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Metadata, Subscriber};

/// A write that its operation would refuse.
fn wrong() -> PutItem {
    PutItem {
        table: "Games".into(),
        item: item("alice", 1, &[]),
        return_values: ReturnValues::AllNew,
        ..Default::default()
    }
}

async fn answer(world: &World, caller: &Caller, deadline: Option<Instant>) -> Error {
    let call = Call { caller: caller.clone(), operation: wrong(), deadline };
    world.stack.call(call).await.unwrap_err()
}

#[tokio::test]
async fn a_call_is_refused_by_the_outermost_layer_that_has_a_reason() {
    let world = World::new().await;
    let nobody = world.user("nobody", &[]).await;
    let passed = Some(Instant::now());
    assert!(matches!(answer(&world, &nobody, passed).await, Error::DeadlineExceeded));
    assert!(matches!(answer(&world, &nobody, None).await, Error::AccessDenied { .. }));
    assert!(matches!(answer(&world, &world.root(), passed).await, Error::DeadlineExceeded));
    assert!(matches!(answer(&world, &world.root(), None).await, Error::Validation(_)));
}

#[tokio::test]
async fn a_call_that_its_table_has_nothing_left_for_is_refused_once_it_is_permitted_and_before_it_is_looked_at()
 {
    // One write a second and no more, of a clock that stands still.
    let capacity = CapacityOptions {
        limits: CapacityLimits::Aws,
        on_demand_initial: UnitPair { read: 1, write: 1 },
        clock: Arc::new(|| Duration::ZERO),
        ..CapacityOptions::default()
    };
    let world = World::with(ServiceOptions { capacity, ..ServiceOptions::default() }).await;
    let nobody = world.user("nobody", &[]).await;
    assert!(matches!(answer(&world, &world.root(), None).await, Error::Validation(_)));
    let put = |game| PutItem { table: "Games".into(), item: item("alice", game, &[]), ..Default::default() };
    let mut game = 0;
    while world.call(&world.root(), put(game)).await.is_ok() {
        game += 1;
    }
    assert!(matches!(answer(&world, &world.root(), None).await, Error::Throttled(_)));
    assert!(matches!(answer(&world, &nobody, None).await, Error::AccessDenied { .. }));
    let get = GetItem { table: "Games".into(), key: common::key("alice", 1), ..Default::default() };
    world.call(&world.root(), get).await.unwrap();
}

#[tokio::test]
async fn there_is_a_trace_of_every_call_and_nothing_of_an_item_in_it() {
    let world = World::new().await;
    let nobody = world.user("nobody", &[]).await;
    let traces = Traces::default();
    let traced = async {
        answer(&world, &nobody, Some(Instant::now())).await;
        answer(&world, &nobody, None).await;
        let get = GetItem { table: "Games".into(), key: common::key("alice", 1), ..Default::default() };
        world.call(&world.root(), get).await.unwrap();
    };
    traced.with_subscriber(traces.clone()).await;
    let recorded = traces.0.lock().unwrap().clone();
    let outcomes: Vec<&str> = recorded
        .lines()
        .filter_map(|line| line.strip_prefix("outcome="))
        .filter(|outcome| outcome.starts_with('"'))
        .collect();
    assert!(recorded.contains("principal=\"arn:aws:iam::000000000000:user/nobody\""), "{recorded}");
    for outcome in ["\"DeadlineExceeded\"", "\"AccessDeniedException\"", "\"OK\""] {
        assert!(outcomes.contains(&outcome), "{outcome} in {recorded}");
    }
    assert!(!recorded.contains("alice"), "{recorded}");
}

/// Everything that spans and events say, a line a field.
#[derive(Clone, Default)]
struct Traces(Arc<Mutex<String>>);

impl Visit for Traces {
    fn record_debug(&mut self, field: &Field, value: &dyn std::fmt::Debug) {
        self.0.lock().unwrap().push_str(&format!("{field}={value:?}\n"));
    }
}

impl Subscriber for Traces {
    fn enabled(&self, _: &Metadata<'_>) -> bool {
        true
    }

    fn new_span(&self, span: &Attributes<'_>) -> Id {
        span.record(&mut self.clone());
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, values: &Record<'_>) {
        values.record(&mut self.clone());
    }

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn event(&self, event: &Event<'_>) {
        event.record(&mut self.clone());
    }

    fn enter(&self, _: &Id) {}

    fn exit(&self, _: &Id) {}
}
