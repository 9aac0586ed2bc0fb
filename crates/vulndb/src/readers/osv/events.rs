//! Events of a range into intervals: OSV schema 1.7, "affected[].ranges[].events fields" and "Evaluation".

use std::borrow::Cow;
use std::cmp::Ordering;

use component::{Scheme, Unorderable, Version};

use crate::{End, Interval, Start, slip};

/// One event of a range.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Event {
    /// The version is affected, and so are all after it until another event.
    Introduced(String),
    /// The version mends it.
    Fixed(String),
    /// The version is the last that is affected.
    LastAffected(String),
    /// Nothing is said of the version and what comes after.
    Limit(String),
}

/// Before every version.
const ZERO: &str = "0";

/// After every version.
const INFINITY: &str = "*";

/// Returns the versions that events put between them. They are sorted by the order of versions, those of one version as they
/// were stated; without an order, all are taken as they were stated.
pub(super) fn intervals(scheme: Option<Scheme>, events: &[Event]) -> Result<Vec<Interval>, Unorderable> {
    let mut stated = events.iter().filter(|event| !matches!(event, Event::Limit(_)));
    let Some(scheme) = scheme else {
        return Ok(walk(stated.map(|event| vec![event])));
    };
    let mut sorted =
        stated.try_fold(Vec::new(), |mut sorted, event| {
            sorted.push((place(scheme, event.version())?, event));
            Ok(sorted)
        })?;
    // All are of one scheme, so there is an order.
    sorted.sort_by(|(left, _), (right, _)| left.partial_cmp(right).unwrap_or(Ordering::Equal));
    let groups = sorted.chunk_by(|(left, _), (right, _)| left == right);
    let intervals = walk(groups.map(|group| group.iter().map(|(_, event)| *event).collect()));
    let limits: Vec<&str> = events.iter().filter_map(Event::limit).collect();
    if limits.is_empty() { Ok(intervals) } else { clip(scheme, intervals, &limits) }
}

impl Event {
    /// Writes a version of Semantic Versioning as that demands, where a publisher did not: with three numbers (`0.36`), and
    /// without zeros before them (`2023.03.13` of Bitnami's `MinIO`); and one of Alpine's as it was meant.
    pub(super) fn completed(self, scheme: Option<Scheme>) -> Self {
        let complete = |version: String| complete(scheme, &version).unwrap_or(version);
        match self {
            Self::Introduced(version) => Self::Introduced(complete(version)),
            Self::Fixed(version) => Self::Fixed(complete(version)),
            Self::LastAffected(version) => Self::LastAffected(complete(version)),
            Self::Limit(version) => Self::Limit(complete(version)),
        }
    }

    /// Returns the version that it is about.
    pub(super) fn version(&self) -> &str {
        match self {
            Self::Introduced(version) | Self::Fixed(version) | Self::LastAffected(version) | Self::Limit(version) => {
                version
            }
        }
    }

    fn limit(&self) -> Option<&str> {
        match self {
            Self::Limit(version) => Some(version),
            _ => None,
        }
    }
}

/// Returns the version as it must be written; none when it is already, or when it cannot be.
fn complete(scheme: Option<Scheme>, version: &str) -> Option<String> {
    if scheme == Some(Scheme::Apk) {
        return slip::apk_version(version).map(Cow::into_owned).filter(|readable| readable != version);
    }
    let scheme = scheme.filter(|scheme| matches!(scheme, Scheme::Semver | Scheme::Npm))?;
    if version == ZERO || Version::parse(scheme, version).is_ok() {
        return None;
    }
    let (core, suffix) = version.split_at(version.find(['-', '+']).unwrap_or(version.len()));
    let mut numbers = ["0"; 3];
    if core.split('.').count() > numbers.len() {
        return None;
    }
    for (number, stated) in numbers.iter_mut().zip(core.split('.')) {
        let digits = stated.trim_start_matches('0');
        *number = if digits.is_empty() && !stated.is_empty() { "0" } else { digits };
    }
    let complete = format!("{}{suffix}", numbers.join("."));
    Version::parse(scheme, &complete).is_ok().then_some(complete)
}

/// `None`, which is before every version, is zero.
fn place(scheme: Scheme, version: &str) -> Result<Option<Version<'_>>, Unorderable> {
    if version == ZERO { Ok(None) } else { Version::parse(scheme, version).map(Some) }
}

/// Goes through the events of one version after another. What is affected *at* a version is what the last `introduced` or
/// `fixed` of it says; what comes after it is not if the last event of all is `last_affected`.
///
/// Where one run of versions ends as another begins, publishers write the two in either order, and sometimes the later run first:
/// the later one begins there if what comes next ends it.
fn walk<'a>(groups: impl Iterator<Item = Vec<&'a Event>>) -> Vec<Interval> {
    let mut intervals = Vec::new();
    let mut open: Option<Start> = None;
    let mut groups = groups.peekable();
    while let Some(group) = groups.next() {
        let is_ended_next = groups.peek().is_some_and(|next| !next.iter().any(|event| matches!(event, Event::Introduced(_))));
        let is_begun = group.iter().any(|event| matches!(event, Event::Introduced(_)));
        if open.is_some() && is_begun && is_ended_next {
            continue;
        }
        match group.iter().rfind(|event| !matches!(event, Event::LastAffected(_))) {
            Some(Event::Introduced(version)) => {
                open.get_or_insert_with(|| if version == ZERO { Start::Unbounded } else { Start::At(version.clone()) });
            }
            Some(Event::Fixed(version)) => close(&mut intervals, &mut open, End::Fixed(version.clone())),
            _ => {}
        }
        if let Some(Event::LastAffected(version)) = group.last() {
            close(&mut intervals, &mut open, End::Through(version.clone()));
        }
    }
    intervals.extend(open.map(|start| Interval { start, end: End::Unbounded }));
    intervals
}

fn close(intervals: &mut Vec<Interval>, open: &mut Option<Start>, end: End) {
    if let Some(start) = open.take()
        && !is_zero(&end)
    {
        intervals.push(Interval { start, end });
    }
}

/// What ends where it begins, before every version, holds nothing.
fn is_zero(end: &End) -> bool {
    matches!(end, End::Fixed(version) | End::Before(version) | End::Through(version) if version == ZERO)
}

/// A version counts when it is before any of the limits, so before the last of them.
fn clip(scheme: Scheme, intervals: Vec<Interval>, limits: &[&str]) -> Result<Vec<Interval>, Unorderable> {
    if limits.contains(&INFINITY) {
        return Ok(intervals);
    }
    let mut last: Option<Version<'_>> = None;
    for limit in limits {
        let limit = place(scheme, limit)?;
        if limit > last {
            last = limit;
        }
    }
    let Some(limit) = last else { return Ok(Vec::new()) };
    let mut clipped = Vec::new();
    for Interval { start, end } in intervals {
        if let Start::At(version) | Start::After(version) = &start
            && Version::parse(scheme, version)? >= limit
        {
            continue;
        }
        let is_beyond = match &end {
            End::Unbounded => true,
            End::Fixed(version) | End::Before(version) => Version::parse(scheme, version)? > limit,
            End::Through(version) => Version::parse(scheme, version)? >= limit,
        };
        let end = if is_beyond { End::Before(limit.as_str().to_owned()) } else { end };
        clipped.push(Interval { start, end });
    }
    Ok(clipped)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::interval::show;

    fn event(text: &str) -> Event {
        let (kind, version) = text.split_at(1);
        let version = version.to_owned();
        match kind {
            "+" => Event::Introduced(version),
            "-" => Event::Fixed(version),
            "]" => Event::LastAffected(version),
            _ => Event::Limit(version),
        }
    }

    fn check(scheme: Option<Scheme>, events: &str, expected: &[&str]) {
        let events_read: Vec<Event> = events.split_whitespace().map(event).collect();
        let found = intervals(scheme, &events_read).expect("the table's versions can be ordered");
        assert_eq!(found.iter().map(show).collect::<Vec<_>>(), expected, "{events}");
    }

    #[test]
    fn a_version_that_cannot_be_ordered_is_an_error() {
        for text in ["+one", "-one", "]one", "<one"] {
            assert!(intervals(Some(Scheme::Semver), &[event("+0"), event(text)]).is_err(), "{text}");
        }
    }

    #[test]
    fn semantic_versions_are_completed() {
        for (version, expected) in [
            ("", None),
            ("0", None),
            ("one", None),
            ("1.2.3", None),
            ("1.2.3.4", None),
            ("1..2", None),
            ("nightly.2026-03-10.0", None),
            ("1", Some("1.0.0")),
            ("0.36", Some("0.36.0")),
            ("1.2-rc.1", Some("1.2.0-rc.1")),
            ("2023.03.13", Some("2023.3.13")),
            ("1.00.0", Some("1.0.0")),
        ] {
            assert_eq!(complete(Some(Scheme::Semver), version).as_deref(), expected, "{version}");
        }
        assert_eq!(complete(Some(Scheme::Deb), "0.36"), None);
        assert_eq!(complete(None, "0.36"), None);
        assert_eq!(complete(Some(Scheme::Apk), "2.7.16-r3"), None);
        assert_eq!(complete(Some(Scheme::Apk), "2.7.16-33").as_deref(), Some("2.7.16-r3"));
    }

    #[test]
    fn events_become_intervals() {
        let semver = Some(Scheme::Semver);
        check(semver, "", &[]);
        check(semver, "-1.0.0", &[]);
        check(semver, "+0 -0", &[]);
        check(semver, "+0", &[".."]);
        check(semver, "+0.0.0-0", &["[0.0.0-0.."]);
        check(semver, "+0 -1.0.0", &["..1.0.0!"]);
        check(semver, "-1.0.0 +0", &["..1.0.0!"]);
        check(semver, "+0 ]1.0.0", &["..1.0.0]"]);
        check(semver, "+10.0.0 -9.0.0", &["[10.0.0.."]);
        check(semver, "+2.0.0 -2.1.0 +10.0.0 -10.1.0 +0 -1.5.0", &["..1.5.0!", "[2.0.0..2.1.0!", "[10.0.0..10.1.0!"]);
        check(semver, "+1.0.0 +2.0.0 -3.0.0 -4.0.0", &["[1.0.0..3.0.0!"]);
        check(semver, "+1.0.0 ]1.0.0", &["[1.0.0..1.0.0]"]);
        check(semver, "+0 -1.0.0 +1.0.0 -2.0.0", &["..2.0.0!"]);
        check(semver, "+1.0.0 -2.0.0 +0 -1.0.0", &["..2.0.0!"]);
        check(semver, "+0 +1.0.0 -1.0.0", &["..1.0.0!"]);
        check(semver, "+0 +1.0.0 -1.0.0 +2.0.0 -3.0.0", &["..1.0.0!", "[2.0.0..3.0.0!"]);
        check(Some(Scheme::Deb), "+0 -1.0~rc1 +1.0", &["..1.0~rc1!", "[1.0.."]);
    }

    #[test]
    fn limits_end_what_goes_beyond_the_last_of_them() {
        let semver = Some(Scheme::Semver);
        check(semver, "+0 <0", &[]);
        check(semver, "+0 <*", &[".."]);
        check(semver, "+0 <1.0.0", &["..1.0.0)"]);
        check(semver, "+0 <1.0.0 <2.0.0", &["..2.0.0)"]);
        check(semver, "+0 <2.0.0 <1.0.0", &["..2.0.0)"]);
        check(semver, "+0 -2.0.0 <2.0.0", &["..2.0.0!"]);
        check(semver, "+0 ]2.0.0 <2.0.0", &["..2.0.0)"]);
        check(semver, "+0 -3.0.0 <2.0.0", &["..2.0.0)"]);
        check(semver, "+0 -1.0.0 +2.0.0 <2.0.0", &["..1.0.0!"]);
    }

    #[test]
    fn without_an_order_events_are_taken_as_stated() {
        check(None, "+0 -1.0 +2.0 ]2.5 +3", &["..1.0!", "[2.0..2.5]", "[3.."]);
        check(None, "-1.0 +0", &[".."]);
    }

    /// The evaluation that the schema gives as code.
    fn is_affected(version: u32, events: &[Event]) -> bool {
        let number = |text: &str| text.parse::<u32>().expect("the versions are numbers");
        let limits: Vec<u32> = events.iter().filter_map(Event::limit).map(number).collect();
        if !limits.is_empty() && limits.iter().all(|limit| version >= *limit) {
            return false;
        }
        let mut sorted = events.to_vec();
        sorted.sort_by_key(|event| number(event.version()));
        let mut is_affected = false;
        for event in &sorted {
            match event {
                Event::Introduced(from) if version >= number(from) => is_affected = true,
                Event::Fixed(from) if version >= number(from) => is_affected = false,
                Event::LastAffected(last) if version > number(last) => is_affected = false,
                _ => {}
            }
        }
        is_affected
    }

    #[test]
    fn intervals_say_what_the_schemas_evaluation_says() {
        let all: Vec<Event> = ["+", "-", "]", "<"]
            .iter()
            .flat_map(|kind| (0..4).map(move |version| event(&format!("{kind}{version}"))))
            .collect();
        let mut count = 0;
        for code in 0..all.len().pow(3) {
            let events = [&all[code % 16], &all[code / 16 % 16], &all[code / 256]].map(Clone::clone);
            let found = intervals(Some(Scheme::Deb), &events).expect("numbers can be ordered");
            for version in 1..6 {
                let text = version.to_string();
                let parsed = Version::parse(Scheme::Deb, &text).expect("a number can be ordered");
                let is_in = found.iter().any(|interval| interval.contains(&parsed).expect("numbers can be ordered"));
                assert_eq!(is_in, is_affected(version, &events), "{version} in {events:?}");
                count += 1;
            }
        }
        assert_eq!(count, 16 * 16 * 16 * 5);
    }
}
