//! A power cut at any moment.
//!
//! The file operations of a scripted run are recorded. For every prefix of them, the states are made in which a file system
//! that keeps only what POSIX demands may be found afterwards: bytes written since a file's last sync are gone, cut short, zeros
//! or there; entries changed since a directory's last sync are there or not, each by itself, so that a renamed file may have
//! both names or none. In each state the store is opened, and must hold all that was acknowledged before the prefix ends.

use std::collections::{BTreeMap, HashSet};
use std::fs;
use std::path::Path;

use blobs::{Blobs, Error, Faults, Found, Operation, Stored, UploadId, Verdict};
use bytes::Bytes;
use oci::Algorithm;

use crate::{content, list, memory_directory, push_whole, read, sha256, sha512};

/// How many of the entries changed since their directory's last sync are tried in every combination; of more, all, none, each
/// alone and all but each.
const COMBINED_ENTRIES_MAX: usize = 6;

/// What was promised, from the operation on before which `Ok` was returned, to the one at which it was taken back.
struct Promise {
    from: usize,
    until: usize,
    what: Promised,
}

enum Promised {
    Blob(Stored, Vec<u8>),
    Upload(UploadId, Vec<u8>),
}

impl Promise {
    fn is_kept(&self, count: usize) -> bool {
        (self.from..self.until).contains(&count)
    }
}

/// What becomes of bytes that were not synced.
#[derive(Clone, Copy, Debug)]
enum Unsynced {
    Dropped,
    CutShort,
    Zeros,
    Kept,
}

#[derive(Default)]
struct Disk {
    files: BTreeMap<u64, FileState>,
    /// The entries that are there for certain, and those of the running system.
    durable: BTreeMap<String, Target>,
    current: BTreeMap<String, Target>,
    /// Changes of entries since the last sync of their directory, oldest first.
    changes: Vec<(String, Option<Target>)>,
}

#[derive(Default, Clone)]
struct FileState {
    current: Vec<u8>,
    synced: Vec<u8>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Target {
    Directory,
    File(u64),
}

/// The files of one state after the power cut, by name; `None` is a directory.
type State = BTreeMap<String, Option<Vec<u8>>>;

/// Tells of each change of an entry whether it is kept.
type Subset = Box<dyn Fn(usize) -> bool>;

impl Disk {
    fn apply(&mut self, operation: &Operation) {
        match operation {
            Operation::MakeDirectory { path } => self.change(path, Some(Target::Directory)),
            Operation::Create { path, file } => {
                if self.current.get(path) == Some(&Target::File(*file)) {
                    self.file(*file).current.clear();
                } else {
                    // An inode of a removed file may be used again.
                    self.files.insert(*file, FileState::default());
                    self.change(path, Some(Target::File(*file)));
                }
            }
            Operation::Write { file, offset, bytes } => {
                let start = usize::try_from(*offset).expect("the script writes little");
                let current = &mut self.file(*file).current;
                current.resize(current.len().max(start + bytes.len()), 0);
                current[start..start + bytes.len()].copy_from_slice(bytes);
            }
            Operation::Truncate { file, size_bytes } => {
                self.file(*file).current.truncate(usize::try_from(*size_bytes).expect("the script writes little"));
            }
            Operation::SyncFile { file } => {
                let state = self.file(*file);
                state.synced.clone_from(&state.current);
            }
            Operation::Link { from, to } => {
                let target = self.current[from];
                self.change(to, Some(target));
            }
            Operation::Rename { from, to } => {
                let target = self.current[from];
                self.change(to, Some(target));
                self.change(from, None);
            }
            Operation::Remove { path } => self.change(path, None),
            Operation::SyncDirectory { path } => {
                let (synced, changes) =
                    std::mem::take(&mut self.changes).into_iter().partition(|(entry, _)| parent(entry) == path);
                self.changes = changes;
                for (entry, target) in synced {
                    put(&mut self.durable, &entry, target);
                }
            }
        }
    }

    fn file(&mut self, file: u64) -> &mut FileState {
        self.files.get_mut(&file).expect("the file was created")
    }

    fn change(&mut self, path: &str, target: Option<Target>) {
        put(&mut self.current, path, target);
        self.changes.push((path.to_owned(), target));
    }

    /// Returns the states that a power cut may leave now.
    fn states(&self) -> HashSet<State> {
        let mut states = HashSet::new();
        for kept in subsets(self.changes.len()) {
            let mut entries = self.durable.clone();
            for (_, (path, target)) in self.changes.iter().enumerate().filter(|(index, _)| kept(*index)) {
                put(&mut entries, path, *target);
            }
            // What is in a directory that is lost is lost with it.
            let is_reachable = |path: &String| {
                Path::new(path).ancestors().skip(1).all(|directory| {
                    directory.as_os_str().is_empty() || entries.contains_key(directory.to_str().expect("it is text"))
                })
            };
            for unsynced in [Unsynced::Dropped, Unsynced::CutShort, Unsynced::Zeros, Unsynced::Kept] {
                let state = entries.iter().filter(|(path, _)| is_reachable(path)).map(|(path, target)| {
                    let bytes = match target {
                        Target::Directory => None,
                        Target::File(file) => Some(self.files[file].after(unsynced)),
                    };
                    (path.clone(), bytes)
                });
                states.insert(state.collect());
            }
        }
        states
    }
}

impl FileState {
    fn after(&self, unsynced: Unsynced) -> Vec<u8> {
        let common = self.current.iter().zip(&self.synced).take_while(|(current, synced)| current == synced).count();
        match unsynced {
            Unsynced::Dropped => self.synced.clone(),
            Unsynced::CutShort => self.current[..common.midpoint(self.current.len())].to_vec(),
            Unsynced::Zeros => {
                let mut bytes = self.current.clone();
                bytes[common..].fill(0);
                bytes
            }
            Unsynced::Kept => self.current.clone(),
        }
    }
}

fn parent(path: &str) -> &str {
    path.rsplit_once('/').map_or(".", |(parent, _)| parent)
}

fn put(entries: &mut BTreeMap<String, Target>, path: &str, target: Option<Target>) {
    match target {
        Some(target) => entries.insert(path.to_owned(), target),
        None => entries.remove(path),
    };
}

/// Lists the ways to choose among `count` changes.
fn subsets(count: usize) -> Vec<Subset> {
    if count <= COMBINED_ENTRIES_MAX {
        return (0..1_usize << count)
            .map(|mask| Box::new(move |index: usize| (mask >> index) & 1 == 1) as Subset)
            .collect();
    }
    let mut subsets: Vec<Subset> = vec![Box::new(|_| true), Box::new(|_| false)];
    // The directories' own making has hundreds of changes that are all alike.
    for chosen in (0..count).step_by(count.div_ceil(12)) {
        subsets.push(Box::new(move |index| index == chosen));
        subsets.push(Box::new(move |index| index != chosen));
    }
    subsets
}

/// Pushes, resumes, commits, removes and fails to; returns the operations and what was promised when.
async fn run_script() -> (Vec<Operation>, Vec<Promise>) {
    let directory = memory_directory();
    let faults = Faults::new();
    faults.record();
    let blobs = Blobs::open_with(directory.path(), faults.clone()).expect("the store opens");
    let now = || faults.recorded().len();
    let mut promises: Vec<Promise> = Vec::new();
    let promise = |what: Promised| Promise { from: now(), until: usize::MAX, what };

    // A body in one piece, and one of nothing.
    let small = content(1, 3000);
    for bytes in [&small[..], b""] {
        let stored = blobs.store(UploadId::generate(), &sha256(bytes), vec![Bytes::copy_from_slice(bytes)]).await;
        promises.push(promise(Promised::Blob(stored.expect("the body is stored"), bytes.to_vec())));
    }

    // One that comes whole, and one that breaks off.
    let whole = content(5, 5000);
    let stored = push_whole(&blobs, UploadId::generate(), &whole, &sha256(&whole)).await;
    promises.push(promise(Promised::Blob(stored.expect("the push succeeds"), whole.clone())));
    let id = UploadId::generate();
    push_whole(&blobs, id, &whole[1..], &sha256(&whole)).await.expect_err("the digest does not match");

    // An upload in three parts, with a part too many that is cut off when it is resumed.
    let id = UploadId::generate();
    let large = content(2, 9000);
    let mut upload = blobs.resume(id, Algorithm::Sha256, 0).await.expect("the upload begins");
    upload.write(large[..4000].to_vec().into()).await.expect("the part is written");
    upload.sync().await.expect("the part is synced");
    promises.push(promise(Promised::Upload(id, large[..4000].to_vec())));
    upload.write(vec![9; 700].into()).await.expect("the part is written");
    upload.sync().await.expect("the part is synced");
    drop(upload);
    let mut upload = blobs.resume(id, Algorithm::Sha256, 4000).await.expect("the upload goes on");
    upload.write(large[4000..].to_vec().into()).await.expect("the part is written");
    upload.sync().await.expect("the part is synced");
    end_upload_promises(&mut promises, now());
    promises.push(promise(Promised::Upload(id, large.clone())));
    let stored = upload.commit(&sha512(&large)).await.expect("the upload is committed");
    promises.push(promise(Promised::Blob(stored, large.clone())));
    // No row came to name the blob: the upload goes on from what it has, and to another digest.
    let mut upload = blobs.resume(id, Algorithm::Sha256, 9000).await.expect("the upload goes on");
    upload.write("more".into()).await.expect("the part is written");
    upload.sync().await.expect("the part is synced");
    let longer = [&large[..], b"more"].concat();
    end_upload_promises(&mut promises, now());
    promises.push(promise(Promised::Upload(id, longer.clone())));
    let stored = upload.commit(&sha256(&longer)).await.expect("the upload is committed");
    promises.push(promise(Promised::Blob(stored, longer)));
    end_upload_promises(&mut promises, now());
    blobs.end_upload(&stored).await.expect("the upload ends");

    // Several at once, of one digest among others.
    let bodies = [content(3, 2000), content(3, 2000), content(4, 500)];
    let pushes = bodies.iter().map(|bytes| {
        let blobs = blobs.clone();
        async move {
            let mut upload = blobs.resume(UploadId::generate(), Algorithm::Sha256, 0).await?;
            upload.write(bytes.clone().into()).await?;
            let stored = upload.commit(&sha256(bytes)).await?;
            blobs.end_upload(&stored).await?;
            Ok::<_, Error>(stored)
        }
    });
    for (stored, bytes) in futures_util::future::join_all(pushes).await.into_iter().zip(&bodies) {
        promises.push(promise(Promised::Blob(stored.expect("the push succeeds"), bytes.clone())));
    }

    // A digest that does not match, and an upload given up.
    let mut upload = blobs.resume(UploadId::generate(), Algorithm::Sha256, 0).await.expect("the upload begins");
    upload.write("content".into()).await.expect("the part is written");
    let id = upload.id();
    upload.commit(&sha256(b"other")).await.expect_err("the digest does not match");
    blobs.remove_upload(id).await.expect("the upload is removed");
    let mut upload = blobs.resume(UploadId::generate(), Algorithm::Sha256, 0).await.expect("the upload begins");
    upload.write("content".into()).await.expect("the part is written");
    upload.sync().await.expect("the part is synced");
    upload.discard().await.expect("the upload is discarded");

    // The first blob is removed, and pushed again.
    let Promised::Blob(first, _) = promises[0].what else { panic!("the first promise is of a blob") };
    promises[0].until = now();
    blobs.remove(&first.location).await.expect("the blob is removed");
    let stored = blobs.store(UploadId::generate(), first.location.digest(), vec![small.clone().into()]).await;
    promises.push(promise(Promised::Blob(stored.expect("the body is stored"), small)));

    (faults.recorded(), promises)
}

/// Takes back what was promised of uploads so far.
fn end_upload_promises(promises: &mut [Promise], at: usize) {
    for promise in promises.iter_mut().filter(|promise| matches!(promise.what, Promised::Upload(..))) {
        promise.until = promise.until.min(at);
    }
}

/// Opens a store on a state and checks it, after `count` operations.
async fn check(state: &State, count: usize, promises: &[Promise]) {
    let directory = memory_directory();
    for (path, bytes) in state {
        let path = directory.path().join(path);
        match bytes {
            None => fs::create_dir_all(path),
            Some(bytes) => fs::write(path, bytes),
        }
        .expect("the state is made");
    }
    let blobs = Blobs::open(directory.path()).expect("the store opens");

    // Every file is found as what it is, and one that has a blob's name is read whole only if it is that blob.
    let mut found = HashSet::new();
    for entry in list(&blobs).await {
        match entry.found {
            Found::Blob(location) => {
                let digest = location.digest();
                let verdict = blobs.verify(&location, digest, entry.size_bytes, |_| ()).await;
                let outcome = read(&blobs, &Stored { location, size_bytes: entry.size_bytes }).await;
                match (verdict.expect("the file is verified"), outcome) {
                    (Verdict::Whole, Ok(bytes)) => {
                        assert!(sha256(&bytes) == *digest || sha512(&bytes) == *digest);
                    }
                    (Verdict::Corrupt, Err(Error::Corrupt { .. })) => (),
                    (verdict, outcome) => panic!("after {count}: {location} is {verdict:?} and {outcome:?}"),
                }
                found.insert(location.to_string());
            }
            Found::Upload(id) => {
                found.insert(format!("uploads/{id}"));
            }
            Found::Unknown(path) => panic!("after {count}: {}", path.display()),
        }
    }
    let files: HashSet<_> = state.iter().filter(|(_, bytes)| bytes.is_some()).map(|(path, _)| path.clone()).collect();
    assert_eq!(found, files);

    for promise in promises {
        match &promise.what {
            Promised::Blob(stored, bytes) => {
                if promise.is_kept(count) {
                    let outcome = read(&blobs, stored).await;
                    assert!(
                        outcome.as_ref().is_ok_and(|read| read == bytes),
                        "after {count}: {stored:?} is {outcome:?}"
                    );
                } else if promise.until == usize::MAX {
                    // Pushed again under the same id, as a client does that had no answer.
                    let (id, digest) = (stored.location.upload_id(), stored.location.digest());
                    let again = blobs.store(id, digest, vec![bytes.clone().into()]).await.expect("the body is stored");
                    assert_eq!(again, *stored);
                    assert!(read(&blobs, stored).await.is_ok_and(|read| read == *bytes), "after {count}: {stored:?}");
                }
            }
            Promised::Upload(id, bytes) => {
                if promise.is_kept(count) {
                    let upload = blobs.resume(*id, Algorithm::Sha256, bytes.len() as u64).await;
                    let stored = upload.expect("the upload goes on").commit(&sha256(bytes)).await;
                    let stored = stored.expect("the upload holds what was acknowledged");
                    assert!(read(&blobs, &stored).await.is_ok_and(|read| read == *bytes), "after {count}: {id}");
                }
            }
        }
    }
}

#[tokio::test]
async fn nothing_acknowledged_is_lost() {
    let (operations, promises) = run_script().await;
    let is_of_opening = |operation: &Operation| match operation {
        Operation::MakeDirectory { .. } => true,
        Operation::SyncDirectory { path } => matches!(path.as_str(), "." | "blobs" | "blobs/sha256" | "blobs/sha512"),
        _ => false,
    };
    let opening = operations.iter().take_while(|operation| is_of_opening(operation)).count();
    let mut disk = Disk::default();
    let mut checked = HashSet::new();
    for count in 0..=operations.len() {
        // Before anything is promised, hundreds of directories are made one like the other.
        if count >= opening.saturating_sub(8) || count % 128 == 0 {
            for state in disk.states() {
                let kept: Vec<bool> = promises.iter().map(|promise| promise.is_kept(count)).collect();
                // Most operations change nothing that a power cut can tell.
                if checked.insert((state.clone(), kept)) {
                    check(&state, count, &promises).await;
                }
            }
        }
        if let Some(operation) = operations.get(count) {
            disk.apply(operation);
        }
    }
    assert!(
        promises.len() == 12 && operations.len() > opening + 40 && checked.len() > 300,
        "{} {}",
        operations.len(),
        checked.len()
    );
}
