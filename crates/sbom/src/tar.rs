//! A forward walk over the entries of a tar, as layers and archives of images are written.
//!
//! Follows POSIX.1-2001 (ustar and pax interchange formats) and the GNU extensions that layers carry: long names and links, base-256
//! numbers, sparse files. Nothing is extracted; the walk holds one header at a time, and all that a header can ask for is bounded.

use std::fmt::Write as _;
use std::io::{self, Read, Seek};

mod sparse;

pub use sparse::PIECES_MAX;
pub(crate) use sparse::{Filled, Sparse};
use sparse::{Map, Piece};

/// One block of a tar.
const BLOCK_BYTES: usize = 512;

/// The longest path or link target; `PATH_MAX` on Linux.
pub const PATH_BYTES_MAX: usize = 4096;

/// The most bytes of one extended header. Real ones hold a few names and times; ACLs and labels take some kilobytes.
pub const EXTENDED_HEADER_BYTES_MAX: u64 = 1 << 20;

/// What an entry is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EntryKind {
    /// A regular file.
    File,
    /// A directory.
    Directory,
    /// A symbolic link.
    Symlink,
    /// Another name of an earlier entry.
    HardLink,
    /// A device, pipe or what else there is.
    Other,
}

/// One entry's header. The path is as it stands in the archive.
#[derive(Debug)]
pub struct Header {
    /// The path.
    pub path: Vec<u8>,
    /// The target of a link.
    pub link: Vec<u8>,
    /// What it is.
    pub kind: EntryKind,
    /// The permission bits.
    pub mode: u16,
    /// The size of what a reader of the file sees; zero for all but files.
    pub size_bytes: u64,
    /// The bytes in the stream, padding not counted.
    pub stored_bytes: u64,
    /// Where the bytes in the stream belong, if they are not those of the file: they lack its holes, and may begin with a map of these.
    pub(crate) sparse: Option<Sparse>,
}

/// Why a walk stopped.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The stream failed or ended inside an entry.
    #[error("failed to read the tar stream")]
    Read(#[source] io::Error),
    /// A header's checksum does not agree.
    #[error("a tar header at byte {offset_bytes} is damaged: its checksum does not agree")]
    Checksum {
        /// Where the header begins.
        offset_bytes: u64,
    },
    /// A number in a header cannot be read.
    #[error("a tar header at byte {offset_bytes} holds a number that cannot be read")]
    Number {
        /// Where the header begins.
        offset_bytes: u64,
    },
    /// A name is too long.
    #[error("a tar header at byte {offset_bytes} holds a path of more than {PATH_BYTES_MAX} bytes")]
    PathTooLong {
        /// Where the header begins.
        offset_bytes: u64,
    },
    /// An extended header is too large.
    #[error(
        "an extended tar header at byte {offset_bytes} has {actual_bytes} bytes, the limit is {EXTENDED_HEADER_BYTES_MAX}"
    )]
    ExtendedHeaderTooLarge {
        /// Where the header begins.
        offset_bytes: u64,
        /// Its size.
        actual_bytes: u64,
    },
    /// An extended header cannot be read.
    #[error("an extended tar header at byte {offset_bytes} cannot be read")]
    ExtendedHeader {
        /// Where the header begins.
        offset_bytes: u64,
    },
}

/// What an extended header or a GNU long name says of the next entry.
#[derive(Debug, Default, Clone)]
struct Extension {
    path: Option<Vec<u8>>,
    link: Option<Vec<u8>>,
    size: Option<u64>,
    sparse_size: Option<u64>,
    sparse_path: Option<Vec<u8>>,
    sparse: Map,
}

/// A walk. After each entry the caller reads as much of its bytes as it wants through [`Walk::body`]; the rest is skipped.
pub struct Walk<R> {
    reader: R,
    /// Moves the reader on without reading; `None` for a stream.
    skip: Option<Skip<R>>,
    offset: u64,
    unread: u64,
    padding: u64,
    global: Extension,
    scratch: Vec<u8>,
}

/// Moves a reader on by some bytes, perhaps beyond its end.
type Skip<R> = fn(&mut R, u64) -> io::Result<()>;

/// How much is read at once when bytes are skipped.
const SKIP_BYTES: usize = 64 << 10;

impl<R: Read> Walk<R> {
    /// Starts at the beginning of a stream.
    pub fn new(reader: R) -> Self {
        let scratch = vec![0; SKIP_BYTES];
        Self { reader, skip: None, offset: 0, unread: 0, padding: 0, global: Extension::default(), scratch }
    }

    /// Starts at the beginning of a file, in which what is not wanted is not read either. The walk then does not notice that the file ends inside
    /// of an entry's bytes: the caller compares [`Walk::offset`] with the file's size.
    pub fn new_seekable(reader: R) -> Self
    where
        R: Seek,
    {
        // Relative, so that a buffer is kept as far as it reaches.
        let skip: Skip<R> = |reader, bytes| {
            let bytes = i64::try_from(bytes).map_err(|_| io::Error::from(io::ErrorKind::InvalidInput))?;
            reader.seek_relative(bytes)
        };
        Self { skip: Some(skip), ..Self::new(reader) }
    }

    /// Returns the next entry's header, or `None` at the end of the archive.
    #[expect(clippy::should_implement_trait, reason = "an iterator could not lend the entry's bytes")]
    pub fn next(&mut self) -> Result<Option<Header>, Error> {
        let mut extension = self.global.clone();
        loop {
            self.skip_body()?;
            let offset_bytes = self.offset;
            let mut block = [0; BLOCK_BYTES];
            if !self.block(&mut block)? || block.iter().all(|byte| *byte == 0) {
                return Ok(None);
            }
            if !checksum_agrees(&block) {
                return Err(Error::Checksum { offset_bytes });
            }
            let number = |range: std::ops::Range<usize>| number(&block[range]).ok_or(Error::Number { offset_bytes });
            let size = number(124..136)?;
            let type_flag = block[156];
            match type_flag {
                b'x' | b'g' | b'L' | b'K' => {
                    self.expect_body(size);
                    let body = self.small_body(size, offset_bytes)?;
                    match type_flag {
                        b'x' => read_pax(&body, &mut extension).ok_or(Error::ExtendedHeader { offset_bytes })?,
                        b'g' => {
                            read_pax(&body, &mut self.global).ok_or(Error::ExtendedHeader { offset_bytes })?;
                            self.global.sparse.forget_pieces();
                            extension = self.global.clone();
                        }
                        b'L' => extension.path = Some(until_nul(&body).to_vec()),
                        _ => extension.link = Some(until_nul(&body).to_vec()),
                    }
                    continue;
                }
                _ => {}
            }
            let kind = match type_flag {
                0 | b'0' | b'7' | b'S' => EntryKind::File,
                b'5' => EntryKind::Directory,
                b'2' => EntryKind::Symlink,
                b'1' => EntryKind::HardLink,
                _ => EntryKind::Other,
            };
            let stored = extension.size.unwrap_or(size);
            let stored = if matches!(kind, EntryKind::File | EntryKind::Other) { stored } else { 0 };
            let mut size_bytes = extension.sparse_size.unwrap_or(stored);
            let mut old_sparse = None;
            if type_flag == b'S' {
                size_bytes = number(483..495)?;
                old_sparse = Some(self.old_sparse(&block, offset_bytes)?);
            }
            self.expect_body(stored);
            let path = match extension.sparse_path.take().or(extension.path.take()) {
                Some(path) => path,
                None => header_path(&block),
            };
            let link = extension.link.take().unwrap_or_else(|| until_nul(&block[157..257]).to_vec());
            if path.len() > PATH_BYTES_MAX || link.len() > PATH_BYTES_MAX {
                return Err(Error::PathTooLong { offset_bytes });
            }
            // An old archive marks a directory by the slash at its end alone.
            let kind = if kind == EntryKind::File && path.ends_with(b"/") { EntryKind::Directory } else { kind };
            let mode = (number(100..108)? & 0o7777) as u16;
            let size_bytes = if kind == EntryKind::File { size_bytes } else { 0 };
            let sparse = old_sparse.or_else(|| extension.sparse.finish(size_bytes, stored));
            let sparse = sparse.filter(|_| kind == EntryKind::File);
            return Ok(Some(Header { path, link, kind, mode, size_bytes, stored_bytes: stored, sparse }));
        }
    }

    /// Returns where the stream stands: after a header, where its entry's bytes begin.
    pub fn offset(&self) -> u64 {
        self.offset
    }

    /// Returns what is walked over, wherever it stands.
    pub fn into_reader(self) -> R {
        self.reader
    }

    /// Returns a reader over what is left of the present entry's bytes.
    pub fn body(&mut self) -> Body<'_, R> {
        Body { walk: self }
    }

    /// Reads what follows the archive's end, so that the stream's digest covers all of it.
    pub(crate) fn drain(mut self) -> io::Result<R> {
        loop {
            match self.reader.read(&mut self.scratch) {
                Ok(0) => return Ok(self.reader),
                Ok(_) => {}
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
    }

    fn expect_body(&mut self, size: u64) {
        self.unread = size;
        self.padding = (BLOCK_BYTES as u64 - size % BLOCK_BYTES as u64) % BLOCK_BYTES as u64;
    }

    fn small_body(&mut self, size: u64, offset_bytes: u64) -> Result<Vec<u8>, Error> {
        if size > EXTENDED_HEADER_BYTES_MAX {
            return Err(Error::ExtendedHeaderTooLarge { offset_bytes, actual_bytes: size });
        }
        let mut body = Vec::new();
        self.body().read_to_end(&mut body).map_err(Error::Read)?;
        if body.len() as u64 == size { Ok(body) } else { Err(Error::Read(io::ErrorKind::UnexpectedEof.into())) }
    }

    /// Reads the map in an old GNU sparse header and in the blocks in which it goes on.
    fn old_sparse(&mut self, header: &[u8; BLOCK_BYTES], offset_bytes: u64) -> Result<Sparse, Error> {
        // 21 pieces a block; as many blocks as an extended header may have bytes.
        let blocks_max = EXTENDED_HEADER_BYTES_MAX / BLOCK_BYTES as u64;
        let mut pieces = Vec::new();
        let mut is_clear = old_pieces(&header[386..482], &mut pieces);
        let mut extended = header[482] != 0;
        let mut blocks = 0;
        while extended {
            let mut block = [0; BLOCK_BYTES];
            blocks += 1;
            if blocks > blocks_max {
                return Err(Error::ExtendedHeaderTooLarge { offset_bytes, actual_bytes: blocks * BLOCK_BYTES as u64 });
            }
            if !self.block(&mut block)? {
                return Err(Error::Read(io::ErrorKind::UnexpectedEof.into()));
            }
            is_clear &= old_pieces(&block[..504], &mut pieces);
            extended = block[504] != 0;
        }
        Ok(if is_clear { Sparse::Stated(pieces) } else { Sparse::Unclear })
    }

    fn skip_body(&mut self) -> Result<(), Error> {
        let mut left = self.unread.saturating_add(self.padding);
        self.unread = 0;
        self.padding = 0;
        if let Some(skip) = self.skip
            && left > SKIP_BYTES as u64
        {
            skip(&mut self.reader, left).map_err(Error::Read)?;
            self.offset = self.offset.saturating_add(left);
            return Ok(());
        }
        while left > 0 {
            let want = usize::try_from(left).unwrap_or(usize::MAX).min(SKIP_BYTES);
            match self.reader.read(&mut self.scratch[..want]) {
                Ok(0) => return Err(Error::Read(io::ErrorKind::UnexpectedEof.into())),
                Ok(count) => {
                    left -= count as u64;
                    self.offset += count as u64;
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(Error::Read(error)),
            }
        }
        Ok(())
    }

    /// Fills one block. `false` when the stream is at its end.
    fn block(&mut self, block: &mut [u8; BLOCK_BYTES]) -> Result<bool, Error> {
        let mut filled = 0;
        while filled < BLOCK_BYTES {
            match self.reader.read(&mut block[filled..]) {
                Ok(0) if filled == 0 => return Ok(false),
                Ok(0) => return Err(Error::Read(io::ErrorKind::UnexpectedEof.into())),
                Ok(count) => filled += count,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(Error::Read(error)),
            }
        }
        self.offset += BLOCK_BYTES as u64;
        Ok(true)
    }
}

/// What is left of an entry's bytes.
pub struct Body<'a, R> {
    walk: &'a mut Walk<R>,
}

impl<R: Read> Read for Body<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let want = usize::try_from(self.walk.unread).unwrap_or(usize::MAX).min(buffer.len());
        if want == 0 {
            return Ok(0);
        }
        let count = self.walk.reader.read(&mut buffer[..want])?;
        if count == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        self.walk.unread -= count as u64;
        self.walk.offset += count as u64;
        Ok(count)
    }
}

/// Returns a path as text. Bytes that are no UTF-8 are spelled `\xNN`, so that two names stay two.
pub fn text(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len());
    for chunk in bytes.utf8_chunks() {
        text.push_str(chunk.valid());
        for byte in chunk.invalid() {
            let _ = write!(text, "\\x{byte:02x}");
        }
    }
    text
}

fn header_path(block: &[u8; BLOCK_BYTES]) -> Vec<u8> {
    let name = until_nul(&block[..100]);
    let is_ustar = &block[257..263] == b"ustar\0";
    let prefix = if is_ustar { until_nul(&block[345..500]) } else { &[] };
    if prefix.is_empty() { name.to_vec() } else { [prefix, b"/", name].concat() }
}

fn until_nul(bytes: &[u8]) -> &[u8] {
    bytes.split(|byte| *byte == 0).next().unwrap_or_default()
}

/// The sum of the header's bytes with the checksum itself as spaces; some old writers summed signed bytes.
fn checksum_agrees(block: &[u8; BLOCK_BYTES]) -> bool {
    let Some(stated) = number(&block[148..156]) else { return false };
    let outside = || block[..148].iter().chain(&block[156..]);
    let unsigned: u64 = outside().map(|byte| u64::from(*byte)).sum::<u64>() + 8 * u64::from(b' ');
    let signed: i64 = outside().map(|byte| i64::from(byte.cast_signed())).sum::<i64>() + 8 * i64::from(b' ');
    stated == unsigned || i64::try_from(stated) == Ok(signed)
}

/// Octal with spaces and NULs around it, or base-256 when the first bit is set.
fn number(field: &[u8]) -> Option<u64> {
    if field[0] & 0x80 != 0 {
        let mut value = u64::from(field[0] & 0x7f);
        for byte in &field[1..] {
            value = value.checked_mul(256)?.checked_add(u64::from(*byte))?;
        }
        return Some(value);
    }
    let mut value: u64 = 0;
    for byte in field.trim_ascii_start().iter().take_while(|byte| !matches!(byte, 0 | b' ')) {
        let digit = byte.checked_sub(b'0').filter(|digit| *digit < 8)?;
        value = value.checked_mul(8)?.checked_add(u64::from(digit))?;
    }
    Some(value)
}

/// Adds the pieces of an old GNU sparse header, up to the first place that is empty; returns whether they can be read.
fn old_pieces(places: &[u8], pieces: &mut Vec<Piece>) -> bool {
    let mut used = places.chunks_exact(24).take_while(|place| place[12] != 0);
    used.all(|place| {
        let piece = number(&place[..12]).zip(number(&place[12..]));
        pieces.extend(piece.map(|(offset, len)| Piece { offset, len }));
        piece.is_some()
    })
}

/// Records of the form `LENGTH KEY=VALUE\n`, where the length counts the whole record.
fn read_pax(mut body: &[u8], extension: &mut Extension) -> Option<()> {
    while !body.is_empty() && body[0] != 0 {
        let space = body.iter().position(|byte| *byte == b' ')?;
        let length: usize = std::str::from_utf8(&body[..space]).ok()?.parse().ok()?;
        let record = body.get(space + 1..length)?;
        let record = record.strip_suffix(b"\n")?;
        body = &body[length..];
        let equals = record.iter().position(|byte| *byte == b'=')?;
        let (key, value) = (&record[..equals], &record[equals + 1..]);
        let as_number = || std::str::from_utf8(value).ok()?.parse().ok();
        match key {
            b"path" => extension.path = Some(value.to_vec()),
            b"linkpath" => extension.link = Some(value.to_vec()),
            b"size" => extension.size = Some(as_number()?),
            b"GNU.sparse.realsize" | b"GNU.sparse.size" => extension.sparse_size = Some(as_number()?),
            b"GNU.sparse.name" => extension.sparse_path = Some(value.to_vec()),
            key => extension.sparse.take(key, value),
        }
    }
    Some(())
}
