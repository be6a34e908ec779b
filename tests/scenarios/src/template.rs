//! Fills in a case's placeholders, and makes what is too long to write.

use serde_json::{Map, Value};
use std::collections::BTreeMap;

/// What placeholders stand for.
pub type Scope = BTreeMap<String, Value>;

/// `value` with every placeholder replaced and everything to be generated in place.
///
/// # Errors
/// A placeholder stands for nothing, or a generator does not take what it is given; which.
pub fn expand(value: &Value, scope: &Scope) -> Result<Value, String> {
    Ok(match value {
        Value::String(text) => expand_text(text, scope)?,
        Value::Array(elements) => {
            Value::Array(elements.iter().map(|element| expand(element, scope)).collect::<Result<_, _>>()?)
        }
        Value::Object(members) => match members.iter().next() {
            Some((name, argument)) if members.len() == 1 && name.starts_with('$') => {
                match generate(name, argument, scope)? {
                    Some(generated) => generated,
                    None => expand_members(members, scope)?,
                }
            }
            _ => expand_members(members, scope)?,
        },
        other => other.clone(),
    })
}

fn expand_members(members: &Map<String, Value>, scope: &Scope) -> Result<Value, String> {
    let mut expanded = Map::new();
    for (name, member) in members {
        expanded.insert(expand_name(name, scope)?, expand(member, scope)?);
    }
    Ok(expanded.into())
}

/// A member's name may be a placeholder: batches name their tables so. Matchers start with `$` as well, and stay.
fn expand_name(name: &str, scope: &Scope) -> Result<String, String> {
    match name.strip_prefix('$') {
        Some(placeholder) if is_name(placeholder) && !scope.contains_key(placeholder) => Ok(name.to_owned()),
        _ => expand_to_text(name, scope),
    }
}

/// `written` with every placeholder replaced, where there can only be text.
pub(crate) fn expand_to_text(written: &str, scope: &Scope) -> Result<String, String> {
    text(&expand_text(written, scope)?)
}

fn expand_text(written: &str, scope: &Scope) -> Result<Value, String> {
    let find = |name: &str| scope.get(name).ok_or_else(|| format!("nothing is called ${name}"));
    if let Some(name) = written.strip_prefix('$').filter(|name| is_name(name)) {
        return find(name).cloned();
    }
    let mut filled = String::new();
    let mut rest = written;
    while let Some((before, after)) = rest.split_once("${") {
        let (name, after) =
            after.split_once('}').ok_or_else(|| format!("a placeholder does not end in {written:?}"))?;
        filled.push_str(before);
        // A name with a colon is a policy's variable, such as `${aws:username}`, and stays.
        if name.contains(':') {
            filled.push_str(&format!("${{{name}}}"));
        } else {
            filled.push_str(&text(find(name)?)?);
        }
        rest = after;
    }
    filled.push_str(rest);
    Ok(filled.into())
}

fn is_name(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}

fn text(value: &Value) -> Result<String, String> {
    match value {
        Value::String(text) => Ok(text.clone()),
        Value::Number(number) => Ok(number.to_string()),
        other => Err(format!("{other} is not text")),
    }
}

fn number(value: &Value, scope: &Scope) -> Result<i64, String> {
    let value = expand(value, scope)?;
    text(&value)?.parse().map_err(|_| format!("{value} is not a whole number"))
}

fn count(value: &Value, scope: &Scope) -> Result<usize, String> {
    let count = number(value, scope)?;
    usize::try_from(count).map_err(|_| format!("{count} is not a count"))
}

/// What a generator makes; `None` if `name` is none.
fn generate(name: &str, argument: &Value, scope: &Scope) -> Result<Option<Value>, String> {
    let arguments = argument.as_array().map(Vec::as_slice).unwrap_or_default();
    Ok(Some(match (name, arguments) {
        ("$repeat", [repeated, times]) => {
            text(&expand(repeated, scope)?)?.repeat(count(times, scope)?).into()
        }
        ("$concat", parts) => {
            parts.iter().map(|part| text(&expand(part, scope)?)).collect::<Result<String, _>>()?.into()
        }
        ("$base64", [bytes]) => {
            use base64::Engine as _;
            base64::prelude::BASE64_STANDARD.encode(text(&expand(bytes, scope)?)?).into()
        }
        ("$json", _) => expand(argument, scope)?.to_string().into(),
        ("$nested", [levels, innermost]) => {
            let mut value = expand(innermost, scope)?;
            for _ in 0..count(levels, scope)? {
                value = Map::from_iter([("L".to_owned(), Value::Array(vec![value]))]).into();
            }
            value
        }
        ("$list", [variable, first, last, element]) => {
            let mut scope = scope.clone();
            let mut elements = Vec::new();
            for index in number(first, &scope)?..=number(last, &scope)? {
                scope.insert(text(variable)?, index.into());
                elements.push(expand(element, &scope)?);
            }
            elements.into()
        }
        ("$repeat" | "$base64" | "$nested" | "$list", _) => {
            return Err(format!("{name} does not take {argument}"));
        }
        _ => return Ok(None),
    }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn expanded(value: Value) -> Result<Value, String> {
        expand(&value, &Scope::from([("T".into(), "t-1".into()), ("i".into(), 7.into())]))
    }

    #[test]
    fn placeholders_stand_for_values_texts_and_names_of_members() {
        assert_eq!(
            expanded(json!({"$T": {"a": "$i", "b": "x${i}y${T}"}})),
            Ok(json!({"t-1": {"a": 7, "b": "x7yt-1"}}))
        );
        assert_eq!(expanded(json!("$missing")), Err("nothing is called $missing".into()));
        assert!(expanded(json!("${missing}")).is_err());
    }

    #[test]
    fn long_and_deep_values_are_generated() {
        assert_eq!(expanded(json!({"$repeat": ["ab", 3]})), Ok(json!("ababab")));
        assert_eq!(expanded(json!({"$concat": ["a", {"$repeat": ["b", "$i"]}]})), Ok(json!("abbbbbbb")));
        assert_eq!(expanded(json!({"$nested": [2, {"S": "x"}]})), Ok(json!({"L": [{"L": [{"S": "x"}]}]})));
        assert_eq!(
            expanded(json!({"$list": ["n", 1, 2, {"N": "${n}"}]})),
            Ok(json!([{"N": "1"}, {"N": "2"}]))
        );
    }

    #[test]
    fn a_document_is_written_as_text() {
        assert_eq!(expanded(json!({"$json": {"On": ["$T", 1]}})), Ok(json!(r#"{"On":["t-1",1]}"#)));
    }

    #[test]
    fn the_variables_of_policies_stay() {
        assert_eq!(expanded(json!("${T}/${aws:username}")), Ok(json!("t-1/${aws:username}")));
    }

    #[test]
    fn matchers_stay() {
        assert_eq!(expanded(json!({"$has": {"a": "$T"}})), Ok(json!({"$has": {"a": "t-1"}})));
    }
}
