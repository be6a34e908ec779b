//! Makes something wrong with a request.
//!
//! What only one protocol can say is not among it: a value of two types, a member of the wrong kind, a flag that is
//! both absent and there.

use super::random::Random;
use super::values;
use serde_json::{Map, Value, json};

const TOKENS: &[&str] = &[
    "AND",
    "OR",
    "NOT",
    "(",
    ")",
    ",",
    "=",
    "<>",
    "+",
    "-",
    ".",
    "[0]",
    "[",
    "]",
    ":v0",
    "#n0",
    ":missing",
    "#missing",
    "pk",
    "sk",
    "size",
    "Name",
    "SET",
    "REMOVE",
    "ADD",
    "DELETE",
    "attribute_exists",
    "size(v)",
    "nonsense(v)",
    "list_append(l, l)",
    "BETWEEN",
    "IN",
    "_x",
    "1",
    "\"",
    "é",
];

/// Members that are lists or maps in a message, where what is absent cannot be told from what is empty.
const LISTS: &[&str] =
    &["AttributeDefinitions", "Key", "KeySchema", "RequestItems", "TagKeys", "Tags", "TransactItems"];

pub(crate) fn spoil(request: &mut Value, random: &mut Random) {
    match random.below(9) {
        0 => table(request, random),
        1 | 2 => value(request, random),
        3 | 4 => expression(request, random),
        5 => placeholders(request, random),
        6 => member(request, random),
        7 => limits(request, random),
        _ => emptiness(request, random),
    }
}

/// The objects within a request, itself too, that have a member whose name is like that.
fn objects_with<'a>(
    value: &'a mut Value,
    is_it: &dyn Fn(&str) -> bool,
    found: &mut Vec<&'a mut Map<String, Value>>,
) {
    match value {
        Value::Object(members) => {
            if members.keys().any(|name| is_it(name)) {
                found.push(members);
            } else {
                members.values_mut().for_each(|member| objects_with(member, is_it, found));
            }
        }
        Value::Array(elements) => {
            elements.iter_mut().for_each(|element| objects_with(element, is_it, found));
        }
        _ => {}
    }
}

fn one_with<'a>(
    request: &'a mut Value,
    is_it: &dyn Fn(&str) -> bool,
    random: &mut Random,
) -> Option<&'a mut Map<String, Value>> {
    let mut found = Vec::new();
    objects_with(request, is_it, &mut found);
    if found.is_empty() {
        return None;
    }
    let chosen = random.below(found.len());
    Some(found.swap_remove(chosen))
}

fn table(request: &mut Value, random: &mut Random) {
    let name =
        random.pick(&["$Missing", "$Missing", "$New", "ab", "a b c", "arn:aws:dynamodb:local:1:table/x"]);
    if let Some(found) = one_with(request, &|name| name == "TableName" || name == "IndexName", random) {
        let is_index = found.contains_key("IndexName") && random.percent(70);
        let name = if is_index { random.pick(&["missing", "ab", "a b c"]) } else { name };
        found.insert(if is_index { "IndexName" } else { "TableName" }.into(), name.into());
    } else if let Some(tables) = request.get_mut("RequestItems").and_then(Value::as_object_mut)
        && let Some(first) = tables.keys().next().cloned()
        && let Some(moved) = tables.remove(&first)
    {
        tables.insert(name.into(), moved);
    }
}

/// Puts a value that is none where values are.
fn value(request: &mut Value, random: &mut Random) {
    let holders = ["Item", "Key", "ExpressionAttributeValues", "ExclusiveStartKey"];
    let Some(found) = one_with(request, &|name| holders.contains(&name), random) else { return };
    let Some(name) = holders.into_iter().find(|name| found.contains_key(*name)) else { return };
    let Some(holder) = found.get_mut(name).and_then(Value::as_object_mut) else { return };
    let names: Vec<String> = holder.keys().cloned().collect();
    let bad = values::bad(random);
    match random.below(8) {
        0 => holder.insert(String::new(), json!({"S": "a"})),
        1 => holder.insert("v".into(), json!({"S": {"$repeat": ["x", 409_600]}})),
        2 => holder.insert("v".into(), json!({"$nested": [31, {"SS": []}]})),
        _ if names.is_empty() => None,
        _ => holder.insert(random.pick_ref(&names).clone(), bad),
    };
}

/// Changes the text of an expression.
fn expression(request: &mut Value, random: &mut Random) {
    let is_it = |name: &str| name.ends_with("Expression");
    let Some(found) = one_with(request, &is_it, random) else { return };
    let names: Vec<String> = found.keys().filter(|name| is_it(name)).cloned().collect();
    let Some(Value::String(text)) = found.get_mut(random.pick_ref(&names)) else { return };
    let mut words: Vec<&str> = text.split(' ').collect();
    let place = random.below(words.len());
    match random.below(5) {
        0 => drop(words.remove(place)),
        1 => words.insert(place, random.pick(TOKENS)),
        2 => words[place] = random.pick(TOKENS),
        3 => words.insert(place, words[random.below(words.len())]),
        _ => words.truncate(place),
    }
    let mut joined = words.join(" ");
    if joined.is_empty() {
        joined.push('(');
    }
    *text = match random.below(12) {
        0 => format!("(({joined}))"),
        1 => format!("{joined}{}", " ".repeat(4_096)),
        _ => joined,
    };
}

fn placeholders(request: &mut Value, random: &mut Random) {
    let is_it = |name: &str| name.ends_with("Expression");
    let Some(found) = one_with(request, &is_it, random) else { return };
    // Where there can be a projection only, AWS JSON has no member for values, and does not see one.
    let takes_values = found.keys().any(|name| is_it(name) && name != "ProjectionExpression");
    let mut insert = |member: &str, name: &str, value: Value| {
        found.entry(member).or_insert_with(|| json!({}))[name] = value;
    };
    let name = random.pick(&["unused", "", "a-b", "x y"]);
    if random.percent(20) {
        let member = random.pick(&["ExpressionAttributeNames", "ExpressionAttributeValues"]);
        if let Some(members) = found.get_mut(member).and_then(Value::as_object_mut) {
            members.retain(|_, _| random.percent(50));
        }
        // What is empty cannot be told from what is absent over gRPC.
        found.retain(|name, member| !name.starts_with("ExpressionAttribute") || *member != json!({}));
    } else if !takes_values || random.percent(50) {
        let text = values::attribute_name(random);
        insert("ExpressionAttributeNames", &format!("{}{name}", random.pick(&["#", "#", ":"])), text);
    } else {
        let value = if random.percent(70) { json!({"S": "x"}) } else { values::bad(random) };
        insert("ExpressionAttributeValues", &format!("{}{name}", random.pick(&[":", ":", "#"])), value);
    }
}

/// Takes a member of the request away.
fn member(request: &mut Value, random: &mut Random) {
    let Some(members) = request.as_object_mut() else { return };
    let mut names: Vec<String> = members.keys().cloned().collect();
    names.retain(|name| !LISTS.contains(&name.as_str()));
    if !names.is_empty() {
        members.remove(random.pick_ref(&names));
    }
}

fn limits(request: &mut Value, random: &mut Random) {
    let Some(members) = request.as_object_mut() else { return };
    match random.below(6) {
        0 if members.contains_key("KeyConditionExpression") => {
            members.insert("Limit".into(), json!(random.pick(&[0, -1])));
        }
        1 if members.contains_key("TotalSegments") => {
            members.insert("TotalSegments".into(), json!(random.pick(&[0, -1, 1_000_001])));
        }
        2 if members.contains_key("TotalSegments") => {
            members.insert("Segment".into(), json!(random.pick(&[-1, 5, 1_000_000])));
        }
        3 if members.contains_key("ClientRequestToken") => {
            members.insert("ClientRequestToken".into(), json!({"$repeat": ["t", 37]}));
        }
        4 if members.contains_key("ReturnValues") => {
            members.insert("ReturnValues".into(), json!(random.pick(&["UPDATED_OLD", "ALL_NEW"])));
        }
        _ => {
            if let Some(Value::Array(actions)) = members.get_mut("TransactItems")
                && let Some(first) = actions.first().cloned()
            {
                actions.push(first);
            }
        }
    }
}

/// Empties something that must not be empty.
fn emptiness(request: &mut Value, random: &mut Random) {
    let Some(members) = request.as_object_mut() else { return };
    if let Some(Value::Object(tables)) = members.get_mut("RequestItems")
        && let Some(asked) = tables.values_mut().next()
    {
        *asked = if asked.is_array() { json!([]) } else { json!({"Keys": []}) };
        return;
    }
    let empty = [
        ("TransactItems", json!([])),
        ("Item", json!({})),
        ("UpdateExpression", json!("")),
        ("ProjectionExpression", json!("")),
        ("ConditionExpression", json!("")),
        ("FilterExpression", json!("")),
    ];
    let there: Vec<_> = empty.into_iter().filter(|(name, _)| members.contains_key(*name)).collect();
    if there.is_empty() {
        return;
    }
    let (name, empty) = random.pick_ref(&there).clone();
    members.insert(name.into(), empty);
}
