//! The database as a file: state, differences, import and export.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use feeds::{Acceptance, FeedState, Fewer, compress_packed};
use serde_json::json;
use vulndb::file::Feed;
use vulndb::{Change, ChangedExploitation, Ecosystem, Time};

use super::hub;
use crate::advisories::{self, Advisories};
use crate::error::{CommandError, Kind};
use crate::output::{self, Align, Column, Format, Table};
use crate::platform::Platform;
use crate::session::{self, Session};

/// Say where the database of advisories lies and what is in it: feeds, their age, what they speak of, and what of them was not understood or not taken.
///
/// It lies in `advisories` of the data directory: what the variable `GARRISON_DATA_DIR` names, else `$XDG_DATA_HOME/garrison`, else
/// `~/.local/share/garrison`.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:
  garrison db status
  garrison db status --database advisories.vulndb -o json
  garrison db status --hub")]
pub(crate) struct Status {
    /// Database instead of the one in use, packed or not
    #[arg(long, value_name = "FILE")]
    database: Option<PathBuf>,
    /// That of the current hub
    #[arg(long, conflicts_with = "database")]
    hub: bool,
}

/// Name what changed between two databases, packed or not: records, and the packages that must be matched again.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:
  garrison db diff yesterday.vulndb today.vulndb
  garrison db diff yesterday.vulndb.zst today.vulndb.zst

Exit codes: 0 nothing differs, 1 something does, 3 a database could not be read.")]
pub(crate) struct Diff {
    /// Database of before
    old: PathBuf,
    /// Database of after
    new: PathBuf,
}

/// Use a database that was made elsewhere: every byte of it is held against its sums first.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:
  garrison db import advisories.vulndb
  garrison db import advisories.vulndb --digest sha256:0f3c...
  garrison db import --hub advisories.vulndb
  garrison db import --accept-older yesterday.vulndb

One whose newest records are older than those in use, or without feeds that are in use, is refused, unless that is meant.
Exit codes: 0 done, 1 it is older than the one in use or has fewer feeds, 2 not understood, 3 it could not be read or is no database.")]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of its own")]
pub(crate) struct Import {
    /// Database, or `-` for standard input
    file: String,
    /// Digest that it must have
    #[arg(long, value_name = "sha256:HEX")]
    digest: Option<String>,
    /// Bring it to the current hub, which serves it to its clients
    #[arg(long, conflicts_with = "digest")]
    hub: bool,
    /// Take it although it is older than the one in use
    #[arg(long)]
    accept_older: bool,
    /// Take it although it has nothing of feeds that the one in use has
    #[arg(long)]
    accept_fewer_feeds: bool,
    /// Say nothing on standard error but errors
    #[arg(short, long)]
    quiet: bool,
}

/// Write the database in use to a file, for a machine that reaches no feed.
///
/// Under a name that ends in `.zst` it is packed, a tenth as long; `garrison db import` takes either.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:
  garrison db export advisories.vulndb.zst")]
pub(crate) struct Export {
    /// File to write, or `-` for standard output
    file: String,
}

/// A level that packs in seconds what is carried once.
const PACK_LEVEL: i32 = 12;

/// List the formats of feeds.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:
  garrison db readers")]
pub(crate) struct Readers {}

impl Status {
    pub(crate) fn run(self, session: &Session) -> Result<(), CommandError> {
        if self.hub {
            return hub::status(session);
        }
        let database = advisories::open(self.database.as_deref())?;
        let mut feeds = database.feeds().map_err(advisories::damaged)?;
        let total = feeds.iter().map(|feed| feed.advisories).sum();
        let now = jiff::Timestamp::now();
        for feed in &mut feeds {
            feed.advisories = database.records_of(feed).map_err(advisories::damaged)?;
            feed.fetched = vulndb::believed(feed.fetched, now.as_second());
        }
        let coverage = database.coverage().map_err(advisories::damaged)?;
        // What was fetched is of this machine, not of a file.
        let is_own = self.database.is_none();
        let store = is_own.then(advisories::store).transpose()?;
        let directory = is_own.then(advisories::directory).transpose()?;
        let mut known = store.map(|store| store.cache().states()).unwrap_or_default();
        let failed: Vec<(String, String)> =
            known.iter().filter_map(|(name, state)| Some((name.clone(), state.error.clone()?))).collect();
        let states: Vec<FeedState> = feeds.iter().map(|feed| known.remove(&feed.name).unwrap_or_default()).collect();
        let met = if is_own { advisories::distributions()?.names() } else { BTreeSet::new() };
        let ended = advisories::end_of_life(&met, advisories::today());
        let known_of = findings::Advisories::of(&database, database.ecosystems(), Some(now));
        let mut known_of = known_of.map_err(advisories::damaged)?;
        if is_own {
            advisories::check(&mut known_of, now);
        }
        let old: BTreeMap<&str, Vec<&str>> =
            known_of.old_feeds(now).into_iter().map(|old| (old.feed.name.as_str(), old.ecosystems)).collect();
        match session.format() {
            Format::Json => {
                print_status_json(
                    &database,
                    &feeds,
                    &coverage,
                    &states,
                    total,
                    &Warned { ended: &ended, is_old: findings::are_old(known_of.newest, now).is_some(), old: &old },
                    directory.as_deref(),
                )?;
            }
            Format::Table => print_status(&database, &feeds, &coverage, &states, total, &old, directory.as_deref())?,
        }
        for (feed, error) in failed {
            let rest = if feeds.iter().any(|known| known.name == feed) { "" } else { "; there is nothing of it" };
            output::note(&output::printable(&format!("warning: {feed}: {error}{rest}")));
        }
        let families = database.ecosystems().iter().map(|ecosystem| ecosystem.family).collect();
        let named: Vec<(&str, &str)> = feeds.iter().map(|feed| (feed.name.as_str(), feed.reader.as_str())).collect();
        let unrated = advisories::lack_severities(&families, &named);
        let told_old = known_of.old_in_words(now).into_iter();
        let told_old: Vec<String> = told_old.map(|old| format!("{old}; `garrison db update` fetches it")).collect();
        for note in ended.iter().chain(&told_old).map(String::as_str).chain(unrated) {
            output::note(&output::printable(&format!("warning: {note}")));
        }
        Ok(())
    }
}

/// What a person is warned of.
struct Warned<'a> {
    ended: &'a [String],
    /// Whether all is old.
    is_old: bool,
    /// The ecosystems of which what is known is old, by the feed that says so.
    old: &'a BTreeMap<&'a str, Vec<&'a str>>,
}

fn print_status_json(
    database: &Advisories,
    feeds: &[Feed],
    coverage: &[BTreeSet<Ecosystem>],
    states: &[FeedState],
    total: u64,
    warned: &Warned<'_>,
    directory: Option<&Path>,
) -> Result<(), CommandError> {
    let moment = |time: Option<Time>| time.and_then(|seconds| jiff::Timestamp::from_second(seconds).ok());
    let feed = |((feed, state), ecosystems): ((&Feed, &FeedState), &BTreeSet<Ecosystem>)| {
        json!({
            "name": feed.name,
            "reader": feed.reader,
            "address": feed.address,
            "advisories": feed.advisories,
            "newest": moment(feed.fetched),
            "ecosystems": ecosystems.iter().map(ToString::to_string).collect::<Vec<_>>(),
            "problems": feed.problems,
            "fetched": moment(state.good),
            "asked": moment(state.asked),
            "old_ecosystems": warned.old.get(feed.name.as_str()).map_or(&[][..], Vec::as_slice),
            "error": state.error,
        })
    };
    let sections: serde_json::Map<_, _> =
        database.sizes().map(|(section, bytes)| (section.as_str().to_owned(), bytes.into())).collect();
    output::print_json(&json!({
        "directory": directory.map(|directory| directory.display().to_string()),
        "newest": moment(vulndb::newest(feeds, Time::MAX)),
        "advisories": total,
        "packages": database.package_count(),
        "ecosystems": database.ecosystems().iter().map(ToString::to_string).collect::<Vec<_>>(),
        "size_bytes": database.file_bytes().len(),
        "sizes": advisories::sizes(database),
        "sections": sections,
        "feeds": feeds.iter().zip(states).zip(coverage).map(feed).collect::<Vec<_>>(),
        "old": warned.is_old,
        "end_of_life": warned.ended,
    }))
}

fn print_status(
    database: &Advisories,
    feeds: &[Feed],
    coverage: &[BTreeSet<Ecosystem>],
    states: &[FeedState],
    total: u64,
    old: &BTreeMap<&str, Vec<&str>>,
    directory: Option<&Path>,
) -> Result<(), CommandError> {
    let packages = database.package_count();
    let size = session::size(&database.file_bytes().len().into());
    let newest = advisories::moment(vulndb::newest(feeds, Time::MAX));
    let place = directory.map(|directory| format!(", in {}", Platform::current().abbreviate(directory)));
    let line = format!(
        "Advisories of {newest}: {} of {} from {}, {size}{}",
        output::counted(total, "record"),
        output::counted(u64::from(packages), "package"),
        output::counted(feeds.len() as u64, "feed"),
        place.unwrap_or_default()
    );
    output::print_line(&output::printable(&line))?;
    let column = |title, align, rank| Column { title, align, rank };
    let mut table = Table::new(vec![
        column("FEED", Align::Left, 0),
        column("FORMAT", Align::Left, 3),
        column("RECORDS", Align::Right, 0),
        column("NEWEST", Align::Left, 1),
        column("FETCHED", Align::Left, 2),
        column("OF", Align::Left, 4),
        column("NOT UNDERSTOOD", Align::Right, 5),
    ]);
    for ((feed, state), ecosystems) in feeds.iter().zip(states).zip(coverage) {
        let refused: u64 = feed.problems.iter().map(|(_, count, _)| count).sum();
        table.row(&[
            feed.name.clone(),
            feed.reader.clone(),
            feed.advisories.to_string(),
            advisories::dated(feed.fetched, old.contains_key(feed.name.as_str())),
            advisories::moment(state.good),
            covered(ecosystems),
            refused.to_string(),
        ]);
    }
    output::print_line(table.render(output::width()).trim_end())?;
    for (feed, ecosystems) in feeds.iter().zip(coverage).filter(|(_, ecosystems)| ecosystems.len() > NAMED_MAX) {
        let text = format!("{} is of {}", feed.name, by_family(ecosystems));
        for line in lines(&output::printable(&text), output::line_width()) {
            output::print_line(&line)?;
        }
    }
    for feed in feeds {
        for (reason, count, example) in &feed.problems {
            let times = if *count == 1 { "once".to_owned() } else { format!("{count} times") };
            output::note(&output::printable(&format!("{}: {times} {reason}, as {example}", feed.name)));
        }
    }
    Ok(())
}

/// Ecosystems that are named in the table itself.
const NAMED_MAX: usize = 2;

/// Names ecosystems, the releases of each distribution together.
fn by_family(ecosystems: &BTreeSet<Ecosystem>) -> String {
    let mut families: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for Ecosystem { family, release } in ecosystems {
        families.entry(family.as_str()).or_default().extend(release.as_deref());
    }
    let family = |(family, releases): (&str, Vec<&str>)| match &releases[..] {
        [] => family.to_owned(),
        [release] => format!("{family}:{release}"),
        releases => format!("{family} ({})", releases.join(", ")),
    };
    families.into_iter().map(family).collect::<Vec<_>>().join(", ")
}

/// Breaks a text between its words into lines of a width, of which all but the first are set in.
fn lines(text: &str, width: usize) -> Vec<String> {
    const INDENT: &str = "  ";
    let mut lines: Vec<String> = Vec::new();
    for word in text.split(' ') {
        match lines.last_mut() {
            Some(line) if line.chars().count() + 1 + word.chars().count() <= width => {
                line.push(' ');
                line.push_str(word);
            }
            Some(_) => lines.push(format!("{INDENT}{word}")),
            None => lines.push(word.to_owned()),
        }
    }
    lines
}

/// Names few ecosystems, and counts many.
fn covered(ecosystems: &BTreeSet<Ecosystem>) -> String {
    match ecosystems.len() {
        0 => "-".to_owned(),
        1..=NAMED_MAX => ecosystems.iter().map(ToString::to_string).collect::<Vec<_>>().join(", "),
        count => format!("{count} ecosystems"),
    }
}

impl Diff {
    pub(crate) fn run(self, session: &Session) -> Result<(), CommandError> {
        let open = |path: &Path| advisories::open(Some(path));
        let (old, new): (Advisories, Advisories) = (open(&self.old)?, open(&self.new)?);
        let changed = vulndb::changed_advisories(&old, &new).map_err(advisories::damaged)?;
        let packages = vulndb::changed_packages(&old, &new).map_err(advisories::damaged)?;
        let exploitation = vulndb::changed_exploitation(&old, &new).map_err(advisories::damaged)?;
        match session.format() {
            Format::Json => output::print_json(&json!({
                "advisories": changed.iter().map(|record| json!({
                    "feed": record.feed, "id": record.id, "change": word(record.change),
                })).collect::<Vec<_>>(),
                "packages": packages.iter().map(|(ecosystem, name)| json!({
                    "ecosystem": ecosystem.to_string(), "name": name,
                })).collect::<Vec<_>>(),
                "exploitation": exploitation.iter().map(|one| json!({
                    "id": one.id, "kev": one.exploited.map(word),
                    "epss": one.probability.map(|(old, new)| json!({"old": old.map(rounded), "new": new.map(rounded)})),
                })).collect::<Vec<_>>(),
            }))?,
            Format::Table => {
                let count = |change| changed.iter().filter(|record| record.change == change).count();
                output::print_line(&format!(
                    "{} added, {} changed, {} withdrawn, {} removed; {} to be matched again",
                    output::counted(count(Change::Added).try_into().unwrap_or(u64::MAX), "record"),
                    count(Change::Changed),
                    count(Change::Withdrawn),
                    count(Change::Removed),
                    if packages.len() == 1 {
                        "1 package is".to_owned()
                    } else {
                        format!("{} packages are", packages.len())
                    }
                ))?;
                if !exploitation.is_empty() {
                    output::print_line(&exploited_in_words(&exploitation))?;
                }
                for record in &changed {
                    let text = format!("{:<9}  {}  {}", word(record.change), record.id, record.feed);
                    output::print_line(&output::printable(&text))?;
                }
                for line in exploitation.iter().flat_map(exploitation_lines) {
                    output::print_line(&output::printable(&line))?;
                }
            }
        }
        if changed.is_empty() && packages.is_empty() && exploitation.is_empty() {
            Ok(())
        } else {
            Err(CommandError::silent(Kind::No))
        }
    }
}

/// A change of a probability that is told by itself: smaller ones are of most vulnerabilities every day, and counted.
const PROBABILITY_TOLD_MIN: f32 = 0.1;

/// Returns a probability with the five digits that FIRST states.
fn rounded(probability: f32) -> f64 {
    (f64::from(probability) * 1e5).round() / 1e5
}

/// Says how many vulnerabilities are known otherwise to be exploited, and of how many the probability differs.
fn exploited_in_words(exploitation: &[ChangedExploitation]) -> String {
    let count = |change| exploitation.iter().filter(|one| one.exploited == Some(change)).count();
    let probable = exploitation.iter().filter(|one| one.probability.is_some()).count();
    format!(
        "known to be exploited (KEV): {} added, {} changed, {} removed; probability (EPSS) of {probable} changed",
        count(Change::Added),
        count(Change::Changed),
        count(Change::Removed),
    )
}

/// Returns what is told of one by itself.
fn exploitation_lines(one: &ChangedExploitation) -> Vec<String> {
    let known = one.exploited.map(|change| format!("{:<9}  {}  KEV", word(change), one.id));
    let told = one
        .probability
        .filter(|(old, new)| (new.unwrap_or_default() - old.unwrap_or_default()).abs() >= PROBABILITY_TOLD_MIN);
    let share = |share: Option<f32>| share.map_or_else(|| "none".to_owned(), |share| format!("{share:.3}"));
    let probable =
        told.map(|(old, new)| format!("{:<9}  {}  EPSS {} -> {}", "changed", one.id, share(old), share(new)));
    known.into_iter().chain(probable).collect()
}

fn word(change: Change) -> &'static str {
    match change {
        Change::Added => "added",
        Change::Removed => "removed",
        Change::Changed => "changed",
        Change::Withdrawn => "withdrawn",
    }
}

impl Import {
    pub(crate) fn run(self, session: &Session) -> Result<(), CommandError> {
        let named = if self.file == "-" { "standard input".to_owned() } else { format!("`{}`", self.file) };
        let failed = |error: CommandError| error.doing(format!("failed to import {named}"));
        let acceptance = if self.accept_older { Acceptance::Any } else { Acceptance::Newer };
        let fewer = if self.accept_fewer_feeds { Fewer::Any } else { Fewer::NONE };
        if self.hub {
            return hub::bring(session, &self.file, (acceptance, fewer), self.quiet).map_err(failed);
        }
        let expected = self.digest.as_deref().map(|digest| digest.strip_prefix("sha256:").unwrap_or(digest));
        let store = advisories::store()?;
        let imported = if self.file == "-" {
            store.import(io::stdin().lock(), expected, acceptance, fewer).map_err(CommandError::from)
        } else {
            let file = File::open(&self.file).map_err(|source| CommandError::new(Kind::Environment, source));
            file.and_then(|file| Ok(store.import(file, expected, acceptance, fewer)?))
        };
        let digest = format!("sha256:{}", imported.map_err(failed)?);
        match session.format() {
            Format::Json => output::print_json(&json!({ "digest": digest })),
            Format::Table => output::print_line(&format!("In use: {digest}")),
        }
    }
}

impl Export {
    pub(crate) fn run(self) -> Result<(), CommandError> {
        let database = advisories::open(None)?;
        if self.file == "-" {
            return io::stdout().write_all(database.file_bytes()).map_err(CommandError::output);
        }
        let file = Path::new(&self.file);
        let packed = if file.extension().is_some_and(|extension| extension == "zst") {
            let packed = compress_packed(&database, PACK_LEVEL);
            Some(packed.map_err(|source| CommandError::environment("failed to pack the database", source))?)
        } else {
            None
        };
        output::replace(file, packed.as_deref().unwrap_or_else(|| database.file_bytes()))
            .map_err(|source| CommandError::environment(format!("failed to write `{}`", self.file), source))
    }
}

impl Readers {
    #[expect(clippy::unused_self, reason = "every command is run alike")]
    pub(crate) fn run(self, session: &Session) -> Result<(), CommandError> {
        let readers = vulndb::readers();
        if session.format() == Format::Json {
            let all: Vec<_> =
                readers.iter().map(|reader| json!({ "name": reader.name, "summary": reader.summary })).collect();
            return output::print_json(&all);
        }
        let column = |title, rank| Column { title, align: Align::Left, rank };
        let mut table = Table::new(vec![column("FORMAT", 0), column("READS", 0)]);
        for reader in readers {
            table.row(&[reader.name.to_owned(), reader.summary.to_owned()]);
        }
        output::print_line(table.render(output::width()).trim_end())
    }
}

#[cfg(test)]
mod tests {
    use vulndb::Family;

    use super::*;

    #[test]
    fn what_became_of_exploitation_is_told_in_lines() {
        let of = |id: &str, exploited, probability| ChangedExploitation { id: id.to_owned(), exploited, probability };
        let changed = [
            of("CVE-2026-0001", Some(Change::Added), Some((Some(0.001), Some(0.97)))),
            of("CVE-2026-0002", None, Some((Some(0.2), Some(0.25)))),
            of("CVE-2026-0003", Some(Change::Removed), None),
            of("CVE-2026-0004", None, Some((None, Some(0.5)))),
        ];
        assert_eq!(json!([0.97_f32, 0.00043_f32].map(rounded)).to_string(), "[0.97,0.00043]");
        assert_eq!(
            exploited_in_words(&changed),
            "known to be exploited (KEV): 1 added, 0 changed, 1 removed; probability (EPSS) of 3 changed"
        );
        assert_eq!(
            changed.iter().flat_map(exploitation_lines).collect::<Vec<_>>(),
            [
                "added      CVE-2026-0001  KEV",
                "changed    CVE-2026-0001  EPSS 0.001 -> 0.970",
                "removed    CVE-2026-0003  KEV",
                "changed    CVE-2026-0004  EPSS none -> 0.500",
            ]
        );
    }

    #[test]
    fn ecosystems_are_named_by_family_and_wrapped() {
        let releases = ["10", "11", "12"].map(|release| Ecosystem::release(Family::Debian, release));
        let others =
            [Ecosystem::new(Family::Npm), Ecosystem::release(Family::Alpine, "3.20"), Ecosystem::new(Family::Debian)];
        let text = by_family(&releases.into_iter().chain(others).collect());
        assert_eq!(text, "Alpine:3.20, Debian (10, 11, 12), npm");
        for (width, expected) in [
            (0, &["Alpine:3.20,", "  Debian", "  (10,", "  11,", "  12),", "  npm"][..]),
            (20, &["Alpine:3.20, Debian", "  (10, 11, 12), npm"]),
            (usize::MAX, &[&text]),
        ] {
            assert_eq!(lines(&text, width), expected, "{width}");
        }
    }
}
