//! Signed requests at the transport and at the entrance of a protocol: who is called whom, and on what machine.

#![allow(clippy::unwrap_used, clippy::panic)]

mod common;

use cairn_auth::{AuthenticationError, BodyHash, KeyStatus, Secret, SignatureError, Signer};
use cairn_ops::{Caller, Connection};
use cairn_stack::{AuthenticateLayer, Authenticated, CheckedHead, Peer, Strangers};
use cairn_storage::memory::MemoryEngine;
use common::World;
use http::request::Parts;
use jiff::Timestamp;
use std::convert::Infallible;
use std::sync::Arc;
use tower::{Layer, ServiceExt, service_fn};

const BODY: &[u8] = br#"{"TableName": "Games"}"#;

type Answer = Result<Caller, Arc<AuthenticationError>>;

fn layer(world: &World, strangers: Strangers) -> AuthenticateLayer<MemoryEngine> {
    AuthenticateLayer::new(Arc::new(world.authenticator.clone()), strangers)
}

fn secure(world: &World) -> AuthenticateLayer<MemoryEngine> {
    layer(world, Strangers::Refused)
}

fn development(world: &World) -> AuthenticateLayer<MemoryEngine> {
    layer(world, Strangers::Are(world.root().principal))
}

fn signer(access_key: &str) -> Signer {
    let (id, secret) = access_key.split_once('.').unwrap();
    Signer {
        access_key_id: id.to_owned(),
        secret_access_key: Secret::new(secret),
        session_token: None,
        region: "us-east-1".to_owned(),
    }
}

fn unsigned() -> Parts {
    let request = http::Request::post("/").header("host", "localhost:8000").header("user-agent", "a tool");
    request.body(()).unwrap().into_parts().0
}

fn signed(signer: &Signer) -> Parts {
    let mut head = unsigned();
    signer.sign(&mut head, BODY, Timestamp::now()).unwrap();
    head
}

fn presigned(signer: &Signer) -> Parts {
    let mut head = unsigned();
    signer.presign(&mut head, BODY, Timestamp::now(), 60).unwrap();
    head
}

/// What becomes of a request's head on its way through the layer.
async fn passed(layer: &AuthenticateLayer<MemoryEngine>, head: Parts) -> Parts {
    let inner = service_fn(async |request: http::Request<()>| Ok::<_, Infallible>(request.into_parts().0));
    let mut request = http::Request::from_parts(head, ());
    let connection = Connection { is_secure: true, ..Connection::default() };
    request.extensions_mut().insert(Peer { connection, certificate: None });
    layer.layer(inner).oneshot(request).await.unwrap()
}

/// What the whole request says.
fn known(layer: &AuthenticateLayer<MemoryEngine>, head: &Parts, body: &[u8]) -> Answer {
    match layer.check_head(head)? {
        CheckedHead::Caller(caller) => Ok(caller),
        CheckedHead::Signed(claim) => layer.authenticate_body(head, &claim, &BodyHash::of(body)),
    }
}

/// What the transport alone says, which is what gRPC goes by, and what the whole request says.
async fn answers(layer: &AuthenticateLayer<MemoryEngine>, head: Parts) -> (Answer, Answer) {
    let head = passed(layer, head).await;
    let transport = head.extensions.get::<Authenticated>().unwrap().caller();
    (transport, known(layer, &head, BODY))
}

#[track_caller]
fn assert_code(answer: Answer, code: &str) {
    assert_eq!(answer.map(|caller| caller.principal.arn().to_owned()).unwrap_err().code(), code);
}

#[tokio::test]
async fn a_signed_request_is_its_signers_and_comes_from_where_it_comes() {
    let world = World::new().await;
    let key = signer(&world.access_key("ada", &[]).await);
    for layer in [secure(&world), development(&world)] {
        for head in [signed(&key), presigned(&key)] {
            let (_, caller) = answers(&layer, head).await;
            let caller = caller.unwrap();
            assert_eq!(caller.principal.arn(), "arn:aws:iam::000000000000:user/ada");
            assert!(caller.connection.is_secure);
            assert_eq!(caller.connection.user_agent.as_deref(), Some("a tool"));
        }
    }
}

#[tokio::test]
async fn the_transport_knows_nobody_by_a_signature_in_a_header() {
    let world = World::new().await;
    let key = signer(&world.access_key("ada", &[]).await);
    for layer in [secure(&world), development(&world)] {
        let (transport, _) = answers(&layer, signed(&key)).await;
        assert_code(transport, "IncompleteSignatureException");
    }
}

#[tokio::test]
async fn a_request_without_a_signature_is_whose_the_transport_found() {
    let world = World::new().await;
    let token = world.access_key("ada", &[]).await;
    let mut bearing = unsigned();
    bearing.headers.insert("authorization", format!("Bearer {token}").parse().unwrap());
    let mut wrong = unsigned();
    wrong.headers.insert("authorization", "Bearer AKIAAAAAAAAAAAAAAAAA.secret".parse().unwrap());
    for layer in [secure(&world), development(&world)] {
        let (_, caller) = answers(&layer, bearing.clone()).await;
        assert_eq!(caller.unwrap().principal.arn(), "arn:aws:iam::000000000000:user/ada");
        assert_code(answers(&layer, wrong.clone()).await.1, "UnrecognizedClientException");
    }
    assert_code(answers(&secure(&world), unsigned()).await.1, "MissingAuthenticationTokenException");
    let (_, caller) = answers(&development(&world), unsigned()).await;
    assert_eq!(caller.unwrap().principal.arn(), "arn:aws:iam::000000000000:root");
    // A service that the layer was not put around knows nobody, whoever strangers are.
    let nobody = known(&development(&world), &unsigned(), BODY);
    assert_code(nobody, "MissingAuthenticationTokenException");
}

#[tokio::test]
async fn in_development_those_who_sign_with_unknown_keys_are_root() {
    let world = World::new().await;
    let dummy = signer("dummy.dummy");
    let session = Signer { session_token: Some(Secret::new("dummy")), ..signer("ASIADUMMY.dummy") };
    for key in [dummy, session] {
        for head in [signed(&key), presigned(&key)] {
            let (_, caller) = answers(&development(&world), head.clone()).await;
            assert_eq!(caller.unwrap().principal.arn(), "arn:aws:iam::000000000000:root");
            assert_code(answers(&secure(&world), head).await.1, "UnrecognizedClientException");
        }
    }
}

#[tokio::test]
async fn in_development_nothing_is_judged_of_a_signature_with_an_unknown_key() {
    let world = World::new().await;
    let old = Timestamp::now() - jiff::SignedDuration::from_hours(1);
    let mut stale = unsigned();
    signer("dummy.dummy").sign(&mut stale, BODY, old).unwrap();
    let mut expired = unsigned();
    signer("dummy.dummy").presign(&mut expired, BODY, old, 60).unwrap();
    let headed = |authorization: &str| {
        let mut head = unsigned();
        head.headers.insert("authorization", authorization.parse().unwrap());
        head
    };
    let credential = "AWS4-HMAC-SHA256 Credential=";
    for head in [
        stale,
        expired,
        headed(&format!("{credential}dummy")),
        headed(&format!("{credential}dummy/20000101/here/another-service/aws4_request, Signature=x")),
        headed(&format!(
            "{credential}dummy/2000/us-east-1/dynamodb/aws4_request, SignedHeaders=, Signature="
        )),
        headed(&format!("{credential}ASIADUMMY/20000101/us-east-1/dynamodb/aws4_request")),
    ] {
        let (_, caller) = answers(&development(&world), head.clone()).await;
        assert_eq!(caller.unwrap().principal.arn(), "arn:aws:iam::000000000000:root");
        answers(&secure(&world), head).await.1.unwrap_err();
    }
    // A caller that names no key at all learns what is missing.
    for header in ["AWS4-HMAC-SHA256 a=b", "AWS4-HMAC-SHA256", "AWS4-HMAC-SHA256 Credential=, Signature=x"] {
        assert_code(answers(&development(&world), headed(header)).await.1, "IncompleteSignatureException");
    }
}

#[tokio::test]
async fn a_caller_who_cannot_be_known_is_refused_by_the_head_alone() {
    let world = World::new().await;
    let token = world.access_key("ada", &[]).await;
    let key = signer(&token);
    let unwanted = Signer { session_token: Some(Secret::new("dummy")), ..key.clone() };
    let layer = secure(&world);
    let refused = async |head: Parts| {
        let head = passed(&layer, head).await;
        layer.check_head(&head).err().map(|error| error.code())
    };
    assert_eq!(refused(unsigned()).await, Some("MissingAuthenticationTokenException"));
    assert_eq!(refused(signed(&signer("dummy.dummy"))).await, Some("UnrecognizedClientException"));
    assert_eq!(refused(signed(&signer("ASIADUMMY.dummy"))).await, Some("UnrecognizedClientException"));
    assert_eq!(refused(signed(&unwanted)).await, Some("UnrecognizedClientException"));
    let mut stale = unsigned();
    key.sign(&mut stale, BODY, Timestamp::now() - jiff::SignedDuration::from_hours(1)).unwrap();
    assert_eq!(refused(stale).await, Some("InvalidSignatureException"));
    // What only the body can tell is left to it.
    let wrong = Signer { secret_access_key: Secret::new("dummy"), ..key.clone() };
    assert_eq!(refused(signed(&wrong)).await, None);
    assert_eq!(refused(signed(&key)).await, None);

    // A key that is disabled while the body comes counts no longer.
    let head = passed(&layer, signed(&key)).await;
    let Ok(CheckedHead::Signed(claim)) = layer.check_head(&head) else { panic!("the head was refused") };
    world.identities.update_access_key("ada", &key.access_key_id, KeyStatus::Inactive).await.unwrap();
    let late = layer.authenticate_body(&head, &claim, &BodyHash::of(BODY));
    assert_code(late, "UnrecognizedClientException");
}

#[tokio::test]
async fn a_known_key_has_to_sign_rightly_also_in_development() {
    let world = World::new().await;
    let token = world.access_key("ada", &[]).await;
    let key = signer(&token);
    let wrong = Signer { secret_access_key: Secret::new("dummy"), ..key.clone() };
    let unwanted = Signer { session_token: Some(Secret::new("dummy")), ..key.clone() };
    let mut cut = signed(&key);
    let credential = format!("AWS4-HMAC-SHA256 Credential={}", key.access_key_id);
    cut.headers.insert("authorization", credential.parse().unwrap());
    for layer in [secure(&world), development(&world)] {
        assert_code(answers(&layer, signed(&wrong)).await.1, "InvalidSignatureException");
        assert_code(answers(&layer, presigned(&wrong)).await.1, "InvalidSignatureException");
        assert_code(answers(&layer, signed(&unwanted)).await.1, "UnrecognizedClientException");
        assert_code(answers(&layer, cut.clone()).await.1, "IncompleteSignatureException");
    }
    let id = key.access_key_id.clone();
    world.identities.update_access_key("ada", &id, KeyStatus::Inactive).await.unwrap();
    for layer in [secure(&world), development(&world)] {
        assert_code(answers(&layer, signed(&key)).await.1, "UnrecognizedClientException");
    }
}

#[tokio::test]
async fn another_body_is_refused() {
    let world = World::new().await;
    let key = signer(&world.access_key("ada", &[]).await);
    let layer = secure(&world);
    let head = passed(&layer, signed(&key)).await;
    known(&layer, &head, BODY).unwrap();
    assert_code(known(&layer, &head, b"{}"), "InvalidSignatureException");
}

#[tokio::test]
async fn a_url_that_is_signed_takes_no_header_beside_it() {
    let world = World::new().await;
    let token = world.access_key("ada", &[]).await;
    for header in [format!("Bearer {token}"), "Basic YTpi".to_owned(), "AWS4-HMAC-SHA256 a=b".to_owned()] {
        let mut head = presigned(&signer(&token));
        head.headers.insert("authorization", header.parse().unwrap());
        for layer in [secure(&world), development(&world)] {
            let error = answers(&layer, head.clone()).await.1.unwrap_err();
            assert!(
                matches!(&*error, AuthenticationError::Signature(SignatureError::HeaderAndQuery)),
                "{error:?}"
            );
        }
    }
}
