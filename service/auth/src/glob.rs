//! Patterns in mapping rules: `*` stands for any text, `?` for any one character.

/// Whether all of `text` fits `pattern`. Takes at most the product of their lengths, whatever they hold.
pub(crate) fn fits(pattern: &str, text: &str) -> bool {
    let (mut pattern, mut text) = (pattern.chars(), text.chars());
    // Where to go on if a character does not fit: after the last star, with one more character taken by it.
    let mut retry: Option<(std::str::Chars<'_>, std::str::Chars<'_>)> = None;
    loop {
        let (mut next_pattern, mut next_text) = (pattern.clone(), text.clone());
        match (next_pattern.next(), next_text.next()) {
            (Some('*'), _) => {
                retry = Some((next_pattern.clone(), text.clone()));
                pattern = next_pattern;
            }
            (Some(wanted), Some(found)) if wanted == '?' || wanted == found => {
                (pattern, text) = (next_pattern, next_text);
            }
            (None, None) => return true,
            _ => {
                let Some((after_star, taken)) = &mut retry else { return false };
                if taken.next().is_none() {
                    return false;
                }
                (pattern, text) = (after_star.clone(), taken.clone());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::fits;

    #[test]
    fn patterns_fit_the_whole_text() {
        for (pattern, text) in [
            ("", ""),
            ("*", ""),
            ("*", "anything"),
            ("a*c", "abbbc"),
            ("a*b*c", "a-b-b-c"),
            ("system:serviceaccount:shop:*", "system:serviceaccount:shop:orders"),
            ("a?c", "aüc"),
            ("**a", "ba"),
        ] {
            assert!(fits(pattern, text), "{pattern} {text}");
        }
        for (pattern, text) in [
            ("", "a"),
            ("a", ""),
            ("a?", "a"),
            ("a*c", "abcd"),
            ("system:serviceaccount:shop:*", "system:serviceaccount:shop2:orders"),
            ("shop", "shops"),
            ("Shop", "shop"),
        ] {
            assert!(!fits(pattern, text), "{pattern} {text}");
        }
    }

    #[test]
    fn many_stars_do_not_take_for_ever() {
        assert!(!fits(&"*a".repeat(500), &"a".repeat(400)));
        assert!(!fits(&format!("{}b", "a*".repeat(100)), &"a".repeat(8_000)));
    }
}
