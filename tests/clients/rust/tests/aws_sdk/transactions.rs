//! Many items at once, or none.

use crate::support::{Item, at, client, create_table, item, n, s, world};
use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::operation::transact_write_items::TransactWriteItemsError;
use aws_sdk_dynamodb::types::{
    ConditionCheck, Delete, Get, Put, ReturnValuesOnConditionCheckFailure, TransactGetItem,
    TransactWriteItem, Update,
};

fn put(item: Item) -> TransactWriteItem {
    let put = Put::builder().table_name("Course").set_item(Some(item)).build().unwrap();
    TransactWriteItem::builder().put(put).build()
}

async fn stored(client: &Client, key: Item) -> Option<Item> {
    let get = client.get_item().table_name("Course").set_key(Some(key)).consistent_read(true);
    get.send().await.unwrap().item
}

#[tokio::test(flavor = "multi_thread")]
async fn a_transaction_writes_all_its_items_and_another_reads_them_in_order() {
    let world = world().await;
    let client = client(&world);
    create_table(&client, "Course").await;
    for item in [item("old", "1", []), item("counter", "1", [("v", n(1))]), item("guard", "1", [])] {
        client.put_item().table_name("Course").set_item(Some(item)).send().await.unwrap();
    }
    let update = Update::builder().table_name("Course").set_key(Some(at("counter", "1")));
    let update = update.update_expression("ADD v :one").expression_attribute_values(":one", n(1));
    let delete = Delete::builder().table_name("Course").set_key(Some(at("old", "1")));
    let check = ConditionCheck::builder().table_name("Course").set_key(Some(at("guard", "1")));
    let check = check.condition_expression("attribute_exists(pk)");
    let transaction = client
        .transact_write_items()
        .transact_items(put(item("new", "1", [("v", n(5))])))
        .transact_items(TransactWriteItem::builder().update(update.build().unwrap()).build())
        .transact_items(TransactWriteItem::builder().delete(delete.build().unwrap()).build())
        .transact_items(TransactWriteItem::builder().condition_check(check.build().unwrap()).build());
    transaction.send().await.unwrap();

    let get = |pk| {
        let get = Get::builder().table_name("Course").set_key(Some(at(pk, "1"))).build().unwrap();
        TransactGetItem::builder().get(get).build()
    };
    let keys = ["counter", "old", "new"].map(get);
    let answer = client.transact_get_items().set_transact_items(Some(keys.into())).send().await.unwrap();
    let items: Vec<_> = answer.responses().iter().map(|response| response.item().cloned()).collect();
    let expected = [Some(item("counter", "1", [("v", n(2))])), None, Some(item("new", "1", [("v", n(5))]))];
    assert_eq!(items, expected);
    world.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cancelled_transaction_says_by_position_why_and_changes_nothing() {
    let world = world().await;
    let client = client(&world);
    create_table(&client, "Course").await;
    let taken = item("taken", "1", [("owner", s("ada"))]);
    client.put_item().table_name("Course").set_item(Some(taken.clone())).send().await.unwrap();

    let claim = Put::builder().table_name("Course").set_item(Some(at("taken", "1")));
    let claim = claim.condition_expression("attribute_not_exists(pk)");
    let claim = claim.return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld);
    let transaction = client.transact_write_items().transact_items(put(at("free", "1")));
    let claim = TransactWriteItem::builder().put(claim.build().unwrap()).build();
    let error = transaction.transact_items(claim).send().await.unwrap_err().into_service_error();
    let TransactWriteItemsError::TransactionCanceledException(cancelled) = error else { panic!("{error:?}") };
    let reasons: Vec<_> = cancelled
        .cancellation_reasons()
        .iter()
        .map(|reason| (reason.code(), reason.message(), reason.item()))
        .collect();
    let failed = (Some("ConditionalCheckFailed"), Some("The conditional request failed"), Some(&taken));
    assert_eq!(reasons, [(Some("None"), None, None), failed]);

    assert_eq!(stored(&client, at("free", "1")).await, None);
    assert_eq!(stored(&client, at("taken", "1")).await, Some(taken));
    world.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_transaction_sent_again_with_its_token_is_done_once() {
    let world = world().await;
    let client = client(&world);
    create_table(&client, "Course").await;
    let add = |amount| {
        let update = Update::builder().table_name("Course").set_key(Some(at("counter", "1")));
        let update = update.update_expression("ADD v :amount");
        let update = update.expression_attribute_values(":amount", n(amount)).build().unwrap();
        let item = TransactWriteItem::builder().update(update).build();
        client.transact_write_items().transact_items(item)
    };
    for _ in 0..2 {
        add(5).client_request_token("one-token").send().await.unwrap();
    }
    let five = item("counter", "1", [("v", n(5))]);
    assert_eq!(stored(&client, at("counter", "1")).await, Some(five.clone()));

    let error = add(6).client_request_token("one-token").send().await.unwrap_err().into_service_error();
    assert!(error.is_idempotent_parameter_mismatch_exception(), "{error:?}");
    assert_eq!(stored(&client, at("counter", "1")).await, Some(five));

    // The SDK gives every transaction a token of its own: the same one twice is two.
    for _ in 0..2 {
        add(5).send().await.unwrap();
    }
    assert_eq!(stored(&client, at("counter", "1")).await, Some(item("counter", "1", [("v", n(15))])));
    world.stop().await.unwrap();
}
