use super::*;
use proptest::prelude::*;

fn number(text: &str) -> Number {
    text.parse().unwrap_or_else(|error| panic!("{text}: {error}"))
}

fn canonical(text: &str) -> String {
    number(text).to_string()
}

#[test]
fn text_comes_back_canonical() {
    for (given, expected) in [
        ("0", "0"),
        ("-0", "0"),
        ("0.000", "0"),
        (".5", "0.5"),
        ("5.", "5"),
        ("+5", "5"),
        ("1.e5", "100000"),
        ("1e3", "1000"),
        ("01000.0", "1000"),
        ("1000", "1000"),
        ("1.50", "1.5"),
        ("-12.0340", "-12.034"),
        ("100.5", "100.5"),
        ("0.0000001", "0.0000001"),
        ("1E-3", "0.001"),
        ("120e-1", "12"),
        ("10203040", "10203040"),
        ("0.00120e2", "0.12"),
        ("1e+2", "100"),
        ("00.10", "0.1"),
    ] {
        assert_eq!(canonical(given), expected, "{given}");
    }
    assert_eq!(canonical("1E125"), format!("1{}", "0".repeat(125)));
    assert_eq!(canonical("1E-130"), format!("0.{}1", "0".repeat(129)));
}

#[test]
fn what_is_not_decimal_text_is_refused() {
    for text in [
        "",
        " ",
        " 1",
        "1 ",
        "1 2",
        "NaN",
        "Infinity",
        "-",
        "+",
        ".",
        "e5",
        "1e",
        "1e+",
        "1.2.3",
        "1+2",
        "0x1f",
        "1e1.5",
        "--1",
        "1e99999999999999999999",
        "１",
    ] {
        assert!(
            matches!(text.parse::<Number>(), Err(NumberError::NotANumber(_))),
            "{text:?}: {:?}",
            text.parse::<Number>()
        );
    }
}

#[test]
fn an_error_repeats_a_bounded_part_of_the_text() {
    let error = "x".repeat(1_000_000).parse::<Number>().unwrap_err();
    assert!(error.to_string().len() < 300);
}

#[test]
fn thirty_eight_digits_are_kept_and_the_thirty_ninth_is_refused() {
    let most = "1".repeat(38);
    assert_eq!(canonical(&most), most);
    assert_eq!("1".repeat(39).parse::<Number>(), Err(NumberError::TooManyDigits));
    assert_eq!(canonical(&format!("{most}00")), format!("{most}00"));
    assert_eq!(canonical(&format!("000{most}")), most);
    assert_eq!(canonical(&format!("0.{most}")), format!("0.{most}"));
    assert_eq!(format!("1.{}1", "0".repeat(38)).parse::<Number>(), Err(NumberError::TooManyDigits));
    assert_eq!(canonical("9.9999999999999999999999999999999999999E+125").len(), 126);
}

#[test]
fn magnitude_has_bounds() {
    assert_eq!("1e126".parse::<Number>(), Err(NumberError::Overflow));
    assert_eq!("-1e126".parse::<Number>(), Err(NumberError::Overflow));
    assert_eq!("1e-131".parse::<Number>(), Err(NumberError::Underflow));
    assert_eq!("0.1e-130".parse::<Number>(), Err(NumberError::Underflow));
    assert_eq!("1e9223372036854775807".parse::<Number>(), Err(NumberError::Overflow));
    assert_eq!("1e-9223372036854775808".parse::<Number>(), Err(NumberError::Underflow));
    assert_eq!(canonical("0.00001e130"), canonical("1e125"));
}

#[test]
fn a_nought_is_checked_by_the_exponent_it_is_written_with() {
    assert_eq!("0e126".parse::<Number>(), Err(NumberError::Overflow));
    assert_eq!("0e-131".parse::<Number>(), Err(NumberError::Underflow));
    assert_eq!(canonical("0e125"), "0");
    assert_eq!(canonical("0.0e126"), "0");
    assert_eq!(canonical(&format!("0.{}", "0".repeat(200))), "0");
}

#[test]
fn a_number_counts_the_bytes_that_were_measured() {
    for (text, bytes) in [
        ("0", 1),
        ("-0", 1),
        ("1", 2),
        ("12", 2),
        ("123", 3),
        ("1234", 3),
        ("100", 2),
        ("1010", 3),
        ("100.5", 4),
        ("0.0000001", 2),
        ("1E125", 2),
        ("1.5", 3),
        ("15", 2),
        ("3.14159", 5),
        ("123456", 4),
        ("0.15", 2),
        ("-42", 3),
        ("12345678901234567890123456789012345678", 20),
    ] {
        assert_eq!(number(text).size(), bytes, "{text}");
    }
}

#[test]
fn sums_are_exact_or_refused_never_rounded() {
    let sum = |a: &str, b: &str| number(a).checked_add(&number(b)).map(|sum| sum.to_string());
    assert_eq!(sum("0.1", "0.2").as_deref(), Ok("0.3"));
    assert_eq!(sum("1e50", "1"), Err(NumberError::Overflow));
    assert_eq!(sum("1e125", "1e-130"), Err(NumberError::Overflow));
    assert_eq!(sum(&"9".repeat(38), "1").unwrap(), format!("1{}", "0".repeat(38)));
    assert_eq!(
        sum(&format!("9{}", "0".repeat(125)), &format!("9{}", "0".repeat(125))),
        Err(NumberError::Overflow)
    );
    assert_eq!(sum("5", "-5").as_deref(), Ok("0"));
    assert_eq!(sum("-1", "0").as_deref(), Ok("-1"));
    // 39 places when aligned, 38 digits in the result.
    assert_eq!(sum("1e38", "-1").unwrap(), "9".repeat(38));
    assert_eq!(
        number("1").checked_sub(&number("1e-37")).unwrap().to_string(),
        format!("0.{}", "9".repeat(37))
    );
    assert_eq!(number("5").checked_sub(&Number::ZERO).unwrap(), number("5"));
    assert_eq!(sum("1e-130", "-1.1e-130"), Err(NumberError::Underflow));
}

/// Any number: a coefficient of up to 38 digits anywhere in the range.
fn any_number() -> impl Strategy<Value = Number> {
    (any::<bool>(), 0u128..10u128.pow(38), 0u32..38, MIN_EXPONENT..=MAX_EXPONENT).prop_filter_map(
        "in range",
        |(negative, coefficient, drop, leading)| {
            let coefficient = coefficient / 10u128.pow(drop);
            let digits = if coefficient == 0 { 1 } else { coefficient.ilog10() as i32 + 1 };
            Number::new(negative, coefficient, leading - digits + 1).ok()
        },
    )
}

/// `number × 10^130` as a signed integer in decimal digits, the obviously right way to compare and add.
fn scaled(number: &Number) -> num_bigint::BigInt {
    let text = number.to_string();
    let (integer, fraction) = text.split_once('.').unwrap_or((&text, ""));
    // 38 digits may begin at the 130th place after the point.
    format!("{integer}{fraction:0<168}").parse().unwrap()
}

proptest! {
    #[test]
    fn canonical_text_reads_back_as_the_same_number(number in any_number()) {
        prop_assert_eq!(number.to_string().parse::<Number>(), Ok(number));
    }

    #[test]
    fn order_is_numeric(a in any_number(), b in any_number()) {
        prop_assert_eq!(a.cmp(&b), scaled(&a).cmp(&scaled(&b)));
    }

    #[test]
    fn a_sum_is_exact_or_does_not_fit(a in any_number(), b in any_number(), shift in 0i32..3) {
        // Bring the operands near each other, or almost every sum would be refused.
        let near = b.scientific_exponent() - a.scientific_exponent() + shift;
        let b = Number::new(b.negative, b.coefficient, i32::from(b.exponent) - near).unwrap_or(b);
        let exact = scaled(&a) + scaled(&b);
        match a.checked_add(&b) {
            Ok(sum) => prop_assert_eq!(scaled(&sum), exact),
            Err(_) => {
                let digits = exact.magnitude().to_string();
                let significant = digits.trim_end_matches('0').len();
                prop_assert!(significant > 38 || digits.len() > 168 + 126 || digits.len() <= 38);
            }
        }
    }

    #[test]
    fn decimal_text_is_read_exactly(
        sign in "[-+]?", integer in "[0-9]{0,20}", fraction in "[0-9]{0,20}", zeros in 0usize..4, exponent in -60i32..60
    ) {
        prop_assume!(!(integer.is_empty() && fraction.is_empty()));
        let fraction = format!("{fraction}{}", "0".repeat(zeros));
        let read = format!("{sign}{integer}.{fraction}e{exponent}").parse::<Number>();
        // The same value as an integer, by moving the point 168 places.
        let places = usize::try_from(168 + exponent).unwrap() - fraction.len();
        let exact: num_bigint::BigInt = format!("{}{integer}{fraction}{}", sign.replace('+', ""), "0".repeat(places)).parse().unwrap();
        match read {
            Ok(number) => prop_assert_eq!(scaled(&number), exact),
            Err(error) => {
                prop_assert_eq!(error, NumberError::TooManyDigits);
                prop_assert!(exact.magnitude().to_string().trim_end_matches('0').len() > 38);
            }
        }
    }

    #[test]
    fn any_text_is_read_or_refused(text in "[-+0-9.eE]{0,60}") {
        if let Ok(number) = text.parse::<Number>() {
            prop_assert_eq!(number.to_string().parse::<Number>(), Ok(number));
        }
    }

    #[test]
    fn integers_convert_exactly(value in any::<i64>()) {
        prop_assert_eq!(Number::from(value).to_string(), value.to_string());
    }
}

#[test]
fn the_floor_of_a_number_is_exact_or_does_not_fit() {
    let floor = |text: &str| text.parse::<Number>().unwrap().floor_u64();
    for (text, whole) in [
        ("0", 0),
        ("0.99", 0),
        ("1e-130", 0),
        ("1.7e9", 1_700_000_000),
        ("1700000000.999999999", 1_700_000_000),
        ("18446744073709551615.9", u64::MAX),
    ] {
        assert_eq!(floor(text), Some(whole), "{text}");
    }
    for text in ["-1", "-0.5", "18446744073709551616", "1e125"] {
        assert_eq!(floor(text), None, "{text}");
    }
}
