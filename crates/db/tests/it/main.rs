//! The contract of the database, on both.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on stops")]

mod faults;
mod migrations;
mod postgres;
mod sqlite;
mod statements;
mod support;
mod transactions;
