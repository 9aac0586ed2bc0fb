use std::fs::{self, File};
use std::io::{self, BufRead as _, BufReader, Read};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use flate2::bufread::MultiGzDecoder;
use sbom::tar::{EntryKind, Walk};
use vulndb::{Document, Problem, Reader, Records, Time};

/// The most documents of one feed: the largest, of all ecosystems together, have some 600,000.
pub const DOCUMENTS_MAX: u64 = 5_000_000;

/// The most bytes of one feed once unpacked: the largest publish some 20 GB.
pub const ARCHIVE_BYTES_MAX: u64 = 100 << 30;

/// How deep directories are entered; trees of advisories have six levels.
const DEPTH_MAX: usize = 32;

/// Why a feed could not be read.
#[derive(Debug, thiserror::Error)]
pub enum DocumentError {
    /// The file system or the packing did not play along.
    #[error("failed to read `{}`", path.display())]
    Read {
        /// What was read.
        path: PathBuf,
        /// Why it failed.
        source: io::Error,
    },
    /// A tar is damaged.
    #[error("failed to walk through the archive `{}`", path.display())]
    Tar {
        /// The archive.
        path: PathBuf,
        /// Why it failed.
        source: sbom::tar::Error,
    },
    /// A zip is damaged.
    #[error("failed to walk through the archive `{}`", path.display())]
    Zip {
        /// The archive.
        path: PathBuf,
        /// Why it failed.
        source: zip::result::ZipError,
    },
    /// There is more than is read.
    #[error("`{}` has more {what} than are read", path.display())]
    TooMuch {
        /// The feed.
        path: PathBuf,
        /// What there is too much of.
        what: &'static str,
    },
    /// There is no document that the reader wants.
    #[error("`{}` has no document of the format `{reader}`", path.display())]
    Nothing {
        /// The feed.
        path: PathBuf,
        /// The reader's name.
        reader: &'static str,
    },
}

/// What was read of a feed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Documents {
    /// How many documents.
    pub documents: u64,
    /// When the newest of the files that hold them was changed last. What is fetched is as old as its publisher says.
    pub changed: Option<Time>,
}

/// Reads a feed that lies on this machine: a directory, a zip, a tar, or one document; the latter two packed by gzip, zstd or not
/// at all. `progress` is told how many documents were read.
pub fn read(
    path: &Path,
    reader: &Reader,
    records: &mut Records,
    progress: &mut dyn FnMut(u64),
) -> Result<Documents, DocumentError> {
    let mut feed = Feed { path, reader, records, progress, documents: 0, bytes: 0, changed: None };
    let metadata = fs::metadata(path).map_err(|source| feed.failed(source))?;
    if metadata.is_dir() {
        feed.directory(path, 0)?;
    } else {
        feed.file()?;
    }
    match feed.documents {
        0 => Err(DocumentError::Nothing { path: path.to_owned(), reader: reader.name }),
        documents => Ok(Documents { documents, changed: feed.changed }),
    }
}

/// A feed that is being read.
struct Feed<'a> {
    path: &'a Path,
    reader: &'a Reader,
    records: &'a mut Records,
    progress: &'a mut dyn FnMut(u64),
    documents: u64,
    bytes: u64,
    changed: Option<Time>,
}

impl Feed<'_> {
    fn failed(&self, source: io::Error) -> DocumentError {
        DocumentError::Read { path: self.path.to_owned(), source }
    }

    fn too_much(&self, what: &'static str) -> DocumentError {
        DocumentError::TooMuch { path: self.path.to_owned(), what }
    }

    /// Links are not followed: what lies outside is not the feed.
    fn directory(&mut self, directory: &Path, depth: usize) -> Result<(), DocumentError> {
        if depth > DEPTH_MAX {
            return Err(self.too_much("levels of directories"));
        }
        let entries: io::Result<Vec<_>> = fs::read_dir(directory).and_then(Iterator::collect);
        let mut entries = entries.map_err(|source| self.failed(source))?;
        entries.sort_by_key(fs::DirEntry::file_name);
        for entry in entries {
            let path = entry.path();
            let kind = entry.file_type().map_err(|source| self.failed(source))?;
            if kind.is_dir() && entry.file_name() != ".git" {
                self.directory(&path, depth + 1)?;
                continue;
            }
            let name = path.strip_prefix(self.path).unwrap_or(&path).to_string_lossy().into_owned();
            if kind.is_file() && (self.reader.claims)(&name) {
                let file = self.open(&path)?;
                self.document(&name, file)?;
            }
        }
        Ok(())
    }

    fn open(&mut self, path: &Path) -> Result<File, DocumentError> {
        let opened = File::open(path).and_then(|file| {
            let changed = file.metadata()?.modified()?.duration_since(SystemTime::UNIX_EPOCH).ok();
            Ok((file, changed.and_then(|since| Time::try_from(since.as_secs()).ok())))
        });
        let (file, changed) = opened.map_err(|source| self.failed(source))?;
        self.changed = self.changed.max(changed);
        Ok(file)
    }

    fn file(&mut self) -> Result<(), DocumentError> {
        let file = self.open(self.path)?;
        let mut head = BufReader::new(file);
        let begin = head.fill_buf().map_err(|source| self.failed(source))?;
        if begin.starts_with(b"PK\x03\x04") || begin.starts_with(b"PK\x05\x06") {
            return self.zip(head.into_inner());
        }
        if begin.starts_with(&[0x1f, 0x8b]) {
            return self.stream(BufReader::new(MultiGzDecoder::new(head)));
        }
        if begin.starts_with(&[0x28, 0xb5, 0x2f, 0xfd]) {
            let decoder = zstd::Decoder::with_buffer(head).map_err(|source| self.failed(source))?;
            return self.stream(BufReader::new(decoder));
        }
        self.stream(head)
    }

    /// A tar, or one document.
    fn stream<R: Read>(&mut self, mut stream: BufReader<R>) -> Result<(), DocumentError> {
        let mut begin = Vec::new();
        stream.by_ref().take(TAR_BLOCK_BYTES).read_to_end(&mut begin).map_err(|source| self.failed(source))?;
        let is_tar = begin.get(257..262).is_some_and(|magic| magic == b"ustar");
        let whole = begin.as_slice().chain(stream);
        if is_tar {
            return self.tar(whole);
        }
        let name = self.path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        self.document(&name, whole)
    }

    fn tar(&mut self, stream: impl Read) -> Result<(), DocumentError> {
        let mut walk = Walk::new(stream);
        let damaged = |path: &Path, source| DocumentError::Tar { path: path.to_owned(), source };
        while let Some(header) = walk.next().map_err(|source| damaged(self.path, source))? {
            self.count(header.stored_bytes)?;
            let name = sbom::tar::text(&header.path);
            if header.kind == EntryKind::File && (self.reader.claims)(&name) {
                self.document(&name, walk.body())?;
            }
        }
        Ok(())
    }

    fn zip(&mut self, file: File) -> Result<(), DocumentError> {
        let damaged = |path: &Path, source| DocumentError::Zip { path: path.to_owned(), source };
        let mut archive = zip::ZipArchive::new(BufReader::new(file)).map_err(|source| damaged(self.path, source))?;
        for index in 0..archive.len() {
            let entry = archive.by_index(index).map_err(|source| damaged(self.path, source))?;
            let name = entry.name().to_owned();
            if entry.is_file() && (self.reader.claims)(&name) {
                self.document(&name, entry)?;
            }
        }
        Ok(())
    }

    /// Counts bytes that an archive states or holds.
    fn count(&mut self, bytes: u64) -> Result<(), DocumentError> {
        self.bytes = self.bytes.saturating_add(bytes);
        if self.bytes > ARCHIVE_BYTES_MAX { Err(self.too_much("bytes")) } else { Ok(()) }
    }

    fn document(&mut self, name: &str, mut stream: impl Read) -> Result<(), DocumentError> {
        let limit = self.reader.document_bytes_max;
        let mut bytes = Vec::new();
        let read = stream.by_ref().take(limit.saturating_add(1)).read_to_end(&mut bytes);
        read.map_err(|source| self.failed(source))?;
        self.count(bytes.len() as u64)?;
        self.documents += 1;
        if self.documents > DOCUMENTS_MAX {
            return Err(self.too_much("documents"));
        }
        if bytes.len() as u64 > limit {
            self.records.refuse(Problem::TooLarge(limit), name);
        } else {
            self.reader.read(&Document { path: name, bytes: &bytes }, self.records);
        }
        (self.progress)(self.documents);
        Ok(())
    }
}

/// A tar's first header is one block.
const TAR_BLOCK_BYTES: u64 = 512;

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use super::*;
    use vulndb::Advisory;

    /// Keeps the path of what it is given, and how much that is.
    const LISTING: Reader = Reader {
        name: "listing",
        summary: "what it is given",
        claims: |path| Path::new(path).extension().is_some_and(|extension| extension == "json"),
        document_bytes_max: 10,
        read: |document, records| {
            let id = format!("{} {}", document.path, document.bytes.len());
            records.advisories.push(Advisory { id, ..Advisory::default() });
        },
    };

    const FILES: [(&str, &[u8]); 4] =
        [("a/one.json", b"1"), ("a/two.txt", b"22"), ("b/three.json", b"0123456789"), ("b/four.json", b"01234567890")];

    fn listed(path: &Path) -> Result<(Vec<String>, u64), DocumentError> {
        let mut records = Records::default();
        let mut told = 0;
        read(path, &LISTING, &mut records, &mut |documents| told = documents)?;
        let mut paths: Vec<_> = records.advisories.into_iter().map(|advisory| advisory.id).collect();
        paths.sort();
        let refused = records.problems.values().map(|(count, _)| count).sum::<u64>();
        assert_eq!(told, paths.len() as u64 + refused);
        Ok((paths, refused))
    }

    fn tar() -> Vec<u8> {
        let mut bytes = Vec::new();
        for (name, contents) in FILES {
            let mut header = vec![0; 512];
            header[..name.len()].copy_from_slice(name.as_bytes());
            header[100..108].copy_from_slice(b"0000644\0");
            header[124..136].copy_from_slice(format!("{:011o}\0", contents.len()).as_bytes());
            header[156] = b'0';
            header[257..263].copy_from_slice(b"ustar\0");
            header[148..156].copy_from_slice(b"        ");
            let sum: u32 = header.iter().map(|byte| u32::from(*byte)).sum();
            header[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
            bytes.extend(header);
            bytes.extend(contents);
            bytes.resize(bytes.len().next_multiple_of(512), 0);
        }
        bytes.resize(bytes.len() + 1024, 0);
        bytes
    }

    fn zip() -> Vec<u8> {
        let mut writer = zip::ZipWriter::new(io::Cursor::new(Vec::new()));
        for (name, contents) in FILES {
            writer.start_file(name, zip::write::SimpleFileOptions::default()).unwrap();
            writer.write_all(contents).unwrap();
        }
        writer.finish().unwrap().into_inner()
    }

    fn gzip(bytes: &[u8]) -> Vec<u8> {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    }

    #[test]
    fn a_feed_is_read_in_whatever_it_is_packed() {
        let place = tempfile::tempdir().unwrap();
        for (name, contents) in FILES {
            let path = place.path().join("tree").join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, contents).unwrap();
        }
        // What lies outside is not entered.
        std::os::unix::fs::symlink(place.path().join("tree/a"), place.path().join("tree/link")).unwrap();
        std::os::unix::fs::symlink(place.path().join("tree/a/one.json"), place.path().join("tree/link.json")).unwrap();
        let packed: [(&str, Vec<u8>); 4] = [
            ("feed.zip", zip()),
            ("feed.tar", tar()),
            ("feed.tar.gz", gzip(&tar())),
            ("feed.tar.zst", zstd::bulk::compress(&tar(), 1).unwrap()),
        ];
        for (name, bytes) in &packed {
            fs::write(place.path().join(name), bytes).unwrap();
        }
        let expected = (vec!["a/one.json 1".to_owned(), "b/three.json 10".to_owned()], 1);
        for name in ["tree", "feed.zip", "feed.tar", "feed.tar.gz", "feed.tar.zst"] {
            assert_eq!(listed(&place.path().join(name)).unwrap(), expected, "{name}");
        }
    }

    #[test]
    fn a_feed_is_as_old_as_the_newest_of_its_files() {
        let place = tempfile::tempdir().unwrap();
        let write = |name: &str, second: u64| {
            let path = place.path().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(&path, "{}").unwrap();
            let moment = SystemTime::UNIX_EPOCH + std::time::Duration::from_secs(second);
            File::options().write(true).open(&path).unwrap().set_modified(moment).unwrap();
        };
        write("tree/one.json", 100);
        write("tree/a/two.json", 300);
        write("tree/three.json", 200);
        // It is not of the feed.
        write("tree/readme.txt", 400);
        let changed = |name: &str| {
            read(&place.path().join(name), &LISTING, &mut Records::default(), &mut |_| {}).unwrap().changed
        };
        assert_eq!((changed("tree"), changed("tree/one.json")), (Some(300), Some(100)));
    }

    #[test]
    fn one_document_is_wanted_whatever_it_is_called() {
        let place = tempfile::tempdir().unwrap();
        for (name, bytes) in [("feed", b"{}".to_vec()), ("feed.gz", gzip(b"{}"))] {
            fs::write(place.path().join(name), bytes).unwrap();
            assert_eq!(listed(&place.path().join(name)).unwrap().0, [format!("{name} 2")]);
        }
    }

    #[test]
    fn what_cannot_be_read_is_an_error() {
        let place = tempfile::tempdir().unwrap();
        let write = |name: &str, bytes: &[u8]| fs::write(place.path().join(name), bytes).unwrap();
        write("cut.zip", &zip()[..100]);
        write("cut.tar", &tar()[..700]);
        write("cut.tar.gz", &gzip(&tar())[..60]);
        fs::create_dir(place.path().join("empty")).unwrap();
        let table = [
            ("absent", "failed to read"),
            ("empty", "has no document of the format `listing`"),
            ("cut.zip", "failed to walk through the archive"),
            ("cut.tar", "failed to walk through the archive"),
            ("cut.tar.gz", "failed to"),
        ];
        for (name, told) in table {
            let error = listed(&place.path().join(name)).unwrap_err().to_string();
            assert!(error.contains(told), "{name}: {error}");
        }
    }
}
