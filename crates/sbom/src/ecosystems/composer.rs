//! Packages of Composer, and the graph that their metadata makes.
//!
//! Follows Composer's documentation "The composer.json schema".

use std::collections::BTreeMap;

use component::{Component, License, PackageType, Scope, Technique};

use crate::ecosystems::digests;
use crate::ecosystems::documents::{Loose, Names, Text, document};
use crate::ecosystems::graph::{Graph, NodeId};
use crate::ecosystems::identity::{Finder, PurlParts, is_word, purl};

/// The largest lockfile or list of what is installed.
pub(crate) const LOCK_BYTES_MAX: u64 = 64 << 20;

/// The largest manifest.
pub(crate) const MANIFEST_BYTES_MAX: u64 = 4 << 20;

/// The most packages that provide one name; of logging interfaces there are about ten in a large project.
const STAND_INS_MAX: usize = 128;

document! {
    /// A package in `composer.lock` or `installed.json`, or a project's `composer.json`.
    pub(crate) struct Package {
        name: Text = "name",
        version: Text = "version",
        require: Names = "require",
        require_dev: Names = "require-dev",
        provide: Names = "provide",
        replace: Names = "replace",
        dist: Dist = "dist",
        license: Loose = "license",
        authors: Loose = "authors",
    }
}

document! {
    /// The archive of a package.
    pub(crate) struct Dist {
        shasum: Text = "shasum",
    }
}

/// Returns whether this can be the name of a package: `vendor/name`. Names without a vendor are those of PHP and its extensions.
pub(crate) fn is_name(name: &str) -> bool {
    let is_part = |part: &str| {
        !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._-".contains(&byte))
    };
    is_word(name) && name.split_once('/').is_some_and(|(vendor, name)| is_part(vendor) && is_part(name))
}

fn is_version(version: &str) -> bool {
    is_word(version) && !version.contains(['$', '{', '@', '*'])
}

impl Package {
    /// Makes the package's component.
    pub(crate) fn component(&self, finder: Finder) -> Option<Component> {
        let (name, version) = (self.name.get()?.to_ascii_lowercase(), self.version.get()?);
        if !is_name(&name) || !is_version(version) {
            return None;
        }
        let (vendor, bare) = name.split_once('/')?;
        let parts = PurlParts { namespace: Some(vendor), name: bare, version: Some(version), qualifiers: &[] };
        let mut component = finder.component(PackageType::PhpComposer, &name, Some(version));
        component.purl = purl(PackageType::PhpComposer, parts);
        component.licenses = self.licenses();
        component.supplier = self.supplier();
        component.hashes =
            self.dist.shasum.get().and_then(|digits| digests::from_hex("sha1", digits)).into_iter().collect();
        Some(component)
    }

    /// Several licences in a list are a choice between them.
    fn licenses(&self) -> Vec<License> {
        let licenses: Vec<License> = self.license.texts(&[]).into_iter().filter_map(License::parse).collect();
        let is_choice = licenses.len() > 1 && licenses.iter().all(|license| matches!(license, License::Expression(_)));
        if !is_choice {
            return licenses;
        }
        let terms: Vec<String> =
            licenses
                .iter()
                .map(|license| {
                    if license.text().contains(' ') {
                        format!("({})", license.text())
                    } else {
                        license.text().to_owned()
                    }
                })
                .collect();
        License::parse(&terms.join(" OR ")).into_iter().collect()
    }

    fn supplier(&self) -> Option<String> {
        let Loose::List(authors) = &self.authors else { return None };
        let author = authors.first()?;
        let name = author.get("name").and_then(Loose::as_str).filter(|name| !name.is_empty())?;
        match author.get("email").and_then(Loose::as_str) {
            Some(email) if !email.is_empty() => Some(format!("{name} <{email}>")),
            _ => Some(name.to_owned()),
        }
    }
}

/// Makes the graph of packages with their stated scopes, and of the project that asks for them where it is known.
pub(crate) fn graph<'a>(
    finder: Finder,
    packages: impl Iterator<Item = (&'a Package, Scope)>,
    project: Option<&Package>,
) -> Graph {
    let mut graph = Graph::default();
    let mut names: BTreeMap<String, NodeId> = BTreeMap::new();
    let mut stand_ins: BTreeMap<String, Vec<(NodeId, Scope)>> = BTreeMap::new();
    let mut nodes: Vec<(NodeId, Scope, &Package)> = Vec::new();
    for (package, scope) in packages {
        let Some(component) = package.component(finder) else {
            continue;
        };
        let name = component.name.clone();
        let node = graph.scoped_package(component, scope);
        names.insert(name, node);
        for provided in package.provide.0.keys().chain(package.replace.0.keys()) {
            let nodes = stand_ins.entry(provided.to_ascii_lowercase()).or_default();
            if nodes.len() < STAND_INS_MAX {
                nodes.push((node, scope));
            }
        }
        nodes.push((node, scope, package));
    }
    // What is not there under its own name is there by those that provide or replace it. What runs without the packages for development is resolved
    // without them too.
    let find = |name: &str, scope: Scope| -> Vec<NodeId> {
        let name = name.to_ascii_lowercase();
        if let Some(node) = names.get(&name) {
            return vec![*node];
        }
        let stand_ins = stand_ins.get(&name).filter(|_| is_name(&name)).into_iter().flatten();
        stand_ins.filter(|(_, of)| *of <= scope).map(|(node, _)| *node).collect()
    };
    for (node, scope, package) in &nodes {
        for target in package.require.0.keys().flat_map(|name| find(name, *scope)) {
            graph.depends_on(*node, target, Scope::Runtime);
        }
    }
    if let Some(project) = project {
        let node = graph.project(project.component(finder.with(Technique::Manifest)));
        for (group, scope) in [(&project.require, Scope::Runtime), (&project.require_dev, Scope::Development)] {
            // A package that stands in for what the project asks for was not asked for itself; something else brings it.
            for target in group.0.keys().filter_map(|name| names.get(&name.to_ascii_lowercase())) {
                graph.depends_on(node, *target, scope);
            }
        }
    }
    graph
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Findings;
    use crate::ecosystems::documents::from_json;

    #[test]
    fn stand_ins_end_at_the_limit() {
        let finder = Finder { name: "test", technique: Technique::Lockfile };
        let package = |json: String| from_json::<Package>(json.as_bytes()).expect("JSON");
        for (written, edges) in [(STAND_INS_MAX - 1, 127), (STAND_INS_MAX, 128), (STAND_INS_MAX + 1, 128)] {
            let mut packages: Vec<Package> = (0..written)
                .map(|index| {
                    package(format!(r#"{{"name": "v/p{index}", "version": "1.0", "provide": {{"v/virtual": "1.0"}}}}"#))
                })
                .collect();
            packages.push(package(r#"{"name": "v/a", "version": "1.0", "require": {"v/virtual": "*"}}"#.to_owned()));
            let mut findings = Findings::default();
            graph(finder, packages.iter().map(|package| (package, Scope::Runtime)), None).report(&mut findings);
            assert_eq!(findings.edges.len(), edges, "{written}");
        }
    }
}
