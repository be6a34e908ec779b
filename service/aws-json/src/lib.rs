//! DynamoDB's own protocol, AWS JSON 1.0: read a request, take it through the stack, write the answer.
//!
//! The one place that knows `X-Amz-Target`, `__type` and typed JSON requests. What an operation means is not here
//! (`cairn-ops`), nor whether a call may happen (`cairn-stack`). A request goes this way:
//!
//! ```text
//! http.rs      is it a request at all: method, content type, sizes; the whole body, as it was sent
//! target.rs    which operation
//! http.rs      the body, decompressed
//! shape.rs     its members by their tables: kinds while it is read, then constraints
//! items.rs …   into the operation; parameters of before expressions become expressions (legacy.rs)
//! call.rs      through the stack
//! error.rs     or what went wrong, in one place
//! http.rs      request id, checksum, compression
//! ```

mod batches;
mod call;
mod error;
mod http;
mod items;
mod json;
mod legacy;
mod reads;
mod request;
mod shape;
mod tables;
mod target;
mod transactions;
mod value;

pub use crate::http::BODY_BYTES_MAX;

use axum::Router;
use axum::routing::any;
use cairn_stack::Stack;
use cairn_storage::Engine;
use std::sync::Arc;

/// The entrance for AWS JSON, at `/`.
pub fn routes<E: Engine>(stack: Stack<E>) -> Router {
    let entrance = Arc::new(call::Entrance { stack });
    Router::new().route("/", any(http::serve::<E>)).with_state(entrance)
}
