//! A slow, obviously correct evaluator: it reads the documents' JSON anew for each question, tries every way a
//! wildcard can match, and shares nothing with the evaluator it checks.

use std::collections::BTreeMap;

use serde_json::Value;

/// The request: who, what, to which, and its keys in lower case. A multi-valued key has a list.
#[derive(Clone, Debug)]
pub struct Request {
    pub arn: String,
    pub role: Option<String>,
    pub account: String,
    pub is_root: bool,
    pub action: String,
    pub resource: String,
    pub resource_account: String,
    pub keys: BTreeMap<String, KeyValue>,
}

#[derive(Clone, Debug)]
pub enum KeyValue {
    One(String),
    Many(Vec<String>),
}

/// The documents that apply.
#[derive(Clone, Debug)]
pub struct Documents {
    pub identity: Vec<Value>,
    pub boundary: Option<Value>,
    pub session: Option<Value>,
    pub resource: Option<Value>,
}

/// The answer, by its kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Answer {
    Allowed,
    Explicit,
    NoBoundary,
    NoSession,
    NoIdentity,
    NoResource,
}

pub fn evaluate(documents: &Documents, request: &Request) -> Answer {
    let same = request.account == request.resource_account;
    let own: Vec<&Value> =
        documents.identity.iter().chain(&documents.boundary).chain(&documents.session).collect();
    let denied = |policy: &Value| statements(policy).any(|at| matches(policy, at, "Deny", request));
    let allowed = |policy: &Value| statements(policy).any(|at| matches(policy, at, "Allow", request));
    let resource_denies = documents.resource.as_ref().is_some_and(denied);
    let resource_allows = documents.resource.as_ref().is_some_and(allowed);
    if request.is_root {
        let action = request.action.to_lowercase();
        if same && (action == "dynamodb:deleteresourcepolicy" || action == "dynamodb:putresourcepolicy") {
            return Answer::Allowed;
        }
        return match (resource_denies, same || resource_allows) {
            (true, _) => Answer::Explicit,
            (false, true) => Answer::Allowed,
            (false, false) => Answer::NoResource,
        };
    }
    if own.into_iter().any(denied) || resource_denies {
        return Answer::Explicit;
    }
    let naming = |wanted: &[&str]| {
        documents.resource.as_ref().is_some_and(|policy| {
            statements(policy).any(|at| {
                matches(policy, at, "Allow", request) && wanted.contains(&how_named(policy, at, request))
            })
        })
    };
    if same && naming(&["directly"]) {
        return Answer::Allowed;
    }
    if documents.boundary.as_ref().is_some_and(|policy| !allowed(policy)) {
        return Answer::NoBoundary;
    }
    if documents.session.as_ref().is_some_and(|policy| !allowed(policy)) {
        return Answer::NoSession;
    }
    let identity = documents.identity.iter().any(allowed);
    match (same, identity) {
        (true, true) => Answer::Allowed,
        (true, false) if naming(&["broadly", "directly"]) => Answer::Allowed,
        (_, false) => Answer::NoIdentity,
        (false, true) if resource_allows => Answer::Allowed,
        (false, true) => Answer::NoResource,
    }
}

/// The numbers of a policy's statements.
pub fn statements(policy: &Value) -> impl Iterator<Item = usize> {
    0..listed(&policy["Statement"]).len()
}

fn listed(value: &Value) -> Vec<&Value> {
    match value {
        Value::Array(values) => values.iter().collect(),
        Value::Null => Vec::new(),
        value => vec![value],
    }
}

fn texts(value: &Value) -> Vec<String> {
    let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    listed(value).into_iter().map(text).collect()
}

/// Whether a statement has this effect on the request. Something undecided counts for a Deny only.
pub fn matches(policy: &Value, at: usize, effect: &str, request: &Request) -> bool {
    let statement = listed(&policy["Statement"])[at];
    if statement["Effect"] != effect {
        return false;
    }
    let variables = policy["Version"] == "2012-10-17";
    let aspects = [
        action_matches(statement, request),
        resource_matches(statement, variables, request),
        Some(how_named(policy, at, request) != "not"),
        conditions_match(statement, variables, effect, request),
    ];
    if aspects.contains(&Some(false)) {
        return false;
    }
    effect == "Deny" || !aspects.contains(&None)
}

fn action_matches(statement: &Value, request: &Request) -> Option<bool> {
    let action: Vec<char> = request.action.to_lowercase().chars().collect();
    let named = |value: &Value| {
        texts(value)
            .iter()
            .any(|text| like(&expand(&text.to_lowercase(), true, false, request).unwrap(), &action))
    };
    Some(if statement["Action"].is_null() {
        !named(&statement["NotAction"])
    } else {
        named(&statement["Action"])
    })
}

fn resource_matches(statement: &Value, variables: bool, request: &Request) -> Option<bool> {
    let resource: Vec<char> = request.resource.chars().collect();
    let (value, negated) = match &statement["Resource"] {
        Value::Null => (&statement["NotResource"], true),
        value => (value, false),
    };
    let patterns: Vec<Option<Vec<Token>>> =
        texts(value).iter().map(|text| expand(text, true, variables, request)).collect();
    let named = patterns.iter().flatten().any(|pattern| like(pattern, &resource));
    match (named, negated, patterns.contains(&None)) {
        (true, negated, _) => Some(!negated),
        (false, true, true) => None,
        (false, negated, _) => Some(negated),
    }
}

/// How a statement names the caller: not, by account, broadly, or directly.
fn how_named(policy: &Value, at: usize, request: &Request) -> &'static str {
    let statement = listed(&policy["Statement"])[at];
    if statement["Principal"].is_null() && statement["NotPrincipal"].is_null() {
        return "directly";
    }
    let (value, negated) = match &statement["Principal"] {
        Value::Null => (&statement["NotPrincipal"], true),
        value => (value, false),
    };
    let names = if value == "*" { vec!["*".to_owned()] } else { texts(&value["AWS"]) };
    let root = format!("arn:aws:iam::{}:root", request.account);
    let how = if names.contains(&request.arn) && !request.is_root {
        "directly"
    } else if names.iter().any(|name| name == "*" || Some(name) == request.role.as_ref()) {
        "broadly"
    } else if names.iter().any(|name| *name == request.account || *name == root) {
        "by account"
    } else {
        "not"
    };
    match (negated, how) {
        (false, how) => how,
        (true, "not") => "broadly",
        (true, _) => "not",
    }
}

fn conditions_match(statement: &Value, variables: bool, effect: &str, request: &Request) -> Option<bool> {
    let Value::Object(operators) = &statement["Condition"] else { return Some(true) };
    let mut all = Vec::new();
    for (operator, keys) in operators {
        for (key, values) in keys.as_object().unwrap() {
            all.push(condition_matches(operator, key, &texts(values), variables, effect, request));
        }
    }
    every(all)
}

fn every(truths: Vec<Option<bool>>) -> Option<bool> {
    if truths.contains(&Some(false)) {
        return Some(false);
    }
    if truths.contains(&None) { None } else { Some(true) }
}

fn some(truths: Vec<Option<bool>>) -> Option<bool> {
    if truths.contains(&Some(true)) {
        return Some(true);
    }
    if truths.contains(&None) { None } else { Some(false) }
}

fn condition_matches(
    operator: &str,
    key: &str,
    wanted: &[String],
    variables: bool,
    effect: &str,
    request: &Request,
) -> Option<bool> {
    let mut key = key.to_lowercase();
    if key == "dynamodb:firstpartitionkeyvalues" {
        key = "dynamodb:leadingkeys".to_owned();
    }
    let values = match request.keys.get(&key) {
        None => Vec::new(),
        Some(KeyValue::One(value)) => vec![value.clone()],
        Some(KeyValue::Many(values)) => values.clone(),
    };
    if operator == "Null" {
        return Some(wanted.contains(&values.is_empty().to_string()));
    }
    let (prefix, name) = operator.split_once(':').map_or(("", operator), |(prefix, name)| (prefix, name));
    let plain = name.replace("IfExists", "");
    let negated = plain.contains("Not");
    let positive = plain.replace("Not", "");
    if values.is_empty() {
        return Some(
            name.ends_with("IfExists") || prefix == "ForAllValues" || (prefix.is_empty() && negated),
        );
    }
    let passes = |value: &String| {
        let found: Vec<Option<bool>> =
            wanted.iter().map(|wanted| compare(&positive, wanted, value, variables, request)).collect();
        match (found.contains(&Some(true)), negated) {
            (true, negated) => Some(!negated),
            // An unreadable value, or a variable without a value.
            (false, true) if found.contains(&None) => None,
            (false, false) if found.contains(&None) && !is_text(&positive) => None,
            (false, negated) => Some(negated),
        }
    };
    let passing: Vec<Option<bool>> = values.iter().map(passes).collect();
    match prefix {
        "ForAllValues" => every(passing),
        "ForAnyValue" => some(passing),
        _ if effect == "Allow" => every(passing),
        _ => some(passing),
    }
}

fn is_text(operator: &str) -> bool {
    operator.starts_with("String") || operator.starts_with("Arn")
}

/// Whether a value of the request matches one of the policy, by an operator without `Not`.
fn compare(operator: &str, wanted: &str, value: &str, variables: bool, request: &Request) -> Option<bool> {
    let letters = |text: &str| -> Vec<char> { text.chars().collect() };
    let text = |wildcards: bool| expand(wanted, wildcards, variables, request);
    Some(match operator {
        "StringEquals" => like(&text(false)?, &letters(value)),
        "StringLike" => like(&text(true)?, &letters(value)),
        "StringEqualsIgnoreCase" => {
            let lower: Vec<Token> = text(false)?
                .into_iter()
                .map(|token| match token {
                    Token::Letter(letter) => Token::Letter(letter.to_ascii_lowercase()),
                    token => token,
                })
                .collect();
            like(&lower, &letters(&value.to_ascii_lowercase()))
        }
        "ArnEquals" | "ArnLike" => {
            let tokens = text(true)?;
            if tokens == [Token::Many] {
                return Some(true);
            }
            let parts: Vec<&[Token]> = tokens.splitn(6, |token| *token == Token::Letter(':')).collect();
            let own: Vec<&str> = value.splitn(6, ':').collect();
            parts.len() == 6
                && own.len() == 6
                && parts.iter().zip(own).all(|(part, own)| like(part, &letters(own)))
        }
        "Bool" => {
            let value = value.to_lowercase();
            if value != "true" && value != "false" {
                return None;
            }
            value == wanted.to_lowercase()
        }
        // Each of the binaries here is written in one way only.
        "BinaryEquals" if value.chars().any(|letter| !letter.is_ascii_alphanumeric() && letter != '=') => {
            return None;
        }
        "BinaryEquals" if !value.len().is_multiple_of(4) => return None,
        "BinaryEquals" => value == wanted,
        "IpAddress" => {
            let (range, bits) = match wanted.split_once('/') {
                Some((range, bits)) => (range, bits.parse().unwrap()),
                None => (wanted, usize::MAX),
            };
            let (range, own) = (address_bits(range).unwrap(), address_bits(value)?);
            range.len() == own.len()
                && range.chars().zip(own.chars()).take(bits).all(|(one, other)| one == other)
        }
        numeric if numeric.starts_with("Numeric") => {
            let (own, wanted) = (number(value)?, number(wanted).unwrap());
            ordered(numeric.trim_start_matches("Numeric"), own, wanted)
        }
        dated if dated.starts_with("Date") => {
            let (own, wanted) = (seconds(value)?, seconds(wanted).unwrap());
            ordered(dated.trim_start_matches("Date"), own, wanted)
        }
        other => panic!("{other} is not known"),
    })
}

fn ordered<T: PartialOrd>(order: &str, own: T, wanted: T) -> bool {
    match order {
        "Equals" => own == wanted,
        "LessThan" => own < wanted,
        "LessThanEquals" => own <= wanted,
        "GreaterThan" => own > wanted,
        "GreaterThanEquals" => own >= wanted,
        other => panic!("{other} is not known"),
    }
}

fn number(text: &str) -> Option<f64> {
    text.chars().all(|letter| "0123456789.-".contains(letter)).then(|| text.parse().ok()).flatten()
}

/// The dates that are drawn, in seconds.
fn seconds(text: &str) -> Option<i64> {
    match text {
        "2026-01-01T00:00:00Z" | "2026-01-01" | "2026-01-01T01:00:00+01:00" => Some(1_767_225_600),
        "2026-01-02T00:00:00Z" => Some(1_767_312_000),
        "2025-12-31" => Some(1_767_139_200),
        text => text.parse().ok(),
    }
}

fn address_bits(text: &str) -> Option<String> {
    let octets = match text.parse().ok()? {
        std::net::IpAddr::V4(address) => address.octets().to_vec(),
        std::net::IpAddr::V6(address) => address.octets().to_vec(),
    };
    Some(octets.iter().map(|octet| format!("{octet:08b}")).collect())
}

#[derive(Clone, Debug, PartialEq)]
enum Token {
    Letter(char),
    One,
    Many,
}

/// A pattern, letter by letter, its variables filled in; nothing if the request lacks one.
fn expand(text: &str, wildcards: bool, variables: bool, request: &Request) -> Option<Vec<Token>> {
    let mut tokens = Vec::new();
    let mut at = 0;
    while at < text.len() {
        let rest = &text[at..];
        if variables && rest.starts_with("${") {
            let end = rest.find('}').unwrap();
            let body = &rest[2..end];
            at += end + 1;
            if ["*", "?", "$"].contains(&body) {
                tokens.push(Token::Letter(body.chars().next().unwrap()));
                continue;
            }
            let (key, default) = match body.find(',') {
                Some(comma) => (&body[..comma], Some(body[comma + 1..].trim().trim_matches('\''))),
                None => (body, None),
            };
            let value = match request.keys.get(&key.to_lowercase()) {
                Some(KeyValue::One(value)) => value.clone(),
                Some(KeyValue::Many(_)) | None => default?.to_owned(),
            };
            tokens.extend(value.chars().map(Token::Letter));
            continue;
        }
        let letter = rest.chars().next().unwrap();
        at += letter.len_utf8();
        tokens.push(match letter {
            '*' if wildcards => Token::Many,
            '?' if wildcards => Token::One,
            letter => Token::Letter(letter),
        });
    }
    Some(tokens)
}

/// Tries everything.
fn like(pattern: &[Token], text: &[char]) -> bool {
    match (pattern.first(), text.first()) {
        (None, None) => true,
        (None, Some(_)) => false,
        (Some(Token::Many), _) => {
            like(&pattern[1..], text) || (!text.is_empty() && like(pattern, &text[1..]))
        }
        (Some(Token::One), Some(_)) => like(&pattern[1..], &text[1..]),
        (Some(Token::Letter(letter)), Some(own)) if letter == own => like(&pattern[1..], &text[1..]),
        (Some(Token::One | Token::Letter(_)), _) => false,
    }
}
