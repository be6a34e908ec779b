//! How identities and policies are printed: as JSON with the member names of AWS IAM, and as tables for people.

use super::super::output::{new_table, number_cell, text_cell};
use cairn_api::v1;
use comfy_table::Table;
use serde::Serialize;
use std::fmt::Write;

/// A tag.
#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct TagView {
    key: String,
    value: String,
}

/// What bounds an identity.
#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
struct BoundaryView {
    permissions_boundary_arn: String,
}

/// A managed policy where it is attached.
#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
struct AttachedView {
    policy_name: String,
    policy_arn: String,
}

/// The policies of an identity.
#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
struct PoliciesView {
    attached_managed_policies: Vec<AttachedView>,
    inline_policy_names: Vec<String>,
}

/// A user. What only GetUser tells is left out of lists.
#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct UserView {
    user_name: String,
    user_id: String,
    arn: String,
    create_date: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    permissions_boundary: Option<BoundaryView>,
    tags: Vec<TagView>,
    #[serde(flatten, skip_serializing_if = "Option::is_none")]
    policies: Option<PoliciesView>,
    #[serde(skip_serializing_if = "Option::is_none")]
    group_names: Option<Vec<String>>,
}

/// A group. What only GetGroup tells is left out of lists.
#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct GroupView {
    group_name: String,
    group_id: String,
    arn: String,
    create_date: Option<String>,
    #[serde(flatten, skip_serializing_if = "Option::is_none")]
    policies: Option<PoliciesView>,
    #[serde(skip_serializing_if = "Option::is_none")]
    user_names: Option<Vec<String>>,
}

/// A role. What only GetRole tells is left out of lists.
#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct RoleView {
    role_name: String,
    role_id: String,
    arn: String,
    create_date: Option<String>,
    description: String,
    max_session_duration: i32,
    /// The text, not the JSON in it: it is printed as it was written.
    assume_role_policy_document: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    permissions_boundary: Option<BoundaryView>,
    tags: Vec<TagView>,
    #[serde(flatten, skip_serializing_if = "Option::is_none")]
    policies: Option<PoliciesView>,
}

/// A managed policy. What only GetPolicy tells is left out of lists.
#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct PolicyView {
    policy_name: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    policy_id: String,
    arn: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    create_date: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    update_date: Option<String>,
    description: String,
    attachment_count: i32,
    built_in: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    document: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    attached_to: Option<Vec<String>>,
}

/// An access key without its secret.
#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct KeyView {
    user_name: String,
    access_key_id: String,
    status: &'static str,
    create_date: Option<String>,
    last_used_date: Option<String>,
}

/// A new access key. It has no `Debug`: it holds the secret.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct NewKeyView {
    user_name: String,
    access_key_id: String,
    secret_access_key: String,
    status: &'static str,
    create_date: Option<String>,
}

/// A role's session. It has no `Debug`: it holds the secret.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct SessionView {
    credentials: SessionCredentialsView,
    assumed_role_user: AssumedRoleView,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct SessionCredentialsView {
    access_key_id: String,
    secret_access_key: String,
    session_token: String,
    expiration: Option<String>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
struct AssumedRoleView {
    arn: String,
    assumed_role_id: String,
}

/// Who is calling.
#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct CallerView {
    account: String,
    arn: String,
    user_id: String,
}

fn time(at: Option<prost_types::Timestamp>) -> Option<String> {
    at.map(|at| at.to_string())
}

fn shown_time(at: Option<&String>) -> &str {
    at.map_or("", String::as_str)
}

fn tags(tags: Vec<v1::Tag>) -> Vec<TagView> {
    tags.into_iter().map(|tag| TagView { key: tag.key, value: tag.value }).collect()
}

fn boundary(arn: String) -> Option<BoundaryView> {
    (!arn.is_empty()).then_some(BoundaryView { permissions_boundary_arn: arn })
}

fn policies(policies: v1::IdentityPolicies) -> PoliciesView {
    let attached = policies.attached_policies.into_iter();
    PoliciesView {
        attached_managed_policies: attached
            .map(|policy| AttachedView { policy_name: policy.policy_name, policy_arn: policy.policy_arn })
            .collect(),
        inline_policy_names: policies.inline_policy_names,
    }
}

fn status(status: v1::AccessKeyStatus) -> &'static str {
    match status {
        v1::AccessKeyStatus::Active => "Active",
        v1::AccessKeyStatus::Inactive => "Inactive",
        v1::AccessKeyStatus::Unspecified => "",
    }
}

/// Rows of a name and a text each. Those without a text are left out.
fn rows<'t>(rows: impl IntoIterator<Item = (&'t str, String)>) -> Table {
    let mut table = new_table();
    let filled = rows.into_iter().filter(|(_, text)| !text.is_empty());
    table.add_rows(filled.map(|(name, text)| [text_cell(name), text_cell(&text)]));
    table
}

fn list(items: &[String]) -> String {
    items.join(", ")
}

fn tag_text(tags: &[TagView]) -> String {
    tags.iter().map(|tag| format!("{}={}", tag.key, tag.value)).collect::<Vec<_>>().join(", ")
}

fn boundary_text(boundary: Option<&BoundaryView>) -> String {
    boundary.map(|boundary| boundary.permissions_boundary_arn.clone()).unwrap_or_default()
}

fn policy_rows(policies: Option<&PoliciesView>) -> [(&'static str, String); 2] {
    let attached = |policies: &PoliciesView| {
        let arns = policies.attached_managed_policies.iter().map(|policy| policy.policy_arn.clone());
        list(&arns.collect::<Vec<_>>())
    };
    [
        ("Policies", policies.map(attached).unwrap_or_default()),
        ("Inline policies", policies.map(|policies| list(&policies.inline_policy_names)).unwrap_or_default()),
    ]
}

/// A table with a line for each of some things.
fn lines<V, const N: usize>(
    header: [&str; N],
    views: &[V],
    cells: impl Fn(&V) -> [comfy_table::Cell; N],
) -> Table {
    let mut table = new_table();
    table.set_header(header.map(text_cell));
    table.add_rows(views.iter().map(cells));
    table
}

impl UserView {
    pub(super) fn of(user: v1::User) -> Self {
        Self {
            user_name: user.user_name,
            user_id: user.user_id,
            arn: user.arn,
            create_date: time(user.create_time),
            permissions_boundary: boundary(user.permissions_boundary_arn),
            tags: tags(user.tags),
            policies: None,
            group_names: None,
        }
    }

    pub(super) fn with(self, with: v1::IdentityPolicies, groups: Vec<String>) -> Self {
        Self { policies: Some(policies(with)), group_names: Some(groups), ..self }
    }

    pub(super) fn table(&self) -> Table {
        let [attached, inline] = policy_rows(self.policies.as_ref());
        rows([
            ("Name", self.user_name.clone()),
            ("ARN", self.arn.clone()),
            ("Id", self.user_id.clone()),
            ("Created", self.create_date.clone().unwrap_or_default()),
            ("Groups", list(self.group_names.as_deref().unwrap_or_default())),
            attached,
            inline,
            ("Permissions boundary", boundary_text(self.permissions_boundary.as_ref())),
            ("Tags", tag_text(&self.tags)),
        ])
    }

    pub(super) fn list(users: &[Self]) -> Table {
        lines(["User", "ARN", "Created"], users, |user| {
            [
                text_cell(&user.user_name),
                text_cell(&user.arn),
                text_cell(shown_time(user.create_date.as_ref())),
            ]
        })
    }
}

impl GroupView {
    pub(super) fn of(group: v1::Group) -> Self {
        Self {
            group_name: group.group_name,
            group_id: group.group_id,
            arn: group.arn,
            create_date: time(group.create_time),
            policies: None,
            user_names: None,
        }
    }

    pub(super) fn with(self, with: v1::IdentityPolicies, users: Vec<String>) -> Self {
        Self { policies: Some(policies(with)), user_names: Some(users), ..self }
    }

    pub(super) fn table(&self) -> Table {
        let [attached, inline] = policy_rows(self.policies.as_ref());
        rows([
            ("Name", self.group_name.clone()),
            ("ARN", self.arn.clone()),
            ("Id", self.group_id.clone()),
            ("Created", self.create_date.clone().unwrap_or_default()),
            ("Users", list(self.user_names.as_deref().unwrap_or_default())),
            attached,
            inline,
        ])
    }

    pub(super) fn list(groups: &[Self]) -> Table {
        lines(["Group", "ARN", "Created"], groups, |group| {
            let created = shown_time(group.create_date.as_ref());
            [text_cell(&group.group_name), text_cell(&group.arn), text_cell(created)]
        })
    }
}

impl RoleView {
    pub(super) fn of(role: v1::Role) -> Self {
        Self {
            role_name: role.role_name,
            role_id: role.role_id,
            arn: role.arn,
            create_date: time(role.create_time),
            description: role.description,
            max_session_duration: role.max_session_duration_seconds,
            assume_role_policy_document: role.assume_role_policy_document,
            permissions_boundary: boundary(role.permissions_boundary_arn),
            tags: tags(role.tags),
            policies: None,
        }
    }

    pub(super) fn with(self, with: v1::IdentityPolicies) -> Self {
        Self { policies: Some(policies(with)), ..self }
    }

    pub(super) fn table(&self) -> Table {
        let [attached, inline] = policy_rows(self.policies.as_ref());
        rows([
            ("Name", self.role_name.clone()),
            ("ARN", self.arn.clone()),
            ("Id", self.role_id.clone()),
            ("Created", self.create_date.clone().unwrap_or_default()),
            ("Description", self.description.clone()),
            ("Longest session", format!("{} s", self.max_session_duration)),
            ("Trust policy", self.assume_role_policy_document.clone()),
            attached,
            inline,
            ("Permissions boundary", boundary_text(self.permissions_boundary.as_ref())),
            ("Tags", tag_text(&self.tags)),
        ])
    }

    pub(super) fn list(roles: &[Self]) -> Table {
        lines(["Role", "ARN", "Created"], roles, |role| {
            [
                text_cell(&role.role_name),
                text_cell(&role.arn),
                text_cell(shown_time(role.create_date.as_ref())),
            ]
        })
    }
}

impl PolicyView {
    pub(super) fn of(policy: v1::Policy) -> Self {
        Self {
            policy_name: policy.policy_name,
            policy_id: policy.policy_id,
            arn: policy.arn,
            create_date: time(policy.create_time),
            update_date: time(policy.update_time),
            description: policy.description,
            attachment_count: policy.attachment_count,
            built_in: policy.built_in,
            document: None,
            attached_to: None,
        }
    }

    pub(super) fn with(self, document: String, attached_to: Vec<v1::Identity>) -> Self {
        use v1::identity::Identity;
        let shown = attached_to.into_iter().filter_map(|identity| {
            identity.identity.map(|identity| match identity {
                Identity::UserName(name) => format!("user/{name}"),
                Identity::GroupName(name) => format!("group/{name}"),
                Identity::RoleName(name) => format!("role/{name}"),
            })
        });
        Self { document: Some(document), attached_to: Some(shown.collect()), ..self }
    }

    pub(super) fn table(&self) -> Table {
        rows([
            ("Name", self.policy_name.clone()),
            ("ARN", self.arn.clone()),
            ("Id", self.policy_id.clone()),
            ("Created", self.create_date.clone().unwrap_or_default()),
            ("Changed", self.update_date.clone().unwrap_or_default()),
            ("Description", self.description.clone()),
            ("Built in", if self.built_in { "yes" } else { "" }.to_owned()),
            ("Attached to", list(self.attached_to.as_deref().unwrap_or_default())),
            ("Document", self.document.clone().unwrap_or_default()),
        ])
    }

    pub(super) fn list(policies: &[Self]) -> Table {
        lines(["Policy", "ARN", "Attached"], policies, |policy| {
            [text_cell(&policy.policy_name), text_cell(&policy.arn), number_cell(policy.attachment_count)]
        })
    }
}

impl KeyView {
    pub(super) fn of(key: v1::AccessKeyMetadata) -> Self {
        Self {
            status: status(key.status()),
            user_name: key.user_name,
            access_key_id: key.access_key_id,
            create_date: time(key.create_time),
            last_used_date: time(key.last_used_time),
        }
    }

    pub(super) fn list(keys: &[Self]) -> Table {
        lines(["User", "Access key", "Status", "Created", "Last used"], keys, |key| {
            let used = key.last_used_date.as_deref().unwrap_or("never");
            [&*key.user_name, &key.access_key_id, key.status, shown_time(key.create_date.as_ref()), used]
                .map(text_cell)
        })
    }
}

impl NewKeyView {
    pub(super) fn of(key: v1::AccessKey) -> Self {
        Self {
            status: status(key.status()),
            user_name: key.user_name,
            access_key_id: key.access_key_id,
            secret_access_key: key.secret_access_key,
            create_date: time(key.create_time),
        }
    }

    pub(super) fn table(&self) -> Table {
        rows([
            ("User", self.user_name.clone()),
            ("Access key", self.access_key_id.clone()),
            ("Secret", self.secret_access_key.clone()),
        ])
    }

    /// How to use it.
    pub(super) fn note(&self) -> String {
        let variables = exports(&[
            ("CAIRN_ACCESS_KEY_ID", &self.access_key_id),
            ("CAIRN_SECRET_ACCESS_KEY", &self.secret_access_key),
        ]);
        format!(
            "The secret is shown this once and cannot be asked for again. To call with the key:\n{variables}"
        )
    }
}

impl SessionView {
    pub(super) fn of(session: v1::AssumeRoleResponse) -> Option<Self> {
        let credentials = session.credentials?;
        Some(Self {
            credentials: SessionCredentialsView {
                access_key_id: credentials.access_key_id,
                secret_access_key: credentials.secret_access_key,
                session_token: credentials.session_token,
                expiration: time(credentials.expire_time),
            },
            assumed_role_user: AssumedRoleView {
                arn: session.assumed_role_arn,
                assumed_role_id: session.assumed_role_id,
            },
        })
    }

    pub(super) fn table(&self) -> Table {
        rows([
            ("Session", self.assumed_role_user.arn.clone()),
            ("Ends", self.credentials.expiration.clone().unwrap_or_default()),
        ])
    }

    /// How to use it.
    pub(super) fn note(&self) -> String {
        let variables = exports(&[
            ("CAIRN_ACCESS_KEY_ID", &self.credentials.access_key_id),
            ("CAIRN_SECRET_ACCESS_KEY", &self.credentials.secret_access_key),
            ("CAIRN_SESSION_TOKEN", &self.credentials.session_token),
        ]);
        format!("To call within the session:\n{variables}")
    }
}

/// Lines for a shell. Access keys and tokens have no characters that a shell would read as something else.
fn exports(variables: &[(&str, &str)]) -> String {
    let mut text = String::new();
    for (at, (name, value)) in variables.iter().enumerate() {
        let separator = if at == 0 { "" } else { "\n" };
        // Writing to a string does not fail.
        let _ = write!(text, "{separator}  export {name}='{}'", super::super::output::printable(value));
    }
    text
}

impl CallerView {
    pub(super) fn of(caller: v1::GetCallerIdentityResponse) -> Self {
        Self { account: caller.account, arn: caller.arn, user_id: caller.user_id }
    }

    pub(super) fn table(&self) -> Table {
        rows([("Account", self.account.clone()), ("ARN", self.arn.clone()), ("Id", self.user_id.clone())])
    }
}
