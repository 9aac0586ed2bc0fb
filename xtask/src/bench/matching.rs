//! `cargo xtask bench match`: the same packages held against the same advisories by Garrison, Grype, Trivy and osv-scanner.
//!
//! Every tool gets the same documents, written by Garrison from the images of `cargo xtask images` or made here, so that only
//! matching differs; and a database of one set of OSV records, each made by the tool's own builder.

mod advisories;
mod tools;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result, ensure};
use serde_json::{Value, json};

use self::advisories::Advisories;
use self::tools::{Cost, Found, TIME, TYPES, Tool};
use crate::images;
use crate::workspace::{Workspace, execute};

#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// Directory of the images [default: that of `cargo xtask images`]
    #[arg(long, value_name = "DIRECTORY")]
    directory: Option<PathBuf>,
    /// Binary to measure [default: the one that is built]
    #[arg(long, value_name = "FILE")]
    garrison: Option<PathBuf>,
    /// Packages at versions that the records' own bounds name
    #[arg(long, default_value_t = 4000)]
    edges: usize,
    /// Runs of each measurement, of which the fastest counts
    #[arg(long, default_value_t = 5)]
    runs: usize,
    /// Writes the report here
    #[arg(long)]
    report: Option<PathBuf>,
}

/// Components of the document whose matching is timed.
const TIMED: usize = 500;

/// Examples of each kind of difference that a report lists.
const EXAMPLES_MAX: usize = 12;

pub(crate) fn run(workspace: &Workspace, arguments: &Arguments) -> Result<()> {
    ensure!(Path::new(TIME).exists(), "`{TIME}` is not on this machine; `apt-get install time` brings it");
    let garrison = if let Some(program) = &arguments.garrison {
        program.clone()
    } else {
        execute(workspace.cargo().args(["build", "--release", "-p", "garrison"]))?;
        workspace.target_directory().join("release/garrison")
    };
    let advisories =
        Advisories::read()?.context("the advisories are not there; GARRISON_TEST_DATA says where they are")?;
    let workshop = tempfile::tempdir()?;
    let (tools, absent) = tools::make(&garrison, &advisories, workshop.path())?;
    let mut report = format!("{} records, {} tools\n", advisories.records.len(), tools.len());
    for line in absent {
        let _infallible = writeln!(report, "- {line}");
    }
    report.push_str(
        "\n| tool | making its database, wall s | processor s | memory MiB | database MiB |\n|---|---|---|---|---|\n",
    );
    for tool in &tools {
        let Cost { wall, processor_s, memory_mib } = tool.made;
        let mib = tool.database_bytes as f64 / f64::from(1 << 20);
        let _infallible = writeln!(
            report,
            "| {} | {:.2} | {processor_s:.2} | {memory_mib:.0} | {mib:.1} |",
            tool.name,
            wall.as_secs_f64()
        );
    }
    let inputs = inputs(&garrison, &advisories, arguments, workshop.path())?;
    report.push_str(&compared(&tools, &inputs, &advisories, workshop.path()));
    report.push_str(&timed(&tools, &inputs, &advisories, arguments.runs, workshop.path())?);
    println!("{report}");
    if let Some(path) = &arguments.report {
        fs::write(path, &report).with_context(|| format!("failed to write `{}`", path.display()))?;
    }
    Ok(())
}

/// A document, and what it is of.
struct Input {
    name: String,
    document: PathBuf,
    packages: usize,
}

fn inputs(garrison: &Path, advisories: &Advisories, arguments: &Arguments, workshop: &Path) -> Result<Vec<Input>> {
    let mut inputs = Vec::new();
    let directory = arguments.directory.clone().map_or_else(images::directory, Ok)?;
    for (name, image) in images::made(&directory) {
        let document = workshop.join(format!("{name}.cdx.json"));
        let mut command = Command::new(garrison);
        command.args(["sbom", "--quiet", "--no-cache", "-o"]).arg(format!("cyclonedx-json={}", document.display()));
        execute(command.arg(format!("oci:{}", image.display())).env("XDG_DATA_HOME", workshop.join("garrison")))?;
        let mut listed: Value = serde_json::from_slice(&fs::read(&document)?)?;
        // osv-scanner ends when a document lists a package of an ecosystem for which there is no zip.
        if let Some(components) = listed["components"].as_array_mut() {
            components.retain(|one| one["purl"].as_str().is_some_and(|purl| tools::package(purl).is_some()));
        }
        if let Some(fields) = listed.as_object_mut() {
            fields.remove("dependencies");
        }
        let packages = listed["components"].as_array().map_or(0, Vec::len);
        fs::write(&document, serde_json::to_vec(&listed)?)?;
        if packages > 0 {
            inputs.push(Input { name: format!("image {name}"), document, packages });
        }
    }
    let asked = asked()?;
    inputs.push(write_document("packages of recorded questions", &asked, workshop)?);
    let edges = spread(&advisories.edges(), arguments.edges);
    inputs.push(write_document("packages at the records' own bounds", &edges, workshop)?);
    Ok(inputs)
}

type Package = (String, String, String);

/// The packages of languages that a public API was asked about.
fn asked() -> Result<Vec<Package>> {
    let Some(bundle) = testkit::bundle("matching/osv-dev-query-oracle") else { return Ok(Vec::new()) };
    let text = fs::read_to_string(bundle.path().join("queries.jsonl"))?;
    let mut packages = BTreeSet::new();
    for line in text.lines() {
        let query: Value = serde_json::from_str(line)?;
        let package = &query["query"]["package"];
        let fields = [&package["ecosystem"], &package["name"], &query["query"]["version"]].map(Value::as_str);
        if let [Some(ecosystem), Some(name), Some(version)] = fields {
            packages.insert((ecosystem.to_owned(), name.to_owned(), version.to_owned()));
        }
    }
    Ok(packages.into_iter().collect())
}

/// So many of them, evenly.
fn spread(packages: &[Package], count: usize) -> Vec<Package> {
    let step = packages.len().div_ceil(count.max(1)).max(1);
    packages.iter().step_by(step).cloned().collect()
}

/// Writes a `CycloneDX` document of packages; those of other ecosystems are left out.
fn write_document(name: &str, packages: &[Package], workshop: &Path) -> Result<Input> {
    let mut components = Vec::new();
    for (ecosystem, package, version) in packages {
        let Some((ty, _)) = TYPES.iter().find(|(_, known)| known == ecosystem) else { continue };
        let path = match *ty {
            "maven" => package.replacen(':', "/", 1),
            "npm" => package.replacen('@', "%40", 1),
            "pypi" => advisories::canonical(ecosystem, package),
            _ => package.clone(),
        };
        let is_bare = *ty == "golang" && !matches!(package.as_str(), "stdlib" | "toolchain");
        let version = if is_bare { format!("v{}", version.trim_start_matches('v')) } else { version.clone() };
        let encoded = version.replace('%', "%25").replace('+', "%2B").replace('@', "%40").replace(' ', "%20");
        let purl = format!("pkg:{ty}/{path}@{encoded}");
        let mut component =
            json!({"type": "library", "bom-ref": purl, "name": package, "version": version, "purl": purl});
        if let (Some((group, artifact)), "maven") = (package.split_once(':'), *ty) {
            component["group"] = json!(group);
            component["name"] = json!(artifact);
        }
        components.push(component);
    }
    components.sort_by_key(|component| component["purl"].as_str().map(str::to_owned));
    components.dedup();
    let document = workshop.join(format!("{}.cdx.json", name.replace([' ', '\''], "-")));
    let count = components.len();
    let listed = json!({"bomFormat": "CycloneDX", "specVersion": "1.5", "version": 1, "components": components});
    fs::write(&document, serde_json::to_vec(&listed)?)?;
    Ok(Input { name: name.to_owned(), document, packages: count })
}

fn compared(tools: &[Tool], inputs: &[Input], advisories: &Advisories, workshop: &Path) -> String {
    let names: Vec<&str> = tools.iter().map(|tool| tool.name).collect();
    let mut text =
        format!("\n| input | packages | {} | all |\n|---|---|{}---|\n", names.join(" | "), "---|".repeat(names.len()));
    let mut differences: BTreeMap<String, BTreeMap<String, String>> = BTreeMap::new();
    for input in inputs {
        let mut answers: Vec<Result<Found>> = Vec::new();
        for tool in tools {
            answers.push(tool.scan(&input.document, workshop).and_then(|(_, answer)| tool.read(&answer, advisories)));
        }
        let all: Found = answers.iter().flatten().flatten().cloned().collect();
        let counts: Vec<String> = answers
            .iter()
            .map(|answer| match answer {
                Ok(found) => found.len().to_string(),
                Err(error) => format!("failed: {error:#}").replace('|', "/").replace('\n', " "),
            })
            .collect();
        let _infallible =
            writeln!(text, "| {} | {} | {} | {} |", input.name, input.packages, counts.join(" | "), all.len());
        for one in &all {
            let holds = |answer: &Result<Found>| answer.as_ref().is_ok_and(|found| found.contains(one));
            if answers.iter().all(holds) {
                continue;
            }
            let who: Vec<&str> =
                names.iter().zip(&answers).filter(|(_, answer)| holds(answer)).map(|(name, _)| *name).collect();
            let (ecosystem, name, version, id) = one;
            let told = advisories.told(id, ecosystem, name);
            differences
                .entry(format!("{ecosystem}: found by {} alone", who.join(", ")))
                .or_default()
                .insert(format!("{name} {version} {id}"), told);
        }
    }
    text.push_str("\nDifferences, with what the records say:\n\n");
    for (kind, all) in &differences {
        let _infallible = writeln!(text, "- {kind}: {}", all.len());
        let step = all.len().div_ceil(EXAMPLES_MAX).max(1);
        for (one, told) in all.iter().step_by(step) {
            let shown: String = told.chars().take(400).collect();
            let _infallible = writeln!(text, "  - {one}: {shown}");
        }
    }
    text
}

/// What documents take each tool: one of no package, which is what starting and opening takes; packages at the records' own
/// bounds, of which each has ten vulnerabilities; and the image with the most packages.
fn timed(tools: &[Tool], images: &[Input], advisories: &Advisories, runs: usize, workshop: &Path) -> Result<String> {
    let made = [
        write_document("no package", &[], workshop)?,
        write_document("packages at bounds", &spread(&advisories.edges(), TIMED), workshop)?,
    ];
    let largest = images.iter().filter(|input| input.name.starts_with("image ")).max_by_key(|input| input.packages);
    let mut text = String::from(
        "\n| input | packages | tool | wall ms | processor ms | memory MiB |\n|---|---|---|---|---|---|\n",
    );
    for input in made.iter().chain(largest) {
        for tool in tools {
            let mut fastest: Option<Cost> = None;
            for _ in 0..runs.max(1) {
                if let Ok((cost, _)) = tool.scan(&input.document, workshop) {
                    fastest = Some(fastest.map_or(cost, |known| if cost.wall < known.wall { cost } else { known }));
                }
            }
            let cost = match fastest {
                Some(Cost { wall, processor_s, memory_mib }) => {
                    format!("{:.1} | {:.0} | {memory_mib:.0}", wall.as_secs_f64() * 1e3, processor_s * 1e3)
                }
                None => "failed | | ".to_owned(),
            };
            let _infallible = writeln!(text, "| {} | {} | {} | {cost} |", input.name, input.packages, tool.name);
        }
    }
    Ok(text)
}
