//! The one place of this program that is not checked by the compiler: mapping a file into memory.

use std::fs::File;
use std::io;
use std::path::Path;

use memmap2::Mmap;

/// A file of this program's own that was mapped into memory.
#[derive(Debug)]
pub struct Mapped(Mmap);

impl Mapped {
    /// Maps a file that nobody changes: see [`crate::Store`], which writes under another name and never again.
    pub(crate) fn open(path: &Path) -> io::Result<Self> {
        Self::of(&File::open(path)?)
    }

    /// Maps such a file that is open already.
    pub(crate) fn of(file: &File) -> io::Result<Self> {
        // SAFETY: the bytes must not change and the file must not shrink while it is mapped. Files of a store are renamed
        // into place whole, are made read-only, and are removed, never written; a removed file stays whole as long as it is
        // mapped. What was unpacked lies in a file without a name, which nobody else can open.
        #[expect(unsafe_code, reason = "a database of 100 MB must be open in milliseconds")]
        let map = unsafe { Mmap::map(file) }?;
        Ok(Self(map))
    }
}

impl AsRef<[u8]> for Mapped {
    fn as_ref(&self) -> &[u8] {
        &self.0
    }
}
