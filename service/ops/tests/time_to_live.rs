//! Time to live: what expires and when, whatever else happens to the items and their table meanwhile.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic)] // Tests fail loudly, in helpers too.

mod common;
#[path = "common/mortal.rs"]
mod mortal;
mod root;

use cairn_model::{AttributeMap, AttributeValue, KeyType};
use cairn_ops::{
    CapacityLimits, CapacityOptions, CreateTable, DeleteTable, DescribeTimeToLive, Service, ServiceOptions,
    TimeToLiveDescription, TimeToLiveSpecification, TimeToLiveStatus, UpdateTimeToLive,
};
use cairn_storage::memory::MemoryEngine;
use cairn_storage::{Engine, SpaceId};
use common::*;
use jiff::{SignedDuration, Timestamp};
use mortal::Mortal;
use root::{AsRoot, start};
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// A clock that a test moves.
#[derive(Clone)]
struct Held(Arc<Mutex<Timestamp>>);

/// What the clock says at first, in seconds since the epoch.
const START: u64 = 1_800_000_000;
const YEARS_5: u64 = 5 * 365 * 86_400;

impl Held {
    fn new() -> Self {
        Self(Arc::new(Mutex::new(Timestamp::from_second(START as i64).unwrap())))
    }

    fn advance(&self, seconds: i64) {
        *self.0.lock().unwrap() += SignedDuration::from_secs(seconds);
    }

    /// Sweeps follow one another at once.
    fn options(&self) -> ServiceOptions {
        let clock = self.clone();
        ServiceOptions {
            clock: Arc::new(move || *clock.0.lock().unwrap()),
            time_to_live_sweep_interval: Duration::from_millis(1),
            capacity: CapacityOptions { limits: CapacityLimits::Off, ..CapacityOptions::default() },
            ..ServiceOptions::default()
        }
    }
}

fn turning(enabled: bool, attribute: &str) -> UpdateTimeToLive {
    let specification = TimeToLiveSpecification { enabled: Some(enabled), attribute: attribute.into() };
    UpdateTimeToLive { table: TABLE.into(), specification: Some(specification) }
}

async fn described<E: Engine>(service: &Service<E>) -> TimeToLiveDescription {
    DescribeTimeToLive { table: TABLE.into() }.by_root(service).await.unwrap()
}

async fn status<E: Engine>(service: &Service<E>) -> TimeToLiveStatus {
    described(service).await.status
}

fn indexed_table() -> CreateTable {
    CreateTable {
        attribute_definitions: definitions(&[
            ("pk", KeyType::S),
            ("sk", KeyType::S),
            ("team", KeyType::S),
            ("score", KeyType::N),
        ]),
        local_secondary_indexes: Some(vec![index("by-score", &["pk"], &["score"])]),
        global_secondary_indexes: Some(vec![index("by-team", &["team"], &["score"])]),
        ..table()
    }
}

/// An item of a few collections that expires at `at`.
fn player(number: u64, at: u64) -> AttributeMap {
    let mut item = key(&format!("p{}", number % 7), &format!("{number:05}"));
    item.extend(attributes(&[
        ("team", s(["red", "blue", "green"][number as usize % 3])),
        ("score", n(number % 10)),
        ("at", n(at)),
    ]));
    item
}

fn key_of(number: u64) -> AttributeMap {
    key(&format!("p{}", number % 7), &format!("{number:05}"))
}

async fn service_at(clock: &Held, request: CreateTable) -> Service<MemoryEngine> {
    let service = start(MemoryEngine::new(), clock.options()).await.unwrap();
    create(&service, request).await.unwrap();
    service
}

async fn enable<E: Engine>(service: &Service<E>) {
    turning(true, "at").by_root(service).await.unwrap();
    service.settled().await;
    assert_eq!(status(service).await, TimeToLiveStatus::Enabled);
}

async fn items<E: Engine>(service: &Service<E>) -> u64 {
    describe(service).await.item_count
}

#[tokio::test]
async fn an_item_expires_after_its_second_and_not_before() {
    let clock = Held::new();
    let service = service_at(&clock, table()).await;
    enable(&service).await;
    put(&player(1, START + 10)).by_root(&service).await.unwrap();
    clock.advance(10);
    service.swept().await;
    assert!(get(&service, key_of(1)).await.is_some());
    clock.advance(1);
    service.swept().await;
    assert!(get(&service, key_of(1)).await.is_none());
    assert_eq!(items(&service).await, 0);
}

#[tokio::test]
async fn what_is_longer_ago_than_five_years_or_no_time_at_all_stays() {
    let clock = Held::new();
    let service = service_at(&clock, table()).await;
    enable(&service).await;
    let values = [
        n(START - YEARS_5 - 1),
        n(0),
        s("1799999999"),
        AttributeValue::L(vec![n(START - 1)]),
        AttributeValue::N("-1".parse().unwrap()),
        AttributeValue::N("1e125".parse().unwrap()),
    ];
    let count = values.len() as u64;
    for (number, value) in values.into_iter().enumerate() {
        let mut item = key_of(number as u64);
        item.insert("at".into(), value);
        put(&item).by_root(&service).await.unwrap();
    }
    put(&player(100, START - YEARS_5)).by_root(&service).await.unwrap();
    service.swept().await;
    assert_eq!(items(&service).await, count);
    assert!(get(&service, key_of(100)).await.is_none());
}

#[tokio::test]
async fn items_from_before_expire_as_those_from_after_and_leave_indexes_and_collections() {
    let clock = Held::new();
    let service = service_at(&clock, indexed_table()).await;
    for number in 0..300 {
        put(&player(number, START + number % 3)).by_root(&service).await.unwrap();
    }
    enable(&service).await;
    for number in 300..600 {
        put(&player(number, START + number % 3)).by_root(&service).await.unwrap();
    }
    assert_eq!(assert_indexes_match(&service, &[1, 2]).await, 1_200);
    clock.advance(1);
    service.swept().await;
    assert_eq!(items(&service).await, 400);
    assert_eq!(assert_indexes_match(&service, &[1, 2]).await, 800);
    clock.advance(10);
    service.swept().await;
    assert_eq!(assert_indexes_match(&service, &[1, 2]).await, 0);
    assert_eq!(describe(&service).await.size_bytes, 0);
}

#[tokio::test]
async fn an_item_that_is_changed_to_live_on_does() {
    let clock = Held::new();
    let service = service_at(&clock, table()).await;
    enable(&service).await;
    for number in 0..4 {
        put(&player(number, START + 10)).by_root(&service).await.unwrap();
    }
    update(key_of(0), "SET #at = :t", &[(":t", n(START + 100))]).by_root(&service).await.unwrap();
    update(key_of(1), "REMOVE #at", &[]).by_root(&service).await.unwrap();
    update(key_of(2), "SET #at = :t", &[(":t", s("never"))]).by_root(&service).await.unwrap();
    assert_eq!(assert_indexes_match(&service, &[]).await, 0);
    clock.advance(50);
    service.swept().await;
    assert!(get(&service, key_of(3)).await.is_none());
    assert_eq!(items(&service).await, 3);
    clock.advance(100);
    service.swept().await;
    assert!(get(&service, key_of(0)).await.is_none());
    assert_eq!(items(&service).await, 2);
    assert_indexes_match(&service, &[]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn items_put_again_amid_sweeps_stay_and_indexes_match() {
    let clock = Held::new();
    let service = service_at(&clock, indexed_table()).await;
    enable(&service).await;
    let writers = (0..4u64).map(|writer| {
        let service = service.clone();
        tokio::spawn(async move {
            for round in 0..60 {
                for number in (writer * 10)..(writer * 10 + 10) {
                    // Due at once in all rounds but the last.
                    let at = if round == 59 { START + 1_000 } else { START - 1 - round };
                    put(&player(number, at)).by_root(&service).await.unwrap();
                }
            }
        })
    });
    for writer in writers.collect::<Vec<_>>() {
        writer.await.unwrap();
    }
    service.swept().await;
    assert_eq!(items(&service).await, 40);
    assert_eq!(assert_indexes_match(&service, &[1, 2]).await, 80);
}

#[tokio::test]
async fn turned_off_it_deletes_nothing_and_keeps_nothing() {
    let clock = Held::new();
    let service = service_at(&clock, table()).await;
    enable(&service).await;
    for number in 0..600 {
        put(&player(number, START + 4_000)).by_root(&service).await.unwrap();
    }
    let interval = "Time to live has been modified multiple times within a fixed interval";
    clock.advance(3_599);
    assert!(refusal(&service, turning(false, "at")).await.contains(interval));
    clock.advance(1);
    turning(false, "at").by_root(&service).await.unwrap();
    service.settled().await;
    assert_eq!(
        described(&service).await,
        TimeToLiveDescription { status: TimeToLiveStatus::Disabled, attribute: None }
    );
    clock.advance(1_000);
    service.swept().await;
    assert_eq!(items(&service).await, 600);
    assert_indexes_match(&service, &[]).await;
    // On again by another attribute, after another hour.
    assert!(refusal(&service, turning(true, "until")).await.contains(interval));
    clock.advance(3_600);
    put(&attributes(&[("pk", s("a")), ("sk", s("b")), ("until", n(START))])).by_root(&service).await.unwrap();
    turning(true, "until").by_root(&service).await.unwrap();
    service.settled().await;
    service.swept().await;
    assert_eq!(items(&service).await, 600);
    assert_indexes_match(&service, &[]).await;
}

#[tokio::test]
async fn a_table_that_is_made_again_knows_nothing_of_the_one_before() {
    let clock = Held::new();
    let service = service_at(&clock, table()).await;
    enable(&service).await;
    put(&player(1, START + 10)).by_root(&service).await.unwrap();
    DeleteTable { table: TABLE.into() }.by_root(&service).await.unwrap();
    service.settled().await;
    assert_eq!(service.engine().spaces().await.unwrap(), [SpaceId::System]);
    create(&service, table()).await.unwrap();
    assert_eq!(status(&service).await, TimeToLiveStatus::Disabled);
    put(&player(1, START + 10)).by_root(&service).await.unwrap();
    clock.advance(20);
    service.swept().await;
    assert!(get(&service, key_of(1)).await.is_some());
    // And none of its time is taken for a change of the new one.
    enable(&service).await;
    service.swept().await;
    assert!(get(&service, key_of(1)).await.is_none());
}

#[tokio::test]
async fn expiry_takes_no_capacity_and_waits_for_none() {
    let clock = Held::new();
    let options = ServiceOptions { capacity: CapacityOptions::default(), ..clock.options() };
    let service = start(MemoryEngine::new(), options).await.unwrap();
    let one = cairn_ops::ThroughputInput { read_capacity_units: 1, write_capacity_units: 1 };
    let request = CreateTable {
        billing_mode: Some(cairn_model::BillingMode::Provisioned),
        provisioned_throughput: Some(one),
        ..table()
    };
    create(&service, request).await.unwrap();
    enable(&service).await;
    // Writes until there is no capacity left: every one that went through expires all the same.
    let mut written = 0;
    while put(&player(written, START + 1)).by_root(&service).await.is_ok() {
        written += 1;
    }
    assert!(written > 0);
    clock.advance(10);
    service.swept().await;
    assert_eq!(items(&service).await, 0);
}

/// A process may die after any change: the next start goes on, and deletes what is left.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whatever_is_interrupted_the_next_start_brings_to_its_end() {
    for changes in 0.. {
        let clock = Held::new();
        let store = MemoryEngine::new();
        let before = start(store.clone(), clock.options()).await.unwrap();
        create(&before, table()).await.unwrap();
        for number in 0..150 {
            put(&player(number, START + 5)).by_root(&before).await.unwrap();
        }
        put(&player(999, START + 5_000)).by_root(&before).await.unwrap();
        drop(before);
        clock.advance(10);

        let mortal = Mortal::new(store.clone(), changes);
        let service = start(mortal.clone(), clock.options()).await.unwrap();
        let answer = turning(true, "at").by_root(&service).await;
        // The first change gives the table its space.
        assert_eq!(answer.is_err(), changes < 2);
        service.settled().await;
        service.swept().await;
        drop(service);
        let died = mortal.is_dead();

        let after = start(store, clock.options()).await.unwrap();
        // What is written while it is taken up expires with the rest.
        put(&player(1_000, START + 5)).by_root(&after).await.unwrap();
        after.settled().await;
        after.swept().await;
        if changes < 2 {
            assert_eq!(status(&after).await, TimeToLiveStatus::Disabled);
            assert_eq!(items(&after).await, 152);
        } else {
            assert_eq!(status(&after).await, TimeToLiveStatus::Enabled, "after {changes} changes");
            assert_eq!(items(&after).await, 1, "after {changes} changes");
            assert_indexes_match(&after, &[]).await;
        }
        if !died {
            // Its space, to be turned on, a window of three pages of items; then three pages of deletions.
            assert!(changes > 8, "{changes}");
            return;
        }
    }
}
