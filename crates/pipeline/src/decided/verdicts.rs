//! What is decided about an image's findings, as the inventories' database has them: by version of a package.

use std::collections::{BTreeMap, BTreeSet};

use component::{ComponentIndex, Inventory};
use findings::Standing;
use vulndb::file::{Corrupt, Database};

use super::{Beside, Composed, subject_of};
use crate::index;

/// The distribution answers for it, with its own package.
pub(crate) const ANSWERED: i64 = 0;

/// An exception has it not count.
const EXCEPTED: i64 = 1;

/// VEX has it not count.
const CLEARED: i64 = 2;

/// It counts by the word of VEX, whatever its publisher says.
pub(crate) const COUNTED: i64 = 3;

/// By the identity of a component in the index and the name of a vulnerability.
pub(crate) type Verdicts = BTreeMap<(String, String), i64>;

/// Returns what is decided of a version of a package, by how its findings stand in all places that hold it. One place where it counts is
/// enough for it to count.
fn verdict(standings: &BTreeSet<Standing>) -> Option<i64> {
    match standings.iter().any(|standing| standing.counts()) {
        true => standings.contains(&Standing::Overruled).then_some(COUNTED),
        false if standings.contains(&Standing::Excepted) => Some(EXCEPTED),
        false => standings.contains(&Standing::Cleared).then_some(CLEARED),
    }
}

/// Decides about the findings of an image in a repository.
pub(crate) fn verdicts<B: AsRef<[u8]>>(
    database: &Database<B>,
    inventory: &Inventory,
    (composed, beside): (&Composed, Option<&Beside>),
    repository: &str,
    now_us: i64,
) -> Result<Verdicts, Corrupt> {
    let identities = index::identities(inventory);
    let identity = |at: ComponentIndex| identities.get(usize::try_from(at.0).unwrap_or(usize::MAX));
    let subject = subject_of(inventory, repository);
    let deciders = composed.deciders(beside, (repository, &subject), now_us);
    let mut together: BTreeMap<(String, String), BTreeSet<Standing>> = BTreeMap::new();
    for (at, name, standing) in findings::standings(database, inventory, deciders)? {
        if let Some(identity) = identity(at) {
            together.entry((identity.clone(), name)).or_default().insert(standing);
        }
    }
    Ok(together.into_iter().filter_map(|(key, standings)| Some((key, verdict(&standings)?))).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_place_where_it_counts_is_enough() {
        use Standing::{Cleared, Counts, Excepted, Overruled, Published};
        for (standings, expected) in [
            (&[][..], None),
            (&[Counts], None),
            (&[Published], None),
            (&[Excepted, Cleared, Published], Some(EXCEPTED)),
            (&[Cleared, Published], Some(CLEARED)),
            (&[Excepted, Counts], None),
            (&[Cleared, Counts, Excepted], None),
            (&[Overruled, Published], Some(COUNTED)),
            (&[Overruled, Excepted], Some(COUNTED)),
        ] {
            assert_eq!(verdict(&standings.iter().copied().collect()), expected, "{standings:?}");
        }
    }
}
