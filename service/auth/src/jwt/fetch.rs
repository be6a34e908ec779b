//! Fetching a JWKS document: from a file, or over HTTPS.

use crate::{JwksSource, JwksUrl};
use bytes::Bytes;
use http_body_util::{BodyExt, Empty, Limited};
use hyper_rustls::HttpsConnectorBuilder;
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;
use rustls::{ClientConfig, RootCertStore};
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject as _;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::AsyncReadExt as _;

/// The largest document, in bytes.
const DOCUMENT_MAX: usize = 1 << 20;
/// The largest token to send, and the largest file of authorities, in bytes.
const TOKEN_FILE_MAX: usize = 16 << 10;
const CA_FILE_MAX: usize = 1 << 20;
/// How long one fetch may take, from the name's resolution to the last byte.
const TIMEOUT: Duration = Duration::from_secs(10);

/// The document, or what happened instead.
pub(super) async fn fetch(source: &JwksSource) -> Result<Vec<u8>, String> {
    let fetched = async {
        match source {
            JwksSource::File(path) => read(path, DOCUMENT_MAX).await,
            JwksSource::Url(url) => get(url).await,
        }
    };
    tokio::time::timeout(TIMEOUT, fetched)
        .await
        .unwrap_or_else(|_| Err(format!("no answer within {} seconds", TIMEOUT.as_secs())))
}

async fn get(url: &JwksUrl) -> Result<Vec<u8>, String> {
    let mut request = http::Request::get(&url.url).header(http::header::ACCEPT, "application/json");
    if let Some(path) = &url.bearer_token_file {
        let token = zeroize::Zeroizing::new(read(path, TOKEN_FILE_MAX).await?);
        let token = std::str::from_utf8(&token).map_err(|_| format!("{} is not text", path.display()))?;
        let mut value = http::HeaderValue::try_from(format!("Bearer {}", token.trim()))
            .map_err(|_| format!("{} does not hold a token", path.display()))?;
        value.set_sensitive(true);
        request = request.header(http::header::AUTHORIZATION, value);
    }
    let request = request.body(Empty::<Bytes>::new()).map_err(|error| error.to_string())?;

    // The authorities and the connection are made for each fetch: fetches are minutes apart, and files change.
    let roots = roots(url.ca_file.as_deref()).await?;
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let tls = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| error.to_string())?
        .with_root_certificates(roots)
        .with_no_client_auth();
    // That plain HTTP is for loopback only was checked with the settings.
    let connector = HttpsConnectorBuilder::new().with_tls_config(tls).https_or_http().enable_http1().build();
    let client: Client<_, Empty<Bytes>> = Client::builder(TokioExecutor::new()).build(connector);
    let response = client.request(request).await.map_err(|error| causes(&error))?;
    if response.status() != http::StatusCode::OK {
        return Err(format!("the answer was {}", response.status()));
    }
    let body = Limited::new(response.into_body(), DOCUMENT_MAX).collect().await;
    body.map(|body| body.to_bytes().to_vec()).map_err(|error| causes(error.as_ref()))
}

async fn roots(ca_file: Option<&Path>) -> Result<RootCertStore, String> {
    let mut roots = RootCertStore::empty();
    match ca_file {
        Some(path) => {
            let pem = read(path, CA_FILE_MAX).await?;
            for certificate in CertificateDer::pem_slice_iter(&pem) {
                let added = certificate
                    .map_err(|error| error.to_string())
                    .and_then(|certificate| roots.add(certificate).map_err(|error| error.to_string()));
                added.map_err(|error| format!("{}: {error}", path.display()))?;
            }
            if roots.is_empty() {
                return Err(format!("{} holds no certificate", path.display()));
            }
        }
        None => {
            let native = tokio::task::spawn_blocking(rustls_native_certs::load_native_certs).await;
            let native = native.map_err(|error| error.to_string())?;
            roots.add_parsable_certificates(native.certs);
        }
    }
    Ok(roots)
}

async fn read(path: &Path, max: usize) -> Result<Vec<u8>, String> {
    let failed = |error: std::io::Error| format!("{}: {error}", path.display());
    let mut content = Vec::new();
    let file = tokio::fs::File::open(path).await.map_err(failed)?;
    file.take(max as u64 + 1).read_to_end(&mut content).await.map_err(failed)?;
    if content.len() > max {
        return Err(format!("{} is larger than {max} bytes", path.display()));
    }
    Ok(content)
}

/// An error with all its causes.
fn causes(error: &(dyn std::error::Error + 'static)) -> String {
    let mut message = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        message = format!("{message}: {error}");
        cause = error.source();
    }
    message
}
