//! The cases over AWS JSON: their vocabulary is this protocol's, so a call is sent as it is written.

use crate::protocol::{ApiError, CallError, Protocol};
use bytes::Bytes;
use http::Request;
use http_body_util::{BodyExt, Full};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use serde_json::{Map, Value};
use std::net::SocketAddr;

/// Calls the service over AWS JSON.
pub struct AwsJsonProtocol {
    client: Client<HttpConnector, Full<Bytes>>,
    address: SocketAddr,
}

impl AwsJsonProtocol {
    /// Calls the server that listens there.
    pub fn new(address: SocketAddr) -> Self {
        Self { client: Client::builder(TokioExecutor::new()).build_http(), address }
    }

    async fn exchange(&self, operation: &str, request: &Value) -> Result<(bool, Value), String> {
        let request = Request::post(format!("http://{}/", self.address))
            .header("content-type", "application/x-amz-json-1.0")
            .header("x-amz-target", format!("DynamoDB_20120810.{operation}"))
            .body(Full::from(request.to_string()))
            .map_err(|error| error.to_string())?;
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
    async fn call(&self, operation: &str, request: &Value) -> Result<Value, CallError> {
        match self.exchange(operation, request).await {
            Ok((true, answer)) => Ok(answer),
            Ok((false, error)) => Err(call_error(&error)),
            Err(reason) => Err(CallError::Fault(reason)),
        }
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
