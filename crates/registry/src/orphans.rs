//! Files that no row names: what a crash between a rename and its commit leaves, or a push whose client went away.
//!
//! A file is looked at only under the claim of the upload that made it, so that no request is about to give it a row, and
//! only once it is an hour old, should that request be of a process that has just ended.

use std::fmt;
use std::time::{Duration, SystemTime};

use blobs::{Entry, Found, Location, UploadId};
use db::Value;

use crate::collect::{Collected, add_to_totals};
use crate::error::Error;
use crate::repositories::Registry;
use crate::statements as sql;
use crate::uploads::Claim;

/// A file without a row is an orphan only when it is this old.
const ORPHAN_AGE: Duration = Duration::from_hours(1);

/// A file that no row names, and that none will while this is held.
pub(crate) struct Orphan {
    file: File,
    pub(crate) size_bytes: u64,
    _claim: Claim,
}

#[derive(Clone, Copy)]
enum File {
    Blob(Location),
    Upload(UploadId),
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
        let mut candidates = Vec::new();
        for entry in entries.into_iter().filter(|entry| is_old(entry.modified)) {
            let (file, id) = match entry.found {
                Found::Blob(location) => (File::Blob(location), location.upload_id()),
                Found::Upload(id) => (File::Upload(id), id),
                Found::Unknown(_) => continue,
            };
            // Another request has it, so that it is not over.
            if let Ok(claim) = self.inner.writers.claim(id) {
                candidates.push(Orphan { file, size_bytes: entry.size_bytes, _claim: claim });
            }
        }
        let (mut locations, mut uploads): (Vec<Value>, Vec<Value>) = (Vec::new(), Vec::new());
        for candidate in &candidates {
            match candidate.file {
                File::Blob(location) => locations.push(location.to_string().into()),
                File::Upload(id) => uploads.push(id.to_string().into()),
            }
        }
        let known = self
            .read(move |tx| {
                Box::pin(async move {
                    let mut known = std::collections::HashSet::new();
                    for (statement, list) in [
                        (&sql::LIST_KNOWN_LOCATIONS, &locations),
                        (&sql::LIST_KNOWN_DISCARDED, &locations),
                        (&sql::LIST_KNOWN_UPLOADS, &uploads),
                    ] {
                        for row in tx.query_list(statement, &[], list).await? {
                            known.insert(row.get::<String>(0)?);
                        }
                    }
                    Ok(known)
                })
            })
            .await?;
        let mut orphans = Vec::new();
        for candidate in candidates {
            let is_orphan = match candidate.file {
                // What was discarded may have been unlinked, and its row dropped, since it was listed.
                File::Blob(location) => {
                    !known.contains(&location.to_string()) && self.is_there(&location, candidate.size_bytes).await?
                }
                File::Upload(id) => !known.contains(&id.to_string()),
            };
            if is_orphan {
                orphans.push(candidate);
            }
        }
        Ok(orphans)
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
