//! Takes the metadata out of Python's archives: wheels and zipped eggs, which Python imports as they are.
//!
//! Follows the PyPA specification "Binary distribution format", and setuptools' documentation of eggs. Only the central directory and one member are read.

use super::zip::{self, Window};
use crate::{Content, Extractor, Refusal};

/// Reads wheels and eggs.
pub(crate) static PYTHON_ARCHIVE: Extractor =
    Extractor { name: "python-archive", version: 1, limit_bytes: FILE_BYTES_MAX, extract };

/// The largest archive; the largest on the index, for training models, have three gibibytes.
const FILE_BYTES_MAX: u64 = 4 << 30;

/// The most bytes of the header of the metadata; a thousand requirements have a tenth of it. What describes the distribution follows and is left.
const HEADER_BYTES_MAX: u64 = 1 << 20;

/// Returns the header of an archive's metadata. `None` for an empty file.
fn extract(content: &Content) -> Result<Option<Vec<u8>>, Refusal> {
    let window = Window::whole(content);
    if window.len() == 0 {
        return Ok(None);
    }
    let archive = zip::Archive::open(window)?;
    let mut metadata = None;
    archive.each_entry(|name, entry| {
        if metadata.is_none() && is_metadata(name) {
            metadata = Some(entry);
        }
    })?;
    let Some(entry) = metadata else {
        return Err(Refusal::new("the archive has no metadata of a Python distribution"));
    };
    let mut header = archive.head(&entry, HEADER_BYTES_MAX)?;
    let end =
        header.windows(2).position(|pair| pair == b"\n\n").or(header.windows(4).position(|four| four == b"\r\n\r\n"));
    header.truncate(end.unwrap_or(header.len()));
    Ok(Some(header))
}

/// `name-version.dist-info/METADATA` of a wheel, `EGG-INFO/PKG-INFO` of an egg; what is deeper was copied in with another distribution.
fn is_metadata(name: &[u8]) -> bool {
    let Some(at) = name.iter().position(|byte| *byte == b'/') else { return false };
    let (folder, file) = (&name[..at], &name[at + 1..]);
    (folder.ends_with(b".dist-info") && file == b"METADATA") || (folder == b"EGG-INFO" && file == b"PKG-INFO")
}
