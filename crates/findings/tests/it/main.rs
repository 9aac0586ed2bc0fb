//! Tests of what the crate promises to those who use it.
#![expect(clippy::unwrap_used, reason = "tests")]

mod condition;
mod decision;
mod explanation;
mod fixture;
mod outputs;
mod own;
mod report;
mod round_trip;
mod unchecked;
mod upgrade;
