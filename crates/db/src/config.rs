use std::path::PathBuf;

/// Where the database is.
#[derive(Clone)]
pub enum Config {
    /// One SQLite file, made when it is not there. Its directory must exist.
    Sqlite {
        /// The file.
        path: PathBuf,
    },
    /// A PostgreSQL database.
    ///
    /// Without `sslmode` the connection is encrypted and the server's certificate and name are checked, except to a Unix
    /// socket or a loopback address. `sslmode=require` and `verify-full` mean the same here; `disable` turns TLS off.
    /// `sslrootcert` names a PEM file of the authorities to trust instead of the platform's.
    Postgres {
        /// `postgres://user:password@host/database?sslmode=verify-full`
        url: String,
    },
}

/// A URL may carry a password, so that it is never printed.
impl std::fmt::Debug for Config {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Sqlite { path } => f.debug_struct("Sqlite").field("path", path).finish(),
            Self::Postgres { .. } => f.debug_struct("Postgres").finish_non_exhaustive(),
        }
    }
}

/// Which of the two databases this is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// SQLite, inside this process.
    Sqlite,
    /// PostgreSQL, possibly shared with other hubs.
    Postgres,
}
