use std::collections::BTreeMap;

use component::Scope;
use serde_json::Value;

use super::{ALL, Graph, compare, graph, inventory, project, said};

/// Reads `cargo metadata --all-features`: the resolution for all platforms, as the lockfile has it.
#[test]
fn what_is_locked_is_what_cargo_resolved() {
    let Some(project) = project("cargo") else {
        return;
    };
    let said = said(&project, "cargo-metadata.json");
    let text = |value: &Value, key: &str| value.get(key).and_then(Value::as_str).unwrap().to_owned();
    let list = |value: &Value, key: &str| value.get(key).and_then(Value::as_array).cloned().unwrap();
    let names: BTreeMap<String, String> = list(&said, "packages")
        .iter()
        .map(|package| (text(package, "id"), format!("{}@{}", text(package, "name"), text(package, "version"))))
        .collect();
    let mut theirs = Graph { components: names.values().cloned().collect(), ..Graph::default() };
    let mut development = Graph::default();
    for node in list(&said["resolve"], "nodes") {
        let from = &names[&text(&node, "id")];
        for needed in list(&node, "deps") {
            let to = &names[&text(&needed, "pkg")];
            theirs.edge(from, to);
            let is_member = said["workspace_members"].as_array().unwrap().contains(&node["id"]);
            if is_member && list(&needed, "dep_kinds").iter().all(|kind| !kind["kind"].is_null()) {
                development.edge(from, to);
            }
        }
    }
    let inventory = inventory(&project, "cargo-lock");
    compare(&graph(&inventory, &ALL), &theirs);
    assert_eq!(graph(&inventory, &[Scope::Development]).edges, development.edges);
}
