//! A directory of this machine, walked without following a link.

use std::ffi::CString;
use std::fmt;
use std::fs::File;
use std::os::fd::{AsFd as _, OwnedFd};
use std::path::{Path, PathBuf};

use rustix::fs::{AtFlags, Dir, FileType, Mode, OFlags, Stat, fstat, fstatfs, openat, readlinkat, statat};
use rustix::io::Errno;
use sbom::tar::text;

use crate::{Error, beneath};

/// How deep directories may be inside each other: each level on the way holds a descriptor, of which a process usually has 1,024.
pub const DEPTH_MAX: usize = 400;

/// A directory that can be walked.
#[derive(Debug)]
pub struct Directory {
    /// The path, as it was asked for.
    pub path: PathBuf,
    root: OwnedFd,
}

/// Whether a walk enters what is mounted in a directory.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum FileSystems {
    /// It stays in the file system of the directory itself.
    #[default]
    One,
    /// It enters all but those that the kernel makes up, such as `/proc`.
    All,
}

/// What a walk finds, by its path from the directory, without a leading slash.
#[derive(Debug)]
pub enum Found<'w> {
    /// A directory, before what is in it.
    Directory {
        /// The permission bits.
        mode: u16,
    },
    /// A regular file, opened.
    File(FoundFile),
    /// A symbolic link, which is not followed.
    Symlink {
        /// What it points to.
        target: &'w str,
    },
    /// A device, pipe or socket, which is never opened.
    Other,
    /// Something that is not looked at.
    Skipped(Skipped),
}

/// A regular file that a walk found.
#[derive(Debug)]
pub struct FoundFile {
    /// The file.
    pub file: File,
    /// The size.
    pub size_bytes: u64,
    /// The permission bits.
    pub mode: u16,
}

/// Why something is not looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Skipped {
    /// It could not be opened or listed.
    Unreadable(Errno),
    /// Another file system is mounted there.
    OtherFileSystem,
    /// The kernel makes its contents up.
    KernelFileSystem,
    /// It is deeper than [`DEPTH_MAX`].
    TooDeep,
}

impl fmt::Display for Skipped {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unreadable(errno) => write!(formatter, "cannot be read: {}", std::io::Error::from(*errno)),
            Self::OtherFileSystem => formatter.write_str("is another file system, which was not entered"),
            Self::KernelFileSystem => formatter.write_str("is a file system of the kernel, which was not entered"),
            Self::TooDeep => write!(formatter, "is more than {DEPTH_MAX} directories deep"),
        }
    }
}

/// What a visitor wants of a directory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Enter {
    /// What is in it, too.
    Yes,
    /// Nothing of what is in it.
    No,
}

/// One directory on the way.
struct Level {
    directory: OwnedFd,
    /// What is left to look at, the last first.
    names: Vec<(CString, FileType)>,
    path_len: usize,
}

const OPEN: OFlags =
    OFlags::RDONLY.union(OFlags::NONBLOCK).union(OFlags::CLOEXEC).union(OFlags::NOCTTY).union(OFlags::NOFOLLOW);

impl Directory {
    pub(crate) fn open(path: &Path) -> Result<Self, Error> {
        let root = beneath::open_directory(path);
        let root = root.map_err(|source| Error::Read { path: path.to_owned(), source })?;
        Ok(Self { path: path.to_owned(), root })
    }

    /// Returns the absolute path without links, or the path as it was asked for where nobody says.
    pub fn real_path(&self) -> PathBuf {
        self.path.canonicalize().unwrap_or_else(|_| self.path.clone())
    }

    /// Opens a regular file by the path that a walk found it by.
    ///
    /// # Errors
    /// What the system says, and that a link leads out of the directory.
    pub fn open_file(&self, path: &str) -> std::io::Result<File> {
        beneath::open_beneath(&self.root, path)
    }

    /// Walks all that is in the directory, in the order of names, a directory before what is in it.
    ///
    /// # Errors
    /// What the visitor returns. What cannot be read is told to the visitor and passed over.
    pub fn walk<E>(
        &self,
        file_systems: FileSystems,
        visit: &mut dyn FnMut(&str, Found<'_>) -> Result<Enter, E>,
    ) -> Result<(), E> {
        let mut path = String::new();
        let root = openat(&self.root, ".", OPEN | OFlags::DIRECTORY, Mode::empty());
        let root = root.and_then(|directory| Ok((fstat(&directory)?.st_dev, Level::read(directory, 0)?)));
        let (device, root) = match root {
            Ok(opened) => opened,
            Err(errno) => return visit(&path, unreadable(errno)).map(drop),
        };
        let mut levels = vec![root];
        while let Some(level) = levels.last_mut() {
            path.truncate(level.path_len);
            let Some((name, file_type)) = level.names.pop() else {
                levels.pop();
                continue;
            };
            if !path.is_empty() {
                path.push('/');
            }
            path.push_str(&text(name.to_bytes()));
            let found = look_at(&level.directory, &name, file_type);
            let (directory, stat) = match found.unwrap_or_else(|errno| Entry::Found(unreadable(errno))) {
                Entry::Directory(directory, stat) => (directory, stat),
                Entry::Symlink(target) => {
                    visit(&path, Found::Symlink { target: &target })?;
                    continue;
                }
                Entry::Found(found) => {
                    visit(&path, found)?;
                    continue;
                }
            };
            if visit(&path, Found::Directory { mode: mode(&stat) })? == Enter::No {
                continue;
            }
            if let Some(reason) = refusal(&directory, stat.st_dev != device, file_systems, levels.len()) {
                visit(&path, Found::Skipped(reason))?;
                continue;
            }
            match Level::read(directory, path.len()) {
                Ok(level) => levels.push(level),
                Err(errno) => drop(visit(&path, unreadable(errno))?),
            }
        }
        Ok(())
    }
}

/// What a name stands for.
enum Entry {
    Directory(OwnedFd, Stat),
    Symlink(String),
    Found(Found<'static>),
}

fn unreadable(errno: Errno) -> Found<'static> {
    Found::Skipped(Skipped::Unreadable(errno))
}

fn look_at(directory: &OwnedFd, name: &CString, file_type: FileType) -> Result<Entry, Errno> {
    let file_type = match file_type {
        // Some file systems do not tell.
        FileType::Unknown => FileType::from_raw_mode(statat(directory, &**name, AtFlags::SYMLINK_NOFOLLOW)?.st_mode),
        known => known,
    };
    match file_type {
        FileType::Directory => {
            let inner = openat(directory, &**name, OPEN | OFlags::DIRECTORY, Mode::empty())?;
            let stat = fstat(&inner)?;
            Ok(Entry::Directory(inner, stat))
        }
        FileType::RegularFile => open_file(directory, name).map(Entry::Found),
        FileType::Symlink => {
            let target = readlinkat(directory, &**name, Vec::new())?;
            Ok(Entry::Symlink(text(target.to_bytes())))
        }
        _ => Ok(Entry::Found(Found::Other)),
    }
}

impl Level {
    fn read(directory: OwnedFd, path_len: usize) -> Result<Self, Errno> {
        let mut names = Vec::new();
        for entry in Dir::read_from(&directory)? {
            let entry = entry?;
            let name = entry.file_name();
            if !matches!(name.to_bytes(), b"." | b"..") {
                names.push((name.to_owned(), entry.file_type()));
            }
        }
        names.sort_unstable_by(|(left, _), (right, _)| right.cmp(left));
        Ok(Self { directory, names, path_len })
    }
}

fn open_file(directory: &OwnedFd, name: &CString) -> Result<Found<'static>, Errno> {
    let file = openat(directory, &**name, OPEN, Mode::empty())?;
    let stat = fstat(&file)?;
    // What stands there may have changed since the directory was read.
    if FileType::from_raw_mode(stat.st_mode) != FileType::RegularFile {
        return Ok(Found::Other);
    }
    let size_bytes = u64::try_from(stat.st_size).unwrap_or_default();
    Ok(Found::File(FoundFile { file: file.into(), size_bytes, mode: mode(&stat) }))
}

fn mode(stat: &Stat) -> u16 {
    u16::try_from(stat.st_mode & 0o7777).unwrap_or_default()
}

fn refusal(directory: &OwnedFd, is_other: bool, file_systems: FileSystems, depth: usize) -> Option<Skipped> {
    if depth > DEPTH_MAX {
        return Some(Skipped::TooDeep);
    }
    if !is_other {
        return None;
    }
    if is_made_up(directory) {
        return Some(Skipped::KernelFileSystem);
    }
    (file_systems == FileSystems::One).then_some(Skipped::OtherFileSystem)
}

/// Whether a directory is of a file system that holds the kernel's state instead of files (linux/magic.h).
fn is_made_up(directory: &OwnedFd) -> bool {
    const MADE_UP: [u32; 14] = [
        0x9fa0,      // proc
        0x6265_6572, // sysfs
        0x1cd1,      // devpts
        0x0027_e0eb, // cgroup
        0x6367_7270, // cgroup2
        0x6462_6720, // debugfs
        0x7472_6163, // tracefs
        0x7363_6673, // securityfs
        0xf97c_ff8c, // selinuxfs
        0x1980_0202, // mqueue
        0xcafe_4a11, // bpf
        0x6165_676c, // pstore
        0xde5e_81e4, // efivarfs
        0x6265_6570, // configfs
    ];
    fstatfs(directory.as_fd()).is_ok_and(|stat| u32::try_from(stat.f_type).is_ok_and(|kind| MADE_UP.contains(&kind)))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    fn walked(root: &Path) -> Vec<String> {
        let mut lines = Vec::new();
        let directory = Directory::open(root).unwrap();
        let mut visit = |path: &str, found: Found<'_>| {
            lines.push(match found {
                Found::Directory { .. } => format!("{path}/"),
                Found::File(file) => format!("{path} {}", file.size_bytes),
                Found::Symlink { target } => format!("{path} -> {target}"),
                Found::Other => format!("{path} other"),
                Found::Skipped(reason) => format!("{path} {reason}"),
            });
            Ok::<_, ()>(if path.ends_with("closed") { Enter::No } else { Enter::Yes })
        };
        directory.walk(FileSystems::One, &mut visit).unwrap();
        lines
    }

    #[test]
    fn a_walk_is_in_order_and_follows_nothing() {
        let place = tempfile::tempdir().unwrap();
        let root = place.path().join("root");
        for directory in ["b/inner", "closed/inner", "a"] {
            std::fs::create_dir_all(root.join(directory)).unwrap();
        }
        std::fs::write(root.join("b/inner/file"), "four").unwrap();
        std::fs::write(place.path().join("outside"), "x").unwrap();
        symlink("..", root.join("a/up")).unwrap();
        symlink("circle", root.join("circle")).unwrap();
        rustix::fs::mknodat(rustix::fs::CWD, root.join("pipe"), FileType::Fifo, Mode::RWXU, 0).unwrap();
        let expected =
            ["a/", "a/up -> ..", "b/", "b/inner/", "b/inner/file 4", "circle -> circle", "closed/", "pipe other"];
        assert_eq!(walked(&root), expected);
    }

    #[test]
    fn names_that_are_no_text_stay_apart() {
        use std::os::unix::ffi::OsStrExt as _;
        let place = tempfile::tempdir().unwrap();
        for name in [&b"\xff"[..], b"\xfe"] {
            std::fs::write(place.path().join(std::ffi::OsStr::from_bytes(name)), "").unwrap();
        }
        assert_eq!(walked(place.path()), ["\\xfe 0", "\\xff 0"]);
    }

    #[test]
    fn depth_is_limited() {
        for (depth, is_whole) in [(DEPTH_MAX - 1, true), (DEPTH_MAX, true), (DEPTH_MAX + 1, false)] {
            let place = tempfile::tempdir().unwrap();
            let mut path = place.path().to_owned();
            path.extend(std::iter::repeat_n("d", depth));
            std::fs::create_dir_all(&path).unwrap();
            std::fs::write(path.join("last"), "").unwrap();
            let lines = walked(place.path());
            let last = lines.last().unwrap();
            assert_eq!(last.ends_with("last 0"), is_whole, "{depth}: {last}");
            assert_eq!(last.ends_with("directories deep"), !is_whole, "{depth}: {last}");
        }
    }

    #[test]
    fn the_kernels_own_file_systems_are_not_entered() {
        let directory = Directory::open(Path::new("/")).unwrap();
        let mut skipped = Vec::new();
        let mut visit = |path: &str, found: Found<'_>| {
            if let Found::Skipped(reason) = found {
                skipped.push((path.to_owned(), reason));
            }
            Ok::<_, ()>(if matches!(path, "proc" | "sys") { Enter::Yes } else { Enter::No })
        };
        directory.walk(FileSystems::All, &mut visit).unwrap();
        for path in ["proc", "sys"] {
            assert!(skipped.contains(&(path.to_owned(), Skipped::KernelFileSystem)), "{path} of {skipped:?}");
        }
    }
}
