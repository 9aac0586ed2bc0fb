use std::path::{Path, PathBuf};

use tempfile::TempDir;
use tokio::runtime::Builder;

use crate::Postgres;
use crate::surroundings::{announce, is_ci};

/// An empty database for one test, gone when it is dropped.
#[derive(Debug)]
pub enum Database {
    /// A file that does not exist yet.
    Sqlite(SqliteFile),
    /// A database of its own on a server.
    Postgres(PostgresDatabase),
}

/// The place of a SQLite file, in a directory of its own.
#[derive(Debug)]
pub struct SqliteFile {
    directory: TempDir,
    path: PathBuf,
}

/// A database on a server. On a private one it goes with the server, on another when it is dropped.
#[derive(Debug)]
pub struct PostgresDatabase {
    url: String,
    name: String,
    dropped_through: Option<String>,
}

impl Database {
    /// Returns the place of a SQLite file.
    pub fn sqlite() -> Self {
        let directory = tempfile::tempdir().expect("a directory for a test can be made");
        let path = directory.path().join("garrison.db");
        Self::Sqlite(SqliteFile { directory, path })
    }

    /// Makes a database on the PostgreSQL server of the tests. Without a server it says so and returns `None`; under
    /// `CI=true` it panics.
    pub async fn postgres() -> Option<Self> {
        match Postgres::shared() {
            Ok(server) => Some(Self::Postgres(server.fresh_database().await)),
            Err(reason) if is_ci() => panic!("PostgreSQL is needed under CI=true: {reason}"),
            Err(reason) => {
                announce(&format!("PostgreSQL: {reason}"));
                None
            }
        }
    }

    /// Returns which database this is, for messages.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Sqlite(_) => "sqlite",
            Self::Postgres(_) => "postgres",
        }
    }
}

impl SqliteFile {
    /// Returns the file's path. Its directory exists, the file does not.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Returns the directory, which holds nothing else.
    pub fn directory(&self) -> &Path {
        self.directory.path()
    }
}

impl PostgresDatabase {
    pub(crate) fn new(url: String, name: String, dropped_through: Option<String>) -> Self {
        Self { url, name, dropped_through }
    }

    /// Returns the database's URL.
    pub fn url(&self) -> &str {
        &self.url
    }
}

impl Drop for PostgresDatabase {
    fn drop(&mut self) {
        let Some(admin_url) = self.dropped_through.take() else { return };
        let name = self.name.clone();
        // A thread of its own, since a test may drop this inside its runtime.
        let dropping = std::thread::spawn(move || {
            let statement = format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)");
            run(async move { crate::postgres::execute(&admin_url, &statement).await })
        });
        // A database that stays is no reason to fail a test that passed.
        let _stays = dropping.join();
    }
}

/// Runs a test's future on a runtime with two workers.
pub fn run<T>(test: impl Future<Output = T>) -> T {
    let runtime = Builder::new_multi_thread().worker_threads(2).enable_all().build();
    runtime.expect("a runtime can be started").block_on(test)
}
