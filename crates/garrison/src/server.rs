//! The listeners: from a socket to requests for a service, and back to silence.
//!
//! Invariants:
//! - Every connection is owned by a tracker and ends: by its peer, by one of the deadlines of [`activity`], or by the
//!   drain.
//! - Nothing is buffered here. Bodies stream in both directions at the pace of the slower side.
//! - Plain HTTP is served beyond loopback only when it was asked for by name (see [`Transport::choose`]).

mod activity;
mod arriving;
mod connection;
mod listener;
mod stop;
mod tls;

pub(crate) use arriving::Arriving;
pub(crate) use listener::{Limits, Listener};
pub(crate) use stop::{Stop, watch_signals};
pub(crate) use tls::Certificates;

use std::net::SocketAddr;
use std::path::Path;

use crate::settings::Settings;

/// How bytes travel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Transport<'a> {
    Plain,
    Tls { certificate: &'a Path, key: &'a Path },
}

/// Why settings do not say how bytes travel.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum TransportError {
    #[error("`tls_cert` and `tls_key` are given together or not at all")]
    HalfTls,
    #[error("`plain_http` contradicts `tls_cert`")]
    Contradiction,
    #[error("{listen} is reached by other machines, and passwords would cross the network as they are")]
    PlainBeyondLoopback { listen: SocketAddr },
}

impl<'a> Transport<'a> {
    /// Decides between plain HTTP and TLS.
    pub(crate) fn choose(settings: &'a Settings) -> Result<Self, TransportError> {
        match (&settings.tls_cert, &settings.tls_key) {
            (Some(_), Some(_)) if settings.plain_http => Err(TransportError::Contradiction),
            (Some(certificate), Some(key)) => Ok(Self::Tls { certificate, key }),
            (None, None) if settings.plain_http || settings.listen.ip().to_canonical().is_loopback() => Ok(Self::Plain),
            (None, None) => Err(TransportError::PlainBeyondLoopback { listen: settings.listen }),
            _ => Err(TransportError::HalfTls),
        }
    }

    /// Returns the scheme of URLs.
    pub(crate) fn scheme(self) -> &'static str {
        match self {
            Self::Plain => "http",
            Self::Tls { .. } => "https",
        }
    }
}

#[cfg(test)]
mod tests;
