//! What authorize and admit add to a call: `cargo bench -p cairn-stack`.
//!
//! The caller has 100 managed policies of 10 statements each. What it asks for is allowed by the last of them, so that
//! none can be left out; in `fine-grained` the statements besides look at the partition keys of the request, which are
//! then computed from it. `execute` is the same call without the two layers, for comparison: a read of an item in
//! memory.

#![allow(missing_docs, clippy::unwrap_used, clippy::panic)]

#[path = "../tests/common/mod.rs"]
mod common;

use cairn_auth::{CreatePolicy, Holder};
use cairn_ops::{Caller, CapacityOptions, GetItem, ServiceOptions, UnitPair};
use common::{World, key};
use criterion::{Criterion, criterion_group, criterion_main};
use std::hint::black_box;
use tokio::runtime::Runtime;

const POLICIES: usize = 100;
const STATEMENTS: usize = 10;

/// One policy of ten statements on tables of its own; the last policy's last statement is about `Games`.
fn policy(number: usize, condition: &str) -> String {
    let statements = (0..STATEMENTS).map(|statement| {
        let table = match (number, statement) {
            (99, 9) => "Games".to_owned(),
            _ => format!("Table-{number}-{statement}"),
        };
        format!(
            r#"{{"Effect": "Allow", "Action": ["dynamodb:GetItem", "dynamodb:Query"],
                "Resource": "arn:aws:dynamodb:*:*:table/{table}*"{condition}}}"#
        )
    });
    let statements: Vec<String> = statements.collect();
    format!(r#"{{"Version": "2012-10-17", "Statement": [{}]}}"#, statements.join(","))
}

async fn caller(world: &World, name: &str, condition: &str) -> Caller {
    let caller = world.user(name, &[]).await;
    for number in 0..POLICIES {
        let create = CreatePolicy {
            name: format!("{name}-{number}"),
            description: String::new(),
            document: policy(number, condition),
        };
        let policy = world.identities.create_policy(create).await.unwrap();
        world.identities.attach_policy(&Holder::User(name.into()), &policy.arn).await.unwrap();
    }
    caller
}

fn get() -> GetItem {
    GetItem { table: "Games".into(), key: key("alice", 1), ..Default::default() }
}

fn layers(criterion: &mut Criterion) {
    let runtime = Runtime::new().unwrap();
    let world = runtime.block_on(async {
        // Throttling is on, and there is always enough.
        let plenty = UnitPair { read: 1 << 40, write: 1 << 40 };
        let capacity = CapacityOptions {
            on_demand_initial: plenty,
            partition_max: plenty,
            table_max: plenty,
            ..CapacityOptions::default()
        };
        let world = World::with(ServiceOptions { capacity, ..ServiceOptions::default() }).await;
        world.put("alice", 1, &[("score", "7")]).await;
        world
    });
    let of_leading_keys =
        r#", "Condition": {"ForAllValues:StringEquals": {"dynamodb:LeadingKeys": ["alice"]}}"#;
    let plain = runtime.block_on(caller(&world, "plain", ""));
    let fine = runtime.block_on(caller(&world, "fine", of_leading_keys));
    let root = world.root();
    let service = &world.service;

    let mut group = criterion.benchmark_group("authorize and admit");
    for (name, caller) in
        [("root", &root), ("1,000 statements", &plain), ("1,000 fine-grained statements", &fine)]
    {
        let permit = async || {
            let permitted = service.permit(caller.clone(), get()).await.unwrap();
            service.admit(&permitted).unwrap();
            permitted
        };
        group.bench_function(name, |bencher| {
            bencher.iter(|| black_box(runtime.block_on(permit())));
        });
    }
    // What `block_on` and making the request cost, which is in all of the above.
    group.bench_function("nothing", |bencher| {
        bencher.iter(|| black_box(runtime.block_on(async { (root.clone(), get()) })));
    });
    group.finish();

    let mut group = criterion.benchmark_group("GetItem");
    for (name, caller) in [("root", &root), ("1,000 fine-grained statements", &fine)] {
        group.bench_function(name, |bencher| {
            bencher.iter(|| black_box(runtime.block_on(world.call(caller, get())).unwrap()));
        });
    }
    group.finish();
}

criterion_group!(benches, layers);
criterion_main!(benches);
