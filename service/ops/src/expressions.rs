//! From the expressions of a request, with their names and values, to what the evaluators work with.

use crate::error::ExpressionFault;
use crate::{FieldPath, Subject, Validation};
use cairn_expression::{
    BindingKind, Bindings, BindingsError, Condition, ExpressionCache, ExpressionError, KeyCondition,
    Projection, Update,
};
use cairn_model::{AttributeMap, DecodeBudget, Item, PathSegment};
use std::collections::BTreeMap;
use std::sync::Arc;

/// Placeholders' meanings as a caller gives them. Absent and empty differ: empty is an error (semantics 5.3).
#[derive(Clone, Debug, Default)]
pub struct ExpressionArguments {
    /// `#n` to attribute name.
    pub names: Option<BTreeMap<String, String>>,
    /// `:v` to value, unchecked.
    pub values: Option<Item>,
    /// Expressions that are built already. Each stands where its text would stand, and there is no such text then.
    pub built: Option<Arc<BuiltExpressions>>,
}

/// Expressions that a protocol has another notation for than text (semantics: legacy parameters). They are evaluated as
/// those of a text are; errors call them by the names of their parameters.
#[derive(Clone, Debug, Default)]
pub struct BuiltExpressions {
    /// In the place of an update expression: `AttributeUpdates`.
    pub update: Option<Update>,
    /// In the place of a condition expression: `Expected`.
    pub condition: Option<Condition>,
    /// In the place of a key condition expression: `KeyConditions`.
    pub key_condition: Option<KeyCondition>,
    /// In the place of a filter expression: `QueryFilter` or `ScanFilter`.
    pub filter: Option<Condition>,
    /// In the place of a projection expression: `AttributesToGet`.
    pub projection: Option<Projection>,
}

/// The expressions of one request while they are put together: one pool of names and values for all of them. They are
/// to be asked for in the order update, condition, key condition, filter, projection, which is the order in which
/// DynamoDB finds fault with them (semantics 20.6).
pub(crate) struct Expressions<'c> {
    cache: &'c ExpressionCache,
    bindings: Bindings,
    built: Option<Arc<BuiltExpressions>>,
}

impl ExpressionArguments {
    /// One of the expressions that are built already.
    pub(crate) fn built<T>(&self, which: impl FnOnce(&BuiltExpressions) -> Option<&T>) -> Option<&T> {
        self.built.as_deref().and_then(which)
    }

    /// The same with the values decoded, so that equal values are equal however they were encoded.
    pub(crate) fn decoded(self) -> Result<Self, Validation> {
        self.check_keys(true)?;
        let values = self.values.map(decode_values).transpose()?.map(Item::from);
        Ok(Self { values, ..self })
    }

    /// As [`check`](Self::check), of an action of a transaction. One that has no expression may have names and values all
    /// the same, which need not be mentioned then (semantics 10).
    pub(crate) fn check_in_transaction(
        self,
        cache: &ExpressionCache,
        has_expression: bool,
    ) -> Result<Expressions<'_>, Validation> {
        let expressions = self.check(cache, true)?;
        let bindings = if has_expression { expressions.bindings } else { Bindings::default() };
        Ok(Expressions { bindings, ..expressions })
    }

    /// Checks the keys of names and values, before any value is decoded.
    fn check_keys(&self, has_expression: bool) -> Result<(), Validation> {
        let names = self.names.as_ref().map(|names| names.keys().map(String::as_str));
        let values = self.values.as_ref().map(Item::names);
        Bindings::check_keys(has_expression, names, values).map_err(bindings_error)
    }

    /// Checks the names and values. `has_expression` says whether the request has any expression at all.
    pub(crate) fn check(
        self,
        cache: &ExpressionCache,
        has_expression: bool,
    ) -> Result<Expressions<'_>, Validation> {
        self.check_keys(has_expression)?;
        let values = self.values.map(decode_values).transpose()?;
        let bindings = Bindings::new(self.names, values).map_err(bindings_error)?;
        Ok(Expressions { cache, bindings, built: self.built })
    }
}

impl Expressions<'_> {
    fn built<T: Clone>(&self, which: impl FnOnce(&BuiltExpressions) -> &Option<T>) -> Option<T> {
        self.built.as_deref().and_then(|built| which(built).clone())
    }

    /// An update expression, if there is one.
    pub(crate) fn update(&mut self, text: Option<&str>) -> Result<Option<Update>, Validation> {
        let Some(text) = text else { return Ok(self.built(|built| &built.update)) };
        let parsed = self.cache.update(text).and_then(|parsed| parsed.bind(&mut self.bindings));
        parsed.map(Some).map_err(|error| expression_error("update_expression", &error))
    }

    /// A condition expression, if there is one.
    pub(crate) fn condition(&mut self, text: Option<&str>) -> Result<Option<Condition>, Validation> {
        let Some(text) = text else { return Ok(self.built(|built| &built.condition)) };
        let parsed = self.cache.condition(text).and_then(|parsed| parsed.bind(&mut self.bindings));
        parsed.map(Some).map_err(|error| expression_error("condition_expression", &error))
    }

    /// A key condition expression, if there is one.
    pub(crate) fn key_condition(&mut self, text: Option<&str>) -> Result<Option<KeyCondition>, Validation> {
        let Some(text) = text else { return Ok(self.built(|built| &built.key_condition)) };
        let parsed = self.cache.key_condition(text).and_then(|parsed| parsed.bind(&mut self.bindings));
        parsed.map(Some).map_err(|error| expression_error("key_condition_expression", &error))
    }

    /// A filter expression, if there is one.
    pub(crate) fn filter(&mut self, text: Option<&str>) -> Result<Option<Condition>, Validation> {
        let Some(text) = text else { return Ok(self.built(|built| &built.filter)) };
        let parsed = self.cache.filter(text).and_then(|parsed| parsed.bind(&mut self.bindings));
        parsed.map(Some).map_err(|error| expression_error("filter_expression", &error))
    }

    /// A projection expression, if there is one.
    pub(crate) fn projection(&mut self, text: Option<&str>) -> Result<Option<Projection>, Validation> {
        let Some(text) = text else { return Ok(self.built(|built| &built.projection)) };
        let parsed = self.cache.projection(text).and_then(|parsed| parsed.bind(&mut self.bindings));
        parsed.map(Some).map_err(|error| expression_error("projection_expression", &error))
    }

    /// The last check: that every name and value was mentioned.
    pub(crate) fn finish(self) -> Result<(), Validation> {
        self.bindings.check_all_mentioned().map_err(bindings_error)
    }
}

fn decode_values(values: Item) -> Result<AttributeMap, Validation> {
    values.into_attributes(&mut DecodeBudget::bindings()).map_err(|error| {
        let field = FieldPath::from("bindings").field("values").join_value(&error.path);
        let subject = match error.path.0.first() {
            Some(PathSegment::Name(key)) => Subject::PlaceholderValue(key.clone()),
            _ => Subject::Request,
        };
        Validation { subject, ..Validation::new(field, error.to_string()) }
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
    let subject = match error {
        // Found after the expressions are parsed.
        BindingsError::Unused { .. } => Subject::Other,
        _ => Subject::Request,
    };
    Validation { subject, ..Validation::new(field, error.to_string()) }
}

fn expression_error(field: &'static str, error: &ExpressionError) -> Validation {
    let fault = ExpressionFault { offset: error.offset, token: error.problem.token().map(str::to_owned) };
    Validation { expression: Some(fault), ..Validation::new(field, error.to_string()) }
}
