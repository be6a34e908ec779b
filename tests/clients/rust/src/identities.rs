//! The callers of a new server, made as an operator makes them: over gRPC, by the root.

use crate::environment::Credentials;
use cairn_api::v1;
use cairn_api::v1::iam_service_client::IamServiceClient;
use cairn_api::v1::identity::Identity;
use cairn_auth::Secret;
use serde_json::json;
use tonic::metadata::errors::InvalidMetadataValue;
use tonic::transport::{Channel, Endpoint};
use tonic::{Request, Status};

/// The policy for everything.
const ADMINISTRATOR_POLICY: &str = "arn:aws:iam::aws:policy/CairnAdministrator";
/// The policy for reading.
const READ_ONLY_POLICY: &str = "arn:aws:iam::aws:policy/CairnReadOnly";

/// Why there are no identities.
#[derive(Debug, thiserror::Error)]
pub enum IdentityFault {
    /// The server cannot be reached.
    #[error("cannot reach the server")]
    Connect(#[from] tonic::transport::Error),
    /// The server refuses.
    #[error("the server refuses to make an identity")]
    Refused(#[from] Status),
    /// Credentials cannot be sent in a header.
    #[error("credentials that cannot be sent")]
    Header(#[from] InvalidMetadataValue),
    /// The answer lacks what was asked for.
    #[error("an answer without {0}")]
    Missing(&'static str),
}

/// The callers that a suite may be.
pub(crate) struct Identities {
    pub(crate) administrator: Credentials,
    pub(crate) reader: Credentials,
    pub(crate) session: Credentials,
}

/// Makes them. `root` is the account's own key.
pub(crate) async fn make(endpoint: &str, root: &Credentials) -> Result<Identities, IdentityFault> {
    let channel = Endpoint::from_shared(endpoint.to_owned())?.connect().await?;
    let operator = Caller::new(&channel, root);
    let administrator = operator.make_user("administrator", ADMINISTRATOR_POLICY).await?;
    let reader = operator.make_user("reader", READ_ONLY_POLICY).await?;
    let role_arn = operator.make_role("builder", ADMINISTRATOR_POLICY).await?;
    let session = Caller::new(&channel, &administrator).assume(role_arn).await?;
    Ok(Identities { administrator, reader, session })
}

/// Somebody who manages identities.
struct Caller {
    iam: IamServiceClient<Channel>,
    authorization: String,
}

impl Caller {
    fn new(channel: &Channel, credentials: &Credentials) -> Self {
        let Credentials { access_key_id, secret_access_key, .. } = credentials;
        Self {
            iam: IamServiceClient::new(channel.clone()),
            authorization: format!("Bearer {access_key_id}.{}", secret_access_key.expose()),
        }
    }

    fn request<M>(&self, message: M) -> Result<Request<M>, IdentityFault> {
        let mut request = Request::new(message);
        request.metadata_mut().insert("authorization", self.authorization.parse()?);
        Ok(request)
    }

    /// Makes a user who may do what a policy allows.
    async fn make_user(&self, name: &str, policy_arn: &str) -> Result<Credentials, IdentityFault> {
        let mut iam = self.iam.clone();
        let message = v1::CreateUserRequest { user_name: name.to_owned(), ..Default::default() };
        iam.create_user(self.request(message)?).await?;
        self.attach(Identity::UserName(name.to_owned()), policy_arn).await?;
        let message = v1::CreateAccessKeyRequest { user_name: name.to_owned() };
        let answer = iam.create_access_key(self.request(message)?).await?.into_inner();
        let key = answer.access_key.ok_or(IdentityFault::Missing("an access key"))?;
        Ok(Credentials {
            access_key_id: key.access_key_id,
            secret_access_key: Secret::new(key.secret_access_key),
            session_token: None,
        })
    }

    /// Makes a role that the account's users may take on if their policies let them. Answers its ARN.
    async fn make_role(&self, name: &str, policy_arn: &str) -> Result<String, IdentityFault> {
        let trust = json!({
            "Version": "2012-10-17",
            "Statement": [{
                "Effect": "Allow",
                "Principal": {"AWS": "arn:aws:iam::000000000000:root"},
                "Action": "sts:AssumeRole",
            }],
        });
        let message = v1::CreateRoleRequest {
            role_name: name.to_owned(),
            assume_role_policy_document: trust.to_string(),
            ..Default::default()
        };
        let answer = self.iam.clone().create_role(self.request(message)?).await?.into_inner();
        self.attach(Identity::RoleName(name.to_owned()), policy_arn).await?;
        Ok(answer.role.ok_or(IdentityFault::Missing("a role"))?.arn)
    }

    async fn attach(&self, identity: Identity, policy_arn: &str) -> Result<(), IdentityFault> {
        let identity = Some(v1::Identity { identity: Some(identity) });
        let message = v1::AttachPolicyRequest { identity, policy_arn: policy_arn.to_owned() };
        self.iam.clone().attach_policy(self.request(message)?).await?;
        Ok(())
    }

    /// Begins a session.
    async fn assume(&self, role_arn: String) -> Result<Credentials, IdentityFault> {
        let message =
            v1::AssumeRoleRequest { role_arn, role_session_name: "suite".to_owned(), ..Default::default() };
        let answer = self.iam.clone().assume_role(self.request(message)?).await?.into_inner();
        let credentials = answer.credentials.ok_or(IdentityFault::Missing("credentials"))?;
        Ok(Credentials {
            access_key_id: credentials.access_key_id,
            secret_access_key: Secret::new(credentials.secret_access_key),
            session_token: Some(Secret::new(credentials.session_token)),
        })
    }
}
