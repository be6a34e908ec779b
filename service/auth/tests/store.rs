//! What is in the store: everything, encrypted where it is secret, and nothing without its key.

// Helpers outside of the tests themselves may panic as tests may.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod support;

use cairn_auth::{
    AssumeRole, CreatePolicy, EncryptionKey, EncryptionKeys, Holder, Identities, IdentityError,
    IdentityOptions, RootKey, Secret,
};
use cairn_storage::memory::MemoryEngine;
use cairn_storage::{Decision, Engine, RecordKey, SpaceId, Write};
use support::{ROOT_ID, ROOT_SECRET, Store, Time, allow, bearer, key, no_context, options, trust_user};

async fn open_error(engine: &MemoryEngine, options: IdentityOptions) -> IdentityError {
    match Identities::open(engine.clone(), options).await {
        Err(error) => error,
        Ok(_) => panic!("the store should not open"),
    }
}

fn holds(bytes: &[u8], text: &str) -> bool {
    bytes.windows(text.len()).any(|window| window == text.as_bytes())
}

#[tokio::test]
async fn a_restart_keeps_everything() {
    let store = Store::new().await;
    let key = store.user("anna").await;
    let identities = &store.identities;
    identities.create_group("readers").await.unwrap();
    identities.add_user_to_group("anna", "readers").await.unwrap();
    let request =
        CreatePolicy { name: "read".into(), document: allow("dynamodb:GetItem"), ..Default::default() };
    let policy = identities.create_policy(request).await.unwrap();
    identities.attach_policy(&Holder::Group("readers".into()), &policy.arn).await.unwrap();
    identities.tag(&Holder::User("anna".into()), [("team".into(), "shop".into())].into()).await.unwrap();
    store.role("shop", trust_user("anna")).await;

    let again = store.reopened().await;
    assert_eq!(again.identities.revision(), identities.revision());
    assert_eq!(again.identities.get_user("anna").unwrap(), identities.get_user("anna").unwrap());
    assert_eq!(again.identities.get_policy(&policy.arn).unwrap().attachments, 1);
    assert_eq!(again.identities.get_role("shop").unwrap(), identities.get_role("shop").unwrap());
    let anna = again.authenticator().authenticate(Some(&bearer(&key)), None).await.unwrap();
    assert!(again.allows(&anna, "dynamodb:GetItem"));
    assert!(!again.allows(&anna, "dynamodb:PutItem"));
}

#[tokio::test]
async fn a_first_start_without_a_root_key_makes_one_and_shows_it_once() {
    let (engine, time) = (MemoryEngine::new(), Time::new());
    let without = || IdentityOptions { root: None, ..options(&time, &[1]) };
    let (identities, generated) = Identities::open(engine.clone(), without()).await.unwrap();
    let generated = generated.expect("a root key");
    assert!(!format!("{generated:?}").contains(generated.secret_access_key.expose()));
    let (again, nothing) = Identities::open(engine.clone(), without()).await.unwrap();
    assert!(nothing.is_none());
    assert_eq!(again.revision(), identities.revision(), "a start that changes nothing writes nothing");
    let authenticator = cairn_auth::Authenticator::new(again, Default::default()).unwrap();
    let bearer = format!("{}.{}", generated.access_key_id, generated.secret_access_key.expose());
    assert!(authenticator.authenticate(Some(&bearer), None).await.unwrap().facts().is_root);
}

#[tokio::test]
async fn a_start_that_generates_nothing_knows_root_without_a_key_and_leaves_the_key_to_another_start() {
    let (engine, time) = (MemoryEngine::new(), Time::new());
    let without = || IdentityOptions { root: None, ..options(&time, &[1]) };
    let identities = Identities::open_without_generating(engine.clone(), without()).await.unwrap();
    let root = identities.principal_for("arn:aws:iam::123456789012:root").unwrap();
    assert!(root.facts().is_root);
    assert_eq!(root.access_key_id(), None);
    identities.policies(&root).unwrap();
    let (_, generated) = Identities::open(engine, without()).await.unwrap();
    assert!(generated.is_some());
}

#[tokio::test]
async fn a_configured_root_key_replaces_the_one_there_was() {
    let store = Store::new().await;
    let before = store.root().await;
    let secret = "another-secret-of-the-tests-ABCDEFGHIJ";
    for (id, secret) in [(ROOT_ID, secret), ("another_root_key_id", secret)] {
        let root = RootKey { access_key_id: id.into(), secret_access_key: Secret::new(secret) };
        let options = IdentityOptions { root: Some(root), ..options(&store.time, &[1]) };
        let (identities, _) = Identities::open(store.engine.clone(), options).await.unwrap();
        let authenticator = cairn_auth::Authenticator::new(identities, Default::default()).unwrap();
        authenticator.authenticate(Some(&format!("{ROOT_ID}.{ROOT_SECRET}")), None).await.unwrap_err();
        authenticator.authenticate(Some(&format!("{id}.{secret}")), None).await.unwrap();
    }
    store.identities.policies(&before).expect("this process has not looked yet");
    store.identities.refresh().await.unwrap();
    store.identities.policies(&before).expect_err("the root key was replaced");
}

#[tokio::test]
async fn a_root_key_that_is_too_short_is_refused() {
    let engine = MemoryEngine::new();
    for (id, secret, field) in [
        ("short", ROOT_SECRET, "root_access_key_id"),
        ("ASIAROOTROOTROOTROOT", ROOT_SECRET, "root_access_key_id"),
        ("eyJROOTROOTROOTROOT", ROOT_SECRET, "root_access_key_id"),
        (ROOT_ID, "too short", "root_secret_access_key"),
        (ROOT_ID, "with a space in it, but long enough to be a secret", "root_secret_access_key"),
        (ROOT_ID, "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", "root_secret_access_key"),
    ] {
        let root = RootKey { access_key_id: id.into(), secret_access_key: Secret::new(secret) };
        let error =
            open_error(&engine, IdentityOptions { root: Some(root), ..options(&Time::new(), &[1]) }).await;
        assert!(
            matches!(error, IdentityError::InvalidInput { field: found, .. } if found == field),
            "{error}"
        );
        assert!(!error.to_string().contains(secret));
    }
}

#[tokio::test]
async fn a_wrong_encryption_key_is_named_and_nothing_is_opened() {
    let store = Store::new().await;
    let error = open_error(&store.engine, options(&store.time, &[2])).await;
    let IdentityError::WrongEncryptionKey { stored, configured } = &error else { panic!("{error:?}") };
    assert_eq!((stored, configured), (&key(1).id(), &key(2).id()));
    assert!(error.to_string().contains("configure the key the store was created with"), "{error}");
    store.reopened().await;
}

#[tokio::test]
async fn a_new_encryption_key_in_front_takes_over_at_the_next_start() {
    let store = Store::new().await;
    let anna = store.user("anna").await;
    store.role("shop", trust_user("anna")).await;
    let caller = store.authenticator().authenticate(Some(&bearer(&anna)), None).await.unwrap();
    let request = AssumeRole {
        role_arn: "arn:aws:iam::123456789012:role/shop".into(),
        session_name: "session".into(),
        ..AssumeRole::default()
    };
    let session = store.identities.assume_role(&caller, request, &no_context()).unwrap();
    let session = format!(
        "{}.{}.{}",
        session.access_key_id,
        session.secret_access_key.expose(),
        session.session_token.expose()
    );

    let (both, _) = Identities::open(store.engine.clone(), options(&store.time, &[2, 1])).await.unwrap();
    let authenticator = cairn_auth::Authenticator::new(both, Default::default()).unwrap();
    authenticator.authenticate(Some(&bearer(&anna)), None).await.unwrap();
    authenticator.authenticate(Some(&session), None).await.expect("sealed under the older key");

    let (new, _) = Identities::open(store.engine.clone(), options(&store.time, &[2])).await.unwrap();
    let authenticator = cairn_auth::Authenticator::new(new, Default::default()).unwrap();
    authenticator.authenticate(Some(&bearer(&anna)), None).await.expect("sealed anew");
    authenticator.authenticate(Some(&format!("{ROOT_ID}.{ROOT_SECRET}")), None).await.expect("sealed anew");
    authenticator.authenticate(Some(&session), None).await.expect_err("sealed under a key that is gone");
    let error = open_error(&store.engine, options(&store.time, &[1])).await;
    assert!(matches!(error, IdentityError::WrongEncryptionKey { .. }), "{error}");
}

#[tokio::test]
async fn no_secret_is_in_the_store_or_in_what_is_printed() {
    let store = Store::new().await;
    let anna = store.user("anna").await;
    let bytes = store.bytes().await;
    assert!(holds(&bytes, "anna"), "the search finds what is there");
    for secret in [anna.secret.expose(), ROOT_SECRET] {
        use base64::Engine as _;
        assert!(!holds(&bytes, secret));
        assert!(!holds(&bytes, &base64::engine::general_purpose::STANDARD.encode(secret)));
    }
    let root = RootKey { access_key_id: ROOT_ID.into(), secret_access_key: Secret::new(ROOT_SECRET) };
    let key = EncryptionKey::parse("AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=").unwrap();
    let principal = store.authenticator().authenticate(Some(&bearer(&anna)), None).await.unwrap();
    let printed = format!("{anna:?} {root:?} {key:?} {} {principal:?}", anna.secret);
    for secret in [anna.secret.expose(), ROOT_SECRET, "AAECAw", "000102"] {
        assert!(!printed.contains(secret), "{printed}");
    }
    let wrong = format!("{}.{}x", anna.access_key.id, anna.secret.expose());
    let error = store.authenticator().authenticate(Some(&wrong), None).await.unwrap_err();
    assert!(!format!("{error} {error:?}").contains(anna.secret.expose()));
}

/// Whoever can write to the store must not be able to give one key the secret of another.
#[tokio::test]
async fn swapped_records_do_not_open() {
    let store = Store::new().await;
    let (anna, otto) = (store.user("anna").await, store.user("otto").await);
    let record = |id: &str| RecordKey::new(SpaceId::System, [&[5, 0x14], id.as_bytes()].concat());
    let (from, to) = (record(&anna.access_key.id), record(&otto.access_key.id));
    let (anna_id, otto_id) = (anna.access_key.id.clone(), otto.access_key.id.clone());
    let swapped = store
        .engine
        .transact(vec![from, to.clone()], move |found| {
            let secret = |record: &[u8]| {
                let json: serde_json::Value = serde_json::from_slice(&record[1..]).unwrap();
                json["secret"].as_str().unwrap().to_owned()
            };
            let (ours, theirs) = (found[0].as_ref().unwrap(), found[1].as_ref().unwrap());
            let text = String::from_utf8(theirs.to_vec()).unwrap().replace(&secret(theirs), &secret(ours));
            assert!(text.contains(&otto_id) && !text.contains(&anna_id));
            Decision { writes: vec![Write::Put(to.clone(), text.into())], outcome: true }
        })
        .await
        .unwrap();
    assert!(swapped);
    let store = store.reopened().await;
    let forged = format!("{}.{}", otto.access_key.id, anna.secret.expose());
    for bearer in [forged, bearer(&otto)] {
        let error = store.authenticator().authenticate(Some(&bearer), None).await.unwrap_err();
        assert!(matches!(error, cairn_auth::AuthenticationError::Internal(_)), "{error:?}");
        assert!(std::error::Error::source(&error).unwrap().to_string().contains("tampered"), "{error:?}");
    }
    store.authenticator().authenticate(Some(&bearer(&anna)), None).await.unwrap();
}

#[tokio::test]
async fn a_record_under_anothers_name_is_refused() {
    let store = Store::new().await;
    store.user("anna").await;
    let record = |name: &str| RecordKey::new(SpaceId::System, [&[5, 0x10], name.as_bytes()].concat());
    let to = record("root-like");
    store
        .engine
        .transact(vec![record("anna")], move |found| {
            let copy = found[0].clone().unwrap();
            Decision { writes: vec![Write::Put(to.clone(), copy)], outcome: () }
        })
        .await
        .unwrap();
    let error = open_error(&store.engine, options(&store.time, &[1])).await;
    assert!(matches!(error, IdentityError::Record { .. }), "{error}");
}

#[tokio::test]
async fn records_of_a_later_version_say_so_and_unknown_members_are_ignored() {
    let store = Store::new().await;
    store.user("anna").await;
    let record = RecordKey::new(SpaceId::System, [&[5, 0x10], &b"anna"[..]].concat());
    let rewrite = |change: fn(Vec<u8>) -> Vec<u8>| {
        let (engine, record) = (store.engine.clone(), record.clone());
        async move {
            let to = record.clone();
            let decide = move |found: &[Option<bytes::Bytes>]| {
                let changed = change(found[0].as_ref().unwrap().to_vec());
                Decision { writes: vec![Write::Put(to.clone(), changed.into())], outcome: () }
            };
            engine.transact(vec![record], decide).await.unwrap();
        }
    };
    rewrite(|mut bytes| {
        bytes.pop();
        bytes.extend(br#","from_the_future":[1]}"#);
        bytes
    })
    .await;
    assert_eq!(store.reopened().await.identities.get_user("anna").unwrap().name, "anna");
    rewrite(|mut bytes| {
        bytes[0] = 2;
        bytes
    })
    .await;
    let error = open_error(&store.engine, options(&store.time, &[1])).await;
    assert!(std::error::Error::source(&error).unwrap().to_string().contains("version Some(2)"), "{error:?}");
}

#[tokio::test]
async fn two_processes_do_not_undo_each_others_changes() {
    let one = Store::new().await;
    let other = one.reopened().await;
    one.user("anna").await;
    assert!(other.identities.get_user("anna").is_err(), "not looked yet");
    other.user("otto").await;
    assert!(other.identities.get_user("anna").is_ok(), "seen by its own change");
    assert!(one.identities.get_user("otto").is_err());
    one.identities.refresh().await.unwrap();
    assert!(one.identities.get_user("otto").is_ok());
    assert_eq!(one.identities.revision(), other.identities.revision());
    let again = one.reopened().await;
    assert_eq!(again.identities.list_users(&Default::default()).unwrap().items.len(), 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn concurrent_changes_all_take_place_and_quotas_hold() {
    let stores = [Store::new().await];
    let other = stores[0].reopened().await;
    let stores = [stores[0].clone(), other];
    stores[0].user("anna").await;
    let mut changes = Vec::new();
    for number in 0..20 {
        let identities = stores[number % 2].identities.clone();
        changes.push(tokio::spawn(async move {
            let made = identities.create_access_key("anna").await.is_ok();
            let document = allow(&format!("dynamodb:Action{number}"));
            let request = CreatePolicy { name: format!("p{number}"), document, ..Default::default() };
            identities.create_policy(request).await.unwrap();
            made
        }));
    }
    let mut made = 0;
    for change in changes {
        made += usize::from(change.await.unwrap());
    }
    assert_eq!(made, 1, "one more key beside the first");
    let store = stores[0].reopened().await;
    assert_eq!(store.identities.list_access_keys("anna").unwrap().len(), 2);
    let local = cairn_auth::PolicyScope::Local;
    assert_eq!(store.identities.list_policies(local, &Default::default()).unwrap().items.len(), 20);
}

#[tokio::test]
async fn a_change_goes_on_when_its_caller_goes_away() {
    let store = Store::new().await;
    let before = store.identities.revision();
    {
        let change = store.identities.create_group("readers");
        let mut change = std::pin::pin!(change);
        let waker = std::task::Waker::noop();
        // Begun, and then dropped.
        let polled = std::future::Future::poll(change.as_mut(), &mut std::task::Context::from_waker(waker));
        assert!(polled.is_pending());
    }
    // The next change waits for its turn.
    store.identities.create_group("writers").await.unwrap();
    assert_eq!(store.identities.revision(), before + 2);
    assert!(store.identities.get_group("readers").is_ok());
}

#[test]
fn an_encryption_key_is_32_bytes_in_base64_or_hexadecimal() {
    let bytes: [u8; 32] = std::array::from_fn(|index| index as u8);
    let id = EncryptionKey::from_bytes(&bytes).unwrap().id();
    for text in [
        "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=",
        "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8",
        " 000102030405060708090a0b0c0d0e0f101112131415161718191A1B1C1D1E1F\n",
    ] {
        assert_eq!(EncryptionKey::parse(text).unwrap().id(), id);
    }
    for text in
        ["", "secret", "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHg==", &"0".repeat(64), &"g".repeat(64)]
    {
        let error = EncryptionKey::parse(text).unwrap_err();
        assert!(text.is_empty() || !error.to_string().contains(text));
    }
    let folder = std::env::temp_dir().join(format!("cairn-auth-key-{}", std::process::id()));
    std::fs::write(&folder, bytes).unwrap();
    assert_eq!(EncryptionKey::read(&folder).unwrap().id(), id);
    std::fs::write(&folder, "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=\n").unwrap();
    assert_eq!(EncryptionKey::read(&folder).unwrap().id(), id);
    std::fs::remove_file(&folder).unwrap();
    assert!(EncryptionKeys::new(Vec::new()).is_err());
}
