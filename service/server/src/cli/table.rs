//! `cairn table`: making, showing, changing and deleting tables, their tags, their policies and
//! the expiry of their items.

use super::client::{Client, ClientArgs};
use super::error::ClientError;
use super::output::{Output, OutputArgs, new_table, text_cell};
use super::table_policy::PolicyCommand;
use super::table_ttl::TtlCommand;
use super::table_view::{LimitsView, TableView};
use cairn_api::v1;
use clap::{ArgAction, ArgGroup, Args, Subcommand, ValueEnum};
use std::collections::BTreeMap;
use std::time::Duration;
use tokio::time::Instant;
use tonic::Code;

/// How often and how long a table's status is looked at while it is waited for.
const WAIT_PAUSE_FIRST: Duration = Duration::from_millis(20);
const WAIT_PAUSE_MAX: Duration = Duration::from_secs(2);
const WAIT_MAX: Duration = Duration::from_secs(600);

const EXAMPLES: &str = "\
Examples:
  cairn table create Orders --partition-key Customer:S --sort-key When:N --wait
  cairn table create Sensors --partition-key Id:N --read 5 --write 10 --tag team=lab
  cairn table update Orders --deletion-protection true
  cairn table update Orders --max-write 500
  cairn table describe Orders --output json | jq -r .TableStatus
  cairn table tag Orders team=sales stage=prod
  cairn table policy put Orders @orders-policy.json
  cairn table ttl enable Sessions ExpiresAt
  cairn table delete Orders --wait

JSON has the member names of DynamoDB's table descriptions. Exit status: 0 if done, 1 if not, 2 for wrong usage.";

/// Tables: create, describe, list, update, delete and tag them, give them policies, and let items expire
#[derive(Args, Debug)]
#[command(after_help = EXAMPLES, subcommand_required = true, arg_required_else_help = true)]
pub(crate) struct TableArgs {
    #[command(subcommand)]
    command: TableCommand,
    #[command(flatten)]
    pub(super) client: ClientArgs,
    #[command(flatten)]
    output: OutputArgs,
}

#[derive(Debug, Subcommand)]
enum TableCommand {
    /// Create a table and print its description
    Create(CreateArgs),
    /// Print what a table is
    Describe {
        /// The table's name or ARN
        #[arg(value_name = "NAME")]
        table: String,
    },
    /// Print the names of all tables
    List,
    /// Change a table's settings and print its description
    Update(UpdateArgs),
    /// Delete a table with all its items
    ///
    /// Prints its description, in which it is DELETING; nothing with --wait.
    Delete {
        /// The table's name or ARN
        #[arg(value_name = "NAME")]
        table: String,
        /// Wait until it is gone, 10 minutes at most
        #[arg(long)]
        wait: bool,
    },
    /// Put tags on a table; one with the key of another replaces it
    Tag {
        /// The table's name or ARN
        #[arg(value_name = "NAME")]
        table: String,
        /// The tags
        #[arg(value_name = "KEY=VALUE", required = true, value_parser = tag)]
        tags: Vec<v1::Tag>,
    },
    /// Take tags off a table; keys that it has no tag of are ignored
    Untag {
        /// The table's name or ARN
        #[arg(value_name = "NAME")]
        table: String,
        /// The keys of the tags
        #[arg(value_name = "KEY", required = true)]
        keys: Vec<String>,
    },
    /// Print how much throughput tables may be provisioned with
    Limits,
    /// Print a table's tags
    Tags {
        /// The table's name or ARN
        #[arg(value_name = "NAME")]
        table: String,
    },
    #[command(subcommand)]
    Policy(PolicyCommand),
    #[command(subcommand)]
    Ttl(TtlCommand),
}

#[derive(Args, Debug)]
struct CreateArgs {
    /// The table's name
    #[arg(value_name = "NAME")]
    table: String,
    /// The partition key: an attribute and its type, S (string), N (number) or B (binary)
    #[arg(long, value_name = "ATTRIBUTE:TYPE", value_parser = key_attribute)]
    partition_key: KeyAttribute,
    /// The sort key, likewise
    #[arg(long, value_name = "ATTRIBUTE:TYPE", value_parser = key_attribute)]
    sort_key: Option<KeyAttribute>,
    /// How capacity is provided [default: on-demand, or provisioned if --read and --write are given]
    #[arg(long, value_enum, value_name = "MODE")]
    billing: Option<Billing>,
    #[command(flatten)]
    throughput: ThroughputArgs,
    /// Refuse to delete the table
    #[arg(long)]
    deletion_protection: bool,
    /// The storage class [default: standard]
    #[arg(long, value_enum, value_name = "CLASS")]
    table_class: Option<TableClass>,
    /// A tag; may be given several times
    #[arg(long = "tag", value_name = "KEY=VALUE", value_parser = tag)]
    tags: Vec<v1::Tag>,
    /// Wait until the table can be used, 10 minutes at most
    #[arg(long)]
    wait: bool,
}

#[derive(Args, Debug)]
#[command(group = ArgGroup::new("change").multiple(true).required(true)
    .args(["billing", "read", "write", "max_read", "max_write", "warm_read", "warm_write", "deletion_protection",
        "table_class"]))]
struct UpdateArgs {
    /// The table's name or ARN
    #[arg(value_name = "NAME")]
    table: String,
    /// How capacity is provided; provisioned needs --read and --write
    #[arg(long, value_enum, value_name = "MODE")]
    billing: Option<Billing>,
    #[command(flatten)]
    throughput: ThroughputArgs,
    /// Whether to refuse to delete the table
    #[arg(long, value_name = "BOOL", action = ArgAction::Set)]
    deletion_protection: Option<bool>,
    /// The storage class
    #[arg(long, value_enum, value_name = "CLASS")]
    table_class: Option<TableClass>,
    /// Wait until the change is done, 10 minutes at most
    #[arg(long)]
    wait: bool,
}

#[derive(Args, Clone, Copy, Debug)]
struct ThroughputArgs {
    /// Provisioned read capacity units a second
    #[arg(long, value_name = "UNITS", requires = "write")]
    read: Option<i64>,
    /// Provisioned write capacity units a second
    #[arg(long, value_name = "UNITS", requires = "read")]
    write: Option<i64>,
    /// The most read units a second that are used on demand; -1 for no limit
    #[arg(long, value_name = "UNITS", allow_negative_numbers = true)]
    max_read: Option<i64>,
    /// The most write units a second that are used on demand; -1 for no limit
    #[arg(long, value_name = "UNITS", allow_negative_numbers = true)]
    max_write: Option<i64>,
    /// Read units a second that the table is to be ready for at once; they can only be raised
    #[arg(long, value_name = "UNITS")]
    warm_read: Option<i64>,
    /// Write units a second that the table is to be ready for at once; they can only be raised
    #[arg(long, value_name = "UNITS")]
    warm_write: Option<i64>,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Billing {
    OnDemand,
    Provisioned,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum TableClass {
    Standard,
    StandardInfrequentAccess,
}

/// A key attribute as it is given: `Id:N`.
#[derive(Clone, Debug, PartialEq, Eq)]
struct KeyAttribute {
    name: String,
    kind: v1::ScalarAttributeType,
}

impl ThroughputArgs {
    fn message(self) -> Option<v1::ProvisionedThroughput> {
        self.read.zip(self.write).map(|(read_capacity_units, write_capacity_units)| {
            v1::ProvisionedThroughput { read_capacity_units, write_capacity_units }
        })
    }

    fn on_demand(self) -> Option<v1::OnDemandThroughput> {
        (self.max_read.is_some() || self.max_write.is_some()).then_some(v1::OnDemandThroughput {
            max_read_request_units: self.max_read,
            max_write_request_units: self.max_write,
        })
    }

    fn warm(self) -> Option<v1::WarmThroughput> {
        (self.warm_read.is_some() || self.warm_write.is_some()).then_some(v1::WarmThroughput {
            read_units_per_second: self.warm_read,
            write_units_per_second: self.warm_write,
        })
    }
}

impl From<Billing> for v1::BillingMode {
    fn from(billing: Billing) -> Self {
        match billing {
            Billing::OnDemand => Self::PayPerRequest,
            Billing::Provisioned => Self::Provisioned,
        }
    }
}

impl From<TableClass> for v1::TableClass {
    fn from(class: TableClass) -> Self {
        match class {
            TableClass::Standard => Self::Standard,
            TableClass::StandardInfrequentAccess => Self::StandardInfrequentAccess,
        }
    }
}

fn key_attribute(text: &str) -> Result<KeyAttribute, &'static str> {
    const FORM: &str = "it must be of the form ATTRIBUTE:TYPE, with the type S, N or B";
    // The last colon: a name may have some of its own.
    let (name, kind) = text.rsplit_once(':').filter(|(name, _)| !name.is_empty()).ok_or(FORM)?;
    let kind = match kind {
        "S" => v1::ScalarAttributeType::String,
        "N" => v1::ScalarAttributeType::Number,
        "B" => v1::ScalarAttributeType::Binary,
        _ => return Err(FORM),
    };
    Ok(KeyAttribute { name: name.to_owned(), kind })
}

/// A tag as it is given: `team=sales`.
pub(super) fn tag(text: &str) -> Result<v1::Tag, &'static str> {
    let (key, value) = text.split_once('=').ok_or("it must be of the form KEY=VALUE")?;
    Ok(v1::Tag { key: key.to_owned(), value: value.to_owned() })
}

impl CreateArgs {
    fn message(self) -> v1::CreateTableRequest {
        let provisioned_throughput = self.throughput.message();
        let billing_mode = self.billing.map_or_else(
            || match provisioned_throughput {
                Some(_) => v1::BillingMode::Provisioned,
                None => v1::BillingMode::PayPerRequest,
            },
            Into::into,
        );
        let roles = [v1::KeyType::Hash, v1::KeyType::Range];
        let keys: Vec<_> = std::iter::once(self.partition_key).chain(self.sort_key).collect();
        v1::CreateTableRequest {
            table: self.table,
            key_schema: keys
                .iter()
                .zip(roles)
                .map(|(key, role)| v1::KeySchemaElement {
                    attribute_name: key.name.clone(),
                    key_type: role.into(),
                })
                .collect(),
            attribute_definitions: keys
                .into_iter()
                .map(|key| v1::AttributeDefinition {
                    attribute_name: key.name,
                    attribute_type: key.kind.into(),
                })
                .collect(),
            billing_mode: billing_mode.into(),
            provisioned_throughput,
            on_demand_throughput: self.throughput.on_demand(),
            warm_throughput: self.throughput.warm(),
            table_class: self.table_class.map(v1::TableClass::from).unwrap_or_default().into(),
            deletion_protection_enabled: self.deletion_protection,
            tags: self.tags,
            ..Default::default()
        }
    }
}

impl UpdateArgs {
    fn message(self) -> v1::UpdateTableRequest {
        v1::UpdateTableRequest {
            table: self.table,
            billing_mode: self.billing.map(v1::BillingMode::from).unwrap_or_default().into(),
            provisioned_throughput: self.throughput.message(),
            on_demand_throughput: self.throughput.on_demand(),
            warm_throughput: self.throughput.warm(),
            table_class: self.table_class.map(v1::TableClass::from).unwrap_or_default().into(),
            deletion_protection_enabled: self.deletion_protection,
            ..Default::default()
        }
    }
}

/// Carries a command out.
pub(crate) async fn run(args: TableArgs) -> Result<(), ClientError> {
    let output = args.output.resolve();
    let mut client = args.client.connect().await?;
    match args.command {
        TableCommand::Create(create) => {
            let wait = create.wait;
            let table = client.tables.create_table(create.message()).await?.into_inner().table;
            print_changed(&mut client, output, expected(table)?, wait).await
        }
        TableCommand::Describe { table } => {
            let table = describe(&mut client, table).await?;
            print_description(output, &table)
        }
        TableCommand::List => {
            let names = list(&mut client).await?;
            output.print(&names, || {
                let mut table = new_table();
                table.set_header([text_cell("Table")]);
                table.add_rows(names.iter().map(|name| [text_cell(name)]));
                table
            })
        }
        TableCommand::Update(update) => {
            let wait = update.wait;
            let table = client.tables.update_table(update.message()).await?.into_inner().table;
            print_changed(&mut client, output, expected(table)?, wait).await
        }
        TableCommand::Delete { table, wait } => {
            let request = v1::DeleteTableRequest { table };
            let table = expected(client.tables.delete_table(request).await?.into_inner().table)?;
            if wait { wait_until_gone(&mut client, &table).await } else { print_description(output, &table) }
        }
        TableCommand::Tag { table, tags } => {
            let resource_arn = arn(&mut client, table).await?;
            client.tables.tag_resource(v1::TagResourceRequest { resource_arn, tags }).await?;
            Ok(())
        }
        TableCommand::Untag { table, keys } => {
            let resource_arn = arn(&mut client, table).await?;
            let request = v1::UntagResourceRequest { resource_arn, tag_keys: keys };
            client.tables.untag_resource(request).await?;
            Ok(())
        }
        TableCommand::Limits => {
            let limits = client.tables.describe_limits(v1::DescribeLimitsRequest {}).await?.into_inner();
            let view = LimitsView::of(&limits);
            output.print_with_note(&view, || view.table(), &view.note())
        }
        TableCommand::Policy(command) => command.run(&mut client, output).await,
        TableCommand::Ttl(command) => command.run(&mut client, output).await,
        TableCommand::Tags { table } => {
            let tags = tags(&mut client, table).await?;
            output.print(&tags, || {
                let mut table = new_table();
                table.set_header(["Key", "Value"].map(text_cell));
                table.add_rows(tags.iter().map(|(key, value)| [text_cell(key), text_cell(value)]));
                table
            })
        }
    }
}

/// Prints a table that was created or changed, perhaps once that is done.
async fn print_changed(
    client: &mut Client,
    output: Output,
    mut table: v1::TableDescription,
    wait: bool,
) -> Result<(), ClientError> {
    if wait {
        table = wait_until_active(client, &table).await?;
    }
    print_description(output, &table)
}

fn print_description(output: Output, table: &v1::TableDescription) -> Result<(), ClientError> {
    let view = TableView::of(table);
    output.print(&view, || view.table())
}

fn expected(table: Option<v1::TableDescription>) -> Result<v1::TableDescription, ClientError> {
    table.ok_or(ClientError::Incomplete("table description"))
}

async fn describe(client: &mut Client, table: String) -> Result<v1::TableDescription, ClientError> {
    let request = v1::DescribeTableRequest { table };
    expected(client.tables.describe_table(request).await?.into_inner().table)
}

/// As [`describe`]; none if there is no such table.
async fn find(client: &mut Client, name: &str) -> Result<Option<v1::TableDescription>, ClientError> {
    match describe(client, name.to_owned()).await {
        Err(ClientError::Call(status)) if status.code() == Code::NotFound => Ok(None),
        found => found.map(Some),
    }
}

/// The ARN of a table that is given by name or ARN.
pub(super) async fn arn(client: &mut Client, table: String) -> Result<String, ClientError> {
    if table.starts_with("arn:") {
        return Ok(table);
    }
    Ok(describe(client, table).await?.table_arn)
}

async fn list(client: &mut Client) -> Result<Vec<String>, ClientError> {
    let mut names = Vec::new();
    let mut request = v1::ListTablesRequest::default();
    loop {
        let page = client.tables.list_tables(request).await?.into_inner();
        names.extend(page.table_names);
        if page.next_page_token.is_empty() {
            return Ok(names);
        }
        request = v1::ListTablesRequest { page_token: page.next_page_token, ..Default::default() };
    }
}

async fn tags(client: &mut Client, table: String) -> Result<BTreeMap<String, String>, ClientError> {
    let mut request =
        v1::ListTagsOfResourceRequest { resource_arn: arn(client, table).await?, ..Default::default() };
    let mut tags = BTreeMap::new();
    loop {
        let page = client.tables.list_tags_of_resource(request.clone()).await?.into_inner();
        tags.extend(page.tags.into_iter().map(|tag| (tag.key, tag.value)));
        if page.next_page_token.is_empty() {
            return Ok(tags);
        }
        request.page_token = page.next_page_token;
    }
}

async fn wait_until_active(
    client: &mut Client,
    changed: &v1::TableDescription,
) -> Result<v1::TableDescription, ClientError> {
    wait("ACTIVE", async || {
        // Descriptions are eventually consistent: a new table may not be seen at once.
        let Some(table) = find(client, &changed.table_name).await? else { return Ok(None) };
        match table.table_status() {
            _ if table.table_id != changed.table_id => Err(ClientError::TableDeleted),
            v1::TableStatus::Deleting => Err(ClientError::TableDeleted),
            v1::TableStatus::Active => Ok(Some(table)),
            _ => Ok(None),
        }
    })
    .await
}

async fn wait_until_gone(client: &mut Client, deleted: &v1::TableDescription) -> Result<(), ClientError> {
    wait("gone", async || {
        let found = find(client, &deleted.table_name).await?;
        // Another table may have its name by now.
        let gone = found.is_none_or(|table| table.table_id != deleted.table_id);
        Ok(gone.then_some(()))
    })
    .await
}

/// Looks again and again, ever less often, until there is something.
async fn wait<T>(
    awaited: &'static str,
    mut look: impl AsyncFnMut() -> Result<Option<T>, ClientError>,
) -> Result<T, ClientError> {
    let begun = Instant::now();
    let mut pause = WAIT_PAUSE_FIRST;
    loop {
        if let Some(found) = look().await? {
            return Ok(found);
        }
        if begun.elapsed() + pause > WAIT_MAX {
            return Err(ClientError::Waited { awaited, after: WAIT_MAX });
        }
        tokio::time::sleep(pause).await;
        pause = (pause * 2).min(WAIT_PAUSE_MAX);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_attribute_has_a_name_and_a_type() {
        let id = KeyAttribute { name: "Id".into(), kind: v1::ScalarAttributeType::Number };
        assert_eq!(key_attribute("Id:N"), Ok(id));
        assert_eq!(key_attribute("a:b:S").map(|key| key.name), Ok("a:b".to_owned()));
        for bad in ["", "Id", "Id:", ":N", "Id:n", "Id:BOOL"] {
            assert!(key_attribute(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_tag_ends_its_key_at_the_first_equals_sign() {
        let parts = |text| tag(text).map(|tag| (tag.key, tag.value));
        assert_eq!(parts("a=b=c"), Ok(("a".to_owned(), "b=c".to_owned())));
        assert_eq!(parts("a="), Ok(("a".to_owned(), String::new())));
        assert!(parts("a").is_err());
    }

    #[tokio::test(start_paused = true)]
    async fn waiting_looks_ever_less_often_and_gives_up() {
        let begun = Instant::now();
        let mut looks = 0;
        let waited = wait::<()>("ACTIVE", async || {
            looks += 1;
            Ok(None)
        });
        assert!(matches!(waited.await, Err(ClientError::Waited { awaited: "ACTIVE", .. })));
        assert!(begun.elapsed() <= WAIT_MAX && begun.elapsed() > WAIT_MAX - WAIT_PAUSE_MAX);
        assert!((300..320).contains(&looks), "{looks}");
    }

    #[tokio::test(start_paused = true)]
    async fn waiting_ends_when_there_is_something_or_an_error() {
        let mut looks = 0;
        let found = wait("ACTIVE", async || {
            looks += 1;
            Ok((looks == 3).then_some("found"))
        });
        assert!(matches!(found.await, Ok("found")));
        let failed = wait::<()>("ACTIVE", async || Err(ClientError::TableDeleted));
        assert!(matches!(failed.await, Err(ClientError::TableDeleted)));
    }
}
