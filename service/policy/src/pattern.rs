//! Text with wildcards and policy variables, and what it matches.
//!
//! Matching takes the leftmost place for each piece between two `*`, which is always right for globs, so nothing is
//! ever tried twice over: a match takes at most (pattern × text) steps, and for pieces without `?` as many as the two
//! together.

use std::borrow::Cow;

use smallvec::SmallVec;

use crate::error::quoted;
use crate::question::{Context, ContextValue};

/// A part of a [`Pattern`].
#[derive(Clone, Debug, PartialEq, Eq)]
enum Part {
    /// Itself.
    Text(Box<str>),
    /// `?`: any one character.
    One,
    /// `*`: any characters, also none.
    Many,
    /// `${key}` or `${key, 'default'}`: what the request says, as plain text.
    Variable { key: Box<str>, default: Option<Box<str>> },
}

/// A part of a pattern whose variables are filled in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Piece<'a> {
    Text(&'a str),
    One,
    Many,
}

/// The pieces of a pattern. Most have one or two.
pub(crate) type Pieces<'a> = SmallVec<[Piece<'a>; 6]>;

/// What a pattern looks like, for the shapes that are matched without looking at its parts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Shape {
    /// `*`.
    Everything,
    /// Text alone.
    Exact,
    /// Text and then `*`.
    Prefix,
    /// Anything else without variables.
    Fixed,
    /// With variables.
    Variable,
}

/// How a pattern is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Syntax {
    /// Whether `*` and `?` are wildcards.
    pub(crate) wildcards: bool,
    /// Whether `${…}` is a variable or an escape, which it is in documents of version 2012-10-17.
    pub(crate) variables: bool,
}

/// Whether a text matches a pattern.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Match {
    Yes,
    No,
    /// The request lacks a variable of the pattern, which therefore matches nothing.
    Unresolved,
}

impl From<bool> for Match {
    fn from(matches: bool) -> Self {
        if matches { Self::Yes } else { Self::No }
    }
}

/// Text with wildcards and policy variables.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Pattern {
    parts: Box<[Part]>,
    shape: Shape,
}

/// The values of a pattern's variables, in order.
type Values<'a> = SmallVec<[Cow<'a, str>; 2]>;

impl Pattern {
    /// Reads a pattern; an error is what is wrong with it.
    pub(crate) fn parse(written: &str, syntax: Syntax) -> Result<Self, String> {
        let mut parts = Vec::new();
        let mut text = String::new();
        let mut rest = written;
        while let Some(character) = rest.chars().next() {
            if let Some(body) = rest.strip_prefix("${").filter(|_| syntax.variables) {
                let (body, after) = body
                    .split_once('}')
                    .ok_or_else(|| format!("a variable is not closed in {}", quoted(written)))?;
                rest = after;
                match body {
                    "*" | "?" | "$" => text.push_str(body),
                    _ => {
                        flush(&mut parts, &mut text);
                        parts.push(variable(body)?);
                    }
                }
                continue;
            }
            rest = rest.get(character.len_utf8()..).unwrap_or_default();
            match character {
                '*' if syntax.wildcards => {
                    flush(&mut parts, &mut text);
                    if parts.last() != Some(&Part::Many) {
                        parts.push(Part::Many);
                    }
                }
                '?' if syntax.wildcards => {
                    flush(&mut parts, &mut text);
                    parts.push(Part::One);
                }
                _ => text.push(character),
            }
        }
        flush(&mut parts, &mut text);
        let shape = match parts.as_slice() {
            _ if parts.iter().any(|part| matches!(part, Part::Variable { .. })) => Shape::Variable,
            [Part::Many] => Shape::Everything,
            [] | [Part::Text(_)] => Shape::Exact,
            [Part::Text(_), Part::Many] => Shape::Prefix,
            _ => Shape::Fixed,
        };
        Ok(Self { parts: parts.into(), shape })
    }

    /// Whether what the pattern matches depends on the request's condition keys.
    pub(crate) fn has_variables(&self) -> bool {
        self.shape == Shape::Variable
    }

    /// The keys of the pattern's variables, in lower case.
    pub(crate) fn variables(&self) -> impl Iterator<Item = &str> {
        self.parts.iter().filter_map(|part| match part {
            Part::Variable { key, .. } => Some(&**key),
            Part::Text(_) | Part::One | Part::Many => None,
        })
    }

    /// Whether the pattern is `*` alone.
    pub(crate) fn is_everything(&self) -> bool {
        self.shape == Shape::Everything
    }

    /// The pattern's text, if it has neither wildcards nor variables.
    pub(crate) fn exact(&self) -> Option<&str> {
        match &*self.parts {
            [] => Some(""),
            [Part::Text(text)] => Some(text),
            _ => None,
        }
    }

    /// What everything the pattern matches begins with.
    pub(crate) fn leading_text(&self) -> &str {
        match self.parts.first() {
            Some(Part::Text(text)) => text,
            _ => "",
        }
    }

    /// Whether the pattern could match for some values of its variables; for one without, whether it does.
    pub(crate) fn could_match(&self, text: &str) -> bool {
        match (self.shape, self.parts.first()) {
            (Shape::Everything, _) => true,
            (Shape::Exact, None) => text.is_empty(),
            (Shape::Exact, Some(Part::Text(own))) => text == &**own,
            (Shape::Prefix, Some(Part::Text(own))) => text.starts_with(&**own),
            _ => glob(&self.loose_pieces(), text),
        }
    }

    /// The pattern's pieces, with a `*` for each variable.
    pub(crate) fn loose_pieces(&self) -> Pieces<'_> {
        self.parts
            .iter()
            .map(|part| match part {
                Part::Text(text) => Piece::Text(text),
                Part::One => Piece::One,
                Part::Many | Part::Variable { .. } => Piece::Many,
            })
            .collect()
    }

    /// Whether the pattern matches, with its variables taken from the request.
    pub(crate) fn matches(&self, text: &str, context: &dyn Context) -> Match {
        if !self.has_variables() {
            return self.could_match(text).into();
        }
        self.with_pieces(context, |pieces| glob(pieces, text).into())
    }

    /// Does something with the text of a pattern without wildcards, its variables taken from the request.
    pub(crate) fn with_text(&self, context: &dyn Context, with: impl FnOnce(&str) -> Match) -> Match {
        if let Some(text) = self.exact() {
            return with(text);
        }
        self.with_pieces(context, |pieces| {
            let text: String = pieces
                .iter()
                .map(|piece| match piece {
                    Piece::Text(text) => text,
                    Piece::One => "?",
                    Piece::Many => "*",
                })
                .collect();
            with(&text)
        })
    }

    /// Does something with the pattern's pieces, its variables taken from the request.
    pub(crate) fn with_pieces(
        &self,
        context: &dyn Context,
        with: impl FnOnce(&[Piece<'_>]) -> Match,
    ) -> Match {
        let mut values = Values::new();
        for part in &self.parts {
            let Part::Variable { key, default } = part else { continue };
            match (context.get(key), default) {
                (Some(ContextValue::One(value)), _) => values.push(value),
                (_, Some(default)) => values.push(Cow::Borrowed(default)),
                (_, None) => return Match::Unresolved,
            }
        }
        let mut values = values.iter();
        let pieces: Pieces<'_> = self
            .parts
            .iter()
            .map(|part| match part {
                Part::Text(text) => Piece::Text(text),
                Part::One => Piece::One,
                Part::Many => Piece::Many,
                Part::Variable { .. } => Piece::Text(values.next().map_or("", |value| value)),
            })
            .collect();
        with(&pieces)
    }
}

fn flush(parts: &mut Vec<Part>, text: &mut String) {
    if !text.is_empty() {
        parts.push(Part::Text(std::mem::take(text).into()));
    }
}

/// Reads what stands between `${` and `}`.
fn variable(body: &str) -> Result<Part, String> {
    let (key, default) = match body.split_once(',') {
        Some((key, default)) => {
            let default = default.trim().strip_prefix('\'').and_then(|default| default.strip_suffix('\''));
            let default = default.filter(|default| !default.contains('\'')).ok_or_else(|| {
                format!("the default of a variable is not in single quotes: {}", quoted(body))
            })?;
            (key.trim(), Some(default))
        }
        None => (body.trim(), None),
    };
    let is_key = key.contains(':') && !key.contains(['$', '{', '*', '?', '\'']);
    if !is_key {
        return Err(format!("{} is not the name of a variable", quoted(key)));
    }
    Ok(Part::Variable { key: condition_key(key), default: default.map(Into::into) })
}

/// A condition key's name as contexts are asked for it: in lower case, and one name where a key has two.
pub(crate) fn condition_key(written: &str) -> Box<str> {
    let key = written.to_ascii_lowercase();
    if key == "dynamodb:firstpartitionkeyvalues" { "dynamodb:leadingkeys".into() } else { key.into() }
}

/// Whether a text as a whole matches pieces.
pub(crate) fn glob(pieces: &[Piece<'_>], text: &str) -> bool {
    let mut segments = pieces.split(|piece| *piece == Piece::Many);
    let Some(first) = segments.next() else { return text.is_empty() };
    let Some(mut rest) = strip_start(first, text) else { return false };
    let Some(last) = segments.next_back() else { return rest.is_empty() };
    // The end before the middle: it is looked at in one place only, and most texts fail there.
    let Some(middle) = strip_end(last, rest) else { return false };
    rest = middle;
    for segment in segments {
        match find_past(segment, rest) {
            Some(after) => rest = after,
            None => return false,
        }
    }
    true
}

/// What follows a segment at a text's start.
fn strip_start<'t>(segment: &[Piece<'_>], text: &'t str) -> Option<&'t str> {
    segment.iter().try_fold(text, |rest, piece| match piece {
        Piece::Text(own) => rest.strip_prefix(own),
        Piece::One => {
            let mut characters = rest.chars();
            characters.next().map(|_| characters.as_str())
        }
        Piece::Many => None,
    })
}

/// What precedes a segment at a text's end.
fn strip_end<'t>(segment: &[Piece<'_>], text: &'t str) -> Option<&'t str> {
    segment.iter().rev().try_fold(text, |rest, piece| match piece {
        Piece::Text(own) => rest.strip_suffix(own),
        Piece::One => {
            let mut characters = rest.chars();
            characters.next_back().map(|_| characters.as_str())
        }
        Piece::Many => None,
    })
}

/// What follows the leftmost place at which a segment matches.
fn find_past<'t>(segment: &[Piece<'_>], text: &'t str) -> Option<&'t str> {
    if let [Piece::Text(own)] = segment {
        let found = memchr::memmem::find(text.as_bytes(), own.as_bytes())?;
        return text.get(found + own.len()..);
    }
    let mut rest = text;
    loop {
        if let Some(after) = strip_start(segment, rest) {
            return Some(after);
        }
        let mut characters = rest.chars();
        characters.next()?;
        rest = characters.as_str();
    }
}

/// Splits pieces at the first five colons of their text into the six parts of an ARN, or says that there are fewer.
pub(crate) fn arn_parts<'a>(pieces: &[Piece<'a>]) -> Option<[Pieces<'a>; 6]> {
    let mut parts: [Pieces<'a>; 6] = Default::default();
    let mut at = 0;
    for piece in pieces {
        let Piece::Text(mut text) = *piece else {
            parts.get_mut(at)?.push(*piece);
            continue;
        };
        while at < 5
            && let Some((before, after)) = text.split_once(':')
        {
            if !before.is_empty() {
                parts.get_mut(at)?.push(Piece::Text(before));
            }
            at += 1;
            text = after;
        }
        if !text.is_empty() {
            parts.get_mut(at)?.push(Piece::Text(text));
        }
    }
    (at == 5).then_some(parts)
}

/// Whether an ARN matches pieces part by part, so that no `*` reaches over a colon before the resource part. A lone
/// `*` matches anything.
pub(crate) fn arn_matches(pieces: &[Piece<'_>], arn: &str) -> bool {
    if pieces == [Piece::Many] {
        return true;
    }
    let Some(parts) = arn_parts(pieces) else { return false };
    let own: SmallVec<[&str; 6]> = arn.splitn(6, ':').collect();
    own.len() == parts.len() && parts.iter().zip(own).all(|(part, text)| glob(part, text))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::question::EmptyContext;

    const GLOB: Syntax = Syntax { wildcards: true, variables: false };
    const FULL: Syntax = Syntax { wildcards: true, variables: true };
    const TEXT: Syntax = Syntax { wildcards: false, variables: true };

    struct Keys(&'static [(&'static str, &'static str)]);

    impl Context for Keys {
        fn get(&self, key: &str) -> Option<ContextValue<'_>> {
            let (_, value) = self.0.iter().find(|(name, _)| *name == key)?;
            Some(match value.split_once(',') {
                Some((one, two)) => ContextValue::Many(vec![one.into(), two.into()]),
                None => ContextValue::One((*value).into()),
            })
        }
    }

    #[test]
    fn wildcards_match_any_one_character_and_any_run_of_them() {
        let cases = [
            ("", "", true),
            ("", "a", false),
            ("a", "a", true),
            ("a", "A", false),
            ("a", "ab", false),
            ("*", "", true),
            ("*", "anything:at/all", true),
            ("**", "x", true),
            ("a*", "a", true),
            ("a*", "abc", true),
            ("a*", "ba", false),
            ("*a", "ba", true),
            ("*a", "ab", false),
            ("a*c", "abbc", true),
            ("a*c", "ac", true),
            ("a*a", "a", false),
            ("*ab*ab*", "abab", true),
            ("*ab*ab*", "aab", false),
            ("?", "", false),
            ("?", "ü", true),
            ("??", "ü", false),
            ("a?c", "abc", true),
            ("a?c", "ac", false),
            ("*?b", "ab", true),
            ("*?b", "b", false),
            ("*b?*", "abc", true),
            ("*b?*", "ab", false),
            ("*a?c*e", "abcaxcde", true),
            ("x*?", "x", false),
            ("x?*", "xü", true),
            ("*aab", "aaab", true),
            ("*aab*", "aaab", true),
            ("*a?b*c", "aaabxc", true),
        ];
        for (pattern, text, matches) in cases {
            let compiled = Pattern::parse(pattern, GLOB).unwrap();
            assert_eq!(compiled.could_match(text), matches, "{pattern:?} against {text:?}");
            assert_eq!(
                glob(&compiled.loose_pieces(), text),
                matches,
                "{pattern:?} against {text:?}, by pieces"
            );
        }
    }

    #[test]
    fn a_glob_made_to_backtrack_is_settled_at_once() {
        // Tried place by place, these would take longer than the age of the world.
        let text = "a".repeat(100_000);
        for pattern in ["*a*a*a*a*b".to_owned(), "*a".repeat(5_000) + "b", "a*".repeat(5_000) + "b"] {
            assert!(!Pattern::parse(&pattern, GLOB).unwrap().could_match(&text));
            assert!(Pattern::parse(&pattern, GLOB).unwrap().could_match(&(text.clone() + "b")));
        }
        let pattern = "*".to_owned() + &"a?".repeat(1_000) + "b*";
        assert!(!Pattern::parse(&pattern, GLOB).unwrap().could_match(&text[..2_048]));
    }

    #[test]
    fn variables_stand_for_single_values_of_the_request_as_plain_text() {
        let context = Keys(&[("aws:username", "bob"), ("aws:userid", "a*b"), ("aws:tags", "x,y")]);
        let cases = [
            ("table/${aws:username}", "table/bob", Match::Yes),
            ("table/${AWS:UserName}", "table/bob", Match::Yes),
            ("table/${aws:username}", "table/eve", Match::No),
            ("${aws:username}-*", "bob-7", Match::Yes),
            ("*${aws:username}?", "xxbobx", Match::Yes),
            ("${aws:userid}", "a*b", Match::Yes),
            ("${aws:userid}", "axb", Match::No),
            ("${aws:absent}", "", Match::Unresolved),
            ("${aws:absent}", "${aws:absent}", Match::Unresolved),
            ("${aws:tags}", "x", Match::Unresolved),
            ("${aws:absent, 'all'}", "all", Match::Yes),
            ("${aws:username, 'all'}", "all", Match::No),
            ("${aws:tags, 'none'}", "none", Match::Yes),
            ("${aws:absent, ''}", "", Match::Yes),
            ("${*}", "*", Match::Yes),
            ("${*}", "x", Match::No),
            ("${?}${$}", "?$", Match::Yes),
            ("a$b{c}", "a$b{c}", Match::Yes),
        ];
        for (pattern, text, expected) in cases {
            let compiled = Pattern::parse(pattern, FULL).unwrap();
            assert_eq!(compiled.matches(text, &context), expected, "{pattern:?} ~ {text:?}");
        }
    }

    #[test]
    fn a_variable_that_cannot_be_read_is_refused() {
        for pattern in [
            "${aws:username",
            "${}",
            "${username}",
            "${aws:username, all}",
            "${aws:username, 'a'b'}",
            "${aws:username, 'a}'",
            "${a:${b:c}}",
            "${a:*}",
        ] {
            assert!(Pattern::parse(pattern, FULL).is_err(), "{pattern}");
            // Without variables it is text like any other.
            assert!(Pattern::parse(pattern, GLOB).is_ok(), "{pattern}");
        }
        let long = Pattern::parse(&format!("${{{}}}", "x".repeat(5_000)), FULL).unwrap_err();
        assert!(long.len() < 200, "{long}");
    }

    #[test]
    fn a_pattern_without_wildcards_takes_them_literally() {
        let pattern = Pattern::parse("a*?${*}", TEXT).unwrap();
        assert_eq!(pattern.matches("a*?*", &EmptyContext), Match::Yes);
        assert_eq!(pattern.matches("axyz", &EmptyContext), Match::No);
        assert_eq!(pattern.exact(), Some("a*?*"));
    }

    #[test]
    fn arns_are_matched_part_by_part() {
        let cases = [
            ("arn:aws:iam::1:user/*", "arn:aws:iam::1:user/a/b:c", true),
            ("arn:aws:*:*:*:*", "arn:aws:iam::1:user/a", true),
            ("arn:*:iam::1:*", "arn:aws:iam::1:user/a", true),
            ("arn:aws:iam:*:user/a", "arn:aws:iam::1:user/a", false),
            ("arn:aws:iam::*/a", "arn:aws:iam::1:user/a", false),
            ("arn:aws:iam::?:user/a", "arn:aws:iam::1:user/a", true),
            ("arn:aws:iam::1:user/a", "arn:aws:iam::1", false),
            ("*", "anything", true),
        ];
        for (pattern, arn, matches) in cases {
            let compiled = Pattern::parse(pattern, GLOB).unwrap();
            assert_eq!(arn_matches(&compiled.loose_pieces(), arn), matches, "{pattern} ~ {arn}");
        }
    }
}
