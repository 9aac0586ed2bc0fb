use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{Ecosystem, Interval};

/// A moment, in seconds since 1970 (UTC).
pub type Time = i64;

/// One record of one feed: what its publisher says about which packages.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Default, Serialize, Deserialize)]
pub struct Advisory {
    /// The name that the publisher gave it: `GHSA-jfh8-c2jp-5v3q`, `DSA-5678-1`, `CVE-2024-3094`.
    pub id: String,
    /// Other names of the same vulnerability, and of nothing else.
    pub aliases: Vec<String>,
    /// The vulnerabilities that it is about, where it is an erratum or a distribution's record of another's vulnerability.
    pub upstream: Vec<String>,
    /// What kind of statement it is.
    pub nature: Nature,
    /// When it was published.
    pub published: Option<Time>,
    /// When it was changed last.
    pub modified: Option<Time>,
    /// When its publisher took it back. It matches nothing from then on, but can be asked for.
    pub withdrawn: Option<Time>,
    /// One line.
    pub summary: String,
    /// The text, as the publisher wrote it (mostly Markdown).
    pub details: String,
    /// How severe its publisher and others say it is, for all that it affects.
    pub severities: Vec<Severity>,
    /// Further reading.
    pub references: Vec<Reference>,
    /// Weaknesses, as numbers of CWE.
    pub weaknesses: Vec<u32>,
    /// What is affected, and what is said not to be.
    pub affected: Vec<Affected>,
}

/// What kind of statement an advisory makes. The order is from the worst.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, Default, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Nature {
    /// The package itself is malicious.
    Malware,
    /// A vulnerability.
    #[default]
    Vulnerability,
    /// Nobody looks after the package any more.
    Unmaintained,
    /// It can be misused into undefined behaviour without anyone having been attacked by it.
    Unsound,
    /// Something its users should know.
    Notice,
}

/// What an advisory says of one package in one ecosystem.
///
/// A version is meant when it lies in one of the intervals or is named in `versions`; with neither, every version is.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Affected {
    /// Whose package.
    pub ecosystem: Ecosystem,
    /// The package's name, in the one spelling that [`Ecosystem::canonical_name`] gives.
    pub package: String,
    /// What the name names.
    pub named: Named,
    /// What is said of the versions that are meant.
    pub verdict: Verdict,
    /// Which versions are meant.
    pub intervals: Vec<Interval>,
    /// Versions that are meant besides, one by one.
    pub versions: Vec<String>,
    /// What else must hold.
    pub qualifiers: Qualifiers,
    /// How severe it is for this package, where that is said apart.
    pub severities: Vec<Severity>,
}

/// What a package's name names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Named {
    /// The package as it is installed.
    Binary,
    /// The source package that installed ones are built from.
    Source,
}

/// What is said of versions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Verdict {
    /// They are affected.
    Affected(Fix),
    /// They are not, although one could think so: never vulnerable, or vulnerable code that is not built or not reached.
    NotAffected,
    /// Nobody knows yet.
    UnderInvestigation,
}

/// What the publisher says about mending. A version that mends it is the end of an interval ([`crate::End::Fixed`]).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, Default)]
#[serde(rename_all = "kebab-case")]
pub enum Fix {
    /// Nothing beyond what the intervals say.
    #[default]
    AsStated,
    /// It will not be mended.
    WontFix,
    /// It may be mended later.
    Deferred,
    /// Nothing is mended there any more.
    EndOfLife,
}

/// What else must hold of a component for a statement to be about it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, Default)]
pub struct Qualifiers {
    /// The architectures that are meant, in the distribution's words; none means all.
    pub architectures: Vec<String>,
    /// The modularity stream of an RPM: `nodejs:18`. `Some("")` means only packages of no module.
    pub module: Option<String>,
    /// The channel in which a fix is to be had.
    pub channel: Channel,
    /// The parts of a Go module that hold the vulnerable code; none means all of it.
    pub symbols: Vec<Symbols>,
    /// The software that it is made for: `node.js` or `wordpress` of a product by CPE (`target_sw`), `jruby` of a gem; none means
    /// any.
    pub target_software: Option<String>,
    /// Products by CPE (`o:microsoft:windows`) of which one must be there too, because it runs on that; none means that nothing
    /// else need be. The operating systems of Go's and Rust's records are here in these words.
    pub runs_on: Vec<String>,
}

/// The channel of a distribution, where a fix is to be had.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, Default, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Channel {
    /// What everybody gets.
    #[default]
    Main,
    /// Ubuntu Pro's extended maintenance, for the base system (`esm-infra`).
    EsmInfra,
    /// Ubuntu Pro's extended maintenance, for everything else (`esm-apps`).
    EsmApps,
    /// Ubuntu Pro, where a record does not say which part.
    Esm,
    /// Ubuntu's certified builds.
    Fips,
    /// SUSE's long-term support of a service pack (LTSS, ESPOS).
    Ltss,
}

/// A package of a Go module and what in it is vulnerable.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Symbols {
    /// The import path.
    pub path: String,
    /// Functions and methods; none means every one.
    pub names: Vec<String>,
}

/// A statement of how severe something is.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Severity {
    /// Who says so, where it is not the publisher of the record: `nvd`.
    pub source: Option<String>,
    /// What is said.
    pub rating: Rating,
}

/// How severe something is.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Rating {
    /// A vector of CVSS 2.0, 3.0, 3.1 or 4.0, as it was stated.
    Cvss(String),
    /// One of the publisher's own levels.
    Level(Level),
}

/// A level of severity. The order is from the least to the worst.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Level {
    /// Said to be of no consequence.
    Negligible,
    /// Low, or minor.
    Low,
    /// Medium, or moderate.
    Medium,
    /// High, or important.
    High,
    /// Critical, or urgent.
    Critical,
}

impl Nature {
    /// Returns the word that documents and people have for it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Malware => "malware",
            Self::Vulnerability => "vulnerability",
            Self::Unmaintained => "unmaintained",
            Self::Unsound => "unsound",
            Self::Notice => "notice",
        }
    }
}

impl Level {
    /// Every level, from the least to the worst.
    pub const ALL: [Self; 5] = [Self::Negligible, Self::Low, Self::Medium, Self::High, Self::Critical];

    /// Returns the word that documents and people have for it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Negligible => "negligible",
            Self::Low => "low",
            Self::Medium => "medium",
            Self::High => "high",
            Self::Critical => "critical",
        }
    }
}

impl Channel {
    /// Returns the word that documents and people have for it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Main => "main",
            Self::EsmInfra => "esm-infra",
            Self::EsmApps => "esm-apps",
            Self::Esm => "esm",
            Self::Fips => "fips",
            Self::Ltss => "ltss",
        }
    }
}

/// Where to read more.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Reference {
    /// The kind, in OSV's words: `ADVISORY`, `FIX`, `WEB`.
    pub kind: String,
    /// The address.
    pub url: String,
}
