//! The identities of the store that is served: the operator's keys, and the root access key.

use crate::settings::Settings;
use cairn_auth::{
    EncryptionKey, EncryptionKeyError, EncryptionKeys, GeneratedRootKey, Identities, IdentityError,
    IdentityOptions, Principal, RootKey, Secret,
};
use cairn_storage::Engine;
use jiff::Timestamp;
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// The key of a server for development, in its data folder: it keeps nothing from who can read that.
const DEVELOPMENT_KEY_FILE: &str = "development.key";
/// The largest file that is read for a secret.
const SECRET_BYTES_MAX: u64 = 4_096;

/// Why there are no identities.
#[derive(Debug, thiserror::Error)]
pub enum IdentitySetupError {
    /// A key that secrets are encrypted under is none.
    #[error("the key for secrets cannot be used")]
    Key(#[from] EncryptionKeyError),
    /// A secret cannot be read, or the key for development cannot be kept.
    #[error("cannot use {path}")]
    File {
        /// Where.
        path: PathBuf,
        /// Why not.
        #[source]
        source: std::io::Error,
    },
    /// The issuers or the rules for certificates are wrong.
    #[error("the settings of `authentication` are wrong")]
    Settings(#[from] cairn_auth::SettingsError),
    /// The store's identities cannot be read, or not with these keys.
    #[error("cannot open the identities")]
    Identities(#[from] IdentityError),
}

/// The identities, opened.
pub(crate) struct Opened<E: Engine> {
    pub(crate) identities: Identities<E>,
    pub(crate) generated_root_key: Option<GeneratedRootKey>,
}

/// Opens the identities of a store.
pub(crate) async fn open<E: Engine>(engine: E, settings: &Settings) -> Result<Opened<E>, IdentitySetupError> {
    let options = IdentityOptions {
        account: settings.account.clone(),
        keys: keys(settings)?,
        root: root_key(settings)?,
        clock: Arc::new(Timestamp::now),
    };
    // A server for development takes callers without credentials for root, so that nobody needs a root key.
    let (identities, generated_root_key) = match settings.dev {
        true => (Identities::open_without_generating(engine, options).await?, None),
        false => Identities::open(engine, options).await?,
    };
    Ok(Opened { identities, generated_root_key })
}

/// The account's root, without any credentials.
pub(crate) fn root<E: Engine>(
    identities: &Identities<E>,
    account: &str,
) -> Result<Principal, IdentitySetupError> {
    Ok(identities.principal_for(&format!("arn:aws:iam::{account}:root"))?)
}

/// What identities need now and then, and when the server stops.
pub(crate) async fn keep_up<E: Engine>(identities: &Identities<E>) {
    let done = async {
        identities.flush_last_used().await?;
        identities.refresh().await
    };
    if let Err(error) = done.await {
        tracing::warn!(
            error = &error as &dyn std::error::Error,
            "the upkeep of identities failed; it is tried again"
        );
    }
}

fn keys(settings: &Settings) -> Result<EncryptionKeys, IdentitySetupError> {
    let first = match (&settings.secrets_key, &settings.secrets_key_file) {
        (Some(key), _) => EncryptionKey::parse(key.expose())?,
        (None, Some(path)) => EncryptionKey::read(path)?,
        (None, None) => development_key(&settings.data)?,
    };
    let mut keys = vec![first];
    for path in &settings.secrets_old_key_files {
        keys.push(EncryptionKey::read(path)?);
    }
    Ok(EncryptionKeys::new(keys)?)
}

/// The key of a store for development, made when it is first needed.
fn development_key(data: &Path) -> Result<EncryptionKey, IdentitySetupError> {
    let path = data.join(DEVELOPMENT_KEY_FILE);
    let failed = |source| IdentitySetupError::File { path: path.clone(), source };
    if !path.try_exists().map_err(failed)? {
        let (one, other) = (uuid::Uuid::new_v4(), uuid::Uuid::new_v4());
        let text = format!("{}{}\n", one.simple(), other.simple());
        let mut file = std::fs::OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(&path)
            .map_err(failed)?;
        file.write_all(text.as_bytes()).and_then(|()| file.sync_all()).map_err(failed)?;
    }
    Ok(EncryptionKey::read(&path)?)
}

fn root_key(settings: &Settings) -> Result<Option<RootKey>, IdentitySetupError> {
    let Some(access_key_id) = settings.root_access_key_id.clone() else { return Ok(None) };
    let secret_access_key = match (&settings.root_secret_access_key, &settings.root_secret_access_key_file) {
        (Some(secret), _) => secret.clone(),
        (None, Some(path)) => read_secret(path)?,
        (None, None) => return Ok(None),
    };
    Ok(Some(RootKey { access_key_id, secret_access_key }))
}

fn read_secret(path: &Path) -> Result<Secret, IdentitySetupError> {
    use std::io::Read;
    let mut text = String::new();
    std::fs::File::open(path)
        .and_then(|file| file.take(SECRET_BYTES_MAX).read_to_string(&mut text))
        .map_err(|source| IdentitySetupError::File { path: path.into(), source })?;
    Ok(Secret::new(text.trim()))
}
