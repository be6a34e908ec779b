//! Cairn's gRPC API as Rust: the messages, clients and servers of `proto/cairn/v1`.
//!
//! All of it is generated, and committed: `cargo run -p cairn-api-codegen` brings it up to date. Values and items are
//! the types of `cairn-model`, which encode themselves; nothing here knows what a request means.

mod codec;
mod secret;

pub use codec::{Codec, MessageDecoder, MessageEncoder};

/// The `domain` of every `google.rpc.ErrorInfo`.
pub const ERROR_DOMAIN: &str = "cairn";

/// The largest message that clients of this repository accept, in bytes: more than any response takes
/// (`proto/cairn/v1/item_service.proto` says how much they do). Clients of gRPC accept 4 MiB unless they are told.
pub const RESPONSE_BYTES_MAX: usize = 256 * 1024 * 1024;

/// The descriptors of all definitions and of what they import, as an encoded `google.protobuf.FileDescriptorSet`:
/// what server reflection serves.
pub const FILE_DESCRIPTOR_SET: &[u8] = include_bytes!("generated/cairn_v1.bin");

/// The package `cairn.v1`.
// The service generator drops the indentation of list items in comments.
#[allow(clippy::doc_lazy_continuation)]
pub mod v1 {
    include!("generated/cairn.v1.rs");
}
