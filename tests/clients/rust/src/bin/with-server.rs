//! `with-server`: runs a command beside a server for it to talk to.

// A program speaks to its user on standard error.
#![allow(clippy::print_stderr)]

use cairn_clients::{Environment, World};
use cairn_server::server::stop_on_signal;
use cairn_server::settings::LogFormat;
use clap::Parser;
use rustix::process::{Pid, Signal, kill_process};
use std::ffi::OsString;
use std::os::unix::process::ExitStatusExt;
use std::process::{ExitCode, ExitStatus};
use tokio::process::{Child, Command};

type Error = Box<dyn std::error::Error>;

/// Warnings, but for those of refused signatures, which suites are there to provoke.
const LOG: &str = "warn,cairn_aws_json=error";

/// Starts a server that checks every signature, runs a command that finds it in its environment, stops the server, and
/// ends as the command did
#[derive(Debug, Parser)]
#[command(name = "with-server", version, max_term_width = 110)]
struct Cli {
    /// The command and its arguments
    #[arg(last = true, required = true, value_name = "COMMAND")]
    command: Vec<OsString>,
}

#[tokio::main]
async fn main() -> ExitCode {
    match run(Cli::parse()).await {
        Ok(code) => code,
        Err(error) => {
            let causes = std::iter::successors(Some(&*error), |error| error.source());
            let texts: Vec<_> = causes.map(ToString::to_string).collect();
            eprintln!("with-server: {}", texts.join(": "));
            ExitCode::FAILURE
        }
    }
}

async fn run(cli: Cli) -> Result<ExitCode, Error> {
    cairn_server::telemetry::start(LOG, LogFormat::Text)?;
    let stop = stop_on_signal()?;
    let world = World::start().await?;
    let mut child = spawn(&cli.command, &world.environment)?;
    let status = tokio::select! {
        status = child.wait() => status?,
        () = stop.cancelled() => {
            terminate(&child)?;
            child.wait().await?
        }
    };
    world.stop().await?;
    Ok(exit_code(status))
}

fn spawn(words: &[OsString], environment: &Environment) -> Result<Child, Error> {
    let (program, arguments) = words.split_first().ok_or("a command is needed")?;
    let mut command = Command::new(program);
    for (name, _) in std::env::vars_os() {
        if name.to_str().is_some_and(Environment::displaces) {
            command.env_remove(name);
        }
    }
    command.args(arguments).envs(environment.variables()).kill_on_drop(true);
    command.spawn().map_err(|error| format!("cannot run {}: {error}", program.display()).into())
}

fn terminate(child: &Child) -> Result<(), Error> {
    if let Some(id) = child.id().and_then(|id| Pid::from_raw(i32::try_from(id).ok()?)) {
        kill_process(id, Signal::TERM)?;
    }
    Ok(())
}

/// As a shell tells it: a command that a signal ended has 128 and the signal's number.
fn exit_code(status: ExitStatus) -> ExitCode {
    let code = status.code().or_else(|| Some(128 + status.signal()?));
    code.and_then(|code| u8::try_from(code).ok()).map_or(ExitCode::FAILURE, ExitCode::from)
}
