//! What the one port speaks besides gRPC: DynamoDB's own protocol, and gRPC-Web for browsers.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic)] // Tests fail loudly, in helpers too.

mod common;

use base64::prelude::{BASE64_STANDARD, Engine};
use bytes::Bytes;
use cairn_api::v1;
use cairn_server::server::Server;
use cairn_server::settings::Settings;
use common::{TestServer, folder, settings};
use http::{HeaderMap, Method, Request, StatusCode};
use http_body_util::{BodyExt, Full};
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;
use prost::Message;
use tokio_util::sync::CancellationToken;

async fn send(request: Request<Full<Bytes>>) -> (StatusCode, HeaderMap, Bytes) {
    let client = Client::builder(TokioExecutor::new()).build_http();
    let (head, body) = client.request(request).await.unwrap().into_parts();
    (head.status, head.headers, body.collect().await.unwrap().to_bytes())
}

/// A message as gRPC frames it.
fn framed(message: &impl Message) -> Vec<u8> {
    let encoded = message.encode_to_vec();
    [&[0][..], &u32::try_from(encoded.len()).unwrap().to_be_bytes(), &encoded].concat()
}

const GET_ITEM: &str = "/cairn.v1.ItemService/GetItem";
const LIST_TABLES: &str = "/cairn.v1.TableService/ListTables";

/// What a browser asks before it lets a page of that origin call.
fn preflight(server: &TestServer, path: &str, origin: &str) -> Request<Full<Bytes>> {
    Request::builder()
        .method(Method::OPTIONS)
        .uri(format!("http://{}{path}", server.address))
        .header("origin", origin)
        .header("access-control-request-method", "POST")
        .header("access-control-request-headers", "x-grpc-web,content-type,authorization")
        .body(Full::default())
        .unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn one_port_speaks_grpc_and_dynamodbs_own_protocol() {
    let folder = folder();
    let server = TestServer::start(folder.path()).await;
    server.create_table("Music").await;
    let request = Request::post(format!("http://{}/", server.address))
        .header("content-type", "application/x-amz-json-1.0")
        .header("x-amz-target", "DynamoDB_20120810.ListTables")
        .body(Full::from("{}"))
        .unwrap();
    let (status, _, body) = send(request).await;
    assert_eq!((status, &*body), (StatusCode::OK, &br#"{"TableNames":["Music"]}"#[..]));
    let (status, _, body) =
        send(Request::get(format!("http://{}/", server.address)).body(Full::default()).unwrap()).await;
    assert!(status.is_success() && body.starts_with(b"healthy: "));
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_browser_calls_over_http_1() {
    let folder = folder();
    let server = TestServer::start(folder.path()).await;
    server.create_table("Music").await;
    let path = format!("http://{}{LIST_TABLES}", server.address);
    let call = |kind: &str, body: Vec<u8>| {
        Request::post(&path)
            .header("content-type", kind)
            .header("accept", kind)
            .header("x-grpc-web", "1")
            .header("origin", "http://localhost:3000")
            .body(Full::from(body))
            .unwrap()
    };
    let message = framed(&v1::ListTablesRequest::default());
    let expected =
        framed(&v1::ListTablesResponse { table_names: vec!["Music".into()], ..Default::default() });

    let (status, headers, body) = send(call("application/grpc-web+proto", message.clone())).await;
    assert_eq!(status, StatusCode::OK);
    assert_eq!(headers["access-control-allow-origin"], "http://localhost:3000");
    assert!(body.starts_with(&expected));
    // The trailers are a frame of their own.
    let trailers = &body[expected.len()..];
    assert_eq!(trailers[0], 0x80);
    assert!(String::from_utf8_lossy(trailers).contains("grpc-status:0"));

    let text = BASE64_STANDARD.encode(message).into_bytes();
    let (status, _, body) = send(call("application/grpc-web-text+proto", text)).await;
    assert_eq!(status, StatusCode::OK);
    let (first, _) = body.split_at(expected.len().div_ceil(3) * 4);
    assert_eq!(BASE64_STANDARD.decode(first).unwrap(), expected);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_browser_may_call_from_any_origin_where_callers_say_who_they_are() {
    let folder = folder();
    let settings = Settings { dev: false, ..settings(folder.path()) };
    let server = TestServer::start_with(&settings).await;
    let (status, headers, _) = send(preflight(&server, GET_ITEM, "https://app.example")).await;
    assert_eq!(status, StatusCode::OK);
    assert_eq!(headers["access-control-allow-origin"], "*");
    assert_eq!(headers["access-control-allow-methods"], "POST");
    assert_eq!(headers["access-control-allow-headers"], "x-grpc-web,content-type,authorization");
    let (_, headers, _) = send(preflight(&server, "/", "https://app.example")).await;
    assert_eq!(headers["access-control-allow-origin"], "*");
    // Who does not say it is refused, in a way that a page can read.
    let call = Request::post(format!("http://{}{LIST_TABLES}", server.address))
        .header("content-type", "application/grpc-web+proto")
        .header("origin", "https://app.example")
        .body(Full::from(framed(&v1::ListTablesRequest::default())))
        .unwrap();
    let (_, headers, body) = send(call).await;
    assert_eq!(headers["access-control-allow-origin"], "*");
    let told = headers.get("grpc-status").map(|status| status.to_str().unwrap().to_owned());
    assert!(told.as_deref() == Some("16") || String::from_utf8_lossy(&body).contains("grpc-status:16"));
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn where_strangers_may_do_everything_a_browser_may_call_from_this_machine_only() {
    let folder = folder();
    let server = TestServer::start(folder.path()).await;
    for path in [GET_ITEM, "/"] {
        let (_, headers, _) = send(preflight(&server, path, "https://app.example")).await;
        assert!(!headers.contains_key("access-control-allow-origin"), "{path}");
        for origin in ["http://localhost:3000", "https://127.0.0.1:8443", "http://[::1]:5173"] {
            let (status, headers, _) = send(preflight(&server, path, origin)).await;
            assert_eq!(
                (status, headers["access-control-allow-origin"].as_bytes()),
                (StatusCode::OK, origin.as_bytes())
            );
        }
    }
    // A page may have got a name for its server that means this machine; its browser need not ask then.
    let request = Request::post(format!("http://{}{LIST_TABLES}", server.address))
        .header("content-type", "application/grpc-web+proto")
        .header("origin", "http://app.example:8000")
        .body(Full::from(framed(&v1::ListTablesRequest::default())))
        .unwrap();
    let (_, headers, _) = send(request).await;
    assert_eq!(headers["grpc-status"], "16");
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_caller_over_dynamodbs_own_protocol_is_known_by_its_token_or_refused() {
    let folder = folder();
    let settings = Settings { dev: false, ..settings(folder.path()) };
    let mut server = Server::start(&settings).await.unwrap();
    let key = server.take_generated_root_key().unwrap();
    let url = format!("http://{}/", server.address().unwrap());
    let stop = CancellationToken::new();
    let running = tokio::spawn(server.run(stop.clone()));
    let request = |token: Option<&str>| {
        let request = Request::post(&url)
            .header("content-type", "application/x-amz-json-1.0")
            .header("x-amz-target", "DynamoDB_20120810.ListTables");
        let request = match token {
            Some(token) => request.header("authorization", format!("Bearer {token}")),
            None => request,
        };
        request.body(Full::from("{}")).unwrap()
    };
    let token = format!("{}.{}", key.access_key_id, key.secret_access_key.expose());
    let (status, _, body) = send(request(Some(&token))).await;
    assert_eq!((status, &*body), (StatusCode::OK, &br#"{"TableNames":[]}"#[..]));
    let (status, _, body) = send(request(None)).await;
    assert_eq!(status, StatusCode::BAD_REQUEST);
    assert!(String::from_utf8_lossy(&body).contains("#MissingAuthenticationTokenException"));
    stop.cancel();
    running.await.unwrap().unwrap();
}
