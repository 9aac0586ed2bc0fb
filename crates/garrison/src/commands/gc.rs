use clap::Subcommand;
use outbound::Endpoint;

use crate::error::CommandError;
use crate::session::Session;

/// Collection of what nothing refers to; it is always on.
#[derive(Debug, Subcommand)]
#[command(after_help = "Example:
  garrison gc status")]
pub(crate) enum Command {
    /// Show what was freed, what waits for the end of the grace period, and when the next round is.
    #[command(after_help = "Example:
  garrison gc status")]
    Status,
}

impl Command {
    pub(crate) async fn run(self, session: &Session) -> Result<(), CommandError> {
        let Self::Status = self;
        session.print_one(&session.hub()?.get(&Endpoint::api(["gc"])).await?)
    }
}
