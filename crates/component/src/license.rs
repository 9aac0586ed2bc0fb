mod spelling;

use serde::{Deserialize, Serialize};

/// A declared licence.
///
/// Follows SPDX 2.3, annex D, for expressions.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum License {
    /// A valid SPDX expression, in its canonical spelling.
    Expression(String),
    /// Words that are no SPDX expression, as they were found.
    Named(String),
}

/// The longest licence text that is tried as an expression; longer ones are licence texts, not expressions.
pub const EXPRESSION_BYTES_MAX: usize = 1024;

/// The most alternatives and conjunctions an expression may have; the parser's work grows with them.
const EXPRESSION_TERMS_MAX: usize = 64;

impl License {
    /// Reads a licence as package metadata states it. Spellings that are common and clear (`Apache 2.0`, `GPLv2+`, `MIT License`) become the
    /// SPDX expression that they mean; anything else stays as it is: a family's name (`GPL`, `BSD`) does not say which version. Returns `None`
    /// for words that name no licence (empty, `UNKNOWN`, `NONE`).
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        if text.is_empty()
            || ["unknown", "none", "noassertion", "see license", "unlicensed"]
                .contains(&text.to_ascii_lowercase().as_str())
        {
            return None;
        }
        Some(Self::expression(text).unwrap_or_else(|| Self::Named(text.to_owned())))
    }

    fn expression(text: &str) -> Option<Self> {
        if text.len() > EXPRESSION_BYTES_MAX || text.split_whitespace().count() > EXPRESSION_TERMS_MAX {
            return None;
        }
        if let Ok(expression) = spdx::Expression::parse(text) {
            return Some(Self::Expression(expression.to_string()));
        }
        // Not `spdx::Expression::canonicalize`: it takes `GPL` for GPL-2.0-only, `BSD` for BSD-2-Clause and `GNU GPL v2` for GPL-3.0-only.
        let canonical = spelling::canonical(text)?;
        spdx::Expression::parse(&canonical).ok().map(|expression| Self::Expression(expression.to_string()))
    }

    /// Reads back what [`text`](Self::text) gave: an expression where it is one as it stands, else words, which become nothing else though they are a
    /// common spelling of an expression. Debian's `GPL-2` does not say whether later versions are meant.
    pub fn from_text(text: &str) -> Self {
        let is_short = text.len() <= EXPRESSION_BYTES_MAX && text.split_whitespace().count() <= EXPRESSION_TERMS_MAX;
        let is_expression =
            is_short && spdx::Expression::parse(text).is_ok_and(|expression| expression.to_string() == text);
        if is_expression { Self::Expression(text.to_owned()) } else { Self::Named(text.to_owned()) }
    }

    /// Returns the expression or the words.
    pub fn text(&self) -> &str {
        match self {
            Self::Expression(text) | Self::Named(text) => text,
        }
    }
}
