use clap::Subcommand;

use super::setting_flags::AllFlags;
use crate::error::CommandError;
use crate::output::{self, Align, Column, Format, Table};
use crate::platform::Platform;
use crate::session::Session;
use crate::settings;

/// Settings of the hub's process.
#[derive(Debug, Subcommand)]
#[command(after_help = "Example:
  garrison config show --origin")]
pub(crate) enum Command {
    /// Show every setting as the hub would see it; passwords are left out.
    #[command(after_help = "Example:
  garrison config show --origin
  garrison config show --origin --config hub.toml -o json")]
    Show {
        /// Say where each value comes from
        #[arg(long)]
        origin: bool,
        #[command(flatten)]
        flags: AllFlags,
    },
}

impl Command {
    pub(crate) fn run(self, session: &Session) -> Result<(), CommandError> {
        let Self::Show { origin, flags } = self;
        let rows = settings::rows(&flags.layers()?, Platform::current().data_directory().as_deref());
        if session.format() == Format::Json {
            return output::print_json(&rows);
        }
        let column = |title, rank| Column { title, align: Align::Left, rank };
        let mut columns = vec![column("KEY", 0), column("VALUE", 0)];
        if origin {
            columns.push(column("ORIGIN", 0));
        }
        let mut table = Table::new(columns);
        for row in rows {
            let mut cells = vec![row.key.to_owned(), if row.value.is_empty() { "-".to_owned() } else { row.value }];
            if origin {
                cells.push(row.origin);
            }
            table.row(&cells);
        }
        output::print_line(table.render(output::width()).trim_end())
    }
}
