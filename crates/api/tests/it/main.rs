//! The whole surface in process: a router over a real registry, real accounts and a real database, on both databases.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on stops")]

mod answers;
mod attacks;
mod errors;
mod hub;
mod openapi;
mod token;
mod traps;
mod walk;
