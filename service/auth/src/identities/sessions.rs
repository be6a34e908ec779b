//! Sessions of roles. A session is not kept anywhere: everything about it is in its token, sealed under the operator's
//! key, and it ends with its time, or with its role.

use super::callers::{Keys, SessionParts, denied};
use super::{Identities, Result, unrecognized};
use crate::encryption::{Digest, digest};
use crate::names::{self, IdKind, SESSION_SECONDS_DEFAULT, invalid, new_id, new_secret};
use crate::principal::{SessionPolicy, Value};
use crate::{
    AssumeRole, AssumedRole, AuthenticationError, IdentityError, Principal, PrincipalKind, Reason, Secret,
};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use cairn_policy::{Context, ContextValue, Policy, PolicyKind, Question, evaluate_trust};
use cairn_storage::Engine;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::borrow::Cow;
use zeroize::Zeroizing;

const ACTION: &str = "sts:AssumeRole";
/// The largest session token, in characters: that of a session policy of 2,048 characters that all need escaping in
/// JSON would be larger, and is refused when the role is assumed.
const TOKEN_MAX: usize = 6_144;

/// What a session token holds.
#[derive(Serialize, Deserialize)]
struct Token {
    access_key_id: String,
    secret: String,
    role: String,
    role_id: String,
    session: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    policy: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    source_identity: Option<String>,
    /// Seconds since 1970.
    issued: i64,
    /// Seconds since 1970.
    expires: i64,
}

/// A session token that proved genuine, and whose access key and secret came with it.
pub(crate) struct GenuineSession {
    role: String,
    role_id: String,
    session: String,
    policy: Option<SessionPolicy>,
    source_identity: Option<String>,
    issued: Timestamp,
    expires: Timestamp,
}

/// The context of a request to assume a role: what the request says of the session, and all the caller's own keys.
struct AssumeContext<'a> {
    request: &'a AssumeRole,
    caller: &'a Principal,
    context: &'a dyn Context,
}

impl<E: Engine> Identities<E> {
    /// Begins a session of a role: if the role's trust policy, and the caller's own policies where that asks for
    /// them, allow `sts:AssumeRole`. `context` are the request's condition keys; the caller's, `sts:ExternalId`,
    /// `sts:RoleSessionName` and `sts:SourceIdentity` are added here.
    ///
    /// # Errors
    /// [`AssumeRoleDenied`](IdentityError::AssumeRoleDenied) also if there is no such role, so that a caller does not
    /// learn which roles there are.
    pub fn assume_role(
        &self,
        caller: &Principal,
        mut request: AssumeRole,
        context: &dyn Context,
    ) -> Result<AssumedRole> {
        names::check_session_name("session_name", &request.session_name)?;
        if let Some(id) = &request.external_id {
            names::check_external_id(id)?;
        }
        // On whose behalf a session acts is settled when the first is begun, and stays.
        match caller.context_key("aws:sourceidentity") {
            Some(ContextValue::One(known)) => match &request.source_identity {
                Some(asked) if *asked != known => {
                    return invalid(
                        "source_identity",
                        "the calling session has another, which cannot be changed",
                    );
                }
                _ => request.source_identity = Some(known.into_owned()),
            },
            _ => {
                if let Some(identity) = &request.source_identity {
                    names::check_session_name("source_identity", identity)?;
                }
            }
        }
        let policy =
            request.policy.as_deref().map(|text| Policy::parse(text, PolicyKind::Session)).transpose();
        let policy = policy.map_err(IdentityError::MalformedPolicyDocument)?;

        let own = self.policies(caller).map_err(|_| denied(caller, &request.role_arn))?;
        let image = self.image();
        let name = self.shared.arns.name_in("role", &request.role_arn);
        let role = name.and_then(|name| image.role(name).ok());
        let role = role.ok_or_else(|| denied(caller, &request.role_arn))?;
        let question = Question {
            principal: caller.facts(),
            action: ACTION,
            resource: &request.role_arn,
            resource_account: self.account(),
            context: &AssumeContext { request: &request, caller, context },
        };
        // Root needs no policy, so nothing would limit the session but the role: AWS refuses it as well.
        let is_root = caller.kind() == PrincipalKind::Root;
        if is_root || !evaluate_trust(&question, &own, &role.trust).is_allowed() {
            return Err(denied(caller, &request.role_arn));
        }

        let mut longest = role.record.max_session_seconds;
        if caller.kind() == PrincipalKind::Session {
            longest = longest.min(SESSION_SECONDS_DEFAULT);
        }
        let seconds = request.duration_seconds.unwrap_or(longest.min(SESSION_SECONDS_DEFAULT));
        names::check_session_seconds("duration_seconds", seconds)?;
        if seconds > longest {
            return invalid(
                "duration_seconds",
                format!("the longest session of this role is {longest} seconds"),
            );
        }
        let issued = self.now().as_second();
        let expires = issued + i64::from(seconds);

        let token = Token {
            access_key_id: new_id(IdKind::SessionKey)?,
            secret: new_secret()?.expose().to_owned(),
            role: role.record.name.clone(),
            role_id: role.record.id.clone(),
            session: request.session_name,
            policy: request.policy,
            source_identity: request.source_identity,
            issued,
            expires,
        };
        let session_token = self.seal(&token)?;
        if session_token.expose().len() > TOKEN_MAX {
            return invalid("policy", "the session policy has too many characters that take several bytes");
        }
        let opened = digest(session_token.expose().as_bytes());
        let session = GenuineSession::new(&token, policy, opened).ok_or_else(|| {
            IdentityError::InvalidInput { field: "duration_seconds", message: "the clock is off".into() }
        })?;
        let principal = self.session(&session).map_err(|_| denied(caller, &request.role_arn))?;
        Ok(AssumedRole {
            access_key_id: token.access_key_id.clone(),
            secret_access_key: Secret::new(token.secret.clone()),
            session_token,
            expires_at: session.expires,
            principal,
        })
    }

    /// The secret access key of a session, from its token, for the checking of signatures made with it.
    pub fn session_signing_secret(
        &self,
        access_key_id: &str,
        session_token: &str,
    ) -> Result<Secret, AuthenticationError> {
        let token = self.open_token(session_token)?;
        if token.access_key_id != access_key_id {
            return unrecognized(Reason::SessionToken);
        }
        Ok(Secret::new(token.secret.clone()))
    }

    /// The session of a token that came with its access key and secret. Whether it is over is not looked at.
    pub(crate) fn genuine_session(
        &self,
        access_key_id: &str,
        secret: &str,
        session_token: &str,
    ) -> Result<GenuineSession, AuthenticationError> {
        let token = self.open_token(session_token)?;
        if token.access_key_id != access_key_id {
            return unrecognized(Reason::SessionToken);
        }
        if !Secret::new(token.secret.clone()).matches(secret) {
            return Err(AuthenticationError::InvalidSignature);
        }
        let policy = token.policy.as_deref().map(|text| Policy::parse(text, PolicyKind::Session)).transpose();
        let policy = policy.map_err(|error| AuthenticationError::Internal(error.into()))?;
        let session = GenuineSession::new(&token, policy, digest(session_token.as_bytes()));
        session.ok_or(AuthenticationError::UnrecognizedClient(Reason::SessionToken))
    }

    /// The principal of a genuine session, if it is not over and its role is still the same.
    pub(crate) fn session(&self, session: &GenuineSession) -> Result<Principal, AuthenticationError> {
        if session.expires <= self.now() {
            return Err(AuthenticationError::Expired);
        }
        let mut keys = Keys::new();
        keys.insert("aws:tokenissuetime".to_owned(), Value::One(session.issued.to_string()));
        if let Some(identity) = &session.source_identity {
            keys.insert("aws:sourceidentity".to_owned(), Value::One(identity.clone()));
        }
        self.begun_session(SessionParts {
            role: session.role.clone(),
            role_id: Some(session.role_id.clone()),
            name: session.session.clone(),
            expires_at: Some(session.expires),
            policy: session.policy.clone(),
            issuer: None,
            keys,
        })
    }

    fn seal(&self, token: &Token) -> Result<Secret> {
        let unwritable = |source| super::record::unreadable("a session token", source);
        let json = Zeroizing::new(serde_json::to_vec(token).map_err(unwritable)?);
        Ok(Secret::new(URL_SAFE_NO_PAD.encode(self.shared.keys.seal(&json, &self.token_place())?)))
    }

    fn open_token(&self, token: &str) -> Result<Token, AuthenticationError> {
        let refused = || AuthenticationError::UnrecognizedClient(Reason::SessionToken);
        if token.len() > TOKEN_MAX {
            return Err(AuthenticationError::Incomplete("the session token is too long"));
        }
        let sealed = URL_SAFE_NO_PAD.decode(token).map_err(|_| refused())?;
        let json = self.shared.keys.open(&sealed, &self.token_place()).map_err(|_| refused())?;
        serde_json::from_slice(&json).map_err(|_| refused())
    }

    /// What session tokens are bound to: their being session tokens, and the account.
    fn token_place(&self) -> Vec<u8> {
        [b"session token 1\0", self.account().as_bytes()].concat()
    }
}

impl GenuineSession {
    fn new(token: &Token, policy: Option<Policy>, session: Digest) -> Option<Self> {
        Some(Self {
            role: token.role.clone(),
            role_id: token.role_id.clone(),
            session: token.session.clone(),
            policy: policy.map(|policy| SessionPolicy { session, policy }),
            source_identity: token.source_identity.clone(),
            issued: Timestamp::from_second(token.issued).ok()?,
            expires: Timestamp::from_second(token.expires).ok()?,
        })
    }
}

impl Drop for Token {
    fn drop(&mut self) {
        zeroize::Zeroize::zeroize(&mut self.secret);
    }
}

impl Context for AssumeContext<'_> {
    fn get(&self, key: &str) -> Option<ContextValue<'_>> {
        let of_request = match key {
            "sts:externalid" => self.request.external_id.as_deref(),
            "sts:rolesessionname" => Some(self.request.session_name.as_str()),
            "sts:sourceidentity" => self.request.source_identity.as_deref(),
            _ => return self.caller.context_key(key).or_else(|| self.context.get(key)),
        };
        of_request.map(|value| ContextValue::One(Cow::Borrowed(value)))
    }
}
