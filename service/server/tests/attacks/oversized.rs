//! Headers and tokens that are too large to be meant well.

use crate::common::TestServer;
use crate::secured::{asked, root, told, whoami, with};
use crate::start;
use cairn_api::v1;
use tonic::transport::Channel;
use tonic::{Code, Request};

fn padded(bytes: usize) -> Request<v1::GetCallerIdentityRequest> {
    let mut request = with(&root(), v1::GetCallerIdentityRequest {});
    request.metadata_mut().insert("x-padding", "x".repeat(bytes).parse().unwrap());
    request
}

/// A connection of its own.
async fn connection(server: &TestServer) -> Channel {
    Channel::from_shared(format!("http://{}", server.address)).unwrap().connect().await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn metadata_of_more_than_16_kb_are_refused_and_others_are_served() {
    let (server, _folder) = start(|settings| settings).await;
    let attacker = connection(&server).await;
    assert!(asked(&attacker, padded(8 * 1024)).await.is_ok());
    for bytes in [16 * 1024, 17 * 1024, 64 * 1024, 1024 * 1024] {
        let status = asked(&attacker, padded(bytes)).await.unwrap_err();
        assert!(
            matches!(
                status.code(),
                Code::ResourceExhausted
                    | Code::Internal
                    | Code::Unknown
                    | Code::Unavailable
                    | Code::Cancelled
            ),
            "{bytes} {status:?}"
        );
        // On a connection of long standing as on a new one.
        whoami(&server.channel, &root()).await.unwrap();
        whoami(&connection(&server).await, &root()).await.unwrap();
    }
    // The attacker's own client finds its way back as well.
    whoami(&attacker, &root()).await.unwrap();
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_that_is_too_long_is_not_looked_into() {
    let (server, _folder) = start(|settings| settings).await;
    for token in [
        format!("{}{}", root(), "x".repeat(8 * 1024)),
        format!("eyJ{}", "a".repeat(12 * 1024)),
        "x".repeat(12 * 1024),
        ".".repeat(12 * 1024),
    ] {
        let status = whoami(&server.channel, &token).await.unwrap_err();
        assert_eq!(told(&status), (Code::Unauthenticated, "INCOMPLETE_SIGNATURE".to_owned()));
        assert_eq!(status.message(), "Authorization header is not a valid credential: the token is too long");
    }
    whoami(&server.channel, &root()).await.unwrap();
    server.stop().await;
}
