//! Operations as the account's root calls them: permitted like any other, and allowed everything.

// Each test file uses the part it needs.
#![allow(dead_code)]

use cairn_auth::{EncryptionKey, EncryptionKeys, Identities, IdentityOptions};
use cairn_ops::{Caller, Connection, Operation, Result, Service, ServiceOptions};
use cairn_storage::Engine;
use jiff::Timestamp;
use std::sync::Arc;

/// The identities of a store, under a key that nobody keeps.
pub(crate) async fn identities<E: Engine>(engine: E) -> Identities<E> {
    let options = IdentityOptions {
        account: ServiceOptions::default().account,
        keys: EncryptionKeys::new(vec![
            EncryptionKey::from_bytes(b"thirty-two bytes of a fixed key!").unwrap(),
        ])
        .unwrap(),
        root: None,
        clock: Arc::new(Timestamp::now),
    };
    Identities::open(engine, options).await.unwrap().0
}

pub(crate) async fn start<E: Engine>(engine: E, options: ServiceOptions) -> Result<Service<E>> {
    Service::start(engine.clone(), identities(engine).await, options).await
}

pub(crate) fn root<E: Engine>(service: &Service<E>) -> Caller {
    let arn = format!("arn:aws:iam::{}:root", ServiceOptions::default().account);
    let principal = service.identities().principal_for(&arn).unwrap();
    Caller { principal, connection: Connection::default() }
}

/// Any operation, as root calls it.
pub(crate) trait AsRoot: Operation + Sized {
    async fn by_root<E: Engine>(self, service: &Service<E>) -> Result<Self::Output> {
        let permitted = service.permit(root(service), self).await?;
        service.execute(permitted).await
    }
}

impl<O: Operation> AsRoot for O {}
