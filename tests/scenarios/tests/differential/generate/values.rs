//! Attribute values: few enough to meet again, and near the edges of what is allowed.

use super::random::Random;
use serde_json::{Map, Value, json};

/// The attributes that items may have besides their key.
pub(crate) const ATTRIBUTES: &[&str] =
    &["v", "w", "n", "s", "l", "m", "color", "grade", "note", "a", "b", "c", "d", "size", "expires"];

const TEXTS: &[&str] = &[
    "", "a", "b", "ab", "abc", "é", "e\u{301}", "日本", "😀", "A", " ", "0", "10", "a.b", "\u{0}", "\u{ffff}",
];
const NUMBERS: &[&str] = &[
    "0",
    "-0",
    "1",
    "-1",
    "2",
    "3",
    "7",
    "10",
    "1e3",
    "1000",
    "01000.0",
    "0.5",
    ".5",
    "5.",
    "+5",
    "0.1",
    "-0.1",
    "100.50",
    "1E125",
    "-9.9999999999999999999999999999999999999E+125",
    "1E-130",
    "-1e-130",
    "1e50",
    "12345678901234567890123456789012345678",
    "99999999999999999999999999999999999999",
    "0.12345678901234567890123456789012345678",
    "0e125",
    "1.e5",
];
const BINARIES: &[&str] = &["", "AA==", "YQ==", "YWI=", "/w==", "gA==", "fw==", "AAE="];
/// What no number may be.
const NO_NUMBERS: &[&str] = &[
    "",
    "abc",
    " 1",
    "1 ",
    "NaN",
    "Infinity",
    "0x10",
    "1e",
    "e1",
    ".",
    "-",
    "--1",
    "1.2.3",
    "1e126",
    "-1e126",
    "1e-131",
    "0e126",
    "0e-131",
    "1e99999999999999999999",
    "123456789012345678901234567890123456789",
    "1.00000000000000000000000000000000000001",
    "１",
];

/// One of the first few values of a key attribute, of four at most, and which it is: the same number for the same
/// value.
pub(crate) fn key_value(kind: &str, values: usize, random: &mut Random) -> (Value, usize) {
    let spellings: &[&[&str]] = match kind {
        "S" => &[&["a"], &["b"], &["ab"], &["é"]],
        "N" => &[&["1", "1.0", "1e0", "+01"], &["2"], &["-1", "-1.00"], &["1000", "1e3"]],
        _ => &[&["YQ=="], &["/w=="], &["AA=="], &["YQA="]],
    };
    let number = random.below(values);
    (json!({kind: random.pick(spellings[number])}), number)
}

/// The name of an attribute, which may be one that none can have.
pub(crate) fn attribute_name(random: &mut Random) -> Value {
    match random.below(8) {
        0 => json!(""),
        1 => json!({"$repeat": ["n", 65_535]}),
        // More bytes than a name may have. Of more characters AWS JSON has a constraint of its own.
        2 => json!({"$repeat": ["é", 40_000]}),
        3 => json!("a.b"),
        _ => json!(random.pick(ATTRIBUTES)),
    }
}

/// A value for the attribute of that name: mostly of the type that it has in keys and expressions.
pub(crate) fn of_attribute(name: &str, random: &mut Random) -> Value {
    if random.percent(3) {
        return of_any_type(2, random);
    }
    // Of some of them no index can be made.
    if random.percent(1) {
        return json!({"S": ""});
    }
    let text = |random: &mut Random, from: &[&str]| json!({"S": random.pick(from)});
    let number = |random: &mut Random, from: &[&str]| json!({"N": random.pick(from)});
    match name {
        "color" => text(random, &["red", "green", "blue"]),
        "note" => text(random, &["x", "xy", "y"]),
        "a" => text(random, &["p", "q"]),
        "c" => text(random, &["u", "v", "vw"]),
        "grade" => number(random, &["1", "2", "10", "1e1", "-3", "0.5"]),
        "b" => number(random, &["1", "2"]),
        "d" => number(random, &["3", "3.0", "4", "40"]),
        // Long ago is never due, and so is what is far ahead: nothing expires while answers are compared.
        "expires" => number(random, &["1", "9999999999", "9e9", "-5"]),
        "n" => json!({"N": random.pick(NUMBERS)}),
        "s" => set(random),
        "l" => list(1, random),
        "m" => map(1, random),
        _ => of_any_type(2, random),
    }
}

/// A value of a type: `S`, `N` and so on.
pub(crate) fn of_type(kind: &str, random: &mut Random) -> Value {
    match kind {
        "S" => json!({"S": random.pick(TEXTS)}),
        "N" => json!({"N": random.pick(NUMBERS)}),
        "B" => json!({"B": random.pick(BINARIES)}),
        "BOOL" => json!({"BOOL": random.percent(50)}),
        "NULL" => json!({"NULL": true}),
        "L" => list(1, random),
        "M" => map(1, random),
        kind => set_of(kind, random),
    }
}

/// A value of any type, with so many levels at most below it.
pub(crate) fn of_any_type(levels: usize, random: &mut Random) -> Value {
    match random.below(12) {
        0 | 1 => of_type("S", random),
        2..5 => of_type("N", random),
        5 => of_type("B", random),
        6 => of_type(random.pick(&["BOOL", "NULL"]), random),
        7 if levels > 0 => list(levels - 1, random),
        8 if levels > 0 => map(levels - 1, random),
        9 => json!({"S": {"$repeat": ["x", random.pick(&[1_000, 1_023, 1_024, 4_096, 5_000])]}}),
        _ => set(random),
    }
}

/// A set of some type.
pub(crate) fn set(random: &mut Random) -> Value {
    let kind = random.weighted(&[(3, "SS"), (2, "NS"), (1, "BS")]);
    set_of(kind, random)
}

fn set_of(kind: &str, random: &mut Random) -> Value {
    let from: &[&str] = match kind {
        "SS" => &["a", "b", "", "é", "ab"],
        "NS" => &["1", "2.0", "1e1", "-0", "0.5"],
        _ => &["", "AA==", "YQ==", "/w=="],
    };
    let mut members: Vec<&str> = from.iter().copied().filter(|_| random.percent(50)).collect();
    if members.is_empty() {
        members.push(random.pick(from));
    }
    json!({kind: members})
}

/// A list whose elements have so many levels at most below them.
pub(crate) fn list(levels: usize, random: &mut Random) -> Value {
    let length = random.below(4);
    json!({"L": (0..length).map(|_| of_any_type(levels, random)).collect::<Vec<_>>()})
}

/// A map whose members have so many levels at most below them.
pub(crate) fn map(levels: usize, random: &mut Random) -> Value {
    let mut members = Map::new();
    for name in ["x", "y", "z", "size"] {
        if random.percent(50) {
            members.insert(name.into(), of_any_type(levels, random));
        }
    }
    json!({"M": members})
}

/// What no attribute's value may be.
pub(crate) fn bad(random: &mut Random) -> Value {
    let bad = match random.below(10) {
        0 => json!({}),
        1 => json!({"SS": []}),
        2 => json!({"NS": []}),
        3 => json!({"BS": []}),
        4 => json!({"SS": ["a", "b", "a"]}),
        5 => json!({"NS": ["1", "2", "1.0"]}),
        6 => json!({"BS": ["YQ==", "YQ=="]}),
        7 => json!({"NS": ["1", random.pick(NO_NUMBERS)]}),
        8 => json!({"$nested": [32, {"S": "x"}]}),
        _ => json!({"N": random.pick(NO_NUMBERS)}),
    };
    match random.below(6) {
        0 => json!({"L": [{"S": "a"}, bad]}),
        1 => json!({"M": {"x": bad, "y": {"NULL": true}}}),
        _ => bad,
    }
}
