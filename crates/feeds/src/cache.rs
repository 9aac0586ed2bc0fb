//! Documents of publishers as they were fetched, and what is known of each feed.
//!
//! ```text
//! lock                               held by who updates
//! FEED/state.json                    what is known of a feed
//! FEED/DOCUMENT/NAME                 a document that its reader took; DOCUMENT is the hash of its address
//! FEED/DOCUMENT/next/NAME            one that came whole and that no reader has looked at yet
//! FEED/DOCUMENT/partial              one that has not come whole; partial.json says what it is a part of
//! ```
//!
//! What was taken is replaced by renaming, and only after the reader took what replaces it.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use aws_lc_rs::digest::{SHA256, digest};
use outbound::{FeedAddress, Validators};
use rustix::fs::{FlockOperation, flock};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use vulndb::Time;

use crate::StoreError;

/// The longest file of state that is read: that of a feed with many documents has some 50 KB.
const STATE_BYTES_MAX: u64 = 4 << 20;

/// The longest part of an address that becomes the name of a file.
const FILE_NAME_BYTES_MAX: usize = 100;

/// What is known of a feed.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct FeedState {
    /// When it was last asked for.
    pub asked: Option<Time>,
    /// When its reader last took it, or it was found to be the same.
    pub good: Option<Time>,
    /// Why it was not taken when it was last asked for.
    pub error: Option<String>,
    /// How many records it has.
    pub records: u64,
    /// When the newest of them was made or changed.
    pub newest: Option<Time>,
    /// By what its documents are told from newer ones, by address.
    pub documents: BTreeMap<String, DocumentState>,
}

impl FeedState {
    /// Returns when it was last found to have nothing newer than a database of which its newest record is of a moment; none where that is of another, as
    /// of a database that came from elsewhere.
    pub fn seen_with(&self, newest: Option<Time>) -> Option<Time> {
        self.good.filter(|_| self.newest == newest)
    }
}

/// By what a document is told from a newer one.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct DocumentState {
    /// The `ETag`.
    pub etag: Option<String>,
    /// The `Last-Modified`.
    pub last_modified: Option<String>,
}

impl DocumentState {
    pub(crate) fn of(validators: &Validators) -> Self {
        Self { etag: validators.etag.clone(), last_modified: validators.last_modified.clone() }
    }

    pub(crate) fn validators(&self) -> Validators {
        Validators { etag: self.etag.clone(), last_modified: self.last_modified.clone() }
    }
}

/// A directory of documents.
#[derive(Debug, Clone)]
pub struct Cache {
    directory: PathBuf,
}

impl Cache {
    /// Names a directory; nothing is read or made.
    pub fn new(directory: impl Into<PathBuf>) -> Self {
        Self { directory: directory.into() }
    }

    /// Returns what is known of a feed; nothing when it was never asked for, or when its state cannot be read.
    pub fn state(&self, feed: &str) -> FeedState {
        read_json(&self.directory.join(feed).join("state.json")).unwrap_or_default()
    }

    /// Returns every feed of which something is known, by its name.
    pub fn states(&self) -> BTreeMap<String, FeedState> {
        let entries = fs::read_dir(&self.directory).into_iter().flatten().flatten();
        let names = entries.filter_map(|entry| entry.file_name().into_string().ok());
        let known =
            names.filter_map(|name| Some((name.clone(), read_json(&self.directory.join(name).join("state.json"))?)));
        known.collect()
    }

    /// Lets nobody else update until the lock is dropped.
    pub fn lock(&self) -> Result<CacheLock, StoreError> {
        let failed = |source| StoreError::Io { doing: "make", path: self.directory.clone(), source };
        fs::create_dir_all(&self.directory).map_err(failed)?;
        let file = File::create(self.directory.join("lock")).map_err(failed)?;
        match flock(&file, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => Ok(CacheLock { cache: self.clone(), _file: file }),
            Err(_) => Err(StoreError::Busy { path: self.directory.clone() }),
        }
    }

    /// Names a document's places.
    pub(crate) fn document(&self, feed: &str, address: &FeedAddress) -> CachedDocument {
        let text = address.to_string();
        let key = hex::encode(&digest(&SHA256, text.as_bytes()).as_ref()[..8]);
        let kept = |letter: char| letter.is_ascii_alphanumeric() || matches!(letter, '.' | '_' | '-');
        let name: String =
            address.file_name().chars().filter(|letter| kept(*letter)).take(FILE_NAME_BYTES_MAX).collect();
        let name = name.trim_start_matches('.');
        // Every other name in the directory is taken.
        let name = if matches!(name, "" | "next" | "partial" | "partial.json") { "document" } else { name };
        CachedDocument { directory: self.directory.join(feed).join(key), name: name.to_owned() }
    }
}

/// The right to change a cache.
#[derive(Debug)]
pub struct CacheLock {
    cache: Cache,
    /// Holds the lock as long as it is open.
    _file: File,
}

impl CacheLock {
    /// Returns the cache.
    pub fn cache(&self) -> &Cache {
        &self.cache
    }

    /// Keeps what is known of a feed.
    pub(crate) fn keep_state(&self, feed: &str, state: &FeedState) -> io::Result<()> {
        let directory = self.cache.directory.join(feed);
        fs::create_dir_all(&directory)?;
        write_json(&directory.join("state.json"), state)
    }
}

/// The places of one document.
#[derive(Debug, Clone)]
pub(crate) struct CachedDocument {
    directory: PathBuf,
    name: String,
}

impl CachedDocument {
    pub(crate) fn directory(&self) -> &Path {
        &self.directory
    }

    /// What a reader took.
    pub(crate) fn taken(&self) -> PathBuf {
        self.directory.join(&self.name)
    }

    /// What came whole.
    pub(crate) fn next(&self) -> PathBuf {
        self.directory.join("next").join(&self.name)
    }

    /// What has not come whole.
    pub(crate) fn partial(&self) -> PathBuf {
        self.directory.join("partial")
    }

    /// Returns how much of a document is there that has not come whole, and of which.
    pub(crate) fn partial_state(&self) -> Option<(u64, Validators)> {
        let state: DocumentState = read_json(&self.directory.join("partial.json"))?;
        let bytes = fs::metadata(self.partial()).ok()?.len();
        Some((bytes, state.validators())).filter(|(bytes, _)| *bytes > 0)
    }

    /// Begins a document anew.
    pub(crate) fn begin(&self, validators: &Validators) -> io::Result<File> {
        fs::create_dir_all(self.directory.join("next"))?;
        let file = File::create(self.partial())?;
        write_json(&self.directory.join("partial.json"), &DocumentState::of(validators))?;
        Ok(file)
    }

    /// What is partial has come whole. It is as old as its publisher says, unless that is a time to come.
    pub(crate) fn complete(&self, validators: &Validators) -> io::Result<()> {
        let file = File::open(self.partial())?;
        let came = file.metadata()?.modified()?;
        if let Some(changed) = validators.last_modified.as_deref().and_then(moment).filter(|changed| *changed < came) {
            file.set_modified(changed)?;
        }
        file.sync_all()?;
        fs::rename(self.partial(), self.next())?;
        self.forget_partial()
    }

    pub(crate) fn forget_partial(&self) -> io::Result<()> {
        for path in [self.partial(), self.directory.join("partial.json")] {
            remove(&path)?;
        }
        Ok(())
    }

    /// What came is taken.
    pub(crate) fn take(&self) -> io::Result<()> {
        fs::rename(self.next(), self.taken())?;
        File::open(&self.directory)?.sync_all()
    }

    /// What came is not taken.
    pub(crate) fn refuse(&self) -> io::Result<()> {
        remove(&self.next())
    }
}

/// Reads a date of HTTP (RFC 9110, section 5.6.7).
fn moment(text: &str) -> Option<SystemTime> {
    let moment = jiff::fmt::rfc2822::DateTimeParser::new().parse_timestamp(text.trim()).ok()?;
    SystemTime::UNIX_EPOCH.checked_add(Duration::from_secs(u64::try_from(moment.as_second()).ok()?))
}

fn remove(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

fn read_json<T: DeserializeOwned>(path: &Path) -> Option<T> {
    let mut bytes = Vec::new();
    File::open(path).ok()?.take(STATE_BYTES_MAX).read_to_end(&mut bytes).ok()?;
    serde_json::from_slice(&bytes).ok()
}

/// Whatever stops in between, the file is the old one or the new one.
fn write_json<T: Serialize>(path: &Path, value: &T) -> io::Result<()> {
    let bytes = serde_json::to_vec_pretty(value)?;
    let next = path.with_extension("json.next");
    let mut file = File::create(&next)?;
    file.write_all(&bytes)?;
    file.sync_all()?;
    fs::rename(&next, path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_document_keeps_its_name_where_that_is_harmless() {
        let place = tempfile::tempdir().unwrap();
        let cache = Cache::new(place.path());
        let table = [
            ("https://a.example/x/azurelinux-3.0-oval.xml", "azurelinux-3.0-oval.xml"),
            ("https://a.example/", "document"),
            ("https://a.example/partial", "document"),
            ("https://a.example/..%2f..%2fetc", "2f..2fetc"),
            ("https://a.example/.hidden", "hidden"),
        ];
        for (address, expected) in table {
            let document = cache.document("feed", &address.parse().unwrap());
            assert_eq!(document.name, expected, "{address}");
            assert!(document.directory().starts_with(place.path().join("feed")));
        }
    }

    #[test]
    fn a_document_is_as_old_as_its_publisher_says() {
        let place = tempfile::tempdir().unwrap();
        let document = Cache::new(place.path()).document("feed", &"https://a.example/x".parse().unwrap());
        let dated = |stated: Option<&str>| {
            let validators = Validators { etag: None, last_modified: stated.map(str::to_owned) };
            drop(document.begin(&validators).unwrap());
            let came = fs::metadata(document.partial()).unwrap().modified().unwrap();
            document.complete(&validators).unwrap();
            let changed = fs::metadata(document.next()).unwrap().modified().unwrap();
            (changed != came).then(|| changed.duration_since(SystemTime::UNIX_EPOCH).unwrap().as_secs())
        };
        assert_eq!(dated(Some("Sun, 06 Nov 1994 08:49:37 GMT")), Some(784_111_777));
        for stated in [None, Some(""), Some("yesterday"), Some("Fri, 06 Nov 2620 08:49:37 GMT")] {
            assert_eq!(dated(stated), None, "{stated:?}");
        }
    }

    #[test]
    fn one_updates_at_a_time() {
        let place = tempfile::tempdir().unwrap();
        let cache = Cache::new(place.path());
        let lock = cache.lock().unwrap();
        assert!(matches!(cache.lock(), Err(StoreError::Busy { .. })));
        drop(lock);
        cache.lock().unwrap();
    }

    #[test]
    fn a_damaged_state_is_none() {
        let place = tempfile::tempdir().unwrap();
        let cache = Cache::new(place.path());
        let lock = cache.lock().unwrap();
        let state = FeedState { records: 7, ..FeedState::default() };
        lock.keep_state("feed", &state).unwrap();
        assert_eq!(cache.state("feed"), state);
        assert_eq!(cache.states().into_iter().collect::<Vec<_>>(), [("feed".to_owned(), state)]);
        fs::write(place.path().join("feed/state.json"), "{\"records\":").unwrap();
        assert_eq!(cache.state("feed"), FeedState::default());
        assert_eq!(cache.state("absent"), FeedState::default());
    }
}
