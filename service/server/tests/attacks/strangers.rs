//! Callers without any credentials.

use crate::secured::{healthz, root, told, with};
use crate::start;
use cairn_ops::{OPERATIONS, RpcService};
use prost::Message;
use prost_types::FileDescriptorSet;
use tonic::client::Grpc;
use tonic::transport::Channel;
use tonic::{Code, Request, Status};
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_client::HealthClient;

/// The path of every rpc that the descriptors define.
fn paths() -> Vec<String> {
    let descriptors = FileDescriptorSet::decode(cairn_api::FILE_DESCRIPTOR_SET).unwrap();
    let files = descriptors.file.iter().filter(|file| file.package() == "cairn.v1");
    let paths = files.flat_map(|file| &file.service).flat_map(|service| {
        service.method.iter().map(|method| format!("/cairn.v1.{}/{}", service.name(), method.name()))
    });
    paths.collect()
}

/// Calls an rpc with an empty message, and takes its answer up to the first message or the error. On the wire, an
/// answer of one message is a stream of one.
async fn call(channel: &Channel, path: &str, request: Request<()>) -> Result<(), Status> {
    let mut client = Grpc::new(channel.clone());
    client.ready().await.unwrap();
    let codec = cairn_api::Codec::<(), ()>::default();
    let answer = client.server_streaming(request, path.parse().unwrap(), codec).await?;
    answer.into_inner().message().await.map(|_| ())
}

#[tokio::test(flavor = "multi_thread")]
async fn no_rpc_of_any_service_answers_a_caller_without_credentials() {
    let (server, _folder) = start(|settings| settings).await;
    let paths = paths();
    let served = OPERATIONS.iter().filter(|names| names.service != RpcService::None);
    assert_eq!(paths.len(), served.count());
    for path in &paths {
        let refused = call(&server.channel, path, Request::new(())).await.unwrap_err();
        let expected = (Code::Unauthenticated, "MISSING_AUTHENTICATION_TOKEN".to_owned());
        assert_eq!(told(&refused), expected, "{path}");
        assert_eq!(refused.message(), "Request is missing Authentication Token", "{path}");
        // It is there, and answers those it knows: with what an empty message lacks, or does not name.
        if let Err(status) = call(&server.channel, path, with(&root(), ())).await {
            let expected = [Code::InvalidArgument, Code::NotFound].contains(&status.code());
            assert!(expected, "{path} {status:?}");
        }
    }
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn anyone_is_told_whether_the_server_is_well() {
    let (server, _folder) = start(|settings| settings).await;
    for service in cairn_grpc::HEALTH_SERVICE_NAMES {
        let request = HealthCheckRequest { service: service.into() };
        let answer = HealthClient::new(server.channel.clone()).check(request).await.unwrap().into_inner();
        assert_eq!(answer.status(), tonic_health::pb::health_check_response::ServingStatus::Serving);
    }
    let answer = healthz(server.address).await;
    assert!(answer.starts_with("HTTP/1.1 200 OK\r\n") && answer.ends_with("\r\n\r\nok\n"), "{answer}");
    server.stop().await;
}
