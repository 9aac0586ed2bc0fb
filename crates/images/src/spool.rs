use std::fs::File;
use std::io::{self, BufRead as _, BufReader, Read, Seek as _};
use std::path::Path;

use flate2::bufread::MultiGzDecoder;

use crate::Error;

/// The most bytes that are put aside: the largest images in use have some tens of GiB.
pub const SPOOL_BYTES_MAX: u64 = 64 << 30;

const BUFFER_BYTES: usize = 256 << 10;

/// Makes a temporary file without a name. In `TMPDIR`, else in `/var/tmp`: what does not fit into memory must not lie in a `/tmp` that is memory.
pub fn temporary_file() -> io::Result<File> {
    let directory = Path::new("/var/tmp");
    if std::env::var_os("TMPDIR").is_none()
        && let Ok(file) = tempfile::tempfile_in(directory)
    {
        return Ok(file);
    }
    tempfile::tempfile()
}

/// How a file or stream is compressed, by its first bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Compression {
    None,
    Gzip,
    Zstd,
}

impl Compression {
    pub(crate) fn of(head: &[u8]) -> Self {
        match head {
            [0x1f, 0x8b, ..] => Self::Gzip,
            [0x28, 0xb5, 0x2f, 0xfd, ..] => Self::Zstd,
            _ => Self::None,
        }
    }
}

/// Puts a stream aside, decompressed, and returns the file at its beginning.
pub(crate) fn spool(stream: impl Read, path: &Path) -> Result<File, Error> {
    spool_up_to(SPOOL_BYTES_MAX, stream, path)
}

fn spool_up_to(limit: u64, stream: impl Read, path: &Path) -> Result<File, Error> {
    let read = |source| Error::Read { path: path.to_owned(), source };
    let mut stream = BufReader::with_capacity(BUFFER_BYTES, stream);
    let head = stream.fill_buf().map_err(read)?;
    if head.trim_ascii_start().first() == Some(&b'{') {
        return Err(Error::Document { path: path.to_owned() });
    }
    let written = match Compression::of(head) {
        Compression::None => copy(stream, limit),
        Compression::Gzip => copy(MultiGzDecoder::new(stream), limit),
        Compression::Zstd => copy(zstd::stream::read::Decoder::with_buffer(stream).map_err(read)?, limit),
    };
    let (file, bytes) = written.map_err(|source| Error::Spool { path: path.to_owned(), source })?;
    if bytes > limit {
        return Err(Error::TooLarge { what: format!("`{}`", path.display()), actual: bytes, limit });
    }
    Ok(file)
}

/// Copies at most one byte more than the limit.
fn copy(stream: impl Read, limit: u64) -> io::Result<(File, u64)> {
    let mut file = temporary_file()?;
    let bytes = io::copy(&mut BufReader::with_capacity(BUFFER_BYTES, stream.take(limit.saturating_add(1))), &mut file)?;
    file.rewind()?;
    Ok((file, bytes))
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use super::*;

    fn gzip(bytes: &[u8]) -> Vec<u8> {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    }

    fn spooled(stream: &[u8], limit: u64) -> Result<Vec<u8>, String> {
        let mut file = spool_up_to(limit, stream, Path::new("-")).map_err(|error| error.to_string())?;
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes).unwrap();
        Ok(bytes)
    }

    #[test]
    fn streams_are_decompressed() {
        let text = b"some text ".repeat(1000);
        let members = [gzip(&text[..10]), gzip(&text[10..])].concat();
        for stream in [text.clone(), gzip(&text), members, zstd::encode_all(&*text, 1).unwrap()] {
            assert_eq!(spooled(&stream, 1 << 20).as_deref(), Ok(&*text));
        }
        assert!(spooled(&gzip(&text)[..20], 1 << 20).is_err());
    }

    #[test]
    fn what_is_put_aside_is_limited() {
        let text = vec![b'x'; 1000];
        for stream in [text.clone(), gzip(&text)] {
            assert!(spooled(&stream, 1001).is_ok());
            assert!(spooled(&stream, 1000).is_ok());
            assert_eq!(spooled(&stream, 999), Err("`-` is 1000 bytes, the limit is 999".to_owned()));
        }
    }

    #[test]
    fn a_document_is_no_archive() {
        assert_eq!(spooled(b" \n{\"bomFormat\":", 1000), Err("`-` holds a document, not an image".to_owned()));
    }
}
