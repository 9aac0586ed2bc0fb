use serde_json::Value;

use super::{ALL, Graph, compare, graph, inventory, project, said};

/// Reads `npm ls --all --json --long`. It lists an aliased package under its alias; its own field has the name.
fn theirs(said: &Value) -> Graph {
    let text = |value: &Value, key: &str| value.get(key).and_then(Value::as_str).map(str::to_owned);
    let root = format!(
        "{}@{}",
        text(said, "name").expect("the project has a name"),
        text(said, "version").expect("the project has a version")
    );
    let mut graph = Graph::default();
    graph.components.insert(root.clone());
    let mut queue: Vec<(String, &Value)> = vec![(root, said)];
    while let Some((from, node)) = queue.pop() {
        for (name, needed) in node.get("dependencies").and_then(Value::as_object).into_iter().flatten() {
            // An optional dependency that is not there has no version.
            let Some(version) = text(needed, "version") else {
                continue;
            };
            let to = format!("{}@{version}", text(needed, "name").as_ref().unwrap_or(name));
            graph.components.insert(to.clone());
            graph.edge(&from, &to);
            queue.push((to, needed));
        }
    }
    graph
}

#[test]
fn what_is_installed_is_what_npm_ls_says() {
    let Some(project) = project("npm") else {
        return;
    };
    compare(&graph(&inventory(&project, "npm-installed"), &ALL), &theirs(&said(&project, "npm-ls.json")));
}

#[test]
fn what_is_locked_is_what_npm_ls_says() {
    let Some(project) = project("npm") else {
        return;
    };
    compare(&graph(&inventory(&project, "npm-lock"), &ALL), &theirs(&said(&project, "npm-ls-lock.json")));
}
