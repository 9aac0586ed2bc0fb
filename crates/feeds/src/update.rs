//! From publishers to a database: what comes is taken only if its reader understands it, and what was good stays until then.

use std::collections::BTreeMap;
use std::fmt::{self, Write as _};
use std::path::PathBuf;

use outbound::FeedClient;
use vulndb::file::{Builder, Database, Feed, TooLarge};
use vulndb::{Advisory, Records, Time};

use crate::cache::{CacheLock, FeedState};
use crate::documents::{self, DocumentError};
use crate::fetch::{self, FetchError, Fetched};
use crate::plan::{Place, PlannedFeed};

/// A feed that has less than one record where it had so many is not believed: what broke off mostly looks whole.
const SHRINK_MAX: u64 = 2;

/// Feeds with fewer records than this may shrink as they like.
const SHRINK_FROM: u64 = 20;

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

/// Why what came of a feed was not taken.
#[derive(Debug, thiserror::Error)]
pub enum Refusal {
    /// It did not come.
    #[error(transparent)]
    Fetch(#[from] FetchError),
    /// It cannot be read.
    #[error(transparent)]
    Read(#[from] DocumentError),
    /// Its reader found nothing that it knows.
    #[error("nothing in it is of the format `{reader}`")]
    Nothing {
        /// The reader's name.
        reader: &'static str,
    },
    /// It is older than what was taken before.
    #[error("its newest record is of {}, that of the last good one is of {}", day(*.newest), day(Some(*.before)))]
    Older {
        /// When its newest record was made or changed.
        newest: Option<Time>,
        /// The same of what was taken before.
        before: Time,
    },
    /// It has far fewer records than what was taken before.
    #[error("it has {records} records, the last good one has {before}")]
    Shrunk {
        /// How many it has.
        records: u64,
        /// How many were taken before.
        before: u64,
    },
}

impl Refusal {
    /// Returns what the user can do about it.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Fetch(error) => error.hint(),
            Self::Older { .. } | Self::Shrunk { .. } => {
                Some("`--accept-older` takes it all the same, once you know why".to_owned())
            }
            Self::Read(_) | Self::Nothing { .. } => None,
        }
    }

    /// Returns it with its causes, in a line.
    pub fn in_words(&self) -> String {
        let mut text = self.to_string();
        let mut cause = std::error::Error::source(self);
        while let Some(error) = cause {
            let _infallible = write!(text, ": {error}");
            cause = error.source();
        }
        text
    }
}

fn day(time: Option<Time>) -> String {
    let moment = time.and_then(|seconds| jiff::Timestamp::from_second(seconds).ok());
    moment.map_or_else(|| "no known day".to_owned(), |moment| moment.strftime("%Y-%m-%d %H:%M").to_string())
}

/// What is taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Acceptance {
    /// What is not older than what was taken before, and has not lost most of its records.
    Newer,
    /// Whatever its reader understands.
    Any,
}

/// What came of a feed.
#[derive(Debug)]
pub struct BuiltFeed {
    /// Its name.
    pub name: String,
    /// How many records of it are in the database.
    pub records: u64,
    /// Why what came was not taken. The last good one is in the database then, if there ever was one.
    pub refusal: Option<Refusal>,
}

/// A database that was made of feeds.
pub struct Built {
    /// The file.
    pub file: Vec<u8>,
    /// What came of each feed.
    pub feeds: Vec<BuiltFeed>,
}

/// Why no database was made.
#[derive(Debug, thiserror::Error)]
pub enum BuildError {
    /// No feed gave anything, now or ever.
    #[error("no feed gave anything")]
    Nothing {
        /// Each feed with its reason.
        refusals: Vec<(String, Refusal)>,
    },
    /// There is more than fits.
    #[error("failed to make the database")]
    TooLarge(#[from] TooLarge),
}

/// Makes a database of what came, and of what was good before where that is not taken. `current` is the one in use.
///
/// This reads all documents, and holds all records in memory.
pub fn build<B: AsRef<[u8]>>(
    lock: &CacheLock,
    fetched: Vec<FetchedFeed>,
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
    if feeds.iter().all(|feed| feed.records == 0) {
        let refusals = feeds.into_iter().filter_map(|feed| Some((feed.name, feed.refusal?))).collect();
        return Err(BuildError::Nothing { refusals });
    }
    Ok(Built { file: building.builder.finish()?, feeds })
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
        let taken = documents.map_err(Refusal::from).and_then(|documents| {
            let paths: Vec<PathBuf> = documents.iter().map(Fetched::path).collect();
            let taken = self.read(&plan, &paths).and_then(|records| self.judge(&plan, &state, records));
            settle(&documents, taken.is_ok(), &mut state);
            taken
        });
        let name = plan.name.clone();
        let (records, refusal) = match taken {
            Ok(records) => {
                let count = count(&records);
                state.good = Some(self.now);
                state.error = None;
                state.records = count;
                state.newest = newest(&records);
                self.builder.add(described(&plan, &records), records);
                (count, None)
            }
            Err(refusal) => {
                state.error = Some(refusal.in_words());
                (self.last_good(&plan), Some(refusal))
            }
        };
        // What is forgotten is fetched and judged again.
        let _not_kept = self.lock.keep_state(&name, &state);
        BuiltFeed { name, records, refusal }
    }

    fn read(&mut self, plan: &PlannedFeed, paths: &[PathBuf]) -> Result<Records, Refusal> {
        let (mut records, mut before) = (Records::default(), 0);
        for path in paths {
            let progress = &mut self.progress;
            let mut tell = |documents| progress(Progress::Reading { feed: &plan.name, documents: before + documents });
            before += documents::read(path, plan.reader, &mut records, &mut tell)?;
        }
        Ok(records)
    }

    fn judge(&self, plan: &PlannedFeed, state: &FeedState, records: Records) -> Result<Records, Refusal> {
        let (count, newest) = (count(&records), newest(&records));
        if count == 0 && !records.problems.is_empty() {
            return Err(Refusal::Nothing { reader: plan.reader.name });
        }
        if self.acceptance == Acceptance::Any {
            return Ok(records);
        }
        match state.newest {
            Some(before) if newest < Some(before) => return Err(Refusal::Older { newest, before }),
            _ => {}
        }
        if state.records >= SHRINK_FROM && count < state.records / SHRINK_MAX {
            return Err(Refusal::Shrunk { records: count, before: state.records });
        }
        Ok(records)
    }

    /// Adds what was good before: of the documents that were taken, else of the database in use. Returns how many records that is.
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
        if let Some(Ok(records)) = paths.map(|paths| self.read(plan, &paths)) {
            let count = count(&records);
            self.builder.add(described(plan, &records), records);
            return count;
        }
        self.current.add(&plan.name, &mut self.builder).unwrap_or_default()
    }
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

    /// Adds what there is of a feed.
    fn add(&mut self, name: &str, builder: &mut Builder) -> Option<u64> {
        if self.feeds.is_none() {
            // One that cannot be read has nothing to give.
            self.feeds = Some(self.database?.feeds_with_advisories().ok()?);
        }
        let (feed, advisories) = self.feeds.as_mut()?.remove(name)?;
        let mut count = advisories.len() as u64;
        // Scores belong to vulnerabilities, not to a record; one publisher has each kind.
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

fn count(records: &Records) -> u64 {
    (records.advisories.len() + records.probabilities.len() + records.exploited.len()) as u64
}

fn newest(records: &Records) -> Option<Time> {
    let advisories = records.advisories.iter().filter_map(|advisory| advisory.modified.max(advisory.published));
    advisories.chain(records.exploited.iter().filter_map(|entry| entry.added)).max()
}

/// A feed is as old as its newest record, whenever it was fetched: the same documents give the same database.
fn described(plan: &PlannedFeed, records: &Records) -> Feed {
    Feed {
        name: plan.name.clone(),
        reader: plan.reader.name.to_owned(),
        address: plan.address.clone(),
        fetched: newest(records),
        advisories: 0,
        problems: Vec::new(),
    }
}

impl fmt::Debug for Built {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Built").field("bytes", &self.file.len()).field("feeds", &self.feeds).finish()
    }
}

impl Built {
    /// Returns the feeds of which what came was not taken.
    pub fn refusals(&self) -> impl Iterator<Item = (&str, &Refusal)> {
        self.feeds.iter().filter_map(|feed| Some((feed.name.as_str(), feed.refusal.as_ref()?)))
    }
}
