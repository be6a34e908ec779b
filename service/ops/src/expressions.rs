//! From the expressions of a request, with their names and values, to what the evaluators work with.

use crate::error::ExpressionFault;
use crate::{FieldPath, Validation};
use cairn_expression::{
    BindingKind, Bindings, BindingsError, Condition, ExpressionCache, ExpressionError, KeyCondition,
    Projection, Update,
};
use cairn_model::{AttributeMap, DecodeBudget, Item, PathSegment, ValueError};
use std::collections::BTreeMap;

/// Placeholders' meanings as a caller gives them. Absent and empty differ: empty is an error (semantics 5.3).
#[derive(Clone, Debug, Default)]
pub struct ExpressionArguments {
    /// `#n` to attribute name.
    pub names: Option<BTreeMap<String, String>>,
    /// `:v` to value, unchecked.
    pub values: Option<Item>,
}

/// The expressions of one request while they are put together: one pool of names and values for all of them. They are
/// to be asked for in the order update, condition, key condition, filter, projection, which is the order in which
/// DynamoDB finds fault with them (semantics 20.6).
pub(crate) struct Expressions<'c> {
    cache: &'c ExpressionCache,
    bindings: Bindings,
}

impl ExpressionArguments {
    /// Checks the names and values. `has_expression` says whether the request has any expression at all.
    pub(crate) fn check(
        self,
        cache: &ExpressionCache,
        has_expression: bool,
    ) -> Result<Expressions<'_>, Validation> {
        let values = self.values.map(decode_values).transpose()?;
        if !has_expression {
            let names = self.names.as_ref().map(|names| names.keys().map(String::as_str));
            let values = values.as_ref().map(|values| values.keys().map(String::as_str));
            Bindings::check_keys(false, names, values).map_err(bindings_error)?;
        }
        Ok(Expressions { cache, bindings: Bindings::new(self.names, values).map_err(bindings_error)? })
    }
}

impl Expressions<'_> {
    /// An update expression, if there is one.
    pub(crate) fn update(&mut self, text: Option<&str>) -> Result<Option<Update>, Validation> {
        let field = "update_expression";
        text.map(|text| self.cache.update(text).and_then(|parsed| parsed.bind(&mut self.bindings)))
            .transpose()
            .map_err(|error| expression_error(field, &error))
    }

    /// A condition expression, if there is one.
    pub(crate) fn condition(&mut self, text: Option<&str>) -> Result<Option<Condition>, Validation> {
        let field = "condition_expression";
        text.map(|text| self.cache.condition(text).and_then(|parsed| parsed.bind(&mut self.bindings)))
            .transpose()
            .map_err(|error| expression_error(field, &error))
    }

    /// A key condition expression.
    pub(crate) fn key_condition(&mut self, text: &str) -> Result<KeyCondition, Validation> {
        let parsed = self.cache.key_condition(text);
        parsed
            .and_then(|parsed| parsed.bind(&mut self.bindings))
            .map_err(|error| expression_error("key_condition_expression", &error))
    }

    /// A filter expression, if there is one.
    pub(crate) fn filter(&mut self, text: Option<&str>) -> Result<Option<Condition>, Validation> {
        let field = "filter_expression";
        text.map(|text| self.cache.filter(text).and_then(|parsed| parsed.bind(&mut self.bindings)))
            .transpose()
            .map_err(|error| expression_error(field, &error))
    }

    /// A projection expression, if there is one.
    pub(crate) fn projection(&mut self, text: Option<&str>) -> Result<Option<Projection>, Validation> {
        let field = "projection_expression";
        text.map(|text| self.cache.projection(text).and_then(|parsed| parsed.bind(&mut self.bindings)))
            .transpose()
            .map_err(|error| expression_error(field, &error))
    }

    /// The last check: that every name and value was mentioned.
    pub(crate) fn finish(self) -> Result<(), Validation> {
        self.bindings.check_all_mentioned().map_err(bindings_error)
    }
}

fn decode_values(values: Item) -> Result<AttributeMap, Validation> {
    values.into_attributes(&mut DecodeBudget::bindings()).map_err(|error| {
        let field = FieldPath::from("bindings").field("values").join_value(&error.path);
        let message = match (&error, error.path.0.first()) {
            (ValueError { kind, .. }, Some(PathSegment::Name(key))) => {
                format!("ExpressionAttributeValues contains invalid value: {kind} for key {key}")
            }
            (error, _) => error.to_string(),
        };
        Validation::new(field, message)
    })
}

fn bindings_error(error: BindingsError) -> Validation {
    let kind = match &error {
        BindingsError::WithoutExpression(kind) | BindingsError::Empty(kind) => Some(*kind),
        BindingsError::InvalidKey { kind, .. }
        | BindingsError::KeyTooLong { kind, .. }
        | BindingsError::Unused { kind, .. } => Some(*kind),
        BindingsError::InvalidName { .. } => Some(BindingKind::Names),
        _ => None,
    };
    let field = FieldPath::from("bindings");
    let field = match kind {
        Some(BindingKind::Names) => field.field("names"),
        Some(BindingKind::Values) => field.field("values"),
        None => field,
    };
    Validation::new(field, error.to_string())
}

fn expression_error(field: &'static str, error: &ExpressionError) -> Validation {
    let fault = ExpressionFault { offset: error.offset, token: error.problem.token().map(str::to_owned) };
    Validation { expression: Some(fault), ..Validation::new(field, error.to_string()) }
}
