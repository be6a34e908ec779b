//! TLS on the listener: the server's certificate, the clients' certificates, and their renewal while it runs.

use arc_swap::ArcSwap;
use rustls::RootCertStore;
use rustls::ServerConfig;
use rustls::crypto::CryptoProvider;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::WebPkiClientVerifier;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};
use tokio::net::TcpStream;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

/// How long a client may take over the handshake.
const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(10);
/// The files that TLS needs, in PEM.
#[derive(Clone, Debug)]
pub(crate) struct TlsFiles {
    /// The server's certificate and what leads from it to an authority.
    pub(crate) certificate: PathBuf,
    /// Its private key.
    pub(crate) key: PathBuf,
    /// The authorities of client certificates; none are asked for without it.
    pub(crate) client_ca: Option<PathBuf>,
}

/// Why TLS cannot be had.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// A file cannot be read, or holds nothing of the kind.
    #[error("cannot read {what} from {path}")]
    File {
        /// What was looked for.
        what: &'static str,
        /// Where.
        path: PathBuf,
        /// Why not.
        #[source]
        source: rustls::pki_types::pem::Error,
    },
    /// The certificate and its key cannot be used together, or at all.
    #[error("the certificate {path} cannot be used")]
    Certificate {
        /// The certificate's file.
        path: PathBuf,
        /// Why not.
        #[source]
        source: rustls::Error,
    },
    /// The authorities of client certificates cannot be used.
    #[error("the authorities in {path} cannot be used for client certificates")]
    ClientAuthorities {
        /// Their file.
        path: PathBuf,
        /// Why not.
        #[source]
        source: rustls::server::VerifierBuilderError,
    },
}

/// TLS as it is configured now.
pub(crate) struct Tls {
    files: TlsFiles,
    config: ArcSwap<ServerConfig>,
    /// When the files had last been changed when they were read.
    changed: ArcSwap<Vec<Option<SystemTime>>>,
}

impl Tls {
    /// Reads the files.
    pub(crate) fn open(files: TlsFiles) -> Result<Self, TlsError> {
        let changed = ArcSwap::from_pointee(files.changed());
        let config = ArcSwap::from_pointee(files.read()?);
        Ok(Self { files, config, changed })
    }

    /// Reads the files again if they have changed. Connections that are there already keep what they began with; if
    /// the files cannot be used, so do new ones.
    pub(crate) fn renew(&self) {
        let changed = self.files.changed();
        if changed == **self.changed.load() {
            return;
        }
        self.changed.store(Arc::new(changed));
        match self.files.read() {
            Ok(config) => {
                self.config.store(Arc::new(config));
                tracing::info!("the certificate was read anew");
            }
            Err(error) => tracing::error!(
                error = &error as &dyn std::error::Error,
                "the certificate has changed and cannot be used; the earlier one still is"
            ),
        }
    }

    /// Shakes hands with a client.
    ///
    /// # Errors
    /// If the client does not, or takes too long.
    pub(crate) async fn accept(&self, stream: TcpStream) -> std::io::Result<TlsStream<TcpStream>> {
        let acceptor = TlsAcceptor::from(self.config.load_full());
        tokio::time::timeout(HANDSHAKE_TIMEOUT, acceptor.accept(stream)).await?
    }
}

/// The certificate that a client proved to have.
pub(crate) fn client_certificate(stream: &TlsStream<TcpStream>) -> Option<Arc<[u8]>> {
    let (_, connection) = stream.get_ref();
    connection.peer_certificates()?.first().map(|certificate| certificate.as_ref().into())
}

impl TlsFiles {
    fn changed(&self) -> Vec<Option<SystemTime>> {
        let paths = [Some(&self.certificate), Some(&self.key), self.client_ca.as_ref()];
        let changed = |path: &PathBuf| std::fs::metadata(path).and_then(|file| file.modified()).ok();
        paths.into_iter().flatten().map(changed).collect()
    }

    fn read(&self) -> Result<ServerConfig, TlsError> {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let certificates = certificates(&self.certificate)?;
        let key = PrivateKeyDer::from_pem_file(&self.key).map_err(|source| TlsError::File {
            what: "a private key",
            path: self.key.clone(),
            source,
        })?;
        let unusable = |source| TlsError::Certificate { path: self.certificate.clone(), source };
        let builder = ServerConfig::builder_with_provider(provider.clone())
            .with_safe_default_protocol_versions()
            .map_err(unusable)?;
        let builder = match &self.client_ca {
            None => builder.with_no_client_auth(),
            Some(path) => builder.with_client_cert_verifier(client_verifier(path, provider)?),
        };
        let mut config = builder.with_single_cert(certificates, key).map_err(unusable)?;
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        Ok(config)
    }
}

fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    CertificateDer::pem_file_iter(path)
        .and_then(|certificates| {
            let certificates = certificates.collect::<Result<Vec<_>, _>>()?;
            if certificates.is_empty() {
                Err(rustls::pki_types::pem::Error::NoItemsFound)
            } else {
                Ok(certificates)
            }
        })
        .map_err(|source| TlsError::File { what: "certificates", path: path.into(), source })
}

/// Whoever shows a certificate must have one of these authorities; whoever shows none has to prove itself otherwise.
fn client_verifier(
    path: &Path,
    provider: Arc<CryptoProvider>,
) -> Result<Arc<dyn rustls::server::danger::ClientCertVerifier>, TlsError> {
    let mut roots = RootCertStore::empty();
    for certificate in certificates(path)? {
        roots.add(certificate).map_err(|source| TlsError::Certificate { path: path.into(), source })?;
    }
    WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider)
        .allow_unauthenticated()
        .build()
        .map_err(|source| TlsError::ClientAuthorities { path: path.into(), source })
}
