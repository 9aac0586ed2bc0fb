use std::sync::Arc;

use bytes::Bytes;
use oci::Digest;

use crate::store::{Claim, Shared, Stored};
use crate::upload::Upload;
use crate::{Error, Location};

/// A blob that comes whole, in one request that names its digest. It is never acknowledged in part, so that it needs no name of
/// an upload: its file has the blob's name from the first byte, as an orphan until a row names it.
///
/// Dropping it, or the future of a write, removes the file.
pub struct NewBlob {
    upload: Upload,
    digest: Digest,
}

impl NewBlob {
    pub(crate) fn new(shared: Arc<Shared>, claim: Claim, digest: Digest) -> Self {
        let location = Location::new(digest, claim.id());
        Self { upload: Upload::begin_whole(shared, claim, location), digest }
    }

    /// Appends bytes, as [`Upload::write`] does.
    pub async fn write(&mut self, bytes: Bytes) -> Result<(), Error> {
        self.upload.write(bytes).await
    }

    /// Ends it: when this returns `Ok`, the bytes hash to the digest, and the file and its directory are synced. After an error
    /// there is no file, unless one of an earlier try with the same id and digest, which a row may name.
    ///
    /// Dropping the future does not stop a commit under way: it leaves a blob that nobody knows.
    pub async fn commit(self) -> Result<Stored, Error> {
        self.upload.commit(&self.digest).await
    }
}
