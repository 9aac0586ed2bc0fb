use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use component::Scope;
use serde_json::Value;

use super::{ROOT, ask, fixture, graph, manifest_label, scoped, text};
use crate::projects::{Graph, compare, inventory};

/// Reads `pnpm list --recursive --depth Infinity --json`.
fn said(app: &Path, list: &str) -> Graph {
    let projects: Vec<Value> = serde_json::from_str(list).expect("pnpm writes JSON");
    let mut graph = Graph::default();
    for project in &projects {
        // The list has where its projects are.
        let folder = project["path"].as_str().expect("a project has a place");
        let folder = folder.rsplit_once("/packages/").map_or(String::new(), |(_, name)| format!("packages/{name}"));
        let own = manifest_label(app, &folder);
        if own != ROOT {
            graph.components.insert(own.clone());
            graph.edge(ROOT, &own);
        }
        needs(app, &own, project, &mut graph);
    }
    graph
}

fn needs(app: &Path, from: &str, node: &Value, graph: &mut Graph) {
    let groups = ["dependencies", "devDependencies", "optionalDependencies"];
    for (_, needed) in groups.iter().filter_map(|group| node[*group].as_object()).flatten() {
        let (name, version) =
            (needed["from"].as_str().expect("a name"), needed["version"].as_str().expect("a version"));
        let place = version.strip_prefix("link:").or(version.strip_prefix("file:"));
        // Behind a folder may stand the peers that it is used with.
        let folder = place.map(|place| place.split('(').next().unwrap_or(place));
        let to = folder.map_or_else(|| format!("{name}@{version}"), |folder| manifest_label(app, folder));
        graph.components.insert(to.clone());
        graph.edge(from, &to);
        needs(app, &to, needed, graph);
    }
}

fn check(name: &str) {
    let fixture = fixture(name);
    let app = fixture.join("app");
    let found = inventory(&fixture, "pnpm-lock");
    let all = said(&app, &text(&fixture, "list.json"));
    compare(&graph(&found), &all);

    // What is for development is there in no list for production, what is optional in none that leaves out what is.
    let production = said(&app, &text(&fixture, "list-prod.json")).components;
    let required = said(&app, &text(&fixture, "list-required.json")).components;
    let only =
        |left: &BTreeSet<String>, right: &BTreeSet<String>| left.difference(right).cloned().collect::<BTreeSet<_>>();
    let theirs: BTreeMap<Scope, BTreeSet<String>> = BTreeMap::from([
        (Scope::Runtime, required.clone()),
        (Scope::Optional, only(&production, &required)),
        (Scope::Development, only(&all.components, &production)),
    ]);
    for (scope, theirs) in theirs {
        assert_eq!(scoped(&found, scope), theirs, "{name} {scope:?}");
    }
}

#[test]
fn what_pnpm_7_lists() {
    check("pnpm-7");
}

#[test]
fn what_pnpm_8_lists() {
    check("pnpm-8");
}

#[test]
fn what_pnpm_10_lists() {
    check("pnpm-10");
}

#[test]
fn what_pnpm_12_lists() {
    check("pnpm-12");
    check("pnpm-12-overrides");
    check("pnpm-12-addresses");
}

#[test]
fn what_pnpm_lists_now() {
    for name in ["pnpm-12", "pnpm-12-overrides", "pnpm-12-addresses"] {
        let fixture = fixture(name);
        let arguments = ["list", "--recursive", "--depth", "Infinity", "--json", "--lockfile-only"];
        let Some(list) = ask(&fixture, "pnpm", "12.", &arguments) else {
            return;
        };
        compare(&said(&fixture.join("app"), &list), &said(&fixture.join("app"), &text(&fixture, "list.json")));
    }
}
