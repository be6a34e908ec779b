//! What strangers and hostile clients can make the server keep in memory: bodies without credentials, floods of frames,
//! and large answers that nobody reads. Somebody else is served meanwhile.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic)] // Tests fail loudly, in helpers too.

mod common;
#[path = "common/process.rs"]
mod process;
#[path = "common/secured.rs"]
mod secured;

use cairn_api::v1;
use cairn_api::v1::item_service_client::ItemServiceClient;
use cairn_api::v1::table_service_client::TableServiceClient;
use common::{map, n, s, table_request};
use process::Serving;
use secured::{ROOT_ID, ROOT_SECRET, SECRETS_KEY, healthz, root, whoami};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tonic::transport::Channel;

const MIB: u64 = 1024 * 1024;
/// How long a server may take no more of a flood before that is over.
const BLOCKED: Duration = Duration::from_secs(2);

/// A server that believes nobody without credentials.
fn secured_server(data: &std::path::Path) -> Serving {
    let variables = [
        ("CAIRN_SECRETS_KEY", SECRETS_KEY),
        ("CAIRN_ROOT_ACCESS_KEY_ID", ROOT_ID),
        ("CAIRN_ROOT_SECRET_ACCESS_KEY", ROOT_SECRET),
    ];
    let serving = ["--log", "error,cairn_server=info", "--data", data.to_str().unwrap()];
    Serving::start(&serving, &variables)
}

/// A server for development.
fn dev_server(data: &std::path::Path, more: &[&str]) -> Serving {
    let data = data.to_str().unwrap();
    Serving::start(&[&["--dev", "--capacity-limits", "false", "--data", data], more].concat(), &[])
}

/// Sends a request's head and as much of its body as the server takes, and reads what it answers.
async fn send_body(address: std::net::SocketAddr, head: &str, length: usize) -> Vec<u8> {
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(head.as_bytes()).await.unwrap();
    let part = vec![b' '; 64 * 1024];
    let mut left = length;
    while left > 0 {
        let part = &part[..left.min(part.len())];
        match tokio::time::timeout(BLOCKED, stream.write_all(part)).await {
            Ok(Ok(())) => left -= part.len(),
            _ => break,
        }
    }
    let mut answer = Vec::new();
    let _ = tokio::time::timeout(BLOCKED, stream.read_to_end(&mut answer)).await;
    answer
}

#[tokio::test(flavor = "multi_thread")]
async fn bodies_without_credentials_take_no_memory() {
    const CONNECTIONS: usize = 40;
    const BODY_BYTES: usize = 15 * 1024 * 1024;
    let folder = common::folder();
    let server = secured_server(folder.path());
    let channel = server.channel().await;
    whoami(&channel, &root()).await.unwrap();
    let before = server.memory_peak();
    let unknown = "authorization: AWS4-HMAC-SHA256 Credential=AKIAAAAAAAAAAAAAAAAA/20260101/us-east-1/dynamodb/\
                   aws4_request, SignedHeaders=host, Signature=00\r\n";
    let chunked = "transfer-encoding: chunked\r\n\r\nf00000\r\n".to_owned();
    for (credentials, rest) in [
        ("", format!("content-length: {BODY_BYTES}\r\n\r\n")),
        (unknown, format!("content-length: {BODY_BYTES}\r\n\r\n")),
        ("", chunked),
    ] {
        let head = format!(
            "POST / HTTP/1.1\r\nhost: a\r\ncontent-type: application/x-amz-json-1.0\r\n\
             x-amz-target: DynamoDB_20120810.PutItem\r\n{credentials}{rest}"
        );
        let mut strangers = tokio::task::JoinSet::new();
        for _ in 0..CONNECTIONS {
            let (address, head) = (server.address, head.clone());
            strangers.spawn(async move { send_body(address, &head, BODY_BYTES).await });
        }
        // Others are served meanwhile.
        whoami(&channel, &root()).await.unwrap();
        strangers.join_all().await;
        let grown = server.memory_peak() - before;
        assert!(grown < 64 * MIB, "{} MiB more", grown / MIB);
    }
    whoami(&channel, &root()).await.unwrap();
    server.stop();
}

// ---- frames of HTTP/2 (RFC 9113), as bytes

const DATA: u8 = 0;
const HEADERS: u8 = 1;
const RST_STREAM: u8 = 3;
const SETTINGS: u8 = 4;
const PING: u8 = 6;
const CONTINUATION: u8 = 9;
const END_STREAM: u8 = 1;
const END_HEADERS: u8 = 4;

fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).unwrap().to_be_bytes();
    [&length[1..], &[kind, flags], &stream.to_be_bytes(), payload].concat()
}

/// A header field, without compression (RFC 7541, 6.2.2).
fn field(name: &str, value: &str) -> Vec<u8> {
    let short = |text: &str| u8::try_from(text.len()).ok().filter(|length| *length < 127).unwrap();
    [&[0, short(name)][..], name.as_bytes(), &[short(value)], value.as_bytes()].concat()
}

/// The header block of a call of gRPC.
fn grpc_headers(path: &str) -> Vec<u8> {
    [
        field(":method", "POST"),
        field(":scheme", "http"),
        field(":path", path),
        field(":authority", "a"),
        field("content-type", "application/grpc"),
        field("te", "trailers"),
    ]
    .concat()
}

/// Opens a connection of HTTP/2 and sends frames until the server has taken all or takes no more. Nothing is read.
async fn flood(address: std::net::SocketAddr, frames: impl Iterator<Item = Vec<u8>>) -> TcpStream {
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n").await.unwrap();
    stream.write_all(&frame(SETTINGS, 0, 0, &[])).await.unwrap();
    let mut together = Vec::new();
    for frame in frames {
        together.extend_from_slice(&frame);
        if together.len() < 64 * 1024 {
            continue;
        }
        if !matches!(tokio::time::timeout(BLOCKED, stream.write_all(&together)).await, Ok(Ok(()))) {
            return stream;
        }
        together.clear();
    }
    let _ = tokio::time::timeout(BLOCKED, stream.write_all(&together)).await;
    stream
}

const GET_ITEM: &str = "/cairn.v1.ItemService/GetItem";
const PUT_ITEM: &str = "/cairn.v1.ItemService/PutItem";
const FRAMES: u32 = 200_000;

/// What a flood sends.
type Frames = Box<dyn Iterator<Item = Vec<u8>> + Send>;

/// Numbers of a client's streams.
fn streams(count: u32) -> impl Iterator<Item = u32> {
    (0..count).map(|number| 2 * number + 1)
}

#[tokio::test(flavor = "multi_thread")]
async fn floods_of_frames_leave_memory_bounded_and_others_served() {
    let (secured, dev) = (common::folder(), common::folder());
    for server in [secured_server(secured.path()), dev_server(dev.path(), &[])] {
        let begin = frame(HEADERS, END_HEADERS, 1, &grpc_headers(PUT_ITEM));
        // A message of 4 MiB is announced.
        let announced = frame(DATA, 0, 1, &[0, 0, 64, 0, 0]);
        healthz(server.address).await;
        let before = server.memory_peak();
        let floods: Vec<(&str, Frames)> = vec![
            (
                "rapid reset",
                Box::new(streams(FRAMES / 2).flat_map(|stream| {
                    let open = frame(HEADERS, END_HEADERS | END_STREAM, stream, &grpc_headers(GET_ITEM));
                    [open, frame(RST_STREAM, 0, stream, &[0, 0, 0, 8])]
                })),
            ),
            (
                "streams that do not end",
                Box::new(
                    streams(FRAMES / 2)
                        .map(|stream| frame(HEADERS, END_HEADERS, stream, &grpc_headers(PUT_ITEM))),
                ),
            ),
            (
                "continuation",
                Box::new(std::iter::once(frame(HEADERS, 0, 1, &grpc_headers(GET_ITEM))).chain(
                    (0..FRAMES / 10).map(|_| frame(CONTINUATION, 0, 1, &field("a", &"b".repeat(100)))),
                )),
            ),
            (
                "empty continuation",
                Box::new(
                    std::iter::once(frame(HEADERS, 0, 1, &grpc_headers(GET_ITEM)))
                        .chain((0..FRAMES).map(|_| frame(CONTINUATION, 0, 1, &[]))),
                ),
            ),
            ("settings", Box::new((0..FRAMES).map(|_| frame(SETTINGS, 0, 0, &[0, 4, 0, 0, 255, 255])))),
            ("ping", Box::new((0..FRAMES).map(|number| frame(PING, 0, 0, &u64::from(number).to_be_bytes())))),
            (
                "tiny data",
                Box::new(
                    [begin.clone(), announced.clone()]
                        .into_iter()
                        .chain((0..FRAMES).map(|_| frame(DATA, 0, 1, b"x"))),
                ),
            ),
            (
                "empty data",
                Box::new(
                    [begin.clone(), announced.clone()]
                        .into_iter()
                        .chain((0..FRAMES).map(|_| frame(DATA, 0, 1, &[]))),
                ),
            ),
        ];
        let mut kept = Vec::new();
        for (name, frames) in floods {
            kept.push(flood(server.address, frames).await);
            assert!(healthz(server.address).await.ends_with("ok\n"), "{name}");
            let grown = server.memory_peak() - before;
            assert!(grown < 64 * MIB, "{name}: {} MiB more", grown / MIB);
        }
        drop(kept);
        server.stop();
    }
}

/// A table of 8 MB.
async fn orders(channel: &Channel) {
    let mut tables = TableServiceClient::new(channel.clone());
    tables.create_table(table_request("Orders")).await.unwrap();
    let active = async |tables: &mut TableServiceClient<Channel>| {
        let request = v1::DescribeTableRequest { table: "Orders".into() };
        let described = tables.describe_table(request).await.unwrap().into_inner();
        described.table.unwrap().table_status() == v1::TableStatus::Active
    };
    while !active(&mut tables).await {
        tokio::task::yield_now().await;
    }
    for number in 0..24 {
        put(channel, number, 350_000).await;
    }
}

async fn put(channel: &Channel, number: usize, bytes: usize) {
    let item = [("pk", s("a")), ("sk", n(&number.to_string())), ("v", s(&"x".repeat(bytes)))];
    let request =
        v1::PutItemRequest { table: "Orders".into(), item: Some(map(&item).into()), ..Default::default() };
    ItemServiceClient::new(channel.clone()).put_item(request).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn large_answers_that_nobody_reads_leave_memory_bounded_and_others_served() {
    let folder = common::folder();
    let server = dev_server(folder.path(), &["--calls-mib-max", "64"]);
    let channel = server.channel().await;
    orders(&channel).await;
    // The store's own buffers and caches are there by now.
    let mut items = ItemServiceClient::new(channel.clone()).max_decoding_message_size(usize::MAX);
    let request = v1::ScanRequest { table: "Orders".into(), ..Default::default() };
    items.scan(request.clone()).await.unwrap();
    let before = server.memory_peak();

    let message = prost::Message::encode_to_vec(&request);
    let length = u32::try_from(message.len()).unwrap().to_be_bytes();
    let message = [&[0][..], &length, &message].concat();
    let mut readers = Vec::new();
    for path in ["/cairn.v1.ItemService/Scan", "/cairn.v1.ItemService/StreamScan"] {
        // A window of nothing: headers come, and no data.
        let no_window = frame(SETTINGS, 0, 0, &[0, 4, 0, 0, 0, 0]);
        let calls = streams(300).flat_map(|stream| {
            let open = frame(HEADERS, END_HEADERS, stream, &grpc_headers(path));
            [open, frame(DATA, END_STREAM, stream, &message)]
        });
        readers.push(flood(server.address, std::iter::once(no_window).chain(calls)).await);
    }
    // And over HTTP/1, without a read.
    for _ in 0..100 {
        let mut stream = TcpStream::connect(server.address).await.unwrap();
        let body = r#"{"TableName":"Orders"}"#;
        let request = format!(
            "POST / HTTP/1.1\r\nhost: a\r\ncontent-type: application/x-amz-json-1.0\r\n\
             x-amz-target: DynamoDB_20120810.Scan\r\ncontent-length: {}\r\n\r\n{body}",
            body.len()
        );
        stream.write_all(request.as_bytes()).await.unwrap();
        readers.push(stream);
    }
    // Others are served, with what is not large.
    for number in 100..110 {
        put(&channel, number, 100).await;
    }
    assert!(healthz(server.address).await.ends_with("ok\n"));
    let grown = server.memory_peak() - before;
    assert!(grown < 192 * MIB, "{} MiB more", grown / MIB);
    // And with what is, when those have gone.
    drop(readers);
    while let Err(status) = items.scan(request.clone()).await {
        assert_eq!(status.code(), tonic::Code::Unavailable, "{status:?}");
    }
    server.stop();
}
