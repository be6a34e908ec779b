//! JWTs of configured issuers.
//!
//! The signature is checked with `ring`, and the claims by the injected clock. Of the header only the name of the key
//! (`kid`) is believed: which algorithm a signature must have is a property of the issuer's key, so that neither
//! `none` nor an HMAC keyed with a public key can stand for it.

mod fetch;
mod issuer;
mod keys;

pub(crate) use issuer::Issuer;

use crate::{AuthenticationError, Reason};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use keys::Algorithm;
use serde::Deserialize;
use serde_json::{Map, Value};
use std::sync::Arc;

/// The largest token, in characters.
pub(crate) const TOKEN_MAX: usize = 8_192;

/// A token that has been read but proves nothing yet.
pub(crate) struct Unverified<'a> {
    signed: &'a str,
    signature: Vec<u8>,
    algorithm: Option<Algorithm>,
    kid: Option<String>,
    claims: Map<String, Value>,
}

/// What a token that proved genuine says.
#[derive(Clone, Debug)]
pub(crate) struct Claims {
    pub(crate) all: Map<String, Value>,
    pub(crate) subject: String,
    /// Seconds since 1970.
    pub(crate) expires: i64,
    pub(crate) issued: Option<i64>,
    pub(crate) not_before: Option<i64>,
}

#[derive(Deserialize)]
struct Header {
    alg: String,
    #[serde(default)]
    kid: Option<String>,
    /// Extensions that must be understood: there are none that are.
    #[serde(default)]
    crit: Option<serde::de::IgnoredAny>,
}

impl<'a> Unverified<'a> {
    /// Reads a token.
    pub(crate) fn read(token: &'a str) -> Result<Self, AuthenticationError> {
        if token.len() > TOKEN_MAX {
            return Err(AuthenticationError::Incomplete("the token is too long"));
        }
        let malformed = || AuthenticationError::UnrecognizedClient(Reason::MalformedToken);
        let (signed, signature) = token.rsplit_once('.').ok_or_else(malformed)?;
        let (header, payload) = signed.split_once('.').ok_or_else(malformed)?;
        let decode = |part: &str| URL_SAFE_NO_PAD.decode(part).map_err(|_| malformed());
        let header: Header = serde_json::from_slice(&decode(header)?).map_err(|_| malformed())?;
        if header.crit.is_some() {
            return Err(malformed());
        }
        Ok(Self {
            signed,
            signature: decode(signature)?,
            algorithm: Algorithm::named(&header.alg),
            kid: header.kid,
            claims: serde_json::from_slice(&decode(payload)?).map_err(|_| malformed())?,
        })
    }

    /// The issuer that the token claims to be of.
    pub(crate) fn issuer(&self) -> Option<&str> {
        self.claims.get("iss")?.as_str()
    }

    /// Checks everything there is to check, with the keys of the issuer that the token claims.
    pub(crate) async fn verify(self, issuer: &Arc<Issuer>) -> Result<(Claims, u64), AuthenticationError> {
        let refused = AuthenticationError::UnrecognizedClient;
        let (key, generation) = issuer.key(self.kid.as_deref()).await?;
        if self.algorithm != Some(key.algorithm()) {
            return Err(refused(Reason::Algorithm));
        }
        if !key.verifies(self.signed.as_bytes(), &self.signature) {
            return Err(AuthenticationError::InvalidSignature);
        }
        if !texts(self.claims.get("aud")).iter().any(|audience| issuer.accepts_audience(audience)) {
            return Err(refused(Reason::Audience));
        }
        let time = |name: &str| match self.claims.get(name) {
            None => Ok(None),
            Some(value) => match seconds(value) {
                Some(seconds) => Ok(Some(seconds)),
                None => Err(refused(Reason::Claims)),
            },
        };
        let (expires, issued, not_before) = (time("exp")?, time("iat")?, time("nbf")?);
        let subject = self.claims.get("sub").and_then(Value::as_str).filter(|subject| !subject.is_empty());
        let (Some(expires), Some(subject)) = (expires, subject) else {
            return Err(refused(Reason::Claims));
        };
        let subject = subject.to_owned();
        let claims = Claims { all: self.claims, subject, expires, issued, not_before };
        issuer.check_times(&claims)?;
        Ok((claims, generation))
    }
}

/// The texts of a claim: of a list all that are texts, of a number or boolean how it is written.
pub(crate) fn texts(claim: Option<&Value>) -> Vec<String> {
    match claim {
        Some(Value::String(text)) => vec![text.clone()],
        Some(Value::Bool(value)) => vec![value.to_string()],
        Some(Value::Number(number)) => vec![number.to_string()],
        Some(Value::Array(values)) => values.iter().filter_map(Value::as_str).map(str::to_owned).collect(),
        Some(Value::Null | Value::Object(_)) | None => Vec::new(),
    }
}

/// A time as JWTs have it: seconds since 1970, possibly with a fraction.
fn seconds(value: &Value) -> Option<i64> {
    const MAX: f64 = 253_402_300_799.0; // the end of the year 9999
    let seconds = value.as_f64()?;
    #[allow(clippy::cast_possible_truncation, reason = "it was looked at just now")]
    (0.0..=MAX).contains(&seconds).then_some(seconds.floor() as i64)
}
