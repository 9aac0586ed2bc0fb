//! The blob store from outside: what it promises, on files, on failing files, and after a power cut.

// The name under which all others know the crate.
extern crate garrison_blobs as blobs;

mod contract;
mod corruption;
mod failures;
mod listing;
mod power_cut;

use std::path::PathBuf;

use aws_lc_rs::digest::{SHA256, SHA512, digest};
use blobs::{Blob, Blobs, Error, Faults, Location, Stored, UploadId};
use bytes::Bytes;
use futures_util::StreamExt;
use oci::{Algorithm, Digest};
use tempfile::TempDir;

/// A store in a directory of its own.
struct Store {
    blobs: Blobs,
    directory: TempDir,
    faults: Faults,
}

impl Store {
    fn new() -> Self {
        let directory = memory_directory();
        let faults = Faults::new();
        let blobs = Blobs::open_with(directory.path(), faults.clone()).expect("the store opens");
        Self { blobs, directory, faults }
    }

    /// Opens the store again, as a new process would, without what the old one remembers.
    fn reopen(&mut self) {
        self.blobs = Blobs::open_with(self.directory.path(), self.faults.clone()).expect("the store opens again");
    }

    fn path(&self, location: &Location) -> PathBuf {
        self.directory.path().join(location.to_string())
    }

    fn upload_path(&self, id: UploadId) -> PathBuf {
        self.directory.path().join(format!("uploads/{id}"))
    }

    /// Lists the names of all files, sorted.
    async fn files(&self) -> Vec<String> {
        let mut names: Vec<_> = list(&self.blobs)
            .await
            .into_iter()
            .map(|entry| match entry.found {
                blobs::Found::Blob(location) => location.to_string(),
                blobs::Found::Upload(id) => format!("uploads/{id}"),
                blobs::Found::Unknown(path) => format!("unknown {}", path.display()),
            })
            .collect();
        names.sort();
        names
    }
}

/// Makes a directory in memory where there is one: which files are there is tested, not whether the disk keeps them.
fn memory_directory() -> TempDir {
    tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir()).expect("a temporary directory can be made")
}

/// Makes bytes that differ from place to place, and with `seed`.
fn content(seed: u8, size_bytes: usize) -> Vec<u8> {
    let mut state = u32::from(seed) + 1;
    std::iter::repeat_with(|| {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        state.to_be_bytes()[0]
    })
    .take(size_bytes)
    .collect()
}

fn sha256(bytes: &[u8]) -> Digest {
    Digest::new(Algorithm::Sha256, digest(&SHA256, bytes).as_ref()).expect("it is a SHA-256")
}

fn sha512(bytes: &[u8]) -> Digest {
    Digest::new(Algorithm::Sha512, digest(&SHA512, bytes).as_ref()).expect("it is a SHA-512")
}

/// Pushes in pieces, by way of an upload that ends with it, whatever comes of it.
async fn push(blobs: &Blobs, bytes: &[u8], digest: &Digest) -> Result<Stored, Error> {
    let id = UploadId::generate();
    let mut upload = blobs.resume(id, Algorithm::Sha256, 0).await?;
    for piece in bytes.chunks(10_000) {
        upload.write(Bytes::copy_from_slice(piece)).await?;
    }
    let outcome = upload.commit(digest).await;
    match &outcome {
        Ok(stored) => blobs.end_upload(stored).await?,
        Err(_) => assert!(blobs.remove_upload(id).await?, "an upload stays until it is ended"),
    }
    outcome
}

/// Pushes in pieces what is known by its digest from the start.
async fn push_whole(blobs: &Blobs, id: UploadId, bytes: &[u8], digest: &Digest) -> Result<Stored, Error> {
    let mut blob = blobs.begin(id, digest).await?;
    for piece in bytes.chunks(10_000) {
        blob.write(Bytes::copy_from_slice(piece)).await?;
    }
    blob.commit().await
}

async fn store(blobs: &Blobs, bytes: &[u8]) -> Result<Stored, Error> {
    blobs.store(UploadId::generate(), &sha256(bytes), vec![Bytes::copy_from_slice(bytes)]).await
}

async fn read(blobs: &Blobs, stored: &Stored) -> Result<Vec<u8>, Error> {
    let blob = blobs.read(&stored.location, stored.size_bytes, stored.location.digest()).await?;
    let (bytes, error) = drain(&blob, 0..stored.size_bytes).await;
    error.map_or(Ok(bytes), Err)
}

/// Reads a stream to its end or error; returns what came before it too.
async fn drain(blob: &Blob, range: std::ops::Range<u64>) -> (Vec<u8>, Option<Error>) {
    let mut stream = blob.stream(range);
    let mut bytes = Vec::new();
    while let Some(chunk) = stream.next().await {
        match chunk {
            Ok(chunk) => {
                assert!(!chunk.is_empty() && chunk.len() <= blobs::CHUNK_BYTES, "a chunk of {} bytes", chunk.len());
                bytes.extend_from_slice(&chunk);
            }
            Err(error) => {
                assert!(stream.next().await.is_none(), "a stream ends with its first error");
                return (bytes, Some(error));
            }
        }
    }
    (bytes, None)
}

async fn list(blobs: &Blobs) -> Vec<blobs::Entry> {
    let mut listing = blobs.list();
    let mut entries = Vec::new();
    while let Some(batch) = listing.next().await.expect("the store can be listed") {
        entries.extend(batch);
    }
    entries
}
