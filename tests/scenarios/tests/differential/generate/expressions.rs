//! Expressions and the placeholders that they need.

use super::random::Random;
use super::tables::{KeyAttribute, Table};
use super::values;
use serde_json::{Map, Value, json};

/// Attributes that expressions speak of, and places within them.
const PATHS: &[&str] = &[
    "v",
    "w",
    "n",
    "s",
    "l",
    "m",
    "color",
    "grade",
    "note",
    "a",
    "b",
    "size",
    "expires",
    "gone",
    "m.x",
    "m.y",
    "m.x.y",
    "m.size",
    "l[0]",
    "l[1]",
    "l[7]",
    "l[0].x",
    "l[1][0]",
    "m.z[0]",
    "v.x",
    "v[0]",
    "n.x",
    "gone.x",
    "l[2]",
    "l[3]",
    "l[4294967294]",
    "l[4294967295]",
    "color.x",
    "grade[0]",
];
/// How many of them are attributes and not within one.
const ATTRIBUTES: usize = 14;
const COMPARATORS: &[&str] = &["=", "<>", "<", "<=", ">", ">="];
const RESERVED: &[&str] = &["size", "Name"];

/// The expressions of one request share placeholders.
#[derive(Default)]
pub(crate) struct Placeholders {
    names: Map<String, Value>,
    values: Map<String, Value>,
}

impl Placeholders {
    /// Puts them into a request, each kind if there are any.
    pub(crate) fn put_into(self, request: &mut Map<String, Value>) {
        if !self.names.is_empty() {
            request.insert("ExpressionAttributeNames".into(), self.names.into());
        }
        if !self.values.is_empty() {
            request.insert("ExpressionAttributeValues".into(), self.values.into());
        }
    }

    /// A placeholder of that value.
    pub(crate) fn value(&mut self, value: Value) -> String {
        let name = format!(":v{}", self.values.len());
        self.values.insert(name.clone(), value);
        name
    }

    /// Adds a name that no expression mentions.
    pub(crate) fn name_unused(&mut self) {
        self.names.insert("#unused".into(), "v".into());
    }

    /// A name as an expression may have it: itself, or through a placeholder.
    pub(crate) fn name(&mut self, name: &str, random: &mut Random) -> String {
        let is_plain = !RESERVED.contains(&name) || random.percent(3);
        if is_plain && !random.percent(15) {
            return name.to_owned();
        }
        let placeholder = format!("#n{}", self.names.len());
        self.names.insert(placeholder.clone(), name.into());
        placeholder
    }

    /// A path, such as `m.x[0]`, as an expression may have it.
    pub(crate) fn path(&mut self, path: &str, random: &mut Random) -> String {
        let elements = path.split('.').map(|element| match element.split_once('[') {
            Some((name, rest)) => format!("{}[{rest}", self.name(name, random)),
            None => self.name(element, random),
        });
        elements.collect::<Vec<_>>().join(".")
    }

    fn any_path(&mut self, table: &Table, random: &mut Random) -> String {
        let path = if random.percent(8) { table.key[0].0 } else { random.pick(PATHS) };
        self.path(path, random)
    }

    /// A condition, or a filter.
    pub(crate) fn condition(&mut self, table: &Table, levels: usize, random: &mut Random) -> String {
        if levels > 0 && random.percent(30) {
            let first = self.condition(table, levels - 1, random);
            return match random.below(4) {
                0 => format!("NOT {first}"),
                1 => format!("({first})"),
                2 => format!("{first} AND {}", self.condition(table, levels - 1, random)),
                _ => format!("({first}) OR {}", self.condition(table, levels - 1, random)),
            };
        }
        let named = random.pick(PATHS);
        let top = named.split(['.', '[']).next().unwrap();
        match random.below(12) {
            0 => format!("attribute_exists({})", self.any_path(table, random)),
            1 => format!("attribute_not_exists({})", self.any_path(table, random)),
            2 => {
                let path = self.path(named, random);
                let kinds = ["S", "N", "B", "BOOL", "NULL", "L", "M", "SS", "NS", "BS"];
                let kind = json!({"S": random.pick(&kinds)});
                format!("attribute_type({path}, {})", self.value(kind))
            }
            3 => {
                let kind = random.weighted(&[(8, "S"), (2, "B"), (1, "N")]);
                let value = values::of_type(kind, random);
                format!("begins_with({}, {})", self.path(named, random), self.value(value))
            }
            4 => {
                let value = values::of_any_type(1, random);
                format!("contains({}, {})", self.path(named, random), self.value(value))
            }
            5 => {
                let path = self.path(named, random);
                let number = json!({"N": random.pick(&["0", "1", "2", "3"])});
                format!("size({path}) {} {}", random.pick(COMPARATORS), self.value(number))
            }
            6 => {
                let kind = random.weighted(&[(4, "N"), (3, "S"), (1, "B")]);
                let (low, high) = match kind {
                    "N" => (json!({"N": "-1"}), json!({"N": random.pick(&["1", "1e3", "-2"])})),
                    "S" => (json!({"S": "a"}), json!({"S": random.pick(&["b", "z", "A"])})),
                    _ => (json!({"B": "AA=="}), json!({"B": "/w=="})),
                };
                let path = self.path(named, random);
                format!("{path} BETWEEN {} AND {}", self.value(low), self.value(high))
            }
            7 => {
                let count = random.within(1, 3);
                let path = self.path(named, random);
                let among: Vec<String> =
                    (0..count).map(|_| self.value(values::of_attribute(top, random))).collect();
                format!("{path} IN ({})", among.join(", "))
            }
            8 => {
                let other = random.pick(PATHS);
                let (first, second) = (self.path(named, random), self.path(other, random));
                format!("{first} {} {second}", random.pick(COMPARATORS))
            }
            _ => {
                let value = values::of_attribute(top, random);
                // Most types have no order, and literals of them are refused at once.
                let ordered = value.get("N").or(value.get("S")).or(value.get("B")).is_some();
                let comparators = if ordered || random.percent(10) { COMPARATORS } else { &COMPARATORS[..2] };
                let path = self.path(named, random);
                format!("{path} {} {}", random.pick(comparators), self.value(value))
            }
        }
    }

    /// A condition about whether the item is there, or any other.
    pub(crate) fn write_condition(&mut self, table: &Table, random: &mut Random) -> String {
        match random.below(4) {
            0 => "attribute_exists(pk)".to_owned(),
            1 => "attribute_not_exists(pk)".to_owned(),
            _ => self.condition(table, 2, random),
        }
    }

    /// Some paths, parted by commas.
    pub(crate) fn projection(&mut self, table: &Table, random: &mut Random) -> String {
        let count = random.within(1, 4);
        let paths = distinct_paths(count, random);
        let mut texts: Vec<String> = paths.into_iter().map(|path| self.path(path, random)).collect();
        if random.percent(50) {
            texts.push(table.key[0].0.to_owned());
        }
        texts.join(", ")
    }

    /// Clauses that set, remove, add and delete.
    pub(crate) fn update(&mut self, random: &mut Random) -> String {
        let count = random.within(1, 4);
        let mut clauses: [Vec<String>; 4] = Default::default();
        for path in distinct_paths(count, random) {
            let top = path.split(['.', '[']).next().unwrap();
            let (clause, text) = self.action(path, top, random);
            clauses[clause].push(text);
        }
        if random.percent(1) {
            let value = self.value(json!({"S": "x"}));
            clauses[0].push(format!("pk = {value}"));
        }
        let mut order = [0, 1, 2, 3];
        order.rotate_left(random.below(4));
        let parts = order.into_iter().filter(|clause| !clauses[*clause].is_empty()).map(|clause| {
            format!("{} {}", ["SET", "REMOVE", "ADD", "DELETE"][clause], clauses[clause].join(", "))
        });
        parts.collect::<Vec<_>>().join(" ")
    }

    /// What an update does to a path, and under which of its clauses.
    fn action(&mut self, path: &str, top: &str, random: &mut Random) -> (usize, String) {
        let target = self.path(path, random);
        match (top, random.below(8)) {
            ("n" | "grade", 0 | 1) => {
                let value = json!({"N": random.pick(&["1", "-1", "0.5", "1e50", "1E125", "1e-130"])});
                (2, format!("{target} {}", self.value(value)))
            }
            ("n" | "grade", 2..5) => {
                let by = json!({"N": random.pick(&["1", "3", "-0.1", "9e125", "1E-130"])});
                let source = match random.below(5) {
                    0 => target.clone(),
                    _ => format!("if_not_exists({target}, {})", self.value(json!({"N": "0"}))),
                };
                let by = self.value(by);
                (0, format!("{target} = {source} {} {by}", random.pick(&["+", "-"])))
            }
            ("s", 0..6) => {
                let value = self.value(values::set(random));
                (random.within(2, 3), format!("{target} {value}"))
            }
            ("l", 0..4) if path == "l" => {
                let value = self.value(values::list(1, random));
                let text = match random.below(6) {
                    0 => format!("{target} = list_append({target}, {value})"),
                    1 => format!("{target} = list_append({value}, {target})"),
                    _ => {
                        let empty = self.value(json!({"L": []}));
                        format!("{target} = list_append(if_not_exists({target}, {empty}), {value})")
                    }
                };
                (0, text)
            }
            (_, 0 | 1) => (1, target),
            (_, 2) => {
                let source = random.pick(PATHS);
                let value = self.value(values::of_attribute(top, random));
                (0, format!("{target} = if_not_exists({}, {value})", self.path(source, random)))
            }
            (_, 3) if random.percent(15) => {
                let source = random.pick(PATHS);
                (0, format!("{target} = {}", self.path(source, random)))
            }
            // Of an item that is not there, its key can be read all the same.
            (_, 3) if random.percent(30) => match random.below(2) {
                0 => (0, format!("{target} = pk")),
                _ => (0, format!("{target} = if_not_exists({target}, pk)")),
            },
            _ => {
                let value = self.value(values::of_attribute(top, random));
                (0, format!("{target} = {value}"))
            }
        }
    }

    /// A key condition for a key of these attributes.
    pub(crate) fn key_condition(
        &mut self,
        partition: &[KeyAttribute],
        sort: &[KeyAttribute],
        random: &mut Random,
    ) -> String {
        let mut clauses = Vec::new();
        for (name, kind) in partition {
            let value = key_operand(name, kind, random);
            let (name, value) = (self.name(name, random), self.value(value));
            clauses.push(if random.percent(90) {
                format!("{name} = {value}")
            } else {
                format!("{value} = {name}")
            });
        }
        let named = random.within(0, sort.len());
        for (number, (name, kind)) in sort[..named].iter().enumerate() {
            let value = key_operand(name, kind, random);
            let (written, value) = (self.name(name, random), self.value(value));
            let is_last = number + 1 == named;
            clauses.push(match random.below(5) {
                0 | 1 if is_last => format!("{written} {} {value}", random.pick(&["<", "<=", ">", ">="])),
                2 if is_last => {
                    let high = key_operand(name, kind, random);
                    format!("{written} BETWEEN {value} AND {}", self.value(high))
                }
                3 if is_last && (*kind != "N" || random.percent(10)) => {
                    format!("begins_with({written}, {value})")
                }
                _ => format!("{written} = {value}"),
            });
        }
        let first = random.below(clauses.len());
        clauses.rotate_left(first);
        clauses.join(" AND ")
    }
}

fn key_operand(name: &str, kind: &str, random: &mut Random) -> Value {
    if random.percent(2) {
        return values::of_any_type(1, random);
    }
    match name {
        "pk" => values::key_value(kind, 2, random).0,
        "sk" => values::key_value(kind, 4, random).0,
        _ => values::of_attribute(name, random),
    }
}

/// Paths that mostly do not meet: a document may not be addressed twice.
fn distinct_paths(count: usize, random: &mut Random) -> Vec<&'static str> {
    let mut paths: Vec<&str> = Vec::new();
    for _ in 0..count {
        // What is within an attribute can only be changed if the attribute is there, which it mostly is not.
        let path = if random.percent(80) { random.pick(&PATHS[..ATTRIBUTES]) } else { random.pick(PATHS) };
        let meets = paths.iter().any(|other| path.starts_with(other) || other.starts_with(path));
        if !meets || random.percent(5) {
            paths.push(path);
        }
    }
    paths
}
