//! The real `cairn` in a process of its own: what it is told, and all that it says.

// Each test file uses the part it needs.
#![allow(dead_code)]

use rustix::process::{Pid, Signal, kill_process};
use std::io::{BufRead, BufReader, Read};
use std::net::SocketAddr;
use std::process::{Child, Command, Output, Stdio};
use std::sync::mpsc;
use std::thread::JoinHandle;

/// Variables of the environment.
pub(crate) type Variables<'a> = &'a [(&'a str, &'a str)];

/// A `cairn serve` that serves. Dropped, it is killed.
pub(crate) struct Serving {
    child: Child,
    pub(crate) address: SocketAddr,
    stdout: Option<JoinHandle<Vec<u8>>>,
    stderr: Option<JoinHandle<Vec<u8>>>,
}

/// All that a process said.
pub(crate) struct Said {
    pub(crate) stdout: Vec<u8>,
    pub(crate) stderr: Vec<u8>,
}

/// `cairn` with these arguments and variables, and none of those of whoever runs the tests.
fn command(arguments: &[&str], variables: Variables<'_>) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_cairn"));
    for (name, _) in std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("CAIRN_")) {
        command.env_remove(name);
    }
    command.args(arguments).envs(variables.iter().copied());
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

/// Runs `cairn` to its end.
pub(crate) fn run(arguments: &[&str], variables: Variables<'_>) -> Output {
    command(arguments, variables).output().unwrap()
}

impl Serving {
    /// Starts `cairn serve` and waits until it serves.
    pub(crate) fn start(arguments: &[&str], variables: Variables<'_>) -> Self {
        let small = ["--listen", "127.0.0.1:0", "--cache-mib", "8", "--write-buffer-mib", "8"];
        let arguments = [&["serve", "--disk-reserve-mib", "0"], &small[..], arguments].concat();
        let mut child = command(&arguments, variables).spawn().unwrap();
        let mut stdout = child.stdout.take().unwrap();
        let stdout = std::thread::spawn(move || {
            let mut said = Vec::new();
            stdout.read_to_end(&mut said).unwrap();
            said
        });
        let (tell, told) = mpsc::channel();
        let mut log = BufReader::new(child.stderr.take().unwrap());
        let stderr = std::thread::spawn(move || {
            let mut said = Vec::new();
            // Read to its end, or the server would wait for room to write it.
            loop {
                let begun = said.len();
                if log.read_until(b'\n', &mut said).unwrap() == 0 {
                    return said;
                }
                if let Some(address) = serving_address(&said[begun..]) {
                    let _ = tell.send(address);
                }
            }
        });
        let Ok(address) = told.recv() else {
            let said = String::from_utf8_lossy(&stderr.join().unwrap()).into_owned();
            panic!("the server ended before it served: {said}")
        };
        Self { child, address, stdout: Some(stdout), stderr: Some(stderr) }
    }

    /// Tells it to stop, as a supervisor does, waits until it has, and gives back what it said.
    pub(crate) fn stop(mut self) -> Said {
        let id = Pid::from_raw(i32::try_from(self.child.id()).unwrap()).unwrap();
        kill_process(id, Signal::TERM).unwrap();
        let status = self.child.wait().unwrap();
        let stdout = self.stdout.take().unwrap().join().unwrap();
        let stderr = self.stderr.take().unwrap().join().unwrap();
        assert!(status.success(), "{status} {}", String::from_utf8_lossy(&stderr));
        Said { stdout, stderr }
    }

    /// The most memory that it has had, in bytes.
    pub(crate) fn memory_peak(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
        line.trim().strip_suffix(" kB").unwrap().parse::<u64>().unwrap() * 1024
    }

    /// A connection to it.
    pub(crate) async fn channel(&self) -> tonic::transport::Channel {
        let endpoint = tonic::transport::Channel::from_shared(format!("http://{}", self.address)).unwrap();
        endpoint.connect().await.unwrap()
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        // It has ended already, unless the test failed.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The address in the log's line `serving`, in either format.
fn serving_address(line: &[u8]) -> Option<SocketAddr> {
    let line = String::from_utf8_lossy(line);
    line.contains("serving").then_some(())?;
    let (_, rest) = line.split_once("address")?;
    let rest = rest.trim_start_matches(['"', '=', ':', ' ']);
    rest.split(['"', ' ', ',']).next()?.parse().ok()
}
