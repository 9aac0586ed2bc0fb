//! The registry: repositories, blobs, manifests, tags and referrers over a database and a blob store.
//!
//! It is the imperative shell of `/v2`: it sequences `db` and `blobs`, owns the transactions, writes the audit record of
//! each change in the same transaction and keeps the embedded caches. It is not an HTTP surface (`api` is), it decides
//! no permission (`access` does, asked by `api`) and it never looks inside a layer.
//!
//! Invariants:
//! - What was pushed is served back bit for bit; nothing is answered before its file, directory and transaction are
//!   synced.
//! - A blob or manifest is had only through a repository that holds it. Bytes are stored once for all repositories.
//! - Every change and the update of the caches runs in a task of its own, so a caller that goes away never leaves a
//!   change half-visible.
//! - A manifest's config and layers exist in its repository when it is accepted, and are not collected while it lives.
//! - No operation's cost grows with the number of tags, manifests or repositories it does not touch.

mod admission;
mod begun;
mod beside;
mod cache;
mod collect;
mod error;
mod fsck;
mod inventory;
mod jobs;
mod limits;
mod listing;
mod manifests;
mod orphans;
mod pull;
mod repositories;
mod statements;
mod tagged;
mod uploads;
mod usage;
mod writers;

pub use beside::{BESIDE, BesideOrder, RELATIVES_MAX, VexReferrer};
pub use collect::{Collected, CollectionFigures, CollectionStatus};
pub use error::Error;
pub use fsck::{Finding, Fsck};
pub use inventory::{HeldManifest, INVENTORY, InventoryOrder, OwnDocument, PRODUCER_ANNOTATION, TAGS_OF_HELD_MAX};
pub use jobs::{
    COLLECT, ERASE_REPOSITORY, EXPIRE_UPLOADS, FSCK, FsckOrder, FsckReport, OFFER_REFERRERS, SWEEP_ORPHANS,
};
pub use limits::*;
pub use listing::{ManifestSummary, Page, Referrers, RepositorySummary, TagSummary};
pub use manifests::{ManifestPush, PushedManifest, TagRule};
pub use pull::{BlobEntry, ManifestEntry};
pub use repositories::{Clock, Options, Registry, RepositoryId, SYSTEM};
pub use tagged::{TAGGED, TaggedOrder};
pub use uploads::{Body, UploadStatus, UploadTarget};

/// Returns every SQL statement of this crate, so that a test can prepare each on both databases.
pub fn statements() -> impl Iterator<Item = &'static db::Statement> {
    statements::STATEMENTS.iter()
}
