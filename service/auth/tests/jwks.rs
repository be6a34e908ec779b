//! How an issuer's keys are fetched, kept and renewed.

mod support;

use cairn_auth::{AuthenticationError, AuthenticationSettings, Authenticator, JwksSource, JwksUrl, Reason};
use cairn_storage::memory::MemoryEngine;
use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use support::{Signer, Store, claims, issuer, jwks, trust_issuer};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::TcpListener;
use tokio::sync::{Semaphore, watch};

/// A server of keys that counts what it is asked, and can be held and changed.
struct KeyServer {
    url: String,
    requests: Arc<AtomicUsize>,
    /// Counted as well when an answer is sent.
    answered: watch::Receiver<usize>,
    last_request: Arc<Mutex<String>>,
    answer: Arc<Mutex<String>>,
    /// One permit lets one answer go.
    gate: Arc<Semaphore>,
}

fn ok(body: &str) -> String {
    format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}", body.len())
}

impl KeyServer {
    async fn start(tls: Option<Arc<rustls::ServerConfig>>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let scheme = if tls.is_some() { "https" } else { "http" };
        let (sender, answered) = watch::channel(0);
        let server = Self {
            url: format!("{scheme}://localhost:{port}/keys").replace("http://localhost", "http://127.0.0.1"),
            requests: Arc::default(),
            answered,
            last_request: Arc::default(),
            answer: Arc::default(),
            gate: Arc::new(Semaphore::new(1_000)),
        };
        let (requests, last, answer, gate) = (
            server.requests.clone(),
            server.last_request.clone(),
            server.answer.clone(),
            server.gate.clone(),
        );
        tokio::spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                let answer = (requests.clone(), last.clone(), answer.clone(), gate.clone());
                match &tls {
                    None => serve(stream, answer).await,
                    Some(tls) => {
                        let stream = tokio_rustls::TlsAcceptor::from(tls.clone()).accept(stream).await;
                        if let Ok(stream) = stream {
                            serve(stream, answer).await;
                        }
                    }
                }
                sender.send_modify(|count| *count += 1);
            }
        });
        server
    }

    fn serves(&self, answer: impl Into<String>) {
        *self.answer.lock().unwrap() = answer.into();
    }

    fn requests(&self) -> usize {
        self.requests.load(Ordering::SeqCst)
    }
}

type Answer = (Arc<AtomicUsize>, Arc<Mutex<String>>, Arc<Mutex<String>>, Arc<Semaphore>);

async fn serve(mut stream: impl AsyncRead + AsyncWrite + Unpin, (requests, last, answer, gate): Answer) {
    let mut request = Vec::new();
    while !request.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        if stream.read(&mut byte).await.unwrap_or(0) == 0 {
            return;
        }
        request.push(byte[0]);
    }
    *last.lock().unwrap() = String::from_utf8(request).unwrap();
    requests.fetch_add(1, Ordering::SeqCst);
    gate.acquire().await.unwrap().forget();
    let answer = answer.lock().unwrap().clone();
    // The client may have hung up: a body that is too large is not read to its end.
    let _ = stream.write_all(answer.as_bytes()).await;
    let _ = stream.shutdown().await;
}

struct Shop {
    store: Store,
    server: KeyServer,
    authenticator: Authenticator<MemoryEngine>,
}

async fn shop() -> Shop {
    let server = KeyServer::start(None).await;
    let source = JwksUrl { url: server.url.clone(), ca_file: None, bearer_token_file: None };
    shop_with(server, source).await
}

async fn shop_with(server: KeyServer, source: JwksUrl) -> Shop {
    let store = Store::new().await;
    store.role("shop", trust_issuer()).await;
    let settings =
        AuthenticationSettings { issuers: vec![issuer(JwksSource::Url(source))], ..Default::default() };
    let authenticator = store.authenticator_with(settings);
    Shop { store, server, authenticator }
}

impl Shop {
    async fn accepts(&self, token: &str) -> Result<(), AuthenticationError> {
        self.authenticator.authenticate(Some(token), None).await.map(drop)
    }
}

#[tokio::test]
async fn keys_are_fetched_once_and_kept() {
    let shop = shop().await;
    let signer = Signer::ed25519();
    shop.server.serves(ok(&jwks(&[signer.jwk("one")])));
    assert_eq!(shop.server.requests(), 0, "nothing is fetched before there is a token");
    for number in 0..5 {
        let mut claims = claims(&shop.store.time);
        claims["jti"] = number.into();
        shop.accepts(&signer.token("one", &claims)).await.unwrap();
    }
    assert_eq!(shop.server.requests(), 1);
    assert!(!shop.server.last_request.lock().unwrap().to_lowercase().contains("authorization"));
}

#[tokio::test]
async fn a_new_key_is_found_at_once_but_made_up_ones_do_not_reach_the_issuer() {
    let shop = shop().await;
    let (old, new) = (Signer::ed25519(), Signer::p256());
    let claims = claims(&shop.store.time);
    shop.server.serves(ok(&jwks(&[old.jwk("old")])));
    shop.accepts(&old.token("old", &claims)).await.unwrap();
    shop.server.serves(ok(&jwks(&[old.jwk("old"), new.jwk("new")])));
    shop.store.time.advance(10);
    shop.accepts(&new.token("new", &claims)).await.unwrap();
    assert_eq!(shop.server.requests(), 2);
    for number in 0..100 {
        let error = shop.accepts(&new.token(&format!("made-up-{number}"), &claims)).await.unwrap_err();
        assert!(matches!(error, AuthenticationError::UnrecognizedClient(Reason::UnknownSigningKey)));
    }
    assert_eq!(shop.server.requests(), 2);
    shop.store.time.advance(10);
    shop.accepts(&new.token("made-up", &claims)).await.unwrap_err();
    assert_eq!(shop.server.requests(), 3, "once in ten seconds");
}

#[tokio::test]
async fn calls_at_the_same_time_share_one_fetch() {
    let shop = shop().await;
    let signer = Signer::ed25519();
    shop.server.serves(ok(&jwks(&[signer.jwk("one")])));
    shop.server.gate.forget_permits(1_000);
    let calls: Vec<_> = (0..20)
        .map(|number| {
            let mut claims = claims(&shop.store.time);
            claims["jti"] = number.into();
            let (authenticator, token) = (shop.authenticator.clone(), signer.token("one", &claims));
            tokio::spawn(async move { authenticator.authenticate(Some(&token), None).await.map(drop) })
        })
        .collect();
    // The server counts a request before it waits at the gate.
    while shop.server.requests() == 0 {
        tokio::task::yield_now().await;
    }
    shop.server.gate.add_permits(1_000);
    for call in calls {
        call.await.unwrap().unwrap();
    }
    assert_eq!(shop.server.requests(), 1);
}

#[tokio::test]
async fn a_withdrawn_key_is_forgotten_with_the_next_refresh_also_for_tokens_that_were_accepted() {
    let shop = shop().await;
    let (old, new) = (Signer::ed25519(), Signer::ed25519());
    let token = old.token("old", &claims(&shop.store.time));
    shop.server.serves(ok(&jwks(&[old.jwk("old")])));
    shop.accepts(&token).await.unwrap();
    shop.server.serves(ok(&jwks(&[new.jwk("new")])));
    shop.store.time.advance(299);
    shop.accepts(&token).await.unwrap();
    assert_eq!(shop.server.requests(), 1);
    // Twice the time between refreshes: nothing that old is used without asking.
    shop.store.time.advance(301);
    let error = shop.accepts(&token).await.unwrap_err();
    assert!(matches!(error, AuthenticationError::UnrecognizedClient(Reason::UnknownSigningKey)), "{error:?}");
    assert_eq!(shop.server.requests(), 2);
}

#[tokio::test]
async fn keys_that_are_due_serve_while_they_are_refreshed_behind() {
    let shop = shop().await;
    let signer = Signer::ed25519();
    let token = signer.token("one", &claims(&shop.store.time));
    shop.server.serves(ok(&jwks(&[signer.jwk("one")])));
    shop.accepts(&token).await.unwrap();
    shop.server.gate.forget_permits(1_000);
    shop.store.time.advance(300);
    shop.accepts(&token).await.expect("the keys there are");
    shop.server.gate.add_permits(1);
    let mut answered = shop.server.answered.clone();
    answered.wait_for(|count| *count == 2).await.unwrap();
    assert_eq!(shop.server.requests(), 2);
}

#[tokio::test]
async fn keys_are_kept_when_a_refresh_fails_and_it_is_not_tried_with_every_call() {
    let shop = shop().await;
    let signer = Signer::ed25519();
    let token = signer.token("one", &claims(&shop.store.time));
    shop.server.serves(ok(&jwks(&[signer.jwk("one")])));
    shop.accepts(&token).await.unwrap();
    let mut requests = 1;
    for answer in [
        "HTTP/1.1 500 Internal Server Error\r\nContent-Length: 0\r\nConnection: close\r\n\r\n".to_owned(),
        "HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\nConnection: close\r\n\r\n".into(),
        ok("no keys"),
        ok(&jwks(&[])),
        ok(&jwks(&vec![signer.jwk("one"); 101])),
        ok(&format!("{}{}", " ".repeat(1 << 20), jwks(&[signer.jwk("one")]))),
        String::new(),
    ] {
        shop.server.serves(answer);
        shop.store.time.advance(if requests == 1 { 600 } else { 10 });
        requests += 1;
        for _ in 0..3 {
            shop.accepts(&token).await.unwrap();
        }
        assert_eq!(shop.server.requests(), requests);
    }
    let other = Signer::ed25519();
    shop.server.serves(ok(&jwks(&[other.jwk("other")])));
    shop.store.time.advance(10);
    shop.accepts(&token).await.expect_err("a refresh that does not fail");
}

#[tokio::test]
async fn without_keys_the_call_may_be_tried_again_later() {
    let shop = shop().await;
    let signer = Signer::ed25519();
    let token = signer.token("one", &claims(&shop.store.time));
    shop.server.serves("HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
    for _ in 0..3 {
        let error = shop.accepts(&token).await.unwrap_err();
        assert!(matches!(error, AuthenticationError::Unavailable(_)), "{error:?}");
        assert!(!error.to_string().contains("127.0.0.1"), "where keys come from is not the caller's to know");
    }
    assert_eq!(shop.server.requests(), 1);
    shop.server.serves(ok(&jwks(&[signer.jwk("one")])));
    shop.store.time.advance(10);
    shop.accepts(&token).await.unwrap();
}

#[tokio::test]
async fn keys_are_fetched_over_https_with_the_given_authority_and_token() {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, content: &str| -> PathBuf {
        let path = folder.path().join(name);
        std::fs::write(&path, content).unwrap();
        path
    };
    let made = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
    let stranger = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
    let key = rustls_pki_types::PrivateKeyDer::try_from(made.signing_key.serialize_der()).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let tls = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![made.cert.der().clone()], key)
        .unwrap();
    let server = KeyServer::start(Some(Arc::new(tls))).await;
    let signer = Signer::ed25519();
    server.serves(ok(&jwks(&[signer.jwk("one")])));
    let authority = write("ca.pem", &stranger.cert.pem());
    let source = JwksUrl {
        url: server.url.clone(),
        ca_file: Some(authority),
        bearer_token_file: Some(write("token", "the-servers-own-token\n")),
    };
    let shop = shop_with(server, source).await;
    let token = signer.token("one", &claims(&shop.store.time));
    let error = shop.accepts(&token).await.unwrap_err();
    assert!(matches!(error, AuthenticationError::Unavailable(_)), "a stranger's certificate: {error:?}");
    assert_eq!(shop.server.requests(), 0);

    write("ca.pem", &made.cert.pem());
    shop.store.time.advance(10);
    shop.accepts(&token).await.unwrap();
    let request = shop.server.last_request.lock().unwrap().to_lowercase();
    assert!(request.contains("authorization: bearer the-servers-own-token\r\n"), "{request}");
}
