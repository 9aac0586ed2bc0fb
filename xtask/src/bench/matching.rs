//! `cargo xtask bench match`: the same packages held against the same advisories by Garrison, Grype, Trivy and osv-scanner.
//!
//! Every tool gets the same documents, written by Garrison from the images of `cargo xtask images` or made here, so that only
//! matching differs; and a database of one set of OSV records, each made by the tool's own builder.

mod advisories;
mod labels;
mod tools;
mod ubuntu;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result, ensure};
use serde_json::{Value, json};

use self::advisories::Advisories;
use self::labels::Label;
use self::tools::{Cost, DISTRIBUTION, Found, Records, TIME, TYPES, Tool};
use self::ubuntu::Tracker;
use crate::images;
use crate::workspace::{Workspace, execute, output};

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
    /// Only people's labels
    #[arg(long)]
    only_labels: bool,
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
    let (tools, absent) = tools::make(&garrison, Records::Languages(&advisories), workshop.path())?;
    let mut report = format!("{} records, {} tools\n", advisories.records.len(), tools.len());
    report.push_str(&made(&tools, &absent));
    if !arguments.only_labels {
        let inputs = inputs(&garrison, &advisories, arguments, workshop.path())?;
        report.push_str(&compared(&tools, &inputs, &advisories, workshop.path()));
        report.push_str(&timed(&tools, &inputs, &advisories, arguments.runs, workshop.path())?);
        report.push_str(&costs(workspace, &tools, &inputs, &advisories, workshop.path())?);
    }
    report.push_str(&labelled(&tools, &advisories, workshop.path())?);
    report.push_str(&labelled_of_ubuntu(&garrison, &workshop.path().join("ubuntu"))?);
    println!("{report}");
    if let Some(path) = &arguments.report {
        fs::write(path, &report).with_context(|| format!("failed to write `{}`", path.display()))?;
    }
    Ok(())
}

/// What making each database took.
fn made(tools: &[Tool], absent: &[String]) -> String {
    let mut text = String::new();
    for line in absent {
        let _infallible = writeln!(text, "- {line}");
    }
    text.push_str(
        "\n| tool | making its database, wall s | processor s | memory MiB | database MiB |\n|---|---|---|---|---|\n",
    );
    for tool in tools {
        let Cost { wall, processor_s, memory_mib } = tool.made;
        let mib = tool.database_bytes as f64 / f64::from(1 << 20);
        let wall_s = wall.as_secs_f64();
        let _infallible =
            writeln!(text, "| {} | {wall_s:.2} | {processor_s:.2} | {memory_mib:.0} | {mib:.1} |", tool.name);
    }
    text
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
            answers.push(
                tool.scan(&input.document, workshop)
                    .and_then(|(_, answer)| tool.read(&answer, Records::Languages(advisories))),
            );
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

/// How right each tool is by people's labels of languages' packages.
fn labelled(tools: &[Tool], advisories: &Advisories, workshop: &Path) -> Result<String> {
    let labels = labels::of_languages(advisories)?;
    ensure!(!labels.is_empty(), "no label is of a package that the records speak of");
    let input = write_document("labelled packages", &labels::packages(&labels), workshop)?;
    let records = Records::Languages(advisories);
    let answer = |tool: &Tool| tool.scan(&input.document, workshop).and_then(|(_, answer)| tool.read(&answer, records));
    let answers: Vec<_> = tools.iter().map(|tool| (tool.name, answer(tool))).collect();
    Ok(labels::judged(&labels, &answers, |label| advisories.told(&label.id, &label.ecosystem, &label.name)))
}

/// The same of Ubuntu's packages, from its tracker; a document a release.
fn labelled_of_ubuntu(garrison: &Path, workshop: &Path) -> Result<String> {
    let Some(tracker) = Tracker::read(&labels::labelled()?)? else { return Ok(String::new()) };
    fs::create_dir_all(workshop)?;
    let records = Records::Ubuntu(&tracker);
    let (tools, absent) = tools::make(garrison, records, workshop)?;
    let labels = labels::of_ubuntu(&tracker)?;
    ensure!(!labels.is_empty(), "no label is of a package that Ubuntu's tracker speaks of");
    let mut answers: Vec<(&str, Result<Found>)> = tools.iter().map(|tool| (tool.name, Ok(Found::new()))).collect();
    let releases: BTreeSet<&str> = labels.iter().map(|label| label.ecosystem.as_str()).collect();
    for release in releases {
        let document = write_release(release, &labels, workshop)?;
        for (tool, (_, all)) in tools.iter().zip(&mut answers) {
            let answer = tool.scan(&document, workshop).and_then(|(_, answer)| tool.read(&answer, records));
            match (answer, all.as_mut()) {
                (Ok(found), Ok(all)) => {
                    let of_release = found.into_iter().filter(|(ecosystem, ..)| ecosystem == DISTRIBUTION);
                    all.extend(of_release.map(|(_, name, version, id)| (release.to_owned(), name, version, id)));
                }
                (Err(error), _) => *all = Err(error),
                (Ok(_), Err(_)) => {}
            }
        }
    }
    let mut text = format!("\n{} records of Ubuntu's tracker\n", tracker.len());
    text.push_str(&made(&tools, &absent));
    text.push_str(&labels::judged(&labels, &answers, |label| tracker.told(&label.ecosystem, &label.name, &label.id)));
    Ok(text)
}

/// Writes a document of a release's packages, each by the name of its source.
fn write_release(release: &str, labels: &[Label], workshop: &Path) -> Result<PathBuf> {
    let mut components =
        vec![json!({"type": "operating-system", "bom-ref": "os", "name": "ubuntu", "version": release})];
    for (_, name, version) in labels::packages(labels).iter().filter(|(ecosystem, ..)| ecosystem == release) {
        let encoded = version.replace('+', "%2B").replace(':', "%3A").replace('~', "%7E");
        let purl = format!("pkg:deb/ubuntu/{name}@{encoded}?arch=amd64&distro=ubuntu-{release}");
        components.push(json!({"type": "library", "bom-ref": purl, "name": name, "version": version, "purl": purl}));
    }
    let document = workshop.join(format!("ubuntu-{release}.cdx.json"));
    let listed = json!({"bomFormat": "CycloneDX", "specVersion": "1.5", "version": 1, "components": components});
    fs::write(&document, serde_json::to_vec(&listed)?)?;
    Ok(document)
}

/// What a scan is made of in Garrison, once its database is open.
fn costs(
    workspace: &Workspace,
    tools: &[Tool],
    images: &[Input],
    advisories: &Advisories,
    workshop: &Path,
) -> Result<String> {
    let example = ["run", "--quiet", "--release", "-p", "garrison-findings", "--example", "costs", "--"];
    let database = tools.iter().find_map(Tool::garrison_database).context("Garrison's database is not there")?;
    let made = write_document("packages at bounds", &spread(&advisories.edges(), TIMED), workshop)?;
    let largest = images.iter().filter(|input| input.name.starts_with("image ")).max_by_key(|input| input.packages);
    let mut text = "\nSteps of a scan by Garrison in one process, the fastest of several runs:\n".to_owned();
    for input in std::iter::once(&made).chain(largest) {
        let told = output(workspace.cargo().args(example).arg(&database).arg(&input.document))?;
        let _infallible = writeln!(text, "- {}", input.name);
        for line in told.lines() {
            let _infallible = writeln!(text, "  - {line}");
        }
    }
    Ok(text)
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
