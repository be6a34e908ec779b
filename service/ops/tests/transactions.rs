//! TransactGetItems and TransactWriteItems.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic)] // Tests fail loudly, in helpers too.

mod harness;
mod root;

use cairn_model::{AttributeValue, Item};
use cairn_ops::{
    CancellationCode, CancellationReason, Error, ExpressionArguments, ReturnConsumedCapacity,
    ReturnValuesOnConditionCheckFailure, TransactAction, TransactGet, TransactGetItems, TransactWriteItem,
    TransactWriteItems, TransactWriteItemsOutput, UnitKind,
};
use cairn_storage::memory::MemoryEngine;
use cairn_storage::{Consistency, Direction, Engine, KeyRange, Snapshot, SpaceId};
use harness::{
    attributes, create_tables, get, held_clock, invalid, item, key, map, n, put, s, service, service_at,
    values,
};
use jiff::SignedDuration;
use root::AsRoot;
use std::collections::BTreeMap;
use std::ops::ControlFlow;

const FILMS_ARN: &str = "arn:aws:dynamodb:local:000000000000:table/Films";

fn action(table: &str, action: TransactAction) -> TransactWriteItem {
    TransactWriteItem {
        table: table.into(),
        action,
        condition_expression: None,
        arguments: ExpressionArguments::default(),
        return_values_on_condition_check_failure: ReturnValuesOnConditionCheckFailure::None,
    }
}

fn put_action(pairs: &[(&str, AttributeValue)]) -> TransactWriteItem {
    action("Music", TransactAction::Put { item: item(pairs) })
}

fn put_key(pk: &str) -> TransactWriteItem {
    action("Music", TransactAction::Put { item: key(pk, "1") })
}

fn delete(pk: &str) -> TransactWriteItem {
    action("Music", TransactAction::Delete { key: key(pk, "1") })
}

fn check(pk: &str, condition: &str) -> TransactWriteItem {
    when(action("Music", TransactAction::ConditionCheck { key: key(pk, "1") }), condition)
}

fn update(pk: &str, expression: &str, bound: &[(&str, AttributeValue)]) -> TransactWriteItem {
    TransactWriteItem {
        arguments: if bound.is_empty() { ExpressionArguments::default() } else { values(bound) },
        ..action("Music", TransactAction::Update { key: key(pk, "1"), update_expression: expression.into() })
    }
}

fn when(item: TransactWriteItem, condition: &str) -> TransactWriteItem {
    TransactWriteItem { condition_expression: Some(condition.into()), ..item }
}

fn transaction(transact_items: Vec<TransactWriteItem>) -> TransactWriteItems {
    TransactWriteItems {
        transact_items,
        request_token: None,
        return_consumed_capacity: ReturnConsumedCapacity::Indexes,
        return_item_collection_metrics: false,
    }
}

fn with_token(token: &str, transact_items: Vec<TransactWriteItem>) -> TransactWriteItems {
    TransactWriteItems { request_token: Some(token.into()), ..transaction(transact_items) }
}

#[track_caller]
fn cancelled<T: std::fmt::Debug>(result: cairn_ops::Result<T>) -> Vec<CancellationReason> {
    match result.unwrap_err() {
        Error::TransactionCanceled { reasons } => reasons,
        other => panic!("{other:?}"),
    }
}

fn codes(reasons: &[CancellationReason]) -> Vec<&'static str> {
    reasons.iter().map(|reason| reason.code.name()).collect()
}

fn cost(output: &TransactWriteItemsOutput) -> (f64, Option<UnitKind>) {
    let [cost] = output.consumed_capacity.as_slice() else { panic!("{output:?}") };
    (cost.capacity_units, cost.transactional)
}

#[tokio::test]
async fn a_transaction_does_all_its_actions_and_costs_twice_what_they_cost_alone() {
    let service = service().await;
    put(&service, "Music", &[("pk", s("gone")), ("sk", n("1")), ("body", s(&"x".repeat(2_000)))]).await;
    put(&service, "Music", &[("pk", s("checked")), ("sk", n("1"))]).await;
    let elsewhere = action(FILMS_ARN, TransactAction::Put { item: key("film", "1") });
    let output = transaction(vec![
        put_action(&[("pk", s("new")), ("sk", n("1")), ("v", n("1"))]),
        update("made", "SET v = :one", &[(":one", n("1"))]),
        delete("gone"),
        check("checked", "attribute_exists(pk)"),
        elsewhere,
    ])
    .by_root(&service)
    .await
    .unwrap();
    let costs: Vec<_> = output
        .consumed_capacity
        .iter()
        .map(|cost| (cost.table.as_str(), cost.capacity_units, cost.transactional))
        .collect();
    assert_eq!(costs, [("Music", 10.0, Some(UnitKind::Write)), (FILMS_ARN, 2.0, Some(UnitKind::Write))]);
    let new = map(&[("pk", s("new")), ("sk", n("1")), ("v", n("1"))]);
    assert_eq!(get(&service, "Music", key("new", "1")).await, Some(new));
    assert_eq!(get(&service, "Music", key("made", "1")).await.unwrap()["v"], n("1"));
    assert_eq!(get(&service, "Music", key("gone", "1")).await, None);
    assert!(get(&service, "Films", key("film", "1")).await.is_some());
}

#[tokio::test]
async fn what_a_transaction_writes_to_indexes_costs_once_what_it_does_alone() {
    let service = service().await;
    let put = put_action(&[("pk", s("a")), ("sk", n("1")), ("band", s("x"))]);
    let output = transaction(vec![put, put_key("b")]).by_root(&service).await.unwrap();
    assert_eq!(cost(&output), (5.0, Some(UnitKind::Write)));
    let parts = output.consumed_capacity[0].parts.clone().unwrap();
    assert_eq!(parts.table, 4.0);
    assert_eq!(parts.global_secondary_indexes, BTreeMap::from([("by-band".to_owned(), 1.0)]));
}

#[tokio::test]
async fn a_transaction_cannot_make_an_item_collection_too_large() {
    let service = service().await;
    let book = |pk: &str, sk: &str, bytes: usize| {
        let item = item(&[("pk", s(pk)), ("sk", n(sk)), ("body", s(&"x".repeat(bytes)))]);
        action("Books", TransactAction::Put { item })
    };
    transaction(vec![book("a", "1", 300), book("b", "1", 600), book("a", "2", 300)])
        .by_root(&service)
        .await
        .unwrap();
    // Each alone would have room.
    let grow = || vec![book("a", "3", 200), book("b", "2", 200), book("a", "4", 200)];
    let reasons = cancelled(transaction(grow()).by_root(&service).await);
    assert_eq!(
        codes(&reasons),
        ["ItemCollectionSizeLimitExceeded", "None", "ItemCollectionSizeLimitExceeded"]
    );
    assert_eq!(get(&service, "Books", key("b", "2")).await, None);
    let shrink = action("Books", TransactAction::Delete { key: key("a", "1") });
    transaction(vec![shrink]).by_root(&service).await.unwrap();
    transaction(grow()).by_root(&service).await.unwrap();
}

#[tokio::test]
async fn every_failed_condition_is_reported_at_its_place_and_nothing_is_written() {
    let service = service().await;
    put(&service, "Music", &[("pk", s("a")), ("sk", n("1")), ("v", n("5"))]).await;
    let shown = TransactWriteItem {
        return_values_on_condition_check_failure: ReturnValuesOnConditionCheckFailure::AllOld,
        ..check("a", "attribute_not_exists(pk)")
    };
    let error = transaction(vec![
        put_key("new"),
        shown,
        when(delete("missing"), "attribute_exists(pk)"),
        when(update("b", "SET v = :v", &[(":v", n("1"))]), "attribute_not_exists(pk)"),
    ])
    .by_root(&service)
    .await
    .unwrap_err();
    assert_eq!(
        error.to_string(),
        "Transaction cancelled, please refer cancellation reasons for specific reasons \
         [None, ConditionalCheckFailed, ConditionalCheckFailed, None]"
    );
    let reasons = cancelled::<()>(Err(error));
    assert_eq!(reasons[1].message, "The conditional request failed");
    let seen = reasons[1].item.clone().map(attributes);
    assert_eq!(seen, Some(map(&[("pk", s("a")), ("sk", n("1")), ("v", n("5"))])));
    assert!(reasons[0].message.is_empty() && reasons[2].item.is_none());
    for pk in ["new", "b"] {
        assert_eq!(get(&service, "Music", key(pk, "1")).await, None);
    }
}

#[tokio::test]
async fn conditions_see_the_items_as_they_were_before_the_transaction() {
    let service = service().await;
    let request = || {
        transaction(vec![
            when(put_key("a"), "attribute_not_exists(pk)"),
            when(put_key("b"), "attribute_not_exists(pk)"),
        ])
    };
    request().by_root(&service).await.unwrap();
    let again = request().by_root(&service).await;
    assert_eq!(codes(&cancelled(again)), ["ConditionalCheckFailed", "ConditionalCheckFailed"]);
}

#[tokio::test]
async fn of_what_does_not_fit_the_table_or_the_item_only_the_first_is_reported_and_no_condition() {
    let service = service().await;
    put(&service, "Music", &[("pk", s("a")), ("sk", n("1")), ("lyrics", s("x"))]).await;
    let failing = || check("missing", "attribute_exists(pk)");
    let wrong_key = |pk| action("Music", TransactAction::Delete { key: item(&[("pk", s(pk))]) });
    let mistyped = put_action(&[("pk", n("1")), ("sk", n("1"))]);
    let large = s(&"x".repeat(250_000));
    put(&service, "Music", &[("pk", s("large")), ("sk", n("1")), ("body", large.clone())]).await;
    for (bad, text, field) in [
        (update("a", "SET band = :v", &[(":v", n("1"))]), "unsupported type", "update.update_expression"),
        (update("a", "SET band.x = :v", &[(":v", n("1"))]), "IndexKey: band", "update.update_expression"),
        (
            put_action(&[("pk", s("b")), ("sk", n("1")), ("band", n("1"))]),
            "Type mismatch",
            "put.item[\"band\"]",
        ),
        (wrong_key("b"), "The provided key element does not match the schema", "delete.key[\"sk\"]"),
        (mistyped, "Type mismatch for key pk expected: S actual: N", "put.item[\"pk\"]"),
        (
            update("a", "SET sk = :v", &[(":v", n("2"))]),
            "This attribute is part of the key",
            "update.update_expression",
        ),
        (update("a", "ADD lyrics :v", &[(":v", n("1"))]), "incorrect data type", "update.update_expression"),
        (update("a", "SET lyrics.b = :v", &[(":v", n("1"))]), "document path", "update.update_expression"),
        (
            update("large", "SET more = :v", &[(":v", large.clone())]),
            "Item size to update has exceeded",
            "update.update_expression",
        ),
    ] {
        let reasons = cancelled(
            transaction(vec![failing(), bad, update("c", "SET x = y", &[])]).by_root(&service).await,
        );
        assert_eq!(codes(&reasons), ["None", "ValidationError", "None"]);
        assert!(reasons[1].message.contains(text), "{}", reasons[1].message);
        assert_eq!(reasons[1].field.as_ref().unwrap().to_proto(), format!("transact_items[1].{field}"));
    }
}

#[tokio::test]
async fn what_the_request_alone_decides_refuses_it_action_by_action_before_any_table_is_looked_up() {
    let service = service().await;
    let refused = async |actions| invalid(transaction(actions).by_root(&service).await);
    let missing = || action("Missing", TransactAction::Delete { key: key("a", "1") });
    let bad_update = || update("a", "SET", &[]);
    let bad_condition = || when(delete("b"), "attribute_exists(");

    let (text, field) = refused(vec![missing(), bad_condition(), bad_update()]).await;
    assert!(text.starts_with("Invalid ConditionExpression: Syntax error"), "{text}");
    assert_eq!(field, "transact_items[1].delete.condition_expression");
    let (text, field) = refused(vec![missing(), bad_update(), bad_condition()]).await;
    assert!(text.starts_with("Invalid UpdateExpression: Syntax error"), "{text}");
    assert_eq!(field, "transact_items[1].update.update_expression");
    let unused = when(
        TransactWriteItem { arguments: values(&[(":v", s("x"))]), ..delete("a") },
        "attribute_exists(pk)",
    );
    let (_, field) = refused(vec![unused]).await;
    assert_eq!(field, "transact_items[0].delete.bindings.values");
    let unconditional = action("Music", TransactAction::ConditionCheck { key: key("a", "1") });
    let (text, field) = refused(vec![unconditional]).await;
    assert!(text.ends_with("Member must not be null"), "{text}");
    assert_eq!(field, "transact_items[0].condition_check.condition_expression");

    let gone = transaction(vec![put_key("a"), missing()]).by_root(&service).await;
    assert!(matches!(gone, Err(Error::ResourceNotFound { resource, .. }) if resource == "Missing"));

    // One item, however its number is written and its table is named.
    let film = |table, sk| action(table, TransactAction::Delete { key: key("a", sk) });
    let (text, field) = refused(vec![film("Films", "1"), put_key("a"), film(FILMS_ARN, "1.0")]).await;
    assert_eq!(text, "Transaction request cannot include multiple operations on one item");
    assert_eq!(field, "transact_items[2]");
    let (text, _) = refused(vec![put_action(&[("pk", s("")), ("sk", n("1"))])]).await;
    assert!(text.contains("cannot contain an empty string value. Key: pk"), "{text}");

    let (text, _) = refused(vec![]).await;
    assert!(text.ends_with("Member must have length greater than or equal to 1"), "{text}");
    let (text, _) = refused((0..101).map(|pk| delete(&pk.to_string())).collect()).await;
    assert!(text.ends_with("Member must have length less than or equal to 100"), "{text}");
    let body = s(&"x".repeat(400_000));
    let large = |pk: usize| put_action(&[("pk", s(&pk.to_string())), ("sk", n("1")), ("body", body.clone())]);
    let (text, _) = refused((0..11).map(large).collect()).await;
    assert!(text.contains("4 MB"), "{text}");
    // What a transaction touches does not count, only what it says.
    for first in [0, 10] {
        transaction((first..first + 10).map(large).collect()).by_root(&service).await.unwrap();
    }
    transaction((0..20).map(|pk| delete(&pk.to_string())).collect()).by_root(&service).await.unwrap();
}

#[tokio::test]
async fn a_request_with_a_token_is_done_once_and_later_calls_cost_reads() {
    let engine = MemoryEngine::new();
    let clock = held_clock();
    let service = service_at(engine.clone(), &clock).await;
    create_tables(&service).await;
    let add = |by: &str| {
        with_token(
            "token-1",
            vec![update(
                "a",
                "ADD v :n SET nicks = :ss",
                &[(":n", n(by)), (":ss", AttributeValue::Ss(["x".to_owned(), "y".to_owned()].into()))],
            )],
        )
    };
    assert_eq!(cost(&add("1").by_root(&service).await.unwrap()), (2.0, Some(UnitKind::Write)));
    // The same values, encoded otherwise.
    let mut again = add("1");
    let bound = b"\x0a\x0b\x0a\x02:n\x12\x05\x12\x031.0\x0a\x0f\x0a\x03:ss\x12\x08\x42\x06\x0a\x01y\x0a\x01x";
    again.transact_items[0].arguments.values = Some(Item::from_encoded(bound.as_slice().into()));
    assert_eq!(cost(&again.by_root(&service).await.unwrap()), (2.0, Some(UnitKind::Read)));
    assert_eq!(get(&service, "Music", key("a", "1")).await.unwrap()["v"], n("1"));
    let other = add("2").by_root(&service).await;
    assert!(matches!(other, Err(Error::IdempotentParameterMismatch)), "{other:?}");

    // Another process, or the same after a restart.
    let restarted = service_at(engine, &clock).await;
    assert_eq!(cost(&add("1").by_root(&restarted).await.unwrap()).1, Some(UnitKind::Read));

    clock.advance(SignedDuration::from_secs(599));
    assert_eq!(cost(&add("1").by_root(&service).await.unwrap()).1, Some(UnitKind::Read));
    clock.advance(SignedDuration::from_secs(1));
    assert_eq!(cost(&add("2").by_root(&service).await.unwrap()).1, Some(UnitKind::Write));
    assert_eq!(get(&service, "Music", key("a", "1")).await.unwrap()["v"], n("3"));
}

#[tokio::test]
async fn a_cancelled_transaction_may_be_tried_again_with_its_token() {
    let service = service().await;
    let request =
        || with_token("t", vec![when(update("a", "SET v = :v", &[(":v", n("1"))]), "attribute_exists(pk)")]);
    assert_eq!(codes(&cancelled(request().by_root(&service).await)), ["ConditionalCheckFailed"]);
    put(&service, "Music", &[("pk", s("a")), ("sk", n("1"))]).await;
    assert_eq!(cost(&request().by_root(&service).await.unwrap()).1, Some(UnitKind::Write));
}

#[tokio::test]
async fn a_token_has_1_to_36_characters() {
    let service = service().await;
    for (token, text) in [("", "greater than or equal to 1"), (&*"x".repeat(37), "less than or equal to 36")]
    {
        let (message, field) = invalid(with_token(token, vec![put_key("a")]).by_root(&service).await);
        assert!(message.contains("'clientRequestToken'") && message.ends_with(text), "{message}");
        assert_eq!(field, "request_id");
    }
    with_token(&"é".repeat(36), vec![put_key("a")]).by_root(&service).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn of_many_calls_with_one_token_at_once_one_is_done() {
    let service = service().await;
    let calls: Vec<_> = (0..16)
        .map(|_| {
            let service = service.clone();
            let request = with_token("once", vec![update("a", "ADD v :one", &[(":one", n("1"))])]);
            tokio::spawn(async move { cost(&request.by_root(&service).await.unwrap()).1 })
        })
        .collect();
    let mut written = 0;
    for call in calls {
        written += usize::from(call.await.unwrap() == Some(UnitKind::Write));
    }
    assert_eq!(written, 1);
    assert_eq!(get(&service, "Music", key("a", "1")).await.unwrap()["v"], n("1"));
}

/// How many records there are in the system space under the prefixes of request tokens.
async fn token_records(engine: &MemoryEngine) -> usize {
    let snapshot = engine.snapshot(Consistency::Strong).await.unwrap();
    let mut count = 0;
    for prefix in [&[0x03][..], &[0x04]] {
        let keys = std::sync::Arc::new(std::sync::atomic::AtomicUsize::new(0));
        let counted = keys.clone();
        let visit = move |_: &[u8], _| {
            counted.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
            ControlFlow::Continue(())
        };
        let range = KeyRange::prefix(prefix);
        let _ = snapshot.scan(SpaceId::System, range, Direction::Ascending, visit).await.unwrap();
        count += keys.load(std::sync::atomic::Ordering::SeqCst);
    }
    count
}

#[tokio::test]
async fn tokens_that_have_expired_are_removed_by_later_users() {
    let engine = MemoryEngine::new();
    let clock = held_clock();
    let service = service_at(engine.clone(), &clock).await;
    create_tables(&service).await;
    for number in 0..20 {
        with_token(&format!("old-{number}"), vec![put_key("a")]).by_root(&service).await.unwrap();
    }
    assert_eq!(token_records(&engine).await, 40);
    clock.advance(SignedDuration::from_mins(10));
    // One of them is used anew, so that its record is a new one.
    for token in ["old-7", "new"] {
        with_token(token, vec![put_key("b")]).by_root(&service).await.unwrap();
    }
    // The first use of a token of another process looks for expired ones.
    let other = service_at(engine.clone(), &clock).await;
    with_token("newer", vec![put_key("c")]).by_root(&other).await.unwrap();
    while token_records(&engine).await > 6 {
        tokio::task::yield_now().await;
    }
    assert_eq!(token_records(&engine).await, 6);
    let replay = with_token("old-7", vec![put_key("b")]).by_root(&service).await.unwrap();
    assert_eq!(cost(&replay).1, Some(UnitKind::Read));
}

fn transact_get(gets: Vec<(&str, Item, Option<&str>)>) -> TransactGetItems {
    let get = |(table, key, projection): (&str, Item, Option<&str>)| TransactGet {
        table: table.into(),
        key,
        projection_expression: projection.map(str::to_owned),
        arguments: ExpressionArguments::default(),
    };
    TransactGetItems {
        transact_items: gets.into_iter().map(get).collect(),
        return_consumed_capacity: ReturnConsumedCapacity::Total,
    }
}

#[tokio::test]
async fn a_transaction_reads_items_in_the_order_they_are_asked_for() {
    let service = service().await;
    put(&service, "Music", &[("pk", s("a")), ("sk", n("1")), ("v", n("1")), ("body", s(&"x".repeat(5_000)))])
        .await;
    put(&service, "Films", &[("pk", s("b")), ("sk", n("1"))]).await;
    let output = transact_get(vec![
        ("Films", key("b", "1"), Some("nothing")),
        ("Music", key("missing", "1"), None),
        ("Music", key("a", "1"), Some("v")),
    ])
    .by_root(&service)
    .await
    .unwrap();
    let items: Vec<_> = output.responses.into_iter().map(|item| item.map(attributes)).collect();
    assert_eq!(items, [None, None, Some(map(&[("v", n("1"))]))]);
    let costs: BTreeMap<_, _> = output
        .consumed_capacity
        .iter()
        .map(|cost| (cost.table.as_str(), (cost.capacity_units, cost.transactional)))
        .collect();
    let read = |units| (units, Some(UnitKind::Read));
    assert_eq!(costs, BTreeMap::from([("Films", read(2.0)), ("Music", read(2.0 + 4.0))]));
}

#[tokio::test]
async fn a_transaction_that_reads_is_cancelled_for_a_bad_key_and_refused_for_a_bad_request() {
    let service = service().await;
    let bad = || item(&[("pk", s("a"))]);
    let request =
        transact_get(vec![("Music", key("a", "1"), None), ("Music", bad(), None), ("Music", bad(), None)]);
    let reasons = cancelled(request.by_root(&service).await);
    assert_eq!(codes(&reasons), ["None", "ValidationError", "None"]);
    assert_eq!(reasons[1].code, CancellationCode::ValidationError);
    assert_eq!(reasons[1].message, "The provided key element does not match the schema");

    let refused = async |gets| invalid(transact_get(gets).by_root(&service).await);
    let (text, field) =
        refused(vec![("Missing", key("a", "1"), None), ("Music", key("a", "1"), Some("a.."))]).await;
    assert!(text.starts_with("Invalid ProjectionExpression"), "{text}");
    assert_eq!(field, "transact_items[1].projection_expression");
    let (text, _) = refused(vec![("Music", key("a", "1"), None), ("Music", key("a", "1.0"), None)]).await;
    assert_eq!(text, "Transaction request cannot include multiple operations on one item");
    let (text, _) = refused(vec![]).await;
    assert!(text.ends_with("Member must have length greater than or equal to 1"), "{text}");
    let missing = transact_get(vec![("Missing", key("a", "1"), None)]).by_root(&service).await;
    assert!(matches!(missing, Err(Error::ResourceNotFound { .. })));

    let body = s(&"x".repeat(400_000));
    for pk in 0..11 {
        put(&service, "Music", &[("pk", s(&pk.to_string())), ("sk", n("1")), ("body", body.clone())]).await;
    }
    let all =
        |count: usize| (0..count).map(|pk| ("Music", key(&pk.to_string(), "1"), None)).collect::<Vec<_>>();
    let (text, _) = refused(all(11)).await;
    assert!(text.contains("4 MB"), "{text}");
    assert_eq!(transact_get(all(10)).by_root(&service).await.unwrap().responses.len(), 10);
}
