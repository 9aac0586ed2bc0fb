//! Names of projects. Logins are [`access::AccountName`].
//!
//! A project's name is one path component of the OCI distribution 1.1 name grammar, since it is the first segment of its
//! repositories' names.

use std::fmt;
use std::str::FromStr;

/// Longest project name: leaves 190 of the 255 characters of a repository's name for what follows the project.
pub const PROJECT_NAME_CHARS_MAX: usize = 64;

/// Projects that cannot be made: the hub's own first path segments, because a pasted `host/api/…` would name two things,
/// and `system`, which is what the hub itself is called where a resource is named.
pub const RESERVED_PROJECT_NAMES: &[&str] = &["api", "system", "token", "v2"];

/// Why a name is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NameError {
    /// It has no characters.
    #[error("project name is empty")]
    Empty,
    /// Longer than [`PROJECT_NAME_CHARS_MAX`].
    #[error("project name is {actual} characters long, the limit is {PROJECT_NAME_CHARS_MAX}")]
    TooLong {
        /// Length in characters.
        actual: usize,
    },
    /// Not one path component of the OCI name grammar.
    #[error(
        "project name `{0}` is not lower-case letters and digits, joined by single `.` or `_`, by `__`, or by any number of `-`"
    )]
    Grammar(String),
    /// Kept for the hub.
    #[error("project name `{0}` is reserved for the hub itself")]
    Reserved(String),
}

/// The name of a project: the first segment of its repositories' names.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ProjectName(String);

impl ProjectName {
    /// Returns the name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for ProjectName {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, NameError> {
        if text.is_empty() {
            return Err(NameError::Empty);
        }
        let actual = text.chars().count();
        if actual > PROJECT_NAME_CHARS_MAX {
            return Err(NameError::TooLong { actual });
        }
        if !is_component(text.as_bytes()) {
            return Err(NameError::Grammar(text.escape_default().to_string()));
        }
        if RESERVED_PROJECT_NAMES.contains(&text) {
            return Err(NameError::Reserved(text.to_owned()));
        }
        Ok(Self(text.to_owned()))
    }
}

impl fmt::Display for ProjectName {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

/// OCI distribution 1.1, "Pulling manifests": `[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*`.
fn is_component(text: &[u8]) -> bool {
    let alphanumeric = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    let mut rest = text;
    loop {
        let word = rest.iter().take_while(|byte| alphanumeric(**byte)).count();
        if word == 0 {
            return false;
        }
        rest = &rest[word..];
        if rest.is_empty() {
            return true;
        }
        let separator = rest.iter().take_while(|byte| !alphanumeric(**byte)).count();
        let joins = match &rest[..separator] {
            b"." | b"_" | b"__" => true,
            dashes => dashes.iter().all(|byte| *byte == b'-'),
        };
        if !joins {
            return false;
        }
        rest = &rest[separator..];
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: &str) {
        let actual = match text.parse::<ProjectName>() {
            Ok(name) => format!("ok {name}"),
            Err(error) => error.to_string(),
        };
        let expected = expected.replace(
            "grammar",
            &format!(
                "project name `{}` is not lower-case letters and digits, joined by single `.` or `_`, by `__`, or by any number of `-`",
                text.escape_default()
            ),
        );
        assert_eq!(actual, expected, "{text:?}");
    }

    #[test]
    fn a_project_name_is_one_path_component() {
        for refused in [
            "Team", "-team", "team-", ".team", "team.", "_team", "team_", "a..b", "a___b", "a._b", "a-.b", "a/b",
            "a b", "a\0b", "é", "a%2fb", "..", ".", "a\n", "$robot", "a_-b",
        ] {
            check(refused, "grammar");
        }
        check("", "project name is empty");
        for accepted in ["a", "0", "team", "a.b", "a_b", "a__b", "a-b", "a---b", "a.b_c__d-e", "library"] {
            check(accepted, &format!("ok {accepted}"));
        }
    }

    #[test]
    fn the_hub_keeps_its_own_names() {
        for reserved in RESERVED_PROJECT_NAMES {
            check(reserved, &format!("project name `{reserved}` is reserved for the hub itself"));
        }
        check("v20", "ok v20");
    }

    #[test]
    fn names_end_at_their_limit() {
        for (length, accepted) in [(63, true), (64, true), (65, false)] {
            let name = "a".repeat(length);
            assert_eq!(name.parse::<ProjectName>().is_ok(), accepted, "{length}");
        }
        check(&"a".repeat(65), "project name is 65 characters long, the limit is 64");
    }
}
