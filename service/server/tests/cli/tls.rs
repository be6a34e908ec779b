//! Commands over TLS: whom they believe, and calling with a client certificate.

use crate::harness::TestServer;
use cairn_auth::{AuthenticationSettings, CertificateRule, SanKind, Secret};
use cairn_server::settings::{SecretSettings, SettingsInput};
use rcgen::{BasicConstraints, CertificateParams, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair, SanType};
use std::path::{Path, PathBuf};

const ROOT_ID: &str = "AKIAROOTROOTROOTROOT";
const ROOT_SECRET: &str = "a-secret-of-the-root-that-is-long-enough-1234567890";

/// Certificates in a folder: of an authority, of a server on loopback, and of a client.
struct Certificates(tempfile::TempDir);

impl Certificates {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let key = KeyPair::generate().unwrap();
        let mut authority = CertificateParams::new(Vec::new()).unwrap();
        authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let certificate = authority.self_signed(&key).unwrap();
        std::fs::write(folder.path().join("ca.pem"), certificate.pem()).unwrap();
        let issuer = Issuer::new(authority, key);
        let issue = |name: &str, params: CertificateParams| {
            let key = KeyPair::generate().unwrap();
            let certificate = params.signed_by(&key, &issuer).unwrap();
            std::fs::write(folder.path().join(format!("{name}.pem")), certificate.pem()).unwrap();
            std::fs::write(folder.path().join(format!("{name}.key")), key.serialize_pem()).unwrap();
        };
        issue("server", CertificateParams::new(vec!["127.0.0.1".to_owned()]).unwrap());
        let mut client = CertificateParams::new(Vec::new()).unwrap();
        client.subject_alt_names = vec![SanType::URI("spiffe://cluster.local/ada".try_into().unwrap())];
        client.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
        issue("client", client);
        Self(folder)
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn server(&self) -> TestServer {
        let secrets = SecretSettings {
            secrets_key: Some(Secret::new(
                "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f",
            )),
            root_secret_access_key: Some(Secret::new(ROOT_SECRET)),
        };
        let ada = CertificateRule {
            san: SanKind::Uri,
            pattern: "spiffe://cluster.local/ada".into(),
            role: None,
            user: Some("ada".into()),
        };
        TestServer::start_with(SettingsInput {
            tls_certificate_file: Some(self.path("server.pem")),
            tls_key_file: Some(self.path("server.key")),
            tls_client_ca_file: Some(self.path("ca.pem")),
            root_access_key_id: Some(ROOT_ID.into()),
            secrets,
            authentication: Some(AuthenticationSettings { certificates: vec![ada], ..Default::default() }),
            ..SettingsInput::default()
        })
    }
}

fn root() -> [(&'static str, String); 2] {
    [("CAIRN_ACCESS_KEY_ID", ROOT_ID.to_owned()), ("CAIRN_SECRET_ACCESS_KEY", ROOT_SECRET.to_owned())]
}

fn shown(path: &Path) -> &str {
    path.to_str().unwrap()
}

#[test]
fn a_certificate_is_shown_to_a_server_that_is_believed() {
    let certificates = Certificates::new();
    let server = certificates.server();
    let [ca, client, key] = ["ca.pem", "client.pem", "client.key"].map(|name| certificates.path(name));
    let believing = ["--ca-cert", shown(&ca)];
    let as_root = |args: &[&str]| server.cairn_as(&root(), &[args, &believing].concat());
    assert_eq!(as_root(&["iam", "whoami"]).json()["Arn"], "arn:aws:iam::000000000000:root");
    as_root(&["iam", "user", "create", "ada"]).succeeds();

    let certificate = ["--client-cert", shown(&client), "--client-key", shown(&key)];
    let whoami = [&["iam", "whoami"][..], &believing, &certificate].concat();
    assert_eq!(server.cairn(&whoami).json()["Arn"], "arn:aws:iam::000000000000:user/ada");

    let nobody = server.cairn(&[&["iam", "whoami"][..], &believing].concat()).fails(1);
    assert!(nobody.starts_with("cairn: UNAUTHENTICATED: "), "{nobody}");
    let unbelieved = server.cairn_as(&root(), &["iam", "whoami"]).fails(1);
    assert!(unbelieved.starts_with("cairn: no server answers at https://127.0.0.1:"), "{unbelieved}");
    assert!(!unbelieved.contains(ROOT_SECRET));
}

#[test]
fn a_file_that_holds_no_certificate_is_told_before_anything_is_sent() {
    let certificates = Certificates::new();
    let server = certificates.server();
    let absent = server.cairn(&["iam", "whoami", "--ca-cert", "/no/such/file"]).fails(1);
    assert_eq!(
        absent,
        "cairn: cannot read the file that --ca-cert names, /no/such/file: No such file or directory (os error 2)\n"
    );
    let [ca, client] = ["ca.pem", "client.pem"].map(|name| certificates.path(name));
    // A certificate in place of a key.
    let pair = ["--client-cert", shown(&client), "--client-key", shown(&client), "--ca-cert", shown(&ca)];
    let unusable = server.cairn(&[&["iam", "whoami"][..], &pair].concat()).fails(1);
    assert!(unusable.starts_with("cairn: the certificates or the key cannot be used"), "{unusable}");
}

#[test]
fn a_plain_endpoint_of_a_server_with_tls_is_told() {
    let certificates = Certificates::new();
    let server = certificates.server();
    let address = server.endpoint().strip_prefix("https://").unwrap();
    let endpoint = format!("http://{address}");
    for args in [&["table", "list"][..], &["item", "put", "Orders", "{\"Id\": 1}"], &["iam", "whoami"]] {
        assert_eq!(
            server.cairn(&[args, &["--endpoint", &endpoint]].concat()).fails(1),
            format!(
                "cairn: the server at {endpoint} uses TLS: it does not answer in plain HTTP\n\
                 Begin the endpoint with https:// instead of http://.\n"
            )
        );
    }
}
