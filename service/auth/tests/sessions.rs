//! Sessions of roles.

mod support;

use cairn_auth::{
    AssumeRole, AssumedRole, AuthenticationError, Holder, IdentityError, PrincipalKind, Reason, UpdateRole,
};
use cairn_policy::ContextValue;
use serde_json::json;
use support::{START, Store, allow, bearer, no_context, trust_user};

const SHOP: &str = "arn:aws:iam::123456789012:role/shop";

fn request() -> AssumeRole {
    AssumeRole { role_arn: SHOP.into(), session_name: "till-4".into(), ..AssumeRole::default() }
}

fn session_bearer(session: &AssumedRole) -> String {
    let (secret, token) = (session.secret_access_key.expose(), session.session_token.expose());
    format!("{}.{secret}.{token}", session.access_key_id)
}

async fn store_with_role() -> (Store, cairn_auth::Principal) {
    let store = Store::new().await;
    let anna = store.user("anna").await;
    store.role("shop", trust_user("anna")).await;
    let shop = Holder::Role("shop".into());
    store.identities.put_inline_policy(&shop, "items", &allow("dynamodb:*Item")).await.unwrap();
    let anna = store.authenticator().authenticate(Some(&bearer(&anna)), None).await.unwrap();
    (store, anna)
}

#[tokio::test]
async fn a_trusted_user_gets_a_session_of_the_role() {
    let (store, anna) = store_with_role().await;
    let session = store.identities.assume_role(&anna, request(), &no_context()).unwrap();
    assert!(session.access_key_id.starts_with("ASIA"));
    assert_eq!(session.expires_at.as_second(), START + 3_600);
    let principal = store.authenticator().authenticate(Some(&session_bearer(&session)), None).await.unwrap();
    assert_eq!(principal.arn(), "arn:aws:sts::123456789012:assumed-role/shop/till-4");
    assert_eq!(principal.kind(), PrincipalKind::Session);
    assert_eq!(principal.facts().named_as, [SHOP]);
    assert_eq!(principal.context_key("aws:principalarn"), Some(ContextValue::One(SHOP.into())));
    let role = store.identities.get_role("shop").unwrap();
    let caller = store.identities.get_caller_identity(&principal);
    assert_eq!(caller.user_id, format!("{}:till-4", role.id));
    assert!(store.allows(&principal, "dynamodb:GetItem"));
    assert!(!store.allows(&principal, "dynamodb:Scan"));
    assert!(!store.allows(&anna, "dynamodb:GetItem"), "only the session has what the role has");
}

#[tokio::test]
async fn nobody_else_does() {
    let (store, _) = store_with_role().await;
    let otto = store.user("otto").await;
    store.identities.put_inline_policy(&Holder::User("otto".into()), "all", &allow("*")).await.unwrap();
    let otto = store.authenticator().authenticate(Some(&bearer(&otto)), None).await.unwrap();
    let root = store.root().await;
    let missing = AssumeRole { role_arn: SHOP.replace("shop", "none"), ..request() };
    for (caller, request) in [(&otto, request()), (&root, request()), (&otto, missing)] {
        let error = store.identities.assume_role(caller, request, &no_context()).unwrap_err();
        assert!(matches!(error, IdentityError::AssumeRoleDenied { .. }), "{error:?}");
    }
}

#[tokio::test]
async fn a_session_ends_with_its_time_and_not_later() {
    let (store, anna) = store_with_role().await;
    let request = AssumeRole { duration_seconds: Some(900), ..request() };
    let session = store.identities.assume_role(&anna, request, &no_context()).unwrap();
    let authenticator = store.authenticator();
    store.time.advance(899);
    let principal = authenticator.authenticate(Some(&session_bearer(&session)), None).await.unwrap();
    store.identities.policies(&principal).unwrap();
    store.time.advance(1);
    for authenticator in [authenticator, store.authenticator()] {
        let error = authenticator.authenticate(Some(&session_bearer(&session)), None).await.unwrap_err();
        assert!(matches!(error, AuthenticationError::Expired), "{error:?}");
        assert_eq!(error.code(), "ExpiredTokenException");
    }
    assert!(matches!(store.identities.policies(&principal), Err(AuthenticationError::Expired)));
}

#[tokio::test]
async fn a_session_ends_with_its_role_even_if_another_takes_the_name() {
    let (store, anna) = store_with_role().await;
    let session = store.identities.assume_role(&anna, request(), &no_context()).unwrap();
    let authenticator = store.authenticator();
    let principal = authenticator.authenticate(Some(&session_bearer(&session)), None).await.unwrap();
    store.identities.delete_inline_policy(&Holder::Role("shop".into()), "items").await.unwrap();
    assert!(
        !store.allows(&principal, "dynamodb:GetItem"),
        "a change to the role is a change to its sessions"
    );
    store.identities.delete_role("shop").await.unwrap();
    for made_again in [false, true] {
        if made_again {
            store.role("shop", trust_user("anna")).await;
        }
        for authenticator in [authenticator.clone(), store.authenticator()] {
            let error = authenticator.authenticate(Some(&session_bearer(&session)), None).await.unwrap_err();
            assert!(matches!(error, AuthenticationError::UnrecognizedClient(Reason::RoleGone)), "{error:?}");
        }
        let error = store.identities.policies(&principal).unwrap_err();
        assert!(matches!(error, AuthenticationError::UnrecognizedClient(Reason::RoleGone)), "{error:?}");
    }
}

#[tokio::test]
async fn a_session_needs_all_three_parts_of_its_credential_unchanged() {
    let (store, anna) = store_with_role().await;
    let (one, two) = (
        store.identities.assume_role(&anna, request(), &no_context()).unwrap(),
        store.identities.assume_role(&anna, request(), &no_context()).unwrap(),
    );
    let (id, secret, token) =
        (&one.access_key_id, one.secret_access_key.expose(), one.session_token.expose());
    let other = two.session_token.expose();
    let authenticator = store.authenticator();
    authenticator.authenticate(Some(&session_bearer(&one)), None).await.unwrap();
    let error = |bearer: String| {
        let authenticator = authenticator.clone();
        async move { authenticator.authenticate(Some(&bearer), None).await.unwrap_err() }
    };
    let wrong_secret = error(format!("{id}.{}.{token}", two.secret_access_key.expose())).await;
    assert!(matches!(wrong_secret, AuthenticationError::InvalidSignature), "{wrong_secret:?}");
    let mut tampered: Vec<String> = vec![
        format!("{id}.{secret}.{other}"),
        format!("{}.{secret}.{token}", two.access_key_id),
        format!("{id}.{secret}."),
        format!("{id}.{secret}.{token}AAAA"),
        format!("{id}.{secret}.{}", &token[4..]),
    ];
    for position in [0, 12, 40, 60, token.len() / 2, token.len() - 2] {
        let mut bytes = token.as_bytes().to_vec();
        bytes[position] = if bytes[position] == b'A' { b'B' } else { b'A' };
        tampered.push(format!("{id}.{secret}.{}", String::from_utf8(bytes).unwrap()));
    }
    for bearer in tampered {
        let error = error(bearer).await;
        assert!(matches!(error, AuthenticationError::UnrecognizedClient(Reason::SessionToken)), "{error:?}");
    }
}

#[tokio::test]
async fn a_session_policy_restricts_and_gives_nothing() {
    let (store, anna) = store_with_role().await;
    let request = AssumeRole { policy: Some(allow("dynamodb:GetItem")), ..request() };
    let session = store.identities.assume_role(&anna, request, &no_context()).unwrap();
    let limited = store.authenticator().authenticate(Some(&session_bearer(&session)), None).await.unwrap();
    assert!(store.allows(&limited, "dynamodb:GetItem"));
    assert!(!store.allows(&limited, "dynamodb:PutItem"));
    let set = store.identities.policies(&limited).unwrap();
    assert!(std::sync::Arc::ptr_eq(&set, &store.identities.policies(&limited).unwrap()));
    let shop = Holder::Role("shop".into());
    store.identities.put_inline_policy(&shop, "items", &allow("dynamodb:PutItem")).await.unwrap();
    assert!(!store.allows(&limited, "dynamodb:GetItem"), "the role no longer has it");
    assert!(!store.allows(&limited, "dynamodb:PutItem"), "the session policy does not");

    let invalid = AssumeRole { policy: Some("{}".into()), ..self::request() };
    let error = store.identities.assume_role(&anna, invalid, &no_context()).unwrap_err();
    assert!(matches!(error, IdentityError::MalformedPolicyDocument(_)), "{error:?}");
}

#[tokio::test]
async fn durations_and_names_have_their_limits() {
    let (store, anna) = store_with_role().await;
    for (duration_seconds, session_name) in [
        (Some(899), "till"),
        (Some(3_601), "till"),
        (None, "t"),
        (None, "with space"),
        (None, &"x".repeat(65)),
    ] {
        let request = AssumeRole { duration_seconds, session_name: session_name.into(), ..request() };
        let error = store.identities.assume_role(&anna, request, &no_context()).unwrap_err();
        assert!(matches!(error, IdentityError::InvalidInput { .. }), "{error:?}");
    }
    let longer = UpdateRole { max_session_seconds: Some(43_200), ..UpdateRole::default() };
    store.identities.update_role("shop", longer).await.unwrap();
    let request = AssumeRole { duration_seconds: Some(43_200), ..request() };
    let session = store.identities.assume_role(&anna, request, &no_context()).unwrap();
    assert_eq!(session.expires_at.as_second(), START + 43_200);
    let error = store
        .identities
        .update_role("shop", UpdateRole { max_session_seconds: Some(43_201), ..UpdateRole::default() });
    assert!(matches!(error.await, Err(IdentityError::InvalidInput { .. })));
}

#[tokio::test]
async fn a_session_that_begins_another_gets_an_hour_and_keeps_on_whose_behalf_it_acts() {
    let (store, anna) = store_with_role().await;
    let trust = json!({"Effect": "Allow", "Principal": {"AWS": SHOP}, "Action": "sts:AssumeRole"});
    store.role("depot", trust).await;
    let longer = UpdateRole { max_session_seconds: Some(43_200), ..UpdateRole::default() };
    store.identities.update_role("depot", longer).await.unwrap();
    let first = AssumeRole { source_identity: Some("anna".into()), ..request() };
    let first = store.identities.assume_role(&anna, first, &no_context()).unwrap();
    let depot = || AssumeRole { role_arn: SHOP.replace("shop", "depot"), ..request() };
    let second = store.identities.assume_role(&first.principal, depot(), &no_context()).unwrap();
    let identity = second.principal.context_key("aws:sourceidentity");
    assert_eq!(identity, Some(ContextValue::One("anna".into())));
    for request in [
        AssumeRole { duration_seconds: Some(3_601), ..depot() },
        AssumeRole { source_identity: Some("otto".into()), ..depot() },
    ] {
        let error = store.identities.assume_role(&first.principal, request, &no_context()).unwrap_err();
        assert!(matches!(error, IdentityError::InvalidInput { .. }), "{error:?}");
    }
}

#[tokio::test]
async fn a_trust_policy_may_ask_for_an_external_id() {
    let store = Store::new().await;
    let anna = store.user("anna").await;
    let mut trust = trust_user("anna");
    trust["Condition"] = json!({"StringEquals": {"sts:ExternalId": "4711"}});
    store.role("shop", trust).await;
    let anna = store.authenticator().authenticate(Some(&bearer(&anna)), None).await.unwrap();
    for (external_id, allowed) in [(None, false), (Some("0815"), false), (Some("4711"), true)] {
        let request = AssumeRole { external_id: external_id.map(str::to_owned), ..request() };
        assert_eq!(store.identities.assume_role(&anna, request, &no_context()).is_ok(), allowed);
    }
}

#[tokio::test]
async fn the_tags_of_a_role_are_its_sessions() {
    let (store, anna) = store_with_role().await;
    let session = store.identities.assume_role(&anna, request(), &no_context()).unwrap();
    let shop = Holder::Role("shop".into());
    store.identities.tag(&shop, [("Team".into(), "tills".into())].into()).await.unwrap();
    let team = Some(ContextValue::One("tills".into()));
    let principal = store.authenticator().authenticate(Some(&session_bearer(&session)), None).await.unwrap();
    assert_eq!(principal.context_key("aws:principaltag/team"), team);
    assert_eq!(session.principal.context_key("aws:principaltag/team"), None);
    assert_eq!(
        store.identities.renew(&session.principal).unwrap().context_key("aws:principaltag/team"),
        team
    );
}
