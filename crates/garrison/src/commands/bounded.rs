//! Documents that are read whole, up to a limit.

use std::fs::File;
use std::io::{self, Read as _};

use crate::error::CommandError;

/// Reads a file, or standard input for `-`: at most the bytes that are looked at and one more, so that a larger one is seen to be.
pub(super) fn read(file: &str, bytes_max: usize) -> Result<Vec<u8>, CommandError> {
    let limit = bytes_max as u64 + 1;
    let mut bytes = Vec::new();
    let read = if file == "-" {
        io::stdin().lock().take(limit).read_to_end(&mut bytes)
    } else {
        File::open(file).and_then(|opened| opened.take(limit).read_to_end(&mut bytes))
    };
    read.map_err(|source| CommandError::environment(format!("failed to read `{file}`"), source))?;
    Ok(bytes)
}
