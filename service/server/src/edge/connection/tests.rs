//! The times of a connection, by a clock that the tests hold.

use super::*;
use axum::body::Body as AnswerBody;
use http_body_util::BodyExt;
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream};
use tower::service_fn;

const LIMITS: ConnectionLimits = ConnectionLimits {
    first_request: Duration::from_secs(10),
    idle: Duration::from_secs(90),
    age: None,
    age_grace: Duration::from_secs(60),
};
const GET: &[u8] = b"GET / HTTP/1.1\r\nhost: a\r\n\r\n";
const ANSWER: &[u8] = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n";

/// The client's end of a connection with these limits, that answers `ok` once a request's body has been read.
fn connect(limits: ConnectionLimits) -> DuplexStream {
    let (client, server) = tokio::io::duplex(64 * 1024);
    let service = service_fn(async |request: Request<Incoming>| {
        let _ = request.into_body().collect().await;
        Ok::<_, Infallible>(Response::new(AnswerBody::from("ok")))
    });
    tokio::spawn(serve(server, Instant::now(), Peer::default(), service, limits, CancellationToken::new()));
    client
}

/// How long it takes the server to close a connection.
async fn closed_after(client: &mut DuplexStream) -> Duration {
    let begun = Instant::now();
    let mut rest = Vec::new();
    client.read_to_end(&mut rest).await.unwrap();
    begun.elapsed()
}

async fn call(client: &mut DuplexStream) {
    client.write_all(GET).await.unwrap();
    let mut answer = Vec::new();
    while !answer.ends_with(b"\r\n\r\nok") {
        assert_ne!(client.read_buf(&mut answer).await.unwrap(), 0, "the connection was closed");
    }
    assert!(answer.starts_with(ANSWER), "{}", String::from_utf8_lossy(&answer));
}

#[track_caller]
fn assert_about(passed: Duration, expected: Duration, or_later: Duration) {
    let late = CLOSE_WAIT + Duration::from_millis(10);
    assert!((expected..=expected + or_later + late).contains(&passed), "{passed:?}");
}

#[tokio::test(start_paused = true)]
async fn a_connection_without_a_first_request_is_closed_whatever_it_begins_with() {
    for begin in [
        &b""[..],
        b"P",
        b"PRI * HT",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0",
        b"GET",
        b"POST / HTTP/1.1\r\nhost: a\r\n",
    ] {
        let mut client = connect(LIMITS);
        client.write_all(begin).await.unwrap();
        let passed = closed_after(&mut client).await;
        assert_about(passed, LIMITS.first_request, Duration::ZERO);
    }
}

#[tokio::test(start_paused = true)]
async fn a_head_that_comes_byte_by_byte_is_not_waited_for() {
    let mut client = connect(LIMITS);
    call(&mut client).await;
    let begun = Instant::now();
    for byte in GET.iter().cycle() {
        tokio::time::sleep(Duration::from_secs(5)).await;
        // Never a whole head.
        if client.write_all(if *byte == b'\r' { b"x" } else { std::slice::from_ref(byte) }).await.is_err() {
            break;
        }
    }
    let first_byte = Duration::from_secs(5);
    assert_about(begun.elapsed() - first_byte, HEAD_TIME_MAX, HEAD_TIME_MAX + first_byte);
}

#[tokio::test(start_paused = true)]
async fn an_idle_connection_is_kept_for_as_long_as_clients_pool_it() {
    let mut client = connect(LIMITS);
    for _ in 0..3 {
        call(&mut client).await;
        // Clients of AWS keep connections for 60 seconds.
        tokio::time::sleep(Duration::from_secs(75)).await;
    }
    call(&mut client).await;
    let passed = closed_after(&mut client).await;
    assert_about(passed, LIMITS.idle, HEAD_TIME_MAX);
}

#[tokio::test(start_paused = true)]
async fn a_call_that_is_under_way_is_no_silence() {
    let mut client = connect(LIMITS);
    client.write_all(b"POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 1\r\n\r\n").await.unwrap();
    tokio::time::sleep(Duration::from_secs(600)).await;
    client.write_all(b"x").await.unwrap();
    let mut answer = [0; ANSWER.len()];
    client.read_exact(&mut answer).await.unwrap();
    assert_eq!(answer, ANSWER);
}

/// A client of HTTP/2 on a connection, and until when it takes calls.
async fn connect_http2(
    limits: ConnectionLimits,
) -> (hyper::client::conn::http2::SendRequest<AnswerBody>, tokio::task::JoinHandle<hyper::Result<()>>) {
    let io = TokioIo::new(connect(limits));
    let (client, connection) = hyper::client::conn::http2::handshake(TokioExecutor::new(), io).await.unwrap();
    (client, tokio::spawn(connection))
}

#[tokio::test(start_paused = true)]
async fn an_old_connection_of_http_2_lets_its_calls_end_and_takes_no_more() {
    let limits = ConnectionLimits {
        age: Some(Duration::from_secs(1_000)),
        age_grace: Duration::from_secs(600),
        ..LIMITS
    };
    let (mut client, ended) = connect_http2(limits).await;
    client.send_request(Request::new(AnswerBody::empty())).await.unwrap();
    // A call whose body ends after the connection was told to.
    let (send, body) = tokio::sync::oneshot::channel::<()>();
    let body = AnswerBody::from_stream(futures::stream::once(async move {
        body.await.unwrap();
        Ok::<_, Infallible>(Bytes::from_static(b"late"))
    }));
    let under_way = tokio::spawn(client.send_request(Request::new(body)));
    // Before nine tenths of the age it is as good as any.
    tokio::time::sleep(Duration::from_secs(890)).await;
    client.send_request(Request::new(AnswerBody::empty())).await.unwrap();
    tokio::time::sleep(Duration::from_secs(220)).await;
    client.send_request(Request::new(AnswerBody::empty())).await.unwrap_err();
    // The client gives a connection no more calls once it was told to go away, and carries on those under way beside it.
    ended.await.unwrap().unwrap();
    assert!(!under_way.is_finished());
    send.send(()).unwrap();
    let answer = under_way.await.unwrap().unwrap().into_body().collect().await.unwrap().to_bytes();
    assert_eq!(&*answer, b"ok");
}

#[tokio::test(start_paused = true)]
async fn a_call_that_does_not_end_does_not_keep_an_old_connection() {
    let limits = ConnectionLimits { age: Some(Duration::from_secs(1_000)), ..LIMITS };
    let begun = Instant::now();
    let (mut client, ended) = connect_http2(limits).await;
    let body = AnswerBody::from_stream(futures::stream::pending::<Result<Bytes, Infallible>>());
    client.send_request(Request::new(body)).await.unwrap_err();
    let passed = begun.elapsed();
    let expected = Duration::from_secs(960)..Duration::from_secs(1_162);
    assert!(expected.contains(&passed), "{passed:?}");
    let _ = ended.await.unwrap();
}
