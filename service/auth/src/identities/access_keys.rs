//! Access keys of users: two each, so that one can replace the other without a moment without a key.

use super::image::{Image, KeyEntry};
use super::record::{Change, KeyRecord, Record, RecordKind, UserRecord};
use super::start::{open_secret, seal_secret};
use super::users::no_such;
use super::{Identities, Result, unrecognized};
use crate::names::{self, IdKind, folded, new_id, new_secret};
use crate::{
    AccessKey, AuthenticationError, EntityKind, IdentityError, KeyStatus, NewAccessKey, Principal, Reason,
    Secret,
};
use cairn_storage::Engine;
use jiff::Timestamp;
use std::sync::Arc;
use std::sync::atomic::Ordering;

impl<E: Engine> Identities<E> {
    /// Makes an access key for a user. The answer is the only place its secret is ever told.
    pub async fn create_access_key(&self, user: &str) -> Result<NewAccessKey> {
        let (user, now, keys) = (user.to_owned(), self.now(), self.shared.keys.clone());
        self.change(move |image| {
            let mut owner = UserRecord::clone(&image.user(&user)?.record);
            if owner.access_keys.len() >= names::ACCESS_KEYS_PER_USER_MAX {
                let limit = names::ACCESS_KEYS_PER_USER_MAX;
                return Err(IdentityError::LimitExceeded { quota: "AccessKeysPerUser", limit });
            }
            let (id, secret) = (new_id(IdKind::AccessKey)?, new_secret()?);
            let owner_name = folded(&user);
            let sealed = seal_secret(&keys, &id, Some(&owner_name), &secret)?;
            let record = KeyRecord {
                id: id.clone(),
                user: Some(owner_name),
                status: KeyStatus::Active,
                created: now,
                secret: sealed,
            };
            owner.access_keys.push(id.clone());
            let access_key = AccessKey {
                id,
                user_name: user.clone(),
                status: KeyStatus::Active,
                created: now,
                last_used: None,
            };
            let changes = vec![Change::Put(Record::AccessKey(record)), Change::Put(Record::User(owner))];
            Ok((changes, NewAccessKey { access_key, secret }))
        })
        .await
    }

    /// The access key of that id, of whichever user.
    pub fn get_access_key(&self, id: &str) -> Result<AccessKey> {
        let image = self.image();
        let entry = image.keys.get(id).ok_or_else(|| no_such(EntityKind::AccessKey, id))?;
        Ok(image.shown_key(entry))
    }

    /// A user's access keys.
    pub fn list_access_keys(&self, user: &str) -> Result<Vec<AccessKey>> {
        let image = self.image();
        let keys = image.user(user)?.record.access_keys.iter().filter_map(|id| image.keys.get(id));
        Ok(keys.map(|entry| image.shown_key(entry)).collect())
    }

    /// When the root access key was last used, and since when there is this one.
    pub fn root_access_key(&self) -> Option<AccessKey> {
        let image = self.image();
        image.root.as_ref().map(|entry| image.shown_key(entry))
    }

    /// Makes a user's access key active or inactive.
    pub async fn update_access_key(&self, user: &str, id: &str, status: KeyStatus) -> Result<()> {
        let (user, id) = (user.to_owned(), id.to_owned());
        self.change(move |image| {
            let known = image.key_of(&user, &id)?;
            let record = KeyRecord { status, ..KeyRecord::clone(&known.record) };
            Ok((vec![Change::Put(Record::AccessKey(record))], ()))
        })
        .await
    }

    /// Deletes a user's access key.
    pub async fn delete_access_key(&self, user: &str, id: &str) -> Result<()> {
        let (user, id) = (user.to_owned(), id.to_owned());
        self.change(move |image| {
            image.key_of(&user, &id)?;
            let mut owner = UserRecord::clone(&image.user(&user)?.record);
            owner.access_keys.retain(|known| *known != id);
            let changes =
                vec![Change::Remove(RecordKind::AccessKey, id.clone()), Change::Put(Record::User(owner))];
            Ok((changes, ()))
        })
        .await
    }

    /// The secret of an active access key, for the checking of signatures made with it; `None` if there is no such
    /// key or it is inactive.
    pub fn signing_secret(&self, access_key_id: &str) -> Result<Option<Secret>> {
        let image = self.image();
        let entry = image.key(access_key_id).filter(|entry| entry.record.status == KeyStatus::Active);
        entry.map(|entry| open_secret(&self.shared.keys, &entry.record)).transpose()
    }

    /// Who an access key with that secret belongs to.
    pub(crate) fn principal_by_key(&self, id: &str, secret: &str) -> Result<Principal, AuthenticationError> {
        let image = self.image();
        let Some(entry) = image.key(id) else { return unrecognized(Reason::UnknownKey) };
        let stored = open_secret(&self.shared.keys, &entry.record)
            .map_err(|error| AuthenticationError::Internal(error.into()))?;
        if !stored.matches(secret) {
            return Err(AuthenticationError::InvalidSignature);
        }
        if entry.record.status != KeyStatus::Active {
            return unrecognized(Reason::InactiveKey);
        }
        self.used_by(&image, entry)
    }

    /// Who a key belongs to that is being used.
    pub(super) fn used_by(&self, image: &Image, entry: &KeyEntry) -> Result<Principal, AuthenticationError> {
        let principal = match entry.principal.get() {
            Some(principal) => principal.clone(),
            None => {
                let principal = self.key_principal(image, entry)?;
                entry.principal.get_or_init(|| principal).clone()
            }
        };
        let now = self.now().as_second();
        if entry.use_.seen.load(Ordering::Relaxed) < now {
            entry.use_.seen.fetch_max(now, Ordering::Relaxed);
        }
        Ok(principal)
    }
}

impl Image {
    fn key_of(&self, user: &str, id: &str) -> Result<&Arc<KeyEntry>> {
        let owner = folded(&self.user(user)?.record.name);
        let entry = self.keys.get(id).filter(|entry| entry.record.user.as_ref() == Some(&owner));
        entry.ok_or_else(|| no_such(EntityKind::AccessKey, id))
    }

    fn shown_key(&self, entry: &KeyEntry) -> AccessKey {
        let owner = entry.record.user.as_ref().and_then(|user| self.users.get(user));
        let seen = entry.use_.seen.load(Ordering::Relaxed);
        AccessKey {
            id: entry.record.id.clone(),
            user_name: owner.map(|user| user.record.name.clone()).unwrap_or_default(),
            status: entry.record.status,
            created: entry.record.created,
            last_used: Timestamp::from_second(seen).ok().filter(|_| seen > 0),
        }
    }
}
