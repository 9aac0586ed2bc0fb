//! Bodies of requests, and what becomes of those that nobody reads to their end.
//!
//! With HTTP/1.1 the next request stands behind the body of the one before. When a request is refused by its head, its body
//! may be on its way: either it is read to its end and thrown away, or the answer says that the connection ends with it.
//! An answer that says neither makes a client send its next request into a connection that is being closed.

use std::future::poll_fn;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use hyper::body::{Body, Bytes, Frame, Incoming, SizeHint};
use hyper::header::EXPECT;
use hyper::{Request, Version};
use tokio::sync::oneshot;

use super::activity::Activity;

/// The most that is read of a body that nobody wants: as much as is cheaper to read than to connect again for.
pub(super) const UNREAD_BYTES_MAX: u64 = 256 << 10;

/// How long such a body may take: what is on its way comes at once, and the answer waits for it.
const UNREAD_TIMEOUT: Duration = Duration::from_millis(500);

/// A request's body, which tells when a piece of it arrives.
#[derive(Debug)]
pub(crate) struct Arriving {
    /// None once it is handed on.
    body: Option<Incoming>,
    activity: Arc<Activity>,
    /// Who takes what is left when nobody reads on; none when that stands in nobody's way.
    heir: Option<oneshot::Sender<Left>>,
    /// Whether the other side holds the body back until somebody begins to read it.
    is_held_back: bool,
}

/// What a handler left of a body.
#[derive(Debug)]
enum Left {
    /// What is on its way.
    Coming(Incoming),
    /// Reading would ask the other side for what nobody wants.
    HeldBack,
}

/// What becomes of the rest of a body: none when it never stands in the way of the next request.
#[derive(Debug)]
pub(super) struct Rest(Option<oneshot::Receiver<Left>>);

impl Arriving {
    /// Watches the body of a request that came by a connection.
    pub(super) fn watch(request: Request<Incoming>, activity: &Arc<Activity>) -> (Request<Self>, Rest) {
        let is_in_the_way = request.version() != Version::HTTP_2 && !request.body().is_end_stream();
        let is_held_back = request.headers().contains_key(EXPECT);
        let (heir, left) = is_in_the_way.then(oneshot::channel).unzip();
        let activity = Arc::clone(activity);
        (request.map(|body| Self { body: Some(body), activity, heir, is_held_back }), Rest(left))
    }
}

impl Rest {
    /// Reads what a handler left, within limits; says whether nothing is left now.
    pub(super) async fn read_to_end(self) -> bool {
        let Some(left) = self.0 else { return true };
        let read = async {
            let mut body = match left.await {
                Ok(Left::Coming(body)) => body,
                Ok(Left::HeldBack) => return false,
                // A body that was read to its end leaves nothing.
                Err(_) => return true,
            };
            let mut bytes_left = UNREAD_BYTES_MAX;
            while body.size_hint().lower() <= bytes_left {
                match poll_fn(|cx| Pin::new(&mut body).poll_frame(cx)).await {
                    None => return true,
                    Some(Err(_)) => return false,
                    Some(Ok(frame)) => {
                        let length = frame.data_ref().map_or(0, Bytes::len) as u64;
                        if length > bytes_left {
                            return false;
                        }
                        bytes_left -= length;
                    }
                }
            }
            false
        };
        tokio::time::timeout(UNREAD_TIMEOUT, read).await.unwrap_or(false)
    }
}

impl Drop for Arriving {
    fn drop(&mut self) {
        if let (Some(heir), Some(body)) = (self.heir.take(), self.body.take())
            && !body.is_end_stream()
        {
            // Nobody is there to take it once the connection is gone.
            let _sent = heir.send(if self.is_held_back { Left::HeldBack } else { Left::Coming(body) });
        }
    }
}

impl Body for Arriving {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        self.is_held_back = false;
        let Some(body) = &mut self.body else { return Poll::Ready(None) };
        let frame = ready!(Pin::new(body).poll_frame(cx));
        match frame {
            Some(Ok(_)) => self.activity.progressed(),
            None => self.heir = None,
            Some(Err(_)) => {}
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.body.as_ref().is_none_or(Body::is_end_stream)
    }

    fn size_hint(&self) -> SizeHint {
        self.body.as_ref().map_or_else(SizeHint::default, Body::size_hint)
    }
}
