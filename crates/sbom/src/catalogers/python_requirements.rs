//! pip's requirements files, as people write them and as pip-compile and uv do.
//!
//! Follows pip's documentation "Requirements File Format".

use std::collections::{BTreeMap, BTreeSet};

use component::{PackageType, Component, Hash, Scope, Technique};

use crate::cataloger::{Abilities, Cataloger, Claim, Edges, Evidence, Findings, Keep, Pattern, Versions};
use crate::ecosystems::digests;
use crate::ecosystems::graph::{Graph, NodeId};
use crate::ecosystems::identity::{Finder, is_word};
use crate::ecosystems::pypi::{self, Requirement};
use crate::ecosystems::{manifests, paths, texts};
use crate::unread::NO_PACKAGE;
use crate::view::{File, View};

/// pip's requirements files.
pub(crate) const CATALOGER: Cataloger = Cataloger {
    name: "python-requirements",
    summary: "requirements files of pip, with the edges that pip-compile notes in them",
    evidence: Evidence::Declared,
    claims: &[
        Claim { pattern: Pattern::Path("**/*requirements*.txt"), keep: FILE },
        Claim { pattern: Pattern::Path("**/{requirements/*.txt,requirements.lock,requirements-dev.lock}"), keep: FILE },
    ],
    abilities: Abilities { packages: &[PackageType::Python], versions: Versions::Stated, edges: Edges::Complete, licenses: false, files: false, hashes: true },
    catalog,
};

const FILE: Keep = Keep::Bytes { limit_bytes: 16 << 20 };
const FINDER: Finder = Finder { name: CATALOGER.name, technique: Technique::Manifest };

/// The most requirements of one file.
const REQUIREMENTS_MAX: usize = 100_000;

/// How much of a line is told that names no package.
const TOLD_CHARS_MAX: usize = 200;

/// The most files of either kind that one refers to.
const FILES_MAX: usize = 1000;

/// How deep files include others; people include one from another.
const INCLUDES_MAX: usize = 16;

/// How often constraints are passed on to an included file, of all files together: where all of them include each other, and each names one, that is the square of
/// their number. Projects have some ten files.
const PASSED_MAX: usize = 1_000_000;

/// How often a version is looked for in a file of constraints, for all files together.
const LOOKED_UP_MAX: usize = 10_000_000;

/// What is said of a file whose versions these limits leave out.
const CONSTRAINTS_CUT: &str = "files that include each other name more constraints than the limits allow; versions that they name are left out";

/// The most names in one comment of pip-compile.
const VIA_MAX: usize = 10_000;

/// What a file says.
#[derive(Debug, Default, PartialEq, Eq)]
struct Requirements {
    pinned: Vec<Pinned>,
    /// The other files whose requirements are its own too.
    includes: Vec<String>,
    /// The other files that say which versions are meant, not what is wanted.
    constraints: Vec<String>,
    /// What is wanted and cannot be named: an address or a folder that says of no package.
    unnamed: Vec<String>,
}

#[derive(Debug, PartialEq, Eq)]
struct Pinned {
    component: Component,
    /// Who wants it, in the words of pip-compile: names of distributions, or files with an option in front.
    via: Vec<String>,
}

fn catalog(view: &View<'_>, findings: &mut Findings) {
    let first: BTreeSet<&str> = view.files(0).map(|file| file.path()).collect();
    let second = view.files(1).filter(|file| !first.contains(file.path()));
    // A wheel's own list of what its tests want is about nothing that is here.
    let is_own = |file: &File<'_>| !file.path().contains("/site-packages/") && !file.path().contains("/dist-packages/");
    let files: Vec<File<'_>> = view.files(0).chain(second).filter(is_own).collect();
    let read = files.iter().map(|file| (file.path(), parse(&texts::decode(file.bytes()))));
    let mut all: BTreeMap<&str, Requirements> = read.collect();
    let mut versions = Constraints::of(&all, PASSED_MAX, LOOKED_UP_MAX);
    for file in files {
        let path = file.path();
        let Some(mut requirements) = all.remove(path) else { continue };
        let folder = paths::folder(path);
        let is_read = |other: &String| view.file(&paths::join(folder, other)).is_some();
        for other in requirements.constraints.iter().filter(|other| !is_read(other)) {
            findings.unknown(file.location(), format!("refers to `{other}`, which was not read"));
        }
        for other in requirements.includes.iter().filter(|other| !is_read(other)) {
            manifests::tell_list(file, other, findings);
        }
        if versions.is_constraint(path) {
            continue;
        }
        for unnamed in &requirements.unnamed {
            findings.unknown(file.location(), format!("`{unnamed}`{NO_PACKAGE}"));
        }
        if versions.settle(path, &mut requirements.pinned) == Settled::Partly {
            findings.unknown(file.location(), CONSTRAINTS_CUT);
        }
        let scope = scope(paths::split(path).1);
        // With notes of who wants what, or with digests, which pip then wants of everything, all that is needed is in the file.
        let is_whole = |pinned: &Pinned| !pinned.via.is_empty() || pinned.component.technique == Technique::Lockfile;
        if !requirements.pinned.iter().any(is_whole) && manifests::is_of_project(path) {
            let asked = requirements.pinned.iter().map(|pinned| (&pinned.component, scope));
            manifests::declare_listed(file, asked, findings);
        }
        let mut graph = graph(requirements.pinned, scope);
        graph.locate(&file.location());
        graph.report(findings);
    }
}

/// Which versions files mean by others that they name with `-c`: those say which version is installed, not whether.
struct Constraints {
    /// The files, in the order of their paths.
    paths: Vec<String>,
    /// The versions in each file that is nothing but constraints, by the normal name.
    versions: BTreeMap<usize, BTreeMap<String, String>>,
    /// For each file the constraints that count in it: its own, and those of files that include it.
    of: Vec<BTreeSet<usize>>,
    /// For each file whether some of these are left out.
    is_cut: Vec<bool>,
    /// How often a version may still be looked for.
    look_ups: usize,
}

/// How far the versions of a file's requirements are those that its constraints name.
#[derive(Debug, PartialEq, Eq)]
enum Settled {
    Wholly,
    Partly,
}

impl Constraints {
    fn of(files: &BTreeMap<&str, Requirements>, passed_max: usize, look_ups: usize) -> Self {
        let paths: Vec<String> = files.keys().map(ToString::to_string).collect();
        let all = |list: fn(&Requirements) -> &Vec<String>| -> Vec<BTreeSet<usize>> {
            let place = |path: &str, other: &String| paths.binary_search(&paths::join(paths::folder(path), other)).ok();
            files.iter().map(|(path, file)| list(file).iter().filter_map(|other| place(path, other)).collect()).collect()
        };
        let (includes, mut of) = (all(|file| &file.includes), all(|file| &file.constraints));
        let by_others = |lists: &[BTreeSet<usize>]| -> BTreeSet<usize> { lists.iter().flatten().copied().collect() };
        let (wanted, constraining) = (by_others(&includes), by_others(&of));
        let is_constraint = |at: usize| {
            let is_called_so = paths::split(&paths[at]).1.contains("constraint");
            (is_called_so || constraining.contains(&at)) && !wanted.contains(&at)
        };
        let constraints = files.values().enumerate().filter(|(at, _)| is_constraint(*at));
        let versions = constraints.map(|(at, file)| {
            let pins = file.pinned.iter().filter_map(|one| Some((one.component.name.clone(), one.component.version.clone()?)));
            (at, pins.collect())
        });
        let versions: BTreeMap<usize, BTreeMap<String, String>> = versions.collect();
        // No other file says which version is meant.
        for of in &mut of {
            of.retain(|at| versions.contains_key(at));
        }
        let is_cut = pass_on(&includes, &mut of, passed_max);
        Self { paths, versions, of, is_cut, look_ups }
    }

    fn find(&self, path: &str) -> Option<usize> {
        self.paths.binary_search_by(|known| known.as_str().cmp(path)).ok()
    }

    fn is_constraint(&self, path: &str) -> bool {
        self.find(path).is_some_and(|at| self.versions.contains_key(&at))
    }

    /// Gives what a file asks for without a version the one that its constraints name.
    fn settle(&mut self, path: &str, pinned: &mut [Pinned]) -> Settled {
        let Some(at) = self.find(path) else { return Settled::Wholly };
        let files: Vec<_> = self.of[at].iter().filter_map(|file| self.versions.get(file)).collect();
        let mut settled = Settled::Wholly;
        for component in pinned.iter_mut().map(|pinned| &mut pinned.component).filter(|component| component.version.is_none()) {
            let named = component.purl.as_ref().is_some_and(|purl| purl.qualifiers().next().is_some());
            if named {
                continue;
            }
            let look_ups = files.len().min(self.look_ups);
            self.look_ups -= look_ups;
            let Some(version) = files[..look_ups].iter().find_map(|file| file.get(&component.name)) else {
                if self.is_cut[at] || look_ups < files.len() {
                    settled = Settled::Partly;
                }
                continue;
            };
            if let Some(settled) = pypi::component(FINDER, &component.name, Some(version), &[]) {
                component.version = settled.version;
                component.purl = settled.purl;
                component.properties.remove("python:specifier");
            }
        }
        settled
    }
}

/// Passes what counts in files on to those that they include, so often at most; returns of which files some is left out.
fn pass_on(includes: &[BTreeSet<usize>], of: &mut [BTreeSet<usize>], passed_max: usize) -> Vec<bool> {
    let mut left = passed_max;
    let mut is_cut = vec![false; of.len()];
    for _ in 0..INCLUDES_MAX {
        let mut has_changed = false;
        for (outer, inner) in includes.iter().enumerate().flat_map(|(outer, inner)| inner.iter().map(move |inner| (outer, *inner))) {
            let passed: Vec<usize> = of[outer].iter().copied().take(left).collect();
            left -= passed.len();
            let was_cut = is_cut[inner];
            is_cut[inner] |= is_cut[outer] || passed.len() < of[outer].len();
            let before = of[inner].len();
            of[inner].extend(passed);
            has_changed |= of[inner].len() > before || is_cut[inner] != was_cut;
        }
        if !has_changed {
            break;
        }
    }
    is_cut
}

/// Returns what a file's requirements are for, by its name: `requirements-dev.txt`, `test.txt`.
fn scope(name: &str) -> Scope {
    let mut words = name.split(|character: char| !character.is_ascii_alphanumeric());
    let development = ["dev", "develop", "development", "test", "tests", "testing", "doc", "docs", "lint", "typing", "ci", "build"];
    if words.any(|word| development.contains(&word)) { Scope::Development } else { Scope::Runtime }
}

fn parse(text: &str) -> Requirements {
    let mut requirements = Requirements::default();
    let mut logical = String::new();
    // Whether the comment lines that follow belong to the last requirement.
    let mut in_via = false;
    for line in text.trim_start_matches('\u{feff}').lines() {
        let trimmed = line.trim();
        if logical.is_empty()
            && let Some(comment) = trimmed.strip_prefix('#')
        {
            let comment = comment.trim();
            // pip-compile indents what it notes of a requirement.
            let is_note = line.starts_with([' ', '\t']);
            let names = match comment.strip_prefix("via") {
                Some(names) if is_note => {
                    in_via = true;
                    names
                }
                _ if is_note && in_via => comment,
                _ => {
                    in_via = false;
                    continue;
                }
            };
            if let Some(pinned) = requirements.pinned.last_mut() {
                let names = names.split(',').map(str::trim).filter(|name| !name.is_empty());
                pinned.via.extend(names.map(str::to_owned).take(VIA_MAX.saturating_sub(pinned.via.len())));
            }
            continue;
        }
        in_via = false;
        match trimmed.strip_suffix('\\') {
            Some(front) => {
                logical.push_str(front);
                logical.push(' ');
                continue;
            }
            None => logical.push_str(trimmed),
        }
        requirement(&std::mem::take(&mut logical), &mut requirements);
    }
    requirement(&logical, &mut requirements);
    requirements
}

fn requirement(line: &str, requirements: &mut Requirements) {
    // A comment begins at a `#` after white space.
    let (line, comment) = match line.match_indices('#').find(|(at, _)| line[..*at].ends_with(char::is_whitespace) || *at == 0) {
        Some((at, _)) => (&line[..at], line[at + 1..].trim()),
        None => (line, ""),
    };
    let line = line.trim();
    if let Some(place) = editable(line) {
        return at_place(place, requirements);
    }
    if line.starts_with('-') {
        let option = line.split_once([' ', '=']).map(|(option, value)| (option, value.trim()));
        let is_file = |file: &&str| !file.starts_with('-');
        let (list, file) = match option {
            Some(("-c" | "--constraint", file)) => (&mut requirements.constraints, Some(file)),
            Some(("-r" | "--requirement" | "--requirements", file)) => (&mut requirements.includes, Some(file)),
            _ if line.starts_with("-c") => (&mut requirements.constraints, line.strip_prefix("-c").filter(is_file)),
            _ => (&mut requirements.includes, line.strip_prefix("-r").filter(is_file)),
        };
        if let Some(file) = file.filter(|file| is_word(file) && list.len() < FILES_MAX) {
            list.push(file.to_owned());
        }
        return;
    }
    if requirements.pinned.len() == REQUIREMENTS_MAX {
        return;
    }
    let (declared, options) = match line.find(" --") {
        Some(at) => (&line[..at], &line[at..]),
        None => (line, ""),
    };
    let Some(requirement) = Requirement::parse(declared).filter(|_| !is_place(declared)) else {
        return at_place(declared, requirements);
    };
    let hash = |option: &str| -> Option<Hash> { digests::parse_prefixed(option.strip_prefix("--hash")?.trim_start_matches(['=', ' '])) };
    let hashes = digests::bounded(options.replace("--hash ", "--hash=").split_ascii_whitespace().filter_map(hash));
    let qualifiers = requirement.url.map(origin).unwrap_or_default();
    let of_file = requirement.url.and_then(distribution_file).map(|(_, version)| version);
    let pinned = requirement.pinned().or(of_file);
    let finder = if pinned.is_some() && !hashes.is_empty() { FINDER.with(Technique::Lockfile) } else { FINDER };
    let Some(mut component) = pypi::component(finder, &requirement.name, pinned, &qualifiers) else {
        return;
    };
    component.hashes = hashes;
    if pinned.is_none() && !requirement.specifier.is_empty() {
        component.properties.insert("python:specifier".into(), requirement.specifier.split_whitespace().collect());
    }
    if let Some(marker) = requirement.marker {
        component.properties.insert("python:marker".into(), marker.to_owned());
    }
    let via = comment.strip_prefix("via ").into_iter().flat_map(|names| names.split(',')).map(|name| name.trim().to_owned());
    requirements.pinned.push(Pinned { component, via: via.take(VIA_MAX).collect() });
}

/// Returns what `-e` and `--editable` are given: a folder or an address.
fn editable(line: &str) -> Option<&str> {
    let behind = ["--editable", "-e"].iter().find_map(|option| line.strip_prefix(option))?;
    behind.starts_with([' ', '=', '\t']).then(|| behind.trim_start_matches([' ', '=', '\t']))
}

/// Tells whether a requirement is a place by itself, not a name: an address, or a path with a folder or the ending of an archive in it.
fn is_place(text: &str) -> bool {
    let text = text.split_whitespace().next().unwrap_or_default();
    text.contains("://") || text.starts_with(['.', '/']) || distribution_file(text).is_some()
}

/// Returns where a purl says that something came from.
fn origin(address: &str) -> Vec<(&'static str, String)> {
    let is_repository = ["git+", "hg+", "svn+", "bzr+"].iter().any(|start| address.starts_with(start));
    match address.split('#').next() {
        Some(address) if is_repository => vec![("vcs_url", address.to_owned())],
        Some(address) if address.starts_with("https://") || address.starts_with("http://") => vec![("download_url", address.to_owned())],
        _ => Vec::new(),
    }
}

/// Returns the name and the version that the file name of a wheel or of an archive of sources has (the binary distribution format and the source
/// distribution format of Python's packaging specifications, "File name").
fn distribution_file(place: &str) -> Option<(&str, &str)> {
    let file = place.split(['#', '?']).next()?.rsplit('/').next()?;
    if let Some(wheel) = file.strip_suffix(".whl") {
        let mut parts = wheel.split('-');
        return Some((parts.next()?, parts.next()?)).filter(|_| (3..=4).contains(&parts.count()));
    }
    let stem = [".tar.gz", ".tar.bz2", ".tar.xz", ".tgz", ".zip"].iter().find_map(|ending| file.strip_suffix(ending))?;
    let (name, version) = stem.rsplit_once('-')?;
    version.starts_with(|first: char| first.is_ascii_digit()).then_some((name, version))
}

/// Takes a requirement that is a place: the package that its `#egg=` or its file name names.
fn at_place(text: &str, requirements: &mut Requirements) {
    let Some(place) = text.split_whitespace().next() else { return };
    // A path that is written as an address, as Rye does.
    let place = place.strip_prefix("file:").unwrap_or(place);
    // The project itself.
    if [".", "./"].contains(&place) || place.starts_with(".[") {
        return;
    }
    let egg = place.split_once("#egg=").or_else(|| place.split_once("&egg=")).map(|(_, egg)| egg.split(['&', '[']).next().unwrap_or_default());
    let named = egg.map(|name| (name, None)).or_else(|| distribution_file(place).map(|(name, version)| (name, Some(version))));
    let component = named.and_then(|(name, version)| pypi::component(FINDER, name, version, &origin(place)));
    match component {
        _ if requirements.pinned.len() + requirements.unnamed.len() >= REQUIREMENTS_MAX => {}
        Some(component) => requirements.pinned.push(Pinned { component, via: Vec::new() }),
        None => requirements.unnamed.push(text.chars().take(TOLD_CHARS_MAX).collect()),
    }
}

fn graph(pinned: Vec<Pinned>, scope: Scope) -> Graph {
    let mut graph = Graph::default();
    let mut nodes: BTreeMap<String, NodeId> = BTreeMap::new();
    let is_compiled = pinned.iter().any(|pinned| !pinned.via.is_empty());
    let mut wanted: Vec<(NodeId, Vec<String>)> = Vec::new();
    for Pinned { component, via } in pinned {
        let name = component.name.clone();
        let node = graph.scoped_package(component, scope);
        nodes.insert(name, node);
        wanted.push((node, via));
    }
    for (node, via) in wanted {
        if !is_compiled {
            graph.direct(node, scope);
        }
        for via in via {
            if let Some(from) = nodes.get(&pypi::normalize(&via)) {
                graph.depends_on(*from, node, Scope::Runtime);
            } else if via.starts_with('-') || via.contains('(') {
                // `-r requirements.in`, or `project (pyproject.toml)`: it stands in a file of the project.
                graph.direct(node, scope);
            }
        }
    }
    graph
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::found;

    fn check(files: &[(&str, &str)]) -> String {
        found(&CATALOGER, files)
    }

    #[test]
    fn lists_end_at_their_limits() {
        for (written, kept) in [(REQUIREMENTS_MAX - 1, 99_999), (REQUIREMENTS_MAX, 100_000), (REQUIREMENTS_MAX + 1, 100_000)] {
            assert_eq!(parse(&"a==1\n".repeat(written)).pinned.len(), kept, "{written}");
        }
        for (written, kept) in [(REQUIREMENTS_MAX - 1, 99_999), (REQUIREMENTS_MAX, 100_000), (REQUIREMENTS_MAX + 1, 100_000)] {
            assert_eq!(parse(&"./a\n".repeat(written)).unnamed.len(), kept, "{written}");
        }
        for (written, kept) in [(VIA_MAX - 1, 9_999), (VIA_MAX, 10_000), (VIA_MAX + 1, 10_000)] {
            let names = vec!["b"; written].join(",");
            for text in [format!("a==1  # via {names}\n"), format!("a==1\n    # via {names}\n")] {
                assert_eq!(parse(&text).pinned[0].via.len(), kept, "{written}");
            }
        }
    }

    /// Files of which each includes the next and the first names constraints; how many of these each has, and whether that is all.
    #[track_caller]
    fn check_passed(files: usize, constraints: usize, passed_max: usize, expected: &[(usize, bool)]) {
        let includes: Vec<BTreeSet<usize>> = (0..files).map(|at| (at + 1..files).take(1).collect()).collect();
        let mut of = vec![BTreeSet::new(); files];
        of[0] = (0..constraints).collect();
        let is_cut = pass_on(&includes, &mut of, passed_max);
        let found: Vec<(usize, bool)> = of.iter().zip(is_cut).map(|(of, is_cut)| (of.len(), !is_cut)).collect();
        assert_eq!(found, expected, "{passed_max}");
    }

    #[test]
    fn constraints_are_passed_on_to_the_limit() {
        // A second round finds nothing new, and takes as much again; where it does not come to its end, what it was for counts as left out.
        check_passed(3, 2, 7, &[(2, true), (2, false), (2, false)]);
        check_passed(3, 2, 9, &[(2, true), (2, true), (2, true)]);
        check_passed(3, 2, 8, &[(2, true), (2, true), (2, true)]);
        check_passed(3, 2, 3, &[(2, true), (2, false), (1, false)]);
        check_passed(3, 2, 1, &[(2, true), (1, false), (0, false)]);
        check_passed(3, 0, 0, &[(0, true), (0, true), (0, true)]);
    }

    #[test]
    fn versions_are_looked_for_to_the_limit() {
        let files = [("/app/r.txt", "-c c.txt\n-c d.txt\na\nb\nc==1\n"), ("/app/c.txt", "a==1\n"), ("/app/d.txt", "b==2\n")];
        let check = |look_ups: usize, expected: [Option<&str>; 3], how: Settled| {
            let mut all: BTreeMap<&str, Requirements> = files.iter().map(|(path, text)| (*path, parse(text))).collect();
            let mut versions = Constraints::of(&all, PASSED_MAX, look_ups);
            let mut pinned = all.remove("/app/r.txt").expect("it is there").pinned;
            assert_eq!(versions.settle("/app/r.txt", &mut pinned), how, "{look_ups}");
            let found: Vec<_> = pinned.iter().map(|pinned| pinned.component.version.as_deref()).collect();
            assert_eq!(found, expected, "{look_ups}");
        };
        check(5, [Some("1"), Some("2"), Some("1")], Settled::Wholly);
        check(4, [Some("1"), Some("2"), Some("1")], Settled::Wholly);
        check(3, [Some("1"), None, Some("1")], Settled::Partly);
        check(0, [None, None, Some("1")], Settled::Partly);
    }

    #[test]
    fn as_people_write_them() {
        insta::assert_snapshot!(
            check(&[
                ("/app/requirements.txt", r#" Flask == 4.0.0
# a comment
sqlalchemy >= 1.0, \
  != 3.0  # another
-e https://example.org/a.git
-r other.txt
-c seen-requirements.txt
--requirement=../more.txt
==2.3.4
celery[redis, pytest] == 4.4.7
a == 1.0 ; python_version < "3.8"
b @ git+https://example.org/o/b@v1
argh==0.26.2 \
  --hash=sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855 \
  --hash=sha256:x
not a requirement
"#),
                ("/app/seen-requirements.txt", r"c==1"),
                ("/app/requirements/dev.txt", r"d==1
"),
                ("/usr/lib/python3/site-packages/x/requirements.txt", r"e==1"),
            ]),
            @r#"
            python a@1.0 pkg:pypi/a@1.0 direct python:marker="python_version < \"3.8\"" at /app/requirements.txt
            python argh@0.26.2 pkg:pypi/argh@0.26.2 direct Sha256=e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855 at /app/requirements.txt
            python b pkg:pypi/b?vcs_url=git%2Bhttps:%2F%2Fexample.org%2Fo%2Fb%40v1 direct at /app/requirements.txt
            python celery@4.4.7 pkg:pypi/celery@4.4.7 direct at /app/requirements.txt
            python d@1 pkg:pypi/d@1 development direct at /app/requirements/dev.txt
            python flask@4.0.0 pkg:pypi/flask@4.0.0 direct at /app/requirements.txt
            python sqlalchemy pkg:pypi/sqlalchemy direct python:specifier=">=1.0,!=3.0" at /app/requirements.txt
            root -> a@1.0
            root -> argh@0.26.2
            root -> b
            root -> celery@4.4.7
            root -development-> d@1
            root -> flask@4.0.0
            root -> sqlalchemy
            unknown /app/requirements.txt: `==2.3.4` does not say which package it is
            unknown /app/requirements.txt: `https://example.org/a.git` does not say which package it is
            unknown /app/requirements.txt: `not a requirement` does not say which package it is
            unknown /app/requirements.txt: asks for what `../more.txt` lists: nothing here says which packages these are
            unknown /app/requirements.txt: asks for what `other.txt` lists: nothing here says which packages these are
            unknown /app/requirements/dev.txt: asks for d 1: nothing here says what these need in turn
            "#
        );
    }

    #[test]
    fn texts_in_utf_16_are_read() {
        let encode = |text: &str, unit: fn(u16) -> [u8; 2]| -> Vec<u8> { std::iter::once(0xFEFF).chain(text.encode_utf16()).flat_map(unit).collect() };
        let files = [("/a/requirements.txt", encode("Django==3.2\r\n", u16::to_le_bytes)), ("/b/requirements.txt", encode("idna==3.4\n", u16::to_be_bytes))];
        let files: Vec<(&str, &[u8])> = files.iter().map(|(path, bytes)| (*path, bytes.as_slice())).collect();
        let found = crate::testing::catalog(&CATALOGER, &files);
        let purls: Vec<String> = found.components.iter().filter_map(|component| Some(component.purl.as_ref()?.to_string())).collect();
        assert_eq!(purls, ["pkg:pypi/django@3.2", "pkg:pypi/idna@3.4"]);
    }

    #[test]
    fn as_rye_writes_them() {
        let lock = "# generated by rye\n-e file:.\n-e file:packages/own\ndjango==3.2\n    # via app\nsqlparse==0.5.0\n    # via django\n";
        insta::assert_snapshot!(crate::testing::found(&CATALOGER, &[("/a/requirements.lock", lock), ("/a/requirements-dev.lock", "pytest==8.0.0\n    # via app\n")]), @r"
            python django@3.2 pkg:pypi/django@3.2 at /a/requirements.lock
            python pytest@8.0.0 pkg:pypi/pytest@8.0.0 development at /a/requirements-dev.lock
            python sqlparse@0.5.0 pkg:pypi/sqlparse@0.5.0 at /a/requirements.lock
            django@3.2 -> sqlparse@0.5.0
            unknown /a/requirements.lock: `file:packages/own` does not say which package it is
            ");
    }

    #[test]
    fn constraints_say_which_version_and_not_what() {
        insta::assert_snapshot!(
            check(&[
                ("/app/requirements/base.txt", "-r inner.txt\n-c constraints.txt\ndjango\nflask>=1\nexact==1\nplace @ https://example.org/a.zip\n"),
                ("/app/requirements/inner.txt", "six\n"),
                ("/app/requirements/constraints.txt", "django==3.2\nFlask==2.0\nsix==1.16.0\njinja2==2.11.1\nexact==2\nplace==9\n"),
                ("/b/requirements/constraints.txt", "alone==1\n"),
                ("/c/requirements.txt", "-r constraints-requirements.txt\n-clost.txt\nboth>=1.0,==1.5\nneither==1,==2\n"),
                ("/c/constraints-requirements.txt", "meant==1\n"),
            ]),
            @r#"
            python both@1.5 pkg:pypi/both@1.5 direct at /c/requirements.txt
            python django@3.2 pkg:pypi/django@3.2 direct at /app/requirements/base.txt
            python exact@1 pkg:pypi/exact@1 direct at /app/requirements/base.txt
            python flask@2.0 pkg:pypi/flask@2.0 direct at /app/requirements/base.txt
            python meant@1 pkg:pypi/meant@1 direct at /c/constraints-requirements.txt
            python neither pkg:pypi/neither direct python:specifier="==1,==2" at /c/requirements.txt
            python place pkg:pypi/place?download_url=https:%2F%2Fexample.org%2Fa.zip direct at /app/requirements/base.txt
            python six@1.16.0 pkg:pypi/six@1.16.0 direct at /app/requirements/inner.txt
            root -> both@1.5
            root -> django@3.2
            root -> exact@1
            root -> flask@2.0
            root -> meant@1
            root -> neither
            root -> place
            root -> six@1.16.0
            unknown /app/requirements/base.txt: asks for place: nothing here says which versions these get and what they and 3 more need in turn
            unknown /app/requirements/inner.txt: asks for six 1.16.0: nothing here says what these need in turn
            unknown /c/constraints-requirements.txt: asks for meant 1: nothing here says what these need in turn
            unknown /c/requirements.txt: asks for neither: nothing here says which versions these get and what they and 1 more need in turn
            unknown /c/requirements.txt: refers to `lost.txt`, which was not read
            "#
        );
    }

    #[test]
    fn files_and_includes_end_at_their_limits() {
        for (written, kept) in [(FILES_MAX - 1, 999), (FILES_MAX, 1000), (FILES_MAX + 1, 1000)] {
            assert_eq!(parse(&"-r a\n".repeat(written)).includes.len(), kept, "{written}");
        }
        for (deep, version) in [(INCLUDES_MAX, "a@1 "), (INCLUDES_MAX + 1, "a ")] {
            // Files are gone through in the order of their paths: against it, each round reaches one more.
            let name = |level: usize| format!("/app/requirements/{:03}.txt", 900 - level);
            let mut files = vec![(name(0), "-c constraints.txt\n-r 899.txt\n".to_owned()), ("/app/requirements/constraints.txt".to_owned(), "a==1\n".to_owned())];
            files.extend((1..deep).map(|level| (name(level), format!("-r {:03}.txt\n", 899 - level))));
            files.push((name(deep), "a\n".to_owned()));
            let files: Vec<(&str, &str)> = files.iter().map(|(path, text)| (path.as_str(), text.as_str())).collect();
            assert!(check(&files).starts_with(&format!("python {version}")), "{deep} {}", check(&files));
        }
    }

    #[test]
    fn places_are_named_by_what_they_say() {
        insta::assert_snapshot!(
            check(&[("/app/requirements.txt", r"
-e .
.[test]
-e git+https://example.org/o/flask.git@0.5#egg=flask
git+https://example.org/o/black.git@22.1.0#egg=black[d]&subdirectory=x
https://example.org/packages/x/jinja2-2.11.1-py2.py3-none-any.whl
click @ https://example.org/click-8.1.7-py3-none-any.whl#sha256=x
./vendor/six-1.0.tar.gz
vendor/Wheel_Of-1.2.3-1-py3-none-any.whl ; python_version < '3.8'
--editable=./own
git+https://example.org/o/nameless.git
https://example.org/archive/main.zip
zip.zip
")]),
            @r"
            python black pkg:pypi/black?vcs_url=git%2Bhttps:%2F%2Fexample.org%2Fo%2Fblack.git%4022.1.0 direct at /app/requirements.txt
            python click@8.1.7 pkg:pypi/click@8.1.7?download_url=https:%2F%2Fexample.org%2Fclick-8.1.7-py3-none-any.whl direct at /app/requirements.txt
            python flask pkg:pypi/flask?vcs_url=git%2Bhttps:%2F%2Fexample.org%2Fo%2Fflask.git%400.5 direct at /app/requirements.txt
            python jinja2@2.11.1 pkg:pypi/jinja2@2.11.1?download_url=https:%2F%2Fexample.org%2Fpackages%2Fx%2Fjinja2-2.11.1-py2.py3-none-any.whl direct at /app/requirements.txt
            python six@1.0 pkg:pypi/six@1.0 direct at /app/requirements.txt
            python wheel-of@1.2.3 pkg:pypi/wheel-of@1.2.3 direct at /app/requirements.txt
            python zip-zip pkg:pypi/zip-zip direct at /app/requirements.txt
            root -> black
            root -> click@8.1.7
            root -> flask
            root -> jinja2@2.11.1
            root -> six@1.0
            root -> wheel-of@1.2.3
            root -> zip-zip
            unknown /app/requirements.txt: `./own` does not say which package it is
            unknown /app/requirements.txt: `git+https://example.org/o/nameless.git` does not say which package it is
            unknown /app/requirements.txt: `https://example.org/archive/main.zip` does not say which package it is
            unknown /app/requirements.txt: asks for black, flask and zip-zip: nothing here says which versions these get and what they and 4 more need in turn
            "
        );
    }

    #[test]
    fn as_pip_compile_writes_them() {
        insta::assert_snapshot!(
            check(&[
                ("/app/requirements.txt", r"#
# This file is autogenerated
#
click==8.1.7
    # via flask
flask==3.0.0
    # via
    #   -r requirements.in
    #   app (pyproject.toml)
jinja2==3.1.2
    # via flask, other
# not via anyone
markupsafe==2.1.3    # via jinja2
"),
            ]),
            @r"
            python click@8.1.7 pkg:pypi/click@8.1.7 transitive at /app/requirements.txt
            python flask@3.0.0 pkg:pypi/flask@3.0.0 direct at /app/requirements.txt
            python jinja2@3.1.2 pkg:pypi/jinja2@3.1.2 transitive at /app/requirements.txt
            python markupsafe@2.1.3 pkg:pypi/markupsafe@2.1.3 transitive at /app/requirements.txt
            root -> flask@3.0.0
            flask@3.0.0 -> click@8.1.7
            flask@3.0.0 -> jinja2@3.1.2
            jinja2@3.1.2 -> markupsafe@2.1.3
            "
        );
    }
}
