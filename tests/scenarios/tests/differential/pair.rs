//! Runs a sequence on two stores and compares what they answer and what they hold.

use crate::compare::{LEFT_OUT, difference, normal};
use crate::generate::{HEADER, Step};
use crate::store::{Store, settled_by};
use cairn_scenarios::{CaseFile, Protocol, Scope, expand};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};

/// More pages than a sequence's tables can have.
const PAGES_MAX: usize = 200;

/// How much of a message tells differences apart.
const PLACE_CHARS: usize = 50;

/// Two stores that have to be alike.
pub(crate) struct Pair {
    pub(crate) stores: [Store; 2],
    header: CaseFile,
    runs: AtomicUsize,
}

/// A call and its answers.
#[derive(Debug)]
pub(crate) struct Exchange {
    pub(crate) call: String,
    /// As a case has it, with placeholders.
    pub(crate) request: Value,
    /// As a case expects them. The second may be of the first store over the other protocol.
    pub(crate) answers: [Value; 2],
    /// Whether the call was made until it answered like this.
    pub(crate) is_awaited: bool,
    /// Whether the answers are errors whose items are too large to be compared.
    pub(crate) leaves_items_out: bool,
}

/// What became of a sequence. If the answers differ, the last exchange is where they do.
#[derive(Debug, Default)]
pub(crate) struct Run {
    pub(crate) exchanges: Vec<Exchange>,
    pub(crate) difference: Option<Difference>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Difference {
    /// The call, and where in its answer: what stays the same while a sequence is cut down.
    pub(crate) place: String,
    /// What each had there.
    pub(crate) text: String,
}

impl Exchange {
    fn new(call: &str, request: Value, mut answers: [Value; 2]) -> Self {
        let left_out = answers
            .each_mut()
            .map(|answer| answer.as_object_mut().is_some_and(|members| members.remove(LEFT_OUT).is_some()));
        let leaves_items_out = left_out.contains(&true);
        Self { call: call.to_owned(), request, answers, is_awaited: false, leaves_items_out }
    }
}

impl Run {
    /// Whether the answers are still alike with these.
    fn push(&mut self, exchange: Exchange) -> bool {
        let [first, second] = &exchange.answers;
        self.difference = difference(first, second).map(|(path, text)| {
            let told = [first, second].map(|answer| {
                let error = &answer["error"];
                let words = error["message"].as_str().unwrap_or_default();
                let words = words.chars().take(PLACE_CHARS).filter(char::is_ascii_alphabetic);
                format!("{} {}", error["type"], words.collect::<String>())
            });
            Difference { place: format!("{} {path} {}", exchange.call, told.join(" ")), text }
        });
        self.exchanges.push(exchange);
        self.difference.is_none()
    }
}

impl Pair {
    pub(crate) fn new(first: Store, second: Store) -> Self {
        let header = CaseFile::parse(&format!("description: none\n{HEADER}cases: []\n")).unwrap();
        Self { stores: [first, second], header, runs: AtomicUsize::new(0) }
    }

    /// Runs the steps on tables of their own, until the answers differ, and removes the tables.
    pub(crate) async fn run(&self, steps: &[Step]) -> Run {
        let run_name = format!("d{:06}", self.runs.fetch_add(1, Ordering::Relaxed));
        let scope = self.header.scope(&run_name);
        let mut run = Run::default();
        let mut tables = self.create_tables(steps, &run_name).await;
        tables.insert("New".into(), format!("{run_name}.New"));
        let mut alike = true;
        for step in steps {
            alike = self.step(step, &scope, &run_name, &mut run).await;
            if !alike {
                break;
            }
        }
        for (name, table) in &tables {
            alike = alike && self.compare_contents(name, table, &run_name, &mut run).await;
        }
        let [first, second] = &self.stores;
        tokio::join!(remove(first, tables.values()), remove(second, tables.values()));
        run
    }

    /// Creates the tables that the steps mention, and gives what they are called.
    async fn create_tables(&self, steps: &[Step], run_name: &str) -> BTreeMap<String, String> {
        let texts: Vec<String> = steps.iter().map(|step| step.request.to_string()).collect();
        let mut requests = self.header.table_requests(run_name).unwrap();
        requests.retain(|name, _| {
            let mentions = [format!("\"${name}\""), format!("${{{name}}}")];
            texts.iter().any(|text| mentions.iter().any(|mention| text.contains(mention)))
        });
        let [first, second] = &self.stores;
        tokio::join!(create(first, requests.values()), create(second, requests.values()));
        let named =
            |(name, request): (String, Value)| (name, request["TableName"].as_str().unwrap().to_owned());
        requests.into_iter().map(named).collect()
    }

    async fn step(&self, step: &Step, scope: &Scope, run_name: &str, run: &mut Run) -> bool {
        let mut template = step.request.clone();
        for _ in 0..PAGES_MAX {
            let request = expand(&template, scope).unwrap();
            let [first, second] = &self.stores;
            let (first, second) = if step.is_legacy {
                tokio::join!(
                    first.call_over_aws_json(step.call, &request),
                    second.call_over_aws_json(step.call, &request)
                )
            } else {
                tokio::join!(first.call(step.call, &request), second.call(step.call, &request))
            };
            let succeeded = first.is_ok();
            let next = first.as_ref().ok().and_then(|answer| answer.get("LastEvaluatedKey").cloned());
            let answers = [first, second].map(|answer| normal(step.call, answer, run_name));
            let exchange = Exchange::new(step.call, template.clone(), answers);
            if !run.push(exchange) {
                return false;
            }
            if succeeded
                && matches!(step.call, "CreateTable" | "UpdateTable" | "DeleteTable" | "UpdateTimeToLive")
            {
                return self.settle(step, &request["TableName"], run_name, run).await;
            }
            match next {
                Some(key) if step.follow => template["ExclusiveStartKey"] = key,
                _ => return true,
            }
        }
        panic!("{} goes on for more than {PAGES_MAX} pages: {}", step.call, step.request);
    }

    async fn settle(&self, step: &Step, table: &Value, run_name: &str, run: &mut Run) -> bool {
        let [first, second] = &self.stores;
        tokio::join!(first.settle(step.call, table), second.settle(step.call, table));
        let call = settled_by(step.call);
        let request = json!({ "TableName": table });
        let (first, second) = tokio::join!(first.call(call, &request), second.call(call, &request));
        let answers = [first, second].map(|answer| normal(call, answer, run_name));
        let request = json!({"TableName": step.request["TableName"]});
        run.push(Exchange { is_awaited: true, ..Exchange::new(call, request, answers) })
    }

    /// Compares what is known of a table and all that is in it, read over both protocols.
    async fn compare_contents(&self, name: &str, table: &str, run_name: &str, run: &mut Run) -> bool {
        let described = self.stores[0].call("DescribeTable", &json!({ "TableName": table })).await;
        let placeholder = format!("${name}");
        let arn = |table: &str| format!("arn:aws:dynamodb:local:000000000000:table/{table}");
        let mut reads =
            vec![("DescribeTable", json!({"TableName": table}), json!({"TableName": placeholder}))];
        if let Ok(described) = described {
            let members = ["GlobalSecondaryIndexes", "LocalSecondaryIndexes"];
            let indexes = members.iter().filter_map(|member| described["Table"][member].as_array()).flatten();
            let scan = |index: Option<&Value>, table: &str| {
                let mut request = json!({"TableName": table, "ReturnConsumedCapacity": "INDEXES"});
                if let Some(index) = index {
                    request["IndexName"] = index["IndexName"].clone();
                }
                request
            };
            reads.push(("Scan", scan(None, table), scan(None, &placeholder)));
            reads.extend(
                indexes.map(|index| ("Scan", scan(Some(index), table), scan(Some(index), &placeholder))),
            );
            reads.push((
                "DescribeTimeToLive",
                json!({"TableName": table}),
                json!({"TableName": placeholder}),
            ));
            reads.push((
                "ListTagsOfResource",
                json!({"ResourceArn": arn(table)}),
                json!({"ResourceArn": arn(&format!("${{{name}}}"))}),
            ));
        }
        let [first, second] = &self.stores;
        for (call, request, template) in reads {
            let answers = tokio::join!(
                first.call(call, &request),
                second.call(call, &request),
                first.call_otherwise(call, &request),
                second.call_otherwise(call, &request),
            );
            let [own, others @ ..] = <[_; 4]>::from(answers).map(|answer| normal(call, answer, run_name));
            let other = others.iter().find(|other| **other != own).unwrap_or(&own).clone();
            let exchange = Exchange::new(call, template, [own, other]);
            if !run.push(exchange) {
                return false;
            }
        }
        true
    }
}

/// Creates tables side by side.
async fn create(store: &Store, requests: impl Iterator<Item = &Value> + Clone) {
    for request in requests.clone() {
        store.call("CreateTable", request).await.unwrap();
    }
    for request in requests {
        store.settle("CreateTable", &request["TableName"]).await;
    }
}

/// Removes those of the tables that are there, side by side.
async fn remove(store: &Store, tables: impl Iterator<Item = &String> + Clone) {
    for table in tables.clone() {
        let name = json!({ "TableName": table });
        // Where answers differ a change may be under way.
        store.settle("UpdateTable", &name["TableName"]).await;
        let Ok(described) = store.call("DescribeTable", &name).await else { continue };
        if described["Table"]["DeletionProtectionEnabled"] == json!(true) {
            let request = json!({"TableName": table, "DeletionProtectionEnabled": false});
            store.call("UpdateTable", &request).await.unwrap();
            store.settle("UpdateTable", &name["TableName"]).await;
        }
        store.call("DeleteTable", &name).await.unwrap();
    }
    for table in tables {
        store.settle("DeleteTable", &table.as_str().into()).await;
    }
}
