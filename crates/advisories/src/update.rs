//! What one replica does once a day, or when it is told to.

use std::time::Duration;

use feeds::{Acceptance, Fewer, Progress};
use ledger::jobs::{Context, JobError, Kind, NewJob, Outcome, Runner};
use outbound::FeedClient;
use serde::{Deserialize, Serialize};

use crate::hub::{Advisories, Error};
use crate::publish::blocking;

/// Fetches what is new, builds the database and publishes it.
pub const UPDATE: Kind = Kind::new("advisories.update").priority(150).attempts_max(3);

const UPDATE_EVERY: Duration = Duration::from_hours(24);

/// A start serves first.
const AFTER_START: Duration = Duration::from_mins(1);

/// What an update is asked to do.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Order {
    /// Whether somebody waits for it.
    pub(crate) is_asked_for: bool,
    /// Whether feeds are taken that are older than what was taken before.
    pub(crate) accept_older: bool,
}

impl Advisories {
    /// Adds the handler, and the schedule unless it is off.
    #[must_use]
    pub fn with_jobs(&self, runner: Runner) -> Runner {
        let updates = self.clone();
        let runner = runner.limited_handler(UPDATE, 1, move |context| {
            let advisories = updates.clone();
            Box::pin(async move { advisories.run(&context).await })
        });
        if self.inner.options.daily { runner.schedule(UPDATE, UPDATE_EVERY) } else { runner }
    }

    /// Orders an update, in the transaction that records who wanted it. While one waits, it is that one.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn order_update(&self, database: &db::Db, accept_older: bool, actor: &str) -> Result<i64, JobError> {
        let actor = actor.to_owned();
        database
            .write(move |tx| {
                let actor = actor.clone();
                Box::pin(async move {
                    let order = Order { is_asked_for: true, accept_older };
                    let job = NewJob::new(UPDATE, &order).map_err(|error| JobError::permanent(&error))?;
                    let job = job.key("asked").map_err(|error| JobError::permanent(&error))?;
                    let id = ledger::jobs::enqueue(tx, &job).await?;
                    let record = ledger::audit::Record::allowed(&actor, "advisories.update", "system")
                        .detail("accept_older", accept_older)
                        .detail("job", id);
                    ledger::audit::record(tx, record).await?;
                    Ok(id)
                })
            })
            .await
    }

    async fn run(&self, context: &Context) -> Result<Outcome, JobError> {
        let order: Order = context.payload().unwrap_or_default();
        let running = self.inner.started.elapsed();
        if !order.is_asked_for && running < AFTER_START {
            return Ok(Outcome::Again(AFTER_START.saturating_sub(running)));
        }
        match self.update(order, context).await {
            Ok(()) => Ok(Outcome::Done),
            Err(error) => {
                self.warn(&error);
                // What is older stays so, and who waits is told why at once.
                let is_told_at_once = order.is_asked_for && matches!(error, Error::NothingNew { .. });
                Err(if is_told_at_once || matches!(error, Error::Older(_)) {
                    JobError::permanent(&error)
                } else {
                    JobError::retry(&error)
                })
            }
        }
    }

    async fn update(&self, order: Order, context: &Context) -> Result<(), Error> {
        let options = &self.inner.options;
        let now = jiff::Timestamp::now();
        let year = jiff::tz::Offset::UTC.to_datetime(now).year();
        let plan = feeds::plan(&options.choices, None, year)?;
        let client = FeedClient::new(options.fetching.clone())?;
        let lock = options.store.cache().lock()?;
        let mut tell = |progress: Progress<'_>| {
            if let Progress::Fetching { feed, bytes } = progress {
                context.progress(&format!("{feed}: {bytes} bytes fetched"));
            }
        };
        let fetched = feeds::fetch(&lock, &client, plan, &mut tell).await;
        context.progress("building");
        // What another replica published meanwhile is what is built on.
        if let Err(error) = self.follow().await {
            self.warn(&error);
        }
        let current = self.current();
        let acceptance = if order.accept_older { Acceptance::Any } else { Acceptance::Newer };
        let choices = options.choices.clone();
        let has_any = current.is_some();
        let mut built = blocking(move || {
            let current = current.as_deref();
            Ok(feeds::build(&lock, fetched, &choices, current, acceptance, now.as_second(), &mut |_| {})?)
        })
        .await?;
        for (feed, why) in &built.gone {
            tracing::info!(feed, ?why, "a feed is in the database of advisories no more");
        }
        if has_any && built.is_of_before() {
            let refused = built.feeds.iter_mut().find_map(|feed| Some((feed.name.clone(), feed.refusal.take()?)));
            if let Some((feed, source)) = refused {
                return Err(Error::NothingNew { feed, source: Box::new(source) });
            }
        }
        for (feed, refusal) in built.refusals() {
            tracing::info!(feed, error = refusal as &dyn std::error::Error, "a feed keeps its last good state");
        }
        if let Some((_, refusal)) = built.feeds.iter().find_map(|feed| Some((&feed.name, feed.refusal.as_ref()?))) {
            self.warn(refusal);
        }
        let gone: Vec<String> = built.gone.into_iter().map(|(name, _)| name).collect();
        self.publish(built.file, acceptance, Fewer::Only(&gone)).await?;
        self.follow().await
    }
}
