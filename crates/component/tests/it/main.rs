//! The crate's contract, as tables: what is refused first, then what is taken; then what others' vectors and programs say.

#![expect(clippy::unwrap_used, reason = "a test's functions fail the test")]

mod purl;
mod purl_vectors;
