//! Calls, answers and values in words: each on one line.

use super::answer::{Answer, Outcome, Refusal, Table};
use super::call::{Call, Until};
use cairn_api::v1;
use cairn_api::v1::transact_write_item::Action;
use cairn_model::{AttributeMap, AttributeValue, DecodeBudget, Item};
use tonic::Code;

// ---- requests

/// The request of a call, without its method: first what it is about, then what it asks, clause by clause.
pub(super) fn request(call: &Call) -> Vec<String> {
    match call {
        Call::CreateTable(request) => create_table(request),
        Call::DescribeTable(request) => vec![request.table.clone()],
        Call::AwaitTable(request, Until::Active) => vec![request.table.clone(), "until ACTIVE".into()],
        Call::AwaitTable(request, Until::Gone) => vec![request.table.clone(), "until it is gone".into()],
        Call::ListTables(_) => vec!["all".into()],
        Call::UpdateTable(request) => {
            let to = request.provisioned_throughput.unwrap_or_default();
            let to = throughput(to.read_capacity_units, to.write_capacity_units);
            vec![request.table.clone(), format!("to {to}")]
        }
        Call::DeleteTable(request) => vec![request.table.clone()],
        Call::TagResource(request) => {
            let tags = request.tags.iter().map(|tag| (tag.key.as_str(), tag.value.as_str()));
            vec![table_of(&request.resource_arn).to_owned(), pairs(tags)]
        }
        Call::UntagResource(request) => {
            vec![table_of(&request.resource_arn).to_owned(), request.tag_keys.join(", ")]
        }
        Call::ListTagsOfResource(request) => vec![table_of(&request.resource_arn).to_owned()],
        Call::GetItem(request) => Clauses::of(&request.table, &Item::from_values(&request.key))
            .and("only ", request.projection_expression.as_deref())
            .with(request.bindings.as_ref())
            .and("", Some(consistency(request.read_consistency())))
            .cost(request.return_consumed_capacity()),
        Call::PutItem(request) => Clauses::of(&request.table, &request.item.clone().unwrap_or_default())
            .and("if ", request.condition_expression.as_deref())
            .with(request.bindings.as_ref())
            .returning(request.return_values())
            .on_failure(request.return_values_on_condition_check_failure())
            .cost(request.return_consumed_capacity()),
        Call::UpdateItem(request) => Clauses::of(&request.table, &Item::from_values(&request.key))
            .and("", request.update_expression.as_deref())
            .and("if ", request.condition_expression.as_deref())
            .with(request.bindings.as_ref())
            .returning(request.return_values())
            .on_failure(request.return_values_on_condition_check_failure())
            .cost(request.return_consumed_capacity()),
        Call::DeleteItem(request) => Clauses::of(&request.table, &Item::from_values(&request.key))
            .and("if ", request.condition_expression.as_deref())
            .with(request.bindings.as_ref())
            .returning(request.return_values())
            .on_failure(request.return_values_on_condition_check_failure())
            .cost(request.return_consumed_capacity()),
        Call::Query(request) => query(request),
        Call::TransactWriteItems(request) => {
            let actions = request.transact_items.iter().filter_map(|item| item.action.as_ref());
            actions.map(|one| action(one).join("  ")).collect()
        }
    }
}

fn query(request: &v1::QueryRequest) -> Vec<String> {
    let about = match &request.index {
        Some(index) => format!("{} by {index}", request.table),
        None => request.table.clone(),
    };
    let descending = request.sort_order() == v1::SortOrder::Descending;
    let limit = request.limit.map(|limit| limit.to_string());
    Clauses(vec![about])
        .and("where ", Some(&request.key_condition_expression))
        .and("and ", request.filter_expression.as_deref())
        .and("only ", request.projection_expression.as_deref())
        .with(request.bindings.as_ref())
        .and("", descending.then_some("descending"))
        .and("at most ", limit.as_deref())
        .and("", Some(consistency(request.read_consistency())))
        .cost(request.return_consumed_capacity())
}

/// An action of a transaction, clause by clause.
fn action(action: &Action) -> Vec<String> {
    let (clauses, condition, bindings, shown) = match action {
        Action::ConditionCheck(check) => (
            Clauses::of(&format!("check {}", check.table), &Item::from_values(&check.key)),
            Some(&check.condition_expression),
            &check.bindings,
            check.return_values_on_condition_check_failure(),
        ),
        Action::Put(put) => (
            Clauses::of(&format!("put {}", put.table), &put.item.clone().unwrap_or_default()),
            put.condition_expression.as_ref(),
            &put.bindings,
            put.return_values_on_condition_check_failure(),
        ),
        Action::Update(update) => (
            Clauses::of(&format!("update {}", update.table), &Item::from_values(&update.key))
                .and("", Some(&update.update_expression)),
            update.condition_expression.as_ref(),
            &update.bindings,
            update.return_values_on_condition_check_failure(),
        ),
        Action::Delete(delete) => (
            Clauses::of(&format!("delete {}", delete.table), &Item::from_values(&delete.key)),
            delete.condition_expression.as_ref(),
            &delete.bindings,
            delete.return_values_on_condition_check_failure(),
        ),
    };
    clauses.and("if ", condition.map(String::as_str)).with(bindings.as_ref()).on_failure(shown).0
}

/// A request about an item, clause by clause.
struct Clauses(Vec<String>);

impl Clauses {
    fn of(table: &str, key_or_item: &Item) -> Self {
        Self(vec![format!("{table}  {}", item(key_or_item))])
    }

    /// An expression, if there is one, after the words that say what it is.
    fn and(mut self, words: &str, expression: Option<&str>) -> Self {
        self.0.extend(expression.map(|expression| format!("{words}{expression}")));
        self
    }

    fn with(self, bindings: Option<&v1::ExpressionBindings>) -> Self {
        let Some(bindings) = bindings else { return self };
        let names = bindings.names.iter().map(|(placeholder, name)| format!("{placeholder} = {name}"));
        let values = bindings.values.iter().map(|(placeholder, encoded)| {
            let shown = encoded.decode(&mut DecodeBudget::bindings()).map(|decoded| value(&decoded));
            format!("{placeholder} = {}", shown.unwrap_or_else(|error| error.to_string()))
        });
        let all = names.chain(values).collect::<Vec<_>>().join(", ");
        self.and("with ", Some(&all))
    }

    fn returning(self, values: v1::ReturnValues) -> Self {
        let values = Some(values).filter(|values| *values != v1::ReturnValues::Unspecified);
        self.and("returning ", values.map(|values| values.as_str_name().trim_start_matches("RETURN_VALUES_")))
    }

    fn on_failure(self, values: v1::ReturnValuesOnConditionCheckFailure) -> Self {
        let shown = values == v1::ReturnValuesOnConditionCheckFailure::AllOld;
        self.and("", shown.then_some("showing the item on refusal"))
    }

    /// The end: whether the cost is asked for.
    fn cost(self, units: v1::ReturnConsumedCapacity) -> Vec<String> {
        self.and("", (units == v1::ReturnConsumedCapacity::Total).then_some("and the cost")).0
    }
}

fn consistency(consistency: v1::ReadConsistency) -> &'static str {
    match consistency {
        v1::ReadConsistency::Strong => "strong",
        v1::ReadConsistency::Eventual | v1::ReadConsistency::Unspecified => "eventual",
    }
}

fn create_table(request: &v1::CreateTableRequest) -> Vec<String> {
    let of_type = |name: &str| {
        let definition =
            request.attribute_definitions.iter().find(|definition| definition.attribute_name == name);
        match definition.map(v1::AttributeDefinition::attribute_type) {
            Some(v1::ScalarAttributeType::String) => "S",
            Some(v1::ScalarAttributeType::Number) => "N",
            Some(v1::ScalarAttributeType::Binary) => "B",
            Some(v1::ScalarAttributeType::Unspecified) | None => "?",
        }
    };
    let key_of = |schema: &[v1::KeySchemaElement]| {
        schema
            .iter()
            .map(|element| {
                let role = match element.key_type() {
                    v1::KeyType::Hash => "partition key",
                    v1::KeyType::Range => "sort key",
                    v1::KeyType::Unspecified => "?",
                };
                format!("{role} {} ({})", element.attribute_name, of_type(&element.attribute_name))
            })
            .collect::<Vec<_>>()
            .join(", ")
    };
    let indexes = request
        .global_secondary_indexes
        .iter()
        .map(|index| format!("index {}: {}", index.index_name, key_of(&index.key_schema)));
    let key = key_of(&request.key_schema);
    let units = request.provisioned_throughput.unwrap_or_default();
    let capacity = throughput(units.read_capacity_units, units.write_capacity_units);
    [request.table.clone(), format!("{key}, {capacity}")].into_iter().chain(indexes).collect()
}

/// The table that an ARN names.
fn table_of(arn: &str) -> &str {
    arn.rsplit_once('/').map_or(arn, |(_, table)| table)
}

// ---- answers

/// An answer, or a refusal with the text that came with it, if any did.
pub(super) fn outcome(outcome: &Outcome, message: Option<&str>) -> String {
    match outcome {
        Ok(Answer::Table(table)) => description(table),
        Ok(Answer::TableNames(names)) => names.join(", "),
        Ok(Answer::Tags(tags)) => pairs(tags.iter().map(|(key, value)| (key.as_str(), value.as_str()))),
        Ok(Answer::TagsChanged) => "done".into(),
        Ok(Answer::Read { item, units }) => {
            with_cost(item.as_ref().map_or_else(|| "no item".into(), attributes), "read", *units)
        }
        Ok(Answer::Written { attributes: returned, units }) => {
            with_cost(returned.as_ref().map_or_else(|| "done".into(), attributes), "write", *units)
        }
        Ok(Answer::Page { items, more }) => page(items, *more),
        Ok(Answer::Committed) => "all done".into(),
        Err(refusal) => refused(refusal, message),
    }
}

fn description(table: &Table) -> String {
    let status = table.status.as_str_name().trim_start_matches("TABLE_STATUS_");
    let items = if table.item_count == 1 { "item" } else { "items" };
    let (read, write) = table.throughput;
    let mut text =
        format!("{}  {status}, {} {items}, {}", table.name, table.item_count, throughput(read, write));
    if !table.indexes.is_empty() {
        text.push_str(", indexed by ");
        text.push_str(&table.indexes.join(", "));
    }
    text
}

/// The items of a page, and whether it may not be the last one.
fn page(items: &[AttributeMap], more: bool) -> String {
    let mut shown: Vec<_> = items.iter().map(attributes).collect();
    if shown.is_empty() {
        shown.push("no items".into());
    }
    if more {
        shown.push("and more".into());
    }
    shown.join("  ")
}

fn throughput(read: i64, write: i64) -> String {
    match (read, write) {
        (0, 0) => "on demand".into(),
        _ => format!("{read} read and {write} write units a second"),
    }
}

fn with_cost(text: String, kind: &str, units: Option<f64>) -> String {
    match units {
        Some(1.0) => format!("{text}  for 1 {kind} unit"),
        Some(units) => format!("{text}  for {units} {kind} units"),
        None => text,
    }
}

fn refused(refusal: &Refusal, message: Option<&str>) -> String {
    let code = code_name(refusal.code);
    let mut text = match refusal.reason {
        Some(reason) => {
            format!("refused: {} ({code})", reason.as_str_name().trim_start_matches("ERROR_REASON_"))
        }
        None => format!("refused: {code}"),
    };
    if let Some(message) = message {
        text.push_str(": ");
        text.push_str(message);
    }
    if let Some(item) = &refusal.item {
        text.push_str("  ");
        text.push_str(&attributes(item));
    }
    if !refusal.cancelled.is_empty() {
        let reasons: Vec<_> = refusal
            .cancelled
            .iter()
            .zip(1..)
            .map(|(code, position)| {
                format!("{position}: {}", code.as_str_name().trim_start_matches("CANCELLATION_CODE_"))
            })
            .collect();
        text.push_str("  ");
        text.push_str(&reasons.join(", "));
    }
    text
}

/// A status code as the API's documentation writes it.
fn code_name(code: Code) -> String {
    let mut name = String::new();
    for (index, letter) in format!("{code:?}").char_indices() {
        if index > 0 && letter.is_uppercase() {
            name.push('_');
        }
        name.push(letter.to_ascii_uppercase());
    }
    name
}

// ---- values

fn item(item: &Item) -> String {
    let decoded = item.clone().into_attributes(&mut DecodeBudget::item());
    decoded.map_or_else(|error| error.to_string(), |item| attributes(&item))
}

fn attributes(item: &AttributeMap) -> String {
    let pairs: Vec<_> =
        item.iter().map(|(name, attribute)| format!("{name}: {}", value(attribute))).collect();
    format!("{{{}}}", pairs.join(", "))
}

fn pairs<'a>(pairs: impl Iterator<Item = (&'a str, &'a str)>) -> String {
    pairs.map(|(key, value)| format!("{key} = {value}")).collect::<Vec<_>>().join(", ")
}

fn value(shown: &AttributeValue) -> String {
    fn join(members: impl Iterator<Item = String>) -> String {
        members.collect::<Vec<_>>().join(", ")
    }
    match shown {
        AttributeValue::S(text) => format!("{text:?}"),
        AttributeValue::N(number) => number.to_string(),
        AttributeValue::B(bytes) => format!("{} bytes", bytes.len()),
        AttributeValue::Bool(flag) => flag.to_string(),
        AttributeValue::Null => "null".into(),
        AttributeValue::L(elements) => format!("[{}]", join(elements.iter().map(value))),
        AttributeValue::M(members) => attributes(members),
        AttributeValue::Ss(members) => format!("<{}>", join(members.iter().map(|text| format!("{text:?}")))),
        AttributeValue::Ns(members) => format!("<{}>", join(members.iter().map(ToString::to_string))),
        AttributeValue::Bs(members) => {
            format!("<{}>", join(members.iter().map(|bytes| format!("{} bytes", bytes.len()))))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::demo::notation::{
        Bind, Transact as _, Write as _, cancelled, delete, item, list, map, n, put, s, strings, transact,
        update,
    };

    #[test]
    fn a_request_is_told_with_all_that_it_asks() {
        let key = item([("player", s("ada"))]);
        let request_of = |call: Call| request(&call).join("  ");
        assert_eq!(
            request_of(
                update("players", &key, "SET #level = :level")
                    .only_if("gold >= :price")
                    .name("#level", "level")
                    .value(":level", &n(2))
                    .value(":price", &n(50))
                    .returning(v1::ReturnValues::AllNew)
                    .into()
            ),
            "players  {player: \"ada\"}  SET #level = :level  if gold >= :price  \
             with #level = level, :level = 2, :price = 50  returning ALL_NEW"
        );
        assert_eq!(request_of(delete("players", &key).into()), "players  {player: \"ada\"}");
        let nested = item([
            ("bag", map([("potion", n(3))])),
            ("colours", strings(["red", "blue"])),
            ("path", list([s("hill"), s("cave")])),
        ]);
        assert_eq!(
            request_of(put("players", &nested).into()),
            r#"players  {bag: {potion: 3}, colours: <"blue", "red">, path: ["hill", "cave"]}"#
        );
    }

    #[test]
    fn a_transaction_and_its_cancellation_are_told_action_by_action() {
        let key = item([("sku", s("desk-7"))]);
        let call = Call::from(transact([
            update("catalog", &key, "SET stock = stock - :n")
                .only_if("stock >= :n")
                .value(":n", &n(1))
                .in_transaction(),
            delete("cart", &key).in_transaction(),
        ]));
        assert_eq!(
            request(&call),
            [
                r#"update catalog  {sku: "desk-7"}  SET stock = stock - :n  if stock >= :n  with :n = 1"#,
                r#"delete cart  {sku: "desk-7"}"#,
            ]
        );
        let codes = [v1::CancellationCode::ConditionalCheckFailed, v1::CancellationCode::None];
        assert_eq!(
            outcome(&cancelled(codes), None),
            "refused: TRANSACTION_CANCELED (FAILED_PRECONDITION)  1: CONDITIONAL_CHECK_FAILED, 2: NONE"
        );
    }

    #[test]
    fn status_codes_are_written_as_the_documentation_does() {
        assert_eq!(code_name(Code::FailedPrecondition), "FAILED_PRECONDITION");
        assert_eq!(code_name(Code::NotFound), "NOT_FOUND");
        assert_eq!(code_name(Code::Ok), "OK");
    }
}
