//! Calls in AWS JSON over HTTP/1.1, signed, each caller's one after the other on a connection of its own that stays
//! open, as the AWS SDKs make them.
//!
//! The requests are signed before the rounds begin, so that what a client spends on its signatures does not slow the
//! server down with which it shares the machine.

use crate::load::{Caller, Walk};
use crate::rpc::{Kind, TABLE, filler};
use crate::{Error, Options};
use bytes::Bytes;
use cairn_api::v1;
use cairn_api::v1::iam_service_client::IamServiceClient;
use cairn_auth::{Secret, Signer};
use http::{HeaderMap, Request, StatusCode};
use http_body_util::{BodyExt, Full};
use hyper::client::conn::http1::SendRequest;
use hyper_util::rt::TokioIo;
use jiff::Timestamp;
use std::net::SocketAddr;
use tokio::net::TcpStream;
use tonic::transport::Channel;

/// Requests that a caller has ready, to be sent again and again.
const READY: usize = 400;

/// One who calls over HTTP/1.1.
pub(crate) struct HttpCaller {
    address: SocketAddr,
    /// Opened with the first call: a server closes one on which none is made.
    connection: Option<SendRequest<Full<Bytes>>>,
    ready: Vec<(HeaderMap, Bytes)>,
    next: usize,
    /// The least that an answer can have.
    answer_bytes_min: usize,
}

/// A user of the server's who may do everything with tables, to sign as.
pub(crate) async fn signer(channel: &Channel) -> Result<Signer, Error> {
    const USER: &str = "bench";
    let mut identities = IamServiceClient::new(channel.clone());
    identities.create_user(v1::CreateUserRequest { user_name: USER.into(), ..Default::default() }).await?;
    identities
        .put_inline_policy(v1::PutInlinePolicyRequest {
            identity: Some(v1::Identity { identity: Some(v1::identity::Identity::UserName(USER.into())) }),
            policy_name: "items".into(),
            policy_document: r#"{"Version": "2012-10-17", "Statement":
                [{"Effect": "Allow", "Action": "dynamodb:*", "Resource": "*"}]}"#
                .into(),
        })
        .await?;
    let request = v1::CreateAccessKeyRequest { user_name: USER.into() };
    let key = identities.create_access_key(request).await?.into_inner().access_key.ok_or(Error::Missing)?;
    Ok(Signer {
        access_key_id: key.access_key_id,
        secret_access_key: Secret::new(key.secret_access_key),
        session_token: None,
        region: "local".into(),
    })
}

/// So many callers; who has no signer calls the echo, which does not ask who it is.
pub(crate) fn callers(
    address: SocketAddr,
    kind: Kind,
    signer: Option<&Signer>,
    options: &Options,
) -> Result<Vec<HttpCaller>, Error> {
    let mut callers = Vec::new();
    for caller in 0..options.callers {
        callers.push(HttpCaller {
            address,
            connection: None,
            ready: ready(caller, address, kind, signer, options)?,
            next: 0,
            answer_bytes_min: match (kind, signer) {
                (Kind::Get, _) | (_, None) => options.item_bytes,
                (Kind::Put, Some(_)) => 0,
            },
        });
    }
    Ok(callers)
}

fn ready(
    caller: usize,
    address: SocketAddr,
    kind: Kind,
    signer: Option<&Signer>,
    options: &Options,
) -> Result<Vec<(HeaderMap, Bytes)>, Error> {
    let (target, turns) = match kind {
        // The same items with another text each time around.
        Kind::Put => ("DynamoDB_20120810.PutItem", 2),
        Kind::Get => ("DynamoDB_20120810.GetItem", 1),
    };
    let mut ready = Vec::with_capacity(READY);
    for turn in 0..turns {
        let mut walk = Walk::new(caller, options.items);
        for _ in 0..READY / usize::from(turns) {
            let body = match kind {
                Kind::Put => put(walk.next_id(), options.item_bytes, filler(turn)),
                Kind::Get => get(walk.next_id()),
            };
            let (mut head, ()) = request(&address.to_string(), target)?.into_parts();
            if let Some(signer) = signer {
                signer.sign(&mut head, &body, Timestamp::now())?;
            }
            ready.push((head.headers, body));
        }
    }
    Ok(ready)
}

/// A request without its body.
pub(crate) fn request(host: &str, target: &str) -> Result<Request<()>, http::Error> {
    Request::post("/")
        .header("host", host)
        .header("content-type", "application/x-amz-json-1.0")
        .header("user-agent", "cairn-bench-rpc")
        .header("x-amz-target", target)
        .body(())
}

/// A PutItem of an item as the gRPC callers put it.
pub(crate) fn put(id: u64, item_bytes: usize, filler: char) -> Bytes {
    let key = id.to_string();
    // As DynamoDB counts: names in UTF-8, a number as one byte for two digits and one more.
    let text = item_bytes.saturating_sub("id".len() + key.len().div_ceil(2) + 1 + "body".len());
    let text: String = std::iter::repeat_n(filler, text).collect();
    format!(r#"{{"TableName":"{TABLE}","Item":{{"id":{{"N":"{key}"}},"body":{{"S":"{text}"}}}}}}"#).into()
}

/// A strong GetItem.
pub(crate) fn get(id: u64) -> Bytes {
    format!(r#"{{"TableName":"{TABLE}","Key":{{"id":{{"N":"{id}"}}}},"ConsistentRead":true}}"#).into()
}

async fn connect(address: SocketAddr) -> Result<SendRequest<Full<Bytes>>, Error> {
    let stream = TcpStream::connect(address).await?;
    stream.set_nodelay(true)?;
    let (sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await?;
    // It ends with the caller; what goes wrong on it is told to who sends.
    tokio::spawn(connection);
    Ok(sender)
}

impl Caller for HttpCaller {
    async fn call(&mut self) -> Result<(), Error> {
        let (headers, body) = self.ready.get(self.next).ok_or(Error::Missing)?;
        self.next = (self.next + 1) % self.ready.len();
        let mut request = Request::post("/").body(Full::new(body.clone()))?;
        *request.headers_mut() = headers.clone();
        let connection = match &mut self.connection {
            Some(connection) => connection,
            none => none.insert(connect(self.address).await?),
        };
        let answer = connection.send_request(request).await?;
        let status = answer.status();
        let body = answer.into_body().collect().await?.to_bytes();
        match status {
            StatusCode::OK if body.len() >= self.answer_bytes_min => Ok(()),
            StatusCode::OK => Err(Error::Missing),
            status => Err(Error::Refused { status, body: String::from_utf8_lossy(&body).into_owned() }),
        }
    }
}
