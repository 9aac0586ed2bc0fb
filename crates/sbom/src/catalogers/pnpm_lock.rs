//! pnpm's lockfiles, versions 5, 6 and 9.
//!
//! A package stands once for each set of peers that it is used with; the keys say which: `/name/1.0.0_peer@2.0.0`, `/name@1.0.0(peer@2.0.0)`,
//! `name@1.0.0(peer@2.0.0)`.

use std::collections::BTreeMap;
use std::fmt;

use component::{PackageType, Scope, Technique};
use serde::de::{Deserializer, IgnoredAny, MapAccess, Visitor};
use serde::Deserialize;

use crate::Refusal;
use crate::cataloger::{Abilities, Cataloger, Claim, Edges, Evidence, Findings, Keep, Pattern, Versions};
use crate::ecosystems::documents::{Mapping, from_json};
use crate::ecosystems::graph::{Graph, NodeId};
use crate::ecosystems::identity::Finder;
use crate::ecosystems::npm::{self, Manifest};
use crate::ecosystems::{paths, yaml};
use crate::view::View;

/// pnpm's lockfiles.
pub(crate) const CATALOGER: Cataloger = Cataloger {
    name: "pnpm-lock",
    summary: "pnpm-lock.yaml, versions 5, 6 and 9",
    evidence: Evidence::Declared,
    claims: &[
        Claim { pattern: Pattern::Path("**/pnpm-lock.yaml"), keep: Keep::Bytes { limit_bytes: npm::LOCK_BYTES_MAX } },
        Claim { pattern: Pattern::Path("**/package.json"), keep: Keep::Bytes { limit_bytes: npm::MANIFEST_BYTES_MAX } },
    ],
    abilities: Abilities { packages: &[PackageType::Npm], versions: Versions::Exact, edges: Edges::Complete, licenses: false, files: false, hashes: true },
    catalog,
};

const FINDER: Finder = Finder { name: CATALOGER.name, technique: Technique::Lockfile };

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Lock {
    lockfile_version: String,
    importers: Mapping<Importer>,
    // Up to version 6 one importer's groups stand here.
    dependencies: Mapping<Reference>,
    dev_dependencies: Mapping<Reference>,
    optional_dependencies: Mapping<Reference>,
    packages: Mapping<Package>,
    snapshots: Mapping<Package>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Importer {
    dependencies: Mapping<Reference>,
    dev_dependencies: Mapping<Reference>,
    optional_dependencies: Mapping<Reference>,
    config_dependencies: Mapping<Reference>,
    package_manager_dependencies: Mapping<Reference>,
}

/// What an importer asks for, and for what.
type Group<'a> = (&'a Mapping<Reference>, Scope);

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Package {
    name: Option<String>,
    version: Option<String>,
    resolution: Resolution,
    dependencies: Mapping<String>,
    optional_dependencies: Mapping<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Resolution {
    integrity: Option<String>,
    tarball: Option<String>,
    repo: Option<String>,
    commit: Option<String>,
    /// Of a folder that is copied as a package, relative to the lockfile's.
    directory: Option<String>,
}

/// What a dependency was resolved to: a version with its peers, a key of another package, an address, or a folder (`link:`).
#[derive(Debug, Default)]
struct Reference(String);

impl<'de> Deserialize<'de> for Reference {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Shape;
        impl<'de> Visitor<'de> for Shape {
            type Value = Reference;
            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("a version, or a mapping that has one")
            }
            fn visit_str<E>(self, version: &str) -> Result<Reference, E> {
                Ok(Reference(version.to_owned()))
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Reference, A::Error> {
                let mut reference = Reference::default();
                while let Some(key) = map.next_key::<String>()? {
                    if key == "version" {
                        reference.0 = map.next_value()?;
                    } else {
                        map.next_value::<IgnoredAny>()?;
                    }
                }
                Ok(reference)
            }
        }
        deserializer.deserialize_any(Shape)
    }
}

fn catalog(view: &View<'_>, findings: &mut Findings) {
    for file in view.files(0).filter(|file| !file.path().contains("/node_modules/") && !file.bytes().is_empty()) {
        let folder = paths::folder(file.path());
        let locks: Vec<Lock> = match yaml::documents(file.bytes()) {
            Ok(locks) => locks,
            Err(refusal) => {
                findings.unknown(file.location(), refusal.0);
                continue;
            }
        };
        let manifest = |folder: &str| -> Option<Manifest> { from_json(view.file(&format!("{folder}/package.json"))?.bytes()).ok() };
        for lock in &locks {
            match graph(lock, folder, &manifest) {
                Ok(mut graph) => {
                    graph.locate(&file.location());
                    graph.report(findings);
                }
                Err(refusal) => findings.unknown(file.location(), refusal.0),
            }
        }
    }
}

/// Splits a key into name and version; what is neither has no version.
fn name_and_version<'a>(key: &'a str, package: &'a Package, format: u32) -> Option<(&'a str, Option<&'a str>)> {
    let bare = key.strip_prefix('/').unwrap_or(key);
    let bare = bare.split('(').next().unwrap_or(bare);
    let split = if format < 6 {
        bare.rsplit_once('/').map(|(name, version)| (name, version.split('_').next().unwrap_or(version)))
    } else {
        npm::split_at_version(bare)
    };
    let named = split.filter(|(name, _)| npm::is_name(name));
    let name = package.name.as_deref().or(named.map(|(name, _)| name))?;
    let version = package.version.as_deref().or(named.map(|(_, version)| version));
    Some((name, version))
}

/// Returns the folders that are projects of this lockfile, with what they ask for.
fn importers(lock: &Lock) -> Vec<(&str, Vec<Group<'_>>)> {
    let only = [(&lock.dependencies, Scope::Runtime), (&lock.optional_dependencies, Scope::Optional), (&lock.dev_dependencies, Scope::Development)];
    let mut importers: Vec<(&str, Vec<Group<'_>>)> = lock
        .importers
        .0
        .iter()
        .map(|(place, importer)| {
            let groups = vec![
                (&importer.dependencies, Scope::Runtime),
                (&importer.optional_dependencies, Scope::Optional),
                (&importer.dev_dependencies, Scope::Development),
                (&importer.config_dependencies, Scope::Development),
                (&importer.package_manager_dependencies, Scope::Development),
            ];
            (place, groups)
        })
        .collect();
    if only.iter().any(|(group, _)| !group.0.is_empty()) {
        importers.push((".", only.to_vec()));
    }
    importers
}

/// Returns the node of a folder that is a project or is used as a package, and makes one where there is none.
fn folder_node(
    graph: &mut Graph,
    folders: &mut BTreeMap<String, NodeId>,
    place: String,
    name: &str,
    version: Option<&str>,
    manifest: &dyn Fn(&str) -> Option<Manifest>,
) -> Option<NodeId> {
    if let Some(node) = folders.get(&place) {
        return Some(*node);
    }
    if !npm::is_name(name) {
        return None;
    }
    let node = graph.package(npm::local(FINDER, name, version, manifest(&place).as_ref())?);
    folders.insert(place, node);
    Some(node)
}

/// Makes the graph of a lockfile that lies in `folder`; `manifest` returns that of a folder.
fn graph(lock: &Lock, folder: &str, manifest: &dyn Fn(&str) -> Option<Manifest>) -> Result<Graph, Refusal> {
    let format = lock.lockfile_version.split('.').next().and_then(|major| major.parse().ok());
    let format: u32 = format.ok_or_else(|| Refusal::new("the lockfile has no version"))?;
    let mut graph = Graph::default();
    let importers = importers(lock);
    // Projects, and folders that are used as packages. Each manifest is read once, however often it is named.
    let mut folders: BTreeMap<String, NodeId> = BTreeMap::new();
    for (place, _) in &importers {
        let place = paths::join(folder, place);
        if folders.contains_key(&place) {
            continue;
        }
        let component = manifest(&place).and_then(|manifest| manifest.project(FINDER.with(Technique::Manifest)));
        folders.insert(place, graph.project(component));
    }
    let mut nodes: BTreeMap<&str, NodeId> = BTreeMap::new();
    // From version 9 on, what a package is and what it was resolved with stand apart.
    let Mapping(resolved) = if lock.snapshots.0.is_empty() { &lock.packages } else { &lock.snapshots };

    for (key, snapshot) in resolved.iter() {
        let package = lock.packages.0.get(key.split('(').next().unwrap_or(key)).unwrap_or(snapshot);
        let Some((name, version)) = name_and_version(key, package, format) else {
            continue;
        };
        let resolution = &package.resolution;
        if let Some(directory) = &resolution.directory {
            let place = paths::join(folder, directory);
            let version = package.version.as_deref();
            nodes.extend(folder_node(&mut graph, &mut folders, place, name, version, manifest).map(|node| (key, node)));
            continue;
        }
        let repository = match (&resolution.repo, &resolution.commit) {
            (Some(repo), Some(commit)) => Some(format!("{}{repo}#{commit}", if repo.starts_with("git") { "" } else { "git+" })),
            _ => None,
        };
        let address = repository.as_deref().or(resolution.tarball.as_deref());
        let Some(mut component) = npm::component(FINDER, name, version, address) else {
            continue;
        };
        component.hashes = npm::hashes(resolution.integrity.as_deref(), None);
        if key.contains("patch_hash=") {
            component.properties.insert("npm:patched".into(), "true".to_owned());
        }
        nodes.insert(key, graph.package(component));
    }

    let find = |name: &str, reference: &str| -> Option<NodeId> {
        let spellings = [reference.to_owned(), format!("/{name}/{reference}"), format!("/{name}@{reference}"), format!("{name}@{reference}")];
        spellings.iter().find_map(|key| nodes.get(key.as_str()).copied())
    };
    for (key, snapshot) in resolved.iter() {
        let Some(node) = nodes.get(key) else {
            continue;
        };
        let groups = [(&snapshot.dependencies, Scope::Runtime), (&snapshot.optional_dependencies, Scope::Optional)];
        for (group, scope) in groups {
            for (name, reference) in group.0.iter() {
                let target = match reference.strip_prefix("link:") {
                    Some(place) => folders.get(&paths::join(folder, place)).copied(),
                    None => find(name, reference),
                };
                if let Some(target) = target {
                    graph.depends_on(*node, target, scope);
                }
            }
        }
    }

    for (place, groups) in &importers {
        let place = paths::join(folder, place);
        let Some(project) = folders.get(&place).copied() else {
            continue;
        };
        for (group, scope) in groups {
            for (name, Reference(reference)) in group.0.iter() {
                let target = match reference.strip_prefix("link:") {
                    Some(linked) => folder_node(&mut graph, &mut folders, paths::join(&place, linked), name, None, manifest),
                    // Where the packages are cut off, this is all that the lockfile says of one.
                    None => find(name, reference).or_else(|| {
                        let version = reference.split(['(', '_']).next();
                        npm::component(FINDER, name, version, None).map(|component| graph.package(component))
                    }),
                };
                if let Some(target) = target {
                    graph.depends_on(project, target, *scope);
                }
            }
        }
    }
    Ok(graph)
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
                ("/a/pnpm-lock.yaml", r"bogus: ["),
                ("/b/pnpm-lock.yaml", r"packages: {}
"),
                ("/c/pnpm-lock.yaml", r""),
                ("/d/pnpm-lock.yaml", r"lockfileVersion: 5.4
packages: &a {}
snapshots: *a
"),
                ("/e/pnpm-lock.yaml", r"lockfileVersion: 5.4
packages:
"),
            ]),
            @r"
            unknown /a/pnpm-lock.yaml: the file is not YAML of the expected form, line 1
            unknown /b/pnpm-lock.yaml: the lockfile has no version
            unknown /d/pnpm-lock.yaml: the file is not YAML of the expected form, line 2
            unknown /e/pnpm-lock.yaml: the file is not YAML of the expected form, line 2
            "
        );
    }

    #[test]
    fn version_5() {
        insta::assert_snapshot!(
            check(&[
                ("/app/pnpm-lock.yaml", r"lockfileVersion: 5.4
specifiers:
  a: ^1.0.0
dependencies:
  a: 1.0.0_p@2.0.0
  alias: /real/1.0.0
devDependencies:
  '@s/d': 1.0.0
packages:
  /a/1.0.0_p@2.0.0:
    resolution: {integrity: sha1-rqdNXmHB+JlhO/ZL2mbUx48v0X0=}
    peerDependencies:
      p: '2'
    dependencies:
      p: 2.0.0
    optionalDependencies:
      o: 1.0.0
    dev: false
  /p/2.0.0:
    resolution: {integrity: x}
  /o/1.0.0:
    optional: true
  /real/1.0.0:
    dev: false
  /@s/d/1.0.0:
    dependencies:
      p: 2.0.0
    dev: true
  github.com/o/git/0123:
    resolution: {tarball: https://codeload.github.com/o/git/tar.gz/0123}
    name: git
    version: 1.3.0
"),
            ]),
            @r"
            npm @s/d@1.0.0 pkg:npm/%40s/d@1.0.0 development direct at /app/pnpm-lock.yaml
            npm a@1.0.0 pkg:npm/a@1.0.0 direct Sha1=aea74d5e61c1f899613bf64bda66d4c78f2fd17d at /app/pnpm-lock.yaml
            npm git@1.3.0 pkg:npm/git@1.3.0?download_url=https:%2F%2Fcodeload.github.com%2Fo%2Fgit%2Ftar.gz%2F0123 at /app/pnpm-lock.yaml
            npm o@1.0.0 pkg:npm/o@1.0.0 optional transitive at /app/pnpm-lock.yaml
            npm p@2.0.0 pkg:npm/p@2.0.0 transitive at /app/pnpm-lock.yaml
            npm real@1.0.0 pkg:npm/real@1.0.0 direct at /app/pnpm-lock.yaml
            root -development-> @s/d@1.0.0
            root -> a@1.0.0
            root -> real@1.0.0
            @s/d@1.0.0 -> p@2.0.0
            a@1.0.0 -optional-> o@1.0.0
            a@1.0.0 -> p@2.0.0
            "
        );
    }

    #[test]
    fn version_6() {
        insta::assert_snapshot!(
            check(&[
                ("/app/pnpm-lock.yaml", r"lockfileVersion: '6.0'
dependencies:
  a:
    specifier: ^1.0.0
    version: 1.0.0(p@2.0.0)
packages:
  /a@1.0.0(p@2.0.0):
    dependencies:
      p: 2.0.0
  /p@2.0.0:
    resolution: {integrity: x}
"),
            ]),
            @r"
            npm a@1.0.0 pkg:npm/a@1.0.0 direct at /app/pnpm-lock.yaml
            npm p@2.0.0 pkg:npm/p@2.0.0 transitive at /app/pnpm-lock.yaml
            root -> a@1.0.0
            a@1.0.0 -> p@2.0.0
            "
        );
    }

    #[test]
    fn version_9_with_importers_and_peers() {
        insta::assert_snapshot!(
            check(&[
                ("/app/pnpm-lock.yaml", r"lockfileVersion: '9.0'
importers:
  .:
    dependencies:
      a:
        specifier: ^1.0.0
        version: 1.0.0(p@2.0.0)
      one:
        specifier: workspace:*
        version: link:packages/one
    devDependencies:
      alias:
        specifier: npm:@s/real@1
        version: '@s/real@1.0.0'
  packages/one:
    dependencies:
      a:
        specifier: ^1.0.0
        version: 1.0.0(p@3.0.0)
      git:
        specifier: github:o/git
        version: https://codeload.github.com/o/git/tar.gz/0123
packages:
  a@1.0.0:
    resolution: {integrity: sha1-rqdNXmHB+JlhO/ZL2mbUx48v0X0=}
    peerDependencies:
      p: '>=2'
  p@2.0.0:
    resolution: {integrity: x}
  p@3.0.0:
    resolution: {integrity: x}
  '@s/real@1.0.0':
    resolution: {integrity: x}
  git@https://codeload.github.com/o/git/tar.gz/0123:
    resolution: {tarball: https://codeload.github.com/o/git/tar.gz/0123}
    version: 1.3.0
snapshots:
  a@1.0.0(p@2.0.0):
    dependencies:
      p: 2.0.0
  a@1.0.0(p@3.0.0):
    dependencies:
      p: 3.0.0
  p@2.0.0: {}
  p@3.0.0: {}
  '@s/real@1.0.0': {}
  git@https://codeload.github.com/o/git/tar.gz/0123: {}
"),
                ("/app/packages/one/package.json", r#"{"name": "one", "version": "0.1.0"}"#),
            ]),
            @r"
            npm @s/real@1.0.0 pkg:npm/%40s/real@1.0.0 development direct at /app/pnpm-lock.yaml
            npm a@1.0.0 pkg:npm/a@1.0.0 direct Sha1=aea74d5e61c1f899613bf64bda66d4c78f2fd17d at /app/pnpm-lock.yaml
            npm git@1.3.0 pkg:npm/git@1.3.0?download_url=https:%2F%2Fcodeload.github.com%2Fo%2Fgit%2Ftar.gz%2F0123 direct at /app/pnpm-lock.yaml
            npm one@0.1.0 pkg:npm/one@0.1.0 direct at /app/pnpm-lock.yaml
            npm p@2.0.0 pkg:npm/p@2.0.0 transitive at /app/pnpm-lock.yaml
            npm p@3.0.0 pkg:npm/p@3.0.0 transitive at /app/pnpm-lock.yaml
            root -development-> @s/real@1.0.0
            root -> a@1.0.0
            root -> one@0.1.0
            a@1.0.0 -> p@2.0.0
            a@1.0.0 -> p@3.0.0
            one@0.1.0 -> a@1.0.0
            one@0.1.0 -> git@1.3.0
            "
        );
    }

    #[test]
    fn folders_are_packages_and_projects() {
        insta::assert_snapshot!(
            check(&[
                ("/app/pnpm-lock.yaml", r"lockfileVersion: '9.0'
importers:
  .:
    dependencies:
      folder:
        specifier: file:./vendor/folder
        version: file:vendor/folder
      unknown:
        specifier: file:./vendor/unknown
        version: file:vendor/unknown
      linked:
        specifier: link:../linked
        version: link:../linked
  linked:
    dependencies:
      own:
        specifier: workspace:*
        version: file:own(p@1.0.0)
  own: {}
packages:
  folder@file:vendor/folder:
    resolution: {directory: vendor/folder, type: directory}
  unknown@file:vendor/unknown:
    resolution: {directory: vendor/unknown, type: directory}
  own@file:own:
    resolution: {directory: own, type: directory}
  p@1.0.0:
    resolution: {integrity: x}
snapshots:
  folder@file:vendor/folder:
    dependencies:
      own: link:own
      p: 1.0.0
  unknown@file:vendor/unknown:
    dependencies:
      p: 1.0.0
  own@file:own(p@1.0.0):
    dependencies:
      p: 1.0.0
  p@1.0.0: {}
"),
                ("/app/package.json", r#"{"name": "app", "version": "1.0.0"}"#),
                ("/app/vendor/folder/package.json", r#"{"name": "folder", "version": "2.0.0"}"#),
                ("/app/linked/package.json", r#"{"name": "inner", "version": "3.0.0"}"#),
                ("/linked/package.json", r#"{"name": "outer", "version": "4.0.0"}"#),
                ("/app/own/package.json", r#"{"name": "own", "version": "5.0.0"}"#),
            ]),
            @r"
            npm app@1.0.0 pkg:npm/app@1.0.0 direct at /app/pnpm-lock.yaml
            npm folder@2.0.0 pkg:npm/folder@2.0.0 direct at /app/pnpm-lock.yaml
            npm inner@3.0.0 pkg:npm/inner@3.0.0 direct at /app/pnpm-lock.yaml
            npm outer@4.0.0 pkg:npm/outer@4.0.0 direct at /app/pnpm-lock.yaml
            npm own@5.0.0 pkg:npm/own@5.0.0 direct at /app/pnpm-lock.yaml
            npm p@1.0.0 pkg:npm/p@1.0.0 direct at /app/pnpm-lock.yaml
            npm unknown pkg:npm/unknown direct at /app/pnpm-lock.yaml
            root -> app@1.0.0
            root -> inner@3.0.0
            root -> own@5.0.0
            app@1.0.0 -> folder@2.0.0
            app@1.0.0 -> outer@4.0.0
            app@1.0.0 -> unknown
            folder@2.0.0 -> own@5.0.0
            folder@2.0.0 -> p@1.0.0
            inner@3.0.0 -> own@5.0.0
            own@5.0.0 -> p@1.0.0
            unknown -> p@1.0.0
            "
        );
    }
}
