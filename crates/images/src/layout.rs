//! OCI layouts in directories (OCI image specification, "Image Layout").

use std::fs::File;
use std::io::{self, Read as _};
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};

use oci::Digest;

use crate::{Error, beneath};

/// The file that makes a directory or archive a layout.
pub(crate) const MARK: &str = "oci-layout";

/// The file with the list of images.
pub(crate) const INDEX: &str = "index.json";

/// The largest [`MARK`]: it holds a version.
pub(crate) const MARK_BYTES_MAX: u64 = 4 << 10;

/// Returns where a blob is in a layout.
pub(crate) fn blob_path(digest: &Digest) -> String {
    format!("blobs/{}/{}", digest.algorithm(), digest.hex())
}

/// A directory that is a layout.
#[derive(Debug)]
pub(crate) struct Layout {
    path: PathBuf,
    root: OwnedFd,
}

impl Layout {
    pub(crate) fn open(path: &Path) -> Result<Self, Error> {
        let failed = |source| Error::Read { path: path.to_owned(), source };
        let root = beneath::open_directory(path).map_err(failed)?;
        let layout = Self { path: path.to_owned(), root };
        match layout.read(MARK, MARK_BYTES_MAX)? {
            Some(mark) if is_mark(&mark) => Ok(layout),
            _ => Err(Error::NoLayout { path: path.to_owned() }),
        }
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Opens a file; `None` when it is not there.
    pub(crate) fn find(&self, name: &str) -> Result<Option<File>, Error> {
        match beneath::open_beneath(&self.root, name) {
            Ok(file) => Ok(Some(file)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(source) => Err(Error::Read { path: self.path.join(name), source }),
        }
    }

    /// Reads a file that has at most some bytes.
    pub(crate) fn read(&self, name: &str, limit: u64) -> Result<Option<Vec<u8>>, Error> {
        let Some(file) = self.find(name)? else { return Ok(None) };
        let mut bytes = Vec::new();
        let read = file.take(limit.saturating_add(1)).read_to_end(&mut bytes);
        read.map_err(|source| Error::Read { path: self.path.join(name), source })?;
        if bytes.len() as u64 > limit {
            let what = format!("`{}`", self.path.join(name).display());
            return Err(Error::TooLarge { what, actual: bytes.len() as u64, limit });
        }
        Ok(Some(bytes))
    }
}

/// Returns whether a file says that it marks a layout of a version that is known.
pub(crate) fn is_mark(bytes: &[u8]) -> bool {
    #[derive(serde::Deserialize)]
    struct Mark {
        #[serde(rename = "imageLayoutVersion")]
        version: String,
    }
    serde_json::from_slice(bytes).is_ok_and(|mark: Mark| mark.version.starts_with("1."))
}
