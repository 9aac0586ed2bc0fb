//! The audit log: who did what to which resource, and proof that nobody rewrote it.
//!
//! A service calls [`record`] in the transaction of the change. Records get no number there, so that writers never queue
//! for the end of a chain. One [`Sealer`] among all hubs numbers them densely in the order of their ids, hashes each
//! into an RFC 6962 tree and signs the tree's head as a C2SP checkpoint. On PostgreSQL a lower id may become visible after
//! a higher one is sealed; it then gets a later number, and none is left out.
//!
//! [`verify`] recomputes all of it. What can be shown: any edit, deletion, swap or insertion among sealed records, a cut
//! tail while a head beyond it is known (in the database, the heads file, or an auditor's hands), and a history computed
//! anew with another key, or with the same key against a head that was kept elsewhere. What cannot: a change of a record
//! before it is sealed, which takes at most about a second.

mod denials;
mod encoding;
mod heads_file;
mod list;
mod record;
mod sealer;
mod verify;

pub use denials::{DENIALS_MAX, Denials};
pub use encoding::{ENCODING_VERSION, encode};
pub use heads_file::{HEADS_FILE_BYTES_MAX, read_heads_file};
pub use list::{Entry, Filter, LIST_MAX, Page, list};
pub use record::{
    ACTION_BYTES_MAX, ACTOR_BYTES_MAX, DETAIL_BYTES_MAX, Outcome, RESOURCE_BYTES_MAX, Record, UnknownOutcome, record,
};
pub use sealer::{SEAL_BATCH_MAX, SealError, Sealed, Sealer, SealerHandle, SealerNotifier, latest_head};
pub use verify::{KeptHead, PROBLEMS_MAX, Problem, Report, Verification, verify};

pub(crate) const STATEMENTS: &[&[db::Statement]] =
    &[denials::STATEMENTS, list::STATEMENTS, record::STATEMENTS, sealer::STATEMENTS, verify::STATEMENTS];
