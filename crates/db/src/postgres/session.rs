use deadpool_postgres::{Client, Pool, PoolError};
use tokio_postgres::error::{Severity, SqlState};
use tokio_postgres::types::ToSql;

use super::values::{Param, row};
use crate::{Error, Row, Statement, Value, error};

/// A connection with a transaction under way. Dropped before its end, it takes the connection with it, and the server rolls
/// back: a pooled connection is never left inside a transaction.
pub(crate) struct Session {
    client: Option<Client>,
}

/// How a transaction ends.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Outcome {
    Committed,
    RolledBack,
}

impl Session {
    /// Takes a connection and begins a transaction.
    pub(super) async fn begin(pool: &Pool, text: &'static str) -> Result<Self, Error> {
        let client = pool.get().await.map_err(unavailable)?;
        let session = Self { client: Some(client) };
        let begun = session.client()?.batch_execute(text).await;
        begun.map(|()| session).map_err(|source| {
            classified(source).unwrap_or_else(|source| Error::Begin { source: error::source(source) })
        })
    }

    /// Ends the transaction and gives the connection back.
    pub(super) async fn end(&mut self, outcome: Outcome) -> Result<(), Error> {
        let text = if outcome == Outcome::Committed { "COMMIT" } else { "ROLLBACK" };
        self.client()?.batch_execute(text).await.map_err(commit_error)?;
        drop(self.client.take());
        Ok(())
    }

    /// Runs a statement and returns how many rows it changed.
    pub(crate) async fn execute(&mut self, name: &'static str, text: &str, params: &[Value]) -> Result<u64, Error> {
        let client = self.client()?;
        let failed = |source| statement_error(name, source);
        let statement = client.prepare_cached(text).await.map_err(failed)?;
        let params: Vec<_> = params.iter().map(Param).collect();
        client.execute(&statement, &borrowed(&params)).await.map_err(failed)
    }

    /// Runs a statement and returns every row.
    pub(crate) async fn query(&mut self, name: &'static str, text: &str, params: &[Value]) -> Result<Vec<Row>, Error> {
        let client = self.client()?;
        let failed = |source| statement_error(name, source);
        let statement = client.prepare_cached(text).await.map_err(failed)?;
        let params: Vec<_> = params.iter().map(Param).collect();
        let rows = client.query(&statement, &borrowed(&params)).await.map_err(failed)?;
        rows.iter().map(|found| row(name, found)).collect()
    }

    /// Runs a script of several statements without parameters.
    pub(super) async fn script(&mut self, name: &'static str, text: &str) -> Result<(), Error> {
        self.client()?.batch_execute(text).await.map_err(|source| statement_error(name, source))
    }

    fn client(&self) -> Result<&Client, Error> {
        self.client.as_ref().ok_or(Error::Closed)
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        if let Some(client) = self.client.take() {
            drop(Client::take(client));
        }
    }
}

/// Has the server parse a statement.
pub(super) async fn prepare(client: &Client, statement: &Statement) -> Result<(), Error> {
    let prepared =
        client.prepare(&statement.sample()).await.map_err(|source| statement_error(statement.name(), source))?;
    let named = super::super::statement::parameter_count(&statement.sample());
    if prepared.params().len() != named {
        return Err(Error::ParameterCount {
            statement: statement.name(),
            expected: prepared.params().len(),
            actual: named,
        });
    }
    Ok(())
}

/// Returns the error of a pool that gave no connection.
pub(super) fn unavailable(source: PoolError) -> Error {
    match source {
        PoolError::Closed => Error::Closed,
        source => Error::Unavailable { source: error::source(source) },
    }
}

fn borrowed<'p>(params: &'p [Param<'p>]) -> Vec<&'p (dyn ToSql + Sync)> {
    params.iter().map(|param| param as &(dyn ToSql + Sync)).collect()
}

fn statement_error(statement: &'static str, source: tokio_postgres::Error) -> Error {
    if source.code() == Some(&SqlState::UNIQUE_VIOLATION) {
        return Error::Conflict { statement, source: error::source(source) };
    }
    classified(source).unwrap_or_else(|source| Error::Statement { statement, source: error::source(source) })
}

fn commit_error(source: tokio_postgres::Error) -> Error {
    let is_refused = source.as_db_error().is_some_and(|refusal| refusal.parsed_severity() == Some(Severity::Error));
    if !is_refused {
        return Error::OutcomeUnknown { source: error::source(source) };
    }
    if source.code() == Some(&SqlState::UNIQUE_VIOLATION) {
        return Error::Conflict { statement: "COMMIT", source: error::source(source) };
    }
    classified(source).unwrap_or_else(|source| Error::Commit { source: error::source(source) })
}

/// Returns the errors that mean the same wherever they come from; gives back the others.
fn classified(source: tokio_postgres::Error) -> Result<Error, tokio_postgres::Error> {
    let Some(code) = source.code() else {
        let is_broken = source.is_closed()
            || std::error::Error::source(&source).is_some_and(<dyn std::error::Error>::is::<std::io::Error>);
        return if is_broken { Ok(Error::Unavailable { source: error::source(source) }) } else { Err(source) };
    };
    if *code == SqlState::T_R_SERIALIZATION_FAILURE || *code == SqlState::T_R_DEADLOCK_DETECTED {
        return Ok(Error::Contended { source: error::source(source) });
    }
    if *code == SqlState::DISK_FULL {
        return Ok(Error::Full { source: error::source(source) });
    }
    match code.code().get(..2) {
        // Connection lost, no more connections, shutting down or starting.
        Some("08") => Ok(Error::Unavailable { source: error::source(source) }),
        _ if [
            SqlState::TOO_MANY_CONNECTIONS,
            SqlState::ADMIN_SHUTDOWN,
            SqlState::CRASH_SHUTDOWN,
            SqlState::CANNOT_CONNECT_NOW,
        ]
        .contains(code) =>
        {
            Ok(Error::Unavailable { source: error::source(source) })
        }
        Some("XX") if *code != SqlState::INTERNAL_ERROR => Ok(Error::Corrupt { source: error::source(source) }),
        _ => Err(source),
    }
}
