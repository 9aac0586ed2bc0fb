//! The words for what software is made of: package URLs, ecosystems, and the order of versions in each.
//!
//! This crate is pure: text and values in, values or typed refusals out. It does no input or output, reads no clock, knows
//! no file format and no advisory, and decides nothing about what is vulnerable.
//!
//! Invariants, which everything above relies on:
//! - A [`Purl`] is in canonical form: whatever spelling it came in, the same package is the same value and the same text.
//! - All work and memory are bounded by named limits, whatever is sent.

pub mod purl;

pub use purl::{Purl, PurlBuilder, PurlError, PurlType, TypeViolation};
