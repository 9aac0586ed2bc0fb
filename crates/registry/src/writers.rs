//! Who is writing to which upload.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use blobs::UploadId;

use crate::error::Error;

/// Uploads that a request is writing to now. The row is read under the claim, so no request acts on an offset that
/// another is about to change.
#[derive(Clone, Default)]
pub(crate) struct Writers(Arc<Mutex<Held>>);

#[derive(Default)]
struct Held {
    claimed: HashSet<UploadId>,
    /// Uploads of which nobody knows whether a row has come, or will come, to name their blob.
    doubtful: HashSet<UploadId>,
}

/// The right of one request to write to an upload and to its blob until a row names that, given back when dropped.
pub(crate) struct Claim {
    writers: Writers,
    id: UploadId,
}

impl Writers {
    pub(crate) fn claim(&self, id: UploadId) -> Result<Claim, Error> {
        let is_free = self.held().claimed.insert(id);
        if is_free { Ok(Claim { writers: self.clone(), id }) } else { Err(Error::UploadBusy) }
    }

    fn held(&self) -> MutexGuard<'_, Held> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Claim {
    pub(crate) fn id(&self) -> UploadId {
        self.id
    }

    /// Notes that a row may yet come to name the blob: nobody removes it while this process lives. What an unfinished commit
    /// may still do to the upload, the database keeps apart from later requests.
    pub(crate) fn doubt(&self) {
        self.writers.held().doubtful.insert(self.id);
    }

    /// Notes that no earlier commit can name the blob any more.
    pub(crate) fn settle(&self) {
        self.writers.held().doubtful.remove(&self.id);
    }

    /// Tells whether an earlier commit may yet name the blob.
    pub(crate) fn is_doubtful(&self) -> bool {
        self.writers.held().doubtful.contains(&self.id)
    }
}

impl Drop for Claim {
    fn drop(&mut self) {
        self.writers.held().claimed.remove(&self.id);
    }
}
