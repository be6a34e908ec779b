//! Tokens of issuers: what is accepted, and every way in which they are forged.

mod support;

use cairn_auth::{AuthenticationError, AuthenticationSettings, Authenticator, Holder, PrincipalKind, Reason};
use cairn_policy::ContextValue;
use cairn_storage::memory::MemoryEngine;
use serde_json::{Value, json};
use support::{ISSUER, START, Signer, Store, allow, claims, file, issuer, jwks, token, trust_issuer};

struct Shop {
    store: Store,
    authenticator: Authenticator<MemoryEngine>,
    _folder: tempfile::TempDir,
}

async fn shop(keys: &[Value]) -> Shop {
    let store = Store::new().await;
    store.role("shop", trust_issuer()).await;
    let role = Holder::Role("shop".into());
    store.identities.put_inline_policy(&role, "items", &allow("dynamodb:GetItem")).await.unwrap();
    store.user("robot").await;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("jwks.json");
    std::fs::write(&path, jwks(keys)).unwrap();
    let settings = AuthenticationSettings { issuers: vec![issuer(file(&path))], ..Default::default() };
    let authenticator = store.authenticator_with(settings);
    Shop { store, authenticator, _folder: folder }
}

impl Shop {
    async fn error(&self, token: &str) -> AuthenticationError {
        self.authenticator.authenticate(Some(token), None).await.unwrap_err()
    }

    async fn refused(&self, token: &str, reason: Reason) {
        match self.error(token).await {
            AuthenticationError::UnrecognizedClient(found) => assert_eq!(found, reason),
            other => panic!("{other:?} instead of {reason:?}"),
        }
    }
}

fn with(mut claims: Value, name: &str, value: impl Into<Value>) -> Value {
    claims[name] = value.into();
    claims
}

#[tokio::test]
async fn a_service_accounts_token_is_a_session_of_its_role_whatever_it_is_signed_with() {
    for signer in [Signer::rsa(), Signer::p256(), Signer::ed25519()] {
        let shop = shop(&[signer.jwk("one")]).await;
        let token = signer.token("one", &with(claims(&shop.store.time), "team", "tills"));
        let principal = shop.authenticator.authenticate(Some(&token), None).await.unwrap();
        assert_eq!(
            principal.arn(),
            "arn:aws:sts::123456789012:assumed-role/shop/system=serviceaccount=shop=orders"
        );
        assert_eq!(principal.kind(), PrincipalKind::Session);
        assert_eq!(principal.issuer(), Some(ISSUER));
        assert_eq!(principal.expires_at().unwrap().as_second(), START + 3_600 + 60);
        let prefix = "kubernetes.default.svc.cluster.local";
        for (key, value) in
            [("sub", "system:serviceaccount:shop:orders"), ("aud", "cairn"), ("team", "tills")]
        {
            let found = principal.context_key(&format!("{prefix}:{key}"));
            assert_eq!(found, Some(ContextValue::One(value.into())));
        }
        assert!(shop.store.allows(&principal, "dynamodb:GetItem"));
        assert!(!shop.store.allows(&principal, "dynamodb:PutItem"));
        let again = shop.authenticator.authenticate(Some(&token), None).await.unwrap();
        assert_eq!(again.arn(), principal.arn());
    }
}

#[tokio::test]
async fn a_rule_may_name_a_user_and_a_token_that_no_rule_fits_is_refused() {
    let signer = Signer::ed25519();
    let shop = shop(&[signer.jwk("one")]).await;
    let claims = claims(&shop.store.time);
    let robot = signer.token("one", &with(claims.clone(), "sub", "system:serviceaccount:ops:robot"));
    let robot = shop.authenticator.authenticate(Some(&robot), None).await.unwrap();
    assert_eq!((robot.kind(), robot.access_key_id()), (PrincipalKind::User, None));
    assert!(robot.expires_at().is_some());
    for subject in ["system:serviceaccount:shop2:orders", "system:serviceaccount:ops:robot2", "shop"] {
        let error = shop.error(&signer.token("one", &with(claims.clone(), "sub", subject))).await;
        assert!(
            matches!(error, AuthenticationError::NotAuthorized { reason: Reason::NoRule, .. }),
            "{error:?}"
        );
        assert_eq!(error.to_string(), "Not authorized to perform sts:AssumeRoleWithWebIdentity");
    }
}

#[tokio::test]
async fn a_role_must_trust_the_issuer_and_goes_on_to() {
    let signer = Signer::ed25519();
    let shop = shop(&[signer.jwk("one")]).await;
    let token = signer.token("one", &claims(&shop.store.time));
    let trust = |statement: Value| json!({"Version": "2012-10-17", "Statement": [statement]}).to_string();
    shop.authenticator.authenticate(Some(&token), None).await.unwrap();
    for untrusting in [
        with(trust_issuer(), "Principal", json!({"Federated": "https://elsewhere"})),
        with(trust_issuer(), "Principal", json!({"AWS": "*"})),
        with(trust_issuer(), "Action", "sts:AssumeRole"),
        with(
            trust_issuer(),
            "Condition",
            json!({"StringLike": {
                "kubernetes.default.svc.cluster.local:sub": "system:serviceaccount:depot:*"
            }}),
        ),
    ] {
        shop.store.identities.update_trust_policy("shop", &trust(untrusting)).await.unwrap();
        let error = shop.error(&token).await;
        assert!(
            matches!(error, AuthenticationError::NotAuthorized { reason: Reason::NotTrusted, .. }),
            "{error:?}"
        );
    }
    shop.store.identities.update_trust_policy("shop", &trust(trust_issuer())).await.unwrap();
    let principal = shop.authenticator.authenticate(Some(&token), None).await.unwrap();
    shop.store.identities.delete_inline_policy(&Holder::Role("shop".into()), "items").await.unwrap();
    shop.store.identities.delete_role("shop").await.unwrap();
    let error = shop.error(&token).await;
    assert!(
        matches!(error, AuthenticationError::NotAuthorized { reason: Reason::RoleGone, .. }),
        "{error:?}"
    );
    shop.store.identities.policies(&principal).unwrap_err();
}

#[tokio::test]
async fn a_tampered_token_is_refused() {
    for signer in [Signer::rsa(), Signer::p256(), Signer::ed25519()] {
        let shop = shop(&[signer.jwk("one")]).await;
        let claims = claims(&shop.store.time);
        let token = signer.token("one", &claims);
        shop.authenticator.authenticate(Some(&token), None).await.unwrap();
        let other = signer.token("one", &with(claims.clone(), "sub", "system:serviceaccount:shop:admin"));
        let (header_and_claims, _) = other.rsplit_once('.').unwrap();
        let (_, signature) = token.rsplit_once('.').unwrap();
        let unsigned = format!("{header_and_claims}.");
        for forged in [format!("{header_and_claims}.{signature}"), unsigned] {
            assert!(matches!(shop.error(&forged).await, AuthenticationError::InvalidSignature));
        }
        let stranger = Signer::ed25519();
        if signer.algorithm() == stranger.algorithm() {
            let forged = stranger.token("one", &claims);
            assert!(matches!(shop.error(&forged).await, AuthenticationError::InvalidSignature));
        }
    }
}

#[tokio::test]
async fn the_algorithm_is_the_keys_and_not_the_tokens() {
    let (rsa, p256) = (Signer::rsa(), Signer::p256());
    let shop = shop(&[rsa.jwk("rsa"), p256.jwk("p256")]).await;
    let claims = claims(&shop.store.time);
    let none = |alg: &str| token(&json!({"alg": alg, "kid": "rsa"}), &claims, |_| Vec::new());
    for alg in ["none", "None", "NONE", "", "HS256", "HS384", "HS512", "PS256", "RS512", "ES256", "EdDSA"] {
        shop.refused(&none(alg), Reason::Algorithm).await;
    }
    // What is public is a secret to nobody: an HMAC under any form of the public key proves nothing.
    let jwk = rsa.jwk("rsa");
    for secret in [jwk.to_string(), jwk["n"].as_str().unwrap().to_owned()] {
        let key = ring::hmac::Key::new(ring::hmac::HMAC_SHA256, secret.as_bytes());
        let sign = |text: &[u8]| ring::hmac::sign(&key, text).as_ref().to_vec();
        shop.refused(&token(&json!({"alg": "HS256", "kid": "rsa"}), &claims, sign), Reason::Algorithm).await;
    }
    // A right signature of the wrong key, named as the other.
    let crossed = token(&json!({"alg": "ES256", "kid": "rsa"}), &claims, |text| p256.sign(text));
    shop.refused(&crossed, Reason::Algorithm).await;
    let crossed = token(&json!({"alg": "RS256", "kid": "p256"}), &claims, |text| rsa.sign(text));
    shop.refused(&crossed, Reason::Algorithm).await;
    // A key that the token brings along is not looked at.
    let stranger = Signer::ed25519();
    let header = json!({"alg": "EdDSA", "kid": "stranger", "jwk": stranger.jwk("stranger")});
    shop.refused(&token(&header, &claims, |text| stranger.sign(text)), Reason::UnknownSigningKey).await;
}

#[tokio::test]
async fn the_key_must_be_named_unless_there_is_only_one() {
    let (one, two) = (Signer::ed25519(), Signer::ed25519());
    let unnamed =
        |signer: &Signer, claims: &Value| token(&json!({"alg": "EdDSA"}), claims, |text| signer.sign(text));
    let alone = shop(&[one.jwk("one")]).await;
    let claims = claims(&alone.store.time);
    alone.authenticator.authenticate(Some(&unnamed(&one, &claims)), None).await.unwrap();
    alone.refused(&one.token("two", &claims), Reason::UnknownSigningKey).await;
    let both = shop(&[one.jwk("one"), two.jwk("two")]).await;
    both.refused(&unnamed(&one, &claims), Reason::UnknownSigningKey).await;
    assert!(matches!(both.error(&one.token("two", &claims)).await, AuthenticationError::InvalidSignature));
    both.authenticator.authenticate(Some(&two.token("two", &claims)), None).await.unwrap();
}

#[tokio::test]
async fn the_audience_and_the_issuer_must_be_right() {
    let signer = Signer::ed25519();
    let shop = shop(&[signer.jwk("one")]).await;
    let claims = claims(&shop.store.time);
    for audience in
        [json!("kubernetes"), json!([]), json!(["Cairn", "cairn "]), json!(null), json!({"cairn": 1})]
    {
        shop.refused(&signer.token("one", &with(claims.clone(), "aud", audience)), Reason::Audience).await;
    }
    for audience in [json!("cairn"), json!(["other", "https://cairn"])] {
        // The role trusts the first audience only.
        let expected = audience == json!("cairn");
        let token = signer.token("one", &with(claims.clone(), "aud", audience));
        assert_eq!(shop.authenticator.authenticate(Some(&token), None).await.is_ok(), expected);
    }
    for issuer in [json!("https://elsewhere"), json!(null), json!([ISSUER]), json!(format!("{ISSUER}/"))] {
        shop.refused(&signer.token("one", &with(claims.clone(), "iss", issuer)), Reason::UnknownIssuer).await;
    }
}

#[tokio::test]
async fn a_token_is_good_from_its_beginning_to_its_end_give_or_take_the_leeway() {
    let signer = Signer::ed25519();
    let shop = shop(&[signer.jwk("one")]).await;
    let early = claims(&shop.store.time);
    let token = signer.token("one", &early);
    for name in ["nbf", "iat"] {
        let tomorrow = signer.token("one", &with(early.clone(), name, START + 61));
        let error = shop.error(&tomorrow).await;
        assert!(matches!(error, AuthenticationError::NotYetValid), "{name} {error:?}");
        let skewed = signer.token("one", &with(early.clone(), name, START + 60));
        shop.authenticator.authenticate(Some(&skewed), None).await.unwrap();
    }
    shop.store.time.advance(3_659);
    let principal = shop.authenticator.authenticate(Some(&token), None).await.unwrap();
    shop.store.time.advance(1);
    assert!(matches!(shop.error(&token).await, AuthenticationError::Expired));
    assert!(matches!(shop.store.identities.policies(&principal), Err(AuthenticationError::Expired)));
    let fresh = signer.token("one", &with(early.clone(), "iat", START + 1));
    assert!(matches!(shop.error(&fresh).await, AuthenticationError::Expired), "not only when remembered");

    for (name, value) in [
        ("exp", json!(null)),
        ("exp", json!("4102444800")),
        ("exp", json!(-1)),
        ("exp", json!(1e300)),
        ("nbf", json!("now")),
        ("sub", json!(null)),
        ("sub", json!("")),
        ("sub", json!(["system:serviceaccount:shop:orders"])),
    ] {
        shop.refused(&signer.token("one", &with(early.clone(), name, value)), Reason::Claims).await;
    }
    let mut endless = early;
    endless.as_object_mut().unwrap().remove("exp");
    shop.refused(&signer.token("one", &endless), Reason::Claims).await;
}

#[tokio::test]
async fn what_is_no_token_is_refused() {
    let signer = Signer::ed25519();
    let shop = shop(&[signer.jwk("one")]).await;
    let claims = claims(&shop.store.time);
    let whole = signer.token("one", &claims);
    let parts: Vec<_> = whole.split('.').collect();
    let critical = json!({"alg": "EdDSA", "kid": "one", "crit": ["exp"], "exp": 1});
    for malformed in [
        "eyJ".to_owned(),
        "eyJ.".to_owned(),
        "eyJ..".to_owned(),
        format!("{}.{}", parts[0], parts[1]),
        format!("{whole}.{}", parts[2]),
        format!("{whole}="),
        format!("{}.!!!.{}", parts[0], parts[2]),
        token(&critical, &claims, |text| signer.sign(text)),
        signer.token("one", &json!([1, 2])),
    ] {
        shop.refused(&malformed, Reason::MalformedToken).await;
    }
    // `{"a":{"a":…` some 1,400 levels deep.
    let deep = format!("{}1{}", "{\"a\":".repeat(900), "}".repeat(900));
    use base64::Engine as _;
    let deep = base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(deep);
    shop.refused(&format!("{}.{deep}.{}", parts[0], parts[2]), Reason::MalformedToken).await;
    let oversized = signer.token("one", &with(claims, "padding", "x".repeat(8_000)));
    assert!(matches!(shop.error(&oversized).await, AuthenticationError::Incomplete(_)));
}

#[tokio::test]
async fn the_leeway_and_the_urls_of_issuers_have_their_limits() {
    let store = Store::new().await;
    let url = |url: &str| {
        cairn_auth::JwksSource::Url(cairn_auth::JwksUrl {
            url: url.into(),
            ca_file: None,
            bearer_token_file: None,
        })
    };
    let refuse = |change: fn(&mut cairn_auth::IssuerSettings)| {
        let mut issuer = issuer(url("https://issuer.example/keys"));
        change(&mut issuer);
        let settings = AuthenticationSettings { issuers: vec![issuer], ..Default::default() };
        Authenticator::new(store.identities.clone(), settings).err().expect("an error").to_string()
    };
    assert!(refuse(|issuer| issuer.leeway_seconds = 301).contains("leeway_seconds"));
    assert!(refuse(|issuer| issuer.audiences.clear()).contains("audience"));
    assert!(refuse(|issuer| issuer.issuer = "aws".into()).contains("service"));
    assert!(refuse(|issuer| issuer.rules.clear()).starts_with("issuers[0]: "));
    assert!(refuse(|issuer| issuer.rules[0].user = Some("anna".into())).starts_with("issuers[0].rules[0]: "));
    for wrong in
        ["http://issuer.example/keys", "ftp://issuer.example", "https://me:secret@issuer.example", "keys"]
    {
        let settings = AuthenticationSettings { issuers: vec![issuer(url(wrong))], ..Default::default() };
        assert!(Authenticator::new(store.identities.clone(), settings).is_err(), "{wrong}");
    }
    for right in ["https://issuer.example/keys", "http://127.0.0.1:8080/keys", "http://[::1]/keys"] {
        let settings = AuthenticationSettings { issuers: vec![issuer(url(right))], ..Default::default() };
        assert!(Authenticator::new(store.identities.clone(), settings).is_ok(), "{right}");
    }
}

#[test]
fn settings_are_read_from_a_file() {
    let settings: AuthenticationSettings = toml::from_str(
        r#"
        [[issuers]]
        issuer = "https://kubernetes.default.svc.cluster.local"
        audiences = ["cairn"]
        [issuers.jwks.url]
        url = "https://kubernetes.default.svc/openid/v1/jwks"
        ca_file = "/var/run/secrets/kubernetes.io/serviceaccount/ca.crt"
        bearer_token_file = "/var/run/secrets/kubernetes.io/serviceaccount/token"
        [[issuers.rules]]
        claims = { sub = "system:serviceaccount:shop:*" }
        role = "shop"

        [[issuers]]
        issuer = "https://login.example"
        audiences = ["cairn"]
        jwks = { file = "keys.json" }
        leeway_seconds = 0
        rules = [{ claims = { sub = "anna" }, user = "anna" }]

        [[certificates]]
        san = "uri"
        pattern = "spiffe://cluster.local/ns/shop/*"
        role = "shop"
        "#,
    )
    .unwrap();
    assert_eq!(settings.issuers.len(), 2);
    assert_eq!((settings.issuers[0].leeway_seconds, settings.issuers[0].refresh_seconds), (60, 300));
    assert_eq!(settings.certificates[0].role.as_deref(), Some("shop"));
}
