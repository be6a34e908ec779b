//! The connection of a client's command: which server, who calls, and how long to wait.

use super::credentials::Credentials;
use super::error::{ClientError, RootCause};
use super::tls::TlsArgs;
use super::with_causes;
use cairn_api::v1::iam_service_client::IamServiceClient;
use cairn_api::v1::item_service_client::ItemServiceClient;
use cairn_api::v1::table_service_client::TableServiceClient;
use clap::Args;
use std::path::PathBuf;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tonic::service::Interceptor;
use tonic::service::interceptor::InterceptedService;
use tonic::transport::{Channel, Endpoint, Uri};
use tonic::{Request, Status};

/// The longest time a call may be given. What it is used for is over long before.
const TIMEOUT_SECONDS_MAX: f64 = 86_400.0;
/// How long a server may take to show what it speaks.
const PROBE_TIMEOUT: Duration = Duration::from_secs(2);

/// Which server to talk to, as whom, and how long to wait for it.
#[derive(Args, Clone, Debug)]
pub(crate) struct ClientArgs {
    /// The server to talk to
    #[arg(
        long,
        env = "CAIRN_ENDPOINT",
        value_name = "URL",
        default_value = "http://127.0.0.1:8000",
        value_parser = endpoint,
        global = true,
        help_heading = "Connection"
    )]
    endpoint: Endpoint,
    /// How long a call may take
    #[arg(
        long,
        value_name = "SECONDS",
        default_value = "30",
        value_parser = timeout,
        global = true,
        help_heading = "Connection"
    )]
    timeout: Duration,
    /// A file with the token to call with, as one mounted for a Kubernetes service account; read for each call
    ///
    /// Without it, CAIRN_TOKEN is the token; and without that, CAIRN_ACCESS_KEY_ID and CAIRN_SECRET_ACCESS_KEY, for a
    /// session with CAIRN_SESSION_TOKEN, are the access key.
    #[arg(long, env = "CAIRN_TOKEN_FILE", value_name = "FILE", global = true, help_heading = "Connection")]
    token_file: Option<PathBuf>,
    #[command(flatten)]
    tls: TlsArgs,
}

/// What every call carries: by when an answer is wanted, in `grpc-timeout`, which the channel heeds too; and who asks.
#[derive(Clone, Debug)]
pub(crate) struct Envelope {
    timeout: Duration,
    credentials: Credentials,
}

impl Interceptor for Envelope {
    fn call(&mut self, mut request: Request<()>) -> Result<Request<()>, Status> {
        request.set_timeout(self.timeout);
        let bearer =
            self.credentials.bearer().map_err(|error| Status::unauthenticated(with_causes(&error)))?;
        if let Some(bearer) = bearer {
            request.metadata_mut().insert("authorization", bearer);
        }
        Ok(request)
    }
}

type Connection = InterceptedService<Channel, Envelope>;

/// A connection to a server, by service.
#[derive(Clone, Debug)]
pub(crate) struct Client {
    /// Tables.
    pub(crate) tables: TableServiceClient<Connection>,
    /// Items.
    pub(crate) items: ItemServiceClient<Connection>,
    /// Identities.
    pub(crate) identities: IamServiceClient<Connection>,
}

impl ClientArgs {
    /// Connects.
    ///
    /// # Errors
    /// If the credentials or certificates cannot be used, or nothing answers there in time.
    pub(crate) async fn connect(&self) -> Result<Client, ClientError> {
        let credentials = Credentials::find(self.token_file.clone(), std::env::var_os)?;
        let shown = self.endpoint.uri().to_string().trim_end_matches('/').to_owned();
        let endpoint = self.tls.apply(self.endpoint.clone())?.connect_timeout(self.timeout);
        let channel = endpoint
            .connect()
            .await
            .map_err(|source| ClientError::Connect { endpoint: shown, source: RootCause::of(&source) })?;
        let envelope = Envelope { timeout: self.timeout, credentials };
        let connection = InterceptedService::new(channel, envelope);
        Ok(Client {
            tables: TableServiceClient::new(connection.clone()),
            items: ItemServiceClient::new(connection.clone())
                .max_decoding_message_size(cairn_api::RESPONSE_BYTES_MAX),
            identities: IamServiceClient::new(connection),
        })
    }
}

/// What a server that listens somewhere speaks there.
enum Speaks {
    PlainHttp,
    Tls,
}

impl ClientArgs {
    /// An error of a command as it is to be told: if the connection failed because the endpoint says another protocol than
    /// the server speaks, that is the error.
    pub(crate) async fn explain(&self, error: ClientError) -> ClientError {
        if !error.is_of_connection() {
            return error;
        }
        let uri = self.endpoint.uri();
        let endpoint = uri.to_string().trim_end_matches('/').to_owned();
        let probe = tokio::time::timeout(PROBE_TIMEOUT.min(self.timeout), probe(uri)).await;
        match (uri.scheme_str(), probe.ok().flatten()) {
            (Some("https"), Some(Speaks::PlainHttp)) => ClientError::PlainServer { endpoint },
            (Some("http"), Some(Speaks::Tls)) => ClientError::TlsServer { endpoint },
            _ => error,
        }
    }
}

/// Asks for something in plain HTTP. A server that speaks TLS answers with an alert.
async fn probe(uri: &Uri) -> Option<Speaks> {
    let host = uri.host()?;
    let port = uri.port_u16().unwrap_or(if uri.scheme_str() == Some("https") { 443 } else { 80 });
    let address = host.trim_start_matches('[').trim_end_matches(']');
    let mut stream = TcpStream::connect((address, port)).await.ok()?;
    let request = format!("GET /healthz HTTP/1.1\r\nHost: {host}:{port}\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await.ok()?;
    let mut answer = [0; 5];
    stream.read_exact(&mut answer).await.ok()?;
    match &answer {
        b"HTTP/" => Some(Speaks::PlainHttp),
        // A record with an alert, of any version of TLS.
        [21, 3, ..] => Some(Speaks::Tls),
        _ => None,
    }
}

fn endpoint(url: &str) -> Result<Endpoint, String> {
    let uri: Uri = url.parse().map_err(|_| "it is not a URL".to_owned())?;
    if !matches!(uri.scheme_str(), Some("http" | "https")) || uri.host().is_none_or(str::is_empty) {
        return Err("it must be of the form http://HOST:PORT or https://HOST:PORT".to_owned());
    }
    Endpoint::from(uri)
        .user_agent(concat!("cairn/", env!("CARGO_PKG_VERSION")))
        .map_err(|error| error.to_string())
}

fn timeout(seconds: &str) -> Result<Duration, String> {
    seconds
        .parse()
        .ok()
        .filter(|seconds| *seconds > 0.0 && *seconds <= TIMEOUT_SECONDS_MAX)
        .map(Duration::from_secs_f64)
        .filter(|timeout| !timeout.is_zero())
        .ok_or_else(|| format!("it must be a number of seconds above 0, up to {TIMEOUT_SECONDS_MAX}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_endpoint_is_an_http_url() {
        for good in ["http://127.0.0.1:8000", "http://[::1]:8000", "https://cairn.example"] {
            assert!(endpoint(good).is_ok(), "{good}");
        }
        for bad in ["", "127.0.0.1:8000", "localhost", "https://", "http://", "http://a b", "unix:/x"] {
            assert!(endpoint(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_timeout_is_a_positive_number_of_seconds() {
        assert_eq!(timeout("30"), Ok(Duration::from_secs(30)));
        assert_eq!(timeout("0.25"), Ok(Duration::from_millis(250)));
        for bad in ["0", "-1", "1e-12", "inf", "NaN", "86401", "1s", ""] {
            assert!(timeout(bad).is_err(), "{bad}");
        }
    }
}
