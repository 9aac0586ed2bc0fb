use std::convert::Infallible;
use std::io::{self, IoSlice};
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use api::Peer;
use hyper::body::{Body, Bytes, Frame, Incoming, SizeHint};
use hyper::{Request, Response, Version};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio_util::sync::CancellationToken;
use tower::ServiceExt as _;

use super::activity::{Activity, Running, Verdict};

/// The most that the head of an HTTP/1.1 request may take, which is also what is read ahead of a body: large enough
/// that an upload is not bound by system calls, small enough for thousands of connections.
const HTTP1_BUFFER_BYTES: usize = 128 << 10;

/// The most headers of a request; clients send about ten.
const HEADERS_MAX: usize = 100;

/// The most that the headers of an HTTP/2 request may take, unpacked.
const HTTP2_HEADER_BYTES_MAX: u32 = 32 << 10;

/// With the defaults of 64 KiB a client that pushes over HTTP/2 waits for the round trip, not for the network.
const HTTP2_STREAM_WINDOW_BYTES: u32 = 4 << 20;
const HTTP2_CONNECTION_WINDOW_BYTES: u32 = 16 << 20;
const HTTP2_FRAME_BYTES_MAX: u32 = 256 << 10;
const HTTP2_STREAMS_MAX: u32 = 200;

/// What is kept of a response that its reader does not take: one frame.
const HTTP2_SEND_BUFFER_BYTES: usize = 256 << 10;

/// A peer that went away without a word is noticed after these.
const HTTP2_PING_EVERY: Duration = Duration::from_secs(30);
const HTTP2_PING_TIMEOUT: Duration = Duration::from_secs(20);

/// How long a connection that was told to close in good order may take when it has no request.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(5);

/// The protocol of all connections of a listener.
pub(super) fn protocol(http2: bool) -> Builder<TokioExecutor> {
    let mut builder = Builder::new(TokioExecutor::new());
    if !http2 {
        builder = builder.http1_only();
    }
    builder
        .http1()
        .timer(TokioTimer::new())
        // The deadlines of `Activity` tell a slow head from a connection at rest; this one does not.
        .header_read_timeout(None)
        .max_buf_size(HTTP1_BUFFER_BYTES)
        .max_headers(HEADERS_MAX);
    builder
        .http2()
        .timer(TokioTimer::new())
        .initial_stream_window_size(HTTP2_STREAM_WINDOW_BYTES)
        .initial_connection_window_size(HTTP2_CONNECTION_WINDOW_BYTES)
        .max_frame_size(HTTP2_FRAME_BYTES_MAX)
        .max_concurrent_streams(HTTP2_STREAMS_MAX)
        .max_header_list_size(HTTP2_HEADER_BYTES_MAX)
        .max_send_buf_size(HTTP2_SEND_BUFFER_BYTES)
        .keep_alive_interval(HTTP2_PING_EVERY)
        .keep_alive_timeout(HTTP2_PING_TIMEOUT);
    builder
}

/// Serves one connection to its end. Each request carries `peer` as an extension.
///
/// `draining` asks it to finish what runs and to take nothing new.
pub(super) async fn serve<I, S, B>(
    stream: I,
    peer: Peer,
    service: S,
    protocol: &Builder<TokioExecutor>,
    idle_timeout: Duration,
    draining: &CancellationToken,
) where
    I: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    S: tower::Service<Request<Arriving>, Response = Response<B>, Error = Infallible> + Clone + Send + 'static,
    S::Future: Send + 'static,
    B: Body + Unpin + Send + 'static,
    B::Data: Send,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    let activity = Activity::new();
    let watched = Watched { stream, activity: Arc::clone(&activity) };
    let requests = Arc::clone(&activity);
    let handler = hyper::service::service_fn(move |mut request: Request<Incoming>| {
        let running = requests.began(request.version() == Version::HTTP_2);
        request.extensions_mut().insert(peer);
        let activity = Arc::clone(&requests);
        let response = service.clone().oneshot(request.map(|body| Arriving { body, activity }));
        async move { response.await.map(|response| response.map(|body| Owned { body, running })) }
    });
    let mut connection = pin!(protocol.serve_connection(TokioIo::new(watched), handler));
    let mut deadline = pin!(tokio::time::sleep_until(activity.accepted()));
    let mut closing = false;
    loop {
        tokio::select! {
            // An end by the peer is as good as any, and what a client did wrong is no event of ours.
            _ended = connection.as_mut() => return,
            () = draining.cancelled(), if !closing => {
                closing = true;
                connection.as_mut().graceful_shutdown();
            }
            () = deadline.as_mut() => match activity.verdict(idle_timeout) {
                Verdict::WaitUntil(then) => deadline.as_mut().reset(activity.accepted() + then),
                Verdict::Cut => return,
                Verdict::Close if closing => return,
                Verdict::Close => {
                    closing = true;
                    connection.as_mut().graceful_shutdown();
                    deadline.as_mut().reset(tokio::time::Instant::now() + CLOSE_TIMEOUT);
                }
            },
        }
    }
}

/// A stream that tells when bytes move.
struct Watched<I> {
    stream: I,
    activity: Arc<Activity>,
}

impl<I: AsyncRead + Unpin> AsyncRead for Watched<I> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let result = Pin::new(&mut self.stream).poll_read(cx, buffer);
        if buffer.filled().len() > before {
            self.activity.received();
        }
        result
    }
}

impl<I: AsyncWrite + Unpin> AsyncWrite for Watched<I> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let result = Pin::new(&mut self.stream).poll_write(cx, bytes);
        if result.is_ready() {
            self.activity.sent();
        }
        result
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let result = Pin::new(&mut self.stream).poll_write_vectored(cx, slices);
        if result.is_ready() {
            self.activity.sent();
        }
        result
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

/// A request's body, which tells when a piece of it arrives.
#[derive(Debug)]
pub(crate) struct Arriving {
    body: Incoming,
    activity: Arc<Activity>,
}

impl Body for Arriving {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        let frame = Pin::new(&mut self.body).poll_frame(cx);
        if let Poll::Ready(Some(Ok(_))) = frame {
            self.activity.progressed();
        }
        frame
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

/// A response's body, which keeps its request running until the last byte was handed over. It is asked for a piece when
/// the one before has found room on its way to the reader.
struct Owned<B> {
    body: B,
    running: Running,
}

impl<B: Body + Unpin> Body for Owned<B> {
    type Data = B::Data;
    type Error = B::Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<B::Data>, B::Error>>> {
        let frame = Pin::new(&mut self.body).poll_frame(cx);
        if let Poll::Ready(Some(Ok(_))) = frame {
            self.running.progressed();
        }
        frame
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
