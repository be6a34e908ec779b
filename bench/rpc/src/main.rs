//! PutItem and GetItem over gRPC, durable, beside a bare tonic echo of the same payload: what Cairn adds to a call. And
//! queries and scans beside the engine's own scan.
//!
//! Every server is a process of its own on this machine, driven by this one over loopback, so client and server share
//! the cores. Cairn's does not throttle (`--capacity-limits false`): a table's limit is not what is measured. Rounds alternate between the servers, so that a machine that slows down slows all of them; the ratios are
//! of medians.

// The figures go to standard output.
#![allow(clippy::print_stdout, clippy::print_stderr)]

mod echo;
mod load;
mod reads;

use cairn_server_process::{ServerError, ServerProcess};
use clap::Parser;
use load::{Figures, Kind};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};

#[derive(Debug, Parser)]
#[command(about = "PutItem and GetItem over gRPC beside a bare echo")]
struct Options {
    /// Calls under way at once
    #[arg(long, default_value_t = 64)]
    callers: usize,
    /// Connections they share
    #[arg(long, default_value_t = 4)]
    connections: usize,
    /// Rounds of each kind; medians are reported
    #[arg(long, default_value_t = 5)]
    rounds: usize,
    /// Seconds a round lasts
    #[arg(long, default_value_t = 3)]
    seconds: u64,
    /// Bytes of an item
    #[arg(long, default_value_t = 1_024)]
    item_bytes: usize,
    /// Items that are read and written
    #[arg(long, default_value_t = 100_000)]
    items: u64,
    /// The `cairn` program to measure [default: the one beside this program]
    #[arg(long, value_name = "PROGRAM")]
    server: Option<PathBuf>,
    /// Be the echo server and nothing else: for this program's own use
    #[arg(long, hide = true)]
    echo: bool,
}

#[derive(Debug, thiserror::Error)]
enum Error {
    #[error("the echo server could not be started")]
    Start(#[from] std::io::Error),
    #[error("the echo server did not say where it listens")]
    NoAddress,
    #[error("cannot connect")]
    Connect(#[from] tonic::transport::Error),
    #[error("a call failed")]
    Call(#[from] tonic::Status),
    #[error(transparent)]
    Server(#[from] ServerError),
    #[error(transparent)]
    Store(#[from] cairn_storage::Error),
    #[error("a caller ended early")]
    Task(#[from] tokio::task::JoinError),
}

#[tokio::main]
async fn main() -> ExitCode {
    let options = Options::parse();
    let done = if options.echo { echo::serve().await } else { compare(&options).await };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}: {error:?}");
            ExitCode::FAILURE
        }
    }
}

/// The echo server in a process of its own, ended when this is dropped.
async fn start_echo() -> Result<(Child, SocketAddr), Error> {
    let mut child = Command::new(std::env::current_exe()?)
        .arg("--echo")
        .stdout(std::process::Stdio::piped())
        .kill_on_drop(true)
        .spawn()?;
    let output = child.stdout.take().ok_or(Error::NoAddress)?;
    let line = BufReader::new(output).lines().next_line().await?.ok_or(Error::NoAddress)?;
    Ok((child, line.parse().map_err(|_| Error::NoAddress)?))
}

async fn compare(options: &Options) -> Result<(), Error> {
    let program = match &options.server {
        Some(program) => program.clone(),
        None => std::env::current_exe()?.with_file_name("cairn"),
    };
    let folder = tempfile::tempdir()?;
    let (_echo, echo) = start_echo().await?;
    let data = folder.path().join("data");
    let server = ServerProcess::start(&program, &data).await?;
    let echo = load::connect(echo, options.connections).await?;
    let cairn = load::connect(server.address(), options.connections).await?;
    load::prepare(&cairn, options).await?;

    println!(
        "{} B items, {} callers, {} connections, {} rounds of {} s; client and servers on {} cores",
        options.item_bytes,
        options.callers,
        options.connections,
        options.rounds,
        options.seconds,
        std::thread::available_parallelism()?,
    );
    let kinds = [("echo", &echo, Kind::Put), ("PutItem", &cairn, Kind::Put), ("GetItem", &cairn, Kind::Get)];
    let mut figures: [Vec<Figures>; 3] = Default::default();
    let length = Duration::from_secs(options.seconds);
    // One round uncounted: connections, caches and the allocator warm up.
    for round in 0..=options.rounds {
        for ((_, channels, kind), figures) in kinds.iter().zip(&mut figures) {
            let measured = load::round(channels, *kind, options, length).await?;
            if round > 0 {
                figures.push(measured);
            }
        }
    }
    let medians: Vec<Figures> = figures.into_iter().map(load::median).collect();
    let ceiling = medians.first().map_or(f64::NAN, |echo| echo.calls_per_second);
    println!("{:<10} {:>10} {:>10} {:>10} {:>12}", "call", "calls/s", "p50 µs", "p99 µs", "of the echo");
    for ((name, _, _), figures) in kinds.iter().zip(&medians) {
        println!(
            "{name:<10} {:>10.0} {:>10} {:>10} {:>11.0}%",
            figures.calls_per_second,
            figures.p50_us,
            figures.p99_us,
            100.0 * figures.calls_per_second / ceiling
        );
    }

    reads::prepare(&cairn, options).await?;
    let mut rounds = Vec::new();
    for round in 0..=options.rounds {
        let measured = reads::round(&cairn, options, length).await?;
        if round > 0 {
            rounds.push(measured);
        }
    }
    drop((echo, cairn));
    server.stop().await?;
    let engine = reads::engine_scan(&data, options.rounds).await?;
    let figures = reads::median(&rounds);
    println!("\n{:<22} {:>12} {:>24}", "reading many", "items/s", "of the engine's scan");
    for (name, items) in [
        ("engine's own scan", engine),
        ("StreamScan", figures.stream),
        ("Scan, page by page", figures.scan),
        ("Query of 100 items", figures.queries),
    ] {
        println!("{name:<22} {items:>12.0} {:>23.0}%", 100.0 * items / engine);
    }
    Ok(())
}
