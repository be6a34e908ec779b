//! Names and values at and beyond the edges of what is allowed.

use crate::random::Random;
use serde_json::{Value, json};

/// The name of an attribute or a map's member.
pub(crate) fn name(random: &mut Random) -> String {
    match random.below(24) {
        0 | 1 => String::new(),
        2 => "n".repeat(65_535),
        3 | 4 => "n".repeat(65_536),
        // 65,535 characters, and more bytes than a name may have.
        5 => "é".repeat(65_535),
        6 => "é".repeat(32_767),
        7 => "n".repeat(255),
        8 => "n".repeat(256),
        9 => "\u{0}".to_owned(),
        10 => "a.b[0]".to_owned(),
        11 => "#n".to_owned(),
        12 => "\u{202e}😀\u{ffff}".to_owned(),
        13 => "g".to_owned(),
        14 => "l".to_owned(),
        15 => "pk".to_owned(),
        16 => "expires".to_owned(),
        17 => " ".to_owned(),
        _ => random.pick(&["a", "b", "c", "size", "Name"]).to_owned(),
    }
}

/// A value, which mostly breaks no rule.
pub(crate) fn value(random: &mut Random) -> Value {
    match random.below(30) {
        0 => json!({}),
        1 => json!({"SS": []}),
        2 => json!({"NS": ["1", "1.0"]}),
        3 => json!({"BS": ["YQ==", "YQ=="]}),
        4 => json!({"N": random.pick(&["", "1e126", "NaN", "123456789012345678901234567890123456789"])}),
        5 => {
            json!({"N": random.pick(&["1E125", "-1e-130", "-0", "0e125", ".5", "9.9999999999999999999999999999999999999E+125"])})
        }
        6 => json!({"NULL": random.percent(70)}),
        7 => json!({"S": "a", "N": "1"}),
        8..12 => nested(random.pick(&[29, 30, 31, 32, 33, 40]), random),
        12 | 13 => json!({"S": "x".repeat(random.pick(&[409_500, 409_550, 409_600, 409_601, 500_000]))}),
        14 => json!({"S": "é".repeat(random.pick(&[102_400, 204_750, 204_800]))}),
        15 => json!({"M": {name(random): value(random)}}),
        16 => json!({"L": [value(random), {"M": {name(random): {"BOOL": true}}}]}),
        17 => json!({"NS": ["1", "1e1", "-0.5", "1E-130"]}),
        18 => json!({"SS": ["", "a", "é"]}),
        19 => json!({"B": ""}),
        20 => json!({"S": ""}),
        21 => json!({"B": "YQ=="}),
        22 => json!({"L": [{"N": "1"}, {"S": "\u{0}"}]}),
        23 => json!({"M": {}}),
        _ => json!({"S": random.pick(&["a", "b", "\u{ffff}"])}),
    }
}

/// A value within so many containers.
fn nested(containers: usize, random: &mut Random) -> Value {
    let innermost = json!(random.pick(&[true, false]));
    (0..containers).fold(json!({ "BOOL": innermost }), |inner, _| match random.below(3) {
        0 => json!({"M": {"m": inner}}),
        _ => json!({"L": [inner]}),
    })
}
