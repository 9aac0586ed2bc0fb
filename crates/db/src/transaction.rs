use std::time::{SystemTime, UNIX_EPOCH};

use crate::faults::{Faults, Verdict};
use crate::postgres::Session;
use crate::{Error, Row, Statement, Value, sqlite};

/// One transaction, inside a body given to [`Db::read`](crate::Db::read) or [`Db::write`](crate::Db::write).
pub struct Tx {
    connection: Connection,
    faults: Faults,
    failure: Option<Error>,
    now_us: Option<i64>,
}

/// What a transaction runs on.
pub(crate) enum Connection {
    Sqlite(rusqlite::Connection),
    Postgres(Session),
}

impl Tx {
    /// Runs a statement and returns how many rows it changed.
    pub async fn execute(&mut self, statement: &Statement, params: &[Value]) -> Result<u64, Error> {
        statement.check(statement.fixed_parameters(), params)?;
        self.change(statement, statement.text(), params).await
    }

    /// Runs a statement and returns every row of its answer.
    pub async fn query(&mut self, statement: &Statement, params: &[Value]) -> Result<Vec<Row>, Error> {
        statement.check(statement.fixed_parameters(), params)?;
        self.rows(statement, statement.text(), params).await
    }

    /// Runs a statement and returns the one row of its answer, if any. More than one is an error.
    pub async fn find(&mut self, statement: &Statement, params: &[Value]) -> Result<Option<Row>, Error> {
        let mut rows = self.query(statement, params).await?;
        if rows.len() > 1 {
            return Err(Error::TooManyRows { statement: statement.name() });
        }
        Ok(rows.pop())
    }

    /// Runs a statement with `{rows:N}` for all `rows`, several to a statement, and returns how many rows it changed.
    /// Every row has N values. No rows, no statement.
    pub async fn execute_rows(
        &mut self,
        statement: &Statement,
        fixed: &[Value],
        rows: &[Vec<Value>],
    ) -> Result<u64, Error> {
        statement.check(statement.fixed_parameters(), fixed)?;
        let mut changed = 0;
        for (text, params) in statement.row_chunks(fixed, rows)? {
            statement.check(params.len(), &params)?;
            changed += self.change(statement, &text, &params).await?;
        }
        Ok(changed)
    }

    /// Runs a statement with `{rows:N}` for all `rows`, several to a statement, and returns the rows of all of them, as
    /// [`Tx::query_list`] does. PostgreSQL takes the columns' types from a typed row before them:
    /// `VALUES (CAST(-1 AS BIGINT)), {rows:1}`.
    pub async fn query_rows(
        &mut self,
        statement: &Statement,
        fixed: &[Value],
        rows: &[Vec<Value>],
    ) -> Result<Vec<Row>, Error> {
        statement.check(statement.fixed_parameters(), fixed)?;
        let mut found = Vec::new();
        for (text, params) in statement.row_chunks(fixed, rows)? {
            statement.check(params.len(), &params)?;
            found.extend(self.rows(statement, &text, &params).await?);
        }
        Ok(found)
    }

    /// Runs a statement with `{list}` for all members of `list`, many to a statement, and returns the rows of all of them.
    /// `ORDER BY`, `LIMIT` and aggregates hold within a statement only, so that a list of more than 256 members is sorted
    /// and summed by the caller. No members, no statement.
    pub async fn query_list(
        &mut self,
        statement: &Statement,
        fixed: &[Value],
        list: &[Value],
    ) -> Result<Vec<Row>, Error> {
        statement.check(statement.fixed_parameters(), fixed)?;
        let mut rows = Vec::new();
        for (text, params) in statement.list_chunks(fixed, list) {
            statement.check(params.len(), &params)?;
            rows.extend(self.rows(statement, &text, &params).await?);
        }
        Ok(rows)
    }

    /// Runs a statement with `{list}` for all members of `list`, many to a statement, and returns how many rows it changed.
    /// No members, no statement.
    pub async fn execute_list(&mut self, statement: &Statement, fixed: &[Value], list: &[Value]) -> Result<u64, Error> {
        statement.check(statement.fixed_parameters(), fixed)?;
        let mut changed = 0;
        for (text, params) in statement.list_chunks(fixed, list) {
            statement.check(params.len(), &params)?;
            changed += self.change(statement, &text, &params).await?;
        }
        Ok(changed)
    }

    /// Returns the time by the database's clock, in microseconds since 1970-01-01 UTC; the same throughout a transaction.
    pub async fn now_us(&mut self) -> Result<i64, Error> {
        if let Some(now_us) = self.now_us {
            return Ok(now_us);
        }
        let now_us = match &self.connection {
            Connection::Sqlite(_) => system_time_us(),
            Connection::Postgres(_) => {
                let row = self.find(&crate::postgres::NOW_US, &[]).await?;
                row.map_or_else(|| Ok(system_time_us()), |row| row.get(0))?
            }
        };
        self.now_us = Some(now_us);
        Ok(now_us)
    }

    pub(crate) fn new(connection: Connection, faults: Faults) -> Self {
        Self { connection, faults, failure: None, now_us: None }
    }

    /// Returns the first statement error of this transaction.
    pub(crate) fn failure(&self) -> Option<&Error> {
        self.failure.as_ref()
    }

    /// Makes this transaction one that fails.
    pub(crate) fn fail(&mut self, error: Error) {
        self.failure = Some(error);
    }

    /// Forgets the last transaction on this connection.
    pub(crate) fn renew(&mut self) {
        self.failure = None;
        self.now_us = None;
    }

    pub(crate) fn connection(&self) -> &Connection {
        &self.connection
    }

    pub(crate) fn connection_mut(&mut self) -> &mut Connection {
        &mut self.connection
    }

    pub(crate) fn faults(&self) -> &Faults {
        &self.faults
    }

    async fn change(&mut self, statement: &Statement, text: &str, params: &[Value]) -> Result<u64, Error> {
        let verdict = self.admit()?;
        let outcome = match &mut self.connection {
            Connection::Sqlite(connection) => sqlite::execute(connection, statement.name(), text, params),
            Connection::Postgres(session) => session.execute(statement.name(), text, params).await,
        };
        self.settle(verdict, outcome)
    }

    async fn rows(&mut self, statement: &Statement, text: &str, params: &[Value]) -> Result<Vec<Row>, Error> {
        let verdict = self.admit()?;
        let outcome = match &mut self.connection {
            Connection::Sqlite(connection) => sqlite::query(connection, statement.name(), text, params),
            Connection::Postgres(session) => session.query(statement.name(), text, params).await,
        };
        self.settle(verdict, outcome)
    }

    fn admit(&mut self) -> Result<Verdict, Error> {
        if let Some(failure) = &self.failure {
            return Err(failure.clone());
        }
        let verdict = self.faults.next().admit();
        verdict.map_err(|error| self.failure.insert(error).clone())
    }

    fn settle<T>(&mut self, verdict: Verdict, outcome: Result<T, Error>) -> Result<T, Error> {
        let outcome = verdict.after(outcome);
        if let Err(error) = &outcome {
            self.failure = Some(error.clone());
        }
        outcome
    }
}

/// Returns this machine's time.
pub(crate) fn system_time_us() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_micros()).unwrap_or(i64::MAX)
}
