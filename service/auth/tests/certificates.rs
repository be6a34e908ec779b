//! Client certificates, and whom they stand for.

mod support;

use cairn_auth::{
    AuthenticationError, AuthenticationSettings, Authenticator, CertificateRule, Holder, PrincipalKind,
    Reason, SanKind,
};
use cairn_policy::ContextValue;
use cairn_storage::memory::MemoryEngine;
use rcgen::{CertificateParams, KeyPair, SanType};
use support::{Store, allow, bearer, trust_user};

const ORDERS: &str = "spiffe://cluster.local/ns/shop/sa/orders";

fn rule(san: SanKind, pattern: &str, role: Option<&str>, user: Option<&str>) -> CertificateRule {
    let (role, user) = (role.map(str::to_owned), user.map(str::to_owned));
    CertificateRule { san, pattern: pattern.to_owned(), role, user }
}

async fn shop() -> (Store, Authenticator<MemoryEngine>) {
    let store = Store::new().await;
    store.user("anna").await;
    store.role("shop", trust_user("anna")).await;
    let role = Holder::Role("shop".into());
    store.identities.put_inline_policy(&role, "items", &allow("dynamodb:GetItem")).await.unwrap();
    let settings = AuthenticationSettings {
        certificates: vec![
            rule(SanKind::Uri, "spiffe://cluster.local/ns/shop/*", Some("shop"), None),
            rule(SanKind::Email, "anna@shop.example", None, Some("anna")),
            rule(SanKind::Dns, "tills.shop.example", Some("none"), None),
        ],
        ..Default::default()
    };
    let authenticator = store.authenticator_with(settings);
    (store, authenticator)
}

/// For the year that begins when the tests' clock does.
fn certificate(names: Vec<SanType>) -> Vec<u8> {
    let mut params = CertificateParams::default();
    params.subject_alt_names = names;
    params.not_before = rcgen::date_time_ymd(2026, 1, 1);
    params.not_after = rcgen::date_time_ymd(2027, 1, 1);
    params.self_signed(&KeyPair::generate().unwrap()).unwrap().der().to_vec()
}

fn uri(uri: &str) -> SanType {
    SanType::URI(uri.try_into().unwrap())
}

#[tokio::test]
async fn a_certificate_is_a_session_of_the_role_or_the_user_that_its_name_fits() {
    let (store, authenticator) = shop().await;
    let orders = certificate(vec![SanType::DnsName("orders".try_into().unwrap()), uri(ORDERS)]);
    let principal = authenticator.authenticate(None, Some(&orders)).await.unwrap();
    assert_eq!(principal.kind(), PrincipalKind::Session);
    assert_eq!(
        principal.arn(),
        "arn:aws:sts::123456789012:assumed-role/shop/spiffe=,,cluster.local,ns,shop,sa,orders"
    );
    assert_eq!(principal.context_key("aws:principalsan"), Some(ContextValue::One(ORDERS.into())));
    assert!(store.allows(&principal, "dynamodb:GetItem"));

    let anna = certificate(vec![SanType::Rfc822Name("anna@shop.example".try_into().unwrap())]);
    let anna = authenticator.authenticate(None, Some(&anna)).await.unwrap();
    assert_eq!((anna.kind(), anna.arn()), (PrincipalKind::User, "arn:aws:iam::123456789012:user/anna"));
}

#[tokio::test]
async fn a_name_of_another_kind_or_of_nobody_is_refused() {
    let (_, authenticator) = shop().await;
    for names in [
        vec![],
        vec![uri("spiffe://cluster.local/ns/depot/sa/orders")],
        vec![uri("anna@shop.example")],
        vec![SanType::DnsName("anna.shop.example".try_into().unwrap())],
    ] {
        let error = authenticator.authenticate(None, Some(&certificate(names))).await.unwrap_err();
        assert!(matches!(error, AuthenticationError::UnrecognizedClient(Reason::NoRule)), "{error:?}");
    }
    let gone = certificate(vec![SanType::DnsName("tills.shop.example".try_into().unwrap())]);
    let error = authenticator.authenticate(None, Some(&gone)).await.unwrap_err();
    assert!(matches!(error, AuthenticationError::UnrecognizedClient(Reason::RoleGone)), "{error:?}");
    for garbage in [&b"certificate"[..], &[], &[0x30; 20_000]] {
        let error = authenticator.authenticate(None, Some(garbage)).await.unwrap_err();
        assert!(
            matches!(error, AuthenticationError::UnrecognizedClient(Reason::MalformedCertificate)),
            "{error:?}"
        );
    }
}

#[tokio::test]
async fn a_certificate_is_good_for_its_time_also_on_a_connection_that_stays_open() {
    let (store, authenticator) = shop().await;
    let orders = certificate(vec![uri(ORDERS)]);
    let principal = authenticator.authenticate(None, Some(&orders)).await.unwrap();
    store.time.advance(-1);
    let error = authenticator.authenticate(None, Some(&orders)).await.unwrap_err();
    assert!(matches!(error, AuthenticationError::NotYetValid), "{error:?}");
    store.time.advance(1 + 365 * 86_400);
    authenticator.authenticate(None, Some(&orders)).await.unwrap();
    store.time.advance(1);
    let error = authenticator.authenticate(None, Some(&orders)).await.unwrap_err();
    assert!(matches!(error, AuthenticationError::Expired), "{error:?}");
    assert!(matches!(store.identities.policies(&principal), Err(AuthenticationError::Expired)));
}

#[tokio::test]
async fn a_token_counts_before_a_certificate() {
    let (store, authenticator) = shop().await;
    let key = store.identities.create_access_key("anna").await.unwrap();
    let orders = certificate(vec![uri(ORDERS)]);
    let principal = authenticator.authenticate(Some(&bearer(&key)), Some(&orders)).await.unwrap();
    assert_eq!(principal.kind(), PrincipalKind::User);
    let wrong = format!("{}x", bearer(&key));
    let error = authenticator.authenticate(Some(&wrong), Some(&orders)).await.unwrap_err();
    assert!(matches!(error, AuthenticationError::InvalidSignature), "{error:?}");
    let error = store.authenticator().authenticate(None, Some(&orders)).await.unwrap_err();
    assert!(matches!(error, AuthenticationError::Missing), "no rules: a certificate says nothing: {error:?}");
}
