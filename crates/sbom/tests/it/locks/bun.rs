use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use component::{Inventory, Node, Relation, Scope};

use super::{ROOT, ask, fixture, manifest_label, text};
use crate::projects::{inventory, label};

type Edges = BTreeSet<(String, String, Scope)>;

/// What `bun why` says: who depends on what, and who wants a peer of that name.
#[derive(Debug, Default, PartialEq, Eq)]
struct Said {
    components: BTreeSet<String>,
    edges: Edges,
    peers: BTreeSet<(String, String)>,
}

/// Reads `bun why '*'`: each package, and below it whoever depends on it.
fn said(app: &Path, why: &str) -> Said {
    let is_head = |line: &&str| !line.is_empty() && !line.starts_with(' ');
    let mut labels: BTreeMap<String, String> = BTreeMap::new();
    for head in why.lines().filter(is_head) {
        let at = head[1..].find('@').expect("a version") + 1;
        let (name, version) = (&head[..at], &head[at + 1..]);
        let label = if let Some(folder) = version.strip_prefix("workspace:") {
            labels.insert(format!("{name}@workspace"), manifest_label(app, folder));
            manifest_label(app, folder)
        } else if version.is_empty() {
            // The project itself.
            labels.insert(name.to_owned(), manifest_label(app, ""));
            manifest_label(app, "")
        } else if app.join(version).is_dir() {
            manifest_label(app, version)
        } else if let Some(archive) = version.split_once("/-/").map(|(_, archive)| archive) {
            // A registry serves it under its version.
            let version = archive.rsplit_once('-').and_then(|(_, version)| version.strip_suffix(".tgz"));
            format!("{name}@{}", version.expect("an archive of a registry"))
        } else if version.starts_with("git+")
            || Path::new(version).extension().is_some_and(|extension| extension == "tgz")
        {
            // The version of what comes from a repository or from beside the lockfile is not noted.
            format!("{name}@")
        } else {
            head.to_owned()
        };
        labels.insert(head.to_owned(), label);
    }
    let mut said = Said { components: labels.values().cloned().collect(), ..Said::default() };
    let mut to = String::new();
    for line in why.lines() {
        if is_head(&line) {
            to.clone_from(&labels[line]);
        }
        let Some(dependent) = line.strip_prefix("  ├─ ").or(line.strip_prefix("  └─ ")) else {
            continue;
        };
        // Below a workspace stands also the project that has it.
        let Some((dependent, _)) = dependent.split_once(" (requires ") else {
            continue;
        };
        let (kind, dependent) = dependent.rsplit_once(' ').unwrap_or(("", dependent));
        let from = labels[dependent].clone();
        match kind {
            "" => said.edges.insert((from, to.clone(), Scope::Runtime)),
            "dev" => said.edges.insert((from, to.clone(), Scope::Development)),
            "optional" => said.edges.insert((from, to.clone(), Scope::Optional)),
            _ => said.peers.insert((from, to.clone())),
        };
    }
    // One that is needed under two names is needed for the stronger reason.
    let mut seen: BTreeSet<(String, String)> = BTreeSet::new();
    let mut edges: Vec<(String, String, Scope)> = std::mem::take(&mut said.edges).into_iter().collect();
    edges.sort_by_key(|(_, _, scope)| *scope);
    said.edges = edges.into_iter().filter(|(from, to, _)| seen.insert((from.clone(), to.clone()))).collect();
    said
}

fn edges(inventory: &Inventory) -> Edges {
    let of = |index: u32| label(&inventory.components[index as usize]);
    let edges = inventory.edges.iter().filter_map(|edge| match (edge.from, edge.relation) {
        (Node::Component(from), Relation::DependsOn(scope)) => Some((of(from.0), of(edge.to.0), scope)),
        _ => None,
    });
    edges.collect()
}

fn check(name: &str) {
    let fixture = fixture(name);
    let said = said(&fixture.join("app"), &text(&fixture, "why.txt"));
    let found = inventory(&fixture, "bun-lock");
    let ours: Edges = edges(&found);
    assert_eq!(found.components.iter().map(label).collect::<BTreeSet<_>>(), said.components, "{name}");
    let missing: Vec<_> = said.edges.difference(&ours).collect();
    assert_eq!(missing, Vec::<&(String, String, Scope)>::new(), "{name}");
    // Bun names each version that would do as a peer; there is one that Node finds.
    let named = |label: &str| label.rsplit_once('@').map(|(name, _)| name.to_owned());
    let peers: BTreeSet<(String, String)> =
        ours.difference(&said.edges).map(|(from, to, _)| (from.clone(), to.clone())).collect();
    let invented: Vec<_> = peers.difference(&said.peers).collect();
    assert_eq!(invented, Vec::<&(String, String)>::new(), "{name}");
    let of = |peers: &BTreeSet<(String, String)>| -> BTreeSet<(String, Option<String>)> {
        peers.iter().map(|(from, to)| (from.clone(), named(to))).collect()
    };
    let known: BTreeSet<(String, String)> = ours.iter().map(|(from, to, _)| (from.clone(), to.clone())).collect();
    let unknown: Vec<_> = of(&said.peers).difference(&of(&known)).cloned().collect();
    assert_eq!(unknown, Vec::new(), "{name}");

    let root: BTreeSet<String> = found
        .edges
        .iter()
        .filter(|edge| edge.from == Node::Root)
        .map(|edge| label(&found.components[edge.to.0 as usize]))
        .collect();
    let projects: BTreeSet<String> = text(&fixture, "why.txt")
        .lines()
        .filter_map(|line| Some(manifest_label(&fixture.join("app"), line.split_once("@workspace:")?.1)))
        .chain([manifest_label(&fixture.join("app"), "")])
        .filter(|label| label != ROOT)
        .collect();
    assert_eq!(root, projects, "{name}");
}

#[test]
fn what_bun_says() {
    check("bun");
    check("bun-overrides");
    check("bun-addresses");
}

#[test]
fn what_bun_says_now() {
    for name in ["bun", "bun-overrides", "bun-addresses"] {
        let fixture = fixture(name);
        if let Some(why) = ask(&fixture, "bun", "1.4.", &["why", "*"]) {
            let app = fixture.join("app");
            assert_eq!(said(&app, &why), said(&app, &text(&fixture, "why.txt")));
        }
    }
}
