//! Compares an answer with what a case expects.

use serde_json::{Map, Value};

/// Where the answer differs, one line each; empty if it does not.
pub(crate) fn differences(expected: &Value, actual: &Value) -> Vec<String> {
    let mut found = Vec::new();
    compare(expected, Some(actual), "", &mut found);
    found
}

fn compare(expected: &Value, actual: Option<&Value>, path: &str, found: &mut Vec<String>) {
    if let Some((matcher, argument)) = matcher(expected) {
        return matches(matcher, argument, actual, path, found);
    }
    let Some(actual) = actual else {
        return found.push(format!("{}: expected {expected}, got nothing", shown(path)));
    };
    match (expected, actual) {
        (Value::Object(expected), Value::Object(actual)) => {
            if let (Some(expected), Some(actual)) = (set(expected), set(actual)) {
                return compare_unordered(expected, actual, path, found);
            }
            compare_members(expected, actual, path, found);
            for (name, value) in actual.iter().filter(|(name, _)| !expected.contains_key(*name)) {
                found.push(format!("{path}.{name}: expected nothing, got {value}"));
            }
        }
        (Value::Array(expected), Value::Array(actual)) => {
            for (index, element) in expected.iter().enumerate() {
                compare(element, actual.get(index), &format!("{path}[{index}]"), found);
            }
            for (index, element) in actual.iter().enumerate().skip(expected.len()) {
                found.push(format!("{path}[{index}]: expected nothing, got {element}"));
            }
        }
        (Value::Number(a), Value::Number(b)) if a.as_f64() == b.as_f64() => {}
        _ if expected == actual => {}
        _ => found.push(format!("{}: expected {expected}, got {actual}", shown(path))),
    }
}

fn compare_members(
    expected: &Map<String, Value>,
    actual: &Map<String, Value>,
    path: &str,
    found: &mut Vec<String>,
) {
    for (name, value) in expected {
        compare(value, actual.get(name), &format!("{path}.{name}"), found);
    }
}

/// Each expected element is some element of the answer, and no element of the answer is left over.
fn compare_unordered(expected: &[Value], actual: &[Value], path: &str, found: &mut Vec<String>) {
    let mut left: Vec<&Value> = actual.iter().collect();
    for element in expected {
        match left.iter().position(|candidate| differences(element, candidate).is_empty()) {
            Some(index) => {
                left.swap_remove(index);
            }
            None => found.push(format!("{}: expected {element} among them", shown(path))),
        }
    }
    for element in left {
        found.push(format!("{}: {element} is not expected among them", shown(path)));
    }
}

fn matches(matcher: &str, argument: &Value, actual: Option<&Value>, path: &str, found: &mut Vec<String>) {
    let path = shown(path);
    match (matcher, argument, actual) {
        ("$any", _, Some(_)) | ("$absent", _, None) => {}
        ("$any", ..) => found.push(format!("{path}: expected something, got nothing")),
        ("$absent", _, Some(actual)) => found.push(format!("{path}: expected nothing, got {actual}")),
        ("$has", Value::Object(expected), Some(Value::Object(actual))) => {
            compare_members(expected, actual, path, found);
        }
        ("$unordered", Value::Array(expected), Some(Value::Array(actual))) => {
            compare_unordered(expected, actual, path, found);
        }
        ("$length", Value::Number(expected), Some(Value::Array(actual)))
            if expected.as_u64() == u64::try_from(actual.len()).ok() => {}
        ("$contains", Value::String(part), Some(Value::String(text))) if text.contains(part) => {}
        ("$starts", Value::String(start), Some(Value::String(text))) if text.starts_with(start) => {}
        ("$has" | "$unordered" | "$length" | "$contains" | "$starts", _, actual) => {
            let got = actual.map_or_else(|| "nothing".to_owned(), Value::to_string);
            found.push(format!("{path}: expected {matcher} {argument}, got {got}"));
        }
        _ => found.push(format!("{path}: there is no matcher {matcher}")),
    }
}

fn matcher(expected: &Value) -> Option<(&str, &Value)> {
    let members = expected.as_object().filter(|members| members.len() == 1)?;
    members
        .iter()
        .next()
        .map(|(name, argument)| (name.as_str(), argument))
        .filter(|(name, _)| name.starts_with('$'))
}

/// The members of a set: their order means nothing.
fn set(value: &Map<String, Value>) -> Option<&Vec<Value>> {
    let (name, members) = value.iter().next().filter(|_| value.len() == 1)?;
    members.as_array().filter(|_| matches!(name.as_str(), "SS" | "NS" | "BS"))
}

fn shown(path: &str) -> &str {
    if path.is_empty() { "the answer" } else { path }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn equal(expected: Value, actual: Value) -> bool {
        differences(&expected, &actual).is_empty()
    }

    #[test]
    fn an_answer_is_matched_exactly() {
        assert!(equal(json!({"a": {"N": "1"}, "b": 1}), json!({"b": 1.0, "a": {"N": "1"}})));
        assert!(!equal(json!({"a": {"N": "1"}}), json!({"a": {"N": "1.0"}})));
        assert!(!equal(json!({}), json!({"a": 1})));
        assert!(!equal(json!({"a": 1}), json!({})));
        assert!(!equal(json!([1, 2]), json!([2, 1])));
        assert!(!equal(json!([1]), json!([1, 2])));
    }

    #[test]
    fn sets_have_no_order_and_lists_have() {
        assert!(equal(json!({"SS": ["a", "b"]}), json!({"SS": ["b", "a"]})));
        assert!(!equal(json!({"NS": ["1", "1"]}), json!({"NS": ["1", "2"]})));
        assert!(!equal(json!({"L": ["a", "b"]}), json!({"L": ["b", "a"]})));
    }

    #[test]
    fn matchers_relax_one_place() {
        assert!(equal(json!({"$has": {"a": 1}}), json!({"a": 1, "b": 2})));
        assert!(!equal(json!({"$has": {"b": {"$absent": true}}}), json!({"b": 2})));
        assert!(equal(json!({"$unordered": [1, 2]}), json!([2, 1])));
        assert!(!equal(json!({"$unordered": [1, 1]}), json!([1, 2])));
        assert!(equal(json!({"$contains": "b"}), json!("abc")));
        assert!(!equal(json!({"$starts": "b"}), json!("abc")));
        assert!(equal(json!({"$length": 2}), json!([0, 0])));
        assert!(!equal(json!({"a": {"$any": true}}), json!({})));
        assert!(!equal(json!({"$typo": 1}), json!(1)));
    }
}
