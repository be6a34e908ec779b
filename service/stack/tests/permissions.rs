//! What callers try who may do some things, and how far they get (IAM, fine-grained access control).

#![allow(clippy::unwrap_used, clippy::panic)]

mod common;

use cairn_auth::AuthenticationError;
use cairn_auth::KeyStatus;
use cairn_ops::{
    BatchGetItem, BatchWriteItem, DeleteItem, DescribeTable, Error, GetItem, KeysAndAttributes, ListTables,
    PutItem, Query, QuerySelection, ReturnValues, ReturnValuesOnConditionCheckFailure, Scan, ScanSelection,
    StreamQuery, StreamScan, TransactAction, TransactGet, TransactGetItems, TransactWriteItem,
    TransactWriteItems, UpdateItem, WriteRequest,
};
use common::{TABLE_ARN, World, arguments, assert_denied, item, key, s};
use futures::StreamExt;

/// All of DynamoDB, on items whose partition key is the caller's name.
const OWN_ITEMS: &str = r#"{
    "Version": "2012-10-17",
    "Statement": {
        "Effect": "Allow",
        "Action": "dynamodb:*",
        "Resource": "arn:aws:dynamodb:*:*:table/Games*",
        "Condition": {"ForAllValues:StringEquals": {"dynamodb:LeadingKeys": ["${aws:username}"]}}
    }
}"#;

/// Reading and writing `player`, `game` and `score`, and nothing else of an item.
const SOME_ATTRIBUTES: &str = r#"{
    "Version": "2012-10-17",
    "Statement": {
        "Effect": "Allow",
        "Action": ["dynamodb:GetItem", "dynamodb:Query", "dynamodb:Scan", "dynamodb:UpdateItem",
                   "dynamodb:BatchGetItem", "dynamodb:ConditionCheckItem", "dynamodb:DeleteItem"],
        "Resource": "arn:aws:dynamodb:*:*:table/Games",
        "Condition": {
            "ForAllValues:StringEquals": {"dynamodb:Attributes": ["player", "game", "score"]},
            "StringEqualsIfExists": {
                "dynamodb:Select": "SPECIFIC_ATTRIBUTES",
                "dynamodb:ReturnValues": ["NONE", "UPDATED_OLD", "UPDATED_NEW"]
            }
        }
    }
}"#;

fn get(key: cairn_model::Item) -> GetItem {
    GetItem { table: "Games".into(), key, ..Default::default() }
}

fn query(condition: &str, value: &str, index: Option<&str>) -> QuerySelection {
    QuerySelection {
        table: "Games".into(),
        index: index.map(Into::into),
        key_condition_expression: Some(condition.into()),
        arguments: arguments(&[], &[(":v", s(value))]),
        ..Default::default()
    }
}

fn scan(index: Option<&str>) -> ScanSelection {
    ScanSelection { table: "Games".into(), index: index.map(Into::into), ..Default::default() }
}

fn transact(action: TransactAction) -> TransactWriteItem {
    TransactWriteItem {
        table: "Games".into(),
        action,
        condition_expression: None,
        arguments: Default::default(),
        return_values_on_condition_check_failure: Default::default(),
    }
}

async fn world() -> World {
    let world = World::new().await;
    world.put("alice", 1, &[("team", "red"), ("score", "7"), ("email", "alice@example.org")]).await;
    world.put("bob", 1, &[("team", "red"), ("score", "9"), ("email", "bob@example.org")]).await;
    world
}

#[tokio::test]
async fn who_has_no_policy_may_do_nothing_and_is_not_told_what_there_is() {
    let world = world().await;
    let nobody = world.user("nobody", &[]).await;
    assert_denied(world.call(&nobody, get(key("alice", 1))).await, "dynamodb:GetItem");
    assert_denied(world.call(&nobody, ListTables::default()).await, "dynamodb:ListTables");
    let answers = [
        world.call(&nobody, DescribeTable { table: "Games".into() }).await,
        world.call(&nobody, DescribeTable { table: "Missing".into() }).await,
    ];
    let answers = answers.map(|answer| answer.err().unwrap().to_string().replace("Missing", "Games"));
    assert_eq!(answers[0], answers[1]);
    assert_eq!(
        answers[0],
        "User: arn:aws:iam::000000000000:user/nobody is not authorized to perform: dynamodb:DescribeTable on \
         resource: arn:aws:dynamodb:local:000000000000:table/Games because no identity-based policy allows the \
         dynamodb:DescribeTable action"
    );
}

#[tokio::test]
async fn a_wildcard_reaches_no_further_than_its_resource() {
    let world = world().await;
    let allow = |action: &str, resource: &str| {
        format!(
            r#"{{"Version": "2012-10-17",
                "Statement": {{"Effect": "Allow", "Action": "{action}", "Resource": "{resource}"}}}}"#
        )
    };
    for (name, action, resource) in [
        ("a", "dynamodb:*", "arn:aws:dynamodb:local:111111111111:table/*"),
        ("b", "dynamodb:*", "arn:aws:dynamodb:elsewhere:*:table/*"),
        ("c", "iam:*", "*"),
        ("d", "dynamodb:*", "arn:aws:s3:::*"),
        ("e", "dynamodb:*", "arn:aws:dynamodb:*:*:table/Game"),
        ("f", "dynamodb:Get", "*"),
    ] {
        let user = world.user(name, &[&allow(action, resource)]).await;
        assert_denied(world.call(&user, get(key("alice", 1))).await, "dynamodb:GetItem");
    }
    // And one that names the table does not reach its indexes.
    let user = world.user("g", &[&allow("dynamodb:*", TABLE_ARN)]).await;
    world.call(&user, get(key("alice", 1))).await.unwrap();
    let by_team = Query { selection: query("team = :v", "red", Some("by-team")), ..Default::default() };
    assert_denied(world.call(&user, by_team).await, "dynamodb:Query");
}

#[tokio::test]
async fn own_items_can_be_read_and_written_in_every_way() {
    let world = world().await;
    let alice = world.user("alice", &[OWN_ITEMS]).await;
    world.call(&alice, get(key("alice", 1))).await.unwrap();
    let own = Query { selection: query("player = :v", "alice", None), ..Default::default() };
    assert_eq!(world.call(&alice, own).await.unwrap().count, 1);
    let put = PutItem { table: "Games".into(), item: item("alice", 2, &[]), ..Default::default() };
    world.call(&alice, put).await.unwrap();
    let batch = BatchGetItem {
        request_items: [(
            TABLE_ARN.to_owned(),
            KeysAndAttributes { keys: vec![key("alice", 1), key("alice", 2)], ..Default::default() },
        )]
        .into(),
        ..Default::default()
    };
    world.call(&alice, batch).await.unwrap();
    let delete = transact(TransactAction::Delete { key: key("alice", 2) });
    let transaction = TransactWriteItems { transact_items: vec![delete], ..Default::default() };
    world.call(&alice, transaction).await.unwrap();
}

#[tokio::test]
async fn leading_keys_are_not_passed_by_naming_another_item() {
    let world = world().await;
    let alice = world.user("alice", &[OWN_ITEMS]).await;
    assert_denied(world.call(&alice, get(key("bob", 1))).await, "dynamodb:GetItem");
    let put = PutItem { table: "Games".into(), item: item("bob", 2, &[]), ..Default::default() };
    assert_denied(world.call(&alice, put).await, "dynamodb:PutItem");
    let delete = DeleteItem { table: TABLE_ARN.into(), key: key("bob", 1), ..Default::default() };
    assert_denied(world.call(&alice, delete).await, "dynamodb:DeleteItem");
}

#[tokio::test]
async fn leading_keys_are_not_passed_by_reading_everything() {
    let world = world().await;
    let alice = world.user("alice", &[OWN_ITEMS]).await;
    let all = Scan { selection: scan(None), ..Default::default() };
    assert_denied(world.call(&alice, all).await, "dynamodb:Scan");
    let segment = ScanSelection { segment: Some(0), total_segments: Some(1_000_000), ..scan(None) };
    assert_denied(
        world.call(&alice, Scan { selection: segment, ..Default::default() }).await,
        "dynamodb:Scan",
    );
    let stream = StreamScan { selection: scan(None), ..Default::default() };
    assert_denied(world.call(&alice, stream).await.map(drop), "dynamodb:Scan");
    // Nor does what denies some keys let a scan read them.
    let but_bob = r#"{"Version": "2012-10-17", "Statement": [
        {"Effect": "Allow", "Action": "dynamodb:*", "Resource": "*"},
        {"Effect": "Deny", "Action": "dynamodb:*", "Resource": "*",
         "Condition": {"ForAnyValue:StringEquals": {"dynamodb:LeadingKeys": "bob"}}}]}"#;
    let carol = world.user("carol", &[but_bob]).await;
    world.call(&carol, get(key("alice", 1))).await.unwrap();
    assert_denied(world.call(&carol, get(key("bob", 1))).await, "dynamodb:GetItem");
    let all = Scan { selection: scan(None), ..Default::default() };
    assert_denied(world.call(&carol, all).await, "dynamodb:Scan");
}

#[tokio::test]
async fn leading_keys_are_not_passed_by_an_index() {
    let world = world().await;
    let alice = world.user("alice", &[OWN_ITEMS]).await;
    let team = |stream: bool, team: &str| (stream, query("team = :v", team, Some("by-team")));
    let (_, red) = team(false, "red");
    assert_denied(world.call(&alice, Query { selection: red, ..Default::default() }).await, "dynamodb:Query");
    let (_, red) = team(true, "red");
    let stream = StreamQuery { selection: red, ..Default::default() };
    assert_denied(world.call(&alice, stream).await.map(drop), "dynamodb:Query");
    let all = Scan { selection: scan(Some("by-team")), ..Default::default() };
    assert_denied(world.call(&alice, all).await, "dynamodb:Scan");
    // Of an index that is not there nothing is known, and nothing told.
    let missing = query("team = :v", "alice", Some("by-nothing"));
    assert_denied(
        world.call(&alice, Query { selection: missing, ..Default::default() }).await,
        "dynamodb:Query",
    );
}

#[tokio::test]
async fn leading_keys_are_not_passed_by_one_item_among_others() {
    let world = world().await;
    let alice = world.user("alice", &[OWN_ITEMS]).await;
    let keys = vec![key("alice", 1), key("bob", 1)];
    let batch = BatchGetItem {
        request_items: [("Games".to_owned(), KeysAndAttributes { keys, ..Default::default() })].into(),
        ..Default::default()
    };
    assert_denied(world.call(&alice, batch).await, "dynamodb:BatchGetItem");
    let writes = vec![WriteRequest::Put(item("alice", 3, &[])), WriteRequest::Delete(key("bob", 1))];
    let batch = BatchWriteItem { request_items: [("Games".to_owned(), writes)].into(), ..Default::default() };
    assert_denied(world.call(&alice, batch).await, "dynamodb:BatchWriteItem");
    let gets = ["alice", "bob"].map(|player| TransactGet {
        table: "Games".into(),
        key: key(player, 1),
        ..Default::default()
    });
    let transaction = TransactGetItems { transact_items: gets.into(), ..Default::default() };
    assert_denied(world.call(&alice, transaction).await, "dynamodb:GetItem");
    for (action, denied) in [
        (TransactAction::Put { item: item("bob", 1, &[]) }, "dynamodb:PutItem"),
        (TransactAction::Delete { key: key("bob", 1) }, "dynamodb:DeleteItem"),
        (
            TransactAction::Update { key: key("bob", 1), update_expression: "REMOVE score".into() },
            "dynamodb:UpdateItem",
        ),
        (TransactAction::ConditionCheck { key: key("bob", 1) }, "dynamodb:ConditionCheckItem"),
    ] {
        let own = transact(TransactAction::Put { item: item("alice", 4, &[]) });
        let other = TransactWriteItem {
            condition_expression: Some("attribute_exists(player)".into()),
            ..transact(action)
        };
        let transaction = TransactWriteItems { transact_items: vec![own, other], ..Default::default() };
        assert_denied(world.call(&alice, transaction).await, denied);
    }
    // Nothing of any of them was done.
    assert!(world.call(&world.root(), get(key("alice", 3))).await.unwrap().item.is_none());
    assert!(world.call(&world.root(), get(key("alice", 4))).await.unwrap().item.is_none());
    assert!(world.call(&world.root(), get(key("bob", 1))).await.unwrap().item.is_some());
}

#[tokio::test]
async fn leading_keys_are_those_that_placeholders_stand_for() {
    let world = world().await;
    let alice = world.user("alice", &[OWN_ITEMS]).await;
    let named = |value: &str| QuerySelection {
        key_condition_expression: Some("#alice = :alice".into()),
        arguments: arguments(&[("#alice", "player")], &[(":alice", s(value))]),
        ..query("", "", None)
    };
    let own = Query { selection: named("alice"), ..Default::default() };
    assert_eq!(world.call(&alice, own).await.unwrap().count, 1);
    let other = Query { selection: named("bob"), ..Default::default() };
    assert_denied(world.call(&alice, other).await, "dynamodb:Query");
}

#[tokio::test]
async fn a_request_that_breaks_a_rule_is_told_so_by_whatever_policies_ask() {
    let world = world().await;
    let alice = world.user("alice", &[OWN_ITEMS]).await;
    let wrong = Query { selection: query("player ==", "alice", None), ..Default::default() };
    for caller in [&alice, &world.root()] {
        match world.call(caller, wrong.clone()).await {
            Err(Error::Validation(validation)) => {
                assert_eq!(validation.field.to_proto(), "key_condition_expression");
            }
            answer => panic!("{answer:?}"),
        }
    }
}

#[tokio::test]
async fn attributes_that_are_denied_cannot_be_asked_for() {
    let world = world().await;
    let user = world.user("viewer", &[SOME_ATTRIBUTES]).await;
    let projected =
        |projection: &str| GetItem { projection_expression: Some(projection.into()), ..get(key("alice", 1)) };
    world.call(&user, projected("score, game")).await.unwrap();
    assert_denied(world.call(&user, projected("score, email")).await, "dynamodb:GetItem");
    assert_denied(world.call(&user, projected("score, email.host[0]")).await, "dynamodb:GetItem");
    let hidden = GetItem { arguments: arguments(&[("#s", "email")], &[]), ..projected("#s") };
    assert_denied(world.call(&user, hidden).await, "dynamodb:GetItem");
    // Without a projection all of it would be told.
    assert_denied(world.call(&user, get(key("alice", 1))).await, "dynamodb:GetItem");
}

#[tokio::test]
async fn attributes_that_are_denied_cannot_be_found_out_by_a_filter_or_a_condition() {
    let world = world().await;
    let user = world.user("viewer", &[SOME_ATTRIBUTES]).await;
    let guess = ScanSelection {
        filter_expression: Some("begins_with(email, :v)".into()),
        projection_expression: Some("player".into()),
        arguments: arguments(&[], &[(":v", s("alice"))]),
        ..scan(None)
    };
    assert_denied(world.call(&user, Scan { selection: guess, ..Default::default() }).await, "dynamodb:Scan");
    let update = |condition: &str, update: &str| UpdateItem {
        table: "Games".into(),
        key: key("alice", 1),
        update_expression: Some(update.into()),
        condition_expression: Some(condition.into()),
        ..Default::default()
    };
    world.call(&user, update("attribute_exists(score)", "SET score = player")).await.unwrap();
    for (condition, expression) in [
        ("attribute_exists(email)", "SET score = player"),
        ("attribute_exists(score)", "SET score = email"),
        ("attribute_exists(score)", "SET score = if_not_exists(email, player)"),
        ("attribute_exists(score)", "REMOVE email"),
        ("size(email) > size(score)", "REMOVE score"),
    ] {
        assert_denied(world.call(&user, update(condition, expression)).await, "dynamodb:UpdateItem");
    }
}

#[tokio::test]
async fn attributes_that_are_denied_are_not_told_by_what_a_write_answers_with() {
    let world = world().await;
    let user = world.user("viewer", &[SOME_ATTRIBUTES]).await;
    let update = UpdateItem {
        table: "Games".into(),
        key: key("alice", 1),
        update_expression: Some("SET score = player".into()),
        condition_expression: Some("attribute_not_exists(player)".into()),
        ..Default::default()
    };
    // The condition fails, which is all there is to know.
    let failed = world.call(&user, update.clone()).await;
    assert!(matches!(failed, Err(Error::ConditionalCheckFailed { item: None })), "{failed:?}");
    for values in [ReturnValues::AllOld, ReturnValues::AllNew] {
        let update = UpdateItem { return_values: values, ..update.clone() };
        assert_denied(world.call(&user, update).await, "dynamodb:UpdateItem");
    }
    for values in [ReturnValues::None, ReturnValues::UpdatedOld, ReturnValues::UpdatedNew] {
        let update = UpdateItem {
            return_values: values,
            return_values_on_condition_check_failure: ReturnValuesOnConditionCheckFailure::AllOld,
            ..update.clone()
        };
        assert_denied(world.call(&user, update).await, "dynamodb:UpdateItem");
    }
    let check = TransactWriteItem {
        condition_expression: Some("attribute_not_exists(player)".into()),
        return_values_on_condition_check_failure: ReturnValuesOnConditionCheckFailure::AllOld,
        ..transact(TransactAction::ConditionCheck { key: key("alice", 1) })
    };
    let transaction = TransactWriteItems { transact_items: vec![check], ..Default::default() };
    assert_denied(world.call(&user, transaction).await, "dynamodb:ConditionCheckItem");
}

#[tokio::test]
async fn a_change_of_policies_counts_from_the_next_call() {
    let world = world().await;
    let alice = world.user("alice", &[OWN_ITEMS]).await;
    world.call(&alice, get(key("alice", 1))).await.unwrap();
    let deny = r#"{"Version": "2012-10-17",
        "Statement": {"Effect": "Deny", "Action": "dynamodb:Get*", "Resource": "*"}}"#;
    world.set_policy("alice", "no-reading", deny).await;
    match world.call(&alice, get(key("alice", 1))).await {
        Err(error @ Error::AccessDenied { .. }) => {
            assert!(error.to_string().contains("explicit deny"), "{error}");
        }
        answer => panic!("{answer:?}"),
    }
}

#[tokio::test]
async fn a_stream_ends_when_its_caller_may_not_read_it_any_more() {
    let world = world().await;
    let all = r#"{"Version": "2012-10-17",
        "Statement": {"Effect": "Allow", "Action": "dynamodb:Scan", "Resource": "*"}}"#;
    let user = world.user("reader", &[all]).await;
    for game in 0..2_500 {
        world.put("alice", game, &[]).await;
    }
    let stream = || StreamScan { selection: scan(None), ..Default::default() };
    let mut parts = world.call(&user, stream()).await.unwrap();
    assert!(parts.next().await.unwrap().is_ok());
    world.set_policy("reader", "0", &all.replace("Allow", "Deny")).await;
    assert_denied(parts.next().await.unwrap(), "dynamodb:Scan");
    assert!(parts.next().await.is_none());

    world.set_policy("reader", "0", all).await;
    let mut parts = world.call(&user, stream()).await.unwrap();
    assert!(parts.next().await.unwrap().is_ok());
    let id = user.principal.access_key_id().unwrap();
    world.identities.update_access_key("reader", id, KeyStatus::Inactive).await.unwrap();
    let ended = parts.next().await.unwrap();
    assert!(matches!(&ended, Err(Error::Unauthenticated(_))), "{ended:?}");
}

#[tokio::test]
async fn a_principal_ends_with_its_key_and_its_user() {
    let world = world().await;
    let token = world.access_key("alice", &[OWN_ITEMS]).await;
    let alice = common::caller(world.authenticate(&token).await.unwrap());
    world.call(&alice, get(key("alice", 1))).await.unwrap();
    let id = alice.principal.access_key_id().unwrap().to_owned();
    let ended = |answer: Result<cairn_ops::GetItemOutput, Error>| match answer {
        Err(Error::Unauthenticated(error)) => {
            assert!(matches!(*error, AuthenticationError::UnrecognizedClient(_)), "{error:?}");
        }
        answer => panic!("{answer:?}"),
    };
    world.identities.update_access_key("alice", &id, KeyStatus::Inactive).await.unwrap();
    ended(world.call(&alice, get(key("alice", 1))).await);
    assert!(world.authenticate(&token).await.is_err());
    world.identities.update_access_key("alice", &id, KeyStatus::Active).await.unwrap();
    world.call(&alice, get(key("alice", 1))).await.unwrap();
    world.identities.delete_access_key("alice", &id).await.unwrap();
    ended(world.call(&alice, get(key("alice", 1))).await);
}
