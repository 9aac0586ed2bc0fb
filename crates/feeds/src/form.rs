//! The forms in which a database is brought: the file as it is, packed, or either of them compressed by zstd.

use std::io::{self, BufReader, BufWriter, Cursor, Read, Write};

use vulndb::file::{Database, PackedError, is_packed, pack, unpack};

/// What zstd begins with (RFC 8878, section 3.1.1).
const ZSTD_MAGIC: [u8; 4] = [0x28, 0xb5, 0x2f, 0xfd];

/// What a form is told by.
pub(crate) const HEAD_BYTES: u64 = 8;

/// How far back what is alike is found: 128 MiB, the most that a reader of zstd takes unasked.
const WINDOW_BITS: u32 = 27;

const COPY_BYTES: usize = 1 << 20;

/// Why no database comes of what was brought.
#[derive(Debug, thiserror::Error)]
pub enum FormError {
    /// It is larger than any that is taken.
    #[error("it is larger than {limit} bytes")]
    TooLarge {
        /// The limit.
        limit: u64,
    },
    /// It is packed, and not believed.
    #[error(transparent)]
    Packed(PackedError),
    /// It is compressed, and cannot be decompressed.
    #[error("it cannot be decompressed")]
    Compressed(#[source] io::Error),
    /// It cannot be read, or what comes of it not be written.
    #[error("it cannot be read, or what comes of it not be written")]
    Io(#[source] io::Error),
}

/// Writes the file of a database that is brought in any form. Nothing of it is checked that its digest and its sums tell.
pub fn unpack_any(from: impl Read, to: &mut impl Write, bytes_max: u64) -> Result<(), FormError> {
    let mut to = BufWriter::with_capacity(COPY_BYTES, to);
    let (head, from) = begin(from).map_err(FormError::Io)?;
    let brought = Cursor::new(head.clone()).chain(from);
    if head.starts_with(&ZSTD_MAGIC) {
        let (head, from) = zstd::Decoder::new(brought).and_then(begin).map_err(FormError::Compressed)?;
        let decompressed = Cursor::new(head.clone()).chain(from);
        // What the system refuses is no fault of the bytes.
        write(&head, decompressed, &mut to, bytes_max).map_err(|error| match error {
            FormError::Io(error) if error.raw_os_error().is_none() => FormError::Compressed(error),
            FormError::Packed(PackedError::Truncated) => FormError::Compressed(io::ErrorKind::UnexpectedEof.into()),
            error => error,
        })?;
    } else {
        write(&head, brought, &mut to, bytes_max)?;
    }
    to.flush().map_err(FormError::Io)
}

/// Tells by the first bytes of a file whether a database has to be unpacked out of it.
pub(crate) fn is_to_unpack(head: &[u8]) -> bool {
    head.starts_with(&ZSTD_MAGIC) || is_packed(head)
}

/// Packs a database and compresses that by zstd.
pub fn compress_packed<B: AsRef<[u8]>>(database: &Database<B>, level: i32) -> Result<Vec<u8>, FormError> {
    let mut encoder = zstd::Encoder::new(Vec::new(), level).map_err(FormError::Io)?;
    let set = encoder.window_log(WINDOW_BITS).and_then(|()| encoder.long_distance_matching(true));
    set.map_err(FormError::Io)?;
    pack(database, &mut encoder).map_err(FormError::Packed)?;
    encoder.finish().map_err(FormError::Io)
}

fn begin<R: Read>(mut from: R) -> io::Result<(Vec<u8>, R)> {
    let mut head = Vec::new();
    from.by_ref().take(HEAD_BYTES).read_to_end(&mut head)?;
    Ok((head, from))
}

fn write(head: &[u8], from: impl Read, to: &mut impl Write, bytes_max: u64) -> Result<(), FormError> {
    if is_packed(head) {
        let unpacked = unpack(&mut BufReader::with_capacity(COPY_BYTES, from), to, bytes_max);
        return unpacked.map_err(|error| match error {
            PackedError::Io(error) => FormError::Io(error),
            PackedError::TooLong { limit } => FormError::TooLarge { limit },
            error => FormError::Packed(error),
        });
    }
    let mut from = BufReader::with_capacity(COPY_BYTES, from.take(bytes_max.saturating_add(1)));
    match io::copy(&mut from, to).map_err(FormError::Io)? {
        count if count > bytes_max => Err(FormError::TooLarge { limit: bytes_max }),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use vulndb::file::Builder;

    fn unpacked(bytes: &[u8], bytes_max: u64) -> Result<Vec<u8>, FormError> {
        let mut file = Vec::new();
        unpack_any(bytes, &mut file, bytes_max).map(|()| file)
    }

    #[test]
    fn every_form_is_the_same_file_and_no_longer_than_the_limit() {
        let file = Builder::new().finish().unwrap();
        let mut packed = Vec::new();
        pack(&Database::open(&file).unwrap(), &mut packed).unwrap();
        let length = file.len() as u64;
        let compressed = compress_packed(&Database::open(&file).unwrap(), 3).unwrap();
        for form in [compressed, zstd::bulk::compress(&file, 3).unwrap(), file.clone(), packed] {
            assert_eq!(unpacked(&form, length).unwrap(), file);
            assert!(matches!(unpacked(&form, length - 1), Err(FormError::TooLarge { .. })));
        }
    }

    #[test]
    fn what_is_damaged_is_told_by_its_form() {
        let file = Builder::new().finish().unwrap();
        let mut packed = Vec::new();
        pack(&Database::open(&file).unwrap(), &mut packed).unwrap();
        let compressed = zstd::bulk::compress(&packed, 3).unwrap();
        let check = |bytes: &[u8], expected: &str| {
            assert_eq!(unpacked(bytes, 1 << 20).unwrap_err().to_string(), expected);
        };
        check(&packed[..packed.len() - 1], "it is cut off");
        check(&compressed[..compressed.len() - 1], "it cannot be decompressed");
        check(&compressed[..4], "it cannot be decompressed");
        check(&[&ZSTD_MAGIC[..], b"nonsense, and long enough"].concat(), "it cannot be decompressed");
        check(&zstd::bulk::compress(&packed[..packed.len() - 1], 3).unwrap(), "it cannot be decompressed");
        // What is nothing of these is for whoever opens it to refuse.
        assert_eq!(unpacked(b"", 1 << 20).unwrap(), b"");
        assert_eq!(unpacked(b"no database", 1 << 20).unwrap(), b"no database");
    }
}
