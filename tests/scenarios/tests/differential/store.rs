//! A store and the ways to call it.

use cairn_ops::CapacityLimits;
use cairn_scenarios::{AwsJsonProtocol, CallError, Credentials, GrpcProtocol, Protocol, TestServer};
use serde_json::{Value, json};
use std::time::{Duration, Instant};

/// How long a call may take, and what was begun until it is done.
const WAIT_MAX: Duration = Duration::from_secs(60);
/// Between two looks: what is awaited cannot be over every protocol.
const PAUSE: Duration = Duration::from_millis(2);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Engine {
    Fjall,
    Memory,
}

/// The protocol that a store is called over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Wire {
    Grpc,
    AwsJson,
    /// gRPC, but the answer of a deletion lacks what was asked for: a mistake to be found.
    Faulty,
}

/// A server with a store of its own.
pub(crate) struct Store {
    pub(crate) name: String,
    wire: Wire,
    server: TestServer,
    grpc: GrpcProtocol,
    aws_json: AwsJsonProtocol,
}

impl Store {
    pub(crate) async fn start(wire: Wire, engine: Engine) -> Self {
        let server = match engine {
            Engine::Fjall => TestServer::over_fjall(CapacityLimits::Off).await,
            Engine::Memory => TestServer::over_memory(CapacityLimits::Off).await,
        };
        let server = server.unwrap();
        let grpc = GrpcProtocol::connect(server.address()).await.unwrap();
        let aws_json = AwsJsonProtocol::new(server.address());
        Self { name: format!("{wire:?} on {engine:?}"), wire, server, grpc, aws_json }
    }

    pub(crate) fn wire(&self) -> Wire {
        self.wire
    }

    pub(crate) async fn stop(self) {
        self.server.stop().await.unwrap();
    }

    /// The same call over the protocol that the store is not called over otherwise.
    pub(crate) async fn call_otherwise(&self, call: &str, request: &Value) -> Result<Value, CallError> {
        match self.wire() {
            Wire::Grpc | Wire::Faulty => self.aws_json.call(call, request).await,
            Wire::AwsJson => self.grpc.call(call, request).await,
        }
    }

    /// A call that only AWS JSON can say.
    pub(crate) async fn call_over_aws_json(&self, call: &str, request: &Value) -> Result<Value, CallError> {
        self.aws_json.call(call, request).await
    }

    async fn call_over_wire(
        &self,
        caller: Option<&Credentials>,
        call: &str,
        request: &Value,
    ) -> Result<Value, CallError> {
        match self.wire {
            Wire::Grpc => self.grpc.call_as(caller, call, request).await,
            Wire::AwsJson => self.aws_json.call_as(caller, call, request).await,
            Wire::Faulty => {
                let mut answer = self.grpc.call_as(caller, call, request).await;
                if let (Ok(Value::Object(members)), "DeleteItem") = (&mut answer, call) {
                    members.remove("Attributes");
                }
                answer
            }
        }
    }

    /// Waits until what `call` began with a table is done.
    pub(crate) async fn settle(&self, call: &str, table: &Value) {
        let is_settled = |answer: Result<Value, CallError>| {
            let is_active =
                |described: &Value, member: &str| described[member].as_str().is_none_or(|it| it == "ACTIVE");
            match (call, answer) {
                ("UpdateTimeToLive", Ok(answer)) => answer["TimeToLiveDescription"]["TimeToLiveStatus"]
                    .as_str()
                    .is_none_or(|status| !status.ends_with("ING")),
                ("DeleteTable", Ok(_)) => false,
                (_, Ok(answer)) => {
                    let table = &answer["Table"];
                    let indexes = table["GlobalSecondaryIndexes"].as_array();
                    is_active(table, "TableStatus")
                        && indexes.into_iter().flatten().all(|index| is_active(index, "IndexStatus"))
                }
                (_, Err(_)) => true,
            }
        };
        let since = Instant::now();
        while !is_settled(self.call(settled_by(call), &json!({ "TableName": table })).await) {
            assert!(since.elapsed() < WAIT_MAX, "{call} is not done on {} after {WAIT_MAX:?}", self.name);
            tokio::time::sleep(PAUSE).await;
        }
    }
}

/// The call that tells whether `call` is done.
pub(crate) fn settled_by(call: &str) -> &'static str {
    if call == "UpdateTimeToLive" { "DescribeTimeToLive" } else { "DescribeTable" }
}

impl Protocol for Store {
    async fn call_as(
        &self,
        caller: Option<&Credentials>,
        call: &str,
        request: &Value,
    ) -> Result<Value, CallError> {
        match tokio::time::timeout(WAIT_MAX, self.call_over_wire(caller, call, request)).await {
            Ok(answer) => answer,
            Err(_) => Err(CallError::Fault(format!("{} does not answer {call} in {WAIT_MAX:?}", self.name))),
        }
    }
}
