use std::collections::BTreeSet;

use super::{inventory, label, project, said};

/// Reads `go mod edit -json`.
#[test]
fn what_is_required_is_what_go_reads() {
    let Some(project) = project("go") else {
        return;
    };
    let said = said(&project, "go-mod.json");
    let theirs: BTreeSet<(String, bool)> = said["Require"]
        .as_array()
        .unwrap()
        .iter()
        .map(|require| {
            let name = format!("{}@{}", require["Path"].as_str().unwrap(), require["Version"].as_str().unwrap());
            (name, require["Indirect"].as_bool() != Some(true))
        })
        .collect();
    let inventory = inventory(&project, "go-mod");
    let ours: BTreeSet<(String, bool)> =
        inventory.components.iter().map(|found| (label(found), found.direct == Some(true))).collect();
    assert_eq!(ours, theirs);
    assert!(inventory.components.iter().all(|found| found.hashes.len() == 1), "go.sum has a hash for each");
}
