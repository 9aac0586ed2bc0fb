//! What package managers say of their lockfiles is what we say: packages, edges, what was asked for, and what it is for.
//!
//! `locks/` has small projects with the lockfiles that the tools wrote, and beside each what the tool said of it; its `README.md` tells how they came to be.
//! Where a tool is at hand in the version that made them, and answers from the lockfile alone, it is asked again.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use component::{Inventory, Node, Relation, Scope};

use crate::projects::{Graph, label};

mod bun;
mod composer;
mod pdm;
mod pipenv;
mod pnpm;
mod poetry;
mod uv;
mod yarn;

/// Who asks for what was asked for itself.
const ROOT: &str = "root";

/// Returns where a project and what was said of it are.
fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/locks").join(name)
}

/// Returns what a tool said, as it said it.
fn text(fixture: &Path, file: &str) -> String {
    fs::read_to_string(fixture.join(file)).expect("what the tool said is there")
}

/// Returns name and version of a folder of the project, as its manifest for Node states them. One without either is nobody.
fn manifest_label(app: &Path, folder: &str) -> String {
    let manifest = fs::read(app.join(folder).join("package.json")).expect("the folder has a manifest");
    let manifest: serde_json::Value = serde_json::from_slice(&manifest).expect("the manifest is JSON");
    match (manifest["name"].as_str(), manifest["version"].as_str()) {
        (Some(name), Some(version)) => format!("{name}@{version}"),
        _ => ROOT.to_owned(),
    }
}

/// Returns all components and edges, with those from the root.
fn graph(inventory: &Inventory) -> Graph {
    let mut graph = Graph { components: inventory.components.iter().map(label).collect(), ..Graph::default() };
    for edge in inventory.edges.iter().filter(|edge| matches!(edge.relation, Relation::DependsOn(_))) {
        let to = label(&inventory.components[edge.to.0 as usize]);
        match edge.from {
            Node::Root => graph.edge(ROOT, &to),
            Node::Component(from) => graph.edge(&label(&inventory.components[from.0 as usize]), &to),
        }
    }
    graph
}

/// Returns the components that are there for this.
fn scoped(inventory: &Inventory, scope: Scope) -> BTreeSet<String> {
    inventory.components.iter().filter(|component| component.scope == scope).map(label).collect()
}

/// Asks the tool about the project. `None`, said loudly, when it is not there in this version.
fn ask(fixture: &Path, tool: &str, version: &str, arguments: &[&str]) -> Option<String> {
    let program = testkit::program(tool)?;
    let folder = tempfile::tempdir().expect("a temporary directory can be made");
    copy(&fixture.join("app"), folder.path());
    let run = |arguments: &[&str]| -> Result<String, String> {
        let mut command = Command::new(&program);
        command
            .args(arguments)
            .current_dir(folder.path())
            .env("HOME", folder.path())
            .env("COMPOSER_ALLOW_SUPERUSER", "1");
        let output = command.output().expect("the tool runs");
        let [said, complaint] =
            [output.stdout, output.stderr].map(|bytes| String::from_utf8_lossy(&bytes).into_owned());
        if output.status.success() { Ok(said) } else { Err(complaint) }
    };
    // A launcher that would fetch the tool first does not tell its version either.
    let found = run(&["--version"]).unwrap_or_default();
    if !found.split_whitespace().any(|word| word.starts_with(version)) {
        testkit::announce(&format!("`{tool}` is not {version}: it says `{}`", found.trim()));
        return None;
    }
    Some(run(arguments).unwrap_or_else(|complaint| panic!("{tool} {arguments:?}: {complaint}")))
}

fn copy(from: &Path, to: &Path) {
    for entry in fs::read_dir(from).expect("the folder can be read") {
        let path = entry.expect("the folder can be read").path();
        let target = to.join(path.file_name().expect("the entry has a name"));
        if path.is_dir() {
            fs::create_dir(&target).expect("the folder can be made");
            copy(&path, &target);
        } else {
            fs::copy(&path, &target).expect("the file can be copied");
        }
    }
}

/// Reads lists of requirements, as Python's tools export them: name and version of each. `others` are those that came from elsewhere than an index.
fn requirements(list: &str, others: &[(&str, &str)]) -> BTreeSet<String> {
    let label = |line: &str| {
        if let Some((_, label)) = others.iter().find(|(start, _)| line.starts_with(start)) {
            return (*label).to_owned();
        }
        let pinned = line.split(" ;").next().unwrap_or(line);
        let (name, version) = pinned.split_once("==").expect("what is exported is pinned");
        format!("{}@{}", name.split('[').next().unwrap_or(name), version.split(';').next().unwrap_or(version))
    };
    list.lines()
        .map(str::trim)
        .filter(|line| !line.is_empty() && !line.starts_with("--") && !line.starts_with("-i "))
        .map(label)
        .collect()
}

/// Reads `packages`, with what each needs, and `groups`, with what a project asks for in each: what Poetry's and PDM's own libraries read.
fn python(said: &str, project: &str) -> Graph {
    let said: serde_json::Value = serde_json::from_str(said).expect("what the tool said is JSON");
    let lists = |key: &str| -> BTreeMap<String, Vec<String>> {
        serde_json::from_value(said[key].clone()).expect("lists of labels")
    };
    let mut graph = Graph::default();
    graph.components.insert(project.to_owned());
    graph.edge(ROOT, project);
    for (from, needed) in lists("packages") {
        for to in &needed {
            graph.edge(&from, to);
        }
        graph.components.insert(from);
    }
    for to in lists("groups").values().flatten() {
        graph.edge(project, to);
    }
    graph
}
