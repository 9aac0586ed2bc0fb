//! Takes the metadata out of Java archives and of the archives in them, at any depth within the limits.
//!
//! The outermost archive is read by its central directory; members are inflated only when they are manifests, Maven's files or archives. An archive that
//! lies stored in another, as Spring Boot packs them, is read in place; a compressed one is inflated into memory.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use aws_lc_rs::digest;
use serde::{Deserialize, Serialize};

use super::manifest;
use super::maven::{self, Coordinates, Project};
use super::zip::{self, Entry, Window};
use crate::{Content, Extractor, Refusal};

/// Reads Java archives.
pub(crate) static JAVA_ARCHIVE: Extractor = Extractor {
    name: "java-archive",
    version: 2,
    limit_bytes: FILE_BYTES_MAX,
    extract: |content| extract(content).map(encode),
};

/// The largest archive; the largest that we know, a search server with its plugins, has a quarter of it.
const FILE_BYTES_MAX: u64 = 4 << 30;

/// The deepest nesting: an application in an enterprise archive in an installer has four levels.
const DEPTH_MAX: usize = 16;

/// The most archives in one file, itself included.
const ARCHIVES_MAX: usize = 10_000;

/// The most bytes of inflated archives that are in memory at one time. Archives that lie stored in others need none.
const INFLATED_BYTES_MAX: u64 = 128 << 20;

/// How much larger than its packed form an archive in an archive may be, once it is larger than a mebibyte. Archives hardly compress; bombs do.
const RATIO_MAX: u64 = 200;
const RATIO_FREE_BYTES: u64 = 1 << 20;

/// How much may be read of one file, all archives in it together: a few times its size, or a gibibyte more. Overlapping and self-containing archives end
/// here, if not by the limits above.
const READ_FACTOR_MAX: u64 = 4;
const READ_FREE_BYTES: u64 = 1 << 30;

/// The most Maven projects in one archive; the largest shaded ones have four hundred.
const POMS_MAX: usize = 2048;

/// The most directories of classes that are told apart in one archive.
const CLASS_DIRECTORIES_MAX: usize = 8192;

/// The most package prefixes that are kept of an archive, and how many names each has: `org.apache.commons.io` is told from `org.apache.commons.net`,
/// and Hibernate has 145.
const PACKAGES_MAX: usize = 256;
const PACKAGE_NAMES: usize = 4;

/// The most refusals that are kept of an archive, and of all archives in a file.
const REFUSALS_MAX: usize = 100;
const REFUSALS_TOTAL_MAX: usize = 10_000;

/// The most bytes of `pom.xml` and the most dependencies that are read of one file. An application of four hundred libraries has six mebibytes and four
/// thousand.
const POM_BYTES_TOTAL_MAX: u64 = 32 << 20;
const DEPENDENCIES_TOTAL_MAX: usize = 50_000;

/// The most bytes that are kept of one file; such an application has two mebibytes.
const RECORD_BYTES_MAX: usize = 32 << 20;

/// The endings of archives, in files and in archives.
const ENDINGS: &[&str] = &["jar", "war", "ear", "par", "sar", "nar", "jpi", "hpi", "kar", "lpkg", "rar", "zap", "far"];

/// An archive and all archives in it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Archives {
    /// The archives, each after the one that it is in; the first is the file itself.
    pub(crate) archives: Vec<Archive>,
}

impl Archives {
    /// Reads the record that [`JAVA_ARCHIVE`] made. `None` for bytes that are none.
    pub(crate) fn from_record(record: &[u8]) -> Option<Self> {
        postcard::from_bytes(record).ok()
    }
}

/// A Java archive.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Archive {
    /// The archive that it is in, as a position.
    pub(crate) parent: Option<u32>,
    /// Its name in that archive; empty for the file itself.
    pub(crate) name: String,
    /// The SHA-1 of its bytes, by which repositories know it.
    pub(crate) sha1: [u8; 20],
    /// The attributes of its manifest that say what it is, their names in lower case.
    pub(crate) manifest: BTreeMap<String, String>,
    /// The Maven projects in it.
    pub(crate) poms: Vec<Pom>,
    /// The first names of the packages that its classes are in: `org.example.app`.
    pub(crate) packages: Vec<String>,
    /// Whether it has classes of its own.
    pub(crate) has_classes: bool,
    /// Whether it has anything besides what describes it.
    pub(crate) has_content: bool,
    /// Members that were not read, and why.
    pub(crate) refused: Vec<(String, String)>,
}

/// A Maven project in an archive.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Pom {
    /// The directory of its files.
    pub(crate) directory: String,
    /// What its `pom.properties` says.
    pub(crate) properties: Option<Coordinates>,
    /// What its `pom.xml` says.
    pub(crate) project: Option<Project>,
    /// Whether classes are there that belong to it by their packages.
    pub(crate) has_classes: bool,
}

impl Pom {
    /// Returns the project's coordinates: the properties are what Maven resolved, so they come first.
    pub(crate) fn coordinates(&self) -> Coordinates {
        let project = self.project.as_ref().map(Project::coordinates).unwrap_or_default();
        let Some(properties) = self.properties.clone() else { return project };
        Coordinates {
            group: properties.group.or(project.group),
            artifact: properties.artifact.or(project.artifact),
            version: properties.version.or(project.version),
        }
    }
}

/// Reads an archive. `None` for an empty file, and for an archive of another kind that shares an ending with Java's.
pub(crate) fn extract(content: &Content) -> Result<Option<Archives>, Refusal> {
    let window = Window::whole(content);
    let mut magic = [0; 4];
    let filled = window.read_at(0, &mut magic)?;
    if filled == 0 || magic == *b"Rar!" {
        return Ok(None);
    }
    let mut walk = Walk {
        archives: Vec::new(),
        readable_bytes: content.len().saturating_mul(READ_FACTOR_MAX).saturating_add(READ_FREE_BYTES),
        inflated_bytes: 0,
        pom_bytes: 0,
        dependencies: 0,
        record_bytes: 0,
        refusals: 0,
    };
    walk.archive(window, None, "", 1)?;
    Ok(Some(Archives { archives: walk.archives }))
}

fn encode(archives: Option<Archives>) -> Option<Vec<u8>> {
    archives.and_then(|archives| postcard::to_allocvec(&archives).ok())
}

/// Whether a name is that of an archive.
fn is_archive_name(name: &str) -> bool {
    name.rsplit_once('.').is_some_and(|(_, ending)| ENDINGS.iter().any(|known| ending.eq_ignore_ascii_case(known)))
}

struct Walk {
    archives: Vec<Archive>,
    readable_bytes: u64,
    inflated_bytes: u64,
    pom_bytes: u64,
    dependencies: usize,
    record_bytes: usize,
    refusals: usize,
}

/// What is wanted of one archive.
#[derive(Default)]
struct Members {
    manifest: Option<Entry>,
    poms: BTreeMap<String, (Option<Entry>, Option<Entry>)>,
    archives: Vec<(String, Entry)>,
    classes: ClassDirectories,
    has_content: bool,
    long_names: usize,
    poms_left_out: usize,
    archives_left_out: usize,
}

impl Walk {
    fn archive(&mut self, window: Window<'_>, parent: Option<u32>, name: &str, depth: usize) -> Result<(), Refusal> {
        if depth > DEPTH_MAX {
            return Err(Refusal::new(format!("it is nested more than {DEPTH_MAX} deep")));
        }
        if self.archives.len() == ARCHIVES_MAX {
            return Err(Refusal::new(format!("the file holds more than {ARCHIVES_MAX} archives")));
        }
        let zip = zip::Archive::open(window)?;
        self.spend(zip.directory_bytes())?;
        let mut members = Members::default();
        zip.each_entry(|name, entry| members.add(name, entry))?;
        self.spend(window.len())?;

        let at = self.archives.len();
        let mut archive = Archive { parent, name: name.to_owned(), sha1: sha1(window)?, ..Archive::default() };
        if let Some(entry) = &members.manifest {
            match zip.head(entry, manifest::MANIFEST_BYTES_MAX) {
                Ok(bytes) => archive.manifest = manifest::parse(&bytes),
                Err(refusal) => archive.refuse("META-INF/MANIFEST.MF", refusal),
            }
        }
        for (directory, (properties, project)) in members.poms {
            let mut pom = Pom { directory, ..Pom::default() };
            if let Some(entry) = properties {
                let name = format!("{}/pom.properties", pom.directory);
                pom.properties = archive
                    .member(&name, bounded(&zip, &entry, maven::PROPERTIES_BYTES_MAX))
                    .map(|bytes| maven::parse_properties(&bytes));
            }
            if let Some(entry) = project {
                let name = format!("{}/pom.xml", pom.directory);
                pom.project = archive.member(&name, self.project(&zip, &entry));
            }
            pom.has_classes = members.classes.belong_to(&pom.coordinates());
            archive.poms.push(pom);
        }
        archive.has_classes = !members.classes.directories.is_empty();
        archive.has_content = members.has_content;
        archive.packages = members.classes.packages();
        if members.long_names > 0 {
            archive.refuse(
                "",
                Refusal::new(format!(
                    "{} entries have names of more than {} bytes",
                    members.long_names,
                    zip::NAME_BYTES_MAX
                )),
            );
        }
        if members.poms_left_out > 0 {
            archive.refuse(
                "",
                Refusal::new(format!("{} Maven projects go beyond the limit of {POMS_MAX}", members.poms_left_out)),
            );
        }
        if members.archives_left_out > 0 {
            let reason = format!("{} archives go beyond the limit of {ARCHIVES_MAX}", members.archives_left_out);
            archive.refuse("", Refusal::new(reason));
        }
        self.keep(archive)?;
        let place = u32::try_from(at).expect("ARCHIVES_MAX is smaller");

        for (name, entry) in members.archives {
            if let Err(refusal) = self.member(&zip, &entry, place, &name, depth + 1) {
                self.refusals += 1;
                if self.refusals <= REFUSALS_TOTAL_MAX {
                    self.archives[at].refuse(&name, refusal);
                }
            }
        }
        Ok(())
    }

    /// Keeps what was read of an archive, while all that is kept stays within its limit.
    fn keep(&mut self, archive: Archive) -> Result<(), Refusal> {
        self.record_bytes += postcard::to_allocvec(&archive).map_or(RECORD_BYTES_MAX, |record| record.len());
        if self.record_bytes > RECORD_BYTES_MAX {
            return Err(Refusal::new(format!(
                "the archives in the file say more than {RECORD_BYTES_MAX} bytes of themselves"
            )));
        }
        self.archives.push(archive);
        Ok(())
    }

    fn project(&mut self, zip: &zip::Archive<'_>, entry: &Entry) -> Result<Project, Refusal> {
        let bytes = bounded(zip, entry, maven::POM_BYTES_MAX)?;
        self.pom_bytes += bytes.len() as u64;
        if self.pom_bytes > POM_BYTES_TOTAL_MAX {
            return Err(Refusal::new(format!(
                "the Maven projects in the file have more than {POM_BYTES_TOTAL_MAX} bytes"
            )));
        }
        let project = Project::parse(&bytes).map_err(|error| Refusal::new(error.to_string()))?.resolved();
        self.dependencies += project.dependencies.len();
        if self.dependencies > DEPENDENCIES_TOTAL_MAX {
            return Err(Refusal::new(format!(
                "the Maven projects in the file have more than {DEPENDENCIES_TOTAL_MAX} dependencies"
            )));
        }
        Ok(project)
    }

    fn member(
        &mut self,
        zip: &zip::Archive<'_>,
        entry: &Entry,
        parent: u32,
        name: &str,
        depth: usize,
    ) -> Result<(), Refusal> {
        if let Some(window) = zip.stored(entry)? {
            return self.archive(window, Some(parent), name, depth);
        }
        let size = entry.size_bytes;
        if self.inflated_bytes.saturating_add(size) > INFLATED_BYTES_MAX {
            return Err(Refusal::new(format!(
                "{size} inflated bytes go beyond the limit of {INFLATED_BYTES_MAX} in memory"
            )));
        }
        if size > RATIO_FREE_BYTES && size / RATIO_MAX > entry.compressed_bytes {
            return Err(Refusal::new(format!("it inflates to more than {RATIO_MAX} times its size")));
        }
        self.spend(size)?;
        let bytes = bounded(zip, entry, size)?;
        self.inflated_bytes += size;
        let content = Content::from_bytes(bytes);
        let result = self.archive(Window::whole(&content), Some(parent), name, depth);
        self.inflated_bytes -= size;
        result
    }

    fn spend(&mut self, bytes: u64) -> Result<(), Refusal> {
        let left = self.readable_bytes.checked_sub(bytes);
        self.readable_bytes = left.ok_or_else(|| {
            Refusal::new("the archives in the file are many times larger than the file: reading them ends here")
        })?;
        Ok(())
    }
}

impl Archive {
    fn refuse(&mut self, name: &str, refusal: Refusal) {
        if self.refused.len() < REFUSALS_MAX {
            self.refused.push((name.to_owned(), refusal.0));
        }
    }

    fn member<T>(&mut self, name: &str, member: Result<T, Refusal>) -> Option<T> {
        member.map_err(|refusal| self.refuse(name, refusal)).ok()
    }
}

/// Returns all bytes of an entry, if there are at most `limit_bytes`.
fn bounded(zip: &zip::Archive<'_>, entry: &Entry, limit_bytes: u64) -> Result<Vec<u8>, Refusal> {
    let bytes = zip.head(entry, limit_bytes + 1)?;
    if bytes.len() as u64 > limit_bytes {
        return Err(Refusal::new(format!("it is larger than {limit_bytes} bytes")));
    }
    Ok(bytes)
}

fn sha1(window: Window<'_>) -> Result<[u8; 20], Refusal> {
    let mut context = digest::Context::new(&digest::SHA1_FOR_LEGACY_USE_ONLY);
    let mut buffer = vec![0; 64 << 10];
    let mut at = 0;
    loop {
        let filled = window.read_at(at, &mut buffer)?;
        if filled == 0 {
            break;
        }
        context.update(&buffer[..filled]);
        at += filled as u64;
    }
    let mut sha1 = [0; 20];
    sha1.copy_from_slice(context.finish().as_ref());
    Ok(sha1)
}

impl Members {
    fn add(&mut self, name: &[u8], entry: Entry) {
        if name.is_empty() {
            self.long_names += 1;
            return;
        }
        let Ok(name) = std::str::from_utf8(name) else { return };
        self.has_content |= !name.ends_with('/') && !is_description(name);
        if let Some(directory) = name.strip_suffix(".class") {
            self.classes.add(directory.rsplit_once('/').map_or("", |(directory, _)| directory));
        } else if name.eq_ignore_ascii_case("META-INF/MANIFEST.MF") {
            self.manifest.get_or_insert(entry);
        } else if let Some((directory, file)) =
            name.rsplit_once('/').filter(|(directory, _)| directory.starts_with("META-INF/maven/"))
        {
            if file != "pom.properties" && file != "pom.xml" {
                return;
            }
            if self.poms.len() == POMS_MAX && !self.poms.contains_key(directory) {
                self.poms_left_out += 1;
                return;
            }
            let (properties, project) = self.poms.entry(directory.to_owned()).or_default();
            let place = if file == "pom.xml" { project } else { properties };
            place.get_or_insert(entry);
        } else if is_archive_name(name) {
            if self.archives.len() < ARCHIVES_MAX {
                self.archives.push((name.to_owned(), entry));
            } else {
                self.archives_left_out += 1;
            }
        }
    }
}

/// Whether a member only describes the archive: manifest, licence, signatures, Maven's files.
fn is_description(name: &str) -> bool {
    name.strip_prefix("META-INF/").is_some_and(|rest| rest.starts_with("maven/") || !rest.contains('/'))
}

/// The directories that have classes.
#[derive(Default)]
struct ClassDirectories {
    directories: HashSet<String>,
    last: String,
}

impl ClassDirectories {
    fn add(&mut self, directory: &str) {
        // The classes of a directory follow each other.
        if directory == self.last && !self.directories.is_empty() {
            return;
        }
        directory.clone_into(&mut self.last);
        if self.directories.len() < CLASS_DIRECTORIES_MAX {
            self.directories.insert(package_of(directory).to_owned());
        }
    }

    /// Whether classes belong to a project by the name of its group or artifact, also when they were moved below another package.
    ///
    /// Groups and packages differ more often than not (`com.google.guava` has `com.google.common`), so the group's first two names count when there are
    /// more; a group of one name says nothing, and the artifact's names count.
    fn belong_to(&self, coordinates: &Coordinates) -> bool {
        let (Some(group), Some(artifact)) = (&coordinates.group, &coordinates.artifact) else { return false };
        let names: Vec<&str> = group.split('.').collect();
        let path = match names.len() {
            0 | 1 => artifact.split(['-', '_', '.']).next().unwrap_or_default().to_ascii_lowercase(),
            _ => names[..2].join("/"),
        };
        if path.is_empty() {
            return false;
        }
        self.directories.iter().any(|directory| {
            directory.match_indices(&path).any(|(at, _)| {
                let before = at == 0 || directory.as_bytes()[at - 1] == b'/';
                let after = directory.as_bytes().get(at + path.len()).is_none_or(|&byte| byte == b'/');
                before && after
            })
        })
    }

    fn packages(&self) -> Vec<String> {
        let prefixes: BTreeSet<String> = self
            .directories
            .iter()
            .filter(|directory| !directory.is_empty())
            .map(|directory| directory.split('/').take(PACKAGE_NAMES).collect::<Vec<_>>().join("."))
            .collect();
        prefixes.into_iter().take(PACKAGES_MAX).collect()
    }
}

/// Takes off what stands before packages: the places of an application's own classes, and versions of Java.
fn package_of(directory: &str) -> &str {
    let directory = ["BOOT-INF/classes", "WEB-INF/classes"]
        .iter()
        .find_map(|place| directory.strip_prefix(place))
        .unwrap_or(directory);
    let directory = directory.trim_start_matches('/');
    match directory.strip_prefix("META-INF/versions/") {
        Some(versioned) => versioned.split_once('/').map_or("", |(_, package)| package),
        None => directory,
    }
}

#[cfg(test)]
#[expect(clippy::cast_possible_truncation, reason = "samples are small")]
mod tests {
    use super::super::zip::samples::zip;
    use super::*;

    fn read(bytes: Vec<u8>) -> Result<Option<Archives>, String> {
        extract(&Content::from_bytes(bytes)).map_err(|refusal| refusal.0)
    }

    /// Wraps an archive into archives, so that there are `depth` of them.
    fn nested(mut bytes: Vec<u8>, depth: usize, stored: bool) -> Vec<u8> {
        for _ in 1..depth {
            bytes = zip(stored, &[("inner.jar", &bytes)]);
        }
        bytes
    }

    fn walk() -> Walk {
        Walk {
            archives: Vec::new(),
            readable_bytes: u64::MAX,
            inflated_bytes: 0,
            pom_bytes: 0,
            dependencies: 0,
            record_bytes: 0,
            refusals: 0,
        }
    }

    #[test]
    fn what_is_kept_of_all_archives_ends_at_the_limit() {
        let len = postcard::to_allocvec(&Archive::default()).expect("it can be written").len();
        for (before, is_kept) in [(1, true), (0, true)].map(|(less, kept)| (RECORD_BYTES_MAX - len - less, kept)) {
            let mut walk = Walk { record_bytes: before, ..walk() };
            assert_eq!(walk.keep(Archive::default()).is_ok(), is_kept, "{before}");
        }
        let mut walk = Walk { record_bytes: RECORD_BYTES_MAX - len + 1, ..walk() };
        let refusal = walk.keep(Archive::default()).expect_err("one byte too many").0;
        assert_eq!(refusal, "the archives in the file say more than 33554432 bytes of themselves");
        assert_eq!(walk.archives.len(), 0);
    }

    #[test]
    fn the_bytes_of_all_projects_end_at_the_limit() {
        let project = |bytes: usize| {
            let empty = "<project><artifactId>a</artifactId><!----></project>".len();
            format!("<project><artifactId>a</artifactId><!--{}--></project>", "x".repeat(bytes - empty)).into_bytes()
        };
        let each = maven::POM_BYTES_MAX as usize;
        let refused = |last: usize| {
            let whole = project(each);
            let last = project(last);
            let names: Vec<String> = (0..8).map(|index| format!("META-INF/maven/g/{index}/pom.xml")).collect();
            let mut members: Vec<(&str, &[u8])> = names.iter().map(|name| (name.as_str(), &*whole)).collect();
            members[7].1 = &last;
            let archives = read(zip(false, &members)).expect("whole").expect("an archive").archives;
            archives[0].refused.iter().map(|(name, reason)| format!("{name}: {reason}")).collect::<Vec<_>>()
        };
        assert_eq!(refused(each - 1), Vec::<String>::new());
        assert_eq!(refused(each), Vec::<String>::new());
        // The limit of one project is reached before that of all, so one more project takes the total beyond it.
        assert_eq!(refused(each + 1), ["META-INF/maven/g/7/pom.xml: it is larger than 4194304 bytes"]);
        let zip_of_two =
            zip(false, &[("META-INF/maven/g/a/pom.xml", &project(100)), ("META-INF/maven/g/b/pom.xml", &project(100))]);
        for (before, expected) in [(201, 0), (200, 0), (199, 1)] {
            let content = Content::from_bytes(zip_of_two.clone());
            let mut walk = Walk { pom_bytes: POM_BYTES_TOTAL_MAX - before, ..walk() };
            walk.archive(Window::whole(&content), None, "", 1).expect("whole");
            let refused = &walk.archives[0].refused;
            assert_eq!(refused.len(), expected, "{before}");
            assert!(
                refused
                    .iter()
                    .all(|(_, reason)| reason == "the Maven projects in the file have more than 33554432 bytes")
            );
        }
    }

    #[test]
    fn lists_end_at_their_limits() {
        for (written, left_out) in [(POMS_MAX - 1, 0), (POMS_MAX, 0), (POMS_MAX + 1, 1)] {
            let names: Vec<String> =
                (0..written).map(|index| format!("META-INF/maven/g/{index}/pom.properties")).collect();
            let members: Vec<(&str, &[u8])> = names.iter().map(|name| (name.as_str(), &b""[..])).collect();
            let archive = read(zip(true, &members)).expect("whole").expect("an archive").archives.remove(0);
            assert_eq!(archive.poms.len(), written - left_out);
            let expected =
                (left_out > 0).then(|| (String::new(), "1 Maven projects go beyond the limit of 2048".to_owned()));
            assert_eq!(archive.refused, Vec::from_iter(expected));
        }
        for (written, kept) in
            [(CLASS_DIRECTORIES_MAX - 1, 8191), (CLASS_DIRECTORIES_MAX, 8192), (CLASS_DIRECTORIES_MAX + 1, 8192)]
        {
            let mut classes = ClassDirectories::default();
            (0..written).for_each(|index| classes.add(&format!("p{index}")));
            assert_eq!((classes.directories.len(), classes.packages().len()), (kept, PACKAGES_MAX));
        }
        for (written, kept) in [(PACKAGES_MAX - 1, 255), (PACKAGES_MAX, 256), (PACKAGES_MAX + 1, 256)] {
            let mut classes = ClassDirectories::default();
            (0..written).for_each(|index| classes.add(&format!("p{index}")));
            assert_eq!(classes.packages().len(), kept);
        }
        for (written, kept) in [(REFUSALS_MAX - 1, 99), (REFUSALS_MAX, 100), (REFUSALS_MAX + 1, 100)] {
            let mut archive = Archive::default();
            (0..written).for_each(|_| archive.refuse("", Refusal::new("")));
            assert_eq!(archive.refused.len(), kept);
        }
        let broken = zip(true, &[("a.jar", b"text"), ("b.jar", b"text")]);
        for (before, kept) in [(2, 2), (1, 1), (0, 0)] {
            let content = Content::from_bytes(broken.clone());
            let mut walk = Walk { refusals: REFUSALS_TOTAL_MAX - before, ..walk() };
            walk.archive(Window::whole(&content), None, "", 1).expect("whole");
            assert_eq!(walk.archives[0].refused.len(), kept, "{before}");
        }
    }

    #[test]
    fn work_and_memory_end_at_their_limits() {
        let bytes = 100_u64.saturating_mul(READ_FACTOR_MAX);
        for (spent, is_left) in [(bytes - 1, true), (bytes, true), (bytes + 1, false)] {
            assert_eq!(Walk { readable_bytes: bytes, ..walk() }.spend(spent).is_ok(), is_left, "{spent}");
        }
        let inner = zip(true, &[("a.txt", b"x")]);
        let outer = zip(false, &[("inner.jar", &inner)]);
        let size = inner.len() as u64;
        for (before, found) in
            [(INFLATED_BYTES_MAX - size - 1, 2), (INFLATED_BYTES_MAX - size, 2), (INFLATED_BYTES_MAX - size + 1, 1)]
        {
            let content = Content::from_bytes(outer.clone());
            let mut walk = Walk { inflated_bytes: before, ..walk() };
            walk.archive(Window::whole(&content), None, "", 1).expect("whole");
            assert_eq!(walk.archives.len(), found, "{before}");
        }
        // Where the sizes that the directory states stand; they alone decide.
        let content = Content::from_bytes(outer);
        let opened = zip::Archive::open(Window::whole(&content)).expect("whole");
        let mut entries = Vec::new();
        opened.each_entry(|_, entry| entries.push(entry)).expect("whole");
        let ratio = "it inflates to more than 200 times its size";
        let compressed_bytes = (RATIO_FREE_BYTES + 1) / RATIO_MAX;
        for (compressed_bytes, is_bomb) in
            [(compressed_bytes + 1, false), (compressed_bytes, false), (compressed_bytes - 1, true)]
        {
            let mut entry = entries[0].clone();
            (entry.compressed_bytes, entry.size_bytes) = (compressed_bytes, RATIO_FREE_BYTES + 1);
            let refusal = walk().member(&opened, &entry, 0, "", 2).err().map(|refusal| refusal.0);
            assert_eq!(refusal.as_deref() == Some(ratio), is_bomb, "{refusal:?}");
        }
    }

    #[test]
    fn what_is_no_java_archive() {
        assert_eq!(read(Vec::new()), Ok(None));
        assert_eq!(read(b"Rar!\x1a\x07".to_vec()), Ok(None));
        assert_eq!(
            read(b"example archive\n".to_vec()),
            Err("not a zip archive, or one that is cut off: it has no central directory".to_owned())
        );
    }

    #[test]
    fn depths_around_the_limit() {
        for stored in [false, true] {
            let found = |depth: usize| {
                let archives = read(nested(zip(false, &[("a.txt", b"x")]), depth, stored))
                    .expect("whole")
                    .expect("an archive")
                    .archives;
                (archives.len(), archives.last().expect("there").refused.clone())
            };
            let refused = vec![("inner.jar".to_owned(), "it is nested more than 16 deep".to_owned())];
            assert_eq!(found(DEPTH_MAX - 1), (DEPTH_MAX - 1, Vec::new()));
            assert_eq!(found(DEPTH_MAX), (DEPTH_MAX, Vec::new()));
            assert_eq!(found(DEPTH_MAX + 1), (DEPTH_MAX, refused));
        }
    }

    #[test]
    fn members_beyond_a_limit_are_reported_and_the_others_read() {
        let big = vec![b'#'; maven::PROPERTIES_BYTES_MAX as usize + 1];
        let bomb = zip(true, &[("zeros", &vec![0; 4 << 20])]);
        let members: [(&str, &[u8]); 5] = [
            ("META-INF/maven/g/a/pom.properties", &big),
            ("META-INF/maven/g/b/pom.xml", b"<!DOCTYPE x><project/>"),
            ("META-INF/maven/g/c/pom.properties", b"artifactId=c"),
            ("lib/bomb.jar", &bomb),
            ("lib/text.jar", b"text"),
        ];
        let archive = read(zip(false, &members)).expect("whole").expect("an archive").archives.remove(0);
        assert_eq!(archive.poms.iter().filter_map(|pom| pom.coordinates().artifact).collect::<Vec<_>>(), ["c"]);
        insta::assert_debug_snapshot!(archive.refused, @r#"
        [
            (
                "META-INF/maven/g/a/pom.properties",
                "it is larger than 65536 bytes",
            ),
            (
                "META-INF/maven/g/b/pom.xml",
                "it has a document type declaration",
            ),
            (
                "lib/bomb.jar",
                "it inflates to more than 200 times its size",
            ),
            (
                "lib/text.jar",
                "not a zip archive, or one that is cut off: it has no central directory",
            ),
        ]
        "#);
    }

    #[test]
    fn dependencies_in_total_around_the_limit() {
        let project = |count: usize| {
            let dependency = "<dependency><groupId>g</groupId><artifactId>a</artifactId></dependency>";
            format!(
                "<project><artifactId>a</artifactId><dependencies>{}</dependencies></project>",
                dependency.repeat(count)
            )
            .into_bytes()
        };
        let whole = project(10_000);
        let refused = |last: usize| {
            let names: Vec<String> = (0..5).map(|index| format!("META-INF/maven/g/{index:02}/pom.xml")).collect();
            let last = project(last);
            let members =
                names.iter().zip(0..).map(|(name, index)| (name.as_str(), if index < 4 { &*whole } else { &*last }));
            let mut members: Vec<(&str, &[u8])> = members.collect();
            let one = project(1);
            members.push(("META-INF/maven/g/99/pom.xml", &one));
            let archives = read(zip(false, &members)).expect("whole").expect("an archive").archives;
            archives[0].refused.iter().map(|(_, reason)| reason.clone()).collect::<Vec<_>>()
        };
        assert_eq!(refused(9_999), Vec::<String>::new());
        assert_eq!(refused(10_000), ["the Maven projects in the file have more than 50000 dependencies"]);
    }

    #[test]
    fn an_archive_that_holds_itself_many_times_ends() {
        // Each level holds the one below twice, without a copy: the second entry of each directory points to the same bytes.
        let mut bytes = zip(true, &[("a.txt", b"x")]);
        for _ in 1..DEPTH_MAX {
            bytes = doubled(&bytes);
        }
        let archives = read(bytes).expect("whole").expect("an archive").archives;
        assert_eq!(archives.len(), ARCHIVES_MAX);
        let reasons: BTreeSet<&str> =
            archives.iter().flat_map(|archive| &archive.refused).map(|(_, reason)| reason.as_str()).collect();
        assert_eq!(reasons.into_iter().collect::<Vec<_>>(), ["the file holds more than 10000 archives"]);
    }

    fn doubled(inner: &[u8]) -> Vec<u8> {
        let single = zip(true, &[("inner.jar", inner)]);
        let end = single.len() - 22;
        let directory = end - 46 - "inner.jar".len();
        let mut bytes = single[..end].to_vec();
        bytes.extend(&single[directory..end]);
        bytes.extend(&single[end..]);
        let end = bytes.len() - 22;
        bytes[end + 8] = 2;
        bytes[end + 10] = 2;
        let size = 2 * (46 + "inner.jar".len()) as u32;
        bytes[end + 12..end + 16].copy_from_slice(&size.to_le_bytes());
        bytes
    }

    #[test]
    fn classes_belong_to_projects_by_their_packages() {
        let mut classes = ClassDirectories::default();
        for directory in [
            "com/google/common/base",
            "shaded/org/apache/http",
            "org/slf4jx",
            "BOOT-INF/classes/org/example",
            "META-INF/versions/9/net/sf",
        ] {
            classes.add(directory);
        }
        let cases = [
            ("com.google.guava", "guava", true),
            ("org.apache.httpcomponents", "httpclient", true),
            ("org.slf4j", "slf4j-api", false),
            ("org.example", "app", true),
            ("net.sf.ezmorph", "ezmorph", true),
            ("junit", "junit", false),
            ("", "", false),
        ];
        for (group, artifact, expected) in cases {
            let coordinates =
                Coordinates { group: Some(group.to_owned()), artifact: Some(artifact.to_owned()), version: None };
            assert_eq!(classes.belong_to(&coordinates), expected, "{group}:{artifact}");
        }
    }

    proptest::proptest! {
        #[test]
        fn changed_bytes_never_panic(changes in proptest::collection::vec((0_usize..2000, proptest::num::u8::ANY), 0..8)) {
            let inner = zip(false, &[("META-INF/MANIFEST.MF", b"Manifest-Version: 1.0\n"), ("a/B.class", b"x")]);
            let mut bytes = zip(true, &[("META-INF/maven/g/a/pom.xml", b"<project><artifactId>a</artifactId></project>"), ("lib/inner.jar", &inner)]);
            for (at, byte) in changes {
                let at = at % bytes.len();
                bytes[at] = byte;
            }
            let _ = read(bytes);
        }
    }
}
