//! Items that expire, over a store that is closed and opened again.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic)] // Tests fail loudly, in helpers too.

mod common;

use cairn_api::v1;
use cairn_server::settings::Settings;
use common::{TestServer, folder, n, s, settings};
use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

fn sweeping(data: &Path) -> Settings {
    Settings { ttl_sweep_seconds: 1, ..settings(data) }
}

fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs()
}

async fn put(server: &TestServer, pk: &str, at: u64) {
    server.put("Music", &[("pk", s(pk)), ("sk", n("1")), ("at", n(&at.to_string()))]).await.unwrap();
}

async fn is_there(server: &TestServer, pk: &str) -> bool {
    server.get("Music", &[("pk", s(pk)), ("sk", n("1"))]).await.is_some()
}

async fn status(server: &TestServer) -> v1::TimeToLiveStatus {
    let request = v1::DescribeTimeToLiveRequest { table: "Music".into() };
    let answer = server.tables().describe_time_to_live(request).await.unwrap().into_inner();
    answer.time_to_live_description.unwrap().time_to_live_status()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_falls_due_while_the_server_is_down_expires_once_it_is_up() {
    let folder = folder();
    let server = TestServer::start_with(&sweeping(folder.path())).await;
    server.create_table("Music").await;
    let due = now() + 2;
    put(&server, "before", due).await;
    put(&server, "later", due + 100_000).await;
    let request = v1::UpdateTimeToLiveRequest {
        table: "Music".into(),
        time_to_live_specification: Some(v1::TimeToLiveSpecification {
            enabled: Some(true),
            attribute_name: "at".into(),
        }),
    };
    server.tables().update_time_to_live(request).await.unwrap();
    // It may still be ENABLING: the next start goes on with that too.
    put(&server, "after", due).await;
    server.stop().await;

    let server = TestServer::start_with(&sweeping(folder.path())).await;
    while status(&server).await != v1::TimeToLiveStatus::Enabled {
        tokio::task::yield_now().await;
    }
    while is_there(&server, "before").await || is_there(&server, "after").await {
        tokio::task::yield_now().await;
    }
    assert!(now() > due);
    assert!(is_there(&server, "later").await);
    assert_eq!(server.describe("Music").await.unwrap().item_count, 1);
    server.stop().await;

    // And stays expired.
    let server = TestServer::start_with(&sweeping(folder.path())).await;
    assert!(!is_there(&server, "before").await && is_there(&server, "later").await);
    assert_eq!(status(&server).await, v1::TimeToLiveStatus::Enabled);
    server.stop().await;
}
