//! Sums that publishers state of their documents.

use std::fs::File;
use std::io::{self, BufReader, Read};
use std::path::Path;

use aws_lc_rs::digest::{Context, SHA256};
use flate2::bufread::MultiGzDecoder;
use outbound::Sum;

use crate::documents::ARCHIVE_BYTES_MAX;

const COPY_BYTES: usize = 1 << 20;

/// Whether a file has the sum that its publisher states.
pub(crate) fn has_sum(path: &Path, sum: Sum) -> io::Result<bool> {
    match sum {
        Sum::Crc32c(expected) => {
            let mut crc = u32::MAX;
            each(File::open(path)?, |bytes| crc = crc32c(crc, bytes))?;
            Ok(!crc == expected)
        }
        Sum::Sha256(expected) => Ok(sha256(File::open(path)?)? == expected),
    }
}

/// Returns the SHA-256 of what a gzip holds.
pub(crate) fn sha256_unpacked(path: &Path) -> io::Result<[u8; 32]> {
    let file = BufReader::new(File::open(path)?);
    sha256(MultiGzDecoder::new(file).take(ARCHIVE_BYTES_MAX))
}

/// Reads NVD's `.meta`: lines of a key, a colon and a value, among them `sha256`.
pub(crate) fn sha256_of_meta(text: &str) -> Option<[u8; 32]> {
    let stated = text.lines().find_map(|line| line.trim().strip_prefix("sha256:"))?;
    hex::decode(stated.trim()).ok()?.try_into().ok()
}

fn sha256(stream: impl Read) -> io::Result<[u8; 32]> {
    let mut context = Context::new(&SHA256);
    each(stream, |bytes| context.update(bytes))?;
    let mut sum = [0; 32];
    sum.copy_from_slice(context.finish().as_ref());
    Ok(sum)
}

fn each(mut stream: impl Read, mut take: impl FnMut(&[u8])) -> io::Result<()> {
    let mut buffer = vec![0; COPY_BYTES];
    loop {
        match stream.read(&mut buffer) {
            Ok(0) => return Ok(()),
            Ok(count) => take(&buffer[..count]),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}

/// The polynomial of Castagnoli, its bits reversed (RFC 3720, "CRC32C").
const POLYNOMIAL: u32 = 0x82f6_3b78;

static TABLE: [u32; 256] = table();

const fn table() -> [u32; 256] {
    let mut table = [0; 256];
    let mut byte = 0_u32;
    while byte < 256 {
        let mut crc = byte;
        let mut bit = 0;
        while bit < 8 {
            crc = if crc & 1 == 1 { crc >> 1 ^ POLYNOMIAL } else { crc >> 1 };
            bit += 1;
        }
        table[byte as usize] = crc;
        byte += 1;
    }
    table
}

fn crc32c(crc: u32, bytes: &[u8]) -> u32 {
    bytes.iter().fold(crc, |crc, byte| crc >> 8 ^ TABLE[usize::from(crc.to_le_bytes()[0] ^ byte)])
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 3720, "CRC Examples".
    #[test]
    fn crc32c_is_that_of_its_specification() {
        let ascending: Vec<u8> = (0..32).collect();
        for (bytes, expected) in [
            (&b""[..], 0),
            (b"123456789", 0xe306_9283),
            (&[0; 32], 0x8a91_36aa),
            (&[0xff; 32], 0x62a8_ab43),
            (&ascending, 0x46dd_794e),
        ] {
            assert_eq!(!crc32c(u32::MAX, bytes), expected);
        }
    }

    #[test]
    fn a_meta_states_its_sum_or_nothing() {
        let hex = "ab".repeat(32);
        let meta = format!("lastModifiedDate:2026-11-28T03:00:00-05:00\r\nsize:1\r\nsha256:{}\r\n", hex.to_uppercase());
        assert_eq!(sha256_of_meta(&meta), Some([0xab; 32]));
        for meta in ["", "sha256:", "sha256:abcd", "<html>"] {
            assert_eq!(sha256_of_meta(meta), None, "{meta}");
        }
    }
}
