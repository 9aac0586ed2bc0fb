use super::setting_flags::AllFlags;
use crate::error::CommandError;
use crate::settings::Settings;
use crate::{hub, telemetry};

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
        let settings = Settings::parse(&self.flags.layers()?)?;
        telemetry::start(&settings.log, settings.log_format);
        tokio::runtime::Builder::new_multi_thread()
            .enable_all()
            .build()
            .map_err(|source| CommandError::environment("failed to start the runtime", source))?
            .block_on(hub::run(&settings))
    }
}
