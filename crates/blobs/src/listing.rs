use std::collections::VecDeque;
use std::fs::{DirEntry, Metadata, ReadDir};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::SystemTime;

use crate::location::Directory;
use crate::store::{Shared, blocking};
use crate::{Error, Location, UploadId};

/// How many entries a batch has at most: some 200 KiB, a few milliseconds of looking at files.
const BATCH_ENTRIES: usize = 1024;

/// A walk over every file of a store, which holds one batch and no more, however many files there are.
pub struct Listing {
    shared: Arc<Shared>,
    /// `None` while a batch is read, and so after a caller was dropped meanwhile.
    walk: Option<Walk>,
}

struct Walk {
    directories: VecDeque<Directory>,
    current: Option<(Directory, ReadDir)>,
}

/// A file that a [`Listing`] found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Which file it is.
    pub found: Found,
    /// Its size.
    pub size_bytes: u64,
    /// When it was written to last.
    pub modified: SystemTime,
}

/// Which file a [`Listing`] found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Found {
    /// A file that has a blob's name; whether it is one, and wanted, the database knows.
    Blob(Location),
    /// An upload's file.
    Upload(UploadId),
    /// A file or directory that this crate did not make, by its path relative to the root. A directory is not looked into.
    Unknown(PathBuf),
}

impl Listing {
    pub(crate) fn new(shared: Arc<Shared>) -> Self {
        let directories = Directory::all().filter(|directory| *directory != Directory::Root).collect();
        Self { shared, walk: Some(Walk { directories, current: None }) }
    }

    /// Returns the next entries, of which there is at least one; `None` at the end.
    ///
    /// The walk ends with the first error, and when a call's future was dropped.
    pub async fn next(&mut self) -> Result<Option<Vec<Entry>>, Error> {
        let Some(mut walk) = self.walk.take() else { return Ok(None) };
        let shared = Arc::clone(&self.shared);
        let (walk, entries) = blocking(move || {
            let entries = walk.next(&shared)?;
            Ok((walk, entries))
        })
        .await?;
        if entries.is_empty() {
            return Ok(None);
        }
        self.walk = Some(walk);
        Ok(Some(entries))
    }
}

impl Walk {
    fn next(&mut self, shared: &Shared) -> Result<Vec<Entry>, Error> {
        let mut entries = Vec::new();
        while entries.len() < BATCH_ENTRIES {
            let Some((directory, reader)) = &mut self.current else {
                let Some(directory) = self.directories.pop_front() else { break };
                self.current = Some((directory, shared.files.read_directory(directory)?));
                continue;
            };
            match reader.next() {
                Some(entry) => {
                    let found = shared.files.read_entry(*directory, entry)?;
                    entries.extend(found.and_then(|(entry, metadata)| classify(*directory, &entry, &metadata)));
                }
                None => self.current = None,
            }
        }
        Ok(entries)
    }
}

/// Tells what a directory entry is; `None` for a directory of ours.
fn classify(directory: Directory, entry: &DirEntry, metadata: &Metadata) -> Option<Entry> {
    let name = entry.file_name();
    if metadata.is_dir() && name.to_str().is_some_and(|name| directory.has_directory(name)) {
        return None;
    }
    let path = PathBuf::from(directory.to_string()).join(name);
    let text = path.to_str().unwrap_or_default();
    let upload = || text.strip_prefix("uploads/")?.parse().ok().map(Found::Upload);
    let blob = || text.parse().ok().map(Found::Blob);
    let found = if metadata.is_file() { upload().or_else(blob) } else { None };
    // A file system that keeps no time of modification is taken to say "just now", so that nothing is swept by its age.
    let modified = metadata.modified().unwrap_or_else(|_| SystemTime::now());
    Some(Entry { found: found.unwrap_or(Found::Unknown(path)), size_bytes: metadata.len(), modified })
}
