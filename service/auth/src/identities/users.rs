//! Users.

use super::image::UserEntry;
use super::record::{Change, Record, RecordKind, UserRecord};
use super::{Identities, Image, Result, page};
use crate::names::{self, Arns, IdKind, folded, new_id};
use crate::{CreateUser, EntityKind, IdentityError, Listing, Page, User};
use cairn_storage::Engine;
use std::sync::Arc;

impl<E: Engine> Identities<E> {
    /// Creates a user. It can do nothing until policies say so.
    pub async fn create_user(&self, request: CreateUser) -> Result<User> {
        names::check_user_name("user_name", &request.name)?;
        names::check_tags(&request.tags)?;
        let (arns, now) = (self.shared.arns.clone(), self.now());
        self.change(move |image| {
            if image.users.contains_key(&folded(&request.name)) {
                return already_exists(EntityKind::User, &request.name);
            }
            if image.users.size() >= names::USERS_MAX {
                return Err(IdentityError::LimitExceeded {
                    quota: "UsersPerAccount",
                    limit: names::USERS_MAX,
                });
            }
            let boundary = request.permissions_boundary.as_deref();
            let boundary = boundary.map(|arn| image.existing_policy(&arns, arn)).transpose()?;
            let record = UserRecord {
                name: request.name.clone(),
                id: new_id(IdKind::User)?,
                created: now,
                tags: request.tags.clone(),
                groups: Vec::new(),
                access_keys: Vec::new(),
                grants: Default::default(),
                boundary,
            };
            let user = shown(&arns, &record);
            Ok((vec![Change::Put(Record::User(record))], user))
        })
        .await
    }

    /// The user of that name.
    pub fn get_user(&self, name: &str) -> Result<User> {
        Ok(shown(&self.shared.arns, &self.image().user(name)?.record))
    }

    /// The users by name.
    pub fn list_users(&self, of: &Page) -> Result<Listing<User>> {
        page(&self.image().users, of, |user| Some(shown(&self.shared.arns, &user.record)))
    }

    /// Deletes a user that has no access keys, no groups and no policies left. Whoever was authenticated as it is no
    /// longer known.
    pub async fn delete_user(&self, name: &str) -> Result<()> {
        let name = name.to_owned();
        self.change(move |image| {
            let user = &image.user(&name)?.record;
            let remedies = [
                (!user.access_keys.is_empty(), "delete access keys"),
                (!user.groups.is_empty(), "remove users from group"),
                (!user.grants.attached.is_empty(), "detach all policies"),
                (!user.grants.inline.is_empty(), "delete policies"),
            ];
            conflict(&remedies)?;
            Ok((vec![Change::Remove(RecordKind::User, folded(&name))], ()))
        })
        .await
    }
}

impl Image {
    /// The user of exactly this name.
    pub(super) fn user(&self, name: &str) -> Result<&Arc<UserEntry>> {
        let user = self.users.get(&folded(name)).filter(|user| user.record.name == name);
        user.ok_or_else(|| no_such(EntityKind::User, name))
    }
}

pub(super) fn shown(arns: &Arns, record: &UserRecord) -> User {
    User {
        name: record.name.clone(),
        id: record.id.clone(),
        arn: arns.user(&record.name),
        created: record.created,
        permissions_boundary: record.boundary.as_ref().map(|policy| arns.policy(policy)),
        tags: record.tags.clone(),
    }
}

pub(super) fn no_such(kind: EntityKind, name: &str) -> IdentityError {
    // What was asked for may be anything, and of any length.
    IdentityError::NoSuchEntity { kind, name: name.chars().take(256).collect() }
}

pub(super) fn already_exists<T>(kind: EntityKind, name: &str) -> Result<T> {
    Err(IdentityError::EntityAlreadyExists { kind, name: name.to_owned() })
}

/// Refuses a deletion if one of these holds.
pub(super) fn conflict(remedies: &[(bool, &'static str)]) -> Result<()> {
    match remedies.iter().find(|(holds, _)| *holds) {
        Some((_, remedy)) => Err(IdentityError::DeleteConflict { remedy }),
        None => Ok(()),
    }
}
