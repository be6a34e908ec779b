//! What it costs to check a signed request: with its signing key kept and not, of an access key and of a session, and
//! by the size of the body, all of which is hashed.

// Nothing here serves anyone: what goes wrong may panic.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

#[path = "../tests/support/mod.rs"]
mod support;

use cairn_auth::{AssumeRole, Secret, SignedRequest, Signer};
use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use http::request::Parts;
use jiff::Timestamp;
use std::hint::black_box;
use support::{START, Store, bearer, no_context, trust_user};

fn head(signer: &Signer, body: &[u8]) -> Parts {
    let (mut head, ()) = http::Request::post("/")
        .header("host", "localhost:8000")
        .header("content-type", "application/x-amz-json-1.0")
        .header("x-amz-target", "DynamoDB_20120810.GetItem")
        .header("user-agent", "a client's name and version")
        .body(())
        .unwrap()
        .into_parts();
    signer.sign(&mut head, body, Timestamp::from_second(START).unwrap()).unwrap();
    head
}

fn signatures(criterion: &mut Criterion) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let (store, key, session) = runtime.block_on(async {
        let store = Store::new().await;
        let key = store.user("anna").await;
        store.role("depot", trust_user("anna")).await;
        let anna = store.authenticator().authenticate(Some(&bearer(&key)), None).await.unwrap();
        let request = AssumeRole {
            role_arn: "arn:aws:iam::123456789012:role/depot".into(),
            session_name: "till".into(),
            ..AssumeRole::default()
        };
        let session = store.identities.assume_role(&anna, request, &no_context()).unwrap();
        (store, key, session)
    });
    let of_key = Signer {
        access_key_id: key.access_key.id.clone(),
        secret_access_key: Secret::new(key.secret.expose()),
        session_token: None,
        region: "eu-central-1".into(),
    };
    let of_session = Signer {
        access_key_id: session.access_key_id.clone(),
        secret_access_key: session.secret_access_key.clone(),
        session_token: Some(session.session_token.clone()),
        ..of_key.clone()
    };
    let authenticator = store.authenticator();
    for (name, signer) in [("access key", &of_key), ("session", &of_session)] {
        let body = vec![b'x'; 256];
        let head = head(signer, &body);
        let request = SignedRequest::new(&head, &body);
        criterion.bench_function(&format!("signed/{name}"), |bencher| {
            bencher.iter(|| authenticator.authenticate_signed(black_box(&request)).unwrap());
        });
        criterion.bench_function(&format!("signed/{name}, first seen"), |bencher| {
            bencher.iter_batched(
                || store.authenticator(),
                |authenticator| authenticator.authenticate_signed(black_box(&request)).unwrap(),
                BatchSize::SmallInput,
            );
        });
        criterion.bench_function(&format!("sign/{name}"), |bencher| {
            let mut head = head.clone();
            let at = Timestamp::from_second(START).unwrap();
            bencher.iter(|| signer.sign(black_box(&mut head), &body, at).unwrap());
        });
    }
    let mut group = criterion.benchmark_group("signed/body");
    for kib in [4, 64, 1_024] {
        let body = vec![b'x'; kib * 1_024];
        let head = head(&of_key, &body);
        let request = SignedRequest::new(&head, &body);
        group.throughput(Throughput::Bytes(body.len() as u64));
        group.bench_function(format!("{kib} KiB"), |bencher| {
            bencher.iter(|| authenticator.authenticate_signed(black_box(&request)).unwrap());
        });
    }
}

criterion_group!(benches, signatures);
criterion_main!(benches);
