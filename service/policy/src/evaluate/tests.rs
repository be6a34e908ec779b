//! The order of evaluation, row by row.

use super::*;
use crate::kind::PolicyKind;
use crate::question::{Context, ContextValue, EmptyContext, PrincipalFacts};
use crate::verdict::{Needs, PolicyName, PolicyType};

const OWN: &str = "111122223333";
const OTHER: &str = "444455556666";
const TABLE: &str = "arn:aws:dynamodb:r:111122223333:table/t";
const GET: &str = "dynamodb:GetItem";

fn user() -> PrincipalFacts {
    let arn = format!("arn:aws:iam::{OWN}:user/bob");
    PrincipalFacts { named_as: vec![arn.clone()], arn, account: OWN.to_owned(), ..PrincipalFacts::default() }
}

fn session() -> PrincipalFacts {
    let arn = format!("arn:aws:sts::{OWN}:assumed-role/r/s");
    let named_as = vec![arn.clone(), format!("arn:aws:iam::{OWN}:role/r")];
    PrincipalFacts { arn, account: OWN.to_owned(), named_as, ..PrincipalFacts::default() }
}

fn root() -> PrincipalFacts {
    let arn = format!("arn:aws:iam::{OWN}:root");
    PrincipalFacts { arn, account: OWN.to_owned(), is_root: true, ..PrincipalFacts::default() }
}

/// An identity-based policy of one statement about everything named.
fn policy(effect: &str, action: &str) -> Policy {
    let text = format!(
        r#"{{"Version": "2012-10-17", "Statement": {{"Effect": "{effect}", "Action": "{action}", "Resource": "*"}}}}"#
    );
    Policy::parse(&text, PolicyKind::Managed).unwrap()
}

fn session_policy(effect: &str, action: &str) -> Policy {
    Policy::parse(policy(effect, action).text(), PolicyKind::Session).unwrap()
}

fn resource_policy(effect: &str, principal: &str) -> Policy {
    let text = format!(
        r#"{{"Statement": {{"Effect": "{effect}", {principal}, "Action": "*", "Resource": "{TABLE}"}}}}"#
    );
    Policy::parse(&text, PolicyKind::Resource).unwrap()
}

fn named(policy: Policy) -> (PolicyName, Policy) {
    (PolicyName::from("p"), policy)
}

fn identity(effects: &[&str]) -> PolicySet {
    PolicySet::new(effects.iter().map(|effect| named(policy(effect, "dynamodb:*"))).collect(), None, None)
}

/// The answer in one word or two.
fn told(verdict: &Verdict) -> String {
    match verdict {
        Verdict::Allowed { by: None } => "root".to_owned(),
        Verdict::Allowed { by: Some(by) } => by.policy.to_string(),
        Verdict::Denied { reason: DenyReason::Explicit { in_, .. } } => format!("deny in {in_}"),
        Verdict::Denied { reason } => reason.to_string().replace(&format!(" allows the {GET} action"), ""),
    }
}

fn ask_as(
    principal: &PrincipalFacts,
    set: &PolicySet,
    resource_policy: Option<&Policy>,
    resource_account: &str,
) -> String {
    let context = &EmptyContext;
    let question = Question { principal, action: GET, resource: TABLE, resource_account, context };
    told(&evaluate(&question, set, resource_policy))
}

#[test]
fn without_a_policy_nothing_is_allowed() {
    assert_eq!(ask_as(&user(), &PolicySet::default(), None, OWN), "no identity-based policy");
}

#[test]
fn an_allow_allows_and_a_deny_anywhere_forbids() {
    assert_eq!(ask_as(&user(), &identity(&["Allow"]), None, OWN), "p");
    assert_eq!(ask_as(&user(), &identity(&["Allow", "Deny"]), None, OWN), "deny in identity-based policy");
    let bob = format!(r#""Principal": {{"AWS": "arn:aws:iam::{OWN}:user/bob"}}"#);
    let allow = resource_policy("Allow", &bob);
    assert_eq!(ask_as(&user(), &identity(&["Deny"]), Some(&allow), OWN), "deny in identity-based policy");
    let deny = resource_policy("Deny", &bob);
    assert_eq!(ask_as(&user(), &identity(&["Allow"]), Some(&deny), OWN), "deny in resource-based policy");
    let all = || vec![named(policy("Allow", "*"))];
    let bounded = PolicySet::new(all(), Some(named(policy("Deny", "*"))), None);
    assert_eq!(ask_as(&user(), &bounded, Some(&allow), OWN), "deny in permissions boundary");
    let in_session = PolicySet::new(all(), None, Some(session_policy("Deny", "*")));
    assert_eq!(ask_as(&user(), &in_session, Some(&allow), OWN), "deny in session policy");
}

#[test]
fn boundary_and_session_policy_only_restrict() {
    let get = || policy("Allow", GET);
    let put = || policy("Allow", "dynamodb:PutItem");
    let in_session = |policy: Policy| Policy::parse(policy.text(), PolicyKind::Session).unwrap();
    let cases = [
        (Some(get()), Some(get()), Some(get()), "p"),
        (Some(get()), Some(put()), Some(get()), "no permissions boundary"),
        (Some(get()), Some(get()), Some(put()), "no session policy"),
        (Some(get()), Some(put()), Some(put()), "no permissions boundary"),
        (None, Some(get()), Some(get()), "no identity-based policy"),
        (Some(put()), Some(get()), None, "no identity-based policy"),
        (Some(get()), None, Some(get()), "p"),
    ];
    for (own, boundary, session, expected) in cases {
        let set = PolicySet::new(
            own.into_iter().map(named).collect(),
            boundary.map(named),
            session.map(in_session),
        );
        assert_eq!(ask_as(&user(), &set, None, OWN), expected, "{set:?}");
    }
}

#[test]
fn a_resource_policy_of_the_same_account_allows_by_how_closely_it_names() {
    let silent = PolicySet::default;
    let bounded = || PolicySet::new(Vec::new(), Some(named(policy("Allow", "dynamodb:PutItem"))), None);
    let in_session = || PolicySet::new(Vec::new(), None, Some(session_policy("Allow", "dynamodb:PutItem")));
    let arn = |arn: &str| format!(r#""Principal": {{"AWS": "arn:aws:{arn}"}}"#);
    let own_user = arn(&format!("iam::{OWN}:user/bob"));
    let own_session = arn(&format!("sts::{OWN}:assumed-role/r/s"));
    let own_role = arn(&format!("iam::{OWN}:role/r"));
    let account = format!(r#""Principal": {{"AWS": "{OWN}"}}"#);
    let everyone = r#""Principal": "*""#.to_owned();
    let not_eve = format!(r#""NotPrincipal": {{"AWS": "arn:aws:iam::{OWN}:user/eve"}}"#);
    let not_bob = format!(r#""NotPrincipal": {{"AWS": "arn:aws:iam::{OWN}:user/bob"}}"#);
    let (by, boundary) = ("resource-policy", "no permissions boundary");
    let (session_silent, identity_silent) = ("no session policy", "no identity-based policy");
    let cases = [
        (user(), &own_user, [by, by, by]),
        (session(), &own_session, [by, by, by]),
        // A role is not its session: what it is given stays within boundary and session policy.
        (session(), &own_role, [by, boundary, session_silent]),
        (user(), &everyone, [by, boundary, session_silent]),
        (user(), &not_eve, [by, boundary, session_silent]),
        (user(), &not_bob, [identity_silent, boundary, session_silent]),
        (user(), &own_role, [identity_silent, boundary, session_silent]),
        // An account is named to leave it to the account's own policies.
        (user(), &account, [identity_silent, boundary, session_silent]),
    ];
    for (principal, naming, expected) in cases {
        let allow = resource_policy("Allow", naming);
        for (set, expected) in [silent(), bounded(), in_session()].iter().zip(expected) {
            assert_eq!(ask_as(&principal, set, Some(&allow), OWN), expected, "{naming} {set:?}");
        }
    }
    let allow = resource_policy("Allow", &account);
    assert_eq!(ask_as(&user(), &identity(&["Allow"]), Some(&allow), OWN), "p");
}

#[test]
fn another_accounts_resource_needs_both_sides() {
    let allowing = identity(&["Allow"]);
    let silent = PolicySet::default();
    let by_name =
        resource_policy("Allow", &format!(r#""Principal": {{"AWS": "arn:aws:iam::{OWN}:user/bob"}}"#));
    let by_account =
        resource_policy("Allow", &format!(r#""Principal": {{"AWS": "arn:aws:iam::{OWN}:root"}}"#));
    let by_other = resource_policy("Allow", &format!(r#""Principal": {{"AWS": "{OTHER}"}}"#));
    let by_all = resource_policy("Allow", r#""Principal": "*""#);
    let cases = [
        (&allowing, None, "no resource-based policy"),
        (&allowing, Some(&by_name), "resource-policy"),
        (&allowing, Some(&by_account), "resource-policy"),
        (&allowing, Some(&by_all), "resource-policy"),
        (&allowing, Some(&by_other), "no resource-based policy"),
        (&silent, Some(&by_name), "no identity-based policy"),
        (&silent, Some(&by_all), "no identity-based policy"),
        (&silent, None, "no identity-based policy"),
    ];
    for (set, policy, expected) in cases {
        assert_eq!(ask_as(&user(), set, policy, OTHER), expected, "{policy:?}");
    }
    // There, being named directly lifts no boundary.
    let bounded = PolicySet::new(
        vec![named(policy("Allow", "*"))],
        Some(named(policy("Allow", "dynamodb:PutItem"))),
        None,
    );
    assert_eq!(ask_as(&user(), &bounded, Some(&by_name), OTHER), "no permissions boundary");
}

#[test]
fn a_policy_that_tries_wildcards_across_the_account_reaches_no_further_than_it() {
    let text = r#"{"Statement": [
        {"Effect": "Allow", "Action": "*", "Resource": "*"},
        {"Effect": "Allow", "Action": "dynamodb:*", "Resource": "arn:aws:dynamodb:*:*:table/*"},
        {"Effect": "Allow", "NotAction": "iam:*", "NotResource": "arn:aws:dynamodb:r:111122223333:table/x"}
    ]}"#;
    let set = PolicySet::new(vec![named(Policy::parse(text, PolicyKind::Managed).unwrap())], None, None);
    assert_eq!(ask_as(&user(), &set, None, OWN), "p");
    assert_eq!(ask_as(&user(), &set, None, OTHER), "no resource-based policy");
    // A star in the place of the account, or across parts, does not make one table another.
    let narrow = r#"{"Statement": {"Effect": "Allow", "Action": "*", "Resource": "arn:aws:dynamodb:*:table/t/index/*"}}"#;
    assert!(Policy::parse(narrow, PolicyKind::Managed).is_err());
    let by_region = r#"{"Statement": {"Effect": "Allow", "Action": "*", "Resource": "arn:aws:dynamodb:*:444455556666:table/*"}}"#;
    let set = PolicySet::new(vec![named(Policy::parse(by_region, PolicyKind::Managed).unwrap())], None, None);
    assert_eq!(ask_as(&user(), &set, None, OWN), "no identity-based policy");
}

#[test]
fn root_is_allowed_what_no_resource_policy_denies_it() {
    let denied = resource_policy("Deny", r#""Principal": "*""#);
    let silent = PolicySet::default();
    assert_eq!(ask_as(&root(), &silent, None, OWN), "root");
    assert_eq!(ask_as(&root(), &silent, Some(&denied), OWN), "deny in resource-based policy");
    let by_account = resource_policy("Deny", &format!(r#""Principal": {{"AWS": "{OWN}"}}"#));
    assert_eq!(ask_as(&root(), &silent, Some(&by_account), OWN), "deny in resource-based policy");
    let principal = &root();
    for (action, is_allowed) in [
        ("dynamodb:DeleteResourcePolicy", true),
        ("DynamoDB:putresourcepolicy", true),
        ("dynamodb:GetResourcePolicy", false),
    ] {
        let mut question =
            Question { principal, action, resource: TABLE, resource_account: OWN, context: &EmptyContext };
        assert_eq!(evaluate(&question, &silent, Some(&denied)).is_allowed(), is_allowed, "{action}");
        question.resource_account = OTHER;
        assert!(!evaluate(&question, &silent, Some(&denied)).is_allowed(), "{action}");
    }
}

#[test]
fn root_of_another_account_needs_the_resources_policy() {
    let silent = PolicySet::default();
    assert_eq!(ask_as(&root(), &silent, None, OTHER), "no resource-based policy");
    let allow = resource_policy("Allow", &format!(r#""Principal": {{"AWS": "{OWN}"}}"#));
    assert_eq!(ask_as(&root(), &silent, Some(&allow), OTHER), "resource-policy");
}

#[test]
fn a_refusal_is_told_in_the_services_words() {
    let action = || GET.to_owned();
    let by = || {
        let set = identity(&["Deny"]);
        set.index().entries().first().unwrap().matched()
    };
    for (reason, text) in [
        (
            DenyReason::NoIdentityPolicy { action: action() },
            "no identity-based policy allows the dynamodb:GetItem action",
        ),
        (
            DenyReason::NoBoundary { action: action() },
            "no permissions boundary allows the dynamodb:GetItem action",
        ),
        (
            DenyReason::NoSessionPolicy { action: action() },
            "no session policy allows the dynamodb:GetItem action",
        ),
        (
            DenyReason::NoResourcePolicy { action: action() },
            "no resource-based policy allows the dynamodb:GetItem action",
        ),
        (
            DenyReason::NoTrustPolicy { action: action() },
            "no role trust policy allows the dynamodb:GetItem action",
        ),
        (
            DenyReason::Explicit { by: by(), in_: PolicyType::Identity },
            "with an explicit deny in an identity-based policy",
        ),
        (
            DenyReason::Explicit { by: by(), in_: PolicyType::Resource },
            "with an explicit deny in a resource-based policy",
        ),
        (
            DenyReason::Explicit { by: by(), in_: PolicyType::Boundary },
            "with an explicit deny in a permissions boundary",
        ),
    ] {
        assert_eq!(reason.to_string(), text);
    }
}

fn trust(effect: &str, principal: &str) -> Policy {
    let text =
        format!(r#"{{"Statement": {{"Effect": "{effect}", {principal}, "Action": "sts:AssumeRole"}}}}"#);
    Policy::parse(&text, PolicyKind::Trust).unwrap()
}

#[test]
fn a_role_is_assumed_by_whom_it_trusts() {
    let role = format!("arn:aws:iam::{OWN}:role/r");
    let assume = |principal: &PrincipalFacts, set: &PolicySet, trust: &Policy, account: &str| {
        let context = &EmptyContext;
        let action = "sts:AssumeRole";
        let question = Question { principal, action, resource: &role, resource_account: account, context };
        told(&evaluate_trust(&question, set, trust)).replace(" allows the sts:AssumeRole action", "")
    };
    let bob = trust("Allow", &format!(r#""Principal": {{"AWS": "arn:aws:iam::{OWN}:user/bob"}}"#));
    let account = trust("Allow", &format!(r#""Principal": {{"AWS": "{OWN}"}}"#));
    let provider = trust("Allow", r#""Principal": {"Federated": "https://issuer"}"#);
    let never = trust("Deny", r#""Principal": "*""#);
    let silent = PolicySet::default();
    let allowing = PolicySet::new(vec![named(policy("Allow", "sts:*"))], None, None);
    let denying = PolicySet::new(vec![named(policy("Deny", "*"))], None, None);
    let bounded = PolicySet::new(Vec::new(), Some(named(policy("Allow", "dynamodb:*"))), None);
    let federated =
        PrincipalFacts { federated: vec!["https://issuer".to_owned()], ..PrincipalFacts::default() };
    let cases = [
        (user(), &silent, &bob, OWN, "trust-policy"),
        (user(), &silent, &account, OWN, "no identity-based policy"),
        (user(), &allowing, &account, OWN, "trust-policy"),
        (user(), &allowing, &provider, OWN, "no role trust policy"),
        (user(), &denying, &bob, OWN, "deny in identity-based policy"),
        (user(), &bounded, &bob, OWN, "no permissions boundary"),
        (user(), &allowing, &never, OWN, "deny in role trust policy"),
        (user(), &silent, &bob, OTHER, "no identity-based policy"),
        (user(), &allowing, &bob, OTHER, "trust-policy"),
        (federated, &silent, &provider, OWN, "trust-policy"),
        (root(), &silent, &bob, OWN, "no role trust policy"),
        (root(), &silent, &account, OWN, "trust-policy"),
        (root(), &silent, &never, OWN, "deny in role trust policy"),
    ];
    for (principal, set, trust, account, expected) in cases {
        assert_eq!(assume(&principal, set, trust, account), expected, "{} {trust:?}", principal.arn);
    }
}

struct Keys<'a>(Vec<(&'a str, &'a [&'a str])>);

impl Context for Keys<'_> {
    fn get(&self, key: &str) -> Option<ContextValue<'_>> {
        let (_, values) = self.0.iter().find(|(name, _)| *name == key)?;
        Some(match values {
            [value] => ContextValue::One((*value).into()),
            values => ContextValue::Many(values.iter().map(|value| (*value).into()).collect()),
        })
    }
}

#[test]
fn variables_of_version_2012_are_filled_in_and_those_of_2008_are_text() {
    let tables = |version: &str, element: &str| {
        let text = format!(
            r#"{{"Version": "{version}", "Statement": {{"Effect": "Allow", "Action": "*",
                "{element}": ["arn:a:b:c:d:${{aws:username}}", "arn:a:b:c:d:x"]}}}}"#
        );
        PolicySet::new(vec![named(Policy::parse(&text, PolicyKind::Managed).unwrap())], None, None)
    };
    let bob = Keys(vec![("aws:username", &["bob"])]);
    let nobody = Keys(Vec::new());
    let cases = [
        ("2012-10-17", "Resource", &bob, "bob", true),
        ("2012-10-17", "Resource", &bob, "eve", false),
        ("2012-10-17", "Resource", &bob, "x", true),
        ("2012-10-17", "Resource", &nobody, "", false),
        ("2012-10-17", "Resource", &nobody, "${aws:username}", false),
        ("2008-10-17", "Resource", &bob, "bob", false),
        ("2008-10-17", "Resource", &bob, "${aws:username}", true),
        ("2012-10-17", "NotResource", &bob, "bob", false),
        ("2012-10-17", "NotResource", &bob, "x", false),
        ("2012-10-17", "NotResource", &bob, "eve", true),
        // Who is not known to be left out is not allowed in.
        ("2012-10-17", "NotResource", &nobody, "eve", false),
    ];
    for (version, element, context, name, expected) in cases {
        let resource = format!("arn:a:b:c:d:{name}");
        let principal = &user();
        let question =
            Question { principal, action: GET, resource: &resource, resource_account: OWN, context };
        let set = tables(version, element);
        assert_eq!(evaluate(&question, &set, None).is_allowed(), expected, "{version} {element} {name}");
    }
}

#[test]
fn actions_are_compared_without_regard_to_case() {
    for (pattern, matches) in [
        (GET, true),
        ("DYNAMODB:getitem", true),
        ("dynamodb:G?tI*", true),
        ("dynamodb:*", true),
        ("*:*", true),
        ("dynamodb:Get", false),
        ("dax:*", false),
    ] {
        let set = PolicySet::new(vec![named(policy("Allow", pattern))], None, None);
        for action in [GET, "DynamoDB:GETITEM"] {
            let principal = &user();
            let context = &EmptyContext;
            let question = Question { principal, action, resource: TABLE, resource_account: OWN, context };
            assert_eq!(evaluate(&question, &set, None).is_allowed(), matches, "{pattern} {action}");
        }
    }
}

#[test]
fn only_the_keys_that_some_statement_about_the_action_looks_at_are_needed() {
    let text = r#"{"Version": "2012-10-17", "Statement": [
        {"Effect": "Allow", "Action": "dynamodb:GetItem", "Resource": "*",
         "Condition": {"ForAllValues:StringEquals": {"dynamodb:FirstPartitionKeyValues": "a"}}},
        {"Effect": "Allow", "Action": ["dynamodb:Query", "dynamodb:Get*"], "Resource": "*",
         "Condition": {"ForAllValues:StringEquals": {"DynamoDB:attributes": "a"}}},
        {"Effect": "Allow", "Action": "dynamodb:DeleteItem", "Resource": "*",
         "Condition": {"ForAllValues:StringEquals": {"dynamodb:ThirdPartitionKeyValues": "a"}}},
        {"Effect": "Allow", "Action": "dynamodb:*", "Resource": "*",
         "Condition": {"StringEquals": {"aws:username": "a"}}}
    ]}"#;
    let policy = Policy::parse(text, PolicyKind::Managed).unwrap();
    let set = PolicySet::new(vec![named(policy.clone())], None, None);
    let needs = |leading_keys, attributes| Needs { leading_keys, attributes };
    for (action, expected) in [
        ("dynamodb:GetItem", Needs::ALL),
        ("DYNAMODB:GETITEM", Needs::ALL),
        ("dynamodb:Query", needs(false, true)),
        ("dynamodb:DeleteItem", needs(true, false)),
        ("dynamodb:PutItem", needs(false, false)),
    ] {
        for _ in 0..2 {
            assert_eq!(set.needs(action), expected, "{action}");
            assert_eq!(policy.needs(action), expected, "{action}");
        }
    }
    assert_eq!(PolicySet::default().needs(GET), Needs::default());
}

#[test]
fn a_value_that_cannot_be_read_allows_nothing_and_lifts_no_denial() {
    let when = |effect: &str| {
        let text = format!(
            r#"{{"Statement": {{"Effect": "{effect}", "Action": "*", "Resource": "*",
                "Condition": {{"NumericLessThan": {{"k:k": 5}}}}}}}}"#
        );
        named(Policy::parse(&text, PolicyKind::Managed).unwrap())
    };
    let context = &Keys(vec![("k:k", &["five"])]);
    let principal = &user();
    let question = Question { principal, action: GET, resource: TABLE, resource_account: OWN, context };
    let verdict = evaluate(&question, &PolicySet::new(vec![when("Allow")], None, None), None);
    assert_eq!(told(&verdict), "no identity-based policy");
    let both = vec![named(policy("Allow", "*")), when("Deny")];
    let verdict = evaluate(&question, &PolicySet::new(both, None, None), None);
    assert_eq!(told(&verdict), "deny in identity-based policy");
}
