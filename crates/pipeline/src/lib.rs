//! What the hub makes of each image by itself: its inventory, the documents beside it, the index of where each component is,
//! and what is known to be wrong with it.
//!
//! A push orders an inventory in its own transaction ([`registry::INVENTORY`]). The job reads the layers that no earlier
//! image had, folds what was read of all of them into an inventory, keeps it in a database of its own, stores it as
//! CycloneDX and SPDX beside the image, and states a fact about the image's digest. [`Pipeline::find`] answers where a
//! component is, and [`Pipeline::inventory`] what an image is made of, without reading a layer. What others say that an image
//! is made of stays as it was pushed; [`Pipeline::compare`] tells how it differs.
//!
//! As an inventory lands, what no other image held is matched by the database of advisories in use; when another takes its place,
//! only what the two say differently is matched again ([`MATCH`]). [`Pipeline::list_vulnerabilities`] answers what is wrong
//! everywhere, [`Pipeline::find`] which images have a vulnerability.
//!
//! What owners of images decide about findings, by documents of exceptions for a project or for all, and what VEX documents say that were given for it, counts wherever findings are
//! told or counted ([`Pipeline::set_exceptions`], [`DECIDE`]).
//!
//! Not here: how layers are read and components found (`sbom`), who may ask (`api`), how jobs run (`ledger`).
//!
//! # Invariants
//!
//! - An inventory is of the bytes alone, so that it counts wherever the digest is; a repository only lends the bytes.
//! - Everything that this crate keeps outside of facts can be made again, and a newer engine makes it anew.
//! - A job that fails leaves nothing of what it found, and one image that cannot be read keeps no other waiting.
//! - All inventories at work together stay within the memory that the operator gives.
//! - What was matched by differences is what a match of everything would give, wherever it was cut off.
//! - What is decided about a finding, `findings` decides alone, for a report as for a total; an exception of one project never reaches
//!   another's images.
//! - An answer names only what a repository holds now, and only repositories that the caller may read.

mod advised;
mod decided;
mod documents;
mod facts;
mod find;
mod image;
mod index;
mod limits;
mod make;
mod numbers;
mod orphans;
mod others;
mod pack;
mod pipeline;
mod places;
mod query;
mod reader;
mod recent;
mod refused;
mod sweep;
mod tagged;
mod turns;
mod unmade;

pub use advised::{
    Advisories, Affecting, Event, EventKind, EventPage, Filter, Gone, ImageMatch, MATCH, MatchState, Order, Progress,
    Totals, VulnerabilityPage,
};
pub use decided::{
    BESIDE_BYTES_MAX, BESIDE_DOCUMENTS_MAX, BESIDE_TOTAL_BYTES_MAX, DECIDE, EXCEPTIONS_BYTES_MAX, ExceptionDocument,
    SetError, VEX_BYTES_MAX, VEX_DOCUMENTS_MAX, VEX_TOTAL_BYTES_MAX, VexBeside, VexDocument, VexError, VexListed,
    VexSaid, VexTold, VexTrustDocument, Whose,
};
pub use find::{Affected, BuiltOf, Found, ImageCount, NotKnown, Page, Readable, Recorded};
pub use index::{ImageRecord, State, identity};
pub use limits::Limits;
pub use others::{Beside, CompareError, Comparison, Documents};
pub use pipeline::{Asked, Error, Options, Pipeline, SWEEP};
pub use places::Place;
pub use query::{PATTERN_BYTES_MAX, Query, QueryError, RangeProblem};
pub use refused::{RefusedImage, RefusedImages};
pub use tagged::Tagged;
pub use unmade::Why;

/// Returns every SQL statement of this crate on the inventories' tables, so that a test can prepare each on both databases.
pub fn index_statements() -> impl Iterator<Item = &'static db::Statement> {
    index::STATEMENTS
        .iter()
        .chain(orphans::STATEMENTS)
        .chain(find::statements())
        .chain(refused::STATEMENTS)
        .chain(tagged::STATEMENTS)
        .chain(unmade::STATEMENTS)
        .chain(advised::statements())
        .chain(decided::index_statements())
}

/// Returns every SQL statement of this crate on the hub's tables.
pub fn hub_statements() -> impl Iterator<Item = &'static db::Statement> {
    make::STATEMENTS.iter().chain(facts::STATEMENTS).chain(decided::hub_statements())
}
