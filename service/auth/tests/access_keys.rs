//! Access keys, and whom they stand for.

mod support;

use cairn_auth::{AuthenticationError, IdentityError, KeyStatus, PrincipalKind, Reason};
use cairn_policy::ContextValue;
use support::{ACCOUNT, ROOT_ID, ROOT_SECRET, START, Store, allow, bearer};

fn reason(error: AuthenticationError) -> Reason {
    match error {
        AuthenticationError::UnrecognizedClient(reason) => reason,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn an_access_key_with_its_secret_is_its_user() {
    let store = Store::new().await;
    let key = store.user("anna").await;
    let principal = store.authenticator().authenticate(Some(&bearer(&key)), None).await.unwrap();
    assert_eq!(principal.arn(), "arn:aws:iam::123456789012:user/anna");
    assert_eq!(principal.kind(), PrincipalKind::User);
    assert_eq!(principal.access_key_id(), Some(key.access_key.id.as_str()));
    assert_eq!(principal.expires_at(), None);
    let context = |name| match principal.context_key(name) {
        Some(ContextValue::One(value)) => Some(value.into_owned()),
        _ => None,
    };
    assert_eq!(context("aws:username").as_deref(), Some("anna"));
    assert_eq!(context("aws:principaltype").as_deref(), Some("User"));
    assert_eq!(context("aws:principalaccount").as_deref(), Some(ACCOUNT));
    assert_eq!(context("aws:userid"), Some(store.identities.get_user("anna").unwrap().id));
    assert!(key.access_key.id.starts_with("AKIA") && key.access_key.id.len() == 20);
    assert_eq!(key.secret.expose().len(), 40);
}

#[tokio::test]
async fn the_root_key_is_the_accounts_root() {
    let store = Store::new().await;
    let root = store.root().await;
    assert_eq!(root.arn(), "arn:aws:iam::123456789012:root");
    assert!(root.facts().is_root);
    assert!(store.allows(&root, "dynamodb:DeleteTable"));
}

#[tokio::test]
async fn no_credentials_and_credentials_of_no_known_form_are_refused() {
    let store = Store::new().await;
    let authenticator = store.authenticator();
    let missing = authenticator.authenticate(None, None).await.unwrap_err();
    assert_eq!(missing.to_string(), "Request is missing Authentication Token");
    assert_eq!(missing.code(), "MissingAuthenticationTokenException");
    for form in ["", "AKIA", "ASIA1234567890123456", "ASIA1234567890123456.secret"] {
        let error = authenticator.authenticate(Some(form), None).await.unwrap_err();
        assert!(matches!(error, AuthenticationError::Incomplete(_)), "{form}: {error:?}");
    }
    let oversized = format!("{ROOT_ID}.{}", "x".repeat(9_000));
    let error = authenticator.authenticate(Some(&oversized), None).await.unwrap_err();
    assert!(matches!(error, AuthenticationError::Incomplete(_)), "{error:?}");
}

#[tokio::test]
async fn a_wrong_secret_and_an_unknown_key_are_refused() {
    let store = Store::new().await;
    let (anna, otto) = (store.user("anna").await, store.user("otto").await);
    let authenticator = store.authenticator();
    let mixed = format!("{}.{}", anna.access_key.id, otto.secret.expose());
    let almost = {
        let mut secret = anna.secret.expose().to_owned();
        let last = if secret.pop() == Some('A') { 'B' } else { 'A' };
        format!("{}.{secret}{last}", anna.access_key.id)
    };
    for wrong in [mixed, almost, format!("{}.", anna.access_key.id), format!("{ROOT_ID}.{ROOT_SECRET}x")] {
        let error = authenticator.authenticate(Some(&wrong), None).await.unwrap_err();
        assert!(matches!(error, AuthenticationError::InvalidSignature), "{error:?}");
        assert_eq!(error.code(), "InvalidSignatureException");
    }
    let unknown = format!("AKIAAAAAAAAAAAAAAAAA.{}", anna.secret.expose());
    let error = authenticator.authenticate(Some(&unknown), None).await.unwrap_err();
    assert_eq!(error.to_string(), "The security token included in the request is invalid.");
    assert_eq!(reason(error), Reason::UnknownKey);
}

#[tokio::test]
async fn a_disabled_or_deleted_key_is_refused_at_once_also_for_calls_under_way() {
    let store = Store::new().await;
    let key = store.user("anna").await;
    let id = &key.access_key.id;
    let authenticator = store.authenticator();
    let principal = authenticator.authenticate(Some(&bearer(&key)), None).await.unwrap();
    store.identities.policies(&principal).unwrap();

    store.identities.update_access_key("anna", id, KeyStatus::Inactive).await.unwrap();
    assert_eq!(reason(store.identities.policies(&principal).unwrap_err()), Reason::InactiveKey);
    let error = authenticator.authenticate(Some(&bearer(&key)), None).await.unwrap_err();
    assert_eq!(reason(error), Reason::InactiveKey);

    store.identities.update_access_key("anna", id, KeyStatus::Active).await.unwrap();
    authenticator.authenticate(Some(&bearer(&key)), None).await.unwrap();
    store.identities.policies(&principal).unwrap();

    store.identities.delete_access_key("anna", id).await.unwrap();
    assert_eq!(reason(store.identities.policies(&principal).unwrap_err()), Reason::UnknownKey);
    let error = authenticator.authenticate(Some(&bearer(&key)), None).await.unwrap_err();
    assert_eq!(reason(error), Reason::UnknownKey);
}

#[tokio::test]
async fn a_deleted_user_is_nobody_even_if_another_takes_its_name() {
    let store = Store::new().await;
    let key = store.user("anna").await;
    let principal = store.authenticator().authenticate(Some(&bearer(&key)), None).await.unwrap();
    store.identities.delete_access_key("anna", &key.access_key.id).await.unwrap();
    store.identities.delete_user("anna").await.unwrap();
    assert_eq!(reason(store.identities.policies(&principal).unwrap_err()), Reason::UserGone);
    store.user("anna").await;
    assert_eq!(reason(store.identities.policies(&principal).unwrap_err()), Reason::UserGone);
    assert_eq!(reason(store.identities.renew(&principal).unwrap_err()), Reason::UserGone);
}

#[tokio::test]
async fn a_user_has_two_keys_at_most_and_both_work() {
    let store = Store::new().await;
    let first = store.user("anna").await;
    let second = store.identities.create_access_key("anna").await.unwrap();
    let third = store.identities.create_access_key("anna").await.unwrap_err();
    assert!(matches!(third, IdentityError::LimitExceeded { quota: "AccessKeysPerUser", limit: 2 }));
    for key in [&first, &second] {
        store.authenticator().authenticate(Some(&bearer(key)), None).await.unwrap();
    }
    store.identities.update_access_key("anna", &first.access_key.id, KeyStatus::Inactive).await.unwrap();
    store.authenticator().authenticate(Some(&bearer(&second)), None).await.unwrap();
    let states = store.identities.list_access_keys("anna").unwrap();
    assert_eq!(
        states.iter().map(|key| key.status).collect::<Vec<_>>(),
        [KeyStatus::Inactive, KeyStatus::Active]
    );
}

#[tokio::test]
async fn one_users_key_cannot_be_changed_as_anothers() {
    let store = Store::new().await;
    let key = store.user("anna").await;
    store.user("otto").await;
    let error = store.identities.delete_access_key("otto", &key.access_key.id).await.unwrap_err();
    assert!(matches!(error, IdentityError::NoSuchEntity { .. }));
    let error = store
        .identities
        .update_access_key("otto", &key.access_key.id, KeyStatus::Inactive)
        .await
        .unwrap_err();
    assert!(matches!(error, IdentityError::NoSuchEntity { .. }));
}

#[tokio::test]
async fn the_last_use_is_kept_to_the_minute_and_written_when_asked() {
    let store = Store::new().await;
    let key = store.user("anna").await;
    let last_used = |store: &Store| {
        store.identities.get_access_key(&key.access_key.id).unwrap().last_used.map(|at| at.as_second())
    };
    assert_eq!(last_used(&store), None);
    store.authenticator().authenticate(Some(&bearer(&key)), None).await.unwrap();
    assert_eq!(last_used(&store), Some(START));
    assert_eq!(last_used(&store.reopened().await), None, "nothing is written by a call");

    let revision = store.identities.revision();
    store.identities.flush_last_used().await.unwrap();
    assert_eq!(store.identities.revision(), revision, "a use is no change");
    assert_eq!(last_used(&store.reopened().await), Some(START));

    store.time.advance(59);
    store.authenticator().authenticate(Some(&bearer(&key)), None).await.unwrap();
    store.identities.flush_last_used().await.unwrap();
    assert_eq!(last_used(&store), Some(START + 59));
    assert_eq!(last_used(&store.reopened().await), Some(START), "at most once a minute");
    store.time.advance(1);
    store.authenticator().authenticate(Some(&bearer(&key)), None).await.unwrap();
    store.identities.flush_last_used().await.unwrap();
    assert_eq!(last_used(&store.reopened().await), Some(START + 60));

    store
        .identities
        .put_inline_policy(&cairn_auth::Holder::User("anna".into()), "p", &allow("dynamodb:GetItem"))
        .await
        .unwrap();
    assert_eq!(last_used(&store), Some(START + 60), "a change to the user keeps it");
    store.identities.delete_access_key("anna", &key.access_key.id).await.unwrap();
    store.identities.flush_last_used().await.unwrap();
    let id = key.access_key.id.as_bytes();
    assert!(!store.bytes().await.windows(id.len()).any(|bytes| bytes == id), "nothing of the key is left");
}
