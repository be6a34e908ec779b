//! The parts of the `cairn` binary: settings, the server, the demonstration and the command-line client.
//!
//! A library only so that tests, benchmarks and the demonstration can start the very server that `cairn serve` starts.
//! What a request means is not here (`cairn-ops`), nor how it looks on a wire (`cairn-grpc`).

pub mod cli;
mod demo;
mod edge;
mod identity;
pub mod server;
pub mod settings;
pub mod telemetry;
mod tls;
