//! From a signed request to a principal.

use super::{Authenticator, Kind, Proof, Remembered, SESSION_KEY_PREFIX};
use crate::encryption::{Digest, digest};
use crate::identities::KeyVersion;
use crate::sigv4::{BodyHash, Presented, SERVICE, SignedRequest, SigningKey, claimed_access_key};
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

/// A signature that is right as far as a request's head can tell: whole, in its scope and time, of an access key that is
/// there or a session that is not over. That the signer has the secret is not proved yet.
pub struct SignatureClaim(Presented);

impl<E: Engine> Authenticator<E> {
    /// Who signed a request, with the secret of an access key (AWS Signature Version 4). It has to be all of the
    /// request, as it was sent; see [`SignedRequest`].
    ///
    /// What [`check_head`](Self::check_head) checks, then what [`authenticate_claim`](Self::authenticate_claim) does.
    ///
    /// # Errors
    /// Those of both.
    pub fn authenticate_signed(&self, request: &SignedRequest<'_>) -> Result<Principal, AuthenticationError> {
        let claim = self.check_head(request)?;
        self.authenticate_claim(&claim, request, &BodyHash::of(request.body))
    }

    /// Checks everything about a signature that does not need the body, so that no body is read for a caller who cannot
    /// be known. The body of `request` is not looked at.
    ///
    /// Checked in this order, the first that fails being the error: that the signature is whole; its scope; that the
    /// access key is known; the time; that a session is not over.
    ///
    /// # Errors
    /// [`Missing`](AuthenticationError::Missing) if the request is not signed;
    /// [`Signature`](AuthenticationError::Signature) if the signature lacks something, or its time or scope are not
    /// right; [`UnrecognizedClient`](AuthenticationError::UnrecognizedClient) if the access key is unknown or inactive
    /// or the session token is not genuine; [`Expired`](AuthenticationError::Expired) if the session is over.
    pub fn check_head(&self, request: &SignedRequest<'_>) -> Result<SignatureClaim, AuthenticationError> {
        let presented = Presented::read(request)?;
        presented.check_scope(self.shared.signing_region.as_deref())?;
        let identities = &self.shared.identities;
        if presented.access_key_id.starts_with(SESSION_KEY_PREFIX) {
            match self.remembered_session(&presented)? {
                Some(remembered) => {
                    presented.check_time(identities.now())?;
                    self.recall(&remembered)?;
                }
                None => {
                    let (session, _) = identities.signing_session(
                        &presented.access_key_id,
                        presented.session_token.as_deref().unwrap_or_default(),
                    )?;
                    presented.check_time(identities.now())?;
                    identities.session(&session)?;
                }
            }
        } else {
            identities.signing_entry(&presented.access_key_id)?;
            if presented.session_token.is_some() {
                return Err(AuthenticationError::UnrecognizedClient(Reason::UnwantedToken));
            }
            presented.check_time(identities.now())?;
        }
        Ok(SignatureClaim(presented))
    }

    /// Who signed a request whose head has been checked, now that its body is there. The access key and the session are
    /// looked up again, as they may have changed while the body came; the time is not.
    ///
    /// # Errors
    /// [`InvalidSignature`](AuthenticationError::InvalidSignature) if the signature is of another request or made with
    /// another secret; [`UnrecognizedClient`](AuthenticationError::UnrecognizedClient) and
    /// [`Expired`](AuthenticationError::Expired) as of [`check_head`](Self::check_head).
    pub fn authenticate_claim(
        &self,
        claim: &SignatureClaim,
        request: &SignedRequest<'_>,
        body: &BodyHash,
    ) -> Result<Principal, AuthenticationError> {
        let SignatureClaim(presented) = claim;
        if presented.access_key_id.starts_with(SESSION_KEY_PREFIX) {
            self.by_session_signature(request, presented, body)
        } else {
            self.by_key_signature(request, presented, body)
        }
    }

    /// Whether the access key, or the session, that a signature names is known here, whatever else is wrong with the
    /// signature. An inactive key is known; so is whoever names none.
    pub fn knows_signer(&self, request: &SignedRequest<'_>) -> bool {
        let identities = &self.shared.identities;
        match claimed_access_key(request) {
            None => true,
            Some((id, token)) if id.starts_with(SESSION_KEY_PREFIX) => {
                identities.signing_session(&id, &token.unwrap_or_default()).is_ok()
            }
            Some((id, _)) => !matches!(
                identities.signing_entry(&id),
                Err(AuthenticationError::UnrecognizedClient(Reason::UnknownKey))
            ),
        }
    }

    fn by_key_signature(
        &self,
        request: &SignedRequest<'_>,
        presented: &Presented,
        body: &BodyHash,
    ) -> Result<Principal, AuthenticationError> {
        let identities = &self.shared.identities;
        let entry = identities.signing_entry(&presented.access_key_id)?;
        let known = place(presented);
        let kept = self.shared.signing_keys.get(&known);
        match kept.filter(|kept| kept.made_from.as_ref().is_some_and(|version| entry.is(version))) {
            Some(kept) => presented.verify(request, &kept.key, body)?,
            None => {
                let key = derived(&identities.entry_secret(&entry)?, presented);
                presented.verify(request, &key, body)?;
                let kept = KeptKey { key, made_from: Some(entry.version()) };
                self.shared.signing_keys.insert(known, Arc::new(kept));
            }
        }
        identities.entry_principal(&entry)
    }

    /// The session that a signature names, if it has proved to be genuine before.
    fn remembered_session(
        &self,
        presented: &Presented,
    ) -> Result<Option<Arc<Remembered>>, AuthenticationError> {
        Ok(self.shared.remembered.get(&session_place(presented)?))
    }

    fn by_session_signature(
        &self,
        request: &SignedRequest<'_>,
        presented: &Presented,
        body: &BodyHash,
    ) -> Result<Principal, AuthenticationError> {
        let identities = &self.shared.identities;
        let known = place(presented);
        // One may be forgotten before the other.
        let remembered = self.remembered_session(presented)?.zip(self.shared.signing_keys.get(&known));
        if let Some((remembered, kept)) = remembered {
            presented.verify(request, &kept.key, body)?;
            return self.recall(&remembered);
        }
        let token = presented.session_token.as_deref().unwrap_or_default();
        let (genuine, secret) = identities.signing_session(&presented.access_key_id, token)?;
        let key = derived(&secret, presented);
        presented.verify(request, &key, body)?;
        let principal = self.remember(session_place(presented)?, Proof::Session(genuine))?;
        self.shared.signing_keys.insert(known, Arc::new(KeptKey { key, made_from: None }));
        Ok(principal)
    }
}

/// Where a session is remembered, by its access key and its token.
fn session_place(presented: &Presented) -> Result<(Kind, Digest), AuthenticationError> {
    let Some(token) = &presented.session_token else {
        return Err(AuthenticationError::UnrecognizedClient(Reason::SessionToken));
    };
    let session = [presented.access_key_id.as_bytes(), b"/", token.as_bytes()].concat();
    Ok((Kind::SignedSession, digest(&session)))
}

fn derived(secret: &Secret, presented: &Presented) -> SigningKey {
    SigningKey::derive(secret, &presented.date, &presented.region, SERVICE)
}

/// What a signing key is for. No part of a credential has a slash in it, and a session token comes last.
fn place(presented: &Presented) -> Digest {
    let token = presented.session_token.as_deref().unwrap_or_default();
    digest([&*presented.access_key_id, &*presented.date, &*presented.region, token].join("/").as_bytes())
}
