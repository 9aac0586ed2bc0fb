use std::collections::BTreeMap;

use super::{ALL, Graph, compare, graph, inventory, project, said};

/// Reads what RubyGems' own specifications resolve to: for each gem the best match of each dependency.
#[test]
fn what_is_installed_is_what_rubygems_resolves() {
    let Some(project) = project("ruby") else {
        return;
    };
    let said: BTreeMap<String, Vec<String>> = serde_json::from_value(said(&project, "gem-edges.json")).unwrap();
    let mut theirs = Graph::default();
    for (from, needed) in &said {
        theirs.components.insert(from.clone());
        for to in needed {
            theirs.edge(from, to);
        }
    }
    compare(&graph(&inventory(&project, "gemspec-installed"), &ALL), &theirs);
}
