use clap::Subcommand;
use serde_json::json;

use crate::error::{CommandError, Kind};
use crate::output::{self, Align, Column, Format, Table};
use crate::session::{self, Session};

/// Hubs that this command line knows.
#[derive(Debug, Subcommand)]
#[command(after_help = "Example:
  garrison context list
  garrison context use ci")]
pub(crate) enum Command {
    /// List the contexts; the current one has a mark.
    #[command(after_help = "Example:
  garrison context list")]
    List,
    /// Make a context the current one.
    #[command(after_help = "Example:
  garrison context use ci")]
    Use {
        /// Context
        name: String,
    },
}

impl Command {
    pub(crate) fn run(self, session: &Session) -> Result<(), CommandError> {
        let mut contexts = session::contexts()?;
        match self {
            Self::List => {
                let is_current = |name: &String| contexts.current.as_ref() == Some(name);
                if session.format() == Format::Json {
                    let items: Vec<_> = contexts
                        .contexts
                        .iter()
                        .map(|(name, context)| {
                            json!({"name": name, "hub": context.hub, "user": context.user, "current": is_current(name)})
                        })
                        .collect();
                    return output::print_json(&json!({ "items": items, "next": null }));
                }
                if contexts.contexts.is_empty() {
                    output::note("No context yet; `garrison login HUB --user NAME` makes one.");
                    return Ok(());
                }
                let column = |title| Column { title, align: Align::Left, rank: 0 };
                let mut table = Table::new(["", "NAME", "HUB", "USER"].map(column).to_vec());
                for (name, context) in &contexts.contexts {
                    let mark = if is_current(name) { "*" } else { "" };
                    let user = context.user.clone().unwrap_or_else(|| "-".to_owned());
                    table.row(&[mark.to_owned(), name.clone(), context.hub.clone(), user]);
                }
                output::print_line(table.render(output::width()).trim_end())
            }
            Self::Use { name } => {
                let Some(context) = contexts.contexts.get(&name) else {
                    return Err(CommandError::new(Kind::No, format!("there is no context `{name}`"))
                        .hint("`garrison context list` shows them"));
                };
                let hub = context.hub.clone();
                let before = contexts.current.replace(name.clone());
                contexts.write(&session::contexts_path()?)?;
                let undo = before.filter(|before| *before != name);
                let undo = undo.map(|before| format!(" Undo: garrison context use {before}")).unwrap_or_default();
                output::note(&format!("`{name}` ({hub}) is the current context.{undo}"));
                Ok(())
            }
        }
    }
}
