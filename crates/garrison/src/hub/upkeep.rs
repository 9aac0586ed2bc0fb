//! What the hub does by itself: jobs, sealing of the audit log, the count of denials.

use std::sync::Arc;
use std::time::Duration;

use ledger::audit::{Denials, Sealer, SealerHandle};
use ledger::jobs::{JobError, Kind, Outcome, Runner, RunnerHandle};
use registry::{Clock, Registry};
use tenancy::Tenancy;
use tokio::task::JoinHandle;
use tracing::warn;

use crate::server::Stop;

/// Gives the token key a successor when it is time.
const ROTATE_KEYS: Kind = Kind::new("keys.rotate");
/// Removes sessions that have ended.
const EXPIRE_SESSIONS: Kind = Kind::new("sessions.expire");

const ROTATE_KEYS_EVERY: Duration = Duration::from_hours(1);
const EXPIRE_SESSIONS_EVERY: Duration = Duration::from_mins(10);

/// Denials are counted by the minute, so more often finds nothing new.
const WRITE_DENIALS_EVERY: Duration = Duration::from_secs(20);

/// How long a job may take to come to a good end at a stop. Those that do not go on at the next start.
const JOB_DRAIN: Duration = Duration::from_secs(10);

/// What runs beside the listeners.
pub(super) struct Upkeep {
    database: db::Db,
    registry: Registry,
    denials: Arc<Denials>,
    stop: Stop,
    writes_denials: JoinHandle<()>,
    runner: RunnerHandle,
    sealer: SealerHandle,
}

impl Upkeep {
    /// Starts it.
    pub(super) fn start(
        database: &db::Db,
        registry: &Registry,
        tenancy: &Tenancy,
        denials: Arc<Denials>,
        runner: Runner,
        sealer: Sealer,
    ) -> Self {
        // A stop of its own: upkeep goes on while requests end.
        let stop = Stop::new();
        let writes_denials = tokio::spawn(write_denials(database.clone(), Arc::clone(&denials), stop.clone()));
        let runner = with_accounts(registry.with_jobs(runner), tenancy).start();
        let registry = registry.clone();
        Self { database: database.clone(), registry, denials, stop, writes_denials, runner, sealer: sealer.start() }
    }

    /// Stops it: jobs first, then what they and the last requests left to record, then the seal over it.
    pub(super) async fn stop(self) {
        self.runner.drain(JOB_DRAIN).await;
        if let Err(error) = self.registry.keep_begun_uploads().await {
            warn!(error = &error as &dyn std::error::Error, "uploads that had just begun are forgotten");
        }
        self.stop.request();
        if let Err(error) = self.writes_denials.await {
            warn!(error = %error, "the count of denials ended early");
        }
        if let Err(error) = self.denials.drain(&self.database).await {
            warn!(error = &error as &dyn std::error::Error, "failed to record the last denials");
        }
        self.sealer.stop().await;
    }
}

fn with_accounts(runner: Runner, tenancy: &Tenancy) -> Runner {
    let rotates = tenancy.clone();
    runner
        .handler(ROTATE_KEYS, move |_| {
            let tenancy = rotates.clone();
            Box::pin(async move {
                tenancy.rotate_keys(Clock::System.now_us()).await.map_err(|error| JobError::retry(&error))?;
                Ok(Outcome::Done)
            })
        })
        .handler(EXPIRE_SESSIONS, move |context| {
            Box::pin(async move {
                while !context.is_canceled() {
                    let expired = context
                        .database()
                        .write(|tx| Box::pin(tenancy::expire_sessions(tx)))
                        .await
                        .map_err(|error: tenancy::Error| JobError::retry(&error))?;
                    if expired == 0 {
                        break;
                    }
                }
                Ok(Outcome::Done)
            })
        })
        .schedule(ROTATE_KEYS, ROTATE_KEYS_EVERY)
        .schedule(EXPIRE_SESSIONS, EXPIRE_SESSIONS_EVERY)
}

async fn write_denials(database: db::Db, denials: Arc<Denials>, stop: Stop) {
    loop {
        tokio::select! {
            () = stop.requested() => return,
            () = tokio::time::sleep(WRITE_DENIALS_EVERY) => {}
        }
        if let Err(error) = denials.flush(&database, Clock::System.now_us()).await {
            warn!(error = &error as &dyn std::error::Error, "failed to record denials; trying again");
        }
    }
}
