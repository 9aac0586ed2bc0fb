//! Archives of images: a tar that is read in place, by the offsets of its entries.

use std::collections::HashMap;
use std::fs::File;
use std::io::{self, BufReader, Read, Seek as _};
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use sbom::tar::{EntryKind, Walk, text};

use crate::spool::{self, Compression};
use crate::{Error, beneath};

/// The most entries of an archive: an image has three a layer, and the largest collections of images some thousands.
pub const ARCHIVE_ENTRIES_MAX: usize = 100_000;

/// The most links on the way to an entry: old archives have one from a layer to the same one of another image.
const LINKS_MAX: usize = 8;

const BUFFER_BYTES: usize = 16 << 10;

/// An archive whose entries are known.
#[derive(Debug)]
pub(crate) struct Archive {
    path: PathBuf,
    file: Arc<File>,
    entries: HashMap<String, Entry>,
}

#[derive(Debug)]
enum Entry {
    File {
        offset: u64,
        len: u64,
    },
    /// The path that a link means.
    Link(String),
}

/// A part of a file.
#[derive(Debug, Clone)]
pub(crate) struct Section {
    file: Arc<File>,
    offset: u64,
    len: u64,
}

impl Section {
    pub(crate) fn len(&self) -> u64 {
        self.len
    }
}

impl Read for Section {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let want = usize::try_from(self.len).unwrap_or(usize::MAX).min(buffer.len());
        let count = self.file.read_at(&mut buffer[..want], self.offset)?;
        if count == 0 && want > 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        self.offset += count as u64;
        self.len -= count as u64;
        Ok(count)
    }
}

impl Archive {
    /// Opens a file; a compressed one is decompressed into a file without a name, and so is what comes through a pipe kept.
    pub(crate) fn open(path: &Path) -> Result<Self, Error> {
        let failed = |source| Error::Read { path: path.to_owned(), source };
        if beneath::is_pipe(path) {
            return Self::from_stream(File::open(path).map_err(failed)?, path);
        }
        let mut file = beneath::open_file(path).map_err(failed)?;
        let mut head = [0; 4];
        let len = file.read_at(&mut head, 0).map_err(failed)?;
        if Compression::of(&head[..len]) != Compression::None {
            file = spool::spool(file, path)?;
        }
        Self::index(file, path)
    }

    /// Reads a stream to its end.
    pub(crate) fn from_stream(stream: impl Read, path: &Path) -> Result<Self, Error> {
        Self::index(spool::spool(stream, path)?, path)
    }

    fn index(file: File, path: &Path) -> Result<Self, Error> {
        let failed = |source| Error::Read { path: path.to_owned(), source };
        let damaged = |reason: String| Error::ArchiveDamaged { path: path.to_owned(), reason };
        let end = file.metadata().map_err(failed)?.len();
        let mut reader = BufReader::with_capacity(BUFFER_BYTES, file);
        reader.rewind().map_err(failed)?;
        let mut walk = Walk::new_seekable(reader);
        let mut entries = HashMap::new();
        while let Some(header) = walk.next().map_err(|source| Error::Archive { path: path.to_owned(), source })? {
            if entries.len() >= ARCHIVE_ENTRIES_MAX {
                return Err(damaged(format!("has more than {ARCHIVE_ENTRIES_MAX} entries")));
            }
            let name = text(&header.path);
            let Some(name) = resolved("", &name) else {
                return Err(damaged(format!("holds `{name}`, which leaves it")));
            };
            match header.kind {
                EntryKind::File => {
                    let (offset, len) = (walk.offset(), header.stored_bytes);
                    if offset.saturating_add(len) > end {
                        return Err(damaged(format!("ends inside of `{name}`")));
                    }
                    if len != header.size_bytes {
                        return Err(damaged(format!("holds `{name}` as a sparse file, which no image's part is")));
                    }
                    entries.insert(name, Entry::File { offset, len });
                }
                EntryKind::Symlink | EntryKind::HardLink => {
                    let target = text(&header.link);
                    let base = if header.kind == EntryKind::Symlink { parent(&name) } else { "" };
                    // One that leaves the archive means nothing in it; whoever asks for it is told so.
                    if let Some(target) = resolved(base, &target) {
                        entries.insert(name, Entry::Link(target));
                    }
                }
                EntryKind::Directory | EntryKind::Other => {}
            }
        }
        let file = walk.into_reader().into_inner();
        Ok(Self { path: path.to_owned(), file: Arc::new(file), entries })
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Returns an entry; links are followed within the archive.
    pub(crate) fn find(&self, name: &str) -> Option<Section> {
        let mut name = resolved("", name)?;
        for _ in 0..=LINKS_MAX {
            match self.entries.get(&name)? {
                Entry::File { offset, len } => {
                    return Some(Section { file: Arc::clone(&self.file), offset: *offset, len: *len });
                }
                Entry::Link(target) => name.clone_from(target),
            }
        }
        None
    }

    /// Reads an entry that has at most some bytes.
    pub(crate) fn read(&self, name: &str, limit: u64) -> Result<Option<Vec<u8>>, Error> {
        let Some(mut section) = self.find(name) else { return Ok(None) };
        if section.len() > limit {
            let what = format!("`{name}` in `{}`", self.path.display());
            return Err(Error::TooLarge { what, actual: section.len(), limit });
        }
        let mut bytes = Vec::new();
        let read = section.read_to_end(&mut bytes);
        read.map_err(|source| Error::Read { path: self.path.clone(), source })?;
        Ok(Some(bytes))
    }
}

fn parent(path: &str) -> &str {
    path.rsplit_once('/').map_or("", |(parent, _)| parent)
}

/// Returns the path that `path` means from a directory of the archive; `None` when it leaves it.
fn resolved(base: &str, path: &str) -> Option<String> {
    let mut parts: Vec<&str> = if path.starts_with('/') { Vec::new() } else { base.split('/').collect() };
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop().filter(|part| !part.is_empty())?;
            }
            part => parts.push(part),
        }
    }
    parts.retain(|part| !part.is_empty());
    Some(parts.join("/"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_stay_in_the_archive() {
        let table = [
            ("", "a/b", Some("a/b")),
            ("", "./a//b/", Some("a/b")),
            ("", "/a/b", Some("a/b")),
            ("", "../a", None),
            ("", "a/../../b", None),
            ("x", "../y/layer.tar", Some("y/layer.tar")),
            ("x", "../../y", None),
            ("x/y", "/z", Some("z")),
            ("x", "layer.tar", Some("x/layer.tar")),
        ];
        for (base, path, expected) in table {
            assert_eq!(resolved(base, path).as_deref(), expected, "{path} from {base}");
        }
    }
}
