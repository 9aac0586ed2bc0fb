use component::{ComponentIndex, Inventory};
use vulndb::file::{Corrupt, Database};
use vulndb::matching;

use crate::component::at;
use crate::decision::{Decision, Judge};
use crate::facts::Known;
use crate::report::{fix, suppressed};
use crate::{Deciders, Suppressor};

/// Whether a finding counts, and by whose word.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Standing {
    /// It counts; nobody says otherwise.
    Counts,
    /// It counts since VEX says so, whatever the publisher says.
    Overruled,
    /// An owner's exception has it not count.
    Excepted,
    /// VEX has it not count.
    Cleared,
    /// Its publisher has it not count, the distribution, or the package's own file list.
    Published,
}

impl Standing {
    /// Tells whether it counts.
    pub fn counts(self) -> bool {
        matches!(self, Self::Counts | Self::Overruled)
    }

    fn of(decision: &Decision) -> Self {
        match decision.suppressions.first().map(|first| first.by) {
            None if decision.overruled.is_empty() => Self::Counts,
            None => Self::Overruled,
            Some(Suppressor::Exception) => Self::Excepted,
            Some(Suppressor::Vex) => Self::Cleared,
            Some(Suppressor::Publisher | Suppressor::NoCode | Suppressor::Distribution) => Self::Published,
        }
    }
}

/// Returns how each finding of a [`Report`](crate::Report) of the same would stand, by component and vulnerability, without all else
/// that a report tells.
///
/// # Errors
/// When the database is damaged.
pub fn standings<B: AsRef<[u8]>>(
    database: &Database<B>,
    inventory: &Inventory,
    deciders: Deciders<'_>,
) -> Result<Vec<(ComponentIndex, String, Standing)>, Corrupt> {
    let mut known = Known::new(database)?;
    let judge = Judge::new(deciders, inventory);
    let mut standings = Vec::new();
    for (index, found) in matching::match_inventory(database, inventory)? {
        let Some(component) = at(inventory, index) else { continue };
        for found in &found {
            let publisher = match &found.suppression {
                Some(suppression) => Some(suppressed(database, inventory, &known, suppression)?),
                None => None,
            };
            let is_fixable = fix(&found.hits).version.is_some();
            let facts = known.facts(found.vulnerability)?;
            let decision = judge.decide(index, component, &facts.names(), is_fixable, publisher);
            standings.push((index, facts.name.clone(), Standing::of(&decision)));
        }
    }
    Ok(standings)
}
