//! The registry's durable work. Every step may run twice: it takes what is due and finds nothing the second time.

use std::time::{Duration, Instant};

use ledger::jobs::{Context, JobError, Kind, NewJob, Outcome, Runner};
use oci::Digest;
use serde::{Deserialize, Serialize};

use crate::collect::Collected;
use crate::error::Error;
use crate::fsck::Fsck;
use crate::repositories::Registry;
use crate::statements as sql;

/// Frees what nothing references.
pub const COLLECT: Kind = Kind::new("collect");
/// Ends uploads that receive nothing any more.
pub const EXPIRE_UPLOADS: Kind = Kind::new("uploads.expire");
/// Erases a deleted repository's rows.
pub const ERASE_REPOSITORY: Kind = Kind::new("repository.erase");
/// Offers a deleted subject's referrers to collection.
pub const OFFER_REFERRERS: Kind = Kind::new("referrers.offer");
/// Unlinks files that no row names.
pub const SWEEP_ORPHANS: Kind = Kind::new("orphans.sweep");
/// Checks everything that is stored.
pub const FSCK: Kind = Kind::new("fsck").attempts_max(1);

/// From one sweep to the next. Files without a row come from crashes and failed pushes, and a sweep looks at every file.
const SWEEP_EVERY: Duration = Duration::from_hours(6);

/// Writes that a step of collection makes by itself, with those of the runner and the sealer beside it.
const STEP_WRITES_MAX: u64 = 6;

/// How many times as long as a step the rest after it is, while others write too. As long as nothing is late, collection takes
/// half a hundredth of the time, so that the 99th percentile of pushes is not of those that met it.
const REST_FACTOR: u32 = 199;
/// As before, once something is late: a fifth of the time, or bytes would not be freed within the grace period.
const REST_FACTOR_LATE: u32 = 4;
/// Late is what is due for longer than this part of the grace period. A lease leaves a quarter of it: what is late has the rest.
const LATE_PART: u32 = 6;
/// The longest rest, so that a job does not outlive a drain.
const REST_MAX: Duration = Duration::from_secs(5);
/// How often a rest looks whether it may end: nobody writes any more, or the job is to stop.
const REST_SLICE: Duration = Duration::from_millis(100);
/// Writes in a slice when nobody pushes: those of the runner and the sealer.
const SLICE_WRITES_MAX: u64 = 1;
/// How long a run takes steps before it adds up what was pushed and freed meanwhile, and begins anew.
const RUN_MAX: Duration = Duration::from_secs(30);

/// Setting that holds the newest report of [`FSCK`].
const REPORT: &str = "fsck.report";

#[derive(Serialize, Deserialize)]
struct Erasure {
    repository_id: i64,
}

#[derive(Serialize, Deserialize)]
struct Orphaned {
    repository_id: i64,
    subject: Digest,
    due_us: i64,
    after: Digest,
}

/// What a check is asked to do.
#[derive(Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Debug)]
pub struct FsckOrder {
    /// Whether to repair what can be repaired.
    pub repair: bool,
}

/// The newest report of a check.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, Debug)]
pub struct FsckReport {
    /// The job that made it.
    pub job: i64,
    /// Whether it has come to its end.
    pub finished: bool,
    /// What it has looked at and found.
    pub report: Fsck,
}

impl Registry {
    /// Adds the registry's handlers and schedules to a runner.
    #[must_use]
    pub fn with_jobs(&self, runner: Runner) -> Runner {
        let grace = self.inner.options.grace();
        // Several times within the grace period, so that bytes are freed within it; never so often that it costs.
        let every = (grace / 16).clamp(Duration::from_secs(1), Duration::from_mins(1));
        let [collect, expire, erase, offer, sweep, check] = [(); 6].map(|()| self.clone());
        runner
            .handler(COLLECT, move |context| {
                let registry = collect.clone();
                Box::pin(async move { registry.run_collection(&context).await })
            })
            .handler(EXPIRE_UPLOADS, move |context| {
                let registry = expire.clone();
                Box::pin(async move {
                    while !context.is_canceled() && registry.expire_uploads_step().await.map_err(failed)? > 0 {}
                    Ok(Outcome::Done)
                })
            })
            .handler(ERASE_REPOSITORY, move |context| {
                let registry = erase.clone();
                Box::pin(async move {
                    let order: Erasure = context.payload()?;
                    while registry.erase_repository_step(order.repository_id).await.map_err(failed)? {
                        if context.is_canceled() {
                            return Ok(Outcome::Again(Duration::ZERO));
                        }
                    }
                    Ok(Outcome::Done)
                })
            })
            .handler(OFFER_REFERRERS, move |context| {
                let registry = offer.clone();
                Box::pin(async move {
                    let Orphaned { repository_id, subject, due_us, mut after } = context.payload()?;
                    while let Some(next) =
                        registry.offer_referrers_step(repository_id, subject, due_us, after).await.map_err(failed)?
                    {
                        if context.is_canceled() {
                            return Ok(Outcome::Again(Duration::ZERO));
                        }
                        after = next;
                    }
                    Ok(Outcome::Done)
                })
            })
            .handler(SWEEP_ORPHANS, move |context| {
                let registry = sweep.clone();
                Box::pin(async move {
                    let tell = |swept: &Collected| {
                        context.progress(&format!("{} files, {} bytes freed", swept.orphans, swept.bytes));
                        !context.is_canceled()
                    };
                    registry.sweep_orphans(tell).await.map_err(failed)?;
                    Ok(Outcome::Done)
                })
            })
            .handler(FSCK, move |context| {
                let registry = check.clone();
                Box::pin(async move { registry.run_fsck(&context).await })
            })
            .schedule(COLLECT, every)
            .schedule(EXPIRE_UPLOADS, Duration::from_mins(5))
            .schedule(SWEEP_ORPHANS, SWEEP_EVERY)
    }

    /// Orders a check and returns its job. While one waits, it is that one.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn order_fsck(&self, order: FsckOrder, actor: &str) -> Result<i64, Error> {
        let actor = actor.to_owned();
        self.write(move |tx| {
            let actor = actor.clone();
            Box::pin(async move {
                let job = NewJob::new(FSCK, &order)?.key("fsck")?;
                let id = ledger::jobs::enqueue(tx, &job).await?;
                let record = ledger::audit::Record::allowed(&actor, "fsck.start", "registry")
                    .detail("repair", order.repair)
                    .detail("job", id);
                ledger::audit::record(tx, record).await?;
                Ok(id)
            })
        })
        .await
    }

    /// Returns the newest report of a check, complete or as far as it has come.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn fsck_report(&self) -> Result<Option<FsckReport>, Error> {
        self.read(|tx| {
            Box::pin(async move {
                let Some(row) = tx.find(&sql::FIND_SETTING, &[REPORT.into()]).await? else { return Ok(None) };
                let report = serde_json::from_slice(&row.get::<Vec<u8>>(0)?);
                report.map(Some).map_err(|_| Error::Stored { what: "fsck report" })
            })
        })
        .await
    }

    async fn run_collection(&self, context: &Context) -> Result<Outcome, JobError> {
        let (mut files, mut bytes, run) = (0, 0, Instant::now());
        let outcome = loop {
            let (begun, writes) = (Instant::now(), self.inner.db.metrics().writes);
            let step = self.collect_step().await.map_err(failed)?;
            files += step.files;
            bytes += step.bytes;
            if step.is_empty() || context.is_canceled() {
                break Outcome::Done;
            }
            context.progress(&format!("{files} files, {bytes} bytes freed"));
            if run.elapsed() > RUN_MAX {
                break Outcome::Again(Duration::ZERO);
            }
            // Pushes come first: of the writer's time and the disk's, collection takes the smaller part.
            let is_alone = self.inner.db.metrics().writes <= writes + STEP_WRITES_MAX;
            if !is_alone {
                let figures = self.collection_figures().await.map_err(failed)?;
                self.rest(context, plan_rest(begun.elapsed(), figures.overdue, self.inner.options.grace())).await;
            }
        };
        while !context.is_canceled() && self.fold_usage_step().await.map_err(failed)? {}
        Ok(outcome)
    }

    /// Waits, as long as others write.
    async fn rest(&self, context: &Context, rest: Duration) {
        let begun = Instant::now();
        loop {
            let left = rest.saturating_sub(begun.elapsed());
            let writes = self.inner.db.metrics().writes;
            tokio::time::sleep(left.min(REST_SLICE)).await;
            let is_alone = self.inner.db.metrics().writes <= writes + SLICE_WRITES_MAX;
            if left <= REST_SLICE || is_alone || context.is_canceled() {
                return;
            }
        }
    }

    async fn run_fsck(&self, context: &Context) -> Result<Outcome, JobError> {
        let order: FsckOrder = context.payload()?;
        let job = context.id();
        let tell = |report: &Fsck| {
            context.progress(&format!(
                "blobs {}  bytes re-hashed {}  manifests {}  references {}  findings {}",
                report.blobs, report.bytes, report.manifests, report.references, report.findings_total
            ));
            !context.is_canceled()
        };
        let report = self.fsck(order.repair, tell).await.map_err(failed)?;
        let finished = !context.is_canceled();
        let text =
            serde_json::to_vec(&FsckReport { job, finished, report }).map_err(|error| JobError::permanent(&error))?;
        context
            .commit(move |tx| {
                let text = text.clone();
                Box::pin(async move {
                    tx.execute(&sql::UPSERT_SETTING, &[REPORT.into(), text.into()]).await?;
                    Ok::<_, JobError>(())
                })
            })
            .await?;
        Ok(Outcome::Done)
    }
}

/// Returns how long collection rests after a step that took `step`, when what is due waits since `overdue`.
fn plan_rest(step: Duration, overdue: Duration, grace: Duration) -> Duration {
    let factor = if overdue > grace / LATE_PART { REST_FACTOR_LATE } else { REST_FACTOR };
    (step * factor).min(REST_MAX)
}

#[expect(clippy::needless_pass_by_value, reason = "it is given to `map_err`")]
fn failed(error: Error) -> JobError {
    JobError::retry(&error)
}

pub(crate) async fn enqueue_erasure(tx: &mut db::Tx, repository_id: i64) -> Result<(), Error> {
    let job = NewJob::new(ERASE_REPOSITORY, &Erasure { repository_id })?.key(&repository_id.to_string())?;
    ledger::jobs::enqueue(tx, &job).await?;
    Ok(())
}

pub(crate) async fn enqueue_offer(
    tx: &mut db::Tx,
    repository_id: i64,
    subject: Digest,
    due_us: i64,
    after: Digest,
) -> Result<(), Error> {
    let job = NewJob::new(OFFER_REFERRERS, &Orphaned { repository_id, subject, due_us, after })?
        .key(&format!("{repository_id}/{subject}/{after}"))?;
    ledger::jobs::enqueue(tx, &job).await?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn collection_takes_little_of_the_time_until_it_is_late() {
        let (ms, s) = (Duration::from_millis, Duration::from_secs);
        let grace = s(3_600);
        let table = [
            (ms(10), s(0), ms(1_990)),
            (ms(10), s(600), ms(1_990)),
            (ms(10), s(601), ms(40)),
            (ms(100), s(0), REST_MAX),
            (ms(100), s(900), ms(400)),
            (s(10), s(900), REST_MAX),
            (ms(0), s(0), ms(0)),
        ];
        for (step, overdue, rest) in table {
            assert_eq!(plan_rest(step, overdue, grace), rest, "a step of {step:?}, {overdue:?} overdue");
        }
        // A lease and the time until something is late leave some of the grace period.
        assert!(grace / 4 * 3 + grace / LATE_PART < grace);
    }
}
