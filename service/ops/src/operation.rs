//! What an operation is, and the list of all of them.

use crate::{Access, Demand, Permit, Result, Service};
use cairn_storage::Engine;
use std::future::Future;

/// A decoded call: everything the caller said, nothing about who it is or how it came.
pub trait Operation: Clone + Send + Sync + 'static {
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

    /// Does it. [`Service::execute`] is the way here: nobody else has a permit. The permit is also the only way to the
    /// tables that [`accesses`](Self::accesses) names.
    fn execute<E: Engine>(
        self,
        service: &Service<E>,
        permit: &Permit,
    ) -> impl Future<Output = Result<Self::Output>> + Send;
}

/// The message for a call of an operation that is not served. It repeats the name that the caller gave, a method or an
/// AWS target, if that reads like the name of an operation: what else is sent in its place may be a secret, and clients
/// write answers to their logs.
pub fn unknown_operation(given: &str) -> String {
    /// More than the longest name of an operation, and fewer than the characters of a secret access key.
    const NAME_CHARS_MAX: usize = 36;
    let name = given.rsplit_once('.').map_or(given, |(service, name)| {
        let is_service = service.starts_with("DynamoDB")
            && service.len() <= NAME_CHARS_MAX
            && service.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
        if is_service { name } else { "" }
    });
    let is_name =
        (1..=NAME_CHARS_MAX).contains(&name.len()) && name.bytes().all(|byte| byte.is_ascii_alphabetic());
    let named = if is_name { given } else { "An operation of this name" };
    format!("{named} is not implemented by this version of Cairn")
}

/// The gRPC service an operation belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RpcService {
    /// `cairn.v1.TableService`.
    Table,
    /// `cairn.v1.ItemService`.
    Item,
    /// `cairn.v1.IamService`.
    Iam,
    /// None: it is what tools of AWS ask for, about something that is not there yet.
    None,
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
    /// The gRPC method, or what it would be called.
    pub method: &'static str,
    /// The IAM action; none where each element of the call, or what it is about, has its own.
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
    /// Gives a table its policy.
    PutResourcePolicy: Table, Some("dynamodb:PutResourcePolicy"), Some("PutResourcePolicy"), Free;
    /// Tells a table's policy.
    GetResourcePolicy: Table, Some("dynamodb:GetResourcePolicy"), Some("GetResourcePolicy"), Free;
    /// Takes a table's policy away.
    DeleteResourcePolicy: Table, Some("dynamodb:DeleteResourcePolicy"), Some("DeleteResourcePolicy"), Free;
    /// Turns the expiry of items on or off.
    UpdateTimeToLive: Table, Some("dynamodb:UpdateTimeToLive"), Some("UpdateTimeToLive"), Free;
    /// Tells whether items expire.
    DescribeTimeToLive: Table, Some("dynamodb:DescribeTimeToLive"), Some("DescribeTimeToLive"), Free;
    /// Describes whether a table can be restored to a point in time.
    DescribeContinuousBackups: None, Some("dynamodb:DescribeContinuousBackups"), Some("DescribeContinuousBackups"), Free;
    /// Lists the backups.
    ListBackups: None, Some("dynamodb:ListBackups"), Some("ListBackups"), Free;
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
    /// Makes a user.
    CreateUser: Iam, Some("iam:CreateUser"), None, Free;
    /// Tells about a user.
    GetUser: Iam, Some("iam:GetUser"), None, Free;
    /// Lists the users.
    ListUsers: Iam, Some("iam:ListUsers"), None, Free;
    /// Removes a user.
    DeleteUser: Iam, Some("iam:DeleteUser"), None, Free;
    /// Makes a group.
    CreateGroup: Iam, Some("iam:CreateGroup"), None, Free;
    /// Tells about a group.
    GetGroup: Iam, Some("iam:GetGroup"), None, Free;
    /// Lists the groups.
    ListGroups: Iam, Some("iam:ListGroups"), None, Free;
    /// Removes a group.
    DeleteGroup: Iam, Some("iam:DeleteGroup"), None, Free;
    /// Puts a user into a group.
    AddUserToGroup: Iam, Some("iam:AddUserToGroup"), None, Free;
    /// Takes a user out of a group.
    RemoveUserFromGroup: Iam, Some("iam:RemoveUserFromGroup"), None, Free;
    /// Makes a role.
    CreateRole: Iam, Some("iam:CreateRole"), None, Free;
    /// Tells about a role.
    GetRole: Iam, Some("iam:GetRole"), None, Free;
    /// Lists the roles.
    ListRoles: Iam, Some("iam:ListRoles"), None, Free;
    /// Changes a role.
    UpdateRole: Iam, None, None, Free;
    /// Removes a role.
    DeleteRole: Iam, Some("iam:DeleteRole"), None, Free;
    /// Begins a session of a role.
    AssumeRole: Iam, Some("sts:AssumeRole"), None, Free;
    /// Makes an access key.
    CreateAccessKey: Iam, Some("iam:CreateAccessKey"), None, Free;
    /// Lists access keys.
    ListAccessKeys: Iam, Some("iam:ListAccessKeys"), None, Free;
    /// Turns an access key off or on.
    UpdateAccessKey: Iam, Some("iam:UpdateAccessKey"), None, Free;
    /// Removes an access key.
    DeleteAccessKey: Iam, Some("iam:DeleteAccessKey"), None, Free;
    /// Makes a managed policy.
    CreatePolicy: Iam, Some("iam:CreatePolicy"), None, Free;
    /// Tells a managed policy.
    GetPolicy: Iam, Some("iam:GetPolicy"), None, Free;
    /// Lists the managed policies.
    ListPolicies: Iam, Some("iam:ListPolicies"), None, Free;
    /// Replaces a managed policy's document.
    UpdatePolicy: Iam, Some("iam:CreatePolicyVersion"), None, Free;
    /// Removes a managed policy.
    DeletePolicy: Iam, Some("iam:DeletePolicy"), None, Free;
    /// Attaches a managed policy.
    AttachPolicy: Iam, None, None, Free;
    /// Detaches a managed policy.
    DetachPolicy: Iam, None, None, Free;
    /// Puts an inline policy.
    PutInlinePolicy: Iam, None, None, Free;
    /// Tells an inline policy.
    GetInlinePolicy: Iam, None, None, Free;
    /// Removes an inline policy.
    DeleteInlinePolicy: Iam, None, None, Free;
    /// Sets a permissions boundary.
    PutPermissionsBoundary: Iam, None, None, Free;
    /// Removes a permissions boundary.
    DeletePermissionsBoundary: Iam, None, None, Free;
    /// Sets tags of a user or role.
    TagIdentity: Iam, None, None, Free;
    /// Removes tags of a user or role.
    UntagIdentity: Iam, None, None, Free;
    /// Says whether calls would be allowed, and why.
    SimulatePolicy: Iam, None, None, Free;
    /// Says who is calling.
    GetCallerIdentity: Iam, Some("sts:GetCallerIdentity"), None, Free;
}
