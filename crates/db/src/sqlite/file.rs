use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;
use std::time::Duration;

use rusqlite::Connection;
use rusqlite::backup::Backup;

/// All pages in one step: one state of the database, while others read and write.
const ALL_PAGES: i32 = i32::MAX;
const PAUSE_WHEN_BUSY: Duration = Duration::from_millis(10);

/// Why a copy could not be made.
#[derive(Debug, thiserror::Error)]
pub(super) enum CopyError {
    #[error("failed to write the file")]
    File(#[source] io::Error),
    #[error("failed to copy the pages")]
    Pages(#[source] rusqlite::Error),
}

/// Makes an empty file that only its owner can read, durably, unless there is one.
pub(super) fn create(path: &Path) -> io::Result<()> {
    match create_new(path) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        created => created.and_then(|()| sync_directory_of(path)),
    }
}

/// Copies the database at `source` as it is at one moment to a new file at `target`.
pub(super) fn copy(source: &Path, target: &Path) -> Result<(), CopyError> {
    create_new(target).map_err(CopyError::File)?;
    let copied = copy_pages(source, target).and_then(|()| sync(target).map_err(CopyError::File));
    if copied.is_err() {
        // It was made here, and half a copy is of no use to anyone.
        let _stays = std::fs::remove_file(target);
    }
    copied
}

fn copy_pages(source: &Path, target: &Path) -> Result<(), CopyError> {
    let source = super::connection::open_reader(source).map_err(CopyError::Pages)?;
    let mut target = Connection::open(target).map_err(CopyError::Pages)?;
    let backup = Backup::new(&source, &mut target).map_err(CopyError::Pages)?;
    backup.run_to_completion(ALL_PAGES, PAUSE_WHEN_BUSY, None).map_err(CopyError::Pages)?;
    drop(backup);
    // The copy says that it has a write-ahead log, as the original does; without one it is a single file.
    target.pragma_update(None, "journal_mode", "DELETE").map_err(CopyError::Pages)?;
    target.close().map_err(|(_, error)| CopyError::Pages(error))
}

fn create_new(path: &Path) -> io::Result<()> {
    OpenOptions::new().write(true).create_new(true).mode(0o600).open(path).map(drop)
}

fn sync(path: &Path) -> io::Result<()> {
    File::open(path)?.sync_all()?;
    sync_directory_of(path)
}

fn sync_directory_of(path: &Path) -> io::Result<()> {
    let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty());
    File::open(parent.unwrap_or(Path::new(".")))?.sync_all()
}
