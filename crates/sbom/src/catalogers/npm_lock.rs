//! npm's lockfiles, versions 1 to 3: `package-lock.json`, `npm-shrinkwrap.json` and the hidden one in `node_modules`.
//!
//! Follows npm's documentation of `package-lock.json`.

use std::collections::{BTreeMap, BTreeSet};

use component::{PackageType, Scope, Technique};

use crate::Refusal;
use crate::cataloger::{Abilities, Cataloger, Claim, Edges, Evidence, Findings, Keep, Pattern, Versions};
use crate::ecosystems::documents::{Dictionary, Entries, Flag, Names, Text, document, from_json, refusal};
use crate::ecosystems::graph::{Graph, NodeId};
use crate::ecosystems::identity::Finder;
use crate::ecosystems::npm::{self, Manifest, Role, Unsearched};
use crate::ecosystems::paths;
use crate::unread::NO_PACKAGE;
use crate::view::View;

/// npm's lockfiles.
pub(crate) const CATALOGER: Cataloger = Cataloger {
    name: "npm-lock",
    summary: "package-lock.json, npm-shrinkwrap.json and node_modules/.package-lock.json",
    evidence: Evidence::Declared,
    claims: &[
        Claim { pattern: Pattern::Path("**/package-lock.json"), keep: LOCK },
        Claim { pattern: Pattern::Path("**/npm-shrinkwrap.json"), keep: LOCK },
        Claim { pattern: Pattern::Path("**/node_modules/.package-lock.json"), keep: LOCK },
        Claim { pattern: Pattern::Path("**/package.json"), keep: Keep::Bytes { limit_bytes: npm::MANIFEST_BYTES_MAX } },
    ],
    abilities: Abilities { packages: &[PackageType::Npm], versions: Versions::Exact, edges: Edges::Complete, licenses: true, files: false, hashes: true },
    catalog,
};

const LOCK: Keep = Keep::Bytes { limit_bytes: npm::LOCK_BYTES_MAX };
const FINDER: Finder = Finder { name: CATALOGER.name, technique: Technique::Lockfile };

document! {
    struct Lock {
        name: Text = "name",
        version: Text = "version",
        packages: Option<Entries<Manifest>> = "packages",
        dependencies: Entries<Nested> = "dependencies",
    }
}

document! {
    /// A package in the tree of version 1.
    struct Nested {
        version: Text = "version",
        resolved: Text = "resolved",
        integrity: Text = "integrity",
        dev: Flag = "dev",
        optional: Flag = "optional",
        bundled: Flag = "bundled",
        requires: Names = "requires",
        dependencies: Entries<Nested> = "dependencies",
    }
}

fn catalog(view: &View<'_>, findings: &mut Findings) {
    for claim in 0..3 {
        for file in view.files(claim) {
            if file.bytes().is_empty() {
                continue;
            }
            let mut project = paths::folder(file.path());
            if claim == 2 {
                project = paths::folder(project);
            } else if is_in_package(project) {
                // A lockfile that was published by accident: npm heeds none of an installed package.
                continue;
            }
            let sibling = view.file(&format!("{project}/package.json")).and_then(|file| from_json::<Manifest>(file.bytes()).ok());
            match graph(file.bytes(), sibling.as_ref()) {
                Ok(Read { mut graph, unsearched, folders }) => {
                    graph.locate(&file.location());
                    graph.report(findings);
                    unsearched.report(file.location(), findings);
                    for folder in folders {
                        findings.unknown(file.location(), format!("`{folder}`{NO_PACKAGE}"));
                    }
                }
                Err(refusal) => findings.unknown(file.location(), refusal.0),
            }
        }
    }
}

fn is_in_package(folder: &str) -> bool {
    folder.contains("/node_modules/")
}

/// What a lockfile says.
struct Read {
    graph: Graph,
    unsearched: Unsearched,
    /// Folders of version 1, of which it says that they are packages, and not of which release.
    folders: BTreeSet<String>,
}

/// Reads a lockfile. `sibling` is the manifest of its project, for what the lockfile itself does not say.
fn graph(bytes: &[u8], sibling: Option<&Manifest>) -> Result<Read, Refusal> {
    let lock: Lock = from_json(bytes).map_err(|error| refusal("lockfile", &error))?;
    let mut folders = BTreeSet::new();
    // The JSON reader admits fewer levels than could be searched.
    let (graph, unsearched) = match &lock.packages {
        Some(packages) => from_packages(&packages.0, sibling),
        None => (from_tree(&lock, sibling, &mut folders), Unsearched::default()),
    };
    Ok(Read { graph, unsearched, folders })
}

/// Returns the name of the package that is installed in this folder.
fn name_in(location: &str) -> Option<&str> {
    let from = match location.rfind("/node_modules/") {
        Some(at) => at + "/node_modules/".len(),
        None => location.strip_prefix("node_modules/").map(|_| "node_modules/".len())?,
    };
    Some(&location[from..])
}

fn scope(dev: Flag, optional: Flag, dev_optional: Flag) -> Scope {
    match (dev.0, optional.0 || dev_optional.0) {
        (true, _) => Scope::Development,
        (false, true) => Scope::Optional,
        (false, false) => Scope::Runtime,
    }
}

/// Versions 2 and 3: packages by their folder, which is where Node looks for them.
fn from_packages(packages: &Dictionary<Manifest>, sibling: Option<&Manifest>) -> (Graph, Unsearched) {
    let mut graph = Graph::default();
    let mut unsearched = Unsearched::default();
    let mut nodes: BTreeMap<&str, NodeId> = BTreeMap::new();
    let links: BTreeMap<&str, &str> = packages
        .iter()
        .filter(|(_, entry)| entry.link.0)
        .filter_map(|(location, entry)| Some((location, entry.resolved.get()?)))
        .collect();
    let names: BTreeMap<&str, &str> = links.iter().filter_map(|(location, target)| Some((*target, name_in(location)?))).collect();
    let root = packages.get("").or(sibling);

    if let Some(root) = root {
        let mut own = root.project(FINDER.with(Technique::Manifest));
        if own.is_none() {
            own = sibling.and_then(|sibling| sibling.project(FINDER.with(Technique::Manifest)));
        }
        nodes.insert("", graph.project(own));
    }
    for (location, entry) in packages.iter().filter(|(location, entry)| !location.is_empty() && !entry.link.0) {
        let resolved = entry.resolved.get();
        let node = if let Some(installed) = name_in(location) {
            let name = entry.name.get().unwrap_or(installed);
            let Some(mut component) = npm::component(FINDER, name, entry.version.get(), resolved) else {
                continue;
            };
            component.licenses = entry.licenses();
            component.hashes = npm::hashes(entry.integrity.get(), resolved);
            if entry.in_bundle.0 {
                component.properties.insert("npm:bundled".into(), "true".to_owned());
            }
            graph.scoped_package(component, scope(entry.dev, entry.optional, entry.dev_optional))
        } else {
            let name = entry.name.get().or(names.get(location).copied()).unwrap_or(paths::split(location).1);
            let component = npm::component(FINDER.with(Technique::Manifest), name, entry.version.get(), None);
            graph.project(component.map(|mut component| {
                component.licenses = entry.licenses();
                component
            }))
        };
        nodes.insert(location, node);
    }

    let entries = packages.iter().filter(|(location, _)| !location.is_empty());
    for (location, entry) in entries.chain(root.map(|root| ("", root))) {
        let Some(node) = nodes.get(location) else {
            continue;
        };
        let role = if name_in(location).is_some() { Role::Package } else { Role::Project };
        let needs = entry.needs(role);
        if needs.is_empty() || !unsearched.admits(location) {
            continue;
        }
        for (name, need) in needs.into_iter().filter(|(name, _)| npm::is_name(name)) {
            // Above a folder beside the project are not the project's own folders.
            let mut candidates =
                npm::candidates("", location, name).filter(|candidate| folders_up(candidate) >= folders_up(location));
            let found = candidates.find_map(|candidate| {
                let place = links.get(candidate.as_str()).copied().unwrap_or(&candidate);
                nodes.get(place)
            });
            if let Some(target) = found {
                graph.depends_on(*node, *target, need.scope);
            }
        }
    }
    if let (Some(root), Some(node)) = (root, nodes.get("")) {
        let workspaces = root.workspaces();
        for (location, workspace) in nodes.iter().filter(|(location, _)| workspaces.contains(location)) {
            if !location.is_empty() {
                graph.depends_on(*node, *workspace, Scope::Runtime);
            }
        }
    }
    (graph, unsearched)
}

/// Returns how many folders up from the project's a path begins.
fn folders_up(path: &str) -> usize {
    path.split('/').take_while(|part| *part == "..").count()
}

/// A package of version 1 and where it stands in the tree of folders.
struct Branch<'a> {
    outer: usize,
    /// `None` for the project, and for what has no name or version.
    node: Option<NodeId>,
    nested: Option<&'a Nested>,
    inner: BTreeMap<&'a str, usize>,
}

/// Version 1: a tree of packages, nested as their folders are.
fn from_tree(lock: &Lock, sibling: Option<&Manifest>, folders: &mut BTreeSet<String>) -> Graph {
    let mut graph = Graph::default();
    let own = lock.name.get().and_then(|name| npm::component(FINDER.with(Technique::Manifest), name, lock.version.get(), None));
    let named = sibling.and_then(|sibling| sibling.project(FINDER.with(Technique::Manifest))).or(own);
    let project = graph.project(named);
    let mut branches = vec![Branch { outer: 0, node: Some(project), nested: None, inner: BTreeMap::new() }];

    let mut queue: Vec<(usize, Scope, &Dictionary<Nested>)> = vec![(0, Scope::Runtime, &lock.dependencies.0)];
    while let Some((outer, outer_scope, packages)) = queue.pop() {
        for (name, nested) in packages.iter() {
            let index = branches.len();
            // Nobody but the outer package sees what is nested in it.
            let scope = scope(nested.dev, nested.optional, Flag(false)).max(outer_scope);
            let node = nested_component(name, nested).map(|component| graph.scoped_package(component, scope));
            if let Some(folder) = nested.version.get().filter(|version| node.is_none() && version.starts_with("file:")) {
                folders.insert(folder.to_owned());
            }
            branches.push(Branch { outer, node, nested: Some(nested), inner: BTreeMap::new() });
            branches[outer].inner.insert(name, index);
            queue.push((index, scope, &nested.dependencies.0));
        }
    }

    for index in 0..branches.len() {
        let Branch { node: Some(node), nested, .. } = &branches[index] else {
            continue;
        };
        let needs: Vec<(&str, Scope)> = match nested {
            Some(nested) => nested.requires.0.keys().map(|name| (name, Scope::Runtime)).collect(),
            None => sibling
                .map(|sibling| sibling.needs(Role::Project).into_iter().map(|(name, need)| (name, need.scope)).collect())
                .unwrap_or_default(),
        };
        for (name, scope) in needs {
            let Some(target) = resolve(&branches, index, name) else {
                continue;
            };
            let is_optional = |nested: Option<&Nested>| nested.is_some_and(|nested| nested.optional.0);
            // The lockfile does not tell optional needs apart; but nothing else makes a package optional that one which is not requires.
            let scope = if is_optional(branches[target].nested) && !is_optional(*nested) { scope.max(Scope::Optional) } else { scope };
            if let Some(target) = branches[target].node {
                graph.depends_on(*node, target, scope);
            }
        }
    }
    graph
}

fn resolve(branches: &[Branch<'_>], from: usize, name: &str) -> Option<usize> {
    let mut index = from;
    loop {
        if let Some(found) = branches[index].inner.get(name) {
            return Some(*found);
        }
        if index == 0 {
            return None;
        }
        index = branches[index].outer;
    }
}

fn nested_component(name: &str, nested: &Nested) -> Option<component::Component> {
    let version = nested.version.get()?;
    let (name, version) = match version.strip_prefix("npm:") {
        Some(alias) => npm::split_at_version(alias)?,
        None => (name, version),
    };
    // What came from an address has the address for a version.
    let (version, resolved) = match npm::clean_version(version) {
        Some(version) => (Some(version), nested.resolved.get()),
        None => (None, Some(version)),
    };
    let mut component = npm::component(FINDER, name, version, resolved)?;
    component.hashes = npm::hashes(nested.integrity.get(), nested.resolved.get());
    if nested.bundled.0 {
        component.properties.insert("npm:bundled".into(), "true".to_owned());
    }
    Some(component)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::found;

    fn check(files: &[(&str, &str)]) -> String {
        found(&CATALOGER, files)
    }

    #[test]
    fn what_is_no_lockfile_is_unknown() {
        insta::assert_snapshot!(
            check(&[
                ("/a/package-lock.json", r#"{"lockfi
}"#),
                ("/b/package-lock.json", r""),
                ("/c/node_modules/x/package-lock.json", r"nonsense"),
                ("/d/npm-shrinkwrap.json", r#"{"packages": {"node_modules/a": {"version": "git"}, "node_modules/b": 1, "x": {}}}"#),
            ]),
            @"unknown /a/package-lock.json: the lockfile is not JSON (line 2)"
        );
    }

    #[test]
    fn dependencies_are_followed_to_the_limits() {
        for (folder, is_searched) in npm::depths::edges("node_modules/", "/node_modules/", "deep") {
            let lock = format!(
                r#"{{"packages": {{"node_modules/a": {{"version": "1.0.0"}}, "{folder}": {{"version": "2.0.0", "dependencies": {{"a": "1"}}}}}}}}"#
            );
            let found = check(&[("/package-lock.json", &lock)]);
            assert!(found.contains("npm deep@2.0.0"), "{found}");
            assert_eq!(found.contains("deep@2.0.0 -> a@1.0.0"), is_searched, "{} bytes", folder.len());
            assert_eq!(found.contains("the dependencies of 1 packages are not followed"), !is_searched, "{} bytes", folder.len());
        }
    }

    #[test]
    fn a_tree_is_read_as_deep_as_its_json() {
        // Each package is two levels of the 127 objects that the reader takes; the lockfile is one more.
        for (levels, is_read) in [(62, true), (63, true), (64, false)] {
            let inner = (0..levels).fold(String::new(), |inner, level| match level {
                0 => r#""p": {"version": "1.0.0"}"#.to_owned(),
                _ => format!(r#""p": {{"version": "1.0.0", "dependencies": {{{inner}}}}}"#),
            });
            let found = check(&[("/package-lock.json", &format!(r#"{{"dependencies": {{{inner}}}}}"#))]);
            assert_eq!(found.contains("npm p@1.0.0"), is_read, "{levels}");
            assert_eq!(found.contains("the lockfile is nested too deeply"), !is_read, "{levels}");
        }
    }

    #[test]
    fn version_3_with_workspaces_aliases_and_flags() {
        insta::assert_snapshot!(
            check(&[
                ("/app/package-lock.json", r#"{"name": "app", "version": "1.0.0", "lockfileVersion": 3, "packages": {
  "": {"name": "app", "version": "1.0.0", "license": "ISC", "workspaces": ["packages/*"], "dependencies": {"a": "1", "alias": "npm:real@1"}, "devDependencies": {"d": "1"}},
  "node_modules/a": {"version": "1.0.0", "resolved": "https://registry.npmjs.org/a/-/a-1.0.0.tgz", "integrity": "sha1-rqdNXmHB+JlhO/ZL2mbUx48v0X0=", "license": "MIT", "dependencies": {"b": "2"}, "optionalDependencies": {"o": "1"}, "peerDependencies": {"q": "1"}, "peerDependenciesMeta": {"q": {"optional": true}}},
  "node_modules/a/node_modules/b": {"version": "2.0.0", "inBundle": true},
  "node_modules/b": {"version": "1.0.0", "dev": true},
  "node_modules/alias": {"name": "real", "version": "1.2.3"},
  "node_modules/d": {"version": "1.0.0", "dev": true, "dependencies": {"b": "1"}},
  "node_modules/o": {"version": "1.0.0", "optional": true},
  "node_modules/q": {"version": "1.0.0", "devOptional": true},
  "node_modules/git": {"version": "1.0.0", "resolved": "git+ssh://git@example.org/o/git.git#0123"},
  "node_modules/@w/one": {"resolved": "packages/one", "link": true},
  "packages/one": {"name": "@w/one", "version": "0.1.0", "dependencies": {"b": "1", "git": "1"}, "devDependencies": {"a": "1"}},
  "node_modules/two": {"resolved": "packages/two", "link": true},
  "packages/two": {"dependencies": {"@w/one": "*", "b": "3"}},
  "packages/two/node_modules/b": {"version": "3.0.0"}
 }}"#),
            ]),
            @r#"
            npm @w/one@0.1.0 pkg:npm/%40w/one@0.1.0 direct at /app/package-lock.json
            npm a@1.0.0 pkg:npm/a@1.0.0 direct license="MIT" Sha1=aea74d5e61c1f899613bf64bda66d4c78f2fd17d at /app/package-lock.json
            npm app@1.0.0 pkg:npm/app@1.0.0 direct license="ISC" at /app/package-lock.json
            npm b@1.0.0 pkg:npm/b@1.0.0 development direct at /app/package-lock.json
            npm b@2.0.0 pkg:npm/b@2.0.0 transitive npm:bundled="true" at /app/package-lock.json
            npm b@3.0.0 pkg:npm/b@3.0.0 direct at /app/package-lock.json
            npm d@1.0.0 pkg:npm/d@1.0.0 development direct at /app/package-lock.json
            npm git@1.0.0 pkg:npm/git@1.0.0?vcs_url=git%2Bssh:%2F%2Fgit%40example.org%2Fo%2Fgit.git%230123 direct at /app/package-lock.json
            npm o@1.0.0 pkg:npm/o@1.0.0 optional transitive at /app/package-lock.json
            npm q@1.0.0 pkg:npm/q@1.0.0 optional transitive at /app/package-lock.json
            npm real@1.2.3 pkg:npm/real@1.2.3 direct at /app/package-lock.json
            root -> @w/one@0.1.0
            root -> app@1.0.0
            root -> b@3.0.0
            @w/one@0.1.0 -development-> a@1.0.0
            @w/one@0.1.0 -> b@1.0.0
            @w/one@0.1.0 -> git@1.0.0
            a@1.0.0 -> b@2.0.0
            a@1.0.0 -optional-> o@1.0.0
            a@1.0.0 -optional-> q@1.0.0
            app@1.0.0 -> @w/one@0.1.0
            app@1.0.0 -> a@1.0.0
            app@1.0.0 -development-> d@1.0.0
            app@1.0.0 -> real@1.2.3
            d@1.0.0 -> b@1.0.0
            "#
        );
    }

    #[test]
    fn a_link_out_of_the_project_has_nothing_of_the_project() {
        let text = check(&[(
            "/app/package-lock.json",
            r#"{"lockfileVersion": 3, "packages": {
  "": {"name": "app", "version": "1.0.0", "dependencies": {"loc": "file:../loc", "far": "file:../../far", "b": "1"}},
  "../../far": {"name": "far", "version": "1.0.0", "dependencies": {"b": "*", "c": "*"}},
  "../loc": {"name": "loc", "version": "1.0.0", "dependencies": {"b": "*", "c": "*"}},
  "../loc/node_modules/c": {"version": "2.0.0"},
  "../node_modules/c": {"version": "1.0.0"},
  "node_modules/b": {"version": "1.0.0"},
  "node_modules/far": {"resolved": "../../far", "link": true},
  "node_modules/loc": {"resolved": "../loc", "link": true}
 }}"#,
        )]);
        let edges: Vec<&str> = text.lines().filter(|line| line.contains("-> ")).collect();
        let expected =
            ["root -> app@1.0.0", "root -> far@1.0.0", "root -> loc@1.0.0", "app@1.0.0 -> b@1.0.0", "app@1.0.0 -> far@1.0.0", "app@1.0.0 -> loc@1.0.0", "loc@1.0.0 -> c@2.0.0"];
        assert_eq!(edges, expected, "{text}");
    }

    #[test]
    fn version_1_is_a_tree() {
        insta::assert_snapshot!(
            check(&[
                ("/app/package-lock.json", r#"{"requires": true, "lockfileVersion": 1, "dependencies": {
  "a": {"version": "1.0.0", "integrity": "sha1-rqdNXmHB+JlhO/ZL2mbUx48v0X0=", "requires": {"b": "1", "o": "1", "none": "1"}, "dependencies": {"b": {"version": "2.0.0", "bundled": true}}},
  "b": {"version": "1.0.0"},
  "o": {"version": "1.0.0", "optional": true, "requires": {"b": "1"}},
  "alias": {"version": "npm:@s/real@4.2.2"},
  "git": {"version": "git+https://example.org/o/git.git#0123", "from": "git+https://example.org/o/git.git"},
  "local": {"version": "file:../local"},
  "d": {"version": "1.0.0", "dev": true}}}"#),
                ("/app/package.json", r#"{"name": "app", "version": "3.0.0", "dependencies": {"a": "^1", "alias": "x"}, "devDependencies": {"d": "1"}}"#),
            ]),
            @r#"
            npm @s/real@4.2.2 pkg:npm/%40s/real@4.2.2 direct at /app/package-lock.json
            npm a@1.0.0 pkg:npm/a@1.0.0 direct Sha1=aea74d5e61c1f899613bf64bda66d4c78f2fd17d at /app/package-lock.json
            npm app@3.0.0 pkg:npm/app@3.0.0 direct at /app/package-lock.json
            npm b@1.0.0 pkg:npm/b@1.0.0 transitive at /app/package-lock.json
            npm b@2.0.0 pkg:npm/b@2.0.0 transitive npm:bundled="true" at /app/package-lock.json
            npm d@1.0.0 pkg:npm/d@1.0.0 development direct at /app/package-lock.json
            npm git pkg:npm/git?vcs_url=git%2Bhttps:%2F%2Fexample.org%2Fo%2Fgit.git%230123 at /app/package-lock.json
            npm o@1.0.0 pkg:npm/o@1.0.0 optional transitive at /app/package-lock.json
            root -> app@3.0.0
            a@1.0.0 -> b@2.0.0
            a@1.0.0 -optional-> o@1.0.0
            app@3.0.0 -> @s/real@4.2.2
            app@3.0.0 -> a@1.0.0
            app@3.0.0 -development-> d@1.0.0
            o@1.0.0 -> b@1.0.0
            unknown /app/package-lock.json: `file:../local` does not say which package it is
            "#
        );
    }

    #[test]
    fn the_hidden_lockfile_belongs_to_the_project_around_it() {
        insta::assert_snapshot!(
            check(&[
                ("/app/node_modules/.package-lock.json", r#"{"packages": {"node_modules/a": {"version": "1.0.0", "dependencies": {"b": "1"}}, "node_modules/b": {"version": "1.0.0"}}}"#),
                ("/app/package.json", r#"{"dependencies": {"a": "1"}}"#),
            ]),
            @r"
            npm a@1.0.0 pkg:npm/a@1.0.0 direct at /app/node_modules/.package-lock.json
            npm b@1.0.0 pkg:npm/b@1.0.0 transitive at /app/node_modules/.package-lock.json
            root -> a@1.0.0
            a@1.0.0 -> b@1.0.0
            "
        );
    }
}
