use std::fmt::Display;
use std::fs;
use std::io::{self, IoSlice, IoSliceMut};
use std::os::fd::{AsFd, OwnedFd};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};

use bytes::{Bytes, BytesMut};
use rustix::fs::{AtFlags, Mode, OFlags, ResolveFlags};
use rustix::io::{Errno, ReadWriteFlags};

use crate::directories::SharedSync;
use crate::location::{Directory, Place};
use crate::{Error, Faults, Operation};

/// Only the process's own user reads blobs: who else may is decided above.
const FILE_MODE: Mode = Mode::from_raw_mode(0o600);
const DIRECTORY_MODE: Mode = Mode::from_raw_mode(0o700);

/// How many pieces one write takes; Linux allows 1,024.
const WRITE_PIECES_MAX: usize = 1024;

/// How much of a file is in memory while it is copied.
const COPY_BYTES: usize = 256 * 1024;

/// Every file operation of this crate: the one place that tests can make fail and record.
pub(crate) struct Files {
    root: OwnedFd,
    path: PathBuf,
    faults: Option<Faults>,
    /// One for each of [`Directory::all`], in that order.
    syncs: Vec<SharedSync>,
    /// Whether the kernel opens, and reads, only what is in memory when asked to; found out by asking.
    opens_cached: AtomicBool,
    reads_cached: AtomicBool,
}

/// An open file.
pub(crate) struct File {
    descriptor: OwnedFd,
    place: Place,
    /// The inode where faults are recorded, else 0.
    number: u64,
}

/// Which file, and which version of it: this changes with each change of the file's bytes, size or name.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Status {
    device: u64,
    inode: u64,
    pub(crate) size_bytes: u64,
    /// Whether it has more than one name, as it has while it is both an upload and the blob that this becomes.
    pub(crate) has_other_names: bool,
    changed_s: i64,
    changed_ns: i64,
}

impl Files {
    /// Makes what is missing of the root and its directories, and syncs them.
    pub(crate) fn open(path: &Path, faults: Option<Faults>) -> Result<Self, Error> {
        let root_error = |operation| move |source| Error::file(operation, path.display(), source);
        if !path.is_dir() {
            fs::create_dir_all(path).map_err(root_error("make directory"))?;
            if let Some(parent) = path.parent() {
                let parent = if parent.as_os_str().is_empty() { Path::new(".") } else { parent };
                fs::File::open(parent).and_then(|parent| parent.sync_all()).map_err(root_error("sync parent of"))?;
            }
        }
        let root = rustix::fs::open(path, OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty())
            .map_err(|errno| root_error("open")(errno.into()))?;
        let files = Self {
            root,
            path: path.to_owned(),
            faults,
            syncs: Directory::all().map(|_| SharedSync::default()).collect(),
            opens_cached: AtomicBool::new(true),
            reads_cached: AtomicBool::new(true),
        };
        for directory in Directory::all() {
            files.make_directory(directory)?;
        }
        // Also when all were there: an earlier process may have ended between making and syncing them.
        for directory in Directory::all().filter(|directory| !matches!(directory, Directory::Shard(..))) {
            files.sync_directory(directory)?;
        }
        Ok(files)
    }

    fn make_directory(&self, directory: Directory) -> Result<(), Error> {
        let path = directory.to_string();
        let make = || match rustix::fs::mkdirat(&self.root, &path, DIRECTORY_MODE) {
            Ok(()) => Ok(true),
            Err(Errno::EXIST) => {
                rustix::fs::chmodat(&self.root, &path, DIRECTORY_MODE, AtFlags::empty())?;
                Ok(false)
            }
            Err(errno) => Err(errno.into()),
        };
        let describe = |is_new: &bool| is_new.then(|| Operation::MakeDirectory { path: path.clone() });
        self.run(make, || (), describe).map_err(|source| Error::file("make directory", directory, source))?;
        Ok(())
    }

    /// Makes an empty file under a name that is free: no file is ever emptied, since it may have another name.
    pub(crate) fn create(&self, place: Place) -> Result<File, Error> {
        let path = place.to_string();
        let flags = OFlags::RDWR | OFlags::CREATE | OFlags::EXCL | OFlags::CLOEXEC | OFlags::NOFOLLOW;
        let create = || self.file(rustix::fs::openat(&self.root, &path, flags, FILE_MODE)?, place);
        self.run(create, || (), |file| Some(Operation::Create { path: path.clone(), file: file.number }))
            .map_err(|source| Error::file("create", place, source))
    }

    pub(crate) fn open_to_write(&self, place: Place) -> Result<File, Error> {
        self.open_file(place, OFlags::RDWR)
    }

    pub(crate) fn open_to_read(&self, place: Place) -> Result<File, Error> {
        self.open_file(place, OFlags::RDONLY)
    }

    fn open_file(&self, place: Place, access: OFlags) -> Result<File, Error> {
        let flags = access | OFlags::CLOEXEC | OFlags::NOFOLLOW;
        let open = || self.file(rustix::fs::openat(&self.root, place.to_string(), flags, Mode::empty())?, place);
        self.run(open, || (), |_| None).map_err(|source| Error::file("open", place, source))
    }

    /// Opens a file when that needs no disk access; `None` when it may need one.
    pub(crate) fn open_to_read_if_cached(&self, place: Place) -> Option<File> {
        if !self.opens_cached.load(Ordering::Relaxed) {
            return None;
        }
        let flags = OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NOFOLLOW;
        let resolve = ResolveFlags::CACHED | ResolveFlags::BENEATH;
        let open = || {
            let descriptor = rustix::fs::openat2(&self.root, place.to_string(), flags, Mode::empty(), resolve);
            if matches!(descriptor, Err(Errno::NOSYS | Errno::INVAL | Errno::PERM)) {
                self.opens_cached.store(false, Ordering::Relaxed);
            }
            self.file(descriptor?, place)
        };
        // Whatever is wrong, the open that may block tells it again.
        self.run(open, || (), |_| None).ok()
    }

    fn file(&self, descriptor: OwnedFd, place: Place) -> io::Result<File> {
        let number = if self.faults.is_some() { rustix::fs::fstat(&descriptor)?.st_ino } else { 0 };
        Ok(File { descriptor, place, number })
    }

    #[expect(clippy::cast_sign_loss, reason = "the kernel reports no negative size")]
    pub(crate) fn status(&self, file: &File) -> Result<Status, Error> {
        let status = || {
            let stat = rustix::fs::fstat(&file.descriptor)?;
            Ok(Status {
                device: stat.st_dev,
                inode: stat.st_ino,
                size_bytes: stat.st_size as u64,
                has_other_names: stat.st_nlink > 1,
                changed_s: stat.st_ctime,
                changed_ns: stat.st_ctime_nsec.cast_signed(),
            })
        };
        self.run(status, || (), |_| None).map_err(|source| Error::file("look at", file.place, source))
    }

    /// Writes all pieces, one after the other, from `offset_bytes` on.
    pub(crate) fn write(&self, file: &File, pieces: &[Bytes], offset_bytes: u64) -> Result<(), Error> {
        let describe =
            |(): &()| Some(Operation::Write { file: file.number, offset: offset_bytes, bytes: pieces.concat() });
        let write_half = || {
            let whole = pieces.concat();
            // What is tested is what comes after this; that it cannot be written either changes nothing.
            let _ = write_all(&file.descriptor, &[Bytes::copy_from_slice(&whole[..whole.len() / 2])], offset_bytes);
        };
        self.run(|| write_all(&file.descriptor, pieces, offset_bytes), write_half, describe)
            .map_err(|source| Error::file("write", file.place, source))
    }

    pub(crate) fn truncate(&self, file: &File, size_bytes: u64) -> Result<(), Error> {
        let truncate = || Ok(rustix::fs::ftruncate(&file.descriptor, size_bytes)?);
        self.run(truncate, || (), |()| Some(Operation::Truncate { file: file.number, size_bytes }))
            .map_err(|source| Error::file("truncate", file.place, source))
    }

    /// Makes the file's bytes and size durable; not its name.
    pub(crate) fn sync(&self, file: &File) -> Result<(), Error> {
        let sync = || Ok(rustix::fs::fdatasync(&file.descriptor)?);
        self.run(sync, || (), |()| Some(Operation::SyncFile { file: file.number }))
            .map_err(|source| Error::file("sync", file.place, source))
    }

    /// Gives the file a second name.
    pub(crate) fn link(&self, from: Place, to: Place) -> Result<(), Error> {
        let (from_path, to_path) = (from.to_string(), to.to_string());
        let link = || Ok(rustix::fs::linkat(&self.root, &from_path, &self.root, &to_path, AtFlags::empty())?);
        let describe = |(): &()| Some(Operation::Link { from: from_path.clone(), to: to_path.clone() });
        self.run(link, || (), describe).map_err(|source| Error::file("link to", to, source))
    }

    /// Copies the first `size_bytes` of a file, or all of a shorter one, to a new file and syncs it; not its name.
    pub(crate) fn copy(&self, from: &File, size_bytes: u64, to: Place) -> Result<File, Error> {
        let copy = self.create(to)?;
        let mut offset_bytes = 0;
        while offset_bytes < size_bytes {
            let wanted = usize::try_from(size_bytes - offset_bytes).map_or(COPY_BYTES, |left| left.min(COPY_BYTES));
            let mut piece = BytesMut::zeroed(wanted);
            let count = self.read(from, &mut piece, offset_bytes)?;
            if count == 0 {
                break;
            }
            piece.truncate(count);
            self.write(&copy, &[piece.freeze()], offset_bytes)?;
            offset_bytes += count as u64;
        }
        self.sync(&copy)?;
        Ok(copy)
    }

    /// Gives the file another name, which another file may have had.
    pub(crate) fn rename(&self, from: Place, to: Place) -> Result<(), Error> {
        let (from_path, to_path) = (from.to_string(), to.to_string());
        let rename = || Ok(rustix::fs::renameat(&self.root, &from_path, &self.root, &to_path)?);
        let describe = |(): &()| Some(Operation::Rename { from: from_path.clone(), to: to_path.clone() });
        self.run(rename, || (), describe).map_err(|source| Error::file("rename to", to, source))
    }

    /// Removes a file's name; returns whether there was one.
    pub(crate) fn remove(&self, place: Place) -> Result<bool, Error> {
        let path = place.to_string();
        let remove = || match rustix::fs::unlinkat(&self.root, &path, AtFlags::empty()) {
            Ok(()) => Ok(true),
            Err(Errno::NOENT) => Ok(false),
            Err(errno) => Err(errno.into()),
        };
        self.run(remove, || (), |existed: &bool| existed.then(|| Operation::Remove { path: path.clone() }))
            .map_err(|source| Error::file("remove", place, source))
    }

    /// Makes the directory's entries durable, in one sync with others who ask at the same time.
    pub(crate) fn sync_directory(&self, directory: Directory) -> Result<(), Error> {
        let path = directory.to_string();
        let sync = || {
            let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
            Ok(rustix::fs::fsync(rustix::fs::openat(&self.root, &path, flags, Mode::empty())?)?)
        };
        let index = directory.index();
        self.syncs[index]
            .run(|| self.run(sync, || (), |()| Some(Operation::SyncDirectory { path: path.clone() })))
            .map_err(|source| Error::file("sync directory", directory, source))
    }

    /// Reads once; fewer bytes than asked for are no error, none is the file's end.
    pub(crate) fn read(&self, file: &File, buffer: &mut [u8], offset_bytes: u64) -> Result<usize, Error> {
        let read = || loop {
            match rustix::io::pread(&file.descriptor, &mut *buffer, offset_bytes) {
                Err(Errno::INTR) => (),
                outcome => return Ok(outcome?),
            }
        };
        self.run(read, || (), |_| None).map_err(|source| Error::file("read", file.place, source))
    }

    /// Reads like [`Self::read`], when that needs no disk access; `None` when it may need one.
    pub(crate) fn read_if_cached(&self, file: &File, buffer: &mut [u8], offset_bytes: u64) -> Option<usize> {
        if !self.reads_cached.load(Ordering::Relaxed) {
            return None;
        }
        let read = || {
            let buffers = &mut [IoSliceMut::new(buffer)];
            let outcome = rustix::io::preadv2(&file.descriptor, buffers, offset_bytes, ReadWriteFlags::NOWAIT);
            // `OPNOTSUPP` is one errno with `NOTSUP` on Linux: the file system cannot tell.
            if matches!(outcome, Err(Errno::OPNOTSUPP | Errno::NOSYS | Errno::INVAL | Errno::PERM)) {
                self.reads_cached.store(false, Ordering::Relaxed);
            }
            Ok(outcome?)
        };
        // Whatever is wrong, the read that may block tells it again.
        self.run(read, || (), |_| None).ok()
    }

    /// Tells the kernel that the file will be read from front to back, so that it reads further ahead.
    pub(crate) fn expect_sequential_reads(file: &File) {
        // Advice only: a file system that takes none serves the same bytes.
        let _ = rustix::fs::fadvise(file.descriptor.as_fd(), 0, None, rustix::fs::Advice::Sequential);
    }

    pub(crate) fn read_directory(&self, directory: Directory) -> Result<fs::ReadDir, Error> {
        self.run(|| fs::read_dir(self.path.join(directory.to_string())), || (), |_| None)
            .map_err(|source| Error::file("list", directory, source))
    }

    pub(crate) fn read_entry(
        &self,
        directory: impl Display,
        entry: io::Result<fs::DirEntry>,
    ) -> Result<Option<(fs::DirEntry, fs::Metadata)>, Error> {
        let read = || {
            let entry = entry?;
            match entry.metadata() {
                Ok(metadata) => Ok(Some((entry, metadata))),
                // Removed since the directory was read.
                Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
                Err(error) => Err(error),
            }
        };
        self.run(read, || (), |_| None).map_err(|source| Error::file("list", directory, source))
    }

    fn run<T>(
        &self,
        run: impl FnOnce() -> io::Result<T>,
        run_half: impl FnOnce(),
        describe: impl FnOnce(&T) -> Option<Operation>,
    ) -> io::Result<T> {
        match &self.faults {
            None => run(),
            Some(faults) => faults.run(run, run_half, describe),
        }
    }
}

fn write_all(descriptor: &OwnedFd, pieces: &[Bytes], mut offset_bytes: u64) -> io::Result<()> {
    let mut slices: Vec<IoSlice<'_>> = pieces.iter().map(|piece| IoSlice::new(piece)).collect();
    let mut slices = &mut slices[..];
    // Leaves out empty pieces in front, so that a write of nothing is never tried.
    IoSlice::advance_slices(&mut slices, 0);
    while !slices.is_empty() {
        let batch = &slices[..slices.len().min(WRITE_PIECES_MAX)];
        match rustix::io::pwritev(descriptor, batch, offset_bytes) {
            Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
            Ok(written) => {
                offset_bytes += written as u64;
                IoSlice::advance_slices(&mut slices, written);
            }
            Err(Errno::INTR) => (),
            Err(errno) => return Err(errno.into()),
        }
    }
    Ok(())
}
