//! From credentials to a principal.

mod signed;

pub use signed::SignatureClaim;

use crate::certificate::ClientCertificate;
use crate::encryption::{Digest, digest};
use crate::glob::fits;
use crate::identities::{GenuineSession, Keys, SessionParts};
use crate::jwt::{self, Claims, Issuer, Unverified};
use crate::names::{SESSION_NAME_MAX, is_name_character};
use crate::principal::Value;
use crate::settings::check;
use crate::{
    AuthenticationError, AuthenticationSettings, CertificateRule, ClaimRule, Identities, Principal, Reason,
    SanKind, SettingsError,
};
use arc_swap::ArcSwapOption;
use cairn_storage::Engine;
use jiff::Timestamp;
use std::collections::HashMap;
use std::sync::Arc;

/// How many sessions, tokens and certificates are remembered as genuine.
const REMEMBERED_MAX: usize = 8_192;
/// The largest bearer token: an access key of a session with its session token.
const BEARER_MAX: usize = 8_192;
/// Temporary access keys, of sessions, begin so.
const SESSION_KEY_PREFIX: &str = "ASIA";
/// JWTs begin so: it is `{"` in base64.
const JWT_PREFIX: &str = "eyJ";

/// Knows callers by their access keys, session tokens, JWTs and client certificates. Cheap to clone.
///
/// What has proved genuine once is remembered by its digest, so that a signature is checked once and not with every
/// call. Everything that can change is looked at with every call: the time, the store's identities, the issuer's keys.
pub struct Authenticator<E: Engine> {
    shared: Arc<Shared<E>>,
}

struct Shared<E: Engine> {
    identities: Identities<E>,
    issuers: HashMap<String, Arc<Issuer>>,
    certificates: Vec<CertificateRule>,
    signing_region: Option<String>,
    signing_keys: signed::SigningKeys,
    remembered: quick_cache::sync::Cache<(Kind, Digest), Arc<Remembered>>,
}

/// What a digest is of: a certificate must never be taken for a token.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Kind {
    Session,
    /// A session's access key id and token; its secret was proved by a signature, and has to be each time.
    SignedSession,
    Jwt,
    Certificate,
}

/// A credential that proved genuine, and whom it stood for at some revision of the identities.
struct Remembered {
    proof: Proof,
    principal: ArcSwapOption<(u64, Principal)>,
}

enum Proof {
    Session(GenuineSession),
    Jwt { issuer: Arc<Issuer>, generation: u64, claims: Claims },
    Certificate(ClientCertificate),
}

impl<E: Engine> Clone for Authenticator<E> {
    fn clone(&self) -> Self {
        Self { shared: self.shared.clone() }
    }
}

impl<E: Engine> Authenticator<E> {
    /// An authenticator of these identities. Nothing is read or fetched yet.
    pub fn new(identities: Identities<E>, settings: AuthenticationSettings) -> Result<Self, SettingsError> {
        check(&settings)?;
        let clock = identities.clock();
        let issuers = settings.issuers.into_iter();
        let issuers = issuers.map(|issuer| (issuer.issuer.clone(), Issuer::new(issuer, clock.clone())));
        Ok(Self {
            shared: Arc::new(Shared {
                identities,
                issuers: issuers.collect(),
                certificates: settings.certificates,
                signing_region: settings.signing_region,
                signing_keys: signed::SigningKeys::new(signed::SIGNING_KEYS_MAX),
                remembered: quick_cache::sync::Cache::new(REMEMBERED_MAX),
            }),
        })
    }

    /// The identities.
    pub fn identities(&self) -> &Identities<E> {
        &self.shared.identities
    }

    /// Reads the keys of issuers for which that is due. A call with a token does so too; calling this now and then
    /// spares calls the waiting.
    pub async fn refresh_issuers(&self) {
        for issuer in self.shared.issuers.values() {
            issuer.refresh_if_due().await;
        }
    }

    /// Who sent a request with this bearer token (the text after `Bearer `), or over a connection with this client
    /// certificate (DER; its chain has been verified, its dates are checked here again). A token counts before a
    /// certificate, and a bad token is not made good by a certificate.
    pub async fn authenticate(
        &self,
        bearer: Option<&str>,
        certificate: Option<&[u8]>,
    ) -> Result<Principal, AuthenticationError> {
        match (bearer, certificate) {
            (Some(bearer), _) => self.by_bearer(bearer).await,
            (None, Some(certificate)) if !self.shared.certificates.is_empty() => {
                self.by_certificate(certificate)
            }
            (None, _) => Err(AuthenticationError::Missing),
        }
    }

    async fn by_bearer(&self, bearer: &str) -> Result<Principal, AuthenticationError> {
        if bearer.len() > BEARER_MAX {
            return Err(AuthenticationError::Incomplete("the token is too long"));
        }
        if bearer.starts_with(JWT_PREFIX) {
            return self.by_jwt(bearer).await;
        }
        let form =
            AuthenticationError::Incomplete("the token is neither an access key with its secret nor a JWT");
        let Some((id, rest)) = bearer.split_once('.') else { return Err(form) };
        if !id.starts_with(SESSION_KEY_PREFIX) {
            return self.shared.identities.principal_by_key(id, rest);
        }
        let known = (Kind::Session, digest(bearer.as_bytes()));
        if let Some(remembered) = self.shared.remembered.get(&known) {
            return self.recall(&remembered);
        }
        let Some((secret, token)) = rest.split_once('.') else {
            return Err(AuthenticationError::Incomplete("a session's access key needs its session token"));
        };
        let session = self.shared.identities.genuine_session(id, secret, token)?;
        self.remember(known, Proof::Session(session))
    }

    async fn by_jwt(&self, token: &str) -> Result<Principal, AuthenticationError> {
        let known = (Kind::Jwt, digest(token.as_bytes()));
        if let Some(remembered) = self.shared.remembered.get(&known)
            && let Proof::Jwt { issuer, generation, claims } = &remembered.proof
        {
            issuer.refresh_if_due().await;
            if issuer.generation() == *generation {
                issuer.check_times(claims)?;
                return self.recall(&remembered);
            }
            // With new keys comes a new check: the key may be one that was withdrawn.
            self.shared.remembered.remove(&known);
        }
        let token = Unverified::read(token)?;
        let issuer = token.issuer().and_then(|issuer| self.shared.issuers.get(issuer));
        let issuer = issuer.ok_or(AuthenticationError::UnrecognizedClient(Reason::UnknownIssuer))?;
        let (mut claims, generation) = token.verify(issuer).await?;
        // What nobody will look at is not remembered.
        claims.all.retain(|claim, _| issuer.settings.looks_at(claim));
        self.remember(known, Proof::Jwt { issuer: issuer.clone(), generation, claims })
    }

    fn by_certificate(&self, der: &[u8]) -> Result<Principal, AuthenticationError> {
        let known = (Kind::Certificate, digest(der));
        match self.shared.remembered.get(&known) {
            Some(remembered) => self.recall(&remembered),
            None => self.remember(known, Proof::Certificate(ClientCertificate::read(der)?)),
        }
    }

    fn remember(&self, known: (Kind, Digest), proof: Proof) -> Result<Principal, AuthenticationError> {
        let remembered = Arc::new(Remembered { proof, principal: ArcSwapOption::empty() });
        let principal = self.recall(&remembered)?;
        self.shared.remembered.insert(known, remembered);
        Ok(principal)
    }

    /// Whom a genuine credential stands for now.
    fn recall(&self, remembered: &Remembered) -> Result<Principal, AuthenticationError> {
        let identities = &self.shared.identities;
        let now = identities.now();
        if let Proof::Certificate(certificate) = &remembered.proof {
            certificate.check_times(now.as_second())?;
        }
        // Taken before the principal is made: a change meanwhile makes the principal one of the past.
        let revision = identities.revision();
        if let Some(known) = &*remembered.principal.load()
            && known.0 == revision
        {
            return match known.1.expires_at() {
                Some(end) if end <= now => Err(AuthenticationError::Expired),
                _ => Ok(known.1.clone()),
            };
        }
        let principal = match &remembered.proof {
            Proof::Session(session) => identities.session(session)?,
            Proof::Jwt { issuer, claims, .. } => self.claimed(issuer, claims)?,
            Proof::Certificate(certificate) => self.certified(certificate)?,
        };
        remembered.principal.store(Some(Arc::new((revision, principal.clone()))));
        Ok(principal)
    }

    /// Whom a token of an issuer stands for.
    fn claimed(&self, issuer: &Issuer, claims: &Claims) -> Result<Principal, AuthenticationError> {
        let rule = issuer.settings.rules.iter().find(|rule| rule.fits(claims));
        let rule = rule.ok_or(AuthenticationError::NotAuthorized {
            action: "sts:AssumeRoleWithWebIdentity",
            reason: Reason::NoRule,
        })?;
        let expires_at = Some(timestamp(issuer.end(claims))?);
        let mut keys = Keys::new();
        let prefix = issuer.settings.key_prefix();
        for claim in issuer.settings.claims.iter().map(String::as_str).chain(["sub", "aud"]) {
            let found = claims.all.get(claim);
            let value = match (found, jwt::texts(found)) {
                (Some(serde_json::Value::Array(_)), texts) => Value::Many(texts),
                (_, texts) => match texts.into_iter().next() {
                    Some(text) => Value::One(text),
                    None => continue,
                },
            };
            keys.insert(format!("{prefix}:{}", claim.to_lowercase()), value);
        }
        // Policies compare the audience with one value: the one by which the token was accepted.
        let audience = jwt::texts(claims.all.get("aud"));
        let audience = audience.into_iter().find(|audience| issuer.settings.audiences.contains(audience));
        keys.extend(audience.map(|audience| (format!("{prefix}:aud"), Value::One(audience))));
        keys.insert("aws:federatedprovider".to_owned(), Value::One(issuer.settings.issuer.clone()));
        if let Some(issued) = claims.issued {
            keys.insert("aws:tokenissuetime".to_owned(), Value::One(timestamp(issued)?.to_string()));
        }
        let session = |role: &str| SessionParts {
            role: role.to_owned(),
            role_id: None,
            name: session_name(&claims.subject),
            expires_at,
            policy: None,
            issuer: Some(issuer.settings.issuer.clone()),
            keys: keys.clone(),
        };
        match (&rule.role, &rule.user) {
            (Some(role), _) => {
                self.shared.identities.federated_session(session(role), &issuer.settings.issuer)
            }
            (None, Some(user)) => self.shared.identities.vouched_user(user, expires_at, keys),
            (None, None) => Err(AuthenticationError::UnrecognizedClient(Reason::NoRule)),
        }
    }

    /// Whom a client certificate stands for.
    fn certified(&self, certificate: &ClientCertificate) -> Result<Principal, AuthenticationError> {
        let found = self.shared.certificates.iter().find_map(|rule| {
            let name = certificate.names.iter().find(|(kind, name)| rule.fits(*kind, name));
            name.map(|(_, name)| (rule, name))
        });
        let (rule, name) = found.ok_or(AuthenticationError::UnrecognizedClient(Reason::NoRule))?;
        // The certificate's last second belongs to its time.
        let expires_at = Some(timestamp(certificate.not_after.saturating_add(1))?);
        let keys = Keys::from([("aws:principalsan".to_owned(), Value::One(name.clone()))]);
        match (&rule.role, &rule.user) {
            (Some(role), _) => self.shared.identities.begun_session(SessionParts {
                role: role.clone(),
                role_id: None,
                name: session_name(name),
                expires_at,
                policy: None,
                issuer: None,
                keys,
            }),
            (None, Some(user)) => self.shared.identities.vouched_user(user, expires_at, keys),
            (None, None) => Err(AuthenticationError::UnrecognizedClient(Reason::NoRule)),
        }
    }
}

impl ClaimRule {
    fn fits(&self, claims: &Claims) -> bool {
        self.claims
            .iter()
            .all(|(claim, pattern)| jwt::texts(claims.all.get(claim)).iter().any(|text| fits(pattern, text)))
    }
}

impl CertificateRule {
    fn fits(&self, kind: SanKind, name: &str) -> bool {
        self.san == kind && fits(&self.pattern, name)
    }
}

fn timestamp(seconds: i64) -> Result<Timestamp, AuthenticationError> {
    Timestamp::from_second(seconds).map_err(|_| AuthenticationError::UnrecognizedClient(Reason::Claims))
}

/// The name of the session of a subject, whose characters or length may not be those of a session name. Subjects do
/// not share names: `:` and `/` become `=` and `,`; if anything else has to change, a digest of the subject is added.
fn session_name(subject: &str) -> String {
    const DIGEST_CHARACTERS: usize = 17;
    let plain = |c: char| is_name_character(c) && c != '=' && c != ',' && c != '+';
    let mapped = |c: char| match c {
        ':' => '=',
        '/' => ',',
        c if plain(c) => c,
        _ => '_',
    };
    let faithful = subject.len() <= SESSION_NAME_MAX
        && subject.len() > 1
        && subject.chars().all(|c| plain(c) || c == ':' || c == '/');
    if faithful {
        return subject.chars().map(mapped).collect();
    }
    // No faithful name has a plus sign in it.
    let shown: String = subject.chars().take(SESSION_NAME_MAX - DIGEST_CHARACTERS).map(mapped).collect();
    let digest = digest(subject.as_bytes());
    let digest: String =
        digest.iter().take((DIGEST_CHARACTERS - 1) / 2).map(|byte| format!("{byte:02x}")).collect();
    format!("{shown}+{digest}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::names::check_session_name;

    #[test]
    fn subjects_do_not_share_session_names() {
        assert_eq!(session_name("system:serviceaccount:shop:orders"), "system=serviceaccount=shop=orders");
        let long = "a".repeat(65);
        let other = format!("{}b", "a".repeat(64));
        let subjects = ["a:b", "a=b", "a b", "a_b", "a/b", "a,b", "a+b", "ab", "a", &long, &other, "ü", "😀"];
        let names: std::collections::HashSet<_> =
            subjects.iter().map(|subject| session_name(subject)).collect();
        assert_eq!(names.len(), subjects.len(), "{names:?}");
        for name in names {
            check_session_name("session", &name).expect("a session name");
        }
    }
}
