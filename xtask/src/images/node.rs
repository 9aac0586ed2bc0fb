//! Packages installed by npm.

use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result};
use serde_json::Value;

use super::Recipe;
use super::referee::{Graph, Referee, Scope};
use super::workshop::Workshop;
use crate::workspace::execute;

pub(super) const RECIPE: Recipe = Recipe {
    name: "node",
    holds: "packages installed by npm",
    needs: &["npm", "tar"],
    make,
    referees: &[
        Referee {
            asked: "npm ls --all --json --long",
            cataloger: "npm-installed",
            is_alone: false,
            read: |said| read(&said.json("npm-ls.json")?),
            label: |component| (!component.is_contained).then(|| component.at_version()),
            known: &[],
        },
        Referee {
            asked: "npm ls --all --json --long --package-lock-only",
            cataloger: "npm-lock",
            is_alone: true,
            read: |said| read(&said.json("npm-ls-lock.json")?),
            label: |component| Some(component.at_version()),
            known: &[],
        },
    ],
};

const PACKAGES: [&str; 6] =
    ["express@4.17.1", "lodash@4.17.15", "axios@0.21.1", "webpack@5.75.0", "jest@29.0.0", "eslint@8.30.0"];

fn make(place: &Path) -> Result<()> {
    let workshop = Workshop::open(place)?;
    workshop.write("app/package.json", r#"{"name":"app","version":"1.0.0","private":true}"#)?;
    let app = workshop.root("app")?;
    // Nothing that is installed runs.
    let quiet = ["install", "--silent", "--no-audit", "--no-fund", "--ignore-scripts"];
    execute(Command::new("npm").args(quiet).args(PACKAGES).current_dir(&app))?;
    let ls = || {
        let mut command = Command::new("npm");
        command.args(["ls", "--all", "--json", "--long"]).current_dir(&app);
        command
    };
    workshop.ask("npm-ls.json", &mut ls())?;
    workshop.ask("npm-ls-lock.json", ls().arg("--package-lock-only"))?;
    workshop.finish()
}

fn read(said: &Value) -> Result<Graph> {
    let text = |value: &Value, key: &str| value[key].as_str().map(str::to_owned);
    let root = text(said, "name").zip(text(said, "version")).context("the project has a name and a version")?;
    let root = format!("{}@{}", root.0, root.1);
    let mut graph = Graph::default();
    graph.component(root.clone());
    let mut queue: Vec<(String, &Value)> = vec![(root, said)];
    while let Some((from, node)) = queue.pop() {
        for (name, needed) in node["dependencies"].as_object().into_iter().flatten() {
            // An optional dependency that is not there has no version.
            let Some(version) = text(needed, "version") else { continue };
            // One that has an alias is listed under that; its own field has the name.
            let to = format!("{}@{version}", text(needed, "name").as_ref().unwrap_or(name));
            graph.component(to.clone());
            graph.edge(from.clone(), to.clone(), Scope::Unsaid);
            queue.push((to, needed));
        }
    }
    Ok(graph)
}
