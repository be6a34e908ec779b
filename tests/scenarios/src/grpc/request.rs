//! Takes a request in DynamoDB's JSON apart, member by member. A member that nobody takes is a fault of the case.

use super::value;
use cairn_api::v1;
use cairn_model::{EncodedValue, Item};
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};
use std::collections::BTreeMap;

/// The members of an object that have not been taken yet.
pub(super) struct Members(Map<String, Value>);

impl Members {
    /// Takes `json` apart with `take`, which must take everything.
    pub(super) fn read<T>(
        json: Value,
        take: impl FnOnce(&mut Self) -> Result<T, String>,
    ) -> Result<T, String> {
        let Value::Object(members) = json else { return Err(format!("{json} is not an object")) };
        let mut members = Self(members);
        let taken = take(&mut members)?;
        match members.0.keys().next() {
            None => Ok(taken),
            Some(name) => Err(format!("{name} cannot be said over gRPC")),
        }
    }

    pub(super) fn take(&mut self, name: &str) -> Option<Value> {
        self.0.remove(name)
    }

    /// A member of any plain type.
    pub(super) fn plain<T: DeserializeOwned>(&mut self, name: &str) -> Result<Option<T>, String> {
        self.take(name)
            .map(|value| serde_json::from_value(value).map_err(|error| format!("{name}: {error}")))
            .transpose()
    }

    pub(super) fn text(&mut self, name: &str) -> Result<String, String> {
        Ok(self.plain(name)?.unwrap_or_default())
    }

    pub(super) fn values(&mut self, name: &str) -> Result<BTreeMap<String, EncodedValue>, String> {
        self.take(name).map_or_else(|| Ok(BTreeMap::new()), value::values)
    }

    pub(super) fn item(&mut self, name: &str) -> Result<Option<Item>, String> {
        self.take(name).map(value::item).transpose()
    }

    /// The elements of a list, each taken apart.
    pub(super) fn each<T>(
        &mut self,
        name: &str,
        mut take: impl FnMut(&mut Self) -> Result<T, String>,
    ) -> Result<Vec<T>, String> {
        let elements: Vec<Value> = self.plain(name)?.unwrap_or_default();
        elements.into_iter().map(|element| Self::read(element, &mut take)).collect()
    }

    /// An object, taken apart.
    pub(super) fn object<T>(
        &mut self,
        name: &str,
        take: impl FnOnce(&mut Self) -> Result<T, String>,
    ) -> Result<Option<T>, String> {
        self.take(name).map(|json| Self::read(json, take)).transpose()
    }

    /// An enumerated value. What the API does not know becomes a number that it does not know either.
    pub(super) fn choice<T: Into<i32>>(
        &mut self,
        name: &str,
        prefix: &str,
        known: impl Fn(&str) -> Option<T>,
    ) -> Result<i32, String> {
        let Some(text) = self.plain::<String>(name)? else { return Ok(0) };
        Ok(known(&format!("{prefix}_{text}")).map_or(i32::MAX, Into::into))
    }

    pub(super) fn consistency(&mut self) -> Result<i32, String> {
        let strong: Option<bool> = self.plain("ConsistentRead")?;
        Ok(match strong {
            None => v1::ReadConsistency::Unspecified,
            Some(false) => v1::ReadConsistency::Eventual,
            Some(true) => v1::ReadConsistency::Strong,
        }
        .into())
    }

    pub(super) fn bindings(&mut self) -> Result<Option<v1::ExpressionBindings>, String> {
        let names: Option<BTreeMap<String, String>> = self.plain("ExpressionAttributeNames")?;
        let values = self.take("ExpressionAttributeValues").map(value::values).transpose()?;
        if names.is_none() && values.is_none() {
            return Ok(None);
        }
        Ok(Some(v1::ExpressionBindings {
            names: names.unwrap_or_default().into_iter().collect(),
            values: values.unwrap_or_default(),
        }))
    }

    pub(super) fn return_consumed_capacity(&mut self) -> Result<i32, String> {
        use v1::ReturnConsumedCapacity as Wire;
        self.choice("ReturnConsumedCapacity", "RETURN_CONSUMED_CAPACITY", Wire::from_str_name)
    }

    pub(super) fn return_item_collection_metrics(&mut self) -> Result<i32, String> {
        use v1::ReturnItemCollectionMetrics as Wire;
        self.choice("ReturnItemCollectionMetrics", "RETURN_ITEM_COLLECTION_METRICS", Wire::from_str_name)
    }

    pub(super) fn return_values(&mut self) -> Result<i32, String> {
        self.choice("ReturnValues", "RETURN_VALUES", v1::ReturnValues::from_str_name)
    }

    pub(super) fn on_failure(&mut self) -> Result<i32, String> {
        self.choice(
            "ReturnValuesOnConditionCheckFailure",
            "RETURN_VALUES_ON_CONDITION_CHECK_FAILURE",
            v1::ReturnValuesOnConditionCheckFailure::from_str_name,
        )
    }

    pub(super) fn select(&mut self) -> Result<i32, String> {
        self.choice("Select", "SELECT", v1::Select::from_str_name)
    }
}
