//! Runs the cases of a file, each with tables of its own.

use crate::case::{Case, CaseFile, ErrorSpec, Step};
use crate::matching::differences;
use crate::protocol::{ApiError, CallError, Credentials, Protocol};
use crate::template::{Scope, expand, expand_to_text};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::time::{Duration, Instant};

/// How long an `until` may take.
const UNTIL_MAX: Duration = Duration::from_secs(20);
/// Between two calls of an `until`: what it waits for cannot be awaited over every protocol.
const UNTIL_PAUSE: Duration = Duration::from_millis(2);
/// The longest answer that a failure shows.
const SHOWN_CHARS_MAX: usize = 2_000;

/// Runs every case of a file and answers what failed, one text for each case that did. `run_name` starts the names of
/// the tables, so that runs against one service do not meet.
pub async fn run(file: &CaseFile, protocol: &impl Protocol, run_name: &str) -> Vec<String> {
    let mut failures = Vec::new();
    let nothing = [Scope::new()];
    for (number, case) in file.cases.iter().enumerate() {
        let rows = if case.with.is_empty() { &nothing } else { case.with.as_slice() };
        for (row_number, row) in rows.iter().enumerate() {
            let name = format!("{run_name}-{}-{}", 1_000 + number, 1_000 + row_number);
            if let Err(reason) = run_case(file, case, row, &name, protocol).await {
                let row =
                    if row.is_empty() { String::new() } else { format!(" with {}", shown(&json!(row))) };
                failures.push(format!("case: {}{row}\n  {reason}", case.name));
            }
        }
    }
    failures
}

async fn run_case(
    file: &CaseFile,
    case: &Case,
    row: &Scope,
    run_name: &str,
    protocol: &impl Protocol,
) -> Result<(), String> {
    let mut scope = file.scope(run_name);
    scope.extend(case.users.keys().map(|name| (name.clone(), format!("{run_name}.{name}").into())));
    for (name, value) in row {
        let value = expand(value, &scope)?;
        scope.insert(name.clone(), value);
    }
    for (name, table) in file.tables.iter().filter(|(name, _)| mentions(case, name)) {
        let request = table.request(&format!("{run_name}.{name}"))?;
        create(protocol, &request).await.map_err(|reason| format!("creating {name}: {reason}"))?;
    }
    let mut users = BTreeMap::new();
    for (name, statements) in &case.users {
        let made = create_user(protocol, name, statements, &scope).await;
        users.insert(name.clone(), made.map_err(|reason| format!("creating the user {name}: {reason}"))?);
    }
    for (number, step) in case.steps.iter().enumerate() {
        for scope_of_step in repetitions(step, &scope) {
            let saved = run_step(step, &scope_of_step, &users, protocol)
                .await
                .map_err(|reason| format!("step {} ({}): {reason}", number + 1, step.call))?;
            scope.extend(saved);
        }
    }
    Ok(())
}

/// The scopes in which a step runs: one, or one for each number of its `for`.
fn repetitions(step: &Step, scope: &Scope) -> Vec<Scope> {
    let mut scopes = vec![scope.clone()];
    for (name, (first, last)) in &step.each {
        scopes = scopes
            .iter()
            .flat_map(|scope| {
                (*first..=*last).map(|number| {
                    let mut scope = scope.clone();
                    scope.insert(name.clone(), number.into());
                    scope
                })
            })
            .collect();
    }
    scopes
}

/// Whether a case names a table, in a request or in an expectation.
fn mentions(case: &Case, table: &str) -> bool {
    let (whole, within) = (format!("${table}"), format!("${{{table}}}"));
    let named = |text: &str| text == whole || text.contains(&within);
    fn any(value: &Value, named: &impl Fn(&str) -> bool) -> bool {
        match value {
            Value::String(text) => named(text),
            Value::Array(elements) => elements.iter().any(|element| any(element, named)),
            Value::Object(members) => members.iter().any(|(name, member)| named(name) || any(member, named)),
            _ => false,
        }
    }
    let members = case.steps.iter().flat_map(|step| step.request.values());
    members.chain(case.users.values().flatten()).any(|value| any(value, &named))
}

/// Creates a table and waits until it and its indexes can be used.
async fn create(protocol: &impl Protocol, request: &Value) -> Result<(), String> {
    protocol.call("CreateTable", request).await.map_err(|error| error.to_string())?;
    let name = request.get("TableName").cloned().unwrap_or_default();
    let active = json!({"Table": {"$has": {"TableStatus": "ACTIVE"}}});
    let request = json!({"TableName": name});
    let describe = async || protocol.call("DescribeTable", &request).await;
    repeat_until(describe, |answer| match answer {
        Ok(answer) => differences(&active, answer),
        Err(error) => vec![error.to_string()],
    })
    .await
}

/// Creates a user with a policy of these statements and an access key, and answers the key.
async fn create_user(
    protocol: &impl Protocol,
    name: &str,
    statements: &[Value],
    scope: &Scope,
) -> Result<Credentials, String> {
    let call = async |operation: &str, request: Value| {
        protocol.call(operation, &request).await.map_err(|error| error.to_string())
    };
    let user = scope.get(name).cloned().unwrap_or_default();
    call("CreateUser", json!({"user_name": user})).await?;
    if !statements.is_empty() {
        let statements = statements.iter().map(|statement| expand(statement, scope));
        let statements = statements.collect::<Result<Vec<_>, _>>()?;
        let document = json!({"Version": "2012-10-17", "Statement": statements}).to_string();
        let identity = json!({"user_name": user});
        let request = json!({"identity": identity, "policy_name": "own", "policy_document": document});
        call("PutInlinePolicy", request).await?;
    }
    let answer = call("CreateAccessKey", json!({"user_name": user})).await?;
    credentials(answer.get("access_key").cloned().unwrap_or_default())
}

fn credentials(value: Value) -> Result<Credentials, String> {
    serde_json::from_value(value).map_err(|error| format!("these are no credentials: {error}"))
}

/// The credentials that a step names: a user's, or saved ones. None names nobody: the call is the root's.
fn caller(
    step: &Step,
    users: &BTreeMap<String, Credentials>,
    scope: &Scope,
) -> Result<Option<Credentials>, String> {
    let Some(name) = &step.caller else { return Ok(None) };
    match (users.get(name), scope.get(name)) {
        (Some(user), _) => Ok(Some(user.clone())),
        (None, Some(saved)) => credentials(saved.clone()).map(Some),
        (None, None) => Err(format!("nobody is called {name}")),
    }
}

async fn run_step(
    step: &Step,
    scope: &Scope,
    users: &BTreeMap<String, Credentials>,
    protocol: &impl Protocol,
) -> Result<Scope, String> {
    let request = expand(&Value::Object(step.request.clone()), scope)?;
    let caller = caller(step, users, scope)?;
    let operation = expand_to_text(&step.call, scope)?;
    let call = async || protocol.call_as(caller.as_ref(), &operation, &request).await;
    let expectations =
        [step.expect.is_some(), step.error.is_some(), step.until.is_some(), step.until_error.is_some()];
    if expectations.iter().filter(|given| **given).count() > 1 {
        return Err("a step has one of expect, error, until and until_error".into());
    }
    if (step.until.is_some() || step.until_error.is_some()) && !step.save.is_empty() {
        return Err("a step that is repeated saves nothing".into());
    }
    if let Some(expected) = &step.until {
        let expected = expand(expected, scope)?;
        repeat_until(call, |answer| match answer {
            Ok(answer) => differences(&expected, answer),
            Err(error) => vec![error.to_string()],
        })
        .await?;
        return Ok(Scope::new());
    }
    if let Some(expected) = &step.until_error {
        let expected = expected.expanded(scope)?;
        repeat_until(call, |answer| match answer {
            Ok(answer) => vec![format!("it was answered {}", shown(answer))],
            Err(error) => expected.differences(error),
        })
        .await?;
        return Ok(Scope::new());
    }
    match (call().await, &step.error) {
        (Ok(answer), None) => {
            if let Some(expected) = &step.expect {
                let differences = differences(&expand(expected, scope)?, &answer);
                if !differences.is_empty() {
                    return Err(format!("{}\n    answer: {}", lines(&differences), shown(&answer)));
                }
            }
            saved(step, &answer)
        }
        (Ok(answer), Some(expected)) => {
            Err(format!("expected {}\n    answer: {}", expected.exception, shown(&answer)))
        }
        (Err(error), Some(expected)) => {
            let differences = expected.expanded(scope)?.differences(&error);
            if differences.is_empty() {
                Ok(Scope::new())
            } else {
                Err(format!("{}\n    error: {error}", lines(&differences)))
            }
        }
        (Err(error), None) => Err(format!("it was refused: {error}")),
    }
}

fn saved(step: &Step, answer: &Value) -> Result<Scope, String> {
    step.save
        .iter()
        .map(|(name, path)| {
            let pointer = format!("/{}", path.replace('.', "/"));
            let value =
                answer.pointer(&pointer).ok_or_else(|| format!("the answer has no {path} to save"))?;
            Ok((name.clone(), value.clone()))
        })
        .collect()
}

async fn repeat_until(
    call: impl AsyncFn() -> Result<Value, CallError>,
    differences: impl Fn(Result<&Value, &CallError>) -> Vec<String>,
) -> Result<(), String> {
    let end = Instant::now() + UNTIL_MAX;
    loop {
        let answer = call().await;
        let found = differences(answer.as_ref());
        if found.is_empty() {
            return Ok(());
        }
        if Instant::now() > end {
            return Err(format!("it does not come to what is awaited: {}", lines(&found)));
        }
        tokio::time::sleep(UNTIL_PAUSE).await;
    }
}

impl ErrorSpec {
    fn expanded(&self, scope: &Scope) -> Result<Self, String> {
        let expand = |value: &Option<Value>| value.as_ref().map(|value| expand(value, scope)).transpose();
        Ok(Self {
            exception: expand_to_text(&self.exception, scope)?,
            message: expand(&self.message)?,
            contains: expand(&self.contains)?,
            item: expand(&self.item)?,
            reasons: expand(&self.reasons)?,
            throttling: expand(&self.throttling)?,
        })
    }

    fn differences(&self, error: &CallError) -> Vec<String> {
        let error = match error {
            CallError::Api(error) => error,
            CallError::Fault(reason) => return vec![reason.clone()],
        };
        let mut expected = json!({"type": self.exception});
        let message = match (&self.message, &self.contains) {
            (Some(message), _) => message.clone(),
            (None, Some(part)) => json!({"$contains": part}),
            (None, None) => json!({"$any": true}),
        };
        if let Some(members) = expected.as_object_mut() {
            members.insert("message".into(), message);
            members.extend(self.item.clone().map(|item| ("Item".to_owned(), item)));
            members.extend(self.reasons.clone().map(|reasons| ("reasons".to_owned(), reasons)));
            members.extend(self.throttling.clone().map(|reasons| ("throttling".to_owned(), reasons)));
        }
        differences(&expected, &as_value(error, self))
    }
}

/// An error as a value to compare. Reasons that a case does not look at are left out.
fn as_value(error: &ApiError, expected: &ErrorSpec) -> Value {
    let mut value = json!({"type": error.exception, "message": error.message});
    if let Some(members) = value.as_object_mut() {
        members.extend(error.item.clone().map(|item| ("Item".to_owned(), item)));
        for (name, reasons, looked_at) in [
            ("reasons", &error.reasons, expected.reasons.is_some()),
            ("throttling", &error.throttling, expected.throttling.is_some()),
        ] {
            members.extend(reasons.clone().filter(|_| looked_at).map(|reasons| (name.to_owned(), reasons)));
        }
    }
    value
}

fn lines(differences: &[String]) -> String {
    differences.iter().map(|difference| format!("\n    {}", cut(difference))).collect()
}

fn shown(value: &Value) -> String {
    cut(&value.to_string())
}

fn cut(text: &str) -> String {
    match text.char_indices().nth(SHOWN_CHARS_MAX) {
        Some((end, _)) => format!("{}...", text.get(..end).unwrap_or_default()),
        None => text.to_owned(),
    }
}
