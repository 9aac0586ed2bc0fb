//! From publishers to a database: what comes is taken only if its reader understands it, and what was good stays until then.

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;

use outbound::FeedClient;
use vulndb::file::{Builder, Database, Feed, TooLarge};
use vulndb::{Advisory, Reader, Records, Time, believed};

use crate::cache::{CacheLock, FeedState};
use crate::documents;
use crate::fetch::{self, FetchError, Fetched};
use crate::judgement::{Acceptance, Before, Refusal, judge};
use crate::plan::{Choice, Place, PlannedFeed};

/// Where an update is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Progress<'a> {
    /// Bytes of a feed have come.
    Fetching {
        /// The feed.
        feed: &'a str,
        /// How many.
        bytes: u64,
    },
    /// Documents of a feed were read.
    Reading {
        /// The feed.
        feed: &'a str,
        /// How many.
        documents: u64,
    },
}

/// A feed whose documents are here, or why they are not.
#[derive(Debug)]
pub struct FetchedFeed {
    plan: PlannedFeed,
    documents: Result<Vec<Fetched>, FetchError>,
}

/// Fetches all feeds, one after another. What fails costs no other.
pub async fn fetch(
    lock: &CacheLock,
    client: &FeedClient,
    plan: Vec<PlannedFeed>,
    progress: &mut (dyn FnMut(Progress<'_>) + Send),
) -> Vec<FetchedFeed> {
    let mut fetched = Vec::new();
    for feed in plan {
        let name = feed.name.clone();
        let mut tell = |bytes| progress(Progress::Fetching { feed: &name, bytes });
        let documents = fetch::fetch(lock, client, &feed, &mut tell).await;
        fetched.push(FetchedFeed { plan: feed, documents });
    }
    fetched
}

/// What came of a feed.
#[derive(Debug)]
pub struct BuiltFeed {
    /// Its name.
    pub name: String,
    /// What a choice calls it by.
    pub source: String,
    /// The name of the reader that understands it.
    pub reader: &'static str,
    /// How many records of it are in the database.
    pub records: u64,
    /// Why what came was not taken. The last good one is in the database then, if there ever was one.
    pub refusal: Option<Refusal>,
}

/// A database that was made of feeds.
pub struct Built {
    /// The file.
    pub file: Vec<u8>,
    /// What came of each feed that was asked for.
    pub feeds: Vec<BuiltFeed>,
    /// What was not asked for and is in it as it is in the database in use.
    pub kept: Vec<KeptFeed>,
    /// What the database in use has and this one has not.
    pub gone: Vec<(String, Gone)>,
}

/// A feed that nobody asked for, and that stays as it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeptFeed {
    /// Its name.
    pub name: String,
    /// How many records it has.
    pub records: u64,
    /// How old it is.
    pub newest: Option<Time>,
}

/// Why a feed of the database in use is not in the one that takes its place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Gone {
    /// [A choice leaves it out](Choice::leaves_out).
    LeftOut,
    /// Another feed of scores of the same kind came, of which there is one of each.
    Replaced,
    /// What the database in use has of it cannot be read any more.
    Damaged,
}

/// Why no database was made.
#[derive(Debug, thiserror::Error)]
pub enum BuildError {
    /// No feed that speaks of packages gave anything, now or ever.
    #[error("no feed gave anything")]
    Nothing {
        /// Each feed with its reason.
        refusals: Vec<(String, Refusal)>,
    },
    /// There is more than fits.
    #[error("failed to make the database")]
    TooLarge(#[from] TooLarge),
}

/// Makes a database of what came, and of what was good before where that is not taken. `current` is the one in use: what it has of feeds that were not
/// asked for stays as it is, unless one of the `choices` leaves them out.
///
/// This reads all documents, and holds all records in memory.
pub fn build<B: AsRef<[u8]>>(
    lock: &CacheLock,
    fetched: Vec<FetchedFeed>,
    choices: &[Choice],
    current: Option<&Database<B>>,
    acceptance: Acceptance,
    now: Time,
    progress: &mut dyn FnMut(Progress<'_>),
) -> Result<Built, BuildError> {
    let mut building =
        Building { lock, acceptance, now, builder: Builder::new(), current: Kept::new(current), progress };
    let mut feeds = Vec::new();
    for feed in fetched {
        feeds.push(building.feed(feed));
    }
    let (kept, gone) = building.rest(&feeds, choices);
    // Scores of vulnerabilities that no package has find nothing, which looks as if there were nothing.
    if !building.builder.has_packages() {
        let refusals = feeds.into_iter().filter_map(|feed| Some((feed.name, feed.refusal?))).collect();
        return Err(BuildError::Nothing { refusals });
    }
    Ok(Built { file: building.builder.finish()?, feeds, kept, gone })
}

/// What a reader made of a feed.
struct ReadFeed {
    records: Records,
    /// How old it is: by what stands in it, else by when its documents changed last.
    newest: Option<Time>,
}

struct Building<'a, B> {
    lock: &'a CacheLock,
    acceptance: Acceptance,
    now: Time,
    builder: Builder,
    current: Kept<'a, B>,
    progress: &'a mut dyn FnMut(Progress<'_>),
}

impl<B: AsRef<[u8]>> Building<'_, B> {
    fn feed(&mut self, fetched: FetchedFeed) -> BuiltFeed {
        let FetchedFeed { plan, documents } = fetched;
        let mut state = self.lock.cache().state(&plan.name);
        state.asked = Some(self.now);
        let before = self.before(&plan, &state);
        let taken = documents.map_err(Refusal::from).and_then(|documents| {
            let paths: Vec<PathBuf> = documents.iter().map(Fetched::path).collect();
            let taken = self.read(&plan, &paths).and_then(|read| {
                judge(plan.reader, &read.records, read.newest, before, self.acceptance, self.now)?;
                Ok(read)
            });
            settle(&documents, taken.is_ok(), &mut state);
            taken
        });
        let (records, refusal) = match taken {
            Ok(read) => {
                state.good = Some(self.now);
                state.error = None;
                state.records = read.records.count();
                state.newest = read.newest;
                self.add(&plan, read);
                (state.records, None)
            }
            Err(refusal) => {
                state.error = Some(refusal.in_words());
                (self.last_good(&plan), Some(refusal))
            }
        };
        // What is forgotten is fetched and judged again.
        let _not_kept = self.lock.keep_state(&plan.name, &state);
        BuiltFeed { name: plan.name, source: plan.source, reader: plan.reader.name, records, refusal }
    }

    fn read(&mut self, plan: &PlannedFeed, paths: &[PathBuf]) -> Result<ReadFeed, Refusal> {
        let (mut records, mut before, mut changed) = (Records::default(), 0, None);
        for path in paths {
            let progress = &mut self.progress;
            let mut tell = |documents| progress(Progress::Reading { feed: &plan.name, documents: before + documents });
            let read = documents::read(path, plan.reader, &mut records, &mut tell)?;
            before += read.documents;
            changed = changed.max(read.changed);
        }
        let newest = records.newest(self.now).or(believed(changed, self.now));
        Ok(ReadFeed { records, newest })
    }

    fn add(&mut self, plan: &PlannedFeed, read: ReadFeed) {
        let feed = describe(&plan.name, plan.reader, &plan.address, read.newest);
        self.builder.add(feed, read.records);
    }

    /// Returns what is known of what was taken before, or of what the database in use has where that is newer: one may have been brought.
    fn before(&self, plan: &PlannedFeed, state: &FeedState) -> Option<Before> {
        let dated = |before: Before| Before { newest: believed(before.newest, self.now), ..before };
        let taken = state.good.map(|_| dated(Before { records: state.records, newest: state.newest }));
        let in_use = self.current.database.and_then(|database| Before::of(database, &plan.name)).map(dated);
        match (taken, in_use) {
            (Some(taken), Some(in_use)) => Some(if in_use.newest > taken.newest { in_use } else { taken }),
            (taken, in_use) => taken.or(in_use),
        }
    }

    /// Adds what was good before: of the documents that were taken, or of the database in use where that is newer. Returns how many records that is.
    fn last_good(&mut self, plan: &PlannedFeed) -> u64 {
        let paths: Option<Vec<PathBuf>> = plan
            .documents
            .iter()
            .map(|place| match place {
                Place::Address(address) => {
                    Some(self.lock.cache().document(&plan.name, address).taken()).filter(|path| path.is_file())
                }
                Place::Path(_) => None,
            })
            .collect();
        let in_use = self.current.find(&plan.name);
        if let Some(Ok(read)) = paths.map(|paths| self.read(plan, &paths))
            && in_use.is_none_or(|in_use| read.newest >= believed(in_use.fetched, self.now))
        {
            let count = read.records.count();
            self.add(plan, read);
            return count;
        }
        self.current.add(&plan.name, &mut self.builder).unwrap_or_default()
    }

    /// Adds what the database in use has besides.
    fn rest(&mut self, built: &[BuiltFeed], choices: &[Choice]) -> (Vec<KeptFeed>, Vec<(String, Gone)>) {
        let (mut kept, mut gone) = (Vec::new(), Vec::new());
        for Feed { name, reader, fetched: newest, .. } in self.current.besides(built) {
            if choices.iter().any(|choice| choice.leaves_out(&name)) {
                gone.push((name, Gone::LeftOut));
            } else if is_of_scores(&reader) && built.iter().any(|feed| feed.reader == reader && feed.records > 0) {
                gone.push((name, Gone::Replaced));
            } else if let Some(records) = self.current.add(&name, &mut self.builder) {
                kept.push(KeptFeed { name, records, newest });
            } else {
                gone.push((name, Gone::Damaged));
            }
        }
        (kept, gone)
    }
}

/// Scores belong to vulnerabilities, not to a record; one publisher has each kind.
fn is_of_scores(reader: &str) -> bool {
    matches!(reader, "epss" | "kev")
}

/// What is taken takes the place of what was; what is not goes. A stop in between leaves documents each of which was good.
fn settle(documents: &[Fetched], is_taken: bool, state: &mut FeedState) {
    for fetched in documents {
        let Fetched::New { document, address, validators } = fetched else { continue };
        let done = if is_taken { document.take() } else { document.refuse() };
        // One that could not be moved is fetched again.
        if is_taken && done.is_ok() {
            state.documents.insert(address.clone(), validators.clone());
        } else if is_taken {
            state.documents.remove(address);
        }
    }
}

/// What the database in use has of each feed; read only when it is needed.
struct Kept<'a, B> {
    database: Option<&'a Database<B>>,
    feeds: Option<BTreeMap<String, (Feed, Vec<Advisory>)>>,
}

impl<'a, B: AsRef<[u8]>> Kept<'a, B> {
    fn new(database: Option<&'a Database<B>>) -> Self {
        Self { database, feeds: None }
    }

    /// Returns the feeds that are not among those that were asked for. Reads no record.
    fn besides(&self, built: &[BuiltFeed]) -> Vec<Feed> {
        let feeds = self.database.map(Database::feeds).and_then(Result::ok).unwrap_or_default();
        feeds.into_iter().filter(|feed| !built.iter().any(|asked| asked.name == feed.name)).collect()
    }

    /// Returns what a feed that it has is. Reads no record.
    fn find(&self, name: &str) -> Option<Feed> {
        self.database?.feeds().ok()?.into_iter().find(|feed| feed.name == name)
    }

    /// Adds what there is of a feed.
    fn add(&mut self, name: &str, builder: &mut Builder) -> Option<u64> {
        if self.feeds.is_none() {
            // One that cannot be read has nothing to give.
            self.feeds = Some(self.database?.feeds_with_advisories().ok()?);
        }
        let (feed, advisories) = self.feeds.as_mut()?.remove(name)?;
        let mut count = advisories.len() as u64;
        let scores = match feed.reader.as_str() {
            "epss" => (self.database?.probabilities().ok()?, Vec::new()),
            "kev" => (Vec::new(), self.database?.exploited().ok()?),
            _ => (Vec::new(), Vec::new()),
        };
        count += (scores.0.len() + scores.1.len()) as u64;
        builder.keep(feed, advisories);
        builder.keep_scores(scores.0, scores.1);
        Some(count)
    }
}

/// Describes a feed that is as old as `newest`, whenever it was fetched: the same documents give the same database.
pub fn describe(name: &str, reader: &Reader, address: &str, newest: Option<Time>) -> Feed {
    Feed {
        name: name.to_owned(),
        reader: reader.name.to_owned(),
        address: address.to_owned(),
        fetched: newest,
        advisories: 0,
        problems: Vec::new(),
    }
}

impl fmt::Debug for Built {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Built")
            .field("bytes", &self.file.len())
            .field("feeds", &self.feeds)
            .field("kept", &self.kept)
            .field("gone", &self.gone)
            .finish()
    }
}

impl Built {
    /// Returns the feeds of which there is nothing, now or ever.
    pub fn missing(&self) -> impl Iterator<Item = (&BuiltFeed, &Refusal)> {
        let missing = self.feeds.iter().filter(|feed| feed.records == 0);
        missing.filter_map(|feed| Some((feed, feed.refusal.as_ref()?)))
    }

    /// Returns whether nothing was taken of any feed that was asked for: what it says is what was known before.
    pub fn is_of_before(&self) -> bool {
        self.feeds.iter().all(|feed| feed.refusal.is_some())
    }

    /// Returns the feeds of which what came was not taken.
    pub fn refusals(&self) -> impl Iterator<Item = (&str, &Refusal)> {
        self.feeds.iter().filter_map(|feed| Some((feed.name.as_str(), feed.refusal.as_ref()?)))
    }
}
