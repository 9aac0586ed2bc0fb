//! The right edge of a tree: all that is needed to append to it without reading it.

use crate::hash::{Hash, node_hash};

/// The roots of the perfect subtrees that a tree consists of, largest first.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Frontier {
    size: u64,
    /// One hash for each bit set in `size`.
    hashes: Vec<Hash>,
}

/// Why bytes are not a [`Frontier`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum FrontierError {
    /// The first byte names a version that this program does not know.
    #[error("frontier version {version} is unknown")]
    Version {
        /// What the first byte says.
        version: u8,
    },
    /// Too short to hold the version and the size.
    #[error("frontier is cut short")]
    Short,
    /// The number of hashes is not the one that the size asks for.
    #[error("frontier of size {size} has {expected} hashes, not {actual_bytes} bytes of them")]
    Length {
        /// Number of leaves.
        size: u64,
        /// Hashes that such a tree has.
        expected: u32,
        /// Bytes found after the size.
        actual_bytes: usize,
    },
}

const VERSION: u8 = 1;
const HEADER_BYTES: usize = 9;

impl Frontier {
    /// Returns the frontier of the tree without leaves.
    pub fn new() -> Self {
        Self::default()
    }

    /// Returns the number of leaves.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// Adds the hash of the next leaf.
    pub fn append(&mut self, leaf: Hash) {
        let mut node = leaf;
        // Each trailing 1 of the size is a perfect subtree as large as the one that the new leaf completes.
        for _ in 0..self.size.trailing_ones() {
            let left = self.hashes.pop().expect("one hash a set bit of the size");
            node = node_hash(&left, &node);
        }
        self.hashes.push(node);
        self.size += 1;
    }

    /// Returns the root of the tree.
    pub fn root(&self) -> Hash {
        let mut hashes = self.hashes.iter().rev();
        let Some(last) = hashes.next() else { return Hash::empty_root() };
        hashes.fold(*last, |right, left| node_hash(left, &right))
    }

    /// Returns the stored form: a version byte, the size (big-endian) and the hashes.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(HEADER_BYTES + self.hashes.len() * Hash::BYTES);
        bytes.push(VERSION);
        bytes.extend_from_slice(&self.size.to_be_bytes());
        for hash in &self.hashes {
            bytes.extend_from_slice(hash.as_bytes());
        }
        bytes
    }

    /// Parses the stored form.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, FrontierError> {
        let (header, rest) = bytes.split_at_checked(HEADER_BYTES).ok_or(FrontierError::Short)?;
        if header[0] != VERSION {
            return Err(FrontierError::Version { version: header[0] });
        }
        let size = u64::from_be_bytes(header[1..].try_into().expect("the header is 1 + 8 bytes"));
        let (hashes, excess) = rest.as_chunks::<{ Hash::BYTES }>();
        let expected = size.count_ones();
        if !excess.is_empty() || u32::try_from(hashes.len()) != Ok(expected) {
            return Err(FrontierError::Length { size, expected, actual_bytes: rest.len() });
        }
        Ok(Self { size, hashes: hashes.iter().copied().map(Hash::new).collect() })
    }
}
