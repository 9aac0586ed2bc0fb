//! The clients against sockets that give canned answers.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod canned;
mod feed;
mod hub;
mod registry;
