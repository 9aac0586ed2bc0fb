//! Records of layers, kept from one run to the next: by the blob's digest and the diff-ID that were found to belong together, and by what was looked for.

use std::fs::{DirBuilder, File, OpenOptions};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::SystemTime;

use oci::Digest;
use sbom::{LayerRecord, RECORD_VERSION};

/// The most bytes of all records. A record has some per cent of its layer's size: room for the layers of about a thousand images.
const CACHE_BYTES_MAX: u64 = 1 << 30;

/// The largest record that is kept: one that fills the cache would drive all others out.
const RECORD_BYTES_MAX: u64 = CACHE_BYTES_MAX / 4;

/// How long a file of a writer that was interrupted is left alone.
const DRAFT_AGE_MAX: std::time::Duration = std::time::Duration::from_hours(1);

/// A directory of records. Whatever is wrong with it is a miss, never an error.
#[derive(Debug)]
pub(crate) struct LayerCache {
    directory: PathBuf,
    bytes_max: u64,
    has_grown: AtomicBool,
    drafts: AtomicU64,
}

impl LayerCache {
    /// Uses a cache directory; it is made when something is kept.
    pub(crate) fn new(directory: &Path) -> Self {
        Self::with_limit(directory, CACHE_BYTES_MAX)
    }

    fn with_limit(directory: &Path, bytes_max: u64) -> Self {
        let directory = directory.join("layers");
        Self { directory, bytes_max, has_grown: AtomicBool::new(false), drafts: AtomicU64::new(0) }
    }

    /// Returns the record of a layer, by its blob's digest and its diff-ID, that was read for the same claims.
    pub(crate) fn find(&self, layer: (&Digest, &Digest), fingerprint: &str) -> Option<LayerRecord> {
        let file = File::open(self.path(layer, fingerprint)).ok()?;
        let mut bytes = Vec::new();
        (&file).take(RECORD_BYTES_MAX + 1).read_to_end(&mut bytes).ok()?;
        let record = LayerRecord::from_bytes(&bytes)?;
        // What is used is dropped last. A cache that may only be read works as well.
        let _unmarked = file.set_modified(SystemTime::now());
        Some(record)
    }

    /// Keeps a record. A reader sees all of it or nothing.
    pub(crate) fn store(&self, layer: (&Digest, &Digest), fingerprint: &str, record: &LayerRecord) {
        let bytes = record.to_bytes();
        if bytes.len() as u64 > RECORD_BYTES_MAX.min(self.bytes_max) {
            return;
        }
        // A full or read-only disk makes the next run slower, and nothing else.
        if self.write(&self.path(layer, fingerprint), &bytes).is_ok() {
            self.has_grown.store(true, Ordering::Relaxed);
        }
    }

    /// Drops what was not used for the longest time, until the rest is within the limit.
    pub(crate) fn trim(&self) {
        if self.has_grown.swap(false, Ordering::Relaxed) {
            // As above: what cannot be dropped now is dropped another time.
            let _later = self.try_trim();
        }
    }

    fn try_trim(&self) -> io::Result<()> {
        let mut files = Vec::new();
        for directory in std::fs::read_dir(&self.directory)? {
            let directory = directory?.path();
            for file in std::fs::read_dir(&directory)? {
                let file = file?;
                let metadata = file.metadata()?;
                let modified = metadata.modified()?;
                let is_draft = file.file_name().to_string_lossy().ends_with(".tmp");
                if is_draft && modified.elapsed().is_ok_and(|age| age > DRAFT_AGE_MAX) {
                    std::fs::remove_file(file.path())?;
                } else {
                    files.push((modified, metadata.len(), file.path()));
                }
            }
            // Only an empty directory goes: that of catalogers of old.
            let _kept = std::fs::remove_dir(&directory);
        }
        files.sort();
        let mut bytes: u64 = files.iter().map(|(_, len, _)| len).sum();
        for (_, len, path) in files {
            if bytes <= self.bytes_max {
                break;
            }
            std::fs::remove_file(path)?;
            bytes -= len;
        }
        Ok(())
    }

    fn path(&self, (digest, diff_id): (&Digest, &Digest), fingerprint: &str) -> PathBuf {
        let name = format!("{}-{}-{}", diff_id.algorithm(), diff_id.hex(), digest.hex());
        self.directory.join(format!("{RECORD_VERSION}-{fingerprint}")).join(name)
    }

    fn write(&self, path: &Path, bytes: &[u8]) -> io::Result<()> {
        let directory = path.parent().ok_or(io::ErrorKind::InvalidInput)?;
        DirBuilder::new().recursive(true).mode(0o700).create(directory)?;
        let draft = self.drafts.fetch_add(1, Ordering::Relaxed);
        let draft = path.with_extension(format!("{}.{draft}.tmp", std::process::id()));
        let written = OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(&draft)
            .and_then(|mut file| file.write_all(bytes))
            .and_then(|()| std::fs::rename(&draft, path));
        written.inspect_err(|_| drop(std::fs::remove_file(&draft)))
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn record(name: &str) -> LayerRecord {
        let matcher = sbom::Matcher::new(Vec::new());
        let allowance = sbom::Allowance::new(images::temporary_file);
        let mut builder = sbom::LayerBuilder::new(&matcher, &allowance);
        builder.add(name, sbom::FileKind::Directory, 0o755, None).unwrap();
        builder.finish()
    }

    fn diff_id(number: u8) -> Digest {
        Digest::new(oci::Algorithm::Sha256, &[number; 32]).unwrap()
    }

    #[test]
    fn a_record_is_found_for_the_same_claims_alone() {
        let place = tempfile::tempdir().unwrap();
        let cache = LayerCache::new(place.path());
        assert!(cache.find((&diff_id(7), &diff_id(1)), "a").is_none());
        cache.store((&diff_id(7), &diff_id(1)), "a", &record("one"));
        assert_eq!(cache.find((&diff_id(7), &diff_id(1)), "a").unwrap().to_bytes(), record("one").to_bytes());
        assert!(cache.find((&diff_id(7), &diff_id(1)), "b").is_none());
        assert!(cache.find((&diff_id(7), &diff_id(2)), "a").is_none());
        // Another blob that is claimed to hold it was never read.
        assert!(cache.find((&diff_id(8), &diff_id(1)), "a").is_none());
    }

    #[test]
    fn a_damaged_record_is_a_miss() {
        let place = tempfile::tempdir().unwrap();
        let cache = LayerCache::new(place.path());
        cache.store((&diff_id(7), &diff_id(1)), "a", &record("one"));
        let path = cache.path((&diff_id(7), &diff_id(1)), "a");
        let whole = std::fs::read(&path).unwrap();
        for damaged in [&b""[..], &whole[..whole.len() - 1], &[b"x", &whole[1..]].concat()] {
            std::fs::write(&path, damaged).unwrap();
            assert!(cache.find((&diff_id(7), &diff_id(1)), "a").is_none());
        }
        cache.store((&diff_id(7), &diff_id(1)), "a", &record("one"));
        assert!(cache.find((&diff_id(7), &diff_id(1)), "a").is_some());
    }

    #[test]
    fn a_place_that_cannot_be_written_is_no_error() {
        let place = tempfile::tempdir().unwrap();
        let file = place.path().join("file");
        std::fs::write(&file, "").unwrap();
        let cache = LayerCache::new(&file);
        cache.store((&diff_id(7), &diff_id(1)), "a", &record("one"));
        cache.trim();
        assert!(cache.find((&diff_id(7), &diff_id(1)), "a").is_none());
    }

    #[test]
    fn what_was_not_used_for_longest_is_dropped() {
        let place = tempfile::tempdir().unwrap();
        let bytes = record("1").to_bytes().len() as u64;
        let cache = LayerCache::with_limit(place.path(), 2 * bytes);
        for number in 1..=3 {
            cache.store((&diff_id(7), &diff_id(number)), "a", &record(&number.to_string()));
            let age = Duration::from_secs(1000 - u64::from(number));
            let file = File::options().write(true).open(cache.path((&diff_id(7), &diff_id(number)), "a")).unwrap();
            file.set_modified(SystemTime::now() - age).unwrap();
        }
        assert!(cache.find((&diff_id(7), &diff_id(1)), "a").is_some(), "now the last that was used");
        cache.trim();
        let found = [1, 2, 3].map(|number| cache.find((&diff_id(7), &diff_id(number)), "a").is_some());
        assert_eq!(found, [true, false, true]);
        cache.trim();
        assert_eq!(std::fs::read_dir(place.path().join(format!("layers/{RECORD_VERSION}-a"))).unwrap().count(), 2);
    }
}
