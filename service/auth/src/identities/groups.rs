//! Groups, and who is in them.

use super::image::GroupEntry;
use super::record::{Change, GroupRecord, Record, RecordKind, UserRecord};
use super::users::{already_exists, conflict, no_such};
use super::{Identities, Image, Result, page, users};
use crate::names::{self, Arns, IdKind, folded, new_id};
use crate::{EntityKind, Group, IdentityError, Listing, Page, User};
use cairn_storage::Engine;
use std::sync::Arc;

impl<E: Engine> Identities<E> {
    /// Creates a group without members.
    pub async fn create_group(&self, name: &str) -> Result<Group> {
        names::check_policy_name("group_name", name)?;
        let (name, arns, now) = (name.to_owned(), self.shared.arns.clone(), self.now());
        self.change(move |image| {
            if image.groups.contains_key(&folded(&name)) {
                return already_exists(EntityKind::Group, &name);
            }
            if image.groups.size() >= names::GROUPS_MAX {
                return Err(IdentityError::LimitExceeded {
                    quota: "GroupsPerAccount",
                    limit: names::GROUPS_MAX,
                });
            }
            let record = GroupRecord {
                name: name.clone(),
                id: new_id(IdKind::Group)?,
                created: now,
                grants: Default::default(),
            };
            let group = shown(&arns, &record);
            Ok((vec![Change::Put(Record::Group(record))], group))
        })
        .await
    }

    /// The group of that name.
    pub fn get_group(&self, name: &str) -> Result<Group> {
        Ok(shown(&self.shared.arns, &self.image().group(name)?.record))
    }

    /// The groups by name.
    pub fn list_groups(&self, of: &Page) -> Result<Listing<Group>> {
        page(&self.image().groups, of, |group| Some(shown(&self.shared.arns, &group.record)))
    }

    /// The users in a group, by name.
    pub fn list_group_members(&self, name: &str, of: &Page) -> Result<Listing<User>> {
        let image = self.image();
        image.group(name)?;
        let group = folded(name);
        page(&image.users, of, |user| {
            user.record.groups.contains(&group).then(|| users::shown(&self.shared.arns, &user.record))
        })
    }

    /// The groups a user is in.
    pub fn list_groups_of_user(&self, user: &str) -> Result<Vec<Group>> {
        let image = self.image();
        let groups = image.user(user)?.record.groups.iter().filter_map(|group| image.groups.get(group));
        Ok(groups.map(|group| shown(&self.shared.arns, &group.record)).collect())
    }

    /// Deletes a group that has no members and no policies left.
    pub async fn delete_group(&self, name: &str) -> Result<()> {
        let name = name.to_owned();
        self.change(move |image| {
            let grants = &image.group(&name)?.record.grants;
            let group = folded(&name);
            let remedies = [
                (
                    image.users.values().any(|user| user.record.groups.contains(&group)),
                    "remove users from group",
                ),
                (!grants.attached.is_empty(), "detach all policies"),
                (!grants.inline.is_empty(), "delete policies"),
            ];
            conflict(&remedies)?;
            Ok((vec![Change::Remove(RecordKind::Group, group)], ()))
        })
        .await
    }

    /// Puts a user in a group. Putting it there again is no error.
    pub async fn add_user_to_group(&self, user: &str, group: &str) -> Result<()> {
        let (user, group) = (user.to_owned(), group.to_owned());
        self.change(move |image| {
            let known = &image.user(&user)?.record;
            image.group(&group)?;
            let group = folded(&group);
            if known.groups.contains(&group) {
                return Ok((Vec::new(), ()));
            }
            if known.groups.len() >= names::GROUPS_PER_USER_MAX {
                let limit = names::GROUPS_PER_USER_MAX;
                return Err(IdentityError::LimitExceeded { quota: "GroupsPerUser", limit });
            }
            let mut record = UserRecord::clone(known);
            record.groups.push(group);
            Ok((vec![Change::Put(Record::User(record))], ()))
        })
        .await
    }

    /// Takes a user out of a group.
    pub async fn remove_user_from_group(&self, user: &str, group: &str) -> Result<()> {
        let (user, group) = (user.to_owned(), group.to_owned());
        self.change(move |image| {
            let mut record = UserRecord::clone(&image.user(&user)?.record);
            image.group(&group)?;
            let folded = folded(&group);
            if !record.groups.contains(&folded) {
                return Err(no_such(EntityKind::Group, &group));
            }
            record.groups.retain(|known| *known != folded);
            Ok((vec![Change::Put(Record::User(record))], ()))
        })
        .await
    }
}

impl Image {
    /// The group of exactly this name.
    pub(super) fn group(&self, name: &str) -> Result<&Arc<GroupEntry>> {
        let group = self.groups.get(&folded(name)).filter(|group| group.record.name == name);
        group.ok_or_else(|| no_such(EntityKind::Group, name))
    }
}

fn shown(arns: &Arns, record: &GroupRecord) -> Group {
    Group {
        name: record.name.clone(),
        id: record.id.clone(),
        arn: arns.group(&record.name),
        created: record.created,
    }
}
