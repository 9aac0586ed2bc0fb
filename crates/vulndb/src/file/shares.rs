use std::collections::{BTreeMap, BTreeSet};

use super::bytes::Corrupt;
use super::database::{AdvisoryIndex, Database, PackageName};
use super::section::Section;
use super::table::Table;
use crate::Ecosystem;

/// Packages of an ecosystem that are looked at. It is asked for with each scan, and who speaks of half of all packages speaks of many of a hundred.
const PACKAGES_LOOKED_AT_MAX: u32 = 100;

impl<B: AsRef<[u8]>> Database<B> {
    /// Returns the names of the feeds that say most of an ecosystem, in order: of those that speak of the most of its packages, and of half as many.
    /// A feed of one's own with a few records is none of them beside a publisher's. Of an ecosystem of many packages some are looked at, spread over all.
    ///
    /// # Errors
    /// When the database is damaged.
    pub fn main_feeds(&self, ecosystem: &Ecosystem) -> Result<Vec<String>, Corrupt> {
        let Some(wanted) = self.ecosystems().iter().position(|known| known == ecosystem) else { return Ok(Vec::new()) };
        let names = self.table(Section::PackageNames)?;
        let of = |place: u32| -> Result<usize, Corrupt> {
            Ok(usize::from(names.record::<PackageName<'_>>(place)?.ecosystem))
        };
        let (first, end) = (
            first_place(&names, |place| Ok(of(place)? >= wanted))?,
            first_place(&names, |place| Ok(of(place)? > wanted))?,
        );
        let feeds = self.feeds()?;
        let starts = self.first_of_feeds(feeds.len())?;
        let mut spoken: BTreeMap<usize, u32> = BTreeMap::new();
        let step = (end.saturating_sub(first)).div_ceil(PACKAGES_LOOKED_AT_MAX).max(1);
        for place in (first..end).step_by(usize::try_from(step).unwrap_or(usize::MAX)) {
            let mut speaking = BTreeSet::new();
            for advisory in self.advisories_at(place)? {
                // The last that begins at or before it: feeds without an advisory begin where the next one does.
                let advisory = advisory?.0;
                speaking.insert(starts.partition_point(|start| *start <= advisory).saturating_sub(1));
            }
            for feed in speaking {
                *spoken.entry(feed).or_default() += 1;
            }
        }
        let most = spoken.values().copied().max().unwrap_or_default();
        let main = spoken.into_iter().filter(|(_, packages)| packages.saturating_mul(2) >= most);
        Ok(main.filter_map(|(feed, _)| Some(feeds.get(feed)?.name.clone())).collect())
    }

    /// Returns the place of the first advisory of each feed, or where it would be: they stand in the order of the feeds.
    fn first_of_feeds(&self, feeds: usize) -> Result<Vec<u32>, Corrupt> {
        let heads = self.table(Section::Advisories)?;
        let feed_of =
            |place: u32| -> Result<usize, Corrupt> { Ok(usize::from(self.advisory(AdvisoryIndex(place))?.feed.0)) };
        (0..feeds).map(|feed| first_place(&heads, |place| Ok(feed_of(place)? >= feed))).collect()
    }
}

/// Returns the first place of a table for which something holds, which holds for all places after it; the table's end where it holds for none.
fn first_place<B: AsRef<[u8]>>(
    table: &Table<'_, B>,
    holds: impl Fn(u32) -> Result<bool, Corrupt>,
) -> Result<u32, Corrupt> {
    let (mut low, mut high) = (0, table.len());
    while low < high {
        let middle = low + (high - low) / 2;
        if holds(middle)? { high = middle } else { low = middle + 1 }
    }
    Ok(low)
}
