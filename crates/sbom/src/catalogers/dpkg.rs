//! Packages of Debian and its derivatives from dpkg's database, whole (`status`) or in parts (`status.d`, as distroless images have it),
//! and those of `OpenWrt` from opkg's, which has the same syntax. dpkg(1), deb-control(5), deb822(5); Debian policy, chapter 7.

use std::borrow::Cow;
use std::cmp::Ordering;
use std::collections::BTreeMap;

use component::{
    Code, Component, Distribution, Hash, HashAlgorithm, License, OwnedFile, PackageType, Purl, Scheme, Scope,
    SourcePackage, Technique,
};
use hashbrown::{HashMap, HashSet};

use crate::cataloger::{TOO_MANY, TOO_MANY_EDGES};
use crate::code_presence::{ListedFile, can_run};
use crate::control_file::{Paragraph, paragraphs};
use crate::extractors::debian_copyright;
use crate::os_purl::{self, NAME_BYTES_MAX};
use crate::providers::{Budget, Providers, Targets};
use crate::{
    Abilities, Cataloger, Claim, Edges, Evidence, File, FileKind, Findings, Handle, Keep, Pattern, Versions, View,
};

pub(crate) const CATALOGER: Cataloger = Cataloger {
    name: "dpkg",
    summary: "Debian packages from the databases of dpkg and opkg, distroless images included",
    evidence: Evidence::Installed,
    claims: &[
        Claim { pattern: Pattern::Path("**/lib/dpkg/status"), keep: Keep::Bytes { limit_bytes: STATUS_BYTES_MAX } },
        Claim { pattern: Pattern::Path("**/lib/dpkg/status.d/*"), keep: Keep::Bytes { limit_bytes: LIST_BYTES_MAX } },
        Claim { pattern: Pattern::Path("**/lib/opkg/status"), keep: Keep::Bytes { limit_bytes: STATUS_BYTES_MAX } },
        Claim {
            pattern: Pattern::Path("**/lib/opkg/info/*.control"),
            keep: Keep::Bytes { limit_bytes: LIST_BYTES_MAX },
        },
        Claim {
            pattern: Pattern::Path("**/lib/{dpkg,opkg}/info/*.{list,md5sums,conffiles}"),
            keep: Keep::Bytes { limit_bytes: LIST_BYTES_MAX },
        },
        Claim {
            pattern: Pattern::Path("**/lib/apt/extended_states"),
            keep: Keep::Bytes { limit_bytes: STATUS_BYTES_MAX },
        },
        Claim {
            pattern: Pattern::Path("**/usr/share/doc/*/copyright"),
            keep: Keep::Record(&debian_copyright::EXTRACTOR),
        },
    ],
    abilities: Abilities { packages: &[PackageType::Deb], versions: Versions::Exact, edges: Edges::Complete, licenses: true, files: true, hashes: true },
    catalog,
};

const CLAIM_STATUS: usize = 0;
const CLAIM_STATUS_PARTS: usize = 1;
const CLAIM_OPKG_STATUS: usize = 2;
const CLAIM_OPKG_CONTROL: usize = 3;

/// The largest database. One with 6,000 packages has 6 MB.
const STATUS_BYTES_MAX: u64 = 64 << 20;

/// The largest list of a package's files. The largest real ones (kernel headers, TeX) have 5 MB.
const LIST_BYTES_MAX: u64 = 16 << 20;

/// About what a path in a list takes, so that there is room for all without asking for it again and again.
const TYPICAL_PATH_BYTES: usize = 32;

/// The longest path in a list that is kept, as in Linux's `PATH_MAX`.
const PATH_BYTES_MAX: usize = 4096;

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Manager {
    Dpkg,
    Opkg,
}

/// One database: what one package manager has installed below one root.
struct Database<'a> {
    manager: Manager,
    /// The folder, as in `/var/lib/dpkg`.
    folder: &'a str,
    packages: Vec<Package<'a>>,
    /// Whether opkg's status lists any of them.
    has_status: bool,
}

struct Package<'a> {
    file: File<'a>,
    paragraph: &'a Paragraph<'a>,
    name: &'a str,
    version: Option<&'a str>,
    architecture: Option<&'a str>,
    multi_arch: Option<&'a str>,
}

fn catalog(view: &View<'_>, findings: &mut Findings) {
    let sources: Vec<Source<'_>> = [
        (CLAIM_STATUS, Manager::Dpkg),
        (CLAIM_STATUS_PARTS, Manager::Dpkg),
        (CLAIM_OPKG_STATUS, Manager::Opkg),
        (CLAIM_OPKG_CONTROL, Manager::Opkg),
    ]
    .into_iter()
    .flat_map(|(claim, manager)| view.files(claim).filter_map(move |file| Source::new(claim, manager, file)))
    .collect();
    let mut room = findings.room().components;
    let mut read: Vec<Vec<Paragraph<'_>>> = Vec::with_capacity(sources.len());
    for source in &sources {
        let mut paragraphs = paragraphs(&source.text);
        read.push(paragraphs.by_ref().take(room).collect());
        room -= read.last().map_or(0, Vec::len);
        if paragraphs.next().is_some() {
            findings.unknown(source.file.location(), TOO_MANY);
        }
    }

    let mut databases: BTreeMap<(&str, Manager), Database<'_>> = BTreeMap::new();
    for (source, paragraphs) in sources.iter().zip(&read) {
        let database = databases.entry((source.folder, source.manager)).or_insert_with(|| Database {
            manager: source.manager,
            folder: source.folder,
            packages: Vec::new(),
            has_status: false,
        });
        // What opkg's status lists is not listed again from the packages' own control files.
        if source.claim == CLAIM_OPKG_CONTROL && database.has_status {
            continue;
        }
        for paragraph in paragraphs {
            match Package::read(paragraph, source.file) {
                Ok(Some(package)) => {
                    database.has_status |= source.claim == CLAIM_OPKG_STATUS;
                    database.packages.push(package);
                }
                Ok(None) => {}
                Err(reason) => findings.unknown(source.file.location(), reason),
            }
        }
    }
    let mut budget = Budget::new();
    for database in databases.values() {
        let handles = database.add_components(view, findings);
        database.add_edges(&handles, &mut budget, findings);
        if budget.is_exceeded() {
            let location = database.packages[0].file.location();
            findings.unknown(location, TOO_MANY_EDGES);
            return;
        }
    }
}

/// A file with paragraphs of packages.
struct Source<'a> {
    claim: usize,
    manager: Manager,
    folder: &'a str,
    file: File<'a>,
    text: Cow<'a, str>,
}

impl<'a> Source<'a> {
    fn new(claim: usize, manager: Manager, file: File<'a>) -> Option<Self> {
        let path = file.path();
        let folder = match claim {
            CLAIM_STATUS_PARTS if path.ends_with(".md5sums") => return None,
            CLAIM_STATUS_PARTS => path.rsplit_once("/status.d/")?.0,
            CLAIM_OPKG_CONTROL => path.rsplit_once("/info/")?.0,
            _ => path.rsplit_once('/')?.0,
        };
        Some(Self { claim, manager, folder, file, text: String::from_utf8_lossy(file.bytes()) })
    }
}

impl<'a> Package<'a> {
    /// Returns the package of a paragraph if it is installed.
    fn read(paragraph: &'a Paragraph<'a>, file: File<'a>) -> Result<Option<Self>, &'static str> {
        if paragraph.line("Status").is_some_and(|status| !is_installed(status)) {
            return Ok(None);
        }
        let Some(name) = paragraph.line("Package") else { return Ok(None) };
        let version = paragraph.line("Version");
        if name.len() > NAME_BYTES_MAX || version.is_some_and(|version| version.len() > NAME_BYTES_MAX) {
            return Err("a package whose name or version is longer than the limit");
        }
        Ok(Some(Self {
            file,
            paragraph,
            name,
            version,
            architecture: paragraph.line("Architecture"),
            multi_arch: paragraph.line("Multi-Arch"),
        }))
    }

    /// Returns the source package from the field's form `name (version)` or `name`.
    fn source(&self) -> Option<SourcePackage> {
        let text = self.paragraph.line("Source")?;
        let (name, version) = match text.split_once('(') {
            Some((name, version)) => (name.trim(), Some(version.trim_end_matches(')').trim())),
            None => (text, None),
        };
        let version = version.filter(|version| !version.is_empty() && Some(*version) != self.version);
        if name.is_empty() || name.len() > NAME_BYTES_MAX || (name == self.name && version.is_none()) {
            return None;
        }
        Some(SourcePackage { name: name.to_owned(), version: version.map(str::to_owned) })
    }
}

/// The third word of `Status` is what dpkg has reached. `config-files` and `not-installed` mean that no program is left.
fn is_installed(status: &str) -> bool {
    let reached = status.split_whitespace().nth(2);
    !matches!(reached, None | Some("not-installed" | "config-files" | "removal-failed"))
}

impl<'a> Database<'a> {
    fn add_components(&self, view: &View<'a>, findings: &mut Findings) -> Vec<Handle> {
        let root = self.root();
        let distribution = view.distribution_below(root);
        if let Some(package) = self.packages.first() {
            view.tell_unnamed(root, package.file.location(), findings);
        }
        let automatic = self.automatic(view);
        let mut handles = Vec::with_capacity(self.packages.len());
        for package in &self.packages {
            let mut component =
                Component::new(PackageType::Deb, package.name, CATALOGER.name, Technique::PackageDatabase);
            component.version = package.version.map(str::to_owned);
            component.architecture = package.architecture.map(str::to_owned);
            component.supplier = package.paragraph.line("Maintainer").map(str::to_owned);
            component.source = package.source();
            component.locations.push(package.file.location());
            let copyright = view.file(&format!("{root}/usr/share/doc/{}/copyright", package.name));
            if let Some(copyright) = copyright {
                component.licenses = debian_copyright::licenses(copyright.bytes());
            }
            if self.manager == Manager::Opkg {
                self.add_from_control(package, view, &mut component);
            }
            let lists = Lists::find(view, self, package);
            let files_max = findings.room().files;
            (component.files, component.code) = lists.read(view, root, files_max);

            component.purl = purl(package, component.source.as_ref(), distribution);
            let is_direct = automatic.as_ref().map(|automatic| !automatic.contains(&package_key(package)));
            component.direct = is_direct;
            let handle = findings.add(component);
            if is_direct == Some(true) {
                findings.direct(handle, Scope::Runtime);
            }
            handles.push(handle);
        }
        handles
    }

    /// What opkg's database says of a package in other fields than dpkg's, in the database itself or in the package's own control file.
    fn add_from_control(&self, package: &Package<'a>, view: &View<'a>, component: &mut Component) {
        let control = view.file(&format!("{}/info/{}.control", self.folder, package.name));
        let text = control.as_ref().and_then(|control| std::str::from_utf8(control.bytes()).ok()).unwrap_or_default();
        let control = paragraphs(text).next();
        let line = |field| package.paragraph.line(field).or_else(|| control.as_ref()?.line(field));
        component.licenses.extend(line("License").and_then(License::parse));
        component.supplier = line("Maintainer").map(str::to_owned);
        let source = line("SourceName").filter(|name| *name != package.name && name.len() <= NAME_BYTES_MAX);
        // `Source` is a folder of the distribution's build system.
        component.source = source.map(|name| SourcePackage { name: name.to_owned(), version: None });
    }

    /// The root below which the packages' files are, without a slash at its end: nothing for `/var/lib/dpkg`.
    fn root(&self) -> &'a str {
        let folder = self.folder.rsplit_once("/lib/").map_or("", |(before, _)| before);
        ["/var", "/usr"].iter().find_map(|parent| folder.strip_suffix(parent)).unwrap_or(folder)
    }

    /// The packages that apt installed because others need them; `None` without apt's record. What apt does not list, someone asked for.
    fn automatic(&self, view: &View<'a>) -> Option<HashSet<(&'a str, Option<&'a str>)>> {
        if self.manager != Manager::Dpkg {
            return None;
        }
        let (library, _) = self.folder.rsplit_once('/')?;
        let states = view.file(&format!("{library}/apt/extended_states"))?;
        let text = std::str::from_utf8(states.bytes()).ok()?;
        let mut automatic = HashSet::new();
        for paragraph in paragraphs(text).filter(|paragraph| paragraph.line("Auto-Installed") == Some("1")) {
            if let Some(name) = paragraph.line("Package") {
                automatic.insert((name, paragraph.line("Architecture")));
                // Packages for all architectures are listed with the machine's own.
                automatic.insert((name, Some("all")));
            }
        }
        Some(automatic)
    }

    fn add_edges(&self, handles: &[Handle], budget: &mut Budget, findings: &mut Findings) {
        let native = self.native_architecture();
        let mut providers = Providers::new();
        for (index, package) in self.packages.iter().enumerate() {
            providers.add(package.name, index, Provided::Itself, budget);
            for provided in package.paragraph.get("Provides").map(relations).into_iter().flatten() {
                let version = provided.constraint.filter(|(operator, _)| *operator == Operator::Equal);
                providers.add(provided.name, index, Provided::Virtual(version.map(|(_, version)| version)), budget);
            }
        }
        for (index, package) in self.packages.iter().enumerate() {
            let mut targets = Targets::default();
            for (field, scope) in
                [("Pre-Depends", Scope::Runtime), ("Depends", Scope::Runtime), ("Recommends", Scope::Optional)]
            {
                for relation in package.paragraph.get(field).map(relations).into_iter().flatten() {
                    let found = providers.find(relation.name, budget, |candidate, provided| {
                        let candidate = &self.packages[candidate];
                        let version = match provided {
                            Provided::Itself => candidate.version,
                            Provided::Virtual(version) => *version,
                        };
                        let architecture_agrees = self.manager == Manager::Opkg
                            || architecture_agrees(package, candidate, relation.qualifier, native);
                        architecture_agrees && version_agrees(version, relation.constraint)
                    });
                    targets.extend(found, scope);
                }
            }
            targets.report(handles[index], |target| handles[target], budget, findings);
        }
    }

    /// The architecture of the machine: dpkg's own, or in its absence the one that most packages have.
    fn native_architecture(&self) -> Option<&'a str> {
        let named = |name: &str| self.packages.iter().find(|package| package.name == name);
        let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
        for architecture in self.packages.iter().filter_map(|package| package.architecture) {
            *counts.entry(architecture).or_default() += 1;
        }
        let most = counts.into_iter().filter(|(architecture, _)| *architecture != "all").max_by_key(|(_, count)| *count);
        named("dpkg").and_then(|dpkg| dpkg.architecture).or(most.map(|(architecture, _)| architecture))
    }
}

fn package_key<'a>(package: &Package<'a>) -> (&'a str, Option<&'a str>) {
    (package.name, package.architecture)
}

fn purl(
    package: &Package<'_>,
    source: Option<&SourcePackage>,
    distribution: Option<&Distribution>,
) -> Option<Purl> {
    let builder = os_purl::builder(PackageType::Deb, package.name, package.architecture, distribution)?;
    let builder = builder.version(package.version.unwrap_or_default());
    let builder = match source {
        Some(source) => builder.qualifier("upstream", &os_purl::upstream(source)),
        None => builder,
    };
    builder.build().ok()
}

/// How a package provides a name.
enum Provided<'a> {
    Itself,
    Virtual(Option<&'a str>),
}

/// One name of a relation field: `libc6:any (>= 2.36)`.
#[derive(Debug, PartialEq, Eq)]
struct Relation<'a> {
    name: &'a str,
    qualifier: Option<&'a str>,
    constraint: Option<(Operator, &'a str)>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Operator {
    Less,
    LessOrEqual,
    Equal,
    GreaterOrEqual,
    Greater,
}

/// Returns all names of a relation field. Alternatives are not kept apart: an edge goes to each that is installed and satisfies.
fn relations(field: &str) -> impl Iterator<Item = Relation<'_>> {
    field.split([',', '|']).filter_map(relation)
}

fn relation(text: &str) -> Option<Relation<'_>> {
    let text = text.trim();
    let end = text.find(|letter: char| letter.is_whitespace() || matches!(letter, '(' | '[' | '<')).unwrap_or(text.len());
    let (name, rest) = text.split_at(end);
    let (name, qualifier) = match name.split_once(':') {
        Some((name, qualifier)) => (name, Some(qualifier)),
        None => (name, None),
    };
    if name.is_empty() || name.len() > NAME_BYTES_MAX {
        return None;
    }
    let constraint = match rest.trim_start().strip_prefix('(') {
        // A constraint that cannot be read is satisfied by nothing: no edge is better than a wrong one.
        Some(rest) => Some(constraint(rest.split(')').next().unwrap_or_default())?),
        None => None,
    };
    Some(Relation { name, qualifier, constraint })
}

fn constraint(text: &str) -> Option<(Operator, &str)> {
    let text = text.trim();
    let end = text.find(|letter| !matches!(letter, '<' | '>' | '=')).unwrap_or(text.len());
    let (operator, version) = text.split_at(end);
    let operator = match operator {
        "<<" => Operator::Less,
        // The deprecated single signs include equality.
        "<=" | "<" => Operator::LessOrEqual,
        "=" | "" => Operator::Equal,
        ">=" | ">" => Operator::GreaterOrEqual,
        ">>" => Operator::Greater,
        _ => return None,
    };
    let version = version.trim();
    (!version.is_empty()).then_some((operator, version))
}

/// A constraint is satisfied only by what has a version; without one anything is.
fn version_agrees(version: Option<&str>, constraint: Option<(Operator, &str)>) -> bool {
    let Some((operator, wanted)) = constraint else { return true };
    let Some(order) = version.and_then(|version| Scheme::Deb.compare(version, wanted).ok()) else { return false };
    match operator {
        Operator::Less => order == Ordering::Less,
        Operator::LessOrEqual => order != Ordering::Greater,
        Operator::Equal => order == Ordering::Equal,
        Operator::GreaterOrEqual => order != Ordering::Less,
        Operator::Greater => order == Ordering::Greater,
    }
}

/// Whether the candidate is for an architecture that the dependency accepts: without a qualifier the needing package's own, unless the
/// candidate says that it serves foreign ones; with `:any` all, if the candidate allows it.
fn architecture_agrees<'a>(
    package: &Package<'a>,
    candidate: &Package<'a>,
    qualifier: Option<&str>,
    native: Option<&'a str>,
) -> bool {
    let of = |package: &Package<'a>| package.architecture.filter(|architecture| *architecture != "all").or(native);
    match qualifier {
        Some("any") => candidate.multi_arch == Some("allowed"),
        Some("native") => of(candidate) == native,
        Some(architecture) => of(candidate) == Some(architecture),
        None => candidate.multi_arch == Some("foreign") || of(candidate) == of(package),
    }
}

/// The lists of one package's files.
struct Lists<'a> {
    list: Option<File<'a>>,
    md5sums: Option<File<'a>>,
    conffiles: Option<File<'a>>,
    /// From the package's paragraph: `/etc/bash.bashrc 89269e1298235f1b12b4c16e4065ad0d`.
    conffiles_field: Option<&'a str>,
}

impl<'a> Lists<'a> {
    fn find(view: &View<'a>, database: &Database<'a>, package: &Package<'a>) -> Self {
        let part = Some(package.file.path()).filter(|path| path.contains("/status.d/"));
        // Packages of which several architectures can be installed have it in their lists' names.
        let named = |ending: &str| {
            let folder = database.folder;
            let name = package.name;
            let architecture = package.architecture.unwrap_or_default();
            let with_architecture = view.file(&format!("{folder}/info/{name}:{architecture}.{ending}"));
            with_architecture.or_else(|| view.file(&format!("{folder}/info/{name}.{ending}")))
        };
        Self {
            list: named("list"),
            md5sums: named("md5sums").or_else(|| view.file(&format!("{}.md5sums", part?))),
            conffiles: named("conffiles"),
            conffiles_field: package.paragraph.get("Conffiles"),
        }
    }

    /// The digests that the lists state, by path without the slash that some begin with.
    fn digests(&self) -> HashMap<&'a str, &'a str> {
        let sums = self.md5sums.iter().flat_map(|file| lines(file.bytes())).filter_map(|line| {
            let (digest, path) = line.split_once(' ')?;
            Some((path.trim_start_matches([' ', '*']), digest))
        });
        let settings = self.conffiles_field.into_iter().flat_map(str::lines).filter_map(|line| {
            let mut words = line.split_whitespace();
            Some((words.next()?, words.next()?))
        });
        let relative = |path: &'a str| path.trim_start_matches("./").trim_start_matches('/');
        let digests = sums.chain(settings).map(|(path, digest)| (relative(path), digest));
        digests
            .filter(|(_, digest)| digest.len() == 32 && digest.bytes().all(|byte| byte.is_ascii_hexdigit()))
            .collect()
    }

    /// Every path that the lists name, without a slash at its beginning, in order, each once.
    fn paths(&self, digests: &HashMap<&'a str, &'a str>) -> Vec<&'a str> {
        let listed = self.list.iter().flat_map(|file| lines(file.bytes()));
        let settings = self.conffiles.iter().flat_map(|file| lines(file.bytes()));
        // `remove-on-upgrade /etc/file`: the path is the last word.
        let settings = settings.filter_map(|line| line.find('/').map(|start| &line[start..]));
        let bytes: usize = self.list.iter().chain(&self.conffiles).map(|file| file.bytes().len()).sum();
        let mut paths: Vec<&str> = Vec::with_capacity(bytes / TYPICAL_PATH_BYTES + digests.len());
        paths.extend(listed.chain(settings).map(|path| path.trim_start_matches('/')));
        paths.extend(digests.keys().copied());
        paths.retain(|path| !path.is_empty() && *path != "." && path.len() <= PATH_BYTES_MAX);
        // Lists are mostly in order, unless digests come behind them.
        if !paths.is_sorted_by(|left, right| left < right) {
            paths.sort_unstable();
            paths.dedup();
        }
        paths
    }

    /// Returns the files that the package owns, links included and folders not, and whether any of them can run: at most one more than there is room for, so
    /// that it is told that there are more.
    fn read(&self, view: &View<'a>, root: &str, files_max: usize) -> (Vec<OwnedFile>, Code) {
        if self.list.is_none() && self.md5sums.is_none() {
            return (Vec::new(), Code::Unknown);
        }
        let digests = self.digests();
        let paths = self.paths(&digests);
        // dpkg writes at least `/.`: what is empty was lost, and says nothing.
        if paths.is_empty() {
            return (Vec::new(), Code::Unknown);
        }
        let mut parents: HashSet<&str> = HashSet::new();
        let mut last = "";
        for (parent, _) in paths.iter().filter_map(|path| path.rsplit_once('/')) {
            // Mostly that of the path before: they are in order.
            if parent != last {
                parents.insert(parent);
                last = parent;
            }
        }
        let mut files = Vec::with_capacity(paths.len().saturating_sub(parents.len()).min(files_max + 1));
        let mut runs = false;
        for path in paths {
            if files.len() > files_max {
                break;
            }
            let digest = digests.get(path);
            if digest.is_none() && parents.contains(path) {
                continue;
            }
            let absolute = [root, "/", path].concat();
            // Links are in no list of digests, and neither is any file that who made the package left out of it.
            let may_run = !runs && (digest.is_some() || self.md5sums.is_none() || !view.is_link(&absolute));
            let entry = if may_run || digest.is_none() { view.entry(&absolute) } else { None };
            if digest.is_none() && entry.is_some_and(|entry| entry.kind == FileKind::Directory) {
                continue;
            }
            if may_run {
                let executable = entry.map(|entry| entry.mode & 0o111 != 0);
                runs = can_run(ListedFile { path: &absolute[root.len()..], executable });
            }
            let hash = digest.map(|hex| Hash { algorithm: HashAlgorithm::Md5, hex: hex.to_ascii_lowercase() });
            files.push(OwnedFile { path: absolute.into(), hash });
        }
        (files, if runs { Code::Present } else { Code::Absent })
    }
}

/// The lines of a list. A line that is no UTF-8 is left out: no path in an inventory could name the file.
fn lines(bytes: &[u8]) -> impl Iterator<Item = &str> {
    let lines = bytes.split(|byte| *byte == b'\n').filter_map(|line| std::str::from_utf8(line).ok());
    lines.map(|line| line.trim_end_matches('\r')).filter(|line| !line.is_empty())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::testing::{catalog, render};

    const OS_RELEASE: (&str, &[u8]) = ("/etc/os-release", b"ID=debian\nVERSION_ID=\"12\"\n");

    fn found(files: &[(&str, &str)]) -> String {
        let files: Vec<(&str, &[u8])> =
            files.iter().map(|(path, text)| (*path, text.as_bytes())).chain([OS_RELEASE]).collect();
        render(&catalog(&CATALOGER, &files))
    }

    /// What is found in a database with these paragraphs, without places.
    fn in_status(paragraphs: &[&str]) -> String {
        let text = found(&[("/var/lib/dpkg/status", &paragraphs.join("\n\n"))]);
        text.replace(" at /var/lib/dpkg/status", "")
    }

    fn edges(paragraphs: &[&str]) -> String {
        let text = in_status(paragraphs);
        let edges: Vec<&str> = text.lines().filter(|line| line.contains("-> ")).collect();
        edges.join("; ")
    }

    #[test]
    fn what_is_not_installed_is_left_out() {
        for status in ["deinstall ok config-files", "install ok not-installed", "unknown ok", ""] {
            let paragraph = format!("Package: a\nStatus: {status}\nVersion: 1\nArchitecture: amd64");
            let expected = usize::from(status.is_empty());
            assert_eq!(in_status(&[&paragraph]).lines().count(), expected, "{status:?}");
        }
        for status in ["install ok installed", "hold ok installed", "install ok half-configured", "install user unpacked"] {
            assert_eq!(in_status(&[&format!("Package: a\nStatus: {status}\nVersion: 1")]).lines().count(), 1, "{status}");
        }
    }

    #[test]
    fn text_that_is_no_database_gives_nothing() {
        assert_eq!(in_status(&["bogus package"]), "");
        assert_eq!(in_status(&["Package:", "Version: 1"]), "");
        assert_eq!(in_status(&["Package: a\nVersion: 1"; 0]), "");
    }

    #[test]
    fn names_and_versions_end_at_the_limit() {
        for (length, expected) in [(511, "deb"), (512, "deb"), (513, "unknown")] {
            let long = "1".repeat(length);
            for paragraph in [format!("Package: {long}\nVersion: 1"), format!("Package: a\nVersion: {long}")] {
                assert_eq!(in_status(&[&paragraph]).split(' ').next(), Some(expected), "{length}");
            }
        }
    }

    #[test]
    fn a_package_is_described() {
        let status = "Package: libc6\nStatus: install ok installed\nMaintainer: GNU Libc Maintainers <debian-glibc@lists.debian.org>\nArchitecture: amd64\n\
             Multi-Arch: same\nSource: glibc (2.36-8)\nVersion: 2:2.36-9+b1\nConffiles:\n /etc/ld.so.conf D4D833FD095FB7B90E1BB4A547F16DE6\n";
        insta::assert_snapshot!(found(&[
            ("/var/lib/dpkg/status", status),
            ("/var/lib/dpkg/info/libc6:amd64.list", "/.\n/etc\n/etc/ld.so.conf\n/lib\n/lib/libc.so.6\n/lib/link\n"),
            ("/var/lib/dpkg/info/libc6:amd64.md5sums", "0123456789abcdef0123456789abcdef  lib/libc.so.6\n"),
            ("/usr/share/doc/libc6/copyright", "Format: x\nLicense: LGPL-2.1+\n"),
            ("/var/lib/apt/extended_states", "Package: other\nArchitecture: amd64\nAuto-Installed: 1\n"),
        ]), @r#"
        deb libc6@2:2.36-9+b1 pkg:deb/debian/libc6@2:2.36-9%2Bb1?arch=amd64&distro=debian-12&upstream=glibc%402.36-8 direct arch=amd64 source=glibc@2.36-8 license="LGPL-2.1-or-later" supplier="GNU Libc Maintainers <debian-glibc@lists.debian.org>" files=3 at /var/lib/dpkg/status
        root -> libc6@2:2.36-9+b1
        "#);
    }

    #[test]
    fn what_apt_installed_for_others_is_transitive() {
        let status = "Package: a\nVersion: 1\nArchitecture: all\n\nPackage: b\nVersion: 1\nArchitecture: amd64\n\nPackage: c\nVersion: 1\nArchitecture: i386\n";
        let automatic = "Package: a\nArchitecture: amd64\nAuto-Installed: 1\n\nPackage: b\nArchitecture: amd64\nAuto-Installed: 0\n\n\
             Package: c\nArchitecture: amd64\nAuto-Installed: 1\n";
        let text = found(&[("/var/lib/dpkg/status", status), ("/var/lib/apt/extended_states", automatic)]);
        let words: Vec<&str> = text.lines().map(|line| if line.contains(" transitive") { "transitive" } else { line.split(' ').next().unwrap_or_default() }).collect();
        assert_eq!(words, ["transitive", "deb", "deb", "root", "root"], "{text}");
    }

    #[test]
    fn distroless_images_have_a_file_for_each_package() {
        insta::assert_snapshot!(found(&[
            ("/var/lib/dpkg/status.d/tzdata", "Package: tzdata\nVersion: 2024a-0\nArchitecture: all\n"),
            ("/var/lib/dpkg/status.d/tzdata.md5sums", "0123456789abcdef0123456789abcdef  usr/share/zoneinfo/UTC\n"),
            ("/var/lib/dpkg/status.d/app", "Package: app\nVersion: 1\nArchitecture: amd64\nDepends: tzdata\n"),
            ("/var/lib/dpkg/status.d/app.md5sums", "0123456789abcdef0123456789abcdef  usr/bin/app\n"),
        ]), @r#"
        deb app@1 pkg:deb/debian/app@1?arch=amd64&distro=debian-12 arch=amd64 files=1 at /var/lib/dpkg/status.d/app
        deb tzdata@2024a-0 pkg:deb/debian/tzdata@2024a-0?arch=all&distro=debian-12 no-code arch=all files=1 at /var/lib/dpkg/status.d/tzdata
        app@1 -> tzdata@2024a-0
        "#);
    }

    #[test]
    fn files_without_digests_may_run() {
        let status = "Package: a\nStatus: install ok installed\nVersion: 1\n";
        let list = "/.\n/usr\n/usr/bin\n/usr/bin/a\n/usr/share\n/usr/share/doc\n/usr/share/doc/a\n/usr/share/doc/a/copyright\n";
        let (program, copyright) = ("/usr/bin/a", "/usr/share/doc/a/copyright");
        let sum = "0123456789abcdef0123456789abcdef  usr/share/doc/a/copyright\n";
        for (md5sums, there, is_absent) in [
            ("", vec![program, copyright], false),
            (sum, vec![program, copyright], false),
            // What lies nowhere may have been taken away, and may have been anything.
            (sum, vec![copyright], false),
        ] {
            let mut files = vec![
                ("/var/lib/dpkg/status", status),
                ("/var/lib/dpkg/info/a.list", list),
                ("/var/lib/dpkg/info/a.md5sums", md5sums),
            ];
            files.extend(there.iter().map(|path| (*path, "text")));
            let text = found(&files);
            assert_eq!(text.contains("no-code"), is_absent, "{md5sums} {there:?} {text}");
        }
    }

    #[test]
    fn links_without_digests_do_not_run() {
        let matcher = crate::Matcher::new(vec![&CATALOGER]);
        let allowance = crate::Allowance::new(|| unreachable!("all fits into memory"));
        let mut builder = crate::LayerBuilder::new(&matcher, &allowance);
        for (path, text) in [
            ("var/lib/dpkg/status", "Package: a\nVersion: 1\n"),
            ("var/lib/dpkg/info/a.list", "/.\n/bin\n/bin/a\n/bin/gone\n"),
            ("var/lib/dpkg/info/a.md5sums", ""),
            ("usr/bin/b", "of another package"),
        ] {
            builder.add_file(path, 0o755, text.len() as u64, &mut text.as_bytes()).expect("the files make a layer");
        }
        for (path, target) in [("bin", "usr/bin"), ("usr/bin/a", "b"), ("usr/bin/gone", "nowhere")] {
            builder.add(path, FileKind::Symlink, 0o777, Some(target)).expect("the links make a layer");
        }
        let found = crate::inventory_of_directory(
            "test".to_owned(),
            "",
            &builder.finish(),
            &matcher,
            crate::LayerScope::Squashed,
        );
        assert_eq!(found.components[0].code, Code::Absent);
    }

    #[test]
    fn databases_of_opkg_are_read_with_the_packages_control_files() {
        insta::assert_snapshot!(found(&[
            ("/usr/lib/opkg/status", "Package: zlib\nVersion: 1.3-1\nDepends: libc\nStatus: install user installed\nArchitecture: x86_64\n\nPackage: libc\nVersion: 1.2\nStatus: install user installed\nArchitecture: all\n"),
            ("/usr/lib/opkg/info/zlib.control", "Package: zlib\nVersion: 1.3-1\nSource: package/libs/zlib\nSourceName: zlib-ng\nLicense: Zlib\nMaintainer: someone\n"),
            ("/usr/lib/opkg/info/zlib.list", "/usr/lib/libz.so.1\n"),
        ]), @r#"
        deb libc@1.2 pkg:deb/debian/libc@1.2?arch=all&distro=debian-12 arch=all at /usr/lib/opkg/status
        deb zlib@1.3-1 pkg:deb/debian/zlib@1.3-1?arch=x86_64&distro=debian-12&upstream=zlib-ng arch=x86_64 source=zlib-ng@= license="Zlib" supplier="someone" files=1 at /usr/lib/opkg/status
        zlib@1.3-1 -> libc@1.2
        "#);
        insta::assert_snapshot!(found(&[("/usr/lib/opkg/info/a.control", "Package: a\nVersion: 1\n")]), @r#"
        deb a@1 pkg:deb/debian/a@1?distro=debian-12 at /usr/lib/opkg/info/a.control
        "#);
    }

    #[test]
    fn databases_below_other_roots_are_kept_apart() {
        let text = found(&[
            ("/srv/root/var/lib/dpkg/status", "Package: a\nVersion: 1\nDepends: b\n"),
            ("/srv/root/var/lib/dpkg/info/a.list", "/usr/bin/a\n"),
            ("/var/lib/dpkg/status", "Package: b\nVersion: 1\n"),
        ]);
        assert!(!text.contains("->"), "{text}");
    }

    #[test]
    fn packages_below_other_roots_are_of_the_distribution_there() {
        let database = |root: &str| (format!("{root}/var/lib/dpkg/status"), "Package: a\nVersion: 1\n".to_owned());
        let release = |path: &str, id: &str| (path.to_owned(), format!("ID={id}\nVERSION_ID=1\n"));
        let files = [
            database(""),
            database("/srv/one"),
            release("/srv/one/etc/os-release", "one"),
            database("/srv/two"),
            release("/srv/two/usr/lib/os-release", "two"),
            database("/srv/none"),
        ];
        let files: Vec<(&str, &str)> = files.iter().map(|(path, text)| (path.as_str(), text.as_str())).collect();
        insta::assert_snapshot!(found(&files), @r"
            deb a@1 at /srv/none/var/lib/dpkg/status
            deb a@1 pkg:deb/debian/a@1?distro=debian-12 at /var/lib/dpkg/status
            deb a@1 pkg:deb/one/a@1?distro=one-1 at /srv/one/var/lib/dpkg/status
            deb a@1 pkg:deb/two/a@1?distro=two-1 at /srv/two/var/lib/dpkg/status
            unknown /srv/none/var/lib/dpkg/status: nothing below `/srv/none` says which distribution its packages are of
            ");
    }

    #[test]
    fn links_out_of_another_root_name_no_distribution() {
        let release = crate::catalogers().iter().find(|known| known.name == "os-release").expect("the cataloger is there");
        let matcher = crate::Matcher::new(vec![&CATALOGER, release]);
        let found = |target: &str| {
            let allowance = crate::Allowance::new(|| unreachable!("all fits into memory"));
            let mut builder = crate::LayerBuilder::new(&matcher, &allowance);
            for (path, text) in [
                ("srv/var/lib/dpkg/status", "Package: a\nVersion: 1\n"),
                ("srv/usr/lib/os-release", "ID=debian\n"),
                ("usr/lib/os-release", "ID=alpine\n"),
            ] {
                builder.add_file(path, 0o644, text.len() as u64, &mut text.as_bytes()).expect("the files make a layer");
            }
            builder.add("srv/etc/os-release", FileKind::Symlink, 0o777, Some(target)).expect("the link makes a layer");
            let name = "test".to_owned();
            let layer = builder.finish();
            let found = crate::inventory_of_directory(name, "", &layer, &matcher, crate::LayerScope::Squashed);
            assert_eq!(found.distribution.map(|distribution| distribution.id).as_deref(), Some("alpine"));
            found.components[0].purl.as_ref().map(ToString::to_string)
        };
        for target in ["../usr/lib/os-release", "/usr/lib/os-release", "../../usr/lib/os-release", "nowhere"] {
            assert_eq!(found(target).as_deref(), Some("pkg:deb/debian/a@1?distro=debian"), "{target}");
        }
    }

    #[test]
    fn edges_go_to_what_satisfies() {
        let table = [
            ("Depends: b", "Version: 1", "a@1 -> b@1"),
            ("Depends: b (>= 1)", "Version: 1", "a@1 -> b@1"),
            ("Depends: b (>> 1)", "Version: 1", ""),
            ("Depends: b (<< 1)", "Version: 1~rc1", "a@1 -> b@1~rc1"),
            ("Depends: b (= 1)", "Version: 1-1", ""),
            ("Depends: b (?? 1)", "Version: 1", ""),
            ("Depends: b (>= )", "Version: 1", ""),
            ("Depends: x | b", "Version: 1", "a@1 -> b@1"),
            ("Depends: x, b [amd64] <!nocheck>", "Version: 1", "a@1 -> b@1"),
            ("Pre-Depends: b", "Version: 1", "a@1 -> b@1"),
            ("Recommends: b", "Version: 1", "a@1 -optional-> b@1"),
            ("Recommends: b\nDepends: b", "Version: 1", "a@1 -> b@1"),
            ("Suggests: b", "Version: 1", ""),
            ("Depends: v", "Version: 1\nProvides: v", "a@1 -> b@1"),
            ("Depends: v (>= 1)", "Version: 1\nProvides: v", ""),
            ("Depends: v (>= 2)", "Version: 1\nProvides: v (= 2)", "a@1 -> b@1"),
            ("Depends: v (>= 3)", "Version: 3\nProvides: v (= 2)", ""),
            ("Depends: a", "Version: 1", ""),
        ];
        for (needs, has, expected) in table {
            let needing = format!("Package: a\nVersion: 1\nArchitecture: amd64\n{needs}");
            assert_eq!(edges(&[&needing, &format!("Package: b\nArchitecture: amd64\n{has}")]), expected, "{needs} {has}");
        }
    }

    #[test]
    fn edges_go_to_architectures_that_are_accepted() {
        let native = "Package: dpkg\nVersion: 1\nArchitecture: amd64";
        let table = [
            ("amd64", "b", "amd64", "", true),
            ("amd64", "b", "i386", "", false),
            ("amd64", "b", "i386", "foreign", true),
            ("amd64", "b", "i386", "same", false),
            ("amd64", "b:any", "i386", "allowed", true),
            ("amd64", "b:any", "amd64", "foreign", false),
            ("amd64", "b", "i386", "allowed", false),
            ("amd64", "b:i386", "i386", "", true),
            ("i386", "b:native", "amd64", "", true),
            ("i386", "b", "all", "", false),
            ("all", "b", "amd64", "", true),
            ("amd64", "b", "all", "", true),
        ];
        for (needing, needs, architecture, multi_arch, expected) in table {
            let a = format!("Package: a\nVersion: 1\nArchitecture: {needing}\nDepends: {needs}");
            let b = format!("Package: b\nVersion: 1\nArchitecture: {architecture}\nMulti-Arch: {multi_arch}");
            let found = edges(&[native, &a, &b]);
            assert_eq!(!found.is_empty(), expected, "{needing} {needs} {architecture} {multi_arch}: {found}");
        }
    }

    proptest! {
        #[test]
        fn any_field_is_read(field in "[a-z|,:()<>=~\\[\\] 0-9.é]{0,40}") {
            for relation in relations(&field) {
                prop_assert!(!relation.name.is_empty());
            }
        }
    }
}
