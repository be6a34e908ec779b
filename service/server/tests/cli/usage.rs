//! Wrong usage, and servers that are not there.

use crate::harness::cairn;
use std::net::TcpListener;

const NOWHERE: &str = "http://127.0.0.1:1";

#[test]
fn wrong_usage_ends_with_status_2() {
    for (args, complaint) in [
        (&["table"][..], "Usage: cairn table"),
        (&["table", "create", "Orders"], "--partition-key <ATTRIBUTE:TYPE>"),
        (&["table", "create", "Orders", "--partition-key", "Id"], "it must be of the form ATTRIBUTE:TYPE"),
        (&["table", "create", "Orders", "--partition-key", "Id:N", "--read", "1"], "--write <UNITS>"),
        (
            &["table", "create", "Orders", "--partition-key", "Id:N", "--billing", "free"],
            "on-demand, provisioned",
        ),
        (&["table", "update", "Orders"], "--billing <MODE>"),
        (&["table", "tag", "Orders", "team"], "it must be of the form KEY=VALUE"),
        (&["table", "list", "--timeout", "0"], "a number of seconds above 0"),
        (&["table", "list", "--endpoint", "localhost:8000"], "http://HOST:PORT"),
        (&["table", "list", "--client-cert", "c.pem"], "--client-key <FILE>"),
        (&["iam", "attach", "CairnReadOnly"], "<--user <NAME>|--group <NAME>|--role <NAME>>"),
        (&["iam", "attach", "CairnReadOnly", "--user", "a", "--role", "b"], "cannot be used with"),
        (&["iam", "simulate", "--action", "dynamodb:GetItem"], "--principal <ARN>"),
        (&["iam", "role", "update", "loader"], "--trust <DOCUMENT>"),
        (&["item", "get", "Orders"], "<KEY>"),
        (&["item", "get", "Orders", "{}", "--name", "n=a"], "#NAME=ATTRIBUTE"),
        (&["item", "put", "Orders", "{}", "--return", "all-new"], "possible values: none, all-old"),
        (&["item", "put", "Orders", "{}", "--return-on-failure"], "--condition <EXPR>"),
    ] {
        let stderr = cairn(NOWHERE, args, "").fails(2);
        assert!(stderr.contains(complaint), "{args:?}: {stderr}");
    }
}

#[test]
fn every_help_text_has_an_example() {
    for group in ["table", "item", "iam"] {
        let help = cairn(NOWHERE, &[group, "--help"], "").succeeds();
        assert!(help.contains(&format!("Examples:\n  cairn {group} ")), "{help}");
        assert!(help.contains("Exit status: 0"), "{help}");
    }
}

#[test]
fn without_a_server_the_error_says_what_to_do() {
    // A port that was free a moment ago.
    let address = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let endpoint = format!("http://{address}");
    assert_eq!(
        cairn(&endpoint, &["table", "list"], "").fails(1),
        format!(
            "cairn: no server answers at {endpoint}: Connection refused (os error 111)\n\
             Start one with `cairn serve`, or say where it is with --endpoint URL or CAIRN_ENDPOINT.\n"
        )
    );
    // The flag wins over the variable.
    let stderr = cairn(NOWHERE, &["table", "list", "--endpoint", &endpoint], "").fails(1);
    assert!(stderr.contains(&endpoint), "{stderr}");
}

#[test]
fn a_server_that_does_not_answer_is_not_waited_for_longer_than_the_timeout() {
    // It listens, so that connecting succeeds, and never says a word.
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let endpoint = format!("http://{}", silent.local_addr().unwrap());
    let stderr = cairn(&endpoint, &["table", "list", "--timeout", "0.05"], "").fails(1);
    assert!(stderr.starts_with("cairn: DEADLINE_EXCEEDED: "), "{stderr}");
}

#[test]
fn json_is_checked_before_a_server_is_asked_for() {
    for (key, complaint) in [
        ("{\"Id\": 1", "cairn: KEY is not JSON: EOF while parsing an object at line 1 column 8\n"),
        ("[]", "cairn: KEY cannot be used: expected an object of attributes, found an array\n"),
        ("", "cairn: KEY is empty: JSON is expected\n"),
        ("{}{}", "cairn: KEY holds more than one JSON text\n"),
        ("-", "cairn: KEY in standard input is empty: JSON is expected\n"),
        (
            "@/no/such/file",
            "cairn: cannot read KEY in /no/such/file: No such file or directory (os error 2)\n",
        ),
    ] {
        assert_eq!(cairn(NOWHERE, &["item", "get", "Orders", key], "").fails(1), complaint);
    }
    let values = ["item", "delete", "Orders", "{}", "--condition", "a=:a", "--values", "{\":a\":1e999}"];
    assert_eq!(
        cairn(NOWHERE, &values, "").fails(1),
        "cairn: --values cannot be used: at [\":a\"]: Number overflow. Attempting to store a number with magnitude \
         larger than supported range\n"
    );
}

#[test]
fn an_endpoint_with_the_wrong_scheme_is_told() {
    let plain = crate::harness::TestServer::start();
    let address = plain.endpoint().strip_prefix("http://").unwrap();
    for args in [&["table", "list"][..], &["item", "get", "Orders", "{}"], &["iam", "whoami"]] {
        assert_eq!(
            cairn(&format!("https://{address}"), args, "").fails(1),
            format!(
                "cairn: the server at https://{address} does not use TLS: it answers in plain HTTP\n\
                 Begin the endpoint with http:// instead of https://.\n"
            )
        );
    }
}
