use clap::Subcommand;
use serde_json::json;

use super::setting_flags::PlaceFlags;
use crate::error::{CommandError, Kind};
use crate::hub;
use crate::session::Session;
use crate::settings::Settings;

/// The hub's own keys, on the data directory of a stopped hub.
#[derive(Debug, Subcommand)]
#[command(after_help = "Example:
  garrison keys rotate
  garrison keys recover")]
pub(crate) enum Command {
    /// Replace the keys that sign tokens: every token that was given until now is refused.
    ///
    /// For a key that somebody else may have; keys are rotated without this, and then tokens live on to their end. Clients
    /// get new tokens with the credentials that they have. With PostgreSQL the hub may run, and has to be restarted.
    #[command(after_help = "Example:
  garrison keys rotate
  garrison keys rotate --data-dir /srv/garrison")]
    Rotate {
        #[command(flatten)]
        flags: PlaceFlags,
    },
    /// Go on with another master key when the one that sealed the keys is lost.
    ///
    /// The key is read from its file, or made where there is none. Sealed keys are dropped and made anew: every token is
    /// refused. Accounts, passwords, secrets of robots and all that was pushed stay, and so does the proof of the audit log.
    #[command(after_help = "Example:
  garrison keys recover
  garrison keys recover --master-key-file /etc/garrison/master.key")]
    Recover {
        #[command(flatten)]
        flags: PlaceFlags,
    },
}

impl Command {
    pub(crate) async fn run(self, session: &Session) -> Result<(), CommandError> {
        match self {
            Self::Rotate { flags } => {
                let gone = hub::rotate_keys(&Settings::parse(&flags.layers()?)?).await?;
                let words = format!("{gone} token keys replaced; every token given until now is refused.");
                session.print_done(&json!({ "token_keys": gone }), &words)
            }
            Self::Recover { flags } => {
                let Some(recovered) = hub::recover_keys(&Settings::parse(&flags.layers()?)?).await? else {
                    return Err(CommandError::new(Kind::No, "the master key opens every key; nothing was changed"));
                };
                let tenancy::RecoveredKeys { token_keys, audit_keys } = recovered;
                let words = format!(
                    "{token_keys} token keys made anew, {audit_keys} audit keys kept to prove what they signed. \
                     Keep a copy of the master key elsewhere."
                );
                session.print_done(&json!({ "token_keys": token_keys, "audit_keys": audit_keys }), &words)
            }
        }
    }
}
