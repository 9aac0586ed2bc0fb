//! Tests of what the crate promises to those who use it.
#![expect(clippy::unwrap_used, reason = "tests")]

mod csaf_validator;
mod decides;
mod documents;
mod handed_on;
mod matching;
mod precedence;
mod refusals;
mod schema;
