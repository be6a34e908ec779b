//! Why a client's command failed, and how that reads.

use super::credentials::CredentialsError;
use super::input::InputError;
use super::output::printable;
use super::tls::TlsError;
use cairn_model::ValueError;
use std::borrow::Cow;
use std::fmt::Write;
use std::io;
use std::time::Duration;
use tonic::{Code, Status, TimeoutExpired};
use tonic_types::StatusExt;

/// Why a client's command failed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ClientError {
    /// No connection could be made.
    #[error("no server answers at {endpoint}")]
    Connect {
        /// Where.
        endpoint: String,
        /// Why.
        #[source]
        source: RootCause,
    },
    /// The server does not use TLS.
    #[error("the server at {endpoint} does not use TLS: it answers in plain HTTP")]
    PlainServer {
        /// Where.
        endpoint: String,
    },
    /// The server uses TLS.
    #[error("the server at {endpoint} uses TLS: it does not answer in plain HTTP")]
    TlsServer {
        /// Where.
        endpoint: String,
    },
    /// A call was refused, and what it was given is not the key of the table.
    #[error("{refusal}")]
    NotTheKey {
        /// The refusal.
        refusal: Box<Self>,
        /// The table as it was named, and its key.
        key_of_table: String,
    },
    /// There are credentials that cannot be used.
    #[error(transparent)]
    Credentials(#[from] CredentialsError),
    /// TLS cannot be used as asked.
    #[error(transparent)]
    Tls(#[from] TlsError),
    /// The server answered with an error, or the connection broke.
    #[error("{}", describe(.0))]
    Call(Box<Status>),
    /// No answer came in time.
    #[error(
        "DEADLINE_EXCEEDED: no answer in the time that --timeout gives; a write may have been done all the same"
    )]
    Timeout,
    /// An argument's JSON cannot be used.
    #[error(transparent)]
    Input(#[from] InputError),
    /// A call about one of several JSON texts failed.
    #[error("{place}")]
    Document {
        /// Which.
        place: String,
        /// Why.
        source: Box<Self>,
    },
    /// The condition was false.
    #[error("FAILED_PRECONDITION: The conditional request failed")]
    ConditionFailed,
    /// The item that was asked for is not there.
    #[error("there is no item with this key")]
    NoSuchItem,
    /// A call that was simulated would be denied.
    #[error("not every call would be allowed")]
    WouldBeDenied,
    /// What was waited for did not happen.
    #[error("the table is not {awaited} after {} s; it may yet be", .after.as_secs())]
    Waited {
        /// What it should be.
        awaited: &'static str,
        /// How long that was waited for.
        after: Duration,
    },
    /// The table that was waited for is going or gone.
    #[error("the table was deleted in the meantime")]
    TableDeleted,
    /// The answer lacks what the API promises.
    #[error("the answer has no {0}: is this a Cairn server?")]
    Incomplete(&'static str),
    /// The answer holds an item that this version cannot read.
    #[error("the answer holds an item that cannot be read")]
    Unreadable(#[from] ValueError),
    /// Standard output cannot be written to.
    #[error("cannot write to standard output")]
    Output(#[source] io::Error),
}

impl ClientError {
    /// What to do about it, if there is something.
    pub(crate) fn hint(&self) -> Option<Cow<'static, str>> {
        let hint = match self {
            Self::Connect { .. } => Some(
                "Start one with `cairn serve`, or say where it is with --endpoint URL or CAIRN_ENDPOINT.",
            ),
            Self::Call(status) if status.code() == Code::Unauthenticated => Some(
                "Say who calls with CAIRN_ACCESS_KEY_ID and CAIRN_SECRET_ACCESS_KEY, CAIRN_TOKEN, or --token-file.",
            ),
            Self::Call(_) if self.is_of_connection() => Some(
                "The connection failed; if it always does, something else than Cairn may be listening there.",
            ),
            Self::PlainServer { .. } => Some("Begin the endpoint with http:// instead of https://."),
            Self::TlsServer { .. } => Some("Begin the endpoint with https:// instead of http://."),
            Self::NotTheKey { key_of_table, .. } => return Some(key_of_table.clone().into()),
            Self::Document { source, .. } => return source.hint(),
            _ => None,
        };
        hint.map(Cow::Borrowed)
    }

    /// Whether a connection could not be made or broke, rather than that the server answered something.
    pub(crate) fn is_of_connection(&self) -> bool {
        match self {
            Self::Connect { .. } => true,
            // What the server itself answers has no cause here.
            Self::Call(status) => std::error::Error::source(&**status).is_some(),
            Self::Document { source, .. } => source.is_of_connection(),
            _ => false,
        }
    }
}

impl From<Status> for ClientError {
    fn from(status: Status) -> Self {
        // The deadline is watched on both sides, and either may be first to say that it has passed.
        if status.code() == Code::DeadlineExceeded || is_caused_by::<TimeoutExpired>(&status) {
            return Self::Timeout;
        }
        Self::Call(Box::new(status))
    }
}

fn is_caused_by<E: std::error::Error + 'static>(error: &dyn std::error::Error) -> bool {
    std::iter::successors(error.source(), |error| error.source()).any(|error| error.is::<E>())
}

/// The innermost cause of an error, for errors whose outer layers repeat it and add nothing.
#[derive(Debug, thiserror::Error)]
#[error("{text}")]
pub(crate) struct RootCause {
    text: String,
}

impl RootCause {
    pub(crate) fn of(error: &dyn std::error::Error) -> Self {
        let innermost = std::iter::successors(Some(error), |error| error.source()).last().unwrap_or(error);
        Self { text: innermost.to_string() }
    }
}

/// A status as `CODE: message`, with the field at fault, the resource and the time to wait if the server gave them.
fn describe(status: &Status) -> String {
    let mut text = format!("{}: {}", code_name(status.code()), printable(status.message()));
    // Writing to a string does not fail.
    if let Some(bad) = status.get_details_bad_request() {
        for violation in bad.field_violations.iter().filter(|violation| !violation.field.is_empty()) {
            let _ = write!(text, " (field {})", printable(&violation.field));
        }
    }
    if let Some(resource) = status.get_details_resource_info()
        && !status.message().contains(&resource.resource_name)
    {
        let _ = write!(text, " ({})", printable(&resource.resource_name));
    }
    if let Some(delay) = status.get_details_retry_info().and_then(|info| info.retry_delay) {
        let _ = write!(text, " (try again in {delay:?})");
    }
    text
}

/// The name of a code as gRPC spells it.
fn code_name(code: Code) -> &'static str {
    match code {
        Code::Ok => "OK",
        Code::Cancelled => "CANCELLED",
        Code::Unknown => "UNKNOWN",
        Code::InvalidArgument => "INVALID_ARGUMENT",
        Code::DeadlineExceeded => "DEADLINE_EXCEEDED",
        Code::NotFound => "NOT_FOUND",
        Code::AlreadyExists => "ALREADY_EXISTS",
        Code::PermissionDenied => "PERMISSION_DENIED",
        Code::ResourceExhausted => "RESOURCE_EXHAUSTED",
        Code::FailedPrecondition => "FAILED_PRECONDITION",
        Code::Aborted => "ABORTED",
        Code::OutOfRange => "OUT_OF_RANGE",
        Code::Unimplemented => "UNIMPLEMENTED",
        Code::Internal => "INTERNAL",
        Code::Unavailable => "UNAVAILABLE",
        Code::DataLoss => "DATA_LOSS",
        Code::Unauthenticated => "UNAUTHENTICATED",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tonic_types::ErrorDetails;

    fn printed(code: Code, message: &str, details: ErrorDetails) -> String {
        ClientError::from(Status::with_error_details(code, message, details)).to_string()
    }

    #[test]
    fn an_error_names_its_code_and_the_field() {
        let details = ErrorDetails::with_bad_request_violation("item[\"Id\"]", "wrong");
        assert_eq!(
            printed(Code::InvalidArgument, "It is wrong", details),
            r#"INVALID_ARGUMENT: It is wrong (field item["Id"])"#
        );
        let details = ErrorDetails::with_bad_request_violation("", "wrong");
        assert_eq!(printed(Code::InvalidArgument, "It is wrong", details), "INVALID_ARGUMENT: It is wrong");
    }

    #[test]
    fn an_error_names_the_resource_unless_its_message_does() {
        let details = ErrorDetails::with_resource_info("cairn.v1.Table", "Orders", "", "");
        assert_eq!(printed(Code::NotFound, "Not there", details.clone()), "NOT_FOUND: Not there (Orders)");
        assert_eq!(printed(Code::NotFound, "No Orders there", details), "NOT_FOUND: No Orders there");
    }

    #[test]
    fn an_error_says_when_to_try_again() {
        let mut details = ErrorDetails::with_retry_info(Some(Duration::from_millis(25)));
        details.set_error_info("THROTTLING", "cairn", []);
        assert_eq!(
            printed(Code::ResourceExhausted, "Too much", details),
            "RESOURCE_EXHAUSTED: Too much (try again in 25ms)"
        );
    }

    #[test]
    fn a_deadline_that_passes_is_one_error_whoever_notices() {
        let by_server = Status::deadline_exceeded("The deadline of the call has passed");
        let by_client = Status::from_error(Box::new(TimeoutExpired(())));
        for status in [by_server, by_client] {
            assert!(matches!(ClientError::from(status), ClientError::Timeout));
        }
    }
}
