use std::time::Duration;

/// Why a publisher's document was not fetched.
#[derive(Debug, thiserror::Error)]
pub enum FeedError {
    /// The client could not be made.
    #[error("failed to set up the connection to publishers")]
    Setup(#[source] crate::Error),
    /// The host is in a private network or on this machine, and was not named as one that may be.
    #[error("{host} is in a private network or on this machine")]
    Near {
        /// The host.
        host: String,
    },
    /// The document would have come unencrypted.
    #[error("{host} is not asked over plain HTTP")]
    PlainHttp {
        /// The host.
        host: String,
    },
    /// The publisher pointed to a place that is not asked.
    #[error("{host} pointed to {target}")]
    Redirect {
        /// Who pointed.
        host: String,
        /// Where: scheme and host.
        target: String,
        /// Why nobody goes there.
        #[source]
        source: Box<Self>,
    },
    /// The publisher could not be reached, or the connection broke.
    #[error("failed to reach {host}")]
    Unreachable {
        /// The host.
        host: String,
        /// What went wrong.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The publisher does not have it, or not for us.
    #[error("{host} answered with status {status}")]
    Refused {
        /// The host.
        host: String,
        /// The status.
        status: u16,
    },
    /// The publisher answered with something that is not understood.
    #[error("{host} answered with {what}")]
    Answer {
        /// The host.
        host: String,
        /// With what.
        what: &'static str,
    },
    /// The document is longer than any that is taken.
    #[error("the document of {host} is longer than {limit} bytes")]
    TooLong {
        /// The host.
        host: String,
        /// The limit.
        limit: u64,
    },
    /// It did not come in time.
    #[error("the document of {host} did not come within {} s", limit.as_secs())]
    TooSlow {
        /// The host.
        host: String,
        /// The limit.
        limit: Duration,
    },
}

impl FeedError {
    /// Returns what the user can do about it.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Setup(source) => source.hints().into_iter().next(),
            Self::Near { host } | Self::PlainHttp { host } => {
                Some(format!("`--private-host {host}` allows it where that host is yours"))
            }
            Self::Redirect { source, .. } => source.hint(),
            _ => None,
        }
    }

    /// Whether the same request may succeed a moment later.
    pub fn is_passing(&self) -> bool {
        matches!(self, Self::Unreachable { .. })
            || matches!(self, Self::Refused { status, .. } if matches!(status, 408 | 429 | 500..))
    }
}
