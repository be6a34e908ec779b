//! Queries and scans over the in-memory engine, called directly: pages, segments, streams, and what is refused.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic)] // Tests fail loudly, in helpers too.

mod root;

use cairn_model::{AttributeMap, AttributeValue, BillingMode, DecodeBudget, Item, KeyType};
use cairn_ops::{
    AttributeDefinition, CapacityLimits, CapacityOptions, CreateTable, ExpressionArguments, KeyRole,
    KeySchemaElement, PageOutput, Parts, PutItem, Query, QuerySelection, Scan, ScanSelection, Select,
    Service, ServiceOptions, StreamOptions, StreamQuery, StreamScan,
};
use cairn_storage::memory::MemoryEngine;
use futures::TryStreamExt;
use proptest::prelude::*;
use root::{AsRoot, start};
use std::collections::BTreeMap;

type TestService = Service<MemoryEngine>;

fn s(text: &str) -> AttributeValue {
    AttributeValue::S(text.into())
}

fn n(number: i64) -> AttributeValue {
    AttributeValue::N(number.into())
}

fn map(pairs: &[(&str, AttributeValue)]) -> AttributeMap {
    pairs.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect()
}

fn attributes(item: &Item) -> AttributeMap {
    item.clone().into_attributes(&mut DecodeBudget::item()).unwrap()
}

fn arguments(values: &[(&str, AttributeValue)]) -> ExpressionArguments {
    ExpressionArguments { names: None, values: (!values.is_empty()).then(|| map(values).into()), built: None }
}

/// A service with a table `Songs` keyed by `pk` (S) and `sk` (N).
async fn service() -> TestService {
    // A test reads and writes in a moment what takes seconds of capacity.
    let capacity = CapacityOptions { limits: CapacityLimits::Off, ..CapacityOptions::default() };
    let options = ServiceOptions { capacity, ..ServiceOptions::default() };
    let service = start(MemoryEngine::new(), options).await.unwrap();
    let definition =
        |name: &str, key_type| AttributeDefinition { name: name.into(), key_type: Some(key_type) };
    let element = |name: &str, role| KeySchemaElement { name: name.into(), role: Some(role) };
    let create = CreateTable {
        table: "Songs".into(),
        attribute_definitions: vec![definition("pk", KeyType::S), definition("sk", KeyType::N)],
        key_schema: vec![element("pk", KeyRole::Hash), element("sk", KeyRole::Range)],
        billing_mode: Some(BillingMode::PayPerRequest),
        ..Default::default()
    };
    create.by_root(&service).await.unwrap();
    service.settled().await;
    service
}

async fn put(service: &TestService, item: AttributeMap) {
    PutItem { table: "Songs".into(), item: item.into(), ..Default::default() }
        .by_root(service)
        .await
        .unwrap();
}

async fn song(service: &TestService, pk: &str, sk: i64) {
    put(service, map(&[("pk", s(pk)), ("sk", n(sk)), ("odd", AttributeValue::Bool(sk % 2 != 0))])).await;
}

fn query(condition: &str, values: &[(&str, AttributeValue)]) -> Query {
    Query {
        selection: QuerySelection {
            table: "Songs".into(),
            key_condition_expression: Some(condition.into()),
            arguments: arguments(values),
            ..Default::default()
        },
        ..Default::default()
    }
}

fn scan() -> Scan {
    Scan { selection: ScanSelection { table: "Songs".into(), ..Default::default() }, ..Default::default() }
}

fn sort_keys(page: &PageOutput) -> Vec<i64> {
    page.items.iter().map(|item| number(&attributes(item)["sk"])).collect()
}

fn number(value: &AttributeValue) -> i64 {
    let AttributeValue::N(number) = value else { panic!("not a number") };
    number.to_string().parse().unwrap()
}

#[tokio::test]
async fn a_query_walks_one_partition_in_the_order_of_its_sort_key() {
    let service = service().await;
    for sk in [5, -3, 100, 0, 20] {
        song(&service, "a", sk).await;
        song(&service, "ab", sk + 1).await;
    }
    let run = async |condition: &str, more: &[(&str, AttributeValue)], descending: bool| {
        let mut query = query(condition, &[&[(":p", s("a"))], more].concat());
        query.selection.descending = descending;
        let page = query.by_root(&service).await.unwrap();
        assert_eq!(page.last_evaluated_key, None);
        sort_keys(&page)
    };
    let of = |sk| vec![(":s", n(sk))];
    assert_eq!(run("pk = :p", &[], false).await, [-3, 0, 5, 20, 100]);
    assert_eq!(run("pk = :p", &[], true).await, [100, 20, 5, 0, -3]);
    assert_eq!(run("pk = :p AND sk = :s", &of(5), false).await, [5]);
    assert_eq!(run("pk = :p AND sk < :s", &of(5), false).await, [-3, 0]);
    assert_eq!(run("pk = :p AND sk <= :s", &of(5), false).await, [-3, 0, 5]);
    assert_eq!(run("pk = :p AND sk > :s", &of(5), true).await, [100, 20]);
    assert_eq!(run("pk = :p AND :s < sk", &of(5), false).await, [20, 100]);
    assert_eq!(run("pk = :p AND sk >= :s", &of(5), false).await, [5, 20, 100]);
    let between = [(":s", n(0)), (":t", n(20))];
    assert_eq!(run("pk = :p AND sk BETWEEN :s AND :t", &between, false).await, [0, 5, 20]);
}

#[tokio::test]
async fn the_limit_counts_before_the_filter_and_an_empty_page_may_carry_a_key() {
    let service = service().await;
    for sk in 0..4 {
        song(&service, "a", sk * 2).await;
    }
    let mut query = query("pk = :p", &[(":p", s("a")), (":t", AttributeValue::Bool(true))]);
    query.selection.filter_expression = Some("odd = :t".into());
    query.limit = Some(2);
    let page = query.clone().by_root(&service).await.unwrap();
    assert_eq!((page.count, page.scanned_count), (0, 2));
    assert_eq!(page.last_evaluated_key, Some(map(&[("pk", s("a")), ("sk", n(2))])));
    // A limit that is reached with the last item still leaves a key, and nothing after it.
    query.limit = Some(4);
    let page = query.clone().by_root(&service).await.unwrap();
    assert!(page.last_evaluated_key.is_some());
    query.exclusive_start_key = page.last_evaluated_key.map(Item::from);
    let page = query.by_root(&service).await.unwrap();
    assert_eq!((page.count, page.scanned_count, page.last_evaluated_key), (0, 0, None));
}

#[tokio::test]
async fn a_page_ends_at_a_megabyte() {
    let service = service().await;
    for sk in 0..6 {
        put(&service, map(&[("pk", s("a")), ("sk", n(sk)), ("body", s(&"x".repeat(300 * 1024)))])).await;
    }
    let mut query = query("pk = :p", &[(":p", s("a"))]);
    query.return_consumed_capacity = cairn_ops::ReturnConsumedCapacity::Total;
    let page = query.clone().by_root(&service).await.unwrap();
    assert_eq!(page.count, 4);
    // 4 × 300 KB read eventually: half a unit for each started 4 KB of the sum.
    assert_eq!(page.consumed_capacity.unwrap().capacity_units, 150.5);
    query.exclusive_start_key = page.last_evaluated_key.map(Item::from);
    assert_eq!(query.by_root(&service).await.unwrap().count, 2);
}

#[tokio::test]
async fn selecting_a_count_returns_no_items() {
    let service = service().await;
    song(&service, "a", 1).await;
    let mut query = query("pk = :p", &[(":p", s("a"))]);
    query.selection.select = Some(Select::Count);
    let page = query.by_root(&service).await.unwrap();
    assert_eq!((page.items.len(), page.count), (0, 1));
}

#[tokio::test]
async fn what_makes_no_sense_is_refused() {
    let service = service().await;
    let of = async |change: &dyn Fn(&mut Query)| {
        let mut query = query("pk = :p", &[(":p", s("a"))]);
        change(&mut query);
        query.by_root(&service).await.unwrap_err().to_string()
    };
    assert_eq!(
        of(&|query| query.selection.index = Some("nothing".into())).await,
        "The table does not have the specified index: nothing"
    );
    assert!(of(&|query| query.limit = Some(0)).await.contains("greater than or equal to 1"));
    assert_eq!(
        of(&|query| query.selection.key_condition_expression = None).await,
        "Either the KeyConditions or KeyConditionExpression parameter must be specified in the request."
    );
    assert_eq!(
        of(&|query| query.selection.key_condition_expression = Some("sk = :p".into())).await,
        "Query condition missed key schema element: pk"
    );
    assert_eq!(
        of(&|query| query.selection.filter_expression = Some("sk = :p".into())).await,
        "Filter Expression can only contain non-primary key attributes: Primary key attribute: sk"
    );
    assert_eq!(
        of(&|query| query.selection.select = Some(Select::AllProjectedAttributes)).await,
        "1 validation error detected: ALL_PROJECTED_ATTRIBUTES can be used only when Querying using an IndexName"
    );
    assert_eq!(
        of(&|query| {
            query.exclusive_start_key = Some(map(&[("pk", s("b")), ("sk", n(1))]).into());
        })
        .await,
        "The provided starting key is outside query boundaries based on provided conditions"
    );
    assert!(
        of(&|query| query.exclusive_start_key = Some(map(&[("pk", s("a"))]).into()))
            .await
            .starts_with("The provided starting key is invalid")
    );
    let mut ranged = query("pk = :p AND sk > :s", &[(":p", s("a")), (":s", n(5))]);
    ranged.exclusive_start_key = Some(map(&[("pk", s("a")), ("sk", n(1))]).into());
    assert_eq!(
        ranged.by_root(&service).await.unwrap_err().to_string(),
        "The provided starting key does not match the range key predicate"
    );
    let segments = async |segment, total_segments| {
        let mut scan = scan();
        scan.selection.segment = segment;
        scan.selection.total_segments = total_segments;
        scan.by_root(&service).await.unwrap_err().to_string()
    };
    assert!(segments(Some(0), None).await.starts_with("The TotalSegments parameter is required"));
    assert!(segments(None, Some(1)).await.starts_with("The Segment parameter is required"));
    assert!(segments(Some(5), Some(5)).await.contains("Segment: 5 is not less than TotalSegments: 5"));
}

/// Every part of a stream put together, and its summary.
async fn collect(parts: Parts) -> (Vec<AttributeMap>, cairn_ops::StreamSummary) {
    let parts: Vec<_> = parts.try_collect().await.unwrap();
    let (last, before) = parts.split_last().unwrap();
    assert!(last.items.is_empty() && before.iter().all(|part| part.summary.is_none()));
    let items = before.iter().flat_map(|part| &part.items).map(attributes).collect();
    (items, last.summary.clone().unwrap())
}

#[tokio::test]
async fn a_stream_gives_everything_and_goes_on_from_any_part() {
    let service = service().await;
    for sk in 0..2_500 {
        song(&service, "a", sk).await;
    }
    let selection = query("pk = :p", &[(":p", s("a"))]).selection;
    let start = |resume_token, limit| StreamQuery {
        selection: selection.clone(),
        options: StreamOptions { limit, resume_token, ..Default::default() },
    };
    let (items, summary) = collect(start(None, None).by_root(&service).await.unwrap()).await;
    assert_eq!((items.len(), summary.count, summary.scanned_count), (2_500, 2_500, 2_500));

    let parts: Vec<_> =
        start(None, Some(1_200)).by_root(&service).await.unwrap().try_collect::<Vec<_>>().await.unwrap();
    let token = parts.last().unwrap().resume_token.clone();
    let (rest, summary) = collect(start(token.clone(), None).by_root(&service).await.unwrap()).await;
    assert_eq!((rest.len(), summary.count), (1_300, 1_300));
    assert_eq!(rest[0]["sk"], n(1_200));

    // A token is good for the same selection only.
    let mut other = start(token, None);
    other.selection.descending = true;
    let refused = other.by_root(&service).await.err().unwrap();
    assert!(refused.to_string().contains("resume token"), "{refused}");
    let garbage = start(Some(bytes::Bytes::from_static(b"\x01garbage")), None);
    assert!(garbage.by_root(&service).await.is_err());
}

#[tokio::test]
async fn a_stream_that_finds_nothing_still_tells_how_far_it_is() {
    let service = service().await;
    for sk in 0..8 {
        put(&service, map(&[("pk", s("a")), ("sk", n(sk)), ("body", s(&"x".repeat(300 * 1024)))])).await;
    }
    let stream = StreamScan {
        selection: ScanSelection {
            table: "Songs".into(),
            filter_expression: Some("attribute_exists(nothing)".into()),
            ..Default::default()
        },
        options: StreamOptions::default(),
    };
    let parts: Vec<_> = stream.by_root(&service).await.unwrap().try_collect().await.unwrap();
    assert!(parts.len() >= 3, "an empty part for each page, and the summary: {}", parts.len());
    assert!(parts[0].items.is_empty() && parts[0].resume_token.is_some());
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap()
}

/// Songs by partition, few partitions and many sort keys.
fn songs() -> impl Strategy<Value = Vec<(u8, i64)>> {
    proptest::collection::vec((0u8..6, -20i64..20), 0..60)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn a_paged_query_equals_an_unpaged_one(
        songs in songs(), limit in 1i32..7, descending: bool, low in -20i64..20, width in 0i64..20
    ) {
        runtime().block_on(async {
            let service = service().await;
            for (pk, sk) in &songs {
                song(&service, &pk.to_string(), *sk).await;
            }
            let mut whole = query(
                "pk = :p AND sk BETWEEN :low AND :high",
                &[(":p", s("1")), (":low", n(low)), (":high", n(low + width))],
            );
            whole.selection.descending = descending;
            let expected = sort_keys(&whole.clone().by_root(&service).await.unwrap());
            let mut model: Vec<i64> =
                songs.iter().filter(|(pk, sk)| *pk == 1 && (low..=low + width).contains(sk)).map(|(_, sk)| *sk).collect();
            model.sort_unstable();
            model.dedup();
            if descending {
                model.reverse();
            }
            assert_eq!(expected, model);
            let mut paged = Vec::new();
            let mut query = Query { limit: Some(limit), ..whole };
            loop {
                let page = query.clone().by_root(&service).await.unwrap();
                paged.extend(sort_keys(&page));
                let Some(last) = page.last_evaluated_key else { break };
                query.exclusive_start_key = Some(last.into());
            }
            assert_eq!(paged, expected);
        });
    }

    #[test]
    fn segments_partition_a_scan_exactly(songs in songs(), total in 1i32..9, limit in 1i32..9) {
        runtime().block_on(async {
            let service = service().await;
            for (pk, sk) in &songs {
                song(&service, &pk.to_string(), *sk).await;
            }
            let mut found: BTreeMap<(String, i64), usize> = BTreeMap::new();
            for segment in 0..total {
                let mut scan = scan();
                scan.selection.segment = Some(segment);
                scan.selection.total_segments = Some(total);
                scan.limit = Some(limit);
                loop {
                    let page = scan.clone().by_root(&service).await.unwrap();
                    for item in page.items.iter().map(attributes) {
                        let AttributeValue::S(pk) = &item["pk"] else { panic!("not a string") };
                        *found.entry((pk.clone(), number(&item["sk"]))).or_default() += 1;
                    }
                    let Some(last) = page.last_evaluated_key else { break };
                    scan.exclusive_start_key = Some(last.into());
                }
            }
            let expected: BTreeMap<(String, i64), usize> =
                songs.iter().map(|(pk, sk)| ((pk.to_string(), *sk), 1)).collect();
            assert_eq!(found, expected);
        });
    }
}

/// An item that counts 30 KB, and takes 1.38 MB when it is encoded.
async fn dense_song(service: &TestService, sk: i64) {
    let dense = AttributeValue::L(vec![AttributeValue::N("1E-130".parse().unwrap()); 10_000]);
    put(service, map(&[("pk", s("a")), ("sk", n(sk)), ("dense", dense)])).await;
}

#[tokio::test]
async fn no_part_of_a_stream_is_larger_than_clients_of_grpc_accept_and_nothing_is_lost_between_parts() {
    let service = service().await;
    for sk in 0..10 {
        dense_song(&service, sk).await;
    }
    let selection = query("pk = :p", &[(":p", s("a"))]).selection;
    let stream = StreamQuery { selection, ..StreamQuery::default() };
    let parts: Vec<_> = stream.by_root(&service).await.unwrap().try_collect().await.unwrap();
    let sizes: Vec<_> =
        parts.iter().map(|part| part.items.iter().map(Item::element_len).sum::<usize>()).collect();
    assert!(sizes.iter().all(|size| *size < 4 * 1024 * 1024), "{sizes:?}");
    let read: Vec<_> =
        parts.iter().flat_map(|part| &part.items).map(|item| number(&attributes(item)["sk"])).collect();
    assert_eq!(read, (0..10).collect::<Vec<_>>());
    assert_eq!(parts.iter().map(|part| part.scanned_count).sum::<usize>(), 10);
}

#[tokio::test]
async fn an_item_that_is_larger_than_a_page_alone_is_a_page_of_its_own() {
    let service = service().await;
    let dense = AttributeValue::L(vec![AttributeValue::N("1E-130".parse().unwrap()); 100_000]);
    for sk in 0..3 {
        song(&service, "a", sk * 2).await;
    }
    put(&service, map(&[("pk", s("a")), ("sk", n(3)), ("dense", dense)])).await;
    let mut query = query("pk = :p", &[(":p", s("a"))]);
    let mut pages = Vec::new();
    loop {
        let page = query.clone().by_root(&service).await.unwrap();
        pages.push(sort_keys(&page));
        let Some(key) = page.last_evaluated_key else { break };
        query.exclusive_start_key = Some(key.into());
    }
    assert_eq!(pages, [vec![0, 2], vec![3], vec![4]]);
}
