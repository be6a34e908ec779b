//! `cairn item`: writing, reading, changing and deleting single items.

use super::client::{Client, ClientArgs};
use super::error::ClientError;
use super::input::{Document, Input};
use super::item_view::{capacity_json, capacity_text, item_table};
use super::json::JsonForm;
use super::output::{Output, OutputArgs};
use super::table_view::TableKey;
use cairn_api::v1;
use cairn_model::{AttributeMap, DecodeBudget, EncodedValue, Item};
use clap::{Args, Subcommand, ValueEnum};
use std::collections::BTreeMap;

const EXAMPLES: &str = r#"Examples:
  cairn item put Orders '{"Customer": "ada", "When": 20, "Lines": [{"sku": "A1", "count": 2}]}'
  cairn item get Orders '{"Customer": "ada", "When": 20}' --consistent
  cairn item put Orders @orders.jsonl
  generate-orders | cairn item put Orders -
  cairn item update Orders '{"Customer": "ada", "When": 20}' --return all-new \
    --update 'SET #s = :s' --name '#s=Status' --values '{":s": "sent"}'
  cairn item delete Orders '{"Customer": "ada", "When": 20}' --condition 'Paid = :no' \
    --values '{":no": false}'
  cairn item get Files '{"Hash": {"B": "q83vASM="}}' --json dynamodb

ITEM, KEY and the --values are JSON: the argument itself, @FILE, or - for standard input. With `--json plain`, the default, JSON numbers, strings, booleans, null, arrays and objects are N, S, BOOL, NULL, L and M; sets are printed as arrays and binary as base64 text, and cannot be given. `--json dynamodb` says every type, as in {"Id": {"N": "1"}}.

Exit status: 0 if done; 1 if not, if the condition was false, or if there is no item to get; 2 for wrong usage."#;

/// Items: put, get, update and delete them, as JSON
#[derive(Args, Debug)]
#[command(after_help = EXAMPLES, subcommand_required = true, arg_required_else_help = true)]
pub(crate) struct ItemArgs {
    #[command(subcommand)]
    command: ItemCommand,
    #[command(flatten)]
    pub(super) client: ClientArgs,
    #[command(flatten)]
    output: OutputArgs,
    /// How values are written as JSON, given and printed
    #[arg(
        long = "json",
        value_enum,
        value_name = "FORM",
        default_value_t,
        global = true,
        help_heading = "Output"
    )]
    form: JsonForm,
}

#[derive(Debug, Subcommand)]
enum ItemCommand {
    /// Write items, each in place of the one with its key if there is one
    ///
    /// ITEM may hold several items, as in a file with one on each line. They are written one after another, up to
    /// the first that cannot be; the error names its line.
    Put(PutArgs),
    /// Print an item
    ///
    /// If there is none, the exit status is 1 and JSON output is `null`.
    Get(GetArgs),
    /// Change attributes of an item, or create it
    Update(UpdateArgs),
    /// Delete an item; that there is none is no error
    Delete(DeleteArgs),
}

#[derive(Args, Debug)]
struct PutArgs {
    /// The table's name or ARN
    table: String,
    /// The item or items, as JSON, @FILE, or - for standard input
    item: Input,
    /// Print the item as it was; `null` in JSON if there was none
    #[arg(long = "return", value_enum, value_name = "WHAT")]
    returned: Option<ReturnOld>,
    #[command(flatten)]
    condition: ConditionArgs,
    #[command(flatten)]
    bindings: BindingArgs,
    #[command(flatten)]
    capacity: CapacityArgs,
}

#[derive(Args, Debug)]
struct GetArgs {
    /// The table's name or ARN
    table: String,
    /// The item's key, as JSON, @FILE, or - for standard input
    key: Input,
    /// See every write that was answered before, at twice the cost
    #[arg(long)]
    consistent: bool,
    /// The attributes to print, a projection expression [default: all]
    #[arg(long, value_name = "EXPR")]
    projection: Option<String>,
    #[command(flatten)]
    bindings: BindingArgs,
    #[command(flatten)]
    capacity: CapacityArgs,
}

#[derive(Args, Debug)]
struct UpdateArgs {
    /// The table's name or ARN
    table: String,
    /// The item's key, as JSON, @FILE, or - for standard input
    key: Input,
    /// What to change, an update expression
    #[arg(long, value_name = "EXPR")]
    update: Option<String>,
    /// Print the item or the changed attributes, as they were or are; `null` in JSON if there are none
    #[arg(long = "return", value_enum, value_name = "WHAT")]
    returned: Option<Return>,
    #[command(flatten)]
    condition: ConditionArgs,
    #[command(flatten)]
    bindings: BindingArgs,
    #[command(flatten)]
    capacity: CapacityArgs,
}

#[derive(Args, Debug)]
struct DeleteArgs {
    /// The table's name or ARN
    table: String,
    /// The item's key, as JSON, @FILE, or - for standard input
    key: Input,
    /// Print the item as it was; `null` in JSON if there was none
    #[arg(long = "return", value_enum, value_name = "WHAT")]
    returned: Option<ReturnOld>,
    #[command(flatten)]
    condition: ConditionArgs,
    #[command(flatten)]
    bindings: BindingArgs,
    #[command(flatten)]
    capacity: CapacityArgs,
}

#[derive(Args, Clone, Debug)]
struct ConditionArgs {
    /// What must hold for the item that is there, or for none: a condition expression
    #[arg(long, value_name = "EXPR")]
    condition: Option<String>,
    /// If the condition is false, print the item that is there
    #[arg(long, requires = "condition")]
    return_on_failure: bool,
}

#[derive(Args, Debug)]
struct BindingArgs {
    /// What a #placeholder in an expression stands for; may be given several times
    #[arg(long = "name", value_name = "#NAME=ATTRIBUTE", value_parser = name_binding)]
    names: Vec<(String, String)>,
    /// What :placeholders in expressions stand for: a JSON object, @FILE, or - for standard input
    #[arg(long, value_name = "JSON")]
    values: Option<Input>,
}

#[derive(Args, Clone, Copy, Debug)]
struct CapacityArgs {
    /// Say on standard error what the call consumed
    #[arg(long, value_enum, value_name = "DETAIL")]
    capacity: Option<Capacity>,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Capacity {
    /// In total
    Total,
    /// By table and index
    Indexes,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum ReturnOld {
    None,
    AllOld,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Return {
    None,
    AllOld,
    AllNew,
    UpdatedOld,
    UpdatedNew,
}

impl From<ReturnOld> for Return {
    fn from(returned: ReturnOld) -> Self {
        match returned {
            ReturnOld::None => Self::None,
            ReturnOld::AllOld => Self::AllOld,
        }
    }
}

impl From<Return> for v1::ReturnValues {
    fn from(returned: Return) -> Self {
        match returned {
            Return::None => Self::None,
            Return::AllOld => Self::AllOld,
            Return::AllNew => Self::AllNew,
            Return::UpdatedOld => Self::UpdatedOld,
            Return::UpdatedNew => Self::UpdatedNew,
        }
    }
}

fn return_values(returned: Option<Return>) -> i32 {
    returned.map(v1::ReturnValues::from).unwrap_or_default().into()
}

fn name_binding(text: &str) -> Result<(String, String), &'static str> {
    match text.split_once('=') {
        Some((name, attribute)) if name.starts_with('#') => Ok((name.to_owned(), attribute.to_owned())),
        _ => Err("it must be of the form #NAME=ATTRIBUTE"),
    }
}

impl BindingArgs {
    fn message(self, form: JsonForm) -> Result<Option<v1::ExpressionBindings>, ClientError> {
        if self.names.is_empty() && self.values.is_none() {
            return Ok(None);
        }
        let values = self.values.map(|input| input.attributes("--values", form)).transpose()?;
        Ok(Some(v1::ExpressionBindings {
            names: self.names.into_iter().collect(),
            values: encoded(&values.unwrap_or_default()),
        }))
    }
}

impl CapacityArgs {
    fn value(self) -> i32 {
        match self.capacity {
            None => v1::ReturnConsumedCapacity::Unspecified,
            Some(Capacity::Total) => v1::ReturnConsumedCapacity::Total,
            Some(Capacity::Indexes) => v1::ReturnConsumedCapacity::Indexes,
        }
        .into()
    }
}

impl ConditionArgs {
    fn on_failure(&self) -> i32 {
        if self.return_on_failure {
            v1::ReturnValuesOnConditionCheckFailure::AllOld.into()
        } else {
            v1::ReturnValuesOnConditionCheckFailure::Unspecified.into()
        }
    }
}

/// Failed conditions come in answers, which can carry an item of any size, and not as errors, which cannot.
const REPORT: v1::ConditionFailureReport = v1::ConditionFailureReport::Response;

fn encoded(attributes: &AttributeMap) -> BTreeMap<String, EncodedValue> {
    attributes.iter().map(|(name, value)| (name.clone(), EncodedValue::from(value))).collect()
}

/// What the answer to a write holds, whichever write it is.
struct Written {
    attributes: Option<Item>,
    condition_failure: Option<v1::ConditionalCheckFailure>,
    consumed_capacity: Option<v1::ConsumedCapacity>,
}

/// How answers are told.
#[derive(Clone, Copy)]
struct Teller {
    output: Output,
    form: JsonForm,
}

impl Teller {
    /// Prints an item, or that there is none. `first` are the attributes whose columns come first.
    fn print_item(&self, item: Option<Item>, first: &AttributeMap) -> Result<(), ClientError> {
        let Some(item) = item else {
            return if self.output.is_json() { self.output.print_json(&()) } else { Ok(()) };
        };
        let item = item.into_attributes(&mut DecodeBudget::item())?;
        if item.is_empty() && !self.output.is_json() {
            eprintln!("cairn: the item has none of these attributes");
            return Ok(());
        }
        self.output.print(&self.form.write(&item), || item_table(&item, first, self.form))
    }

    /// Says what a call consumed.
    fn tell_capacity(&self, consumed: Option<&v1::ConsumedCapacity>) {
        if let Some(consumed) = consumed {
            if self.output.is_json() {
                eprintln!("{}", capacity_json(consumed));
            } else {
                eprintln!("{}", capacity_text(consumed));
            }
        }
    }

    /// Tells the answer to a write.
    ///
    /// # Errors
    /// That the condition was false, if it was.
    fn tell(
        &self,
        written: Written,
        first: &AttributeMap,
        returned: Option<Return>,
        condition: &ConditionArgs,
    ) -> Result<(), ClientError> {
        self.tell_capacity(written.consumed_capacity.as_ref());
        if let Some(failure) = written.condition_failure {
            if condition.return_on_failure {
                self.print_item(failure.item, first)?;
            }
            return Err(ClientError::ConditionFailed);
        }
        match returned {
            None | Some(Return::None) => Ok(()),
            Some(_) => self.print_item(written.attributes, first),
        }
    }
}

/// Carries a command out.
pub(crate) async fn run(args: ItemArgs) -> Result<(), ClientError> {
    let teller = Teller { output: args.output.resolve(), form: args.form };
    match args.command {
        ItemCommand::Put(put) => put.run(&args.client, teller).await,
        ItemCommand::Get(get) => get.run(&args.client, teller).await,
        ItemCommand::Update(update) => update.run(&args.client, teller).await,
        ItemCommand::Delete(delete) => delete.run(&args.client, teller).await,
    }
}

impl PutArgs {
    async fn run(self, client: &ClientArgs, teller: Teller) -> Result<(), ClientError> {
        let returned = self.returned.map(Return::from);
        let request = v1::PutItemRequest {
            table: self.table,
            condition_expression: self.condition.condition.clone(),
            bindings: self.bindings.message(teller.form)?,
            return_values: return_values(returned),
            return_consumed_capacity: self.capacity.value(),
            return_values_on_condition_check_failure: self.condition.on_failure(),
            condition_failure_report: REPORT.into(),
            ..Default::default()
        };
        let mut documents = self.item.documents("ITEM")?;
        let mut client = client.connect().await?;
        let mut count: u64 = 0;
        let mut failed = None;
        for document in &mut documents {
            let put = async {
                let document = document?;
                put_one(&mut client, teller, document, &request, returned, &self.condition).await
            };
            if let Err(error) = put.await {
                failed = Some(error);
                break;
            }
            count += 1;
        }
        if count == 0 && failed.is_none() {
            return Err(documents.empty().into());
        }
        if !matches!(self.item, Input::Text(_)) {
            eprintln!("{count} {} written", if count == 1 { "item" } else { "items" });
        }
        failed.map_or(Ok(()), Err)
    }
}

async fn put_one(
    client: &mut Client,
    teller: Teller,
    document: Document,
    request: &v1::PutItemRequest,
    returned: Option<Return>,
    condition: &ConditionArgs,
) -> Result<(), ClientError> {
    let line = document.line().map(str::to_owned);
    let attributes = document.attributes(teller.form)?;
    let request = v1::PutItemRequest { item: Some(attributes.clone().into()), ..request.clone() };
    let table = request.table.clone();
    let done = match client.items.put_item(request).await {
        Ok(answer) => {
            let answer = answer.into_inner();
            let written = Written {
                attributes: answer.attributes,
                condition_failure: answer.condition_failure,
                consumed_capacity: answer.consumed_capacity,
            };
            teller.tell(written, &AttributeMap::new(), returned, condition)
        }
        Err(status) => Err(refused(client, table, |key| key.is_in(&attributes), status).await),
    };
    done.map_err(|error| match line {
        Some(place) => ClientError::Document { place, source: Box::new(error) },
        None => error,
    })
}

/// The error of a call that was refused. If what it was given does not fit the key of the table, the error says which key
/// that is.
async fn refused(
    client: &mut Client,
    table: String,
    fits: impl FnOnce(&TableKey) -> bool,
    status: tonic::Status,
) -> ClientError {
    let is_invalid = status.code() == tonic::Code::InvalidArgument;
    let error = ClientError::from(status);
    if !is_invalid {
        return error;
    }
    let described = client.tables.describe_table(v1::DescribeTableRequest { table }).await;
    match described.ok().and_then(|answer| answer.into_inner().table) {
        Some(table) if !fits(&TableKey::of(&table)) => ClientError::NotTheKey {
            key_of_table: format!("The key of {} is {}.", table.table_name, TableKey::of(&table)),
            refusal: Box::new(error),
        },
        // Another rule was broken, or the caller may not know the table.
        _ => error,
    }
}

impl GetArgs {
    async fn run(self, client: &ClientArgs, teller: Teller) -> Result<(), ClientError> {
        let key = self.key.attributes("KEY", teller.form)?;
        let consistency =
            if self.consistent { v1::ReadConsistency::Strong } else { v1::ReadConsistency::Unspecified };
        let request = v1::GetItemRequest {
            table: self.table,
            key: encoded(&key),
            read_consistency: consistency.into(),
            projection_expression: self.projection,
            bindings: self.bindings.message(teller.form)?,
            return_consumed_capacity: self.capacity.value(),
        };
        let table = request.table.clone();
        let mut client = client.connect().await?;
        let answer = match client.items.get_item(request).await {
            Ok(answer) => answer.into_inner(),
            Err(status) => return Err(refused(&mut client, table, |found| found.is(&key), status).await),
        };
        teller.tell_capacity(answer.consumed_capacity.as_ref());
        let found = answer.item.is_some();
        teller.print_item(answer.item, &key)?;
        if found { Ok(()) } else { Err(ClientError::NoSuchItem) }
    }
}

impl UpdateArgs {
    async fn run(self, client: &ClientArgs, teller: Teller) -> Result<(), ClientError> {
        let key = self.key.attributes("KEY", teller.form)?;
        let request = v1::UpdateItemRequest {
            table: self.table,
            key: encoded(&key),
            update_expression: self.update,
            condition_expression: self.condition.condition.clone(),
            bindings: self.bindings.message(teller.form)?,
            return_values: return_values(self.returned),
            return_consumed_capacity: self.capacity.value(),
            return_values_on_condition_check_failure: self.condition.on_failure(),
            condition_failure_report: REPORT.into(),
            ..Default::default()
        };
        let table = request.table.clone();
        let mut client = client.connect().await?;
        let answer = match client.items.update_item(request).await {
            Ok(answer) => answer.into_inner(),
            Err(status) => return Err(refused(&mut client, table, |found| found.is(&key), status).await),
        };
        let written = Written {
            attributes: answer.attributes,
            condition_failure: answer.condition_failure,
            consumed_capacity: answer.consumed_capacity,
        };
        teller.tell(written, &key, self.returned, &self.condition)
    }
}

impl DeleteArgs {
    async fn run(self, client: &ClientArgs, teller: Teller) -> Result<(), ClientError> {
        let key = self.key.attributes("KEY", teller.form)?;
        let returned = self.returned.map(Return::from);
        let request = v1::DeleteItemRequest {
            table: self.table,
            key: encoded(&key),
            condition_expression: self.condition.condition.clone(),
            bindings: self.bindings.message(teller.form)?,
            return_values: return_values(returned),
            return_consumed_capacity: self.capacity.value(),
            return_values_on_condition_check_failure: self.condition.on_failure(),
            condition_failure_report: REPORT.into(),
            ..Default::default()
        };
        let table = request.table.clone();
        let mut client = client.connect().await?;
        let answer = match client.items.delete_item(request).await {
            Ok(answer) => answer.into_inner(),
            Err(status) => return Err(refused(&mut client, table, |found| found.is(&key), status).await),
        };
        let written = Written {
            attributes: answer.attributes,
            condition_failure: answer.condition_failure,
            consumed_capacity: answer.consumed_capacity,
        };
        teller.tell(written, &key, returned, &self.condition)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_binding_ends_its_placeholder_at_the_first_equals_sign() {
        assert_eq!(name_binding("#n=a=b"), Ok(("#n".to_owned(), "a=b".to_owned())));
        for bad in ["", "#n", "n=a", ":n=a"] {
            assert!(name_binding(bad).is_err(), "{bad}");
        }
    }
}
