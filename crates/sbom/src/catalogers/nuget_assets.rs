//! What NuGet's restore resolved for a project: `obj/project.assets.json`, version 3.
//!
//! Follows NuGet's `LockFileFormat`: each target framework, and each runtime of it, is resolved by itself.

use std::collections::{BTreeMap, BTreeSet};

use component::{PackageType, Scope, Technique};

use crate::Refusal;
use crate::cataloger::{Abilities, Cataloger, Claim, Edges, Evidence, Findings, Keep, Pattern, Versions};
use crate::ecosystems::digests;
use crate::ecosystems::documents::{Entries, Names, Text, document, from_json, refusal};
use crate::ecosystems::graph::{self, Graph, NodeId};
use crate::ecosystems::identity::Finder;
use crate::ecosystems::nuget;
use crate::view::View;

/// NuGet's resolved projects.
pub(crate) const CATALOGER: Cataloger = Cataloger {
    name: "nuget-assets",
    summary: "obj/project.assets.json, what NuGet resolved for a project of .NET",
    evidence: Evidence::Declared,
    claims: &[Claim { pattern: Pattern::Path("**/project.assets.json"), keep: Keep::Bytes { limit_bytes: nuget::LOCK_BYTES_MAX } }],
    abilities: Abilities { packages: &[PackageType::Dotnet], versions: Versions::Exact, edges: Edges::Complete, licenses: false, files: false, hashes: true },
    catalog,
};

const FINDER: Finder = Finder { name: CATALOGER.name, technique: Technique::Lockfile };

/// The property that holds the target frameworks for which a package was resolved.
const FRAMEWORKS: &str = "nuget:target-frameworks";

/// The longest text of them.
const FRAMEWORKS_BYTES_MAX: usize = 256;

document! {
    struct Assets {
        targets: Entries<Entries<Target>> = "targets",
        libraries: Entries<Library> = "libraries",
        project: Project = "project",
    }
}

document! {
    struct Target {
        kind: Text = "type",
        dependencies: Names = "dependencies",
    }
}

document! {
    struct Library {
        sha512: Text = "sha512",
    }
}

document! {
    struct Project {
        restore: Restore = "restore",
        frameworks: Entries<Framework> = "frameworks",
    }
}

document! {
    struct Restore {
        frameworks: Entries<Referring> = "frameworks",
    }
}

document! {
    struct Referring {
        references: Entries<Reference> = "projectReferences",
    }
}

document! {
    struct Reference {
        path: Text = "projectPath",
    }
}

document! {
    struct Framework {
        dependencies: Entries<Wanted> = "dependencies",
    }
}

document! {
    struct Wanted {
        suppressed: Text = "suppressParent",
    }
}

fn catalog(view: &View<'_>, findings: &mut Findings) {
    graph::report_each(view.files(0), findings, graph);
}

fn graph(bytes: &[u8]) -> Result<Graph, Refusal> {
    let assets: Assets = from_json(bytes).map_err(|error| refusal("list of assets", &error))?;
    let wanted = wanted(&assets.project);
    let frameworks = frameworks(&assets);
    let mut graph = Graph::default();
    // Ids are the same in any letter case.
    let mut nodes: BTreeMap<(&str, String), NodeId> = BTreeMap::new();
    for (target, packages) in assets.targets.0.iter() {
        for (key, package) in packages.0.iter() {
            let Some((name, version)) = key.split_once('/') else { continue };
            let id = name.to_ascii_lowercase();
            let is_project = package.kind.get() == Some("project");
            let component = if is_project { nuget::project(FINDER, name) } else { nuget::component(FINDER, name, version) };
            let Some(mut component) = component else { continue };
            component.hashes = assets.libraries.0.get(key).and_then(|library| digests::from_base64("sha512", library.sha512.get()?)).into_iter().collect();
            let resolved_for = frameworks.get(key).filter(|_| !is_project).map(|frameworks| frameworks.iter().copied().collect::<Vec<_>>().join(", "));
            if let Some(frameworks) = resolved_for.filter(|frameworks| frameworks.len() <= FRAMEWORKS_BYTES_MAX) {
                component.properties.insert(FRAMEWORKS.into(), frameworks);
            }
            let scope = wanted.get(&id).copied();
            component.direct = Some(scope.is_some());
            let node = graph.package(component);
            if let Some(scope) = scope {
                graph.direct(node, scope);
            }
            nodes.insert((target, id), node);
        }
    }
    for (target, packages) in assets.targets.0.iter() {
        for (key, package) in packages.0.iter() {
            let name = key.split('/').next().unwrap_or_default();
            let Some(node) = nodes.get(&(target, name.to_ascii_lowercase())) else { continue };
            for needed in package.dependencies.0.keys().map(str::to_ascii_lowercase) {
                if let Some(to) = nodes.get(&(target, needed)) {
                    graph.depends_on(*node, *to, Scope::Runtime);
                }
            }
        }
    }
    Ok(graph)
}

/// Returns what the project itself asks for, in lower case: what it keeps to itself in each framework is for its development.
fn wanted(project: &Project) -> BTreeMap<String, Scope> {
    let mut wanted = BTreeMap::new();
    let mut want = |name: &str, scope: Scope| {
        let known = wanted.entry(name.to_ascii_lowercase()).or_insert(scope);
        *known = scope.min(*known);
    };
    for (name, package) in project.frameworks.0.values().flat_map(|framework| framework.dependencies.0.iter()) {
        let is_private = package.suppressed.get().is_some_and(|suppressed| suppressed.eq_ignore_ascii_case("all"));
        want(name, if is_private { Scope::Development } else { Scope::Runtime });
    }
    // Projects are referred to by their files.
    let references = project.restore.frameworks.0.values().flat_map(|framework| framework.references.0.iter());
    for (key, reference) in references {
        let path = reference.path.get().unwrap_or(key);
        let file = path.rsplit(['/', '\\']).next().unwrap_or_default();
        want(file.rsplit_once('.').map_or(file, |(name, _)| name), Scope::Runtime);
    }
    wanted
}

/// Returns the frameworks for which each package was resolved: `net8.0/linux-x64` is a part of `net8.0`.
fn frameworks(assets: &Assets) -> BTreeMap<&str, BTreeSet<&str>> {
    let mut frameworks: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for (target, packages) in assets.targets.0.iter() {
        for key in packages.0.keys() {
            frameworks.entry(key).or_default().insert(target.split('/').next().unwrap_or_default());
        }
    }
    frameworks
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::found;

    fn check(files: &[(&str, &str)]) -> String {
        found(&CATALOGER, files)
    }

    #[test]
    fn what_is_no_list_of_assets_is_unknown() {
        insta::assert_snapshot!(
            check(&[
                ("/a/obj/project.assets.json", r"bogus"),
                ("/b/obj/project.assets.json", r""),
                ("/c/obj/project.assets.json", r#"{"targets": {"net8.0": {"a b/1": {}, "c": {}, "d/[1,)": {}, "e/1.0": 1}}}"#),
            ]),
            @r#"
            dotnet e@1.0 pkg:nuget/e@1.0 transitive nuget:target-frameworks="net8.0" at /c/obj/project.assets.json
            unknown /a/obj/project.assets.json: the list of assets is not JSON (line 1)
            "#
        );
    }

    #[test]
    fn what_was_resolved_for_each_framework() {
        insta::assert_snapshot!(
            check(&[("/app/obj/project.assets.json", r#"{"version": 3, "targets": {
 "net6.0": {"A/1.0.0": {"type": "package", "dependencies": {"b": "1.0.0"}}, "B/1.0.0": {"type": "package"}},
 "net8.0": {"A/1.0.0": {"type": "package", "dependencies": {"B": "2.0.0"}}, "B/2.0.0": {"type": "package"}, "Tool/3.0.0": {"type": "package"},
  "Own.Data/1.0.0": {"type": "project", "framework": ".NETCoreApp,Version=v8.0", "dependencies": {"B": "2.0.0", "Own.Core": "1.0.0"}}, "Own.Core/1.0.0": {"type": "project"}},
 "net8.0/linux-x64": {"A/1.0.0": {"type": "package", "dependencies": {"Native": "1.0.0"}}, "Native/1.0.0": {"type": "package"}}},
 "libraries": {"A/1.0.0": {"sha512": "z4PhNX7vuL3xVChQ1m2AB9Yg5AULVxXcg/SpIdNs6c5H0NE8XYXysP+DGNKHfuwvY7kxvUdBeoGlODJ6+SfaPg==", "type": "package", "path": "a/1.0.0", "files": ["lib/a.dll"]}},
 "projectFileDependencyGroups": {"net8.0": ["A >= 1.0.0"]},
 "project": {"version": "1.0.0", "restore": {"projectName": "app", "frameworks": {"net8.0": {"projectReferences": {"/src/Own.Data/Own.Data.csproj": {"projectPath": "/src/Own.Data/Own.Data.csproj"}}}}},
  "frameworks": {"net6.0": {"dependencies": {"A": {"target": "Package", "version": "[1.0.0, )"}}},
   "net8.0": {"dependencies": {"A": {"target": "Package", "version": "[1.0.0, )"}, "tool": {"suppressParent": "All", "target": "Package", "version": "[3.0.0, )"}}}}}}"#)]),
            @r#"
            dotnet A@1.0.0 pkg:nuget/A@1.0.0 direct Sha512=cf83e1357eefb8bdf1542850d66d8007d620e4050b5715dc83f4a921d36ce9ce47d0d13c5d85f2b0ff8318d2877eec2f63b931bd47417a81a538327af927da3e nuget:target-frameworks="net6.0, net8.0" at /app/obj/project.assets.json
            dotnet B@1.0.0 pkg:nuget/B@1.0.0 transitive nuget:target-frameworks="net6.0" at /app/obj/project.assets.json
            dotnet B@2.0.0 pkg:nuget/B@2.0.0 transitive nuget:target-frameworks="net8.0" at /app/obj/project.assets.json
            dotnet Native@1.0.0 pkg:nuget/Native@1.0.0 transitive nuget:target-frameworks="net8.0" at /app/obj/project.assets.json
            dotnet Own.Core transitive at /app/obj/project.assets.json
            dotnet Own.Data direct at /app/obj/project.assets.json
            dotnet Tool@3.0.0 pkg:nuget/Tool@3.0.0 development direct nuget:target-frameworks="net8.0" at /app/obj/project.assets.json
            root -> A@1.0.0
            root -> Own.Data
            root -development-> Tool@3.0.0
            A@1.0.0 -> B@1.0.0
            A@1.0.0 -> B@2.0.0
            A@1.0.0 -> Native@1.0.0
            Own.Data -> B@2.0.0
            Own.Data -> Own.Core
            "#
        );
    }
}
