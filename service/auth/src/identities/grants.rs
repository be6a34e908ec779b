//! What users, groups and roles have: attached and inline policies, permissions boundaries, tags.

use super::record::{Change, Grants, GroupRecord, Record, RoleRecord, UserRecord};
use super::users::no_such;
use super::{Identities, Image, Result};
use crate::names::{self, PolicyRef, invalid};
use crate::{AttachedPolicy, EntityKind, Holder, IdentityError, Tags};
use cairn_policy::{DOCUMENT_BYTES_MAX, Policy, PolicyKind};
use cairn_storage::Engine;

/// The record of a holder, to be changed.
enum Held {
    User(UserRecord),
    Group(GroupRecord),
    Role(RoleRecord),
}

impl<E: Engine> Identities<E> {
    /// Attaches a managed policy. Attaching it again is no error.
    pub async fn attach_policy(&self, holder: &Holder, arn: &str) -> Result<()> {
        let (arn, arns) = (arn.to_owned(), self.shared.arns.clone());
        self.change_held(holder, move |image, held| {
            let policy = image.existing_policy(&arns, &arn)?;
            let attached = &mut held.grants_mut().attached;
            if attached.contains(&policy) {
                return Ok(());
            }
            if attached.len() >= names::ATTACHED_POLICIES_MAX {
                let limit = names::ATTACHED_POLICIES_MAX;
                return Err(IdentityError::LimitExceeded { quota: "AttachedPolicies", limit });
            }
            attached.push(policy);
            Ok(())
        })
        .await
    }

    /// Detaches a managed policy.
    pub async fn detach_policy(&self, holder: &Holder, arn: &str) -> Result<()> {
        let (arn, arns) = (arn.to_owned(), self.shared.arns.clone());
        self.change_held(holder, move |_, held| {
            let attached = &mut held.grants_mut().attached;
            let policy = arns.policy_in(&arn).filter(|policy| attached.contains(policy));
            let policy = policy.ok_or_else(|| no_such(EntityKind::Policy, &arn))?;
            attached.retain(|known| *known != policy);
            Ok(())
        })
        .await
    }

    /// The managed policies attached, in the order in which they were.
    pub fn list_attached_policies(&self, holder: &Holder) -> Result<Vec<AttachedPolicy>> {
        let image = self.image();
        let shown = |policy: &PolicyRef| AttachedPolicy {
            name: policy.name().to_owned(),
            arn: self.shared.arns.policy(policy),
        };
        Ok(image.grants(holder)?.attached.iter().map(shown).collect())
    }

    /// Sets an inline policy. All inline policies of a user may have 2,048 characters together, of a group 5,120, of
    /// a role 10,240, white space not counted.
    pub async fn put_inline_policy(&self, holder: &Holder, name: &str, document: &str) -> Result<()> {
        names::check_policy_name("policy_name", name)?;
        let (kind, quota) = match holder {
            Holder::User(_) => (PolicyKind::InlineUser, "InlinePolicyCharactersPerUser"),
            Holder::Group(_) => (PolicyKind::InlineGroup, "InlinePolicyCharactersPerGroup"),
            Holder::Role(_) => (PolicyKind::InlineRole, "InlinePolicyCharactersPerRole"),
        };
        Policy::parse(document, kind).map_err(IdentityError::MalformedPolicyDocument)?;
        let (name, document) = (name.to_owned(), document.to_owned());
        self.change_held(holder, move |_, held| {
            let inline = &mut held.grants_mut().inline;
            inline.insert(name.clone(), document.clone());
            if inline.len() > names::INLINE_POLICIES_MAX {
                let limit = names::INLINE_POLICIES_MAX;
                return Err(IdentityError::LimitExceeded { quota: "InlinePolicies", limit });
            }
            // White space is not counted against the quota, but it is not free either.
            if inline.values().map(String::len).sum::<usize>() > DOCUMENT_BYTES_MAX {
                let limit = DOCUMENT_BYTES_MAX;
                return Err(IdentityError::LimitExceeded { quota: "InlinePolicyBytes", limit });
            }
            if inline.values().map(|document| kind.size(document)).sum::<usize>() > kind.size_max() {
                return Err(IdentityError::LimitExceeded { quota, limit: kind.size_max() });
            }
            Ok(())
        })
        .await
    }

    /// An inline policy's document as written.
    pub fn get_inline_policy(&self, holder: &Holder, name: &str) -> Result<String> {
        let image = self.image();
        let document = image.grants(holder)?.inline.get(name).cloned();
        document.ok_or_else(|| no_such(EntityKind::InlinePolicy, name))
    }

    /// The names of the inline policies.
    pub fn list_inline_policies(&self, holder: &Holder) -> Result<Vec<String>> {
        Ok(self.image().grants(holder)?.inline.keys().cloned().collect())
    }

    /// Deletes an inline policy.
    pub async fn delete_inline_policy(&self, holder: &Holder, name: &str) -> Result<()> {
        let name = name.to_owned();
        self.change_held(holder, move |_, held| match held.grants_mut().inline.remove(&name) {
            Some(_) => Ok(()),
            None => Err(no_such(EntityKind::InlinePolicy, &name)),
        })
        .await
    }

    /// Limits what a user or role can be allowed to what a managed policy allows.
    pub async fn put_permissions_boundary(&self, holder: &Holder, arn: &str) -> Result<()> {
        let (arn, arns) = (arn.to_owned(), self.shared.arns.clone());
        self.change_held(holder, move |image, held| {
            let policy = image.existing_policy(&arns, &arn)?;
            *held.boundary_mut()? = Some(policy);
            Ok(())
        })
        .await
    }

    /// Removes that limit.
    ///
    /// # Errors
    /// [`NoSuchEntity`](super::IdentityError::NoSuchEntity) if there is none.
    pub async fn delete_permissions_boundary(&self, holder: &Holder) -> Result<()> {
        self.change_held(holder, |_, held| match held.boundary_mut()?.take() {
            Some(_) => Ok(()),
            None => Err(no_such(EntityKind::Policy, "permissions boundary")),
        })
        .await
    }

    /// The tags of a user or role.
    pub fn list_tags(&self, holder: &Holder) -> Result<Tags> {
        let image = self.image();
        match holder {
            Holder::User(name) => Ok(image.user(name)?.record.tags.clone()),
            Holder::Role(name) => Ok(image.role(name)?.record.tags.clone()),
            Holder::Group(_) => no_tags(),
        }
    }

    /// Adds tags to a user or role. A tag whose key there is already, in whichever case, replaces it.
    pub async fn tag(&self, holder: &Holder, tags: Tags) -> Result<()> {
        names::check_tags(&tags)?;
        self.change_held(holder, move |_, held| {
            let known = held.tags_mut()?;
            known.retain(|key, _| !tags.keys().any(|new| new.to_lowercase() == key.to_lowercase()));
            known.extend(tags.clone());
            names::check_tags(known)
        })
        .await
    }

    /// Removes tags by key, in whichever case; a key that is not there is no error.
    pub async fn untag(&self, holder: &Holder, keys: &[String]) -> Result<()> {
        if keys.len() > names::TAGS_MAX {
            return invalid("tag_keys", format!("there may be at most {}", names::TAGS_MAX));
        }
        let keys: Vec<String> = keys.iter().map(|key| key.to_lowercase()).collect();
        self.change_held(holder, move |_, held| {
            held.tags_mut()?.retain(|key, _| !keys.contains(&key.to_lowercase()));
            Ok(())
        })
        .await
    }

    async fn change_held(
        &self,
        holder: &Holder,
        change: impl Fn(&Image, &mut Held) -> Result<()> + Send + 'static,
    ) -> Result<()> {
        let holder = holder.clone();
        self.change(move |image| {
            let mut held = match &holder {
                Holder::User(name) => Held::User(UserRecord::clone(&image.user(name)?.record)),
                Holder::Group(name) => Held::Group(GroupRecord::clone(&image.group(name)?.record)),
                Holder::Role(name) => Held::Role(RoleRecord::clone(&image.role(name)?.record)),
            };
            change(image, &mut held)?;
            let record = match held {
                Held::User(user) => Record::User(user),
                Held::Group(group) => Record::Group(group),
                Held::Role(role) => Record::Role(role),
            };
            Ok((vec![Change::Put(record)], ()))
        })
        .await
    }
}

impl Image {
    fn grants(&self, holder: &Holder) -> Result<&Grants> {
        Ok(match holder {
            Holder::User(name) => &self.user(name)?.record.grants,
            Holder::Group(name) => &self.group(name)?.record.grants,
            Holder::Role(name) => &self.role(name)?.record.grants,
        })
    }
}

impl Held {
    fn grants_mut(&mut self) -> &mut Grants {
        match self {
            Self::User(user) => &mut user.grants,
            Self::Group(group) => &mut group.grants,
            Self::Role(role) => &mut role.grants,
        }
    }

    fn boundary_mut(&mut self) -> Result<&mut Option<PolicyRef>> {
        match self {
            Self::User(user) => Ok(&mut user.boundary),
            Self::Role(role) => Ok(&mut role.boundary),
            Self::Group(_) => invalid("holder", "groups have no permissions boundary"),
        }
    }

    fn tags_mut(&mut self) -> Result<&mut Tags> {
        match self {
            Self::User(user) => Ok(&mut user.tags),
            Self::Role(role) => Ok(&mut role.tags),
            Self::Group(_) => no_tags(),
        }
    }
}

fn no_tags<T>() -> Result<T> {
    invalid("holder", "groups have no tags")
}
