//! Packages of Alpine, Wolfi and others with apk, from its database of what is installed. apk-package(5), apk-world(5); the database's fields
//! are those of apk's indexes.

use std::cmp::Ordering;

use component::{
    Code, Component, Hash, HashAlgorithm, License, OwnedFile, PackageType, Scheme, Scope, SourcePackage, Technique,
};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;

use crate::cataloger::{Room, TOO_MANY, TOO_MANY_EDGES};
use crate::code_presence::{ListedFile, can_run};
use crate::os_purl::{self, NAME_BYTES_MAX};
use crate::providers::{Budget, Providers, Targets};
use crate::{Abilities, Cataloger, Claim, Edges, Evidence, File, Findings, Handle, Keep, Pattern, Versions, View};

pub(crate) const CATALOGER: Cataloger = Cataloger {
    name: "apk",
    summary: "Alpine packages from apk's database",
    evidence: Evidence::Installed,
    claims: &[
        Claim {
            pattern: Pattern::Path("**/lib/apk/db/installed"),
            keep: Keep::Bytes { limit_bytes: DATABASE_BYTES_MAX },
        },
        Claim { pattern: Pattern::Path("**/etc/apk/world"), keep: Keep::Bytes { limit_bytes: WORLD_BYTES_MAX } },
    ],
    abilities: Abilities { packages: &[PackageType::Apk], versions: Versions::Exact, edges: Edges::Complete, licenses: true, files: true, hashes: true },
    catalog,
};

const CLAIM_INSTALLED: usize = 0;

/// The largest database. One with a desktop has 10 MB.
const DATABASE_BYTES_MAX: u64 = 128 << 20;

/// The largest list of what was asked for: as many names as a database has packages.
const WORLD_BYTES_MAX: u64 = 4 << 20;

/// What packages state to take that hold nothing. Alpine's builder counts the folder that it packs.
const EMPTY_SIZES: [&str; 2] = ["0", "4096"];

/// The longest path that is kept, as in Linux's `PATH_MAX`.
const PATH_BYTES_MAX: usize = 4096;

/// One package of the database.
#[derive(Debug, Default)]
struct Package<'a> {
    name: &'a str,
    version: Option<&'a str>,
    architecture: Option<&'a str>,
    license: Option<&'a str>,
    origin: Option<&'a str>,
    maintainer: Option<&'a str>,
    checksum: Option<&'a str>,
    depends: &'a str,
    provides: &'a str,
    /// The bytes that it takes where it is installed, as it is written.
    installed_size: Option<&'a str>,
    files: Vec<ApkFile<'a>>,
}

impl Package<'_> {
    /// Tells whether it states itself that it brings a program or a library.
    fn provides_code(&self) -> bool {
        self.provides.split_whitespace().any(|provided| provided.starts_with("cmd:") || provided.starts_with("so:"))
    }

    /// Tells whether it is nothing but needs: a virtual package, or one that takes no byte, or one folder's.
    fn is_empty(&self) -> bool {
        let takes_none = self.installed_size.is_some_and(|size| EMPTY_SIZES.contains(&size));
        self.files.is_empty() && (self.name.starts_with('.') || takes_none)
    }
}

#[derive(Debug)]
struct ApkFile<'a> {
    folder: &'a str,
    name: &'a str,
    mode: u32,
    checksum: Option<&'a str>,
}

/// A file's mode when the database does not state one.
const FILE_MODE_DEFAULT: u32 = 0o644;

/// The mode that every symbolic link has.
const LINK_MODE: u32 = 0o777;

fn catalog(view: &View<'_>, findings: &mut Findings) {
    let mut budget = Budget::new();
    for file in view.files(CLAIM_INSTALLED) {
        let text = String::from_utf8_lossy(file.bytes());
        let Read { packages, skipped, is_cut } = packages(&text, findings.room());
        if is_cut {
            findings.tell(Some(&file.location()), TOO_MANY);
        }
        if skipped > 0 {
            let reason = format!("{skipped} entries without a name, or with one longer than the limit");
            findings.unknown(file.location(), reason);
        }
        let root = root(file.path());
        if !packages.is_empty() {
            view.tell_unnamed(root, file.location(), findings);
        }
        let handles: Vec<Handle> =
            packages.iter().map(|package| findings.add(component(package, root, &file, view))).collect();
        let providers = providers(&packages, &mut budget);
        add_edges(&packages, &providers, &handles, &mut budget, findings);
        if let Some(world) = view.file(&format!("{root}/etc/apk/world")) {
            let world = String::from_utf8_lossy(world.bytes()).into_owned();
            for handle in &handles {
                findings.component_mut(*handle).direct = Some(false);
            }
            for wanted in world.split_whitespace().filter_map(Dependency::parse) {
                for package in wanted.find(&providers, &packages, &mut budget) {
                    findings.direct(handles[package], Scope::Runtime);
                }
            }
        }
        if budget.is_exceeded() {
            findings.unknown(file.location(), TOO_MANY_EDGES);
            return;
        }
    }
}

/// The root below which the packages' files are, without a slash at its end: nothing for `/lib/apk/db/installed`.
fn root(path: &str) -> &str {
    let root = path.strip_suffix("/lib/apk/db/installed").unwrap_or_default();
    root.strip_suffix("/usr").unwrap_or(root)
}

/// What was read of a database.
struct Read<'a> {
    packages: Vec<Package<'a>>,
    /// How many entries were no package.
    skipped: usize,
    /// Whether there are more than there is room for.
    is_cut: bool,
}

/// Reads the packages of a database, as far as there is room for them; of their files one more, so that it is told that there are more.
fn packages(text: &str, room: Room) -> Read<'_> {
    let mut packages: Vec<Package<'_>> = Vec::new();
    let (mut skipped, mut files) = (0, 0);
    let mut package: Option<Package<'_>> = None;
    let mut folder = "";
    // An empty line at the end closes the last entry.
    for line in text.lines().chain([""]) {
        let line = line.trim_end_matches('\r');
        if line.is_empty() {
            match package.take() {
                Some(package) if package.name.is_empty() || is_too_long(&package) => skipped += 1,
                Some(package) => packages.push(package),
                None => {}
            }
            folder = "";
            continue;
        }
        if packages.len() == room.components {
            return Read { packages, skipped, is_cut: true };
        }
        let Some((field, value)) = line.split_once(':') else { continue };
        let present = package.get_or_insert_default();
        let stated = Some(value.trim()).filter(|value| !value.is_empty());
        match field {
            "P" => present.name = value.trim(),
            "V" => present.version = stated,
            "A" => present.architecture = stated,
            "L" => present.license = stated,
            "o" => present.origin = stated,
            "m" => present.maintainer = stated,
            "C" => present.checksum = stated,
            "D" => present.depends = value,
            "p" => present.provides = value,
            "I" => present.installed_size = stated,
            "F" => folder = value,
            "R" if folder.len() + value.len() < PATH_BYTES_MAX && files <= room.files => {
                files += 1;
                present.files.push(ApkFile { folder, name: value, mode: FILE_MODE_DEFAULT, checksum: None });
            }
            // user:group:mode
            "a" => {
                let mode = value.split(':').nth(2).and_then(|mode| u32::from_str_radix(mode, 8).ok());
                if let (Some(file), Some(mode)) = (present.files.last_mut(), mode) {
                    file.mode = mode;
                }
            }
            "Z" => {
                if let Some(file) = present.files.last_mut() {
                    file.checksum = stated;
                }
            }
            _ => {}
        }
    }
    Read { packages, skipped, is_cut: false }
}

fn is_too_long(package: &Package<'_>) -> bool {
    package.name.len() > NAME_BYTES_MAX || package.version.is_some_and(|version| version.len() > NAME_BYTES_MAX)
}

fn component(package: &Package<'_>, root: &str, file: &File<'_>, view: &View<'_>) -> Component {
    let mut component = Component::new(PackageType::Apk, package.name, CATALOGER.name, Technique::PackageDatabase);
    component.version = package.version.map(str::to_owned);
    component.architecture = package.architecture.map(str::to_owned);
    component.supplier = package.maintainer.map(str::to_owned);
    component.licenses.extend(package.license.and_then(License::parse));
    component.hashes.extend(package.checksum.and_then(hash));
    let origin = package.origin.filter(|origin| *origin != package.name && origin.len() <= NAME_BYTES_MAX);
    component.source = origin.map(|origin| SourcePackage { name: origin.to_owned(), version: None });
    component.locations.push(file.location());
    component.purl = os_purl::builder(PackageType::Apk, package.name, package.architecture, view.distribution_below(root))
        .map(|builder| builder.version(package.version.unwrap_or_default()))
        .map(|builder| builder.qualifier("upstream", origin.unwrap_or_default()))
        .and_then(|builder| builder.build().ok());

    let mut runs = false;
    for file in &package.files {
        let slash = if file.folder.is_empty() { "" } else { "/" };
        let path = format!("{root}/{}{slash}{}", file.folder, file.name);
        if !runs && !is_link(file, &path, view) {
            let executable = Some(file.mode & 0o111 != 0);
            runs = can_run(ListedFile { path: &path[root.len()..], executable });
        }
        component.files.push(OwnedFile { path: path.into(), hash: file.checksum.and_then(hash) });
    }
    component.files.sort();
    component.code = if runs || package.provides_code() {
        Code::Present
    } else if !package.files.is_empty() || package.is_empty() {
        Code::Absent
    } else {
        // Without a list nobody looked.
        Code::Unknown
    };
    component
}

/// The database does not tell links from files, but links have a mode that what they lead to seldom has.
fn is_link(file: &ApkFile<'_>, path: &str, view: &View<'_>) -> bool {
    file.mode == LINK_MODE && view.entry(path).is_some_and(|entry| u32::from(entry.mode) & 0o777 != LINK_MODE)
}

/// Reads a checksum: `Q1` and the SHA-1 or `Q2` and the SHA-256, in base 64; of old, an MD5 in hexadecimal.
fn hash(text: &str) -> Option<Hash> {
    let decoded = |text: &str, length: usize| {
        let bytes = BASE64.decode(text).ok().filter(|bytes| bytes.len() == length)?;
        Some(hex::encode(bytes))
    };
    let (algorithm, hex) = if let Some(sha1) = text.strip_prefix("Q1") {
        (HashAlgorithm::Sha1, decoded(sha1, 20)?)
    } else if let Some(sha256) = text.strip_prefix("Q2") {
        (HashAlgorithm::Sha256, decoded(sha256, 32)?)
    } else {
        let is_md5 = text.len() == 32 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
        (HashAlgorithm::Md5, is_md5.then(|| text.to_ascii_lowercase())?)
    };
    Some(Hash { algorithm, hex })
}

/// What is provided under a name besides the package itself: `so:libz.so.1=1.3.1`, `cmd:sh`.
#[derive(Debug, Clone, Copy)]
enum Provided<'a> {
    Itself,
    Virtual(Option<&'a str>),
}

fn providers<'a>(packages: &[Package<'a>], budget: &mut Budget) -> Providers<'a, Provided<'a>> {
    let mut providers = Providers::new();
    for (index, package) in packages.iter().enumerate() {
        providers.add(package.name, index, Provided::Itself, budget);
        for provided in package.provides.split_whitespace().filter_map(Dependency::parse) {
            providers.add(provided.name, index, Provided::Virtual(provided.constraint.map(|(_, version)| version)), budget);
        }
    }
    providers
}

fn add_edges(
    packages: &[Package<'_>],
    providers: &Providers<'_, Provided<'_>>,
    handles: &[Handle],
    budget: &mut Budget,
    findings: &mut Findings,
) {
    for (package, handle) in packages.iter().zip(handles) {
        let mut targets = Targets::default();
        for dependency in package.depends.split_whitespace().filter_map(Dependency::parse) {
            targets.extend(dependency.find(providers, packages, budget), Scope::Runtime);
        }
        targets.report(*handle, |target| handles[target], budget, findings);
    }
}

/// One word of a list of dependencies: `musl`, `so:libc.musl-x86_64.so.1`, `perl>=5.34`, `openssl~3.1`.
#[derive(Debug, PartialEq, Eq)]
struct Dependency<'a> {
    name: &'a str,
    constraint: Option<(Accepts, &'a str)>,
}

/// Which orders of what is there to what is wanted are accepted.
#[expect(clippy::struct_excessive_bools, reason = "any of them may go with any other")]
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Accepts {
    less: bool,
    equal: bool,
    greater: bool,
    /// Versions that only go on where the wanted one ends count as equal.
    prefix: bool,
}

impl<'a> Dependency<'a> {
    /// Reads a word. A conflict (`!name`) is no dependency, nor is a checksum (`name><Q1…`), which only apk can look up.
    fn parse(word: &'a str) -> Option<Self> {
        if word.starts_with('!') {
            return None;
        }
        let end = word.find(['<', '>', '=', '~', '@']).unwrap_or(word.len());
        let (name, rest) = word.split_at(end);
        // A repository's tag: `name@testing`, `name=1.2@testing`.
        let rest = rest.split('@').next().unwrap_or_default();
        if name.is_empty() || name.len() > NAME_BYTES_MAX {
            return None;
        }
        if rest.is_empty() {
            return Some(Self { name, constraint: None });
        }
        let signs = rest.len() - rest.trim_start_matches(['<', '>', '=', '~']).len();
        let (operator, version) = rest.split_at(signs);
        let mut accepts = Accepts::default();
        for sign in operator.bytes() {
            match sign {
                b'<' => accepts.less = true,
                b'>' => accepts.greater = true,
                b'~' => (accepts.prefix, accepts.equal) = (true, true),
                _ => accepts.equal = true,
            }
        }
        let is_checksum = accepts.less && accepts.greater;
        (!version.is_empty() && !is_checksum).then_some(Self { name, constraint: Some((accepts, version)) })
    }

    fn find(
        &self,
        providers: &Providers<'_, Provided<'_>>,
        packages: &[Package<'_>],
        budget: &mut Budget,
    ) -> Vec<usize> {
        providers.find(self.name, budget, |package, provided| {
            let version = match provided {
                Provided::Itself => packages[package].version,
                Provided::Virtual(version) => *version,
            };
            self.accepts(version)
        })
    }

    /// What has no version satisfies only what asks for none.
    fn accepts(&self, version: Option<&str>) -> bool {
        let Some((accepts, wanted)) = self.constraint else { return true };
        let Some(version) = version else { return false };
        if accepts.prefix && goes_on(version, wanted) {
            return true;
        }
        match Scheme::Apk.compare(version, wanted) {
            Ok(Ordering::Less) => accepts.less,
            Ok(Ordering::Equal) => accepts.equal,
            Ok(Ordering::Greater) => accepts.greater,
            Err(_) => false,
        }
    }
}

/// Whether a version is another one with more parts behind: `3.1.4-r0` to `3.1`, but not `3.10`.
fn goes_on(version: &str, wanted: &str) -> bool {
    let Some(rest) = version.strip_prefix(wanted) else { return false };
    let (last, next) = (wanted.bytes().last(), rest.bytes().next());
    match (last, next) {
        (Some(last), Some(next)) => {
            let in_number = last.is_ascii_digit() && next.is_ascii_digit();
            let in_word = last.is_ascii_alphabetic() && next.is_ascii_alphabetic();
            !in_number && !in_word
        }
        _ => true,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::testing::{catalog, render};

    const OS_RELEASE: (&str, &[u8]) = ("/etc/os-release", b"ID=alpine\nVERSION_ID=3.20.1\n");

    fn found(files: &[(&str, &str)]) -> String {
        let files: Vec<(&str, &[u8])> =
            files.iter().map(|(path, text)| (*path, text.as_bytes())).chain([OS_RELEASE]).collect();
        render(&catalog(&CATALOGER, &files))
    }

    fn in_database(text: &str) -> String {
        found(&[("/lib/apk/db/installed", text)]).replace(" at /lib/apk/db/installed", "")
    }

    #[test]
    fn text_that_is_no_database_gives_nothing() {
        for text in ["", "\n\n", "no field\n", "V:1\n\nX:y\n"] {
            let found = in_database(text);
            assert!(found.is_empty() || found.starts_with("unknown"), "{text:?}: {found}");
        }
    }

    #[test]
    fn names_and_versions_end_at_the_limit() {
        for (length, expected) in [(511, "apk"), (512, "apk"), (513, "unknown")] {
            let long = "1".repeat(length);
            for entry in [format!("P:{long}\nV:1\n"), format!("P:a\nV:{long}\n")] {
                assert_eq!(in_database(&entry).split(' ').next(), Some(expected), "{length}");
            }
        }
    }

    #[test]
    fn packages_are_described() {
        let database = "C:Q1AAECAwQFBgcICQoLDA0ODxAREhM=\nP:musl\nV:1.2.5-r0\nA:x86_64\nL:MIT\nm:someone\no:musl\nF:lib\nR:ld-musl.so.1\na:0:0:755\nZ:Q1AAECAwQFBgcICQoLDA0ODxAREhM=\n\n\
             P:musl-doc\nV:1.2.5-r0\nA:x86_64\no:musl\nL:custom\nF:\nR:README.md\nF:usr/share/man\nM:0:0:755\nR:musl.3\n\nP:.build\nV:20240101\nA:noarch\nD:musl !busybox\n";
        insta::assert_snapshot!(found(&[("/usr/lib/apk/db/installed", database), ("/etc/apk/world", ".build=20240101\n!nothing\nmusl-doc@edge\n")]), @r#"
        apk .build@20240101 pkg:apk/alpine/.build@20240101?arch=noarch&distro=alpine-3.20.1 direct no-code arch=noarch at /usr/lib/apk/db/installed
        apk musl@1.2.5-r0 pkg:apk/alpine/musl@1.2.5-r0?arch=x86_64&distro=alpine-3.20.1 transitive arch=x86_64 license="MIT" supplier="someone" Sha1=000102030405060708090a0b0c0d0e0f10111213 files=1 at /usr/lib/apk/db/installed
        apk musl-doc@1.2.5-r0 pkg:apk/alpine/musl-doc@1.2.5-r0?arch=x86_64&distro=alpine-3.20.1&upstream=musl direct no-code arch=x86_64 source=musl@= license="custom" files=2 at /usr/lib/apk/db/installed
        root -> .build@20240101
        root -> musl-doc@1.2.5-r0
        .build@20240101 -> musl@1.2.5-r0
        "#);
    }

    #[test]
    fn a_list_without_an_entry_is_no_statement() {
        let code = |entry: &str| {
            let files: [(&str, &[u8]); 1] = [("/lib/apk/db/installed", entry.as_bytes())];
            catalog(&CATALOGER, &files).components[0].code
        };
        let data = "F:usr/share/doc\nR:a.txt\n";
        for (entry, expected) in [
            ("P:a\nV:1\n", Code::Unknown),
            ("P:a\nV:1\nI:958464\n", Code::Unknown),
            ("P:a\nV:1\nI:958464\np:/bin/sh cmd:a=1-r0\n", Code::Present),
            ("P:a\nV:1\nI:0\np:so:liba.so.1=1\n", Code::Present),
            ("P:a\nV:1\nI:0\np:other\n", Code::Absent),
            ("P:a\nV:1\nI:4096\n", Code::Absent),
            ("P:a\nV:1\nI:4097\n", Code::Unknown),
            ("P:.a\nV:1\n", Code::Absent),
            (&format!("P:a\nV:1\nI:958464\n{data}"), Code::Absent),
            (&format!("P:a\nV:1\np:cmd:a\n{data}"), Code::Present),
            ("P:a\nV:1\nI:958464\nF:bin\nR:a\na:0:0:755\n", Code::Present),
        ] {
            assert_eq!(code(entry), expected, "{entry}");
        }
    }

    #[test]
    fn checksums_are_read() {
        let table = [
            ("Q1AAECAwQFBgcICQoLDA0ODxAREhM=", Some("000102030405060708090a0b0c0d0e0f10111213")),
            ("Q1AAEC", None),
            ("Q1", None),
            ("0123456789ABCDEF0123456789abcdef", Some("0123456789abcdef0123456789abcdef")),
            ("01", None),
            ("", None),
        ];
        for (text, expected) in table {
            assert_eq!(hash(text).map(|hash| hash.hex).as_deref(), expected, "{text}");
        }
    }

    #[test]
    fn edges_go_to_what_satisfies() {
        let table = [
            ("b", "", true),
            ("!b", "", false),
            ("b@edge", "", true),
            ("b=1.2-r0", "", true),
            ("b=1.2", "", false),
            ("b>1.1", "", true),
            ("b<1.1", "", false),
            ("b>=1.2-r0", "", true),
            ("b~1.2", "", true),
            ("b~1", "", true),
            ("b~=1.2", "", true),
            ("b~1.20", "", false),
            ("b><Q1AAECAwQFBgcICQoLDA0ODxAREhM=", "", false),
            ("b>", "", false),
            ("so:libb.so.1", "so:libb.so.1=1.2", true),
            ("so:libb.so.1", "so:libb.so.2=1.2", false),
            ("cmd:b", "cmd:b=1.2-r0", true),
            ("v", "v", true),
            ("v>1", "v", false),
            ("v>1", "v=2", true),
            ("v~2", "v=20", false),
        ];
        for (needs, provides, expected) in table {
            let found = in_database(&format!("P:a\nV:1\nD:{needs}\n\nP:b\nV:1.2-r0\np:{provides}\n"));
            assert_eq!(found.contains("a@1 -> b@1.2-r0"), expected, "{needs} {provides}: {found}");
        }
    }

    proptest! {
        #[test]
        fn any_database_is_read(text in "([A-Za-z]:?[a-z0-9.:~<>=!@ é]{0,8}\n?\n){0,12}") {
            for package in packages(&text, Room::new(100)).packages {
                prop_assert!(!package.name.is_empty());
                let _ = package.depends.split_whitespace().filter_map(Dependency::parse).count();
            }
        }
    }
}
