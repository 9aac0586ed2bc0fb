//! A program built by `cargo auditable`, beside its project.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result};
use serde_json::Value;

use super::Recipe;
use super::referee::{Graph, Referee, Said, Scope};
use super::workshop::Workshop;
use crate::workspace::execute;

pub(super) const RECIPE: Recipe = Recipe {
    name: "rust",
    holds: "a program that `cargo auditable` built, and its lockfile",
    needs: &["cargo", "cargo-auditable", "cc", "tar"],
    make,
    referees: &[
        Referee {
            asked: "cargo tree -e normal,build",
            cataloger: "rust-binary",
            is_alone: false,
            read: |said| tree(&said.text("cargo-tree.txt")?, &said.text("cargo-tree-normal.txt")?),
            label: |component| Some(component.at_version()),
            known: &[],
        },
        Referee {
            asked: "cargo metadata --all-features",
            cataloger: "cargo-lock",
            is_alone: true,
            read: metadata,
            label: |component| Some(component.at_version()),
            known: &[],
        },
    ],
};

fn make(place: &Path) -> Result<()> {
    let workshop = Workshop::open(place)?;
    let project = workshop.beside("app/Cargo.toml")?.with_file_name("");
    fs::write(project.join("Cargo.toml"), include_str!("rust/Cargo.toml"))?;
    fs::write(project.join("build.rs"), "fn main() {}\n")?;
    fs::write(workshop.beside("app/src/main.rs")?, "fn main() {}\n")?;
    let cargo = || {
        // Not what builds this task: that may be of a toolchain that was asked for on the command line.
        let mut cargo = Command::new("cargo");
        cargo.current_dir(&project).env("CARGO_TARGET_DIR", project.join("target"));
        cargo
    };
    execute(cargo().args(["auditable", "build", "--quiet"]))?;
    let tree = || {
        let mut tree = cargo();
        tree.args(["tree", "--locked", "--no-dedupe", "--prefix", "depth", "--format", " {p}", "--edges"]);
        tree
    };
    workshop.ask("cargo-tree.txt", tree().arg("normal,build"))?;
    workshop.ask("cargo-tree-normal.txt", tree().arg("normal"))?;
    workshop
        .ask("cargo-metadata.json", cargo().args(["metadata", "--locked", "--format-version=1", "--all-features"]))?;
    fs::copy(project.join("target/debug/app"), workshop.root("usr/local/bin/app")?)?;
    for file in ["Cargo.toml", "Cargo.lock"] {
        fs::copy(project.join(file), workshop.root(&format!("src/app/{file}"))?)?;
    }
    workshop.finish()
}

/// Reads the tree of what is built, and that of what is linked: what is only in the first is for the build.
fn tree(all: &str, normal: &str) -> Result<Graph> {
    let (all, normal) = (edges(all)?, edges(normal)?);
    let linked: BTreeSet<&String> = normal.iter().flat_map(|(from, to)| [from, to]).collect();
    let mut graph = Graph::default();
    for (from, to) in &all {
        graph.component(from);
        graph.component(to);
        let is_linked = linked.contains(from) && linked.contains(to);
        graph.edge(from, to, if is_linked { Scope::Runtime } else { Scope::Development });
    }
    Ok(graph)
}

/// Reads lines of a depth and a crate: `2 memchr v2.7.2 (proc-macro)`.
fn edges(tree: &str) -> Result<BTreeSet<(String, String)>> {
    let mut path: Vec<String> = Vec::new();
    let mut edges = BTreeSet::new();
    for line in tree.lines().filter(|line| !line.is_empty()) {
        let mut words = line.split(' ');
        let depth = words.next().and_then(|word| word.parse().ok()).context("a line begins with its depth")?;
        let named = words.next().zip(words.next().and_then(|version| version.strip_prefix('v')));
        let (name, version) = named.with_context(|| format!("`{line}` names no crate"))?;
        let label = format!("{name}@{version}");
        path.truncate(depth);
        if let Some(parent) = path.last() {
            edges.insert((parent.clone(), label.clone()));
        }
        path.push(label);
    }
    Ok(edges)
}

fn metadata(said: &Said) -> Result<Graph> {
    let said = said.json("cargo-metadata.json")?;
    let list = |value: &Value, key: &str| value[key].as_array().cloned().unwrap_or_default();
    let text = |value: &Value, key: &str| value[key].as_str().unwrap_or_default().to_owned();
    let labels: BTreeMap<String, String> = list(&said, "packages")
        .iter()
        .map(|package| (text(package, "id"), format!("{}@{}", text(package, "name"), text(package, "version"))))
        .collect();
    let mut graph = Graph { components: labels.values().cloned().collect(), edges: None };
    for node in list(&said["resolve"], "nodes") {
        for needed in list(&node, "deps") {
            let [from, to] = [text(&node, "id"), text(&needed, "pkg")].map(|id| labels.get(&id).cloned());
            let (from, to) = from.zip(to).context("the resolution is of packages that are listed")?;
            graph.edge(from, to, Scope::Unsaid);
        }
    }
    Ok(graph)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_linked_is_for_the_build() {
        let graph = tree("0 app v1 (/x)\n1 a v1\n2 b v2 (proc-macro)\n1 c v3\n\n", "0 app v1\n1 a v1\n").unwrap();
        let edges: Vec<String> =
            graph.edges.unwrap().iter().map(|edge| format!("{} {} {:?}", edge.from, edge.to, edge.scope)).collect();
        assert_eq!(edges, ["a@1 b@2 Development", "app@1 a@1 Runtime", "app@1 c@3 Development"]);
        assert!(tree("app v1", "").is_err());
        assert!(tree("0 app", "").is_err());
    }
}
