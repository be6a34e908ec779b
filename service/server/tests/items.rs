//! Items over real gRPC: what goes in comes out, and what breaks a rule is refused with its place and changes nothing.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic)] // Tests fail loudly, in helpers too.

mod common;

use cairn_api::v1;
use cairn_api::v1::item_service_client::ItemServiceClient;
use cairn_model::{AttributeValue, Item};
use common::{TestServer, attributes, folder, map, n, raw_value, s, values};
use tonic::{Code, Request, Status};
use tonic_types::StatusExt;

fn key(pk: &str, sk: &str) -> [(&'static str, AttributeValue); 2] {
    [("pk", s(pk)), ("sk", n(sk))]
}

async fn server() -> (TestServer, tempfile::TempDir) {
    let folder = folder();
    let server = TestServer::start(folder.path()).await;
    server.create_table("Music").await;
    (server, folder)
}

/// Checks the code, the text and the field of a refusal.
#[track_caller]
fn refused<T: std::fmt::Debug>(answer: Result<T, Status>, code: Code, text: &str, field: &str) {
    let status = answer.unwrap_err();
    assert_eq!(status.code(), code, "{status:?}");
    assert!(status.message().contains(text), "{}", status.message());
    let info = status.get_details_error_info().unwrap();
    assert_eq!(info.domain, "cairn");
    let violated = match code {
        Code::InvalidArgument => status.get_details_bad_request().unwrap().field_violations[0].field.clone(),
        Code::FailedPrecondition => {
            status.get_details_precondition_failure().unwrap().violations[0].subject.clone()
        }
        _ => String::new(),
    };
    assert_eq!(violated, field);
}

#[tokio::test(flavor = "multi_thread")]
async fn every_type_of_value_comes_back_as_it_went_in() {
    let (server, _folder) = server().await;
    let item = map(&[
        ("pk", s("a")),
        ("sk", n("1e3")),
        ("empty", s("")),
        ("number", n("-1.50")),
        ("long", n("12345678901234567890123456789012345678")),
        ("binary", AttributeValue::B(vec![0, 255, 7].into())),
        ("yes", AttributeValue::Bool(true)),
        ("no", AttributeValue::Bool(false)),
        ("null", AttributeValue::Null),
        ("list", AttributeValue::L(vec![s("x"), n("1"), AttributeValue::L(vec![])])),
        ("map", AttributeValue::M(map(&[("deep", AttributeValue::M(map(&[("er", s("é"))])))]))),
        ("ss", AttributeValue::Ss(["b".to_owned(), "a".to_owned()].into())),
        ("ns", AttributeValue::Ns(["2".parse().unwrap(), "1.0".parse().unwrap()].into())),
        ("bs", AttributeValue::Bs([vec![1u8].into()].into())),
    ]);
    let pairs: Vec<_> = item.iter().map(|(name, value)| (name.as_str(), value.clone())).collect();
    server.put("Music", &pairs).await.unwrap();
    // 1e3 and 1000 are one key.
    assert_eq!(server.get("Music", &key("a", "1000.0")).await, Some(item));
    assert_eq!(server.get("Music", &key("a", "1001")).await, None);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_put_replaces_the_whole_item_and_returns_the_old_one_if_asked() {
    let (server, _folder) = server().await;
    let old = [("pk", s("a")), ("sk", n("1")), ("gone", s("x"))];
    let new = [("pk", s("a")), ("sk", n("1")), ("here", s("y"))];
    let put = |item: &[(&str, AttributeValue)]| v1::PutItemRequest {
        table: "Music".into(),
        item: Some(map(item).into()),
        return_values: v1::ReturnValues::AllOld.into(),
        ..Default::default()
    };
    let first = server.items().put_item(put(&old)).await.unwrap().into_inner();
    assert!(first.attributes.is_none());
    let second = server.items().put_item(put(&new)).await.unwrap().into_inner();
    assert_eq!(second.attributes.map(attributes), Some(map(&old)));
    assert_eq!(server.get("Music", &key("a", "1")).await, Some(map(&new)));
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_condition_guards_a_write_and_a_failure_tells_what_was_there() {
    let (server, _folder) = server().await;
    let item = [("pk", s("a")), ("sk", n("1")), ("v", n("1"))];
    server.put("Music", &item).await.unwrap();
    let put = |report: v1::ConditionFailureReport| v1::PutItemRequest {
        table: "Music".into(),
        item: Some(map(&[("pk", s("a")), ("sk", n("1")), ("v", n("2"))]).into()),
        condition_expression: Some("attribute_not_exists(pk)".into()),
        return_values_on_condition_check_failure: v1::ReturnValuesOnConditionCheckFailure::AllOld.into(),
        condition_failure_report: report.into(),
        ..Default::default()
    };
    let status = server.items().put_item(put(v1::ConditionFailureReport::Unspecified)).await.unwrap_err();
    assert_eq!(
        (status.code(), status.message()),
        (Code::FailedPrecondition, "The conditional request failed")
    );
    assert_eq!(status.get_details_error_info().unwrap().reason, "CONDITIONAL_CHECK_FAILED");
    let response =
        server.items().put_item(put(v1::ConditionFailureReport::Response)).await.unwrap().into_inner();
    assert_eq!(response.condition_failure.unwrap().item.map(attributes), Some(map(&item)));
    assert_eq!(server.get("Music", &key("a", "1")).await, Some(map(&item)));
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_update_changes_what_it_names_and_makes_the_item_if_it_must() {
    let (server, _folder) = server().await;
    let update = |expression: Option<&str>, returned: v1::ReturnValues| v1::UpdateItemRequest {
        table: "Music".into(),
        key: values(&key("a", "1")),
        update_expression: expression.map(str::to_owned),
        bindings: expression.filter(|text| text.contains(":one")).map(|_| v1::ExpressionBindings {
            values: values(&[(":one", n("1")), (":zero", n("0"))]),
            ..Default::default()
        }),
        return_values: returned.into(),
        ..Default::default()
    };
    let count = "SET plays = if_not_exists(plays, :zero) + :one";
    for expected in ["1", "2"] {
        let answer = server
            .items()
            .update_item(update(Some(count), v1::ReturnValues::UpdatedNew))
            .await
            .unwrap()
            .into_inner();
        assert_eq!(answer.attributes.map(attributes), Some(map(&[("plays", n(expected))])));
    }
    let answer = server
        .items()
        .update_item(update(Some("REMOVE plays"), v1::ReturnValues::AllNew))
        .await
        .unwrap()
        .into_inner();
    assert_eq!(answer.attributes.map(attributes), Some(map(&key("a", "1"))));

    // Removing from an item that is not there makes none; an update that names nothing makes one.
    let other = |mut request: v1::UpdateItemRequest| {
        request.key = values(&key("b", "1"));
        request
    };
    server.items().update_item(other(update(Some("REMOVE plays"), v1::ReturnValues::None))).await.unwrap();
    assert_eq!(server.get("Music", &key("b", "1")).await, None);
    server.items().update_item(other(update(None, v1::ReturnValues::None))).await.unwrap();
    assert_eq!(server.get("Music", &key("b", "1")).await, Some(map(&key("b", "1"))));

    refused(
        server.items().update_item(update(Some("REMOVE pk"), v1::ReturnValues::None)).await,
        Code::InvalidArgument,
        "Cannot update attribute pk. This attribute is part of the key",
        "update_expression",
    );
    refused(
        server.items().update_item(update(Some("REMOVE a.b"), v1::ReturnValues::None)).await,
        Code::FailedPrecondition,
        "The document path provided in the update expression is invalid for update",
        "update_expression",
    );
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn deleting_returns_the_old_item_and_deleting_nothing_succeeds() {
    let (server, _folder) = server().await;
    server.put("Music", &[("pk", s("a")), ("sk", n("1")), ("v", s("x"))]).await.unwrap();
    let delete = || v1::DeleteItemRequest {
        table: "Music".into(),
        key: values(&key("a", "1")),
        return_values: v1::ReturnValues::AllOld.into(),
        return_consumed_capacity: v1::ReturnConsumedCapacity::Indexes.into(),
        ..Default::default()
    };
    let first = server.items().delete_item(delete()).await.unwrap().into_inner();
    assert!(attributes(first.attributes.unwrap()).contains_key("v"));
    let capacity = first.consumed_capacity.unwrap();
    assert_eq!((capacity.capacity_units, capacity.table_capacity.unwrap().capacity_units), (1.0, 1.0));
    assert!(server.items().delete_item(delete()).await.unwrap().into_inner().attributes.is_none());
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_projection_returns_the_parts_asked_for() {
    let (server, _folder) = server().await;
    let item = [
        ("pk", s("a")),
        ("sk", n("1")),
        ("name", s("x")),
        ("songs", AttributeValue::L(vec![n("1"), n("2"), n("3")])),
    ];
    server.put("Music", &item).await.unwrap();
    let get = |projection: &str| v1::GetItemRequest {
        table: "Music".into(),
        key: values(&key("a", "1")),
        projection_expression: Some(projection.into()),
        bindings: Some(v1::ExpressionBindings {
            names: [("#n".to_owned(), "name".to_owned())].into(),
            ..Default::default()
        }),
        ..Default::default()
    };
    let answer = server.items().get_item(get("#n, songs[2], songs[0], absent")).await.unwrap().into_inner();
    let expected = map(&[("name", s("x")), ("songs", AttributeValue::L(vec![n("1"), n("3")]))]);
    assert_eq!(answer.item.map(attributes), Some(expected));
    // There is an item, and nothing of it was asked for.
    let mut nothing = get("absent");
    nothing.bindings = None;
    assert_eq!(
        server.items().get_item(nothing).await.unwrap().into_inner().item.map(attributes),
        Some(map(&[]))
    );
    refused(
        server.items().get_item(get("songs")).await,
        Code::InvalidArgument,
        "Value provided in ExpressionAttributeNames unused in expressions: keys: {#n}",
        "bindings.names",
    );
    refused(
        server.items().get_item(get("name, #n")).await,
        Code::InvalidArgument,
        "Invalid ProjectionExpression: Attribute name is a reserved keyword; reserved keyword: name",
        "projection_expression",
    );
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn items_that_break_a_rule_are_refused_with_the_place_and_change_nothing() {
    let (server, _folder) = server().await;
    let before = server.describe("Music").await.unwrap();
    let put = async |item: &[(&str, AttributeValue)]| server.put("Music", item).await;
    let raw = async |name: &str, value: &[u8]| {
        let mut item = values(&key("a", "1"));
        item.insert(name.to_owned(), raw_value(value));
        let request = v1::PutItemRequest {
            table: "Music".into(),
            item: Some(Item::from_values(&item)),
            ..Default::default()
        };
        server.items().put_item(request).await
    };
    let invalid = Code::InvalidArgument;
    refused(put(&[("sk", n("1"))]).await, invalid, "Missing the key pk in the item", "item[\"pk\"]");
    refused(
        put(&[("pk", n("1")), ("sk", n("1"))]).await,
        invalid,
        "Type mismatch for key pk expected: S actual: N",
        "item[\"pk\"]",
    );
    refused(
        put(&[("pk", s("")), ("sk", n("1"))]).await,
        invalid,
        "cannot contain an empty string value. Key: pk",
        "item[\"pk\"]",
    );
    refused(
        put(&[("pk", s(&"x".repeat(2_049))), ("sk", n("1"))]).await,
        invalid,
        "Size of hashkey has exceeded the maximum size limit of2048 bytes",
        "item[\"pk\"]",
    );
    refused(
        raw("big", format!("\x12\x27{}", "1".repeat(39)).as_bytes()).await,
        invalid,
        "Attempting to store more than 38 significant digits in a Number",
        "item[\"big\"]",
    );
    refused(
        raw("bad", b"\x12\x03abc").await,
        invalid,
        "cannot be converted to a numeric value: abc",
        "item[\"bad\"]",
    );
    refused(raw("none", b"").await, invalid, "Supplied AttributeValue is empty", "item[\"none\"]");
    refused(raw("set", b"\x42\x00").await, invalid, "An string set  may not be empty", "item[\"set\"]");
    let nested = |wraps: usize| (0..wraps).fold(s("x"), |value, _| AttributeValue::L(vec![value]));
    let deep = [("pk", s("deep")), ("sk", n("1")), ("d", nested(31))];
    put(&deep).await.unwrap();
    let error = put(&[("pk", s("a")), ("sk", n("1")), ("d", nested(32))]).await.unwrap_err();
    assert_eq!(error.code(), invalid);
    assert!(
        error
            .message()
            .starts_with("1 validation error detected: Nesting Levels have exceeded supported limits"),
        "{}",
        error.message()
    );
    // pk + a, sk + 1, body: 2 + 1 + 2 + 2 + 4 bytes beside the text.
    let sized = |bytes: usize| [("pk", s("a")), ("sk", n("1")), ("body", s(&"x".repeat(bytes - 11)))];
    refused(put(&sized(409_601)).await, invalid, "Item size has exceeded the maximum allowed size", "item");
    assert_eq!(server.get("Music", &key("a", "1")).await, None);
    assert_eq!(before.item_count, 0);
    assert_eq!(server.describe("Music").await.unwrap().item_count, 1, "only the deep item was stored");
    put(&sized(409_600)).await.unwrap();
    assert_eq!(server.describe("Music").await.unwrap().item_count, 2);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_and_tables_that_are_wrong_are_refused() {
    let (server, _folder) = server().await;
    let get = async |table: &str, key: &[(&str, AttributeValue)]| {
        let request = v1::GetItemRequest { table: table.into(), key: values(key), ..Default::default() };
        server.items().get_item(request).await
    };
    let schema = "The provided key element does not match the schema";
    for wrong in [
        vec![("pk", s("a"))],
        vec![("pk", s("a")), ("sk", s("1"))],
        vec![("pk", s("a")), ("sk", n("1")), ("x", n("1"))],
    ] {
        let error = get("Music", &wrong).await.unwrap_err();
        assert_eq!((error.code(), error.message()), (Code::InvalidArgument, schema));
    }
    let error = get("Nothing", &key("a", "1")).await.unwrap_err();
    assert_eq!((error.code(), error.message()), (Code::NotFound, "Requested resource not found"));
    assert_eq!(error.get_details_resource_info().unwrap().resource_name, "Nothing");
    for (name, rule) in [
        ("ab", "Member must have length greater than or equal to 3"),
        ("a b c", "Member must satisfy regular expression pattern: [a-zA-Z0-9_.-]+"),
        ("", "Member must not be null"),
        ("arn:aws:s3:::bucket", "Invalid ARN"),
    ] {
        refused(get(name, &key("a", "1")).await, Code::InvalidArgument, rule, "table");
    }
    let arn = "arn:aws:dynamodb:local:000000000000:table/Music";
    assert!(get(arn, &key("a", "1")).await.is_ok());
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deadline_that_has_passed_changes_nothing() {
    let (server, _folder) = server().await;
    let mut request = Request::new(v1::PutItemRequest {
        table: "Music".into(),
        item: Some(map(&key("a", "1")).into()),
        ..Default::default()
    });
    request.metadata_mut().insert("grpc-timeout", "0n".parse().unwrap());
    // tonic's own channel would give up by itself before it hears the server's answer.
    let client = hyper_util::client::legacy::Client::builder(hyper_util::rt::TokioExecutor::new())
        .http2_only(true)
        .build_http();
    let origin = format!("http://{}", server.address).parse().unwrap();
    let status = ItemServiceClient::with_origin(client, origin).put_item(request).await.unwrap_err();
    assert_eq!(status.code(), Code::DeadlineExceeded, "{status:?}");
    assert_eq!(server.get("Music", &key("a", "1")).await, None);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_over_the_limit_is_refused_and_the_connection_lives() {
    let (server, _folder) = server().await;
    let huge = [("pk", s("a")), ("sk", n("1")), ("body", s(&"x".repeat(40 * 1024 * 1024)))];
    let status = server.put("Music", &huge).await.unwrap_err();
    assert_eq!(status.code(), Code::InvalidArgument, "{status:?}");
    assert!(status.message().contains("more than the 33554432 that are allowed"), "{}", status.message());
    server.put("Music", &key("a", "1")).await.unwrap();
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_a_message_is_the_callers_fault() {
    let (server, _folder) = server().await;
    // Field 1 of the request is a string; these bytes are none.
    let mut client = tonic::client::Grpc::new(server.channel.clone());
    client.ready().await.unwrap();
    let codec: cairn_api::Codec<v1::Tag, v1::PutItemResponse> = cairn_api::Codec::default();
    // A tag's key is field 1 too: an invalid UTF-8 string cannot be made of a Rust string, so cut a varint field.
    let path = http::uri::PathAndQuery::from_static("/cairn.v1.TableService/ListTables");
    let request = Request::new(v1::Tag { key: "page_size is a number".into(), value: String::new() });
    let status = client.unary(request, path, codec).await.unwrap_err();
    assert_eq!(status.code(), Code::InvalidArgument, "{status:?}");
    assert_eq!(status.get_details_error_info().unwrap().reason, "SERIALIZATION");
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn many_callers_of_one_counter_lose_no_update() {
    let (server, _folder) = server().await;
    let callers: Vec<_> = (0..16)
        .map(|_| {
            let mut client = server.items();
            tokio::spawn(async move {
                for _ in 0..25 {
                    let request = v1::UpdateItemRequest {
                        table: "Music".into(),
                        key: values(&key("hot", "1")),
                        update_expression: Some("ADD plays :one".into()),
                        bindings: Some(v1::ExpressionBindings {
                            values: values(&[(":one", n("1"))]),
                            ..Default::default()
                        }),
                        ..Default::default()
                    };
                    client.update_item(request).await.unwrap();
                }
            })
        })
        .collect();
    for caller in callers {
        caller.await.unwrap();
    }
    assert_eq!(server.get("Music", &key("hot", "1")).await.unwrap()["plays"], n("400"));
    server.stop().await;
}
