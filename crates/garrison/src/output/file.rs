use std::fs::OpenOptions;
use std::io::{self, Write as _};
use std::path::Path;

/// Writes a file; a reader sees the old one or the new one. What is no regular file is written to as it is.
pub(crate) fn replace(path: &Path, bytes: &[u8]) -> io::Result<()> {
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
        assert!(replace(&place.path().join("absent/out.json"), b"four").is_err());
        assert_eq!(place.path().read_dir().unwrap().count(), 2, "no draft is left");
    }
}
