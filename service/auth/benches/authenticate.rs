//! What it costs a call to know its caller: by access key, by a session and a token that are remembered, and the
//! finding of the policies that speak for it.

// Nothing here serves anyone: what goes wrong may panic.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

#[path = "../tests/support/mod.rs"]
mod support;

use cairn_auth::{AssumeRole, AuthenticationSettings, Holder};
use criterion::{Criterion, criterion_group, criterion_main};
use std::hint::black_box;
use support::{
    Signer, Store, allow, bearer, claims, file, issuer, jwks, no_context, trust_issuer, trust_user,
};

fn authenticate(criterion: &mut Criterion) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("jwks.json");
    let signer = Signer::rsa();
    std::fs::write(&path, jwks(&[signer.jwk("one")])).unwrap();
    let (store, authenticator, key, session, token) = runtime.block_on(async {
        let store = Store::new().await;
        let key = store.user("anna").await;
        store.role("depot", trust_user("anna")).await;
        store.role("shop", trust_issuer()).await;
        for role in ["depot", "shop"] {
            let role = Holder::Role(role.into());
            store.identities.put_inline_policy(&role, "items", &allow("dynamodb:*Item")).await.unwrap();
        }
        let settings = AuthenticationSettings { issuers: vec![issuer(file(&path))], ..Default::default() };
        let authenticator = store.authenticator_with(settings);
        let anna = authenticator.authenticate(Some(&bearer(&key)), None).await.unwrap();
        let request = AssumeRole {
            role_arn: "arn:aws:iam::123456789012:role/depot".into(),
            session_name: "till".into(),
            policy: Some(allow("dynamodb:GetItem")),
            ..AssumeRole::default()
        };
        let session = store.identities.assume_role(&anna, request, &no_context()).unwrap();
        let session = format!(
            "{}.{}.{}",
            session.access_key_id,
            session.secret_access_key.expose(),
            session.session_token.expose()
        );
        let token = signer.token("one", &claims(&store.time));
        (store, authenticator, bearer(&key), session, token)
    });
    for (name, bearer) in [("access key", key), ("session", session), ("token", token)] {
        let principal = runtime.block_on(authenticator.authenticate(Some(&bearer), None)).unwrap();
        criterion.bench_function(&format!("authenticate/{name}"), |bencher| {
            bencher.iter(|| {
                runtime.block_on(authenticator.authenticate(Some(black_box(&bearer)), None)).unwrap()
            });
        });
        criterion.bench_function(&format!("policies/{name}"), |bencher| {
            bencher.iter(|| store.identities.policies(black_box(&principal)).unwrap());
        });
    }
    // Never remembered: another authenticator each time.
    let fresh = runtime.block_on(async {
        (0..200)
            .map(|number| {
                let mut claims = claims(&store.time);
                claims["jti"] = number.into();
                signer.token("one", &claims)
            })
            .collect::<Vec<_>>()
    });
    let mut next = 0;
    criterion.bench_function("authenticate/token of RS256, first seen", |bencher| {
        bencher.iter_batched(
            || {
                let settings =
                    AuthenticationSettings { issuers: vec![issuer(file(&path))], ..Default::default() };
                let authenticator = store.authenticator_with(settings);
                runtime.block_on(authenticator.refresh_issuers());
                next = (next + 1) % fresh.len();
                (authenticator, &fresh[next])
            },
            |(authenticator, token)| runtime.block_on(authenticator.authenticate(Some(token), None)).unwrap(),
            criterion::BatchSize::SmallInput,
        );
    });
}

criterion_group!(benches, authenticate);
criterion_main!(benches);
