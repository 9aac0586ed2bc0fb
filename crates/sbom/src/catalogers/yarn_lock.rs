//! yarn's lockfiles: the format of version 1, and that of versions 2 and later ("berry").
//!
//! Both are flat: a package stands once for all the descriptors (`name@range`) that it was chosen for, and its dependencies are descriptors.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt::Write as _;

use component::{Component, PackageType, Scope, Technique};
use serde::Deserialize;

use crate::Refusal;
use crate::cataloger::{Abilities, Cataloger, Claim, Edges, Evidence, Findings, Keep, Pattern, Versions};
use crate::ecosystems::documents::{Mapping, from_json};
use crate::ecosystems::graph::{Graph, NodeId};
use crate::ecosystems::identity::Finder;
use crate::ecosystems::npm::{self, Manifest, Role};
use crate::ecosystems::{npm_peers, paths, yaml};
use crate::view::View;

/// yarn's lockfiles.
pub(crate) const CATALOGER: Cataloger = Cataloger {
    name: "yarn-lock",
    summary: "yarn.lock of yarn 1 and of yarn 2 and later",
    evidence: Evidence::Declared,
    claims: &[
        Claim { pattern: Pattern::Path("**/yarn.lock"), keep: Keep::Bytes { limit_bytes: npm::LOCK_BYTES_MAX } },
        Claim { pattern: Pattern::Path("**/package.json"), keep: Keep::Bytes { limit_bytes: npm::MANIFEST_BYTES_MAX } },
        Claim { pattern: Pattern::Path("**/.yarnrc.yml"), keep: Keep::Bytes { limit_bytes: 1 << 20 } },
    ],
    abilities: Abilities { packages: &[PackageType::Npm], versions: Versions::Exact, edges: Edges::Complete, licenses: false, files: false, hashes: true },
    catalog,
};

const FINDER: Finder = Finder { name: CATALOGER.name, technique: Technique::Lockfile };

/// The most lines of a lockfile of version 1; each package takes about eight.
const LINES_MAX: usize = 4_000_000;

/// The most packages of a lockfile of version 1. The largest have twenty thousand.
const ENTRIES_MAX: usize = 100_000;

/// The most overridden dependencies of a project. Large ones have two hundred.
const RESOLUTIONS_MAX: usize = 1024;

/// A package of either format.
#[derive(Debug, Default, PartialEq, Eq)]
struct Entry {
    /// What it was chosen for: `name@range`.
    descriptors: Vec<String>,
    name: String,
    version: String,
    resolved: Option<String>,
    integrity: Option<String>,
    /// Name, range and scope of what it depends on.
    needs: Vec<(String, String, Scope)>,
    /// Names of what whoever uses it must provide, and whether it does without.
    peers: Vec<(String, bool)>,
    /// What yarn 2 and later resolved it to: `name@reference`.
    locator: String,
    /// The folder, where it is a project of this repository.
    workspace: Option<String>,
    is_patched: bool,
}

fn catalog(view: &View<'_>, findings: &mut Findings) {
    let mut lockfiles = view.files(0).filter(|file| !file.path().contains("/node_modules/") && !file.bytes().is_empty()).peekable();
    if lockfiles.peek().is_none() {
        return;
    }
    let manifests: BTreeMap<&str, Manifest> = view
        .files(1)
        .filter(|file| !file.path().contains("/node_modules/"))
        .filter_map(|file| Some((paths::folder(file.path()), from_json(file.bytes()).ok()?)))
        .collect();
    for file in lockfiles {
        let (format, entries) = match parse(file.bytes()) {
            Ok(parsed) => parsed,
            Err(refusal) => {
                findings.unknown(file.location(), refusal.0);
                continue;
            }
        };
        let folder = paths::folder(file.path());
        let (mut graph, are_peers_known) = match format {
            Format::Classic => (classic_graph(&entries, folder, &manifests), true),
            Format::Berry => {
                let settings = view.file(&format!("{folder}/.yarnrc.yml"));
                let settings: Option<Vec<Settings>> = settings.and_then(|file| yaml::documents(file.bytes()).ok());
                berry_graph(&entries, folder, &manifests, &settings.unwrap_or_default())
            }
        };
        graph.locate(&file.location());
        graph.report(findings);
        if !are_peers_known {
            findings.unknown(file.location(), "the lockfile has more sets of peers than the limit allows; who provides them is left out");
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Format {
    Classic,
    Berry,
}

fn parse(bytes: &[u8]) -> Result<(Format, Vec<Entry>), Refusal> {
    let text = std::str::from_utf8(bytes).map_err(|_| Refusal::new("the lockfile is not UTF-8"))?;
    if text.lines().any(|line| line.starts_with("__metadata:")) {
        Ok((Format::Berry, parse_berry(bytes)?))
    } else {
        Ok((Format::Classic, parse_classic(text)?))
    }
}

fn parse_classic(text: &str) -> Result<Vec<Entry>, Refusal> {
    let mut entries: Vec<Entry> = Vec::new();
    let mut block = None;
    for (index, line) in text.lines().enumerate() {
        let refused = || Refusal::new(format!("the lockfile has an odd line {}", index + 1));
        if index >= LINES_MAX {
            return Err(Refusal::new(format!("the lockfile has over {LINES_MAX} lines")));
        }
        let content = line.trim_start_matches(' ');
        if content.trim_end().is_empty() || content.starts_with('#') {
            continue;
        }
        match line.len() - content.len() {
            0 => {
                block = None;
                if entries.len() == ENTRIES_MAX {
                    return Err(Refusal::new(format!("the lockfile has over {ENTRIES_MAX} packages")));
                }
                let descriptors = tokens(content.trim_end().strip_suffix(':').ok_or_else(refused)?, ", ").ok_or_else(refused)?;
                let entry = Entry { descriptors: descriptors.into_iter().map(Cow::into_owned).collect(), ..Entry::default() };
                entries.push(entry);
            }
            2 => {
                let entry = entries.last_mut().ok_or_else(refused)?;
                block = match content.trim_end() {
                    "dependencies:" => Some(Scope::Runtime),
                    "optionalDependencies:" => Some(Scope::Optional),
                    _ => None,
                };
                if content.trim_end().ends_with(':') {
                    continue;
                }
                if let [key, value] = tokens(content.trim_end(), " ").ok_or_else(refused)?.as_slice() {
                    match key.as_ref() {
                        "version" => entry.version = value.to_string(),
                        "resolved" => entry.resolved = Some(value.to_string()),
                        "integrity" => entry.integrity = Some(value.to_string()),
                        _ => {}
                    }
                }
            }
            4 => {
                let entry = entries.last_mut().ok_or_else(refused)?;
                if let (Some(scope), [name, range]) = (block, tokens(content.trim_end(), " ").ok_or_else(refused)?.as_slice()) {
                    entry.needs.push((name.to_string(), range.to_string(), scope));
                }
            }
            _ => {}
        }
    }
    for entry in &mut entries {
        let descriptor = entry.descriptors.first().and_then(|descriptor| npm::split_at_version(descriptor));
        let (name, range) = descriptor.unwrap_or_default();
        let alias = range.strip_prefix("npm:").and_then(|alias| Some(npm::split_at_version(alias)?.0));
        let address = entry.resolved.as_deref().and_then(name_in_address);
        entry.name = address.or_else(|| alias.map(str::to_owned)).unwrap_or_else(|| name.to_owned());
    }
    Ok(entries)
}

/// Returns the name of the package that a registry serves at this address: `https://host/@scope/name/-/name-1.0.0.tgz`.
fn name_in_address(address: &str) -> Option<String> {
    let (front, _) = address.split_once("/-/")?;
    let (front, name) = front.rsplit_once('/')?;
    let scope = front.rsplit('/').next().filter(|scope| scope.starts_with('@'));
    let name = match (scope, name.strip_prefix("%40").or(name.strip_prefix('@'))) {
        (Some(scope), _) => format!("{scope}/{name}"),
        (None, Some(escaped)) => format!("@{}", escaped.replace("%2f", "/").replace("%2F", "/")),
        (None, None) => name.to_owned(),
    };
    npm::is_name(&name).then_some(name)
}

/// Splits at the separator, where each part stands in quotes or not.
fn tokens<'a>(text: &'a str, separator: &str) -> Option<Vec<Cow<'a, str>>> {
    let mut tokens = Vec::new();
    let mut rest = text;
    loop {
        if let Some(quoted) = rest.strip_prefix('"') {
            let end = end_of_quoted(quoted)?;
            let token: Cow<'a, str> = match &quoted[..end] {
                plain if !plain.contains('\\') => Cow::Borrowed(plain),
                _ => Cow::Owned(serde_json::from_str(&rest[..end + 2]).ok()?),
            };
            tokens.push(token);
            rest = &quoted[end + 1..];
        } else {
            let end = rest.find(separator).unwrap_or(rest.len());
            tokens.push(Cow::Borrowed(&rest[..end]));
            rest = &rest[end..];
        }
        if rest.is_empty() {
            return Some(tokens);
        }
        rest = rest.strip_prefix(separator)?;
    }
}

fn end_of_quoted(text: &str) -> Option<usize> {
    let mut is_escaped = false;
    text.bytes().position(|byte| {
        let ends = byte == b'"' && !is_escaped;
        is_escaped = byte == b'\\' && !is_escaped;
        ends
    })
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct BerryEntry {
    version: Option<String>,
    resolution: Option<String>,
    dependencies: Mapping<String>,
    dependencies_meta: Mapping<BerryMeta>,
    peer_dependencies: Mapping<String>,
    peer_dependencies_meta: Mapping<BerryMeta>,
}

impl BerryEntry {
    /// Returns the peers as yarn completes them: the types of a peer are an optional one, and so is what is only said to be optional.
    fn peers(&self) -> Vec<(String, bool)> {
        let is_optional = |name: &str| self.peer_dependencies_meta.0.get(name).is_some_and(|meta| meta.optional);
        let mut peers: BTreeMap<String, bool> =
            self.peer_dependencies.0.iter().map(|(name, _)| (name.to_owned(), is_optional(name))).collect();
        for (name, _) in self.peer_dependencies_meta.0.iter() {
            peers.entry(name.to_owned()).or_insert_with(|| is_optional(name));
        }
        for (name, _) in self.peer_dependencies.0.iter().filter(|(name, _)| !name.starts_with("@types/")) {
            peers.entry(format!("@types/{}", name.trim_start_matches('@').replace('/', "__"))).or_insert(true);
        }
        peers.into_iter().collect()
    }
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct BerryMeta {
    optional: bool,
}

fn parse_berry(bytes: &[u8]) -> Result<Vec<Entry>, Refusal> {
    let documents: Vec<Mapping<BerryEntry>> = yaml::documents(bytes)?;
    let mut entries = Vec::new();
    for (key, entry) in documents.iter().flat_map(|entries| entries.0.iter()).filter(|(key, _)| *key != "__metadata") {
        let Some((name, reference)) = entry.resolution.as_deref().and_then(npm::split_at_version) else {
            continue;
        };
        let is_elsewhere = ["npm:", "patch:", "workspace:", "portal:", "link:", "file:"].iter().all(|protocol| !reference.starts_with(protocol));
        let scope = |name: &str| match entry.dependencies_meta.0.get(name) {
            Some(BerryMeta { optional: true }) => Scope::Optional,
            _ => Scope::Runtime,
        };
        entries.push(Entry {
            descriptors: key.split(", ").map(str::to_owned).collect(),
            name: name_in_address(reference).filter(|_| is_elsewhere).unwrap_or_else(|| name.to_owned()),
            version: entry.version.clone().unwrap_or_default(),
            resolved: is_elsewhere.then(|| reference.to_owned()),
            integrity: None,
            needs: entry.dependencies.0.iter().map(|(name, range)| (name.to_owned(), range.clone(), scope(name))).collect(),
            peers: entry.peers(),
            locator: format!("{name}@{reference}"),
            workspace: reference.strip_prefix("workspace:").map(str::to_owned),
            is_patched: reference.starts_with("patch:"),
        });
    }
    Ok(entries)
}

/// Settings of yarn: the ranges that dependencies may name instead of stating them.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Settings {
    catalog: Mapping<String>,
    catalogs: Mapping<Mapping<String>>,
}

impl Settings {
    /// Returns the range that a dependency of this name states by `catalog:` or `catalog:name`.
    fn range(&self, name: &str, catalog: &str) -> Option<&str> {
        let catalog = if catalog.is_empty() { &self.catalog } else { self.catalogs.0.get(catalog)? };
        catalog.0.get(name).map(String::as_str)
    }
}

/// The entries by what they were chosen for.
struct Index<'a> {
    descriptors: BTreeMap<&'a str, usize>,
    names: BTreeMap<&'a str, Vec<usize>>,
}

impl<'a> Index<'a> {
    fn new(entries: &'a [Entry]) -> Self {
        let mut index = Self { descriptors: BTreeMap::new(), names: BTreeMap::new() };
        for (place, entry) in entries.iter().enumerate() {
            for descriptor in &entry.descriptors {
                index.descriptors.insert(descriptor, place);
                if let Some((name, _)) = npm::split_at_version(descriptor) {
                    let places = index.names.entry(name).or_default();
                    if places.last() != Some(&place) {
                        places.push(place);
                    }
                }
            }
        }
        index
    }

    /// Finds the package that was chosen for exactly this.
    fn exact(&self, name: &str, range: &str) -> Option<usize> {
        let spellings = [format!("{name}@{range}"), format!("{name}@npm:{range}")];
        spellings.iter().find_map(|descriptor| self.descriptors.get(descriptor.as_str()).copied())
    }

    /// Finds the package of a name, where there is one alone. A range that is no descriptor was overridden by the project's `resolutions`.
    fn only(&self, name: &str) -> Option<usize> {
        match self.names.get(name)?.as_slice() {
            [one] => Some(*one),
            _ => None,
        }
    }
}

/// A project's word on what a dependency is resolved to instead: yarn's documentation, "Manifest fields", `resolutions`.
#[derive(Debug, PartialEq, Eq)]
struct Resolution<'a> {
    /// Name, and reference if that is said, of the package that depends on it; `None` for any.
    dependent: Option<(&'a str, Option<&'a str>)>,
    /// Name, and range if that is said, of the dependency.
    dependency: (&'a str, Option<&'a str>),
    reference: &'a str,
}

impl<'a> Resolution<'a> {
    fn parse(pattern: &'a str, reference: &'a str) -> Option<Self> {
        let end = |text: &str| {
            let scope = if text.starts_with('@') { text.find('/').map_or(text.len(), |end| end + 1) } else { 0 };
            text[scope..].find('/').map(|end| scope + end)
        };
        let specifier = |text: &'a str| match npm::split_at_version(text) {
            Some((name, description)) => (name, Some(description)),
            None => (text, None),
        };
        let (dependent, dependency) = match end(pattern) {
            Some(end) => (Some(specifier(&pattern[..end])), &pattern[end + 1..]),
            None => (None, pattern),
        };
        end(dependency).is_none().then(|| Self { dependent, dependency: specifier(dependency), reference })
    }

    /// Returns whether it is about this package's dependency of its name.
    fn concerns(&self, dependent: &Entry, range: &str) -> bool {
        let is_same = |description: &str, actual: &str| description == actual || actual.strip_prefix("npm:") == Some(description);
        let is_by = |(name, reference): (&str, Option<&str>)| match npm::split_at_version(&dependent.locator) {
            Some((own, actual)) => own == name && reference.is_none_or(|reference| is_same(reference, actual)),
            None => false,
        };
        self.dependency.1.is_none_or(|wanted| is_same(wanted, range)) && self.dependent.is_none_or(is_by)
    }
}

/// Writes a locator as yarn puts it behind the descriptors that count from it.
fn bound(locator: &str) -> String {
    let mut text = String::from("::locator=");
    for byte in locator.bytes() {
        if byte.is_ascii_alphanumeric() || b"-_.!~*'()".contains(&byte) {
            text.push(char::from(byte));
        } else {
            let _ = write!(text, "%{byte:02X}");
        }
    }
    text
}

/// Makes the component of a package that is no project.
fn package(entry: &Entry) -> Option<Component> {
    let mut component = npm::component(FINDER, &entry.name, Some(&entry.version), entry.resolved.as_deref())?;
    component.hashes = npm::hashes(entry.integrity.as_deref(), entry.resolved.as_deref());
    if entry.is_patched {
        component.properties.insert("npm:patched".into(), "true".to_owned());
    }
    Some(component)
}

/// Returns the graph, and whether it has who provides the peers.
fn berry_graph(
    entries: &[Entry],
    folder: &str,
    manifests: &BTreeMap<&str, Manifest>,
    settings: &[Settings],
) -> (Graph, bool) {
    let mut graph = Graph::default();
    let index = Index::new(entries);
    let bounds: Vec<String> = entries.iter().map(|entry| if entry.workspace.is_some() { bound(&entry.locator) } else { String::new() }).collect();
    let manifest_of = |entry: &Entry| manifests.get(paths::join(folder, entry.workspace.as_ref()?).as_str());
    let top = entries.iter().position(|entry| entry.workspace.as_deref() == Some("."));
    let mut resolutions: BTreeMap<&str, Vec<Resolution<'_>>> = BTreeMap::new();
    for (pattern, reference) in top.and_then(|top| manifest_of(&entries[top])).into_iter().flat_map(|own| own.resolutions.0.iter()).take(RESOLUTIONS_MAX) {
        if let Some(resolution) = Resolution::parse(pattern, reference) {
            resolutions.entry(resolution.dependency.0).or_default().push(resolution);
        }
    }

    let places: BTreeMap<&str, &str> =
        bounds.iter().zip(entries).filter_map(|(bound, entry)| Some((bound.as_str(), entry.workspace.as_deref()?))).collect();
    let nodes: Vec<Option<NodeId>> = entries
        .iter()
        .map(|entry| {
            if entry.workspace.is_some() {
                let component = manifest_of(entry).and_then(|own| own.project(FINDER.with(Technique::Manifest)));
                return Some(graph.project(component));
            }
            let component = match linked(&entry.locator) {
                Some((link, bound)) => {
                    let place = paths::join(&paths::join(folder, places.get(bound).copied().unwrap_or_default()), link);
                    npm::local(FINDER, &entry.name, None, manifests.get(place.as_str()))
                }
                None => package(entry),
            };
            component.map(|component| graph.package(component))
        })
        .collect();

    let find = |dependent: usize, name: &str, range: &str| -> Option<usize> {
        let entry = &entries[dependent];
        let catalog = range.strip_prefix("catalog:");
        let stated = catalog.and_then(|catalog| settings.iter().find_map(|settings| settings.range(name, catalog)));
        let range = stated.unwrap_or(range);
        let resolution = resolutions.get(name).and_then(|known| known.iter().find(|resolution| resolution.concerns(entry, range)));
        let (range, bound) = match resolution {
            Some(resolution) => (resolution.reference, top.map(|top| &bounds[top])),
            None => (range, Some(&bounds[dependent])),
        };
        let bound = bound.map(|bound| format!("{range}{bound}"));
        index.exact(name, range).or_else(|| index.exact(name, &bound?)).or_else(|| index.only(name))
    };
    let mut packages: Vec<npm_peers::Package<'_>> = Vec::with_capacity(entries.len());
    for (place, entry) in entries.iter().enumerate() {
        let peers = entry.peers.iter().map(|(name, is_optional)| (name.as_str(), *is_optional)).collect();
        let name = npm::split_at_version(&entry.locator).unwrap_or_default().0;
        let mut package = npm_peers::Package { name, needs: BTreeMap::new(), peers };
        // A workspace's development dependencies stand among the others; only its manifest tells them apart.
        let own = manifest_of(entry).map(|own| own.needs(Role::Project)).unwrap_or_default();
        for (name, range, scope) in &entry.needs {
            let Some(target) = find(place, name, range) else {
                continue;
            };
            if let Ok(number) = u32::try_from(target) {
                package.needs.insert(name, number);
            }
            if let (Some(from), Some(to)) = (nodes[place], nodes[target]) {
                graph.depends_on(from, to, own.get(name.as_str()).map_or(*scope, |need| need.scope));
            }
        }
        packages.push(package);
    }

    let projects: Vec<u32> =
        entries.iter().zip(0..).filter(|(entry, _)| entry.workspace.is_some()).map(|(_, place)| place).collect();
    let provided = npm_peers::provided(&packages, &projects);
    let are_peers_known = provided.is_some();
    for provided in provided.unwrap_or_default() {
        if let (Some(from), Some(to)) = (nodes[provided.package as usize], nodes[provided.provider as usize]) {
            graph.depends_on(from, to, if provided.is_optional { Scope::Optional } else { Scope::Runtime });
        }
    }
    (graph, are_peers_known)
}

/// Returns the folder that a locator only links to, and from where it counts.
fn linked(locator: &str) -> Option<(&str, &str)> {
    let (_, reference) = npm::split_at_version(locator)?;
    let link = reference.strip_prefix("link:").or(reference.strip_prefix("portal:"))?;
    Some(link.find("::").map_or((link, ""), |end| link.split_at(end)))
}

fn classic_graph(entries: &[Entry], folder: &str, manifests: &BTreeMap<&str, Manifest>) -> Graph {
    let mut graph = Graph::default();
    let index = Index::new(entries);
    // Folders that are linked to are noted with the version 0.0.0; the projects that link to them tell where they are.
    let is_link = |entry: &Entry| entry.descriptors.iter().any(|descriptor| descriptor.contains("@link:"));
    let nodes: Vec<Option<NodeId>> = entries
        .iter()
        .map(|entry| package(entry).filter(|_| !is_link(entry)).map(|component| graph.package(component)))
        .collect();
    for (entry, node) in entries.iter().zip(&nodes) {
        let Some(node) = *node else {
            continue;
        };
        for (name, range, scope) in &entry.needs {
            let target = index.exact(name, range).or_else(|| index.only(name));
            if let Some(target) = target.and_then(|place| nodes[place]) {
                graph.depends_on(node, target, *scope);
            }
        }
    }

    let Some(root) = manifests.get(folder) else {
        return graph;
    };
    let workspaces = root.workspaces();
    let inner = |place: &str| place.strip_prefix(folder).and_then(|rest| rest.strip_prefix('/')).is_some_and(|rest| workspaces.contains(rest));
    let projects: Vec<(&str, NodeId, &Manifest)> = manifests
        .iter()
        // A workspace without a name and a version is none to yarn.
        .filter(|(place, own)| **place == folder || (own.name.get().is_some() && own.version.get().is_some() && inner(place)))
        .map(|(place, project)| (*place, graph.project(project.project(FINDER.with(Technique::Manifest))), project))
        .collect();
    let by_name: BTreeMap<&str, NodeId> =
        projects.iter().filter_map(|(_, node, project)| Some((project.name.get()?, *node))).collect();
    let mut folders: BTreeMap<String, NodeId> = projects.iter().map(|(place, node, _)| ((*place).to_owned(), *node)).collect();
    for (place, node, project) in &projects {
        for (name, need) in project.needs(Role::Project) {
            let target = if let Some(link) = need.range.strip_prefix("link:") {
                let linked = paths::join(place, link);
                folders.get(&linked).copied().or_else(|| {
                    let node = graph.package(npm::local(FINDER, name, None, manifests.get(linked.as_str()))?);
                    folders.insert(linked, node);
                    Some(node)
                })
            } else {
                // Folders and archives of a workspace are noted as the root sees them.
                let range = match need.range.strip_prefix("file:") {
                    Some(file) => paths::join(place, file).strip_prefix(folder).map(|inside| format!("file:.{inside}")),
                    None => None,
                };
                let exact = index.exact(name, need.range).or_else(|| index.exact(name, &range?));
                let locked = |entry: usize| if need.is_peer { None } else { nodes[entry] };
                // What is locked is no project of the repository; whoever uses a project provides its peers.
                exact.and_then(locked).or_else(|| by_name.get(name).copied()).or_else(|| index.only(name).and_then(locked))
            };
            if let Some(target) = target {
                graph.depends_on(*node, target, need.scope);
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
    fn packages_end_at_the_limit() {
        for (count, is_read) in [(ENTRIES_MAX - 1, true), (ENTRIES_MAX, true), (ENTRIES_MAX + 1, false)] {
            assert_eq!(parse_classic(&"a@1:\n".repeat(count)).is_ok(), is_read, "{count}");
        }
    }

    #[test]
    fn lines_end_at_the_limit() {
        for (lines, is_read) in [(LINES_MAX - 1, true), (LINES_MAX, true), (LINES_MAX + 1, false)] {
            assert_eq!(parse_classic(&"\n".repeat(lines)).is_ok(), is_read, "{lines}");
        }
    }

    #[test]
    fn what_is_no_lockfile_is_unknown() {
        insta::assert_snapshot!(
            check(&[
                ("/a/yarn.lock", r"bogus"),
                ("/b/yarn.lock", r""),
                ("/c/yarn.lock", r#"a@1:
  version "1
"#),
                ("/d/yarn.lock", r#"__metadata:
  version: 6
"a@npm:1":
  version: [1]
"#),
                ("/e/yarn.lock", r#"  version "1"
"#),
                ("/f/yarn.lock", r#"a b@1:
  version "x y"
"#),
            ]),
            @r"
            unknown /a/yarn.lock: the lockfile has an odd line 1
            unknown /c/yarn.lock: the lockfile has an odd line 2
            unknown /d/yarn.lock: the file is not YAML of the expected form, line 4
            unknown /e/yarn.lock: the lockfile has an odd line 1
            "
        );
    }

    #[test]
    fn classic() {
        insta::assert_snapshot!(
            check(&[
                ("/app/yarn.lock", r#"# yarn lockfile v1


a@^1.0.0, a@^1.1.0:
  version "1.2.0"
  resolved "https://registry.yarnpkg.com/a/-/a-1.2.0.tgz#aea74d5e61c1f899613bf64bda66d4c78f2fd17d"
  dependencies:
    "@s/b" "^2.0.0"
    none "^1.0.0"
    overridden "^9.0.0"
  optionalDependencies:
    o "^1.0.0"

"@s/b@^2.0.0":
  version "2.0.0"
  integrity sha1-rqdNXmHB+JlhO/ZL2mbUx48v0X0=

"alias@npm:real@^1.0.0":
  version "1.0.0"
  resolved "https://registry.yarnpkg.com/real/-/real-1.0.0.tgz"

d@^1.0.0:
  version "1.0.0"

"o@^1.0.0":
  version "1.0.0"

overridden@1.0.0:
  version "1.0.0"

"git@https://example.org/o/git.git#v1":
  version "1.3.0"
  resolved "https://example.org/o/git.git#31d26945cb3b4ad21d2308776e4442c461666390"
"#),
                ("/app/package.json", r#"{"private": true, "workspaces": ["packages/*"], "dependencies": {"a": "^1.1.0", "alias": "npm:real@^1.0.0"}, "devDependencies": {"d": "^1.0.0"}}"#),
                ("/app/packages/one/package.json", r#"{"name": "one", "version": "0.1.0", "dependencies": {"o": "^1.0.0", "two": "*"}}"#),
                ("/app/packages/two/package.json", r#"{"name": "two", "version": "0.2.0", "peerDependencies": {"a": "^1.0.0"}}"#),
            ]),
            @r"
            npm @s/b@2.0.0 pkg:npm/%40s/b@2.0.0 transitive Sha1=aea74d5e61c1f899613bf64bda66d4c78f2fd17d at /app/yarn.lock
            npm a@1.2.0 pkg:npm/a@1.2.0 direct Sha1=aea74d5e61c1f899613bf64bda66d4c78f2fd17d at /app/yarn.lock
            npm d@1.0.0 pkg:npm/d@1.0.0 development direct at /app/yarn.lock
            npm git@1.3.0 pkg:npm/git@1.3.0?vcs_url=https:%2F%2Fexample.org%2Fo%2Fgit.git%2331d26945cb3b4ad21d2308776e4442c461666390 at /app/yarn.lock
            npm o@1.0.0 pkg:npm/o@1.0.0 direct at /app/yarn.lock
            npm one@0.1.0 pkg:npm/one@0.1.0 direct at /app/yarn.lock
            npm overridden@1.0.0 pkg:npm/overridden@1.0.0 transitive at /app/yarn.lock
            npm real@1.0.0 pkg:npm/real@1.0.0 direct at /app/yarn.lock
            npm two@0.2.0 pkg:npm/two@0.2.0 direct at /app/yarn.lock
            root -> a@1.2.0
            root -development-> d@1.0.0
            root -> one@0.1.0
            root -> real@1.0.0
            root -> two@0.2.0
            a@1.2.0 -> @s/b@2.0.0
            a@1.2.0 -optional-> o@1.0.0
            a@1.2.0 -> overridden@1.0.0
            one@0.1.0 -> o@1.0.0
            one@0.1.0 -> two@0.2.0
            "
        );
    }

    #[test]
    fn berry() {
        insta::assert_snapshot!(
            check(&[
                ("/app/yarn.lock", r#"__metadata:
  version: 8
  cacheKey: 10c0

"a@npm:^1.0.0, a@npm:^1.1.0":
  version: 1.2.0
  resolution: "a@npm:1.2.0"
  dependencies:
    b: "npm:^2.0.0"
    o: ^1.0.0
    "t": "npm:4"
  dependenciesMeta:
    o:
      optional: true
  checksum: 10c0/abc
  languageName: node
  linkType: hard

"b@npm:^2.0.0":
  version: 2.0.0
  resolution: "b@npm:2.0.0"

"alias@npm:real@^1.0.0":
  version: 1.0.0
  resolution: "real@npm:1.0.0"

"d@npm:^1.0.0":
  version: 1.0.0
  resolution: "d@npm:1.0.0"

"o@npm:^1.0.0":
  version: 1.0.0
  resolution: "o@npm:1.0.0"

"t@npm:4":
  version: 4.0.0
  resolution: "t@npm:4.0.0"

"t@patch:t@npm%3A4#optional!builtin<compat/t>":
  version: 4.0.0
  resolution: "t@patch:t@npm%3A4.0.0#optional!builtin<compat/t>::version=4.0.0&hash=1"

"git@git@example.org:o/git.git":
  version: 1.3.0
  resolution: "git@git@example.org:o/git.git#commit=0123"

"app@workspace:.":
  version: 0.0.0-use.local
  resolution: "app@workspace:."
  dependencies:
    a: "npm:^1.1.0"
    alias: "npm:real@^1.0.0"
    d: "npm:^1.0.0"
    one: "workspace:*"
  languageName: unknown
  linkType: soft

"one@workspace:*, one@workspace:packages/one":
  version: 0.0.0-use.local
  resolution: "one@workspace:packages/one"
  dependencies:
    o: "npm:^1.0.0"
"#),
                ("/app/package.json", r#"{"name": "app", "dependencies": {"a": "^1.1.0", "alias": "npm:real@^1.0.0", "one": "workspace:*"}, "devDependencies": {"d": "^1.0.0"}}"#),
                ("/app/packages/one/package.json", r#"{"name": "one", "version": "0.1.0"}"#),
            ]),
            @r#"
            npm a@1.2.0 pkg:npm/a@1.2.0 direct at /app/yarn.lock
            npm b@2.0.0 pkg:npm/b@2.0.0 transitive at /app/yarn.lock
            npm d@1.0.0 pkg:npm/d@1.0.0 development direct at /app/yarn.lock
            npm git@1.3.0 pkg:npm/git@1.3.0?vcs_url=git%40example.org:o%2Fgit.git%23commit%3D0123 at /app/yarn.lock
            npm o@1.0.0 pkg:npm/o@1.0.0 direct at /app/yarn.lock
            npm one@0.1.0 pkg:npm/one@0.1.0 direct at /app/yarn.lock
            npm real@1.0.0 pkg:npm/real@1.0.0 direct at /app/yarn.lock
            npm t@4.0.0 pkg:npm/t@4.0.0 transitive npm:patched="true" at /app/yarn.lock
            root -> a@1.2.0
            root -development-> d@1.0.0
            root -> one@0.1.0
            root -> real@1.0.0
            a@1.2.0 -> b@2.0.0
            a@1.2.0 -optional-> o@1.0.0
            a@1.2.0 -> t@4.0.0
            one@0.1.0 -> o@1.0.0
            "#
        );
    }

    #[test]
    fn classic_workspaces_with_names_of_the_registry() {
        insta::assert_snapshot!(
            check(&[
                ("/app/yarn.lock", r#"# yarn lockfile v1

taken@^1.0.0:
  version "1.1.0"

"local@file:./packages/a/local":
  version "1.0.0"

"local@file:./packages/b/local":
  version "2.0.0"
"#),
                ("/app/package.json", r#"{"name": "app", "version": "0.1.0", "workspaces": ["packages/*"], "dependencies": {"taken": "^9.0.0", "linked": "link:./linked", "gone": "link:./gone"}}"#),
                ("/app/packages/a/package.json", r#"{"name": "a", "version": "0.2.0", "dependencies": {"taken": "^1.0.0", "local": "file:./local"}}"#),
                ("/app/packages/b/package.json", r#"{"name": "b", "version": "0.3.0", "dependencies": {"local": "file:local"}}"#),
                ("/app/packages/nameless/package.json", r#"{"dependencies": {"taken": "^1.0.0"}}"#),
                ("/app/packages/taken/package.json", r#"{"name": "taken", "version": "9.0.0"}"#),
                ("/app/linked/package.json", r#"{"name": "linked", "version": "7.0.0"}"#),
            ]),
            @r"
            npm a@0.2.0 pkg:npm/a@0.2.0 direct at /app/yarn.lock
            npm app@0.1.0 pkg:npm/app@0.1.0 direct at /app/yarn.lock
            npm b@0.3.0 pkg:npm/b@0.3.0 direct at /app/yarn.lock
            npm gone pkg:npm/gone direct at /app/yarn.lock
            npm linked@7.0.0 pkg:npm/linked@7.0.0 direct at /app/yarn.lock
            npm local@1.0.0 pkg:npm/local@1.0.0 direct at /app/yarn.lock
            npm local@2.0.0 pkg:npm/local@2.0.0 direct at /app/yarn.lock
            npm taken@1.1.0 pkg:npm/taken@1.1.0 direct at /app/yarn.lock
            npm taken@9.0.0 pkg:npm/taken@9.0.0 direct at /app/yarn.lock
            root -> a@0.2.0
            root -> app@0.1.0
            root -> b@0.3.0
            root -> taken@9.0.0
            a@0.2.0 -> local@1.0.0
            a@0.2.0 -> taken@1.1.0
            app@0.1.0 -> gone
            app@0.1.0 -> linked@7.0.0
            app@0.1.0 -> taken@9.0.0
            b@0.3.0 -> local@2.0.0
            "
        );
    }

    const PEERS: &str = r#"__metadata:
  version: 8

"app@workspace:.":
  version: 0.0.0-use.local
  resolution: "app@workspace:."
  dependencies:
    "@types/host": "npm:^1.0.0"
    wanted: "catalog:newer"
    host: "npm:^1.0.0"
    linked: "link:./linked"
    local: "file:./local"
    peered: "npm:^1.0.0"
    patched: "npm:^1.0.0"
    wants: "npm:^1.0.0"

"one@workspace:packages/one":
  version: 0.0.0-use.local
  resolution: "one@workspace:packages/one"
  dependencies:
    host: "npm:^2.0.0"
    local: "file:./local"
    peered: "npm:^1.0.0"
    wanted: "catalog:"

"@types/host@npm:^1.0.0":
  version: 1.0.0
  resolution: "@types/host@npm:1.0.0"

"host@npm:^1.0.0":
  version: 1.0.0
  resolution: "host@npm:1.0.0"

"host@npm:^2.0.0":
  version: 2.0.0
  resolution: "host@npm:2.0.0"

"linked@link:./linked::locator=app%40workspace%3A.":
  version: 0.0.0-use.local
  resolution: "linked@link:./linked::locator=app%40workspace%3A."

"local@file:./local::locator=app%40workspace%3A.":
  version: 1.0.0
  resolution: "local@file:./local#./local::hash=1&locator=app%40workspace%3A."

"local@file:./local::locator=one%40workspace%3Apackages%2Fone":
  version: 2.0.0
  resolution: "local@file:./local#./local::hash=2&locator=one%40workspace%3Apackages%2Fone"

"patched@npm:1.0.0":
  version: 1.0.0
  resolution: "patched@npm:1.0.0"

"patched@patch:patched@npm%3A1.0.0#./p.patch::locator=app%40workspace%3A.":
  version: 1.0.1
  resolution: "patched@patch:patched@npm%3A1.0.0#./p.patch::version=1.0.1&hash=1&locator=app%40workspace%3A."

"peered@npm:^1.0.0":
  version: 1.0.0
  resolution: "peered@npm:1.0.0"
  peerDependencies:
    host: "*"
    none: "*"
  peerDependenciesMeta:
    maybe:
      optional: true

"wanted@npm:2.0.0":
  version: 2.0.0
  resolution: "wanted@npm:2.0.0"

"wanted@npm:^1.0.0":
  version: 1.0.0
  resolution: "wanted@npm:1.0.0"

"wants@npm:^1.0.0":
  version: 1.0.0
  resolution: "wants@npm:1.0.0"
  dependencies:
    wanted: "npm:^1.0.0"
"#;

    #[test]
    fn berry_peers_resolutions_and_links() {
        insta::assert_snapshot!(
            check(&[
                ("/app/yarn.lock", PEERS),
                ("/app/package.json", r#"{"name": "app", "version": "0.1.0", "resolutions": {"wants/wanted": "2.0.0", "wants@npm:2.0.0/wanted": "npm:^1.0.0", "patched@npm:^1.0.0": "patch:patched@npm%3A1.0.0#./p.patch"}}"#),
                ("/app/.yarnrc.yml", "catalog:\n  wanted: ^1.0.0\ncatalogs:\n  newer:\n    wanted: npm:2.0.0\nnodeLinker: pnp\n"),
                ("/app/packages/one/package.json", r#"{"name": "one", "version": "0.2.0"}"#),
                ("/app/linked/package.json", r#"{"name": "linked", "version": "7.0.0"}"#),
            ]),
            @r#"
            npm @types/host@1.0.0 pkg:npm/%40types/host@1.0.0 direct at /app/yarn.lock
            npm app@0.1.0 pkg:npm/app@0.1.0 direct at /app/yarn.lock
            npm host@1.0.0 pkg:npm/host@1.0.0 direct at /app/yarn.lock
            npm host@2.0.0 pkg:npm/host@2.0.0 direct at /app/yarn.lock
            npm linked@7.0.0 pkg:npm/linked@7.0.0 direct at /app/yarn.lock
            npm local@1.0.0 pkg:npm/local@1.0.0 direct at /app/yarn.lock
            npm local@2.0.0 pkg:npm/local@2.0.0 direct at /app/yarn.lock
            npm one@0.2.0 pkg:npm/one@0.2.0 direct at /app/yarn.lock
            npm patched@1.0.0 pkg:npm/patched@1.0.0 at /app/yarn.lock
            npm patched@1.0.1 pkg:npm/patched@1.0.1 direct npm:patched="true" at /app/yarn.lock
            npm peered@1.0.0 pkg:npm/peered@1.0.0 direct at /app/yarn.lock
            npm wanted@1.0.0 pkg:npm/wanted@1.0.0 direct at /app/yarn.lock
            npm wanted@2.0.0 pkg:npm/wanted@2.0.0 direct at /app/yarn.lock
            npm wants@1.0.0 pkg:npm/wants@1.0.0 direct at /app/yarn.lock
            root -> app@0.1.0
            root -> one@0.2.0
            app@0.1.0 -> @types/host@1.0.0
            app@0.1.0 -> host@1.0.0
            app@0.1.0 -> linked@7.0.0
            app@0.1.0 -> local@1.0.0
            app@0.1.0 -> patched@1.0.1
            app@0.1.0 -> peered@1.0.0
            app@0.1.0 -> wanted@2.0.0
            app@0.1.0 -> wants@1.0.0
            one@0.2.0 -> host@2.0.0
            one@0.2.0 -> local@2.0.0
            one@0.2.0 -> peered@1.0.0
            one@0.2.0 -> wanted@1.0.0
            peered@1.0.0 -optional-> @types/host@1.0.0
            peered@1.0.0 -> host@1.0.0
            peered@1.0.0 -> host@2.0.0
            wants@1.0.0 -> wanted@2.0.0
            "#
        );
    }

    #[test]
    fn patterns_of_resolutions() {
        type Specifier = (&'static str, Option<&'static str>);
        let check = |pattern: &str, expected: Option<(Option<Specifier>, Specifier)>| {
            let found = Resolution::parse(pattern, "1.0.0").map(|found| (found.dependent, found.dependency));
            assert_eq!(found, expected, "{pattern}");
        };
        check("a/b/c", None);
        check("@s/a/@s/b/c", None);
        check("a", Some((None, ("a", None))));
        check("@s/a", Some((None, ("@s/a", None))));
        check("@s/a@npm:^1", Some((None, ("@s/a", Some("npm:^1")))));
        check("p/a", Some((Some(("p", None)), ("a", None))));
        check("@s/p@npm:1.0.0/@s/a@^1", Some((Some(("@s/p", Some("npm:1.0.0"))), ("@s/a", Some("^1")))));
    }

    #[test]
    fn resolutions_end_at_the_limit() {
        for (before, is_read) in [(RESOLUTIONS_MAX - 2, true), (RESOLUTIONS_MAX - 1, true), (RESOLUTIONS_MAX, false)] {
            let mut resolutions: Vec<String> = (0..before).map(|index| format!(r#""a{index:05}": "1""#)).collect();
            resolutions.push(r#""b": "npm:2""#.to_owned());
            let manifest = format!(r#"{{"name": "app", "version": "1.0.0", "resolutions": {{{}}}}}"#, resolutions.join(", "));
            let lock = r#"__metadata:
  version: 8
"app@workspace:.":
  resolution: "app@workspace:."
  dependencies:
    b: "npm:1"
"b@npm:1":
  version: 1.0.0
  resolution: "b@npm:1.0.0"
"b@npm:2":
  version: 2.0.0
  resolution: "b@npm:2.0.0"
"#;
            let found = check(&[("/yarn.lock", lock), ("/package.json", &manifest)]);
            assert_eq!(found.contains("app@1.0.0 -> b@2.0.0"), is_read, "{before}: {found}");
        }
    }
}
