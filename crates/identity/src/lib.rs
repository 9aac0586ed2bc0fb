//! Credentials: making them, checking them, and keeping keys at rest.
//!
//! This crate knows no database and no HTTP. It says whether a password, a secret or a token is genuine; who the account behind
//! it is and what that account may do are questions for other crates. Time is an argument wherever it matters.
//!
//! What always holds:
//! - **No secret is printed.** [`Secret`] and the key types show nothing in `Debug`, have no `Display`, are not serialized, and
//!   wipe their memory when dropped.
//! - **No secret is kept.** Passwords are stored as Argon2id hashes; robot, refresh and session secrets, which are random, as
//!   SHA-256. Comparisons take the same time wherever they fail.
//! - **No default exists.** Every key is made on first use by the operating system's generator.
//! - **Tokens are verified by known keys alone.** One algorithm, the keys of the [`Keyring`], one issuer and one audience; whatever
//!   else a token says of how to verify it makes it malformed.
//! - **Guessing is slow and bounded.** At most [`HASHES_AT_ONCE`] passwords are hashed at a time, a bounded number waits, and
//!   [`Throttle`] spaces out attempts within a fixed amount of memory.

mod keyring;
mod master_key;
mod passwords;
mod random;
mod secrets;
mod throttle;
mod tokens;

pub use keyring::{KEY_SIGNS_SECONDS, KEY_VERIFIES_AFTER_SECONDS, KeyError, KeyId, Keyring, KeyringKey, SigningKey};
pub use master_key::{MASTER_KEY_BYTES, MasterKey, MasterKeyError, MasterKeyId};
pub use passwords::{
    HASHES_AT_ONCE, HASHES_WAITING_MAX, PASSWORD_CHARS_MAX, PASSWORD_CHARS_MIN, PasswordError, PasswordHash, Passwords,
    generate_password,
};
pub use random::RandomnessError;
pub use secrets::{Secret, SecretDigest, SecretKind, sha256};
pub use throttle::{
    ACCOUNT_DELAY_MS_MAX, ACCOUNT_FAILURES_FREE, FORGET_AFTER_MS, SOURCE_DELAY_MS_MAX, SOURCE_FAILURES_FREE,
    THROTTLE_ENTRIES_MAX, Throttle, Throttled,
};
pub use tokens::{
    CLOCK_SKEW_SECONDS, SUBJECT_BYTES_MAX, Subject, TOKEN_BYTES_MAX, TOKEN_LIFETIME_SECONDS, Token, TokenError,
    TokenFingerprint, TokenIssuer, VerifiedToken,
};
