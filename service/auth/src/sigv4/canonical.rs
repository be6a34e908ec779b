//! The one form of a request that both sides sign, however its sender wrote it.

use super::key::hex;
use super::{ALGORITHM, SignedRequest};
use http::header::HOST;
use ring::digest::{SHA256, digest};
use std::borrow::Cow;

/// The SHA-256 of a body as it was sent, in hexadecimal digits.
#[derive(Clone, Debug)]
pub struct BodyHash(String);

impl BodyHash {
    /// Hashes a body, at about a gigabyte a second.
    pub fn of(body: &[u8]) -> Self {
        Self(hex(digest(&SHA256, body).as_ref()))
    }

    pub(super) fn digits(&self) -> &str {
        &self.0
    }
}

/// The canonical request, with these headers signed; `None` if it lacks one of them.
pub(super) fn request<'h>(
    request: &SignedRequest<'_>,
    query: &str,
    signed_headers: impl Iterator<Item = &'h str> + Clone,
    body: &BodyHash,
) -> Option<Vec<u8>> {
    let mut canonical = Vec::with_capacity(512 + query.len());
    canonical.extend_from_slice(request.method.as_str().as_bytes());
    canonical.push(b'\n');
    canonical.extend_from_slice(path(request.path).as_bytes());
    canonical.push(b'\n');
    canonical.extend_from_slice(query.as_bytes());
    canonical.push(b'\n');
    for name in signed_headers.clone() {
        canonical.extend_from_slice(name.as_bytes());
        canonical.push(b':');
        push_values(request, name, &mut canonical)?;
        canonical.push(b'\n');
    }
    canonical.push(b'\n');
    for (place, name) in signed_headers.enumerate() {
        if place > 0 {
            canonical.push(b';');
        }
        canonical.extend_from_slice(name.as_bytes());
    }
    canonical.push(b'\n');
    canonical.extend_from_slice(body.digits().as_bytes());
    Some(canonical)
}

/// What is signed. `time` is in the basic format, `scope` is all of the credential after its access key.
pub(super) fn string_to_sign(time: &str, scope: &str, canonical_request: &[u8]) -> String {
    let hash = hex(digest(&SHA256, canonical_request).as_ref());
    [ALGORITHM, time, scope, &hash].join("\n")
}

/// The values of a header, each without needless whitespace.
fn push_values(request: &SignedRequest<'_>, name: &str, to: &mut Vec<u8>) -> Option<()> {
    let mut values = request.headers.get_all(name).iter().peekable();
    if values.peek().is_none() {
        // HTTP/2 has it elsewhere.
        let authority = request.authority.filter(|_| name == HOST.as_str())?;
        to.extend_from_slice(authority.as_bytes());
        return Some(());
    }
    for (place, value) in values.enumerate() {
        if place > 0 {
            to.push(b',');
        }
        let is_space = |byte: &u8| matches!(byte, b' ' | b'\t');
        let words = value.as_bytes().split(is_space).filter(|word| !word.is_empty());
        for (place, word) in words.enumerate() {
            if place > 0 {
                to.push(b' ');
            }
            to.extend_from_slice(word);
        }
    }
    Some(())
}

/// A path without `.`, `..` and empty segments, encoded once more than it was sent: so it is for every service but S3.
pub(super) fn path(path: &str) -> Cow<'_, str> {
    if matches!(path, "/" | "") {
        return Cow::Borrowed("/");
    }
    let mut segments = Vec::new();
    for segment in path.split('/') {
        match segment {
            "" | "." => {}
            ".." => drop(segments.pop()),
            segment => segments.push(segment),
        }
    }
    let mut canonical = String::with_capacity(path.len() + 16);
    for segment in &segments {
        canonical.push('/');
        push_encoded(segment.as_bytes(), &mut canonical);
    }
    if path.ends_with('/') || segments.is_empty() {
        canonical.push('/');
    }
    Cow::Owned(canonical)
}

/// The parameters of a query string, decoded.
pub(super) fn parameters(query: &str) -> impl Iterator<Item = (Vec<u8>, Vec<u8>)> + '_ {
    let pairs = (!query.is_empty()).then(|| query.split('&')).into_iter().flatten();
    pairs.map(|pair| {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        (decoded(name), decoded(value))
    })
}

/// Parameters in their order, encoded anew.
pub(super) fn query<'p>(parameters: impl Iterator<Item = (&'p [u8], &'p [u8])>) -> String {
    let mut encoded: Vec<(String, String)> =
        parameters.map(|(name, value)| (encoded(name), encoded(value))).collect();
    encoded.sort_unstable();
    let mut canonical = String::new();
    for (name, value) in &encoded {
        if !canonical.is_empty() {
            canonical.push('&');
        }
        canonical.push_str(name);
        canonical.push('=');
        canonical.push_str(value);
    }
    canonical
}

/// Every byte but the unreserved characters of RFC 3986 as `%XX`, in upper case.
pub(super) fn encoded(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len());
    push_encoded(bytes, &mut text);
    text
}

fn push_encoded(bytes: &[u8], to: &mut String) {
    const DIGITS: &[u8; 16] = b"0123456789ABCDEF";
    for byte in bytes {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~') {
            to.push(char::from(*byte));
            continue;
        }
        to.push('%');
        let digits = [byte >> 4, byte & 15];
        to.extend(digits.iter().filter_map(|digit| DIGITS.get(usize::from(*digit))).map(|d| char::from(*d)));
    }
}

/// The bytes behind `%XX`; what is not of that form stands for itself, as does `+`.
fn decoded(text: &str) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        let escaped = match (first, after) {
            (b'%', [high, low, after @ ..]) => {
                hex_digit(*high).zip(hex_digit(*low)).map(|pair| (pair, after))
            }
            _ => None,
        };
        rest = match escaped {
            Some(((high, low), after)) => {
                bytes.push(high << 4 | low);
                after
            }
            None => {
                bytes.push(*first);
                after
            }
        };
    }
    bytes
}

fn hex_digit(byte: u8) -> Option<u8> {
    char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok())
}
