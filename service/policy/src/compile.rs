//! From a document's JSON to statements: everything that could not be evaluated exactly as written is refused here,
//! with its place.

use std::collections::HashSet;

use crate::condition::{Condition, Operator};
use crate::error::{PolicyError, PolicyProblem, quoted};
use crate::json::{self, Node};
use crate::kind::PolicyKind;
use crate::pattern::{Pattern, Syntax, arn_parts};
use crate::principal::{Named, Principals};
use crate::statement::{Effect, Listed, Statement};
use crate::verdict::Needs;

/// The parts of a document that its statements depend on.
#[derive(Clone, Copy)]
struct Dialect {
    kind: PolicyKind,
    /// Whether `${…}` means anything.
    variables: bool,
}

/// A string of the document and where it stands.
struct Placed {
    place: String,
    text: String,
}

/// Compiles a document of an admissible size.
pub(crate) fn compile(text: &str, kind: PolicyKind) -> Result<Vec<Statement>, PolicyError> {
    check_characters(text)?;
    let Node::Object(members) = json::read(text)? else {
        return Err(PolicyError::malformed("", "a policy is an object"));
    };
    let mut variables = false;
    let mut statements = None;
    for (name, value) in members {
        match (name.as_str(), value) {
            ("Version", Node::String(version)) if version == "2012-10-17" => variables = true,
            ("Version", Node::String(version)) if version == "2008-10-17" => {}
            ("Version", _) => {
                return Err(PolicyError::malformed(name, "the version is \"2012-10-17\" or \"2008-10-17\""));
            }
            ("Id", Node::String(_)) => {}
            ("Id", value) => return Err(not_a("string", &value, name)),
            ("Statement", value) => statements = Some(value),
            _ => return Err(unknown_member("", &name)),
        }
    }
    let statements = match statements {
        Some(Node::List(statements)) => statements,
        Some(statement @ Node::Object(_)) => vec![statement],
        Some(value) => return Err(not_a("statement or a list of them", &value, "Statement")),
        None => return Err(PolicyError::malformed("", "member \"Statement\" is missing")),
    };
    if statements.is_empty() {
        return Err(PolicyError::malformed("Statement", "a policy has at least one statement"));
    }
    let dialect = Dialect { kind, variables };
    let mut sids = HashSet::new();
    let mut compiled = Vec::with_capacity(statements.len());
    for (number, statement) in statements.into_iter().enumerate() {
        let place = format!("Statement[{number}]");
        let statement = dialect.statement(statement, &place)?;
        if let Some(sid) = &statement.sid
            && !sids.insert(sid.clone())
        {
            return Err(PolicyError::malformed(
                format!("{place}.Sid"),
                format!("another statement is named {} too", quoted(sid)),
            ));
        }
        compiled.push(statement);
    }
    Ok(compiled)
}

/// Documents consist of tab, line feed, carriage return and U+0020 to U+00FF; other characters can be had in strings
/// by JSON's escapes.
fn check_characters(text: &str) -> Result<(), PolicyError> {
    let (mut line, mut column) = (1, 0);
    for character in text.chars() {
        column += 1;
        match character {
            '\n' => (line, column) = (line + 1, 0),
            '\t' | '\r' | '\u{20}'..='\u{ff}' => {}
            _ => {
                return Err(PolicyError {
                    problem: PolicyProblem::Syntax,
                    place: String::new(),
                    message: format!("character U+{:04X} is not allowed", u32::from(character)),
                    line_and_column: Some((line, column)),
                });
            }
        }
    }
    Ok(())
}

fn not_a(what: &str, found: &Node, place: impl Into<String>) -> PolicyError {
    PolicyError::malformed(place, format!("a {what} is needed here, not {}", found.described()))
}

fn unknown_member(place: &str, name: &str) -> PolicyError {
    PolicyError::malformed(place, format!("member {} is unknown", quoted(name)))
}

/// The members of a statement, before they are looked into.
#[derive(Default)]
struct Members {
    sid: Option<Node>,
    effect: Option<Node>,
    action: Option<(bool, Node)>,
    resource: Option<(bool, Node)>,
    principal: Option<(bool, Node)>,
    condition: Option<Node>,
}

impl Members {
    fn sort(members: Vec<(String, Node)>, place: &str) -> Result<Self, PolicyError> {
        let mut sorted = Self::default();
        for (name, value) in members {
            let (slot, negated) = match name.as_str() {
                "Sid" => {
                    sorted.sid = Some(value);
                    continue;
                }
                "Effect" => {
                    sorted.effect = Some(value);
                    continue;
                }
                "Condition" => {
                    sorted.condition = Some(value);
                    continue;
                }
                "Action" => (&mut sorted.action, false),
                "NotAction" => (&mut sorted.action, true),
                "Resource" => (&mut sorted.resource, false),
                "NotResource" => (&mut sorted.resource, true),
                "Principal" => (&mut sorted.principal, false),
                "NotPrincipal" => (&mut sorted.principal, true),
                _ => return Err(unknown_member(place, &name)),
            };
            if slot.replace((negated, value)).is_some() {
                let plain = name.strip_prefix("Not").unwrap_or(&name);
                return Err(PolicyError::malformed(
                    place,
                    format!("a statement has either {plain} or Not{plain}, not both"),
                ));
            }
        }
        Ok(sorted)
    }
}

impl Dialect {
    fn statement(self, node: Node, place: &str) -> Result<Statement, PolicyError> {
        let Node::Object(members) = node else { return Err(not_a("statement", &node, place)) };
        let members = Members::sort(members, place)?;
        let missing =
            |what: &str| PolicyError::malformed(place, format!("the statement lacks {what} or Not{what}"));

        let sid = members.sid.map(|sid| self.sid(sid, place)).transpose()?.filter(|sid| !sid.is_empty());
        let effect = match members.effect {
            Some(Node::String(effect)) if effect == "Allow" => Effect::Allow,
            Some(Node::String(effect)) if effect == "Deny" => Effect::Deny,
            Some(_) => {
                return Err(PolicyError::malformed(
                    format!("{place}.Effect"),
                    "the effect is \"Allow\" or \"Deny\", spelled so",
                ));
            }
            None => return Err(PolicyError::malformed(place, "member \"Effect\" is missing")),
        };
        let (negated, actions) = members.action.ok_or_else(|| missing("Action"))?;
        let actions = self.actions(negated, actions, place)?;
        let resources = match (self.kind.has_resources(), members.resource) {
            (true, Some((negated, resources))) => Some(self.resources(negated, resources, place)?),
            (true, None) => return Err(missing("Resource")),
            (false, None) => None,
            (false, Some(_)) => {
                return Err(PolicyError::malformed(
                    place,
                    "a trust policy is about the role it belongs to and names no resource",
                ));
            }
        };
        let principals = match (self.kind.has_principals(), members.principal) {
            (true, Some((negated, principals))) => Some(principals_of(negated, principals, place)?),
            (true, None) => return Err(missing("Principal")),
            (false, None) => None,
            (false, Some(_)) => {
                return Err(PolicyError::malformed(
                    place,
                    "an identity-based policy is about whom it is attached to and names no principal",
                ));
            }
        };
        let conditions = match members.condition {
            Some(conditions) => self.conditions(conditions, &format!("{place}.Condition"))?,
            None => Box::default(),
        };
        let statement = Statement {
            effect,
            sid: sid.map(Into::into),
            actions,
            resources,
            principals,
            conditions,
            needs: Needs::default(),
        };
        Ok(statement.with_needs())
    }

    fn sid(self, node: Node, place: &str) -> Result<String, PolicyError> {
        let place = format!("{place}.Sid");
        let Node::String(sid) = node else { return Err(not_a("string", &node, place)) };
        let free = self.kind.has_principals();
        if !free && !sid.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
            return Err(PolicyError::malformed(place, "a Sid consists of ASCII letters and digits"));
        }
        Ok(sid)
    }

    fn actions(self, negated: bool, node: Node, place: &str) -> Result<Listed, PolicyError> {
        let syntax = Syntax { wildcards: true, variables: false };
        let mut patterns = Vec::new();
        for Placed { place, text } in strings(node, member_place(place, negated, "Action"))? {
            let action = text.to_ascii_lowercase();
            if !is_action(&action) {
                let message = format!("{} is not an action (service:Name)", quoted(&text));
                return Err(PolicyError::malformed(place, message));
            }
            if self.kind == PolicyKind::Trust && !action.starts_with("sts:") {
                let message = format!("a trust policy is about actions of sts, not {}", quoted(&text));
                return Err(PolicyError::malformed(place, message));
            }
            let pattern =
                Pattern::parse(&action, syntax).map_err(|message| PolicyError::malformed(place, message))?;
            patterns.push(pattern);
        }
        Ok(Listed { negated, patterns: patterns.into() })
    }

    fn resources(self, negated: bool, node: Node, place: &str) -> Result<Listed, PolicyError> {
        let syntax = Syntax { wildcards: true, variables: self.variables };
        let mut patterns = Vec::new();
        for Placed { place, text } in strings(node, member_place(place, negated, "Resource"))? {
            let pattern = match Pattern::parse(&text, syntax) {
                Ok(pattern) => pattern,
                Err(message) => return Err(PolicyError::malformed(place, message)),
            };
            let is_arn = text.starts_with("arn:") && arn_parts(&pattern.loose_pieces()).is_some();
            if text != "*" && !is_arn {
                let message = format!("{} is neither an ARN of six parts nor \"*\"", quoted(&text));
                return Err(PolicyError::malformed(place, message));
            }
            patterns.push(pattern);
        }
        Ok(Listed { negated, patterns: patterns.into() })
    }

    fn conditions(self, node: Node, place: &str) -> Result<Box<[Condition]>, PolicyError> {
        let Node::Object(operators) = node else { return Err(not_a("map of operators", &node, place)) };
        let mut conditions = Vec::new();
        for (written, keys) in operators {
            let operator =
                Operator::parse(&written).map_err(|message| PolicyError::malformed(place, message))?;
            let place = format!("{place}.{written}");
            let Node::Object(keys) = keys else { return Err(not_a("map of keys", &keys, place)) };
            if keys.is_empty() {
                return Err(PolicyError::malformed(place, "an operator has at least one key"));
            }
            let mut seen = HashSet::new();
            for (key, values) in keys {
                if !is_condition_key(&key) {
                    let message = format!("{} is not a condition key (prefix:name)", quoted(&key));
                    return Err(PolicyError::malformed(place, message));
                }
                if !seen.insert(key.to_ascii_lowercase()) {
                    let message = format!("key {} appears twice", quoted(&key));
                    return Err(PolicyError::malformed(place, message));
                }
                let place = format!("{place}[{}]", quoted(&key));
                let values = scalars(values, &place)?;
                let condition = Condition::compile(operator, &written, &key, &values, self.variables)
                    .map_err(|message| PolicyError::malformed(place, message))?;
                conditions.push(condition);
            }
        }
        Ok(conditions.into())
    }
}

fn principals_of(negated: bool, node: Node, place: &str) -> Result<Principals, PolicyError> {
    let place = member_place(place, negated, "Principal");
    let mut named = Vec::new();
    match node {
        Node::String(text) if text == "*" => named.push(Named::Everyone),
        Node::Object(types) if !types.is_empty() => {
            for (kind, names) in types {
                if !matches!(kind.as_str(), "AWS" | "Service" | "Federated" | "CanonicalUser") {
                    let message = format!("{} is not a kind of principal", quoted(&kind));
                    return Err(PolicyError::malformed(place, message));
                }
                for Placed { place, text } in strings(names, format!("{place}.{kind}"))? {
                    named.push(match kind.as_str() {
                        "AWS" => Named::parse_aws(&text).ok_or_else(|| {
                            let message = format!(
                                "{} is not an account id, the ARN of a root, user, role or session, or \"*\"",
                                quoted(&text)
                            );
                            PolicyError::malformed(place, message)
                        })?,
                        _ if text.is_empty() || text.contains(['*', '?']) => {
                            let message = format!("{} is not the name of one principal", quoted(&text));
                            return Err(PolicyError::malformed(place, message));
                        }
                        "Federated" => Named::Provider(text.into()),
                        _ => Named::Other,
                    });
                }
            }
        }
        node => return Err(not_a("map of principals or \"*\"", &node, place)),
    }
    Ok(Principals { negated, named: named.into() })
}

fn member_place(place: &str, negated: bool, name: &str) -> String {
    format!("{place}.{}{name}", if negated { "Not" } else { "" })
}

/// A string, or a list of at least one.
fn strings(node: Node, place: String) -> Result<Vec<Placed>, PolicyError> {
    match node {
        Node::String(text) => Ok(vec![Placed { place, text }]),
        Node::List(elements) if elements.is_empty() => {
            Err(PolicyError::malformed(place, "the list is empty; it needs at least one string"))
        }
        Node::List(elements) => elements
            .into_iter()
            .enumerate()
            .map(|(at, element)| {
                let place = format!("{place}[{at}]");
                match element {
                    Node::String(text) => Ok(Placed { place, text }),
                    element => Err(not_a("string", &element, place)),
                }
            })
            .collect(),
        node => Err(not_a("string or a list of strings", &node, place)),
    }
}

/// The values of a condition: strings, numbers and booleans, each as its text.
fn scalars(node: Node, place: &str) -> Result<Vec<String>, PolicyError> {
    let scalar = |node: Node| match node {
        Node::String(text) | Node::Number(text) => Ok(text),
        Node::Bool(value) => Ok(value.to_string()),
        node => Err(not_a("string, number or boolean", &node, place)),
    };
    match node {
        Node::List(elements) if elements.is_empty() => {
            Err(PolicyError::malformed(place, "the list is empty; it needs at least one value"))
        }
        Node::List(elements) => elements.into_iter().map(scalar).collect(),
        node => scalar(node).map(|text| vec![text]),
    }
}

/// Whether a pattern in lower case has the shape of an action: `*`, or a service and a name with wildcards.
fn is_action(action: &str) -> bool {
    if action == "*" {
        return true;
    }
    let Some((service, name)) = action.split_once(':') else { return false };
    let is_service = service == "*"
        || (!service.is_empty() && service.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-'));
    let is_name = !name.is_empty()
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'*' | b'?' | b'_' | b'-'));
    is_service && is_name
}

/// Whether a name has the shape of a condition key: a prefix, `:` and a name.
fn is_condition_key(key: &str) -> bool {
    key.split_once(':').is_some_and(|(prefix, name)| !prefix.is_empty() && !name.is_empty())
        && !key.contains(['$', '{', '}', '*', '?'])
}

#[cfg(test)]
mod tests;
