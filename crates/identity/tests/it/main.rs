//! Tests of the public interface, by subject.
#![expect(clippy::unwrap_used, reason = "the functions that tables share are tests too; a panic is their failure")]

mod keyring;
mod master_key;
mod passwords;
mod secrets;
mod throttle;
mod tokens;
