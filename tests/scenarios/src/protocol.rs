//! What a protocol has to do for the cases: one call, in DynamoDB's JSON vocabulary.

use serde::Deserialize;
use serde_json::Value;
use std::fmt;

/// A way to call the service.
pub trait Protocol: Sync {
    /// Does `operation` (`PutItem`) and answers what DynamoDB would: the members of its response. The caller is whoever
    /// has the credentials, or the server's root.
    fn call_as(
        &self,
        caller: Option<&Credentials>,
        operation: &str,
        request: &Value,
    ) -> impl Future<Output = Result<Value, CallError>> + Send;

    /// The same, by the root.
    fn call(
        &self,
        operation: &str,
        request: &Value,
    ) -> impl Future<Output = Result<Value, CallError>> + Send {
        self.call_as(None, operation, request)
    }
}

/// The credentials of a user or of a role's session, as CreateAccessKey and AssumeRole answer them.
#[derive(Clone, Debug, Deserialize)]
pub struct Credentials {
    /// The part that may be known.
    pub access_key_id: String,
    /// The secret.
    pub secret_access_key: String,
    /// The token of a session.
    pub session_token: Option<String>,
}

/// An error of the service, in DynamoDB's vocabulary.
#[derive(Clone, Debug, Default)]
pub struct ApiError {
    /// The exception, such as `ValidationException`.
    pub exception: String,
    /// Its message.
    pub message: String,
    /// The item that a failed condition met, if it was asked for.
    pub item: Option<Value>,
    /// `CancellationReasons`, of a cancelled transaction.
    pub reasons: Option<Value>,
    /// `ThrottlingReasons`, of a throttled call.
    pub throttling: Option<Value>,
}

/// Why a call has no answer.
#[derive(Clone, Debug, thiserror::Error)]
pub enum CallError {
    /// The service refused it.
    #[error("{0}")]
    Api(ApiError),
    /// The case asks for what the protocol cannot say, or the service answered what it must not.
    #[error("{0}")]
    Fault(String),
}

impl fmt::Display for ApiError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.exception, self.message)?;
        if let Some(item) = &self.item {
            write!(f, "\n      item: {item}")?;
        }
        if let Some(reasons) = &self.reasons {
            write!(f, "\n      reasons: {reasons}")?;
        }
        if let Some(throttling) = &self.throttling {
            write!(f, "\n      throttling: {throttling}")?;
        }
        Ok(())
    }
}
