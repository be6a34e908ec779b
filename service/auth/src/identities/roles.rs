//! Roles.

use super::image::RoleEntry;
use super::record::{Change, Record, RecordKind, RoleRecord};
use super::users::{already_exists, conflict, no_such};
use super::{Identities, Image, Result, page};
use crate::names::{self, Arns, IdKind, folded, new_id};
use crate::{CreateRole, EntityKind, IdentityError, Listing, Page, Role, UpdateRole};
use cairn_policy::{Policy, PolicyKind};
use cairn_storage::Engine;
use std::sync::Arc;

impl<E: Engine> Identities<E> {
    /// Creates a role.
    pub async fn create_role(&self, request: CreateRole) -> Result<Role> {
        names::check_user_name("role_name", &request.name)?;
        names::check_description(&request.description)?;
        names::check_tags(&request.tags)?;
        let max_session_seconds = request.max_session_seconds.unwrap_or(names::SESSION_SECONDS_DEFAULT);
        names::check_session_seconds("max_session_seconds", max_session_seconds)?;
        check_trust(&request.trust_policy)?;
        let (arns, now) = (self.shared.arns.clone(), self.now());
        self.change(move |image| {
            if image.roles.contains_key(&folded(&request.name)) {
                return already_exists(EntityKind::Role, &request.name);
            }
            if image.roles.size() >= names::ROLES_MAX {
                return Err(IdentityError::LimitExceeded {
                    quota: "RolesPerAccount",
                    limit: names::ROLES_MAX,
                });
            }
            let boundary = request.permissions_boundary.as_deref();
            let boundary = boundary.map(|arn| image.existing_policy(&arns, arn)).transpose()?;
            let record = RoleRecord {
                name: request.name.clone(),
                id: new_id(IdKind::Role)?,
                created: now,
                description: request.description.clone(),
                trust_policy: request.trust_policy.clone(),
                max_session_seconds,
                tags: request.tags.clone(),
                grants: Default::default(),
                boundary,
            };
            let role = shown(&arns, &record);
            Ok((vec![Change::Put(Record::Role(record))], role))
        })
        .await
    }

    /// The role of that name.
    pub fn get_role(&self, name: &str) -> Result<Role> {
        Ok(shown(&self.shared.arns, &self.image().role(name)?.record))
    }

    /// The roles by name.
    pub fn list_roles(&self, of: &Page) -> Result<Listing<Role>> {
        page(&self.image().roles, of, |role| Some(shown(&self.shared.arns, &role.record)))
    }

    /// The trust policy of the role with that ARN, compiled; nothing if there is no such role in this account.
    pub fn trust_policy(&self, role_arn: &str) -> Option<Policy> {
        let name = self.shared.arns.name_in("role", role_arn)?;
        self.image().role(name).ok().map(|role| role.trust.clone())
    }

    /// Changes a role's description and longest session. Sessions under way keep their end.
    pub async fn update_role(&self, name: &str, request: UpdateRole) -> Result<Role> {
        if let Some(description) = &request.description {
            names::check_description(description)?;
        }
        if let Some(seconds) = request.max_session_seconds {
            names::check_session_seconds("max_session_seconds", seconds)?;
        }
        let arns = self.shared.arns.clone();
        self.change_role(name, move |record| {
            if let Some(description) = &request.description {
                record.description.clone_from(description);
            }
            record.max_session_seconds = request.max_session_seconds.unwrap_or(record.max_session_seconds);
            Ok(shown(&arns, record))
        })
        .await
    }

    /// Changes who may assume a role. Sessions under way go on; tokens of issuers are checked with each call.
    pub async fn update_trust_policy(&self, name: &str, document: &str) -> Result<()> {
        check_trust(document)?;
        let document = document.to_owned();
        self.change_role(name, move |record| {
            record.trust_policy.clone_from(&document);
            Ok(())
        })
        .await
    }

    /// Deletes a role that has no policies left. Its sessions end.
    pub async fn delete_role(&self, name: &str) -> Result<()> {
        let name = name.to_owned();
        self.change(move |image| {
            let grants = &image.role(&name)?.record.grants;
            let remedies = [
                (!grants.attached.is_empty(), "detach all policies"),
                (!grants.inline.is_empty(), "delete policies"),
            ];
            conflict(&remedies)?;
            Ok((vec![Change::Remove(RecordKind::Role, folded(&name))], ()))
        })
        .await
    }

    async fn change_role<T: Send + 'static>(
        &self,
        name: &str,
        change: impl Fn(&mut RoleRecord) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let name = name.to_owned();
        self.change(move |image| {
            let mut record = RoleRecord::clone(&image.role(&name)?.record);
            let answer = change(&mut record)?;
            Ok((vec![Change::Put(Record::Role(record))], answer))
        })
        .await
    }
}

impl Image {
    /// The role of exactly this name.
    pub(super) fn role(&self, name: &str) -> Result<&Arc<RoleEntry>> {
        let role = self.roles.get(&folded(name)).filter(|role| role.record.name == name);
        role.ok_or_else(|| no_such(EntityKind::Role, name))
    }
}

fn check_trust(document: &str) -> Result<()> {
    Policy::parse(document, PolicyKind::Trust).map(drop).map_err(IdentityError::MalformedPolicyDocument)
}

fn shown(arns: &Arns, record: &RoleRecord) -> Role {
    Role {
        name: record.name.clone(),
        id: record.id.clone(),
        arn: arns.role(&record.name),
        created: record.created,
        description: record.description.clone(),
        trust_policy: record.trust_policy.clone(),
        max_session_seconds: record.max_session_seconds,
        permissions_boundary: record.boundary.as_ref().map(|policy| arns.policy(policy)),
        tags: record.tags.clone(),
    }
}
