//! A reader of JSON that is asked for what should come next, and says in DynamoDB's words what came instead.
//!
//! `serde_json` is not used for requests: what it says of a value of the wrong kind is not what clients of DynamoDB know,
//! and it builds a value, or recurses, where this steps over. Nothing here recurses: how deep a document is read is for
//! its caller to say, and what it steps over may nest as deep as it likes. A property test holds what is taken for JSON
//! to what `serde_json` takes for it.

use std::borrow::Cow;
use std::collections::BTreeSet;

/// Why a body is refused before its request is looked at: SerializationException.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Refusal {
    /// It is not JSON, or not UTF-8. DynamoDB does not say where.
    #[error("the body is not JSON")]
    Malformed,
    /// A value has another kind than its member. The text is DynamoDB's.
    #[error("{0}")]
    Kind(Cow<'static, str>),
    /// An object has a member twice.
    #[error("Duplicate field names are not allowed")]
    Duplicate,
}

/// What kind of value comes next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Null,
    True,
    False,
    Number,
    String,
    Array,
    Object,
}

/// A JSON text, read from front to back.
#[derive(Clone, Debug)]
pub(crate) struct Json<'j> {
    text: &'j str,
    at: usize,
}

pub(crate) type Read<T> = Result<T, Refusal>;

const MALFORMED: Refusal = Refusal::Malformed;

/// The text for a list where something else is expected, named as DynamoDB's service names it.
pub(crate) fn unexpected_list(java_class: &'static str) -> Refusal {
    Refusal::Kind(format!("Unrecognized collection type {java_class}").into())
}

/// The text for an object where a scalar or a list is expected.
pub(crate) const UNEXPECTED_OBJECT: Refusal =
    Refusal::Kind(Cow::Borrowed("Start of structure or map found where not expected"));

impl<'j> Json<'j> {
    /// A reader at the beginning of a body.
    ///
    /// # Errors
    /// The body is not UTF-8.
    pub(crate) fn new(body: &'j [u8]) -> Read<Self> {
        let text = std::str::from_utf8(body).map_err(|_| MALFORMED)?;
        Ok(Self { text, at: 0 })
    }

    fn rest(&self) -> &'j [u8] {
        self.text.as_bytes().get(self.at..).unwrap_or_default()
    }

    fn skip_space(&mut self) {
        self.at += self.rest().iter().take_while(|byte| b" \t\n\r".contains(byte)).count();
    }

    /// Takes `byte` if it comes next, after white space.
    fn take(&mut self, byte: u8) -> bool {
        self.skip_space();
        let found = self.rest().first() == Some(&byte);
        self.at += usize::from(found);
        found
    }

    fn expect(&mut self, byte: u8) -> Read<()> {
        if self.take(byte) { Ok(()) } else { Err(MALFORMED) }
    }

    /// What comes next, judged by its first character.
    pub(crate) fn peek(&mut self) -> Read<Kind> {
        self.skip_space();
        match self.rest().first() {
            Some(b'n') => Ok(Kind::Null),
            Some(b't') => Ok(Kind::True),
            Some(b'f') => Ok(Kind::False),
            Some(b'"') => Ok(Kind::String),
            Some(b'[') => Ok(Kind::Array),
            Some(b'{') => Ok(Kind::Object),
            Some(b'-' | b'0'..=b'9') => Ok(Kind::Number),
            _ => Err(MALFORMED),
        }
    }

    /// Checks that nothing follows.
    pub(crate) fn finish(mut self) -> Read<()> {
        self.skip_space();
        if self.rest().is_empty() { Ok(()) } else { Err(MALFORMED) }
    }

    fn literal(&mut self, word: &str) -> Read<()> {
        self.skip_space();
        if !self.rest().starts_with(word.as_bytes()) {
            return Err(MALFORMED);
        }
        self.at += word.len();
        Ok(())
    }

    /// Takes a null, if there is one.
    pub(crate) fn take_null(&mut self) -> Read<bool> {
        if self.peek()? != Kind::Null {
            return Ok(false);
        }
        self.literal("null")?;
        Ok(true)
    }

    /// A number as it is written.
    fn number(&mut self) -> Read<&'j str> {
        self.skip_space();
        let start = self.at;
        self.at += usize::from(self.rest().first() == Some(&b'-'));
        match self.rest().first() {
            Some(b'0') => self.at += 1,
            _ => self.digits()?,
        }
        if self.rest().first() == Some(&b'.') {
            self.at += 1;
            self.digits()?;
        }
        if matches!(self.rest().first(), Some(b'e' | b'E')) {
            self.at += 1;
            self.at += usize::from(matches!(self.rest().first(), Some(b'+' | b'-')));
            self.digits()?;
        }
        self.text.get(start..self.at).ok_or(MALFORMED)
    }

    fn digits(&mut self) -> Read<()> {
        let count = self.rest().iter().take_while(|byte| byte.is_ascii_digit()).count();
        self.at += count;
        if count > 0 { Ok(()) } else { Err(MALFORMED) }
    }

    /// A string, borrowed if nothing in it is escaped.
    fn text(&mut self) -> Read<Cow<'j, str>> {
        self.expect(b'"')?;
        let plain = self.plain()?;
        if self.string_ends()? {
            return Ok(Cow::Borrowed(plain));
        }
        let mut text = plain.to_owned();
        loop {
            text.push(self.escape()?);
            text.push_str(self.plain()?);
            if self.string_ends()? {
                return Ok(Cow::Owned(text));
            }
        }
    }

    /// The characters up to an escape or the end of a string.
    fn plain(&mut self) -> Read<&'j str> {
        let start = self.at;
        let length = self.rest().iter().position(|byte| matches!(byte, b'"' | b'\\' | 0..=0x1f));
        self.at += length.ok_or(MALFORMED)?;
        self.text.get(start..self.at).ok_or(MALFORMED)
    }

    /// Takes a string's end; false if an escape begins instead, which is taken too.
    fn string_ends(&mut self) -> Read<bool> {
        let next = self.rest().first();
        self.at += 1;
        match next {
            Some(b'"') => Ok(true),
            Some(b'\\') => Ok(false),
            _ => Err(MALFORMED),
        }
    }

    /// What an escape stands for, its backslash taken already.
    fn escape(&mut self) -> Read<char> {
        let code = self.rest().first().ok_or(MALFORMED)?;
        self.at += 1;
        Ok(match code {
            b'"' | b'\\' | b'/' => char::from(*code),
            b'b' => '\u{8}',
            b'f' => '\u{c}',
            b'n' => '\n',
            b'r' => '\r',
            b't' => '\t',
            b'u' => {
                let unit = self.unit()?;
                match unit {
                    // Half of a pair, of which the other half must follow.
                    0xd800..=0xdbff => {
                        if !self.rest().starts_with(b"\\u") {
                            return Err(MALFORMED);
                        }
                        self.at += 2;
                        let low = self.unit()?;
                        if !(0xdc00..=0xdfff).contains(&low) {
                            return Err(MALFORMED);
                        }
                        let code = 0x10000 + ((u32::from(unit) - 0xd800) << 10) + (u32::from(low) - 0xdc00);
                        char::from_u32(code).ok_or(MALFORMED)?
                    }
                    unit => char::from_u32(unit.into()).ok_or(MALFORMED)?,
                }
            }
            _ => return Err(MALFORMED),
        })
    }

    /// Four hexadecimal digits.
    fn unit(&mut self) -> Read<u16> {
        let digits = self.rest().first_chunk::<4>().ok_or(MALFORMED)?;
        self.at += 4;
        let value = |digit: &u8| char::from(*digit).to_digit(16).ok_or(MALFORMED);
        digits.iter().try_fold(0, |unit: u16, digit| Ok(unit * 16 + value(digit)? as u16))
    }

    /// Steps over one value, however deep it nests.
    pub(crate) fn skip(&mut self) -> Read<()> {
        // What closes each container that we are in.
        let mut closers: Vec<u8> = Vec::new();
        loop {
            match self.peek()? {
                Kind::Null => self.literal("null")?,
                Kind::True => self.literal("true")?,
                Kind::False => self.literal("false")?,
                Kind::Number => self.number().map(drop)?,
                Kind::String => self.text().map(drop)?,
                kind @ (Kind::Array | Kind::Object) => {
                    self.at += 1;
                    let closer = if kind == Kind::Array { b']' } else { b'}' };
                    if !self.take(closer) {
                        closers.push(closer);
                        self.skip_name(closer)?;
                        continue;
                    }
                }
            }
            // A value has ended; so may have the containers around it.
            loop {
                let Some(closer) = closers.last().copied() else { return Ok(()) };
                if self.take(b',') {
                    self.skip_name(closer)?;
                    break;
                }
                self.expect(closer)?;
                closers.pop();
            }
        }
    }

    /// Steps over the name of a member, in an object.
    fn skip_name(&mut self, closer: u8) -> Read<()> {
        if closer == b'}' {
            self.text()?;
            self.expect(b':')?;
        }
        Ok(())
    }

    /// The text for a scalar where a list, a map or a structure is expected. Malformed if it is no scalar either.
    fn unexpected_scalar(&mut self) -> Refusal {
        self.skip().err().unwrap_or(Refusal::Kind(Cow::Borrowed("Unexpected field type")))
    }

    /// Reads an object, member by member. `member` takes the value of each; `java_class` is what the service calls
    /// what is expected, for a list in its place.
    pub(crate) fn object(
        &mut self,
        java_class: &'static str,
        mut member: impl FnMut(&mut Self, &str) -> Read<()>,
    ) -> Read<()> {
        match self.peek()? {
            Kind::Object => self.at += 1,
            Kind::Array => return Err(unexpected_list(java_class)),
            _ => return Err(self.unexpected_scalar()),
        }
        if self.take(b'}') {
            return Ok(());
        }
        let mut names = BTreeSet::new();
        loop {
            let name = self.text()?;
            self.expect(b':')?;
            member(self, &name)?;
            if !names.insert(name) {
                return Err(Refusal::Duplicate);
            }
            if !self.take(b',') {
                return self.expect(b'}');
            }
        }
    }

    /// Reads a list, element by element.
    pub(crate) fn array(&mut self, mut element: impl FnMut(&mut Self) -> Read<()>) -> Read<()> {
        match self.peek()? {
            Kind::Array => self.at += 1,
            Kind::Object => return Err(UNEXPECTED_OBJECT),
            _ => return Err(self.unexpected_scalar()),
        }
        if self.take(b']') {
            return Ok(());
        }
        loop {
            element(self)?;
            if !self.take(b',') {
                return self.expect(b']');
            }
        }
    }

    /// Reads a string, or says what is there instead.
    pub(crate) fn string(&mut self) -> Read<Cow<'j, str>> {
        match self.peek()? {
            Kind::String => self.text(),
            _ => Err(self.not_a("String", "class java.lang.String")),
        }
    }

    /// Reads a boolean, or says what is there instead.
    pub(crate) fn boolean(&mut self) -> Read<bool> {
        match self.peek()? {
            Kind::True => self.literal("true").map(|()| true),
            Kind::False => self.literal("false").map(|()| false),
            _ => Err(self.not_a("Boolean", "class java.lang.Boolean")),
        }
    }

    /// Reads a whole number; a fraction is cut off, as DynamoDB does. What is beyond 64 bits becomes the nearest number
    /// within, which no member admits.
    pub(crate) fn integer(&mut self, name: &'static str, java_class: &'static str) -> Read<i64> {
        if self.peek()? != Kind::Number {
            return Err(self.not_a(name, java_class));
        }
        let written = self.number()?;
        // A JSON number is always one of Rust's; the conversion saturates.
        let number = written.parse().or_else(|_| written.parse().map(|number: f64| number as i64));
        number.map_err(|_| MALFORMED)
    }

    /// The text for what comes next where a scalar of another kind is expected. Malformed if nothing does.
    fn not_a(&mut self, name: &'static str, java_class: &'static str) -> Refusal {
        let kind = match self.peek() {
            Err(refusal) => return refusal,
            Ok(Kind::Array) => return unexpected_list(java_class),
            Ok(Kind::Object) => return UNEXPECTED_OBJECT,
            Ok(kind) => kind,
        };
        let start = self.at;
        if let Err(refusal) = self.skip() {
            return refusal;
        }
        let written = self.text.get(start..self.at).unwrap_or_default();
        let found = match kind {
            Kind::Null => "NULL_VALUE",
            Kind::True => "TRUE_VALUE",
            Kind::False => "FALSE_VALUE",
            Kind::Number if written.contains(['.', 'e', 'E']) => "DECIMAL_VALUE",
            Kind::Number => "NUMBER_VALUE",
            Kind::String | Kind::Array | Kind::Object => "STRING_VALUE",
        };
        Refusal::Kind(format!("{found} cannot be converted to {name}").into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn skip(body: &[u8]) -> Read<()> {
        let mut json = Json::new(body)?;
        json.skip()?;
        json.finish()
    }

    fn is_json(body: &[u8]) -> bool {
        serde_json::from_slice::<serde::de::IgnoredAny>(body).is_ok()
    }

    #[test]
    fn what_is_json_and_what_is_not() {
        for good in [
            "{}",
            " [ ] ",
            "[[],{}]",
            r#"{"a":[1,-0,0.5,1e9,1E-2,-12.5e+3],"b":{"c":null}}"#,
            "true",
            "\"\"",
            r#""\u00e9\ud83d\ude00\"\\\/\b\f\n\r\t""#,
            "\"\u{7f}é\"",
        ] {
            assert_eq!(skip(good.as_bytes()), Ok(()), "{good}");
            assert!(is_json(good.as_bytes()), "{good}");
        }
        for bad in [
            "",
            " ",
            "{",
            "}",
            "[1,]",
            "{\"a\"}",
            "{\"a\":}",
            "{\"a\":1,}",
            "{a:1}",
            "01",
            "1.",
            ".5",
            "+1",
            "-",
            "1e",
            "nul",
            "truer",
            "[1 2]",
            "{} {}",
            "\"",
            "\"\\",
            "\"\\x\"",
            "\"\\u12\"",
            "\"\n\"",
            "'a'",
            "[1}",
            "{\"a\":1]",
            "// x\n1",
            "NaN",
        ] {
            assert_eq!(skip(bad.as_bytes()), Err(Refusal::Malformed), "{bad}");
            assert!(!is_json(bad.as_bytes()), "{bad}");
        }
        assert_eq!(skip(b"\"\xff\""), Err(Refusal::Malformed));
        assert_eq!(skip(b"\"\xed\xa0\x80\""), Err(Refusal::Malformed));
    }

    #[test]
    fn half_a_surrogate_pair_is_no_text() {
        for half in [r#""\ud800""#, r#""\ud800A""#, r#""\udc00""#, r#""\ud800\ud800""#] {
            assert_eq!(skip(half.as_bytes()), Err(Refusal::Malformed), "{half}");
        }
    }

    #[test]
    fn nesting_takes_no_stack() {
        let deep = "[".repeat(1_000_000) + &"]".repeat(1_000_000);
        assert_eq!(skip(deep.as_bytes()), Ok(()));
        assert_eq!(skip(&deep.as_bytes()[1..]), Err(Refusal::Malformed));
        assert_eq!(skip("{\"a\":".repeat(500_000).as_bytes()), Err(Refusal::Malformed));
    }

    #[test]
    fn a_member_given_twice_is_refused() {
        let read = |text: &'static str| Json::new(text.as_bytes())?.object("class X", |json, _| json.skip());
        assert_eq!(read(r#"{"a":1,"b":2}"#), Ok(()));
        assert_eq!(read(r#"{"a":1,"\u0061":2}"#), Err(Refusal::Duplicate));
    }

    #[test]
    fn a_value_of_the_wrong_kind_is_named() {
        let string =
            |text: &'static str| Json::new(text.as_bytes()).unwrap().string().unwrap_err().to_string();
        assert_eq!(string("1"), "NUMBER_VALUE cannot be converted to String");
        assert_eq!(string("1.5"), "DECIMAL_VALUE cannot be converted to String");
        assert_eq!(string("true"), "TRUE_VALUE cannot be converted to String");
        assert_eq!(string("[]"), "Unrecognized collection type class java.lang.String");
        assert_eq!(string("{}"), "Start of structure or map found where not expected");
        let integer = |text: &'static str| {
            Json::new(text.as_bytes()).unwrap().integer("Integer", "class java.lang.Integer")
        };
        assert_eq!(integer("7"), Ok(7));
        assert_eq!(integer("99999999999999999999"), Ok(i64::MAX));
        assert_eq!(integer("-2.9"), Ok(-2));
        assert_eq!(integer("\"7\"").unwrap_err().to_string(), "STRING_VALUE cannot be converted to Integer");
    }

    proptest! {
        #[test]
        fn strings_are_read_as_serde_json_reads_them(text in any::<String>()) {
            let written = serde_json::to_string(&text).unwrap();
            prop_assert_eq!(Json::new(written.as_bytes()).unwrap().string().unwrap(), text);
        }

        /// Texts made of JSON's own characters, so that many of them are nearly JSON.
        #[test]
        fn what_is_taken_for_json_is_what_serde_json_takes_for_it(
            text in "([\\[\\]{}:,\\\\\"-]|0|1|\\.|e|\\+| |\n|null|true|\"a\"|\"\\\\n\"|\"a\":){0,12}"
        ) {
            prop_assert_eq!(skip(text.as_bytes()).is_ok(), is_json(text.as_bytes()), "{}", text);
        }
    }
}
