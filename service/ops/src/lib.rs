//! Cairn's operations: one file an operation, over the storage engine's trait and nothing else.
//!
//! An operation is a plain value ([`PutItem`], [`CreateTable`] …) that a protocol decodes and [`Operation::execute`]
//! carries out against a [`Service`], for a caller whom policies permit it ([`Service::permit`]). This crate knows no
//! protocol and no engine: how a caller proves who it is is decided before it, and how errors look on a wire after it.
//!
//! It holds no state that another process could not hold as well: what is cached of the catalog is checked against the
//! store in the same snapshot, or the same transaction, as the data it governs.

mod access;
mod authorization;
mod capacity;
mod catalog;
mod error;
mod expiry;
mod expressions;
mod field;
mod idempotency;
mod index_write;
mod item_collection;
mod item_write;
mod key_range;
mod operation;
mod operations;
mod page;
mod selection;
mod service;
mod sweep;
mod table_reference;
mod transaction;
mod undecodable;
mod words;

pub use access::Access;
pub use authorization::{Caller, Connection, Permit, Permitted};
#[doc(hidden)]
pub use capacity::MeasuredCapacity;
pub use capacity::{
    CapacityLimits, CapacityOptions, CapacityParts, ConsumedCapacity, Demand, MonotonicClock,
    ReturnConsumedCapacity, Throttled, ThrottlingReason, ThroughputLimit, UnitKind, UnitPair,
    UnknownCapacityLimits,
};
pub use catalog::{
    ChangeFailure, IndexDescription, IndexStatus, OnDemandMaximum, Table, TableDescription,
    ThroughputDescription, TimeToLiveDescription, TimeToLiveStatus,
};
pub use error::{CancellationCode, CancellationReason, Error, ExpressionFault, Result, Validation};
pub use expressions::{BuiltExpressions, ExpressionArguments};
pub use field::FieldPath;
pub use item_collection::{ItemCollectionMetrics, ItemCollections};
pub use item_write::{ReturnValues, ReturnValuesOnConditionCheckFailure};
pub use operation::{
    Capacity, OPERATIONS, Operation, OperationKind, OperationNames, RpcService, unknown_operation,
};
pub use operations::*;
pub use selection::Select;
pub use service::{Clock, Service, ServiceOptions};
pub use words::{Subject, broken_constraint, detected};
