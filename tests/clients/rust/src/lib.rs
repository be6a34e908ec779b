//! A server for the SDKs of `tests/clients` to talk to: everything a suite needs of the world around it.
//!
//! The server believes nobody without a signature, throttles, and sweeps for expired items every second. Suites in
//! Rust start a [`World`] each test; those in other languages are run by the program `with-server` and find the same
//! in their environment. What a client must be answered stands in the suites, not here.

mod environment;
mod identities;
mod world;

pub use environment::{Credentials, Environment};
pub use identities::IdentityFault;
pub use world::{World, WorldFault};
