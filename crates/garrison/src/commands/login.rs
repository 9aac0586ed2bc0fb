use std::path::PathBuf;

use outbound::Endpoint;
use serde_json::Value;

use super::secret;
use crate::contexts::Context;
use crate::error::{CommandError, Kind};
use crate::output;
use crate::session::{self, Session};

/// Log in to a hub and make it the current context.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:
  garrison login 127.0.0.1:5000 --user admin
  garrison login hub.example.org --user ci-web --password-stdin --name ci < secret")]
pub(crate) struct Login {
    /// Address of the hub: HOST, HOST:PORT or a URL
    hub: String,
    /// User or robot
    #[arg(short, long, value_name = "NAME")]
    user: String,
    /// Read the password or secret from standard input
    #[arg(long)]
    password_stdin: bool,
    /// Name of the context; without it the address, or USER@ADDRESS where that is another user's
    #[arg(long, value_name = "NAME")]
    name: Option<String>,
    /// PEM file of certificates to trust besides the platform's
    #[arg(long, value_name = "FILE")]
    ca_file: Option<PathBuf>,
    /// Let the password cross a network unencrypted
    #[arg(long)]
    plain_http: bool,
}

impl Login {
    pub(crate) async fn run(self, session: &Session) -> Result<(), CommandError> {
        let mut address = session::address(&self.hub)?;
        if self.plain_http && !self.hub.contains("://") {
            address = session::address(&format!("http://{}", self.hub))?;
        }
        let ca_file = self.ca_file.map(std::path::absolute).transpose();
        let ca_file = ca_file.map_err(|source| CommandError::environment("failed to find the certificates", source))?;
        let secret = if self.password_stdin {
            secret::from_stdin()?
        } else {
            secret::ask(&format!("Password of {}", self.user))?
        };
        let context = Context {
            hub: address.to_string(),
            user: Some(self.user.clone()),
            secret: Some(secret),
            ca_file,
            plain_http: self.plain_http,
        };
        // Kept only when the hub accepts it.
        let me: Value = session::client(&context)?.get(&Endpoint::api(["me"])).await?;
        let mut contexts = session::contexts()?;
        let user = &self.user;
        let others = |context: &Context| context.user.as_ref().is_some_and(|other| other != user);
        let name = self.name.unwrap_or_else(|| {
            let address = address.authority();
            let is_of_other = contexts.contexts.get(&address).is_some_and(others);
            if is_of_other { format!("{user}@{address}") } else { address }
        });
        let replaced = contexts.contexts.insert(name.clone(), context).filter(others);
        contexts.current = Some(name.clone());
        contexts.write(&session::contexts_path()?)?;
        session.print_done(&me, &format!("Logged in to {address} as {user}; `{name}` is the current context."))?;
        output::note(&match replaced.and_then(|replaced| Some((replaced.hub, replaced.user?))) {
            Some((hub, other)) => {
                format!("It was that of {other}. Undo: garrison login {hub} --user {other} --name {name}")
            }
            None => "Undo: garrison logout".to_owned(),
        });
        Ok(())
    }
}

/// Forget the credentials of a context.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:
  garrison logout
  garrison logout ci")]
pub(crate) struct Logout {
    /// Context [default: the current one]
    name: Option<String>,
}

impl Logout {
    pub(crate) fn run(self, session: &Session) -> Result<(), CommandError> {
        let mut contexts = session::contexts()?;
        let name = match self.name {
            Some(name) => name,
            None => session.current(&contexts)?.0.to_owned(),
        };
        let Some(removed) = contexts.contexts.remove(&name) else {
            return Err(CommandError::new(Kind::No, format!("there is no context `{name}`"))
                .hint("`garrison context list` shows them"));
        };
        if contexts.current.as_ref() == Some(&name) {
            contexts.current = None;
        }
        contexts.write(&session::contexts_path()?)?;
        let again = removed.user.map(|user| format!(" --user {user}")).unwrap_or_default();
        output::note(&format!("Logged out of `{name}`. Undo: garrison login {}{again} --name {name}", removed.hub));
        Ok(())
    }
}
