use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use api::Peer;
use hyper::body::Body;
use hyper::{Request, Response};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::{info, warn};

use super::arriving::Arriving;
use super::connection;
use super::stop::Stop;

/// How long a TLS handshake may take.
const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(10);

/// The pause after a failed accept: out of file descriptors, it would fail again at once.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// What connections of a listener may take.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    pub(crate) connections_max: u32,
    pub(crate) idle_timeout: Duration,
    pub(crate) drain_timeout: Duration,
    pub(crate) http2: bool,
}

/// A bound socket, before its service is there.
#[derive(Debug)]
pub(crate) struct Listener {
    socket: TcpListener,
    address: SocketAddr,
}

impl Listener {
    /// Binds the address; clients that connect wait until it is served.
    pub(crate) async fn bind(address: SocketAddr) -> io::Result<Self> {
        let socket = TcpListener::bind(address).await?;
        let address = socket.local_addr()?;
        Ok(Self { socket, address })
    }

    /// Returns the address, with the port that was chosen when 0 was asked for.
    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Serves until the stop, then drains: takes no connection any more, lets requests that run end, closes the rest.
    /// Returns when no connection is left, or after the time for that.
    pub(crate) async fn serve<S, B>(self, service: S, tls: Option<TlsAcceptor>, limits: Limits, stop: Stop)
    where
        S: tower::Service<Request<Arriving>, Response = Response<B>, Error = Infallible> + Clone + Send + 'static,
        S::Future: Send + 'static,
        B: Body + Unpin + Send + 'static,
        B::Data: Send,
        B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
    {
        let protocol = Arc::new(connection::protocol(limits.http2));
        let permits =
            Arc::new(Semaphore::new(usize::try_from(limits.connections_max).unwrap_or(Semaphore::MAX_PERMITS)));
        let connections = TaskTracker::new();
        let draining = stop.token();
        let cut = CancellationToken::new();
        let mut full = false;
        loop {
            // Once each time that it comes to this, not for each connection that waited.
            let was_full = std::mem::replace(&mut full, permits.available_permits() == 0);
            if full && !was_full {
                warn!(connections_max = limits.connections_max, "no connection is left, new ones wait");
            }
            let accepted = tokio::select! {
                () = draining.cancelled() => break,
                accepted = async {
                    // A closed semaphore is never made, so this fails never.
                    let permit = Arc::clone(&permits).acquire_owned().await.ok();
                    (permit, self.socket.accept().await)
                } => accepted,
            };
            let (permit, (socket, address)) = match accepted {
                (permit, Ok(connection)) => (permit, connection),
                (_, Err(error)) => {
                    warn!(error = %error, "failed to accept a connection");
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                    continue;
                }
            };
            // A peer that is gone already is no event.
            let _gone = socket.set_nodelay(true);
            let peer = Peer { address, encrypted: tls.is_some() };
            let (service, tls, protocol) = (service.clone(), tls.clone(), Arc::clone(&protocol));
            let (draining, cut) = (draining.clone(), cut.clone());
            connections.spawn(async move {
                let _permit = permit;
                let connection = async {
                    let idle_timeout = limits.idle_timeout;
                    match tls {
                        None => connection::serve(socket, peer, service, &protocol, idle_timeout, &draining).await,
                        Some(tls) => {
                            if let Some(Some(stream)) = draining.run_until_cancelled(handshake(&tls, socket)).await {
                                connection::serve(stream, peer, service, &protocol, idle_timeout, &draining).await;
                            }
                        }
                    }
                };
                cut.run_until_cancelled(connection).await;
            });
        }
        drop(self.socket);
        connections.close();
        let left = connections.len();
        if tokio::time::timeout(limits.drain_timeout, connections.wait()).await.is_err() {
            warn!(connections = connections.len(), "connections were cut, their requests took longer than the drain");
            cut.cancel();
            connections.wait().await;
        } else {
            info!(connections = left, "connections drained");
        }
    }
}

async fn handshake(tls: &TlsAcceptor, socket: TcpStream) -> Option<tokio_rustls::server::TlsStream<TcpStream>> {
    // Scanners and clients that distrust us fail here all day long; neither is an event.
    tokio::time::timeout(HANDSHAKE_TIMEOUT, tls.accept(socket)).await.ok()?.ok()
}
