//! Texts as deep as 4,096 bytes can be take no more stack than flat ones.

// Tests stop by panicking.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

mod common;

use cairn_expression::{
    Bindings, EXPRESSION_BYTES_MAX, ParsedCondition, ParsedKeyCondition, ParsedProjection, ParsedUpdate,
};
use common::{bindings, condition, item, projection, update};
use serde_json::json;
use std::fmt::Debug;

/// Runs with a stack of 256 KiB, where recursion over a thousand levels does not fit.
fn on_a_small_stack<T: Send + 'static>(test: impl FnOnce() -> T + Send + 'static) -> T {
    std::thread::Builder::new().stack_size(256 * 1024).spawn(test).unwrap().join().unwrap()
}

/// `unit` as often as fits, with `end` after it.
fn filled(unit: &str, end: &str) -> String {
    unit.repeat((EXPRESSION_BYTES_MAX - end.len()) / unit.len()) + end
}

/// `open` and `close` around `inside` as often as fits.
fn nested(before: &str, open: &str, inside: &str, close: &str, after: &str) -> String {
    let around = before.len() + inside.len() + after.len();
    let levels = (EXPRESSION_BYTES_MAX - around) / (open.len() + close.len());
    format!("{before}{}{inside}{}{after}", open.repeat(levels), close.repeat(levels))
}

/// Parses what a parsed text prints again, where that is not too long: printing adds spaces.
fn reads_back<P: ToString + PartialEq, E: Debug>(parsed: &P, parse: impl Fn(&str) -> Result<P, E>) -> bool {
    let printed = parsed.to_string();
    printed.len() > EXPRESSION_BYTES_MAX || parse(&printed).unwrap() == *parsed
}

/// All that is done with a text of any kind. Gives which kinds it is a text of.
fn try_everything(text: &str) -> Vec<&'static str> {
    assert!(text.len() <= EXPRESSION_BYTES_MAX);
    let mut bindings = bindings(&json!({":v": 1, ":l": [], "#a": "a"}));
    let sample = item(&json!({"a": {"a": [1]}}));
    let mut kinds = Vec::new();
    if let Ok(parsed) = ParsedCondition::parse(text) {
        assert!(reads_back(&parsed, ParsedCondition::parse));
        assert!(!format!("{:?}", parsed.clone()).is_empty());
        if let Ok(condition) = parsed.bind(&mut bindings) {
            condition.clone().evaluate(&sample);
            assert!(!format!("{condition:?}").is_empty());
        }
        kinds.push("condition");
    }
    if let Ok(parsed) = ParsedKeyCondition::parse(text) {
        assert!(!parsed.clone().to_string().is_empty());
        let _ = parsed.bind(&mut bindings).map(|condition| format!("{condition:?}"));
        kinds.push("key condition");
    }
    if let Ok(parsed) = ParsedProjection::parse(text) {
        assert!(reads_back(&parsed, ParsedProjection::parse));
        if let Ok(projection) = parsed.bind(&mut bindings) {
            projection.clone().apply(&sample);
        }
        kinds.push("projection");
    }
    if let Ok(parsed) = ParsedUpdate::parse(text) {
        assert!(reads_back(&parsed, ParsedUpdate::parse));
        if let Ok(update) = parsed.bind(&mut bindings) {
            let _ = update.clone().apply(Some(&sample));
            assert!(!format!("{update:?}").is_empty());
        }
        kinds.push("update");
    }
    kinds
}

#[test]
fn deep_texts_fit_a_small_stack() {
    let set = |value: String| format!("SET a = {}", value);
    let deepest = |open: &str, inside: &str, close: &str| nested("", open, inside, close, "");
    let (condition, projection, update) = (["condition", "key condition"], ["projection"], ["update"]);
    for (text, kinds) in [
        // Off the grammar, but only after thousands of levels.
        (filled("(", ""), &[][..]),
        (filled("NOT ", ""), &[]),
        (filled("NOT(", ""), &[]),
        (filled("f(", ""), &[]),
        (filled("a IN(", ""), &[]),
        (filled("a BETWEEN ", ""), &[]),
        (filled("[0]", ""), &[]),
        (set(filled("f(", "")[..4000].to_owned()), &[]),
        // Against a static rule: only key conditions find that out when they are bound.
        (deepest("(", "a = :v", ")"), &["key condition"]),
        (nested("", "(", "a", ")", " = :v"), &["key condition"]),
        (nested("", "f(", "a", ")", " = :v"), &["key condition"]),
        (nested("SET a = ", "(", "a", ")", ""), &[]),
        (nested("SET a = ", "f(", "a", ")", ""), &[]),
        (filled("a=:v OR ", "a=:v"), &[]),
        (deepest("NOT(", "a = :v", ")"), &[]),
        (nested("", "size(", "a", ")", " = :v"), &condition),
        // Fine.
        (filled("a.", "a = :v"), &condition),
        (filled("a.", "a"), &projection),
        (filled("a,", "a"), &projection),
        (deepest("(", "a", ").a"), &projection),
        (nested("SET ", "a.", "a", "", " = :v"), &update),
        (nested("REMOVE a", "[0]", "", "", ""), &update),
        (nested("SET a = ", "if_not_exists(b,", "a", ")", ""), &update),
        (nested("SET a = ", "list_append(a,if_not_exists(b,", ":l", "))", ""), &update),
    ] {
        let shown = text[..32].to_owned();
        assert_eq!(on_a_small_stack(move || try_everything(&text)), kinds, "{shown}…");
    }
}

#[test]
fn deep_conditions_are_evaluated() {
    on_a_small_stack(|| {
        let sample = item(&json!({"a": 1}));
        for (levels, holds) in [(299, true), (298, false)] {
            let nots = format!("{}a <> :v", "NOT ".repeat(levels));
            assert_eq!(condition(&nots, &json!({":v": 1})).unwrap().evaluate(&sample), holds, "{levels}");
            let groups = format!("{}a <> :v{}", "NOT (".repeat(levels), ")".repeat(levels));
            assert_eq!(condition(&groups, &json!({":v": 1})).unwrap().evaluate(&sample), holds, "{levels}");
        }
        let right = format!("{}a = :v{}", "a <> :v OR (".repeat(149), ")".repeat(149));
        assert!(condition(&right, &json!({":v": 1})).unwrap().evaluate(&sample));
        let left = format!("{}a = :v{}", "(".repeat(149), " AND a = :v)".repeat(149));
        assert!(condition(&left, &json!({":v": 1})).unwrap().evaluate(&sample));
    });
}

#[test]
fn deep_values_are_computed() {
    on_a_small_stack(|| {
        let text = nested("SET a = ", "if_not_exists(b,", ":v", ")", "");
        let updated = update(&text, &json!({":v": 7})).unwrap().apply(None).unwrap();
        assert_eq!(updated.item, Some(item(&json!({"a": 7}))));
    });
}

#[test]
fn deep_paths_find_nothing() {
    on_a_small_stack(|| {
        let sample = item(&json!({"a": {"a": {"a": 1}}}));
        let path = filled("a.", "a");
        assert!(projection(&path, &json!({})).unwrap().apply(&sample).is_empty());
        let remove = format!("REMOVE {}", filled("a.", "a").get(10..).unwrap());
        assert!(update(&remove, &json!({})).unwrap().apply(Some(&sample)).is_err());
        let parsed =
            ParsedCondition::parse(&format!("attribute_not_exists({})", "a.".repeat(2000) + "a")).unwrap();
        assert!(parsed.bind(&mut Bindings::default()).unwrap().evaluate(&sample));
    });
}
