//! `cairn iam`: users, groups, roles, access keys and policies, and what they permit.

mod group;
mod identity;
mod key;
mod policy;
mod role;
mod simulate;
mod user;
mod view;

use self::view::CallerView;
use super::client::{Client, ClientArgs};
use super::error::ClientError;
use super::output::OutputArgs;
use cairn_api::v1;
use clap::{Args, Subcommand};

const EXAMPLES: &str = r#"Examples:
  cairn iam whoami
  cairn iam user create ada --tag team=engines
  cairn iam key create --user ada
  cairn iam attach CairnReadOnly --user ada
  cairn iam group create readers
  cairn iam group add readers ada
  cairn iam policy create orders-writer @orders-writer.json
  cairn iam policy put-inline own-orders --user ada '{"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": "dynamodb:*Item", "Resource": "*"}}'
  cairn iam role create loader --trust @trust.json
  cairn iam assume-role arn:aws:iam::000000000000:role/loader --session nightly
  cairn iam simulate --principal arn:aws:iam::000000000000:user/ada --action dynamodb:GetItem \
    --resource arn:aws:dynamodb:local:000000000000:table/Orders

A DOCUMENT is an IAM policy in JSON: the argument itself, @FILE or file://FILE, or - for standard input. A POLICY is a managed policy's ARN or name. JSON has the member names of AWS IAM.

Exit status: 0 if done; 1 if not, or if a simulated call would be denied; 2 for wrong usage."#;

/// Identities: users, groups, roles, access keys and policies, and what they permit
#[derive(Args, Debug)]
#[command(after_help = EXAMPLES, subcommand_required = true, arg_required_else_help = true)]
pub(crate) struct IamArgs {
    #[command(subcommand)]
    command: IamCommand,
    #[command(flatten)]
    pub(super) client: ClientArgs,
    #[command(flatten)]
    output: OutputArgs,
}

#[derive(Debug, Subcommand)]
enum IamCommand {
    /// Print who is calling
    Whoami,
    #[command(subcommand)]
    User(user::UserCommand),
    #[command(subcommand)]
    Group(group::GroupCommand),
    #[command(subcommand)]
    Role(role::RoleCommand),
    #[command(subcommand)]
    Key(key::KeyCommand),
    #[command(subcommand)]
    Policy(policy::PolicyCommand),
    /// Attach a managed policy to a user, group or role
    Attach(policy::AttachArgs),
    /// Detach a managed policy from a user, group or role
    Detach(policy::AttachArgs),
    Boundary(policy::BoundaryArgs),
    AssumeRole(role::AssumeArgs),
    Simulate(simulate::SimulateArgs),
}

/// Carries a command out.
pub(crate) async fn run(args: IamArgs) -> Result<(), ClientError> {
    let output = args.output.resolve();
    let client = &args.client;
    match args.command {
        IamCommand::Whoami => {
            let caller = CallerView::of(caller(&mut client.connect().await?).await?);
            output.print(&caller, || caller.table())
        }
        IamCommand::User(command) => command.run(client, output).await,
        IamCommand::Group(command) => command.run(client, output).await,
        IamCommand::Role(command) => command.run(client, output).await,
        IamCommand::Key(command) => command.run(client, output).await,
        IamCommand::Policy(command) => command.run(client, output).await,
        IamCommand::Attach(args) => args.attach(client).await,
        IamCommand::Detach(args) => args.detach(client).await,
        IamCommand::Boundary(args) => args.run(client).await,
        IamCommand::AssumeRole(args) => args.run(client, output).await,
        IamCommand::Simulate(args) => args.run(client, output).await,
    }
}

/// Who is calling.
async fn caller(client: &mut Client) -> Result<v1::GetCallerIdentityResponse, ClientError> {
    let request = v1::GetCallerIdentityRequest {};
    Ok(client.identities.get_caller_identity(request).await?.into_inner())
}

/// What the answer must have.
fn expected<T>(part: Option<T>, name: &'static str) -> Result<T, ClientError> {
    part.ok_or(ClientError::Incomplete(name))
}
