//! The transparency log's mathematics: Merkle tree hashing, proofs, checkpoints and signed notes.
//!
//! Formats: RFC 6962 section 2.1 and RFC 9162 section 2.1 (SHA-256 trees and proofs), C2SP `signed-note` and
//! `tlog-checkpoint` (heads).
//!
//! This crate is pure: bytes and values in, bytes and values out. It reads no clock, file, socket or database, and
//! it keeps no private key: a [`Signer`] is given the function that signs.
//!
//! Invariants:
//! - a [`Frontier`] holds one hash for each bit that is set in its size, largest subtree first;
//! - a proof is accepted only when all of it is used and it gives exactly the expected root;
//! - a [`Checkpoint`] and a [`Note`] that were parsed print the very bytes they were parsed from.

mod checkpoint;
mod frontier;
mod hash;
mod note;
mod proof;

pub use checkpoint::{Checkpoint, CheckpointError, ORIGIN_BYTES_MAX};
pub use frontier::{Frontier, FrontierError};
pub use hash::{Hash, HashError, leaf_hash, node_hash};
pub use note::{
    NAME_BYTES_MAX, NOTE_BYTES_MAX, Note, NoteError, NoteSignature, SIGNATURES_MAX, Signer, VerifierKey,
    VerifierKeyError,
};
pub use proof::{ProofError, consistency_proof, inclusion_proof, root, verify_consistency, verify_inclusion};
