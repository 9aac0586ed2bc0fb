use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use aws_lc_rs::digest::{Context, SHA256};
use rustix::fs::{FlockOperation, flock};
use vulndb::file::{Corrupt, Database};
use vulndb::{Lacking, Older, is_older};

use crate::cache::Cache;
use crate::form::{FormError, HEAD_BYTES, is_to_unpack, unpack_any};
use crate::judgement::{Acceptance, Fewer};
use crate::map::Mapped;

/// The largest database that is imported, in bytes: eight times what all publishers together take.
pub const DATABASE_BYTES_MAX: u64 = 4 << 30;

/// What the file that names the one in use is called.
const CURRENT: &str = "current";

/// How the names of databases end.
const SUFFIX: &str = ".vulndb";

/// Why the store of databases did not do what was asked.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The file system did not play along.
    #[error("failed to {doing} `{}`", path.display())]
    Io {
        /// What was being done.
        doing: &'static str,
        /// With what.
        path: PathBuf,
        /// Why it failed.
        source: io::Error,
    },
    /// There is no database yet.
    #[error("there is no vulnerability database in `{}`", path.display())]
    Missing {
        /// Where one would be.
        path: PathBuf,
    },
    /// A database is not believed.
    #[error("the vulnerability database `{}` is refused", path.display())]
    Corrupt {
        /// Which.
        path: PathBuf,
        /// Why.
        source: Corrupt,
    },
    /// No database comes of what was brought.
    #[error("what was brought is refused as a vulnerability database")]
    Brought(#[source] FormError),
    /// What was brought is a database that is not believed.
    #[error("what was brought is refused as a vulnerability database")]
    Disbelieved(#[source] Corrupt),
    /// A packed database cannot be unpacked.
    #[error("failed to unpack the vulnerability database `{}`", path.display())]
    Unpack {
        /// Which.
        path: PathBuf,
        /// Why.
        source: FormError,
    },
    /// The bytes are not those that were meant.
    #[error("the vulnerability database has digest sha256:{actual}, not sha256:{expected}")]
    Digest {
        /// What was meant, in hexadecimal.
        expected: String,
        /// What came, in hexadecimal.
        actual: String,
    },
    /// It is older than the one in use: it was rolled back, or brought by mistake.
    #[error("the vulnerability database is older than the one in use")]
    Older(#[source] Older),
    /// It has nothing of feeds that the one in use has: what only they know would be found no more.
    #[error("the vulnerability database has fewer feeds than the one in use")]
    Lacking(#[source] Lacking),
    /// It says nothing of any package: whatever is held against it seems to be well.
    #[error("the vulnerability database speaks of no package")]
    Empty,
    /// It is larger than any that is imported.
    #[error("the vulnerability database is larger than {DATABASE_BYTES_MAX} bytes")]
    TooLarge,
    /// Another process is changing the store.
    #[error("another process is updating `{}`", path.display())]
    Busy {
        /// The store.
        path: PathBuf,
    },
}

impl StoreError {
    /// Returns what the user can do about it.
    pub fn hint(&self) -> Option<&'static str> {
        match self {
            Self::Missing { .. } => {
                Some("make one with `garrison db build`, or bring one with `garrison db import FILE`")
            }
            Self::Corrupt { source: Corrupt::Version { .. }, .. } | Self::Disbelieved(Corrupt::Version { .. }) => {
                Some("it was made by another version of garrison; build or import it again")
            }
            Self::Corrupt { .. } | Self::Brought(_) | Self::Disbelieved(_) | Self::Digest { .. } => {
                Some("what was in use stays in use; fetch or build it again")
            }
            Self::Older(_) => Some(
                "what was in use stays in use; `--accept-older` takes it all the same, once you know why: see `garrison help ADVISORIES_OLDER`",
            ),
            Self::Lacking(_) => Some(
                "what was in use stays in use; `--accept-fewer-feeds` takes it all the same, once you know why: see `garrison help ADVISORIES_LACKING`",
            ),
            Self::Empty => Some("what was in use stays in use: see `garrison help ADVISORIES_EMPTY`"),
            Self::Busy { .. } => Some("wait for it to end"),
            Self::Io { .. } | Self::Unpack { .. } | Self::TooLarge => None,
        }
    }
}

/// A directory of databases, of which one is in use.
///
/// Each is a file named by its digest, written under another name, synced, and never changed; `current` names the one in
/// use and is replaced by renaming. Whoever has opened one keeps it, also when it is removed.
#[derive(Debug, Clone)]
pub struct Store {
    directory: PathBuf,
}

impl Store {
    /// Names a directory; nothing is read or made.
    pub fn new(directory: impl Into<PathBuf>) -> Self {
        Self { directory: directory.into() }
    }

    /// Returns where documents of publishers are kept beside the databases.
    pub fn cache(&self) -> Cache {
        Cache::new(self.directory.join("feeds"))
    }

    /// Opens the database in use.
    pub fn open(&self) -> Result<Database<Mapped>, StoreError> {
        Ok(self.open_current()?.1)
    }

    /// Opens the database in use; returns its digest too, in hexadecimal.
    pub fn open_current(&self) -> Result<(String, Database<Mapped>), StoreError> {
        let name = match fs::read_to_string(self.directory.join(CURRENT)) {
            Ok(name) => name,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                return Err(StoreError::Missing { path: self.directory.clone() });
            }
            Err(source) => return Err(failed("read", &self.directory.join(CURRENT), source)),
        };
        let digest = name.trim().strip_prefix("sha256:").filter(|hex| is_digest(hex));
        let Some(digest) = digest else {
            let path = self.directory.join(CURRENT);
            return Err(StoreError::Corrupt { path, source: Corrupt::NotADatabase });
        };
        Ok((digest.to_owned(), open(&self.directory.join(format!("{digest}{SUFFIX}")))?))
    }

    /// Opens a database anywhere, [in any form](unpack_any): what is packed, or comes through a pipe, is unpacked into a file without a name.
    pub fn open_file(path: &Path) -> Result<Database<Mapped>, StoreError> {
        let failed = |source| failed("open", path, source);
        let mut file = File::open(path).map_err(failed)?;
        if !file.metadata().map_err(failed)?.is_file() {
            return unpacked(path, file);
        }
        let mut head = Vec::new();
        Read::by_ref(&mut file).take(HEAD_BYTES).read_to_end(&mut head).map_err(failed)?;
        if is_to_unpack(&head) { unpacked(path, head.as_slice().chain(file)) } else { open(path) }
    }

    /// Takes a database into use, brought [in any form](unpack_any): reads every byte of it once, and only then lets it take the place of the one before, which is
    /// removed. `expected` is the digest that it must have, in hexadecimal. Returns the digest.
    ///
    /// With [`Acceptance::Newer`], one that is older than the one in use is refused, and so is one without feeds of it that are not among the
    /// [`Fewer`]; one in use that cannot be read is as if there were none.
    pub fn import(
        &self,
        from: impl Read,
        expected: Option<&str>,
        acceptance: Acceptance,
        fewer: Fewer<'_>,
    ) -> Result<String, StoreError> {
        fs::create_dir_all(&self.directory).map_err(|source| failed("make", &self.directory, source))?;
        let lock = self.directory.join("lock");
        let file = File::create(&lock).map_err(|source| failed("open", &lock, source))?;
        if flock(&file, FlockOperation::NonBlockingLockExclusive).is_err() {
            return Err(StoreError::Busy { path: self.directory.clone() });
        }
        let partial = self.directory.join("partial");
        let taken = write(&partial, from).and_then(|actual| {
            if let Some(expected) = expected.filter(|expected| *expected != actual) {
                return Err(StoreError::Digest { expected: expected.to_owned(), actual });
            }
            let offered = open(&partial).map_err(|error| match error {
                StoreError::Corrupt { source, .. } => StoreError::Disbelieved(source),
                error => error,
            })?;
            offered.verify().map_err(StoreError::Disbelieved)?;
            if offered.advisory_count().map_err(StoreError::Disbelieved)? == 0 {
                return Err(StoreError::Empty);
            }
            let offered = offered.feeds().map_err(StoreError::Disbelieved)?;
            let before = self.open().ok().and_then(|before| before.feeds().ok()).unwrap_or_default();
            let now = jiff::Timestamp::now().as_second();
            if let Some(older) = is_older(&offered, &before, now).filter(|_| acceptance == Acceptance::Newer) {
                return Err(StoreError::Older(older));
            }
            if let Some(lacking) = fewer.lacking(&offered, &before) {
                return Err(StoreError::Lacking(lacking));
            }
            self.take(&partial, &actual)?;
            Ok(actual)
        });
        if taken.is_err() {
            // What failed before is worth more to tell than that it cannot be cleared away.
            let _leftover = fs::remove_file(&partial);
        }
        taken
    }

    /// First the file has its name for good, then it is the one in use, then others go: whatever stops in between, one is in use.
    fn take(&self, partial: &Path, digest: &str) -> Result<(), StoreError> {
        let name = format!("{digest}{SUFFIX}");
        let place = self.directory.join(&name);
        fs::rename(partial, &place).map_err(|source| failed("name", &place, source))?;
        self.sync()?;
        let (current, next) = (self.directory.join(CURRENT), self.directory.join("current.next"));
        let written = File::create(&next).and_then(|mut file| {
            writeln!(file, "sha256:{digest}")?;
            file.sync_all()
        });
        written.and_then(|()| fs::rename(&next, &current)).map_err(|source| failed("replace", &current, source))?;
        self.sync()?;
        let entries: Vec<_> = fs::read_dir(&self.directory).into_iter().flatten().flatten().collect();
        for entry in entries {
            let found = entry.file_name();
            if found.to_string_lossy().ends_with(SUFFIX) && found.to_string_lossy() != name {
                // One that stays takes room and is removed by the next update.
                let _leftover = fs::remove_file(entry.path());
            }
        }
        Ok(())
    }

    fn sync(&self) -> Result<(), StoreError> {
        let synced = File::open(&self.directory).and_then(|directory| directory.sync_all());
        synced.map_err(|source| failed("sync", &self.directory, source))
    }
}

/// A file that is being written, with its digest so far.
struct Partial {
    file: File,
    context: Context,
}

impl Write for Partial {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let count = self.file.write(bytes)?;
        self.context.update(&bytes[..count]);
        Ok(count)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

/// Writes a database under a name for now; returns its digest.
fn write(partial: &Path, from: impl Read) -> Result<String, StoreError> {
    let failed = |source| failed("write", partial, source);
    // What an interrupted update left may be read-only already.
    match fs::remove_file(partial) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(failed(error)),
        _ => {}
    }
    let file = File::create_new(partial).map_err(failed)?;
    let mut to = Partial { file, context: Context::new(&SHA256) };
    unpack_any(from, &mut to, DATABASE_BYTES_MAX).map_err(|error| match error {
        FormError::TooLarge { .. } => StoreError::TooLarge,
        FormError::Io(source) => failed(source),
        error => StoreError::Brought(error),
    })?;
    to.file.set_permissions(fs::Permissions::from_mode(0o444)).map_err(failed)?;
    to.file.sync_all().map_err(failed)?;
    Ok(hex::encode(to.context.finish()))
}

fn failed(doing: &'static str, path: &Path, source: io::Error) -> StoreError {
    StoreError::Io { doing, path: path.to_owned(), source }
}

fn is_digest(hex: &str) -> bool {
    hex.len() == 64 && hex.bytes().all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte))
}

fn open(path: &Path) -> Result<Database<Mapped>, StoreError> {
    let mapped = Mapped::open(path);
    let mapped = mapped.map_err(|source| StoreError::Io { doing: "open", path: path.to_owned(), source })?;
    Database::open(mapped).map_err(|source| StoreError::Corrupt { path: path.to_owned(), source })
}

/// Opens what comes of a database that is packed. Nothing of it is in the file system once the process ends, however it does.
fn unpacked(path: &Path, from: impl Read) -> Result<Database<Mapped>, StoreError> {
    let kept = |source| StoreError::Io { doing: "keep what is unpacked of", path: path.to_owned(), source };
    let mut file = tempfile::tempfile().map_err(kept)?;
    unpack_any(from, &mut file, DATABASE_BYTES_MAX).map_err(|error| match error {
        FormError::TooLarge { .. } => StoreError::TooLarge,
        source => StoreError::Unpack { path: path.to_owned(), source },
    })?;
    let mapped = Mapped::of(&file).map_err(kept)?;
    Database::open(mapped).map_err(|source| StoreError::Corrupt { path: path.to_owned(), source })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use vulndb::file::{Builder, Feed, pack};
    use vulndb::{Advisory, Affected, Ecosystem, Family, Named, Qualifiers, Records, Verdict};

    fn database(name: &str) -> Vec<u8> {
        database_of(name, None)
    }

    fn database_of(name: &str, newest: Option<i64>) -> Vec<u8> {
        let feed = Feed {
            name: name.to_owned(),
            reader: "osv".to_owned(),
            address: String::new(),
            fetched: newest,
            advisories: 0,
            problems: Vec::new(),
        };
        let mut builder = Builder::new();
        let advisory = Advisory { id: "CVE-2026-0001".to_owned(), affected: vec![affected()], ..Advisory::default() };
        builder.add(feed, Records { advisories: vec![advisory], ..Records::default() });
        builder.finish().unwrap()
    }

    fn affected() -> Affected {
        Affected {
            ecosystem: Ecosystem::new(Family::Npm),
            package: "a".to_owned(),
            named: Named::Binary,
            verdict: Verdict::UnderInvestigation,
            intervals: Vec::new(),
            versions: Vec::new(),
            qualifiers: Qualifiers::default(),
            severities: Vec::new(),
        }
    }

    fn digest_of(bytes: &[u8]) -> String {
        hex::encode(aws_lc_rs::digest::digest(&SHA256, bytes))
    }

    fn names(store: &Store) -> BTreeSet<String> {
        fs::read_dir(&store.directory)
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .filter(|name| name != "lock")
            .collect()
    }

    fn in_use(store: &Store) -> String {
        store.open().unwrap().feeds().unwrap()[0].name.clone()
    }

    /// A stream that breaks off.
    struct Broken;
    impl Read for Broken {
        fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
            Err(io::Error::other("the line is cut"))
        }
    }

    /// A stream that begins a second update when it is read.
    struct Second<'a>(&'a Store);
    impl Read for Second<'_> {
        fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
            let error = self.0.import(database("two").as_slice(), None, Acceptance::Newer, Fewer::Any).unwrap_err();
            assert!(matches!(error, StoreError::Busy { .. }), "{error}");
            Ok(0)
        }
    }

    #[test]
    fn the_newest_is_in_use_and_who_has_the_old_one_keeps_it() {
        let place = tempfile::tempdir().unwrap();
        let store = Store::new(place.path().join("deep/er"));
        assert!(matches!(store.open(), Err(StoreError::Missing { .. })));
        store.import(database("one").as_slice(), None, Acceptance::Newer, Fewer::Any).unwrap();
        let old = store.open().unwrap();
        let digest = store
            .import(database("two").as_slice(), Some(&digest_of(&database("two"))), Acceptance::Newer, Fewer::Any)
            .unwrap();
        assert_eq!(in_use(&store), "two");
        assert_eq!(names(&store), BTreeSet::from([format!("{digest}.vulndb"), "current".to_owned()]));
        assert_eq!(old.feeds().unwrap()[0].name, "one");
        old.verify().unwrap();
        // Twice the same is the same.
        store.import(database("two").as_slice(), None, Acceptance::Newer, Fewer::Any).unwrap();
        assert_eq!(in_use(&store), "two");
    }

    #[test]
    fn what_is_refused_leaves_what_is_in_use() {
        let place = tempfile::tempdir().unwrap();
        let store = Store::new(place.path());
        store.import(database("one").as_slice(), None, Acceptance::Newer, Fewer::Any).unwrap();
        let before = names(&store);
        let good = database("two");
        let mut flipped = good.clone();
        *flipped.last_mut().unwrap() ^= 1;
        let check = |bytes: &[u8], expected: Option<&str>, told: &str| {
            let error = store.import(bytes, expected, Acceptance::Newer, Fewer::Any).unwrap_err();
            assert!(error.to_string().contains(told), "{error}");
            assert_eq!((in_use(&store).as_str(), names(&store)), ("one", before.clone()), "{told}");
        };
        check(b"", None, "is refused");
        check(&good[..good.len() - 1], None, "is refused");
        check(&flipped, None, "is refused");
        check(&good, Some("00"), "not sha256:00");
        check(&Builder::new().finish().unwrap(), None, "speaks of no package");
        let error = store.import(good[..100].chain(Broken), None, Acceptance::Newer, Fewer::Any).unwrap_err();
        assert!(matches!(error, StoreError::Io { doing: "write", .. }), "{error}");
        assert_eq!((in_use(&store).as_str(), names(&store)), ("one", before));
    }

    #[test]
    fn a_packed_one_is_believed_by_the_digest_of_what_comes_of_it() {
        let place = tempfile::tempdir().unwrap();
        let store = Store::new(place.path());
        store.import(database("one").as_slice(), None, Acceptance::Newer, Fewer::Any).unwrap();
        let before = names(&store);
        let good = database("two");
        let mut packed = Vec::new();
        pack(&Database::open(&good).unwrap(), &mut packed).unwrap();
        let packed = zstd::bulk::compress(&packed, 3).unwrap();
        let check = |bytes: &[u8], expected: &str, told: &str| {
            let error = store.import(bytes, Some(expected), Acceptance::Newer, Fewer::Any).unwrap_err();
            assert!(error.to_string().contains(told), "{error}");
            assert_eq!((in_use(&store).as_str(), names(&store)), ("one", before.clone()), "{told}");
        };
        let digest = digest_of(&good);
        check(&packed[..packed.len() - 1], &digest, "what was brought is refused");
        check(&packed, "00", "not sha256:00");
        assert_eq!(store.import(packed.as_slice(), Some(&digest), Acceptance::Newer, Fewer::Any).unwrap(), digest);
        assert_eq!(in_use(&store), "two");
    }

    #[test]
    fn a_file_is_opened_in_any_form_and_leaves_nothing_behind() {
        let place = tempfile::tempdir().unwrap();
        let path = place.path().join("given");
        let good = database("one");
        let mut packed = Vec::new();
        pack(&Database::open(&good).unwrap(), &mut packed).unwrap();
        let compressed = zstd::bulk::compress(&packed, 3).unwrap();
        let check = |bytes: &[u8], expected: Result<&str, &str>| {
            fs::write(&path, bytes).unwrap();
            let opened = Store::open_file(&path).map(|database| {
                database.verify().unwrap();
                database.feeds().unwrap()[0].name.clone()
            });
            let told = opened.map_err(|error| error.to_string().replace(&path.display().to_string(), "FILE"));
            assert_eq!(told.as_deref().map_err(String::as_str), expected);
            assert_eq!(fs::read_dir(place.path()).unwrap().count(), 1);
        };
        check(b"", Err("the vulnerability database `FILE` is refused"));
        check(b"no database", Err("the vulnerability database `FILE` is refused"));
        check(&good[..10], Err("the vulnerability database `FILE` is refused"));
        check(&packed[..packed.len() - 1], Err("failed to unpack the vulnerability database `FILE`"));
        check(&compressed[..compressed.len() - 1], Err("failed to unpack the vulnerability database `FILE`"));
        check(&zstd::bulk::compress(b"no database", 3).unwrap(), Err("the vulnerability database `FILE` is refused"));
        for form in [&good, &packed, &compressed, &zstd::bulk::compress(&good, 3).unwrap()] {
            check(form, Ok("one"));
        }
    }

    #[test]
    fn an_older_one_is_taken_only_if_that_is_meant() {
        let place = tempfile::tempdir().unwrap();
        let store = Store::new(place.path());
        let (early, late) = (database_of("a", Some(1_700_000_000)), database_of("a", Some(1_700_000_001)));
        let import = |bytes: &[u8], acceptance| {
            store.import(bytes, None, acceptance, Fewer::NONE).map_err(|error| error.to_string())
        };
        import(&early, Acceptance::Newer).unwrap();
        import(&late, Acceptance::Newer).unwrap();
        let before = names(&store);
        let refused = import(&early, Acceptance::Newer);
        assert_eq!(refused, Err("the vulnerability database is older than the one in use".to_owned()));
        assert_eq!(names(&store), before);
        import(&late, Acceptance::Newer).unwrap();
        import(&early, Acceptance::Any).unwrap();
        let left = BTreeSet::from([format!("{}.vulndb", digest_of(&early)), "current".to_owned()]);
        assert_eq!(names(&store), left);
        // What cannot be read any more keeps nothing from taking its place.
        fs::write(store.directory.join("current"), "nonsense").unwrap();
        import(&early, Acceptance::Newer).unwrap();
    }

    #[test]
    fn one_with_fewer_feeds_is_taken_only_if_that_is_meant() {
        let place = tempfile::tempdir().unwrap();
        let store = Store::new(place.path());
        let import = |name: &str, fewer: Fewer<'_>| {
            let imported = store.import(database(name).as_slice(), None, Acceptance::Any, fewer);
            imported.map_err(|error| format!("{error}: {}", std::error::Error::source(&error).unwrap()))
        };
        import("one", Fewer::NONE).unwrap();
        let before = names(&store);
        let refused = "the vulnerability database has fewer feeds than the one in use: it has nothing of `one`, which the one in use has";
        let others = ["other".to_owned()];
        for fewer in [Fewer::NONE, Fewer::Only(&others)] {
            assert_eq!(import("two", fewer), Err(refused.to_owned()));
            assert_eq!((in_use(&store).as_str(), names(&store)), ("one", before.clone()));
        }
        import("one", Fewer::NONE).unwrap();
        let left_out = ["one".to_owned()];
        import("two", Fewer::Only(&left_out)).unwrap();
        import("three", Fewer::Any).unwrap();
        // What cannot be read any more keeps nothing from taking its place.
        fs::write(store.directory.join("current"), "nonsense").unwrap();
        import("four", Fewer::NONE).unwrap();
    }

    #[test]
    fn two_updates_at_once_are_one() {
        let place = tempfile::tempdir().unwrap();
        let store = Store::new(place.path());
        store.import(database("one").as_slice().chain(Second(&store)), None, Acceptance::Newer, Fewer::Any).unwrap();
        assert_eq!(in_use(&store), "one");
    }

    /// A stop between any two steps: the file is there without being in use, or a new `current` was begun, or an old file stayed.
    #[test]
    fn whatever_an_update_left_half_done_the_next_one_succeeds() {
        let place = tempfile::tempdir().unwrap();
        let store = Store::new(place.path());
        store.import(database("one").as_slice(), None, Acceptance::Newer, Fewer::Any).unwrap();
        let two = database("two");
        fs::write(store.directory.join("partial"), &two[..50]).unwrap();
        fs::write(store.directory.join("current.next"), "sha256:00").unwrap();
        fs::write(store.directory.join(format!("{}.vulndb", digest_of(&two))), &two).unwrap();
        assert_eq!(in_use(&store), "one");
        store.import(two.as_slice(), None, Acceptance::Newer, Fewer::Any).unwrap();
        assert_eq!(in_use(&store), "two");
        assert_eq!(names(&store), BTreeSet::from([format!("{}.vulndb", digest_of(&two)), "current".to_owned()]));
    }
}
