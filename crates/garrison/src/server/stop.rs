use std::io;

use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;
use tracing::info;

/// The one wish to stop, seen by all parts of the process.
#[derive(Clone, Debug, Default)]
pub(crate) struct Stop(CancellationToken);

impl Stop {
    pub(crate) fn new() -> Self {
        Self::default()
    }

    pub(crate) fn request(&self) {
        self.0.cancel();
    }

    pub(crate) async fn requested(&self) {
        self.0.cancelled().await;
    }

    pub(super) fn token(&self) -> CancellationToken {
        self.0.clone()
    }
}

/// Turns the first SIGTERM or SIGINT into a stop; a second one ends the process at once.
///
/// A kill at any moment loses nothing that was acknowledged, so the second signal needs no care.
pub(crate) fn watch_signals(stop: Stop) -> io::Result<impl Future<Output = ()> + Send + 'static> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    Ok(async move {
        let mut next = async || {
            tokio::select! {
                _ = terminate.recv() => SignalKind::terminate(),
                _ = interrupt.recv() => SignalKind::interrupt(),
            }
        };
        let first = next().await;
        info!(signal = first.as_raw_value(), "stopping");
        stop.request();
        let second = next().await;
        end(second);
    })
}

#[expect(clippy::exit, reason = "the second signal asks for exactly this")]
fn end(signal: SignalKind) {
    // As a shell reports a process that a signal ended.
    const SIGNALLED: i32 = 128;
    std::process::exit(SIGNALLED + signal.as_raw_value());
}
