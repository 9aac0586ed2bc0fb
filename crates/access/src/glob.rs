//! Patterns over repository names.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// The longest pattern. A repository name has at most 255 characters, so a longer pattern matches nothing useful, and
/// matching costs at most pattern x name steps.
pub const GLOB_BYTES_MAX: usize = 255;

/// A pattern over full repository names: `*` is any run of characters within a segment, also an empty one; `**` is any run
/// of characters, slashes included; everything else is itself. `team/**` is everything in project `team`.
///
/// Matching never backtracks: it takes at most pattern x name steps, both at most 255, and allocates nothing.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Glob {
    text: String,
    literal_prefix_bytes: usize,
}

/// Why a text is no pattern.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum GlobError {
    /// It has no characters.
    #[error("a repository pattern is not empty")]
    Empty,
    /// It is longer than [`GLOB_BYTES_MAX`].
    #[error("a repository pattern has at most {GLOB_BYTES_MAX} characters, not {actual}")]
    TooLong {
        /// Its length in bytes.
        actual: usize,
    },
    /// It holds a character that no repository name holds and that is no wildcard.
    #[error("a repository pattern does not hold {character:?}; it has `a-z`, `0-9`, `.`, `_`, `-`, `/`, `*` and `**`")]
    Character {
        /// The character.
        character: char,
    },
    /// A segment between slashes is empty.
    #[error("a repository pattern has no empty segment")]
    EmptySegment,
    /// It has three or more stars in a row.
    #[error("a repository pattern has `*` or `**`, never more stars in a row")]
    Stars,
    /// It can match no repository, as every full name has a slash.
    #[error("`{text}` matches no repository: write `PROJECT/{text}`")]
    NoProject {
        /// The pattern.
        text: String,
    },
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Token {
    Literal(u8),
    WithinSegment,
    Anything,
}

impl Glob {
    /// Checks and keeps a pattern.
    pub fn parse(text: &str) -> Result<Self, GlobError> {
        if text.is_empty() {
            return Err(GlobError::Empty);
        }
        if text.len() > GLOB_BYTES_MAX {
            return Err(GlobError::TooLong { actual: text.len() });
        }
        let allowed = |character: char| matches!(character, 'a'..='z' | '0'..='9' | '.' | '_' | '-' | '/' | '*');
        if let Some(character) = text.chars().find(|character| !allowed(*character)) {
            return Err(GlobError::Character { character });
        }
        if text.split('/').any(str::is_empty) {
            return Err(GlobError::EmptySegment);
        }
        if text.contains("***") {
            return Err(GlobError::Stars);
        }
        if !text.contains('/') && !text.contains("**") {
            return Err(GlobError::NoProject { text: text.to_owned() });
        }
        let literal_prefix_bytes = text.find('*').unwrap_or(text.len());
        Ok(Self { text: text.to_owned(), literal_prefix_bytes })
    }

    /// Returns the pattern for everything in a project.
    pub fn whole_project(project: &str) -> Result<Self, GlobError> {
        Self::parse(&format!("{project}/**"))
    }

    /// Returns the pattern as it was written.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Returns whether a full repository name matches.
    pub fn matches(&self, repository: &str) -> bool {
        let (prefix, pattern) = self.text.as_bytes().split_at(self.literal_prefix_bytes);
        let Some(rest) = repository.as_bytes().strip_prefix(prefix) else {
            return false;
        };
        match pattern {
            [] => rest.is_empty(),
            b"**" => true,
            b"*" => !rest.contains(&b'/'),
            _ => Positions::start(pattern).step_all(rest).at_end(),
        }
    }

    /// Returns whether it may match some repository of the project.
    pub fn reaches_project(&self, project: &str) -> bool {
        Positions::start(self.text.as_bytes()).step_all(project.as_bytes()).step_all(b"/").alive()
    }

    /// Returns whether it can match nothing outside the project: its first segment is the project's name, letter by letter.
    pub fn is_within_project(&self, project: &str) -> bool {
        self.text.strip_prefix(project).is_some_and(|rest| rest.starts_with('/'))
    }
}

/// All positions in a pattern at which matching may stand, after some bytes of the name.
struct Positions {
    tokens: [Token; GLOB_BYTES_MAX],
    token_count: usize,
    here: [bool; GLOB_BYTES_MAX + 1],
}

impl Positions {
    fn start(pattern: &[u8]) -> Self {
        let mut tokens = [Token::Anything; GLOB_BYTES_MAX];
        let mut token_count = 0;
        let mut rest = pattern;
        while let [first, tail @ ..] = rest {
            (tokens[token_count], rest) = match (first, tail) {
                (b'*', [b'*', tail @ ..]) => (Token::Anything, tail),
                (b'*', tail) => (Token::WithinSegment, tail),
                (byte, tail) => (Token::Literal(*byte), tail),
            };
            token_count += 1;
        }
        let mut positions = Self { tokens, token_count, here: [false; GLOB_BYTES_MAX + 1] };
        positions.here[0] = true;
        positions.skip_empty_runs();
        positions
    }

    // A wildcard may match nothing, so standing before one is standing after it too.
    fn skip_empty_runs(&mut self) {
        for index in 0..self.token_count {
            if self.here[index] && !matches!(self.tokens[index], Token::Literal(_)) {
                self.here[index + 1] = true;
            }
        }
    }

    fn step_all(mut self, bytes: &[u8]) -> Self {
        for byte in bytes {
            let mut next = [false; GLOB_BYTES_MAX + 1];
            for index in 0..self.token_count {
                if !self.here[index] {
                    continue;
                }
                match self.tokens[index] {
                    Token::Literal(literal) => next[index + 1] |= literal == *byte,
                    Token::WithinSegment => next[index] |= *byte != b'/',
                    Token::Anything => next[index] = true,
                }
            }
            self.here = next;
            self.skip_empty_runs();
        }
        self
    }

    fn at_end(&self) -> bool {
        self.here[self.token_count]
    }

    // Standing only at the very end is not alive: nothing may follow.
    fn alive(&self) -> bool {
        self.here[..self.token_count].contains(&true)
    }
}

impl fmt::Display for Glob {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.text)
    }
}

impl FromStr for Glob {
    type Err = GlobError;

    fn from_str(text: &str) -> Result<Self, GlobError> {
        Self::parse(text)
    }
}

impl Serialize for Glob {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.text)
    }
}

impl<'de> Deserialize<'de> for Glob {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::parse(&String::deserialize(deserializer)?).map_err(serde::de::Error::custom)
    }
}
