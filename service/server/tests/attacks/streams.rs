//! Streams that go on when their caller may no longer read.

use crate::common::{TestServer, n, s, table_request, values};
use crate::secured::{Key, Root, allow, role, root, statement, told, user, with};
use crate::start;
use cairn_api::v1;
use cairn_model::AttributeValue;
use serde_json::json;
use tonic::{Code, Status, Streaming};

const TABLE_ARN: &str = "arn:aws:dynamodb:local:000000000000:table/Orders";
/// Far more than a connection takes that nobody reads from.
const ITEMS: usize = 24;
const ITEM_BYTES: usize = 350_000;

async fn orders(server: &TestServer) {
    server.tables().create_table(with(&root(), table_request("Orders"))).await.unwrap();
    let active = async || {
        let request = v1::DescribeTableRequest { table: "Orders".into() };
        let described = server.tables().describe_table(with(&root(), request)).await.unwrap();
        described.into_inner().table.unwrap().table_status() == v1::TableStatus::Active
    };
    while !active().await {
        tokio::task::yield_now().await;
    }
    for number in 0..ITEMS {
        let item: [(&str, AttributeValue); 3] =
            [("pk", s("a")), ("sk", n(&number.to_string())), ("v", s(&"x".repeat(ITEM_BYTES)))];
        let item = Some(crate::common::map(&item).into());
        let request = v1::PutItemRequest { table: "Orders".into(), item, ..Default::default() };
        server.items().put_item(with(&root(), request)).await.unwrap();
    }
}

async fn scan(server: &TestServer, bearer: &str) -> Streaming<v1::StreamScanResponse> {
    let request = v1::StreamScanRequest { table: "Orders".into(), ..Default::default() };
    let mut items = server.items().max_decoding_message_size(usize::MAX);
    items.stream_scan(with(bearer, request)).await.unwrap().into_inner()
}

async fn query(server: &TestServer, bearer: &str) -> Streaming<v1::StreamQueryResponse> {
    let request = v1::StreamQueryRequest {
        table: "Orders".into(),
        key_condition_expression: "pk = :pk".into(),
        bindings: Some(v1::ExpressionBindings { values: values(&[(":pk", s("a"))]), ..Default::default() }),
        ..Default::default()
    };
    let mut items = server.items().max_decoding_message_size(usize::MAX);
    items.stream_query(with(bearer, request)).await.unwrap().into_inner()
}

/// Reads a stream to its end: how many parts it had, or why it was cut off.
async fn rest<T>(mut stream: Streaming<T>) -> Result<usize, Status> {
    let mut parts = 0;
    while stream.message().await?.is_some() {
        parts += 1;
    }
    Ok(parts)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_ends_when_the_permission_for_it_is_taken_away() {
    let (server, _folder) = start(|settings| settings).await;
    orders(&server).await;
    let administrator = Root(server.channel.clone());
    let ada = administrator.user("ada").await;
    let rights = async |key: &Key| {
        administrator.put_rights(user("ada"), allow("dynamodb:*")).await;
        (scan(&server, &key.bearer()).await, query(&server, &key.bearer()).await)
    };
    let denied = (Code::PermissionDenied, "ACCESS_DENIED".to_owned());

    // Left alone, it has an end.
    let (scanned, queried) = rights(&ada).await;
    assert!(rest(scanned).await.unwrap() > 1 && rest(queried).await.unwrap() > 1);

    let (mut scanned, mut queried) = rights(&ada).await;
    scanned.message().await.unwrap().unwrap();
    queried.message().await.unwrap().unwrap();
    administrator.delete_rights(user("ada")).await;
    let status = rest(scanned).await.unwrap_err();
    assert_eq!(told(&status), denied);
    assert!(status.message().contains("is not authorized to perform: dynamodb:Scan"), "{status:?}");
    assert_eq!(told(&rest(queried).await.unwrap_err()), denied);

    // By the table's own policy.
    let (mut scanned, _) = rights(&ada).await;
    scanned.message().await.unwrap().unwrap();
    let policy = statement(json!({
        "Effect": "Deny",
        "Principal": {"AWS": "arn:aws:iam::000000000000:user/ada"},
        "Action": "dynamodb:Scan",
        "Resource": TABLE_ARN,
    }));
    let put = v1::PutResourcePolicyRequest { resource_arn: TABLE_ARN.into(), policy, ..Default::default() };
    server.tables().put_resource_policy(with(&root(), put)).await.unwrap();
    assert_eq!(told(&rest(scanned).await.unwrap_err()), denied);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_ends_with_the_key_or_the_role_that_it_was_begun_with() {
    let (server, _folder) = start(|settings| settings).await;
    orders(&server).await;
    let administrator = Root(server.channel.clone());
    let ada = administrator.user("ada").await;
    administrator.put_rights(user("ada"), allow("*")).await;
    let mut scanned = scan(&server, &ada.bearer()).await;
    scanned.message().await.unwrap().unwrap();
    administrator.set_key("ada", &ada, v1::AccessKeyStatus::Inactive).await;
    let gone = (Code::Unauthenticated, "UNRECOGNIZED_CLIENT".to_owned());
    assert_eq!(told(&rest(scanned).await.unwrap_err()), gone);

    administrator.set_key("ada", &ada, v1::AccessKeyStatus::Active).await;
    let trust = json!({
        "Effect": "Allow",
        "Principal": {"AWS": "arn:aws:iam::000000000000:user/ada"},
        "Action": "sts:AssumeRole",
    });
    administrator.role("clerk", trust).await;
    administrator.put_rights(role("clerk"), allow("dynamodb:*")).await;
    let request = v1::AssumeRoleRequest {
        role_arn: "arn:aws:iam::000000000000:role/clerk".into(),
        role_session_name: "session".into(),
        ..Default::default()
    };
    let begun = administrator.iam().assume_role(with(&ada.bearer(), request)).await.unwrap();
    let begun = begun.into_inner().credentials.unwrap();
    let session = format!("{}.{}.{}", begun.access_key_id, begun.secret_access_key, begun.session_token);
    let mut scanned = scan(&server, &session).await;
    scanned.message().await.unwrap().unwrap();
    administrator.delete_rights(role("clerk")).await;
    let request = v1::DeleteRoleRequest { role_name: "clerk".into() };
    administrator.iam().delete_role(with(&root(), request)).await.unwrap();
    let (code, _) = told(&rest(scanned).await.unwrap_err());
    assert!(matches!(code, Code::Unauthenticated | Code::PermissionDenied), "{code:?}");
    server.stop().await;
}
