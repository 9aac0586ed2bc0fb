use component::Inventory;
use serde::Serialize;
use serde_json::value::RawValue;

use super::{CycloneDxVersion, Format, cyclonedx, purls, spdx, syft, table};

/// How a document is written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WriteOptions {
    /// The format.
    pub format: Format,
    /// How JSON is laid out.
    pub layout: Layout,
    /// The time that a document states when its inventory has none, in RFC 3339: `SOURCE_DATE_EPOCH`. Never a clock.
    pub timestamp: Option<String>,
    /// The columns of a terminal, for tables.
    pub width: usize,
    /// What a table does with names and versions that are wider than that.
    pub overlong: Overlong,
}

/// What becomes of names and versions for which a table has no room.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Overlong {
    /// They are there as a whole, in a line that is longer than the others.
    #[default]
    Whole,
    /// They are shortened in the middle, and the table says at its end how many are.
    Shortened,
}

/// How JSON is laid out.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Layout {
    /// On one line.
    #[default]
    Compact,
    /// On many lines, indented by two spaces.
    Indented,
}

/// About what a document takes without components, what each of them takes, and each file that one lists.
const HEAD_BYTES: usize = 16 << 10;
const COMPONENT_BYTES: usize = 2 << 10;
const FILE_BYTES: usize = 256;

/// The most room from the start.
const RESERVED_BYTES_MAX: usize = 64 << 20;

/// The columns that a table has where nobody says otherwise.
pub const TABLE_WIDTH: usize = 80;

impl WriteOptions {
    /// Returns the options for a format and nothing else.
    pub fn new(format: Format) -> Self {
        Self { format, layout: Layout::Compact, timestamp: None, width: TABLE_WIDTH, overlong: Overlong::Whole }
    }
}

/// Writes an inventory. The same inventory and options give the same bytes.
pub fn write(inventory: &Inventory, options: &WriteOptions) -> Vec<u8> {
    match options.format {
        Format::CycloneDx(version) => cyclonedx::write(inventory, version, options, |_| None),
        Format::Spdx => spdx::write(inventory, options),
        Format::Syft => syft::write(inventory, options),
        Format::Purls => purls::write(inventory),
        Format::Table => table::write(inventory, options.width, options.overlong),
    }
}

/// Writes an inventory as `CycloneDX` with a member `vulnerabilities`: `vulnerabilities` is told how the document refers to each component, in
/// their order, and returns it.
pub fn write_with_vulnerabilities(
    inventory: &Inventory,
    version: CycloneDxVersion,
    options: &WriteOptions,
    vulnerabilities: impl FnOnce(&[String]) -> Box<RawValue>,
) -> Vec<u8> {
    cyclonedx::write(inventory, version, options, |references| Some(vulnerabilities(references)))
}

impl WriteOptions {
    /// Returns the time that a document of this inventory states.
    pub(super) fn created<'a>(&'a self, inventory: &'a Inventory) -> Option<&'a str> {
        inventory.created.as_deref().or(self.timestamp.as_deref())
    }

    /// Writes a document of an inventory.
    pub(super) fn json<T: Serialize>(&self, document: &T, inventory: &Inventory) -> Vec<u8> {
        // With room for about all of it, of which only what is written takes memory: a list that grows is copied into ever larger ones.
        let files: usize = inventory.components.iter().map(|component| component.files.len()).sum();
        let expected = HEAD_BYTES + inventory.components.len() * COMPONENT_BYTES + files * FILE_BYTES;
        let mut bytes = Vec::with_capacity(expected.min(RESERVED_BYTES_MAX));
        let written = match self.layout {
            Layout::Compact => serde_json::to_writer(&mut bytes, document),
            Layout::Indented => serde_json::to_writer_pretty(&mut bytes, document),
        };
        debug_assert!(written.is_ok(), "texts, numbers and lists have a spelling in JSON, and memory takes all bytes");
        bytes.push(b'\n');
        bytes
    }
}
