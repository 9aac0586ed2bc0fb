use std::fmt;
use std::str::FromStr;

/// A format that inventories are written in, with its version. The names are Syft's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Format {
    /// `CycloneDX` as JSON.
    CycloneDx(CycloneDxVersion),
    /// SPDX 2.3 as JSON.
    Spdx,
    /// The JSON of Syft, which Grype reads.
    Syft,
    /// One purl a line.
    Purls,
    /// For people.
    Table,
}

/// A version of `CycloneDX` that is written.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum CycloneDxVersion {
    /// 1.4.
    V1_4,
    /// 1.5.
    V1_5,
    /// 1.6: what most consumers read today.
    #[default]
    V1_6,
}

impl CycloneDxVersion {
    /// Every version, oldest first.
    pub const ALL: [Self; 3] = [Self::V1_4, Self::V1_5, Self::V1_6];

    /// Returns the version as documents state it.
    pub fn name(self) -> &'static str {
        match self {
            Self::V1_4 => "1.4",
            Self::V1_5 => "1.5",
            Self::V1_6 => "1.6",
        }
    }
}

/// Why something is not a format.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FormatError {
    /// There is no format of that name.
    #[error("no format is called `{name}`{}", nearest.map(|nearest| format!("; did you mean `{nearest}`?")).unwrap_or_default())]
    Unknown {
        /// What was asked for.
        name: String,
        /// The name of a format that is nearest to it, if one is near.
        nearest: Option<&'static str>,
    },
    /// The format has no such version, or it is not written.
    #[error("`{format}` is not written in version `{version}`; it is in {known}")]
    Version {
        /// The format.
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

impl Format {
    /// The names, as `-o` takes them.
    pub const NAMES: [&'static str; 5] = ["cyclonedx-json", "spdx-json", "syft-json", "purls", "table"];

    const ALIASES: [(&'static str, &'static str); 6] = [
        ("cyclonedx", "cyclonedx-json"),
        ("cdx", "cyclonedx-json"),
        ("spdx", "spdx-json"),
        ("json", "syft-json"),
        ("syft", "syft-json"),
        ("purl", "purls"),
    ];

    /// Returns the name.
    pub fn name(self) -> &'static str {
        match self {
            Self::CycloneDx(_) => "cyclonedx-json",
            Self::Spdx => "spdx-json",
            Self::Syft => "syft-json",
            Self::Purls => "purls",
            Self::Table => "table",
        }
    }

    /// Returns the version, where the format has several or may come to.
    pub fn version(self) -> Option<&'static str> {
        match self {
            Self::CycloneDx(version) => Some(version.name()),
            Self::Spdx => Some("2.3"),
            Self::Syft => Some(super::syft::SCHEMA_VERSION),
            Self::Purls | Self::Table => None,
        }
    }

    /// Returns the media type.
    pub fn media_type(self) -> &'static str {
        match self {
            Self::CycloneDx(_) => "application/vnd.cyclonedx+json",
            Self::Spdx => "application/spdx+json",
            Self::Syft => "application/vnd.syft+json",
            Self::Purls | Self::Table => "text/plain",
        }
    }

    fn named(name: &str) -> Result<Self, FormatError> {
        let lower = name.to_ascii_lowercase();
        let resolved = Self::ALIASES.iter().find(|(alias, _)| *alias == lower).map_or(&*lower, |(_, name)| name);
        match resolved {
            "cyclonedx-json" => Ok(Self::CycloneDx(CycloneDxVersion::default())),
            "spdx-json" => Ok(Self::Spdx),
            "syft-json" => Ok(Self::Syft),
            "purls" => Ok(Self::Purls),
            "table" => Ok(Self::Table),
            _ => Err(FormatError::Unknown { name: name.to_owned(), nearest: nearest(&lower) }),
        }
    }

    fn versioned(self, version: &str) -> Result<Self, FormatError> {
        let known = match self {
            Self::CycloneDx(_) => {
                if let Some(version) = CycloneDxVersion::ALL.into_iter().find(|known| known.name() == version) {
                    return Ok(Self::CycloneDx(version));
                }
                "1.4, 1.5 and 1.6"
            }
            Self::Spdx if version == "2.3" => return Ok(self),
            Self::Spdx => "2.3",
            Self::Syft if version == super::syft::SCHEMA_VERSION => return Ok(self),
            Self::Syft => super::syft::SCHEMA_VERSION,
            Self::Purls | Self::Table => "no version",
        };
        Err(FormatError::Version { format: self.name(), version: version.to_owned(), known })
    }
}

fn nearest(name: &str) -> Option<&'static str> {
    /// What is less alike is another word.
    const SIMILAR: f64 = 0.6;
    let similarity = |candidate: &str| strsim::jaro_winkler(name, candidate);
    let order = |left: &&str, right: &&str| similarity(left).total_cmp(&similarity(right));
    Format::NAMES.into_iter().filter(|candidate| similarity(candidate) > SIMILAR).max_by(order)
}

impl Default for Format {
    fn default() -> Self {
        Self::CycloneDx(CycloneDxVersion::default())
    }
}

impl fmt::Display for Format {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.name())?;
        self.version().map_or(Ok(()), |version| write!(formatter, "@{version}"))
    }
}

/// `NAME[@VERSION]`.
impl FromStr for Format {
    type Err = FormatError;

    fn from_str(text: &str) -> Result<Self, FormatError> {
        match text.split_once('@') {
            Some((name, version)) => Self::named(name)?.versioned(version),
            None => Self::named(text),
        }
    }
}

/// Where an inventory is written, and how: `FORMAT[@VERSION][=FILE]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Output {
    /// The format.
    pub format: Format,
    /// The file; standard output without one.
    pub file: Option<String>,
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

    #[track_caller]
    fn check(text: &str, expected: &str) {
        let found = match text.parse::<Output>() {
            Ok(Output { format, file: Some(file) }) => format!("{format} in {file}"),
            Ok(Output { format, file: None }) => format.to_string(),
            Err(error) => format!("error: {error}"),
        };
        assert_eq!(found, expected, "{text}");
    }

    #[test]
    fn outputs_are_format_version_and_file() {
        check("cyclonedx-json", "cyclonedx-json@1.6");
        check("CycloneDX-JSON", "cyclonedx-json@1.6");
        check("cyclonedx", "cyclonedx-json@1.6");
        check("cyclonedx-json@1.4=out.json", "cyclonedx-json@1.4 in out.json");
        check("cyclonedx@1.5=a=b@c", "cyclonedx-json@1.5 in a=b@c");
        check("spdx", "spdx-json@2.3");
        check("spdx-json@2.3", "spdx-json@2.3");
        check("json", &format!("syft-json@{}", super::super::syft::SCHEMA_VERSION));
        check("purls=list.txt", "purls in list.txt");
        check("table", "table");
    }

    #[test]
    fn what_is_no_output_says_what_is() {
        check("", "error: no format is called ``");
        check("xml", "error: no format is called `xml`");
        check("cylonedx-jsn", "error: no format is called `cylonedx-jsn`; did you mean `cyclonedx-json`?");
        check("cyclonedx-xml", "error: no format is called `cyclonedx-xml`; did you mean `cyclonedx-json`?");
        check("spdx-tag-value", "error: no format is called `spdx-tag-value`; did you mean `spdx-json`?");
        check("tabel", "error: no format is called `tabel`; did you mean `table`?");
        check("cyclonedx@1.7", "error: `cyclonedx-json` is not written in version `1.7`; it is in 1.4, 1.5 and 1.6");
        check("cyclonedx@", "error: `cyclonedx-json` is not written in version ``; it is in 1.4, 1.5 and 1.6");
        check("spdx@3.0", "error: `spdx-json` is not written in version `3.0`; it is in 2.3");
        check("table@1", "error: `table` is not written in version `1`; it is in no version");
        check("table=", "error: `table` names no file after `=`");
    }
}
