use std::io::{self, Read};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use blobs::BlobStream;
use bytes::{Buf as _, Bytes};
use futures_util::StreamExt as _;
use ledger::jobs::Context;
use tokio::runtime::Handle;

/// Why the bytes of a layer ended early, through no fault of theirs.
#[derive(Debug)]
pub(crate) enum Interruption {
    /// The job is to stop.
    Canceled,
    /// The time for one image is over.
    OutOfTime,
    /// The store failed.
    Store(blobs::Error),
}

/// A blob's bytes for code that reads and does not wait. On a blocking thread only.
pub(crate) struct BlobReader {
    stream: BlobStream,
    chunk: Bytes,
    runtime: Handle,
    context: Context,
    deadline: Instant,
    interruption: Interruptions,
}

/// Where the reason is found once a read has failed.
pub(crate) type Interruptions = Arc<Mutex<Option<Interruption>>>;

impl BlobReader {
    /// Reads a stream until the job is canceled or its time is over.
    pub(crate) fn new(
        stream: BlobStream,
        runtime: Handle,
        context: Context,
        deadline: Instant,
        interruption: Interruptions,
    ) -> Self {
        Self { stream, chunk: Bytes::new(), runtime, context, deadline, interruption }
    }

    fn interrupted(&self, reason: Interruption) -> io::Error {
        *self.interruption.lock().unwrap_or_else(PoisonError::into_inner) = Some(reason);
        io::Error::other("the layer was not read to its end")
    }
}

impl Read for BlobReader {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while self.chunk.is_empty() {
            if self.context.is_canceled() {
                return Err(self.interrupted(Interruption::Canceled));
            }
            if is_over(Instant::now(), self.deadline) {
                return Err(self.interrupted(Interruption::OutOfTime));
            }
            match self.runtime.block_on(self.stream.next()) {
                Some(Ok(chunk)) => self.chunk = chunk,
                Some(Err(error)) => return Err(self.interrupted(Interruption::Store(error))),
                None => return Ok(0),
            }
        }
        let count = buffer.len().min(self.chunk.len());
        self.chunk.copy_to_slice(&mut buffer[..count]);
        Ok(count)
    }
}

/// Returns whether the time for an image is over: its last moment is still a part of it.
fn is_over(now: Instant, deadline: Instant) -> bool {
    now > deadline
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn the_last_moment_is_a_part_of_the_time() {
        let before = Instant::now();
        let moment = Duration::from_nanos(1);
        let deadline = before + moment;
        for (now, expected) in [(before, false), (deadline, false), (deadline + moment, true)] {
            assert_eq!(is_over(now, deadline), expected);
        }
    }
}
