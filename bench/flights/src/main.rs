//! `cairn-flights`: a year of flights through a server.

// A program speaks to its user on standard output and standard error.
#![allow(clippy::print_stdout, clippy::print_stderr)]

use cairn_flights::{Options, run};
use clap::Parser;
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// Loads a file of flights into a server, restarts the server, and reads every flight back
#[derive(Debug, Parser)]
#[command(name = "cairn-flights", version, max_term_width = 110)]
struct Cli {
    /// The CSV file, as `fetch.py` gets it
    csv: PathBuf,
    /// The `cairn` program to run [default: the one beside this program]
    #[arg(long, value_name = "PROGRAM")]
    server: Option<PathBuf>,
    /// The folder for the data, empty or not there yet; kept [default: a temporary one, removed in the end]
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// Keep the temporary folder, and say where it is
    #[arg(long, conflicts_with = "data")]
    keep: bool,
    /// Only the first N flights
    #[arg(long, value_name = "N", value_parser = at_least_one)]
    limit: Option<usize>,
    /// Calls under way at once
    #[arg(long, value_name = "N", default_value = "64", value_parser = at_least_one)]
    callers: usize,
    /// Connections that they share
    #[arg(long, value_name = "N", default_value = "2", value_parser = at_least_one)]
    connections: usize,
}

fn at_least_one(text: &str) -> Result<usize, String> {
    text.parse().ok().filter(|number| *number > 0).ok_or_else(|| "it must be a number, at least 1".into())
}

fn main() -> ExitCode {
    match check(Cli::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("cairn-flights: {}", with_causes(&*error));
            ExitCode::FAILURE
        }
    }
}

fn check(cli: Cli) -> Result<(), Box<dyn std::error::Error>> {
    let program = match cli.server {
        Some(program) => program,
        None => std::env::current_exe()?.with_file_name("cairn"),
    };
    let temporary = match &cli.data {
        Some(data) => {
            must_be_empty(data)?;
            None
        }
        None => Some(tempfile::Builder::new().prefix("cairn-flights-").disable_cleanup(cli.keep).tempdir()?),
    };
    let data = cli.data.or_else(|| temporary.as_ref().map(|folder| folder.path().to_owned()));
    let options = Options {
        program,
        csv: cli.csv,
        data: data.unwrap_or_default(),
        limit: cli.limit,
        callers: cli.callers,
        connections: cli.connections,
    };
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let done = runtime.block_on(run(&options, &mut io::stdout()));
    if cli.keep {
        println!("kept      {}", options.data.display());
    }
    Ok(done?)
}

fn must_be_empty(folder: &Path) -> Result<(), Box<dyn std::error::Error>> {
    match std::fs::read_dir(folder).map(|mut entries| entries.next().is_none()) {
        Ok(true) => Ok(()),
        Ok(false) => Err(format!("the folder {} is not empty", folder.display()).into()),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
        Err(error) => Err(error.into()),
    }
}

/// An error and what caused it, on one line.
fn with_causes(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text.push_str(": ");
        text.push_str(&error.to_string());
        cause = error.source();
    }
    text
}
