//! From a gRPC request to a call on the stack.

use crate::Grpc;
use crate::status::{overloaded, status};
use cairn_auth::AuthenticationError;
use cairn_ops::{Caller, Operation};
use cairn_stack::{Authenticated, Call, CallBytes};
use cairn_storage::Engine;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tonic::metadata::MetadataMap;
use tonic::{Extensions, Request, Response, Status};

impl<E: Engine> Grpc<E> {
    /// Decodes a request into an operation, has it done, and encodes its answer.
    pub(crate) async fn call<R, O: Operation, A>(
        &self,
        request: Request<R>,
        decode: impl FnOnce(R) -> cairn_ops::Result<O>,
        encode: impl FnOnce(O::Output) -> A,
    ) -> Result<Response<A>, Status> {
        self.call_or(request, decode, encode, Err).await
    }

    /// As [`call`](Self::call), where some errors may be answers: `recover` gives them as such.
    pub(crate) async fn call_or<R, O: Operation, A>(
        &self,
        request: Request<R>,
        decode: impl FnOnce(R) -> cairn_ops::Result<O>,
        encode: impl FnOnce(O::Output) -> A,
        recover: impl FnOnce(cairn_ops::Error) -> cairn_ops::Result<A>,
    ) -> Result<Response<A>, Status> {
        let caller = caller(request.extensions()).map_err(|error| status(O::KIND, &error))?;
        let deadline = deadline(request.metadata())?;
        let bytes = request.extensions().get::<CallBytes>().cloned();
        let decoded = decode(request.into_inner());
        if let Some(bytes) = bytes {
            bytes.reserve_answer(O::KIND).await.map_err(overloaded)?;
        }
        let done = match decoded {
            Ok(operation) => self.stack.call(Call { caller, operation, deadline }).await,
            Err(error) => Err(error),
        };
        done.map(encode).or_else(recover).map(Response::new).map_err(|error| status(O::KIND, &error))
    }
}

/// Who calls, as the transport found out. A service that authentication was not put around knows nobody.
fn caller(extensions: &Extensions) -> cairn_ops::Result<Caller> {
    match extensions.get::<Authenticated>() {
        Some(authenticated) => authenticated.caller().map_err(cairn_ops::Error::Unauthenticated),
        None => Err(cairn_ops::Error::Unauthenticated(Arc::new(AuthenticationError::Missing))),
    }
}

/// When the caller stops waiting: its `grpc-timeout`, from now.
fn deadline(metadata: &MetadataMap) -> Result<Option<Instant>, Status> {
    let Some(timeout) = metadata.get("grpc-timeout") else { return Ok(None) };
    let timeout = timeout.to_str().ok().and_then(parse_timeout).ok_or_else(|| {
        Status::invalid_argument("grpc-timeout must be 1 to 8 digits and one of H, M, S, m, u, n")
    })?;
    // A deadline beyond the clock's end is none.
    Ok(Instant::now().checked_add(timeout))
}

/// `TimeoutValue TimeoutUnit` of gRPC over HTTP/2.
fn parse_timeout(text: &str) -> Option<Duration> {
    let (digits, unit) = text.split_at_checked(text.len().checked_sub(1)?)?;
    if !(1..=8).contains(&digits.len()) || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let value: u64 = digits.parse().ok()?;
    Some(match unit {
        "H" => Duration::from_secs(value * 3_600),
        "M" => Duration::from_secs(value * 60),
        "S" => Duration::from_secs(value),
        "m" => Duration::from_millis(value),
        "u" => Duration::from_micros(value),
        "n" => Duration::from_nanos(value),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn timeouts_are_read_as_grpc_writes_them() {
        for (text, expected) in [
            ("1S", Some(Duration::from_secs(1))),
            ("100m", Some(Duration::from_millis(100))),
            ("0n", Some(Duration::ZERO)),
            ("99999999H", Some(Duration::from_secs(99_999_999 * 3_600))),
            ("123456789S", None),
            ("S", None),
            ("", None),
            ("1", None),
            ("1x", None),
            ("-1S", None),
            ("1é", None),
        ] {
            assert_eq!(parse_timeout(text), expected, "{text:?}");
        }
    }
}
