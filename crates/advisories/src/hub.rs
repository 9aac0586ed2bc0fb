use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::{Duration, Instant};

use feeds::{BuildError, Choice, ChoiceError, FeedState, FormError, Mapped, Refusal, Store, StoreError};
use futures_util::future::BoxFuture;
use outbound::{FeedError, FeedOptions};
use registry::Registry;
use tenancy::Tenancy;
use tokio::sync::Notify;
use vulndb::file::{Corrupt, Database, Feed};
use vulndb::{DeltaError, Lacking, Older, Time};

use crate::ArtifactError;

/// A database that is in use.
pub type Opened = Arc<Database<Mapped>>;

/// Given each database that comes into use, with its digest in hexadecimal; at a start the one that is. It is given again until it
/// succeeds.
pub type OnDatabase = Arc<
    dyn Fn(String, Database<Mapped>) -> BoxFuture<'static, Result<(), Box<dyn std::error::Error + Send + Sync>>>
        + Send
        + Sync,
>;

/// What an operator sets, and who is told.
#[derive(Clone)]
pub struct Options {
    /// Where databases lie in this process's data directory.
    pub store: Store,
    /// Whether feeds are fetched every day.
    pub daily: bool,
    /// Which feeds, otherwise than by default.
    pub choices: Vec<Choice>,
    /// How they are fetched.
    pub fetching: FeedOptions,
    /// Who is told.
    pub on_database: OnDatabase,
}

/// Why the database of advisories did not change.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The store did not play along.
    #[error("failed to keep the database of advisories")]
    Store(#[from] StoreError),
    /// Feeds gave nothing.
    #[error("failed to build the database of advisories")]
    Build(#[from] BuildError),
    /// The settings do not fit together.
    #[error("failed to plan which feeds are fetched")]
    Plan(#[from] ChoiceError),
    /// Nothing can be fetched at all.
    #[error("failed to prepare for publishers")]
    Fetching(#[from] FeedError),
    /// The registry did not play along.
    #[error("failed to publish the database of advisories")]
    Registry(#[from] registry::Error),
    /// The project could not be made.
    #[error("failed to make the project of the database of advisories")]
    Tenancy(#[from] tenancy::Error),
    /// What was published is not understood.
    #[error("what is published as a database of advisories is none")]
    Artifact(#[from] ArtifactError),
    /// What was brought is no database.
    #[error("what was brought is no database of advisories that this hub reads")]
    Refused(#[from] Corrupt),
    /// What was made or brought is older than what is in use.
    #[error("the database of advisories is older than the one that the hub has")]
    Older(#[from] Older),
    /// What was made or brought lacks feeds of what is in use.
    #[error("the database of advisories has fewer feeds than the one that the hub has")]
    Lacking(#[from] Lacking),
    /// Of no feed anything was taken, so that what is in use is all that is known.
    #[error("no feed gave anything new; of `{feed}` nothing was taken")]
    NothingNew {
        /// One of them.
        feed: String,
        /// Why.
        source: Box<Refusal>,
    },
    /// What was made or brought says nothing of any package.
    #[error("the database of advisories speaks of no package")]
    Empty,
    /// What was brought is larger than any that is taken.
    #[error("what was brought is larger than {limit} bytes")]
    TooLarge {
        /// The limit.
        limit: u64,
    },
    /// It could not be packed.
    #[error("failed to pack the database of advisories")]
    Packed(#[source] FormError),
    /// A delta could not be made.
    #[error("failed to compare two databases of advisories")]
    Delta(#[from] DeltaError),
    /// A file could not be read or written.
    #[error("failed to {doing}")]
    Io {
        /// What was being done.
        doing: &'static str,
        /// Why it failed.
        source: std::io::Error,
    },
    /// Whoever matches could not.
    #[error("failed to match what is stored against the new database of advisories")]
    Match(#[source] Box<dyn std::error::Error + Send + Sync>),
}

/// What is known of the hub's advisories.
#[derive(Debug, Clone, Default)]
pub struct Status {
    /// The digest of the database in use, in hexadecimal.
    pub digest: Option<String>,
    /// Its feeds, those of scores with how many vulnerabilities they speak of; a date that nothing can have yet is none.
    pub feeds: Vec<Feed>,
    /// Its bytes.
    pub size_bytes: u64,
    /// Packages that something is said of.
    pub packages: u32,
    /// What this process knows of each feed, by name; of a replica that does not fetch, nothing.
    pub states: std::collections::BTreeMap<String, FeedState>,
}

impl Status {
    /// Returns when the newest record was made or changed.
    pub fn newest(&self) -> Option<Time> {
        vulndb::newest(&self.feeds, Time::MAX)
    }
}

/// The hub's database of advisories. A clone is the same one.
#[derive(Clone)]
pub struct Advisories {
    pub(crate) inner: Arc<Inner>,
}

pub(crate) struct Inner {
    pub(crate) registry: Registry,
    pub(crate) tenancy: Tenancy,
    pub(crate) options: Options,
    pub(crate) current: RwLock<Option<(String, Opened)>>,
    /// The digest of the database that whoever matches was given last, and took.
    pub(crate) told: Mutex<Option<String>>,
    /// One at a time follows.
    pub(crate) following: tokio::sync::Mutex<()>,
    /// Something was published here.
    pub(crate) published: Notify,
    pub(crate) started: Instant,
    /// When a failure was last told in the log.
    pub(crate) warned: Mutex<Option<Instant>>,
}

/// A failure that goes on is told once in so long.
const WARN_EVERY: Duration = Duration::from_hours(24);

impl Advisories {
    /// Opens what is in the store. One that cannot be read is as if there were none: it is fetched again.
    pub fn new(registry: Registry, tenancy: Tenancy, options: Options) -> Self {
        let current = match options.store.open_current() {
            Ok((digest, database)) => Some((digest, Arc::new(database))),
            Err(StoreError::Missing { .. }) => None,
            Err(error) => {
                tracing::warn!(error = &error as &dyn std::error::Error, "the database of advisories cannot be read");
                None
            }
        };
        Self {
            inner: Arc::new(Inner {
                registry,
                tenancy,
                options,
                current: RwLock::new(current),
                told: Mutex::default(),
                following: tokio::sync::Mutex::default(),
                published: Notify::new(),
                started: Instant::now(),
                warned: Mutex::default(),
            }),
        }
    }

    /// Returns the database in use.
    pub fn current(&self) -> Option<Opened> {
        self.in_use().map(|(_, database)| database)
    }

    pub(crate) fn in_use(&self) -> Option<(String, Opened)> {
        self.inner.current.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Returns what is known of the database and its feeds. It reads files.
    ///
    /// # Errors
    /// When the database is damaged.
    pub fn status(&self) -> Result<Status, Corrupt> {
        let states = self.inner.options.store.cache().states();
        let Some((digest, database)) = self.in_use() else { return Ok(Status { states, ..Status::default() }) };
        let mut feeds = database.feeds()?;
        let now = jiff::Timestamp::now().as_second();
        for feed in &mut feeds {
            feed.advisories = database.records_of(feed)?;
            feed.fetched = vulndb::believed(feed.fetched, now);
        }
        Ok(Status {
            digest: Some(digest),
            feeds,
            size_bytes: database.file_bytes().len() as u64,
            packages: database.package_count(),
            states,
        })
    }

    /// Tells a failure in the log, unless one was told lately.
    pub(crate) fn warn(&self, error: &(dyn std::error::Error + 'static)) {
        let mut warned = self.inner.warned.lock().unwrap_or_else(PoisonError::into_inner);
        if warned.is_none_or(|warned| warned.elapsed() >= WARN_EVERY) {
            *warned = Some(Instant::now());
            tracing::warn!(error, "advisories are not as new as they could be; the last good ones stay in use");
        }
    }
}
