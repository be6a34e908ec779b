//! The values that conditions compare other than as text, and how they are written.

use std::cmp::Ordering;
use std::net::IpAddr;

use base64::Engine as _;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{Timestamp, civil};

/// A decimal number, compared exactly however many digits it has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Decimal {
    negative: bool,
    /// Without leading zeros.
    whole: Box<str>,
    /// Without trailing zeros.
    fraction: Box<str>,
}

impl Decimal {
    /// Reads digits with an optional sign and an optional fraction.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let (negative, digits) = match text.strip_prefix('-') {
            Some(digits) => (true, digits),
            None => (false, text.strip_prefix('+').unwrap_or(text)),
        };
        let (whole, fraction) = match digits.split_once('.') {
            Some((whole, fraction)) if !fraction.is_empty() => (whole, fraction),
            Some(_) => return None,
            None => (digits, ""),
        };
        let is_digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
        if whole.is_empty() || !is_digits(whole) || !is_digits(fraction) {
            return None;
        }
        let whole = whole.trim_start_matches('0');
        let fraction = fraction.trim_end_matches('0');
        let is_zero = whole.is_empty() && fraction.is_empty();
        Some(Self { negative: negative && !is_zero, whole: whole.into(), fraction: fraction.into() })
    }
}

impl PartialOrd for Decimal {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Decimal {
    fn cmp(&self, other: &Self) -> Ordering {
        let magnitude = || {
            (self.whole.len().cmp(&other.whole.len()))
                .then_with(|| self.whole.cmp(&other.whole))
                .then_with(|| self.fraction.cmp(&other.fraction))
        };
        match (self.negative, other.negative) {
            (false, true) => Ordering::Greater,
            (true, false) => Ordering::Less,
            (false, false) => magnitude(),
            (true, true) => magnitude().reverse(),
        }
    }
}

/// Reads a date: ISO 8601 with a time and an offset, ISO 8601 without a time (its midnight in UTC), or whole seconds
/// since the epoch.
pub(crate) fn date(text: &str) -> Option<Timestamp> {
    if let Ok(seconds) = text.parse::<i64>() {
        return Timestamp::from_second(seconds).ok();
    }
    let is_iso = |byte: u8| byte.is_ascii_digit() || matches!(byte, b'-' | b'+' | b':' | b'.' | b'T' | b'Z');
    if !text.bytes().all(is_iso) {
        return None;
    }
    if text.contains('T') {
        return text.parse().ok();
    }
    let date: Date = text.parse().ok()?;
    date.to_datetime(civil::Time::midnight()).to_zoned(TimeZone::UTC).ok().map(|zoned| zoned.timestamp())
}

/// Reads `true` or `false`, in any case.
pub(crate) fn boolean(text: &str) -> Option<bool> {
    if text.eq_ignore_ascii_case("true") {
        return Some(true);
    }
    text.eq_ignore_ascii_case("false").then_some(false)
}

/// Reads base64 with its padding.
pub(crate) fn binary(text: &str) -> Option<Vec<u8>> {
    base64::engine::general_purpose::STANDARD.decode(text).ok()
}

/// Reads an IP address. One of IPv4 written as one of IPv6 is one of IPv4.
pub(crate) fn ip_address(text: &str) -> Option<IpAddr> {
    text.parse().ok().map(|address: IpAddr| address.to_canonical())
}

/// A range of IP addresses: those that share a prefix.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct IpRange {
    address: IpAddr,
    prefix_bits: u32,
}

impl IpRange {
    /// Reads an address, or an address, `/` and the number of bits of it that count.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let (address, prefix) = match text.split_once('/') {
            Some((address, prefix)) => (address, Some(prefix)),
            None => (text, None),
        };
        let written: IpAddr = address.parse().ok()?;
        let bits_max = if written.is_ipv4() { 32 } else { 128 };
        let prefix_bits = match prefix {
            Some(prefix) if prefix.bytes().all(|byte| byte.is_ascii_digit()) => prefix.parse().ok()?,
            Some(_) => return None,
            None => bits_max,
        };
        if prefix_bits > bits_max {
            return None;
        }
        // A range within the IPv4 addresses as IPv6 writes them is a range of IPv4.
        match (written, written.to_canonical()) {
            (IpAddr::V6(_), address @ IpAddr::V4(_)) if prefix_bits >= 96 => {
                Some(Self { address, prefix_bits: prefix_bits - 96 })
            }
            _ => Some(Self { address: written, prefix_bits }),
        }
    }

    /// Whether an address is in the range.
    pub(crate) fn contains(&self, address: IpAddr) -> bool {
        match (self.address, address) {
            (IpAddr::V4(own), IpAddr::V4(other)) => {
                let mask = u32::MAX.checked_shl(32 - self.prefix_bits).unwrap_or(0);
                own.to_bits() & mask == other.to_bits() & mask
            }
            (IpAddr::V6(own), IpAddr::V6(other)) => {
                let mask = u128::MAX.checked_shl(128 - self.prefix_bits).unwrap_or(0);
                own.to_bits() & mask == other.to_bits() & mask
            }
            (IpAddr::V4(_), IpAddr::V6(_)) | (IpAddr::V6(_), IpAddr::V4(_)) => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decimals_compare_by_value_and_not_by_text() {
        let ascending = ["-100.5", "-100", "-1.10", "-1.01", "0", "0.1", "0.11", "1", "9", "10", "1e"];
        let values: Vec<Decimal> = ascending.iter().filter_map(|text| Decimal::parse(text)).collect();
        assert_eq!(values.len(), 10);
        for (at, value) in values.iter().enumerate() {
            for (other_at, other) in values.iter().enumerate() {
                assert_eq!(value.cmp(other), at.cmp(&other_at), "{value:?} {other:?}");
            }
        }
        for (one, same) in [("1", "1.0"), ("+1", "01"), ("-0", "0.00"), ("0.50", "00.5")] {
            assert_eq!(Decimal::parse(one), Decimal::parse(same), "{one} {same}");
        }
        // A float could not tell these apart.
        assert!(Decimal::parse("9007199254740993") > Decimal::parse("9007199254740992"));
    }

    #[test]
    fn what_is_no_number_is_not_read_as_one() {
        for text in ["", "-", "+-1", "1.", ".5", "1e3", "0x1", " 1", "1 ", "NaN", "inf", "1.2.3", "١"] {
            assert_eq!(Decimal::parse(text), None, "{text}");
        }
    }

    #[test]
    fn dates_are_iso_8601_or_seconds() {
        let noon: Timestamp = "2026-03-01T12:00:00Z".parse().unwrap();
        for text in ["2026-03-01T12:00:00Z", "2026-03-01T12:00:00.000Z", "2026-03-01T14:00:00+02:00"] {
            assert_eq!(date(text), Some(noon), "{text}");
        }
        assert_eq!(date(&noon.as_second().to_string()), Some(noon));
        assert_eq!(date("2026-03-01"), "2026-03-01T00:00:00Z".parse().ok());
        for text in ["", "tomorrow", "2026-13-01", "2026-03-01T12:00:00", "2026-03-01T12:00:00Z[UTC]", "1e9"]
        {
            assert_eq!(date(text), None, "{text}");
        }
    }

    #[test]
    fn booleans_are_two_words() {
        assert_eq!(boolean("true"), Some(true));
        assert_eq!(boolean("False"), Some(false));
        assert_eq!(boolean("1"), None);
        assert_eq!(boolean(""), None);
    }

    #[test]
    fn an_ip_range_holds_the_addresses_with_its_prefix() {
        let cases = [
            ("10.0.0.0/8", "10.1.2.3", true),
            ("10.0.0.0/8", "11.0.0.0", false),
            ("10.9.9.9/8", "10.1.2.3", true),
            ("10.0.0.1", "10.0.0.1", true),
            ("10.0.0.1", "10.0.0.2", false),
            ("0.0.0.0/0", "255.1.2.3", true),
            ("0.0.0.0/0", "2001:db8::1", false),
            ("::/0", "2001:db8::1", true),
            ("2001:db8::/32", "2001:db8:1::1", true),
            ("2001:db8::/32", "2001:db9::1", false),
            ("10.0.0.0/8", "::ffff:10.1.2.3", true),
            ("::ffff:10.0.0.0/104", "10.1.2.3", true),
            ("::/0", "10.1.2.3", false),
        ];
        for (range, address, contains) in cases {
            let range_read = IpRange::parse(range).unwrap();
            assert_eq!(range_read.contains(ip_address(address).unwrap()), contains, "{range} {address}");
        }
        for text in ["", "10.0.0", "10.0.0.0/33", "::/129", "10.0.0.0/", "10.0.0.0/+8", "10.0.0.0/8/8", "a"] {
            assert_eq!(IpRange::parse(text), None, "{text}");
        }
    }

    #[test]
    fn binary_is_padded_base64() {
        assert_eq!(binary("QUJD"), Some(b"ABC".to_vec()));
        assert_eq!(binary("QQ=="), Some(b"A".to_vec()));
        assert_eq!(binary("QQ"), None);
        assert_eq!(binary("Q$=="), None);
    }
}
