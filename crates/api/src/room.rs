//! Memory for what is large: a share of it is held from before the first byte is there until the last one is gone.
//!
//! What the memory of the hub's surface comes to, with `connections_max` connections of which each waits for a slow peer:
//! - Blobs are streams of 64 KiB, lists of all tags streams of a thousand, and what else is below [`LARGE_BYTES`] is as
//!   small: manifests that clients make are below 20 KiB, and the registry keeps them once for all readers.
//! - Larger answers, manifests of up to 4 MiB and pages of up to 100 000 names, take room out of [`ANSWERS_BYTES_MAX`],
//!   all together. The same goes for manifests that arrive, from a room of their own: slow readers and slow writers do
//!   not shut each other out.
//! - Who finds no room waits, and is told after [`WAIT_MAX`] to come again. Only large things wait for large things.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::body::Body;
use bytes::Bytes;
use http::header;
use http_body::{Frame, SizeHint};
use oci::ErrorCode;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::failure::Failure;

/// From here on something is large: what the registry's cache does not take, so that each reader has a copy.
pub(crate) const LARGE_BYTES: usize = registry::MANIFEST_CACHE_ENTRY_BYTES_MAX;

/// Bytes of large answers that are held at once: sixteen of the largest manifests.
pub(crate) const ANSWERS_BYTES_MAX: usize = 64 << 20;

/// Bytes of large manifests on their way in.
pub(crate) const REQUESTS_BYTES_MAX: usize = 64 << 20;

/// The longest that a request waits for room; clients try again by themselves.
const WAIT_MAX: Duration = Duration::from_secs(10);

/// Permits are counted in these.
const UNIT_BYTES: usize = 1 << 10;

/// What of a large answer is handed over at once, so that a slow reader takes its time while it is still a request that
/// runs, with the deadlines of one.
const SLICE_BYTES: usize = 64 << 10;

/// Room for a number of bytes.
pub(crate) struct Room {
    permits: Arc<Semaphore>,
    units_max: u32,
}

/// A part of a [`Room`], given back when this is dropped.
pub(crate) struct Place(OwnedSemaphorePermit);

impl Room {
    pub(crate) fn new(bytes_max: usize) -> Self {
        let units_max = u32::try_from(bytes_max / UNIT_BYTES).unwrap_or(u32::MAX);
        Self { permits: Arc::new(Semaphore::new(units_max as usize)), units_max }
    }

    /// Takes room if there is some now.
    pub(crate) fn try_take(&self, bytes: usize) -> Option<Place> {
        Arc::clone(&self.permits).try_acquire_many_owned(self.units(bytes)).ok().map(Place)
    }

    /// Takes room, and waits for it.
    ///
    /// # Errors
    /// `TOOMANYREQUESTS` after [`WAIT_MAX`].
    pub(crate) async fn take(&self, bytes: usize) -> Result<Place, Failure> {
        let taken = Arc::clone(&self.permits).acquire_many_owned(self.units(bytes));
        // Nobody closes the semaphore; were it closed, there would be no room either.
        if let Ok(Ok(permit)) = tokio::time::timeout(WAIT_MAX, taken).await {
            return Ok(Place(permit));
        }
        let message = "too much is on its way at once for something this large; try again in a moment";
        Err(Failure::registry(ErrorCode::TooManyRequests, message).header(header::RETRY_AFTER, "5"))
    }

    /// Returns the bytes that are taken.
    pub(crate) fn held_bytes(&self) -> u64 {
        (self.units_max as usize - self.permits.available_permits()) as u64 * UNIT_BYTES as u64
    }

    /// What is larger than all of it takes all of it.
    fn units(&self, bytes: usize) -> u32 {
        u32::try_from(bytes.div_ceil(UNIT_BYTES)).unwrap_or(u32::MAX).min(self.units_max)
    }
}

impl Place {
    /// Gives back what turned out not to be needed.
    pub(crate) fn shrink_to(&mut self, bytes: usize) {
        let surplus = self.0.num_permits().saturating_sub(bytes.div_ceil(UNIT_BYTES));
        drop(self.0.split(surplus));
    }

    /// Returns a body that holds the place until its last byte was written to the connection, or the connection is gone.
    pub(crate) fn body(self, bytes: Bytes) -> Body {
        Body::new(Slices(Bytes::from_owner(Held { bytes, _place: self })))
    }
}

struct Held {
    bytes: Bytes,
    _place: Place,
}

impl AsRef<[u8]> for Held {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

/// Bytes that go out in slices; each slice holds on to all of them.
struct Slices(Bytes);

impl http_body::Body for Slices {
    type Data = Bytes;
    type Error = std::convert::Infallible;

    fn poll_frame(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        if self.0.is_empty() {
            return Poll::Ready(None);
        }
        let length = self.0.len().min(SLICE_BYTES);
        Poll::Ready(Some(Ok(Frame::data(self.0.split_to(length)))))
    }

    fn is_end_stream(&self) -> bool {
        self.0.is_empty()
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.0.len() as u64)
    }
}

#[cfg(test)]
mod tests {
    use futures_util::future::join_all;
    use http_body_util::BodyExt as _;

    use super::*;

    #[test]
    fn what_is_taken_is_counted_in_units_and_given_back() {
        let table = [(0, 0), (1, 1), (1023, 1), (1024, 1), (1025, 2), (4096, 4), (4097, 4), (usize::MAX, 4)];
        for (bytes, units) in table {
            let room = Room::new(4 * UNIT_BYTES);
            let place = room.try_take(bytes).unwrap();
            assert_eq!(room.held_bytes(), units * UNIT_BYTES as u64, "{bytes}");
            drop(place);
            assert_eq!(room.held_bytes(), 0, "{bytes}");
        }
        let room = Room::new(4 * UNIT_BYTES);
        let mut place = room.try_take(4 * UNIT_BYTES).unwrap();
        assert!(room.try_take(1).is_none());
        place.shrink_to(UNIT_BYTES + 1);
        assert_eq!(room.held_bytes(), 2 * UNIT_BYTES as u64);
        place.shrink_to(usize::MAX);
        assert_eq!(room.held_bytes(), 2 * UNIT_BYTES as u64);
    }

    #[tokio::test]
    async fn many_at_once_hold_no_more_than_there_is() {
        let room = Room::new(16 * UNIT_BYTES);
        let answered = join_all((0..500).map(|count| {
            let room = &room;
            async move {
                let bytes = Bytes::from(vec![b'x'; 1 + count * 37 % (5 * UNIT_BYTES)]);
                let length = bytes.len();
                let body = room.take(length).await.unwrap().body(bytes);
                assert!(room.held_bytes() <= 16 * UNIT_BYTES as u64);
                tokio::task::yield_now().await;
                body.collect().await.unwrap().to_bytes().len() == length
            }
        }));
        assert!(answered.await.into_iter().all(|whole| whole));
        assert_eq!(room.held_bytes(), 0);
    }

    #[tokio::test(start_paused = true)]
    async fn who_finds_no_room_is_told_to_come_again() {
        let room = Room::new(UNIT_BYTES);
        let body = room.take(1).await.unwrap().body(Bytes::from_static(b"x"));
        let began = tokio::time::Instant::now();
        let refused = room.take(1).await.err().unwrap();
        assert_eq!((refused.status.as_u16(), refused.code, began.elapsed()), (429, "TOOMANYREQUESTS", WAIT_MAX));
        drop(body);
        assert!(room.take(1).await.is_ok());
    }

    #[tokio::test]
    async fn a_slice_that_is_not_written_yet_holds_the_place() {
        let room = Room::new(ANSWERS_BYTES_MAX);
        let bytes = Bytes::from(vec![b'x'; 3 * SLICE_BYTES + 1]);
        let mut body = room.take(bytes.len()).await.unwrap().body(bytes);
        let mut lengths = Vec::new();
        let mut last = Bytes::new();
        while let Some(frame) = body.frame().await {
            last = frame.unwrap().into_data().unwrap();
            lengths.push(last.len());
        }
        assert_eq!(lengths, [SLICE_BYTES, SLICE_BYTES, SLICE_BYTES, 1]);
        drop(body);
        assert!(room.held_bytes() > 3 * SLICE_BYTES as u64);
        drop(last);
        assert_eq!(room.held_bytes(), 0);
    }
}
