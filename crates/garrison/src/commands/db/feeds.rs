use serde_json::json;

use crate::error::CommandError;
use crate::output::{self, Align, Column, Format, Table};
use crate::session::Session;

/// List the feeds of advisories that publishers have, and where.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:
  garrison db feeds
  garrison db feeds -o json")]
pub(crate) struct Feeds {}

impl Feeds {
    #[expect(clippy::unused_self, reason = "every command is run alike")]
    pub(crate) fn run(self, session: &Session) -> Result<(), CommandError> {
        if session.format() == Format::Json {
            let feed = |source: &feeds::Source| {
                json!({
                    "name": source.name,
                    "reader": source.reader,
                    "publisher": source.publisher,
                    "addresses": source.addresses,
                    "ecosystems": source.serves.iter().map(|family| family.as_str()).collect::<Vec<_>>(),
                    "by_default": source.by_default,
                })
            };
            return output::print_json(&feeds::sources().map(feed).collect::<Vec<_>>());
        }
        let column = |title, rank| Column { title, align: Align::Left, rank };
        let mut table = Table::new(vec![column("FEED", 0), column("FORMAT", 1), column("OF", 0)]);
        for source in feeds::sources() {
            let aside = if source.by_default { "" } else { " (only when named)" };
            table.row(&[source.name.to_owned(), source.reader.to_owned(), format!("{}{aside}", source.publisher)]);
        }
        output::print_line(table.render(output::width()).trim_end())
    }
}
