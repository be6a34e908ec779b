//! Managed policies.

use super::image::{PolicyEntry, RoleEntry, UserEntry};
use super::record::{Change, PolicyRecord, Record, RecordKind};
use super::users::{already_exists, conflict, no_such};
use super::{Identities, Image, Result};
use crate::built_in::{BUILT_IN, BuiltIn};
use crate::names::{self, Arns, IdKind, PolicyRef, folded, invalid, new_id};
use crate::{
    CreatePolicy, EntityKind, IdentityError, Listing, ManagedPolicy, Page, PolicyEntities, PolicyScope,
};
use cairn_policy::{Policy, PolicyKind};
use cairn_storage::Engine;
use jiff::Timestamp;
use std::sync::Arc;

impl<E: Engine> Identities<E> {
    /// Creates a managed policy.
    pub async fn create_policy(&self, request: CreatePolicy) -> Result<ManagedPolicy> {
        names::check_policy_name("policy_name", &request.name)?;
        names::check_description(&request.description)?;
        check_document(&request.document)?;
        let (arns, now) = (self.shared.arns.clone(), self.now());
        self.change(move |image| {
            if image.policies.contains_key(&folded(&request.name)) {
                return already_exists(EntityKind::Policy, &request.name);
            }
            if image.policies.size() >= names::POLICIES_MAX {
                let limit = names::POLICIES_MAX;
                return Err(IdentityError::LimitExceeded { quota: "PoliciesPerAccount", limit });
            }
            let record = PolicyRecord {
                name: request.name.clone(),
                id: new_id(IdKind::Policy)?,
                description: request.description.clone(),
                document: request.document.clone(),
                revision: 1,
                created: now,
                updated: now,
            };
            let policy = image.shown_policy(&arns, &record);
            Ok((vec![Change::Put(Record::Policy(record))], policy))
        })
        .await
    }

    /// The managed policy with that ARN.
    pub fn get_policy(&self, arn: &str) -> Result<ManagedPolicy> {
        let (image, arns) = (self.image(), &self.shared.arns);
        let policy = image.existing_policy(arns, arn)?;
        match BUILT_IN.iter().find(|built_in| policy.built_in() == Some(built_in.name)) {
            Some(built_in) => Ok(image.shown_built_in(arns, built_in)),
            None => Ok(image.shown_policy(arns, &image.policy_entry(arns, arn)?.record)),
        }
    }

    /// The managed policies: first those that come with Cairn, then the account's, each by name.
    pub fn list_policies(&self, scope: PolicyScope, page: &Page) -> Result<Listing<ManagedPolicy>> {
        let (image, arns) = (self.image(), &self.shared.arns);
        let limit = names::page_limit(page.limit)?;
        let built_in = BUILT_IN.iter().filter(|_| scope != PolicyScope::Local);
        let built_in = built_in.map(|built_in| PolicyRef::of_built_in(built_in.name));
        let local = image.policies.values().filter(|_| scope != PolicyScope::BuiltIn);
        let local = local.map(|entry| PolicyRef::of_account(&entry.record.name));
        let marker = |policy: &PolicyRef| (policy.built_in().is_none(), folded(policy.name()));
        // The marker is the ARN, which tells a built-in policy from one of the account.
        let after = page.after.as_deref().map(|arn| match arns.policy_in(arn) {
            Some(policy) => Ok(marker(&policy)),
            None => invalid("marker", "it is not one that a listing gave"),
        });
        let after = after.transpose()?;
        let mut wanted =
            built_in.chain(local).filter(|policy| after.as_ref().is_none_or(|after| marker(policy) > *after));
        let given: Vec<PolicyRef> = wanted.by_ref().take(limit).collect();
        let next = given.last().filter(|_| wanted.next().is_some()).map(|policy| arns.policy(policy));
        let items = given.iter().map(|policy| self.get_policy(&arns.policy(policy)));
        Ok(Listing { items: items.filter_map(Result::ok).collect(), next })
    }

    /// What a managed policy is attached to, and whose boundary it is.
    pub fn list_entities_for_policy(&self, arn: &str) -> Result<PolicyEntities> {
        let image = self.image();
        Ok(image.entities(&image.existing_policy(&self.shared.arns, arn)?))
    }

    /// Replaces a managed policy's document; if `expected_revision` is given, only from that revision. The change
    /// applies to the next call of everyone the policy speaks for.
    pub async fn update_policy(
        &self,
        arn: &str,
        document: &str,
        expected_revision: Option<u64>,
    ) -> Result<ManagedPolicy> {
        check_document(document)?;
        let (arn, document) = (arn.to_owned(), document.to_owned());
        let (arns, now) = (self.shared.arns.clone(), self.now());
        self.change(move |image| {
            let mut record = image.policy_entry(&arns, &arn)?.record.clone();
            if let Some(expected) = expected_revision.filter(|expected| *expected != record.revision) {
                return Err(IdentityError::RevisionConflict { expected, found: record.revision });
            }
            record.document.clone_from(&document);
            record.revision += 1;
            record.updated = now;
            let policy = image.shown_policy(&arns, &record);
            Ok((vec![Change::Put(Record::Policy(record))], policy))
        })
        .await
    }

    /// Deletes a managed policy that is attached to nothing.
    pub async fn delete_policy(&self, arn: &str) -> Result<()> {
        let (arn, arns) = (arn.to_owned(), self.shared.arns.clone());
        self.change(move |image| {
            let name = &image.policy_entry(&arns, &arn)?.record.name;
            let (attachments, boundary_uses) = image.entities(&PolicyRef::of_account(name)).counts();
            let remedies = [
                (attachments > 0, "detach the policy from all entities"),
                (boundary_uses > 0, "remove the policy as permissions boundary"),
            ];
            conflict(&remedies)?;
            Ok((vec![Change::Remove(RecordKind::Policy, folded(name))], ()))
        })
        .await
    }
}

impl PolicyEntities {
    fn counts(&self) -> (usize, usize) {
        (
            self.users.len() + self.groups.len() + self.roles.len(),
            self.boundary_of_users.len() + self.boundary_of_roles.len(),
        )
    }
}

impl Image {
    /// The policy that an ARN names, if there is such a policy.
    pub(super) fn existing_policy(&self, arns: &Arns, arn: &str) -> Result<PolicyRef> {
        let policy = arns.policy_in(arn).filter(|policy| self.policy(policy).is_some());
        policy.ok_or_else(|| no_such(EntityKind::Policy, arn))
    }

    /// A policy of the account, which unlike a built-in one can be changed.
    fn policy_entry(&self, arns: &Arns, arn: &str) -> Result<&Arc<PolicyEntry>> {
        let policy = self.existing_policy(arns, arn)?;
        if policy.built_in().is_some() {
            return invalid("policy_arn", "a policy that comes with Cairn cannot be changed or deleted");
        }
        self.policies.get(&folded(policy.name())).ok_or_else(|| no_such(EntityKind::Policy, arn))
    }

    fn entities(&self, policy: &PolicyRef) -> PolicyEntities {
        let users = |concerned: fn(&UserEntry, &PolicyRef) -> bool| {
            let users = self.users.values().filter(|user| concerned(user, policy));
            users.map(|user| user.record.name.clone()).collect()
        };
        let roles = |concerned: fn(&RoleEntry, &PolicyRef) -> bool| {
            let roles = self.roles.values().filter(|role| concerned(role, policy));
            roles.map(|role| role.record.name.clone()).collect()
        };
        let groups = self.groups.values().filter(|group| group.record.grants.attached.contains(policy));
        PolicyEntities {
            users: users(|user, policy| user.record.grants.attached.contains(policy)),
            groups: groups.map(|group| group.record.name.clone()).collect(),
            roles: roles(|role, policy| role.record.grants.attached.contains(policy)),
            boundary_of_users: users(|user, policy| user.record.boundary.as_ref() == Some(policy)),
            boundary_of_roles: roles(|role, policy| role.record.boundary.as_ref() == Some(policy)),
        }
    }

    fn shown_policy(&self, arns: &Arns, record: &PolicyRecord) -> ManagedPolicy {
        let policy = PolicyRef::of_account(&record.name);
        let (attachments, boundary_uses) = self.entities(&policy).counts();
        ManagedPolicy {
            name: record.name.clone(),
            id: record.id.clone(),
            arn: arns.policy(&policy),
            description: record.description.clone(),
            document: record.document.clone(),
            revision: record.revision,
            created: record.created,
            updated: record.updated,
            attachments,
            boundary_uses,
            built_in: false,
        }
    }

    fn shown_built_in(&self, arns: &Arns, built_in: &BuiltIn) -> ManagedPolicy {
        let policy = PolicyRef::of_built_in(built_in.name);
        let (attachments, boundary_uses) = self.entities(&policy).counts();
        ManagedPolicy {
            name: built_in.name.to_owned(),
            id: built_in.name.to_owned(),
            arn: arns.policy(&policy),
            description: built_in.description.to_owned(),
            document: built_in.document.to_owned(),
            revision: 1,
            created: Timestamp::UNIX_EPOCH,
            updated: Timestamp::UNIX_EPOCH,
            attachments,
            boundary_uses,
            built_in: true,
        }
    }
}

fn check_document(document: &str) -> Result<()> {
    Policy::parse(document, PolicyKind::Managed).map(drop).map_err(IdentityError::MalformedPolicyDocument)
}
