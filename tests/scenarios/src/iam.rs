//! Calls that manage identities. They are gRPC's alone, and so are their words: a request and an answer are the messages
//! of `proto/cairn/v1/iam_service.proto` in protobuf's JSON encoding, by the names that the fields have there.
//!
//! The messages are known by their descriptors, so nothing here lists them.

use crate::grpc::{Bearer, call_error};
use crate::protocol::{CallError, Credentials};
use http::uri::PathAndQuery;
use prost::Message;
use prost_reflect::{DescriptorPool, DynamicMessage, MessageDescriptor, MethodDescriptor, SerializeOptions};
use serde_json::Value;
use std::net::SocketAddr;
use std::sync::LazyLock;
use tonic::codec::{Codec, DecodeBuf, Decoder, EncodeBuf, Encoder};
use tonic::service::interceptor::InterceptedService;
use tonic::transport::{Channel, Endpoint};
use tonic::{Request, Status};

const SERVICE: &str = "cairn.v1.IamService";

static DESCRIPTORS: LazyLock<Result<DescriptorPool, String>> = LazyLock::new(|| {
    DescriptorPool::decode(cairn_api::FILE_DESCRIPTOR_SET).map_err(|error| error.to_string())
});

/// Calls the IamService of a server.
pub(crate) struct IamClient {
    channel: Result<Channel, String>,
}

impl IamClient {
    /// Calls the server that listens there. It connects at the first call.
    pub(crate) fn new(address: SocketAddr) -> Self {
        let endpoint = Endpoint::new(format!("http://{address}")).map_err(|error| error.to_string());
        Self { channel: endpoint.map(|endpoint| endpoint.connect_lazy()) }
    }

    /// The method of that name, if the service has one.
    pub(crate) fn method(&self, name: &str) -> Option<MethodDescriptor> {
        let service = DESCRIPTORS.as_ref().ok()?.get_service_by_name(SERVICE)?;
        service.methods().find(|method| method.name() == name)
    }

    /// Calls a method.
    pub(crate) async fn call(
        &self,
        caller: Option<&Credentials>,
        method: &MethodDescriptor,
        request: &Value,
    ) -> Result<Value, CallError> {
        // Numbers are read from a value and not from text, which would keep them as they are written.
        let message = DynamicMessage::deserialize(method.input(), request).map_err(|error| {
            CallError::Fault(format!("the request is no {}: {error}", method.input().name()))
        })?;
        let answer = self.exchange(caller, method, message).await?;
        let options = SerializeOptions::new().use_proto_field_name(true).stringify_64_bit_integers(false);
        answer
            .serialize_with_options(serde_json::value::Serializer, &options)
            .map_err(|error| CallError::Fault(error.to_string()))
    }

    async fn exchange(
        &self,
        caller: Option<&Credentials>,
        method: &MethodDescriptor,
        message: DynamicMessage,
    ) -> Result<DynamicMessage, CallError> {
        let fault = |reason: String| CallError::Fault(reason);
        let channel = self.channel.clone().map_err(fault)?;
        let bearer = Bearer::new(caller).map_err(fault)?;
        let mut client = tonic::client::Grpc::new(InterceptedService::new(channel, bearer));
        client.ready().await.map_err(|error| fault(error.to_string()))?;
        let path = PathAndQuery::try_from(format!("/{SERVICE}/{}", method.name()))
            .map_err(|error| fault(error.to_string()))?;
        let answer =
            client.unary(Request::new(message), path, DynamicCodec { answer: method.output() }).await;
        answer.map(tonic::Response::into_inner).map_err(|status| call_error(&status))
    }
}

/// Messages by their descriptors.
struct DynamicCodec {
    answer: MessageDescriptor,
}

struct DynamicEncoder;

struct DynamicDecoder {
    answer: MessageDescriptor,
}

impl Codec for DynamicCodec {
    type Encode = DynamicMessage;
    type Decode = DynamicMessage;
    type Encoder = DynamicEncoder;
    type Decoder = DynamicDecoder;

    fn encoder(&mut self) -> DynamicEncoder {
        DynamicEncoder
    }

    fn decoder(&mut self) -> DynamicDecoder {
        DynamicDecoder { answer: self.answer.clone() }
    }
}

impl Encoder for DynamicEncoder {
    type Item = DynamicMessage;
    type Error = Status;

    fn encode(&mut self, message: DynamicMessage, buf: &mut EncodeBuf<'_>) -> Result<(), Status> {
        message.encode(buf).map_err(|error| Status::internal(error.to_string()))
    }
}

impl Decoder for DynamicDecoder {
    type Item = DynamicMessage;
    type Error = Status;

    fn decode(&mut self, buf: &mut DecodeBuf<'_>) -> Result<Option<DynamicMessage>, Status> {
        let message = DynamicMessage::decode(self.answer.clone(), buf);
        message.map(Some).map_err(|error| Status::internal(error.to_string()))
    }
}
