use std::collections::BTreeMap;
use std::path::Path;

use component::Scope;
use serde_json::Value;

use super::{ROOT, ask, fixture, graph, manifest_label, scoped, text};
use crate::projects::{Graph, compare, inventory};

/// Reads `yarn info --all --recursive --virtuals --json`. A package with peers is there once for each set of them, and all are one to us.
fn berry(app: &Path, info: &str) -> Graph {
    let lines: Vec<Value> = info.lines().map(|line| serde_json::from_str(line).expect("yarn writes JSON")).collect();
    // What came from no registry has its version beside its locator.
    let versions: BTreeMap<&str, &str> = lines
        .iter()
        .map(|line| {
            (line["value"].as_str().expect("a locator"), line["children"]["Version"].as_str().expect("a version"))
        })
        .collect();
    let label = |locator: &str| -> String {
        let at = locator[1..].find('@').expect("a reference") + 1;
        let (name, reference) = (&locator[..at], &locator[at + 1..]);
        let reference = match reference.strip_prefix("virtual:") {
            Some(virtual_) => virtual_.split_once('#').expect("what is virtual is of something").1,
            None => reference,
        };
        if let Some(folder) = reference.strip_prefix("workspace:") {
            return manifest_label(app, folder);
        }
        if let Some(link) = reference.strip_prefix("link:").or(reference.strip_prefix("portal:")) {
            return manifest_label(app, link.split("::").next().unwrap_or(link));
        }
        if let Some(version) = reference.strip_prefix("npm:") {
            return format!("{name}@{version}");
        }
        // The registry's address of an archive has the name that the package has there.
        let served = reference.split_once("/-/").and_then(|(front, _)| Some(front.rsplit_once('/')?.1));
        format!("{}@{}", served.unwrap_or(name), versions[locator])
    };
    let mut graph = Graph::default();
    for line in &lines {
        let locator = line["value"].as_str().expect("a locator");
        let from = label(locator);
        if from != ROOT {
            graph.components.insert(from.clone());
        }
        if from != ROOT && locator.contains("@workspace:") {
            graph.edge(ROOT, &from);
        }
        let needed = [&line["children"]["Dependencies"], &line["children"]["Peer dependencies"]];
        for needed in needed.into_iter().filter_map(Value::as_array).flatten() {
            // What nobody provides has no locator.
            if let Some(to) = needed["locator"].as_str() {
                graph.edge(&from, &label(to));
            }
        }
    }
    graph
}

/// Reads `yarn list --json` of yarn 1: where each package lies, and in its shadow what it needs, by what it needs it as. `aliases` are those names.
fn classic(list: &str, aliases: &[(&str, &str)]) -> Graph {
    let said: Value = serde_json::from_str(list.trim()).expect("yarn writes JSON");
    let trees = said["data"]["trees"].as_array().expect("a list of trees");
    let mut graph = Graph::default();
    lies(trees, &mut Vec::new(), aliases, &mut graph);
    graph
}

fn lies<'a>(trees: &'a [Value], around: &mut Vec<&'a [Value]>, aliases: &[(&str, &str)], graph: &mut Graph) {
    let split = |node: &'a Value| -> (&'a str, &'a str) {
        let name = node["name"].as_str().expect("a name");
        let at = name[1..].find('@').expect("a version") + 1;
        (&name[..at], &name[at + 1..])
    };
    let is_shadow = |node: &Value| node["shadow"].as_bool() == Some(true);
    let label = |node: &'a Value| {
        let (name, version) = split(node);
        let whole = format!("{name}@{version}");
        aliases.iter().find(|(alias, _)| *alias == whole).map_or(whole, |(_, real)| (*real).to_owned())
    };
    around.push(trees);
    for node in trees.iter().filter(|node| !is_shadow(node)) {
        let from = label(node);
        graph.components.insert(from.clone());
        let children = node["children"].as_array().expect("a list of children");
        for needed in children.iter().filter(|child| is_shadow(child)) {
            let name = split(needed).0;
            let places = std::iter::once(children.as_slice()).chain(around.iter().rev().copied());
            let found = places.flat_map(|place| place.iter()).find(|place| !is_shadow(place) && split(place).0 == name);
            graph.edge(&from, &label(found.expect("what is needed is there")));
        }
        lies(children, around, aliases, graph);
    }
    around.pop();
}

/// What yarn 1 does not list: who asks for what lies in the root. The manifests do.
fn asked(graph: &mut Graph, edges: &[(&str, &[&str])]) {
    for (from, to) in edges {
        for to in *to {
            graph.edge(from, to);
        }
    }
}

const SHOP: &[(&str, &[&str])] = &[
    ("root", &["shop@1.0.0", "@shop/cart@1.0.0", "till@0.3.0"]),
    (
        "shop@1.0.0",
        &[
            "plain@1.2.0",
            "wide@1.0.0",
            "ring-a@1.0.0",
            "selfish@2.0.0",
            "wrap@1.0.0",
            "host@1.0.0",
            "maybe@1.0.0",
            "plain@0.9.0",
            "aliaser@1.0.0",
            "native@1.0.0",
            "both@1.0.0",
            "bundler@1.0.0",
            "wants-overridden@1.0.0",
            "till@0.3.0",
            "local-folder@1.0.0",
            "packed@2.0.0",
            "toolkit@1.0.0",
            "linked@7.0.0",
            "tester@3.0.0",
            "till-only@1.0.0",
            "leaf@1.1.0",
            "extra@1.0.0",
        ],
    ),
];

const ALIASES: &[(&str, &str)] =
    &[("plain-old@0.9.0", "plain@0.9.0"), ("leaf-two@2.0.0", "leaf@2.0.0"), ("leaf@1.5.0", "old@1.5.0")];

#[test]
fn what_yarn_1_lists() {
    let fixture = fixture("yarn-1");
    let found = inventory(&fixture, "yarn-lock");
    let mut theirs = classic(&text(&fixture, "list.json"), ALIASES);
    theirs.components.insert("shop@1.0.0".to_owned());
    asked(&mut theirs, SHOP);
    compare(&graph(&found), &theirs);
}

#[test]
fn what_yarn_1_lists_where_names_are_taken() {
    let fixture = fixture("yarn-1-resolutions");
    let mut theirs = classic(&text(&fixture, "list.json"), &[("fruit@1.0.3", "@fruit/pear@1.0.3")]);
    theirs.components.insert("stall@1.0.0".to_owned());
    asked(
        &mut theirs,
        &[
            ("root", &["stall@1.0.0", "leaf@9.0.0", "other@0.1.0", "more@0.2.0"]),
            ("stall@1.0.0", &["wants-overridden@1.0.0", "plain@1.2.0", "leaf@9.0.0", "patched@1.0.0"]),
        ],
    );
    compare(&graph(&inventory(&fixture, "yarn-lock")), &theirs);
}

#[test]
fn what_yarn_1_lists_of_addresses() {
    let fixture = fixture("yarn-1-addresses");
    let served = [("tarred@1.2.0", "plain@1.2.0"), ("tarred@1.0.0", "wide@1.0.0"), ("tarred@2.0.0", "old@2.0.0")];
    let mut theirs = classic(&text(&fixture, "list.json"), &served);
    theirs.components.insert("market@1.0.0".to_owned());
    asked(
        &mut theirs,
        &[
            ("root", &["market@1.0.0", "stand@0.4.0"]),
            ("market@1.0.0", &["gitted@1.3.0", "also-gitted@1.3.0", "plain@1.2.0", "stand@0.4.0", "native@1.0.0"]),
        ],
    );
    compare(&graph(&inventory(&fixture, "yarn-lock")), &theirs);
}

#[test]
fn what_yarn_2_and_later_say() {
    for name in ["yarn-3", "yarn-4", "yarn-4-resolutions", "yarn-4-addresses"] {
        let fixture = fixture(name);
        compare(&graph(&inventory(&fixture, "yarn-lock")), &berry(&fixture.join("app"), &text(&fixture, "info.json")));
    }
}

#[test]
fn what_yarn_says_now() {
    let information = ["info", "--all", "--recursive", "--virtuals", "--json"];
    for (name, version) in
        [("yarn-3", "3."), ("yarn-4", "4."), ("yarn-4-resolutions", "4."), ("yarn-4-addresses", "4.")]
    {
        let fixture = fixture(name);
        if let Some(said) = ask(&fixture, "yarn", version, &information) {
            let app = fixture.join("app");
            compare(&berry(&app, &said), &berry(&app, &text(&fixture, "info.json")));
        }
    }
    for name in ["yarn-1", "yarn-1-resolutions", "yarn-1-addresses"] {
        let fixture = fixture(name);
        if let Some(said) = ask(&fixture, "yarn", "1.", &["list", "--json"]) {
            assert_eq!(said.trim(), text(&fixture, "list.json").trim());
        }
    }
}

/// `yarn list --production` has what is needed without development, of the root alone.
#[test]
fn what_yarn_1_needs_for_production() {
    let fixture = fixture("yarn-1");
    let found = inventory(&fixture, "yarn-lock");
    let production = classic(&text(&fixture, "list-prod.json"), ALIASES).components;
    let development = scoped(&found, Scope::Development);
    let both: Vec<&String> = production.intersection(&development).collect();
    assert_eq!(both, Vec::<&String>::new());
}
