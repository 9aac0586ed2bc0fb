//! uv's lockfile, version 1.

use std::collections::{BTreeMap, BTreeSet};

use component::{PackageType, Range, Scheme, Scope, Technique};
use serde::Deserialize;

use crate::Refusal;
use crate::cataloger::{Abilities, Cataloger, Claim, Edges, Evidence, Findings, Keep, Pattern, Versions};
use crate::ecosystems::graph::{Graph, NodeId};
use crate::ecosystems::documents::from_toml;
use crate::ecosystems::identity::Finder;
use crate::ecosystems::pypi::{self, Environment, Wanted};
use crate::ecosystems::python_extras::{Extra, Want, connect};
use crate::ecosystems::python_locks::{self, Archive};
use crate::view::View;

/// uv's lockfile.
pub(crate) const CATALOGER: Cataloger = Cataloger {
    name: "uv-lock",
    summary: "uv.lock, and the locks of scripts (*.py.lock)",
    evidence: Evidence::Declared,
    claims: &[
        Claim { pattern: Pattern::Path("**/uv.lock"), keep: Keep::Bytes { limit_bytes: pypi::LOCK_BYTES_MAX } },
        Claim { pattern: Pattern::Path("**/*.py.lock"), keep: Keep::Bytes { limit_bytes: pypi::LOCK_BYTES_MAX } },
    ],
    abilities: Abilities { packages: &[PackageType::Python], versions: Versions::Exact, edges: Edges::Complete, licenses: false, files: false, hashes: true },
    catalog,
};

const FINDER: Finder = Finder { name: CATALOGER.name, technique: Technique::Lockfile };

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Lock {
    package: Vec<Package>,
    manifest: Manifest,
}

/// What the lockfile is of: projects, or a script with its requirements.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Manifest {
    /// The names of the projects, where there are several.
    members: BTreeSet<String>,
    requirements: Vec<Need>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "kebab-case")]
struct Package {
    name: String,
    version: Option<String>,
    source: Source,
    dependencies: Vec<Need>,
    optional_dependencies: BTreeMap<String, Vec<Need>>,
    dev_dependencies: BTreeMap<String, Vec<Need>>,
    sdist: Option<Archive>,
    wheels: Vec<Archive>,
}

#[derive(Debug, Default, Clone, PartialEq, Eq, Deserialize)]
#[serde(default)]
struct Source {
    git: Option<String>,
    url: Option<String>,
    registry: Option<String>,
    editable: Option<String>,
    r#virtual: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Need {
    name: String,
    version: Option<String>,
    source: Option<Source>,
    marker: Option<String>,
    extra: Vec<String>,
    /// Of a script's requirements alone.
    specifier: Option<String>,
    extras: Vec<String>,
}

impl Need {
    /// Returns what it is for at most. Where extras or groups of a project exclude each other, the markers of all that depends on them name them.
    fn scope(&self) -> Scope {
        let marker = self.marker.as_deref();
        let is_for_extra = |alternative: &str| alternative.contains("== 'extra-") && !alternative.contains("== 'group-");
        match Environment::default().evaluate(marker) {
            Wanted::ForExtra if marker.is_some_and(|marker| marker.split(" or ").any(is_for_extra)) => Scope::Optional,
            Wanted::ForExtra => Scope::Development,
            Wanted::Always | Wanted::Never => Scope::Runtime,
        }
    }
}

impl Package {
    /// Returns whether this is one of the projects; other folders are packages that they use.
    fn is_project(&self, members: &BTreeSet<String>) -> bool {
        let place = self.source.editable.as_deref().or(self.source.r#virtual.as_deref());
        place.is_some_and(|place| if members.is_empty() { place == "." } else { members.contains(&self.name) })
    }
}

fn catalog(view: &View<'_>, findings: &mut Findings) {
    for claim in 0..CATALOGER.claims.len() {
        for file in view.files(claim).filter(|file| !file.bytes().is_empty()) {
            match graph(file.bytes()) {
                Ok(mut graph) => {
                    graph.locate(&file.location());
                    graph.report(findings);
                }
                Err(refusal) => findings.unknown(file.location(), refusal.0),
            }
        }
    }
}

fn graph(bytes: &[u8]) -> Result<Graph, Refusal> {
    let lock: Lock = from_toml(bytes)?;
    let mut graph = Graph::default();
    let mut by_name: BTreeMap<String, Vec<(NodeId, &Package)>> = BTreeMap::new();
    let mut nodes: Vec<(NodeId, &Package)> = Vec::new();
    let mut projects: BTreeSet<NodeId> = BTreeSet::new();
    for package in &lock.package {
        let qualifiers: Vec<(&str, String)> = match &package.source {
            Source { git: Some(git), .. } => vec![("vcs_url", repository(git))],
            Source { url: Some(url), .. } => vec![("download_url", url.clone())],
            _ => Vec::new(),
        };
        let node = if package.is_project(&lock.manifest.members) {
            let component = package.version.as_deref().and_then(|version| {
                pypi::component(FINDER.with(Technique::Manifest), &package.name, Some(version), &[])
            });
            let node = graph.project(component);
            projects.insert(node);
            node
        } else {
            let Some(mut component) = pypi::component(FINDER, &package.name, package.version.as_deref(), &qualifiers) else {
                continue;
            };
            component.hashes = python_locks::hashes(package.sdist.iter().chain(&package.wheels));
            graph.package(component)
        };
        by_name.entry(pypi::normalize(&package.name)).or_default().push((node, package));
        nodes.push((node, package));
    }

    let find = |need: &Need| -> Vec<NodeId> {
        let places = by_name.get(&pypi::normalize(&need.name)).map_or(&[][..], Vec::as_slice);
        // A script's requirements are as it states them, where packages name the version that is meant.
        let range = need.specifier.as_deref().and_then(|specifier| Range::parse(Scheme::Pep440, specifier).ok());
        let fits = |package: &Package| {
            let is_in = |range: &Range| package.version.as_deref().is_none_or(|version| range.contains(version).unwrap_or(true));
            (need.version.is_none() || need.version == package.version)
                && need.source.as_ref().is_none_or(|source| *source == package.source)
                && range.as_ref().is_none_or(is_in)
        };
        places.iter().take(python_locks::VERSIONS_MAX).filter(|(_, package)| fits(package)).map(|(node, _)| *node).collect()
    };
    let want = |from: Option<NodeId>, need: &Need, when: Vec<Vec<Extra>>, scope: Scope| Want {
        from,
        to: find(need),
        asked: need.extra.iter().chain(&need.extras).map(|extra| (pypi::normalize(&need.name), extra.clone())).collect(),
        when,
        scope: scope.max(need.scope()),
    };
    let mut wants: Vec<Want> = Vec::new();
    for (node, package) in &nodes {
        let from = Some(*node);
        wants.extend(package.dependencies.iter().map(|need| want(from, need, Vec::new(), Scope::Runtime)));
        for (extra, needs) in &package.optional_dependencies {
            let own = (pypi::normalize(&package.name), extra.clone());
            wants.extend(needs.iter().map(|need| want(from, need, vec![vec![own.clone()]], Scope::Runtime)));
            // Whoever installs a project may ask for its extras.
            if projects.contains(node) {
                wants.extend(needs.iter().map(|need| want(from, need, Vec::new(), Scope::Optional)));
            }
        }
        let development = package.dev_dependencies.values().flatten();
        wants.extend(development.map(|need| want(from, need, Vec::new(), Scope::Development)));
    }
    wants.extend(lock.manifest.requirements.iter().map(|need| want(None, need, Vec::new(), Scope::Runtime)));
    let projects: Vec<NodeId> = projects.into_iter().collect();
    connect(&mut graph, &projects, wants);
    Ok(graph)
}

/// Returns a repository's address with the commit that stands behind its `#`, in the form that purls have it.
fn repository(git: &str) -> String {
    let (address, commit) = git.rsplit_once('#').unwrap_or((git, ""));
    let address = address.split('?').next().unwrap_or(address);
    if commit.is_empty() { format!("git+{address}") } else { format!("git+{address}@{commit}") }
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
                ("/a/uv.lock", r"["),
                ("/b/uv.lock", r""),
                ("/c/uv.lock", r#"[[package]]
name = "a b"
version = "1"
"#),
            ]),
            @"unknown /a/uv.lock: the lockfile is not TOML of the expected form"
        );
    }

    #[test]
    fn groups_extras_and_members() {
        insta::assert_snapshot!(
            check(&[
                ("/app/uv.lock", r#"version = 1

[manifest]
members = ["app", "member"]

[[package]]
name = "app"
version = "0.1.0"
source = { virtual = "." }
dependencies = [{ name = "httpx", extra = ["http2"] }, { name = "member" }]
[package.optional-dependencies]
o = [{ name = "numpy", version = "1.24.0" }]
[package.dev-dependencies]
dev = [{ name = "pytest" }]

[[package]]
name = "member"
source = { editable = "packages/member" }
dependencies = [{ name = "numpy", version = "2.0.0", source = { registry = "https://pypi.org/simple" } }]

[[package]]
name = "httpx"
version = "0.27.0"
source = { registry = "https://pypi.org/simple" }
dependencies = [{ name = "anyio" }]
sdist = { url = "https://example.org/h.tar.gz", hash = "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855", size = 1 }
wheels = [{ url = "https://example.org/h.whl" }]
[package.optional-dependencies]
http2 = [{ name = "h2" }]

[[package]]
name = "anyio"
version = "4.0"
[[package]]
name = "h2"
version = "4.1"
[[package]]
name = "pytest"
version = "8.0"
[[package]]
name = "numpy"
version = "1.24.0"
source = { registry = "https://pypi.org/simple" }
[[package]]
name = "numpy"
version = "2.0.0"
source = { registry = "https://pypi.org/simple" }
[[package]]
name = "forked"
version = "1.0"
source = { git = "https://example.org/o/forked?rev=main#0123" }
"#),
                ("/app/tool.py.lock", r#"[manifest]
requirements = [{ name = "rich" }]
[[package]]
name = "rich"
version = "13.0"
"#),
            ]),
            @r"
            python anyio@4.0 pkg:pypi/anyio@4.0 transitive at /app/uv.lock
            python app@0.1.0 pkg:pypi/app@0.1.0 direct at /app/uv.lock
            python forked@1.0 pkg:pypi/forked@1.0?vcs_url=git%2Bhttps:%2F%2Fexample.org%2Fo%2Fforked%400123 at /app/uv.lock
            python h2@4.1 pkg:pypi/h2@4.1 transitive at /app/uv.lock
            python httpx@0.27.0 pkg:pypi/httpx@0.27.0 direct Sha256=e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855 at /app/uv.lock
            python numpy@1.24.0 pkg:pypi/numpy@1.24.0 optional direct at /app/uv.lock
            python numpy@2.0.0 pkg:pypi/numpy@2.0.0 direct at /app/uv.lock
            python pytest@8.0 pkg:pypi/pytest@8.0 development direct at /app/uv.lock
            python rich@13.0 pkg:pypi/rich@13.0 direct at /app/tool.py.lock
            root -> app@0.1.0
            root -> numpy@2.0.0
            root -> rich@13.0
            app@0.1.0 -> httpx@0.27.0
            app@0.1.0 -optional-> numpy@1.24.0
            app@0.1.0 -development-> pytest@8.0
            httpx@0.27.0 -> anyio@4.0
            httpx@0.27.0 -> h2@4.1
            "
        );
    }

    #[test]
    fn extras_are_for_what_they_are_asked_for() {
        insta::assert_snapshot!(
            check(&[
                ("/app/uv.lock", r#"version = 1
[manifest]
members = ["app"]
[[package]]
name = "app"
version = "0.1.0"
source = { virtual = "." }
dependencies = [{ name = "web" }, { name = "tool" }, { name = "num", version = "1.0", marker = "extra == 'extra-3-app-old'" }, { name = "num", version = "2.0", marker = "extra != 'extra-3-app-old'" }, { name = "num", version = "3.0", marker = "extra == 'group-3-app-dev' or (extra == 'extra-3-app-old' and extra == 'group-3-app-dev')" }]
[package.dev-dependencies]
dev = [{ name = "web", extra = ["socks"] }]
[[package]]
name = "tool"
version = "0.2.0"
source = { editable = "tool" }
dependencies = [{ name = "web", extra = ["http2"] }]
[[package]]
name = "web"
version = "1.0"
[package.optional-dependencies]
http2 = [{ name = "h2" }]
socks = [{ name = "socksio" }]
none = [{ name = "none" }]
[[package]]
name = "h2"
version = "4.1"
[[package]]
name = "socksio"
version = "1.0"
[[package]]
name = "none"
version = "1.0"
[[package]]
name = "num"
version = "1.0"
[[package]]
name = "num"
version = "2.0"
[[package]]
name = "num"
version = "3.0"
"#),
                ("/app/tool.py.lock", r#"[manifest]
requirements = [{ name = "web", extras = ["http2"], specifier = "<2" }]
[[package]]
name = "web"
version = "1.0"
[package.optional-dependencies]
http2 = [{ name = "h2" }]
[[package]]
name = "web"
version = "2.0"
[[package]]
name = "h2"
version = "4.1"
"#),
            ]),
            @r"
            python app@0.1.0 pkg:pypi/app@0.1.0 direct at /app/uv.lock
            python h2@4.1 pkg:pypi/h2@4.1 transitive at /app/tool.py.lock at /app/uv.lock
            python none@1.0 pkg:pypi/none@1.0 optional transitive at /app/uv.lock
            python num@1.0 pkg:pypi/num@1.0 optional direct at /app/uv.lock
            python num@2.0 pkg:pypi/num@2.0 direct at /app/uv.lock
            python num@3.0 pkg:pypi/num@3.0 development direct at /app/uv.lock
            python socksio@1.0 pkg:pypi/socksio@1.0 development transitive at /app/uv.lock
            python tool@0.2.0 pkg:pypi/tool@0.2.0 direct at /app/uv.lock
            python web@1.0 pkg:pypi/web@1.0 direct at /app/tool.py.lock at /app/uv.lock
            python web@2.0 pkg:pypi/web@2.0 at /app/tool.py.lock
            root -> app@0.1.0
            root -> web@1.0
            app@0.1.0 -optional-> num@1.0
            app@0.1.0 -> num@2.0
            app@0.1.0 -development-> num@3.0
            app@0.1.0 -> tool@0.2.0
            app@0.1.0 -> web@1.0
            tool@0.2.0 -> web@1.0
            web@1.0 -> h2@4.1
            web@1.0 -optional-> none@1.0
            web@1.0 -development-> socksio@1.0
            "
        );
    }
}
