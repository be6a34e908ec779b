//! What can be wrong with a signature before it is computed anew.

use super::{SERVICE, TERMINATOR};
use std::fmt;

/// Why a request's signature is not even compared. The texts are AWS's, without what they repeat of the request: a log
/// that they end up in holds nothing a request could be made with.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SignatureError {
    /// The `Authorization` header lacks parameters, or the request has no date.
    #[error("{}Authorization=AWS4-HMAC-SHA256", Requirements(.parameters, *.date))]
    HeaderLacks {
        /// The parameters.
        parameters: Vec<&'static str>,
        /// Whether there is no date.
        date: bool,
    },
    /// The query string lacks parameters.
    #[error("{}Re-examine the query-string parameters.", QueryRequirements(.0))]
    QueryLacks(Vec<&'static str>),
    /// Signed in an `Authorization` header and in the query string.
    #[error("Found both 'X-Amz-Algorithm' as a query-string param and 'Authorization' as HTTP header.")]
    HeaderAndQuery,
    /// A parameter or header that a signature is made of is there more than once.
    #[error("'{0}' must not be given more than once.")]
    Repeated(&'static str),
    /// A part cannot be read.
    #[error("{0}")]
    Malformed(&'static str),
    /// Something has more parts than any client sends, or is longer.
    #[error("The request has too many or too long {0} to be checked.")]
    TooMuch(&'static str),
    /// Another algorithm.
    #[error("Unsupported AWS 'algorithm': it must be 'AWS4-HMAC-SHA256'.")]
    Algorithm,
    /// The date of the credential's scope is not that of the request.
    #[error(
        "Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from HTTP: '{scope}' != \
         '{date}', from '{time}'."
    )]
    ScopeDate {
        /// The scope's.
        scope: String,
        /// The request's day.
        date: String,
        /// The request's date.
        time: String,
    },
    /// The credential's scope is of another region than the one that is asked for.
    #[error("Credential should be scoped to a valid region, which is '{0}'.")]
    ScopeRegion(String),
    /// The credential's scope is of another service.
    #[error("Credential should be scoped to correct service: '{SERVICE}'.")]
    ScopeService,
    /// The credential's scope ends in something else.
    #[error("Credential should be scoped with a valid terminator: '{TERMINATOR}'.")]
    ScopeTerminator,
    /// A header is not signed that must be.
    #[error("'{0}' must be a 'SignedHeader' in the AWS Authorization.")]
    NotSigned(String),
    /// `x-amz-content-sha256` is not the body's hash: another body, or none is signed.
    #[error("The provided 'x-amz-content-sha256' header does not match what was computed.")]
    BodyHash,
    /// The signature was made too long ago.
    #[error("Signature expired: {time} is now earlier than {earliest} ({now} - {minutes} min.)")]
    Expired {
        /// When it was made.
        time: String,
        /// The earliest that is taken now.
        earliest: String,
        /// The server's time.
        now: String,
        /// How old a signature may be, in minutes.
        minutes: i64,
    },
    /// The signature is not of this time yet.
    #[error("Signature not yet current: {time} is still later than {latest} ({now} + 5 min.)")]
    NotYetCurrent {
        /// When it was made.
        time: String,
        /// The latest that is taken now.
        latest: String,
        /// The server's time.
        now: String,
    },
}

impl SignatureError {
    /// The name of the exception on the AWS protocols.
    pub fn code(&self) -> &'static str {
        if self.is_incomplete() { "IncompleteSignatureException" } else { "InvalidSignatureException" }
    }

    /// Whether the signature lacks something or cannot be read, rather than being there and not right.
    pub fn is_incomplete(&self) -> bool {
        matches!(
            self,
            Self::HeaderLacks { .. }
                | Self::QueryLacks(_)
                | Self::Repeated(_)
                | Self::Malformed(_)
                | Self::TooMuch(_)
                | Self::Algorithm
        )
    }
}

struct Requirements<'a>(&'a [&'static str], bool);

impl fmt::Display for Requirements<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for parameter in self.0 {
            write!(f, "Authorization header requires '{parameter}' parameter. ")?;
        }
        if self.1 {
            f.write_str(
                "Authorization header requires existence of either a 'X-Amz-Date' or a 'Date' header. ",
            )?;
        }
        Ok(())
    }
}

struct QueryRequirements<'a>(&'a [&'static str]);

impl fmt::Display for QueryRequirements<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for parameter in self.0 {
            write!(f, "AWS query-string parameters must include '{parameter}'. ")?;
        }
        Ok(())
    }
}
