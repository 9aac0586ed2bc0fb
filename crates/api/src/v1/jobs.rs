//! Jobs.

use axum::response::Response;
use http::StatusCode;
use ledger::jobs::{Filter, Retried};
use schemars::JsonSchema;
use serde::Serialize;

use super::{refused, time};
use crate::endpoint::Call;
use crate::failure::Failure;
use crate::page::{Envelope, PageParameters};

/// A job.
#[derive(Serialize, JsonSchema)]
pub(crate) struct Job {
    /// Number.
    id: i64,
    /// What it does.
    kind: String,
    /// `pending`, `running`, `done`, `failed` or `canceled`.
    state: &'static str,
    /// How often it was tried.
    attempts: u32,
    /// When it may run.
    not_before: String,
    /// When it was made.
    created_at: String,
    /// When its last attempt began.
    started_at: Option<String>,
    /// When it ended.
    finished_at: Option<String>,
    /// How far it is, for people.
    progress: Option<String>,
    /// Why its last attempt failed.
    error: Option<String>,
}

/// A page of jobs.
pub(crate) type JobPage = Envelope<Job>;

impl From<ledger::jobs::Job> for Job {
    fn from(job: ledger::jobs::Job) -> Self {
        Self {
            id: job.id,
            kind: job.kind,
            state: job.state.as_str(),
            attempts: job.attempts,
            not_before: time(job.not_before_us),
            created_at: time(job.created_at_us),
            started_at: job.started_at_us.map(time),
            finished_at: job.finished_at_us.map(time),
            progress: job.progress,
            error: job.error,
        }
    }
}

pub(crate) async fn list(call: Call) -> Result<Response, Failure> {
    let page = PageParameters::of(&call.target)?;
    let before = page.before_id()?;
    let state = call
        .target
        .query("state")
        .map(str::parse)
        .transpose()
        .map_err(|error: ledger::jobs::UnknownState| refused("state", &error))?;
    let filter = Filter { kind: call.target.query("kind").map(ToOwned::to_owned), state };
    let limit = u32::try_from(page.limit).unwrap_or(u32::MAX);
    let wanted = limit.saturating_add(1);
    let found =
        call.app.db.read(move |tx| Box::pin(async move { ledger::jobs::list(tx, &filter, before, wanted).await }));
    let mut jobs: Vec<ledger::jobs::Job> = found.await?;
    let more = jobs.len() > limit as usize;
    jobs.truncate(limit as usize);
    let next = jobs.last().filter(|_| more).map(|last| last.id.to_string());
    Envelope::answer(&page, jobs.into_iter().map(Job::from).collect(), next)
}

pub(crate) fn id(call: &Call) -> Result<i64, Failure> {
    call.target.parameter("job").parse().map_err(|_| unknown(call.target.parameter("job")))
}

pub(crate) fn unknown(id: &str) -> Failure {
    Failure::not_found("JOB_UNKNOWN", format!("there is no job {id}; finished jobs are kept for a while only"))
}

pub(crate) async fn answer(call: &Call, status: StatusCode, id: i64) -> Result<Response, Failure> {
    let found = call.app.db.read(move |tx| Box::pin(async move { ledger::jobs::show(tx, id).await })).await?;
    let job = found.ok_or_else(|| unknown(&id.to_string()))?;
    Failure::json(status, &Job::from(job))
}

pub(crate) async fn get(call: Call) -> Result<Response, Failure> {
    answer(&call, StatusCode::OK, id(&call)?).await
}

pub(crate) async fn retry(call: Call) -> Result<Response, Failure> {
    let (id, actor) = (id(&call)?, call.actor());
    let retried = call
        .app
        .db
        .write(move |tx| {
            let actor = actor.clone();
            Box::pin(async move {
                let retried = ledger::jobs::retry(tx, id).await?;
                if retried == Retried::Done {
                    let record = ledger::audit::Record::allowed(&actor, "job.retry", &format!("job:{id}"));
                    ledger::audit::record(tx, record).await?;
                }
                Ok::<_, db::Error>(retried)
            })
        })
        .await?;
    if retried == Retried::Done {
        call.app.jobs.notify();
        return answer(&call, StatusCode::ACCEPTED, id).await;
    }
    // Tells an unknown job from one that is not to be retried.
    answer(&call, StatusCode::OK, id).await?;
    Err(Failure::new(
        StatusCode::CONFLICT,
        "CONFLICT",
        format!("job {id} has not failed, so there is nothing to retry"),
    ))
}
