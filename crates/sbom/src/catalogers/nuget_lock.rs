//! NuGet's lockfile, `packages.lock.json`, versions 1 and 2.

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

/// NuGet's lockfile.
pub(crate) const CATALOGER: Cataloger = Cataloger {
    name: "nuget-lock",
    summary: "packages.lock.json of NuGet",
    evidence: Evidence::Declared,
    claims: &[Claim { pattern: Pattern::Path("**/packages.lock.json"), keep: Keep::Bytes { limit_bytes: nuget::LOCK_BYTES_MAX } }],
    abilities: Abilities { packages: &[PackageType::Dotnet], versions: Versions::Exact, edges: Edges::Complete, licenses: false, files: false, hashes: true },
    catalog,
};

const FINDER: Finder = Finder { name: CATALOGER.name, technique: Technique::Lockfile };

document! {
    struct Lock {
        dependencies: Entries<Entries<Locked>> = "dependencies",
    }
}

document! {
    struct Locked {
        kind: Text = "type",
        resolved: Text = "resolved",
        content_hash: Text = "contentHash",
        dependencies: Names = "dependencies",
    }
}

fn catalog(view: &View<'_>, findings: &mut Findings) {
    graph::report_each(view.files(0), findings, graph);
}

fn graph(bytes: &[u8]) -> Result<Graph, Refusal> {
    let lock: Lock = from_json(bytes).map_err(|error| refusal("lockfile", &error))?;
    let needed = needed_by_projects(&lock);
    let mut graph = Graph::default();
    // Each framework is resolved by itself; ids are the same in any letter case.
    let mut nodes: BTreeMap<(&str, String), NodeId> = BTreeMap::new();
    for (framework, packages) in lock.dependencies.0.iter() {
        for (name, locked) in packages.0.iter() {
            if locked.is_project() {
                // It is of the same solution, and has neither a version here nor a place in a feed. What nothing but this project needs it asks for;
                // of what another project needs nothing says whether it does too.
                if let Some(component) = nuget::project(FINDER, name) {
                    let node = graph.package(component);
                    let name = name.to_ascii_lowercase();
                    if !needed.contains(&(base_of(framework), name.clone())) {
                        graph.direct(node, Scope::Runtime);
                    }
                    nodes.insert((framework, name), node);
                }
                continue;
            }
            let Some(mut component) = locked.resolved.get().and_then(|version| nuget::component(FINDER, name, version)) else {
                continue;
            };
            component.hashes = locked.content_hash.get().and_then(|hash| digests::from_base64("sha512", hash)).into_iter().collect();
            let is_direct = locked.kind.get() == Some("Direct");
            component.direct = Some(is_direct);
            let node = graph.package(component);
            if is_direct {
                graph.direct(node, Scope::Runtime);
            }
            nodes.insert((framework, name.to_ascii_lowercase()), node);
        }
    }
    for (framework, packages) in lock.dependencies.0.iter() {
        let base = base_of(framework);
        for (name, locked) in packages.0.iter() {
            let Some(node) = nodes.get(&(framework, name.to_ascii_lowercase())) else {
                continue;
            };
            for needed in locked.dependencies.0.keys().map(str::to_ascii_lowercase) {
                let target = nodes.get(&(framework, needed.clone())).or_else(|| nodes.get(&(base, needed)));
                if let Some(target) = target {
                    graph.depends_on(*node, *target, Scope::Runtime);
                }
            }
        }
    }
    Ok(graph)
}

impl Locked {
    fn is_project(&self) -> bool {
        self.kind.get() == Some("Project")
    }
}

/// Returns the framework that a section is of: `net8.0/linux-x64` has only what the runtime adds to `net8.0`.
fn base_of(section: &str) -> &str {
    section.split('/').next().unwrap_or(section)
}

/// Returns what other projects need, packages and projects, in each framework.
fn needed_by_projects(lock: &Lock) -> BTreeSet<(&str, String)> {
    let mut needed = BTreeSet::new();
    for (framework, packages) in lock.dependencies.0.iter() {
        for (name, project) in packages.0.iter().filter(|(_, locked)| locked.is_project()) {
            let names = project.dependencies.0.keys().map(str::to_ascii_lowercase);
            let of_others = names.filter(|needed| !needed.eq_ignore_ascii_case(name));
            needed.extend(of_others.map(|needed| (base_of(framework), needed)));
        }
    }
    needed
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
                ("/a/packages.lock.json", r"bogus"),
                ("/b/packages.lock.json", r""),
                ("/c/packages.lock.json", r#"{"dependencies": {"net8.0": {"a b": {"resolved": "1"}, "c": {"resolved": "[1,)"}, "d": 1}}}"#),
            ]),
            @"unknown /a/packages.lock.json: the lockfile is not JSON (line 1)"
        );
    }

    #[test]
    fn frameworks_are_resolved_by_themselves() {
        insta::assert_snapshot!(
            check(&[
                ("/app/packages.lock.json", r#"{"version": 1, "dependencies": {
 "net8.0": {"A": {"type": "Direct", "requested": "[1.0.0, )", "resolved": "1.0.0", "contentHash": "x", "dependencies": {"b": "2.0.0"}}, "B": {"type": "Transitive", "resolved": "2.0.0"},
  "own": {"type": "Project", "dependencies": {"B": "[2.0.0, )"}}},
 "net8.0/linux-x64": {"A": {"type": "Direct", "resolved": "1.0.0", "dependencies": {"B": "2.0.0", "Native": "1.0.0"}}, "Native": {"type": "Transitive", "resolved": "1.0.0"}},
 "net6.0": {"A": {"type": "Direct", "resolved": "1.0.0", "dependencies": {"B": "1.0.0"}}, "B": {"type": "CentralTransitive", "resolved": "1.0.0"}}}}"#),
            ]),
            @r"
            dotnet A@1.0.0 pkg:nuget/A@1.0.0 direct at /app/packages.lock.json
            dotnet B@1.0.0 pkg:nuget/B@1.0.0 transitive at /app/packages.lock.json
            dotnet B@2.0.0 pkg:nuget/B@2.0.0 transitive at /app/packages.lock.json
            dotnet Native@1.0.0 pkg:nuget/Native@1.0.0 transitive at /app/packages.lock.json
            dotnet own direct at /app/packages.lock.json
            root -> A@1.0.0
            root -> own
            A@1.0.0 -> B@1.0.0
            A@1.0.0 -> B@2.0.0
            A@1.0.0 -> Native@1.0.0
            own -> B@2.0.0
            "
        );
    }

    #[test]
    fn what_a_project_brings_hangs_from_it() {
        insta::assert_snapshot!(
            check(&[
                ("/app/packages.lock.json", r#"{"version": 2, "dependencies": {
 "net8.0": {
  "A": {"type": "Direct", "resolved": "1.0.0"},
  "B": {"type": "Transitive", "resolved": "2.0.0"},
  "C": {"type": "CentralTransitive", "requested": "[3.0.0, )", "resolved": "3.0.0"},
  "my core": {"type": "Project", "dependencies": {"C": "[3.0.0, )", "Absent": "[1.0.0, )"}},
  "my.data": {"type": "Project", "dependencies": {"A": "[1.0.0, )", "B": "[2.0.0, )", "My Core": "[1.0.0, )"}},
  "my.empty": {"type": "Project"}},
 "net8.0/linux-x64": {
  "my.data": {"type": "Project", "dependencies": {"My Core": "[1.0.0, )", "Native": "[1.0.0, )"}},
  "Native": {"type": "Transitive", "resolved": "1.0.0"}}}}"#),
            ]),
            @"
            dotnet A@1.0.0 pkg:nuget/A@1.0.0 direct at /app/packages.lock.json
            dotnet B@2.0.0 pkg:nuget/B@2.0.0 transitive at /app/packages.lock.json
            dotnet C@3.0.0 pkg:nuget/C@3.0.0 transitive at /app/packages.lock.json
            dotnet Native@1.0.0 pkg:nuget/Native@1.0.0 transitive at /app/packages.lock.json
            dotnet my core transitive at /app/packages.lock.json
            dotnet my.data direct at /app/packages.lock.json
            dotnet my.empty direct at /app/packages.lock.json
            root -> A@1.0.0
            root -> my.data
            root -> my.empty
            my core -> C@3.0.0
            my.data -> A@1.0.0
            my.data -> B@2.0.0
            my.data -> Native@1.0.0
            my.data -> my core
            "
        );
    }

    #[test]
    fn projects_in_a_circle_and_without_a_name_bring_nothing_down() {
        insta::assert_snapshot!(
            check(&[
                ("/app/packages.lock.json", r#"{"version": 1, "dependencies": {
 "net8.0": {
  "A": {"type": "Transitive", "resolved": "1.0.0"},
  "one": {"type": "Project", "dependencies": {"Two": "[1.0.0, )", "A": "[1.0.0, )"}},
  "two": {"type": "Project", "dependencies": {"One": "[1.0.0, )", "two": "[1.0.0, )"}},
  "": {"type": "Project", "dependencies": {"A": "[1.0.0, )"}},
  "x\ny": {"type": "Project", "dependencies": {"A": "[1.0.0, )"}},
  "alone": {"type": "Project", "resolved": "9.9.9", "dependencies": 1}}}}"#),
            ]),
            @"
            dotnet A@1.0.0 pkg:nuget/A@1.0.0 transitive at /app/packages.lock.json
            dotnet alone direct at /app/packages.lock.json
            dotnet one at /app/packages.lock.json
            dotnet two at /app/packages.lock.json
            root -> alone
            one -> A@1.0.0
            one -> two
            two -> one
            "
        );
    }
}
