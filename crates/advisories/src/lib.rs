//! The hub's database of advisories: fetched once a day, published to its clients as an OCI artifact, and the same on every replica.
//!
//! One replica fetches and builds (`feeds`), and publishes into a repository of the hub itself; every replica, that one too, follows
//! the repository's tag: it takes the database from the registry's blob into its own store and then tells whoever matches. What an
//! administrator brings from elsewhere takes the same way.
//!
//! Not here: what a feed is and when it is believed (`feeds`), what is affected (`pipeline`), who may ask (`api`).
//!
//! Invariants:
//! - A database is in use here only after every byte of it was checked and it has the digest that was published.
//! - Whatever fails, the last good database stays in use and published.
//! - Whoever matches is told of each database until it has said that it is done, of the first at every start.

mod artifact;
mod follow;
mod hub;
mod publish;
mod update;

pub use artifact::{
    ARTIFACT_TYPE, Artifact, ArtifactError, DATABASE_TYPE, DELTA_TYPE, DELTAS_MAX, PackedDatabase, PackedDelta,
    REPOSITORY, TAG,
};
pub use feeds::{Acceptance, Fewer};
pub use hub::{Advisories, Error, OnDatabase, Opened, Options, Status};
pub use publish::BROUGHT_BYTES_MAX;
pub use update::UPDATE;
