//! The operations on identities: one file a noun. What they change and the rules for it are `cairn-auth`'s.

mod access_keys;
mod attachments;
mod groups;
mod policies;
mod roles;
mod sessions;
mod simulate;
mod tags;
mod users;

pub use access_keys::{CreateAccessKey, DeleteAccessKey, ListAccessKeys, UpdateAccessKey};
pub use attachments::{
    AttachPolicy, DeleteInlinePolicy, DeletePermissionsBoundary, DetachPolicy, GetInlinePolicy,
    PutInlinePolicy, PutPermissionsBoundary,
};
pub use groups::{
    AddUserToGroup, CreateGroup, DeleteGroup, GetGroup, GetGroupOutput, ListGroups, RemoveUserFromGroup,
};
pub use policies::{CreatePolicy, DeletePolicy, GetPolicy, GetPolicyOutput, ListPolicies, UpdatePolicy};
pub use roles::{CreateRole, DeleteRole, GetRole, GetRoleOutput, ListRoles, UpdateRole};
pub use sessions::{AssumeRole, GetCallerIdentity};
pub use simulate::{SimulatePolicy, SimulationContext, SimulationResult};
pub use tags::{TagIdentity, UntagIdentity};
pub use users::{CreateUser, DeleteUser, GetUser, GetUserOutput, ListUsers};

use super::tag_resource::check_tags;
use crate::access::Access;
use crate::{Error, FieldPath, Result, Service, Validation};
use cairn_auth::{AttachedPolicy, Holder, IdentityError, Page, Principal, PrincipalKind, Tags};
use cairn_model::Tag;
use cairn_policy::ContextValue;
use cairn_storage::Engine;

/// Entries of a list in one answer, at most.
const PAGE_MAX: i32 = 1_000;

/// Which part of a list is asked for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ListPage {
    /// At most so many entries, 1 to 1,000; 100 if not said.
    pub limit: Option<i32>,
    /// Where the page before ended.
    pub next_token: Option<String>,
}

impl ListPage {
    fn check(self) -> Result<Page, Validation> {
        let limit =
            match self.limit {
                None => None,
                Some(given) => {
                    let limit = usize::try_from(given).ok().filter(|_| (1..=PAGE_MAX).contains(&given));
                    let range = format_args!("Member must have value between 1 and {PAGE_MAX}");
                    Some(limit.ok_or_else(|| {
                        Validation::constraint("page_size", Some(&given.to_string()), range)
                    })?)
                }
            };
        Ok(Page { after: self.next_token, limit })
    }
}

/// The policies of a user, group or role.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HeldPolicies {
    /// The managed policies attached to it.
    pub attached: Vec<AttachedPolicy>,
    /// The names of its inline policies.
    pub inline: Vec<String>,
}

impl HeldPolicies {
    fn of<E: Engine>(service: &Service<E>, holder: &Holder) -> Result<Self> {
        Ok(Self {
            attached: service.identities.list_attached_policies(holder)?,
            inline: service.identities.list_inline_policies(holder)?,
        })
    }
}

/// The tags of a request, as the identities keep them.
fn to_tags(tags: Vec<Tag>) -> Result<Tags, Validation> {
    check_tags("tags", &tags)?;
    Ok(tags.into_iter().map(|tag| (tag.key, tag.value)).collect())
}

/// Tags as policies may ask about them.
fn asked_tags(tags: &[Tag]) -> Vec<(&str, Option<&str>)> {
    tags.iter().map(|tag| (&*tag.key, Some(&*tag.value))).collect()
}

/// A member that must be there.
fn required<T>(field: &'static str, given: Option<T>) -> Result<T, Validation> {
    given.ok_or_else(|| Validation::constraint(field, None, "Member must not be null"))
}

/// A time span that a caller gives.
fn seconds(field: &'static str, given: Option<i32>) -> Result<Option<u32>, Validation> {
    let Some(given) = given else { return Ok(None) };
    u32::try_from(given).map(Some).map_err(|_| {
        let constraint = "Member must have value greater than or equal to 1";
        Validation::constraint(field, Some(&given.to_string()), constraint)
    })
}

/// The user that a request names, or the caller itself if it names none.
fn user_or_caller(given: Option<String>, caller: &Principal) -> Result<String, Validation> {
    match (given, caller.kind(), caller.context_key("aws:username")) {
        (Some(name), ..) => Ok(name),
        (None, PrincipalKind::User, Some(ContextValue::One(name))) => Ok(name.into_owned()),
        _ => {
            Err(Validation::new("user_name", "Must specify userName when calling with non-User credentials"))
        }
    }
}

/// An action on the user that a request names, or on the caller itself.
fn to_user<'o>(action: &'static str, user: Option<&'o str>) -> Access<'o> {
    match user {
        Some(name) => Access::to_identity(action, "user", name),
        None => Access::to_caller(action),
    }
}

/// An action on an identity, which goes by another name for each kind of it; none if the request names no identity or
/// one of a kind that the action is not for. The operation refuses it then.
fn to_holder<'o>(
    holder: Option<&'o Holder>,
    [user, group, role]: [Option<&'static str>; 3],
) -> Option<Access<'o>> {
    let (action, kind, name) = match holder? {
        Holder::User(name) => (user?, "user", name),
        Holder::Group(name) => (group?, "group", name),
        Holder::Role(name) => (role?, "role", name),
    };
    Some(Access::to_identity(action, kind, name))
}

/// The user or role that a request names, for what groups do not have.
fn user_or_role(given: Option<Holder>) -> Result<Holder, Validation> {
    match required("identity", given)? {
        Holder::Group(_) => Err(Validation::new(
            FieldPath::from("identity").field("group_name"),
            "The specified value for identity is invalid: it must be a user or a role",
        )),
        holder => Ok(holder),
    }
}

impl Error {
    /// The same error, of a policy document in another member of the request.
    fn in_document(self, field: impl Into<FieldPath>) -> Self {
        match self {
            Self::MalformedPolicyDocument { error, .. } => {
                Self::MalformedPolicyDocument { field: field.into(), error }
            }
            other => other,
        }
    }
}

/// What requests call an argument of the identities.
fn member(argument: &'static str) -> &'static str {
    match argument {
        "holder" => "identity",
        "limit" => "page_size",
        "marker" => "page_token",
        "max_session_seconds" => "max_session_duration_seconds",
        "session_name" => "role_session_name",
        same => same,
    }
}

impl From<IdentityError> for Error {
    fn from(error: IdentityError) -> Self {
        let message = error.to_string();
        match error {
            IdentityError::NoSuchEntity { kind, name } => Self::NoSuchEntity { kind, name },
            IdentityError::EntityAlreadyExists { kind, name } => Self::EntityAlreadyExists { kind, name },
            IdentityError::DeleteConflict { .. } => Self::DeleteConflict { message },
            IdentityError::LimitExceeded { .. } => Self::LimitExceeded { message },
            IdentityError::MalformedPolicyDocument(error) => {
                Self::MalformedPolicyDocument { field: "policy_document".into(), error }
            }
            IdentityError::InvalidInput { field, message } => {
                let field = member(field);
                let message = format!("The specified value for {field} is invalid: {message}");
                Validation::new(field, message).into()
            }
            IdentityError::AssumeRoleDenied { caller, action, role } => Self::AccessDenied {
                principal: caller,
                action,
                resource: role,
                reason: format!("because no role trust policy allows the {action} action"),
            },
            IdentityError::Storage(error) => error.into(),
            other => Self::internal(other),
        }
    }
}
