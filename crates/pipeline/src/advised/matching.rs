//! The job that matches what waits, and everything again when another database is in use.

use std::sync::Arc;
use std::time::Duration;

use db::Value;
use ledger::jobs::{Context, JobError, Kind, NewJob, NewJobError, Outcome as JobOutcome};
use serde::{Deserialize, Serialize};
use vulndb::file::package_hash;

use super::advisories::Advisories;
use super::keep::{self, About, Batch, Outcome, number_of_package};
use super::state::{self, Finish, MatchState, Progress};
use super::subject::Subject;
use super::{events, owned, totals};
use crate::pipeline::Pipeline;
use ledger::aside::aside;

/// Matches components that wait; all that another database says something else of, when it takes the place of the one in use.
pub const MATCH: Kind = Kind::new("findings.match");

/// From one look to the next. Pushes match their own images, and a new database orders the job.
pub(crate) const MATCH_EVERY: Duration = Duration::from_hours(1);

/// How long another hub that has the database is waited for.
const WAIT: Duration = Duration::from_secs(10);

/// Components that are matched at once.
const COMPONENTS_IN_STEP: i64 = 256;

/// Packages whose components are marked by one write.
const PACKAGES_IN_WRITE: usize = 256;

/// Components that are marked by one write when all are.
const MARKED_IN_WRITE: i64 = 5_000;

/// Vulnerabilities that are compared at once, and written by one write.
const VULNERABILITIES_IN_STEP: i64 = 500;

db::statements! {
    /// Components that wait, after one.
    LIST_PENDING = "SELECT id, subject FROM inventory_components WHERE matched <> 1 AND id > $1 ORDER BY id LIMIT $2";
    /// Components of an image that wait.
    LIST_PENDING_OF_IMAGE = "SELECT c.id, c.subject FROM inventory_image_components h \
        JOIN inventory_components c ON c.id = h.component_id WHERE h.image_id = $1 AND c.matched <> 1 ORDER BY c.id";
    /// When an image came to the first repository that has it.
    FIND_FIRST_PLACED = "SELECT MIN(placed_at_us) FROM inventory_placements WHERE image_id = $1 AND placed_at_us > 0";
    /// Has the components match again that go by some packages.
    MARK_PACKAGES = "UPDATE inventory_components SET matched = 2 WHERE matched = 1 AND id IN \
        (SELECT component_id FROM finding_packages WHERE package_hash IN {list})";
    /// Has components match again, up to a number.
    MARK_ALL = "UPDATE inventory_components SET matched = 2 WHERE matched = 1 AND id > $1 AND id <= $2";
    /// The last component.
    FIND_LAST_COMPONENT = "SELECT COALESCE(MAX(id), 0) FROM inventory_components";
    /// What is said of vulnerabilities, after one.
    LIST_ABOUT = "SELECT id, name, level, score_tenths, probability_millionths, exploited, names_hash FROM finding_vulnerabilities \
        WHERE id > $1 ORDER BY id LIMIT $2";
    /// Says something else of a vulnerability.
    SET_ABOUT = "UPDATE finding_vulnerabilities SET level = $2, score_tenths = $3, probability_millionths = $4, exploited = $5, \
        names_hash = $6 WHERE id = $1";
    /// Whether anything is decided by the names of vulnerabilities.
    FIND_DECIDER = "SELECT project_id FROM finding_deciders LIMIT 1";
    /// Has the components match again that have a vulnerability.
    MARK_VULNERABILITIES = "UPDATE inventory_components SET matched = 2 WHERE matched = 1 AND id IN \
        (SELECT component_id FROM findings WHERE vulnerability_id IN {list})";
    /// Has the images counted again that have a vulnerability.
    STALE_TOTALS_OF_VULNERABILITIES = "UPDATE finding_totals SET fresh = 0 WHERE fresh = 1 AND image_id IN \
        (SELECT h.image_id FROM findings f JOIN inventory_image_components h ON h.component_id = f.component_id \
        WHERE f.vulnerability_id IN {list})";
}

/// By which database is to be matched.
#[derive(Debug, Serialize, Deserialize)]
struct MatchOrder {
    database_sha256: String,
}

/// A damaged database is replaced by the next update; until then there is nothing to match by.
fn damaged(error: &vulndb::file::Corrupt) -> JobError {
    JobError::retry(error)
}

impl Pipeline {
    /// Returns the job that matches by a database what was matched by another.
    ///
    /// # Errors
    /// Never: the order is small.
    pub fn match_order(database_sha256: &str) -> Result<NewJob, NewJobError> {
        NewJob::new(MATCH, &Some(MatchOrder { database_sha256: database_sha256.to_owned() }))?.key(database_sha256)
    }

    pub(crate) async fn run_match(&self, context: &Context) -> Result<JobOutcome, JobError> {
        let order: Option<MatchOrder> = context.payload()?;
        let Some(advisories) = self.advisories() else {
            // Another hub of this installation has it already; this one takes it soon.
            return Ok(order.map_or(JobOutcome::Done, |_| JobOutcome::Again(WAIT)));
        };
        match order {
            Some(order) if order.database_sha256 != advisories.sha256 => {
                let is_older = self.advisories_named(&order.database_sha256).is_some();
                return Ok(if is_older { JobOutcome::Done } else { JobOutcome::Again(WAIT) });
            }
            // Where several hubs share the tables, only what was ordered tells which database is the newer one.
            None if !self.inner.index.is_embedded() => {
                let state = self.match_state().await.map_err(|error| JobError::retry(&error))?;
                if state.is_some_and(|state| !state.is_by(&advisories.sha256)) {
                    return Ok(JobOutcome::Done);
                }
            }
            _ => {}
        }
        let _alone = self.inner.matching.write().await;
        if !self.mark(context, &advisories).await? {
            return Ok(JobOutcome::Done);
        }
        loop {
            if self.match_pending(context, &advisories).await? == Outcome::Overtaken {
                return Ok(JobOutcome::Done);
            }
            owned::match_pairs(self, &advisories, context).await?;
            if context.is_canceled() || state::finish(&self.inner.index, &advisories.sha256).await? != Finish::Waiting {
                break;
            }
        }
        totals::order_counting(self).await?;
        events::forget_old(&self.inner.index).await?;
        // So that nobody who looks for a vulnerability waits for it.
        self.advisories_by_record().await.map_err(|error| JobError::retry(&error))?;
        Ok(JobOutcome::Done)
    }

    /// Finds out what must be matched again; whether this database is the one to match by.
    async fn mark(&self, context: &Context, advisories: &Arc<Advisories>) -> Result<bool, JobError> {
        let index = &self.inner.index;
        let state = self.match_state().await.map_err(|error| JobError::retry(&error))?;
        let marked = match state {
            Some(state) if state.is_by(&advisories.sha256) => match state.progress {
                Progress::Marking => Marks::All,
                Progress::Matching | Progress::Done => Marks::None,
            },
            Some(state) => self.difference(&state, advisories).await?,
            None => Marks::All,
        };
        if let Marks::None = marked {
            return Ok(true);
        }
        self.set_state(advisories, Progress::Marking).await?;
        match marked {
            Marks::None => {}
            Marks::All => {
                let row = index.read(|tx| Box::pin(async move { tx.find(&FIND_LAST_COMPONENT, &[]).await })).await?;
                let last: i64 = row.map_or(Ok(0), |row| row.get(0))?;
                for first in (0..last).step_by(usize::try_from(MARKED_IN_WRITE).unwrap_or(1)) {
                    context.progress(&format!("{first} of {last} components marked"));
                    let end = first + MARKED_IN_WRITE;
                    index
                        .write(move |tx| {
                            Box::pin(async move { tx.execute(&MARK_ALL, &[first.into(), end.into()]).await.map(drop) })
                        })
                        .await?;
                }
            }
            Marks::Packages(hashes) => {
                for chunk in hashes.chunks(PACKAGES_IN_WRITE) {
                    self.write_list(&MARK_PACKAGES, chunk).await?;
                }
            }
        }
        self.refresh_vulnerabilities(context, advisories).await?;
        self.set_state(advisories, Progress::Matching).await?;
        Ok(true)
    }

    async fn set_state(&self, advisories: &Arc<Advisories>, progress: Progress) -> Result<(), db::Error> {
        let advisories = Arc::clone(advisories);
        self.inner
            .index
            .write(move |tx| {
                let advisories = Arc::clone(&advisories);
                Box::pin(async move { state::set(tx, &advisories.sha256, progress).await })
            })
            .await
    }

    async fn write_list(&self, statement: &'static db::Statement, numbers: &[i64]) -> Result<(), db::Error> {
        let list: Arc<Vec<Value>> = Arc::new(numbers.iter().copied().map(Value::from).collect());
        self.inner
            .index
            .write(move |tx| {
                let list = Arc::clone(&list);
                Box::pin(async move { tx.execute_list(statement, &[], &list).await.map(drop) })
            })
            .await
    }

    /// Compares a database with the one that everything was matched by, if that is still at hand.
    async fn difference(&self, state: &MatchState, advisories: &Arc<Advisories>) -> Result<Marks, JobError> {
        let old = self.advisories_named(&state.database_sha256);
        let (Some(old), true, false) = (old, state.is_by(&state.database_sha256), state.progress == Progress::Marking)
        else {
            return Ok(Marks::All);
        };
        let new = Arc::clone(advisories);
        let changed = aside(move || vulndb::changed_packages(&old.database, &new.database)).await?;
        let changed = changed.map_err(|error| damaged(&error))?;
        let hash = |(ecosystem, name): &(vulndb::Ecosystem, String)| number_of_package(package_hash(ecosystem, name));
        Ok(Marks::Packages(changed.iter().map(hash).collect()))
    }

    /// Takes over what a database says of vulnerabilities by themselves, and marks the components whose findings change by it.
    async fn refresh_vulnerabilities(&self, context: &Context, advisories: &Arc<Advisories>) -> Result<(), JobError> {
        let index = &self.inner.index;
        let mut after = 0;
        while !context.is_canceled() {
            let rows = index.read(move |tx| {
                Box::pin(async move { tx.query(&LIST_ABOUT, &[after.into(), VULNERABILITIES_IN_STEP.into()]).await })
            });
            let mut known = Vec::new();
            for row in rows.await? {
                let [level, score_tenths, probability_millionths, exploited, names_hash] =
                    [row.get(2)?, row.get(3)?, row.get(4)?, row.get(5)?, row.get(6)?];
                let about = About { level, score_tenths, probability_millionths, exploited, names_hash };
                known.push((row.get::<i64>(0)?, row.get::<String>(1)?, about));
            }
            let Some((last, ..)) = known.last() else { break };
            after = *last;
            let shared = Arc::clone(advisories);
            let changed = aside(move || {
                let mut changed = Vec::new();
                for (id, name, before) in known {
                    let about = keep::about(&shared.database, &name)?;
                    if about != before {
                        changed.push((id, before, about));
                    }
                }
                Ok(changed)
            });
            let changed = Arc::new(changed.await?.map_err(|error| damaged(&error))?);
            if changed.is_empty() {
                continue;
            }
            index
                .write(move |tx| {
                    let changed = Arc::clone(&changed);
                    Box::pin(async move { set_about(tx, &changed).await })
                })
                .await?;
        }
        Ok(())
    }

    /// Matches every component that waits.
    async fn match_pending(&self, context: &Context, advisories: &Arc<Advisories>) -> Result<Outcome, JobError> {
        let (mut after, mut matched) = (0_i64, 0);
        while !context.is_canceled() {
            let rows = self.inner.index.read(move |tx| {
                Box::pin(async move { tx.query(&LIST_PENDING, &[after.into(), COMPONENTS_IN_STEP.into()]).await })
            });
            let pending = pending(&rows.await?)?;
            let Some((last, _)) = pending.last() else { break };
            after = *last;
            matched += pending.len();
            if self.match_some(advisories, pending, None).await? == Outcome::Overtaken {
                return Ok(Outcome::Overtaken);
            }
            context.progress(&format!("{matched} components matched"));
        }
        Ok(Outcome::Kept)
    }

    async fn match_some(
        &self,
        advisories: &Arc<Advisories>,
        pending: Vec<Pending>,
        first_at_us: Option<i64>,
    ) -> Result<Outcome, JobError> {
        let shared = Arc::clone(advisories);
        let components = pending.iter().map(|(component, _)| *component).collect();
        let before = keep::load_before(&self.inner.index, components).await?;
        let parts = aside(move || {
            let batch = Batch::of(&shared.database, &shared.sha256, &pending, &before);
            batch.map(|batch| batch.first_at(first_at_us).split())
        })
        .await?;
        for part in parts.map_err(|error| damaged(&error))? {
            if keep::keep(&self.inner.index, Arc::new(part)).await? == Outcome::Overtaken {
                return Ok(Outcome::Overtaken);
            }
        }
        Ok(Outcome::Kept)
    }

    /// Matches what no other image held, and counts what this one has.
    pub(crate) async fn match_image(&self, image: i64) -> Result<(), JobError> {
        let Some(advisories) = self.advisories() else { return Ok(()) };
        // The first database of all has nothing to take the place of.
        let index = &self.inner.index;
        let state = self.match_state().await.map_err(|error| JobError::retry(&error))?;
        if state.is_none() {
            self.set_state(&advisories, Progress::Matching).await?;
        }
        let found = index.read(move |tx| {
            Box::pin(async move {
                let first_placed = tx.find(&FIND_FIRST_PLACED, &[image.into()]).await?;
                let first_placed = first_placed.map_or(Ok(None), |row| row.get::<Option<i64>>(0))?;
                Ok::<_, db::Error>((tx.query(&LIST_PENDING_OF_IMAGE, &[image.into()]).await?, first_placed))
            })
        });
        let (rows, first_placed) = found.await?;
        let pending = pending(&rows)?;
        // What came when all was known already has its findings since it came, as the next image with the same has them: that one is told nothing of this
        // one by a moment in between.
        let known_since_us = state.map_or(i64::MAX, |state| state.changed_at_us);
        let first_at_us = first_placed.filter(|placed_at_us| *placed_at_us >= known_since_us);
        // What is overtaken waits for the job that matches by the newer database.
        if !pending.is_empty() && self.match_some(&advisories, pending, first_at_us).await? == Outcome::Kept {
            owned::match_pairs_of_image(self, &advisories, image).await?;
        }
        totals::count_image(self, image).await
    }
}

/// What must be matched again.
enum Marks {
    None,
    All,
    /// What goes by these packages.
    Packages(Vec<i64>),
}

/// A component that waits; nothing to match for one that an older program kept.
type Pending = (i64, Option<Subject>);

fn pending(rows: &[db::Row]) -> Result<Vec<Pending>, db::Error> {
    rows.iter()
        .map(|row| Ok((row.get(0)?, row.get::<Option<Vec<u8>>>(1)?.and_then(|bytes| Subject::from_bytes(&bytes)))))
        .collect()
}

async fn set_about(tx: &mut db::Tx, changed: &[(i64, About, About)]) -> Result<(), db::Error> {
    for (id, _, about) in changed {
        let parameters = [
            (*id).into(),
            about.level.into(),
            about.score_tenths.into(),
            about.probability_millionths.into(),
            about.exploited.into(),
            about.names_hash.into(),
        ];
        tx.execute(&SET_ABOUT, &parameters).await?;
    }
    let all: Vec<Value> = changed.iter().map(|(id, ..)| (*id).into()).collect();
    tx.execute_list(&keep::ORDER_VULNERABILITIES, &[], &all).await?;
    let where_ = |is_other: fn(&About, &About) -> bool| -> Vec<Value> {
        changed.iter().filter(|(_, before, after)| is_other(before, after)).map(|(id, ..)| (*id).into()).collect()
    };
    tx.execute_list(&MARK_VULNERABILITIES, &[], &where_(|before, after| before.level != after.level)).await?;
    let has_deciders = tx.find(&FIND_DECIDER, &[]).await?.is_some();
    let counted = if has_deciders {
        where_(|before, after| (before.exploited, before.names_hash) != (after.exploited, after.names_hash))
    } else {
        where_(|before, after| before.exploited != after.exploited)
    };
    tx.execute_list(&STALE_TOTALS_OF_VULNERABILITIES, &[], &counted).await?;
    Ok(())
}
