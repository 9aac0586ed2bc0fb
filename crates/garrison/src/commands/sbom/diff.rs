use std::io::Read as _;
use std::path::Path;

use component::Inventory;

use super::{Reading, convert};
use crate::cli::output_argument;
use crate::error::{CommandError, Kind};
use crate::inventory::{self, Reader};
use crate::output::{self, Format};
use crate::session::Session;

/// Compare two inventories, component by component and edge by edge.
///
/// Each side is a document of any format that is read, or a source as `garrison sbom` takes it. A line begins with `-` for
/// what only the first has, `+` for what only the second has, `~` for a version that changed.
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
        let reader = self.reading.reader()?;
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
    if text == "-" || is_document(Path::new(text)) {
        return Ok(convert::read_document(text)?.inventory);
    }
    reader.read(&inventory::resolve(session, text)?)
}

/// Returns whether a file looks like a document: JSON, or a list of purls.
fn is_document(path: &Path) -> bool {
    const HEAD_BYTES: u64 = 64;
    let mut head = Vec::new();
    let is_file = path.metadata().is_ok_and(|metadata| metadata.is_file());
    let read = is_file.then(|| std::fs::File::open(path).and_then(|file| file.take(HEAD_BYTES).read_to_end(&mut head)));
    let head = head.strip_prefix(b"\xef\xbb\xbf").unwrap_or(&head).trim_ascii_start();
    read.is_some_and(|read| read.is_ok()) && (head.starts_with(b"{") || head.starts_with(b"pkg:"))
}
