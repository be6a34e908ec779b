//! PutItem and GetItem over gRPC, durable, beside a bare tonic echo of the same payload: what Cairn adds to a call.
//!
//! Every server is a process of its own on this machine, driven by this one over loopback, so client and server share
//! the cores. Rounds alternate between the servers, so that a machine that slows down slows all of them; the ratios are
//! of medians.

// The figures go to standard output.
#![allow(clippy::print_stdout, clippy::print_stderr)]

mod echo;
mod load;

use clap::Parser;
use load::{Figures, Kind};
use std::net::SocketAddr;
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
    /// Be a server and nothing else: for this program's own use
    #[arg(long, hide = true)]
    serve: Option<Served>,
}

#[derive(Clone, Copy, Debug, clap::ValueEnum)]
enum Served {
    Echo,
    Cairn,
}

#[derive(Debug, thiserror::Error)]
enum Error {
    #[error("a server could not be started")]
    Start(#[from] std::io::Error),
    #[error("a server did not say where it listens")]
    NoAddress,
    #[error("cannot connect")]
    Connect(#[from] tonic::transport::Error),
    #[error("a call failed")]
    Call(#[from] tonic::Status),
    #[error("the server failed")]
    Server(#[from] cairn_server::server::ServerError),
    #[error("the settings are wrong")]
    Settings(#[from] cairn_server::settings::SettingsError),
    #[error("a caller ended early")]
    Task(#[from] tokio::task::JoinError),
}

#[tokio::main]
async fn main() -> ExitCode {
    let options = Options::parse();
    let done = match options.serve {
        Some(Served::Echo) => echo::serve().await,
        Some(Served::Cairn) => serve_cairn().await,
        None => compare(&options).await,
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}: {error:?}");
            ExitCode::FAILURE
        }
    }
}

/// Cairn as `cairn serve` runs it, on a fresh folder and a free port.
async fn serve_cairn() -> Result<(), Error> {
    let folder = tempfile::tempdir()?;
    let settings = cairn_server::settings::SettingsInput {
        data: Some(folder.path().join("data")),
        listen: Some(SocketAddr::from(([127, 0, 0, 1], 0))),
        ..Default::default()
    }
    .resolve()?;
    let server = cairn_server::server::Server::start(&settings).await?;
    println!("{}", server.address()?);
    Ok(server.run(cairn_server::server::stop_on_signal()?).await?)
}

/// A server in a process of its own, ended when this is dropped.
async fn start(kind: &str) -> Result<(Child, SocketAddr), Error> {
    let mut child = Command::new(std::env::current_exe()?)
        .args(["--serve", kind])
        .stdout(std::process::Stdio::piped())
        .kill_on_drop(true)
        .spawn()?;
    let output = child.stdout.take().ok_or(Error::NoAddress)?;
    let line = BufReader::new(output).lines().next_line().await?.ok_or(Error::NoAddress)?;
    Ok((child, line.parse().map_err(|_| Error::NoAddress)?))
}

async fn compare(options: &Options) -> Result<(), Error> {
    let (_echo, echo) = start("echo").await?;
    let (_cairn, cairn) = start("cairn").await?;
    let echo = load::connect(echo, options.connections).await?;
    let cairn = load::connect(cairn, options.connections).await?;
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
    Ok(())
}
