//! A `cairn serve` of its own process, for programs and tests that measure or check a server from outside. Not for tests
//! that can start the server in their own process.

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use std::io::{self, Write};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::time::Duration;
use tokio::io::{AsyncBufReadExt, BufReader, Lines};
use tokio::process::{Child, ChildStderr, Command};

/// How long a server may take to start or to stop.
const PATIENCE: Duration = Duration::from_secs(120);

/// Why a server did not start or stop.
#[derive(Debug, thiserror::Error)]
pub enum ServerError {
    /// It cannot be run.
    #[error("cannot run {}", program.display())]
    Run {
        /// The program.
        program: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// It ended, or its log did, before it said where it listens.
    #[error("the server ended before it served: its log is above")]
    EndedEarly,
    /// Its log cannot be read.
    #[error("cannot read the server's log")]
    Log(#[source] io::Error),
    /// It does not do what it is told in time.
    #[error("the server did not {0} within {seconds} s", seconds = PATIENCE.as_secs())]
    TooSlow(&'static str),
    /// It cannot be told to stop.
    #[error("cannot stop the server")]
    Stop(#[source] io::Error),
    /// It stopped, but not in order.
    #[error("the server stopped with {0}")]
    Failed(ExitStatus),
}

/// A server that serves. Dropped, it is killed.
pub struct ServerProcess {
    child: Child,
    address: SocketAddr,
}

impl ServerProcess {
    /// Starts `program serve` on the data folder and a free port of loopback, and waits until it serves. It does not
    /// throttle: what is measured is what the server can do, and not what a table is allowed.
    ///
    /// # Errors
    /// If it does not serve in time.
    pub async fn start(program: &Path, data: &Path) -> Result<Self, ServerError> {
        let mut child = Command::new(program)
            .args(["serve", "--dev", "--listen", "127.0.0.1:0", "--log", "info", "--log-format", "json"])
            .args(["--capacity-limits", "false"])
            .arg("--data")
            .arg(data)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .map_err(|source| ServerError::Run { program: program.to_owned(), source })?;
        let log = child.stderr.take().ok_or(ServerError::EndedEarly)?;
        let mut log = BufReader::new(log).lines();
        let address = tokio::time::timeout(PATIENCE, address_in(&mut log))
            .await
            .map_err(|_| ServerError::TooSlow("start"))??;
        // Read to its end, or the server would wait for room to write it.
        tokio::spawn(async move {
            while let Ok(Some(line)) = log.next_line().await {
                pass_on(&line)
            }
        });
        Ok(Self { child, address })
    }

    /// The address it listens on.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The id of its process; none once it has ended.
    pub fn id(&self) -> Option<u32> {
        self.child.id()
    }

    /// Tells it to stop, as a supervisor does, and waits until it has.
    ///
    /// # Errors
    /// If it does not stop in time or in order.
    pub async fn stop(mut self) -> Result<(), ServerError> {
        let id = self.child.id().and_then(|id| Pid::from_raw(i32::try_from(id).ok()?));
        let id = id.ok_or(ServerError::EndedEarly)?;
        kill_process(id, Signal::TERM).map_err(|error| ServerError::Stop(error.into()))?;
        let status = tokio::time::timeout(PATIENCE, self.child.wait())
            .await
            .map_err(|_| ServerError::TooSlow("stop"))?
            .map_err(ServerError::Stop)?;
        if status.success() { Ok(()) } else { Err(ServerError::Failed(status)) }
    }
}

/// Reads the log up to the line that says where the server listens.
async fn address_in(log: &mut Lines<BufReader<ChildStderr>>) -> Result<SocketAddr, ServerError> {
    while let Some(line) = log.next_line().await.map_err(ServerError::Log)? {
        if let Some(address) = serving_address(&line) {
            return Ok(address);
        }
        pass_on(&line);
    }
    Err(ServerError::EndedEarly)
}

/// The address in the log's line `serving`.
fn serving_address(line: &str) -> Option<SocketAddr> {
    let line: Value = serde_json::from_str(line).ok()?;
    let fields = line.get("fields")?;
    if fields.get("message")?.as_str()? != "serving" {
        return None;
    }
    fields.get("address")?.as_str()?.parse().ok()
}

/// Shows a line of the log if it tells of trouble.
fn pass_on(line: &str) {
    let level = serde_json::from_str::<Value>(line).ok();
    let level = level.as_ref().and_then(|line| line.get("level")?.as_str());
    if !matches!(level, Some("TRACE" | "DEBUG" | "INFO")) {
        // With nobody to read it, it is lost.
        let _ = writeln!(io::stderr(), "server: {line}");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_address_is_in_the_line_that_says_serving() {
        let line = r#"{"level":"INFO","fields":{"message":"serving","address":"127.0.0.1:4711","dev":true}}"#;
        assert_eq!(serving_address(line), Some("127.0.0.1:4711".parse().unwrap()));
        assert_eq!(serving_address(&line.replace("serving", "stopping")), None);
        assert_eq!(serving_address("serving"), None);
    }

    #[tokio::test]
    async fn a_program_that_ends_at_once_is_no_server() {
        let folder = tempfile::tempdir().unwrap();
        let error = ServerProcess::start(Path::new("true"), folder.path()).await.err().unwrap();
        assert!(matches!(error, ServerError::EndedEarly), "{error}");
        let error = ServerProcess::start(Path::new("/no/such/program"), folder.path()).await.err().unwrap();
        assert!(matches!(error, ServerError::Run { .. }), "{error}");
    }
}
