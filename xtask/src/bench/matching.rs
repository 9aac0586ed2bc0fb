//! `cargo xtask bench match`: the same packages held against the same advisories by Garrison, Grype, Trivy and osv-scanner.
//!
//! Every tool gets the same documents, written by Garrison from the images of `cargo xtask images` or made here, so that only
//! matching differs; and a database of one set of OSV records, each made by the tool's own builder.

mod advisories;
mod distributions;
mod documents;
mod judgements;
mod labels;
mod made;
mod tools;
mod ubuntu;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result, ensure};
use serde_json::Value;

use self::advisories::Advisories;
use self::distributions::Distributions;
use self::documents::{Input, Installed, Package};
use self::judgements::{Difference, Judgement};
use self::labels::Label;
use self::made::{Made, QUESTIONS};
use self::tools::{Cost, Found, Records, TIME, Tool};
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
    /// Packages at versions that the records' own bounds name, of languages and of each distribution
    #[arg(long, default_value_t = 4000)]
    edges: usize,
    /// Runs of each measurement, of which the fastest counts
    #[arg(long, default_value_t = 5)]
    runs: usize,
    /// Examples of each kind of difference that the report lists
    #[arg(long, default_value_t = 6)]
    examples: usize,
    /// Nothing but this
    #[arg(long, value_name = "PART")]
    only: Option<Part>,
    /// Writes the report here
    #[arg(long)]
    report: Option<PathBuf>,
}

#[derive(Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Part {
    /// What the tools find in images and at the records' own bounds
    Differences,
    /// How right they are by people's labels
    Labels,
    /// Time and memory
    Costs,
}

/// Components of the document whose matching is timed.
const TIMED: usize = 500;

/// Of so many packages at bounds one of `AlmaLinux`'s is asked about: each has a hundred vulnerabilities, and Grype's builder takes
/// minutes for more.
const OF_ALMALINUX: usize = 40;

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
    let workshop = workshop.path();
    let is_wanted = |part: Part| arguments.only.is_none_or(|only| only == part);
    let mut report = String::new();
    let (mut unjudged, mut is_whole) = (0, true);
    if is_wanted(Part::Differences) || is_wanted(Part::Costs) {
        let inputs = inputs(&garrison, &advisories, arguments, workshop)?;
        let installed: Vec<Installed> = inputs.iter().flat_map(|input| input.installed.iter().cloned()).collect();
        let made_records = Made::new(&installed);
        let at_hand =
            distributions::read_osv("vulndb/osv-dev-sample")?.context("the sample of records is not there")?;
        let distributions = Distributions::new(at_hand.into_iter().chain(made_records.records.clone()), &installed);
        let records =
            Records { languages: Some(&advisories), distributions: Some(&distributions), ..Records::default() };
        let (tools, absent) = tools::make(&garrison, records, workshop)?;
        let _infallible = writeln!(
            report,
            "{} records of languages, {} of distributions, of which {} are made for the purpose; {} tools",
            advisories.records.len(),
            distributions.len(),
            made_records.records.len(),
            tools.len()
        );
        report.push_str(&made(&tools, &absent));
        is_whole = absent.is_empty();
        if is_wanted(Part::Differences) {
            let examples = arguments.examples;
            let set = Set { tools: &tools, records, inputs: &inputs, made: Some(&made_records), examples };
            unjudged += compared(&set, workshop, &mut report)?;
            for set in real(&inputs, arguments.edges)? {
                unjudged += compared_with(&garrison, set, examples, workshop, &mut report)?;
            }
        }
        if is_wanted(Part::Costs) {
            report.push_str(&timed(&tools, &inputs, &advisories, arguments.runs, workshop)?);
            report.push_str(&costs(workspace, &tools, &inputs, &advisories, workshop)?);
        }
    }
    if is_wanted(Part::Labels) {
        report.push_str(&labelled(&garrison, &advisories, &workshop.join("languages"))?);
        report.push_str(&labelled_of_ubuntu(&garrison, &workshop.join("ubuntu"))?);
        report.push_str(&labelled_of_distributions(&garrison, workshop)?);
    }
    println!("{report}");
    if let Some(path) = &arguments.report {
        fs::write(path, &report).with_context(|| format!("failed to write `{}`", path.display()))?;
    }
    // Who differs is part of what was judged, so that without a peer nothing is.
    ensure!(
        unjudged == 0 || !is_whole,
        "{unjudged} differences are not judged yet; `judgements.rs` has what decides the others"
    );
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

/// The documents of the images that are there, of recorded questions, and of packages at the records' own bounds.
fn inputs(garrison: &Path, advisories: &Advisories, arguments: &Arguments, workshop: &Path) -> Result<Vec<Input>> {
    let mut inputs = Vec::new();
    let directory = arguments.directory.clone().map_or_else(images::directory, Ok)?;
    for (name, image) in images::made(&directory) {
        let listed = workshop.join(format!("{name}.listed.json"));
        let mut command = Command::new(garrison);
        command.args(["sbom", "--quiet", "--no-cache", "-o"]).arg(format!("cyclonedx-json={}", listed.display()));
        execute(command.arg(format!("oci:{}", image.display())).env("XDG_DATA_HOME", workshop.join("garrison")))?;
        let listed: Value = serde_json::from_slice(&fs::read(&listed)?)?;
        let (mut languages, mut installed) = (Vec::new(), Vec::new());
        for component in listed["components"].as_array().into_iter().flatten() {
            let Some(purl) = component["purl"].as_str() else { continue };
            if let Some(one) = Installed::parse(purl) {
                installed.push(one);
            // osv-scanner ends when a document lists a package of an ecosystem for which there is no zip.
            } else if documents::of_language(purl).is_some() {
                languages.push(component.clone());
            }
        }
        if !languages.is_empty() || !installed.is_empty() {
            inputs.push(documents::write(&format!("image {name}"), &languages, installed, workshop)?);
        }
    }
    ensure!(!inputs.is_empty(), "no image is in `{}`; `cargo xtask images` makes them", directory.display());
    inputs.push(documents::write_languages("packages of recorded questions", &asked()?, workshop)?);
    let edges = spread(&advisories.edges(), arguments.edges);
    inputs.push(documents::write_languages("packages at the records' own bounds", &edges, workshop)?);
    for input in &inputs {
        ensure!(input.packages > 0, "`{}` has no package", input.name);
    }
    Ok(inputs)
}

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

/// One distribution's own records, and what is asked about each of its releases.
struct Real {
    name: &'static str,
    asked: Vec<(String, Vec<Installed>)>,
    records: Vec<Value>,
}

/// Returns the distributions whose records are at hand as a whole.
fn real(images: &[Input], edges: usize) -> Result<Vec<Real>> {
    let mut sets = Vec::new();
    let by_release = |name: &str, all: Vec<Installed>| {
        let mut releases: BTreeMap<String, Vec<Installed>> = BTreeMap::new();
        for one in all {
            releases.entry(format!("{name} {}", one.distribution.1)).or_default().push(one);
        }
        releases.into_iter().collect::<Vec<_>>()
    };
    if let Some(records) = distributions::read_osv("vulndb/almalinux-osv")? {
        let mut asked = by_release("bounds of AlmaLinux", Distributions::edges(&records, edges / OF_ALMALINUX));
        // The packages of the image of Rocky Linux 9 are the same builds, which `AlmaLinux` has too.
        for image in images {
            let mut rebuilt: Vec<Installed> =
                image.installed.iter().filter(|one| one.distribution.0 == "rocky").cloned().collect();
            for one in &mut rebuilt {
                "almalinux".clone_into(&mut one.distribution.0);
            }
            if !rebuilt.is_empty() {
                asked.push((format!("{} as if it were of AlmaLinux", image.name), rebuilt));
            }
        }
        sets.push(Real { name: "AlmaLinux", asked, records });
    }
    if let Some(records) = distributions::read_alpine()? {
        let asked = by_release("bounds of Alpine", Distributions::edges(&records, edges));
        sets.push(Real { name: "Alpine", asked, records });
    }
    Ok(sets)
}

fn compared_with(
    garrison: &Path,
    Real { name, asked, records: all }: Real,
    examples: usize,
    workshop: &Path,
    report: &mut String,
) -> Result<usize> {
    let workshop = workshop.join(name);
    fs::create_dir_all(&workshop)?;
    let installed: Vec<Installed> = asked.iter().flat_map(|(_, installed)| installed.iter().cloned()).collect();
    let distributions = Distributions::new(all, &installed);
    let records = Records { distributions: Some(&distributions), ..Records::default() };
    let (tools, absent) = tools::make(garrison, records, &workshop)?;
    let _infallible = writeln!(report, "\n{} records of {name}", distributions.len());
    report.push_str(&made(&tools, &absent));
    let mut inputs = Vec::new();
    for (name, installed) in asked {
        inputs.push(documents::write(&name, &[], installed, &workshop)?);
    }
    compared(&Set { tools: &tools, records, inputs: &inputs, made: None, examples }, &workshop, report)
}

/// Tools with databases of the same records, and what they are asked.
struct Set<'a> {
    tools: &'a [Tool],
    records: Records<'a>,
    inputs: &'a [Input],
    made: Option<&'a Made>,
    /// How many examples of each kind of difference are listed.
    examples: usize,
}

/// Writes what each tool finds, and the differences with what decides them. Returns how many are not judged.
fn compared(set: &Set<'_>, workshop: &Path, report: &mut String) -> Result<usize> {
    let names: Vec<&'static str> = set.tools.iter().map(|tool| tool.name).collect();
    let columns = names.join(" | ");
    let _infallible =
        writeln!(report, "\n| input | packages | {columns} | all |\n|---|---|{}---|", "---|".repeat(names.len()));
    let mut differences = BTreeMap::new();
    let mut questions = Questions::default();
    let mut total = 0;
    for input in set.inputs {
        let mut answers: Vec<Option<Result<Found>>> = Vec::new();
        for tool in set.tools {
            let ask = || tool.scan(input, workshop).and_then(|(_, answer)| tool.read(&answer, set.records, input));
            answers.push(tool.can_be_asked(input).then(ask));
        }
        let all: Found = answers.iter().flatten().flatten().flatten().cloned().collect();
        total += all.len();
        let count = |answer: &Option<Result<Found>>| match answer {
            Some(Ok(found)) => found.len().to_string(),
            Some(Err(error)) => format!("failed: {error:#}").replace('|', "/").replace('\n', " "),
            None => "not asked".to_owned(),
        };
        let counts: Vec<String> = answers.iter().map(count).collect();
        let _infallible =
            writeln!(report, "| {} | {} | {} | {} |", input.name, input.packages, counts.join(" | "), all.len());
        let by = |one: &(String, String, String, String)| -> Vec<&'static str> {
            let holds = |answer: &Option<Result<Found>>| matches!(answer, Some(Ok(found)) if found.contains(one));
            names.iter().zip(&answers).filter(|(_, answer)| holds(answer)).map(|(name, _)| *name).collect()
        };
        for one in &all {
            let by = by(one);
            if by.len() < set.tools.iter().filter(|tool| tool.reads(&one.0)).count() {
                let difference = set.difference(input, one, by);
                differences.insert((one.clone(), difference.by.clone()), difference);
            }
        }
        if let Some(made) = set.made {
            questions.add(made, input, set.tools, |one| by(one));
        }
    }
    ensure!(total > 0, "no tool found anything");
    if set.made.is_some() {
        report.push_str(&questions.report(&names)?);
    }
    Ok(judged(differences.into_values(), set.examples, report))
}

impl Set<'_> {
    fn difference(
        &self,
        input: &Input,
        (ecosystem, name, version, id): &(String, String, String, String),
        by: Vec<&'static str>,
    ) -> Difference {
        let installed =
            input.installed.iter().find(|one| one.package() == (ecosystem.clone(), name.clone(), version.clone()));
        let said = self.records.languages.map_or_else(Vec::new, |advisories| advisories.said(id, ecosystem, name));
        let told = match (installed, self.records.distributions) {
            (Some(installed), Some(distributions)) => distributions.told(installed, id),
            _ => said.iter().map(ToString::to_string).collect::<Vec<_>>().join(" | "),
        };
        let spelled = input.spelled.get(&(ecosystem.clone(), name.clone(), version.clone())).cloned();
        let built_for = installed.zip(self.records.distributions).map(|(installed, set)| set.built_for(installed));
        let question = installed.zip(self.made).and_then(|(installed, made)| made.question(installed, id));
        Difference {
            ecosystem: ecosystem.clone(),
            name: name.clone(),
            version: version.clone(),
            id: id.clone(),
            by,
            spelled: spelled.unwrap_or_default(),
            built_for: built_for.unwrap_or_default(),
            said,
            question,
            told,
        }
    }
}

/// How often each tool answers each question of the records that were made otherwise than they were made.
#[derive(Default)]
struct Questions {
    asked: BTreeMap<(made::Question, &'static str), usize>,
    wrong: BTreeMap<(made::Question, &'static str), usize>,
}

impl Questions {
    fn add(
        &mut self,
        made: &Made,
        input: &Input,
        tools: &[Tool],
        by: impl Fn(&(String, String, String, String)) -> Vec<&'static str>,
    ) {
        for installed in &input.installed {
            for ((ecosystem, name, version), id, question, is_affected) in made.questions(installed) {
                let readers: Vec<&str> =
                    tools.iter().filter(|tool| tool.reads(&ecosystem)).map(|tool| tool.name).collect();
                let by = by(&(ecosystem, name, version, id.to_owned()));
                for tool in tools.iter().filter(|tool| readers.contains(&tool.name)) {
                    *self.asked.entry((question, tool.name)).or_default() += 1;
                    *self.wrong.entry((question, tool.name)).or_default() +=
                        usize::from(by.contains(&tool.name) != is_affected);
                }
            }
        }
    }

    fn report(&self, tools: &[&str]) -> Result<String> {
        let mut text = format!(
            "\nRecords made for the purpose: answers that are otherwise than they say, of how many that were asked:\n\n| the record | affected | {} |\n|---|---|{}\n",
            tools.join(" | "),
            "---|".repeat(tools.len())
        );
        for (question, words, is_affected) in QUESTIONS {
            let count = |counts: &BTreeMap<(made::Question, &'static str), usize>, tool: &str| {
                counts
                    .iter()
                    .find(|((known, name), _)| known == question && *name == tool)
                    .map_or(0, |(_, count)| *count)
            };
            let wrong: Vec<String> = tools
                .iter()
                .map(|tool| format!("{} of {}", count(&self.wrong, tool), count(&self.asked, tool)))
                .collect();
            ensure!(tools.iter().any(|tool| count(&self.asked, tool) > 0), "no package was asked of records `{words}`");
            let affected = if *is_affected { "yes" } else { "no" };
            let _infallible = writeln!(text, "| {words} | {affected} | {} |", wrong.join(" | "));
        }
        Ok(text)
    }
}

/// Writes the differences by what decides them. Returns how many nothing decides yet.
fn judged(differences: impl Iterator<Item = Difference>, examples: usize, report: &mut String) -> usize {
    let mut judged: BTreeMap<(String, String, &str, &str), Vec<Difference>> = BTreeMap::new();
    let mut unjudged = Vec::new();
    for difference in differences {
        let Some(Judgement { is_affected, reason }) = judgements::judge(&difference) else {
            unjudged.push(difference);
            continue;
        };
        let affected = match is_affected {
            Some(true) => "yes",
            Some(false) => "no",
            None => "not told",
        };
        let key = (difference.ecosystem.clone(), difference.by.join(", "), affected, reason);
        judged.entry(key).or_default().push(difference);
    }
    let count: usize = judged.values().map(Vec::len).sum();
    let _infallible = writeln!(
        report,
        "\n{count} differences are judged, {} are not:\n\n| ecosystem | found by | how many | affected | what decides |\n|---|---|---|---|---|",
        unjudged.len()
    );
    for ((ecosystem, by, affected, reason), all) in &judged {
        let _infallible = writeln!(report, "| {ecosystem} | {by} | {} | {affected} | {reason} |", all.len());
    }
    report.push('\n');
    for ((ecosystem, by, ..), all) in &judged {
        let _infallible = writeln!(report, "- {ecosystem}, found by {by}: {}", all.len());
        let step = all.len().div_ceil(examples.max(1)).max(1);
        for one in all.iter().step_by(step) {
            list(one, report);
        }
    }
    if !unjudged.is_empty() {
        report.push_str("- not judged:\n");
        for one in &unjudged {
            list(one, report);
        }
    }
    unjudged.len()
}

fn list(Difference { ecosystem, name, version, id, by, told, .. }: &Difference, report: &mut String) {
    let told: String = told.chars().take(400).collect();
    let _infallible = writeln!(report, "  - {ecosystem} {name} {version} {id} by {}: {told}", by.join(", "));
}

/// How right each tool is by people's labels of languages' packages.
fn labelled(garrison: &Path, advisories: &Advisories, workshop: &Path) -> Result<String> {
    fs::create_dir_all(workshop)?;
    let labels = labels::of_languages(advisories)?;
    ensure!(!labels.is_empty(), "no label is of a package that the records speak of");
    let records = Records { languages: Some(advisories), ..Records::default() };
    let (tools, absent) = tools::make(garrison, records, workshop)?;
    let input = documents::write_languages("labelled packages", &labels::packages(&labels), workshop)?;
    let answer = |tool: &Tool| tool.scan(&input, workshop).and_then(|(_, answer)| tool.read(&answer, records, &input));
    let answers: Vec<_> = tools.iter().map(|tool| (tool.name, answer(tool))).collect();
    let mut text = format!("\n{} records of languages\n", advisories.records.len());
    text.push_str(&made(&tools, &absent));
    let told = |label: &Label| {
        let said = advisories.said(&label.id, &label.ecosystem, &label.name);
        said.iter().map(ToString::to_string).collect::<Vec<_>>().join(" | ")
    };
    text.push_str(&labels::judged(&labels, &answers, |_| false, told));
    Ok(text)
}

/// The same of Ubuntu's packages, from its tracker; a document a release.
fn labelled_of_ubuntu(garrison: &Path, workshop: &Path) -> Result<String> {
    let Some(tracker) = Tracker::read(&labels::labelled()?)? else { return Ok(String::new()) };
    let labels = labels::of_ubuntu(&tracker)?;
    let records = Records { ubuntu: Some(&tracker), ..Records::default() };
    let installed =
        |release: &str, name: &str, version: &str| Installed::alone("deb", ("ubuntu", release), name, version);
    let told = |label: &Label| tracker.told(&label.ecosystem, &label.name, &label.id);
    let is_denied = |label: &Label| tracker.denies(&label.ecosystem, &label.name, &label.id);
    let head = format!("\n{} records of Ubuntu's tracker\n", tracker.len());
    labelled_by_release(garrison, records, &labels, workshop, installed, (is_denied, told)).map(|text| head + &text)
}

/// The same of Alpine's packages, and of builds for Enterprise Linux by `AlmaLinux`'s records.
fn labelled_of_distributions(garrison: &Path, workshop: &Path) -> Result<String> {
    let mut text = String::new();
    if let Some(all) = distributions::read_alpine()? {
        let labels = labels::of_alpine(&all)?;
        text.push_str(&labelled_of(garrison, "Alpine", ("apk", "alpine"), all, &labels, &workshop.join("alpine"))?);
    }
    if let Some(all) = distributions::read_osv("vulndb/almalinux-osv")? {
        let (own, of_modules) = labels::of_enterprise(&all)?;
        let kind = ("rpm", "almalinux");
        let others = "AlmaLinux, of builds of no module of which only a module's errata speak";
        text.push_str(&labelled_of(garrison, others, kind, all.clone(), &of_modules, &workshop.join("modules"))?);
        let name = "AlmaLinux, of builds for Enterprise Linux";
        text.push_str(&labelled_of(garrison, name, kind, all, &own, &workshop.join("almalinux"))?);
    }
    text.push_str("\nLabels of distributions of which no records are at hand:\n\n");
    for (whose, count) in labels::elsewhere()? {
        let _infallible = writeln!(text, "- {whose}: {count}");
    }
    Ok(text)
}

fn labelled_of(
    garrison: &Path,
    name: &str,
    (ty, id): (&str, &str),
    all: Vec<Value>,
    labels: &[Label],
    workshop: &Path,
) -> Result<String> {
    let installed = |release: &str, name: &str, version: &str| Installed::alone(ty, (id, release), name, version);
    let packages = labels::packages(labels);
    let all_installed: Vec<Installed> =
        packages.iter().map(|(release, name, version)| installed(release, name, version)).collect();
    let distributions = Distributions::new(all, &all_installed);
    let records = Records { distributions: Some(&distributions), ..Records::default() };
    let told = |label: &Label| distributions.told(&installed(&label.ecosystem, &label.name, &label.version), &label.id);
    let head = format!("\n{} records of {name}\n", distributions.len());
    labelled_by_release(garrison, records, labels, workshop, installed, (|_: &Label| false, told))
        .map(|text| head + &text)
}

/// How right each tool is by labels of a distribution's packages; a document a release.
fn labelled_by_release(
    garrison: &Path,
    records: Records<'_>,
    labels: &[Label],
    workshop: &Path,
    installed: impl Fn(&str, &str, &str) -> Installed,
    (is_denied, told): (impl Fn(&Label) -> bool, impl Fn(&Label) -> String),
) -> Result<String> {
    ensure!(!labels.is_empty(), "no label is of a package that the distribution's records speak of");
    fs::create_dir_all(workshop)?;
    let (tools, absent) = tools::make(garrison, records, workshop)?;
    // What takes no package of this kind from a document is left out.
    let ty = installed("", "", "").ty;
    let tools: Vec<Tool> = tools.into_iter().filter(|tool| tool.reads(&ty)).collect();
    let mut answers: Vec<(&str, Result<Found>)> = tools.iter().map(|tool| (tool.name, Ok(Found::new()))).collect();
    let mut releases: BTreeMap<String, Vec<Installed>> = BTreeMap::new();
    for (release, name, version) in labels::packages(labels) {
        let one = installed(&release, &name, &version);
        releases.entry(release).or_default().push(one);
    }
    for (release, packages) in releases {
        let input = documents::write(&format!("labelled {release}"), &[], packages, workshop)?;
        for (tool, (_, all)) in tools.iter().zip(&mut answers) {
            let answer = tool.scan(&input, workshop).and_then(|(_, answer)| tool.read(&answer, records, &input));
            match (answer, all.as_mut()) {
                (Ok(found), Ok(all)) => {
                    all.extend(found.into_iter().map(|(_, name, version, id)| (release.clone(), name, version, id)));
                }
                (Err(error), _) => *all = Err(error),
                (Ok(_), Err(_)) => {}
            }
        }
    }
    Ok(made(&tools, &absent) + &labels::judged(labels, &answers, is_denied, told))
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
    let made = documents::write_languages("packages at bounds", &spread(&advisories.edges(), TIMED), workshop)?;
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
        documents::write_languages("no package", &[], workshop)?,
        documents::write_languages("packages at bounds", &spread(&advisories.edges(), TIMED), workshop)?,
    ];
    let largest = images.iter().filter(|input| input.name.starts_with("image ")).max_by_key(|input| input.packages);
    let mut text = String::from(
        "\n| input | packages | tool | wall ms | processor ms | memory MiB |\n|---|---|---|---|---|---|\n",
    );
    for input in made.iter().chain(largest) {
        for tool in tools {
            let mut fastest: Option<Cost> = None;
            for _ in 0..runs.max(1) {
                if let Ok((cost, _)) = tool.scan(input, workshop) {
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
