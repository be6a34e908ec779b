//! Clients as a program would make them, what is seen of their calls, and tables for them.

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::client::Waiters;
use aws_sdk_dynamodb::config::interceptors::{
    AfterDeserializationInterceptorContextRef, BeforeTransmitInterceptorContextRef,
};
use aws_sdk_dynamodb::config::timeout::TimeoutConfig;
use aws_sdk_dynamodb::config::{
    AsyncSleep, BehaviorVersion, Builder, ConfigBag, Credentials, Intercept, Region, RuntimeComponents,
    Sleep, StalledStreamProtectionConfig,
};
use aws_sdk_dynamodb::error::BoxError;
use aws_sdk_dynamodb::operation::create_table::builders::CreateTableFluentBuilder;
use aws_sdk_dynamodb::types::{
    AttributeDefinition, AttributeValue, BillingMode, KeySchemaElement, KeyType, PutRequest,
    ScalarAttributeType, WriteRequest,
};
use cairn_clients::{Environment, World};
use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// How long anything may take that is waited for.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

pub(crate) type Item = HashMap<String, AttributeValue>;

pub(crate) async fn world() -> World {
    World::start().await.unwrap()
}

/// A client's settings for one of the callers of a world.
pub(crate) fn config(environment: &Environment, caller: &cairn_clients::Credentials) -> Builder {
    let token = caller.session_token.as_ref().map(|token| token.expose().to_owned());
    let secret = caller.secret_access_key.expose();
    aws_sdk_dynamodb::Config::builder()
        .behavior_version(BehaviorVersion::v2026_01_12())
        .endpoint_url(&environment.endpoint)
        .region(Region::new(environment.region.clone()))
        .credentials_provider(Credentials::new(&caller.access_key_id, secret, token, None, "suite"))
        // The SDK's own client for HTTPS brings a second TLS library; nothing here is encrypted.
        .http_client(aws_smithy_http_client::Builder::new().build_http())
}

/// A client of who may do everything.
pub(crate) fn client(world: &World) -> Client {
    Client::from_conf(config(&world.environment, &world.environment.administrator).build())
}

/// A table of strings `pk` and `sk`, on demand, once it exists.
pub(crate) async fn create_table(client: &Client, name: &str) {
    table(client, name).billing_mode(BillingMode::PayPerRequest).send().await.unwrap();
    wait_until_exists(client, name).await;
}

/// A request for a table of strings `pk` and `sk`, which says nothing of its throughput yet.
pub(crate) fn table(client: &Client, name: &str) -> CreateTableFluentBuilder {
    client
        .create_table()
        .table_name(name)
        .attribute_definitions(attribute("pk", ScalarAttributeType::S))
        .attribute_definitions(attribute("sk", ScalarAttributeType::S))
        .key_schema(key("pk", KeyType::Hash))
        .key_schema(key("sk", KeyType::Range))
}

pub(crate) fn attribute(name: &str, kind: ScalarAttributeType) -> AttributeDefinition {
    AttributeDefinition::builder().attribute_name(name).attribute_type(kind).build().unwrap()
}

pub(crate) fn key(name: &str, kind: KeyType) -> KeySchemaElement {
    KeySchemaElement::builder().attribute_name(name).key_type(kind).build().unwrap()
}

/// Waits with the SDK's waiter.
pub(crate) async fn wait_until_exists(client: &Client, name: &str) {
    hasty(client).wait_until_table_exists().table_name(name).wait(Duration::from_secs(600)).await.unwrap();
}

/// The same client with waiters that ask again after milliseconds: theirs is a pause of 20 s, which no setting of
/// theirs shortens.
pub(crate) fn hasty(client: &Client) -> Client {
    // What the client would measure by the same clock does not matter to waiters.
    let config = client.config().to_builder().sleep_impl(Hasty).timeout_config(TimeoutConfig::disabled());
    Client::from_conf(config.stalled_stream_protection(StalledStreamProtectionConfig::disabled()).build())
}

/// Sleeps a thousandth of what it is asked to.
#[derive(Debug)]
struct Hasty;

impl AsyncSleep for Hasty {
    fn sleep(&self, duration: Duration) -> Sleep {
        Sleep::new(tokio::time::sleep(duration / 1_000))
    }
}

/// Asks until the answer is there.
pub(crate) async fn until<T>(what: &str, mut ask: impl AsyncFnMut() -> Option<T>) -> T {
    let asking = async {
        let mut pause = tokio::time::interval(Duration::from_millis(20));
        loop {
            pause.tick().await;
            if let Some(answer) = ask().await {
                return answer;
            }
        }
    };
    tokio::time::timeout(PATIENCE, asking).await.unwrap_or_else(|_| panic!("{what} did not happen"))
}

pub(crate) fn s(text: impl Into<String>) -> AttributeValue {
    AttributeValue::S(text.into())
}

pub(crate) fn n(text: impl ToString) -> AttributeValue {
    AttributeValue::N(text.to_string())
}

/// The key of an item.
pub(crate) fn at(pk: &str, sk: &str) -> Item {
    item(pk, sk, [])
}

/// An item with other attributes besides its key.
pub(crate) fn item<const N: usize>(pk: &str, sk: &str, others: [(&str, AttributeValue); N]) -> Item {
    let key = [("pk", s(pk)), ("sk", s(sk))];
    key.into_iter().chain(others).map(|(name, value)| (name.to_owned(), value)).collect()
}

/// Puts items in batches. What a batch leaves unprocessed, its partition being busy, is in the next.
pub(crate) async fn write_all(client: &Client, table: &str, items: impl IntoIterator<Item = Item>) {
    let put = |item| PutRequest::builder().set_item(Some(item)).build().unwrap();
    let requests = items.into_iter().map(|item| WriteRequest::builder().put_request(put(item)).build());
    let mut left: Vec<_> = requests.collect();
    while !left.is_empty() {
        let batch = left.drain(..left.len().min(25)).collect();
        let answer = client.batch_write_item().request_items(table, batch).send().await.unwrap();
        left.extend(answer.unprocessed_items.unwrap_or_default().remove(table).unwrap_or_default());
    }
}

/// What a client sends and is answered, seen by a client's own interceptor.
#[derive(Clone, Debug, Default)]
pub(crate) struct Seen {
    attempts: Arc<AtomicUsize>,
    last: Arc<Mutex<Option<Answer>>>,
}

/// An answer as it came.
#[derive(Clone, Debug)]
pub(crate) struct Answer {
    pub(crate) headers: HashMap<String, String>,
    pub(crate) body: Vec<u8>,
}

impl Seen {
    /// How many requests have been sent, again and again included.
    pub(crate) fn attempts(&self) -> usize {
        self.attempts.load(Ordering::Relaxed)
    }

    /// The last answer.
    pub(crate) fn last(&self) -> Answer {
        self.last.lock().unwrap().clone().unwrap()
    }
}

impl Intercept for Seen {
    fn name(&self) -> &'static str {
        "Seen"
    }

    fn read_before_transmit(
        &self,
        _: &BeforeTransmitInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        self.attempts.fetch_add(1, Ordering::Relaxed);
        Ok(())
    }

    fn read_after_deserialization(
        &self,
        context: &AfterDeserializationInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let response = context.response();
        let headers = response.headers().iter();
        *self.last.lock().unwrap() = Some(Answer {
            headers: headers.map(|(name, value)| (name.to_owned(), value.to_owned())).collect(),
            body: response.body().bytes().unwrap_or_default().to_vec(),
        });
        Ok(())
    }
}
