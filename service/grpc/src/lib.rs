//! Cairn's gRPC services: decode a request, take it through the stack, encode the answer.
//!
//! The one place that knows `tonic::Status`. What an operation means is not here (`cairn-ops`), nor whether a call may
//! happen (`cairn-stack`).

mod batch_codec;
mod call;
mod iam_codec;
mod iam_service;
mod item_codec;
mod item_service;
mod known_callers;
mod message_limit;
mod read_codec;
mod reflection;
mod status;
mod table_codec;
mod table_service;
mod transaction_codec;
mod web;

pub use message_limit::{MESSAGE_BYTES_MAX, MessageLimitLayer};
pub use web::for_browsers;

use cairn_api::v1::iam_service_server::IamServiceServer;
use cairn_api::v1::item_service_server::ItemServiceServer;
use cairn_api::v1::table_service_server::TableServiceServer;
use cairn_stack::{Overload, Stack};
use cairn_storage::Engine;
use tonic::service::Routes;
use tonic_health::pb::health_server::{Health, HealthServer};

/// The services over one stack.
pub(crate) struct Grpc<E: Engine> {
    stack: Stack<E>,
}

/// The committed descriptors are not descriptors.
pub use tonic_reflection::server::Error as RoutesError;

/// The largest request to the health service, in bytes.
const HEALTH_REQUEST_BYTES_MAX: usize = 4 * 1024;

/// All gRPC services: tables, items, identities, health and reflection.
///
/// # Errors
/// If the committed descriptors are not descriptors.
pub fn routes<E: Engine>(stack: Stack<E>, health: HealthServer<impl Health>) -> Result<Routes, RoutesError> {
    let reflection = reflection::v1::service()?;
    let reflection_alpha = reflection::v1alpha::service()?;
    // Anyone may ask, with the name of a service.
    let health = health.max_decoding_message_size(HEALTH_REQUEST_BYTES_MAX);
    let tables = TableServiceServer::new(Grpc { stack: stack.clone() })
        .max_decoding_message_size(MESSAGE_BYTES_MAX)
        .max_encoding_message_size(usize::MAX);
    let items = ItemServiceServer::new(Grpc { stack: stack.clone() })
        .max_decoding_message_size(MESSAGE_BYTES_MAX)
        .max_encoding_message_size(usize::MAX);
    let identities = IamServiceServer::new(Grpc { stack })
        .max_decoding_message_size(MESSAGE_BYTES_MAX)
        .max_encoding_message_size(usize::MAX);
    Ok(Routes::new(tables)
        .add_service(items)
        .add_service(identities)
        .add_service(health)
        .add_service(reflection)
        .add_service(reflection_alpha))
}

/// The answer to a call that the server has no room for: nothing was done, and trying again soon is right.
pub fn overloaded(reason: Overload) -> http::Response<tonic::body::Body> {
    status::overloaded(reason).into_http()
}

/// The names under which the services report their health; the empty name stands for all of them.
pub const HEALTH_SERVICE_NAMES: [&str; 4] =
    ["", "cairn.v1.TableService", "cairn.v1.ItemService", "cairn.v1.IamService"];
