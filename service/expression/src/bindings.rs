//! `Bindings`: the names and values a request gives for the placeholders of its expressions (semantics section 5.3).

use crate::Literal;
use cairn_model::{AttributeValue, limits};
use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

/// The longest placeholder, in bytes, with its `#` or `:`.
pub const PLACEHOLDER_BYTES_MAX: usize = 255;
/// How much of a placeholder or key an error repeats.
const SHOWN_KEY_CHARS_MAX: usize = 255;

/// One pool for all expressions of a request, which keeps track of what they mention.
#[derive(Clone, Debug, Default)]
pub struct Bindings {
    names: BTreeMap<String, Bound<Arc<str>>>,
    values: BTreeMap<String, Bound<Literal>>,
}

#[derive(Clone, Debug)]
struct Bound<T> {
    to: T,
    mentioned: bool,
}

/// Which of the two parameters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum BindingKind {
    /// `ExpressionAttributeNames`.
    Names,
    /// `ExpressionAttributeValues`.
    Values,
}

/// What is wrong with the names or values themselves. Texts are DynamoDB's.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum BindingsError {
    /// Given to a request that has no expression.
    #[error("{0} can only be specified when using expressions")]
    WithoutExpression(BindingKind),
    /// Given, and empty.
    #[error("{0} must not be empty")]
    Empty(BindingKind),
    /// A key that is no placeholder.
    #[error("{kind} contains invalid key: Syntax error; key: \"{key}\"")]
    InvalidKey {
        /// Of which parameter.
        kind: BindingKind,
        /// The key, cut to 255 characters.
        key: String,
    },
    /// A key of more than 255 bytes.
    #[error(
        "{kind} contains invalid key: The key has exceeded the maximum size of {PLACEHOLDER_BYTES_MAX} bytes; key size: {size_bytes}"
    )]
    KeyTooLong {
        /// Of which parameter.
        kind: BindingKind,
        /// Its size.
        size_bytes: usize,
    },
    /// A name that no attribute can have.
    #[error("ExpressionAttributeNames contains invalid value: {} for key {placeholder}", if *.empty {
        "Empty attribute name"
    } else {
        "Attribute name is too large, must be less than 65536 bytes"
    })]
    InvalidName {
        /// The placeholder.
        placeholder: String,
        /// Whether the name is empty; otherwise it is too long.
        empty: bool,
    },
    /// Names and values of more than 2 MB together.
    #[error(
        "ExpressionAttributeNames and ExpressionAttributeValues have exceeded the maximum allowed size of {} bytes together",
        limits::EXPRESSION_BINDINGS_BYTES_MAX
    )]
    TooLarge,
    /// Placeholders that no expression of the request mentions.
    #[error("Value provided in {kind} unused in expressions: keys: {{{}}}", .placeholders.join(", "))]
    Unused {
        /// Of which parameter.
        kind: BindingKind,
        /// The placeholders, sorted.
        placeholders: Vec<String>,
    },
}

impl fmt::Display for BindingKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Names => "ExpressionAttributeNames",
            Self::Values => "ExpressionAttributeValues",
        })
    }
}

impl BindingKind {
    fn sigil(self) -> char {
        match self {
            Self::Names => '#',
            Self::Values => ':',
        }
    }

    /// Checks that `key` is a placeholder.
    ///
    /// # Errors
    /// It is none, or is longer than 255 bytes.
    pub fn check_key(self, key: &str) -> Result<(), BindingsError> {
        let is_placeholder = key.strip_prefix(self.sigil()).is_some_and(|word| {
            !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
        });
        if !is_placeholder {
            let key = key.chars().take(SHOWN_KEY_CHARS_MAX).collect();
            return Err(BindingsError::InvalidKey { kind: self, key });
        }
        if key.len() > PLACEHOLDER_BYTES_MAX {
            return Err(BindingsError::KeyTooLong { kind: self, size_bytes: key.len() });
        }
        Ok(())
    }
}

impl Bindings {
    /// The checks that come before the values are decoded: names and values need an expression, are not empty if
    /// given, and their keys are placeholders. `None` is a parameter that was not given.
    ///
    /// # Errors
    /// The first of these rules that is broken.
    pub fn check_keys<'k>(
        has_expression: bool,
        names: Option<impl IntoIterator<Item = &'k str>>,
        values: Option<impl IntoIterator<Item = &'k str>>,
    ) -> Result<(), BindingsError> {
        if !has_expression {
            for (kind, given) in
                [(BindingKind::Names, names.is_some()), (BindingKind::Values, values.is_some())]
            {
                if given {
                    return Err(BindingsError::WithoutExpression(kind));
                }
            }
        }
        names.map_or(Ok(()), |keys| check_each_key(BindingKind::Names, keys))?;
        values.map_or(Ok(()), |keys| check_each_key(BindingKind::Values, keys))
    }

    /// The names and values of a request, by placeholder with its `#` or `:`. `None` is a parameter that was not
    /// given; whether it may be given at all is [`check_keys`](Self::check_keys)' affair. The values keep the rules
    /// of the data model: that has been checked when they were decoded.
    ///
    /// # Errors
    /// An empty map, a key that is no placeholder, a name that no attribute can have, or more than 2 MB.
    pub fn new(
        names: Option<BTreeMap<String, String>>,
        values: Option<BTreeMap<String, AttributeValue>>,
    ) -> Result<Self, BindingsError> {
        let name_keys = names.as_ref().map(|map| map.keys().map(String::as_str));
        let value_keys = values.as_ref().map(|map| map.keys().map(String::as_str));
        Self::check_keys(true, name_keys, value_keys)?;
        let (names, values) = (names.unwrap_or_default(), values.unwrap_or_default());
        for (placeholder, name) in &names {
            if name.is_empty() || name.len() > limits::ATTRIBUTE_NAME_BYTES_MAX {
                return Err(BindingsError::InvalidName {
                    placeholder: placeholder.clone(),
                    empty: name.is_empty(),
                });
            }
        }
        let size = names.iter().map(|(key, name)| key.len() + name.len()).sum::<usize>()
            + values.iter().map(|(key, value)| key.len() + value.size()).sum::<usize>();
        if size > limits::EXPRESSION_BINDINGS_BYTES_MAX {
            return Err(BindingsError::TooLarge);
        }
        Ok(Self { names: unmentioned(names), values: unmentioned(values) })
    }

    /// The name for a placeholder, which is mentioned from now on.
    pub(crate) fn name(&mut self, placeholder: &str) -> Option<Arc<str>> {
        let bound = self.names.get_mut(placeholder)?;
        bound.mentioned = true;
        Some(Arc::clone(&bound.to))
    }

    /// The value for a placeholder, which is mentioned from now on.
    pub(crate) fn value(&mut self, placeholder: &str) -> Option<Literal> {
        let bound = self.values.get_mut(placeholder)?;
        bound.mentioned = true;
        Some(bound.to.clone())
    }

    /// Checks, once every expression of the request is bound, that all names and values were mentioned.
    ///
    /// # Errors
    /// [`Unused`](BindingsError::Unused), for names before values.
    pub fn check_all_mentioned(&self) -> Result<(), BindingsError> {
        check_mentioned(BindingKind::Names, &self.names)?;
        check_mentioned(BindingKind::Values, &self.values)
    }
}

fn unmentioned<T, U: From<T>>(map: BTreeMap<String, T>) -> BTreeMap<String, Bound<U>> {
    map.into_iter().map(|(key, to)| (key, Bound { to: to.into(), mentioned: false })).collect()
}

fn check_each_key<'k>(
    kind: BindingKind,
    keys: impl IntoIterator<Item = &'k str>,
) -> Result<(), BindingsError> {
    let mut keys = keys.into_iter().peekable();
    if keys.peek().is_none() {
        return Err(BindingsError::Empty(kind));
    }
    keys.try_for_each(|key| kind.check_key(key))
}

fn check_mentioned<T>(kind: BindingKind, map: &BTreeMap<String, Bound<T>>) -> Result<(), BindingsError> {
    let unused = map.iter().filter(|(_, bound)| !bound.mentioned);
    let placeholders: Vec<String> = unused.map(|(key, _)| key.clone()).collect();
    if placeholders.is_empty() { Ok(()) } else { Err(BindingsError::Unused { kind, placeholders }) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(pairs: &[(&str, &str)]) -> Option<BTreeMap<String, String>> {
        Some(pairs.iter().map(|(key, name)| ((*key).to_owned(), (*name).to_owned())).collect())
    }

    fn values(keys: &[&str]) -> Option<BTreeMap<String, AttributeValue>> {
        Some(keys.iter().map(|key| ((*key).to_owned(), AttributeValue::Null)).collect())
    }

    fn refusal<T: fmt::Debug>(result: Result<T, BindingsError>) -> String {
        result.unwrap_err().to_string()
    }

    #[test]
    fn an_empty_map_is_refused() {
        assert_eq!(refusal(Bindings::new(names(&[]), None)), "ExpressionAttributeNames must not be empty");
        assert_eq!(refusal(Bindings::new(None, values(&[]))), "ExpressionAttributeValues must not be empty");
        assert!(Bindings::new(None, None).is_ok());
    }

    #[test]
    fn names_and_values_need_an_expression() {
        let check = |names: Option<[&'static str; 1]>, values: Option<[&'static str; 1]>| {
            refusal(Bindings::check_keys(false, names, values))
        };
        let text = "can only be specified when using expressions";
        assert_eq!(check(Some(["bad"]), Some([":v"])), format!("ExpressionAttributeNames {text}"));
        assert_eq!(check(None, Some(["bad"])), format!("ExpressionAttributeValues {text}"));
        assert!(Bindings::check_keys(false, None::<[&str; 1]>, None::<[&str; 1]>).is_ok());
    }

    #[test]
    fn keys_are_placeholders_of_at_most_255_bytes() {
        for key in ["a", "", "#", ":a", "#a-b", "#a.b", "#é", " #a"] {
            assert_eq!(
                refusal(Bindings::new(names(&[(key, "a")]), None)),
                format!("ExpressionAttributeNames contains invalid key: Syntax error; key: \"{key}\"")
            );
        }
        assert_eq!(
            refusal(Bindings::new(None, values(&["#v"]))),
            "ExpressionAttributeValues contains invalid key: Syntax error; key: \"#v\""
        );
        for key in ["#a", "#0", "#_", &format!("#{}", "a".repeat(254))] {
            assert!(Bindings::new(names(&[(key, "a")]), None).is_ok(), "{key}");
        }
        assert_eq!(
            Bindings::new(names(&[(&format!("#{}", "a".repeat(255)), "a")]), None).unwrap_err(),
            BindingsError::KeyTooLong { kind: BindingKind::Names, size_bytes: 256 }
        );
    }

    #[test]
    fn names_are_names_an_attribute_can_have() {
        assert_eq!(
            refusal(Bindings::new(names(&[("#a", "")]), None)),
            "ExpressionAttributeNames contains invalid value: Empty attribute name for key #a"
        );
        assert!(Bindings::new(names(&[("#a", &"x".repeat(65_535))]), None).is_ok());
        assert!(Bindings::new(names(&[("#a", &"x".repeat(65_536))]), None).is_err());
    }

    #[test]
    fn names_and_values_have_a_size_together() {
        let of_size = |size: usize| {
            let value = AttributeValue::S("x".repeat(size));
            Bindings::new(names(&[("#a", "abc")]), Some([(":v".to_owned(), value)].into())).map(|_| ())
        };
        let max = limits::EXPRESSION_BINDINGS_BYTES_MAX - "#aabc:v".len();
        assert_eq!(of_size(max), Ok(()));
        assert_eq!(of_size(max + 1), Err(BindingsError::TooLarge));
    }

    #[test]
    fn what_no_expression_mentions_is_refused() {
        let mut bindings =
            Bindings::new(names(&[("#b", "b"), ("#a", "a"), ("#c", "c")]), values(&[":v"])).unwrap();
        bindings.name("#c");
        assert_eq!(
            refusal(bindings.check_all_mentioned()),
            "Value provided in ExpressionAttributeNames unused in expressions: keys: {#a, #b}"
        );
        bindings.name("#a");
        bindings.name("#b");
        assert_eq!(
            refusal(bindings.check_all_mentioned()),
            "Value provided in ExpressionAttributeValues unused in expressions: keys: {:v}"
        );
        bindings.value(":v");
        assert_eq!(bindings.check_all_mentioned(), Ok(()));
    }

    #[test]
    fn a_debug_print_of_bindings_shows_no_value() {
        let value = AttributeValue::S("secret".to_owned());
        let bindings = Bindings::new(None, Some([(":v".to_owned(), value)].into())).unwrap();
        assert!(!format!("{bindings:?}").contains("secret"));
    }
}
