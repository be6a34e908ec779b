//! A service with identities, called through the stack.

// Each test file uses the part it needs, and tests fail loudly.
#![allow(dead_code, clippy::unwrap_used, clippy::panic)]

use cairn_auth::{
    AuthenticationError, AuthenticationSettings, Authenticator, CreateUser, EncryptionKey, EncryptionKeys,
    Holder, Identities, IdentityOptions, Principal,
};
use cairn_model::{AttributeMap, AttributeValue, BillingMode, Item, KeyType};
use cairn_ops::{
    AttributeDefinition, Caller, CapacityLimits, CapacityOptions, Connection, CreateTable, Error,
    ExpressionArguments, KeyRole, KeySchemaElement, Operation, ProjectionInput, ProjectionType, PutItem,
    SecondaryIndexInput, Service, ServiceOptions,
};
use cairn_stack::{Call, Stack};
use cairn_storage::memory::MemoryEngine;
use jiff::Timestamp;
use std::sync::Arc;

pub(crate) const TABLE_ARN: &str = "arn:aws:dynamodb:local:000000000000:table/Games";

/// A service with the table `Games`: partition key `player` (S), sort key `game` (N), and the global index `by-team` by
/// `team` (S).
pub(crate) struct World {
    pub(crate) service: Service<MemoryEngine>,
    pub(crate) stack: Stack<MemoryEngine>,
    pub(crate) identities: Identities<MemoryEngine>,
    pub(crate) authenticator: Authenticator<MemoryEngine>,
}

impl World {
    pub(crate) async fn new() -> Self {
        // A test does in a moment what takes seconds of capacity.
        let capacity = CapacityOptions { limits: CapacityLimits::Off, ..CapacityOptions::default() };
        Self::with(ServiceOptions { capacity, ..ServiceOptions::default() }).await
    }

    pub(crate) async fn with(options: ServiceOptions) -> Self {
        let engine = MemoryEngine::new();
        let identity_options = IdentityOptions {
            account: options.account.clone(),
            keys: EncryptionKeys::new(vec![EncryptionKey::generate().unwrap()]).unwrap(),
            root: None,
            clock: Arc::new(Timestamp::now),
        };
        let (identities, _) = Identities::open(engine.clone(), identity_options).await.unwrap();
        let authenticator =
            Authenticator::new(identities.clone(), AuthenticationSettings::default()).unwrap();
        let service = Service::start(engine, identities.clone(), options).await.unwrap();
        let stack = Stack::new(service.clone());
        let world = Self { service, stack, identities, authenticator };
        world.call(&world.root(), games()).await.unwrap();
        world.service.settled().await;
        world
    }

    pub(crate) fn root(&self) -> Caller {
        caller(self.identities.principal_for("arn:aws:iam::000000000000:root").unwrap())
    }

    /// A user with these policies, known by its access key.
    pub(crate) async fn user(&self, name: &str, policies: &[&str]) -> Caller {
        let token = self.access_key(name, policies).await;
        caller(self.authenticate(&token).await.unwrap())
    }

    /// The bearer token of a user with these policies.
    pub(crate) async fn access_key(&self, name: &str, policies: &[&str]) -> String {
        self.identities.create_user(CreateUser { name: name.into(), ..Default::default() }).await.unwrap();
        for (number, policy) in policies.iter().enumerate() {
            self.set_policy(name, &number.to_string(), policy).await;
        }
        let key = self.identities.create_access_key(name).await.unwrap();
        format!("{}.{}", key.access_key.id, key.secret.expose())
    }

    pub(crate) async fn set_policy(&self, user: &str, policy: &str, document: &str) {
        self.identities.put_inline_policy(&Holder::User(user.into()), policy, document).await.unwrap();
    }

    pub(crate) async fn authenticate(&self, token: &str) -> Result<Principal, AuthenticationError> {
        self.authenticator.authenticate(Some(token), None).await
    }

    pub(crate) async fn call<O: Operation>(&self, caller: &Caller, operation: O) -> Result<O::Output, Error> {
        self.stack.call(Call { caller: caller.clone(), operation, deadline: None }).await
    }

    /// Puts an item as root.
    pub(crate) async fn put(&self, player: &str, game: i64, more: &[(&str, &str)]) {
        let put = PutItem { table: "Games".into(), item: item(player, game, more), ..Default::default() };
        self.call(&self.root(), put).await.unwrap();
    }
}

pub(crate) fn caller(principal: Principal) -> Caller {
    Caller { principal, connection: Connection::default() }
}

pub(crate) fn s(text: &str) -> AttributeValue {
    AttributeValue::S(text.into())
}

pub(crate) fn item(player: &str, game: i64, more: &[(&str, &str)]) -> Item {
    let mut item: AttributeMap = more.iter().map(|(name, value)| ((*name).to_owned(), s(value))).collect();
    item.insert("player".into(), s(player));
    item.insert("game".into(), AttributeValue::N(game.into()));
    item.into()
}

pub(crate) fn key(player: &str, game: i64) -> Item {
    item(player, game, &[])
}

/// Placeholders' meanings.
pub(crate) fn arguments(names: &[(&str, &str)], values: &[(&str, AttributeValue)]) -> ExpressionArguments {
    let pair = |(placeholder, name): &(&str, &str)| ((*placeholder).to_owned(), (*name).to_owned());
    let values: AttributeMap =
        values.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect();
    ExpressionArguments {
        names: (!names.is_empty()).then(|| names.iter().map(pair).collect()),
        values: (!values.is_empty()).then(|| values.into()),
        built: None,
    }
}

#[track_caller]
pub(crate) fn assert_denied<T>(answer: Result<T, Error>, action: &str) {
    match answer {
        Err(Error::AccessDenied { action: denied, .. }) => assert_eq!(denied, action),
        Err(error) => panic!("{error}"),
        Ok(_) => panic!("it was allowed"),
    }
}

fn games() -> CreateTable {
    let definition = |name: &str, kind| AttributeDefinition { name: name.into(), key_type: Some(kind) };
    let element = |name: &str, role| KeySchemaElement { name: name.into(), role: Some(role) };
    CreateTable {
        table: "Games".into(),
        attribute_definitions: vec![
            definition("player", KeyType::S),
            definition("game", KeyType::N),
            definition("team", KeyType::S),
        ],
        key_schema: vec![element("player", KeyRole::Hash), element("game", KeyRole::Range)],
        global_secondary_indexes: Some(vec![SecondaryIndexInput {
            name: "by-team".into(),
            key_schema: vec![element("team", KeyRole::Hash)],
            projection: Some(ProjectionInput {
                projection_type: Some(ProjectionType::All),
                non_key_attributes: Vec::new(),
            }),
            ..Default::default()
        }]),
        billing_mode: Some(BillingMode::PayPerRequest),
        ..Default::default()
    }
}
