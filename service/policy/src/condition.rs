//! Conditions: an operator, a key of the request, and the values it is compared with.
//!
//! Where IAM's rules leave something open, the answer is the one that forbids:
//! - A value of the request that the operator cannot read makes a condition neither hold nor fail: an Allow with it
//!   does not match, a Deny with it does.
//! - So does a negated operator whose policy variable the request lacks. (A positive one matches nothing then.)
//! - A key with several values under an operator without a set prefix: of an Allow, every value must pass; of a Deny,
//!   one is enough.

use std::cmp::Ordering;

use jiff::Timestamp;

use crate::error::quoted;
use crate::pattern::{Match, Pattern, Syntax, arn_matches, arn_parts, condition_key};
use crate::question::{Context, ContextValue};
use crate::statement::Effect;
use crate::truth::Truth;
use crate::value::{Decimal, IpRange, binary, boolean, date, ip_address};

/// One key under one operator.
#[derive(Clone, Debug)]
pub(crate) struct Condition {
    /// As contexts are asked for it.
    pub(crate) key: Box<str>,
    /// As written.
    pub(crate) key_written: Box<str>,
    /// As written.
    pub(crate) operator_written: Box<str>,
    operator: Operator,
    test: Test,
}

/// An operator's spelling, taken apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Operator {
    quantifier: Option<Quantifier>,
    base: Base,
    if_exists: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Quantifier {
    ForAllValues,
    ForAnyValue,
}

/// An operator without its prefix and suffix: what it compares, and whether it is a `Not…`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Base {
    comparison: Comparison,
    negated: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Comparison {
    Text,
    TextIgnoreCase,
    TextLike,
    Arn,
    Number(Order),
    Date(Order),
    Bool,
    Binary,
    Ip,
    Null,
}

/// How a request's value must stand to a policy's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Order {
    Equal,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

impl Order {
    fn admits(self, ordering: Ordering) -> bool {
        match self {
            Self::Equal => ordering.is_eq(),
            Self::Less => ordering.is_lt(),
            Self::LessOrEqual => ordering.is_le(),
            Self::Greater => ordering.is_gt(),
            Self::GreaterOrEqual => ordering.is_ge(),
        }
    }
}

/// The values of a policy, read as its operator compares them.
#[derive(Clone, Debug)]
enum Test {
    Text(Box<[Pattern]>),
    TextIgnoreCase(Box<[Pattern]>),
    Arn(Box<[Pattern]>),
    Number(Order, Box<[Decimal]>),
    Date(Order, Box<[Timestamp]>),
    Bool(Box<[bool]>),
    Binary(Box<[Vec<u8>]>),
    Ip(Box<[IpRange]>),
    Null(Box<[bool]>),
}

impl Operator {
    /// Reads an operator, or says what is wrong with it.
    pub(crate) fn parse(written: &str) -> Result<Self, String> {
        let (quantifier, rest) = if let Some(rest) = written.strip_prefix("ForAllValues:") {
            (Some(Quantifier::ForAllValues), rest)
        } else if let Some(rest) = written.strip_prefix("ForAnyValue:") {
            (Some(Quantifier::ForAnyValue), rest)
        } else {
            (None, written)
        };
        let (name, if_exists) = match rest.strip_suffix("IfExists") {
            Some(name) => (name, true),
            None => (rest, false),
        };
        let base = Base::parse(name).ok_or_else(|| format!("{} is not an operator", quoted(written)))?;
        if base.comparison == Comparison::Null && (if_exists || quantifier.is_some()) {
            return Err("Null takes neither IfExists nor a set prefix".to_owned());
        }
        Ok(Self { quantifier, base, if_exists })
    }
}

impl Base {
    fn parse(name: &str) -> Option<Self> {
        let (comparison, negated) = match name {
            "StringEquals" => (Comparison::Text, false),
            "StringNotEquals" => (Comparison::Text, true),
            "StringEqualsIgnoreCase" => (Comparison::TextIgnoreCase, false),
            "StringNotEqualsIgnoreCase" => (Comparison::TextIgnoreCase, true),
            "StringLike" => (Comparison::TextLike, false),
            "StringNotLike" => (Comparison::TextLike, true),
            "NumericEquals" => (Comparison::Number(Order::Equal), false),
            "NumericNotEquals" => (Comparison::Number(Order::Equal), true),
            "NumericLessThan" => (Comparison::Number(Order::Less), false),
            "NumericLessThanEquals" => (Comparison::Number(Order::LessOrEqual), false),
            "NumericGreaterThan" => (Comparison::Number(Order::Greater), false),
            "NumericGreaterThanEquals" => (Comparison::Number(Order::GreaterOrEqual), false),
            "DateEquals" => (Comparison::Date(Order::Equal), false),
            "DateNotEquals" => (Comparison::Date(Order::Equal), true),
            "DateLessThan" => (Comparison::Date(Order::Less), false),
            "DateLessThanEquals" => (Comparison::Date(Order::LessOrEqual), false),
            "DateGreaterThan" => (Comparison::Date(Order::Greater), false),
            "DateGreaterThanEquals" => (Comparison::Date(Order::GreaterOrEqual), false),
            "Bool" => (Comparison::Bool, false),
            "BinaryEquals" => (Comparison::Binary, false),
            "IpAddress" => (Comparison::Ip, false),
            "NotIpAddress" => (Comparison::Ip, true),
            "ArnEquals" | "ArnLike" => (Comparison::Arn, false),
            "ArnNotEquals" | "ArnNotLike" => (Comparison::Arn, true),
            "Null" => (Comparison::Null, false),
            _ => return None,
        };
        Some(Self { comparison, negated })
    }
}

/// Reads every value, or says what is wrong with the first that cannot be read.
fn read_all<T>(
    values: &[String],
    what: &str,
    mut read: impl FnMut(&str) -> Option<T>,
) -> Result<Box<[T]>, String> {
    values.iter().map(|text| read(text).ok_or_else(|| format!("{} is not {what}", quoted(text)))).collect()
}

impl Condition {
    /// Compiles one key of one operator; an error is what is wrong with a value.
    pub(crate) fn compile(
        operator: Operator,
        operator_written: &str,
        key_written: &str,
        values: &[String],
        variables: bool,
    ) -> Result<Self, String> {
        let patterns = |wildcards: bool| -> Result<Box<[Pattern]>, String> {
            values.iter().map(|text| Pattern::parse(text, Syntax { wildcards, variables })).collect()
        };
        let test = match operator.base.comparison {
            Comparison::Text => Test::Text(patterns(false)?),
            Comparison::TextLike => Test::Text(patterns(true)?),
            Comparison::TextIgnoreCase => Test::TextIgnoreCase(patterns(false)?),
            Comparison::Arn => {
                let patterns = patterns(true)?;
                for (pattern, text) in patterns.iter().zip(values) {
                    // A variable may stand for several parts; what it stands for shows when it is filled in.
                    let complete = pattern.is_everything()
                        || pattern.has_variables()
                        || arn_parts(&pattern.loose_pieces()).is_some();
                    if !complete {
                        return Err(format!("{} is not an ARN of six parts", quoted(text)));
                    }
                }
                Test::Arn(patterns)
            }
            Comparison::Number(order) => Test::Number(order, read_all(values, "a number", Decimal::parse)?),
            Comparison::Date(order) => {
                Test::Date(order, read_all(values, "a date (ISO 8601 or seconds)", date)?)
            }
            Comparison::Bool => Test::Bool(read_all(values, "true or false", boolean)?),
            Comparison::Binary => Test::Binary(read_all(values, "base64", binary)?),
            Comparison::Ip => Test::Ip(read_all(values, "an IP address or a range of them", IpRange::parse)?),
            Comparison::Null => Test::Null(read_all(values, "true or false", boolean)?),
        };
        Ok(Self {
            key: condition_key(key_written),
            key_written: key_written.into(),
            operator_written: operator_written.into(),
            operator,
            test,
        })
    }

    /// The keys of the variables among the values, in lower case.
    pub(crate) fn variables(&self) -> impl Iterator<Item = &str> {
        let patterns = match &self.test {
            Test::Text(patterns) | Test::TextIgnoreCase(patterns) | Test::Arn(patterns) => &**patterns,
            _ => &[],
        };
        patterns.iter().flat_map(Pattern::variables)
    }

    /// Whether the condition holds.
    pub(crate) fn holds(&self, context: &dyn Context, effect: Effect) -> Truth {
        let value = present(context.get(&self.key));
        if let Test::Null(wanted) = &self.test {
            return wanted.contains(&value.is_none()).into();
        }
        let Operator { quantifier, base, if_exists } = self.operator;
        let Some(value) = value else {
            return match quantifier {
                _ if if_exists => true,
                Some(Quantifier::ForAllValues) => true,
                Some(Quantifier::ForAnyValue) => false,
                None => base.negated,
            }
            .into();
        };
        let passes = |value: &str| {
            let matched = self.test.matches(value, context);
            match (matched, base.negated) {
                (Tested::Yes, negated) => Truth::from(!negated),
                (Tested::No, negated) => Truth::from(negated),
                (Tested::Unresolved, false) => Truth::False,
                (Tested::Unresolved, true) | (Tested::Unreadable, _) => Truth::Unknown,
            }
        };
        let values = match &value {
            ContextValue::Unknown => return Truth::Unknown,
            ContextValue::One(value) => return passes(value),
            ContextValue::Many(values) => values.iter().map(|value| passes(value)),
        };
        let all = match quantifier {
            Some(Quantifier::ForAllValues) => true,
            Some(Quantifier::ForAnyValue) => false,
            None => effect == Effect::Allow,
        };
        if all { Truth::all(values) } else { Truth::any(values) }
    }
}

/// A key's value; a multi-valued key without values is absent.
fn present(value: Option<ContextValue<'_>>) -> Option<ContextValue<'_>> {
    value.filter(|value| !matches!(value, ContextValue::Many(values) if values.is_empty()))
}

/// Whether any of the policy's values matches one of the request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Tested {
    Yes,
    No,
    /// None does, but one has a variable that the request lacks.
    Unresolved,
    /// The request's value is not of the operator's type.
    Unreadable,
}

impl Test {
    fn matches(&self, value: &str, context: &dyn Context) -> Tested {
        let readable = match self {
            Self::Text(patterns) => {
                return any_pattern(patterns, |pattern| pattern.matches(value, context));
            }
            Self::TextIgnoreCase(patterns) => {
                return any_pattern(patterns, |pattern| {
                    pattern.with_text(context, |own| same_but_for_case(own, value).into())
                });
            }
            Self::Arn(patterns) => {
                return any_pattern(patterns, |pattern| {
                    pattern.with_pieces(context, |pieces| arn_matches(pieces, value).into())
                });
            }
            Self::Number(order, numbers) => Decimal::parse(value)
                .map(|value| numbers.iter().any(|number| order.admits(value.cmp(number)))),
            Self::Date(order, dates) => {
                date(value).map(|value| dates.iter().any(|date| order.admits(value.cmp(date))))
            }
            Self::Bool(booleans) => boolean(value).map(|value| booleans.contains(&value)),
            Self::Binary(values) => binary(value).map(|value| values.contains(&value)),
            Self::Ip(ranges) => {
                ip_address(value).map(|address| ranges.iter().any(|range| range.contains(address)))
            }
            // Answered by the key's presence alone.
            Self::Null(_) => None,
        };
        match readable {
            Some(true) => Tested::Yes,
            Some(false) => Tested::No,
            None => Tested::Unreadable,
        }
    }
}

fn any_pattern(patterns: &[Pattern], mut matches: impl FnMut(&Pattern) -> Match) -> Tested {
    let mut tested = Tested::No;
    for pattern in patterns {
        match matches(pattern) {
            Match::Yes => return Tested::Yes,
            Match::No => {}
            Match::Unresolved => tested = Tested::Unresolved,
        }
    }
    tested
}

fn same_but_for_case(one: &str, other: &str) -> bool {
    if one.is_ascii() && other.is_ascii() {
        return one.eq_ignore_ascii_case(other);
    }
    one.to_lowercase() == other.to_lowercase()
}

#[cfg(test)]
mod tests;
