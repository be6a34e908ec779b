//! `with-server`, as a shell would use it.

// Tests stop by panicking, and so does what they share.
#![allow(clippy::unwrap_used)]

use std::process::{Command, Output};

fn with_server(command: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_with-server"))
        .env("AWS_PROFILE", "of-this-machine")
        .arg("--")
        .args(command)
        .output()
        .unwrap()
}

#[test]
fn a_command_is_told_where_its_server_is_and_nothing_of_this_machine() {
    let script = r#"test -n "$AWS_ENDPOINT_URL_DYNAMODB" && test -n "$AWS_SECRET_ACCESS_KEY" &&
        test -n "$CAIRN_TEST_SESSION_TOKEN" && test -z "$AWS_PROFILE" && echo told"#;
    let output = with_server(&["sh", "-c", script]);
    assert_eq!(String::from_utf8_lossy(&output.stdout), "told\n");
    assert_eq!(String::from_utf8_lossy(&output.stderr), "");
    assert!(output.status.success());
}

#[test]
fn it_ends_as_the_command_does() {
    for (script, code) in [("exit 7", 7), ("kill -KILL $$", 137)] {
        let output = with_server(&["sh", "-c", script]);
        assert_eq!(output.status.code(), Some(code));
    }
    let output = with_server(&["/no/such/command"]);
    assert_eq!(output.status.code(), Some(1));
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(told.starts_with("with-server: cannot run /no/such/command: "), "{told}");
}
