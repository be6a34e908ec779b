//! The server itself: what survives a restart, who may open a data folder, and what standard tools see.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic)] // Tests fail loudly, in helpers too.

mod common;

use cairn_api::v1;
use cairn_server::server::{Server, ServerError};
use common::{TestServer, folder, map, n, s, settings, table_request};
use std::error::Error;
use tonic::Code;
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_client::HealthClient;
use tonic_reflection::pb::v1::ServerReflectionRequest;
use tonic_reflection::pb::v1::server_reflection_client::ServerReflectionClient;
use tonic_reflection::pb::v1::server_reflection_request::MessageRequest;
use tonic_reflection::pb::v1::server_reflection_response::MessageResponse;

#[tokio::test(flavor = "multi_thread")]
async fn tables_items_and_counts_survive_a_restart() {
    let folder = folder();
    let server = TestServer::start(folder.path()).await;
    server.create_table("Music").await;
    for number in 0..50 {
        server.put("Music", &[("pk", s("a")), ("sk", n(&number.to_string())), ("v", s("x"))]).await.unwrap();
    }
    let before = server.describe("Music").await.unwrap();
    server.stop().await;

    let server = TestServer::start(folder.path()).await;
    assert_eq!(server.describe("Music").await.unwrap(), before);
    for number in 0..50 {
        let key = [("pk", s("a")), ("sk", n(&number.to_string()))];
        assert_eq!(server.get("Music", &key).await.unwrap()["v"], s("x"));
    }
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_table_that_was_being_made_or_removed_is_finished_after_a_restart() {
    let folder = folder();
    let server = TestServer::start(folder.path()).await;
    server.create_table("Old").await;
    server.tables().create_table(table_request("New")).await.unwrap();
    server.tables().delete_table(v1::DeleteTableRequest { table: "Old".into() }).await.unwrap();
    // Stopping at once leaves whatever was not done yet.
    server.stop().await;
    let server = TestServer::start(folder.path()).await;
    server.wait_for("New", v1::TableStatus::Active).await;
    while server.describe("Old").await.is_ok() {
        tokio::task::yield_now().await;
    }
    server.put("New", &[("pk", s("a")), ("sk", n("1"))]).await.unwrap();
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_data_folder_belongs_to_one_server() {
    let folder = folder();
    let server = TestServer::start(folder.path()).await;
    let Err(error) = Server::start(&settings(folder.path())).await else { panic!("it was opened twice") };
    assert!(matches!(&error, ServerError::Store { source: cairn_storage::Error::Locked, .. }), "{error:?}");
    assert_eq!(error.source().unwrap().to_string(), "the store is in use by another process");
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_disk_refuses_writes_and_the_server_lives() {
    let folder = folder();
    let server = TestServer::start(folder.path()).await;
    server.create_table("Music").await;
    server.put("Music", &[("pk", s("a")), ("sk", n("1"))]).await.unwrap();
    server.stop().await;
    // More is to be kept free than any disk has.
    let mut full = settings(folder.path());
    full.disk_reserve_mib = Some(1 << 40);
    let server = TestServer::start_with(&full).await;
    let status = server.put("Music", &[("pk", s("a")), ("sk", n("2"))]).await.unwrap_err();
    assert_eq!(status.code(), Code::Unavailable);
    assert!(status.message().contains("the storage volume is full"), "{}", status.message());
    assert_eq!(
        server.get("Music", &[("pk", s("a")), ("sk", n("1"))]).await,
        Some(map(&[("pk", s("a")), ("sk", n("1"))]))
    );
    assert_eq!(server.get("Music", &[("pk", s("a")), ("sk", n("2"))]).await, None);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn health_and_reflection_answer() {
    let folder = folder();
    let server = TestServer::start(folder.path()).await;
    for service in cairn_grpc::HEALTH_SERVICE_NAMES {
        let request = HealthCheckRequest { service: service.into() };
        let answer = HealthClient::new(server.channel.clone()).check(request).await.unwrap().into_inner();
        assert_eq!(answer.status(), tonic_health::pb::health_check_response::ServingStatus::Serving);
    }
    let request = ServerReflectionRequest {
        host: String::new(),
        message_request: Some(MessageRequest::ListServices(String::new())),
    };
    let mut answers = ServerReflectionClient::new(server.channel.clone())
        .server_reflection_info(tokio_stream::once(request))
        .await
        .unwrap()
        .into_inner();
    let Some(MessageResponse::ListServicesResponse(listed)) =
        answers.message().await.unwrap().unwrap().message_response
    else {
        panic!("services were not listed")
    };
    let names: Vec<_> = listed.service.into_iter().map(|service| service.name).collect();
    for name in ["cairn.v1.ItemService", "cairn.v1.TableService", "grpc.health.v1.Health"] {
        assert!(names.iter().any(|listed| listed == name), "{names:?}");
    }
    drop(answers);
    server.stop().await;
}

/// Puts two questions on one stream of reflection, and gives the names and errors of the answers.
macro_rules! asked {
    ($server:expr, $version:ident) => {{
        use reflection::server_reflection_request::MessageRequest;
        use reflection::server_reflection_response::MessageResponse;
        use tonic_reflection::pb::$version as reflection;
        let question =
            |asked| reflection::ServerReflectionRequest { host: String::new(), message_request: Some(asked) };
        let questions = tokio_stream::iter([
            question(MessageRequest::FileContainingSymbol("cairn.v1.NoSuchThing".into())),
            question(MessageRequest::FileContainingExtension(Default::default())),
            question(MessageRequest::ListServices(String::new())),
        ]);
        let mut client =
            reflection::server_reflection_client::ServerReflectionClient::new($server.channel.clone());
        let mut answers = client.server_reflection_info(questions).await.unwrap().into_inner();
        let mut told = Vec::new();
        while let Some(answer) = answers.message().await.unwrap() {
            assert!(answer.original_request.is_some());
            told.push(match answer.message_response.unwrap() {
                MessageResponse::ErrorResponse(error) => {
                    vec![format!("{} {}", error.error_code, error.error_message)]
                }
                MessageResponse::ListServicesResponse(listed) => {
                    listed.service.into_iter().map(|service| service.name).collect()
                }
                other => panic!("{other:?}"),
            });
        }
        told
    }};
}

#[tokio::test(flavor = "multi_thread")]
async fn reflection_answers_in_both_versions_and_goes_on_after_an_unknown_name() {
    let folder = folder();
    let server = TestServer::start(folder.path()).await;
    for told in [asked!(server, v1), asked!(server, v1alpha)] {
        let [unknown, extension, names] = &told[..] else { panic!("{told:?}") };
        assert_eq!(*unknown, ["5 symbol 'cairn.v1.NoSuchThing' not found"]);
        assert!(extension[0].starts_with("5 "), "{extension:?}");
        for name in [
            "cairn.v1.ItemService",
            "cairn.v1.TableService",
            "cairn.v1.IamService",
            "grpc.health.v1.Health",
            "grpc.reflection.v1.ServerReflection",
            "grpc.reflection.v1alpha.ServerReflection",
        ] {
            assert!(names.iter().any(|listed| listed == name), "{names:?}");
        }
    }
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_method_that_there_is_not_is_named() {
    let folder = folder();
    let server = TestServer::start(folder.path()).await;
    let mut client = tonic::client::Grpc::new(server.channel.clone());
    client.ready().await.unwrap();
    let codec = cairn_api::Codec::<(), ()>::default();
    let path = "/cairn.v1.ItemService/SearchVectors".parse().unwrap();
    let status = client.unary(tonic::Request::new(()), path, codec).await.map(drop).unwrap_err();
    assert_eq!(status.code(), Code::Unimplemented);
    assert_eq!(status.message(), "SearchVectors is not implemented by this version of Cairn");
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn as_many_tables_as_are_allowed_can_be_made_and_no_more() {
    let folder = folder();
    let mut few = settings(folder.path());
    few.tables_max = 2;
    let server = TestServer::start_with(&few).await;
    server.create_table("one").await;
    server.create_table("two").await;
    let status = server.tables().create_table(table_request("three")).await.unwrap_err();
    assert_eq!(status.code(), Code::ResourceExhausted);
    assert!(status.message().contains("at most 2 tables"), "{}", status.message());
    server.stop().await;
}
