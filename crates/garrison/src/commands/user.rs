use clap::Subcommand;
use outbound::{Endpoint, Method};
use serde_json::{Value, json};

use super::setting_flags::PlaceFlags;
use super::{Rows, secret};
use crate::error::CommandError;
use crate::hub;
use crate::output;
use crate::session::{Field, Session};
use crate::settings::Settings;

/// Users: people with a password.
#[derive(Debug, Subcommand)]
#[command(after_help = "Example:
  garrison user create ada
  garrison user list")]
pub(crate) enum Command {
    /// List the users.
    #[command(after_help = "Example:
  garrison user list")]
    List(Rows),
    /// Make a user; the password is asked for.
    #[command(after_help = "Example:
  garrison user create ada
  garrison user create ada --password-stdin < password")]
    Create {
        /// Name
        user: String,
        /// Let the user do everything
        #[arg(long)]
        administrator: bool,
        /// Read the password from standard input
        #[arg(long)]
        password_stdin: bool,
    },
    /// Show a user.
    #[command(after_help = "Example:
  garrison user show ada")]
    Show {
        /// User
        user: String,
    },
    /// Refuse a user's logins and tokens from now on.
    #[command(after_help = "Example:
  garrison user disable ada")]
    Disable {
        /// User
        user: String,
    },
    /// Accept a user's logins again.
    #[command(after_help = "Example:
  garrison user enable ada")]
    Enable {
        /// User
        user: String,
    },
    /// Delete a user and the memberships; the audit log keeps the name.
    #[command(after_help = "Example:
  garrison user delete ada")]
    Delete {
        /// User
        user: String,
    },
    /// Set a user's password; it is asked for.
    #[command(after_help = "Example:
  garrison user set-password ada")]
    SetPassword {
        /// User
        user: String,
        /// Read the password from standard input
        #[arg(long)]
        password_stdin: bool,
    },
    /// Set a user's password without a login, on the data directory of a stopped hub.
    #[command(after_help = "Example:
  garrison user reset-password admin
  garrison user reset-password admin --data-dir /srv/garrison --password-stdin < password")]
    ResetPassword {
        /// User
        user: String,
        /// Read the password from standard input instead of making a random one
        #[arg(long)]
        password_stdin: bool,
        #[command(flatten)]
        flags: PlaceFlags,
    },
}

const LIST: &[Field] = &[
    Field::key("NAME", "name"),
    Field::text("ADMINISTRATOR", "administrator", 1),
    Field::text("DISABLED", "disabled", 2),
    Field::time("CREATED", "created_at", 3),
];

impl Command {
    pub(crate) async fn run(self, session: &Session) -> Result<(), CommandError> {
        let none = None::<&Value>;
        match self {
            Self::List(rows) => {
                let endpoint = Endpoint::api(["users"]);
                session.print_list(&session.hub()?, &endpoint, Some(rows.limit), LIST, "No user.").await
            }
            Self::Create { user, administrator, password_stdin } => {
                let hub = session.hub()?;
                let password = new_password(&user, password_stdin)?;
                let body = json!({ "name": user, "administrator": administrator, "password": password });
                let made: Value = hub.send(Method::Post, &Endpoint::api(["users"]), Some(&body)).await?;
                session.print_done(&made, &format!("User {user} made. Undo: garrison user delete {user}"))
            }
            Self::Show { user } => session.print_one(&session.hub()?.get(&Endpoint::api(["users", &user])).await?),
            Self::Disable { user } => {
                let body = json!({ "disabled": true });
                let endpoint = Endpoint::api(["users", &user]);
                let changed: Value = session.hub()?.send(Method::Patch, &endpoint, Some(&body)).await?;
                session.print_done(&changed, &format!("User {user} is disabled. Undo: garrison user enable {user}"))
            }
            Self::Enable { user } => {
                let body = json!({ "disabled": false });
                let endpoint = Endpoint::api(["users", &user]);
                let changed: Value = session.hub()?.send(Method::Patch, &endpoint, Some(&body)).await?;
                session.print_done(&changed, &format!("User {user} is enabled. Undo: garrison user disable {user}"))
            }
            Self::Delete { user } => {
                let endpoint = Endpoint::api(["users", &user]);
                let gone: Value = session.hub()?.send(Method::Delete, &endpoint, none).await?;
                session.print_done(&gone, &format!("User {user} deleted. Undo: garrison user create {user}"))
            }
            Self::SetPassword { user, password_stdin } => {
                let hub = session.hub()?;
                let password = new_password(&user, password_stdin)?;
                let endpoint = Endpoint::api(["users", &user, "password"]);
                let set: Value = hub.send(Method::Put, &endpoint, Some(&json!({ "password": password }))).await?;
                session.print_done(&set, &format!("Password of {user} set; all sessions of {user} have ended."))
            }
            Self::ResetPassword { user, password_stdin, flags } => {
                let settings = Settings::parse(&flags.layers()?)?;
                let given = if password_stdin { Some(secret::from_stdin()?) } else { None };
                let shown = hub::reset_password(&settings, &user, given).await?;
                output::note(&format!("Password of {user} set; all sessions of {user} have ended."));
                match shown {
                    Some(password) => output::print_line(&password),
                    None => Ok(()),
                }
            }
        }
    }
}

fn new_password(user: &str, from_stdin: bool) -> Result<String, CommandError> {
    if from_stdin { secret::from_stdin() } else { secret::ask(&format!("New password of {user}")) }
}
