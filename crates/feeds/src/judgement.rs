//! Whether what came of a feed is believed.

use std::fmt::Write as _;

use vulndb::file::{Database, Feed};
use vulndb::{Lacking, Reader, Records, Time, believed, lacks};

use crate::documents::DocumentError;
use crate::fetch::FetchError;

/// A feed that has less than one record where it had so many is not believed: what broke off mostly looks whole.
const SHRINK_MAX: u64 = 2;

/// Feeds with fewer records than this may shrink as they like, but never to nothing.
const SHRINK_FROM: u64 = 20;

/// What is taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Acceptance {
    /// What is not older than what was taken before, and has not lost most of its records.
    Newer,
    /// Whatever its reader understands.
    Any,
}

/// Which feeds of the database in use may be missing from what takes its place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fewer<'a> {
    /// Whichever.
    Any,
    /// These, which are left out on purpose.
    Only(&'a [String]),
}

impl Fewer<'_> {
    /// None may be missing.
    pub const NONE: Self = Self::Only(&[]);

    /// Returns which feeds a database would lose that it takes the place of another, and that may not be missing.
    pub fn lacking(self, offered: &[Feed], before: &[Feed]) -> Option<Lacking> {
        match self {
            Self::Any => None,
            Self::Only(left_out) => lacks(offered, before, left_out),
        }
    }
}

/// What is known of a feed that was taken before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Before {
    /// How many records it had.
    pub records: u64,
    /// How old it was.
    pub newest: Option<Time>,
}

impl Before {
    /// Returns what a database has of a feed, by its name.
    pub fn of<B: AsRef<[u8]>>(database: &Database<B>, name: &str) -> Option<Self> {
        let feed = database.feeds().ok()?.into_iter().find(|feed| feed.name == name)?;
        Some(Self { records: database.records_of(&feed).ok()?, newest: feed.fetched })
    }
}

/// Why what came of a feed was not taken.
#[derive(Debug, thiserror::Error)]
pub enum Refusal {
    /// It did not come.
    #[error(transparent)]
    Fetch(#[from] FetchError),
    /// It cannot be read.
    #[error(transparent)]
    Read(#[from] DocumentError),
    /// Its reader found nothing that it knows.
    #[error("nothing in it is of the format `{reader}`")]
    Nothing {
        /// The reader's name.
        reader: &'static str,
    },
    /// It is of the format, and says nothing.
    #[error("there is no record in it")]
    Empty,
    /// It is older than what was taken before.
    #[error("its newest record is of {}, that of the last good one is of {}", day(*.newest), day(Some(*.before)))]
    Older {
        /// When its newest record was made or changed.
        newest: Option<Time>,
        /// The same of what was taken before.
        before: Time,
    },
    /// It has far fewer records than what was taken before.
    #[error("it has {records} records, the last good one has {before}")]
    Shrunk {
        /// How many it has.
        records: u64,
        /// How many were taken before.
        before: u64,
    },
}

impl Refusal {
    /// Returns what the user can do about it.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Fetch(error) => error.hint(),
            Self::Older { .. } | Self::Shrunk { .. } => {
                Some("`--accept-older` takes it all the same, once you know why".to_owned())
            }
            Self::Nothing { .. } | Self::Empty => {
                Some("a feed without a record would hide what it had: see `garrison help ADVISORIES_EMPTY`".to_owned())
            }
            Self::Read(_) => None,
        }
    }

    /// Returns it with its causes, in a line.
    pub fn in_words(&self) -> String {
        let mut text = self.to_string();
        let mut cause = std::error::Error::source(self);
        while let Some(error) = cause {
            let _infallible = write!(text, ": {error}");
            cause = error.source();
        }
        text
    }
}

fn day(time: Option<Time>) -> String {
    let moment = time.and_then(|seconds| jiff::Timestamp::from_second(seconds).ok());
    moment.map_or_else(|| "no known day".to_owned(), |moment| moment.strftime("%Y-%m-%d %H:%M").to_string())
}

/// Judges what a reader made of a feed, which is as old as `newest`; `before` is what it would take the place of. Dates that nothing can have at `now`
/// are none.
pub fn judge(
    reader: &Reader,
    records: &Records,
    newest: Option<Time>,
    before: Option<Before>,
    acceptance: Acceptance,
    now: Time,
) -> Result<(), Refusal> {
    let count = records.count();
    if count == 0 {
        let is_of_format = records.problems.is_empty();
        return Err(if is_of_format { Refusal::Empty } else { Refusal::Nothing { reader: reader.name } });
    }
    let Some(before) = before.filter(|_| acceptance == Acceptance::Newer) else { return Ok(()) };
    let newest = believed(newest, now);
    if let Some(date) = believed(before.newest, now).filter(|date| newest < Some(*date)) {
        return Err(Refusal::Older { newest, before: date });
    }
    if before.records >= SHRINK_FROM && count < before.records / SHRINK_MAX {
        return Err(Refusal::Shrunk { records: count, before: before.records });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use vulndb::{Advisory, Problem};

    use super::*;

    #[test]
    fn what_says_nothing_or_less_than_before_is_not_believed() {
        let reader = vulndb::readers().iter().find(|reader| reader.name == "secdb").unwrap();
        let check =
            |(count, newest): (usize, Option<Time>), before: Option<(u64, Option<Time>)>, expected: [&str; 2]| {
                let records = Records { advisories: vec![Advisory::default(); count], ..Records::default() };
                let before = before.map(|(records, newest)| Before { records, newest });
                for (acceptance, expected) in [Acceptance::Newer, Acceptance::Any].into_iter().zip(expected) {
                    let judged = judge(reader, &records, newest, before, acceptance, 1000);
                    let told = judged.map_or_else(|refusal| refusal.to_string(), |()| "taken".to_owned());
                    assert_eq!(told, expected, "{count} of {newest:?} after {before:?}, {acceptance:?}");
                }
            };
        let (taken, empty) = (["taken"; 2], ["there is no record in it"; 2]);
        check((0, None), None, empty);
        check((0, Some(9)), Some((1, Some(9))), empty);
        check((1, None), None, taken);
        check((1, None), Some((19, None)), taken);
        check((9, None), Some((20, None)), ["it has 9 records, the last good one has 20", "taken"]);
        check((10, None), Some((20, None)), taken);
        check((1, Some(60)), Some((1, Some(60))), taken);
        check((1, Some(60)), Some((1, None)), taken);
        let older = "its newest record is of 1970-01-01 00:01, that of the last good one is of 1970-01-01 00:02";
        check((1, Some(60)), Some((1, Some(120))), [older, "taken"]);
        let undated = "its newest record is of no known day, that of the last good one is of 1970-01-01 00:02";
        check((1, None), Some((1, Some(120))), [undated, "taken"]);
        let (ahead, too_far) = (Some(1000 + vulndb::AHEAD_SECONDS_MAX), Some(1001 + vulndb::AHEAD_SECONDS_MAX));
        check((1, Some(60)), Some((1, too_far)), taken);
        check((1, too_far), Some((1, Some(120))), [undated, "taken"]);
        let older = "its newest record is of 1970-01-01 00:01, that of the last good one is of 1970-01-02 00:16";
        check((1, Some(60)), Some((1, ahead)), [older, "taken"]);
        let mut nonsense = Records::default();
        nonsense.refuse(Problem::Format, "x");
        let told = judge(reader, &nonsense, None, None, Acceptance::Any, 1000).unwrap_err().to_string();
        assert_eq!(told, "nothing in it is of the format `secdb`");
    }
}
