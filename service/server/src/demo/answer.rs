//! What a call of the tour is answered with: the part of it that can be foretold, and so expected.

use cairn_api::v1::{self, CancellationCode, ErrorReason};
use cairn_model::{AttributeMap, DecodeBudget, Item};
use prost::{Message, Name};
use tonic::{Code, Status};
use tonic_types::{StatusExt, pb};

/// An answer, or a refusal.
pub(super) type Outcome = Result<Answer, Refusal>;

/// An answer without what differs from run to run: ids and times.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Answer {
    /// A table.
    Table(Table),
    /// The names of all tables.
    TableNames(Vec<String>),
    /// A table's tags: keys and values.
    Tags(Vec<(String, String)>),
    /// The tags are changed.
    TagsChanged,
    /// What GetItem found.
    Read {
        /// The item, if there is one.
        item: Option<AttributeMap>,
        /// The read capacity units, if they were asked for.
        units: Option<f64>,
    },
    /// What a write answers.
    Written {
        /// The attributes that were asked for, if there are any of them.
        attributes: Option<AttributeMap>,
        /// The write capacity units, if they were asked for.
        units: Option<f64>,
    },
    /// What Query found.
    Page {
        /// The items, in their order.
        items: Vec<AttributeMap>,
        /// Whether there may be more of them.
        more: bool,
    },
    /// All writes of a transaction are done.
    Committed,
}

/// A table's description.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Table {
    /// Its name.
    pub(super) name: String,
    /// Where it is in its life.
    pub(super) status: v1::TableStatus,
    /// How many items it has.
    pub(super) item_count: i64,
    /// Read and write capacity units a second; zeros on demand.
    pub(super) throughput: (i64, i64),
    /// The names of its global secondary indexes.
    pub(super) indexes: Vec<String>,
}

/// How a call was refused.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Refusal {
    /// The status code.
    pub(super) code: Code,
    /// The reason in its details; none if something other than Cairn refused it.
    pub(super) reason: Option<ErrorReason>,
    /// The item that the condition was false for, if it was to be shown.
    pub(super) item: Option<AttributeMap>,
    /// Of a cancelled transaction: what became of each of its actions, in their order.
    pub(super) cancelled: Vec<CancellationCode>,
}

impl From<&Status> for Refusal {
    fn from(status: &Status) -> Self {
        let reason = status
            .get_details_error_info()
            .filter(|info| info.domain == cairn_api::ERROR_DOMAIN)
            .and_then(|info| ErrorReason::from_str_name(&format!("ERROR_REASON_{}", info.reason)));
        let item = detail::<v1::ConditionalCheckFailure>(status).and_then(|failure| failure.item);
        let cancellation = detail::<v1::TransactionCancellation>(status).unwrap_or_default();
        Self {
            code: status.code(),
            reason,
            item: item.and_then(|item| attributes(item).ok()),
            cancelled: cancellation.reasons.iter().map(v1::CancellationReason::code).collect(),
        }
    }
}

/// The detail of that type, if the status has one.
fn detail<D: Message + Name + Default>(status: &Status) -> Option<D> {
    let rich = pb::Status::decode(status.details()).ok()?;
    let wanted = D::type_url();
    let detail = rich.details.into_iter().find(|detail| detail.type_url == wanted)?;
    D::decode(detail.value.as_slice()).ok()
}

/// The attributes of an item that was answered.
fn attributes(item: Item) -> Result<AttributeMap, Status> {
    item.into_attributes(&mut DecodeBudget::item())
        .map_err(|error| Status::data_loss(format!("the answer holds no valid item: {error}")))
}

fn units(consumed: Option<v1::ConsumedCapacity>) -> Option<f64> {
    consumed.map(|consumed| consumed.capacity_units)
}

fn written(item: Option<Item>, consumed: Option<v1::ConsumedCapacity>) -> Result<Answer, Status> {
    Ok(Answer::Written { attributes: item.map(attributes).transpose()?, units: units(consumed) })
}

impl From<Option<v1::TableDescription>> for Answer {
    fn from(table: Option<v1::TableDescription>) -> Self {
        let table = table.unwrap_or_default();
        let throughput = table.provisioned_throughput.unwrap_or_default();
        Self::Table(Table {
            status: table.table_status(),
            name: table.table_name,
            item_count: table.item_count,
            throughput: (throughput.read_capacity_units, throughput.write_capacity_units),
            indexes: table.global_secondary_indexes.into_iter().map(|index| index.index_name).collect(),
        })
    }
}

macro_rules! from_table_response {
    ($($response:ident),*) => {$(
        impl From<v1::$response> for Answer {
            fn from(response: v1::$response) -> Self {
                response.table.into()
            }
        }
    )*};
}

from_table_response!(CreateTableResponse, DescribeTableResponse, UpdateTableResponse, DeleteTableResponse);

impl From<v1::ListTablesResponse> for Answer {
    fn from(response: v1::ListTablesResponse) -> Self {
        Self::TableNames(response.table_names)
    }
}

impl From<v1::TagResourceResponse> for Answer {
    fn from(_: v1::TagResourceResponse) -> Self {
        Self::TagsChanged
    }
}

impl From<v1::UntagResourceResponse> for Answer {
    fn from(_: v1::UntagResourceResponse) -> Self {
        Self::TagsChanged
    }
}

impl From<v1::ListTagsOfResourceResponse> for Answer {
    fn from(response: v1::ListTagsOfResourceResponse) -> Self {
        Self::Tags(response.tags.into_iter().map(|tag| (tag.key, tag.value)).collect())
    }
}

impl TryFrom<v1::GetItemResponse> for Answer {
    type Error = Status;

    fn try_from(response: v1::GetItemResponse) -> Result<Self, Status> {
        Ok(Self::Read {
            item: response.item.map(attributes).transpose()?,
            units: units(response.consumed_capacity),
        })
    }
}

macro_rules! from_write_response {
    ($($response:ident),*) => {$(
        impl TryFrom<v1::$response> for Answer {
            type Error = Status;

            fn try_from(response: v1::$response) -> Result<Self, Status> {
                written(response.attributes, response.consumed_capacity)
            }
        }
    )*};
}

from_write_response!(PutItemResponse, UpdateItemResponse, DeleteItemResponse);

impl TryFrom<v1::QueryResponse> for Answer {
    type Error = Status;

    fn try_from(response: v1::QueryResponse) -> Result<Self, Status> {
        Ok(Self::Page {
            items: response.items.into_iter().map(attributes).collect::<Result<_, _>>()?,
            more: !response.last_evaluated_key.is_empty(),
        })
    }
}

impl From<v1::TransactWriteItemsResponse> for Answer {
    fn from(_: v1::TransactWriteItemsResponse) -> Self {
        Self::Committed
    }
}
