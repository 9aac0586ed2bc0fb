use component::{Inventory, Subject};
use images::{Local, Select, Source as Place, is_pipe};
use sbom::formats::Document;

use super::{Piped, Reading, convert, read_pipe};
use crate::cli::output_argument;
use crate::error::{CommandError, Kind};
use crate::inventory::{self, Reader};
use crate::output::{self, Format};
use crate::session::Session;

/// Compare two inventories, component by component and edge by edge.
///
/// Each side is a document of any format that is read, or a source as `garrison sbom` takes it. A line begins with `-` for
/// what only the first has, `+` for what only the second has, `~` for a version that changed, or the distribution, namespace,
/// module, scope, licences or hashes where both state them.
#[derive(Debug, clap::Args)]
#[command(
    arg(output_argument()),
    after_help = "Example:
  garrison sbom diff old.cdx.json new.cdx.json
  garrison sbom diff api.spdx.json 127.0.0.1:5000/team/api:1.5 -o json

Exit codes, as of diff: 0 no difference, 1 some, 2 not understood, 3 a side could not be read."
)]
pub(crate) struct Diff {
    /// Document or source
    #[arg(value_name = "FROM")]
    from: String,
    /// Document or source
    #[arg(value_name = "TO")]
    to: String,
    #[command(flatten)]
    reading: Reading,
}

impl Diff {
    pub(crate) fn run(self, session: &Session) -> Result<(), CommandError> {
        let reader = self.reading.reader(session)?;
        let (from, to) = (side(session, &reader, &self.from)?, side(session, &reader, &self.to)?);
        let diff = sbom::diff::diff(&from, &to);
        match session.format() {
            Format::Json => output::print_line(&diff.to_json())?,
            Format::Table if diff.is_empty() => reader.note("No difference."),
            Format::Table => output::print_line(diff.to_string().trim_end())?,
        }
        if diff.is_empty() { Ok(()) } else { Err(CommandError::silent(Kind::No)) }
    }
}

fn side(session: &Session, reader: &Reader, text: &str) -> Result<Inventory, CommandError> {
    if text == "-" {
        return convert::read_document(text).map(|document| listed(reader, text, document));
    }
    let place = inventory::resolve(session, text)?;
    let Place::Local(Local::Path(path)) = &place else {
        return reader.read(&place).map_err(|error| inventory::or_path(error, text));
    };
    if is_pipe(path) {
        return match read_pipe(reader, convert::open(text)?, path, &Select::Any)? {
            Piped::Document(document) => Ok(listed(reader, text, *document)),
            Piped::Image(inventory) => Ok(*inventory),
        };
    }
    if let Some(document) = convert::find_document(path)? {
        return Ok(listed(reader, text, document));
    }
    let inventory = reader.read(&place)?;
    let is_blank = inventory.components.is_empty() && inventory.unknowns.is_empty();
    if is_blank && matches!(inventory.subject, Subject::File { .. }) {
        // Whoever names such a file means a document: two empty inventories would be told to be equal.
        let is_meant =
            format!("`garrison sbom diff file:{0} ...` compares it as a file in which nothing is", path.display());
        let document = convert::read_document(text).map(|document| listed(reader, text, document));
        return document.map_err(|error| error.hint(is_meant));
    }
    Ok(inventory)
}

/// Takes what a document lists, and tells what was repaired or dropped: that is no difference between two sources.
fn listed(reader: &Reader, name: &str, document: Document) -> Inventory {
    if !document.repairs.is_empty() {
        reader.note(&convert::told(name, &document));
    }
    document.inventory
}
