//! A server that believes nobody without credentials, and callers who have some.

// Each test file uses the part it needs.
#![allow(dead_code)]

use cairn_api::v1;
use cairn_api::v1::iam_service_client::IamServiceClient;
use cairn_api::v1::identity::Identity;
use cairn_auth::Secret;
use cairn_server::settings::{SecretSettings, SettingsInput};
use serde_json::json;
use std::path::Path;
use tonic::transport::Channel;
use tonic::{Code, Request, Status};
use tonic_types::StatusExt;

pub(crate) const ROOT_ID: &str = "AKIAROOTROOTROOTROOT";
pub(crate) const ROOT_SECRET: &str = "a-secret-of-the-root-that-is-long-enough-1234567890";
pub(crate) const SECRETS_KEY: &str = "a1b2c3d4e5f60718293a4b5c6d7e8f90112233445566778899aabbccddeeff01";

/// Settings of a server that is not for development, with the root's key from its settings.
pub(crate) fn secured(data: &Path) -> SettingsInput {
    SettingsInput {
        data: Some(data.into()),
        listen: Some("127.0.0.1:0".parse().unwrap()),
        capacity_limits: Some(cairn_ops::CapacityLimits::Off),
        cache_mib: Some(8),
        write_buffer_mib: Some(8),
        disk_reserve_mib: Some(0),
        root_access_key_id: Some(ROOT_ID.into()),
        secrets: SecretSettings {
            secrets_key: Some(Secret::new(SECRETS_KEY)),
            root_secret_access_key: Some(Secret::new(ROOT_SECRET)),
        },
        ..SettingsInput::default()
    }
}

/// The root's bearer token.
pub(crate) fn root() -> String {
    format!("{ROOT_ID}.{ROOT_SECRET}")
}

/// A request with a bearer token.
pub(crate) fn with<M>(bearer: &str, message: M) -> Request<M> {
    headed(&[&format!("Bearer {bearer}")], message)
}

/// A request with these `authorization` headers.
pub(crate) fn headed<M>(headers: &[&str], message: M) -> Request<M> {
    let mut request = Request::new(message);
    for header in headers {
        request.metadata_mut().append("authorization", header.parse().unwrap());
    }
    request
}

/// A status as a client would compare it: its code, and the reason in its details.
#[track_caller]
pub(crate) fn told(status: &Status) -> (Code, String) {
    let info = status.get_details_error_info().unwrap_or_else(|| panic!("no reason: {status:?}"));
    (status.code(), info.reason)
}

/// A policy document that allows an action on everything.
pub(crate) fn allow(action: &str) -> String {
    statement(json!({"Effect": "Allow", "Action": action, "Resource": "*"}))
}

/// A policy document of one statement.
pub(crate) fn statement(statement: serde_json::Value) -> String {
    json!({"Version": "2012-10-17", "Statement": [statement]}).to_string()
}

/// A user by name.
pub(crate) fn user(name: &str) -> Option<v1::Identity> {
    Some(v1::Identity { identity: Some(Identity::UserName(name.into())) })
}

/// A role by name.
pub(crate) fn role(name: &str) -> Option<v1::Identity> {
    Some(v1::Identity { identity: Some(Identity::RoleName(name.into())) })
}

/// An access key as it is when it is made, and never again.
#[derive(Clone)]
pub(crate) struct Key {
    pub(crate) id: String,
    pub(crate) secret: String,
}

impl Key {
    pub(crate) fn bearer(&self) -> String {
        format!("{}.{}", self.id, self.secret)
    }
}

/// The account's root at work.
pub(crate) struct Root(pub(crate) Channel);

impl Root {
    pub(crate) fn iam(&self) -> IamServiceClient<Channel> {
        IamServiceClient::new(self.0.clone()).max_encoding_message_size(usize::MAX)
    }

    /// Makes a user with an access key and no permission.
    pub(crate) async fn user(&self, name: &str) -> Key {
        let request = v1::CreateUserRequest { user_name: name.into(), ..Default::default() };
        self.iam().create_user(with(&root(), request)).await.unwrap();
        self.key(name).await
    }

    /// Makes an access key.
    pub(crate) async fn key(&self, user: &str) -> Key {
        let request = v1::CreateAccessKeyRequest { user_name: user.into() };
        let made = self.iam().create_access_key(with(&root(), request)).await.unwrap().into_inner();
        let made = made.access_key.unwrap();
        Key { id: made.access_key_id, secret: made.secret_access_key }
    }

    /// Makes a role that may be assumed by whom `trust`, a statement, says.
    pub(crate) async fn role(&self, name: &str, trust: serde_json::Value) {
        let request = v1::CreateRoleRequest {
            role_name: name.into(),
            assume_role_policy_document: statement(trust),
            ..Default::default()
        };
        self.iam().create_role(with(&root(), request)).await.unwrap();
    }

    /// Puts the inline policy `rights`.
    pub(crate) async fn put_rights(&self, identity: Option<v1::Identity>, document: String) {
        let request =
            v1::PutInlinePolicyRequest { identity, policy_name: "rights".into(), policy_document: document };
        self.iam().put_inline_policy(with(&root(), request)).await.unwrap();
    }

    /// Takes the inline policy `rights` away.
    pub(crate) async fn delete_rights(&self, identity: Option<v1::Identity>) {
        let request = v1::DeleteInlinePolicyRequest { identity, policy_name: "rights".into() };
        self.iam().delete_inline_policy(with(&root(), request)).await.unwrap();
    }

    /// Turns an access key off or on.
    pub(crate) async fn set_key(&self, user: &str, key: &Key, status: v1::AccessKeyStatus) {
        let request = v1::UpdateAccessKeyRequest {
            user_name: user.into(),
            access_key_id: key.id.clone(),
            status: status.into(),
        };
        self.iam().update_access_key(with(&root(), request)).await.unwrap();
    }

    /// Removes an access key.
    pub(crate) async fn delete_key(&self, user: &str, key: &Key) {
        let request = v1::DeleteAccessKeyRequest { user_name: user.into(), access_key_id: key.id.clone() };
        self.iam().delete_access_key(with(&root(), request)).await.unwrap();
    }
}

/// Who the server says is calling.
pub(crate) async fn whoami(channel: &Channel, bearer: &str) -> Result<String, Status> {
    asked(channel, with(bearer, v1::GetCallerIdentityRequest {})).await
}

/// The same, of a request with any headers.
pub(crate) async fn asked(
    channel: &Channel,
    request: Request<v1::GetCallerIdentityRequest>,
) -> Result<String, Status> {
    Ok(IamServiceClient::new(channel.clone()).get_caller_identity(request).await?.into_inner().arn)
}

/// The first bytes of what the server says of its health to a plain HTTP/1.1 request.
pub(crate) async fn healthz(address: std::net::SocketAddr) -> String {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let mut stream = tokio::net::TcpStream::connect(address).await.unwrap();
    stream.write_all(b"GET /healthz HTTP/1.1\r\nhost: cairn\r\nconnection: close\r\n\r\n").await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    answer
}
