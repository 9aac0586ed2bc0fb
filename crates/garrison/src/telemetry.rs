//! The log, on standard error.

use std::io::{self, IsTerminal as _};

use tracing_subscriber::EnvFilter;

use crate::settings::LogFormat;

/// Starts the log. Once a process.
pub(crate) fn start(filter: &str, format: LogFormat) {
    // The settings accepted the filter, so the fallback is never used; it is the default of the setting.
    let filter = EnvFilter::try_new(filter).unwrap_or_else(|_| EnvFilter::new("warn"));
    let subscriber = tracing_subscriber::fmt().with_env_filter(filter).with_writer(io::stderr);
    match format {
        LogFormat::Human => {
            let colour =
                io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
            subscriber.with_ansi(colour).init();
        }
        LogFormat::Json => subscriber.json().flatten_event(true).init(),
    }
}
