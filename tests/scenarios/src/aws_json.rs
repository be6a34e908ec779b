//! The cases over AWS JSON: their vocabulary is this protocol's, so a call is sent as it is written.
//!
//! Identities are managed over gRPC, which the same port speaks: AWS JSON has no calls for them.

use crate::iam::IamClient;
use crate::protocol::{ApiError, CallError, Credentials, Protocol};
use bytes::Bytes;
use cairn_auth::{Secret, Signer};
use http::Request;
use http_body_util::{BodyExt, Full};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use jiff::Timestamp;
use serde_json::{Map, Value};
use std::net::SocketAddr;

/// The region that signatures are scoped to; the server takes any.
const REGION: &str = "us-east-1";

/// Calls the service over AWS JSON.
pub struct AwsJsonProtocol {
    client: Client<HttpConnector, Full<Bytes>>,
    iam: IamClient,
    address: SocketAddr,
}

impl AwsJsonProtocol {
    /// Calls the server that listens there. Within a Tokio runtime.
    pub fn new(address: SocketAddr) -> Self {
        let client = Client::builder(TokioExecutor::new()).build_http();
        Self { client, iam: IamClient::new(address), address }
    }

    async fn exchange(
        &self,
        caller: Option<&Credentials>,
        operation: &str,
        request: &Value,
    ) -> Result<(bool, Value), String> {
        let (mut head, body) = Request::post(format!("http://{}/", self.address))
            .header("content-type", "application/x-amz-json-1.0")
            .header("x-amz-target", format!("DynamoDB_20120810.{operation}"))
            .body(request.to_string())
            .map_err(|error| error.to_string())?
            .into_parts();
        if let Some(caller) = caller {
            let signed = signer(caller).sign(&mut head, body.as_bytes(), Timestamp::now());
            signed.map_err(|error| error.to_string())?;
        }
        let request = Request::from_parts(head, Full::from(body));
        let response = self.client.request(request).await.map_err(|error| error.to_string())?;
        let (head, body) = response.into_parts();
        let body = body.collect().await.map_err(|error| error.to_string())?.to_bytes();
        let checksum = head.headers.get("x-amz-crc32").and_then(|value| value.to_str().ok()?.parse().ok());
        if checksum != Some(crc32fast::hash(&body)) {
            return Err(format!("the checksum of {operation}'s answer is {checksum:?}"));
        }
        // Some operations answer nothing at all.
        let answer = if body.is_empty() {
            Ok(Value::Object(Map::new()))
        } else {
            serde_json::from_slice(&body).map_err(|error| error.to_string())
        };
        Ok((head.status.is_success(), answer?))
    }
}

impl Protocol for AwsJsonProtocol {
    async fn call_as(
        &self,
        caller: Option<&Credentials>,
        operation: &str,
        request: &Value,
    ) -> Result<Value, CallError> {
        if let Some(method) = self.iam.method(operation) {
            return self.iam.call(caller, &method, request).await;
        }
        match self.exchange(caller, operation, request).await {
            Ok((true, answer)) => Ok(answer),
            Ok((false, error)) => Err(call_error(&error)),
            Err(reason) => Err(CallError::Fault(reason)),
        }
    }
}

fn signer(caller: &Credentials) -> Signer {
    Signer {
        access_key_id: caller.access_key_id.clone(),
        secret_access_key: Secret::new(&caller.secret_access_key),
        session_token: caller.session_token.as_ref().map(Secret::new),
        region: REGION.into(),
    }
}

fn call_error(error: &Value) -> CallError {
    let text = |names: &[&str]| names.iter().find_map(|name| error.get(name)?.as_str());
    let Some((_, exception)) = text(&["__type"]).and_then(|name| name.split_once('#')) else {
        return CallError::Fault(format!("the error names no exception: {error}"));
    };
    CallError::Api(ApiError {
        exception: exception.to_owned(),
        message: text(&["message", "Message"]).unwrap_or_default().to_owned(),
        item: error.get("Item").cloned(),
        reasons: error.get("CancellationReasons").cloned(),
        throttling: ["ThrottlingReasons", "throttlingReasons"]
            .iter()
            .find_map(|name| error.get(*name))
            .cloned(),
    })
}
