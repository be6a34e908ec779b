//! Who is calling: users, groups, roles, access keys and policies in the store, and the checking of credentials.

mod authenticator;
mod built_in;
mod certificate;
mod encryption;
mod entities;
mod error;
mod glob;
mod identities;
mod jwt;
mod names;
mod principal;
mod secret;
mod settings;

pub use authenticator::Authenticator;
pub use encryption::{EncryptionKey, EncryptionKeyError, EncryptionKeys};
pub use entities::*;
pub use error::{AuthenticationError, EntityKind, IdentityError, JwksError, Reason};
pub use identities::{GeneratedRootKey, Identities, IdentityOptions, RootKey};
pub use names::{
    ACCESS_KEYS_PER_USER_MAX, ATTACHED_POLICIES_MAX, GROUPS_MAX, GROUPS_PER_USER_MAX, INLINE_POLICIES_MAX,
    POLICIES_MAX, ROLES_MAX, SESSION_SECONDS_DEFAULT, SESSION_SECONDS_MAX, SESSION_SECONDS_MIN, TAGS_MAX,
    USERS_MAX,
};
pub use principal::{Principal, PrincipalKind};
pub use secret::Secret;
pub use settings::*;

use jiff::Timestamp;
use std::sync::Arc;

/// Where the time comes from, so that a test can hold it.
pub type Clock = Arc<dyn Fn() -> Timestamp + Send + Sync>;
