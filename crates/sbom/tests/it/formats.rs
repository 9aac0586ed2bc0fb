//! Documents: what is written is valid, comes back, and what others wrote is read.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on stops")]

mod generate;
mod limits;
mod others;
mod round_trip;
mod validity;
