//! yarn's lockfiles: the format of version 1, and that of versions 2 and later ("berry").
//!
//! Both are flat: a package stands once for all the descriptors (`name@range`) that it was chosen for, and its dependencies are descriptors.

use std::borrow::Cow;
use std::collections::BTreeMap;

use component::{PackageType, Scope, Technique};
use serde::Deserialize;

use crate::Refusal;
use crate::cataloger::{Abilities, Cataloger, Claim, Edges, Evidence, Findings, Keep, Pattern, Versions};
use crate::ecosystems::documents::{Mapping, from_json};
use crate::ecosystems::graph::{Graph, NodeId};
use crate::ecosystems::identity::Finder;
use crate::ecosystems::npm::{self, Manifest, Role};
use crate::ecosystems::{paths, yaml};
use crate::view::View;

/// yarn's lockfiles.
pub(crate) const CATALOGER: Cataloger = Cataloger {
    name: "yarn-lock",
    summary: "yarn.lock of yarn 1 and of yarn 2 and later",
    evidence: Evidence::Declared,
    claims: &[
        Claim { pattern: Pattern::Path("**/yarn.lock"), keep: Keep::Bytes { limit_bytes: npm::LOCK_BYTES_MAX } },
        Claim { pattern: Pattern::Path("**/package.json"), keep: Keep::Bytes { limit_bytes: npm::MANIFEST_BYTES_MAX } },
    ],
    abilities: Abilities { packages: &[PackageType::Npm], versions: Versions::Exact, edges: Edges::Complete, licenses: false, files: false, hashes: true },
    catalog,
};

const FINDER: Finder = Finder { name: CATALOGER.name, technique: Technique::Lockfile };

/// The most lines of a lockfile of version 1; each package takes about eight.
const LINES_MAX: usize = 4_000_000;

/// The most packages of a lockfile of version 1. The largest have twenty thousand.
const ENTRIES_MAX: usize = 100_000;

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
        match parse(file.bytes()) {
            Ok((format, entries)) => {
                let mut graph = graph(format, &entries, paths::folder(file.path()), &manifests);
                graph.locate(&file.location());
                graph.report(findings);
            }
            Err(refusal) => findings.unknown(file.location(), refusal.0),
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
            name: name.to_owned(),
            version: entry.version.clone().unwrap_or_default(),
            resolved: is_elsewhere.then(|| reference.to_owned()),
            integrity: None,
            needs: entry.dependencies.0.iter().map(|(name, range)| (name.to_owned(), range.clone(), scope(name))).collect(),
            workspace: reference.strip_prefix("workspace:").map(str::to_owned),
            is_patched: reference.starts_with("patch:"),
        });
    }
    Ok(entries)
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

    /// Finds the package that a dependency was resolved to. A range that is no descriptor was overridden by the project's `resolutions`; then
    /// it is clear only where there is one package of the name.
    fn find(&self, name: &str, range: &str) -> Option<usize> {
        let spellings = [format!("{name}@{range}"), format!("{name}@npm:{range}")];
        let found = spellings.iter().find_map(|descriptor| self.descriptors.get(descriptor.as_str()).copied());
        found.or_else(|| match self.names.get(name)?.as_slice() {
            [one] => Some(*one),
            _ => None,
        })
    }
}

fn graph(format: Format, entries: &[Entry], folder: &str, manifests: &BTreeMap<&str, Manifest>) -> Graph {
    let mut graph = Graph::default();
    let index = Index::new(entries);
    let manifest = FINDER.with(Technique::Manifest);

    let mut nodes: Vec<Option<NodeId>> = Vec::with_capacity(entries.len());
    for entry in entries {
        nodes.push(match &entry.workspace {
            Some(workspace) => {
                let own = manifests.get(paths::join(folder, workspace).as_str());
                Some(graph.project(own.and_then(|own| own.project(manifest))))
            }
            None => npm::component(FINDER, &entry.name, Some(&entry.version), entry.resolved.as_deref()).map(|mut component| {
                component.hashes = npm::hashes(entry.integrity.as_deref(), entry.resolved.as_deref());
                if entry.is_patched {
                    component.properties.insert("npm:patched".into(), "true".to_owned());
                }
                graph.package(component)
            }),
        });
    }
    for (entry, node) in entries.iter().zip(&nodes) {
        let Some(node) = *node else {
            continue;
        };
        // A workspace's development dependencies stand among the others; only its manifest tells them apart.
        let own = entry.workspace.as_ref().and_then(|workspace| manifests.get(paths::join(folder, workspace).as_str()));
        let needs = own.map(|own| own.needs(Role::Project)).unwrap_or_default();
        for (name, range, scope) in &entry.needs {
            let scope = needs.get(name.as_str()).map_or(*scope, |need| need.scope);
            if let Some(target) = index.find(name, range).and_then(|place| nodes[place]) {
                graph.depends_on(node, target, scope);
            }
        }
    }

    if format == Format::Classic
        && let Some(root) = manifests.get(folder)
    {
        let workspaces = root.workspaces();
        let inner = |place: &str| place.strip_prefix(folder).and_then(|rest| rest.strip_prefix('/')).is_some_and(|rest| workspaces.contains(rest));
        let projects: Vec<(NodeId, &Manifest)> = manifests
            .iter()
            .filter(|(place, _)| **place == folder || inner(place))
            .map(|(_, project)| (graph.project(project.project(manifest)), project))
            .collect();
        let by_name: BTreeMap<&str, NodeId> =
            projects.iter().filter_map(|(node, project)| Some((project.name.get()?, *node))).collect();
        for (node, project) in &projects {
            for (name, need) in project.needs(Role::Project) {
                // A project of the repository goes before a package of the registry; whoever uses a project provides its peers.
                let target = by_name.get(name).copied().or_else(|| nodes[index.find(name, need.range).filter(|_| !need.is_peer)?]);
                if let Some(target) = target {
                    graph.depends_on(*node, target, need.scope);
                }
            }
        }
    }
    graph
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{catalog, render};

    fn check(files: &[(&str, &str)]) -> String {
        let files: Vec<(&str, &[u8])> = files.iter().map(|(path, text)| (*path, text.as_bytes())).collect();
        render(&catalog(&CATALOGER, &files))
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
}
