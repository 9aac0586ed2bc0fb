use std::any::Any;
use std::path::PathBuf;
use std::sync::Arc;

/// What went wrong underneath. Shared, because one failed commit answers every write of its group.
pub type Source = Arc<dyn std::error::Error + Send + Sync>;

/// Why a database operation failed. Unless a variant says otherwise nothing was changed.
#[derive(Debug, Clone, thiserror::Error)]
pub enum Error {
    /// A unique key is taken: another row has it.
    #[error("statement `{statement}` met a row that is already there")]
    Conflict {
        /// Name of the statement.
        statement: &'static str,
        /// The driver's error.
        #[source]
        source: Source,
    },
    /// The database cannot be reached or the connection to it broke before the commit was asked for.
    #[error("database is not available")]
    Unavailable {
        /// The driver's error.
        #[source]
        source: Source,
    },
    /// Another transaction came first. Writes are rerun by this crate; this is seen only when all attempts lost.
    #[error("transaction lost against others too often")]
    Contended {
        /// The driver's error of the last attempt.
        #[source]
        source: Source,
    },
    /// The connection broke while the commit was on its way: the change may or may not be there.
    #[error("connection broke during a commit, whose outcome is unknown")]
    OutcomeUnknown {
        /// The driver's error.
        #[source]
        source: Source,
    },
    /// The database is closed, or its process is on its way out.
    #[error("database is closed")]
    Closed,
    /// No space is left where the database is.
    #[error("database has no space left")]
    Full {
        /// The driver's error.
        #[source]
        source: Source,
    },
    /// The file is not a database, or is damaged.
    #[error("database is damaged")]
    Corrupt {
        /// The driver's error.
        #[source]
        source: Source,
    },
    /// A statement failed.
    #[error("failed to run statement `{statement}`")]
    Statement {
        /// Name of the statement.
        statement: &'static str,
        /// The driver's error.
        #[source]
        source: Source,
    },
    /// A transaction could not be opened.
    #[error("failed to begin a transaction")]
    Begin {
        /// The driver's error.
        #[source]
        source: Source,
    },
    /// A transaction could not be committed and is rolled back.
    #[error("failed to commit a transaction")]
    Commit {
        /// The driver's error.
        #[source]
        source: Source,
    },
    /// A statement was given another number of parameters than it names.
    #[error("statement `{statement}` takes {expected} parameters, {actual} were given")]
    ParameterCount {
        /// Name of the statement.
        statement: &'static str,
        /// How many the text names.
        expected: usize,
        /// How many were given.
        actual: usize,
    },
    /// A parameter cannot be stored. Text with a NUL character is refused because PostgreSQL cannot hold it.
    #[error("parameter ${number} of statement `{statement}` holds a NUL character")]
    NulInText {
        /// Name of the statement.
        statement: &'static str,
        /// The parameter's number, from 1.
        number: usize,
    },
    /// An unsigned number is beyond what a database integer holds.
    #[error("number {0} is beyond what the database can hold")]
    NumberTooLarge(u64),
    /// A column does not hold what was asked of it.
    #[error("column {index} holds {actual}, not {expected}")]
    Column {
        /// The column, from 0.
        index: usize,
        /// What was asked for.
        expected: &'static str,
        /// What is there.
        actual: &'static str,
    },
    /// A column's type is none that [`Value`](crate::Value) has.
    #[error("column {index} of statement `{statement}` has type `{type_name}`, which is not supported")]
    UnsupportedType {
        /// Name of the statement.
        statement: &'static str,
        /// The column, from 0.
        index: usize,
        /// The database's name of the type.
        type_name: String,
    },
    /// A statement that finds at most one row found more.
    #[error("statement `{statement}` found more than one row")]
    TooManyRows {
        /// Name of the statement.
        statement: &'static str,
    },
    /// A transaction body panicked; its transaction is rolled back.
    #[error("transaction body panicked: {message}")]
    Panicked {
        /// What the panic said.
        message: String,
    },
    /// A transaction body waited for something other than its transaction, which would hold up every other write.
    #[error("transaction body waited for something outside its transaction")]
    BodyWaited,
    /// The database was made or migrated by a newer release.
    #[error("database is at version {found}, this Garrison knows up to {known}")]
    NewerDatabase {
        /// The database's version.
        found: i64,
        /// The newest version this release knows.
        known: i64,
    },
    /// A migration that the database has had is not the one this release has under that number.
    #[error("migration {version} of the database differs from this Garrison's")]
    ChangedMigration {
        /// The migration's version.
        version: i64,
    },
    /// A migration failed and is rolled back; those before it stand.
    #[error("failed to bring the database to version {version}")]
    Migration {
        /// The migration's version.
        version: i64,
        /// What failed.
        #[source]
        source: Source,
    },
    /// The SQLite file could not be made or opened.
    #[error("failed to open database `{}`", path.display())]
    Open {
        /// The file.
        path: PathBuf,
        /// What failed.
        #[source]
        source: Source,
    },
    /// The PostgreSQL URL or what it names is not usable.
    #[error("database URL is not usable: {reason}")]
    Url {
        /// What is wrong with it; never holds the URL, which may carry a password.
        reason: String,
    },
    /// The PostgreSQL server is too old or set up in a way that would lose or mangle data.
    #[error("database server is not usable: {reason}")]
    Server {
        /// What is wrong with it.
        reason: String,
    },
    /// A backup could not be written.
    #[error("failed to write a backup of the database to `{}`", path.display())]
    Backup {
        /// The backup's file.
        path: PathBuf,
        /// What failed.
        #[source]
        source: Source,
    },
    /// The database is not in this process and is backed up with its own tools.
    #[error("a PostgreSQL database is not backed up from here")]
    BackupElsewhere,
    /// A test made this operation fail.
    #[error("operation {operation} was made to fail")]
    Injected {
        /// The operation's number since the fault was armed, from 1.
        operation: u64,
    },
}

impl Error {
    /// Returns what to do about it, when there is something to do.
    pub fn hint(&self) -> Option<&'static str> {
        Some(match self {
            Self::NewerDatabase { .. } => "run the newer Garrison or restore a backup",
            Self::ChangedMigration { .. } => "run the Garrison that made this database, or restore a backup",
            Self::Unavailable { .. } => "check that the database runs and can be reached from here, then try again",
            Self::Contended { .. } => "try again",
            Self::OutcomeUnknown { .. } => "look whether the change is there before trying again",
            Self::Full { .. } => "make space where the database is, then try again",
            Self::Corrupt { .. } => "restore a backup",
            Self::Migration { .. } => "mend the cause and start again: what was done so far stands",
            Self::BackupElsewhere => "use pg_dump or the backups of your database service",
            Self::Closed
            | Self::Conflict { .. }
            | Self::Statement { .. }
            | Self::Begin { .. }
            | Self::Commit { .. }
            | Self::ParameterCount { .. }
            | Self::NulInText { .. }
            | Self::NumberTooLarge(_)
            | Self::Column { .. }
            | Self::UnsupportedType { .. }
            | Self::TooManyRows { .. }
            | Self::Panicked { .. }
            | Self::BodyWaited
            | Self::Open { .. }
            | Self::Url { .. }
            | Self::Server { .. }
            | Self::Backup { .. }
            | Self::Injected { .. } => return None,
        })
    }

    /// Tells whether the same call may well succeed a little later, and is safe to make again.
    pub fn is_retryable(&self) -> bool {
        matches!(self, Self::Unavailable { .. } | Self::Contended { .. } | Self::Full { .. })
    }

    /// Tells whether a unique key was taken.
    pub fn is_conflict(&self) -> bool {
        matches!(self, Self::Conflict { .. })
    }

    pub(crate) fn panicked(payload: &(dyn Any + Send)) -> Self {
        let message = payload
            .downcast_ref::<&'static str>()
            .map(|text| (*text).to_owned())
            .or_else(|| payload.downcast_ref::<String>().cloned())
            .unwrap_or_else(|| "no message".to_owned());
        Self::Panicked { message }
    }
}

/// Makes a [`Source`] of a driver's error.
pub(crate) fn source(error: impl std::error::Error + Send + Sync + 'static) -> Source {
    Arc::new(error)
}
