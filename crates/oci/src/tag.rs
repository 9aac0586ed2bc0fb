//! Tags, as in OCI distribution 1.1, "Pulling manifests".

use std::fmt;
use std::str::FromStr;

use serde::ser::{Serialize, Serializer};

/// The longest tag that the specification allows, in bytes.
pub const TAG_LENGTH_MAX: usize = 128;

/// A tag: `[a-zA-Z0-9_][a-zA-Z0-9._-]{0,127}`, compared byte by byte, which is the order in which tags are listed.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Tag(String);

/// Why a text is not a tag.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TagError {
    /// There is nothing.
    #[error("a tag has at least one character")]
    Empty,
    /// It is longer than [`TAG_LENGTH_MAX`].
    #[error("the tag is {actual} bytes, the limit is {TAG_LENGTH_MAX}")]
    TooLong {
        /// The length of what was sent, in bytes.
        actual: usize,
    },
    /// It begins with a character that only later ones may be, or that none may be.
    #[error("a tag begins with a letter, a digit or `_`")]
    BadStart,
    /// It holds a character that no tag has.
    #[error("a tag holds only letters, digits, `_`, `.` and `-`")]
    BadCharacter,
}

impl Tag {
    /// Returns the tag's text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    // Only for text that this crate itself made to the grammar.
    pub(crate) fn from_valid(text: String) -> Self {
        debug_assert_eq!(check(&text), Ok(()));
        Self(text)
    }
}

impl fmt::Display for Tag {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

impl AsRef<str> for Tag {
    fn as_ref(&self) -> &str {
        &self.0
    }
}

impl FromStr for Tag {
    type Err = TagError;

    fn from_str(text: &str) -> Result<Self, TagError> {
        check(text)?;
        Ok(Self(text.to_owned()))
    }
}

impl Serialize for Tag {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

fn check(text: &str) -> Result<(), TagError> {
    let (first, rest) = text.as_bytes().split_first().ok_or(TagError::Empty)?;
    if text.len() > TAG_LENGTH_MAX {
        return Err(TagError::TooLong { actual: text.len() });
    }
    if !is_word(*first) {
        return Err(TagError::BadStart);
    }
    if !rest.iter().all(|byte| is_word(*byte) || matches!(byte, b'.' | b'-')) {
        return Err(TagError::BadCharacter);
    }
    Ok(())
}

fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_'
}
