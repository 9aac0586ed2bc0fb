use outbound::Endpoint;
use serde_json::{Value, json};

use crate::error::CommandError;
use crate::output::{self, Format};
use crate::session::Session;

/// Print the version of this program, and of the hub with --hub.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:
  garrison version
  garrison version --hub")]
pub(crate) struct Args {
    /// Ask the current hub for its version as well
    #[arg(long)]
    hub: bool,
}

impl Args {
    pub(crate) async fn run(self, session: &Session) -> Result<(), CommandError> {
        let version = env!("CARGO_PKG_VERSION");
        let hub: Value = if self.hub { session.hub()?.get(&Endpoint::api(["system"])).await? } else { Value::Null };
        if session.format() == Format::Json {
            return output::print_json(&json!({ "version": version, "hub": hub }));
        }
        output::print_line(&format!("garrison {version}"))?;
        if self.hub { session.print_one(&hub) } else { Ok(()) }
    }
}
