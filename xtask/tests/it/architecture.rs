//! The crate table of ARCHITECTURE.md against `cargo metadata`.

use std::collections::{BTreeMap, BTreeSet};

use cargo_metadata::DependencyKind;

use crate::{document, metadata, names, rows};

/// Crates that others of their own level may use; ARCHITECTURE.md says why.
const SIDEWAYS: [&str; 6] = ["ledger", "outbound", "registry", "api", "console", "testkit"];

/// Crates that join what others of their level know; ARCHITECTURE.md says why.
const JOINS: [(&str, &str); 5] = [
    ("advisories", "tenancy"),
    ("findings", "policy"),
    ("findings", "sbom"),
    ("findings", "vex"),
    ("findings", "vulndb"),
];

/// The only crates that stand outside the levels.
const TOOLS: [&str; 2] = ["testkit", "xtask"];

struct Crate {
    level: String,
    uses: BTreeSet<String>,
}

#[test]
fn the_table_is_the_graph() {
    let written: BTreeMap<_, _> = table().into_iter().map(|(name, row)| (name, row.uses)).collect();
    let actual = graph(|kind| kind != DependencyKind::Development);
    let only_written: Vec<_> = edges(&written).difference(&edges(&actual)).cloned().collect();
    let only_actual: Vec<_> = edges(&actual).difference(&edges(&written)).cloned().collect();
    assert_eq!(written.keys().collect::<Vec<_>>(), actual.keys().collect::<Vec<_>>(), "crates");
    assert!(only_written.is_empty(), "listed in ARCHITECTURE.md, but no dependency: {only_written:?}");
    assert!(only_actual.is_empty(), "a dependency, but not listed in ARCHITECTURE.md: {only_actual:?}");
}

#[test]
fn arrows_go_down_only() {
    let table = table();
    for (name, row) in &table {
        for used in &row.uses {
            let target = &table.get(used).unwrap_or_else(|| panic!("`{name}` uses `{used}`, which has no row")).level;
            let down = *target < row.level;
            let is_allowed = SIDEWAYS.contains(&used.as_str()) || JOINS.contains(&(name.as_str(), used.as_str()));
            let sideways = *target == row.level && is_allowed;
            assert!(down || sideways, "`{name}` ({}) may not use `{used}` ({target})", row.level);
        }
    }
}

#[test]
fn tools_never_reach_the_product() {
    let graph_outside_tests = graph(|kind| kind != DependencyKind::Development);
    for (name, uses) in graph_outside_tests.iter().filter(|(name, _)| !TOOLS.contains(&name.as_str())) {
        for tool in TOOLS {
            assert!(!uses.contains(tool), "`{name}` depends on `{tool}` outside of tests");
        }
    }
    for (name, uses) in graph(|_| true) {
        assert!(!uses.contains("xtask"), "`{name}` depends on `xtask`");
    }
}

fn table() -> BTreeMap<String, Crate> {
    let text = document("ARCHITECTURE.md");
    let rows = rows(&text).into_iter().filter(|cells| cells.len() == 5);
    let mut table = BTreeMap::new();
    for cells in rows {
        let name = names(cells[0]).next().expect("the first cell is a name");
        let row = Crate { level: cells[1].to_owned(), uses: names(cells[2]).collect() };
        let level_is_known = ["L0", "L1", "L2", "L3", "L4", "tool"].contains(&cells[1]);
        assert!(level_is_known, "`{name}` has the unknown level {}", cells[1]);
        assert_eq!(cells[1] == "tool", TOOLS.contains(&name.as_str()), "`{name}`: only testkit and xtask are tools");
        assert!(!cells[3].is_empty() && !cells[4].is_empty(), "`{name}` lacks its description or its invariant");
        assert!(table.insert(name.clone(), row).is_none(), "`{name}` has two rows");
    }
    table
}

/// Which crate of the workspace depends on which, by their names in code.
fn graph(counts: impl Fn(DependencyKind) -> bool) -> BTreeMap<String, BTreeSet<String>> {
    let metadata = metadata();
    let packages = metadata.workspace_packages();
    let graph = packages.iter().map(|package| {
        let ours =
            package.dependencies.iter().filter(|dependency| dependency.path.is_some() && counts(dependency.kind));
        (short(&package.name), ours.map(|dependency| short(&dependency.name)).collect())
    });
    graph.collect()
}

fn short(package: &str) -> String {
    package.strip_prefix("garrison-").unwrap_or(package).to_owned()
}

fn edges(graph: &BTreeMap<String, BTreeSet<String>>) -> BTreeSet<String> {
    graph.iter().flat_map(|(name, uses)| uses.iter().map(move |used| format!("{name} -> {used}"))).collect()
}
