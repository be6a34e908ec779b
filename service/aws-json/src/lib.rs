//! DynamoDB's own protocol, AWS JSON 1.0: read a request, take it through the stack, write the answer.
//!
//! The one place that knows `X-Amz-Target`, `__type` and typed JSON requests. What an operation means is not here
//! (`cairn-ops`), nor whether a call may happen (`cairn-stack`). A request goes this way:
//!
//! ```text
//! http.rs      is it a request at all: method, content type, sizes; the whole body, as it was sent
//! target.rs    which operation
//! http.rs      who sent it: its signature is of all of it (cairn-stack)
//! http.rs      the body, decompressed
//! shape.rs     its members by their tables: kinds while it is read, then constraints
//! items.rs …   into the operation; parameters of before expressions become expressions (legacy.rs)
//! call.rs      through the stack
//! error.rs     or what went wrong, in one place
//! http.rs      request id, checksum, compression
//! ```

mod backups;
mod batches;
mod call;
mod descriptions;
mod error;
mod http;
mod items;
mod json;
mod legacy;
mod policies;
mod reads;
mod request;
mod shape;
mod tables;
mod target;
mod time_to_live;
mod transactions;
mod value;

pub use crate::http::{BODY_BYTES_MAX, overloaded};

use axum::Router;
use axum::routing::any;
use cairn_stack::{AuthenticateLayer, Stack};
use cairn_storage::Engine;
use std::sync::Arc;

/// The entrance for AWS JSON, at `/`. `authenticate` is to be around it as well: it finds out who sends requests that are
/// not signed.
pub fn routes<E: Engine>(stack: Stack<E>, authenticate: AuthenticateLayer<E>) -> Router {
    let entrance = Arc::new(call::Entrance { stack, authenticate });
    Router::new().route("/", any(http::serve::<E>)).with_state(entrance)
}
