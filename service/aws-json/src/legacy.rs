//! The parameters from before there were expressions, as the expressions that they mean (legacy parameters, throughout).
//!
//! What is built here is evaluated as what is parsed from a text is: there is one evaluator. What is here are the rules
//! and the texts that only these parameters have. Names are always those of top-level attributes.

use crate::shape::{ANY, REQUIRED, Rule, shape};
use crate::value::Checked;
use cairn_expression::{
    AttributeType, Comparator, DocumentPath, KeyClause, KeyCondition, KeyTest, Literal, Operand, Projection,
    Test, Update, UpdateAction, UpdateValue,
};
use cairn_model::{AttributeValue, ValueError, check_attribute_name};
use cairn_ops::{FieldPath, Validation};
use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet};

pub(crate) const CONDITIONAL_OPERATOR: Rule = ANY.one_of(&["OR", "AND"]);
const COMPARISON_OPERATORS: &[&str] = &[
    "IN",
    "NULL",
    "BETWEEN",
    "LT",
    "NOT_CONTAINS",
    "EQ",
    "GT",
    "NOT_NULL",
    "NE",
    "LE",
    "BEGINS_WITH",
    "GE",
    "CONTAINS",
];

shape! {
    /// One attribute's part of `Expected`.
    ExpectedAttributeValue {
        "Value" value: Checked<AttributeValue>;
        "Exists" exists: bool;
        "ComparisonOperator" operator: String = ANY.one_of(COMPARISON_OPERATORS);
        "AttributeValueList" list: Vec<Checked<AttributeValue>>;
    }
}

shape! {
    /// One attribute's part of a filter or of `KeyConditions`.
    Condition {
        "AttributeValueList" list: Vec<Checked<AttributeValue>>;
        "ComparisonOperator" operator: String = REQUIRED.one_of(COMPARISON_OPERATORS);
    }
}

shape! {
    /// One attribute's part of `AttributeUpdates`.
    AttributeValueUpdate {
        "Value" value: Checked<AttributeValue>;
        "Action" action: String = ANY.one_of(&["ADD", "PUT", "DELETE"]);
    }
}

/// A condition on an item.
type Built = cairn_expression::Condition;

/// A rule of these parameters that a request breaks.
fn refused(text: impl Into<String>) -> Validation {
    Validation::of_request(FieldPath::default(), text)
}

fn invalid(text: impl std::fmt::Display) -> Validation {
    refused(format!("One or more parameter values were invalid: {text}"))
}

fn too_short() -> Validation {
    invalid("AttributeValueList is too short")
}

fn broken(error: ValueError) -> Validation {
    refused(error.to_string())
}

/// The attribute of that name. Every name that these parameters hold comes through here, the keys of their maps too: no
/// reader has looked at those.
fn attribute(name: &str) -> Result<DocumentPath, Validation> {
    check_attribute_name(name).map_err(|kind| refused(kind.to_string()))?;
    Ok(DocumentPath::from(name))
}

/// The parameters of both kinds that a request has: it may have either kind and not both.
#[derive(Debug, Default)]
pub(crate) struct Mixing {
    legacy: Vec<&'static str>,
    expressions: Vec<&'static str>,
}

impl Mixing {
    pub(crate) fn legacy(mut self, name: &'static str, is_there: bool) -> Self {
        self.legacy.extend(is_there.then_some(name));
        self
    }

    pub(crate) fn expression(mut self, name: &'static str, is_there: bool) -> Self {
        self.expressions.extend(is_there.then_some(name));
        self
    }

    /// Refuses a request with both.
    pub(crate) fn check(self) -> Result<(), Validation> {
        if self.legacy.is_empty() || self.expressions.is_empty() {
            return Ok(());
        }
        let (legacy, expressions) = (self.legacy.join(", "), self.expressions.join(", "));
        Err(refused(format!(
            "Can not use both expression and non-expression parameters in the same request: Non-expression \
             parameters: {{{legacy}}} Expression parameters: {{{expressions}}}"
        )))
    }
}

/// `AttributesToGet`.
pub(crate) fn attributes_to_get(names: Option<&[String]>) -> Result<Option<Projection>, Validation> {
    let Some(names) = names else { return Ok(None) };
    let mut seen = BTreeSet::new();
    if let Some(twice) = names.iter().find(|name| !seen.insert(*name)) {
        return Err(invalid(format_args!("Duplicate value in attribute name: {twice}")));
    }
    let paths = names.iter().map(|name| attribute(name)).collect::<Result<_, _>>()?;
    Projection::new(paths).map(Some).map_err(|clash| invalid(clash.problem))
}

/// `AttributeUpdates`. An empty map is no update at all.
pub(crate) fn attribute_updates(
    updates: Option<BTreeMap<String, AttributeValueUpdate>>,
) -> Result<Option<Update>, Validation> {
    let updates = updates.unwrap_or_default();
    if updates.is_empty() {
        return Ok(None);
    }
    let actions = updates.into_iter().map(|(name, update)| update_action(attribute(&name)?, update));
    let actions = actions.collect::<Result<_, _>>()?;
    Update::new(actions).map(Some).map_err(|clash| invalid(clash.problem))
}

fn update_action(target: DocumentPath, update: AttributeValueUpdate) -> Result<UpdateAction, Validation> {
    let value = update.value.transpose().map_err(broken)?;
    let action = update.action.as_deref().unwrap_or("PUT");
    let unsupported = |with: &str, value: &AttributeValue| {
        let kind = value.type_name();
        Err(invalid(format_args!("{action} action{with} is not supported for the type {kind}")))
    };
    use AttributeValue::{Bs, L, N, Ns, Ss};
    match (action, value) {
        ("DELETE", None) => Ok(UpdateAction::Remove { target }),
        (_, None) => Err(invalid("Only DELETE action is allowed when no attribute value is specified")),
        ("DELETE", Some(value @ (Ss(_) | Ns(_) | Bs(_)))) => {
            Ok(UpdateAction::Delete { target, value: value.into() })
        }
        ("DELETE", Some(value)) => unsupported(" with value", &value),
        ("ADD", Some(value @ (N(_) | Ss(_) | Ns(_) | Bs(_)))) => {
            Ok(UpdateAction::Add { target, value: value.into() })
        }
        // Expressions cannot say this with ADD.
        ("ADD", Some(value @ L(_))) => {
            let empty = UpdateValue::from(Literal::from(L(Vec::new())));
            let before = UpdateValue::if_not_exists(target.clone(), empty);
            let value = before.list_append(UpdateValue::from(Literal::from(value)));
            Ok(UpdateAction::Set { target, value })
        }
        ("ADD", Some(value)) => unsupported("", &value),
        (_, Some(value)) => Ok(UpdateAction::Set { target, value: UpdateValue::from(Literal::from(value)) }),
    }
}

/// `Expected` with its `ConditionalOperator`. An empty map holds for every item.
pub(crate) fn expected(
    expected: Option<BTreeMap<String, ExpectedAttributeValue>>,
    operator: Option<&str>,
) -> Result<Option<Built>, Validation> {
    let expected = expected.unwrap_or_default();
    let conditions = expected.into_iter().map(|(name, expected)| expected_one(attribute(&name)?, expected));
    joined(conditions.collect::<Result<_, _>>()?, operator)
}

fn expected_one(path: DocumentPath, expected: ExpectedAttributeValue) -> Result<Built, Validation> {
    let refuse = |text: &str| Err(invalid(format_args!("{text} for Attribute: {}", path.attribute)));
    let ExpectedAttributeValue { value, exists, operator, list } = expected;
    if let Some(operator) = operator {
        if exists.is_some() {
            return refuse("Exists and ComparisonOperator cannot be used together");
        }
        let values = match (value, list) {
            (Some(_), Some(_)) => return refuse("Value and AttributeValueList cannot be used together"),
            (Some(value), None) => vec![value],
            (None, Some(list)) => list,
            (None, None) if matches!(operator.as_str(), "NULL" | "NOT_NULL") => Vec::new(),
            (None, None) => {
                return refuse(&format!(
                    "Value or AttributeValueList must be used with ComparisonOperator: {operator}"
                ));
            }
        };
        return Comparison::new(&operator, values)?.on(path);
    }
    if list.is_some() {
        return refuse("AttributeValueList can only be used with a ComparisonOperator");
    }
    match (exists, value) {
        (None, None) => refuse("Value must be provided when Exists is null"),
        (Some(true), None) => refuse("Value must be provided when Exists is true"),
        (Some(false), Some(_)) => refuse("Value cannot be used when Exists is false"),
        (Some(false), None) => Ok(Test::NotExists(path).into()),
        (_, Some(value)) => Comparison::new("EQ", vec![value])?.on(path),
    }
}

/// `QueryFilter` or `ScanFilter` with its `ConditionalOperator`.
pub(crate) fn filter(
    filter: Option<BTreeMap<String, Condition>>,
    operator: Option<&str>,
) -> Result<Option<Built>, Validation> {
    let conditions = filter.unwrap_or_default().into_iter().map(|(name, condition)| {
        let path = attribute(&name)?;
        let operator = condition.operator.unwrap_or_default();
        Comparison::new(&operator, condition.list.unwrap_or_default())?.on(path)
    });
    joined(conditions.collect::<Result<_, _>>()?, operator)
}

/// Conditions that must all hold, or of which one must.
fn joined(conditions: Vec<Built>, operator: Option<&str>) -> Result<Option<Built>, Validation> {
    match (operator, conditions.len()) {
        (Some(_), 0) => Err(refused("ConditionalOperator cannot be used without Filter or Expected")),
        (Some(_), 1) => Err(refused(
            "ConditionalOperator can only be used when Filter or Expected has two or more elements",
        )),
        (Some("OR"), _) => Ok(conditions.into_iter().reduce(Built::or)),
        _ => Ok(conditions.into_iter().reduce(Built::and)),
    }
}

/// `KeyConditions`: always joined by AND.
pub(crate) fn key_conditions(
    conditions: Option<BTreeMap<String, Condition>>,
) -> Result<Option<KeyCondition>, Validation> {
    let Some(conditions) = conditions else { return Ok(None) };
    // How many a key takes is known once it is known what is queried: of an index up to eight (semantics 4.5).
    if conditions.is_empty() {
        return Err(refused("Conditions can be of length 1 or 2 only"));
    }
    let clauses = conditions.into_iter().map(|(name, condition)| {
        let DocumentPath { attribute, .. } = attribute(&name)?;
        let operator = condition.operator.unwrap_or_default();
        let test = Comparison::new(&operator, condition.list.unwrap_or_default())?.on_key()?;
        Ok(KeyClause { attribute, test })
    });
    let clauses = clauses.collect::<Result<_, Validation>>()?;
    KeyCondition::new(clauses).map(Some).map_err(|error| refused(error.to_string()))
}

/// A comparison operator with literals that it takes.
struct Comparison {
    operator: Operator,
    values: Vec<Literal>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Operator {
    Compare(Comparator),
    Between,
    In,
    BeginsWith,
    Contains,
    NotContains,
    NotNull,
    Null,
}

impl Operator {
    fn from_name(name: &str) -> Option<Self> {
        Some(match name {
            "EQ" => Self::Compare(Comparator::Eq),
            "NE" => Self::Compare(Comparator::Ne),
            "LT" => Self::Compare(Comparator::Lt),
            "LE" => Self::Compare(Comparator::Le),
            "GT" => Self::Compare(Comparator::Gt),
            "GE" => Self::Compare(Comparator::Ge),
            "BETWEEN" => Self::Between,
            "IN" => Self::In,
            "BEGINS_WITH" => Self::BeginsWith,
            "CONTAINS" => Self::Contains,
            "NOT_CONTAINS" => Self::NotContains,
            "NOT_NULL" => Self::NotNull,
            "NULL" => Self::Null,
            _ => return None,
        })
    }

    fn takes_count(self, count: usize) -> bool {
        match self {
            Self::NotNull | Self::Null => count == 0,
            Self::Between => count == 2,
            Self::In => count >= 1,
            _ => count == 1,
        }
    }

    fn takes(self, value: &AttributeValue) -> bool {
        use AttributeValue::{B, N, S};
        match self {
            Self::Compare(Comparator::Eq | Comparator::Ne) => true,
            Self::BeginsWith => matches!(value, S(_) | B(_)),
            _ => matches!(value, S(_) | N(_) | B(_)),
        }
    }
}

/// The types that may contain something.
const CONTAINERS: [AttributeType; 6] = [
    AttributeType::S,
    AttributeType::B,
    AttributeType::Ss,
    AttributeType::Ns,
    AttributeType::Bs,
    AttributeType::L,
];

impl Comparison {
    fn new(name: &str, values: Vec<Checked<AttributeValue>>) -> Result<Self, Validation> {
        let values = values.into_iter().collect::<Checked<Vec<_>>>().map_err(broken)?;
        // The member's rule has been checked.
        let operator = Operator::from_name(name)
            .ok_or_else(|| invalid(format_args!("Unknown ComparisonOperator: {name}")))?;
        if !operator.takes_count(values.len()) {
            return Err(invalid(format_args!(
                "Invalid number of argument(s) for the {name} ComparisonOperator"
            )));
        }
        if let Some(value) = values.iter().find(|value| !operator.takes(value)) {
            let kind = value.type_name();
            return Err(invalid(format_args!(
                "ComparisonOperator {name} is not valid for {kind} AttributeValue type"
            )));
        }
        if values.windows(2).any(|pair| match pair {
            [left, right] => left.type_name() != right.type_name(),
            _ => false,
        }) {
            return Err(invalid("AttributeValues inside AttributeValueList must be of same type"));
        }
        if let (Operator::Between, [lower, upper]) = (operator, values.as_slice())
            && order(lower, upper).is_gt()
        {
            return Err(refused(
                "The BETWEEN condition was provided a range where the lower bound is greater than the upper bound",
            ));
        }
        Ok(Self { operator, values: values.into_iter().map(Literal::from).collect() })
    }

    /// The condition that it means on an attribute.
    fn on(self, path: DocumentPath) -> Result<Built, Validation> {
        let operand = || Operand::Path(path.clone());
        let mut values = self.values.into_iter().map(Operand::Literal);
        let mut value = || values.next().ok_or_else(too_short);
        Ok(match self.operator {
            Operator::Compare(comparator) => {
                Test::Compare { left: operand(), comparator, right: value()? }.into()
            }
            Operator::Between => {
                Test::Between { operand: operand(), lower: value()?, upper: value()? }.into()
            }
            Operator::In => Test::In { operand: operand(), alternatives: values.collect() }.into(),
            Operator::BeginsWith => Test::BeginsWith { operand: operand(), prefix: value()? }.into(),
            Operator::Contains => Test::Contains { container: operand(), part: value()? }.into(),
            Operator::NotContains => {
                let contains = Built::from(Test::Contains { container: operand(), part: value()? });
                let is_container =
                    CONTAINERS.map(|kind| Built::from(Test::HasType(operand(), kind))).into_iter();
                is_container.reduce(Built::or).unwrap_or_default().and(contains.not())
            }
            Operator::NotNull => Test::Exists(path).into(),
            Operator::Null => Test::NotExists(path).into(),
        })
    }

    /// What it says of a key attribute.
    fn on_key(self) -> Result<KeyTest, Validation> {
        let mut values = self.values.into_iter();
        let mut value = || values.next().ok_or_else(too_short);
        Ok(match self.operator {
            Operator::Compare(Comparator::Eq) => KeyTest::Eq(value()?),
            Operator::Compare(Comparator::Lt) => KeyTest::Lt(value()?),
            Operator::Compare(Comparator::Le) => KeyTest::Le(value()?),
            Operator::Compare(Comparator::Gt) => KeyTest::Gt(value()?),
            Operator::Compare(Comparator::Ge) => KeyTest::Ge(value()?),
            Operator::Between => KeyTest::Between(value()?, value()?),
            Operator::BeginsWith => KeyTest::BeginsWith(value()?),
            // Refused by the operation, after faults of the table and the keys.
            _ => KeyTest::NotIndexable,
        })
    }
}

/// The order of two values of one type that have one.
fn order(left: &AttributeValue, right: &AttributeValue) -> Ordering {
    use AttributeValue::{B, N, S};
    match (left, right) {
        (S(left), S(right)) => left.cmp(right),
        (N(left), N(right)) => left.cmp(right),
        (B(left), B(right)) => left.cmp(right),
        _ => Ordering::Equal,
    }
}
