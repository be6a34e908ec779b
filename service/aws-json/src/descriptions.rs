//! What answers say of a table and of its indexes.

use cairn_model::{BillingMode, IndexKind, KeyAttribute, Projection, TableClass};
use cairn_ops::{
    IndexDescription, IndexStatus, OnDemandMaximum, TableDescription, ThroughputDescription, UnitPair,
};
use jiff::Timestamp;
use serde::Serialize;

/// `TableDescription`.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct TableJson {
    #[serde(skip_serializing_if = "Vec::is_empty")]
    attribute_definitions: Vec<DefinitionJson>,
    table_name: String,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    key_schema: Vec<KeyElementJson>,
    table_status: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    creation_date_time: Option<f64>,
    provisioned_throughput: ThroughputJson,
    table_size_bytes: u64,
    item_count: u64,
    table_arn: String,
    table_id: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    billing_mode_summary: Option<BillingJson>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    local_secondary_indexes: Vec<IndexJson>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    global_secondary_indexes: Vec<IndexJson>,
    #[serde(skip_serializing_if = "Option::is_none")]
    table_class_summary: Option<ClassJson>,
    deletion_protection_enabled: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    on_demand_throughput: Option<OnDemandJson>,
    #[serde(skip_serializing_if = "Option::is_none")]
    warm_throughput: Option<WarmJson>,
    #[serde(rename = "SSEDescription", skip_serializing_if = "Option::is_none")]
    encryption: Option<EncryptionJson>,
}

#[derive(Serialize)]
struct EncryptionJson {
    #[serde(rename = "Status")]
    status: &'static str,
    #[serde(rename = "SSEType")]
    kind: &'static str,
    #[serde(rename = "KMSMasterKeyArn")]
    key: String,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct DefinitionJson {
    attribute_name: String,
    attribute_type: String,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct KeyElementJson {
    attribute_name: String,
    key_type: &'static str,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct ThroughputJson {
    #[serde(skip_serializing_if = "Option::is_none")]
    last_increase_date_time: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    last_decrease_date_time: Option<f64>,
    number_of_decreases_today: u64,
    read_capacity_units: u64,
    write_capacity_units: u64,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct OnDemandJson {
    max_read_request_units: i64,
    max_write_request_units: i64,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct WarmJson {
    read_units_per_second: u64,
    write_units_per_second: u64,
    status: String,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct BillingJson {
    billing_mode: BillingMode,
    last_update_to_pay_per_request_date_time: f64,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct ClassJson {
    table_class: TableClass,
    last_update_date_time: f64,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct ProjectionJson {
    projection_type: &'static str,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    non_key_attributes: Vec<String>,
}

/// A local index's description; of a global one, with what only such have.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct IndexJson {
    index_name: String,
    key_schema: Vec<KeyElementJson>,
    projection: ProjectionJson,
    #[serde(skip_serializing_if = "Option::is_none")]
    index_status: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    backfilling: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    provisioned_throughput: Option<ThroughputJson>,
    index_size_bytes: u64,
    item_count: u64,
    index_arn: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    on_demand_throughput: Option<OnDemandJson>,
    #[serde(skip_serializing_if = "Option::is_none")]
    warm_throughput: Option<WarmJson>,
}

/// Seconds since the epoch, to the millisecond.
fn seconds(at: Timestamp) -> f64 {
    at.as_millisecond() as f64 / 1_000.0
}

fn key_elements<'a>(
    partition: impl IntoIterator<Item = &'a KeyAttribute>,
    sort: impl IntoIterator<Item = &'a KeyAttribute>,
) -> Vec<KeyElementJson> {
    let element = |key_type: &'static str| {
        move |attribute: &KeyAttribute| KeyElementJson { attribute_name: attribute.name.clone(), key_type }
    };
    let partition = partition.into_iter().map(element("HASH"));
    partition.chain(sort.into_iter().map(element("RANGE"))).collect()
}

impl From<ThroughputDescription> for ThroughputJson {
    fn from(throughput: ThroughputDescription) -> Self {
        Self {
            last_increase_date_time: throughput.last_increase.map(seconds),
            last_decrease_date_time: throughput.last_decrease.map(seconds),
            number_of_decreases_today: throughput.decreases_today,
            read_capacity_units: throughput.read_capacity_units,
            write_capacity_units: throughput.write_capacity_units,
        }
    }
}

impl OnDemandJson {
    /// Limits as they stand; none if there are none. Where there is one of a pair, -1 says that there is not the other.
    fn of(limits: OnDemandMaximum) -> Option<Self> {
        let limit = |limit: Option<u64>| limit.map_or(-1, |limit| i64::try_from(limit).unwrap_or(i64::MAX));
        (limits != OnDemandMaximum::default()).then(|| Self {
            max_read_request_units: limit(limits.read),
            max_write_request_units: limit(limits.write),
        })
    }
}

impl WarmJson {
    fn of(ready: UnitPair, status: impl Into<String>) -> Self {
        Self { read_units_per_second: ready.read, write_units_per_second: ready.write, status: status.into() }
    }
}

impl From<Projection> for ProjectionJson {
    fn from(projection: Projection) -> Self {
        let (projection_type, non_key_attributes) = match projection {
            Projection::All => ("ALL", Vec::new()),
            Projection::KeysOnly => ("KEYS_ONLY", Vec::new()),
            Projection::Include(names) => ("INCLUDE", names),
        };
        Self { projection_type, non_key_attributes }
    }
}

impl From<IndexDescription> for IndexJson {
    fn from(index: IndexDescription) -> Self {
        let is_global = index.kind == IndexKind::Global;
        let status = match index.status {
            IndexStatus::Creating | IndexStatus::Backfilling => "CREATING",
            IndexStatus::Active => "ACTIVE",
            IndexStatus::Updating => "UPDATING",
            IndexStatus::Deleting => "DELETING",
        };
        Self {
            index_name: index.name,
            key_schema: key_elements(&index.key_schema.partition, &index.key_schema.sort),
            projection: index.projection.into(),
            index_status: is_global.then_some(status),
            backfilling: index.backfilling.filter(|_| is_global),
            provisioned_throughput: is_global.then(|| index.throughput.into()),
            index_size_bytes: index.size_bytes,
            item_count: index.item_count,
            index_arn: index.arn,
            on_demand_throughput: OnDemandJson::of(index.on_demand),
            warm_throughput: index.warm.filter(|_| is_global).map(|warm| WarmJson::of(warm, status)),
        }
    }
}

impl From<TableDescription> for TableJson {
    fn from(table: TableDescription) -> Self {
        let definition = |attribute: &KeyAttribute| DefinitionJson {
            attribute_name: attribute.name.clone(),
            attribute_type: attribute.key_type.to_string(),
        };
        let (local, global): (Vec<_>, Vec<_>) =
            table.indexes.into_iter().partition(|index| index.kind == IndexKind::Local);
        Self {
            attribute_definitions: table.key_attributes.iter().map(definition).collect(),
            key_schema: table
                .key_schema
                .map_or_else(Vec::new, |key| key_elements([&key.partition], &key.sort)),
            table_name: table.name,
            table_status: table.status.to_string(),
            creation_date_time: table.created_at.map(seconds),
            provisioned_throughput: table.throughput.into(),
            table_size_bytes: table.size_bytes,
            item_count: table.item_count,
            table_arn: table.arn,
            table_id: table.id,
            // Absent on a table that was always provisioned (semantics 3.2).
            billing_mode_summary: table.on_demand_since.map(|since| BillingJson {
                billing_mode: table.billing_mode,
                last_update_to_pay_per_request_date_time: seconds(since),
            }),
            local_secondary_indexes: local.into_iter().map(IndexJson::from).collect(),
            global_secondary_indexes: global.into_iter().map(IndexJson::from).collect(),
            table_class_summary: table.table_class.map(|(class, since)| ClassJson {
                table_class: class,
                last_update_date_time: seconds(since),
            }),
            deletion_protection_enabled: table.deletion_protection,
            on_demand_throughput: OnDemandJson::of(table.on_demand),
            warm_throughput: table.warm.map(|warm| WarmJson::of(warm, table.status.to_string())),
            encryption: table.encryption_key.map(|key| EncryptionJson {
                status: "ENABLED",
                kind: "KMS",
                key,
            }),
        }
    }
}
