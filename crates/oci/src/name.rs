//! Repository names, as in OCI distribution 1.1, "Pulling manifests".

use std::fmt;
use std::str::FromStr;

use serde::ser::{Serialize, Serializer};

/// The longest repository name, in bytes: the limit that clients set on registry host and name together.
pub const NAME_LENGTH_MAX: usize = 255;

/// The project of names that have one segment, as `library/alpine` for `alpine`.
pub const DEFAULT_PROJECT: &str = "library";

/// A repository's name: segments of `[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*` with `/` between them.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RepositoryName(String);

/// Why a text is not a repository name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NameError {
    /// There is nothing.
    #[error("a repository name has at least one character")]
    Empty,
    /// It is longer than [`NAME_LENGTH_MAX`].
    #[error("the repository name is {actual} bytes, the limit is {NAME_LENGTH_MAX}")]
    TooLong {
        /// The length of what was sent, in bytes.
        actual: usize,
    },
    /// It begins or ends with `/`, or holds `//`.
    #[error("a repository name has no empty segment")]
    EmptySegment,
    /// It holds a character that no name has, such as a capital.
    #[error("a repository name holds only `a-z`, `0-9`, `.`, `_`, `-` and `/`")]
    BadCharacter,
    /// A `.`, `_` or `-` is not between letters or digits, or is doubled where it may not be.
    #[error("in a repository name, `.`, `_`, `__` and any number of `-` stand alone between letters or digits")]
    BadSeparator,
}

impl RepositoryName {
    /// Returns the name's text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Returns the first segment, which is the project once the name is [qualified](Self::qualified).
    pub fn project(&self) -> &str {
        self.0.split_once('/').map_or(self.as_str(), |(project, _)| project)
    }

    /// Puts `library/` before a name of one segment and leaves others as they are.
    ///
    /// Fails with [`NameError::TooLong`] if there is no room for the prefix.
    pub fn qualified(self) -> Result<Self, NameError> {
        if self.0.contains('/') {
            return Ok(self);
        }
        let actual = DEFAULT_PROJECT.len() + 1 + self.0.len();
        if actual > NAME_LENGTH_MAX {
            return Err(NameError::TooLong { actual });
        }
        Ok(Self(format!("{DEFAULT_PROJECT}/{}", self.0)))
    }
}

impl fmt::Display for RepositoryName {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

impl AsRef<str> for RepositoryName {
    fn as_ref(&self) -> &str {
        &self.0
    }
}

impl FromStr for RepositoryName {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, NameError> {
        if text.is_empty() {
            return Err(NameError::Empty);
        }
        if text.len() > NAME_LENGTH_MAX {
            return Err(NameError::TooLong { actual: text.len() });
        }
        for segment in text.as_bytes().split(|byte| *byte == b'/') {
            check_segment(segment)?;
        }
        Ok(Self(text.to_owned()))
    }
}

impl Serialize for RepositoryName {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

fn check_segment(segment: &[u8]) -> Result<(), NameError> {
    if segment.is_empty() {
        return Err(NameError::EmptySegment);
    }
    if !segment.iter().all(|byte| is_letter_or_digit(*byte) || is_separator(*byte)) {
        return Err(NameError::BadCharacter);
    }
    let ends_in_separator =
        segment.first().copied().is_some_and(is_separator) || segment.last().copied().is_some_and(is_separator);
    let all_separators_fit = segment.split(|byte| is_letter_or_digit(*byte)).all(|run| match run {
        [] | [b'.' | b'_'] | [b'_', b'_'] => true,
        dashes => dashes.iter().all(|byte| *byte == b'-'),
    });
    if ends_in_separator || !all_separators_fit {
        return Err(NameError::BadSeparator);
    }
    Ok(())
}

fn is_letter_or_digit(byte: u8) -> bool {
    byte.is_ascii_lowercase() || byte.is_ascii_digit()
}

fn is_separator(byte: u8) -> bool {
    matches!(byte, b'.' | b'_' | b'-')
}
