//! What a leaf of the log is the hash of. Version 1:
//!
//! | bytes | field |
//! |---|---|
//! | 1 | version |
//! | 8 | sequence, counted from 0 |
//! | 8 | id of the row |
//! | 8 | time recorded, microseconds since 1970-01-01 UTC |
//! | 8 | count |
//! | 4 + n each | actor, action, resource, outcome, detail: length and UTF-8 |
//!
//! Numbers are big-endian. A change of this format is a new version with golden files of its own.

use super::list::Entry;

/// The version that is written.
pub const ENCODING_VERSION: u8 = 1;

/// Returns the canonical bytes of the record as number `sequence` of the log.
pub fn encode(entry: &Entry, sequence: u64) -> Vec<u8> {
    let texts = [&entry.actor, &entry.action, &entry.resource, &entry.outcome, &entry.detail];
    let length = 33 + texts.iter().map(|text| 4 + text.len()).sum::<usize>();
    let mut bytes = Vec::with_capacity(length);
    bytes.push(ENCODING_VERSION);
    bytes.extend_from_slice(&sequence.to_be_bytes());
    bytes.extend_from_slice(&entry.id.to_be_bytes());
    bytes.extend_from_slice(&entry.recorded_at_us.to_be_bytes());
    bytes.extend_from_slice(&entry.count.to_be_bytes());
    for text in texts {
        // No column holds 4 GiB; a longer text could only collide with nothing, as its bytes follow.
        bytes.extend_from_slice(&u32::try_from(text.len()).unwrap_or(u32::MAX).to_be_bytes());
        bytes.extend_from_slice(text.as_bytes());
    }
    bytes
}
