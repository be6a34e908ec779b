//! The words that cannot be attribute names in the text of an expression (semantics section 5.1).

use std::collections::HashSet;
use std::sync::LazyLock;

/// The words in upper case, one a line, sorted.
const LIST: &str = include_str!("reserved_words.txt");

static WORDS: LazyLock<HashSet<&'static str>> = LazyLock::new(|| LIST.lines().collect());

/// Whether `word` is reserved, in whatever case it is written. Reserved words can still name attributes through a
/// `#` placeholder.
pub fn is_reserved(word: &str) -> bool {
    WORDS.contains(word.to_ascii_uppercase().as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_list_is_whole_sorted_and_in_upper_case() {
        assert_eq!(WORDS.len(), 573);
        assert_eq!(LIST.lines().count(), 573);
        assert!(LIST.lines().is_sorted());
        assert!(LIST.lines().all(|word| word.bytes().all(|byte| byte.is_ascii_uppercase() || byte == b'_')));
    }

    #[test]
    fn words_are_reserved_in_any_case() {
        for word in ["size", "SIZE", "Name", "abort", "zone", "set"] {
            assert!(is_reserved(word), "{word}");
        }
        for word in ["", "pk", "label", "sizes", "ſize"] {
            assert!(!is_reserved(word), "{word}");
        }
    }
}
