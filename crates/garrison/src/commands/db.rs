mod build;
mod database;
mod feeds;
mod hub;
pub(crate) mod update;

use std::cmp::Ordering;

use clap::Subcommand;
use component::{Range, Scheme, Vers, VersError};
use serde_json::json;

use crate::error::{CommandError, Kind};
use crate::output::{self, Format};
use crate::session::Session;

/// What is known of software: advisories, versions, their order and their ranges.
#[derive(Debug, Subcommand)]
#[command(after_help = "Example:
  garrison db update --ecosystem npm --ecosystem Debian:12
  garrison db status
  garrison db compare-versions deb 1.0~rc1 1.0")]
pub(crate) enum Command {
    Update(update::Update),
    Build(build::Build),
    Status(database::Status),
    Diff(database::Diff),
    Import(database::Import),
    Export(database::Export),
    Feeds(feeds::Feeds),
    Readers(database::Readers),
    CompareVersions(CompareVersions),
    InRange(InRange),
}

impl Command {
    pub(crate) fn run(self, session: &Session) -> Result<(), CommandError> {
        match self {
            Self::Update(args) => args.run(session),
            Self::Build(args) => args.run(session),
            Self::Status(args) => args.run(session),
            Self::Diff(args) => args.run(session),
            Self::Import(args) => args.run(session),
            Self::Export(args) => args.run(),
            Self::Feeds(args) => args.run(session),
            Self::Readers(args) => args.run(session),
            Self::CompareVersions(args) => args.run(session),
            Self::InRange(args) => args.run(session),
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

Schemes: deb, rpm, apk, pep440, semver, npm, maven, gem, go, pacman, nuget, composer, hex, pub, conan, gentoo, cran, \
hackage, opam, openssl, nginx, intdot, datetime, lexicographic; or an ecosystem's name, such as pypi, cargo or golang.")]
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
        let scheme = read_scheme(&self.scheme)?;
        let [left, right] = [&self.left, &self.right].map(|version| scheme.version_of(ANY_PACKAGE, version));
        let order = scheme.compare(&left, &right).map_err(|error| CommandError::new(Kind::No, error))?;
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

/// Print `yes` or `no`: whether a version lies in a range.
///
/// The range is written as its ecosystem writes ranges, or as `vers:`, and means what it does in an advisory: a
/// pre-release lies in it by its place in the order alone, also where npm's own tools leave pre-releases out. Exits
/// with 1 when the answer is no, and when the version has no order.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:
  garrison db in-range npm 1.4.2 '^1.2.0'
  garrison db in-range nuget 1.5 '[1.0,2.0)'
  garrison db in-range deb 1.0~rc1 'vers:deb/<1.0'

Schemes: deb, rpm, apk, pep440, semver, npm, maven, gem, go, pacman, nuget, composer, hex, pub, conan, gentoo, cran, \
hackage, opam, openssl, nginx, intdot, datetime, lexicographic; or an ecosystem's name, such as pypi, cargo or golang.")]
pub(crate) struct InRange {
    /// Whose rules to go by
    #[arg(value_name = "SCHEME")]
    scheme: String,
    /// Version
    #[arg(value_name = "VERSION", allow_hyphen_values = true)]
    version: String,
    /// Range
    #[arg(value_name = "RANGE", allow_hyphen_values = true)]
    range: String,
}

impl InRange {
    fn run(self, session: &Session) -> Result<(), CommandError> {
        let scheme = read_scheme(&self.scheme)?;
        let version = scheme.version_of(ANY_PACKAGE, &self.version);
        let found = if let Some(vers) = read_vers(&self.range, scheme)? {
            vers.contains(&version)
        } else {
            let range = Range::parse(scheme, &self.range).map_err(|error| CommandError::new(Kind::Usage, error))?;
            range.contains(&version)
        };
        let is_in = found.map_err(|error| CommandError::new(Kind::No, error))?;
        match session.format() {
            Format::Json => output::print_json(&json!({ "scheme": scheme.as_str(), "in_range": is_in }))?,
            Format::Table => output::print_line(if is_in { "yes" } else { "no" })?,
        }
        if is_in { Ok(()) } else { Err(CommandError::silent(Kind::No)) }
    }
}

/// What a version is of is not said here: it is read as matching reads it for a package of any name, `go1.26.8` as `1.26.8`.
const ANY_PACKAGE: &str = "";

fn read_scheme(name: &str) -> Result<Scheme, CommandError> {
    name.parse().map_err(|error: component::version::UnknownScheme| {
        let hint = match error.nearest() {
            Some(nearest) => format!("did you mean `{nearest}`?"),
            None => format!("schemes: {}", Scheme::ALL.map(Scheme::as_str).join(", ")),
        };
        CommandError::new(Kind::Usage, error).hint(hint)
    })
}

/// Reads a range of vers, which is of the scheme; none if it is written in another way.
fn read_vers(text: &str, scheme: Scheme) -> Result<Option<Vers>, CommandError> {
    if !text.starts_with("vers:") {
        return Ok(None);
    }
    let vers = Vers::parse(text).map_err(|error: VersError| CommandError::new(Kind::Usage, error))?;
    if !vers.is_of(scheme) {
        let error = format!("the range is of {}, and the version of {scheme}", vers.scheme());
        return Err(CommandError::new(Kind::Usage, error).hint(format!("write `{}` for SCHEME", vers.scheme())));
    }
    Ok(Some(vers))
}
