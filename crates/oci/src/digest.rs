//! Content digests, as in the OCI image specification, "Digests".

use std::fmt;
use std::str::FromStr;

use serde::de::{self, Deserialize, Deserializer, Visitor};
use serde::ser::{Serialize, Serializer};

use crate::tag::Tag;

const HASH_LENGTH_MAX: usize = 64;
const SHORT_BYTES: usize = 6;
const HEX: &[u8; 16] = b"0123456789abcdef";

/// A hash algorithm that the registry computes and verifies.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Algorithm {
    /// SHA-256, which every client knows.
    Sha256,
    /// SHA-512.
    Sha512,
}

impl Algorithm {
    /// Every algorithm there is.
    pub const ALL: [Self; 2] = [Self::Sha256, Self::Sha512];

    /// Returns the name that stands before the colon of a digest.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Sha256 => "sha256",
            Self::Sha512 => "sha512",
        }
    }

    /// Returns the length of a hash in bytes.
    pub const fn hash_length(self) -> usize {
        match self {
            Self::Sha256 => 32,
            Self::Sha512 => 64,
        }
    }

    const fn code(self) -> u8 {
        match self {
            Self::Sha256 => 1,
            Self::Sha512 => 2,
        }
    }
}

impl fmt::Display for Algorithm {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.name())
    }
}

impl FromStr for Algorithm {
    type Err = DigestError;

    fn from_str(text: &str) -> Result<Self, DigestError> {
        Self::ALL.into_iter().find(|algorithm| algorithm.name() == text).ok_or(DigestError::UnknownAlgorithm)
    }
}

/// The algorithm and the hash of some content; 65 bytes, compared in the order of its text.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Digest {
    algorithm: Algorithm,
    // Padded with zeros after `algorithm.hash_length()`, so that derived comparisons see only the hash.
    hash: [u8; HASH_LENGTH_MAX],
}

/// Why a text or bytes are not a digest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DigestError {
    /// There is no colon, so no algorithm is named.
    #[error("a digest is an algorithm, a colon and a hash; there is no colon")]
    NoAlgorithm,
    /// The algorithm is not one that the registry computes.
    #[error("the digest's algorithm is not one of sha256, sha512")]
    UnknownAlgorithm,
    /// The hash is too short or too long for its algorithm.
    #[error("a {algorithm} hash is {expected} characters, this one is {actual}")]
    WrongLength {
        /// The algorithm that was named.
        algorithm: Algorithm,
        /// The length of its hashes in hexadecimal.
        expected: usize,
        /// The length of what was sent, in bytes.
        actual: usize,
    },
    /// The hash holds a character other than `0-9a-f`.
    #[error("a digest's hash is written in lower-case hexadecimal")]
    NotLowerHex,
    /// Stored bytes do not have the form that [`Digest::to_bytes`] gives.
    #[error("stored bytes are not a digest")]
    BadBytes,
}

impl Digest {
    /// Returns the digest with this hash; `None` if the length is not the algorithm's.
    pub fn new(algorithm: Algorithm, hash: &[u8]) -> Option<Self> {
        if hash.len() != algorithm.hash_length() {
            return None;
        }
        let mut padded = [0; HASH_LENGTH_MAX];
        padded[..hash.len()].copy_from_slice(hash);
        Some(Self { algorithm, hash: padded })
    }

    /// Returns the algorithm.
    pub const fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    /// Returns the raw hash, 32 or 64 bytes.
    pub fn hash(&self) -> &[u8] {
        &self.hash[..self.algorithm.hash_length()]
    }

    /// Returns the hash in lower-case hexadecimal, without the algorithm.
    pub fn hex(&self) -> String {
        to_hex(self.hash())
    }

    /// Returns the first twelve hexadecimal digits, for people; never for lookups.
    pub fn short(&self) -> String {
        to_hex(&self.hash[..SHORT_BYTES])
    }

    /// Returns the stored form: one byte for the algorithm (1 SHA-256, 2 SHA-512), then the hash.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(1 + self.algorithm.hash_length());
        bytes.push(self.algorithm.code());
        bytes.extend_from_slice(self.hash());
        bytes
    }

    /// Reads the stored form that [`Digest::to_bytes`] gives.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, DigestError> {
        let (code, hash) = bytes.split_first().ok_or(DigestError::BadBytes)?;
        let algorithm =
            Algorithm::ALL.into_iter().find(|algorithm| algorithm.code() == *code).ok_or(DigestError::BadBytes)?;
        Self::new(algorithm, hash).ok_or(DigestError::BadBytes)
    }

    /// Returns the tag under which clients keep the list of referrers where a registry has no referrers endpoint
    /// (OCI distribution 1.1, "Referrers Tag Schema").
    pub fn referrers_tag(&self) -> Tag {
        const ENCODED_LENGTH_MAX: usize = 64;
        let mut text = self.hex();
        text.truncate(ENCODED_LENGTH_MAX);
        Tag::from_valid(format!("{}-{text}", self.algorithm))
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}:{}", self.algorithm, self.hex())
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, formatter)
    }
}

impl FromStr for Digest {
    type Err = DigestError;

    fn from_str(text: &str) -> Result<Self, DigestError> {
        let (algorithm, encoded) = text.split_once(':').ok_or(DigestError::NoAlgorithm)?;
        let algorithm: Algorithm = algorithm.parse()?;
        let expected = algorithm.hash_length() * 2;
        if encoded.len() != expected {
            return Err(DigestError::WrongLength { algorithm, expected, actual: encoded.len() });
        }
        let mut hash = [0; HASH_LENGTH_MAX];
        for (byte, pair) in hash.iter_mut().zip(encoded.as_bytes().chunks_exact(2)) {
            *byte = from_lower_hex(pair[0])? << 4 | from_lower_hex(pair[1])?;
        }
        Ok(Self { algorithm, hash })
    }
}

impl Serialize for Digest {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Digest {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct DigestVisitor;
        impl Visitor<'_> for DigestVisitor {
            type Value = Digest;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("a digest such as sha256:<64 lower-case hexadecimal digits>")
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<Digest, E> {
                text.parse().map_err(E::custom)
            }
        }
        deserializer.deserialize_str(DigestVisitor)
    }
}

fn from_lower_hex(digit: u8) -> Result<u8, DigestError> {
    match digit {
        b'0'..=b'9' => Ok(digit - b'0'),
        b'a'..=b'f' => Ok(digit - b'a' + 10),
        _ => Err(DigestError::NotLowerHex),
    }
}

fn to_hex(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len() * 2);
    for byte in bytes {
        text.push(char::from(HEX[usize::from(byte >> 4)]));
        text.push(char::from(HEX[usize::from(byte & 0xf)]));
    }
    text
}
