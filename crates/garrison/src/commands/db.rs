use std::cmp::Ordering;

use clap::Subcommand;
use component::Scheme;
use serde_json::json;

use crate::error::{CommandError, Kind};
use crate::output::{self, Format};
use crate::session::Session;

/// What is known of software: versions and their order.
#[derive(Debug, Subcommand)]
#[command(after_help = "Example:
  garrison db compare-versions deb 1.0~rc1 1.0")]
pub(crate) enum Command {
    CompareVersions(CompareVersions),
}

impl Command {
    pub(crate) fn run(self, session: &Session) -> Result<(), CommandError> {
        match self {
            Self::CompareVersions(args) => args.run(session),
        }
    }
}

/// Print `<`, `=` or `>`: how an ecosystem orders two versions.
///
/// Exits with 1 when it has no order for one of them.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:
  garrison db compare-versions deb 1.0~rc1 1.0
  garrison db compare-versions pypi 1.0.post1 1.0+local

Schemes: deb, rpm, apk, pep440, semver, npm, maven, gem, go; or an ecosystem's name, such as pypi, cargo or golang.")]
pub(crate) struct CompareVersions {
    /// Whose rules to go by
    #[arg(value_name = "SCHEME")]
    scheme: String,
    /// First version
    #[arg(value_name = "A", allow_hyphen_values = true)]
    left: String,
    /// Second version
    #[arg(value_name = "B", allow_hyphen_values = true)]
    right: String,
}

impl CompareVersions {
    fn run(self, session: &Session) -> Result<(), CommandError> {
        let scheme: Scheme = self.scheme.parse().map_err(|error: component::version::UnknownScheme| {
            let hint = match error.nearest() {
                Some(nearest) => format!("did you mean `{nearest}`?"),
                None => format!("schemes: {}", Scheme::ALL.map(Scheme::as_str).join(", ")),
            };
            CommandError::new(Kind::Usage, error).hint(hint)
        })?;
        let order = scheme.compare(&self.left, &self.right).map_err(|error| CommandError::new(Kind::No, error))?;
        let symbol = match order {
            Ordering::Less => "<",
            Ordering::Equal => "=",
            Ordering::Greater => ">",
        };
        match session.format() {
            Format::Json => output::print_json(&json!({ "scheme": scheme.as_str(), "order": symbol })),
            Format::Table => output::print_line(symbol),
        }
    }
}
