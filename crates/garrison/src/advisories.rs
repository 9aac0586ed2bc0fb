//! The database of advisories that commands of this machine use.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use component::{Component, Inventory, Subject};
use feeds::{InUse, Mapped, Store, StoreError};
use vulndb::file::{Corrupt, Database, Section};
use vulndb::{Ecosystem, Family, Time, lifecycle, matching};

use crate::error::{CommandError, Kind};
use crate::platform::Platform;

/// A database that was opened.
pub(crate) type Advisories = Database<Mapped>;

/// Returns where databases of this user lie.
pub(crate) fn store() -> Result<Store, CommandError> {
    Ok(Store::new(directory()?))
}

/// Returns which ecosystems scans of this user met.
pub(crate) fn in_use() -> Result<InUse, CommandError> {
    Ok(InUse::new(directory()?.join("ecosystems")))
}

/// Returns the directory of the databases of this user.
pub(crate) fn directory() -> Result<PathBuf, CommandError> {
    let directory = Platform::current().data_directory().ok_or_else(|| {
        CommandError::new(Kind::Environment, "there is no directory for databases")
            .hint("set GARRISON_DATA_DIR, HOME or XDG_DATA_HOME, or name a file with `--database`")
    })?;
    Ok(directory.join("advisories"))
}

/// Returns the ecosystems whose advisories speak of what an inventory lists.
fn ecosystems(inventory: &Inventory) -> BTreeSet<Ecosystem> {
    let distribution = inventory.distribution.as_ref();
    let own = distribution.and_then(Ecosystem::of_distribution);
    let identities = inventory.components.iter().flat_map(|component| matching::identities(component, distribution));
    identities.map(|identity| identity.ecosystem).chain(own).collect()
}

/// Returns which distributions scans of this user met, by their releases.
pub(crate) fn distributions() -> Result<InUse, CommandError> {
    Ok(InUse::new(directory()?.join("distributions")))
}

/// Remembers which ecosystems an inventory needs advisories of, so that `garrison db update` fetches them, and which distributions it is of, so
/// that `garrison db status` tells when these end.
pub(crate) fn remember(inventory: &Inventory) {
    // A scan is worth more than that the next update knows of it.
    let _forgotten = in_use().map(|in_use| in_use.add(&ecosystems(inventory)));
    let others = matching::other_systems(inventory);
    let releases = inventory.distribution.iter().chain(others.keys()).filter_map(lifecycle::release_of);
    let _forgotten = distributions().map(|met| met.add_names(&releases.collect()));
}

/// Opens the database in use to match an inventory. Where there is none, the error says what to do for that very inventory.
pub(crate) fn open_for(inventory: &Inventory) -> Result<Advisories, CommandError> {
    /// More are counted.
    const NAMED_MAX: usize = 4;
    match store()?.open() {
        Err(StoreError::Missing { .. }) if is_without_layers(inventory) => {
            let error = format!("`{}` has no layers, so that there is nothing to scan", inventory.subject.name());
            Err(CommandError::new(Kind::Environment, error).hint(
                "nothing in it can run: it may be another tag that is meant, or an image that was built of nothing",
            ))
        }
        Err(error @ StoreError::Missing { .. }) => {
            let needed = ecosystems(inventory);
            let mut words: Vec<String> = needed.iter().take(NAMED_MAX).map(ToString::to_string).collect();
            if needed.len() > NAMED_MAX {
                words.push(format!("{} more", needed.len() - NAMED_MAX));
            }
            let what =
                if words.is_empty() { "one".to_owned() } else { format!("what this needs ({})", words.join(", ")) };
            Err(CommandError::new(Kind::Environment, error)
                .hint(format!("`garrison db update` fetches {what}, and says first how much that is"))
                .hint("a machine that reaches no feed: `garrison db import FILE`"))
        }
        opened => Ok(opened?),
    }
}

fn is_without_layers(inventory: &Inventory) -> bool {
    matches!(inventory.subject, Subject::Image { .. }) && inventory.layers.is_empty()
}

/// Returns the day that it is (UTC).
pub(crate) fn today() -> jiff::civil::Date {
    jiff::tz::Offset::UTC.to_datetime(jiff::Timestamp::now()).date()
}

/// Returns a word on each of some releases of distributions that nobody mends any more on a day.
pub(crate) fn end_of_life(releases: &BTreeSet<String>, today: jiff::civil::Date) -> Vec<String> {
    let ended = |release: &String| {
        let lifecycle::Support { until, extended_until } = lifecycle::support(release)?;
        let extended = extended_until.filter(|extended| *extended >= today);
        let paid = extended.map(|until| format!(", and paid for until {until}")).unwrap_or_default();
        (until < today).then(|| {
            format!("{release} was mended until {until}{paid}: what is not known against it says nothing for it")
        })
    };
    releases.iter().filter_map(ended).collect()
}

/// Takes what this machine knows of when feeds of the database in use were last found to have nothing newer.
pub(crate) fn check(advisories: &mut findings::Advisories, now: jiff::Timestamp) {
    let Ok(store) = store() else { return };
    let cache = store.cache();
    advisories.check(now, |feed| {
        let seen = cache.state(&feed.name).seen_with(feed.newest.map(jiff::Timestamp::as_second))?;
        jiff::Timestamp::from_second(seen).ok()
    });
}

/// Says of which distributions there are hardly any severities because what has them is not in the database: of some families, by the names and
/// readers of its feeds.
pub(crate) fn lack_severities(families: &BTreeSet<Family>, feeds: &[(&str, &str)]) -> Vec<&'static str> {
    let has = |reader: &str| feeds.iter().any(|(_, known)| *known == reader);
    // One of one's own may be of any.
    let serves = |name: &str, family: Family| {
        let source = feeds::sources().find(|source| source.name == name);
        source.is_none_or(|source| source.serves.contains(&family))
    };
    let is_rated =
        |family| feeds.iter().any(|(name, reader)| *reader == "osv-severities" && serves(name, family)) || has("nvd");
    let lacks = |family, reader| families.contains(&family) && has(reader) && !is_rated(family);
    [
        (
            lacks(Family::Debian, "debian-tracker"),
            "Debian states hardly any severities, and the feed that has them (`osv-debian`) is not here; `garrison db update` fetches it",
        ),
        (
            lacks(Family::Alpine, "secdb"),
            "Alpine states no severities, and the feed that has them (`osv-alpine`) is not here; `garrison db update` fetches it",
        ),
        (
            lacks(Family::Wolfi, "secdb") || lacks(Family::Chainguard, "secdb"),
            "Wolfi and Chainguard state no severities; NVD has them, and is large: `garrison db update --feed +nvd`",
        ),
    ]
    .into_iter()
    .filter_map(|(is_lacking, told)| is_lacking.then_some(told))
    .collect()
}

/// Returns whose the packages of some components are.
pub(crate) fn families<'a>(
    inventory: &'a Inventory,
    components: impl IntoIterator<Item = &'a Component>,
) -> BTreeSet<Family> {
    let distribution = inventory.distribution.as_ref();
    let identities = components.into_iter().flat_map(|component| matching::identities(component, distribution));
    identities.map(|identity| identity.ecosystem.family).collect()
}

/// Returns the bytes of a database by what they are for: ranges, records, texts, scores and sums.
pub(crate) fn sizes<B: AsRef<[u8]>>(database: &Database<B>) -> BTreeMap<&'static str, u64> {
    let mut sizes = BTreeMap::new();
    for (section, bytes) in database.sizes() {
        let part = match section {
            Section::Ecosystems
            | Section::Packages
            | Section::PackageNames
            | Section::StatementAdvisories
            | Section::Statements => "ranges",
            Section::Feeds | Section::Advisories | Section::Vulnerabilities | Section::Names => "records",
            Section::Summaries | Section::Details | Section::References => "texts",
            Section::Scores | Section::Exploited => "scores",
            Section::Sums => "sums",
        };
        *sizes.entry(part).or_default() += bytes;
    }
    sizes
}

/// Opens the database of a file, or the one in use.
pub(crate) fn open(file: Option<&Path>) -> Result<Advisories, CommandError> {
    Ok(match file {
        Some(path) => Store::open_file(path)?,
        None => store()?.open()?,
    })
}

/// Returns a moment as people read it.
pub(crate) fn moment(time: Option<Time>) -> String {
    let time = time.and_then(|seconds| jiff::Timestamp::from_second(seconds).ok());
    time.map_or_else(|| "-".to_owned(), |time| time.strftime("%Y-%m-%d %H:%M").to_string())
}

/// Returns when the newest record of a database was made or changed, as far as that can be.
pub(crate) fn newest<B: AsRef<[u8]>>(database: &Database<B>) -> Result<Option<Time>, CommandError> {
    Ok(vulndb::newest(&database.feeds().map_err(damaged)?, jiff::Timestamp::now().as_second()))
}

/// Returns when the newest record of a feed was made or changed, and whether what is known by it is old.
pub(crate) fn dated(newest: Option<Time>, is_old: bool) -> String {
    let moment = moment(newest);
    if is_old { format!("{moment} (old)") } else { moment }
}

impl From<StoreError> for CommandError {
    fn from(error: StoreError) -> Self {
        let hint = error.hint();
        let kind =
            if matches!(error, StoreError::Older(_) | StoreError::Lacking(_)) { Kind::No } else { Kind::Environment };
        let error = Self::new(kind, error);
        match hint {
            Some(hint) => error.hint(hint),
            None => error,
        }
    }
}

/// Turns what a damaged database could not answer into an error of the command line.
pub(crate) fn damaged(error: Corrupt) -> CommandError {
    CommandError::environment("failed to read the vulnerability database", error).hint("build or import it again")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_distribution_without_severities_is_told() {
        use Family::{Alpine, Chainguard, Debian, Npm, Wolfi};
        let (debian, osv_debian) = (("debian", "debian-tracker"), ("osv-debian", "osv-severities"));
        let (alpine, osv_alpine) = (("alpine", "secdb"), ("osv-alpine", "osv-severities"));
        let (wolfi, nvd, npm) = (("wolfi", "secdb"), ("nvd", "nvd"), ("osv-npm", "osv"));
        let own = ("ours", "osv-severities");
        for (families, feeds, expected) in [
            (&[][..], &[debian, alpine][..], &[][..]),
            (&[Debian, Alpine], &[npm], &[]),
            (&[Npm], &[npm, debian], &[]),
            (&[Debian], &[debian], &["Debian"]),
            (&[Debian], &[debian, osv_debian], &[]),
            (&[Debian], &[debian, osv_alpine], &["Debian"]),
            (&[Alpine], &[alpine, osv_debian], &["Alpine"]),
            (&[Debian, Alpine], &[debian, alpine, osv_alpine], &["Debian"]),
            (&[Debian, Alpine], &[debian, alpine, own], &[]),
            (&[Wolfi], &[wolfi, osv_alpine, osv_debian], &["Wolfi"]),
            (&[Chainguard, Wolfi], &[wolfi], &["Wolfi"]),
            (&[Debian, Alpine, Wolfi, Chainguard], &[debian, alpine, wolfi, nvd], &[]),
            (&[Debian, Alpine, Wolfi], &[debian, alpine, wolfi], &["Debian", "Alpine", "Wolfi"]),
        ] {
            let told = lack_severities(&families.iter().copied().collect(), feeds);
            let named: Vec<&str> = told.iter().filter_map(|told| told.split(' ').next()).collect();
            assert_eq!(named, expected, "{families:?} {feeds:?}");
        }
        let told = lack_severities(&BTreeSet::from([Wolfi]), &[wolfi]);
        assert!(told[0].ends_with("`garrison db update --feed +nvd`"), "{told:?}");
    }

    #[test]
    fn a_distribution_past_its_end_is_told() {
        let named = |names: &[&str]| names.iter().map(ToString::to_string).collect();
        let today = jiff::civil::date(2026, 11, 29);
        let told = end_of_life(
            &named(&["Debian:10", "Debian:12", "Ubuntu:18.04", "npm", "Alpine:edge", "CentOS Stream:8", "Red Hat:8"]),
            today,
        );
        assert_eq!(
            told,
            [
                "CentOS Stream:8 was mended until 2024-05-31: what is not known against it says nothing for it",
                "Debian:10 was mended until 2024-06-30: what is not known against it says nothing for it",
                "Ubuntu:18.04 was mended until 2023-05-31, and paid for until 2028-04-26: what is not known against it says nothing for it",
            ]
        );
    }
}
