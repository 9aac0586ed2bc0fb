use std::collections::BTreeSet;

use component::Scope;
use serde_json::Value;

use super::{ROOT, ask, fixture, graph, scoped, text};
use crate::projects::{Graph, compare, inventory};

/// Reads the list of `composer show --locked --format=json`.
fn listed(list: &str) -> Vec<(String, bool)> {
    let list: Value = serde_json::from_str(list).expect("Composer writes JSON");
    let packages = list["locked"].as_array().expect("a list of packages").iter();
    packages
        .map(|package| {
            let label = format!(
                "{}@{}",
                package["name"].as_str().expect("a name"),
                package["version"].as_str().expect("a version")
            );
            (label, package["direct-dependency"].as_bool().expect("whether it was asked for"))
        })
        .collect()
}

/// Reads `composer why --locked --tree` of each package, each behind its name: who requires it; and below what it replaces, who requires that.
fn why(text: &str, labels: &[(String, bool)], project: &str) -> BTreeSet<(String, String)> {
    let label = |name: &str| {
        let start = format!("{name}@");
        labels
            .iter()
            .find(|(label, _)| label.starts_with(&start))
            .map_or_else(|| project.to_owned(), |(label, _)| label.clone())
    };
    let mut edges = BTreeSet::new();
    let mut to = String::new();
    // What the package stands in for at this place of its tree.
    let mut replaced: Option<String> = None;
    for line in text.lines() {
        if let Some(name) = line.strip_prefix("= ") {
            to = label(name);
            continue;
        }
        let Some(start) = line.find("--") else {
            continue;
        };
        let depth = (start - 1) / 3;
        let words: Vec<&str> = line[start + 2..].split_whitespace().collect();
        let from = label(words[0]);
        match (depth, words[2]) {
            (0, "(requires") => {
                edges.insert((from, to.clone()));
            }
            (0, "(replaces") => replaced = Some(words[3].to_owned()),
            (1, "(requires") if replaced.as_deref().is_some_and(|name| line.contains(&format!(" {name} "))) => {
                edges.insert((from, to.clone()));
            }
            _ => {}
        }
        if depth == 0 && words[2] != "(replaces" {
            replaced = None;
        }
    }
    edges
}

const PROJECT: &str = "acme/site@1.0.0";

/// What the resolver lets stand in for a name that no package has: `composer why` leaves out what packages provide.
const PROVIDED: &[(&str, &str)] = &[("acme/kit@1.0.0", "acme/log@1.2.0"), ("acme/kit@1.0.0", "acme/log-two@1.0.0")];

/// Whoever stands in for what the project asks for was not asked for itself, as `composer show --direct` has it.
const STANDS_IN: (&str, &str) = (PROJECT, "acme/util@2.3.0");

#[test]
fn what_composer_says() {
    let fixture = fixture("composer");
    let found = inventory(&fixture, "composer-lock");
    let listed = listed(&text(&fixture, "show.json"));
    let mut theirs = Graph { components: listed.iter().map(|(label, _)| label.clone()).collect(), ..Graph::default() };
    theirs.components.insert(PROJECT.to_owned());
    theirs.edges = why(&text(&fixture, "why.txt"), &listed, PROJECT);
    theirs.edge(ROOT, PROJECT);
    let direct: BTreeSet<String> =
        theirs.edges.iter().filter(|(from, _)| from == PROJECT).map(|(_, to)| to.clone()).collect();
    for (from, to) in PROVIDED {
        theirs.edge(from, to);
    }
    assert!(theirs.edges.remove(&(STANDS_IN.0.to_owned(), STANDS_IN.1.to_owned())));
    compare(&graph(&found), &theirs);

    let asked: BTreeSet<String> =
        listed.iter().filter(|(_, is_direct)| *is_direct).map(|(label, _)| label.clone()).collect();
    assert_eq!(direct.into_iter().filter(|label| label != STANDS_IN.1).collect::<BTreeSet<_>>(), asked);
    let required: BTreeSet<String> =
        super::composer::listed(&text(&fixture, "show-no-dev.json")).into_iter().map(|(label, _)| label).collect();
    let mut runtime = scoped(&found, Scope::Runtime);
    runtime.remove(PROJECT);
    assert_eq!(runtime, required);
}

#[test]
fn what_composer_says_now() {
    let fixture = fixture("composer");
    if let Some(list) = ask(&fixture, "composer", "2.", &["show", "--locked", "--format=json"]) {
        assert_eq!(listed(&list), listed(&text(&fixture, "show.json")));
    }
}
