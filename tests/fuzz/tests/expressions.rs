//! Any text is an expression, which prints as one that means the same and does what it does within its limits, or it
//! is refused.

// Tests stop by panicking.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

mod common;

use cairn_expression::{
    Bindings, EXPRESSION_BYTES_MAX, ParsedCondition, ParsedKeyCondition, ParsedProjection, ParsedUpdate,
};
use cairn_fuzz::rand::rngs::SmallRng;
use cairn_fuzz::rand::{RngExt, SeedableRng};
use cairn_fuzz::{Fuzzer, mutated, number_of};
use cairn_model::{AttributeMap, AttributeValue, DecodeBudget, KeyAttribute, KeyType, decode_attributes};
use std::collections::BTreeMap;
use std::fmt::Debug;

const CONDITIONS: &[&str] = &[
    "a = :v",
    "a <> b AND NOT (c < :v OR #n >= :w)",
    "a BETWEEN :v AND :w",
    "a IN (:v, :w, b.c[0])",
    "attribute_exists(a) and attribute_not_exists(b[1].c)",
    "attribute_type(a, :t)",
    "begins_with(a, :s) OR contains(b, :v)",
    "size(a.b) > :w",
];
const KEY_CONDITIONS: &[&str] =
    &["a = :v", "a = :v AND b < :w", "#n = :v AND (b BETWEEN :v AND :w)", "(a = :v) AND begins_with(b, :s)"];
const PROJECTIONS: &[&str] = &["a", "a.b, b[0].c, #n", "a[0][1], a[2], c.#n.b"];
const UPDATES: &[&str] = &[
    "SET a = :v",
    "SET a = a + :w, b.c = if_not_exists(b.c, :v) - :w REMOVE c",
    "SET #n[0] = list_append(if_not_exists(#n, :l), :l)",
    "ADD a :w, b :ss DELETE c :ss",
    "REMOVE a[0], a[1], b.c SET c = (:w)",
];
const TOKENS: &[&str] = &[
    "a",
    "b",
    "c",
    "#n",
    "#m",
    ":v",
    ":w",
    ":s",
    ":t",
    ":l",
    ":ss",
    "name",
    "[0]",
    "[",
    "]",
    "[99999999999]",
    ".",
    "(",
    ")",
    "((",
    "))",
    ",",
    " ",
    "=",
    "<>",
    "<",
    "<=",
    ">",
    ">=",
    "+",
    "-",
    " AND ",
    " OR ",
    " NOT ",
    "NOT (",
    " BETWEEN ",
    " IN ",
    "SET ",
    "REMOVE ",
    "ADD ",
    "DELETE ",
    "size(",
    "contains(",
    "begins_with(",
    "attribute_exists(",
    "attribute_not_exists(",
    "attribute_type(",
    "if_not_exists(",
    "list_append(",
    "foo(",
    "a = :v AND ",
    "a.b",
    "#",
    ":",
    "_",
    "\"",
    "\u{e9}",
    "\u{1f5ff}",
    "\n",
];

/// What a reader, and what the test does with what it read, may hold at once. A text that is too long is refused before
/// anything is made of it.
fn memory_bytes_max(input_bytes: usize) -> usize {
    if input_bytes > EXPRESSION_BYTES_MAX { 1024 } else { 64 * 1024 + 200 * input_bytes }
}

/// A kind's seeds are its own texts; whole texts of other kinds are among the tokens.
fn fuzzer(target: &'static str, seeds: &[&str]) -> Fuzzer {
    let bytes =
        |texts: &[&str]| -> Vec<Vec<u8>> { texts.iter().map(|text| text.as_bytes().into()).collect() };
    let tokens = [TOKENS, CONDITIONS, UPDATES].concat();
    Fuzzer { target, seeds: bytes(seeds), large_seeds: Vec::new(), tokens: bytes(&tokens), memory_bytes_max }
}

/// Names and values, and an item that was decoded from a mutated encoding.
struct Surroundings {
    bindings: Bindings,
    item: AttributeMap,
}

/// The same for the same text.
fn surroundings(text: &[u8]) -> Surroundings {
    let mut random = SmallRng::seed_from_u64(number_of(text));
    let values = common::values();
    let mut any_value = || values[random.random_range(0..values.len())].clone();
    let mut bound: BTreeMap<String, AttributeValue> =
        [":v", ":w", ":s", ":t", ":l", ":ss"].map(|key| (key.to_owned(), any_value())).into();
    if random.random() {
        // Values that most operators accept, so that more than refusals is seen.
        bound.insert(":w".to_owned(), AttributeValue::N(2_i64.into()));
        bound.insert(":s".to_owned(), AttributeValue::S("a".to_owned()));
        bound.insert(":t".to_owned(), AttributeValue::S("S".to_owned()));
        bound.insert(":l".to_owned(), AttributeValue::L(vec![AttributeValue::Null]));
        bound.insert(":ss".to_owned(), AttributeValue::Ss(["a".to_owned()].into()));
    }
    let names = [("#n", "a"), ("#m", "a.b")].map(|(key, name)| (key.to_owned(), name.to_owned())).into();
    let encodings = common::encoded_items();
    let item = (0..8)
        .map(|_| mutated(&encodings, &encodings, &mut random))
        .find_map(|encoding| decode_attributes(&encoding, &mut DecodeBudget::item()).ok());
    Surroundings {
        bindings: Bindings::new(Some(names), Some(bound)).unwrap(),
        item: item.unwrap_or_default(),
    }
}

/// A parsed text prints as one that reads the same, where that is not too long: printing adds spaces.
fn check_printed<P: ToString + PartialEq + Debug, E: Debug>(
    parsed: &P,
    parse: impl Fn(&str) -> Result<P, E>,
) {
    let printed = parsed.to_string();
    if printed.len() <= EXPRESSION_BYTES_MAX {
        let again = parse(&printed).unwrap();
        assert_eq!(&again, parsed);
        assert_eq!(again.to_string(), printed);
    }
}

/// Runs `read` on texts, and checks that some were accepted and some refused.
fn fuzz(
    target: &'static str,
    seeds: &[&str],
    read: impl Fn(&str, &dyn Fn() -> Surroundings) -> bool + Send + 'static,
) {
    let (inputs, accepted) = fuzzer(target, seeds).run(move |input| {
        let is_accepted = std::str::from_utf8(input).is_ok_and(|text| read(text, &|| surroundings(input)));
        assert!(!is_accepted || input.len() <= EXPRESSION_BYTES_MAX);
        is_accepted
    });
    assert!(accepted > 0 && inputs > accepted, "{accepted} of {inputs} accepted");
}

fn check_condition<E: Debug>(
    parse: impl Fn(&str) -> Result<ParsedCondition, E>,
    text: &str,
    given: impl Fn() -> Surroundings,
) -> bool {
    let Ok(parsed) = parse(text) else { return false };
    check_printed(&parsed, parse);
    let mut given = given();
    if let Ok(condition) = parsed.bind(&mut given.bindings) {
        let holds = condition.evaluate(&given.item);
        assert_eq!(condition.not().evaluate(&given.item), !holds);
    }
    true
}

#[test]
fn any_text_is_a_condition_or_refused() {
    fuzz("condition", CONDITIONS, |text, given| check_condition(ParsedCondition::parse, text, given));
}

#[test]
fn any_text_is_a_filter_or_refused() {
    fuzz("filter", CONDITIONS, |text, given| check_condition(ParsedCondition::parse_filter, text, given));
}

#[test]
fn any_text_is_a_key_condition_or_refused() {
    let keys = |names: &[&str], key_type: KeyType| -> Vec<KeyAttribute> {
        names.iter().map(|name| KeyAttribute { name: (*name).to_owned(), key_type }).collect()
    };
    fuzz("key_condition", KEY_CONDITIONS, move |text, given| {
        let Ok(parsed) = ParsedKeyCondition::parse(text) else { return false };
        let mut given = given();
        if let Ok(condition) = parsed.bind(&mut given.bindings) {
            check_printed(&parsed, ParsedKeyCondition::parse);
            for key_type in [KeyType::S, KeyType::N, KeyType::B] {
                // Whether these attributes can be asked for so is not the point: the answer is one or the other.
                let _ = condition.resolve(&keys(&["a"], key_type), &keys(&["b"], key_type));
                let _ = condition.resolve(&keys(&["a", "c"], key_type), &[]);
            }
        }
        true
    });
}

#[test]
fn any_text_is_a_projection_or_refused() {
    fuzz("projection", PROJECTIONS, |text, given| {
        let Ok(parsed) = ParsedProjection::parse(text) else { return false };
        check_printed(&parsed, ParsedProjection::parse);
        let mut given = given();
        if let Ok(projection) = parsed.bind(&mut given.bindings) {
            let projected = projection.apply(&given.item);
            assert!(projected.keys().all(|name| given.item.contains_key(name)));
            // What is projected has its list elements moved together, so only names stay where they were.
            assert!(projected.len() <= projection.paths().len());
        }
        true
    });
}

#[test]
fn any_text_is_an_update_or_refused() {
    fuzz("update", UPDATES, |text, given| {
        let Ok(parsed) = ParsedUpdate::parse(text) else { return false };
        check_printed(&parsed, ParsedUpdate::parse);
        let mut given = given();
        if let Ok(update) = parsed.bind(&mut given.bindings) {
            let _ = update.updated_old(Some(&given.item));
            if let Ok(updated) = update.apply(Some(&given.item)) {
                let _ = update.updated_new(&updated);
                let item = updated.item.unwrap();
                let known = update.attributes();
                assert!(item.keys().all(|name| given.item.contains_key(name) || known.contains(&**name)));
            }
            if let Ok(created) = update.apply(None) {
                assert_eq!(created.item.is_none(), update.only_removes());
            }
        }
        true
    });
}
