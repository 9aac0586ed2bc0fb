//! What a worker knows: contents that a seed decides, and what may be true of a name.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use oci::Digest;

use crate::content::{self, Random, sha256};

/// How long the hub keeps at most what nothing references.
pub(super) const GRACE: Duration = Duration::from_secs(8);
/// How long it keeps what was pushed or mounted, at least: three quarters of that.
pub(super) const LEASE_OF_PUSHED: Duration = Duration::from_secs(6);
/// How long it keeps what was found by HEAD, at least: a lease is extended when less than half of it is left.
pub(super) const LEASE_OF_FOUND: Duration = Duration::from_secs(3);

/// How long an upload may rest. Kills leave uploads of which nobody knows, and a repository's blobs are kept while one to it
/// is open.
pub(super) const UPLOAD_EXPIRY: Duration = Duration::from_secs(20);

/// Contents that all workers push.
const SHARED: u64 = 6;
const SMALL_BYTES_MAX: u64 = 3_000;
const LARGE_BYTES_MAX: u64 = 300_000;

/// A blob's content: a seed, from which its bytes are made again.
#[derive(Clone, Debug)]
pub(super) struct Content {
    seed: u64,
    length: usize,
    pub(super) digest: Digest,
}

impl Content {
    /// Makes content of one's own, or that of all.
    pub(super) fn choose(random: &mut Random) -> Self {
        if random.below(3) == 0 { Self::new(random.below(SHARED)) } else { Self::new(SHARED + random.next() / 2) }
    }

    pub(super) fn new(seed: u64) -> Self {
        let mut random = Random::new(seed);
        let bound = if random.below(6) == 0 { LARGE_BYTES_MAX } else { SMALL_BYTES_MAX };
        // Half of it is two bytes at least: an upload that holds one byte looks like one that holds none.
        let length = usize::try_from(4 + random.below(bound)).unwrap();
        Self { seed, length, digest: sha256(&content::bytes(seed, length)) }
    }

    pub(super) fn bytes(&self) -> Vec<u8> {
        content::bytes(self.seed, self.length)
    }
}

/// A blob that was pushed to a repository.
#[derive(Debug)]
pub(super) struct Blob {
    /// Until when it must be there although nothing references it: counted from the begin of the request whose answer
    /// said that it is there. `None` while that is in doubt.
    pub(super) leased_until: Option<Instant>,
}

impl Blob {
    /// Whether it must be there although nothing references it.
    pub(super) fn is_leased(&self) -> bool {
        self.leased_until.is_some_and(|end| Instant::now() < end)
    }
}

/// A manifest that was pushed to a repository.
#[derive(Debug)]
pub(super) struct Manifest {
    pub(super) bytes: Vec<u8>,
    pub(super) blobs: Vec<Digest>,
    /// Whether its last request was answered, so that it must be there.
    pub(super) is_certain: bool,
}

/// What a tag may point to: one thing when all requests were answered.
#[derive(Debug, Default)]
pub(super) struct Tag(pub(super) BTreeSet<Option<Digest>>);

impl Tag {
    pub(super) fn may_become(&mut self, target: Option<Digest>) {
        if self.0.is_empty() {
            self.0.insert(None);
        }
        self.0.insert(target);
    }

    pub(super) fn is(&mut self, target: Option<Digest>) {
        self.0 = BTreeSet::from([target]);
    }

    pub(super) fn may_be(&self, target: Option<Digest>) -> bool {
        self.0.contains(&target)
    }
}

/// An upload that was begun and left.
#[derive(Debug)]
pub(super) struct OpenUpload {
    pub(super) begun: Instant,
    pub(super) repository: String,
    pub(super) location: String,
    pub(super) content: Content,
    /// Bytes that the hub said it has.
    pub(super) acknowledged: usize,
    /// Bytes that it may have.
    pub(super) sent: usize,
}
