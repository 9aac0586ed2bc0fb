//! What is known to be wrong with software: advisories of many publishers, read into one form.
//!
//! This crate is pure: bytes and values in, values or typed refusals out. It fetches nothing, opens no file, reads no clock,
//! and knows neither images nor inventories' formats; what it matches are [`component::Component`]s.
//!
//! Invariants, which everything above relies on:
//! - A record means what its publisher means by it: ranges are kept as they were stated, and nothing is guessed where a
//!   record is silent.
//! - What a reader does not understand is counted by reason, never passed over in silence; one bad record costs no other.
//! - Same records, same bytes, in whatever order they came.
//! - All work and memory are bounded by named limits, whatever is sent.

mod advisory;
mod age;
mod asked;
mod cpe;
pub mod cvss;
mod delta;
mod difference;
pub mod ecosystem;
pub mod file;
mod interval;
pub mod lifecycle;
pub mod matching;
mod naming;
mod reader;
mod records;
mod requirement;
mod slip;
mod surroundings;
mod wording;
mod yaml;

pub use advisory::{
    Advisory, Affected, Channel, Fix, Level, Named, Nature, Qualifiers, Rating, Reference, Severity, Symbols, Time,
    Verdict,
};
pub use age::{AHEAD_SECONDS_MAX, Lacking, Older, believed, is_older, lacks, newest};
pub use asked::Asked;
pub use delta::{DELTA_BYTES_MAX, DELTA_VERSION, Delta, DeltaError, apply_delta, make_delta};
pub use difference::{
    Change, ChangedAdvisory, ChangedExploitation, changed_advisories, changed_exploitation, changed_packages,
};
pub use ecosystem::{Ecosystem, Family};
pub use interval::{End, Interval, Start};
pub use reader::{Document, Reader};
pub use records::{Exploited, Probability, Problem, Records};

#[allow(missing_docs, reason = "made from the folder of readers")]
mod all {
    include!(concat!(env!("OUT_DIR"), "/readers.rs"));
}

/// Returns every reader, in the order of their names.
pub fn readers() -> &'static [Reader] {
    all::ALL
}
