//! Embedded caches: what a repository holds and where tags point, changed before the reply.
//!
//! With SQLite this process is the only writer, so a cache that is changed after the commit and before the reply never
//! shows anything older than an answered request. Changes reach the cache in another order than their commits, and a
//! reader may come with what it read before a commit. So both note the repository's generation before they begin, and
//! what they bring is taken only while it is the same; a change raises it and, when it comes second, only forgets what
//! it touched. A write that failed may still have happened, so that everything is forgotten. With PostgreSQL other hubs
//! write too, and nothing is cached.

use std::hash::{Hash, Hasher};
use std::sync::{Arc, Mutex, PoisonError};

use oci::{Digest, Tag};
use quick_cache::Weighter;
use quick_cache::sync::Cache;

use crate::limits::{MANIFEST_CACHE_BYTES_MAX, MANIFEST_CACHE_ENTRY_BYTES_MAX};
use crate::pull::{BlobEntry, ManifestEntry};
use crate::repositories::RepositoryId;

/// Names, tags and blobs that are kept; an entry is below 300 bytes.
const ENTRIES_MAX: usize = 16_384;
const GENERATION_SHARDS: usize = 64;

#[derive(Clone, PartialEq, Eq, Hash, Debug)]
struct TagKey(RepositoryId, Tag);

struct TagQuery<'a>(RepositoryId, &'a Tag);

impl Hash for TagQuery<'_> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.0.hash(state);
        self.1.hash(state);
    }
}

impl quick_cache::Equivalent<TagKey> for TagQuery<'_> {
    fn equivalent(&self, key: &TagKey) -> bool {
        self.0 == key.0 && *self.1 == key.1
    }
}

#[derive(Clone)]
struct BodyWeight;

impl Weighter<(RepositoryId, Digest), Arc<ManifestEntry>> for BodyWeight {
    fn weight(&self, _: &(RepositoryId, Digest), entry: &Arc<ManifestEntry>) -> u64 {
        entry.body.len() as u64 + 256
    }
}

/// The generation of a repository when a read or a write began.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Generation {
    shard: usize,
    value: u64,
}

/// The generations of all repositories when a write began.
pub(crate) struct Generations(Vec<u64>);

impl Generations {
    pub(crate) fn of(&self, name: &str) -> Generation {
        let shard = shard(name);
        Generation { shard, value: self.0[shard] }
    }
}

pub(crate) struct Caches {
    enabled: bool,
    generations: Vec<Mutex<u64>>,
    names: Cache<String, RepositoryId>,
    tags: Cache<TagKey, Digest>,
    manifests: Cache<(RepositoryId, Digest), Arc<ManifestEntry>, BodyWeight>,
    blobs: Cache<(RepositoryId, Digest), BlobEntry>,
}

impl Caches {
    pub(crate) fn new(enabled: bool) -> Self {
        Self {
            enabled,
            generations: (0..GENERATION_SHARDS).map(|_| Mutex::new(0)).collect(),
            names: Cache::new(ENTRIES_MAX),
            tags: Cache::new(ENTRIES_MAX),
            manifests: Cache::with_weighter(4_096, MANIFEST_CACHE_BYTES_MAX, BodyWeight),
            blobs: Cache::new(ENTRIES_MAX),
        }
    }

    pub(crate) fn name(&self, name: &str) -> Option<RepositoryId> {
        if self.enabled { self.names.get(name) } else { None }
    }

    pub(crate) fn tag(&self, repository: RepositoryId, tag: &Tag) -> Option<Digest> {
        if self.enabled { self.tags.get(&TagQuery(repository, tag)) } else { None }
    }

    pub(crate) fn manifest(&self, repository: RepositoryId, digest: Digest) -> Option<Arc<ManifestEntry>> {
        if self.enabled { self.manifests.get(&(repository, digest)) } else { None }
    }

    pub(crate) fn blob(&self, repository: RepositoryId, digest: Digest) -> Option<BlobEntry> {
        if self.enabled { self.blobs.get(&(repository, digest)) } else { None }
    }

    /// The generation to note before a read or a write whose result is to be kept.
    pub(crate) fn generation(&self, name: &str) -> Generation {
        let shard = shard(name);
        Generation { shard, value: *self.lock(shard) }
    }

    /// The generations of all repositories, to note before a write that finds out which ones it changes.
    pub(crate) fn generations(&self) -> Generations {
        Generations((0..GENERATION_SHARDS).map(|shard| *self.lock(shard)).collect())
    }

    /// Keeps what a read that began at `generation` found, unless the repository was changed since.
    pub(crate) fn keep(&self, generation: Generation, name: &str, id: RepositoryId, found: Found<'_>) {
        if !self.enabled {
            return;
        }
        let current = self.lock(generation.shard);
        if *current != generation.value {
            return;
        }
        self.names.insert(name.to_owned(), id);
        match found {
            Found::Manifest { entry, tag } => {
                if let Some(tag) = tag {
                    self.tags.insert(TagKey(id, tag.clone()), entry.digest);
                }
                if entry.body.len() <= MANIFEST_CACHE_ENTRY_BYTES_MAX {
                    self.manifests.insert((id, entry.digest), Arc::clone(entry));
                }
            }
            Found::Blob(entry) => self.blobs.insert((id, entry.digest), entry.clone()),
            Found::Repository => {}
        }
    }

    /// Applies a committed change that began at `generation`. When the repository was changed since, whichever of the
    /// two commits came last, what this one touched is forgotten instead of kept.
    pub(crate) fn change(&self, generation: Generation, name: &str, change: impl FnOnce(&Changes<'_>)) {
        if !self.enabled {
            return;
        }
        let mut current = self.lock(generation.shard);
        let is_latest = *current == generation.value;
        *current += 1;
        change(&Changes { caches: self, name, is_latest });
    }

    /// Forgets everything: a write whose outcome is unknown may have changed any of it.
    pub(crate) fn forget_all(&self) {
        if !self.enabled {
            return;
        }
        self.outdate_all();
        self.names.clear();
        self.tags.clear();
        self.manifests.clear();
        self.blobs.clear();
    }

    /// Forgets every blob entry with one of `digests`, in whatever repository it is: their files are gone.
    pub(crate) fn forget_blobs(&self, links: &[(RepositoryId, Digest)]) {
        if !self.enabled {
            return;
        }
        self.outdate_all();
        for link in links {
            self.blobs.remove(link);
        }
    }

    /// Forgets a blob in every repository: its file is damaged, or another that many hold. Rare, so it walks the cache.
    pub(crate) fn forget_digest(&self, digest: Digest) {
        if !self.enabled {
            return;
        }
        self.outdate_all();
        self.blobs.retain(|(_, held), _| *held != digest);
    }

    /// Has nothing kept that began before now, in any repository.
    fn outdate_all(&self) {
        for shard in 0..GENERATION_SHARDS {
            *self.lock(shard) += 1;
        }
    }

    fn lock(&self, shard: usize) -> std::sync::MutexGuard<'_, u64> {
        self.generations[shard].lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What a read found, to be kept.
#[derive(Clone, Copy)]
pub(crate) enum Found<'a> {
    Repository,
    Manifest { entry: &'a Arc<ManifestEntry>, tag: Option<&'a Tag> },
    Blob(&'a BlobEntry),
}

/// What a committed change may do to the caches.
pub(crate) struct Changes<'a> {
    caches: &'a Caches,
    name: &'a str,
    is_latest: bool,
}

impl Changes<'_> {
    pub(crate) fn repository_gone(&self) {
        self.caches.names.remove(self.name);
    }

    pub(crate) fn manifest(&self, id: RepositoryId, entry: &Arc<ManifestEntry>) {
        if self.is_latest && entry.body.len() <= MANIFEST_CACHE_ENTRY_BYTES_MAX {
            self.caches.names.insert(self.name.to_owned(), id);
            self.caches.manifests.insert((id, entry.digest), Arc::clone(entry));
        } else {
            self.manifest_gone(id, entry.digest);
        }
    }

    pub(crate) fn manifest_gone(&self, id: RepositoryId, digest: Digest) {
        self.caches.manifests.remove(&(id, digest));
    }

    pub(crate) fn tag(&self, id: RepositoryId, tag: &Tag, digest: Digest) {
        if self.is_latest {
            self.caches.tags.insert(TagKey(id, tag.clone()), digest);
        } else {
            self.tag_gone(id, tag);
        }
    }

    pub(crate) fn tag_gone(&self, id: RepositoryId, tag: &Tag) {
        self.caches.tags.remove(&TagQuery(id, tag));
    }

    pub(crate) fn blob(&self, id: RepositoryId, entry: &BlobEntry) {
        if self.is_latest {
            self.caches.names.insert(self.name.to_owned(), id);
            self.caches.blobs.insert((id, entry.digest), entry.clone());
        } else {
            self.blob_gone(id, entry.digest);
        }
    }

    pub(crate) fn blob_gone(&self, id: RepositoryId, digest: Digest) {
        self.caches.blobs.remove(&(id, digest));
    }
}

fn shard(name: &str) -> usize {
    let mut hasher = std::hash::DefaultHasher::new();
    name.hash(&mut hasher);
    usize::try_from(hasher.finish() % GENERATION_SHARDS as u64).unwrap_or(0)
}
