//! What tables, indexes and partitions deliver, with a clock that the tests hold.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)] // Tests fail loudly, in helpers too.

mod common;
#[path = "common/mortal.rs"]
mod mortal;
mod root;

use cairn_model::{AttributeMap, BillingMode, Item, KeyType};
use cairn_ops::*;
use cairn_storage::memory::MemoryEngine;
use common::{attributes, create, definitions, index, key, put, s, service_with, table};
use futures::StreamExt;
use futures::future::BoxFuture;
use mortal::Mortal;
use root::AsRoot;
use std::sync::{Arc, Mutex};
use std::time::Duration;

const SECOND: Duration = Duration::from_secs(1);

/// A clock that a test moves.
#[derive(Clone, Default)]
struct Held(Arc<Mutex<Duration>>);

impl Held {
    fn advance(&self, by: Duration) {
        *self.0.lock().unwrap() += by;
    }

    fn options(&self) -> CapacityOptions {
        let held = self.clone();
        CapacityOptions {
            clock: Arc::new(move || *held.0.lock().unwrap()),
            limits: CapacityLimits::Aws,
            // What is saved is what a test has let pass, unless it is about what there is at first.
            burst_initial: SECOND,
            // Far off, unless a test is about them.
            partition_max: UnitPair { read: 1_000_000, write: 1_000_000 },
            ..CapacityOptions::default()
        }
    }
}

fn units(read: i64, write: i64) -> Option<ThroughputInput> {
    Some(ThroughputInput { read_capacity_units: read, write_capacity_units: write })
}

/// [`table`] with so many units, and an index by `band` with as many of its own.
fn provisioned(table_units: (i64, i64), index_units: (i64, i64)) -> CreateTable {
    CreateTable {
        attribute_definitions: definitions(&[("pk", KeyType::S), ("sk", KeyType::S), ("band", KeyType::S)]),
        billing_mode: Some(BillingMode::Provisioned),
        provisioned_throughput: units(table_units.0, table_units.1),
        global_secondary_indexes: Some(vec![SecondaryIndexInput {
            provisioned_throughput: units(index_units.0, index_units.1),
            ..index("by-band", &["band"], &[])
        }]),
        ..table()
    }
}

/// An item whose write costs so many units, each a kilobyte begun.
fn item_of(pk: &str, kilobytes: usize) -> AttributeMap {
    let mut item = key(pk, "s");
    item.insert("v".into(), s(&"x".repeat(kilobytes * 1_024 - 100)));
    item
}

fn in_band(mut item: AttributeMap, band: &str) -> AttributeMap {
    item.insert("band".into(), s(band));
    item
}

fn get(pk: &str, consistent: bool) -> GetItem {
    GetItem { table: common::TABLE.into(), key: Item::from(key(pk, "s")), consistent, ..GetItem::default() }
}

fn of_band(band: &str) -> Query {
    Query {
        selection: QuerySelection {
            table: common::TABLE.into(),
            index: Some("by-band".into()),
            key_condition_expression: Some("band = :band".into()),
            arguments: ExpressionArguments {
                names: None,
                values: Some(Item::from(attributes(&[(":band", s(band))]))),
                built: None,
            },
            ..QuerySelection::default()
        },
        ..Query::default()
    }
}

fn throttled<T: std::fmt::Debug>(result: Result<T>) -> Throttled {
    match result.unwrap_err() {
        Error::Throttled(throttled) => *throttled,
        other => panic!("{other:?}"),
    }
}

fn names(throttled: &Throttled) -> Vec<String> {
    throttled.reasons.iter().map(ThrottlingReason::name).collect()
}

/// Makes a call again and again, `step` apart, for so long. Says how many went through; the others must have been
/// throttled.
async fn delivered<O: AsRoot>(
    service: &Service<MemoryEngine>,
    clock: &Held,
    (seconds, step): (u32, Duration),
    call: impl Fn(u32) -> O,
) -> u32 {
    let mut went = 0;
    for number in 0..(seconds * 1_000_000 / step.as_micros() as u32) {
        clock.advance(step);
        match call(number).by_root(service).await {
            Ok(_) => went += 1,
            Err(Error::Throttled(_)) => {}
            Err(error) => panic!("{error:?}"),
        }
    }
    went
}

/// Uses up what has been saved.
async fn drain<O: AsRoot>(service: &Service<MemoryEngine>, call: impl Fn() -> O) -> u32 {
    let mut went = 0;
    while call().by_root(service).await.is_ok() {
        went += 1;
    }
    went
}

#[track_caller]
fn assert_within_two_percent(units: f64, expected: f64) {
    assert!((units - expected).abs() <= expected * 0.02, "{units} where {expected} were expected");
}

#[tokio::test]
async fn a_table_held_at_its_limit_delivers_it_over_a_minute() {
    let clock = Held::default();
    let service = service_with(clock.options()).await;
    create(&service, provisioned((50, 50), (1_000, 1_000))).await.unwrap();
    let minute = (60, Duration::from_millis(10));

    drain(&service, || put(&item_of("a", 2))).await;
    let writes = delivered(&service, &clock, minute, |_| put(&item_of("a", 2))).await;
    assert_within_two_percent(f64::from(writes) * 2.0, 50.0 * 60.0);

    drain(&service, || get("a", true)).await;
    let strong = delivered(&service, &clock, minute, |_| get("a", true)).await;
    assert_within_two_percent(f64::from(strong), 50.0 * 60.0);
    let eventual = delivered(&service, &clock, (60, Duration::from_millis(5)), |_| get("a", false)).await;
    assert_within_two_percent(f64::from(eventual) / 2.0, 50.0 * 60.0);
}

#[tokio::test]
async fn an_index_held_at_its_limit_delivers_it_and_throttles_the_writes_of_its_table() {
    let clock = Held::default();
    let service = service_with(clock.options()).await;
    create(&service, provisioned((10_000, 10_000), (20, 20))).await.unwrap();
    let minute = (60, Duration::from_millis(20));

    let write = |_| put(&in_band(item_of("a", 1), "x"));
    // An item that stays as it is changes no index; this one moves to and fro.
    let moved =
        |number: u32| put(&in_band(item_of("a", 1), if number.is_multiple_of(2) { "x" } else { "y" }));
    write(0).by_root(&service).await.unwrap();
    let mut number = 0;
    while moved(number).by_root(&service).await.is_ok() {
        number += 1;
    }
    let refused = throttled(moved(number).by_root(&service).await);
    assert_eq!(names(&refused), ["IndexWriteProvisionedThroughputExceeded"]);
    assert!(refused.reasons[0].resource.ends_with("table/Music/index/by-band"));
    put(&item_of("b", 1)).by_root(&service).await.unwrap();

    // Each move is two units of the index; only those that go through change the band.
    let mut went = 0u32;
    for _ in 0..3_000 {
        clock.advance(Duration::from_millis(20));
        if moved(number + went).by_root(&service).await.is_ok() {
            went += 1;
        }
    }
    assert_within_two_percent(f64::from(went) * 2.0, 20.0 * 60.0);

    drain(&service, || of_band("x")).await;
    let queries = delivered(&service, &clock, minute, |_| of_band("x")).await;
    assert_within_two_percent(f64::from(queries) / 2.0, 20.0 * 60.0);
    get("a", true).by_root(&service).await.unwrap();
}

#[tokio::test]
async fn what_is_unused_for_five_minutes_comes_in_a_burst_and_no_more() {
    let clock = Held::default();
    let service = service_with(clock.options()).await;
    create(&service, provisioned((1, 10), (1, 1))).await.unwrap();
    assert_eq!(drain(&service, || put(&item_of("a", 1))).await, 10, "a second's worth to begin with");
    clock.advance(100 * SECOND);
    assert_eq!(drain(&service, || put(&item_of("a", 10))).await, 100);
    clock.advance(10_000 * SECOND);
    assert_eq!(drain(&service, || put(&item_of("a", 10))).await, 300);
    let refused = throttled(put(&item_of("a", 10)).by_root(&service).await);
    assert_eq!(names(&refused), ["TableWriteProvisionedThroughputExceeded"]);
    assert!(!refused.on_demand && refused.retry_after <= SECOND);
    clock.advance(refused.retry_after);
    put(&item_of("a", 10)).by_root(&service).await.unwrap();
}

#[tokio::test]
async fn one_partition_gives_its_thousand_however_much_the_table_has() {
    let clock = Held::default();
    let partition_max = UnitPair { read: 30, write: 10 };
    let service = service_with(CapacityOptions { partition_max, ..clock.options() }).await;
    create(&service, table()).await.unwrap();
    clock.advance(1_000 * SECOND);
    assert_eq!(drain(&service, || put(&item_of("hot", 1))).await, 10);
    let refused = throttled(put(&item_of("hot", 1)).by_root(&service).await);
    assert_eq!(names(&refused), ["TableWriteKeyRangeThroughputExceeded"]);
    assert!(refused.on_demand);
    put(&item_of("cold", 1)).by_root(&service).await.unwrap();
    let writes =
        delivered(&service, &clock, (60, Duration::from_millis(50)), |_| put(&item_of("hot", 1))).await;
    assert_within_two_percent(f64::from(writes), 600.0);
    drain(&service, || get("hot", true)).await;
    let reads = delivered(&service, &clock, (60, Duration::from_millis(20)), |_| get("hot", true)).await;
    assert_within_two_percent(f64::from(reads), 1_800.0);
}

#[tokio::test]
async fn an_on_demand_table_gives_twice_its_peak_and_more_once_that_was_sustained() {
    let clock = Held::default();
    let initial = UnitPair { read: 10, write: 10 };
    let service = service_with(CapacityOptions { on_demand_initial: initial, ..clock.options() }).await;
    create(&service, table()).await.unwrap();
    let ten = || put(&item_of("a", 10));
    let second_by_second = (60, SECOND / 4);
    drain(&service, ten).await;
    assert_within_two_percent(
        f64::from(delivered(&service, &clock, second_by_second, |_| ten()).await) * 10.0,
        600.0,
    );
    // All it gives, for more than half an hour: then twice that.
    delivered(&service, &clock, (31 * 60, SECOND / 4), |_| ten()).await;
    drain(&service, ten).await;
    let more = f64::from(delivered(&service, &clock, second_by_second, |_| ten()).await) * 10.0;
    assert_within_two_percent(more, 1_200.0);
    // Twice as much again takes as long again.
    delivered(&service, &clock, (10 * 60, SECOND / 4), |_| ten()).await;
    let early = f64::from(delivered(&service, &clock, second_by_second, |_| ten()).await) * 10.0;
    assert!(early < 1_800.0, "{early}");
}

#[tokio::test]
async fn an_on_demand_table_grows_to_what_the_account_allows() {
    let clock = Held::default();
    let options = CapacityOptions {
        on_demand_initial: UnitPair { read: 100, write: 100 },
        table_max: UnitPair { read: 20, write: 20 },
        ..clock.options()
    };
    let service = service_with(options).await;
    create(&service, table()).await.unwrap();
    drain(&service, || put(&item_of("a", 1))).await;
    let refused = throttled(put(&item_of("a", 1)).by_root(&service).await);
    assert_eq!(names(&refused), ["TableWriteAccountLimitExceeded"]);
}

#[tokio::test]
async fn a_condition_that_is_false_costs_as_much_as_the_write() {
    let clock = Held::default();
    let service = service_with(clock.options()).await;
    create(&service, provisioned((1, 10), (1, 1))).await.unwrap();
    let conditional = |kilobytes| PutItem {
        condition_expression: Some("attribute_exists(nothing)".into()),
        ..put(&item_of("a", kilobytes))
    };
    // A missing item costs one unit.
    for _ in 0..9 {
        let error = conditional(8).by_root(&service).await.unwrap_err();
        assert!(matches!(error, Error::ConditionalCheckFailed { .. }));
    }
    put(&item_of("a", 1)).by_root(&service).await.unwrap();
    clock.advance(SECOND);
    let error = conditional(30).by_root(&service).await.unwrap_err();
    assert!(matches!(error, Error::ConditionalCheckFailed { .. }));
    let wait = throttled(conditional(30).by_root(&service).await).retry_after;
    assert_eq!(wait, 2 * SECOND + Duration::from_nanos(1));
}

#[tokio::test]
async fn a_batch_leaves_what_there_is_no_capacity_for() {
    let clock = Held::default();
    let service = service_with(clock.options()).await;
    create(&service, provisioned((3, 10), (1, 1))).await.unwrap();
    let batch = || BatchWriteItem {
        request_items: [(
            common::TABLE.to_owned(),
            (0..25).map(|number| WriteRequest::Put(Item::from(item_of(&format!("k{number}"), 1)))).collect(),
        )]
        .into(),
        ..BatchWriteItem::default()
    };
    let written = batch().by_root(&service).await.unwrap();
    assert_eq!(written.unprocessed_items[common::TABLE].len(), 15);
    assert!(throttled(batch().by_root(&service).await).retry_after <= SECOND);

    let read = || BatchGetItem {
        request_items: [(
            common::TABLE.to_owned(),
            KeysAndAttributes {
                keys: (0..8).map(|number| Item::from(key(&format!("k{number}"), "s"))).collect(),
                consistent: true,
                ..KeysAndAttributes::default()
            },
        )]
        .into(),
        ..BatchGetItem::default()
    };
    let found = read().by_root(&service).await.unwrap();
    assert_eq!(found.responses[common::TABLE].len(), 3);
    assert_eq!(found.unprocessed_keys[common::TABLE].keys.len(), 5);
    throttled(read().by_root(&service).await);
}

#[tokio::test]
async fn a_transaction_draws_twice_and_is_cancelled_where_it_is_throttled() {
    let clock = Held::default();
    let service = service_with(clock.options()).await;
    create(&service, provisioned((4, 4), (1_000, 1))).await.unwrap();
    let action = |item: AttributeMap| TransactWriteItem {
        table: common::TABLE.into(),
        action: TransactAction::Put { item: Item::from(item) },
        condition_expression: None,
        arguments: ExpressionArguments::default(),
        return_values_on_condition_check_failure: ReturnValuesOnConditionCheckFailure::None,
    };
    let transaction = |items: Vec<AttributeMap>| TransactWriteItems {
        transact_items: items.into_iter().map(action).collect(),
        ..TransactWriteItems::default()
    };
    let codes = |result: Result<TransactWriteItemsOutput>| match result.unwrap_err() {
        Error::TransactionCanceled { reasons } => {
            reasons.into_iter().map(|reason| (reason.code, reason.throttled)).collect::<Vec<_>>()
        }
        other => panic!("{other:?}"),
    };
    transaction(vec![in_band(item_of("a", 1), "x")]).by_root(&service).await.unwrap();
    // The table has two units left, the index has overdrawn by one.
    let reasons =
        codes(transaction(vec![item_of("b", 1), in_band(item_of("c", 1), "x")]).by_root(&service).await);
    assert_eq!(reasons[0].0, CancellationCode::None);
    assert_eq!(reasons[1].0, CancellationCode::ProvisionedThroughputExceeded);
    assert_eq!(names(reasons[1].1.as_ref().unwrap()), ["IndexWriteProvisionedThroughputExceeded"]);
    transaction(vec![item_of("b", 1)]).by_root(&service).await.unwrap();
    let reasons = codes(transaction(vec![item_of("d", 1)]).by_root(&service).await);
    assert_eq!(names(reasons[0].1.as_ref().unwrap()), ["TableWriteProvisionedThroughputExceeded"]);

    let read = || TransactGetItems {
        transact_items: vec![TransactGet {
            table: common::TABLE.into(),
            key: Item::from(key("a", "s")),
            ..TransactGet::default()
        }],
        ..TransactGetItems::default()
    };
    assert_eq!(drain(&service, read).await, 2);
}

/// Whether a call is let through by what is known of its table.
async fn admit<O: Operation>(service: &Service<MemoryEngine>, operation: O) -> Result<()> {
    let permitted = service.permit(root::root(service), operation).await?;
    service.admit(&permitted)
}

#[tokio::test]
async fn a_call_is_refused_by_what_it_names_before_anything_is_done() {
    let clock = Held::default();
    let service = service_with(clock.options()).await;
    create(&service, provisioned((1, 1), (1, 1))).await.unwrap();
    put(&item_of("a", 5)).by_root(&service).await.unwrap();
    let write = put(&item_of("a", 1));
    let refused = throttled(admit(&service, write.clone()).await);
    assert_eq!(refused.retry_after, 4 * SECOND + Duration::from_nanos(1));
    let arn = PutItem { table: refused.reasons[0].resource.clone(), ..write.clone() };
    throttled(admit(&service, arn).await);
    admit(&service, get("a", true)).await.unwrap();
    admit(&service, PutItem { table: "Nowhere".into(), ..write.clone() }).await.unwrap();

    put(&in_band(item_of("b", 1), "x")).by_root(&service).await.unwrap_err();
    clock.advance(10 * SECOND);
    put(&in_band(item_of("b", 40), "x")).by_root(&service).await.unwrap();
    for _ in 0..30 {
        of_band("x").by_root(&service).await.ok();
    }
    let refused = throttled(admit(&service, of_band("x")).await);
    assert_eq!(names(&refused), ["IndexReadProvisionedThroughputExceeded"]);
}

#[tokio::test]
async fn throughput_changes_are_in_force_at_once_and_keep_what_there_was() {
    let clock = Held::default();
    let service = service_with(clock.options()).await;
    create(&service, provisioned((1, 1), (1, 1))).await.unwrap();
    put(&item_of("a", 101)).by_root(&service).await.unwrap();
    let update = UpdateTable {
        table: common::TABLE.into(),
        provisioned_throughput: units(1, 100),
        ..Default::default()
    };
    update.by_root(&service).await.unwrap();
    service.settled().await;
    let wait = throttled(put(&item_of("a", 1)).by_root(&service).await).retry_after;
    assert_eq!(wait, SECOND + Duration::from_nanos(1), "a debt of a hundred units is a second's now");
    let update = UpdateTable {
        table: common::TABLE.into(),
        billing_mode: Some(BillingMode::PayPerRequest),
        ..Default::default()
    };
    let described = update.by_root(&service).await.unwrap();
    assert_eq!(described.warm, Some(UnitPair { read: 12_000, write: 4_000 }));
    clock.advance(SECOND / 20);
    put(&item_of("a", 1)).by_root(&service).await.unwrap();
}

#[tokio::test]
async fn all_tables_together_are_provisioned_within_the_account() {
    let account_max = UnitPair { read: 100, write: 100 };
    let service = service_with(CapacityOptions { account_max, ..Held::default().options() }).await;
    create(&service, provisioned((50, 50), (10, 10))).await.unwrap();
    let other = |write| CreateTable { table: "Other".into(), ..provisioned((1, write), (1, 1)) };
    let error = create(&service, other(40)).await.unwrap_err();
    assert!(matches!(error, Error::LimitExceeded { .. }), "{error:?}");
    create(&service, other(39)).await.unwrap();
    let update = |write| UpdateTable {
        table: "Other".into(),
        provisioned_throughput: units(1, write),
        ..UpdateTable::default()
    };
    let error = update(40).by_root(&service).await.unwrap_err();
    assert!(matches!(error, Error::LimitExceeded { .. }), "{error:?}");
    update(38).by_root(&service).await.unwrap();
}

#[tokio::test]
async fn nothing_is_throttled_where_limits_are_off() {
    let service =
        service_with(CapacityOptions { limits: CapacityLimits::Off, ..Held::default().options() }).await;
    create(&service, provisioned((1, 1), (1, 1))).await.unwrap();
    for number in 0..20 {
        put(&in_band(item_of("a", 50 + number), "x")).by_root(&service).await.unwrap();
        get("a", true).by_root(&service).await.unwrap();
    }
}

#[tokio::test]
async fn a_provisioned_table_and_its_indexes_begin_with_a_minute_of_their_throughput() {
    let clock = Held::default();
    for limits in [CapacityLimits::Provisioned, CapacityLimits::Aws] {
        let CapacityOptions { burst_initial, .. } = CapacityOptions::default();
        let service = service_with(CapacityOptions { limits, burst_initial, ..clock.options() }).await;
        create(&service, provisioned((2, 3), (2, 1_000))).await.unwrap();
        assert_eq!(drain(&service, || put(&item_of("a", 1))).await, 3 * 60);
        assert_eq!(drain(&service, || get("a", true)).await, 2 * 60);
        assert_eq!(drain(&service, || of_band("x")).await, 2 * 2 * 60);
    }
}

#[tokio::test]
async fn on_demand_tables_are_held_to_their_maximum_alone_where_limits_are_those_of_owners() {
    let clock = Held::default();
    let options = || CapacityOptions {
        limits: CapacityLimits::Provisioned,
        on_demand_initial: UnitPair { read: 1, write: 1 },
        partition_max: UnitPair { read: 1, write: 1 },
        table_max: UnitPair { read: 1_000, write: 1_000 },
        ..clock.options()
    };
    let service = service_with(options()).await;
    create(&service, table()).await.unwrap();
    // Neither a ramp, nor a partition, nor the account: ten times the highest of these limits, all at once.
    for _ in 0..100 {
        put(&item_of("hot", 100)).by_root(&service).await.unwrap();
        get("hot", true).by_root(&service).await.unwrap();
    }
    let maximum = |write| UpdateTable {
        table: common::TABLE.into(),
        on_demand_throughput: Some(OnDemandInput {
            max_write_request_units: Some(write),
            ..OnDemandInput::default()
        }),
        ..UpdateTable::default()
    };
    maximum(5).by_root(&service).await.unwrap();
    service.settled().await;
    assert_eq!(drain(&service, || put(&item_of("cold", 1))).await, 5);
    let refused = throttled(put(&item_of("cold", 1)).by_root(&service).await);
    assert_eq!(names(&refused), ["TableWriteMaxOnDemandThroughputExceeded"]);
    get("hot", true).by_root(&service).await.unwrap();
    maximum(-1).by_root(&service).await.unwrap();
    service.settled().await;
    put(&item_of("hot", 100)).by_root(&service).await.unwrap();

    // A partition of a provisioned table is not limited either, but the table is.
    let service = service_with(options()).await;
    create(&service, provisioned((100, 100), (1, 1))).await.unwrap();
    assert_eq!(drain(&service, || put(&item_of("hot", 1))).await, 100);
    let refused = throttled(put(&item_of("hot", 1)).by_root(&service).await);
    assert_eq!(names(&refused), ["TableWriteProvisionedThroughputExceeded"]);
    let switch = UpdateTable {
        table: common::TABLE.into(),
        billing_mode: Some(BillingMode::PayPerRequest),
        ..Default::default()
    };
    switch.by_root(&service).await.unwrap();
    service.settled().await;
    put(&item_of("hot", 100)).by_root(&service).await.unwrap();
    put(&item_of("hot", 100)).by_root(&service).await.unwrap();
}

#[tokio::test]
async fn the_limits_in_force_are_described() {
    for limits in [CapacityLimits::Off, CapacityLimits::Provisioned, CapacityLimits::Aws] {
        let service = service_with(CapacityOptions { limits, ..Held::default().options() }).await;
        let described = DescribeLimits {}.by_root(&service).await.unwrap();
        assert_eq!(described.capacity_limits, limits);
    }
}

/// The service's clock is the runtime's, which jumps to whatever is waited for.
fn paused() -> CapacityOptions {
    let begun = tokio::time::Instant::now();
    CapacityOptions {
        limits: CapacityLimits::Aws,
        burst_initial: SECOND,
        clock: Arc::new(move || begun.elapsed()),
        ..CapacityOptions::default()
    }
}

#[tokio::test(start_paused = true)]
async fn a_stream_goes_at_the_pace_of_its_table() {
    let service = service_with(paused()).await;
    create(&service, provisioned((10, 10_000), (1, 1))).await.unwrap();
    // Twenty pages of a megabyte: 256 units each, or half of that if eventually consistent.
    for number in 0..60 {
        tokio::time::sleep(SECOND).await;
        put(&item_of(&format!("k{number}"), 350)).by_root(&service).await.unwrap();
    }
    let scan = || StreamScan {
        selection: ScanSelection { table: common::TABLE.into(), consistent: true, ..Default::default() },
        ..StreamScan::default()
    };
    let begun = tokio::time::Instant::now();
    let mut parts = scan().by_root(&service).await.unwrap();
    let mut count = 0;
    while let Some(part) = parts.next().await {
        count += part.unwrap().count;
    }
    assert_eq!(count, 60);
    // 60 items of 350 KB are 5,250 units and a little; it had saved 61 seconds' worth, and the last page is on credit.
    let took = begun.elapsed().as_secs_f64();
    assert!((430.0..=470.0).contains(&took), "{took}");
    throttled(scan().by_root(&service).await.map(|_| ()));
}

#[tokio::test]
async fn a_write_whose_caller_stops_waiting_is_charged_all_the_same() {
    let clock = Held::default();
    let engine = Mortal::new(MemoryEngine::new(), usize::MAX);
    let options = ServiceOptions { capacity: clock.options(), ..ServiceOptions::default() };
    let service = root::start(engine.clone(), options).await.unwrap();
    create(&service, provisioned((1, 10), (1, 1))).await.unwrap();
    let given_up = async |write: BoxFuture<'_, ()>| {
        engine.fall_silent(true);
        let answered = tokio::time::timeout(Duration::from_millis(20), write).await;
        assert!(answered.is_err(), "it was to be given up");
        engine.fall_silent(false);
    };
    let wait = async || throttled(put(&item_of("a", 1)).by_root(&service).await).retry_after;

    let write = put(&item_of("a", 100)).by_root(&service);
    given_up(Box::pin(async { write.await.map(drop).unwrap() })).await;
    assert_eq!(wait().await, 9 * SECOND + Duration::from_nanos(1));

    clock.advance(wait().await);
    let put = TransactAction::Put { item: Item::from(item_of("b", 50)) };
    let transaction = TransactWriteItems {
        transact_items: vec![TransactWriteItem {
            table: common::TABLE.into(),
            action: put,
            condition_expression: None,
            arguments: ExpressionArguments::default(),
            return_values_on_condition_check_failure: ReturnValuesOnConditionCheckFailure::None,
        }],
        ..TransactWriteItems::default()
    };
    given_up(Box::pin(async { transaction.by_root(&service).await.map(drop).unwrap() })).await;
    assert_eq!(wait().await, 10 * SECOND);
}
