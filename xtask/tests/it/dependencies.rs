//! docs/dependencies.md against the manifests.

use std::collections::BTreeSet;

use crate::{document, metadata, names, rows};

#[test]
fn every_direct_dependency_has_a_row_and_every_row_is_a_dependency() {
    let text = document("docs/dependencies.md");
    let mut written = BTreeSet::new();
    for cells in rows(&text) {
        let name = names(cells[0]).next().expect("the first cell is a name");
        assert!(cells.len() == 4 && cells.iter().all(|cell| !cell.is_empty()), "`{name}`: a cell is missing");
        assert!(written.insert(name.clone()), "`{name}` has two rows");
    }

    let metadata = metadata();
    let used: BTreeSet<String> = metadata
        .workspace_packages()
        .iter()
        .flat_map(|package| &package.dependencies)
        .filter(|dependency| dependency.path.is_none())
        .map(|dependency| dependency.name.clone())
        .collect();

    let unexplained: Vec<_> = used.difference(&written).collect();
    let gone: Vec<_> = written.difference(&used).collect();
    assert!(unexplained.is_empty(), "without a row in docs/dependencies.md: {unexplained:?}");
    assert!(gone.is_empty(), "in docs/dependencies.md, but no crate uses it: {gone:?}");
}

#[test]
fn the_workspace_declares_no_dependency_that_no_crate_uses() {
    let manifest = document("Cargo.toml");
    let table = manifest.lines().skip_while(|line| *line != "[workspace.dependencies]").skip(1);
    let declared = table.take_while(|line| !line.starts_with('[')).filter_map(|line| line.split_once(" = "));
    let metadata = metadata();
    let used: BTreeSet<String> = metadata
        .workspace_packages()
        .iter()
        .flat_map(|package| &package.dependencies)
        .map(|dependency| dependency.rename.clone().unwrap_or_else(|| dependency.name.clone()))
        .collect();
    let unused: Vec<&str> = declared.map(|(name, _)| name).filter(|name| !used.contains(*name)).collect();
    assert!(unused.is_empty(), "declared in Cargo.toml and used by no crate: {unused:?}");
}
