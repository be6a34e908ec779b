//! The operations on identities, as callers of every kind ask for them: what they change, what they refuse, and whom.

// Tests and their helpers fail loudly.
#![allow(clippy::unwrap_used, clippy::panic)]

mod root;

use cairn_auth::{EntityKind, Holder, KeyStatus, NewAccessKey, Secret};
use cairn_ops::{
    AddUserToGroup, AssumeRole, AttachPolicy, Caller, Connection, CreateAccessKey, CreateGroup, CreatePolicy,
    CreateRole, CreateUser, DeleteAccessKey, DeleteGroup, DeleteInlinePolicy, DeletePermissionsBoundary,
    DeletePolicy, DeleteRole, DeleteUser, DetachPolicy, Error, GetCallerIdentity, GetGroup, GetInlinePolicy,
    GetPolicy, GetRole, GetUser, HeldPolicies, ListAccessKeys, ListGroups, ListPage, ListPolicies, ListUsers,
    PutInlinePolicy, PutPermissionsBoundary, RemoveUserFromGroup, Result, Service, ServiceOptions,
    SimulatePolicy, SimulationContext, TagIdentity, UntagIdentity, UpdateAccessKey, UpdatePolicy, UpdateRole,
};
use cairn_policy::{StatementOutcome, Verdict};
use cairn_storage::memory::MemoryEngine;
use root::AsRoot;

const ALLOW_READS: &str = r#"{"Version": "2012-10-17", "Statement":
    {"Sid": "Reads", "Effect": "Allow", "Action": "dynamodb:GetItem", "Resource": "*"}}"#;
const READ_ONLY: &str = "arn:aws:iam::aws:policy/CairnReadOnly";

fn arn(resource: &str) -> String {
    format!("arn:aws:iam::000000000000:{resource}")
}

/// A service with the user `ada`.
async fn service() -> Service<MemoryEngine> {
    let service = root::start(MemoryEngine::default(), ServiceOptions::default()).await.unwrap();
    create_user(&service, "ada").await;
    service
}

async fn create_user(service: &Service<MemoryEngine>, name: &str) {
    CreateUser { user_name: name.into(), ..CreateUser::default() }.by_root(service).await.unwrap();
}

fn ada() -> Option<Holder> {
    Some(Holder::User("ada".into()))
}

fn group(name: &str) -> Option<Holder> {
    Some(Holder::Group(name.into()))
}

/// Does an operation as the principal of an ARN.
async fn call_as<O: cairn_ops::Operation>(
    service: &Service<MemoryEngine>,
    principal: &str,
    operation: O,
) -> Result<O::Output> {
    let principal = service.identities().principal_for(principal).unwrap();
    let caller = Caller { principal, connection: Connection::default() };
    let permitted = service.permit(caller, operation).await?;
    service.execute(permitted).await
}

async fn put_inline(service: &Service<MemoryEngine>, identity: Option<Holder>, document: &str) -> Result<()> {
    let put = PutInlinePolicy { identity, policy_name: "own".into(), document: document.into() };
    put.by_root(service).await
}

async fn create_key(service: &Service<MemoryEngine>) -> Result<NewAccessKey> {
    CreateAccessKey { user_name: Some("ada".into()) }.by_root(service).await
}

#[track_caller]
fn conflicts<T>(result: Result<T>) {
    assert!(matches!(result, Err(Error::DeleteConflict { .. })));
}

#[track_caller]
fn missing<T>(result: Result<T>, expected: EntityKind) {
    match result {
        Err(Error::NoSuchEntity { kind, .. }) => assert_eq!(kind, expected),
        other => panic!("{:?}", other.err()),
    }
}

#[track_caller]
fn invalid<T>(result: Result<T>, field: &str) {
    match result {
        Err(Error::Validation(validation)) => assert_eq!(validation.field.to_proto(), field),
        other => panic!("{:?}", other.err()),
    }
}

#[track_caller]
fn denied<T>(result: Result<T>, expected: &str) {
    match result {
        Err(Error::AccessDenied { action, .. }) => assert_eq!(action, expected),
        other => panic!("{:?}", other.err()),
    }
}

#[tokio::test]
async fn a_user_is_what_it_was_created_as_and_its_name_is_taken_in_any_case() {
    let service = service().await;
    let tags = vec![cairn_model::Tag { key: "team".into(), value: "engines".into() }];
    let grace = CreateUser { user_name: "grace".into(), permissions_boundary: Some(READ_ONLY.into()), tags };
    let created = grace.clone().by_root(&service).await.unwrap();
    assert_eq!(created.arn, arn("user/grace"));
    let got = GetUser { user_name: Some("grace".into()) }.by_root(&service).await.unwrap();
    assert_eq!(got.user, created);
    assert_eq!(got.user.permissions_boundary.as_deref(), Some(READ_ONLY));
    assert_eq!(got.user.tags.get("team").map(String::as_str), Some("engines"));
    assert!(got.groups.is_empty() && got.policies == HeldPolicies::default());

    let again = CreateUser { user_name: "GRACE".into(), ..CreateUser::default() }.by_root(&service).await;
    assert!(matches!(again, Err(Error::EntityAlreadyExists { kind: EntityKind::User, .. })));
    invalid(CreateUser { user_name: "a b".into(), ..grace.clone() }.by_root(&service).await, "user_name");
    let twice = CreateUser { tags: [&*grace.tags, &*grace.tags].concat(), ..grace };
    invalid(twice.by_root(&service).await, "tags[1].key");
}

#[tokio::test]
async fn lists_come_in_pages_that_go_on_where_the_one_before_ended() {
    let service = service().await;
    for name in ["Bob", "carol"] {
        create_user(&service, name).await;
    }
    let page = |next_token| ListUsers { page: ListPage { limit: Some(2), next_token } };
    let names = |listing: &cairn_auth::Listing<cairn_auth::User>| -> Vec<String> {
        listing.items.iter().map(|user| user.name.clone()).collect()
    };
    let first = page(None).by_root(&service).await.unwrap();
    assert_eq!(names(&first), ["ada", "Bob"]);
    let second = page(first.next).by_root(&service).await.unwrap();
    assert_eq!((names(&second).join(" "), second.next), ("carol".to_owned(), None));
    for limit in [0, -1, 1_001] {
        let page = ListPage { limit: Some(limit), next_token: None };
        invalid(ListGroups { page }.by_root(&service).await, "page_size");
    }
    let forged = ListPage { limit: None, next_token: Some("no such marker".into()) };
    invalid(ListPolicies { page: forged, ..ListPolicies::default() }.by_root(&service).await, "page_token");
}

#[tokio::test]
async fn a_user_has_two_access_keys_and_no_third() {
    let service = service().await;
    let (first, second) = (create_key(&service).await.unwrap(), create_key(&service).await.unwrap());
    assert!(!first.secret.matches(second.secret.expose()));
    assert!(matches!(create_key(&service).await, Err(Error::LimitExceeded { .. })));

    let update = UpdateAccessKey {
        user_name: Some("ada".into()),
        access_key_id: first.access_key.id.clone(),
        status: Some(KeyStatus::Inactive),
    };
    update.clone().by_root(&service).await.unwrap();
    // An inactive key counts as well.
    assert!(matches!(create_key(&service).await, Err(Error::LimitExceeded { .. })));
    let list = ListAccessKeys { user_name: Some("ada".into()) };
    let listed = list.clone().by_root(&service).await.unwrap();
    let inactive = listed.iter().find(|key| key.id == first.access_key.id).unwrap();
    assert_eq!((inactive.status, inactive.last_used), (KeyStatus::Inactive, None));
    invalid(UpdateAccessKey { status: None, ..update }.by_root(&service).await, "status");

    let delete =
        DeleteAccessKey { user_name: Some("ada".into()), access_key_id: first.access_key.id.clone() };
    delete.clone().by_root(&service).await.unwrap();
    missing(delete.by_root(&service).await, EntityKind::AccessKey);
    assert_eq!(list.by_root(&service).await.unwrap().len(), 1);
    create_key(&service).await.unwrap();
}

#[tokio::test]
async fn a_key_is_changed_only_through_its_own_user() {
    let service = service().await;
    create_user(&service, "eve").await;
    let key = create_key(&service).await.unwrap().access_key.id;
    let update = UpdateAccessKey {
        user_name: Some("eve".into()),
        access_key_id: key.clone(),
        status: Some(KeyStatus::Inactive),
    };
    missing(update.by_root(&service).await, EntityKind::AccessKey);
    let delete = DeleteAccessKey { user_name: Some("eve".into()), access_key_id: key };
    missing(delete.by_root(&service).await, EntityKind::AccessKey);
}

#[tokio::test]
async fn what_names_no_user_is_about_the_caller_who_must_be_one() {
    let service = service().await;
    let own = r#"{"Version": "2012-10-17", "Statement": {"Effect": "Allow",
        "Action": ["iam:CreateAccessKey", "iam:GetUser"],
        "Resource": "arn:aws:iam::*:user/${aws:username}"}}"#;
    put_inline(&service, ada(), own).await.unwrap();
    let key = call_as(&service, &arn("user/ada"), CreateAccessKey::default()).await.unwrap();
    assert_eq!(key.access_key.user_name, "ada");
    let user = call_as(&service, &arn("user/ada"), GetUser::default()).await.unwrap();
    assert_eq!((user.user.name, user.policies.inline), ("ada".to_owned(), vec!["own".to_owned()]));

    create_user(&service, "eve").await;
    let of_eve = CreateAccessKey { user_name: Some("eve".into()) };
    denied(call_as(&service, &arn("user/ada"), of_eve).await, "iam:CreateAccessKey");
    denied(call_as(&service, &arn("user/eve"), CreateAccessKey::default()).await, "iam:CreateAccessKey");
    invalid(CreateAccessKey::default().by_root(&service).await, "user_name");
}

#[tokio::test]
async fn who_may_do_nothing_is_not_told_who_there_is() {
    let service = service().await;
    let user = |name: &str| GetUser { user_name: Some(name.into()) };
    denied(call_as(&service, &arn("user/ada"), user("ada")).await, "iam:GetUser");
    denied(call_as(&service, &arn("user/ada"), user("nobody")).await, "iam:GetUser");
    missing(user("nobody").by_root(&service).await, EntityKind::User);
    // Who one is oneself can always be asked.
    let caller = call_as(&service, &arn("user/ada"), GetCallerIdentity).await.unwrap();
    assert_eq!((caller.arn, caller.account), (arn("user/ada"), "000000000000".to_owned()));
}

#[tokio::test]
async fn a_user_goes_only_when_nothing_hangs_on_it() {
    let service = service().await;
    let delete = || DeleteUser { user_name: "ada".into() }.by_root(&service);
    let key = create_key(&service).await.unwrap().access_key.id;
    conflicts(delete().await);
    DeleteAccessKey { user_name: Some("ada".into()), access_key_id: key }.by_root(&service).await.unwrap();

    let policy_arn = READ_ONLY.to_owned();
    AttachPolicy { identity: ada(), policy_arn: policy_arn.clone() }.by_root(&service).await.unwrap();
    conflicts(delete().await);
    DetachPolicy { identity: ada(), policy_arn }.by_root(&service).await.unwrap();

    put_inline(&service, ada(), ALLOW_READS).await.unwrap();
    conflicts(delete().await);
    let inline = DeleteInlinePolicy { identity: ada(), policy_name: "own".into() };
    inline.clone().by_root(&service).await.unwrap();
    missing(inline.by_root(&service).await, EntityKind::InlinePolicy);

    CreateGroup { group_name: "readers".into() }.by_root(&service).await.unwrap();
    let (group_name, user_name) = ("readers".to_owned(), "ada".to_owned());
    let add = AddUserToGroup { group_name: group_name.clone(), user_name: user_name.clone() };
    add.by_root(&service).await.unwrap();
    conflicts(delete().await);
    conflicts(DeleteGroup { group_name: group_name.clone() }.by_root(&service).await);
    RemoveUserFromGroup { group_name: group_name.clone(), user_name }.by_root(&service).await.unwrap();
    DeleteGroup { group_name: group_name.clone() }.by_root(&service).await.unwrap();
    missing(DeleteGroup { group_name }.by_root(&service).await, EntityKind::Group);

    delete().await.unwrap();
    missing(delete().await, EntityKind::User);
}

#[tokio::test]
async fn the_policies_of_a_group_speak_for_those_who_are_in_it() {
    let service = service().await;
    CreateGroup { group_name: "admins".into() }.by_root(&service).await.unwrap();
    let document = r#"{"Version": "2012-10-17", "Statement":
        {"Effect": "Allow", "Action": "iam:ListUsers", "Resource": "*"}}"#;
    put_inline(&service, group("admins"), document).await.unwrap();
    denied(call_as(&service, &arn("user/ada"), ListUsers::default()).await, "iam:ListUsers");

    let add = AddUserToGroup { group_name: "admins".into(), user_name: "ada".into() };
    add.clone().by_root(&service).await.unwrap();
    add.by_root(&service).await.unwrap();
    call_as(&service, &arn("user/ada"), ListUsers::default()).await.unwrap();
    let got =
        GetGroup { group_name: "admins".into(), ..GetGroup::default() }.by_root(&service).await.unwrap();
    assert_eq!(got.users.items, ["ada"]);
    assert_eq!(got.policies.inline, ["own"]);
    let user = GetUser { user_name: Some("ada".into()) }.by_root(&service).await.unwrap();
    assert_eq!(user.groups, ["admins"]);

    let remove = RemoveUserFromGroup { group_name: "admins".into(), user_name: "ada".into() };
    remove.by_root(&service).await.unwrap();
    denied(call_as(&service, &arn("user/ada"), ListUsers::default()).await, "iam:ListUsers");
    let absent = AddUserToGroup { group_name: "admins".into(), user_name: "nobody".into() };
    missing(absent.by_root(&service).await, EntityKind::User);
}

#[tokio::test]
async fn a_managed_policy_changes_for_all_it_is_attached_to_and_goes_last() {
    let service = service().await;
    let create = CreatePolicy {
        policy_name: "lister".into(),
        document: ALLOW_READS.into(),
        description: "Reads".into(),
    };
    let policy = create.clone().by_root(&service).await.unwrap();
    assert_eq!(policy.arn, arn("policy/lister"));
    assert!(matches!(create.by_root(&service).await, Err(Error::EntityAlreadyExists { .. })));
    let attach = AttachPolicy { identity: ada(), policy_arn: policy.arn.clone() };
    attach.clone().by_root(&service).await.unwrap();
    attach.by_root(&service).await.unwrap();

    let document = ALLOW_READS.replace("dynamodb:GetItem", "iam:ListUsers");
    let update = UpdatePolicy { policy_arn: policy.arn.clone(), document: document.clone() };
    update.by_root(&service).await.unwrap();
    call_as(&service, &arn("user/ada"), ListUsers::default()).await.unwrap();
    let got = GetPolicy { policy_arn: policy.arn.clone() }.by_root(&service).await.unwrap();
    assert_eq!((got.policy.document, got.attached_to), (document, vec![Holder::User("ada".into())]));

    let attached = ListPolicies { attached_only: true, ..ListPolicies::default() };
    let arns = |listing: cairn_auth::Listing<cairn_auth::ManagedPolicy>| -> Vec<String> {
        listing.items.into_iter().map(|policy| policy.arn).collect()
    };
    assert_eq!(arns(attached.by_root(&service).await.unwrap()).join(" "), policy.arn);
    let all = arns(ListPolicies::default().by_root(&service).await.unwrap());
    assert_eq!(all.len(), 4);
    let local = ListPolicies { local_only: true, ..ListPolicies::default() };
    assert_eq!(arns(local.by_root(&service).await.unwrap()).join(" "), policy.arn);

    let delete = DeletePolicy { policy_arn: policy.arn.clone() };
    conflicts(delete.clone().by_root(&service).await);
    let detach = DetachPolicy { identity: ada(), policy_arn: policy.arn.clone() };
    detach.clone().by_root(&service).await.unwrap();
    missing(detach.by_root(&service).await, EntityKind::Policy);
    PutPermissionsBoundary { identity: ada(), policy_arn: policy.arn }.by_root(&service).await.unwrap();
    conflicts(delete.clone().by_root(&service).await);
    DeletePermissionsBoundary { identity: ada() }.by_root(&service).await.unwrap();
    delete.by_root(&service).await.unwrap();
}

#[tokio::test]
async fn what_is_built_in_is_there_and_stays_as_it_is() {
    let service = service().await;
    for name in ["CairnReadOnly", "CairnReadWrite", "CairnAdministrator"] {
        let policy_arn = format!("arn:aws:iam::aws:policy/{name}");
        let got = GetPolicy { policy_arn: policy_arn.clone() }.by_root(&service).await.unwrap();
        assert!(got.policy.built_in && got.policy.name == name);
        let update = UpdatePolicy { policy_arn: policy_arn.clone(), document: ALLOW_READS.into() };
        invalid(update.by_root(&service).await, "policy_arn");
        invalid(DeletePolicy { policy_arn }.by_root(&service).await, "policy_arn");
    }
}

#[tokio::test]
async fn the_inline_policies_of_an_identity_are_bounded_together() {
    let service = service().await;
    CreateGroup { group_name: "readers".into() }.by_root(&service).await.unwrap();
    // A statement whose size is its resource's, and white space that does not count.
    let document = |bytes: usize| {
        let resource = format!("arn:aws:dynamodb:::table/{}", "x".repeat(bytes));
        format!(
            r#"{{"Version": "2012-10-17", "Statement": {{"Effect": "Allow", "Action": "*", "Resource": "{resource}"}}}}"#
        )
    };
    let put = async |identity, name: &str, bytes| {
        let put = PutInlinePolicy { identity, policy_name: name.into(), document: document(bytes) };
        put.by_root(&service).await
    };
    put(ada(), "a", 900).await.unwrap();
    put(ada(), "b", 900).await.unwrap();
    assert!(matches!(put(ada(), "c", 100).await, Err(Error::LimitExceeded { .. })));
    // What is replaced does not count.
    put(ada(), "b", 800).await.unwrap();
    assert!(matches!(put(ada(), "d", 2_048).await, Err(Error::MalformedPolicyDocument { .. })));
    put(group("readers"), "a", 4_000).await.unwrap();

    let got = GetInlinePolicy { identity: ada(), policy_name: "a".into() }.by_root(&service).await.unwrap();
    assert_eq!(got, document(900));
}

#[tokio::test]
async fn a_malformed_document_is_refused_with_the_place_in_it() {
    let service = service().await;
    let malformed = |result: Result<()>| match result {
        Err(Error::MalformedPolicyDocument { field, error }) => (field.to_proto(), error),
        other => panic!("{:?}", other.err()),
    };
    let operator = ALLOW_READS
        .replace("\"Resource\": \"*\"", "\"Resource\": \"*\", \"Condition\": {\"Like\": {\"a:b\": \"c\"}}");
    let (field, error) = malformed(put_inline(&service, ada(), &operator).await);
    assert_eq!(field, "policy_document");
    assert!(error.place.starts_with("Statement"), "{error}");
    let (_, error) = malformed(put_inline(&service, ada(), "{\"Version\"").await);
    assert!(error.line_and_column.is_some());

    let role =
        CreateRole { role_name: "r".into(), trust_policy: ALLOW_READS.into(), ..CreateRole::default() };
    let (field, _) = malformed(role.by_root(&service).await.map(|_| ()));
    assert_eq!(field, "assume_role_policy_document");
    let large = format!("{ALLOW_READS}{}", " ".repeat(131_072));
    let (_, error) = malformed(put_inline(&service, ada(), &large).await);
    assert!(error.place.is_empty(), "{error}");
}

#[tokio::test]
async fn groups_have_no_boundary_and_no_tags_and_an_identity_is_required() {
    let service = service().await;
    CreateGroup { group_name: "readers".into() }.by_root(&service).await.unwrap();
    let tag = cairn_model::Tag { key: "a".into(), value: "b".into() };
    let to_group = TagIdentity { identity: group("readers"), tags: vec![tag.clone()] };
    invalid(to_group.by_root(&service).await, "identity.group_name");
    let boundary = PutPermissionsBoundary { identity: group("readers"), policy_arn: READ_ONLY.into() };
    invalid(boundary.by_root(&service).await, "identity.group_name");
    invalid(
        AttachPolicy { identity: None, policy_arn: READ_ONLY.into() }.by_root(&service).await,
        "identity",
    );

    TagIdentity { identity: ada(), tags: vec![tag] }.by_root(&service).await.unwrap();
    let tags = || async {
        let got = GetUser { user_name: Some("ada".into()) }.by_root(&service).await.unwrap();
        got.user.tags.into_iter().collect::<Vec<_>>()
    };
    assert_eq!(tags().await, [("a".to_owned(), "b".to_owned())]);
    let keys = vec!["a".to_owned(), "unknown".to_owned()];
    UntagIdentity { identity: ada(), keys }.by_root(&service).await.unwrap();
    assert!(tags().await.is_empty());
    invalid(UntagIdentity { identity: ada(), keys: Vec::new() }.by_root(&service).await, "tag_keys");
}

fn trust(principal: &str) -> String {
    format!(
        r#"{{"Version": "2012-10-17", "Statement": {{"Effect": "Allow",
            "Principal": {{"AWS": "{principal}"}}, "Action": "sts:AssumeRole"}}}}"#
    )
}

#[tokio::test]
async fn a_role_is_assumed_by_whom_it_trusts_and_its_session_does_what_the_role_may() {
    let service = service().await;
    let create = CreateRole {
        role_name: "lister".into(),
        trust_policy: trust(&arn("user/ada")),
        ..CreateRole::default()
    };
    let role = create.by_root(&service).await.unwrap();
    assert_eq!((role.arn.clone(), role.max_session_seconds), (arn("role/lister"), 3_600));
    let holder = Some(Holder::Role("lister".into()));
    let document = ALLOW_READS.replace("dynamodb:GetItem", "iam:List*");
    put_inline(&service, holder.clone(), &document).await.unwrap();

    let assume =
        AssumeRole { role_arn: role.arn.clone(), session_name: "nightly".into(), ..AssumeRole::default() };
    let assumed = call_as(&service, &arn("user/ada"), assume.clone()).await.unwrap();
    assert_eq!(assumed.principal.arn(), "arn:aws:sts::000000000000:assumed-role/lister/nightly");
    let session = Caller { principal: assumed.principal, connection: Connection::default() };
    let permitted = service.permit(session.clone(), ListUsers::default()).await.unwrap();
    service.execute(permitted).await.unwrap();
    denied(service.permit(session.clone(), DeleteUser { user_name: "ada".into() }).await, "iam:DeleteUser");

    create_user(&service, "eve").await;
    denied(call_as(&service, &arn("user/eve"), assume.clone()).await, "sts:AssumeRole");
    let absent = AssumeRole { role_arn: arn("role/absent"), ..assume.clone() };
    denied(call_as(&service, &arn("user/ada"), absent).await, "sts:AssumeRole");
    for (duration, refused) in [(Some(-1), true), (Some(899), true), (Some(900), false), (Some(3_601), true)]
    {
        let assume = AssumeRole { duration_seconds: duration, ..assume.clone() };
        let assumed = call_as(&service, &arn("user/ada"), assume).await;
        if refused { invalid(assumed, "duration_seconds") } else { assert!(assumed.is_ok()) }
    }
    let narrowed = AssumeRole { policy: Some("{}".into()), ..assume.clone() };
    let refused = call_as(&service, &arn("user/ada"), narrowed).await;
    assert!(
        matches!(refused, Err(Error::MalformedPolicyDocument { field, .. }) if field.to_proto() == "policy")
    );

    // A session that narrows itself may do no more than that.
    let narrow = AssumeRole { policy: Some(document.replace("List*", "ListGroups")), ..assume };
    let assumed = call_as(&service, &arn("user/ada"), narrow).await.unwrap();
    let narrow = Caller { principal: assumed.principal, connection: Connection::default() };
    denied(service.permit(narrow.clone(), ListUsers::default()).await, "iam:ListUsers");
    assert!(service.permit(narrow, ListGroups::default()).await.is_ok());

    conflicts(DeleteRole { role_name: "lister".into() }.by_root(&service).await);
    let inline = DeleteInlinePolicy { identity: holder, policy_name: "own".into() };
    inline.by_root(&service).await.unwrap();
    DeleteRole { role_name: "lister".into() }.by_root(&service).await.unwrap();
    // The session goes with its role.
    let gone = service.permit(session, ListUsers::default()).await;
    assert!(matches!(gone, Err(Error::Unauthenticated(_))));
}

#[tokio::test]
async fn a_role_is_changed_in_part_and_each_part_is_permitted_apart() {
    let service = service().await;
    let trusting = trust(&arn("user/ada"));
    let create = CreateRole {
        role_name: "r".into(),
        trust_policy: trusting.clone(),
        description: "old".into(),
        ..CreateRole::default()
    };
    create.by_root(&service).await.unwrap();
    let update = UpdateRole { role_name: "r".into(), ..UpdateRole::default() };
    invalid(update.clone().by_root(&service).await, "role_name");
    let longer = UpdateRole { max_session_seconds: Some(7_200), ..update.clone() };
    let role = longer.clone().by_root(&service).await.unwrap();
    assert_eq!((role.max_session_seconds, &*role.description, role.trust_policy), (7_200, "old", trusting));
    let open = UpdateRole { trust_policy: Some(trust("000000000000")), ..longer.clone() };
    let malformed = UpdateRole { trust_policy: Some("{}".into()), description: Some("new".into()), ..update };
    assert!(malformed.by_root(&service).await.is_err());
    let role = GetRole { role_name: "r".into() }.by_root(&service).await.unwrap().role;
    assert_eq!(role.description, "old");
    let too_long = UpdateRole { max_session_seconds: Some(43_201), ..longer.clone() };
    invalid(too_long.by_root(&service).await, "max_session_duration_seconds");

    let settings = ALLOW_READS.replace("dynamodb:GetItem", "iam:UpdateRole");
    put_inline(&service, ada(), &settings).await.unwrap();
    call_as(&service, &arn("user/ada"), longer).await.unwrap();
    denied(call_as(&service, &arn("user/ada"), open.clone()).await, "iam:UpdateAssumeRolePolicy");
    open.by_root(&service).await.unwrap();
}

#[tokio::test]
async fn attaching_can_be_permitted_for_some_policies_only() {
    let service = service().await;
    let document = format!(
        r#"{{"Version": "2012-10-17", "Statement": {{"Effect": "Allow", "Action": "iam:AttachUserPolicy",
            "Resource": "*", "Condition": {{"ArnEquals": {{"iam:PolicyARN": "{READ_ONLY}"}}}}}}}}"#
    );
    put_inline(&service, ada(), &document).await.unwrap();
    let attach = |policy: &str| AttachPolicy { identity: ada(), policy_arn: policy.into() };
    call_as(&service, &arn("user/ada"), attach(READ_ONLY)).await.unwrap();
    let administrator = "arn:aws:iam::aws:policy/CairnAdministrator";
    denied(call_as(&service, &arn("user/ada"), attach(administrator)).await, "iam:AttachUserPolicy");
}

fn simulate() -> SimulatePolicy {
    SimulatePolicy {
        principal_arn: Some(arn("user/ada")),
        actions: vec!["dynamodb:GetItem".into()],
        resources: vec!["arn:aws:dynamodb:local:000000000000:table/Music".into()],
        ..SimulatePolicy::default()
    }
}

#[tokio::test]
async fn a_simulation_says_why_a_call_would_be_allowed_or_denied() {
    let service = service().await;
    put_inline(&service, ada(), ALLOW_READS).await.unwrap();
    let results =
        SimulatePolicy { actions: vec!["dynamodb:GetItem".into(), "dynamodb:PutItem".into()], ..simulate() };
    let results = results.by_root(&service).await.unwrap();
    let [read, write] = &*results else { panic!("one result for each action") };
    assert!(read.explanation.verdict.is_allowed());
    let [statement] = &*read.explanation.statements else { panic!("one statement is about it") };
    assert_eq!(&*statement.statement.policy, "user/ada/own");
    assert_eq!(statement.statement.sid.as_deref(), Some("Reads"));
    let Verdict::Denied { reason } = &write.explanation.verdict else { panic!("not allowed") };
    assert_eq!(reason.to_string(), "no identity-based policy allows the dynamodb:PutItem action");
    assert_eq!(write.explanation.other_actions, 1);

    // A boundary of the request, and a policy beside the user's own that depends on a key.
    let keyed = ALLOW_READS.replace(
        "\"Resource\": \"*\"",
        "\"Resource\": \"*\", \"Condition\": {\"StringEquals\": {\"aws:RequestedRegion\": \"moon\"}}",
    );
    let with_key = SimulatePolicy {
        policies: vec![keyed.replace("Allow", "Deny")],
        permissions_boundary: Some(ALLOW_READS.into()),
        ..simulate()
    };
    let result = with_key.clone().by_root(&service).await.unwrap().remove(0).explanation;
    assert!(result.verdict.is_allowed());
    assert_eq!(result.missing_keys, ["aws:requestedregion"]);
    assert!(result.statements.iter().any(|explained| {
        &*explained.statement.policy == "policy_documents[0]"
            && matches!(&explained.outcome, StatementOutcome::Condition { operator, .. } if operator == "StringEquals")
    }));
    let context = vec![SimulationContext { key: "AWS:requestedRegion".into(), values: vec!["moon".into()] }];
    let with_key = SimulatePolicy { context, ..with_key };
    let result = with_key.by_root(&service).await.unwrap().remove(0).explanation;
    let Verdict::Denied { reason } = result.verdict else { panic!("denied explicitly") };
    assert_eq!(reason.to_string(), "with an explicit deny in an identity-based policy");
}

#[tokio::test]
async fn a_simulation_of_documents_alone_needs_no_principal() {
    let service = service().await;
    let alone = SimulatePolicy {
        principal_arn: None,
        policies: vec![ALLOW_READS.into()],
        resources: Vec::new(),
        ..simulate()
    };
    let result = alone.by_root(&service).await.unwrap().remove(0);
    assert!(result.explanation.verdict.is_allowed());
    assert_eq!(result.resource, "*");
    let refused = [
        (SimulatePolicy { actions: Vec::new(), ..simulate() }, "action_names"),
        (SimulatePolicy { actions: vec!["dynamodb:*".into()], ..simulate() }, "action_names[0]"),
        (SimulatePolicy { resources: vec!["Music".into()], ..simulate() }, "resource_arns[0]"),
        (SimulatePolicy { resources: vec!["*".into(); 101], ..simulate() }, "resource_arns"),
        (SimulatePolicy { policies: vec![ALLOW_READS.into(); 11], ..simulate() }, "policy_documents"),
        (SimulatePolicy { principal_arn: Some("ada".into()), ..simulate() }, "principal_arn"),
    ];
    for (simulation, field) in refused {
        invalid(simulation.by_root(&service).await, field);
    }
    let absent = SimulatePolicy { principal_arn: Some(arn("user/absent")), ..simulate() };
    missing(absent.by_root(&service).await, EntityKind::User);
    let malformed = SimulatePolicy { policies: vec![ALLOW_READS.into(), "{}".into()], ..simulate() };
    let refused = malformed.by_root(&service).await;
    assert!(
        matches!(refused, Err(Error::MalformedPolicyDocument { field, .. }) if field.to_proto() == "policy_documents[1]")
    );
}

#[tokio::test]
async fn no_secret_is_in_what_operations_print_of_themselves() {
    let service = service().await;
    let key = create_key(&service).await.unwrap();
    let secret: Secret = key.secret.clone();
    let printed = format!("{key:?}");
    assert!(printed.contains(&key.access_key.id) && !printed.contains(secret.expose()), "{printed}");
}
