use std::collections::BTreeSet;
use std::io;
use std::path::{Path, PathBuf};

use feeds::{Acceptance, Before, Fewer, Refusal, StoreError};
use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde_json::json;
use vulndb::file::{Builder, Database, Feed};
use vulndb::{Reader, Records, Time};

use crate::advisories;
use crate::commands::sbom::source_date;
use crate::error::{CommandError, Kind};
use crate::output::{self, Format, Progress};
use crate::session::{self, Session};

/// Make a database of advisories from documents of their publishers, and use it.
///
/// A feed is a directory, a zip, a tar (also packed by gzip or zstd) or one document. The same documents of the same date give the same
/// database, byte for byte: a feed is as old as it says, else as `--date`, else as its files. What was not understood is counted; `garrison db status`
/// lists it. A feed without a record is an error, and so is one that is older or much smaller than what it takes the place of. The database takes
/// the place of the one in use with all that is in it, so that a feed of that which is not named is an error too.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:
  garrison db build --feed github=osv:advisory-database.tar.gz --feed rustsec=rustsec:./advisory-db
  garrison db build --feed debian=debian-tracker:tracker.json --to advisories.vulndb

`garrison db readers` lists the formats.
Exit codes: 0 done, 1 a feed is older than in the database in use or left out of it, 2 not understood, 3 a feed could not be read, or has no record, or lost most of them.")]
pub(crate) struct Build {
    /// Feed: its name, its format, and where it lies
    #[arg(long = "feed", value_name = "NAME=READER:PATH", required = true)]
    feeds: Vec<String>,
    /// File to write instead of using the database
    #[arg(long, value_name = "FILE")]
    to: Option<PathBuf>,
    /// Take feeds that are older than in the database in use, or have lost most of their records
    #[arg(long)]
    accept_older: bool,
    /// Leave out feeds that the database in use has
    #[arg(long)]
    accept_fewer_feeds: bool,
    /// Date of the feeds that state none, instead of that of their files: `2026-11-29` or with a time; `SOURCE_DATE_EPOCH` unless set
    #[arg(long, value_name = "DATE", value_parser = date)]
    date: Option<Timestamp>,
    /// Say nothing on standard error but errors
    #[arg(short, long)]
    quiet: bool,
}

/// A feed that was asked for.
struct Asked<'a> {
    name: &'a str,
    reader: &'static Reader,
    path: &'a Path,
}

impl Build {
    pub(crate) fn run(self, session: &Session) -> Result<(), CommandError> {
        // Before anything is read: a mistake in a flag should not cost minutes.
        let asked: Vec<Asked<'_>> = self.feeds.iter().map(|text| parse(text)).collect::<Result<_, _>>()?;
        let mut names = BTreeSet::new();
        if let Some(twice) = asked.iter().find(|feed| !names.insert(feed.name)) {
            return Err(CommandError::new(Kind::Usage, format!("two feeds are called `{}`", twice.name)));
        }
        let date = match self.date {
            Some(date) => Some(date),
            None => source_date(std::env::var_os("SOURCE_DATE_EPOCH"))?,
        };
        let date = date.map(Timestamp::as_second);
        let acceptance = if self.accept_older { Acceptance::Any } else { Acceptance::Newer };
        // A file that is written takes the place of nothing that is in use.
        let current = if self.to.is_none() { advisories::store()?.open().ok() } else { None };
        let fewer = if self.accept_fewer_feeds { Fewer::Any } else { Fewer::NONE };
        if let Some(current) = &current {
            let offered: Vec<Feed> =
                asked.iter().map(|feed| feeds::describe(feed.name, feed.reader, "", None)).collect();
            let before = current.feeds().map_err(advisories::damaged)?;
            if let Some(lacking) = fewer.lacking(&offered, &before) {
                return Err(StoreError::Lacking(lacking).into());
            }
        }
        let now = Timestamp::now().as_second();
        let mut builder = Builder::new();
        for feed in &asked {
            let (records, changed) = read(feed, self.quiet)?;
            let newest = records.newest(now).or(date).or(vulndb::believed(changed, now));
            let before = current.as_ref().and_then(|database| Before::of(database, feed.name));
            feeds::judge(feed.reader, &records, newest, before, acceptance, now)
                .map_err(|refusal| refused(feed.name, &refusal))?;
            builder.add(feeds::describe(feed.name, feed.reader, "", newest), records);
        }
        let file = builder.finish().map_err(|error| CommandError::environment("failed to make the database", error))?;
        let digest = match &self.to {
            Some(path) => {
                output::replace(path, &file).map_err(|source| {
                    CommandError::environment(format!("failed to write `{}`", path.display()), source)
                })?;
                None
            }
            None => Some(advisories::store()?.import(file.as_slice(), None, Acceptance::Any, fewer)?),
        };
        let database = Database::open(&file).map_err(advisories::damaged)?;
        report(session, &database, self.to.as_deref(), digest.as_deref())
    }
}

fn date(text: &str) -> Result<Timestamp, String> {
    let day = || text.parse::<jiff::civil::Date>().and_then(|day| TimeZone::UTC.to_timestamp(day.into()));
    text.parse().or_else(|_| day()).map_err(|_| "it is no date as `2026-11-29`".to_owned())
}

fn parse(text: &str) -> Result<Asked<'_>, CommandError> {
    let form = || {
        CommandError::new(Kind::Usage, format!("`{text}` is no feed"))
            .hint("as `github=osv:advisory-database.tar.gz`: a name, a format of `garrison db readers`, and a path")
    };
    let (name, rest) = text.split_once('=').filter(|(name, _)| !name.is_empty()).ok_or_else(form)?;
    let (format, path) = rest.split_once(':').filter(|(_, path)| !path.is_empty()).ok_or_else(form)?;
    let readers = vulndb::readers();
    let reader = readers.iter().find(|reader| reader.name == format).ok_or_else(|| {
        // One that has the word among its own is meant, however much longer it is.
        let has_word = |name: &str| name.split('-').any(|word| word == format);
        let distance = |name: &&str| (!has_word(name), strsim::osa_distance(format, name));
        let nearest = readers.iter().map(|reader| reader.name).min_by_key(distance);
        let hint = nearest.map(|nearest| format!("did you mean `{nearest}`? `garrison db readers` lists all"));
        CommandError::new(Kind::Usage, format!("there is no format `{format}`")).hint(hint.unwrap_or_default())
    })?;
    Ok(Asked { name, reader, path: Path::new(path) })
}

fn refused(feed: &str, refusal: &Refusal) -> CommandError {
    let kind = if matches!(refusal, Refusal::Older { .. }) { Kind::No } else { Kind::Environment };
    CommandError::new(kind, format!("feed `{feed}` is not taken: {}", refusal.in_words()))
        .with_hints(refusal.hint().into_iter().collect())
        .hint("what is in use stays in use")
}

/// Returns what a feed says, and when its files changed last.
fn read(feed: &Asked<'_>, is_quiet: bool) -> Result<(Records, Option<Time>), CommandError> {
    let mut records = Records::default();
    let mut progress = (!is_quiet).then(Progress::passing);
    let read = feeds::read(feed.path, feed.reader, &mut records, &mut |documents| {
        if let Some(progress) = progress.as_mut().filter(|_| documents % PROGRESS_EVERY == 0) {
            progress.update(format!("{}  {documents} documents", feed.name));
        }
    });
    if let Some(progress) = progress {
        progress.clear();
    }
    let read = read.map_err(|error| {
        let is_absent =
            matches!(&error, feeds::DocumentError::Read { source, .. } if source.kind() == io::ErrorKind::NotFound);
        let error = CommandError::new(Kind::Environment, error);
        if is_absent { error.hint("a feed lies on this machine: a directory, an archive or a document") } else { error }
    })?;
    Ok((records, read.changed))
}

/// How many documents are read between two words on a terminal.
const PROGRESS_EVERY: u64 = 256;

fn report<B: AsRef<[u8]>>(
    session: &Session,
    database: &Database<B>,
    path: Option<&Path>,
    digest: Option<&str>,
) -> Result<(), CommandError> {
    let feeds = database.feeds().map_err(advisories::damaged)?;
    let advisories: u64 = feeds.iter().map(|feed| feed.advisories).sum();
    let refused: u64 = feeds.iter().flat_map(|feed| &feed.problems).map(|(_, count, _)| count).sum();
    let bytes = database.file_bytes().len();
    match session.format() {
        Format::Json => output::print_json(&json!({
            "advisories": advisories,
            "packages": database.package_count(),
            "size_bytes": bytes,
            "sizes": advisories::sizes(database),
            "refused": refused,
            "digest": digest.map(|digest| format!("sha256:{digest}")),
            "file": path,
        })),
        Format::Table => {
            let place = path.map_or("in use".to_owned(), |path| format!("written to {}", path.display()));
            let packages = database.package_count();
            let size = session::size(&bytes.into());
            let refused = match refused {
                1 => "1 thing was not understood".to_owned(),
                refused => format!("{refused} things were not understood"),
            };
            let advisories = match advisories {
                1 => "1 advisory".to_owned(),
                advisories => format!("{advisories} advisories"),
            };
            let packages = output::counted(packages.into(), "package");
            output::print_line(&format!("{advisories} of {packages}, {size}, {place}; {refused}"))
        }
    }
}
