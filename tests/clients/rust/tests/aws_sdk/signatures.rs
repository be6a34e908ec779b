//! Who is believed: signatures, sessions, and clocks that are wrong.

use crate::support::{Seen, at, client, config, create_table, item, world};
use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::config::Builder;
use aws_sdk_dynamodb::error::ProvideErrorMetadata;
use aws_smithy_async::time::TimeSource;
use cairn_auth::Secret;
use cairn_clients::Credentials;
use std::time::{Duration, SystemTime};

/// What a call with these settings comes to: nothing, or an exception and its message.
async fn outcome(config: Builder) -> Option<(String, String)> {
    let error = Client::from_conf(config.build()).list_tables().send().await.err()?.into_service_error();
    Some((error.code().unwrap_or_default().to_owned(), error.message().unwrap_or_default().to_owned()))
}

#[track_caller]
fn assert_refused(outcome: Option<(String, String)>, exception: &str, message: &str) {
    let (code, text) = outcome.unwrap();
    assert_eq!(code, exception, "{text}");
    assert!(text.contains(message), "{text}");
}

const NOT_THE_SIGNATURE: &str = "The request signature we calculated does not match";
const NO_SUCH_TOKEN: &str = "The security token included in the request is invalid.";

#[tokio::test(flavor = "multi_thread")]
async fn a_user_and_a_session_are_believed() {
    let world = world().await;
    let environment = &world.environment;
    assert_eq!(outcome(config(environment, &environment.administrator)).await, None);
    assert_eq!(outcome(config(environment, &environment.session)).await, None);
    let session = Client::from_conf(config(environment, &environment.session).build());
    create_table(&session, "Course").await;
    session.put_item().table_name("Course").set_item(Some(item("a", "1", []))).send().await.unwrap();
    world.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_secret_is_an_invalid_signature() {
    let world = world().await;
    let environment = &world.environment;
    let secret_access_key = environment.reader.secret_access_key.clone();
    let caller = Credentials { secret_access_key, ..environment.administrator.clone() };
    let seen = Seen::default();
    let outcome = outcome(config(environment, &caller).interceptor(seen.clone())).await;
    assert_refused(outcome, "InvalidSignatureException", NOT_THE_SIGNATURE);
    assert_eq!(seen.attempts(), 1, "it would not help to try again");
    world.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unknown_access_key_is_an_unrecognized_client() {
    let world = world().await;
    let environment = &world.environment;
    let stranger =
        Credentials { access_key_id: "AKIAUNKNOWNUNKNOWNAA".to_owned(), ..environment.administrator.clone() };
    assert_refused(
        outcome(config(environment, &stranger)).await,
        "UnrecognizedClientException",
        NO_SUCH_TOKEN,
    );
    world.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_without_its_token_or_with_a_damaged_one_is_an_unrecognized_client() {
    let world = world().await;
    let environment = &world.environment;
    let session = &environment.session;
    let token = session.session_token.as_ref().unwrap().expose();
    let middle = token.len() / 2;
    let other = if &token[middle..=middle] == "A" { "B" } else { "A" };
    let damaged = format!("{}{other}{}", &token[..middle], &token[middle + 1..]);
    for token in [None, Some(Secret::new(damaged))] {
        let caller = Credentials { session_token: token, ..session.clone() };
        let outcome = outcome(config(environment, &caller)).await;
        assert_refused(outcome, "UnrecognizedClientException", NO_SUCH_TOKEN);
    }
    let wrong_secret = environment.reader.secret_access_key.clone();
    let caller = Credentials { secret_access_key: wrong_secret, ..session.clone() };
    let outcome = outcome(config(environment, &caller)).await;
    assert_refused(outcome, "InvalidSignatureException", NOT_THE_SIGNATURE);
    world.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reader_reads_and_is_denied_to_write() {
    let world = world().await;
    let administrator = client(&world);
    create_table(&administrator, "Course").await;
    let written = item("a", "1", []);
    administrator.put_item().table_name("Course").set_item(Some(written.clone())).send().await.unwrap();

    let reader = Client::from_conf(config(&world.environment, &world.environment.reader).build());
    let get = reader.get_item().table_name("Course").set_key(Some(at("a", "1")));
    assert_eq!(get.consistent_read(true).send().await.unwrap().item, Some(written));
    let put = reader.put_item().table_name("Course").set_item(Some(item("a", "2", []))).send().await;
    let error = put.unwrap_err().into_service_error();
    assert_eq!(error.code(), Some("AccessDeniedException"));
    let told = error.message().unwrap();
    assert!(
        told.contains("user/reader is not authorized to perform: dynamodb:PutItem on resource: "),
        "{told}"
    );
    world.stop().await.unwrap();
}

/// A clock that is wrong by so much, in seconds.
#[derive(Debug)]
struct OffBy(i64);

impl TimeSource for OffBy {
    fn now(&self) -> SystemTime {
        let by = Duration::from_secs(self.0.unsigned_abs());
        if self.0 < 0 { SystemTime::now() - by } else { SystemTime::now() + by }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_signature_of_another_time_is_refused() {
    let world = world().await;
    let environment = &world.environment;
    for (seconds, message) in [(-20 * 60, "Signature expired: "), (20 * 60, "Signature not yet current: ")] {
        let config = config(environment, &environment.administrator);
        let config = config.time_source(OffBy(seconds)).disable_clock_skew_correction(true);
        assert_refused(outcome(config).await, "InvalidSignatureException", message);
    }
    world.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_whose_clock_is_wrong_learns_the_time_from_the_server_and_tries_again() {
    let world = world().await;
    let environment = &world.environment;
    for seconds in [-20 * 60, 20 * 60] {
        let seen = Seen::default();
        let config = config(environment, &environment.administrator);
        let client = Client::from_conf(config.time_source(OffBy(seconds)).interceptor(seen.clone()).build());
        client.list_tables().send().await.unwrap();
        assert_eq!(seen.attempts(), 2);
        client.list_tables().send().await.unwrap();
        assert_eq!(seen.attempts(), 3, "what was learnt is kept");
    }
    world.stop().await.unwrap();
}
