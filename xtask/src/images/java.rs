//! Applications built by Maven: one in an archive with all it needs, and one with its archives beside it.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, ensure};

use super::Recipe;
use super::found::Component;
use super::referee::{Graph, Known, Referee, Scope};
use super::workshop::Workshop;
use crate::workspace::execute;

pub(super) const RECIPE: Recipe = Recipe {
    name: "java",
    holds: "an application of Spring Boot, and one with its archives beside it, built by Maven",
    needs: &["mvn", "javac", "tar"],
    make,
    referees: &[
        Referee {
            asked: "mvn dependency:tree -Dverbose (archives in an archive)",
            cataloger: "java-archive",
            is_alone: false,
            read: |said| read(&said.text("mvn-tree-orders.txt")?),
            label: |component| label(component, "/app/orders"),
            known: ORDERS,
        },
        Referee {
            asked: "mvn dependency:tree -Dverbose (archives in a directory)",
            cataloger: "java-archive",
            is_alone: false,
            read: |said| read(&said.text("mvn-tree-reports.txt")?),
            label: |component| label(component, "/opt/reports/"),
            known: REPORTS,
        },
    ],
};

const NO_STARTERS: &str = "Spring Boot leaves starters out of what it packages: there is nothing in them";
const NO_PROJECT: &str =
    "published without a `pom.xml`, or with one that leaves its needs to a parent: nothing in the image states them";

const ORDERS: &[Known] = &[
    Known { line: "only the tool: component org.springframework.boot:spring-boot-starter*", reason: NO_STARTERS },
    Known {
        line: "only the tool: edge org.example:orders:* -> org.springframework.boot:spring-boot-starter*",
        reason: NO_STARTERS,
    },
    Known { line: "only the tool: edge org.springframework.boot:spring-boot-starter*", reason: NO_STARTERS },
    Known {
        line: "only Garrison: component org.springframework.boot:spring-boot-jarmode-layertools:3.2.5",
        reason: "Spring Boot adds its own tools to what it packages",
    },
    Known {
        line: "only Garrison: edge org.latencyutils:LatencyUtils:2.0.3 -> org.hdrhistogram:HdrHistogram:2.1.12",
        reason: "Micrometer, whose archive has no `pom.xml`, excludes for LatencyUtils what it asks for itself",
    },
    Known { line: "only the tool: edge com.fasterxml.jackson.datatype:*", reason: NO_PROJECT },
    Known { line: "only the tool: edge com.fasterxml.jackson.module:*", reason: NO_PROJECT },
    Known { line: "only the tool: edge io.micrometer:*", reason: NO_PROJECT },
    Known { line: "only the tool: edge org.apache.tomcat.embed:*", reason: NO_PROJECT },
    Known { line: "only the tool: edge org.springframework.boot:*", reason: NO_PROJECT },
    Known { line: "only the tool: edge org.springframework:*", reason: NO_PROJECT },
];

const REPORTS: &[Known] = &[
    Known {
        line: "only Garrison: component commons-io:commons-io:2.8.0",
        reason: "Velocity carries it inside, which Maven does not look into",
    },
    Known {
        line: "only Garrison: edge org.apache.velocity:velocity-engine-core:2.3 -> commons-io:commons-io:2.8.0",
        reason: "the `pom.xml` in the archive states it; the one that was published does not",
    },
    Known { line: "only the tool: edge org.postgresql:*", reason: NO_PROJECT },
];

/// A plugin of a version that understands `verbose`.
const TREE: &str = "org.apache.maven.plugins:maven-dependency-plugin:3.6.1:tree";
const COPY: &str = "org.apache.maven.plugins:maven-dependency-plugin:3.6.1:copy-dependencies";

fn make(place: &Path) -> Result<()> {
    let workshop = Workshop::open(place)?;
    build(&workshop, "orders", include_str!("java/orders.xml"), &[])?;
    let archive = "target/orders-1.4.2.jar";
    fs::copy(workshop.beside(&format!("orders/{archive}"))?, workshop.root("app/orders.jar")?)?;

    let folder = workshop.root("opt/reports/x")?.with_file_name("");
    let copy = format!("-DoutputDirectory={}", folder.display());
    build(&workshop, "reports", include_str!("java/reports.xml"), &[COPY, &copy, "-DincludeScope=runtime"])?;
    let archive = "reports-2.0.0-SNAPSHOT.jar";
    fs::copy(workshop.beside(&format!("reports/target/{archive}"))?, folder.join(archive))?;
    workshop.finish()
}

fn build(workshop: &Workshop, name: &str, project: &str, goals: &[&str]) -> Result<()> {
    let directory = workshop.beside(&format!("{name}/pom.xml"))?.with_file_name("");
    fs::write(directory.join("pom.xml"), project)?;
    let source = workshop.beside(&format!("{name}/src/main/java/org/example/Main.java"))?;
    fs::write(
        source,
        "package org.example;\n\npublic class Main {\n    public static void main(String[] arguments) {}\n}\n",
    )?;
    let maven = || {
        let mut maven = Command::new("mvn");
        maven.args(["--batch-mode", "--quiet"]).current_dir(&directory);
        maven
    };
    execute(maven().args(["-DskipTests", "package"]).args(goals))?;
    execute(maven().args([TREE, "-Dverbose", "-DoutputFile=tree.txt"]))?;
    workshop.record(&format!("mvn-tree-{name}.txt"), &fs::read_to_string(directory.join("tree.txt"))?)
}

fn label(component: &Component, below: &str) -> Option<String> {
    let Component { group, name, version, paths, .. } = component;
    paths.iter().any(|path| path.starts_with(below)).then(|| format!("{group}:{name}:{version}"))
}

/// A line of the tree.
struct Line<'a> {
    depth: usize,
    /// `group:artifact`.
    project: String,
    version: &'a str,
    is_test: bool,
    /// Whether another line has what is used of this project, at another place or of another version.
    is_omitted: bool,
}

fn read(tree: &str) -> Result<Graph> {
    let lines: Vec<Line<'_>> = tree.lines().map(line).collect::<Result<_>>()?;
    let used: BTreeMap<&str, &str> =
        lines.iter().filter(|line| !line.is_omitted).map(|line| (line.project.as_str(), line.version)).collect();
    // What a project needs stands below one of its lines alone, which may be one that only tests need.
    let mut needs: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    let mut path: Vec<&str> = Vec::new();
    for line in &lines {
        ensure!(line.depth <= path.len(), "`{}` is deeper than its parent's children", line.project);
        path.truncate(line.depth);
        let is_for_tests = line.is_test && line.depth == 1;
        if let Some(parent) = path.last().filter(|_| !is_for_tests) {
            needs.entry(parent).or_default().insert(&line.project);
        }
        path.push(&line.project);
    }
    let mut graph = Graph::default();
    let label = |project: &str| {
        let version = used.get(project).with_context(|| format!("no version of `{project}` is used"))?;
        anyhow::Ok(format!("{project}:{version}"))
    };
    let root = lines.first().context("the tree has a root")?;
    let (mut queue, mut reached) = (vec![root.project.as_str()], BTreeSet::from([root.project.as_str()]));
    while let Some(from) = queue.pop() {
        graph.component(label(from)?);
        for to in needs.get(from).into_iter().flatten() {
            graph.edge(label(from)?, label(to)?, Scope::Unsaid);
            if reached.insert(to) {
                queue.push(to);
            }
        }
    }
    Ok(graph)
}

/// Reads `|  +- (group:artifact:jar:classifier:version:scope - omitted for duplicate)`; the first line has no scope, most no classifier.
fn line(text: &str) -> Result<Line<'_>> {
    let start = text.find(|character: char| character.is_ascii_alphanumeric()).context("a line names a project")?;
    let depth = text[..start].trim_end_matches('(').len() / 3;
    let coordinates = text[start..].split([' ', ')']).next().unwrap_or_default();
    let parts: Vec<&str> = coordinates.split(':').collect();
    let (group, artifact, version, scope) = match parts[..] {
        [group, artifact, _, version] => (group, artifact, version, ""),
        [group, artifact, _, version, scope] | [group, artifact, _, _, version, scope] => {
            (group, artifact, version, scope)
        }
        _ => anyhow::bail!("`{text}` names no project"),
    };
    Ok(Line {
        depth,
        project: format!("{group}:{artifact}"),
        version,
        is_test: scope == "test",
        is_omitted: text.contains("omitted for "),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const TREE: &str = "\
org.example:app:jar:1
+- org.example:a:jar:1:compile
|  +- (org.example:b:jar:1:compile - omitted for conflict with 2)
|  \\- (org.example:c:jar:3:runtime - version managed from 2; omitted for duplicate)
+- org.example:b:jar:2:compile (optional)
\\- org.example:t:jar:4:test
   +- org.example:c:jar:linux:3:runtime (scope not updated)
   |  \\- org.example:d:jar:6:runtime
   \\- org.example:u:jar:5:test
";

    #[test]
    fn a_tree_is_what_is_packaged_in_the_version_that_won() {
        let graph = read(TREE).unwrap();
        let components: Vec<&str> = graph.components.iter().map(String::as_str).collect();
        assert_eq!(
            components,
            ["org.example:a:1", "org.example:app:1", "org.example:b:2", "org.example:c:3", "org.example:d:6"]
        );
        let edges: Vec<String> = graph.edges.unwrap().iter().map(|edge| format!("{} {}", edge.from, edge.to)).collect();
        assert_eq!(
            edges,
            [
                "org.example:a:1 org.example:b:2",
                "org.example:a:1 org.example:c:3",
                "org.example:app:1 org.example:a:1",
                "org.example:app:1 org.example:b:2",
                "org.example:c:3 org.example:d:6"
            ]
        );
        assert!(read("org.example:app").is_err());
        assert!(read("org.example:app:jar:1\n|  |  \\- org.example:a:jar:1:compile").is_err());
    }
}
