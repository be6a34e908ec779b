//! The ways to read an item.

use crate::key;
use crate::store::Store;
use cairn_scenarios::{CallError, Protocol};
use serde_json::{Value, json};

/// The item as GetItem has it, with the members of sets in order; null if it is not there.
pub(crate) async fn get(store: &Store, table: &str, item: usize) -> Result<Value, CallError> {
    let request = json!({"TableName": table, "Key": key(item), "ConsistentRead": true});
    Ok(sorted(store.call("GetItem", &request).await?["Item"].clone()))
}

/// All that a table or an index has, in its order.
pub(crate) async fn scan(store: &Store, table: &str, index: Option<&str>) -> Result<Vec<Value>, CallError> {
    let mut request = json!({ "TableName": table });
    if let Some(index) = index {
        request["IndexName"] = index.into();
    }
    pages(store, "Scan", request).await
}

/// All pages of a read.
async fn pages(store: &Store, call: &str, mut request: Value) -> Result<Vec<Value>, CallError> {
    let mut items = Vec::new();
    loop {
        let mut page = store.call(call, &request).await?;
        items.extend(page["Items"].as_array().into_iter().flatten().cloned().map(sorted));
        match page["LastEvaluatedKey"].take() {
            Value::Null => return Ok(items),
            key => request["ExclusiveStartKey"] = key,
        }
    }
}

/// Sets have no order.
fn sorted(value: Value) -> Value {
    match value {
        Value::Object(members) => {
            let sorted = members.into_iter().map(|(name, member)| {
                let mut member = sorted(member);
                if let (true, Some(members)) = (["SS", "NS", "BS"].contains(&&*name), member.as_array_mut()) {
                    members.sort_by_key(Value::to_string);
                }
                (name, member)
            });
            Value::Object(sorted.collect())
        }
        Value::Array(elements) => elements.into_iter().map(sorted).collect(),
        other => other,
    }
}

/// Reads an item in every way: each has to have it as `item`, if it is there at all.
pub(crate) async fn everywhere(
    store: &Store,
    table: &str,
    number: usize,
    item: Value,
    names: &[String],
) -> Result<(), String> {
    let key = key(number);
    let partition = |mut request: Value| {
        request["TableName"] = table.into();
        request["KeyConditionExpression"] = "pk = :pk".into();
        request["ExpressionAttributeValues"] = json!({":pk": {"S": "p"}});
        request
    };
    let is_it = |found: &&Value| found["pk"] == key["pk"] && found["sk"] == key["sk"];
    let wanted: Vec<Value> = [item.clone()].into_iter().filter(|item| !item.is_null()).collect();
    let expect = |how: &str, found: Result<Vec<Value>, CallError>| match found {
        Err(error) => Err(format!("{how}: {error}")),
        Ok(found) if found.iter().filter(is_it).eq(&wanted) => Ok(()),
        Ok(_) => Err(format!("{how} has another item")),
    };

    // Whole.
    expect("Query", pages(store, "Query", partition(json!({}))).await)?;
    let descending = json!({"ScanIndexForward": false, "Limit": 1});
    expect("Query, descending", pages(store, "Query", partition(descending)).await)?;
    expect("Scan", scan(store, table, None).await)?;
    let batch = json!({"RequestItems": {table: {"Keys": [key]}}});
    let answer = store.call("BatchGetItem", &batch).await;
    expect("BatchGetItem", answer.map(|answer| listed(&answer["Responses"][table])))?;
    let transact = json!({"TransactItems": [{"Get": {"TableName": table, "Key": key}}]});
    let answer = store.call("TransactGetItems", &transact).await;
    expect("TransactGetItems", answer.map(|answer| listed(&answer["Responses"][0]["Item"])))?;
    if table == "Indexed" {
        // In an index the item is if it has its key.
        for (index, attribute) in [("global", "g"), ("local", "l")] {
            let found = scan(store, table, Some(index)).await.map_err(|error| format!("{index}: {error}"))?;
            let expected = wanted.iter().filter(|item| item.get(attribute).is_some());
            if !found.iter().filter(is_it).eq(expected) {
                return Err(format!("the index {index} has another item"));
            }
        }
    }

    // By its parts: the names that were written, as far as they can be said.
    for name in names.iter().filter(|name| (1..=65_535).contains(&name.len())) {
        let expression = |mut request: Value, member: &str, text: &str| {
            request[member] = text.into();
            request["ExpressionAttributeNames"] = json!({"#n": name});
            request
        };
        let one = json!({"TableName": table, "Key": key});
        let projected = store.call("GetItem", &expression(one.clone(), "ProjectionExpression", "#n")).await;
        let part = projected.map_err(|error| format!("GetItem of a part: {error}"))?["Item"].take();
        if sorted(part.get(name).cloned().unwrap_or_default()) != item.get(name).cloned().unwrap_or_default()
        {
            return Err("GetItem of a part has another value".into());
        }
        let batch = expression(json!({"Keys": [key]}), "ProjectionExpression", "pk, sk, #n");
        let batch = json!({"RequestItems": {table: batch}});
        let get = expression(one, "ProjectionExpression", "#n");
        let transact = json!({"TransactItems": [{"Get": get}]});
        // Keys are named twice then, which is refused.
        let is_key = name == "pk" || name == "sk";
        for (call, request) in [("BatchGetItem", batch), ("TransactGetItems", transact)] {
            match store.call(call, &request).await {
                Err(_) if is_key && call == "BatchGetItem" => {}
                answer => drop(answer.map_err(|error| format!("{call} of a part: {error}"))?),
            }
        }
        let filter = "attribute_exists(#n) OR size(#n) >= size(#n.x)";
        let filter = if is_key { "attribute_exists(#n)" } else { filter };
        let filtered = expression(json!({ "TableName": table }), "FilterExpression", filter);
        let found = pages(store, "Scan", filtered).await.map_err(|error| format!("a filtered Scan: {error}"));
        let has_it = wanted.iter().filter(|item| item.get(name).is_some());
        // A path into a key of an index is refused.
        match found {
            Err(error) if !["g", "l"].contains(&&**name) => return Err(error),
            Ok(found) if !found.iter().filter(is_it).eq(has_it) => {
                return Err("a filtered Scan has another item".into());
            }
            _ => {}
        }
        if !is_key {
            let filtered = expression(partition(json!({})), "FilterExpression", "attribute_not_exists(#n)");
            pages(store, "Query", filtered).await.map_err(|error| format!("a filtered Query: {error}"))?;
        }
    }

    // It can be written on, unless it has no room.
    let touch = json!({
        "TableName": table,
        "Key": key,
        "UpdateExpression": "SET touched = :t",
        "ConditionExpression": "attribute_exists(pk)",
        "ExpressionAttributeValues": {":t": {"BOOL": true}},
    });
    match store.call("UpdateItem", &touch).await {
        Ok(_) if wanted.is_empty() => Err("an update found an item that is not there".into()),
        Err(CallError::Api(error)) if wanted.is_empty() => {
            let expected = error.exception == "ConditionalCheckFailedException";
            expected.then_some(()).ok_or_else(|| error.to_string())
        }
        Err(CallError::Api(error)) if error.message.starts_with("Item size to update") => Ok(()),
        Err(error) => Err(format!("an update of another attribute: {error}")),
        Ok(_) => Ok(()),
    }
}

/// What is one value or a list of them, as a list.
fn listed(value: &Value) -> Vec<Value> {
    match value {
        Value::Null => Vec::new(),
        Value::Array(values) => values.iter().cloned().map(sorted).collect(),
        other => vec![sorted(other.clone())],
    }
}
