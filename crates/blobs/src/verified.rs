use std::time::{Duration, Instant};

use oci::Digest;
use quick_cache::sync::Cache;

use crate::files::Status;

/// How long a file that was hashed, and whose status has not changed since, is served without hashing it again. An hour
/// bounds for how long bits that rot on the disk go unnoticed, and costs a busy blob one hash an hour.
const VERIFIED_FOR: Duration = Duration::from_hours(1);

/// How many files are remembered: about 10 MiB when full. A forgotten one is hashed once more.
const VERIFIED_FILES_MAX: usize = 65_536;

/// The files that were lately found to hash to their digest.
pub(crate) struct Verified(Cache<Status, (Digest, Instant)>);

impl Verified {
    pub(crate) fn new() -> Self {
        Self(Cache::new(VERIFIED_FILES_MAX))
    }

    pub(crate) fn insert(&self, status: Status, digest: Digest, now: Instant) {
        self.0.insert(status, (digest, now));
    }

    pub(crate) fn remove(&self, status: &Status) {
        self.0.remove(status);
    }

    pub(crate) fn contains(&self, status: &Status, digest: &Digest, now: Instant) -> bool {
        self.0.get(status).is_some_and(|(verified, at)| verified == *digest && now.duration_since(at) < VERIFIED_FOR)
    }
}
