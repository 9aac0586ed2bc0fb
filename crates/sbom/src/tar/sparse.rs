//! Files of which a tar leaves out the holes (GNU tar manual, "Storing Sparse Files"): the old form of GNU's tar, whose map goes on in blocks behind the header, and
//! the forms of extended headers, 0.0 and 0.1 with the map there and 1.0 with it before the bytes.

use std::io::{self, Read};

use super::{BLOCK_BYTES, Header};

/// The most pieces of one file. A database that was written here and there has some hundred; each is 16 bytes while its file is read.
pub const PIECES_MAX: usize = 1 << 16;

/// The longest number in a map before the bytes.
const DIGITS_MAX: usize = 20;

/// Some bytes of a file that are in the archive.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Piece {
    pub(crate) offset: u64,
    pub(crate) len: u64,
}

/// Where the bytes belong that an archive has of a sparse file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Sparse {
    /// As the header says.
    Stated(Vec<Piece>),
    /// As it stands before the bytes.
    BeforeBytes,
    /// Nothing says it, or in a form that is not known.
    Unclear,
}

/// What extended headers say of it.
#[derive(Debug, Default, Clone)]
pub(super) struct Map {
    pieces: Vec<Piece>,
    /// In form 0.0, of the piece whose length follows.
    offset: Option<u64>,
    /// In form 1.0, its number.
    major: Option<Box<[u8]>>,
    minor: Option<Box<[u8]>>,
    is_unclear: bool,
}

impl Map {
    /// Takes a record of an extended header.
    pub(super) fn take(&mut self, key: &[u8], value: &[u8]) {
        match key {
            b"GNU.sparse.major" => self.major = Some(value.into()),
            b"GNU.sparse.minor" => self.minor = Some(value.into()),
            b"GNU.sparse.offset" => match number(value) {
                Some(offset) if self.offset.is_none() => self.offset = Some(offset),
                _ => self.is_unclear = true,
            },
            b"GNU.sparse.numbytes" => match (self.offset.take(), number(value)) {
                (Some(offset), Some(len)) => self.push(Piece { offset, len }),
                _ => self.is_unclear = true,
            },
            b"GNU.sparse.map" => {
                let mut numbers = value.split(|byte| *byte == b',').map(number);
                while let Some(offset) = numbers.next() {
                    match (offset, numbers.next().flatten()) {
                        (Some(offset), Some(len)) => self.push(Piece { offset, len }),
                        _ => self.is_unclear = true,
                    }
                }
            }
            _ => {}
        }
    }

    /// Forgets what is for one file, in what is said of all that follow.
    pub(super) fn forget_pieces(&mut self) {
        self.is_unclear |= !self.pieces.is_empty();
        self.pieces = Vec::new();
    }

    /// Returns what it says of a file that has so many bytes, of which so many are in the archive; `None` when these are all.
    pub(super) fn finish(self, size_bytes: u64, stored_bytes: u64) -> Option<Sparse> {
        let version = (self.major.as_deref().unwrap_or(b"0"), self.minor.as_deref().unwrap_or(b"0"));
        match version {
            (b"1", b"0") => Some(Sparse::BeforeBytes),
            (b"0", _) if !self.is_unclear && self.offset.is_none() && !self.pieces.is_empty() => {
                Some(Sparse::Stated(self.pieces))
            }
            (b"0", _) if !self.says_anything() && size_bytes == stored_bytes => None,
            _ => Some(Sparse::Unclear),
        }
    }

    fn says_anything(&self) -> bool {
        self.is_unclear || self.offset.is_some() || !self.pieces.is_empty()
    }

    fn push(&mut self, piece: Piece) {
        if self.pieces.len() < PIECES_MAX {
            self.pieces.push(piece);
        } else {
            self.is_unclear = true;
        }
    }
}

/// A reader over a file as it is once it is unpacked.
pub(crate) struct Filled<R> {
    body: R,
    /// In reverse order, those that are not read to their ends.
    pieces: Vec<Piece>,
    at: u64,
    size_bytes: u64,
    /// What is in no piece.
    pub(crate) holes_bytes: u64,
}

impl<R: Read> Filled<R> {
    /// Opens a file of an archive by its header, before anything of its bytes was read. Returns `None` when it is sparse in a way that is not understood.
    pub(crate) fn open(header: &Header, mut body: R) -> io::Result<Option<Self>> {
        let size_bytes = header.size_bytes;
        let (pieces, map_bytes) = match &header.sparse {
            None => (vec![Piece { offset: 0, len: size_bytes }], 0),
            Some(Sparse::Stated(pieces)) => (pieces.clone(), 0),
            Some(Sparse::BeforeBytes) => match read_map(&mut body)? {
                Some(map) => map,
                None => return Ok(None),
            },
            Some(Sparse::Unclear) => return Ok(None),
        };
        let held_bytes = held_bytes(&pieces, size_bytes);
        let Some(held_bytes) = held_bytes.filter(|held| held.checked_add(map_bytes) == Some(header.stored_bytes))
        else {
            return Ok(None);
        };
        let pieces = pieces.into_iter().rev().collect();
        Ok(Some(Self { body, pieces, at: 0, size_bytes, holes_bytes: size_bytes - held_bytes }))
    }
}

impl<R: Read> Read for Filled<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while self.pieces.last().is_some_and(|piece| piece.offset + piece.len <= self.at) {
            self.pieces.pop();
        }
        let want = |end: u64| usize::try_from(end - self.at).unwrap_or(usize::MAX).min(buffer.len());
        let count = match self.pieces.last() {
            Some(piece) if piece.offset <= self.at => {
                let want = want(piece.offset + piece.len);
                let count = self.body.read(&mut buffer[..want])?;
                if count == 0 && want > 0 {
                    return Err(io::ErrorKind::UnexpectedEof.into());
                }
                count
            }
            next => {
                let want = want(next.map_or(self.size_bytes, |piece| piece.offset));
                buffer[..want].fill(0);
                want
            }
        };
        self.at += count as u64;
        Ok(count)
    }
}

/// Returns how many bytes some pieces have together; `None` when they are not in order, lie over each other or beyond the file's end.
fn held_bytes(pieces: &[Piece], size_bytes: u64) -> Option<u64> {
    let (mut end, mut held) = (0, 0);
    for piece in pieces {
        if piece.offset < end {
            return None;
        }
        end = piece.offset.checked_add(piece.len).filter(|end| *end <= size_bytes)?;
        held += piece.len;
    }
    Some(held)
}

/// Reads a map before the bytes: in whole blocks, how many pieces there are, and of each where it begins and its length, each number in a line. Returns the
/// pieces and the bytes of the blocks, `None` for anything else.
fn read_map(body: &mut impl Read) -> io::Result<Option<(Vec<Piece>, u64)>> {
    let mut lines = Lines { body, block: [0; BLOCK_BYTES], at: BLOCK_BYTES, blocks: 0 };
    let Some(count) =
        lines.number()?.and_then(|count| usize::try_from(count).ok()).filter(|count| *count <= PIECES_MAX)
    else {
        return Ok(None);
    };
    let mut pieces = Vec::new();
    for _ in 0..count {
        let (Some(offset), Some(len)) = (lines.number()?, lines.number()?) else { return Ok(None) };
        pieces.push(Piece { offset, len });
    }
    Ok(Some((pieces, lines.blocks * BLOCK_BYTES as u64)))
}

struct Lines<'b, R> {
    body: &'b mut R,
    block: [u8; BLOCK_BYTES],
    at: usize,
    blocks: u64,
}

impl<R: Read> Lines<'_, R> {
    /// Returns the number in the next line, if that is one.
    fn number(&mut self) -> io::Result<Option<u64>> {
        let mut digits = Vec::new();
        loop {
            if self.at == BLOCK_BYTES {
                match self.body.read_exact(&mut self.block) {
                    Ok(()) => {}
                    Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(None),
                    Err(error) => return Err(error),
                }
                (self.at, self.blocks) = (0, self.blocks + 1);
            }
            let byte = self.block[self.at];
            self.at += 1;
            match byte {
                b'\n' => return Ok(number(&digits)),
                _ if digits.len() == DIGITS_MAX => return Ok(None),
                byte => digits.push(byte),
            }
        }
    }
}

fn number(digits: &[u8]) -> Option<u64> {
    let is_number = !digits.is_empty() && digits.iter().all(u8::is_ascii_digit);
    std::str::from_utf8(digits).ok().filter(|_| is_number)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tar::EntryKind;

    fn pieces(pieces: &[(u64, u64)]) -> Vec<Piece> {
        pieces.iter().map(|(offset, len)| Piece { offset: *offset, len: *len }).collect()
    }

    fn open(sparse: Option<Sparse>, size_bytes: u64, body: &[u8]) -> Option<Filled<&[u8]>> {
        let (path, link, stored_bytes) = (b"f".to_vec(), Vec::new(), body.len() as u64);
        let header = Header { path, link, kind: EntryKind::File, mode: 0, size_bytes, stored_bytes, sparse };
        Filled::open(&header, body).expect("memory can be read")
    }

    #[test]
    fn holes_are_filled() {
        let check = |map: &[(u64, u64)], size_bytes: u64, body: &str, expected: Option<&str>| {
            let filled = open(Some(Sparse::Stated(pieces(map))), size_bytes, body.as_bytes());
            let read = filled.map(|mut filled| {
                let mut text = String::new();
                let holes_bytes = filled.holes_bytes;
                filled.read_to_string(&mut text).expect("memory can be read");
                assert_eq!(holes_bytes, (text.len() - body.len()) as u64);
                text.replace('\0', ".")
            });
            assert_eq!(read.as_deref(), expected, "{map:?}");
        };
        check(&[(0, 4)], 4, "text", Some("text"));
        check(&[(0, 2), (2, 2)], 4, "text", Some("text"));
        check(&[(3, 4)], 9, "text", Some("...text.."));
        check(&[(1, 1), (3, 3), (9, 0)], 9, "text", Some(".t.ext..."));
        check(&[(0, 0), (0, 4), (4, 0)], 4, "text", Some("text"));
        check(&[], 3, "", Some("..."));
        check(&[], 0, "", Some(""));
        // What lies beyond the end or over something else, and what the archive does not have.
        check(&[(3, 4)], 6, "text", None);
        check(&[(3, 2), (0, 2)], 9, "text", None);
        check(&[(0, 3), (2, 1)], 9, "text", None);
        check(&[(0, 3)], 9, "text", None);
        check(&[(0, 5)], 9, "text", None);
        check(&[(u64::MAX, 4)], u64::MAX, "text", None);
        check(&[(4, u64::MAX)], u64::MAX, "text", None);
        check(&[], 9, "text", None);
        assert!(open(Some(Sparse::Unclear), 4, b"text").is_none());
        assert!(open(None, 4, b"text").is_some());
    }

    #[test]
    fn a_map_before_the_bytes_ends_with_its_block() {
        let check = |map: &str, body: &str, size_bytes: u64, expected: Option<&str>| {
            let mut bytes = map.as_bytes().to_vec();
            bytes.resize(bytes.len().next_multiple_of(BLOCK_BYTES), 0);
            bytes.extend(body.as_bytes());
            let read = open(Some(Sparse::BeforeBytes), size_bytes, &bytes).map(|mut filled| {
                let mut text = String::new();
                filled.read_to_string(&mut text).expect("memory can be read");
                text.replace('\0', ".")
            });
            assert_eq!(read.as_deref(), expected, "{map:?}");
        };
        check("1\n3\n4\n", "text", 9, Some("...text.."));
        check("0\n", "", 2, Some(".."));
        // One that takes two blocks.
        let long = format!("201\n{}3\n4\n", "1\n0\n".repeat(200));
        check(&long, "text", 9, Some("...text.."));
        for wrong in
            ["", "1\n", "1\n3\n", "x\n3\n4\n", "-1\n", "+1\n3\n4\n", "1\n3\n4", "1\n 3\n4\n", "\n", "2\n3\n4\n"]
        {
            check(wrong, "text", 9, None);
        }
        check("1\n3\n000000000000000000004\n", "text", 9, None);
        check("1\n3\n00000000000000000004\n", "text", 9, Some("...text.."));
        check("1\n3\n18446744073709551616\n", "text", 9, None);
        check("18446744073709551615\n3\n4\n", "text", 9, None);
    }

    #[test]
    fn pieces_end_at_their_number() {
        for (count, is_read) in [(PIECES_MAX - 1, true), (PIECES_MAX, true), (PIECES_MAX + 1, false)] {
            let mut body = format!("{count}\n{}", "0\n0\n".repeat(count)).into_bytes();
            body.resize(body.len().next_multiple_of(BLOCK_BYTES), 0);
            assert_eq!(open(Some(Sparse::BeforeBytes), 0, &body).is_some(), is_read, "{count}");
            let mut map = Map::default();
            let stated = vec!["0,0"; count].join(",");
            map.take(b"GNU.sparse.map", stated.as_bytes());
            let is_stated = matches!(map.finish(0, 0), Some(Sparse::Stated(pieces)) if pieces.len() == count);
            assert_eq!(is_stated, is_read, "{count}");
        }
    }

    #[test]
    fn extended_headers_say_where_bytes_belong() {
        let check = |records: &[(&str, &str)], size_bytes: u64, expected: Option<Sparse>| {
            let mut map = Map::default();
            for (key, value) in records {
                map.take(format!("GNU.sparse.{key}").as_bytes(), value.as_bytes());
            }
            assert_eq!(map.finish(size_bytes, 4), expected, "{records:?}");
        };
        let stated = |map: &[(u64, u64)]| Some(Sparse::Stated(pieces(map)));
        check(&[], 4, None);
        check(&[], 5, Some(Sparse::Unclear));
        check(&[("offset", "1"), ("numbytes", "2"), ("offset", "7"), ("numbytes", "2")], 9, stated(&[(1, 2), (7, 2)]));
        check(&[("map", "1,2,7,2")], 9, stated(&[(1, 2), (7, 2)]));
        check(&[("major", "0"), ("minor", "1"), ("map", "0,4")], 4, stated(&[(0, 4)]));
        check(&[("major", "1"), ("minor", "0")], 4, Some(Sparse::BeforeBytes));
        for wrong in [
            &[("major", "1"), ("minor", "1")][..],
            &[("major", "2")],
            &[("offset", "1")],
            &[("numbytes", "1")],
            &[("offset", "1"), ("offset", "1"), ("numbytes", "4")],
            &[("offset", "x"), ("numbytes", "4")],
            &[("map", "1")],
            &[("map", "")],
            &[("map", "1,4,")],
            &[("map", "1,-4")],
        ] {
            check(wrong, 4, Some(Sparse::Unclear));
        }
    }
}
