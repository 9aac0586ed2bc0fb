//! Tests of what the crate promises to those who use it.
#![expect(clippy::unwrap_used, reason = "tests")]

mod condition;
mod explanation;
mod fixture;
mod outputs;
mod report;
mod upgrade;
