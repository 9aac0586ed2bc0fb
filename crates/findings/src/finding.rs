use std::collections::BTreeSet;

use component::Purl;
use jiff::Timestamp;
use jiff::civil::Date;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use vex::Justification;
use vulndb::cvss::{self, Score};
use vulndb::matching::Certainty;
use vulndb::{Channel, Level, Nature};

use crate::VexWord;

/// A vulnerability of a component, with all that people ask about it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[schemars(rename = "ImageFinding")]
pub struct Finding {
    /// The vulnerability's name: a CVE where any publisher gives one.
    pub vulnerability: String,
    /// Its other names.
    pub aliases: BTreeSet<String>,
    /// What kind of statement makes it one.
    pub nature: Nature,
    /// Whether a publisher says that this version is affected, or that nobody knows yet.
    pub certainty: Certainty,
    /// How severe it is: the distribution's own word for a package of it, else the worst that is stated or that a score comes to.
    /// Malware is critical. None, where nobody says anything.
    pub severity: Option<Level>,
    /// The highest score that a stated vector comes to.
    pub score: Option<Score>,
    /// What each publisher states.
    pub ratings: Vec<Rating>,
    /// How probable it is that it is exploited (FIRST.org, EPSS).
    pub epss: Option<Exploitation>,
    /// That it is known to be exploited (CISA, KEV).
    pub kev: Option<Exploited>,
    /// Whether and how it is mended.
    pub fix: Fix,
    /// Which component has it.
    pub component: ComponentRef,
    /// Why it does not count, in the order in which that is decided. It counts when there is none.
    pub suppressions: Vec<Suppression>,
    /// What would make it not count, had VEX not said that it is affected.
    pub overruled: Vec<Suppression>,
    /// All that VEX documents say of it, that which holds first.
    pub vex: Vec<VexWord>,
    /// The records that say so.
    pub advisories: Vec<Advised>,
    /// The kinds of weakness, as numbers of CWE.
    pub weaknesses: BTreeSet<u32>,
    /// What it is, in a line. Only where texts were asked for.
    pub summary: Option<String>,
    /// Where people read about it.
    pub address: String,
}

impl Finding {
    /// Tells whether it counts: nobody whose word is taken says otherwise.
    pub fn counts(&self) -> bool {
        self.suppressions.is_empty()
    }
}

/// How severe a publisher says that something is.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
pub struct Rating {
    /// Who says so: the feed, or whom it cites.
    pub source: String,
    /// In which record.
    pub advisory: String,
    /// The level that is stated, or that the score comes to.
    pub level: Option<Level>,
    /// The version of CVSS that the vector is of.
    pub cvss: Option<cvss::Version>,
    /// The vector, as it was stated.
    pub vector: Option<String>,
    /// What the vector comes to. None where it is no vector.
    pub score: Option<Score>,
}

/// How probable it is that a vulnerability is exploited in the next thirty days.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Exploitation {
    /// From 0 to 1.
    pub probability: f32,
    /// The share of all vulnerabilities that are no more probable, from 0 to 1.
    pub percentile: f32,
}

/// That a vulnerability is known to be exploited.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Exploited {
    /// When that was published.
    #[schemars(with = "Option<String>", extend("format" = "date"))]
    pub added: Option<Date>,
    /// By when its publisher's own agencies must have mended it.
    #[schemars(with = "Option<String>", extend("format" = "date"))]
    pub due: Option<Date>,
    /// Whether it is known from extortion.
    pub ransomware: bool,
}

/// Whether and how something is mended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Fix {
    /// Whether.
    pub state: FixState,
    /// The smallest version that mends this finding; [`Upgrade`](crate::Upgrade) has the one that mends all of a component.
    pub version: Option<String>,
    /// Where that version is to be had.
    pub channel: Channel,
}

/// Whether something is mended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum FixState {
    /// There is a version that mends it.
    Fixed,
    /// There is none that is known.
    NotFixed,
    /// Its publisher says that it will not be mended.
    WontFix,
    /// Its publisher may mend it later.
    Deferred,
    /// Nothing is mended there any more.
    EndOfLife,
}

impl FixState {
    /// Returns what people read of it.
    pub fn words(self) -> &'static str {
        match self {
            Self::Fixed => "fixed",
            Self::NotFixed => "no fix",
            Self::WontFix => "will not be fixed",
            Self::Deferred => "fix deferred",
            Self::EndOfLife => "end of life",
        }
    }
}

/// Which component has a finding.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
pub struct ComponentRef {
    /// Its place among the report's components.
    pub index: usize,
    /// Its name.
    pub name: String,
    /// Its version.
    pub version: Option<String>,
    /// Its package URL.
    #[schemars(with = "Option<String>")]
    pub purl: Option<Purl>,
}

/// As people write it: `log4j-core 2.14.1`.
impl std::fmt::Display for ComponentRef {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(&self.name)?;
        self.version.as_deref().map_or(Ok(()), |version| write!(formatter, " {version}"))
    }
}

/// A record that makes a finding.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
pub struct Advised {
    /// The record's own name.
    pub id: String,
    /// The feed that it came from.
    pub feed: String,
    /// When it was published.
    #[schemars(with = "Option<String>", extend("format" = "date-time"))]
    pub published: Option<Timestamp>,
    /// When it was changed last.
    #[schemars(with = "Option<String>", extend("format" = "date-time"))]
    pub modified: Option<Timestamp>,
    /// Whose packages it speaks of: `Debian:12`, `npm`.
    pub ecosystem: String,
    /// The package that it speaks of; for many distributions the source package.
    pub package: String,
    /// The version that was compared.
    pub version: String,
    /// The range that holds that version, in words.
    pub range: String,
    /// The first version after that range that mends it, if the record names one.
    pub fixed: Option<String>,
    /// Where that version is to be had.
    pub channel: Channel,
    /// Where people read it.
    pub address: String,
}

/// That a finding does not count, who says so, and why.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
pub struct Suppression {
    /// What kind of word it is.
    pub by: Suppressor,
    /// Who says so.
    pub who: String,
    /// Why, in words.
    pub why: String,
    /// What can be looked up: the record, document or exception.
    pub reference: Option<String>,
    /// Of VEX: the status.
    pub status: Option<String>,
    /// Of VEX: why it is not affected, in the agreed words.
    pub justification: Option<Justification>,
    /// Of an exception: from when on it counts no more.
    #[schemars(with = "Option<String>", extend("format" = "date-time"))]
    pub expires: Option<Timestamp>,
}

impl Suppression {
    pub(crate) fn new(by: Suppressor, who: String, why: String, reference: Option<String>) -> Self {
        Self { by, who, why, reference, status: None, justification: None, expires: None }
    }
}

/// What kind of word makes a finding not count. The order is that in which they are asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Suppressor {
    /// An owner decided that it does not count here.
    Exception,
    /// Who made the product says that it is not affected, or mended.
    Vex,
    /// The publisher of an advisory says that this version is not affected.
    Publisher,
    /// The distribution's package that installed the component is what the distribution speaks of.
    Distribution,
    /// By its own file list the package carries nothing that runs.
    NoCode,
}

impl Suppressor {
    /// Returns what people read of it, after "not counted: ".
    pub fn words(self) -> &'static str {
        match self {
            Self::Exception => "by exception",
            Self::Vex => "by VEX",
            Self::Publisher => "by their publisher",
            Self::Distribution => "by their distribution",
            Self::NoCode => "without code",
        }
    }
}
