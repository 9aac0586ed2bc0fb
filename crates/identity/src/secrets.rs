//! Random secrets of robots, sessions and refresh tokens.
//!
//! A secret is a prefix that names its kind (so that it is found where it should not be), 256 random bits, and a checksum (so that
//! a mistyped or invented one is refused without a look-up). Lower-case hexadecimal needs no quoting anywhere.

use std::fmt;

use aws_lc_rs::{constant_time, digest};
use serde::Deserialize;
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

use crate::random::{self, RandomnessError};

const RANDOM_BYTES: usize = 32;
const CHECKSUM_BYTES: usize = 4;

/// Returns the SHA-256 of the bytes.
pub fn sha256(bytes: &[u8]) -> [u8; 32] {
    let mut hash = [0; 32];
    hash.copy_from_slice(digest::digest(&digest::SHA256, bytes).as_ref());
    hash
}

/// Text that must not be seen: a password, a secret, a token. It is read with [`expose`](Secret::expose) alone.
#[derive(Clone, Zeroize, ZeroizeOnDrop, Deserialize)]
#[serde(transparent)]
pub struct Secret(String);

impl Secret {
    /// Takes the text in.
    pub const fn new(text: String) -> Self {
        Self(text)
    }

    /// Returns the text. Each call is a place where it may leak.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl From<String> for Secret {
    fn from(text: String) -> Self {
        Self(text)
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(..)")
    }
}

/// What a random secret is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum SecretKind {
    /// A robot's secret, used as its password.
    Robot,
    /// An `OAuth2` refresh token.
    Refresh,
    /// A browser session's cookie.
    Session,
}

impl SecretKind {
    /// Every kind.
    pub const ALL: [Self; 3] = [Self::Robot, Self::Refresh, Self::Session];

    /// Returns what secrets of this kind begin with.
    pub const fn prefix(self) -> &'static str {
        match self {
            Self::Robot => "grt_",
            Self::Refresh => "grr_",
            Self::Session => "grs_",
        }
    }

    /// Makes a new secret.
    pub fn generate(self) -> Result<Secret, RandomnessError> {
        let random = Zeroizing::new(random::bytes::<RANDOM_BYTES>()?);
        let mut text = String::with_capacity(4 + 2 * (RANDOM_BYTES + CHECKSUM_BYTES));
        text.push_str(self.prefix());
        text.push_str(&Zeroizing::new(hex::encode(random.as_slice())));
        let checksum = checksum(&text);
        text.push_str(&checksum);
        Ok(Secret(text))
    }

    /// Returns what a well-formed secret of this kind is stored and found by; none for any other text.
    pub fn digest(self, text: &str) -> Option<SecretDigest> {
        let body = text.strip_prefix(self.prefix())?;
        let is_hex = |byte: u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
        if body.len() != 2 * (RANDOM_BYTES + CHECKSUM_BYTES) || !body.bytes().all(is_hex) {
            return None;
        }
        let (payload, given) = text.split_at(text.len() - 2 * CHECKSUM_BYTES);
        (checksum(payload) == given).then(|| SecretDigest(sha256(text.as_bytes())))
    }
}

// The checksum finds slips of the pen; it is public knowledge and keeps no attacker out.
fn checksum(payload: &str) -> String {
    hex::encode(&sha256(payload.as_bytes())[..CHECKSUM_BYTES])
}

/// The SHA-256 of a secret: what is stored. A random secret of 256 bits needs no slow hash, and pulls cannot wait for one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct SecretDigest([u8; 32]);

impl SecretDigest {
    /// Returns the hash.
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// Compares with a stored hash, in the same time wherever they differ.
    pub fn matches(&self, stored: &[u8]) -> bool {
        constant_time::verify_slices_are_equal(&self.0, stored).is_ok()
    }
}
