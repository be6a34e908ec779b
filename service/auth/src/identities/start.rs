//! Opening the identities of a store: checking the encryption keys, and settling the root access key.

use super::record::{Change, KeyCheck, KeyRecord, Record, RecordKind, Sealed};
use super::{Identities, Image, Result, SessionSets, Shared, read};
use crate::encryption::{OpenError, sealing_key_id};
use crate::names::{Arns, IdKind, check_account, check_root_key, invalid, new_id, new_secret};
use crate::{Clock, EncryptionKeys, IdentityError, KeyStatus, Secret};
use arc_swap::ArcSwap;
use cairn_storage::Engine;
use jiff::Timestamp;
use std::sync::Arc;

/// What the key check seals.
const KEY_CHECK: &[u8] = b"cairn";
/// How many policy sets of sessions with a policy of their own are kept.
const SESSION_SETS_MAX: usize = 4_096;

/// What the operator chooses about identities.
#[derive(Clone)]
pub struct IdentityOptions {
    /// The account in ARNs: twelve digits.
    pub account: String,
    /// What secrets are encrypted with.
    pub keys: EncryptionKeys,
    /// The root access key; a key of an earlier start is replaced by it. Without one, the key of an earlier start
    /// stays, and a first start generates one.
    pub root: Option<RootKey>,
    /// Where the time comes from.
    pub clock: Clock,
}

/// A root access key as the operator supplies it.
#[derive(Clone, Debug)]
pub struct RootKey {
    /// Its id: 16 to 128 characters of `[A-Za-z0-9_]`, not beginning with `ASIA` or `eyJ`.
    pub access_key_id: String,
    /// Its secret: 32 to 128 visible ASCII characters.
    pub secret_access_key: Secret,
}

/// The root access key that a first start generated: to be shown to the operator, now or never.
#[derive(Clone, Debug)]
pub struct GeneratedRootKey {
    /// Its id.
    pub access_key_id: String,
    /// Its secret.
    pub secret_access_key: Secret,
}

/// What a start has to change.
struct Start {
    changes: Vec<Change>,
    generated: Option<GeneratedRootKey>,
}

impl<E: Engine> Identities<E> {
    /// Opens the identities of a store. What is encrypted under another of the configured keys than the first is
    /// encrypted anew under the first.
    ///
    /// # Errors
    /// [`WrongEncryptionKey`](IdentityError::WrongEncryptionKey) if the key that the store's secrets are under is not
    /// configured; [`InvalidInput`](IdentityError::InvalidInput) for an account or a root key of the wrong shape.
    pub async fn open(engine: E, options: IdentityOptions) -> Result<(Self, Option<GeneratedRootKey>)> {
        Self::open_with(engine, options, true).await
    }

    /// As [`open`](Self::open), but generates no root key: for a server whose anonymous callers are root. A later start
    /// with `open` generates one.
    ///
    /// # Errors
    /// As [`open`](Self::open).
    pub async fn open_without_generating(engine: E, options: IdentityOptions) -> Result<Self> {
        Ok(Self::open_with(engine, options, false).await?.0)
    }

    async fn open_with(
        engine: E,
        options: IdentityOptions,
        generates: bool,
    ) -> Result<(Self, Option<GeneratedRootKey>)> {
        check_account(&options.account)?;
        if let Some(root) = &options.root {
            check_root_key(&root.access_key_id, root.secret_access_key.expose())?;
        }
        let image = read(&engine, None).await?;
        let identities = Self {
            shared: Arc::new(Shared {
                engine,
                arns: Arns { account: options.account },
                keys: options.keys.clone(),
                clock: options.clock.clone(),
                image: ArcSwap::from_pointee(image),
                session_sets: SessionSets::new(SESSION_SETS_MAX),
                root_set: Arc::default(),
                changing: tokio::sync::Mutex::new(()),
            }),
        };
        let (keys, root, clock) = (options.keys, options.root, options.clock);
        let decide = move |image: &Image| {
            let start = start(image, &keys, root.as_ref(), generates, &clock)?;
            Ok((start.changes, start.generated))
        };
        let generated = identities.change(decide).await?;
        Ok((identities, generated))
    }
}

fn start(
    image: &Image,
    keys: &EncryptionKeys,
    root: Option<&RootKey>,
    generates: bool,
    clock: &Clock,
) -> Result<Start> {
    let mut changes = Vec::new();
    let check_key = super::record::key(RecordKind::KeyCheck, "");
    let current = match &image.key_check {
        None => false,
        Some(check) => match keys.open(&check.sealed.0, &check_key) {
            Ok(opened) if opened.as_slice() == KEY_CHECK => keys.is_current(&check.sealed.0),
            Ok(_) | Err(OpenError::Damaged) => {
                return Err(IdentityError::DamagedSecret("the key check".to_owned()));
            }
            Err(OpenError::UnknownKey) => {
                return Err(IdentityError::WrongEncryptionKey {
                    stored: sealing_key_id(&check.sealed.0),
                    configured: keys.ids().join(", "),
                });
            }
        },
    };
    if !current {
        let sealed = Sealed(keys.seal(KEY_CHECK, &check_key)?);
        changes.push(Change::Put(Record::KeyCheck(KeyCheck { sealed })));
        for entry in image.keys.values() {
            changes.extend(sealed_anew(&entry.record, keys)?.map(|key| Change::Put(Record::AccessKey(key))));
        }
    }
    let (root, generated) = settle_root(image, keys, root, generates, clock())?;
    if let Some(root) = root {
        let replaced = image.root.as_ref().filter(|known| known.record.id != root.id);
        changes.extend(replaced.map(|known| Change::Remove(RecordKind::LastUsed, known.record.id.clone())));
        changes.push(Change::Put(Record::Root(root)));
    }
    Ok(Start { changes, generated })
}

/// What the record of the root key has to become, if it changes.
fn settle_root(
    image: &Image,
    keys: &EncryptionKeys,
    configured: Option<&RootKey>,
    generates: bool,
    now: Timestamp,
) -> Result<(Option<KeyRecord>, Option<GeneratedRootKey>)> {
    let record = |id: &str, secret: &Secret| {
        if image.keys.contains_key(id) {
            return invalid("root_access_key_id", "it is the id of a user's access key");
        }
        let secret = seal_secret(keys, id, None, secret)?;
        Ok(KeyRecord { id: id.to_owned(), user: None, status: KeyStatus::Active, created: now, secret })
    };
    match (configured, &image.root) {
        (Some(root), known) => {
            if let Some(known) = known.as_ref().filter(|known| known.record.id == root.access_key_id)
                && open_secret(keys, &known.record)?.matches(root.secret_access_key.expose())
            {
                return Ok((sealed_anew(&known.record, keys)?, None));
            }
            Ok((Some(record(&root.access_key_id, &root.secret_access_key)?), None))
        }
        (None, Some(known)) => Ok((sealed_anew(&known.record, keys)?, None)),
        (None, None) if !generates => Ok((None, None)),
        (None, None) => {
            let (access_key_id, secret_access_key) = (new_id(IdKind::AccessKey)?, new_secret()?);
            let record = record(&access_key_id, &secret_access_key)?;
            Ok((Some(record), Some(GeneratedRootKey { access_key_id, secret_access_key })))
        }
    }
}

/// The record with its secret under the current key, if it is not already.
fn sealed_anew(record: &KeyRecord, keys: &EncryptionKeys) -> Result<Option<KeyRecord>> {
    if keys.is_current(&record.secret.0) {
        return Ok(None);
    }
    let secret = open_secret(keys, record)?;
    let secret = seal_secret(keys, &record.id, record.user.as_deref(), &secret)?;
    Ok(Some(KeyRecord { secret, ..record.clone() }))
}

/// Encrypts the secret of an access key for its own record, and no other.
pub(super) fn seal_secret(
    keys: &EncryptionKeys,
    id: &str,
    user: Option<&str>,
    secret: &Secret,
) -> Result<Sealed> {
    Ok(Sealed(keys.seal(secret.expose().as_bytes(), &place(id, user))?))
}

/// The secret of an access key.
pub(super) fn open_secret(keys: &EncryptionKeys, record: &KeyRecord) -> Result<Secret> {
    let opened = keys.open_text(&record.secret.0, &place(&record.id, record.user.as_deref()));
    opened.map_err(|error| match error {
        OpenError::UnknownKey => IdentityError::WrongEncryptionKey {
            stored: sealing_key_id(&record.secret.0),
            configured: keys.ids().join(", "),
        },
        OpenError::Damaged => IdentityError::DamagedSecret(format!("access key {}", record.id)),
    })
}

/// What a secret is bound to: its key's id and whose it is.
fn place(id: &str, user: Option<&str>) -> Vec<u8> {
    let owner = user.map_or(&b"\0root"[..], str::as_bytes);
    [b"access key\0", id.as_bytes(), b"\0", owner].concat()
}
