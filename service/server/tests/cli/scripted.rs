//! The client against answers that are made up: those that take much data or a certain moment to come from the server,
//! and what it asks for.

use crate::harness::{Ran, cairn};
use axum::Router;
use axum::routing::post;
use cairn_api::{Codec, v1};
use cairn_model::{AttributeMap, AttributeValue, DecodeBudget, EncodedValue, Item};
use prost::Message;
use serde_json::json;
use std::sync::{Arc, Mutex};
use tokio::net::TcpListener;
use tokio::runtime::Runtime;
use tokio_stream::wrappers::TcpListenerStream;
use tonic::service::Routes;
use tonic::{Request, Response, Status};

type Answer<A> = Result<A, Status>;

/// Serves one method with made-up answers while `cairn` runs. Answers what became of it, and the requests it made.
fn scripted<Q, A>(
    method: &str,
    args: &[&str],
    answer: impl Fn(&Q) -> Answer<A> + Send + Sync + 'static,
) -> (Ran, Vec<Q>)
where
    Q: Message + Default + Clone + 'static,
    A: Message + Default + 'static,
{
    let requests = Arc::new(Mutex::new(Vec::new()));
    let answer = Arc::new(answer);
    let handler = {
        let requests = requests.clone();
        move |request: http::Request<axum::body::Body>| {
            let (requests, answer) = (requests.clone(), answer.clone());
            async move {
                let method = tower::service_fn(move |request: Request<Q>| {
                    let request = request.into_inner();
                    let answer = answer(&request).map(Response::new);
                    requests.lock().unwrap().push(request);
                    std::future::ready(answer)
                });
                tonic::server::Grpc::new(Codec::<A, Q>::default()).unary(method, request).await
            }
        }
    };
    let routes = Routes::from(Router::new().route(&format!("/cairn.v1.{method}"), post(handler)));
    let runtime = Runtime::new().unwrap();
    let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0")).unwrap();
    let endpoint = format!("http://{}", listener.local_addr().unwrap());
    runtime.spawn(
        tonic::transport::Server::builder()
            .add_routes(routes)
            .serve_with_incoming(TcpListenerStream::new(listener)),
    );
    let ran = cairn(&endpoint, args, "");
    let requests = std::mem::take(&mut *requests.lock().unwrap());
    (ran, requests)
}

fn item(name: &str, value: AttributeValue) -> Item {
    Item::from(AttributeMap::from([(name.to_owned(), value)]))
}

fn decoded(value: &EncodedValue) -> AttributeValue {
    value.decode(&mut DecodeBudget::item()).unwrap()
}

fn put_whose_condition_fails(args: &[&str], there: Option<Item>) -> (Ran, v1::PutItemRequest) {
    let base = ["item", "put", "Orders", r#"{"Id":1}"#, "--condition", "attribute_not_exists(Id)"];
    let answer = move |_: &v1::PutItemRequest| {
        let failure = v1::ConditionalCheckFailure { item: there.clone(), item_omitted: false };
        Ok(v1::PutItemResponse { condition_failure: Some(failure), ..Default::default() })
    };
    let (ran, mut requests) = scripted("ItemService/PutItem", &[&base[..], args].concat(), answer);
    (ran, requests.remove(0))
}

#[test]
fn a_failed_condition_is_a_failure() {
    let (ran, request) = put_whose_condition_fails(&[], None);
    assert_eq!(ran.fails(1), "cairn: FAILED_PRECONDITION: The conditional request failed\n");
    assert_eq!(request.condition_expression.as_deref(), Some("attribute_not_exists(Id)"));
    assert_eq!(request.condition_failure_report(), v1::ConditionFailureReport::Response);
    assert_eq!(
        request.return_values_on_condition_check_failure(),
        v1::ReturnValuesOnConditionCheckFailure::Unspecified
    );
}

#[test]
fn a_failed_condition_prints_the_item_that_is_there_if_asked_to() {
    // Larger than what fits into an error.
    let there = item("text", AttributeValue::S("x".repeat(100_000)));
    let (ran, request) = put_whose_condition_fails(&["--return-on-failure"], Some(there));
    assert_eq!(
        request.return_values_on_condition_check_failure(),
        v1::ReturnValuesOnConditionCheckFailure::AllOld
    );
    assert_eq!(ran.status, 1);
    assert_eq!(ran.stderr, "cairn: FAILED_PRECONDITION: The conditional request failed\n");
    let printed: serde_json::Value = serde_json::from_str(&ran.stdout).unwrap();
    assert_eq!(printed, json!({ "text": "x".repeat(100_000) }));

    let (ran, _) = put_whose_condition_fails(&["--return-on-failure"], None);
    assert_eq!((ran.status, ran.stdout.as_str()), (1, "null\n"));
}

#[test]
fn an_update_asks_for_what_its_arguments_say() {
    let args = [
        "item",
        "update",
        "Orders",
        r#"{"Id":1}"#,
        "--update",
        "SET #s = :s",
        "--condition",
        "#a = :a",
        "--name",
        "#s=Sta=tus",
        "--name",
        "#a=Amount",
        "--values",
        r#"{":s":"sent",":a":1.50}"#,
        "--return",
        "updated-new",
        "--capacity",
        "indexes",
    ];
    let (ran, requests) = scripted("ItemService/UpdateItem", &args, |_: &v1::UpdateItemRequest| {
        Ok(v1::UpdateItemResponse {
            attributes: Some(item("Status", AttributeValue::S("sent".into()))),
            consumed_capacity: Some(v1::ConsumedCapacity {
                table: "Orders".into(),
                capacity_units: 1.0,
                table_capacity: Some(v1::Capacity { capacity_units: 1.0, ..Default::default() }),
                ..Default::default()
            }),
            ..Default::default()
        })
    });
    assert_eq!(ran.stdout, "{\"Status\":\"sent\"}\n");
    assert_eq!(
        ran.stderr,
        "{\"ConsumedCapacity\":{\"CapacityUnits\":1.0,\"Table\":{\"CapacityUnits\":1.0},\"TableName\":\"Orders\"}}\n"
    );
    let request = &requests[0];
    assert_eq!(request.update_expression.as_deref(), Some("SET #s = :s"));
    assert_eq!(request.condition_expression.as_deref(), Some("#a = :a"));
    assert_eq!(request.return_values(), v1::ReturnValues::UpdatedNew);
    assert_eq!(request.return_consumed_capacity(), v1::ReturnConsumedCapacity::Indexes);
    assert_eq!(decoded(&request.key["Id"]), AttributeValue::N(1_u64.into()));
    let bindings = request.bindings.as_ref().unwrap();
    assert_eq!(bindings.names["#s"], "Sta=tus");
    assert_eq!(bindings.names["#a"], "Amount");
    assert_eq!(decoded(&bindings.values[":s"]), AttributeValue::S("sent".into()));
    assert_eq!(decoded(&bindings.values[":a"]), AttributeValue::N("1.5".parse().unwrap()));
}

#[test]
fn a_get_asks_for_its_projection_and_consistency() {
    let args = [
        "item",
        "get",
        "Orders",
        r#"{"Id":{"N":"1"}}"#,
        "--json",
        "dynamodb",
        "--consistent",
        "--projection",
        "#n",
        "--name",
        "#n=Name",
    ];
    let (ran, requests) = scripted("ItemService/GetItem", &args, |_: &v1::GetItemRequest| {
        Ok(v1::GetItemResponse { item: Some(Item::default()), ..Default::default() })
    });
    assert_eq!(ran.succeeds(), "{}\n");
    let request = &requests[0];
    assert_eq!(request.projection_expression.as_deref(), Some("#n"));
    assert_eq!(request.read_consistency(), v1::ReadConsistency::Strong);
    assert_eq!(request.bindings.as_ref().unwrap().names["#n"], "Name");
}

#[test]
fn a_list_of_many_pages_is_one_list() {
    let answer = |request: &v1::ListTablesRequest| {
        let (name, next) = match request.page_token.as_str() {
            "" => ("one", "one"),
            "one" => ("two", "two"),
            _ => ("three", ""),
        };
        Ok(v1::ListTablesResponse { table_names: vec![name.into()], next_page_token: next.into() })
    };
    let (ran, requests) = scripted("TableService/ListTables", &["table", "list"], answer);
    assert_eq!(ran.succeeds(), "[\"one\",\"two\",\"three\"]\n");
    assert_eq!(requests.len(), 3);
}

#[test]
fn tags_of_many_pages_are_one_answer() {
    let answer = |request: &v1::ListTagsOfResourceRequest| {
        let (key, next) = if request.page_token.is_empty() { ("a", "a") } else { ("b", "") };
        let tag = v1::Tag { key: key.into(), value: "1".into() };
        Ok(v1::ListTagsOfResourceResponse { tags: vec![tag], next_page_token: next.into() })
    };
    // An ARN is taken as it is: nothing else is asked.
    let arn = "arn:aws:dynamodb:local:000000000000:table/Orders";
    let (ran, requests) = scripted("TableService/ListTagsOfResource", &["table", "tags", arn], answer);
    assert_eq!(ran.succeeds(), "{\"a\":\"1\",\"b\":\"1\"}\n");
    assert!(requests.iter().all(|request| request.resource_arn == arn));
}

#[test]
fn an_answer_without_what_was_promised_is_a_failure() {
    let (ran, _) = scripted(
        "TableService/DescribeTable",
        &["table", "describe", "Orders"],
        |_: &v1::DescribeTableRequest| Ok(v1::DescribeTableResponse::default()),
    );
    assert_eq!(ran.fails(1), "cairn: the answer has no table description: is this a Cairn server?\n");
}
