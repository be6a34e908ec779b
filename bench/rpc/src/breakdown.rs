//! What of a call's cost is its protocol's: the same calls made in this process, over a store in memory, through the
//! stack alone and through each protocol. What a protocol adds is finding its service and who calls, the reading of the
//! request and the writing of the answer; of PutItem mostly the reading, of GetItem mostly the writing.

use crate::http_calls;
use crate::rpc::{self, Kind, TABLE, filler};
use crate::{Error, Options};
use axum::Router;
use axum::body::Body;
use bytes::{BufMut, BytesMut};
use cairn_auth::{
    AuthenticationSettings, Authenticator, EncryptionKey, EncryptionKeys, Identities, IdentityOptions,
    RootKey, Secret, Signer,
};
use cairn_model::{BillingMode, KeyType};
use cairn_ops::{
    AttributeDefinition, Caller, CapacityLimits, CapacityOptions, Connection, CreateTable, GetItem, KeyRole,
    KeySchemaElement, PutItem, Service, ServiceOptions,
};
use cairn_stack::{AuthenticateLayer, Call, Stack, Strangers};
use cairn_storage::memory::MemoryEngine;
use http::{Request, Version};
use http_body_util::BodyExt;
use jiff::Timestamp;
use prost::Message;
use rustix::time::{ClockId, clock_gettime};
use std::sync::Arc;
use tower::ServiceExt;

/// Calls in a row that are timed together.
const CALLS: u32 = 5_000;
/// Items that are read and written.
const ITEMS: u64 = 100;

/// A way to make a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Way {
    Stack,
    Grpc,
    Json,
    SignedJson,
}

const WAYS: [Way; 4] = [Way::Stack, Way::Grpc, Way::Json, Way::SignedJson];

/// Microseconds of processor time for a call, in the median of the rounds.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Breakdown {
    /// The operation and the layers around it.
    pub(crate) stack: f64,
    /// What reading and writing protobuf adds.
    pub(crate) protobuf: f64,
    /// What reading and writing JSON adds.
    pub(crate) json: f64,
    /// What checking the signature adds to that.
    pub(crate) signature: f64,
}

/// A service in this process.
struct World {
    stack: Stack<MemoryEngine>,
    root: Caller,
    signer: Signer,
    router: Router,
}

impl World {
    async fn start(item_bytes: usize) -> Result<Self, Error> {
        let engine = MemoryEngine::new();
        let capacity = CapacityOptions { limits: CapacityLimits::Off, ..CapacityOptions::default() };
        let options = ServiceOptions { capacity, ..ServiceOptions::default() };
        let signer = Signer {
            access_key_id: "BENCHBENCHBENCH1".into(),
            secret_access_key: Secret::new("of-this-process-and-only-while-it-measures"),
            session_token: None,
            region: "local".into(),
        };
        let root = RootKey {
            access_key_id: signer.access_key_id.clone(),
            secret_access_key: signer.secret_access_key.clone(),
        };
        let identity_options = IdentityOptions {
            account: options.account.clone(),
            keys: EncryptionKeys::new(vec![EncryptionKey::generate().map_err(world)?]).map_err(world)?,
            root: Some(root),
            clock: options.clock.clone(),
        };
        let root_arn = format!("arn:aws:iam::{}:root", options.account);
        let (identities, _) = Identities::open(engine.clone(), identity_options).await.map_err(world)?;
        let principal = identities.principal_for(&root_arn).map_err(world)?;
        let authenticator =
            Authenticator::new(identities.clone(), AuthenticationSettings::default()).map_err(world)?;
        let authenticate = AuthenticateLayer::new(Arc::new(authenticator), Strangers::Are(principal.clone()));
        let service = Service::start(engine, identities, options).await.map_err(world)?;
        let stack = Stack::new(service.clone());
        let (_, health) = tonic_health::server::health_reporter();
        let router = cairn_grpc::routes(stack.clone(), health)
            .map_err(world)?
            .into_axum_router()
            .merge(cairn_aws_json::routes(stack.clone(), authenticate.clone()))
            .layer(authenticate);
        let root = Caller { principal, connection: Connection::default() };
        let made = Self { stack, root, signer, router };
        made.make_table().await?;
        service.settled().await;
        for id in 0..ITEMS {
            made.stack(put(id, item_bytes, filler(0))).await?;
        }
        Ok(made)
    }

    async fn make_table(&self) -> Result<(), Error> {
        let create = CreateTable {
            table: TABLE.into(),
            attribute_definitions: vec![AttributeDefinition {
                name: "id".into(),
                key_type: Some(KeyType::N),
            }],
            key_schema: vec![KeySchemaElement { name: "id".into(), role: Some(KeyRole::Hash) }],
            billing_mode: Some(BillingMode::PayPerRequest),
            ..CreateTable::default()
        };
        self.stack(create).await.map(|_| ())
    }

    async fn stack<O: cairn_ops::Operation>(&self, operation: O) -> Result<O::Output, Error> {
        let call = Call { caller: self.root.clone(), operation, deadline: None };
        self.stack.call(call).await.map_err(world)
    }

    /// Sends a request, and reads its answer.
    async fn send(&self, request: Request<Body>) -> Result<(), Error> {
        let Ok(answer) = self.router.clone().oneshot(request).await;
        let status = answer.status();
        let body = answer.into_body().collect().await.map_err(world)?.to_bytes();
        // A gRPC error has no body.
        if status.is_success() && !body.is_empty() {
            return Ok(());
        }
        Err(Error::Refused { status, body: String::from_utf8_lossy(&body).into_owned() })
    }

    /// Microseconds for a call.
    async fn time(&self, kind: Kind, way: Way, item_bytes: usize) -> Result<f64, Error> {
        // What a client does for a call is done before.
        let calls: Vec<Prepared> =
            (0..CALLS).map(|call| self.prepare(call, kind, way, item_bytes)).collect::<Result<_, _>>()?;
        let begun = thread_time();
        for call in calls {
            match call {
                Prepared::Put(put) => self.stack(put).await.map(|_| ())?,
                Prepared::Get(get) => self.stack(get).await.map(|_| ())?,
                Prepared::Request(request) => self.send(request).await?,
            }
        }
        Ok((thread_time() - begun) * 1e6 / f64::from(CALLS))
    }

    fn prepare(&self, call: u32, kind: Kind, way: Way, item_bytes: usize) -> Result<Prepared, Error> {
        let (id, filler) = (u64::from(call) % ITEMS, filler((u64::from(call) / ITEMS % 26) as u8));
        let (method, target) = match kind {
            Kind::Put => ("PutItem", "DynamoDB_20120810.PutItem"),
            Kind::Get => ("GetItem", "DynamoDB_20120810.GetItem"),
        };
        let request = match way {
            Way::Stack => {
                return Ok(match kind {
                    Kind::Put => Prepared::Put(put(id, item_bytes, filler)),
                    Kind::Get => Prepared::Get(GetItem {
                        table: TABLE.into(),
                        key: rpc::key(id),
                        consistent: true,
                        ..GetItem::default()
                    }),
                });
            }
            Way::Grpc => {
                let message = match kind {
                    Kind::Put => rpc::put(id, item_bytes, filler).encode_to_vec(),
                    Kind::Get => rpc::get(id).encode_to_vec(),
                };
                let mut framed = BytesMut::with_capacity(5 + message.len());
                framed.put_u8(0);
                framed.put_u32(message.len() as u32);
                framed.put_slice(&message);
                Request::post(format!("/cairn.v1.ItemService/{method}"))
                    .version(Version::HTTP_2)
                    .header("content-type", "application/grpc")
                    .header("te", "trailers")
                    .body(Body::from(framed.freeze()))?
            }
            Way::Json | Way::SignedJson => {
                let body = match kind {
                    Kind::Put => http_calls::put(id, item_bytes, filler),
                    Kind::Get => http_calls::get(id),
                };
                let (mut head, ()) = http_calls::request("localhost", target)?.into_parts();
                if way == Way::SignedJson {
                    self.signer.sign(&mut head, &body, Timestamp::now())?;
                }
                Request::from_parts(head, Body::from(body))
            }
        };
        Ok(Prepared::Request(request))
    }
}

/// Seconds of processor time that this thread has spent, on which all of this happens: what else the machine does is not
/// counted.
fn thread_time() -> f64 {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    time.tv_sec as f64 + time.tv_nsec as f64 * 1e-9
}

/// A call that only has to be made.
enum Prepared {
    Put(PutItem),
    Get(GetItem),
    Request(Request<Body>),
}

fn put(id: u64, item_bytes: usize, filler: char) -> PutItem {
    PutItem { table: TABLE.into(), item: rpc::item(id, item_bytes, filler), ..PutItem::default() }
}

fn world(error: impl std::error::Error + Send + Sync + 'static) -> Error {
    Error::InProcess(Box::new(error))
}

/// What a call of a kind comes to.
pub(crate) async fn measure(kind: Kind, options: &Options) -> Result<Breakdown, Error> {
    let world = World::start(options.item_bytes).await?;
    let mut times: [Vec<f64>; WAYS.len()] = Default::default();
    // One round uncounted, as everywhere.
    for round in 0..=options.rounds {
        for (way, times) in WAYS.iter().zip(&mut times) {
            let time = world.time(kind, *way, options.item_bytes).await?;
            if round > 0 {
                times.push(time);
            }
        }
    }
    let [stack, grpc, json, signed] = times.map(|mut times| {
        times.sort_by(f64::total_cmp);
        times.get(times.len() / 2).copied().unwrap_or(f64::NAN)
    });
    Ok(Breakdown { stack, protobuf: grpc - stack, json: json - stack, signature: signed - json })
}
