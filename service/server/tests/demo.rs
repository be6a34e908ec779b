//! `cairn demo`, as it is run from a shell.

// The helpers of this file panic, as tests do.
#![allow(clippy::unwrap_used)]

use cairn_api::v1::{GetItemRequest, item_service_client::ItemServiceClient};
use cairn_model::{AttributeValue, EncodedValue};
use rustix::process::{Pid, Signal, kill_process};
use std::collections::BTreeMap;
use std::io::{BufRead, BufReader};
use std::net::TcpListener;
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};

/// The demonstration, with its temporary folders in `temporary`.
fn demo(temporary: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_cairn"));
    command.arg("demo").env("TMPDIR", temporary);
    command
}

fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).unwrap()
}

fn assert_passed(output: &Output) {
    let printed = text(&output.stdout);
    assert!(output.status.success(), "{printed}\n{}", text(&output.stderr));
    assert!(printed.contains("steps answered as expected"), "{printed}");
    assert!(!printed.contains('✗'), "{printed}");
}

fn is_empty(folder: &Path) -> bool {
    std::fs::read_dir(folder).unwrap().next().is_none()
}

#[test]
fn the_tour_passes_and_leaves_nothing_behind() {
    let temporary = tempfile::tempdir().unwrap();
    let output = demo(temporary.path()).arg("--once").output().unwrap();
    assert_passed(&output);
    let printed = text(&output.stdout);
    for entry in [
        r#"{Id: 1, course: "cloud", name: "amit"}"#,
        r#"{Country: "India", Id: 2, qualification: "BE"}"#,
        r#"{Id: 3, name: "andy", timing: "morning"}"#,
        r#"{Id: 4, age: 22, name: "lucee"}"#,
    ] {
        assert!(printed.matches(entry).count() >= 2, "{entry} is put and read back: {printed}");
    }
    assert!(printed.contains("CONDITIONAL_CHECK_FAILED (FAILED_PRECONDITION)"), "{printed}");
    assert!(printed.contains("1: CONDITIONAL_CHECK_FAILED, 2: NONE, 3: NONE"), "{printed}");
    assert!(printed.contains("scores by leaderboard"), "{printed}");
    assert!(!printed.contains('\u{1b}'), "no colours where there is no terminal: {printed}");
    assert!(is_empty(temporary.path()));
}

#[test]
fn a_folder_that_is_not_empty_is_refused_and_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("precious"), "data").unwrap();
    let output = demo(folder.path()).arg("--once").arg("--data").arg(folder.path()).output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(text(&output.stderr).contains("is not empty"), "{}", text(&output.stderr));
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
    assert_eq!(std::fs::read(folder.path().join("precious")).unwrap(), b"data");
}

#[test]
fn a_folder_that_was_asked_for_is_made_and_kept() {
    let temporary = tempfile::tempdir().unwrap();
    let folder = temporary.path().join("new").join("data");
    let output = demo(temporary.path()).arg("--once").arg("--data").arg(&folder).output().unwrap();
    assert_passed(&output);
    assert!(!is_empty(&folder));
}

#[test]
fn a_taken_port_is_told_and_another_one_used() {
    let temporary = tempfile::tempdir().unwrap();
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let output = demo(temporary.path()).args(["--once", "--listen", &address]).output().unwrap();
    assert_passed(&output);
    let printed = text(&output.stdout);
    assert!(printed.contains(&format!("{address} is taken")), "{printed}");
    assert!(!printed.contains(&format!("serves on {address}")), "{printed}");
}

// On more than one thread: the client has to hear that the server stops while this one waits for it to end.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn after_the_tour_it_serves_until_it_is_interrupted() {
    let temporary = tempfile::tempdir().unwrap();
    let mut command = demo(temporary.path());
    let mut demo = command.args(["--listen", "127.0.0.1:0"]).stdout(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(demo.stdout.take().unwrap()).lines().map(Result::unwrap);
    let invitation = lines.find(|line| line.starts_with("Still serving on ")).unwrap();
    let address = invitation.split(' ').nth(3).unwrap().trim_end_matches('.').to_owned();
    let to_try: Vec<String> = lines.by_ref().take_while(|line| !line.starts_with("Ctrl-C")).collect();
    assert!(to_try.iter().any(|line| line.contains("grpcurl") && line.contains(&address)), "{to_try:?}");

    let mut items = ItemServiceClient::connect(format!("http://{address}")).await.unwrap();
    let key = BTreeMap::from([("Id".to_owned(), EncodedValue::from(&AttributeValue::N(1_u64.into())))]);
    let request = GetItemRequest { table: "course".into(), key, ..Default::default() };
    assert!(items.get_item(request).await.unwrap().into_inner().item.is_some());

    interrupt(&demo);
    assert_eq!(lines.by_ref().find(|line| !line.is_empty()).as_deref(), Some("Stopping"));
    assert!(demo.wait().unwrap().success());
    assert!(is_empty(temporary.path()));
}

fn interrupt(process: &Child) {
    let id = Pid::from_raw(i32::try_from(process.id()).unwrap()).unwrap();
    kill_process(id, Signal::INT).unwrap();
}
