//! SHA-256 hashes of leaves and nodes: RFC 6962 section 2.1.

use std::{fmt, str::FromStr};

use aws_lc_rs::digest::{Context, SHA256, digest};
use base64::{Engine, engine::general_purpose::STANDARD};

/// A SHA-256 hash in the tree. Prints and parses as standard base64, as checkpoints have it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Hash([u8; Self::BYTES]);

/// Why bytes or text are not a tree hash.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum HashError {
    /// Not 32 bytes.
    #[error("a tree hash is 32 bytes, not {actual}")]
    Length {
        /// How many there are.
        actual: usize,
    },
    /// Not canonical standard base64.
    #[error("a tree hash is 32 bytes in padded standard base64")]
    Base64,
}

impl Hash {
    /// Length in bytes.
    pub const BYTES: usize = 32;

    /// Returns the hash that these bytes are.
    pub const fn new(bytes: [u8; Self::BYTES]) -> Self {
        Self(bytes)
    }

    /// Returns the root of a tree without leaves: the hash of nothing.
    pub fn empty_root() -> Self {
        Self::from_output(digest(&SHA256, b"").as_ref())
    }

    /// Returns the raw bytes.
    pub const fn as_bytes(&self) -> &[u8; Self::BYTES] {
        &self.0
    }

    fn from_output(output: &[u8]) -> Self {
        Self(output.try_into().expect("SHA-256 gives 32 bytes"))
    }
}

impl TryFrom<&[u8]> for Hash {
    type Error = HashError;

    fn try_from(bytes: &[u8]) -> Result<Self, HashError> {
        bytes.try_into().map(Self).map_err(|_| HashError::Length { actual: bytes.len() })
    }
}

impl fmt::Display for Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&STANDARD.encode(self.0))
    }
}

impl fmt::Debug for Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Hash({})", hex::encode(self.0))
    }
}

impl FromStr for Hash {
    type Err = HashError;

    fn from_str(text: &str) -> Result<Self, HashError> {
        let bytes = STANDARD.decode(text).map_err(|_| HashError::Base64)?;
        Self::try_from(bytes.as_slice())
    }
}

/// Returns the hash of a leaf: SHA-256 of `0x00` and its data.
pub fn leaf_hash(data: &[u8]) -> Hash {
    let mut context = Context::new(&SHA256);
    context.update(&[0]);
    context.update(data);
    Hash::from_output(context.finish().as_ref())
}

/// Returns the hash of an inner node: SHA-256 of `0x01` and its two children.
pub fn node_hash(left: &Hash, right: &Hash) -> Hash {
    let mut joined = [0; 1 + 2 * Hash::BYTES];
    joined[0] = 1;
    joined[1..=Hash::BYTES].copy_from_slice(&left.0);
    joined[1 + Hash::BYTES..].copy_from_slice(&right.0);
    Hash::from_output(digest(&SHA256, &joined).as_ref())
}
