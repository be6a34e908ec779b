//! Messages about tables, to operations and back.

use cairn_api::v1;
use cairn_model::{BillingMode, IndexKind, KeyAttribute, KeyType, Projection, TableClass, TableStatus, Tag};
use cairn_ops::{
    AttributeDefinition, CapacityLimits, CreateTable, DeleteGlobalSecondaryIndex, DescribeLimitsOutput,
    EncryptionInput, Error, FieldPath, GlobalSecondaryIndexUpdate, IndexDescription, IndexStatus, KeyRole,
    KeySchemaElement, ListTables, ListTablesOutput, ListTagsOfResource, ListTagsOfResourceOutput,
    OnDemandInput, OnDemandMaximum, ProjectionInput, ProjectionType, PutResourcePolicy, SecondaryIndexInput,
    StreamInput, TableDescription, ThroughputDescription, ThroughputInput, TimeToLiveDescription,
    TimeToLiveSpecification, TimeToLiveStatus, UpdateGlobalSecondaryIndex, UpdateTable, UpdateTimeToLive,
    Validation, WarmInput,
};
use jiff::Timestamp;

/// An enum value that this version does not know: the request means something we would not do.
fn unknown_enum(field: &'static str, value: i32) -> Error {
    Validation::constraint(field, Some(&value.to_string()), "Member must satisfy enum value set").into()
}

/// An enum member as it is on the wire: none for UNSPECIFIED, an error for a value this version does not know.
pub(crate) fn known<T, V>(
    field: &'static str,
    value: i32,
    read: impl FnOnce(T) -> Option<V>,
) -> Result<Option<V>, Error>
where
    T: TryFrom<i32>,
{
    T::try_from(value).map(read).map_err(|_| unknown_enum(field, value))
}

fn not_implemented(feature: &'static str, asked: bool) -> Result<(), Error> {
    if asked { Err(Error::NotImplemented { feature }) } else { Ok(()) }
}

fn billing_mode(value: i32) -> Result<Option<BillingMode>, Error> {
    known("billing_mode", value, |mode| match mode {
        v1::BillingMode::Unspecified => None,
        v1::BillingMode::Provisioned => Some(BillingMode::Provisioned),
        v1::BillingMode::PayPerRequest => Some(BillingMode::PayPerRequest),
    })
}

fn table_class(value: i32) -> Result<Option<TableClass>, Error> {
    known("table_class", value, |class| match class {
        v1::TableClass::Unspecified => None,
        v1::TableClass::Standard => Some(TableClass::Standard),
        v1::TableClass::StandardInfrequentAccess => Some(TableClass::StandardInfrequentAccess),
    })
}

fn throughput(given: Option<v1::ProvisionedThroughput>) -> Option<ThroughputInput> {
    given.map(|given| ThroughputInput {
        read_capacity_units: given.read_capacity_units,
        write_capacity_units: given.write_capacity_units,
    })
}

fn on_demand(given: Option<v1::OnDemandThroughput>) -> Option<OnDemandInput> {
    given.map(|given| OnDemandInput {
        max_read_request_units: given.max_read_request_units,
        max_write_request_units: given.max_write_request_units,
    })
}

fn warm(given: Option<v1::WarmThroughput>) -> Option<WarmInput> {
    given.map(|given| WarmInput {
        read_units_per_second: given.read_units_per_second,
        write_units_per_second: given.write_units_per_second,
    })
}

pub(crate) fn tags(tags: Vec<v1::Tag>) -> Vec<Tag> {
    tags.into_iter().map(|tag| Tag { key: tag.key, value: tag.value }).collect()
}

fn attribute_definitions(
    definitions: Vec<v1::AttributeDefinition>,
) -> Result<Vec<AttributeDefinition>, Error> {
    let read = |definition: v1::AttributeDefinition| {
        let key_type = known("attribute_definitions", definition.attribute_type, |kind| match kind {
            v1::ScalarAttributeType::Unspecified => None,
            v1::ScalarAttributeType::String => Some(KeyType::S),
            v1::ScalarAttributeType::Number => Some(KeyType::N),
            v1::ScalarAttributeType::Binary => Some(KeyType::B),
        })?;
        Ok(AttributeDefinition { name: definition.attribute_name, key_type })
    };
    definitions.into_iter().map(read).collect()
}

fn key_schema(elements: Vec<v1::KeySchemaElement>) -> Result<Vec<KeySchemaElement>, Error> {
    let read = |element: v1::KeySchemaElement| {
        let role = known("key_schema", element.key_type, |role| match role {
            v1::KeyType::Unspecified => None,
            v1::KeyType::Hash => Some(KeyRole::Hash),
            v1::KeyType::Range => Some(KeyRole::Range),
        })?;
        Ok(KeySchemaElement { name: element.attribute_name, role })
    };
    elements.into_iter().map(read).collect()
}

fn projection(projection: Option<v1::Projection>) -> Result<Option<ProjectionInput>, Error> {
    let Some(projection) = projection else { return Ok(None) };
    let projection_type = known("projection", projection.projection_type, |kind| match kind {
        v1::ProjectionType::Unspecified => None,
        v1::ProjectionType::All => Some(ProjectionType::All),
        v1::ProjectionType::KeysOnly => Some(ProjectionType::KeysOnly),
        v1::ProjectionType::Include => Some(ProjectionType::Include),
    })?;
    Ok(Some(ProjectionInput { projection_type, non_key_attributes: projection.non_key_attributes }))
}

fn local_index(index: v1::LocalSecondaryIndex) -> Result<SecondaryIndexInput, Error> {
    Ok(SecondaryIndexInput {
        name: index.index_name,
        key_schema: key_schema(index.key_schema)?,
        projection: projection(index.projection)?,
        ..SecondaryIndexInput::default()
    })
}

fn global_index(index: v1::GlobalSecondaryIndex) -> Result<SecondaryIndexInput, Error> {
    Ok(SecondaryIndexInput {
        name: index.index_name,
        key_schema: key_schema(index.key_schema)?,
        projection: projection(index.projection)?,
        provisioned_throughput: throughput(index.provisioned_throughput),
        on_demand_throughput: on_demand(index.on_demand_throughput),
        warm_throughput: warm(index.warm_throughput),
    })
}

fn index_update(update: v1::GlobalSecondaryIndexUpdate) -> Result<GlobalSecondaryIndexUpdate, Error> {
    use v1::global_secondary_index_update::Action;
    let none = GlobalSecondaryIndexUpdate::default();
    Ok(match update.action {
        None => none,
        Some(Action::Create(index)) => {
            GlobalSecondaryIndexUpdate { create: Some(global_index(index)?), ..none }
        }
        Some(Action::Update(update)) => {
            let update = UpdateGlobalSecondaryIndex {
                name: update.index_name,
                provisioned_throughput: throughput(update.provisioned_throughput),
                on_demand_throughput: on_demand(update.on_demand_throughput),
                warm_throughput: warm(update.warm_throughput),
            };
            GlobalSecondaryIndexUpdate { update: Some(update), ..none }
        }
        Some(Action::Delete(delete)) => {
            let delete = DeleteGlobalSecondaryIndex { name: delete.index_name };
            GlobalSecondaryIndexUpdate { delete: Some(delete), ..none }
        }
    })
}

pub(crate) fn to_create(request: v1::CreateTableRequest) -> Result<CreateTable, Error> {
    if request.table.is_empty() {
        return Err(CreateTable::lacks("TableName").into());
    }
    // A message cannot tell an empty list from none, so empty is none.
    let local =
        request.local_secondary_indexes.into_iter().map(local_index).collect::<Result<Vec<_>, _>>()?;
    let global =
        request.global_secondary_indexes.into_iter().map(global_index).collect::<Result<Vec<_>, _>>()?;
    Ok(CreateTable {
        table: request.table,
        attribute_definitions: attribute_definitions(request.attribute_definitions)?,
        key_schema: key_schema(request.key_schema)?,
        local_secondary_indexes: Some(local).filter(|indexes| !indexes.is_empty()),
        global_secondary_indexes: Some(global).filter(|indexes| !indexes.is_empty()),
        billing_mode: billing_mode(request.billing_mode)?,
        provisioned_throughput: throughput(request.provisioned_throughput),
        on_demand_throughput: on_demand(request.on_demand_throughput),
        warm_throughput: warm(request.warm_throughput),
        table_class: table_class(request.table_class)?,
        deletion_protection: request.deletion_protection_enabled,
        stream: request.stream_specification.map(stream),
        encryption: request.sse_specification.map(encryption).transpose()?,
        tags: tags(request.tags),
        resource_policy: request.resource_policy,
    })
}

pub(crate) fn to_update(request: v1::UpdateTableRequest) -> Result<UpdateTable, Error> {
    not_implemented("stream_specification", request.stream_specification.is_some())?;
    Ok(UpdateTable {
        table: request.table,
        attribute_definitions: attribute_definitions(request.attribute_definitions)?,
        global_secondary_index_updates: request
            .global_secondary_index_updates
            .into_iter()
            .map(index_update)
            .collect::<Result<_, _>>()?,
        billing_mode: billing_mode(request.billing_mode)?,
        provisioned_throughput: throughput(request.provisioned_throughput),
        on_demand_throughput: on_demand(request.on_demand_throughput),
        warm_throughput: warm(request.warm_throughput),
        table_class: table_class(request.table_class)?,
        deletion_protection: request.deletion_protection_enabled,
        encryption: request.sse_specification.map(encryption).transpose()?,
    })
}

fn stream(given: v1::StreamSpecification) -> StreamInput {
    StreamInput {
        enabled: given.stream_enabled,
        has_view: given.stream_view_type != i32::from(v1::StreamViewType::Unspecified),
    }
}

fn encryption(given: v1::SseSpecification) -> Result<EncryptionInput, Error> {
    let is_service_key = known("sse_specification", given.sse_type, |kind| match kind {
        v1::SseType::Unspecified | v1::SseType::Kms => None,
        v1::SseType::Aes256 => Some(()),
    })?;
    Ok(EncryptionInput {
        enabled: given.enabled.unwrap_or_default(),
        is_service_key: is_service_key.is_some(),
        key: given.kms_master_key_id,
    })
}

/// A page size and a page token as AIP-158 has them: 0 and empty mean the default and the beginning.
pub(crate) fn page(size: i32, token: String) -> (Option<i32>, Option<String>) {
    (Some(size).filter(|size| *size != 0), Some(token).filter(|token| !token.is_empty()))
}

pub(crate) fn list_tables(request: v1::ListTablesRequest) -> Result<ListTables, Error> {
    let (limit, exclusive_start) = page(request.page_size, request.page_token);
    Ok(ListTables { exclusive_start, limit, limit_field: FieldPath::from("page_size") })
}

pub(crate) fn list_tables_response(output: ListTablesOutput) -> v1::ListTablesResponse {
    v1::ListTablesResponse {
        table_names: output.names.into_iter().map(String::from).collect(),
        next_page_token: output.last_evaluated.map(String::from).unwrap_or_default(),
    }
}

pub(crate) fn list_tags(request: v1::ListTagsOfResourceRequest) -> Result<ListTagsOfResource, Error> {
    let (limit, next_token) = page(request.page_size, request.page_token);
    Ok(ListTagsOfResource { resource_arn: request.resource_arn, limit, next_token })
}

pub(crate) fn put_policy(request: v1::PutResourcePolicyRequest) -> Result<PutResourcePolicy, Error> {
    Ok(PutResourcePolicy {
        resource_arn: request.resource_arn,
        policy: request.policy,
        expected_revision_id: request.expected_revision_id,
        confirm_remove_self_resource_access: request.confirm_remove_self_resource_access,
    })
}

pub(crate) fn time_to_live(request: v1::UpdateTimeToLiveRequest) -> Result<UpdateTimeToLive, Error> {
    let specification = request
        .time_to_live_specification
        .map(|asked| TimeToLiveSpecification { enabled: asked.enabled, attribute: asked.attribute_name });
    Ok(UpdateTimeToLive { table: request.table, specification })
}

pub(crate) fn time_to_live_specification(asked: TimeToLiveSpecification) -> v1::TimeToLiveSpecification {
    v1::TimeToLiveSpecification { enabled: asked.enabled, attribute_name: asked.attribute }
}

pub(crate) fn time_to_live_description(found: TimeToLiveDescription) -> v1::TimeToLiveDescription {
    let status = match found.status {
        TimeToLiveStatus::Enabling => v1::TimeToLiveStatus::Enabling,
        TimeToLiveStatus::Enabled => v1::TimeToLiveStatus::Enabled,
        TimeToLiveStatus::Disabling => v1::TimeToLiveStatus::Disabling,
        TimeToLiveStatus::Disabled => v1::TimeToLiveStatus::Disabled,
    };
    v1::TimeToLiveDescription {
        time_to_live_status: status.into(),
        attribute_name: found.attribute.unwrap_or_default(),
    }
}

pub(crate) fn list_tags_response(output: ListTagsOfResourceOutput) -> v1::ListTagsOfResourceResponse {
    v1::ListTagsOfResourceResponse {
        tags: output.tags.into_iter().map(|tag| v1::Tag { key: tag.key, value: tag.value }).collect(),
        next_page_token: output.next_token.unwrap_or_default(),
    }
}

pub(crate) fn time(at: Timestamp) -> prost_types::Timestamp {
    prost_types::Timestamp { seconds: at.as_second(), nanos: at.subsec_nanosecond() }
}

fn key_type(key_type: KeyType) -> v1::ScalarAttributeType {
    match key_type {
        KeyType::S => v1::ScalarAttributeType::String,
        KeyType::N => v1::ScalarAttributeType::Number,
        KeyType::B => v1::ScalarAttributeType::Binary,
    }
}

fn key_elements<'a>(
    partition: impl IntoIterator<Item = &'a KeyAttribute>,
    sort: impl IntoIterator<Item = &'a KeyAttribute>,
) -> Vec<v1::KeySchemaElement> {
    let element = |role: v1::KeyType| {
        move |attribute: &KeyAttribute| v1::KeySchemaElement {
            attribute_name: attribute.name.clone(),
            key_type: role.into(),
        }
    };
    let partition = partition.into_iter().map(element(v1::KeyType::Hash));
    partition.chain(sort.into_iter().map(element(v1::KeyType::Range))).collect()
}

/// A count as the wire has it, which knows no unsigned numbers.
fn count(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

fn throughput_description(throughput: ThroughputDescription) -> v1::ProvisionedThroughputDescription {
    v1::ProvisionedThroughputDescription {
        read_capacity_units: count(throughput.read_capacity_units),
        write_capacity_units: count(throughput.write_capacity_units),
        last_increase_time: throughput.last_increase.map(time),
        last_decrease_time: throughput.last_decrease.map(time),
        number_of_decreases_today: count(throughput.decreases_today),
    }
}

/// Limits as they stand; none if there are none. Where there is one of a pair, -1 says that there is not the other.
fn on_demand_message(limits: OnDemandMaximum) -> Option<v1::OnDemandThroughput> {
    let limit = |limit: Option<u64>| Some(limit.map_or(-1, count));
    (limits != OnDemandMaximum::default()).then(|| v1::OnDemandThroughput {
        max_read_request_units: limit(limits.read),
        max_write_request_units: limit(limits.write),
    })
}

pub(crate) fn limits(limits: DescribeLimitsOutput) -> v1::DescribeLimitsResponse {
    v1::DescribeLimitsResponse {
        account_max_read_capacity_units: count(limits.account_max.read),
        account_max_write_capacity_units: count(limits.account_max.write),
        table_max_read_capacity_units: count(limits.table_max.read),
        table_max_write_capacity_units: count(limits.table_max.write),
        capacity_limits: capacity_limits(limits.capacity_limits).into(),
    }
}

fn capacity_limits(limits: CapacityLimits) -> v1::CapacityLimits {
    match limits {
        CapacityLimits::Off => v1::CapacityLimits::Off,
        CapacityLimits::Provisioned => v1::CapacityLimits::Provisioned,
        CapacityLimits::Aws => v1::CapacityLimits::Aws,
    }
}

fn projection_message(projection: Projection) -> v1::Projection {
    let (projection_type, non_key_attributes) = match projection {
        Projection::All => (v1::ProjectionType::All, Vec::new()),
        Projection::KeysOnly => (v1::ProjectionType::KeysOnly, Vec::new()),
        Projection::Include(names) => (v1::ProjectionType::Include, names),
    };
    v1::Projection { projection_type: projection_type.into(), non_key_attributes }
}

fn local_index_description(index: IndexDescription) -> v1::LocalSecondaryIndexDescription {
    v1::LocalSecondaryIndexDescription {
        index_name: index.name,
        index_arn: index.arn,
        key_schema: key_elements(&index.key_schema.partition, &index.key_schema.sort),
        projection: Some(projection_message(index.projection)),
        item_count: count(index.item_count),
        index_size_bytes: count(index.size_bytes),
    }
}

fn global_index_description(index: IndexDescription) -> v1::GlobalSecondaryIndexDescription {
    let index_status = match index.status {
        IndexStatus::Creating | IndexStatus::Backfilling => v1::IndexStatus::Creating,
        IndexStatus::Active => v1::IndexStatus::Active,
        IndexStatus::Updating => v1::IndexStatus::Updating,
        IndexStatus::Deleting => v1::IndexStatus::Deleting,
    };
    v1::GlobalSecondaryIndexDescription {
        index_name: index.name,
        index_arn: index.arn,
        key_schema: key_elements(&index.key_schema.partition, &index.key_schema.sort),
        projection: Some(projection_message(index.projection)),
        index_status: index_status.into(),
        backfilling: index.backfilling,
        item_count: count(index.item_count),
        index_size_bytes: count(index.size_bytes),
        provisioned_throughput: Some(throughput_description(index.throughput)),
        on_demand_throughput: on_demand_message(index.on_demand),
        warm_throughput: index.warm.map(|warm| v1::GlobalSecondaryIndexWarmThroughputDescription {
            read_units_per_second: count(warm.read),
            write_units_per_second: count(warm.write),
            status: index_status.into(),
        }),
    }
}

pub(crate) fn description(table: TableDescription) -> v1::TableDescription {
    let (local, global): (Vec<_>, Vec<_>) =
        table.indexes.into_iter().partition(|index| index.kind == IndexKind::Local);
    let billing_mode = match table.billing_mode {
        BillingMode::Provisioned => v1::BillingMode::Provisioned,
        BillingMode::PayPerRequest => v1::BillingMode::PayPerRequest,
    };
    let status = match table.status {
        TableStatus::Creating => v1::TableStatus::Creating,
        TableStatus::Active => v1::TableStatus::Active,
        TableStatus::Updating => v1::TableStatus::Updating,
        TableStatus::Deleting => v1::TableStatus::Deleting,
    };
    v1::TableDescription {
        table_name: table.name,
        table_arn: table.arn,
        table_id: table.id,
        table_status: status.into(),
        creation_time: table.created_at.map(time),
        attribute_definitions: table
            .key_attributes
            .into_iter()
            .map(|attribute| v1::AttributeDefinition {
                attribute_type: key_type(attribute.key_type).into(),
                attribute_name: attribute.name,
            })
            .collect(),
        key_schema: table.key_schema.map_or_else(Vec::new, |key| key_elements([&key.partition], &key.sort)),
        local_secondary_indexes: local.into_iter().map(local_index_description).collect(),
        global_secondary_indexes: global.into_iter().map(global_index_description).collect(),
        item_count: count(table.item_count),
        table_size_bytes: count(table.size_bytes),
        provisioned_throughput: Some(throughput_description(table.throughput)),
        // Absent on a table that was always provisioned (semantics 3.2).
        billing_mode_summary: table.on_demand_since.map(|since| v1::BillingModeSummary {
            billing_mode: billing_mode.into(),
            last_update_to_pay_per_request_time: Some(time(since)),
        }),
        table_class_summary: table.table_class.map(|(class, since)| v1::TableClassSummary {
            table_class: match class {
                TableClass::Standard => v1::TableClass::Standard,
                TableClass::StandardInfrequentAccess => v1::TableClass::StandardInfrequentAccess,
            }
            .into(),
            last_update_time: Some(time(since)),
        }),
        deletion_protection_enabled: table.deletion_protection,
        on_demand_throughput: on_demand_message(table.on_demand),
        warm_throughput: table.warm.map(|warm| v1::TableWarmThroughputDescription {
            read_units_per_second: count(warm.read),
            write_units_per_second: count(warm.write),
            status: status.into(),
        }),
        latest_failure: table.failure.map(|failure| v1::ChangeFailure {
            change: failure.change,
            reason: failure.reason,
            time: Some(time(failure.at)),
        }),
        sse_description: table.encryption_key.map(|kms_master_key_arn| v1::SseDescription {
            status: v1::SseStatus::Enabled.into(),
            sse_type: v1::SseType::Kms.into(),
            kms_master_key_arn,
            inaccessible_encryption_time: None,
        }),
        ..Default::default()
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::indexing_slicing)] // Tests fail loudly, in helpers too.
mod tests {
    use super::*;
    use cairn_model::IndexKeySchema;

    fn element(name: &str, role: v1::KeyType) -> v1::KeySchemaElement {
        v1::KeySchemaElement { attribute_name: name.into(), key_type: role.into() }
    }

    fn by_team() -> v1::GlobalSecondaryIndex {
        v1::GlobalSecondaryIndex {
            index_name: "by-team".into(),
            key_schema: vec![element("team", v1::KeyType::Hash), element("score", v1::KeyType::Range)],
            projection: Some(v1::Projection {
                projection_type: v1::ProjectionType::Include.into(),
                non_key_attributes: vec!["note".into()],
            }),
            provisioned_throughput: Some(v1::ProvisionedThroughput {
                read_capacity_units: 1,
                write_capacity_units: 2,
            }),
            ..Default::default()
        }
    }

    #[test]
    fn an_index_is_read_with_all_that_is_asked_of_it() {
        let request = v1::CreateTableRequest {
            table: "Games".into(),
            global_secondary_indexes: vec![by_team()],
            ..Default::default()
        };
        let create = to_create(request).unwrap();
        assert!(create.local_secondary_indexes.is_none());
        let index = &create.global_secondary_indexes.unwrap()[0];
        let roles: Vec<_> = index.key_schema.iter().map(|element| element.role.unwrap()).collect();
        assert_eq!(roles, [KeyRole::Hash, KeyRole::Range]);
        let projection = index.projection.as_ref().unwrap();
        assert_eq!(projection.projection_type, Some(ProjectionType::Include));
        assert_eq!(projection.non_key_attributes, ["note"]);
        assert_eq!(index.provisioned_throughput.unwrap().write_capacity_units, 2);
    }

    #[test]
    fn limits_and_warm_throughput_are_read_member_by_member() {
        let limited = v1::GlobalSecondaryIndex {
            on_demand_throughput: Some(v1::OnDemandThroughput {
                max_read_request_units: Some(-1),
                max_write_request_units: None,
            }),
            warm_throughput: Some(v1::WarmThroughput {
                read_units_per_second: None,
                write_units_per_second: Some(5_000),
            }),
            ..by_team()
        };
        let read = global_index(limited).unwrap();
        let limits = read.on_demand_throughput.unwrap();
        assert_eq!((limits.max_read_request_units, limits.max_write_request_units), (Some(-1), None));
        let warm = read.warm_throughput.unwrap();
        assert_eq!((warm.read_units_per_second, warm.write_units_per_second), (None, Some(5_000)));
        assert!(on_demand_message(OnDemandMaximum::default()).is_none());
        let one = on_demand_message(OnDemandMaximum { read: None, write: Some(7) }).unwrap();
        assert_eq!((one.max_read_request_units, one.max_write_request_units), (Some(-1), Some(7)));
    }

    #[test]
    fn a_projection_of_a_kind_nobody_knows_is_refused() {
        let unknown = v1::Projection { projection_type: 99, ..Default::default() };
        assert!(matches!(projection(Some(unknown)), Err(Error::Validation(_))));
    }

    #[test]
    fn each_change_of_an_index_is_read_as_what_it_is() {
        use v1::global_secondary_index_update::Action;
        let read = |action| index_update(v1::GlobalSecondaryIndexUpdate { action }).unwrap();
        let create = read(Some(Action::Create(by_team())));
        assert_eq!(create.create.unwrap().name, "by-team");
        assert!(create.update.is_none() && create.delete.is_none());
        let update = read(Some(Action::Update(v1::UpdateGlobalSecondaryIndexAction {
            index_name: "by-team".into(),
            provisioned_throughput: by_team().provisioned_throughput,
            ..Default::default()
        })));
        assert_eq!(update.update.unwrap().provisioned_throughput.unwrap().read_capacity_units, 1);
        let delete =
            read(Some(Action::Delete(v1::DeleteGlobalSecondaryIndexAction { index_name: "by-team".into() })));
        assert_eq!(delete.delete.unwrap().name, "by-team");
        let none = read(None);
        assert!(none.create.is_none() && none.update.is_none() && none.delete.is_none());
    }

    #[test]
    fn an_index_that_is_filled_is_creating_to_callers() {
        let attribute = |name: &str| KeyAttribute { name: name.into(), key_type: KeyType::S };
        let described = |status, backfilling| {
            global_index_description(IndexDescription {
                name: "by-team".into(),
                arn: "arn".into(),
                kind: IndexKind::Global,
                key_schema: IndexKeySchema {
                    partition: vec![attribute("team"), attribute("city")],
                    sort: vec![attribute("score")],
                },
                projection: Projection::KeysOnly,
                status,
                backfilling,
                throughput: ThroughputDescription {
                    read_capacity_units: 0,
                    write_capacity_units: 0,
                    last_increase: None,
                    last_decrease: None,
                    decreases_today: 0,
                },
                on_demand: OnDemandMaximum::default(),
                warm: Some(cairn_ops::UnitPair { read: 12_000, write: 4_000 }),
                item_count: 3,
                size_bytes: 40,
            })
        };
        let filling = described(IndexStatus::Backfilling, Some(true));
        assert_eq!((filling.index_status(), filling.backfilling), (v1::IndexStatus::Creating, Some(true)));
        let roles: Vec<_> = filling.key_schema.iter().map(v1::KeySchemaElement::key_type).collect();
        assert_eq!(roles, [v1::KeyType::Hash, v1::KeyType::Hash, v1::KeyType::Range]);
        let active = described(IndexStatus::Active, None);
        assert_eq!((active.index_status(), active.backfilling), (v1::IndexStatus::Active, None));
        assert_eq!((active.item_count, active.index_size_bytes), (3, 40));
        assert_eq!(active.projection.unwrap().projection_type(), v1::ProjectionType::KeysOnly);
    }
}
