//! The dates of requests: ISO 8601's basic format, `20150830T123600Z`, and that of HTTP's own `Date`.

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::fmt::rfc2822::DateTimeParser;
use jiff::tz::TimeZone;

/// The time that a text in the basic format says.
pub(super) fn parse_basic(text: &str) -> Option<Timestamp> {
    let bytes = text.as_bytes();
    let form = bytes.len() == 16
        && bytes.iter().enumerate().all(|(place, byte)| match place {
            8 => *byte == b'T',
            15 => *byte == b'Z',
            _ => byte.is_ascii_digit(),
        });
    if !form {
        return None;
    }
    let date = DateTime::new(
        number(text, 0..4)?,
        number(text, 4..6)?,
        number(text, 6..8)?,
        number(text, 9..11)?,
        number(text, 11..13)?,
        number(text, 13..15)?,
        0,
    );
    Some(date.ok()?.to_zoned(TimeZone::UTC).ok()?.timestamp())
}

/// The time that a `Date` header says, in the basic format or in HTTP's (RFC 9110, section 5.6.7).
pub(super) fn parse_header(text: &str) -> Option<Timestamp> {
    let http = || text.ends_with("GMT").then(|| DateTimeParser::new().parse_timestamp(text).ok())?;
    parse_basic(text).or_else(http)
}

/// A time in the basic format, to the second.
pub(super) fn basic(time: Timestamp) -> String {
    time.strftime("%Y%m%dT%H%M%SZ").to_string()
}

fn number<T: std::str::FromStr>(text: &str, place: std::ops::Range<usize>) -> Option<T> {
    text.get(place)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_read_in_the_basic_format_and_in_that_of_http() {
        let time = parse_basic("20150830T123600Z").unwrap();
        assert_eq!(time.as_second(), 1_440_938_160);
        assert_eq!(basic(time), "20150830T123600Z");
        assert_eq!(parse_header("Sun, 30 Aug 2015 12:36:00 GMT"), Some(time));
        assert_eq!(parse_header("20150830T123600Z"), Some(time));
    }

    #[test]
    fn what_is_no_date_is_none() {
        let wrong = [
            "",
            "20150830",
            "20150830T123600",
            "20150830t123600z",
            "2015-08-30T12:36:00Z",
            "20150230T123600Z",
            "20150830T246000Z",
            "20150830T123660Z",
            "+0150830T123600Z",
            "20150830T123600Zé",
            "Sun, 30 Aug 2015 12:36:00 +0200",
            "Mon, 30 Aug 2015 12:36:00 GMT",
        ];
        for wrong in wrong {
            assert_eq!(parse_header(wrong), None, "{wrong}");
        }
    }
}
