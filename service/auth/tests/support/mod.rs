//! What the tests share: a store in memory, a clock that stands until it is moved, and issuers that sign tokens.

// Each test binary uses a part of this. Helpers may panic as tests may.
#![allow(dead_code, unreachable_pub, clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing)]

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use cairn_auth::{
    AuthenticationSettings, Authenticator, ClaimRule, Clock, CreateRole, CreateUser, EncryptionKey,
    EncryptionKeys, Identities, IdentityOptions, IssuerSettings, JwksSource, NewAccessKey, Principal,
    RootKey, Secret,
};
use cairn_policy::{EmptyContext, Question, evaluate};
use cairn_storage::memory::MemoryEngine;
use cairn_storage::{Consistency, Direction, Engine, KeyRange, Snapshot, SpaceId};
use jiff::Timestamp;
use ring::rand::SystemRandom;
use ring::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair as _, RSA_PKCS1_SHA256,
    RsaKeyPair, RsaPublicKeyComponents,
};
use rustls_pki_types::PrivatePkcs8KeyDer;
use rustls_pki_types::pem::PemObject as _;
use serde_json::{Value, json};
use std::ops::ControlFlow;
use std::path::Path;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex};

pub const ACCOUNT: &str = "123456789012";
pub const ROOT_ID: &str = "AKIAROOTROOTROOTROOT";
pub const ROOT_SECRET: &str = "root/secret+of+the+tests/0123456789abcdef";
/// 2026-01-01T00:00:00Z.
pub const START: i64 = 1_767_225_600;

/// A clock that stands until it is moved.
#[derive(Clone)]
pub struct Time(Arc<AtomicI64>);

impl Time {
    pub fn new() -> Self {
        Self(Arc::new(AtomicI64::new(START)))
    }

    pub fn now(&self) -> i64 {
        self.0.load(Ordering::SeqCst)
    }

    pub fn advance(&self, seconds: i64) {
        self.0.fetch_add(seconds, Ordering::SeqCst);
    }

    pub fn clock(&self) -> Clock {
        let time = self.0.clone();
        Arc::new(move || Timestamp::from_second(time.load(Ordering::SeqCst)).unwrap())
    }
}

/// A store with its identities.
#[derive(Clone)]
pub struct Store {
    pub engine: MemoryEngine,
    pub time: Time,
    pub identities: Identities<MemoryEngine>,
}

pub fn key(byte: u8) -> EncryptionKey {
    let mut bytes = [byte; 32];
    bytes[0] = byte.wrapping_add(1);
    EncryptionKey::from_bytes(&bytes).unwrap()
}

pub fn options(time: &Time, keys: &[u8]) -> IdentityOptions {
    let root = RootKey { access_key_id: ROOT_ID.into(), secret_access_key: Secret::new(ROOT_SECRET) };
    IdentityOptions {
        account: ACCOUNT.to_owned(),
        keys: EncryptionKeys::new(keys.iter().map(|byte| key(*byte)).collect()).unwrap(),
        root: Some(root),
        clock: time.clock(),
    }
}

impl Store {
    pub async fn new() -> Self {
        let (engine, time) = (MemoryEngine::new(), Time::new());
        let (identities, generated) = Identities::open(engine.clone(), options(&time, &[1])).await.unwrap();
        assert!(generated.is_none());
        Self { engine, time, identities }
    }

    /// The same store, opened again.
    pub async fn reopened(&self) -> Self {
        let (identities, generated) =
            Identities::open(self.engine.clone(), options(&self.time, &[1])).await.unwrap();
        assert!(generated.is_none());
        Self { identities, ..self.clone() }
    }

    pub fn authenticator(&self) -> Authenticator<MemoryEngine> {
        self.authenticator_with(AuthenticationSettings::default())
    }

    pub fn authenticator_with(&self, settings: AuthenticationSettings) -> Authenticator<MemoryEngine> {
        Authenticator::new(self.identities.clone(), settings).unwrap()
    }

    pub async fn user(&self, name: &str) -> NewAccessKey {
        let request = CreateUser { name: name.into(), ..CreateUser::default() };
        self.identities.create_user(request).await.unwrap();
        self.identities.create_access_key(name).await.unwrap()
    }

    pub async fn role(&self, name: &str, trust: Value) {
        let trust_policy = json!({"Version": "2012-10-17", "Statement": [trust]}).to_string();
        let request = CreateRole { name: name.into(), trust_policy, ..CreateRole::default() };
        self.identities.create_role(request).await.unwrap();
    }

    pub async fn root(&self) -> Principal {
        self.authenticator().authenticate(Some(&format!("{ROOT_ID}.{ROOT_SECRET}")), None).await.unwrap()
    }

    pub fn allows(&self, principal: &Principal, action: &str) -> bool {
        let set = self.identities.policies(principal).unwrap();
        let question = Question {
            principal: principal.facts(),
            action,
            resource: "arn:aws:dynamodb:local:123456789012:table/orders",
            resource_account: ACCOUNT,
            context: principal,
        };
        evaluate(&question, &set, None).is_allowed()
    }

    /// Every key and value of the store.
    pub async fn bytes(&self) -> Vec<u8> {
        let snapshot = self.engine.snapshot(Consistency::Strong).await.unwrap();
        let found = Arc::new(Mutex::new(Vec::new()));
        let to = found.clone();
        let visitor = move |key: &[u8], value: bytes::Bytes| {
            let mut to = to.lock().unwrap();
            to.extend_from_slice(key);
            to.extend_from_slice(&value);
            ControlFlow::Continue(())
        };
        drop(snapshot.scan(SpaceId::System, KeyRange::all(), Direction::Ascending, visitor).await.unwrap());
        let found = found.lock().unwrap().clone();
        assert!(!found.is_empty());
        found
    }
}

pub fn no_context() -> EmptyContext {
    EmptyContext
}

pub fn bearer(key: &NewAccessKey) -> String {
    format!("{}.{}", key.access_key.id, key.secret.expose())
}

pub fn allow(action: &str) -> String {
    json!({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": action, "Resource": "*"}]})
        .to_string()
}

pub fn trust_user(name: &str) -> Value {
    json!({
        "Effect": "Allow",
        "Principal": {"AWS": format!("arn:aws:iam::{ACCOUNT}:user/{name}")},
        "Action": "sts:AssumeRole"
    })
}

/// A key that signs tokens.
pub enum Signer {
    Rsa(RsaKeyPair),
    P256(EcdsaKeyPair),
    Ed25519(Ed25519KeyPair),
}

fn encoded(bytes: impl AsRef<[u8]>) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

impl Signer {
    /// A fixed key, made for these tests: making one takes seconds.
    pub fn rsa() -> Self {
        let der = PrivatePkcs8KeyDer::from_pem_slice(include_bytes!("../fixtures/issuer-rsa.pem")).unwrap();
        Self::Rsa(RsaKeyPair::from_pkcs8(der.secret_pkcs8_der()).unwrap())
    }

    pub fn p256() -> Self {
        let random = SystemRandom::new();
        let key = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &random).unwrap();
        let key = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, key.as_ref(), &random);
        Self::P256(key.unwrap())
    }

    pub fn ed25519() -> Self {
        let key = Ed25519KeyPair::generate_pkcs8(&SystemRandom::new()).unwrap();
        Self::Ed25519(Ed25519KeyPair::from_pkcs8(key.as_ref()).unwrap())
    }

    pub fn algorithm(&self) -> &'static str {
        match self {
            Self::Rsa(_) => "RS256",
            Self::P256(_) => "ES256",
            Self::Ed25519(_) => "EdDSA",
        }
    }

    pub fn jwk(&self, kid: &str) -> Value {
        match self {
            Self::Rsa(key) => {
                let public: RsaPublicKeyComponents<Vec<u8>> = key.public().into();
                json!({
                    "kty": "RSA", "kid": kid, "use": "sig", "alg": "RS256",
                    "n": encoded(public.n), "e": encoded(public.e),
                })
            }
            Self::P256(key) => {
                let point = key.public_key().as_ref();
                json!({"kty": "EC", "crv": "P-256", "kid": kid, "x": encoded(&point[1..33]), "y": encoded(&point[33..])})
            }
            Self::Ed25519(key) => {
                json!({"kty": "OKP", "crv": "Ed25519", "kid": kid, "x": encoded(key.public_key().as_ref())})
            }
        }
    }

    pub fn sign(&self, message: &[u8]) -> Vec<u8> {
        let random = SystemRandom::new();
        match self {
            Self::Rsa(key) => {
                let mut signature = vec![0; key.public().modulus_len()];
                key.sign(&RSA_PKCS1_SHA256, &random, message, &mut signature).unwrap();
                signature
            }
            Self::P256(key) => key.sign(&random, message).unwrap().as_ref().to_vec(),
            Self::Ed25519(key) => key.sign(message).as_ref().to_vec(),
        }
    }

    pub fn token(&self, kid: &str, claims: &Value) -> String {
        token(&json!({"alg": self.algorithm(), "kid": kid, "typ": "JWT"}), claims, |text| self.sign(text))
    }
}

/// A token with any header and signature.
pub fn token(header: &Value, claims: &Value, sign: impl Fn(&[u8]) -> Vec<u8>) -> String {
    let signed = format!("{}.{}", encoded(header.to_string()), encoded(claims.to_string()));
    let signature = encoded(sign(signed.as_bytes()));
    format!("{signed}.{signature}")
}

pub const ISSUER: &str = "https://kubernetes.default.svc.cluster.local";

/// A projected service-account token's claims, for an hour.
pub fn claims(time: &Time) -> Value {
    json!({
        "iss": ISSUER,
        "aud": ["cairn"],
        "sub": "system:serviceaccount:shop:orders",
        "iat": time.now(),
        "nbf": time.now(),
        "exp": time.now() + 3_600,
        "kubernetes.io": {"namespace": "shop"},
    })
}

pub fn jwks(keys: &[Value]) -> String {
    json!({"keys": keys}).to_string()
}

pub fn issuer(jwks: JwksSource) -> IssuerSettings {
    let rule = |pattern: &str, role: Option<&str>, user: Option<&str>| ClaimRule {
        claims: [("sub".to_owned(), pattern.to_owned())].into(),
        role: role.map(str::to_owned),
        user: user.map(str::to_owned),
    };
    IssuerSettings {
        issuer: ISSUER.to_owned(),
        audiences: vec!["cairn".to_owned(), "https://cairn".to_owned()],
        jwks,
        leeway_seconds: 60,
        refresh_seconds: 300,
        rules: vec![
            rule("system:serviceaccount:shop:*", Some("shop"), None),
            rule("system:serviceaccount:ops:robot", None, Some("robot")),
        ],
        claims: vec!["team".to_owned()],
    }
}

pub fn trust_issuer() -> Value {
    json!({
        "Effect": "Allow",
        "Principal": {"Federated": ISSUER},
        "Action": "sts:AssumeRoleWithWebIdentity",
        "Condition": {"StringEquals": {
            "kubernetes.default.svc.cluster.local:aud": "cairn",
        }}
    })
}

pub fn file(path: &Path) -> JwksSource {
    JwksSource::File(path.to_owned())
}
