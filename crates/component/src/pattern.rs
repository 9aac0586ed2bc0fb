//! Patterns over names: of repositories, packages, paths, authors.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// The longest pattern, in bytes. What is held against one is a name or a path; a longer pattern says nothing that a shorter does not.
pub const PATTERN_BYTES_MAX: usize = 512;

/// The longest text that a pattern matches, in bytes: a path may have 4096.
pub const PATTERN_TEXT_BYTES_MAX: usize = 8192;

/// A pattern: `*` is any run of characters without a slash, also an empty one; `**` is any run of characters; `?` is one character that is no
/// slash; everything else is itself. A pattern matches whole texts.
///
/// Matching never backtracks: it takes at most pattern x text steps, and no memory.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Pattern(Box<str>);

/// Why a text is no pattern.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PatternError {
    /// It has no characters.
    #[error("a pattern is not empty")]
    Empty,
    /// It is longer than [`PATTERN_BYTES_MAX`].
    #[error("a pattern has at most {PATTERN_BYTES_MAX} bytes, not {actual}")]
    TooLong {
        /// Its length in bytes.
        actual: usize,
    },
    /// It holds a character that does not print, which no name does.
    #[error("a pattern holds no control character")]
    Control,
    /// It has three or more stars in a row.
    #[error("a pattern has `*` or `**`, never more stars in a row")]
    Stars,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Token {
    Literal(char),
    One,
    WithinSegment,
    Anything,
}

impl Pattern {
    /// Checks and keeps a pattern.
    pub fn parse(text: &str) -> Result<Self, PatternError> {
        if text.is_empty() {
            return Err(PatternError::Empty);
        }
        if text.len() > PATTERN_BYTES_MAX {
            return Err(PatternError::TooLong { actual: text.len() });
        }
        if text.contains(|c: char| c.is_control() || matches!(c, '\u{feff}' | '\u{fffe}' | '\u{ffff}')) {
            return Err(PatternError::Control);
        }
        if text.contains("***") {
            return Err(PatternError::Stars);
        }
        Ok(Self(text.into()))
    }

    /// Returns the pattern as it was written.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Tells whether the pattern is one text alone.
    pub fn is_literal(&self) -> bool {
        !self.0.contains(['*', '?'])
    }

    /// Tells whether the whole text matches.
    pub fn matches(&self, text: &str) -> bool {
        self.matches_by(text, |literal, character| literal == character)
    }

    /// Tells whether the whole text matches when upper and lower case of ASCII letters are the same.
    pub fn matches_ignoring_case(&self, text: &str) -> bool {
        self.matches_by(text, |literal, character| literal.eq_ignore_ascii_case(&character))
    }

    fn matches_by(&self, text: &str, is_same: impl Fn(char, char) -> bool) -> bool {
        if text.len() > PATTERN_TEXT_BYTES_MAX {
            return false;
        }
        if self.is_literal() {
            return self.0.len() == text.len() && self.0.chars().zip(text.chars()).all(|(a, b)| is_same(a, b));
        }
        // By its first byte, each place in the pattern at which matching may stand after some characters of the text.
        let (mut here, mut next) = (&mut [false; PATTERN_BYTES_MAX + 1], &mut [false; PATTERN_BYTES_MAX + 1]);
        let end = self.0.len();
        here[0] = true;
        skip_empty_runs(&self.0, here);
        for character in text.chars() {
            next[..=end].fill(false);
            for (place, after, token) in tokens(&self.0).filter(|(place, ..)| here[*place]) {
                match token {
                    Token::Literal(literal) => next[after] |= is_same(literal, character),
                    Token::One => next[after] |= character != '/',
                    Token::WithinSegment => next[place] |= character != '/',
                    Token::Anything => next[place] = true,
                }
            }
            std::mem::swap(&mut here, &mut next);
            skip_empty_runs(&self.0, here);
        }
        here[end]
    }
}

/// Returns the tokens of a pattern, each with its first byte and the one after it.
fn tokens(text: &str) -> impl Iterator<Item = (usize, usize, Token)> {
    let mut place = 0;
    std::iter::from_fn(move || {
        let rest = &text[place..];
        let character = rest.chars().next()?;
        let (token, bytes) = match character {
            '*' if rest.starts_with("**") => (Token::Anything, 2),
            '*' => (Token::WithinSegment, 1),
            '?' => (Token::One, 1),
            _ => (Token::Literal(character), character.len_utf8()),
        };
        let before = place;
        place += bytes;
        Some((before, place, token))
    })
}

/// A wildcard may match nothing, so standing before one is standing after it too.
fn skip_empty_runs(text: &str, here: &mut [bool]) {
    for (place, after, token) in tokens(text) {
        if here[place] && matches!(token, Token::WithinSegment | Token::Anything) {
            here[after] = true;
        }
    }
}

impl fmt::Display for Pattern {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(&self.0)
    }
}

impl FromStr for Pattern {
    type Err = PatternError;

    fn from_str(text: &str) -> Result<Self, PatternError> {
        Self::parse(text)
    }
}

impl Serialize for Pattern {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for Pattern {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::parse(&String::deserialize(deserializer)?).map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_is_no_pattern_is_refused() {
        let table = [
            ("", Err(PatternError::Empty)),
            ("a\nb", Err(PatternError::Control)),
            ("a\u{7f}b", Err(PatternError::Control)),
            ("\u{feff}a", Err(PatternError::Control)),
            ("a***", Err(PatternError::Stars)),
            ("**", Ok(())),
            ("Ä b?", Ok(())),
        ];
        for (text, expected) in table {
            assert_eq!(Pattern::parse(text).map(drop), expected, "{text:?}");
        }
        for (length, expected) in [
            (PATTERN_BYTES_MAX, Ok(())),
            (PATTERN_BYTES_MAX + 1, Err(PatternError::TooLong { actual: PATTERN_BYTES_MAX + 1 })),
        ] {
            assert_eq!(Pattern::parse(&"a".repeat(length)).map(drop), expected);
        }
    }

    #[test]
    fn a_text_that_is_too_long_matches_nothing() {
        let any = Pattern::parse("**").unwrap();
        assert!(any.matches(&"a".repeat(PATTERN_TEXT_BYTES_MAX)));
        assert!(!any.matches(&"a".repeat(PATTERN_TEXT_BYTES_MAX + 1)));
    }

    #[test]
    fn the_longest_pattern_is_matched_to_its_end() {
        let pattern = format!("{}?", "*a".repeat(PATTERN_BYTES_MAX / 2 - 1)) + "a";
        assert_eq!(pattern.len(), PATTERN_BYTES_MAX);
        let pattern = Pattern::parse(&pattern).unwrap();
        let text = |letters: usize| "a".repeat(letters);
        assert!(pattern.matches(&text(PATTERN_BYTES_MAX / 2 + 1)));
        assert!(!pattern.matches(&text(PATTERN_BYTES_MAX / 2)));
    }

    #[test]
    fn stars_stay_in_their_segment_and_two_do_not() {
        let table = [
            ("a", "b", false),
            ("a", "aa", false),
            ("a*", "b", false),
            ("a/*", "a/b/c", false),
            ("a/*", "a", false),
            ("a?c", "a/c", false),
            ("a?c", "ac", false),
            ("é?", "éa", true),
            ("a/*", "a/", true),
            ("a/*", "a/b", true),
            ("a/**", "a/b/c", true),
            ("**/b", "a/x/b", true),
            ("**/b", "b", false),
            ("*a*b*", "xaxbx", true),
            ("*a*b*", "xbxax", false),
            ("pkg:npm/**", "pkg:npm/%40scope/name", true),
            ("CVE-2024-*", "CVE-2024-1234", true),
            ("CVE-2024-*", "cve-2024-1234", false),
            ("é*ü", "éßü", true),
            ("é*ü", "éß/ü", false),
        ];
        for (pattern, text, expected) in table {
            assert_eq!(Pattern::parse(pattern).unwrap().matches(text), expected, "{pattern} {text}");
        }
        let ignoring_case = Pattern::parse("CVE-2024-*").unwrap();
        assert!(ignoring_case.matches_ignoring_case("cve-2024-1"));
        assert!(Pattern::parse("cve-1").unwrap().matches_ignoring_case("CVE-1"));
    }

    /// The plainest way to say what a pattern means; it backtracks.
    fn oracle(pattern: &[char], text: &[char]) -> bool {
        match pattern {
            [] => text.is_empty(),
            ['*', '*', rest @ ..] => (0..=text.len()).any(|end| oracle(rest, &text[end..])),
            ['*', rest @ ..] => (0..=text.len()).any(|end| !text[..end].contains(&'/') && oracle(rest, &text[end..])),
            ['?', rest @ ..] => text.first().is_some_and(|first| *first != '/') && oracle(rest, &text[1..]),
            [literal, rest @ ..] => text.first() == Some(literal) && oracle(rest, &text[1..]),
        }
    }

    proptest! {
        #[test]
        fn equals_the_oracle(pattern in "[ab/*?]{1,7}", text in "[ab/]{0,7}") {
            if let Ok(parsed) = Pattern::parse(&pattern) {
                let characters = |text: &str| text.chars().collect::<Vec<_>>();
                prop_assert_eq!(parsed.matches(&text), oracle(&characters(&pattern), &characters(&text)));
            }
        }
    }
}
