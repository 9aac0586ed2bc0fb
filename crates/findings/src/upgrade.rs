use std::cmp::Ordering;
use std::collections::BTreeSet;

use component::Version;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use vulndb::file::{Corrupt, Database, VulnerabilityIndex};
use vulndb::matching::Identity;
use vulndb::{Channel, End, Start, Verdict};

use crate::spoken::Spoken;

/// The smallest version that clears all of a component's findings at once, or as many as one can.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Upgrade {
    /// The version: one that a publisher names as mending something.
    pub version: String,
    /// Where it is to be had.
    pub channel: Channel,
    /// What it clears of what is found now.
    pub clears: Vec<String>,
    /// What it has: what no later version clears either, and what is new in it.
    pub remaining: Vec<String>,
}

/// A version that mends something.
struct Candidate<'a> {
    version: Version<'a>,
    channel: Channel,
    /// What the component would go by.
    identities: Vec<Identity>,
}

impl Upgrade {
    /// Finds the smallest version that clears the open vulnerabilities of a component. Every version that a publisher names as
    /// mending something is held against every statement about the package, so that none is told that has another of them. What was decided
    /// not to count is left out.
    pub(crate) fn find<B: AsRef<[u8]>>(
        database: &Database<B>,
        spoken: &Spoken<'_>,
        open: &BTreeSet<VulnerabilityIndex>,
        decided: &BTreeSet<VulnerabilityIndex>,
    ) -> Result<Option<Self>, Corrupt> {
        let candidates = candidates(spoken, open);
        let everyone: Vec<&Candidate<'_>> =
            candidates.iter().filter(|candidate| candidate.channel == Channel::Main).collect();
        let found = [everyone, candidates.iter().collect()]
            .into_iter()
            .filter_map(|candidates| smallest(spoken, open, decided, &candidates))
            // The first of equals: what everybody gets.
            .min_by_key(|(_, remaining)| remaining.len());
        let Some((candidate, remaining)) = found else { return Ok(None) };
        let names = |indices: &mut dyn Iterator<Item = &VulnerabilityIndex>| {
            let mut names = Vec::new();
            for index in indices {
                names.push(database.vulnerability(*index)?.name.to_owned());
            }
            names.sort_unstable();
            Ok(names)
        };
        let clears = names(&mut open.difference(&remaining))?;
        if clears.is_empty() {
            return Ok(None);
        }
        Ok(Some(Self {
            version: candidate.version.as_str().to_owned(),
            channel: candidate.channel,
            clears,
            remaining: names(&mut remaining.iter())?,
        }))
    }
}

/// Returns every later version that mends something, from the smallest.
fn candidates<'a>(spoken: &'a Spoken<'_>, open: &BTreeSet<VulnerabilityIndex>) -> Vec<Candidate<'a>> {
    // A binary package with a version of its own does not move as its source does: then only those versions are told that the open
    // findings are about.
    let moves_as_one = spoken.identities.windows(2).all(|pair| pair[0].version == pair[1].version);
    let moved: BTreeSet<usize> = if moves_as_one {
        (0..spoken.identities.len()).collect()
    } else {
        let is_open = |at: &&usize| spoken.is_open(&[**at], &spoken.identities);
        let mut hits = open.iter().filter_map(|index| spoken.about.get(index)).flatten().filter(is_open);
        hits.next().map(|at| spoken.entries[*at].identity).into_iter().collect()
    };
    let mut found: Vec<(Version<'a>, Channel)> = Vec::new();
    for entry in spoken.entries.iter().filter(|entry| moved.contains(&entry.identity)) {
        let identity = &spoken.identities[entry.identity];
        let Some(own) = identity.ordered() else { continue };
        for interval in &entry.statement.intervals {
            if let End::Fixed(bound) = interval.end
                && let Ok(version) = Version::parse(own.scheme(), bound)
                && version.partial_cmp(&own) == Some(Ordering::Greater)
            {
                found.push((version, entry.statement.qualifiers.channel));
            }
        }
    }
    let order = |left: &Version<'_>, right: &Version<'_>| left.partial_cmp(right).unwrap_or(Ordering::Equal);
    found.sort_by(|left, right| {
        order(&left.0, &right.0).then_with(|| (left.1, left.0.as_str()).cmp(&(right.1, right.0.as_str())))
    });
    found.dedup_by(|right, left| order(&left.0, &right.0).is_eq());
    let identities_at = |version: &str| {
        let places = spoken.identities.iter().enumerate();
        places
            .map(|(place, identity)| {
                let version = if moved.contains(&place) { version } else { &identity.version };
                Identity { version: version.to_owned(), ..identity.clone() }
            })
            .collect()
    };
    found
        .into_iter()
        .map(|(version, channel)| Candidate { identities: identities_at(version.as_str()), version, channel })
        .collect()
}

/// Returns the smallest candidate that has nothing but what no candidate from there on clears, and what that is.
///
/// Each vulnerability moves the answer up to the first candidate without it, until none moves it any more. A candidate that is
/// clear of all is never passed, so the smallest is found; and of thousands of statements each is judged a few times, not once a
/// candidate.
fn smallest<'c, 'a>(
    spoken: &Spoken<'_>,
    open: &BTreeSet<VulnerabilityIndex>,
    decided: &BTreeSet<VulnerabilityIndex>,
    candidates: &[&'c Candidate<'a>],
) -> Option<(&'c Candidate<'a>, BTreeSet<VulnerabilityIndex>)> {
    let mut remaining: BTreeSet<VulnerabilityIndex> =
        open.iter().copied().filter(|index| never_ends(spoken, *index)).collect();
    let mut at = 0;
    loop {
        let before = at;
        for (vulnerability, statements) in &spoken.about {
            if remaining.contains(vulnerability) || decided.contains(vulnerability) {
                continue;
            }
            let is_clear = |place: &usize| !spoken.is_open(statements, &candidates[*place].identities);
            match (at..candidates.len()).find(is_clear) {
                Some(place) => at = place,
                None => {
                    remaining.insert(*vulnerability);
                }
            }
        }
        if at == before {
            break;
        }
    }
    candidates.get(at).map(|candidate| (*candidate, remaining))
}

/// Tells in passing, without a look at any candidate, that no version clears what is open: one statement says so, and none says
/// otherwise.
fn never_ends(spoken: &Spoken<'_>, vulnerability: VulnerabilityIndex) -> bool {
    let statements = spoken.about.get(&vulnerability).into_iter().flatten().map(|at| &spoken.entries[*at].statement);
    let mut is_endless = false;
    for statement in statements {
        if statement.verdict == Verdict::NotAffected || statement.qualifiers.channel != Channel::Main {
            return false;
        }
        let has_no_end = statement.intervals.is_empty() && statement.versions.is_empty()
            || statement
                .intervals
                .iter()
                .any(|interval| interval.end == End::Unbounded && interval.start == Start::Unbounded);
        is_endless |= has_no_end && statement.qualifiers.module.is_none();
    }
    is_endless
}
