//! An owner's dated, reasoned decisions that findings do not count here: exceptions, from one document, and from what other scanners call
//! ignore rules. And whose VEX counts, from another.
//!
//! This crate is pure: bytes and values in, values or typed refusals out. It opens no file and reads no clock; it finds nothing, and knows
//! neither databases of advisories nor what a repository is beyond its name.
//!
//! Invariants, which everything above relies on:
//! - An exception has an owner, a reason and an end, and counts from the one moment to the other only.
//! - A document is understood whole or refused, with the line at fault: a mistyped condition never makes an exception wider.
//! - What is imported is never wider than it was, unless that is told.
//! - All work and memory are bounded by named limits, whatever is sent.

mod document;
mod exception;
pub mod import;
mod moment;
mod trust;
mod versions;
mod write;
mod yaml;

pub use document::{
    DOCUMENT_BYTES_MAX, EXCEPTIONS_MAX, LIFETIME_DAYS_MAX, Mistake, PATTERNS_MAX, ReadError, TEXT_BYTES_MAX,
};
pub use exception::{Condition, Exception, Exceptions, Fix, Question};
pub use moment::{Time, parse_moment, write_moment};
pub use trust::{TRUST_BYTES_MAX, TRUST_LEVELS_MAX, VexTrust};
pub use versions::{Versions, VersionsError};
