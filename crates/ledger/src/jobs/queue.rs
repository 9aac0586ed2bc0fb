//! Making jobs, looking at them, and an operator's hand on them.

use std::{fmt, str::FromStr, time::Duration};

use db::{Row, Tx, Value};
use serde::Serialize;

use super::Kind;

/// Longest deduplication key: a repository name and a digest fit.
pub const KEY_BYTES_MAX: usize = 512;
/// Longest payload as JSON. A job names what to work on; it does not carry it.
pub const PAYLOAD_BYTES_MAX: usize = 64 * 1024;
/// Most jobs of a page.
pub const LIST_MAX: u32 = 1000;

db::statements! {
    /// Makes a job; one with the same key that waits for its first attempt takes the earlier time instead.
    ENQUEUE = "INSERT INTO jobs (kind, deduplication_key, payload_version, payload, priority, state, not_before_us, \
        attempts, created_at_us) VALUES ($1, $2, $3, $4, $5, 'pending', $6, 0, $7) \
        ON CONFLICT (kind, deduplication_key) WHERE state = 'pending' DO UPDATE SET not_before_us = \
        CASE WHEN jobs.attempts = 0 AND excluded.not_before_us < jobs.not_before_us \
        THEN excluded.not_before_us ELSE jobs.not_before_us END RETURNING id";
    /// One job.
    FIND_JOB = "SELECT id, kind, deduplication_key, payload_version, payload, priority, state, not_before_us, attempts, \
        lease_owner, lease_expires_at_us, created_at_us, started_at_us, finished_at_us, progress, error \
        FROM jobs WHERE id = $1";
    /// Jobs, newest first. An empty text filters nothing.
    LIST_JOBS = "SELECT id, kind, deduplication_key, payload_version, payload, priority, state, not_before_us, attempts, \
        lease_owner, lease_expires_at_us, created_at_us, started_at_us, finished_at_us, progress, error \
        FROM jobs WHERE id < $1 AND (kind = $2 OR $2 = '') AND (state = $3 OR $3 = '') ORDER BY id DESC LIMIT $4";
    /// Jobs of a kind in a state, by the index of states: kinds have many that are done.
    LIST_IN_STATE = "SELECT payload FROM jobs WHERE state = $1 AND kind || '' = $2 LIMIT $3";
    /// Whether a job of a kind with a key waits or runs, by the index of kinds: any number of others may wait.
    FIND_UNDONE = "SELECT id FROM jobs WHERE kind = $1 AND deduplication_key = $2 AND state || '' IN ('pending', 'running') LIMIT 1";
    /// Ends a job that has not ended. Whoever runs it loses the lease.
    CANCEL_JOB = "UPDATE jobs SET state = 'canceled', lease_owner = NULL, lease_expires_at_us = NULL, \
        finished_at_us = $2 WHERE id = $1 AND state IN ('pending', 'running')";
    /// Has an ended job run again from its first attempt, unless its key waits already.
    RETRY_JOB = "UPDATE jobs SET state = 'pending', attempts = 0, not_before_us = $2, started_at_us = NULL, \
        finished_at_us = NULL, error = NULL, progress = NULL WHERE id = $1 AND state IN ('failed', 'canceled') \
        AND NOT EXISTS (SELECT 1 FROM jobs AS waiting WHERE waiting.kind = jobs.kind \
        AND waiting.deduplication_key = jobs.deduplication_key AND waiting.state = 'pending')";
    /// Has a job that waits run at once.
    HASTEN_JOB = "UPDATE jobs SET not_before_us = $2 WHERE id = $1 AND state = 'pending' AND not_before_us > $2";
}

/// Where a job is in its life.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum State {
    /// Waits for its time or for a runner.
    Pending,
    /// A runner has taken it.
    Running,
    /// Has done its work.
    Done,
    /// Has used up its attempts, or cannot succeed.
    Failed,
    /// An operator ended it.
    Canceled,
}

/// A job to be made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewJob {
    kind: Kind,
    key: Option<String>,
    payload: String,
    delay: Duration,
}

/// Why a job cannot be made.
#[derive(Debug, thiserror::Error)]
pub enum NewJobError {
    /// The payload does not serialize.
    #[error("failed to serialize the payload of a job `{kind}`")]
    Serialize {
        /// The job's kind.
        kind: &'static str,
        /// What the serializer says.
        #[source]
        source: serde_json::Error,
    },
    /// The payload is longer than [`PAYLOAD_BYTES_MAX`].
    #[error("payload of a job `{kind}` has {actual} bytes, the limit is {PAYLOAD_BYTES_MAX}")]
    PayloadTooLong {
        /// The job's kind.
        kind: &'static str,
        /// Its length.
        actual: usize,
    },
    /// The key is longer than [`KEY_BYTES_MAX`].
    #[error("deduplication key of a job `{kind}` has {actual} bytes, the limit is {KEY_BYTES_MAX}")]
    KeyTooLong {
        /// The job's kind.
        kind: &'static str,
        /// Its length.
        actual: usize,
    },
}

/// A job as it is in the database.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Job {
    /// Its number; pages go by it.
    pub id: i64,
    /// Name of its kind.
    pub kind: String,
    /// Of all jobs with the same kind and key one is pending and one running at most.
    pub key: Option<String>,
    /// Form of the payload.
    pub payload_version: u32,
    /// What to work on, as JSON.
    pub payload: String,
    /// Lower goes first.
    pub priority: u32,
    /// Where it is in its life.
    pub state: State,
    /// Not run before this time.
    pub not_before_us: i64,
    /// Attempts begun.
    pub attempts: u32,
    /// The runner that has it.
    pub lease_owner: Option<String>,
    /// Until when, unless renewed.
    pub lease_expires_at_us: Option<i64>,
    /// When it was made.
    pub created_at_us: i64,
    /// When its last attempt began.
    pub started_at_us: Option<i64>,
    /// When it ended.
    pub finished_at_us: Option<i64>,
    /// What its handler last said.
    pub progress: Option<String>,
    /// Why the last attempt failed.
    pub error: Option<String>,
}

/// Which jobs to list. The default is all.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Filter {
    /// Only of this kind.
    pub kind: Option<String>,
    /// Only in this state.
    pub state: Option<State>,
}

/// What came of canceling.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Canceled {
    /// It is canceled; a run under way changes nothing more.
    Done,
    /// It had ended before.
    AlreadyEnded,
    /// There is no such job.
    Unknown,
}

/// What came of having a job run again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Retried {
    /// It waits to be run now.
    Done,
    /// It is done or running, so there is nothing to run again; or another job with its key waits already.
    NotNeeded,
    /// There is no such job.
    Unknown,
}

impl State {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::Pending, Self::Running, Self::Done, Self::Failed, Self::Canceled];

    /// Returns its name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Running => "running",
            Self::Done => "done",
            Self::Failed => "failed",
            Self::Canceled => "canceled",
        }
    }
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Text that names no [`State`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a job's state is pending, running, done, failed or canceled")]
pub struct UnknownState;

impl FromStr for State {
    type Err = UnknownState;

    fn from_str(text: &str) -> Result<Self, UnknownState> {
        Self::ALL.into_iter().find(|state| state.as_str() == text).ok_or(UnknownState)
    }
}

impl NewJob {
    /// Returns a job without a key, due at once.
    pub fn new(kind: Kind, payload: &impl Serialize) -> Result<Self, NewJobError> {
        let payload =
            serde_json::to_string(payload).map_err(|source| NewJobError::Serialize { kind: kind.name(), source })?;
        if payload.len() > PAYLOAD_BYTES_MAX {
            return Err(NewJobError::PayloadTooLong { kind: kind.name(), actual: payload.len() });
        }
        Ok(Self { kind, key: None, payload, delay: Duration::ZERO })
    }

    /// Returns a job that needs no payload and whose kind is its key: one waits at most.
    pub fn single(kind: Kind) -> Self {
        Self { kind, key: Some(String::new()), payload: "null".to_owned(), delay: Duration::ZERO }
    }

    /// Sets the key: no second job with it is made while one is pending.
    pub fn key(mut self, key: &str) -> Result<Self, NewJobError> {
        if key.len() > KEY_BYTES_MAX {
            return Err(NewJobError::KeyTooLong { kind: self.kind.name(), actual: key.len() });
        }
        self.key = Some(key.to_owned());
        Ok(self)
    }

    /// Has it wait before it is run.
    #[must_use]
    pub fn after(mut self, delay: Duration) -> Self {
        self.delay = delay;
        self
    }
}

/// Makes a job in the transaction that causes it and returns its id. When one with its key is pending that one is
/// returned; its payload stays, and it becomes due at the earlier of both times unless it has failed before.
pub async fn enqueue(tx: &mut Tx, job: &NewJob) -> Result<i64, db::Error> {
    let now_us = tx.now_us().await?;
    let params = [
        job.kind.name().into(),
        job.key.as_ref().into(),
        job.kind.version().into(),
        (&job.payload).into(),
        job.kind.rank().into(),
        now_us.saturating_add(micros(job.delay)).into(),
        now_us.into(),
    ];
    let rows = tx.query(&ENQUEUE, &params).await?;
    rows.first().map_or(Err(db::Error::TooManyRows { statement: ENQUEUE.name() }), |row| row.get(0))
}

/// Returns a job.
pub async fn show(tx: &mut Tx, id: i64) -> Result<Option<Job>, db::Error> {
    tx.find(&FIND_JOB, &[id.into()]).await?.map(|row| Job::from_row(&row)).transpose()
}

/// Lists at most `limit` jobs (itself at most [`LIST_MAX`]) with ids below `before`, newest first. A full page may have
/// another after it, from its last id on.
pub async fn list(tx: &mut Tx, filter: &Filter, before: Option<i64>, limit: u32) -> Result<Vec<Job>, db::Error> {
    let params = [
        before.unwrap_or(i64::MAX).into(),
        filter.kind.as_deref().unwrap_or_default().into(),
        filter.state.map_or("", State::as_str).into(),
        limit.clamp(1, LIST_MAX).into(),
    ];
    tx.query(&LIST_JOBS, &params).await?.iter().map(Job::from_row).collect()
}

/// Returns the payloads of at most `limit` jobs of a kind that have not done their work: that wait, run, failed or were ended.
pub async fn list_undone(tx: &mut Tx, kind: Kind, limit: u32) -> Result<Vec<String>, db::Error> {
    let mut payloads = Vec::new();
    for state in [State::Running, State::Pending, State::Failed, State::Canceled] {
        let left = i64::from(limit) - i64::try_from(payloads.len()).unwrap_or(i64::MAX);
        let rows = tx.query(&LIST_IN_STATE, &[state.as_str().into(), kind.name().into(), left.into()]).await?;
        for row in &rows {
            payloads.push(row.get(0)?);
        }
    }
    Ok(payloads)
}

/// Tells whether a job of a kind with a key waits or runs.
pub async fn is_undone(tx: &mut Tx, kind: Kind, key: &str) -> Result<bool, db::Error> {
    Ok(tx.find(&FIND_UNDONE, &[kind.name().into(), key.into()]).await?.is_some())
}

/// Ends a job that has not ended. A run under way loses its lease, so that it commits nothing more.
pub async fn cancel(tx: &mut Tx, id: i64) -> Result<Canceled, db::Error> {
    let now_us = tx.now_us().await?;
    if tx.execute(&CANCEL_JOB, &[id.into(), now_us.into()]).await? == 1 {
        return Ok(Canceled::Done);
    }
    Ok(if show(tx, id).await?.is_some() { Canceled::AlreadyEnded } else { Canceled::Unknown })
}

/// Has a failed or canceled job run again, with all its attempts; has one that waits run now.
pub async fn retry(tx: &mut Tx, id: i64) -> Result<Retried, db::Error> {
    let now_us = tx.now_us().await?;
    let params = [id.into(), now_us.into()];
    if tx.execute(&RETRY_JOB, &params).await? == 1 || tx.execute(&HASTEN_JOB, &params).await? == 1 {
        return Ok(Retried::Done);
    }
    Ok(if show(tx, id).await?.is_some() { Retried::NotNeeded } else { Retried::Unknown })
}

impl Job {
    fn from_row(row: &Row) -> Result<Self, db::Error> {
        Ok(Self {
            id: row.get(0)?,
            kind: row.get(1)?,
            key: row.get(2)?,
            payload_version: row.get(3)?,
            payload: row.get(4)?,
            priority: row.get(5)?,
            state: row.get(6)?,
            not_before_us: row.get(7)?,
            attempts: row.get(8)?,
            lease_owner: row.get(9)?,
            lease_expires_at_us: row.get(10)?,
            created_at_us: row.get(11)?,
            started_at_us: row.get(12)?,
            finished_at_us: row.get(13)?,
            progress: row.get(14)?,
            error: row.get(15)?,
        })
    }
}

impl db::FromValue for State {
    const EXPECTED: &'static str = "a job's state";

    fn from_value(value: &Value) -> Option<Self> {
        String::from_value(value)?.parse().ok()
    }
}

pub(super) fn micros(duration: Duration) -> i64 {
    i64::try_from(duration.as_micros()).unwrap_or(i64::MAX)
}
