//! A server that has as many calls or connections as it takes.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic)] // Tests fail loudly, in helpers too.

mod common;
#[path = "common/secured.rs"]
mod secured;

use cairn_api::v1;
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
    let request = v1::StreamScanRequest { table: "Orders".into(), ..Default::default() };
    let mut items = server.items().max_decoding_message_size(usize::MAX);
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
