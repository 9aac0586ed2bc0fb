//! Databases of installed RPM packages in the three formats that rpm has had: SQLite, ndb and Berkeley DB. Each is a store of package headers
//! under numbers; only what a reader of all headers needs is read, with bounds on everything.

#![expect(clippy::cast_possible_truncation, reason = "a database has at most 2^30 bytes")]

use std::borrow::Cow;
use std::io;

use serde::{Deserialize, Serialize};

use crate::{Content, Extractor, Refusal};

mod berkeley;
#[cfg(test)]
pub(crate) mod fixtures;
pub(crate) mod header;
mod ndb;
mod sqlite;

/// The extractor of packages from an rpm database.
pub(crate) static EXTRACTOR: Extractor =
    Extractor { name: "rpm-database", version: 2, limit_bytes: DATABASE_BYTES_MAX, extract };

/// The extractor that tells whether a write-ahead log of SQLite holds anything.
pub(crate) static WRITE_AHEAD_LOG: Extractor = Extractor {
    name: "sqlite-log",
    version: 1,
    limit_bytes: DATABASE_BYTES_MAX,
    extract: |log| Ok(holds_changes(log)),
};

/// The header of a write-ahead log; what follows it are changes.
const LOG_HEADER_BYTES: u64 = 32;

fn holds_changes(log: &Content) -> Option<Vec<u8>> {
    (log.len() > LOG_HEADER_BYTES).then(Vec::new)
}

/// The largest database. One with 2,500 packages has 150 MB in Berkeley DB, the wordiest of the formats.
pub(crate) const DATABASE_BYTES_MAX: u64 = 1 << 30;

/// The largest header. rpm's own limit is 256 MiB; the largest real ones (kernels, TeX Live) have 10 MB.
pub(crate) const HEADER_BYTES_MAX: u64 = 64 << 20;

/// The most bytes of a record. Records are a third of their databases.
const RECORD_BYTES_MAX: usize = 256 << 20;

/// The most files, requirements and provisions of all packages together. A workstation with everything has 600,000; this many take 100 MB.
const VALUES_MAX: usize = 1_000_000;

/// How the problem ends of a package of which more is listed than is kept.
pub(crate) const TOO_MANY_VALUES: &str = "files and relations, so that not all are known";

/// The most problems that are told of one database; more say nothing that these do not.
const PROBLEMS_MAX: usize = 100;

/// Why a database or a header in it could not be read.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    /// The bytes could not be read, or end where there should be more.
    #[error("the database ends early or cannot be read")]
    Read(#[from] io::Error),
    /// Something is not as the format has it.
    #[error("{0}")]
    Malformed(&'static str),
    /// A header is larger than the limit.
    #[error("a header of {actual_bytes} bytes, the limit is {HEADER_BYTES_MAX}")]
    HeaderTooLarge {
        /// Its size, as the database states it.
        actual_bytes: u64,
    },
}

/// What an installed package's header says.
#[derive(Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Package<'a> {
    #[serde(borrow)]
    pub(crate) name: Cow<'a, str>,
    #[serde(borrow)]
    pub(crate) version: Cow<'a, str>,
    #[serde(borrow)]
    pub(crate) release: Cow<'a, str>,
    pub(crate) epoch: Option<u32>,
    #[serde(borrow)]
    pub(crate) architecture: Option<Cow<'a, str>>,
    #[serde(borrow)]
    pub(crate) source_rpm: Option<Cow<'a, str>>,
    #[serde(borrow)]
    pub(crate) vendor: Option<Cow<'a, str>>,
    #[serde(borrow)]
    pub(crate) license: Option<Cow<'a, str>>,
    #[serde(borrow)]
    pub(crate) module: Option<Cow<'a, str>>,
    /// The MD5 of the package's header and payload, in hexadecimal.
    pub(crate) md5: Option<String>,
    #[serde(borrow)]
    pub(crate) provides: Vec<Relation<'a>>,
    #[serde(borrow)]
    pub(crate) requires: Vec<Relation<'a>>,
    #[serde(borrow)]
    pub(crate) recommends: Vec<Relation<'a>>,
    /// The algorithm of the files' digests, by its number in `OpenPGP`.
    pub(crate) digest_algorithm: u32,
    #[serde(borrow)]
    pub(crate) folders: Vec<Cow<'a, str>>,
    #[serde(borrow)]
    pub(crate) files: Vec<PackagedFile<'a>>,
}

impl Package<'_> {
    fn values(&self) -> usize {
        self.provides.len() + self.requires.len() + self.recommends.len() + self.folders.len() + self.files.len()
    }

    fn drop_values(&mut self) {
        self.provides.clear();
        self.requires.clear();
        self.recommends.clear();
        self.folders.clear();
        self.files.clear();
    }
}

/// One name that a package provides or needs, with the versions of it.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Relation<'a> {
    #[serde(borrow)]
    pub(crate) name: Cow<'a, str>,
    pub(crate) flags: u32,
    #[serde(borrow)]
    pub(crate) version: Cow<'a, str>,
}

/// One file of a package.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct PackagedFile<'a> {
    /// The folder, as an index into the package's folders.
    pub(crate) folder: u32,
    #[serde(borrow)]
    pub(crate) name: Cow<'a, str>,
    pub(crate) mode: u16,
    pub(crate) flags: u32,
    /// In hexadecimal; empty for what is no regular file.
    #[serde(borrow)]
    pub(crate) digest: Cow<'a, str>,
}

/// What a record begins with where nothing was wrong: the length of an empty list.
const NO_PROBLEMS: u8 = 0;

/// A record's beginning: what was wrong with the database. After it the packages follow, one by one to the end.
#[derive(Default)]
struct Problems(Vec<String>);

impl Problems {
    fn note(&mut self, problem: String) {
        if self.0.len() < PROBLEMS_MAX && !self.0.contains(&problem) {
            self.0.push(problem);
        }
    }
}

/// Takes one header, or why there is none.
type Visit<'v> = &'v mut dyn FnMut(Result<&[u8], Error>);

fn extract(content: &Content) -> Result<Option<Vec<u8>>, Refusal> {
    read(content, RECORD_BYTES_MAX)
}

/// Returns the record of a database, of packages with at most so many bytes together.
fn read(content: &Content, limit_bytes: usize) -> Result<Option<Vec<u8>>, Refusal> {
    if content.is_empty() {
        return Ok(None);
    }
    // With room for about all of it, of which only what is written takes memory: a list that grows is copied into ever larger ones.
    let mut record = Vec::with_capacity((content.len() as usize / 4).min(limit_bytes));
    record.push(NO_PROBLEMS);
    let mut problems = Problems::default();
    let mut values_left = VALUES_MAX;
    let walked = walk(content, &mut |header| match header.and_then(header::parse) {
        Ok(mut package) => {
            if let Some(left) = values_left.checked_sub(package.values()) {
                values_left = left;
            } else {
                package.drop_values();
                problems.note(format!("more than {VALUES_MAX} {TOO_MANY_VALUES}"));
            }
            let length = record.len();
            match postcard::to_extend(&package, std::mem::take(&mut record)) {
                Ok(extended) => record = extended,
                Err(error) => {
                    record.push(NO_PROBLEMS);
                    problems.note(format!("failed to keep a package: {error}"));
                }
            }
            if record.len() - 1 > limit_bytes {
                record.truncate(length);
                problems.note(format!("its packages have more than {limit_bytes} bytes together"));
            }
        }
        Err(error) => problems.note(error.to_string()),
    });
    match walked {
        Err(error) if record.len() <= 1 => return Err(Refusal::new(error.to_string())),
        Err(error) => problems.note(error.to_string()),
        Ok(()) => {}
    }
    if !problems.0.is_empty() {
        let problems = postcard::to_allocvec(&problems.0).map_err(|error| Refusal::new(error.to_string()))?;
        record.splice(..1, problems);
    }
    Ok(Some(record))
}

fn walk(content: &Content, visit: Visit<'_>) -> Result<(), Error> {
    let mut head = [0; 16];
    content.read_at(0, &mut head)?;
    if head == *sqlite::MAGIC {
        sqlite::headers(content, visit)
    } else if head[..4] == *ndb::MAGIC {
        ndb::headers(content, visit)
    } else if let Some(order) = berkeley::ByteOrder::of(&head) {
        berkeley::headers(content, order, visit)
    } else {
        Err(Error::Malformed("not an rpm database in a format that rpm has had"))
    }
}

/// Returns the packages of a record that the extractor made, and what was wrong with the database.
pub(crate) fn packages(record: &[u8]) -> (Vec<Package<'_>>, Vec<String>) {
    let Ok((mut problems, mut rest)) = postcard::take_from_bytes::<Vec<String>>(record) else {
        return (Vec::new(), vec!["a record that cannot be read".to_owned()]);
    };
    let mut packages = Vec::new();
    while !rest.is_empty() {
        let Ok((package, after)) = postcard::take_from_bytes(rest) else {
            problems.push("a record that cannot be read to its end".to_owned());
            break;
        };
        packages.push(package);
        rest = after;
    }
    (packages, problems)
}

/// Pages that were read. Each belongs to one place of a sound database, so that a second visit shows a cycle, or an attempt to make a small file
/// cost much.
struct Pages(Vec<bool>);

impl Pages {
    fn new(count: u64) -> Self {
        // A database has at most 2^30 bytes and a page at least 512, so the count fits.
        Self(vec![false; count as usize])
    }

    fn visit(&mut self, page: u32) -> Result<(), Error> {
        match self.0.get_mut(page as usize) {
            None => Err(Error::Malformed("a page that is outside of the database")),
            Some(true) => Err(Error::Malformed("a page that is used twice")),
            Some(visited) => {
                *visited = true;
                Ok(())
            }
        }
    }
}

/// Returns the two bytes at an offset, as a number; big-endian.
fn be_u16(bytes: &[u8], offset: usize) -> Result<u16, Error> {
    let bytes = bytes.get(offset..offset + 2).and_then(|bytes| bytes.try_into().ok());
    bytes.map(u16::from_be_bytes).ok_or(Error::Malformed("a number that is outside of its page"))
}

fn be_u32(bytes: &[u8], offset: usize) -> Result<u32, Error> {
    let bytes = bytes.get(offset..offset + 4).and_then(|bytes| bytes.try_into().ok());
    bytes.map(u32::from_be_bytes).ok_or(Error::Malformed("a number that is outside of its page"))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::fixtures::{Value, berkeley, ndb, package, sqlite};
    use super::*;

    /// The names of the packages and the problems of a database, or why it was refused.
    fn check(database: Vec<u8>) -> Result<(Vec<String>, Vec<String>), String> {
        let record = extract(&Content::from_bytes(database)).map_err(|refusal| refusal.0)?.unwrap_or_default();
        let (packages, problems) = packages(&record);
        Ok((packages.into_iter().map(|package| package.name.into_owned()).collect(), problems))
    }

    fn formats(headers: &[Vec<u8>]) -> [Vec<u8>; 4] {
        [ndb(headers), berkeley(headers, false), berkeley(headers, true), sqlite(headers)]
    }

    /// A small package, one that takes a few pages, and one that takes many.
    fn headers() -> Vec<Vec<u8>> {
        let filler = |length: usize| vec![(header::TAG_LICENSE, Value::Text("x".repeat(length).leak()))];
        vec![package("small", filler(1)), package("large", filler(9000)), package("huge", filler(100_000))]
    }

    #[test]
    fn records_end_at_the_limit() {
        let kept = |limit_bytes: usize| {
            let content = Content::from_bytes(ndb(&headers()));
            let record = read(&content, limit_bytes).expect("the database is whole").expect("it has packages");
            let (packages, problems) = packages(&record);
            (packages.len(), problems)
        };
        let whole = read(&Content::from_bytes(ndb(&headers())), RECORD_BYTES_MAX).expect("whole").expect("packages");
        // The record begins with the number of problems, of which there are none.
        let bytes = whole.len() - 1;
        assert_eq!(kept(bytes + 1), (3, Vec::new()));
        assert_eq!(kept(bytes), (3, Vec::new()));
        assert_eq!(kept(bytes - 1), (2, vec![format!("its packages have more than {} bytes together", bytes - 1)]));
    }

    #[test]
    fn problems_end_at_the_limit() {
        for (written, kept) in [(PROBLEMS_MAX - 1, 99), (PROBLEMS_MAX, 100), (PROBLEMS_MAX + 1, 100)] {
            let mut problems = Problems::default();
            for index in 0..written {
                problems.note(index.to_string());
                problems.note(index.to_string());
            }
            assert_eq!(problems.0.len(), kept);
        }
    }

    #[test]
    fn bytes_that_are_no_database_are_refused() {
        assert!(check(b"bogus".to_vec()).is_err());
        assert!(check(vec![0; 4096]).is_err());
        assert!(check(sqlite::MAGIC.to_vec()).is_err());
        assert!(check(ndb::MAGIC.to_vec()).is_err());
        assert_eq!(extract(&Content::from_bytes(Vec::new())), Ok(None));
    }

    #[test]
    fn headers_are_read_in_every_format() {
        for database in formats(&headers()) {
            let expected = ["small", "large", "huge"].map(str::to_owned).to_vec();
            assert_eq!(check(database), Ok((expected, Vec::new())));
        }
    }

    #[test]
    fn a_database_that_was_cut_off_gives_what_is_left() {
        for database in formats(&headers()) {
            for length in (0..database.len()).step_by(997) {
                if let Ok((names, problems)) = check(database[..length].to_vec()) {
                    assert!(
                        names.len() == 3 || !problems.is_empty() || length == 0,
                        "{length}: {names:?} {problems:?}"
                    );
                }
            }
        }
    }

    #[test]
    fn a_damaged_header_does_not_hide_the_others() {
        for database in formats(&[package("a", Vec::new()), vec![0xff; 40], package("b", Vec::new())]) {
            let (names, problems) = check(database).expect("the database is whole");
            assert_eq!(names, ["a", "b"]);
            assert_eq!(problems, ["a header with more tags than the limit"]);
        }
    }

    #[test]
    fn pages_that_are_used_twice_end_the_walk() {
        // The last child of the table's root page becomes the root page itself.
        let mut database = sqlite(&headers());
        database[4096 + 8..4096 + 12].copy_from_slice(&2_u32.to_be_bytes());
        let (names, problems) = check(database).expect("some packages are found");
        assert_eq!((names.len(), &problems[..]), (2, &["a page that is used twice".to_owned()][..]));

        // The first page of the large header's chain leads to itself.
        let mut database = berkeley(&headers(), false);
        database[2 * 4096 + 16..2 * 4096 + 20].copy_from_slice(&2_u32.to_le_bytes());
        let (names, problems) = check(database).expect("some packages are found");
        assert_eq!((names.len(), &problems[..]), (2, &["a page that is used twice".to_owned()][..]));
    }

    #[test]
    fn slots_that_lead_to_one_header_end_at_the_size_of_the_database() {
        let mut database = ndb(&headers());
        let third = database[32 + 32..32 + 48].to_vec();
        let head = u64::from(u32::from_le_bytes([third[8], third[9], third[10], third[11]])) * 16;
        for slot in 3..20 {
            database[32 + 16 * slot..48 + 16 * slot].copy_from_slice(&third);
        }
        assert!(head > 4096);
        let (names, problems) = check(database).expect("some packages are found");
        assert!(names.len() < 6, "{names:?}");
        assert_eq!(problems, ["headers that are larger than the database"]);
    }

    #[test]
    fn headers_end_at_the_limit() {
        // The length that a database states is enough: nothing is allocated for it.
        let mut database = ndb(&headers());
        let too_large = (HEADER_BYTES_MAX as u32 + 1).to_le_bytes();
        database[4096 + 12..4096 + 16].copy_from_slice(&too_large);
        database[32 + 12..32 + 16].copy_from_slice(&u32::MAX.to_le_bytes());
        let (names, problems) = check(database).expect("some packages are found");
        assert_eq!(names, ["large", "huge"]);
        assert_eq!(problems, ["a header of 67108865 bytes, the limit is 67108864"]);
    }

    #[test]
    fn values_of_all_packages_end_at_the_limit() {
        let texts = vec![""; 200_000];
        let header = package("a", vec![(header::TAG_REQUIRE_NAME, Value::Texts(&texts))]);
        let database = ndb(&[header.clone(), header.clone(), header.clone(), header.clone(), header.clone(), header]);
        let record = extract(&Content::from_bytes(database)).expect("the database is whole").expect("it has packages");
        let (packages, problems) = packages(&record);
        assert_eq!(packages.iter().map(|package| package.requires.len()).sum::<usize>(), VALUES_MAX);
        assert_eq!(packages.len(), 6);
        assert_eq!(problems, ["more than 1000000 files and relations, so that not all are known"]);
    }

    #[test]
    fn a_log_without_changes_is_passed_over() {
        for (length, expected) in [(0, false), (31, false), (32, false), (33, true)] {
            assert_eq!(holds_changes(&Content::from_bytes(vec![0; length])).is_some(), expected, "{length} bytes");
        }
    }

    proptest! {
        #[test]
        fn any_damage_is_survived(format in 0_usize..4, at in 0_usize..20_000, bytes in proptest::collection::vec(any::<u8>(), 1..9)) {
            let mut database = formats(&headers()[..2])[format].clone();
            let end = (at + bytes.len()).min(database.len());
            if at < end {
                database[at..end].copy_from_slice(&bytes[..end - at]);
            }
            let _ = check(database);
        }
    }
}
