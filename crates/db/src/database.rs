use std::path::Path;

use crate::postgres::Postgres;
use crate::sqlite::Sqlite;
use crate::{BoxFuture, Config, Error, Faults, Kind, Metrics, Schema, Statement, Tx};

/// An open database. Clones are handles to the same one.
#[derive(Clone)]
pub struct Db {
    backend: Backend,
}

#[derive(Clone)]
enum Backend {
    Sqlite(Sqlite),
    Postgres(Postgres),
}

impl Db {
    /// Opens a database and brings it to this release's version. Several hubs may do so at once.
    pub async fn open(config: &Config) -> Result<Self, Error> {
        Self::open_with_faults(config, Faults::none()).await
    }

    /// Opens a database whose operations a test can count and make fail, including those of the migration.
    pub async fn open_with_faults(config: &Config, faults: Faults) -> Result<Self, Error> {
        let backend = match config {
            Config::Sqlite { path } => Backend::Sqlite(Sqlite::open(path.clone(), Schema::Hub, faults).await?),
            Config::Postgres { url } => Backend::Postgres(Postgres::open(url, faults).await?),
        };
        Ok(Self { backend })
    }

    /// Opens another set of tables and brings it to this release's version: on SQLite in a file of its own, on PostgreSQL in
    /// this database, over this handle's connections.
    pub async fn open_beside(&self, file: &Path, schema: Schema) -> Result<Self, Error> {
        self.open_beside_with_faults(file, schema, Faults::none()).await
    }

    /// As [`Db::open_beside`], with operations that a test can count and make fail; on PostgreSQL they are those of this
    /// handle.
    pub async fn open_beside_with_faults(&self, file: &Path, schema: Schema, faults: Faults) -> Result<Self, Error> {
        let backend = match &self.backend {
            Backend::Sqlite(_) => Backend::Sqlite(Sqlite::open(file.to_owned(), schema, faults).await?),
            Backend::Postgres(postgres) => {
                postgres.migrate(schema).await?;
                Backend::Postgres(postgres.clone())
            }
        };
        Ok(Self { backend })
    }

    /// Runs `body` in a transaction that sees one state of the database and changes nothing.
    pub async fn read<T, E, F>(&self, body: F) -> Result<T, E>
    where
        F: for<'t> FnOnce(&'t mut Tx) -> BoxFuture<'t, Result<T, E>> + Send + 'static,
        T: Send + 'static,
        E: From<Error> + Send + 'static,
    {
        match &self.backend {
            Backend::Sqlite(sqlite) => sqlite.read(body).await,
            Backend::Postgres(postgres) => postgres.read(body).await,
        }
    }

    /// Runs `body` in a transaction and returns its answer once the commit is durable; an `Err` rolls it back.
    ///
    /// The body may run several times. Once it has started, dropping this future does not stop it.
    pub async fn write<T, E, F>(&self, body: F) -> Result<T, E>
    where
        F: for<'t> Fn(&'t mut Tx) -> BoxFuture<'t, Result<T, E>> + Send + Sync + 'static,
        T: Send + 'static,
        E: From<Error> + Send + 'static,
    {
        match &self.backend {
            Backend::Sqlite(sqlite) => sqlite.write(body).await,
            Backend::Postgres(postgres) => postgres.write(body).await,
        }
    }

    /// Has the database parse a statement without running it.
    pub async fn prepare(&self, statement: &Statement) -> Result<(), Error> {
        match &self.backend {
            Backend::Sqlite(sqlite) => sqlite.prepare(*statement).await,
            Backend::Postgres(postgres) => postgres.prepare(statement).await,
        }
    }

    /// Returns the steps by which SQLite answers a statement, without running it, so that a test can tell what a statement
    /// reads. Empty on PostgreSQL, which decides anew by the tables' statistics.
    pub async fn explain(&self, statement: &Statement) -> Result<Vec<String>, Error> {
        match &self.backend {
            Backend::Sqlite(sqlite) => sqlite.explain(*statement).await,
            Backend::Postgres(_) => Ok(Vec::new()),
        }
    }

    /// Returns which database this is.
    pub fn kind(&self) -> Kind {
        match &self.backend {
            Backend::Sqlite(_) => Kind::Sqlite,
            Backend::Postgres(_) => Kind::Postgres,
        }
    }

    /// Tells whether the database is inside this process, so that no other process changes it.
    pub fn is_embedded(&self) -> bool {
        self.kind() == Kind::Sqlite
    }

    /// Returns what the database did so far.
    pub fn metrics(&self) -> Metrics {
        match &self.backend {
            Backend::Sqlite(sqlite) => sqlite.metrics(),
            Backend::Postgres(postgres) => postgres.metrics(),
        }
    }

    /// Waits for all reads and writes under way, then closes the database for every clone of this handle. Later calls get
    /// [`Error::Closed`].
    pub async fn close(self) {
        match self.backend {
            Backend::Sqlite(sqlite) => sqlite.close().await,
            Backend::Postgres(postgres) => postgres.close().await,
        }
    }

    /// Writes a copy of the database as it is at one moment to a new file, and makes it durable; reads and writes go on.
    pub async fn backup_to(&self, path: impl AsRef<Path>) -> Result<(), Error> {
        match &self.backend {
            Backend::Sqlite(sqlite) => sqlite.backup_to(path.as_ref().to_owned()).await,
            Backend::Postgres(_) => Err(Error::BackupElsewhere),
        }
    }
}

impl std::fmt::Debug for Db {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Db").field("kind", &self.kind()).finish_non_exhaustive()
    }
}
