//! From credentials to a principal.

use crate::{AuthenticationError, AuthenticationSettings, Identities, Principal, SettingsError};
use cairn_storage::Engine;
use std::sync::Arc;

/// Knows callers by their access keys, session tokens, JWTs and client certificates. Cheap to clone.
pub struct Authenticator<E: Engine> {
    shared: Arc<Shared<E>>,
}

struct Shared<E: Engine> {
    identities: Identities<E>,
}

impl<E: Engine> Clone for Authenticator<E> {
    fn clone(&self) -> Self {
        Self { shared: self.shared.clone() }
    }
}

impl<E: Engine> Authenticator<E> {
    /// An authenticator of these identities. Nothing is read or fetched yet.
    pub fn new(identities: Identities<E>, settings: AuthenticationSettings) -> Result<Self, SettingsError> {
        let _ = settings;
        Ok(Self { shared: Arc::new(Shared { identities }) })
    }

    /// The identities.
    pub fn identities(&self) -> &Identities<E> {
        &self.shared.identities
    }

    /// Who sent a request with this bearer token (the text after `Bearer `), or over a connection with this client
    /// certificate (DER; its chain has been verified, its dates are checked here again). A token counts before a
    /// certificate.
    pub async fn authenticate(
        &self,
        bearer: Option<&str>,
        certificate: Option<&[u8]>,
    ) -> Result<Principal, AuthenticationError> {
        let _ = (bearer, certificate);
        todo!()
    }
}
