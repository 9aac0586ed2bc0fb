//! What one database says and another does not: found by comparing what both know of each package and record, not by reading
//! either whole.

use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet};

use crate::file::{Corrupt, Database, PackageEntry};
use crate::{Advisory, Ecosystem, Exploited, Probability};

/// Returns the packages of which two databases say different things, or of which only one says anything: what must be matched
/// again when the second takes the place of the first.
///
/// Two sorted lists are walked side by side; only what differs is read.
pub fn changed_packages<A: AsRef<[u8]>, B: AsRef<[u8]>>(
    old: &Database<A>,
    new: &Database<B>,
) -> Result<Vec<(Ecosystem, String)>, Corrupt> {
    let mut changed = Vec::new();
    let (mut left, mut right) = (old.packages(), new.packages());
    let (mut before, mut after) = (left.next().transpose()?, right.next().transpose()?);
    loop {
        let order = match (&before, &after) {
            (None, None) => return Ok(changed),
            (Some(_), None) => Ordering::Less,
            (None, Some(_)) => Ordering::Greater,
            (Some(before), Some(after)) => order(old, before, new, after)?,
        };
        if let Some(gone) = before.filter(|_| order.is_lt()) {
            changed.push(owned(old.package_name(&gone)?));
        }
        if let (true, Some(after)) = (order.is_ge(), after)
            && (order.is_gt() || before.is_some_and(|before| before.content != after.content))
        {
            changed.push(owned(new.package_name(&after)?));
        }
        if order.is_le() {
            before = left.next().transpose()?;
        }
        if order.is_ge() {
            after = right.next().transpose()?;
        }
    }
}

/// Packages stand in the order of their hashes; those of one hash, which are next to none, in that of their names.
fn order<A: AsRef<[u8]>, B: AsRef<[u8]>>(
    old: &Database<A>,
    before: &PackageEntry,
    new: &Database<B>,
    after: &PackageEntry,
) -> Result<Ordering, Corrupt> {
    match before.hash.cmp(&after.hash) {
        Ordering::Equal => Ok(old.package_name(before)?.cmp(&new.package_name(after)?)),
        order => Ok(order),
    }
}

fn owned((ecosystem, name): (&Ecosystem, &str)) -> (Ecosystem, String) {
    (ecosystem.clone(), name.to_owned())
}

/// How a record differs between two databases.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Change {
    /// Only the second has it.
    Added,
    /// Only the first has it.
    Removed,
    /// Both have it, and it is not the same.
    Changed,
    /// Both have it, and the second's is withdrawn.
    Withdrawn,
}

/// A record that differs between two databases.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct ChangedAdvisory {
    /// The feed's name.
    pub feed: String,
    /// The record's own name.
    pub id: String,
    /// How it differs.
    pub change: Change,
}

/// Returns the records that differ between two databases, in the order of their feeds and names.
///
/// This reads both whole.
pub fn changed_advisories<A: AsRef<[u8]>, B: AsRef<[u8]>>(
    old: &Database<A>,
    new: &Database<B>,
) -> Result<Vec<ChangedAdvisory>, Corrupt> {
    let (before, after) = (by_name(old)?, by_name(new)?);
    let mut changed = Vec::new();
    for ((feed, id), records) in &after {
        let change = match before.get(&(feed.clone(), id.clone())) {
            None => Change::Added,
            Some(known) if known == records => continue,
            Some(known) if is_withdrawn(records) && !is_withdrawn(known) => Change::Withdrawn,
            Some(_) => Change::Changed,
        };
        changed.push(ChangedAdvisory { feed: feed.clone(), id: id.clone(), change });
    }
    for (feed, id) in before.keys().filter(|key| !after.contains_key(key)) {
        changed.push(ChangedAdvisory { feed: feed.clone(), id: id.clone(), change: Change::Removed });
    }
    changed.sort();
    Ok(changed)
}

fn is_withdrawn(records: &[Advisory]) -> bool {
    records.iter().all(|record| record.withdrawn.is_some())
}

fn by_name<B: AsRef<[u8]>>(database: &Database<B>) -> Result<BTreeMap<(String, String), Vec<Advisory>>, Corrupt> {
    let feeds = database.feeds()?;
    let mut all: BTreeMap<(String, String), Vec<Advisory>> = BTreeMap::new();
    for (feed, advisory) in database.advisories()? {
        let feed = feeds.get(usize::from(feed.0)).map(|feed| feed.name.clone()).unwrap_or_default();
        all.entry((feed, advisory.id.clone())).or_default().push(advisory);
    }
    Ok(all)
}

/// What became of the exploitation of a vulnerability from one database to another.
#[derive(Debug, Clone, PartialEq)]
pub struct ChangedExploitation {
    /// The vulnerability.
    pub id: String,
    /// How what is said of its being known to be exploited differs (KEV).
    pub exploited: Option<Change>,
    /// How probable it was that it is exploited, and how probable it is (EPSS), where that differs.
    pub probability: Option<(Option<f32>, Option<f32>)>,
}

/// Returns the vulnerabilities of whose exploitation two databases say different things, in the order of their names.
///
/// Probabilities are new every day: these may be all that have one. That only the share of others differs that are no more probable is no difference.
pub fn changed_exploitation<A: AsRef<[u8]>, B: AsRef<[u8]>>(
    old: &Database<A>,
    new: &Database<B>,
) -> Result<Vec<ChangedExploitation>, Corrupt> {
    let by_id = |exploited: Vec<Exploited>| -> BTreeMap<String, Exploited> {
        exploited.into_iter().map(|entry| (entry.id.to_ascii_uppercase(), entry)).collect()
    };
    let (before, after) = (by_id(old.exploited()?), by_id(new.exploited()?));
    let share = |probabilities: Vec<Probability>| -> BTreeMap<String, f32> {
        probabilities.into_iter().map(|one| (one.id, one.probability)).collect()
    };
    let (was, is) = (share(old.probabilities()?), share(new.probabilities()?));
    let all: BTreeSet<&String> = before.keys().chain(after.keys()).chain(was.keys()).chain(is.keys()).collect();
    let mut changed = Vec::new();
    for id in all {
        let exploited = match (before.get(id), after.get(id)) {
            (None, Some(_)) => Some(Change::Added),
            (Some(_), None) => Some(Change::Removed),
            (Some(before), Some(after)) if before != after => Some(Change::Changed),
            _ => None,
        };
        let shares = (was.get(id).copied(), is.get(id).copied());
        // Both are of the same parts of 100,000.
        let probability = (shares.0.map(f32::to_bits) != shares.1.map(f32::to_bits)).then_some(shares);
        if exploited.is_some() || probability.is_some() {
            changed.push(ChangedExploitation { id: id.clone(), exploited, probability });
        }
    }
    Ok(changed)
}
