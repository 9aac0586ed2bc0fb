use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use sbom::formats::{self, Document, Limits, Repair, RepairKind, Repairs, read};

use super::outputs::Outputs;
use crate::error::{CommandError, Kind};
use crate::output::note;

/// The most repairs of what is wrong that are shown one by one; the count is of all.
const REPAIRS_SHOWN: usize = 20;

/// Write an inventory of any tool in another format.
///
/// Reads CycloneDX, SPDX and Syft-JSON, and lists of purls, also packed by gzip; the format is told from the contents. What had to be repaired or
/// dropped is told on standard error.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:
  garrison sbom convert api.spdx.json -o cyclonedx-json@1.5
  garrison sbom convert - -o syft-json=api.syft.json -o table < api.cdx.json")]
pub(crate) struct Convert {
    /// Document, or `-` for standard input
    file: String,
    /// Say nothing on standard error but errors
    #[arg(short, long)]
    quiet: bool,
    #[command(flatten)]
    outputs: Outputs,
}

impl Convert {
    pub(crate) fn run(self) -> Result<(), CommandError> {
        let outputs = self.outputs.parse()?;
        let document = read_document(&self.file)?;
        if !self.quiet {
            note(&told(&self.file, &document));
            outputs.note_losses(&document.inventory);
        }
        outputs.write(&document.inventory)
    }
}

/// Reads a document of whatever format.
pub(super) fn read_document(file: &str) -> Result<Document, CommandError> {
    if file == "-" {
        return read_document_from(file, io::stdin().lock());
    }
    read_document_from(file, open(file)?)
}

pub(super) fn open(file: &str) -> Result<File, CommandError> {
    File::open(file).map_err(|source| CommandError::environment(format!("failed to read `{file}`"), source))
}

/// Reads a document of whatever format from a stream; `name` is what errors call it.
pub(crate) fn read_document_from(name: &str, stream: impl Read) -> Result<Document, CommandError> {
    let bytes = formats::unpacked(stream)
        .and_then(limited)
        .map_err(|source| CommandError::environment(format!("failed to read `{name}`"), source));
    understood(name, &bytes?)
}

/// Reads a file as a document if it is one, by its contents; anything else is for catalogers.
pub(crate) fn find_document(path: &Path) -> Result<Option<Document>, CommandError> {
    if !path.metadata().is_ok_and(|metadata| metadata.is_file()) {
        return Ok(None);
    }
    let file = path.display().to_string();
    let failed = |source| CommandError::environment(format!("failed to read `{file}`"), source);
    let mut stream = File::open(path).map_err(failed)?;
    let mut start = Vec::new();
    stream.by_ref().take(formats::START_BYTES).read_to_end(&mut start).map_err(failed)?;
    if !formats::may_be_document(&formats::start_of(&start)) {
        return Ok(None);
    }
    let bytes = formats::unpacked(start.as_slice().chain(stream)).and_then(limited).map_err(failed)?;
    if formats::is_document(&bytes) { understood(&file, &bytes).map(Some) } else { Ok(None) }
}

fn understood(file: &str, bytes: &[u8]) -> Result<Document, CommandError> {
    read(bytes).map_err(|error| {
        CommandError::new(Kind::Environment, Refused { file: file.to_owned(), source: error })
            .hint("`garrison sbom convert` reads CycloneDX, SPDX and Syft-JSON, and lists of purls")
    })
}

/// Reads one byte more than is taken, so that the reader of the document refuses it by its size.
fn limited(stream: impl Read) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    stream.take(Limits::DOCUMENT_BYTES_MAX as u64 + 1).read_to_end(&mut bytes)?;
    Ok(bytes)
}

#[derive(Debug, thiserror::Error)]
#[error("failed to understand the document `{file}`")]
struct Refused {
    file: String,
    #[source]
    source: sbom::formats::ReadError,
}

/// What was read, and what was wrong with it.
pub(super) fn told(file: &str, document: &Document) -> String {
    let (components, edges) = (document.inventory.components.len(), document.inventory.edges.len());
    let version = document.version.as_deref().map(|version| format!(" {version}")).unwrap_or_default();
    let tool = document.tool.as_deref().map(|tool| format!(" by {tool}")).unwrap_or_default();
    let mut text = format!("{file}: {}{version}{tool}: {components} components, {edges} edges", document.format);
    text.push_str(&repaired(&document.repairs));
    crate::output::printable(&text)
}

/// What was wrong one by one, and of what the document rightly says and no inventory holds a line for each kind.
fn repaired(repairs: &Repairs) -> String {
    let (wrong, beside): (Vec<&Repair>, Vec<&Repair>) =
        repairs.listed.iter().partition(|repair| repair.kind.is_wrong());
    let mut text = String::new();
    for repair in wrong.iter().take(REPAIRS_SHOWN) {
        let _infallible = write!(text, "\n  {repair}");
    }
    let untold = wrong.len().saturating_sub(REPAIRS_SHOWN) as u64 + repairs.unlisted;
    if untold > 0 {
        let _infallible = write!(text, "\n  and {untold} more");
    }
    let mut kinds: BTreeMap<RepairKind, (&Repair, usize)> = BTreeMap::new();
    for repair in beside {
        kinds.entry(repair.kind).or_insert((repair, 0)).1 += 1;
    }
    for (first, count) in kinds.into_values() {
        let _infallible = write!(text, "\n  {first}");
        if count > 1 {
            let _infallible = write!(text, ", and {} more such", count - 1);
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_wrong_is_told_before_what_no_inventory_holds() {
        let repair =
            |kind, number: usize| Repair { place: format!("components[{number}]"), kind, found: String::new() };
        let check = |wrong: usize, no_place: usize, files: usize, expected: &[&str]| {
            let beside = [(RepairKind::NoPlace, no_place), (RepairKind::NotAPackage, files)];
            let beside =
                beside.into_iter().flat_map(|(kind, count)| (0..count).map(move |number| repair(kind, number)));
            let listed = beside.chain((0..wrong).map(|number| repair(RepairKind::InvalidPurl, number))).collect();
            let told = repaired(&Repairs { listed, unlisted: 0, wrong: wrong as u64 });
            assert_eq!(told.lines().skip(1).map(str::trim).collect::<Vec<_>>(), expected);
        };
        check(0, 0, 0, &[]);
        check(
            1,
            1,
            0,
            &["components[0]: not a purl, dropped", "components[0]: nothing that an inventory holds, dropped"],
        );
        check(
            1,
            24,
            2,
            &[
                "components[0]: not a purl, dropped",
                "components[0]: nothing that an inventory holds, dropped, and 23 more such",
                "components[0]: a file and no package, dropped, and 1 more such",
            ],
        );
        for (wrong, lines) in [(REPAIRS_SHOWN - 1, 19), (REPAIRS_SHOWN, 20), (REPAIRS_SHOWN + 1, 21)] {
            let listed = (0..wrong).map(|number| repair(RepairKind::InvalidPurl, number)).collect();
            let told = repaired(&Repairs { listed, unlisted: 0, wrong: wrong as u64 });
            assert_eq!(told.lines().skip(1).count(), lines, "{wrong}");
        }
    }
}
