use std::collections::HashSet;
use std::panic;
use std::path::Path;
use std::pin::pin;
use std::sync::atomic::AtomicUsize;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use bytes::Bytes;
use oci::{Algorithm, Digest};
use quick_cache::sync::Cache;
use tokio::sync::Notify;
use tokio::task::JoinError;
use tracing::warn;

use crate::blob::Blob;
use crate::files::{File, Files, Status};
use crate::hasher::Hasher;
use crate::listing::Listing;
use crate::location::Place;
use crate::new_blob::NewBlob;
use crate::upload::Upload;
use crate::verified::Verified;
use crate::{Error, Faults, Location, UploadId};

/// The largest body that [`Blobs::store`] takes: it is in memory whole, so 32 at once hold 32 MiB.
pub const STORE_BYTES_MAX: usize = 1024 * 1024;

/// How long a request waits for the one that holds its upload. What a dropped connection left running takes a moment; a
/// client that writes to one upload twice at the same time has to be told.
const CLAIM_WAIT: Duration = Duration::from_secs(5);

/// How many uploads are resumed without reading back what they have, at some 300 bytes each.
const CHECKPOINTS_MAX: usize = 4096;

/// How many bytes are read and hashed in one go: 5 ms, after which a dropped caller is noticed.
const HASH_STEP_BYTES: u64 = 8 * 1024 * 1024;

/// How many bytes one read asks for when a file is read back to be hashed.
const HASH_BUFFER_BYTES: usize = 256 * 1024;

/// Blobs and uploads below one root directory. Clones share it.
#[derive(Clone)]
pub struct Blobs(pub(crate) Arc<Shared>);

pub(crate) struct Shared {
    pub(crate) files: Files,
    pub(crate) verified: Verified,
    pub(crate) checkpoints: Cache<UploadId, Checkpoint>,
    /// How many uploads are being written to.
    pub(crate) uploads: AtomicUsize,
    claimed: Mutex<HashSet<UploadId>>,
    released: Notify,
}

/// Where an upload can be resumed, with the hash so far.
#[derive(Clone)]
pub(crate) struct Checkpoint {
    pub(crate) offset_bytes: u64,
    pub(crate) hasher: Hasher,
}

/// A blob that is stored, synced and hashes to its digest.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stored {
    /// Where it is.
    pub location: Location,
    /// How large it is.
    pub size_bytes: u64,
}

/// What [`Blobs::verify`] found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// The file has the size and hashes to the digest.
    Whole,
    /// The file has another size or another digest.
    Corrupt,
    /// There is no file.
    Missing,
}

impl Blobs {
    /// Opens the store below `root`. Directories that are missing are made, only for the process's own user, and synced.
    /// Blocks.
    pub fn open(root: &Path) -> Result<Self, Error> {
        Ok(Self::with_files(Files::open(root, None)?))
    }

    /// Opens the store for a test, with file operations that are counted, recorded or fail.
    pub fn open_with(root: &Path, faults: Faults) -> Result<Self, Error> {
        Ok(Self::with_files(Files::open(root, Some(faults))?))
    }

    fn with_files(files: Files) -> Self {
        Self(Arc::new(Shared {
            files,
            verified: Verified::new(),
            checkpoints: Cache::new(CHECKPOINTS_MAX),
            uploads: AtomicUsize::new(0),
            claimed: Mutex::default(),
            released: Notify::new(),
        }))
    }

    /// Begins a blob that comes whole, in one request that names its digest. Touches no file before its first bytes.
    pub async fn begin(&self, id: UploadId, digest: &Digest) -> Result<NewBlob, Error> {
        let claim = Claim::take(&self.0, id).await?;
        Ok(NewBlob::new(Arc::clone(&self.0), claim, *digest))
    }

    /// Takes an upload up again at `offset_bytes`, which [`Upload::sync`] returned: later bytes are cut off. At 0 it begins, and
    /// touches no file before its first bytes; its digest will probably be of `algorithm`.
    ///
    /// Reads back what the upload has, unless this process wrote it. Where a commit that did not
    /// come to its end left the blob's name on the file, the upload goes on with a copy.
    pub async fn resume(&self, id: UploadId, algorithm: Algorithm, offset_bytes: u64) -> Result<Upload, Error> {
        let claim = Claim::take(&self.0, id).await?;
        if offset_bytes == 0 {
            return Ok(Upload::begin(Arc::clone(&self.0), claim, algorithm));
        }
        let lost = move |actual| Error::UploadLost { id, expected: offset_bytes, actual };
        let shared = Arc::clone(&self.0);
        let file = blocking(move || {
            let file = shared.files.open_to_write(Place::Upload(id));
            let file = file.map_err(|error| if error.is_not_found() { lost(0) } else { error })?;
            let Status { size_bytes, has_other_names, .. } = shared.files.status(&file)?;
            if size_bytes < offset_bytes {
                return Err(lost(size_bytes));
            }
            if has_other_names {
                return shared.separate(id, &file, offset_bytes);
            }
            if size_bytes > offset_bytes {
                shared.files.truncate(&file, offset_bytes)?;
            }
            Ok(file)
        });
        let file = Arc::new(file.await?);
        let checkpoint =
            self.0.checkpoints.get(&id).filter(|checkpoint| {
                checkpoint.offset_bytes == offset_bytes && checkpoint.hasher.algorithm() == algorithm
            });
        let hasher = match checkpoint {
            Some(checkpoint) => checkpoint.hasher,
            None => hash_file(&self.0, &file, Hasher::new(algorithm), offset_bytes, |_| ()).await?.map_err(lost)?,
        };
        Ok(Upload::resume(Arc::clone(&self.0), claim, hasher, offset_bytes, file))
    }

    /// Stores a small body, given in pieces, as the blob `digest`: one hop to the blocking pool, and no upload. When this
    /// returns `Ok`, the file and its directory are synced. Doing it again with the same id and digest changes nothing.
    pub async fn store(&self, id: UploadId, digest: &Digest, pieces: Vec<Bytes>) -> Result<Stored, Error> {
        let size_bytes = pieces.iter().map(Bytes::len).sum::<usize>();
        if size_bytes > STORE_BYTES_MAX {
            return Err(Error::BodyTooLarge { actual: size_bytes as u64, limit: STORE_BYTES_MAX as u64 });
        }
        let claim = Claim::take(&self.0, id).await?;
        let (shared, digest) = (Arc::clone(&self.0), *digest);
        blocking(move || {
            let stored = shared.store(id, digest, &pieces, size_bytes as u64);
            drop(claim);
            stored
        })
        .await
    }

    /// Opens a blob, of which the size is checked at once and the digest while it is read whole.
    pub async fn read(&self, location: &Location, expected_size: u64, digest: &Digest) -> Result<Blob, Error> {
        let (location, place) = (*location, Place::Blob(*location));
        let file = if let Some(file) = self.0.files.open_to_read_if_cached(place) {
            file
        } else {
            let shared = Arc::clone(&self.0);
            blocking(move || shared.files.open_to_read(place))
                .await
                .map_err(|error| if error.is_not_found() { Error::Missing { location } } else { error })?
        };
        let status = self.0.files.status(&file)?;
        if status.size_bytes != expected_size {
            return Err(Error::WrongSize { location, expected: expected_size, actual: status.size_bytes });
        }
        Ok(Blob::new(Arc::clone(&self.0), Arc::new(file), status, location, *digest))
    }

    /// Hashes a blob's file as it is on the disk. `progress` is told how many bytes are done, every few milliseconds; dropping
    /// the future stops at the next of these moments.
    pub async fn verify(
        &self,
        location: &Location,
        digest: &Digest,
        expected_size: u64,
        progress: impl FnMut(u64) + Send,
    ) -> Result<Verdict, Error> {
        let (shared, place) = (Arc::clone(&self.0), Place::Blob(*location));
        let opened = blocking(move || {
            let file = shared.files.open_to_read(place)?;
            let status = shared.files.status(&file)?;
            Ok((Arc::new(file), status))
        });
        let (file, status) = match opened.await {
            Err(error) if error.is_not_found() => return Ok(Verdict::Missing),
            opened => opened?,
        };
        if status.size_bytes != expected_size {
            return Ok(Verdict::Corrupt);
        }
        let hasher = Hasher::new(digest.algorithm());
        match hash_file(&self.0, &file, hasher, expected_size, progress).await?.map(Hasher::finish) {
            Ok(actual) if actual == *digest => {
                self.0.verified.insert(status, *digest, Instant::now());
                Ok(Verdict::Whole)
            }
            _ => {
                self.0.verified.remove(&status);
                Ok(Verdict::Corrupt)
            }
        }
    }

    /// Removes a blob's file; returns whether there was one. Not synced: after a power cut it may be there again, as an orphan.
    pub async fn remove(&self, location: &Location) -> Result<bool, Error> {
        let (shared, place) = (Arc::clone(&self.0), Place::Blob(*location));
        blocking(move || shared.files.remove(place)).await
    }

    /// Ends the upload that [`Upload::commit`] made a blob of, once a row names the blob. Not synced, like [`Self::remove`].
    pub async fn end_upload(&self, stored: &Stored) -> Result<(), Error> {
        let location = stored.location;
        let claim = Claim::take(&self.0, location.upload_id()).await?;
        let shared = Arc::clone(&self.0);
        blocking(move || {
            let ended = shared.end_upload(location);
            drop(claim);
            ended
        })
        .await
    }

    /// Removes an upload's file; returns whether there was one. Waits for whoever writes to it. Not synced, like
    /// [`Self::remove`].
    pub async fn remove_upload(&self, id: UploadId) -> Result<bool, Error> {
        let claim = Claim::take(&self.0, id).await?;
        let shared = Arc::clone(&self.0);
        blocking(move || {
            let removed = shared.remove_upload(id);
            drop(claim);
            removed
        })
        .await
    }

    /// Lists every file, a batch at a time, in no order. What comes and goes meanwhile may be listed or not.
    pub fn list(&self) -> Listing {
        Listing::new(Arc::clone(&self.0))
    }
}

impl Shared {
    pub(crate) fn remove_upload(&self, id: UploadId) -> Result<bool, Error> {
        self.checkpoints.remove(&id);
        self.files.remove(Place::Upload(id))
    }

    fn end_upload(&self, location: Location) -> Result<(), Error> {
        let file = self.files.open_to_read(Place::Blob(location));
        let file = file.and_then(|file| Ok((self.files.status(&file)?, file)));
        self.remove_upload(location.upload_id())?;
        // To lose a name is a change of the file, but none of its bytes.
        if let Ok((status, file)) = file
            && self.verified.contains(&status, location.digest(), Instant::now())
        {
            self.verified.insert(self.files.status(&file)?, *location.digest(), Instant::now());
        }
        Ok(())
    }

    /// Gives an upload a file of its own, with what was acknowledged of it. The one that it has is that of a blob too, which
    /// a row may come to name.
    fn separate(&self, id: UploadId, file: &File, offset_bytes: u64) -> Result<File, Error> {
        // The name of an upload that no row names, so that a crash leaves an orphan.
        let aside = Place::Upload(UploadId::generate());
        let place = Place::Upload(id);
        let replace = || {
            self.files.copy(file, offset_bytes, aside)?;
            self.files.rename(aside, place)?;
            self.files.sync_directory(place.directory())
        };
        replace().inspect_err(|_| self.remove_or_leave(aside))?;
        self.files.open_to_write(place)
    }

    /// Gives an upload's file the name of a blob, and makes bytes and name durable.
    pub(crate) fn name_blob(&self, file: &File, location: Location, size_bytes: u64) -> Result<Status, Error> {
        let blob = Place::Blob(location);
        let finish = |file: &File| self.sync_blob(file, location).inspect_err(|_| self.remove_or_leave(blob));
        // Before the sync, so that one journal commit makes bytes and name durable where the file system can. No row
        // names the file yet, so nobody takes it for whole.
        match self.files.link(Place::Upload(location.upload_id()), blob) {
            Ok(()) => finish(file),
            Err(error) if error.is_already_there() => {
                if let Some(status) = self.keep_if_whole(location, size_bytes)? {
                    return Ok(status);
                }
                self.files.remove(blob)?;
                self.name_blob(file, location, size_bytes)
            }
            Err(error) if error.is_unsupported() => {
                let copy = self.files.copy(file, size_bytes, blob);
                finish(&copy.inspect_err(|_| self.remove_or_leave(blob))?)
            }
            Err(error) => Err(error),
        }
    }

    /// Makes bytes and name of a file durable that has a blob's name.
    pub(crate) fn sync_blob(&self, file: &File, location: Location) -> Result<Status, Error> {
        self.files.sync(file)?;
        self.files.sync_directory(Place::Blob(location).directory())?;
        self.files.status(file)
    }

    /// Removes a file that a failed operation leaves; if that fails too, it is an orphan to be found later.
    pub(crate) fn remove_or_leave(&self, place: Place) {
        if let Err(error) = self.files.remove(place) {
            warn!(path = %place, error = &error as &dyn std::error::Error, "orphan left behind");
        }
    }

    fn store(&self, id: UploadId, expected: Digest, pieces: &[Bytes], size_bytes: u64) -> Result<Stored, Error> {
        let mut hasher = Hasher::new(expected.algorithm());
        for piece in pieces {
            hasher.update(piece);
        }
        let actual = hasher.finish();
        if actual != expected {
            return Err(Error::mismatch(expected, actual));
        }
        let location = Location::new(expected, id);
        let place = Place::Blob(location);
        // In its final place from the start: until a row names it, it is an orphan like an upload's file would be.
        let file = match self.files.create(place) {
            Err(error) if error.is_already_there() => return self.store_again(location, pieces, size_bytes),
            file => file?,
        };
        let write = || {
            self.files.write(&file, pieces, 0)?;
            self.sync_blob(&file, location)
        };
        let status = write().inspect_err(|_| self.remove_or_leave(place))?;
        self.verified.insert(status, expected, Instant::now());
        Ok(Stored { location, size_bytes })
    }

    /// Stores what an earlier try may have stored.
    fn store_again(&self, location: Location, pieces: &[Bytes], size_bytes: u64) -> Result<Stored, Error> {
        if self.keep_if_whole(location, size_bytes)?.is_some() {
            return Ok(Stored { location, size_bytes });
        }
        self.files.remove(Place::Blob(location))?;
        self.store(location.upload_id(), *location.digest(), pieces, size_bytes)
    }

    /// Syncs the blob that an earlier try has stored, when it is whole: it is kept, since a row may name it by now.
    fn keep_if_whole(&self, location: Location, size_bytes: u64) -> Result<Option<Status>, Error> {
        let (digest, place) = (*location.digest(), Place::Blob(location));
        let file = self.files.open_to_read(place)?;
        let status = self.files.status(&file)?;
        let mut hasher = Hasher::new(digest.algorithm());
        let mut buffer = vec![0; HASH_BUFFER_BYTES];
        let is_whole = status.size_bytes == size_bytes
            && hash_range(&self.files, &file, &mut hasher, 0, size_bytes, &mut buffer)? == size_bytes
            && hasher.finish() == digest;
        if !is_whole {
            return Ok(None);
        }
        self.files.sync(&file)?;
        self.files.sync_directory(place.directory())?;
        Ok(Some(status))
    }
}

/// The right to write to an upload; held by what runs in the background too.
pub(crate) struct Claim {
    shared: Arc<Shared>,
    id: UploadId,
}

impl Claim {
    async fn take(shared: &Arc<Shared>, id: UploadId) -> Result<Self, Error> {
        let deadline = tokio::time::Instant::now() + CLAIM_WAIT;
        loop {
            let mut released = pin!(shared.released.notified());
            // From here on a release is noticed, also one before the wait.
            released.as_mut().enable();
            if shared.claimed().insert(id) {
                return Ok(Self { shared: Arc::clone(shared), id });
            }
            tokio::time::timeout_at(deadline, released).await.map_err(|_| Error::UploadBusy { id })?;
        }
    }

    pub(crate) fn id(&self) -> UploadId {
        self.id
    }
}

impl Drop for Claim {
    fn drop(&mut self) {
        self.shared.claimed().remove(&self.id);
        self.shared.released.notify_waiters();
    }
}

impl Shared {
    fn claimed(&self) -> MutexGuard<'_, HashSet<UploadId>> {
        self.claimed.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Runs `job` on the blocking pool.
pub(crate) async fn blocking<T: Send + 'static>(
    job: impl FnOnce() -> Result<T, Error> + Send + 'static,
) -> Result<T, Error> {
    joined(tokio::task::spawn_blocking(job).await)?
}

/// Takes a job's outcome; its panic goes on here.
pub(crate) fn joined<T>(outcome: Result<T, JoinError>) -> Result<T, Error> {
    outcome.map_err(|error| match error.try_into_panic() {
        Ok(panic) => panic::resume_unwind(panic),
        Err(_) => Error::Stopped,
    })
}

/// Hashes a file's first `size_bytes`; the inner error is the file's size when it is shorter.
pub(crate) async fn hash_file(
    shared: &Arc<Shared>,
    file: &Arc<File>,
    mut hasher: Hasher,
    size_bytes: u64,
    mut progress: impl FnMut(u64) + Send,
) -> Result<Result<Hasher, u64>, Error> {
    Files::expect_sequential_reads(file);
    let mut buffer = vec![0; HASH_BUFFER_BYTES];
    let mut offset_bytes = 0;
    while offset_bytes < size_bytes {
        let (shared, file) = (Arc::clone(shared), Arc::clone(file));
        let end = size_bytes.min(offset_bytes + HASH_STEP_BYTES);
        let actual;
        (hasher, buffer, actual) = blocking(move || {
            let actual = hash_range(&shared.files, &file, &mut hasher, offset_bytes, end, &mut buffer)?;
            Ok((hasher, buffer, actual))
        })
        .await?;
        if actual < end {
            return Ok(Err(actual));
        }
        offset_bytes = end;
        progress(offset_bytes);
    }
    Ok(Ok(hasher))
}

/// Hashes a file from `start` to `end`; returns `end`, or where the file ended before it.
fn hash_range(
    files: &Files,
    file: &File,
    hasher: &mut Hasher,
    start: u64,
    end: u64,
    buffer: &mut [u8],
) -> Result<u64, Error> {
    let mut offset_bytes = start;
    while offset_bytes < end {
        let wanted = usize::try_from(end - offset_bytes).map_or(buffer.len(), |left| left.min(buffer.len()));
        let count = files.read(file, &mut buffer[..wanted], offset_bytes)?;
        if count == 0 {
            break;
        }
        hasher.update(&buffer[..count]);
        offset_bytes += count as u64;
    }
    Ok(offset_bytes)
}
