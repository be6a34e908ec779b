//! A year of flights through a server: loaded, the server restarted, every one read back and compared.
//!
//! A check of a whole server at a size that matters, and a first measure of it. Not a load generator: it makes one kind
//! of call at a time, as fast as its callers go. The server does not throttle (`--capacity-limits false`), as the table
//! would take the flights no faster than it is allowed.

mod callers;
mod clients;
mod flights;
mod progress;

use cairn_server_process::{ServerError, ServerProcess};
pub use callers::CallersError;
pub use flights::{FlightsError, PARTITION_KEY, SORT_KEY};

use cairn_api::v1;
use cairn_model::DecodeBudget;
use callers::Measured;
use clients::{Clients, TABLE, TABLE_TIMEOUT};
use flights::Flights;
use indicatif::{HumanBytes, HumanCount, HumanFloatCount};
use progress::Progress;
use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;
use tonic::Status;

/// How many mismatches are told one by one.
const MISMATCHES_TOLD: usize = 10;
/// The unit of `stat`'s count of blocks.
const BLOCK_BYTES: u64 = 512;

/// What to do.
#[derive(Clone, Debug)]
pub struct Options {
    /// The `cairn` program.
    pub program: PathBuf,
    /// The file of flights.
    pub csv: PathBuf,
    /// The folder for the server's data.
    pub data: PathBuf,
    /// Only so many flights, the first ones.
    pub limit: Option<usize>,
    /// Calls under way at once.
    pub callers: usize,
    /// Connections they share.
    pub connections: usize,
}

/// Why it failed.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The file of flights is of no use.
    #[error("the flights cannot be used")]
    Flights(#[from] FlightsError),
    /// The server did not start or stop in order.
    #[error(transparent)]
    Server(#[from] ServerError),
    /// The server cannot be connected to.
    #[error("cannot connect to the server")]
    Connect(#[from] tonic::transport::Error),
    /// The flights cannot all be loaded.
    #[error("loading failed")]
    Load(#[source] CallersError),
    /// The flights cannot all be read back.
    #[error("reading back failed")]
    Verify(#[source] CallersError),
    /// A call about the table failed.
    #[error("a call about the table failed with {:?}: {}", .0.code(), .0.message())]
    Table(#[source] Box<Status>),
    /// The table was not made in time.
    #[error("the table is not ready after {} s", TABLE_TIMEOUT.as_secs())]
    NotReady,
    /// The data folder cannot be measured.
    #[error("cannot measure the data folder")]
    Measure(#[source] io::Error),
    /// The report cannot be printed.
    #[error("cannot print")]
    Print(#[from] io::Error),
    /// The table does not count the items that were put.
    #[error("the table counts {counted} items, not {expected}")]
    Count {
        /// DescribeTable's count.
        counted: i64,
        /// What it should be.
        expected: usize,
    },
    /// Items are not what was put.
    #[error("{count} items are not what was put")]
    Mismatches {
        /// How many.
        count: usize,
    },
}

/// Loads the flights, restarts the server, and verifies every one; writes what it measures to `out`.
///
/// # Errors
/// If anything fails, or any item is not what was put.
pub async fn run(options: &Options, out: &mut impl io::Write) -> Result<(), Error> {
    let flights = read(options, out)?;
    let server = ServerProcess::start(&options.program, &options.data).await?;
    line(out, "server", format_args!("{} on {}", server.address(), options.data.display()))?;
    load(server.address(), &flights, options, out).await?;

    let stopping = Instant::now();
    server.stop().await?;
    let stopped = stopping.elapsed();
    measure_disk(&options.data, "loaded", out)?;
    let starting = Instant::now();
    let server = ServerProcess::start(&options.program, &options.data).await?;
    line(out, "restart", format_args!("stopped in {stopped:.1?}, serving {:.1?} later", starting.elapsed()))?;

    verify_flights(server.address(), &flights, options, out).await?;
    server.stop().await?;
    measure_disk(&options.data, "tidied up in the meantime", out)
}

/// Verifies that a server holds every flight as its row says, and no more of them; writes what it measures to `out`.
///
/// # Errors
/// If anything fails, or any item is not what its row says.
pub async fn verify(server: SocketAddr, options: &Options, out: &mut impl io::Write) -> Result<(), Error> {
    let flights = read(options, out)?;
    verify_flights(server, &flights, options, out).await
}

fn read(options: &Options, out: &mut impl io::Write) -> Result<Arc<Flights>, Error> {
    let flights = Flights::read(&options.csv, options.limit)?;
    let count = HumanCount(flights.len() as u64);
    line(out, "flights", format_args!("{count} of {} columns; no key twice", flights.columns()))?;
    Ok(Arc::new(flights))
}

async fn load(
    server: SocketAddr,
    flights: &Arc<Flights>,
    options: &Options,
    out: &mut impl io::Write,
) -> Result<(), Error> {
    let clients = Clients::connect(server, options.connections).await?;
    clients.create_table().await?;
    let progress = Progress::new("load", flights.len());
    let source = flights.clone();
    let loaded = callers::run(options.callers, flights.len(), progress.clone(), move |caller, flight| {
        let (client, item) = (clients.of(caller), source.item(flight));
        async move {
            let item = item
                .ok_or_else(|| Status::internal("no such flight"))?
                .map_err(|error| Status::internal(error.to_string()))?;
            let request =
                v1::PutItemRequest { table: TABLE.into(), item: Some(item.into()), ..Default::default() };
            client?.put_item(request).await.map(|_| ())
        }
    })
    .await;
    progress.finish();
    let loaded = loaded.map_err(Error::Load)?;
    let rate = HumanFloatCount(loaded.rate().round());
    line(out, "load", format_args!("{rate} items/s from {} callers: {}", options.callers, Run(&loaded)))
}

async fn verify_flights(
    server: SocketAddr,
    flights: &Arc<Flights>,
    options: &Options,
    out: &mut impl io::Write,
) -> Result<(), Error> {
    let clients = Clients::connect(server, options.connections).await?;
    let table = clients.describe_table().await?;
    let (count, bytes) = (table.item_count.unsigned_abs(), table.table_size_bytes.unsigned_abs());
    line(out, "count", format_args!("{} items of {} together", HumanCount(count), HumanBytes(bytes)))?;
    if usize::try_from(table.item_count) != Ok(flights.len()) {
        return Err(Error::Count { counted: table.item_count, expected: flights.len() });
    }
    let progress = Progress::new("verify", flights.len());
    let mismatches = Arc::new(Mutex::new(Vec::new()));
    let (source, found) = (flights.clone(), mismatches.clone());
    let verified = callers::run(options.callers, flights.len(), progress.clone(), move |caller, flight| {
        let client = clients.of(caller);
        let (source, found) = (source.clone(), found.clone());
        async move {
            let request = v1::GetItemRequest {
                table: TABLE.into(),
                key: source.key(flight).ok_or_else(|| Status::internal("no such flight"))?,
                read_consistency: v1::ReadConsistency::Strong.into(),
                ..Default::default()
            };
            let response = client?.get_item(request).await?.into_inner();
            if let Some(fault) = fault(&source, flight, response) {
                let mut found = found.lock().unwrap_or_else(PoisonError::into_inner);
                found.push(format!("row {}: {fault}", flight + 1));
            }
            Ok(())
        }
    })
    .await;
    progress.finish();
    let verified = verified.map_err(Error::Verify)?;
    let rate = HumanFloatCount(verified.rate().round());
    line(out, "verify", format_args!("{rate} reads/s by {} callers: {}", options.callers, Run(&verified)))?;
    let mismatches = std::mem::take(&mut *mismatches.lock().unwrap_or_else(PoisonError::into_inner));
    for mismatch in mismatches.iter().take(MISMATCHES_TOLD) {
        line(out, "mismatch", format_args!("{mismatch}"))?;
    }
    if !mismatches.is_empty() {
        return Err(Error::Mismatches { count: mismatches.len() });
    }
    line(out, "result", format_args!("every item is as its row says"))
}

/// What is wrong with the item of a flight, if anything is.
fn fault(flights: &Flights, flight: usize, response: v1::GetItemResponse) -> Option<String> {
    match response.item.map(|item| item.into_attributes(&mut DecodeBudget::item())) {
        None => Some("no item".to_owned()),
        Some(Err(_)) => Some("not a valid item".to_owned()),
        Some(Ok(item)) => flights.difference(flight, &item),
    }
}

fn line(out: &mut impl io::Write, what: &str, text: fmt::Arguments<'_>) -> Result<(), Error> {
    writeln!(out, "{what:9} {text}")?;
    Ok(out.flush()?)
}

/// A run in words.
struct Run<'a>(&'a Measured);

impl fmt::Display for Run<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(run) = self;
        let (half, most) = (run.latency(0.5), run.latency(0.99));
        write!(f, "{:.1?}, p50 {half:.1?}, p99 {most:.1?}", run.took)?;
        if run.retries > 0 {
            write!(f, ", {} retries", run.retries)?;
        }
        Ok(())
    }
}

fn measure_disk(data: &Path, state: &str, out: &mut impl io::Write) -> Result<(), Error> {
    let bytes = bytes_on_disk(data).map_err(Error::Measure)?;
    line(out, "disk", format_args!("{} ({} bytes), {state}", HumanBytes(bytes), HumanCount(bytes)))
}

/// What the files under a folder take of the disk, as `du` counts it.
fn bytes_on_disk(folder: &Path) -> io::Result<u64> {
    let mut bytes = 0;
    for entry in std::fs::read_dir(folder)? {
        let entry = entry?;
        let metadata = entry.metadata()?;
        bytes +=
            if metadata.is_dir() { bytes_on_disk(&entry.path())? } else { metadata.blocks() * BLOCK_BYTES };
    }
    Ok(bytes)
}
