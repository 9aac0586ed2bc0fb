//! What is known to be wrong with what images hold.
//!
//! A version of a package is matched once, however many images hold it. When another database of advisories takes the place of
//! the one in use, what both say of each package is compared, and only the components that a difference may mean are matched
//! again; each difference that this makes is an event. What an image or a project has in all is counted again for the images
//! that changed alone.

mod advisories;
mod affected;
mod decisions;
mod events;
mod keep;
mod matching;
mod owned;
mod packages;
mod portfolio;
mod scans;
mod state;
mod subject;
mod totals;

pub use advisories::Advisories;
pub(crate) use advisories::InUse;
pub(crate) use decisions::forget_decisions;
pub use events::{Event, EventKind, EventPage, Gone};
pub(crate) use keep::{COUNTS, number_of_package, recount_all};
pub use matching::MATCH;
pub(crate) use matching::MATCH_EVERY;
pub(crate) use portfolio::level_of_number;
pub use portfolio::{Affecting, Filter, Order, VulnerabilityPage};
pub use state::{ImageMatch, MatchState, Progress};
pub(crate) use subject::{Subject, variant};
pub use totals::Totals;
pub(crate) use totals::{COUNT, order_counting};

/// Every SQL statement of this part.
pub(crate) fn statements() -> impl Iterator<Item = &'static db::Statement> {
    affected::STATEMENTS
        .iter()
        .chain(decisions::STATEMENTS)
        .chain(events::STATEMENTS)
        .chain(keep::STATEMENTS)
        .chain(matching::STATEMENTS)
        .chain(owned::STATEMENTS)
        .chain(portfolio::STATEMENTS)
        .chain(scans::STATEMENTS)
        .chain(state::STATEMENTS)
        .chain(totals::STATEMENTS)
}
