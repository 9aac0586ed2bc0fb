//! What owners of images decide about findings, and authors of what is in them.
//!
//! A document of exceptions is set for a project, or for all ([`Whose`]), and kept as it was written beside all before it. The job
//! [`DECIDE`] takes it over into the inventories' database: it notes there by which document images are counted from now on, marks the
//! totals of those images that the difference between both documents may mean, and has them counted again. As exceptions begin and end
//! by the clock, the job is ordered for the next moment at which one does.
//!
//! VEX documents are given for a project, or for all, in any number; what counts as of a row of their table is what was given up to it and not
//! removed, so that images are counted by a number there too.
//!
//! Images are counted by the documents and the time that are noted in the inventories' database, not by the newest ones: whatever a count
//! finds out aside is kept only where these are still the same, so that no count of before a change is kept after its marks.

mod beside;
mod composed;
mod documents;
mod effects;
mod listed;
mod stamp;
mod takeover;
mod trust;
mod verdicts;
mod vex;

pub use beside::{BESIDE_BYTES_MAX, BESIDE_DOCUMENTS_MAX, BESIDE_TOTAL_BYTES_MAX, VexBeside, VexSaid};
pub(crate) use beside::{Beside, LIST_BESIDE_OF, LIST_BESIDE_OF_IMAGE};
pub use composed::VexTold;
pub(crate) use composed::{Composed, Documents, Remembered, subject_of};
pub use documents::{EXCEPTIONS_BYTES_MAX, ExceptionDocument, SetError, Whose};
pub use listed::VexListed;
pub(crate) use stamp::Deciding;
pub use takeover::DECIDE;
pub(crate) use takeover::DECIDE_EVERY;
pub use trust::VexTrustDocument;
pub(crate) use verdicts::{ANSWERED, COUNTED, Verdicts, verdicts};
pub use vex::{VEX_BYTES_MAX, VEX_DOCUMENTS_MAX, VEX_TOTAL_BYTES_MAX, VexDocument, VexError};

/// Every SQL statement of this part on the hub's tables.
pub(crate) fn hub_statements() -> impl Iterator<Item = &'static db::Statement> {
    let vex = listed::STATEMENTS.iter().chain(vex::STATEMENTS);
    beside::statements().chain(documents::STATEMENTS).chain(trust::STATEMENTS).chain(vex)
}

/// Every SQL statement of this part on the inventories' tables.
pub(crate) fn index_statements() -> impl Iterator<Item = &'static db::Statement> {
    let vex = beside::index::STATEMENTS.iter();
    vex.chain(stamp::STATEMENTS).chain(takeover::STATEMENTS).chain(effects::STATEMENTS)
}
