//! What a handler has in hand while it works.

use std::{
    error::Error,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use db::{BoxFuture, Db, Tx};
use serde::de::DeserializeOwned;
use tokio_util::sync::CancellationToken;

use crate::aside::Lost;

/// Longest text of progress; more is cut.
pub const PROGRESS_BYTES_MAX: usize = 1024;
/// Longest error kept with a job; more is cut.
const ERROR_BYTES_MAX: usize = 4096;

db::statements! {
    /// Renews the lease of one attempt, and writes progress when there is any. No row: the lease is lost.
    RENEW = "UPDATE jobs SET lease_expires_at_us = $5, progress = COALESCE($6, progress) WHERE id = $1 \
        AND lease_owner = $2 AND attempts = $3 AND state = 'running' AND lease_expires_at_us > $4";
}

/// A job that a runner has taken, in the hands of its handler.
#[derive(Debug, Clone)]
pub struct Context {
    pub(super) database: Db,
    pub(super) lease: Lease,
    pub(super) payload: Arc<str>,
    pub(super) stop: CancellationToken,
    pub(super) progress: Arc<Mutex<Option<String>>>,
}

/// One attempt's hold on a job.
#[derive(Debug, Clone)]
pub(super) struct Lease {
    pub(super) id: i64,
    pub(super) kind: &'static str,
    pub(super) owner: Arc<str>,
    pub(super) attempt: u32,
    pub(super) duration_us: i64,
}

/// What a handler did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// The job is done.
    Done,
    /// A step is done and the same job is to go on after this time, with fresh attempts.
    Again(Duration),
}

/// The lease is lost: it ran out, another runner has the job, or it was canceled. Nothing was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the job's lease is lost")]
pub struct LeaseLost;

/// Why an attempt failed.
#[derive(Debug, thiserror::Error)]
pub enum JobError {
    /// Another attempt may succeed.
    #[error("{0}")]
    Retry(String),
    /// No attempt can succeed.
    #[error("{0}")]
    Permanent(String),
    /// The job is someone else's now.
    #[error(transparent)]
    LeaseLost(#[from] LeaseLost),
    /// The database failed; another attempt may succeed.
    #[error("the job's database operation failed")]
    Database(#[from] db::Error),
}

impl From<Lost> for JobError {
    fn from(Lost: Lost) -> Self {
        Self::Retry("what the job computes panicked".to_owned())
    }
}

impl JobError {
    /// Returns the failure of an attempt after which another may succeed, told with all its causes.
    pub fn retry(error: &(dyn Error + 'static)) -> Self {
        Self::Retry(chain(error))
    }

    /// Returns the failure of a job that cannot succeed, told with all its causes.
    pub fn permanent(error: &(dyn Error + 'static)) -> Self {
        Self::Permanent(chain(error))
    }

    /// Returns the text kept with the job.
    pub(super) fn text(&self) -> String {
        let mut text = chain(self).replace('\0', "\u{fffd}");
        text.truncate(text.floor_char_boundary(ERROR_BYTES_MAX));
        text
    }
}

impl Context {
    /// Returns the job's id.
    pub fn id(&self) -> i64 {
        self.lease.id
    }

    /// Returns which attempt this is, from 1.
    pub fn attempt(&self) -> u32 {
        self.lease.attempt
    }

    /// Returns the database, for reading.
    pub fn database(&self) -> &Db {
        &self.database
    }

    /// Parses the payload. One that does not parse never will.
    pub fn payload<T: DeserializeOwned>(&self) -> Result<T, JobError> {
        serde_json::from_str(&self.payload).map_err(|error| JobError::permanent(&error))
    }

    /// Says how far the work is, for people. Written with the next renewal of the lease.
    pub fn progress(&self, text: &str) {
        let mut text = text.replace('\0', "\u{fffd}");
        text.truncate(text.floor_char_boundary(PROGRESS_BYTES_MAX));
        *self.progress.lock().unwrap_or_else(PoisonError::into_inner) = Some(text);
    }

    /// Tells whether to stop: the lease is lost, or the process drains and its time is up.
    pub fn is_canceled(&self) -> bool {
        self.stop.is_cancelled()
    }

    /// Waits until there is a reason to stop.
    pub async fn canceled(&self) {
        self.stop.cancelled().await;
    }

    /// Runs a write that commits only while the lease holds, and renews the lease with it.
    pub async fn commit<T, E, F>(&self, body: F) -> Result<T, E>
    where
        F: for<'t> Fn(&'t mut Tx) -> BoxFuture<'t, Result<T, E>> + Send + Sync + 'static,
        T: Send + 'static,
        E: From<db::Error> + From<LeaseLost> + Send + 'static,
    {
        let (lease, body) = (self.lease.clone(), Arc::new(body));
        self.database
            .write(move |tx| {
                let (lease, body) = (lease.clone(), Arc::clone(&body));
                Box::pin(async move {
                    if !lease.renew(tx, None).await? {
                        return Err(LeaseLost.into());
                    }
                    body(tx).await
                })
            })
            .await
    }

    /// Takes progress that is not written yet.
    pub(super) fn take_progress(&self) -> Option<String> {
        self.progress.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

impl Lease {
    /// Renews the lease; false when it is lost.
    pub(super) async fn renew(&self, tx: &mut Tx, progress: Option<&str>) -> Result<bool, db::Error> {
        let now_us = tx.now_us().await?;
        let params = [
            self.id.into(),
            (&*self.owner).into(),
            self.attempt.into(),
            now_us.into(),
            now_us.saturating_add(self.duration_us).into(),
            progress.into(),
        ];
        Ok(tx.execute(&RENEW, &params).await? == 1)
    }
}

fn chain(error: &(dyn Error + 'static)) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(error) = source {
        text.push_str(": ");
        text.push_str(&error.to_string());
        source = error.source();
    }
    text
}
