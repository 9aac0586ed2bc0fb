use std::convert::Infallible;
use std::io::{self, IoSlice};
use std::mem::MaybeUninit;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use api::Peer;
use hyper::body::{Body, Frame, Incoming, SizeHint};
use hyper::header::{CONNECTION, HeaderValue};
use hyper::{Request, Response, Version};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::Sleep;
use tokio_util::sync::CancellationToken;
use tower::ServiceExt as _;

use super::activity::{Activity, Running, Verdict};
use super::arriving::Arriving;

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

/// How long, and for how many bytes, a connection whose last answer left something unread waits for the other side's end:
/// as much as is on its way when that side hears the answer.
const LINGER_TIMEOUT: Duration = Duration::from_secs(2);
const LINGER_BYTES_MAX: usize = 8 << 20;

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
    let watched = Watched { stream, activity: Arc::clone(&activity), lingering: None };
    let requests = Arc::clone(&activity);
    let handler = hyper::service::service_fn(move |mut request: Request<Incoming>| {
        let running = requests.began(request.version() == Version::HTTP_2);
        request.extensions_mut().insert(peer);
        let (request, rest) = Arriving::watch(request, &requests);
        let response = service.clone().oneshot(request);
        let activity = Arc::clone(&requests);
        async move {
            let mut response = response.await?.map(|body| Owned { body, running });
            if !rest.read_to_end().await {
                activity.leaves_unread();
                response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
            }
            Ok::<_, Infallible>(response)
        }
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

/// A stream that tells when bytes move, and whose end does not take the last answer with it.
struct Watched<I> {
    stream: I,
    activity: Arc<Activity>,
    lingering: Option<Lingering>,
}

/// What is taken, and thrown away, after the last answer. A system that has bytes that nobody took resets the connection,
/// and the other side may lose what it has not read yet: the very answer that says why the rest was not wanted.
struct Lingering {
    end: Pin<Box<Sleep>>,
    bytes_left: usize,
}

impl<I: AsyncRead + Unpin> Watched<I> {
    /// Takes what still comes until the other side has ended, too.
    fn poll_linger(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let Self { stream, lingering, .. } = self;
        let lingering = lingering.get_or_insert_with(|| Lingering {
            end: Box::pin(tokio::time::sleep(LINGER_TIMEOUT)),
            bytes_left: LINGER_BYTES_MAX,
        });
        let mut bytes = [MaybeUninit::uninit(); 8 << 10];
        while lingering.bytes_left > 0 {
            if lingering.end.as_mut().poll(cx).is_ready() {
                break;
            }
            let mut buffer = ReadBuf::uninit(&mut bytes);
            match ready!(Pin::new(&mut *stream).poll_read(cx, &mut buffer)) {
                Ok(()) if !buffer.filled().is_empty() => {
                    lingering.bytes_left = lingering.bytes_left.saturating_sub(buffer.filled().len());
                }
                _ended => break,
            }
        }
        Poll::Ready(())
    }
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

impl<I: AsyncRead + AsyncWrite + Unpin> AsyncWrite for Watched<I> {
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
        if self.lingering.is_none() {
            ready!(Pin::new(&mut self.stream).poll_shutdown(cx))?;
        }
        if self.activity.left_unread() {
            ready!(self.poll_linger(cx));
        }
        Poll::Ready(Ok(()))
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
