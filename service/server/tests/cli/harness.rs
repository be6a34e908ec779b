//! A server in this process, and the `cairn` binary as its client.

use cairn_server::server::Server;
use cairn_server::settings::SettingsInput;
use std::io::Write;
use std::process::{Command, Stdio};
use tokio::runtime::Runtime;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

/// A server on a free port with a folder of its own, until it is dropped.
pub(crate) struct TestServer {
    endpoint: String,
    runtime: Runtime,
    stop: CancellationToken,
    running: Option<JoinHandle<()>>,
    _data: tempfile::TempDir,
}

impl TestServer {
    pub(crate) fn start() -> Self {
        Self::start_with(SettingsInput { dev: Some(true), ..SettingsInput::default() })
    }

    /// A server with these settings, and those that keep it small.
    pub(crate) fn start_with(settings: SettingsInput) -> Self {
        let data = tempfile::tempdir().unwrap();
        let settings = SettingsInput {
            data: Some(data.path().join("data")),
            listen: Some("127.0.0.1:0".parse().unwrap()),
            cache_mib: Some(8),
            write_buffer_mib: Some(8),
            disk_reserve_mib: Some(0),
            ..settings
        };
        let scheme = if settings.tls_certificate_file.is_some() { "https" } else { "http" };
        let runtime = Runtime::new().unwrap();
        let server = runtime.block_on(Server::start(&settings.resolve().unwrap())).unwrap();
        let endpoint = format!("{scheme}://{}", server.address().unwrap());
        let stop = CancellationToken::new();
        let running = runtime.spawn({
            let stop = stop.clone();
            async move { server.run(stop).await.unwrap() }
        });
        Self { endpoint, runtime, stop, running: Some(running), _data: data }
    }

    /// A server with a table `Orders`, whose key is `Customer` (S) and `When` (N).
    pub(crate) fn with_orders() -> Self {
        let server = Self::start();
        server
            .cairn(&[
                "table",
                "create",
                "Orders",
                "--partition-key",
                "Customer:S",
                "--sort-key",
                "When:N",
                "--wait",
            ])
            .succeeds();
        server
    }

    /// Where it listens, with a scheme.
    pub(crate) fn endpoint(&self) -> &str {
        &self.endpoint
    }

    /// Runs `cairn` against this server.
    pub(crate) fn cairn(&self, args: &[&str]) -> Ran {
        cairn(&self.endpoint, args, "")
    }

    /// Runs `cairn` against this server, with who calls in its environment.
    pub(crate) fn cairn_as(&self, credentials: &[(&str, String)], args: &[&str]) -> Ran {
        run(&self.endpoint, credentials, args, "")
    }

    /// Runs `cairn` against this server with something on standard input.
    pub(crate) fn cairn_with_input(&self, args: &[&str], input: &str) -> Ran {
        cairn(&self.endpoint, args, input)
    }
}

impl Drop for TestServer {
    fn drop(&mut self) {
        self.stop.cancel();
        let stopped = self.running.take().map(|running| self.runtime.block_on(running));
        // A second panic while one unwinds would hide the first.
        if !std::thread::panicking() {
            stopped.unwrap().unwrap();
        }
    }
}

/// What became of a command.
#[derive(Debug)]
pub(crate) struct Ran {
    pub(crate) status: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

/// Runs `cairn` against the server at `endpoint`, with `input` on standard input. Standard output is no terminal.
pub(crate) fn cairn(endpoint: &str, args: &[&str], input: &str) -> Ran {
    run(endpoint, &[], args, input)
}

fn run(endpoint: &str, variables: &[(&str, String)], args: &[&str], input: &str) -> Ran {
    let mut command = Command::new(env!("CARGO_BIN_EXE_cairn"));
    // Who runs the tests is nobody here.
    for (name, _) in std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("CAIRN_")) {
        command.env_remove(name);
    }
    let mut child = command
        .args(args)
        .env("CAIRN_ENDPOINT", endpoint)
        .envs(variables.iter().map(|(name, value)| (name, value)))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // A command that does not read it to its end closes it early.
    let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
    let output = child.wait_with_output().unwrap();
    Ran {
        status: output.status.code().unwrap(),
        stdout: String::from_utf8(output.stdout).unwrap(),
        stderr: String::from_utf8(output.stderr).unwrap(),
    }
}

impl Ran {
    /// Standard output of a command that must have succeeded.
    #[track_caller]
    pub(crate) fn succeeds(self) -> String {
        assert_eq!(self.status, 0, "{self:?}");
        self.stdout
    }

    /// The same, as JSON.
    #[track_caller]
    pub(crate) fn json(self) -> serde_json::Value {
        serde_json::from_str(&self.succeeds()).unwrap()
    }

    /// Standard error of a command that must have failed with this status, and printed nothing.
    #[track_caller]
    pub(crate) fn fails(self, status: i32) -> String {
        assert_eq!((self.status, self.stdout.as_str()), (status, ""), "{self:?}");
        self.stderr
    }

    /// Standard output and error of a command that must have failed with this status.
    #[track_caller]
    pub(crate) fn fails_with_output(self, status: i32) -> (String, String) {
        assert_eq!(self.status, status, "{self:?}");
        (self.stdout, self.stderr)
    }
}
