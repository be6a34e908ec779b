//! `cairn`: the table service, and a client for it.

use clap::Parser;
use std::process::ExitCode;

fn main() -> ExitCode {
    cairn_server::cli::run(cairn_server::cli::Cli::parse())
}
