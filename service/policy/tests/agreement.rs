//! The evaluator agrees with a slow, obviously correct one on random documents and requests, and what it remembers
//! never changes an answer.

// Helpers that meet something impossible should fail their test.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, missing_docs)]
#![allow(unreachable_pub)]

mod common;

use std::collections::BTreeSet;

use cairn_policy::{
    Context, ContextValue, DenyReason, MatchedStatement, Policy, PolicyKind, PolicySet, PolicyType,
    PrincipalFacts, Question, Verdict, evaluate, explain,
};
use common::generate::{documents, request};
use common::slow::{self, Answer, Documents, KeyValue, Request};
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};
use serde_json::Value;

struct Keys<'a>(&'a Request);

impl Context for Keys<'_> {
    fn get(&self, key: &str) -> Option<ContextValue<'_>> {
        assert_eq!(key, key.to_ascii_lowercase(), "keys are asked for in lower case");
        Some(match self.0.keys.get(key)? {
            KeyValue::One(value) => ContextValue::One(value.into()),
            KeyValue::Many(values) => ContextValue::Many(values.iter().map(Into::into).collect()),
        })
    }
}

fn parsed(document: &Value, kind: PolicyKind) -> Policy {
    Policy::parse(&document.to_string(), kind).unwrap_or_else(|error| panic!("{error}: {document}"))
}

/// The documents as they are evaluated; identity-based policies are named by their number.
struct Compiled {
    set: PolicySet,
    resource: Option<Policy>,
}

impl Compiled {
    fn new(documents: &Documents) -> Self {
        let identity = documents.identity.iter().enumerate();
        let identity = identity
            .map(|(at, document)| (at.to_string().into(), parsed(document, PolicyKind::InlineRole)))
            .collect();
        let boundary = documents.boundary.as_ref();
        let boundary = boundary.map(|document| ("boundary".into(), parsed(document, PolicyKind::InlineRole)));
        let session = documents.session.as_ref().map(|document| parsed(document, PolicyKind::InlineRole));
        let resource = documents.resource.as_ref().map(|document| parsed(document, PolicyKind::Resource));
        Self { set: PolicySet::new(identity, boundary, session), resource }
    }

    fn verdict(&self, request: &Request, with: impl Fn(&Question<'_>, &Self) -> Verdict) -> Verdict {
        let mut named_as = vec![request.arn.clone()];
        named_as.extend(request.role.clone());
        let principal = PrincipalFacts {
            arn: request.arn.clone(),
            account: request.account.clone(),
            is_root: request.is_root,
            named_as,
            federated: Vec::new(),
        };
        let question = Question {
            principal: &principal,
            action: &request.action,
            resource: &request.resource,
            resource_account: &request.resource_account,
            context: &Keys(request),
        };
        with(&question, self)
    }

    fn evaluate(&self, request: &Request) -> Verdict {
        self.verdict(request, |question, own| evaluate(question, &own.set, own.resource.as_ref()))
    }
}

fn answer(verdict: &Verdict) -> Answer {
    match verdict {
        Verdict::Allowed { .. } => Answer::Allowed,
        Verdict::Denied { reason } => match reason {
            DenyReason::Explicit { .. } => Answer::Explicit,
            DenyReason::NoBoundary { .. } => Answer::NoBoundary,
            DenyReason::NoSessionPolicy { .. } => Answer::NoSession,
            DenyReason::NoIdentityPolicy { .. } => Answer::NoIdentity,
            DenyReason::NoResourcePolicy { .. } => Answer::NoResource,
            DenyReason::NoTrustPolicy { .. } => panic!("no role is assumed here"),
        },
    }
}

/// The document of the statement a verdict rests on.
fn document<'a>(by: &MatchedStatement, documents: &'a Documents) -> &'a Value {
    match &*by.policy {
        "boundary" => documents.boundary.as_ref().unwrap(),
        "session-policy" => documents.session.as_ref().unwrap(),
        "resource-policy" => documents.resource.as_ref().unwrap(),
        number => &documents.identity[number.parse::<usize>().unwrap()],
    }
}

proptest! {
    #![proptest_config(Config { cases: 500, failure_persistence: None, ..Config::default() })]

    #[test]
    fn the_evaluator_agrees_with_a_slow_one(
        documents in documents(),
        requests in proptest::collection::vec(request(), 1..12),
    ) {
        let compiled = Compiled::new(&documents);
        for request in &requests {
            let verdict = compiled.evaluate(request);
            prop_assert_eq!(answer(&verdict), slow::evaluate(&documents, request), "{:?} {:?}", &verdict, request);

            // The statement it rests on has that effect.
            let rests_on = match &verdict {
                Verdict::Allowed { by } => by.as_ref().map(|by| (by, "Allow")),
                Verdict::Denied { reason: DenyReason::Explicit { by, .. } } => Some((by, "Deny")),
                Verdict::Denied { .. } => None,
            };
            if let Some((by, effect)) = rests_on {
                let policy = document(by, &documents);
                prop_assert!(slow::matches(policy, by.statement, effect, request), "{:?} {:?}", by, request);
            }
        }
    }

    #[test]
    fn an_explanation_agrees_with_the_slow_evaluator_on_every_statement(
        documents in documents(),
        request in request(),
    ) {
        let compiled = Compiled::new(&documents);
        compiled.verdict(&request, |question, own| {
            let explanation = explain(question, &own.set, own.resource.as_ref());
            for explained in &explanation.statements {
                let policy = document(&explained.statement, &documents);
                let effect = format!("{:?}", explained.effect);
                let matches = slow::matches(policy, explained.statement.statement, &effect, &request);
                let told = explained.outcome == cairn_policy::StatementOutcome::Matched;
                assert_eq!(told, matches, "{explained:?} {request:?}");
            }
            let policies = documents.identity.iter().chain(&documents.boundary);
            let all: usize = policies
                .chain(&documents.session)
                .chain(&documents.resource)
                .map(|policy| slow::statements(policy).count())
                .sum();
            assert_eq!(explanation.statements.len() + explanation.other_actions, all);
            explanation.verdict
        });
    }
}

/// Draws that are the same each time.
fn runner() -> TestRunner {
    TestRunner::new_with_rng(
        Config::default(),
        TestRng::from_seed(
            RngAlgorithm::ChaCha,
            b"thirty-two bytes, always the same"[..32].try_into().unwrap(),
        ),
    )
}

#[test]
fn what_is_remembered_never_changes_an_answer() {
    let mut runner = runner();
    for _ in 0..30 {
        let documents = documents().new_tree(&mut runner).unwrap().current();
        let asked = Compiled::new(&documents);
        let questions: Vec<Request> = (0..40)
            .map(|at| {
                let mut request = request().new_tree(&mut runner).unwrap().current();
                // More resources than are remembered, so that some are forgotten between.
                request.resource = match request.resource.strip_suffix("/a") {
                    Some(table) if at % 2 == 0 => format!("{table}/a{}", at / 2),
                    _ => request.resource,
                };
                request
            })
            .collect();
        let fresh: Vec<Verdict> =
            questions.iter().map(|question| Compiled::new(&documents).evaluate(question)).collect();
        for round in 0..4 {
            for _ in 0..questions.len() {
                let at = (0..questions.len()).new_tree(&mut runner).unwrap().current();
                assert_eq!(asked.evaluate(&questions[at]), fresh[at], "round {round}: {:?}", questions[at]);
            }
            // Pushes everything else out.
            for filler in 0..700 {
                let mut request = questions[0].clone();
                request.resource = format!("arn:aws:dynamodb:r:111122223333:table/filler-{round}-{filler}");
                asked.evaluate(&request);
            }
        }
    }
}

/// The draws reach every part of the language: all operators with all prefixes and suffixes, all negated elements,
/// all kinds of policy, and every answer.
#[test]
fn the_draws_reach_everything() {
    let mut runner = runner();
    let mut operators = BTreeSet::new();
    let mut members = BTreeSet::new();
    let mut answers = BTreeSet::new();
    let mut explicit = BTreeSet::new();
    for _ in 0..3_000 {
        let documents = documents().new_tree(&mut runner).unwrap().current();
        let request = request().new_tree(&mut runner).unwrap().current();
        let verdict = Compiled::new(&documents).evaluate(&request);
        let own = if request.account == request.resource_account { "own" } else { "other" };
        answers.insert((answer(&verdict), request.is_root, own));
        if let Verdict::Denied { reason: DenyReason::Explicit { in_, .. } } = verdict {
            explicit.insert(in_);
        }
        for policy in documents.identity.iter().chain(&documents.resource) {
            let statements = match &policy["Statement"] {
                Value::Array(statements) => statements.clone(),
                statement => vec![statement.clone()],
            };
            for statement in statements {
                members.extend(statement.as_object().unwrap().keys().cloned());
                if let Value::Object(conditions) = &statement["Condition"] {
                    operators.extend(conditions.keys().cloned());
                }
            }
        }
    }
    // 26 operators with three prefixes and two suffixes each, and Null.
    assert_eq!(operators.len(), 26 * 3 * 2 + 1, "{operators:?}");
    for member in ["Action", "NotAction", "Resource", "NotResource", "Principal", "NotPrincipal", "Condition"]
    {
        assert!(members.contains(member), "{member}");
    }
    let types = [PolicyType::Identity, PolicyType::Boundary, PolicyType::Session, PolicyType::Resource];
    assert_eq!(explicit, BTreeSet::from(types));
    for expected in [
        (Answer::Allowed, false, "own"),
        (Answer::Allowed, false, "other"),
        (Answer::Allowed, true, "own"),
        (Answer::Allowed, true, "other"),
        (Answer::Explicit, false, "own"),
        (Answer::Explicit, true, "own"),
        (Answer::NoBoundary, false, "own"),
        (Answer::NoSession, false, "own"),
        (Answer::NoIdentity, false, "own"),
        (Answer::NoIdentity, false, "other"),
        (Answer::NoResource, false, "other"),
        (Answer::NoResource, true, "other"),
    ] {
        assert!(answers.contains(&expected), "{expected:?}");
    }
}
