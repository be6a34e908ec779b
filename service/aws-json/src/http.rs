//! The outside of the protocol: what is a request at all, and what every answer carries (operations: wire facts).

use crate::call::{Entrance, Received};
use crate::error::{Failure, answer};
use crate::json::Json;
use crate::target::Target;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::response::Response;
use bytes::Bytes;
use cairn_ops::Error;
use cairn_stack::Origins;
use cairn_storage::Engine;
use flate2::Compression;
use flate2::read::{GzDecoder, ZlibDecoder};
use flate2::write::GzEncoder;
use http::header::{
    ACCEPT_ENCODING, ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS, ACCESS_CONTROL_ALLOW_ORIGIN,
    ACCESS_CONTROL_EXPOSE_HEADERS, ACCESS_CONTROL_MAX_AGE, ACCESS_CONTROL_REQUEST_HEADERS, CONTENT_ENCODING,
    CONTENT_LENGTH, CONTENT_TYPE, EXPECT, HOST, ORIGIN, VARY,
};
use http::request::Parts;
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};
use http_body_util::{BodyExt, LengthLimitError, Limited};
use std::io::{Read, Write};
use std::sync::Arc;
use std::time::Duration;

/// The largest body, in bytes: as it is sent, and as it is when decompressed.
pub const BODY_BYTES_MAX: usize = 16 * 1024 * 1024;
/// The largest head, in bytes.
const HEAD_BYTES_MAX: usize = 16 * 1024;
/// How long a body may take to arrive.
const BODY_TIMEOUT: Duration = Duration::from_secs(60);
/// How much of a refused body is read all the same, in bytes.
const DISCARDED_BYTES_MAX: usize = 4 * BODY_BYTES_MAX;
/// How long the sender of a refused body may pause.
const DISCARDED_PAUSE_MAX: Duration = Duration::from_secs(1);
/// The smallest answer worth compressing, in bytes.
const COMPRESSED_BYTES_MIN: usize = 2 * 1024;

const REQUEST_ID: HeaderName = HeaderName::from_static("x-amzn-requestid");
const CHECKSUM: HeaderName = HeaderName::from_static("x-amz-crc32");
const TARGET: HeaderName = HeaderName::from_static("x-amz-target");

/// What browsers may send, and what they may see of an answer.
const ALLOWED_METHODS: HeaderValue = HeaderValue::from_static("POST, GET, OPTIONS");
const EXPOSED_HEADERS: HeaderValue = HeaderValue::from_static("x-amzn-requestid, x-amz-crc32, date");
const PREFLIGHT_SECONDS: HeaderValue = HeaderValue::from_static("172800");
const JSON: HeaderValue = HeaderValue::from_static("application/x-amz-json-1.0");

/// Answers one request.
pub(crate) async fn serve<E: Engine>(State(entrance): State<Arc<Entrance<E>>>, request: Request) -> Response {
    let (head, body) = request.into_parts();
    let reply = match (&head.method, request_type(&head.headers)) {
        (&Method::OPTIONS, _) => preflight(&head),
        (&Method::GET | &Method::HEAD, _) => {
            Reply { kind: None, ..Reply::text(StatusCode::OK, format!("healthy: {} ", host(&head))) }
        }
        (&Method::POST, Some(kind)) => {
            let (status, body) = match post(&entrance, &head, body).await {
                Ok(body) => (StatusCode::OK, body),
                Err((target, failure)) => answer(target.and_then(Target::operation), &failure),
            };
            Reply { status, kind: Some(kind), body, extra: HeaderMap::new() }
        }
        _ => Reply::text(StatusCode::NOT_FOUND, "<UnknownOperationException/>\n".into()),
    };
    reply.into_response(&head, entrance.authenticate.origins())
}

/// The answer to a call that the server has no room for: nothing was done, and trying again soon is right.
pub fn overloaded() -> Response {
    let (status, body) = answer(None, &Failure::Overloaded);
    let reply = Reply { status, kind: Some(JSON), body, extra: HeaderMap::new() };
    reply.into_response(&http::Request::new(()).into_parts().0, Origins::Any)
}

/// Reads the whole of a request and does what it asks for.
async fn post<E: Engine>(
    entrance: &Entrance<E>,
    head: &Parts,
    body: Body,
) -> Result<Vec<u8>, (Option<Target>, Failure)> {
    let body = receive(head, body).await.map_err(|failure| (None, failure))?;
    let target = head.headers.get(TARGET).and_then(|target| target.to_str().ok()).and_then(Target::parse);
    // Whatever is signed is the body as it is here, as it was sent. Who is not known is told nothing else.
    let caller = entrance.authenticate.authenticate_request(head, &body).caller();
    let caller = caller.map_err(|error| (target, Error::Unauthenticated(error).into()))?;
    let text = decompress(head, body).map_err(|failure| (target, failure))?;
    let Some(target) = target else {
        // What is not JSON is told first.
        let is_json = Json::new(&text).and_then(|mut json| json.skip().and_then(|()| json.finish()));
        return Err((None, is_json.err().map_or(Failure::UnknownOperation, Failure::from)));
    };
    let request = Received { head, caller: &caller, body: &text };
    entrance.perform(target, request).await.map_err(|failure| (Some(target), failure))
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

/// The body as it was sent.
async fn receive(head: &Parts, mut body: Body) -> Result<Bytes, Failure> {
    let line = head.method.as_str().len() + head.uri.path_and_query().map_or(0, |path| path.as_str().len());
    let fields = head.headers.iter().map(|(name, value)| name.as_str().len() + value.len() + 4);
    if line + fields.sum::<usize>() > HEAD_BYTES_MAX {
        discard(head, body);
        return Err(Failure::HeadTooLarge);
    }
    let announced = head.headers.get(CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse().ok());
    if announced.is_some_and(|length: u64| length > BODY_BYTES_MAX as u64) {
        discard(head, body);
        return Err(Failure::BodyTooLarge);
    }
    let collected = Limited::new(&mut body, BODY_BYTES_MAX).collect();
    match tokio::time::timeout(BODY_TIMEOUT, collected).await {
        Err(_) => Err(Failure::BodyTimeout),
        Ok(Ok(body)) => Ok(body.to_bytes()),
        Ok(Err(error)) if error.is::<LengthLimitError>() => {
            discard(head, body);
            Err(Failure::BodyTooLarge)
        }
        Ok(Err(_)) => Err(Failure::BodyBroken),
    }
}

/// Reads a refused body on, beside the answer. Many clients look for an answer once they have sent everything: to them
/// a connection that is closed before is broken, and they try again instead of learning what was wrong.
fn discard(head: &Parts, body: Body) {
    // Who asks before sending learns it in time.
    if head.headers.contains_key(EXPECT) {
        return;
    }
    let mut left = Limited::new(body, DISCARDED_BYTES_MAX);
    tokio::spawn(tokio::time::timeout(BODY_TIMEOUT, async move {
        while let Ok(Some(Ok(_))) = tokio::time::timeout(DISCARDED_PAUSE_MAX, left.frame()).await {}
    }));
}

/// What the body says.
fn decompress(head: &Parts, body: Bytes) -> Result<Bytes, Failure> {
    let encoding = head.headers.get(CONTENT_ENCODING).map(|encoding| encoding.to_str().unwrap_or("?").trim());
    match encoding.map(str::to_ascii_lowercase).as_deref() {
        None | Some("" | "identity") => Ok(body),
        Some("gzip" | "x-gzip") => inflate(GzDecoder::new(&*body)),
        Some("deflate") => inflate(ZlibDecoder::new(&*body)),
        Some(_) => Err(Failure::Encoding),
    }
}

fn inflate(reader: impl Read) -> Result<Bytes, Failure> {
    let mut text = Vec::new();
    // One byte more than is allowed tells whether there is more.
    let read = reader.take(BODY_BYTES_MAX as u64 + 1).read_to_end(&mut text);
    match read {
        Ok(_) if text.len() > BODY_BYTES_MAX => Err(Failure::BodyTooLarge),
        Ok(_) => Ok(text.into()),
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

    fn into_response(self, head: &Parts, origins: Origins) -> Response {
        let mut headers = self.extra;
        let mut body = self.body;
        if let Some(kind) = self.kind {
            headers.insert(CONTENT_TYPE, kind);
            if body.len() >= COMPRESSED_BYTES_MIN {
                headers.insert(VARY, HeaderValue::from_static("accept-encoding"));
                if accepts_gzip(&head.headers)
                    && let Ok(compressed) = gzip(&body)
                {
                    body = compressed;
                    headers.insert(CONTENT_ENCODING, HeaderValue::from_static("gzip"));
                }
            }
        }
        headers.insert(REQUEST_ID, request_id());
        headers.insert(CHECKSUM, crc32fast::hash(&body).into());
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
    }
}
