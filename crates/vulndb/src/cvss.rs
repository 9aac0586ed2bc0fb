//! Vectors of the Common Vulnerability Scoring System into scores: CVSS 2.0 ("A Complete Guide"), 3.0, 3.1 and 4.0
//! ("Specification Document"), all by FIRST.org.
//!
//! The score is what all metrics of a vector give together: base metrics alone where it has no others, else with temporal (4.0:
//! threat) and environmental ones.

use std::str::FromStr as _;

use ::cvss::{Cvss, v3};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{Level, Rating};

/// The longest vector that is read, in bytes. One of 4.0 with every metric has about 200.
pub const VECTOR_BYTES_MAX: usize = 512;

/// A version of the standard.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[schemars(rename = "CvssVersion")]
pub enum Version {
    /// 2.0.
    #[serde(rename = "2.0")]
    V2_0,
    /// 3.0.
    #[serde(rename = "3.0")]
    V3_0,
    /// 3.1.
    #[serde(rename = "3.1")]
    V3_1,
    /// 4.0.
    #[serde(rename = "4.0")]
    V4_0,
}

impl Version {
    /// Returns the version as the standard writes it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::V2_0 => "2.0",
            Self::V3_0 => "3.0",
            Self::V3_1 => "3.1",
            Self::V4_0 => "4.0",
        }
    }
}

/// A score from 0.0 to 10.0, in tenths. In documents it is a number, as the standard writes it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(from = "f64", into = "f64")]
pub struct Score(u8);

/// What a vector comes to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Assessment {
    /// By which version of the standard.
    pub version: Version,
    /// The score.
    pub score: Score,
}

/// Why a text is no vector.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// It is longer than [`VECTOR_BYTES_MAX`].
    #[error("the vector is {actual} bytes, the limit is {VECTOR_BYTES_MAX}")]
    TooLong {
        /// Its length in bytes.
        actual: usize,
    },
    /// It holds something that the standard does not have there.
    #[error("the vector is not written as CVSS vectors are")]
    Form(#[source] ::cvss::Error),
    /// A metric that must be there is not: one of the base metrics, or in 2.0 one of a group of which others are there.
    #[error("the vector has no `{metric}`")]
    Missing {
        /// The metric's abbreviation.
        metric: &'static str,
    },
}

/// Reads a vector, as in `CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H`; those of 2.0 have no beginning of that kind.
pub fn assess(vector: &str) -> Result<Assessment, Error> {
    if vector.len() > VECTOR_BYTES_MAX {
        return Err(Error::TooLong { actual: vector.len() });
    }
    let (version, score) = match Cvss::from_str(vector).map_err(Error::Form)? {
        Cvss::CvssV20(read) => {
            let metrics = Metrics::of(vector);
            metrics.check_groups()?;
            let has_environment = metrics.state(V2_ENVIRONMENTAL[0]);
            let has_time = metrics.state(V2_TEMPORAL[0]);
            let score = match (has_environment, has_time) {
                (true, _) => read.environmental_score(),
                (false, true) => read.temporal_score(),
                (false, false) => read.score(),
            };
            (Version::V2_0, score.value())
        }
        Cvss::CvssV30(read) => (Version::V3_0, score_of_third(vector, &read)?),
        Cvss::CvssV31(read) => (Version::V3_1, score_of_third(vector, &read)?),
        Cvss::CvssV40(read) => (Version::V4_0, read.score().value()),
        _ => return Err(Error::Form(::cvss::Error::UnsupportedVersion { version: String::new() })),
    };
    Ok(Assessment { version, score: Score::round(score) })
}

const V2_BASE: &[&str] = &["AV", "AC", "Au", "C", "I", "A"];
const V2_TEMPORAL: &[&str] = &["E", "RL", "RC"];
const V2_ENVIRONMENTAL: &[&str] = &["CDP", "TD", "CR", "IR", "AR"];
const V3_BASE: &[&str] = &["AV", "AC", "PR", "UI", "S", "C", "I", "A"];

const V3_ENVIRONMENTAL: &[&str] = &["CR", "IR", "AR", "MAV", "MAC", "MPR", "MUI", "MS", "MC", "MI", "MA"];

/// A vector without environmental metrics has the temporal score. The environmental equation would not do: for a changed scope it
/// gives another number even where nothing is modified (3.1, section 7.3).
fn score_of_third(vector: &str, read: &v3::Vector) -> Result<f64, Error> {
    let metrics = Metrics::of(vector);
    metrics.require(V3_BASE)?;
    if V3_ENVIRONMENTAL.iter().any(|metric| metrics.state(metric)) {
        return Ok(read.environmental_score().value());
    }
    if read.e.is_none() && read.rl.is_none() && read.rc.is_none() {
        return Ok(read.base_score().value());
    }
    let maturity = read.e.map_or(1.0, v3::Metric::score);
    let remediation = read.rl.map_or(1.0, v3::Metric::score);
    let confidence = read.rc.map_or(1.0, v3::Metric::score);
    let temporal = v3::Score::new(read.base_score().value() * maturity * remediation * confidence);
    Ok(temporal.roundup_for_version(read.minor_version).value())
}

/// The metrics that a vector states.
struct Metrics<'a>(Vec<&'a str>);

impl<'a> Metrics<'a> {
    fn of(vector: &'a str) -> Self {
        let stated = vector.split('/').filter_map(|part| part.split_once(':'));
        Self(stated.filter(|(_, value)| *value != "X").map(|(name, _)| name).collect())
    }

    fn state(&self, metric: &str) -> bool {
        self.0.contains(&metric)
    }

    fn require(&self, metrics: &[&'static str]) -> Result<(), Error> {
        let missing = metrics.iter().find(|metric| !self.state(metric));
        missing.map_or(Ok(()), |metric| Err(Error::Missing { metric }))
    }

    /// "Each vector has all metrics of its groups" (2.0, section 2.4).
    fn check_groups(&self) -> Result<(), Error> {
        self.require(V2_BASE)?;
        for group in [V2_TEMPORAL, V2_ENVIRONMENTAL] {
            if group.iter().any(|metric| self.state(metric)) {
                self.require(group)?;
            }
        }
        Ok(())
    }
}

impl Score {
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "it is from 0 to 100")]
    fn round(value: f64) -> Self {
        Self((value * 10.0).round().clamp(0.0, 100.0) as u8)
    }

    /// Returns the score in tenths, from 0 to 100.
    pub fn tenths(self) -> u8 {
        self.0
    }
}

impl From<f64> for Score {
    fn from(value: f64) -> Self {
        Self::round(value)
    }
}

impl From<Score> for f64 {
    fn from(score: Score) -> Self {
        Self::from(score.0) / 10.0
    }
}

impl std::fmt::Display for Score {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "{}.{}", self.0 / 10, self.0 % 10)
    }
}

impl Assessment {
    /// Returns the level of the score: by the standard's "Qualitative severity rating scale", and for 2.0, which has none, by
    /// NVD's ("Vulnerability Metrics"), where nothing is critical.
    pub fn level(self) -> Level {
        match (self.version, self.score.0) {
            (Version::V3_0 | Version::V3_1 | Version::V4_0, 0) => Level::Negligible,
            (Version::V3_0 | Version::V3_1 | Version::V4_0, 90..) => Level::Critical,
            (_, 0..40) => Level::Low,
            (_, 40..70) => Level::Medium,
            (_, 70..) => Level::High,
        }
    }
}

impl Rating {
    /// Returns the level: the publisher's own, or that of the vector's score.
    pub fn level(&self) -> Result<Level, Error> {
        match self {
            Self::Level(level) => Ok(*level),
            Self::Cvss(vector) => Ok(assess(vector)?.level()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_vector_is_refused() {
        for vector in [
            "",
            "/",
            "CVSS",
            "CVSS:3.1",
            "CVSS:3.1/",
            "CVSS:3.2/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H",
            "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H/A:N",
            "cvss:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H",
            "9.8",
        ] {
            assert!(matches!(assess(vector), Err(Error::Form(_))), "{vector}: {:?}", assess(vector));
        }
        for (vector, metric) in [
            ("CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H", "A"),
            ("CVSS:3.0/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H/E:U", "AV"),
            ("AV:A/AC:L/Au:N/C:C/I:C/A:C/E:F", "RL"),
            ("AV:A/AC:L/Au:N/C:C/I:C/A:C/CDP:H/TD:H/CR:H", "IR"),
        ] {
            assert_eq!(assess(vector), Err(Error::Missing { metric }), "{vector}");
        }
        let long = |bytes: usize| assess(&"A".repeat(bytes));
        assert!(matches!(long(VECTOR_BYTES_MAX), Err(Error::Form(_))));
        assert_eq!(long(VECTOR_BYTES_MAX + 1), Err(Error::TooLong { actual: VECTOR_BYTES_MAX + 1 }));
    }

    #[test]
    fn a_score_is_a_number_in_documents() {
        for tenths in 0..=100 {
            let text = serde_json::to_string(&Score(tenths)).expect("a number is written");
            assert_eq!(text, Score(tenths).to_string());
            assert_eq!(serde_json::from_str::<Score>(&text).expect("it is read"), Score(tenths));
        }
    }

    #[test]
    fn vectors_have_scores_and_levels() {
        for (vector, score, level) in [
            ("AV:N/AC:L/Au:N/C:N/I:N/A:N", "0.0", Level::Low),
            ("AV:N/AC:L/Au:N/C:N/I:N/A:C", "7.8", Level::High),
            ("AV:N/AC:L/Au:N/C:N/I:N/A:C/E:F/RL:OF/RC:C", "6.4", Level::Medium),
            ("CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:N/I:N/A:N", "0.0", Level::Negligible),
            ("CVSS:3.1/AV:P/AC:H/PR:H/UI:R/S:U/C:L/I:N/A:N", "1.6", Level::Low),
            ("CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H", "9.8", Level::Critical),
            ("CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H/E:U/RL:O/RC:U", "7.8", Level::High),
            ("CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:C/C:H/I:H/A:N/E:U/RL:X/MAV:X", "9.1", Level::Critical),
            ("CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H/MAV:P", "6.8", Level::Medium),
            ("CVSS:4.0/AV:N/AC:L/AT:N/PR:N/UI:N/VC:H/VI:H/VA:H/SC:H/SI:H/SA:H", "10.0", Level::Critical),
            ("CVSS:4.0/AV:N/AC:L/AT:N/PR:N/UI:N/VC:H/VI:H/VA:H/SC:N/SI:N/SA:N/E:U", "8.1", Level::High),
        ] {
            let found = assess(vector).map(|found| (found.score.to_string(), found.level()));
            assert_eq!(found, Ok((score.to_owned(), level)), "{vector}");
            assert_eq!(Rating::Cvss(vector.to_owned()).level(), Ok(level));
        }
        assert_eq!(Rating::Level(Level::Low).level(), Ok(Level::Low));
    }
}
