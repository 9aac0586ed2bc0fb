//! RPM packages from the database of what is installed, in all three formats, and from the list that distroless images of Azure Linux have instead.

use std::borrow::Cow;
use std::cmp::Ordering;
use std::collections::HashMap;

use component::{
    Code, Component, Distribution, Hash, HashAlgorithm, License, OwnedFile, PackageType, Scheme, Scope, SourcePackage,
    Technique,
};

use crate::cataloger::TOO_MANY_EDGES;
use crate::code_presence::{ListedFile, can_run};
use crate::extractors::rpm_database::{self, Package, PackagedFile, Relation};
use crate::os_purl::{self, NAME_BYTES_MAX};
use crate::providers::{Budget, Providers, Targets};
use crate::{Abilities, Cataloger, Claim, Edges, Evidence, File, Findings, Handle, Keep, Pattern, Versions, View};

pub(crate) const CATALOGER: Cataloger = Cataloger {
    name: "rpm",
    summary: "RPM packages from rpm's database in SQLite, ndb and Berkeley DB",
    evidence: Evidence::Installed,
    claims: &[
        Claim {
            pattern: Pattern::Path("**/{var/lib,usr/share,usr/lib/sysimage}/rpm/{Packages,Packages.db,rpmdb.sqlite}"),
            keep: Keep::Record(&rpm_database::EXTRACTOR),
        },
        Claim {
            pattern: Pattern::Path("**/{var/lib,usr/share,usr/lib/sysimage}/rpm/rpmdb.sqlite-wal"),
            keep: Keep::Record(&rpm_database::WRITE_AHEAD_LOG),
        },
        Claim {
            pattern: Pattern::Path("**/var/lib/rpmmanifest/container-manifest-2"),
            keep: Keep::Bytes { limit_bytes: MANIFEST_BYTES_MAX },
        },
    ],
    abilities: Abilities { packages: &[PackageType::Rpm], versions: Versions::Exact, edges: Edges::Complete, licenses: true, files: true, hashes: true },
    catalog,
};

const CLAIM_DATABASE: usize = 0;
const CLAIM_WRITE_AHEAD_LOG: usize = 1;
const CLAIM_MANIFEST: usize = 2;

/// The largest list of packages: 50,000 lines of 160 bytes.
const MANIFEST_BYTES_MAX: u64 = 8 << 20;

// Bits of a relation's flags: rpm's `rpmds.h`.
const SENSE_LESS: u32 = 1 << 1;
const SENSE_GREATER: u32 = 1 << 2;
const SENSE_EQUAL: u32 = 1 << 3;
const SENSES: u32 = SENSE_LESS | SENSE_GREATER | SENSE_EQUAL;

/// Bit of a file's flags: it is not in the package, which only reserves its path.
const FILE_GHOST: u32 = 1 << 6;

const MODE_KIND: u16 = 0o170_000;
const MODE_FOLDER: u16 = 0o040_000;
const MODE_REGULAR: u16 = 0o100_000;

fn catalog(view: &View<'_>, findings: &mut Findings) {
    for log in view.files(CLAIM_WRITE_AHEAD_LOG) {
        let reason = "changes to an rpm database that are not in it yet; they were not read";
        findings.unknown(log.location(), reason);
    }
    for manifest in view.files(CLAIM_MANIFEST) {
        let root = manifest.path().strip_suffix("/var/lib/rpmmanifest/container-manifest-2").unwrap_or_default();
        view.tell_unnamed(root, manifest.location(), findings);
        read_manifest(&manifest, view.distribution_below(root), findings);
    }
    let mut budget = Budget::new();
    for file in view.files(CLAIM_DATABASE) {
        let (packages, problems) = rpm_database::packages(file.bytes());
        for problem in problems {
            findings.unknown(file.location(), problem);
        }
        let packages: Vec<Package<'_>> = packages.into_iter().filter(|package| has_usable_name(package, &file, findings)).collect();
        let root = root(file.path());
        if !packages.is_empty() {
            view.tell_unnamed(root, file.location(), findings);
        }
        let handles: Vec<Handle> = packages
            .iter()
            .map(|package| {
                let component = component(package, root, &file, view.distribution_below(root), findings.room().files);
                findings.add(component)
            })
            .collect();
        add_edges(&packages, &handles, &mut budget, findings);
        if budget.is_exceeded() {
            findings.unknown(file.location(), TOO_MANY_EDGES);
            return;
        }
    }
}

fn has_usable_name(package: &Package<'_>, file: &File<'_>, findings: &mut Findings) -> bool {
    let is_usable = [&package.name, &package.version, &package.release].iter().all(|text| text.len() <= NAME_BYTES_MAX);
    if !is_usable {
        findings.unknown(file.location(), "a package whose name, version or release is longer than the limit");
    }
    is_usable
}

/// The root below which the packages' files are, without a slash at its end: nothing for `/var/lib/rpm/rpmdb.sqlite`.
fn root(path: &str) -> &str {
    let folder = path.rsplit_once('/').map_or("", |(folder, _)| folder);
    let folders = ["/var/lib/rpm", "/usr/share/rpm", "/usr/lib/sysimage/rpm"];
    folders.iter().find_map(|ending| folder.strip_suffix(ending)).unwrap_or_default()
}

/// Makes the component of a package, with at most one file more than there is room for, so that it is told that there are more.
fn component(package: &Package<'_>, root: &str, file: &File<'_>, distribution: Option<&Distribution>, files_max: usize) -> Component {
    let mut component = Component::new(PackageType::Rpm, &*package.name, CATALOGER.name, Technique::PackageDatabase);
    let version = format!("{}-{}", package.version, package.release);
    let identity = Identity {
        name: &package.name,
        version: &version,
        epoch: package.epoch,
        architecture: package.architecture.as_deref(),
        source_rpm: package.source_rpm.as_deref(),
        module: package.module.as_deref(),
    };
    identity.describe(&mut component, distribution);
    component.supplier = package.vendor.as_deref().map(str::to_owned);
    component.licenses.extend(package.license.as_deref().and_then(License::parse));
    component.hashes.extend(package.md5.clone().map(|hex| Hash { algorithm: HashAlgorithm::Md5, hex }));
    component.module = package.module.as_deref().map(str::to_owned);
    component.locations.push(file.location());

    let mut runs = false;
    for file in package.files.iter().filter(|file| file.mode & MODE_KIND != MODE_FOLDER).take(files_max + 1) {
        let path = path_of(package, file);
        if !runs && file.mode & MODE_KIND == MODE_REGULAR && file.flags & FILE_GHOST == 0 {
            runs = can_run(ListedFile { path: &path, executable: Some(file.mode & 0o111 != 0) });
        }
        let hash = file_hash(package.digest_algorithm, &file.digest);
        component.files.push(OwnedFile { path: format!("{root}{path}").into(), hash });
    }
    component.files.sort();
    component.code = if runs { Code::Present } else { Code::Absent };
    component
}

fn path_of(package: &Package<'_>, file: &PackagedFile<'_>) -> String {
    let folder = package.folders.get(file.folder as usize).map_or("", |folder| folder);
    format!("{folder}{}", file.name)
}

/// The algorithms by their numbers in `OpenPGP` (RFC 9580, section 9.5).
fn file_hash(algorithm: u32, hex: &str) -> Option<Hash> {
    let (algorithm, length) = match algorithm {
        1 => (HashAlgorithm::Md5, 32),
        2 => (HashAlgorithm::Sha1, 40),
        8 => (HashAlgorithm::Sha256, 64),
        9 => (HashAlgorithm::Sha384, 96),
        10 => (HashAlgorithm::Sha512, 128),
        _ => return None,
    };
    let is_whole = hex.len() == length && hex.bytes().all(|byte| byte.is_ascii_hexdigit());
    is_whole.then(|| Hash { algorithm, hex: hex.to_ascii_lowercase() })
}

/// What names a package, however it was found.
struct Identity<'a> {
    name: &'a str,
    /// Version and release.
    version: &'a str,
    epoch: Option<u32>,
    architecture: Option<&'a str>,
    source_rpm: Option<&'a str>,
    module: Option<&'a str>,
}

impl Identity<'_> {
    fn describe(&self, component: &mut Component, distribution: Option<&Distribution>) {
        component.version = Some(match self.epoch {
            Some(epoch) if epoch > 0 => format!("{epoch}:{}", self.version),
            _ => self.version.to_owned(),
        });
        component.architecture = self.architecture.map(str::to_owned);
        component.source = self.source_rpm.and_then(|file| self.source(file));
        let builder = os_purl::builder(PackageType::Rpm, self.name, self.architecture, distribution);
        component.purl = builder
            .map(|builder| builder.version(self.version))
            .map(|builder| builder.qualifier("epoch", &self.epoch.map(|epoch| epoch.to_string()).unwrap_or_default()))
            .map(|builder| builder.qualifier("upstream", self.source_rpm.unwrap_or_default()))
            .map(|builder| builder.qualifier("rpmmod", self.module.unwrap_or_default()))
            .and_then(|builder| builder.build().ok());
    }

    /// Reads the name of a source package's file: `name-version-release.src.rpm`.
    fn source(&self, file: &str) -> Option<SourcePackage> {
        let stem = [".src.rpm", ".nosrc.rpm"].iter().find_map(|ending| file.strip_suffix(ending))?;
        let (rest, release) = stem.rsplit_once('-')?;
        let (name, version) = rest.rsplit_once('-')?;
        let version = Some(format!("{version}-{release}")).filter(|version| version != self.version);
        if name.is_empty() || file.len() > NAME_BYTES_MAX || (name == self.name && version.is_none()) {
            return None;
        }
        Some(SourcePackage { name: name.to_owned(), version })
    }
}

/// Reads the list that Azure Linux puts in the place of a database. Its columns are those of
/// `rpm -qa --qf "%{NAME}\t%{VERSION}-%{RELEASE}\t%{INSTALLTIME}\t%{BUILDTIME}\t%{VENDOR}\t%{EPOCH}\t%{SIZE}\t%{ARCH}\t%{EPOCHNUM}\t%{SOURCERPM}\n"`.
fn read_manifest(file: &File<'_>, distribution: Option<&Distribution>, findings: &mut Findings) {
    let text = String::from_utf8_lossy(file.bytes());
    for line in text.lines().filter(|line| !line.trim().is_empty()) {
        let columns: Vec<Option<&str>> =
            line.split('\t').map(|column| Some(column.trim()).filter(|column| !column.is_empty() && *column != "(none)")).collect();
        let [Some(name), Some(version), _, _, vendor, epoch, _, architecture, _, source_rpm] = columns[..] else {
            findings.unknown(file.location(), "a line that does not have the columns of rpm's list");
            continue;
        };
        if name.len() > NAME_BYTES_MAX || version.len() > NAME_BYTES_MAX {
            findings.unknown(file.location(), "a package whose name or version is longer than the limit");
            continue;
        }
        let mut component = Component::new(PackageType::Rpm, name, CATALOGER.name, Technique::PackageDatabase);
        let epoch = epoch.and_then(|epoch| epoch.parse().ok());
        Identity { name, version, epoch, architecture, source_rpm, module: None }.describe(&mut component, distribution);
        component.supplier = vendor.map(str::to_owned);
        component.locations.push(file.location());
        findings.add(component);
    }
}

/// Resolves relations among the installed packages.
struct Resolver<'p> {
    packages: &'p [Package<'p>],
    /// The provisions of each name: the package, and which of its provisions.
    provided: Providers<'p, usize>,
    /// The packages that own the files which some relation names.
    owners: HashMap<String, Vec<usize>>,
}

fn add_edges(packages: &[Package<'_>], handles: &[Handle], budget: &mut Budget, findings: &mut Findings) {
    let resolver = Resolver::new(packages, budget);
    for (package, handle) in packages.iter().zip(handles) {
        let mut targets = Targets::default();
        for (relations, scope) in [(&package.requires, Scope::Runtime), (&package.recommends, Scope::Optional)] {
            for relation in relations {
                targets.extend(resolver.find(&Wanted::from(relation), budget), scope);
            }
        }
        targets.report(*handle, |target| handles[target], budget, findings);
    }
}

/// A relation that is to be resolved; from a header, or from inside a rich one.
struct Wanted<'a> {
    name: &'a str,
    flags: u32,
    version: &'a str,
}

impl<'a> From<&'a Relation<'_>> for Wanted<'a> {
    fn from(relation: &'a Relation<'_>) -> Self {
        Self { name: &relation.name, flags: relation.flags, version: &relation.version }
    }
}

/// The deepest nesting of a rich relation. rpm's own macros nest twice.
const RICH_DEPTH_MAX: usize = 8;

impl<'p> Resolver<'p> {
    fn new(packages: &'p [Package<'p>], budget: &mut Budget) -> Self {
        let mut provided = Providers::new();
        let mut owners: HashMap<String, Vec<usize>> = HashMap::new();
        for (index, package) in packages.iter().enumerate() {
            for (provision, relation) in package.provides.iter().enumerate() {
                provided.add(&relation.name, index, provision, budget);
            }
            for relation in package.requires.iter().chain(&package.recommends) {
                for path in paths_in(&relation.name).flat_map(spellings) {
                    owners.entry(path).or_default();
                }
            }
        }
        for (index, package) in packages.iter().enumerate() {
            for file in &package.files {
                if let Some(owners) = owners.get_mut(&path_of(package, file)) {
                    owners.push(index);
                }
            }
        }
        Self { packages, provided, owners }
    }

    fn find(&self, wanted: &Wanted<'_>, budget: &mut Budget) -> Vec<usize> {
        // What rpm itself can do, and settings that travel with a package: neither is a package.
        if wanted.name.starts_with("rpmlib(") {
            return Vec::new();
        }
        if wanted.name.starts_with('(') {
            return self.find_rich(wanted.name, 0, budget).unwrap_or_default();
        }
        let mut found = self.provided.find(wanted.name, budget, |package, provision| {
            overlap(wanted, &Wanted::from(&self.packages[package].provides[*provision]))
        });
        if wanted.name.starts_with('/') {
            let owners = spellings(wanted.name).find_map(|path| self.owners.get(&path).filter(|owners| !owners.is_empty()));
            let owners = owners.map_or(&[][..], |owners| &owners[..budget.spend(owners.len())]);
            found.extend(owners);
        }
        found
    }

    /// Resolves a rich relation (rpm's manual, "Boolean Dependencies"). `None` for one that cannot be read, of which nothing is taken.
    fn find_rich(&self, text: &str, depth: usize, budget: &mut Budget) -> Option<Vec<usize>> {
        if depth > RICH_DEPTH_MAX {
            return None;
        }
        if !text.starts_with('(') {
            let mut words = text.split_whitespace();
            let name = words.next()?;
            let (flags, version) = match (words.next(), words.next()) {
                (None, _) => (0, ""),
                (Some(operator), Some(version)) => (senses(operator)?, version),
                _ => return None,
            };
            return Some(self.find(&Wanted { name, flags, version }, budget));
        }
        let parts = rich_parts(text.strip_prefix('(')?.strip_suffix(')')?)?;
        let mut resolved = Vec::with_capacity(parts.len());
        for (_, part) in &parts {
            resolved.push(self.find_rich(part, depth + 1, budget)?);
        }
        let operators: Vec<&str> = parts.iter().skip(1).map(|(operator, _)| *operator).collect();
        let is_there = |found: &Vec<usize>| !found.is_empty();
        let same_package = |first: &[usize], second: &[usize]| first.iter().copied().filter(|package| second.contains(package)).collect();
        Some(match (&operators[..], &resolved[..]) {
            ([], [only]) => only.clone(),
            (["if"], [then, condition]) if is_there(condition) => then.clone(),
            (["unless"], [then, condition]) if !is_there(condition) => then.clone(),
            (["if" | "unless"], _) => Vec::new(),
            (["if", "else"], [then, condition, otherwise]) => if is_there(condition) { then } else { otherwise }.clone(),
            (["unless", "else"], [then, condition, otherwise]) => if is_there(condition) { otherwise } else { then }.clone(),
            (["without"], [first, second]) => first.iter().copied().filter(|package| !second.contains(package)).collect(),
            (operators, [first, rest @ ..]) if operators.iter().all(|operator| *operator == "with") => {
                rest.iter().fold(first.clone(), |found, next| same_package(&found, next))
            }
            (operators, all) if ["and", "or"].iter().any(|joint| operators.iter().all(|operator| operator == joint)) => all.concat(),
            _ => return None,
        })
    }
}

/// Splits what is within a rich relation's brackets into its parts, each with the operator before it.
fn rich_parts(text: &str) -> Option<Vec<(&str, &str)>> {
    let mut parts = Vec::new();
    let mut operator = "";
    let mut start = 0;
    let mut depth = 0_usize;
    let mut word_start = 0;
    for (at, letter) in text.char_indices().chain([(text.len(), ' ')]) {
        match letter {
            '(' => depth += 1,
            ')' => depth = depth.checked_sub(1)?,
            ' ' if depth == 0 => {
                let word = &text[word_start..at];
                if matches!(word, "and" | "or" | "if" | "else" | "unless" | "with" | "without") {
                    parts.push((operator, text[start..word_start].trim()));
                    operator = word;
                    start = at;
                }
                word_start = at + 1;
            }
            _ => {}
        }
    }
    parts.push((operator, text[start.min(text.len())..].trim()));
    let is_whole = depth == 0 && parts.iter().all(|(_, part)| !part.is_empty());
    is_whole.then_some(parts)
}

fn senses(operator: &str) -> Option<u32> {
    operator.bytes().try_fold(0, |senses, sign| {
        Some(senses
            | match sign {
                b'<' => SENSE_LESS,
                b'>' => SENSE_GREATER,
                b'=' => SENSE_EQUAL,
                _ => return None,
            })
    })
}

/// The paths that a relation names, rich ones included.
fn paths_in(name: &str) -> impl Iterator<Item = &str> {
    let words = name.split(|letter: char| letter.is_whitespace() || matches!(letter, '(' | ')'));
    words.filter(|word| word.starts_with('/'))
}

/// A path as it may stand in a file list since `/bin`, `/sbin`, `/lib` and `/lib64` lead into `/usr`, and `/usr/sbin` into `/usr/bin`.
fn spellings(path: &str) -> impl Iterator<Item = String> {
    let is_moved = ["/bin/", "/sbin/", "/lib/", "/lib64/"].iter().any(|folder| path.starts_with(folder));
    let merged = if is_moved { Cow::Owned(format!("/usr{path}")) } else { Cow::Borrowed(path) };
    let unmerged = path.strip_prefix("/usr").filter(|rest| rest.starts_with("/bin/") || rest.starts_with("/sbin/"));
    let programs = merged.strip_prefix("/usr/sbin/").map(|name| format!("/usr/bin/{name}"));
    let spellings = [Some(path.to_owned()), Some(merged.into_owned()), programs, unmerged.map(str::to_owned)];
    spellings.into_iter().flatten()
}

/// Whether two ranges of versions have one in common; a side without a version has all.
fn overlap(wanted: &Wanted<'_>, provided: &Wanted<'_>) -> bool {
    let is_open = |side: &Wanted<'_>| side.flags & SENSES == 0 || side.version.is_empty();
    if is_open(wanted) || is_open(provided) {
        return true;
    }
    let has = |side: &Wanted<'_>, sense: u32| side.flags & sense != 0;
    match compare(wanted.version, provided.version) {
        Ordering::Less => has(wanted, SENSE_GREATER) || has(provided, SENSE_LESS),
        Ordering::Greater => has(wanted, SENSE_LESS) || has(provided, SENSE_GREATER),
        Ordering::Equal => [SENSE_LESS, SENSE_EQUAL, SENSE_GREATER].iter().any(|sense| has(wanted, *sense) && has(provided, *sense)),
    }
}

/// Orders `[epoch:]version[-release]`. An epoch that is not there is zero; releases count only if both sides have one.
fn compare(first: &str, second: &str) -> Ordering {
    let split = |text: &'_ str| -> (String, String, Option<String>) {
        let (epoch, rest) = match text.split_once(':') {
            Some((epoch, rest)) if epoch.bytes().all(|byte| byte.is_ascii_digit()) => (epoch, rest),
            _ => ("0", text),
        };
        let epoch = if epoch.is_empty() { "0" } else { epoch };
        match rest.rsplit_once('-') {
            Some((version, release)) => (epoch.to_owned(), version.to_owned(), Some(release.to_owned())),
            None => (epoch.to_owned(), rest.to_owned(), None),
        }
    };
    let order = |first: &str, second: &str| Scheme::Rpm.compare(first, second).unwrap_or(Ordering::Equal);
    let ((first_epoch, first_version, first_release), (second_epoch, second_version, second_release)) = (split(first), split(second));
    order(&first_epoch, &second_epoch).then_with(|| order(&first_version, &second_version)).then_with(|| {
        match (first_release, second_release) {
            (Some(first), Some(second)) => order(&first, &second),
            _ => Ordering::Equal,
        }
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::extractors::rpm_database::fixtures::{self, Value, ndb};
    use crate::extractors::rpm_database::header;
    use crate::testing::{catalog, render};

    const OS_RELEASE: (&str, &[u8]) = ("/etc/os-release", b"ID=rhel\nVERSION_ID=9.4\n");
    const DATABASE: &str = "/var/lib/rpm/Packages.db";

    fn found(files: &[(&str, &[u8])]) -> String {
        let files: Vec<(&str, &[u8])> = files.iter().copied().chain([OS_RELEASE]).collect();
        render(&catalog(&CATALOGER, &files))
    }

    /// A package that provides its own name and what else is listed, each with flags and a version.
    fn package(name: &str, provides: &[(&str, u32, &str)], requires: &[(&str, u32, &str)]) -> Vec<u8> {
        let list = |relations: &[(&str, u32, &str)]| {
            let names: Vec<String> = relations.iter().map(|(name, _, _)| (*name).to_owned()).collect();
            let flags: Vec<u32> = relations.iter().map(|(_, flags, _)| *flags).collect();
            let versions: Vec<String> = relations.iter().map(|(_, _, version)| (*version).to_owned()).collect();
            (names, flags, versions)
        };
        let (names, flags, versions) = list(&[&[(name, SENSE_EQUAL, "1-2")], provides].concat());
        let (needs, need_flags, need_versions) = list(requires);
        let texts = |texts: &'static [String]| -> &'static [&'static str] { texts.iter().map(String::as_str).collect::<Vec<_>>().leak() };
        fixtures::package(
            name,
            vec![
                (header::TAG_PROVIDE_NAME, Value::Texts(texts(names.leak()))),
                (header::TAG_PROVIDE_FLAGS, Value::Numbers(&flags)),
                (header::TAG_PROVIDE_VERSION, Value::Texts(texts(versions.leak()))),
                (header::TAG_REQUIRE_NAME, Value::Texts(texts(needs.leak()))),
                (header::TAG_REQUIRE_FLAGS, Value::Numbers(&need_flags)),
                (header::TAG_REQUIRE_VERSION, Value::Texts(texts(need_versions.leak()))),
                (header::TAG_DIR_NAMES, Value::Texts(&["/usr/bin/"])),
                (header::TAG_BASE_NAMES, Value::Texts(&[name])),
                (header::TAG_DIR_INDEXES, Value::Numbers(&[0])),
            ],
        )
    }

    #[test]
    fn packages_are_described() {
        let described = fixtures::header(&[
            (header::TAG_NAME, Value::Text("zlib")),
            (header::TAG_VERSION, Value::Text("1.2.11")),
            (header::TAG_RELEASE, Value::Text("40.el9")),
            (header::TAG_EPOCH, Value::Numbers(&[1])),
            (header::TAG_ARCH, Value::Text("x86_64")),
            (header::TAG_VENDOR, Value::Text("Red Hat, Inc.")),
            (header::TAG_LICENSE, Value::Text("zlib and Boost")),
            (header::TAG_SOURCE_RPM, Value::Text("zlib-ng-1.2.11-40.el9.src.rpm")),
            (header::TAG_MODULARITY_LABEL, Value::Text("zlib:1:8000:abc")),
            (header::TAG_SIGMD5, Value::Bytes(&[0xab; 16])),
            (header::TAG_FILE_DIGEST_ALGORITHM, Value::Numbers(&[8])),
            (header::TAG_DIR_NAMES, Value::Texts(&["/usr/lib64/", "/usr/lib/", "/usr/bin/"])),
            (header::TAG_BASE_NAMES, Value::Texts(&[".build-id", "libz.so.1", "libz.so.1.2.11", "ghost"])),
            (header::TAG_DIR_INDEXES, Value::Numbers(&[1, 0, 0, 2])),
            (header::TAG_FILE_MODES, Value::ShortNumbers(&[0o040_755, 0o120_777, 0o100_755, 0o100_755])),
            (header::TAG_FILE_FLAGS, Value::Numbers(&[0, 0, 0, FILE_GHOST])),
            (header::TAG_FILE_DIGESTS, Value::Texts(&["", "", &"0".repeat(64), ""])),
        ]);
        let key = fixtures::package("gpg-pubkey", Vec::new());
        insta::assert_snapshot!(found(&[(DATABASE, &ndb(&[described, key]))]), @r#"
        rpm gpg-pubkey@1-2 pkg:rpm/redhat/gpg-pubkey@1-2?distro=rhel-9.4 no-code at /var/lib/rpm/Packages.db
        rpm zlib@1:1.2.11-40.el9 pkg:rpm/redhat/zlib@1.2.11-40.el9?arch=x86_64&distro=rhel-9.4&epoch=1&rpmmod=zlib:1:8000:abc&upstream=zlib-ng-1.2.11-40.el9.src.rpm arch=x86_64 source=zlib-ng@= module=zlib:1:8000:abc license="zlib and Boost" supplier="Red Hat, Inc." Md5=abababababababababababababababab files=3 at /var/lib/rpm/Packages.db
        "#);
    }

    #[test]
    fn code_is_what_is_in_the_package_and_can_run() {
        let table = [
            ("libz.so", 0o100_644, 0, "Present"),
            ("libz.so", 0o120_777, 0, "Absent"),
            ("tool", 0o100_755, FILE_GHOST, "Absent"),
            ("zlib.pc", 0o100_644, 0, "Absent"),
            ("zlib.h", 0o100_644, 0, "Present"),
            ("tool", 0o100_755, 0, "Present"),
        ];
        for (name, mode, flags, expected) in table {
            let package = fixtures::package(
                "a",
                vec![
                    (header::TAG_DIR_NAMES, Value::Texts(&["/usr/lib/"])),
                    (header::TAG_BASE_NAMES, Value::Texts(&[name])),
                    (header::TAG_DIR_INDEXES, Value::Numbers(&[0])),
                    (header::TAG_FILE_MODES, Value::ShortNumbers(&[mode])),
                    (header::TAG_FILE_FLAGS, Value::Numbers(&[flags])),
                ],
            );
            let inventory = catalog(&CATALOGER, &[(DATABASE, &ndb(&[package]))]);
            assert_eq!(format!("{:?}", inventory.components[0].code), expected, "{name} {mode:o} {flags}");
        }
    }

    #[test]
    fn names_and_versions_end_at_the_limit() {
        for (length, expected) in [(511, "rpm"), (512, "rpm"), (513, "unknown")] {
            let text = found(&[(DATABASE, &ndb(&[fixtures::package(&"a".repeat(length), Vec::new())]))]);
            assert_eq!(text.split(' ').next(), Some(expected), "{length}");
        }
    }

    #[test]
    fn lists_without_a_database_are_read() {
        let list = "zlib\t1.2.13-2.azl3\t1\t2\tMicrosoft Corporation\t(none)\t7\tx86_64\t0\tzlib-1.2.13-2.azl3.src.rpm\n\
             tzdata\t2024a-1\t1\t2\t(none)\t3\t7\tnoarch\t3\t(none)\nbroken\n";
        insta::assert_snapshot!(found(&[("/var/lib/rpmmanifest/container-manifest-2", list.as_bytes())]), @r#"
        rpm tzdata@3:2024a-1 pkg:rpm/redhat/tzdata@2024a-1?arch=noarch&distro=rhel-9.4&epoch=3 arch=noarch at /var/lib/rpmmanifest/container-manifest-2
        rpm zlib@1.2.13-2.azl3 pkg:rpm/redhat/zlib@1.2.13-2.azl3?arch=x86_64&distro=rhel-9.4&upstream=zlib-1.2.13-2.azl3.src.rpm arch=x86_64 supplier="Microsoft Corporation" at /var/lib/rpmmanifest/container-manifest-2
        unknown /var/lib/rpmmanifest/container-manifest-2: a line that does not have the columns of rpm's list
        "#);
    }

    #[test]
    fn what_was_not_read_is_told() {
        insta::assert_snapshot!(found(&[("/var/lib/rpm/rpmdb.sqlite-wal", &[0; 40]), ("/usr/lib/sysimage/rpm/Packages", b"bogus")]), @r#"
        unknown /usr/lib/sysimage/rpm/Packages: not an rpm database in a format that rpm has had
        unknown /var/lib/rpm/rpmdb.sqlite-wal: changes to an rpm database that are not in it yet; they were not read
        "#);
    }

    /// A name, how versions compare, and the version.
    type Relation = (&'static str, u32, &'static str);

    #[test]
    fn edges_go_to_what_satisfies() {
        let (less, equal, greater) = (SENSE_LESS, SENSE_EQUAL, SENSE_GREATER);
        let table: &[(Relation, Relation, bool)] = &[
            (("b", 0, ""), ("x", 0, ""), true),
            (("b", equal, "1-2"), ("x", 0, ""), true),
            (("b", equal, "1"), ("x", 0, ""), true),
            (("b", equal, "1-3"), ("x", 0, ""), false),
            (("b", equal, "1:1-2"), ("x", 0, ""), false),
            (("b", equal, "0:1-2"), ("x", 0, ""), true),
            (("b", greater | equal, "1"), ("x", 0, ""), true),
            (("b", greater, "1"), ("x", 0, ""), false),
            (("b", less, "2"), ("x", 0, ""), true),
            (("b", less, "1~"), ("x", 0, ""), false),
            (("v", equal, "3"), ("v", 0, ""), true),
            (("v", equal, "3"), ("v", equal, "4"), false),
            (("v", less, "3"), ("v", greater, "4"), false),
            (("v", less, "5"), ("v", greater, "4"), true),
            (("libc.so.6()(64bit)", 0, ""), ("libc.so.6()(64bit)", 0, ""), true),
            (("rpmlib(Rich)", 0, ""), ("rpmlib(Rich)", 0, ""), false),
            (("/usr/bin/b", 0, ""), ("x", 0, ""), true),
            (("/bin/b", 0, ""), ("x", 0, ""), true),
            (("/usr/sbin/b", 0, ""), ("x", 0, ""), true),
            (("/usr/bin/c", 0, ""), ("x", 0, ""), false),
            (("(b or c)", 0, ""), ("x", 0, ""), true),
            (("(c and b)", 0, ""), ("x", 0, ""), true),
            (("(b >= 2 or c)", 0, ""), ("x", 0, ""), false),
            (("(b if x)", 0, ""), ("x", 0, ""), true),
            (("(b if c)", 0, ""), ("x", 0, ""), false),
            (("(c if c else b)", 0, ""), ("x", 0, ""), true),
            (("(b unless c)", 0, ""), ("x", 0, ""), true),
            (("(b unless x)", 0, ""), ("x", 0, ""), false),
            (("(b with x)", 0, ""), ("x", 0, ""), true),
            (("(b with c)", 0, ""), ("x", 0, ""), false),
            (("(b without x)", 0, ""), ("x", 0, ""), false),
            (("(b without c)", 0, ""), ("x", 0, ""), true),
            (("((b or c) and (c or d))", 0, ""), ("x", 0, ""), true),
            (("(b or c and d)", 0, ""), ("x", 0, ""), false),
            (("(b", 0, ""), ("x", 0, ""), false),
            (("b)", 0, ""), ("x", 0, ""), false),
            (("()", 0, ""), ("x", 0, ""), false),
        ];
        for (needs, provides, expected) in table {
            let database = ndb(&[package("a", &[], &[*needs]), package("b", &[*provides], &[])]);
            let text = found(&[(DATABASE, &database)]);
            assert_eq!(text.contains("a@1-2 -> b@1-2"), *expected, "{needs:?} {provides:?}\n{text}");
        }
    }

    #[test]
    fn rich_relations_end_at_the_limit() {
        for (depth, expected) in [(RICH_DEPTH_MAX - 1, true), (RICH_DEPTH_MAX, true), (RICH_DEPTH_MAX + 1, false)] {
            let name = format!("{}b{}", "(".repeat(depth), ")".repeat(depth));
            let text = found(&[(DATABASE, &ndb(&[package("a", &[], &[(&name, 0, "")]), package("b", &[], &[])]))]);
            assert_eq!(text.contains("->"), expected, "{depth}");
        }
    }

    #[test]
    fn dependencies_compare_versions_as_rpm_does() {
        let table = [
            ("1", "1", Ordering::Equal),
            ("1-1", "1", Ordering::Equal),
            ("1-1", "1-2", Ordering::Less),
            ("1:1", "2", Ordering::Greater),
            ("0:1", "1", Ordering::Equal),
            (":1", "1", Ordering::Equal),
            ("1.0~rc1", "1.0", Ordering::Less),
            ("1.0^git", "1.0", Ordering::Greater),
            ("a:1", "a:1", Ordering::Equal),
        ];
        for (first, second, expected) in table {
            assert_eq!(compare(first, second), expected, "{first} {second}");
            assert_eq!(compare(second, first), expected.reverse(), "{second} {first}");
        }
    }

    proptest! {
        #[test]
        fn any_rich_relation_is_read(text in "\\(?([()ab/ ]| and | or | if | with |é){0,20}\\)?") {
            let packages = [];
            let mut budget = Budget::new();
            let _ = Resolver::new(&packages, &mut budget).find_rich(&text, 0, &mut Budget::new());
            let _ = rich_parts(&text);
        }
    }
}
