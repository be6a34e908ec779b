//! The identities' records in the system space.
//!
//! ```text
//! 05 01               how many changes there have been: declared and raised by each, so it guards all the others
//! 05 02               a text sealed under the current encryption key, to tell a wrong key by
//! 05 03               the root access key
//! 05 10 · user        a user: its groups, access keys and policies are in it
//! 05 11 · group       a group
//! 05 12 · role        a role
//! 05 13 · policy      a managed policy
//! 05 14 · key id      an access key; its secret is sealed, for this place only
//! 05 15 · key id      when the access key was last used; written now and then, and no change in the sense of 05 01
//! ```
//!
//! Names in keys are in lower case. Each record is a version byte 1, then JSON: unknown members are ignored and
//! missing ones have defaults. Prefixes and versions are only ever added.

use crate::names::{PolicyRef, folded};
use crate::{IdentityError, KeyStatus, Tags};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use cairn_storage::{RecordKey, SpaceId};
use jiff::Timestamp;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::collections::BTreeMap;

/// What every record's key begins with.
pub(super) const PREFIX: u8 = 0x05;
const VERSION: u8 = 1;

/// What a record is about: the second byte of its key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(super) enum RecordKind {
    State = 0x01,
    KeyCheck = 0x02,
    Root = 0x03,
    User = 0x10,
    Group = 0x11,
    Role = 0x12,
    Policy = 0x13,
    AccessKey = 0x14,
    LastUsed = 0x15,
}

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(super) struct State {
    pub(super) revision: u64,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct KeyCheck {
    pub(super) sealed: Sealed,
}

/// What policies a user, group or role has.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct Grants {
    pub(super) attached: Vec<PolicyRef>,
    /// Documents by name.
    pub(super) inline: BTreeMap<String, String>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct UserRecord {
    pub(super) name: String,
    pub(super) id: String,
    pub(super) created: Timestamp,
    #[serde(default)]
    pub(super) tags: Tags,
    /// Names in lower case.
    #[serde(default)]
    pub(super) groups: Vec<String>,
    #[serde(default)]
    pub(super) access_keys: Vec<String>,
    #[serde(default)]
    pub(super) grants: Grants,
    #[serde(default)]
    pub(super) boundary: Option<PolicyRef>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct GroupRecord {
    pub(super) name: String,
    pub(super) id: String,
    pub(super) created: Timestamp,
    #[serde(default)]
    pub(super) grants: Grants,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct RoleRecord {
    pub(super) name: String,
    pub(super) id: String,
    pub(super) created: Timestamp,
    #[serde(default)]
    pub(super) description: String,
    pub(super) trust_policy: String,
    pub(super) max_session_seconds: u32,
    #[serde(default)]
    pub(super) tags: Tags,
    #[serde(default)]
    pub(super) grants: Grants,
    #[serde(default)]
    pub(super) boundary: Option<PolicyRef>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct PolicyRecord {
    pub(super) name: String,
    pub(super) id: String,
    #[serde(default)]
    pub(super) description: String,
    pub(super) document: String,
    pub(super) revision: u64,
    pub(super) created: Timestamp,
    pub(super) updated: Timestamp,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct KeyRecord {
    pub(super) id: String,
    /// The user's name in lower case; nothing for the root key.
    #[serde(default)]
    pub(super) user: Option<String>,
    pub(super) status: KeyStatus,
    pub(super) created: Timestamp,
    pub(super) secret: Sealed,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct LastUsed {
    /// Seconds since 1970.
    pub(super) at: i64,
}

/// A sealed text: base64 in JSON.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Sealed(pub(super) Vec<u8>);

impl Serialize for Sealed {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&STANDARD.encode(&self.0))
    }
}

impl<'de> Deserialize<'de> for Sealed {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        STANDARD.decode(text).map(Self).map_err(serde::de::Error::custom)
    }
}

/// A record to be written.
#[derive(Clone, Debug)]
pub(super) enum Record {
    KeyCheck(KeyCheck),
    Root(KeyRecord),
    User(UserRecord),
    Group(GroupRecord),
    Role(RoleRecord),
    Policy(PolicyRecord),
    AccessKey(KeyRecord),
}

/// What a change does to one record.
#[derive(Clone, Debug)]
pub(super) enum Change {
    Put(Record),
    /// Of a kind, and a name in lower case or a key id.
    Remove(RecordKind, String),
}

impl RecordKind {
    pub(super) fn from_byte(byte: u8) -> Option<Self> {
        use RecordKind::{AccessKey, Group, KeyCheck, LastUsed, Policy, Role, Root, State, User};
        let kinds = [State, KeyCheck, Root, User, Group, Role, Policy, AccessKey, LastUsed];
        kinds.into_iter().find(|kind| *kind as u8 == byte)
    }
}

impl Record {
    pub(super) fn key(&self) -> Bytes {
        match self {
            Self::KeyCheck(_) => key(RecordKind::KeyCheck, ""),
            Self::Root(_) => key(RecordKind::Root, ""),
            Self::User(user) => key(RecordKind::User, &folded(&user.name)),
            Self::Group(group) => key(RecordKind::Group, &folded(&group.name)),
            Self::Role(role) => key(RecordKind::Role, &folded(&role.name)),
            Self::Policy(policy) => key(RecordKind::Policy, &folded(&policy.name)),
            Self::AccessKey(access_key) => key(RecordKind::AccessKey, &access_key.id),
        }
    }

    pub(super) fn encode(&self) -> Result<Bytes, IdentityError> {
        match self {
            Self::KeyCheck(record) => encode(record),
            Self::User(record) => encode(record),
            Self::Group(record) => encode(record),
            Self::Role(record) => encode(record),
            Self::Policy(record) => encode(record),
            Self::Root(record) | Self::AccessKey(record) => encode(record),
        }
    }
}

/// The key of a record, of which `name` is the last part.
pub(super) fn key(kind: RecordKind, name: &str) -> Bytes {
    [&[PREFIX, kind as u8], name.as_bytes()].concat().into()
}

pub(super) fn address(key: Bytes) -> RecordKey {
    RecordKey::new(SpaceId::System, key)
}

pub(super) fn encode<T: Serialize>(record: &T) -> Result<Bytes, IdentityError> {
    let mut bytes = vec![VERSION];
    serde_json::to_writer(&mut bytes, record).map_err(|source| unreadable("a new record", source))?;
    Ok(bytes.into())
}

pub(super) fn decode<'a, T: Deserialize<'a>>(record: &'a [u8], what: &str) -> Result<T, IdentityError> {
    match record.split_first() {
        Some((&VERSION, json)) => serde_json::from_slice(json).map_err(|source| unreadable(what, source)),
        other => {
            let version = other.map(|(version, _)| *version);
            let message =
                format!("it has version {version:?}; this version of Cairn reads version {VERSION}");
            Err(unreadable(what, message))
        }
    }
}

pub(super) fn unreadable(
    record: impl Into<String>,
    source: impl Into<Box<dyn std::error::Error + Send + Sync>>,
) -> IdentityError {
    IdentityError::Record { record: record.into(), source: source.into() }
}
