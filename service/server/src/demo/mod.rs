//! The demonstration: a service on an empty folder, and a tour of it over gRPC. The service does not throttle.

mod answer;
mod call;
mod course;
mod game;
mod notation;
mod print;
mod render;
mod shop;
mod tour;

use crate::server::{Server, ServerError, stop_on_signal};
use crate::settings::{Settings, SettingsError, SettingsInput, listen_address};
use cairn_ops::CapacityLimits;
use call::Clients;
use clap::Args;
use print::{Printer, command};
use std::io::{self, ErrorKind, Write};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use tempfile::TempDir;
use tokio_util::sync::CancellationToken;
use tour::Tally;

/// What the demonstration is to do.
#[derive(Args, Debug)]
pub(crate) struct DemoArgs {
    /// The folder for the data, empty or not there yet [default: a temporary one, removed in the end]
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// The address to listen on: ADDRESS:PORT, HOST:PORT, or PORT alone for 127.0.0.1; a free port if it is taken
    /// [default: 127.0.0.1:8000, with --once a free port]
    #[arg(long, value_name = "ADDR", value_parser = listen_address)]
    listen: Option<SocketAddr>,
    /// End after the tour; otherwise serve until Ctrl-C
    #[arg(long)]
    once: bool,
}

/// Why the demonstration failed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum DemoError {
    /// The folder holds something.
    #[error("the folder {} is not empty: the demonstration starts from nothing", .0.display())]
    NotEmpty(PathBuf),
    /// The folder cannot be looked into.
    #[error("cannot read the folder {}", path.display())]
    Folder { path: PathBuf, source: io::Error },
    /// There is no temporary folder to be had.
    #[error("cannot make a temporary folder")]
    TemporaryFolder(#[source] io::Error),
    /// The temporary folder is still there.
    #[error("cannot remove the temporary folder")]
    Remove(#[source] io::Error),
    /// The address is not one to listen on.
    #[error(transparent)]
    Settings(#[from] SettingsError),
    /// The service did not start or did not stop in order.
    #[error(transparent)]
    Server(#[from] ServerError),
    /// Signals or the address cannot be had from the operating system.
    #[error("{0}")]
    System(&'static str, #[source] io::Error),
    /// The service cannot be connected to.
    #[error("cannot connect to the service")]
    Connect(#[from] tonic::transport::Error),
    /// The tour cannot be shown.
    #[error("cannot print")]
    Print(#[from] io::Error),
    /// Stopped by a signal.
    #[error("stopped before the end of the tour")]
    Stopped,
    /// The service does not do what it should.
    #[error("{failed} of {all} steps were not answered as expected")]
    Steps { failed: usize, all: usize },
}

/// Serves an empty store, takes the tour, and goes on serving until it is told to stop.
///
/// # Errors
/// If the service does not start, answers a step other than expected, or does not stop in order.
pub(crate) async fn run(args: DemoArgs) -> Result<(), DemoError> {
    let folder = Folder::new(args.data)?;
    let stop = stop_on_signal().map_err(|error| DemoError::System("cannot listen for signals", error))?;
    let mut printer = Printer::new(anstream::stdout());
    let wanted = args.listen.unwrap_or(SocketAddr::from(([127, 0, 0, 1], if args.once { 0 } else { 8000 })));
    let (server, address) = start(folder.path(), wanted, &mut printer).await?;
    let serving = tokio::spawn(server.run(stop.clone()));
    let shown = show(address, &folder, args.once, &stop, &mut printer).await;
    stop.cancel();
    serving.await.map_err(ServerError::from)??;
    folder.remove()?;
    match shown? {
        Tally { failed: 0, .. } => Ok(()),
        Tally { passed, failed, .. } => Err(DemoError::Steps { failed, all: passed + failed }),
    }
}

/// Takes the tour and, if there is more to come, says what to try and waits for the end.
async fn show(
    address: SocketAddr,
    folder: &Folder,
    once: bool,
    stop: &CancellationToken,
    printer: &mut Printer<impl Write>,
) -> Result<Tally, DemoError> {
    printer.line(format_args!("Cairn serves on {address} from {}", folder.path().display()))?;
    let mut clients = Clients::connect(address).await?;
    let tally = tokio::select! {
        tally = tour::run(tour::parts(), &mut clients, printer) => tally?,
        () = stop.cancelled() => return Err(DemoError::Stopped),
    };
    printer.closing(&tally)?;
    if !once {
        invite(address, folder, printer)?;
        stop.cancelled().await;
        printer.line("\nStopping")?;
    }
    Ok(tally)
}

/// Says what to try on what the tour has left.
fn invite(address: SocketAddr, folder: &Folder, printer: &mut Printer<impl Write>) -> io::Result<()> {
    let cairn = std::env::args().next().unwrap_or_else(|| "cairn".into());
    printer.line(format_args!("\nStill serving on {address}. Try, from another terminal:\n"))?;
    for text in [
        format!("{cairn} table list --endpoint http://{address}"),
        format!("{cairn} item get --endpoint http://{address} course '{{\"Id\": 1}}'"),
        format!(
            "grpcurl -plaintext -d '{{\"table\": \"course\", \"key\": {{\"Id\": {{\"number_value\": \"1\"}}}}}}' \
             {address} cairn.v1.ItemService/GetItem"
        ),
    ] {
        printer.line(format_args!("  {}", command(&text)))?;
    }
    let then = match folder {
        Folder::Temporary(_) => ", and removes the data",
        Folder::Given(_) => "",
    };
    printer.line(format_args!("\nCtrl-C ends it{then}."))
}

/// Starts the service there, or on a free port if that one is taken.
async fn start(
    data: &Path,
    wanted: SocketAddr,
    printer: &mut Printer<impl Write>,
) -> Result<(Server, SocketAddr), DemoError> {
    let server = match Server::start(&settings(data, wanted)?).await {
        Err(ServerError::Listen { source, .. }) if source.kind() == ErrorKind::AddrInUse => {
            printer.line(format_args!("{wanted} is taken: using a free port instead"))?;
            Server::start(&settings(data, SocketAddr::new(wanted.ip(), 0))?).await?
        }
        started => started?,
    };
    let address = server.address().map_err(|error| DemoError::System("cannot tell the address", error))?;
    Ok((server, address))
}

/// The settings of a service of little data.
fn settings(data: &Path, listen: SocketAddr) -> Result<Settings, SettingsError> {
    SettingsInput {
        data: Some(data.to_owned()),
        listen: Some(listen),
        dev: Some(true),
        // What is shown is how a table comes to be.
        wait_for_tables: Some(false),
        // The tour is not to be throttled: it shows what a service does and not what a table is provisioned with.
        capacity_limits: Some(CapacityLimits::Off),
        cache_mib: Some(64),
        write_buffer_mib: Some(64),
        ..SettingsInput::default()
    }
    .resolve()
}

/// Where the data is.
enum Folder {
    /// Removed in the end.
    Temporary(TempDir),
    /// Kept.
    Given(PathBuf),
}

impl Folder {
    /// The folder that was asked for, if it is empty or not there; a temporary one if none was.
    fn new(asked_for: Option<PathBuf>) -> Result<Self, DemoError> {
        let Some(path) = asked_for else {
            let made = tempfile::Builder::new().prefix("cairn-demo-").tempdir();
            return made.map(Self::Temporary).map_err(DemoError::TemporaryFolder);
        };
        match std::fs::read_dir(&path).map(|mut entries| entries.next().is_none()) {
            Ok(true) => Ok(Self::Given(path)),
            Ok(false) => Err(DemoError::NotEmpty(path)),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(Self::Given(path)),
            Err(source) => Err(DemoError::Folder { path, source }),
        }
    }

    fn path(&self) -> &Path {
        match self {
            Self::Temporary(folder) => folder.path(),
            Self::Given(path) => path,
        }
    }

    fn remove(self) -> Result<(), DemoError> {
        match self {
            Self::Temporary(folder) => folder.close().map_err(DemoError::Remove),
            Self::Given(_) => Ok(()),
        }
    }
}
