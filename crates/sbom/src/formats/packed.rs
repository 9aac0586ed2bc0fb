//! Documents that are packed by gzip, as they are kept and handed on.

use std::io::{self, BufReader, Read};

use crate::gzip::{self, Gzip};

/// How much of a file is looked at: enough for the white space before a document.
pub const START_BYTES: u64 = 4096;

/// Returns what there is to read of a document: unpacked, where it is packed by gzip. How much that is, whoever reads it limits.
///
/// # Errors
/// What reading the first bytes returns.
pub fn unpacked<'r>(mut stream: impl Read + 'r) -> io::Result<Box<dyn Read + 'r>> {
    let mut magic = Vec::new();
    stream.by_ref().take(gzip::MAGIC.len() as u64).read_to_end(&mut magic)?;
    let is_packed = magic == gzip::MAGIC;
    let whole = BufReader::new(io::Cursor::new(magic).chain(stream));
    Ok(if is_packed { Box::new(Gzip::new(whole)) } else { Box::new(whole) })
}

/// Returns what a file begins with, by its first bytes: unpacked, as far as these go.
pub fn start_of(bytes: &[u8]) -> Vec<u8> {
    let mut start = Vec::new();
    // What is cut off ends with an error, behind all that could be read.
    let _cut = unpacked(bytes).and_then(|stream| stream.take(START_BYTES).read_to_end(&mut start));
    start
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use super::*;

    fn pack(bytes: &[u8]) -> Vec<u8> {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    }

    #[test]
    fn what_is_packed_is_unpacked() {
        let read = |bytes: &[u8]| {
            let mut text = Vec::new();
            unpacked(bytes)
                .and_then(|mut stream| stream.read_to_end(&mut text))
                .map(|_| text)
                .map_err(|error| error.kind())
        };
        let text = b"{\"bomFormat\": \"CycloneDX\"}";
        let packed = pack(text);
        assert_eq!(read(text).as_deref(), Ok(&text[..]));
        assert_eq!(read(&packed).as_deref(), Ok(&text[..]));
        assert_eq!(read(&[pack(b"{"), pack(b"}")].concat()).as_deref(), Ok(&b"{}"[..]));
        for short in [&b""[..], b"\x1f", b"{"] {
            assert_eq!(read(short).as_deref(), Ok(short));
        }
        assert_eq!(read(&packed[..packed.len() - 9]), Err(io::ErrorKind::UnexpectedEof));
        assert_eq!(read(b"\x1f\x8bnothing of the kind"), Err(io::ErrorKind::InvalidInput));
        assert_eq!(start_of(&packed[..packed.len() - 9]), text);
        assert_eq!(start_of(b"\x1f\x8bnothing of the kind"), b"");
        let long = pack(&vec![b' '; 1 << 20]);
        assert_eq!(start_of(&long).len() as u64, START_BYTES);
    }
}
