use clap::Subcommand;
use outbound::Endpoint;
use serde_json::Value;

use crate::error::{CommandError, Kind};
use crate::output::{self, Format};
use crate::session::Session;

/// Who may do what, and why.
#[derive(Debug, Subcommand)]
#[command(after_help = "Example:
  garrison access explain --as ci-web push team/api")]
pub(crate) enum Command {
    /// Say whether someone may do something, and which grant decides.
    #[command(after_help = "Example:
  garrison access explain pull team/api
  garrison access explain --as ci-web push team/api

Exit code 1 when the answer is no.")]
    Explain {
        /// User or robot to ask for [default: you]
        #[arg(long = "as", value_name = "USER")]
        actor: Option<String>,
        /// pull, push, delete, or an action by its full name as `tag.move`
        action: String,
        /// Repository, or PROJECT for actions on projects
        resource: String,
    },
}

impl Command {
    pub(crate) async fn run(self, session: &Session) -> Result<(), CommandError> {
        let Self::Explain { actor, action, resource } = self;
        let (hub, resource) = session.hub_of(&resource)?;
        let endpoint = Endpoint::api(["access", "explain"])
            .with_some("as", actor)
            .with("action", action)
            .with("resource", resource);
        let decision: Value = hub.get(&endpoint).await?;
        let allowed = decision["allowed"] == true;
        if session.format() == Format::Json {
            output::print_json(&decision)?;
        } else {
            let reason = decision["reason"].as_str().unwrap_or_default();
            // The answer comes first, whether or not the hub put it there.
            let answer = if allowed { "Yes." } else { "No." };
            let reason = reason.strip_prefix(answer).unwrap_or(reason).trim_start();
            output::print_line(output::printable(&format!("{answer} {reason}")).trim_end())?;
            if let Some(hint) = decision["hint"].as_str() {
                output::note(&output::printable(&format!("hint: {hint}")));
            }
        }
        if allowed { Ok(()) } else { Err(CommandError::silent(Kind::No)) }
    }
}
