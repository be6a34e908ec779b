//! The policies of tables: put, told and deleted by their revisions, and what they permit.

// Tests and their helpers fail loudly.
#![allow(clippy::unwrap_used, clippy::panic)]

mod common;
mod root;

use cairn_ops::{
    Caller, Connection, CreateTable, CreateUser, DeleteResourcePolicy, Error, GetItem, GetItemOutput,
    GetResourcePolicy, PutInlinePolicy, PutResourcePolicy, Result, Service, ServiceOptions, SimulatePolicy,
    UpdateTable,
};
use cairn_storage::Engine;
use cairn_storage::memory::MemoryEngine;
use root::AsRoot;

const ARN: &str = "arn:aws:dynamodb:local:000000000000:table/Music";
const ADA: &str = "arn:aws:iam::000000000000:user/ada";

fn document(action: &str, resource: &str) -> String {
    format!(
        r#"{{"Version": "2012-10-17", "Statement": {{"Effect": "Allow", "Principal": {{"AWS": "{ADA}"}},
            "Action": "{action}", "Resource": "{resource}"}}}}"#
    )
}

fn put(policy: &str) -> PutResourcePolicy {
    PutResourcePolicy { resource_arn: ARN.into(), policy: policy.into(), ..PutResourcePolicy::default() }
}

fn get() -> GetResourcePolicy {
    GetResourcePolicy { resource_arn: ARN.into() }
}

fn delete() -> DeleteResourcePolicy {
    DeleteResourcePolicy { resource_arn: ARN.into(), expected_revision_id: None }
}

/// A service with the table `Music` and the user `ada`.
async fn service() -> Service<MemoryEngine> {
    let service = common::service().await;
    common::create(&service, common::table()).await.unwrap();
    CreateUser { user_name: "ada".into(), ..CreateUser::default() }.by_root(&service).await.unwrap();
    service
}

async fn as_ada<O: cairn_ops::Operation>(service: &Service<MemoryEngine>, operation: O) -> Result<O::Output> {
    let principal = service.identities().principal_for(ADA).unwrap();
    let caller = Caller { principal, connection: Connection::default() };
    let permitted = service.permit(caller, operation).await?;
    service.execute(permitted).await
}

#[track_caller]
fn invalid<T>(result: Result<T>, field: &str) -> String {
    match result {
        Err(Error::Validation(validation)) => {
            assert_eq!(validation.field.to_proto(), field);
            validation.message
        }
        other => panic!("{:?}", other.err()),
    }
}

#[tokio::test]
async fn a_policy_is_told_as_it_was_written_and_goes_by_its_revision() {
    let service = service().await;
    assert!(
        matches!(get().by_root(&service).await, Err(Error::PolicyNotFound { resource }) if resource == ARN)
    );
    let first = document("dynamodb:GetItem", ARN);
    let revision = put(&first).by_root(&service).await.unwrap();
    let told = get().by_root(&service).await.unwrap();
    assert_eq!((told.policy.as_str(), &told.revision_id), (first.as_str(), &revision));
    // The same text is the same policy.
    assert_eq!(put(&first).by_root(&service).await.unwrap(), revision);

    let second = document("dynamodb:Query", ARN);
    let expecting =
        |expected: &str| PutResourcePolicy { expected_revision_id: Some(expected.into()), ..put(&second) };
    for wrong in ["NO_POLICY", "another"] {
        let refused = expecting(wrong).by_root(&service).await;
        assert!(matches!(refused, Err(Error::PolicyRevisionConflict { .. })), "{wrong}");
    }
    assert_eq!(get().by_root(&service).await.unwrap().policy, first);
    let changed = expecting(&revision).by_root(&service).await.unwrap();
    assert_ne!(changed, revision);

    let stale = DeleteResourcePolicy { expected_revision_id: Some(revision), ..delete() };
    assert!(matches!(stale.clone().by_root(&service).await, Err(Error::PolicyRevisionConflict { .. })));
    assert_eq!(delete().by_root(&service).await.unwrap(), Some(changed));
    assert_eq!(delete().by_root(&service).await.unwrap(), None);
    assert!(matches!(stale.by_root(&service).await, Err(Error::PolicyNotFound { .. })));
    assert!(matches!(expecting("any").by_root(&service).await, Err(Error::PolicyNotFound { .. })));
    expecting("NO_POLICY").by_root(&service).await.unwrap();
}

#[tokio::test]
async fn only_a_policy_of_this_table_that_names_principals_is_taken() {
    let service = service().await;
    let refuse = async |policy: &str| invalid(put(policy).by_root(&service).await, "policy");
    assert!(refuse("").await.contains("greater than or equal to 1"));
    assert!(refuse("{").await.starts_with("Invalid policy document: "));
    let anybody = r#"{"Statement": {"Effect": "Allow", "Action": "*", "Resource": "*"}}"#;
    assert!(refuse(anybody).await.contains("Principal"));
    refuse(&document("dynamodb:GetItem", "arn:aws:dynamodb:local:000000000000:table/Films")).await;
    refuse(&document("dynamodb:GetItem", "arn:aws:dynamodb:local:000000000000:table/Musical")).await;

    let of_index = document("dynamodb:Query", &format!("{ARN}/index/*"));
    put(&of_index).by_root(&service).await.unwrap();
    // White space counts.
    let fits = format!("{of_index}{}", " ".repeat(20_480 - of_index.len()));
    put(&fits).by_root(&service).await.unwrap();
    refuse(&format!("{fits} ")).await;
}

#[tokio::test]
async fn a_policy_is_put_on_a_table_by_the_tables_arn() {
    let service = service().await;
    let policy = document("dynamodb:GetItem", ARN);
    for wrong in ["Music", "arn:aws:dynamodb:local:000000000000:table/Music/index/by-band"] {
        let named = PutResourcePolicy { resource_arn: wrong.into(), ..put(&policy) };
        // Asking for the permission reads the name too, and says which member it is in.
        assert!(named.by_root(&service).await.is_err(), "{wrong}");
    }
    let absent = "arn:aws:dynamodb:local:000000000000:table/Films";
    let resource_arn = absent.to_owned();
    let put = PutResourcePolicy {
        policy: document("dynamodb:GetItem", absent),
        resource_arn: resource_arn.clone(),
        ..PutResourcePolicy::default()
    };
    let get = GetResourcePolicy { resource_arn: resource_arn.clone() };
    let delete = DeleteResourcePolicy { resource_arn, expected_revision_id: None };
    assert!(matches!(put.by_root(&service).await, Err(Error::ResourceNotFound { .. })));
    assert!(matches!(get.by_root(&service).await, Err(Error::ResourceNotFound { .. })));
    assert!(matches!(delete.by_root(&service).await, Err(Error::ResourceNotFound { .. })));
}

#[tokio::test]
async fn a_tables_policy_permits_from_the_next_call_on_and_no_longer() {
    let service = service().await;
    let read = || GetItem { table: "Music".into(), key: common::key("a", "b").into(), ..GetItem::default() };
    let denied = |result: Result<GetItemOutput>| {
        assert!(matches!(result, Err(Error::AccessDenied { action: "dynamodb:GetItem", .. })));
    };
    denied(as_ada(&service, read()).await);
    put(&document("dynamodb:GetItem", ARN)).by_root(&service).await.unwrap();
    as_ada(&service, read()).await.unwrap();
    delete().by_root(&service).await.unwrap();
    denied(as_ada(&service, read()).await);
}

#[tokio::test]
async fn who_would_lock_itself_out_must_say_that_it_means_to() {
    let service = service().await;
    put(&document("dynamodb:*", ARN)).by_root(&service).await.unwrap();
    // Ada may change the policy because of the policy.
    let lesser = document("dynamodb:GetItem", ARN);
    assert!(invalid(as_ada(&service, put(&lesser)).await, "policy").contains("PutResourcePolicy"));
    let kept = document("dynamodb:*ResourcePolicy", ARN);
    as_ada(&service, put(&kept)).await.unwrap();
    let confirmed = PutResourcePolicy { confirm_remove_self_resource_access: true, ..put(&lesser) };
    as_ada(&service, confirmed).await.unwrap();
    assert!(matches!(as_ada(&service, put(&kept)).await, Err(Error::AccessDenied { .. })));
}

#[tokio::test]
async fn the_root_takes_a_policy_away_that_forbids_it_everything() {
    let service = service().await;
    let nobody = format!(
        r#"{{"Version": "2012-10-17", "Statement": {{"Effect": "Deny", "Principal": "*",
            "Action": "dynamodb:*", "Resource": "{ARN}"}}}}"#
    );
    put(&nobody).by_root(&service).await.unwrap();
    let read = GetItem { table: "Music".into(), key: common::key("a", "b").into(), ..GetItem::default() };
    assert!(matches!(read.by_root(&service).await, Err(Error::AccessDenied { .. })));
    delete().by_root(&service).await.unwrap();
}

#[tokio::test]
async fn a_table_is_created_with_its_policy_in_force() {
    let service = common::service().await;
    let policy = document("dynamodb:GetItem", ARN);
    let malformed = CreateTable { resource_policy: Some("{".into()), ..common::table() };
    invalid(malformed.by_root(&service).await, "resource_policy");
    let create = CreateTable { resource_policy: Some(policy.clone()), ..common::table() };
    create.by_root(&service).await.unwrap();
    service.settled().await;
    assert_eq!(get().by_root(&service).await.unwrap().policy, policy);
}

#[tokio::test]
async fn a_policy_outlives_the_process_and_other_changes_of_its_table() {
    let engine = MemoryEngine::default();
    let service = root::start(engine.clone(), ServiceOptions::default()).await.unwrap();
    common::create(&service, common::table()).await.unwrap();
    let policy = document("dynamodb:GetItem", ARN);
    let revision = put(&policy).by_root(&service).await.unwrap();
    let protect =
        UpdateTable { table: "Music".into(), deletion_protection: Some(true), ..UpdateTable::default() };
    protect.by_root(&service).await.unwrap();
    service.settled().await;
    drop(service);
    let service = root::start(engine.clone(), ServiceOptions::default()).await.unwrap();
    let told = get().by_root(&service).await.unwrap();
    assert_eq!((told.policy, told.revision_id), (policy, revision));
    engine.close().await.unwrap();
}

#[tokio::test]
async fn a_simulation_weighs_the_tables_own_policy_which_its_caller_must_be_able_to_read() {
    let service = service().await;
    put(&document("dynamodb:GetItem", ARN)).by_root(&service).await.unwrap();
    let simulate = SimulatePolicy {
        principal_arn: Some(ADA.into()),
        actions: vec!["dynamodb:GetItem".into()],
        resources: vec![ARN.into()],
        ..SimulatePolicy::default()
    };
    let result = simulate.clone().by_root(&service).await.unwrap().remove(0).explanation;
    assert!(result.verdict.is_allowed());
    let without =
        SimulatePolicy { resource_policy: Some(document("dynamodb:Query", ARN)), ..simulate.clone() };
    let result = without.by_root(&service).await.unwrap().remove(0).explanation;
    assert!(!result.verdict.is_allowed());

    let may_simulate = PutInlinePolicy {
        identity: Some(cairn_auth::Holder::User("ada".into())),
        policy_name: "simulate".into(),
        document: r#"{"Statement": {"Effect": "Allow", "Action": "iam:SimulatePrincipalPolicy",
            "Resource": "*"}}"#
            .into(),
    };
    may_simulate.by_root(&service).await.unwrap();
    let refused = as_ada(&service, simulate).await;
    assert!(matches!(refused, Err(Error::AccessDenied { action: "dynamodb:GetResourcePolicy", .. })));
}
