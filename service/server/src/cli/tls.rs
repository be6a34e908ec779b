//! TLS to the server: whom to believe, and the certificate to show.

use super::error::{ClientError, RootCause};
use clap::Args;
use std::io;
use std::path::{Path, PathBuf};
use tonic::transport::{Certificate, ClientTlsConfig, Endpoint, Identity};

/// How a connection to an https endpoint is made.
#[derive(Args, Clone, Debug, Default)]
pub(crate) struct TlsArgs {
    /// A PEM file with the authorities to believe for an https endpoint [default: the system's]
    #[arg(long, env = "CAIRN_CA_CERT", value_name = "FILE", global = true, help_heading = "Connection")]
    ca_cert: Option<PathBuf>,
    /// A PEM file with the certificate to show to an https endpoint
    #[arg(
        long,
        env = "CAIRN_CLIENT_CERT",
        value_name = "FILE",
        requires = "client_key",
        global = true,
        help_heading = "Connection"
    )]
    client_cert: Option<PathBuf>,
    /// A PEM file with the private key of that certificate
    #[arg(
        long,
        env = "CAIRN_CLIENT_KEY",
        value_name = "FILE",
        requires = "client_cert",
        global = true,
        help_heading = "Connection"
    )]
    client_key: Option<PathBuf>,
}

/// Why TLS cannot be used as asked.
#[derive(Debug, thiserror::Error)]
pub(crate) enum TlsError {
    /// A file cannot be read.
    #[error("cannot read the file that --{option} names, {}", .path.display())]
    Read {
        /// Which option names it.
        option: &'static str,
        /// Where it should be.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// The endpoint takes no TLS.
    #[error("--ca-cert, --client-cert and --client-key need an endpoint of the form https://HOST:PORT")]
    PlainEndpoint,
    /// What the files hold is not what it should be.
    #[error("the certificates or the key cannot be used")]
    Unusable(#[source] RootCause),
}

impl TlsArgs {
    /// The endpoint with what is asked for.
    ///
    /// # Errors
    /// If a file cannot be read or used, or the endpoint takes no TLS.
    pub(crate) fn apply(&self, endpoint: Endpoint) -> Result<Endpoint, ClientError> {
        let files = [&self.ca_cert, &self.client_cert, &self.client_key];
        if endpoint.uri().scheme_str() != Some("https") {
            if files.into_iter().any(Option::is_some) {
                return Err(TlsError::PlainEndpoint.into());
            }
            return Ok(endpoint);
        }
        let mut config = ClientTlsConfig::new();
        config = match &self.ca_cert {
            Some(path) => config.ca_certificate(Certificate::from_pem(read("ca-cert", path)?)),
            None => config.with_enabled_roots(),
        };
        if let (Some(certificate), Some(key)) = (&self.client_cert, &self.client_key) {
            let identity = Identity::from_pem(read("client-cert", certificate)?, read("client-key", key)?);
            config = config.identity(identity);
        }
        Ok(endpoint.tls_config(config).map_err(|error| TlsError::Unusable(RootCause::of(&error)))?)
    }
}

fn read(option: &'static str, path: &Path) -> Result<Vec<u8>, TlsError> {
    std::fs::read(path).map_err(|source| TlsError::Read { option, path: path.to_owned(), source })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with_ca(path: &str, endpoint: &'static str) -> Result<Endpoint, ClientError> {
        let args = TlsArgs { ca_cert: Some(path.into()), ..TlsArgs::default() };
        args.apply(Endpoint::from_static(endpoint))
    }

    #[test]
    fn certificates_are_refused_where_nothing_would_be_done_with_them() {
        let refused = with_ca("/no/such/file", "http://127.0.0.1:1");
        assert!(matches!(refused, Err(ClientError::Tls(TlsError::PlainEndpoint))));
        assert!(TlsArgs::default().apply(Endpoint::from_static("http://127.0.0.1:1")).is_ok());
    }

    #[test]
    fn a_file_that_cannot_be_used_is_named() {
        let missing = with_ca("/no/such/file", "https://localhost:1").unwrap_err();
        assert!(missing.to_string().contains("--ca-cert names, /no/such/file"), "{missing}");
    }
}
