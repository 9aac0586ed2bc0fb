use std::collections::BTreeSet;

use component::Scope;

use super::{ROOT, fixture, graph, requirements, scoped, text};
use crate::projects::inventory;

/// `pipenv requirements --categories` of each group. Who needs whom is not locked; what was asked for, the Pipfile says.
#[test]
fn what_pipenv_locks() {
    let fixture = fixture("pipenv");
    let found = inventory(&fixture, "pipfile-lock");
    // Where the project was locked, this is not needed: it was asked for and not resolved, and has no version.
    let group = |name: &str| {
        let list = text(&fixture, &format!("{name}.txt"));
        let resolved: Vec<&str> = list.lines().filter(|line| !line.starts_with("mac-only;")).collect();
        let labels = requirements(&resolved.join("\n"), &[]);
        labels.into_iter().map(|label| label.replace("pretty.name-x", "pretty-name-x")).collect::<BTreeSet<String>>()
    };
    let packages = group("packages");
    let development: BTreeSet<String> =
        group("dev-packages").union(&group("docs")).filter(|label| !packages.contains(*label)).cloned().collect();
    assert_eq!(scoped(&found, Scope::Runtime), packages);
    assert_eq!(scoped(&found, Scope::Development), development);

    let asked = ["web@1.0", "pretty-name-x@1.0", "num@1.26.0", "test-tool@8.0", "lint@0.9", "docs-tool@1.0"];
    let edges: BTreeSet<(String, String)> = asked.iter().map(|to| (ROOT.to_owned(), (*to).to_owned())).collect();
    assert_eq!(graph(&found).edges, edges);
}
