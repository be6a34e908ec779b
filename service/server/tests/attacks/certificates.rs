//! Client certificates: of an authority that is believed, of another, and of nobody who is known.

use crate::secured::{Root, root, secured, told, whoami, with};
use cairn_api::v1;
use cairn_api::v1::iam_service_client::IamServiceClient;
use cairn_auth::{AuthenticationSettings, CertificateRule, SanKind};
use cairn_server::server::Server;
use rcgen::{BasicConstraints, CertificateParams, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair, SanType};
use std::net::SocketAddr;
use std::path::Path;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use tonic::Code;
use tonic::transport::{Certificate, Channel, ClientTlsConfig, Identity};

const ADA: &str = "spiffe://cluster.local/ada";

/// An authority, and its certificate in PEM.
struct Authority {
    issuer: Issuer<'static, KeyPair>,
    pem: String,
}

/// A certificate and its key, in PEM.
struct Issued {
    certificate: String,
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

    fn issue(&self, params: &CertificateParams) -> Issued {
        let key = KeyPair::generate().unwrap();
        let certificate = params.signed_by(&key, &self.issuer).unwrap().pem();
        Issued { certificate, key: key.serialize_pem() }
    }

    fn client(&self, uri: &str) -> Issued {
        self.issue(&client_params(uri))
    }
}

fn client_params(uri: &str) -> CertificateParams {
    let mut params = CertificateParams::new(Vec::new()).unwrap();
    params.subject_alt_names = vec![SanType::URI(uri.try_into().unwrap())];
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
    params
}

/// A server with TLS that asks for client certificates.
struct Secured {
    address: SocketAddr,
    authority: Authority,
    stop: CancellationToken,
    running: JoinHandle<()>,
    _folder: tempfile::TempDir,
}

impl Secured {
    async fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let authority = Authority::new();
        let server = authority.issue(&CertificateParams::new(vec!["127.0.0.1".to_owned()]).unwrap());
        let write = |name: &str, text: &str| {
            let path = folder.path().join(name);
            std::fs::write(&path, text).unwrap();
            Some(path)
        };
        let mut settings = secured(&folder.path().join("data"));
        settings.tls_certificate_file = write("server.pem", &server.certificate);
        settings.tls_key_file = write("server.key", &server.key);
        settings.tls_client_ca_file = write("ca.pem", &authority.pem);
        let ada =
            CertificateRule { san: SanKind::Uri, pattern: ADA.into(), role: None, user: Some("ada".into()) };
        settings.authentication =
            Some(AuthenticationSettings { certificates: vec![ada], ..Default::default() });
        let server = Server::start(&settings.resolve().unwrap()).await.unwrap();
        let address = server.address().unwrap();
        let stop = CancellationToken::new();
        let token = stop.clone();
        let running = tokio::spawn(async move { server.run(token).await.unwrap() });
        let secured = Self { address, authority, stop, running, _folder: folder };
        let request = v1::CreateUserRequest { user_name: "ada".into(), ..Default::default() };
        let channel = secured.connect(None).await.unwrap();
        Root(channel).iam().create_user(with(&root(), request)).await.unwrap();
        secured
    }

    async fn connect(&self, client: Option<&Issued>) -> Result<Channel, tonic::transport::Error> {
        let mut tls = ClientTlsConfig::new().ca_certificate(Certificate::from_pem(&self.authority.pem));
        if let Some(client) = client {
            tls = tls.identity(Identity::from_pem(&client.certificate, &client.key));
        }
        let endpoint = Channel::from_shared(format!("https://{}", self.address)).unwrap();
        endpoint.tls_config(tls).unwrap().connect().await
    }

    /// Whom the server takes a client for that shows this certificate and no token.
    async fn known_as(&self, client: &Issued) -> Result<String, tonic::Status> {
        // In TLS 1.3 a client hears that it was refused when it first reads.
        let channel = self
            .connect(Some(client))
            .await
            .map_err(|error| tonic::Status::unavailable(error.to_string()))?;
        let mut iam = IamServiceClient::new(channel);
        Ok(iam.get_caller_identity(v1::GetCallerIdentityRequest {}).await?.into_inner().arn)
    }

    async fn stop(self) {
        self.stop.cancel();
        self.running.await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_certificate_stands_for_whom_its_rule_names_and_for_nobody_without_one() {
    let server = Secured::start().await;
    let ada = "arn:aws:iam::000000000000:user/ada";
    assert_eq!(server.known_as(&server.authority.client(ADA)).await.unwrap(), ada);
    for stranger in ["spiffe://cluster.local/ada2", "spiffe://cluster.local/", "spiffe://other/ada"] {
        let status = server.known_as(&server.authority.client(stranger)).await.unwrap_err();
        let refused = (Code::Unauthenticated, "UNRECOGNIZED_CLIENT".to_owned());
        assert_eq!(told(&status), refused, "{stranger}");
    }
    // The name in another field than the rule looks at.
    let mut named = client_params("spiffe://cluster.local/eve");
    named.distinguished_name.push(rcgen::DnType::CommonName, ADA);
    let status = server.known_as(&server.authority.issue(&named)).await.unwrap_err();
    assert_eq!(status.code(), Code::Unauthenticated);
    // Without a certificate, a caller is a stranger.
    let channel = server.connect(None).await.unwrap();
    let nobody = IamServiceClient::new(channel).get_caller_identity(v1::GetCallerIdentityRequest {}).await;
    assert_eq!(told(&nobody.unwrap_err()).1, "MISSING_AUTHENTICATION_TOKEN");
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_certificate_of_another_authority_or_another_time_does_not_connect() {
    let server = Secured::start().await;
    let mut expired = client_params(ADA);
    expired.not_before = rcgen::date_time_ymd(2020, 1, 1);
    expired.not_after = rcgen::date_time_ymd(2021, 1, 1);
    let mut early = client_params(ADA);
    early.not_before = rcgen::date_time_ymd(2400, 1, 1);
    let mut for_servers = client_params(ADA);
    for_servers.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    let own_key = KeyPair::generate().unwrap();
    let self_signed = Issued {
        certificate: client_params(ADA).self_signed(&own_key).unwrap().pem(),
        key: own_key.serialize_pem(),
    };
    for (name, certificate) in [
        ("another authority", Authority::new().client(ADA)),
        ("expired", server.authority.issue(&expired)),
        ("not yet", server.authority.issue(&early)),
        ("a server's", server.authority.issue(&for_servers)),
        ("its own", self_signed),
    ] {
        let status = server.known_as(&certificate).await.unwrap_err();
        // The connection failed: it did not get as far as being told who it is not.
        assert_ne!(status.code(), Code::Unauthenticated, "{name} {status:?}");
        assert!(status.details().is_empty() && status.metadata().is_empty(), "{name} {status:?}");
    }
    server.known_as(&server.authority.client(ADA)).await.unwrap();
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bad_token_is_not_made_good_by_a_certificate() {
    let server = Secured::start().await;
    let channel = server.connect(Some(&server.authority.client(ADA))).await.unwrap();
    let status = whoami(&channel, &format!("{}x", root())).await.unwrap_err();
    assert_eq!(told(&status), (Code::Unauthenticated, "INVALID_SIGNATURE".to_owned()));
    // And a good one counts before it.
    assert_eq!(whoami(&channel, &root()).await.unwrap(), "arn:aws:iam::000000000000:root");
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn plain_text_is_no_way_into_a_server_with_tls() {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let server = Secured::start().await;
    let mut stream = tokio::net::TcpStream::connect(server.address).await.unwrap();
    stream.write_all(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n").await.unwrap();
    let mut answer = Vec::new();
    // A closed connection, whether or not it was said why.
    let _ = stream.read_to_end(&mut answer).await;
    assert!(!String::from_utf8_lossy(&answer).contains("HTTP"), "{answer:?}");
    server.known_as(&server.authority.client(ADA)).await.unwrap();
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn tls_needs_files_that_are_what_they_are_said_to_be() {
    let folder = tempfile::tempdir().unwrap();
    let (one, other) = (Authority::new(), Authority::new());
    let params = CertificateParams::new(vec!["127.0.0.1".to_owned()]).unwrap();
    let (right, wrong) = (one.issue(&params), other.issue(&params));
    let file = |name: &str, text: &str| {
        let path = folder.path().join(name);
        std::fs::write(&path, text).unwrap();
        path
    };
    let certificate = file("server.pem", &right.certificate);
    let attempt = async |certificate: &Path, key: &Path| {
        let mut settings = secured(&folder.path().join("data"));
        settings.tls_certificate_file = Some(certificate.into());
        settings.tls_key_file = Some(key.into());
        Server::start(&settings.resolve().unwrap()).await.err().map(|error| crate::with_causes(&error))
    };
    let another = attempt(&certificate, &file("another.key", &wrong.key)).await.unwrap();
    assert!(another.contains("server.pem cannot be used"), "{another}");
    let no_key = attempt(&certificate, &certificate).await.unwrap();
    assert!(no_key.contains("cannot read a private key from"), "{no_key}");
    let absent = attempt(&folder.path().join("absent.pem"), &file("right.key", &right.key)).await.unwrap();
    assert!(absent.contains("cannot read certificates from"), "{absent}");
    assert_eq!(attempt(&certificate, &folder.path().join("right.key")).await, None);
}
