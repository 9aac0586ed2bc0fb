//! Cargo's lockfile, versions 1 to 4.

use std::collections::BTreeMap;

use component::{Component, PackageType, Scope, Technique};
use serde::Deserialize;
use toml::{Table, Value};

use crate::Refusal;
use crate::cataloger::{Abilities, Cataloger, Claim, Edges, Evidence, Findings, Keep, Pattern, Versions};
use crate::ecosystems::cargo;
use crate::ecosystems::documents::{from_toml, toml_table};
use crate::ecosystems::digests;
use crate::ecosystems::graph::{Graph, NodeId};
use crate::ecosystems::identity::{Finder, PurlParts, is_word, purl};
use crate::ecosystems::paths;
use crate::view::View;

/// Cargo's lockfile.
pub(crate) const CATALOGER: Cataloger = Cataloger {
    name: "cargo-lock",
    summary: "Cargo.lock, with Cargo.toml for what is for development",
    evidence: Evidence::Declared,
    claims: &[
        Claim { pattern: Pattern::Path("**/Cargo.lock"), keep: Keep::Bytes { limit_bytes: 32 << 20 } },
        Claim { pattern: Pattern::Path("**/Cargo.toml"), keep: Keep::Bytes { limit_bytes: 4 << 20 } },
    ],
    abilities: Abilities { packages: &[PackageType::RustCrate], versions: Versions::Exact, edges: Edges::Complete, licenses: false, files: false, hashes: true },
    catalog,
};

const FINDER: Finder = Finder { name: CATALOGER.name, technique: Technique::Lockfile };

/// The registry that a purl means unless it says otherwise, by its two protocols.
const CRATES_IO: [&str; 2] = ["registry+https://github.com/rust-lang/crates.io-index", "sparse+https://index.crates.io/"];

/// The most packages of one name that are told apart; large graphs have up to ten.
const VERSIONS_MAX: usize = 1024;

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Lock {
    package: Vec<Package>,
    /// Up to version 2 an own package stood apart.
    root: Option<Package>,
    /// In version 1 the checksums stand here, under `checksum name version (source)`.
    metadata: BTreeMap<String, String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Package {
    name: String,
    version: String,
    source: Option<String>,
    checksum: Option<String>,
    dependencies: Vec<String>,
}

fn catalog(view: &View<'_>, findings: &mut Findings) {
    for file in view.files(0).filter(|file| !file.bytes().is_empty()) {
        let folder = paths::folder(file.path());
        let inside = |path: &str| path.strip_prefix(folder).is_some_and(|rest| rest.starts_with('/'));
        let manifests: Vec<Table> = view.files(1).filter(|file| inside(file.path())).filter_map(|file| toml_table(file.bytes())).collect();
        let root = view.file(&format!("{folder}/Cargo.toml")).and_then(|file| toml_table(file.bytes()));
        match graph(file.bytes(), &needs_of(&manifests, root.as_ref())) {
            Ok(mut graph) => {
                graph.locate(&file.location());
                graph.report(findings);
            }
            Err(refusal) => findings.unknown(file.location(), refusal.0),
        }
    }
}

/// For each package of the project, what it needs and for what.
type Needs = BTreeMap<String, BTreeMap<String, Scope>>;

fn needs_of(manifests: &[Table], root: Option<&Table>) -> Needs {
    let shared = root.and_then(|root| root.get("workspace")?.get("dependencies")?.as_table());
    let mut found = Needs::new();
    for manifest in manifests {
        let Some(name) = manifest.get("package").and_then(|package| package.get("name")).and_then(Value::as_str) else {
            continue;
        };
        let needs = found.entry(name.to_owned()).or_default();
        for need in cargo::needs(manifest, shared) {
            let known = needs.entry(need.name().to_owned()).or_insert(need.scope());
            *known = need.scope().min(*known);
        }
    }
    found
}

fn component(package: &Package, metadata: &BTreeMap<String, String>) -> Option<Component> {
    let is_name = |name: &str| is_word(name) && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte));
    let (name, version) = (package.name.as_str(), package.version.as_str());
    if !is_name(name) || !is_word(version) || !version.starts_with(|first: char| first.is_ascii_digit()) {
        return None;
    }
    let source = package.source.as_deref();
    let qualifier = match source {
        Some(source) if source.starts_with("git+") => Some(("vcs_url", source)),
        Some(source) if !CRATES_IO.contains(&source) => source.split_once('+').map(|(_, address)| ("repository_url", address)),
        _ => None,
    };
    let finder = if source.is_some() { FINDER } else { FINDER.with(Technique::Manifest) };
    let mut component = finder.component(PackageType::RustCrate, name, Some(version));
    let qualifiers: Vec<(&str, &str)> = qualifier.into_iter().collect();
    component.purl = purl(PackageType::RustCrate, PurlParts { namespace: None, name, version: Some(version), qualifiers: &qualifiers });
    let older = source.and_then(|source| metadata.get(&format!("checksum {name} {version} ({source})")));
    let checksum = package.checksum.as_ref().or(older);
    component.hashes = checksum.and_then(|digits| digests::from_hex("sha256", digits)).into_iter().collect();
    Some(component)
}

fn graph(bytes: &[u8], needs: &Needs) -> Result<Graph, Refusal> {
    let lock: Lock = from_toml(bytes)?;
    let mut graph = Graph::default();
    let mut by_name: BTreeMap<&str, Vec<(NodeId, &Package)>> = BTreeMap::new();
    let mut nodes: Vec<(NodeId, &Package)> = Vec::new();
    for package in lock.package.iter().chain(&lock.root) {
        let Some(component) = component(package, &lock.metadata) else {
            continue;
        };
        let node = if package.source.is_some() { graph.package(component) } else { graph.project(Some(component)) };
        by_name.entry(&package.name).or_default().push((node, package));
        nodes.push((node, package));
    }
    for (node, package) in nodes {
        let own = needs.get(&package.name).filter(|_| package.source.is_none());
        for dependency in &package.dependencies {
            if let Some((name, target)) = find(&by_name, dependency) {
                let scope = own.and_then(|own| own.get(name)).copied().unwrap_or(Scope::Runtime);
                graph.depends_on(node, target, scope);
            }
        }
    }
    Ok(graph)
}

/// Finds `name`, `name version` or `name version (source)`: only as much is written as tells it apart.
fn find<'a>(by_name: &BTreeMap<&str, Vec<(NodeId, &Package)>>, dependency: &'a str) -> Option<(&'a str, NodeId)> {
    let mut parts = dependency.split(' ');
    let name = parts.next()?;
    let (version, source) = (parts.next(), parts.next().map(|source| source.trim_start_matches('(').trim_end_matches(')')));
    let without_commit = |source: &str| source.split('#').next().unwrap_or_default().to_owned();
    let fits = |package: &&Package| {
        version.is_none_or(|version| version == package.version)
            && source.is_none_or(|source| package.source.as_deref().map(without_commit) == Some(without_commit(source)))
    };
    let mut found = by_name.get(name)?.iter().take(VERSIONS_MAX).filter(|(_, package)| fits(package));
    match (found.next(), found.next()) {
        (Some((node, _)), None) => Some((name, *node)),
        // What is told apart by having no source is a package of the project itself.
        (Some(first), Some(second)) => {
            let own = std::iter::once(first).chain(std::iter::once(second)).chain(found).find(|(_, package)| package.source.is_none());
            own.map(|(node, _)| (name, *node))
        }
        _ => None,
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
    fn versions_of_a_name_end_at_the_limit() {
        for (written, found) in [(VERSIONS_MAX - 1, true), (VERSIONS_MAX, true), (VERSIONS_MAX + 1, false)] {
            let source = "source = \"registry+https://github.com/rust-lang/crates.io-index\"";
            let versions = (1..=written).map(|version| format!("[[package]]\nname = \"b\"\nversion = \"{version}.0.0\"\n{source}\n")).collect::<Vec<_>>().concat();
            let text = format!("{versions}[[package]]\nname = \"a\"\nversion = \"1.0.0\"\n{source}\ndependencies = [\"b {written}.0.0\"]\n");
            let edge = format!("a@1.0.0 -> b@{written}.0.0\n");
            assert_eq!(check(&[("/Cargo.lock", &text)]).contains(&edge), found, "{written}");
        }
    }

    #[test]
    fn what_is_no_lockfile_is_unknown() {
        insta::assert_snapshot!(
            check(&[
                ("/a/Cargo.lock", r"bogus"),
                ("/b/Cargo.lock", r""),
                ("/c/Cargo.lock", r#"[[package]]
name = "a b"
version = "1"
[[package]]
name = "c"
version = "latest"
"#),
            ]),
            @"unknown /a/Cargo.lock: the lockfile is not TOML of the expected form"
        );
    }

    #[test]
    fn names_are_told_apart_and_manifests_tell_what_is_for_development() {
        insta::assert_snapshot!(
            check(&[
                ("/app/Cargo.lock", r#"version = 4

[[package]]
name = "app"
version = "0.1.0"
dependencies = ["helper", "renamed", "regex 1.11.1 (git+https://example.org/regex.git)", "test 2.0.0", "none"]

[[package]]
name = "helper"
version = "0.2.0"
dependencies = ["test 1.0.0"]

[[package]]
name = "regex"
version = "1.11.1"
source = "registry+https://github.com/rust-lang/crates.io-index"
checksum = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"

[[package]]
name = "regex"
version = "1.11.1"
source = "git+https://example.org/regex.git#1a069b9232c607b34c4937122361aa075ef573fa"
dependencies = ["regex 1.11.1 (registry+https://github.com/rust-lang/crates.io-index)", "test 1.0.0"]

[[package]]
name = "renamed"
version = "1.0.0"
source = "sparse+https://registry.example.org/index/"

[[package]]
name = "test"
version = "1.0.0"
source = "sparse+https://index.crates.io/"

[[package]]
name = "test"
version = "2.0.0"
source = "sparse+https://index.crates.io/"
"#),
                ("/app/Cargo.toml", r#"[package]
name = "app"
version = "0.1.0"
[workspace.dependencies]
other = { package = "renamed", version = "1" }
[dependencies]
helper.path = "helper"
[target.'cfg(unix)'.dependencies]
regex = { version = "1", optional = true }
[build-dependencies]
other.workspace = true
[dev-dependencies]
test = "2"
helper.path = "helper"
"#),
            ]),
            @r"
            rust-crate app@0.1.0 pkg:cargo/app@0.1.0 direct at /app/Cargo.lock
            rust-crate helper@0.2.0 pkg:cargo/helper@0.2.0 direct at /app/Cargo.lock
            rust-crate regex@1.11.1 pkg:cargo/regex@1.11.1 optional transitive Sha256=e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855 at /app/Cargo.lock
            rust-crate regex@1.11.1 pkg:cargo/regex@1.11.1?vcs_url=git%2Bhttps:%2F%2Fexample.org%2Fregex.git%231a069b9232c607b34c4937122361aa075ef573fa optional direct at /app/Cargo.lock
            rust-crate renamed@1.0.0 pkg:cargo/renamed@1.0.0?repository_url=https:%2F%2Fregistry.example.org%2Findex%2F development direct at /app/Cargo.lock
            rust-crate test@1.0.0 pkg:cargo/test@1.0.0 direct at /app/Cargo.lock
            rust-crate test@2.0.0 pkg:cargo/test@2.0.0 development direct at /app/Cargo.lock
            root -> app@0.1.0
            root -> helper@0.2.0
            app@0.1.0 -> helper@0.2.0
            app@0.1.0 -optional-> regex@1.11.1
            app@0.1.0 -development-> renamed@1.0.0
            app@0.1.0 -development-> test@2.0.0
            helper@0.2.0 -> test@1.0.0
            regex@1.11.1 -> regex@1.11.1
            regex@1.11.1 -> test@1.0.0
            "
        );
    }

    #[test]
    fn version_1_has_checksums_apart() {
        insta::assert_snapshot!(
            check(&[
                ("/app/Cargo.lock", r#"[root]
name = "app"
version = "0.1.0"
dependencies = ["a 1.0.0 (registry+https://github.com/rust-lang/crates.io-index)"]

[[package]]
name = "a"
version = "1.0.0"
source = "registry+https://github.com/rust-lang/crates.io-index"

[metadata]
"checksum a 1.0.0 (registry+https://github.com/rust-lang/crates.io-index)" = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
"#),
            ]),
            @r"
            rust-crate a@1.0.0 pkg:cargo/a@1.0.0 direct Sha256=e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855 at /app/Cargo.lock
            rust-crate app@0.1.0 pkg:cargo/app@0.1.0 direct at /app/Cargo.lock
            root -> app@0.1.0
            app@0.1.0 -> a@1.0.0
            "
        );
    }
}
