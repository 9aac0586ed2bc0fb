use std::collections::{BTreeMap, BTreeSet};

use component::Scope;
use serde_json::Value;

use super::{ROOT, ask, fixture, graph, requirements, scoped, text};
use crate::projects::{Graph, compare, inventory};

/// Reads what `uv export --format cyclonedx1.5` writes.
fn said(document: &str) -> Graph {
    let said: Value = serde_json::from_str(document).expect("uv writes JSON");
    let own = &said["metadata"]["component"];
    let is_made = own["properties"]
        .as_array()
        .into_iter()
        .flatten()
        .any(|property| property["name"] == "uv:package:is_synthetic_root");
    let label = |component: &Value| {
        format!("{}@{}", component["name"].as_str().expect("a name"), component["version"].as_str().expect("a version"))
    };
    let of = |component: &Value| component["bom-ref"].as_str().expect("a reference").to_owned();
    let mut labels: BTreeMap<String, String> = said["components"]
        .as_array()
        .into_iter()
        .flatten()
        .map(|component| (of(component), label(component)))
        .collect();
    let mut graph = Graph::default();
    // Where there are several projects, what stands for all of them is nobody.
    labels.insert(of(own), if is_made { ROOT.to_owned() } else { label(own) });
    if !is_made {
        graph.edge(ROOT, &label(own));
    }
    graph.components = labels.values().filter(|label| *label != ROOT).cloned().collect();
    for node in said["dependencies"].as_array().expect("dependencies") {
        let from = &labels[node["ref"].as_str().expect("a reference")];
        for to in node["dependsOn"].as_array().into_iter().flatten() {
            graph.edge(from, &labels[to.as_str().expect("a reference")]);
        }
    }
    graph
}

/// What came from elsewhere than an index, as `uv export` writes it.
const ELSEWHERE: &[(&str, &str)] = &[
    ("-e ./vendor/editable", "editable@0.3.0"),
    ("./vendor/pathy", "pathy@0.3.0"),
    ("core-a @ ", "core-a@2.0"),
    ("pygit @ ", "pygit@1.3.0"),
];

const EXPORT: &[&str] = &[
    "export",
    "--frozen",
    "--offline",
    "--preview",
    "--all-packages",
    "--all-extras",
    "--all-groups",
    "--format",
    "cyclonedx1.5",
];

fn check(name: &str, projects: &[&str]) {
    let fixture = fixture(name);
    let found = inventory(&fixture, "uv-lock");
    compare(&graph(&found), &said(&text(&fixture, "export.cdx.json")));

    let required = requirements(&text(&fixture, "runtime.txt"), ELSEWHERE);
    let optional: BTreeSet<String> =
        requirements(&text(&fixture, "optional.txt"), ELSEWHERE).difference(&required).cloned().collect();
    let runtime: BTreeSet<String> =
        scoped(&found, Scope::Runtime).into_iter().filter(|label| !projects.contains(&label.as_str())).collect();
    assert_eq!(runtime, required, "{name}");
    assert_eq!(scoped(&found, Scope::Optional), optional, "{name}");
}

#[test]
fn what_uv_exports() {
    check("uv", &["shop@1.0.0", "member@0.2.0"]);
}

#[test]
fn what_uv_exports_where_extras_conflict() {
    check("uv-conflicts", &["stall@0.1.0"]);
}

#[test]
fn what_uv_exports_where_groups_conflict() {
    check("uv-groups", &["market@1.0.0", "member@0.2.0"]);
}

#[test]
fn what_uv_exports_now() {
    for name in ["uv", "uv-conflicts", "uv-groups"] {
        let fixture = fixture(name);
        if let Some(document) = ask(&fixture, "uv", "0.13.", EXPORT) {
            compare(&said(&document), &said(&text(&fixture, "export.cdx.json")));
        }
    }
}
