//! Files that no row names: what a crash between a file and the commit of its row leaves, or a push whose client went away.
//!
//! A file is looked at only under the claim of the upload that made it, so that no request is about to give it a row, and
//! only once it is an hour old, should that request be of a process that has just ended.

use std::collections::HashSet;
use std::fmt;
use std::time::{Duration, SystemTime};

use blobs::{Entry, Found, Location, UploadId};
use db::Value;

use crate::collect::{Collected, add_to_totals};
use crate::error::Error;
use crate::repositories::Registry;
use crate::statements as sql;
use crate::writers::Claim;

/// A file without a row is an orphan only when it is this old.
const ORPHAN_AGE: Duration = Duration::from_hours(1);

/// A file that no row names, and that none will while this is held.
pub(crate) struct Orphan {
    file: File,
    pub(crate) size_bytes: u64,
    _claim: Claim,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum File {
    Blob(Location),
    Upload(UploadId),
}

impl File {
    /// The upload that made it.
    fn upload_id(&self) -> UploadId {
        match self {
            Self::Blob(location) => location.upload_id(),
            Self::Upload(id) => *id,
        }
    }

    /// How a row names it.
    fn key(&self) -> String {
        match self {
            Self::Blob(location) => location.to_string(),
            Self::Upload(id) => id.to_string(),
        }
    }
}

impl fmt::Display for Orphan {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.file {
            File::Blob(location) => location.fmt(formatter),
            File::Upload(id) => write!(formatter, "uploads/{id}"),
        }
    }
}

impl Registry {
    /// Unlinks every file that no row names and that is an hour old. `progress` is told now and then what was freed; it
    /// returns false to stop early.
    ///
    /// # Errors
    /// When the database or the store fails; what was done stays done.
    pub async fn sweep_orphans(&self, mut progress: impl FnMut(&Collected) -> bool + Send) -> Result<Collected, Error> {
        let mut swept = Collected::default();
        let mut listing = self.inner.blobs.list();
        while let Some(entries) = listing.next().await? {
            let mut freed = Collected::default();
            for orphan in self.find_orphans(entries).await? {
                let (file, size_bytes) = (orphan.to_string(), orphan.size_bytes);
                if self.remove_orphan(orphan).await? {
                    tracing::info!(file, size_bytes, "file without a row unlinked");
                    freed.orphans += 1;
                    freed.bytes += size_bytes;
                }
            }
            swept.orphans += freed.orphans;
            swept.bytes += freed.bytes;
            self.write(move |tx| Box::pin(async move { add_to_totals(tx, &freed).await })).await?;
            if !progress(&swept) {
                break;
            }
        }
        Ok(swept)
    }

    /// Returns which of some listed files no row names.
    pub(crate) async fn find_orphans(&self, entries: Vec<Entry>) -> Result<Vec<Orphan>, Error> {
        let mut files = Vec::new();
        for entry in entries.into_iter().filter(|entry| is_old(entry.modified)) {
            match entry.found {
                Found::Blob(location) => files.push((File::Blob(location), entry.size_bytes)),
                Found::Upload(id) => files.push((File::Upload(id), entry.size_bytes)),
                Found::Unknown(_) => {}
            }
        }
        let mut candidates = Vec::new();
        for (file, size_bytes) in self.without_row(files).await? {
            // Claimed only now, so that nobody is kept from an upload that is known. Who has it is not through with it.
            if let Ok(claim) = self.inner.writers.claim(file.upload_id())
                && !claim.is_doubtful()
            {
                candidates.push(Orphan { file, size_bytes, _claim: claim });
            }
        }
        // A row that came before the claim is seen now, and none comes after it.
        let files = candidates.iter().map(|candidate| (candidate.file, candidate.size_bytes)).collect();
        let unnamed: Vec<File> = self.without_row(files).await?.into_iter().map(|(file, _)| file).collect();
        let mut orphans = Vec::new();
        for candidate in candidates {
            // What was discarded may have been unlinked, and its row dropped, since it was listed.
            let is_orphan = unnamed.contains(&candidate.file)
                && match candidate.file {
                    File::Blob(location) => self.is_there(&location, candidate.size_bytes).await?,
                    File::Upload(_) => true,
                };
            if is_orphan {
                orphans.push(candidate);
            }
        }
        Ok(orphans)
    }

    /// Returns those files that no row names now.
    async fn without_row(&self, files: Vec<(File, u64)>) -> Result<Vec<(File, u64)>, Error> {
        let (mut locations, mut uploads): (Vec<Value>, Vec<Value>) = (Vec::new(), Vec::new());
        for (file, _) in &files {
            match file {
                File::Blob(location) => locations.push(location.to_string().into()),
                File::Upload(id) => uploads.push(id.to_string().into()),
            }
        }
        self.read(move |tx| {
            Box::pin(async move {
                let mut named: HashSet<String> = HashSet::new();
                for (statement, list) in [
                    (&sql::LIST_KNOWN_LOCATIONS, &locations),
                    (&sql::LIST_KNOWN_DISCARDED, &locations),
                    (&sql::LIST_KNOWN_UPLOADS, &uploads),
                ] {
                    for row in tx.query_list(statement, &[], list).await? {
                        named.insert(row.get(0)?);
                    }
                }
                Ok(files.into_iter().filter(|(file, _)| !named.contains(&file.key())).collect())
            })
        })
        .await
    }

    pub(crate) async fn remove_orphan(&self, orphan: Orphan) -> Result<bool, Error> {
        Ok(match orphan.file {
            File::Blob(location) => self.inner.blobs.remove(&location).await?,
            File::Upload(id) => self.inner.blobs.remove_upload(id).await?,
        })
    }

    async fn is_there(&self, location: &Location, size_bytes: u64) -> Result<bool, Error> {
        match self.inner.blobs.read(location, size_bytes, location.digest()).await {
            Ok(_) | Err(blobs::Error::WrongSize { .. }) => Ok(true),
            Err(blobs::Error::Missing { .. }) => Ok(false),
            Err(cause) => Err(cause.into()),
        }
    }
}

fn is_old(modified: SystemTime) -> bool {
    SystemTime::now().duration_since(modified).is_ok_and(|age| age >= ORPHAN_AGE)
}
