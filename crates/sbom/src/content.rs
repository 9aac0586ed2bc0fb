#![expect(
    clippy::cast_possible_truncation,
    reason = "what is in memory is at most `MEMORY_BYTES_MAX`, or was compared with the size of what is"
)]

use std::borrow::Cow;
use std::fs::File;
use std::io::{self, Read};
use std::os::unix::fs::FileExt as _;

/// A claimed file while its layer is read.
///
/// Small files are in memory; larger ones in a temporary file without a name, so that a layer's memory does not grow with the files in it.
#[derive(Debug)]
pub struct Content(Place);

#[derive(Debug)]
enum Place {
    Memory(Vec<u8>),
    File { file: File, len: u64 },
}

/// The largest file that is held in memory: most programs and nearly all databases and jars are smaller, and one buffer of this size a thread is
/// affordable.
pub const MEMORY_BYTES_MAX: u64 = 4 << 20;

/// Makes a temporary file that has no name, for what does not fit into memory.
pub type Spill = fn() -> io::Result<File>;

impl Content {
    /// Makes content of bytes in memory.
    pub fn from_bytes(bytes: Vec<u8>) -> Self {
        Self(Place::Memory(bytes))
    }

    /// Makes content of a file, read by position.
    pub fn from_file(file: File) -> io::Result<Self> {
        let len = file.metadata()?.len();
        Ok(Self(Place::File { file, len }))
    }

    /// Reads `size_bytes` from a stream; into memory, or what is too large for it into a file that `spill` makes. A stream that ends early is an error.
    pub(crate) fn read(head: &[u8], stream: &mut impl Read, size_bytes: u64, spill: Spill) -> io::Result<Self> {
        let rest = size_bytes - head.len() as u64;
        if size_bytes <= MEMORY_BYTES_MAX {
            let mut bytes = Vec::with_capacity(size_bytes as usize);
            bytes.extend_from_slice(head);
            stream.take(rest).read_to_end(&mut bytes)?;
            return if bytes.len() as u64 == size_bytes {
                Ok(Self(Place::Memory(bytes)))
            } else {
                Err(io::ErrorKind::UnexpectedEof.into())
            };
        }
        let mut file = spill()?;
        io::Write::write_all(&mut file, head)?;
        let copied = io::copy(&mut stream.take(rest), &mut file)?;
        if copied == rest {
            Ok(Self(Place::File { file, len: size_bytes }))
        } else {
            Err(io::ErrorKind::UnexpectedEof.into())
        }
    }

    /// Returns the size in bytes.
    pub fn len(&self) -> u64 {
        match &self.0 {
            Place::Memory(bytes) => bytes.len() as u64,
            Place::File { len, .. } => *len,
        }
    }

    /// Returns whether there is nothing in it.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Fills the buffer from `offset` on, as far as there are bytes, and returns how many there were.
    pub fn read_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<usize> {
        match &self.0 {
            Place::Memory(bytes) => {
                let from = usize::try_from(offset).unwrap_or(usize::MAX).min(bytes.len());
                let count = buffer.len().min(bytes.len() - from);
                buffer[..count].copy_from_slice(&bytes[from..from + count]);
                Ok(count)
            }
            Place::File { file, .. } => {
                let mut filled = 0;
                while filled < buffer.len() {
                    match file.read_at(&mut buffer[filled..], offset.saturating_add(filled as u64)) {
                        Ok(0) => break,
                        Ok(count) => filled += count,
                        Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                        Err(error) => return Err(error),
                    }
                }
                Ok(filled)
            }
        }
    }

    /// Returns exactly `len` bytes from `offset` on; borrowed when they are in memory. What lies outside is an error, before anything is allocated.
    pub fn bytes_at(&self, offset: u64, len: usize) -> io::Result<Cow<'_, [u8]>> {
        if offset.checked_add(len as u64).is_none_or(|end| end > self.len()) {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        match &self.0 {
            Place::Memory(bytes) => Ok(Cow::Borrowed(&bytes[offset as usize..offset as usize + len])),
            Place::File { .. } => {
                let mut buffer = vec![0; len];
                if self.read_at(offset, &mut buffer)? == len {
                    Ok(Cow::Owned(buffer))
                } else {
                    Err(io::ErrorKind::UnexpectedEof.into())
                }
            }
        }
    }

    /// Returns all bytes, if there are at most `limit_bytes`.
    pub(crate) fn into_bytes(self, limit_bytes: u64) -> io::Result<Option<Vec<u8>>> {
        if self.len() > limit_bytes {
            return Ok(None);
        }
        match self.0 {
            Place::Memory(bytes) => Ok(Some(bytes)),
            Place::File { .. } => self.bytes_at(0, self.len() as usize).map(|bytes| Some(bytes.into_owned())),
        }
    }
}
