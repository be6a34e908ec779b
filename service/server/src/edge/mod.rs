//! What stands between the network and the protocols: limits on connections and calls, and on the memory that they take.
//!
//! A request passes these layers in this order, outermost first:
//!
//! ```text
//! connection.rs     how long a connection may be silent, and how old it may become; the limits of HTTP/2
//! answer_bytes.rs   memory for large requests and answers, held until the last byte has left
//! in_flight.rs      calls under way, in all and of one address
//! ```
//!
//! `addresses.rs` counts by address. Nothing here knows what a request asks for, but for telling a health check and which
//! protocol a refusal has to be in.

mod addresses;
mod answer_bytes;
mod connection;
mod held;
mod in_flight;

pub(crate) use addresses::{AddressLimit, Addresses};
pub(crate) use answer_bytes::AnswerBytesLayer;
pub(crate) use connection::{CLOSE_WAIT, ConnectionLimits, serve};
pub(crate) use in_flight::InFlight;
