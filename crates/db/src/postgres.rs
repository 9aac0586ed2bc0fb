//! PostgreSQL: a pool of connections. Transactions run in tasks of their own, so that a caller that is dropped neither loses
//! a commit nor leaves a connection in the middle of something.

mod address;
mod migrate;
mod retries;
mod session;
mod tls;
mod values;

use std::sync::Arc;
use std::time::Duration;

use deadpool_postgres::{Hook, HookError, Manager, ManagerConfig, Pool, RecyclingMethod, Runtime, Timeouts};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot};
use tokio_postgres::NoTls;

use self::address::{Address, Protection};
use self::retries::Retries;
use self::session::{Outcome, unavailable};
use crate::metrics::{Counters, Metrics};
use crate::transaction::Connection;
use crate::{BoxFuture, Error, Faults, Schema, Statement, Tx, body};

pub(crate) use self::session::Session;

/// Connections of one hub. A server takes 100 unless told otherwise, and several hubs share it.
const CONNECTIONS_MAX: usize = 16;
/// Connections made at the start, since the pool makes others inside a request.
const CONNECTIONS_WARM: usize = 4;
/// Reads and writes that may wait or be under way; further callers wait outside. Bounds the memory of closures.
const WAITING_MAX: u32 = 2048;
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
const WAIT_TIMEOUT: Duration = Duration::from_secs(30);
/// Times that a transaction is begun again on another connection because the one from the pool was broken.
const BEGIN_ATTEMPTS_MAX: usize = 3;

/// Every wait has an end, an acknowledged commit is on the server's disk even where that is not its default, and a notice
/// that a table is there already is no news.
const SESSION: &str = "SET statement_timeout = '60s';
SET lock_timeout = '30s';
SET idle_in_transaction_session_timeout = '60s';
SET client_min_messages = warning;
SELECT set_config('synchronous_commit', 'on', false) WHERE current_setting('synchronous_commit') = 'off'";

const BEGIN_READ: &str = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY";
const BEGIN_WRITE: &str = "BEGIN ISOLATION LEVEL SERIALIZABLE READ WRITE";

crate::statements! {
    /// The server's clock.
    NOW_US = "SELECT CAST(EXTRACT(EPOCH FROM clock_timestamp()) * 1000000 AS BIGINT)";
}

/// A PostgreSQL database. Clones are handles to the same pool.
#[derive(Clone)]
pub(crate) struct Postgres(Arc<Shared>);

struct Shared {
    pool: Pool,
    faults: Faults,
    places: Arc<Semaphore>,
    counters: Counters,
}

impl Postgres {
    /// Connects, checks and migrates.
    pub(crate) async fn open(url: &str, faults: Faults) -> Result<Self, Error> {
        let address = Address::parse(url)?;
        let pool = pool(&address)?;
        migrate::check_server(&pool).await?;
        migrate::migrate(&pool, Schema::Hub, &faults).await?;
        let warm = futures_util::future::join_all((0..CONNECTIONS_WARM).map(|_| pool.get())).await;
        drop(warm);
        let places = Arc::new(Semaphore::new(WAITING_MAX as usize));
        Ok(Self(Arc::new(Shared { pool, faults, places, counters: Counters::default() })))
    }

    /// Brings another set of tables in this database to this release's version.
    pub(crate) async fn migrate(&self, schema: Schema) -> Result<(), Error> {
        migrate::migrate(&self.0.pool, schema, &self.0.faults).await
    }

    pub(crate) async fn read<T, E, F>(&self, body: F) -> Result<T, E>
    where
        F: for<'t> FnOnce(&'t mut Tx) -> BoxFuture<'t, Result<T, E>> + Send + 'static,
        T: Send + 'static,
        E: From<Error> + Send + 'static,
    {
        let place = self.place().await?;
        let (reply, answer) = oneshot::channel();
        let this = self.clone();
        tokio::spawn(async move {
            this.0.counters.read();
            match this.begin(BEGIN_READ).await {
                Err(error) => drop(reply.send(Err(error.into()))),
                Ok(mut tx) => {
                    let outcome = body::run(&mut tx, body).await;
                    // Answered first: nothing was changed, so that the caller need not wait for the end.
                    let _dropped_caller = reply.send(outcome);
                    roll_back(&mut tx).await;
                }
            }
            drop(place);
        });
        answer.await.unwrap_or_else(|_| Err(Error::Closed.into()))
    }

    pub(crate) async fn write<T, E, F>(&self, body: F) -> Result<T, E>
    where
        F: for<'t> Fn(&'t mut Tx) -> BoxFuture<'t, Result<T, E>> + Send + Sync + 'static,
        T: Send + 'static,
        E: From<Error> + Send + 'static,
    {
        let place = self.place().await?;
        let (reply, answer) = oneshot::channel();
        let this = self.clone();
        tokio::spawn(async move {
            let outcome = this.write_until_settled(body).await;
            drop(place);
            let _dropped_caller = reply.send(outcome);
        });
        answer.await.unwrap_or_else(|_| Err(Error::Closed.into()))
    }

    pub(crate) async fn prepare(&self, statement: &Statement) -> Result<(), Error> {
        let client = self.0.pool.get().await.map_err(unavailable)?;
        session::prepare(&client, statement).await
    }

    pub(crate) fn metrics(&self) -> Metrics {
        let free = self.0.places.available_permits();
        self.0.counters.snapshot((WAITING_MAX as usize).saturating_sub(free) as u64)
    }

    pub(crate) async fn close(self) {
        // All places: nothing waits and nothing is under way. An error says that another clone closed it already.
        let _all = self.0.places.acquire_many(WAITING_MAX).await;
        self.0.places.close();
        self.0.pool.close();
    }

    async fn place<E: From<Error>>(&self) -> Result<OwnedSemaphorePermit, E> {
        Arc::clone(&self.0.places).acquire_owned().await.map_err(|_| Error::Closed.into())
    }

    async fn write_until_settled<T, E, F>(&self, body: F) -> Result<T, E>
    where
        F: for<'t> Fn(&'t mut Tx) -> BoxFuture<'t, Result<T, E>> + Send + Sync,
        T: Send,
        E: From<Error> + Send,
    {
        let mut retries = Retries::default();
        loop {
            let (outcome, failure) = self.attempt(&body).await;
            let Some(pause) = failure.and_then(|failure| retries.pause_after(&failure)) else {
                self.0.counters.group(1, outcome.is_ok());
                return outcome;
            };
            self.0.counters.retry();
            tokio::time::sleep(pause).await;
        }
    }

    /// Runs a write once. Beside the outcome stands the database's error that decided it, if one did.
    async fn attempt<T, E, F>(&self, body: &F) -> (Result<T, E>, Option<Error>)
    where
        F: for<'t> Fn(&'t mut Tx) -> BoxFuture<'t, Result<T, E>> + Send + Sync,
        E: From<Error>,
    {
        let failed = |error: Error| (Err(E::from(error.clone())), Some(error));
        let mut tx = match self.begin(BEGIN_WRITE).await {
            Ok(tx) => tx,
            Err(error) => return failed(error),
        };
        let outcome = body::run(&mut tx, body).await;
        if outcome.is_err() {
            let failure = tx.failure().cloned();
            roll_back(&mut tx).await;
            return (outcome, failure);
        }
        match self.commit(&mut tx).await {
            Ok(()) => (outcome, None),
            Err(error) => failed(error),
        }
    }

    async fn begin(&self, text: &'static str) -> Result<Tx, Error> {
        let verdict = self.0.faults.next().admit()?;
        let mut attempts = 1;
        let session = loop {
            match Session::begin(&self.0.pool, text).await {
                Err(Error::Unavailable { .. }) if attempts < BEGIN_ATTEMPTS_MAX => attempts += 1,
                begun => break begun,
            }
        };
        let session = verdict.after(session)?;
        Ok(Tx::new(Connection::Postgres(session), self.0.faults.clone()))
    }

    async fn commit(&self, tx: &mut Tx) -> Result<(), Error> {
        let Connection::Postgres(session) = tx.connection_mut() else { return Err(Error::Closed) };
        let verdict = match self.0.faults.next().admit() {
            Ok(verdict) => verdict,
            Err(error) => {
                session.end(Outcome::RolledBack).await?;
                return Err(error);
            }
        };
        verdict.after(session.end(Outcome::Committed).await)
    }
}

async fn roll_back(tx: &mut Tx) {
    if let Connection::Postgres(session) = tx.connection_mut() {
        // A session that cannot roll back is dropped with its connection, and the server rolls back.
        let _failed = session.end(Outcome::RolledBack).await;
    }
}

fn pool(address: &Address) -> Result<Pool, Error> {
    let config = address.config.clone();
    let manager_config = ManagerConfig { recycling_method: RecyclingMethod::Fast };
    let manager = match &address.protection {
        Protection::None => Manager::from_config(config, NoTls, manager_config),
        Protection::VerifyFull { authorities } => {
            Manager::from_config(config, tls::Tls::new(authorities.as_deref())?, manager_config)
        }
    };
    let settings = Hook::async_fn(|client: &mut deadpool_postgres::ClientWrapper, _| {
        Box::pin(async move { client.batch_execute(SESSION).await.map_err(HookError::Backend) })
    });
    let timeouts = Timeouts { wait: Some(WAIT_TIMEOUT), create: Some(CONNECT_TIMEOUT), recycle: Some(CONNECT_TIMEOUT) };
    let pool = Pool::builder(manager)
        .max_size(CONNECTIONS_MAX)
        .runtime(Runtime::Tokio1)
        .timeouts(timeouts)
        .post_create(settings)
        .build();
    pool.map_err(|error| Error::Server { reason: error.to_string() })
}
