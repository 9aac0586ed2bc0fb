use deadpool_postgres::Pool;

use super::session::{Outcome, Session};
use crate::migrations::{self, Migration, Schema};
use crate::{Error, Faults, Kind, error};

/// The oldest server that its makers still mend.
const SERVER_VERSION_MIN: i64 = 140_000;

/// Read committed: a snapshot would be taken before the wait for the lock and not show what its last holder did.
const BEGIN: &str = "BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE";
/// Waits for other hubs that migrate, for a minute at most, and lets a large step take its time. The number is this
/// program's own, picked once at random.
const LOCK: &str = "SET LOCAL statement_timeout = 0;
SET LOCAL lock_timeout = '60s';
SELECT pg_advisory_xact_lock(7313284610325418289)";

crate::statements! {
    /// What the server is.
    SERVER = "SELECT CAST(current_setting('server_version_num') AS BIGINT), current_setting('server_version'), \
              current_setting('server_encoding')";
}

/// Refuses servers that are too old or would mangle text.
pub(super) async fn check_server(pool: &Pool) -> Result<(), Error> {
    let mut session = Session::begin(pool, BEGIN).await.map_err(|error| match error {
        Error::Begin { source } => Error::Unavailable { source },
        error => error,
    })?;
    let rows = session.query(SERVER.name(), SERVER.text(), &[]).await?;
    session.end(Outcome::RolledBack).await?;
    let row = rows.first().ok_or(Error::Closed)?;
    let (version, name, encoding): (i64, String, String) = (row.get(0)?, row.get(1)?, row.get(2)?);
    if version < SERVER_VERSION_MIN {
        return Err(Error::Server { reason: format!("it is PostgreSQL {name}, at least 14 is needed") });
    }
    if encoding != "UTF8" {
        return Err(Error::Server { reason: format!("the database's encoding is {encoding}, UTF8 is needed") });
    }
    Ok(())
}

/// Brings the database to this release's version.
pub(super) async fn migrate(pool: &Pool, schema: Schema, faults: &Faults) -> Result<(), Error> {
    while let Some(version) = migrate_once(pool, schema, faults).await? {
        tracing::info!(version, "database migrated");
    }
    Ok(())
}

/// Takes the next step, if there is one, in one transaction under a lock, and returns its version.
async fn migrate_once(pool: &Pool, schema: Schema, faults: &Faults) -> Result<Option<i64>, Error> {
    let verdict = faults.next().admit()?;
    let mut session = verdict.after(Session::begin(pool, BEGIN).await)?;
    guarded(faults, session.script("LOCK", LOCK)).await?;
    guarded(faults, session.script("HISTORY", &schema.history(Kind::Postgres))).await?;
    let list = schema.list_applied();
    let listed = guarded(faults, session.query(list.name(), list.text(), &[])).await?;
    let applied = listed.iter().map(|row| Ok((row.get(0)?, row.get(1)?))).collect::<Result<Vec<_>, Error>>()?;
    let Some(migration) = migrations::next(schema.migrations(), &applied)? else {
        session.end(Outcome::RolledBack).await?;
        return Ok(None);
    };
    let version = migration.version;
    let applied = apply(&mut session, schema, faults, migration).await;
    applied.map_err(|error| Error::Migration { version, source: error::source(error) })?;
    Ok(Some(version))
}

async fn apply(session: &mut Session, schema: Schema, faults: &Faults, migration: &Migration) -> Result<(), Error> {
    guarded(faults, session.script("MIGRATION", &migration.script(Kind::Postgres))).await?;
    let insert = schema.insert_applied();
    let params = [migration.version.into(), migration.checksum().into(), crate::transaction::system_time_us().into()];
    guarded(faults, session.execute(insert.name(), insert.text(), &params)).await?;
    guarded(faults, session.end(Outcome::Committed)).await
}

async fn guarded<T>(faults: &Faults, operation: impl Future<Output = Result<T, Error>>) -> Result<T, Error> {
    let verdict = faults.next().admit()?;
    verdict.after(operation.await)
}
