//! Tests of what the crate promises to those who use it.
#![expect(clippy::unwrap_used, reason = "tests")]

mod coverage;
mod documents;
mod imports;
