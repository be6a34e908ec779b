//! Errors as the SDK tells them, and what it can see of every answer.

use crate::support::{Seen, at, client, config, create_table, item, s, table, world};
use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::error::ProvideErrorMetadata;
use aws_sdk_dynamodb::operation::RequestId;
use aws_sdk_dynamodb::operation::create_table::CreateTableError;
use aws_sdk_dynamodb::types::BillingMode;

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_there_is_a_typed_error() {
    let world = world().await;
    let client = client(&world);
    let get = client.get_item().table_name("Nowhere").set_key(Some(at("a", "1")));
    let error = get.send().await.unwrap_err().into_service_error();
    assert!(error.is_resource_not_found_exception(), "{error:?}");
    assert_eq!(error.meta().message(), Some("Requested resource not found"));
    let error = client.describe_table().table_name("Nowhere").send().await.unwrap_err().into_service_error();
    assert!(error.is_resource_not_found_exception(), "{error:?}");
    assert_eq!(error.meta().message(), Some("Requested resource not found: Table: Nowhere not found"));
    world.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_name_that_is_taken_is_a_typed_error() {
    let world = world().await;
    let client = client(&world);
    create_table(&client, "Course").await;
    let again = table(&client, "Course").billing_mode(BillingMode::PayPerRequest).send().await;
    let error = again.unwrap_err().into_service_error();
    let CreateTableError::ResourceInUseException(in_use) = error else { panic!("{error:?}") };
    assert_eq!(in_use.message(), Some("Table already exists: Course"));
    world.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_that_breaks_a_rule_is_told_which() {
    let world = world().await;
    let client = client(&world);
    create_table(&client, "Course").await;
    let put = client.put_item().table_name("Course").item("pk", s("a")).send().await;
    let error = put.unwrap_err().into_service_error();
    // The SDK has no type for it.
    assert_eq!(error.code(), Some("ValidationException"));
    let message = "One or more parameter values were invalid: Missing the key sk in the item";
    assert_eq!(error.message(), Some(message));
    world.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn every_answer_has_a_request_id_and_the_checksum_of_its_body() {
    let world = world().await;
    let seen = Seen::default();
    let config = config(&world.environment, &world.environment.administrator);
    let client = Client::from_conf(config.interceptor(seen.clone()).build());
    create_table(&client, "Course").await;
    let checked = |seen: &Seen| {
        let last = seen.last();
        assert_eq!(last.headers["x-amz-crc32"], crc32fast::hash(&last.body).to_string());
        last.headers["x-amzn-requestid"].clone()
    };

    let put = client.put_item().table_name("Course").set_item(Some(item("a", "1", [("v", s("värde"))])));
    let put = put.send().await.unwrap();
    assert_eq!(put.request_id(), Some(&*checked(&seen)));
    let get = client.get_item().table_name("Course").set_key(Some(at("a", "1"))).send().await.unwrap();
    assert_eq!(get.request_id(), Some(&*checked(&seen)));
    assert_ne!(get.request_id(), put.request_id());
    let error = client.describe_table().table_name("Nowhere").send().await.unwrap_err();
    assert_eq!(error.request_id(), Some(&*checked(&seen)));
    world.stop().await.unwrap();
}
