use std::path::Path;
use std::time::{Duration, Instant};

use rusqlite::types::{ToSqlOutput, Type, ValueRef};
use rusqlite::{CachedStatement, Connection, ErrorCode, OpenFlags, ToSql, ffi};

use crate::migrations::{self, Migration, Schema};
use crate::{Error, Faults, Kind, Row, Statement, Tx, Value, error};

/// Wait for another process or a checkpoint that holds the file.
const BUSY_TIMEOUT: Duration = Duration::from_secs(10);
const BUSY_PAUSE: Duration = Duration::from_millis(5);
/// More than the hub has statement texts.
const STATEMENTS_CACHED_MAX: usize = 256;
/// Page cache of a connection, in KiB. The system caches the file; this saves the calls, and an idle hub stays small.
const WRITER_CACHE_KIB: i64 = 4096;
const READER_CACHE_KIB: i64 = 2048;
/// What stays of a write-ahead log that had grown.
const LOG_KEPT_BYTES: i64 = 16 * 1024 * 1024;

pub(super) fn open_writer(path: &Path) -> rusqlite::Result<Connection> {
    let connection = open(path, WRITER_CACHE_KIB)?;
    set_write_ahead_log(&connection)?;
    connection.pragma_update(None, "synchronous", "FULL")?;
    connection.pragma_update(None, "journal_size_limit", LOG_KEPT_BYTES)?;
    Ok(connection)
}

pub(super) fn open_reader(path: &Path) -> rusqlite::Result<Connection> {
    let connection = open(path, READER_CACHE_KIB)?;
    connection.pragma_update(None, "query_only", true)?;
    Ok(connection)
}

fn open(path: &Path, cache_kib: i64) -> rusqlite::Result<Connection> {
    // Not created here, and not a URI, so that a path with `?` or `%` in it is that path.
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags)?;
    connection.busy_timeout(BUSY_TIMEOUT)?;
    connection.set_prepared_statement_cache_capacity(STATEMENTS_CACHED_MAX);
    // Negative: KiB, not pages.
    connection.pragma_update(None, "cache_size", -cache_kib)?;
    // An I/O error in a mapped file kills the process instead of failing a statement.
    connection.pragma_update(None, "mmap_size", 0)?;
    connection.pragma_update(None, "temp_store", "MEMORY")?;
    connection.pragma_update(None, "trusted_schema", false)?;
    connection.pragma_update(None, "cell_size_check", true)?;
    Ok(connection)
}

/// Switches to a write-ahead log. SQLite does not wait by itself when several openers switch at once.
fn set_write_ahead_log(connection: &Connection) -> rusqlite::Result<()> {
    let deadline = Instant::now() + BUSY_TIMEOUT;
    loop {
        let switched = connection.query_row("PRAGMA journal_mode = WAL", (), |_| Ok(()));
        match switched {
            Err(error) if error.sqlite_error_code() == Some(ErrorCode::DatabaseBusy) && Instant::now() < deadline => {
                std::thread::sleep(BUSY_PAUSE);
            }
            switched => return switched,
        }
    }
}

pub(super) fn open_error(path: &Path, source: rusqlite::Error) -> Error {
    match classified(source) {
        Ok(known) => known,
        Err(source) => Error::Open { path: path.to_owned(), source: error::source(source) },
    }
}

/// Brings the database to this release's version.
pub(super) fn migrate(connection: &Connection, schema: Schema, faults: &Faults) -> Result<(), Error> {
    while let Some(version) = migrate_once(connection, schema, faults).inspect_err(|_| {
        if !connection.is_autocommit() {
            // Closing the connection rolls back too.
            let _failed = connection.execute_batch("ROLLBACK");
        }
    })? {
        tracing::info!(version, "database migrated");
    }
    Ok(())
}

/// Takes the next step, if there is one, in one transaction under SQLite's write lock, and returns its version.
fn migrate_once(connection: &Connection, schema: Schema, faults: &Faults) -> Result<Option<i64>, Error> {
    guarded(faults, || batch(connection, "BEGIN EXCLUSIVE"))?;
    guarded(faults, || batch(connection, &schema.history(Kind::Sqlite)))?;
    let list = schema.list_applied();
    let listed = guarded(faults, || query(connection, list.name(), list.text(), &[]))?;
    let applied = listed.iter().map(|row| Ok((row.get(0)?, row.get(1)?))).collect::<Result<Vec<_>, Error>>()?;
    let Some(migration) = migrations::next(schema.migrations(), &applied)? else {
        batch(connection, "ROLLBACK")?;
        return Ok(None);
    };
    let version = migration.version;
    apply(connection, schema, faults, migration)
        .map_err(|error| Error::Migration { version, source: error::source(error) })?;
    Ok(Some(version))
}

fn apply(connection: &Connection, schema: Schema, faults: &Faults, migration: &Migration) -> Result<(), Error> {
    guarded(faults, || batch(connection, &migration.script(Kind::Sqlite)))?;
    let insert = schema.insert_applied();
    let params = [migration.version.into(), migration.checksum().into(), crate::transaction::system_time_us().into()];
    guarded(faults, || execute(connection, insert.name(), insert.text(), &params))?;
    guarded(faults, || batch(connection, "COMMIT"))
}

fn guarded<T>(faults: &Faults, operation: impl FnOnce() -> Result<T, Error>) -> Result<T, Error> {
    let verdict = faults.next().admit()?;
    verdict.after(operation())
}

fn batch(connection: &Connection, text: &str) -> Result<(), Error> {
    connection.execute_batch(text).map_err(|source| statement_error("MIGRATION", source))
}

/// Runs one word of transaction control.
pub(super) fn command(tx: &Tx, text: &'static str) -> Result<(), Error> {
    let crate::transaction::Connection::Sqlite(connection) = tx.connection() else { return Err(Error::Closed) };
    let ran = connection.prepare_cached(text).and_then(|mut statement| statement.raw_execute());
    ran.map(drop).map_err(|source| {
        classified(source).unwrap_or_else(|source| {
            let source = error::source(source);
            if text == "COMMIT" { Error::Commit { source } } else { Error::Begin { source } }
        })
    })
}

pub(super) fn prepare(connection: &Connection, statement: &Statement) -> Result<(), Error> {
    let prepared = connection.prepare(&statement.sample());
    prepared.map(drop).map_err(|source| statement_error(statement.name(), source))
}

/// Returns the steps of a statement's plan, without running it.
pub(super) fn explain(connection: &Connection, statement: &Statement) -> Result<Vec<String>, Error> {
    let steps = || {
        let mut explained = connection.prepare(&format!("EXPLAIN QUERY PLAN {}", statement.sample()))?;
        // What is not bound is NULL; a plan does not depend on it.
        let mut found = explained.raw_query();
        let mut steps = Vec::new();
        while let Some(row) = found.next()? {
            steps.push(row.get::<_, String>("detail")?);
        }
        Ok(steps)
    };
    steps().map_err(|source| statement_error(statement.name(), source))
}

/// Runs a statement and returns how many rows it changed.
pub(crate) fn execute(connection: &Connection, name: &'static str, text: &str, params: &[Value]) -> Result<u64, Error> {
    let changed = bound(connection, text, params).and_then(|mut statement| statement.raw_execute());
    changed.map(|rows| rows as u64).map_err(|source| statement_error(name, source))
}

/// Runs a statement and returns every row.
pub(crate) fn query(
    connection: &Connection,
    name: &'static str,
    text: &str,
    params: &[Value],
) -> Result<Vec<Row>, Error> {
    let failed = |source| statement_error(name, source);
    let mut statement = bound(connection, text, params).map_err(failed)?;
    let columns = statement.column_count();
    let mut found = statement.raw_query();
    let mut rows = Vec::new();
    while let Some(row) = found.next().map_err(failed)? {
        let mut values = Vec::with_capacity(columns);
        for index in 0..columns {
            let value = match row.get_ref(index).map_err(failed)? {
                ValueRef::Null => Value::Null,
                ValueRef::Integer(number) => Value::Int(number),
                ValueRef::Text(text) => Value::Text(String::from_utf8_lossy(text).into_owned()),
                ValueRef::Blob(bytes) => Value::Blob(bytes.to_vec()),
                ValueRef::Real(_) => {
                    return Err(Error::UnsupportedType { statement: name, index, type_name: Type::Real.to_string() });
                }
            };
            values.push(value);
        }
        rows.push(Row::new(values));
    }
    Ok(rows)
}

/// Binds by the number in a parameter's name. SQLite numbers `$2` by where it first appears, which is not what it says.
fn bound<'c>(connection: &'c Connection, text: &str, params: &[Value]) -> rusqlite::Result<CachedStatement<'c>> {
    let mut statement = connection.prepare_cached(text)?;
    for place in 1..=statement.parameter_count() {
        let number = statement.parameter_name(place).and_then(|name| name.strip_prefix('$')?.parse::<usize>().ok());
        let value = number.and_then(|number| params.get(number.checked_sub(1)?));
        let value = value.ok_or(rusqlite::Error::InvalidParameterCount(params.len(), place))?;
        statement.raw_bind_parameter(place, Bound(value))?;
    }
    Ok(statement)
}

struct Bound<'v>(&'v Value);

impl ToSql for Bound<'_> {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::Borrowed(match self.0 {
            Value::Null => ValueRef::Null,
            Value::Int(number) => ValueRef::Integer(*number),
            Value::Text(text) => ValueRef::Text(text.as_bytes()),
            Value::Blob(bytes) => ValueRef::Blob(bytes),
        }))
    }
}

fn statement_error(statement: &'static str, source: rusqlite::Error) -> Error {
    let is_conflict = source.sqlite_error().is_some_and(|error| {
        matches!(
            error.extended_code,
            ffi::SQLITE_CONSTRAINT_UNIQUE | ffi::SQLITE_CONSTRAINT_PRIMARYKEY | ffi::SQLITE_CONSTRAINT_ROWID
        )
    });
    if is_conflict {
        return Error::Conflict { statement, source: error::source(source) };
    }
    classified(source).unwrap_or_else(|source| Error::Statement { statement, source: error::source(source) })
}

/// Returns the errors that mean the same wherever they come from; gives back the others.
fn classified(source: rusqlite::Error) -> Result<Error, rusqlite::Error> {
    match source.sqlite_error_code() {
        Some(ErrorCode::DiskFull) => Ok(Error::Full { source: error::source(source) }),
        Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => {
            Ok(Error::Corrupt { source: error::source(source) })
        }
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => {
            Ok(Error::Unavailable { source: error::source(source) })
        }
        _ => Err(source),
    }
}
