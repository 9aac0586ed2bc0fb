use std::collections::BTreeMap;

use component::Scope;
use serde_json::Value;

use super::{Graph, compare, graph, inventory, project, said};

/// Reads the requirements of `pip inspect` whose markers hold in its environment, and what it says was requested.
#[test]
fn what_is_installed_is_what_pip_inspect_says() {
    let Some(project) = project("pip") else {
        return;
    };
    let said = said(&project, "pip-edges.json");
    let mut theirs = Graph::default();
    let installed: BTreeMap<String, Vec<String>> =
        serde_json::from_value(said.get("edges").cloned().unwrap_or_default()).unwrap();
    for (from, needed) in &installed {
        theirs.components.insert(from.clone());
        for to in needed {
            theirs.edge(from, to);
        }
    }
    let inventory = inventory(&project, "python-installed");
    compare(&graph(&inventory, &[Scope::Runtime]), &theirs);

    let requested: Vec<&str> =
        said.get("requested").and_then(Value::as_array).unwrap().iter().filter_map(Value::as_str).collect();
    let direct: Vec<String> =
        inventory.components.iter().filter(|found| found.direct == Some(true)).map(super::label).collect();
    assert_eq!(direct, requested);
}
