//! The command line: what each command takes, and which code carries it out.
//!
//! `table`, `item` and `iam` are a client of the gRPC API and know nothing of the server in the same binary.

// The command line speaks to its user on standard output and standard error.
#![allow(clippy::print_stdout, clippy::print_stderr)]

mod client;
mod credentials;
mod error;
mod iam;
mod input;
mod item;
mod item_view;
mod json;
mod output;
mod table;
mod table_policy;
mod table_ttl;
mod table_view;
mod tls;

use self::client::ClientArgs;
use self::error::ClientError;
use crate::demo::{self, DemoArgs, DemoError};
use crate::server::{Server, ServerError, stop_on_signal};
use crate::settings::{LogFormat, SecretSettings, SettingsError, SettingsInput};
use crate::telemetry;
use cairn_auth::GeneratedRootKey;
use clap::{Args, Parser, Subcommand};
use std::path::PathBuf;
use std::process::ExitCode;

/// Cairn: a table service you own, with DynamoDB's data model and semantics over gRPC
#[derive(Debug, Parser)]
#[command(name = "cairn", version, max_term_width = 110)]
pub struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Serve tables from a data folder until SIGTERM or Ctrl-C
    Serve(SettingsArgs),
    /// Serve an empty store and take a tour of it
    Demo(DemoArgs),
    /// Print the settings that `serve` would use with the same flags, variables and file
    Config(SettingsArgs),
    Table(table::TableArgs),
    Item(item::ItemArgs),
    Iam(iam::IamArgs),
}

#[derive(Args, Debug)]
struct SettingsArgs {
    /// A TOML file with settings
    #[arg(long, env = "CAIRN_CONFIG", value_name = "FILE")]
    config: Option<PathBuf>,
    #[command(flatten)]
    settings: SettingsInput,
}

impl SettingsArgs {
    /// The settings that were given, by flags, variables and a file.
    fn given(self) -> Result<SettingsInput, SettingsError> {
        let secrets = SecretSettings::from(|name| std::env::var(name).ok());
        SettingsInput { secrets, ..self.settings }.with_file(self.config)
    }
}

/// Why a command failed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum CommandError {
    #[error(transparent)]
    Settings(#[from] SettingsError),
    #[error(transparent)]
    Server(#[from] ServerError),
    #[error(transparent)]
    Demo(#[from] DemoError),
    #[error("the log filter is wrong")]
    Log(#[from] tracing_subscriber::filter::ParseError),
    #[error("cannot print the settings")]
    Print(#[from] toml::ser::Error),
    #[error(transparent)]
    Client(#[from] ClientError),
    #[error("{0}")]
    Io(&'static str, #[source] std::io::Error),
}

/// Carries a command out. The exit code is 0 if it succeeded, 1 if not; wrong usage ends with 2 before this.
pub fn run(cli: Cli) -> ExitCode {
    let done = match cli.command {
        Command::Serve(args) => serve(args),
        Command::Demo(args) => demo(args),
        Command::Config(args) => config(args),
        Command::Table(args) => client(args.client.clone(), table::run(args)),
        Command::Item(args) => client(args.client.clone(), item::run(args)),
        Command::Iam(args) => client(args.client.clone(), iam::run(args)),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("cairn: {}", with_causes(&error));
            if let CommandError::Client(error) = &error
                && let Some(hint) = error.hint()
            {
                eprintln!("{hint}");
            }
            ExitCode::FAILURE
        }
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

/// A runtime for one command.
fn runtime() -> Result<tokio::runtime::Runtime, CommandError> {
    tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|error| CommandError::Io("cannot start the async runtime", error))
}

/// Carries a client's command out. The runtime's threads serve the connection while the command itself may block, as
/// when it reads standard input.
fn client(
    connection: ClientArgs,
    command: impl Future<Output = Result<(), ClientError>>,
) -> Result<(), CommandError> {
    let explained = async {
        match command.await {
            Ok(()) => Ok(()),
            Err(error) => Err(connection.explain(error).await),
        }
    };
    Ok(runtime()?.block_on(explained)?)
}

fn config(args: SettingsArgs) -> Result<(), CommandError> {
    let settings = args.given()?.with_defaults();
    print!("{}", toml::to_string(&settings)?);
    if let Err(error) = settings.check() {
        eprintln!("cairn: `cairn serve` does not start with these settings: {}", with_causes(&error));
    }
    Ok(())
}

fn serve(args: SettingsArgs) -> Result<(), CommandError> {
    let settings = args.given()?.resolve()?;
    telemetry::start(&settings.log, settings.log_format)?;
    runtime()?.block_on(async {
        let stop = stop_on_signal().map_err(|error| CommandError::Io("cannot listen for signals", error))?;
        let mut server = Server::start(&settings).await?;
        if let Some(root) = server.take_generated_root_key() {
            show_root_key(&root);
        }
        let address = server.address().map_err(|error| CommandError::Io("cannot tell the address", error))?;
        tracing::info!(
            %address,
            data = %settings.data.display(),
            dev = settings.dev,
            capacity_limits = %settings.capacity_limits,
            "serving"
        );
        server.run(stop).await?;
        Ok(())
    })
}

/// Shows the root access key that the first start made. It goes to standard output, and not into the log.
fn show_root_key(root: &GeneratedRootKey) {
    println!("This is the account's root access key. It is shown now and never again:\n");
    println!("    export CAIRN_ACCESS_KEY_ID={}", root.access_key_id);
    println!("    export CAIRN_SECRET_ACCESS_KEY={}\n", root.secret_access_key.expose());
}

fn demo(args: DemoArgs) -> Result<(), CommandError> {
    // What the tour shows is not to be lost among what a server logs.
    telemetry::start("warn", LogFormat::Text)?;
    Ok(runtime()?.block_on(demo::run(args))?)
}
