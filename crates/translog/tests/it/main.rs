//! Tests of the crate's surface.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on stops")]

mod note;
mod tree;
mod vectors;
