//! The content of a gzip file (RFC 1952): any number of members, one after the other.

use std::io::{self, BufRead, ErrorKind, Read};

use flate2::{Decompress, FlushDecompress, Status};

/// Bytes 0 and 1 of a member.
pub(crate) const MAGIC: [u8; 2] = [0x1f, 0x8b];

/// The only method that there is.
const DEFLATE: u8 = 8;

/// Flags of a member's header (section 2.3.1); the others are reserved.
const HEADER_SUM: u8 = 1 << 1;
const EXTRA: u8 = 1 << 2;
const NAME: u8 = 1 << 3;
const COMMENT: u8 = 1 << 4;
const RESERVED: u8 = 0b1110_0000;

/// Reads what is in a gzip file.
///
/// A member's length is held against what it says of itself, its CRC-32 is not: whoever reads a layer has the SHA-256 of what comes out of it, and the other
/// sum would take a twentieth of the time.
pub(crate) struct Gzip<B> {
    file: B,
    inflate: Decompress,
    at: At,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum At {
    /// The first member, which there must be.
    Start,
    /// What a member holds.
    Content,
    /// What stands behind that.
    Trailer,
    /// Where another member may begin.
    Next,
}

impl<B: BufRead> Gzip<B> {
    pub(crate) fn new(file: B) -> Self {
        Self { file, inflate: Decompress::new(false), at: At::Start }
    }

    pub(crate) fn get_ref(&self) -> &B {
        &self.file
    }

    pub(crate) fn into_inner(self) -> B {
        self.file
    }

    /// Reads a member's header.
    fn begin(&mut self) -> io::Result<()> {
        let [first, second, method, flags, _time @ .., _, _] = self.take::<10>()?;
        if [first, second] != MAGIC || method != DEFLATE || flags & RESERVED != 0 {
            return Err(io::Error::new(ErrorKind::InvalidInput, "invalid gzip header"));
        }
        if flags & EXTRA != 0 {
            let len = u64::from(u16::from_le_bytes(self.take()?));
            if io::copy(&mut (&mut self.file).take(len), &mut io::sink())? < len {
                return Err(ErrorKind::UnexpectedEof.into());
            }
        }
        for text in [NAME, COMMENT] {
            while flags & text != 0 && self.take()? != [0] {}
        }
        if flags & HEADER_SUM != 0 {
            self.take::<2>()?;
        }
        self.inflate.reset(false);
        self.at = At::Content;
        Ok(())
    }

    /// Reads some of a member's content; nothing at its end, and where the file's next bytes say nothing yet.
    fn inflate(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let input = self.file.fill_buf()?;
        let is_cut = input.is_empty();
        let (taken, given) = (self.inflate.total_in(), self.inflate.total_out());
        let status = self.inflate.decompress(input, buffer, FlushDecompress::None);
        let taken = self.inflate.total_in() - taken;
        let given = self.inflate.total_out() - given;
        // Neither exceeds the length of a slice.
        self.file.consume(usize::try_from(taken).unwrap_or(usize::MAX));
        match status {
            Ok(Status::StreamEnd) => self.at = At::Trailer,
            Err(_) if given == 0 => return Err(io::Error::new(ErrorKind::InvalidInput, "corrupt deflate stream")),
            Ok(_) if is_cut && given == 0 => {
                return Err(io::Error::new(ErrorKind::UnexpectedEof, "incomplete deflate stream"));
            }
            Ok(_) | Err(_) => {}
        }
        Ok(usize::try_from(given).unwrap_or(usize::MAX))
    }

    /// Reads what stands behind a member's content: its CRC-32 and its length, modulo 2^32.
    fn end(&mut self) -> io::Result<()> {
        let [.., a, b, c, d] = self.take::<8>()?;
        self.at = At::Next;
        if u64::from(u32::from_le_bytes([a, b, c, d])) == self.inflate.total_out() & u64::from(u32::MAX) {
            return Ok(());
        }
        Err(io::Error::new(ErrorKind::InvalidInput, "corrupt gzip stream does not have the length that it says"))
    }

    fn take<const COUNT: usize>(&mut self) -> io::Result<[u8; COUNT]> {
        let mut bytes = [0; COUNT];
        self.file.read_exact(&mut bytes).map_err(|error| match error.kind() {
            ErrorKind::UnexpectedEof => ErrorKind::UnexpectedEof.into(),
            _ => error,
        })?;
        Ok(bytes)
    }
}

impl<B: BufRead> Read for Gzip<B> {
    /// What comes before damage is read, however much is asked for at once.
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while !buffer.is_empty() {
            match self.at {
                At::Next if self.file.fill_buf()?.is_empty() => break,
                At::Start | At::Next => self.begin()?,
                At::Trailer => self.end()?,
                At::Content => {
                    let count = self.inflate(buffer)?;
                    if count > 0 {
                        return Ok(count);
                    }
                }
            }
        }
        Ok(0)
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use flate2::{Compression, GzBuilder};
    use proptest::prelude::*;

    use super::*;

    fn member(builder: GzBuilder, content: &[u8]) -> Vec<u8> {
        let mut encoder = builder.write(Vec::new(), Compression::default());
        encoder.write_all(content).expect("memory takes what is written");
        encoder.finish().expect("memory takes what is written")
    }

    /// Reads a file that comes in pieces of so many bytes.
    fn read(file: &[u8], piece: usize) -> io::Result<Vec<u8>> {
        let mut content = Vec::new();
        Gzip::new(io::BufReader::with_capacity(piece, file)).read_to_end(&mut content)?;
        Ok(content)
    }

    fn check_refused(file: &[u8], expected: &str) {
        for piece in [1, 3, 4096] {
            assert_eq!(read(file, piece).unwrap_err().to_string(), expected, "{file:?}");
        }
    }

    #[test]
    fn what_is_no_gzip_is_refused() {
        let check = |at: usize, bytes: &[u8], expected: &str| {
            let mut file = member(GzBuilder::new(), b"content");
            file[at..at + bytes.len()].copy_from_slice(bytes);
            check_refused(&file, expected);
            // So it is behind a member that is whole.
            check_refused(&[member(GzBuilder::new(), b""), file].concat(), expected);
        };
        check(0, b"\x1e", "invalid gzip header");
        check(1, b"\x8c", "invalid gzip header");
        check(2, b"\x07", "invalid gzip header");
        for flag in [5, 6, 7] {
            check(3, &[1 << flag], "invalid gzip header");
        }
        check(10, b"\xff", "corrupt deflate stream");
        let length = member(GzBuilder::new(), b"content").len() - 4;
        check(length, b"\x08", "corrupt gzip stream does not have the length that it says");
        check(length + 3, b"\x01", "corrupt gzip stream does not have the length that it says");
    }

    #[test]
    fn what_is_cut_is_refused() {
        let whole = member(GzBuilder::new().filename("n").comment("c").extra(vec![7; 9]), b"content");
        for end in 0..whole.len() {
            for piece in [1, 3, 4096] {
                assert_eq!(read(&whole[..end], piece).unwrap_err().kind(), ErrorKind::UnexpectedEof, "{end}");
            }
        }
        assert_eq!(read(&whole, 1).unwrap(), b"content");
    }

    #[test]
    fn a_header_may_have_a_sum() {
        let mut file = member(GzBuilder::new(), b"content");
        file[3] = HEADER_SUM;
        file.splice(10..10, [1, 2]);
        assert_eq!(read(&file, 4096).unwrap(), b"content");
    }

    proptest! {
        #[test]
        fn what_another_reader_reads_is_read(
            members in prop::collection::vec(
                (prop::collection::vec(0_u8..4, 0..300), prop::option::of("[a-z]{0,9}"), prop::option::of("[a-z]{0,9}"), prop::option::of(prop::collection::vec(any::<u8>(), 0..9))),
                1..4),
            damage in prop::option::of((any::<prop::sample::Index>(), any::<u8>())),
            behind in prop::collection::vec(any::<u8>(), 0..3),
            piece in 1_usize..64,
        ) {
            let mut file = Vec::new();
            for (content, name, comment, extra) in members {
                let mut builder = GzBuilder::new();
                if let Some(name) = name { builder = builder.filename(name) }
                if let Some(comment) = comment { builder = builder.comment(comment) }
                if let Some(extra) = extra { builder = builder.extra(extra) }
                file.extend(member(builder, &content));
            }
            file.extend(behind);
            if let Some((at, byte)) = damage {
                let at = at.index(file.len());
                file[at] = byte;
            }
            let mut expected = Vec::new();
            let other = flate2::bufread::MultiGzDecoder::new(&*file).read_to_end(&mut expected);
            // As much of a damaged file is read whatever is asked for at once.
            let read_by = |count: usize| {
                let mut gzip = Gzip::new(io::BufReader::with_capacity(piece, &*file));
                let (mut content, mut buffer) = (Vec::<u8>::new(), vec![0; count]);
                loop {
                    match gzip.read(&mut buffer) {
                        Ok(0) => return (content, None),
                        Ok(read) => content.extend(&buffer[..read]),
                        Err(error) => return (content, Some(error.to_string())),
                    }
                }
            };
            prop_assert_eq!(read_by(1), read_by(4096));
            prop_assert_eq!(read_by(7), read_by(4096));
            match (read(&file, piece), other) {
                (Ok(content), Ok(_)) => prop_assert_eq!(content, expected),
                (Ok(_), Err(error)) => prop_assert!(error.to_string().contains("checksum"), "{}", error),
                (Err(error), other) => prop_assert!(other.is_err(), "{}", error),
            }
        }
    }
}
