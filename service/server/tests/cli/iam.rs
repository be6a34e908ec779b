//! `cairn iam` and `cairn table policy`, and calling as somebody.

use crate::harness::TestServer;
use expect_test::expect;
use serde_json::{Value, json};

const ALLOW_READS: &str = r#"{"Version": "2012-10-17", "Statement":
    {"Sid": "Reads", "Effect": "Allow", "Action": ["dynamodb:GetItem", "dynamodb:DescribeTable"], "Resource": "*"}}"#;

fn text<'v>(value: &'v Value, member: &str) -> &'v str {
    value[member].as_str().unwrap()
}

/// A new access key of a user, as the environment that calls with it.
fn key(server: &TestServer, user: &str) -> [(&'static str, String); 2] {
    let key = server.cairn(&["iam", "key", "create", "--user", user]).json();
    [
        ("CAIRN_ACCESS_KEY_ID", text(&key, "AccessKeyId").to_owned()),
        ("CAIRN_SECRET_ACCESS_KEY", text(&key, "SecretAccessKey").to_owned()),
    ]
}

#[test]
fn a_user_calls_with_its_key_and_may_do_what_its_policies_say() {
    let server = TestServer::with_orders();
    let created = server.cairn(&["iam", "user", "create", "ada", "--tag", "team=engines"]).json();
    assert_eq!(created["Arn"], "arn:aws:iam::000000000000:user/ada");
    assert_eq!(created["Tags"], json!([{"Key": "team", "Value": "engines"}]));
    let ada = key(&server, "ada");
    let whoami = server.cairn_as(&ada, &["iam", "whoami"]).json();
    assert_eq!(whoami["Arn"], created["Arn"]);
    assert_eq!(whoami["UserId"], created["UserId"]);

    let get = ["item", "get", "Orders", r#"{"Customer":"ada","When":1}"#];
    let refused = server.cairn_as(&ada, &get).fails(1);
    assert!(
        refused.starts_with("cairn: PERMISSION_DENIED: User: arn:aws:iam::000000000000:user/ada"),
        "{refused}"
    );
    assert!(refused.contains("no identity-based policy allows the dynamodb:GetItem action"), "{refused}");

    server
        .cairn_with_input(&["iam", "policy", "put-inline", "own", "-", "--user", "ada"], ALLOW_READS)
        .succeeds();
    assert_eq!(server.cairn_as(&ada, &get).fails_with_output(1).0, "null\n");
    let shown = server.cairn(&["iam", "policy", "get-inline", "own", "--user", "ada"]).succeeds();
    assert_eq!(shown.trim(), ALLOW_READS);
    let user = server.cairn(&["iam", "user", "get", "ada"]).json();
    assert_eq!(user["InlinePolicyNames"], json!(["own"]));

    server.cairn(&["iam", "key", "deactivate", &ada[0].1, "--user", "ada"]).succeeds();
    let refused = server.cairn_as(&ada, &["iam", "whoami"]).fails(1);
    assert!(refused.starts_with("cairn: UNAUTHENTICATED: "), "{refused}");
    assert!(refused.contains("CAIRN_ACCESS_KEY_ID and CAIRN_SECRET_ACCESS_KEY"), "{refused}");
    let keys = server.cairn(&["iam", "key", "list", "--user", "ada"]).json();
    assert_eq!(keys[0]["Status"], "Inactive");
    assert!(keys[0].get("SecretAccessKey").is_none());
    server.cairn(&["iam", "key", "activate", &ada[0].1, "--user", "ada"]).succeeds();
    server.cairn_as(&ada, &["iam", "whoami"]).succeeds();
}

#[test]
fn a_wrong_secret_and_half_a_key_are_told_without_repeating_them() {
    let server = TestServer::start();
    server.cairn(&["iam", "user", "create", "ada"]).succeeds();
    let [id, _] = key(&server, "ada");
    let wrong =
        [id.clone(), ("CAIRN_SECRET_ACCESS_KEY", "hunter2hunter2hunter2hunter2hunter2hunter2".to_owned())];
    let refused = server.cairn_as(&wrong, &["iam", "whoami"]).fails(1);
    assert!(refused.starts_with("cairn: UNAUTHENTICATED: ") && !refused.contains("hunter2"), "{refused}");
    let half = server.cairn_as(&[id], &["iam", "whoami"]).fails(1);
    assert_eq!(half, "cairn: CAIRN_ACCESS_KEY_ID is set and CAIRN_SECRET_ACCESS_KEY is not\n");
    let spaced = [("CAIRN_TOKEN", "hunter2 hunter2".to_owned())];
    let refused = server.cairn_as(&spaced, &["iam", "whoami"]).fails(1);
    assert!(
        refused.starts_with("cairn: CAIRN_TOKEN does not hold credentials") && !refused.contains("hunter2")
    );
    let absent = server.cairn(&["iam", "whoami", "--token-file", "/no/such/file"]).fails(1);
    assert!(absent.contains("cannot read the token in /no/such/file"), "{absent}");
}

#[test]
fn a_new_key_is_shown_to_people_with_how_to_use_it() {
    let server = TestServer::start();
    server.cairn(&["iam", "user", "create", "ada"]).succeeds();
    let shown = server.cairn(&["iam", "key", "create", "--user", "ada", "--output", "table"]).succeeds();
    assert!(shown.contains("The secret is shown this once"), "{shown}");
    let value = |name: &str| {
        let (_, rest) = shown.split_once(&format!("export {name}='")).unwrap();
        rest.split_once('\'').unwrap().0.to_owned()
    };
    let variables = ["CAIRN_ACCESS_KEY_ID", "CAIRN_SECRET_ACCESS_KEY"].map(|name| (name, value(name)));
    server.cairn_as(&variables, &["iam", "whoami"]).succeeds();
}

#[test]
fn groups_and_managed_policies_speak_for_users() {
    let server = TestServer::start();
    server.cairn(&["iam", "user", "create", "ada"]).succeeds();
    server.cairn(&["iam", "group", "create", "readers"]).succeeds();
    server.cairn(&["iam", "group", "add", "readers", "ada"]).succeeds();
    let created =
        server.cairn(&["iam", "policy", "create", "reads", ALLOW_READS, "--description", "Reads"]).json();
    assert_eq!(created["Arn"], "arn:aws:iam::000000000000:policy/reads");
    server.cairn(&["iam", "attach", "reads", "--group", "readers"]).succeeds();
    server.cairn(&["iam", "attach", "CairnReadOnly", "--user", "ada"]).succeeds();
    let group = server.cairn(&["iam", "group", "get", "readers"]).json();
    assert_eq!(group["UserNames"], json!(["ada"]));
    assert_eq!(group["AttachedManagedPolicies"][0]["PolicyArn"], created["Arn"]);
    let user = server.cairn(&["iam", "user", "get", "ada"]).json();
    assert_eq!(user["GroupNames"], json!(["readers"]));
    assert_eq!(user["AttachedManagedPolicies"][0]["PolicyName"], "CairnReadOnly");

    let policy = server.cairn(&["iam", "policy", "get", "reads"]).json();
    assert_eq!(policy["AttachedTo"], json!(["group/readers"]));
    assert_eq!(policy["Document"], ALLOW_READS);
    let listed = server.cairn(&["iam", "policy", "list", "--attached"]).json();
    assert_eq!(listed.as_array().unwrap().len(), 2);
    let refused = server.cairn(&["iam", "policy", "delete", "reads"]).fails(1);
    assert!(refused.starts_with("cairn: FAILED_PRECONDITION: Cannot delete entity, must "), "{refused}");
    server.cairn(&["iam", "detach", "reads", "--group", "readers"]).succeeds();
    server.cairn(&["iam", "policy", "delete", "reads"]).succeeds();

    server.cairn(&["iam", "boundary", "CairnReadOnly", "--user", "ada"]).succeeds();
    let user = server.cairn(&["iam", "user", "get", "ada"]).json();
    assert_eq!(
        user["PermissionsBoundary"]["PermissionsBoundaryArn"],
        "arn:aws:iam::aws:policy/CairnReadOnly"
    );
    server.cairn(&["iam", "boundary", "--none", "--user", "ada"]).succeeds();

    expect![[r#"
        ┌────────────────────┬────────────────────────────────────────────┬──────────┐
        │ Policy             ┆ ARN                                        ┆ Attached │
        ╞════════════════════╪════════════════════════════════════════════╪══════════╡
        │ CairnAdministrator ┆ arn:aws:iam::aws:policy/CairnAdministrator ┆        0 │
        │ CairnReadOnly      ┆ arn:aws:iam::aws:policy/CairnReadOnly      ┆        1 │
        │ CairnReadWrite     ┆ arn:aws:iam::aws:policy/CairnReadWrite     ┆        0 │
        └────────────────────┴────────────────────────────────────────────┴──────────┘
    "#]]
    .assert_eq(&server.cairn(&["iam", "policy", "list", "--output", "table"]).succeeds());
}

#[test]
fn a_role_is_assumed_for_a_session() {
    let server = TestServer::with_orders();
    server.cairn(&["iam", "user", "create", "ada"]).succeeds();
    let ada = key(&server, "ada");
    let trust = r#"{"Version": "2012-10-17", "Statement": {"Effect": "Allow",
        "Principal": {"AWS": "arn:aws:iam::000000000000:user/ada"}, "Action": "sts:AssumeRole"}}"#;
    let role =
        server.cairn(&["iam", "role", "create", "reader", "--trust", trust, "--max-session", "7200"]).json();
    assert_eq!(
        (&role["MaxSessionDuration"], &role["AssumeRolePolicyDocument"]),
        (&json!(7200), &json!(trust))
    );
    server.cairn(&["iam", "attach", "CairnReadOnly", "--role", "reader"]).succeeds();

    let assume = ["iam", "assume-role", text(&role, "Arn"), "--session", "nightly"];
    let assumed = server.cairn_as(&ada, &assume).json();
    assert_eq!(assumed["AssumedRoleUser"]["Arn"], "arn:aws:sts::000000000000:assumed-role/reader/nightly");
    let credentials = &assumed["Credentials"];
    let session = [
        ("CAIRN_ACCESS_KEY_ID", text(credentials, "AccessKeyId").to_owned()),
        ("CAIRN_SECRET_ACCESS_KEY", text(credentials, "SecretAccessKey").to_owned()),
        ("CAIRN_SESSION_TOKEN", text(credentials, "SessionToken").to_owned()),
    ];
    server.cairn_as(&session, &["table", "describe", "Orders"]).succeeds();
    let refused = server.cairn_as(&session, &["table", "delete", "Orders"]).fails(1);
    assert!(refused.starts_with("cairn: PERMISSION_DENIED: "), "{refused}");

    let changed = server.cairn(&["iam", "role", "update", "reader", "--description", "At night"]).json();
    assert_eq!(changed["Description"], "At night");
    let shown = server.cairn(&["iam", "role", "get", "reader", "--output", "table"]).succeeds();
    assert!(shown.contains("At night") && shown.contains("7200 s"), "{shown}");
}

#[test]
fn a_simulation_tells_why_and_fails_if_a_call_would_be_denied() {
    let server = TestServer::with_orders();
    server.cairn(&["iam", "user", "create", "ada"]).succeeds();
    let principal = "arn:aws:iam::000000000000:user/ada";
    let orders = "arn:aws:dynamodb:local:000000000000:table/Orders";
    server.cairn(&["iam", "policy", "put-inline", "own", ALLOW_READS, "--user", "ada"]).succeeds();
    let simulate =
        ["iam", "simulate", "--principal", principal, "--resource", orders, "--action", "dynamodb:GetItem"];
    let results = server.cairn(&simulate).json();
    assert_eq!(results[0]["EvalDecision"], "allowed");
    assert_eq!(results[0]["MatchedStatements"][0]["SourcePolicyId"], "user/ada/own");

    let denied =
        server.cairn(&[&simulate[..], &["--action", "dynamodb:PutItem", "--output", "table"]].concat());
    let (shown, error) = denied.fails_with_output(1);
    assert!(shown.contains("implicitDeny") && shown.contains("Allow user/ada/own[0] (Reads)"), "{shown}");
    assert_eq!(error, "cairn: not every call would be allowed\n");
}

#[test]
fn a_table_has_a_policy_of_its_own() {
    let server = TestServer::with_orders();
    server.cairn(&["iam", "user", "create", "ada"]).succeeds();
    let ada = key(&server, "ada");
    let none = server.cairn(&["table", "policy", "get", "Orders"]).fails(1);
    assert!(none.starts_with("cairn: NOT_FOUND: Resource-based policy not found"), "{none}");
    let document = r#"{"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": "dynamodb:GetItem",
        "Principal": {"AWS": "arn:aws:iam::000000000000:user/ada"},
        "Resource": "arn:aws:dynamodb:local:000000000000:table/Orders"}}"#;
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), document).unwrap();
    let path = format!("file://{}", file.path().display());
    let put =
        server.cairn(&["table", "policy", "put", "Orders", &path, "--expected-revision", "NO_POLICY"]).json();
    let got = server.cairn(&["table", "policy", "get", "Orders"]).json();
    assert_eq!((&got["Policy"], &got["RevisionId"]), (&json!(document), &put["RevisionId"]));
    let get = ["item", "get", "Orders", r#"{"Customer":"ada","When":1}"#];
    assert_eq!(server.cairn_as(&ada, &get).fails_with_output(1).0, "null\n");

    let again = ["table", "policy", "put", "Orders", document, "--expected-revision", "another"];
    assert!(server.cairn(&again).fails(1).starts_with("cairn: ABORTED: "));
    let malformed = server.cairn(&["table", "policy", "put", "Orders", "{}"]).fails(1);
    assert!(
        malformed.contains("Invalid policy document") && malformed.contains("(field policy)"),
        "{malformed}"
    );
    server.cairn(&["table", "policy", "delete", "Orders"]).succeeds();
    assert!(server.cairn_as(&ada, &get).fails(1).starts_with("cairn: PERMISSION_DENIED: "));
}

#[test]
fn a_malformed_document_is_told_with_the_place_in_it() {
    let server = TestServer::start();
    server.cairn(&["iam", "user", "create", "ada"]).succeeds();
    let put = |document: &str| {
        server.cairn(&["iam", "policy", "put-inline", "own", document, "--user", "ada"]).fails(1)
    };
    let refused = put(&ALLOW_READS.replace("\"Allow\"", "\"allow\""));
    assert!(
        refused.starts_with("cairn: INVALID_ARGUMENT: The policy document is not valid: Statement"),
        "{refused}"
    );
    assert!(refused.contains("(field policy_document)"), "{refused}");
    assert!(put("{\"Version\"").contains("line 1 column"));
    let empty = server.cairn(&["iam", "policy", "create", "p", "-"]).fails(1);
    assert_eq!(empty, "cairn: DOCUMENT in standard input is empty: JSON is expected\n");
}
