//! bun's text lockfile, `bun.lock`: JSON with trailing commas.
//!
//! A package's key is its path through the `node_modules` folders: `name`, or `outer/name` for a copy that only `outer` sees.

use std::collections::BTreeMap;
use std::fmt;

use component::{PackageType, Scope, Technique};
use serde::Deserialize;
use serde::de::value::MapAccessDeserializer;
use serde::de::{Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};

use crate::Refusal;
use crate::cataloger::{Abilities, Cataloger, Claim, Edges, Evidence, Findings, Keep, Pattern, Versions};
use crate::ecosystems::documents::{
    Entries, Flag, Names, Words, document, from_json, otherwise_default, read_list, refusal, spend, without_comments,
};
use crate::ecosystems::graph::{Graph, NodeId};
use crate::ecosystems::identity::Finder;
use crate::ecosystems::npm::{self, Manifest, Role, Unsearched};
use crate::ecosystems::paths;
use crate::view::View;

/// bun's text lockfile.
pub(crate) const CATALOGER: Cataloger = Cataloger {
    name: "bun-lock",
    summary: "bun.lock, the text form",
    evidence: Evidence::Declared,
    claims: &[
        Claim { pattern: Pattern::Path("**/bun.lock"), keep: Keep::Bytes { limit_bytes: npm::LOCK_BYTES_MAX } },
        Claim { pattern: Pattern::Path("**/package.json"), keep: Keep::Bytes { limit_bytes: npm::MANIFEST_BYTES_MAX } },
    ],
    abilities: Abilities { packages: &[PackageType::Npm], versions: Versions::Exact, edges: Edges::Complete, licenses: false, files: false, hashes: true },
    catalog,
};

const FINDER: Finder = Finder { name: CATALOGER.name, technique: Technique::Lockfile };

document! {
    struct Lock {
        workspaces: Entries<Manifest> = "workspaces",
        packages: Entries<Package> = "packages",
    }
}

/// A package as a list: its name and reference, its registry, its dependencies, its digest; which of them there are depends on the reference.
#[derive(Debug, Clone, Default)]
struct Package(Vec<Field>);

#[derive(Debug, Clone, Default)]
enum Field {
    Text(Box<str>),
    Information(Box<Information>),
    #[default]
    Other,
}

impl Field {
    fn as_str(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            _ => None,
        }
    }
}

impl<'de> Deserialize<'de> for Package {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Shape;
        impl<'de> Visitor<'de> for Shape {
            type Value = Package;
            otherwise_default!(scalars, flag, text, map);
            fn visit_seq<A: SeqAccess<'de>>(self, list: A) -> Result<Package, A::Error> {
                read_list(list).map(Package)
            }
        }
        deserializer.deserialize_any(Shape)
    }
}

impl<'de> Deserialize<'de> for Field {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Shape;
        impl<'de> Visitor<'de> for Shape {
            type Value = Field;
            otherwise_default!(scalars, flag, list);
            fn visit_str<E>(self, text: &str) -> Result<Field, E> {
                Ok(Field::Text(text.into()))
            }
            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Field, A::Error> {
                spend(size_of::<Information>())?;
                let information = Information::deserialize(MapAccessDeserializer::new(map))?;
                Ok(Field::Information(Box::new(information)))
            }
        }
        deserializer.deserialize_any(Shape)
    }
}

document! {
    struct Information {
        dependencies: Names = "dependencies",
        optional_dependencies: Names = "optionalDependencies",
        peer_dependencies: Names = "peerDependencies",
        optional_peers: Words = "optionalPeers",
        bundled: Flag = "bundled",
    }
}

impl Information {
    fn is_empty(&self) -> bool {
        [&self.dependencies, &self.optional_dependencies, &self.peer_dependencies].iter().all(|group| group.0.is_empty())
    }
}

fn catalog(view: &View<'_>, findings: &mut Findings) {
    for file in view.files(0).filter(|file| !file.path().contains("/node_modules/") && !file.bytes().is_empty()) {
        let folder = paths::folder(file.path());
        let manifest = |inside: &str| -> Option<Manifest> {
            from_json(view.file(&format!("{}/package.json", paths::join(folder, inside)))?.bytes()).ok()
        };
        match graph(file.bytes(), &manifest) {
            Ok((mut graph, unsearched)) => {
                graph.locate(&file.location());
                graph.report(findings);
                unsearched.report(file.location(), findings);
            }
            Err(refusal) => findings.unknown(file.location(), refusal.0),
        }
    }
}

/// Makes the graph of a lockfile; `manifest` returns that of a folder beside it.
fn graph(bytes: &[u8], manifest: &dyn Fn(&str) -> Option<Manifest>) -> Result<(Graph, Unsearched), Refusal> {
    let lock: Lock = from_json(&without_comments(bytes)).map_err(|error| refusal("lockfile", &error))?;
    let mut graph = Graph::default();
    let mut unsearched = Unsearched::default();
    let mut nodes: BTreeMap<&str, NodeId> = BTreeMap::new();
    let mut projects: BTreeMap<&str, NodeId> = BTreeMap::new();
    let mut needs: Vec<(NodeId, &str, &Information)> = Vec::new();
    let mut manifests: BTreeMap<&str, Option<Manifest>> = BTreeMap::new();

    for (folder, noted) in lock.workspaces.0.iter() {
        let finder = FINDER.with(Technique::Manifest);
        // The version of the project itself is not noted.
        let component = noted.project(finder).or_else(|| manifest(folder)?.project(finder));
        projects.insert(folder, graph.project(component));
    }
    for (key, package) in lock.packages.0.iter() {
        let Package(fields) = package;
        let Some((name, reference)) = fields.first().and_then(Field::as_str).and_then(npm::split_at_version) else {
            continue;
        };
        if let Some(folder) = reference.strip_prefix("workspace:") {
            if let Some(project) = projects.get(folder) {
                nodes.insert(key, *project);
            }
            continue;
        }
        if reference == "root:" {
            if let Some(project) = projects.get("") {
                nodes.insert(key, *project);
            }
            continue;
        }
        let component = match (npm::clean_version(reference).or_else(|| version_in_address(name, reference)), local(reference)) {
            (Some(version), _) => npm::component(FINDER, name, Some(version), None),
            (None, Some(place)) => {
                let own = manifests.entry(place).or_insert_with(|| manifest(place));
                npm::local(FINDER, name, None, own.as_ref())
            }
            (None, None) => npm::component(FINDER, name, None, Some(&address(reference))),
        };
        let Some(mut component) = component else {
            continue;
        };
        let information = fields.iter().find_map(|field| match field {
            Field::Information(information) => Some(&**information),
            _ => None,
        });
        let integrity = fields.iter().skip(1).rev().find_map(Field::as_str);
        component.hashes = npm::hashes(integrity, None);
        if information.is_some_and(|information| information.bundled.0) {
            component.properties.insert("npm:bundled".into(), "true".to_owned());
        }
        let node = graph.package(component);
        nodes.insert(key, node);
        needs.extend(information.map(|information| (node, key, information)));
    }

    for (node, key, information) in needs {
        if information.is_empty() || !unsearched.admits(key) {
            continue;
        }
        let groups = [
            (&information.peer_dependencies.0, Scope::Runtime),
            (&information.dependencies.0, Scope::Runtime),
            (&information.optional_dependencies.0, Scope::Optional),
        ];
        for (group, scope) in groups {
            for name in group.keys().filter(|name| npm::is_name(name)) {
                let is_optional_peer = information.optional_peers.0.iter().any(|peer| peer == name);
                if let Some(target) = find(&nodes, key, name) {
                    graph.depends_on(node, target, if is_optional_peer { Scope::Optional } else { scope });
                }
            }
        }
    }
    for (folder, manifest) in lock.workspaces.0.iter() {
        let Some(project) = projects.get(folder) else {
            continue;
        };
        // A workspace's own copies stand under its name.
        let own = manifest.name.get().filter(|name| !folder.is_empty() && npm::is_name(name));
        let key = own.unwrap_or_default();
        for (name, need) in manifest.needs(Role::Project).into_iter().filter(|(name, _)| npm::is_name(name)) {
            if let Some(target) = find(&nodes, key, name) {
                graph.depends_on(*project, target, need.scope);
            }
        }
    }
    Ok((graph, unsearched))
}

/// Returns the version that a registry serves at this address: `https://host/@scope/name/-/name-1.0.0.tgz`.
fn version_in_address<'a>(name: &str, address: &'a str) -> Option<&'a str> {
    let (_, archive) = address.split_once("/-/")?;
    let bare = name.rsplit('/').next().unwrap_or(name);
    npm::clean_version(archive.strip_prefix(bare)?.strip_prefix('-')?.strip_suffix(".tgz")?)
}

/// Returns the place of a folder or archive of the project, relative to the lockfile.
fn local(reference: &str) -> Option<&str> {
    let is_path = ["./", "../", "/"].iter().any(|start| reference.starts_with(start));
    reference.strip_prefix("file:").or(is_path.then_some(reference))
}

/// Returns the address that a reference stands for, in a form that says what it is.
fn address(reference: &str) -> String {
    match reference.split_once(':') {
        Some(("github", repository)) => format!("git+https://github.com/{repository}"),
        _ => reference.to_owned(),
    }
}

/// Looks for a dependency as Node does: beside the copies of the package itself, then of those around it, then of the project.
fn find(nodes: &BTreeMap<&str, NodeId>, key: &str, name: &str) -> Option<NodeId> {
    let mut outer = key;
    loop {
        if outer.is_empty() {
            return nodes.get(name).copied();
        }
        if let Some(node) = nodes.get(format!("{outer}/{name}").as_str()) {
            return Some(*node);
        }
        outer = without_last(outer);
    }
}

/// Takes the last name, which may have a scope, from a path of names.
fn without_last(key: &str) -> &str {
    let Some((front, _)) = key.rsplit_once('/') else {
        return "";
    };
    match front.rsplit_once('/') {
        Some((outer, scope)) if scope.starts_with('@') => outer,
        None if front.starts_with('@') => "",
        _ => front,
    }
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
                ("/a/bun.lock", r"bogus"),
                ("/b/bun.lock", r""),
                ("/c/bun.lock", r#"{"packages": {"a": [], "b": ["b"], "c": 1, "d": ["d@latest"], "e": ["e f@1.0.0"]}}"#),
            ]),
            @"unknown /a/bun.lock: the lockfile is not JSON (line 1)"
        );
    }

    #[test]
    fn dependencies_are_followed_to_the_limits() {
        for (key, is_searched) in npm::depths::edges("", "/", "deep") {
            let lock = format!(
                r#"{{"packages": {{"a": ["a@1.0.0", "", {{}}, ""], "{key}": ["deep@2.0.0", "", {{"dependencies": {{"a": "1"}}}}, ""]}}}}"#
            );
            let found = check(&[("/bun.lock", &lock)]);
            assert!(found.contains("npm deep@2.0.0"), "{found}");
            assert_eq!(found.contains("deep@2.0.0 -> a@1.0.0"), is_searched, "{} bytes", key.len());
            assert_eq!(found.contains("the dependencies of 1 packages are not followed"), !is_searched, "{} bytes", key.len());
        }
    }

    #[test]
    fn workspaces_copies_and_peers() {
        insta::assert_snapshot!(
            check(&[
                ("/app/bun.lock", r#"{
  // a comment
  "lockfileVersion": 1,
  "workspaces": {
    "": {"name": "app", "dependencies": {"a": "^1", "one": "workspace:*"}, "devDependencies": {"d": "1"},},
    "packages/one": {"name": "one", "version": "0.1.0", "dependencies": {"b": "3"}},
  },
  "packages": {
    "a": ["a@1.0.0", "", {"dependencies": {"b": "2"}, "peerDependencies": {"p": "1", "q": "1"}, "optionalPeers": ["q"]}, "sha1-rqdNXmHB+JlhO/ZL2mbUx48v0X0="],
    "a/b": ["b@2.0.0", "", {"dependencies": {"@s/c": "1"}}, ""],
    "b": ["b@1.0.0", "", {}, ""],
    "one": ["one@workspace:packages/one"],
    "one/b": ["b@3.0.0", "", {}, ""],
    "@s/c": ["@s/c@1.0.0", "", {"optionalDependencies": {"o": "1"}}, ""],
    "d": ["d@1.0.0", "", {"bundled": true}, ""],
    "o": ["o@1.0.0", "", {}, ""],
    "p": ["real-p@1.0.0", "", {}, ""],
    "q": ["q@1.0.0", "", {}, ""],
    "git": ["git@github:o/git#0123", {}, "o-git-0123"],
  },
}"#),
            ]),
            @r#"
            npm @s/c@1.0.0 pkg:npm/%40s/c@1.0.0 transitive at /app/bun.lock
            npm a@1.0.0 pkg:npm/a@1.0.0 direct Sha1=aea74d5e61c1f899613bf64bda66d4c78f2fd17d at /app/bun.lock
            npm b@1.0.0 pkg:npm/b@1.0.0 at /app/bun.lock
            npm b@2.0.0 pkg:npm/b@2.0.0 transitive at /app/bun.lock
            npm b@3.0.0 pkg:npm/b@3.0.0 direct at /app/bun.lock
            npm d@1.0.0 pkg:npm/d@1.0.0 development direct npm:bundled="true" at /app/bun.lock
            npm git pkg:npm/git?vcs_url=git%2Bhttps:%2F%2Fgithub.com%2Fo%2Fgit%230123 at /app/bun.lock
            npm o@1.0.0 pkg:npm/o@1.0.0 optional transitive at /app/bun.lock
            npm one@0.1.0 pkg:npm/one@0.1.0 direct at /app/bun.lock
            npm q@1.0.0 pkg:npm/q@1.0.0 optional transitive at /app/bun.lock
            npm real-p@1.0.0 pkg:npm/real-p@1.0.0 transitive at /app/bun.lock
            root -> a@1.0.0
            root -development-> d@1.0.0
            root -> one@0.1.0
            @s/c@1.0.0 -optional-> o@1.0.0
            a@1.0.0 -> b@2.0.0
            a@1.0.0 -optional-> q@1.0.0
            a@1.0.0 -> real-p@1.0.0
            b@2.0.0 -> @s/c@1.0.0
            one@0.1.0 -> b@3.0.0
            "#
        );
    }

    #[test]
    fn folders_and_archives() {
        insta::assert_snapshot!(
            check(&[
                ("/app/bun.lock", r#"{"workspaces": {"": {"name": "app", "dependencies": {"folder": "file:./folder", "gone": "file:../gone", "packed": "file:./packed.tgz", "served": "https://registry.example/@s/real/-/real-1.0.0-rc.1.tgz", "far": "https://example.org/far.tgz"}}}, "packages": {
 "served": ["@s/real@https://registry.example/@s/real/-/real-1.0.0-rc.1.tgz", {}, ""],
 "far": ["far@https://example.org/far.tgz", {}, ""],
 "folder": ["folder@file:folder", {"dependencies": {"a": "1"}}],
 "gone": ["gone@file:../gone", {"dependencies": {"a": "1"}}],
 "packed": ["packed@./packed.tgz", {"dependencies": {"a": "1"}}, ""],
 "a": ["a@1.0.0", "", {}, ""]}}"#),
                ("/app/package.json", r#"{"name": "app", "version": "0.1.0"}"#),
                ("/app/folder/package.json", r#"{"name": "folder", "version": "2.0.0"}"#),
            ]),
            @r"
            npm @s/real@1.0.0-rc.1 pkg:npm/%40s/real@1.0.0-rc.1 direct at /app/bun.lock
            npm a@1.0.0 pkg:npm/a@1.0.0 transitive at /app/bun.lock
            npm app@0.1.0 pkg:npm/app@0.1.0 direct at /app/bun.lock
            npm far pkg:npm/far?download_url=https:%2F%2Fexample.org%2Ffar.tgz direct at /app/bun.lock
            npm folder@2.0.0 pkg:npm/folder@2.0.0 direct at /app/bun.lock
            npm gone pkg:npm/gone direct at /app/bun.lock
            npm packed pkg:npm/packed direct at /app/bun.lock
            root -> app@0.1.0
            app@0.1.0 -> @s/real@1.0.0-rc.1
            app@0.1.0 -> far
            app@0.1.0 -> folder@2.0.0
            app@0.1.0 -> gone
            app@0.1.0 -> packed
            folder@2.0.0 -> a@1.0.0
            gone -> a@1.0.0
            packed -> a@1.0.0
            "
        );
    }
}
