use std::fmt::Display;
use std::io;

use oci::Digest;

use crate::{Location, UploadId};

/// Why an operation on blobs failed.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The disk is full, or the quota of the user that the process runs as is used up.
    #[error("no space is left for blobs: failed to {operation} `{path}`")]
    StorageFull {
        /// What was being done, as a verb.
        operation: &'static str,
        /// The path, relative to the root.
        path: String,
        /// The operating system's answer.
        #[source]
        source: io::Error,
    },
    /// The file system refused an operation.
    #[error("failed to {operation} `{path}`")]
    File {
        /// What was being done, as a verb.
        operation: &'static str,
        /// The path, relative to the root.
        path: String,
        /// The operating system's answer.
        #[source]
        source: io::Error,
    },
    /// A blob's file is not there.
    #[error("blob file `{location}` is missing")]
    Missing {
        /// The blob's file.
        location: Location,
    },
    /// A blob's file has another size than was recorded.
    #[error("blob file `{location}` is {actual} bytes, {expected} were stored")]
    WrongSize {
        /// The blob's file.
        location: Location,
        /// The size that was stored.
        expected: u64,
        /// The size of the file.
        actual: u64,
    },
    /// A blob's file does not hash to its digest. What was read of it must not be used.
    #[error("blob file `{location}` does not match its digest")]
    Corrupt {
        /// The blob's file.
        location: Location,
    },
    /// An upload's file is gone or holds less than was acknowledged, so the upload has to start again.
    #[error("upload `{id}` has {actual} bytes on disk, {expected} were acknowledged")]
    UploadLost {
        /// The upload.
        id: UploadId,
        /// What was acknowledged.
        expected: u64,
        /// What the file holds.
        actual: u64,
    },
    /// Another request holds the upload, and did so for as long as this one may wait.
    #[error("upload `{id}` is in use by another request")]
    UploadBusy {
        /// The upload.
        id: UploadId,
    },
    /// An earlier operation on this [`crate::Upload`] failed; resume the upload to go on.
    #[error("upload `{id}` cannot go on after its earlier failure")]
    UploadFailed {
        /// The upload.
        id: UploadId,
    },
    /// The bytes do not hash to the digest that the client named. No blob is made of them.
    #[error("content has digest {actual}, not {expected}")]
    DigestMismatch {
        /// The digest that was named.
        expected: Box<Digest>,
        /// The digest of the bytes.
        actual: Box<Digest>,
    },
    /// A body is too large to be stored in one piece; an upload takes it.
    #[error("body is {actual} bytes, at most {limit} are stored in one piece")]
    BodyTooLarge {
        /// The size of the body.
        actual: u64,
        /// The limit, [`crate::STORE_BYTES_MAX`].
        limit: u64,
    },
    /// The runtime shut down before the operation was done; whether it took effect is unknown.
    #[error("the process is shutting down")]
    Stopped,
}

impl Error {
    pub(crate) fn file(operation: &'static str, path: impl Display, source: io::Error) -> Self {
        let path = path.to_string();
        match source.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => Self::StorageFull { operation, path, source },
            _ => Self::File { operation, path, source },
        }
    }

    pub(crate) fn mismatch(expected: Digest, actual: Digest) -> Self {
        Self::DigestMismatch { expected: Box::new(expected), actual: Box::new(actual) }
    }

    /// Tells whether this is a file that does not exist.
    pub(crate) fn is_not_found(&self) -> bool {
        matches!(self, Self::File { source, .. } if source.kind() == io::ErrorKind::NotFound)
    }

    /// Tells whether the file system cannot do this at all. For links, some say that it is not permitted.
    pub(crate) fn is_unsupported(&self) -> bool {
        let is_said_so = |kind| matches!(kind, io::ErrorKind::Unsupported | io::ErrorKind::PermissionDenied);
        matches!(self, Self::File { source, .. } if is_said_so(source.kind()))
    }

    /// Tells whether this is a name that is taken.
    pub(crate) fn is_already_there(&self) -> bool {
        matches!(self, Self::File { source, .. } if source.kind() == io::ErrorKind::AlreadyExists)
    }
}
