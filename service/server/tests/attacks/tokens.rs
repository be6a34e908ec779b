//! Tokens of an issuer, forged in every way there is.

use crate::common::TestServer;
use crate::secured::{Root, allow, role, root, told, whoami, with};
use crate::start;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use cairn_api::v1;
use cairn_auth::{AuthenticationSettings, ClaimRule, IssuerSettings, JwksSource};
use ring::rand::SystemRandom;
use ring::signature::{Ed25519KeyPair, KeyPair as _, RSA_PKCS1_SHA256, RsaKeyPair, RsaPublicKeyComponents};
use rustls::pki_types::PrivatePkcs8KeyDer;
use rustls::pki_types::pem::PemObject as _;
use serde_json::{Value, json};
use tonic::Code;

const ISSUER: &str = "https://issuer.example";

/// A server, and an issuer that it believes.
struct Shop {
    server: TestServer,
    rsa: RsaKeyPair,
    ed25519: Ed25519KeyPair,
    _folders: [tempfile::TempDir; 2],
}

fn encoded(bytes: impl AsRef<[u8]>) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

/// A token with any header, claims and signature.
fn token(header: &Value, claims: &Value, sign: impl Fn(&[u8]) -> Vec<u8>) -> String {
    let signed = format!("{}.{}", encoded(header.to_string()), encoded(claims.to_string()));
    let signature = encoded(sign(signed.as_bytes()));
    format!("{signed}.{signature}")
}

fn changed(mut claims: Value, name: &str, value: impl Into<Value>) -> Value {
    claims[name] = value.into();
    claims
}

fn now() -> i64 {
    jiff::Timestamp::now().as_second()
}

/// A good token's claims, for an hour.
fn claims() -> Value {
    json!({
        "iss": ISSUER, "aud": "cairn", "sub": "orders", "iat": now(), "nbf": now(), "exp": now() + 3_600,
    })
}

impl Shop {
    async fn new() -> Self {
        let pem = include_bytes!("../../../auth/tests/fixtures/issuer-rsa.pem");
        let rsa = PrivatePkcs8KeyDer::from_pem_slice(pem).unwrap();
        let rsa = RsaKeyPair::from_pkcs8(rsa.secret_pkcs8_der()).unwrap();
        let ed25519 = Ed25519KeyPair::generate_pkcs8(&SystemRandom::new()).unwrap();
        let ed25519 = Ed25519KeyPair::from_pkcs8(ed25519.as_ref()).unwrap();
        let public: RsaPublicKeyComponents<Vec<u8>> = rsa.public().into();
        let jwks = json!({"keys": [
            {"kty": "RSA", "kid": "rsa", "use": "sig", "n": encoded(public.n), "e": encoded(public.e)},
            {"kty": "OKP", "kid": "ed", "crv": "Ed25519", "x": encoded(ed25519.public_key().as_ref())},
        ]});
        let keys = tempfile::tempdir().unwrap();
        let path = keys.path().join("jwks.json");
        std::fs::write(&path, jwks.to_string()).unwrap();
        let rule = |subject: &str, role: Option<&str>, user: Option<&str>| ClaimRule {
            claims: [("sub".to_owned(), subject.to_owned())].into(),
            role: role.map(str::to_owned),
            user: user.map(str::to_owned),
        };
        let issuer = IssuerSettings {
            issuer: ISSUER.into(),
            audiences: vec!["cairn".into()],
            jwks: JwksSource::File(path),
            leeway_seconds: 60,
            refresh_seconds: 300,
            rules: vec![rule("orders", Some("shop"), None), rule("robot", None, Some("robot"))],
            claims: Vec::new(),
        };
        let authentication = AuthenticationSettings { issuers: vec![issuer], ..Default::default() };
        let (server, folder) = start(|mut settings| {
            settings.authentication = Some(authentication);
            settings
        })
        .await;
        let shop = Self { server, rsa, ed25519, _folders: [folder, keys] };
        let trust = json!({
            "Effect": "Allow",
            "Principal": {"Federated": ISSUER},
            "Action": "sts:AssumeRoleWithWebIdentity",
        });
        shop.root().role("shop", trust).await;
        shop.root().put_rights(role("shop"), allow("dynamodb:ListTables")).await;
        shop
    }

    fn root(&self) -> Root {
        Root(self.server.channel.clone())
    }

    fn by_rsa(&self, text: &[u8]) -> Vec<u8> {
        let mut signature = vec![0; self.rsa.public().modulus_len()];
        self.rsa.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), text, &mut signature).unwrap();
        signature
    }

    /// A token as the issuer makes them.
    fn genuine(&self, claims: &Value) -> String {
        let sign = |text: &[u8]| self.ed25519.sign(text).as_ref().to_vec();
        token(&json!({"alg": "EdDSA", "kid": "ed"}), claims, sign)
    }

    async fn refused(&self, token: &str) -> String {
        let status = whoami(&self.server.channel, token).await.unwrap_err();
        let (code, reason) = told(&status);
        assert_eq!(code, Code::Unauthenticated, "{status:?}");
        reason
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_issuers_token_opens_what_its_role_may_and_a_forged_one_nothing() {
    let shop = Shop::new().await;
    let arn = "arn:aws:sts::000000000000:assumed-role/shop/orders";
    let genuine = shop.genuine(&claims());
    let signed_by_rsa = token(&json!({"alg": "RS256", "kid": "rsa"}), &claims(), |text| shop.by_rsa(text));
    for good in [&genuine, &signed_by_rsa] {
        assert_eq!(whoami(&shop.server.channel, good).await.unwrap(), arn);
    }
    shop.server.tables().list_tables(with(&genuine, v1::ListTablesRequest::default())).await.unwrap();
    let denied = v1::DeleteTableRequest { table: "Orders".into() };
    let denied = shop.server.tables().delete_table(with(&genuine, denied)).await.unwrap_err();
    assert_eq!(told(&denied), (Code::PermissionDenied, "ACCESS_DENIED".to_owned()));

    // Tampered: the claims of another token, under a signature that was genuine.
    let (_, signature) = genuine.rsplit_once('.').unwrap();
    let other = shop.genuine(&changed(claims(), "sub", "robot"));
    let (other, _) = other.rsplit_once('.').unwrap();
    for forged in [format!("{other}.{signature}"), format!("{other}.")] {
        assert_eq!(shop.refused(&forged).await, "INVALID_SIGNATURE");
    }
    // Unsigned, in every spelling.
    for none in ["none", "None", "NONE", ""] {
        let unsigned = token(&json!({"alg": none, "kid": "ed"}), &claims(), |_| Vec::new());
        assert_eq!(shop.refused(&unsigned).await, "UNRECOGNIZED_CLIENT", "{none}");
    }
    // HS256 under what everybody knows: the public key.
    let public: RsaPublicKeyComponents<Vec<u8>> = shop.rsa.public().into();
    let known = [
        ("rsa", shop.rsa.public().as_ref().to_vec()),
        ("rsa", encoded(&public.n).into_bytes()),
        ("rsa", public.n),
        ("ed", shop.ed25519.public_key().as_ref().to_vec()),
        ("ed", encoded(shop.ed25519.public_key().as_ref()).into_bytes()),
    ];
    for (kid, secret) in known {
        let key = ring::hmac::Key::new(ring::hmac::HMAC_SHA256, &secret);
        let sign = |text: &[u8]| ring::hmac::sign(&key, text).as_ref().to_vec();
        let forged = token(&json!({"alg": "HS256", "kid": kid}), &claims(), sign);
        assert_eq!(shop.refused(&forged).await, "UNRECOGNIZED_CLIENT", "{kid}");
    }
    // A key that the issuer does not have, brought along or not.
    let stranger = Ed25519KeyPair::generate_pkcs8(&SystemRandom::new()).unwrap();
    let stranger = Ed25519KeyPair::from_pkcs8(stranger.as_ref()).unwrap();
    let jwk = json!({"kty": "OKP", "crv": "Ed25519", "x": encoded(stranger.public_key().as_ref())});
    for (header, reason) in [
        (json!({"alg": "EdDSA", "kid": "unknown"}), "UNRECOGNIZED_CLIENT"),
        (json!({"alg": "EdDSA", "kid": "unknown", "jwk": jwk}), "UNRECOGNIZED_CLIENT"),
        (json!({"alg": "EdDSA", "kid": "ed", "jwk": jwk}), "INVALID_SIGNATURE"),
    ] {
        let forged = token(&header, &claims(), |text| stranger.sign(text).as_ref().to_vec());
        assert_eq!(shop.refused(&forged).await, reason, "{header}");
    }
    // And after all of that the genuine one is as good as before.
    assert_eq!(whoami(&shop.server.channel, &genuine).await.unwrap(), arn);
    shop.server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_for_another_time_place_or_issuer_is_refused() {
    let shop = Shop::new().await;
    for (name, value, reason) in [
        ("exp", json!(now() - 120), "EXPIRED_TOKEN"),
        ("nbf", json!(now() + 600), "INVALID_SIGNATURE"),
        ("iat", json!(now() + 600), "INVALID_SIGNATURE"),
        ("exp", json!(null), "UNRECOGNIZED_CLIENT"),
        ("aud", json!("another"), "UNRECOGNIZED_CLIENT"),
        ("aud", json!([]), "UNRECOGNIZED_CLIENT"),
        ("aud", json!(null), "UNRECOGNIZED_CLIENT"),
        ("iss", json!("https://elsewhere.example"), "UNRECOGNIZED_CLIENT"),
        ("iss", json!(null), "UNRECOGNIZED_CLIENT"),
    ] {
        let token = shop.genuine(&changed(claims(), name, value.clone()));
        assert_eq!(shop.refused(&token).await, reason, "{name} {value}");
    }
    // Genuine, and of nobody that is known here.
    let unmapped = shop.genuine(&changed(claims(), "sub", "nobody"));
    let status = whoami(&shop.server.channel, &unmapped).await.unwrap_err();
    assert_eq!(told(&status), (Code::PermissionDenied, "ACCESS_DENIED".to_owned()));
    shop.server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_outlives_its_user_and_is_worth_nothing_then() {
    let shop = Shop::new().await;
    let token = shop.genuine(&changed(claims(), "sub", "robot"));
    let gone = async || told(&whoami(&shop.server.channel, &token).await.unwrap_err());
    let before = gone().await;
    let create = || v1::CreateUserRequest { user_name: "robot".into(), ..Default::default() };
    shop.root().iam().create_user(with(&root(), create())).await.unwrap();
    assert_eq!(whoami(&shop.server.channel, &token).await.unwrap(), "arn:aws:iam::000000000000:user/robot");
    let delete = v1::DeleteUserRequest { user_name: "robot".into() };
    shop.root().iam().delete_user(with(&root(), delete)).await.unwrap();
    assert_eq!(gone().await, before);
    assert!(matches!(before.0, Code::Unauthenticated | Code::PermissionDenied), "{before:?}");
    shop.server.stop().await;
}
