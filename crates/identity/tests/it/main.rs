//! Tests of the public interface, by subject.

mod keyring;
mod master_key;
mod passwords;
mod secrets;
mod throttle;
mod tokens;
