//! The contract of accounts, projects and keys, on both databases.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on stops")]

mod cache;
mod credentials;
mod faults;
mod keys;
mod projects;
mod robots;
mod statements;
mod users;
mod world;
