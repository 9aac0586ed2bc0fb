//! What Garrison finds in an image, out of the CycloneDX document that it writes.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context, Result};
use serde_json::Value;

use super::referee::{Graph, Scope};

/// A component of the document.
#[derive(Debug)]
pub(super) struct Component {
    /// What the name is unique in: npm's scope, Maven's group, the path of a Go module.
    pub(super) group: String,
    pub(super) name: String,
    pub(super) version: String,
    pub(super) architecture: String,
    /// The files that it was found in or at.
    pub(super) paths: Vec<String>,
    /// Whether someone asked for it.
    pub(super) is_direct: bool,
    /// Whether another one carries it inside.
    pub(super) is_contained: bool,
    found_by: String,
}

impl Component {
    /// Returns group, name and version as most ecosystems write them.
    pub(super) fn at_version(&self) -> String {
        let slash = if self.group.is_empty() { "" } else { "/" };
        format!("{}{slash}{}@{}", self.group, self.name, self.version)
    }
}

/// All of them, and which needs which.
pub(super) struct Inventory {
    components: BTreeMap<String, Component>,
    edges: Vec<(String, String, Scope)>,
}

impl Inventory {
    pub(super) fn read(document: &str) -> Result<Self> {
        let document: Value = serde_json::from_str(document).context("the document is not JSON")?;
        let listed = document["components"].as_array().context("the document has no components")?;
        let subject = &document["metadata"]["component"];
        let contained: BTreeSet<&str> =
            listed.iter().chain([subject]).flat_map(|component| properties(component, "garrison:contains")).collect();
        let mut components = BTreeMap::new();
        let mut stated: BTreeMap<(&str, &str), Vec<Scope>> = BTreeMap::new();
        for component in listed {
            let reference = text(component, "bom-ref");
            for (property, scope) in [
                ("garrison:depends-on:runtime", Scope::Runtime),
                ("garrison:depends-on:optional", Scope::Optional),
                ("garrison:depends-on:development", Scope::Development),
            ] {
                for to in properties(component, property) {
                    stated.entry((reference, to)).or_default().push(scope);
                }
            }
            components.insert(reference.to_owned(), read(component, contained.contains(reference)));
        }
        let mut edges = Vec::new();
        for entry in document["dependencies"].as_array().context("the document has no dependencies")? {
            let from = text(entry, "ref");
            for to in entry["dependsOn"].as_array().into_iter().flatten().filter_map(Value::as_str) {
                let scopes = stated.get(&(from, to)).cloned().unwrap_or_else(|| vec![Scope::Runtime]);
                edges.extend(scopes.into_iter().map(|scope| (from.to_owned(), to.to_owned(), scope)));
            }
        }
        Ok(Self { components, edges })
    }

    /// Returns what a cataloger found, in the words of a tool, and with what that tool says of edges.
    pub(super) fn graph(&self, cataloger: &str, label: fn(&Component) -> Option<String>, theirs: &Graph) -> Graph {
        let labels: BTreeMap<&str, String> = self
            .components
            .iter()
            .filter(|(_, component)| component.found_by == cataloger)
            .filter_map(|(reference, component)| Some((reference.as_str(), label(component)?)))
            .collect();
        let mut graph = Graph { components: labels.values().cloned().collect(), edges: None };
        let Some(said) = &theirs.edges else { return graph };
        let has_scopes = said.iter().any(|edge| edge.scope != Scope::Unsaid);
        for (from, to, scope) in &self.edges {
            if let (Some(from), Some(to)) = (labels.get(from.as_str()), labels.get(to.as_str())) {
                graph.edge(from, to, if has_scopes { *scope } else { Scope::Unsaid });
            }
        }
        graph
    }
}

fn read(component: &Value, is_contained: bool) -> Component {
    let property = |name| properties(component, name).next().unwrap_or_default();
    let locations = properties(component, "garrison:location")
        .filter_map(|location| Some(serde_json::from_str::<Value>(location).ok()?["path"].as_str()?.to_owned()));
    Component {
        group: text(component, "group").to_owned(),
        name: text(component, "name").to_owned(),
        version: text(component, "version").to_owned(),
        architecture: property("garrison:architecture").to_owned(),
        paths: locations.collect(),
        is_direct: property("garrison:direct") == "true",
        is_contained,
        found_by: property("garrison:found-by").to_owned(),
    }
}

fn text<'a>(value: &'a Value, key: &str) -> &'a str {
    value[key].as_str().unwrap_or_default()
}

fn properties<'a>(component: &'a Value, name: &str) -> impl Iterator<Item = &'a str> {
    let listed = component["properties"].as_array().into_iter().flatten();
    listed.filter(move |property| property["name"] == name).filter_map(|property| property["value"].as_str())
}
