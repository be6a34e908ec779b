//! `cairn iam simulate`: whether calls would be allowed, and why.

use super::super::client::ClientArgs;
use super::super::error::ClientError;
use super::super::input::Input;
use super::super::output::{Output, new_table, text_cell};
use cairn_api::v1;
use clap::{ArgGroup, Args};
use comfy_table::Table;
use serde::Serialize;

/// Print whether calls would be allowed, and which statements say so
#[derive(Args, Debug)]
#[command(group = ArgGroup::new("speaking").multiple(true).required(true).args(["principal", "policies"]))]
pub(super) struct SimulateArgs {
    /// The ARN of the user or role whose policies speak
    #[arg(long, value_name = "ARN")]
    principal: Option<String>,
    /// A policy that speaks as if it were the principal's; may be given several times
    #[arg(long = "policy", value_name = "DOCUMENT")]
    policies: Vec<Input>,
    /// A permissions boundary in place of the principal's
    #[arg(long, value_name = "DOCUMENT")]
    boundary: Option<Input>,
    /// A policy that narrows the session
    #[arg(long, value_name = "DOCUMENT")]
    session_policy: Option<Input>,
    /// An action, as in dynamodb:GetItem; may be given several times
    #[arg(long = "action", value_name = "ACTION", required = true)]
    actions: Vec<String>,
    /// A resource's ARN; may be given several times [default: *]
    #[arg(long = "resource", value_name = "ARN")]
    resources: Vec<String>,
    /// The policy of each resource [default: of a table here, its own]
    #[arg(long, value_name = "DOCUMENT")]
    resource_policy: Option<Input>,
    /// A condition key of the calls with its value; several values of a key are given one by one
    #[arg(long = "context", value_name = "KEY=VALUE", value_parser = context)]
    context: Vec<(String, String)>,
}

fn context(text: &str) -> Result<(String, String), &'static str> {
    let (key, value) = text.split_once('=').ok_or("it must be of the form KEY=VALUE")?;
    Ok((key.to_owned(), value.to_owned()))
}

/// The values of each key together, in the order the keys were first given.
fn entries(given: Vec<(String, String)>) -> Vec<v1::ContextEntry> {
    let mut entries: Vec<v1::ContextEntry> = Vec::new();
    for (key, value) in given {
        match entries.iter_mut().find(|entry| entry.key.eq_ignore_ascii_case(&key)) {
            Some(entry) => entry.values.push(value),
            None => entries.push(v1::ContextEntry { key, values: vec![value] }),
        }
    }
    entries
}

impl SimulateArgs {
    fn request(self) -> Result<v1::SimulatePolicyRequest, ClientError> {
        let text = |input: Option<Input>, name| input.map(|input| input.text(name)).transpose();
        Ok(v1::SimulatePolicyRequest {
            principal_arn: self.principal.unwrap_or_default(),
            policy_documents: self
                .policies
                .into_iter()
                .map(|policy| policy.text("--policy"))
                .collect::<Result<_, _>>()?,
            permissions_boundary_policy_document: text(self.boundary, "--boundary")?,
            session_policy_document: text(self.session_policy, "--session-policy")?,
            action_names: self.actions,
            resource_arns: self.resources,
            resource_policy: text(self.resource_policy, "--resource-policy")?,
            context_entries: entries(self.context),
        })
    }

    pub(super) async fn run(self, client: &ClientArgs, output: Output) -> Result<(), ClientError> {
        let request = self.request()?;
        let answer = client.connect().await?.identities.simulate_policy(request).await?.into_inner();
        let results: Vec<_> = answer.results.into_iter().map(ResultView::of).collect();
        output.print(&results, || table(&results))?;
        if results.iter().all(|result| result.eval_decision == "allowed") {
            Ok(())
        } else {
            Err(ClientError::WouldBeDenied)
        }
    }
}

/// What the policies say of one action on one resource.
#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
struct ResultView {
    eval_action_name: String,
    eval_resource_name: String,
    eval_decision: &'static str,
    #[serde(skip_serializing_if = "String::is_empty")]
    reason: String,
    matched_statements: Vec<StatementView>,
    unmatched_statements: Vec<StatementView>,
    other_statement_count: i32,
    missing_context_values: Vec<String>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
struct StatementView {
    source_policy_id: String,
    source_policy_type: &'static str,
    statement: i32,
    #[serde(skip_serializing_if = "String::is_empty")]
    sid: String,
    effect: &'static str,
    /// Why it does not match.
    #[serde(skip_serializing_if = "Option::is_none")]
    mismatch: Option<String>,
}

impl StatementView {
    fn of(statement: v1::PolicyStatement, mismatch: Option<String>) -> Self {
        Self {
            source_policy_type: match statement.policy_type() {
                v1::PolicyType::Identity => "identity",
                v1::PolicyType::PermissionsBoundary => "permissions-boundary",
                v1::PolicyType::Session => "session",
                v1::PolicyType::Resource => "resource",
                v1::PolicyType::Unspecified => "",
            },
            effect: match statement.effect() {
                v1::PolicyEffect::Allow => "Allow",
                v1::PolicyEffect::Deny => "Deny",
                v1::PolicyEffect::Unspecified => "",
            },
            source_policy_id: statement.policy,
            statement: statement.index,
            sid: statement.sid,
            mismatch,
        }
    }

    fn shown(&self) -> String {
        let sid = if self.sid.is_empty() { String::new() } else { format!(" ({})", self.sid) };
        let text = format!("{} {}[{}]{sid}", self.effect, self.source_policy_id, self.statement);
        match &self.mismatch {
            None => text,
            Some(mismatch) => format!("{text}: {mismatch}"),
        }
    }
}

fn mismatch(unmatched: &v1::UnmatchedStatement) -> String {
    match unmatched.mismatch() {
        v1::StatementMismatch::Principal => "another principal".into(),
        v1::StatementMismatch::Resource => "another resource".into(),
        v1::StatementMismatch::Condition => unmatched.condition.clone(),
        v1::StatementMismatch::Unspecified => String::new(),
    }
}

impl ResultView {
    fn of(result: v1::SimulationResult) -> Self {
        let eval_decision = match result.decision() {
            v1::PolicyDecision::Allowed => "allowed",
            v1::PolicyDecision::ExplicitDeny => "explicitDeny",
            v1::PolicyDecision::ImplicitDeny | v1::PolicyDecision::Unspecified => "implicitDeny",
        };
        let matched = result.matched_statements.into_iter();
        let unmatched = result.unmatched_statements.into_iter();
        Self {
            eval_action_name: result.action_name,
            eval_resource_name: result.resource_arn,
            eval_decision,
            reason: result.reason,
            matched_statements: matched.map(|statement| StatementView::of(statement, None)).collect(),
            unmatched_statements: unmatched
                .map(|unmatched| {
                    let mismatch = Some(mismatch(&unmatched));
                    StatementView::of(unmatched.statement.unwrap_or_default(), mismatch)
                })
                .collect(),
            other_statement_count: result.other_statement_count,
            missing_context_values: result.missing_context_keys,
        }
    }
}

fn table(results: &[ResultView]) -> Table {
    let mut table = new_table();
    table.set_header(["Action", "Resource", "Decision", "Because"].map(text_cell));
    for result in results {
        let because = because(result).join("; ");
        table.add_row(
            [&result.eval_action_name, &result.eval_resource_name, result.eval_decision, &because]
                .map(text_cell),
        );
    }
    table
}

/// All that speaks for and against, the statements that match first.
fn because(result: &ResultView) -> Vec<String> {
    let mut lines: Vec<String> = result.matched_statements.iter().map(StatementView::shown).collect();
    if !result.reason.is_empty() {
        lines.push(result.reason.clone());
    }
    lines.extend(result.unmatched_statements.iter().map(StatementView::shown));
    if !result.missing_context_values.is_empty() {
        lines.push(format!("not in the request: {}", result.missing_context_values.join(", ")));
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_values_of_a_key_are_one_entry_whatever_its_case() {
        let given = ["a:K=1", "b:k=2", "A:k=3=4"].map(|text| context(text).unwrap());
        let entries: Vec<_> =
            entries(given.into()).into_iter().map(|entry| (entry.key, entry.values.join(","))).collect();
        assert_eq!(entries, [("a:K".to_owned(), "1,3=4".to_owned()), ("b:k".into(), "2".into())]);
        assert!(context("a").is_err());
    }
}
