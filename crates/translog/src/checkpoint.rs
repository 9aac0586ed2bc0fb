//! The head of a log as text: C2SP `tlog-checkpoint`.

use std::{fmt, str::FromStr};

use crate::hash::Hash;

/// Longest accepted origin line. Origins are schema-less URLs; a host name alone has at most 253 bytes.
pub const ORIGIN_BYTES_MAX: usize = 512;

/// What a log's signer commits to: how many leaves there are, and their root.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checkpoint {
    origin: String,
    size: u64,
    root: Hash,
    extensions: Vec<String>,
}

/// Why text is not a [`Checkpoint`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CheckpointError {
    /// Empty, longer than [`ORIGIN_BYTES_MAX`], or with control characters.
    #[error("a checkpoint's origin is one line of 1 to {ORIGIN_BYTES_MAX} bytes")]
    Origin,
    /// The second line is not a decimal number without leading zeros.
    #[error("a checkpoint's second line is the number of leaves")]
    Size,
    /// The third line is not the root.
    #[error("a checkpoint's third line is the root hash in base64")]
    Root,
    /// An extension line is empty, or the last line does not end.
    #[error("a checkpoint is whole lines, none of them empty")]
    Lines,
}

impl Checkpoint {
    /// Returns the checkpoint of the log named `origin`.
    pub fn new(origin: &str, size: u64, root: Hash) -> Result<Self, CheckpointError> {
        check_origin(origin)?;
        Ok(Self { origin: origin.to_owned(), size, root, extensions: Vec::new() })
    }

    /// Parses the text of a note.
    pub fn parse(text: &str) -> Result<Self, CheckpointError> {
        let lines = text.strip_suffix('\n').ok_or(CheckpointError::Lines)?;
        let mut lines = lines.split('\n');
        let origin = lines.next().ok_or(CheckpointError::Origin)?;
        check_origin(origin)?;
        let size = parse_size(lines.next().ok_or(CheckpointError::Size)?)?;
        let root = Hash::from_str(lines.next().ok_or(CheckpointError::Root)?).map_err(|_| CheckpointError::Root)?;
        let extensions: Vec<String> = lines.map(str::to_owned).collect();
        if extensions.iter().any(String::is_empty) {
            return Err(CheckpointError::Lines);
        }
        Ok(Self { origin: origin.to_owned(), size, root, extensions })
    }

    /// Returns the name of the log.
    pub fn origin(&self) -> &str {
        &self.origin
    }

    /// Returns the number of leaves.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// Returns the root hash.
    pub fn root(&self) -> &Hash {
        &self.root
    }

    /// Returns the text that is signed; it ends with a line feed.
    pub fn body(&self) -> String {
        self.to_string()
    }
}

impl fmt::Display for Checkpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}\n{}\n{}", self.origin, self.size, self.root)?;
        self.extensions.iter().try_for_each(|line| writeln!(f, "{line}"))
    }
}

fn check_origin(origin: &str) -> Result<(), CheckpointError> {
    let fits = (1..=ORIGIN_BYTES_MAX).contains(&origin.len());
    if fits && !origin.contains(char::is_control) { Ok(()) } else { Err(CheckpointError::Origin) }
}

/// Only the one way to write a number: no sign, no leading zero.
fn parse_size(text: &str) -> Result<u64, CheckpointError> {
    let size: u64 = text.parse().map_err(|_| CheckpointError::Size)?;
    if size.to_string() == text { Ok(size) } else { Err(CheckpointError::Size) }
}
