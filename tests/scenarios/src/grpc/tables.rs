//! Calls about tables.

use super::request::Members;
use cairn_api::v1;
use serde_json::{Map, Value, json};

type Read<T> = Result<T, String>;

pub(super) fn create(request: &mut Members) -> Read<v1::CreateTableRequest> {
    Ok(v1::CreateTableRequest {
        table: request.text("TableName")?,
        resource_policy: request.plain("ResourcePolicy")?,
        attribute_definitions: definitions(request)?,
        key_schema: key_schema(request)?,
        local_secondary_indexes: request.each("LocalSecondaryIndexes", |index| {
            Ok(v1::LocalSecondaryIndex {
                index_name: index.text("IndexName")?,
                key_schema: key_schema(index)?,
                projection: projection(index)?,
            })
        })?,
        global_secondary_indexes: request.each("GlobalSecondaryIndexes", global_index)?,
        billing_mode: billing_mode(request)?,
        provisioned_throughput: throughput(request)?,
        on_demand_throughput: on_demand(request)?,
        warm_throughput: warm(request)?,
        table_class: table_class(request)?,
        deletion_protection_enabled: request.plain("DeletionProtectionEnabled")?.unwrap_or_default(),
        tags: tags(request)?,
        stream_specification: request.object("StreamSpecification", |stream| {
            let view = stream.text("StreamViewType")?;
            let stream_view_type = match &*view {
                "" => v1::StreamViewType::Unspecified,
                view => v1::StreamViewType::from_str_name(&format!("STREAM_VIEW_TYPE_{view}"))
                    .ok_or_else(|| format!("no view type {view}"))?,
            };
            Ok(v1::StreamSpecification {
                stream_enabled: stream.plain("StreamEnabled")?.unwrap_or_default(),
                stream_view_type: stream_view_type.into(),
            })
        })?,
        sse_specification: encryption(request)?,
    })
}

fn encryption(request: &mut Members) -> Read<Option<v1::SseSpecification>> {
    request.object("SSESpecification", |asked| {
        let kind = asked.text("SSEType")?;
        let sse_type = match &*kind {
            "" => v1::SseType::Unspecified,
            kind => v1::SseType::from_str_name(&format!("SSE_TYPE_{kind}"))
                .ok_or_else(|| format!("no kind of key {kind}"))?,
        };
        Ok(v1::SseSpecification {
            enabled: asked.plain("Enabled")?,
            sse_type: sse_type.into(),
            kms_master_key_id: asked.plain("KMSMasterKeyId")?,
        })
    })
}

pub(super) fn update(request: &mut Members) -> Read<v1::UpdateTableRequest> {
    use v1::global_secondary_index_update::Action;
    Ok(v1::UpdateTableRequest {
        table: request.text("TableName")?,
        attribute_definitions: definitions(request)?,
        billing_mode: billing_mode(request)?,
        provisioned_throughput: throughput(request)?,
        on_demand_throughput: on_demand(request)?,
        warm_throughput: warm(request)?,
        table_class: table_class(request)?,
        deletion_protection_enabled: request.plain("DeletionProtectionEnabled")?,
        sse_specification: encryption(request)?,
        global_secondary_index_updates: request.each("GlobalSecondaryIndexUpdates", |element| {
            let create = element.object("Create", |index| Ok(Action::Create(global_index(index)?)))?;
            let update = element.object("Update", |index| {
                Ok(Action::Update(v1::UpdateGlobalSecondaryIndexAction {
                    index_name: index.text("IndexName")?,
                    provisioned_throughput: throughput(index)?,
                    on_demand_throughput: on_demand(index)?,
                    warm_throughput: warm(index)?,
                }))
            })?;
            let delete = element.object("Delete", |index| {
                let index_name = index.text("IndexName")?;
                Ok(Action::Delete(v1::DeleteGlobalSecondaryIndexAction { index_name }))
            })?;
            Ok(v1::GlobalSecondaryIndexUpdate { action: create.or(update).or(delete) })
        })?,
        ..Default::default()
    })
}

pub(super) fn list(request: &mut Members) -> Read<v1::ListTablesRequest> {
    Ok(v1::ListTablesRequest {
        page_size: request.plain("Limit")?.unwrap_or_default(),
        page_token: request.text("ExclusiveStartTableName")?,
    })
}

pub(super) fn list_answer(answer: v1::ListTablesResponse) -> Value {
    let mut out = Map::new();
    out.insert("TableNames".into(), answer.table_names.into());
    if !answer.next_page_token.is_empty() {
        out.insert("LastEvaluatedTableName".into(), answer.next_page_token.into());
    }
    out.into()
}

pub(super) fn tag(request: &mut Members) -> Read<v1::TagResourceRequest> {
    Ok(v1::TagResourceRequest { resource_arn: request.text("ResourceArn")?, tags: tags(request)? })
}

pub(super) fn untag(request: &mut Members) -> Read<v1::UntagResourceRequest> {
    Ok(v1::UntagResourceRequest {
        resource_arn: request.text("ResourceArn")?,
        tag_keys: request.plain("TagKeys")?.unwrap_or_default(),
    })
}

pub(super) fn list_tags(request: &mut Members) -> Read<v1::ListTagsOfResourceRequest> {
    Ok(v1::ListTagsOfResourceRequest {
        resource_arn: request.text("ResourceArn")?,
        page_size: 0,
        page_token: request.text("NextToken")?,
    })
}

pub(super) fn list_tags_answer(answer: v1::ListTagsOfResourceResponse) -> Value {
    let tags: Value =
        answer.tags.into_iter().map(|tag| json!({"Key": tag.key, "Value": tag.value})).collect();
    let mut out = Map::new();
    out.insert("Tags".into(), tags);
    if !answer.next_page_token.is_empty() {
        out.insert("NextToken".into(), answer.next_page_token.into());
    }
    out.into()
}

pub(super) fn put_policy(request: &mut Members) -> Read<v1::PutResourcePolicyRequest> {
    let confirmed: Option<bool> = request.plain("ConfirmRemoveSelfResourceAccess")?;
    Ok(v1::PutResourcePolicyRequest {
        resource_arn: request.text("ResourceArn")?,
        policy: request.text("Policy")?,
        expected_revision_id: request.plain("ExpectedRevisionId")?,
        confirm_remove_self_resource_access: confirmed.unwrap_or_default(),
    })
}

pub(super) fn get_policy(request: &mut Members) -> Read<v1::GetResourcePolicyRequest> {
    Ok(v1::GetResourcePolicyRequest { resource_arn: request.text("ResourceArn")? })
}

pub(super) fn delete_policy(request: &mut Members) -> Read<v1::DeleteResourcePolicyRequest> {
    Ok(v1::DeleteResourcePolicyRequest {
        resource_arn: request.text("ResourceArn")?,
        expected_revision_id: request.plain("ExpectedRevisionId")?,
    })
}

pub(super) fn delete_policy_answer(answer: v1::DeleteResourcePolicyResponse) -> Value {
    if answer.revision_id.is_empty() { json!({}) } else { json!({"RevisionId": answer.revision_id}) }
}

pub(super) fn time_to_live(request: &mut Members) -> Read<v1::UpdateTimeToLiveRequest> {
    Ok(v1::UpdateTimeToLiveRequest {
        table: request.text("TableName")?,
        time_to_live_specification: request.object("TimeToLiveSpecification", |asked| {
            Ok(v1::TimeToLiveSpecification {
                enabled: asked.plain("Enabled")?,
                attribute_name: asked.text("AttributeName")?,
            })
        })?,
    })
}

pub(super) fn time_to_live_answer(answer: v1::UpdateTimeToLiveResponse) -> Value {
    let asked = answer.time_to_live_specification.unwrap_or_default();
    json!({"TimeToLiveSpecification": {"Enabled": asked.enabled, "AttributeName": asked.attribute_name}})
}

pub(super) fn time_to_live_description(answer: v1::DescribeTimeToLiveResponse) -> Value {
    let found = answer.time_to_live_description.unwrap_or_default();
    let status = found.time_to_live_status().as_str_name().trim_start_matches("TIME_TO_LIVE_STATUS_");
    let mut out = Map::new();
    out.insert("TimeToLiveStatus".into(), status.into());
    if !found.attribute_name.is_empty() {
        out.insert("AttributeName".into(), found.attribute_name.into());
    }
    json!({ "TimeToLiveDescription": out })
}

/// A table's description: the members that cases look at, absent where DynamoDB's are.
pub(super) fn description(table: v1::TableDescription) -> Value {
    let mut out = Map::new();
    let mut put = |name: &str, value: Value| out.insert(name.into(), value);
    put("TableName", table.table_name.clone().into());
    put("TableArn", table.table_arn.clone().into());
    put("TableId", table.table_id.clone().into());
    put("TableStatus", short(table.table_status().as_str_name(), "TABLE_STATUS_"));
    if let Some(created) = &table.creation_time {
        put("CreationDateTime", created.seconds.into());
    }
    if !table.key_schema.is_empty() {
        put("KeySchema", key_schema_json(&table.key_schema));
    }
    let definitions = table.attribute_definitions.iter().map(|definition| {
        let letter = match definition.attribute_type() {
            v1::ScalarAttributeType::String => "S",
            v1::ScalarAttributeType::Number => "N",
            v1::ScalarAttributeType::Binary => "B",
            v1::ScalarAttributeType::Unspecified => "",
        };
        json!({"AttributeName": definition.attribute_name, "AttributeType": letter})
    });
    if !table.attribute_definitions.is_empty() {
        put("AttributeDefinitions", definitions.collect());
    }
    if let Some(encryption) = &table.sse_description {
        put(
            "SSEDescription",
            json!({
                "Status": short(encryption.status().as_str_name(), "SSE_STATUS_"),
                "SSEType": short(encryption.sse_type().as_str_name(), "SSE_TYPE_"),
                "KMSMasterKeyArn": encryption.kms_master_key_arn,
            }),
        );
    }
    put("ItemCount", table.item_count.into());
    put("TableSizeBytes", table.table_size_bytes.into());
    put("DeletionProtectionEnabled", table.deletion_protection_enabled.into());
    if let Some(throughput) = &table.provisioned_throughput {
        put("ProvisionedThroughput", throughput_json(throughput));
    }
    if let Some(limits) = &table.on_demand_throughput {
        put("OnDemandThroughput", on_demand_json(limits));
    }
    if let Some(warm) = &table.warm_throughput {
        put(
            "WarmThroughput",
            json!({
                "ReadUnitsPerSecond": warm.read_units_per_second,
                "WriteUnitsPerSecond": warm.write_units_per_second,
                "Status": short(warm.status().as_str_name(), "TABLE_STATUS_"),
            }),
        );
    }
    if let Some(summary) = &table.billing_mode_summary {
        let mut billing =
            json!({"BillingMode": short(summary.billing_mode().as_str_name(), "BILLING_MODE_")});
        if let (Some(since), Some(members)) =
            (&summary.last_update_to_pay_per_request_time, billing.as_object_mut())
        {
            members.insert("LastUpdateToPayPerRequestDateTime".into(), since.seconds.into());
        }
        put("BillingModeSummary", billing);
    }
    if let Some(summary) = &table.table_class_summary {
        let mut class = json!({"TableClass": short(summary.table_class().as_str_name(), "TABLE_CLASS_")});
        if let (Some(since), Some(members)) = (&summary.last_update_time, class.as_object_mut()) {
            members.insert("LastUpdateDateTime".into(), since.seconds.into());
        }
        put("TableClassSummary", class);
    }
    if !table.local_secondary_indexes.is_empty() {
        let indexes = table.local_secondary_indexes.iter().map(|index| {
            json!({
                "IndexName": index.index_name,
                "IndexArn": index.index_arn,
                "KeySchema": key_schema_json(&index.key_schema),
                "Projection": projection_json(index.projection.as_ref()),
                "ItemCount": index.item_count,
                "IndexSizeBytes": index.index_size_bytes,
            })
        });
        put("LocalSecondaryIndexes", indexes.collect());
    }
    if !table.global_secondary_indexes.is_empty() {
        put("GlobalSecondaryIndexes", table.global_secondary_indexes.iter().map(global_index_json).collect());
    }
    out.into()
}

fn global_index_json(index: &v1::GlobalSecondaryIndexDescription) -> Value {
    let mut out = Map::new();
    let mut put = |name: &str, value: Value| out.insert(name.into(), value);
    put("IndexName", index.index_name.clone().into());
    put("IndexArn", index.index_arn.clone().into());
    put("KeySchema", key_schema_json(&index.key_schema));
    put("Projection", projection_json(index.projection.as_ref()));
    put("IndexStatus", short(index.index_status().as_str_name(), "INDEX_STATUS_"));
    put("ItemCount", index.item_count.into());
    put("IndexSizeBytes", index.index_size_bytes.into());
    if let Some(backfilling) = index.backfilling {
        put("Backfilling", backfilling.into());
    }
    if let Some(throughput) = &index.provisioned_throughput {
        put("ProvisionedThroughput", throughput_json(throughput));
    }
    if let Some(limits) = &index.on_demand_throughput {
        put("OnDemandThroughput", on_demand_json(limits));
    }
    if let Some(warm) = &index.warm_throughput {
        put(
            "WarmThroughput",
            json!({
                "ReadUnitsPerSecond": warm.read_units_per_second,
                "WriteUnitsPerSecond": warm.write_units_per_second,
                "Status": short(warm.status().as_str_name(), "INDEX_STATUS_"),
            }),
        );
    }
    out.into()
}

fn throughput_json(throughput: &v1::ProvisionedThroughputDescription) -> Value {
    let mut described = json!({
        "ReadCapacityUnits": throughput.read_capacity_units,
        "WriteCapacityUnits": throughput.write_capacity_units,
        "NumberOfDecreasesToday": throughput.number_of_decreases_today,
    });
    let times = [
        ("LastIncreaseDateTime", &throughput.last_increase_time),
        ("LastDecreaseDateTime", &throughput.last_decrease_time),
    ];
    for (name, time) in times {
        if let (Some(time), Some(members)) = (time, described.as_object_mut()) {
            members.insert(name.into(), time.seconds.into());
        }
    }
    described
}

fn key_schema_json(elements: &[v1::KeySchemaElement]) -> Value {
    let element = |element: &v1::KeySchemaElement| {
        json!({
            "AttributeName": element.attribute_name,
            "KeyType": short(element.key_type().as_str_name(), "KEY_TYPE_"),
        })
    };
    elements.iter().map(element).collect()
}

fn projection_json(projection: Option<&v1::Projection>) -> Value {
    let Some(projection) = projection else { return Value::Null };
    let kind = short(projection.projection_type().as_str_name(), "PROJECTION_TYPE_");
    if projection.non_key_attributes.is_empty() {
        json!({"ProjectionType": kind})
    } else {
        json!({"ProjectionType": kind, "NonKeyAttributes": projection.non_key_attributes})
    }
}

fn short(name: &str, prefix: &str) -> Value {
    name.strip_prefix(prefix).unwrap_or(name).into()
}

fn definitions(request: &mut Members) -> Read<Vec<v1::AttributeDefinition>> {
    request.each("AttributeDefinitions", |definition| {
        let known = |name: &str| {
            Some(match name {
                "TYPE_S" => v1::ScalarAttributeType::String,
                "TYPE_N" => v1::ScalarAttributeType::Number,
                "TYPE_B" => v1::ScalarAttributeType::Binary,
                _ => return None,
            })
        };
        Ok(v1::AttributeDefinition {
            attribute_name: definition.text("AttributeName")?,
            attribute_type: definition.choice("AttributeType", "TYPE", known)?,
        })
    })
}

fn key_schema(request: &mut Members) -> Read<Vec<v1::KeySchemaElement>> {
    request.each("KeySchema", |element| {
        Ok(v1::KeySchemaElement {
            attribute_name: element.text("AttributeName")?,
            key_type: element.choice("KeyType", "KEY_TYPE", v1::KeyType::from_str_name)?,
        })
    })
}

fn projection(index: &mut Members) -> Read<Option<v1::Projection>> {
    index.object("Projection", |projection| {
        Ok(v1::Projection {
            projection_type: projection.choice(
                "ProjectionType",
                "PROJECTION_TYPE",
                v1::ProjectionType::from_str_name,
            )?,
            non_key_attributes: projection.plain("NonKeyAttributes")?.unwrap_or_default(),
        })
    })
}

fn global_index(index: &mut Members) -> Read<v1::GlobalSecondaryIndex> {
    Ok(v1::GlobalSecondaryIndex {
        index_name: index.text("IndexName")?,
        key_schema: key_schema(index)?,
        projection: projection(index)?,
        provisioned_throughput: throughput(index)?,
        on_demand_throughput: on_demand(index)?,
        warm_throughput: warm(index)?,
    })
}

fn billing_mode(request: &mut Members) -> Read<i32> {
    request.choice("BillingMode", "BILLING_MODE", v1::BillingMode::from_str_name)
}

fn table_class(request: &mut Members) -> Read<i32> {
    request.choice("TableClass", "TABLE_CLASS", v1::TableClass::from_str_name)
}

fn throughput(request: &mut Members) -> Read<Option<v1::ProvisionedThroughput>> {
    request.object("ProvisionedThroughput", |throughput| {
        Ok(v1::ProvisionedThroughput {
            read_capacity_units: throughput.plain("ReadCapacityUnits")?.unwrap_or_default(),
            write_capacity_units: throughput.plain("WriteCapacityUnits")?.unwrap_or_default(),
        })
    })
}

fn on_demand(request: &mut Members) -> Read<Option<v1::OnDemandThroughput>> {
    request.object("OnDemandThroughput", |limits| {
        Ok(v1::OnDemandThroughput {
            max_read_request_units: limits.plain("MaxReadRequestUnits")?,
            max_write_request_units: limits.plain("MaxWriteRequestUnits")?,
        })
    })
}

fn warm(request: &mut Members) -> Read<Option<v1::WarmThroughput>> {
    request.object("WarmThroughput", |warm| {
        Ok(v1::WarmThroughput {
            read_units_per_second: warm.plain("ReadUnitsPerSecond")?,
            write_units_per_second: warm.plain("WriteUnitsPerSecond")?,
        })
    })
}

pub(super) fn limits(limits: v1::DescribeLimitsResponse) -> Value {
    let capacity_limits = limits.capacity_limits().as_str_name();
    let capacity_limits = capacity_limits.strip_prefix("CAPACITY_LIMITS_").unwrap_or(capacity_limits);
    json!({
        "AccountMaxReadCapacityUnits": limits.account_max_read_capacity_units,
        "AccountMaxWriteCapacityUnits": limits.account_max_write_capacity_units,
        "TableMaxReadCapacityUnits": limits.table_max_read_capacity_units,
        "TableMaxWriteCapacityUnits": limits.table_max_write_capacity_units,
        "CapacityLimits": capacity_limits.to_lowercase(),
    })
}

fn on_demand_json(limits: &v1::OnDemandThroughput) -> Value {
    json!({
        "MaxReadRequestUnits": limits.max_read_request_units,
        "MaxWriteRequestUnits": limits.max_write_request_units,
    })
}

fn tags(request: &mut Members) -> Read<Vec<v1::Tag>> {
    request.each("Tags", |tag| Ok(v1::Tag { key: tag.text("Key")?, value: tag.text("Value")? }))
}
