use std::fmt;
use std::str::FromStr;

use component::Inventory;
use jiff::Timestamp;
use sbom::formats::{CycloneDxVersion, Layout, WriteOptions};

use crate::{Report, TableOptions, cyclonedx, grype, json, sarif, table};

/// A form in which a report is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Format {
    /// For people.
    Table,
    /// The report itself.
    Json,
    /// The JSON of Grype, which its users' templates read.
    GrypeJson,
    /// What code hosts show beside the code.
    Sarif,
    /// `CycloneDX` with vulnerabilities.
    CycloneDx(CycloneDxVersion),
}

/// Where a report is written, and how: `FORMAT[@VERSION][=FILE]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Output {
    /// The form.
    pub format: Format,
    /// The file; standard output without one.
    pub file: Option<String>,
}

/// Why something is not a form.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FormatError {
    /// There is none of that name.
    #[error("no format is called `{name}`{}", nearest.map(|nearest| format!("; did you mean `{nearest}`?")).unwrap_or_default())]
    Unknown {
        /// What was asked for.
        name: String,
        /// The name that is nearest to it, if one is near.
        nearest: Option<&'static str>,
    },
    /// It has no such version, or it is not written.
    #[error("`{format}` is not written in version `{version}`; it is in {known}")]
    Version {
        /// The form.
        format: &'static str,
        /// What was asked for.
        version: String,
        /// The versions there are.
        known: &'static str,
    },
    /// There is an `=` and no file after it.
    #[error("`{0}` names no file after `=`")]
    NoFile(String),
}

/// What documents say besides the report.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DocumentOptions {
    /// How tables are laid out.
    pub table: TableOptions,
    /// The time that a document states when its inventory has none: that of a build, never a clock's.
    pub timestamp: Option<Timestamp>,
}

/// A document, and what it leaves out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Written {
    /// The document.
    pub bytes: Vec<u8>,
    /// What those for whom it is made would not take, in words.
    pub left_out: Option<String>,
}

impl Format {
    /// The names, as `-o` takes them.
    pub const NAMES: [&'static str; 5] = ["table", "json", "grype-json", "sarif", "cyclonedx-json"];

    const ALIASES: [(&'static str, &'static str); 3] =
        [("grype", "grype-json"), ("cyclonedx", "cyclonedx-json"), ("cdx", "cyclonedx-json")];

    /// Returns the name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Table => "table",
            Self::Json => "json",
            Self::GrypeJson => "grype-json",
            Self::Sarif => "sarif",
            Self::CycloneDx(_) => "cyclonedx-json",
        }
    }

    /// Writes a report and the inventory that it is of.
    pub fn write(self, report: &Report, inventory: &Inventory, options: &DocumentOptions) -> Written {
        let whole = |text: String| Written { bytes: text.into_bytes(), left_out: None };
        match self {
            Self::Table => whole(table(report, &options.table)),
            Self::Json => whole(json(report)),
            Self::GrypeJson => whole(grype(report, inventory)),
            Self::Sarif => {
                let written = sarif(report);
                Written { bytes: written.text.into_bytes(), left_out: written.left_out }
            }
            Self::CycloneDx(version) => {
                let timestamp = options.timestamp.map(|timestamp| timestamp.to_string());
                let options = WriteOptions {
                    layout: Layout::Compact,
                    timestamp,
                    ..WriteOptions::new(sbom::formats::Format::CycloneDx(version))
                };
                Written { bytes: cyclonedx(report, inventory, version, &options), left_out: None }
            }
        }
    }

    fn named(name: &str) -> Result<Self, FormatError> {
        let lower = name.to_ascii_lowercase();
        let resolved = Self::ALIASES.iter().find(|(alias, _)| *alias == lower).map_or(&*lower, |(_, name)| name);
        Ok(match resolved {
            "table" => Self::Table,
            "json" => Self::Json,
            "grype-json" => Self::GrypeJson,
            "sarif" => Self::Sarif,
            "cyclonedx-json" => Self::CycloneDx(CycloneDxVersion::default()),
            _ => return Err(FormatError::Unknown { name: name.to_owned(), nearest: nearest(&lower) }),
        })
    }
}

fn nearest(name: &str) -> Option<&'static str> {
    /// What is less alike is another word.
    const SIMILAR: f64 = 0.6;
    let similarity = |candidate: &str| strsim::jaro_winkler(name, candidate);
    let order = |left: &&str, right: &&str| similarity(left).total_cmp(&similarity(right));
    Format::NAMES.into_iter().filter(|candidate| similarity(candidate) > SIMILAR).max_by(order)
}

impl fmt::Display for Format {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.name())?;
        match self {
            Self::CycloneDx(version) => write!(formatter, "@{}", version.name()),
            _ => Ok(()),
        }
    }
}

/// `NAME[@VERSION]`.
impl FromStr for Format {
    type Err = FormatError;

    fn from_str(text: &str) -> Result<Self, FormatError> {
        let Some((name, version)) = text.split_once('@') else { return Self::named(text) };
        let format = Self::named(name)?;
        let refused = |known| FormatError::Version { format: format.name(), version: version.to_owned(), known };
        match format {
            Self::CycloneDx(_) => CycloneDxVersion::ALL
                .into_iter()
                .find(|known| known.name() == version)
                .map(Self::CycloneDx)
                .ok_or_else(|| refused("1.4, 1.5 and 1.6")),
            Self::Sarif if version == "2.1.0" => Ok(format),
            Self::Sarif => Err(refused("2.1.0")),
            Self::Table | Self::Json | Self::GrypeJson => Err(refused("no version")),
        }
    }
}

impl FromStr for Output {
    type Err = FormatError;

    fn from_str(text: &str) -> Result<Self, FormatError> {
        match text.split_once('=') {
            Some((format, "")) => Err(FormatError::NoFile(format.to_owned())),
            Some((format, file)) => Ok(Self { format: format.parse()?, file: Some(file.to_owned()) }),
            None => Ok(Self { format: text.parse()?, file: None }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn outputs_are_format_version_and_file() {
        for (text, expected) in [
            ("", "error: no format is called ``"),
            ("xml", "error: no format is called `xml`"),
            ("sariv", "error: no format is called `sariv`; did you mean `sarif`?"),
            ("spdx-json", "error: no format is called `spdx-json`; did you mean `grype-json`?"),
            ("sarif@2.0", "error: `sarif` is not written in version `2.0`; it is in 2.1.0"),
            ("json@1", "error: `json` is not written in version `1`; it is in no version"),
            ("cyclonedx@1.7", "error: `cyclonedx-json` is not written in version `1.7`; it is in 1.4, 1.5 and 1.6"),
            ("table=", "error: `table` names no file after `=`"),
            ("table", "table"),
            ("JSON", "json"),
            ("grype=a.json", "grype-json in a.json"),
            ("sarif@2.1.0=a=b", "sarif in a=b"),
            ("cyclonedx", "cyclonedx-json@1.6"),
            ("cyclonedx-json@1.4=out", "cyclonedx-json@1.4 in out"),
        ] {
            let found = match text.parse::<Output>() {
                Ok(Output { format, file: Some(file) }) => format!("{format} in {file}"),
                Ok(Output { format, file: None }) => format.to_string(),
                Err(error) => format!("error: {error}"),
            };
            assert_eq!(found, expected, "{text}");
        }
    }
}
