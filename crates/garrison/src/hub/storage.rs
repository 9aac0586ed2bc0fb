use std::path::{Path, PathBuf};

use identity::{MasterKey, MasterKeyError};
use registry::Registry;
use tenancy::Tenancy;

use crate::data_directory::{self, DataDirectory};
use crate::error::{CommandError, Kind};
use crate::platform::Platform;
use crate::settings::{Database, Settings};

/// What a hub keeps, opened.
pub(super) struct Storage {
    pub(super) database: db::Db,
    pub(super) master_key: MasterKey,
}

impl Storage {
    /// Opens what is there and makes what is not.
    pub(super) async fn open(settings: &Settings, directory: &DataDirectory) -> Result<Self, CommandError> {
        let master_key = match &settings.master_key_file {
            Some(file) => MasterKey::open(file),
            None if settings.database != Database::Embedded => return Err(no_master_key()),
            // A new key opens nothing that an old one sealed: only a new database gets one.
            None if directory.database().exists() => MasterKey::open(&directory.master_key()),
            None => MasterKey::open_or_create(&directory.master_key()),
        }
        .map_err(master_key_failed)?;
        let database = open_database(settings, &directory.database()).await?;
        Ok(Self { database, master_key })
    }

    /// Opens what a hub left, and makes nothing. On PostgreSQL no directory is needed, and hubs may run meanwhile.
    pub(super) async fn existing(settings: &Settings) -> Result<(Option<DataDirectory>, Self), CommandError> {
        Self::existing_with(settings, MasterKey::open).await
    }

    /// As [`Storage::existing`], with a master key that is made where there is none.
    pub(super) async fn without_master_key(settings: &Settings) -> Result<(Option<DataDirectory>, Self), CommandError> {
        Self::existing_with(settings, MasterKey::open_or_create).await
    }

    async fn existing_with(
        settings: &Settings,
        open: fn(&Path) -> Result<MasterKey, MasterKeyError>,
    ) -> Result<(Option<DataDirectory>, Self), CommandError> {
        match &settings.database {
            Database::Embedded => {
                let directory = DataDirectory::existing(&place(settings)?)?;
                let file = settings.master_key_file.clone().unwrap_or_else(|| directory.master_key());
                let database = open_database(settings, &directory.database()).await?;
                let master_key = open(&file).map_err(master_key_failed)?;
                Ok((Some(directory), Self { database, master_key }))
            }
            Database::Postgres(_) => {
                let Some(file) = &settings.master_key_file else { return Err(no_master_key()) };
                let database = open_database(settings, Path::new("")).await?;
                let master_key = open(file).map_err(master_key_failed)?;
                Ok((None, Self { database, master_key }))
            }
        }
    }
}

/// Returns where the data directory is.
pub(super) fn place(settings: &Settings) -> Result<PathBuf, CommandError> {
    let named = settings.data_dir.0.clone().or_else(|| Platform::current().data_directory());
    Ok(named.ok_or(data_directory::Error::NoPlace)?)
}

async fn open_database(settings: &Settings, file: &Path) -> Result<db::Db, CommandError> {
    let config = match &settings.database {
        Database::Embedded => db::Config::Sqlite { path: file.to_owned() },
        Database::Postgres(url) => db::Config::Postgres { url: url.to_string() },
    };
    db::Db::open(&config).await.map_err(|source| CommandError::environment("failed to open the database", source))
}

/// Opens what inventories are kept in: a file beside the embedded database, tables in another.
pub(super) async fn open_inventories(database: &db::Db, directory: &DataDirectory) -> Result<db::Db, CommandError> {
    let opened = database.open_beside(&directory.inventory(), db::Schema::Inventory).await;
    opened.map_err(|source| CommandError::environment("failed to open the database of inventories", source))
}

/// Binds the data directory to the database, so that a hub never looks for its blobs where another keeps its own: it
/// would take every one of them for damaged.
pub(super) async fn bind(
    directory: &DataDirectory,
    tenancy: &Tenancy,
    registry: &Registry,
) -> Result<(), CommandError> {
    let failed = |source| CommandError::environment("failed to bind the data directory to the database", source);
    let instance = tenancy
        .instance_id()
        .await
        .map_err(|source| CommandError::environment("failed to read which hub the database belongs to", source))?;
    match directory.bound_to().map_err(failed)? {
        Some(bound) if bound == instance => return Ok(()),
        Some(_) => {
            return Err(CommandError::new(
                Kind::Environment,
                "the data directory belongs to the database of another hub",
            )
            .hint("start with the data directory that this database was used with"));
        }
        None => {}
    }
    let figures = registry
        .collection_figures()
        .await
        .map_err(|source| CommandError::environment("failed to ask the database what is stored", source))?;
    if figures.stored.0 > 0 && directory.has_no_blobs() {
        return Err(CommandError::new(Kind::Environment, "the database's blobs are not in this data directory")
            .hint("start with the data directory that this database was used with; one hub serves a database")
            .hint("after a loss, restore the directory `blobs` first"));
    }
    directory.bind(&instance).map_err(failed)
}

fn master_key_failed(source: MasterKeyError) -> CommandError {
    let is_missing = matches!(
        &source,
        MasterKeyError::Read { source, .. } if source.kind() == std::io::ErrorKind::NotFound
    );
    let error = CommandError::new(Kind::Environment, source);
    if is_missing {
        error.hint("put the file back; if it is lost, `garrison keys recover` goes on with another one")
    } else {
        error
    }
}

fn no_master_key() -> CommandError {
    CommandError::new(Kind::Usage, "with PostgreSQL the master key has to be given")
        .hint("make one for all hubs on the database: (umask 077; head -c 32 /dev/urandom > master.key)")
        .hint("name it with `--master-key-file master.key`")
}

impl From<data_directory::Error> for CommandError {
    fn from(error: data_directory::Error) -> Self {
        let hints = error.hints();
        Self::new(Kind::Environment, error).with_hints(hints)
    }
}
