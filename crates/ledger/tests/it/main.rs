//! The contract of the audit log and of jobs, on both databases.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on stops")]

mod audit;
mod denials;
mod faults;
mod jobs;
mod statements;
mod support;
mod verify;
