//! `cairn`: the table service, and a client for it.

use clap::Parser;
use std::process::ExitCode;

/// Requests are many small allocations on many threads, which this allocator does faster than the system's.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    cairn_server::cli::run(cairn_server::cli::Cli::parse())
}
