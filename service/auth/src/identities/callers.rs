//! From what a credential proves to a principal, and from a principal to the policies that speak for it now.

use super::image::{Image, KeyEntry, RoleEntry, UserEntry};
use super::{Identities, Result, unrecognized};
use crate::names::{check_session_name, folded, invalid};
use crate::principal::{Basis, Parts, SessionPolicy, Value};
use crate::{
    AuthenticationError, CallerIdentity, IdentityError, KeyStatus, Principal, PrincipalKind, Reason, Tags,
};
use cairn_policy::{PolicySet, PrincipalFacts, Question, evaluate_trust};
use cairn_storage::Engine;
use jiff::Timestamp;
use std::collections::BTreeMap;
use std::sync::Arc;

/// The session in a principal made for a question about a role.
const SIMULATED_SESSION: &str = "simulated";
const PRINCIPAL_TAG: &str = "aws:principaltag/";

/// Condition keys by lower-cased name.
pub(crate) type Keys = BTreeMap<String, Value>;

/// A session of a role, as whatever began it describes it.
pub(crate) struct SessionParts {
    pub(crate) role: String,
    /// The id the role must have, if the session was begun with a role of a certain id.
    pub(crate) role_id: Option<String>,
    pub(crate) name: String,
    pub(crate) expires_at: Option<Timestamp>,
    pub(crate) policy: Option<SessionPolicy>,
    pub(crate) issuer: Option<String>,
    /// Condition keys that come from the credential.
    pub(crate) keys: Keys,
}

impl<E: Engine> Identities<E> {
    /// The policies that speak for a principal now. The answer is the same `Arc` until something about it changes.
    ///
    /// # Errors
    /// [`UnrecognizedClient`](AuthenticationError::UnrecognizedClient) if the user or role no longer exists (or is
    /// another of the same name), or the access key is inactive, deleted or replaced;
    /// [`Expired`](AuthenticationError::Expired) if the session is over.
    pub fn policies(&self, principal: &Principal) -> Result<Arc<PolicySet>, AuthenticationError> {
        let parts = principal.parts();
        if parts.expires_at.is_some_and(|end| end <= self.now()) {
            return Err(AuthenticationError::Expired);
        }
        let image = self.shared.image.load();
        let arns = &self.shared.arns;
        match &parts.basis {
            Basis::Root { access_key_id } => {
                // A principal that is known without a key depends on none.
                let current = access_key_id
                    .as_ref()
                    .is_none_or(|id| image.root.as_ref().is_some_and(|root| root.record.id == *id));
                if !current {
                    return unrecognized(Reason::UnknownKey);
                }
                Ok(self.shared.root_set.clone())
            }
            Basis::User { name, id, access_key_id } => {
                let user = image.same_user(name, id)?;
                if let Some(key) = access_key_id {
                    image.check_usable(key, name)?;
                }
                Ok(image.user_set(user, |policy| arns.policy(policy)))
            }
            Basis::Session { role_name, role_id, policy, .. } => {
                let role = image.same_role(role_name, Some(role_id))?;
                let Some(session) = policy else {
                    return Ok(image.role_set(role, |policy| arns.policy(policy)));
                };
                if let Some((made_from, set)) = self.shared.session_sets.get(&session.session)
                    && Arc::ptr_eq(&made_from, role)
                {
                    return Ok(set);
                }
                let set = image.session_set(role, Some(session.policy.clone()), |policy| arns.policy(policy));
                let set = Arc::new(set);
                self.shared.session_sets.insert(session.session, (role.clone(), set.clone()));
                Ok(set)
            }
        }
    }

    /// The same principal with the tags that its user or role has now: for a stream that goes on after a change.
    pub fn renew(&self, principal: &Principal) -> Result<Principal, AuthenticationError> {
        self.policies(principal)?;
        let parts = principal.parts();
        let image = self.image();
        let tags = match &parts.basis {
            Basis::Root { .. } => return Ok(principal.clone()),
            Basis::User { name, id, .. } => &image.same_user(name, id)?.record.tags,
            Basis::Session { role_name, role_id, .. } => {
                &image.same_role(role_name, Some(role_id))?.record.tags
            }
        };
        let mut keys = parts.keys.clone();
        keys.retain(|key, _| !key.starts_with(PRINCIPAL_TAG));
        keys.extend(tag_keys(tags));
        Ok(Principal::new(Parts {
            kind: parts.kind,
            facts: parts.facts.clone(),
            basis: parts.basis.clone(),
            expires_at: parts.expires_at,
            keys,
        }))
    }

    /// A principal to ask questions about: of the ARN of root, a user, a role, or a session of a role. It has not
    /// proved anything, so it is not to be let in.
    pub fn principal_for(&self, arn: &str) -> Result<Principal> {
        let (image, arns) = (self.image(), &self.shared.arns);
        if arn == arns.root() {
            return Ok(self.root_principal(None));
        }
        if let Some(name) = arns.name_in("user", arn) {
            return Ok(self.user_principal(image.user(name)?, None, None, Keys::new()));
        }
        let session = match arns.name_in("role", arn) {
            Some(role) => Some((role, SIMULATED_SESSION)),
            None => arns.session_in(arn),
        };
        let Some((role, session)) = session else {
            return invalid(
                "principal_arn",
                "it must be the ARN of root, a user, a role or a session in this account",
            );
        };
        check_session_name("principal_arn", session)?;
        let parts = SessionParts {
            role: role.to_owned(),
            role_id: None,
            name: session.to_owned(),
            expires_at: None,
            policy: None,
            issuer: None,
            keys: Keys::new(),
        };
        Ok(self.session_principal(image.role(role)?, parts))
    }

    /// Who a caller is.
    pub fn get_caller_identity(&self, principal: &Principal) -> CallerIdentity {
        CallerIdentity {
            account: principal.facts().account.clone(),
            arn: principal.arn().to_owned(),
            user_id: principal.user_id().to_owned(),
        }
    }

    pub(super) fn key_principal(
        &self,
        image: &Image,
        key: &KeyEntry,
    ) -> Result<Principal, AuthenticationError> {
        match &key.record.user {
            None => Ok(self.root_principal(Some(&key.record.id))),
            Some(user) => match image.users.get(user) {
                Some(user) => Ok(self.user_principal(user, Some(&key.record.id), None, Keys::new())),
                None => unrecognized(Reason::UserGone),
            },
        }
    }

    fn root_principal(&self, access_key_id: Option<&str>) -> Principal {
        let arns = &self.shared.arns;
        let facts = PrincipalFacts {
            arn: arns.root(),
            account: arns.account.clone(),
            is_root: true,
            ..PrincipalFacts::default()
        };
        let keys = common_keys(&facts.arn, &facts.account, "Account", &facts.account);
        Principal::new(Parts {
            kind: PrincipalKind::Root,
            basis: Basis::Root { access_key_id: access_key_id.map(str::to_owned) },
            expires_at: None,
            facts,
            keys: keys.into(),
        })
    }

    fn user_principal(
        &self,
        user: &UserEntry,
        access_key_id: Option<&str>,
        expires_at: Option<Timestamp>,
        keys: Keys,
    ) -> Principal {
        let (arns, user) = (&self.shared.arns, &user.record);
        let facts = PrincipalFacts {
            arn: arns.user(&user.name),
            account: arns.account.clone(),
            ..PrincipalFacts::default()
        };
        // What the store says comes last: no claim of a token can stand in for it.
        let mut all = keys;
        all.extend(common_keys(&facts.arn, &facts.account, "User", &user.id));
        all.insert("aws:username".to_owned(), Value::One(user.name.clone()));
        all.extend(tag_keys(&user.tags));
        Principal::new(Parts {
            kind: PrincipalKind::User,
            basis: Basis::User {
                name: folded(&user.name),
                id: user.id.clone(),
                access_key_id: access_key_id.map(str::to_owned),
            },
            expires_at,
            facts,
            keys: all,
        })
    }

    fn session_principal(&self, role: &RoleEntry, session: SessionParts) -> Principal {
        let (arns, role) = (&self.shared.arns, &role.record);
        let role_arn = arns.role(&role.name);
        let mut keys = session.keys;
        let user_id = format!("{}:{}", role.id, session.name);
        keys.extend(common_keys(&role_arn, &arns.account, "AssumedRole", &user_id));
        keys.extend(tag_keys(&role.tags));
        let facts = PrincipalFacts {
            arn: arns.session(&role.name, &session.name),
            account: arns.account.clone(),
            named_as: vec![role_arn],
            ..PrincipalFacts::default()
        };
        Principal::new(Parts {
            kind: PrincipalKind::Session,
            basis: Basis::Session {
                role_name: folded(&role.name),
                role_id: role.id.clone(),
                policy: session.policy,
                issuer: session.issuer,
            },
            expires_at: session.expires_at,
            facts,
            keys,
        })
    }

    /// The principal of a session of a role that is known to be rightly begun.
    pub(crate) fn begun_session(&self, session: SessionParts) -> Result<Principal, AuthenticationError> {
        let image = self.image();
        let role = image.same_role(&folded(&session.role), session.role_id.as_deref())?;
        Ok(self.session_principal(role, session))
    }

    /// The principal of a session that an identity provider's token asks for, if the role trusts the provider.
    pub(crate) fn federated_session(
        &self,
        session: SessionParts,
        issuer: &str,
    ) -> Result<Principal, AuthenticationError> {
        const ACTION: &str = "sts:AssumeRoleWithWebIdentity";
        let (image, arns) = (self.image(), &self.shared.arns);
        let refused = |reason| AuthenticationError::NotAuthorized { action: ACTION, reason };
        let role = image.same_role(&folded(&session.role), None).map_err(|_| refused(Reason::RoleGone))?;
        // Before it has the role's session the caller is of no account, and has no name but its provider's word.
        let facts = PrincipalFacts { federated: vec![issuer.to_owned()], ..PrincipalFacts::default() };
        let question = Question {
            principal: &facts,
            action: ACTION,
            resource: &arns.role(&role.record.name),
            resource_account: &arns.account,
            context: &KeysContext(&session.keys),
        };
        if !evaluate_trust(&question, &PolicySet::default(), &role.trust).is_allowed() {
            return Err(refused(Reason::NotTrusted));
        }
        Ok(self.session_principal(role, session))
    }

    /// The principal of a user that somebody else vouches for.
    pub(crate) fn vouched_user(
        &self,
        name: &str,
        expires_at: Option<Timestamp>,
        keys: Keys,
    ) -> Result<Principal, AuthenticationError> {
        let image = self.image();
        match image.users.get(&folded(name)) {
            Some(user) => Ok(self.user_principal(user, None, expires_at, keys)),
            None => unrecognized(Reason::UserGone),
        }
    }
}

impl Image {
    fn same_user(&self, folded_name: &str, id: &str) -> Result<&Arc<UserEntry>, AuthenticationError> {
        match self.users.get(folded_name).filter(|user| user.record.id == id) {
            Some(user) => Ok(user),
            None => unrecognized(Reason::UserGone),
        }
    }

    fn same_role(&self, folded_name: &str, id: Option<&str>) -> Result<&Arc<RoleEntry>, AuthenticationError> {
        let role = self.roles.get(folded_name);
        match role.filter(|role| id.is_none_or(|id| role.record.id == id)) {
            Some(role) => Ok(role),
            None => unrecognized(Reason::RoleGone),
        }
    }

    fn check_usable(&self, key: &str, user: &str) -> Result<(), AuthenticationError> {
        match self.keys.get(key).filter(|key| key.record.user.as_deref() == Some(user)) {
            None => unrecognized(Reason::UnknownKey),
            Some(key) if key.record.status != KeyStatus::Active => unrecognized(Reason::InactiveKey),
            Some(_) => Ok(()),
        }
    }
}

/// A context of these keys alone.
pub(super) struct KeysContext<'a>(pub(super) &'a Keys);

impl cairn_policy::Context for KeysContext<'_> {
    fn get(&self, key: &str) -> Option<cairn_policy::ContextValue<'_>> {
        self.0.get(key).map(Value::shown)
    }
}

fn common_keys(principal_arn: &str, account: &str, kind: &str, user_id: &str) -> [(String, Value); 4] {
    let key = |key: &str, value: &str| (key.to_owned(), Value::One(value.to_owned()));
    [
        key("aws:principalarn", principal_arn),
        key("aws:principalaccount", account),
        key("aws:principaltype", kind),
        key("aws:userid", user_id),
    ]
}

fn tag_keys(tags: &Tags) -> impl Iterator<Item = (String, Value)> {
    tags.iter()
        .map(|(key, value)| (format!("{PRINCIPAL_TAG}{}", key.to_lowercase()), Value::One(value.clone())))
}

/// Why a session may not be begun.
pub(super) fn denied(caller: &Principal, role_arn: &str) -> IdentityError {
    IdentityError::AssumeRoleDenied {
        caller: caller.arn().to_owned(),
        action: "sts:AssumeRole",
        role: role_arn.chars().take(256).collect(),
    }
}
