use std::path::{Path, PathBuf};

use identity::MasterKey;

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
            None if settings.database == Database::Embedded => MasterKey::open_or_create(&directory.master_key()),
            None => return Err(no_master_key()),
        }
        .map_err(master_key_failed)?;
        let database = open_database(settings, &directory.database()).await?;
        Ok(Self { database, master_key })
    }

    /// Opens what a hub left, and makes nothing. On PostgreSQL no directory is needed, and hubs may run meanwhile.
    pub(super) async fn existing(settings: &Settings) -> Result<(Option<DataDirectory>, Self), CommandError> {
        match &settings.database {
            Database::Embedded => {
                let directory = DataDirectory::existing(&place(settings)?)?;
                let file = settings.master_key_file.clone().unwrap_or_else(|| directory.master_key());
                let master_key = MasterKey::open(&file).map_err(master_key_failed)?;
                let database = open_database(settings, &directory.database()).await?;
                Ok((Some(directory), Self { database, master_key }))
            }
            Database::Postgres(_) => {
                let Some(file) = &settings.master_key_file else { return Err(no_master_key()) };
                let master_key = MasterKey::open(file).map_err(master_key_failed)?;
                let database = open_database(settings, Path::new("")).await?;
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

fn master_key_failed(source: identity::MasterKeyError) -> CommandError {
    CommandError::new(Kind::Environment, source)
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
