//! Taking due jobs, holding their leases, and what becomes of them.

use std::{
    collections::BTreeMap,
    panic::AssertUnwindSafe,
    pin::Pin,
    sync::{Arc, Mutex},
    time::Duration,
};

use db::{BoxFuture, Db, Row, Tx};
use futures_util::FutureExt as _;
use tokio::{
    sync::Notify,
    task::{JoinHandle, JoinSet},
    time::{Instant, MissedTickBehavior},
};
use tokio_util::sync::CancellationToken;
use tracing::{debug, error, warn};
use uuid::Uuid;

use super::{
    Kind,
    context::{Context, JobError, Lease, Outcome},
    queue::{NewJob, enqueue, micros},
};

/// How long a job stays with a hub that has died. Renewed three times within it.
pub const LEASE: Duration = Duration::from_secs(30);
/// Jobs of one process at once: enough to overlap waiting, few enough to leave the machine to requests.
pub const CONCURRENCY: usize = 4;
/// Delay after the first failed attempt; doubles with each.
pub const BACKOFF_FIRST: Duration = Duration::from_secs(5);
/// Longest delay between attempts.
pub const BACKOFF_MAX: Duration = Duration::from_secs(3600);
/// Ended jobs kept of each kind, for people to look at.
pub const FINISHED_KEPT: u32 = 200;
/// How often an idle runner looks for jobs: notifications are hints, and other hubs send none.
const POLL: Duration = Duration::from_secs(1);
/// How often ended jobs are pruned and schedules looked at.
const UPKEEP: Duration = Duration::from_secs(30);
/// Ended jobs removed by one write.
const PRUNE_ROWS: u32 = 500;
/// What a handler that lost its lease, or whose time is up, has to put things down before it is dropped.
const PUT_DOWN: Duration = Duration::from_secs(2);
/// Attempts at writing a result while the lease lasts.
const FINISH_RETRY: Duration = Duration::from_millis(500);

db::statements! {
    /// A job of one kind that is due, whose key is not running.
    FIND_DUE = "SELECT id, payload_version, payload, attempts, priority, not_before_us FROM jobs \
        WHERE state = 'pending' AND kind = $1 AND not_before_us <= $2 \
        AND NOT EXISTS (SELECT 1 FROM jobs AS other WHERE other.state = 'running' AND other.kind = jobs.kind \
        AND other.deduplication_key = jobs.deduplication_key) ORDER BY priority, not_before_us, id LIMIT 1";
    /// A job of one kind whose runner has died.
    FIND_EXPIRED = "SELECT id, payload_version, payload, attempts, priority, not_before_us FROM jobs \
        WHERE state = 'running' AND kind = $1 AND lease_expires_at_us <= $2 ORDER BY priority, not_before_us, id LIMIT 1";
    /// Takes a job.
    TAKE_JOB = "UPDATE jobs SET state = 'running', attempts = attempts + 1, lease_owner = $2, \
        lease_expires_at_us = $3, started_at_us = $4, progress = NULL WHERE id = $1 AND attempts = $5 \
        AND (state = 'pending' OR (state = 'running' AND lease_expires_at_us <= $4))";
    /// Ends a job that no attempt is left for, or that this program does not understand.
    GIVE_UP = "UPDATE jobs SET state = 'failed', lease_owner = NULL, lease_expires_at_us = NULL, finished_at_us = $2, \
        error = $3 WHERE id = $1 AND attempts = $4 AND state IN ('pending', 'running')";
    /// Ends an attempt's job while its lease holds.
    FINISH_JOB = "UPDATE jobs SET state = $5, lease_owner = NULL, lease_expires_at_us = NULL, finished_at_us = $4, \
        error = $6, progress = COALESCE($7, progress) WHERE id = $1 AND lease_owner = $2 AND attempts = $3 \
        AND state = 'running' AND lease_expires_at_us > $4";
    /// Puts an attempt's job back while its lease holds, unless its key waits already.
    REQUEUE_JOB = "UPDATE jobs SET state = 'pending', lease_owner = NULL, lease_expires_at_us = NULL, attempts = $6, \
        not_before_us = $5, error = $7, progress = COALESCE($8, progress) WHERE id = $1 AND lease_owner = $2 \
        AND attempts = $3 AND state = 'running' AND lease_expires_at_us > $4 \
        AND NOT EXISTS (SELECT 1 FROM jobs AS waiting WHERE waiting.kind = jobs.kind \
        AND waiting.deduplication_key = jobs.deduplication_key AND waiting.state = 'pending')";
    /// When a schedule's job last ran.
    FIND_LAST_RUN = "SELECT started_at_us FROM jobs WHERE kind = $1 AND deduplication_key = $2 \
        AND started_at_us IS NOT NULL ORDER BY id DESC LIMIT 1";
    /// The oldest ended job of a kind that is kept.
    FIND_OLDEST_KEPT = "SELECT id FROM jobs WHERE kind = $1 AND state IN ('done', 'failed', 'canceled') \
        ORDER BY id DESC LIMIT 1 OFFSET $2";
    /// Removes ended jobs of a kind before one.
    PRUNE = "DELETE FROM jobs WHERE id IN (SELECT id FROM jobs WHERE kind = $1 AND id < $2 \
        AND state IN ('done', 'failed', 'canceled') ORDER BY id LIMIT $3)";
}

type Handler = Arc<dyn Fn(Context) -> BoxFuture<'static, Result<Outcome, JobError>> + Send + Sync>;

/// Runs jobs of the kinds that it has handlers for.
#[derive(Clone)]
pub struct Runner {
    database: Db,
    owner: Arc<str>,
    handlers: BTreeMap<&'static str, Registered>,
    schedules: Vec<Schedule>,
    concurrency: usize,
    lease: Duration,
    notifier: RunnerNotifier,
}

#[derive(Clone)]
struct Registered {
    kind: Kind,
    handler: Handler,
}

/// A job that is to run again and again, whichever hub is up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Schedule {
    /// What to run; its handler gets the payload `null`.
    pub kind: Kind,
    /// From the start of one run to the start of the next.
    pub every: Duration,
}

/// Tells the runner of this process that jobs were made. A hint: a lost one costs a second.
#[derive(Debug, Clone, Default)]
pub struct RunnerNotifier(Arc<Notify>);

/// A runner that runs.
#[derive(Debug)]
pub struct RunnerHandle {
    notifier: RunnerNotifier,
    drain: CancellationToken,
    abandon: CancellationToken,
    task: JoinHandle<()>,
}

/// A job that was taken.
struct Taken {
    registered: Registered,
    lease: Lease,
    payload: String,
}

/// What looking for a job of one kind gave.
enum Claim {
    Taken(i64, u32, String),
    GivenUp,
    Nothing,
}

impl Runner {
    /// Returns a runner without handlers. `owner` names the process, for people; a random part is added, so that a
    /// process is never mistaken for the one before it.
    pub fn new(database: Db, owner: &str) -> Self {
        let random = Uuid::now_v7().simple().to_string();
        Self {
            database,
            owner: format!("{owner}-{}", &random[random.len() - 12..]).into(),
            handlers: BTreeMap::new(),
            schedules: Vec::new(),
            concurrency: CONCURRENCY,
            lease: LEASE,
            notifier: RunnerNotifier::default(),
        }
    }

    /// Adds the handler of a kind. It must bear being run again for the same job, and being dropped at any await.
    #[must_use]
    pub fn handler<F>(mut self, kind: Kind, handler: F) -> Self
    where
        F: Fn(Context) -> BoxFuture<'static, Result<Outcome, JobError>> + Send + Sync + 'static,
    {
        let before = self.handlers.insert(kind.name(), Registered { kind, handler: Arc::new(handler) });
        assert!(before.is_none(), "job kind `{}` has two handlers", kind.name());
        self
    }

    /// Has a job of a kind run every so often.
    #[must_use]
    pub fn schedule(mut self, kind: Kind, every: Duration) -> Self {
        self.schedules.push(Schedule { kind, every });
        self
    }

    /// Sets how many jobs run at once.
    #[must_use]
    pub fn concurrency(mut self, jobs: usize) -> Self {
        self.concurrency = jobs.max(1);
        self
    }

    /// Sets how long a job stays with a process that has died.
    #[must_use]
    pub fn lease(mut self, lease: Duration) -> Self {
        self.lease = lease;
        self
    }

    /// Returns what tells this runner of new jobs.
    pub fn notifier(&self) -> RunnerNotifier {
        self.notifier.clone()
    }

    /// Starts running jobs in the background.
    pub fn start(self) -> RunnerHandle {
        let (drain, abandon) = (CancellationToken::new(), CancellationToken::new());
        let notifier = self.notifier();
        let task = tokio::spawn(self.run(drain.clone(), abandon.clone()));
        RunnerHandle { notifier, drain, abandon, task }
    }

    async fn run(self, drain: CancellationToken, abandon: CancellationToken) {
        let mut running = JoinSet::new();
        let mut upkeep = tokio::time::interval(UPKEEP);
        upkeep.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut look = true;
        while !drain.is_cancelled() {
            if look {
                self.fill(&mut running, &abandon).await;
            }
            look = tokio::select! {
                () = drain.cancelled() => false,
                () = self.notifier.0.notified() => true,
                () = tokio::time::sleep(POLL) => true,
                Some(ended) = running.join_next() => {
                    log_join(ended);
                    self.keep_schedules().await;
                    true
                }
                _ = upkeep.tick() => {
                    self.keep_schedules().await;
                    self.prune().await;
                    true
                }
            };
        }
        while let Some(ended) = running.join_next().await {
            log_join(ended);
        }
    }

    /// Starts due jobs while there is room.
    async fn fill(&self, running: &mut JoinSet<()>, abandon: &CancellationToken) {
        while running.len() < self.concurrency {
            match self.take().await {
                Ok(Some(taken)) => {
                    running.spawn(self.clone().work(taken, abandon.clone()));
                }
                Ok(None) => return,
                Err(error) => {
                    warn!(error = &error as &dyn std::error::Error, "failed to look for jobs; trying again");
                    return;
                }
            }
        }
    }

    /// Takes the most urgent due job, if any. Looks in a read first, so that an idle runner writes nothing.
    async fn take(&self) -> Result<Option<Taken>, db::Error> {
        loop {
            let kinds: Vec<&'static str> = self.handlers.keys().copied().collect();
            let due = self.database.read(move |tx| Box::pin(async move { find_due(tx, &kinds).await })).await?;
            let Some(registered) = due.and_then(|name| self.handlers.get(name)) else { return Ok(None) };
            let (kind, owner, lease_us) = (registered.kind, Arc::clone(&self.owner), micros(self.lease));
            let claim = self.database.write(move |tx| {
                let owner = Arc::clone(&owner);
                Box::pin(async move { claim(tx, kind, &owner, lease_us).await })
            });
            match claim.await? {
                Claim::Taken(id, attempt, payload) => {
                    let owner = Arc::clone(&self.owner);
                    let lease = Lease { id, kind: kind.name(), owner, attempt, duration_us: lease_us };
                    return Ok(Some(Taken { registered: registered.clone(), lease, payload }));
                }
                // It was ended instead, or another runner was faster: look again.
                Claim::GivenUp => {}
                Claim::Nothing => return Ok(None),
            }
        }
    }

    /// Runs one job to an end of whatever kind.
    async fn work(self, taken: Taken, abandon: CancellationToken) {
        let Taken { registered, lease, payload } = taken;
        let context = Context {
            database: self.database.clone(),
            lease: lease.clone(),
            payload: payload.into(),
            stop: abandon.child_token(),
            progress: Arc::new(Mutex::new(None)),
        };
        debug!(job = lease.id, kind = lease.kind, attempt = lease.attempt, "job started");
        let handler = AssertUnwindSafe({
            let context = context.clone();
            // Within an async block, so that a panic before the future exists is caught too.
            async move { (registered.handler)(context).await }
        });
        let held = self.hold(&context, Box::pin(handler.catch_unwind())).await;
        let result = match held {
            Held::Ended(Ok(result)) => result,
            Held::Ended(Err(_)) => Err(JobError::Retry("the job's handler panicked".to_owned())),
            Held::Lost => {
                warn!(job = lease.id, kind = lease.kind, "job lost its lease or was canceled");
                return;
            }
            Held::Abandoned => {
                self.settle(&context, Settlement::Release).await;
                return;
            }
        };
        let settlement = match result {
            Ok(Outcome::Done) => Settlement::Done,
            Ok(Outcome::Again(after)) => Settlement::Again(after),
            Err(JobError::LeaseLost(_)) => {
                warn!(job = lease.id, kind = lease.kind, "job lost its lease or was canceled");
                return;
            }
            Err(_) if abandon.is_cancelled() => Settlement::Release,
            Err(error) => {
                let text = error.text();
                warn!(job = lease.id, kind = lease.kind, attempt = lease.attempt, error = text, "job failed");
                let last = matches!(error, JobError::Permanent(_)) || lease.attempt >= registered.kind.attempts();
                if last { Settlement::Failed(text) } else { Settlement::Retry(text) }
            }
        };
        self.settle(&context, settlement).await;
    }

    /// Waits for the handler and renews its lease meanwhile.
    async fn hold<T>(&self, context: &Context, mut handler: Pin<Box<dyn Future<Output = T> + Send + '_>>) -> Held<T> {
        let renew_every = self.lease / 3;
        // By this process's clock, so that a database that does not answer cannot keep a lost job going.
        let mut renewed_at = Instant::now();
        let mut renewal = tokio::time::interval_at(renewed_at + renew_every, renew_every);
        renewal.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let lost = loop {
            tokio::select! {
                biased;
                result = &mut handler => return Held::Ended(result),
                () = context.stop.cancelled() => break false,
                _ = renewal.tick() => {}
            }
            let asked_at = Instant::now();
            let renewed = {
                let renewing = self.renew(context);
                tokio::pin!(renewing);
                tokio::select! {
                    biased;
                    result = &mut handler => return Held::Ended(result),
                    renewed = &mut renewing => renewed,
                    () = tokio::time::sleep_until(renewed_at + renew_every * 2) => Ok(asked_at < renewed_at + renew_every * 2),
                }
            };
            match renewed {
                Ok(true) => renewed_at = asked_at,
                Ok(false) => break true,
                Err(error) if asked_at.duration_since(renewed_at) < renew_every * 2 => {
                    warn!(error = &error as &dyn std::error::Error, "failed to renew a job's lease; trying again");
                }
                Err(_) => break true,
            }
        };
        context.stop.cancel();
        match tokio::time::timeout(PUT_DOWN.min(renew_every), handler).await {
            Ok(result) if !lost => Held::Ended(result),
            _ if lost => Held::Lost,
            _ => Held::Abandoned,
        }
    }

    async fn renew(&self, context: &Context) -> Result<bool, db::Error> {
        let (lease, progress) = (context.lease.clone(), context.take_progress());
        self.database
            .write(move |tx| {
                let (lease, progress) = (lease.clone(), progress.clone());
                Box::pin(async move { lease.renew(tx, progress.as_deref()).await })
            })
            .await
    }

    /// Writes what became of an attempt, while its lease holds.
    async fn settle(&self, context: &Context, settlement: Settlement) {
        let until = Instant::now() + self.lease;
        let (settlement, progress) = (Arc::new(settlement), context.take_progress());
        loop {
            let (lease, settlement, progress) = (context.lease.clone(), Arc::clone(&settlement), progress.clone());
            let settled = self.database.write(move |tx| {
                let (lease, settlement, progress) = (lease.clone(), Arc::clone(&settlement), progress.clone());
                Box::pin(async move { settlement.write(tx, &lease, progress.as_deref()).await })
            });
            match settled.await {
                Ok(true) => return,
                Ok(false) => {
                    warn!(job = context.lease.id, kind = context.lease.kind, "job lost its lease or was canceled");
                    return;
                }
                Err(error) if Instant::now() + FINISH_RETRY < until => {
                    debug!(error = &error as &dyn std::error::Error, "failed to write a job's result; trying again");
                    tokio::time::sleep(FINISH_RETRY).await;
                }
                Err(error) => {
                    let error = &error as &dyn std::error::Error;
                    warn!(error, job = context.lease.id, "failed to write a job's result; it will run again");
                    return;
                }
            }
        }
    }

    async fn keep_schedules(&self) {
        for schedule in self.schedules.clone() {
            let kept = self.database.write(move |tx| Box::pin(keep_schedule(tx, schedule))).await;
            if let Err(error) = kept {
                let error = &error as &dyn std::error::Error;
                warn!(error, kind = schedule.kind.name(), "failed to schedule a job; trying again");
            }
        }
    }

    async fn prune(&self) {
        for kind in self.handlers.keys().copied() {
            if let Err(error) = self.database.write(move |tx| Box::pin(prune(tx, kind))).await {
                warn!(error = &error as &dyn std::error::Error, kind, "failed to prune ended jobs; trying again");
            }
        }
    }
}

impl std::fmt::Debug for Runner {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Runner")
            .field("owner", &self.owner)
            .field("kinds", &self.handlers.keys())
            .finish_non_exhaustive()
    }
}

impl RunnerNotifier {
    /// Says that a transaction with new jobs committed.
    pub fn notify(&self) {
        self.0.notify_one();
    }
}

impl RunnerHandle {
    /// Says that a transaction with new jobs committed.
    pub fn notify(&self) {
        self.notifier.notify();
    }

    /// Takes no more jobs and waits for those that run. Those still running after `patience` are told to stop, then
    /// dropped, and put back for another hub or the next start.
    pub async fn drain(mut self, patience: Duration) {
        self.drain.cancel();
        let ended = match tokio::time::timeout(patience, &mut self.task).await {
            Ok(ended) => ended,
            Err(_) => {
                self.abandon.cancel();
                self.task.await
            }
        };
        if let Err(error) = ended {
            error!(error = &error as &dyn std::error::Error, "job runner ended early");
        }
    }
}

/// Returns the delay before the attempt after this one.
pub fn backoff(attempt: u32) -> Duration {
    let doublings = attempt.saturating_sub(1).min(20);
    BACKOFF_FIRST.saturating_mul(1 << doublings).min(BACKOFF_MAX)
}

enum Held<T> {
    Ended(T),
    Lost,
    Abandoned,
}

/// What becomes of a job after an attempt.
enum Settlement {
    Done,
    Again(Duration),
    Retry(String),
    Failed(String),
    /// As if the attempt had not been.
    Release,
}

impl Settlement {
    /// Returns false when the lease is lost.
    async fn write(&self, tx: &mut Tx, lease: &Lease, progress: Option<&str>) -> Result<bool, db::Error> {
        match self {
            Self::Done => finish(tx, lease, "done", None, progress).await,
            Self::Failed(error) => finish(tx, lease, "failed", Some(error), progress).await,
            // When the key waits already, that job does what this one would have gone on with.
            Self::Again(after) => {
                let requeued = requeue(tx, lease, *after, 0, None, progress).await?;
                Ok(requeued || finish(tx, lease, "done", None, progress).await?)
            }
            Self::Release => {
                let requeued = requeue(tx, lease, Duration::ZERO, lease.attempt - 1, None, progress).await?;
                Ok(requeued || finish(tx, lease, "done", Some("a newer job takes over"), progress).await?)
            }
            Self::Retry(error) => {
                let delay = backoff(lease.attempt);
                let requeued = requeue(tx, lease, delay, lease.attempt, Some(error), progress).await?;
                Ok(requeued || finish(tx, lease, "failed", Some(error), progress).await?)
            }
        }
    }
}

async fn finish(
    tx: &mut Tx,
    lease: &Lease,
    state: &str,
    error: Option<&str>,
    progress: Option<&str>,
) -> Result<bool, db::Error> {
    let now_us = tx.now_us().await?;
    let params = [
        lease.id.into(),
        (&*lease.owner).into(),
        lease.attempt.into(),
        now_us.into(),
        state.into(),
        error.into(),
        progress.into(),
    ];
    Ok(tx.execute(&FINISH_JOB, &params).await? == 1)
}

async fn requeue(
    tx: &mut Tx,
    lease: &Lease,
    delay: Duration,
    attempts: u32,
    error: Option<&str>,
    progress: Option<&str>,
) -> Result<bool, db::Error> {
    let now_us = tx.now_us().await?;
    let params = [
        lease.id.into(),
        (&*lease.owner).into(),
        lease.attempt.into(),
        now_us.into(),
        now_us.saturating_add(micros(delay)).into(),
        attempts.into(),
        error.into(),
        progress.into(),
    ];
    Ok(tx.execute(&REQUEUE_JOB, &params).await? == 1)
}

/// Returns the kind of the most urgent job that can be taken.
async fn find_due(tx: &mut Tx, kinds: &[&'static str]) -> Result<Option<&'static str>, db::Error> {
    let now_us = tx.now_us().await?;
    let mut best: Option<((i64, i64, i64), &'static str)> = None;
    for kind in kinds.iter().copied() {
        let Some(row) = find_candidate(tx, kind, now_us).await? else { continue };
        let rank = (row.get(4)?, row.get(5)?, row.get(0)?);
        if best.is_none_or(|(best, _)| rank < best) {
            best = Some((rank, kind));
        }
    }
    Ok(best.map(|(_, kind)| kind))
}

async fn find_candidate(tx: &mut Tx, kind: &str, now_us: i64) -> Result<Option<Row>, db::Error> {
    let params = [kind.into(), now_us.into()];
    match tx.find(&FIND_EXPIRED, &params).await? {
        Some(row) => Ok(Some(row)),
        None => tx.find(&FIND_DUE, &params).await,
    }
}

async fn claim(tx: &mut Tx, kind: Kind, owner: &str, lease_us: i64) -> Result<Claim, db::Error> {
    let now_us = tx.now_us().await?;
    let Some(row) = find_candidate(tx, kind.name(), now_us).await? else { return Ok(Claim::Nothing) };
    let (id, version, payload, attempts): (i64, u32, String, u32) =
        (row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?);
    let refusal = if version != kind.version() {
        Some(format!("payload version {version} is not the one this program knows, {}", kind.version()))
    } else if attempts >= kind.attempts() {
        Some(format!("its runner died in the last of {attempts} attempts"))
    } else {
        None
    };
    if let Some(reason) = refusal {
        tx.execute(&GIVE_UP, &[id.into(), now_us.into(), reason.into(), attempts.into()]).await?;
        return Ok(Claim::GivenUp);
    }
    let expires_at_us = now_us.saturating_add(lease_us);
    let params = [id.into(), owner.into(), expires_at_us.into(), now_us.into(), attempts.into()];
    if tx.execute(&TAKE_JOB, &params).await? == 1 {
        Ok(Claim::Taken(id, attempts + 1, payload))
    } else {
        Ok(Claim::GivenUp)
    }
}

/// Makes sure that the schedule's next job waits, at the last run's start plus the interval.
async fn keep_schedule(tx: &mut Tx, schedule: Schedule) -> Result<(), db::Error> {
    let now_us = tx.now_us().await?;
    let last = tx.find(&FIND_LAST_RUN, &[schedule.kind.name().into(), "".into()]).await?;
    let delay_us = match last {
        Some(row) => row.get::<i64>(0)?.saturating_add(micros(schedule.every)).saturating_sub(now_us).max(0),
        None => 0,
    };
    let job = NewJob::single(schedule.kind).after(Duration::from_micros(delay_us.unsigned_abs()));
    enqueue(tx, &job).await.map(drop)
}

async fn prune(tx: &mut Tx, kind: &str) -> Result<(), db::Error> {
    let Some(row) = tx.find(&FIND_OLDEST_KEPT, &[kind.into(), (FINISHED_KEPT - 1).into()]).await? else {
        return Ok(());
    };
    tx.execute(&PRUNE, &[kind.into(), row.get::<i64>(0)?.into(), PRUNE_ROWS.into()]).await.map(drop)
}

fn log_join(ended: Result<(), tokio::task::JoinError>) {
    if let Err(error) = ended {
        error!(error = &error as &dyn std::error::Error, "job ended early");
    }
}
