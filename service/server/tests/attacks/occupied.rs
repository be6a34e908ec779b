//! Strangers that would take up room: with messages that are large or never end, and with streams that go on.

use crate::secured::{root, told, whoami};
use crate::start;
use cairn_server::settings::SettingsInput;
use std::time::Duration;
use tokio_stream::Stream;
use tonic::client::Grpc;
use tonic::transport::Channel;
use tonic::{Code, Request, Status};
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_client::HealthClient;
use tonic_reflection::pb::v1::server_reflection_client::ServerReflectionClient;

/// How long anything here may take.
const PATIENCE: Duration = Duration::from_secs(30);

/// One call at a time, and a stop that would wait for one for ten minutes.
fn narrow(settings: SettingsInput) -> SettingsInput {
    SettingsInput { calls_max: Some(1), shutdown_grace_seconds: Some(600), ..settings }
}

/// How a stranger's PutItem ends that begins with these messages, once the server takes it on.
async fn put<M: Stream<Item = Vec<u8>> + Send + 'static>(
    channel: &Channel,
    messages: impl Fn() -> M,
) -> Status {
    let refused = async {
        loop {
            let mut client = Grpc::new(channel.clone());
            client.ready().await.unwrap();
            let codec = cairn_api::Codec::<Vec<u8>, ()>::default();
            let path = "/cairn.v1.ItemService/PutItem".parse().unwrap();
            let answer = client.client_streaming(Request::new(messages()), path, codec).await;
            let status: Status = answer.map(|_: tonic::Response<()>| ()).unwrap_err();
            // That the one before has ended is for its connection to tell.
            if status.code() != Code::Unavailable {
                return status;
            }
        }
    };
    tokio::time::timeout(PATIENCE, refused).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stranger_is_refused_before_its_message_is_read() {
    let (server, _folder) = start(narrow).await;
    for _ in 0..3 {
        let refused = [
            put(&server.channel, tokio_stream::pending).await,
            put(&server.channel, || tokio_stream::once(vec![0; 24 << 20])).await,
        ];
        for status in refused {
            let expected = (Code::Unauthenticated, "MISSING_AUTHENTICATION_TOKEN".to_owned());
            assert_eq!(told(&status), expected);
        }
    }
    served(&server.channel).await;
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stranger_cannot_hold_a_stream_open_that_others_wait_for() {
    let (server, _folder) = start(narrow).await;
    let mut reflection = ServerReflectionClient::new(server.channel.clone());
    let status = reflection.server_reflection_info(tokio_stream::pending()).await.unwrap_err();
    assert_eq!(told(&status), (Code::Unauthenticated, "MISSING_AUTHENTICATION_TOKEN".to_owned()));

    // Anyone may watch the server's health, and nobody waits for them: no caller, and not the server's end.
    let mut health = HealthClient::new(server.channel.clone());
    let mut watched = health.watch(HealthCheckRequest::default()).await.unwrap().into_inner();
    watched.message().await.unwrap().unwrap();
    served(&server.channel).await;
    tokio::time::timeout(PATIENCE, server.stop()).await.unwrap();
    drop(watched);
}

/// Calls until the server takes the call on.
async fn served(channel: &Channel) {
    let served = async {
        while let Err(status) = whoami(channel, &root()).await {
            assert_eq!(status.code(), Code::Unavailable, "{status:?}");
        }
    };
    tokio::time::timeout(PATIENCE, served).await.unwrap();
}
