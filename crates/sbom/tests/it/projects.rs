//! What the ecosystems' own tools say of real projects is what we say: names, versions and edges.
//!
//! A project lies under `GARRISON_PEERS/projects/<tool>`: the project or what is installed in `app`, what the tool said of it in files beside it.
//! Nothing of it is run, and nothing is fetched.
//!
//! | tool | in `app` | files |
//! |---|---|---|
//! | npm | a project with workspaces and an alias, installed | `npm ls --all --json --long` as `npm-ls.json`, with `--package-lock-only` as `npm-ls-lock.json` |
//! | pip | a virtual environment | `pip-edges.json`: `edges`, from each `name@version` those of its requirements in `pip inspect` that hold, by pip's `packaging`; `requested` |
//! | cargo | a workspace with its lockfile | `cargo metadata --format-version 1 --all-features` as `cargo-metadata.json` |
//! | go | a tidy module | `go mod edit -json` as `go-mod.json` |
//! | ruby | the `specifications` of all folders of `Gem.path` | `gem-edges.json`: from each `name@version` the highest of the `matching_specs` of each runtime dependency |

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File};
use std::path::{Path, PathBuf};

use component::{Component, Inventory, Node, Relation, Scope, Subject};
use sbom::{Allowance, FileKind, LayerBuilder, LayerScope, Matcher, Source};

mod cargo;
mod go;
mod npm;
mod pip;
mod ruby;

/// Components as `name@version`, and pairs of them.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Graph {
    pub(crate) components: BTreeSet<String>,
    pub(crate) edges: BTreeSet<(String, String)>,
}

impl Graph {
    pub(crate) fn edge(&mut self, from: &str, to: &str) {
        self.edges.insert((from.to_owned(), to.to_owned()));
    }
}

/// Returns the folder of a tool's project. `None`, said loudly, when there is none.
fn project(tool: &str) -> Option<PathBuf> {
    testkit::peer_directory(&format!("projects/{tool}"))
}

/// Returns what a tool said, as JSON.
pub(crate) fn said(project: &Path, file: &str) -> serde_json::Value {
    serde_json::from_slice(&fs::read(project.join(file)).expect("what the tool said is there"))
        .expect("what the tool said is JSON")
}

/// Returns what one cataloger finds in the project's `app`.
pub(crate) fn inventory(project: &Path, cataloger: &str) -> Inventory {
    let cataloger = sbom::catalogers().iter().find(|known| known.name == cataloger).expect("the cataloger is there");
    let matcher = Matcher::new(vec![cataloger]);
    let allowance = Allowance::new(tempfile::tempfile);
    let mut builder = LayerBuilder::new(&matcher, &allowance);
    let root = project.join("app");
    let mut folders = vec![root.clone()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).expect("the folder can be read") {
            let path = entry.expect("the folder can be read").path();
            let name =
                path.strip_prefix(&root).ok().and_then(Path::to_str).expect("the path is text inside the project");
            let kind = fs::symlink_metadata(&path).expect("the entry can be read");
            if kind.is_symlink() {
                let target = fs::read_link(&path).expect("the link can be read");
                builder.add(name, FileKind::Symlink, 0o777, target.to_str()).expect("the layer takes what is there");
            } else if kind.is_dir() {
                builder.add(name, FileKind::Directory, 0o755, None).expect("the layer takes what is there");
                folders.push(path);
            } else if kind.is_file() {
                builder
                    .add_file(name, 0o644, kind.len(), &mut File::open(&path).expect("the file can be read"))
                    .expect("the layer takes what is there");
            }
        }
    }
    let record = builder.finish();
    let subject = Subject::Directory { name: "project".to_owned() };
    sbom::inventory(
        Source { subject, layers: Vec::new(), records: &[&record], created: None },
        &matcher,
        LayerScope::Squashed,
    )
}

pub(crate) fn label(component: &Component) -> String {
    format!("{}@{}", component.name, component.version.as_deref().unwrap_or_default())
}

/// Returns the graph of the dependencies whose scope is among these. What another package only carries a copy of is left out, as tools do not see it.
fn graph(inventory: &Inventory, scopes: &[Scope]) -> Graph {
    let contained: BTreeSet<usize> = inventory
        .edges
        .iter()
        .filter(|edge| edge.relation == Relation::Contains)
        .map(|edge| edge.to.0 as usize)
        .collect();
    let known: BTreeMap<usize, String> = inventory
        .components
        .iter()
        .enumerate()
        .filter(|(index, _)| !contained.contains(index))
        .map(|(index, component)| (index, label(component)))
        .collect();
    let mut graph = Graph { components: known.values().cloned().collect(), edges: BTreeSet::new() };
    for edge in &inventory.edges {
        let (Node::Component(from), Relation::DependsOn(scope)) = (edge.from, edge.relation) else {
            continue;
        };
        if let (Some(from), Some(to), true) =
            (known.get(&(from.0 as usize)), known.get(&(edge.to.0 as usize)), scopes.contains(&scope))
        {
            graph.edge(from, to);
        }
    }
    graph
}

/// Compares, and says what only one of the two has.
pub(crate) fn compare(ours: &Graph, theirs: &Graph) {
    let only = |left: &Graph, right: &Graph| {
        let components: Vec<&String> = left.components.difference(&right.components).collect();
        let edges: Vec<&(String, String)> = left.edges.difference(&right.edges).collect();
        format!("components {components:?}, edges {edges:?}")
    };
    assert!(!theirs.components.is_empty() && !theirs.edges.is_empty(), "the tool said nothing");
    assert!(ours == theirs, "only ours: {}\nonly theirs: {}", only(ours, theirs), only(theirs, ours));
}

const ALL: [Scope; 3] = [Scope::Runtime, Scope::Optional, Scope::Development];
