//! What two answers have to have in common, and where they do not.

use cairn_scenarios::CallError;
use serde_json::{Map, Value, json};
use std::collections::BTreeSet;

/// The longest error, as JSON, whose items gRPC is sure to have room for.
const ERROR_CHARS_MAX: usize = 3_500;

/// The member of an answer that says that its items were left out: no difference by itself.
pub(crate) const LEFT_OUT: &str = "left_out";

/// An answer as a step of a case expects it: `{"expect": ...}`, `{"error": ...}`, or `{"fault": ...}` of what cannot be
/// an answer. Nothing is in it that may differ between two stores:
/// - times and ids of tables are `$any`;
/// - the members of sets are sorted, and so are lists without an order, which are `$unordered`;
/// - an item that a failed condition met is left out of a long error, as gRPC has no room for more than 4 KB there;
/// - what begins with the name of the run is the placeholder of a table.
pub(crate) fn normal(call: &str, answer: Result<Value, CallError>, run_name: &str) -> Value {
    let normal = match answer {
        Ok(mut answer) => {
            for name in unordered_members(call) {
                if let Some(member) = answer.get_mut(*name) {
                    unorder(member);
                }
            }
            json!({ "expect": normal_value(answer) })
        }
        Err(CallError::Api(error)) => {
            let mut told = json!({"type": error.exception, "message": error.message});
            for (name, part) in
                [("Item", error.item), ("reasons", error.reasons), ("throttling", error.throttling)]
            {
                if let Some(part) = part {
                    told[name] = normal_value(part);
                }
            }
            if without_large_items(&mut told) {
                json!({"error": told, LEFT_OUT: true})
            } else {
                json!({ "error": told })
            }
        }
        Err(CallError::Fault(reason)) => json!({ "fault": reason }),
    };
    without_run_name(normal, run_name)
}

/// Takes away the items that gRPC may leave out: those of more than 4 KB together. As JSON they are longer than there.
/// Says whether there were any.
fn without_large_items(told: &mut Value) -> bool {
    if told.to_string().len() <= ERROR_CHARS_MAX {
        return false;
    }
    let reasons = told.get_mut("reasons").and_then(Value::as_array_mut).into_iter().flatten();
    let taken = reasons.filter_map(|reason| reason.as_object_mut()?.remove("Item")).count();
    taken > 0 || told.as_object_mut().is_some_and(|members| members.remove("Item").is_some())
}

/// The members of an answer that are lists, or objects of lists, whose order means nothing.
fn unordered_members(call: &str) -> &'static [&'static str] {
    match call {
        "BatchGetItem" => &["Responses", "ConsumedCapacity"],
        "BatchWriteItem" | "TransactWriteItems" => &["ItemCollectionMetrics", "ConsumedCapacity"],
        "TransactGetItems" => &["ConsumedCapacity"],
        "ListTagsOfResource" => &["Tags"],
        _ => &[],
    }
}

fn unorder(member: &mut Value) {
    match member {
        Value::Array(elements) => {
            let mut elements: Vec<Value> = elements.drain(..).map(normal_value).collect();
            elements.sort_by_key(Value::to_string);
            *member = json!({ "$unordered": elements });
        }
        Value::Object(members) => members.values_mut().for_each(unorder),
        _ => {}
    }
}

fn normal_value(value: Value) -> Value {
    match value {
        Value::Object(members) => {
            let members = members.into_iter().map(|(name, member)| {
                let member = match (name.as_str(), normal_value(member)) {
                    ("TableId", _) => json!({"$any": true}),
                    (time, _) if time.ends_with("DateTime") => json!({"$any": true}),
                    ("SS" | "NS" | "BS", Value::Array(mut members)) => {
                        members.sort_by_key(Value::to_string);
                        members.into()
                    }
                    (_, member) => member,
                };
                (name, member)
            });
            Value::Object(members.collect())
        }
        Value::Array(elements) => elements.into_iter().map(normal_value).collect(),
        // A protocol may write a whole number with a fraction.
        Value::Number(number) => match number.as_f64() {
            Some(float) if float.fract() == 0.0 && float.abs() < 1e15 => json!(float as i64),
            Some(float) => json!(float),
            None => number.into(),
        },
        other => other,
    }
}

fn without_run_name(value: Value, run_name: &str) -> Value {
    match value {
        Value::String(text) => placeholders(&text, run_name).into(),
        Value::Array(elements) => {
            elements.into_iter().map(|element| without_run_name(element, run_name)).collect()
        }
        Value::Object(members) => {
            let members = members
                .into_iter()
                .map(|(name, member)| (placeholders(&name, run_name), without_run_name(member, run_name)));
            Value::Object(members.collect::<Map<_, _>>())
        }
        other => other,
    }
}

fn placeholders(text: &str, run_name: &str) -> String {
    let mut replaced = text.to_owned();
    // The longer names first: one may be the beginning of another.
    for name in ["Missing", "New", "G", "H", "L", "R"] {
        replaced = replaced.replace(&format!("{run_name}.{name}"), &format!("${{{name}}}"));
    }
    replaced
}

/// Where the second answer is not the first, and what each has there; nothing if they are alike.
pub(crate) fn difference(first: &Value, second: &Value) -> Option<(String, String)> {
    let (one, other) = (broken_constraints(first), broken_constraints(second));
    if !one.is_empty() && !other.is_empty() && (one.is_subset(&other) || other.is_subset(&one)) {
        return None;
    }
    differs(first, second, "")
}

/// The members and the constraints that they break, if that is what an answer tells. One protocol tells the first, the
/// other all of them at once, and how they show the values differs (semantics 1.5 and 20.3).
fn broken_constraints(answer: &Value) -> BTreeSet<&str> {
    let message = answer["error"]["message"].as_str().unwrap_or_default();
    match message.split_once(" detected: ") {
        Some((count, told))
            if count.ends_with("validation error") || count.ends_with("validation errors") =>
        {
            let constraints = told.split("; Value ").filter_map(|problem| problem.split_once(" at '"));
            constraints.map(|(_, constraint)| constraint).collect()
        }
        _ => BTreeSet::new(),
    }
}

fn differs(first: &Value, second: &Value, path: &str) -> Option<(String, String)> {
    if first == second {
        return None;
    }
    match (first, second) {
        (Value::Object(one), Value::Object(other)) => {
            let names = one.keys().chain(other.keys().filter(|name| !one.contains_key(*name)));
            names.into_iter().find_map(|name| {
                let missing = Value::Null;
                let (one, other) = (one.get(name).unwrap_or(&missing), other.get(name).unwrap_or(&missing));
                differs(one, other, &format!("{path}.{name}"))
            })
        }
        (Value::Array(one), Value::Array(other)) if one.len() == other.len() => {
            one.iter().zip(other).find_map(|(one, other)| differs(one, other, &format!("{path}[]")))
        }
        _ => Some((path.to_owned(), format!("at {path}:\n    {first}\n    {second}"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(value: Value) -> Value {
        normal("BatchGetItem", Ok(value), "run")
    }

    #[test]
    fn orders_without_meaning_and_times_are_no_difference() {
        let one = json!({"Responses": {"run.H": [{"s": {"SS": ["a", "b"]}}, {"n": {"N": "1"}}]}});
        let other = json!({"Responses": {"run.H": [{"n": {"N": "1"}}, {"s": {"SS": ["b", "a"]}}]}});
        assert_eq!(answer(one), answer(other));
        let (one, other) =
            (json!({"CreationDateTime": 1.5, "C": 1.0}), json!({"CreationDateTime": 2, "C": 1}));
        assert_eq!(answer(one), answer(other));
    }

    #[test]
    fn all_else_is_a_difference() {
        let pairs = [
            (json!({"Item": {}}), json!({})),
            (json!({"a": {"N": "1"}}), json!({"a": {"N": "1.0"}})),
            (json!({"a": {"L": ["a", "b"]}}), json!({"a": {"L": ["b", "a"]}})),
            (json!({"Responses": {"T": [1]}}), json!({"Responses": {"T": [1, 1]}})),
        ];
        for (one, other) in pairs {
            assert!(difference(&answer(one), &answer(other)).is_some());
        }
        let refused = |exception: &str, message: &str| {
            let error = cairn_scenarios::ApiError {
                exception: exception.into(),
                message: message.into(),
                ..Default::default()
            };
            normal("GetItem", Err(CallError::Api(error)), "run")
        };
        let one = "1 validation error detected: Value '[]' at 'a' failed";
        let two = "2 validation errors detected: Value '{}' at 'a' failed; Value '0' at 'b' failed";
        let other = "1 validation error detected: Value '[]' at 'c' failed";
        assert!(difference(&refused("A", one), &refused("A", two)).is_none());
        assert!(difference(&refused("A", other), &refused("A", two)).is_some());
        assert!(difference(&refused("A", "x"), &refused("B", "x")).is_some());
        assert!(difference(&refused("A", "x"), &refused("A", "y")).is_some());
    }
}
