//! Policy documents that are too large, too deep or too many.

use crate::common::{TestServer, table_request};
use crate::secured::{Root, allow, root, statement, told, user, whoami, with};
use crate::start;
use cairn_api::v1;
use serde_json::json;
use tonic::{Code, Status};

const TABLE_ARN: &str = "arn:aws:dynamodb:local:000000000000:table/Orders";
/// The most that a resource policy may have.
const RESOURCE_POLICY_BYTES_MAX: usize = 20 * 1024;
/// The most that an error may repeat of what it is about.
const MESSAGE_BYTES_MAX: usize = 512;

/// The ways in which a document comes in.
const WAYS: [&str; 7] = ["resource", "inline", "managed", "trust", "session", "simulated", "with its table"];

async fn orders(server: &TestServer) {
    server.tables().create_table(with(&root(), table_request("Orders"))).await.unwrap();
    let described = async || {
        let request = v1::DescribeTableRequest { table: "Orders".into() };
        let described = server.tables().describe_table(with(&root(), request)).await.unwrap();
        described.into_inner().table.unwrap().table_status()
    };
    while described().await != v1::TableStatus::Active {
        tokio::task::yield_now().await;
    }
}

async fn put_resource_policy(server: &TestServer, policy: String) -> Result<(), Status> {
    let request =
        v1::PutResourcePolicyRequest { resource_arn: TABLE_ARN.into(), policy, ..Default::default() };
    server.tables().put_resource_policy(with(&root(), request)).await.map(|_| ())
}

/// Gives the server a document in one of the [`WAYS`].
async fn give(server: &TestServer, way: &str, document: String) -> Result<(), Status> {
    let mut iam = Root(server.channel.clone()).iam();
    let token = root();
    match way {
        "resource" => put_resource_policy(server, document).await,
        "inline" => {
            let request = v1::PutInlinePolicyRequest {
                identity: user("ada"),
                policy_name: "rights".into(),
                policy_document: document,
            };
            iam.put_inline_policy(with(&token, request)).await.map(|_| ())
        }
        "managed" => {
            let request = v1::CreatePolicyRequest {
                policy_name: "rights".into(),
                policy_document: document,
                ..Default::default()
            };
            iam.create_policy(with(&token, request)).await.map(|_| ())
        }
        "trust" => {
            let request = v1::CreateRoleRequest {
                role_name: "clerk".into(),
                assume_role_policy_document: document,
                ..Default::default()
            };
            iam.create_role(with(&token, request)).await.map(|_| ())
        }
        "session" => {
            let request = v1::AssumeRoleRequest {
                role_arn: "arn:aws:iam::000000000000:role/porter".into(),
                role_session_name: "session".into(),
                policy: document,
                ..Default::default()
            };
            iam.assume_role(with(&token, request)).await.map(|_| ())
        }
        "simulated" => {
            let request = v1::SimulatePolicyRequest {
                policy_documents: vec![document],
                action_names: vec!["dynamodb:GetItem".into()],
                ..Default::default()
            };
            iam.simulate_policy(with(&token, request)).await.map(|_| ())
        }
        "with its table" => {
            let request =
                v1::CreateTableRequest { resource_policy: Some(document), ..table_request("Invoices") };
            server.tables().create_table(with(&token, request)).await.map(|_| ())
        }
        _ => panic!("no such way"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_resource_policy_has_20_kb_and_not_one_byte_more() {
    let (server, _folder) = start(|settings| settings).await;
    orders(&server).await;
    let document = statement(json!({
        "Effect": "Allow",
        "Principal": {"AWS": "arn:aws:iam::000000000000:root"},
        "Action": "dynamodb:GetItem",
        "Resource": TABLE_ARN,
    }));
    // White space counts here.
    let padded = |bytes: usize| format!("{document}{}", " ".repeat(bytes - document.len()));
    put_resource_policy(&server, padded(RESOURCE_POLICY_BYTES_MAX)).await.unwrap();
    let status = put_resource_policy(&server, padded(RESOURCE_POLICY_BYTES_MAX + 1)).await.unwrap_err();
    assert_eq!(status.code(), Code::InvalidArgument);
    assert!(status.message().contains("20480"), "{}", status.message());
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn no_document_is_too_deep_or_has_too_many_statements_for_the_server() {
    let (server, _folder) = start(|settings| settings).await;
    orders(&server).await;
    let ada = Root(server.channel.clone()).user("ada").await;
    let trust = json!({
        "Effect": "Allow",
        "Principal": {"AWS": "arn:aws:iam::000000000000:root"},
        "Action": "sts:AssumeRole",
    });
    Root(server.channel.clone()).role("porter", trust).await;
    let one = r#"{"Effect":"Allow","Action":"dynamodb:GetItem","Resource":"*"}"#;
    let many = format!(r#"{{"Version":"2012-10-17","Statement":[{}]}}"#, vec![one; 10_000].join(","));
    let deep = |levels: usize, open: &str, close: &str| {
        format!(r#"{{"Statement":{}{}}}"#, open.repeat(levels), close.repeat(levels))
    };
    let attacks = [
        ("arrays, 100,000 deep", deep(100_000, "[", "]")),
        ("objects, 100,000 deep", deep(100_000, r#"{"a":"#, "}")),
        ("arrays that never end", "[".repeat(100_000)),
        // Small enough to be read by whom size alone would stop.
        ("arrays, 1,000 deep", deep(1_000, "[", "]")),
        ("conditions, 300 deep", deep(300, r#"{"Condition":"#, "}")),
        ("10,000 statements", many),
        ("no JSON", "\u{0}\u{1}\u{2}".into()),
    ];
    for (attack, document) in attacks {
        for way in WAYS {
            let Err(status) = give(&server, way, document.clone()).await else {
                panic!("{attack} as {way} was taken")
            };
            assert_eq!(status.code(), Code::InvalidArgument, "{attack} as {way}: {status:?}");
            let (_, reason) = told(&status);
            assert!(
                ["MALFORMED_POLICY_DOCUMENT", "VALIDATION"].contains(&&*reason),
                "{attack} as {way}: {reason}"
            );
            let length = status.message().len();
            assert!((20..MESSAGE_BYTES_MAX).contains(&length), "{attack} as {way}: {}", status.message());
        }
    }
    // Nothing was half taken, and whoever was there before is served.
    assert!(whoami(&server.channel, &ada.bearer()).await.is_ok());
    give(&server, "managed", allow("dynamodb:GetItem")).await.unwrap();
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refused_document_says_what_is_too_much_of_it() {
    let (server, _folder) = start(|settings| settings).await;
    orders(&server).await;
    Root(server.channel.clone()).user("ada").await;
    let one = r#"{"Effect":"Allow","Action":"dynamodb:GetItem","Resource":"*"}"#;
    let statements =
        |count| format!(r#"{{"Version":"2012-10-17","Statement":[{}]}}"#, vec![one; count].join(","));
    let deep = format!(r#"{{"Statement":{}{}}}"#, "[".repeat(500), "]".repeat(500));
    for (way, document, expected) in [
        ("inline", &statements(100), "2048"),
        ("resource", &statements(500), "20480"),
        ("inline", &statements(10_000), "the document has 620038 bytes"),
        ("inline", &deep, "nest"),
        ("resource", &deep, "nest"),
    ] {
        let status = give(&server, way, document.clone()).await.unwrap_err();
        assert!(status.message().contains(expected), "{way}: {}", status.message());
    }
    server.stop().await;
}
