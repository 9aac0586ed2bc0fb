use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::{Advisory, Time, believed};

/// What a reader made of documents.
#[derive(Debug, Default, PartialEq)]
pub struct Records {
    /// Advisories, in the order in which they were read.
    pub advisories: Vec<Advisory>,
    /// How probable it is that vulnerabilities are exploited (EPSS).
    pub probabilities: Vec<Probability>,
    /// Vulnerabilities that are known to be exploited (KEV).
    pub exploited: Vec<Exploited>,
    /// When its publisher made the newest of the documents, where that stands in them.
    pub stated: Option<Time>,
    /// What was not understood: how often, and one example of each.
    pub problems: BTreeMap<Problem, (u64, String)>,
}

/// Why a record, or a part of one, was not taken.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, thiserror::Error)]
pub enum Problem {
    /// The document is not in the format, for the reason given.
    #[error("it is not in the feed's format")]
    Format,
    /// It is larger than the reader's limit.
    #[error("it is larger than {0} bytes")]
    TooLarge(u64),
    /// Something in it is longer, deeper or more than a limit allows.
    #[error("it has more {0} than are read")]
    TooMany(&'static str),
    /// It is about an ecosystem that has no place here.
    #[error("nothing is known of the ecosystem `{0}`")]
    Ecosystem(String),
    /// It is about a distribution and does not say about which release, so that its versions could not be held against any.
    #[error("it does not say which release of {0} it is about, as `{0}:RELEASE` would")]
    Release(&'static str),
    /// A version in it cannot be ordered.
    #[error("a version in it has no place in the order of its ecosystem")]
    Version,
    /// It says nothing of any package: ranges of commits alone, or no package at all.
    #[error("it names no package and version")]
    NoPackage,
    /// It holds a word that the format does not have there.
    #[error("it has an unknown {0}")]
    Word(&'static str),
}

impl Problem {
    /// The most bytes of an example that are kept: enough to find the record again.
    pub const EXAMPLE_BYTES_MAX: usize = 200;
}

/// How probable it is that a vulnerability is exploited in the next thirty days (FIRST.org, EPSS).
#[derive(Debug, Clone, PartialEq)]
pub struct Probability {
    /// The vulnerability: `CVE-2021-44228`.
    pub id: String,
    /// From 0 to 1.
    pub probability: f32,
    /// The share of all vulnerabilities that are no more probable, from 0 to 1.
    pub percentile: f32,
}

/// A vulnerability that is known to be exploited (CISA, KEV).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Exploited {
    /// The vulnerability: `CVE-2021-44228`.
    pub id: String,
    /// When it was added to the list.
    pub added: Option<Time>,
    /// By when its publisher's own agencies must have mended it.
    pub due: Option<Time>,
    /// Whether it is known from extortion.
    pub is_in_ransomware: bool,
}

impl Records {
    /// Returns how many there are.
    pub fn count(&self) -> u64 {
        (self.advisories.len() + self.probabilities.len() + self.exploited.len()) as u64
    }

    /// Returns when the newest of them was made or changed, by what stands in the documents. Dates that are not [believed] at `now` are passed over, so
    /// that one slip does not date all.
    pub fn newest(&self, now: Time) -> Option<Time> {
        let dates = |advisory: &Advisory| [advisory.modified, advisory.published];
        let advisories = self.advisories.iter().flat_map(dates);
        let exploited = self.exploited.iter().map(|entry| entry.added);
        advisories.chain(exploited).chain([self.stated]).filter_map(|date| believed(date, now)).max()
    }

    /// Notes when a document was made, by what stands in it.
    pub(crate) fn state(&mut self, made: Option<Time>) {
        self.stated = self.stated.max(made);
    }

    /// Counts something that was not taken; `example` says where.
    pub fn refuse(&mut self, problem: Problem, example: &str) {
        let (count, _) = self.problems.entry(problem).or_insert_with(|| (0, excerpt(example).to_owned()));
        *count += 1;
    }
}

fn excerpt(text: &str) -> &str {
    text.get(..text.floor_char_boundary(Problem::EXAMPLE_BYTES_MAX)).unwrap_or_default()
}
