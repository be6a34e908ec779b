//! What callers are told when the engine gives up ordering their calls, and that nothing is changed by such calls.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic)] // Tests fail loudly, in helpers too.

mod harness;

use cairn_model::{AttributeValue, Item, Number};
use cairn_ops::{
    BatchWriteItem, CancellationCode, CancellationReason, DeleteItem, Error, ExpressionArguments, Operation,
    PutItem, ReturnConsumedCapacity, ReturnValuesOnConditionCheckFailure, Service, TransactAction,
    TransactGet, TransactGetItems, TransactWriteItem, TransactWriteItems, UpdateItem, WriteRequest,
};
use cairn_storage::RecordKey;
use harness::{Refusing, attributes, create_tables, get, held_clock, key, n, put, s, service_at, values};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

async fn refusing_service() -> (Refusing, Service<Refusing>) {
    let engine = Refusing::new();
    let service = service_at(engine.clone(), &held_clock()).await;
    create_tables(&service).await;
    (engine, service)
}

/// Refuses every transaction over those of its keys that are at `declared`.
fn conflicts(engine: &Refusing, declared: &'static [usize]) {
    engine.refuse_transactions(|keys| {
        assert!(declared.iter().all(|place| *place < keys.len()));
        Some(cairn_storage::Error::Conflict { declared: declared.to_vec() })
    });
}

fn none(engine: &Refusing) {
    engine.refuse_transactions(|_| None);
}

fn action(table: &str, action: TransactAction) -> TransactWriteItem {
    TransactWriteItem {
        table: table.into(),
        action,
        condition_expression: None,
        arguments: ExpressionArguments::default(),
        return_values_on_condition_check_failure: ReturnValuesOnConditionCheckFailure::None,
    }
}

fn put_key(table: &str, pk: &str) -> TransactWriteItem {
    action(table, TransactAction::Put { item: key(pk, "1") })
}

fn transaction(transact_items: Vec<TransactWriteItem>) -> TransactWriteItems {
    TransactWriteItems { transact_items, ..TransactWriteItems::default() }
}

fn reads(keys: impl IntoIterator<Item = String>) -> TransactGetItems {
    let get =
        |pk: String| TransactGet { table: "Music".into(), key: key(&pk, "1"), ..TransactGet::default() };
    TransactGetItems {
        transact_items: keys.into_iter().map(get).collect(),
        return_consumed_capacity: ReturnConsumedCapacity::None,
    }
}

#[track_caller]
fn reasons<T: std::fmt::Debug>(result: cairn_ops::Result<T>) -> Vec<CancellationReason> {
    match result.unwrap_err() {
        Error::TransactionCanceled { reasons } => reasons,
        other => panic!("{other:?}"),
    }
}

/// The actions that a transaction was cancelled for because of a conflict; of all others nothing is said.
#[track_caller]
fn in_conflict<T: std::fmt::Debug>(result: cairn_ops::Result<T>) -> Vec<usize> {
    let mut places = Vec::new();
    for (place, reason) in reasons(result).into_iter().enumerate() {
        let expected = match reason.code {
            CancellationCode::None => "",
            CancellationCode::TransactionConflict => {
                places.push(place);
                "Transaction is ongoing for the item"
            }
            other => panic!("{other:?}"),
        };
        assert_eq!(reason.message, expected);
        assert!(reason.item.is_none() && reason.field.is_none());
    }
    places
}

#[tokio::test]
async fn a_transaction_that_writes_names_the_actions_whose_items_others_had() {
    let (engine, service) = refusing_service().await;
    // Declared: Books, Films and Music, by name; the items as the actions are; and the collection of the book.
    let request = || {
        transaction(vec![
            put_key("Music", "a"),
            put_key("Films", "b"),
            put_key("Books", "c"),
            put_key("Music", "d"),
        ])
    };
    for (declared, expected) in [
        (&[3][..], vec![0]),
        (&[4, 6], vec![1, 3]),
        (&[7], vec![2]),
        (&[2], vec![0, 3]),
        (&[0, 5], vec![2]),
        (&[], vec![0, 1, 2, 3]),
    ] {
        conflicts(&engine, declared);
        assert_eq!(in_conflict(request().execute(&service).await), expected, "{declared:?}");
    }
    none(&engine);
    for (table, pk) in [("Music", "a"), ("Films", "b"), ("Books", "c"), ("Music", "d")] {
        assert_eq!(get(&service, table, key(pk, "1")).await, None);
    }
    request().execute(&service).await.unwrap();
    assert!(get(&service, "Music", key("d", "1")).await.is_some());
}

#[tokio::test]
async fn a_transaction_whose_token_another_call_has_is_in_progress() {
    let (engine, service) = refusing_service().await;
    let request = || TransactWriteItems {
        request_token: Some("token".into()),
        ..transaction(vec![put_key("Music", "a"), put_key("Music", "b")])
    };
    // Declared: the table, the token, the items.
    for declared in [&[1][..], &[1, 2]] {
        conflicts(&engine, declared);
        let error = request().execute(&service).await.unwrap_err();
        assert!(matches!(error, Error::TransactionInProgress), "{error:?}");
    }
    conflicts(&engine, &[3]);
    assert_eq!(in_conflict(request().execute(&service).await), [1]);
    // None of these calls has used the token up.
    none(&engine);
    request().execute(&service).await.unwrap();
    assert!(get(&service, "Music", key("b", "1")).await.is_some());
}

#[tokio::test]
async fn a_transaction_that_reads_names_the_items_that_others_had() {
    let (engine, service) = refusing_service().await;
    let all = || reads((0..60).map(|pk| pk.to_string()));
    engine.refuse_reads(|_| Some(cairn_storage::Error::Conflict { declared: vec![] }));
    assert_eq!(in_conflict(all().execute(&service).await).len(), 60);
    // Items are fetched some at a time.
    let mut fetches = 0;
    engine.refuse_reads(move |keys| {
        fetches += usize::from(!keys.is_empty());
        (fetches == 2).then(|| cairn_storage::Error::Conflict { declared: vec![3, keys.len() - 1] })
    });
    assert_eq!(in_conflict(all().execute(&service).await), [28, 49]);
    engine.refuse_reads(|_| None);
    assert_eq!(all().execute(&service).await.unwrap().responses.len(), 60);
}

#[tokio::test]
async fn a_single_write_is_told_that_a_transaction_is_under_way() {
    let (engine, service) = refusing_service().await;
    put(&service, "Music", &[("pk", s("old")), ("sk", n("1"))]).await;
    conflicts(&engine, &[1]);
    let put = PutItem { table: "Music".into(), item: key("new", "1"), ..PutItem::default() };
    let update = UpdateItem {
        table: "Music".into(),
        key: key("old", "1"),
        update_expression: Some("SET v = :v".into()),
        arguments: values(&[(":v", n("1"))]),
        ..UpdateItem::default()
    };
    let delete = DeleteItem { table: "Music".into(), key: key("old", "1"), ..DeleteItem::default() };
    for error in [
        put.execute(&service).await.unwrap_err(),
        update.execute(&service).await.unwrap_err(),
        delete.execute(&service).await.unwrap_err(),
    ] {
        assert!(matches!(error, Error::TransactionConflict), "{error:?}");
    }
    none(&engine);
    assert_eq!(get(&service, "Music", key("new", "1")).await, None);
    assert_eq!(get(&service, "Music", key("old", "1")).await, Some(attributes(key("old", "1"))));
}

#[tokio::test]
async fn a_batch_hands_back_what_others_had() {
    let (engine, service) = refusing_service().await;
    let batch = || BatchWriteItem {
        request_items: BTreeMap::from([(
            "Music".to_owned(),
            ["a", "b"].map(|pk| WriteRequest::Put(key(pk, "1"))).to_vec(),
        )]),
        ..BatchWriteItem::default()
    };
    conflicts(&engine, &[1]);
    let output = batch().execute(&service).await.unwrap();
    assert_eq!(output.unprocessed_items["Music"].len(), 2);
    none(&engine);
    assert_eq!(get(&service, "Music", key("a", "1")).await, None);
    assert!(batch().execute(&service).await.unwrap().unprocessed_items.is_empty());
}

#[tokio::test]
async fn a_change_of_a_table_is_to_be_tried_again() {
    let (engine, service) = refusing_service().await;
    conflicts(&engine, &[]);
    let delete = cairn_ops::DeleteTable { table: "Music".into() };
    let error = delete.execute(&service).await.unwrap_err();
    assert!(matches!(error, Error::Unavailable { .. }), "{error:?}");
    none(&engine);
    put(&service, "Music", &[("pk", s("a")), ("sk", n("1"))]).await;
}

// ---- transfers

const ACCOUNTS: usize = 6;
const OPENING_BALANCE: i64 = 100;

fn account(number: usize) -> String {
    format!("account-{}", number % ACCOUNTS)
}

fn transfer(from: &str, to: &str, amount: i64) -> TransactWriteItems {
    let change = |pk: &str, update: &str, condition: Option<&str>| TransactWriteItem {
        condition_expression: condition.map(str::to_owned),
        arguments: values(&[(":amount", n(&amount.to_string()))]),
        ..action("Music", TransactAction::Update { key: key(pk, "1"), update_expression: update.into() })
    };
    transaction(vec![
        change(from, "SET balance = balance - :amount", Some("balance >= :amount")),
        change(to, "SET balance = balance + :amount", None),
    ])
}

fn balance(item: Option<Item>) -> Number {
    match attributes(item.unwrap())["balance"] {
        AttributeValue::N(balance) => balance,
        ref other => panic!("{other:?}"),
    }
}

/// Every balance at one moment, however often it takes, and how often the read was in somebody's way.
async fn balances(service: &Service<Refusing>) -> (Vec<Number>, usize) {
    let mut conflicts = 0;
    loop {
        match reads((0..ACCOUNTS).map(account)).execute(service).await {
            Ok(output) => return (output.responses.into_iter().map(balance).collect(), conflicts),
            refused => {
                assert!(!in_conflict(refused).is_empty());
                conflicts += 1;
            }
        }
    }
}

/// Gives up some of the calls over one of their keys, and counts them. The same of them each time, as far as calls come
/// in the same order.
fn some_conflicts(
    one_in: usize,
    given_up: Arc<AtomicUsize>,
) -> impl FnMut(&[RecordKey]) -> Option<cairn_storage::Error> + Send + 'static {
    let mut state = 1_usize;
    move |keys| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let chance = state >> 33;
        (chance.is_multiple_of(one_in)).then(|| {
            given_up.fetch_add(1, Ordering::SeqCst);
            let place = (chance / one_in).checked_rem(keys.len());
            cairn_storage::Error::Conflict { declared: place.into_iter().collect() }
        })
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn transfers_that_are_given_up_are_told_so_and_change_nothing() {
    let (engine, service) = refusing_service().await;
    for number in 0..ACCOUNTS {
        let opening = n(&OPENING_BALANCE.to_string());
        put(&service, "Music", &[("pk", s(&account(number))), ("sk", n("1")), ("balance", opening)]).await;
    }
    let (writes_given_up, reads_given_up) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    engine.refuse_transactions(some_conflicts(3, writes_given_up.clone()));
    engine.refuse_reads(some_conflicts(5, reads_given_up.clone()));

    let transferring = Arc::new(AtomicBool::new(true));
    let expected = Number::from(ACCOUNTS as i64 * OPENING_BALANCE);
    let total = |balances: &[Number]| {
        balances.iter().fold(Number::ZERO, |sum, balance| sum.checked_add(balance).unwrap())
    };
    let reader = {
        let (service, transferring) = (service.clone(), transferring.clone());
        tokio::spawn(async move {
            let (mut reads, mut conflicts) = (0, 0);
            while transferring.load(Ordering::SeqCst) || reads < 20 {
                let (balances, refused) = balances(&service).await;
                assert_eq!(total(&balances), expected);
                assert!(balances.iter().all(|balance| !balance.is_negative()));
                reads += 1;
                conflicts += refused;
            }
            conflicts
        })
    };
    let tellers: Vec<_> = (0..8)
        .map(|teller| {
            let service = service.clone();
            tokio::spawn(async move {
                let mut moved = vec![0_i64; ACCOUNTS];
                let mut conflicts = 0;
                for step in 0..60 {
                    let (from, to) = (teller + step, teller + step + 1 + step % 3);
                    let amount = (step * 37 % 120 + 1) as i64;
                    loop {
                        let done = transfer(&account(from), &account(to), amount).execute(&service).await;
                        match done {
                            Ok(_) => {
                                moved[from % ACCOUNTS] -= amount;
                                moved[to % ACCOUNTS] += amount;
                                break;
                            }
                            Err(Error::TransactionCanceled { reasons })
                                if reasons[0].code == CancellationCode::ConditionalCheckFailed =>
                            {
                                break;
                            }
                            refused => {
                                assert!(!in_conflict(refused).is_empty());
                                conflicts += 1;
                            }
                        }
                    }
                }
                (moved, conflicts)
            })
        })
        .collect();
    let mut accounts = vec![OPENING_BALANCE; ACCOUNTS];
    let mut conflicts = 0;
    for teller in tellers {
        let (moved, some) = teller.await.unwrap();
        accounts.iter_mut().zip(moved).for_each(|(balance, moved)| *balance += moved);
        conflicts += some;
    }
    transferring.store(false, Ordering::SeqCst);
    // Every call that was given up told its caller so, and nobody else was told.
    let read_conflicts = reader.await.unwrap();
    assert_eq!(writes_given_up.load(Ordering::SeqCst), conflicts);
    assert_eq!(reads_given_up.load(Ordering::SeqCst), read_conflicts);
    assert!(conflicts > 0 && read_conflicts > 0, "{conflicts} writes and {read_conflicts} reads given up");
    // Each account holds what the transfers that were done made of it, and nothing of any other.
    engine.refuse_reads(|_| None);
    let expected: Vec<Number> = accounts.into_iter().map(Number::from).collect();
    assert_eq!(balances(&service).await.0, expected);
}
