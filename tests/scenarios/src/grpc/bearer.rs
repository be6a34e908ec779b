//! A caller's credentials in the metadata of every call.

use crate::protocol::Credentials;
use tonic::metadata::{Ascii, MetadataValue};
use tonic::service::Interceptor;
use tonic::{Request, Status};

/// Adds the credentials, if there are any.
#[derive(Clone)]
pub(crate) struct Bearer {
    authorization: Option<MetadataValue<Ascii>>,
}

impl Bearer {
    /// Of a caller; none has no credentials.
    ///
    /// # Errors
    /// They cannot be written into a header; why.
    pub(crate) fn new(caller: Option<&Credentials>) -> Result<Self, String> {
        let Some(Credentials { access_key_id, secret_access_key, session_token }) = caller else {
            return Ok(Self { authorization: None });
        };
        let mut token = format!("Bearer {access_key_id}.{secret_access_key}");
        if let Some(session_token) = session_token {
            token.push('.');
            token.push_str(session_token);
        }
        let authorization = token.parse().map_err(|error| format!("credentials cannot be sent: {error}"))?;
        Ok(Self { authorization: Some(authorization) })
    }
}

impl Interceptor for Bearer {
    fn call(&mut self, mut request: Request<()>) -> Result<Request<()>, Status> {
        if let Some(authorization) = &self.authorization {
            request.metadata_mut().insert("authorization", authorization.clone());
        }
        Ok(request)
    }
}
