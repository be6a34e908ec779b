//! What throttling costs a call: looking at its table and partition, and taking what it came to.
//!
//! Alone, with another thread doing the same on the same table, and as the admit layer looks.

#![allow(clippy::unwrap_used)] // A benchmark that cannot start fails loudly.

#[path = "../tests/root/mod.rs"]
mod root;

use cairn_model::BillingMode;
use cairn_ops::{
    AttributeDefinition, CreateTable, GetItem, KeyRole, KeySchemaElement, MeasuredCapacity, ServiceOptions,
};
use cairn_storage::memory::MemoryEngine;
use criterion::{Criterion, criterion_group, criterion_main};
use root::AsRoot;
use std::hint::black_box;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// Partitions in use.
const PARTITIONS: u16 = 1_000;

fn admission(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("admit and settle");
    let capacity = Arc::new(MeasuredCapacity::new());
    let mut slot = 0u16;
    let mut call = |capacity: &MeasuredCapacity| {
        slot = slot.wrapping_add(257) % PARTITIONS;
        capacity.read(black_box(slot))
    };
    group.bench_function("alone", |bencher| bencher.iter(|| call(&capacity)));

    let stop = Arc::new(AtomicBool::new(false));
    let other = std::thread::spawn({
        let (capacity, stop) = (capacity.clone(), stop.clone());
        move || {
            let mut slot = 7u16;
            while !stop.load(Ordering::Relaxed) {
                slot = slot.wrapping_add(511) % PARTITIONS;
                black_box(capacity.read(slot));
            }
        }
    });
    group.bench_function("beside another thread", |bencher| bencher.iter(|| call(&capacity)));
    stop.store(true, Ordering::Relaxed);
    other.join().unwrap();
    group.finish();
}

fn by_name(criterion: &mut Criterion) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let service = runtime.block_on(async {
        let service = root::start(MemoryEngine::new(), ServiceOptions::default()).await.unwrap();
        let create = CreateTable {
            table: "Music".into(),
            attribute_definitions: vec![AttributeDefinition {
                name: "pk".into(),
                key_type: Some(cairn_model::KeyType::S),
            }],
            key_schema: vec![KeySchemaElement { name: "pk".into(), role: Some(KeyRole::Hash) }],
            billing_mode: Some(BillingMode::PayPerRequest),
            ..CreateTable::default()
        };
        create.by_root(&service).await.unwrap();
        service.settled().await;
        service
    });
    let get = GetItem { table: "Music".into(), ..GetItem::default() };
    let permitted = runtime.block_on(service.permit(root::root(&service), get)).unwrap();
    criterion.bench_function("admit a permitted call", |bencher| {
        bencher.iter(|| service.admit(black_box(&permitted)));
    });
}

criterion_group!(benches, admission, by_name);
criterion_main!(benches);
