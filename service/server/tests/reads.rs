//! Queries, scans and their streams over real gRPC.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic)] // Tests fail loudly, in helpers too.

mod common;

use cairn_api::v1;
use common::{TestServer, attributes, folder, n, s, values};
use tokio_stream::StreamExt;
use tonic::Code;

/// Of 100 KB each: some pages of them.
const ITEMS: usize = 60;

async fn server() -> (TestServer, tempfile::TempDir) {
    let folder = folder();
    let server = TestServer::start(folder.path()).await;
    server.create_table("Music").await;
    for sk in 0..ITEMS {
        let body = s(&"x".repeat(100 * 1024));
        server.put("Music", &[("pk", s("a")), ("sk", n(&sk.to_string())), ("body", body)]).await.unwrap();
    }
    (server, folder)
}

fn bindings() -> Option<v1::ExpressionBindings> {
    Some(v1::ExpressionBindings { values: values(&[(":p", s("a"))]), ..Default::default() })
}

#[tokio::test(flavor = "multi_thread")]
async fn a_query_is_paged_by_the_key_it_ends_with() {
    let (server, _folder) = server().await;
    let mut request = v1::QueryRequest {
        table: "Music".into(),
        key_condition_expression: "pk = :p".into(),
        bindings: bindings(),
        sort_order: v1::SortOrder::Descending.into(),
        ..Default::default()
    };
    let mut found = Vec::new();
    loop {
        let page = server.items().query(request.clone()).await.unwrap().into_inner();
        found.extend(page.items.into_iter().map(|item| attributes(item)["sk"].clone()));
        if page.last_evaluated_key.is_empty() {
            break;
        }
        request.exclusive_start_key = page.last_evaluated_key;
    }
    let expected: Vec<_> = (0..ITEMS).rev().map(|sk| n(&sk.to_string())).collect();
    assert_eq!(found, expected);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_carries_every_item_and_ends_with_a_summary() {
    let (server, _folder) = server().await;
    let request = v1::StreamScanRequest {
        table: "Music".into(),
        return_consumed_capacity: v1::ReturnConsumedCapacity::Total.into(),
        ..Default::default()
    };
    let parts: Vec<_> = server
        .items()
        .stream_scan(request)
        .await
        .unwrap()
        .into_inner()
        .collect::<Result<Vec<_>, _>>()
        .await
        .unwrap();
    let (last, before) = parts.split_last().unwrap();
    assert_eq!(before.iter().map(|part| part.items.len()).sum::<usize>(), ITEMS);
    assert!(before.len() > 1, "6 MB are more than one page");
    let summary = last.summary.as_ref().unwrap();
    assert_eq!((summary.count, summary.scanned_count), (60, 60));
    assert!(summary.consumed_capacity.as_ref().unwrap().capacity_units > 200.0);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_that_is_dropped_midway_leaves_the_server_free() {
    let (server, _folder) = server().await;
    let request = v1::StreamQueryRequest {
        table: "Music".into(),
        key_condition_expression: "pk = :p".into(),
        bindings: bindings(),
        ..Default::default()
    };
    let mut parts = server.items().stream_query(request.clone()).await.unwrap().into_inner();
    let first = parts.message().await.unwrap().unwrap();
    drop(parts);
    let resumed = v1::StreamQueryRequest { resume_token: first.resume_token.clone(), ..request };
    let mut rest = server.items().stream_query(resumed).await.unwrap().into_inner();
    let second = rest.message().await.unwrap().unwrap();
    assert_eq!(attributes(second.items[0].clone())["sk"], n(&first.items.len().to_string()));
    drop(rest);
    // Stopping does not wait for the streams that nobody reads.
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_table_deleted_in_the_midst_of_a_stream_ends_it() {
    let (server, _folder) = server().await;
    let mut parts = server
        .items()
        .stream_scan(v1::StreamScanRequest { table: "Music".into(), ..Default::default() })
        .await
        .unwrap()
        .into_inner();
    parts.message().await.unwrap().unwrap();
    server.tables().delete_table(v1::DeleteTableRequest { table: "Music".into() }).await.unwrap();
    while server.describe("Music").await.is_ok() {
        tokio::task::yield_now().await;
    }
    let end = loop {
        match parts.message().await {
            // A part that was under way already.
            Ok(Some(_)) => {}
            Ok(None) => panic!("the stream ended as if everything had been read"),
            Err(status) => break status,
        }
    };
    assert_eq!(end.code(), Code::NotFound);
    server.stop().await;
}

/// Items that count 30 KB each and take 1.38 MB in a message, read by clients that accept the 4 MiB of gRPC's default.
#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_accepts_no_more_than_it_does_by_default_reads_items_that_are_large_when_encoded() {
    const DENSE: usize = 7;
    let folder = folder();
    let server = TestServer::start(folder.path()).await;
    server.create_table("Music").await;
    for sk in 0..DENSE {
        let dense = cairn_model::AttributeValue::L(vec![n("1E-130"); 10_000]);
        server.put("Music", &[("pk", s("a")), ("sk", n(&sk.to_string())), ("dense", dense)]).await.unwrap();
    }
    let expected: Vec<_> = (0..DENSE).map(|sk| n(&sk.to_string())).collect();
    let mut items = server.items();

    let mut found = Vec::new();
    let mut request = v1::QueryRequest {
        table: "Music".into(),
        key_condition_expression: "pk = :p".into(),
        bindings: bindings(),
        ..Default::default()
    };
    loop {
        let page = items.query(request.clone()).await.unwrap().into_inner();
        found.extend(page.items.into_iter().map(|item| attributes(item)["sk"].clone()));
        if page.last_evaluated_key.is_empty() {
            break;
        }
        request.exclusive_start_key = page.last_evaluated_key;
    }
    assert_eq!(found, expected, "by pages of Query");

    let request = v1::StreamScanRequest { table: "Music".into(), ..Default::default() };
    let parts = items.stream_scan(request).await.unwrap().into_inner();
    let parts: Vec<_> = parts.collect::<Result<Vec<_>, _>>().await.unwrap();
    let found: Vec<_> = parts.into_iter().flat_map(|part| part.items).collect();
    let found: Vec<_> = found.into_iter().map(|item| attributes(item)["sk"].clone()).collect();
    assert_eq!(found, expected, "by the parts of StreamScan");

    let key = |sk: usize| v1::Key { attributes: values(&[("pk", s("a")), ("sk", n(&sk.to_string()))]) };
    let of_table = v1::KeysAndAttributes { keys: (0..DENSE).map(key).collect(), ..Default::default() };
    let mut request = v1::BatchGetItemRequest {
        request_items: [("Music".to_owned(), of_table)].into(),
        response_bytes_max: Some(3 << 20),
        ..Default::default()
    };
    let refused =
        items.batch_get_item(v1::BatchGetItemRequest { response_bytes_max: None, ..request.clone() }).await;
    assert_eq!(refused.unwrap_err().code(), Code::OutOfRange, "all of it is too much for this client");
    let mut found = Vec::new();
    while !request.request_items.is_empty() {
        let answer = items.batch_get_item(request.clone()).await.unwrap().into_inner();
        let responses = answer.responses.into_values().flat_map(|list| list.items);
        found.extend(responses.map(|item| attributes(item)["sk"].clone()));
        request.request_items = answer.unprocessed_keys;
    }
    assert_eq!(found, expected, "by batches that are bounded");
    server.stop().await;
}
