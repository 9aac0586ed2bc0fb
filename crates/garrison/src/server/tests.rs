//! Listeners over real sockets, and the deadlines of HTTP/2 connections on a clock of their own.

use std::convert::Infallible;
use std::path::Path;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use api::Peer;
use hyper::body::{Body, Bytes, Frame};
use hyper::{Request, Response};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::Notify;
use tokio::task::JoinHandle;

use super::arriving::UNREAD_BYTES_MAX;
use super::tls::Error as TlsError;
use super::*;
use crate::settings::Layers;

/// Far above what any test takes; reached only when something hangs.
const DEADLINE: Duration = Duration::from_mins(2);

struct Served {
    address: SocketAddr,
    stop: Stop,
    /// Lets a request to `/wait` go on.
    go: Arc<Notify>,
    /// Says that a request to `/wait` runs.
    waiting: Arc<Notify>,
    task: JoinHandle<()>,
}

const LIMITS: Limits = Limits {
    connections_max: 8,
    idle_timeout: Duration::from_mins(1),
    drain_timeout: Duration::from_mins(1),
    http2: true,
};

async fn serve(limits: Limits, certificates: Option<&Arc<Certificates>>) -> Served {
    let listener = Listener::bind("127.0.0.1:0".parse().unwrap()).await.unwrap();
    let address = listener.address();
    let (go, waiting, stop) = (Arc::new(Notify::new()), Arc::new(Notify::new()), Stop::new());
    let (go_on, runs) = (Arc::clone(&go), Arc::clone(&waiting));
    let service = tower::service_fn(move |request: Request<Arriving>| {
        let (go_on, runs) = (Arc::clone(&go_on), Arc::clone(&runs));
        async move {
            match request.uri().path() {
                "/wait" => {
                    runs.notify_one();
                    go_on.notified().await;
                }
                "/refuse" => {
                    drop(request.into_body());
                    runs.notify_one();
                    return Ok(Response::new(http_body_util::Full::new(Bytes::from_static(b"refused"))));
                }
                _ => {}
            }
            let peer = request.extensions().get::<Peer>();
            let body = peer.map_or("no peer".to_owned(), |peer| format!("{} {}", peer.address.ip(), peer.encrypted));
            Ok::<_, Infallible>(Response::new(http_body_util::Full::new(Bytes::from(body))))
        }
    });
    let tls = certificates.map(|certificates| certificates.acceptor(limits.http2));
    let task = tokio::spawn(listener.serve(service, tls, limits, stop.clone()));
    Served { address, stop, go, waiting, task }
}

impl Served {
    async fn connect(&self) -> TcpStream {
        TcpStream::connect(self.address).await.unwrap()
    }
}

async fn send(stream: &mut (impl AsyncWrite + Unpin), path: &str) {
    let request = format!("GET {path} HTTP/1.1\r\nhost: hub\r\n\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
}

/// Reads one response and returns its body.
async fn receive(stream: &mut (impl AsyncRead + Unpin)) -> String {
    let mut text = String::new();
    loop {
        let mut buffer = [0; 1024];
        let length = within(stream.read(&mut buffer)).await.unwrap();
        assert!(length > 0, "closed after {text:?}");
        text.push_str(std::str::from_utf8(&buffer[..length]).unwrap());
        if let Some((head, body)) = text.split_once("\r\n\r\n")
            && head.lines().any(|line| line == format!("content-length: {}", body.len()))
        {
            return body.to_owned();
        }
    }
}

/// Waits until the other side closes, and returns what it sent until then.
async fn closed(stream: &mut (impl AsyncRead + Unpin)) -> Vec<u8> {
    let mut rest = Vec::new();
    // A reset is an end as well.
    let _reset = within(stream.read_to_end(&mut rest)).await;
    rest
}

async fn within<T>(future: impl Future<Output = T>) -> T {
    tokio::time::timeout(DEADLINE, future).await.expect("nothing takes this long")
}

#[tokio::test]
async fn a_connection_serves_request_after_request_and_knows_its_peer() {
    let served = serve(LIMITS, None).await;
    let mut stream = served.connect().await;
    for _ in 0..2 {
        send(&mut stream, "/").await;
        assert_eq!(receive(&mut stream).await, "127.0.0.1 false");
    }
    served.stop.request();
    within(served.task).await.unwrap();
    assert!(closed(&mut stream).await.is_empty());
}

#[tokio::test]
async fn a_drain_lets_requests_end_and_takes_no_new_connection() {
    let served = serve(LIMITS, None).await;
    let (mut busy, mut idle) = (served.connect().await, served.connect().await);
    send(&mut idle, "/").await;
    receive(&mut idle).await;
    send(&mut busy, "/wait").await;
    within(served.waiting.notified()).await;

    served.stop.request();
    assert!(closed(&mut idle).await.is_empty());
    within(async { while TcpStream::connect(served.address).await.is_ok() {} }).await;
    served.go.notify_one();
    assert_eq!(receive(&mut busy).await, "127.0.0.1 false");
    within(served.task).await.unwrap();
}

#[tokio::test]
async fn a_drain_ends_even_when_requests_do_not() {
    let limits = Limits { drain_timeout: Duration::from_millis(50), ..LIMITS };
    let served = serve(limits, None).await;
    let mut busy = served.connect().await;
    send(&mut busy, "/wait").await;
    within(served.waiting.notified()).await;
    served.stop.request();
    within(served.task).await.unwrap();
    assert!(closed(&mut busy).await.is_empty());
}

#[tokio::test]
async fn connections_beyond_the_limit_wait() {
    let served = serve(Limits { connections_max: 1, ..LIMITS }, None).await;
    let mut first = served.connect().await;
    send(&mut first, "/wait").await;
    within(served.waiting.notified()).await;
    let mut second = served.connect().await;
    send(&mut second, "/").await;

    served.go.notify_one();
    receive(&mut first).await;
    // Had the second been served beside the first, it would have an answer by now, or never.
    let mut buffer = [0; 1];
    assert!(tokio::time::timeout(Duration::from_millis(50), second.read(&mut buffer)).await.is_err());
    drop(first);
    assert_eq!(receive(&mut second).await, "127.0.0.1 false");
}

#[tokio::test]
async fn a_connection_at_rest_is_closed() {
    // Long enough that a request gets here before its connection is found to rest.
    let served = serve(Limits { idle_timeout: Duration::from_secs(1), ..LIMITS }, None).await;
    let mut stream = served.connect().await;
    send(&mut stream, "/").await;
    receive(&mut stream).await;
    assert!(closed(&mut stream).await.is_empty());
}

#[tokio::test]
async fn a_head_that_is_too_large_is_refused() {
    let served = serve(LIMITS, None).await;
    let mut stream = served.connect().await;
    let head = format!("GET / HTTP/1.1\r\nhost: hub\r\nx: {}\r\n\r\n", "x".repeat(256 << 10));
    // The refusal may come before the last byte is written.
    let _refused = stream.write_all(head.as_bytes()).await;
    let answer = closed(&mut stream).await;
    assert!(answer.is_empty() || answer.starts_with(b"HTTP/1.1 431"), "{}", String::from_utf8_lossy(&answer));
}

/// Sends the head of a request that is refused unread, and waits until it is.
async fn send_refused(served: &Served, stream: &mut TcpStream, headers: &str) {
    let head = format!("POST /refuse HTTP/1.1\r\nhost: hub\r\n{headers}\r\n\r\n");
    stream.write_all(head.as_bytes()).await.unwrap();
    within(served.waiting.notified()).await;
}

#[tokio::test]
async fn what_is_refused_before_its_body_came_leaves_the_connection_to_the_next_request() {
    let served = serve(LIMITS, None).await;
    let chunked = "transfer-encoding: chunked";
    let largest = "x".repeat(usize::try_from(UNREAD_BYTES_MAX).unwrap());
    let table = [
        ("content-length: 5".to_owned(), "12345"),
        ("content-length: 0".to_owned(), ""),
        (chunked.to_owned(), "5\r\n12345\r\n0\r\n\r\n"),
        (chunked.to_owned(), "0\r\n\r\n"),
        (format!("content-length: {UNREAD_BYTES_MAX}"), largest.as_str()),
    ];
    let mut stream = served.connect().await;
    for (headers, body) in table {
        send_refused(&served, &mut stream, &headers).await;
        stream.write_all(body.as_bytes()).await.unwrap();
        assert_eq!(receive(&mut stream).await, "refused", "{headers}");
        send(&mut stream, "/").await;
        assert_eq!(receive(&mut stream).await, "127.0.0.1 false", "{headers}");
    }
}

#[tokio::test]
async fn what_cannot_be_read_to_its_end_is_answered_as_the_last_of_its_connection() {
    let served = serve(LIMITS, None).await;
    // Headers, and what follows the answer.
    let table = [
        ("content-length: 5".to_owned(), 0),
        ("content-length: 5".to_owned(), 4),
        ("transfer-encoding: chunked".to_owned(), 0),
        ("content-length: 5\r\nexpect: 100-continue".to_owned(), 0),
        (format!("content-length: {}", UNREAD_BYTES_MAX + 1), usize::try_from(UNREAD_BYTES_MAX).unwrap() + 1),
        ("content-length: 1048576".to_owned(), 1 << 20),
    ];
    for (headers, body_bytes) in table {
        let mut stream = served.connect().await;
        send_refused(&served, &mut stream, &headers).await;
        stream.write_all(&vec![b'x'; body_bytes]).await.unwrap();
        let mut answer = String::new();
        within(stream.read_to_string(&mut answer)).await.expect(&headers);
        let (head, body) = answer.split_once("\r\n\r\n").expect(&headers);
        assert!(head.starts_with("HTTP/1.1 200") && head.contains("\r\nconnection: close"), "{headers}: {head}");
        assert_eq!(body, "refused", "{headers}");
    }
}

struct Pair {
    directory: tempfile::TempDir,
}

impl Pair {
    fn new() -> Self {
        let pair = Self { directory: tempfile::tempdir().unwrap() };
        pair.renew();
        pair
    }

    fn renew(&self) -> rustls::pki_types::CertificateDer<'static> {
        let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
        std::fs::write(self.certificate(), made.cert.pem()).unwrap();
        std::fs::write(self.key(), made.signing_key.serialize_pem()).unwrap();
        made.cert.der().clone()
    }

    fn certificate(&self) -> std::path::PathBuf {
        self.directory.path().join("hub.pem")
    }

    fn key(&self) -> std::path::PathBuf {
        self.directory.path().join("hub.key")
    }

    fn open(&self) -> Result<Arc<Certificates>, TlsError> {
        Certificates::open(&self.certificate(), &self.key())
    }
}

fn install_provider() {
    // Another test may have been first.
    let _installed = rustls::crypto::aws_lc_rs::default_provider().install_default();
}

async fn connect_tls(
    served: &Served,
    trusted: &rustls::pki_types::CertificateDer<'static>,
) -> std::io::Result<tokio_rustls::client::TlsStream<TcpStream>> {
    let mut roots = rustls::RootCertStore::empty();
    roots.add(trusted.clone()).unwrap();
    let mut config = rustls::ClientConfig::builder().with_root_certificates(roots).with_no_client_auth();
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    let name = rustls::pki_types::ServerName::try_from("localhost").unwrap();
    tokio_rustls::TlsConnector::from(Arc::new(config)).connect(name, served.connect().await).await
}

#[tokio::test]
async fn a_new_certificate_is_served_and_open_connections_stay() {
    install_provider();
    let pair = Pair::new();
    let old = pair.renew();
    let certificates = pair.open().unwrap();
    let served = serve(LIMITS, Some(&certificates)).await;
    let mut stream = within(connect_tls(&served, &old)).await.unwrap();
    send(&mut stream, "/").await;
    assert_eq!(receive(&mut stream).await, "127.0.0.1 true");

    let new = pair.renew();
    certificates.reload().unwrap();
    assert!(within(connect_tls(&served, &old)).await.is_err());
    let mut second = within(connect_tls(&served, &new)).await.unwrap();
    send(&mut second, "/").await;
    receive(&mut second).await;
    send(&mut stream, "/").await;
    assert_eq!(receive(&mut stream).await, "127.0.0.1 true");
}

#[tokio::test]
async fn a_broken_renewal_leaves_the_old_certificate() {
    install_provider();
    let pair = Pair::new();
    let old = pair.renew();
    let certificates = pair.open().unwrap();
    let served = serve(LIMITS, Some(&certificates)).await;

    let other = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    std::fs::write(pair.key(), other.signing_key.serialize_pem()).unwrap();
    assert!(matches!(certificates.reload(), Err(TlsError::Pair(_))));
    std::fs::write(pair.certificate(), "nothing").unwrap();
    assert!(matches!(certificates.reload(), Err(TlsError::NoCertificate { .. })));
    std::fs::remove_file(pair.certificate()).unwrap();
    assert!(matches!(certificates.reload(), Err(TlsError::Certificate { .. })));
    assert!(within(connect_tls(&served, &old)).await.is_ok());
}

#[test]
fn a_missing_key_is_named() {
    let pair = Pair::new();
    std::fs::remove_file(pair.key()).unwrap();
    let error = pair.open().unwrap_err();
    assert_eq!(error.to_string(), format!("failed to read the private key `{}`", pair.key().display()));
    assert!(matches!(Certificates::open(Path::new("/none"), &pair.key()), Err(TlsError::Certificate { .. })));
}

#[test]
fn plain_http_stays_on_this_machine_unless_asked_for() {
    /// Flags, and the scheme or the refusal.
    type Case = (&'static [(&'static str, &'static str)], Result<&'static str, &'static str>);
    let table: [Case; 9] = [
        (&[], Ok("http")),
        (&[("listen", "[::1]:5000")], Ok("http")),
        (&[("listen", "[::ffff:127.0.0.1]:5000")], Ok("http")),
        (
            &[("listen", "0.0.0.0:5000")],
            Err("0.0.0.0:5000 is reached by other machines, and passwords would cross the network as they are"),
        ),
        (
            &[("listen", "[::]:5000")],
            Err("[::]:5000 is reached by other machines, and passwords would cross the network as they are"),
        ),
        (&[("listen", "0.0.0.0:5000"), ("plain_http", "true")], Ok("http")),
        (&[("listen", "0.0.0.0:5000"), ("tls_cert", "c"), ("tls_key", "k")], Ok("https")),
        (&[("tls_cert", "c")], Err("`tls_cert` and `tls_key` are given together or not at all")),
        (&[("plain_http", "true"), ("tls_cert", "c"), ("tls_key", "k")], Err("`plain_http` contradicts `tls_cert`")),
    ];
    for (flags, expected) in table {
        let flags = flags.iter().map(|(key, text)| (*key, (*text).to_owned()));
        let settings = Settings::parse(&Layers::collect(flags, [], None).unwrap()).unwrap();
        let actual = Transport::choose(&settings).map(Transport::scheme).map_err(|error| error.to_string());
        assert_eq!(actual.as_deref().map_err(String::as_str), expected.as_deref().map_err(|error| *error));
    }
}

/// What HTTP/2 clients send in these tests: pieces that come each after a pause, and then nothing more, ever.
struct Pieces {
    left: u32,
    pause: Duration,
    timer: Option<Pin<Box<tokio::time::Sleep>>>,
}

impl Body for Pieces {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        if self.left == 0 {
            return Poll::Pending;
        }
        let pause = self.pause;
        let timer = self.timer.get_or_insert_with(|| Box::pin(tokio::time::sleep(pause)));
        std::task::ready!(timer.as_mut().poll(cx));
        self.timer = None;
        self.left -= 1;
        Poll::Ready(Some(Ok(Frame::data(Bytes::from_static(b"piece")))))
    }
}

/// Serves one HTTP/2 connection to a client that answers pings, sends one request with `left` pieces of a body, and
/// returns how long the connection stood. A request to `/` is answered at once, one to any other path when its body ends.
async fn stands(path: &str, left: u32, pause: Duration) -> Duration {
    let (near, far) = tokio::io::duplex(64 << 10);
    let peer = Peer { address: "127.0.0.1:1".parse().unwrap(), encrypted: false };
    let service = tower::service_fn(|request: Request<Arriving>| async move {
        if request.uri().path() != "/" {
            let _read = http_body_util::BodyExt::collect(request.into_body()).await;
        }
        Ok::<_, Infallible>(Response::new(http_body_util::Full::new(Bytes::from_static(b"body"))))
    });
    let began = tokio::time::Instant::now();
    let server = tokio::spawn(async move {
        let (protocol, draining) = (connection::protocol(true), tokio_util::sync::CancellationToken::new());
        connection::serve(far, peer, service, &protocol, LIMITS.idle_timeout, &draining).await;
        began.elapsed()
    });
    let (mut sender, connection) =
        hyper::client::conn::http2::handshake(hyper_util::rt::TokioExecutor::new(), hyper_util::rt::TokioIo::new(near))
            .await
            .unwrap();
    tokio::spawn(connection);
    let request = Request::post(format!("http://hub{path}")).body(Pieces { left, pause, timer: None }).unwrap();
    let response = tokio::spawn(sender.send_request(request));
    let stood = tokio::time::timeout(Duration::from_hours(24), server).await.expect("every connection ends").unwrap();
    response.abort();
    stood
}

#[tokio::test(start_paused = true)]
async fn pings_keep_no_http2_connection_open() {
    let (second, stall) = (Duration::from_secs(1), activity::STALL_TIMEOUT);
    let pause = Duration::from_mins(14);
    // At rest, it is closed in good order. A request that does not move is cut; one that does, however slowly, goes on.
    let table = [
        ("at rest", "/", 0, LIMITS.idle_timeout),
        ("stuck from the start", "/stuck", 0, stall),
        ("stuck after a while", "/stuck", 4, 4 * pause + stall),
    ];
    for (case, path, left, expected) in table {
        let stood = stands(path, left, pause).await;
        assert!(stood >= expected && stood < expected + 10 * second, "{case}: {stood:?}, not {expected:?}");
    }
}
