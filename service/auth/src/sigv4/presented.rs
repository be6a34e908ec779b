//! A signature as a request presents it, in a header or in the query string.

use super::canonical::{self, BodyHash};
use super::key::{Signature, SigningKey, read_signature};
use super::{ALGORITHM, SERVICE, SignatureError, SignedRequest, TERMINATOR, date, is_signature};
use crate::AuthenticationError;
use http::header::{AUTHORIZATION, DATE};
use http::{HeaderMap, HeaderValue};
use jiff::{SignedDuration, Timestamp};

/// How far the clocks of client and server may be apart.
const SKEW: SignedDuration = SignedDuration::from_mins(5);
/// How long a presigned URL may be good for, in seconds: a week.
const EXPIRES_MAX: i64 = 7 * 24 * 60 * 60;
/// The most headers that may be signed, the longest `Authorization` header and query string in bytes, and the most
/// parameters of either: several times what clients send, and little to read.
const SIGNED_HEADERS_MAX: usize = 64;
const HEADER_BYTES_MAX: usize = 4 * 1024;
const QUERY_BYTES_MAX: usize = 16 * 1024;
const PARAMETERS_MAX: usize = 64;

const X_AMZ_DATE: &str = "x-amz-date";
const SECURITY_TOKEN: &str = "x-amz-security-token";
const CONTENT_SHA256: &str = "x-amz-content-sha256";
const X_AMZ_PREFIX: &str = "x-amz-";
const HOST: &str = "host";

pub(super) const QUERY_ALGORITHM: &str = "X-Amz-Algorithm";
pub(super) const QUERY_CREDENTIAL: &str = "X-Amz-Credential";
pub(super) const QUERY_DATE: &str = "X-Amz-Date";
pub(super) const QUERY_EXPIRES: &str = "X-Amz-Expires";
pub(super) const QUERY_SIGNED_HEADERS: &str = "X-Amz-SignedHeaders";
pub(super) const QUERY_SIGNATURE: &str = "X-Amz-Signature";
pub(super) const QUERY_TOKEN: &str = "X-Amz-Security-Token";

const BAD_CREDENTIAL: SignatureError = SignatureError::Malformed(
    "Credential must have exactly 5 slash-delimited elements, e.g. keyid/date/region/service/term.",
);
const BAD_DATE: SignatureError = SignatureError::Malformed("Date must be in ISO-8601 'basic format'.");
const BAD_EXPIRES: SignatureError = SignatureError::Malformed(
    "X-Amz-Expires must be a positive number of seconds, and no more than a week's: 604800.",
);
const BAD_HEADER: SignatureError = SignatureError::Malformed(
    "Authorization header must be 'AWS4-HMAC-SHA256', a space, and parameters of the form name=value with commas \
     between them.",
);

/// A signature, and all that it is to be checked with but the key. Nothing about it is proved yet.
pub(crate) struct Presented {
    pub(crate) access_key_id: String,
    pub(crate) session_token: Option<String>,
    /// `YYYYMMDD`.
    pub(crate) date: String,
    pub(crate) region: String,
    service: String,
    terminator: String,
    /// The signature's time, in the basic format.
    time: String,
    made: Timestamp,
    /// How many seconds it is good for, if it says so.
    expires: Option<i64>,
    /// In lower case, separated by semicolons, in ascending order.
    signed_headers: String,
    signature: Option<Signature>,
    /// All parameters but the signature.
    canonical_query: String,
}

impl Presented {
    /// The signature that a request has.
    ///
    /// # Errors
    /// [`Missing`](AuthenticationError::Missing) if it has none.
    pub(crate) fn read(request: &SignedRequest<'_>) -> Result<Self, AuthenticationError> {
        if request.query.len() > QUERY_BYTES_MAX {
            return Err(SignatureError::TooMuch("query-string parameters").into());
        }
        let mut headers = request.headers.get_all(AUTHORIZATION).iter();
        match (headers.next(), headers.next(), is_presigned(request.query)) {
            (Some(_), _, true) => Err(SignatureError::HeaderAndQuery.into()),
            (Some(_), Some(_), false) => Err(SignatureError::Repeated("Authorization").into()),
            (Some(header), None, false) if is_signature(header) => Ok(Self::in_header(request, header)?),
            (None, None, true) => Ok(Self::in_query(request)?),
            (_, _, false) | (None, Some(_), true) => Err(AuthenticationError::Missing),
        }
    }

    fn in_header(request: &SignedRequest<'_>, header: &HeaderValue) -> Result<Self, SignatureError> {
        if header.len() > HEADER_BYTES_MAX {
            return Err(SignatureError::TooMuch("characters in its Authorization header"));
        }
        let header = header.to_str().map_err(|_| BAD_HEADER)?.trim();
        let (algorithm, parameters) = header.split_once(' ').unwrap_or((header, ""));
        if algorithm != ALGORITHM {
            return Err(SignatureError::Algorithm);
        }
        let (mut credential, mut signature, mut signed_headers) = (None, None, None);
        let parameters = parameters.split([',', ' ']).filter(|parameter| !parameter.is_empty());
        for (place, parameter) in parameters.enumerate() {
            if place >= PARAMETERS_MAX {
                return Err(SignatureError::TooMuch("parameters in its Authorization header"));
            }
            let (name, value) = parameter.split_once('=').ok_or(BAD_HEADER)?;
            let (known, name) = match name {
                "Credential" => (&mut credential, "Credential"),
                "Signature" => (&mut signature, "Signature"),
                "SignedHeaders" => (&mut signed_headers, "SignedHeaders"),
                _ => return Err(BAD_HEADER),
            };
            if known.replace(value).is_some() {
                return Err(SignatureError::Repeated(name));
            }
        }
        let amz_date = one(request.headers, X_AMZ_DATE, "X-Amz-Date")?;
        let dated = match amz_date {
            Some(date) => Some((date, X_AMZ_DATE)),
            None => one(request.headers, DATE.as_str(), "Date")?.map(|date| (date, DATE.as_str())),
        };
        let (Some(credential), Some(signature), Some(signed_headers), Some((dated, date_header))) =
            (credential, signature, signed_headers, dated)
        else {
            let parameters = [
                ("Credential", credential.is_none()),
                ("Signature", signature.is_none()),
                ("SignedHeaders", signed_headers.is_none()),
            ];
            let parameters = parameters.into_iter().filter_map(|(name, lacks)| lacks.then_some(name));
            return Err(SignatureError::HeaderLacks {
                parameters: parameters.collect(),
                date: dated.is_none(),
            });
        };
        let made = match date_header {
            X_AMZ_DATE => date::parse_basic(dated),
            _ => date::parse_header(dated),
        };
        let made = made.ok_or(BAD_DATE)?;
        let presented = Self {
            session_token: one(request.headers, SECURITY_TOKEN, "X-Amz-Security-Token")?.map(str::to_owned),
            time: date::basic(made),
            made,
            expires: None,
            signed_headers: signed_headers.to_owned(),
            signature: read_signature(signature.as_bytes()),
            canonical_query: canonical_query(request.query)?,
            ..Self::of_credential(credential)?
        };
        presented.check_headers(request, Some(date_header))?;
        Ok(presented)
    }

    fn in_query(request: &SignedRequest<'_>) -> Result<Self, SignatureError> {
        const NAMES: [&str; 7] = [
            QUERY_ALGORITHM,
            QUERY_CREDENTIAL,
            QUERY_SIGNATURE,
            QUERY_SIGNED_HEADERS,
            QUERY_DATE,
            QUERY_EXPIRES,
            QUERY_TOKEN,
        ];
        let all = parameters(request.query)?;
        let mut values: [Option<&str>; 7] = [None; 7];
        for (name, value) in &all {
            let known = NAMES.iter().zip(&mut values).find(|(known, _)| known.as_bytes() == name);
            let Some((name, known)) = known else { continue };
            let value = std::str::from_utf8(value)
                .map_err(|_| SignatureError::Malformed("AWS query-string parameters must be ASCII."))?;
            if known.replace(value).is_some() {
                return Err(SignatureError::Repeated(name));
            }
        }
        let [algorithm, credential, signature, signed_headers, dated, expires, token] = values;
        let (Some(algorithm), Some(credential), Some(signature), Some(signed_headers), Some(dated)) =
            (algorithm, credential, signature, signed_headers, dated)
        else {
            let lacks = NAMES.iter().zip(values).take(5).filter(|(_, value)| value.is_none());
            return Err(SignatureError::QueryLacks(lacks.map(|(name, _)| *name).collect()));
        };
        if algorithm != ALGORITHM {
            return Err(SignatureError::Algorithm);
        }
        let made = date::parse_basic(dated).ok_or(BAD_DATE)?;
        let expires = expires.map(|seconds| {
            let digits = !seconds.is_empty() && seconds.bytes().all(|byte| byte.is_ascii_digit());
            let seconds = digits.then(|| seconds.parse().ok()).flatten();
            seconds.filter(|seconds| (1..=EXPIRES_MAX).contains(seconds)).ok_or(BAD_EXPIRES)
        });
        let signed = all.iter().filter(|(name, _)| name != QUERY_SIGNATURE.as_bytes());
        let presented = Self {
            session_token: token.map(str::to_owned),
            time: date::basic(made),
            made,
            expires: expires.transpose()?,
            signed_headers: signed_headers.to_owned(),
            signature: read_signature(signature.as_bytes()),
            canonical_query: canonical::query(signed.map(|(name, value)| (&**name, &**value))),
            ..Self::of_credential(credential)?
        };
        presented.check_headers(request, None)?;
        Ok(presented)
    }

    /// What a credential says; the rest is to be filled in.
    fn of_credential(credential: &str) -> Result<Self, SignatureError> {
        let mut elements = credential.split('/');
        let mut element = || elements.next().filter(|element| !element.is_empty()).ok_or(BAD_CREDENTIAL);
        let presented = Self {
            access_key_id: element()?.to_owned(),
            date: element()?.to_owned(),
            region: element()?.to_owned(),
            service: element()?.to_owned(),
            terminator: element()?.to_owned(),
            session_token: None,
            time: String::new(),
            made: Timestamp::UNIX_EPOCH,
            expires: None,
            signed_headers: String::new(),
            signature: None,
            canonical_query: String::new(),
        };
        if elements.next().is_some() {
            return Err(BAD_CREDENTIAL);
        }
        Ok(presented)
    }

    /// That all headers are signed that must be, and that they are named in the one way there is.
    fn check_headers(
        &self,
        request: &SignedRequest<'_>,
        date_header: Option<&str>,
    ) -> Result<(), SignatureError> {
        let mut before = "";
        for (place, name) in self.signed_headers().enumerate() {
            if place >= SIGNED_HEADERS_MAX {
                return Err(SignatureError::TooMuch("signed headers"));
            }
            if name <= before || name.bytes().any(|byte| byte.is_ascii_uppercase()) {
                return Err(SignatureError::Malformed(
                    "SignedHeaders must be names in lower case, in ascending order, with semicolons between them.",
                ));
            }
            before = name;
        }
        let is_signed = |header: &str| self.signed_headers().any(|signed| signed == header);
        let amz = request.headers.keys().map(http::HeaderName::as_str);
        let amz = amz.filter(|name| name.starts_with(X_AMZ_PREFIX));
        match [HOST].into_iter().chain(date_header).chain(amz).find(|name| !is_signed(name)) {
            Some(HOST) => Err(SignatureError::NotSigned("Host' or ':authority".to_owned())),
            Some(name) => Err(SignatureError::NotSigned(name.to_owned())),
            None => Ok(()),
        }
    }

    fn signed_headers(&self) -> impl Iterator<Item = &str> + Clone {
        self.signed_headers.split(';')
    }

    /// That the credential is scoped to this service, to the day of the request, and to `region` if one is asked for.
    pub(crate) fn check_scope(&self, region: Option<&str>) -> Result<(), SignatureError> {
        if self.terminator != TERMINATOR {
            return Err(SignatureError::ScopeTerminator);
        }
        if self.service != SERVICE {
            return Err(SignatureError::ScopeService);
        }
        if let Some(region) = region.filter(|region| *region != self.region) {
            return Err(SignatureError::ScopeRegion(region.to_owned()));
        }
        let (day, _) = self.time.split_once('T').unwrap_or_default();
        if self.date != day {
            return Err(SignatureError::ScopeDate {
                // Eight digits, or whatever was there in their stead.
                scope: self.date.chars().take(8).collect(),
                date: day.to_owned(),
                time: self.time.clone(),
            });
        }
        Ok(())
    }

    /// That the signature is of this time.
    pub(crate) fn check_time(&self, now: Timestamp) -> Result<(), SignatureError> {
        let good_for = self.expires.map_or(SKEW, SignedDuration::from_secs);
        // Both are whole seconds, far from the ends of time.
        let age = now.as_second() - self.made.as_second();
        let earlier = |by: SignedDuration| now.checked_sub(by).map_or_else(|_| String::new(), date::basic);
        let later = |by: SignedDuration| now.checked_add(by).map_or_else(|_| String::new(), date::basic);
        if age > good_for.as_secs() {
            return Err(SignatureError::Expired {
                time: self.time.clone(),
                earliest: earlier(good_for),
                now: date::basic(now),
                minutes: good_for.as_mins(),
            });
        }
        if -age > SKEW.as_secs() {
            return Err(SignatureError::NotYetCurrent {
                time: self.time.clone(),
                latest: later(SKEW),
                now: date::basic(now),
            });
        }
        Ok(())
    }

    /// That this key has signed this request.
    pub(crate) fn verify(
        &self,
        request: &SignedRequest<'_>,
        key: &SigningKey,
        body: &BodyHash,
    ) -> Result<(), AuthenticationError> {
        if let Some(announced) = one(request.headers, CONTENT_SHA256, "X-Amz-Content-Sha256")?
            && announced != body.digits()
        {
            return Err(SignatureError::BodyHash.into());
        }
        let text = self.string_to_sign(request, body);
        match (text, &self.signature) {
            (Some(text), Some(signature)) if key.matches(text.as_bytes(), signature) => Ok(()),
            _ => Err(AuthenticationError::InvalidSignature),
        }
    }

    /// What was to be signed; `None` if the request lacks a header that it says is signed.
    pub(super) fn string_to_sign(&self, request: &SignedRequest<'_>, body: &BodyHash) -> Option<String> {
        let canonical = canonical::request(request, &self.canonical_query, self.signed_headers(), body)?;
        let scope = [&*self.date, &*self.region, &*self.service, &*self.terminator].join("/");
        Some(canonical::string_to_sign(&self.time, &scope, &canonical))
    }
}

/// The access key that a signature names, and the session token beside it, whatever else is wrong with the signature.
/// None if it names none, or if there is more than one signature.
pub(crate) fn claimed_access_key(request: &SignedRequest<'_>) -> Option<(String, Option<String>)> {
    let mut headers = request.headers.get_all(AUTHORIZATION).iter();
    let (credential, token) = match (headers.next(), headers.next(), is_presigned(request.query)) {
        (Some(header), None, false) => {
            let parameters = header.to_str().ok()?.split([',', ' ']);
            let credential = parameters.filter_map(|parameter| parameter.strip_prefix("Credential=")).next();
            let token = one(request.headers, SECURITY_TOKEN, "X-Amz-Security-Token").ok()?;
            (credential?.to_owned(), token.map(str::to_owned))
        }
        (None, None, true) => {
            let value = |wanted: &str| {
                let mut all = canonical::parameters(request.query).take(PARAMETERS_MAX);
                let (_, value) = all.find(|(name, _)| name == wanted.as_bytes())?;
                String::from_utf8(value).ok()
            };
            (value(QUERY_CREDENTIAL)?, value(QUERY_TOKEN))
        }
        _ => return None,
    };
    let id = credential.split('/').next().filter(|id| !id.is_empty())?;
    Some((id.to_owned(), token))
}

/// Whether a query string holds a signature.
pub(super) fn is_presigned(query: &str) -> bool {
    // Decoding is for what may be one.
    query.contains("lgorithm")
        && canonical::parameters(query).any(|(name, _)| name == QUERY_ALGORITHM.as_bytes())
}

type Parameters = Vec<(Vec<u8>, Vec<u8>)>;

fn parameters(query: &str) -> Result<Parameters, SignatureError> {
    let parameters: Parameters = canonical::parameters(query).take(PARAMETERS_MAX + 1).collect();
    if parameters.len() > PARAMETERS_MAX {
        return Err(SignatureError::TooMuch("query-string parameters"));
    }
    Ok(parameters)
}

fn canonical_query(query: &str) -> Result<String, SignatureError> {
    let parameters = parameters(query)?;
    Ok(canonical::query(parameters.iter().map(|(name, value)| (&**name, &**value))))
}

/// The value of a header that may be there once.
fn one<'h>(
    headers: &'h HeaderMap,
    name: &str,
    shown: &'static str,
) -> Result<Option<&'h str>, SignatureError> {
    let mut values = headers.get_all(name).iter();
    let Some(value) = values.next() else { return Ok(None) };
    if values.next().is_some() {
        return Err(SignatureError::Repeated(shown));
    }
    // What is no text is no date, hash or token either.
    Ok(Some(value.to_str().map_or("", str::trim)))
}
