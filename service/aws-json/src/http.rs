//! The outside of the protocol: what is a request at all, and what every answer carries (operations: wire facts).

use crate::call::{Entrance, Received};
use crate::error::{Failure, answer};
use crate::json::Json;
use crate::target::{Target, UnknownTarget};
use axum::body::Body;
use axum::extract::{Request, State};
use axum::response::Response;
use bytes::{Bytes, BytesMut};
use cairn_auth::BodyHash;
use cairn_ops::Error;
use cairn_stack::{CallBytes, CheckedHead, INLINE_BYTES_MAX, Origins, Overload, REQUEST_TIME_MAX, offload};
use cairn_storage::Engine;
use flate2::Compression;
use flate2::read::{MultiGzDecoder, ZlibDecoder};
use flate2::write::GzEncoder;
use http::header::{
    ACCEPT_ENCODING, ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS, ACCESS_CONTROL_ALLOW_ORIGIN,
    ACCESS_CONTROL_EXPOSE_HEADERS, ACCESS_CONTROL_MAX_AGE, ACCESS_CONTROL_REQUEST_HEADERS, CONTENT_ENCODING,
    CONTENT_LENGTH, CONTENT_TYPE, EXPECT, HOST, ORIGIN, VARY,
};
use http::request::Parts;
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};
use http_body_util::{BodyExt, Limited};
use std::io::{Read, Write};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Semaphore;

/// The largest body, in bytes: as it is sent, and as it is when decompressed.
pub const BODY_BYTES_MAX: usize = 16 * 1024 * 1024;
/// The largest head, in bytes.
const HEAD_BYTES_MAX: usize = 16 * 1024;
/// How long the sender of a refused body may pause.
const DISCARDED_PAUSE_MAX: Duration = Duration::from_secs(1);
/// The smallest answer worth compressing, in bytes.
const COMPRESSED_BYTES_MIN: usize = 2 * 1024;

const REQUEST_ID: HeaderName = HeaderName::from_static("x-amzn-requestid");
const CHECKSUM: HeaderName = HeaderName::from_static("x-amz-crc32");

/// What browsers may send, and what they may see of an answer.
const ALLOWED_METHODS: HeaderValue = HeaderValue::from_static("POST, GET, OPTIONS");
const EXPOSED_HEADERS: HeaderValue = HeaderValue::from_static("x-amzn-requestid, x-amz-crc32, date");
const PREFLIGHT_SECONDS: HeaderValue = HeaderValue::from_static("172800");
const JSON: HeaderValue = HeaderValue::from_static("application/x-amz-json-1.0");

/// How much of a body is read all the same that is refused.
struct Discard {
    bytes_max: usize,
    time_max: Duration,
    /// How many such bodies are read on at once, if that is limited.
    places: Option<&'static Semaphore>,
}

/// Of callers who may be known: as much as any client sends.
static OF_CALLERS: Discard =
    Discard { bytes_max: 4 * BODY_BYTES_MAX, time_max: REQUEST_TIME_MAX, places: None };
/// Of callers who cannot be known: what a client with the wrong credentials usually sends. Nothing of it is kept, but
/// reading is work, so it is bounded for all of them together.
static OF_STRANGERS: Discard =
    Discard { bytes_max: 1024 * 1024, time_max: Duration::from_secs(5), places: Some(&STRANGERS_DISCARDED) };
static STRANGERS_DISCARDED: Semaphore = Semaphore::const_new(64);

/// Answers one request.
pub(crate) async fn serve<E: Engine>(State(entrance): State<Arc<Entrance<E>>>, request: Request) -> Response {
    let (head, body) = request.into_parts();
    let reply = match (&head.method, request_type(&head.headers)) {
        (&Method::OPTIONS, _) => preflight(&head),
        (&Method::GET | &Method::HEAD, _) => {
            Reply { kind: None, ..Reply::text(StatusCode::OK, format!("healthy: {} ", host(&head))) }
        }
        (&Method::POST, Some(kind)) => {
            let target = Target::of(&head.headers);
            let (status, body) = match post(&entrance, &head, &target, body).await {
                Ok(body) => (StatusCode::OK, body),
                Err(failure) => answer(target.ok().and_then(Target::operation), &failure),
            };
            Reply { status, kind: Some(kind), body, extra: HeaderMap::new() }
        }
        _ => Reply::text(StatusCode::NOT_FOUND, "<UnknownOperationException/>\n".into()),
    };
    reply.into_response(&head, entrance.authenticate.origins()).await
}

/// The answer to a call that the server has no room for: nothing was done, and trying again soon is right.
pub fn overloaded(reason: Overload) -> Response {
    let (status, body) = answer(None, &reason.into());
    let reply = Reply { status, kind: Some(JSON), body, extra: HeaderMap::new() };
    let written = Written::of(reply.body, false);
    Reply { body: Vec::new(), ..reply }.with(written, &http::Request::new(()).into_parts().0, Origins::Any)
}

/// Reads the whole of a request and does what it asks for.
async fn post<E: Engine>(
    entrance: &Entrance<E>,
    head: &Parts,
    target: &Result<Target, UnknownTarget>,
    body: Body,
) -> Result<Vec<u8>, Failure> {
    let bytes = CallBytes::of(&head.extensions);
    // No body is read for a caller who cannot be known.
    let checked = entrance.authenticate.check_head(head);
    let discarded = if checked.is_ok() { &OF_CALLERS } else { &OF_STRANGERS };
    let checked = match (checked, target) {
        _ if head_bytes(head) > HEAD_BYTES_MAX => Err(Failure::HeadTooLarge),
        // What is asked for is looked at before who asks (semantics 1.3).
        (Err(_), Err(unknown)) => Err(unknown.clone().into()),
        (Err(reason), Ok(_)) => Err(Error::Unauthenticated(reason).into()),
        (Ok(checked), _) => Ok(checked),
    };
    let checked = match checked {
        Ok(checked) => checked,
        Err(failure) => {
            discard(head, body, discarded);
            return Err(failure);
        }
    };
    let body = receive(head, body, &bytes).await?;
    let target = match target {
        Ok(target) => *target,
        Err(unknown) => {
            // What is not JSON is told first.
            let text = decompress(head, body, &bytes).await?;
            offload(text.len(), move || {
                Json::new(&text).and_then(|mut json| json.skip().and_then(|()| json.finish()))
            })
            .await??;
            return Err(unknown.clone().into());
        }
    };
    let caller = match checked {
        CheckedHead::Caller(caller) => caller,
        CheckedHead::Signed(claim) => {
            // Whatever is signed is the body as it is here, as it was sent.
            let sent = body.clone();
            let hash = offload(sent.len(), move || BodyHash::of(&sent)).await?;
            let caller = entrance.authenticate.authenticate_body(head, &claim, &hash);
            caller.map_err(Error::Unauthenticated)?
        }
    };
    let body = decompress(head, body, &bytes).await?;
    entrance.perform(target, Received { head, caller: &caller, body, bytes: &bytes }).await
}

/// The type of a request's body as it is given, if it is one that is read.
fn request_type(headers: &HeaderMap) -> Option<HeaderValue> {
    let given = headers.get(CONTENT_TYPE)?;
    let name = given.to_str().ok()?.split(';').next()?.trim();
    let known = ["application/x-amz-json-1.0", "application/json"];
    known.iter().any(|known| known.eq_ignore_ascii_case(name)).then(|| given.clone())
}

/// What the client calls this server.
pub(crate) fn host(head: &Parts) -> &str {
    let header = head.headers.get(HOST).and_then(|host| host.to_str().ok());
    header.or_else(|| head.uri.authority().map(http::uri::Authority::as_str)).unwrap_or("localhost")
}

/// The size of a head as HTTP/1 writes it, about.
fn head_bytes(head: &Parts) -> usize {
    let line = head.method.as_str().len() + head.uri.path_and_query().map_or(0, |path| path.as_str().len());
    let fields = head.headers.iter().map(|(name, value)| name.as_str().len() + value.len() + 4);
    line + fields.sum::<usize>()
}

/// The body as it was sent. It is read once there is room for it.
async fn receive(head: &Parts, mut body: Body, bytes: &CallBytes) -> Result<Bytes, Failure> {
    let announced = head.headers.get(CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse().ok());
    let room = match announced {
        Some(length) if length > BODY_BYTES_MAX => Err(Failure::BodyTooLarge),
        length => bytes.reserve(length.unwrap_or(BODY_BYTES_MAX)).await.map_err(Failure::from),
    };
    let received = match room {
        Ok(()) => match tokio::time::timeout(REQUEST_TIME_MAX, collect(&mut body)).await {
            Ok(received) => received,
            Err(_) => return Err(Failure::BodyTimeout),
        },
        Err(failure) => Err(failure),
    };
    match &received {
        Ok(received) => bytes.settle(received.len()),
        Err(Failure::BodyBroken) => {}
        Err(_) => discard(head, body, &OF_CALLERS),
    }
    received
}

/// The whole of a body, without a copy if it came in one piece.
async fn collect(body: &mut Body) -> Result<Bytes, Failure> {
    let mut first = Bytes::new();
    let mut all = BytesMut::new();
    while let Some(frame) = body.frame().await {
        let Ok(data) = frame.map_err(|_| Failure::BodyBroken)?.into_data() else { continue };
        if first.len() + all.len() + data.len() > BODY_BYTES_MAX {
            return Err(Failure::BodyTooLarge);
        }
        if first.is_empty() && all.is_empty() {
            first = data;
        } else {
            all.extend_from_slice(&std::mem::take(&mut first));
            all.extend_from_slice(&data);
        }
    }
    Ok(if all.is_empty() { first } else { all.freeze() })
}

/// Reads a refused body on, beside the answer. Many clients look for an answer once they have sent everything: to them
/// a connection that is closed before is broken, and they try again instead of learning what was wrong.
fn discard(head: &Parts, body: Body, discard: &'static Discard) {
    // Who asks before sending learns it in time.
    if head.headers.contains_key(EXPECT) {
        return;
    }
    let Ok(place) = discard.places.map(Semaphore::try_acquire).transpose() else { return };
    let mut left = Limited::new(body, discard.bytes_max);
    tokio::spawn(tokio::time::timeout(discard.time_max, async move {
        let _place = place;
        while let Ok(Some(Ok(_))) = tokio::time::timeout(DISCARDED_PAUSE_MAX, left.frame()).await {}
    }));
}

/// How a body is compressed.
#[derive(Clone, Copy)]
enum Compressed {
    Gzip,
    Deflate,
}

/// What the body says.
async fn decompress(head: &Parts, body: Bytes, bytes: &CallBytes) -> Result<Bytes, Failure> {
    let encoding = head.headers.get(CONTENT_ENCODING).map(|encoding| encoding.to_str().unwrap_or("?").trim());
    let compressed = match encoding.map(str::to_ascii_lowercase).as_deref() {
        None | Some("" | "identity") => return Ok(body),
        Some("gzip" | "x-gzip") => Compressed::Gzip,
        Some("deflate") => Compressed::Deflate,
        Some(_) => return Err(Failure::Encoding),
    };
    // How much it is shows only on the way. What is little is done here, and the rest from its beginning elsewhere.
    let text = match inflate(&body, compressed, INLINE_BYTES_MAX)? {
        Some(text) => text,
        None => {
            bytes.reserve(BODY_BYTES_MAX).await?;
            let inflated =
                offload(BODY_BYTES_MAX, move || inflate(&body, compressed, BODY_BYTES_MAX)).await?;
            inflated?.ok_or(Failure::BodyTooLarge)?
        }
    };
    bytes.settle(text.len());
    Ok(text)
}

/// What is in a compressed body; none if it is more than so many bytes.
fn inflate(body: &[u8], compressed: Compressed, bytes_max: usize) -> Result<Option<Bytes>, Failure> {
    let mut text = Vec::new();
    // One byte more than is allowed tells whether there is more.
    let limit = bytes_max as u64 + 1;
    let read = match compressed {
        // A gzip file is any number of members (RFC 1952, 2.2).
        Compressed::Gzip => MultiGzDecoder::new(body).take(limit).read_to_end(&mut text),
        Compressed::Deflate => ZlibDecoder::new(body).take(limit).read_to_end(&mut text),
    };
    match read {
        Ok(_) if text.len() > bytes_max => Ok(None),
        Ok(_) => Ok(Some(text.into())),
        Err(_) => Err(Failure::Encoding),
    }
}

/// An answer before it is dressed.
struct Reply {
    status: StatusCode,
    /// The type of the request's body, which is also the answer's.
    kind: Option<HeaderValue>,
    body: Vec<u8>,
    extra: HeaderMap,
}

/// What a browser asks before it sends a request of another origin.
fn preflight(head: &Parts) -> Reply {
    let mut extra = HeaderMap::new();
    extra.insert(ACCESS_CONTROL_ALLOW_METHODS, ALLOWED_METHODS);
    extra.insert(ACCESS_CONTROL_MAX_AGE, PREFLIGHT_SECONDS);
    if let Some(asked) = head.headers.get(ACCESS_CONTROL_REQUEST_HEADERS) {
        extra.insert(ACCESS_CONTROL_ALLOW_HEADERS, asked.clone());
    }
    Reply { status: StatusCode::OK, kind: None, body: Vec::new(), extra }
}

impl Reply {
    fn text(status: StatusCode, text: String) -> Self {
        Self { status, kind: None, body: text.into_bytes(), extra: HeaderMap::new() }
    }

    async fn into_response(mut self, head: &Parts, origins: Origins) -> Response {
        let compress = self.is_compressible() && accepts_gzip(&head.headers);
        let body = std::mem::take(&mut self.body);
        let written = match offload(body.len(), move || Written::of(body, compress)).await {
            Ok(written) => written,
            Err(error) => {
                let (status, body) = answer(None, &error.into());
                self.status = status;
                Written::of(body, false)
            }
        };
        self.with(written, head, origins)
    }

    /// Whether the answer may be compressed for who takes that.
    fn is_compressible(&self) -> bool {
        self.kind.is_some() && self.body.len() >= COMPRESSED_BYTES_MIN
    }

    fn with(self, written: Written, head: &Parts, origins: Origins) -> Response {
        let Written { body, checksum, compressed, varies } = written;
        let mut headers = self.extra;
        if let Some(kind) = self.kind {
            headers.insert(CONTENT_TYPE, kind);
            if varies {
                headers.insert(VARY, HeaderValue::from_static("accept-encoding"));
            }
        }
        if compressed {
            headers.insert(CONTENT_ENCODING, HeaderValue::from_static("gzip"));
        }
        headers.insert(REQUEST_ID, request_id());
        headers.insert(CHECKSUM, checksum.into());
        headers.insert(CONTENT_LENGTH, body.len().into());
        if let Some(origin) = head.headers.get(ORIGIN) {
            if origins == Origins::Loopback {
                headers.append(VARY, HeaderValue::from_static("origin"));
            }
            if let Some(allowed) = origins.allowed(origin) {
                headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, allowed);
                headers.insert(ACCESS_CONTROL_EXPOSE_HEADERS, EXPOSED_HEADERS);
            }
        }
        let mut response = Response::new(Body::from(body));
        *response.status_mut() = self.status;
        *response.headers_mut() = headers;
        response
    }
}

/// The bytes of an answer as they are sent.
struct Written {
    body: Vec<u8>,
    /// CRC-32 of the body.
    checksum: u32,
    compressed: bool,
    /// Whether another client may get it in another form.
    varies: bool,
}

impl Written {
    fn of(body: Vec<u8>, compress: bool) -> Self {
        let varies = body.len() >= COMPRESSED_BYTES_MIN;
        let compressed = if compress { gzip(&body).ok() } else { None };
        let is_compressed = compressed.is_some();
        let body = compressed.unwrap_or(body);
        Self { checksum: crc32fast::hash(&body), body, compressed: is_compressed, varies }
    }
}

/// 52 digits and capitals, as AWS has them.
fn request_id() -> HeaderValue {
    const DIGITS: &[u8; 32] = b"0123456789ABCDEFGHIJKLMNOPQRSTUV";
    let mut random = [0; 52];
    // Without randomness an answer goes without an id of its own.
    if getrandom::fill(&mut random).is_err() {
        return HeaderValue::from_static("0");
    }
    let digits = random.iter().filter_map(|byte| DIGITS.get(usize::from(byte % 32)));
    let id: String = digits.map(|digit| char::from(*digit)).collect();
    HeaderValue::from_str(&id).unwrap_or_else(|_| HeaderValue::from_static("0"))
}

/// Whether the client takes gzip.
fn accepts_gzip(headers: &HeaderMap) -> bool {
    let given = headers.get_all(ACCEPT_ENCODING).iter().filter_map(|value| value.to_str().ok());
    given.flat_map(|value| value.split(',')).any(|coding| {
        let mut parts = coding.split(';').map(str::trim);
        let named = parts.next().is_some_and(|name| name.eq_ignore_ascii_case("gzip"));
        let refused = parts.any(|part| part.strip_prefix("q=").and_then(|q| q.parse().ok()) == Some(0.0));
        named && !refused
    })
}

fn gzip(body: &[u8]) -> std::io::Result<Vec<u8>> {
    let mut encoder = GzEncoder::new(Vec::with_capacity(body.len() / 4), Compression::fast());
    encoder.write_all(body)?;
    encoder.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_id_is_52_digits_and_capitals_and_never_the_same() {
        let id = request_id();
        assert_eq!(id.len(), 52);
        assert!(id.as_bytes().iter().all(|byte| byte.is_ascii_digit() || (b'A'..=b'V').contains(byte)));
        assert_ne!(id, request_id());
    }

    #[test]
    fn gzip_is_sent_to_who_takes_it() {
        let accepts = |value: &'static str| {
            accepts_gzip(&HeaderMap::from_iter([(ACCEPT_ENCODING, HeaderValue::from_static(value))]))
        };
        assert!(accepts("gzip") && accepts("deflate, GZIP;q=0.5"));
        assert!(!accepts("identity") && !accepts("gzip;q=0") && !accepts("gzip; q=0.0, br"));
        assert!(!accepts_gzip(&HeaderMap::new()));
        // Lines of the same name are one list (RFC 9110, 5.3).
        let line = |value| (ACCEPT_ENCODING, HeaderValue::from_static(value));
        assert!(accepts_gzip(&HeaderMap::from_iter([line("identity"), line("gzip")])));
        assert!(accepts_gzip(&HeaderMap::from_iter([line("gzip"), line("identity")])));
        assert!(!accepts_gzip(&HeaderMap::from_iter([line("identity"), line("br")])));
    }
}
