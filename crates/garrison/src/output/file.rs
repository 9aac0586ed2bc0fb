use std::fs::OpenOptions;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

/// Writes a file; a reader sees the old one or the new one. What is no regular file is written to as it is.
pub(crate) fn replace(path: &Path, bytes: &[u8]) -> io::Result<()> {
    match find_stream(path) {
        Some(Stream::Output) => {
            let mut output = io::stdout().lock();
            return output.write_all(bytes).and_then(|()| output.flush());
        }
        Some(Stream::Errors) => return io::stderr().lock().write_all(bytes),
        // Opened again it would begin at the start of a file, over what is there.
        Some(Stream::Other) => return OpenOptions::new().append(true).open(path)?.write_all(bytes),
        None => {}
    }
    let existing = path.metadata();
    if existing.as_ref().is_ok_and(|metadata| !metadata.is_file()) {
        return OpenOptions::new().write(true).open(path)?.write_all(bytes);
    }
    // A link stays one: what it points to is replaced.
    let path = path.canonicalize().unwrap_or_else(|_| path.to_owned());
    let mut draft = path.clone().into_os_string();
    draft.push(format!(".{}.tmp", std::process::id()));
    let written = OpenOptions::new().write(true).create_new(true).open(&draft).and_then(|mut file| {
        if let Ok(metadata) = existing {
            file.set_permissions(metadata.permissions())?;
        }
        file.write_all(bytes)?;
        file.sync_all()?;
        std::fs::rename(&draft, &path)
    });
    written.inspect_err(|_| drop(std::fs::remove_file(&draft)))
}

/// Looks, before there is anything to write, whether the file can be where it is to be: its folder is there, and no folder stands in its place.
pub(crate) fn find_place(path: &Path) -> io::Result<()> {
    if path.is_dir() {
        return Err(io::ErrorKind::IsADirectory.into());
    }
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    if folder.metadata()?.is_dir() { Ok(()) } else { Err(io::ErrorKind::NotADirectory.into()) }
}

/// A stream that this process was given.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stream {
    Output,
    Errors,
    Other,
}

/// Returns the stream that a path leads to, if it does: what it goes to may be a regular file, which is not to be replaced.
fn find_stream(path: &Path) -> Option<Stream> {
    /// As many as Linux follows.
    const LINKS_MAX: usize = 40;
    let mut path: PathBuf = path.to_owned();
    for _ in 0..LINKS_MAX {
        let folder = path.parent()?;
        if folder == Path::new("/dev/fd") || folder == Path::new("/proc/self/fd") {
            return Some(match path.file_name()?.to_str()?.parse().ok()? {
                1_u32 => Stream::Output,
                2 => Stream::Errors,
                _ => Stream::Other,
            });
        }
        path = folder.join(path.read_link().ok()?);
    }
    None
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[test]
    fn a_file_is_replaced_as_a_whole() {
        let place = tempfile::tempdir().unwrap();
        let (path, link) = (place.path().join("out.json"), place.path().join("link"));
        replace(&path, b"one").unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o640)).unwrap();
        std::os::unix::fs::symlink(&path, &link).unwrap();
        replace(&link, b"two").unwrap();
        assert_eq!(std::fs::read(&path).unwrap(), b"two");
        assert_eq!(path.metadata().unwrap().permissions().mode() & 0o777, 0o640);
        assert!(link.symlink_metadata().unwrap().is_symlink());
        replace(Path::new("/dev/null"), b"three").unwrap();
        let (relative, first) = (place.path().join("relative"), place.path().join("first"));
        std::os::unix::fs::symlink("out.json", &relative).unwrap();
        std::os::unix::fs::symlink("relative", &first).unwrap();
        replace(&first, b"three").unwrap();
        assert_eq!(std::fs::read(&path).unwrap(), b"three");
        assert!(first.symlink_metadata().unwrap().is_symlink() && relative.symlink_metadata().unwrap().is_symlink());
        assert!(replace(&place.path().join("absent/out.json"), b"four").is_err());
        assert_eq!(place.path().read_dir().unwrap().count(), 4, "no draft is left");
    }

    #[test]
    fn a_place_for_a_file_is_in_a_folder_that_is_there() {
        let place = tempfile::tempdir().unwrap();
        std::fs::write(place.path().join("file"), "").unwrap();
        let find = |path: &str| find_place(&place.path().join(path)).map_err(|error| error.kind());
        assert_eq!(find("new"), Ok(()));
        assert_eq!(find("file"), Ok(()));
        assert_eq!(find_place(Path::new("new")).map_err(|error| error.kind()), Ok(()));
        assert_eq!(find_place(Path::new("/dev/null")).map_err(|error| error.kind()), Ok(()));
        assert_eq!(find("absent/new"), Err(io::ErrorKind::NotFound));
        assert_eq!(find("file/new"), Err(io::ErrorKind::NotADirectory));
        assert_eq!(find(""), Err(io::ErrorKind::IsADirectory));
    }

    #[test]
    fn a_stream_is_known_by_its_name_and_through_links() {
        let place = tempfile::tempdir().unwrap();
        let link = place.path().join("link");
        std::os::unix::fs::symlink("/dev/stdout", &link).unwrap();
        for (path, expected) in [
            (Path::new("/dev/stdout"), Some(Stream::Output)),
            (Path::new("/dev/stderr"), Some(Stream::Errors)),
            (Path::new("/dev/fd/1"), Some(Stream::Output)),
            (Path::new("/proc/self/fd/2"), Some(Stream::Errors)),
            (Path::new("/dev/fd/17"), Some(Stream::Other)),
            (Path::new("/dev/fd/x"), None),
            (Path::new("/dev/null"), None),
            (Path::new("fd/1"), None),
            (Path::new("/"), None),
            (&link, Some(Stream::Output)),
        ] {
            assert_eq!(find_stream(path), expected, "{}", path.display());
        }
    }
}
