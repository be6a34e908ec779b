//! Signed requests at the transport and at the entrance of a protocol: who is called whom, and on what machine.

#![allow(clippy::unwrap_used, clippy::panic)]

mod common;

use cairn_auth::{AuthenticationError, KeyStatus, Secret, SignatureError, Signer};
use cairn_ops::{Caller, Connection};
use cairn_stack::{AuthenticateLayer, Authenticated, Peer, Strangers};
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

/// What the transport alone says, which is what gRPC goes by, and what the whole request says.
async fn answers(layer: &AuthenticateLayer<MemoryEngine>, head: Parts) -> (Answer, Answer) {
    let head = passed(layer, head).await;
    let transport = head.extensions.get::<Authenticated>().unwrap().caller();
    (transport, layer.authenticate_request(&head, BODY).caller())
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
    let caller = development(&world).authenticate_request(&unsigned(), BODY).caller();
    assert_code(caller, "MissingAuthenticationTokenException");
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
async fn a_known_key_has_to_sign_rightly_also_in_development() {
    let world = World::new().await;
    let token = world.access_key("ada", &[]).await;
    let key = signer(&token);
    let wrong = Signer { secret_access_key: Secret::new("dummy"), ..key.clone() };
    let unwanted = Signer { session_token: Some(Secret::new("dummy")), ..key.clone() };
    let mut cut = signed(&key);
    cut.headers.insert("authorization", "AWS4-HMAC-SHA256 Credential=dummy".parse().unwrap());
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
    layer.authenticate_request(&head, BODY).caller().unwrap();
    assert_code(layer.authenticate_request(&head, b"{}").caller(), "InvalidSignatureException");
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
