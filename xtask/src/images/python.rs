//! Distributions installed by pip.

use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result};

use super::Recipe;
use super::referee::{Graph, Referee, Said, Scope};
use super::workshop::Workshop;
use crate::workspace::{execute, output};

pub(super) const RECIPE: Recipe = Recipe {
    name: "python",
    holds: "distributions installed by pip",
    needs: &["python3", "tar"],
    make,
    referees: &[Referee {
        asked: "pip inspect",
        cataloger: "python-installed",
        is_alone: false,
        read,
        label: |component| Some(component.at_version()),
        known: &[],
    }],
};

const PACKAGES: [&str; 6] =
    ["flask==2.2.2", "requests==2.28.1", "jinja2==3.1.2", "boto3==1.26.0", "fastapi==0.95.0", "celery==5.2.7"];

/// Where Python's own images have them; the version in the name decides which requirements hold.
const FOLDER: &str =
    "import sys; print(f'usr/local/lib/python{sys.version_info[0]}.{sys.version_info[1]}/site-packages')";

/// `pip inspect` lists each requirement with its marker; pip's own library says which hold.
const EDGES: &str = include_str!("pip_edges.py");

fn make(place: &Path) -> Result<()> {
    let workshop = Workshop::open(place)?;
    let folder = output(Command::new("python3").args(["-c", FOLDER]))?;
    let folder = workshop.root(folder.trim())?;
    execute(
        Command::new("python3")
            .args(["-m", "pip", "install", "--quiet", "--no-warn-conflicts", "--root-user-action=ignore", "--target"])
            .arg(&folder)
            .args(PACKAGES),
    )?;
    let inspected = output(Command::new("python3").args(["-m", "pip", "inspect", "--path"]).arg(&folder))?;
    workshop.record("pip-inspect.json", &inspected)?;
    let document = workshop.beside("pip-inspect.json")?;
    std::fs::write(&document, inspected)?;
    workshop.ask("pip-edges.txt", Command::new("python3").args(["-c", EDGES]).arg(document))?;
    workshop.finish()
}

fn read(said: &Said) -> Result<Graph> {
    let mut graph = Graph::default();
    let inspected = said.json("pip-inspect.json")?;
    for distribution in inspected["installed"].as_array().context("pip lists what is installed")? {
        let text =
            |key: &str| distribution["metadata"][key].as_str().context("a distribution has a name and a version");
        graph.component(format!("{}@{}", normal(text("name")?), text("version")?));
    }
    for line in said.text("pip-edges.txt")?.lines() {
        let [from, to, scope] = line.split(' ').collect::<Vec<_>>()[..] else {
            anyhow::bail!("`{line}` is no edge");
        };
        graph.edge(from, to, if scope == "optional" { Scope::Optional } else { Scope::Runtime });
    }
    Ok(graph)
}

/// Returns a name as indexes spell it.
fn normal(name: &str) -> String {
    name.split(['-', '_', '.']).filter(|part| !part.is_empty()).collect::<Vec<_>>().join("-").to_lowercase()
}
