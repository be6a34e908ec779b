//! The AWS SDK for Rust against a server that checks every signature and throttles: a world of its own for each test.

mod conditions;
mod errors;
mod legacy;
mod lifecycle;
mod pages;
mod signatures;
mod support;
mod throttling;
mod transactions;
