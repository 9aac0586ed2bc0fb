//! Programs built by `go install`, and the source of a module.

use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result};

use super::Recipe;
use super::referee::{Graph, Referee, Said, Scope};
use super::workshop::Workshop;
use crate::workspace::{execute, output};

pub(super) const RECIPE: Recipe = Recipe {
    name: "go",
    holds: "programs of real modules, and the source of one",
    needs: &["go", "tar"],
    make,
    referees: &[
        Referee {
            asked: "go version -m",
            cataloger: "go-binary",
            is_alone: false,
            read: |said| programs(&said.text("go-version.txt")?),
            label: |component| Some(component.at_version()),
            known: &[],
        },
        Referee {
            asked: "go mod edit -json",
            cataloger: "go-mod",
            is_alone: true,
            read: module,
            label: |component| {
                let indirect = if component.is_direct { "" } else { " indirect" };
                Some(format!("{}{indirect}", component.at_version()))
            },
            known: &[],
        },
    ],
};

const PROGRAMS: [&str; 3] = [
    "github.com/google/go-containerregistry/cmd/crane@v0.22.1",
    "github.com/regclient/regclient/cmd/regctl@v0.11.7",
    "oras.land/oras/cmd/oras@v1.3.6",
];
const SOURCE: &str = "github.com/google/go-containerregistry@v0.22.1";

fn make(place: &Path) -> Result<()> {
    let workshop = Workshop::open(place)?;
    let programs = workshop.root("usr/local/bin/x")?.with_file_name("");
    for program in PROGRAMS {
        let mut go = Command::new("go");
        go.args(["install", "-trimpath", program]).env("GOBIN", &programs).env("CGO_ENABLED", "0");
        execute(go.env_remove("GOFLAGS"))?;
    }
    workshop.ask("go-version.txt", Command::new("go").args(["version", "-m"]).arg(&programs))?;

    let downloaded = output(Command::new("go").args(["mod", "download", "-json", SOURCE]))?;
    let downloaded: serde_json::Value = serde_json::from_str(&downloaded)?;
    let source = Path::new(downloaded["Dir"].as_str().context("a module is in a directory")?);
    for file in ["go.mod", "go.sum"] {
        fs::copy(source.join(file), workshop.root(&format!("src/crane/{file}"))?)?;
    }
    workshop.ask(
        "go-mod.json",
        Command::new("go").args(["mod", "edit", "-json"]).arg(workshop.root("src/crane/go.mod")?),
    )?;
    workshop.finish()
}

/// Reads a block for each program: its path and Go's version, then a line for each module. A program's main module needs the others: which of them needs which is not said.
fn programs(said: &str) -> Result<Graph> {
    let mut graph = Graph::default();
    let mut main = String::new();
    let mut standard_library = String::new();
    let mut needed: Vec<String> = Vec::new();
    let mut close = |main: &str, needed: &mut Vec<String>| {
        for label in needed.drain(..) {
            graph.component(label.clone());
            if label != main {
                graph.edge(main, label, Scope::Unsaid);
            }
        }
    };
    for line in said.lines() {
        let Some(columns) = line.strip_prefix('\t') else {
            close(&main, &mut needed);
            let (_, version) = line.rsplit_once(": ").context("a program's line ends with the version of Go")?;
            let version = version.split(' ').next().unwrap_or_default();
            standard_library = format!("stdlib@{version}");
            needed.push(standard_library.clone());
            continue;
        };
        let columns: Vec<&str> = columns.split('\t').collect();
        match columns[..] {
            ["mod", path, version, ..] => {
                main = format!("{path}@{version}");
                needed.push(main.clone());
            }
            ["dep", path, version, ..] => needed.push(format!("{path}@{version}")),
            ["=>", path, version, ..] => {
                needed.pop().context("a module is replaced")?;
                needed.push(format!("{path}@{version}"));
            }
            _ => {}
        }
    }
    close(&main, &mut needed);
    anyhow::ensure!(!standard_library.is_empty(), "no program was built");
    Ok(graph)
}

fn module(said: &Said) -> Result<Graph> {
    let mut graph = Graph::default();
    let said = said.json("go-mod.json")?;
    for required in said["Require"].as_array().context("the module requires others")? {
        let path = required["Path"].as_str().zip(required["Version"].as_str());
        let (path, version) = path.context("a requirement has a path and a version")?;
        let indirect = if required["Indirect"] == true { " indirect" } else { "" };
        graph.component(format!("{path}@{version}{indirect}"));
    }
    Ok(graph)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_main_module_needs_the_others_of_its_program() {
        let said = "/bin/a: go1.26\n\tpath\te.org/a/cmd/a\n\tmod\te.org/a\tv1.0.0\th1:x=\n\tdep\te.org/b\tv2.0.0\n\t=>\te.org/c\tv3.0.0\th1:y=\n\
                    /bin/d: go1.25\n\tmod\te.org/d\tv4.0.0\t\n\tbuild\t-trimpath=true\n";
        let graph = programs(said).unwrap();
        let components: Vec<&str> = graph.components.iter().map(String::as_str).collect();
        assert_eq!(
            components,
            ["e.org/a@v1.0.0", "e.org/c@v3.0.0", "e.org/d@v4.0.0", "stdlib@go1.25", "stdlib@go1.26"]
        );
        let edges: Vec<String> = graph.edges.unwrap().iter().map(|edge| format!("{} {}", edge.from, edge.to)).collect();
        assert_eq!(
            edges,
            ["e.org/a@v1.0.0 e.org/c@v3.0.0", "e.org/a@v1.0.0 stdlib@go1.26", "e.org/d@v4.0.0 stdlib@go1.25"]
        );
        assert!(programs("").is_err());
        assert!(programs("a").is_err());
    }
}
