use std::fmt;
use std::str::FromStr;

use vulndb::{Level, Nature};

use crate::Finding;

/// What a finding must be for a scan to fail: all that the words between commas say. Of several conditions one is enough.
#[derive(Debug, Clone, PartialEq)]
pub struct Condition {
    tests: Vec<Test>,
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Test {
    /// Anything that counts, notices too.
    Any,
    /// A vulnerability or malware that is at least so severe.
    AtLeast(Level),
    /// At least so probable to be exploited.
    Epss(f32),
    /// Known to be exploited.
    Kev,
    /// A version mends it.
    Fixable,
}

/// Why something is not a condition.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ConditionError {
    /// It is none of the words.
    #[error("`{0}` is no condition: {WORDS}")]
    Word(String),
    /// There is no probability. A shell takes `>=0.1` for a file, and leaves this.
    #[error("`epss` stands with a probability, as in `epss=0.1`; a shell takes `>` for itself")]
    Bare,
    /// The probability is none.
    #[error("`{0}` is no probability: from 0 to 1, as in `epss=0.1`")]
    Probability(String),
}

const WORDS: &str =
    "negligible, low, medium, high, critical, epss=0.1, kev, fixable, any, or several with commas between them";

impl Condition {
    /// Tells whether a finding is what is meant. One that does not count never is.
    pub fn holds(&self, finding: &Finding) -> bool {
        finding.counts()
            && self.tests.iter().all(|test| match test {
                Test::Any => true,
                Test::AtLeast(least) => {
                    let is_attack = matches!(finding.nature, Nature::Vulnerability | Nature::Malware);
                    is_attack && finding.severity.is_some_and(|level| level >= *least)
                }
                Test::Epss(least) => finding.epss.is_some_and(|epss| epss.probability >= *least),
                Test::Kev => finding.kev.is_some(),
                Test::Fixable => finding.fix.version.is_some(),
            })
    }

    /// Tells whether it is a severity and nothing else, of which one says "at or above".
    pub fn is_severity(&self) -> bool {
        matches!(self.tests.as_slice(), [Test::AtLeast(_)])
    }
}

impl FromStr for Condition {
    type Err = ConditionError;

    fn from_str(text: &str) -> Result<Self, ConditionError> {
        Ok(Self { tests: text.split(',').map(|word| word.trim().parse()).collect::<Result<_, _>>()? })
    }
}

impl FromStr for Test {
    type Err = ConditionError;

    fn from_str(text: &str) -> Result<Self, ConditionError> {
        let word = text.to_ascii_lowercase();
        if let Some(level) = Level::ALL.into_iter().find(|level| level.as_str() == word) {
            return Ok(Self::AtLeast(level));
        }
        if let Some(rest) = word.strip_prefix("epss") {
            if rest.is_empty() {
                return Err(ConditionError::Bare);
            }
            let number = rest.strip_prefix(">=").or_else(|| rest.strip_prefix('='));
            let number = number.ok_or_else(|| ConditionError::Word(text.to_owned()))?.trim();
            let probability = number.parse::<f32>().ok().filter(|number| (0.0..=1.0).contains(number));
            return probability.map(Self::Epss).ok_or_else(|| ConditionError::Probability(number.to_owned()));
        }
        match word.as_str() {
            "any" => Ok(Self::Any),
            "kev" => Ok(Self::Kev),
            "fixable" => Ok(Self::Fixable),
            _ => Err(ConditionError::Word(text.to_owned())),
        }
    }
}

/// As it is given on a command line.
impl fmt::Display for Condition {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (position, test) in self.tests.iter().enumerate() {
            if position > 0 {
                formatter.write_str(",")?;
            }
            match test {
                Test::Any => formatter.write_str("any")?,
                Test::AtLeast(level) => formatter.write_str(level.as_str())?,
                Test::Epss(least) => write!(formatter, "epss={least}")?,
                Test::Kev => formatter.write_str("kev")?,
                Test::Fixable => formatter.write_str("fixable")?,
            }
        }
        Ok(())
    }
}
