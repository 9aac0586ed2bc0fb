//! CycloneDX JSON: written in 1.4, 1.5 and 1.6 (ECMA-424), read in 1.2 to 1.7.

mod read;
mod strict;
mod write;

pub(super) use read::read;
pub(super) use write::write;

/// The reference of the subject in documents of ours; components' begin with `pkg:` or hold a colon.
const SUBJECT_REFERENCE: &str = "subject";

/// The reference of the operating system.
const DISTRIBUTION_REFERENCE: &str = "distribution";
