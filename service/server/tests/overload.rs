//! A server that has as many calls or connections as it takes.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic)] // Tests fail loudly, in helpers too.

mod common;
#[path = "common/secured.rs"]
mod secured;

use cairn_api::v1;
use cairn_api::v1::item_service_client::ItemServiceClient;
use common::{TestServer, folder, n, s, settings};
use secured::{healthz, told};
use std::time::Duration;
use tonic::transport::Channel;
use tonic::{Code, Streaming};
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_check_response::ServingStatus;
use tonic_health::pb::health_client::HealthClient;
use tonic_types::StatusExt;

/// How long anything here may take.
const PATIENCE: Duration = Duration::from_secs(60);

/// A server that takes on one call at a time, over a table that is more than a connection takes unread.
async fn narrow(data: &std::path::Path) -> TestServer {
    let server = TestServer::start(data).await;
    server.create_table("Orders").await;
    for number in 0..16 {
        let item = [("pk", s("a")), ("sk", n(&number.to_string())), ("v", s(&"x".repeat(350_000)))];
        server.put("Orders", &item).await.unwrap();
    }
    server.stop().await;
    let mut narrow = settings(data);
    narrow.calls_max = 1;
    TestServer::start_with(&narrow).await
}

async fn scan(server: &TestServer) -> Streaming<v1::StreamScanResponse> {
    scan_over(server.channel.clone()).await
}

async fn scan_over(channel: Channel) -> Streaming<v1::StreamScanResponse> {
    let request = v1::StreamScanRequest { table: "Orders".into(), ..Default::default() };
    let mut items = ItemServiceClient::new(channel).max_decoding_message_size(usize::MAX);
    let mut scanned = items.stream_scan(request).await.unwrap().into_inner();
    scanned.message().await.unwrap().unwrap();
    scanned
}

/// Calls until the server takes the call on. It is told that a call has ended by the call's connection, in its own time.
async fn described(server: &TestServer) {
    let taken_on = async {
        while let Err(status) = server.describe("Orders").await {
            assert_eq!(status.code(), Code::Unavailable, "{status:?}");
        }
    };
    tokio::time::timeout(PATIENCE, taken_on).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_too_many_is_told_to_come_back_and_is_taken_on_when_another_has_ended() {
    let folder = folder();
    let server = narrow(folder.path()).await;
    let held = scan(&server).await;
    for _ in 0..3 {
        let status = server.describe("Orders").await.unwrap_err();
        assert_eq!(told(&status), (Code::Unavailable, "SERVICE_UNAVAILABLE".to_owned()));
        assert_eq!(status.message(), "The service is unavailable: too many calls are under way");
        let delay = status.get_details_retry_info().unwrap().retry_delay;
        assert_eq!(delay, Some(Duration::from_millis(100)));
        assert_eq!(status.get_details_error_info().unwrap().metadata["retryable"], "true");
    }
    // Whoever asks whether the server is well hears that it is.
    let mut health = HealthClient::new(server.channel.clone());
    let well = health.check(HealthCheckRequest::default()).await.unwrap().into_inner();
    assert_eq!(well.status(), ServingStatus::Serving);
    assert!(healthz(server.address).await.ends_with("\r\n\r\nok\n"));
    drop(held);
    described(&server).await;
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_too_many_is_closed_and_the_next_after_one_has_ended_is_served() {
    let folder = folder();
    let mut few = settings(folder.path());
    few.connections_max = 2;
    let server = TestServer::start_with(&few).await;
    let connect = async || {
        let endpoint = Channel::from_shared(format!("http://{}", server.address)).unwrap();
        let channel = endpoint.connect().await.ok()?;
        let request = HealthCheckRequest::default();
        HealthClient::new(channel.clone()).check(request).await.ok()?;
        Some(channel)
    };
    let second = connect().await.unwrap();
    assert!(connect().await.is_none());
    // Those that are there are none the worse for it.
    server.create_table("Orders").await;
    drop(second);
    let served = async { while connect().await.is_none() {} };
    tokio::time::timeout(PATIENCE, served).await.unwrap();
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn one_address_has_as_many_calls_as_it_is_given() {
    let folder = folder();
    narrow(folder.path()).await.stop().await;
    let mut few = settings(folder.path());
    few.calls_per_address_max = Some(1);
    let server = TestServer::start_with(&few).await;
    let held = scan(&server).await;
    let status = server.describe("Orders").await.unwrap_err();
    assert_eq!(told(&status), (Code::Unavailable, "SERVICE_UNAVAILABLE".to_owned()));
    assert_eq!(status.message(), "The service is unavailable: too many calls of this address are under way");
    drop(held);
    described(&server).await;
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn one_address_has_as_many_connections_as_it_is_given() {
    let folder = folder();
    let mut few = settings(folder.path());
    few.connections_per_address_max = Some(2);
    let server = TestServer::start_with(&few).await;
    let connect = async || {
        let endpoint = Channel::from_shared(format!("http://{}", server.address)).unwrap();
        let channel = endpoint.connect().await.ok()?;
        HealthClient::new(channel.clone()).check(HealthCheckRequest::default()).await.ok()?;
        Some(channel)
    };
    let second = connect().await.unwrap();
    assert!(connect().await.is_none());
    drop(second);
    let served = async { while connect().await.is_none() {} };
    tokio::time::timeout(PATIENCE, served).await.unwrap();
    server.stop().await;
}

/// What AWS JSON answers: the status and the body.
async fn post(server: &TestServer, operation: &str, body: &str) -> (u16, String) {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let mut stream = tokio::net::TcpStream::connect(server.address).await.unwrap();
    let request = format!(
        "POST / HTTP/1.1\r\nhost: a\r\nconnection: close\r\ncontent-type: application/x-amz-json-1.0\r\n\
         x-amz-target: DynamoDB_20120810.{operation}\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    );
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    (head.split(' ').nth(1).unwrap().parse().unwrap(), body.to_owned())
}

#[tokio::test(flavor = "multi_thread")]
async fn large_requests_and_answers_have_one_budget_and_small_ones_are_served_beside_them() {
    let folder = folder();
    narrow(folder.path()).await.stop().await;
    let mut small = settings(folder.path());
    small.calls_mib_max = Some(64);
    let server = TestServer::start_with(&small).await;
    // Each holds 2 MiB until it ends. On one connection they would wait for one another.
    let mut held = Vec::new();
    for _ in 0..32 {
        let endpoint = Channel::from_shared(format!("http://{}", server.address)).unwrap();
        held.push(scan_over(endpoint.connect().await.unwrap()).await);
    }
    let text = "The service is unavailable: too many bytes of requests and answers are under way";
    let request = v1::ScanRequest { table: "Orders".into(), ..Default::default() };
    let mut items = server.items().max_decoding_message_size(usize::MAX);
    let large_put = [("pk", s("a")), ("sk", n("99")), ("v", s(&"x".repeat(300_000)))];
    let mut other = items.clone();
    let (answer, request_too_large, over_json) = tokio::join!(
        other.scan(request.clone()),
        server.put("Orders", &large_put),
        post(&server, "Scan", r#"{"TableName":"Orders"}"#),
    );
    for status in [answer.unwrap_err(), request_too_large.unwrap_err()] {
        assert_eq!(told(&status), (Code::Unavailable, "SERVICE_UNAVAILABLE".to_owned()));
        assert_eq!(status.message(), text);
        assert!(status.get_details_retry_info().is_some());
    }
    assert_eq!(over_json.0, 503);
    assert!(over_json.1.contains("#ServiceUnavailable") && over_json.1.contains(text), "{}", over_json.1);
    // What is small waits for nobody.
    server.put("Orders", &[("pk", s("b")), ("sk", n("1"))]).await.unwrap();
    assert_eq!(post(&server, "ListTables", "{}").await.0, 200);
    held.clear();
    let served = async {
        while let Err(status) = items.scan(request.clone()).await {
            assert_eq!(status.code(), Code::Unavailable, "{status:?}");
        }
    };
    tokio::time::timeout(PATIENCE, served).await.unwrap();
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_that_says_nothing_is_closed_and_those_that_speak_are_not() {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let folder = folder();
    let mut impatient = settings(folder.path());
    impatient.first_request_seconds_max = 1;
    let server = TestServer::start_with(&impatient).await;
    server.create_table("Orders").await;
    let closed = async {
        for begin in [&b""[..], b"PRI * HT", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", b"POST / HTTP/1.1\r\n"] {
            let mut stream = tokio::net::TcpStream::connect(server.address).await.unwrap();
            stream.write_all(begin).await.unwrap();
            let mut rest = Vec::new();
            let _ = stream.read_to_end(&mut rest).await;
        }
    };
    tokio::time::timeout(PATIENCE, closed).await.unwrap();
    // The connection from the beginning is the same still.
    server.describe("Orders").await.unwrap();
    server.stop().await;
}
