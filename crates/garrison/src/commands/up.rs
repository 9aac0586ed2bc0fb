use std::env;
use std::num::NonZero;
use std::os::unix::process::CommandExt as _;
use std::process::Command;
use std::thread::available_parallelism;

use super::setting_flags::AllFlags;
use crate::error::CommandError;
use crate::settings::Settings;
use crate::{hub, telemetry};

/// Threads that hash or wait for the disk, at least, and for each core. More have a disk do no more at once, and each holds
/// memory: with tokio's 512 a hub that 32 clients push to held 25 MiB more.
const BLOCKING_THREADS_MIN: usize = 32;
const BLOCKING_THREADS_PER_CORE: usize = 4;

/// How long mimalloc keeps memory that was freed, in milliseconds. With its 10 (for whole segments, 100) a hub that 32 clients
/// push to held 90 MiB, with none 70; a sixth fewer blobs are pushed a second for it. docs/benchmarks/registry.md has the figures.
const MEMORY_KEPT: (&str, &str) = ("MIMALLOC_PURGE_DELAY", "0");

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
        begin_again_with_little_memory();
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

/// Begins the process again with [`MEMORY_KEPT`], unless the operator has set it: mimalloc reads the environment before `main`,
/// and nothing else tells it without unsafe code. It stays the same process to whoever started it.
fn begin_again_with_little_memory() {
    let (variable, value) = MEMORY_KEPT;
    if env::var_os(variable).is_some() {
        return;
    }
    let Ok(program) = env::current_exe() else { return };
    // Returns only when it failed; the hub then runs as it is, with some more memory.
    let _failed = Command::new(program).args(env::args_os().skip(1)).env(variable, value).exec();
}
