//! The directory that holds all that a hub must not lose, used by one process at a time.

use std::fs::{self, DirBuilder, File, OpenOptions, TryLockError};
use std::io::{Read as _, Seek as _, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::{io, process};

use tracing::warn;

/// A data directory, locked until this is dropped or the process ends.
#[derive(Debug)]
pub(crate) struct DataDirectory {
    path: PathBuf,
    _lock: File,
    /// What is removed again when this is dropped: all that was not there before, until [`DataDirectory::keep`].
    new: New,
}

/// What a start makes.
#[derive(Debug, Default)]
struct New {
    /// Files and directories in the data directory.
    entries: Vec<PathBuf>,
    /// The data directory itself and those above it, the deepest first.
    directories: Vec<PathBuf>,
}

/// The embedded database; a directory is a hub's when it has one.
const DATABASE: &str = "garrison.db";

/// Everything that a hub makes in its data directory.
const ENTRIES: &[&str] = &[
    "lock",
    "master.key",
    DATABASE,
    "garrison.db-wal",
    "garrison.db-shm",
    "instance",
    "audit-heads",
    "blobs",
    "uploads",
];

/// How often a lock is taken anew because its file was removed in between, by a start that was refused.
const LOCK_ATTEMPTS: usize = 8;

/// Why a data directory cannot be used.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    #[error("neither XDG_DATA_HOME nor HOME says where data belongs")]
    NoPlace,
    #[error("failed to make the data directory `{}`", path.display())]
    Make {
        path: PathBuf,
        #[source]
        source: io::Error,
    },
    #[error("failed to lock the data directory `{}`", path.display())]
    Lock {
        path: PathBuf,
        #[source]
        source: io::Error,
    },
    #[error("another hub ({holder}) uses the data directory `{}`", path.display())]
    InUse { path: PathBuf, holder: String },
    #[error("there is no hub in `{}`", path.display())]
    Missing { path: PathBuf },
}

impl Error {
    /// Returns what the user can do about it.
    pub(crate) fn hints(&self) -> Vec<String> {
        match self {
            Self::NoPlace => vec!["name one with `--data-dir DIRECTORY`".to_owned()],
            Self::InUse { .. } => vec!["stop it first, or give this one its own `--data-dir`".to_owned()],
            Self::Missing { .. } => vec!["`--data-dir DIRECTORY` names another place".to_owned()],
            Self::Make { .. } | Self::Lock { .. } => Vec::new(),
        }
    }
}

impl DataDirectory {
    /// Makes the directory where it is missing, readable by its owner alone, and locks it.
    pub(crate) fn create(path: &Path) -> Result<Self, Error> {
        let failed = |source| Error::Make { path: path.to_owned(), source };
        let missing = |path: &&Path| !path.as_os_str().is_empty() && !path.exists();
        let new = New {
            entries: ENTRIES.iter().map(|entry| path.join(entry)).filter(|entry| !entry.exists()).collect(),
            directories: path.ancestors().take_while(missing).map(Path::to_owned).collect(),
        };
        DirBuilder::new().recursive(true).mode(0o700).create(path).map_err(failed)?;
        Self::lock(path, new)
    }

    /// Says that the hub has started: from now on everything stays.
    pub(crate) fn keep(&mut self) {
        self.new = New::default();
    }

    /// Locks the directory of a hub that was started before.
    pub(crate) fn existing(path: &Path) -> Result<Self, Error> {
        if !path.join(DATABASE).exists() {
            return Err(Error::Missing { path: path.to_owned() });
        }
        Self::lock(path, New::default())
    }

    fn lock(path: &Path, new: New) -> Result<Self, Error> {
        for _ in 0..LOCK_ATTEMPTS {
            let lock = Self::try_lock(path)?;
            let named = fs::metadata(path.join("lock")).map(|named| named.ino());
            // A lock on a file that has no name any more keeps nobody out.
            if named.is_ok_and(|named| lock.metadata().is_ok_and(|locked| locked.ino() == named)) {
                return Ok(Self { path: path.to_owned(), _lock: lock, new });
            }
        }
        Err(Error::InUse { path: path.to_owned(), holder: "one that is starting".to_owned() })
    }

    fn try_lock(path: &Path) -> Result<File, Error> {
        let failed = |source| Error::Lock { path: path.to_owned(), source };
        let path_of_lock = path.join("lock");
        let opened =
            OpenOptions::new().read(true).write(true).create(true).truncate(false).mode(0o600).open(path_of_lock);
        let mut lock = opened.map_err(failed)?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                let mut holder = String::new();
                // Who it is is a courtesy; a holder that has not written its number yet is one all the same.
                let _unknown = lock.take(32).read_to_string(&mut holder);
                let holder = match holder.trim() {
                    "" => "process unknown".to_owned(),
                    number => format!("process {number}"),
                };
                return Err(Error::InUse { path: path.to_owned(), holder });
            }
            Err(TryLockError::Error(source)) => return Err(failed(source)),
        }
        lock.set_len(0)
            .and_then(|()| lock.rewind())
            .and_then(|()| writeln!(lock, "{}", process::id()))
            .map_err(failed)?;
        Ok(lock)
    }

    /// Returns the hub that the directory is bound to, by the id of its database.
    pub(crate) fn bound_to(&self) -> io::Result<Option<String>> {
        match fs::read_to_string(self.instance()) {
            Ok(text) => Ok(Some(text.trim().to_owned())),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Binds the directory to a hub, durably.
    pub(crate) fn bind(&self, instance: &str) -> io::Result<()> {
        let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(self.instance())?;
        writeln!(file, "{instance}")?;
        file.sync_all()?;
        File::open(&self.path)?.sync_all()
    }

    /// Returns whether not one blob is in the directory.
    pub(crate) fn has_no_blobs(&self) -> bool {
        let entries = |path: PathBuf| fs::read_dir(path).into_iter().flatten().flatten().map(|entry| entry.path());
        let algorithms = entries(self.path.join("blobs"));
        algorithms.flat_map(entries).flat_map(entries).next().is_none()
    }

    fn instance(&self) -> PathBuf {
        self.path.join("instance")
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Returns the file of the embedded database.
    pub(crate) fn database(&self) -> PathBuf {
        self.path.join(DATABASE)
    }

    /// Returns the file of inventories, which can be made again, where the database is embedded.
    pub(crate) fn inventory(&self) -> PathBuf {
        self.path.join("inventory.db")
    }

    /// Returns the file of the master key, unless the settings name another.
    pub(crate) fn master_key(&self) -> PathBuf {
        self.path.join("master.key")
    }
}

/// A start that was refused leaves nothing that was not there: not even an account whose password nobody has seen.
impl Drop for DataDirectory {
    fn drop(&mut self) {
        for entry in &self.new.entries {
            let removed = if entry.is_dir() { fs::remove_dir_all(entry) } else { fs::remove_file(entry) };
            if let Err(error) = removed
                && error.kind() != io::ErrorKind::NotFound
            {
                warn!(path = %entry.display(), %error, "failed to remove what a refused start has made");
            }
        }
        for directory in &self.new.directories {
            // What somebody else has put there stays.
            if fs::remove_dir(directory).is_err() {
                break;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[test]
    fn a_new_directory_is_for_its_owner_alone() {
        let place = tempfile::tempdir().unwrap();
        let path = place.path().join("deep/er");
        let directory = DataDirectory::create(&path).unwrap();
        let mode = |path: &Path| path.metadata().unwrap().permissions().mode() & 0o777;
        assert_eq!((mode(directory.path()), mode(&path.join("lock"))), (0o700, 0o600));
    }

    #[test]
    fn a_second_hub_is_refused_with_the_first_ones_number() {
        let place = tempfile::tempdir().unwrap();
        let first = DataDirectory::create(place.path()).unwrap();
        let error = DataDirectory::create(place.path()).unwrap_err().to_string();
        assert!(error.starts_with(&format!("another hub (process {}) uses", process::id())), "{error}");
        drop(first);
        assert!(DataDirectory::create(place.path()).is_ok());
    }

    #[test]
    fn a_refused_start_leaves_what_was_there() {
        let place = tempfile::tempdir().unwrap();
        let names = |path: &Path| {
            let mut names: Vec<_> = fs::read_dir(path).unwrap().map(|entry| entry.unwrap().file_name()).collect();
            names.sort();
            names
        };
        let fill = |path: &Path| {
            for file in ["garrison.db", "garrison.db-wal", "master.key"] {
                fs::write(path.join(file), "").unwrap();
            }
            fs::create_dir_all(path.join("blobs/sha256/00")).unwrap();
        };
        // Where there was nothing, nothing is left; where there was something else, that is.
        let deep = place.path().join("deep/er");
        let directory = DataDirectory::create(&deep).unwrap();
        fill(&deep);
        drop(directory);
        assert!(names(place.path()).is_empty());

        fs::create_dir_all(&deep).unwrap();
        fs::write(deep.join("notes"), "").unwrap();
        let directory = DataDirectory::create(&deep).unwrap();
        fill(&deep);
        drop(directory);
        assert_eq!(names(&deep), ["notes"]);

        // What an earlier hub left stays, and so does everything once a hub has started.
        fs::write(deep.join("garrison.db"), "").unwrap();
        drop(DataDirectory::create(&deep).unwrap());
        assert_eq!(names(&deep), ["garrison.db", "notes"]);
        let mut directory = DataDirectory::create(&deep).unwrap();
        fill(&deep);
        directory.keep();
        drop(directory);
        assert_eq!(names(&deep), ["blobs", "garrison.db", "garrison.db-wal", "lock", "master.key", "notes"]);
    }

    #[test]
    fn offline_commands_make_nothing() {
        let place = tempfile::tempdir().unwrap();
        let path = place.path().join("none");
        assert!(matches!(DataDirectory::existing(&path), Err(Error::Missing { .. })));
        assert!(!path.exists());

        DataDirectory::create(&path).unwrap().keep();
        assert!(matches!(DataDirectory::existing(&path), Err(Error::Missing { .. })));
        std::fs::write(path.join("garrison.db"), "").unwrap();
        assert!(DataDirectory::existing(&path).is_ok());
    }
}
