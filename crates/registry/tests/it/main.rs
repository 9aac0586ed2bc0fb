//! The contract of the registry, on both databases.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on stops")]

mod regressions;
mod statements;
mod support;
