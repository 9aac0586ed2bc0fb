use std::cmp::Ordering;
use std::fmt;

use component::{Scheme, Unorderable, Version};
use serde::{Deserialize, Serialize};

/// A run of versions in the order of their ecosystem. Its bounds are owned, or borrowed from a database.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Interval<S = String> {
    /// Where it begins.
    pub start: Start<S>,
    /// Where it ends.
    pub end: End<S>,
}

/// Where an interval begins.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Start<S = String> {
    /// At the first version there ever was.
    Unbounded,
    /// At this version, which is in it.
    At(S),
    /// After this version, which is not.
    After(S),
}

/// Where an interval ends.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum End<S = String> {
    /// Nowhere: all later versions are in it.
    Unbounded,
    /// Before this version, which mends what is wrong.
    Fixed(S),
    /// Before this version, of which nothing more is said.
    Before(S),
    /// At this version, the last that is in it.
    Through(S),
}

impl<S> Interval<S> {
    /// All versions.
    pub const ALL: Self = Self { start: Start::Unbounded, end: End::Unbounded };
}

impl<S> Interval<S> {
    /// Returns the same interval with its bounds turned into something else.
    pub(crate) fn map<'a, T>(&'a self, bound: impl Fn(&'a S) -> T) -> Interval<T> {
        Interval {
            start: match &self.start {
                Start::Unbounded => Start::Unbounded,
                Start::At(version) => Start::At(bound(version)),
                Start::After(version) => Start::After(bound(version)),
            },
            end: match &self.end {
                End::Unbounded => End::Unbounded,
                End::Fixed(version) => End::Fixed(bound(version)),
                End::Before(version) => End::Before(bound(version)),
                End::Through(version) => End::Through(bound(version)),
            },
        }
    }
}

impl<S: AsRef<str>> Interval<S> {
    /// Tells whether a version lies in the interval, as its ecosystem's ranges have it. An error when the interval's own bound cannot be ordered.
    pub fn contains(&self, version: &Version<'_>) -> Result<bool, Unorderable> {
        if version.is_branch() {
            return self.names(version);
        }
        Ok(self.is_started_at(version)? && !self.is_ended_at(version)?)
    }

    /// Composer has a branch in no range but that of all versions, and by its name.
    fn names(&self, branch: &Version<'_>) -> Result<bool, Unorderable> {
        match (&self.start, &self.end) {
            (Start::Unbounded, End::Unbounded) => Ok(true),
            (Start::At(first), End::Through(last)) if first.as_ref() == last.as_ref() => {
                Ok(*branch == Version::parse(branch.scheme(), first.as_ref())?)
            }
            _ => Ok(false),
        }
    }

    fn is_started_at(&self, version: &Version<'_>) -> Result<bool, Unorderable> {
        match &self.start {
            Start::Unbounded => Ok(true),
            Start::At(bound) => Ok(order(version, bound.as_ref())?.is_ge()),
            Start::After(bound) => Ok(order(version, bound.as_ref())?.is_gt()),
        }
    }

    fn is_ended_at(&self, version: &Version<'_>) -> Result<bool, Unorderable> {
        match &self.end {
            End::Unbounded => Ok(false),
            End::Fixed(bound) | End::Before(bound) => Ok(order(version, bound.as_ref())?.is_ge()),
            End::Through(bound) => Ok(order(version, bound.as_ref())?.is_gt()),
        }
    }
}

fn order(version: &Version<'_>, bound: &str) -> Result<Ordering, Unorderable> {
    let bound = Version::parse(version.scheme(), bound)?;
    // Both are of one scheme and the version is no branch, so there is an order.
    Ok(version.order_by_bound(&bound).unwrap_or(Ordering::Equal))
}

/// As people write it: `>= 1.0, < 2.0`.
impl<S: AsRef<str>> fmt::Display for Interval<S> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let start = match &self.start {
            Start::Unbounded => None,
            Start::At(version) => Some((">=", version)),
            Start::After(version) => Some((">", version)),
        };
        let end = match &self.end {
            End::Unbounded => None,
            End::Fixed(version) | End::Before(version) => Some(("<", version)),
            End::Through(version) => Some(("<=", version)),
        };
        match (start, end) {
            (None, None) => formatter.write_str("all versions"),
            (Some((operator, version)), None) | (None, Some((operator, version))) => {
                write!(formatter, "{operator} {}", version.as_ref())
            }
            (Some((from, start)), Some((to, end))) => {
                write!(formatter, "{from} {}, {to} {}", start.as_ref(), end.as_ref())
            }
        }
    }
}

/// Returns what lies in none of the intervals, for publishers who name the versions that are *not* affected. A gap ends
/// with [`End::Fixed`] where `is_fix` says that the interval after it is one of those that mend.
///
/// Intervals may overlap and be in any order.
pub(crate) fn complement(scheme: Scheme, intervals: &[(Interval, bool)]) -> Result<Vec<Interval>, Unorderable> {
    let mut sorted: Vec<&(Interval, bool)> = intervals.iter().collect();
    let mut failure = None;
    sorted.sort_by(|(left, _), (right, _)| {
        order_starts(scheme, &left.start, &right.start).unwrap_or_else(|error| {
            failure.get_or_insert(error);
            Ordering::Equal
        })
    });
    if let Some(error) = failure {
        return Err(error);
    }
    let mut gaps = Vec::new();
    // Where the next gap begins; `None` when all versions from there on are covered.
    let mut open = Some(Start::Unbounded);
    for (interval, is_fix) in sorted {
        let Some(start) = &open else { break };
        if let Some(end) = before(&interval.start, *is_fix)
            && !is_empty(scheme, start, &end)?
        {
            gaps.push(Interval { start: start.clone(), end });
        }
        let after = match &interval.end {
            End::Unbounded => None,
            End::Fixed(version) | End::Before(version) => Some(Start::At(version.clone())),
            End::Through(version) => Some(Start::After(version.clone())),
        };
        open = match after {
            Some(after) if order_starts(scheme, &after, start)?.is_gt() => Some(after),
            Some(_) => open,
            None => None,
        };
    }
    gaps.extend(open.map(|start| Interval { start, end: End::Unbounded }));
    Ok(gaps)
}

fn before(start: &Start, is_fix: bool) -> Option<End> {
    match start {
        Start::Unbounded => None,
        Start::At(version) if is_fix => Some(End::Fixed(version.clone())),
        Start::At(version) => Some(End::Before(version.clone())),
        Start::After(version) => Some(End::Through(version.clone())),
    }
}

fn is_empty(scheme: Scheme, start: &Start, end: &End) -> Result<bool, Unorderable> {
    let (from, is_from_in) = match start {
        Start::Unbounded => return Ok(false),
        Start::At(version) => (version, true),
        Start::After(version) => (version, false),
    };
    let (to, is_to_in) = match end {
        End::Unbounded => return Ok(false),
        End::Fixed(version) | End::Before(version) => (version, false),
        End::Through(version) => (version, true),
    };
    let order = scheme.compare(from, to)?;
    Ok(order.is_gt() || (order.is_eq() && !(is_from_in && is_to_in)))
}

fn order_starts(scheme: Scheme, left: &Start, right: &Start) -> Result<Ordering, Unorderable> {
    let (left, is_left_after, right, is_right_after) = match (left, right) {
        (Start::Unbounded, Start::Unbounded) => return Ok(Ordering::Equal),
        (Start::Unbounded, _) => return Ok(Ordering::Less),
        (_, Start::Unbounded) => return Ok(Ordering::Greater),
        (Start::At(left), Start::At(right)) => (left, false, right, false),
        (Start::At(left), Start::After(right)) => (left, false, right, true),
        (Start::After(left), Start::At(right)) => (left, true, right, false),
        (Start::After(left), Start::After(right)) => (left, true, right, true),
    };
    Ok(scheme.compare(left, right)?.then(is_left_after.cmp(&is_right_after)))
}

/// Returns an interval as tests write it: `[1.0..2.0!` from 1.0 to what 2.0 mends.
#[cfg(test)]
pub(crate) fn show(interval: &Interval) -> String {
    let start = match &interval.start {
        Start::Unbounded => String::new(),
        Start::At(version) => format!("[{version}"),
        Start::After(version) => format!("({version}"),
    };
    let end = match &interval.end {
        End::Unbounded => String::new(),
        End::Fixed(version) => format!("{version}!"),
        End::Before(version) => format!("{version})"),
        End::Through(version) => format!("{version}]"),
    };
    format!("{start}..{end}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn interval(text: &str) -> Interval {
        let (start, end) = text.split_once("..").expect("an interval has two ends");
        let start = match start.split_at_checked(1) {
            Some(("[", version)) => Start::At(version.to_owned()),
            Some(("(", version)) => Start::After(version.to_owned()),
            _ => Start::Unbounded,
        };
        let end = match end.split_at_checked(end.len().saturating_sub(1)) {
            Some((version, ")")) => End::Before(version.to_owned()),
            Some((version, "!")) => End::Fixed(version.to_owned()),
            Some((version, "]")) => End::Through(version.to_owned()),
            _ => End::Unbounded,
        };
        Interval { start, end }
    }

    #[test]
    fn an_interval_holds_what_lies_between_its_bounds() {
        let check = |text: &str, version: &str, expected: bool| {
            let parsed = Version::parse(Scheme::Semver, version).expect("the table's versions can be ordered");
            assert_eq!(interval(text).contains(&parsed), Ok(expected), "{version} in {text}");
        };
        check("..", "0.0.0-0", true);
        check("[1.0.0..", "0.9.9", false);
        check("[1.0.0..", "1.0.0", true);
        check("(1.0.0..", "1.0.0", false);
        check("(1.0.0..", "1.0.1", true);
        check("..2.0.0!", "2.0.0-rc.1", true);
        check("..2.0.0!", "2.0.0", false);
        check("..2.0.0)", "2.0.0", false);
        check("..2.0.0]", "2.0.0", true);
        check("..2.0.0]", "2.0.1", false);
        check("[2.0.0..1.0.0)", "1.5.0", false);
    }

    #[test]
    fn an_interval_is_told_by_its_bounds() {
        for (text, expected) in [
            ("..", "all versions"),
            ("[1..", ">= 1"),
            ("(1..", "> 1"),
            ("..2!", "< 2"),
            ("[1..2)", ">= 1, < 2"),
            ("(1..2]", "> 1, <= 2"),
        ] {
            assert_eq!(interval(text).to_string(), expected, "{text}");
        }
    }

    #[test]
    fn a_bound_that_cannot_be_ordered_is_an_error() {
        let version = Version::parse(Scheme::Semver, "1.0.0").expect("it can be ordered");
        assert!(interval("[one..").contains(&version).is_err());
        assert!(interval("..two]").contains(&version).is_err());
    }

    #[test]
    fn a_complement_is_what_no_interval_holds() {
        let check = |intervals: &[&str], expected: &[&str]| {
            let input: Vec<_> = intervals.iter().map(|text| (interval(text), !text.starts_with(".."))).collect();
            let gaps = complement(Scheme::Semver, &input).expect("the table's versions can be ordered");
            assert_eq!(gaps.iter().map(show).collect::<Vec<_>>(), expected, "{intervals:?}");
        };
        check(&[], &[".."]);
        check(&[".."], &[]);
        check(&["[1.2.3.."], &["..1.2.3!"]);
        check(&["(1.2.3.."], &["..1.2.3]"]);
        check(&["..1.0.0)", "[1.2.3.."], &["[1.0.0..1.2.3!"]);
        check(&["[2.0.0..", "[1.2.3..1.3.0)"], &["..1.2.3!", "[1.3.0..2.0.0!"]);
        check(&["[1.0.0..3.0.0)", "[2.0.0..2.5.0)"], &["..1.0.0!", "[3.0.0.."]);
        check(&["[1.0.0..2.0.0)", "[2.0.0..3.0.0]"], &["..1.0.0!", "(3.0.0.."]);
        check(&["[1.0.0..2.0.0]", "(2.0.0.."], &["..1.0.0!"]);
        check(&["..1.0.0)", "(1.0.0.."], &["[1.0.0..1.0.0]"]);
        assert!(complement(Scheme::Semver, &[(interval("[one.."), true), (interval("[two.."), true)]).is_err());
    }
}
