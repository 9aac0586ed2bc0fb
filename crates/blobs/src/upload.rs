use std::mem;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Instant;

use bytes::Bytes;
use oci::{Algorithm, Digest};
use tokio::runtime::Handle;
use tokio::task::{JoinError, JoinHandle};

use crate::files::File;
use crate::hasher::Hasher;
use crate::location::Place;
use crate::pieces::Pieces;
use crate::store::{Blobs, Checkpoint, Claim, Shared, Stored, hash_file, joined};
use crate::{Error, Location, UploadId};

/// How many bytes an upload gathers before it has them hashed and written: handing over costs about 10 µs, hashing this
/// much 150 µs.
pub const BATCH_BYTES: usize = 256 * 1024;

/// How many bytes an upload gathers while the previous ones are hashed and written, before it makes its sender wait. As many
/// may be in the works, so an upload holds at most twice this and one piece.
pub const PENDING_BYTES_MAX: usize = 512 * 1024;

/// How many bytes all uploads gather together, as far as each may have [`PENDING_BYTES_MIN`]: many have the disk busy anyhow.
const PENDING_OF_ALL_BYTES: usize = 4 * 1024 * 1024;

/// How many bytes an upload may gather however many there are: 40 µs of hashing for the handing over.
pub const PENDING_BYTES_MIN: usize = 64 * 1024;

/// After how many bytes a sync is started on the side, so that the disk works while the rest arrives, and the last sync is
/// short.
const FLUSH_BYTES: u64 = 32 * 1024 * 1024;

/// An upload that is being written to.
///
/// Dropping it, or a future of its methods, loses only what was not synced: what runs is finished in the background, and the
/// upload can be resumed at the last synced offset.
pub struct Upload {
    id: UploadId,
    shared: Arc<Shared>,
    offset_bytes: u64,
    pending: Pieces,
    state: State,
    flush: Option<JoinHandle<Result<(), Error>>>,
}

enum State {
    Idle(Box<Writer>),
    Working(JoinHandle<(Box<Writer>, Result<(), Error>)>),
    Failed,
}

/// The half of an upload that runs on the blocking pool.
struct Writer {
    id: UploadId,
    shared: Arc<Shared>,
    hasher: Hasher,
    /// The blob that this is to be, where it comes whole.
    whole: Option<Location>,
    /// Made by the first write: an upload that is only begun has no file.
    file: Option<Arc<File>>,
    /// The name of a file that goes unless it becomes that blob.
    unfinished: Option<Place>,
    offset_bytes: u64,
    /// What was written since the last sync that was started on the side.
    unflushed_bytes: u64,
    is_entry_synced: bool,
    claim: Option<Claim>,
}

impl Upload {
    /// Begins at nothing, replacing a file that has its name.
    pub(crate) fn begin(shared: Arc<Shared>, claim: Claim, algorithm: Algorithm) -> Self {
        Self::new(shared, claim, Hasher::new(algorithm), None, None, 0)
    }

    /// Begins what is to be a blob, and comes whole.
    pub(crate) fn begin_whole(shared: Arc<Shared>, claim: Claim, location: Location) -> Self {
        let hasher = Hasher::new(location.digest().algorithm());
        Self::new(shared, claim, hasher, Some(location), None, 0)
    }

    pub(crate) fn resume(
        shared: Arc<Shared>,
        claim: Claim,
        hasher: Hasher,
        offset_bytes: u64,
        file: Arc<File>,
    ) -> Self {
        Self::new(shared, claim, hasher, None, Some(file), offset_bytes)
    }

    fn new(
        shared: Arc<Shared>,
        claim: Claim,
        hasher: Hasher,
        whole: Option<Location>,
        file: Option<Arc<File>>,
        offset_bytes: u64,
    ) -> Self {
        let id = claim.id();
        shared.uploads.fetch_add(1, Ordering::Relaxed);
        let writer = Writer {
            id,
            shared: Arc::clone(&shared),
            hasher,
            whole,
            file,
            unfinished: None,
            offset_bytes,
            unflushed_bytes: 0,
            is_entry_synced: false,
            claim: Some(claim),
        };
        let state = State::Idle(Box::new(writer));
        Self { id, shared, offset_bytes, pending: Pieces::default(), state, flush: None }
    }

    /// Returns the upload's id.
    pub fn id(&self) -> UploadId {
        self.id
    }

    /// Returns how many bytes the upload has, with those that are still on their way to the file.
    pub fn offset(&self) -> u64 {
        self.offset_bytes
    }

    /// Appends bytes. Returns as soon as there is room for more, mostly at once; an error may be that of earlier bytes.
    pub async fn write(&mut self, bytes: Bytes) -> Result<(), Error> {
        if bytes.is_empty() {
            return Ok(());
        }
        self.offset_bytes += bytes.len() as u64;
        self.pending.push(bytes);
        let pending_max = pending_max(self.shared.uploads.load(Ordering::Relaxed));
        if self.pending.size_bytes() < BATCH_BYTES.min(pending_max) {
            return Ok(());
        }
        let is_done = match &self.state {
            State::Working(job) => job.is_finished(),
            State::Idle(_) | State::Failed => true,
        };
        if is_done || self.pending.size_bytes() >= pending_max {
            self.settle().await?;
            self.flush().await?;
            let pending = self.pending.take();
            self.start(move |writer| writer.write(&pending))?;
        }
        Ok(())
    }

    /// Makes all that was written durable and returns the offset: here the upload can be resumed, in this process without
    /// reading anything back.
    pub async fn sync(&mut self) -> Result<u64, Error> {
        self.settle().await?;
        self.settle_flush().await?;
        let pending = self.pending.take();
        self.start(move |writer| {
            writer.write(&pending)?;
            writer.sync()
        })?;
        self.settle().await?;
        Ok(self.offset_bytes)
    }

    /// Makes the upload the blob `digest`: when this returns `Ok`, its bytes hash to the digest, and its file and directories
    /// are synced. The upload is there still, to be resumed should the blob come to nothing: [`Blobs::end_upload`] ends it
    /// once a row names the blob. After an error, too, it can be resumed where it was last synced.
    ///
    /// Dropping the future does not stop a commit under way: it leaves a blob that nobody knows, and the upload.
    pub async fn commit(mut self, digest: &Digest) -> Result<Stored, Error> {
        let digest = *digest;
        self.settle().await?;
        self.settle_flush().await?;
        self.ensure_algorithm(digest.algorithm()).await?;
        let pending = self.pending.take();
        let State::Idle(writer) = mem::replace(&mut self.state, State::Failed) else {
            return Err(Error::UploadFailed { id: self.id });
        };
        joined(tokio::task::spawn_blocking(move || writer.commit(&pending, digest)).await)?
    }

    /// Gives the upload up and removes its file.
    pub async fn discard(self) -> Result<(), Error> {
        let (id, blobs) = (self.id, Blobs(Arc::clone(&self.shared)));
        drop(self);
        blobs.remove_upload(id).await?;
        Ok(())
    }

    /// Hashes what is there once more if the digest is to be of another algorithm than was expected.
    async fn ensure_algorithm(&mut self, algorithm: Algorithm) -> Result<(), Error> {
        let State::Idle(writer) = &mut self.state else {
            return Err(Error::UploadFailed { id: self.id });
        };
        if writer.hasher.algorithm() == algorithm {
            return Ok(());
        }
        let hasher = Hasher::new(algorithm);
        writer.hasher = match &writer.file {
            None => hasher,
            Some(file) => hash_file(&self.shared, file, hasher, writer.offset_bytes, |_| ())
                .await?
                .map_err(|actual| Error::UploadLost { id: self.id, expected: writer.offset_bytes, actual })?,
        };
        Ok(())
    }

    /// Starts a job on the blocking pool; none may run.
    fn start(&mut self, job: impl FnOnce(&mut Writer) -> Result<(), Error> + Send + 'static) -> Result<(), Error> {
        let State::Idle(mut writer) = mem::replace(&mut self.state, State::Failed) else {
            return Err(Error::UploadFailed { id: self.id });
        };
        self.state = State::Working(tokio::task::spawn_blocking(move || {
            let outcome = job(&mut writer);
            (writer, outcome)
        }));
        Ok(())
    }

    /// Waits for the job that runs, if one does.
    async fn settle(&mut self) -> Result<(), Error> {
        let outcome = match &mut self.state {
            State::Idle(_) => return Ok(()),
            State::Failed => return Err(Error::UploadFailed { id: self.id }),
            State::Working(job) => job.await,
        };
        // Failed until the outcome says otherwise, also should a panic leave from here.
        self.state = State::Failed;
        let (writer, outcome) = joined(outcome)?;
        outcome?;
        self.state = State::Idle(writer);
        Ok(())
    }

    /// Starts a sync on the side when it is time for one. Its error, too, ends the upload: the operating system tells it once.
    async fn flush(&mut self) -> Result<(), Error> {
        let State::Idle(writer) = &mut self.state else { return Ok(()) };
        if writer.unflushed_bytes < FLUSH_BYTES || self.flush.as_ref().is_some_and(|flush| !flush.is_finished()) {
            return Ok(());
        }
        if let Some(file) = writer.file.clone() {
            writer.unflushed_bytes = 0;
            self.settle_flush().await?;
            let shared = Arc::clone(&self.shared);
            self.flush = Some(tokio::task::spawn_blocking(move || shared.files.sync(&file)));
        }
        Ok(())
    }

    async fn settle_flush(&mut self) -> Result<(), Error> {
        let Some(flush) = &mut self.flush else { return Ok(()) };
        let outcome: Result<Result<(), Error>, JoinError> = flush.await;
        self.flush = None;
        let outcome = joined(outcome).flatten();
        if outcome.is_err() {
            self.state = State::Failed;
        }
        outcome
    }
}

/// Returns how many bytes an upload may gather beside others.
fn pending_max(uploads: usize) -> usize {
    (PENDING_OF_ALL_BYTES / uploads.max(1)).clamp(PENDING_BYTES_MIN, PENDING_BYTES_MAX)
}

impl Writer {
    fn file(&mut self) -> Result<Arc<File>, Error> {
        if let Some(file) = &self.file {
            return Ok(Arc::clone(file));
        }
        let file = Arc::new(self.make_file()?);
        self.file = Some(Arc::clone(&file));
        Ok(file)
    }

    fn make_file(&mut self) -> Result<File, Error> {
        let files = &self.shared.files;
        if let Some(location) = self.whole {
            // In its final place from the start, as in `Shared::store`: one name to make instead of two, and none to remove.
            let place = Place::Blob(location);
            match files.create(place) {
                // Of an earlier try, which a row may name by now.
                Err(error) if error.is_already_there() => self.unfinished = Some(Place::Upload(self.id)),
                file => {
                    let file = file?;
                    self.unfinished = Some(place);
                    return Ok(file);
                }
            }
        }
        let place = Place::Upload(self.id);
        match files.create(place) {
            Err(error) if error.is_already_there() => {
                files.remove(place)?;
                files.create(place)
            }
            file => file,
        }
    }

    fn write(&mut self, pieces: &[Bytes]) -> Result<(), Error> {
        if pieces.is_empty() {
            return Ok(());
        }
        let file = self.file()?;
        self.shared.files.write(&file, pieces, self.offset_bytes)?;
        for piece in pieces {
            self.hasher.update(piece);
            self.offset_bytes += piece.len() as u64;
            self.unflushed_bytes += piece.len() as u64;
        }
        Ok(())
    }

    fn sync(&mut self) -> Result<(), Error> {
        // An upload of nothing needs no file to be resumed.
        let Some(file) = &self.file else { return Ok(()) };
        self.shared.files.sync(file)?;
        if !self.is_entry_synced {
            self.shared.files.sync_directory(Place::Upload(self.id).directory())?;
            self.is_entry_synced = true;
        }
        self.unflushed_bytes = 0;
        let checkpoint = Checkpoint { offset_bytes: self.offset_bytes, hasher: self.hasher.clone() };
        self.shared.checkpoints.insert(self.id, checkpoint);
        Ok(())
    }

    fn commit(mut self, pieces: &[Bytes], expected: Digest) -> Result<Stored, Error> {
        let stored = self.make_blob(pieces, expected);
        if let Some(place) = self.unfinished.take() {
            self.shared.remove_or_leave(place);
        }
        stored
    }

    fn make_blob(&mut self, pieces: &[Bytes], expected: Digest) -> Result<Stored, Error> {
        self.write(pieces)?;
        let file = self.file()?;
        let actual = self.hasher.clone().finish();
        if actual != expected {
            return Err(Error::mismatch(expected, actual));
        }
        let (location, size_bytes) = (Location::new(expected, self.id), self.offset_bytes);
        let status = if let Some(Place::Blob(_)) = self.unfinished {
            let status = self.shared.sync_blob(&file, location)?;
            self.unfinished = None;
            status
        } else {
            self.shared.name_blob(&file, location, size_bytes)?
        };
        self.shared.verified.insert(status, expected, Instant::now());
        Ok(Stored { location, size_bytes })
    }
}

/// Who goes away in the middle of a blob that was to come whole leaves nothing.
impl Drop for Writer {
    fn drop(&mut self) {
        self.shared.uploads.fetch_sub(1, Ordering::Relaxed);
        let Some(place) = self.unfinished.take() else { return };
        let (shared, claim) = (Arc::clone(&self.shared), self.claim.take());
        let remove = move || {
            shared.remove_or_leave(place);
            // Only now may the upload be written to again, and the name be made.
            drop(claim);
        };
        match Handle::try_current() {
            Ok(runtime) => {
                let _goes_on_by_itself = runtime.spawn_blocking(remove);
            }
            Err(_) => remove(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn many_uploads_hold_less_each() {
        let check = |uploads, expected| assert_eq!(pending_max(uploads), expected, "{uploads}");
        check(0, PENDING_BYTES_MAX);
        check(1, PENDING_BYTES_MAX);
        check(8, PENDING_BYTES_MAX);
        check(9, PENDING_OF_ALL_BYTES / 9);
        check(63, PENDING_OF_ALL_BYTES / 63);
        check(64, PENDING_BYTES_MIN);
        check(100_000, PENDING_BYTES_MIN);
    }
}
