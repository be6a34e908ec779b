//! From text to tokens (semantics section 5.1). Never fails: what is no token is [`Lexeme::Unknown`], for the parser
//! to refuse in its place.

use crate::ast::{Comparator, Offset};

/// What a token is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Lexeme {
    /// A keyword, a function or an attribute name: which one depends on where it stands.
    Word,
    /// `#name`.
    NamePlaceholder,
    /// `:value`.
    ValuePlaceholder,
    /// Digits.
    Integer,
    Open,
    Close,
    OpenBracket,
    CloseBracket,
    Dot,
    Comma,
    Plus,
    Minus,
    Comparator(Comparator),
    /// A character that no token begins with.
    Unknown,
    /// After the last token.
    End,
}

/// One token and where it stands, in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Token {
    pub(crate) lexeme: Lexeme,
    pub(crate) start: usize,
    pub(crate) end: usize,
}

impl Token {
    pub(crate) fn offset(self) -> Offset {
        Offset(self.start as u32)
    }
}

/// How many bytes at the start of `bytes` can follow the first one of a name or placeholder.
fn word_len(bytes: &[u8]) -> usize {
    bytes.iter().take_while(|byte| byte.is_ascii_alphanumeric() || **byte == b'_').count()
}

/// The lexeme that `text`, which is not empty, begins with, and its length.
fn next_lexeme(text: &str) -> (Lexeme, usize) {
    let placeholder = |lexeme: Lexeme, rest: &[u8]| match word_len(rest) {
        0 => (Lexeme::Unknown, 1),
        len => (lexeme, 1 + len),
    };
    match text.as_bytes() {
        [b'a'..=b'z' | b'A'..=b'Z', rest @ ..] => (Lexeme::Word, 1 + word_len(rest)),
        [b'0'..=b'9', rest @ ..] => {
            (Lexeme::Integer, 1 + rest.iter().take_while(|byte| byte.is_ascii_digit()).count())
        }
        [b'#', rest @ ..] => placeholder(Lexeme::NamePlaceholder, rest),
        [b':', rest @ ..] => placeholder(Lexeme::ValuePlaceholder, rest),
        [b'(', ..] => (Lexeme::Open, 1),
        [b')', ..] => (Lexeme::Close, 1),
        [b'[', ..] => (Lexeme::OpenBracket, 1),
        [b']', ..] => (Lexeme::CloseBracket, 1),
        [b'.', ..] => (Lexeme::Dot, 1),
        [b',', ..] => (Lexeme::Comma, 1),
        [b'+', ..] => (Lexeme::Plus, 1),
        [b'-', ..] => (Lexeme::Minus, 1),
        [b'=', ..] => (Lexeme::Comparator(Comparator::Eq), 1),
        [b'<', b'>', ..] => (Lexeme::Comparator(Comparator::Ne), 2),
        [b'<', b'=', ..] => (Lexeme::Comparator(Comparator::Le), 2),
        [b'<', ..] => (Lexeme::Comparator(Comparator::Lt), 1),
        [b'>', b'=', ..] => (Lexeme::Comparator(Comparator::Ge), 2),
        [b'>', ..] => (Lexeme::Comparator(Comparator::Gt), 1),
        _ => (Lexeme::Unknown, text.chars().next().map_or(1, char::len_utf8)),
    }
}

/// The tokens of a text, read one after the other.
#[derive(Clone, Debug)]
pub(crate) struct Tokens<'t> {
    text: &'t str,
    /// The last token taken.
    before: Token,
    current: Token,
}

impl<'t> Tokens<'t> {
    pub(crate) fn new(text: &'t str) -> Self {
        let start = Token { lexeme: Lexeme::End, start: 0, end: 0 };
        let mut tokens = Self { text, before: start, current: start };
        tokens.current = tokens.after(start);
        tokens.before = Token { start: tokens.current.start, end: tokens.current.start, ..start };
        tokens
    }

    /// The token after `token`.
    fn after(&self, token: Token) -> Token {
        let rest = self.text.get(token.end..).unwrap_or_default();
        let trimmed = rest.trim_start_matches([' ', '\t', '\r', '\n']);
        let start = token.end + (rest.len() - trimmed.len());
        if trimmed.is_empty() {
            return Token { lexeme: Lexeme::End, start: self.text.len(), end: self.text.len() };
        }
        let (lexeme, len) = next_lexeme(trimmed);
        Token { lexeme, start, end: start + len }
    }

    /// The token that is to be read.
    pub(crate) fn current(&self) -> Token {
        self.current
    }

    /// The token after that.
    pub(crate) fn following(&self) -> Token {
        self.after(self.current)
    }

    /// Takes the current token.
    pub(crate) fn take(&mut self) -> Token {
        let taken = self.current;
        self.before = taken;
        self.current = self.after(taken);
        taken
    }

    /// What is written at a token; nothing at the end.
    pub(crate) fn text(&self, token: Token) -> &'t str {
        self.text.get(token.start..token.end).unwrap_or_default()
    }

    /// The text from the token before the current one to the one after it, without what surrounds it.
    pub(crate) fn near(&self) -> &'t str {
        let text = self.text.get(self.before.start..self.following().end).unwrap_or_default();
        text.trim_matches([' ', '\t', '\r', '\n'])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(text: &str) -> Vec<(Lexeme, &str)> {
        let mut tokens = Tokens::new(text);
        let mut read = Vec::new();
        while tokens.current().lexeme != Lexeme::End {
            let token = tokens.take();
            read.push((token.lexeme, tokens.text(token)));
        }
        read
    }

    #[test]
    fn names_and_placeholders_end_where_their_characters_do() {
        assert_eq!(
            texts("a_1.#0x[007]\t:_v\r\n-b"),
            [
                (Lexeme::Word, "a_1"),
                (Lexeme::Dot, "."),
                (Lexeme::NamePlaceholder, "#0x"),
                (Lexeme::OpenBracket, "["),
                (Lexeme::Integer, "007"),
                (Lexeme::CloseBracket, "]"),
                (Lexeme::ValuePlaceholder, ":_v"),
                (Lexeme::Minus, "-"),
                (Lexeme::Word, "b"),
            ]
        );
    }

    #[test]
    fn the_longest_comparator_is_read() {
        let comparators: Vec<&str> =
            texts("< <= <> > >= = <<=>=").into_iter().map(|(_, text)| text).collect();
        assert_eq!(comparators, ["<", "<=", "<>", ">", ">=", "=", "<", "<=", ">="]);
    }

    #[test]
    fn what_is_no_token_is_unknown_one_character_at_a_time() {
        for (text, unknown) in
            [("_a", "_"), ("#", "#"), (": v", ":"), ("é", "é"), ("@", "@"), ("\u{a0}", "\u{a0}")]
        {
            assert_eq!(texts(text).first(), Some(&(Lexeme::Unknown, unknown)), "{text:?}");
        }
    }

    #[test]
    fn the_context_of_a_token_is_its_neighbours() {
        let mut tokens = Tokens::new("  a  = :b  ");
        assert_eq!(tokens.near(), "a  =");
        tokens.take();
        assert_eq!(tokens.near(), "a  = :b");
        tokens.take();
        assert_eq!(tokens.near(), "= :b");
        tokens.take();
        assert_eq!((tokens.current().lexeme, tokens.near()), (Lexeme::End, ":b"));
    }
}
