//! A real server on a free port of this process, for tests that call it over gRPC.

// Each test file uses the part it needs.
#![allow(dead_code)]

use cairn_api::v1::item_service_client::ItemServiceClient;
use cairn_api::v1::table_service_client::TableServiceClient;
use cairn_api::v1::{self};
use cairn_model::{AttributeMap, AttributeValue, EncodedValue, Item};
use cairn_server::server::Server;
use cairn_server::settings::{Settings, SettingsInput};
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::Path;
use tempfile::TempDir;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use tonic::transport::Channel;

pub(crate) struct TestServer {
    pub(crate) address: SocketAddr,
    pub(crate) channel: Channel,
    pub(crate) engine: cairn_storage_fjall::FjallEngine,
    stop: CancellationToken,
    running: JoinHandle<Result<(), cairn_server::server::ServerError>>,
}

pub(crate) fn settings(data: &Path) -> Settings {
    SettingsInput {
        data: Some(data.into()),
        listen: Some(SocketAddr::from(([127, 0, 0, 1], 0))),
        dev: Some(true),
        // A test writes in a moment what takes seconds of capacity.
        capacity_limits: Some(cairn_ops::CapacityLimits::Off),
        ..Default::default()
    }
    .resolve()
    .unwrap()
}

impl TestServer {
    pub(crate) async fn start(data: &Path) -> Self {
        Self::start_with(&settings(data)).await
    }

    pub(crate) async fn start_with(settings: &Settings) -> Self {
        let server = Server::start(settings).await.unwrap();
        let address = server.address().unwrap();
        let engine = server.engine().clone();
        let stop = CancellationToken::new();
        let running = tokio::spawn(server.run(stop.clone()));
        let channel = Channel::from_shared(format!("http://{address}")).unwrap().connect().await.unwrap();
        Self { address, channel, engine, stop, running }
    }

    pub(crate) fn items(&self) -> ItemServiceClient<Channel> {
        ItemServiceClient::new(self.channel.clone()).max_encoding_message_size(usize::MAX)
    }

    pub(crate) fn tables(&self) -> TableServiceClient<Channel> {
        TableServiceClient::new(self.channel.clone())
    }

    pub(crate) async fn stop(self) {
        drop(self.channel);
        self.stop.cancel();
        self.running.await.unwrap().unwrap();
    }

    /// A table with partition key `pk` (S) and sort key `sk` (N), ready to use.
    pub(crate) async fn create_table(&self, name: &str) {
        self.tables().create_table(table_request(name)).await.unwrap();
        self.wait_for(name, v1::TableStatus::Active).await;
    }

    pub(crate) async fn wait_for(&self, name: &str, status: v1::TableStatus) -> v1::TableDescription {
        loop {
            let described = self.describe(name).await.unwrap();
            if described.table_status() == status {
                return described;
            }
            tokio::task::yield_now().await;
        }
    }

    pub(crate) async fn describe(&self, name: &str) -> Result<v1::TableDescription, tonic::Status> {
        let request = v1::DescribeTableRequest { table: name.into() };
        Ok(self.tables().describe_table(request).await?.into_inner().table.unwrap())
    }

    pub(crate) async fn get(&self, table: &str, key: &[(&str, AttributeValue)]) -> Option<AttributeMap> {
        let request = v1::GetItemRequest {
            table: table.into(),
            key: values(key),
            read_consistency: v1::ReadConsistency::Strong.into(),
            ..Default::default()
        };
        let item = self.items().get_item(request).await.unwrap().into_inner().item;
        item.map(attributes)
    }

    pub(crate) async fn put(
        &self,
        table: &str,
        item: &[(&str, AttributeValue)],
    ) -> Result<v1::PutItemResponse, tonic::Status> {
        let request =
            v1::PutItemRequest { table: table.into(), item: Some(map(item).into()), ..Default::default() };
        Ok(self.items().put_item(request).await?.into_inner())
    }
}

pub(crate) fn table_request(name: &str) -> v1::CreateTableRequest {
    let attribute = |name: &str, kind: v1::ScalarAttributeType| v1::AttributeDefinition {
        attribute_name: name.into(),
        attribute_type: kind.into(),
    };
    let element = |name: &str, kind: v1::KeyType| v1::KeySchemaElement {
        attribute_name: name.into(),
        key_type: kind.into(),
    };
    v1::CreateTableRequest {
        table: name.into(),
        attribute_definitions: vec![
            attribute("pk", v1::ScalarAttributeType::String),
            attribute("sk", v1::ScalarAttributeType::Number),
        ],
        key_schema: vec![element("pk", v1::KeyType::Hash), element("sk", v1::KeyType::Range)],
        billing_mode: v1::BillingMode::PayPerRequest.into(),
        ..Default::default()
    }
}

pub(crate) fn folder() -> TempDir {
    tempfile::tempdir().unwrap()
}

pub(crate) fn s(text: &str) -> AttributeValue {
    AttributeValue::S(text.into())
}

pub(crate) fn n(text: &str) -> AttributeValue {
    AttributeValue::N(text.parse().unwrap())
}

pub(crate) fn map(pairs: &[(&str, AttributeValue)]) -> AttributeMap {
    pairs.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect()
}

pub(crate) fn values(pairs: &[(&str, AttributeValue)]) -> BTreeMap<String, EncodedValue> {
    pairs.iter().map(|(name, value)| ((*name).to_owned(), EncodedValue::from(value))).collect()
}

pub(crate) fn attributes(item: Item) -> AttributeMap {
    item.into_attributes(&mut cairn_model::DecodeBudget::item()).unwrap()
}

/// A value as a caller might write it on the wire, rules or no rules.
pub(crate) fn raw_value(bytes: &[u8]) -> EncodedValue {
    prost::Message::decode(bytes).unwrap()
}
