//! Access keys and sessions as the checking of a signature needs them: the secret, and whose it is.

use super::image::{Image, KeyEntry};
use super::record::KeyRecord;
use super::start::open_secret;
use super::{GenuineSession, Identities, unrecognized};
use crate::{AuthenticationError, KeyStatus, Principal, Reason, Secret};
use cairn_storage::Engine;
use std::sync::Arc;

/// An active access key at one revision of the identities.
pub(crate) struct SigningEntry {
    entry: Arc<KeyEntry>,
    image: Arc<Image>,
}

/// Which access key something was made from.
pub(crate) struct KeyVersion(Arc<KeyRecord>);

impl SigningEntry {
    /// The key as it is now.
    pub(crate) fn version(&self) -> KeyVersion {
        KeyVersion(self.entry.record.clone())
    }

    /// Whether it is still the same. A key that was changed in any way, or read anew, is another.
    pub(crate) fn is(&self, version: &KeyVersion) -> bool {
        Arc::ptr_eq(&self.entry.record, &version.0)
    }
}

impl<E: Engine> Identities<E> {
    /// The access key of that id, if it is active.
    pub(crate) fn signing_entry(&self, id: &str) -> Result<SigningEntry, AuthenticationError> {
        let image = self.image();
        let Some(entry) = image.key(id).cloned() else { return unrecognized(Reason::UnknownKey) };
        if entry.record.status != KeyStatus::Active {
            return unrecognized(Reason::InactiveKey);
        }
        Ok(SigningEntry { entry, image })
    }

    /// The secret of an access key.
    pub(crate) fn entry_secret(&self, key: &SigningEntry) -> Result<Secret, AuthenticationError> {
        open_secret(&self.shared.keys, &key.entry.record)
            .map_err(|error| AuthenticationError::Internal(error.into()))
    }

    /// Who an access key belongs to, whose secret the caller has proved to have.
    pub(crate) fn entry_principal(&self, key: &SigningEntry) -> Result<Principal, AuthenticationError> {
        self.used_by(&key.image, &key.entry)
    }

    /// The session of a token that came with its access key, and the secret that a signature has to be made with for
    /// the session to be genuine. Whether it is over is not looked at.
    pub(crate) fn signing_session(
        &self,
        access_key_id: &str,
        session_token: &str,
    ) -> Result<(GenuineSession, Secret), AuthenticationError> {
        let secret = self.session_signing_secret(access_key_id, session_token)?;
        let session = self.genuine_session(access_key_id, secret.expose(), session_token)?;
        Ok((session, secret))
    }
}
