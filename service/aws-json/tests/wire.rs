//! What happens on the wire: requests as bytes, well-formed and not, and what comes back. Whatever is sent, the server
//! answers the next request.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic)] // Tests fail loudly, in helpers too.

use cairn_auth::{
    AuthenticationSettings, Authenticator, CreateUser, EncryptionKey, EncryptionKeys, Holder, Identities,
    IdentityOptions, Secret, Signer,
};
use cairn_ops::{CapacityLimits, CapacityOptions, Service, ServiceOptions};
use cairn_stack::{AuthenticateLayer, Stack, Strangers};
use cairn_storage::memory::MemoryEngine;
use flate2::Compression;
use flate2::read::GzDecoder;
use flate2::write::{GzEncoder, ZlibEncoder};
use serde_json::{Value, json};
use std::io::{Read, Write};
use std::net::SocketAddr;
use std::sync::Arc;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// A server with a table `Music` (`pk S`).
struct Server {
    address: SocketAddr,
    identities: Identities<MemoryEngine>,
}

/// An answer, taken apart.
struct Answer {
    status: u16,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
}

impl Answer {
    fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(header, _)| header == name).map(|(_, value)| value.as_str())
    }

    fn text(&self) -> &str {
        std::str::from_utf8(&self.body).unwrap()
    }

    fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|_| panic!("not JSON: {}", self.text()))
    }

    /// The exception, without its namespace, and the text.
    fn error(&self) -> (String, String) {
        let json = self.json();
        let message = json.get("message").or_else(|| json.get("Message"));
        let exception = json["__type"].as_str().unwrap().rsplit('#').next().unwrap().to_owned();
        (exception, message.and_then(Value::as_str).unwrap_or_default().to_owned())
    }
}

impl Server {
    /// For development: callers without credentials may do everything.
    async fn start() -> Self {
        Self::start_as(true).await
    }

    async fn start_as(dev: bool) -> Self {
        Self::start_with(dev, CapacityOptions { limits: CapacityLimits::Off, ..CapacityOptions::default() })
            .await
    }

    async fn start_with(dev: bool, capacity: CapacityOptions) -> Self {
        let engine = MemoryEngine::new();
        let options = ServiceOptions { capacity, ..ServiceOptions::default() };
        let identity_options = IdentityOptions {
            account: options.account.clone(),
            keys: EncryptionKeys::new(vec![EncryptionKey::generate().unwrap()]).unwrap(),
            root: None,
            clock: options.clock.clone(),
        };
        let (identities, _) = Identities::open(engine.clone(), identity_options).await.unwrap();
        let root = identities.principal_for("arn:aws:iam::000000000000:root").unwrap();
        let authenticator =
            Authenticator::new(identities.clone(), AuthenticationSettings::default()).unwrap();
        let strangers = if dev { Strangers::Are(root) } else { Strangers::Refused };
        let authenticate = AuthenticateLayer::new(Arc::new(authenticator), strangers);
        let service = Service::start(engine, identities.clone(), options).await.unwrap();
        let stack = Stack::new(service.clone());
        let router = cairn_aws_json::routes(stack, authenticate.clone()).layer(authenticate);
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        let server = Self { address, identities };
        if !dev {
            return server;
        }
        let request = json!({
            "TableName": "Music",
            "BillingMode": "PAY_PER_REQUEST",
            "AttributeDefinitions": [{"AttributeName": "pk", "AttributeType": "S"}],
            "KeySchema": [{"AttributeName": "pk", "KeyType": "HASH"}],
        });
        assert_eq!(server.call("CreateTable", &request.to_string()).await.status, 200);
        service.settled().await;
        server
    }

    /// Sends bytes, and reads until the server closes the connection; none if it says nothing.
    async fn send(&self, request: &[u8]) -> Option<Answer> {
        let mut stream = TcpStream::connect(self.address).await.unwrap();
        // A server that refuses early may stop reading.
        let _ = stream.write_all(request).await;
        Self::read(stream).await
    }

    /// The same, and says that no more bytes will come.
    async fn send_and_end(&self, request: &[u8]) -> Option<Answer> {
        let mut stream = TcpStream::connect(self.address).await.unwrap();
        let _ = stream.write_all(request).await;
        let _ = stream.shutdown().await;
        Self::read(stream).await
    }

    async fn read(mut stream: TcpStream) -> Option<Answer> {
        let mut answer = Vec::new();
        let _ = stream.read_to_end(&mut answer).await;
        let end = answer.windows(4).position(|window| window == b"\r\n\r\n")?;
        let head = std::str::from_utf8(&answer[..end]).unwrap();
        let mut lines = head.split("\r\n");
        let status = lines.next().unwrap().split(' ').nth(1).unwrap().parse().unwrap();
        let headers = lines
            .map(|line| line.split_once(": ").unwrap())
            .map(|(name, value)| (name.to_ascii_lowercase(), value.to_owned()))
            .collect();
        Some(Answer { status, headers, body: answer[end + 4..].to_vec() })
    }

    /// Sends a request with these headers besides those that every request has.
    async fn request(&self, method: &str, headers: &[(&str, &str)], body: &[u8]) -> Answer {
        let mut request = format!("{method} / HTTP/1.1\r\nhost: db.example:8000\r\nconnection: close\r\n");
        for (name, value) in headers {
            request.push_str(&format!("{name}: {value}\r\n"));
        }
        request.push_str(&format!("content-length: {}\r\n\r\n", body.len()));
        let request = [request.as_bytes(), body].concat();
        self.send(&request).await.unwrap()
    }

    async fn call(&self, operation: &str, body: &str) -> Answer {
        self.post(operation, &[], body.as_bytes()).await
    }

    async fn post(&self, operation: &str, headers: &[(&str, &str)], body: &[u8]) -> Answer {
        let target = format!("DynamoDB_20120810.{operation}");
        let mut all = vec![("content-type", "application/x-amz-json-1.0"), ("x-amz-target", &target)];
        all.extend(headers);
        self.request("POST", &all, body).await
    }

    async fn put(&self, value: &str) -> Answer {
        self.call("PutItem", &format!(r#"{{"TableName":"Music","Item":{{"pk":{{"S":"a"}},"v":{value}}}}}"#))
            .await
    }

    /// That the server still does what it is for.
    async fn assert_alive(&self) {
        let answer = self.call("GetItem", r#"{"TableName":"Music","Key":{"pk":{"S":"none"}}}"#).await;
        assert_eq!((answer.status, answer.text()), (200, "{}"));
    }
}

fn serialization(message: &str) -> (String, String) {
    ("SerializationException".to_owned(), message.to_owned())
}

#[tokio::test]
async fn an_answer_carries_what_clients_look_at() {
    let server = Server::start().await;
    for kind in ["application/x-amz-json-1.0", "application/json; charset=utf-8"] {
        let headers = [("content-type", kind), ("x-amz-target", "DynamoDB_20120810.ListTables")];
        let answer = server.request("POST", &headers, b"{}").await;
        assert_eq!((answer.status, answer.text()), (200, r#"{"TableNames":["Music"]}"#));
        assert_eq!(answer.header("content-type"), Some(kind));
        assert_eq!(answer.header("content-length"), Some("24"));
        assert_eq!(answer.header("x-amz-crc32"), Some(&*crc32fast::hash(&answer.body).to_string()));
        assert_eq!(answer.header("x-amzn-requestid").map(str::len), Some(52));
        assert_eq!(answer.header("access-control-allow-origin"), None);
    }
}

#[tokio::test]
async fn what_is_no_request_of_this_protocol_is_not_found() {
    let server = Server::start().await;
    let target = ("x-amz-target", "DynamoDB_20120810.ListTables");
    let not_found = |answer: &Answer| {
        assert_eq!((answer.status, answer.text()), (404, "<UnknownOperationException/>\n"));
    };
    not_found(&server.request("POST", &[target], b"{}").await);
    for kind in ["text/plain", "application/x-amz-json-1.1", "application/jsonx", ""] {
        not_found(&server.request("POST", &[target, ("content-type", kind)], b"{}").await);
    }
    not_found(&server.request("PUT", &[target, ("content-type", "application/json")], b"{}").await);
    let healthy = server.request("GET", &[], b"").await;
    assert_eq!((healthy.status, healthy.text()), (200, "healthy: db.example:8000 "));
}

#[tokio::test]
async fn an_operation_that_is_not_served_is_unknown_and_named() {
    let server = Server::start().await;
    let unknown = |name: &str| {
        (
            "UnknownOperationException".to_owned(),
            format!("{name} is not implemented by this version of Cairn"),
        )
    };
    for operation in ["SearchVectors", "GetRecords", "getItem", "StreamQuery"] {
        let answer = server.call(operation, "{}").await;
        assert_eq!((answer.status, answer.error()), (400, unknown(operation)));
    }
    assert_eq!(server.call("", "{}").await.error(), unknown("An operation of this name"));
    let json = ("content-type", "application/json");
    let missing = "The request has no X-Amz-Target header, which names the operation";
    let (exception, message) = server.request("POST", &[json], b"{}").await.error();
    assert_eq!((&*exception, &*message), ("UnknownOperationException", missing));
    let streams = ("x-amz-target", "DynamoDBStreams_20120810.ListStreams");
    let answer = server.request("POST", &[json, streams], b"{}").await;
    assert_eq!(answer.error(), unknown("DynamoDBStreams_20120810.ListStreams"));
    // What is not even JSON is told first.
    assert_eq!(server.call("Nonsense", "{").await.error(), serialization(""));
}

#[tokio::test]
async fn a_body_that_is_no_json_is_refused_without_a_word() {
    let server = Server::start().await;
    for body in ["", "{", "nonsense", "{}{}", "{\"TableName\":}", "{\"TableName\":\"a\",}", "\u{feff}{}"] {
        let answer = server.call("GetItem", body).await;
        assert_eq!((answer.status, answer.error()), (400, serialization("")), "{body}");
    }
    let invalid = server.post("GetItem", &[], b"{\"TableName\":\"\xff\"}").await;
    assert_eq!(invalid.error(), serialization(""));
    server.assert_alive().await;
}

#[tokio::test]
async fn a_value_of_the_wrong_kind_is_refused_by_its_kind() {
    let server = Server::start().await;
    let object = "Start of structure or map found where not expected";
    for (body, message) in [
        ("null", "Unexpected field type"),
        ("7", "Unexpected field type"),
        ("[]", "Unrecognized collection type class com.amazonaws.dynamodb.v20120810.GetItemInput"),
        (r#"{"TableName":1}"#, "NUMBER_VALUE cannot be converted to String"),
        (r#"{"TableName":true}"#, "TRUE_VALUE cannot be converted to String"),
        (r#"{"TableName":{}}"#, object),
        (r#"{"ConsistentRead":"yes"}"#, "STRING_VALUE cannot be converted to Boolean"),
        (r#"{"Key":"x"}"#, "Unexpected field type"),
        (r#"{"AttributesToGet":{}}"#, object),
        (r##"{"ExpressionAttributeNames":{"#a":1}}"##, "NUMBER_VALUE cannot be converted to String"),
        (r#"{"TableName":"a","TableName":"b"}"#, "Duplicate field names are not allowed"),
    ] {
        assert_eq!(server.call("GetItem", body).await.error(), serialization(message), "{body}");
    }
    for (value, message) in [
        (r#"{"N":3}"#, "NUMBER_VALUE cannot be converted to String"),
        (r#"{"N":3.5}"#, "DECIMAL_VALUE cannot be converted to String"),
        (r#"{"B":"YQ"}"#, "Base64 encoded length is expected a multiple of 4 bytes but found: 2"),
        (r#"{"B":"Y!=="}"#, "Invalid Base64 character"),
        (r#"{"S":"x","S":"y"}"#, "Duplicate field names are not allowed"),
        (r#"{"L":[{"S":1}]}"#, "NUMBER_VALUE cannot be converted to String"),
    ] {
        assert_eq!(server.put(value).await.error(), serialization(message), "{value}");
    }
    server.assert_alive().await;
}

#[tokio::test]
async fn null_is_as_good_as_absent_and_what_is_not_known_is_ignored() {
    let server = Server::start().await;
    let body = r#"{"TableName":"Music","Key":{"pk":{"S":"a","N":null,"dog":[[[{}]]]}},"ProjectionExpression":null,
        "Nonsense":{"deeply":[1,2,{"nested":null}]}}"#;
    let answer = server.call("GetItem", body).await;
    assert_eq!((answer.status, answer.text()), (200, "{}"));
}

#[tokio::test]
async fn nesting_without_end_is_refused_cheaply() {
    let server = Server::start().await;
    let deep = |open: &str, close: &str| format!("{}{}", open.repeat(200_000), close.repeat(200_000));
    let answer = server.put(&deep(r#"{"L":["#, "]}")).await;
    assert_eq!(answer.status, 400);
    let (exception, message) = answer.error();
    assert_eq!(exception, "ValidationException");
    assert!(
        message.starts_with("1 validation error detected: Nesting Levels have exceeded supported limits"),
        "{message}"
    );
    assert_eq!(server.put(&deep(r#"{"M":{"a":"#, "}}")).await.error().0, "SerializationException");
    assert_eq!(server.call("GetItem", &deep("[", "]")).await.error().0, "SerializationException");
    assert_eq!(server.put(&"[".repeat(200_000)).await.error().0, "SerializationException");
    // Nobody looks into what nobody knows.
    let unknown = format!(r#"{{"Nonsense":{},"Limit":1}}"#, deep("[", "]"));
    assert_eq!(server.call("ListTables", &unknown).await.status, 200);
    server.assert_alive().await;
}

#[tokio::test]
async fn problems_with_members_are_told_together_and_in_order() {
    let server = Server::start().await;
    let told = async |operation: &str, body: Value| {
        let (exception, message) = server.call(operation, &body.to_string()).await.error();
        assert_eq!(exception, "ValidationException", "{message}");
        message
    };
    assert_eq!(
        told("PutItem", json!({"ReturnValues": "hi"})).await,
        "3 validation errors detected: Value null at 'tableName' failed to satisfy constraint: Member must not be \
         null; Value null at 'item' failed to satisfy constraint: Member must not be null; Value 'hi' at \
         'returnValues' failed to satisfy constraint: Member must satisfy enum value set: [ALL_NEW, UPDATED_OLD, \
         ALL_OLD, NONE, UPDATED_NEW]"
    );
    assert_eq!(
        told("PutItem", json!({"TableName": "a;", "Item": {}, "ReturnValues": "hi"})).await,
        "2 validation errors detected: Value 'a;' at 'tableName' failed to satisfy constraint: Member must satisfy \
         regular expression pattern: [a-zA-Z0-9_.-]+; Value 'a;' at 'tableName' failed to satisfy constraint: Member \
         must have length greater than or equal to 3"
    );
    assert_eq!(
        told(
            "PutItem",
            json!({"TableName": "abc", "Item": {}, "ReturnValues": "hi", "ReturnConsumedCapacity": "ho"})
        )
        .await,
        "2 validation errors detected: Value 'hi' at 'returnValues' failed to satisfy constraint: Member must satisfy \
         enum value set: [ALL_NEW, UPDATED_OLD, ALL_OLD, NONE, UPDATED_NEW]; Value 'ho' at 'returnConsumedCapacity' \
         failed to satisfy constraint: Member must satisfy enum value set: [INDEXES, TOTAL, NONE]"
    );
    assert_eq!(
        told("CreateTable", json!({})).await,
        "The parameter 'TableName' is required but was not present in the request"
    );
    assert_eq!(
        told(
            "CreateTable",
            json!({"TableName": "abc", "AttributeDefinitions": [], "KeySchema": [{"AttributeName": ""}]})
        )
        .await,
        "2 validation errors detected: Value '' at 'keySchema.1.member.attributeName' failed to satisfy constraint: \
         Member must have length greater than or equal to 1; Value null at 'keySchema.1.member.keyType' failed to \
         satisfy constraint: Member must not be null"
    );
    assert_eq!(
        told("BatchWriteItem", json!({"RequestItems": {"Music": []}})).await,
        "1 validation error detected: Value '{Music=[]}' at 'requestItems' failed to satisfy constraint: Map value must \
         satisfy constraint: [Member must have length less than or equal to 25, Member must have length greater than \
         or equal to 1]"
    );
    assert_eq!(
        told("BatchGetItem", json!({"RequestItems": {"Music": {}}})).await,
        "1 validation error detected: Value null at 'requestItems.Music.member.keys' failed to satisfy constraint: \
         Member must not be null"
    );
    assert_eq!(
        told("Scan", json!({"TableName": "Music", "TotalSegments": 1_000_001, "Segment": -1, "Limit": 0}))
            .await,
        "3 validation errors detected: Value '0' at 'limit' failed to satisfy constraint: Member must have value \
         greater than or equal to 1; Value '1000001' at 'totalSegments' failed to satisfy constraint: Member must have \
         value less than or equal to 1000000; Value '-1' at 'segment' failed to satisfy constraint: Member must have \
         value greater than or equal to 0"
    );
    let many: Vec<_> = (0..100).map(|_| json!({"Get": {}})).collect();
    let message = told("TransactGetItems", json!({"TransactItems": many})).await;
    assert!(message.starts_with("10 validation errors detected: "), "{message}");
}

#[tokio::test]
async fn what_is_told_of_a_request_is_bounded_whatever_was_sent() {
    let server = Server::start().await;
    let long = "x".repeat(1_000_000);
    let body = json!({"TableName": "abc", "Key": {"pk": {"S": "a"}}, "ReturnConsumedCapacity": long});
    assert!(server.call("GetItem", &body.to_string()).await.body.len() < 1_000);
    assert!(server.put(&json!({"N": long}).to_string()).await.body.len() < 1_000);
}

#[tokio::test]
async fn a_body_may_come_compressed() {
    let server = Server::start().await;
    let mut gzip = GzEncoder::new(Vec::new(), Compression::default());
    gzip.write_all(b"{}").unwrap();
    let gzip = gzip.finish().unwrap();
    let mut deflate = ZlibEncoder::new(Vec::new(), Compression::default());
    deflate.write_all(b"{}").unwrap();
    for (encoding, body) in
        [("gzip", gzip.clone()), ("GZIP", gzip.clone()), ("deflate", deflate.finish().unwrap())]
    {
        let answer = server.post("ListTables", &[("content-encoding", encoding)], &body).await;
        assert_eq!((answer.status, answer.text()), (200, r#"{"TableNames":["Music"]}"#), "{encoding}");
    }
    // A gzip file may have several members.
    let halves = [&b"{"[..], b"", b"}"].map(|part| {
        let mut gzip = GzEncoder::new(Vec::new(), Compression::default());
        gzip.write_all(part).unwrap();
        gzip.finish().unwrap()
    });
    let answer = server.post("ListTables", &[("content-encoding", "gzip")], &halves.concat()).await;
    assert_eq!((answer.status, answer.text()), (200, r#"{"TableNames":["Music"]}"#));
    let broken = [
        ("gzip", b"{}".to_vec()),
        ("gzip", [&gzip[..], b"{}"].concat()),
        ("deflate", gzip.clone()),
        ("br", gzip.clone()),
        ("gzip", gzip[..12].to_vec()),
    ];
    for (encoding, body) in broken {
        let answer = server.post("ListTables", &[("content-encoding", encoding)], &body).await;
        assert_eq!((answer.status, answer.error().0.as_str()), (500, "InternalServerError"), "{encoding}");
    }
    // A few kilobytes that decompress to more than is read.
    let mut bomb = GzEncoder::new(Vec::new(), Compression::best());
    bomb.write_all(&vec![b' '; cairn_aws_json::BODY_BYTES_MAX + 1]).unwrap();
    let answer = server.post("ListTables", &[("content-encoding", "gzip")], &bomb.finish().unwrap()).await;
    assert_eq!(answer.status, 413);
    server.assert_alive().await;
}

#[tokio::test]
async fn a_large_answer_is_compressed_for_who_takes_it() {
    let server = Server::start().await;
    let text = "x".repeat(100_000);
    assert_eq!(server.put(&json!({"S": text}).to_string()).await.status, 200);
    let body = br#"{"TableName":"Music","Key":{"pk":{"S":"a"}}}"#;
    let plain = server.post("GetItem", &[], body).await;
    assert_eq!(plain.header("content-encoding"), None);
    let compressed = server.post("GetItem", &[("accept-encoding", "gzip, deflate")], body).await;
    assert_eq!(compressed.header("content-encoding"), Some("gzip"));
    assert!(compressed.body.len() < 10_000);
    // The checksum is that of the bytes as they are sent.
    assert_eq!(compressed.header("x-amz-crc32"), Some(&*crc32fast::hash(&compressed.body).to_string()));
    let mut text = Vec::new();
    GzDecoder::new(&*compressed.body).read_to_end(&mut text).unwrap();
    assert_eq!(text, plain.body);
}

#[tokio::test]
async fn a_body_of_more_than_16_mb_is_refused() {
    let server = Server::start().await;
    let head = |length: &str| {
        format!(
            "POST / HTTP/1.1\r\nhost: a\r\nconnection: close\r\ncontent-type: application/json\r\n\
             x-amz-target: DynamoDB_20120810.ListTables\r\n{length}\r\n\r\n"
        )
    };
    // Announced, and refused before it comes.
    let announced = server.send(head("content-length: 16777217").as_bytes()).await.unwrap();
    assert_eq!(announced.status, 413);
    // Not announced.
    let chunk = vec![b' '; 1024 * 1024];
    let mut chunked = head("transfer-encoding: chunked").into_bytes();
    for _ in 0..17 {
        chunked.extend_from_slice(b"100000\r\n");
        chunked.extend_from_slice(&chunk);
        chunked.extend_from_slice(b"\r\n");
    }
    assert_eq!(server.send(&chunked).await.unwrap().status, 413);
    let mut largest = vec![b' '; 16 * 1024 * 1024 - 2];
    largest.extend_from_slice(b"{}");
    assert_eq!(server.post("ListTables", &[], &largest).await.status, 200);
    server.assert_alive().await;
}

#[tokio::test]
async fn who_sends_too_much_to_the_end_before_looking_for_an_answer_finds_it() {
    let server = Server::start().await;
    let body = vec![b' '; 40 * 1024 * 1024];
    let announced = format!("content-length: {}\r\n\r\n", body.len()).into_bytes();
    let chunk = format!("transfer-encoding: chunked\r\n\r\n{:x}\r\n", body.len()).into_bytes();
    for (length, end) in [(announced, ""), (chunk, "\r\n0\r\n\r\n")] {
        let mut stream = TcpStream::connect(server.address).await.unwrap();
        let head = "POST / HTTP/1.1\r\nhost: a\r\nconnection: close\r\ncontent-type: application/json\r\n\
                    x-amz-target: DynamoDB_20120810.ListTables\r\n";
        for bytes in [head.as_bytes(), &length, &body, end.as_bytes()] {
            stream.write_all(bytes).await.unwrap();
        }
        let answer = Server::read(stream).await.unwrap();
        assert_eq!((answer.status, answer.error().0.as_str()), (413, "RequestEntityTooLargeException"));
    }
    server.assert_alive().await;
}

#[tokio::test]
async fn a_head_of_more_than_16_kb_is_refused() {
    let server = Server::start().await;
    let answer = server.post("ListTables", &[("x-filler", &"x".repeat(17_000))], b"{}").await;
    assert_eq!(answer.status, 400);
    let answer = server.post("ListTables", &[("x-filler", &"x".repeat(15_000))], b"{}").await;
    assert_eq!(answer.status, 200);
}

#[tokio::test]
async fn a_body_that_does_not_come_whole_does_nothing() {
    let server = Server::start().await;
    let body = r#"{"TableName":"Music","Item":{"pk":{"S":"none"}}}"#;
    let head = "POST / HTTP/1.1\r\nhost: a\r\nconnection: close\r\ncontent-type: application/json\r\n\
                x-amz-target: DynamoDB_20120810.PutItem\r\n";
    let cut = format!("{head}content-length: {}\r\n\r\n{body}", body.len() + 1);
    if let Some(answer) = server.send_and_end(cut.as_bytes()).await {
        assert_eq!(answer.status, 400);
    }
    for broken in ["zz\r\n{}\r\n0\r\n\r\n", "2\r\n{}", "fffffffffffffffff\r\n{}\r\n0\r\n\r\n"] {
        let request = format!("{head}transfer-encoding: chunked\r\n\r\n{broken}");
        if let Some(answer) = server.send_and_end(request.as_bytes()).await {
            assert_eq!(answer.status, 400, "{broken}");
        }
    }
    // There is no such item: nothing of it was put.
    server.assert_alive().await;
}

/// Where a request ends must not be a matter of opinion: what a proxy takes for a body must not be taken for another
/// request here.
#[tokio::test]
async fn a_request_with_two_lengths_is_never_two_requests() {
    let server = Server::start().await;
    let head = "POST / HTTP/1.1\r\nhost: a\r\ncontent-type: application/json\r\n\
                x-amz-target: DynamoDB_20120810.ListTables\r\n";
    let smuggled = "POST / HTTP/1.1\r\nhost: a\r\ncontent-type: application/json\r\n\
                    x-amz-target: DynamoDB_20120810.DeleteTable\r\ncontent-length: 21\r\n\r\n{\"TableName\":\"Music\"}";
    for lengths in [
        "content-length: 2\r\ncontent-length: 300\r\n",
        "content-length: 2, 300\r\n",
        "content-length: +2\r\n",
        "content-length: 0x2\r\n",
        "transfer-encoding: chunked, identity\r\ncontent-length: 2\r\n",
        "transfer-encoding: identity\r\n",
        "transfer-encoding : chunked\r\n",
    ] {
        let request = format!("{head}{lengths}\r\n{{}}{smuggled}");
        let answer = server.send_and_end(request.as_bytes()).await;
        assert!(answer.is_none_or(|answer| answer.status == 400), "{lengths}");
    }
    // With both, the chunks decide and the connection ends with them.
    let both = format!(
        "{head}content-length: 2\r\ntransfer-encoding: chunked\r\n\r\n2\r\n{{}}\r\n0\r\n\r\n{smuggled}"
    );
    if let Some(answer) = server.send_and_end(both.as_bytes()).await {
        let answers = answer.text().matches("HTTP/1.1").count();
        assert!(answer.status == 400 || answers == 0, "the connection went on: {}", answer.text());
    }
    let music = server.call("DescribeTable", r#"{"TableName":"Music"}"#).await;
    assert_eq!(music.json()["Table"]["TableStatus"], "ACTIVE");
}

#[tokio::test]
async fn a_browser_may_ask_and_may_read() {
    let server = Server::start().await;
    let asked = "content-type,x-amz-target,authorization";
    let origin = ("origin", "http://localhost:3000");
    let answer = server.request("OPTIONS", &[origin, ("access-control-request-headers", asked)], b"").await;
    assert_eq!((answer.status, answer.header("access-control-allow-headers")), (200, Some(asked)));
    assert_eq!(answer.header("access-control-allow-origin"), Some("http://localhost:3000"));
    assert_eq!(answer.header("vary"), Some("origin"));
    assert_eq!(answer.header("access-control-allow-methods"), Some("POST, GET, OPTIONS"));
    let answer = server.post("ListTables", &[origin], b"{}").await;
    assert_eq!(
        (answer.status, answer.header("access-control-allow-origin")),
        (200, Some("http://localhost:3000"))
    );
    assert!(answer.header("access-control-expose-headers").unwrap().contains("x-amzn-requestid"));
}

#[tokio::test]
async fn the_endpoint_is_where_the_client_found_the_server() {
    let server = Server::start().await;
    let answer = server.call("DescribeEndpoints", "{}").await;
    let endpoint = json!({"Address": "db.example:8000", "CachePeriodInMinutes": 1440});
    assert_eq!(answer.json(), json!({"Endpoints": [endpoint]}));
    assert_eq!(server.call("DescribeEndpoints", "[]").await.error().0, "SerializationException");
}

#[tokio::test]
async fn tag_operations_answer_with_no_body_at_all() {
    let server = Server::start().await;
    let arn =
        server.call("DescribeTable", r#"{"TableName":"Music"}"#).await.json()["Table"]["TableArn"].clone();
    let tag = json!({"ResourceArn": arn, "Tags": [{"Key": "a", "Value": ""}]});
    let untag = json!({"ResourceArn": arn, "TagKeys": ["a"]});
    for (operation, body) in [("TagResource", tag), ("UntagResource", untag)] {
        let answer = server.call(operation, &body.to_string()).await;
        assert_eq!((answer.status, answer.text()), (200, ""));
        assert_eq!(answer.header("content-length"), Some("0"));
        assert_eq!(answer.header("x-amz-crc32"), Some("0"));
    }
}

#[tokio::test]
async fn times_are_numbers_of_seconds() {
    let server = Server::start().await;
    let table = server.call("DescribeTable", r#"{"TableName":"Music"}"#).await.json();
    let created = table["Table"]["CreationDateTime"].as_f64().unwrap();
    assert!((1.7e9..1e11).contains(&created), "{created}");
}

#[tokio::test]
async fn what_is_known_and_not_served_is_refused_and_not_ignored() {
    let server = Server::start().await;
    for (member, value) in [
        ("StreamSpecification", json!({"StreamEnabled": true, "StreamViewType": "KEYS_ONLY"})),
        ("VectorIndexes", json!([])),
        ("GlobalTableSourceArn", json!("arn:aws:dynamodb:local:000000000000:table/Music")),
    ] {
        let mut body = json!({
            "TableName": "Other",
            "BillingMode": "PAY_PER_REQUEST",
            "AttributeDefinitions": [{"AttributeName": "pk", "AttributeType": "S"}],
            "KeySchema": [{"AttributeName": "pk", "KeyType": "HASH"}],
        });
        body[member] = value;
        let (exception, message) = server.call("CreateTable", &body.to_string()).await.error();
        assert_eq!(exception, "UnknownOperationException");
        assert_eq!(message, format!("{member} is not implemented by this version of Cairn"));
    }
    let off = json!({
        "TableName": "Other",
        "BillingMode": "PAY_PER_REQUEST",
        "AttributeDefinitions": [{"AttributeName": "pk", "AttributeType": "S"}],
        "KeySchema": [{"AttributeName": "pk", "KeyType": "HASH"}],
        "StreamSpecification": {"StreamEnabled": false},
        "SSESpecification": {"Enabled": false},
    });
    assert_eq!(server.call("CreateTable", &off.to_string()).await.status, 200);
}

#[tokio::test]
async fn where_strangers_may_do_everything_pages_of_other_machines_may_not_call() {
    let server = Server::start().await;
    let origin = ("origin", "https://app.example");
    for asked in [
        server.request("OPTIONS", &[origin], b"").await,
        server.request("GET", &[origin], b"").await,
        server.post("ListTables", &[origin], b"{}").await,
    ] {
        assert_eq!(asked.header("access-control-allow-origin"), None);
    }
    // Nor where the browser need not ask, as it takes the page's server for this one.
    let answer = server.post("ListTables", &[("origin", "http://db.example:8000")], b"{}").await;
    assert_eq!((answer.status, &*answer.error().0), (400, "MissingAuthenticationTokenException"));
}

#[tokio::test]
async fn where_callers_say_who_they_are_pages_of_any_origin_may_call() {
    let server = Server::start_as(false).await;
    let answer = server.request("OPTIONS", &[("origin", "https://app.example")], b"").await;
    assert_eq!(answer.header("access-control-allow-origin"), Some("*"));
    assert_eq!(answer.header("vary"), None);
}

#[tokio::test]
async fn who_is_not_known_is_told_nothing_else() {
    let server = Server::start_as(false).await;
    let missing = r#"{"__type":"com.amazon.coral.service#MissingAuthenticationTokenException","message":"Request is missing Authentication Token"}"#;
    for body in ["{}", "no JSON"] {
        let answer = server.call("ListTables", body).await;
        assert_eq!((answer.status, answer.text()), (400, missing));
    }
    // What is asked for is looked at first.
    assert_eq!(server.call("NoSuch", "{}").await.error().0, "UnknownOperationException");
    assert_eq!(server.call("DescribeEndpoints", "{}").await.status, 400);
    let unknown = r#"{"__type":"com.amazon.coral.service#UnrecognizedClientException","message":"The security token included in the request is invalid."}"#;
    let bearer = ("authorization", "Bearer AKIAAAAAAAAAAAAAAAAA.secret");
    let answer = server.post("ListTables", &[bearer], b"{}").await;
    assert_eq!((answer.status, answer.text()), (400, unknown));
}

/// The path, and the headers besides those for host and target, of a request that is signed with an empty body.
fn signature_headers(
    signer: &Signer,
    target: &str,
    at: jiff::Timestamp,
    presigned: bool,
) -> (String, String) {
    let request = http::Request::post("/").header("host", "a").header("x-amz-target", target);
    let mut head = request.body(()).unwrap().into_parts().0;
    if presigned {
        signer.presign(&mut head, b"", at, 60).unwrap();
    } else {
        signer.sign(&mut head, b"", at).unwrap();
    }
    let unsent = ["host", "x-amz-target"];
    let lines = head.headers.iter().filter(|(name, _)| !unsent.contains(&name.as_str()));
    let lines: Vec<_> =
        lines.map(|(name, value)| format!("{name}: {}\r\n", value.to_str().unwrap())).collect();
    (head.uri.path_and_query().unwrap().to_string(), lines.concat())
}

#[tokio::test]
async fn who_cannot_be_known_is_answered_before_the_body_comes() {
    let server = Server::start_as(false).await;
    server.identities.create_user(CreateUser { name: "ada".into(), ..Default::default() }).await.unwrap();
    let key = server.identities.create_access_key("ada").await.unwrap();
    let ada = Signer {
        access_key_id: key.access_key.id.to_string(),
        secret_access_key: Secret::new(key.secret.expose()),
        session_token: None,
        region: "us-east-1".to_owned(),
    };
    let unknown = Signer { access_key_id: "AKIAAAAAAAAAAAAAAAAA".to_owned(), ..ada.clone() };
    let session = Signer { access_key_id: "ASIAAAAAAAAAAAAAAAAA".to_owned(), ..ada.clone() };
    let session = Signer { session_token: Some(Secret::new("made-up")), ..session };
    let now = jiff::Timestamp::now();
    let hour = jiff::SignedDuration::from_hours(1);
    let plain = |headers: &str| ("/".to_owned(), headers.to_owned());
    let target = "DynamoDB_20120810.PutItem";
    for (target, (path, headers), exception) in [
        (target, plain(""), "MissingAuthenticationTokenException"),
        (
            target,
            plain("authorization: Bearer AKIAAAAAAAAAAAAAAAAA.secret\r\n"),
            "UnrecognizedClientException",
        ),
        (target, plain("authorization: AWS4-HMAC-SHA256 a=b\r\n"), "IncompleteSignatureException"),
        (target, signature_headers(&unknown, target, now, false), "UnrecognizedClientException"),
        (target, signature_headers(&session, target, now, false), "UnrecognizedClientException"),
        (target, signature_headers(&ada, target, now - hour, false), "InvalidSignatureException"),
        (target, signature_headers(&ada, target, now - hour, true), "InvalidSignatureException"),
        ("DynamoDB_20120810.NoSuch", plain(""), "UnknownOperationException"),
    ] {
        // The body never comes: it is not asked for, and the answer does not wait for it.
        for expect in ["", "expect: 100-continue\r\n"] {
            let head = format!(
                "POST {path} HTTP/1.1\r\nhost: a\r\nconnection: close\r\ncontent-type: application/json\r\n\
                 x-amz-target: {target}\r\ncontent-length: 15000000\r\n{expect}{headers}\r\n"
            );
            let answer = server.send(head.as_bytes()).await.unwrap();
            assert_eq!((answer.status, &*answer.error().0), (400, exception), "{head}");
        }
    }
    // Of a caller who may be known, it is.
    let (path, headers) = signature_headers(&ada, target, now, false);
    let head = format!(
        "POST {path} HTTP/1.1\r\nhost: a\r\ncontent-type: application/json\r\n\
         x-amz-target: {target}\r\ncontent-length: 2\r\nexpect: 100-continue\r\n{headers}\r\n"
    );
    let mut stream = TcpStream::connect(server.address).await.unwrap();
    stream.write_all(head.as_bytes()).await.unwrap();
    let mut asked = [0; 25];
    stream.read_exact(&mut asked).await.unwrap();
    assert_eq!(&asked, b"HTTP/1.1 100 Continue\r\n\r\n");
}

#[tokio::test]
async fn who_cannot_be_known_and_sends_to_the_end_before_looking_for_an_answer_finds_it() {
    let server = Server::start_as(false).await;
    let answer = server.call("PutItem", &" ".repeat(900_000)).await;
    assert_eq!((answer.status, &*answer.error().0), (400, "MissingAuthenticationTokenException"));
}

#[tokio::test]
async fn a_signature_is_of_the_body_as_it_was_sent() {
    let server = Server::start_as(false).await;
    server.identities.create_user(CreateUser { name: "ada".into(), ..Default::default() }).await.unwrap();
    let key = server.identities.create_access_key("ada").await.unwrap();
    let signer = Signer {
        access_key_id: key.access_key.id.to_string(),
        secret_access_key: Secret::new(key.secret.expose()),
        session_token: None,
        region: "us-east-1".to_owned(),
    };
    let mut gzip = GzEncoder::new(Vec::new(), Compression::fast());
    gzip.write_all(b"{}").unwrap();
    let compressed = gzip.finish().unwrap();
    let sign = |body: &[u8]| {
        let request = http::Request::post("/")
            .header("host", "db.example:8000")
            .header("x-amz-target", "DynamoDB_20120810.ListTables");
        let mut head = request.body(()).unwrap().into_parts().0;
        signer.sign(&mut head, body, jiff::Timestamp::now()).unwrap();
        let unsent = ["host", "x-amz-target"];
        let headers = head.headers.iter().filter(|(name, _)| !unsent.contains(&name.as_str()));
        headers
            .map(|(name, value)| (name.as_str().to_owned(), value.to_str().unwrap().to_owned()))
            .collect::<Vec<_>>()
    };
    let post = async |signed: &[u8], body: &[u8], encoding: &str| {
        let signature = sign(signed);
        let mut headers: Vec<_> =
            signature.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        headers.push(("content-encoding", encoding));
        server.post("ListTables", &headers, body).await
    };

    // Known, and not permitted.
    let denied = post(b"{}", b"{}", "identity").await;
    assert_eq!(denied.status, 400);
    assert_eq!(denied.json()["__type"], "com.amazon.coral.service#AccessDeniedException");
    let message = denied.json()["Message"].as_str().unwrap().to_owned();
    assert!(
        message.starts_with(
            "User: arn:aws:iam::000000000000:user/ada is not authorized to perform: dynamodb:ListTables on resource: "
        ) && message.ends_with(
            "because no identity-based policy allows the dynamodb:ListTables action"
        ),
        "{message}"
    );

    let policy = r#"{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"dynamodb:ListTables","Resource":"*"}}"#;
    server.identities.put_inline_policy(&Holder::User("ada".into()), "list", policy).await.unwrap();
    for (signed, body, encoding) in
        [(&b"{}"[..], &b"{}"[..], "identity"), (&compressed[..], &compressed[..], "gzip")]
    {
        let answer = post(signed, body, encoding).await;
        assert_eq!((answer.status, answer.text()), (200, r#"{"TableNames":[]}"#));
    }
    for (signed, body, encoding) in
        [(&b"{}"[..], &b"{ }"[..], "identity"), (&b"{}"[..], &compressed[..], "gzip")]
    {
        let answer = post(signed, body, encoding).await;
        assert_eq!((answer.status, &*answer.error().0), (400, "InvalidSignatureException"));
    }
}

#[tokio::test]
async fn a_tables_policy_is_put_read_and_taken_away() {
    let server = Server::start().await;
    let arn = "arn:aws:dynamodb:local:000000000000:table/Music";
    let call = async |operation: &str, members: Value| {
        let mut body = json!({"ResourceArn": arn});
        body.as_object_mut().unwrap().extend(members.as_object().unwrap().clone());
        server.call(operation, &body.to_string()).await
    };
    let answer = call("GetResourcePolicy", json!({})).await;
    assert_eq!((answer.status, &*answer.error().0), (400, "PolicyNotFoundException"));
    assert!(answer.text().starts_with(r#"{"__type":"com.amazonaws.dynamodb.v20120810#"#));

    let policy = json!({
        "Version": "2012-10-17",
        "Statement": [{"Effect": "Allow", "Principal": {"AWS": "*"}, "Action": "dynamodb:GetItem", "Resource": arn}],
    })
    .to_string();
    let put = json!({"Policy": policy, "ExpectedRevisionId": "NO_POLICY"});
    let answer = call("PutResourcePolicy", put.clone()).await;
    let revision = answer.json()["RevisionId"].as_str().unwrap().to_owned();
    assert_eq!(call("PutResourcePolicy", put).await.error().0, "PolicyNotFoundException");
    let got = call("GetResourcePolicy", json!({})).await.json();
    assert_eq!(got, json!({"Policy": policy, "RevisionId": revision}));
    let gone = call("DeleteResourcePolicy", json!({"ExpectedRevisionId": revision})).await;
    assert_eq!(gone.json(), json!({"RevisionId": revision}));
    assert_eq!(call("DeleteResourcePolicy", json!({})).await.text(), "{}");
    let (exception, message) = call("PutResourcePolicy", json!({"Policy": "{"})).await.error();
    assert_eq!(exception, "ValidationException");
    assert!(message.starts_with("Invalid policy document: "), "{message}");
    let (_, message) = call("PutResourcePolicy", json!({})).await.error();
    assert!(message.contains("Value null at 'policy'"), "{message}");
}

#[tokio::test]
async fn limits_are_told_and_throughput_is_described() {
    let server = Server::start().await;
    let limits = server.call("DescribeLimits", "{}").await.json();
    for member in ["Account", "Table"] {
        for kind in ["Read", "Write"] {
            assert!(limits[format!("{member}Max{kind}CapacityUnits")].as_u64().unwrap() > 0, "{limits}");
        }
    }
    assert_eq!(limits["CapacityLimits"], "off");
    let create = json!({
        "TableName": "Limited",
        "BillingMode": "PAY_PER_REQUEST",
        "AttributeDefinitions": [{"AttributeName": "pk", "AttributeType": "S"}],
        "KeySchema": [{"AttributeName": "pk", "KeyType": "HASH"}],
        "OnDemandThroughput": {"MaxReadRequestUnits": 7},
    });
    let table = &server.call("CreateTable", &create.to_string()).await.json()["TableDescription"];
    let expected = json!({"MaxReadRequestUnits": 7, "MaxWriteRequestUnits": -1});
    assert_eq!(table["OnDemandThroughput"], expected);
    assert_eq!(table.get("WarmThroughput"), None);
    let music = &server.call("DescribeTable", r#"{"TableName":"Music"}"#).await.json()["Table"];
    assert_eq!(music.get("OnDemandThroughput"), None);
    assert!(music["WarmThroughput"]["ReadUnitsPerSecond"].as_u64().unwrap() > 0);
}

/// A runtime with one worker, and one thread for blocking work.
fn one_worker() -> tokio::runtime::Runtime {
    let mut builder = tokio::runtime::Builder::new_current_thread();
    builder.enable_all().max_blocking_threads(1).build().unwrap()
}

/// Occupies the runtime's thread for blocking work until the sender is dropped.
fn occupy() -> std::sync::mpsc::Sender<()> {
    let (free, wait) = std::sync::mpsc::channel();
    tokio::task::spawn_blocking(move || wait.recv());
    free
}

/// A large request, and what becomes of it.
async fn large(server: Arc<Server>, kind: &str) -> u16 {
    let spaces = " ".repeat(300_000);
    match kind {
        "parsed" => server.call("ListTables", &format!("{{}}{spaces}")).await.status,
        "inflated" => {
            let mut gzip = GzEncoder::new(Vec::new(), Compression::fast());
            gzip.write_all(format!("{{}}{spaces}").as_bytes()).unwrap();
            let body = gzip.finish().unwrap();
            server.post("ListTables", &[("content-encoding", "gzip")], &body).await.status
        }
        "written" => {
            let body = br#"{"TableName":"Music","Key":{"pk":{"S":"a"}}}"#;
            server.post("GetItem", &[("accept-encoding", "gzip")], body).await.status
        }
        _ => panic!("{kind}"),
    }
}

#[test]
fn a_large_body_does_not_keep_the_only_worker_from_others() {
    for kind in ["parsed", "inflated", "written"] {
        one_worker().block_on(async {
            let server = Arc::new(Server::start().await);
            // Items are put from parts that are not large themselves.
            let put = server.put(&json!({"S": "x".repeat(200_000)}).to_string()).await;
            assert_eq!(put.status, 200);
            let update = json!({
                "TableName": "Music", "Key": {"pk": {"S": "a"}}, "UpdateExpression": "SET w = :w",
                "ExpressionAttributeValues": {":w": {"S": "y".repeat(190_000)}},
            });
            assert_eq!(server.call("UpdateItem", &update.to_string()).await.status, 200);
            let free = occupy();
            let large = tokio::spawn(large(server.clone(), kind));
            for _ in 0..20 {
                server.assert_alive().await;
            }
            assert!(!large.is_finished(), "{kind}: it was worked on by the worker");
            drop(free);
            assert_eq!(large.await.unwrap(), 200, "{kind}");
        });
    }
}

#[test]
fn the_hash_of_a_large_body_does_not_keep_the_only_worker_from_others() {
    one_worker().block_on(async {
        let server = Arc::new(Server::start().await);
        server.identities.create_user(CreateUser { name: "ada".into(), ..Default::default() }).await.unwrap();
        let key = server.identities.create_access_key("ada").await.unwrap();
        let ada = Signer {
            access_key_id: key.access_key.id.to_string(),
            secret_access_key: Secret::new(key.secret.expose()),
            session_token: None,
            region: "us-east-1".to_owned(),
        };
        let target = "DynamoDB_20120810.ListTables";
        let (_, headers) = signature_headers(&ada, target, jiff::Timestamp::now(), false);
        let head = format!(
            "POST / HTTP/1.1\r\nhost: a\r\nconnection: close\r\ncontent-type: application/json\r\n\
             x-amz-target: {target}\r\ncontent-length: 300000\r\n{headers}\r\n"
        );
        let request = [head.into_bytes(), vec![b' '; 300_000]].concat();
        let free = occupy();
        let large = {
            let server = server.clone();
            tokio::spawn(async move { server.send(&request).await.unwrap() })
        };
        for _ in 0..20 {
            server.assert_alive().await;
        }
        assert!(!large.is_finished(), "the body was hashed by the worker");
        drop(free);
        // The signature is of another body.
        assert_eq!(large.await.unwrap().error().0, "InvalidSignatureException");
    });
}
