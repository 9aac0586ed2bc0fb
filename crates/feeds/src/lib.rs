//! Where advisories come from and where databases lie: publishers' documents on this machine, and the files that this program
//! makes of them.
//!
//! This crate reads documents and hands them to `vulndb`'s readers; it knows no format of them. It keeps databases as files that
//! are never changed, and maps them into memory.
//!
//! Invariants:
//! - A database is in use only after every byte of it was read once and its digest is known; whatever fails before that
//!   leaves the one in use as it was.
//! - A running scan keeps the database that it began with.
//! - Nothing in an archive gets a name on disk; all work is bounded by named limits.

mod documents;
mod map;
mod store;

pub use documents::{ARCHIVE_BYTES_MAX, DOCUMENTS_MAX, DocumentError, read};
pub use map::Mapped;
pub use store::{DATABASE_BYTES_MAX, Store, StoreError};
