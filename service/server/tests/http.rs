//! What the one port speaks besides gRPC: DynamoDB's own protocol, and gRPC-Web for browsers.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic)] // Tests fail loudly, in helpers too.

mod common;

use base64::prelude::{BASE64_STANDARD, Engine};
use bytes::Bytes;
use cairn_api::v1;
use common::{TestServer, folder};
use http::{HeaderMap, Method, Request, StatusCode};
use http_body_util::{BodyExt, Full};
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;
use prost::Message;

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
    let path = format!("http://{}/cairn.v1.TableService/ListTables", server.address);
    let call = |kind: &str, body: Vec<u8>| {
        Request::post(&path)
            .header("content-type", kind)
            .header("accept", kind)
            .header("x-grpc-web", "1")
            .header("origin", "https://app.example")
            .body(Full::from(body))
            .unwrap()
    };
    let message = framed(&v1::ListTablesRequest::default());
    let expected =
        framed(&v1::ListTablesResponse { table_names: vec!["Music".into()], ..Default::default() });

    let (status, headers, body) = send(call("application/grpc-web+proto", message.clone())).await;
    assert_eq!(status, StatusCode::OK);
    assert_eq!(headers["access-control-allow-origin"], "*");
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
async fn a_browser_may_call_from_any_origin() {
    let folder = folder();
    let server = TestServer::start(folder.path()).await;
    let preflight = Request::builder()
        .method(Method::OPTIONS)
        .uri(format!("http://{}/cairn.v1.ItemService/GetItem", server.address))
        .header("origin", "https://app.example")
        .header("access-control-request-method", "POST")
        .header("access-control-request-headers", "x-grpc-web,content-type,authorization")
        .body(Full::default())
        .unwrap();
    let (status, headers, _) = send(preflight).await;
    assert_eq!(status, StatusCode::OK);
    assert_eq!(headers["access-control-allow-origin"], "*");
    assert_eq!(headers["access-control-allow-methods"], "POST");
    assert_eq!(headers["access-control-allow-headers"], "x-grpc-web,content-type,authorization");
    server.stop().await;
}
