//! The AWS SDK for Rust against a server that checks every signature and throttles: a world of its own for each test.

// Tests stop by panicking, and so does what they share.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

mod conditions;
mod errors;
mod legacy;
mod lifecycle;
mod pages;
mod signatures;
mod support;
mod throttling;
mod transactions;
