//! Documents: an [`Inventory`](component::Inventory) written as bytes, and the bytes of others read as one.
//!
//! Pure: no file, no clock, no network. The same inventory and options give the same bytes; serial numbers and document
//! namespaces are made from the contents. What a format has no place for travels in one namespace of properties, see
//! [`namespace`], so that everything but the files that packages own comes back from every format except the purl list.
//!
//! Readers take what is there: a part that is wrong is repaired or dropped and told in [`Repairs`]; a document is refused
//! only when it is no document, too large, or when [`Strictness::Strict`] was asked for.

mod assembly;
mod cyclonedx;
mod foreign;
mod format;
mod identity;
mod lenient;
mod licenses;
mod limits;
pub mod namespace;
mod packed;
mod purls;
mod read;
mod repairs;
mod serial;
mod spdx;
mod syft;
mod table;
mod time;
mod write;

/// The property of a component that has neither purl nor CPE and that its document says to be something else than a package: CycloneDX's `type`, SPDX's
/// `primaryPackagePurpose` in lower case.
pub const DOCUMENT_KIND: &str = "document:kind";

pub use format::{CycloneDxVersion, Format, FormatError, Output};
pub use limits::Limits;
pub use packed::{START_BYTES, start_of, unpacked};
pub use read::{Address, Document, ReadError, Strictness, is_document, may_be_document, read, read_with};
pub use repairs::{Repair, RepairKind, Repairs};
pub use write::{Layout, Overlong, TABLE_WIDTH, WriteOptions, write, write_with_vulnerabilities};
