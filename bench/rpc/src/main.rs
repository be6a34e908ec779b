//! PutItem and GetItem, durable, over gRPC beside a bare tonic echo of the same payload, and in signed AWS JSON beside a
//! bare HTTP/1.1 one: what Cairn adds to a call. What of that is each protocol's. And queries and scans beside the
//! engine's own scan, and beside a bare tonic server that sends as much.
//!
//! Every server is a process of its own on this machine, driven by this one over loopback, so client and server share
//! the cores; of the reads it says what each of them spends. Cairn's does not throttle (`--capacity-limits false`): a
//! table's limit is not what is measured. Rounds alternate between the servers, so that a machine that slows down slows
//! all of them; the ratios are of medians.

// The figures go to standard output.
#![allow(clippy::print_stdout, clippy::print_stderr)]

mod breakdown;
mod cpu;
mod echo;
mod http_calls;
mod load;
mod reads;
mod rpc;

use breakdown::Breakdown;
use cairn_server_process::{ServerError, ServerProcess};
use clap::Parser;
use cpu::Process;
use echo::Addresses;
use load::{Caller, Figures};
use reads::{ReadFigures, ReadSummary, Way};
use rpc::Kind;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};
use tonic::transport::Channel;

/// The server's own, so that the bare server differs from it in what it does and not in how it allocates.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

#[derive(Debug, Parser)]
#[command(
    about = "PutItem and GetItem over gRPC and in AWS JSON beside bare echoes; reads beside the engine"
)]
struct Options {
    /// Calls under way at once
    #[arg(long, default_value_t = 64)]
    callers: usize,
    /// Connections they share over gRPC; over HTTP/1.1 each has its own
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
    /// Measure only reads of many items
    #[arg(long)]
    only_reads: bool,
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
    #[error("a server has ended early")]
    Ended,
    #[error("the system does not say what time a process has spent")]
    NoProcessTime,
    #[error("cannot connect")]
    Connect(#[from] tonic::transport::Error),
    #[error("a call failed")]
    Call(#[from] tonic::Status),
    #[error("a request could not be made")]
    Request(#[from] http::Error),
    #[error("a request could not be sent")]
    Http(#[from] hyper::Error),
    #[error("a request could not be signed")]
    Sign(#[from] cairn_auth::SigningError),
    #[error("a request was refused: {status} {body}")]
    Refused { status: http::StatusCode, body: String },
    #[error("what should have been answered was not")]
    Missing,
    #[error("the service in this process failed")]
    InProcess(#[source] Box<dyn std::error::Error + Send + Sync>),
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
    let done = if options.echo { echo::serve(&options).await } else { compare(&options).await };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}: {error:?}");
            ExitCode::FAILURE
        }
    }
}

/// The echo server in a process of its own, ended when this is dropped.
async fn start_echo(options: &Options) -> Result<(Child, Addresses), Error> {
    let mut child = Command::new(std::env::current_exe()?)
        .arg("--echo")
        .args(["--items", &options.items.to_string()])
        .args(["--item-bytes", &options.item_bytes.to_string()])
        .stdout(std::process::Stdio::piped())
        .kill_on_drop(true)
        .spawn()?;
    let output = child.stdout.take().ok_or(Error::NoAddress)?;
    let line = BufReader::new(output).lines().next_line().await?.ok_or(Error::NoAddress)?;
    Ok((child, serde_json::from_str(&line).map_err(|_| Error::NoAddress)?))
}

async fn compare(options: &Options) -> Result<(), Error> {
    let program = match &options.server {
        Some(program) => program.clone(),
        None => std::env::current_exe()?.with_file_name("cairn"),
    };
    let folder = tempfile::tempdir()?;
    let (echo_server, echoes) = start_echo(options).await?;
    let data = folder.path().join("data");
    let server = ServerProcess::start(&program, &data).await?;
    let echo = rpc::connect(echoes.grpc, options.connections).await?;
    let cairn = rpc::connect(server.address(), options.connections).await?;
    println!(
        "{} B items, {} callers, {} connections, {} rounds of {} s; client and servers on {} cores",
        options.item_bytes,
        options.callers,
        options.connections,
        options.rounds,
        options.seconds,
        std::thread::available_parallelism()?,
    );
    let processes = [process_of(server.id())?, process_of(echo_server.id())?];
    if !options.only_reads {
        compare_calls(&echo, &cairn, [server.address(), echoes.http], processes, options).await?;
        print_breakdown(options).await?;
    }
    let reads = measure_reads(&cairn, &echo, processes, options).await?;
    drop((echo, cairn));
    server.stop().await?;
    let engine = reads::engine_scan(&data, options.rounds).await?;
    print_reads(&engine, &reads);
    Ok(())
}

fn process_of(id: Option<u32>) -> Result<Process, Error> {
    id.map(Process::Id).ok_or(Error::Ended)
}

/// PutItem and GetItem beside the echoes.
async fn compare_calls(
    echo: &[Channel],
    cairn: &[Channel],
    [cairn_http, echo_http]: [SocketAddr; 2],
    [cairn_process, echo_process]: [Process; 2],
    options: &Options,
) -> Result<(), Error> {
    rpc::prepare(cairn, options).await?;
    let signer = match cairn.first() {
        Some(channel) => http_calls::signer(channel).await?,
        None => return Err(Error::NoAddress),
    };
    let mut grpc = [
        Measured::new(echo_process, rpc::callers(echo, Kind::Put, options)),
        Measured::new(cairn_process, rpc::callers(cairn, Kind::Put, options)),
        Measured::new(cairn_process, rpc::callers(cairn, Kind::Get, options)),
    ];
    let signed = Some(&signer);
    let mut json = [
        Measured::new(echo_process, http_calls::callers(echo_http, Kind::Put, None, options)?),
        Measured::new(cairn_process, http_calls::callers(cairn_http, Kind::Put, signed, options)?),
        Measured::new(cairn_process, http_calls::callers(cairn_http, Kind::Get, signed, options)?),
    ];
    // One round uncounted: connections, caches and the allocator warm up.
    for round in 0..=options.rounds {
        for measured in &mut grpc {
            measured.round(round > 0, options).await?;
        }
        for measured in &mut json {
            measured.round(round > 0, options).await?;
        }
    }
    println!(
        "{:<24} {:>10} {:>10} {:>10} {:>12} {:>16} {:>16}",
        "call", "calls/s", "p50 µs", "p99 µs", "of the echo", "server µs/call", "client µs/call"
    );
    let groups = [
        ("over gRPC", grpc.map(|measured| load::median(measured.figures))),
        ("in signed AWS JSON", json.map(|measured| load::median(measured.figures))),
    ];
    for (protocol, figures) in groups {
        let ceiling = figures.first().copied().flatten();
        println!("{protocol}");
        for (name, figures) in ["echo, unsigned", "PutItem", "GetItem"].iter().zip(figures) {
            let (Some(figures), Some(ceiling)) = (figures, ceiling) else { continue };
            println!(
                "  {name:<22} {:>10.0} {:>10} {:>10} {:>11.0}% {:>16.1} {:>16.1}",
                figures.calls_per_second,
                figures.p50_us,
                figures.p99_us,
                100.0 * figures.calls_per_second / ceiling.calls_per_second,
                figures.server_us,
                figures.client_us,
            );
        }
    }
    Ok(())
}

/// Callers of one kind, and what their rounds came to.
struct Measured<C> {
    server: Process,
    callers: Vec<C>,
    figures: Vec<Figures>,
}

impl<C: Caller> Measured<C> {
    fn new(server: Process, callers: Vec<C>) -> Self {
        Self { server, callers, figures: Vec::new() }
    }

    async fn round(&mut self, counts: bool, options: &Options) -> Result<(), Error> {
        let callers = std::mem::take(&mut self.callers);
        let (callers, figures) =
            load::round(callers, self.server, Duration::from_secs(options.seconds)).await?;
        self.callers = callers;
        if counts {
            self.figures.push(figures);
        }
        Ok(())
    }
}

/// What of a call is its protocol's.
async fn print_breakdown(options: &Options) -> Result<(), Error> {
    println!(
        "\n{:<24} {:>16} {:>14} {:>14} {:>14}",
        "µs/call, in one process", "layers and work", "+ protobuf", "+ JSON", "+ signature"
    );
    for (name, kind) in [("PutItem", Kind::Put), ("GetItem", Kind::Get)] {
        let Breakdown { stack, protobuf, json, signature } = breakdown::measure(kind, options).await?;
        println!("{name:<24} {stack:>16.1} {protobuf:>14.1} {json:>14.1} {signature:>14.1}");
    }
    Ok(())
}

const WAYS: [(&str, Way); 3] =
    [("StreamScan", Way::Stream), ("Scan, page by page", Way::Scan), ("Query of 100 items", Way::Queries)];

/// For each way of reading, rounds of Cairn's and of the bare server's.
type Reads = [[Vec<ReadFigures>; 2]; WAYS.len()];

/// Reads of many items from Cairn and from the bare server, which are processes of their own.
async fn measure_reads(
    cairn: &[Channel],
    echo: &[Channel],
    processes: [Process; 2],
    options: &Options,
) -> Result<Reads, Error> {
    reads::prepare(cairn, options).await?;
    let length = Duration::from_secs(options.seconds);
    let mut reads = Reads::default();
    // One round uncounted, as for the calls.
    for round in 0..=options.rounds {
        for ((_, way), figures) in WAYS.iter().zip(&mut reads) {
            for ((channels, process), figures) in [cairn, echo].iter().zip(processes).zip(figures) {
                let measured = reads::round(channels, process, *way, options, length).await?;
                if round > 0 {
                    figures.push(measured);
                }
            }
        }
    }
    Ok(reads)
}

/// Reads of many items beside the engine's and the bare server's. Client and server share the machine, so besides what
/// they come to together it says what the server alone spends on an item, how much of that the engine and a bare tonic
/// server would spend as well (the rest is Cairn's), and what the client does.
fn print_reads(engine: &[ReadFigures], reads: &Reads) {
    let engine = ReadSummary::of(engine);
    println!(
        "\n{:<20} {:>10} {:>14} {:>14} {:>15} {:>18} {:>15}",
        "reading many",
        "items/s",
        "of the engine",
        "of bare tonic",
        "server µs/item",
        "engine and tonic",
        "client µs/item"
    );
    let of = |part: f64, whole: f64| format!("{:.0}%", 100.0 * part / whole);
    let line = |name: &str, read: &ReadSummary, of_bare: &str, both: &str, client: &str| {
        println!(
            "{name:<20} {:>10.0} {:>14} {of_bare:>14} {:>15.2} {both:>18} {client:>15}",
            read.items_per_second,
            of(read.items_per_second, engine.items_per_second),
            read.server_us,
        );
    };
    line("engine's own scan", &engine, "", "", "");
    for ((name, _), [read, bare]) in WAYS.iter().zip(reads) {
        let (read, bare) = (ReadSummary::of(read), ReadSummary::of(bare));
        let of_bare = of(read.items_per_second, bare.items_per_second);
        let both = of(engine.server_us + bare.server_us, read.server_us);
        line(name, &read, &of_bare, &both, &format!("{:.2}", read.client_us));
        line("  bare tonic", &bare, "100%", "", &format!("{:.2}", bare.client_us));
    }
}
