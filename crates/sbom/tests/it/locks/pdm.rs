use std::collections::{BTreeMap, BTreeSet};

use component::Scope;

use super::{fixture, graph, python, scoped, text};
use crate::projects::{compare, inventory};

/// `members` of what PDM reads are the groups that each package is in; the project's extras are these.
fn check(name: &str, project: &str, extras: &[&str]) {
    let fixture = fixture(name);
    let said = text(&fixture, "edges.json");
    let found = inventory(&fixture, "pdm-lock");
    compare(&graph(&found), &python(&said, project));

    let said: serde_json::Value = serde_json::from_str(&said).expect("what PDM said is JSON");
    let members: BTreeMap<String, Vec<String>> =
        serde_json::from_value(said["members"].clone()).expect("lists of groups");
    let is_for = |groups: &[String]| {
        let scope = |group: &String| match group.as_str() {
            "default" => Scope::Runtime,
            group if extras.contains(&group) => Scope::Optional,
            _ => Scope::Development,
        };
        groups.iter().map(scope).min()
    };
    for scope in [Scope::Runtime, Scope::Optional, Scope::Development] {
        let theirs: BTreeSet<String> = members
            .iter()
            .filter(|(_, groups)| is_for(groups) == Some(scope))
            .map(|(label, _)| label.clone())
            .collect();
        let mut ours = scoped(&found, scope);
        ours.remove(project);
        assert_eq!(ours, theirs, "{name} {scope:?}");
    }
}

#[test]
fn what_pdm_locks() {
    check("pdm", "shop@1.0.0", &["plots", "all"]);
}

#[test]
fn what_pdm_locks_for_several_targets() {
    check("pdm-targets", "stall@0.1.0", &[]);
    check("pdm-markers", "stall@0.1.0", &[]);
}
