use std::collections::VecDeque;
use std::ops::Range;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Instant;

use bytes::{Bytes, BytesMut};
use futures_util::Stream;
use oci::Digest;
use tokio::task::JoinHandle;

use crate::files::{File, Files, Status};
use crate::hasher::Hasher;
use crate::store::{Shared, joined};
use crate::{Error, Location};

/// The largest chunk of a [`BlobStream`]: a socket rarely takes more at once, and hashing this much (40 µs) may be done between
/// two polls.
pub const CHUNK_BYTES: usize = 64 * 1024;

/// Chunks that were given out and whose memory is used again once their taker lets go of them. HTTP/1.1 has two on their way at a
/// time; with as many here, a large blob is sent from the same memory throughout, none of it allocated, cleared and freed
/// for each chunk, and a stream holds no more than what is on its way.
const LENT_CHUNKS_MAX: usize = 2;

/// A blob that is open to be read.
pub struct Blob {
    shared: Arc<Shared>,
    file: Arc<File>,
    status: Status,
    location: Location,
    digest: Digest,
}

impl Blob {
    pub(crate) fn new(
        shared: Arc<Shared>,
        file: Arc<File>,
        status: Status,
        location: Location,
        digest: Digest,
    ) -> Self {
        Self { shared, file, status, location, digest }
    }

    /// Returns the blob's size.
    pub fn size_bytes(&self) -> u64 {
        self.status.size_bytes
    }

    /// Tells whether the file was hashed within the last hour, in whatever way, and has not changed since.
    pub fn is_verified(&self) -> bool {
        self.shared.verified.contains(&self.status, &self.digest, Instant::now())
    }

    /// Streams the bytes of `range`.
    ///
    /// The whole of a blob that is not verified is hashed on its way; its last chunk comes only once the hash agrees, and else
    /// [`Error::Corrupt`] in its stead, so that nobody holds all bytes of a corrupt blob. Part of a blob proves nothing and
    /// is not hashed.
    ///
    /// # Panics
    /// When the range does not lie within the blob.
    pub fn stream(&self, range: Range<u64>) -> BlobStream {
        let size_bytes = self.size_bytes();
        assert!(range.start <= range.end && range.end <= size_bytes, "{range:?} is not within {size_bytes} bytes");
        let is_whole = range.start == 0 && range.end == size_bytes;
        BlobStream {
            shared: Arc::clone(&self.shared),
            file: Arc::clone(&self.file),
            status: self.status,
            location: self.location,
            digest: self.digest,
            next: range.start,
            end: range.end,
            hasher: (is_whole && !self.is_verified()).then(|| Hasher::new(self.digest.algorithm())),
            state: State::Ready,
            is_sequential: false,
            lent: VecDeque::new(),
        }
    }
}

/// The bytes of a blob, in chunks of at most [`CHUNK_BYTES`]. What is in the page cache is read at once, the rest on the
/// blocking pool.
pub struct BlobStream {
    shared: Arc<Shared>,
    file: Arc<File>,
    status: Status,
    location: Location,
    digest: Digest,
    next: u64,
    end: u64,
    /// Where the whole blob is to be verified.
    hasher: Option<Hasher>,
    state: State,
    is_sequential: bool,
    /// Chunks that were given out, oldest first.
    lent: VecDeque<Bytes>,
}

enum State {
    Ready,
    Reading(JoinHandle<Result<Bytes, Error>>),
    Done,
}

impl BlobStream {
    /// Returns how many bytes are still to come.
    pub fn remaining(&self) -> u64 {
        self.end - self.next
    }

    /// Returns a buffer for the next chunk: that of the oldest one that was given out, if it has come free.
    fn buffer(&mut self) -> BytesMut {
        let size_bytes = usize::try_from(self.remaining()).map_or(CHUNK_BYTES, |left| left.min(CHUNK_BYTES));
        match self.lent.pop_front().map(Bytes::try_into_mut) {
            Some(Ok(mut free)) => {
                free.resize(size_bytes, 0);
                return free;
            }
            Some(Err(held)) => self.lent.push_front(held),
            None => {}
        }
        BytesMut::zeroed(size_bytes)
    }

    /// Notes a chunk that is given out. A taker who keeps more than these has the rest in memory of their own.
    fn lend(&mut self, chunk: &Bytes) {
        // A small blob is one chunk: nothing comes after it.
        if self.next < self.end && self.lent.len() < LENT_CHUNKS_MAX {
            self.lent.push_back(chunk.clone());
        }
    }

    fn start_reading(&mut self, mut buffer: BytesMut) -> JoinHandle<Result<Bytes, Error>> {
        if !self.is_sequential {
            self.is_sequential = true;
            Files::expect_sequential_reads(&self.file);
        }
        let (shared, file, offset_bytes) = (Arc::clone(&self.shared), Arc::clone(&self.file), self.next);
        tokio::task::spawn_blocking(move || {
            let count = shared.files.read(&file, &mut buffer, offset_bytes)?;
            buffer.truncate(count);
            Ok(buffer.freeze())
        })
    }

    /// Takes what was read; the last chunk only if all that was read is the blob.
    fn accept(&mut self, chunk: Bytes) -> Result<Bytes, Error> {
        if chunk.is_empty() {
            // The file was cut after it was opened.
            return Err(Error::Corrupt { location: self.location });
        }
        self.next += chunk.len() as u64;
        if let Some(hasher) = &mut self.hasher {
            hasher.update(&chunk);
        }
        if self.next == self.end {
            self.verify()?;
        }
        Ok(chunk)
    }

    fn verify(&mut self) -> Result<(), Error> {
        let Some(hasher) = self.hasher.take() else { return Ok(()) };
        if hasher.finish() != self.digest {
            return Err(Error::Corrupt { location: self.location });
        }
        self.shared.verified.insert(self.status, self.digest, Instant::now());
        Ok(())
    }
}

impl Stream for BlobStream {
    type Item = Result<Bytes, Error>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let is_at_end = self.next == self.end;
        let outcome = loop {
            match &mut self.state {
                State::Done => return Poll::Ready(None),
                State::Ready if is_at_end => {
                    self.state = State::Done;
                    // Only an empty blob gets here unverified.
                    return Poll::Ready(self.verify().err().map(Err));
                }
                State::Ready => {
                    let mut buffer = self.buffer();
                    match self.shared.files.read_if_cached(&self.file, &mut buffer, self.next) {
                        Some(count) => {
                            buffer.truncate(count);
                            break Ok(buffer.freeze());
                        }
                        None => self.state = State::Reading(self.start_reading(buffer)),
                    }
                }
                State::Reading(job) => {
                    let outcome = joined(ready!(Pin::new(job).poll(context))).flatten();
                    self.state = State::Ready;
                    break outcome;
                }
            }
        };
        let outcome = outcome.and_then(|chunk| self.accept(chunk));
        match &outcome {
            Ok(chunk) => self.lend(chunk),
            Err(_) => self.state = State::Done,
        }
        Poll::Ready(Some(outcome))
    }
}
