use std::fs::File;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::fs::FileTypeExt as _;
use std::path::Path;

use rustix::fs::{FileType, Mode, OFlags, ResolveFlags, fstat, open, openat, openat2};
use rustix::io::Errno;

/// Not to wait for the other end of a pipe that stands where a file should.
const READ: OFlags = OFlags::RDONLY.union(OFlags::NONBLOCK).union(OFlags::CLOEXEC).union(OFlags::NOCTTY);

/// Opens a directory whose contents are looked at.
pub(crate) fn open_directory(path: &Path) -> io::Result<OwnedFd> {
    Ok(open(path, READ | OFlags::DIRECTORY, Mode::empty())?)
}

/// Tells whether a path leads to what another program writes, as `<(docker save alpine:3.20)` does: only what a person names is opened as such.
pub fn is_pipe(path: &Path) -> bool {
    path.metadata().is_ok_and(|metadata| metadata.file_type().is_fifo())
}

/// Opens a regular file.
pub(crate) fn open_file(path: &Path) -> io::Result<File> {
    regular(open(path, READ, Mode::empty())?.into())
}

/// Opens a regular file below a directory; no link on the way leads out of it.
pub(crate) fn open_beneath(root: impl AsFd, path: &str) -> io::Result<File> {
    let resolve = ResolveFlags::BENEATH | ResolveFlags::NO_MAGICLINKS;
    let descriptor = match openat2(&root, path, READ, Mode::empty(), resolve) {
        // A kernel before 5.6, or a sandbox that does not know the call.
        Err(Errno::NOSYS | Errno::PERM) => step_by_step(&root, path),
        opened => opened,
    };
    let descriptor = descriptor.map_err(told)?;
    regular(descriptor.into())
}

/// What the kernel calls a link between devices is one that leaves the directory.
fn told(errno: Errno) -> io::Error {
    match errno {
        Errno::XDEV | Errno::LOOP => io::Error::other("a link leads out of the directory, or in a circle"),
        errno => errno.into(),
    }
}

fn step_by_step(root: impl AsFd, path: &str) -> Result<OwnedFd, Errno> {
    let Some((directories, name)) = path.rsplit_once('/') else {
        return openat(root, path, READ | OFlags::NOFOLLOW, Mode::empty());
    };
    let mut at = openat(root, ".", READ | OFlags::DIRECTORY, Mode::empty())?;
    for part in directories.split('/') {
        if matches!(part, "" | "." | "..") {
            return Err(Errno::XDEV);
        }
        at = openat(at, part, READ | OFlags::DIRECTORY | OFlags::NOFOLLOW, Mode::empty())?;
    }
    openat(at, name, READ | OFlags::NOFOLLOW, Mode::empty())
}

fn regular(file: File) -> io::Result<File> {
    match FileType::from_raw_mode(fstat(&file)?.st_mode) {
        FileType::RegularFile => Ok(file),
        FileType::Directory => Err(io::ErrorKind::IsADirectory.into()),
        _ => Err(io::Error::new(io::ErrorKind::InvalidInput, "neither a file nor a directory")),
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn nothing_outside_is_opened() {
        let place = tempfile::tempdir().unwrap();
        let root = place.path().join("root");
        std::fs::create_dir_all(root.join("inner")).unwrap();
        std::fs::write(place.path().join("outside"), "x").unwrap();
        std::fs::write(root.join("inner/file"), "x").unwrap();
        symlink("../outside", root.join("relative")).unwrap();
        symlink(place.path().join("outside"), root.join("absolute")).unwrap();
        symlink("..", root.join("up")).unwrap();
        symlink("circle", root.join("circle")).unwrap();
        rustix::fs::mknodat(rustix::fs::CWD, root.join("pipe"), FileType::Fifo, Mode::RWXU, 0).unwrap();
        let directory = open_directory(&root).unwrap();
        for path in ["relative", "absolute", "up/outside", "../outside", "circle", "pipe", "inner", "absent"] {
            assert!(open_beneath(&directory, path).is_err(), "{path}");
            let stepped = step_by_step(&directory, path).map(File::from).map_err(io::Error::from).and_then(regular);
            assert!(stepped.is_err(), "{path}");
        }
        assert!(open_beneath(&directory, "inner/file").is_ok());
        assert!(step_by_step(&directory, "inner/file").is_ok());
    }
}
