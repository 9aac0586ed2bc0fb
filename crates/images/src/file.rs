use std::fs::File;
use std::io::{self, Read};
use std::os::unix::fs::{FileExt as _, MetadataExt as _};
use std::path::{Path, PathBuf};

use oci::{Algorithm, Digest};

use crate::digest::Hashing;
use crate::{Error, beneath};

/// One file, which is hashed while it is read.
#[derive(Debug)]
pub struct SingleFile {
    /// The path, as it was asked for.
    pub path: PathBuf,
    /// The size.
    pub size_bytes: u64,
    /// The permission bits.
    pub mode: u16,
    file: File,
}

impl SingleFile {
    pub(crate) fn open(path: &Path) -> Result<Self, Error> {
        let failed = |source| Error::Read { path: path.to_owned(), source };
        let file = beneath::open_file(path).map_err(failed)?;
        let metadata = file.metadata().map_err(failed)?;
        let mode = u16::try_from(metadata.mode() & 0o7777).unwrap_or_default();
        Ok(Self { path: path.to_owned(), size_bytes: metadata.len(), mode, file })
    }

    /// Returns the name without the directories.
    pub fn name(&self) -> String {
        self.path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default()
    }

    /// Returns the first bytes, as many as are wanted and there; they are read again by [`SingleFile::read`].
    pub fn head(&self, bytes: usize) -> Result<Vec<u8>, Error> {
        let mut head = vec![0; bytes.min(usize::try_from(self.size_bytes).unwrap_or(usize::MAX))];
        let mut count = 0;
        while count < head.len() {
            let read = self.file.read_at(&mut head[count..], count as u64);
            match read.map_err(|source| Error::Read { path: self.path.clone(), source })? {
                0 => break,
                more => count += more,
            }
        }
        head.truncate(count);
        Ok(head)
    }

    /// Reads the file: as much as `read` wants, and then to the end. Returns what `read` returned, and the digest of all.
    pub fn read<T>(&self, read: impl FnOnce(&mut dyn Read) -> T) -> Result<(T, Digest), Error> {
        let mut reader = HashingReader { file: &self.file, hashing: Hashing::new(Algorithm::Sha256) };
        let value = read(&mut reader);
        let rest = io::copy(&mut reader, &mut io::sink());
        rest.map_err(|source| Error::Read { path: self.path.clone(), source })?;
        Ok((value, reader.hashing.finish()))
    }
}

struct HashingReader<'f> {
    file: &'f File,
    hashing: Hashing,
}

impl Read for HashingReader<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.file.read(buffer)?;
        self.hashing.update(&buffer[..count]);
        Ok(count)
    }
}
