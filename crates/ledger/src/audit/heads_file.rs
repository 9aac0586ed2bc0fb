//! Signed heads outside the database, so that a tail cut together with its heads is found.
//!
//! A file of notes, each followed by a line of four dashes, oldest first. It holds copies of what the database has, so a
//! torn end is no loss: it is ignored.

use std::{
    fs::{self, File, OpenOptions, Permissions},
    io::{self, Read, Write},
    os::unix::fs::{OpenOptionsExt, PermissionsExt},
    path::{Path, PathBuf},
};

/// Longest file: some three thousand heads, two days of one a minute. Beyond it the older half goes, all but the first.
pub const HEADS_FILE_BYTES_MAX: u64 = 1024 * 1024;
const SEPARATOR: &str = "----\n";
/// As all else in the data directory. Whoever may read heads by permission gets them from the hub.
const MODE: u32 = 0o600;

/// Appends a note and syncs it.
pub(super) fn append(path: &Path, note: &str) -> io::Result<()> {
    let length = fs::metadata(path).map_or(0, |metadata| metadata.len());
    let added = (note.len() + SEPARATOR.len()) as u64;
    if length + added > HEADS_FILE_BYTES_MAX {
        shorten(path)?;
    }
    let mut file = OpenOptions::new().create(true).append(true).mode(MODE).open(path)?;
    // One that was made before may be open to others.
    file.set_permissions(Permissions::from_mode(MODE))?;
    file.write_all(format!("{note}{SEPARATOR}").as_bytes())?;
    file.sync_data()
}

/// Returns the notes in a file of heads, oldest first; none when there is no file.
pub fn read_heads_file(path: &Path) -> io::Result<Vec<String>> {
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(error),
    };
    // A file that grew beyond its limit was not written by us; what is cut off cannot parse.
    let mut text = String::new();
    file.take(2 * HEADS_FILE_BYTES_MAX).read_to_string(&mut text)?;
    let end = text.rfind(SEPARATOR).map_or(0, |at| at + SEPARATOR.len());
    Ok(text[..end].split_terminator(SEPARATOR).map(str::to_owned).collect())
}

fn shorten(path: &Path) -> io::Result<()> {
    let notes = read_heads_file(path)?;
    let newer = &notes[notes.len().div_ceil(2).min(notes.len())..];
    let kept: String = notes.iter().take(1).chain(newer).flat_map(|note| [note.as_str(), SEPARATOR]).collect();
    let beside = beside(path);
    let mut file = OpenOptions::new().create(true).write(true).truncate(true).mode(MODE).open(&beside)?;
    file.write_all(kept.as_bytes())?;
    file.sync_data()?;
    fs::rename(&beside, path)
}

fn beside(path: &Path) -> PathBuf {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(".new");
    path.with_file_name(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn heads_come_back_in_order_and_a_torn_end_is_ignored() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("audit-heads");
        assert_eq!(read_heads_file(&path).unwrap(), Vec::<String>::new());
        append(&path, "one\n\nsignature\n").unwrap();
        append(&path, "two\n\nsignature\n").unwrap();
        OpenOptions::new().append(true).open(&path).unwrap().write_all(b"three\n\nsig").unwrap();
        assert_eq!(read_heads_file(&path).unwrap(), ["one\n\nsignature\n", "two\n\nsignature\n"]);
    }

    #[test]
    fn heads_are_for_the_owner_alone() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("audit-heads");
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        append(&path, "one\n").unwrap();
        assert_eq!(mode(&path), 0o600);
        fs::set_permissions(&path, Permissions::from_mode(0o644)).unwrap();
        append(&path, "two\n").unwrap();
        assert_eq!(mode(&path), 0o600);
        shorten(&path).unwrap();
        assert_eq!(mode(&path), 0o600);
    }

    #[test]
    fn file_stays_bounded_and_keeps_first_and_last() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("audit-heads");
        let note = |number: u64| format!("{number} {}\n", "x".repeat(10_000));
        for number in 0..300 {
            append(&path, &note(number)).unwrap();
            assert!(fs::metadata(&path).unwrap().len() <= HEADS_FILE_BYTES_MAX);
        }
        let notes = read_heads_file(&path).unwrap();
        assert_eq!((notes.first(), notes.last()), (Some(&note(0)), Some(&note(299))));
        assert!(notes.len() > 50);
    }
}
