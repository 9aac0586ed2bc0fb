use std::cmp::Ordering;

use component::{Scheme, Version};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use vulndb::file::Statement;
use vulndb::matching::{Epoch, Identity, Outcome, Reason};
use vulndb::{End, Start};

/// How a version lies to the bound of a range that decides.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Comparison {
    /// The component's version.
    pub version: String,
    /// `<`, `<=`, `=`, `>=` or `>`.
    pub relation: String,
    /// The bound.
    pub bound: String,
    /// Whose order it is.
    pub scheme: String,
    /// The part of the two that decides, where one can be told.
    pub decided: Option<DecidingPart>,
    /// Whether epochs are left out, since that of the source package is not stated.
    #[serde(default)]
    pub without_epochs: bool,
}

/// The part of two versions that decides how they are ordered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct DecidingPart {
    /// What it is called: `epoch`, `revision`, `minor`.
    pub part: String,
    /// What the component's version has there.
    pub version: String,
    /// What the bound has there.
    pub bound: String,
}

impl Comparison {
    /// Returns the comparison that makes a version meant, or not; none where there is nothing to compare.
    pub(crate) fn of(statement: &Statement<'_>, identity: &Identity, outcome: &Outcome) -> Option<Self> {
        let scheme = identity.ecosystem.family.scheme()?;
        let version = identity.ordered()?;
        let bound = match outcome {
            Outcome::Meant(place) => {
                let interval = statement.intervals.get((*place)?)?;
                match (&interval.end, &interval.start) {
                    (End::Fixed(bound) | End::Before(bound) | End::Through(bound), _)
                    | (End::Unbounded, Start::At(bound) | Start::After(bound)) => *bound,
                    (End::Unbounded, Start::Unbounded) => return None,
                }
            }
            // It has no place among them.
            Outcome::NotMeant(Reason::Branch) => return None,
            Outcome::NotMeant(_) => nearest(statement, &version)?,
        };
        let order = order_by_bound(&version, bound)?;
        let relation = match order {
            Ordering::Less => "<",
            Ordering::Equal => "=",
            Ordering::Greater => ">",
        };
        let without_epochs = identity.epoch == Epoch::Unstated && bound.contains(':');
        Some(Self {
            version: identity.version.clone(),
            relation: relation.to_owned(),
            bound: bound.to_owned(),
            scheme: scheme.to_string(),
            decided: if without_epochs {
                decided(scheme, without_epoch(&identity.version), without_epoch(bound), order)
            } else {
                decided(scheme, &identity.version, bound, order)
            },
            without_epochs,
        })
    }
}

/// Returns the bound beyond which a version lies outside: the last end before it, else the first start after it.
fn nearest<'a>(statement: &Statement<'a>, version: &Version<'_>) -> Option<&'a str> {
    let ends = statement.intervals.iter().filter_map(|interval| match interval.end {
        End::Fixed(bound) | End::Before(bound) | End::Through(bound) => Some(bound),
        End::Unbounded => None,
    });
    let starts = statement.intervals.iter().filter_map(|interval| match interval.start {
        Start::At(bound) | Start::After(bound) => Some(bound),
        Start::Unbounded => None,
    });
    let order = |left: &&str, right: &&str| version.scheme().compare(left, right).unwrap_or(Ordering::Equal);
    let is_passed = |bound: &&str| order_by_bound(version, bound).is_some_and(Ordering::is_ge);
    let is_ahead = |bound: &&str| order_by_bound(version, bound).is_some_and(Ordering::is_le);
    ends.filter(is_passed).max_by(order).or_else(|| starts.filter(is_ahead).min_by(order))
}

fn order_by_bound(version: &Version<'_>, bound: &str) -> Option<Ordering> {
    version.order_by_bound(&Version::parse(version.scheme(), bound).ok()?)
}

fn without_epoch(version: &str) -> &str {
    version.split_once(':').map_or(version, |(_, rest)| rest)
}

/// Finds the first part that differs, and believes it only when it orders the two as the whole does.
fn decided(scheme: Scheme, version: &str, bound: &str, order: Ordering) -> Option<DecidingPart> {
    if order.is_eq() {
        return None;
    }
    let (left, right) = (parts(scheme, version), parts(scheme, bound));
    for place in 0..left.len().max(right.len()) {
        let empty = (String::new(), "");
        let (part, own) = left.get(place).unwrap_or(&empty);
        let (other_part, other) = right.get(place).unwrap_or(&empty);
        if own == other {
            continue;
        }
        let part = if part.is_empty() { other_part } else { part };
        let is_same = match (number(own), number(other)) {
            (Some(own), Some(other)) => {
                let (own, other) = (own.trim_start_matches('0'), other.trim_start_matches('0'));
                (own.len(), own).cmp(&(other.len(), other)) == order
            }
            // Of Debian's and RPM's parts each is ordered by the rules of the whole.
            _ => !own.is_empty() && !other.is_empty() && scheme.compare(own, other).is_ok_and(|found| found == order),
        };
        return is_same.then(|| DecidingPart {
            part: part.clone(),
            version: (*own).to_owned(),
            bound: (*other).to_owned(),
        });
    }
    None
}

fn number(text: &str) -> Option<&str> {
    (!text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())).then_some(text)
}

/// Splits a version into what its scheme compares one after the other.
fn parts(scheme: Scheme, version: &str) -> Vec<(String, &str)> {
    match scheme {
        Scheme::Deb | Scheme::Rpm => {
            let (epoch, rest) = version.split_once(':').unwrap_or(("0", version));
            let (upstream, revision) = rest.rsplit_once('-').unwrap_or((rest, "0"));
            let (name, last) = if scheme == Scheme::Deb { ("upstream", "revision") } else { ("version", "release") };
            vec![("epoch".to_owned(), epoch), (name.to_owned(), upstream), (last.to_owned(), revision)]
        }
        Scheme::Semver | Scheme::Npm | Scheme::Go | Scheme::Pub | Scheme::Hex => {
            let version = version.trim_start_matches(['v', '=']);
            let version = version.split('+').next().unwrap_or_default();
            let (numbers, prerelease) = version.split_once('-').unwrap_or((version, ""));
            let names = ["major", "minor", "patch"];
            let mut parts: Vec<_> = names.into_iter().map(str::to_owned).zip(numbers.split('.')).collect();
            if !prerelease.is_empty() {
                parts.push(("prerelease".to_owned(), prerelease));
            }
            parts
        }
        _ => {
            let segments = version.split(['.', '-', '_', '+', '~']);
            (1..).map(|place| format!("part {place}")).zip(segments).collect()
        }
    }
}

/// As people write it: `2.36-9+deb12u4 >= 2.36-9+deb12u3 (deb order: ...)`.
impl std::fmt::Display for Comparison {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { version, relation, bound, scheme, decided, without_epochs } = self;
        write!(formatter, "{version} {relation} {bound}   ({scheme} order")?;
        if let Some(DecidingPart { part, version, bound }) = decided {
            write!(formatter, ": {part} `{version}` {relation} `{bound}`")?;
        }
        if *without_epochs {
            formatter.write_str("; the source package's epoch is not stated: epochs are not compared")?;
        }
        formatter.write_str(")")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_part_that_decides_is_told() {
        let check = |scheme: Scheme, version: &str, bound: &str, expected: &str| {
            let order = scheme.compare(version, bound).expect("the table's versions can be ordered");
            let found = decided(scheme, version, bound, order).map_or_else(
                || "-".to_owned(),
                |DecidingPart { part, version, bound }| format!("{part} {version} {bound}"),
            );
            assert_eq!(found, expected, "{scheme} {version} {bound}");
        };
        check(Scheme::Deb, "1.0-1", "1.0-1", "-");
        check(Scheme::Deb, "2.36-9+deb12u4", "2.36-9+deb12u3", "revision 9+deb12u4 9+deb12u3");
        check(Scheme::Deb, "1:1.0", "2.0", "epoch 1 0");
        check(Scheme::Deb, "1.0~rc1-1", "1.0-1", "upstream 1.0~rc1 1.0");
        check(Scheme::Deb, "1.0", "1.0-1", "revision 0 1");
        check(Scheme::Rpm, "1:1.1.1k-7.el8", "1:1.1.1k-12.el8", "release 7.el8 12.el8");
        check(Scheme::Npm, "1.10.0", "1.9.9", "minor 10 9");
        check(Scheme::Npm, "1.0.0-rc.1", "1.0.0", "-");
        check(Scheme::Npm, "1.0.0-rc.1", "1.0.0-rc.2", "-");
        check(Scheme::Semver, "1.2.3", "1.3.0", "minor 2 3");
        check(Scheme::Go, "v1.2.3", "1.2.4", "patch 3 4");
        check(Scheme::Pep440, "2.28.1", "2.31.0", "part 2 28 31");
        check(Scheme::Maven, "2.14.1", "2.15.0", "part 2 14 15");
        check(Scheme::Maven, "1.0", "1.0.1", "-");
        check(Scheme::Apk, "3.1.4-r5", "3.1.4-r6", "-");
    }
}
