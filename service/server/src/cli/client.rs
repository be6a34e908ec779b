//! The connection of a client's command: which server, and how long to wait for it.

use super::error::{ClientError, RootCause};
use cairn_api::v1::item_service_client::ItemServiceClient;
use cairn_api::v1::table_service_client::TableServiceClient;
use clap::Args;
use std::time::Duration;
use tonic::service::Interceptor;
use tonic::service::interceptor::InterceptedService;
use tonic::transport::{Channel, Endpoint, Uri};
use tonic::{Request, Status};

/// The longest time a call may be given. What it is used for is over long before.
const TIMEOUT_SECONDS_MAX: f64 = 86_400.0;

/// Which server to talk to, and how long to wait for it.
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
}

/// Tells the server by when an answer is wanted, in each call's `grpc-timeout`. The channel heeds it too.
#[derive(Clone, Debug)]
pub(crate) struct Deadline(Duration);

impl Interceptor for Deadline {
    fn call(&mut self, mut request: Request<()>) -> Result<Request<()>, Status> {
        request.set_timeout(self.0);
        Ok(request)
    }
}

type Connection = InterceptedService<Channel, Deadline>;

/// A connection to a server, by service.
#[derive(Clone, Debug)]
pub(crate) struct Client {
    /// Tables.
    pub(crate) tables: TableServiceClient<Connection>,
    /// Items.
    pub(crate) items: ItemServiceClient<Connection>,
}

impl ClientArgs {
    /// Connects.
    ///
    /// # Errors
    /// If nothing answers there in time.
    pub(crate) async fn connect(&self) -> Result<Client, ClientError> {
        let endpoint = self.endpoint.clone().connect_timeout(self.timeout);
        let channel = endpoint.connect().await.map_err(|source| ClientError::Connect {
            endpoint: self.endpoint.uri().to_string().trim_end_matches('/').to_owned(),
            source: RootCause::of(&source),
        })?;
        let connection = InterceptedService::new(channel, Deadline(self.timeout));
        Ok(Client {
            tables: TableServiceClient::new(connection.clone()),
            items: ItemServiceClient::new(connection),
        })
    }
}

fn endpoint(url: &str) -> Result<Endpoint, String> {
    let uri: Uri = url.parse().map_err(|_| "it is not a URL".to_owned())?;
    if uri.scheme_str() != Some("http") || uri.host().is_none_or(str::is_empty) {
        return Err("it must be of the form http://HOST:PORT".to_owned());
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
        assert!(endpoint("http://127.0.0.1:8000").is_ok());
        assert!(endpoint("http://[::1]:8000").is_ok());
        for bad in
            ["", "127.0.0.1:8000", "localhost", "https://localhost", "http://", "http://a b", "unix:/x"]
        {
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
