//! Records that services share: the sealed audit log and durable jobs.
//!
//! Both are written in the caller's transaction, so that a change, its audit record and the work that it causes are there
//! together or not at all.
//!
//! What services compute beside their requests runs on [threads that give way](aside) to those.
//!
//! This crate decides neither what is audited nor what jobs do; it makes no keys, reads no configuration and knows no
//! HTTP.
//!
//! Invariants:
//! - an audit record is never changed once it is written, except that sealing gives it its number;
//! - numbers are dense, start at 0 and are given by one sealer at a time; each signed head commits to all numbers below its
//!   size;
//! - at most one runner holds a job's lease by the database's clock, and nothing that a job writes through its
//!   [`jobs::Context`] commits without it;
//! - at most one job per kind and key is pending, and at most one is running.

pub mod aside;
pub mod audit;
pub mod jobs;
mod lease;

/// Returns every SQL statement of this crate, so that a test can prepare each on both databases.
pub fn statements() -> impl Iterator<Item = &'static db::Statement> {
    [audit::STATEMENTS, jobs::STATEMENTS, &[lease::STATEMENTS]].into_iter().flatten().copied().flatten()
}
