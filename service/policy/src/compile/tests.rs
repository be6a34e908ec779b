//! What is refused when a policy is written, and where the refusal points.

use crate::error::{PolicyError, PolicyProblem};
use crate::kind::{DOCUMENT_BYTES_MAX, PolicyKind};
use crate::policy::Policy;

const EVERY_KIND: [PolicyKind; 7] = [
    PolicyKind::Managed,
    PolicyKind::InlineUser,
    PolicyKind::InlineGroup,
    PolicyKind::InlineRole,
    PolicyKind::Session,
    PolicyKind::Resource,
    PolicyKind::Trust,
];

/// A statement that each kind accepts.
fn statement(kind: PolicyKind) -> &'static str {
    match kind {
        PolicyKind::Resource => r#"{"Effect":"Deny","Principal":"*","Action":"*","Resource":"*"}"#,
        PolicyKind::Trust => r#"{"Effect":"Allow","Principal":{"AWS":"*"},"Action":"sts:AssumeRole"}"#,
        _ => r#"{"Effect":"Allow","Action":"*","Resource":"*"}"#,
    }
}

fn refused(text: &str, kind: PolicyKind) -> PolicyError {
    match Policy::parse(text, kind) {
        Err(error) => error,
        Ok(policy) => panic!("accepted: {policy:?}"),
    }
}

/// An identity-based policy of two statements, whose second has these members.
fn second(members: &str) -> String {
    format!(
        r#"{{"Version": "2012-10-17", "Statement": [{}, {{{members}}}]}}"#,
        statement(PolicyKind::Managed)
    )
}

#[test]
fn a_policy_keeps_its_text() {
    let text = format!("{{\n\t\"Id\": \"x\", \"Statement\": {}\r\n}}", statement(PolicyKind::Managed));
    let policy = Policy::parse(&text, PolicyKind::Managed).unwrap();
    assert_eq!(policy.text(), text);
    assert_eq!(policy.kind(), PolicyKind::Managed);
    assert!(policy.size() < text.len());
}

#[test]
fn one_statement_needs_no_list() {
    for kind in EVERY_KIND {
        let (one, two) = (statement(kind), format!("[{0}, {0}]", statement(kind)));
        assert!(Policy::parse(&format!(r#"{{"Statement": {one}}}"#), kind).is_ok(), "{kind:?}");
        assert!(Policy::parse(&format!(r#"{{"Statement": {two}}}"#), kind).is_ok(), "{kind:?}");
    }
}

#[test]
fn a_document_that_is_no_policy_is_refused() {
    let good = statement(PolicyKind::Managed);
    let cases = [
        ("[]".to_owned(), ""),
        ("\"Allow\"".to_owned(), ""),
        ("{}".to_owned(), ""),
        (r#"{"Statement": []}"#.to_owned(), "Statement"),
        (r#"{"Statement": "all"}"#.to_owned(), "Statement"),
        (r#"{"Statement": [[]]}"#.to_owned(), "Statement[0]"),
        (format!(r#"{{"Statement": [{good}, 7]}}"#), "Statement[1]"),
        (format!(r#"{{"statement": {good}}}"#), ""),
        (format!(r#"{{"Version": "2012-10-17", "Extra": 1, "Statement": {good}}}"#), ""),
        (format!(r#"{{"Version": "2013-10-17", "Statement": {good}}}"#), "Version"),
        (format!(r#"{{"Version": 2012, "Statement": {good}}}"#), "Version"),
        (format!(r#"{{"Id": 1, "Statement": {good}}}"#), "Id"),
    ];
    for (text, place) in cases {
        let error = refused(&text, PolicyKind::Managed);
        assert_eq!((error.problem, &*error.place), (PolicyProblem::Malformed, place), "{text}: {error}");
    }
}

#[test]
fn a_refusal_points_at_its_place() {
    let good = r#""Effect": "Allow", "Action": "a:B", "Resource": "*""#;
    let condition = |condition: &str| format!(r#"{good}, "Condition": {condition}"#);
    let cases: Vec<(String, &str)> = vec![
        (r#""Effect": "allow", "Action": "a:B", "Resource": "*""#.to_owned(), ".Effect"),
        (r#""Effect": true, "Action": "a:B", "Resource": "*""#.to_owned(), ".Effect"),
        (r#""Action": "a:B", "Resource": "*""#.to_owned(), ""),
        (r#""Effect": "Allow", "Resource": "*""#.to_owned(), ""),
        (r#""Effect": "Allow", "Action": "a:B""#.to_owned(), ""),
        (r#""Effect": "Allow", "Action": "a:B", "NotAction": "a:C", "Resource": "*""#.to_owned(), ""),
        (
            r#""Effect": "Allow", "Action": "a:B", "Resource": "*", "NotResource": "arn:a:b:c:d:e""#
                .to_owned(),
            "",
        ),
        (r#""Effect": "Allow", "Actoin": "a:B", "Resource": "*""#.to_owned(), ""),
        (format!(r#"{good}, "Sid": "with space""#), ".Sid"),
        (format!(r#"{good}, "Sid": 1"#), ".Sid"),
        (format!(r#"{good}, "Principal": "*""#), ""),
        (format!(r#"{good}, "NotPrincipal": "*""#), ""),
        (r#""Effect": "Allow", "Action": [], "Resource": "*""#.to_owned(), ".Action"),
        (r#""Effect": "Allow", "Action": ["a:B", 1], "Resource": "*""#.to_owned(), ".Action[1]"),
        (r#""Effect": "Allow", "Action": "GetItem", "Resource": "*""#.to_owned(), ".Action"),
        (r#""Effect": "Allow", "NotAction": ["a:B", "a:"], "Resource": "*""#.to_owned(), ".NotAction[1]"),
        (r#""Effect": "Allow", "Action": "dyn*:GetItem", "Resource": "*""#.to_owned(), ".Action"),
        (r#""Effect": "Allow", "Action": "a:${aws:x}", "Resource": "*""#.to_owned(), ".Action"),
        (r#""Effect": "Allow", "Action": "a:B", "Resource": "table""#.to_owned(), ".Resource"),
        (r#""Effect": "Allow", "Action": "a:B", "Resource": "arn:aws:dynamodb:*""#.to_owned(), ".Resource"),
        (r#""Effect": "Allow", "Action": "a:B", "Resource": "*:table/t""#.to_owned(), ".Resource"),
        (
            r#""Effect": "Allow", "Action": "a:B", "Resource": ["*", "arn:a:b:c:d:${x"]"#.to_owned(),
            ".Resource[1]",
        ),
        (r#""Effect": "Allow", "Action": "a:B", "NotResource": null"#.to_owned(), ".NotResource"),
        (condition("[]"), ".Condition"),
        (condition(r#"{"StringIs": {"a:b": "c"}}"#), ".Condition"),
        (condition(r#"{"StringLike": "c"}"#), ".Condition.StringLike"),
        (condition(r#"{"StringLike": {}}"#), ".Condition.StringLike"),
        (condition(r#"{"StringLike": {"nokey": "c"}}"#), ".Condition.StringLike"),
        (condition(r#"{"StringLike": {"a:b": "c", "A:B": "c"}}"#), ".Condition.StringLike"),
        (
            condition(r#"{"StringLike": {"dynamodb:LeadingKeys": []}}"#),
            r#".Condition.StringLike["dynamodb:LeadingKeys"]"#,
        ),
        (
            condition(r#"{"Null": {"a:b": true}, "NumericLessThan": {"c:d": [1, "x"]}}"#),
            r#".Condition.NumericLessThan["c:d"]"#,
        ),
        (condition(r#"{"StringEquals": {"c:d": {"e": 1}}}"#), r#".Condition.StringEquals["c:d"]"#),
        (condition(r#"{"StringEquals": {"c:d": [null]}}"#), r#".Condition.StringEquals["c:d"]"#),
    ];
    for (members, place) in cases {
        let error = refused(&second(&members), PolicyKind::Managed);
        assert_eq!(error.problem, PolicyProblem::Malformed, "{members}: {error}");
        assert_eq!(error.place, format!("Statement[1]{place}"), "{members}: {error}");
    }
}

#[test]
fn what_looks_unusual_but_is_allowed_is_accepted() {
    let members = [
        r#""Effect": "Allow", "Action": "*:*", "Resource": "*""#,
        r#""Effect": "Deny", "NotAction": ["dynamodb:Batch*", "DYNAMODB:?etItem"], "Resource": "*""#,
        r#""Effect": "Deny", "Action": "a:B", "NotResource": ["arn:*:*:*:*:*"], "Condition": {}"#,
        r#""Sid": "", "Effect": "Deny", "Action": "a:B", "Resource": "*""#,
        r#""Effect": "Deny", "Action": "a:B", "Resource": "arn:a:b:c:d:${aws:username, 'e'}/*""#,
        r#""Effect": "Deny", "Action": "a:B", "Resource": "*", "Condition": {
            "Bool": {"a:b": true}, "NumericEquals": {"a:b": [1, 2.5, "3"]},
            "StringEquals": {"a:b": [1, false, "\u4e2d"]}, "ForAnyValue:StringLikeIfExists": {"a:b": "*"},
            "ArnLike": {"a:b": ["*", "${aws:PrincipalArn}"]}}"#,
    ];
    for members in members {
        if let Err(error) = Policy::parse(&second(members), PolicyKind::Managed) {
            panic!("{members}: {error}");
        }
    }
}

#[test]
fn sids_are_unique() {
    let statement =
        |sid: &str| format!(r#"{{"Sid": "{sid}", "Effect": "Allow", "Action": "*", "Resource": "*"}}"#);
    let text = |one, two| format!(r#"{{"Statement": [{}, {}]}}"#, statement(one), statement(two));
    assert!(Policy::parse(&text("A", "a"), PolicyKind::Managed).is_ok());
    assert_eq!(refused(&text("A", "A"), PolicyKind::Managed).place, "Statement[1].Sid");
}

#[test]
fn members_named_twice_are_refused_with_line_and_column() {
    let text = "{\"Statement\": {\"Effect\": \"Deny\", \"Action\": \"*\",\n\"Resource\": \"*\", \"Effect\": \"Allow\"}}";
    let error = refused(text, PolicyKind::Managed);
    assert_eq!(error.problem, PolicyProblem::Syntax);
    assert_eq!(error.line_and_column.map(|(line, _)| line), Some(2));
    assert!(error.to_string().starts_with("member \"Effect\" appears twice at line 2 column "), "{error}");
}

#[test]
fn characters_outside_latin_1_are_refused_where_they_stand() {
    let error = refused("{\n \"中\": 1}", PolicyKind::Managed);
    assert_eq!((error.problem, error.line_and_column), (PolicyProblem::Syntax, Some((2, 3))));
    assert!(!error.message.contains('中'));
    let text = second(r#""Effect": "Deny", "Action": "*", "Resource": "arn:a:b:c:d:ÿ""#);
    assert!(Policy::parse(&text, PolicyKind::Managed).is_ok());
    for control in ['\u{0}', '\u{b}', '\u{100}', '\u{1f600}', '\u{feff}'] {
        assert!(Policy::parse(&format!("{control}{text}"), PolicyKind::Managed).is_err());
    }
}

#[test]
fn principals_are_needed_where_a_policy_belongs_to_a_resource() {
    let with = |principal: &str| {
        format!(r#"{{"Statement": {{"Effect": "Deny", {principal} "Action": "*", "Resource": "*"}}}}"#)
    };
    for principal in [
        r#""Principal": "*","#,
        r#""NotPrincipal": {"AWS": ["111122223333", "*"]},"#,
        r#""Principal": {"AWS": "arn:aws:iam::111122223333:root"},"#,
        r#""Principal": {"AWS": ["arn:aws:iam::111122223333:user/team/bob", "arn:aws:iam::111122223333:role/r"]},"#,
        r#""Principal": {"AWS": "arn:aws:sts::111122223333:assumed-role/r/session"},"#,
        r#""Principal": {"Service": "x.amazonaws.com", "Federated": ["a", "b"], "CanonicalUser": "c"},"#,
    ] {
        let parsed = Policy::parse(&with(principal), PolicyKind::Resource);
        assert!(parsed.is_ok(), "{principal}: {parsed:?}");
    }
    for (principal, place) in [
        ("", ""),
        (r#""Principal": "111122223333","#, ".Principal"),
        (r#""Principal": {},"#, ".Principal"),
        (r#""Principal": ["*"],"#, ".Principal"),
        (r#""Principal": {"AWS": []},"#, ".Principal.AWS"),
        (r#""Principal": {"AWS": "1111"},"#, ".Principal.AWS"),
        (r#""NotPrincipal": {"AWS": ["*", "arn:aws:iam::111122223333:user/*"]},"#, ".NotPrincipal.AWS[1]"),
        (r#""Principal": {"AWS": "arn:aws:iam::*:root"},"#, ".Principal.AWS"),
        (r#""Principal": {"AWS": "arn:aws:iam::111122223333:group/g"},"#, ".Principal.AWS"),
        (r#""Principal": {"AWS": "arn:aws:iam::111122223333:user/"},"#, ".Principal.AWS"),
        (r#""Principal": {"Federated": "*"},"#, ".Principal.Federated"),
        (r#""Principal": {"Robot": "x"},"#, ".Principal"),
        (r#""Principal": "*", "NotPrincipal": "*","#, ""),
    ] {
        let error = refused(&with(principal), PolicyKind::Resource);
        assert_eq!(error.place, format!("Statement[0]{place}"), "{principal}: {error}");
    }
}

#[test]
fn a_trust_policy_is_about_sts_and_names_no_resource() {
    let with = |rest: &str| format!(r#"{{"Statement": {{"Effect": "Allow", "Principal": "*", {rest}}}}}"#);
    assert!(Policy::parse(&with(r#""Action": ["sts:AssumeRole", "STS:Tag*"]"#), PolicyKind::Trust).is_ok());
    for rest in [
        r#""Action": "*""#,
        r#""Action": "dynamodb:GetItem""#,
        r#""Action": "sts:AssumeRole", "Resource": "*""#,
        r#""Action": "sts:AssumeRole", "NotResource": "*""#,
    ] {
        refused(&with(rest), PolicyKind::Trust);
    }
    let without = r#"{"Statement": {"Effect": "Allow", "Action": "sts:AssumeRole"}}"#;
    refused(without, PolicyKind::Trust);
}

#[test]
fn documents_are_measured_as_their_kind_counts() {
    let limits = [
        (PolicyKind::Managed, 6_144, false),
        (PolicyKind::InlineUser, 2_048, false),
        (PolicyKind::InlineGroup, 5_120, false),
        (PolicyKind::InlineRole, 10_240, false),
        (PolicyKind::Trust, 2_048, false),
        (PolicyKind::Session, 2_048, true),
        (PolicyKind::Resource, 20_480, true),
    ];
    for (kind, size_max, counts_space) in limits {
        let document = |id_length: usize| {
            format!(r#"{{"Id":"{}","Statement":{}}}"#, "x".repeat(id_length), statement(kind))
        };
        let longest = document(size_max - document(0).len());
        assert_eq!(kind.size(&longest), size_max, "{kind:?}");
        assert!(Policy::parse(&longest, kind).is_ok(), "{kind:?}");
        let longer = document(size_max - document(0).len() + 1);
        assert_eq!(refused(&longer, kind).problem, PolicyProblem::TooLong, "{kind:?}");
        let spaced = format!("{longest} \n");
        assert_eq!(Policy::parse(&spaced, kind).is_err(), counts_space, "{kind:?}");
    }
    // The limit of a resource policy is one of bytes.
    let document =
        format!(r#"{{"Id":"{}","Statement":{}}}"#, "ü".repeat(10_240), statement(PolicyKind::Resource));
    assert_eq!(refused(&document, PolicyKind::Resource).problem, PolicyProblem::TooLong);
}

#[test]
fn a_document_too_long_is_not_read() {
    // Neither JSON nor of allowed characters: only its length can have been looked at.
    for kind in EVERY_KIND {
        let error = refused(&"\u{0}".repeat(kind.size_max() + 1), kind);
        assert_eq!(error.problem, PolicyProblem::TooLong, "{kind:?}");
        let spaces = " ".repeat(DOCUMENT_BYTES_MAX + 1);
        assert_eq!(refused(&spaces, kind).problem, PolicyProblem::TooLong, "{kind:?}");
    }
}

#[test]
fn deep_nesting_is_refused_at_its_beginning() {
    for (open, close) in [("[", "]"), ("{\"a\":", "}")] {
        for kind in EVERY_KIND {
            let levels = kind.size_max() / 7;
            let text = format!("{{\"Statement\":{}1{}}}", open.repeat(levels), close.repeat(levels));
            let error = refused(&text, kind);
            assert_eq!(error.problem, PolicyProblem::Syntax, "{kind:?}");
            assert!(error.line_and_column.is_some_and(|(_, column)| column < 200), "{kind:?}: {error}");
        }
    }
}

#[test]
fn ten_thousand_statements_are_too_long_for_every_kind() {
    for kind in EVERY_KIND {
        for statement in [statement(kind), "{}"] {
            let text = format!("{{\"Statement\":[{}]}}", vec![statement; 10_000].join(","));
            assert_eq!(refused(&text, kind).problem, PolicyProblem::TooLong, "{kind:?}");
        }
    }
}

#[test]
fn as_many_statements_as_fit_are_read() {
    let kind = PolicyKind::Resource;
    let count = (kind.size_max() - 20) / (statement(kind).len() + 1);
    let text = format!("{{\"Statement\":[{}]}}", vec![statement(kind); count].join(","));
    assert!(count > 300);
    assert!(Policy::parse(&text, kind).is_ok());
}

#[test]
fn a_refusal_repeats_little_of_the_document() {
    let long = "x".repeat(1_500);
    let good = r#""Effect": "Allow", "Action": "a:B", "Resource": "*""#;
    for members in [
        format!(r#""{long}": 1"#),
        format!(r#"{good}, "Sid": "{long} ""#),
        format!(r#""Effect": "{long}", "Action": "a:B", "Resource": "*""#),
        format!(r#""Effect": "Allow", "Action": "{long}", "Resource": "*""#),
        format!(r#""Effect": "Allow", "Action": "a:B", "Resource": "{long}""#),
        format!(r#""Effect": "Allow", "Action": "a:B", "Resource": "arn:a:b:c:d:${{{long}}}""#),
        format!(r#"{good}, "Condition": {{"{long}": {{}}}}"#),
        format!(r#"{good}, "Condition": {{"Bool": {{"{long}": true}}}}"#),
        format!(r#"{good}, "Condition": {{"Bool": {{"a:{long}": "{long}"}}}}"#),
        format!(r#"{good}, "{long}": 1, "{long}": 2"#),
        format!(r#"{good} "{long}""#),
    ] {
        let error = refused(&second(&members), PolicyKind::Managed).to_string();
        assert!(error.len() < 400, "{error}");
    }
}

#[test]
fn a_resource_policy_can_be_held_to_its_table() {
    let table = "arn:aws:dynamodb:r:111122223333:table/t";
    let policy = |resource: &str| {
        let text = format!(
            r#"{{"Statement": {{"Effect": "Deny", "Principal": "*", "Action": "*", "Resource": ["{table}", "{resource}"]}}}}"#
        );
        Policy::parse(&text, PolicyKind::Resource).unwrap()
    };
    for (resource, within) in [
        (table.to_owned(), true),
        (format!("{table}/index/*"), true),
        (format!("{table}/*"), true),
        (format!("{table}*"), false),
        (format!("{table}2"), false),
        (format!("{table}2/index/i"), false),
        ("*".to_owned(), false),
        ("arn:aws:dynamodb:*:111122223333:table/t".to_owned(), false),
    ] {
        let checked = policy(&resource).check_resources_within(table);
        assert_eq!(checked.is_ok(), within, "{resource}");
        if let Err(error) = checked {
            assert_eq!(error.place, "Statement[0].Resource");
        }
    }
}
