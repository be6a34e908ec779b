//! Explanations.

use super::*;
use crate::kind::PolicyKind;
use crate::question::{EmptyContext, PrincipalFacts};
use crate::verdict::PolicyName;

#[test]
fn an_explanation_tells_of_each_statement_about_the_action_what_became_of_it() {
    let policy = Policy::parse(
        r#"{"Version": "2012-10-17", "Statement": [
            {"Effect": "Allow", "Action": "dynamodb:PutItem", "Resource": "*"},
            {"Effect": "Allow", "Action": "dynamodb:Get*", "Resource": "arn:aws:dynamodb:r:1:table/other"},
            {"Sid": "Mine", "Effect": "Allow", "Action": "dynamodb:GetItem", "Resource": "*"},
            {"Effect": "Deny", "Action": "*", "Resource": "*", "Condition": {
                "StringEquals": {"aws:PrincipalType": "User"},
                "ForAllValues:StringLike": {"dynamodb:LeadingKeys": "${aws:username}"}}},
            {"Effect": "Allow", "Action": "*", "Resource": "*", "Condition": {"Bool": {"aws:SecureTransport": "true"}}}
        ]}"#,
        PolicyKind::Managed,
    )
    .unwrap();
    let resource_policy = Policy::parse(
        r#"{"Statement": {"Effect": "Deny", "Principal": {"AWS": "999999999999"},
            "Action": "*", "Resource": "arn:aws:dynamodb:r:1:table/t"}}"#,
        PolicyKind::Resource,
    )
    .unwrap();
    let set = PolicySet::new(vec![(PolicyName::from("mine"), policy)], None, None);
    let principal = PrincipalFacts { account: "1".to_owned(), ..PrincipalFacts::default() };
    let explanation = explain(
        &Question {
            principal: &principal,
            action: "dynamodb:GetItem",
            resource: "arn:aws:dynamodb:r:1:table/t",
            resource_account: "1",
            context: &EmptyContext,
        },
        &set,
        Some(&resource_policy),
    );
    let outcomes: Vec<(usize, StatementOutcome)> = explanation
        .statements
        .iter()
        .map(|explained| (explained.statement.statement, explained.outcome.clone()))
        .collect();
    let condition = |operator: &str, key: &str| StatementOutcome::Condition {
        operator: operator.to_owned(),
        key: key.to_owned(),
    };
    assert_eq!(
        outcomes,
        [
            (1, StatementOutcome::Resource),
            (2, StatementOutcome::Matched),
            (3, condition("StringEquals", "aws:PrincipalType")),
            (4, condition("Bool", "aws:SecureTransport")),
            (0, StatementOutcome::Principal),
        ]
    );
    assert_eq!(explanation.other_actions, 1);
    assert_eq!(
        explanation.missing_keys,
        ["aws:principaltype", "aws:securetransport", "aws:username", "dynamodb:leadingkeys"]
    );
    assert!(matches!(&explanation.verdict, Verdict::Allowed { by: Some(by) }
        if by.sid.as_deref() == Some("Mine") && &*by.policy == "mine"));
}
