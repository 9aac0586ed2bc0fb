//! The database of advisories that commands of this machine use.

use std::path::Path;

use feeds::{Mapped, Store, StoreError};
use vulndb::Time;
use vulndb::file::{Corrupt, Database, Feed};

use crate::error::{CommandError, Kind};
use crate::platform::Platform;

/// A database that was opened.
pub(crate) type Advisories = Database<Mapped>;

/// Returns where databases of this user lie.
pub(crate) fn store() -> Result<Store, CommandError> {
    let directory = Platform::current().data_directory().ok_or_else(|| {
        CommandError::new(Kind::Environment, "there is no directory for databases")
            .hint("set HOME or XDG_DATA_HOME, or name a file with `--database`")
    })?;
    Ok(Store::new(directory.join("advisories")))
}

/// Opens the database of a file, or the one in use.
pub(crate) fn open(file: Option<&Path>) -> Result<Advisories, CommandError> {
    Ok(match file {
        Some(path) => Store::open_file(path)?,
        None => store()?.open()?,
    })
}

/// Returns when the newest record was made or changed, of one feed or of all.
pub(crate) fn newest<'a>(feeds: impl IntoIterator<Item = &'a Feed>) -> Option<Time> {
    feeds.into_iter().filter_map(|feed| feed.fetched).max()
}

/// Returns a moment as people read it.
pub(crate) fn moment(time: Option<Time>) -> String {
    let time = time.and_then(|seconds| jiff::Timestamp::from_second(seconds).ok());
    time.map_or_else(|| "-".to_owned(), |time| time.strftime("%Y-%m-%d %H:%M").to_string())
}

impl From<StoreError> for CommandError {
    fn from(error: StoreError) -> Self {
        let hint = error.hint();
        let error = Self::new(Kind::Environment, error);
        match hint {
            Some(hint) => error.hint(hint),
            None => error,
        }
    }
}

/// Turns what a damaged database could not answer into an error of the command line.
pub(crate) fn damaged(error: Corrupt) -> CommandError {
    CommandError::environment("failed to read the vulnerability database", error).hint("build or import it again")
}
