//! A server in this process that believes nobody without credentials, its callers, and a server for development.

use crate::environment::{Credentials, Environment};
use crate::identities::{self, IdentityFault};
use cairn_auth::Secret;
use cairn_server::server::{Server, ServerError};
use cairn_server::settings::{SecretSettings, SettingsError, SettingsInput};
use std::net::SocketAddr;
use std::path::Path;
use tempfile::TempDir;
use tokio::task::{JoinError, JoinHandle};
use tokio_util::sync::CancellationToken;

/// The key for the secrets of stores that end with their test.
const SECRETS_KEY: &str = "5f0d8c1e7ab94263d0f1725c8e3b6a49f7c2d1805e9b34a6c86f01d2793be4a5";

/// Why a world did not begin, or did not end in order.
#[derive(Debug, thiserror::Error)]
pub enum WorldFault {
    /// There is no folder for its data.
    #[error("cannot make a folder for the data")]
    Folder(#[source] std::io::Error),
    /// Its settings are wrong.
    #[error("the server's settings are wrong")]
    Settings(#[from] SettingsError),
    /// Its server does not start or does not stop.
    #[error("the server failed")]
    Server(#[from] ServerError),
    /// It is not known where its server listens.
    #[error("the server's address is not known")]
    Address(#[source] std::io::Error),
    /// The server kept the account's root key for itself.
    #[error("the server's first start made no root key")]
    NoRootKey,
    /// Its callers cannot be made.
    #[error("the callers cannot be made")]
    Identities(#[from] IdentityFault),
    /// Its server panicked.
    #[error("the server ended in disorder")]
    Panic(#[from] JoinError),
}

/// A server on a free port, with a store of its own that goes with it, and its callers; and beside it a server for
/// development.
pub struct World {
    /// Where it is, and who may call.
    pub environment: Environment,
    stop: CancellationToken,
    running: [JoinHandle<Result<(), ServerError>>; 2],
    _folder: TempDir,
}

impl World {
    /// The server as `cairn serve` starts it when it is not for development, with limits of capacity, and callers made
    /// by the account's root.
    ///
    /// # Errors
    /// It does not start.
    pub async fn start() -> Result<Self, WorldFault> {
        let folder = tempfile::tempdir().map_err(WorldFault::Folder)?;
        let settings = settings(folder.path()).resolve()?;
        let mut server = Server::start(&settings).await?;
        let endpoint = format!("http://{}", server.address().map_err(WorldFault::Address)?);
        let root = server.take_generated_root_key().ok_or(WorldFault::NoRootKey)?;
        let root = Credentials {
            access_key_id: root.access_key_id,
            secret_access_key: root.secret_access_key,
            session_token: None,
        };
        let stop = CancellationToken::new();
        let development = Server::start(&development(folder.path()).resolve()?).await?;
        let development_endpoint = format!("http://{}", development.address().map_err(WorldFault::Address)?);
        let running = [tokio::spawn(server.run(stop.clone())), tokio::spawn(development.run(stop.clone()))];
        let identities = identities::make(&endpoint, &root).await?;
        let environment = Environment {
            endpoint,
            development_endpoint,
            region: settings.region,
            administrator: identities.administrator,
            reader: identities.reader,
            session: identities.session,
            absent_file: folder.path().join("absent"),
        };
        Ok(Self { environment, stop, running, _folder: folder })
    }

    /// Stops the servers.
    ///
    /// # Errors
    /// It ended in disorder.
    pub async fn stop(self) -> Result<(), WorldFault> {
        self.stop.cancel();
        for running in self.running {
            running.await??;
        }
        Ok(())
    }
}

fn settings(folder: &Path) -> SettingsInput {
    SettingsInput {
        data: Some(folder.join("data")),
        listen: Some(SocketAddr::from(([127, 0, 0, 1], 0))),
        ttl_sweep_seconds: Some(1),
        cache_mib: Some(32),
        write_buffer_mib: Some(32),
        secrets: SecretSettings { secrets_key: Some(Secret::new(SECRETS_KEY)), ..Default::default() },
        ..Default::default()
    }
}

/// A server as `cairn serve --dev` starts it.
fn development(folder: &Path) -> SettingsInput {
    SettingsInput {
        data: Some(folder.join("development")),
        dev: Some(true),
        secrets: SecretSettings::default(),
        ..settings(folder)
    }
}
