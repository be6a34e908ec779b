//! Filling an index of a large table: beside writes, while views expire, and over restarts.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic)] // Tests fail loudly, in helpers too.

mod common;
#[path = "common/mortal.rs"]
mod mortal;
mod root;
#[path = "common/scripted.rs"]
mod scripted;

use cairn_model::{AttributeMap, Item, KeyType};
use cairn_ops::{
    CapacityLimits, CapacityOptions, ExpressionArguments, GlobalSecondaryIndexUpdate, IndexStatus,
    ReturnValuesOnConditionCheckFailure, Service, ServiceOptions, TimeToLiveSpecification, TransactAction,
    TransactWriteItem, TransactWriteItems, UpdateTable, UpdateTimeToLive,
};
use cairn_storage::memory::MemoryEngine;
use cairn_storage::{Engine, Error as StorageError, SpaceId};
use common::*;
use mortal::Mortal;
use root::{AsRoot, start};
use scripted::{EngineCall, Scripted};
use std::ops::Bound;
use std::sync::{Arc, Mutex};

fn adding_an_index() -> UpdateTable {
    UpdateTable {
        table: TABLE.into(),
        attribute_definitions: definitions(&[("team", KeyType::S)]),
        global_secondary_index_updates: vec![GlobalSecondaryIndexUpdate {
            create: Some(index("by-team", &["team"], &[])),
            ..GlobalSecondaryIndexUpdate::default()
        }],
        ..UpdateTable::default()
    }
}

fn options() -> ServiceOptions {
    let capacity = CapacityOptions { limits: CapacityLimits::Off, ..CapacityOptions::default() };
    ServiceOptions { capacity, ..ServiceOptions::default() }
}

fn player(number: usize) -> AttributeMap {
    let mut item = key(&format!("p{}", number % 97), &format!("{number:05}"));
    item.extend(attributes(&[("note", s(&"x".repeat(number % 40)))]));
    if !number.is_multiple_of(5) {
        item.insert("team".into(), s(["red", "blue", "green"][number % 3]));
    }
    item
}

async fn fill<E: Engine>(service: &Service<E>, numbers: impl Iterator<Item = usize>) {
    for number in numbers {
        put(&player(number)).by_root(service).await.unwrap();
    }
}

/// Where the scans of a table's items began.
type Starts = Arc<Mutex<Vec<Bound<bytes::Bytes>>>>;

/// Notes where scans of items begin, and has two of three of them find that their view has expired.
fn expiring_views(engine: &Scripted<impl Engine>) -> Starts {
    let starts = Starts::default();
    let noted = starts.clone();
    engine.refuse(move |call| {
        let EngineCall::Scan(SpaceId::Items(_), range) = call else { return None };
        let mut starts = noted.lock().unwrap();
        starts.push(range.start);
        (starts.len() % 3 > 0).then_some(StorageError::Overloaded)
    });
    starts
}

#[tokio::test(start_paused = true)]
async fn an_index_is_filled_although_views_expire_and_never_from_the_beginning_again() {
    let engine = Scripted::new(MemoryEngine::new());
    let service = start(engine.clone(), options()).await.unwrap();
    create(&service, table()).await.unwrap();
    fill(&service, 0..5_000).await;
    let starts = expiring_views(&engine);
    adding_an_index().by_root(&service).await.unwrap();
    service.settled().await;
    engine.refuse(|_| None);
    assert_active(&service).await;
    assert_eq!(assert_indexes_match(&service, &[1]).await, 4_000);
    let starts = starts.lock().unwrap();
    // Five windows of a thousand items, each opened and entered, each of these tried three times.
    assert_eq!(starts.len(), 5 * 2 * 3);
    // All tries of the first window, and nothing else, begin with the first item.
    let from_the_beginning = starts.iter().filter(|start| **start == Bound::Unbounded).count();
    assert_eq!(from_the_beginning, 2 * 3);
}

#[tokio::test]
async fn a_restart_goes_on_where_an_index_was_filled_to() {
    let store = MemoryEngine::new();
    let before = start(store.clone(), options()).await.unwrap();
    create(&before, table()).await.unwrap();
    fill(&before, 0..3_500).await;
    // Enough changes for the space, the index, and the first window and a half.
    let dying = start(Mortal::new(store.clone(), 2 + 20), options()).await.unwrap();
    adding_an_index().by_root(&dying).await.unwrap();
    dying.settled().await;
    assert_eq!(describe_index(&before, "by-team").await.status, IndexStatus::Backfilling);
    // What is written now lies in every part of the table.
    fill(&before, (0..4_000).step_by(7)).await;
    for number in (0..3_500).step_by(11) {
        let key = key(&format!("p{}", number % 97), &format!("{number:05}"));
        delete(key).by_root(&before).await.unwrap();
    }
    let engine = Scripted::new(store);
    let starts = expiring_views(&engine);
    let after = start(engine.clone(), options()).await.unwrap();
    after.settled().await;
    assert!(starts.lock().unwrap().iter().all(|start| matches!(start, Bound::Excluded(_))));
    engine.refuse(|_| None);
    assert_active(&after).await;
    assert_indexes_match(&after, &[1]).await;
}

#[tokio::test]
async fn a_window_that_grows_too_large_is_given_up_for_a_smaller_one() {
    let engine = Scripted::new(MemoryEngine::new());
    let service = start(engine.clone(), options()).await.unwrap();
    create(&service, table()).await.unwrap();
    fill(&service, 0..100).await;
    let (begun, go_on) = (Arc::new(tokio::sync::Notify::new()), Arc::new(tokio::sync::Notify::new()));
    let (told, awaited) = (begun.clone(), go_on.clone());
    let mut scans = 0;
    let starts = Starts::default();
    let noted = starts.clone();
    engine.follow(move |call| {
        let is_second = match call {
            EngineCall::Scan(SpaceId::Items(_), range) => {
                scans += 1;
                noted.lock().unwrap().push(range.start);
                scans == 2
            }
            _ => false,
        };
        let (told, awaited) = (told.clone(), awaited.clone());
        Box::pin(async move {
            if is_second {
                told.notify_one();
                awaited.notified().await;
                return Some(StorageError::Overloaded);
            }
            None
        })
    });
    adding_an_index().by_root(&service).await.unwrap();
    begun.notified().await;
    // The window of all items is open, and the view of them expires while others are written.
    fill(&service, 100..9_500).await;
    for number in (0..9_500).step_by(13) {
        let key = key(&format!("p{}", number % 97), &format!("{number:05}"));
        delete(key).by_root(&service).await.unwrap();
    }
    go_on.notify_one();
    service.settled().await;
    engine.refuse(|_| None);
    assert_active(&service).await;
    assert_indexes_match(&service, &[1]).await;
    let from_the_beginning = |start: &&Bound<bytes::Bytes>| **start == Bound::Unbounded;
    // Opened and entered in vain, twice, and then a smaller one.
    assert_eq!(starts.lock().unwrap().iter().filter(from_the_beginning).count(), 5);
}

/// A sequence of numbers that looks random and is the same for the same seed.
struct Sequence(u64);

impl Sequence {
    fn next(&mut self, below: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % below
    }
}

async fn write_at_random<E: Engine>(service: Service<E>, seed: u64) {
    let mut random = Sequence(seed);
    for _ in 0..1_000 {
        let number = random.next(4_000);
        let key = key(&format!("p{}", number % 97), &format!("{number:05}"));
        match random.next(6) {
            0 => drop(delete(key).by_root(&service).await.unwrap()),
            1 => {
                let values = [(":t", s("white")), (":n", s(&"y".repeat(random.next(60))))];
                update(key, "SET #team = :t, #note = :n", &values).by_root(&service).await.unwrap();
            }
            2 => drop(update(key, "REMOVE #team", &[]).by_root(&service).await.unwrap()),
            3 => {
                // One item here, and one far from it.
                let far = player((number + 2_000) % 4_000);
                let writes = TransactWriteItems {
                    transact_items: vec![putting(&player(number)), putting(&far)],
                    ..TransactWriteItems::default()
                };
                writes.by_root(&service).await.unwrap();
            }
            4 => {
                // Long expired: the sweep takes it away.
                let mut item = player(number);
                item.insert("until".into(), n(1_795_000_000 - random.next(1_000) as u64));
                put(&item).by_root(&service).await.unwrap();
            }
            _ => drop(put(&player(number)).by_root(&service).await.unwrap()),
        }
        tokio::task::yield_now().await;
    }
}

fn putting(item: &AttributeMap) -> TransactWriteItem {
    TransactWriteItem {
        table: TABLE.into(),
        action: TransactAction::Put { item: Item::from(item.clone()) },
        condition_expression: None,
        arguments: ExpressionArguments::default(),
        return_values_on_condition_check_failure: ReturnValuesOnConditionCheckFailure::None,
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn the_totals_of_an_index_filled_amid_all_kinds_of_writes_are_those_of_its_entries() {
    for round in 0..2 {
        let engine = Scripted::new(MemoryEngine::new());
        let options = ServiceOptions {
            time_to_live_sweep_interval: std::time::Duration::from_millis(5),
            clock: Arc::new(|| jiff::Timestamp::from_second(1_800_000_000).unwrap()),
            ..options()
        };
        let service = start(engine.clone(), options).await.unwrap();
        create(&service, table()).await.unwrap();
        fill(&service, 0..3_000).await;
        let specification = TimeToLiveSpecification { enabled: Some(true), attribute: "until".into() };
        UpdateTimeToLive { table: TABLE.into(), specification: Some(specification) }
            .by_root(&service)
            .await
            .unwrap();
        service.settled().await;
        // Every other view of the items expires, so windows stay open for a while.
        let mut scans = 0;
        engine.refuse(move |call| match call {
            EngineCall::Scan(SpaceId::Items(_), _) => {
                scans += 1;
                (scans % 2 > 0).then_some(StorageError::Overloaded)
            }
            _ => None,
        });
        let writers: Vec<_> =
            (0..4).map(|seed| tokio::spawn(write_at_random(service.clone(), round * 4 + seed))).collect();
        adding_an_index().by_root(&service).await.unwrap();
        for writer in writers {
            writer.await.unwrap();
        }
        service.settled().await;
        service.swept().await;
        engine.refuse(|_| None);
        assert_active(&service).await;
        assert!(assert_indexes_match(&service, &[1]).await > 0);
    }
}
