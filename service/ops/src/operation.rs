//! What an operation is, and the list of all of them.

use crate::{Access, Demand, Permit, Result, Service};
use cairn_storage::Engine;
use std::future::Future;

/// A decoded call: everything the caller said, nothing about who it is or how it came.
pub trait Operation: Send + Sync + 'static {
    /// Which of the operations it is.
    const KIND: OperationKind;
    /// What it answers.
    type Output: Send + 'static;

    /// What its caller must be allowed for it to be done: all of it. Nothing but the request is looked at.
    fn accesses(&self) -> Vec<Access<'_>>;

    /// What of a table it draws on, if that is one thing and its request says so. Batches and transactions are looked at
    /// element by element, once they are under way.
    fn demand(&self) -> Option<Demand<'_>> {
        None
    }

    /// Does it. [`Service::execute`] is the way here: nobody else has a permit.
    fn execute<E: Engine>(
        self,
        service: &Service<E>,
        permit: &Permit,
    ) -> impl Future<Output = Result<Self::Output>> + Send;
}

/// The gRPC service an operation belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RpcService {
    /// `cairn.v1.TableService`.
    Table,
    /// `cairn.v1.ItemService`.
    Item,
}

/// What an operation consumes of a table's capacity (semantics 12).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Capacity {
    /// Nothing.
    Free,
    /// Read units.
    Read,
    /// Write units.
    Write,
}

/// One row of the list: the names an operation goes by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OperationNames {
    /// The operation.
    pub kind: OperationKind,
    /// The gRPC service that has it.
    pub service: RpcService,
    /// The gRPC method.
    pub method: &'static str,
    /// The IAM action; none where each element of the call has its own.
    pub action: Option<&'static str>,
    /// The name after the dot in `X-Amz-Target`; none for what AWS does not have.
    pub aws_target: Option<&'static str>,
    /// What it consumes.
    pub capacity: Capacity,
}

macro_rules! operations {
    ($($(#[$doc:meta])* $kind:ident: $service:ident, $action:expr, $target:expr, $capacity:ident;)*) => {
        /// Every operation.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum OperationKind { $($(#[$doc])* $kind),* }

        /// Every operation with its names, in one place. Tests hold the gRPC services to it.
        pub const OPERATIONS: &[OperationNames] = &[$(OperationNames {
            kind: OperationKind::$kind,
            service: RpcService::$service,
            method: stringify!($kind),
            action: $action,
            aws_target: $target,
            capacity: Capacity::$capacity,
        }),*];

        impl OperationKind {
            /// The operation's name: its gRPC method, and its AWS target where it has one.
            pub fn name(self) -> &'static str {
                match self { $(Self::$kind => stringify!($kind)),* }
            }
        }
    };
}

operations! {
    /// Makes a table.
    CreateTable: Table, Some("dynamodb:CreateTable"), Some("CreateTable"), Free;
    /// Tells about a table.
    DescribeTable: Table, Some("dynamodb:DescribeTable"), Some("DescribeTable"), Free;
    /// Names the tables.
    ListTables: Table, Some("dynamodb:ListTables"), Some("ListTables"), Free;
    /// Changes a table's settings.
    UpdateTable: Table, Some("dynamodb:UpdateTable"), Some("UpdateTable"), Free;
    /// Tells how much throughput may be provisioned.
    DescribeLimits: Table, Some("dynamodb:DescribeLimits"), Some("DescribeLimits"), Free;
    /// Removes a table.
    DeleteTable: Table, Some("dynamodb:DeleteTable"), Some("DeleteTable"), Free;
    /// Sets tags.
    TagResource: Table, Some("dynamodb:TagResource"), Some("TagResource"), Free;
    /// Removes tags.
    UntagResource: Table, Some("dynamodb:UntagResource"), Some("UntagResource"), Free;
    /// Names the tags.
    ListTagsOfResource: Table, Some("dynamodb:ListTagsOfResource"), Some("ListTagsOfResource"), Free;
    /// Reads an item.
    GetItem: Item, Some("dynamodb:GetItem"), Some("GetItem"), Read;
    /// Writes a whole item.
    PutItem: Item, Some("dynamodb:PutItem"), Some("PutItem"), Write;
    /// Changes attributes of an item.
    UpdateItem: Item, Some("dynamodb:UpdateItem"), Some("UpdateItem"), Write;
    /// Removes an item.
    DeleteItem: Item, Some("dynamodb:DeleteItem"), Some("DeleteItem"), Write;
    /// Reads items by their keys.
    BatchGetItem: Item, Some("dynamodb:BatchGetItem"), Some("BatchGetItem"), Read;
    /// Writes and removes items.
    BatchWriteItem: Item, Some("dynamodb:BatchWriteItem"), Some("BatchWriteItem"), Write;
    /// Reads a page of one partition.
    Query: Item, Some("dynamodb:Query"), Some("Query"), Read;
    /// Reads a page of a table.
    Scan: Item, Some("dynamodb:Scan"), Some("Scan"), Read;
    /// Reads a partition as a stream.
    StreamQuery: Item, Some("dynamodb:Query"), None, Read;
    /// Reads a table as a stream.
    StreamScan: Item, Some("dynamodb:Scan"), None, Read;
    /// Reads items at one point in time.
    TransactGetItems: Item, None, Some("TransactGetItems"), Read;
    /// Changes items all together or not at all.
    TransactWriteItems: Item, None, Some("TransactWriteItems"), Write;
}
