//! Feeds over a real server on loopback.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod server;
mod update;
