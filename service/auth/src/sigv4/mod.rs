//! Requests signed with AWS Signature Version 4: what is signed, with which key, and whether it is what came.
//!
//! Nothing here knows who there is; that is [`Authenticator::authenticate_signed`](crate::Authenticator). A request is
//! signed in its `Authorization` header, or in its query string (a presigned URL), never in both:
//!
//! ```text
//! presented.rs   the signature as the request presents it: whose key, which scope, when, which headers
//! canonical.rs   the canonical request, and the string that is signed
//! key.rs         the signing key of a day and a region, and the signature itself
//! date.rs        the dates of requests
//! signer.rs      the same from the other side: signs a request
//! ```
//!
//! # What must be signed
//!
//! The method, path, query string and body always are. Of the headers, `host` must be among the signed ones, every
//! `x-amz-*` header that the request has, and `date` where the signature's time comes from there. `content-type` need
//! not be: AWS's documentation asks for it, its services do not, and presigned URLs are sent with whatever type the
//! sender adds. The body counts as it was sent, compressed or not; `UNSIGNED-PAYLOAD` and signed chunks, which other
//! services have, are refused.
//!
//! # Regions
//!
//! AWS insists that a signature is scoped to the region of the endpoint. A Cairn is of one region and has one address,
//! and its clients have whatever region they happen to be set up with; so any is taken, unless the operator asks for
//! one ([`AuthenticationSettings::signing_region`](crate::AuthenticationSettings)). The service and the terminator of
//! the scope are always checked: a signature made for another service is of no use here.

mod canonical;
mod date;
mod error;
mod key;
mod presented;
mod signer;
#[cfg(test)]
mod tests;

pub use error::SignatureError;
pub use signer::{Signer, SigningError};

pub use canonical::BodyHash;

pub(crate) use key::SigningKey;
pub(crate) use presented::{Presented, claimed_access_key};

use http::header::AUTHORIZATION;
use http::{HeaderMap, Method};

/// The algorithm, the only one: of the version 4 signatures, that with an asymmetric key is not for access keys.
const ALGORITHM: &str = "AWS4-HMAC-SHA256";
/// `Authorization` headers with signatures begin so, whichever the algorithm.
const SCHEME_PREFIX: &str = "AWS4-";
/// The end of every credential scope.
const TERMINATOR: &str = "aws4_request";
/// The service that signatures are scoped to: also those of the streams' operations.
pub(crate) const SERVICE: &str = "dynamodb";

/// A whole request, as it was sent.
#[derive(Clone, Copy, Debug)]
pub struct SignedRequest<'r> {
    /// Its method.
    pub method: &'r Method,
    /// Its path, encoded as it was sent.
    pub path: &'r str,
    /// What follows the `?`, encoded as it was sent; empty if nothing does.
    pub query: &'r str,
    /// The authority that HTTP/2 has in place of a `host` header.
    pub authority: Option<&'r str>,
    /// Its headers, all of them.
    pub headers: &'r HeaderMap,
    /// Its body as it was sent, before any decompression.
    pub body: &'r [u8],
}

impl<'r> SignedRequest<'r> {
    /// The request with this head and body.
    pub fn new(head: &'r http::request::Parts, body: &'r [u8]) -> Self {
        Self {
            method: &head.method,
            path: head.uri.path(),
            query: head.uri.query().unwrap_or_default(),
            authority: head.uri.authority().map(http::uri::Authority::as_str),
            headers: &head.headers,
            body,
        }
    }

    /// Whether it is signed, rightly or not: in a header or in the query string.
    pub fn is_signed(&self) -> bool {
        self.headers.get_all(AUTHORIZATION).iter().any(is_signature) || self.is_presigned()
    }

    /// Whether it is signed in the query string.
    pub fn is_presigned(&self) -> bool {
        presented::is_presigned(self.query)
    }
}

/// Whether an `Authorization` header is a signature and no other kind of credential.
pub fn is_signature(authorization: &http::HeaderValue) -> bool {
    authorization.as_bytes().trim_ascii_start().starts_with(SCHEME_PREFIX.as_bytes())
}
