//! Names of users and robots.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// The longest login name. Long enough for `team-and-pipeline` names, short enough for one column of a table.
pub const ACCOUNT_NAME_CHARS_MAX: usize = 64;

/// Names that no account may have: words that clients send when they mean a token, and words that would read as something
/// else in a sentence, an address or an audit record. Sorted.
pub const RESERVED_ACCOUNT_NAMES: &[&str] = &[
    "00000000-0000-0000-0000-000000000000",
    "anonymous",
    "everyone",
    "garrison",
    "hub",
    "me",
    "nobody",
    "oauth2accesstoken",
    "public",
    "robot",
    "self",
    "system",
    "token",
    "user",
];

/// A login name: `[a-z0-9]([a-z0-9._-]*[a-z0-9])?`, at most 64 characters, not reserved.
///
/// Users and robots share one namespace, so that a name alone says who logs in and `project grant PROJECT NAME ROLE` needs
/// no prefix; whoever creates an account looks for the name among both, in one transaction. The grammar needs no quoting in a
/// shell, an address or a file of credentials, which is what a `$` or `+` in a robot's name costs elsewhere.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct AccountName(String);

/// Why a text is no login name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AccountNameError {
    /// It has no characters, or more than [`ACCOUNT_NAME_CHARS_MAX`].
    #[error("a name has 1 to {ACCOUNT_NAME_CHARS_MAX} characters, not {actual}")]
    Length {
        /// How many it has.
        actual: usize,
    },
    /// It has a character outside the grammar, or begins or ends with punctuation.
    #[error("a name has `a-z`, `0-9`, and between them `.`, `_` and `-`")]
    Characters,
    /// It is one of [`RESERVED_ACCOUNT_NAMES`].
    #[error("the name `{name}` is reserved")]
    Reserved {
        /// The name.
        name: String,
    },
}

impl AccountName {
    /// Checks and keeps a name.
    pub fn parse(text: &str) -> Result<Self, AccountNameError> {
        let actual = text.chars().count();
        if !(1..=ACCOUNT_NAME_CHARS_MAX).contains(&actual) {
            return Err(AccountNameError::Length { actual });
        }
        let is_letter = |byte: &u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
        let bytes = text.as_bytes();
        let inside = bytes.iter().all(|byte| is_letter(byte) || matches!(byte, b'.' | b'_' | b'-'));
        let ends = bytes.first().is_some_and(is_letter) && bytes.last().is_some_and(is_letter);
        if !inside || !ends {
            return Err(AccountNameError::Characters);
        }
        if RESERVED_ACCOUNT_NAMES.contains(&text) {
            return Err(AccountNameError::Reserved { name: text.to_owned() });
        }
        Ok(Self(text.to_owned()))
    }

    /// Returns the name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for AccountName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl FromStr for AccountName {
    type Err = AccountNameError;

    fn from_str(text: &str) -> Result<Self, AccountNameError> {
        Self::parse(text)
    }
}

impl From<AccountName> for String {
    fn from(name: AccountName) -> Self {
        name.0
    }
}

impl Serialize for AccountName {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for AccountName {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::parse(&String::deserialize(deserializer)?).map_err(serde::de::Error::custom)
    }
}
