//! Facts: what is known of a digest, who said it, and when.
//!
//! A [`Fact`] is one statement about the digest of a manifest or file. It is never changed: a newer fact with the same
//! [`Key`] takes its place, and [`holding`] tells which of several hold. Its [`FactId`] is the SHA-256 of a versioned
//! canonical encoding, so that the same statement has the same name everywhere.
//!
//! Not here: where facts are kept, who may state them, and what follows from them.
//!
//! # Invariants
//!
//! - A fact is its bytes: equal facts have equal ids on any machine, and an id is recomputed when a fact is read back.
//! - Of the facts with one key the newest holds, and one alone; at the same time the one with the greater id.
//! - An encoding that was once written is read for ever; each version has its golden files.

mod claim;
mod fact;

pub use claim::{Claim, Exempted, Sbom, Scan, Vex, VexTrust};
pub use fact::{DecodeError, Fact, FactId, Key, Scope, holding};
