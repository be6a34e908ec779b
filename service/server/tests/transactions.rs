//! Batches and transactions over real gRPC: all or nothing whoever is at it at the same time, done once whatever is
//! sent again, and refused with a reason for each action.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic)] // Tests fail loudly, in helpers too.

mod common;

use cairn_api::v1::{self, transact_write_item::Action, write_request::Request as Write};
use cairn_model::{AttributeValue, Number};
use common::{TestServer, attributes, folder, map, n, s, values};
use prost::Message;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use tonic::{Code, Status};
use tonic_types::{StatusExt, pb};

const ACCOUNTS: usize = 8;
const OPENING_BALANCE: i64 = 100;

fn key(pk: &str) -> [(&'static str, AttributeValue); 2] {
    [("pk", s(pk)), ("sk", n("0"))]
}

fn account(number: usize) -> String {
    format!("account-{}", number % ACCOUNTS)
}

fn bindings(pairs: &[(&str, AttributeValue)]) -> Option<v1::ExpressionBindings> {
    Some(v1::ExpressionBindings { values: values(pairs), ..Default::default() })
}

fn update(pk: &str, expression: &str, condition: Option<&str>, amount: i64) -> v1::TransactWriteItem {
    v1::TransactWriteItem {
        action: Some(Action::Update(v1::TransactUpdate {
            table: "Bank".into(),
            key: values(&key(pk)),
            update_expression: expression.into(),
            condition_expression: condition.map(str::to_owned),
            bindings: bindings(&[(":amount", n(&amount.to_string()))]),
            ..Default::default()
        })),
    }
}

fn transfer(from: &str, to: &str, amount: i64) -> Vec<v1::TransactWriteItem> {
    vec![
        update(from, "SET balance = balance - :amount", Some("balance >= :amount"), amount),
        update(to, "SET balance = balance + :amount", None, amount),
    ]
}

fn request(transact_items: Vec<v1::TransactWriteItem>) -> v1::TransactWriteItemsRequest {
    v1::TransactWriteItemsRequest {
        transact_items,
        return_consumed_capacity: v1::ReturnConsumedCapacity::Indexes.into(),
        ..Default::default()
    }
}

async fn bank() -> (TestServer, tempfile::TempDir) {
    let folder = folder();
    let server = TestServer::start(folder.path()).await;
    server.create_table("Bank").await;
    let requests = (0..ACCOUNTS)
        .map(|number| {
            let item = map(&[
                ("pk", s(&account(number))),
                ("sk", n("0")),
                ("balance", n(&OPENING_BALANCE.to_string())),
            ]);
            v1::WriteRequest { request: Some(Write::Put(item.into())) }
        })
        .collect();
    let opening = v1::BatchWriteItemRequest {
        request_items: BTreeMap::from([("Bank".to_owned(), v1::WriteRequestList { requests })]),
        ..Default::default()
    };
    let opened = server.items().batch_write_item(opening).await.unwrap().into_inner();
    assert!(opened.unprocessed_items.is_empty());
    (server, folder)
}

async fn balances(server: &TestServer) -> Vec<Number> {
    let request = v1::TransactGetItemsRequest {
        transact_items: (0..ACCOUNTS)
            .map(|number| v1::TransactGet {
                table: "Bank".into(),
                key: values(&key(&account(number))),
                ..Default::default()
            })
            .collect(),
        ..Default::default()
    };
    let answer = server.items().transact_get_items(request).await.unwrap().into_inner();
    let balance = |response: v1::ItemResponse| match attributes(response.item.unwrap())["balance"] {
        AttributeValue::N(balance) => balance,
        ref other => panic!("{other:?}"),
    };
    answer.responses.into_iter().map(balance).collect()
}

fn total(balances: &[Number]) -> Number {
    balances.iter().fold(Number::ZERO, |sum, balance| sum.checked_add(balance).unwrap())
}

/// The reasons of a cancelled transaction, from the details of its error.
fn reasons(status: &Status) -> Vec<v1::CancellationReason> {
    let rich = pb::Status::decode(status.details()).unwrap();
    let detail = rich
        .details
        .iter()
        .find(|detail| detail.type_url == "type.googleapis.com/cairn.v1.TransactionCancellation")
        .unwrap();
    v1::TransactionCancellation::decode(&detail.value[..]).unwrap().reasons
}

fn codes(reasons: &[v1::CancellationReason]) -> Vec<v1::CancellationCode> {
    reasons.iter().map(v1::CancellationReason::code).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn money_is_neither_made_nor_lost_by_transfers_and_no_reader_sees_any_missing() {
    let (server, _folder) = bank().await;
    let server = Arc::new(server);
    let expected: Number = (ACCOUNTS as i64 * OPENING_BALANCE).into();
    let transferring = Arc::new(AtomicBool::new(true));
    let readers: Vec<_> = (0..2)
        .map(|_| {
            let (server, transferring) = (server.clone(), transferring.clone());
            tokio::spawn(async move {
                let mut reads = 0;
                while transferring.load(Ordering::SeqCst) || reads == 0 {
                    let balances = balances(&server).await;
                    assert_eq!(total(&balances), expected);
                    assert!(balances.iter().all(|balance| !balance.is_negative()));
                    reads += 1;
                }
            })
        })
        .collect();
    let tellers: Vec<_> = (0..8)
        .map(|teller| {
            let mut client = server.items();
            tokio::spawn(async move {
                let (mut done, mut refused) = (0, 0);
                for step in 0..40 {
                    let (from, to) = (account(teller + step), account(teller + step + 1 + step % 3));
                    let amount = (step * 37 % 120 + 1) as i64;
                    match client.transact_write_items(request(transfer(&from, &to, amount))).await {
                        Ok(_) => done += 1,
                        Err(status) => {
                            assert_eq!(
                                codes(&reasons(&status)),
                                [v1::CancellationCode::ConditionalCheckFailed, v1::CancellationCode::None]
                            );
                            refused += 1;
                        }
                    }
                }
                (done, refused)
            })
        })
        .collect();
    let (mut done, mut refused) = (0, 0);
    for teller in tellers {
        let (some_done, some_refused) = teller.await.unwrap();
        done += some_done;
        refused += some_refused;
    }
    transferring.store(false, Ordering::SeqCst);
    for reader in readers {
        reader.await.unwrap();
    }
    // Both happen: an amount may be more than any one account has had at the start.
    assert!(done > 0 && refused > 0, "{done} transfers done, {refused} refused");
    assert_eq!(total(&balances(&server).await), expected);
    Arc::into_inner(server).unwrap().stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_transaction_sent_again_after_a_restart_is_not_done_again() {
    let (server, folder) = bank().await;
    let transfer = |amount| v1::TransactWriteItemsRequest {
        request_id: "5ae8f05b-b9a1-4d9c-9b1c-8f1f8b1f1e9a".into(),
        ..request(transfer(&account(0), &account(1), amount))
    };
    let cost = |answer: v1::TransactWriteItemsResponse| answer.consumed_capacity[0].clone();
    let first = cost(server.items().transact_write_items(transfer(30)).await.unwrap().into_inner());
    assert_eq!((first.capacity_units, first.write_capacity_units), (4.0, Some(4.0)));
    assert_eq!(first.table_capacity.unwrap().write_capacity_units, Some(4.0));
    server.stop().await;

    let server = TestServer::start(folder.path()).await;
    let again = cost(server.items().transact_write_items(transfer(30)).await.unwrap().into_inner());
    assert_eq!((again.read_capacity_units, again.write_capacity_units), (Some(4.0), None));
    let other = server.items().transact_write_items(transfer(31)).await.unwrap_err();
    assert_eq!(other.code(), Code::InvalidArgument);
    assert_eq!(other.get_details_error_info().unwrap().reason, "IDEMPOTENT_PARAMETER_MISMATCH");
    let balances = balances(&server).await;
    assert_eq!(balances[..2], [Number::from(70i64), Number::from(130i64)]);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cancellation_gives_a_reason_for_each_action_in_the_error_or_in_the_response() {
    let (server, _folder) = bank().await;
    let check = |pk: &str, shown: v1::ReturnValuesOnConditionCheckFailure| v1::TransactWriteItem {
        action: Some(Action::ConditionCheck(v1::TransactConditionCheck {
            table: "Bank".into(),
            key: values(&key(pk)),
            condition_expression: "balance > :amount".into(),
            bindings: bindings(&[(":amount", n("1000"))]),
            return_values_on_condition_check_failure: shown.into(),
        })),
    };
    let shown = v1::ReturnValuesOnConditionCheckFailure::AllOld;
    let large = |pk: &str, body: usize| {
        let mut item = map(&key(pk));
        item.insert("body".into(), s(&"x".repeat(body)));
        v1::PutItemRequest { table: "Bank".into(), item: Some(item.into()), ..Default::default() }
    };
    server.items().put_item(large("large", 10_000)).await.unwrap();
    let cancelled = |report: v1::ConditionFailureReport| v1::TransactWriteItemsRequest {
        condition_failure_report: report.into(),
        ..request(vec![
            check(&account(0), shown),
            update("untouched", "SET balance = :amount", None, 1),
            check("large", shown),
            check("missing", shown),
        ])
    };
    use v1::CancellationCode::{ConditionalCheckFailed, None as InOrder};
    let expected = [ConditionalCheckFailed, InOrder, ConditionalCheckFailed, ConditionalCheckFailed];

    let error = cancelled(v1::ConditionFailureReport::Error);
    let status = server.items().transact_write_items(error).await.unwrap_err();
    assert_eq!(status.code(), Code::FailedPrecondition);
    assert_eq!(status.get_details_error_info().unwrap().reason, "TRANSACTION_CANCELED");
    let given = reasons(&status);
    assert_eq!(codes(&given), expected);
    let first = map(&[("pk", s(&account(0))), ("sk", n("0")), ("balance", n("100"))]);
    assert_eq!(given[0].item.clone().map(attributes), Some(first));
    assert!(given[2].item.is_none() && given[2].item_omitted);
    assert!(given[3].item.is_none() && !given[3].item_omitted);

    let response = cancelled(v1::ConditionFailureReport::Response);
    let answer = server.items().transact_write_items(response).await.unwrap().into_inner();
    assert!(answer.consumed_capacity.is_empty());
    let given = answer.cancellation.unwrap().reasons;
    assert_eq!(codes(&given), expected);
    assert_eq!(attributes(given[2].item.clone().unwrap())["body"], s(&"x".repeat(10_000)));
    assert_eq!(server.get("Bank", &key("untouched")).await, None);

    // What does not fit the table stays an error, whatever was asked for.
    let mut misfit = cancelled(v1::ConditionFailureReport::Response);
    misfit.transact_items[1] = v1::TransactWriteItem {
        action: Some(Action::Delete(v1::TransactDelete {
            table: "Bank".into(),
            key: values(&[("pk", s("x"))]),
            ..Default::default()
        })),
    };
    let status = server.items().transact_write_items(misfit).await.unwrap_err();
    assert_eq!(status.code(), Code::InvalidArgument);
    let violation = status.get_details_bad_request().unwrap().field_violations.remove(0);
    assert_eq!(violation.field, "transact_items[1].delete.key[\"sk\"]");
    assert_eq!(codes(&reasons(&status)), [InOrder, v1::CancellationCode::ValidationError, InOrder, InOrder]);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_request_says_is_checked_action_by_action_before_its_tables_are_looked_up() {
    let (server, _folder) = bank().await;
    let refused = async |transact_items| {
        let status = server.items().transact_write_items(request(transact_items)).await.unwrap_err();
        (status.code(), status.get_details_bad_request().map(|bad| bad.field_violations[0].field.clone()))
    };
    let mut elsewhere = update("a", "SET balance = :amount", None, 1);
    if let Some(Action::Update(update)) = &mut elsewhere.action {
        update.table = "Missing".into();
    }
    let broken = || update("b", "SET balance", None, 1);
    let unfilled = v1::TransactWriteItem::default();
    let invalid = |field: &str| (Code::InvalidArgument, Some(field.to_owned()));
    assert_eq!(
        refused(vec![elsewhere.clone(), broken(), broken()]).await,
        invalid("transact_items[1].update.update_expression")
    );
    assert_eq!(refused(vec![elsewhere.clone()]).await, (Code::NotFound, None));
    assert_eq!(refused(vec![broken(), unfilled]).await, invalid("transact_items[1]"));
    let good = || update("a", "SET balance = :amount", None, 1);
    assert_eq!(refused(vec![good(), good()]).await, invalid("transact_items[1]"));
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_batch_reads_what_a_batch_has_written() {
    let (server, _folder) = bank().await;
    let keys =
        ["account-0", "account-1", "missing"].map(|pk| v1::Key { attributes: values(&key(pk)) }).to_vec();
    let request = v1::BatchGetItemRequest {
        request_items: BTreeMap::from([(
            "Bank".to_owned(),
            v1::KeysAndAttributes {
                keys,
                read_consistency: v1::ReadConsistency::Strong.into(),
                projection_expression: Some("balance".into()),
                ..Default::default()
            },
        )]),
        return_consumed_capacity: v1::ReturnConsumedCapacity::Total.into(),
        ..Default::default()
    };
    let answer = server.items().batch_get_item(request).await.unwrap().into_inner();
    let items: Vec<_> = answer.responses["Bank"].items.iter().cloned().map(attributes).collect();
    assert_eq!(items, [map(&[("balance", n("100"))]), map(&[("balance", n("100"))])]);
    assert!(answer.unprocessed_keys.is_empty());
    assert_eq!(answer.consumed_capacity[0].capacity_units, 3.0);
    assert_eq!(answer.consumed_capacity[0].read_capacity_units, None);
    server.stop().await;
}
