//! From a signed request to a principal.

use super::{Authenticator, Kind, Proof, SESSION_KEY_PREFIX};
use crate::encryption::{Digest, digest};
use crate::identities::KeyVersion;
use crate::sigv4::{Hash, Presented, SERVICE, SignedRequest, SigningKey};
use crate::{AuthenticationError, Principal, Reason, Secret};
use cairn_storage::Engine;
use std::sync::Arc;

/// How many signing keys are kept: of one access key there is one a day and region.
pub(super) const SIGNING_KEYS_MAX: usize = 8_192;

/// Signing keys by the digest of what they are for. Only such as have proved to be the caller's are kept, so that
/// nobody can drive out others' without a secret.
pub(super) type SigningKeys = quick_cache::sync::Cache<Digest, Arc<KeptKey>>;

/// A signing key, and what it was derived from.
pub(super) struct KeptKey {
    key: SigningKey,
    /// The access key; a session's is in its token, which never becomes another.
    made_from: Option<KeyVersion>,
}

impl<E: Engine> Authenticator<E> {
    /// Who signed a request, with the secret of an access key (AWS Signature Version 4). It has to be all of the
    /// request, as it was sent; see [`SignedRequest`].
    ///
    /// Checked in this order, the first that fails being what is told: that the signature is whole; its scope; that the
    /// access key is known; the time; the signature itself; that the session is not over.
    ///
    /// # Errors
    /// [`Missing`](AuthenticationError::Missing) if the request is not signed;
    /// [`Signature`](AuthenticationError::Signature) if the signature lacks something, or its time or scope are not
    /// right; [`UnrecognizedClient`](AuthenticationError::UnrecognizedClient) if the access key is unknown or inactive
    /// or the session token is not genuine; [`InvalidSignature`](AuthenticationError::InvalidSignature) if the signature
    /// is of another request or made with another secret; [`Expired`](AuthenticationError::Expired) if the session is
    /// over.
    pub fn authenticate_signed(&self, request: &SignedRequest<'_>) -> Result<Principal, AuthenticationError> {
        let presented = Presented::read(request)?;
        presented.check_scope(self.shared.signing_region.as_deref())?;
        if presented.access_key_id.starts_with(SESSION_KEY_PREFIX) {
            self.by_session_signature(request, &presented)
        } else {
            self.by_key_signature(request, &presented)
        }
    }

    fn by_key_signature(
        &self,
        request: &SignedRequest<'_>,
        presented: &Presented,
    ) -> Result<Principal, AuthenticationError> {
        let identities = &self.shared.identities;
        let entry = identities.signing_entry(&presented.access_key_id)?;
        if presented.session_token.is_some() {
            return Err(AuthenticationError::UnrecognizedClient(Reason::UnwantedToken));
        }
        presented.check_time(identities.now())?;
        let known = place(presented);
        let kept = self.shared.signing_keys.get(&known);
        match kept.filter(|kept| kept.made_from.as_ref().is_some_and(|version| entry.is(version))) {
            Some(kept) => presented.verify(request, &kept.key, &Hash::of(request.body))?,
            None => {
                let key = derived(&identities.entry_secret(&entry)?, presented);
                presented.verify(request, &key, &Hash::of(request.body))?;
                let kept = KeptKey { key, made_from: Some(entry.version()) };
                self.shared.signing_keys.insert(known, Arc::new(kept));
            }
        }
        identities.entry_principal(&entry)
    }

    fn by_session_signature(
        &self,
        request: &SignedRequest<'_>,
        presented: &Presented,
    ) -> Result<Principal, AuthenticationError> {
        let identities = &self.shared.identities;
        let Some(token) = &presented.session_token else {
            return Err(AuthenticationError::UnrecognizedClient(Reason::SessionToken));
        };
        let session = [presented.access_key_id.as_bytes(), b"/", token.as_bytes()].concat();
        let (session, known) = ((Kind::SignedSession, digest(&session)), place(presented));
        // One may be forgotten before the other.
        let remembered = self.shared.remembered.get(&session).zip(self.shared.signing_keys.get(&known));
        if let Some((remembered, kept)) = remembered {
            presented.check_time(identities.now())?;
            presented.verify(request, &kept.key, &Hash::of(request.body))?;
            return self.recall(&remembered);
        }
        let (genuine, secret) = identities.signing_session(&presented.access_key_id, token)?;
        presented.check_time(identities.now())?;
        let key = derived(&secret, presented);
        presented.verify(request, &key, &Hash::of(request.body))?;
        let principal = self.remember(session, Proof::Session(genuine))?;
        self.shared.signing_keys.insert(known, Arc::new(KeptKey { key, made_from: None }));
        Ok(principal)
    }
}

fn derived(secret: &Secret, presented: &Presented) -> SigningKey {
    SigningKey::derive(secret, &presented.date, &presented.region, SERVICE)
}

/// What a signing key is for. No part of a credential has a slash in it, and a session token comes last.
fn place(presented: &Presented) -> Digest {
    let token = presented.session_token.as_deref().unwrap_or_default();
    digest([&*presented.access_key_id, &*presented.date, &*presented.region, token].join("/").as_bytes())
}
