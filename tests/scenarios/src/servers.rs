//! Servers in this process, over each engine.

use cairn_auth::{
    AuthenticationSettings, Authenticator, EncryptionKey, EncryptionKeys, Identities, IdentityOptions,
};
use cairn_ops::{CapacityLimits, CapacityOptions, Service, ServiceOptions};
use cairn_server::server::{Server, ServerError};
use cairn_server::settings::SettingsInput;
use cairn_stack::{AuthenticateLayer, Stack, Strangers};
use cairn_storage::memory::MemoryEngine;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

/// Why a server did not start, or did not stop in order.
#[derive(Debug, thiserror::Error)]
#[error(transparent)]
pub struct ServerFault(Box<dyn std::error::Error + Send + Sync>);

/// A server on a free port, with a store of its own that goes when it stops.
pub struct TestServer {
    address: SocketAddr,
    stop: CancellationToken,
    running: JoinHandle<Result<(), ServerFault>>,
    _folder: Option<TempDir>,
}

impl TestServer {
    /// The server as `cairn serve` starts it, over a folder that goes with it.
    ///
    /// # Errors
    /// It does not start.
    pub async fn over_fjall(capacity_limits: CapacityLimits) -> Result<Self, ServerFault> {
        let folder = tempfile::tempdir().map_err(fault)?;
        let settings = SettingsInput {
            data: Some(folder.path().into()),
            listen: Some(SocketAddr::from(([127, 0, 0, 1], 0))),
            dev: Some(true),
            capacity_limits: Some(capacity_limits),
            ttl_sweep_seconds: Some(1),
            // As DynamoDB answers.
            wait_for_tables: Some(false),
            ..Default::default()
        }
        .resolve()
        .map_err(fault)?;
        let server = Server::start(&settings).await.map_err(fault)?;
        let address = server.address().map_err(fault)?;
        let stop = CancellationToken::new();
        let stopped = stop.clone();
        let running =
            tokio::spawn(async move { server.run(stopped).await.map_err(|error: ServerError| fault(error)) });
        Ok(Self { address, stop, running, _folder: Some(folder) })
    }

    /// The same services over the engine that is the model of all engines.
    ///
    /// # Errors
    /// It does not start.
    pub async fn over_memory(capacity_limits: CapacityLimits) -> Result<Self, ServerFault> {
        let capacity = CapacityOptions { limits: capacity_limits, ..CapacityOptions::default() };
        let engine = MemoryEngine::new();
        let options = ServiceOptions {
            capacity,
            time_to_live_sweep_interval: Duration::from_secs(1),
            ..ServiceOptions::default()
        };
        let keys = EncryptionKeys::new(vec![EncryptionKey::generate().map_err(fault)?]).map_err(fault)?;
        let identity_options = IdentityOptions {
            account: options.account.clone(),
            keys,
            root: None,
            clock: options.clock.clone(),
        };
        let (identities, _) = Identities::open(engine.clone(), identity_options).await.map_err(fault)?;
        let root = identities.principal_for(&format!("arn:aws:iam::{}:root", options.account));
        let authenticator =
            Authenticator::new(identities.clone(), AuthenticationSettings::default()).map_err(fault)?;
        let authenticate =
            AuthenticateLayer::new(Arc::new(authenticator), Strangers::Are(root.map_err(fault)?));
        let service = Service::start(engine, identities, options).await.map_err(fault)?;
        let (_, health) = tonic_health::server::health_reporter();
        let stack = Stack::new(service);
        let routes = cairn_grpc::routes(stack.clone(), health).map_err(fault)?;
        let router =
            routes.prepare().into_axum_router().merge(cairn_aws_json::routes(stack, authenticate.clone()));
        let router = router.layer(cairn_grpc::MessageLimitLayer).layer(authenticate);
        let listener = TcpListener::bind(SocketAddr::from(([127, 0, 0, 1], 0))).await.map_err(fault)?;
        let address = listener.local_addr().map_err(fault)?;
        let stop = CancellationToken::new();
        let stopped = stop.clone();
        let running = tokio::spawn(async move {
            let stopping = async move { stopped.cancelled().await };
            axum::serve(listener, router).with_graceful_shutdown(stopping).await.map_err(fault)
        });
        Ok(Self { address, stop, running, _folder: None })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Stops it.
    ///
    /// # Errors
    /// It ended in disorder.
    pub async fn stop(self) -> Result<(), ServerFault> {
        self.stop.cancel();
        self.running.await.map_err(fault)?
    }
}

fn fault(error: impl std::error::Error + Send + Sync + 'static) -> ServerFault {
    ServerFault(Box::new(error))
}
