//! Tests of what the crate promises to those who use it.
#![expect(clippy::unwrap_used, reason = "tests")]

mod cvss_vectors;
mod delta;
mod difference;
mod feeds;
mod file;
mod matching;
mod packed;
mod readers;
mod truth;
