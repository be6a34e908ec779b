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

    /// Shakes hands with a client, who may take so long over it.
    ///
    /// # Errors
    /// If the client does not, or takes too long.
    pub(crate) async fn accept(
        &self,
        stream: TcpStream,
        time_max: Duration,
    ) -> std::io::Result<TlsStream<TcpStream>> {
        let acceptor = TlsAcceptor::from(self.config.load_full());
        tokio::time::timeout(time_max, acceptor.accept(stream)).await?
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

#[cfg(test)]
mod tests {
    use super::*;
    use rcgen::{BasicConstraints, CertificateParams, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair};
    use rustls::ClientConfig;
    use rustls::pki_types::ServerName;
    use std::net::{IpAddr, Ipv4Addr};
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpListener;
    use tokio_rustls::TlsConnector;

    struct Authority {
        issuer: Issuer<'static, KeyPair>,
        pem: String,
    }

    /// A certificate, and it and its key in PEM.
    struct Issued {
        certificate: CertificateDer<'static>,
        pem: String,
        key: String,
    }

    impl Authority {
        fn new() -> Self {
            let key = KeyPair::generate().unwrap();
            let mut params = CertificateParams::new(Vec::new()).unwrap();
            params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
            let pem = params.self_signed(&key).unwrap().pem();
            Self { issuer: Issuer::new(params, key), pem }
        }

        fn issue(&self) -> Issued {
            let mut params = CertificateParams::new(vec!["127.0.0.1".to_owned()]).unwrap();
            params.extended_key_usages =
                vec![ExtendedKeyUsagePurpose::ServerAuth, ExtendedKeyUsagePurpose::ClientAuth];
            let key = KeyPair::generate().unwrap();
            let certificate = params.signed_by(&key, &self.issuer).unwrap();
            Issued {
                certificate: certificate.der().clone(),
                pem: certificate.pem(),
                key: key.serialize_pem(),
            }
        }
    }

    /// Certificates in a folder, as something that renews them leaves them there.
    struct Folder {
        folder: tempfile::TempDir,
        renewals: u32,
    }

    impl Folder {
        fn files(&self) -> TlsFiles {
            let path = |name| self.folder.path().join(name);
            TlsFiles {
                certificate: path("server.pem"),
                key: path("server.key"),
                client_ca: Some(path("ca.pem")),
            }
        }

        /// Replaces a file. That it is newer than before does not depend on how finely the file system tells time.
        fn write(&mut self, name: &str, text: &str) {
            let path = self.folder.path().join(name);
            std::fs::write(&path, text).unwrap();
            self.renewals += 1;
            let time = SystemTime::UNIX_EPOCH + Duration::from_secs(1_700_000_000 + u64::from(self.renewals));
            std::fs::File::options().write(true).open(&path).unwrap().set_modified(time).unwrap();
        }

        fn with(authority: &Authority, server: &Issued) -> Self {
            let mut folder = Self { folder: tempfile::tempdir().unwrap(), renewals: 0 };
            folder.write("ca.pem", &authority.pem);
            folder.write("server.pem", &server.pem);
            folder.write("server.key", &server.key);
            folder
        }
    }

    fn client(authority: &Authority, shown: Option<&Issued>) -> TlsConnector {
        let mut roots = RootCertStore::empty();
        roots.add(CertificateDer::from_pem_slice(authority.pem.as_bytes()).unwrap()).unwrap();
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let builder = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(roots);
        let config = match shown {
            None => builder.with_no_client_auth(),
            Some(shown) => {
                let key = PrivateKeyDer::from_pem_slice(shown.key.as_bytes()).unwrap();
                builder.with_client_auth_cert(vec![shown.certificate.clone()], key).unwrap()
            }
        };
        TlsConnector::from(Arc::new(config))
    }

    type Ends = (TlsStream<TcpStream>, tokio_rustls::client::TlsStream<TcpStream>);

    /// Both ends of a connection, if the server takes it.
    async fn connect(tls: &Tls, client: &TlsConnector) -> std::io::Result<Ends> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let name = ServerName::from(IpAddr::from(Ipv4Addr::LOCALHOST));
        let stream = TcpStream::connect(listener.local_addr()?).await?;
        let (accepted, _) = listener.accept().await?;
        let (server, client) =
            tokio::join!(tls.accept(accepted, Duration::from_secs(60)), client.connect(name, stream));
        Ok((server?, client?))
    }

    /// The certificate that the server shows to those who come now.
    async fn shown(tls: &Tls, authority: &Authority) -> CertificateDer<'static> {
        let (_, client) = connect(tls, &client(authority, None)).await.unwrap();
        client.get_ref().1.peer_certificates().unwrap()[0].clone()
    }

    #[tokio::test(start_paused = true)]
    async fn a_client_that_does_not_shake_hands_is_not_waited_for() {
        let authority = Authority::new();
        let folder = Folder::with(&authority, &authority.issue());
        let tls = Tls::open(folder.files()).unwrap();
        for begin in [&b""[..], b"\x16\x03\x01"] {
            let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
            let mut silent = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
            silent.write_all(begin).await.unwrap();
            let (accepted, _) = listener.accept().await.unwrap();
            let error = tls.accept(accepted, Duration::from_secs(10)).await.unwrap_err();
            assert_eq!(error.kind(), std::io::ErrorKind::TimedOut);
        }
    }

    #[tokio::test]
    async fn a_certificate_is_renewed_while_the_server_runs() {
        let authority = Authority::new();
        let (first, second) = (authority.issue(), authority.issue());
        let mut folder = Folder::with(&authority, &first);
        let tls = Tls::open(folder.files()).unwrap();
        let (mut server_end, mut client_end) = connect(&tls, &client(&authority, None)).await.unwrap();
        folder.write("server.pem", &second.pem);
        folder.write("server.key", &second.key);
        // Nobody has looked yet.
        assert_eq!(shown(&tls, &authority).await, first.certificate);
        tls.renew();
        assert_eq!(shown(&tls, &authority).await, second.certificate);
        // A connection from before goes on.
        client_end.write_all(b"still there?").await.unwrap();
        let mut heard = [0; 12];
        server_end.read_exact(&mut heard).await.unwrap();
        assert_eq!(&heard, b"still there?");
    }

    #[tokio::test]
    async fn a_renewal_that_cannot_be_used_changes_nothing_until_it_can() {
        let authority = Authority::new();
        let (first, second) = (authority.issue(), authority.issue());
        let mut folder = Folder::with(&authority, &first);
        let tls = Tls::open(folder.files()).unwrap();
        // The certificate before its key.
        folder.write("server.pem", &second.pem);
        tls.renew();
        assert_eq!(shown(&tls, &authority).await, first.certificate);
        folder.write("server.key", "no key at all");
        tls.renew();
        assert_eq!(shown(&tls, &authority).await, first.certificate);
        std::fs::remove_file(folder.files().key).unwrap();
        tls.renew();
        assert_eq!(shown(&tls, &authority).await, first.certificate);
        folder.write("server.key", &second.key);
        tls.renew();
        assert_eq!(shown(&tls, &authority).await, second.certificate);
    }

    #[tokio::test]
    async fn an_authority_of_clients_that_is_replaced_vouches_for_nobody_who_comes_after() {
        let (old, new) = (Authority::new(), Authority::new());
        let mut folder = Folder::with(&old, &old.issue());
        let tls = Tls::open(folder.files()).unwrap();
        let (of_old, of_new) = (old.issue(), new.issue());
        let proved = async |shown: &Issued| {
            let ends = connect(&tls, &client(&old, Some(shown))).await;
            ends.map(|(server, _)| client_certificate(&server).unwrap().to_vec())
        };
        assert_eq!(proved(&of_old).await.unwrap(), of_old.certificate.as_ref());
        proved(&of_new).await.unwrap_err();
        folder.write("ca.pem", &new.pem);
        tls.renew();
        proved(&of_old).await.unwrap_err();
        assert_eq!(proved(&of_new).await.unwrap(), of_new.certificate.as_ref());
    }
}
