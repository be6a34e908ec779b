//! Signed requests: who is known by them, and what of a request cannot be changed once it is signed.

// Helpers outside of the tests themselves may panic as tests may.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod support;

use cairn_auth::{
    AssumeRole, AuthenticationError, AuthenticationSettings, Authenticator, KeyStatus, NewAccessKey,
    Principal, Reason, Secret, SignatureError, SignedRequest, Signer,
};
use cairn_storage::memory::MemoryEngine;
use http::request::Parts;
use http::{HeaderName, HeaderValue, Method};
use jiff::Timestamp;
use proptest::prelude::*;
use support::{ROOT_ID, ROOT_SECRET, START, Store, bearer, no_context, trust_user};

const BODY: &[u8] = br#"{"TableName": "orders"}"#;

fn signer(id: &str, secret: &str) -> Signer {
    Signer {
        access_key_id: id.to_owned(),
        secret_access_key: Secret::new(secret),
        session_token: None,
        region: "eu-central-1".to_owned(),
    }
}

fn signer_of(key: &NewAccessKey) -> Signer {
    signer(&key.access_key.id, key.secret.expose())
}

fn root() -> Signer {
    signer(ROOT_ID, ROOT_SECRET)
}

fn unsigned(uri: &str) -> Parts {
    let request = http::Request::post(uri)
        .header("host", "localhost:8000")
        .header("content-type", "application/x-amz-json-1.0")
        .header("x-amz-target", "DynamoDB_20120810.DescribeTable");
    request.body(()).unwrap().into_parts().0
}

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_second(START + seconds).unwrap()
}

fn signed(signer: &Signer) -> Parts {
    let mut head = unsigned("/");
    signer.sign(&mut head, BODY, at(0)).unwrap();
    head
}

fn presigned(signer: &Signer, expires_seconds: u32) -> Parts {
    let mut head = unsigned("/");
    signer.presign(&mut head, BODY, at(0), expires_seconds).unwrap();
    head
}

fn check(
    authenticator: &Authenticator<MemoryEngine>,
    head: &Parts,
) -> Result<Principal, AuthenticationError> {
    authenticator.authenticate_signed(&SignedRequest::new(head, BODY))
}

#[track_caller]
fn assert_refused(result: Result<Principal, AuthenticationError>, code: &str, message: &str) {
    let error = result.expect_err("it is refused");
    assert_eq!((error.code(), &*error.to_string()), (code, message));
}

#[track_caller]
fn assert_unrecognized(result: Result<Principal, AuthenticationError>, reason: Reason) {
    let error = result.expect_err("it is refused");
    assert_eq!(error.to_string(), "The security token included in the request is invalid.");
    assert!(matches!(error, AuthenticationError::UnrecognizedClient(r) if r == reason), "{error:?}");
}

const MISMATCH: &str = "The request signature we calculated does not match the signature you provided. Check your \
                        AWS Secret Access Key and signing method.";

fn rewrite(head: &mut Parts, from: &str, to: &str) {
    let header = head.headers["authorization"].to_str().unwrap().to_owned();
    assert!(header.contains(from), "{header}");
    head.headers.insert("authorization", header.replace(from, to).parse().unwrap());
}

#[tokio::test]
async fn a_user_and_root_are_known_by_their_signatures_in_a_header_or_a_url() {
    let store = Store::new().await;
    let (anna, authenticator) = (store.user("anna").await, store.authenticator());
    for (signer, arn) in [(signer_of(&anna), "user/anna"), (root(), "root")] {
        // The second time with the signing key that was kept.
        for head in [signed(&signer), signed(&signer), presigned(&signer, 60), presigned(&signer, 604_800)] {
            let principal = check(&authenticator, &head).unwrap();
            assert_eq!(principal.arn(), format!("arn:aws:iam::123456789012:{arn}"));
        }
    }
    let used = store.identities.get_access_key(&anna.access_key.id).unwrap().last_used;
    assert_eq!(used, Some(at(0)));
}

#[tokio::test]
async fn a_wrong_secret_is_refused_also_once_the_right_one_was_seen() {
    let store = Store::new().await;
    let (anna, authenticator) = (store.user("anna").await, store.authenticator());
    let wrong = signer(&anna.access_key.id, ROOT_SECRET);
    for _ in 0..2 {
        for head in [signed(&wrong), presigned(&wrong, 60)] {
            assert_refused(check(&authenticator, &head), "InvalidSignatureException", MISMATCH);
        }
        check(&authenticator, &signed(&signer_of(&anna))).unwrap();
    }
}

#[tokio::test]
async fn a_key_that_is_unknown_disabled_or_deleted_is_refused_at_once() {
    let store = Store::new().await;
    let (anna, authenticator) = (store.user("anna").await, store.authenticator());
    let (id, head) = (&anna.access_key.id, signed(&signer_of(&anna)));
    assert_unrecognized(
        check(&authenticator, &signed(&signer("AKIAAAAAAAAAAAAAAAAA", "x"))),
        Reason::UnknownKey,
    );
    check(&authenticator, &head).unwrap();
    store.identities.update_access_key("anna", id, KeyStatus::Inactive).await.unwrap();
    assert_unrecognized(check(&authenticator, &head), Reason::InactiveKey);
    store.identities.update_access_key("anna", id, KeyStatus::Active).await.unwrap();
    check(&authenticator, &head).unwrap();
    store.identities.delete_access_key("anna", id).await.unwrap();
    assert_unrecognized(check(&authenticator, &head), Reason::UnknownKey);
}

#[tokio::test]
async fn a_session_is_known_by_its_signature_and_token_until_it_ends() {
    let store = Store::new().await;
    let anna = store.user("anna").await;
    store.role("shop", trust_user("anna")).await;
    let caller = store.authenticator().authenticate(Some(&bearer(&anna)), None).await.unwrap();
    let session = || {
        let request = AssumeRole {
            role_arn: "arn:aws:iam::123456789012:role/shop".into(),
            session_name: "till-4".into(),
            ..AssumeRole::default()
        };
        let session = store.identities.assume_role(&caller, request, &no_context()).unwrap();
        Signer {
            session_token: Some(session.session_token.clone()),
            ..signer(&session.access_key_id, session.secret_access_key.expose())
        }
    };
    let (one, other, authenticator) = (session(), session(), store.authenticator());
    for head in [signed(&one), signed(&one), presigned(&one, 60)] {
        let principal = check(&authenticator, &head).unwrap();
        assert_eq!(principal.arn(), "arn:aws:sts::123456789012:assumed-role/shop/till-4");
    }
    let wrong = Signer { secret_access_key: other.secret_access_key.clone(), ..one.clone() };
    assert_refused(check(&authenticator, &signed(&wrong)), "InvalidSignatureException", MISMATCH);
    for token in [None, other.session_token.clone(), Some(Secret::new("token"))] {
        let wrong = Signer { session_token: token, ..one.clone() };
        assert_unrecognized(check(&authenticator, &signed(&wrong)), Reason::SessionToken);
    }
    let unwanted = Signer { session_token: one.session_token.clone(), ..signer_of(&anna) };
    assert_unrecognized(check(&authenticator, &signed(&unwanted)), Reason::UnwantedToken);

    let lasting = presigned(&one, 604_800);
    check(&authenticator, &lasting).unwrap();
    store.time.advance(3_600);
    for authenticator in [authenticator, store.authenticator()] {
        let message = "The security token included in the request is expired";
        assert_refused(check(&authenticator, &lasting), "ExpiredTokenException", message);
    }
}

#[tokio::test]
async fn a_signature_is_good_for_five_minutes_either_way_and_a_presigned_url_for_as_long_as_it_says() {
    let store = Store::new().await;
    let authenticator = store.authenticator();
    let (header, url) = (signed(&root()), presigned(&root(), 900));
    store.time.advance(300);
    check(&authenticator, &header).unwrap();
    store.time.advance(1);
    let message = "Signature expired: 20260101T000000Z is now earlier than 20260101T000001Z (20260101T000501Z - 5 min.)";
    assert_refused(check(&authenticator, &header), "InvalidSignatureException", message);
    store.time.advance(599);
    check(&authenticator, &url).unwrap();
    store.time.advance(1);
    let message = "Signature expired: 20260101T000000Z is now earlier than 20260101T000001Z (20260101T001501Z - 15 min.)";
    assert_refused(check(&authenticator, &url), "InvalidSignatureException", message);
    store.time.advance(-901 - 300);
    check(&authenticator, &header).unwrap();
    store.time.advance(-1);
    let message = "Signature not yet current: 20260101T000000Z is still later than 20251231T235959Z (20251231T235459Z + 5 min.)";
    for head in [header, url] {
        assert_refused(check(&authenticator, &head), "InvalidSignatureException", message);
    }
}

#[tokio::test]
async fn what_a_signature_lacks_is_said_without_repeating_it() {
    let store = Store::new().await;
    let authenticator = store.authenticator();
    let code = "IncompleteSignatureException";
    let requires = |header: &str, message: &str| {
        let mut head = signed(&root());
        head.headers.insert("authorization", header.parse().unwrap());
        assert_refused(check(&authenticator, &head), code, message);
    };
    requires(
        "AWS4-HMAC-SHA256",
        "Authorization header requires 'Credential' parameter. Authorization header requires 'Signature' parameter. \
         Authorization header requires 'SignedHeaders' parameter. Authorization=AWS4-HMAC-SHA256",
    );
    requires(
        "AWS4-HMAC-SHA256 Credential=AKIA/x, SignedHeaders=host",
        "Authorization header requires 'Signature' parameter. Authorization=AWS4-HMAC-SHA256",
    );
    requires(
        "AWS4-HMAC-SHA256 Credential=AKIA/x, Credential=AKIA/x",
        "'Credential' must not be given more than once.",
    );
    requires(
        "AWS4-HMAC-SHA256 Credential=AKIA/20260101/local/dynamodb, SignedHeaders=host, Signature=00",
        "Credential must have exactly 5 slash-delimited elements, e.g. keyid/date/region/service/term.",
    );
    requires(
        "AWS4-ECDSA-P256-SHA256 Credential=a",
        "Unsupported AWS 'algorithm': it must be 'AWS4-HMAC-SHA256'.",
    );
    requires(
        "AWS4-HMAC-SHA256 Credential=A/20260101/local/dynamodb/aws4_request, SignedHeaders=x-amz-date;host, Signature=00",
        "SignedHeaders must be names in lower case, in ascending order, with semicolons between them.",
    );
    let mut head = signed(&root());
    head.headers.remove("x-amz-date");
    let message = "Authorization header requires existence of either a 'X-Amz-Date' or a 'Date' header. \
                   Authorization=AWS4-HMAC-SHA256";
    assert_refused(check(&authenticator, &head), code, message);
    head.headers.insert("x-amz-date", "2026-01-01".parse().unwrap());
    assert_refused(check(&authenticator, &head), code, "Date must be in ISO-8601 'basic format'.");

    let head = unsigned("/?X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Date=20260101T000000Z");
    let message = "AWS query-string parameters must include 'X-Amz-Credential'. AWS query-string parameters must \
                   include 'X-Amz-Signature'. AWS query-string parameters must include 'X-Amz-SignedHeaders'. \
                   Re-examine the query-string parameters.";
    assert_refused(check(&authenticator, &head), code, message);
    for expires in [0, 604_801] {
        let message =
            "X-Amz-Expires must be a positive number of seconds, and no more than a week's: 604800.";
        assert_refused(check(&authenticator, &presigned(&root(), expires)), code, message);
    }
    assert!(matches!(check(&authenticator, &unsigned("/?a=b")), Err(AuthenticationError::Missing)));
}

#[tokio::test]
async fn a_request_is_signed_in_a_header_or_in_its_url_and_not_in_both() {
    let store = Store::new().await;
    let message = "Found both 'X-Amz-Algorithm' as a query-string param and 'Authorization' as HTTP header.";
    for other in [signed(&root()).headers["authorization"].clone(), HeaderValue::from_static("Bearer x")] {
        let mut head = presigned(&root(), 60);
        head.headers.insert("authorization", other);
        assert_refused(check(&store.authenticator(), &head), "InvalidSignatureException", message);
    }
}

#[tokio::test]
async fn a_signature_is_for_this_service_and_its_own_day_and_for_one_region_if_that_is_asked() {
    let store = Store::new().await;
    let authenticator = store.authenticator();
    let refused = |from: &str, to: &str, message: &str| {
        let mut head = signed(&root());
        rewrite(&mut head, from, to);
        assert_refused(check(&authenticator, &head), "InvalidSignatureException", message);
    };
    refused("/dynamodb/", "/s3/", "Credential should be scoped to correct service: 'dynamodb'.");
    refused(
        "/aws4_request",
        "/aws3_request",
        "Credential should be scoped with a valid terminator: 'aws4_request'.",
    );
    refused(
        "/20260101/",
        "/20260102/",
        "Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from HTTP: '20260102' != \
         '20260101', from '20260101T000000Z'.",
    );
    let settings =
        AuthenticationSettings { signing_region: Some("local".into()), ..AuthenticationSettings::default() };
    let strict = store.authenticator_with(settings);
    let message = "Credential should be scoped to a valid region, which is 'local'.";
    assert_refused(check(&strict, &signed(&root())), "InvalidSignatureException", message);
    check(&strict, &signed(&Signer { region: "local".into(), ..root() })).unwrap();
}

#[tokio::test]
async fn the_host_and_all_amz_headers_must_be_signed() {
    let store = Store::new().await;
    let authenticator = store.authenticator();
    for (without, message) in [
        (";host;", "'Host' or ':authority' must be a 'SignedHeader' in the AWS Authorization."),
        (";x-amz-date;", "'x-amz-date' must be a 'SignedHeader' in the AWS Authorization."),
    ] {
        let mut head = signed(&root());
        rewrite(&mut head, without, ";");
        assert_refused(check(&authenticator, &head), "InvalidSignatureException", message);
    }
    for mut head in [signed(&root()), presigned(&root(), 60)] {
        head.headers.insert("x-amz-added", HeaderValue::from_static("later"));
        let message = "'x-amz-added' must be a 'SignedHeader' in the AWS Authorization.";
        assert_refused(check(&authenticator, &head), "InvalidSignatureException", message);
        head.headers.remove("x-amz-added");
        // What a proxy adds is nobody's business.
        head.headers.insert("x-forwarded-for", HeaderValue::from_static("127.0.0.1"));
        check(&authenticator, &head).unwrap();
    }
}

#[tokio::test]
async fn a_body_hash_that_is_given_must_be_the_bodys() {
    let store = Store::new().await;
    let wrong = "00".repeat(32);
    for value in ["UNSIGNED-PAYLOAD", "STREAMING-AWS4-HMAC-SHA256-PAYLOAD", "", &wrong] {
        let mut head = unsigned("/");
        head.headers.insert("x-amz-content-sha256", value.parse().unwrap());
        root().sign(&mut head, BODY, at(0)).unwrap();
        let result = check(&store.authenticator(), &head);
        let error = result.expect_err("it is refused");
        assert!(
            matches!(error, AuthenticationError::Signature(SignatureError::BodyHash)),
            "{value}: {error:?}"
        );
    }
    let mut head = unsigned("/");
    let digest = ring::digest::digest(&ring::digest::SHA256, BODY);
    let hash: String = digest.as_ref().iter().map(|byte| format!("{byte:02x}")).collect();
    head.headers.insert("x-amz-content-sha256", hash.parse().unwrap());
    root().sign(&mut head, BODY, at(0)).unwrap();
    check(&store.authenticator(), &head).unwrap();
}

#[tokio::test]
async fn over_http_2_the_authority_is_the_host() {
    let store = Store::new().await;
    let mut head = unsigned("http://tables.example.org:8000/");
    head.headers.remove("host");
    root().sign(&mut head, BODY, at(0)).unwrap();
    check(&store.authenticator(), &head).unwrap();
    head.uri = "http://other.example.org:8000/".parse().unwrap();
    assert_refused(check(&store.authenticator(), &head), "InvalidSignatureException", MISMATCH);
}

#[tokio::test]
async fn more_than_any_client_sends_is_refused() {
    let store = Store::new().await;
    let authenticator = store.authenticator();
    let mut many = unsigned("/");
    for number in 0..100 {
        let name: HeaderName = format!("x-amz-{number:03}").parse().unwrap();
        many.headers.insert(name, HeaderValue::from_static(""));
    }
    root().sign(&mut many, BODY, at(0)).unwrap();
    let mut long = signed(&root());
    rewrite(&mut long, "Credential=", &format!("{}Credential=", " ".repeat(5_000)));
    let mut parameters = unsigned(&format!("/?{}", "a=b&".repeat(100)));
    root().sign(&mut parameters, BODY, at(0)).unwrap();
    let mut query = unsigned(&format!("/?{}", "a".repeat(17_000)));
    root().sign(&mut query, BODY, at(0)).unwrap();
    for head in [many, long, parameters, query] {
        let error = check(&authenticator, &head).expect_err("it is refused");
        assert!(matches!(error, AuthenticationError::Signature(SignatureError::TooMuch(_))), "{error:?}");
        assert_eq!(error.code(), "IncompleteSignatureException");
    }
}

/// The parts of a request that a byte is changed in.
#[derive(Clone, Copy, Debug)]
enum Part {
    Method,
    Path,
    Query,
    Header,
    Body,
    Authorization,
}

fn changed(text: &[u8], place: usize, by: u8) -> Vec<u8> {
    let mut text = text.to_vec();
    let place = place % text.len();
    text[place] ^= by;
    text
}

/// A request of arbitrary parts.
fn request() -> impl Strategy<Value = (Parts, Vec<u8>)> {
    // Escapes with letters mean the same in either case, so a changed case need not be refused.
    let pair = "[a-z]{1,5}=([A-Za-z0-9]|%20|%25){0,6}";
    let query = proptest::collection::vec(pair, 1..4).prop_map(|pairs| pairs.join("&"));
    let method = proptest::sample::select(vec![Method::POST, Method::GET, Method::PUT]);
    let body = proptest::collection::vec(any::<u8>(), 1..200);
    (method, "(/[a-z0-9~_%-]{2,6}){1,3}", query, "[!-~]{1,20}", body).prop_map(
        |(method, path, query, value, body)| {
            let mut head = unsigned(&format!("{path}?{query}"));
            head.method = method;
            head.headers.insert("x-amz-meta", value.parse().unwrap());
            (head, body)
        },
    )
}

proptest! {
    #[test]
    fn no_byte_of_a_signed_request_can_be_changed(
        (mut head, mut body) in request(),
        in_url in any::<bool>(),
        part in proptest::sample::select(vec![
            Part::Method, Part::Path, Part::Query, Part::Header, Part::Body, Part::Authorization,
        ]),
        place in any::<usize>(),
        by in 1..=255u8,
    ) {
        thread_local! {
            static AUTHENTICATOR: Authenticator<MemoryEngine> = {
                let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
                runtime.block_on(async { Store::new().await.authenticator() })
            };
        }
        match in_url {
            true => root().presign(&mut head, &body, at(0), 60).unwrap(),
            false => root().sign(&mut head, &body, at(0)).unwrap(),
        }
        let check = |head: &Parts, body: &[u8]| {
            AUTHENTICATOR.with(|known| known.authenticate_signed(&SignedRequest::new(head, body)).map(drop))
        };
        check(&head, &body).unwrap();

        let text = head.uri.path_and_query().unwrap().as_str().to_owned();
        let (path, query) = text.split_once('?').unwrap();
        match part {
            Part::Method => {
                let method = Method::from_bytes(&changed(head.method.as_str().as_bytes(), place, by));
                prop_assume!(method.is_ok());
                head.method = method.unwrap();
            }
            Part::Path | Part::Query => {
                let changed = match part {
                    Part::Path => [b"/", &*changed(&path.as_bytes()[1..], place, by), b"?", query.as_bytes()].concat(),
                    _ => [path.as_bytes(), b"?", &*changed(query.as_bytes(), place, by)].concat(),
                };
                let uri = http::Uri::try_from(changed);
                prop_assume!(uri.is_ok());
                let uri = uri.unwrap();
                // A fragment is not sent, and a doubled or final slash makes no other path.
                prop_assume!(uri.path().len() + uri.query().map_or(0, str::len) + 1 == text.len());
                prop_assume!(!uri.path().contains("//") && !uri.path().contains("/."));
                // An escape may be written in either case.
                let same_but_for_case = uri.query().unwrap_or_default().eq_ignore_ascii_case(query);
                prop_assume!(uri.path() != path || !same_but_for_case || !in_url);
                head.uri = uri;
            }
            Part::Header => {
                let names = ["host", "x-amz-target", "x-amz-meta"];
                let name = names[place % names.len()];
                let value = HeaderValue::from_bytes(&changed(head.headers[name].as_bytes(), place, by));
                prop_assume!(value.is_ok());
                let value = value.unwrap();
                prop_assume!(value.as_bytes().trim_ascii().len() == value.len());
                head.headers.insert(name, value);
            }
            Part::Body => body = changed(&body, place, by),
            Part::Authorization => {
                prop_assume!(!in_url);
                let value = HeaderValue::from_bytes(&changed(head.headers["authorization"].as_bytes(), place, by));
                prop_assume!(value.is_ok());
                let value = value.unwrap();
                // Between its parameters a space and a comma are as good as each other.
                let parameters = |value: &HeaderValue| {
                    value.to_str().unwrap_or("?").replace(',', " ").split_whitespace().map(str::to_owned).collect::<Vec<_>>()
                };
                prop_assume!(parameters(&value) != parameters(&head.headers["authorization"]));
                head.headers.insert("authorization", value);
            }
        }
        prop_assert!(check(&head, &body).is_err());
    }
}
