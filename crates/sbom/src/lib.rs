//! The inventory engine: bytes of layers and files in, components with their edges out.
//!
//! A layer is read once ([`read_layer`]): while it is decompressed and hashed, a walk over its headers offers each path to one compiled set of claims
//! ([`Matcher`]); a second time only for the bytes of files that hard links with claimed names lead to. Only what a cataloger claimed is kept ([`LayerRecord`]), within what all layers of an image may take ([`Allowance`]). An inventory is a pure fold over such records ([`inventory`]): whiteouts are
//! applied, each [`Cataloger`] sees the merged file system ([`View`]) and reports [`Findings`], and the findings are united.
//! Inventories are written as documents and read from them in [`formats`], also out of what is around them ([`statement`]), and compared in [`diff`](mod@diff).
//!
//! Not here: where images come from (registries, layouts, archives, directories), caches, clocks, the network; nor threads, but for those that
//! [`read_layer_ahead`] and [`inventory`] have until they return.
//!
//! # Invariants
//!
//! - The same bytes give an equal inventory, in any order of layers, files and threads, read now or taken from a cache.
//! - A record says nothing about other layers, so that it can be kept by diff-ID and used in every image that shares the layer.
//! - Nothing gets a name on disk. Memory does not grow with the bytes of an image, only with its paths and with what catalogers claim.
//! - No byte of an image makes the engine panic, recurse without bound, or keep more than a named limit; what a limit skips is reported as unknown.

mod ahead;
mod allowance;
mod cataloger;
mod code_presence;
mod content;
mod control_file;
pub mod diff;
mod early;
mod ecosystems;
mod engine;
mod excluded;
mod extractors;
pub mod formats;
mod gzip;
mod layer;
mod links;
mod matcher;
mod os_purl;
mod os_release;
mod providers;
pub mod statement;
mod stored;
mod stream;
pub mod tar;
#[doc(hidden)]
pub mod testing;
mod unread;
mod view;

#[allow(missing_docs, reason = "made from the folder of catalogers")]
mod all {
    include!(concat!(env!("OUT_DIR"), "/catalogers.rs"));
}

pub use allowance::{Allowance, TooMuchMemory};
pub use cataloger::{
    Abilities, Cataloger, Claim, Edges, Evidence, Extractor, Findings, Handle, Keep, Pattern, Refusal, Versions,
};
pub use content::{Content, MEMORY_BYTES_MAX, Spill};
pub use engine::{LayerScope, Source, inventory, inventory_of_directory, inventory_within};
pub use excluded::{EXCLUDES_MAX, ExcludeError, Excluded};
pub use layer::{
    ENTRIES_MAX, Error as LayerError, FileKind, HOLES_BYTES_MAX, KEPT_BYTES_MAX, KEPT_FILES_MAX, LINKED_BYTES_MAX,
    LINKED_FILES_MAX, LayerBuilder, LayerRecord, NAME_BYTES_MAX,
};
pub use matcher::Matcher;
pub use stored::RECORD_VERSION;
pub use stream::{
    Error, LAYER_BYTES_MAX, Mismatch, RATIO_FREE_BYTES, RATIO_MAX, ReadLayer, read_layer, read_layer_ahead,
};
pub use unread::{hides_packages, is_unread};
pub use view::{Entry, File, View};

/// Returns every cataloger, in the order of their names.
pub fn catalogers() -> &'static [Cataloger] {
    all::ALL
}
