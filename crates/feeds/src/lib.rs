//! Where advisories come from and where databases lie: publishers' documents, and the files that this program makes of them.
//!
//! This crate knows where publishers have their documents, fetches them, and hands them to `vulndb`'s readers; it knows no format of
//! them. It keeps databases as files that are never changed, and maps them into memory.
//!
//! Invariants:
//! - A database is in use only after every byte of it was read once and its digest is known; whatever fails before that
//!   leaves the one in use as it was.
//! - A running scan keeps the database that it began with.
//! - An update loses no feed: what it does not ask for stays as it is, unless it is left out by name.
//! - What was fetched is taken only if its reader understands it and it is not older than what was taken before; whatever fails, the
//!   last good one stays in use, and why is kept.
//! - Nothing in an archive gets a name on disk; all work is bounded by named limits.

mod cache;
mod documents;
mod fetch;
mod form;
mod in_use;
mod judgement;
mod map;
mod plan;
mod source;
mod store;
mod sum;
mod update;

pub use cache::{Cache, CacheLock, DocumentState, FeedState};
pub use documents::{ARCHIVE_BYTES_MAX, DOCUMENTS_MAX, DocumentError, Documents, read};
pub use fetch::{FetchError, Size, measure};
pub use form::{FormError, compress_packed, unpack_any};
pub use in_use::InUse;
pub use judgement::{Acceptance, Before, Fewer, Refusal, judge};
pub use map::Mapped;
pub use plan::{Choice, ChoiceError, Place, PlannedFeed, plan};
pub use source::{FIRST_YEAR, Source, Sums, sources};
pub use store::{DATABASE_BYTES_MAX, Store, StoreError};
pub use update::{BuildError, Built, BuiltFeed, FetchedFeed, Gone, KeptFeed, Progress, build, describe, fetch};
