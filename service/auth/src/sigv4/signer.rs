//! The client's side: signs a request as the AWS SDKs do. For our own tools and tests, and from the same canonical form
//! that signatures are checked with; what that form has to be is told by the AWS vectors and by botocore's requests.

use super::canonical::{self, BodyHash};
use super::key::{SigningKey, hex};
use super::{ALGORITHM, SERVICE, SignedRequest, TERMINATOR, date, presented};
use crate::Secret;
use http::header::{AUTHORIZATION, CONTENT_TYPE, HOST, InvalidHeaderValue};
use http::uri::{InvalidUri, PathAndQuery};
use http::{HeaderName, HeaderValue, request::Parts};
use jiff::Timestamp;

const X_AMZ_DATE: HeaderName = HeaderName::from_static("x-amz-date");
const SECURITY_TOKEN: HeaderName = HeaderName::from_static("x-amz-security-token");

/// Signs requests to Cairn with an access key.
#[derive(Clone, Debug)]
pub struct Signer {
    /// The access key.
    pub access_key_id: String,
    /// Its secret.
    pub secret_access_key: Secret,
    /// The session token, if the key is that of a session.
    pub session_token: Option<Secret>,
    /// The region to scope the signature to.
    pub region: String,
}

/// Why a request cannot be signed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SigningError {
    /// The request has neither a `host` header nor an authority.
    #[error("a request needs a host to be signed")]
    NoHost,
    /// The access key, session token or region is not of a form that a header can hold.
    #[error("the access key cannot be written into a header")]
    Header(#[from] InvalidHeaderValue),
    /// The request's URI cannot be extended.
    #[error("the signature cannot be written into the URI")]
    Uri(#[from] InvalidUri),
    /// The request's URI is not one that can be sent.
    #[error("the signed URI is not one")]
    UriParts(#[from] http::uri::InvalidUriParts),
}

impl Signer {
    /// Signs a request in its `Authorization` header, at a time (the client's, usually now). Its `host`,
    /// `content-type` and `x-amz-*` headers are signed and must not change thereafter.
    pub fn sign(&self, head: &mut Parts, body: &[u8], at: Timestamp) -> Result<(), SigningError> {
        let time = date::basic(at);
        head.headers.remove(AUTHORIZATION);
        head.headers.insert(X_AMZ_DATE, HeaderValue::from_str(&time)?);
        if let Some(token) = &self.session_token {
            head.headers.insert(SECURITY_TOKEN, sensitive(token.expose())?);
        }
        let names = signed_headers(head, true);
        let request = SignedRequest::new(head, body);
        let query = canonical_query(request.query, &[]);
        let signature = self.signature(&request, &time, &query, &names)?;
        let value = format!(
            "{ALGORITHM} Credential={}/{}, SignedHeaders={}, Signature={signature}",
            self.access_key_id,
            self.scope(&time),
            names.join(";")
        );
        head.headers.insert(AUTHORIZATION, sensitive(&value)?);
        Ok(())
    }

    /// Signs a request in its query string, so that whoever has the URL can send it for `expires_seconds` (at most
    /// 604,800). Its `host` and `x-amz-*` headers are signed and must be sent along.
    pub fn presign(
        &self,
        head: &mut Parts,
        body: &[u8],
        at: Timestamp,
        expires_seconds: u32,
    ) -> Result<(), SigningError> {
        let time = date::basic(at);
        head.headers.remove(AUTHORIZATION);
        let names = signed_headers(head, false);
        let (credential, expires) =
            (format!("{}/{}", self.access_key_id, self.scope(&time)), expires_seconds.to_string());
        let (joined, token) = (names.join(";"), self.session_token.as_ref().map(Secret::expose));
        let mut added = vec![
            (presented::QUERY_ALGORITHM, ALGORITHM),
            (presented::QUERY_CREDENTIAL, &*credential),
            (presented::QUERY_DATE, &*time),
            (presented::QUERY_EXPIRES, &*expires),
            (presented::QUERY_SIGNED_HEADERS, &*joined),
        ];
        added.extend(token.map(|token| (presented::QUERY_TOKEN, token)));
        let request = SignedRequest::new(head, body);
        let query = canonical_query(request.query, &added);
        let signature = self.signature(&request, &time, &query, &names)?;
        let path = format!("{}?{query}&{}={signature}", head.uri.path(), presented::QUERY_SIGNATURE);
        let mut uri = std::mem::take(&mut head.uri).into_parts();
        uri.path_and_query = Some(PathAndQuery::try_from(path)?);
        head.uri = http::Uri::from_parts(uri)?;
        Ok(())
    }

    fn signature(
        &self,
        request: &SignedRequest<'_>,
        time: &str,
        query: &str,
        names: &[String],
    ) -> Result<String, SigningError> {
        let body = BodyHash::of(request.body);
        let names = names.iter().map(String::as_str);
        let canonical = canonical::request(request, query, names, &body).ok_or(SigningError::NoHost)?;
        let text = canonical::string_to_sign(time, &self.scope(time), &canonical);
        let key = SigningKey::derive(&self.secret_access_key, day(time), &self.region, SERVICE);
        Ok(hex(key.sign(text.as_bytes()).as_ref()))
    }

    fn scope(&self, time: &str) -> String {
        [day(time), &self.region, SERVICE, TERMINATOR].join("/")
    }
}

fn day(time: &str) -> &str {
    time.get(..8).unwrap_or_default()
}

fn sensitive(value: &str) -> Result<HeaderValue, InvalidHeaderValue> {
    let mut value = HeaderValue::from_str(value)?;
    value.set_sensitive(true);
    Ok(value)
}

/// The headers to sign, in ascending order.
fn signed_headers(head: &Parts, content_type: bool) -> Vec<String> {
    let names = head.headers.keys().map(HeaderName::as_str);
    let wanted = |name: &&str| name.starts_with("x-amz-") || content_type && *name == CONTENT_TYPE.as_str();
    let mut names: Vec<String> = names.filter(wanted).chain([HOST.as_str()]).map(str::to_owned).collect();
    names.sort_unstable();
    names
}

fn canonical_query(query: &str, added: &[(&str, &str)]) -> String {
    let given: Vec<_> = canonical::parameters(query).collect();
    let added = added.iter().map(|(name, value)| (name.as_bytes(), value.as_bytes()));
    canonical::query(given.iter().map(|(name, value)| (&**name, &**value)).chain(added))
}
