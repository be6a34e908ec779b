//! All identities in memory, with their policies compiled, at one revision.
//!
//! An image never changes: a change makes the next one beside it, which shares all that stays the same. What is
//! computed from an entry when first needed (its policy set, its principal) is kept in the entry, and an entry is
//! replaced when anything that went into those changes.

use super::record::{
    Change, Grants, GroupRecord, KeyRecord, LastUsed, PolicyRecord, Record, RecordKind, RoleRecord, State,
    UserRecord, decode, unreadable,
};
use crate::built_in::BUILT_IN;
use crate::encryption::Digest;
use crate::names::{PolicyRef, folded};
use crate::{IdentityError, Principal};
use bytes::Bytes;
use cairn_policy::{Policy, PolicyKind, PolicyName, PolicySet};
use rpds::RedBlackTreeMapSync;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, OnceLock};

type Result<T, E = IdentityError> = std::result::Result<T, E>;
type Map<T> = RedBlackTreeMapSync<String, Arc<T>>;

/// All identities at one revision.
#[derive(Clone)]
pub(crate) struct Image {
    pub(super) revision: u64,
    pub(super) users: Map<UserEntry>,
    pub(super) groups: Map<GroupEntry>,
    pub(super) roles: Map<RoleEntry>,
    pub(super) policies: Map<PolicyEntry>,
    pub(super) keys: Map<KeyEntry>,
    pub(super) root: Option<Arc<KeyEntry>>,
    pub(super) key_check: Option<super::record::KeyCheck>,
    built_in: Arc<Vec<(PolicyRef, Policy)>>,
}

pub(crate) struct UserEntry {
    pub(super) record: Arc<UserRecord>,
    inline: Arc<[(PolicyName, Policy)]>,
    set: OnceLock<Arc<PolicySet>>,
}

pub(super) struct GroupEntry {
    pub(super) record: Arc<GroupRecord>,
    inline: Arc<[(PolicyName, Policy)]>,
}

pub(crate) struct RoleEntry {
    pub(super) record: Arc<RoleRecord>,
    pub(super) trust: Policy,
    inline: Arc<[(PolicyName, Policy)]>,
    set: OnceLock<Arc<PolicySet>>,
}

pub(super) struct PolicyEntry {
    pub(super) record: PolicyRecord,
    policy: Policy,
}

pub(super) struct KeyEntry {
    pub(super) record: Arc<KeyRecord>,
    pub(super) use_: Arc<KeyUse>,
    pub(super) principal: OnceLock<Principal>,
}

/// When an access key was used, in seconds since 1970; 0 for never.
#[derive(Default)]
pub(super) struct KeyUse {
    pub(super) seen: AtomicI64,
    pub(super) written: AtomicI64,
}

impl Image {
    pub(super) fn empty() -> Result<Self> {
        let built_in = BUILT_IN.iter().map(|built_in| {
            let policy = built_in.policy().map_err(IdentityError::MalformedPolicyDocument)?;
            Ok((PolicyRef::of_built_in(built_in.name), policy))
        });
        Ok(Self {
            revision: 0,
            users: Map::new_sync(),
            groups: Map::new_sync(),
            roles: Map::new_sync(),
            policies: Map::new_sync(),
            keys: Map::new_sync(),
            root: None,
            key_check: None,
            built_in: Arc::new(built_in.collect::<Result<_>>()?),
        })
    }

    /// The image of these records. When keys were used is taken over from `before`, where that knows more.
    pub(super) fn load(records: &[(Bytes, Bytes)], before: Option<&Self>) -> Result<Self> {
        let mut image = Self::empty()?;
        let mut last_used = Vec::new();
        for (key, value) in records {
            let kind = key.get(1).copied().and_then(RecordKind::from_byte);
            let name = key.get(2..).and_then(|name| std::str::from_utf8(name).ok()).unwrap_or_default();
            let what = format!("{} {name}", kind.map_or("unknown".to_owned(), |kind| format!("{kind:?}")));
            let record = match kind {
                // Of a later version, which is for that to read.
                None => continue,
                Some(RecordKind::State) => {
                    image.revision = decode::<State>(value, &what)?.revision;
                    continue;
                }
                Some(RecordKind::LastUsed) => {
                    last_used.push((name.to_owned(), decode::<LastUsed>(value, &what)?.at));
                    continue;
                }
                Some(RecordKind::KeyCheck) => Record::KeyCheck(decode(value, &what)?),
                Some(RecordKind::Root) => Record::Root(decode(value, &what)?),
                Some(RecordKind::User) => Record::User(decode(value, &what)?),
                Some(RecordKind::Group) => Record::Group(decode(value, &what)?),
                Some(RecordKind::Role) => Record::Role(decode(value, &what)?),
                Some(RecordKind::Policy) => Record::Policy(decode(value, &what)?),
                Some(RecordKind::AccessKey) => Record::AccessKey(decode(value, &what)?),
            };
            if record.key() != *key {
                return Err(unreadable(what, "it is stored under another's name"));
            }
            image.put(record)?;
        }
        for (id, at) in last_used {
            if let Some(entry) = image.key(&id) {
                entry.use_.seen.store(at, Ordering::Relaxed);
                entry.use_.written.store(at, Ordering::Relaxed);
            }
        }
        if let Some(before) = before {
            image.take_over_uses(before);
        }
        image.check_references()?;
        Ok(image)
    }

    /// A policy that is referred to but not there might have been the one that forbids.
    fn check_references(&self) -> Result<()> {
        let users = self.users.values().map(|user| (&user.record.grants, user.record.boundary.as_ref()));
        let groups = self.groups.values().map(|group| (&group.record.grants, None));
        let roles = self.roles.values().map(|role| (&role.record.grants, role.record.boundary.as_ref()));
        for (grants, boundary) in users.chain(groups).chain(roles) {
            for policy in grants.attached.iter().chain(boundary) {
                if self.policy(policy).is_none() {
                    return Err(unreadable(
                        format!("policy {}", policy.name()),
                        "it is attached but missing",
                    ));
                }
            }
        }
        Ok(())
    }

    fn take_over_uses(&self, before: &Self) {
        for entry in self.keys.values().chain(&self.root) {
            if let Some(known) = before.key(&entry.record.id) {
                let seen = known.use_.seen.load(Ordering::Relaxed);
                entry.use_.seen.fetch_max(seen, Ordering::Relaxed);
            }
        }
    }

    /// The image after these changes.
    pub(super) fn after(&self, changes: &[Change]) -> Result<Self> {
        let mut next = self.clone();
        next.revision += 1;
        for change in changes {
            match change {
                Change::Put(record) => next.put(record.clone())?,
                Change::Remove(kind, name) => next.remove(*kind, name),
            }
        }
        for change in changes {
            match change {
                Change::Put(Record::Group(group)) => next.forget_sets_of_group(&folded(&group.name)),
                Change::Put(Record::Policy(policy)) => {
                    next.forget_sets_with(&PolicyRef::of_account(&policy.name));
                }
                _ => {}
            }
        }
        Ok(next)
    }

    fn put(&mut self, record: Record) -> Result<()> {
        match record {
            Record::KeyCheck(check) => self.key_check = Some(check),
            Record::Root(record) => {
                let use_ = self.root.as_ref().filter(|root| root.record.id == record.id);
                let use_ = use_.map(|root| root.use_.clone()).unwrap_or_default();
                self.root = Some(Arc::new(KeyEntry::new(record.into(), use_)));
            }
            Record::User(record) => {
                for id in &record.access_keys {
                    self.forget_principal(id);
                }
                let inline = compile(&record.grants, PolicyKind::InlineUser)?;
                let entry = UserEntry { inline, record: record.into(), set: OnceLock::new() };
                self.users.insert_mut(folded(&entry.record.name), entry.into());
            }
            Record::Group(record) => {
                let inline = compile(&record.grants, PolicyKind::InlineGroup)?;
                let entry = GroupEntry { inline, record: record.into() };
                self.groups.insert_mut(folded(&entry.record.name), entry.into());
            }
            Record::Role(record) => {
                let trust = Policy::parse(&record.trust_policy, PolicyKind::Trust)
                    .map_err(IdentityError::MalformedPolicyDocument)?;
                let inline = compile(&record.grants, PolicyKind::InlineRole)?;
                let entry = RoleEntry { trust, inline, record: record.into(), set: OnceLock::new() };
                self.roles.insert_mut(folded(&entry.record.name), entry.into());
            }
            Record::Policy(record) => {
                let policy = Policy::parse(&record.document, PolicyKind::Managed)
                    .map_err(IdentityError::MalformedPolicyDocument)?;
                self.policies.insert_mut(folded(&record.name), PolicyEntry { record, policy }.into());
            }
            Record::AccessKey(record) => {
                let use_ = self.keys.get(&record.id).map(|known| known.use_.clone()).unwrap_or_default();
                let entry = KeyEntry::new(record.into(), use_);
                self.keys.insert_mut(entry.record.id.clone(), entry.into());
            }
        }
        Ok(())
    }

    fn remove(&mut self, kind: RecordKind, name: &str) {
        match kind {
            RecordKind::User => drop(self.users.remove_mut(name)),
            RecordKind::Group => drop(self.groups.remove_mut(name)),
            RecordKind::Role => drop(self.roles.remove_mut(name)),
            RecordKind::Policy => drop(self.policies.remove_mut(name)),
            RecordKind::AccessKey => drop(self.keys.remove_mut(name)),
            RecordKind::State | RecordKind::KeyCheck | RecordKind::Root | RecordKind::LastUsed => {}
        }
    }

    fn forget_principal(&mut self, key_id: &str) {
        if let Some(known) = self.keys.get(key_id) {
            let entry = KeyEntry::new(known.record.clone(), known.use_.clone());
            self.keys.insert_mut(key_id.to_owned(), entry.into());
        }
    }

    fn forget_user_sets(&mut self, concerned: impl Fn(&UserRecord) -> bool) {
        let concerned: Vec<_> = self.users.iter().filter(|(_, user)| concerned(&user.record)).collect();
        let renewed: Vec<_> =
            concerned.into_iter().map(|(name, user)| (name.clone(), user.renewed())).collect();
        for (name, user) in renewed {
            self.users.insert_mut(name, user.into());
        }
    }

    fn forget_sets_of_group(&mut self, group: &str) {
        self.forget_user_sets(|user| user.groups.iter().any(|name| name == group));
    }

    fn forget_sets_with(&mut self, policy: &PolicyRef) {
        let groups: Vec<String> = self
            .groups
            .iter()
            .filter(|(_, group)| group.record.grants.attached.contains(policy))
            .map(|(name, _)| name.clone())
            .collect();
        self.forget_user_sets(|user| {
            user.grants.attached.contains(policy)
                || user.boundary.as_ref() == Some(policy)
                || user.groups.iter().any(|group| groups.contains(group))
        });
        let concerned = |role: &RoleRecord| {
            role.grants.attached.contains(policy) || role.boundary.as_ref() == Some(policy)
        };
        let renewed: Vec<_> = self
            .roles
            .iter()
            .filter(|(_, role)| concerned(&role.record))
            .map(|(name, role)| (name.clone(), role.renewed()))
            .collect();
        for (name, role) in renewed {
            self.roles.insert_mut(name, role.into());
        }
    }

    /// The access key of that id: of a user, or of root.
    pub(super) fn key(&self, id: &str) -> Option<&Arc<KeyEntry>> {
        self.keys.get(id).or_else(|| self.root.as_ref().filter(|root| root.record.id == id))
    }

    /// A managed policy, built in or not.
    pub(super) fn policy(&self, policy: &PolicyRef) -> Option<&Policy> {
        match policy.built_in() {
            Some(_) => self.built_in.iter().find(|(known, _)| known == policy).map(|(_, policy)| policy),
            None => self
                .policies
                .get(&folded(policy.name()))
                .filter(|entry| entry.record.name == policy.name())
                .map(|entry| &entry.policy),
        }
    }

    /// The policies that speak for a user.
    pub(super) fn user_set(&self, user: &UserEntry, arn: impl Fn(&PolicyRef) -> String) -> Arc<PolicySet> {
        let compute = || {
            let mut identity = self.granted(&user.record.grants, &user.inline, &arn);
            for group in user.record.groups.iter().filter_map(|group| self.groups.get(group)) {
                identity.extend(self.granted(&group.record.grants, &group.inline, &arn));
            }
            // Several groups may have the same policy attached.
            let mut seen = std::collections::HashSet::new();
            identity.retain(|(name, _)| !name.starts_with("arn:") || seen.insert(name.clone()));
            Arc::new(PolicySet::new(identity, self.boundary(user.record.boundary.as_ref(), &arn), None))
        };
        user.set.get_or_init(compute).clone()
    }

    /// The policies that speak for any session of a role.
    pub(super) fn role_set(&self, role: &RoleEntry, arn: impl Fn(&PolicyRef) -> String) -> Arc<PolicySet> {
        role.set.get_or_init(|| Arc::new(self.session_set(role, None, arn))).clone()
    }

    /// The policies that speak for a session of a role.
    pub(super) fn session_set(
        &self,
        role: &RoleEntry,
        session: Option<Policy>,
        arn: impl Fn(&PolicyRef) -> String,
    ) -> PolicySet {
        let identity = self.granted(&role.record.grants, &role.inline, &arn);
        PolicySet::new(identity, self.boundary(role.record.boundary.as_ref(), &arn), session)
    }

    fn granted(
        &self,
        grants: &Grants,
        inline: &[(PolicyName, Policy)],
        arn: &impl Fn(&PolicyRef) -> String,
    ) -> Vec<(PolicyName, Policy)> {
        let attached = grants.attached.iter();
        let attached =
            attached.filter_map(|policy| Some((PolicyName::from(arn(policy)), self.policy(policy)?.clone())));
        attached.chain(inline.iter().cloned()).collect()
    }

    fn boundary(
        &self,
        boundary: Option<&PolicyRef>,
        arn: &impl Fn(&PolicyRef) -> String,
    ) -> Option<(PolicyName, Policy)> {
        let boundary = boundary?;
        Some((arn(boundary).into(), self.policy(boundary)?.clone()))
    }
}

impl UserEntry {
    fn renewed(&self) -> Self {
        Self { record: self.record.clone(), inline: self.inline.clone(), set: OnceLock::new() }
    }
}

impl RoleEntry {
    fn renewed(&self) -> Self {
        Self {
            record: self.record.clone(),
            trust: self.trust.clone(),
            inline: self.inline.clone(),
            set: OnceLock::new(),
        }
    }
}

impl KeyEntry {
    fn new(record: Arc<KeyRecord>, use_: Arc<KeyUse>) -> Self {
        Self { record, use_, principal: OnceLock::new() }
    }
}

/// The sets of sessions that have a policy of their own, with the role entry each was made from.
pub(super) type SessionSets = quick_cache::sync::Cache<Digest, (Arc<RoleEntry>, Arc<PolicySet>)>;

fn compile(grants: &Grants, kind: PolicyKind) -> Result<Arc<[(PolicyName, Policy)]>> {
    let compiled = grants.inline.iter().map(|(name, document)| {
        let policy = Policy::parse(document, kind).map_err(IdentityError::MalformedPolicyDocument)?;
        Ok((PolicyName::from(name.as_str()), policy))
    });
    compiled.collect()
}
