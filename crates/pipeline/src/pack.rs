//! How records are kept: a version byte, the length, and postcard in zstd. They are read back by this program alone, from its
//! own database; what does not read is made again.

use std::io::{self, BufWriter, Write};

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

/// Raised with each change of a type that is packed; one whose changes should leave the others readable has a number of its own.
const VERSION: u8 = 1;

/// What a packed record may take unpacked: the largest layer keeps 512 MiB.
const UNPACKED_BYTES_MAX: usize = 1 << 30;

/// Fast to write, and a fifth of the size.
const LEVEL: i32 = 3;

/// What is packed at once.
const CHUNK_BYTES: usize = 128 << 10;

/// Packs a value, without having it whole in between: a large inventory is megabytes.
pub(crate) fn pack<T: Serialize>(value: &T) -> Option<Vec<u8>> {
    pack_as(VERSION, value)
}

/// As [`pack`], by a number that tells the type with its version from all others.
pub(crate) fn pack_as<T: Serialize>(version: u8, value: &T) -> Option<Vec<u8>> {
    let head = [version, 0, 0, 0, 0];
    let encoder = zstd::stream::write::Encoder::new(head.to_vec(), LEVEL).ok()?;
    let counted = Counted { encoder, bytes: 0 };
    let chunked = postcard::to_io(value, BufWriter::with_capacity(CHUNK_BYTES, counted)).ok()?;
    let Counted { encoder, bytes } = chunked.into_inner().ok()?;
    let mut packed = encoder.finish().ok()?;
    packed[1..head.len()].copy_from_slice(&u32::try_from(bytes).ok()?.to_le_bytes());
    Some(packed)
}

/// Counts what goes into an encoder.
struct Counted {
    encoder: zstd::stream::write::Encoder<'static, Vec<u8>>,
    bytes: usize,
}

impl Write for Counted {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let taken = self.encoder.write(bytes)?;
        self.bytes += taken;
        Ok(taken)
    }

    fn flush(&mut self) -> io::Result<()> {
        // What is flushed early is packed worse; `finish` writes the rest.
        Ok(())
    }
}

/// About what a packed inventory takes in memory: its texts are short, and each has a place of its own.
pub(crate) fn unpacked_bytes(packed: &[u8]) -> u64 {
    const MEMORY_PER_BYTE: u64 = 4;
    match packed.first_chunk::<5>() {
        Some([_, length @ ..]) => u64::from(u32::from_le_bytes(*length)) * MEMORY_PER_BYTE,
        None => 0,
    }
}

/// Unpacks a value; none when it was packed by another version or is damaged.
pub(crate) fn unpack<T: DeserializeOwned>(packed: &[u8]) -> Option<T> {
    postcard::from_bytes(Unpacker::new()?.plain(VERSION, packed)?).ok()
}

/// Unpacks many small values: what zstd needs for one, more than such a value takes, is made once.
pub(crate) struct Unpacker {
    decompressor: zstd::bulk::Decompressor<'static>,
    plain: Vec<u8>,
}

impl Unpacker {
    /// Makes one; none where there is no memory for it.
    pub(crate) fn new() -> Option<Self> {
        Some(Self { decompressor: zstd::bulk::Decompressor::new().ok()?, plain: Vec::new() })
    }

    /// Unpacks what [`pack_as`] packed by the same number; the value may borrow what was unpacked.
    pub(crate) fn unpack_as<'u, T: Deserialize<'u>>(&'u mut self, version: u8, packed: &[u8]) -> Option<T> {
        postcard::from_bytes(self.plain(version, packed)?).ok()
    }

    fn plain(&mut self, version: u8, packed: &[u8]) -> Option<&[u8]> {
        let (&[actual, ref length @ ..], body) = packed.split_first_chunk::<5>()?;
        if actual != version {
            return None;
        }
        let length =
            usize::try_from(u32::from_le_bytes(*length)).ok().filter(|length| *length <= UNPACKED_BYTES_MAX)?;
        self.plain.clear();
        self.plain.try_reserve(length).ok()?;
        self.decompressor.decompress_to_buffer(body, &mut self.plain).ok()?;
        Some(&self.plain)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_packed_unpacks_and_nothing_else_does() {
        let value = vec![("a".repeat(1000), 7_u32), (String::new(), 0)];
        let packed = pack(&value).unwrap();
        assert!(packed.len() < 100);
        assert_eq!(unpack::<Vec<(String, u32)>>(&packed), Some(value));
        let newer = [&[VERSION + 1], &packed[1..]].concat();
        let larger = [&[VERSION], &u32::MAX.to_le_bytes()[..], &packed[5..]].concat();
        for damaged in [&b""[..], &packed[..4], &packed[..packed.len() - 1], &newer, &larger] {
            assert_eq!(unpack::<Vec<(String, u32)>>(damaged), None);
        }
    }
}
