//! Runs the cases of `tests/cases` over every protocol and engine.
//!
//! A case is data: calls in DynamoDB's vocabulary and what they must answer (`tests/cases/README.md` describes the
//! format). What a call looks like on a wire is a [`Protocol`]'s affair; nothing else here knows one. What is right
//! stands in the cases, not here.

mod aws_json;
mod case;
mod grpc;
mod iam;
mod matching;
mod protocol;
mod run;
mod servers;
mod template;

pub use aws_json::AwsJsonProtocol;
pub use case::{CaseFile, LoadError};
pub use grpc::GrpcProtocol;
pub use protocol::{ApiError, CallError, Credentials, Protocol};
pub use run::run;
pub use servers::{ServerFault, TestServer};
pub use template::{Scope, expand};
