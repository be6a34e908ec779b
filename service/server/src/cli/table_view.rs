//! How a table's description is printed: as JSON with DynamoDB's member names, and as rows for people.

use super::output::{new_table, printable, text_cell};
use cairn_api::v1;
use cairn_model::AttributeMap;
use comfy_table::Table;
use serde::Serialize;
use std::fmt;

/// The primary key of a table: the names of its attributes, the partition key first, and their types, such as `S`.
#[derive(Debug)]
pub(crate) struct TableKey(Vec<(String, String)>);

impl TableKey {
    pub(crate) fn of(table: &v1::TableDescription) -> Self {
        let definition =
            |name: &str| table.attribute_definitions.iter().find(|known| known.attribute_name == name);
        let key_type = |name: &str| {
            definition(name).map_or_else(String::new, |known| short_type(known.attribute_type).to_owned())
        };
        let elements = table.key_schema.iter().map(|element| &element.attribute_name);
        Self(elements.map(|name| (name.clone(), key_type(name))).collect())
    }

    /// Whether an item has the key.
    pub(crate) fn is_in(&self, item: &AttributeMap) -> bool {
        self.0
            .iter()
            .all(|(name, key_type)| item.get(name).is_some_and(|value| value.type_name() == key_type))
    }

    /// Whether these attributes are the key, and nothing else.
    pub(crate) fn is(&self, given: &AttributeMap) -> bool {
        given.len() == self.0.len() && self.is_in(given)
    }
}

impl fmt::Display for TableKey {
    /// As in `Customer (S) and When (N)`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (number, (name, key_type)) in self.0.iter().enumerate() {
            let and = if number == 0 { "" } else { " and " };
            write!(f, "{and}{} ({key_type})", printable(name))?;
        }
        Ok(())
    }
}

/// The short name of a key's type.
fn short_type(value: i32) -> &'static str {
    match v1::ScalarAttributeType::try_from(value) {
        Ok(v1::ScalarAttributeType::String) => "S",
        Ok(v1::ScalarAttributeType::Number) => "N",
        Ok(v1::ScalarAttributeType::Binary) => "B",
        _ => "?",
    }
}

/// A table's description as DynamoDB's JSON has it, save that times are RFC 3339 text.
#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct TableView {
    table_name: String,
    table_arn: String,
    table_id: String,
    table_status: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    creation_date_time: Option<String>,
    key_schema: Vec<KeySchemaElement>,
    attribute_definitions: Vec<AttributeDefinition>,
    #[serde(skip_serializing_if = "Option::is_none")]
    billing_mode_summary: Option<BillingModeSummary>,
    #[serde(skip_serializing_if = "Option::is_none")]
    provisioned_throughput: Option<ProvisionedThroughput>,
    #[serde(skip_serializing_if = "Option::is_none")]
    on_demand_throughput: Option<OnDemandThroughput>,
    #[serde(skip_serializing_if = "Option::is_none")]
    warm_throughput: Option<WarmThroughput>,
    #[serde(skip_serializing_if = "Option::is_none")]
    table_class_summary: Option<TableClassSummary>,
    item_count: i64,
    table_size_bytes: i64,
    deletion_protection_enabled: bool,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
struct KeySchemaElement {
    attribute_name: String,
    key_type: String,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
struct AttributeDefinition {
    attribute_name: String,
    attribute_type: &'static str,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
struct BillingModeSummary {
    billing_mode: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    last_update_to_pay_per_request_date_time: Option<String>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
struct ProvisionedThroughput {
    read_capacity_units: i64,
    write_capacity_units: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    last_increase_date_time: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    last_decrease_date_time: Option<String>,
    number_of_decreases_today: i64,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
struct OnDemandThroughput {
    max_read_request_units: i64,
    max_write_request_units: i64,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
struct WarmThroughput {
    read_units_per_second: i64,
    write_units_per_second: i64,
    status: String,
}

/// How much throughput may be provisioned, as DynamoDB's JSON has it.
#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct LimitsView {
    account_max_read_capacity_units: i64,
    account_max_write_capacity_units: i64,
    table_max_read_capacity_units: i64,
    table_max_write_capacity_units: i64,
    /// Cairn's own: which limits are enforced, by their name in settings.
    capacity_limits: String,
}

impl LimitsView {
    pub(crate) fn of(limits: &v1::DescribeLimitsResponse) -> Self {
        Self {
            account_max_read_capacity_units: limits.account_max_read_capacity_units,
            account_max_write_capacity_units: limits.account_max_write_capacity_units,
            table_max_read_capacity_units: limits.table_max_read_capacity_units,
            table_max_write_capacity_units: limits.table_max_write_capacity_units,
            capacity_limits: name(
                limits.capacity_limits,
                "CAPACITY_LIMITS_",
                v1::CapacityLimits::as_str_name,
            )
            .to_lowercase(),
        }
    }

    /// Which limits calls are held to.
    pub(crate) fn note(&self) -> String {
        format!("Limits enforced: {}", self.capacity_limits)
    }

    /// A row for one table, and one for all.
    pub(crate) fn table(&self) -> Table {
        let mut table = new_table();
        table.set_header(["Units a second", "Read", "Write"].map(text_cell));
        for (title, read, write) in [
            ("One table", self.table_max_read_capacity_units, self.table_max_write_capacity_units),
            ("All tables", self.account_max_read_capacity_units, self.account_max_write_capacity_units),
        ] {
            table.add_row(
                [title.to_owned(), read.to_string(), write.to_string()].map(|text| text_cell(&text)),
            );
        }
        table
    }
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
struct TableClassSummary {
    table_class: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    last_update_date_time: Option<String>,
}

/// An enum value without the prefix that protobuf style gives it; the number of one that this version does not know.
fn name<E: TryFrom<i32>>(value: i32, prefix: &str, as_str_name: impl Fn(&E) -> &'static str) -> String {
    match E::try_from(value) {
        Ok(known) => as_str_name(&known).trim_start_matches(prefix).to_owned(),
        Err(_) => value.to_string(),
    }
}

fn time(at: Option<&prost_types::Timestamp>) -> Option<String> {
    at.map(prost_types::Timestamp::to_string)
}

/// An RFC 3339 time in UTC without its fraction of a second.
fn to_the_second(at: &str) -> String {
    at.split_once('.').map_or_else(|| at.to_owned(), |(seconds, _)| format!("{seconds}Z"))
}

impl TableView {
    pub(crate) fn of(table: &v1::TableDescription) -> Self {
        Self {
            table_name: table.table_name.clone(),
            table_arn: table.table_arn.clone(),
            table_id: table.table_id.clone(),
            table_status: name(table.table_status, "TABLE_STATUS_", v1::TableStatus::as_str_name),
            creation_date_time: time(table.creation_time.as_ref()),
            key_schema: table
                .key_schema
                .iter()
                .map(|element| KeySchemaElement {
                    attribute_name: element.attribute_name.clone(),
                    key_type: name(element.key_type, "KEY_TYPE_", v1::KeyType::as_str_name),
                })
                .collect(),
            attribute_definitions: table
                .attribute_definitions
                .iter()
                .map(|definition| AttributeDefinition {
                    attribute_name: definition.attribute_name.clone(),
                    attribute_type: short_type(definition.attribute_type),
                })
                .collect(),
            billing_mode_summary: table.billing_mode_summary.as_ref().map(|summary| BillingModeSummary {
                billing_mode: name(summary.billing_mode, "BILLING_MODE_", v1::BillingMode::as_str_name),
                last_update_to_pay_per_request_date_time: time(
                    summary.last_update_to_pay_per_request_time.as_ref(),
                ),
            }),
            provisioned_throughput: table.provisioned_throughput.as_ref().map(|units| {
                ProvisionedThroughput {
                    read_capacity_units: units.read_capacity_units,
                    write_capacity_units: units.write_capacity_units,
                    last_increase_date_time: time(units.last_increase_time.as_ref()),
                    last_decrease_date_time: time(units.last_decrease_time.as_ref()),
                    number_of_decreases_today: units.number_of_decreases_today,
                }
            }),
            on_demand_throughput: table.on_demand_throughput.as_ref().map(|limits| OnDemandThroughput {
                max_read_request_units: limits.max_read_request_units.unwrap_or(-1),
                max_write_request_units: limits.max_write_request_units.unwrap_or(-1),
            }),
            warm_throughput: table.warm_throughput.as_ref().map(|warm| WarmThroughput {
                read_units_per_second: warm.read_units_per_second,
                write_units_per_second: warm.write_units_per_second,
                status: name(warm.status, "TABLE_STATUS_", v1::TableStatus::as_str_name),
            }),
            table_class_summary: table.table_class_summary.as_ref().map(|summary| TableClassSummary {
                table_class: name(summary.table_class, "TABLE_CLASS_", v1::TableClass::as_str_name),
                last_update_date_time: time(summary.last_update_time.as_ref()),
            }),
            item_count: table.item_count,
            table_size_bytes: table.table_size_bytes,
            deletion_protection_enabled: table.deletion_protection_enabled,
        }
    }

    /// A row for each thing there is to know.
    pub(crate) fn table(&self) -> Table {
        let mut rows = vec![
            ("Name", self.table_name.clone()),
            ("ARN", self.table_arn.clone()),
            ("Id", self.table_id.clone()),
            ("Status", self.table_status.clone()),
        ];
        rows.extend(self.creation_date_time.as_deref().map(|at| ("Created", to_the_second(at))));
        rows.extend(self.key_schema.iter().map(|key| {
            let title = if key.key_type == "RANGE" { "Sort key" } else { "Partition key" };
            (title, self.key_attribute(&key.attribute_name))
        }));
        rows.push(("Capacity", self.capacity()));
        rows.extend(
            self.table_class_summary.as_ref().map(|summary| ("Table class", summary.table_class.clone())),
        );
        rows.extend([
            ("Items", self.item_count.to_string()),
            ("Size", format!("{} bytes", self.table_size_bytes)),
            ("Deletion protection", if self.deletion_protection_enabled { "on" } else { "off" }.to_owned()),
        ]);
        let mut table = new_table();
        table.add_rows(rows.iter().map(|(title, value)| [text_cell(title), text_cell(value)]));
        table
    }

    /// A key attribute with its type: `Id (N)`.
    fn key_attribute(&self, name: &str) -> String {
        let definition = self.attribute_definitions.iter().find(|known| known.attribute_name == name);
        definition.map_or_else(|| name.to_owned(), |known| format!("{name} ({})", known.attribute_type))
    }

    fn capacity(&self) -> String {
        // A table that was always provisioned has no summary.
        let mode = self.billing_mode_summary.as_ref().map_or("PROVISIONED", |summary| &summary.billing_mode);
        match &self.provisioned_throughput {
            Some(units) if mode == "PROVISIONED" => format!(
                "provisioned: {} read and {} write units a second",
                units.read_capacity_units, units.write_capacity_units
            ),
            _ if mode == "PAY_PER_REQUEST" => match &self.on_demand_throughput {
                None => "on demand".to_owned(),
                Some(limits) => {
                    let shown = |units: i64| if units < 0 { "any".to_owned() } else { units.to_string() };
                    format!(
                        "on demand, at most {} read and {} write units a second",
                        shown(limits.max_read_request_units),
                        shown(limits.max_write_request_units)
                    )
                }
            },
            _ => mode.to_owned(),
        }
    }
}
