//! The command-line client, as a process, against the server that `cairn serve` starts.

// Tests and their helpers fail by panicking.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

mod harness;
mod iam;
mod items;
mod scripted;
mod tables;
mod tls;
mod usage;
