use std::collections::BTreeSet;

use component::Scope;

use super::{fixture, graph, python, requirements, scoped, text};
use crate::projects::{compare, inventory};

/// What came from elsewhere than an index, as `poetry export` writes it.
const ELSEWHERE: &[(&str, &str)] =
    &[("pathy", "pathy@0.3.0"), ("pygit @ ", "pygit@1.3.0"), ("core-a @ ", "core-a@2.0")];

fn check(name: &str, project: &str) {
    let fixture = fixture(name);
    let found = inventory(&fixture, "poetry-lock");
    compare(&graph(&found), &python(&text(&fixture, "edges.json"), project));

    // `poetry export` of the main group alone, then with all extras.
    let exported = |file: &str| requirements(&text(&fixture, file), ELSEWHERE);
    let required = exported("runtime.txt");
    let mut runtime = scoped(&found, Scope::Runtime);
    runtime.remove(project);
    assert_eq!(runtime, required, "{name}");
    if fixture.join("optional.txt").is_file() {
        let optional: BTreeSet<String> = exported("optional.txt").difference(&required).cloned().collect();
        assert_eq!(scoped(&found, Scope::Optional), optional, "{name}");
    }
}

#[test]
fn what_poetry_1_1_locks() {
    check("poetry-1.1", "shop@1.0.0");
}

#[test]
fn what_poetry_1_8_locks() {
    check("poetry-1.8", "shop@1.0.0");
}

#[test]
fn what_poetry_2_locks() {
    check("poetry", "shop@1.0.0");
    check("poetry-project", "shop@1.0.0");
    check("poetry-forks", "stall@0.1.0");
    check("poetry-git", "market@1.0.0");
    check("poetry-markers", "stall@0.1.0");
}
