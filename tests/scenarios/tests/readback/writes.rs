//! The ways to write an item.

use crate::hostile::{name, value};
use crate::key;
use crate::random::Random;
use serde_json::{Value, json};

/// Fewer paths were met than there are, if fewer than these were.
pub(crate) const PATHS_MIN: usize = 9;

pub(crate) struct Write {
    /// Which way it is.
    pub(crate) path: &'static str,
    pub(crate) call: &'static str,
    pub(crate) request: Value,
    /// The hostile names, for reads to mention.
    pub(crate) names: Vec<String>,
}

/// A write of one item. AWS JSON has more of them.
pub(crate) fn any(table: &str, item: usize, is_aws_json: bool, random: &mut Random) -> Write {
    let path = random.weighted(&[
        (4, "put"),
        (3, "batch put"),
        (3, "transact put"),
        (4, "update set"),
        (2, "update set within"),
        (2, "update append"),
        (2, "update add"),
        (2, "update delete"),
        (3, "transact update"),
        (2, "put with a condition"),
        (if is_aws_json { 6 } else { 0 }, "attribute updates put"),
        (if is_aws_json { 2 } else { 0 }, "attribute updates add"),
        (if is_aws_json { 1 } else { 0 }, "attribute updates delete"),
        (if is_aws_json { 2 } else { 0 }, "expected"),
    ]);
    let (name, value) = (name(random), value(random));
    let key = key(item);
    let mut whole = key.clone();
    for (attribute, value) in [("g", json!({"S": "g"})), ("l", json!({"B": "YQ=="}))] {
        whole[attribute] = value;
    }
    whole[&name] = value.clone();
    let set = || {
        json!({
            "TableName": table,
            "Key": key,
            "UpdateExpression": "SET #n = :v",
            "ExpressionAttributeNames": {"#n": name},
            "ExpressionAttributeValues": {":v": value},
        })
    };
    let updating = |expression: &str| {
        let mut request = set();
        request["UpdateExpression"] = expression.into();
        request
    };
    let attribute_updates = |action: &str| {
        let update = json!({"Action": action, "Value": value});
        json!({"TableName": table, "Key": key, "AttributeUpdates": {&name: update}})
    };
    let (call, request) = match path {
        "put" => ("PutItem", json!({"TableName": table, "Item": whole})),
        "batch put" => {
            let other = json!({"PutRequest": {"Item": {"pk": {"S": "q"}, "sk": {"N": "1"}}}});
            let back = json!({"DeleteRequest": {"Key": {"pk": {"S": "q"}, "sk": {"N": "2"}}}});
            let put = json!({"PutRequest": {"Item": whole}});
            ("BatchWriteItem", json!({"RequestItems": {table: [put, other, back]}}))
        }
        "transact put" => {
            let put = json!({"Put": {"TableName": table, "Item": whole}});
            ("TransactWriteItems", json!({"TransactItems": [put]}))
        }
        "update set" => ("UpdateItem", set()),
        "update set within" => {
            let mut request = updating("SET m = :m, #n.#n = :v");
            request["ExpressionAttributeValues"][":m"] = json!({"M": {}});
            ("UpdateItem", request)
        }
        "update append" => {
            let mut request = updating("SET ll = list_append(if_not_exists(ll, :e), :l), #n = :v");
            request["ExpressionAttributeValues"][":e"] = json!({"L": []});
            request["ExpressionAttributeValues"][":l"] = json!({"L": [value]});
            ("UpdateItem", request)
        }
        "update add" => {
            let mut request = updating("ADD #n :v SET cc = if_not_exists(cc, :z) + :n");
            let number = random.pick(&["1", "1E125", "0.00000000000000000000000000000000000001"]);
            request["ExpressionAttributeValues"][":v"] = match random.below(4) {
                0 => value.clone(),
                1 => json!({"SS": ["a", "b"]}),
                _ => json!({ "N": number }),
            };
            request["ExpressionAttributeValues"][":z"] = json!({"N": "0"});
            request["ExpressionAttributeValues"][":n"] = json!({ "N": number });
            ("UpdateItem", request)
        }
        "update delete" => {
            let mut request = updating("DELETE ss :v SET #n = :s");
            request["ExpressionAttributeValues"] = json!({":v": {"SS": ["a"]}, ":s": {"SS": ["a"]}});
            ("UpdateItem", request)
        }
        "transact update" => ("TransactWriteItems", json!({"TransactItems": [{"Update": set()}]})),
        "put with a condition" => {
            let request = json!({
                "TableName": table,
                "Item": whole,
                "ConditionExpression": "attribute_not_exists(#n) OR #n <> :v",
                "ExpressionAttributeNames": {"#n": name},
                "ExpressionAttributeValues": {":v": {"S": "never"}},
            });
            ("PutItem", request)
        }
        "attribute updates put" => ("UpdateItem", attribute_updates("PUT")),
        "attribute updates add" => {
            let mut request = attribute_updates("ADD");
            if random.percent(70) {
                request["AttributeUpdates"][&name]["Value"] =
                    random.pick_ref(&[json!({"N": "1"}), json!({"L": [{"S": "a"}]})]).clone();
            }
            ("UpdateItem", request)
        }
        "attribute updates delete" => {
            let update = json!({"Action": "DELETE"});
            ("UpdateItem", json!({"TableName": table, "Key": key, "AttributeUpdates": {&name: update}}))
        }
        _ => {
            let expected =
                json!({&name: {"ComparisonOperator": "NE", "AttributeValueList": [{"S": "never"}]}});
            ("PutItem", json!({"TableName": table, "Item": whole, "Expected": expected}))
        }
    };
    Write { path, call, request, names: vec![name] }
}
