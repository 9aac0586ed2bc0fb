//! .NET applications: the `*.deps.json` that names the assemblies and the packages that they came from.
//!
//! Follows the .NET documentation "Runtime configuration files", dependency manifest.

use std::collections::{BTreeMap, BTreeSet};

use component::{PackageType, Code, Scope, Technique};

use crate::Refusal;
use crate::cataloger::{Abilities, Cataloger, Claim, Edges, Evidence, Findings, Keep, Pattern, Versions};
use crate::ecosystems::digests;
use crate::ecosystems::documents::{Entries, Flag, Loose, Names, Text, document, from_json, refusal};
use crate::ecosystems::graph::{self, Graph, NodeId};
use crate::ecosystems::identity::Finder;
use crate::ecosystems::nuget;
use crate::view::View;

/// .NET applications.
pub(crate) const CATALOGER: Cataloger = Cataloger {
    name: "dotnet-deps",
    summary: ".NET applications and the NuGet packages in them, by *.deps.json",
    evidence: Evidence::Installed,
    claims: &[Claim { pattern: Pattern::Path("**/*.deps.json"), keep: Keep::Bytes { limit_bytes: nuget::LOCK_BYTES_MAX } }],
    abilities: Abilities { packages: &[PackageType::Dotnet], versions: Versions::Exact, edges: Edges::Complete, licenses: false, files: false, hashes: true },
    catalog,
};

const FINDER: Finder = Finder { name: CATALOGER.name, technique: Technique::InstalledMetadata };

document! {
    struct Manifest {
        runtime_target: RuntimeTarget = "runtimeTarget",
        targets: Entries<Entries<Target>> = "targets",
        libraries: Entries<Library> = "libraries",
    }
}

document! {
    struct RuntimeTarget {
        name: Text = "name",
    }
}

document! {
    struct Target {
        dependencies: Names = "dependencies",
        runtime: Loose = "runtime",
        runtime_targets: Loose = "runtimeTargets",
        native: Loose = "native",
        compile_only: Flag = "compileOnly",
    }
}

document! {
    struct Library {
        kind: Text = "type",
        sha512: Text = "sha512",
    }
}

fn catalog(view: &View<'_>, findings: &mut Findings) {
    graph::report_each(view.files(0), findings, graph);
}

fn graph(bytes: &[u8]) -> Result<Graph, Refusal> {
    let manifest: Manifest = from_json(bytes).map_err(|error| refusal("manifest", &error))?;
    let named = manifest.runtime_target.name.get().and_then(|name| manifest.targets.0.get(name));
    // The target for all runtimes stands beside the one for this one; it has the same packages.
    let empty = Entries::default();
    let target = named.or_else(|| manifest.targets.0.values().max_by_key(|target| target.0.len())).unwrap_or(&empty);

    let mut graph = Graph::default();
    let mut nodes: BTreeMap<String, NodeId> = BTreeMap::new();
    let needed: BTreeSet<String> = target.0.values().flat_map(|target| target.dependencies.0.keys()).map(str::to_ascii_lowercase).collect();
    for (key, assets) in target.0.iter() {
        let (Some((name, version)), Some(library)) = (key.split_once('/'), manifest.libraries.0.get(key)) else {
            continue;
        };
        let kind = library.kind.get().unwrap_or_default();
        // What is only there to compile against is not in the application.
        if assets.compile_only.0 || kind == "referenceassembly" || kind == "reference" {
            continue;
        }
        // The pack that holds the runtime itself is known to NuGet without this prefix.
        let name = if kind == "runtimepack" { name.strip_prefix("runtimepack.").unwrap_or(name) } else { name };
        let is_project = kind == "project";
        let finder = if is_project { FINDER.with(Technique::Manifest) } else { FINDER };
        let Some(mut component) = nuget::component(finder, name, version) else {
            continue;
        };
        component.hashes = library.sha512.get().map(digests::parse_integrity).unwrap_or_default();
        let has = |value: &Loose| matches!(value, Loose::Fields(files) if !files.is_empty());
        let has_assets = [&assets.runtime, &assets.runtime_targets, &assets.native].into_iter().any(has);
        component.code = if has_assets { Code::Present } else { Code::Absent };
        let is_root = is_project && !needed.contains(&name.to_ascii_lowercase());
        let node = if is_root { graph.project(Some(component)) } else { graph.package(component) };
        nodes.insert(key.split_once('/').map_or(key, |(name, _)| name).to_ascii_lowercase(), node);
    }
    for (key, assets) in target.0.iter() {
        let name = key.split_once('/').map_or(key, |(name, _)| name);
        let Some(node) = nodes.get(&name.to_ascii_lowercase()) else {
            continue;
        };
        for needed in assets.dependencies.0.keys() {
            if let Some(target) = nodes.get(&needed.to_ascii_lowercase()) {
                graph.depends_on(*node, *target, Scope::Runtime);
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
    fn what_is_no_manifest_is_unknown() {
        insta::assert_snapshot!(
            check(&[
                ("/a.deps.json", r"bogus"),
                ("/b.deps.json", r""),
                ("/c.deps.json", r#"{"targets": {"t": {"a": {}, "b/1": {}, "c d/1": {}}}, "libraries": {"c d/1": {}}}"#),
            ]),
            @"unknown /a.deps.json: the manifest is not JSON (line 1)"
        );
    }

    #[test]
    fn application_packages_and_runtime() {
        insta::assert_snapshot!(
            check(&[
                ("/app/My.deps.json", r#"{"runtimeTarget": {"name": ".NETCoreApp,Version=v8.0/linux-x64", "signature": ""}, "targets": {
 ".NETCoreApp,Version=v8.0": {},
 ".NETCoreApp,Version=v8.0/linux-x64": {
  "My/1.0.0": {"dependencies": {"newtonsoft.json": "13.0.3", "Ref": "1.0.0", "Lib": "1.0.0", "runtimepack.Microsoft.NETCore.App.Runtime.linux-x64": "8.0.0"}, "runtime": {"My.dll": {}}},
  "Lib/1.0.0": {"dependencies": {"Meta": "1.0.0"}, "runtime": {"Lib.dll": {}}},
  "Newtonsoft.Json/13.0.3": {"runtime": {"lib/net6.0/Newtonsoft.Json.dll": {}}},
  "Meta/1.0.0": {"dependencies": {"Newtonsoft.Json": "13.0.3"}},
  "Ref/1.0.0": {"compile": {"Ref.dll": {}}},
  "Only/1.0.0": {"compileOnly": true},
  "runtimepack.Microsoft.NETCore.App.Runtime.linux-x64/8.0.0": {"runtime": {"System.dll": {}}}}},
 "libraries": {"My/1.0.0": {"type": "project", "sha512": ""}, "Lib/1.0.0": {"type": "project"},
  "Newtonsoft.Json/13.0.3": {"type": "package", "sha512": "sha1-rqdNXmHB+JlhO/ZL2mbUx48v0X0="}, "Meta/1.0.0": {"type": "package"},
  "Ref/1.0.0": {"type": "referenceassembly"}, "Only/1.0.0": {"type": "package"},
  "runtimepack.Microsoft.NETCore.App.Runtime.linux-x64/8.0.0": {"type": "runtimepack"}}}"#),
            ]),
            @r"
            dotnet Lib@1.0.0 pkg:nuget/Lib@1.0.0 direct at /app/My.deps.json
            dotnet Meta@1.0.0 pkg:nuget/Meta@1.0.0 transitive no-code at /app/My.deps.json
            dotnet Microsoft.NETCore.App.Runtime.linux-x64@8.0.0 pkg:nuget/Microsoft.NETCore.App.Runtime.linux-x64@8.0.0 direct at /app/My.deps.json
            dotnet My@1.0.0 pkg:nuget/My@1.0.0 direct at /app/My.deps.json
            dotnet Newtonsoft.Json@13.0.3 pkg:nuget/Newtonsoft.Json@13.0.3 direct Sha1=aea74d5e61c1f899613bf64bda66d4c78f2fd17d at /app/My.deps.json
            root -> My@1.0.0
            Lib@1.0.0 -> Meta@1.0.0
            Meta@1.0.0 -> Newtonsoft.Json@13.0.3
            My@1.0.0 -> Lib@1.0.0
            My@1.0.0 -> Microsoft.NETCore.App.Runtime.linux-x64@8.0.0
            My@1.0.0 -> Newtonsoft.Json@13.0.3
            "
        );
    }
}
