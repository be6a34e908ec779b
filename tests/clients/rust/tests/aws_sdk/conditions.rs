//! Writes that are made only if.

use crate::support::{at, client, create_table, item, n, s, world};
use aws_sdk_dynamodb::operation::delete_item::DeleteItemError;
use aws_sdk_dynamodb::operation::update_item::UpdateItemError;
use aws_sdk_dynamodb::types::{ReturnValue, ReturnValuesOnConditionCheckFailure};

#[tokio::test(flavor = "multi_thread")]
async fn a_put_with_a_failed_condition_is_a_typed_error_and_leaves_the_item_alone() {
    let world = world().await;
    let client = client(&world);
    create_table(&client, "Course").await;
    let before = item("a", "1", [("v", n(1))]);
    client.put_item().table_name("Course").set_item(Some(before.clone())).send().await.unwrap();

    let again = client.put_item().table_name("Course").set_item(Some(item("a", "1", [("v", n(2))])));
    let error = again.condition_expression("attribute_not_exists(pk)").send().await.unwrap_err();
    let error = error.into_service_error();
    assert!(error.is_conditional_check_failed_exception(), "{error:?}");
    assert_eq!(error.meta().message(), Some("The conditional request failed"));

    let answer = client.get_item().table_name("Course").set_key(Some(at("a", "1"))).consistent_read(true);
    assert_eq!(answer.send().await.unwrap().item, Some(before));
    world.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failed_condition_tells_the_item_to_who_asks_for_it() {
    let world = world().await;
    let client = client(&world);
    create_table(&client, "Course").await;
    let before = item("a", "1", [("v", n(1)), ("note", s("kept"))]);
    client.put_item().table_name("Course").set_item(Some(before.clone())).send().await.unwrap();
    let all_old = ReturnValuesOnConditionCheckFailure::AllOld;

    let update = client.update_item().table_name("Course").set_key(Some(at("a", "1")));
    let update = update.update_expression("SET v = :new").condition_expression("v > :least");
    let update = update.expression_attribute_values(":new", n(9)).expression_attribute_values(":least", n(5));
    let error = update.clone().send().await.unwrap_err().into_service_error();
    let UpdateItemError::ConditionalCheckFailedException(failed) = error else { panic!("{error:?}") };
    assert_eq!(failed.item(), None);
    let update = update.return_values_on_condition_check_failure(all_old.clone());
    let error = update.send().await.unwrap_err().into_service_error();
    let UpdateItemError::ConditionalCheckFailedException(failed) = error else { panic!("{error:?}") };
    assert_eq!(failed.item(), Some(&before));

    let delete = client.delete_item().table_name("Course").set_key(Some(at("a", "1")));
    let delete = delete.condition_expression("attribute_exists(gone)");
    let delete = delete.return_values_on_condition_check_failure(all_old);
    let error = delete.send().await.unwrap_err().into_service_error();
    let DeleteItemError::ConditionalCheckFailedException(failed) = error else { panic!("{error:?}") };
    assert_eq!(failed.item(), Some(&before));
    world.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_condition_that_holds_lets_the_write_through() {
    let world = world().await;
    let client = client(&world);
    create_table(&client, "Course").await;
    let put = client.put_item().table_name("Course").set_item(Some(item("a", "1", [("v", n(1))])));
    put.condition_expression("attribute_not_exists(pk)").send().await.unwrap();

    let update = client.update_item().table_name("Course").set_key(Some(at("a", "1")));
    let update = update.update_expression("SET v = v + :one").condition_expression("v = :one");
    let update = update.expression_attribute_values(":one", n(1)).return_values(ReturnValue::UpdatedNew);
    let changed = update.send().await.unwrap().attributes.unwrap();
    assert_eq!(changed.get("v"), Some(&n(2)));
    world.stop().await.unwrap();
}
