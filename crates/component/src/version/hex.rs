//! Hex packages: the documentation of Elixir's `Version`, which is Semantic Versioning 2.0.0 to the letter.

use super::Reason;
use super::semver::{self, Semver};

pub(super) fn parse(text: &str) -> Result<Semver<'_>, Reason> {
    semver::parse_strict(text)
}
