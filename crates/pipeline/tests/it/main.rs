//! The contract of inventories in the hub, on both databases.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on stops")]

mod beside;
mod exceptions;
mod find;
mod findings;
mod make;
mod others;
mod refused;
mod statements;
mod support;
