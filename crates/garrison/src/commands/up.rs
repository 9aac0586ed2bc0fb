use std::num::NonZero;
use std::thread::available_parallelism;

use super::setting_flags::AllFlags;
use crate::error::CommandError;
use crate::settings::Settings;
use crate::{hub, memory, telemetry};

/// Threads that hash or wait for the disk, at least, and for each core. More have a disk do no more at once, and each holds
/// memory: with tokio's 512 a hub that 32 clients push to held 25 MiB more.
const BLOCKING_THREADS_MIN: usize = 32;
const BLOCKING_THREADS_PER_CORE: usize = 4;

/// Run the hub: registry, API and console.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:
  garrison up
  garrison up --listen 0.0.0.0:5000 --tls-cert hub.pem --tls-key hub.key
  garrison up --config hub.toml --log info --log-format json")]
pub(crate) struct Args {
    #[command(flatten)]
    flags: AllFlags,
}

impl Args {
    pub(crate) fn run(self) -> Result<(), CommandError> {
        memory::begin_again_with_little();
        let settings = Settings::parse(&self.flags.layers()?)?;
        telemetry::start(&settings.log, settings.log_format);
        let cores = available_parallelism().map_or(1, NonZero::get);
        tokio::runtime::Builder::new_multi_thread()
            .enable_all()
            .max_blocking_threads(BLOCKING_THREADS_MIN.max(cores * BLOCKING_THREADS_PER_CORE))
            .build()
            .map_err(|source| CommandError::environment("failed to start the runtime", source))?
            .block_on(hub::run(&settings))
    }
}
