//! The tables that sequences work on.

use super::Step;
use super::random::Random;
use super::values;
use serde_json::{Map, Value, json};

/// The tables and names as a file of cases has them: what a failure prints begins with it.
pub(crate) const HEADER: &str = r#"tables:
  H: pk S
  R: "pk N, sk B"
  L: {key: "pk S, sk N", lsi: {byGrade: {key: "pk S, grade N", project: KEYS_ONLY}, byNote: {key: "pk S, note S", project: [v, m]}}, gsi: {byColor: {key: "color S, grade N", project: ALL}}}
  G: {key: "pk B", gsi: {keys: {key: "color S", project: KEYS_ONLY}, some: {key: "grade N", project: [v, m]}, multi: {key: "a S, b N | c S, d N", project: ALL}}}
names: [New, Missing]
"#;

/// An attribute of a key: its name and type.
pub(crate) type KeyAttribute = (&'static str, &'static str);

/// What a generator has to know of a table of [`HEADER`], or of what a sequence may make of the name `New`.
pub(crate) struct Table {
    /// Its placeholder.
    pub(crate) name: &'static str,
    pub(crate) key: &'static [KeyAttribute],
    pub(crate) indexes: &'static [Index],
}

pub(crate) struct Index {
    pub(crate) name: &'static str,
    pub(crate) partition: &'static [KeyAttribute],
    pub(crate) sort: &'static [KeyAttribute],
    pub(crate) is_global: bool,
    /// What it has besides keys; `None` if it has everything.
    pub(crate) projected: Option<&'static [&'static str]>,
}

const LATE: Index =
    Index { name: "late", partition: &[("note", "S")], sort: &[], is_global: true, projected: None };

pub(crate) const TABLES: &[Table] = &[
    Table { name: "$H", key: &[("pk", "S")], indexes: &[LATE] },
    Table { name: "$R", key: &[("pk", "N"), ("sk", "B")], indexes: &[] },
    Table {
        name: "$L",
        key: &[("pk", "S"), ("sk", "N")],
        indexes: &[
            Index {
                name: "byGrade",
                partition: &[("pk", "S")],
                sort: &[("grade", "N")],
                is_global: false,
                projected: Some(&[]),
            },
            Index {
                name: "byNote",
                partition: &[("pk", "S")],
                sort: &[("note", "S")],
                is_global: false,
                projected: Some(&["v", "m"]),
            },
            Index {
                name: "byColor",
                partition: &[("color", "S")],
                sort: &[("grade", "N")],
                is_global: true,
                projected: None,
            },
        ],
    },
    Table {
        name: "$G",
        key: &[("pk", "B")],
        indexes: &[
            Index {
                name: "keys",
                partition: &[("color", "S")],
                sort: &[],
                is_global: true,
                projected: Some(&[]),
            },
            Index {
                name: "some",
                partition: &[("grade", "N")],
                sort: &[],
                is_global: true,
                projected: Some(&["v", "m"]),
            },
            Index {
                name: "multi",
                partition: &[("a", "S"), ("b", "N")],
                sort: &[("c", "S"), ("d", "N")],
                is_global: true,
                projected: None,
            },
        ],
    },
    Table { name: "$New", key: &[("pk", "S")], indexes: &[LATE] },
];

impl Table {
    /// One of them: the one that is only there if the sequence creates it is rare.
    pub(crate) fn any(random: &mut Random) -> &'static Self {
        match random.below(13) {
            0 => &TABLES[4],
            other => &TABLES[other % 4],
        }
    }

    pub(crate) fn named(name: &str) -> &'static Self {
        TABLES.iter().find(|table| table.name == name).unwrap()
    }

    /// One of few keys, and a number that is the same for the same key however it is written.
    pub(crate) fn key(&self, random: &mut Random) -> (Map<String, Value>, String) {
        let mut key = Map::new();
        let mut identity = self.name.to_owned();
        for (name, kind) in self.key {
            // Few partitions, where they have several items.
            let narrow = *name == "pk" && self.key.len() > 1 && random.percent(80);
            let (value, number) = values::key_value(kind, if narrow { 2 } else { 4 }, random);
            key.insert((*name).into(), value);
            identity.push_str(&format!("/{number}"));
        }
        (key, identity)
    }

    /// A key to send, which now and then is none.
    pub(crate) fn key_to_send(&self, random: &mut Random) -> Value {
        let (mut key, _) = self.key(random);
        if random.percent(2) {
            spoil(&mut key, random);
        }
        key.into()
    }

    /// An item, keys and all.
    pub(crate) fn item(&self, random: &mut Random) -> Value {
        let (mut item, _) = self.key(random);
        if random.percent(1) {
            spoil(&mut item, random);
        }
        for name in values::ATTRIBUTES {
            let percent = if matches!(*name, "l" | "m" | "n" | "s") { 50 } else { 30 };
            if random.percent(percent) {
                item.insert((*name).into(), values::of_attribute(name, random));
            }
        }
        item.into()
    }

    /// The key attributes that an exclusive start key of a read has.
    pub(crate) fn start_key(&self, index: Option<&Index>, random: &mut Random) -> Value {
        let (mut key, _) = self.key(random);
        for (name, _) in index.iter().flat_map(|index| index.partition.iter().chain(index.sort)) {
            if !key.contains_key(*name) {
                key.insert((*name).into(), values::of_attribute(name, random));
            }
        }
        if random.percent(10) {
            spoil(&mut key, random);
        }
        key.into()
    }
}

/// Makes something of a key that is none.
fn spoil(key: &mut Map<String, Value>, random: &mut Random) {
    let bad = match random.below(7) {
        0 => json!({"S": ""}),
        1 => json!({"B": ""}),
        2 => json!({"NULL": true}),
        3 => json!({"S": {"$repeat": ["k", 2049]}}),
        4 => values::of_any_type(1, random),
        5 => return drop(key.remove("pk")),
        _ => return drop(key.insert("other".into(), json!({"S": "a"}))),
    };
    let name = if random.percent(50) && key.contains_key("sk") { "sk" } else { "pk" };
    key.insert(name.into(), bad);
}

/// A call about a table.
pub(crate) fn operation(random: &mut Random) -> Step {
    match random.below(22) {
        0..3 => Step::new("CreateTable", create(random)),
        3..8 => Step::new("DescribeTable", json!({"TableName": any_name(random)})),
        8..13 => Step::new("UpdateTable", update(random)),
        13 | 14 => {
            let name = if random.percent(60) { "$New" } else { any_name(random) };
            Step::new("DeleteTable", json!({ "TableName": name }))
        }
        15 | 16 => {
            let asked = json!({
                "Enabled": random.percent(80),
                "AttributeName": random.pick(&["expires", "expires", "at"]),
            });
            let request = json!({"TableName": any_name(random), "TimeToLiveSpecification": asked});
            Step::new("UpdateTimeToLive", request)
        }
        17 => Step::new("DescribeTimeToLive", json!({"TableName": any_name(random)})),
        18 => {
            let tags: Vec<Value> = (0..random.within(1, 3))
                .map(|_| {
                    let key = random.pick(&["k1", "k1", "k2", "k2", "k3", "k4", "aws:k"]);
                    json!({"Key": key, "Value": random.pick(&["", "x", "y"])})
                })
                .collect();
            Step::new("TagResource", json!({"ResourceArn": arn(random), "Tags": tags}))
        }
        19 => {
            let keys = [random.pick(&["k1", "k2"]), random.pick(&["k3", "unknown"])];
            Step::new("UntagResource", json!({"ResourceArn": arn(random), "TagKeys": keys}))
        }
        20 => Step::new("ListTagsOfResource", json!({"ResourceArn": arn(random)})),
        _ => {
            let limit = random.within(1, 4);
            Step::new("ListTables", json!({"ExclusiveStartTableName": "$case", "Limit": limit}))
        }
    }
}

fn any_name(random: &mut Random) -> &'static str {
    if random.percent(3) { "$Missing" } else { Table::any(random).name }
}

fn arn(random: &mut Random) -> String {
    let name = any_name(random).trim_start_matches('$');
    format!("arn:aws:dynamodb:local:000000000000:table/${{{name}}}")
}

fn definition((name, kind): &(&str, &str)) -> Value {
    json!({"AttributeName": name, "AttributeType": kind})
}

fn late_index(random: &mut Random) -> Value {
    let projection = match random.below(4) {
        0 => json!({"ProjectionType": "KEYS_ONLY"}),
        1 => json!({"ProjectionType": "INCLUDE", "NonKeyAttributes": ["v", "w"]}),
        2 if random.percent(20) => json!({"ProjectionType": "KEYS_ONLY", "NonKeyAttributes": ["v"]}),
        _ => json!({"ProjectionType": "ALL"}),
    };
    json!({
        "IndexName": "late",
        "KeySchema": [{"AttributeName": "note", "KeyType": "HASH"}],
        "Projection": projection,
    })
}

/// A request that creates `New`, or tries to.
fn create(random: &mut Random) -> Value {
    let has_index = random.percent(40);
    let mut attributes = vec![("pk", "S")];
    let mut schema = vec![json!({"AttributeName": "pk", "KeyType": "HASH"})];
    let mut request = json!({"TableName": if random.percent(92) { "$New" } else { "$H" }});
    if has_index {
        attributes.push(("note", "S"));
        request["GlobalSecondaryIndexes"] = json!([late_index(random)]);
    }
    match random.below(24) {
        0 => attributes.push(("unused", "N")),
        1 => schema.push(json!({"AttributeName": "undefined", "KeyType": "RANGE"})),
        2 => schema[0]["KeyType"] = json!("RANGE"),
        3 => schema.push(json!({"AttributeName": "pk", "KeyType": "RANGE"})),
        4 => request["Tags"] = json!([{"Key": "k1", "Value": "x"}]),
        5 => request["TableClass"] = json!("STANDARD_INFREQUENT_ACCESS"),
        6 => {
            let key = json!([{"AttributeName": "pk", "KeyType": "HASH"}, {"AttributeName": "note", "KeyType": "RANGE"}]);
            let index =
                json!({"IndexName": "local", "KeySchema": key, "Projection": {"ProjectionType": "ALL"}});
            request["LocalSecondaryIndexes"] = json!([index]);
        }
        7 => request["OnDemandThroughput"] = json!({"MaxReadRequestUnits": 100, "MaxWriteRequestUnits": -1}),
        _ => {}
    }
    request["AttributeDefinitions"] = attributes.iter().map(definition).collect();
    request["KeySchema"] = schema.into();
    match random.below(8) {
        0 => request["ProvisionedThroughput"] = json!({"ReadCapacityUnits": 5, "WriteCapacityUnits": 5}),
        1 => request["BillingMode"] = json!("PROVISIONED"),
        _ => request["BillingMode"] = json!("PAY_PER_REQUEST"),
    }
    request
}

/// A request that changes a table, or tries to.
fn update(random: &mut Random) -> Value {
    let mut request = json!({"TableName": if random.percent(60) { "$H" } else { any_name(random) }});
    match random.below(12) {
        0..4 => {
            request["AttributeDefinitions"] = json!([definition(&("note", "S"))]);
            request["GlobalSecondaryIndexUpdates"] = json!([{"Create": late_index(random)}]);
        }
        4 | 5 => {
            let name = random.pick(&["late", "late", "keys", "byGrade", "missing"]);
            request["GlobalSecondaryIndexUpdates"] = json!([{"Delete": {"IndexName": name}}]);
        }
        6 => request["DeletionProtectionEnabled"] = random.percent(50).into(),
        7 => request["TableClass"] = json!(random.pick(&["STANDARD", "STANDARD_INFREQUENT_ACCESS"])),
        8 => {
            request["OnDemandThroughput"] =
                json!({"MaxReadRequestUnits": random.pick(&[1_000, -1, 0]), "MaxWriteRequestUnits": 1_000});
        }
        9 => {
            let units = random.pick(&[1, 5, 10]);
            request["BillingMode"] = json!("PROVISIONED");
            request["ProvisionedThroughput"] =
                json!({"ReadCapacityUnits": units, "WriteCapacityUnits": units});
        }
        10 => request["BillingMode"] = json!("PAY_PER_REQUEST"),
        _ => {}
    }
    request
}
