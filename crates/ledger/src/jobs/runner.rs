//! Taking due jobs, holding their leases, and what becomes of them.

use std::{
    collections::BTreeMap,
    panic::AssertUnwindSafe,
    sync::{Arc, Mutex},
    time::Duration,
};

use db::{BoxFuture, Db, Row, Tx, Value};
use futures_util::FutureExt as _;
use tokio::{
    sync::{Notify, OwnedSemaphorePermit, Semaphore},
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

/// How long a job stays with a hub that has died. Renewed every fifth of it.
pub const LEASE: Duration = Duration::from_secs(30);
/// Jobs of one process at once: enough to overlap waiting, few enough to leave the machine to requests.
pub const CONCURRENCY: usize = 4;
/// Delay after the first failed attempt; doubles with each.
pub const BACKOFF_FIRST: Duration = Duration::from_secs(5);
/// Longest delay between attempts.
pub const BACKOFF_MAX: Duration = Duration::from_hours(1);
/// Ended jobs kept of each kind, for people to look at.
pub const FINISHED_KEPT: u32 = 200;
/// How often an idle runner looks for jobs: notifications are hints, and other hubs send none.
const POLL: Duration = Duration::from_secs(1);
/// How often ended jobs are pruned and lost schedules are mended.
const UPKEEP: Duration = Duration::from_secs(30);
/// Ended jobs removed by one write.
const PRUNE_ROWS: u32 = 500;
/// What a handler that lost its lease, or whose time is up, has to put things down before it is dropped.
const PUT_DOWN: Duration = Duration::from_secs(2);
/// Attempts at writing a result while the lease lasts.
const FINISH_RETRY: Duration = Duration::from_millis(500);

db::statements! {
    /// The most urgent job that is due and whose key is not running.
    FIND_DUE = "SELECT id, kind, payload_version, payload, attempts FROM jobs \
        WHERE state = 'pending' AND not_before_us <= $1 AND kind IN {list} \
        AND NOT EXISTS (SELECT 1 FROM jobs AS other WHERE other.state = 'running' AND other.kind = jobs.kind \
        AND other.deduplication_key = jobs.deduplication_key) ORDER BY priority, not_before_us, id LIMIT 1";
    /// A job whose runner has died.
    FIND_EXPIRED = "SELECT id, kind, payload_version, payload, attempts FROM jobs \
        WHERE state = 'running' AND lease_expires_at_us <= $1 AND kind IN {list} \
        ORDER BY priority, not_before_us, id LIMIT 1";
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
    /// Tells whether a schedule's job waits or runs.
    FIND_SCHEDULED = "SELECT id FROM jobs WHERE kind = $1 AND deduplication_key = '' \
        AND state IN ('pending', 'running') LIMIT 1";
    /// Has the job that waits with an attempt's key run at the given time, if that is earlier.
    HASTEN_SUCCESSOR = "UPDATE jobs SET not_before_us = $2 WHERE state = 'pending' AND not_before_us > $2 \
        AND kind = (SELECT kind FROM jobs WHERE id = $1) \
        AND deduplication_key = (SELECT deduplication_key FROM jobs WHERE id = $1)";
    /// The newest ended job of a kind that is not kept.
    FIND_NEWEST_PRUNED = "SELECT id FROM jobs WHERE kind = $1 AND state IN ('done', 'failed', 'canceled') \
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
    schedules: BTreeMap<&'static str, Schedule>,
    concurrency: usize,
    lease: Duration,
    notifier: RunnerNotifier,
}

#[derive(Clone)]
struct Registered {
    kind: Kind,
    handler: Handler,
    /// How many may run at once in this process, where that is fewer than all jobs.
    places: Option<Arc<Semaphore>>,
}

/// A job that is to run again and again, whichever hub is up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Schedule {
    /// What to run; its handler gets the payload `null`.
    kind: Kind,
    /// From the start of one run to the start of the next.
    every: Duration,
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
    _place: Option<OwnedSemaphorePermit>,
}

/// The kinds that a runner has handlers for, also as a list for statements.
struct Kinds {
    known: Vec<Kind>,
    names: Vec<Value>,
}

/// What trying to take a job gave.
enum Claim {
    Taken { id: i64, kind: Kind, attempt: u32, payload: String },
    GivenUp,
    Nothing,
}

impl Registered {
    fn has_room(&self) -> bool {
        self.places.as_ref().is_none_or(|places| places.available_permits() > 0)
    }
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
            schedules: BTreeMap::new(),
            concurrency: CONCURRENCY,
            lease: LEASE,
            notifier: RunnerNotifier::default(),
        }
    }

    /// Adds the handler of a kind. It must bear being run again for the same job, and being dropped at any await.
    #[must_use]
    pub fn handler<F>(self, kind: Kind, handler: F) -> Self
    where
        F: Fn(Context) -> BoxFuture<'static, Result<Outcome, JobError>> + Send + Sync + 'static,
    {
        self.register(Registered { kind, handler: Arc::new(handler), places: None })
    }

    /// As [`Runner::handler`], for jobs that take long: at most `at_once` of the kind run in this process, so that they
    /// never keep others waiting.
    #[must_use]
    pub fn limited_handler<F>(self, kind: Kind, at_once: usize, handler: F) -> Self
    where
        F: Fn(Context) -> BoxFuture<'static, Result<Outcome, JobError>> + Send + Sync + 'static,
    {
        let places = Some(Arc::new(Semaphore::new(at_once.max(1))));
        self.register(Registered { kind, handler: Arc::new(handler), places })
    }

    fn register(mut self, registered: Registered) -> Self {
        let name = registered.kind.name();
        let before = self.handlers.insert(name, registered);
        assert!(before.is_none(), "job kind `{name}` has two handlers");
        self
    }

    /// Has a job of a kind run every so often, also across restarts: one waits at any time.
    #[must_use]
    pub fn schedule(mut self, kind: Kind, every: Duration) -> Self {
        self.schedules.insert(kind.name(), Schedule { kind, every });
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
        for schedule in self.schedules.values() {
            self.keep_schedule(*schedule).await;
        }
        while !drain.is_cancelled() {
            self.fill(&mut running, &drain, &abandon).await;
            tokio::select! {
                () = drain.cancelled() => {}
                () = self.notifier.0.notified() => {}
                () = tokio::time::sleep(POLL) => {}
                Some(ended) = running.join_next() => log_join(ended),
                _ = upkeep.tick() => self.upkeep().await,
            }
        }
        while let Some(ended) = running.join_next().await {
            log_join(ended);
        }
    }

    /// Starts due jobs while there is room.
    async fn fill(&self, running: &mut JoinSet<()>, drain: &CancellationToken, abandon: &CancellationToken) {
        while running.len() < self.concurrency && !drain.is_cancelled() {
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
        let known: Vec<Kind> = self
            .handlers
            .values()
            .filter(|registered| registered.has_room())
            .map(|registered| registered.kind)
            .collect();
        let names = known.iter().map(|kind| kind.name().into()).collect();
        let kinds = Arc::new(Kinds { known, names });
        let lease_us = micros(self.lease);
        loop {
            let looked = Arc::clone(&kinds);
            let due = self.database.read(move |tx| {
                Box::pin(async move { Ok::<_, db::Error>(find_candidate(tx, &looked.names).await?.is_some()) })
            });
            if !due.await? {
                return Ok(None);
            }
            let (kinds, owner) = (Arc::clone(&kinds), Arc::clone(&self.owner));
            let claim = self.database.write(move |tx| {
                let (kinds, owner) = (Arc::clone(&kinds), Arc::clone(&owner));
                Box::pin(async move { claim(tx, &kinds, &owner, lease_us).await })
            });
            match claim.await? {
                Claim::Taken { id, kind, attempt, payload } => {
                    let Some(registered) = self.handlers.get(kind.name()).cloned() else { return Ok(None) };
                    let owner = Arc::clone(&self.owner);
                    let lease = Lease { id, kind: kind.name(), owner, attempt, duration_us: lease_us };
                    // There was room, and nobody else takes jobs of this runner.
                    let place = registered.places.clone().and_then(|places| places.try_acquire_owned().ok());
                    return Ok(Some(Taken { registered, lease, payload, _place: place }));
                }
                // It was ended instead: look again.
                Claim::GivenUp => {}
                Claim::Nothing => return Ok(None),
            }
        }
    }

    /// Runs one job to an end of whatever kind.
    async fn work(self, taken: Taken, abandon: CancellationToken) {
        let Taken { registered, lease, payload, _place } = taken;
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
    async fn hold<T>(&self, context: &Context, mut handler: BoxFuture<'_, T>) -> Held<T> {
        let fifth = self.lease / 5;
        // By this process's clock, so that a database that does not answer cannot keep a lost job going: told to stop
        // after three fifths of the lease, dropped after four.
        let mut renewed_at = Instant::now();
        let mut renewal = tokio::time::interval_at(renewed_at + fifth, fifth);
        renewal.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let lost = loop {
            tokio::select! {
                biased;
                result = &mut handler => return Held::Ended(result),
                () = context.stop.cancelled() => break false,
                _ = renewal.tick() => {}
            }
            let asked_at = Instant::now();
            let renewed = tokio::select! {
                biased;
                result = &mut handler => return Held::Ended(result),
                renewed = tokio::time::timeout_at(renewed_at + fifth * 3, self.renew(context)) => renewed,
            };
            match renewed {
                Ok(Ok(true)) => renewed_at = asked_at,
                Ok(Err(error)) => {
                    warn!(error = &error as &dyn std::error::Error, "failed to renew a job's lease; trying again");
                }
                Ok(Ok(false)) | Err(_) => break true,
            }
        };
        context.stop.cancel();
        match tokio::time::timeout(PUT_DOWN.min(fifth), handler).await {
            _ if lost => Held::Lost,
            Ok(result) => Held::Ended(result),
            Err(_) => Held::Abandoned,
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
            let schedule = self.schedules.get(lease.kind).copied();
            let settled = self.database.write(move |tx| {
                let (lease, settlement, progress) = (lease.clone(), Arc::clone(&settlement), progress.clone());
                Box::pin(async move {
                    let held = settlement.write(tx, &lease, progress.as_deref()).await?;
                    if let (true, Some(schedule)) = (held, schedule) {
                        keep_schedule(tx, schedule).await?;
                    }
                    Ok::<_, db::Error>(held)
                })
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

    /// Looks after schedules whose job got lost, and removes old jobs.
    async fn upkeep(&self) {
        for schedule in self.schedules.values().copied() {
            let kind = schedule.kind.name();
            let waits = self.database.read(move |tx| {
                Box::pin(async move { Ok::<_, db::Error>(tx.find(&FIND_SCHEDULED, &[kind.into()]).await?.is_some()) })
            });
            if !waits.await.unwrap_or(false) {
                self.keep_schedule(schedule).await;
            }
        }
        for kind in self.handlers.keys().copied() {
            if let Err(error) = self.prune(kind).await {
                warn!(error = &error as &dyn std::error::Error, kind, "failed to prune ended jobs; trying again");
            }
        }
    }

    async fn keep_schedule(&self, schedule: Schedule) {
        let kept = self.database.write(move |tx| Box::pin(keep_schedule(tx, schedule))).await;
        if let Err(error) = kept {
            let error = &error as &dyn std::error::Error;
            warn!(error, kind = schedule.kind.name(), "failed to schedule a job; trying again");
        }
    }

    /// Removes ended jobs of a kind beyond [`FINISHED_KEPT`], some at a time.
    async fn prune(&self, kind: &'static str) -> Result<(), db::Error> {
        loop {
            let first = self.database.read(move |tx| Box::pin(find_first_pruned(tx, kind))).await?;
            let Some(before) = first else { return Ok(()) };
            self.database
                .write(move |tx| {
                    Box::pin(async move { tx.execute(&PRUNE, &[kind.into(), before.into(), PRUNE_ROWS.into()]).await })
                })
                .await?;
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
        let ended = if let Ok(ended) = tokio::time::timeout(patience, &mut self.task).await {
            ended
        } else {
            self.abandon.cancel();
            self.task.await
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
            Self::Again(after) => {
                let requeued = requeue(tx, lease, *after, 0, None, progress).await?;
                Ok(requeued || yield_to_successor(tx, lease, *after, progress).await?)
            }
            Self::Release => {
                let requeued = requeue(tx, lease, Duration::ZERO, lease.attempt - 1, None, progress).await?;
                Ok(requeued || yield_to_successor(tx, lease, Duration::ZERO, progress).await?)
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

/// Ends a job whose key waits already: that job does what this one would have gone on with.
async fn yield_to_successor(
    tx: &mut Tx,
    lease: &Lease,
    after: Duration,
    progress: Option<&str>,
) -> Result<bool, db::Error> {
    let not_before_us = tx.now_us().await?.saturating_add(micros(after));
    tx.execute(&HASTEN_SUCCESSOR, &[lease.id.into(), not_before_us.into()]).await?;
    finish(tx, lease, "done", None, progress).await
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

/// Returns the job to take next, if any is due.
async fn find_candidate(tx: &mut Tx, kinds: &[Value]) -> Result<Option<Row>, db::Error> {
    let now_us = tx.now_us().await?;
    let mut rows = tx.query_list(&FIND_EXPIRED, &[now_us.into()], kinds).await?;
    if rows.is_empty() {
        rows = tx.query_list(&FIND_DUE, &[now_us.into()], kinds).await?;
    }
    Ok(rows.into_iter().next())
}

async fn claim(tx: &mut Tx, kinds: &Kinds, owner: &str, lease_us: i64) -> Result<Claim, db::Error> {
    let Some(row) = find_candidate(tx, &kinds.names).await? else { return Ok(Claim::Nothing) };
    let now_us = tx.now_us().await?;
    let (id, name, version, payload, attempts): (i64, String, u32, String, u32) =
        (row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?, row.get(4)?);
    let Some(kind) = kinds.known.iter().find(|kind| kind.name() == name) else { return Ok(Claim::Nothing) };
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
        Ok(Claim::Taken { id, kind: *kind, attempt: attempts + 1, payload })
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

/// Returns the id before which ended jobs of a kind are to go, when there are any.
async fn find_first_pruned(tx: &mut Tx, kind: &str) -> Result<Option<i64>, db::Error> {
    let params = [kind.into(), FINISHED_KEPT.into()];
    Ok(tx.find(&FIND_NEWEST_PRUNED, &params).await?.map(|row| row.get::<i64>(0)).transpose()?.map(|id| id + 1))
}

fn log_join(ended: Result<(), tokio::task::JoinError>) {
    if let Err(error) = ended {
        error!(error = &error as &dyn std::error::Error, "job ended early");
    }
}
