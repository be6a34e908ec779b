//! Users, groups, roles, access keys and policies as the API shows them, and the arguments of their changes.

use crate::{Principal, Secret};
use jiff::Timestamp;
use std::collections::BTreeMap;

/// Tags of a user or a role by key. Keys are unique without regard to case.
pub type Tags = BTreeMap<String, String>;

/// A user.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct User {
    /// Its name.
    pub name: String,
    /// Its unique id, `AIDA…`, which no other user has had or will have.
    pub id: String,
    /// `arn:aws:iam::<account>:user/<name>`.
    pub arn: String,
    /// When it was created.
    pub created: Timestamp,
    /// The ARN of the policy that limits what it can be allowed.
    pub permissions_boundary: Option<String>,
    /// Its tags, which policies see as `aws:PrincipalTag/<key>`.
    pub tags: Tags,
}

/// A group of users.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Group {
    /// Its name.
    pub name: String,
    /// Its unique id, `AGPA…`.
    pub id: String,
    /// `arn:aws:iam::<account>:group/<name>`.
    pub arn: String,
    /// When it was created.
    pub created: Timestamp,
}

/// A role.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Role {
    /// Its name.
    pub name: String,
    /// Its unique id, `AROA…`.
    pub id: String,
    /// `arn:aws:iam::<account>:role/<name>`.
    pub arn: String,
    /// When it was created.
    pub created: Timestamp,
    /// What it is for, in its creator's words.
    pub description: String,
    /// Who may assume it: the document as written.
    pub trust_policy: String,
    /// The longest a session may last, in seconds: 900 to 43,200.
    pub max_session_seconds: u32,
    /// The ARN of the policy that limits what it can be allowed.
    pub permissions_boundary: Option<String>,
    /// Its tags, which policies see as `aws:PrincipalTag/<key>`.
    pub tags: Tags,
}

/// An access key, without its secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccessKey {
    /// Its id, `AKIA…`.
    pub id: String,
    /// Whose it is.
    pub user_name: String,
    /// Whether it can be used.
    pub status: KeyStatus,
    /// When it was created.
    pub created: Timestamp,
    /// When it was last used, to about a minute; nothing if it never was.
    pub last_used: Option<Timestamp>,
}

/// Whether an access key can be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub enum KeyStatus {
    /// It can.
    Active,
    /// It cannot, until it is made active again.
    Inactive,
}

/// An access key just made. This is the only time its secret is told.
#[derive(Clone, Debug)]
pub struct NewAccessKey {
    /// The key.
    pub access_key: AccessKey,
    /// Its secret.
    pub secret: Secret,
}

/// A managed policy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ManagedPolicy {
    /// Its name.
    pub name: String,
    /// Its unique id, `ANPA…`; for a built-in policy its name.
    pub id: String,
    /// `arn:aws:iam::<account>:policy/<name>`, or `arn:aws:iam::aws:policy/<name>` if it is built in.
    pub arn: String,
    /// What it is for, in its creator's words.
    pub description: String,
    /// The document as written.
    pub document: String,
    /// Which version of the document this is: 1 when created, one more with each update.
    pub revision: u64,
    /// When it was created.
    pub created: Timestamp,
    /// When its document was last changed.
    pub updated: Timestamp,
    /// How many users, groups and roles it is attached to.
    pub attachments: usize,
    /// How many users and roles have it as their permissions boundary.
    pub boundary_uses: usize,
    /// Whether it comes with Cairn, and cannot be changed or deleted.
    pub built_in: bool,
}

/// A managed policy as attached to something.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AttachedPolicy {
    /// Its name.
    pub name: String,
    /// Its ARN.
    pub arn: String,
}

/// What policies can be attached to.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Holder {
    /// A user by name.
    User(String),
    /// A group by name.
    Group(String),
    /// A role by name.
    Role(String),
}

/// Which managed policies to list.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum PolicyScope {
    /// All.
    #[default]
    All,
    /// Those that come with Cairn.
    BuiltIn,
    /// Those of the account.
    Local,
}

/// Which part of a listing to give.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Page {
    /// The marker of the page before; nothing for the first page.
    pub after: Option<String>,
    /// The most entries to give: 1 to 1,000; 100 if nothing is said.
    pub limit: Option<usize>,
}

/// A part of a listing, in the order of names without regard to case.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listing<T> {
    /// The entries.
    pub items: Vec<T>,
    /// The marker that the next page begins after; nothing on the last page.
    pub next: Option<String>,
}

/// What is attached a managed policy to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PolicyEntities {
    /// Users by name.
    pub users: Vec<String>,
    /// Groups by name.
    pub groups: Vec<String>,
    /// Roles by name.
    pub roles: Vec<String>,
    /// Users that have it as their boundary.
    pub boundary_of_users: Vec<String>,
    /// Roles that have it as their boundary.
    pub boundary_of_roles: Vec<String>,
}

/// A user to be created.
#[derive(Clone, Debug, Default)]
pub struct CreateUser {
    /// Its name: 1 to 64 characters of `[A-Za-z0-9_+=,.@-]`.
    pub name: String,
    /// Its tags.
    pub tags: Tags,
    /// The ARN of the policy that limits what it can be allowed.
    pub permissions_boundary: Option<String>,
}

/// A role to be created.
#[derive(Clone, Debug, Default)]
pub struct CreateRole {
    /// Its name: 1 to 64 characters of `[A-Za-z0-9_+=,.@-]`.
    pub name: String,
    /// What it is for: at most 1,000 characters.
    pub description: String,
    /// Who may assume it.
    pub trust_policy: String,
    /// The longest a session may last, in seconds: 900 to 43,200; 3,600 if nothing is said.
    pub max_session_seconds: Option<u32>,
    /// Its tags.
    pub tags: Tags,
    /// The ARN of the policy that limits what it can be allowed.
    pub permissions_boundary: Option<String>,
}

/// What to change about a role; what is not said stays.
#[derive(Clone, Debug, Default)]
pub struct UpdateRole {
    /// Its new description.
    pub description: Option<String>,
    /// Its new longest session, in seconds.
    pub max_session_seconds: Option<u32>,
}

/// A managed policy to be created.
#[derive(Clone, Debug, Default)]
pub struct CreatePolicy {
    /// Its name: 1 to 128 characters of `[A-Za-z0-9_+=,.@-]`.
    pub name: String,
    /// What it is for: at most 1,000 characters.
    pub description: String,
    /// The document.
    pub document: String,
}

/// A role to be assumed.
#[derive(Clone, Debug, Default)]
pub struct AssumeRole {
    /// The role's ARN.
    pub role_arn: String,
    /// What the session is called: 2 to 64 characters of `[A-Za-z0-9_+=,.@-]`.
    pub session_name: String,
    /// How long it is to last, in seconds: 900 to the role's longest; 3,600, or the role's longest if that is less,
    /// if nothing is said. A session that assumes a role gets at most 3,600.
    pub duration_seconds: Option<u32>,
    /// What limits the session further.
    pub policy: Option<String>,
    /// What a trust policy may ask for as `sts:ExternalId`: 2 to 1,224 characters.
    pub external_id: Option<String>,
    /// On whose behalf: `aws:SourceIdentity` of the session and of every session it begins.
    pub source_identity: Option<String>,
}

/// A session of a role just begun. This is the only time its secrets are told.
#[derive(Clone, Debug)]
pub struct AssumedRole {
    /// The session's access key id, `ASIA…`.
    pub access_key_id: String,
    /// Its secret access key.
    pub secret_access_key: Secret,
    /// Its session token. Cairn keeps none of the three: everything is in the token, sealed.
    pub session_token: Secret,
    /// When it ends.
    pub expires_at: Timestamp,
    /// Who the session is.
    pub principal: Principal,
}

/// Who a caller is, as `GetCallerIdentity` answers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CallerIdentity {
    /// The account.
    pub account: String,
    /// The caller's ARN.
    pub arn: String,
    /// `aws:userid`: the user's id, `<role id>:<session>`, or the account for root.
    pub user_id: String,
}
