//! Access keys that are wrong, off or gone, and headers that are none of ours.

use crate::common::TestServer;
use crate::secured::{ROOT_ID, Root, allow, asked, headed, role, root, told, user, whoami, with};
use crate::start;
use cairn_api::v1;
use cairn_api::v1::AccessKeyStatus::{Active, Inactive};
use serde_json::json;
use tonic::Code;

/// What a server tells a caller with this bearer token.
async fn refused(server: &TestServer, bearer: &str) -> String {
    let (code, reason) = told(&whoami(&server.channel, bearer).await.unwrap_err());
    assert_eq!(code, Code::Unauthenticated);
    reason
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_secret_and_an_unknown_key_are_refused() {
    let (server, _folder) = start(|settings| settings).await;
    let root_of_it = Root(server.channel.clone());
    let ada = root_of_it.user("ada").await;
    assert_eq!(whoami(&server.channel, &ada.bearer()).await.unwrap(), "arn:aws:iam::000000000000:user/ada");
    let mut almost = ada.secret.clone();
    let last = almost.pop().unwrap();
    almost.push(if last == 'A' { 'B' } else { 'A' });
    let eve = root_of_it.user("eve").await;
    for secret in [&*almost, "", &ada.secret.to_lowercase(), &eve.secret, &format!("{} {0}", ada.secret)] {
        assert_eq!(refused(&server, &format!("{}.{secret}", ada.id)).await, "INVALID_SIGNATURE");
    }
    for id in ["AKIAUNKNOWNUNKNOWN00", "ada", "", &ada.id.to_lowercase()] {
        assert_eq!(refused(&server, &format!("{id}.{}", ada.secret)).await, "UNRECOGNIZED_CLIENT");
    }
    // The id of a session's key, without a session.
    assert_eq!(refused(&server, "ASIAUNKNOWNUNKNOWN00.secret").await, "INCOMPLETE_SIGNATURE");
    assert_eq!(refused(&server, "ASIAUNKNOWNUNKNOWN00.secret.token").await, "UNRECOGNIZED_CLIENT");
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn one_bearer_token_is_the_only_authorization_there_is() {
    let (server, _folder) = start(|settings| settings).await;
    let bearer = format!("Bearer {}", root());
    let lower = format!("bearer {}", root());
    for good in [&bearer, &lower] {
        asked(&server.channel, headed(&[good], v1::GetCallerIdentityRequest {})).await.unwrap();
    }
    let signed = format!("AWS4-HMAC-SHA256 Credential={ROOT_ID}/20260101/local/dynamodb/aws4_request");
    let joined = format!("{bearer}, {bearer}");
    for headers in [
        &[&*bearer, &*bearer][..],
        &["Basic cm9vdDpyb290", &bearer],
        &[&bearer, "Basic cm9vdDpyb290"],
        &["Basic cm9vdDpyb290"],
        &[&signed],
        &[&root()],
        &["Bearer"],
        &["Bearer "],
        &[""],
        &["Negotiate YII"],
    ] {
        let request = headed(headers, v1::GetCallerIdentityRequest {});
        let status = asked(&server.channel, request).await.unwrap_err();
        let expected = (Code::Unauthenticated, "INCOMPLETE_SIGNATURE".to_owned());
        assert_eq!(told(&status), expected, "{headers:?}");
    }
    // Two in one header are one token, and a wrong one.
    let request = headed(&[&joined], v1::GetCallerIdentityRequest {});
    let status = asked(&server.channel, request).await.unwrap_err();
    assert_eq!(told(&status), (Code::Unauthenticated, "INVALID_SIGNATURE".to_owned()));
    // Nor is there another header that would do.
    for name in ["x-amz-security-token", "proxy-authorization", "x-cairn-principal", "cookie"] {
        let mut request = tonic::Request::new(v1::GetCallerIdentityRequest {});
        request.metadata_mut().insert(name, bearer.parse().unwrap());
        let status = asked(&server.channel, request).await.unwrap_err();
        assert_eq!(told(&status).1, "MISSING_AUTHENTICATION_TOKEN", "{name}");
    }
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_that_is_off_or_gone_opens_nothing_from_the_next_call_on() {
    let (server, _folder) = start(|settings| settings).await;
    let root_of_it = Root(server.channel.clone());
    let first = root_of_it.user("ada").await;
    let second = root_of_it.key("ada").await;
    for key in [&first, &second] {
        whoami(&server.channel, &key.bearer()).await.unwrap();
    }
    root_of_it.set_key("ada", &first, Inactive).await;
    assert_eq!(refused(&server, &first.bearer()).await, "UNRECOGNIZED_CLIENT");
    whoami(&server.channel, &second.bearer()).await.unwrap();
    root_of_it.set_key("ada", &first, Active).await;
    whoami(&server.channel, &first.bearer()).await.unwrap();
    root_of_it.delete_key("ada", &first).await;
    assert_eq!(refused(&server, &first.bearer()).await, "UNRECOGNIZED_CLIENT");

    root_of_it.delete_key("ada", &second).await;
    let request = v1::DeleteUserRequest { user_name: "ada".into() };
    root_of_it.iam().delete_user(with(&root(), request)).await.unwrap();
    // Another of her name is not her.
    root_of_it.user("ada").await;
    for key in [&first, &second] {
        assert_eq!(refused(&server, &key.bearer()).await, "UNRECOGNIZED_CLIENT");
    }
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_ends_with_its_role_and_is_not_another_sessions() {
    let (server, _folder) = start(|settings| settings).await;
    let root_of_it = Root(server.channel.clone());
    let ada = root_of_it.user("ada").await;
    root_of_it.put_rights(user("ada"), allow("sts:AssumeRole")).await;
    let trust = json!({
        "Effect": "Allow",
        "Principal": {"AWS": "arn:aws:iam::000000000000:user/ada"},
        "Action": "sts:AssumeRole",
    });
    root_of_it.role("clerk", trust.clone()).await;
    let assume = async |session: &str| {
        let request = v1::AssumeRoleRequest {
            role_arn: "arn:aws:iam::000000000000:role/clerk".into(),
            role_session_name: session.into(),
            ..Default::default()
        };
        let begun = root_of_it.iam().assume_role(with(&ada.bearer(), request)).await.unwrap().into_inner();
        begun.credentials.unwrap()
    };
    let bearer = |id: &str, secret: &str, token: &str| format!("{id}.{secret}.{token}");
    let (one, two) = (assume("one").await, assume("two").await);
    let whole = bearer(&one.access_key_id, &one.secret_access_key, &one.session_token);
    assert_eq!(
        whoami(&server.channel, &whole).await.unwrap(),
        "arn:aws:sts::000000000000:assumed-role/clerk/one"
    );
    let mixed = [
        bearer(&one.access_key_id, &one.secret_access_key, &two.session_token),
        bearer(&two.access_key_id, &one.secret_access_key, &one.session_token),
        bearer(&one.access_key_id, &two.secret_access_key, &one.session_token),
        bearer(&one.access_key_id, &one.secret_access_key, &one.session_token.to_lowercase()),
        bearer(&ada.id, &ada.secret, &one.session_token),
    ];
    for mixed in &mixed {
        let reason = refused(&server, mixed).await;
        assert!(["UNRECOGNIZED_CLIENT", "INVALID_SIGNATURE"].contains(&&*reason), "{reason}");
    }
    let request = v1::DeleteRoleRequest { role_name: "clerk".into() };
    root_of_it.iam().delete_role(with(&root(), request)).await.unwrap();
    assert_eq!(refused(&server, &whole).await, "UNRECOGNIZED_CLIENT");
    root_of_it.role("clerk", trust).await;
    root_of_it.put_rights(role("clerk"), allow("*")).await;
    assert_eq!(refused(&server, &whole).await, "UNRECOGNIZED_CLIENT");
    server.stop().await;
}
