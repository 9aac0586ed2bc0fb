use std::io::{Read as _, Write as _};

use crate::LayerRecord;

/// The version of a stored record's form. Raised with each change of what [`LayerRecord`] holds, so that older ones are made anew.
pub const RECORD_VERSION: u16 = 6;

/// What a stored record begins with, before its version.
const MAGIC: &[u8; 6] = b"garlay";

/// The digest at the end.
const DIGEST_BYTES: usize = 32;

/// Fast: what is saved is time.
const ZSTD_LEVEL: i32 = 1;

/// The most bytes of a record once decompressed: names, entries and what is kept, at their limits, are below it.
const RECORD_BYTES_MAX: u64 = 4 << 30;

impl LayerRecord {
    /// Returns the record as bytes that can be kept: the same record, the same bytes.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = [MAGIC.as_slice(), &RECORD_VERSION.to_le_bytes()].concat();
        let written = zstd::stream::write::Encoder::new(&mut bytes, ZSTD_LEVEL)
            .and_then(|encoder| postcard::to_io(self, encoder).map_err(std::io::Error::other))
            .and_then(|encoder| encoder.finish().map(drop));
        debug_assert!(written.is_ok(), "memory takes all bytes, and a record has nothing that cannot be written");
        let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, &bytes);
        // Infallible: memory takes all bytes.
        let _ = bytes.write_all(digest.as_ref());
        bytes
    }

    /// Reads what [`LayerRecord::to_bytes`] returned; `None` for anything else: damaged, cut, or of another version.
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let (bytes, stated) = bytes.split_at_checked(bytes.len().checked_sub(DIGEST_BYTES)?)?;
        let body = bytes.strip_prefix(MAGIC)?.strip_prefix(&RECORD_VERSION.to_le_bytes())?;
        let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, bytes);
        if digest.as_ref() != stated {
            return None;
        }
        let mut record = Vec::new();
        let decoder = zstd::stream::read::Decoder::with_buffer(body).ok()?;
        decoder.take(RECORD_BYTES_MAX).read_to_end(&mut record).ok()?;
        let (record, rest) = postcard::take_from_bytes::<Self>(&record).ok()?;
        rest.is_empty().then_some(record)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Allowance, FileKind, LayerBuilder, Matcher, catalogers};

    fn record() -> LayerRecord {
        let matcher = Matcher::new(catalogers().iter().collect());
        let allowance = Allowance::new(|| Err(std::io::ErrorKind::Unsupported.into()));
        let mut builder = LayerBuilder::new(&matcher, &allowance);
        let release: &[u8] = b"ID=debian\n";
        builder.add("usr", FileKind::Directory, 0o755, None).unwrap();
        builder.add_file("etc/os-release", 0o644, release.len() as u64, &mut { release }).unwrap();
        builder.add("etc/link", FileKind::Symlink, 0o777, Some("os-release")).unwrap();
        builder.report("etc/shadow", "cannot be read");
        builder.finish()
    }

    #[test]
    fn a_record_comes_back_as_it_was() {
        let bytes = record().to_bytes();
        assert_eq!(bytes, record().to_bytes());
        let back = LayerRecord::from_bytes(&bytes).unwrap();
        assert_eq!(back.to_bytes(), bytes);
        assert_eq!((back.len(), back.kept_bytes()), (3, 10));
    }

    /// A change of this digest without one of [`RECORD_VERSION`] would make old records mean something else.
    #[test]
    fn the_form_is_that_of_its_version() {
        let record = postcard::to_allocvec(&record()).unwrap();
        let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, &record);
        insta::assert_snapshot!(format!("{RECORD_VERSION} {}", hex::encode(digest)), @"6 396cee548e8dd742da5c11aa26669734ccd0471c20dc453422110421253aa2df");
    }

    #[test]
    fn what_is_damaged_is_none() {
        let whole = record().to_bytes();
        assert!(LayerRecord::from_bytes(&[]).is_none());
        for length in 0..whole.len() {
            assert!(LayerRecord::from_bytes(&whole[..length]).is_none(), "cut at {length}");
        }
        for at in 0..whole.len() {
            let mut damaged = whole.clone();
            damaged[at] ^= 1;
            assert!(LayerRecord::from_bytes(&damaged).is_none(), "byte {at}");
        }
        // As if someone had meant it: another version with a digest that agrees.
        let mut other = whole[..whole.len() - DIGEST_BYTES].to_vec();
        other[MAGIC.len()] += 1;
        let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, &other);
        other.extend(digest.as_ref());
        assert!(LayerRecord::from_bytes(&other).is_none());
    }
}
