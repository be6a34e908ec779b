//! Users, groups, roles and policies: what they give, what they refuse, and how many there may be.

// Helpers outside of the tests themselves may panic as tests may.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod support;

use cairn_auth::{
    ATTACHED_POLICIES_MAX, CreatePolicy, CreateRole, CreateUser, GROUPS_PER_USER_MAX, Holder, IdentityError,
    Page, PolicyScope, Principal, TAGS_MAX, Tags,
};
use cairn_policy::ContextValue;
use serde_json::json;
use std::sync::Arc;
use support::{Store, allow, bearer, trust_user};

fn user(name: &str) -> Holder {
    Holder::User(name.to_owned())
}

fn group(name: &str) -> Holder {
    Holder::Group(name.to_owned())
}

async fn anna(store: &Store) -> Principal {
    let key = store.user("anna").await;
    store.authenticator().authenticate(Some(&bearer(&key)), None).await.unwrap()
}

async fn policy(store: &Store, name: &str, action: &str) -> String {
    let request = CreatePolicy { name: name.into(), document: allow(action), ..CreatePolicy::default() };
    store.identities.create_policy(request).await.unwrap().arn
}

fn limit(error: &IdentityError) -> (&'static str, usize) {
    match error {
        IdentityError::LimitExceeded { quota, limit } => (quota, *limit),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_user_has_its_own_policies_and_its_groups_and_loses_them_at_once() {
    let store = Store::new().await;
    let anna = anna(&store).await;
    let identities = &store.identities;
    identities.create_group("writers").await.unwrap();
    identities.add_user_to_group("anna", "writers").await.unwrap();
    let put = policy(&store, "put", "dynamodb:PutItem").await;
    assert!(!store.allows(&anna, "dynamodb:PutItem"));

    identities.attach_policy(&group("writers"), &put).await.unwrap();
    assert!(store.allows(&anna, "dynamodb:PutItem"));
    identities.update_policy(&put, &allow("dynamodb:DeleteItem"), None).await.unwrap();
    assert!(!store.allows(&anna, "dynamodb:PutItem"));
    assert!(store.allows(&anna, "dynamodb:DeleteItem"));
    identities.put_inline_policy(&group("writers"), "scan", &allow("dynamodb:Scan")).await.unwrap();
    identities.put_inline_policy(&user("anna"), "query", &allow("dynamodb:Query")).await.unwrap();
    assert!(store.allows(&anna, "dynamodb:Scan") && store.allows(&anna, "dynamodb:Query"));

    identities.remove_user_from_group("anna", "writers").await.unwrap();
    assert!(!store.allows(&anna, "dynamodb:DeleteItem") && !store.allows(&anna, "dynamodb:Scan"));
    identities.delete_inline_policy(&user("anna"), "query").await.unwrap();
    assert!(!store.allows(&anna, "dynamodb:Query"));
    identities.attach_policy(&user("anna"), &put).await.unwrap();
    assert!(store.allows(&anna, "dynamodb:DeleteItem"));
    identities.detach_policy(&user("anna"), &put).await.unwrap();
    assert!(!store.allows(&anna, "dynamodb:DeleteItem"));
}

#[tokio::test]
async fn policies_are_worked_out_again_only_for_those_whom_a_change_concerns() {
    let store = Store::new().await;
    let anna = anna(&store).await;
    let policies = || store.identities.policies(&anna).unwrap();
    let (before, revision) = (policies(), store.identities.revision());
    store.user("otto").await;
    let unrelated = policy(&store, "unrelated", "dynamodb:Scan").await;
    store.identities.update_policy(&unrelated, &allow("dynamodb:Query"), None).await.unwrap();
    assert!(store.identities.revision() > revision);
    assert!(Arc::ptr_eq(&before, &policies()));
    store.identities.put_permissions_boundary(&user("anna"), &unrelated).await.unwrap();
    let bounded = policies();
    assert!(!Arc::ptr_eq(&before, &bounded));
    store.identities.update_policy(&unrelated, &allow("dynamodb:Scan"), None).await.unwrap();
    assert!(!Arc::ptr_eq(&bounded, &policies()), "a boundary's change concerns those it bounds");
}

#[tokio::test]
async fn a_permissions_boundary_limits_and_gives_nothing() {
    let store = Store::new().await;
    let anna = anna(&store).await;
    let boundary = policy(&store, "boundary", "dynamodb:GetItem").await;
    store.identities.put_permissions_boundary(&user("anna"), &boundary).await.unwrap();
    assert!(!store.allows(&anna, "dynamodb:GetItem"));
    store.identities.put_inline_policy(&user("anna"), "all", &allow("*")).await.unwrap();
    assert!(store.allows(&anna, "dynamodb:GetItem"));
    assert!(!store.allows(&anna, "dynamodb:PutItem"));
    let error = store.identities.delete_policy(&boundary).await.unwrap_err();
    assert!(matches!(error, IdentityError::DeleteConflict { .. }), "{error:?}");
    store.identities.delete_permissions_boundary(&user("anna")).await.unwrap();
    assert!(store.allows(&anna, "dynamodb:PutItem"));
    let error = store.identities.delete_permissions_boundary(&user("anna")).await.unwrap_err();
    assert!(matches!(error, IdentityError::NoSuchEntity { .. }), "{error:?}");
    store.identities.delete_policy(&boundary).await.unwrap();
    let error = store.identities.put_permissions_boundary(&group("none"), &boundary).await.unwrap_err();
    assert!(matches!(error, IdentityError::NoSuchEntity { .. }), "{error:?}");
}

#[tokio::test]
async fn the_built_in_policies_are_there_and_stay_as_they_are() {
    let store = Store::new().await;
    let anna = anna(&store).await;
    let listed = store.identities.list_policies(PolicyScope::BuiltIn, &Page::default()).unwrap();
    let names: Vec<_> = listed.items.iter().map(|policy| policy.name.as_str()).collect();
    assert_eq!(names, ["CairnAdministrator", "CairnReadOnly", "CairnReadWrite"]);
    let actions = ["dynamodb:GetItem", "dynamodb:PutItem", "dynamodb:DeleteTable", "iam:CreateUser"];
    for (name, allowed) in [
        ("CairnReadOnly", [true, false, false, false]),
        ("CairnReadWrite", [true, true, false, false]),
        ("CairnAdministrator", [true, true, true, true]),
    ] {
        let arn = format!("arn:aws:iam::aws:policy/{name}");
        store.identities.attach_policy(&user("anna"), &arn).await.unwrap();
        for (action, allowed) in actions.iter().zip(allowed) {
            assert_eq!(store.allows(&anna, action), allowed, "{name} {action}");
        }
        assert_eq!(store.identities.get_policy(&arn).unwrap().attachments, 1);
        for error in [
            store.identities.update_policy(&arn, &allow("*"), None).await.map(drop),
            store.identities.delete_policy(&arn).await,
        ] {
            assert!(matches!(error, Err(IdentityError::InvalidInput { .. })), "{error:?}");
        }
        store.identities.detach_policy(&user("anna"), &arn).await.unwrap();
    }
    // One of the account may have the same name; they are two.
    let own = policy(&store, "CairnAdministrator", "dynamodb:GetItem").await;
    store.identities.attach_policy(&user("anna"), &own).await.unwrap();
    assert!(!store.allows(&anna, "dynamodb:PutItem"));
}

#[tokio::test]
async fn what_something_hangs_on_cannot_be_deleted() {
    let store = Store::new().await;
    let key = store.user("anna").await;
    let identities = &store.identities;
    identities.create_group("readers").await.unwrap();
    identities.add_user_to_group("anna", "readers").await.unwrap();
    store.role("shop", trust_user("anna")).await;
    let arn = policy(&store, "read", "dynamodb:GetItem").await;
    let role = Holder::Role("shop".into());
    for holder in [user("anna"), group("readers"), role.clone()] {
        identities.attach_policy(&holder, &arn).await.unwrap();
        identities.put_inline_policy(&holder, "p", &allow("dynamodb:Scan")).await.unwrap();
    }
    assert_eq!(identities.get_policy(&arn).unwrap().attachments, 3);
    let entities = identities.list_entities_for_policy(&arn).unwrap();
    assert_eq!((entities.users[0].as_str(), entities.groups[0].as_str()), ("anna", "readers"));

    let remedy = |result: Result<(), IdentityError>| match result {
        Err(IdentityError::DeleteConflict { remedy }) => remedy,
        other => panic!("{other:?}"),
    };
    assert_eq!(remedy(identities.delete_policy(&arn).await), "detach the policy from all entities");
    assert_eq!(remedy(identities.delete_user("anna").await), "delete access keys");
    identities.delete_access_key("anna", &key.access_key.id).await.unwrap();
    assert_eq!(remedy(identities.delete_user("anna").await), "remove users from group");
    assert_eq!(remedy(identities.delete_group("readers").await), "remove users from group");
    identities.remove_user_from_group("anna", "readers").await.unwrap();
    for holder in [user("anna"), group("readers"), role.clone()] {
        let delete = async |holder: &Holder| match holder {
            Holder::User(name) => identities.delete_user(name).await,
            Holder::Group(name) => identities.delete_group(name).await,
            Holder::Role(name) => identities.delete_role(name).await,
        };
        assert_eq!(remedy(delete(&holder).await), "detach all policies");
        identities.detach_policy(&holder, &arn).await.unwrap();
        assert_eq!(remedy(delete(&holder).await), "delete policies");
        identities.delete_inline_policy(&holder, "p").await.unwrap();
        delete(&holder).await.unwrap();
    }
    identities.delete_policy(&arn).await.unwrap();
    assert!(identities.get_policy(&arn).is_err() && identities.get_user("anna").is_err());
}

#[tokio::test]
async fn names_differ_by_more_than_case_and_are_of_a_few_characters() {
    let store = Store::new().await;
    store.user("Anna").await;
    let create = |name: &str| CreateUser { name: name.to_owned(), ..CreateUser::default() };
    let error = store.identities.create_user(create("anna")).await.unwrap_err();
    assert!(matches!(error, IdentityError::EntityAlreadyExists { .. }), "{error:?}");
    assert!(store.identities.get_user("anna").is_err(), "a name is the one it was given");
    let long = "x".repeat(65);
    for name in ["", "an na", "anna/otto", "änna", "a:b", "*", "a\n", &long] {
        let error = store.identities.create_user(create(name)).await.unwrap_err();
        assert!(matches!(error, IdentityError::InvalidInput { field: "user_name", .. }), "{name} {error:?}");
        assert!(store.identities.create_group(name).await.is_err() || name == long);
    }
    store.identities.create_user(create(&"x".repeat(64))).await.unwrap();
    store.identities.create_user(create("a_+=,.@-9")).await.unwrap();
}

#[tokio::test]
async fn quotas_hold() {
    let store = Store::new().await;
    let _ = anna(&store).await;
    let identities = &store.identities;
    for number in 0..=GROUPS_PER_USER_MAX {
        let name = format!("g{number}");
        identities.create_group(&name).await.unwrap();
        let added = identities.add_user_to_group("anna", &name).await;
        assert_eq!(added.is_ok(), number < GROUPS_PER_USER_MAX);
    }
    for number in 0..=ATTACHED_POLICIES_MAX {
        let arn = policy(&store, &format!("p{number}"), "dynamodb:GetItem").await;
        let attached = identities.attach_policy(&user("anna"), &arn).await;
        assert_eq!(attached.is_ok(), number < ATTACHED_POLICIES_MAX);
        if let Err(error) = attached {
            assert_eq!(limit(&error), ("AttachedPolicies", 100));
        }
    }
    identities
        .attach_policy(&user("anna"), "arn:aws:iam::123456789012:policy/p0")
        .await
        .expect("attached already");
    let tags: Tags = (0..=TAGS_MAX).map(|number| (format!("t{number}"), String::new())).collect();
    assert_eq!(limit(&identities.tag(&user("anna"), tags).await.unwrap_err()), ("Tags", 50));
}

#[tokio::test]
async fn the_inline_policies_of_one_holder_share_a_size() {
    let store = Store::new().await;
    let _ = anna(&store).await;
    store.role("shop", trust_user("anna")).await;
    store.identities.create_group("readers").await.unwrap();
    let counted = |document: &str| document.chars().filter(|c| !c.is_whitespace()).count();
    // White space does not count.
    let document = |fill: usize| {
        let resource = format!("arn:aws:dynamodb:*:*:table/{}", "x".repeat(fill));
        let statement = json!({"Effect": "Allow", "Action": "dynamodb:GetItem", "Resource": resource});
        serde_json::to_string_pretty(&json!({"Version": "2012-10-17", "Statement": statement})).unwrap()
    };
    let thousand = document(1_000 - counted(&document(0)));
    assert_eq!(counted(&thousand), 1_000);
    assert!(thousand.len() > 1_024, "with its white space, two of these would be too many");
    for (holder, fits, quota) in [
        (user("anna"), 2, ("InlinePolicyCharactersPerUser", 2_048)),
        (group("readers"), 5, ("InlinePolicyCharactersPerGroup", 5_120)),
        (Holder::Role("shop".into()), 10, ("InlinePolicyCharactersPerRole", 10_240)),
    ] {
        for number in 0..fits {
            store.identities.put_inline_policy(&holder, &format!("p{number}"), &thousand).await.unwrap();
        }
        let error = store.identities.put_inline_policy(&holder, "more", &thousand).await.unwrap_err();
        assert_eq!(limit(&error), quota);
        store
            .identities
            .put_inline_policy(&holder, "p0", &thousand)
            .await
            .expect("instead of the one before");
        assert_eq!(store.identities.list_inline_policies(&holder).unwrap().len(), fits);
        assert_eq!(store.identities.get_inline_policy(&holder, "p1").unwrap(), thousand);
    }
}

#[tokio::test]
async fn malformed_documents_are_refused_with_their_place_and_change_nothing() {
    let store = Store::new().await;
    let _ = anna(&store).await;
    let revision = store.identities.revision();
    let wrong =
        r#"{"Version": "2012-10-17", "Statement": [{"Effect": "Permit", "Action": "*", "Resource": "*"}]}"#;
    let create = CreatePolicy { name: "p".into(), document: wrong.into(), ..CreatePolicy::default() };
    let role = CreateRole { name: "r".into(), trust_policy: wrong.into(), ..CreateRole::default() };
    for error in [
        store.identities.create_policy(create).await.map(drop).unwrap_err(),
        store.identities.create_role(role).await.map(drop).unwrap_err(),
        store.identities.put_inline_policy(&user("anna"), "p", wrong).await.unwrap_err(),
    ] {
        let IdentityError::MalformedPolicyDocument(error) = error else { panic!("{error:?}") };
        assert!(error.place.starts_with("Statement[0]"), "{error}");
    }
    assert_eq!(store.identities.revision(), revision);
}

#[tokio::test]
async fn an_update_may_be_meant_for_one_revision_only() {
    let store = Store::new().await;
    let arn = policy(&store, "p", "dynamodb:GetItem").await;
    let second = store.identities.update_policy(&arn, &allow("dynamodb:Scan"), Some(1)).await.unwrap();
    assert_eq!(second.revision, 2);
    let error = store.identities.update_policy(&arn, &allow("*"), Some(1)).await.unwrap_err();
    assert!(matches!(error, IdentityError::RevisionConflict { expected: 1, found: 2 }), "{error:?}");
    assert_eq!(store.identities.get_policy(&arn).unwrap().document, allow("dynamodb:Scan"));
}

#[tokio::test]
async fn tags_are_condition_keys_without_regard_to_case() {
    let store = Store::new().await;
    let before = anna(&store).await;
    store.identities.tag(&user("anna"), [("Team".to_owned(), "shop".to_owned())].into()).await.unwrap();
    store.identities.tag(&user("anna"), [("TEAM".to_owned(), "depot".to_owned())].into()).await.unwrap();
    assert_eq!(store.identities.list_tags(&user("anna")).unwrap(), [("TEAM".into(), "depot".into())].into());
    let team = Some(ContextValue::One("depot".into()));
    assert_eq!(store.identities.renew(&before).unwrap().context_key("aws:principaltag/team"), team);
    let for_question = store.identities.principal_for("arn:aws:iam::123456789012:user/anna").unwrap();
    assert_eq!(for_question.context_key("aws:principaltag/team"), team);
    for wrong in [("aws:x", "v"), ("", "v"), ("k", "a\nb"), ("k\"", "v")] {
        let error =
            store.identities.tag(&user("anna"), [(wrong.0.into(), wrong.1.into())].into()).await.unwrap_err();
        assert!(matches!(error, IdentityError::InvalidInput { field: "tags", .. }), "{error:?}");
    }
    store.identities.untag(&user("anna"), &["team".to_owned()]).await.unwrap();
    assert!(store.identities.list_tags(&user("anna")).unwrap().is_empty());
}

#[tokio::test]
async fn listings_come_in_pages_in_the_order_of_names() {
    let store = Store::new().await;
    for name in ["delta", "Alpha", "charlie", "Bravo", "echo"] {
        store.user(name).await;
        policy(&store, name, "dynamodb:GetItem").await;
    }
    let mut users = Vec::new();
    let mut page = Page { after: None, limit: Some(2) };
    loop {
        let listing = store.identities.list_users(&page).unwrap();
        assert!(listing.items.len() <= 2);
        users.extend(listing.items.into_iter().map(|user| user.name));
        page.after = listing.next;
        if page.after.is_none() {
            break;
        }
    }
    assert_eq!(users, ["Alpha", "Bravo", "charlie", "delta", "echo"]);
    let mut policies = Vec::new();
    page = Page { after: None, limit: Some(3) };
    loop {
        let listing = store.identities.list_policies(PolicyScope::All, &page).unwrap();
        policies.extend(listing.items.into_iter().map(|policy| policy.name));
        page.after = listing.next;
        if page.after.is_none() {
            break;
        }
    }
    let built_in = ["CairnAdministrator", "CairnReadOnly", "CairnReadWrite"];
    assert_eq!(policies, [&built_in[..], &["Alpha", "Bravo", "charlie", "delta", "echo"]].concat());
    for limit in [0, 1_001] {
        let page = Page { after: None, limit: Some(limit) };
        assert!(matches!(store.identities.list_users(&page), Err(IdentityError::InvalidInput { .. })));
    }
}

#[tokio::test]
async fn questions_can_be_asked_about_root_users_roles_and_sessions() {
    let store = Store::new().await;
    let _ = anna(&store).await;
    store.role("shop", trust_user("anna")).await;
    for (arn, principal) in [
        ("arn:aws:iam::123456789012:root", "arn:aws:iam::123456789012:root"),
        ("arn:aws:iam::123456789012:user/anna", "arn:aws:iam::123456789012:user/anna"),
        ("arn:aws:iam::123456789012:role/shop", "arn:aws:sts::123456789012:assumed-role/shop/simulated"),
        (
            "arn:aws:sts::123456789012:assumed-role/shop/till",
            "arn:aws:sts::123456789012:assumed-role/shop/till",
        ),
    ] {
        let found = store.identities.principal_for(arn).unwrap();
        assert_eq!(found.arn(), principal);
        store.identities.policies(&found).unwrap();
    }
    for arn in ["", "anna", "arn:aws:iam::999999999999:user/anna", "arn:aws:iam::123456789012:group/g"] {
        assert!(
            matches!(store.identities.principal_for(arn), Err(IdentityError::InvalidInput { .. })),
            "{arn}"
        );
    }
    let error = store.identities.principal_for("arn:aws:iam::123456789012:user/otto").unwrap_err();
    assert!(matches!(error, IdentityError::NoSuchEntity { .. }), "{error:?}");
}
